// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {PoolTerms, Verdict} from "./Juries.sol";

/// @notice A slot, in one word.
/// @param place 1 more than its index in the list of its pool, 0 if it is off it, `JuryPools.SEATED` while it sits.
/// @param leavesAt Time from which it may be withdrawn, 0 if it does not leave.
struct Slot {
    address juror;
    uint24 pool;
    uint32 place;
    uint40 leavesAt;
}

/// @notice A pool.
/// @param head First ticket of the queue of juries to be drawn.
/// @param tail The next ticket.
/// @param seated Slots that sit on juries.
/// @param sizes Length of the list of slots, by block.
/// @param places Number of the slot at each index, by block.
/// @param queue Jury of each ticket: twice the case's number, plus the round.
struct JuryPool {
    PoolTerms terms;
    uint64 head;
    uint64 tail;
    uint64 seated;
    Checkpoints.Trace208 sizes;
    mapping(uint256 index => Checkpoints.Trace208) places;
    mapping(uint256 ticket => uint256) queue;
}

/// @notice A jury, in one word.
/// @param size Seats, 0 if there is no such jury.
/// @param queuedAt Time since which it is to be drawn.
/// @param fixedIn Block at whose end the list counts that it is drawn from, 0 before its turn.
/// @param fixedAt Time of that block.
/// @param drawnAt Time of the draw, 0 before.
/// @param closedAt Time at which it ended, 0 before.
struct JuryRecord {
    uint8 size;
    uint40 queuedAt;
    uint40 fixedIn;
    uint40 fixedAt;
    uint40 drawnAt;
    uint40 closedAt;
    uint8 good;
    uint8 bad;
    uint8 corrected;
    Verdict verdict;
}

/// @notice A case. Windows are seconds.
/// @param round The jury that it is before.
struct JuryCase {
    uint24 pool;
    uint8 round;
    uint32 vote;
    uint32 reveal;
    uint32 appeal;
    JuryRecord[2] juries;
}

/// @notice A seat.
struct Seat {
    address juror;
    uint64 slot;
    Verdict vote;
    bool released;
    bytes32 commitment;
}

/// @notice All of it.
/// @param seats By jury: twice the case's number, plus the round.
struct JuryState {
    uint256 poolCount;
    uint256 slotCount;
    uint256 caseCount;
    mapping(bytes32 terms => uint24) poolIds;
    mapping(uint256 id => JuryPool) pools;
    mapping(uint256 id => Slot) slots;
    mapping(uint256 id => JuryCase) cases;
    mapping(uint256 jury => mapping(uint256 index => Seat)) seats;
}
