// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Batch, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title What was signed and proven for one place is worth nothing in another
contract BatchBindingTest is Scene {
    uint256 private constant GAS = 5_000_000;

    uint256 private _task;

    modifier staged() {
        _task = stage("norm_3", 16);
        _;
    }

    /// @dev The market where the fixtures' one stands, begun anew on a chain of the same number: another parent block.
    function test_acceptBatch_otherDeployment() external staged {
        Batch memory batch = attested("norm_3");
        deployMarket(MARKET, keccak256("another parent"));
        _onlyHere(batch);
    }

    function test_acceptBatch_otherMarket() external staged {
        Batch memory batch = attested("norm_3");
        deployMarket(address(0xBEEF), PARENT_HASH);
        _elsewhere(batch, terms());
    }

    function test_acceptBatch_otherTask() external staged {
        _elsewhere(attested("norm_3"), terms());
    }

    function test_acceptBatch_otherTerms() external staged {
        TaskTerms memory other = terms();
        other.coordinator = address(0xC1); // in no equation of the proof, but in the terms
        _elsewhere(attested("norm_3"), other);
    }

    /// @dev Who copies a task's terms gets a task of its own, in which what was signed for the other is worth nothing.
    function test_acceptBatch_otherCreator() external staged {
        modelOwner = address(0xB0B);
        _elsewhere(attested("norm_3"), terms());
    }

    function test_acceptBatch_otherModel() external {
        deploy("norm_3");
        _task = createTask(terms());
        enrol(_task, 0, 16);
        fund(_task, SEATS * PAY);
        vm.prank(modelOwner);
        market.openRound(_task, keccak256("another model"), SEATS);
        Batch memory batch = attested("norm_3");
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        bytes32 termsHash = market.task(_task).termsHash;
        for (uint256 slot = 0; slot < 3; ++slot) {
            resign(batch, slot, termsHash, keccak256("another model"));
        }
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_submissionForOtherModelOrTerms() external staged {
        Batch memory batch = attested("norm_3");
        bytes32 termsHash = market.task(_task).termsHash;
        for (uint256 slot = 0; slot < 3; ++slot) {
            bytes memory reason = abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, slot, slot);
            resign(batch, slot, termsHash, keccak256("another model"));
            _refused(batch, reason);
            resign(batch, slot, keccak256("other terms"), MODEL);
            _refused(batch, reason);
            resign(batch, slot);
        }
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev The same owners, commitments and signatures, registered in another order: another batch.
    function test_acceptBatch_otherRegistrationIndices() external {
        deploy("norm_3");
        _stageInOtherOrder(terms());
        Batch memory batch = load("norm_3").batch;
        batch.indices = hex"000100020003";
        isTrue(batchIdOf(batch) != load("norm_3").batchId, "one identifier for two batches");
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_indicesAreInTheIdentifier() external {
        deploy("norm_3");
        TaskTerms memory stub = stubTerms();
        uint256 state = vm.snapshotState();
        Batch memory batch = redirected("norm_3", stageTask(stub, 16));
        bytes32 first = batchIdOf(batch);
        _acceptedAs(batch, first);
        vm.revertToState(state);
        _stageInOtherOrder(stub);
        batch.indices = hex"000100020003";
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
        bytes32 second = batchIdOf(batch);
        isTrue(first != second, "one identifier for two batches");
        attest(batch, second);
        _acceptedAs(batch, second);
    }

    function _refused(Batch memory batch, bytes memory reason) private {
        vm.expectRevert(reason);
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev The same owners, in the same order, in a new task.
    function _elsewhere(Batch memory batch, TaskTerms memory with) private {
        batch.taskId = stageTask(with, 16);
        _onlyHere(batch);
    }

    /// @dev Refuses a batch made for other circumstances: for its signatures, and for its proof when those are renewed.
    function _onlyHere(Batch memory batch) private {
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resignAll(batch);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function _acceptedAs(Batch memory batch, bytes32 batchId) private {
        vm.expectEmit(true, true, true, true, MARKET);
        uint256[2] memory sum = batch.proof.sum;
        emit IMarket.BatchAccepted(batch.taskId, batch.round, batchId, 0, sum[0], sum[1], batch.indices);
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev Owner 15 registers first.
    function _stageInOtherOrder(TaskTerms memory with) private {
        _task = createTask(with);
        enrol(_task, 15, 16);
        enrol(_task, 0, 15);
        fund(_task, SEATS * PAY);
        openRound(_task);
    }
}
