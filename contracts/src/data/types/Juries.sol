// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What jurors say of a sample.
enum Verdict {
    /// No vote, or no decision.
    None,
    Good,
    Bad,
    /// Bad, and the correction that was proposed is right.
    Corrected
}

/// @notice How far a case is.
enum CaseStage {
    Unknown,
    /// Waits for its turn in its pool, or for the block that decides who sits.
    Queued,
    /// Jurors commit to their votes.
    Voting,
    /// They reveal them.
    Revealing,
    /// The windows are over; anybody closes it.
    Counting,
    /// It has a verdict that may be appealed against.
    Appealable,
    /// Its verdict is final.
    Ended
}

/// @notice What a pool is for: jurors agree to exactly this when they join. Amounts are the token's smallest unit.
/// @param token Token of the stakes, 0 for ether.
/// @param unit What a slot stakes, and loses.
/// @param pay What a seat of a case earns a vote that the final verdict agrees with; the campaigns pay it.
/// @param jurors n, seats of a case's first jury, odd, 3 to 15; that of an appeal has 2n + 1. Cases of one size cannot be held up by
/// larger ones that the pool cannot fill.
/// @param committeeId Committee of the campaigns whose cases it decides: jurors trust it to hold the samples that they look at.
/// Whoever made one of its own could otherwise bring cases about what nobody can read, and burn the stakes of the silent.
struct PoolTerms {
    address token;
    uint128 unit;
    uint128 pay;
    uint8 jurors;
    uint64 committeeId;
}

/// @notice Windows of a case, in seconds.
/// @param vote For commitments to votes, from the draw on.
/// @param reveal For votes to be revealed, after that.
/// @param appeal For an appeal, from the closing of the first jury on.
struct CaseWindows {
    uint32 vote;
    uint32 reveal;
    uint32 appeal;
}

/// @notice A pool.
/// @param id Its number, 0 if nobody used these terms.
/// @param size Slots that may be drawn now.
/// @param waiting Juries that are to be drawn, one after the other.
/// @param head Case whose jury is next, 0 if there is none.
struct PoolView {
    uint32 id;
    uint256 size;
    uint256 waiting;
    uint256 head;
}

/// @notice A slot.
/// @param juror Who staked; 0 if there is no such slot (any more).
/// @param pool Number of its pool.
/// @param seated Whether it sits on a jury whose case has not released it.
/// @param leavesAt Time from which it may be withdrawn, 0 if it does not leave.
struct SlotView {
    address juror;
    uint32 pool;
    bool seated;
    uint40 leavesAt;
}

/// @notice One of the two juries of a case.
/// @param size Seats.
/// @param queuedAt Time since which it is to be drawn, 0 if there is no such jury.
/// @param anchor Number of the block whose hash decides who sits; 0 before it is its turn.
/// @param drawnAt Time of the draw, 0 before and if it was not drawn.
/// @param closedAt Time at which the votes were counted, or that it could not be drawn was seen.
/// @param good Votes that were revealed.
/// @param bad The same.
/// @param corrected The same.
/// @param verdict Of this jury.
struct JuryView {
    uint8 size;
    uint40 queuedAt;
    uint256 anchor;
    uint40 drawnAt;
    uint40 closedAt;
    uint8 good;
    uint8 bad;
    uint8 corrected;
    Verdict verdict;
}

/// @notice A case.
/// @param round The jury that it is before: 0 the first, 1 that of the appeal.
struct CaseView {
    uint32 pool;
    uint256 round;
    CaseStage stage;
    CaseWindows windows;
    JuryView first;
    JuryView second;
}

/// @notice A seat.
/// @param slot Whose stake it holds.
/// @param commitment To the vote, 0 before.
/// @param vote Once revealed.
/// @param released Whether its stake was given back or lost.
struct SeatView {
    address juror;
    uint64 slot;
    bytes32 commitment;
    Verdict vote;
    bool released;
}
