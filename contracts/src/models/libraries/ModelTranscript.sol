// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccuracyProof, Chunk, RoundingProof} from "../types/ModelProofs.sol";

/// @title Fiat-Shamir transcripts of proofs about models
/// @notice Chains of Keccak-256 states over 32-byte words, one tag a step; a challenge is its state modulo r. The same as
/// circuits/accuracy/accuracytranscript.py.
/// @dev Words are laid out by hand behind the free memory pointer, which stays where it is. What a step takes of a `Chunk` lies
/// together in it: words 0 to 3 are D and KP, 4 and 5 y_X and K, 6 to 13 the Groth16 elements.
library ModelTranscript {
    bytes32 private constant ACCURACY_CONTEXT = keccak256("gradroll/v1/accuracy/context");
    bytes32 private constant ACCURACY_ALPHA = keccak256("gradroll/v1/accuracy/alpha");
    bytes32 private constant ACCURACY_V = keccak256("gradroll/v1/accuracy/v");
    bytes32 private constant ACCURACY_WEIGHTS = keccak256("gradroll/v1/accuracy/weights");
    bytes32 private constant ACCURACY_CHUNK = keccak256("gradroll/v1/accuracy/r");
    bytes32 private constant ACCURACY_KNOWLEDGE = keccak256("gradroll/v1/accuracy/k1");
    bytes32 private constant ACCURACY_OPENING = keccak256("gradroll/v1/accuracy/k2");
    bytes32 private constant ROUNDING_CONTEXT = keccak256("gradroll/v1/rounding/context");
    bytes32 private constant ROUNDING_ALPHA = keccak256("gradroll/v1/rounding/alpha");
    bytes32 private constant ROUNDING_WEIGHTS = keccak256("gradroll/v1/rounding/weights");
    bytes32 private constant ROUNDING_KNOWLEDGE = keccak256("gradroll/v1/rounding/k1");
    bytes32 private constant ROUNDING_OPENING = keccak256("gradroll/v1/rounding/k2");

    /// @notice States, not reduced yet: behind alpha and v, and of the weights of the pairing product.
    /// @param alpha Where everything is opened.
    /// @param v Combines the openings.
    /// @param chunk r, whose powers weigh the chunks.
    /// @param knowledge k1, weight of the knowledge equations.
    /// @param opening k2, weight of the KZG equation.
    struct Challenges {
        uint256 alpha;
        uint256 v;
        uint256 chunk;
        uint256 knowledge;
        uint256 opening;
    }

    /// @notice All challenges of an accuracy proof.
    function accuracy(
        bytes32 listing,
        bytes32 keyHash,
        uint256[2] calldata model,
        uint256[2][] calldata data,
        AccuracyProof calldata proof
    ) internal pure returns (Challenges memory out) {
        bytes32 state = keccak256(abi.encode(ACCURACY_CONTEXT, listing, keyHash));
        Chunk[] calldata chunks = proof.chunks;
        (uint256 yM, uint256 opening) = _places(proof);
        state = keccak256(
            abi.encode(ACCURACY_ALPHA, state, model[0], model[1], _dataHash(data), _hash(chunks, 0, 0x80, 0))
        );
        out.alpha = uint256(state);
        state = _absorb(ACCURACY_V, state, yM, 0x20, chunks, 0x80, 0x40);
        out.v = uint256(state);
        state = _absorb(ACCURACY_WEIGHTS, state, opening, 0x40, chunks, 0xc0, 0x100);
        out.chunk = uint256(keccak256(abi.encode(ACCURACY_CHUNK, state)));
        out.knowledge = uint256(keccak256(abi.encode(ACCURACY_KNOWLEDGE, state)));
        out.opening = uint256(keccak256(abi.encode(ACCURACY_OPENING, state)));
    }

    /// @notice All challenges of a rounding proof; it has one part, which needs no `v` and no `chunk`.
    function rounding(
        bytes32 listing,
        bytes32 statementHash,
        bytes32 keyHash,
        uint256[2] calldata difference,
        RoundingProof calldata proof
    ) internal pure returns (Challenges memory out) {
        bytes32 state = keccak256(abi.encode(ROUNDING_CONTEXT, listing, keyHash, statementHash));
        state = keccak256(abi.encode(ROUNDING_ALPHA, state, difference, proof.d, proof.knowledge));
        out.alpha = uint256(state);
        state = keccak256(abi.encode(ROUNDING_WEIGHTS, state, proof.yE, proof.opening, proof.a, proof.b, proof.c));
        out.knowledge = uint256(keccak256(abi.encode(ROUNDING_KNOWLEDGE, state)));
        out.opening = uint256(keccak256(abi.encode(ROUNDING_OPENING, state)));
    }

    /// @dev Where in the calldata y_M and W are.
    function _places(AccuracyProof calldata proof) private pure returns (uint256 yM, uint256 opening) {
        assembly ("memory-safe") {
            yM := add(proof, 0x20)
            opening := add(proof, 0x40)
        }
    }

    function _dataHash(uint256[2][] calldata data) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(6, data.length)
            calldatacopy(free, data.offset, size)
            hash := keccak256(free, size)
        }
    }

    /// @dev Hash of a tag, a state, `headSize` bytes of calldata, and of `size` bytes of every chunk.
    function _absorb(
        bytes32 tag,
        bytes32 state,
        uint256 head,
        uint256 headSize,
        Chunk[] calldata chunks,
        uint256 from,
        uint256 size
    ) private pure returns (bytes32) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 0x20), state)
            calldatacopy(add(free, 0x40), head, headSize)
        }
        return _hash(chunks, from, size, 0x40 + headSize);
    }

    /// @dev Hash of `before` bytes that lie behind the free memory pointer, and of bytes [from, from + size) of every chunk.
    function _hash(Chunk[] calldata chunks, uint256 from, uint256 size, uint256 before)
        private
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let to := add(free, before)
            let source := add(chunks.offset, from)
            for { let i := 0 } lt(i, chunks.length) { i := add(i, 1) } {
                calldatacopy(to, source, size)
                to := add(to, size)
                source := add(source, 0x1c0) // a chunk is 14 words
            }
            hash := keccak256(free, sub(to, free))
        }
    }
}
