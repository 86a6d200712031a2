// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {Arbiter, CampaignTerms, Outcome} from "../src/data/types/Campaigns.sol";
import {SampleProof, SampleSchema} from "../src/data/types/Samples.sol";
import {DataScene} from "./support/DataScene.sol";

/// @dev What a test calls of the factory, whose code is compiled as it is deployed.
interface Factory {
    error ModelExists(address model);

    function make(bytes32 campaign, SampleSchema calldata schema, uint256 bits, uint32 margin)
        external
        returns (IPerceptronModel);
}

/// @title A model trains on what was decided, in that order, and on nothing else
contract PerceptronModelsTest is DataScene {
    bytes32 private constant GROUP = keccak256("gradroll/v1/data-test-group");
    bytes32 private constant FILE = keccak256("file of tests");

    Factory private _factory;
    IPerceptronModel private _model;
    bytes[] private _tests;

    function setUp() external {
        stageData();
        _factory = Factory(create(creationOf("PerceptronFactory", abi.encode(data))));
        _tests.push(sample(1, 1));
        _tests.push(hex"0001110000000000"); // does not fit: counts as wrong
        _tests.push(sample(0, 2));
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        with.tests = keccak256(abi.encodePacked(_leaf(_tests)));
        openCampaign(with);
        _model = _factory.make(campaign, schemaOf(), 16, 0);
    }

    function test_train_inOrder_onWhatWasDecided() external {
        (uint256 bundle, uint256 id) = disputed(sample(2, 3));
        data.challengeOf(id);
        _isAt(_model, 0, 0, 0);
        data.settleBundle(bundle);
        _isAt(_model, 0, bundle, 1);
        _refusedNext(bundle, 0, bundle, 1); // is challenged, and not decided
        _train(bundle, 1);
        vm.expectRevert(IPerceptronModel.NothingToTrain.selector);
        _train(bundle, 1); // twice
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Corrected);
        _isAt(_model, 1, bundle, 0);
        _refusedNext(bundle, 0, bundle, 0); // was bad; its correction counts
        SampleProof[] memory with = new SampleProof[](1);
        with[0].sample = sample(2, 3);
        _model.train(with, schemaOf());
        equal(_model.trained(), 2, "trained");
        _isAt(_model, 2, 0, 0);
        // By hand: all 0; label 1 against rival 0 by 0, 0, 0, 0, 1; then label 2 against the best of the others.
        int256[] memory weights = _model.weights();
        equal(weights.length, 15, "weights");
        equal(uint256(weights[4]), uint256(int256(-1)), "bias of the first rival");
        equal(uint256(weights[10]), 3, "label of the correction");
    }

    function test_train_refusesOrderProofCampaignAndSchema() external {
        uint256 bundle = _settled(samplesFrom(0, 3));
        _refusedNext(bundle, 1, bundle, 0);
        SampleProof[] memory with = _proofs(bundle, 0);
        with[0].proof[0] = bytes32(uint256(1));
        _refused(with, bundle, 0);
        with = _proofs(bundle, 0);
        with[0].sample = sample(0, 9);
        _refused(with, bundle, 0);
        bytes32 own = campaign;
        openCampaign(Arbiter.Owner);
        uint256 other = _settled(samplesFrom(0, 3));
        SampleProof[] memory foreign = _proofs(other, 1);
        _refused(foreign, bundle, 0);
        campaign = own;
        SampleSchema memory wrong = schemaOf();
        wrong.tau = 7;
        with = _proofs(bundle, 0);
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(wrong))));
        _model.train(with, wrong);
        _train(bundle, 0);
        _train(bundle, 1);
        _train(bundle, 2);
        equal(_model.trained(), 3, "trained");
    }

    function test_train_passesOverWhatDoesNotFit() external {
        bytes[] memory samples = samplesFrom(0, 2);
        samples[0] = new bytes(3000); // nobody challenged it
        uint256 bundle = _settled(samples);
        vm.expectEmit(true, true, true, true, address(_model));
        emit IPerceptronModel.PassedOver(bundle, 0);
        _train(bundle, 0);
        equal(_model.trained(), 0, "trained");
        _train(bundle, 1);
        equal(_model.trained(), 1, "trained");
    }

    function test_advance_overBadOnes() external {
        (uint256 bundle,) = disputed("");
        vm.prank(ALICE);
        data.concede(bundle, 0); // BAD, the first decision
        data.settleBundle(bundle);
        _isAt(_model, 1, bundle, 1);
        _model.advance(1);
        _model.advance(5);
        _train(bundle, 1);
        equal(_model.trained(), 1, "trained");
    }

    function test_score_afterTheReveal_once() external {
        SampleProof[] memory with = _testProof(0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NothingToScore.selector, 0));
        _model.score(0, with, schemaOf());
        uint256 bundle = _settled(samplesFrom(0, 1));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, 0, 1, 0));
        _show(_tests, SALT);
        _train(bundle, 0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, 1, 1, 0));
        _show(_tests, SALT); // the campaign is open
        vm.prank(OWNER);
        data.close(campaign);
        bytes[] memory others = samplesFrom(5, 2);
        bytes32 commitment = keccak256(abi.encodePacked(_leaf(others)));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestsMismatch.selector, commitment));
        _show(others, SALT);
        _show(_tests, SALT);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.GroupShown.selector, 0));
        _show(_tests, SALT);
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        _train(bundle, 0);
        _scored();
    }

    function test_make_refusesWhatIsNoModel() external {
        vm.expectRevert(abi.encodeWithSelector(Factory.ModelExists.selector, address(_model)));
        _factory.make(campaign, schemaOf(), 16, 0);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.ModelInvalid.selector, "bits"));
        _factory.make(campaign, schemaOf(), 8, 0);
        SampleSchema memory wrong = schemaOf();
        wrong.classes = 2;
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(wrong))));
        _factory.make(campaign, wrong, 32, 0);
    }

    /// @dev It answers within the gas that campaigns hand to an arbiter.
    function test_predict_asAnArbiter() external {
        uint256 bundle = _settled(samplesFrom(0, 1));
        _train(bundle, 0);
        equal(_model.predict{gas: 3_000_000}(sample(0, 0)), 1, "predicted");
        equal(_model.predict(sample(2, 0)), 1, "the label is not looked at");
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.SampleInvalid.selector, 5));
        _model.predict(hex"0001020304");
    }

    function _scored() private {
        SampleProof[] memory wrong = _testProof(1);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestNotNext.selector, 0, 0));
        _model.score(0, wrong, schemaOf());
        for (uint256 i = 0; i < 3; ++i) {
            _model.score(0, _testProof(i), schemaOf());
        }
        equal(_model.testsOf(0).scored, 3, "scored");
        equal(_model.testsOf(0).right, 1, "right");
        SampleProof[] memory with = _testProof(2);
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NothingToScore.selector, 0));
        _model.score(0, with, schemaOf());
    }

    function _settled(bytes[] memory samples) private returns (uint256 bundle) {
        bundle = review(ALICE, samples);
        toAnswer(bundle);
        data.settleBundle(bundle);
    }

    function _proofs(uint256 bundle, uint256 index) private view returns (SampleProof[] memory with) {
        with = new SampleProof[](1);
        with[0] = proofOf(bundle, index);
    }

    function _train(uint256 bundle, uint256 index) private {
        _model.train(_proofs(bundle, index), schemaOf());
    }

    function _refused(SampleProof[] memory with, uint256 bundle, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.SampleNotNext.selector, bundle, index));
        _model.train(with, schemaOf());
    }

    function _refusedNext(uint256 bundle, uint256 index, uint256 wantedBundle, uint256 wanted) private {
        _refused(_proofs(bundle, index), wantedBundle, wanted);
    }

    function _leaf(bytes[] memory tests) private pure returns (bytes32) {
        return keccak256(abi.encode(GROUP, SALT, rootOf(tests), FILE, tests.length));
    }

    function _show(bytes[] memory tests, bytes32 salt) private {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = _leaf(tests);
        _model.showTests(leaves, 0, salt, rootOf(tests), FILE, uint32(tests.length));
    }

    /// @dev Tests are no bundle; their tree is one's.
    function _testProof(uint256 index) private returns (SampleProof[] memory with) {
        if (_samples[0].length == 0) _samples[0] = _tests;
        return _proofs(0, index);
    }

    function _isAt(IPerceptronModel model, uint256 position, uint256 bundle, uint256 index) private view {
        (uint256 position_, uint256 bundle_, uint256 index_) = model.next();
        equal(position_, position, "position");
        equal(bundle_, bundle, "bundle");
        equal(index_, index, "index");
    }
}
