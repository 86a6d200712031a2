// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarketViews} from "../../interfaces/IMarketViews.sol";
import {IVerifierFactory} from "../../interfaces/IVerifierFactory.sol";
import {Lineage, LineageStatement, ListingTerms, ListingView, Quote, Score, SetView} from "../types/Listings.sol";
import {AccuracyProof, RoundingProof} from "../types/ModelProofs.sol";

/// @title Registry of models: sets of data, listings, what was proven of them
/// @notice A seller lists a committed model; proofs count what it classifies right on the groups of a set; the price follows from
/// that by a rule that was fixed at listing. No money is here. Nobody owns the registry, and nothing in it is ever undone.
///
/// Identifiers are hashes of everything that stands behind them when they are made (this deployment, who made them, terms), so that
/// no branch of the chain has another thing under one of them. The groups of a set come later and are not in its identifier; a
/// proof binds the data that it is about.
interface IModelRegistry {
    /// @notice A set has 1 to 64 groups.
    error GroupCountInvalid(uint256 groups);
    /// @notice The creator made this very set before; take another salt.
    error SetExists(bytes32 set);
    /// @notice No set has this identifier.
    error SetUnknown(bytes32 set);
    /// @notice Only the creator of the set registers its groups.
    error NotSetCreator(bytes32 set, address caller);
    /// @notice The set has no group of this number.
    error GroupOutOfRange(bytes32 set, uint256 group);
    /// @notice The group is registered; it stays what it is.
    error GroupRegistered(bytes32 set, uint256 group);
    /// @notice The group is not registered yet.
    error GroupUnknown(bytes32 set, uint256 group);
    /// @notice A group's hash is not zero.
    error GroupHashInvalid();
    /// @notice Samples and commitments are not those of the group.
    error GroupMismatch(bytes32 set, uint256 group, bytes32 computed);
    /// @notice A group has 1 to 2^20 samples.
    error SamplesOutOfRange(uint256 samples);

    /// @notice The named term is out of range.
    error ListingTermsInvalid(string term);
    /// @notice The verifier is of another family than is needed: accuracy is 0, rounding is 1.
    error VerifierFamilyInvalid(address verifier, uint256 family);
    /// @notice C_M, or the start of a lineage, is no point of the curve, or infinity.
    error CommitmentInvalid(uint256 x, uint256 y);
    /// @notice The seller listed this model under these terms and this nonce before.
    error ListingExists(bytes32 listing);
    /// @notice No listing has this identifier.
    error ListingUnknown(bytes32 listing);
    /// @notice Only the seller of the listing may do this.
    error NotSeller(bytes32 listing, address caller);
    /// @notice The seller closed the listing for new sales.
    error ListingClosed(bytes32 listing);
    /// @notice The listing has no price: its set is not complete, or not all groups are proven.
    error NotFullyProven(bytes32 listing);

    /// @notice The listing was proven on this group before.
    error AlreadyProven(bytes32 listing, uint256 group);
    /// @notice The commitment was opened 128 times. One time more could tell something of the weights; commit anew, under another
    /// tail.
    error OpeningsExhausted(uint256 x, uint256 y);
    /// @notice More right answers than samples: the data of the group is not what a data set is.
    error CorrectExceedsSamples(uint256 correct, uint256 samples);

    /// @notice A lineage has 1 to 64 rounds.
    error RoundCountInvalid(uint256 rounds);
    /// @notice A coefficient is 2^128 or more, or -2^128 or less.
    error CoefficientOutOfRange(int256 coefficient);
    /// @notice The round is not finalised.
    error RoundNotFinalized(uint256 task, uint256 round);
    /// @notice The listing has a lineage.
    error LineageExists(bytes32 listing);

    /// @notice A set was created.
    event SetCreated(bytes32 indexed set, address indexed creator, uint256 groups, bytes32 manifest);
    /// @notice A group of a set was registered.
    event GroupAdded(bytes32 indexed set, uint256 indexed group, bytes32 groupHash);
    /// @notice A model was listed.
    /// @param model C_M.
    event Listed(
        bytes32 indexed listing,
        address indexed seller,
        bytes32 indexed set,
        uint256 nonce,
        ListingTerms terms,
        uint256[2] model
    );
    /// @notice The seller closed a listing for new sales.
    event Unlisted(bytes32 indexed listing);
    /// @notice A group was counted.
    /// @param correct Samples of the group that the model classifies right, at least.
    /// @param samples Samples of the group.
    /// @param openings How often C_M was opened so far, this time included.
    event Proven(bytes32 indexed listing, uint256 indexed group, uint256 correct, uint256 samples, uint256 openings);
    /// @notice A lineage was proven.
    /// @param statementHash `lineageHash` of the statement.
    /// @param verifier Rounding verifier that it was proven under.
    /// @param openings How often C_M was opened so far, this time included.
    event LineageProven(
        bytes32 indexed listing,
        bytes32 indexed statementHash,
        address verifier,
        LineageStatement statement,
        uint256 openings
    );

    /// @notice Creates a set without groups; anybody may.
    /// @param salt Any; with it a creator has many sets.
    /// @param groups How many groups it has, 1 to 64.
    /// @param manifest SHA-256 of the set's description, 0 for a hidden set.
    /// @return created keccak256(abi.encode(keccak256("gradroll/v1/set"), deployment, caller, salt, groups, manifest)).
    function createSet(bytes32 salt, uint32 groups, bytes32 manifest) external returns (bytes32 created);

    /// @notice Registers a group, for good; only the set's creator.
    /// @param group_ Its number, from 0.
    /// @param groupHash keccak256(abi.encodePacked(samples, C_X of every chunk)), each a word or two.
    function registerGroup(bytes32 set_, uint256 group_, bytes32 groupHash) external;

    /// @notice Lists a model; the caller is its seller, for good. Whoever lists a commitment that is another's can neither prove nor
    /// sell it.
    /// @param model C_M, a point of the curve.
    /// @param nonce Any; part of the identifier.
    /// @return created keccak256(abi.encode(keccak256("gradroll/v1/listing"), deployment, caller, nonce,
    /// keccak256(abi.encode(terms)), model[0], model[1])).
    function list(ListingTerms calldata terms, uint256[2] calldata model, uint256 nonce)
        external
        returns (bytes32 created);

    /// @notice Closes a listing for new sales; its seller only, once. What was proven stays, sales that are open go on.
    function unlist(bytes32 listing_) external;

    /// @notice Counts a group for a listing; anybody may who has a proof, once a group.
    /// @dev Reverts also as the listing's verifier does (`IAccuracyVerifier`).
    /// @param group_ Number of the group in the listing's set.
    /// @param samples Samples of the group.
    /// @param data C_X of every chunk of it.
    /// @param proof Proof for this listing.
    function prove(
        bytes32 listing_,
        uint256 group_,
        uint256 samples,
        uint256[2][] calldata data,
        AccuracyProof calldata proof
    ) external;

    /// @notice Shows that a listing's model came out of rounds of the gradient market; its seller only, once a listing.
    /// @dev Reverts also as the verifier and the market do. C_E = start - sum c_t S_t - 2^12 C_M is a combination of public points
    /// and C_M, so that opening it opens C_M: it is counted.
    /// @param verifier Rounding verifier (family 1) of the registry's factory. That its key has the listing's dimension, and is one
    /// of a release, is for readers to check, as of every key.
    /// @param statement Which rounds, which coefficients, which start.
    /// @param proof Proof that every entry of the rounding error is of 12 bits.
    function proveLineage(
        bytes32 listing_,
        address verifier,
        LineageStatement calldata statement,
        RoundingProof calldata proof
    ) external;

    /// @notice Factory of the verifiers: family 0 accuracy, family 1 rounding.
    function factory() external view returns (IVerifierFactory);

    /// @notice The gradient market that lineages are in.
    function market() external view returns (IMarketViews);

    /// @notice Identifier of this deployment, as the market's (`IMarketViews.deployment`).
    function deployment() external view returns (bytes32);

    /// @notice A listing; reverts if it is unknown.
    function listing(bytes32 listing_) external view returns (ListingView memory);

    /// @notice A set; reverts if it is unknown.
    function set(bytes32 set_) external view returns (SetView memory);

    /// @notice Hash of a group; zero while it is not registered. Reverts if set or number are unknown.
    function group(bytes32 set_, uint256 group_) external view returns (bytes32 groupHash);

    /// @notice What a listing's model was proven to do so far.
    function score(bytes32 listing_) external view returns (Score memory);

    /// @notice base + step max(0, correct - floor); reverts before all groups of the complete set are proven.
    function price(bytes32 listing_) external view returns (uint256);

    /// @notice All that a sale needs; reverts as `price` does, and for a closed listing.
    function quote(bytes32 listing_) external view returns (Quote memory);

    /// @notice How often a commitment was opened by proofs, over all listings of a seller that it is in; at most 128.
    function openings(address seller, uint256[2] calldata model) external view returns (uint256);

    /// @notice The lineage of a listing, if one was proven.
    function lineage(bytes32 listing_) external view returns (Lineage memory);

    /// @notice C_E of a lineage: start - sum c_t S_t - 2^12 C_M. Reverts as `proveLineage` does for a bad statement.
    function difference(bytes32 listing_, LineageStatement calldata statement) external view returns (uint256[2] memory);

    /// @notice keccak256 of the words keccak256("gradroll/v1/lineage"), market, task, first, start[0], start[1], and every coefficient
    /// in two's complement.
    function lineageHash(LineageStatement calldata statement) external view returns (bytes32);
}
