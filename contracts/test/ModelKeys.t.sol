// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {PolicyKey} from "../src/libraries/PolicyKey.sol";
import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {VerifyingKey} from "../src/types/Proofs.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title Which keys the verifiers of models take, and that the factory makes them
contract ModelKeysTest is ModelStage {
    uint256 private constant GAS = 10_000_000;
    string[2] private _names = ["AccuracyVerifier", "RoundingVerifier"];

    function createVerifier(string memory name, VerifyingKey memory key) external returns (IKeyedVerifier) {
        return IKeyedVerifier(create(creationOf(name, abi.encode(key))));
    }

    function test_constructor_realKeys() external {
        bytes32[2] memory hashes = [
            vm.parseJsonBytes32(vm.readFile("../tests/vectors/v1/accuracy/toy_2.json"), ".keyHash"),
            vm.parseJsonBytes32(vm.readFile("../tests/vectors/v1/rounding/rounding.json"), ".keyHash")
        ];
        for (uint256 i = 0; i < 2; ++i) {
            IKeyedVerifier created = this.createVerifier{gas: GAS}(_names[i], _keyOf(i));
            equal(created.policyKeyHash(), hashes[i], "policy key hash");
            equal(created.capacity(), i == 0 ? 16 : 1, "capacity");
            equal(created.factory(), address(this), "factory");
            equal(keccak256(abi.encode(created.key())), keccak256(abi.encode(_keyOf(i))), "key");
            equal(keccak256(abi.encode(created.tau())), keccak256(abi.encode(_keyOf(i).tau)), "reference string");
        }
    }

    function test_constructor_capacity() external {
        for (uint256 i = 0; i < 2; ++i) {
            VerifyingKey memory key = _keyOf(i);
            uint256 most = i == 0 ? 16 : 1;
            uint256[3] memory refused = [uint256(0), most + 1, type(uint256).max];
            for (uint256 j = 0; j < 3; ++j) {
                key.capacity = refused[j];
                _invalid(i, key);
            }
        }
    }

    function test_constructor_inputCounts() external {
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 count = 0; count < 8; ++count) {
                VerifyingKey memory key = _keyOf(i);
                uint256[2][] memory inputs = key.inputs;
                if (count == inputs.length) continue;
                key.inputs = new uint256[2][](count);
                for (uint256 j = 0; j < count; ++j) {
                    key.inputs[j] = inputs[j % inputs.length];
                }
                _invalid(i, key);
            }
        }
    }

    function test_constructor_inputPoints() external {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 count = _keyOf(i).inputs.length;
            for (uint256 j = 0; j < count; ++j) {
                VerifyingKey memory key = _keyOf(i);
                uint256[2] memory point = key.inputs[j];
                key.inputs[j] = [uint256(0), 0];
                _invalid(i, key);
                key.inputs[j] = [point[0], addmod(point[1], 1, BN254.P)];
                _invalid(i, key);
                key.inputs[j] = [point[0] + BN254.P, point[1]];
                _invalid(i, key);
            }
        }
    }

    /// @dev The public inputs are paired with the generator, so gamma must be it.
    function test_constructor_gamma() external {
        for (uint256 i = 0; i < 2; ++i) {
            VerifyingKey memory key = _keyOf(i);
            uint256[4] memory generator = key.gamma;
            key.gamma = key.beta;
            _invalid(i, key);
            key = _keyOf(i);
            key.gamma[2] = BN254.P - generator[2];
            key.gamma[3] = BN254.P - generator[3];
            _invalid(i, key);
            key.gamma = [uint256(0), 0, 0, 0];
            _invalid(i, key);
        }
    }

    /// @dev Points that stand in for each other: anybody could prove anything.
    function test_constructor_pointsAlike() external {
        for (uint256 i = 0; i < 2; ++i) {
            VerifyingKey memory key = _keyOf(i);
            key.delta = key.gamma;
            _invalid(i, key);
            key = _keyOf(i);
            key.sigma = key.delta;
            _invalid(i, key);
            key = _keyOf(i);
            key.tau = key.gamma;
            _invalid(i, key);
            key = _keyOf(i);
            key.alpha = [uint256(0), 0];
            _invalid(i, key);
        }
    }

    /// @dev A second factory, of the families of models: it makes them, and takes one family's key for no other.
    function test_factory_families() external {
        bytes[] memory codes = new bytes[](2);
        (codes[0], codes[1]) = (creationOf(_names[0], ""), creationOf(_names[1], ""));
        IVerifierFactory factory = IVerifierFactory(create(creationOf("VerifierFactory", abi.encode(codes))));
        for (uint256 i = 0; i < 2; ++i) {
            address created = factory.create(i, abi.encode(_keyOf(i)));
            equal(factory.familyOf(created), i, "family");
            equal(IKeyedVerifier(created).factory(), address(factory), "factory");
            vm.expectRevert(PolicyKey.KeyInvalid.selector);
            factory.create{gas: GAS}(1 - i, abi.encode(_keyOf(i)));
        }
    }

    function _keyOf(uint256 family) private view returns (VerifyingKey memory) {
        return family == 0 ? accuracyKey("toy_2") : roundingKey();
    }

    function _invalid(uint256 family, VerifyingKey memory key) private {
        vm.expectRevert(PolicyKey.KeyInvalid.selector);
        this.createVerifier{gas: GAS}(_names[family], key);
    }
}
