// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Merkle trees with sorted pairs
/// @dev A node without a sibling moves up unchanged. Leaves must be double hashes, so that no leaf passes for a node.
library Merkle {
    /// @notice Root of at least one leaf; the array is used as scratch space and lost.
    function root(bytes32[] memory leaves) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let base := add(leaves, 0x20)
            for { let count := mload(leaves) } gt(count, 1) {} {
                let source := base
                let target := base
                for { let end := add(base, shl(6, shr(1, count))) } lt(source, end) { source := add(source, 0x40) } {
                    let left := mload(source)
                    let right := mload(add(source, 0x20))
                    let swapped := gt(left, right)
                    mstore(shl(5, swapped), left)
                    mstore(shl(5, iszero(swapped)), right)
                    mstore(target, keccak256(0, 0x40))
                    target := add(target, 0x20)
                }
                if and(count, 1) { mstore(target, mload(source)) }
                count := shr(1, add(count, 1))
            }
            result := mload(base)
        }
    }

    /// @notice Whether the leaf belongs to the tree of that root.
    function verify(bytes32[] calldata proof, bytes32 expected, bytes32 leaf) internal pure returns (bool) {
        bytes32 node = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            node = pair(node, proof[i]);
        }
        return node == expected;
    }

    /// @notice Hash of two nodes, the smaller first.
    function pair(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            let swapped := gt(left, right)
            mstore(shl(5, swapped), left)
            mstore(shl(5, iszero(swapped)), right)
            node := keccak256(0, 0x40)
        }
    }
}
