// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelBounties} from "../interfaces/IModelBounties.sol";
import {GroupOpening} from "../types/Bounties.sol";

/// @title Which groups of a bounty are drawn, and whether they are what was committed to
library BountyDraws {
    bytes32 private constant DRAW = keccak256("gradroll/v1/bounty-draw");
    bytes32 private constant SEED = keccak256("gradroll/v1/bounty-seed");
    bytes32 private constant GROUP = keccak256("gradroll/v1/bounty-group");

    /// @notice The next value of an owner's chain of seeds: s0 is random, s1 follows s0, and the terms name what follows s1.
    function successor(bytes32 seed) internal pure returns (bytes32) {
        return keccak256(abi.encode(SEED, seed));
    }

    /// @notice What decides a draw.
    /// @param stage 1 for training groups, 2 for tests.
    /// @param seed The owner's: s1 for training groups, s0 for tests.
    /// @param blockHash Hash of the anchor.
    function entropyOf(bytes32 bounty, uint256 stage, bytes32 seed, bytes32 blockHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(DRAW, bounty, stage, seed, blockHash));
    }

    /// @notice Draws `count` of the groups in a bitmap, without putting one back: the first steps of a Fisher-Yates shuffle of
    /// them in ascending order. Every set of so many comes out equally often, but for 2^-250.
    /// @param available Bitmap, group 0 lowest, of at least `count` groups.
    /// @return drawn Bitmap.
    function draw(bytes32 entropy, uint64 available, uint256 count) internal pure returns (uint64 drawn) {
        uint256[] memory left = new uint256[](64);
        uint256 size = 0;
        for (uint256 index = 0; index < 64; ++index) {
            if (available >> index & 1 != 0) left[size++] = index;
        }
        for (uint256 i = 0; i < count; ++i) {
            uint256 picked = i + uint256(keccak256(abi.encode(entropy, i))) % (size - i);
            drawn |= uint64(1 << left[picked]);
            left[picked] = left[i];
        }
    }

    /// @notice Bitmap of groups 0 to count - 1.
    function firstGroups(uint256 count) internal pure returns (uint64) {
        return uint64((uint256(1) << count) - 1);
    }

    /// @notice Requires that groups are those that were drawn, all of them, ascending, each as it was committed to.
    /// @param leaves All leaves.
    function requireOpened(
        bytes32 commitment,
        uint256 total,
        uint64 drawn,
        bytes32[] calldata leaves,
        GroupOpening[] calldata groups
    ) internal pure {
        bytes32 computed = keccak256(abi.encodePacked(leaves));
        if (computed != commitment || leaves.length != total) revert IModelBounties.CommitmentMismatch(computed);
        uint256 left = drawn;
        for (uint256 i = 0; i < groups.length; ++i) {
            GroupOpening calldata group = groups[i];
            uint256 bit = 1 << uint256(group.index);
            // The lowest bit that is left, and no other.
            if (group.index >= total || left & bit == 0 || left & (bit - 1) != 0) {
                revert IModelBounties.GroupNotDrawn(group.index);
            }
            if (leafOf(group) != leaves[group.index]) revert IModelBounties.GroupDiffers(group.index);
            left ^= bit;
        }
        if (left != 0) revert IModelBounties.GroupsMissing(groups.length);
    }

    /// @notice Leaf of a group. Its samples are bound by the group's hash.
    function leafOf(GroupOpening calldata group) internal pure returns (bytes32) {
        return keccak256(abi.encode(GROUP, group.salt, group.groupHash, group.fileDigest));
    }
}
