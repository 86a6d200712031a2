// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Hashes of recent blocks
library AnchorHashes {
    /// @dev Where chains that follow EIP-2935 keep the hashes of 8,191 blocks. The address has no known key and its code comes from
    /// one transaction only, so that elsewhere nobody can put another contract there.
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice Hash of a block below the present one: of the last 256, or of 8,191 where the chain keeps as many; else 0.
    /// @dev Of a chain whose `block.number` is another chain's (an L2 that tells its parent's) the history is of its own blocks: it
    /// would tell the hash of another block, one that may be known. So it is believed only where it knows the last one.
    function hashOf(uint256 height) internal view returns (bytes32 hash) {
        hash = blockhash(height);
        if (hash != 0) return hash;
        bytes32 last = blockhash(block.number - 1);
        // Hashes, of which nobody chooses one that is equal.
        // slither-disable-next-line incorrect-equality
        if (last != 0 && _kept(block.number - 1) == last) hash = _kept(height);
    }

    function _kept(uint256 height) private view returns (bytes32 hash) {
        // A system contract that takes and gives one word; where it is none, nothing answers.
        assembly ("memory-safe") {
            mstore(0, height)
            let ok := staticcall(gas(), HISTORY, 0, 32, 0, 32)
            if and(ok, eq(returndatasize(), 32)) { hash := mload(0) }
        }
    }
}
