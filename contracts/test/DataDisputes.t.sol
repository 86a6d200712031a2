// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {
    Arbiter,
    CampaignTerms,
    ChallengeStage,
    Decision,
    DisputeStage,
    Ground,
    Outcome
} from "../src/data/types/Campaigns.sol";
import {Verdict} from "../src/data/types/Juries.sol";
import {ConstantModel, EndlessModel} from "./support/DataDoubles.sol";
import {DataScene} from "./support/DataScene.sol";

/// @title Ends of samples that were challenged, to the unit
contract DataDisputesTest is DataScene {
    bytes private constant NONE = "";

    function setUp() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
    }

    function test_nobodyChallenges_accepted() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        vm.warp(data.bundleOf(bundle).since + 9 hours);
        refused(IDataErrors.TooEarly.selector, data.bundleOf(bundle).since + 9 hours);
        data.settleBundle(bundle);
        toAnswer(bundle);
        data.settleBundle(bundle);
        equal(owedBy(ALICE), 2 * (R + D), "rewards and deposits");
        equal(view_().free, ESCROW - 2 * R, "K came free");
        equal(view_().accepted, 2, "accepted");
        vm.expectRevert();
        data.settleBundle(bundle);
    }

    function test_conceded() external {
        (uint256 bundle,) = disputed(NONE);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(ALICE), F, "the fee goes back");
        equal(owedBy(BOB), HALF + C, "half of the rest, and the stake");
        equal(burnt(), HALF, "half is burnt");
        equal(view_().free, ESCROW - (R + K), "R + K of the sample are free again");
        equal(view_().held, 1, "room for another");
    }

    function test_conceded_withCorrection() external {
        bytes memory correction = sample(2, 3);
        (uint256 bundle, uint256 id) = disputed(correction);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(BOB), HALF + K + C, "K too");
        equal(view_().free, ESCROW - (R + K) - K, "R alone is free again");
        equal(view_().held, 1, "the correction does not enter");
        Decision memory decision = data.decisionAt(campaign, 0);
        equal(decision.correction, bytes32(0), "none");
        equal(data.challengeOf(id).digest, keccak256(correction), "known by its challenge");
    }

    function test_concede_inItsWindowOnly_byTheContributorOnly() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 start = data.bundleOf(bundle).since;
        uint256 id = judgedBy(BOB, bundle, 0, NONE);
        toReveal(bundle);
        revealJudged(id, bundle, 0, NONE);
        vm.warp(start + 9 hours);
        refused(IDataErrors.TooEarly.selector, start + 9 hours);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        vm.warp(start + 15 hours);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotContributor.selector, bundle, BOB));
        vm.prank(BOB);
        data.concede(bundle, 0);
        uint256 state = vm.snapshotState();
        vm.prank(ALICE);
        data.concede(bundle, 0);
        vm.revertToState(state);
        vm.warp(start + 15 hours + 1);
        refused(IDataErrors.TooLate.selector, start + 15 hours);
        vm.prank(ALICE);
        data.concede(bundle, 0);
    }

    function test_verdictBad() external {
        (uint256 bundle,) = inCase(NONE);
        decide(bundle, 0, Verdict.Bad, false);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(ALICE), 0, "nothing");
        equal(owedBy(BOB), HALF + C, "half of D - F, and the stake");
        equal(burnt(), HALF, "half of D - F");
        equal(data.disputeOf(bundle, 0).pot, F, "for jurors");
        equal(view_().free, ESCROW - (R + K), "R and K");
    }

    function test_verdictCorrected() external {
        (uint256 bundle,) = inCase(sample(2, 3));
        decide(bundle, 0, Verdict.Corrected, false);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Corrected);
        equal(owedBy(BOB), HALF + K + C, "with K");
        equal(view_().free, ESCROW - (R + K) - K, "R alone");
        equal(view_().held, 2, "the correction enters");
        equal(data.decisionAt(campaign, 0).correction, keccak256(sample(2, 3)), "and stands in the log");
    }

    function test_verdictCorrected_withoutACorrectionIsBad() external {
        (uint256 bundle,) = inCase(NONE);
        decide(bundle, 0, Verdict.Corrected, false);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(BOB), HALF + C, "no K");
    }

    function test_verdictGood() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 first = judgedBy(BOB, bundle, 0, NONE);
        uint256 second = judgedBy(CAROL, bundle, 0, NONE);
        toReveal(bundle);
        revealJudged(second, bundle, 0, NONE);
        revealJudged(first, bundle, 0, NONE);
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        decide(bundle, 0, Verdict.Good, false);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Accepted);
        equal(owedBy(ALICE), R + D + 2 * C - F, "all stakes less the fee");
        equal(view_().free, ESCROW - 2 * (R + K) + K, "K");
        refused(IDataErrors.StakeLost.selector, first);
        data.release(first);
        refused(IDataErrors.StakeLost.selector, second);
        data.release(second);
        equal(uint256(data.challengeOf(first).stage), uint256(ChallengeStage.Lost), "lost");
    }

    function test_severalRight_theEarliestIsPaid_othersHaveTheirStakes() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 first = judgedBy(BOB, bundle, 0, NONE);
        uint256 second = judgedBy(CAROL, bundle, 0, NONE);
        uint256 third = judgedBy(MALLORY, bundle, 0, NONE);
        toReveal(bundle);
        revealJudged(second, bundle, 0, NONE);
        revealJudged(first, bundle, 0, NONE);
        revealJudged(third, bundle, 0, NONE);
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        decide(bundle, 0, Verdict.Bad, false);
        equal(owedBy(BOB), HALF + C, "the earliest commitment, though it was opened later");
        data.release(second);
        equal(owedBy(CAROL), C, "stake");
        vm.expectRevert(
            abi.encodeWithSelector(IDataErrors.ChallengeStageDiffers.selector, second, ChallengeStage.Released)
        );
        data.release(second);
        vm.expectRevert(
            abi.encodeWithSelector(IDataErrors.ChallengeStageDiffers.selector, first, ChallengeStage.Released)
        );
        data.release(first);
    }

    function test_appeal_thatTurnsTheVerdict_isPaidByTheLoser() external {
        (uint256 bundle,) = inCase(NONE);
        _appeal(ALICE, bundle);
        decide(bundle, 0, Verdict.Good, true);
        equal(owedBy(ALICE), F2 + R + D + C - F - F2, "its fee back, the challenger's stake pays both juries");
        equal(data.disputeOf(bundle, 0).pot, F + F2, "both juries");
    }

    function test_appeal_thatTurnsToBad_isPaidByTheContributor() external {
        (uint256 bundle,) = inCase(NONE);
        _appeal(BOB, bundle);
        decide(bundle, 0, Verdict.Bad, true);
        uint256 rest = D - F - F2;
        equal(owedBy(BOB), F2 + rest - rest / 2 + C, "its fee back, and half of what is left");
        equal(burnt(), rest / 2, "half");
    }

    function test_appeal_inVain_paysTheJurors() external {
        (uint256 bundle,) = inCase(NONE);
        _appeal(ALICE, bundle);
        decide(bundle, 0, Verdict.Bad, false);
        equal(owedBy(ALICE), 0, "lost");
        equal(owedBy(BOB), HALF + C, "as without");
        equal(data.disputeOf(bundle, 0).pot, F + F2, "both");
    }

    function test_appeal_withoutJurors_costsNothing() external {
        (uint256 bundle,) = inCase(NONE);
        _appeal(ALICE, bundle);
        jury.leaveUndrawn(data.disputeOf(bundle, 0).caseId);
        decide(bundle, 0, Verdict.Bad, false);
        equal(owedBy(ALICE), F2, "its fee");
        equal(data.disputeOf(bundle, 0).pot, F, "the first jury's");
        vm.expectRevert();
        data.claimJurorFee(bundle, 0, 1, 2);
    }

    function test_noDecision_accepted_stakesBack() external {
        (uint256 bundle, uint256 id) = inCase(NONE);
        _appeal(CAROL, bundle);
        decide(bundle, 0, Verdict.None, false);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Accepted);
        equal(owedBy(ALICE), R + D, "as if nobody had challenged");
        equal(owedBy(CAROL), F2, "the appeal's fee");
        data.release(id);
        equal(owedBy(BOB), C, "stake");
        vm.expectRevert();
        data.claimJurorFee(bundle, 0, 0, 2);
    }

    function test_jurorFees_onceEach_burntForTheOthers() external {
        (uint256 bundle,) = inCase(NONE);
        _appeal(ALICE, bundle);
        decide(bundle, 0, Verdict.Bad, false);
        uint256 before = burnt();
        for (uint256 seat = 0; seat < 5; ++seat) {
            data.claimJurorFee(bundle, 0, 0, seat);
        }
        for (uint256 seat = 0; seat < 11; ++seat) {
            data.claimJurorFee(bundle, 0, 1, seat);
        }
        equal(owedBy(address(0x10002)), F / 5, "first jury");
        equal(owedBy(address(0x10102)), F2 / 11, "second jury");
        equal(burnt() - before, 2 * (F / 5) + 2 * (F2 / 11), "against the verdict");
        equal(data.disputeOf(bundle, 0).pot, 0, "nothing left");
        uint256 caseId = data.disputeOf(bundle, 0).caseId;
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NoJurorFee.selector, caseId, 0, 2));
        data.claimJurorFee(bundle, 0, 0, 2);
    }

    function test_jurorFees_ofSeatsThatThereAreNot() external {
        (uint256 bundle,) = inCase(NONE);
        decide(bundle, 0, Verdict.Bad, false);
        uint256 caseId = data.disputeOf(bundle, 0).caseId;
        uint256[2][4] memory seats = [[uint256(0), 5], [uint256(0), 256], [uint256(1), 0], [uint256(2), 0]];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDataErrors.NoJurorFee.selector, caseId, seats[i][0], seats[i][1]));
            data.claimJurorFee(bundle, 0, seats[i][0], seats[i][1]);
        }
        data.claimJurorFee(bundle, 0, 0, 2);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NoJurorFee.selector, caseId, 0, 2));
        data.claimJurorFee(bundle, 0, 0, 2);
    }

    function test_openCase_inItsWindowOnly() external {
        (uint256 bundle,) = disputed(NONE);
        uint256 start = data.bundleOf(bundle).since;
        vm.warp(start + 15 hours);
        refused(IDataErrors.TooEarly.selector, start + 15 hours);
        data.openCase(bundle, 0, noProof(), schemaOf());
        vm.warp(start + 22 hours + 1);
        refused(IDataErrors.TooLate.selector, start + 22 hours);
        data.openCase(bundle, 0, noProof(), schemaOf());
        vm.warp(start + 22 hours);
        data.openCase(bundle, 0, noProof(), schemaOf());
        (address of_, uint128 unit, uint128 pay, uint8 seats, uint64 members) = jury.pool();
        equal(members, committee, "the campaign's committee");
        equal(seats, 5, "seats of the pool");
        equal(of_, token, "token of the pool");
        equal(unit, 3 ether, "unit of the pool");
        equal(pay, F / 5, "pay of the pool");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotDecided.selector, 1));
        data.settleSample(bundle, 0);
    }

    function test_noCaseOpened_accepted() external {
        (uint256 bundle, uint256 id) = disputed(NONE);
        uint256 start = data.bundleOf(bundle).since;
        vm.warp(start + 22 hours);
        refused(IDataErrors.TooEarly.selector, start + 22 hours);
        data.settleSample(bundle, 0);
        afterCase(bundle);
        data.settleSample(bundle, 0);
        equal(owedBy(ALICE), R + D, "accepted");
        data.release(id);
        equal(owedBy(BOB), C, "stake");
        vm.expectRevert();
        data.settleSample(bundle, 0);
    }

    function test_ownerAsArbiter_badBurnsItsReward() external {
        openCampaign(Arbiter.Owner);
        (uint256 bundle,) = disputed(NONE);
        toCase(bundle);
        _verdict(bundle, Outcome.Bad);
        equal(burnt(), R + D, "reward and deposit");
        equal(owedBy(BOB), K + C, "K alone");
        equal(view_().free, ESCROW - 2 * (R + K), "the owner saves nothing");
    }

    function test_ownerAsArbiter_good() external {
        openCampaign(Arbiter.Owner);
        (uint256 bundle, uint256 id) = disputed(NONE);
        toCase(bundle);
        _verdict(bundle, Outcome.Accepted);
        equal(owedBy(ALICE), R + D + C, "the stake, and no fee of it");
        refused(IDataErrors.StakeLost.selector, id);
        data.release(id);
    }

    function test_ownerAsArbiter_corrects() external {
        openCampaign(Arbiter.Owner);
        (uint256 bundle,) = disputed(sample(2, 3));
        toCase(bundle);
        _verdict(bundle, Outcome.Corrected);
        equal(owedBy(BOB), K + C, "K once");
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Corrected);
    }

    function test_ownerAsArbiter_refusals() external {
        openCampaign(Arbiter.Owner);
        (uint256 bundle,) = disputed(NONE);
        toCase(bundle);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotCampaignOwner.selector, campaign, BOB));
        vm.prank(BOB);
        data.ownerVerdict(bundle, 0, Outcome.Bad);
        Outcome[3] memory none = [Outcome.None, Outcome.Void, Outcome.Corrected];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IDataErrors.VerdictInvalid.selector);
            _verdict(bundle, none[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ArbiterDiffers.selector, Arbiter.Owner));
        data.openCase(bundle, 0, noProof(), schemaOf());
        openCampaign(Arbiter.Jury);
        (bundle,) = disputed(NONE);
        toCase(bundle);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ArbiterDiffers.selector, Arbiter.Jury));
        _verdict(bundle, Outcome.Bad);
    }

    function test_modelAsArbiter_agrees_good() external {
        uint256 bundle = _modelDispute(address(new ConstantModel(1)));
        data.openCase(bundle, 0, proofOf(bundle, 0), schemaOf());
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Accepted);
        equal(owedBy(ALICE), R + D + C, "the whole stake");
    }

    function test_modelAsArbiter_otherwiseAJury() external {
        address[3] memory others = [address(new ConstantModel(2)), address(new EndlessModel()), address(0xDEAD1)];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 bundle = _modelDispute(others[i]);
            data.openCase(bundle, 0, proofOf(bundle, 0), schemaOf());
            isAt(bundle, 0, DisputeStage.Case, Outcome.None);
        }
    }

    function test_modelAsArbiter_withTheSampleOnly() external {
        uint256 bundle = _modelDispute(address(new ConstantModel(1)));
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ProofInvalid.selector, bundle, 0));
        data.openCase(bundle, 0, proofOf(bundle, 1), schemaOf());
    }

    function test_modelAsArbiter_cannotBeStarved() external {
        uint256 bundle = _modelDispute(address(new ConstantModel(1)));
        vm.expectRevert();
        data.openCase{gas: 2_500_000}(bundle, 0, proofOf(bundle, 0), schemaOf());
        isAt(bundle, 0, DisputeStage.Challenged, Outcome.None);
    }

    function _modelDispute(address model) private returns (uint256 bundle) {
        CampaignTerms memory with = dataTerms(Arbiter.Model);
        with.model = model;
        openCampaign(with);
        (bundle,) = disputed(NONE);
        toCase(bundle);
    }

    function _appeal(address who, uint256 bundle) private {
        uint256 value = funded(who, F2);
        vm.prank(who);
        data.appeal{value: value}(bundle, 0);
    }

    function _verdict(uint256 bundle, Outcome verdict) private {
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, verdict);
    }
}
