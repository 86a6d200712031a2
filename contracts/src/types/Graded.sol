// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// Apart from Types.sol, as a graded verifier is compiled from it (see Proofs.sol).

/// @notice By what the gradients of a batch are graded.
/// @param step Levels are bound / step wide.
/// @param dither The noise under which numbers are opened is bound / dither wide.
/// @param minOwners Fewest owners that share a weight other than 0.
/// @param values The opened numbers of the owners, in their order: 8 bytes each, two's complement, big-endian.
struct Graded {
    uint256 step;
    uint256 dither;
    uint256 minOwners;
    bytes values;
}
