// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OwnerCommitment, Proof, Statement} from "../types/Proofs.sol";

/// @title Fiat-Shamir transcript of a batch
/// @notice A chain of Keccak-256 states over 32-byte words, one tag a step; a challenge is its state modulo r. The
/// same as circuits/transcript.py; tests/vectors/v1/transcript binds the two. The verifier replays all of it from
/// calldata; the market derives the batch's identifier, the state behind rho, from the statement that it laid out in
/// memory.
/// @dev Words are laid out by hand behind the free memory pointer, which stays where it is. The layouts of `Proof` and
/// `Statement` have the transcript's order, so most steps are one or two copies.
library Transcript {
    bytes32 private constant CONTEXT = keccak256("gradroll/v1/context");
    bytes32 private constant RHO = keccak256("gradroll/v1/rho");
    bytes32 private constant ZETA = keccak256("gradroll/v1/zeta");
    bytes32 private constant V = keccak256("gradroll/v1/v");
    bytes32 private constant U = keccak256("gradroll/v1/u");
    bytes32 private constant WEIGHT_KNOWLEDGE = keccak256("gradroll/v1/weight-knowledge");
    bytes32 private constant WEIGHT_OPENING = keccak256("gradroll/v1/weight-opening");
    bytes32 private constant WEIGHT_SUM = keccak256("gradroll/v1/weight-sum");

    /// @notice First state: what is proven, where, for how many owners.
    function context(Statement calldata statement, bytes32 keyHash) internal pure returns (bytes32 state) {
        uint256 copy;
        assembly ("memory-safe") {
            // Beyond the words that the function below writes.
            copy := add(mload(0x40), 0x140)
            calldatacopy(copy, statement, 0xe0)
        }
        return context(copy, statement.owners.length, keyHash);
    }

    /// @notice The same for a statement in memory.
    /// @param statement Address of its seven words from the domain to the dimension.
    /// @param owners Number of owners.
    function context(uint256 statement, uint256 owners, bytes32 keyHash) internal pure returns (bytes32 state) {
        bytes32 tag = CONTEXT;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mcopy(add(free, 0x20), statement, 0xa0) // domain, taskId, termsHash, round, modelDigest
            mstore(add(free, 0xc0), keyHash)
            mcopy(add(free, 0xe0), add(statement, 0xa0), 0x40) // bound, dimension
            mstore(add(free, 0x120), owners)
            state := keccak256(free, 0x140)
        }
    }

    /// @notice Hash of every owner's registration index, address and commitment, in batch order.
    function ownersHash(OwnerCommitment[] calldata owners) internal pure returns (bytes32 hash) {
        uint256 copy;
        assembly ("memory-safe") {
            copy := mload(0x40)
            calldatacopy(copy, owners.offset, mul(0x60, owners.length))
        }
        return ownersHash(copy, owners.length);
    }

    /// @notice The same for owners in memory.
    /// @param owners Address of the first of them.
    function ownersHash(uint256 owners, uint256 count) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(owners, mul(0x60, count))
        }
    }

    /// @notice State behind rho, which combines the rows; it is also the batch's identifier.
    function rho(bytes32 state, bytes32 owners, Proof calldata proof) internal pure returns (bytes32 next) {
        bytes32 tag = RHO;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 0x20), state)
            mstore(add(free, 0x40), owners)
            calldatacopy(add(free, 0x60), proof, 0x40) // mask
            calldatacopy(add(free, 0xa0), add(proof, 0x380), 0x40) // signSeed, projectionsDigest
            calldatacopy(add(free, 0xe0), add(proof, 0x40), 0x80) // gram, knowledge
            next := keccak256(free, 0x160)
        }
    }

    /// @notice State behind zeta, the point at which the sum-check is opened.
    function zeta(bytes32 state, Proof calldata proof) internal pure returns (bytes32) {
        return _absorb(ZETA, state, proof, 0x1c0, 0xa0); // squareNorm, s, q
    }

    /// @notice State behind v, which combines the openings at zeta.
    function v(bytes32 state, Proof calldata proof) internal pure returns (bytes32) {
        return _absorb(V, state, proof, 0x260, 0x60); // aZeta, sZeta, sOmegaZeta
    }

    /// @notice State behind u, which joins the openings at zeta and omega zeta; it ends the transcript.
    function u(bytes32 state, Proof calldata proof) internal pure returns (bytes32 next) {
        bytes32 tag = U;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 0x20), state)
            calldatacopy(add(free, 0x40), add(proof, 0x2c0), 0xc0) // w1, w2, sum
            calldatacopy(add(free, 0x100), add(proof, 0xc0), 0x100) // a, b, c
            next := keccak256(free, 0x200)
        }
    }

    /// @notice Seed of the weight of the knowledge equation in the pairing product.
    function knowledgeWeight(bytes32 state) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(WEIGHT_KNOWLEDGE, state)));
    }

    /// @notice Seed of the weight of the KZG equation in the pairing product.
    function openingWeight(bytes32 state) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(WEIGHT_OPENING, state)));
    }

    /// @notice Seed of the weight of the sum of the owners' commitments in the pairing product.
    function sumWeight(bytes32 state) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(WEIGHT_SUM, state)));
    }

    /// @dev Hash of a tag, a state and consecutive words of the proof.
    function _absorb(bytes32 tag, bytes32 state, Proof calldata proof, uint256 start, uint256 size)
        private
        pure
        returns (bytes32 next)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 0x20), state)
            calldatacopy(add(free, 0x40), add(proof, start), size)
            next := keccak256(free, add(0x40, size))
        }
    }
}
