// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arbiter, Ground, Outcome} from "../src/data/types/Campaigns.sol";
import {Verdict} from "../src/data/types/Juries.sol";
import {SampleProof} from "../src/data/types/Samples.sol";
import {Attestation} from "../src/types/Types.sol";
import {DataScene} from "./support/DataScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the calls of campaigns
/// @dev Bundles of 64 samples of four features; the proofs of larger samples: `SampleVectorsTest`.
contract DataGasTest is DataScene, Snapshot {
    bytes private constant NONE = "";

    /// forge-config: default.isolate = true
    function test_gas() external {
        stageData();
        doubleJury();
        openCampaign(Arbiter.Jury);
        _note("open");
        uint256 bundle = _bundles();
        uint256[6] memory ids = _challenges(bundle);
        _reveals(ids, bundle);
        _ends(ids, bundle);
        _inline();
        _byOwners();
        settle("data");
    }

    function _bundles() private returns (uint256 bundle) {
        bundle = commitBundle(ALICE, samplesFrom(0, 64));
        _note("commit");
        bytes32 root = rootOf(samplesFrom(0, 64));
        passBlocks(3);
        vm.prank(ALICE);
        data.openBundle(bundle, root, CONTENT, SALT);
        _note("openBundle");
        Attestation[] memory receipts = receiptsFor(bundle);
        data.attest(bundle, receipts);
        _note("attest, 3 members");
    }

    function _challenges(uint256 bundle) private returns (uint256[6] memory ids) {
        ids[0] = judgedBy(BOB, bundle, 0, NONE);
        _note("challenge");
        ids[1] = judgedBy(BOB, bundle, 1, sample(2, 3));
        ids[2] = judgedBy(BOB, bundle, 2, NONE);
        ids[3] = judgedBy(CAROL, bundle, 0, NONE);
        ids[4] = challengeAs(CAROL, bundle, 3, Ground.Schema, NONE);
        ids[5] = stakeOn(BOB, SALT);
        toReveal(bundle);
    }

    function _reveals(uint256[6] memory ids, uint256 bundle) private {
        vm.prank(BOB);
        data.revealJudged(ids[0], bundle, 0, SALT, NONE, schemaOf());
        _note("revealJudged");
        vm.prank(BOB);
        data.revealJudged(ids[1], bundle, 1, SALT, sample(2, 3), schemaOf());
        _note("revealJudged, with a correction");
        vm.prank(BOB);
        data.revealJudged(ids[2], bundle, 2, SALT, NONE, schemaOf());
        vm.prank(CAROL);
        data.revealJudged(ids[3], bundle, 0, SALT, NONE, schemaOf());
        _note("revealJudged, of a sample that is challenged already");
    }

    function _ends(uint256[6] memory ids, uint256 bundle) private {
        toAnswer(bundle);
        data.settleBundle(bundle);
        _note("settleBundle");
        vm.prank(ALICE);
        data.concede(bundle, 1);
        _note("concede, with a correction");
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        jury.decide(1, Verdict.Bad, false);
        data.settleSample(bundle, 0);
        _note("settleSample, by a verdict");
        data.claimJurorFee(bundle, 0, 0, 2);
        _note("claimJurorFee");
        data.release(ids[3]);
        _note("release");
        data.burnChallenge(ids[5]);
        _note("burnChallenge");
        data.closeEpoch(campaign);
        _note("closeEpoch");
        afterCase(bundle);
        data.settleSample(bundle, 2);
        _note("settleSample, without a case");
        data.collect(token, ALICE, ALICE);
        _note("collect");
    }

    /// @dev Eight samples in the chain, one of which is a copy, and one with the real jury's case.
    function _inline() private {
        bytes[] memory samples = samplesFrom(70, 8);
        samples[7] = samples[0];
        uint256 bundle = commitBundle(ALICE, samples, 0);
        passBlocks(3);
        vm.prank(ALICE);
        data.openInline(bundle, samples, SALT, schemaOf());
        _note("openInline, 8 samples");
        uint256 id = challengeAs(BOB, bundle, 7, Ground.Duplicate, NONE);
        toReveal(bundle);
        SampleProof memory copy = proofOf(bundle, 7);
        SampleProof memory original = proofOf(bundle, 0);
        vm.prank(BOB);
        data.proveDuplicate(id, bundle, 7, SALT, copy, bundle, 0, original, schemaOf());
        _note("proveDuplicate");
        toAnswer(bundle);
        data.settleSample(bundle, 7);
        _note("settleSample, by proof");
        bundle = commitBundle(ALICE, samplesFrom(90, 1));
        elapse(2 hours + 1);
        data.voidBundle(bundle);
        _note("voidBundle");
        samples = samplesFrom(95, 2);
        samples[1] = hex"0001110000000000";
        bundle = review(ALICE, samples);
        id = challengeAs(BOB, bundle, 1, Ground.Schema, NONE);
        uint256 judged = judgedBy(CAROL, bundle, 0, NONE);
        toReveal(bundle);
        SampleProof memory bad = proofOf(bundle, 1);
        vm.prank(BOB);
        data.proveSchema(id, bundle, 1, SALT, bad, schemaOf());
        _note("proveSchema");
        vm.prank(CAROL);
        data.revealJudged(judged, bundle, 0, SALT, NONE, schemaOf());
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        _note("openCase, with a double of the jury");
    }

    function _byOwners() private {
        uint256 value = funded(CAROL, 1 ether);
        vm.prank(CAROL);
        data.fund{value: value}(campaign, 1 ether);
        _note("fund");
        (uint256 bundle,) = inCase(NONE);
        value = funded(CAROL, F2);
        vm.prank(CAROL);
        data.appeal{value: value}(bundle, 0);
        _note("appeal, with a double of the jury");
        vm.prank(OWNER);
        data.close(campaign);
        _note("close");
        data.withdraw(campaign);
        _note("withdraw");
        openCampaign(Arbiter.Owner);
        (bundle,) = disputed(NONE);
        toCase(bundle);
        vm.prank(OWNER);
        data.ownerVerdict(bundle, 0, Outcome.Bad);
        _note("ownerVerdict");
    }

    function _note(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
