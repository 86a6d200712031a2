// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGradedVerifier} from "../../src/interfaces/IGradedVerifier.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Grading} from "../../src/libraries/Grading.sol";
import {Transcript} from "../../src/libraries/Transcript.sol";
import {Graded} from "../../src/types/Graded.sol";
import {Proof, Statement, VerifyingKey} from "../../src/types/Proofs.sol";

/// @title A verifier that believes everything, for tests of what the market does around it
contract StubVerifier is IVerifier {
    uint256 public constant capacity = 120;
    bytes32 public constant policyKeyHash = keccak256("stub");
    /// @dev Makes its code, and so its code's hash, another one.
    bytes32 public immutable salt;

    constructor(bytes32 salt_) {
        salt = salt_;
    }

    /// @inheritdoc IVerifier
    function verify(Statement calldata statement, Proof calldata proof)
        external
        pure
        returns (bytes32 batchId, uint256 levels)
    {
        bytes32 context = Transcript.context(statement, policyKeyHash);
        return (Transcript.rho(context, Transcript.ownersHash(statement.owners), proof), 0);
    }

    function levelled() external pure virtual returns (bool) {
        return false;
    }

    function factory() external view returns (address) {
        return address(this);
    }

    function key() external pure returns (VerifyingKey memory out) {
        return out;
    }

    function tau() external pure returns (uint256[4] memory) {
        return [uint256(0), 0, 0, 0];
    }
}

/// @title The same for a family whose proofs give levels: those that it is told
contract LevellingVerifier is StubVerifier(0), IGradedVerifier {
    uint256 private _levels;

    /// @param levels Two bits an owner of the next batch, the first one lowest.
    function tell(uint256 levels) external {
        _levels = levels;
    }

    /// @inheritdoc IGradedVerifier
    function verifyGraded(Graded calldata graded, Statement calldata statement, Proof calldata proof)
        external
        view
        returns (bytes32 batchId, uint256 levels)
    {
        bytes32 context = Transcript.context(statement, policyKeyHash);
        bytes32 state = Transcript.rho(context, Transcript.ownersHash(statement.owners), proof);
        return (Grading.batchId(state, graded), _levels);
    }

    function levelled() external pure override(IVerifier, StubVerifier) returns (bool) {
        return true;
    }
}
