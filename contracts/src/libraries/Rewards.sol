// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "./BN254.sol";
import {IMarket} from "../interfaces/IMarket.sol";

/// @title Pay of the owners of a batch by their contributions
library Rewards {
    /// @notice Hash of a reward; hashed twice, so that it cannot be taken for an inner node of the tree.
    function leaf(bytes32 batchId, uint256 slot, address owner, uint256 amount) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(batchId, slot, owner, amount))));
    }

    /// @notice Leaves of pay by contribution: owner i gets pool * max(w_i, 0) / sum_j max(w_j, 0), rounded down; equal
    /// parts when no contribution is positive.
    /// @param owners Address in memory of the owners, three words each, of which the first is the owner's address.
    /// @param contributions Canonical scalars modulo r; the upper half stands for negative numbers.
    /// @param pool Wei to share, below 2^128.
    /// @param limit Largest |w|: owners * bound, by the Cauchy-Schwarz inequality for vectors of at most that norm. A
    /// larger one means that attested smallness does not hold. Below 2^72, so pool * w does not overflow.
    /// @return leaves One leaf an owner.
    /// @return total Sum of the amounts, at most the pool.
    /// @return amounts The amounts, sixteen big-endian bytes each.
    function weightedLeaves(
        bytes32 batchId,
        uint256 owners,
        uint256[] calldata contributions,
        uint256 pool,
        uint256 limit
    ) internal pure returns (bytes32[] memory leaves, uint256 total, bytes memory amounts) {
        uint256 count = contributions.length;
        uint256 sum = _positiveSum(contributions, limit);
        leaves = new bytes32[](count);
        // Amounts are written as whole words; the spare sixteen bytes take the last one's lower half.
        amounts = new bytes(16 * count + 16);
        for (uint256 slot = 0; slot < count; ++slot) {
            uint256 weight = contributions[slot];
            uint256 amount = sum == 0 ? pool / count : weight > limit ? 0 : pool * weight / sum;
            total += amount;
            _setLeaf(leaves, batchId, slot, owners, amount);
            assembly ("memory-safe") {
                mstore(add(add(amounts, 0x20), shl(4, slot)), shl(128, amount))
            }
        }
        assembly ("memory-safe") {
            mstore(amounts, shl(4, count))
        }
    }

    /// @dev leaves[slot] = leaf(...), without a copy.
    function _setLeaf(bytes32[] memory leaves, bytes32 batchId, uint256 slot, uint256 owners, uint256 amount)
        private
        pure
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, batchId)
            mstore(add(free, 0x20), slot)
            mstore(add(free, 0x40), mload(add(owners, mul(0x60, slot))))
            mstore(add(free, 0x60), amount)
            mstore(0, keccak256(free, 0x80))
            mstore(add(add(leaves, 0x20), shl(5, slot)), keccak256(0, 0x20))
        }
    }

    /// @dev Sum of the positive contributions; every one must lie in [-limit, limit].
    function _positiveSum(uint256[] calldata contributions, uint256 limit) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < contributions.length; ++i) {
            uint256 value = contributions[i];
            if (value <= limit) sum += value;
            else if (BN254.R - value > limit) revert IMarket.ContributionOutOfRange(i);
        }
    }
}
