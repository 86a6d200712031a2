// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../../src/data/interfaces/IDataErrors.sol";
import {Arbiter, CampaignTerms, DisputeStage, Ground, Outcome} from "../../src/data/types/Campaigns.sol";
import {DataAttempts} from "../support/DataAttempts.sol";

/// @title Who locks others' money, has it freed twice, or keeps samples out
contract DataEscrowAttacksTest is DataAttempts {
    bytes private constant NONE = "";

    function setUp() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
    }

    /// @dev Who opens what nobody vouches for has its deposits back: locking escrow costs a fee for receipts a bundle, so
    /// `maxBundle` says how many samples a fee locks.
    function test_floodThatOpens_paysReceiptsForEveryBundle() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        with.maxBundle = 10;
        openCampaign(with);
        funded(MALLORY, 11 * D + RECEIPTS);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CountInvalid.selector, 11, 10));
        vm.prank(MALLORY);
        data.commit{value: 11 * D + RECEIPTS}(campaign, 11, SALT);
        uint256[5] memory bundles;
        for (uint256 i = 0; i < 5; ++i) {
            bundles[i] = commitBundle(MALLORY, samplesFrom(10 * i, 10));
        }
        equal(view_().free, ESCROW - 50 * (R + K), "locked");
        passBlocks(3);
        for (uint256 i = 0; i < 5; ++i) {
            openNow(bundles[i]);
        }
        elapse(3 hours + 1);
        for (uint256 i = 0; i < 5; ++i) {
            data.voidBundle(bundles[i]);
        }
        equal(owedBy(MALLORY), 50 * D, "deposits");
        equal(burnt(), 5 * RECEIPTS, "five fees for five windows");
        equal(view_().free, ESCROW, "free again");
        equal(view_().held, 0, "room again");
    }

    /// @dev Bundle and samples in either order, each once: what is locked comes free once.
    function test_settlingInAnyOrder_freesOnce() external {
        (uint256 bundle,) = disputed(NONE);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        data.settleBundle(bundle);
        _expectSettled(bundle);
        equal(view_().free, ESCROW - R, "R of the sample that was accepted");
        (bundle,) = disputed(NONE);
        data.settleBundle(bundle);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        _expectSettled(bundle);
        equal(view_().free, ESCROW - 2 * R, "the same");
        equal(view_().held, 2, "two");
    }

    /// @dev A false label does not keep the true one out: what was found bad is no original of what comes later.
    function test_falseLabel_doesNotKeepTheTrueOneOut() external {
        (uint256 bad, uint256 copy, uint256 id) = _again(true);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, bad, 0));
        this.tryDuplicate(id, copy, 0, bad, 0);
        toAnswer(copy);
        data.settleBundle(copy);
        equal(owedBy(CAROL), R + D, "paid");
    }

    /// @dev A copy that was committed to before its original was found bad is one: no challenger is trapped by a late concession.
    function test_lateConcession_trapsNoChallenger() external {
        (uint256 bad, uint256 copy, uint256 id) = _again(false);
        vm.prank(ALICE);
        data.concede(bad, 0);
        proveDuplicate(id, copy, 0, bad, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Bad);
    }

    /// @dev A copy of a hidden sample is VOID, and another that comes after that is shown as a copy of the one that counts.
    function test_voidSample_isNoOriginal() external {
        uint256 hidden = commitBundle(ALICE, samplesFrom(0, 1));
        uint256 copy = review(MALLORY, samplesFrom(0, 1));
        openNow(hidden);
        attestBundle(hidden);
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(id, copy, 0, hidden, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Void);
        uint256 third = review(MALLORY, samplesFrom(0, 1));
        id = challengeAs(BOB, third, 0, Ground.Duplicate, NONE);
        toReveal(third);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, copy, 0));
        this.tryDuplicate(id, third, 0, copy, 0);
        proveDuplicate(id, third, 0, hidden, 0);
    }

    function _expectSettled(uint256 bundle) private {
        vm.expectRevert(
            abi.encodeWithSelector(IDataErrors.DisputeStageDiffers.selector, bundle, 0, DisputeStage.Settled)
        );
        data.settleSample(bundle, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IDataErrors.DisputeStageDiffers.selector, bundle, 1, DisputeStage.Unknown)
        );
        data.settleSample(bundle, 1);
        vm.expectRevert();
        data.settleBundle(bundle);
    }

    /// @dev Alice's sample with a false label is challenged, and conceded if so said; then Carol commits to the same with another
    /// label, against which Bob holds a challenge that may be opened.
    function _again(bool concededBefore) private returns (uint256 bad, uint256 copy, uint256 id) {
        bytes[] memory samples = samplesFrom(0, 1);
        samples[0][1] = 0x02;
        if (concededBefore) {
            (bad,) = disputed(NONE);
            vm.prank(ALICE);
            data.concede(bad, 0);
            copy = review(CAROL, samples);
        } else {
            bad = review(ALICE, samplesFrom(0, 2));
            uint256 judged = judgedBy(BOB, bad, 0, NONE);
            elapse(4 hours);
            copy = review(CAROL, samples);
            vm.warp(data.bundleOf(bad).since + 9 hours);
            revealJudged(judged, bad, 0, NONE);
            vm.warp(data.bundleOf(copy).since + 4 hours);
        }
        id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        if (concededBefore) toReveal(copy);
        else toAnswer(bad);
    }
}
