// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {IExclusions} from "../../src/interfaces/IExclusions.sol";
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

    /// @dev An owner posts in every round, with a quorum's receipts: it is the coordinator that ignores it. It is
    /// not away, whatever the coordinator wants to have it look like.
    function test_attack_ownerThatPostsDoesNotLapse() external {
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
    /// more: payees of batches are paid in one transaction with the provers.
    function test_attack_acceptedOwnerThatPostedHoldsUpNobody() external {
        post(0, 1);
        vm.warp(START + 1); // so that the fees are due when the submit window is over
        vm.recordLogs();
        market.acceptBatch(batchOf(task, 0, 0, 3));
        _held = _lastHeld();
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

    /// @dev The quorum names another coordinator after silence; the model owner would undo it in the next transaction. It may
    /// name another one when a further round is closed.
    function test_attack_modelOwnerCannotUndoTheQuorumsWord() external {
        vm.warp(START + WINDOW + WINDOW / 2 + 1);
        _nameByQuorum(NEXT);
        vm.prank(modelOwner);
        try market.setCoordinator(task, COORDINATOR) {} catch {}
        equal(market.task(task).coordinator, NEXT, "the quorum's word holds");
        close(task, 0);
        market.finalizeRound(task, 0);
        _refused(1);
        openRound(task, 8);
        vm.warp(vm.getBlockTimestamp() + WINDOW + WINDOW / 2 + 1);
        _refused(1);
        close(task, 1);
        vm.prank(modelOwner);
        market.setCoordinator(task, COORDINATOR);
        equal(market.task(task).coordinator, COORDINATOR, "after a round of its own");
    }

    /// @dev Before the first round as well. The quorum itself may name yet another one.
    function test_setCoordinator_afterAQuorumBeforeTheFirstRound() external {
        task = createTask(feeTerms());
        _nameByQuorum(NEXT);
        _refused(0);
        _nameByQuorum(COORDINATOR);
        equal(market.task(task).coordinator, COORDINATOR, "the quorum's second word");
    }

    /// @dev The model owner is to have nothing of a forfeited deposit (`Forfeit`). It names itself coordinator when the round is
    /// closed, in front of the coordinator's exclusion, whose receipts it copies.
    function test_attack_modelOwnerHasNothingOfADeposit() external {
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 5, DEALING));
        close(task, 0);
        vm.prank(modelOwner);
        market.setCoordinator(task, modelOwner);
        vm.prank(modelOwner);
        market.exclude(task, 0, 5, DEALING, receipts);
        equal(owedEther(modelOwner), 0, "nothing for the model owner");
        equal(burntEther(), DEPOSIT, "all is burnt");
    }

    /// @dev In the round it is told by its name; once it is closed nobody can be told apart from who was named late.
    function test_exclude_redress() external {
        vm.warp(START + WINDOW + WINDOW / 2 + 1);
        vm.prank(modelOwner);
        market.setCoordinator(task, modelOwner);
        exclude(0, 5);
        equal(owedEther(modelOwner), 0, "not to the model owner");
        vm.prank(modelOwner);
        market.setCoordinator(task, NEXT);
        exclude(0, 6);
        equal(owedEther(NEXT), DEPOSIT / 4, "to the coordinator of the round");
        close(task, 0);
        exclude(0, 7);
        equal(owedEther(NEXT), DEPOSIT / 4, "not when it is closed");
        equal(owedEther(REPORTER), 3 * uint256(DEPOSIT) / 4, "reporters' part as ever");
        equal(burntEther(), 2 * uint256(DEPOSIT), "the rest");
    }

    /// @dev The coordinator is at work in round 0, which is open and has a batch, and where somebody has posted. The model owner
    /// opens round 1 soon, in which nobody submits, and would call that silence.
    function test_attack_coordinatorStaysInARoundThatItWorksOn() external {
        accept(task, 0, 0, 3);
        post(0, 5);
        fund(task, reserveOf(market.task(task).terms, 8));
        openRound(task, 8);
        vm.warp(START + WINDOW + WINDOW / 2 + 1);
        isTrue(!market.round(task, 0).closed, "round 0 takes batches");
        vm.prank(modelOwner);
        try market.setCoordinator(task, NEXT) {} catch {}
        equal(market.task(task).coordinator, COORDINATOR, "the coordinator of the round that is open");
        _refused(0);
        close(task, 0);
        vm.prank(modelOwner);
        market.setCoordinator(task, NEXT);
        equal(market.task(task).coordinator, NEXT, "silent in the only one that is open");
    }

    /// @dev Rounds 0 and 1 are open. An owner posts in round 1, and is excluded for its dealing in round 0: it has lost its
    /// deposit, posts no more, and coordinators take it no more. In round 1 it dealt well, so that no quorum signs anything:
    /// anybody has it forgotten there.
    function test_attack_excludedOwnerCountsAsIgnoredInNoRound() external {
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
        Attestation[] memory nothing;
        market.exclude(task, 1, 5, bytes32(0), nothing);
        market.refundFees(task, 1, 0, _held);
        equal(owedEther(COORDINATOR) - before, FEE, "in full");
        vm.expectRevert(abi.encodeWithSelector(IExclusions.AlreadyExcluded.selector, task, 5));
        market.exclude(task, 1, 5, bytes32(0), nothing);
    }

    /// @dev Of an owner that is not excluded nothing is forgotten without a quorum.
    function test_exclude_forgetsNobodyElse() external {
        post(0, 5);
        Attestation[] memory nothing;
        vm.expectPartialRevert(ICommitteeRegistry.TooFewAttestations.selector);
        market.exclude(task, 0, 5, DEALING, nothing);
    }

    /// @dev After the submit window the number of ignored owners only falls: payees are paid once it is 0, and not before.
    function test_settleFees_waitsWhileSomebodyIsIgnored() external {
        post(0, 1);
        post(0, 7);
        vm.recordLogs();
        market.acceptBatch(batchOf(task, 0, 0, 3));
        _held = _lastHeld();
        vm.warp(_held.due + 1);
        vm.recordLogs();
        market.refundFees(task, 0, 0, _held);
        _held = _lastHeld();
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, task, 0));
        market.refundFees(task, 0, 0, _held);
        uint256 before = owedEther(COORDINATOR);
        accept(task, 0, 5, 3);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR) - before, FEE, "in full");
    }

    function _nameByQuorum(address coordinator) private {
        bytes32 digest = typed(
            "Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)",
            abi.encode(task, market.task(task).roundsOpened, market.task(task).coordinatorChanges, coordinator)
        );
        market.setCoordinatorByQuorum(task, coordinator, byQuorum(digest));
    }

    /// @dev The model owner names a coordinator, which is one too many because of a round.
    function _refused(uint256 round) private {
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CoordinatorActive.selector, task, round));
        market.setCoordinator(task, address(0xD1));
    }

    function _lastHeld() private returns (HeldFees memory held) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMarket.FeesHeld.selector) held = abi.decode(logs[i].data, (HeldFees));
        }
    }
}
