// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TaskState} from "../types/State.sol";

/// @title Lookup of registered owners
/// @notice Owners are registered one a storage word (`OwnerWord`). A chunk of up to 1,024 of them may be copied into the code of a data
/// contract (`compact`); a batch then reads all its owners of that chunk at the price of two words, instead of one word
/// an owner. The copy is a cache: an owner's signer never changes, owners beyond it are read from
/// storage, and it is dropped when an index in it is given to another owner.
library Roster {
    uint256 private constant CHUNK_BITS = 10;
    /// @dev Owners of a chunk.
    uint256 internal constant CHUNK = 1 << CHUNK_BITS;
    uint256 private constant COUNT_SHIFT = 160;
    uint256 private constant ADDRESS_BYTES = 20;
    /// @dev Returns what follows it as code; the code begins with STOP, so nobody can run the data.
    bytes private constant CREATION_PREFIX = hex"600b5981380380925939f300";

    /// @notice The data contract could not be created.
    error CompactionFailed();

    /// @notice The chunk of owners that was read last.
    /// @param first Storage slot of the address of owner 0; the others follow.
    /// @param copies Mapping of a chunk to its data contract and the number of owners in it.
    /// @param limit Least index beyond the chunk.
    /// @param data Where in memory the address of owner 0 would be if those before the chunk were there too: the owner of an
    /// index below `copied` lies at data + 20 * index, modulo 2^256.
    /// @param copied Least index that is not in memory.
    struct Reader {
        uint256 first;
        uint256 copies;
        uint256 limit;
        uint256 data;
        uint256 copied;
    }

    /// @notice A reader of a task's owners that has read nothing yet.
    function reader(TaskState storage state) internal view returns (Reader memory out) {
        uint256 first;
        uint256 copies;
        uint256[] storage owners = state.owners;
        mapping(uint256 => uint256) storage compacted = state.compacted;
        assembly ("memory-safe") {
            mstore(0, owners.slot)
            first := keccak256(0, 0x20)
            copies := compacted.slot
        }
        (out.first, out.copies) = (first, copies);
    }

    /// @notice Reads the chunk of an index.
    function read(Reader memory self, uint256 index) internal view {
        uint256 chunk = index >> CHUNK_BITS;
        uint256 copies = self.copies;
        uint256 packed;
        uint256 data;
        assembly ("memory-safe") {
            mstore(0, chunk)
            mstore(0x20, copies)
            packed := sload(keccak256(0, 0x40))
            let size := mul(shr(COUNT_SHIFT, packed), ADDRESS_BYTES)
            data := mload(0x40)
            if size {
                // Twelve bytes more than the addresses are reserved, because each is read as part of a whole word.
                mstore(0x40, add(data, and(add(size, 0x2b), not(0x1f))))
                extcodecopy(packed, data, 1, size)
            }
        }
        uint256 start = chunk * CHUNK;
        self.limit = start + CHUNK;
        self.copied = start + (packed >> COUNT_SHIFT);
        unchecked {
            self.data = data - start * ADDRESS_BYTES;
        }
    }

    /// @notice Owners in a chunk's copy.
    function copied(TaskState storage state, uint256 chunk) internal view returns (uint256 count) {
        return state.compacted[chunk] >> COUNT_SHIFT;
    }

    /// @notice Drops the copy that an index is in, if there is one.
    function forget(TaskState storage state, uint256 index) internal {
        uint256 chunk = index >> CHUNK_BITS;
        if (index - chunk * CHUNK < copied(state, chunk)) delete state.compacted[chunk];
    }

    /// @notice Copies the registered owners of a chunk into a fresh data contract.
    /// @return count Owners copied; 0, and nothing happens, when there is nothing new to copy.
    function compact(TaskState storage state, uint256 chunk) internal returns (uint256 count) {
        uint256 first = chunk * CHUNK;
        uint256 registered = state.owners.length;
        if (registered <= first) return 0;
        count = registered - first < CHUNK ? registered - first : CHUNK;
        if (count == copied(state, chunk)) return 0;
        bytes memory data = new bytes(count * ADDRESS_BYTES + 32);
        for (uint256 i = 0; i < count; ++i) {
            uint256 owner = state.owners[first + i]; // shifted, only the signer is left of it
            assembly ("memory-safe") {
                mstore(add(add(data, 0x20), mul(i, 20)), shl(96, owner))
            }
        }
        assembly ("memory-safe") {
            mstore(data, mul(count, 20))
        }
        bytes memory creation = bytes.concat(CREATION_PREFIX, data);
        address copy;
        assembly ("memory-safe") {
            copy := create(0, add(creation, 0x20), mload(creation))
        }
        if (copy == address(0)) revert CompactionFailed();
        state.compacted[chunk] = uint256(uint160(copy)) | count << COUNT_SHIFT;
    }
}
