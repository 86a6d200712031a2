// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {Proof, Statement} from "../src/types/Proofs.sol";
import {Scene} from "./support/Scene.sol";

/// @title What a verification costs that fails, and what it says when it is given too little
contract VerifierGasTest is Scene {
    /// @dev A block's gas: what a bad point cost before the calls of precompiles were bounded.
    uint256 private constant BLOCK = 30_000_000;
    /// @dev Of the pairing of 6 pairs, 249,000 gas, and of a multiplication, 6,000: what a failure costs at most beyond
    /// a verification that holds, as a call gets three times the price.
    uint256 private constant PAIRING_BEYOND = 500_000;
    uint256 private constant MUL_BEYOND = 12_500;

    Statement private _statement;
    Proof private _proof;

    function setUp() external {
        stage("norm_3", 16);
        Fixture memory fixture = load("norm_3");
        Statement memory statement = statementOf(fixture.batch);
        (_statement.domain, _statement.taskId, _statement.termsHash) =
        (statement.domain, statement.taskId, statement.termsHash);
        (_statement.round, _statement.modelDigest) = (statement.round, statement.modelDigest);
        (_statement.bound, _statement.dimension) = (statement.bound, statement.dimension);
        for (uint256 i = 0; i < statement.owners.length; ++i) {
            _statement.owners.push(statement.owners[i]);
        }
        _proof = fixture.batch.proof;
    }

    /// @dev Points that a multiplication or an addition sees first, by the word of their second coordinate: mask, gram,
    /// knowledge, s, q, w1, w2, sum.
    function test_verify_badPointOfSums_gas() external view {
        uint256 sound = _cost(_statement, _proof);
        uint8[8] memory words = [1, 3, 5, 16, 18, 23, 25, 27];
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 used = _cost(_statement, _offCurve(_proof, words[i]), BN254.PointInvalid.selector);
            isTrue(used < sound + MUL_BEYOND, "a bad point of the proof costs too much");
        }
        for (uint256 i = 0; i < _statement.owners.length; ++i) {
            Statement memory statement = _statement;
            ++statement.owners[i].cy;
            uint256 used = _cost(statement, _proof, BN254.PointInvalid.selector);
            isTrue(used < sound + MUL_BEYOND, "a bad commitment costs too much");
        }
    }

    /// @dev Points that only the pairing sees: a, b, c.
    function test_verify_badPointOfPairs_gas() external view {
        uint256 sound = _cost(_statement, _proof);
        uint8[6] memory words = [7, 8, 9, 10, 11, 13];
        for (uint256 i = 0; i < words.length; ++i) {
            uint256 used = _cost(_statement, _offCurve(_proof, words[i]), BN254.PointInvalid.selector);
            isTrue(used < sound + PAIRING_BEYOND, "a bad point of a pair costs too much");
        }
    }

    /// @dev Whoever calls chooses the gas. A sound proof holds, or it is said that the gas was too little, or nothing is
    /// said at all; never that the proof is bad, which can be held against those who signed for it.
    function test_verify_soundProofStarved() external view {
        uint256 enough = _cost(_statement, _proof);
        uint256 told = 0;
        for (uint256 gasGiven = 20_000; gasGiven < enough; gasGiven += 499) {
            try verifier.verify{gas: gasGiven}(_statement, _proof) {}
            catch (bytes memory refusal) {
                bool insufficient = refusal.length == 4 && bytes4(refusal) == BN254.GasInsufficient.selector;
                isTrue(insufficient || refusal.length == 0, "a proof was called bad for lack of gas");
                if (insufficient) ++told;
            }
        }
        isTrue(told != 0, "nobody is told that the gas was too little");
    }

    /// @dev Gas of a verification that holds.
    function _cost(Statement memory statement, Proof memory proof) private view returns (uint256) {
        uint256 before = gasleft();
        verifier.verify{gas: BLOCK}(statement, proof);
        return before - gasleft();
    }

    /// @dev Gas of a verification that is refused.
    function _cost(Statement memory statement, Proof memory proof, bytes4 refusal) private view returns (uint256 used) {
        uint256 before = gasleft();
        try verifier.verify{gas: BLOCK}(statement, proof) {
            revert NotTrue("a bad point was accepted");
        } catch (bytes memory told) {
            used = before - gasleft();
            equal(bytes32(told), bytes32(refusal), "refusal");
        }
    }

    /// @dev A copy of the proof with a coordinate changed by one.
    function _offCurve(Proof memory proof, uint256 word) private pure returns (Proof memory) {
        bytes memory encoded = abi.encode(proof);
        assembly ("memory-safe") {
            let position := add(add(encoded, 0x20), shl(5, word))
            mstore(position, add(mload(position), 1))
        }
        return abi.decode(encoded, (Proof));
    }
}
