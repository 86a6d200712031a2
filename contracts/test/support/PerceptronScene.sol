// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../../src/data/interfaces/IPerceptronModel.sol";
import {Arbiter, CampaignTerms, Ground} from "../../src/data/types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../../src/data/types/Samples.sol";
import {DataScene} from "./DataScene.sol";

/// @dev What a test calls of the factory, whose code is compiled as it is deployed.
interface Factory {
    error ModelExists(address model);

    function make(bytes32 campaign, SampleSchema calldata schema, uint256 bits, uint32 margin)
        external
        returns (IPerceptronModel);
}

/// @title A campaign with a model that trains on it
abstract contract PerceptronScene is DataScene {
    bytes32 internal constant GROUP = keccak256("gradroll/v1/data-test-group");
    bytes32 internal constant FILE = keccak256("file of tests");
    bytes internal constant NONE = "";

    Factory internal factory;
    IPerceptronModel internal model;

    /// @dev An owner's campaign, with a commitment to groups of tests, and its model of 16 bits without a margin.
    function stageModel(bytes32 commitment) internal {
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        with.tests = commitment;
        stageModel(with);
    }

    function stageModel(CampaignTerms memory with) internal {
        factory = Factory(create(creationOf("PerceptronFactory", abi.encode(data))));
        openCampaign(with);
        model = factory.make(campaign, schemaOf(), 16, 0);
    }

    /// @dev A bundle that nobody challenged, with its decision in the log.
    function settled(bytes[] memory samples) internal returns (uint256 bundle) {
        bundle = review(ALICE, samples);
        toAnswer(bundle);
        data.settleBundle(bundle);
    }

    /// @dev Sample 0 is BAD, by its contributor's word, as the first decision; all others are accepted by the next.
    function settledWithABadOne(uint256 start, uint256 count) internal returns (uint256 bundle) {
        bundle = review(ALICE, samplesFrom(start, count));
        uint256 id = judgedBy(BOB, bundle, 0, NONE);
        toReveal(bundle);
        revealJudged(id, bundle, 0, NONE);
        toAnswer(bundle);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        data.settleBundle(bundle);
    }

    /// @dev Carol's bundle, whose sample 0 is VOID: a copy of Alice's, which was hidden when she committed. Then Alice's.
    function settledWithAVoidOne() internal returns (uint256 original, uint256 copy) {
        original = commitBundle(ALICE, samplesFrom(20, 2));
        bytes[] memory copies = samplesFrom(20, 2);
        copies[1] = samplesFrom(30, 1)[0];
        copy = commitBundle(CAROL, copies);
        openBundle(original);
        attestBundle(original);
        openNow(copy);
        attestBundle(copy);
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(id, copy, 0, original, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        data.settleBundle(copy);
        data.settleBundle(original);
    }

    function proofs(uint256 bundle, uint256 index) internal view returns (SampleProof[] memory) {
        return proofs(bundle, index, 1);
    }

    function proofs(uint256 bundle, uint256 first, uint256 count) internal view returns (SampleProof[] memory with) {
        with = new SampleProof[](count);
        for (uint256 i = 0; i < count; ++i) {
            with[i] = proofOf(bundle, first + i);
        }
    }

    /// @dev Samples of several calls, in one.
    function joined(SampleProof[] memory some, SampleProof[] memory more)
        internal
        pure
        returns (SampleProof[] memory out)
    {
        out = new SampleProof[](some.length + more.length);
        for (uint256 i = 0; i < out.length; ++i) {
            out[i] = i < some.length ? some[i] : more[i - some.length];
        }
    }

    /// @dev A correction, which has no proof.
    function correction(bytes memory sample_) internal pure returns (SampleProof[] memory with) {
        with = new SampleProof[](1);
        with[0].sample = sample_;
    }

    function train(uint256 bundle, uint256 index) internal {
        model.train(proofs(bundle, index), schemaOf());
    }

    function refusedTraining(SampleProof[] memory with, uint256 bundle, uint256 index) internal {
        refused(IPerceptronModel.SampleNotNext.selector, bundle, index);
        model.train(with, schemaOf());
    }

    function isNext(uint256 position, uint256 bundle, uint256 index) internal view {
        (uint256 position_, uint256 bundle_, uint256 index_) = model.next();
        equal(position_, position, "position");
        equal(bundle_, bundle, "bundle");
        equal(index_, index, "index");
    }

    function haveWeights(IPerceptronModel one, int256[] memory expected) internal view {
        int256[] memory weights = one.weights();
        equal(weights.length, expected.length, "number of weights");
        for (uint256 i = 0; i < weights.length; ++i) {
            equal(uint256(weights[i]), uint256(expected[i]), "weight");
        }
    }

    /// @dev Leaf of a group of tests, by the protocol.
    function groupOf(bytes[] memory tests, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(GROUP, salt, rootOf(tests), FILE, tests.length));
    }

    function closeCampaign() internal {
        vm.prank(OWNER);
        data.close(campaign);
    }
}
