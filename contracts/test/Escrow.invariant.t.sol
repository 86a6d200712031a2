// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {Attestation, Batch, BatchRecord, OwnerEntry, RoundView, TaskTerms, TaskView} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {StubVerifier} from "./support/StubVerifier.sol";

/// @title Random but sensible calls of the market by everyone; task 0 pays by contribution, task 1 equally
contract EscrowHandler is Scene {
    uint256 private constant OWNERS = 12;
    uint16 private constant MAX_OWNERS = 8;
    uint256 private constant TASKS = 2;

    /// @dev A reward that was assigned and perhaps claimed.
    struct Reward {
        uint256 taskId;
        uint256 round;
        uint256 batchIndex;
        BatchRecord record;
        uint256 slot;
        uint256 index;
        address owner;
        uint256 amount;
        bytes32[] proof;
        bool claimed;
    }

    Reward[] private _rewards;
    uint256 public unclaimed;
    bool public paidTwice;
    bool public refusedWrongly;

    constructor() {
        vm.chainId(CHAIN_ID);
        deploy("norm_3");
        for (uint256 taskId = 0; taskId < TASKS; ++taskId) {
            StubVerifier stub = new StubVerifier(taskId == 0);
            TaskTerms memory t = terms(MAX_OWNERS);
            t.verifier = address(stub);
            t.rounds = 100;
            t.rewardPerGradient = 1000;
            createTask(t);
            address[] memory owners = new address[](OWNERS);
            for (uint256 i = 0; i < OWNERS; ++i) {
                owners[i] = ownerAddress(i);
            }
            vm.prank(modelOwner);
            market.admit(taskId, owners);
        }
    }

    function fundTask(uint256 taskId, uint256 amount) external {
        amount = amount % 60_000 + 1;
        vm.deal(address(this), amount);
        market.fund{value: amount}(taskId % TASKS);
    }

    function open(uint256 taskId) external {
        vm.prank(modelOwner);
        market.openRound(taskId % TASKS, keccak256("model"));
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

    function accept(uint256 taskId, uint256 first, uint256 count, uint256 seed) external {
        taskId %= TASKS;
        count = count % 3 + 2;
        Batch memory batch;
        batch.taskId = taskId;
        batch.round = market.task(taskId).roundsOpened - 1;
        batch.payloadDigest = bytes32(seed);
        batch.owners = new OwnerEntry[](count);
        batch.indices = new bytes(2 * count);
        batch.proof.contributions = new uint256[](taskId == 0 ? count : 0);
        for (uint256 i = 0; i < count; ++i) {
            setIndex(batch, i, uint16(first % (OWNERS - 4) + i));
            resign(batch, i);
            if (taskId == 1) continue;
            uint256 w = uint256(keccak256(abi.encode(seed, i))) % 1000;
            batch.proof.contributions[i] = w < 300 ? (BN254.R - w) % BN254.R : w;
        }
        _submit(batch);
    }

    function claim(uint256 which) external {
        if (_rewards.length == 0) return;
        Reward storage reward = _rewards[which % _rewards.length];
        bytes memory call = reward.taskId == 1
            ? abi.encodeCall(market.claim, (1, reward.round, reward.index))
            : abi.encodeCall(
                market.claimContribution,
                (
                    reward.taskId,
                    reward.round,
                    reward.batchIndex,
                    reward.record,
                    reward.slot,
                    reward.owner,
                    reward.amount,
                    reward.proof
                )
            );
        (bool paid,) = MARKET.call(call);
        if (!paid) {
            if (!reward.claimed) refusedWrongly = true;
            return;
        }
        if (reward.claimed) paidTwice = true;
        else unclaimed -= reward.amount;
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
                if (market.round(taskId, number).spent > uint256(MAX_OWNERS) * 1000) return true;
            }
        }
        return false;
    }

    function _submit(Batch memory batch) private {
        BatchRecord memory record;
        (record.batchId, record.commitmentX, record.commitmentY) = _answer(batch);
        (record.payloadDigest, record.owners) = (batch.payloadDigest, batch.owners.length);
        batch.attestations = new Attestation[](3);
        for (uint8 i = 0; i < 3; ++i) {
            batch.attestations[i] = attestBy(proverKey(i), i, record.batchId, record.payloadDigest);
        }
        uint256 batchIndex = market.acceptBatch(batch);
        if (batch.taskId == 1) _rememberEqual(batch, batchIndex, record);
        else _rememberWeighted(batch, batchIndex, record);
    }

    function _rememberEqual(Batch memory batch, uint256 batchIndex, BatchRecord memory record) private {
        for (uint256 i = 0; i < batch.owners.length; ++i) {
            _remember(batch, batchIndex, record, i, 1000, new bytes32[](0));
        }
    }

    function _rememberWeighted(Batch memory batch, uint256 batchIndex, BatchRecord memory record) private {
        uint256[] memory amounts = amountsOf(batch.proof.contributions, 1000);
        bytes32[] memory leaves = new bytes32[](amounts.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = leafOf(record.batchId, i, ownerAddress(indexOf(batch, i)), amounts[i]);
        }
        record.rewardsRoot = rootOf(leaves);
        for (uint256 i = 0; i < leaves.length; ++i) {
            _remember(batch, batchIndex, record, i, amounts[i], proofOf(leaves, i));
        }
    }

    function _remember(
        Batch memory batch,
        uint256 batchIndex,
        BatchRecord memory record,
        uint256 slot,
        uint256 amount,
        bytes32[] memory proof
    ) private {
        unclaimed += amount;
        uint256 index = indexOf(batch, slot);
        _rewards.push(
            Reward(
                batch.taskId, batch.round, batchIndex, record, slot, index, ownerAddress(index), amount, proof, false
            )
        );
    }

    function _answer(Batch memory batch) private view returns (bytes32, uint256, uint256) {
        StubVerifier stub = StubVerifier(market.task(batch.taskId).terms.verifier);
        return stub.verify(statementOf(batch), batch.proof);
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
