// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {
    ALL_SAMPLES,
    Arbiter,
    BundleStage,
    CampaignTerms,
    ChallengeStage,
    Decision,
    Ground,
    Outcome
} from "../src/data/types/Campaigns.sol";
import {SampleSchema} from "../src/data/types/Samples.sol";
import {DataScene} from "./support/DataScene.sol";

/// @title Campaigns and bundles: terms, windows, escrow, the log of decisions
contract DataCampaignsTest is DataScene {
    function setUp() external {
        stageData();
        openCampaign(Arbiter.Jury);
    }

    function test_open_isNamedByAllOfIt() external view {
        bytes32 terms = keccak256(abi.encode(dataTerms(Arbiter.Jury)));
        bytes32 kind = keccak256("gradroll/v1/data-campaign");
        equal(campaign, keccak256(abi.encode(kind, data.deployment(), OWNER, 0, terms)), "identifier");
        equal(view_().owner, OWNER, "owner");
        equal(view_().free, ESCROW, "escrow");
    }

    function test_open_once() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignExists.selector, campaign));
        vm.prank(OWNER);
        data.open(with, schemaOf(), 0, 0);
    }

    function test_open_anotherSchema() external {
        SampleSchema memory other = schemaOf();
        other.tau = 3;
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, keccak256(abi.encode(other))));
        data.open(with, other, 9, 0);
        (other.size, with.schemaHash) = (3, 0);
        with.schemaHash = keccak256(abi.encode(other));
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaInvalid.selector, "size"));
        data.open(with, other, 9, 0);
    }

    /// @dev What the design asks of amounts that does not depend on beliefs.
    function test_open_termsThatInviteCheats() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        with.deposit = F;
        _invalid(with, "deposit");
        with = dataTerms(Arbiter.Jury);
        with.correction = uint128(HALF) + 1; // self-challenge and farming
        _invalid(with, "correction");
        with.correction = uint128(HALF);
        with.jurorStake = 4 ether;
        _valid(with);
        with = dataTerms(Arbiter.Jury);
        with.stake = F + R - 1; // false challenges for nothing
        _invalid(with, "stake");
        (with.stake, with.reward) = (F + F2 - 1, 0.1 ether); // the loser of an appeal cannot pay
        with.correction = 0;
        _invalid(with, "stake");
        with.stake = F + F2;
        _valid(with);
        with.deposit = F + F2 - 1;
        _invalid(with, "deposit");
        with = dataTerms(Arbiter.Jury);
        with.jurorStake = 2.5 ether; // 3 of 5 jurors cost no more than what is before them
        _invalid(with, "jurorStake");
        with.jurorStake = 2.5 ether + 1;
        _valid(with);
    }

    function test_open_otherTerms() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        with.token = address(0xDEAD1);
        _invalid(with, "token");
        with = dataTerms(Arbiter.Jury);
        with.manifest = 0;
        _invalid(with, "manifest");
        with = dataTerms(Arbiter.Jury);
        with.initialCount = 1;
        _invalid(with, "initialRoot");
        with.initialRoot = keccak256("root");
        _invalid(with, "initialDigest");
        with.initialDigest = keccak256("file");
        _valid(with);
        with.initialCount = 65_537;
        _invalid(with, "initialCount");
        with = dataTerms(Arbiter.Jury);
        with.jurors = 4;
        _invalid(with, "jurors");
        with.jurors = 17;
        _invalid(with, "jurors");
        with = dataTerms(Arbiter.Jury);
        with.model = address(1);
        _invalid(with, "model");
        with = dataTerms(Arbiter.Owner);
        with.jurors = 5;
        _invalid(with, "jurors");
        with = dataTerms(Arbiter.Jury);
        with.openDelay = 1;
        _invalid(with, "openDelay");
        with = dataTerms(Arbiter.Jury);
        with.maxBundle = 65_537;
        _invalid(with, "maxBundle");
        with = dataTerms(Arbiter.Jury);
        with.burnt = 10_001;
        _invalid(with, "burnt");
        with = dataTerms(Arbiter.Jury);
        with.epochSize = 0;
        _invalid(with, "epochSize");
    }

    function test_open_windows() external {
        string[9] memory names = [
            "openWindow",
            "receiptWindow",
            "reviewWindow",
            "revealWindow",
            "answerWindow",
            "caseWindow",
            "voteWindow",
            "voteRevealWindow",
            "appealWindow"
        ];
        for (uint256 i = 0; i < 9; ++i) {
            _invalid(_withWindow(i, WINDOW - 1), names[i]);
            _invalid(_withWindow(i, 30 days + 1), names[i]);
            if (i < 6) {
                _valid(_withWindow(i, 30 days));
                continue;
            }
            // The other two of a case are an hour each: so long a campaign may keep jurors that others need.
            _invalid(_withWindow(i, 30 days - 2 hours + 1), "appealWindow");
            _valid(_withWindow(i, 30 days - 2 hours));
        }
    }

    function test_initialData_isTheFirstDecision() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        bytes32 root = keccak256("root");
        (with.initialCount, with.initialRoot, with.initialDigest) = (7, root, keccak256("file"));
        openCampaign(with);
        Decision memory first = data.decisionAt(campaign, 0);
        equal(first.bundle, 0, "bundle");
        equal(first.index, ALL_SAMPLES, "all");
        equal(first.root, root, "root");
        equal(first.count, 7, "count");
        bytes memory entry = abi.encode(bytes32(0), 0, ALL_SAMPLES, Outcome.Accepted, 7, root, bytes32(0));
        equal(view_().acc, keccak256(entry), "hash of the log");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.EpochNotDue.selector, 0, START + 10 days));
        data.closeEpoch(campaign);
    }

    function test_fund_close_withdraw() external {
        uint256 value = funded(CAROL, 5 ether);
        vm.prank(CAROL);
        data.fund{value: value}(campaign, 5 ether);
        equal(view_().free, ESCROW + 5 ether, "anybody funds");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignNotClosed.selector, campaign));
        data.withdraw(campaign);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotCampaignOwner.selector, campaign, CAROL));
        vm.prank(CAROL);
        data.close(campaign);
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        vm.prank(OWNER);
        data.close(campaign);
        data.withdraw(campaign);
        equal(owedBy(OWNER), ESCROW + 5 ether - 2 * (R + K), "what is free");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NothingFree.selector, campaign));
        data.withdraw(campaign);
        vm.deal(ALICE, 100 ether);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignIsClosed.selector, campaign));
        vm.prank(ALICE);
        data.commit{value: D + RECEIPTS}(campaign, 1, SALT);
        // What was committed to goes on.
        openBundle(bundle);
        attestBundle(bundle);
        toAnswer(bundle);
        data.settleBundle(bundle);
        equal(owedBy(ALICE), 2 * (R + D), "paid after the closing");
        data.withdraw(campaign);
        equal(owedBy(OWNER), ESCROW + 5 ether - 2 * R, "the rest");
    }

    function test_commit_bounds() external {
        vm.deal(ALICE, 10_000 ether);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CountInvalid.selector, 0, 65_536));
        vm.prank(ALICE);
        data.commit{value: RECEIPTS}(campaign, 0, SALT);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.EscrowTooLow.selector, ESCROW, 134 * (R + K)));
        vm.prank(ALICE);
        data.commit{value: 134 * D + RECEIPTS}(campaign, 134, SALT);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignFull.selector, 1000));
        vm.prank(ALICE);
        data.commit{value: 1001 * D + RECEIPTS}(campaign, 1001, SALT);
        vm.expectRevert(abi.encodeWithSelector(bytes4(keccak256("EtherMismatch(uint256,uint256)")), D, D + RECEIPTS));
        vm.prank(ALICE);
        data.commit{value: D}(campaign, 1, SALT);
        vm.prank(ALICE);
        data.commit{value: 133 * D + RECEIPTS}(campaign, 133, SALT);
        equal(view_().held, 133, "pending");
        equal(view_().free, ESCROW - 133 * (R + K), "locked");
    }

    function test_openBundle_atTheEdgesOfItsWindow() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        passBlocks(2);
        refused(IDataErrors.BlockTooEarly.selector, 103);
        vm.prank(ALICE);
        data.openBundle(bundle, SALT, CONTENT, SALT);
        passBlocks(1);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotContributor.selector, bundle, BOB));
        vm.prank(BOB);
        data.openBundle(bundle, SALT, CONTENT, SALT);
        vm.warp(START + 2 hours + 1);
        refused(IDataErrors.TooLate.selector, START + 2 hours);
        vm.prank(ALICE);
        data.openBundle(bundle, SALT, CONTENT, SALT);
        vm.warp(START + 2 hours);
        bytes32 computed = bundleCommitment(ALICE, SALT, CONTENT, 2);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CommitmentMismatch.selector, bundle, computed));
        vm.prank(ALICE);
        data.openBundle(bundle, SALT, CONTENT, SALT);
        refused(IDataErrors.TooEarly.selector, START + 2 hours);
        data.voidBundle(bundle);
        openNow(bundle);
        hasStage(bundle, BundleStage.Opened);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.BundleStageDiffers.selector, bundle, BundleStage.Opened));
        vm.prank(ALICE);
        data.openBundle(bundle, SALT, CONTENT, SALT);
    }

    function test_attest_paysTheMembers() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        openBundle(bundle);
        vm.warp(START + 3 hours);
        attestBundle(bundle);
        hasStage(bundle, BundleStage.Review);
        for (uint256 i = 0; i < QUORUM; ++i) {
            equal(owedBy(payeeOf(i)), RECEIPTS / QUORUM, "share");
        }
        equal(owedBy(payeeOf(3)), 0, "did not sign");
    }

    function test_openInline_isCheckedByTheChain() external {
        bytes[] memory samples = samplesFrom(0, 3);
        uint256 bundle = commitBundle(ALICE, samples, 0);
        passBlocks(3);
        vm.prank(ALICE);
        data.openInline(bundle, samples, SALT, schemaOf());
        hasStage(bundle, BundleStage.Review);
        equal(owedBy(ALICE), RECEIPTS, "nobody's receipts");
        equal(data.bundleOf(bundle).root, rootOf(samples), "root");
    }

    function test_openInline_refusals() external {
        bytes[] memory samples = samplesFrom(0, 3);
        samples[1] = hex"000111000000"; // 0x11 is above the maximum
        uint256 bundle = commitBundle(ALICE, samples, 0);
        passBlocks(3);
        vm.startPrank(ALICE);
        vm.expectRevert(SampleSchemas.SampleMisfit.selector);
        data.openInline(bundle, samples, SALT, schemaOf());
        bytes[] memory fewer = samplesFrom(0, 2);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.InlineInvalid.selector, 2, 12, 1024));
        data.openInline(bundle, fewer, SALT, schemaOf());
        samples[0] = new bytes(1024);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.InlineInvalid.selector, 3, 1036, 1024));
        data.openInline(bundle, samples, SALT, schemaOf());
        vm.expectPartialRevert(IDataErrors.CommitmentMismatch.selector);
        data.openInline(bundle, samplesFrom(1, 3), SALT, schemaOf());
        vm.stopPrank();
    }

    function test_epochs_byCountAndByTime() external {
        uint256 first = review(ALICE, samplesFrom(0, 3));
        toAnswer(first);
        data.settleBundle(first);
        uint256 start = view_().epochStart;
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.EpochNotDue.selector, 3, start + 10 days));
        data.closeEpoch(campaign);
        vm.warp(start + 10 days);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.EpochNotDue.selector, 3, start + 10 days));
        data.closeEpoch(campaign);
        vm.warp(start + 10 days + 1);
        data.closeEpoch(campaign);
        equal(view_().epochs, 1, "by time");
        uint256 second = review(ALICE, samplesFrom(10, 4));
        toAnswer(second);
        data.settleBundle(second);
        data.closeEpoch(campaign);
        equal(view_().epochs, 2, "by count");
        vm.warp(start + 100 days);
        vm.expectPartialRevert(IDataErrors.EpochNotDue.selector);
        data.closeEpoch(campaign);
    }

    function test_log_isAHashOfAllDecisions() external {
        openCampaign(Arbiter.Owner);
        uint256 bundle = review(ALICE, samplesFrom(0, 3));
        uint256 id = judgedBy(BOB, bundle, 1, sample(2, 3));
        toReveal(bundle);
        revealJudged(id, bundle, 1, sample(2, 3));
        toAnswer(bundle);
        data.settleBundle(bundle);
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 1, Outcome.Corrected);
        bytes32 root = data.bundleOf(bundle).root;
        bytes32 acc = keccak256(abi.encode(bytes32(0), bundle, ALL_SAMPLES, Outcome.Accepted, 2, root, bytes32(0)));
        acc = keccak256(abi.encode(acc, bundle, 1, Outcome.Corrected, 1, root, keccak256(sample(2, 3))));
        equal(view_().acc, acc, "hash of the log");
        equal(view_().accepted, 3, "two and the corrected one");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.DecisionUnknown.selector, 2));
        data.decisionAt(campaign, 2);
    }

    function test_challenge_unopened_isBurntWhenNobodyCanOpenIt() external {
        uint256 id = stakeOn(BOB, SALT);
        vm.warp(START + 9 hours);
        refused(IDataErrors.TooEarly.selector, START + 9 hours);
        data.burnChallenge(id);
        vm.warp(START + 9 hours + 1);
        data.burnChallenge(id);
        equal(burnt(), C, "burnt");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ChallengeStageDiffers.selector, id, ChallengeStage.Lost));
        data.burnChallenge(id);
    }

    function test_unknown() external {
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignUnknown.selector, SALT));
        data.challenge(SALT, SALT);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignUnknown.selector, SALT));
        data.closeEpoch(SALT);
        refused(IDataErrors.BundleUnknown.selector, 77);
        data.voidBundle(77);
        refused(IDataErrors.ChallengeUnknown.selector, 77);
        data.burnChallenge(77);
        equal(uint256(Ground.Judged), 0, "the ground that needs no proof is the first");
    }

    function _withWindow(uint256 which, uint32 length) private view returns (CampaignTerms memory with) {
        with = dataTerms(Arbiter.Jury);
        if (which == 0) with.openWindow = length;
        else if (which == 1) with.receiptWindow = length;
        else if (which == 2) with.reviewWindow = length;
        else if (which == 3) with.revealWindow = length;
        else if (which == 4) with.answerWindow = length;
        else if (which == 5) with.caseWindow = length;
        else if (which == 6) with.voteWindow = length;
        else if (which == 7) with.voteRevealWindow = length;
        else with.appealWindow = length;
    }

    function _invalid(CampaignTerms memory with, string memory term) private {
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignTermsInvalid.selector, term));
        data.open(with, schemaOf(), 1, 0);
    }

    function _valid(CampaignTerms memory with) private {
        data.open(with, schemaOf(), ++opened, 0);
    }
}
