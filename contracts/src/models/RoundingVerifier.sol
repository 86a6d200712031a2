// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../libraries/BN254.sol";
import {VerifyingKey} from "../types/Proofs.sol";
import {KeyedVerifier} from "./KeyedVerifier.sol";
import {IRoundingVerifier} from "./interfaces/IRoundingVerifier.sol";
import {ModelTranscript} from "./libraries/ModelTranscript.sol";
import {RoundingProof} from "./types/ModelProofs.sol";

/// @title Verifier of rounding proofs under one key
/// @notice See `KeyedVerifier`. There is one part, of weight 1, and the commitment that is opened is C_E.
contract RoundingVerifier is IRoundingVerifier, KeyedVerifier {
    using BN254 for uint256;

    uint256 private constant INPUTS = 3;

    uint256 private immutable _oneX;
    uint256 private immutable _oneY;
    uint256 private immutable _pointX;
    uint256 private immutable _pointY;
    uint256 private immutable _valueX;
    uint256 private immutable _valueY;

    /// @param with See `KeyedVerifier`; its public inputs are alpha and y_E.
    constructor(VerifyingKey memory with) KeyedVerifier(with, INPUTS, 1) {
        (_oneX, _oneY) = (with.inputs[0][0], with.inputs[0][1]);
        (_pointX, _pointY) = (with.inputs[1][0], with.inputs[1][1]);
        (_valueX, _valueY) = (with.inputs[2][0], with.inputs[2][1]);
    }

    /// @inheritdoc IRoundingVerifier
    function verify(
        bytes32 listing,
        bytes32 statementHash,
        uint256[2] calldata difference,
        RoundingProof calldata proof
    ) external view {
        _requireCanonical(proof.yE);
        ModelTranscript.Challenges memory challenges =
            ModelTranscript.rounding(listing, statementHash, policyKeyHash, difference, proof);
        (uint256 alpha, uint256 opening) = (challenges.alpha % R, challenges.opening % R);
        uint256 knowledge = challenges.knowledge % R;
        uint256 slots = _newSlots(1);
        (slots + SIGMA_SLOT).addTo(proof.d[0], proof.d[1]);
        (slots + DELTA_SLOT).addTo(proof.c[0], proof.c[1]);
        uint256 slot = slots + FIXED * BN254.SLOT;
        slot.set(proof.a[0], proof.a[1]);
        slot.pairWith(proof.b[0], proof.b[1], proof.b[2], proof.b[3]);
        slots.addTo(_oneX, _oneY);
        slots.mulAdd(_pointX, _pointY, alpha);
        slots.mulAdd(_valueX, _valueY, proof.yE);
        _foldBlocks(slots, knowledge);
        slots.mulAdd(proof.knowledge, knowledge);
        slots.mulAdd(difference, R - opening);
        _addOpening(slots, proof.opening, proof.yE, alpha, opening);
        _requireProduct(slots, 1, 1);
    }

    function _inputs() internal view override returns (uint256[2][] memory inputs) {
        inputs = new uint256[2][](INPUTS);
        inputs[0] = [_oneX, _oneY];
        inputs[1] = [_pointX, _pointY];
        inputs[2] = [_valueX, _valueY];
    }
}
