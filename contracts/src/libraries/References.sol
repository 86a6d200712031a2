// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Reference} from "../types/Types.sol";

/// @title What a round is opened with where gradients are graded: a model, and copies of a reference
/// @notice What stands as the round's modelDigest, so that whatever is signed for the round binds the reference too. Mirrors
/// commons/protocol/references.py.
library References {
    bytes32 private constant TAG = keccak256("gradroll/v1/referenced-model");
    /// @dev A copy's number plus this stands where an owner has its registration index.
    uint256 private constant FIRST_INDEX = 1 << 16;
    uint256 internal constant MAX_COPIES = 16;

    /// @notice Digest of an opening.
    /// @param modelDigest Keccak of the model.
    function digest(bytes32 modelDigest, Reference[] calldata copies) internal pure returns (bytes32) {
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := mul(copies.length, 0x60)
            calldatacopy(free, copies.offset, size)
            hash := keccak256(free, size)
        }
        return keccak256(abi.encode(TAG, modelDigest, hash));
    }

    /// @notice The word of a copy in a verifier's statement, where owners have index and address.
    /// @param dealer Who dealt the copy.
    function wordOf(uint256 copy, address dealer) internal pure returns (uint256) {
        return FIRST_INDEX + copy << 160 | uint160(dealer);
    }

    /// @notice Whether a word is a reference's and no owner's.
    function isReference(uint256 word) internal pure returns (bool) {
        return word >> 160 >= FIRST_INDEX;
    }
}
