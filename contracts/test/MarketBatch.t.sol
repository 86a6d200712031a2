// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {Batch, OwnerEntry, RoundView, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Acceptance of batches, on real proofs
contract MarketBatchTest is Scene {
    uint256 private constant GAS = 5_000_000;

    uint256 private _task;

    modifier staged() {
        _task = stage("norm_3", 16);
        _;
    }

    function test_acceptBatch_state() external staged {
        Fixture memory fixture = load("norm_3");
        Batch memory batch = attested("norm_3");
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.BatchAccepted(
            _task, 0, fixture.batchId, 0, fixture.commitmentX, fixture.commitmentY, hex"000000010002"
        );
        equal(market.acceptBatch{gas: GAS}(batch), 0, "batch index");
        RoundView memory state = market.round(_task, 0);
        equal(state.batches, 1, "batches");
        equal(state.owners, 3, "owners");
        equal(state.spent, 3 * PAY, "spent");
        equal(state.aggregateX, fixture.commitmentX, "aggregate x");
        equal(state.aggregateY, fixture.commitmentY, "aggregate y");
        equal(market.consumed(_task, 0, 0), 7, "consumed");
    }

    function test_acceptBatch_fullCapacity() external {
        _task = stage("norm_16", 16);
        market.acceptBatch{gas: GAS}(attested("norm_16"));
        equal(market.round(_task, 0).spent, 16 * PAY, "spent");
        equal(market.consumed(_task, 0, 0), 0xffff, "consumed");
    }

    function test_acceptBatch_secondOfRound() external staged {
        Fixture memory first = load("norm_3");
        Fixture memory second = load("norm_3_next");
        market.acceptBatch{gas: GAS}(attested("norm_3"));
        equal(market.acceptBatch{gas: GAS}(attested("norm_3_next")), 1, "batch index");
        (bool ok, bytes memory sum) = address(6)
            .staticcall(abi.encode(first.commitmentX, first.commitmentY, second.commitmentX, second.commitmentY));
        isTrue(ok, "ecAdd");
        (uint256 x, uint256 y) = abi.decode(sum, (uint256, uint256));
        RoundView memory state = market.round(_task, 0);
        equal(state.aggregateX, x, "aggregate x");
        equal(state.aggregateY, y, "aggregate y");
        equal(state.owners, 6, "owners");
        equal(market.consumed(_task, 0, 0), 63, "consumed");
    }

    function test_acceptBatch_ownersOfSeveralWords() external {
        _task = stage("norm_3_sparse", 257);
        market.acceptBatch{gas: GAS}(attested("norm_3_sparse"));
        equal(market.consumed(_task, 0, 0), 1 << 7 | 1 << 255, "first word");
        equal(market.consumed(_task, 0, 1), 1, "second word");
    }

    function test_acceptBatch_twice() external staged {
        Batch memory batch = attested("norm_3");
        market.acceptBatch{gas: GAS}(batch);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 0));
    }

    function test_acceptBatch_ownerAlreadyAccepted() external staged {
        market.acceptBatch{gas: GAS}(attested("norm_3"));
        _refused(attested("norm_3_overlapping"), abi.encodeWithSelector(IMarket.OwnerAlreadyAccepted.selector, 0, 2));
    }

    function test_acceptBatch_proofTampered() external staged {
        Batch memory batch = attested("norm_3");
        batch.proof.aZeta = addmod(batch.proof.aZeta, 1, BN254.R);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_pointInvalid() external staged {
        Batch memory batch = attested("norm_3");
        ++batch.proof.w1[1];
        _refused(batch, abi.encodeWithSelector(BN254.PointInvalid.selector));
    }

    function test_acceptBatch_sumOfOtherOwners() external staged {
        Batch memory batch = attested("norm_3");
        batch.proof.sum = load("norm_3_next").batch.proof.sum;
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_signatureForged() external staged {
        Batch memory batch = attested("norm_3");
        OwnerEntry memory entry = batch.owners[1];
        entry.r = bytes32(uint256(entry.r) ^ 1);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
        batch = attested("norm_3");
        (batch.owners[1].r, batch.owners[1].vs) = (batch.owners[0].r, batch.owners[0].vs);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
        (batch.owners[1].r, batch.owners[1].vs) = (0, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
    }

    /// @dev A compact signature holds a whole byte string; every bit of it counts.
    function testFuzz_acceptBatch_entryTampered(uint256 slot, uint256 word, uint256 delta) external staged {
        Batch memory batch = attested("norm_3");
        vm.assume(delta != 0);
        OwnerEntry memory entry = batch.owners[slot % 3];
        word %= 4;
        if (word == 0) entry.cx ^= delta;
        if (word == 1) entry.cy ^= delta;
        if (word == 2) entry.r ^= bytes32(delta);
        if (word == 3) entry.vs ^= bytes32(delta);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, slot % 3, slot % 3));
    }

    /// @dev Any other bytes in the place of the indices: too few, too many, or those of others.
    function testFuzz_acceptBatch_indicesArbitrary(bytes memory indices, bool rightLength) external staged {
        Batch memory batch = attested("norm_3");
        bytes memory first = new bytes(6);
        if (rightLength) {
            for (uint256 i = 0; i < 6 && i < indices.length; ++i) {
                first[i] = indices[i];
            }
            indices = first;
        }
        vm.assume(keccak256(indices) != keccak256(batch.indices));
        batch.indices = indices;
        if (indices.length != 6) {
            _refused(batch, abi.encodeWithSelector(IMarket.IndicesInvalid.selector, indices.length, 3));
            return;
        }
        vm.expectRevert();
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev A call cut short anywhere, or with any byte changed, is refused; but for the padding behind the indices,
    /// which nothing reads.
    function testFuzz_acceptBatch_callTampered(uint256 seed, bytes1 delta) external staged {
        bytes memory data = abi.encodeCall(IMarket.acceptBatch, (attested("norm_3")));
        seed = uint256(keccak256(abi.encode(seed))); // every byte as often as any other
        (uint256 position, bool cut) = ((seed >> 8) % data.length, seed % 8 == 0);
        uint256 padding = 4 + 32 + 36 * 32 + 32 + 6; // selector, offset, head of the batch, indices and their length
        vm.assume(cut || (delta != 0 && (position < padding || position >= padding + 26)));
        if (cut) {
            assembly ("memory-safe") {
                mstore(data, position)
            }
        } else {
            data[position] ^= delta;
        }
        (bool ok,) = MARKET.call{gas: GAS}(data);
        isTrue(!ok, "a batch from other bytes was accepted");
    }

    /// @dev The few s above n/2 that fit beside the parity: valid for the precompile, and somebody's signature.
    function test_acceptBatch_signatureHighSThatFits() external {
        deploy("norm_3");
        uint256 taskId = stageTask(stubTerms(), 0);
        Batch memory batch = load("norm_3").batch;
        batch.taskId = taskId;
        (bytes32 r, uint256 s) = (bytes32(uint256(1)), (1 << 255) - 1);
        bytes32 digest = submissionDigest(batch, 2, market.task(taskId).termsHash, MODEL);
        address[] memory owners = new address[](3);
        for (uint256 slot = 0; slot < 3; ++slot) {
            owners[slot] = slot == 2 ? ecrecover(digest, 27, r, bytes32(s)) : ownerAddress(slot);
        }
        isTrue(owners[2] != address(0), "a signature of nobody");
        for (uint256 slot = 0; slot < 3; ++slot) {
            enrol(taskId, owners[slot]);
        }
        resignAll(batch);
        (batch.owners[2].r, batch.owners[2].vs) = (r, bytes32(s));
        attest(batch, batchIdOf(batch));
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 2));
    }

    function test_acceptBatch_signatureHighS() external staged {
        Batch memory batch = attested("norm_3");
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        uint256 vs = uint256(batch.owners[0].vs);
        // The same signature in its other form: order - s with the other parity. It does not even fit, or is refused.
        uint256 s = order - (vs << 1 >> 1);
        batch.owners[0].vs = bytes32(s << 1 >> 1 | (~vs >> 255) << 255);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
    }

    function test_acceptBatch_commitmentOfAnother() external staged {
        Batch memory batch = attested("norm_3");
        (batch.owners[0].cx, batch.owners[0].cy) = (batch.owners[1].cx, batch.owners[1].cy);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resign(batch, 0);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherRound() external staged {
        market.acceptBatch{gas: GAS}(attested("norm_3_next"));
        fund(_task, SEATS * PAY);
        openRound(_task);
        Batch memory batch = attested("norm_3");
        batch.round = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resignAll(batch);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_otherChain() external staged {
        vm.chainId(1);
        Batch memory batch = attested("norm_3");
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 0, 0));
        resignAll(batch);
        _refused(batch, abi.encodeWithSelector(IVerifier.ProofInvalid.selector));
    }

    function test_acceptBatch_ownersOutOfOrder() external staged {
        Batch memory batch = attested("norm_3");
        swapOwners(batch, 1, 2);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 2));
    }

    function test_acceptBatch_ownerDuplicated() external staged {
        Batch memory batch = attested("norm_3");
        batch.owners[1] = batch.owners[0];
        setIndex(batch, 1, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 1));
    }

    function test_acceptBatch_indicesOfOtherLength() external staged {
        Batch memory batch = attested("norm_3");
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
        Batch memory batch = attested("norm_3");
        setIndex(batch, 2, 3); // registered, but another than who signed
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 3));
    }

    function test_acceptBatch_ownerUnregistered() external staged {
        Batch memory batch = attested("norm_3");
        setIndex(batch, 2, 63);
        batch.owners[2].r = bytes32(uint256(1));
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 63));
        // No signature at all against no owner at all.
        (batch.owners[2].r, batch.owners[2].vs) = (0, 0);
        _refused(batch, abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 63));
    }

    function test_acceptBatch_tooFewOwners() external staged {
        _refused(attested("norm_1"), abi.encodeWithSelector(IMarket.TooFewOwners.selector, 1, 2));
    }

    function test_acceptBatch_late() external staged {
        uint256 deadline = market.round(_task, 0).settleDeadline;
        Batch memory batch = attested("norm_3");
        vm.warp(deadline + 1);
        _refused(batch, abi.encodeWithSelector(IMarket.RoundClosed.selector, _task, 0));
        vm.warp(deadline);
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_acceptBatch_unknownTaskOrRound() external staged {
        Batch memory batch = attested("norm_3");
        batch.taskId = 5;
        _refused(batch, abi.encodeWithSelector(IMarket.TaskUnknown.selector, 5));
        batch.taskId = _task;
        batch.round = 1;
        _refused(batch, abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 1));
    }

    function test_acceptBatch_calldataTruncated() external staged {
        bytes memory call = abi.encodeCall(IMarket.acceptBatch, (attested("norm_3")));
        for (uint256 length = 4; length < call.length; length += 97) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                cut[i] = call[i];
            }
            (bool ok,) = MARKET.call{gas: GAS}(cut);
            isTrue(!ok, "truncated calldata was accepted");
        }
    }

    /// @dev A verifier without a whole answer approves of nothing. The factory makes none; the market does not rely on it.
    function test_acceptBatch_verifierBreaksOff() external {
        deploy("norm_3");
        TaskTerms memory stub = stubTerms();
        _task = stageTask(stub, 3);
        Batch memory batch = redirected("norm_3", _task);
        // No answer; a whole one for the key's hash, but a word for the proof.
        bytes[2] memory codes = [bytes(hex"00"), hex"60206000f3"];
        for (uint256 i = 0; i < codes.length; ++i) {
            vm.etch(stub.verifier, codes[i]);
            vm.expectRevert();
            market.acceptBatch{gas: GAS}(batch);
        }
    }

    function _refused(Batch memory batch, bytes memory reason) private {
        vm.expectRevert(reason);
        market.acceptBatch{gas: GAS}(batch);
    }
}
