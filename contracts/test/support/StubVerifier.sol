// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Proof, Statement} from "../../src/types/Types.sol";

/// @title A verifier that believes everything, for tests of what the market does around it
contract StubVerifier is IVerifier {
    bool public immutable usesContributions;
    uint256 public constant capacity = 256;
    bytes32 public constant policyKeyHash = keccak256("stub");

    constructor(bool usesContributions_) {
        usesContributions = usesContributions_;
    }

    /// @dev Answers with the hash of its arguments as the compiler encodes them, so that tests see what arrived.
    function verify(Statement calldata statement, Proof calldata proof)
        external
        pure
        returns (bytes32 batchId, uint256 commitmentX, uint256 commitmentY)
    {
        return (keccak256(abi.encode(statement, proof)), 1, 2);
    }
}
