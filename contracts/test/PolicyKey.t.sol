// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {PolicyKey} from "../src/libraries/PolicyKey.sol";
import {VerifyingKey} from "../src/types/Proofs.sol";
import {Scene} from "./support/Scene.sol";

/// @title Which keys a verifier takes
contract PolicyKeyTest is Scene {
    /// @dev A precompile that refuses a point keeps what it was given, so every deployment is bounded.
    uint256 private constant GAS = 10_000_000;
    uint256 private constant TWISTS = 5;
    uint256 private constant GAMMA = 1;
    uint256 private constant POINTS = 5;

    uint256[4] private _generator = [BN254.G2_X_IM, BN254.G2_X_RE, BN254.G2_Y_IM, BN254.G2_Y_RE];

    function createVerifier(VerifyingKey memory key) external returns (IVerifier) {
        return IVerifier(create(creationOf("RollupVerifier", abi.encode(key))));
    }

    function test_constructor_realKeys() external {
        string[3] memory names = ["norm_3", "norm_3_other_gamma", "gas_8"];
        uint256[3] memory capacities = [uint256(16), 16, 64];
        for (uint256 i = 0; i < names.length; ++i) {
            IVerifier created = this.createVerifier{gas: GAS}(keyOf(names[i]));
            string memory json = vm.readFile(string.concat("test/fixtures/", names[i], ".json"));
            json = vm.readFile(string.concat("test/fixtures/", vm.parseJsonString(json, ".key"), ".json"));
            equal(created.policyKeyHash(), vm.parseJsonBytes32(json, ".keyHash"), "policy key hash");
            equal(created.capacity(), capacities[i], "capacity");
            uint256[4] memory tau = created.tau();
            for (uint256 word = 0; word < 4; ++word) {
                equal(tau[word], keyOf(names[i]).tau[word], "reference string");
            }
        }
    }

    function test_constructor_capacity() external {
        VerifyingKey memory key = keyOf("norm_3");
        uint256[4] memory refused = [uint256(0), 121, 256, type(uint256).max];
        for (uint256 i = 0; i < refused.length; ++i) {
            key.capacity = refused[i];
            _invalid(key);
        }
        for (key.capacity = 1; key.capacity <= 120; key.capacity += 119) {
            equal(this.createVerifier{gas: GAS}(key).capacity(), key.capacity, "capacity");
        }
    }

    function test_constructor_inputs() external {
        VerifyingKey memory key = keyOf("norm_3");
        uint256[2][] memory inputs = key.inputs;
        for (uint256 count = 0; count < 7; ++count) {
            if (count == inputs.length) continue;
            key.inputs = new uint256[2][](count);
            for (uint256 i = 0; i < count; ++i) {
                key.inputs[i] = inputs[i % inputs.length];
            }
            _invalid(key);
        }
    }

    function test_constructor_pointsOfG1() external {
        for (uint256 which = 0; which < POINTS; ++which) {
            uint256[2] memory point = _point(keyOf("norm_3"), which);
            _invalidPoint(which, [uint256(0), 0]);
            _invalidPoint(which, [point[0], point[1] + 1]);
            _invalidPoint(which, [point[0] + 1, point[1]]);
            _invalidPoint(which, [point[0] + BN254.P, point[1]]);
            _invalidPoint(which, [point[0], point[1] + BN254.P]);
            _invalidPoint(which, [point[0], 0]);
        }
    }

    function test_constructor_pointsOfG2() external {
        for (uint256 which = 0; which < TWISTS; ++which) {
            uint256[4] memory sound = _twist(keyOf("norm_3"), which);
            for (uint256 word = 0; word < 4; ++word) {
                uint256[4] memory point = [sound[0], sound[1], sound[2], sound[3]];
                ++point[word];
                _invalidTwist("norm_3", which, point);
                point[word] = sound[word] + BN254.P;
                _invalidTwist("norm_3", which, point);
            }
            _invalidTwist("norm_3", which, [uint256(0), 0, 0, 0]);
            _invalidTwist("norm_3", which, [sound[1], sound[0], sound[3], sound[2]]);
            // On the twist, but not of order r.
            _invalidTwist(
                "norm_3",
                which,
                [
                    uint256(0),
                    1,
                    0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
                    0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
                ]
            );
        }
    }

    /// @dev With delta = +-G2 and gamma = G2, or delta = +-gamma, anybody proves anything. Keys with gamma the
    /// generator, and not.
    function test_constructor_twistsEqualUpToSign() external {
        string[2] memory names = ["norm_3", "norm_3_other_gamma"];
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 which = 0; which < TWISTS; ++which) {
                if (which != GAMMA) _invalidUpToSign(names[i], which, _generator);
                for (uint256 other = 0; other < TWISTS; ++other) {
                    if (other != which) _invalidUpToSign(names[i], which, _twist(keyOf(names[i]), other));
                }
            }
        }
    }

    /// @dev Words of the encoding behind its offset: circuit, capacity, 22 of alpha and the twists, 8 of the
    /// inputs. Offset and number of the inputs are left out.
    function testFuzz_hash_everyWord(uint256 word, uint256 delta) external view {
        vm.assume(delta != 0);
        VerifyingKey memory key = keyOf("norm_3");
        bytes32 hash = PolicyKey.hash(key);
        isTrue(PolicyKey.hash(_tampered(key, word % 32, delta)) != hash, "a word that is not hashed");
    }

    function testFuzz_constructor_pointTampered(uint256 word, uint256 delta) external {
        vm.assume(delta != 0);
        _invalid(_tampered(keyOf("norm_3"), 2 + word % 30, delta));
    }

    /// @dev Gamma alone may be the generator; it is in the keys that are made today.
    function test_constructor_gammaIsGenerator() external {
        VerifyingKey memory key = keyOf("norm_3");
        equal(keccak256(abi.encode(key.gamma)), keccak256(abi.encode(_generator)), "gamma");
        this.createVerifier{gas: GAS}(key);
    }

    function _invalidPoint(uint256 which, uint256[2] memory point) private {
        VerifyingKey memory key = keyOf("norm_3");
        if (which == 0) key.alpha = point;
        else key.inputs[which - 1] = point;
        _invalid(key);
    }

    function _invalidUpToSign(string memory name, uint256 which, uint256[4] memory point) private {
        _invalidTwist(name, which, point);
        _invalidTwist(name, which, [point[0], point[1], BN254.P - point[2], BN254.P - point[3]]);
    }

    function _invalidTwist(string memory name, uint256 which, uint256[4] memory point) private {
        VerifyingKey memory key = keyOf(name);
        if (which == 0) key.beta = point;
        if (which == GAMMA) key.gamma = point;
        if (which == 2) key.delta = point;
        if (which == 3) key.sigma = point;
        if (which == 4) key.tau = point;
        _invalid(key);
    }

    function _invalid(VerifyingKey memory key) private {
        vm.expectRevert(PolicyKey.KeyInvalid.selector);
        this.createVerifier{gas: GAS}(key);
    }

    /// @dev A copy of the key with one word changed.
    function _tampered(VerifyingKey memory key, uint256 word, uint256 delta)
        private
        pure
        returns (VerifyingKey memory)
    {
        bytes memory encoded = abi.encode(key);
        uint256 position = word < 24 ? word + 1 : word + 3;
        assembly ("memory-safe") {
            let target := add(add(encoded, 0x20), shl(5, position))
            mstore(target, xor(mload(target), delta))
        }
        return abi.decode(encoded, (VerifyingKey));
    }

    function _point(VerifyingKey memory key, uint256 which) private pure returns (uint256[2] memory) {
        return which == 0 ? key.alpha : key.inputs[which - 1];
    }

    function _twist(VerifyingKey memory key, uint256 which) private pure returns (uint256[4] memory) {
        return [key.beta, key.gamma, key.delta, key.sigma, key.tau][which];
    }
}
