// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Batch, HeldFees, Served, TaskTerms} from "../src/types/Types.sol";
import {QuorumScene} from "./support/QuorumScene.sol";
import {Vm} from "./support/Vm.sol";

/// @title What it costs whoever coordinates to ignore owners that posted
contract IgnoredOwnersTest is QuorumScene {
    /// @dev The payee's and each prover's fee of a batch of three.
    uint256 private constant FEE = 0.4 ether + 3 * 0.1 ether;
    uint256 private constant PROVER_FEE = 0.05 ether + 3 * 0.01 ether;

    HeldFees private _held;

    function setUp() external {
        stageDeposits();
        _accept(0, 3);
    }

    /// @dev Nobody posted: paid in full with the provers, as soon as nobody can any more.
    function test_settleFees_nobodyPosted() external {
        vm.warp(START + 50 minutes);
        _accept(3, 3);
        vm.warp(_held.due - 30 minutes + 1);
        isTrue(vm.getBlockTimestamp() <= market.round(task, 0).settleDeadline, "the round is open");
        Served memory served;
        served.receipts = byQuorum(_availability(0));
        _settleWith(1, served);
        equal(owedEther(COORDINATOR), FEE, "payee");
        equal(burntEther(), 0, "nothing burnt");
        _paidProvers(QUORUM);
    }

    /// @dev Who posted and was accepted in the end was not ignored, however late that was.
    function test_settleFees_acceptedLate() external {
        post(0, 5);
        Batch memory late = batchOf(task, 0, 4, 3);
        vm.warp(START + 2 hours);
        market.acceptBatch(late);
        close(task, 0);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE, "in full");
        equal(burntEther(), 0, "nothing burnt");
    }

    /// @dev Two of five were ignored: two fifths are burnt.
    function test_settleFees_ignored() external {
        post(0, 5);
        post(0, 6);
        close(task, 0);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE * 3 / 5, "payee");
        equal(burntEther(), FEE - FEE * 3 / 5, "burnt");
    }

    /// @dev The same part of every batch of the round.
    function test_settleFees_ignoredInTwoBatches() external {
        HeldFees memory first = _held;
        post(0, 7);
        _accept(3, 2);
        close(task, 0);
        market.refundFees(task, 0, 0, first);
        equal(owedEther(COORDINATOR), FEE * 5 / 6, "first");
        market.refundFees(task, 0, 1, _held);
        uint256 second = uint256(0.4 ether + 2 * 0.1 ether) * 5 / 6;
        equal(owedEther(COORDINATOR), FEE * 5 / 6 + second, "second");
    }

    /// @dev Junk costs its owner a deposit and the coordinator nothing, also in the last moment.
    function test_settleFees_excluded() external {
        post(0, 5);
        vm.warp(START + 2 hours);
        exclude(0, 5);
        close(task, 0);
        uint256 before = owedEther(COORDINATOR);
        uint256 burntBefore = burntEther();
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), before + FEE, "in full");
        equal(burntEther(), burntBefore, "nothing burnt of it");
    }

    /// @dev A coordinator that hurries, has its batch settled at once by a posted sum, and then ignores who comes: the
    /// fee waits until nobody can post any more. Provers are paid meanwhile, and once.
    function test_settleFees_beforeAnybodyCanPost() external {
        _settlePosted();
        equal(owedEther(COORDINATOR), 0, "waits");
        _paidProvers(QUORUM);
        post(0, 5);
        close(task, 0);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.FeesPaid(task, 0, 0, COORDINATOR, FEE * 3 / 4, 0, PROVER_FEE);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE * 3 / 4, "payee");
        _paidProvers(QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IMarket.FeesUnknown.selector, task, 0, 0));
        market.refundFees(task, 0, 0, _held);
    }

    /// @dev When nobody has posted in the submit window, it does not have to wait for the end of the round.
    function test_refundFees_afterTheSubmitWindow() external {
        _settlePosted();
        vm.warp(_held.due + 1);
        isTrue(vm.getBlockTimestamp() <= market.round(task, 0).settleDeadline, "the round is open");
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE, "payee");
        _paidProvers(QUORUM);
    }

    /// @dev What provers earn is settled or refunded when it is due. The payee's part is left, and nothing else is to
    /// be had.
    function test_refundFees_proversDoNotWait() external {
        post(0, 5);
        vm.warp(_held.due + 1);
        uint256 balance = market.task(task).balance;
        vm.recordLogs();
        market.refundFees(task, 0, 0, _held);
        _held = _lastHeld();
        equal(market.task(task).balance, balance + PROVERS * PROVER_FEE, "back");
        equal(owedEther(COORDINATOR), 0, "waits");
        _waits();
        Served memory served = _servedBy(QUORUM);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AvailabilityOverdue.selector, 0));
        market.settleFees(task, 0, 0, _held, served);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ChallengeImpossible.selector, 0));
        market.challengeAvailability(task, 0, 0, _held);
        vm.warp(market.round(task, 0).settleDeadline);
        _waits();
        close(task, 0);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE * 3 / 4, "payee");
        equal(market.task(task).balance, balance + PROVERS * PROVER_FEE, "nothing twice");
        equal(market.heldFees(task, 0, 0), 0, "nothing is left");
    }

    /// @dev Members that were left out are added while the payee waits, and the payee is paid along with them if it is
    /// time.
    function test_settleFees_addedLater() external {
        TaskTerms memory with = feeTerms();
        with.availabilityWindow = 3 hours;
        _restage(with);
        _settlePosted();
        equal(owedEther(COORDINATOR), 0, "waits");
        close(task, 0);
        market.settleFees(task, 0, 0, _held, _servedBy(PROVERS));
        _paidProvers(PROVERS);
        equal(owedEther(COORDINATOR), FEE, "payee");
        equal(market.heldFees(task, 0, 0), 0, "nothing is left");
    }

    /// @dev With all provers paid nothing else has to be due: the payee is paid at the end of the round.
    function test_settleFees_allProversPaid() external {
        TaskTerms memory with = feeTerms();
        with.availabilityWindow = 30 days;
        _restage(with);
        post(0, 5);
        _settleWith(0, _servedBy(PROVERS));
        _paidProvers(PROVERS);
        equal(_held.due, 0, "only the payee waits");
        _waits();
        close(task, 0);
        market.refundFees(task, 0, 0, _held);
        equal(owedEther(COORDINATOR), FEE * 3 / 4, "payee");
    }

    /// @dev Who relays late under another name has no more of it.
    function test_settleFees_lateRelay() external {
        post(0, 7);
        Batch memory late = batchOf(task, 0, 3, 2);
        vm.warp(START + 2 hours);
        vm.recordLogs();
        vm.prank(REPORTER);
        market.acceptBatch(late);
        _held = _lastHeld();
        vm.warp(_held.due + 1);
        market.refundFees(task, 0, 1, _held);
        equal(owedEther(REPORTER), uint256(0.4 ether + 2 * 0.1 ether) * 5 / 6, "reduced as well");
    }

    /// @dev Without fees of the coordinator's nothing has to wait.
    function test_settleFees_withoutCoordinatorFees() external {
        TaskTerms memory with = feeTerms();
        (with.coordinatorBatchFee, with.coordinatorGradientFee) = (0, 0);
        _restage(with);
        post(0, 5);
        _settlePosted();
        _paidProvers(QUORUM);
        isTrue(_held.payeePaid, "nothing waits");
        vm.warp(_held.due + 1);
        market.refundFees(task, 0, 0, _held);
        equal(market.heldFees(task, 0, 0), 0, "nothing is left");
    }

    /// @dev Everybody but one posts and is ignored: the most that can be lost is in proportion, and nothing is created
    /// or lost.
    function test_settleFees_conserves() external {
        for (uint256 i = 3; i < 8; ++i) {
            post(0, i);
        }
        exclude(0, 7);
        close(task, 0);
        market.refundFees(task, 0, 0, _held);
        market.finalizeRound(task, 0);
        market.claim(task, 1, hex"000000010002");
        uint256 credits = owedEther(COORDINATOR) + owedEther(REPORTER) + burntEther();
        uint256 deposits = 7 * uint256(DEPOSIT);
        equal(address(market).balance, market.task(task).balance + deposits + credits, "every unit is somebody's");
        equal(owedEther(COORDINATOR), FEE * 3 / 7 + DEPOSIT / 4, "payee");
    }

    /// @dev The same on another task: owners 0 to 7, and a batch of the first three.
    function _restage(TaskTerms memory with) private {
        task = stageTask(with, 8);
        _accept(0, 3);
    }

    function _accept(uint256 first, uint256 count) private {
        Batch memory batch = batchOf(task, 0, first, count);
        vm.recordLogs();
        market.acceptBatch(batch);
        _held = _lastHeld();
    }

    /// @dev Settles by a sum that is posted in the call.
    function _settlePosted() private {
        _settleWith(0, _servedBy(QUORUM));
    }

    function _settleWith(uint256 batchIndex, Served memory served) private {
        vm.recordLogs();
        market.settleFees(task, 0, batchIndex, _held, served);
        _held = _lastHeld();
    }

    /// @dev The last that the market said of the fees of a batch.
    function _lastHeld() private returns (HeldFees memory held) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMarket.FeesHeld.selector) held = abi.decode(logs[i].data, (HeldFees));
        }
    }

    /// @dev The sum, posted, with the signatures of so many members that it is, and that they attested the batch.
    function _servedBy(uint256 count) private view returns (Served memory served) {
        (served.payload, served.posted) = ("sum", keccak256("sum"));
        served.receipts = signedByProvers(_availability(served.posted), 0, count);
        if (count > QUORUM) served.attestations = signedByProvers(_held.attestation, 0, count);
    }

    function _availability(bytes32 posted) private view returns (bytes32) {
        return typed(
            "Availability(bytes32 batchId,uint256 challenge,bytes32 posted)",
            abi.encode(_held.batchId, _held.challenge, posted)
        );
    }

    /// @dev Only the payee's part is left, and it has to wait.
    function _waits() private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, task, 0));
        market.refundFees(task, 0, 0, _held);
    }

    function _paidProvers(uint256 count) private view {
        for (uint256 i = 0; i < PROVERS; ++i) {
            equal(owedEther(payeeOf(i)), i < count ? PROVER_FEE : 0, "prover");
        }
    }
}
