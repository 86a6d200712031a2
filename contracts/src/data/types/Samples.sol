// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice How a sample's bytes are laid out: a label of two bytes, big-endian, then the rest.
enum SampleKind {
    /// Features: unsigned integers of one or two bytes each, big-endian.
    Array,
    /// UTF-8 without control characters, words with one space between them.
    Text
}

/// @notice What samples of a campaign are. keccak256(abi.encode(schema)) is in the campaign's terms.
/// @param width Features of an array, 1 to 2,047; 0 for texts.
/// @param size Bytes of a feature, 1 or 2; 0 for texts.
/// @param classes Labels are smaller, 1 to 65,535.
/// @param least Fewest bytes of a text, at least 1; 0 for arrays.
/// @param most Most bytes of a text, at most 4,094; 0 for arrays.
/// @param tau Samples at this distance, or nearer, are copies.
/// @param maxima Largest value of each feature, or one for all, `size` bytes each; empty for texts.
struct SampleSchema {
    SampleKind kind;
    uint16 width;
    uint8 size;
    uint32 classes;
    uint16 least;
    uint16 most;
    uint32 tau;
    bytes maxima;
}

/// @notice A sample and the way from its leaf to a root.
/// @param sample Its bytes.
/// @param proof Hashes beside the way, upwards, as OpenZeppelin's `MerkleProof` takes them; at most 16.
struct SampleProof {
    bytes sample;
    bytes32[] proof;
}
