// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../../src/data/interfaces/IDataErrors.sol";
import {Arbiter, CampaignTerms, DisputeStage, Ground, Outcome} from "../../src/data/types/Campaigns.sol";
import {DataAttempts} from "../support/DataAttempts.sol";

/// @title Two bundles that are near one another: of each pair one counts, whoever shows what when
/// @dev Reviews take four hours here, and receipts may take three.
contract DataTwinsTest is DataAttempts {
    bytes private constant NONE = "";
    uint256 private constant HALF_REVIEW = 2 hours;
    uint256 private first;
    uint256 private second;

    function setUp() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
        first = commitBundle(MALLORY, samplesFrom(0, 1));
        second = commitBundle(MALLORY, samplesFrom(0, 1));
        passBlocks(3);
    }

    /// @dev A transaction that is mined twice would be a copy of itself.
    function test_sameCommitment_isTakenOnce_fromAnAccount() external {
        bytes32 made = data.bundleOf(second).root;
        uint256 value = funded(MALLORY, 2 * (D + RECEIPTS)) / 2;
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CommitmentMade.selector, made));
        vm.prank(MALLORY);
        data.commit{value: value}(campaign, 1, made);
        funded(ALICE, value);
        vm.prank(ALICE);
        data.commit{value: value}(campaign, 1, made); // another's copy keeps nobody out, and opens for nobody
        openCampaign(Arbiter.Jury);
        vm.prank(MALLORY);
        data.commit{value: value}(campaign, 1, made);
    }

    function test_shownTogether_theFirstHasTheOriginal() external {
        _show(second);
        _show(first);
        _expectOneWay(second, first);
    }

    /// @dev A later one that was public before is the copy while there is half its review left to challenge it.
    function test_shownWithinHalfTheReview_theFirstHasTheOriginal() external {
        _show(second);
        openNow(first);
        elapse(HALF_REVIEW);
        attestBundle(first);
        _expectOneWay(second, first);
    }

    /// @dev A sleeping original is the copy once half of the review of what its owner showed instead is over.
    function test_shownAfterHalfTheReview_theSecondHasTheOriginal() external {
        openNow(first);
        _show(second);
        elapse(HALF_REVIEW + 1);
        attestBundle(first);
        _expectOneWay(first, second);
    }

    /// @dev Both are opened, and the receipts of the first are kept back until the second was paid: it is not paid too.
    function test_receiptsKeptBack_untilTheOtherIsPaid_areVoid() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        with.receiptWindow = 1 days;
        openCampaign(with);
        first = commitBundle(MALLORY, samplesFrom(0, 1));
        second = commitBundle(MALLORY, samplesFrom(0, 1));
        passBlocks(3);
        openNow(first);
        _show(second);
        toAnswer(second);
        data.settleBundle(second);
        equal(owedBy(MALLORY), R + D, "paid once");
        attestBundle(first);
        uint256 id = challengeAs(BOB, first, 0, Ground.Duplicate, NONE);
        toReveal(first);
        proveDuplicate(id, first, 0, second, 0);
        toAnswer(first);
        data.settleSample(first, 0);
        isAt(first, 0, DisputeStage.Settled, Outcome.Void);
        equal(owedBy(MALLORY), R + 2 * D - F, "and not twice");
    }

    /// @dev Two that nobody copied are near by chance, and the later one was faster: one of them counts.
    function test_independentContributors_oneIsPaid() external {
        first = commitBundle(ALICE, samplesFrom(10, 1));
        second = commitBundle(CAROL, samplesFrom(10, 1));
        passBlocks(3);
        _show(second);
        _show(first);
        uint256 one = challengeAs(BOB, first, 0, Ground.Duplicate, NONE);
        uint256 other = challengeAs(BOB, second, 0, Ground.Duplicate, NONE);
        toReveal(first);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, second, 0));
        this.tryDuplicate(one, first, 0, second, 0);
        proveDuplicate(other, second, 0, first, 0);
        toAnswer(first);
        data.settleSample(second, 0);
        data.settleBundle(first);
        equal(owedBy(ALICE), R + D, "paid");
        equal(owedBy(CAROL), D - F, "VOID");
    }

    /// @dev Whoever hands a bad sample in twice saves the deposit of the copy alone; a challenge that it keeps for that costs C
    /// if it is not opened, which is more than the sample brings.
    function test_twins_saveTheCopysDepositOnly() external {
        _show(second);
        _show(first);
        uint256 own = challengeAs(MALLORY, second, 0, Ground.Duplicate, NONE);
        uint256[2] memory judged = [judgedBy(BOB, first, 0, NONE), judgedBy(BOB, second, 0, NONE)];
        toReveal(first);
        revealJudged(judged[0], first, 0, NONE);
        revealJudged(judged[1], second, 0, NONE);
        uint256 state = vm.snapshotState();
        proveDuplicate(own, second, 0, first, 0);
        toAnswer(first);
        vm.prank(MALLORY);
        data.concede(first, 0);
        data.settleSample(second, 0);
        equal(owedBy(MALLORY), D + C + F, "the copy's deposit, its fee as who proved it, and F of the other");
        vm.revertToState(state);
        toAnswer(first);
        data.burnChallenge(own);
        equal(burnt(), C, "the stake");
        isTrue(C >= F + R, "which is more than the reward");
    }

    function _show(uint256 bundle) private {
        openNow(bundle);
        attestBundle(bundle);
    }

    /// @dev One is a copy of the other, VOID, and that is none of it.
    function _expectOneWay(uint256 copy, uint256 original) private {
        uint256 wrong = challengeAs(BOB, original, 0, Ground.Duplicate, NONE);
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(data.bundleOf(copy).since > data.bundleOf(original).since ? copy : original);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, copy, 0));
        this.tryDuplicate(wrong, original, 0, copy, 0);
        proveDuplicate(id, copy, 0, original, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Void);
    }
}
