// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {AccountSignatures} from "../libraries/AccountSignatures.sol";
import {Forfeit} from "../libraries/Forfeit.sol";
import {Funds} from "../libraries/Funds.sol";
import {Attestation} from "../types/Types.sol";
import {BountyViews} from "./BountyViews.sol";
import {IModelBounties} from "./interfaces/IModelBounties.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {AnchorHashes} from "./libraries/AnchorHashes.sol";
import {BountyChecks} from "./libraries/BountyChecks.sol";
import {BountyDraws} from "./libraries/BountyDraws.sol";
import {Offerings} from "./libraries/Offerings.sol";
import {SwapKeys} from "./libraries/SwapKeys.sol";
import {BountyStage, BountyTerms, Entry, EntryStatus, GroupOpening} from "./types/Bounties.sol";
import {ListingView, Score} from "./types/Listings.sol";

/// @title Bounties for models
/// @notice See `IModelBounties`. Invariant, for each token: the contract holds, of every bounty that has not ended, its prize, until
/// its tests are shown `maxEntrants` compensations, and the bonds of its entries that are `Entered` or `Candidate`; and all
/// credits.
contract ModelBounties is BountyViews {
    uint256 private constant TRAINING = 1;
    uint256 private constant TESTS = 2;
    bytes32 private constant BOUNTY = keccak256("gradroll/v1/bounty");

    /// @dev A listing is on one set, and so in one bounty at most.
    mapping(bytes32 listing => bool) private _entered;
    /// @dev Seeds that one bounty showed are no secret in the next. By owner, so that nobody takes up a foreign commitment.
    mapping(address owner => mapping(bytes32 seedCommitment => bool)) private _seedsUsed;

    /// @param models_ Registry of listings, in which the sets of all bounties are made.
    /// @param committees_ Registry of the committees that vouch for data and offers.
    /// @param minimumWindow_ Shortest window of a bounty, seconds; a day where inclusion in blocks can be bought.
    constructor(IModelRegistry models_, ICommitteeRegistry committees_, uint32 minimumWindow_)
        BountyViews(models_, committees_, minimumWindow_)
    {}

    /// @inheritdoc IModelBounties
    function open(BountyTerms calldata with, uint256 nonce) external payable nonReentrant returns (bytes32 bounty) {
        BountyChecks.check(with, minimumWindow, models.factory(), committees);
        bounty = keccak256(abi.encode(BOUNTY, deployment, msg.sender, nonce, keccak256(abi.encode(with))));
        Bounty storage state = _bounties[bounty];
        if (state.owner != address(0)) revert BountyExists(bounty);
        if (_seedsUsed[msg.sender][with.seedCommitment]) revert SeedsUsed(with.seedCommitment);
        _seedsUsed[msg.sender][with.seedCommitment] = true;
        // Locked, and the registry, which is this market's own, calls nobody.
        // slither-disable-next-line reentrancy-no-eth
        bytes32 set = models.createSet(bounty, with.testGroups, with.manifest);
        (state.owner, state.set, state.terms) = (msg.sender, set, with);
        _advance(state, BountyStage.Opened, with.revealWindow);
        emit BountyOpened(bounty, msg.sender, set, nonce, with);
        _setAnchor(state, bounty);
        Funds.take(with.token, with.prize + _deposit(state));
    }

    /// @inheritdoc IModelBounties
    function pin(bytes32 bounty) external returns (bool pinned) {
        Bounty storage state = _atEither(bounty, BountyStage.Opened, BountyStage.Closed);
        if (state.anchorHash != 0) return true;
        uint256 anchor = state.anchor;
        if (block.number <= anchor) revert AnchorAhead(bounty, anchor);
        bytes32 hash = AnchorHashes.hashOf(anchor);
        if (hash == 0) {
            _setAnchor(state, bounty);
            return false;
        }
        state.anchorHash = hash;
        emit AnchorPinned(bounty, state.stage, anchor, hash);
        return true;
    }

    /// @inheritdoc IModelBounties
    function drawTraining(bytes32 bounty, bytes32 seed) external {
        Bounty storage state = _inTime(bounty, BountyStage.Opened);
        uint64 all = BountyDraws.firstGroups(state.terms.totalGroups);
        uint64 groups = _draw(state, bounty, TRAINING, seed, all, state.terms.trainingGroups);
        (state.stage, state.training) = (BountyStage.TrainingDrawn, groups);
        emit TrainingDrawn(bounty, groups, seed);
    }

    /// @inheritdoc IModelBounties
    function revealTraining(
        bytes32 bounty,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups,
        Attestation[] calldata receipts
    ) external {
        Bounty storage state = _inTime(bounty, BountyStage.TrainingDrawn);
        _requireShown(state, bounty, TRAINING, leaves, groups, receipts);
        uint256 deadline = _advance(state, BountyStage.Entering, state.terms.entryWindow);
        emit TrainingShown(bounty, groups, deadline);
    }

    /// @inheritdoc IModelBounties
    function cancel(bytes32 bounty) external {
        Bounty storage state = _atEither(bounty, BountyStage.Opened, BountyStage.TrainingDrawn);
        _requireOver(state, bounty);
        _cancel(state, bounty);
    }

    /// @inheritdoc IModelBounties
    function enter(bytes32 bounty, bytes32 listing) external payable nonReentrant returns (uint256 entry) {
        Bounty storage state = _inTime(bounty, BountyStage.Entering);
        entry = state.entries.length;
        if (entry == state.terms.maxEntrants) revert BountyFull(entry);
        ListingView memory listed = models.listing(listing);
        if (listed.seller != msg.sender) revert NotEntrant(listing, msg.sender);
        bool fits = listed.terms.set == state.set && listed.terms.verifier == state.terms.verifier;
        if (!fits) revert ListingMismatch(listing);
        if (_entered[listing]) revert AlreadyEntered(listing);
        _entered[listing] = true;
        state.entries.push(Entry(listing, msg.sender, 0, EntryStatus.Entered));
        emit Entered(bounty, entry, listing, msg.sender);
        Funds.take(state.terms.token, state.terms.bond);
    }

    /// @inheritdoc IModelBounties
    function closeEntries(bytes32 bounty) external {
        Bounty storage state = _overdue(bounty, BountyStage.Entering);
        if (state.entries.length == 0) return _cancel(state, bounty);
        _advance(state, BountyStage.Closed, state.terms.revealWindow);
        _setAnchor(state, bounty);
    }

    /// @inheritdoc IModelBounties
    function drawTests(bytes32 bounty, bytes32 seed) external {
        Bounty storage state = _inTime(bounty, BountyStage.Closed);
        uint64 left = BountyDraws.firstGroups(state.terms.totalGroups) & ~state.training;
        uint64 groups = _draw(state, bounty, TESTS, seed, left, state.terms.testGroups);
        state.tests = groups;
        emit TestsDrawn(bounty, groups, _advance(state, BountyStage.TestsDrawn, state.terms.revealWindow), seed);
    }

    /// @inheritdoc IModelBounties
    function revealTests(
        bytes32 bounty,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups,
        Attestation[] calldata receipts
    ) external nonReentrant {
        Bounty storage state = _inTime(bounty, BountyStage.TestsDrawn);
        _requireShown(state, bounty, TESTS, leaves, groups, receipts);
        _requireReachable(state, bounty, groups);
        uint256 deadline = _advance(state, BountyStage.Proving, state.terms.proveWindow);
        _credit(state.terms.token, state.owner, _deposit(state));
        emit TestsShown(bounty, groups, deadline);
        bytes32 set = state.set;
        for (uint256 i = 0; i < groups.length; ++i) {
            models.registerGroup(set, i, groups[i].groupHash);
        }
    }

    /// @inheritdoc IModelBounties
    function withheld(bytes32 bounty) external {
        Bounty storage state = _atEither(bounty, BountyStage.Closed, BountyStage.TestsDrawn);
        _requireOver(state, bounty);
        address token = state.terms.token;
        uint256 each = state.terms.compensation;
        uint256 count = state.entries.length;
        for (uint256 i = 0; i < count; ++i) {
            Entry storage entry = state.entries[i];
            entry.status = EntryStatus.Released;
            _credit(token, entry.seller, each + state.terms.bond);
        }
        _credit(token, Forfeit.NOBODY, (state.terms.maxEntrants - count) * each);
        _credit(token, state.owner, state.terms.prize);
        _end(state, bounty, BountyStage.Withheld);
    }

    /// @inheritdoc IModelBounties
    function settle(bytes32 bounty) external {
        Bounty storage state = _overdue(bounty, BountyStage.Proving);
        uint256 count = state.entries.length;
        for (uint256 i = 0; i < count; ++i) {
            _count(state, bounty, i);
        }
        _nameNext(state, bounty);
    }

    /// @inheritdoc IModelBounties
    function lockOffer(bytes32 bounty, uint256 keyX, uint256 keyY, bytes32 offer, bytes calldata signature) external {
        Bounty storage state = _inTime(bounty, BountyStage.Selling);
        if (msg.sender != state.owner) revert NotBountyOwner(bounty, msg.sender);
        Entry storage entry = state.entries[state.winner];
        bytes32 digest = _digest(Offerings.ofBountyOffer(bounty, entry.listing, keyX, keyY, offer));
        if (!AccountSignatures.isSigned(entry.seller, digest, signature)) revert NotSigned(entry.seller);
        _lock(state, bounty, keyX, keyY, offer, false);
    }

    /// @inheritdoc IModelBounties
    function lockByReceipts(bytes32 bounty, uint256 keyX, uint256 keyY, bytes32 offer, Attestation[] calldata receipts)
        external
    {
        Bounty storage state = _inTime(bounty, BountyStage.Selling);
        Entry storage entry = state.entries[state.winner];
        if (msg.sender != entry.seller) revert NotEntrant(entry.listing, msg.sender);
        _requireQuorum(state, Offerings.ofOfferReceipt(bounty, entry.listing, keyX, keyY, offer), receipts);
        _lock(state, bounty, keyX, keyY, offer, true);
    }

    /// @inheritdoc IModelBounties
    function passOver(bytes32 bounty) external {
        Bounty storage state = _atEither(bounty, BountyStage.Selling, BountyStage.Locked);
        _requireOver(state, bounty);
        bool keyMissing = state.stage == BountyStage.Locked;
        uint256 winner = state.winner;
        state.entries[winner].status = EntryStatus.Forfeited;
        _credit(state.terms.token, keyMissing ? state.owner : Forfeit.NOBODY, state.terms.bond);
        emit WinnerForfeited(bounty, winner, keyMissing);
        _nameNext(state, bounty);
    }

    /// @inheritdoc IModelBounties
    function stepDown(bytes32 bounty, uint256 entry) external {
        Bounty storage state = _bounty(bounty);
        Entry storage leaving = _entry(state, entry);
        if (msg.sender != leaving.seller) revert NotEntrant(leaving.listing, msg.sender);
        if (leaving.status != EntryStatus.Candidate || state.winner == entry) revert NotACandidate(entry);
        _release(state, leaving);
        emit SteppedDown(bounty, entry);
    }

    /// @inheritdoc IModelBounties
    function reveal(bytes32 bounty, uint256 key) external {
        Bounty storage state = _inTime(bounty, BountyStage.Locked);
        SwapKeys.requireKey(key, state.keyX, state.keyY);
        uint256 winner = state.winner;
        Entry storage won = state.entries[winner];
        won.status = EntryStatus.Sold;
        _credit(state.terms.token, won.seller, uint256(state.terms.prize) + state.terms.bond);
        uint256 count = state.entries.length;
        for (uint256 i = 0; i < count; ++i) {
            Entry storage entry = state.entries[i];
            if (entry.status == EntryStatus.Candidate) _release(state, entry);
        }
        emit BountyWon(bounty, winner, key);
        _end(state, bounty, BountyStage.Sold);
    }

    /// @dev Sets the block whose hash has a part in the next draw.
    function _setAnchor(Bounty storage state, bytes32 bounty) private {
        uint256 anchor = block.number + state.terms.delay;
        (state.anchor, state.anchorHash) = (uint64(anchor), 0);
        emit AnchorSet(bounty, state.stage, anchor);
    }

    /// @dev Draws with the owner's seed and the hash that is pinned. The seed comes after the hash: whoever could still change
    /// one would choose the groups by it.
    function _draw(Bounty storage state, bytes32 bounty, uint256 number, bytes32 seed, uint64 available, uint256 count)
        private
        view
        returns (uint64)
    {
        if (state.anchorHash == 0) revert AnchorNotPinned(bounty, state.anchor);
        bytes32 next = BountyDraws.successor(seed);
        if (number == TESTS) next = BountyDraws.successor(next);
        if (next != state.terms.seedCommitment) revert SeedMismatch(bounty);
        return BountyDraws.draw(BountyDraws.entropyOf(bounty, number, seed, state.anchorHash), available, count);
    }

    /// @dev Requires that groups are those of a draw, as they were committed to, and that a quorum has their data.
    function _requireShown(
        Bounty storage state,
        bytes32 bounty,
        uint256 number,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups,
        Attestation[] calldata receipts
    ) private view {
        uint64 drawn = number == TRAINING ? state.training : state.tests;
        BountyDraws.requireOpened(state.terms.commitment, state.terms.totalGroups, drawn, leaves, groups);
        _requireQuorum(state, Offerings.ofDatasetReceipt(bounty, number, groups), receipts);
    }

    /// @dev Nobody could win: entrants would have proven for nothing, and the owner would have their scores for it.
    function _requireReachable(Bounty storage state, bytes32 bounty, GroupOpening[] calldata groups) private view {
        uint256 samples = 0;
        for (uint256 i = 0; i < groups.length; ++i) {
            samples += groups[i].samples;
        }
        if (samples < state.terms.threshold) revert ThresholdUnreachable(bounty, samples);
    }

    /// @dev Of the present epoch: a bounty takes weeks, and members destroy keys that were rotated away.
    function _requireQuorum(Bounty storage state, bytes32 structHash, Attestation[] calldata receipts) private view {
        uint256 committeeId = state.terms.committeeId;
        (,, uint256 epoch,) = committees.shape(committeeId);
        committees.requireQuorum(committeeId, epoch, _digest(structHash), receipts);
    }

    /// @dev Counts an entry: may it win, does its bond go back, or is it burnt?
    function _count(Bounty storage state, bytes32 bounty, uint256 number) private {
        Entry storage entry = state.entries[number];
        Score memory score = models.score(entry.listing);
        emit EntryCounted(bounty, number, score.complete, score.correct);
        if (!score.complete) {
            entry.status = EntryStatus.Unproven;
            _credit(state.terms.token, Forfeit.NOBODY, state.terms.bond);
            return;
        }
        entry.correct = uint64(score.correct);
        if (score.correct < state.terms.threshold) _release(state, entry);
        else entry.status = EntryStatus.Candidate;
    }

    /// @dev Names the candidate with the most right answers, the earliest of several, or gives the prize back.
    function _nameNext(Bounty storage state, bytes32 bounty) private {
        (bool found, uint256 best, uint256 most) = (false, 0, 0);
        uint256 count = state.entries.length;
        for (uint256 i = 0; i < count; ++i) {
            Entry storage entry = state.entries[i];
            if (entry.status != EntryStatus.Candidate || (found && entry.correct <= most)) continue;
            (found, best, most) = (true, i, entry.correct);
        }
        if (!found) {
            _credit(state.terms.token, state.owner, state.terms.prize);
            return _end(state, bounty, BountyStage.Unsold);
        }
        state.winner = uint8(best);
        emit WinnerNamed(bounty, best, _advance(state, BountyStage.Selling, state.terms.offerWindow));
    }

    function _lock(Bounty storage state, bytes32 bounty, uint256 keyX, uint256 keyY, bytes32 offer, bool byReceipts)
        private
    {
        SwapKeys.requirePoint(keyX, keyY);
        (state.keyX, state.keyY, state.offer) = (keyX, keyY, offer);
        uint256 deadline = _advance(state, BountyStage.Locked, state.terms.keyWindow);
        emit OfferLocked(bounty, state.winner, keyX, keyY, offer, deadline, byReceipts);
    }

    /// @dev An entry leaves with its bond.
    function _release(Bounty storage state, Entry storage entry) private {
        entry.status = EntryStatus.Released;
        _credit(state.terms.token, entry.seller, state.terms.bond);
    }

    function _cancel(Bounty storage state, bytes32 bounty) private {
        _credit(state.terms.token, state.owner, state.terms.prize + _deposit(state));
        _end(state, bounty, BountyStage.Cancelled);
    }

    function _end(Bounty storage state, bytes32 bounty, BountyStage stage) private {
        state.stage = stage;
        emit BountyEnded(bounty, stage);
    }

    /// @dev The next stage, and the last second of its window.
    function _advance(Bounty storage state, BountyStage stage, uint256 window) private returns (uint256 deadline) {
        deadline = block.timestamp + window;
        (state.stage, state.deadline) = (stage, uint40(deadline));
    }
}
