// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJury} from "../src/data/interfaces/IJury.sol";
import {Arbiter, CampaignTerms, DisputeStage, Outcome} from "../src/data/types/Campaigns.sol";
import {CaseStage, PoolTerms, Verdict} from "../src/data/types/Juries.sol";
import {DataScene} from "./support/DataScene.sol";

/// @title Campaigns before the jury that they made: cases from their opening to the jurors' pay
contract DataJuryTest is DataScene {
    uint256 private constant JURORS = 16;
    uint128 private constant UNIT = 3 ether;

    IJury private _jury;
    uint256 private _bundle;
    uint256 private _case;

    function setUp() external {
        stageData();
        _jury = data.jury();
        openCampaign(Arbiter.Jury);
        for (uint256 i = 0; i < JURORS; ++i) {
            vm.deal(_juror(i), UNIT);
            vm.prank(_juror(i));
            _jury.join{value: UNIT}(PoolTerms(token, UNIT, F / 5, 5, committee), 1);
        }
        passBlocks(1);
        (_bundle,) = disputed("");
        toCase(_bundle);
        data.openCase(_bundle, 0, noProof(), schemaOf());
        _case = data.disputeOf(_bundle, 0).caseId;
    }

    function test_jury_isTheCampaignsOwn() external {
        equal(_jury.campaigns(), address(data), "campaigns");
        vm.expectRevert(abi.encodeWithSelector(IJury.NotCampaigns.selector, address(this)));
        _jury.appeal(_case);
    }

    /// @dev Who has a committee of its own brings cases about what nobody can read; those who joined for another stay out of them.
    function test_attack_casesOfAnotherCommittee() external {
        CampaignTerms memory with = dataTerms(Arbiter.Jury);
        with.committeeId = createCommittee(1, 7);
        PoolTerms memory own = PoolTerms(token, UNIT, F / 5, 5, committee);
        equal(_jury.poolOf(own).waiting, 1, "the case of the committee that they joined for");
        openCampaign(with);
        bytes[] memory samples = samplesFrom(30, 1);
        uint256 bundle = commitBundle(ALICE, samples, 0);
        passBlocks(3);
        vm.prank(ALICE);
        data.openInline(bundle, samples, SALT, schemaOf());
        uint256 id = judgedBy(BOB, bundle, 0, "");
        toReveal(bundle);
        revealJudged(id, bundle, 0, "");
        toCase(bundle);
        data.openCase(bundle, 0, noProof(), schemaOf());
        equal(_jury.poolOf(own).waiting, 1, "still");
        own.committeeId = with.committeeId;
        equal(_jury.poolOf(own).waiting, 1, "a pool of its own");
        equal(_jury.poolOf(own).size, 0, "in which nobody is");
    }

    function test_verdictGood_paysJurorsAndContributor() external {
        _votes(0, 5, 4, Verdict.Good);
        elapse(1 hours + 1);
        data.settleSample(_bundle, 0);
        isAt(_bundle, 0, DisputeStage.Settled, Outcome.Accepted);
        equal(owedBy(ALICE), R + D + C - F, "contributor");
        uint256 paid = 0;
        for (uint256 seat = 0; seat < 5; ++seat) {
            data.claimJurorFee(_bundle, 0, 0, seat);
            _jury.release(_case, 0, seat);
            (address juror, bool coherent) = _jury.seatOf(_case, 0, seat);
            equal(owedBy(juror), coherent ? F / 5 : 0, "pay");
            paid += owedBy(juror);
        }
        equal(paid, 4 * (F / 5), "four of five");
        equal(burnt(), F / 5, "the fifth");
        equal(_jury.owed(token, _jury.seat(_case, 0, 0).juror), UNIT / 4, "and a fourth of its stake");
    }

    function test_appeal_turnsTheVerdict() external {
        _votes(0, 5, 5, Verdict.Good);
        vm.deal(BOB, F2);
        vm.prank(BOB);
        data.appeal{value: F2}(_bundle, 0);
        _votes(1, 11, 7, Verdict.Bad);
        data.settleSample(_bundle, 0);
        isAt(_bundle, 0, DisputeStage.Settled, Outcome.Bad);
        uint256 rest = D - F - F2;
        equal(owedBy(BOB), F2 + C + rest - rest / 2, "challenger");
        for (uint256 seat = 0; seat < 11; ++seat) {
            data.claimJurorFee(_bundle, 0, 1, seat);
        }
        for (uint256 seat = 0; seat < 5; ++seat) {
            data.claimJurorFee(_bundle, 0, 0, seat);
        }
        equal(data.disputeOf(_bundle, 0).pot, 0, "all of it");
        equal(burnt(), rest / 2 + F + 4 * (F2 / 11), "half, the first jury's, and four of the second's");
    }

    function test_nobodyVotes_accepted() external {
        _draw();
        elapse(2 hours + 1);
        _jury.close(_case);
        elapse(1 hours + 1);
        data.settleSample(_bundle, 0);
        isAt(_bundle, 0, DisputeStage.Settled, Outcome.Accepted);
        data.release(data.disputeOf(_bundle, 0).judged);
        equal(owedBy(BOB), C, "stake");
        for (uint256 seat = 0; seat < 5; ++seat) {
            _jury.release(_case, 0, seat);
        }
        equal(_jury.owed(token, address(0xdEaD)), 5 * UNIT, "silent jurors lose theirs");
    }

    function test_appeal_tooLate() external {
        _votes(0, 5, 5, Verdict.Good);
        elapse(1 hours + 1);
        vm.deal(BOB, F2);
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, _case, CaseStage.Ended));
        vm.prank(BOB);
        data.appeal{value: F2}(_bundle, 0);
        equal(BOB.balance, F2, "not taken");
    }

    /// @dev A jury is drawn; the first `agreeing` of its seats vote for a verdict, the others for the contrary.
    function _votes(uint256 round, uint256 seats, uint256 agreeing, Verdict verdict) private {
        _draw();
        Verdict contrary = verdict == Verdict.Good ? Verdict.Bad : Verdict.Good;
        for (uint256 seat = 0; seat < seats; ++seat) {
            address juror = _jury.seat(_case, round, seat).juror;
            Verdict own = seat < agreeing ? verdict : contrary;
            bytes32 commitment = _jury.commitmentOf(_case, round, seat, juror, own, SALT);
            vm.prank(juror);
            _jury.commitVote(_case, round, seat, commitment);
        }
        elapse(1 hours + 1);
        for (uint256 seat = 0; seat < seats; ++seat) {
            _jury.revealVote(_case, round, seat, seat < agreeing ? verdict : contrary, SALT);
        }
        elapse(1 hours + 1);
        _jury.close(_case);
    }

    function _draw() private {
        passBlocks(20);
        isTrue(_jury.draw(_case), "drawn");
    }

    function _juror(uint256 i) private pure returns (address) {
        return address(uint160(0x1090000 + i));
    }
}
