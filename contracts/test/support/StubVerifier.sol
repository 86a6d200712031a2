// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Proof, Statement} from "../../src/types/Types.sol";

/// @title A verifier that believes everything, for tests of what the market does around it
contract StubVerifier is IVerifier {
    uint256 public constant capacity = 120;
    bytes32 public constant policyKeyHash = keccak256("stub");
    /// @dev Whatever it calls a batch: the market must not take its word for it.
    bytes32 private immutable _answer;

    constructor(bytes32 answer) {
        _answer = answer;
    }

    function verify(Statement calldata, Proof calldata) external view returns (bytes32 batchId) {
        return _answer;
    }

    function tau() external pure returns (uint256[4] memory) {
        return [uint256(0), 0, 0, 0];
    }
}
