// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {OwnerCommitment, Proof, Statement} from "../src/types/Proofs.sol";
import {Scene} from "./support/Scene.sol";

/// @title The verifier alone, on real proofs
contract RollupVerifierTest is Scene {
    /// @dev Words of the proof; the last two are digests.
    uint256 private constant WORDS = 30;
    uint256 private constant DIGESTS = 28;
    /// @dev A precompile that refuses a point keeps what it was given, so every call is bounded.
    uint256 private constant GAS = 3_000_000;

    function setUp() external {
        stage("norm_3", 16);
    }

    function test_verify_realProofs() external {
        string[4] memory names = ["norm_1", "norm_3", "norm_16", "norm_3_other_gamma"];
        for (uint256 i = 0; i < names.length; ++i) {
            (Statement memory statement, Proof memory proof, Fixture memory fixture) = _given(names[i]);
            (bytes32 batchId, uint256 levels) = verifier.verify{gas: GAS}(statement, proof);
            equal(batchId, fixture.batchId, "batch id");
            equal(levels, 0, "levels");
            equal(proof.sum[0], fixture.commitmentX, "x of the sum");
            equal(proof.sum[1], fixture.commitmentY, "y of the sum");
        }
    }

    function test_verify_everyWordTampered() external {
        string[2] memory names = ["norm_3", "norm_3_other_gamma"];
        for (uint256 i = 0; i < names.length; ++i) {
            (Statement memory statement, Proof memory proof,) = _given(names[i]);
            for (uint256 word = 0; word < WORDS; ++word) {
                _refused(statement, _tampered(proof, word, 1));
            }
        }
    }

    function testFuzz_verify_wordTampered(uint256 word, uint256 delta) external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        vm.assume(delta != 0);
        _refused(statement, _tampered(proof, word % WORDS, delta));
    }

    function testFuzz_verify_statementTampered(uint256 word, uint256 delta) external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        vm.assume(delta != 0);
        OwnerCommitment memory owner = statement.owners[word % 3];
        word %= 10;
        unchecked {
            if (word == 0) statement.domain ^= bytes32(delta);
            if (word == 1) statement.taskId += delta;
            if (word == 2) statement.termsHash ^= bytes32(delta);
            if (word == 3) statement.round += delta;
            if (word == 4) statement.modelDigest ^= bytes32(delta);
            if (word == 5) statement.bound += delta;
            if (word == 6) statement.dimension += delta;
            if (word == 7) owner.owner ^= delta;
            if (word == 8) owner.cx += delta;
            if (word == 9) owner.cy += delta;
        }
        _refused(statement, proof);
    }

    function test_verify_otherKey() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        deployVerifier(keyOf("gas_8"));
        vm.expectRevert(IVerifier.ProofInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_scalarPlusOrder() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        uint256[4] memory words = [uint256(14), 19, 20, 21];
        for (uint256 i = 0; i < words.length; ++i) {
            vm.expectPartialRevert(IVerifier.ScalarNotCanonical.selector);
            verifier.verify{gas: GAS}(statement, _tampered(proof, words[i], BN254.R));
        }
        statement.bound += BN254.R;
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ScalarNotCanonical.selector, statement.bound));
        verifier.verify{gas: GAS}(statement, proof);
    }

    /// @dev The order itself, another zero.
    function test_verify_scalarIsOrder() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        bytes memory refusal = abi.encodeWithSelector(IVerifier.ScalarNotCanonical.selector, BN254.R);
        uint256[4] memory words = [uint256(14), 19, 20, 21];
        uint256[4] memory values = [proof.squareNorm, proof.aZeta, proof.sZeta, proof.sOmegaZeta];
        for (uint256 i = 0; i < words.length; ++i) {
            vm.expectRevert(refusal);
            verifier.verify{gas: GAS}(statement, _tampered(proof, words[i], BN254.R - values[i]));
        }
        statement.bound = BN254.R;
        vm.expectRevert(refusal);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_coordinatePlusModulus() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        for (uint256 word = 0; word < DIGESTS; ++word) {
            if (word == 14 || (word > 18 && word < 22)) continue; // scalars
            vm.expectRevert(BN254.PointInvalid.selector);
            verifier.verify{gas: GAS}(statement, _tampered(proof, word, BN254.P));
        }
        statement.owners[1].cy += BN254.P;
        vm.expectRevert(BN254.PointInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_pointOffCurve() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        for (uint256 word = 0; word < DIGESTS; ++word) {
            if (word == 14 || (word > 18 && word < 22)) continue;
            vm.expectRevert(BN254.PointInvalid.selector);
            verifier.verify{gas: GAS}(statement, _tampered(proof, word, 1));
        }
    }

    function test_verify_limbsSwapped() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        (proof.b[0], proof.b[1], proof.b[2], proof.b[3]) = (proof.b[1], proof.b[0], proof.b[3], proof.b[2]);
        vm.expectRevert(BN254.PointInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_pointOutsideSubgroup() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        // On the twist, but not of order r.
        proof.b = [
            uint256(0),
            1,
            0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
            0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
        ];
        vm.expectRevert(BN254.PointInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_elementsOfOtherProof() external {
        (Statement memory statement, Proof memory proof, Fixture memory next) = _given("norm_3");
        next = load("norm_3_next");
        (proof.a, proof.b, proof.c) = (next.batch.proof.a, next.batch.proof.b, next.batch.proof.c);
        vm.expectRevert(IVerifier.ProofInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_sumWrong() external {
        (Statement memory statement, Proof memory proof, Fixture memory fixture) = _given("norm_3");
        uint256[2] memory sum = proof.sum;
        equal(sum[0], fixture.commitmentX, "x of the sum");
        OwnerCommitment memory owner = statement.owners[1];
        for (uint256 multiple = 1; multiple < 4; ++multiple) {
            // One owner counted once, twice, three times too often, or left out as often.
            proof.sum = _plus(sum, owner.cx, owner.cy, multiple);
            _proofInvalid(statement, proof);
            proof.sum = _plus(sum, owner.cx, owner.cy, BN254.R - multiple);
            _proofInvalid(statement, proof);
            proof.sum = _plus(sum, BN254.G1_X, BN254.G1_Y, multiple);
            _proofInvalid(statement, proof);
        }
        proof.sum = [sum[0], BN254.P - sum[1]];
        _proofInvalid(statement, proof);
        proof.sum = [uint256(0), 0];
        _proofInvalid(statement, proof);
        proof.sum = proof.mask;
        _proofInvalid(statement, proof);
        proof.sum = sum;
        verifier.verify{gas: GAS}(statement, proof);
    }

    function testFuzz_verify_sumWrong(uint256 seed, uint256 owner) external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        vm.assume(seed % BN254.R != 0);
        proof.sum = _plus(proof.sum, statement.owners[owner % 3].cx, statement.owners[owner % 3].cy, seed);
        _proofInvalid(statement, proof);
    }

    function test_verify_infinities() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        uint256[2] memory zero;
        (proof.a, proof.c, proof.gram, proof.knowledge) = (zero, zero, zero, zero);
        (proof.s, proof.q, proof.w1, proof.w2) = (zero, zero, zero, zero);
        proof.b = [uint256(0), 0, 0, 0];
        vm.expectRevert(IVerifier.ProofInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_ownersOutOfRange() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        statement.owners = new OwnerCommitment[](0);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.OwnersOutOfRange.selector, 0, 16));
        verifier.verify{gas: GAS}(statement, proof);
        statement.owners = new OwnerCommitment[](17);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.OwnersOutOfRange.selector, 17, 16));
        verifier.verify{gas: GAS}(statement, proof);
    }

    function test_verify_dimensionInvalid() external {
        (Statement memory statement, Proof memory proof,) = _given("norm_3");
        uint256[3] memory dimensions = [uint256(0), (1 << 28) + 1, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            statement.dimension = dimensions[i];
            vm.expectRevert(abi.encodeWithSelector(IVerifier.DimensionInvalid.selector, dimensions[i]));
            verifier.verify{gas: GAS}(statement, proof);
        }
    }

    function _given(string memory name)
        private
        returns (Statement memory statement, Proof memory proof, Fixture memory fixture)
    {
        fixture = load(name);
        deployVerifier(keyOf(name));
        statement = statementOf(fixture.batch);
        proof = fixture.batch.proof;
    }

    /// @dev point + scalar (x, y), by the precompiles.
    function _plus(uint256[2] memory point, uint256 x, uint256 y, uint256 scalar)
        private
        view
        returns (uint256[2] memory out)
    {
        (bool multiplied, bytes memory term) = address(7).staticcall(abi.encode(x, y, scalar));
        (bool added, bytes memory total) = address(6).staticcall(bytes.concat(abi.encode(point), term));
        isTrue(multiplied && added, "the precompiles refused a point");
        (out[0], out[1]) = abi.decode(total, (uint256, uint256));
    }

    function _proofInvalid(Statement memory statement, Proof memory proof) private {
        vm.expectRevert(IVerifier.ProofInvalid.selector);
        verifier.verify{gas: GAS}(statement, proof);
    }

    function _refused(Statement memory statement, Proof memory proof) private view {
        try verifier.verify{gas: GAS}(statement, proof) {
            revert NotTrue("a tampered proof was accepted");
        } catch {}
    }

    /// @dev A copy of the proof with one word changed.
    function _tampered(Proof memory proof, uint256 word, uint256 delta) private pure returns (Proof memory) {
        bytes memory encoded = abi.encode(proof);
        assembly ("memory-safe") {
            let position := add(add(encoded, 0x20), shl(5, word))
            mstore(position, add(mload(position), delta))
        }
        return abi.decode(encoded, (Proof));
    }
}
