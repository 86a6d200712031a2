// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CaseStage, CaseWindows, Verdict} from "../../src/data/types/Juries.sol";
import {JuryScene} from "../support/JuryScene.sol";

/// @title Who tries to leave a case or an appeal without jurors, and how many slots of others prevent it
contract SmallPoolAttackTest is JuryScene {
    function setUp() external {
        stageJury();
    }

    /// @dev Who keeps all jurors busy with cases of its own, for F each, delays the cases of others and ends none.
    function test_cases_that_keep_all_jurors_busy_end_no_other_case() external {
        joinMany(pool(), 0, 5);
        CaseWindows memory slow = CaseWindows(10 days, 10 days, 10 days);
        uint256 own = jury.open(pool(), slow);
        drawBy(own, ANCHOR);
        uint256 caseId = jury.open(pool(), windows());
        advance(DELAY + 1);
        elapse(DRAW_PERIOD);
        isTrue(!jury.draw(caseId), "nobody is free");
        isTrue(jury.caseOf(caseId).stage == CaseStage.Queued, "it waits for them");
        elapse(20 days);
        jury.close(own);
        elapse(10 days + 1);
        releaseAll(own, 0, 5);
        isTrue(!drawBy(caseId, ANCHOR), "the silent of that case are gone: nobody is to come");
        (bool ended,,) = jury.result(caseId);
        isTrue(ended, "so it ends");
        joinMany(pool(), 5, 10);
        caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        uint256 next = jury.open(pool(), windows());
        advance(DELAY + 1);
        isTrue(!jury.draw(next), "nobody is free");
        decide(caseId, "ggggg");
        finish(caseId);
        elapse(DRAW_PERIOD);
        releaseAll(caseId, 0, 5);
        isTrue(!drawBy(next, ANCHOR), "the list was fixed before");
        isTrue(drawBy(next, ANCHOR), "drawn once they are");
    }

    /// @dev Two appeals that hold their first juries wait for nobody: neither could ever be drawn.
    function test_two_appeals_do_not_wait_for_each_other() external {
        joinMany(pool(), 0, 16);
        uint256[2] memory cases;
        for (uint256 i = 0; i < 2; ++i) {
            cases[i] = jury.open(pool(), windows());
            drawBy(cases[i], ANCHOR);
        }
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                commit(cases[j], 0, i, Verdict.Good);
            }
        }
        elapse(3 hours + 2);
        for (uint256 j = 0; j < 2; ++j) {
            jury.close(cases[j]);
            jury.appeal(cases[j]);
        }
        elapse(DRAW_PERIOD + 1);
        for (uint256 j = 0; j < 2; ++j) {
            isTrue(!drawBy(cases[j], ANCHOR), "6 of 11");
            (bool ended,,) = jury.result(cases[j]);
            isTrue(ended, "ended");
        }
    }

    /// @dev Who resigns all its slots before an appeal takes it away only if the others have fewer than 3n + 1: n of them sat on
    /// the first jury, and 2n + 1 are to sit on the second.
    function test_resigning_takes_an_appeal_away_only_from_small_pools(uint8 honest) external {
        honest = uint8(11 + honest % 10);
        uint256 first = join(address(0xBAD), pool(), 20);
        uint256 caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR); // the attacker's alone
        joinMany(pool(), 0, 5);
        for (uint256 i = 5; i < honest; ++i) {
            join(jurorAt(i), pool(), 1);
        }
        decide(caseId, "ggggg");
        for (uint256 i = 0; i < 20; ++i) {
            if (jury.slotOf(first + i).seated) continue;
            vm.prank(address(0xBAD));
            jury.resign(first + i);
        }
        isTrue(jury.poolOf(pool()).size == honest, "the others");
        jury.appeal(caseId);
        isTrue(drawBy(caseId, ANCHOR), "eleven of them sit");
    }

    /// @dev With the first jury of their own, 15 honest slots are one too few and 16 are enough, whatever others do.
    function test_pools_need_slots_for_both_juries() external {
        for (uint256 honest = 15; honest < 17; ++honest) {
            uint256 state = vm.snapshotState();
            joinMany(pool(), 0, honest);
            uint256 caseId = jury.open(pool(), windows());
            drawBy(caseId, ANCHOR);
            decide(caseId, "gggbb");
            jury.appeal(caseId);
            isTrue(drawBy(caseId, ANCHOR) == (honest == 16), "3n + 1");
            vm.revertToState(state);
        }
    }
}
