// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {Arbiter, CampaignTerms} from "../src/data/types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../src/data/types/Samples.sol";
import {DataScene} from "./support/DataScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @dev What is called of the factory, whose code is compiled as it is deployed.
interface GasFactory {
    function make(bytes32 campaign, SampleSchema calldata schema, uint256 bits, uint32 margin)
        external
        returns (IPerceptronModel);
}

/// @title Gas of a model that trains in its contract: 64 features, 10 classes, 650 weights of 16 bits
contract PerceptronGasTest is DataScene, Snapshot {
    uint256 private constant COUNT = 18;

    /// forge-config: default.isolate = true
    function test_gas() external {
        stageData();
        SampleSchema memory schema = _digits();
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        with.schemaHash = keccak256(abi.encode(schema));
        bytes[] memory samples = _samplesOfDigits();
        bytes32[] memory leaves = new bytes32[](1);
        bytes32 root = rootOf(samples);
        leaves[0] = keccak256(abi.encode(keccak256("gradroll/v1/data-test-group"), SALT, root, SALT, COUNT));
        with.tests = keccak256(abi.encodePacked(leaves));
        uint256 value = funded(OWNER, ESCROW);
        vm.prank(OWNER);
        campaign = data.open{value: value}(with, schema, 0, ESCROW);
        GasFactory factory = GasFactory(create(creationOf("PerceptronFactory", abi.encode(data))));
        IPerceptronModel model = factory.make(campaign, schema, 16, 0);
        _note("make");
        uint256 bundle = review(ALICE, samples);
        toAnswer(bundle);
        data.settleBundle(bundle);
        model.train(_proofs(bundle, 0, 1), schema);
        _note("train, the first sample");
        model.train(_proofs(bundle, 1, 1), schema);
        _note("train, one sample");
        model.train(_proofs(bundle, 2, 16), schema);
        _note("train, 16 samples");
        model.predict(samples[0]);
        _note("predict");
        vm.prank(OWNER);
        data.close(campaign);
        model.showTests(leaves, 0, SALT, root, SALT, uint32(COUNT));
        _note("showTests");
        model.score(0, _proofs(bundle, 0, 1), schema);
        _note("score, one sample");
        model.score(0, _proofs(bundle, 1, 16), schema);
        _note("score, 16 samples");
        settle("perceptron");
    }

    function _digits() private pure returns (SampleSchema memory with) {
        (with.width, with.size, with.classes, with.tau) = (64, 1, 10, 0);
        with.maxima = hex"10";
    }

    /// @dev Features from a hash, and labels in turn.
    function _samplesOfDigits() private pure returns (bytes[] memory out) {
        out = new bytes[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            out[i] = new bytes(66);
            out[i][1] = bytes1(uint8(i % 10));
            for (uint256 j = 0; j < 64; ++j) {
                out[i][2 + j] = bytes1(uint8(uint256(keccak256(abi.encode(i, j))) % 17));
            }
        }
    }

    function _proofs(uint256 bundle, uint256 first, uint256 count) private view returns (SampleProof[] memory with) {
        with = new SampleProof[](count);
        for (uint256 i = 0; i < count; ++i) {
            with[i] = proofOf(bundle, first + i);
        }
    }

    function _note(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
