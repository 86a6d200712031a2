// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {IAccuracyVerifier} from "../src/models/interfaces/IAccuracyVerifier.sol";
import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {AccuracyProof, Chunk} from "../src/models/types/ModelProofs.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title The accuracy verifier alone, on the proofs of tests/vectors
contract AccuracyVerifierTest is ModelStage {
    /// @dev Words of a chunk, and of a proof behind its chunks.
    uint256 private constant CHUNK_WORDS = 14;

    IAccuracyVerifier private _verifier;

    function setUp() external {
        _verifier = deployAccuracy(accuracyKey("toy_2"));
    }

    function test_verify_realProofs() external {
        string[4] memory names = ["toy_1", "toy_2", "small_1", "small_16"];
        for (uint256 i = 0; i < names.length; ++i) {
            Accuracy memory given = accuracyVector(names[i]);
            deployAccuracy(accuracyKey(names[i]));
            equal(_verify(given), given.correct, names[i]);
            isTrue(given.correct != 0 && given.correct < given.samples, "the fixture shows nothing");
        }
    }

    function test_verify_everyWordTampered() external view {
        Accuracy memory given = accuracyVector("toy_2");
        uint256 words = given.data.length * CHUNK_WORDS;
        for (uint256 word = 0; word < words; ++word) {
            _refused(given, _tampered(given.proof, word, 1));
        }
        AccuracyProof memory proof = _copy(given.proof);
        ++proof.yM;
        _refused(given, proof);
        for (uint256 i = 0; i < 2; ++i) {
            proof = _copy(given.proof);
            ++proof.opening[i];
            _refused(given, proof);
        }
    }

    function testFuzz_verify_wordTampered(uint256 word, uint256 delta) external view {
        Accuracy memory given = accuracyVector("toy_2");
        vm.assume(delta != 0);
        _refused(given, _tampered(given.proof, word % (2 * CHUNK_WORDS), delta));
    }

    function test_verify_otherListing() external {
        Accuracy memory given = accuracyVector("toy_2");
        given.listing = keccak256("another listing");
        _invalid(given);
    }

    function test_verify_otherModel() external {
        Accuracy memory given = accuracyVector("toy_2");
        uint256[2] memory model = given.model;
        given.model = plus(model, [BN254.G1_X, BN254.G1_Y]);
        _invalid(given);
        given.model = [model[0], BN254.P - model[1]];
        _invalid(given);
        given.model = given.data[0];
        _invalid(given);
        given.model = [uint256(0), 0];
        _invalid(given);
    }

    function test_verify_otherData() external {
        Accuracy memory given = accuracyVector("toy_2");
        uint256[2] memory first = given.data[0];
        given.data[0] = accuracyVector("toy_1").data[0];
        _invalid(given);
        given.data[0] = given.data[1];
        _invalid(given);
        (given.data[0], given.data[1]) = (given.data[1], first); // both are there, in the other order
        _invalid(given);
        (given.data[0], given.data[1]) = (first, [uint256(0), 0]);
        _invalid(given);
    }

    /// @dev What is moved from one chunk's data to the other's leaves their sum as it is.
    function test_verify_dataMovedBetweenChunks() external {
        Accuracy memory given = accuracyVector("toy_2");
        uint256[2] memory shift = [BN254.G1_X, BN254.G1_Y];
        given.data[0] = plus(given.data[0], shift);
        given.data[1] = plus(given.data[1], [shift[0], BN254.P - shift[1]]);
        _invalid(given);
    }

    function test_verify_chunksSwapped() external {
        Accuracy memory given = accuracyVector("toy_2");
        Chunk[] memory chunks = given.proof.chunks;
        (chunks[0], chunks[1]) = (chunks[1], chunks[0]);
        _invalid(given);
        (given.data[0], given.data[1]) = (given.data[1], given.data[0]);
        _invalid(given);
    }

    function test_verify_chunkTwice() external {
        Accuracy memory given = accuracyVector("toy_2");
        given.proof.chunks[1] = given.proof.chunks[0];
        _invalid(given);
        given.data[1] = given.data[0];
        _invalid(given);
    }

    /// @dev A chunk of another proof for the same model, under the same listing and key.
    function test_verify_chunkOfOtherGroup() external {
        Accuracy memory given = accuracyVector("toy_2");
        Accuracy memory other = accuracyVector("toy_1");
        equal(given.listing, other.listing, "listing");
        equal(given.model[0], other.model[0], "model");
        given.proof.chunks[1] = other.proof.chunks[0];
        given.data[1] = other.data[0];
        _invalid(given);
    }

    function test_verify_countAltered() external {
        Accuracy memory given = accuracyVector("toy_2");
        uint256 correct = given.proof.chunks[0].correct;
        for (uint256 other = 0; other <= correct + 2; ++other) {
            if (other == correct) continue;
            given.proof.chunks[0].correct = other;
            _invalid(given);
        }
        (given.proof.chunks[0].correct, given.proof.chunks[1].correct) =
        (correct + 1, given.proof.chunks[1].correct - 1);
        _invalid(given);
    }

    function test_verify_countOutOfRange() external {
        uint256[4] memory counts = [uint256(1) << 32, BN254.R, type(uint256).max, BN254.R + 1];
        for (uint256 i = 0; i < counts.length; ++i) {
            Accuracy memory given = accuracyVector("toy_2");
            given.proof.chunks[1].correct = counts[i];
            vm.expectRevert(abi.encodeWithSelector(IAccuracyVerifier.CorrectOutOfRange.selector, counts[i]));
            _verify(given);
        }
        Accuracy memory most = accuracyVector("toy_2");
        most.proof.chunks[1].correct = type(uint32).max;
        _invalid(most);
    }

    function test_verify_scalarPlusOrder() external {
        Accuracy memory given = accuracyVector("toy_2");
        given.proof.yM += BN254.R;
        _notCanonical(given, given.proof.yM);
        given.proof.yM = BN254.R;
        _notCanonical(given, BN254.R);
        for (uint256 q = 0; q < 2; ++q) {
            given = accuracyVector("toy_2");
            given.proof.chunks[q].yX += BN254.R;
            _notCanonical(given, given.proof.chunks[q].yX);
        }
    }

    /// @dev Values that move from the model to the data, so that what they add up to under v = 1 stays.
    function test_verify_valuesMoved() external {
        Accuracy memory given = accuracyVector("toy_2");
        given.proof.yM = addmod(given.proof.yM, 1, BN254.R);
        given.proof.chunks[0].yX = addmod(given.proof.chunks[0].yX, BN254.R - 1, BN254.R);
        _invalid(given);
    }

    function test_verify_pointsOffCurve() external {
        uint8[7] memory words = [0, 1, 2, 3, 6, 8, 12];
        for (uint256 i = 0; i < words.length; ++i) {
            for (uint256 q = 0; q < 2; ++q) {
                Accuracy memory given = accuracyVector("toy_2");
                given.proof = _tampered(given.proof, q * CHUNK_WORDS + words[i], 1);
                _pointInvalid(given);
                given = accuracyVector("toy_2");
                given.proof = _tampered(given.proof, q * CHUNK_WORDS + words[i], BN254.P);
                _pointInvalid(given);
            }
        }
        Accuracy memory next = accuracyVector("toy_2");
        ++next.proof.opening[1];
        _pointInvalid(next);
        next = accuracyVector("toy_2");
        ++next.model[0];
        _pointInvalid(next);
        next = accuracyVector("toy_2");
        next.data[1][1] += BN254.P;
        _pointInvalid(next);
    }

    function test_verify_pointOutsideSubgroup() external {
        Accuracy memory given = accuracyVector("toy_2");
        // On the twist, but not of order r.
        given.proof.chunks[1].b = [
            uint256(0),
            1,
            0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
            0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
        ];
        _pointInvalid(given);
    }

    function test_verify_knowledgeWrong() external {
        for (uint256 q = 0; q < 2; ++q) {
            Accuracy memory given = accuracyVector("toy_2");
            Chunk memory chunk = given.proof.chunks[q];
            chunk.knowledge = chunk.d;
            _invalid(given);
            chunk.knowledge = [uint256(0), 0];
            _invalid(given);
        }
        // Both are there, each with the other's block: their sum is right.
        Accuracy memory both = accuracyVector("toy_2");
        Chunk[] memory chunks = both.proof.chunks;
        (chunks[0].knowledge, chunks[1].knowledge) = (chunks[1].knowledge, chunks[0].knowledge);
        _invalid(both);
    }

    function test_verify_infinities() external {
        Accuracy memory given = accuracyVector("toy_2");
        uint256[2] memory zero;
        for (uint256 q = 0; q < 2; ++q) {
            given.proof.chunks[q] = Chunk(zero, zero, 0, 0, zero, [uint256(0), 0, 0, 0], zero);
        }
        (given.proof.opening, given.proof.yM) = (zero, 0);
        _invalid(given);
    }

    function test_verify_groth16ElementsOfOtherProof() external {
        Accuracy memory given = accuracyVector("toy_2");
        Chunk memory other = accuracyVector("toy_1").proof.chunks[0];
        Chunk memory chunk = given.proof.chunks[0];
        (chunk.a, chunk.b, chunk.c) = (other.a, other.b, other.c);
        _invalid(given);
    }

    /// @dev The elements can be blinded anew by anybody, as Groth16's can; the statement stays what it is.
    function test_verify_elementsNegated() external view {
        Accuracy memory given = accuracyVector("toy_1");
        Chunk memory chunk = given.proof.chunks[0];
        chunk.a[1] = BN254.P - chunk.a[1];
        (chunk.b[2], chunk.b[3]) = (BN254.P - chunk.b[2], BN254.P - chunk.b[3]);
        equal(_verify(given), given.correct, "correct");
    }

    function test_verify_chunkCounts() external {
        Accuracy memory given = accuracyVector("toy_2");
        Chunk[] memory chunks = given.proof.chunks;
        given.data = new uint256[2][](0);
        _chunksOutOfRange(given, 0, 2);
        given.data = new uint256[2][](1);
        _chunksOutOfRange(given, 1, 2);
        given.data = new uint256[2][](3);
        _chunksOutOfRange(given, 3, 2);
        given.data = new uint256[2][](17);
        given.proof.chunks = new Chunk[](17);
        _chunksOutOfRange(given, 17, 17);
        given.data = new uint256[2][](0);
        given.proof.chunks = new Chunk[](0);
        _chunksOutOfRange(given, 0, 0);
        // The first chunk alone is no proof, nor with the values of both.
        given = accuracyVector("toy_2");
        given.proof.chunks = new Chunk[](1);
        given.proof.chunks[0] = chunks[0];
        uint256[2] memory first = given.data[0];
        given.data = new uint256[2][](1);
        given.data[0] = first;
        _invalid(given);
    }

    function test_verify_otherKey() external {
        Accuracy memory given = accuracyVector("toy_2");
        deployAccuracy(accuracyKey("small_1"));
        _invalid(given);
    }

    /// @dev With little gas it never says that the proof is bad.
    function test_verify_littleGas() external view {
        Accuracy memory given = accuracyVector("toy_2");
        for (uint256 gasGiven = 30_000; gasGiven < 600_000; gasGiven += 3_331) {
            try _verifier.verify{gas: gasGiven}(given.listing, given.model, given.data, given.proof) returns (
                uint256 correct
            ) {
                equal(correct, given.correct, "correct");
            } catch (bytes memory refusal) {
                isTrue(
                    refusal.length == 0 || bytes4(refusal) == BN254.GasInsufficient.selector, "the proof was called bad"
                );
            }
        }
    }

    /// @dev A bad point costs no more than what its precompile is given.
    function test_verify_badPoint_gas() external view {
        Accuracy memory given = accuracyVector("toy_2");
        uint256 sound = _cost(given);
        ++given.proof.chunks[1].knowledge[1];
        isTrue(_cost(given) < sound + 12_500, "a bad point of a sum costs too much");
        given = accuracyVector("toy_2");
        ++given.proof.chunks[1].b[0];
        isTrue(_cost(given) < sound + 600_000, "a bad point of a pair costs too much");
    }

    function _cost(Accuracy memory given) private view returns (uint256) {
        uint256 before = gasleft();
        try _verifier.verify{gas: ENOUGH}(given.listing, given.model, given.data, given.proof) {} catch {}
        return before - gasleft();
    }

    function _verify(Accuracy memory given) private view returns (uint256) {
        return _verifier.verify{gas: ENOUGH}(given.listing, given.model, given.data, given.proof);
    }

    function _invalid(Accuracy memory given) private {
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        _verify(given);
    }

    function _pointInvalid(Accuracy memory given) private {
        vm.expectRevert(BN254.PointInvalid.selector);
        _verify(given);
    }

    function _notCanonical(Accuracy memory given, uint256 scalar) private {
        vm.expectRevert(abi.encodeWithSelector(IKeyedVerifier.ScalarNotCanonical.selector, scalar));
        _verify(given);
    }

    function _chunksOutOfRange(Accuracy memory given, uint256 count, uint256 parts) private {
        vm.expectRevert(abi.encodeWithSelector(IAccuracyVerifier.ChunksOutOfRange.selector, count, parts, 16));
        _verify(given);
    }

    function _refused(Accuracy memory given, AccuracyProof memory proof) private view {
        try _verifier.verify{gas: ENOUGH}(given.listing, given.model, given.data, proof) {
            revert NotTrue("a tampered proof was accepted");
        } catch {}
    }

    function _copy(AccuracyProof memory proof) private pure returns (AccuracyProof memory) {
        return abi.decode(abi.encode(proof), (AccuracyProof));
    }

    /// @dev A copy of the proof with one word of its chunks changed.
    function _tampered(AccuracyProof memory proof, uint256 word, uint256 delta)
        private
        pure
        returns (AccuracyProof memory)
    {
        bytes memory encoded = abi.encode(proof);
        // Before the chunks: offset of the proof, offset of the chunks, yM, opening, number of chunks.
        uint256 position = (6 + word) * 32;
        assembly ("memory-safe") {
            let target := add(add(encoded, 0x20), position)
            mstore(target, add(mload(target), delta))
        }
        return abi.decode(encoded, (AccuracyProof));
    }
}
