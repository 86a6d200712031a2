// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../libraries/BN254.sol";
import {VerifyingKey} from "../types/Proofs.sol";
import {KeyedVerifier} from "./KeyedVerifier.sol";
import {IAccuracyVerifier} from "./interfaces/IAccuracyVerifier.sol";
import {ModelTranscript} from "./libraries/ModelTranscript.sol";
import {AccuracyProof, Chunk} from "./types/ModelProofs.sol";

/// @title Verifier of accuracy proofs under one key
/// @notice See `KeyedVerifier`. The parts are chunks, with weights r^q; the commitment that is opened is C_M + sum v^(q+1) C_X,q, so
/// that one opening binds all chunks to one model and each to its data.
contract AccuracyVerifier is IAccuracyVerifier, KeyedVerifier {
    using BN254 for uint256;

    uint256 private constant INPUTS = 5;
    uint256 private constant MAX_CHUNKS = 16;

    uint256 private immutable _oneX;
    uint256 private immutable _oneY;
    uint256 private immutable _pointX;
    uint256 private immutable _pointY;
    uint256 private immutable _modelX;
    uint256 private immutable _modelY;
    uint256 private immutable _dataX;
    uint256 private immutable _dataY;
    uint256 private immutable _correctX;
    uint256 private immutable _correctY;

    /// @dev Weighted sums over the chunks: of the weights, of y_X under the weights and under powers of v, and of K.
    struct Sums {
        uint256 weights;
        uint256 data;
        uint256 opened;
        uint256 correct;
    }

    /// @param with See `KeyedVerifier`; its public inputs are alpha, y_M, y_X and K.
    constructor(VerifyingKey memory with) KeyedVerifier(with, INPUTS, MAX_CHUNKS) {
        (_oneX, _oneY) = (with.inputs[0][0], with.inputs[0][1]);
        (_pointX, _pointY) = (with.inputs[1][0], with.inputs[1][1]);
        (_modelX, _modelY) = (with.inputs[2][0], with.inputs[2][1]);
        (_dataX, _dataY) = (with.inputs[3][0], with.inputs[3][1]);
        (_correctX, _correctY) = (with.inputs[4][0], with.inputs[4][1]);
    }

    /// @inheritdoc IAccuracyVerifier
    function verify(
        bytes32 listing,
        uint256[2] calldata model,
        uint256[2][] calldata data,
        AccuracyProof calldata proof
    ) external view returns (uint256 correct) {
        correct = _checkShape(data, proof);
        ModelTranscript.Challenges memory challenges =
            ModelTranscript.accuracy(listing, policyKeyHash, model, data, proof);
        challenges.alpha %= R;
        challenges.v %= R;
        challenges.chunk %= R;
        challenges.knowledge %= R;
        challenges.opening %= R;
        uint256 slots = _newSlots(data.length);
        Sums memory sums = _layChunks(slots, proof, challenges);
        _addInputs(slots, proof.yM, challenges.alpha, sums);
        _foldBlocks(slots, challenges.knowledge);
        _addCommitments(slots, model, data, proof, challenges);
        uint256 value = addmod(proof.yM, sums.opened, R);
        _addOpening(slots, proof.opening, value, challenges.alpha, challenges.opening);
        _requireProduct(slots, data.length, sums.weights);
    }

    /// @dev Number of chunks and scalars. Points are checked by the precompiles that use them.
    function _checkShape(uint256[2][] calldata data, AccuracyProof calldata proof)
        private
        view
        returns (uint256 correct)
    {
        uint256 parts = proof.chunks.length;
        if (data.length == 0 || data.length > capacity || parts != data.length) {
            revert ChunksOutOfRange(data.length, parts, capacity);
        }
        _requireCanonical(proof.yM);
        for (uint256 q = 0; q < parts; ++q) {
            Chunk calldata chunk = proof.chunks[q];
            _requireCanonical(chunk.yX);
            if (chunk.correct > type(uint32).max) revert CorrectOutOfRange(chunk.correct);
            correct += chunk.correct;
        }
    }

    /// @dev Fills the slots of A and B; accumulates sum w D and sum w C in those of sigma and delta. The first weight is 1.
    function _layChunks(uint256 slots, AccuracyProof calldata proof, ModelTranscript.Challenges memory challenges)
        private
        view
        returns (Sums memory sums)
    {
        uint256 slot = slots + FIXED * BN254.SLOT;
        (uint256 weight, uint256 power) = (1, challenges.v);
        for (uint256 q = 0; q < proof.chunks.length; ++q) {
            Chunk calldata chunk = proof.chunks[q];
            _addWeighted(slots + SIGMA_SLOT, chunk.d, weight);
            _addWeighted(slots + DELTA_SLOT, chunk.c, weight);
            _addWeighted(slot, chunk.a, weight);
            slot.pairWith(chunk.b[0], chunk.b[1], chunk.b[2], chunk.b[3]);
            slot += BN254.SLOT;
            sums.weights = addmod(sums.weights, weight, R);
            sums.data = addmod(sums.data, mulmod(weight, chunk.yX, R), R);
            sums.opened = addmod(sums.opened, mulmod(power, chunk.yX, R), R);
            sums.correct = addmod(sums.correct, mulmod(weight, chunk.correct, R), R);
            weight = mulmod(weight, challenges.chunk, R);
            power = mulmod(power, challenges.v, R);
        }
    }

    /// @dev slot += sum w IC.
    function _addInputs(uint256 slot, uint256 yM, uint256 alpha, Sums memory sums) private view {
        uint256 total = sums.weights;
        if (total == 1) slot.addTo(_oneX, _oneY);
        else slot.mulAdd(_oneX, _oneY, total);
        slot.mulAdd(_pointX, _pointY, mulmod(total, alpha, R));
        slot.mulAdd(_modelX, _modelY, mulmod(total, yM, R));
        slot.mulAdd(_dataX, _dataY, sums.data);
        slot.mulAdd(_correctX, _correctY, sums.correct);
    }

    /// @dev slot += k1 sum w KP - k2 (C_M + sum v^(q+1) C_X,q).
    function _addCommitments(
        uint256 slot,
        uint256[2] calldata model,
        uint256[2][] calldata data,
        AccuracyProof calldata proof,
        ModelTranscript.Challenges memory challenges
    ) private view {
        (uint256 knowledge, uint256 opening) = (challenges.knowledge, challenges.opening);
        slot.mulAdd(model, R - opening);
        for (uint256 q = 0; q < data.length; ++q) {
            slot.mulAdd(proof.chunks[q].knowledge, knowledge);
            knowledge = mulmod(knowledge, challenges.chunk, R);
            opening = mulmod(opening, challenges.v, R);
            slot.mulAdd(data[q], R - opening);
        }
    }

    /// @dev slot += weight * point; the first chunk's weight of 1 costs no multiplication.
    function _addWeighted(uint256 slot, uint256[2] calldata point, uint256 weight) private view {
        if (weight == 1) slot.addTo(point[0], point[1]);
        else slot.mulAdd(point, weight);
    }

    function _inputs() internal view override returns (uint256[2][] memory inputs) {
        inputs = new uint256[2][](INPUTS);
        inputs[0] = [_oneX, _oneY];
        inputs[1] = [_pointX, _pointY];
        inputs[2] = [_modelX, _modelY];
        inputs[3] = [_dataX, _dataY];
        inputs[4] = [_correctX, _correctY];
    }
}
