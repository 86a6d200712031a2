// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {Arbiter, CampaignTerms, Outcome} from "../src/data/types/Campaigns.sol";
import {SampleProof} from "../src/data/types/Samples.sol";
import {Factory, PerceptronScene} from "./support/PerceptronScene.sol";
import {Token} from "./support/Tokens.sol";

/// @title Whoever brings samples, and however many at once, chooses nothing
contract PerceptronTrainingTest is PerceptronScene {
    function setUp() external {
        stageData();
        stageModel(bytes32(0));
    }

    function test_train_severalInOneCall_asOneByOne() external {
        Factory another = Factory(create(creationOf("PerceptronFactory", abi.encode(data))));
        IPerceptronModel twin = another.make(campaign, schemaOf(), 16, 0);
        bytes[] memory samples = samplesFrom(3, 5);
        (samples[1], samples[3]) = (sample(0, 9), sample(2, 1));
        uint256 bundle = settled(samples);
        twin.train(proofs(bundle, 0, 2), schemaOf());
        twin.train(proofs(bundle, 2, 3), schemaOf());
        for (uint256 i = 0; i < 5; ++i) {
            train(bundle, i);
        }
        equal(twin.trained(), 5, "trained");
        haveWeights(twin, model.weights());
        isTrue(uint256(model.weights()[0]) != 0, "something was learnt");
    }

    function test_train_severalInOneCall_allOrNone() external {
        uint256 bundle = settled(samplesFrom(0, 3));
        SampleProof[] memory with = proofs(bundle, 0, 3);
        with[2].sample = sample(0, 9);
        refusedTraining(with, bundle, 2);
        isNext(0, bundle, 0);
        equal(model.trained(), 0, "trained");
        haveWeights(model, new int256[](15));
    }

    function test_train_aSampleTwiceInOneCall_isRefused() external {
        uint256 bundle = settled(samplesFrom(0, 3));
        refusedTraining(joined(proofs(bundle, 0), proofs(bundle, 0)), bundle, 1);
    }

    function test_train_moreThanTheLogHas_isRefused() external {
        uint256 bundle = settled(samplesFrom(0, 2));
        SampleProof[] memory with = joined(proofs(bundle, 0, 2), proofs(bundle, 0));
        vm.expectRevert(IPerceptronModel.NothingToTrain.selector);
        model.train(with, schemaOf());
    }

    function test_train_withTheProofOfAnother_isRefused() external {
        uint256 bundle = settled(samplesFrom(0, 4));
        SampleProof[] memory with = proofs(bundle, 0);
        with[0].proof = proofOf(bundle, 1).proof;
        refusedTraining(with, bundle, 0);
        with[0].proof = new bytes32[](17);
        refusedTraining(with, bundle, 0);
    }

    /// @dev The same bytes stand at two places: each is trained on once, at its own.
    function test_train_aCopyThatNobodyChallenged_countsAtItsPlace() external {
        bytes[] memory samples = samplesFrom(0, 2);
        samples[1] = samples[0];
        uint256 bundle = settled(samples);
        refusedTraining(proofs(bundle, 1), bundle, 0);
        train(bundle, 0);
        refusedTraining(proofs(bundle, 0), bundle, 1);
        train(bundle, 1);
        equal(model.trained(), 2, "trained");
    }

    function test_train_anotherBundleFirst_isRefused() external {
        (uint256 first, uint256 second) = (review(ALICE, samplesFrom(0, 2)), review(BOB, samplesFrom(5, 2)));
        toAnswer(second);
        data.settleBundle(second);
        data.settleBundle(first);
        refusedTraining(proofs(first, 0), second, 0); // decided later, though it was committed to first
        model.train(joined(proofs(second, 0, 2), proofs(first, 0, 2)), schemaOf());
        equal(model.trained(), 4, "trained");
    }

    function test_train_ofAnotherCampaign_isRefused() external {
        bytes32 own = campaign;
        uint256 bundle = settled(samplesFrom(0, 2));
        openCampaign(Arbiter.Owner);
        uint256 foreign = settled(samplesFrom(8, 2));
        refusedTraining(proofs(foreign, 0), bundle, 0);
        train(bundle, 0);
        train(bundle, 1);
        SampleProof[] memory with = proofs(foreign, 0);
        vm.expectRevert(IPerceptronModel.NothingToTrain.selector);
        model.train(with, schemaOf());
        equal(model.campaign(), own, "its campaign");
    }

    /// @dev In one call over two bundles, of which one sample is BAD and one a copy of what was hidden.
    function test_train_badAndVoidOnesArePassedOver() external {
        uint256 bad = settledWithABadOne(0, 2);
        (uint256 original, uint256 copy) = settledWithAVoidOne();
        isNext(1, bad, 1);
        refusedTraining(proofs(bad, 0), bad, 1);
        train(bad, 1);
        isNext(3, copy, 1);
        refusedTraining(proofs(copy, 0), copy, 1);
        model.train(joined(proofs(copy, 1), proofs(original, 0, 2)), schemaOf());
        equal(model.trained(), 4, "trained");
        isNext(5, 0, 0);
    }

    function test_train_aCorrection_onceAndAsItWasDecided() external {
        (uint256 bundle,) = disputed(sample(2, 3));
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Corrected);
        data.settleBundle(bundle);
        refusedTraining(proofs(bundle, 0), bundle, 0); // what it was before
        refusedTraining(correction(sample(1, 3)), bundle, 0);
        SampleProof[] memory with = correction(sample(2, 3));
        with[0].proof = new bytes32[](1);
        refusedTraining(with, bundle, 0);
        model.train(correction(sample(2, 3)), schemaOf());
        refusedTraining(correction(sample(2, 3)), bundle, 1);
        train(bundle, 1);
        equal(model.trained(), 2, "trained");
    }

    function test_train_onACampaignInAToken() external {
        token = address(new Token());
        stageModel(bytes32(0));
        uint256 bundle = settled(samplesFrom(0, 2));
        model.train(proofs(bundle, 0, 2), schemaOf());
        equal(model.trained(), 2, "trained");
        equal(Token(token).balanceOf(address(model)), 0, "it holds no money");
    }

    function test_train_initialDataFirst() external {
        bytes[] memory initial = samplesFrom(40, 3);
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        (with.initialCount, with.initialRoot, with.initialDigest) = (3, rootOf(initial), FILE);
        stageModel(with);
        for (uint256 i = 0; i < 3; ++i) {
            _samples[0].push(initial[i]);
        }
        uint256 bundle = settled(samplesFrom(0, 1));
        refusedTraining(proofs(bundle, 0), 0, 0);
        model.train(joined(proofs(0, 0, 3), proofs(bundle, 0)), schemaOf());
        equal(model.trained(), 4, "trained");
        isNext(2, 0, 0);
    }

    /// @dev Nobody gets past a sample by a call without samples, and none costs anybody its place.
    function test_train_withoutSamples_movesNothing() external {
        uint256 bundle = settledWithABadOne(0, 2);
        equal(_stored(), 0, "decision that is next");
        equal(_stored(), 0, "decision that is next");
        isNext(1, bundle, 1);
    }

    /// @dev However many decisions are to be passed over, a call has as few of them as it names.
    function test_advance_isBounded() external {
        uint256 bundle = settledWithABadOne(0, 2);
        uint256 other = settledWithABadOne(7, 2);
        train(bundle, 1);
        equal(_stored(), 2, "behind the first bundle");
        model.advance(0);
        equal(_stored(), 2, "no step");
        model.advance(1);
        equal(_stored(), 3, "one step");
        train(other, 1);
        model.advance(type(uint256).max);
        equal(_stored(), 4, "at the end");
    }

    /// @dev A stranger that advances as far as it can changes nothing of what is trained on, nor of its order.
    function test_advance_passesNothingThatCounts() external {
        (uint256 original, uint256 copy) = settledWithAVoidOne();
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(MALLORY);
            model.advance(type(uint256).max);
            isNext(i == 0 ? 1 : 2, i == 0 ? copy : original, i == 0 ? 1 : i - 1);
            train(i == 0 ? copy : original, i == 0 ? 1 : i - 1);
        }
        equal(model.trained(), 3, "trained");
    }

    /// @dev The decision that is next, before those that are to be passed over: a call without samples tells it.
    function _stored() private returns (uint256 position) {
        vm.recordLogs();
        model.train(new SampleProof[](0), schemaOf());
        (,, position,) = abi.decode(vm.getRecordedLogs()[0].data, (uint256, uint256, uint256, uint256));
    }
}
