// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../../libraries/BN254.sol";
import {IModelAccounts} from "../interfaces/IModelAccounts.sol";
import {FinitePoint} from "./FinitePoint.sol";

/// @title The key for which money is locked
/// @notice K' = k'G on the curve of EIP-196.
library SwapKeys {
    /// @notice Requires a canonical point of the curve that is not infinity. The group has prime order, so its logarithm is one
    /// number from 1 to r - 1.
    function requirePoint(uint256 x, uint256 y) internal pure {
        if (!FinitePoint.isOne(x, y)) revert IModelAccounts.KeyPointInvalid(x, y);
    }

    /// @notice Requires that a key, from 1 to r - 1, is the logarithm of a point. A key has one form: r more is another number,
    /// which clients would have to know for the same.
    function requireKey(uint256 key, uint256 x, uint256 y) internal view {
        if (key == 0 || key >= BN254.R) revert IModelAccounts.KeyMismatch(key);
        uint256[6] memory slot;
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := slot
        }
        BN254.mulAdd(pointer, BN254.G1_X, BN254.G1_Y, key);
        if (slot[0] != x || slot[1] != y) revert IModelAccounts.KeyMismatch(key);
    }
}
