// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {VerifyingKey} from "../types/Proofs.sol";
import {BN254} from "./BN254.sol";

/// @title Verifying keys of policy circuits: what makes one valid, and its hash
library PolicyKey {
    bytes32 private constant TAG = keccak256("gradroll/v1/policy-key");
    uint256 private constant INPUTS = 4;
    /// @dev The combination of M + 1 rows misses a wrong one with a chance of 2^(M+2)/r: for 120, below 2^-131.
    uint256 private constant MAX_CAPACITY = 120;

    /// @notice The key has not exactly 4 input points, a capacity not in 1..120, a point at infinity, off its curve or
    /// outside its subgroup, or two points of G2 that must differ and do not.
    error KeyInvalid();

    /// @notice Refuses keys under which proofs mean nothing.
    function check(VerifyingKey memory key) internal view {
        if (key.inputs.length != INPUTS || key.capacity == 0 || key.capacity > MAX_CAPACITY) revert KeyInvalid();
        _requirePoints(key);
        _requireDifferent(key);
    }

    /// @notice Hash of the key; its canonical encoding is that of circuits/groth16.py (`VerifyingKey.encode`).
    function hash(VerifyingKey memory key) internal pure returns (bytes32) {
        bytes memory encoded = abi.encodePacked(TAG, key.circuit, key.capacity, key.alpha, key.beta, key.gamma);
        encoded = abi.encodePacked(encoded, key.delta, key.sigma, key.tau, key.inputs.length);
        for (uint256 i = 0; i < key.inputs.length; ++i) {
            encoded = abi.encodePacked(encoded, key.inputs[i]);
        }
        return keccak256(encoded);
    }

    /// @notice Whether a point is the generator of G2.
    function isGenerator(uint256[4] memory point) internal pure returns (bool) {
        return _sameUpToSign(point, _generator()) && point[2] == BN254.G2_Y_IM && point[3] == BN254.G2_Y_RE;
    }

    /// @dev No point may be infinity, which would drop its term from the equations. The five points of G1 and the five
    /// of G2 are paired only for the precompile to check curve and subgroup of all; what the product is does not
    /// matter.
    function _requirePoints(VerifyingKey memory key) private view {
        uint256[2][] memory inputs = key.inputs;
        bool finite = _isFinite(key.alpha);
        for (uint256 i = 0; i < INPUTS; ++i) {
            finite = finite && _isFinite(inputs[i]);
        }
        finite = finite && _isFinite(key.beta) && _isFinite(key.gamma) && _isFinite(key.delta);
        if (!finite || !_isFinite(key.sigma) || !_isFinite(key.tau)) revert KeyInvalid();
        bytes memory pairs = abi.encodePacked(key.alpha, key.beta, inputs[0], key.gamma, inputs[1], key.delta);
        pairs = abi.encodePacked(pairs, inputs[2], key.sigma, inputs[3], key.tau);
        uint256 slots;
        assembly ("memory-safe") {
            slots := add(pairs, 0x20)
        }
        (bool valid,) = BN254.pairing(slots, 1 + INPUTS);
        if (!valid) revert KeyInvalid();
    }

    /// @dev Terms paired with one point, or with its negative, stand in for each other: with gamma = delta, A = alpha,
    /// B = beta and C = -(IC + D) prove anything. The generator counts because KP, the openings and, for gamma = 1,
    /// the public inputs are paired with it; only gamma may equal it.
    function _requireDifferent(VerifyingKey memory key) private pure {
        uint256[4][6] memory points = [_generator(), key.gamma, key.beta, key.delta, key.sigma, key.tau];
        for (uint256 i = 2; i < points.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (_sameUpToSign(points[i], points[j])) revert KeyInvalid();
            }
        }
    }

    /// @dev Two points of a curve with one x are equal or each other's negative.
    function _sameUpToSign(uint256[4] memory a, uint256[4] memory b) private pure returns (bool) {
        return a[0] == b[0] && a[1] == b[1];
    }

    function _isFinite(uint256[2] memory point) private pure returns (bool) {
        return point[0] | point[1] != 0;
    }

    function _isFinite(uint256[4] memory point) private pure returns (bool) {
        return point[0] | point[1] | point[2] | point[3] != 0;
    }

    function _generator() private pure returns (uint256[4] memory) {
        return [BN254.G2_X_IM, BN254.G2_X_RE, BN254.G2_Y_IM, BN254.G2_Y_RE];
    }
}
