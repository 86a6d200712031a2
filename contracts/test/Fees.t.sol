// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Batch, HeldFees, Served} from "../src/types/Types.sol";
import {FeeScene} from "./support/FeeScene.sol";

/// @title What coordinator and provers earn, once, for a sum that is to be had
contract FeesTest is FeeScene {
    function test_acceptBatch_holdsFees() external {
        Batch memory batch = batchOf(task, 0, 0, OWNERS);
        HeldFees memory held = HeldFees({
            batchId: batchIdOf(batch),
            attestation: bytes32(0),
            owners: OWNERS,
            attesters: 7,
            payee: PAYEE,
            due: ACCEPTED + WINDOW,
            challenge: 0,
            paid: 0,
            payeePaid: false
        });
        held.attestation = _acceptanceDigest(batch);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.FeesHeld(task, 0, 0, held);
        market.acceptBatch(batch);
        isHeld(held);
        uint256 reserve = reserveOf(market.task(task).terms, OWNERS);
        equal(market.task(task).reserved, reserve, "reserved");
        equal(market.round(task, 0).spent, OWNERS * PAY + COORDINATOR_FEE + 4 * PROVER_FEE, "spent");
    }

    function test_acceptBatch_noFees() external {
        uint256 taskId = createTask(stubTerms());
        enrol(taskId, 0, 2);
        fund(taskId, 2 * PAY);
        openRound(taskId, 2);
        accept(taskId, 0, 0, 2);
        equal(market.heldFees(taskId, 0, 0), 0, "none");
    }

    function test_settleFees_all() external {
        HeldFees memory held = acceptedBy(15);
        afterChallenges(held);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.FeesPaid(task, 0, 0, PAYEE, COORDINATOR_FEE, 15, PROVER_FEE);
        settle(held, servedBy(15, held));
        proversPaid(15);
        payeePaid(COORDINATOR_FEE);
        equal(market.heldFees(task, 0, 0), 0, "settled");
        settleRefused(held, servedBy(15, held), _unknown());
        _refundRefused(held, _unknown());
    }

    /// @dev Until the model owner has had time to look for the sum, nobody is paid.
    function test_settleFees_time() external {
        HeldFees memory held = acceptedBy(7);
        Served memory served = servedBy(7, held);
        settleRefused(held, served, _error(IMarket.ChallengeStillPossible.selector, held.due));
        vm.warp(held.due - WINDOW / 2);
        settleRefused(held, served, _error(IMarket.ChallengeStillPossible.selector, held.due));
        _refundRefused(held, _error(IMarket.AvailabilityNotOverdue.selector, held.due));
        uint256 state = vm.snapshotState();
        elapse(1);
        settle(held, served);
        vm.revertToState(state);
        vm.warp(held.due);
        _refundRefused(held, _error(IMarket.AvailabilityNotOverdue.selector, held.due));
        state = vm.snapshotState();
        settle(held, served);
        vm.revertToState(state);
        elapse(1);
        settleRefused(held, served, _error(IMarket.AvailabilityOverdue.selector, held.due));
        market.refundFees(task, 0, 0, held);
    }

    /// @dev A prover is paid if it signed both, the batch and that it serves the sum.
    function test_settleFees_onlyWhoSignedBoth() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        settle(held, servedBy(14, held));
        proversPaid(6);
        payeePaid(COORDINATOR_FEE);
    }

    function test_settleFees_quorum() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        settleRefused(
            held, servedBy(6, held), abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3)
        );
        Served memory served;
        settleRefused(held, served, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 0, 3));
        served = servedBy(7, held);
        served.receipts[1].r ^= bytes32(uint256(1));
        settleRefused(held, served, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 1));
        HeldFees memory other = abi.decode(abi.encode(held), (HeldFees));
        other.batchId = keccak256("another");
        settleRefused(
            held, servedBy(7, other), abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0)
        );
    }

    /// @dev Whatever is said of the fees but what the market remembers.
    function test_settleFees_ofOtherFees() external {
        HeldFees memory held = acceptedBy(7);
        afterChallenges(held);
        Served memory served = servedBy(7, held);
        uint256 words = abi.encode(held).length / 32;
        equal(words, 9, "members");
        for (uint256 word = 0; word < words; ++word) {
            bytes memory encoded = abi.encode(held);
            encoded[32 * word + 31] ^= 0x01;
            settleRefused(abi.decode(encoded, (HeldFees)), served, _unknown());
        }
        vm.expectRevert(abi.encodeWithSelector(IMarket.FeesUnknown.selector, task, 0, 1));
        market.settleFees(task, 0, 1, held, served);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, task, 1));
        market.settleFees(task, 1, 0, held, served);
        settle(held, served);
    }

    /// @dev Who relays in the second half of the settle window takes the coordinator's fee: a silent coordinator costs
    /// nobody the round. In the first half who relays gets nothing by it.
    function test_acceptBatch_payeeOrRelayer() external {
        address relayer = address(0x4E1A);
        Batch memory batch = batchOf(task, 0, 0, OWNERS);
        uint256 half = market.round(task, 0).settleDeadline - WINDOW / 2;
        for (uint256 late = 0; late < 2; ++late) {
            uint256 state = vm.snapshotState();
            vm.warp(half + late);
            HeldFees memory held = HeldFees({
                batchId: batchIdOf(batch),
                attestation: _acceptanceDigest(batch),
                owners: OWNERS,
                attesters: 7,
                payee: late == 0 ? PAYEE : relayer,
                due: half + late + WINDOW,
                challenge: 0,
                paid: 0,
                payeePaid: false
            });
            vm.prank(relayer);
            market.acceptBatch(batch);
            isHeld(held);
            vm.warp(held.due + 1);
            market.refundFees(task, 0, 0, held);
            equal(market.owed(address(0), held.payee), COORDINATOR_FEE, "who has the fee");
            vm.revertToState(state);
        }
    }

    /// @dev No quorum by the deadline: the provers' fees go back, the payee has done its part.
    function test_refundFees_nobodyServes() external {
        HeldFees memory held = acceptedBy(7);
        uint256 free = market.task(task).balance;
        vm.warp(held.due + 1);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.FeesRefunded(task, 0, 0, 4 * PROVER_FEE);
        market.refundFees(task, 0, 0, held);
        proversPaid(0);
        payeePaid(COORDINATOR_FEE);
        equal(market.task(task).balance, free + 4 * PROVER_FEE, "balance");
        _refundRefused(held, _unknown());
        settleRefused(held, servedBy(7, held), _unknown());
    }

    /// @dev Credits are collected by their accounts; what a round reserved for fees is spent on them, to the unit.
    function test_settleFees_conserved() external {
        HeldFees memory held = acceptedBy(15);
        afterChallenges(held);
        settle(held, servedBy(15, held));
        close(task, 0);
        market.finalizeRound(task, 0);
        market.claim(task, 1, hex"0000000100020003");
        uint256 free = market.task(task).balance;
        vm.prank(modelOwner);
        market.withdraw(task, free, modelOwner);
        market.collect(address(0), PAYEE, PAYEE);
        equal(PAYEE.balance, COORDINATOR_FEE, "payee");
        for (uint256 member = 0; member < PROVERS; ++member) {
            market.collect(address(0), payeeOf(member), payeeOf(member));
            equal(payeeOf(member).balance, PROVER_FEE, "prover");
        }
        equal(MARKET.balance, 0, "nothing is left");
    }

    /// @dev All deadlines of fees are of the market's clock.
    function test_settleFees_duringAPause() external {
        HeldFees memory held = acceptedBy(7);
        vm.prank(GUARDIAN);
        market.pause();
        elapse(3 days);
        settleRefused(held, servedBy(7, held), _error(IMarket.ChallengeStillPossible.selector, held.due));
        _refundRefused(held, _error(IMarket.AvailabilityNotOverdue.selector, held.due));
        vm.prank(GUARDIAN);
        market.resume();
        elapse(WINDOW / 2 + 1);
        settle(held, servedBy(7, held));
    }

    function _acceptanceDigest(Batch memory batch) private view returns (bytes32) {
        return TypedData.attestation(domain(), attestedOf(batch, batchIdOf(batch)));
    }

    function _unknown() private view returns (bytes memory) {
        return abi.encodeWithSelector(IMarket.FeesUnknown.selector, task, 0, 0);
    }

    function _error(bytes4 selector, uint256 due) private pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, due);
    }

    function _refundRefused(HeldFees memory held, bytes memory reason) private {
        vm.expectRevert(reason);
        market.refundFees(task, 0, 0, held);
    }
}
