// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";

/// @title Points of G1 in one word of storage
/// @dev x, with the parity of y in the top bit; infinity has its own bit, so that no point is stored as zero.
library CompressedPoint {
    uint256 private constant PARITY = 1 << 255;
    /// @dev The point at infinity.
    uint256 internal constant INFINITY = 1 << 254;
    uint256 private constant CURVE_B = 3;

    /// @notice Packs a point of the curve, (0, 0) being infinity.
    function compress(uint256 x, uint256 y) internal pure returns (uint256) {
        if (x == 0 && y == 0) return INFINITY;
        return x | (y & 1) << 255;
    }

    /// @notice Unpacks what `compress` packed; y is a square root modulo P = 3 (mod 4).
    function decompress(uint256 packed) internal view returns (uint256 x, uint256 y) {
        if (packed == INFINITY) return (0, 0);
        x = packed & ~PARITY;
        uint256 p = BN254.P;
        y = BN254.power(addmod(mulmod(mulmod(x, x, p), x, p), CURVE_B, p), (p + 1) / 4, p);
        if (y & 1 != packed >> 255) y = p - y;
    }
}
