// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../../src/data/interfaces/IDataErrors.sol";
import {Arbiter, ChallengeStage, DisputeStage, Ground, Outcome} from "../../src/data/types/Campaigns.sol";
import {Verdict} from "../../src/data/types/Juries.sol";
import {DataAttempts} from "../support/DataAttempts.sol";

/// @title Who challenges what is good, twice, elsewhere, or with others' words
contract DataChallengeAttacksTest is DataAttempts {
    bytes private constant NONE = "";

    function setUp() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
    }

    function test_challenge_isOpenedOnce() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 id = judgedBy(BOB, bundle, 0, NONE);
        toReveal(bundle);
        revealJudged(id, bundle, 0, NONE);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ChallengeStageDiffers.selector, id, ChallengeStage.Opened));
        this.tryJudged(BOB, id, bundle, 0, NONE);
        equal(data.disputeOf(bundle, 0).challengers, 1, "counted once");
        equal(data.bundleOf(bundle).challenged, 1, "one sample");
    }

    function test_challenge_cannotBeMoved() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 other = review(CAROL, samplesFrom(10, 2));
        uint256 id = judgedBy(BOB, bundle, 0, NONE);
        toReveal(other);
        bytes4 mismatch = IDataErrors.CommitmentMismatch.selector;
        vm.expectPartialRevert(mismatch);
        this.tryJudged(BOB, id, bundle, 1, NONE);
        vm.expectPartialRevert(mismatch);
        this.tryJudged(BOB, id, other, 0, NONE);
        vm.expectPartialRevert(mismatch);
        this.tryJudged(BOB, id, bundle, 0, sample(2, 3));
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotChallenger.selector, id, MALLORY));
        this.tryJudged(MALLORY, id, bundle, 0, NONE);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.IndexOutside.selector, 2, 2));
        this.tryJudged(BOB, id, bundle, 2, NONE);
        bytes32 before = campaign;
        openCampaign(Arbiter.Owner);
        uint256 foreign = stakeOn(BOB, SALT);
        campaign = before;
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ChallengeOutside.selector, foreign, bundle));
        this.tryJudged(BOB, foreign, bundle, 0, NONE);
    }

    /// @dev Another's commitment, copied from the pool of transactions, opens for nobody else.
    function test_challenge_copied_cannotBeOpened() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        bytes32 stolen = challengeCommitment(BOB, bundle, 0, Ground.Judged, NONE);
        uint256 copy = stakeOn(MALLORY, stolen);
        toReveal(bundle);
        vm.expectPartialRevert(IDataErrors.CommitmentMismatch.selector);
        this.tryJudged(MALLORY, copy, bundle, 0, NONE);
    }

    function test_challenge_beforeOrAfterReview_isNone() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        openBundle(bundle);
        uint256 early = judgedBy(BOB, bundle, 0, NONE);
        attestBundle(bundle);
        uint256 start = data.bundleOf(bundle).since;
        vm.warp(start + 4 hours);
        uint256 last = judgedBy(BOB, bundle, 0, NONE);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.TooEarly.selector, start + 4 hours));
        this.tryJudged(BOB, last, bundle, 0, NONE);
        vm.warp(start + 4 hours + 1);
        uint256 late = judgedBy(BOB, bundle, 0, NONE);
        uint256[2] memory outside = [early, late];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDataErrors.ChallengeOutside.selector, outside[i], bundle));
            this.tryJudged(BOB, outside[i], bundle, 0, NONE);
        }
        uint256 state = vm.snapshotState();
        vm.warp(start + 9 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.TooLate.selector, start + 9 hours));
        this.tryJudged(BOB, last, bundle, 0, NONE);
        vm.revertToState(state);
        vm.warp(start + 9 hours);
        revealJudged(last, bundle, 0, NONE);
    }

    /// @dev Twenty challenge one sample: every end is one call, and each stake another.
    function test_manyChallengeOneSample() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256[20] memory ids;
        for (uint256 i = 0; i < 20; ++i) {
            ids[i] = judgedBy(address(uint160(0xF000 + i)), bundle, 0, NONE);
        }
        uint256 prover = challengeAs(CAROL, bundle, 0, Ground.Schema, NONE);
        toReveal(bundle);
        for (uint256 i = 20; i > 0; --i) {
            revealJudged(ids[i - 1], bundle, 0, NONE);
        }
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.SampleFitsSchema.selector, bundle, 0));
        this.trySchema(prover, bundle, 0);
        equal(data.bundleOf(bundle).challenged, 1, "one sample");
        equal(data.disputeOf(bundle, 0).judged, ids[0], "the earliest");
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        decide(bundle, 0, Verdict.Good, false);
        equal(owedBy(ALICE), R + D + 20 * C - F, "all stakes less one fee");
    }

    /// @dev A copy that is proven beats what an arbiter would say, and those who were right otherwise lose nothing.
    function test_proofBeatsJudgement_badBeatsVoid() external {
        uint256 hidden = commitBundle(ALICE, samplesFrom(0, 1));
        uint256 shown = review(CAROL, samplesFrom(0, 1));
        uint256 copy = review(MALLORY, samplesFrom(0, 1));
        openNow(hidden);
        attestBundle(hidden);
        uint256 own = challengeAs(MALLORY, copy, 0, Ground.Duplicate, NONE);
        uint256 judged = judgedBy(OWNER, copy, 0, NONE);
        uint256 proven = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(own, copy, 0, hidden, 0); // the milder one, to be first
        revealJudged(judged, copy, 0, NONE);
        proveDuplicate(proven, copy, 0, shown, 0);
        toAnswer(copy);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.ProvenAlready.selector, copy, 0));
        vm.prank(MALLORY);
        data.concede(copy, 0);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(BOB), HALF + F + C, "who proved the worse");
        data.release(own);
        data.release(judged);
        equal(owedBy(MALLORY), C, "a stake, and nothing of its deposit");
        equal(owedBy(OWNER), C, "a stake");
    }

    /// @dev False challenges cost their stakes, which are the contributor's.
    function test_falseChallenger_paysTheContributor() external {
        (uint256 bundle,) = inCase(NONE);
        decide(bundle, 0, Verdict.Good, false);
        equal(owedBy(BOB), 0, "lost");
        equal(owedBy(ALICE), R + D + C - F, "the stake less the fee");
        isTrue(C - F >= R, "it is more than another reward");
    }

    /// @dev Far enough apart, and honest: nobody proves anything.
    function test_nearCopier_outsideOfTau_isNoCopy() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        bytes[] memory near = samplesFrom(0, 1);
        near[0][2] = 0x03;
        uint256 other = review(CAROL, near);
        uint256 id = challengeAs(MALLORY, other, 0, Ground.Duplicate, NONE);
        toReveal(other);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotNear.selector, 3, 2));
        this.tryDuplicate(id, other, 0, bundle, 0);
        afterCase(other);
        data.burnChallenge(id);
        data.settleBundle(other);
        equal(owedBy(CAROL), R + D, "paid");
    }

    /// @dev After a reorganisation a bundle's number is another's: a challenge of the first is none of that.
    function test_reorganisation_challengeIsNoneOfAnotherBundle() external {
        uint256 state = vm.snapshotState();
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        bytes32 commitment = challengeCommitment(BOB, bundle, 0, Ground.Judged, NONE);
        vm.revertToState(state);
        uint256 other = review(CAROL, samplesFrom(10, 2));
        equal(other, bundle, "the same number");
        uint256 id = stakeOn(BOB, commitment);
        toReveal(other);
        vm.expectPartialRevert(IDataErrors.CommitmentMismatch.selector);
        this.tryJudged(BOB, id, other, 0, NONE);
    }
}
