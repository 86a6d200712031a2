// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Recovery of EIP-2098 compact signatures
/// @dev Refuses high s (malleability) and never returns the zero address for a caller to compare with an empty slot.
library Signatures {
    uint256 private constant S_MASK = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The signer of a digest, or the zero address when there is none.
    /// @param digest 32-byte digest.
    /// @param r First half of the signature.
    /// @param vs Second half: s, with the parity of the nonce point in the top bit.
    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal view returns (address signer) {
        assembly ("memory-safe") {
            let s := and(vs, S_MASK)
            if iszero(gt(s, HALF_ORDER)) {
                let free := mload(0x40)
                mstore(free, digest)
                mstore(add(free, 0x20), add(27, shr(255, vs)))
                mstore(add(free, 0x40), r)
                mstore(add(free, 0x60), s)
                // A failed recovery returns no data and leaves the zero written here.
                mstore(0, 0)
                pop(staticcall(gas(), 1, free, 0x80, 0, 0x20))
                signer := mload(0)
            }
        }
    }
}
