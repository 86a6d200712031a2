// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Graded} from "../types/Graded.sol";
import {BN254} from "./BN254.sol";

/// @title Levels and weights from the opened numbers of a batch
/// @notice A number is v = F w + n: an owner's inner product w with the round's reference, scaled by F, under noise n in
/// [0, 2^40). Mirrors circuits/grading.py and circuits/transcript.py (`values_state`); tests/vectors/v1/grading binds the
/// two. Levels and weights are packed, two bits an owner, the first one lowest.
library Grading {
    bytes32 private constant TAG = keccak256("gradroll/v1/values");
    uint256 private constant NOISE_BITS = 40;
    uint256 private constant MAX_DITHER = 64;
    /// @dev Scale below which rounding it would move a level's boundary by more than 1/256.
    uint256 private constant LEAST_SCALE = 1 << 8;
    /// @dev Bytes of an opened number. As in `_levelsOf` and `combination`, where assembly takes literals only.
    uint256 internal constant VALUE_BYTES = 8;
    /// @dev A number 01 for each of 128 owners.
    uint256 private constant ONES = type(uint256).max / 3;

    /// @notice Whether step and dither are within their limits.
    function isRule(uint256 step, uint256 dither) internal pure returns (bool) {
        return step != 0 && step <= dither && dither <= MAX_DITHER;
    }

    /// @notice Whether a bound leaves the scale large enough.
    /// @param dither At most 64.
    function allows(uint256 bound, uint256 dither) internal pure returns (bool) {
        return dither << NOISE_BITS >= bound * LEAST_SCALE;
    }

    /// @notice F, by which inner products are multiplied before the noise is added.
    /// @param bound Not zero.
    /// @param dither At most 64.
    function scale(uint256 bound, uint256 dither) internal pure returns (uint256) {
        return (dither << NOISE_BITS) / bound;
    }

    /// @notice Identifier of a graded batch: the transcript's state behind its numbers.
    /// @param state The transcript's state behind rho.
    function batchId(bytes32 state, Graded calldata graded) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, state, graded.step, graded.dither, graded.minOwners, keccak256(graded.values)));
    }

    /// @notice Levels by which owners are paid, and weights of their gradients in the sum.
    /// @dev Small classes are demoted, since weights tell classes apart. Where nobody has a weight all count once, and
    /// everybody is paid something.
    /// @param graded With 1 to 127 whole numbers.
    function grade(Graded calldata graded) internal pure returns (uint256 levels, uint256 weights) {
        bytes calldata values = graded.values;
        uint256[4] memory sizes;
        (levels, sizes) = _levelsOf(values, graded.step, graded.dither << NOISE_BITS);
        uint256 map = _weightsOf(sizes, graded.minOwners);
        unchecked {
            uint256 bits = values.length / VALUE_BYTES << 1;
            for (uint256 shift = 0; shift < bits; shift += 2) {
                weights |= (map >> 2 * (levels >> shift & 3) & 3) << shift;
            }
            if (weights == 0) {
                weights = ONES & (1 << bits) - 1;
                levels |= weights & ~(levels >> 1);
            }
        }
    }

    /// @notice Two bits of packed levels or weights.
    function pick(uint256 packed, uint256 slot) internal pure returns (uint256) {
        return packed >> 2 * slot & 3;
    }

    /// @notice V = sum of eta^i v_i modulo r, i from 1 on: the public input that stands for all numbers.
    function combination(bytes calldata values, uint256 eta) internal pure returns (uint256 sum) {
        uint256 r = BN254.R;
        assembly ("memory-safe") {
            let position := add(values.offset, values.length)
            for {} gt(position, values.offset) {} {
                position := sub(position, 8)
                // r + v, which is not negative
                let value := add(r, sar(192, calldataload(position)))
                sum := mulmod(addmod(sum, value, r), eta, r)
            }
        }
    }

    /// @dev Level of each number, and how many have each.
    /// @param noise 2^40 dither: level = v step / noise, 0 to 3.
    function _levelsOf(bytes calldata values, uint256 step, uint256 noise)
        private
        pure
        returns (uint256 levels, uint256[4] memory sizes)
    {
        assembly ("memory-safe") {
            let end := add(values.offset, values.length)
            let shift := 0
            for { let position := values.offset } lt(position, end) { position := add(position, 8) } {
                let value := sar(192, calldataload(position))
                let level := 0
                if sgt(value, 0) {
                    level := div(mul(value, step), noise)
                    if gt(level, 3) { level := 3 }
                }
                levels := or(levels, shl(shift, level))
                shift := add(shift, 2)
                let size := add(sizes, shl(5, level))
                mstore(size, add(mload(size), 1))
            }
        }
    }

    /// @dev Weight of each level, packed: from 3 down, classes of fewer than minOwners join the next one.
    function _weightsOf(uint256[4] memory sizes, uint256 minOwners) private pure returns (uint256 map) {
        map = 0xe4; // 3, 2, 1, 0
        uint256 members = 0;
        for (uint256 class = 3; class > 0; --class) {
            members += sizes[class];
            if (members >= minOwners) {
                members = 0;
                continue;
            }
            // whoever has this weight gets the next lower one
            for (uint256 level = class; level < 4; ++level) {
                if (pick(map, level) == class) map -= 1 << 2 * level;
            }
        }
    }
}
