// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {ListingTerms, Parent, Royalty} from "../types/Listings.sol";

/// @title What a listing is for good, packed into the code of a data contract
/// @notice Half as dear to write as words of storage, and one cold access to read. The fields stand one behind the other without
/// gaps, a parent's sellers beside it, since they cannot change either.
library ListingRecords {
    uint256 private constant SELLER_BYTES = 20;
    /// @dev Bytes in front of the parents.
    uint256 private constant HEAD = 244;
    uint256 private constant PARENT_BYTES = 54;

    /// @notice Writes a record.
    /// @param sellers Of the parents, in their order.
    /// @return pointer Where it is.
    function write(address seller, ListingTerms calldata terms, uint256[2] calldata model, address[] memory sellers)
        internal
        returns (address pointer)
    {
        bytes memory packed = abi.encodePacked(
            seller, terms.verifier, terms.token, terms.base, terms.step, terms.floor, terms.bond, terms.revealWindow
        );
        packed = abi.encodePacked(packed, terms.set, terms.artifact, model);
        for (uint256 i = 0; i < sellers.length; ++i) {
            Parent calldata parent = terms.parents[i];
            packed = abi.encodePacked(packed, parent.listing, parent.share, sellers[i]);
        }
        return SSTORE2.write(packed);
    }

    /// @notice The seller alone.
    function sellerAt(address pointer) internal view returns (address) {
        return address(bytes20(SSTORE2.read(pointer, 0, SELLER_BYTES)));
    }

    /// @notice Reads a record.
    function read(address pointer) internal view returns (bytes memory record) {
        return SSTORE2.read(pointer);
    }

    function sellerOf(bytes memory record) internal pure returns (address) {
        return address(uint160(_field(record, 0, 20)));
    }

    function verifierOf(bytes memory record) internal pure returns (address) {
        return address(uint160(_field(record, 20, 20)));
    }

    function setOf(bytes memory record) internal pure returns (bytes32) {
        return bytes32(_field(record, 116, 32));
    }

    function modelOf(bytes memory record) internal pure returns (uint256[2] memory) {
        return [_field(record, 180, 32), _field(record, 212, 32)];
    }

    /// @notice All terms.
    function termsOf(bytes memory record) internal pure returns (ListingTerms memory terms) {
        terms.verifier = verifierOf(record);
        terms.token = address(uint160(_field(record, 40, 20)));
        terms.base = uint128(_field(record, 60, 16));
        terms.step = uint128(_field(record, 76, 16));
        terms.floor = uint32(_field(record, 92, 4));
        terms.bond = uint128(_field(record, 96, 16));
        terms.revealWindow = uint32(_field(record, 112, 4));
        terms.set = setOf(record);
        terms.artifact = bytes32(_field(record, 148, 32));
        terms.parents = new Parent[](_parentCount(record));
        for (uint256 i = 0; i < terms.parents.length; ++i) {
            uint256 from = HEAD + i * PARENT_BYTES;
            terms.parents[i] = Parent(bytes32(_field(record, from, 32)), uint16(_field(record, from + 32, 2)));
        }
    }

    /// @notice Who gets which share of the price.
    function royaltiesOf(bytes memory record) internal pure returns (Royalty[] memory royalties) {
        royalties = new Royalty[](_parentCount(record));
        for (uint256 i = 0; i < royalties.length; ++i) {
            uint256 from = HEAD + i * PARENT_BYTES;
            address recipient = address(uint160(_field(record, from + 34, 20)));
            royalties[i] = Royalty(recipient, uint16(_field(record, from + 32, 2)));
        }
    }

    function _parentCount(bytes memory record) private pure returns (uint256) {
        return (record.length - HEAD) / PARENT_BYTES;
    }

    /// @dev The number of `size` bytes, 1 to 32, at a place of the record.
    function _field(bytes memory record, uint256 from, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(shl(3, sub(32, size)), mload(add(add(record, 0x20), from)))
        }
    }
}
