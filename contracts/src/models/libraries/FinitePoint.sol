// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../../libraries/BN254.sol";

/// @title Points of G1 as commitments and keys are
library FinitePoint {
    uint256 private constant CURVE_B = 3;

    /// @notice Whether (x, y) is a point of the curve y^2 = x^3 + 3 with canonical coordinates, and not infinity. The curve's order
    /// is r, so it is in the group. No point has a coordinate zero.
    function isOne(uint256 x, uint256 y) internal pure returns (bool) {
        uint256 p = BN254.P;
        return x < p && y < p && mulmod(y, y, p) == addmod(mulmod(mulmod(x, x, p), x, p), CURVE_B, p);
    }
}
