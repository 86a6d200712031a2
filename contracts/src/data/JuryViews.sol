// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Accounts} from "../Accounts.sol";
import {IJury} from "./interfaces/IJury.sol";
import {JuryPools} from "./libraries/JuryPools.sol";
import {JuryCase, JuryPool, JuryRecord, JuryState, Seat, Slot} from "./types/JuryState.sol";
import {
    CaseStage,
    CaseView,
    CaseWindows,
    JuryView,
    PoolTerms,
    PoolView,
    SeatView,
    SlotView,
    Verdict
} from "./types/Juries.sol";

/// @title What a jury tells, and the rules that this follows from
abstract contract JuryViews is IJury, Accounts {
    using JuryPools for JuryPool;

    bytes32 private constant VOTE = keccak256("gradroll/v1/jury-vote");
    /// @dev Blocks from the one that fixes a list to the one whose hash decides.
    uint256 internal constant DELAY = 8;

    /// @inheritdoc IJury
    address public immutable campaigns;
    /// @inheritdoc IJury
    uint32 public immutable notice;
    /// @inheritdoc IJury
    uint32 public immutable minimumWindow;
    JuryState internal _state;

    constructor(uint32 notice_, uint32 minimumWindow_) {
        (campaigns, notice, minimumWindow) = (msg.sender, notice_, minimumWindow_);
    }

    /// @inheritdoc IJury
    function result(uint256 caseId) external view returns (bool ended, Verdict verdict, bool overturned) {
        JuryCase storage case_ = _caseOf(caseId);
        ended = _stageOf(case_) == CaseStage.Ended;
        verdict = _verdictOf(case_);
        Verdict second = case_.juries[1].verdict;
        overturned = second != Verdict.None && !_agree(case_.juries[0].verdict, second);
    }

    /// @inheritdoc IJury
    function seatOf(uint256 caseId, uint256 round, uint256 index) external view returns (address juror, bool coherent) {
        JuryCase storage case_ = _endedCase(caseId);
        if (round > 1 || index >= case_.juries[round].size) revert SeatUnknown(caseId, round, index);
        Seat storage held = _state.seats[_juryId(caseId, round)][index];
        return (held.juror, _agree(held.vote, _verdictOf(case_)));
    }

    /// @inheritdoc IJury
    function seat(uint256 caseId, uint256 round, uint256 index) external view returns (SeatView memory) {
        _caseOf(caseId);
        Seat storage held = _seatOf(caseId, round, index);
        return SeatView(held.juror, held.slot, held.commitment, held.vote, held.released);
    }

    /// @inheritdoc IJury
    function caseOf(uint256 caseId) external view returns (CaseView memory) {
        JuryCase storage case_ = _caseOf(caseId);
        return CaseView({
            pool: case_.pool,
            round: case_.round,
            stage: _stageOf(case_),
            windows: CaseWindows(case_.vote, case_.reveal, case_.appeal),
            first: _juryView(case_.juries[0]),
            second: _juryView(case_.juries[1])
        });
    }

    /// @inheritdoc IJury
    function poolOf(PoolTerms calldata terms) external view returns (PoolView memory) {
        uint24 id = _state.poolIds[keccak256(abi.encode(terms))];
        JuryPool storage pool = _state.pools[id];
        return PoolView(id, pool.sizeNow(), pool.tail - pool.head, pool.queue[pool.head] >> 1);
    }

    /// @inheritdoc IJury
    function slotOf(uint256 id) external view returns (SlotView memory) {
        Slot storage slot = _state.slots[id];
        return SlotView(slot.juror, slot.pool, slot.place == JuryPools.SEATED, slot.leavesAt);
    }

    /// @inheritdoc IJury
    function commitmentOf(uint256 caseId, uint256 round, uint256 index, address juror, Verdict verdict, bytes32 salt)
        public
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(VOTE, deployment, caseId, round, index, juror, verdict, salt));
    }

    /// @dev Case that exists.
    function _caseOf(uint256 caseId) internal view returns (JuryCase storage case_) {
        case_ = _state.cases[caseId];
        if (case_.pool == 0) revert CaseUnknown(caseId);
    }

    /// @dev Case at a stage.
    function _caseAt(uint256 caseId, CaseStage needed) internal view returns (JuryCase storage case_) {
        case_ = _caseOf(caseId);
        CaseStage stage = _stageOf(case_);
        if (stage != needed) revert StageDiffers(caseId, stage);
    }

    /// @dev Case whose verdict is final.
    function _endedCase(uint256 caseId) internal view returns (JuryCase storage case_) {
        case_ = _caseOf(caseId);
        if (_stageOf(case_) != CaseStage.Ended) revert NotEnded(caseId);
    }

    /// @dev Seat that somebody was drawn for.
    function _seatOf(uint256 caseId, uint256 round, uint256 index) internal view returns (Seat storage held) {
        held = _state.seats[_juryId(caseId, round)][index];
        if (round > 1 || held.juror == address(0)) revert SeatUnknown(caseId, round, index);
    }

    /// @dev How far a case is; the last second of a window belongs to it.
    function _stageOf(JuryCase storage case_) internal view returns (CaseStage) {
        JuryRecord storage jury = case_.juries[case_.round];
        if (jury.closedAt != 0) {
            bool appealable = case_.round == 0 && jury.drawnAt != 0 && block.timestamp <= jury.closedAt + case_.appeal;
            return appealable ? CaseStage.Appealable : CaseStage.Ended;
        }
        if (jury.drawnAt == 0) return CaseStage.Queued;
        uint256 voted = jury.drawnAt + case_.vote;
        if (block.timestamp <= voted) return CaseStage.Voting;
        return block.timestamp <= voted + case_.reveal ? CaseStage.Revealing : CaseStage.Counting;
    }

    /// @dev Verdict as far as there is one: the second jury's, or the first's if that has none.
    function _verdictOf(JuryCase storage case_) internal view returns (Verdict) {
        Verdict second = case_.juries[1].verdict;
        return second == Verdict.None ? case_.juries[0].verdict : second;
    }

    /// @dev Whether two say the same on GOOD or BAD; who says nothing agrees with nobody.
    function _agree(Verdict one, Verdict other) internal pure returns (bool) {
        if (one == Verdict.None || other == Verdict.None) return false;
        return (one == Verdict.Good) == (other == Verdict.Good);
    }

    /// @dev Number of a jury.
    function _juryId(uint256 caseId, uint256 round) internal pure returns (uint256) {
        return 2 * caseId + round;
    }

    function _juryView(JuryRecord storage jury) private view returns (JuryView memory) {
        return JuryView({
            size: jury.size,
            queuedAt: jury.queuedAt,
            anchor: jury.fixedIn == 0 ? 0 : jury.fixedIn + DELAY,
            drawnAt: jury.drawnAt,
            closedAt: jury.closedAt,
            good: jury.good,
            bad: jury.bad,
            corrected: jury.corrected,
            verdict: jury.verdict
        });
    }
}
