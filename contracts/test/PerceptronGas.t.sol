// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arbiter, CampaignTerms} from "../src/data/types/Campaigns.sol";
import {SampleSchema} from "../src/data/types/Samples.sol";
import {Factory, PerceptronScene} from "./support/PerceptronScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of a model that trains in its contract: 64 features, 10 classes, 650 weights of 16 bits
contract PerceptronGasTest is PerceptronScene, Snapshot {
    uint256 private constant COUNT = 18;

    /// forge-config: default.isolate = true
    function test_perceptron_gas() external {
        stageData();
        bytes[] memory samples = _digits(COUNT);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = groupOf(samples, SALT);
        _open(keccak256(abi.encodePacked(leaves)));
        uint256 bundle = settled(samples);
        _train(bundle, 0, 1, "train, the first sample");
        _train(bundle, 1, 1, "train, one sample");
        _train(bundle, 2, 16, "train, 16 samples");
        _passed();
        closeCampaign();
        model.showTests(leaves, 0, SALT, rootOf(samples), FILE, uint32(COUNT));
        _note("showTests");
        model.score(0, proofs(bundle, 0, 1), _schema());
        _note("score, one sample");
        model.score(0, proofs(bundle, 1, 16), _schema());
        _note("score, 16 samples");
        model.predict(samples[0]);
        _note("predict: call");
        settle("perceptron");
    }

    /// forge-config: default.isolate = true
    function test_factory_gas() external {
        stageData();
        _open(bytes32(0));
        factory.make(campaign, _schema(), 32, 0);
        _note("make");
        settle("perceptronfactory");
    }

    /// @dev A bundle whose first sample is BAD, and whose second nobody shows.
    function _passed() private {
        uint256 bundle = review(ALICE, _digits(2));
        uint256 id = judgedBy(BOB, bundle, 0, NONE);
        toReveal(bundle);
        vm.prank(BOB);
        data.revealJudged(id, bundle, 0, SALT, NONE, _schema());
        toAnswer(bundle);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        data.settleBundle(bundle);
        model.advance(1);
        _note("advance, one decision");
        model.reportMissing(2, 1);
        _note("reportMissing");
        elapse(7 days + 1);
        model.passOver(2, 1);
        _note("passOver");
    }

    function _open(bytes32 tests) private {
        factory = Factory(create(creationOf("PerceptronFactory", abi.encode(data))));
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        (with.schemaHash, with.tests) = (keccak256(abi.encode(_schema())), tests);
        uint256 value = funded(OWNER, ESCROW);
        vm.prank(OWNER);
        campaign = data.open{value: value}(with, _schema(), 0, ESCROW);
        model = factory.make(campaign, _schema(), 16, 0);
    }

    function _train(uint256 bundle, uint256 first, uint256 count, string memory label) private {
        model.train(proofs(bundle, first, count), _schema());
        _note(label);
    }

    function _schema() private pure returns (SampleSchema memory with) {
        (with.width, with.size, with.classes, with.tau) = (64, 1, 10, 0);
        with.maxima = hex"10";
    }

    /// @dev Features from a hash, and labels in turn.
    function _digits(uint256 count) private pure returns (bytes[] memory out) {
        out = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            out[i] = new bytes(66);
            out[i][1] = bytes1(uint8(i % 10));
            for (uint256 j = 0; j < 64; ++j) {
                out[i][2 + j] = bytes1(uint8(uint256(keccak256(abi.encode(i, j))) % 17));
            }
        }
    }

    function _note(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
