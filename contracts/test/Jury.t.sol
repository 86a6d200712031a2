// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../src/interfaces/IAccounts.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {IJury} from "../src/data/interfaces/IJury.sol";
import {CaseStage, CaseView, CaseWindows, PoolTerms, PoolView, SlotView, Verdict} from "../src/data/types/Juries.sol";
import {JuryScene} from "./support/JuryScene.sol";

/// @title Slots, cases, draws and votes as they go when nobody is hostile, and what each call refuses
contract JuryTest is JuryScene {
    function setUp() external {
        stageJury();
    }

    function test_what_it_is_made_with() external {
        equal(jury.campaigns(), address(this), "campaigns");
        equal(jury.notice(), NOTICE, "notice");
        equal(jury.minimumWindow(), LEAST_WINDOW, "window");
        bytes memory short = creationOf("Jury", abi.encode(uint32(2 hours - 1), LEAST_WINDOW));
        vm.expectRevert(abi.encodeWithSelector(IJury.NoticeInvalid.selector, 2 hours - 1));
        this.deployFrom(short);
        bytes memory long = creationOf("Jury", abi.encode(uint32(30 days + 1), LEAST_WINDOW));
        vm.expectRevert(abi.encodeWithSelector(IJury.NoticeInvalid.selector, 30 days + 1));
        this.deployFrom(long);
    }

    function deployFrom(bytes memory creation) external {
        create(creation);
    }

    function test_join_stakes_a_unit_a_slot() external {
        uint256 first = join(jurorAt(0), pool(), 3);
        equal(first, 1, "first");
        equal(address(jury).balance, 3 * UNIT, "held");
        PoolView memory view_ = jury.poolOf(pool());
        equal(view_.size, 3, "size");
        equal(view_.waiting, 0, "waiting");
        SlotView memory slot = jury.slotOf(3);
        equal(slot.juror, jurorAt(0), "juror");
        equal(slot.pool, view_.id, "pool");
        isTrue(!slot.seated && slot.leavesAt == 0, "free");
        equal(join(jurorAt(1), pool(), 1), 4, "next");
    }

    function test_join_refuses() external {
        vm.expectRevert(abi.encodeWithSelector(IJury.SlotsInvalid.selector, 0));
        jury.join(pool(), 0);
        vm.expectRevert(abi.encodeWithSelector(IJury.SlotsInvalid.selector, 33));
        jury.join(pool(), 33);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 0, UNIT));
        jury.join(pool(), 1);
        PoolTerms memory terms = pool();
        terms.unit = 0;
        vm.expectRevert(abi.encodeWithSelector(IJury.UnitInvalid.selector, 0));
        jury.join(terms, 1);
        uint8[4] memory sizes = [1, 4, 17, 255];
        for (uint256 i = 0; i < 4; ++i) {
            terms = pool();
            terms.jurors = sizes[i];
            vm.expectRevert(abi.encodeWithSelector(IJury.JurorsInvalid.selector, sizes[i]));
            jury.join(terms, 1);
        }
        equal(jury.poolOf(pool()).id, 0, "no pool was left behind");
    }

    function test_resign_and_withdraw() external {
        uint256 slot = join(jurorAt(0), pool(), 1);
        joinMany(pool(), 1, 3);
        vm.expectRevert(abi.encodeWithSelector(IJury.NotTheJuror.selector, address(this), jurorAt(0)));
        jury.resign(slot);
        vm.expectRevert(abi.encodeWithSelector(IJury.NoticeNotOver.selector, slot, 0));
        jury.withdraw(slot);
        vm.prank(jurorAt(0));
        jury.resign(slot);
        uint256 leaves = vm.getBlockTimestamp() + NOTICE;
        equal(jury.slotOf(slot).leavesAt, leaves, "leaves");
        equal(jury.poolOf(pool()).size, 2, "off the list at once");
        vm.prank(jurorAt(0));
        vm.expectRevert(abi.encodeWithSelector(IJury.Leaving.selector, slot, leaves));
        jury.resign(slot);
        vm.warp(leaves - 1);
        vm.expectRevert(abi.encodeWithSelector(IJury.NoticeNotOver.selector, slot, leaves));
        jury.withdraw(slot);
        vm.warp(leaves);
        jury.withdraw(slot);
        equal(jury.owed(address(0), jurorAt(0)), UNIT, "credited");
        vm.expectRevert(abi.encodeWithSelector(IJury.SlotUnknown.selector, slot));
        jury.withdraw(slot);
        vm.prank(jurorAt(0));
        vm.expectRevert(abi.encodeWithSelector(IJury.SlotUnknown.selector, slot));
        jury.resign(slot);
        jury.collect(address(0), jurorAt(0), jurorAt(0));
        equal(jurorAt(0).balance, UNIT, "paid");
        vm.expectRevert(abi.encodeWithSelector(IAccounts.NothingOwed.selector, address(0), jurorAt(0)));
        jury.collect(address(0), jurorAt(0), jurorAt(0));
    }

    function test_only_campaigns_open_and_appeal() external {
        vm.startPrank(jurorAt(0));
        vm.expectRevert(abi.encodeWithSelector(IJury.NotCampaigns.selector, jurorAt(0)));
        jury.open(pool(), windows());
        vm.expectRevert(abi.encodeWithSelector(IJury.NotCampaigns.selector, jurorAt(0)));
        jury.appeal(1);
        vm.stopPrank();
    }

    function test_open_bounds_windows() external {
        for (uint256 i = 0; i < 3; ++i) {
            _expectWindow(i, LEAST_WINDOW - 1);
            _expectWindow(i, 30 days + 1);
        }
        uint32 most = 30 days - 2 * LEAST_WINDOW;
        bytes4 invalid = IJury.WindowInvalid.selector;
        vm.expectRevert(abi.encodeWithSelector(invalid, 30 days + 1, LEAST_WINDOW, 30 days));
        jury.open(pool(), CaseWindows(LEAST_WINDOW, most + 1, LEAST_WINDOW));
        jury.open(pool(), CaseWindows(LEAST_WINDOW, most, LEAST_WINDOW));
        PoolTerms memory terms = pool();
        terms.jurors = 6;
        vm.expectRevert(abi.encodeWithSelector(IJury.JurorsInvalid.selector, 6));
        jury.open(terms, windows());
    }

    function test_draw_needs_the_anchor_behind_it() external {
        joinMany(pool(), 0, 8);
        uint256 caseId = jury.open(pool(), windows());
        uint256 anchor = block.number + DELAY;
        equal(anchorOf(caseId), anchor, "anchor");
        advance(DELAY);
        vm.expectRevert(abi.encodeWithSelector(IJury.AnchorNotMined.selector, anchor));
        jury.draw(caseId);
        isTrue(drawBy(caseId, ANCHOR), "drawn");
        CaseView memory view_ = jury.caseOf(caseId);
        isTrue(view_.stage == CaseStage.Voting, "voting");
        equal(view_.first.drawnAt, vm.getBlockTimestamp(), "drawn at");
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, caseId, CaseStage.Voting));
        jury.draw(caseId);
    }

    function test_unknown_cases() external {
        bytes memory words = abi.encodeWithSelector(IJury.CaseUnknown.selector, 7);
        vm.expectRevert(words);
        jury.draw(7);
        vm.expectRevert(words);
        jury.appeal(7);
        vm.expectRevert(words);
        jury.close(7);
        vm.expectRevert(words);
        jury.commitVote(7, 0, 0, ANCHOR);
        vm.expectRevert(words);
        jury.revealVote(7, 0, 0, Verdict.Good, 0);
        vm.expectRevert(words);
        jury.release(7, 0, 0);
        vm.expectRevert(words);
        jury.result(7);
        vm.expectRevert(words);
        jury.seatOf(7, 0, 0);
        vm.expectRevert(words);
        jury.seat(7, 0, 0);
        vm.expectRevert(words);
        jury.caseOf(7);
    }

    /// @dev Windows to the second: the last one belongs to each.
    function test_windows_at_their_ends() external {
        uint256 caseId = seated(8);
        uint256 drawn = vm.getBlockTimestamp();
        _expectStage(caseId, CaseStage.Voting);
        jury.close(caseId);
        vm.warp(drawn + 1 hours);
        for (uint256 i = 0; i < 4; ++i) {
            commit(caseId, 0, i, Verdict.Good);
        }
        bytes32 late = commitmentBy(caseId, 0, 4, holderOf(caseId, 0, 4), Verdict.Good);
        vm.warp(drawn + 1 hours + 1);
        vm.prank(holderOf(caseId, 0, 4));
        _expectStage(caseId, CaseStage.Revealing);
        jury.commitVote(caseId, 0, 4, late);
        for (uint256 i = 0; i < 3; ++i) {
            if (i == 2) vm.warp(drawn + 3 hours);
            show(caseId, 0, i, Verdict.Good);
        }
        _expectStage(caseId, CaseStage.Revealing);
        jury.close(caseId);
        vm.warp(drawn + 3 hours + 1);
        bytes32 salt = saltOf(caseId, 0, 3);
        _expectStage(caseId, CaseStage.Counting);
        jury.revealVote(caseId, 0, 3, Verdict.Good, salt);
        _expectStage(caseId, CaseStage.Counting);
        jury.appeal(caseId);
        isTrue(jury.close(caseId) == Verdict.Good, "three of five");
        _expectStage(caseId, CaseStage.Appealable);
        jury.close(caseId);
        vm.warp(drawn + 6 hours + 1);
        isTrue(jury.caseOf(caseId).stage == CaseStage.Appealable, "the last second");
        vm.expectRevert(abi.encodeWithSelector(IJury.NotEnded.selector, caseId));
        jury.release(caseId, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IJury.NotEnded.selector, caseId));
        jury.seatOf(caseId, 0, 0);
        (bool ended,,) = jury.result(caseId);
        isTrue(!ended, "not ended");
        vm.warp(drawn + 6 hours + 2);
        _expectStage(caseId, CaseStage.Ended);
        jury.appeal(caseId);
        (ended,,) = jury.result(caseId);
        isTrue(ended, "ended");
    }

    /// @dev Every count of five votes, against the rule written anew.
    function test_counts() external {
        joinMany(pool(), 0, 5);
        bytes4 letters = "gbc-";
        uint256 state = vm.snapshotState();
        for (uint256 code = 0; code < 56; ++code) {
            bytes memory ballots = _multiset(code, letters);
            uint256 caseId = jury.open(pool(), windows());
            drawBy(caseId, ANCHOR);
            isTrue(decide(caseId, string(ballots)) == _ruled(ballots), string(ballots));
            vm.revertToState(state);
            state = vm.snapshotState();
        }
    }

    function test_coherent_seats_keep_their_stake_and_others_lose_it() external {
        uint256 caseId = seated(5);
        isTrue(decide(caseId, "bcbg-") == Verdict.Bad, "bad");
        finish(caseId);
        uint256 held = address(jury).balance;
        for (uint256 i = 0; i < 5; ++i) {
            (address juror, bool coherent) = jury.seatOf(caseId, 0, i);
            equal(juror, holderOf(caseId, 0, i), "juror");
            isTrue(coherent == (i < 3), "BAD and corrected are of one mind");
        }
        releaseAll(caseId, 0, 5);
        equal(jury.poolOf(pool()).size, 3, "back on the list");
        equal(jury.owed(address(0), NOBODY), 0, "nothing is burnt");
        for (uint256 i = 0; i < 3; ++i) {
            equal(jury.owed(address(0), holderOf(caseId, 0, i)), 2 * (UNIT / 3), "a third of each lost unit");
        }
        equal(address(jury).balance, held, "nothing moved");
        uint256 slot = jury.seat(caseId, 0, 4).slot;
        equal(jury.slotOf(slot).juror, address(0), "gone");
        vm.expectRevert(abi.encodeWithSelector(IJury.SeatReleased.selector, caseId, 0, 4));
        jury.release(caseId, 0, 4);
        vm.expectRevert(abi.encodeWithSelector(IJury.SeatUnknown.selector, caseId, 0, 5));
        jury.release(caseId, 0, 5);
        vm.expectRevert(abi.encodeWithSelector(IJury.SeatUnknown.selector, caseId, 1, 0));
        jury.seatOf(caseId, 1, 0);
    }

    function test_without_a_decision_the_silent_lose_and_nobody_earns() external {
        uint256 caseId = seated(5);
        isTrue(decide(caseId, "gb---") == Verdict.None, "too few");
        finish(caseId);
        releaseAll(caseId, 0, 5);
        equal(jury.poolOf(pool()).size, 2, "voters are back");
        equal(jury.owed(address(0), NOBODY), 3 * UNIT, "the silent are not");
        (, bool coherent) = jury.seatOf(caseId, 0, 0);
        isTrue(!coherent, "no pay");
    }

    function test_an_appeal_is_judged_by_others_and_counts_for_all() external {
        uint256 caseId = seated(16);
        decide(caseId, "ggggb");
        appealed(caseId, keccak256("second anchor"));
        isTrue(jury.caseOf(caseId).second.size == 11, "2n + 1");
        for (uint256 i = 0; i < 11; ++i) {
            for (uint256 j = 0; j < 5; ++j) {
                isTrue(holderOf(caseId, 1, i) != holderOf(caseId, 0, j), "others");
            }
        }
        isTrue(decide(caseId, "ccccccbbbbg") == Verdict.Corrected, "corrected");
        (bool ended, Verdict verdict, bool overturned) = jury.result(caseId);
        isTrue(ended && verdict == Verdict.Corrected && overturned, "the second verdict, at once");
        releaseAll(caseId, 0, 5);
        releaseAll(caseId, 1, 11);
        equal(jury.owed(address(0), holderOf(caseId, 0, 4)), 4 * UNIT, "the four others of the first jury");
        equal(jury.owed(address(0), holderOf(caseId, 1, 0)), UNIT / 10, "a tenth of one of the second");
        equal(jury.owed(address(0), holderOf(caseId, 1, 9)), UNIT / 10, "BAD and corrected alike");
        (, bool coherent) = jury.seatOf(caseId, 0, 4);
        isTrue(coherent, "the first jury's dissenter was right");
    }

    function test_a_second_jury_that_does_not_decide_leaves_the_first_verdict() external {
        uint256 caseId = seated(16);
        decide(caseId, "bbbbb");
        appealed(caseId, ANCHOR);
        isTrue(decide(caseId, "-----------") == Verdict.None, "silence");
        (bool ended, Verdict verdict, bool overturned) = jury.result(caseId);
        isTrue(ended && verdict == Verdict.Bad && !overturned, "bad");
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, caseId, CaseStage.Ended));
        jury.appeal(caseId);
    }

    function test_bad_and_corrected_are_no_overturning() external {
        uint256 caseId = seated(16);
        decide(caseId, "bbbbb");
        appealed(caseId, ANCHOR);
        decide(caseId, all("c", 11));
        (, Verdict verdict, bool overturned) = jury.result(caseId);
        isTrue(verdict == Verdict.Corrected && !overturned, "of one mind on BAD");
    }

    function _expectWindow(uint256 which, uint256 window) private {
        CaseWindows memory with = windows();
        if (which == 0) with.vote = uint32(window);
        else if (which == 1) with.reveal = uint32(window);
        else with.appeal = uint32(window);
        vm.expectRevert(abi.encodeWithSelector(IJury.WindowInvalid.selector, window, LEAST_WINDOW, 30 days));
        jury.open(pool(), with);
    }

    function _expectStage(uint256 caseId, CaseStage stage) private {
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, caseId, stage));
    }

    /// @dev The five letters of a number below 56, ascending: all ways to choose five of four letters.
    function _multiset(uint256 code, bytes4 letters) private pure returns (bytes memory out) {
        out = new bytes(5);
        uint256 seen = 0;
        for (uint256 word = 0; word < 1024; ++word) {
            bool ascending = true;
            for (uint256 i = 0; i < 5; ++i) {
                uint256 digit = (word >> 2 * i) & 3;
                if (i != 4 && digit > ((word >> 2 * (i + 1)) & 3)) ascending = false;
                out[i] = letters[digit];
            }
            if (ascending && seen++ == code) return out;
        }
    }

    function _ruled(bytes memory ballots) private pure returns (Verdict) {
        uint256[3] memory counts;
        for (uint256 i = 0; i < 5; ++i) {
            if (ballots[i] == "g") ++counts[0];
            if (ballots[i] == "b") ++counts[1];
            if (ballots[i] == "c") ++counts[2];
        }
        uint256 votes = counts[0] + counts[1] + counts[2];
        if (votes < 3) return Verdict.None;
        if (counts[0] * 2 > votes) return Verdict.Good;
        if ((counts[1] + counts[2]) * 2 <= votes) return Verdict.None;
        return counts[2] * 2 > votes ? Verdict.Corrected : Verdict.Bad;
    }
}
