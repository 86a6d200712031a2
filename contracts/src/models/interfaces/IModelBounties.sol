// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {Attestation} from "../../types/Types.sol";
import {BountyStage, BountyTerms, BountyView, Entry, GroupOpening} from "../types/Bounties.sol";
import {IModelAccounts} from "./IModelAccounts.sol";

/// @title Bounties for the best model on data that nobody has seen
/// @notice An owner commits to many groups of data and escrows a prize and a compensation. Chance picks training groups, which are
/// shown; developers enter listed models with a bond; then chance picks the tests among the others. The most right answers
/// above the threshold win, the earlier entry on a tie; the winner hands over the key of its sealed weights for the prize, as
/// in a sale (`IModelSales`).
///
/// Who does not do its part loses: an owner that does not draw or show the tests pays the compensation to each entrant, and what is
/// left of it is burnt; an entry that is not proven loses its bond; so does a winner without an offer (burnt) or without a
/// key (to the owner), and the next one steps up. Whoever owns the bounty knows its tests: an entry of its own may win, and it
/// then has its prize back; what it cannot do is keep the money of others.
/// @dev Deadlines are block time. A seed that the owner committed to and the hash of a later block decide a draw: who builds that
/// block does not know the seed, and the owner not the hash; see docs/protocol-models.md. Receipts are of the committee's present epoch.
interface IModelBounties is IModelAccounts {
    /// @notice The named term is out of range.
    error BountyTermsInvalid(string term);
    /// @notice The owner opened this very bounty before; take another nonce.
    error BountyExists(bytes32 bounty);
    /// @notice No bounty has this identifier.
    error BountyUnknown(bytes32 bounty);
    /// @notice The bounty is not as far, or further.
    error StageDiffers(bytes32 bounty, BountyStage stage);
    /// @notice The window is over.
    error TooLate(bytes32 bounty, uint256 deadline);
    /// @notice The window is not over yet.
    error TooEarly(bytes32 bounty, uint256 deadline);
    /// @notice The owner took these seeds for another bounty, where they were or will be shown.
    error SeedsUsed(bytes32 seedCommitment);
    /// @notice The hash of the block is not known yet: pin it in a later one.
    error AnchorAhead(bytes32 bounty, uint256 anchor);
    /// @notice The hash of the block is not pinned: do that first, and show the seed when it is final.
    error AnchorNotPinned(bytes32 bounty, uint256 anchor);
    /// @notice The seed is not the one that was committed to for this draw.
    error SeedMismatch(bytes32 bounty);
    /// @notice Only the owner of the bounty may do this.
    error NotBountyOwner(bytes32 bounty, address caller);
    /// @notice The leaves are not those that were committed to.
    error CommitmentMismatch(bytes32 computed);
    /// @notice The groups to be shown are those that were drawn, all of them, ascending.
    error GroupNotDrawn(uint256 index);
    /// @notice More groups were drawn than these; hand in all of them.
    error GroupsMissing(uint256 given);
    /// @notice The group is not the one that was committed to.
    error GroupDiffers(uint256 index);
    /// @notice The tests have fewer samples than the terms want right answers: nobody could win.
    error ThresholdUnreachable(bytes32 bounty, uint256 samples);
    /// @notice Only its seller enters a listing, steps down with it, and offers for it.
    error NotEntrant(bytes32 listing, address caller);
    /// @notice The listing is on another set, or under another verifier, than the bounty's.
    error ListingMismatch(bytes32 listing);
    /// @notice The listing is in the bounty already.
    error AlreadyEntered(bytes32 listing);
    /// @notice The bounty has as many entries as it takes.
    error BountyFull(uint256 entrants);
    /// @notice The bounty has no entry of this number.
    error EntryUnknown(uint256 entry);
    /// @notice The entry may not step down: it wins at present, is out, or was never able to win.
    error NotACandidate(uint256 entry);

    /// @notice A bounty was opened; what it escrows is the prize and `maxEntrants` compensations.
    event BountyOpened(
        bytes32 indexed bounty, address indexed owner, bytes32 indexed set, uint256 nonce, BountyTerms terms
    );
    /// @notice The hash of a block will have a part in a draw.
    event AnchorSet(bytes32 indexed bounty, BountyStage indexed stage, uint256 anchor);
    /// @notice The hash was written down: no other one will be taken.
    event AnchorPinned(bytes32 indexed bounty, BountyStage indexed stage, uint256 anchor, bytes32 hash);
    /// @notice The training groups were drawn.
    /// @param seed s1.
    event TrainingDrawn(bytes32 indexed bounty, uint64 groups, bytes32 seed);
    /// @notice The training groups were shown: entries are taken until the deadline.
    event TrainingShown(bytes32 indexed bounty, GroupOpening[] groups, uint256 deadline);
    /// @notice A listing was entered.
    event Entered(bytes32 indexed bounty, uint256 indexed entry, bytes32 indexed listing, address seller);
    /// @notice The tests were drawn, and are to be shown until the deadline.
    /// @param seed s0.
    event TestsDrawn(bytes32 indexed bounty, uint64 groups, uint256 deadline, bytes32 seed);
    /// @notice The tests were shown: proofs are taken until the deadline.
    event TestsShown(bytes32 indexed bounty, GroupOpening[] groups, uint256 deadline);
    /// @notice An entry was counted.
    /// @param correct Right answers over all tests.
    event EntryCounted(bytes32 indexed bounty, uint256 indexed entry, bool proven, uint256 correct);
    /// @notice An entry wins, if its offer is locked until the deadline.
    event WinnerNamed(bytes32 indexed bounty, uint256 indexed entry, uint256 deadline);
    /// @notice A candidate left with its bond.
    event SteppedDown(bytes32 indexed bounty, uint256 indexed entry);
    /// @notice A winner did not do its part.
    /// @param keyMissing Whether it was the key (the bond is the owner's), not the offer (it is burnt).
    event WinnerForfeited(bytes32 indexed bounty, uint256 indexed entry, bool keyMissing);
    /// @notice The winner's offer was locked; the key is to be revealed until the deadline.
    /// @param byReceipts Whether a quorum of the committee stood in for the owner.
    event OfferLocked(
        bytes32 indexed bounty,
        uint256 indexed entry,
        uint256 keyX,
        uint256 keyY,
        bytes32 offer,
        uint256 deadline,
        bool byReceipts
    );
    /// @notice The key was revealed: the prize is the winner's.
    event BountyWon(bytes32 indexed bounty, uint256 indexed entry, uint256 key);
    /// @notice The bounty ended without a sale.
    event BountyEnded(bytes32 indexed bounty, BountyStage indexed stage);

    /// @notice Opens a bounty: takes prize + maxEntrants * compensation.
    /// @param with Its terms. `commitment` is keccak256 of all leaves, one after the other; a leaf is
    /// keccak256(abi.encode(keccak256("gradroll/v1/bounty-group"), salt, groupHash, fileDigest)) with a fresh secret salt.
    /// `seedCommitment` is F(F(s0)) of a fresh secret s0, with F(s) = keccak256(abi.encode(keccak256("gradroll/v1/bounty-seed"), s)).
    /// @param nonce Any; part of the identifier.
    /// @return bounty keccak256(abi.encode(keccak256("gradroll/v1/bounty"), deployment, caller, nonce,
    /// keccak256(abi.encode(with)))). Its set has this as salt.
    /// @dev Errors: `BountyTermsInvalid`, `IVerifierFactory.VerifierUnknown`, `BountyExists`,
    /// `SeedsUsed`, `ICommitteeRegistry.CommitteeUnknown`, those of `Funds.take`.
    function open(BountyTerms calldata with, uint256 nonce) external payable returns (bytes32 bounty);

    /// @notice Writes the hash of the block `anchor` down, for the draw that is waited for. Anybody may, so that an owner that likes
    /// the hash of another block better cannot wait until this one is forgotten: after 256 blocks, or 8,191 where the
    /// chain follows EIP-2935 for the blocks that `block.number` counts. Another block is taken then, as far ahead as the first was.
    /// @return pinned Whether the hash is written down now.
    /// @dev Errors: `StageDiffers`, `AnchorAhead`.
    function pin(bytes32 bounty) external returns (bool pinned);

    /// @notice Draws the training groups with s1 = F(s0) and the hash that was pinned. Anybody may who knows s1. It is public from then
    /// on: whoever shows it waits until the pinned hash is final, or the builder of another branch's block chooses the draw.
    /// @dev Errors: `StageDiffers`, `TooLate`, `AnchorNotPinned`, `SeedMismatch`.
    function drawTraining(bytes32 bounty, bytes32 seed) external;

    /// @notice Shows the training groups, with a quorum's receipts; entries are taken from now on. Whoever shows them waits until the
    /// draw is final.
    /// @param leaves All leaves.
    /// @param groups The groups that were drawn, ascending.
    /// @param receipts Signatures over DatasetReceipt(bytes32 bounty,uint256 stage,bytes32 groups): that the members hold the
    /// files, which fit the hashes and the terms. Stage is 1, `groups` keccak256 of the words index, groupHash,
    /// fileDigest, samples of each.
    /// @dev Errors: `StageDiffers`, `TooLate`, `CommitmentMismatch`, `GroupsMissing`, `GroupNotDrawn`, `GroupDiffers`, those of
    /// `ICommitteeRegistry.requireQuorum`.
    function revealTraining(
        bytes32 bounty,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups,
        Attestation[] calldata receipts
    ) external;

    /// @notice Ends a bounty whose training groups were not shown in time: everything goes back to the owner. Anybody may.
    /// @dev Errors: `StageDiffers`, `TooEarly`.
    function cancel(bytes32 bounty) external;

    /// @notice The seller of a listing on the bounty's set enters it, with exactly the bond.
    /// @return entry Its number.
    /// @dev Errors: `StageDiffers`, `TooLate`, `BountyFull`, `NotEntrant`, `ListingMismatch`, `AlreadyEntered`, those of
    /// `Funds.take`.
    function enter(bytes32 bounty, bytes32 listing) external payable returns (uint256 entry);

    /// @notice After the entries' window: fixes the block whose hash has a part in the draw of the tests, which are to be
    /// drawn within `revealWindow`. Without an entry the bounty ends. Anybody may.
    /// @dev Errors: `StageDiffers`, `TooEarly`.
    function closeEntries(bytes32 bounty) external;

    /// @notice Draws the tests with s0, as `drawTraining` does, among the groups that are left. Only the owner knows s0: it does so in
    /// time, or has withheld the tests.
    function drawTests(bytes32 bounty, bytes32 seed) external;

    /// @notice Shows the tests, as `revealTraining` does, with receipts of stage 2, and registers them. The compensation goes back
    /// to the owner. Tests of fewer samples than the threshold are not shown: the owner, who made the groups, has withheld them.
    /// @dev Errors: those of `revealTraining`, `ThresholdUnreachable`.
    function revealTests(
        bytes32 bounty,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups,
        Attestation[] calldata receipts
    ) external;

    /// @notice Ends a bounty whose tests were not drawn, or not shown, in time: every entrant has its bond and the compensation, what is left of the
    /// latter is burnt, the prize goes back to the owner. Anybody may.
    /// @dev Errors: `StageDiffers`, `TooEarly`.
    function withheld(bytes32 bounty) external;

    /// @notice After the window for proofs: counts all entries and names the winner. What is proven until this call counts. Anybody
    /// may.
    /// @dev Errors: `StageDiffers`, `TooEarly`.
    function settle(bytes32 bounty) external;

    /// @notice The owner locks the winner's offer, which it checked.
    /// @param signature The winner's over BountyOffer(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer).
    /// @dev Errors: `StageDiffers`, `TooLate`, `NotBountyOwner`, `KeyPointInvalid`, `NotSigned`.
    function lockOffer(bytes32 bounty, uint256 keyX, uint256 keyY, bytes32 offer, bytes calldata signature) external;

    /// @notice The winner locks its offer, which a quorum checked in the owner's place.
    /// @param receipts Signatures over OfferReceipt(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer).
    /// @dev Errors: `StageDiffers`, `TooLate`, `NotEntrant`, `KeyPointInvalid`, those of `ICommitteeRegistry.requireQuorum`.
    function lockByReceipts(bytes32 bounty, uint256 keyX, uint256 keyY, bytes32 offer, Attestation[] calldata receipts)
        external;

    /// @notice Takes the bond of a winner without offer or key in time, and names the next. Anybody may.
    /// @dev Errors: `StageDiffers`, `TooEarly`.
    function passOver(bytes32 bounty) external;

    /// @notice A candidate that does not win at present leaves with its bond.
    /// @dev Errors: `StageDiffers`, `EntryUnknown`, `NotEntrant`, `NotACandidate`.
    function stepDown(bytes32 bounty, uint256 entry) external;

    /// @notice Reveals the key in time: credits the winner with prize and bond, and the other candidates with their bonds. Anybody
    /// may send it. A winner does only once the lock is final, and long before the deadline.
    /// @param key k', 1 to r - 1.
    /// @dev Errors: `StageDiffers`, `TooLate`, `KeyMismatch`.
    function reveal(bytes32 bounty, uint256 key) external;

    /// @notice Committees of the gradient market.
    function committees() external view returns (ICommitteeRegistry);

    /// @notice Shortest window of a bounty, seconds.
    function minimumWindow() external view returns (uint32);

    /// @notice A bounty; reverts if it is unknown.
    function bountyOf(bytes32 bounty) external view returns (BountyView memory);

    /// @notice An entry of a bounty; reverts if it is unknown.
    function entryAt(bytes32 bounty, uint256 entry) external view returns (Entry memory);

    /// @notice Digest of a receipt for groups that are shown.
    /// @param stage 1 for training groups, 2 for tests.
    function datasetDigest(bytes32 bounty, uint256 stage, GroupOpening[] calldata groups)
        external
        view
        returns (bytes32);

    /// @notice Digests of a winner's offer: what it signs, and what members of the committee do.
    function offerDigests(bytes32 bounty, bytes32 listing, uint256 keyX, uint256 keyY, bytes32 offer)
        external
        view
        returns (bytes32 bySeller, bytes32 byCommittee);
}
