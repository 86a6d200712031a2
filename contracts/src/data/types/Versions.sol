// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice An epoch of a campaign, closed.
struct EpochReference {
    bytes32 campaign;
    uint64 epoch;
}

/// @notice Rounds of a task of the gradient market.
struct RoundReference {
    uint64 task;
    uint64 first;
    uint64 count;
}

/// @notice What a version of a model says of itself.
/// @param parents Versions that it was made from, ascending, at most 8.
/// @param model SHA-256 of the model's file, or keccak256(abi.encode(C_M)) of a committed one.
/// @param epochs Epochs that it was trained on, at most 16.
/// @param rounds Rounds that it was trained by, at most 16. That they gave this model is proven by the listing's lineage, or not.
/// @param rule Digest of how it was trained.
/// @param listing Its listing in the registry of models, which proves its accuracy; 0 for none.
struct VersionTerms {
    bytes32[] parents;
    bytes32 model;
    EpochReference[] epochs;
    RoundReference[] rounds;
    bytes32 rule;
    bytes32 listing;
}

/// @notice A version.
/// @param generation 1 more than the greatest of its parents, 0 without.
struct VersionView {
    address author;
    uint40 time;
    uint32 generation;
    bytes32 termsHash;
}
