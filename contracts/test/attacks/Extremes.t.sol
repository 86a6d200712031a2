// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IExclusions} from "../../src/interfaces/IExclusions.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {Attestation, Batch, HeldFees, OwnerView, Posting, Served, TaskTerms} from "../../src/types/Types.sol";
import {QuorumScene} from "../support/QuorumScene.sol";
import {Vm} from "../support/Vm.sol";

/// @title Packed words at their ends
contract ExtremesAttackTest is QuorumScene {
    uint256 private constant YEAR_2200 = 7_258_118_400;
    uint256 private constant MOST_GAS = 1 << 24;

    /// @dev Deposits are neither free early nor kept for ever, and who is excluded late gets nothing back.
    function test_attack_leavingInTheYear2200() external {
        deploy("norm_3");
        vm.warp(YEAR_2200);
        task = stageTask(feeTerms(), 8);
        accept(task, 0, 0, 3);
        vm.prank(ownerAddress(4));
        market.resign(task, 4);
        exclude(0, 5);
        exclude(0, 4);
        vm.prank(ownerAddress(6));
        market.resign(task, 6);
        uint256 free = market.ownerAt(task, 6).freeAt;
        equal(free, YEAR_2200 + 2 * WINDOW + EXIT_DELAY, "after the round");
        close(task, 0);
        market.claim(task, 1, hex"000400050006");
        vm.warp(free);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ExitTooEarly.selector, task, 6));
        market.exit(task, 6);
        vm.warp(free + 1);
        uint256 before = address(market).balance;
        market.exit(task, 4);
        market.exit(task, 5);
        equal(address(market).balance, before, "nothing for the excluded");
        market.exit(task, 6);
        equal(address(market).balance, before - DEPOSIT, "once");
        Attestation[] memory receipts = byQuorum(exclusionDigest(0, 6, DEALING));
        vm.expectPartialRevert(IExclusions.ExclusionTooLate.selector);
        market.exclude(task, 0, 6, DEALING, receipts);
    }

    /// @dev The largest committee: all are paid once, also the last, within the gas of a transaction; postings and exclusions
    /// too.
    function test_attack_committeeOf32() external {
        deploy("norm_3");
        committee = createCommittee(10, 32);
        TaskTerms memory with = feeTerms();
        task = createTask(with);
        enrol(task, 0, 8);
        fund(task, 1000 ether);
        openRound(task, 8);
        Posting memory posting;
        (posting.entry.cx, posting.entry.cy, posting.shareDigests) = (1, 2, new bytes32[](32));
        signPosting(posting, 0, 5, ownerKey(5));
        posting.receipts =
            signedByProvers(typed("Receipt(bytes32 submission)", abi.encode(dealingOf(posting, 0, 5))), 0, 32);
        vm.prank(ownerAddress(5));
        market.postSubmission{gas: MOST_GAS}(task, 0, 5, posting);
        Batch memory batch = batchOf(task, 0, 0, 3);
        attest(batch, attestedOf(batch, batchIdOf(batch)), 32);
        vm.recordLogs();
        market.acceptBatch(batch);
        HeldFees memory held = _lastHeld();
        Served memory served;
        (served.payload, served.posted) = ("sum", keccak256("sum"));
        served.receipts = signedByProvers(_availability(held, served.posted), 0, 32);
        vm.recordLogs();
        market.settleFees{gas: MOST_GAS}(task, 0, 0, held, served);
        held = _lastHeld();
        equal(held.paid, (1 << 32) - 1, "all");
        equal(held.due, 0, "nothing else is due");
        for (uint256 i = 0; i < 32; ++i) {
            equal(owedEther(payeeOf(i)), 0.08 ether, "each");
        }
        Attestation[] memory receipts = signedByProvers(exclusionDigest(0, 5, DEALING), 0, 32);
        vm.prank(payeeOf(31));
        market.exclude{gas: MOST_GAS}(task, 0, 5, DEALING, receipts);
        equal(owedEther(payeeOf(31)), 0.08 ether, "nothing for the controller of a signer");
        close(task, 0);
        uint256 before = owedEther(COORDINATOR);
        market.refundFees(task, 0, 0, held);
        equal(owedEther(COORDINATOR) - before, 0.7 ether, "in full");
        equal(market.heldFees(task, 0, 0), 0, "nothing is left");
    }

    function _availability(HeldFees memory held, bytes32 posted) private view returns (bytes32) {
        return typed(
            "Availability(bytes32 batchId,uint256 challenge,bytes32 posted)",
            abi.encode(held.batchId, held.challenge, posted)
        );
    }

    function _lastHeld() private returns (HeldFees memory held) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMarket.FeesHeld.selector) held = abi.decode(logs[i].data, (HeldFees));
        }
    }
}
