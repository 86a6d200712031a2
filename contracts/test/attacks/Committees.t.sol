// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {CommitteeTerms} from "../../src/types/Committees.sol";
import {Batch, HeldFees, Served, TaskTerms} from "../../src/types/Types.sol";
import {CommitteeScene} from "../support/CommitteeScene.sol";
import {FeeAttackScene} from "../support/FeeAttackScene.sol";

/// @title Attacks by members of a committee, present and past, on rounds of the market
contract CommitteesAttackTest is CommitteeScene, FeeAttackScene {
    address private constant SUCCESSOR = address(0x5CC);
    uint32 private constant LONG = 10 days;

    function setUp() external {
        deploy("norm_3");
        id = committee;
    }

    /// @dev A corrupt member attests, waits for the batch to be relayed, and revokes its key just before. The relay has one
    /// attestation more than it needs, so it goes through; it would cost a million gas otherwise.
    function test_attack_memberRevokesItsKeyInFrontOfARelay() external {
        uint256 taskId = stageTask(stubTerms(), 3);
        Batch memory batch = _attested(taskId, 0, ALL);
        address signer = vm.addr(proverKey(1));
        vm.prank(payeeOf(1));
        registry.revoke(committee, signer);
        // Its voice counts no more all the same.
        Batch memory bare = _attested(taskId, 0, FIRST_THREE);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        market.acceptBatch(bare);
        market.acceptBatch(batch);
    }

    /// @dev A member that was replaced still serves the rounds that were opened in its time, and none later; its successor the
    /// other way round. Each is paid for its own.
    function test_attack_membersOfOneEpochAttestInAnother() external {
        TaskTerms memory with = feeTerms();
        (with.submitWindow, with.settleWindow, with.exitDelay) = (LONG, LONG, LONG);
        with.availabilityWindow = 2 * LONG;
        uint256 taskId = stageTask(with, 4);
        _replaceLast();
        Batch memory early = batchOf(taskId, 0, 0, 2);
        _attestWith(early, FRESH);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 3));
        market.acceptBatch(early);
        HeldFees memory first = acceptFrom(taskId, 0, 0, 2, ALL);
        fund(taskId, reserveOf(with, SEATS));
        openRound(taskId);
        Batch memory late = batchOf(taskId, 1, 0, 2);
        _attestWith(late, proverKey(3));
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 3));
        market.acceptBatch(late);
        late.payee = PAYEE;
        _attestWith(late, FRESH);
        market.acceptBatch(late);
        HeldFees memory second = HeldFees(batchIdOf(late), _attestation(late), 2, ALL, PAYEE, first.due, 0, 0, false);
        vm.warp(first.due);
        market.settleFees(taskId, 0, 0, first, servedBy(first, ALL));
        Served memory served = servedBy(second, ALL);
        (served.receipts[3].r, served.receipts[3].vs) =
            signCompact(FRESH, TypedData.availability(domain(), second.batchId, 0, 0));
        market.settleFees(taskId, 1, 0, second, served);
        equal(owedTo(payeeOf(3)), proverFee(2), "of the first round");
        equal(owedTo(SUCCESSOR), proverFee(2), "of the second round");
        for (uint256 member = 0; member < 3; ++member) {
            equal(owedTo(payeeOf(member)), 2 * proverFee(2), "of both");
        }
    }

    /// @dev A bond that is free before a round ends secures nothing that its member signs there. Such a committee does not serve
    /// a task with longer rounds.
    function test_attack_bondIsWithdrawnInsideARound() external {
        address[] memory signers = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            signers[i] = vm.addr(proverKey(i));
        }
        CommitteeTerms memory bonded = etherTerms(1);
        TaskTerms memory with = stubTerms();
        with.committeeId = registry.createCommittee(bonded, signers, 1);
        (with.submitWindow, with.settleWindow, with.exitDelay) = (15 days, 15 days, 15 days);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TermsInvalid.selector, "committeeId"));
        createTask(with);
        with.submitWindow -= WINDOW;
        createTask(with);
        (with.committeeId, with.submitWindow) = (committee, 365 days); // bonds nothing
        createTask(with);
    }

    /// @dev Retiring or revoking stops new rounds, not those that are open.
    function test_attack_memberRetiresFromAnOpenRound() external {
        uint256 taskId = stageTask(stubTerms(), 4);
        vm.prank(payeeOf(3));
        registry.retire(committee, 3);
        market.acceptBatch(_attested(taskId, 0, ALL));
        fund(taskId, SEATS * PAY);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CommitteeNotReady.selector, committee));
        market.openRound(taskId, MODEL, SEATS);
    }

    /// @dev The others replace the last member of the fixtures' committee.
    function _replaceLast() private {
        uint256 deadline = block.timestamp + 1 hours;
        address signer = vm.addr(FRESH);
        bytes32 digest = replacementDigest(3, 0, signer, SUCCESSOR, deadline);
        registry.replace(committee, 3, signer, SUCCESSOR, deadline, signedBy(FIRST_THREE, digest));
        vm.prank(signer);
        registry.join(committee, "successor", hpkeOf(FRESH), SUCCESSOR);
        vm.warp(block.timestamp + MINIMUM_DELAY);
        registry.applyChange(committee, 3);
    }

    function _attested(uint256 taskId, uint256 round, uint256 members) private view returns (Batch memory batch) {
        batch = batchOf(taskId, round, 0, 3);
        batch.attestations = signedBy(members, _attestation(batch));
    }

    /// @dev Attestations of the first three members, and of a fourth with a key.
    function _attestWith(Batch memory batch, uint256 key) private view {
        bytes32 digest = _attestation(batch);
        batch.attestations = signedBy(ALL, digest);
        (batch.attestations[3].r, batch.attestations[3].vs) = signCompact(key, digest);
    }

    function _attestation(Batch memory batch) private view returns (bytes32) {
        return TypedData.attestation(domain(), attestedOf(batch, batchIdOf(batch)));
    }
}
