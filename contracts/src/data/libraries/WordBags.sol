// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title How many words two texts do not have in common
/// @dev A table of the one's words, by a hash that begins with a hash of both texts: words that are to fall on one another
/// would have to be chosen after the texts that they stand in. So no texts make a proof of a copy dearer than a transaction.
library WordBags {
    /// @dev Lowest bits of an entry, which count; a text has fewer words.
    uint256 private constant COUNT = 0xfff;

    /// @notice Size of the symmetric difference of two multisets of words, which are runs of bytes without 0x20.
    /// @param one At most 4,094 bytes; as the other not empty, with one space between words and none elsewhere.
    function distance(bytes calldata one, bytes calldata other) internal pure returns (uint256) {
        bytes32 seed = keccak256(abi.encode(keccak256(one), keccak256(other)));
        uint256 slots = 2;
        while (slots < one.length + 1) slots <<= 1; // twice as many as words, or more
        uint256[] memory table = new uint256[](slots);
        uint256 ofOne = _fill(one, table, seed);
        (uint256 ofOther, uint256 common) = _compare(other, table, seed);
        return ofOne + ofOther - 2 * common;
    }

    /// @dev Puts all words into the table.
    function _fill(bytes calldata text, uint256[] memory table, bytes32 seed) private pure returns (uint256 words) {
        bytes memory copied = text;
        uint256 from = 0;
        while (from < copied.length) {
            uint256 to = _end(copied, from);
            uint256 key = _key(copied, from, to, seed);
            uint256 slot = _find(table, key);
            table[slot] = key | (table[slot] & COUNT) + 1;
            ++words;
            from = to + 1;
        }
    }

    /// @dev Takes words out of the table.
    function _compare(bytes calldata text, uint256[] memory table, bytes32 seed)
        private
        pure
        returns (uint256 words, uint256 common)
    {
        bytes memory copied = text;
        uint256 from = 0;
        while (from < copied.length) {
            uint256 to = _end(copied, from);
            uint256 slot = _find(table, _key(copied, from, to, seed));
            if (table[slot] & COUNT != 0) {
                --table[slot];
                ++common;
            }
            ++words;
            from = to + 1;
        }
    }

    /// @dev Where the word ends that begins at a place.
    function _end(bytes memory text, uint256 from) private pure returns (uint256 to) {
        assembly ("memory-safe") {
            let length := mload(text)
            to := from
            for {} lt(to, length) { to := add(to, 1) } {
                if eq(byte(0, mload(add(add(text, 0x20), to))), 0x20) { break }
            }
        }
    }

    /// @dev Hash of a word, with room for the count.
    function _key(bytes memory text, uint256 from, uint256 to, bytes32 seed) private pure returns (uint256 key) {
        assembly ("memory-safe") {
            mstore(0x00, seed)
            mstore(0x20, keccak256(add(add(text, 0x20), from), sub(to, from)))
            key := keccak256(0x00, 0x40)
        }
        return key & ~COUNT;
    }

    /// @dev Slot of a word, or the empty one where it would go.
    function _find(uint256[] memory table, uint256 key) private pure returns (uint256 slot) {
        uint256 mask = table.length - 1;
        slot = key >> 12 & mask;
        while (table[slot] != 0 && (table[slot] & ~COUNT) != key) slot = (slot + 1) & mask;
    }
}
