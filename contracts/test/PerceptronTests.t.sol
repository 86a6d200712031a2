// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {SampleProof, SampleSchema} from "../src/data/types/Samples.sol";
import {PerceptronScene} from "./support/PerceptronScene.sol";

/// @title Hidden tests are shown after training, as they were committed to, and each counts once
contract PerceptronTestsTest is PerceptronScene {
    bytes32 private constant OTHER = keccak256("another salt");

    bytes32[] private _leaves;
    bytes[][2] private _groups;
    bytes32[2] private _saltOf = [SALT, OTHER];

    function setUp() external {
        stageData();
        (_groups[0], _groups[1]) = (samplesFrom(60, 3), samplesFrom(70, 2));
        for (uint256 i = 0; i < 2; ++i) {
            _leaves.push(groupOf(_groups[i], _saltOf[i]));
        }
        stageModel(keccak256(abi.encodePacked(_leaves)));
    }

    function test_show_inAnyOrder_eachGroupOnce() external {
        _trainedAndClosed();
        _show(1);
        refused(IPerceptronModel.GroupShown.selector, 1);
        _show(1);
        equal(model.testsOf(0).count, 0, "the other is hidden");
        _show(0);
        equal(model.testsOf(0).count, 3, "shown");
    }

    function test_show_whileTheCampaignIsOpen_isRefused() external {
        uint256 bundle = settled(samplesFrom(0, 1));
        train(bundle, 0);
        _refusedToShow(1, 1, 0);
        closeCampaign();
        _show(0);
    }

    /// @dev A closed campaign's bundles are decided later: what shows tests before would end training too early.
    function test_show_whileSamplesArePending_isRefused() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        closeCampaign();
        _refusedToShow(0, 0, 2);
        toAnswer(bundle);
        data.settleBundle(bundle);
        _refusedToShow(0, 1, 0);
        train(bundle, 0);
        _refusedToShow(0, 1, 0);
        train(bundle, 1);
        _show(0);
    }

    function test_show_behindABadOne_afterAdvancing() external {
        settledWithABadOne(0, 1);
        closeCampaign();
        _refusedToShow(0, _decisions(), 0);
        model.advance(type(uint256).max);
        _show(0);
    }

    function test_show_whatWasNotCommittedTo_isRefused() external {
        _trainedAndClosed();
        (bytes32 root, uint32 count) = (rootOf(_groups[0]), 3);
        _refusedGroup(1, SALT, root, FILE, count); // the other's place
        _refusedGroup(0, OTHER, root, FILE, count);
        _refusedGroup(0, SALT, rootOf(_groups[1]), FILE, count);
        _refusedGroup(0, SALT, root, CONTENT, count);
        _refusedGroup(0, SALT, root, FILE, count - 1);
        _refusedGroup(0, SALT, root, FILE, 0);
        // Fewer groups than were committed to, and the same ones in another order.
        bytes32[] memory fewer = new bytes32[](1);
        fewer[0] = _leaves[0];
        _refusedLeaves(fewer);
        (_leaves[0], _leaves[1]) = (_leaves[1], _leaves[0]);
        _refusedGroup(1, SALT, root, FILE, count);
    }

    function test_show_groupsOutOfRange_areRefused() external {
        _trainedAndClosed();
        bytes32 root = rootOf(_groups[0]);
        refused(IPerceptronModel.GroupInvalid.selector, 2, 2);
        model.showTests(_leaves, 2, SALT, root, FILE, 3);
        refused(IPerceptronModel.GroupInvalid.selector, 0, 0);
        model.showTests(new bytes32[](0), 0, SALT, root, FILE, 3);
        refused(IPerceptronModel.GroupInvalid.selector, 0, 65);
        model.showTests(new bytes32[](65), 0, SALT, root, FILE, 3);
    }

    /// @dev Groups that another campaign's owner committed to are none of this one's.
    function test_show_testsOfAnotherCampaign_areRefused() external {
        bytes[] memory tests = samplesFrom(80, 2);
        bytes32[] memory theirs = new bytes32[](1);
        theirs[0] = groupOf(tests, SALT);
        IPerceptronModel own = model;
        stageModel(keccak256(abi.encodePacked(theirs)));
        closeCampaign();
        model.showTests(theirs, 0, SALT, rootOf(tests), FILE, 2);
        model = own;
        bytes32 root = rootOf(tests);
        vm.expectRevert(
            abi.encodeWithSelector(IPerceptronModel.TestsMismatch.selector, keccak256(abi.encodePacked(theirs)))
        );
        model.showTests(theirs, 0, SALT, root, FILE, 2);
    }

    function test_score_inOrder_eachOnce() external {
        _trainedAndClosed();
        _show(0);
        SampleProof[] memory with = _tests(0, 1, 1);
        refused(IPerceptronModel.TestNotNext.selector, 0, 0);
        model.score(0, with, schemaOf());
        model.score(0, _tests(0, 0, 2), schemaOf());
        refused(IPerceptronModel.TestNotNext.selector, 0, 2);
        model.score(0, with, schemaOf());
        model.score(0, _tests(0, 2, 1), schemaOf());
        with = _tests(0, 0, 1);
        refused(IPerceptronModel.NothingToScore.selector, 0);
        model.score(0, with, schemaOf());
        equal(model.testsOf(0).scored, 3, "scored");
        equal(model.testsOf(0).right, 3, "right");
    }

    function test_score_ofAnotherGroup_orOneThatIsHidden_isRefused() external {
        _trainedAndClosed();
        _show(0);
        SampleProof[] memory with = _tests(1, 0, 1);
        refused(IPerceptronModel.TestNotNext.selector, 0, 0);
        model.score(0, with, schemaOf());
        refused(IPerceptronModel.NothingToScore.selector, 1);
        model.score(1, with, schemaOf());
        _show(1);
        model.score(1, with, schemaOf());
        equal(model.testsOf(0).scored, 0, "of the other");
    }

    function test_score_byAnotherSchema_isRefused() external {
        _trainedAndClosed();
        _show(0);
        SampleSchema memory wrong = schemaOf();
        wrong.maxima = hex"00"; // nothing would fit, so nothing would be right
        SampleProof[] memory with = _tests(0, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(wrong))));
        model.score(0, with, wrong);
    }

    /// @dev Scores are of one model: from the first group on nothing trains it, and scoring does not either.
    function test_score_changesNoWeights_andNothingTrainsAfterwards() external {
        uint256 bundle = _trainedAndClosed();
        _show(0);
        int256[] memory before = model.weights();
        model.score(0, _tests(0, 0, 3), schemaOf());
        haveWeights(model, before);
        SampleProof[] memory with = proofs(bundle, 0);
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        model.train(with, schemaOf());
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        model.advance(1);
    }

    function _trainedAndClosed() private returns (uint256 bundle) {
        bundle = settled(samplesFrom(0, 2));
        model.train(proofs(bundle, 0, 2), schemaOf());
        closeCampaign();
    }

    function _show(uint256 group) private {
        bytes[] memory tests = _groups[group];
        model.showTests(_leaves, group, _saltOf[group], rootOf(tests), FILE, uint32(tests.length));
    }

    function _refusedToShow(uint256 position, uint256 decisions, uint256 pending) private {
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, position, decisions, pending));
        _show(0);
    }

    function _refusedGroup(uint256 group, bytes32 salt, bytes32 root, bytes32 file, uint32 count) private {
        bytes32 commitment = keccak256(abi.encodePacked(_leaves));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestsMismatch.selector, commitment));
        model.showTests(_leaves, group, salt, root, file, count);
    }

    function _refusedLeaves(bytes32[] memory leaves) private {
        bytes32 root = rootOf(_groups[0]);
        bytes32 commitment = keccak256(abi.encodePacked(leaves));
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.TestsMismatch.selector, commitment));
        model.showTests(leaves, 0, SALT, root, FILE, 3);
    }

    /// @dev Tests of a group, whose tree is a bundle's.
    function _tests(uint256 group, uint256 first, uint256 count) private returns (SampleProof[] memory) {
        _samples[group] = _groups[group];
        return proofs(group, first, count);
    }

    function _decisions() private view returns (uint256) {
        return data.campaignOf(campaign).decisions;
    }
}
