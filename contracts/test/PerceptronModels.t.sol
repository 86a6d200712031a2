// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {Arbiter, Outcome} from "../src/data/types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../src/data/types/Samples.sol";
import {Factory, PerceptronScene} from "./support/PerceptronScene.sol";

/// @title A model trains on what was decided, in that order, and on nothing else
contract PerceptronModelsTest is PerceptronScene {
    bytes[] private _tests;

    function setUp() external {
        stageData();
        _tests.push(sample(1, 1));
        _tests.push(hex"0001110000000000"); // does not fit: counts as wrong
        _tests.push(sample(0, 2));
        stageModel(keccak256(abi.encodePacked(groupOf(_tests, SALT))));
    }

    function test_train_inOrder_onWhatWasDecided() external {
        (uint256 bundle, uint256 id) = disputed(sample(2, 3));
        data.challengeOf(id);
        isNext(0, 0, 0);
        data.settleBundle(bundle);
        isNext(0, bundle, 1);
        refusedTraining(proofs(bundle, 0), bundle, 1); // is challenged, and not decided
        train(bundle, 1);
        vm.expectRevert(IPerceptronModel.NothingToTrain.selector);
        train(bundle, 1); // twice
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Corrected);
        isNext(1, bundle, 0);
        refusedTraining(proofs(bundle, 0), bundle, 0); // was bad; its correction counts
        model.train(correction(sample(2, 3)), schemaOf());
        equal(model.trained(), 2, "trained");
        isNext(2, 0, 0);
        // By hand: all 0; label 1 against rival 0 by 0, 0, 0, 0, 1; then label 2 against the best of the others.
        int256[] memory weights = model.weights();
        equal(weights.length, 15, "weights");
        equal(uint256(weights[4]), uint256(int256(-1)), "bias of the first rival");
        equal(uint256(weights[10]), 3, "label of the correction");
    }

    function test_train_refusesOrderProofCampaignAndSchema() external {
        uint256 bundle = settled(samplesFrom(0, 3));
        refusedTraining(proofs(bundle, 1), bundle, 0);
        SampleProof[] memory with = proofs(bundle, 0);
        with[0].proof[0] = bytes32(uint256(1));
        refusedTraining(with, bundle, 0);
        with = proofs(bundle, 0);
        with[0].sample = sample(0, 9);
        refusedTraining(with, bundle, 0);
        bytes32 own = campaign;
        openCampaign(Arbiter.Owner);
        uint256 other = settled(samplesFrom(0, 3));
        SampleProof[] memory foreign = proofs(other, 1);
        refusedTraining(foreign, bundle, 0);
        campaign = own;
        SampleSchema memory wrong = schemaOf();
        wrong.tau = 7;
        with = proofs(bundle, 0);
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(wrong))));
        model.train(with, wrong);
        train(bundle, 0);
        train(bundle, 1);
        train(bundle, 2);
        equal(model.trained(), 3, "trained");
    }

    function test_train_passesOverWhatDoesNotFit() external {
        bytes[] memory samples = samplesFrom(0, 2);
        samples[0] = new bytes(3000); // nobody challenged it
        uint256 bundle = settled(samples);
        vm.expectEmit(true, true, true, true, address(model));
        emit IPerceptronModel.PassedOver(bundle, 0);
        train(bundle, 0);
        equal(model.trained(), 0, "trained");
        train(bundle, 1);
        equal(model.trained(), 1, "trained");
    }

    function test_advance_overBadOnes() external {
        (uint256 bundle,) = disputed("");
        vm.prank(ALICE);
        data.concede(bundle, 0); // BAD, the first decision
        data.settleBundle(bundle);
        isNext(1, bundle, 1);
        model.advance(1);
        model.advance(5);
        train(bundle, 1);
        equal(model.trained(), 1, "trained");
    }

    function test_score_afterTheReveal_once() external {
        SampleProof[] memory with = _testProof(0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NothingToScore.selector, 0));
        model.score(0, with, schemaOf());
        uint256 bundle = settled(samplesFrom(0, 1));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, 0, 1, 0));
        _show(_tests, SALT);
        train(bundle, 0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, 1, 1, 0));
        _show(_tests, SALT); // the campaign is open
        vm.prank(OWNER);
        data.close(campaign);
        bytes[] memory others = samplesFrom(5, 2);
        bytes32 commitment = keccak256(abi.encodePacked(groupOf(others, SALT)));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestsMismatch.selector, commitment));
        _show(others, SALT);
        _show(_tests, SALT);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.GroupShown.selector, 0));
        _show(_tests, SALT);
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        train(bundle, 0);
        _scored();
    }

    function test_make_refusesWhatIsNoModel() external {
        vm.expectRevert(abi.encodeWithSelector(Factory.ModelExists.selector, address(model)));
        factory.make(campaign, schemaOf(), 16, 0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.ModelInvalid.selector, "bits"));
        factory.make(campaign, schemaOf(), 8, 0);
        SampleSchema memory wrong = schemaOf();
        wrong.classes = 2;
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(wrong))));
        factory.make(campaign, wrong, 32, 0);
    }

    /// @dev It answers within the gas that campaigns hand to an arbiter.
    function test_predict_asAnArbiter() external {
        uint256 bundle = settled(samplesFrom(0, 1));
        train(bundle, 0);
        closeCampaign();
        equal(model.predict{gas: 3_000_000}(sample(0, 0)), 1, "predicted");
        equal(model.predict(sample(2, 0)), 1, "the label is not looked at");
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.SampleInvalid.selector, 5));
        model.predict(hex"0001020304");
    }

    function _scored() private {
        SampleProof[] memory wrong = _testProof(1);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestNotNext.selector, 0, 0));
        model.score(0, wrong, schemaOf());
        for (uint256 i = 0; i < 3; ++i) {
            model.score(0, _testProof(i), schemaOf());
        }
        equal(model.testsOf(0).scored, 3, "scored");
        equal(model.testsOf(0).right, 1, "right");
        SampleProof[] memory with = _testProof(2);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NothingToScore.selector, 0));
        model.score(0, with, schemaOf());
    }

    function _show(bytes[] memory tests, bytes32 salt) private {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = groupOf(tests, salt);
        model.showTests(leaves, 0, salt, rootOf(tests), FILE, uint32(tests.length));
    }

    /// @dev Tests are no bundle; their tree is one's.
    function _testProof(uint256 index) private returns (SampleProof[] memory with) {
        if (_samples[0].length == 0) _samples[0] = _tests;
        return proofs(0, index);
    }
}
