// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Attestation, Batch, HeldFees, Served, TaskTerms} from "../../src/types/Types.sol";
import {QuorumScene} from "../support/QuorumScene.sol";
import {Vm} from "../support/Vm.sol";

/// @title Attacks by and on coordinators, where owners post
contract IgnoredAttackTest is QuorumScene {
    uint256 private constant FEE = 0.4 ether + 3 * 0.1 ether;
    address private constant NEXT = address(0xC1);

    HeldFees private _held;

    function setUp() external {
        stageDeposits();
    }

    /// @dev An owner posts in every round, with a quorum's receipts: it is the coordinator that ignores it. After
    /// `lapseRounds` rounds anybody makes it leave, as if it had been away.
    function test_attack_coordinatorHasOwnersLapseThatItIgnores() external {
        TaskTerms memory with = market.task(task).terms;
        for (uint256 round = 0; round < with.lapseRounds; ++round) {
            if (round > 0) {
                fund(task, reserveOf(with, 8));
                openRound(task, 8);
            }
            accept(task, round, 0, 3);
            post(round, 7);
            close(task, round);
            market.finalizeRound(task, round);
        }
        vm.prank(COORDINATOR);
        try market.lapse(task, 7) {} catch {}
        isTrue(!market.ownerAt(task, 7).leaving, "an owner that dealt in every round stays");
    }

    /// @dev An accepted owner posts as well, for nothing but gas. The submit window is over, and nobody is or can be ignored any
    /// more; still the payees of all batches wait for the end of the round, and need a second transaction a batch.
    function test_attack_acceptedOwnerHoldsUpThePayees() external {
        post(0, 1);
        vm.recordLogs();
        market.acceptBatch(batchOf(task, 0, 0, 3));
        _held = _lastHeld();
        vm.warp(START + WINDOW + 1);
        Served memory served;
        (served.payload, served.posted) = ("sum", keccak256("sum"));
        bytes32 kind = typed(
            "Availability(bytes32 batchId,uint256 challenge,bytes32 posted)",
            abi.encode(_held.batchId, 0, served.posted)
        );
        served.receipts = byQuorum(kind);
        vm.warp(_held.due);
        market.settleFees(task, 0, 0, _held, served);
        equal(owedEther(COORDINATOR), FEE, "paid with the provers");
    }

    /// @dev The quorum names another coordinator after silence; the model owner undoes it in the next transaction, or in front.
    function test_attack_modelOwnerUndoesTheQuorumsWord() external {
        vm.warp(START + WINDOW + WINDOW / 2 + 1);
        bytes32 digest = typed(
            "Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)",
            abi.encode(task, market.task(task).roundsOpened, market.task(task).coordinatorChanges, NEXT)
        );
        market.setCoordinatorByQuorum(task, NEXT, byQuorum(digest));
        vm.prank(modelOwner);
        try market.setCoordinator(task, COORDINATOR) {} catch {}
        equal(market.task(task).coordinator, NEXT, "the quorum's word holds");
    }

    /// @dev The model owner is to have nothing of a forfeited deposit (`Forfeit`). It names itself coordinator when the round is
    /// closed, in front of the coordinator's exclusion, whose receipts it copies: half of the deposit is its own.
    function test_attack_modelOwnerTakesTheCoordinatorsPartOfADeposit() external {
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 5, DEALING));
        close(task, 0);
        vm.prank(modelOwner);
        market.setCoordinator(task, modelOwner);
        vm.prank(modelOwner);
        market.exclude(task, 0, 5, DEALING, receipts);
        equal(owedEther(modelOwner), 0, "nothing for the model owner");
    }

    /// @dev "Not while a coordinator may be at work": it is at work in round 0, which is open and has a batch, and where somebody
    /// has posted. The model owner opens round 1 soon, in which nobody submits, and calls that silence.
    function test_attack_coordinatorIsReplacedInsideARoundThatItWorksOn() external {
        accept(task, 0, 0, 3);
        post(0, 5);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        vm.warp(START + WINDOW + WINDOW / 2 + 1);
        isTrue(!market.round(task, 0).closed, "round 0 takes batches");
        vm.prank(modelOwner);
        try market.setCoordinator(task, NEXT) {} catch {}
        equal(market.task(task).coordinator, COORDINATOR, "the coordinator of the round that is open");
    }

    /// @dev Rounds 0 and 1 are open. An owner posts in round 1, and is excluded for its dealing in round 0: it has lost its
    /// deposit, posts no more, and coordinators take it no more. Still it counts as ignored in round 1, where nobody can
    /// exclude it.
    function test_attack_excludedOwnerCountsAsIgnoredInTheNextRound() external {
        accept(task, 0, 0, 3);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        post(1, 5);
        exclude(0, 5);
        vm.recordLogs();
        market.acceptBatch(batchOf(task, 1, 0, 3));
        _held = _lastHeld();
        uint256 before = owedEther(COORDINATOR);
        close(task, 1);
        market.refundFees(task, 1, 0, _held);
        equal(owedEther(COORDINATOR) - before, FEE, "in full");
    }

    function _lastHeld() private returns (HeldFees memory held) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMarket.FeesHeld.selector) held = abi.decode(logs[i].data, (HeldFees));
        }
    }
}
