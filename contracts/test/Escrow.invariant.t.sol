// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Batch, OwnerEntry, RoundView, TaskTerms, TaskView} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Random but sensible calls of the market by everyone, on tasks of different pay
contract EscrowHandler is Scene {
    uint256 private constant OWNERS = 12;
    uint16 private constant MAX_IN_ROUND = 8;
    uint256 private constant TASKS = 2;

    /// @dev A reward that is owed and perhaps claimed.
    struct Reward {
        uint256 taskId;
        uint256 round;
        uint256 index;
        bool claimed;
    }

    Reward[] private _rewards;
    uint256 public unclaimed;
    bool public paidTwice;
    bool public refusedWrongly;

    constructor() {
        deploy("norm_3");
        for (uint256 taskId = 0; taskId < TASKS; ++taskId) {
            TaskTerms memory t = stubTerms(0);
            t.maxOwnersPerRound = MAX_IN_ROUND;
            t.rounds = 100;
            t.rewardPerGradient = _reward(taskId);
            createTask(t);
            admitOwners(taskId, 0, OWNERS);
        }
    }

    function fundTask(uint256 taskId, uint256 amount) external {
        amount = amount % 60_000 + 1;
        vm.deal(address(this), amount);
        market.fund{value: amount}(taskId % TASKS);
    }

    function open(uint256 taskId) external {
        openRound(taskId % TASKS);
    }

    function withdraw(uint256 taskId, uint256 amount) external {
        taskId %= TASKS;
        uint256 balance = market.task(taskId).balance;
        vm.prank(modelOwner);
        market.withdraw(taskId, amount % (balance / 4 + 2));
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + time % (WINDOW / 4));
    }

    function finalize(uint256 taskId) external {
        taskId %= TASKS;
        uint256 number = market.task(taskId).roundsOpened - 1;
        uint256 deadline = market.round(taskId, number).settleDeadline;
        if (block.timestamp <= deadline) vm.warp(deadline + 1);
        market.finalizeRound(taskId, number);
    }

    function accept(uint256 taskId, uint256 first, uint256 count, bytes32 seed) external {
        taskId %= TASKS;
        count = count % 3 + 2;
        Batch memory batch;
        batch.taskId = taskId;
        batch.round = market.task(taskId).roundsOpened - 1;
        batch.proof.signSeed = seed;
        batch.owners = new OwnerEntry[](count);
        batch.indices = new bytes(2 * count);
        for (uint256 i = 0; i < count; ++i) {
            setIndex(batch, i, uint16(first % (OWNERS - 4) + i));
        }
        resignAll(batch);
        attest(batch, batchIdOf(batch));
        market.acceptBatch(batch);
        unclaimed += count * _reward(taskId);
        for (uint256 i = 0; i < count; ++i) {
            _rewards.push(Reward(taskId, batch.round, indexOf(batch, i), false));
        }
    }

    function claim(uint256 which) external {
        if (_rewards.length == 0) return;
        Reward storage reward = _rewards[which % _rewards.length];
        (bool paid,) = MARKET.call(abi.encodeCall(market.claim, (reward.taskId, reward.round, reward.index)));
        if (!paid) {
            if (!reward.claimed) refusedWrongly = true;
            return;
        }
        if (reward.claimed) paidTwice = true;
        else unclaimed -= _reward(reward.taskId);
        reward.claimed = true;
    }

    /// @dev Free balances of all tasks, and what their open rounds have not assigned.
    function held() external view returns (uint256 sum) {
        for (uint256 taskId = 0; taskId < TASKS; ++taskId) {
            TaskView memory state = market.task(taskId);
            sum += state.balance + state.reserved;
            for (uint256 number = 0; number < state.roundsOpened; ++number) {
                RoundView memory current = market.round(taskId, number);
                if (!current.finalized) sum -= current.spent;
            }
        }
    }

    /// @dev Whether a round assigned more than its reserve.
    function overspent() external view returns (bool) {
        for (uint256 taskId = 0; taskId < TASKS; ++taskId) {
            for (uint256 number = 0; number < market.task(taskId).roundsOpened; ++number) {
                if (market.round(taskId, number).spent > MAX_IN_ROUND * _reward(taskId)) return true;
            }
        }
        return false;
    }

    function _reward(uint256 taskId) private pure returns (uint128) {
        return taskId == 0 ? 1000 : 777;
    }
}

/// @title Escrow is conserved
contract EscrowInvariantTest is Scene {
    EscrowHandler private _handler;

    function setUp() external {
        _handler = new EscrowHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev Every wei is free, reserved or an unclaimed reward of exactly one task, to the wei: nothing is lost either.
    function invariant_escrow_conserved() external view {
        equal(MARKET.balance, _handler.held() + _handler.unclaimed(), "escrow");
    }

    function invariant_claim_onceAndAlways() external view {
        isTrue(!_handler.paidTwice(), "a reward was paid twice");
        isTrue(!_handler.refusedWrongly(), "an assigned reward was refused");
    }

    function invariant_round_neverOverspent() external view {
        isTrue(!_handler.overspent(), "a round spent more than its reserve");
    }
}
