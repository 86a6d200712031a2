// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Perceptrons} from "../src/data/libraries/Perceptrons.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {SampleSchema} from "../src/data/types/Samples.sol";
import {Check} from "./support/Check.sol";

/// @dev A cheat code that only these vectors need: weights have a sign.
interface SignedNumbers {
    function parseJsonIntArray(string calldata json, string calldata key) external pure returns (int256[] memory);
}

/// @dev The library works on storage, and takes samples from calldata.
contract Learning {
    mapping(uint256 word => uint256) private _packed;
    Perceptrons.Shape private _shape;

    function shape(Perceptrons.Shape calldata with) external {
        _shape = with;
        for (uint256 i = 0; i < 128; ++i) {
            _packed[i] = 0;
        }
    }

    function train(bytes calldata sample) external returns (bool changed) {
        Perceptrons.Shape memory with = _shape;
        int256[] memory all = Perceptrons.load(_packed, with);
        changed = Perceptrons.train(with, all, Perceptrons.inputsOf(with, sample), SampleSchemas.labelOf(sample));
        Perceptrons.store(_packed, with, all);
    }

    function predict(bytes calldata sample) external view returns (uint256 found) {
        Perceptrons.Shape memory with = _shape;
        (found,) =
            Perceptrons.best(with, Perceptrons.load(_packed, with), Perceptrons.inputsOf(with, sample), with.classes);
    }

    function weights() external view returns (int256[] memory) {
        return Perceptrons.load(_packed, _shape);
    }
}

/// @title Perceptrons against vectors that Python made (tests/vectors/v1/samples/perceptrons.json)
/// @dev Some of their weights are at the end of their width.
contract PerceptronVectorsTest is Check {
    Learning private _learning = new Learning();

    function test_vectors_perceptrons() external {
        string memory json = vm.readFile("../tests/vectors/v1/samples/perceptrons.json");
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".encoded");
        isTrue(encoded.length > 3, "vectors");
        for (uint256 i = 0; i < encoded.length; ++i) {
            _stage(json, i, abi.decode(encoded[i], (SampleSchema)));
            _trained(json, _digit(i), vm.parseJsonUintArray(json, ".changed")[i]);
        }
    }

    function _stage(string memory json, uint256 i, SampleSchema memory schema) private {
        _learning.shape(
            Perceptrons.Shape({
                classes: schema.classes,
                inputs: uint256(schema.width) + 1,
                size: schema.size,
                bits: vm.parseJsonUintArray(json, ".bits")[i],
                margin: vm.parseJsonUintArray(json, ".margin")[i]
            })
        );
    }

    function _trained(string memory json, string memory number, uint256 expected) private {
        bytes[] memory samples = vm.parseJsonBytesArray(json, string.concat(".samples", number));
        uint256 changed = 0;
        uint256 rows = samples.length / 2; // those after are only predicted
        for (uint256 i = 0; i < rows; ++i) {
            if (_learning.train(samples[i])) ++changed;
        }
        equal(changed, expected, "changed");
        int256[] memory expectedWeights =
            SignedNumbers(address(vm)).parseJsonIntArray(json, string.concat(".weights", number));
        int256[] memory weights = _learning.weights();
        equal(weights.length, expectedWeights.length, "number of weights");
        for (uint256 i = 0; i < weights.length; ++i) {
            equal(uint256(weights[i]), uint256(expectedWeights[i]), "weight");
        }
        uint256[] memory predicted = vm.parseJsonUintArray(json, string.concat(".predicted", number));
        equal(predicted.length, rows, "number of predictions");
        for (uint256 i = 0; i < rows; ++i) {
            equal(_learning.predict(samples[rows + i]), predicted[i], "predicted");
        }
    }

    function _digit(uint256 digit) private pure returns (string memory) {
        return string(abi.encodePacked(bytes1(uint8(0x30 + digit))));
    }
}
