// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../interfaces/IAccounts.sol";
import {CaseStage, CaseView, CaseWindows, PoolTerms, PoolView, SeatView, SlotView, Verdict} from "../types/Juries.sol";

/// @title Jurors who stake, are drawn by stake, and vote under commitments
/// @notice A slot is one unit of stake in a pool. A case draws distinct slots of its pool by the hash of a block that did not
/// exist when the list of slots was fixed: who joins or leaves afterwards changes nothing. A drawn slot is out of its pool until its
/// case releases it, so no stake answers for two votes at once. Pools draw one jury after the other, so nobody chooses
/// among juries by the order in which they are drawn.
/// @dev Who builds the anchor block can throw a block away whose draw it does not like, and an appeal draws again, from another
/// block. A draw that nobody asks for within 256 blocks gets a new anchor: anybody can ask in time. Deadlines are block time, and
/// the last second counts. A jury that its pool cannot fill lets the others go first; if that lasts 3 days it ends
/// without a decision. One that can be filled never does, and a first jury waits for slots that sit on others.
interface IJury is IAccounts {
    /// @notice Only the campaigns' contract opens cases and appeals. Challenge a sample there.
    error NotCampaigns(address caller);
    /// @notice A notice is 2 hours to 30 days: longer than the chain remembers an anchor. Deploy with another.
    error NoticeInvalid(uint256 notice);
    /// @notice A pool has a unit of at least 1. Name another stake.
    error UnitInvalid(uint256 unit);
    /// @notice A call joins with 1 to 32 slots. Call again for more.
    error SlotsInvalid(uint256 slots);
    /// @notice A first jury has an odd number of jurors, 3 to 15.
    error JurorsInvalid(uint256 jurors);
    /// @notice A window is shorter than `minimumWindow`, or it or all of a case together are longer than 30 days.
    error WindowInvalid(uint256 window, uint256 least, uint256 most);
    /// @notice There is no such slot, or it was withdrawn or lost.
    error SlotUnknown(uint256 slot);
    /// @notice Only the slot's juror may say that it leaves. Call from its account.
    error NotTheJuror(address caller, address juror);
    /// @notice The slot leaves already. Withdraw it when its notice is over.
    error Leaving(uint256 slot, uint256 leavesAt);
    /// @notice The slot did not say that it leaves, or its notice is not over. Call `resign`, and wait until `leavesAt`.
    error NoticeNotOver(uint256 slot, uint256 leavesAt);
    /// @notice The slot sits on a jury. Wait until the case ended, and release the seat.
    error SlotSeated(uint256 slot);
    /// @notice There is no such case.
    error CaseUnknown(uint256 caseId);
    /// @notice The case is not at the stage that this call needs: it is too early or too late. Look at `caseOf`.
    error StageDiffers(uint256 caseId, CaseStage stage);
    /// @notice Another jury of the pool is drawn first. Draw the jury of `head`, then this one.
    error NotItsTurn(uint256 caseId, uint256 head);
    /// @notice The block whose hash decides is not there, or is the current one. Call after it.
    error AnchorNotMined(uint256 anchor);
    /// @notice The vote is for another jury of the case than the one that sits.
    error RoundDiffers(uint256 round, uint256 current);
    /// @notice There is no such seat, or nobody was drawn for it yet.
    error SeatUnknown(uint256 caseId, uint256 round, uint256 seat);
    /// @notice A commitment is not 0, and a seat makes one.
    error VoteCommitmentInvalid(uint256 caseId, uint256 seat);
    /// @notice Verdict and salt are not what the seat committed to, or it committed to nothing, or the verdict is none.
    error VoteDiffers(uint256 caseId, uint256 seat);
    /// @notice The vote was revealed before.
    error VoteRevealed(uint256 caseId, uint256 seat);
    /// @notice The case has no final verdict. Wait for the windows, and close it.
    error NotEnded(uint256 caseId);
    /// @notice The seat was released before.
    error SeatReleased(uint256 caseId, uint256 round, uint256 seat);

    /// @notice Somebody used terms of a pool for the first time.
    event PoolCreated(uint32 indexed pool, PoolTerms terms);
    /// @notice A juror joined with slots `first` to `first + slots - 1`.
    event Joined(uint32 indexed pool, address indexed juror, uint256 first, uint256 slots);
    /// @notice A slot leaves: it is drawn for no further case, and may be withdrawn from `leavesAt` on.
    event LeaveAnnounced(uint256 indexed slot, uint256 leavesAt);
    /// @notice A slot is gone, its stake credited to its juror.
    event Withdrawn(uint256 indexed slot, address indexed juror);
    /// @notice A case was opened.
    event CaseOpened(uint256 indexed caseId, uint32 indexed pool, CaseWindows windows);
    /// @notice A case goes before its second jury.
    event CaseAppealed(uint256 indexed caseId, uint256 jurors);
    /// @notice It is a jury's turn: the list of its pool's slots is fixed, and the hash of block `anchor` decides.
    event Anchored(uint256 indexed caseId, uint256 indexed round, uint256 anchor);
    /// @notice A jury was drawn.
    /// @param slots Slot of each seat, in their order.
    /// @param seed What it was drawn by.
    event Drawn(uint256 indexed caseId, uint256 indexed round, bytes32 seed, uint256[] slots);
    /// @notice A seat committed to its vote.
    event VoteCommitted(uint256 indexed caseId, uint256 indexed round, uint256 seat, bytes32 commitment);
    /// @notice A vote was revealed.
    event VoteCast(uint256 indexed caseId, uint256 indexed round, uint256 seat, Verdict verdict);
    /// @notice A jury's votes were counted, or it could not be drawn.
    event JuryClosed(uint256 indexed caseId, uint256 indexed round, Verdict verdict);
    /// @notice A seat's stake was given back to its slot, or lost: divided among the right seats of its jury.
    event Released(uint256 indexed caseId, uint256 indexed round, uint256 seat, uint256 slot, bool lost);

    /// @notice Stakes `slots` units in a pool; each may be drawn on its own. What sits on juries of campaigns that pay what the pool
    /// says must vote, or loses its unit.
    /// @param slots 1 to 32; exactly so much ether, or tokens that the caller approved.
    /// @return first Number of the first slot; the others follow.
    /// @dev Errors: `UnitInvalid`, `JurorsInvalid`, `SlotsInvalid`, those of `Funds.take`.
    function join(PoolTerms calldata terms, uint256 slots) external payable returns (uint256 first);

    /// @notice A slot's juror says that it leaves: it is drawn for nothing that gets its anchor after this call. For juries whose list of
    /// slots is fixed it may still be drawn, and stays while it sits.
    /// @dev Errors: `SlotUnknown`, `NotTheJuror`, `Leaving`.
    function resign(uint256 slot) external;

    /// @notice Credits the juror with the stake of a slot whose notice is over and that sits nowhere. Anybody may call.
    /// @dev Errors: `SlotUnknown`, `NoticeNotOver`, `SlotSeated`.
    function withdraw(uint256 slot) external;

    /// @notice Opens a case; only for the campaigns.
    /// @param terms Pool whose jurors decide; one that is too small may still grow.
    /// @return caseId Its number, from 1.
    /// @dev Errors: `NotCampaigns`, `UnitInvalid`, `JurorsInvalid`, `WindowInvalid`.
    function open(PoolTerms calldata terms, CaseWindows calldata windows) external returns (uint256 caseId);

    /// @notice Puts a case before 2n + 1 other jurors, within the window after the first jury was closed, whatever it said; only for
    /// the campaigns, which have taken the fee. A case whose first jury was never drawn has no appeal.
    /// @dev Errors: `NotCampaigns`, `CaseUnknown`, `StageDiffers`.
    function appeal(uint256 caseId) external;

    /// @notice Draws the jury of a case that is the first in its pool's queue, after its anchor. Anybody may call, and jurors that
    /// wait for their fees do. Where the chain forgot the anchor's hash it sets a new one; where the pool is too small the
    /// jury goes to the end of the queue, or ends without a decision if it waited for 3 days and the pool is too small still; a first
    /// jury only if the pool would be too small with all that sit on others.
    /// @return drawn Whether jurors sit now.
    /// @dev Errors: `CaseUnknown`, `StageDiffers`, `NotItsTurn`, `AnchorNotMined`.
    function draw(uint256 caseId) external returns (bool drawn);

    /// @notice A seat commits to its vote.
    /// @param commitment `commitmentOf` with the juror's own address: another's is worth nothing to who copies it.
    /// @dev Errors: `CaseUnknown`, `StageDiffers`, `RoundDiffers`, `SeatUnknown`, `NotTheJuror`, `VoteCommitmentInvalid`.
    function commitVote(uint256 caseId, uint256 round, uint256 index, bytes32 commitment) external;

    /// @notice Reveals a vote, after the window for commitments. Whoever knows the salt may.
    /// @dev Errors: `CaseUnknown`, `StageDiffers`, `RoundDiffers`, `SeatUnknown`, `VoteDiffers`, `VoteRevealed`.
    function revealVote(uint256 caseId, uint256 round, uint256 index, Verdict verdict, bytes32 salt) external;

    /// @notice Counts the votes of a jury whose windows are over. Anybody may call.
    /// @return verdict GOOD or BAD need more than half of the revealed votes, of which there must be more than half the seats; the
    /// correction is right if more than half of them say so.
    /// @dev Errors: `CaseUnknown`, `StageDiffers`.
    function close(uint256 caseId) external returns (Verdict verdict);

    /// @notice Once the verdict is final: gives a seat's stake back to its slot. If its vote was silent or, on GOOD or BAD, another
    /// than the final verdict, credits it in equal parts to the seats of the same jury whose vote agrees; what does not divide is
    /// burnt, and all of it where no vote agrees. Without a decision who voted keeps its stake, and the others' is burnt. Anybody
    /// may call.
    /// @dev Errors: `CaseUnknown`, `NotEnded`, `SeatUnknown`, `SeatReleased`.
    function release(uint256 caseId, uint256 round, uint256 index) external;

    /// @notice What became of a case.
    /// @return ended Whether the verdict is final.
    /// @return verdict Of the second jury if it decided, else of the first.
    /// @return overturned Whether the second jury decided on GOOD or BAD otherwise than the first, or decided where that did
    /// not.
    /// @dev Errors: `CaseUnknown`.
    function result(uint256 caseId) external view returns (bool ended, Verdict verdict, bool overturned);

    /// @notice Who sat, and whether its vote agrees with the final verdict on GOOD or BAD: it earned the seat's pay.
    /// @param round 0 for the first jury, 1 for the second.
    /// @return juror 0 if the jury could not be drawn: nobody earned the pay.
    /// @return coherent False without a decision.
    /// @dev Errors: `CaseUnknown`, `NotEnded`, `SeatUnknown`.
    function seatOf(uint256 caseId, uint256 round, uint256 index) external view returns (address juror, bool coherent);

    /// @notice A seat as it is.
    /// @dev Errors: `CaseUnknown`, `SeatUnknown`.
    function seat(uint256 caseId, uint256 round, uint256 index) external view returns (SeatView memory);

    /// @notice A case as it is.
    /// @dev Errors: `CaseUnknown`.
    function caseOf(uint256 caseId) external view returns (CaseView memory);

    /// @notice The pool of terms.
    function poolOf(PoolTerms calldata terms) external view returns (PoolView memory);

    /// @notice A slot as it is.
    function slotOf(uint256 slot) external view returns (SlotView memory);

    /// @notice What a seat commits to: keccak256(abi.encode(keccak256("gradroll/v1/jury-vote"), deployment, caseId, round, seat,
    /// juror, verdict, salt)).
    function commitmentOf(uint256 caseId, uint256 round, uint256 index, address juror, Verdict verdict, bytes32 salt)
        external
        view
        returns (bytes32);

    /// @notice The only contract that opens cases.
    function campaigns() external view returns (address);

    /// @notice Seconds from `resign` to `withdraw`.
    function notice() external view returns (uint32);

    /// @notice Least window of a case, in seconds.
    function minimumWindow() external view returns (uint32);
}
