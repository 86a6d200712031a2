// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Forfeit} from "../libraries/Forfeit.sol";
import {Funds} from "../libraries/Funds.sol";
import {JuryViews} from "./JuryViews.sol";
import {IJury} from "./interfaces/IJury.sol";
import {JuryPools} from "./libraries/JuryPools.sol";
import {JuryCase, JuryPool, JuryRecord, JuryState, Seat, Slot} from "./types/JuryState.sol";
import {CaseStage, CaseWindows, PoolTerms, Verdict} from "./types/Juries.sol";

/// @title The jury of cases about samples
/// @notice See `IJury`. Invariant, for each token: the contract holds the units of all slots that were neither withdrawn nor lost, and
/// all credits.
contract Jury is JuryViews {
    using JuryPools for JuryPool;
    using JuryPools for JuryState;

    uint256 private constant MOST_SLOTS = 32;
    uint256 private constant LEAST_NOTICE = 2 hours;
    uint256 private constant MOST_TIME = 30 days;
    /// @dev For a pool that is too small to grow.
    uint256 private constant DRAW_PERIOD = 3 days;

    /// @param notice_ Seconds from `resign` to `withdraw`, 2 hours to 30 days.
    /// @param minimumWindow_ Least window of a case, in seconds: jurors of slow chains must have time to vote.
    constructor(uint32 notice_, uint32 minimumWindow_) JuryViews(notice_, minimumWindow_) {
        if (notice_ < LEAST_NOTICE || notice_ > MOST_TIME) revert NoticeInvalid(notice_);
    }

    /// @dev Only the campaigns' contract.
    modifier onlyCampaigns() {
        if (msg.sender != campaigns) revert NotCampaigns(msg.sender);
        _;
    }

    /// @inheritdoc IJury
    function join(PoolTerms calldata terms, uint256 slots) external payable nonReentrant returns (uint256 first) {
        if (slots == 0 || slots > MOST_SLOTS) revert SlotsInvalid(slots);
        uint24 pool = _state.demand(terms);
        first = _state.slotCount + 1;
        _state.slotCount += slots;
        for (uint256 i = 0; i < slots; ++i) {
            (_state.slots[first + i].juror, _state.slots[first + i].pool) = (msg.sender, pool);
        }
        _state.enter(_state.pools[pool], first, slots);
        emit Joined(pool, msg.sender, first, slots);
        Funds.take(terms.token, terms.unit * slots);
    }

    /// @inheritdoc IJury
    function resign(uint256 id) external {
        Slot storage slot = _slot(id);
        if (msg.sender != slot.juror) revert NotTheJuror(msg.sender, slot.juror);
        if (slot.leavesAt != 0) revert Leaving(id, slot.leavesAt);
        slot.leavesAt = uint40(block.timestamp + notice);
        if (slot.place != JuryPools.SEATED) _state.exit(_state.pools[slot.pool], id, 0);
        emit LeaveAnnounced(id, slot.leavesAt);
    }

    /// @inheritdoc IJury
    function withdraw(uint256 id) external {
        Slot storage slot = _slot(id);
        if (slot.leavesAt == 0 || block.timestamp < slot.leavesAt) revert NoticeNotOver(id, slot.leavesAt);
        if (slot.place == JuryPools.SEATED) revert SlotSeated(id);
        address juror = slot.juror;
        PoolTerms storage terms = _state.pools[slot.pool].terms;
        delete _state.slots[id];
        emit Withdrawn(id, juror);
        _credit(terms.token, juror, terms.unit);
    }

    /// @inheritdoc IJury
    function open(PoolTerms calldata terms, CaseWindows calldata windows)
        external
        onlyCampaigns
        returns (uint256 caseId)
    {
        _requireWindow(windows.vote);
        _requireWindow(windows.reveal);
        _requireWindow(windows.appeal);
        _requireWindow(uint256(windows.vote) + windows.reveal + windows.appeal);
        uint24 pool = _state.demand(terms);
        caseId = ++_state.caseCount;
        JuryCase storage case_ = _state.cases[caseId];
        (case_.pool, case_.vote, case_.reveal, case_.appeal) = (pool, windows.vote, windows.reveal, windows.appeal);
        emit CaseOpened(caseId, pool, windows);
        _summon(caseId, case_, terms.jurors);
    }

    /// @inheritdoc IJury
    function appeal(uint256 caseId) external onlyCampaigns {
        JuryCase storage case_ = _caseAt(caseId, CaseStage.Appealable);
        case_.round = 1;
        uint8 seats = 2 * case_.juries[0].size + 1;
        emit CaseAppealed(caseId, seats);
        _summon(caseId, case_, seats);
    }

    /// @inheritdoc IJury
    function draw(uint256 caseId) external returns (bool drawn) {
        JuryCase storage case_ = _caseAt(caseId, CaseStage.Queued);
        JuryPool storage pool = _state.pools[case_.pool];
        uint256 juryId = _juryId(caseId, case_.round);
        uint256 head = pool.queue[pool.head];
        if (head != juryId) revert NotItsTurn(caseId, head >> 1);
        JuryRecord storage jury = case_.juries[case_.round];
        uint256 size = pool.sizeAt(jury.fixedIn);
        if (size < jury.size) {
            _putOff(pool, juryId, jury);
            return false;
        }
        uint256 anchor = jury.fixedIn + DELAY;
        if (block.number <= anchor) revert AnchorNotMined(anchor);
        bytes32 hash = blockhash(anchor);
        // What left after the list was fixed is there until its notice is over, and not a second longer.
        if (hash == 0 || block.timestamp >= uint256(jury.fixedAt) + notice) {
            _anchor(pool);
            return false;
        }
        bytes32 seed = keccak256(abi.encode(deployment, juryId, hash));
        jury.drawnAt = uint40(block.timestamp);
        uint256[] memory slots = pool.draw(jury.fixedIn, size, jury.size, seed);
        _seat(pool, juryId, slots);
        emit Drawn(caseId, case_.round, seed, slots);
        _next(pool);
        return true;
    }

    /// @inheritdoc IJury
    function commitVote(uint256 caseId, uint256 round, uint256 index, bytes32 commitment) external {
        Seat storage held = _sitting(caseId, CaseStage.Voting, round, index);
        if (msg.sender != held.juror) revert NotTheJuror(msg.sender, held.juror);
        if (commitment == 0 || held.commitment != 0) revert VoteCommitmentInvalid(caseId, index);
        held.commitment = commitment;
        emit VoteCommitted(caseId, round, index, commitment);
    }

    /// @inheritdoc IJury
    function revealVote(uint256 caseId, uint256 round, uint256 index, Verdict verdict, bytes32 salt) external {
        Seat storage held = _sitting(caseId, CaseStage.Revealing, round, index);
        if (held.vote != Verdict.None) revert VoteRevealed(caseId, index);
        bytes32 commitment = commitmentOf(caseId, round, index, held.juror, verdict, salt);
        if (verdict == Verdict.None || held.commitment != commitment) revert VoteDiffers(caseId, index);
        held.vote = verdict;
        JuryRecord storage jury = _state.cases[caseId].juries[round];
        if (verdict == Verdict.Good) ++jury.good;
        else if (verdict == Verdict.Bad) ++jury.bad;
        else ++jury.corrected;
        emit VoteCast(caseId, round, index, verdict);
    }

    /// @inheritdoc IJury
    function close(uint256 caseId) external returns (Verdict verdict) {
        JuryCase storage case_ = _caseAt(caseId, CaseStage.Counting);
        JuryRecord storage jury = case_.juries[case_.round];
        verdict = _count(jury);
        (jury.verdict, jury.closedAt) = (verdict, uint40(block.timestamp));
        emit JuryClosed(caseId, case_.round, verdict);
    }

    /// @inheritdoc IJury
    function release(uint256 caseId, uint256 round, uint256 index) external {
        Verdict verdict = _verdictOf(_endedCase(caseId));
        Seat storage held = _seatOf(caseId, round, index);
        if (held.released) revert SeatReleased(caseId, round, index);
        held.released = true;
        uint256 id = held.slot;
        bool kept = verdict == Verdict.None ? held.vote != Verdict.None : _agree(held.vote, verdict);
        emit Released(caseId, round, index, id, !kept);
        Slot storage slot = _state.slots[id];
        JuryPool storage pool = _state.pools[slot.pool];
        --pool.seated;
        if (!kept) {
            delete _state.slots[id];
            _divide(caseId, round, verdict, pool.terms);
        } else if (slot.leavesAt == 0) {
            _state.enter(pool, id, 1);
        } else {
            slot.place = 0;
        }
    }

    /// @dev Divides a lost unit among the seats of the same jury that agree with the verdict; without any, it is burnt, and so is
    /// what does not divide. So who errs now and then has back, when others err, what it loses.
    function _divide(uint256 caseId, uint256 round, Verdict verdict, PoolTerms storage terms) private {
        JuryRecord storage jury = _state.cases[caseId].juries[round];
        uint256 right = verdict == Verdict.None ? 0 : verdict == Verdict.Good ? jury.good : jury.bad + jury.corrected;
        uint256 share = right == 0 ? 0 : terms.unit / right;
        uint256 juryId = _juryId(caseId, round);
        for (uint256 i = 0; share != 0 && i < jury.size; ++i) {
            Seat storage other = _state.seats[juryId][i];
            if (_agree(other.vote, verdict)) _credit(terms.token, other.juror, share);
        }
        _credit(terms.token, Forfeit.NOBODY, right == 0 ? terms.unit : terms.unit % right);
    }

    /// @dev Queues a jury of so many.
    function _summon(uint256 caseId, JuryCase storage case_, uint8 seats) private {
        JuryRecord storage jury = case_.juries[case_.round];
        (jury.size, jury.queuedAt) = (seats, uint40(block.timestamp));
        JuryPool storage pool = _state.pools[case_.pool];
        pool.queue[pool.tail++] = _juryId(caseId, case_.round);
        if (pool.tail - pool.head == 1) _anchor(pool);
    }

    /// @dev Fixes the list of slots for the first jury of the queue: as it is at the end of this block.
    function _anchor(JuryPool storage pool) private {
        uint256 juryId = pool.queue[pool.head];
        JuryRecord storage jury = _state.cases[juryId >> 1].juries[juryId & 1];
        (jury.fixedIn, jury.fixedAt) = (uint40(block.number), uint40(block.timestamp));
        emit Anchored(juryId >> 1, juryId & 1, block.number + DELAY);
    }

    /// @dev It is the next jury's turn.
    function _next(JuryPool storage pool) private {
        if (++pool.head != pool.tail) _anchor(pool);
    }

    /// @dev Sends a jury that the pool could not fill to the end of the queue, or ends it. While the pool can fill it now it is not ended,
    /// or who dislikes a draw could leave and end it. A first jury waits for slots that sit on others, or who keeps all jurors
    /// busy with cases of its own could end it. An appeal does not: two of them would wait for one another's first juries.
    function _putOff(JuryPool storage pool, uint256 juryId, JuryRecord storage jury) private {
        uint256 coming = juryId & 1 == 0 ? pool.seated : 0;
        bool tooSmall = pool.sizeNow() + coming < jury.size;
        if (tooSmall && block.timestamp > uint256(jury.queuedAt) + DRAW_PERIOD) {
            jury.closedAt = uint40(block.timestamp);
            emit JuryClosed(juryId >> 1, juryId & 1, Verdict.None);
        } else {
            pool.queue[pool.tail++] = juryId;
        }
        _next(pool);
    }

    /// @dev Takes drawn slots off the list, or keeps those that left since from being withdrawn.
    function _seat(JuryPool storage pool, uint256 juryId, uint256[] memory slots) private {
        pool.seated += uint64(slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            Slot storage slot = _state.slots[slots[i]];
            Seat storage held = _state.seats[juryId][i];
            (held.juror, held.slot) = (slot.juror, uint64(slots[i]));
            if (slot.place == 0) slot.place = JuryPools.SEATED;
            else _state.exit(pool, slots[i], JuryPools.SEATED);
        }
    }

    /// @dev Verdict by the votes that were revealed.
    function _count(JuryRecord storage jury) private view returns (Verdict) {
        (uint256 good, uint256 corrected) = (jury.good, jury.corrected);
        uint256 bad = jury.bad + corrected;
        if (2 * (good + bad) <= jury.size || good == bad) return Verdict.None;
        if (good > bad) return Verdict.Good;
        return 2 * corrected > good + bad ? Verdict.Corrected : Verdict.Bad;
    }

    /// @dev Seat of the jury that sits, at a stage of its case.
    function _sitting(uint256 caseId, CaseStage stage, uint256 round, uint256 index)
        private
        view
        returns (Seat storage)
    {
        JuryCase storage case_ = _caseAt(caseId, stage);
        if (round != case_.round) revert RoundDiffers(round, case_.round);
        return _seatOf(caseId, round, index);
    }

    /// @dev Slot that exists.
    function _slot(uint256 id) private view returns (Slot storage slot) {
        slot = _state.slots[id];
        if (slot.juror == address(0)) revert SlotUnknown(id);
    }

    function _requireWindow(uint256 window) private view {
        if (window < minimumWindow || window > MOST_TIME) revert WindowInvalid(window, minimumWindow, MOST_TIME);
    }
}
