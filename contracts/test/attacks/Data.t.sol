// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../../src/data/interfaces/IDataErrors.sol";
import {Arbiter, BundleStage, CampaignTerms, DisputeStage, Ground, Outcome} from "../../src/data/types/Campaigns.sol";
import {Verdict} from "../../src/data/types/Juries.sol";
import {ICommitteeRegistry} from "../../src/interfaces/ICommitteeRegistry.sol";
import {Forfeit} from "../../src/libraries/Forfeit.sol";
import {Attestation} from "../../src/types/Types.sol";
import {DataAttempts} from "../support/DataAttempts.sol";

/// @title Who tries to be paid for nothing, or to harm others, in campaigns
contract DataAttacksTest is DataAttempts {
    bytes private constant NONE = "";

    function setUp() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
    }

    /// @dev Alice's commitment is in the pool of transactions: a copy of it opens for nobody else.
    function test_copyOfAPendingContribution_cannotBeOpened() external {
        bytes[] memory samples = samplesFrom(0, 2);
        uint256 value = funded(MALLORY, 2 * D + RECEIPTS);
        bytes32 stolen = bundleCommitment(ALICE, rootOf(samples), CONTENT, 2);
        vm.prank(MALLORY);
        uint256 copy = data.commit{value: value}(campaign, 2, stolen);
        uint256 bundle = commitBundle(ALICE, samples);
        openBundle(bundle);
        vm.expectPartialRevert(IDataErrors.CommitmentMismatch.selector);
        vm.prank(MALLORY);
        data.openBundle(copy, rootOf(samples), CONTENT, SALT);
        elapse(3 hours);
        data.voidBundle(copy);
        equal(burnt(), value, "all that it paid");
    }

    /// @dev Mallory sees the opening in the pool of transactions, and commits to the same before it is mined.
    function test_copyOfAnOpening_comesAfterIt_andIsVoid() external {
        bytes[] memory samples = samplesFrom(0, 2);
        uint256 bundle = commitBundle(ALICE, samples);
        passBlocks(3);
        uint256 copy = commitBundle(MALLORY, samples);
        openNow(bundle);
        attestBundle(bundle);
        openBundle(copy);
        attestBundle(copy);
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(id, copy, 0, bundle, 0);
        // Alice's is no copy of Mallory's.
        uint256 against = challengeAs(MALLORY, bundle, 0, Ground.Duplicate, NONE);
        vm.expectPartialRevert(IDataErrors.ChallengeOutside.selector);
        this.tryDuplicate(against, bundle, 0, copy, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Void);
        equal(owedBy(MALLORY), D - F, "the deposit less the fee, and no reward");
        equal(owedBy(BOB), F + C, "who looked");
    }

    /// @dev What was there first cannot be shown as a copy of what came later.
    function test_original_isNoCopyOfItsCopy() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        uint256 copy = commitBundle(MALLORY, samplesFrom(0, 2));
        passBlocks(3);
        openNow(bundle);
        openNow(copy);
        attestBundle(copy);
        attestBundle(bundle);
        uint256 id = challengeAs(MALLORY, bundle, 0, Ground.Duplicate, NONE);
        toReveal(bundle);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, copy, 0));
        this.tryDuplicate(id, bundle, 0, copy, 0);
    }

    function test_nearDuplicate_ofWhatIsPublic_isBad() external {
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        bytes[] memory near = samplesFrom(0, 1);
        near[0][2] = 0x02; // a distance of two, with another label
        near[0][1] = 0x02;
        uint256 copy = review(MALLORY, near);
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(id, copy, 0, bundle, 0);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Bad);
        equal(owedBy(BOB), HALF + F + C, "half of D - F, and the fee");
        equal(burnt(), HALF, "half");
        equal(owedBy(MALLORY), 0, "nothing");
    }

    function test_nearDuplicate_withinABundle_isBad_theFirstStays() external {
        bytes[] memory samples = samplesFrom(0, 3);
        samples[2] = samples[0];
        uint256 bundle = review(MALLORY, samples);
        uint256 id = challengeAs(BOB, bundle, 2, Ground.Duplicate, NONE);
        uint256 wrong = challengeAs(BOB, bundle, 0, Ground.Duplicate, NONE);
        toReveal(bundle);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, bundle, 2));
        this.tryDuplicate(wrong, bundle, 0, bundle, 2);
        proveDuplicate(id, bundle, 2, bundle, 0);
        toAnswer(bundle);
        data.settleSample(bundle, 2);
        data.settleBundle(bundle);
        equal(owedBy(MALLORY), 2 * (R + D), "two of three");
    }

    function test_copyOfInitialData_isBad() external {
        bytes[] memory initial = samplesFrom(0, 3);
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        (with.initialRoot, with.initialCount, with.initialDigest) = (rootOf(initial), 3, CONTENT);
        openCampaign(with);
        for (uint256 i = 0; i < 3; ++i) {
            _samples[0].push(initial[i]);
        }
        uint256 copy = review(MALLORY, samplesFrom(1, 1));
        uint256 id = challengeAs(BOB, copy, 0, Ground.Duplicate, NONE);
        toReveal(copy);
        proveDuplicate(id, copy, 0, 0, 1);
        toAnswer(copy);
        data.settleSample(copy, 0);
        isAt(copy, 0, DisputeStage.Settled, Outcome.Bad);
    }

    /// @dev A bundle that nobody vouched for may be known to its contributor alone: it is no trap for others.
    function test_unavailableBundle_isPaidNothing_andNoOriginal() external {
        uint256 trap = commitBundle(MALLORY, samplesFrom(0, 2));
        openBundle(trap);
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 id = challengeAs(MALLORY, bundle, 0, Ground.Duplicate, NONE);
        toReveal(bundle);
        data.voidBundle(trap);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.NotOriginal.selector, trap, 0));
        this.tryDuplicate(id, bundle, 0, trap, 0);
        equal(owedBy(MALLORY), 2 * D, "deposits back");
        equal(burnt(), RECEIPTS, "the fee for receipts is not");
        hasStage(trap, BundleStage.Void);
        equal(view_().held, 2, "room again");
    }

    function test_sleepingContributor_losesAll_locksNothing() external {
        uint256 bundle = commitBundle(MALLORY, samplesFrom(0, 5));
        vm.warp(START + 2 hours);
        refused(IDataErrors.TooEarly.selector, START + 2 hours);
        data.voidBundle(bundle);
        vm.warp(START + 2 hours + 1);
        data.voidBundle(bundle);
        equal(burnt(), 5 * D + RECEIPTS, "burnt");
        equal(view_().free, ESCROW, "free");
        equal(view_().held, 0, "room");
    }

    /// @dev An insurer challenges its own bad sample, to be earliest if others do: unopened it costs C >= F + R.
    function test_insurer_paysMoreThanABadSampleBrings() external {
        uint256 bundle = review(MALLORY, samplesFrom(0, 1));
        uint256 id = judgedBy(MALLORY, bundle, 0, NONE);
        toAnswer(bundle);
        data.settleBundle(bundle);
        data.burnChallenge(id);
        isTrue(owedBy(MALLORY) < D + C, "less than it put in: the reward does not cover the stake");
        equal(owedBy(MALLORY), R + D, "stake burnt");
    }

    /// @dev Own sample, own challenge, own correction, conceded: all that comes back is less than what went in.
    function test_selfChallenger_loses() external {
        (uint256 bundle,) = _selfChallenge(sample(2, 3));
        vm.prank(MALLORY);
        data.concede(bundle, 0);
        equal(owedBy(MALLORY), F + HALF + K + C, "fee, half, correction, stake");
        isTrue(owedBy(MALLORY) < D + C, "a loss");
        equal(D + C - owedBy(MALLORY), HALF - K, "of what is burnt less K");
        equal(view_().held, 0, "nothing enters that nobody reviewed");
        equal(data.decisionAt(campaign, 0).correction, bytes32(0), "nor stands in the log");
    }

    /// @dev A farmer of corrections contests, and has its own correction confirmed.
    function test_farmer_loses_alsoByAVerdict() external {
        (uint256 bundle,) = _selfChallenge(sample(2, 3));
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        decide(bundle, 0, Verdict.Corrected, false);
        isTrue(owedBy(MALLORY) < D + C, "a loss");
        equal(D + C - owedBy(MALLORY), F + HALF - K, "and the jurors' fee");
    }

    /// @dev With the largest K that terms may have, farming brings nothing.
    function test_farmer_gainsNothing_onTheBestTerms() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        (with.correction, with.jurorStake) = (uint128(HALF), 4 ether);
        openCampaign(with);
        (uint256 bundle,) = _selfChallenge(sample(2, 3));
        vm.prank(MALLORY);
        data.concede(bundle, 0);
        equal(owedBy(MALLORY), D + C, "what it put in, less the receipts' fee and gas");
    }

    function test_silentOwner_accepts() external {
        openCampaign(Arbiter.Owner);
        (uint256 bundle, uint256 id) = disputed(NONE);
        afterCase(bundle);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.TooLate.selector, data.bundleOf(bundle).since + 22 hours));
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Bad);
        data.settleSample(bundle, 0);
        data.release(id);
        equal(owedBy(ALICE), R + D, "paid");
        equal(owedBy(BOB), C, "nothing lost");
    }

    function test_receipts_ofAnotherBundleCommitteeOrCampaign() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        uint256 other = commitBundle(ALICE, samplesFrom(0, 2));
        passBlocks(3);
        openNow(bundle);
        openNow(other);
        Attestation[] memory receipts = receiptsFor(other);
        bytes4 invalid = ICommitteeRegistry.AttestationInvalid.selector;
        vm.expectRevert(abi.encodeWithSelector(invalid, 0));
        data.attest(bundle, receipts);
        receipts = receiptsFor(campaign, bundle, rootOf(samplesFrom(0, 3)), 2);
        vm.expectRevert(abi.encodeWithSelector(invalid, 0));
        data.attest(bundle, receipts);
        receipts = receiptsFor(bundle);
        for (uint256 i = 0; i < QUORUM; ++i) {
            receipts[i].member = uint8(i + 1); // another committee's members, at other places
        }
        vm.expectRevert(abi.encodeWithSelector(invalid, 1));
        data.attest(bundle, receipts);
        receipts = receiptsFor(bundle);
        assembly ("memory-safe") {
            mstore(receipts, 2)
        }
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.TooFewAttestations.selector, 2, 3));
        data.attest(bundle, receipts);
        receipts = receiptsFor(bundle);
        data.attest(bundle, receipts);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.BundleStageDiffers.selector, bundle, BundleStage.Review));
        data.attest(bundle, receipts);
    }

    function test_receipts_tooLate() external {
        uint256 bundle = commitBundle(ALICE, samplesFrom(0, 2));
        openBundle(bundle);
        Attestation[] memory receipts = receiptsFor(bundle);
        vm.warp(START + 3 hours + 1);
        refused(IDataErrors.TooLate.selector, START + 3 hours);
        data.attest(bundle, receipts);
    }

    /// @dev A flood fills a campaign for as long as it pays D for each sample, which is gone unless it shows them.
    function test_flood_costsItsDeposits() external {
        uint256 value = funded(MALLORY, 133 * D + RECEIPTS);
        vm.prank(MALLORY);
        uint256 bundle = data.commit{value: value}(campaign, 133, SALT);
        funded(ALICE, D + RECEIPTS);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.EscrowTooLow.selector, 0.5 ether, R + K));
        vm.prank(ALICE);
        data.commit{value: D + RECEIPTS}(campaign, 1, SALT);
        elapse(2 hours + 1);
        data.voidBundle(bundle);
        vm.prank(ALICE);
        data.commit{value: D + RECEIPTS}(campaign, 1, SALT);
        equal(data.owed(token, Forfeit.NOBODY), value, "the flood's price");
    }

    function _selfChallenge(bytes memory correction) private returns (uint256 bundle, uint256 id) {
        bundle = review(MALLORY, samplesFrom(0, 1));
        id = judgedBy(MALLORY, bundle, 0, correction);
        toReveal(bundle);
        revealJudged(id, bundle, 0, correction);
        toAnswer(bundle);
    }
}
