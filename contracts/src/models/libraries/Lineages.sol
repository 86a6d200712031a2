// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarketViews} from "../../interfaces/IMarketViews.sol";
import {BN254} from "../../libraries/BN254.sol";
import {RoundView} from "../../types/Types.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {LineageStatement} from "../types/Listings.sol";

/// @title How a model came out of rounds of the gradient market
library Lineages {
    using BN254 for uint256;

    bytes32 private constant TAG = keccak256("gradroll/v1/lineage");
    uint256 private constant MAX_ROUNDS = 64;
    int256 private constant COEFFICIENT_LIMIT = 2 ** 128;
    /// @dev Training keeps 12 bits more than the model that is listed has.
    uint256 private constant SCALE = 2 ** 12;

    /// @notice See `IModelRegistry.lineageHash`.
    function hash(IMarketViews market, LineageStatement calldata statement) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                TAG,
                uint256(uint160(address(market))),
                statement.task,
                statement.first,
                statement.start,
                statement.coefficients
            )
        );
    }

    /// @notice C_E = start - sum c_t S_t - 2^12 C_M, with the aggregates S_t that the market has.
    function difference(IMarketViews market, uint256[2] memory model, LineageStatement calldata statement)
        internal
        view
        returns (uint256[2] memory point)
    {
        uint256 rounds = statement.coefficients.length;
        if (rounds == 0 || rounds > MAX_ROUNDS) revert IModelRegistry.RoundCountInvalid(rounds);
        uint256 slot;
        assembly ("memory-safe") {
            slot := mload(0x40)
            mstore(0x40, add(slot, 0xc0))
            calldatacopy(slot, calldatasize(), 0xc0)
        }
        slot.addTo(statement.start[0], statement.start[1]);
        slot.mulAdd(model[0], model[1], BN254.R - SCALE);
        for (uint256 i = 0; i < rounds; ++i) {
            RoundView memory current = market.round(statement.task, statement.first + i);
            if (!current.finalized) revert IModelRegistry.RoundNotFinalized(statement.task, statement.first + i);
            slot.mulAdd(current.aggregateX, current.aggregateY, _minus(statement.coefficients[i]));
        }
        assembly ("memory-safe") {
            mstore(point, mload(slot))
            mstore(add(point, 0x20), mload(add(slot, 0x20)))
        }
    }

    /// @dev -coefficient modulo r.
    function _minus(int256 coefficient) private pure returns (uint256) {
        if (coefficient <= -COEFFICIENT_LIMIT || coefficient >= COEFFICIENT_LIMIT) {
            revert IModelRegistry.CoefficientOutOfRange(coefficient);
        }
        return coefficient <= 0 ? uint256(-coefficient) : BN254.R - uint256(coefficient);
    }
}
