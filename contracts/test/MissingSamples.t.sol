// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPerceptronModel} from "../src/data/interfaces/IPerceptronModel.sol";
import {Arbiter, CampaignTerms, Outcome} from "../src/data/types/Campaigns.sol";
import {SampleProof} from "../src/data/types/Samples.sol";
import {PerceptronScene} from "./support/PerceptronScene.sol";

/// @title A sample that nobody can show holds training up for a week, and one that somebody shows is not lost
contract MissingSamplesTest is PerceptronScene {
    uint256 private constant WEEK = 7 days;

    function setUp() external {
        stageData();
        bytes32[] memory leaves = _leaves();
        stageModel(keccak256(abi.encodePacked(leaves)));
    }

    function test_report_thenPassedOver_afterSevenDays() external {
        uint256 bundle = settled(samplesFrom(0, 2));
        uint256 deadline = vm.getBlockTimestamp() + WEEK;
        vm.expectEmit(true, true, true, true, address(model));
        emit IPerceptronModel.MissingReported(bundle, 0, deadline);
        vm.prank(MALLORY);
        model.reportMissing(0, 0);
        equal(model.reportedUntil(), deadline, "deadline");
        vm.warp(deadline);
        refused(IPerceptronModel.ReportPending.selector, deadline);
        model.passOver(0, 0);
        vm.warp(deadline + 1);
        vm.expectEmit(true, true, true, true, address(model));
        emit IPerceptronModel.PassedOver(bundle, 0);
        vm.prank(CAROL);
        model.passOver(0, 0);
        isNext(0, bundle, 1);
        equal(model.reportedUntil(), 0, "deadline of the next");
        refusedTraining(proofs(bundle, 0), bundle, 1); // it is too late for it
        train(bundle, 1);
        equal(model.trained(), 1, "trained");
    }

    function test_report_isTakenBackByTraining() external {
        uint256 bundle = settled(samplesFrom(0, 2));
        model.reportMissing(0, 0);
        train(bundle, 0);
        equal(model.reportedUntil(), 0, "deadline");
        elapse(WEEK + 1);
        refused(IPerceptronModel.SampleNotNext.selector, bundle, 1);
        model.passOver(0, 0);
        refused(IPerceptronModel.NotReported.selector, bundle, 1);
        model.passOver(0, 1);
    }

    /// @dev Late is not too late, while nobody passed it over.
    function test_report_afterItsDeadline_trainingStillTakesItBack() external {
        uint256 bundle = settled(samplesFrom(0, 2));
        model.reportMissing(0, 0);
        elapse(WEEK + 1);
        model.train(proofs(bundle, 0, 2), schemaOf());
        equal(model.trained(), 2, "trained");
        equal(model.reportedUntil(), 0, "deadline");
    }

    function test_report_ofAnotherThanTheNext_isRefused() external {
        vm.expectRevert(IPerceptronModel.NothingToTrain.selector);
        model.reportMissing(0, 0);
        uint256 bundle = settled(samplesFrom(0, 2));
        settled(samplesFrom(5, 2));
        uint256[2][4] memory others = [[uint256(0), 1], [uint256(1), 0], [type(uint256).max, 0], [uint256(0), 1 << 64]];
        for (uint256 i = 0; i < 4; ++i) {
            refused(IPerceptronModel.SampleNotNext.selector, bundle, 0);
            model.reportMissing(others[i][0], others[i][1]);
        }
        model.reportMissing(0, 0);
        elapse(WEEK + 1);
        for (uint256 i = 0; i < 4; ++i) {
            refused(IPerceptronModel.SampleNotNext.selector, bundle, 0);
            model.passOver(others[i][0], others[i][1]);
        }
    }

    /// @dev Who reports again moves no deadline, neither before nor after it.
    function test_report_twice_isRefused() external {
        settled(samplesFrom(0, 1));
        model.reportMissing(0, 0);
        uint256 deadline = model.reportedUntil();
        elapse(1 days);
        refused(IPerceptronModel.ReportPending.selector, deadline);
        model.reportMissing(0, 0);
        elapse(WEEK);
        refused(IPerceptronModel.ReportPending.selector, deadline);
        model.reportMissing(0, 0);
        equal(model.reportedUntil(), deadline, "deadline");
    }

    function test_passOver_withoutAReport_isRefused() external {
        uint256 bundle = settled(samplesFrom(0, 3));
        elapse(WEEK + 1);
        refused(IPerceptronModel.NotReported.selector, bundle, 0);
        model.passOver(0, 0);
        model.reportMissing(0, 0);
        elapse(WEEK + 1);
        model.passOver(0, 0);
        // A week for each.
        refused(IPerceptronModel.NotReported.selector, bundle, 1);
        model.passOver(0, 1);
        model.reportMissing(0, 1);
        refused(IPerceptronModel.ReportPending.selector, vm.getBlockTimestamp() + WEEK);
        model.passOver(0, 1);
    }

    /// @dev What a stranger calls in the meantime neither ends the report nor makes another of it.
    function test_report_behindABadOne_stays() external {
        uint256 bundle = settledWithABadOne(0, 2);
        model.reportMissing(1, 1);
        uint256 deadline = model.reportedUntil();
        model.advance(type(uint256).max);
        model.train(new SampleProof[](0), schemaOf());
        uint256 other = settled(samplesFrom(8, 1));
        model.advance(1);
        equal(model.reportedUntil(), deadline, "deadline");
        vm.warp(deadline + 1);
        model.passOver(1, 1);
        isNext(2, other, 0);
        isTrue(bundle != other, "another bundle");
    }

    function test_report_ofACorrection_andOfInitialData() external {
        (uint256 bundle,) = disputed(sample(2, 3));
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Corrected);
        _passedOver(0, 0);
        isNext(1, 0, 0); // the other sample is not decided
        CampaignTerms memory with = dataTerms(Arbiter.Owner);
        (with.initialCount, with.initialRoot, with.initialDigest) = (2, rootOf(samplesFrom(0, 2)), FILE);
        stageModel(with);
        _passedOver(0, 0);
        isNext(0, 0, 1);
    }

    /// @dev Tests are shown once what nobody can show is passed over, and nothing is reported after that.
    function test_passOver_theLast_letsTestsBeShown() external {
        settled(samplesFrom(0, 1));
        closeCampaign();
        vm.expectRevert(abi.encodeWithSelector(IPerceptronModel.NotTrained.selector, 0, 1, 0));
        _show();
        _passedOver(0, 0);
        _show();
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        model.reportMissing(0, 0);
        vm.expectRevert(IPerceptronModel.TestsShown.selector);
        model.passOver(0, 0);
    }

    function _passedOver(uint256 position, uint256 index) private {
        model.reportMissing(position, index);
        elapse(WEEK + 1);
        model.passOver(position, index);
    }

    function _leaves() private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](1);
        leaves[0] = groupOf(samplesFrom(60, 2), SALT);
    }

    function _show() private {
        model.showTests(_leaves(), 0, SALT, rootOf(samplesFrom(60, 2)), FILE, 2);
    }
}
