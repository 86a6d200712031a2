// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Terms of a bounty, fixed when it is opened. Amounts are the token's smallest unit; windows are seconds.
/// @param verifier Accuracy verifier of all entries, of the registry's factory.
/// @param token Token of everything here, 0 for ether.
/// @param committeeId Committee of the gradient market whose quorum vouches for data and, where the owner does not lock,
/// for an offer.
/// @param maxEntrants Most entries, 1 to 64.
/// @param threshold Fewest right answers, over all test groups, that win; no more than so many groups can have samples.
/// @param totalGroups Groups that were committed to, 2 to 64.
/// @param trainingGroups Groups that are drawn and shown before the entries, at least 1.
/// @param testGroups Groups that are drawn and shown after them, at least 1.
/// @param delay Blocks from the call that asks for a draw to the block whose hash has a part in it, 2 to 200.
/// @param featureBound No feature of any group is larger in absolute value; members sign no receipt for a file with one that
/// is, so that entrants can choose scales with which every sample can be proven.
/// @param prize What the winner gets for its model.
/// @param bond What an entrant stakes.
/// @param compensation x: what each entrant gets if the tests are withheld.
/// @param commitment keccak256(leaf_0 || leaf_1 || ..), see `IModelBounties.open`.
/// @param seedCommitment Of the owner's two seeds, see `IModelBounties.open`; of one bounty only.
/// @param manifest SHA-256 of the public description of the task; part of the set.
/// @param revealWindow For the owner: to show the training groups, from the opening on; to draw the tests, from the end of the
/// entries on; and to show them, from their draw on.
/// @param entryWindow For entries, from the showing of the training groups on.
/// @param proveWindow For proofs, from the showing of the tests on.
/// @param offerWindow For a winner's offer to be locked.
/// @param keyWindow For the winner to reveal the key of an offer that was locked.
struct BountyTerms {
    address verifier;
    address token;
    uint64 committeeId;
    uint32 maxEntrants;
    uint32 threshold;
    uint32 totalGroups;
    uint32 trainingGroups;
    uint32 testGroups;
    uint32 delay;
    uint32 featureBound;
    uint128 prize;
    uint128 bond;
    uint128 compensation;
    bytes32 commitment;
    bytes32 seedCommitment;
    bytes32 manifest;
    uint32 revealWindow;
    uint32 entryWindow;
    uint32 proveWindow;
    uint32 offerWindow;
    uint32 keyWindow;
}

/// @notice How far a bounty is; the last four are ends.
enum BountyStage {
    Unknown,
    /// The training groups are to be drawn, then shown.
    Opened,
    TrainingDrawn,
    /// Entries are taken, then closed.
    Entering,
    /// The tests are to be drawn, then shown.
    Closed,
    TestsDrawn,
    /// Entrants prove in the registry; then `settle`.
    Proving,
    /// The winner's offer is to be locked.
    Selling,
    /// The key is to be revealed.
    Locked,
    Sold,
    /// Nobody was left who could win: the prize went back.
    Unsold,
    /// The owner did not draw or show the tests: entrants were compensated.
    Withheld,
    /// No training groups were shown, or nobody entered: everything went back to the owner.
    Cancelled
}

/// @notice How far an entry is.
enum EntryStatus {
    Unknown,
    Entered,
    /// Not all tests were proven: the bond was burnt.
    Unproven,
    /// Below the threshold, stood down, or no winner when another was: the bond went back.
    Released,
    /// May win; its bond is held.
    Candidate,
    /// It won, and nothing was locked or revealed in time: the bond was lost.
    Forfeited,
    Sold
}

/// @notice An entry of a bounty.
/// @param listing Listing of the model, on the bounty's set.
/// @param seller Its seller, who entered it.
/// @param correct Right answers over all tests, once settled.
struct Entry {
    bytes32 listing;
    address seller;
    uint64 correct;
    EntryStatus status;
}

/// @notice A group of data as it is shown.
/// @param index Its place in the commitment.
/// @param samples Its samples.
/// @param salt Salt of its leaf.
/// @param groupHash Hash of samples and commitments, as the registry keeps it.
/// @param fileDigest Digest of the file of the data.
struct GroupOpening {
    uint32 index;
    uint32 samples;
    bytes32 salt;
    bytes32 groupHash;
    bytes32 fileDigest;
}

/// @notice A bounty.
/// @param set Its set in the registry: the tests, in ascending order of their index.
/// @param anchor Block whose hash has a part in the draw that is waited for.
/// @param anchorHash That hash, once somebody pinned it; else 0.
/// @param deadline Last second of the present window, or of the last one.
/// @param training Bitmap of the training groups, group 0 lowest; 0 before the draw.
/// @param tests Bitmap of the tests.
/// @param entries Number of entries.
/// @param winner Number of the entry that wins at present, in `Selling`, `Locked` and `Sold`.
/// @param keyX K' of what was locked.
/// @param keyY See `keyX`.
/// @param offer Digest of the sealed row that was locked.
struct BountyView {
    address owner;
    BountyStage stage;
    bytes32 set;
    uint256 anchor;
    bytes32 anchorHash;
    uint256 deadline;
    uint64 training;
    uint64 tests;
    uint256 entries;
    uint256 winner;
    uint256 keyX;
    uint256 keyY;
    bytes32 offer;
    BountyTerms terms;
}
