// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {IRoundingVerifier} from "../src/models/interfaces/IRoundingVerifier.sol";
import {RoundingProof} from "../src/models/types/ModelProofs.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title The rounding verifier alone, on the proof of tests/vectors
contract RoundingVerifierTest is ModelStage {
    uint256 private constant WORDS = 15;
    /// @dev Place of y_E among them; all others are coordinates.
    uint256 private constant SCALAR = 4;

    IRoundingVerifier private _verifier;
    bytes32 private _listing;
    bytes32 private _statement;
    uint256[2] private _point;

    function setUp() external {
        _verifier = deployRounding(roundingKey());
        (_listing, _statement, _point,) = roundingVector();
    }

    function test_verify_realProof() external view {
        _verify(_sound());
    }

    function test_verify_everyWordTampered() external {
        for (uint256 word = 0; word < WORDS; ++word) {
            RoundingProof memory proof = _tampered(word, 1);
            vm.expectRevert(word == SCALAR ? IKeyedVerifier.ProofInvalid.selector : BN254.PointInvalid.selector);
            _verify(proof);
        }
    }

    function test_verify_coordinatePlusModulus() external {
        for (uint256 word = 0; word < WORDS; ++word) {
            if (word == SCALAR) continue;
            RoundingProof memory proof = _tampered(word, BN254.P);
            vm.expectRevert(BN254.PointInvalid.selector);
            _verify(proof);
        }
    }

    function testFuzz_verify_wordTampered(uint256 word, uint256 delta) external view {
        vm.assume(delta != 0);
        try this.verify(_tampered(word % WORDS, delta)) {
            revert NotTrue("a tampered proof was accepted");
        } catch {}
    }

    function verify(RoundingProof memory proof) external view {
        _verify(proof);
    }

    function test_verify_scalarPlusOrder() external {
        RoundingProof memory proof = _sound();
        uint256 sound = proof.yE;
        uint256[3] memory scalars = [sound + BN254.R, BN254.R, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            proof.yE = scalars[i];
            vm.expectRevert(abi.encodeWithSelector(IKeyedVerifier.ScalarNotCanonical.selector, scalars[i]));
            _verify(proof);
        }
    }

    function test_verify_otherListing() external {
        _listing = keccak256("another listing");
        _invalid(_sound());
    }

    function test_verify_otherStatement() external {
        _statement = keccak256("another statement");
        _invalid(_sound());
    }

    function test_verify_otherCommitment() external {
        uint256[2] memory point = _point;
        _point = plus(point, [BN254.G1_X, BN254.G1_Y]);
        _invalid(_sound());
        _point = [point[0], BN254.P - point[1]];
        _invalid(_sound());
        _point = [uint256(0), 0];
        _invalid(_sound());
    }

    function test_verify_knowledgeWrong() external {
        RoundingProof memory proof = _sound();
        proof.knowledge = proof.d;
        _invalid(proof);
        proof.knowledge = [uint256(0), 0];
        _invalid(proof);
    }

    function test_verify_infinities() external {
        uint256[2] memory zero;
        _invalid(RoundingProof(zero, zero, 0, zero, zero, [uint256(0), 0, 0, 0], zero));
        _point = zero;
        _invalid(RoundingProof(zero, zero, 0, zero, zero, [uint256(0), 0, 0, 0], zero));
    }

    /// @dev With little gas it never says that the proof is bad.
    function test_verify_littleGas() external view {
        RoundingProof memory proof = _sound();
        for (uint256 gasGiven = 30_000; gasGiven < 500_000; gasGiven += 3_331) {
            try _verifier.verify{gas: gasGiven}(_listing, _statement, _point, proof) {}
            catch (bytes memory refusal) {
                isTrue(
                    refusal.length == 0 || bytes4(refusal) == BN254.GasInsufficient.selector, "the proof was called bad"
                );
            }
        }
    }

    function _verify(RoundingProof memory proof) private view {
        _verifier.verify{gas: ENOUGH}(_listing, _statement, _point, proof);
    }

    function _invalid(RoundingProof memory proof) private {
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        _verify(proof);
    }

    function _sound() private view returns (RoundingProof memory proof) {
        (,,, proof) = roundingVector();
    }

    function _tampered(uint256 word, uint256 delta) private view returns (RoundingProof memory) {
        bytes memory encoded = abi.encode(_sound());
        assembly ("memory-safe") {
            let target := add(add(encoded, 0x20), shl(5, word))
            mstore(target, add(mload(target), delta))
        }
        return abi.decode(encoded, (RoundingProof));
    }
}
