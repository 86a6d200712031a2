// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../interfaces/IAccounts.sol";
import {IModelRegistry} from "./IModelRegistry.sol";

/// @title What contracts of the model market that hold money have in common
interface IModelAccounts is IAccounts {
    /// @notice K' is no point of the curve, or infinity. The seller takes k' from 1 to r - 1.
    error KeyPointInvalid(uint256 keyX, uint256 keyY);
    /// @notice k' is zero, not below r, or not the logarithm of K'.
    error KeyMismatch(uint256 key);
    /// @notice The seller did not sign this, for this contract and chain.
    error NotSigned(address seller);

    /// @notice Registry of the models that are sold here.
    function models() external view returns (IModelRegistry);
}
