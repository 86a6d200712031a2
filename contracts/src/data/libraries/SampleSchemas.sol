// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SampleKind, SampleSchema} from "../types/Samples.sol";
import {WordBags} from "./WordBags.sol";

/// @title Samples: whether one fits, how far two are apart, and where one stands in a tree
/// @notice Mirrored byte for byte by commons/samples.
library SampleSchemas {
    /// @notice The schema is not the campaign's. Its hash is in the terms, and the schema in `CampaignOpened`.
    error SchemaMismatch(bytes32 hash);
    /// @notice A part of a schema is out of range, or does not go with its kind.
    error SchemaInvalid(string part);
    /// @notice A sample does not fit the schema.
    error SampleMisfit();

    uint256 internal constant LABEL_BYTES = 2;
    uint256 private constant MAX_WIDTH = 2047;
    uint256 private constant MAX_TEXT = 4094;
    uint256 private constant MAX_CLASSES = 65_535;
    uint256 private constant MAX_PROOF = 16;

    /// @notice Requires that a schema is the one with a hash.
    function requireHash(SampleSchema calldata schema, bytes32 expected) internal pure {
        bytes32 hash = keccak256(abi.encode(schema));
        if (hash != expected) revert SchemaMismatch(hash);
    }

    /// @notice Requires that all parts of a schema are in range, and that those of the other kind are zero.
    function requireValid(SampleSchema calldata schema) internal pure {
        _require(_within(schema.classes, 1, MAX_CLASSES), "classes");
        if (schema.kind == SampleKind.Text) {
            _require(schema.width == 0, "width");
            _require(schema.size == 0, "size");
            _require(_within(schema.most, 1, MAX_TEXT), "most");
            _require(_within(schema.least, 1, schema.most), "least");
            _require(schema.maxima.length == 0, "maxima");
            return;
        }
        uint256 size = schema.size;
        uint256 length = schema.maxima.length;
        _require(_within(schema.width, 1, MAX_WIDTH), "width");
        _require(_within(size, 1, 2), "size");
        _require(schema.least == 0, "least");
        _require(schema.most == 0, "most");
        _require(length == size || length == size * schema.width, "maxima");
    }

    /// @notice Requires that a sample fits.
    function requireFit(SampleSchema calldata schema, bytes calldata sample) internal pure {
        if (!fits(schema, sample)) revert SampleMisfit();
    }

    /// @notice Whether a sample fits a valid schema.
    function fits(SampleSchema calldata schema, bytes calldata sample) internal pure returns (bool) {
        if (sample.length < LABEL_BYTES || labelOf(sample) >= schema.classes) return false;
        bytes calldata body = sample[LABEL_BYTES:];
        return schema.kind == SampleKind.Text ? _fitsText(schema, body) : _fitsArray(schema, body);
    }

    /// @notice Label of a sample of at least two bytes.
    function labelOf(bytes calldata sample) internal pure returns (uint256) {
        return _number(sample, 0, LABEL_BYTES);
    }

    /// @notice Distance of two samples that fit. Labels do not count: a copy under another label is a copy, or a lie.
    /// @return Arrays: sum of the features' differences. Texts: how many words only one of them has, as often as it has them.
    function distance(SampleSchema calldata schema, bytes calldata one, bytes calldata other)
        internal
        pure
        returns (uint256)
    {
        if (schema.kind == SampleKind.Text) return WordBags.distance(one[LABEL_BYTES:], other[LABEL_BYTES:]);
        uint256 size = schema.size;
        uint256 sum = 0;
        for (uint256 at_ = LABEL_BYTES; at_ < one.length; at_ += size) {
            uint256 left = _number(one, at_, size);
            uint256 right = _number(other, at_, size);
            sum += left > right ? left - right : right - left;
        }
        return sum;
    }

    /// @notice Leaf of a sample, hashed twice, so that no node of a tree is one.
    function leafOf(uint256 index, bytes calldata sample) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, keccak256(sample)))));
    }

    /// @notice Whether a sample stands at a place of a tree.
    function isIn(bytes32 root, uint256 index, bytes calldata sample, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        return proof.length <= MAX_PROOF && MerkleProof.verifyCalldata(proof, root, leafOf(index, sample));
    }

    /// @notice Root over samples in their order, at least one: OpenZeppelin's standard tree without sorted leaves.
    function rootOf(bytes[] calldata samples) internal pure returns (bytes32) {
        uint256 count = samples.length;
        bytes32[] memory nodes = new bytes32[](2 * count - 1);
        for (uint256 i = 0; i < count; ++i) {
            nodes[2 * count - 2 - i] = leafOf(i, samples[i]);
        }
        for (uint256 i = count - 1; i > 0; --i) {
            (bytes32 left, bytes32 right) = (nodes[2 * i - 1], nodes[2 * i]);
            nodes[i - 1] = left < right ? _hash(left, right) : _hash(right, left);
        }
        return nodes[0];
    }

    function _fitsArray(SampleSchema calldata schema, bytes calldata body) private pure returns (bool) {
        uint256 size = schema.size;
        bytes calldata maxima = schema.maxima;
        if (body.length != size * schema.width) return false;
        uint256 step = maxima.length == size ? 0 : size;
        uint256 place = 0;
        for (uint256 at_ = 0; at_ < body.length; at_ += size) {
            if (_number(body, at_, size) > _number(maxima, place, size)) return false;
            place += step;
        }
        return true;
    }

    /// @dev Well-formed UTF-8 (RFC 3629) without control bytes, and no space but one between two words.
    function _fitsText(SampleSchema calldata schema, bytes calldata text) private pure returns (bool) {
        uint256 length = text.length;
        if (!_within(length, schema.least, schema.most)) return false;
        uint256 before = 0x20; // as if a space stood there: a first one would be the second
        uint256 at_ = 0;
        while (at_ < length) {
            uint256 lead = _byte(text, at_);
            if (lead < 0x80) {
                if (lead < 0x20 || lead == 0x7f || (lead == 0x20 && before == 0x20)) return false;
                ++at_;
            } else {
                uint256 size = _sequence(text, at_, lead);
                if (size == 0) return false;
                at_ += size;
            }
            before = lead;
        }
        return before != 0x20;
    }

    /// @dev Bytes of a well-formed sequence of two to four, 0 if it is none: overlong, a surrogate, too large or cut off.
    function _sequence(bytes calldata text, uint256 at_, uint256 lead) private pure returns (uint256 size) {
        if (lead < 0xc2 || lead > 0xf4) return 0;
        size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (at_ + size > text.length) return 0;
        uint256 second = _byte(text, at_ + 1);
        uint256 least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        uint256 most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (!_within(second, least, most)) return 0;
        for (uint256 i = 2; i < size; ++i) {
            if (!_within(_byte(text, at_ + i), 0x80, 0xbf)) return 0;
        }
    }

    /// @dev A number of one or two bytes. Callers keep within the bytes.
    function _number(bytes calldata data, uint256 at_, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(add(data.offset, at_)))
        }
    }

    function _byte(bytes calldata data, uint256 at_) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(add(data.offset, at_)))
        }
    }

    function _hash(bytes32 left, bytes32 right) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            hash := keccak256(0x00, 0x40)
        }
    }

    function _within(uint256 value, uint256 least, uint256 most) private pure returns (bool) {
        return value >= least && value <= most;
    }

    function _require(bool holds, string memory part) private pure {
        if (!holds) revert SchemaInvalid(part);
    }
}
