// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarketViews} from "../interfaces/IMarketViews.sol";
import {IVerifierFactory} from "../interfaces/IVerifierFactory.sol";
import {Funds} from "../libraries/Funds.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {IAccuracyVerifier} from "./interfaces/IAccuracyVerifier.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IRoundingVerifier} from "./interfaces/IRoundingVerifier.sol";
import {FinitePoint} from "./libraries/FinitePoint.sol";
import {Lineages} from "./libraries/Lineages.sol";
import {ListingRecords} from "./libraries/ListingRecords.sol";
import {
    Lineage,
    LineageStatement,
    ListingTerms,
    ListingView,
    Parent,
    Quote,
    Score,
    SetView
} from "./types/Listings.sol";
import {AccuracyProof, RoundingProof} from "./types/ModelProofs.sol";

/// @title Registry of models
/// @notice See `IModelRegistry`.
///
/// An opening of C_M at alpha tells one number, the model's polynomial there. Of the 129 uniform coefficients of its tail any 128
/// numbers at different points, with the commitment itself, leave one free: they look the same for every model. So openings are
/// counted by commitment, over all listings that it is in, and the 129th is refused. They are counted apart for each seller. Others can
/// list a foreign commitment and have openings of it counted without knowing what it opens to: under a verifier of a key that they made,
/// or by lineages from a start that they made up. In a listing of the seller's only proofs under the verifier count that the seller
/// chose, and only the seller tells a lineage. A seller with two accounts has two counters, and harms its own model alone.
/// @dev Verifiers and the market are only read, by static calls: nothing can be entered again from them.
contract ModelRegistry is IModelRegistry {
    using ListingRecords for address;
    using ListingRecords for bytes;

    bytes32 private constant SET_TAG = keccak256("gradroll/v1/set");
    bytes32 private constant LISTING_TAG = keccak256("gradroll/v1/listing");
    uint256 private constant ACCURACY = 0;
    uint256 private constant ROUNDING = 1;
    uint256 private constant MAX_GROUPS = 64;
    uint256 private constant MAX_SAMPLES = 2 ** 20;
    uint256 private constant MAX_OPENINGS = 128;
    uint256 private constant MAX_PARENTS = 4;
    uint256 private constant MAX_ROYALTIES = 5000;
    /// @dev A lock's deadline lies at most 30 days ahead (`ModelSales`), and an offer is signed before it is locked: the rest of the
    /// 30 days is the buyer's to look at it.
    uint256 private constant MAX_REVEAL_WINDOW = 14 days;

    /// @dev A set; `creator` is never zero once it is there.
    struct SetState {
        address creator;
        uint8 groups;
        uint64 registered;
        bytes32 manifest;
        mapping(uint256 group => bytes32) hashes;
    }

    /// @dev A listing. `record` is where its terms are (`ListingRecords`), never zero once it is there; `counted` is the number of
    /// bits of `proven`, beside which it is so that a price needs one word.
    struct ListingState {
        address record;
        bool closed;
        uint8 counted;
        uint32 correct;
        uint32 samples;
        uint64 proven;
        Lineage lineage;
    }

    /// @inheritdoc IModelRegistry
    IVerifierFactory public immutable factory;
    /// @inheritdoc IModelRegistry
    IMarketViews public immutable market;
    /// @inheritdoc IModelRegistry
    bytes32 public immutable deployment;

    mapping(bytes32 set => SetState) private _sets;
    mapping(bytes32 listing => ListingState) private _listings;
    mapping(bytes32 sellerAndModel => uint256) private _openings;

    /// @param factory_ Factory of accuracy (family 0) and rounding verifiers (family 1).
    /// @param market_ Gradient market that lineages are in.
    constructor(IVerifierFactory factory_, IMarketViews market_) {
        (factory, market) = (factory_, market_);
        deployment = TypedData.newDeployment();
    }

    /// @inheritdoc IModelRegistry
    function createSet(bytes32 salt, uint32 groups, bytes32 manifest) external returns (bytes32 created) {
        if (groups == 0 || groups > MAX_GROUPS) revert GroupCountInvalid(groups);
        created = keccak256(abi.encode(SET_TAG, deployment, msg.sender, salt, groups, manifest));
        SetState storage state = _sets[created];
        if (state.creator != address(0)) revert SetExists(created);
        (state.creator, state.groups, state.manifest) = (msg.sender, uint8(groups), manifest);
        emit SetCreated(created, msg.sender, groups, manifest);
    }

    /// @inheritdoc IModelRegistry
    function registerGroup(bytes32 set_, uint256 group_, bytes32 groupHash) external {
        SetState storage state = _group(set_, group_);
        if (state.creator != msg.sender) revert NotSetCreator(set_, msg.sender);
        if (groupHash == 0) revert GroupHashInvalid();
        if (state.hashes[group_] != 0) revert GroupRegistered(set_, group_);
        state.hashes[group_] = groupHash;
        state.registered |= _bit(group_);
        emit GroupAdded(set_, group_, groupHash);
    }

    /// @inheritdoc IModelRegistry
    function list(ListingTerms calldata terms, uint256[2] calldata model, uint256 nonce)
        external
        returns (bytes32 created)
    {
        _requireTerms(terms);
        if (!FinitePoint.isOne(model[0], model[1])) revert CommitmentInvalid(model[0], model[1]);
        bytes32 termsHash = keccak256(abi.encode(terms));
        created = keccak256(abi.encode(LISTING_TAG, deployment, msg.sender, nonce, termsHash, model));
        ListingState storage state = _listings[created];
        if (state.record != address(0)) revert ListingExists(created);
        state.record = ListingRecords.write(msg.sender, terms, model, _sellersOf(terms.parents));
        emit Listed(created, msg.sender, terms.set, nonce, terms, model);
    }

    /// @inheritdoc IModelRegistry
    function unlist(bytes32 listing_) external {
        ListingState storage state = _listing(listing_);
        if (state.record.sellerAt() != msg.sender) revert NotSeller(listing_, msg.sender);
        if (state.closed) revert ListingClosed(listing_);
        state.closed = true;
        emit Unlisted(listing_);
    }

    /// @inheritdoc IModelRegistry
    function prove(
        bytes32 listing_,
        uint256 group_,
        uint256 samples,
        uint256[2][] calldata data,
        AccuracyProof calldata proof
    ) external {
        ListingState storage state = _listing(listing_);
        bytes memory record = state.record.read();
        _requireGroup(record.setOf(), group_, samples, data);
        if (state.proven & _bit(group_) != 0) revert AlreadyProven(listing_, group_);
        uint256[2] memory model = record.modelOf();
        address verifier = record.verifierOf();
        uint256 opened = _countOpening(record.sellerOf(), model);
        uint256 correct = IAccuracyVerifier(verifier).verify(listing_, model, data, proof);
        if (correct > samples) revert CorrectExceedsSamples(correct, samples);
        state.proven |= _bit(group_);
        ++state.counted;
        state.correct += uint32(correct);
        state.samples += uint32(samples);
        emit Proven(listing_, group_, correct, samples, opened);
    }

    /// @inheritdoc IModelRegistry
    function proveLineage(
        bytes32 listing_,
        address verifier,
        LineageStatement calldata statement,
        RoundingProof calldata proof
    ) external {
        ListingState storage state = _listing(listing_);
        if (state.lineage.statementHash != 0) revert LineageExists(listing_);
        bytes memory record = state.record.read();
        // Under a key of its own a stranger would prove any, which kept the true one out.
        if (record.sellerOf() != msg.sender) revert NotSeller(listing_, msg.sender);
        _requireFamily(verifier, ROUNDING);
        uint256[2] memory model = record.modelOf();
        uint256 opened = _countOpening(msg.sender, model);
        bytes32 statementHash = Lineages.hash(market, statement);
        uint256[2] memory point = Lineages.difference(market, model, statement);
        IRoundingVerifier(verifier).verify(listing_, statementHash, point, proof);
        state.lineage = Lineage(statementHash, verifier);
        emit LineageProven(listing_, statementHash, verifier, statement, opened);
    }

    /// @inheritdoc IModelRegistry
    function listing(bytes32 listing_) external view returns (ListingView memory) {
        ListingState storage state = _listing(listing_);
        bytes memory record = state.record.read();
        return ListingView(record.sellerOf(), state.closed, record.modelOf(), record.termsOf());
    }

    /// @inheritdoc IModelRegistry
    function set(bytes32 set_) external view returns (SetView memory) {
        SetState storage state = _set(set_);
        return SetView(state.creator, state.groups, state.registered, _isComplete(state), state.manifest);
    }

    /// @inheritdoc IModelRegistry
    function group(bytes32 set_, uint256 group_) external view returns (bytes32 groupHash) {
        return _group(set_, group_).hashes[group_];
    }

    /// @inheritdoc IModelRegistry
    function score(bytes32 listing_) external view returns (Score memory) {
        ListingState storage state = _listing(listing_);
        bool complete = state.counted == _sets[state.record.read().setOf()].groups;
        return Score(state.proven, state.correct, state.samples, complete);
    }

    /// @inheritdoc IModelRegistry
    function price(bytes32 listing_) external view returns (uint256) {
        ListingState storage state = _listing(listing_);
        return _price(listing_, state, state.record.read());
    }

    /// @inheritdoc IModelRegistry
    function quote(bytes32 listing_) external view returns (Quote memory) {
        ListingState storage state = _listing(listing_);
        if (state.closed) revert ListingClosed(listing_);
        bytes memory record = state.record.read();
        ListingTerms memory terms = record.termsOf();
        return Quote({
            seller: record.sellerOf(),
            token: terms.token,
            price: _price(listing_, state, record),
            bond: terms.bond,
            revealWindow: terms.revealWindow,
            royalties: record.royaltiesOf()
        });
    }

    /// @inheritdoc IModelRegistry
    function openings(address seller, uint256[2] calldata model) external view returns (uint256) {
        return _openings[keccak256(abi.encode(seller, model))];
    }

    /// @inheritdoc IModelRegistry
    function lineage(bytes32 listing_) external view returns (Lineage memory) {
        return _listing(listing_).lineage;
    }

    /// @inheritdoc IModelRegistry
    function difference(bytes32 listing_, LineageStatement calldata statement)
        external
        view
        returns (uint256[2] memory)
    {
        return Lineages.difference(market, _listing(listing_).record.read().modelOf(), statement);
    }

    /// @inheritdoc IModelRegistry
    function lineageHash(LineageStatement calldata statement) external view returns (bytes32) {
        return Lineages.hash(market, statement);
    }

    /// @dev Takes one of the openings that are left of a commitment in a seller's listings.
    function _countOpening(address seller, uint256[2] memory model) private returns (uint256 opened) {
        bytes32 id = keccak256(abi.encode(seller, model));
        opened = _openings[id] + 1;
        if (opened > MAX_OPENINGS) revert OpeningsExhausted(model[0], model[1]);
        _openings[id] = opened;
    }

    function _requireTerms(ListingTerms calldata terms) private view {
        _requireFamily(terms.verifier, ACCURACY);
        _set(terms.set);
        if (terms.token != address(0) && !Funds.isToken(terms.token)) revert ListingTermsInvalid("token");
        if (terms.revealWindow == 0 || terms.revealWindow > MAX_REVEAL_WINDOW) {
            revert ListingTermsInvalid("revealWindow");
        }
        uint256 shares = 0;
        for (uint256 i = 0; i < terms.parents.length; ++i) {
            shares += terms.parents[i].share;
            if (i == MAX_PARENTS || terms.parents[i].share == 0) revert ListingTermsInvalid("parents");
            for (uint256 j = 0; j < i; ++j) {
                if (terms.parents[j].listing == terms.parents[i].listing) revert ListingTermsInvalid("parents");
            }
        }
        if (shares > MAX_ROYALTIES) revert ListingTermsInvalid("parents");
    }

    /// @dev Sellers of listings that are there.
    function _sellersOf(Parent[] calldata parents) private view returns (address[] memory sellers) {
        sellers = new address[](parents.length);
        for (uint256 i = 0; i < parents.length; ++i) {
            sellers[i] = _listing(parents[i].listing).record.sellerAt();
        }
    }

    /// @dev Reverts with the factory's `VerifierUnknown` for a contract that it did not make.
    function _requireFamily(address verifier, uint256 wanted) private view {
        uint256 family = factory.familyOf(verifier);
        if (family != wanted) revert VerifierFamilyInvalid(verifier, family);
    }

    function _requireGroup(bytes32 set_, uint256 group_, uint256 samples, uint256[2][] calldata data) private view {
        bytes32 expected = _group(set_, group_).hashes[group_];
        if (expected == 0) revert GroupUnknown(set_, group_);
        if (samples == 0 || samples > MAX_SAMPLES) revert SamplesOutOfRange(samples);
        bytes32 computed = keccak256(abi.encodePacked(samples, _wordsOf(data)));
        if (computed != expected) revert GroupMismatch(set_, group_, computed);
    }

    /// @dev Coordinates one behind the other.
    function _wordsOf(uint256[2][] calldata data) private pure returns (bytes memory packed) {
        packed = new bytes(data.length * 64);
        assembly ("memory-safe") {
            calldatacopy(add(packed, 0x20), data.offset, mload(packed))
        }
    }

    function _price(bytes32 listing_, ListingState storage state, bytes memory record) private view returns (uint256) {
        ListingTerms memory terms = record.termsOf();
        if (state.counted != _sets[terms.set].groups) revert NotFullyProven(listing_);
        uint256 correct = state.correct;
        return terms.base + terms.step * (correct > terms.floor ? correct - terms.floor : 0);
    }

    function _listing(bytes32 listing_) private view returns (ListingState storage state) {
        state = _listings[listing_];
        if (state.record == address(0)) revert ListingUnknown(listing_);
    }

    function _set(bytes32 set_) private view returns (SetState storage state) {
        state = _sets[set_];
        if (state.creator == address(0)) revert SetUnknown(set_);
    }

    function _group(bytes32 set_, uint256 group_) private view returns (SetState storage state) {
        state = _set(set_);
        if (group_ >= state.groups) revert GroupOutOfRange(set_, group_);
    }

    function _isComplete(SetState storage state) private view returns (bool) {
        uint256 all = (1 << uint256(state.groups)) - 1;
        return state.registered == all;
    }

    function _bit(uint256 group_) private pure returns (uint64) {
        return uint64(1 << group_);
    }
}
