// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGradedVerifier} from "../src/interfaces/IGradedVerifier.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {PolicyKey} from "../src/libraries/PolicyKey.sol";
import {Graded} from "../src/types/Graded.sol";
import {OwnerCommitment, Proof, Statement, VerifyingKey} from "../src/types/Proofs.sol";
import {GradedScene} from "./support/GradedScene.sol";

/// @title The verifier of graded batches alone, on real proofs
contract ReferenceVerifierTest is GradedScene {
    /// @dev Words of the proof; the last two are digests.
    uint256 private constant WORDS = 30;
    uint256 private constant DIGESTS = 28;
    string private constant NAME = "reference_6";

    function setUp() external {
        stageGraded(NAME, 257);
    }

    function createVerifier(VerifyingKey memory key) external returns (IVerifier) {
        return IVerifier(create(creationOf("ReferenceVerifier", abi.encode(key))));
    }

    function test_verifyGraded_realProofs() external {
        string[6] memory names = [
            "reference_1", "reference_3_fallback", NAME, "reference_6_next", "reference_15", "reference_6_other_gamma"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            string memory name = names[i];
            exchange(name);
            (Graded memory g, Statement memory statement, Proof memory proof) = _given(name);
            (bytes32 batchId, uint256 levels) = _verifier().verifyGraded{gas: GAS}(g, statement, proof);
            Fixture memory fixture = load(name);
            equal(batchId, fixture.batchId, "batch id");
            equal(batchIdOf(fixture.batch, opened(), g.values), fixture.batchId, "the same, written anew");
            equal(levels, packed(name, ".levels"), "levels");
        }
    }

    function test_verify_withoutNumbers() external {
        (, Statement memory statement, Proof memory proof) = _given(NAME);
        vm.expectRevert(IGradedVerifier.GradingMissing.selector);
        verifier.verify(statement, proof);
        isTrue(verifier.levelled(), "the family gives levels");
    }

    function test_verifyGraded_everyWordTampered() external {
        string[2] memory names = [NAME, "reference_6_other_gamma"];
        for (uint256 i = 0; i < names.length; ++i) {
            exchange(names[i]);
            (Graded memory g, Statement memory statement, Proof memory proof) = _given(names[i]);
            for (uint256 word = 0; word < WORDS; ++word) {
                _refused(g, statement, _tampered(proof, word, 1));
            }
        }
    }

    function testFuzz_verifyGraded_wordTampered(uint256 word, uint256 delta) external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        vm.assume(delta != 0);
        _refused(g, statement, _tampered(proof, word % WORDS, delta));
    }

    function testFuzz_verifyGraded_statementTampered(uint256 word, uint256 delta) external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        vm.assume(delta != 0);
        OwnerCommitment memory owner = statement.owners[word % 7];
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
        _refused(g, statement, proof);
    }

    /// @dev Whatever is said of step, noise, the smallest class or a number: other challenges, and no proof.
    function testFuzz_verifyGraded_gradedTampered(uint256 what, uint256 delta) external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        if (what % 4 == 0) g.step ^= 1 << delta % 8;
        if (what % 4 == 1) g.dither ^= 1 << delta % 8;
        if (what % 4 == 2) g.minOwners ^= 1 << delta % 8;
        if (what % 4 == 3) g.values[what % g.values.length] ^= bytes1(uint8(1 << delta % 8));
        _refused(g, statement, proof);
    }

    /// @dev Numbers of two owners exchanged: their sum is the same, their combination is not.
    function test_verifyGraded_numbersExchanged() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        for (uint256 i = 0; i < 8; ++i) {
            (g.values[i], g.values[8 + i]) = (g.values[8 + i], g.values[i]);
        }
        _refused(g, statement, proof);
    }

    function test_verifyGraded_numbersMissingOrTooMany() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        uint256[6] memory lengths = [uint256(0), 8, 40, 47, 49, 56];
        for (uint256 i = 0; i < lengths.length; ++i) {
            g.values = new bytes(lengths[i]);
            vm.expectRevert(abi.encodeWithSelector(IGradedVerifier.ValuesInvalid.selector, lengths[i], 7));
            _verifier().verifyGraded(g, statement, proof);
        }
    }

    /// @dev One gradient of the sum more or less than its weight says, for every owner, and the plain sum.
    function test_verifyGraded_otherWeights() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        uint256[2] memory sum = proof.sum;
        for (uint256 i = 0; i < 7; ++i) {
            OwnerCommitment memory owner = statement.owners[i];
            proof.sum = _add(sum, owner.cx, owner.cy);
            _refused(g, statement, proof);
            proof.sum = _add(sum, owner.cx, BN254.P - owner.cy);
            _refused(g, statement, proof);
        }
        proof.sum = [uint256(0), 0];
        for (uint256 i = 1; i < 7; ++i) {
            proof.sum = _add(proof.sum, statement.owners[i].cx, statement.owners[i].cy);
        }
        _refused(g, statement, proof);
    }

    function test_verifyGraded_rowsOutOfRange() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        uint256[3] memory rows = [uint256(0), 1, 17];
        for (uint256 i = 0; i < rows.length; ++i) {
            statement.owners = new OwnerCommitment[](rows[i]);
            g.values = new bytes(rows[i] == 0 ? 0 : 8 * (rows[i] - 1));
            vm.expectRevert(abi.encodeWithSelector(IVerifier.OwnersOutOfRange.selector, rows[i], 16));
            _verifier().verifyGraded(g, statement, proof);
        }
    }

    /// @dev The two commitments and words of reference and first owner exchanged: another transcript.
    function test_verifyGraded_ownerInThePlaceOfTheReference() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        (statement.owners[0], statement.owners[1]) = (statement.owners[1], statement.owners[0]);
        _refused(g, statement, proof);
    }

    function test_verifyGraded_scalarNotCanonical() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        uint256[4] memory words = [uint256(14), 19, 20, 21];
        for (uint256 i = 0; i < words.length; ++i) {
            vm.expectPartialRevert(IVerifier.ScalarNotCanonical.selector);
            _verifier().verifyGraded{gas: GAS}(g, statement, _tampered(proof, words[i], BN254.R));
        }
        statement.bound += BN254.R;
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ScalarNotCanonical.selector, statement.bound));
        _verifier().verifyGraded{gas: GAS}(g, statement, proof);
    }

    function test_verifyGraded_pointInvalid() external {
        (Graded memory g, Statement memory statement, Proof memory proof) = _given(NAME);
        for (uint256 word = 0; word < DIGESTS; ++word) {
            if (word == 14 || (word > 18 && word < 22)) continue; // scalars
            vm.expectRevert(BN254.PointInvalid.selector);
            _verifier().verifyGraded{gas: GAS}(g, statement, _tampered(proof, word, BN254.P));
        }
        for (uint256 i = 0; i < 7; ++i) {
            ++statement.owners[i].cy;
            vm.expectRevert(BN254.PointInvalid.selector);
            _verifier().verifyGraded{gas: GAS}(g, statement, proof);
            --statement.owners[i].cy;
        }
    }

    /// @dev A key of 7 inputs, all of them points; the rest as for the other family.
    function test_constructor_keys() external {
        VerifyingKey memory key = keyOf(NAME);
        IVerifier created = this.createVerifier{gas: GAS}(key);
        equal(created.policyKeyHash(), PolicyKey.hash(key), "policy key hash");
        equal(keccak256(abi.encode(created.key())), keccak256(abi.encode(key)), "key");
        equal(created.capacity(), 16, "capacity");
        equal(keccak256(abi.encode(created.tau())), keccak256(abi.encode(key.tau)), "reference string");
        for (uint256 i = 0; i < 7; ++i) {
            uint256[2] memory point = key.inputs[i];
            key.inputs[i] = [uint256(0), 0];
            _invalid(key);
            key.inputs[i] = [point[0], point[1] + 1];
            _invalid(key);
            key.inputs[i] = point;
        }
        key.capacity = 121;
        _invalid(key);
        (key.capacity, key.sigma) = (16, key.delta);
        _invalid(key);
        key = keyOf(NAME);
        key.gamma[3] += 1;
        _invalid(key);
    }

    function test_constructor_numberOfInputs() external {
        VerifyingKey memory key = keyOf(NAME);
        uint256[2][] memory inputs = key.inputs;
        for (uint256 count = 0; count < 10; ++count) {
            if (count == 7) continue;
            key.inputs = new uint256[2][](count);
            for (uint256 i = 0; i < count; ++i) {
                key.inputs[i] = inputs[i % 7];
            }
            _invalid(key);
        }
    }

    function _invalid(VerifyingKey memory key) private {
        vm.expectRevert(PolicyKey.KeyInvalid.selector);
        this.createVerifier{gas: GAS}(key);
    }

    function _given(string memory name)
        private
        view
        returns (Graded memory g, Statement memory statement, Proof memory proof)
    {
        Fixture memory fixture = load(name);
        return (graded(), statementOf(fixture.batch, opened()), fixture.batch.proof);
    }

    function _refused(Graded memory g, Statement memory statement, Proof memory proof) private {
        vm.expectRevert();
        _verifier().verifyGraded{gas: GAS}(g, statement, proof);
    }

    function _verifier() private view returns (IGradedVerifier) {
        return IGradedVerifier(address(verifier));
    }

    function _add(uint256[2] memory point, uint256 x, uint256 y) private view returns (uint256[2] memory) {
        (bool ok, bytes memory sum) = address(6).staticcall(abi.encode(point, x, y));
        isTrue(ok, "ecAdd");
        return abi.decode(sum, (uint256[2]));
    }

    function _tampered(Proof memory proof, uint256 word, uint256 delta) private pure returns (Proof memory) {
        bytes memory encoded = abi.encode(proof);
        assembly ("memory-safe") {
            let position := add(add(encoded, 0x20), shl(5, word))
            mstore(position, add(mload(position), delta))
        }
        return abi.decode(encoded, (Proof));
    }
}
