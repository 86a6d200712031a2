// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Market} from "../src/Market.sol";
import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {Attestation, Batch, OwnerEntry, RoundView, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Acceptance of batches, on real proofs
contract MarketBatchTest is Scene {
    uint256 private constant GAS = 5_000_000;

    event BatchAccepted(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 indexed batchId,
        uint256 batchIndex,
        bytes32 payloadDigest,
        bytes32 rewardsRoot,
        uint256 commitmentX,
        uint256 commitmentY,
        bytes ownerIndices
    );
    event AggregateInlined(uint256 indexed taskId, uint256 indexed round, uint256 batchIndex, bytes payload);
    event RewardsAssigned(uint256 indexed taskId, uint256 indexed round, uint256 batchIndex, bytes amounts);

    modifier staged() {
        stage("norm_3", 16, 16);
        _;
    }

    function test_acceptBatch_state() external staged {
        Fixture memory fixture = load("norm_3");
        vm.expectEmit(true, true, true, true, MARKET);
        emit BatchAccepted(
            0,
            0,
            fixture.batchId,
            0,
            fixture.batch.payloadDigest,
            0,
            fixture.commitmentX,
            fixture.commitmentY,
            hex"000000010002"
        );
        equal(market.acceptBatch{gas: GAS}(fixture.batch), 0, "batch index");
        RoundView memory state = market.round(0, 0);
        equal(state.batches, 1, "batches");
        equal(state.owners, 3, "owners");
        equal(state.spent, 3 * REWARD, "spent");
        equal(state.aggregateX, fixture.commitmentX, "aggregate x");
        equal(state.aggregateY, fixture.commitmentY, "aggregate y");
        equal(market.consumed(0, 0, 0), 7, "consumed");
        equal(market.claimed(0, 0, 0), 0, "claimed");
    }

    function test_acceptBatch_fullCapacity() external {
        stage("norm_16", 16, 16);
        market.acceptBatch{gas: GAS}(load("norm_16").batch);
        equal(market.round(0, 0).spent, 16 * REWARD, "spent");
        equal(market.consumed(0, 0, 0), 0xffff, "consumed");
    }

    function test_acceptBatch_fullCapacityByContribution() external {
        stage("contribution_16", 16, 16);
        market.acceptBatch{gas: GAS}(load("contribution_16").batch);
        uint256 spent = market.round(0, 0).spent;
        isTrue(spent <= 16 * REWARD && spent > 16 * REWARD - 16, "all but the dust is spent");
    }

    function test_acceptBatch_secondOfRound() external staged {
        Fixture memory first = load("norm_3");
        Fixture memory second = load("norm_3_next");
        market.acceptBatch{gas: GAS}(first.batch);
        equal(market.acceptBatch{gas: GAS}(second.batch), 1, "batch index");
        (bool ok, bytes memory sum) = address(6)
            .staticcall(abi.encode(first.commitmentX, first.commitmentY, second.commitmentX, second.commitmentY));
        isTrue(ok, "ecAdd");
        (uint256 x, uint256 y) = abi.decode(sum, (uint256, uint256));
        RoundView memory state = market.round(0, 0);
        equal(state.aggregateX, x, "aggregate x");
        equal(state.aggregateY, y, "aggregate y");
        equal(state.owners, 6, "owners");
        equal(market.consumed(0, 0, 0), 63, "consumed");
    }

    function test_acceptBatch_ownersOfSeveralWords() external staged {
        _admitMore(16, 257);
        market.acceptBatch{gas: GAS}(load("norm_3_sparse").batch);
        equal(market.consumed(0, 0, 0), 1 << 7 | 1 << 255, "first word");
        equal(market.consumed(0, 0, 1), 1, "second word");
    }

    function test_acceptBatch_twice() external staged {
        Batch memory batch = load("norm_3").batch;
        market.acceptBatch{gas: GAS}(batch);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 0));
    }

    function test_acceptBatch_ownerAlreadyAccepted() external staged {
        market.acceptBatch{gas: GAS}(load("norm_3").batch);
        _refused(load("norm_3_overlapping").batch, abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 2));
    }

    function test_acceptBatch_proofTampered() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.proof.aZeta = addmod(batch.proof.aZeta, 1, BN254.R);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_pointInvalid() external staged {
        Batch memory batch = load("norm_3").batch;
        ++batch.proof.w1[1];
        _refused(batch, abi.encodeWithSelector(BN254.PointInvalid.selector));
    }

    function test_acceptBatch_sumOfOtherOwners() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.proof.sum = load("norm_3_next").batch.proof.sum;
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_contributionChangedByOne() external {
        stage("contribution_3", 16, 16);
        Batch memory batch = load("contribution_3").batch;
        ++batch.proof.contributions[1];
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_rewardsByContribution() external {
        stage("contribution_3", 16, 16);
        Fixture memory fixture = load("contribution_3");
        uint256[] memory amounts = amountsOf(fixture.batch.proof.contributions, REWARD);
        vm.expectEmit(true, true, false, true, MARKET);
        emit RewardsAssigned(0, 0, 0, abi.encodePacked(uint128(amounts[0]), uint128(amounts[1]), uint128(amounts[2])));
        market.acceptBatch{gas: GAS}(fixture.batch);
        equal(market.round(0, 0).spent, amounts[0] + amounts[1] + amounts[2], "spent");
        (bytes32 digest, uint256 claimed) = market.batch(0, 0, 0);
        equal(digest, keccak256(abi.encode(recordOf(fixture))), "record");
        equal(claimed, 0, "claimed");
    }

    function test_acceptBatch_signatureForged() external staged {
        Batch memory batch = load("norm_3").batch;
        OwnerEntry memory entry = batch.owners[1];
        entry.r = bytes32(uint256(entry.r) ^ 1);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
        batch = load("norm_3").batch;
        (batch.owners[1].r, batch.owners[1].vs) = (batch.owners[0].r, batch.owners[0].vs);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
        (batch.owners[1].r, batch.owners[1].vs) = (0, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
    }

    /// @dev A compact signature holds a whole byte string; every bit of it counts.
    function testFuzz_acceptBatch_entryTampered(uint256 slot, uint256 word, uint256 delta) external staged {
        Batch memory batch = load("norm_3").batch;
        vm.assume(delta != 0);
        OwnerEntry memory entry = batch.owners[slot % 3];
        word %= 4;
        if (word == 0) entry.cx ^= delta;
        if (word == 1) entry.cy ^= delta;
        if (word == 2) entry.r ^= bytes32(delta);
        if (word == 3) entry.vs ^= bytes32(delta);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, slot % 3, slot % 3));
    }

    function test_acceptBatch_signatureHighS() external staged {
        Batch memory batch = load("norm_3").batch;
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        uint256 vs = uint256(batch.owners[0].vs);
        // The same signature in its other form: order - s with the other parity. It does not even fit, or is refused.
        uint256 s = order - (vs << 1 >> 1);
        batch.owners[0].vs = bytes32(s << 1 >> 1 | (~vs >> 255) << 255);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
    }

    function test_acceptBatch_commitmentOfAnother() external staged {
        Batch memory batch = load("norm_3").batch;
        (batch.owners[0].cx, batch.owners[0].cy) = (batch.owners[1].cx, batch.owners[1].cy);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resign(batch, 0);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherRound() external staged {
        market.acceptBatch{gas: GAS}(load("norm_3_next").batch);
        fund(16 * REWARD);
        openRound();
        Batch memory batch = load("norm_3").batch;
        batch.round = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        for (uint256 i = 0; i < 3; ++i) {
            resign(batch, i);
        }
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherTask() external staged {
        createTask(terms(16));
        vm.startPrank(modelOwner);
        address[] memory owners = new address[](3);
        (owners[0], owners[1], owners[2]) = (ownerAddress(0), ownerAddress(1), ownerAddress(2));
        market.admit(1, owners);
        vm.deal(modelOwner, 16 * REWARD);
        market.fund{value: 16 * REWARD}(1);
        market.openRound(1, keccak256("model"));
        vm.stopPrank();
        Batch memory batch = load("norm_3").batch;
        batch.taskId = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        for (uint256 i = 0; i < 3; ++i) {
            resign(batch, i);
        }
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherMarket() external staged {
        deployMarket(address(0xBEEF));
        createTask(terms(16));
        admitOwners(16);
        fund(16 * REWARD);
        openRound();
        Batch memory batch = load("norm_3").batch;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        for (uint256 i = 0; i < 3; ++i) {
            resign(batch, i);
        }
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherChain() external staged {
        vm.chainId(1);
        Batch memory batch = load("norm_3").batch;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        for (uint256 i = 0; i < 3; ++i) {
            resign(batch, i);
        }
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherTerms() external {
        // Same owners, same signatures, but a task of another bound: the proof's context differs.
        deploy("norm_3");
        TaskTerms memory other = terms(16);
        ++other.bound;
        createTask(other);
        admitOwners(16);
        fund(16 * REWARD);
        openRound();
        _refused(load("norm_3").batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_ownersOutOfOrder() external staged {
        Batch memory batch = load("norm_3").batch;
        swapOwners(batch, 1, 2);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 2));
    }

    function test_acceptBatch_ownerDuplicated() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.owners[1] = batch.owners[0];
        setIndex(batch, 1, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 1));
    }

    function test_acceptBatch_indicesOfOtherLength() external staged {
        Batch memory batch = load("norm_3").batch;
        bytes[4] memory lengths = [bytes(""), hex"00000001", hex"0000000100", hex"00000001000200"];
        for (uint256 i = 0; i < lengths.length; ++i) {
            batch.indices = lengths[i];
            _refused(batch, abi.encodeWithSelector(IMarket.IndicesInvalid.selector, lengths[i].length, 3));
        }
        batch.indices = hex"0000000100020003";
        _refused(batch, abi.encodeWithSelector(IMarket.IndicesInvalid.selector, 8, 3));
        batch.indices = hex"000000010002";
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_acceptBatch_indexOfAnother() external staged {
        Batch memory batch = load("norm_3").batch;
        setIndex(batch, 2, 3); // registered, but another than who signed
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 3));
    }

    function test_acceptBatch_ownerUnregistered() external staged {
        Batch memory batch = load("norm_3").batch;
        setIndex(batch, 2, 99);
        resign(batch, 2);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 99));
        // No signature at all against no owner at all.
        (batch.owners[2].r, batch.owners[2].vs) = (0, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 99));
    }

    function test_acceptBatch_tooFewOwners() external staged {
        _refused(load("norm_1").batch, abi.encodeWithSelector(IMarket.TooFewOwners.selector, 1, 2));
    }

    function test_acceptBatch_tooManyOwners() external {
        stage("norm_3", 16, 5);
        market.acceptBatch{gas: GAS}(load("norm_3").batch);
        _refused(load("norm_3_next").batch, abi.encodeWithSelector(IMarket.TooManyOwners.selector, 6, 5));
    }

    function test_acceptBatch_tooFewAttestations() external staged {
        Batch memory batch = load("norm_3").batch;
        Attestation[] memory all = batch.attestations;
        batch.attestations = new Attestation[](2);
        (batch.attestations[0], batch.attestations[1]) = (all[0], all[1]);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        batch.attestations = new Attestation[](0);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 0, 3));
    }

    function test_acceptBatch_attesterDuplicated() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.attestations[2] = batch.attestations[1];
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationsNotAscending.selector, 1));
    }

    function test_acceptBatch_attestationByStranger() external staged {
        Fixture memory fixture = load("norm_3");
        Batch memory batch = fixture.batch;
        batch.attestations[1] = attestBy(123456, 1, fixture.batchId, batch.payloadDigest);
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 1));
        batch.attestations[1] = attestBy(proverKey(1), 1, fixture.batchId, batch.payloadDigest);
        batch.attestations[2].member = 200;
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 200));
    }

    function test_acceptBatch_payloadDigestOther() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.payloadDigest = keccak256("another payload");
        _refused(batch, abi.encodeWithSelector(ICommitteeRegistry.AttestationInvalid.selector, 0));
    }

    function test_acceptBatch_payloadUnexpected() external staged {
        Fixture memory fixture = load("norm_3");
        fixture.batch.payload = fixture.payload;
        _refused(fixture.batch, abi.encodeWithSelector(IMarket.PayloadInvalid.selector));
    }

    function test_acceptBatch_payloadInlined() external {
        _stageInline();
        Fixture memory fixture = load("norm_3");
        _refused(fixture.batch, abi.encodeWithSelector(IMarket.PayloadInvalid.selector));
        fixture.batch.payload = bytes.concat(fixture.payload, hex"00");
        _refused(fixture.batch, abi.encodeWithSelector(IMarket.PayloadInvalid.selector));
        fixture.batch.payload = fixture.payload;
        vm.expectEmit(true, true, false, true, MARKET);
        emit AggregateInlined(0, 0, 0, fixture.payload);
        market.acceptBatch{gas: GAS}(fixture.batch);
    }

    function test_acceptBatch_payloadTooLarge() external {
        _stageInline();
        Batch memory batch = load("norm_3").batch;
        batch.payload = new bytes(16 * 1024 + 1);
        batch.payloadDigest = keccak256(batch.payload);
        _refused(batch, abi.encodeWithSelector(IMarket.PayloadInvalid.selector));
    }

    function test_acceptBatch_late() external staged {
        uint256 deadline = market.round(0, 0).settleDeadline;
        Batch memory batch = load("norm_3").batch;
        vm.warp(deadline + 1);
        _refused(batch, abi.encodeWithSelector(IMarket.RoundClosed.selector, 0, 0, deadline));
        vm.warp(deadline);
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_acceptBatch_unknownTaskOrRound() external staged {
        Batch memory batch = load("norm_3").batch;
        batch.taskId = 5;
        _refused(batch, abi.encodeWithSelector(IMarket.TaskUnknown.selector, 5));
        batch.taskId = 0;
        batch.round = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.RoundUnknown.selector, 0, 1));
    }

    function test_acceptBatch_calldataTruncated() external staged {
        bytes memory call = abi.encodeCall(Market.acceptBatch, (load("norm_3").batch));
        for (uint256 length = 4; length < call.length; length += 97) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                cut[i] = call[i];
            }
            (bool ok,) = MARKET.call{gas: GAS}(cut);
            isTrue(!ok, "truncated calldata was accepted");
        }
    }

    function _refused(Batch memory batch, bytes memory reason) private {
        vm.expectRevert(reason);
        market.acceptBatch{gas: GAS}(batch);
    }

    function _stageInline() private {
        deploy("norm_3");
        TaskTerms memory inlined = terms(16);
        inlined.inlinePayload = true;
        createTask(inlined);
        admitOwners(16);
        fund(16 * REWARD);
        openRound();
    }

    function _admitMore(uint256 first, uint256 end) private {
        address[] memory owners = new address[](end - first);
        for (uint256 i = first; i < end; ++i) {
            owners[i - first] = ownerAddress(i);
        }
        vm.prank(modelOwner);
        market.admit(0, owners);
    }
}
