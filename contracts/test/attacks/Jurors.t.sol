// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJury} from "../../src/data/interfaces/IJury.sol";
import {CaseStage, PoolTerms, Verdict} from "../../src/data/types/Juries.sol";
import {Funds} from "../../src/libraries/Funds.sol";
import {JuryScene} from "../support/JuryScene.sol";
import {Refusing} from "../support/Recipients.sol";
import {FeeToken, FalseToken, LyingToken} from "../support/Tokens.sol";

/// @title What jurors, parties and flooders try on the jury
contract JurorAttackTest is JuryScene {
    function setUp() external {
        stageJury();
    }

    /// @dev Neither who joins nor who resigns once the list is fixed changes who is drawn.
    function test_joining_and_resigning_after_the_anchor_change_no_draw() external {
        joinMany(pool(), 0, 12);
        uint256 caseId = jury.open(pool(), windows());
        advance(1);
        uint256 state = vm.snapshotState();
        drawBy(caseId, ANCHOR);
        address[5] memory expected;
        for (uint256 i = 0; i < 5; ++i) {
            expected[i] = holderOf(caseId, 0, i);
        }
        vm.revertToState(state);
        join(address(0xBAD), pool(), 32);
        passAnchor(caseId, ANCHOR);
        for (uint256 i = 0; i < 12; ++i) {
            vm.prank(jurorAt(i));
            jury.resign(i + 1);
        }
        jury.draw(caseId);
        for (uint256 i = 0; i < 5; ++i) {
            equal(holderOf(caseId, 0, i), expected[i], "the same jurors");
        }
    }

    /// @dev Who resigned to flee from a seat holds it all the same, loses its stake when silent, and can go when it votes.
    function test_resigning_is_no_way_out_of_a_seat() external {
        joinMany(pool(), 0, 5);
        uint256 caseId = jury.open(pool(), windows());
        advance(1);
        for (uint256 i = 0; i < 5; ++i) {
            vm.prank(jurorAt(i));
            jury.resign(i + 1);
        }
        drawBy(caseId, ANCHOR);
        decide(caseId, "gggg-");
        elapse(NOTICE);
        uint256 slot = jury.seat(caseId, 0, 0).slot;
        vm.expectRevert(abi.encodeWithSelector(IJury.SlotSeated.selector, slot));
        jury.withdraw(slot);
        releaseAll(caseId, 0, 5);
        jury.withdraw(slot);
        equal(
            jury.owed(address(0), holderOf(caseId, 0, 0)),
            UNIT + UNIT / 4,
            "given back, with a fourth of the silent one's"
        );
        equal(jury.poolOf(pool()).size, 0, "nobody came back on the list");
    }

    /// @dev A flood that joined and left leaves no holes: the next draw finds the honest at once.
    function test_a_flood_of_joins_and_resignations_leaves_no_holes() external {
        joinMany(pool(), 0, 2);
        uint256 first = join(address(0xBAD), pool(), 32);
        joinMany(pool(), 2, 5);
        for (uint256 i = 0; i < 32; ++i) {
            vm.prank(address(0xBAD));
            jury.resign(first + i);
        }
        equal(jury.poolOf(pool()).size, 5, "size");
        uint256 caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        uint256 seen = 0;
        for (uint256 i = 0; i < 5; ++i) {
            seen |= 1 << (uint160(holderOf(caseId, 0, i)) - 0x70000);
        }
        equal(seen, 31, "each of the five once");
    }

    /// @dev No slot has two seats, of one case or of several; a juror has as many as it has slots.
    function test_no_slot_sits_twice(bytes32 hash) external {
        // The chain has no hash of 0: it stands for one that was forgotten.
        vm.assume(hash != 0);
        join(address(0xB16), pool(), 6);
        joinMany(pool(), 0, 5);
        uint256 first = jury.open(pool(), windows());
        uint256 second = jury.open(pool(), windows());
        drawBy(first, hash);
        drawBy(second, keccak256(abi.encode(hash)));
        uint256 seen = 0;
        for (uint256 i = 0; i < 10; ++i) {
            uint256 slot = jury.seat(i < 5 ? first : second, 0, i % 5).slot;
            isTrue(seen >> slot & 1 == 0, "drawn twice");
            seen |= 1 << slot;
        }
    }

    /// @dev A copied commitment is of another juror, seat or round, so the copy cannot be revealed.
    function test_a_copied_commitment_is_worth_nothing() external {
        uint256 caseId = seated(5);
        commit(caseId, 0, 0, Verdict.Bad);
        bytes32 copied = jury.seat(caseId, 0, 0).commitment;
        vm.prank(holderOf(caseId, 0, 1));
        jury.commitVote(caseId, 0, 1, copied);
        elapse(windows().vote + 1);
        show(caseId, 0, 0, Verdict.Bad);
        bytes32 salt = saltOf(caseId, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IJury.VoteDiffers.selector, caseId, 1));
        jury.revealVote(caseId, 0, 1, Verdict.Bad, salt);
        vm.expectRevert(abi.encodeWithSelector(IJury.VoteRevealed.selector, caseId, 0));
        jury.revealVote(caseId, 0, 0, Verdict.Bad, salt);
    }

    function test_votes_that_are_not_taken() external {
        uint256 caseId = seated(5);
        vm.expectRevert(abi.encodeWithSelector(IJury.NotTheJuror.selector, address(this), holderOf(caseId, 0, 0)));
        jury.commitVote(caseId, 0, 0, ANCHOR);
        vm.expectRevert(abi.encodeWithSelector(IJury.RoundDiffers.selector, 1, 0));
        jury.commitVote(caseId, 1, 0, ANCHOR);
        vm.expectRevert(abi.encodeWithSelector(IJury.SeatUnknown.selector, caseId, 0, 5));
        jury.commitVote(caseId, 0, 5, ANCHOR);
        vm.startPrank(holderOf(caseId, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(IJury.VoteCommitmentInvalid.selector, caseId, 0));
        jury.commitVote(caseId, 0, 0, 0);
        jury.commitVote(caseId, 0, 0, ANCHOR);
        vm.expectRevert(abi.encodeWithSelector(IJury.VoteCommitmentInvalid.selector, caseId, 0));
        jury.commitVote(caseId, 0, 0, ANCHOR);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, caseId, CaseStage.Voting));
        jury.revealVote(caseId, 0, 0, Verdict.Good, 0);
    }

    /// @dev A draw that nobody asked for gets another anchor; who waits gains nothing that another cannot prevent in 256 blocks.
    function test_a_forgotten_anchor_is_replaced() external {
        joinMany(pool(), 0, 5);
        uint256 caseId = jury.open(pool(), windows());
        uint256 anchor = anchorOf(caseId);
        advance(DELAY + 257);
        isTrue(!jury.draw(caseId), "forgotten");
        isTrue(anchorOf(caseId) == block.number + DELAY && anchorOf(caseId) > anchor, "another");
        isTrue(drawBy(caseId, ANCHOR), "drawn");
    }

    /// @dev Blocks so slow that a notice ends before the chain forgets: what may be withdrawn is drawn for nothing.
    function test_a_list_older_than_a_notice_is_not_drawn_from() external {
        joinMany(pool(), 0, 5);
        uint256 caseId = jury.open(pool(), windows());
        passAnchor(caseId, ANCHOR);
        elapse(NOTICE);
        isTrue(!jury.draw(caseId), "too old");
        isTrue(drawBy(caseId, ANCHOR), "drawn");
    }

    /// @dev Another branch has another hash: other jurors, and votes of the first branch are of nobody.
    function test_a_reorganised_anchor_draws_others() external {
        joinMany(pool(), 0, 40);
        uint256 caseId = jury.open(pool(), windows());
        uint256 state = vm.snapshotState();
        drawBy(caseId, ANCHOR);
        address before = holderOf(caseId, 0, 0);
        vm.revertToState(state);
        drawBy(caseId, keccak256("another branch"));
        address juror = holderOf(caseId, 0, 0);
        isTrue(juror != before, "others");
        vm.prank(before);
        vm.expectRevert(abi.encodeWithSelector(IJury.NotTheJuror.selector, before, juror));
        jury.commitVote(caseId, 0, 0, ANCHOR);
    }

    /// @dev One after the other: nobody chooses a jury by the order of the draws.
    function test_juries_of_a_pool_are_drawn_in_turn() external {
        joinMany(pool(), 0, 12);
        uint256 first = jury.open(pool(), windows());
        uint256 second = jury.open(pool(), windows());
        equal(anchorOf(second), 0, "no anchor before its turn");
        advance(20);
        vm.expectRevert(abi.encodeWithSelector(IJury.NotItsTurn.selector, second, first));
        jury.draw(second);
        drawBy(first, ANCHOR);
        equal(anchorOf(second), block.number + DELAY, "its turn");
    }

    /// @dev In a pool that is too small a jury waits, ends after three days without harm to anybody, and no money is locked.
    function test_a_pool_too_small_ends_without_a_decision() external {
        joinMany(pool(), 0, 4);
        uint256 caseId = jury.open(pool(), windows());
        isTrue(!drawBy(caseId, ANCHOR), "too few");
        isTrue(jury.caseOf(caseId).stage == CaseStage.Queued, "waits");
        elapse(DRAW_PERIOD);
        jury.draw(caseId);
        (bool ended, Verdict verdict,) = jury.result(caseId);
        isTrue(ended && verdict == Verdict.None, "ended");
        (address juror, bool coherent) = jury.seatOf(caseId, 0, 0);
        isTrue(juror == address(0) && !coherent, "nobody sat");
        vm.expectRevert(abi.encodeWithSelector(IJury.StageDiffers.selector, caseId, CaseStage.Ended));
        jury.appeal(caseId);
        equal(jury.poolOf(pool()).size, 4, "jurors are as they were");
        equal(jury.poolOf(pool()).waiting, 0, "nothing waits");
    }

    /// @dev Resigning once the anchor is known does not end a jury, though the pool has become too small and the time is over.
    function test_who_dislikes_a_draw_cannot_end_it_by_resigning() external {
        joinMany(pool(), 0, 4);
        uint256 caseId = jury.open(pool(), windows());
        advance(1);
        elapse(DRAW_PERIOD + 1);
        uint256 slot = join(address(0xBAD), pool(), 1);
        advance(1);
        isTrue(!jury.draw(caseId), "it can be filled now, so it is not ended");
        passAnchor(caseId, ANCHOR);
        vm.prank(address(0xBAD));
        jury.resign(slot);
        isTrue(jury.draw(caseId), "drawn");
    }

    /// @dev An appeal that the pool cannot fill lets the next case go first, and the first verdict stays.
    function test_an_appeal_beyond_the_pool_holds_nobody_up() external {
        uint256 caseId = seated(10);
        decide(caseId, "bbbbb");
        jury.appeal(caseId);
        uint256 other = jury.open(pool(), windows());
        isTrue(!drawBy(caseId, ANCHOR), "5 of 11");
        isTrue(drawBy(other, ANCHOR), "the next");
        elapse(DRAW_PERIOD);
        jury.draw(caseId);
        (bool ended, Verdict verdict, bool overturned) = jury.result(caseId);
        isTrue(ended && verdict == Verdict.Bad && !overturned, "as the first jury said");
        releaseAll(caseId, 0, 5);
        equal(jury.owed(address(0), NOBODY), 0, "nobody lost");
    }

    function test_tokens_that_keep_or_move_nothing_are_refused() external {
        PoolTerms memory terms = pool();
        terms.token = address(new FeeToken());
        _expectNotReceived(terms);
        terms.token = address(new LyingToken());
        _expectNotReceived(terms);
    }

    /// @dev A token or an account that refuses keeps nothing but its own money from anybody.
    function test_refusals_lock_no_stake() external {
        FalseToken token = new FalseToken();
        PoolTerms memory terms = pool();
        terms.token = address(token);
        uint256 slot = join(jurorAt(0), terms, 1);
        vm.prank(jurorAt(0));
        jury.resign(slot);
        elapse(NOTICE);
        jury.withdraw(slot);
        token.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, jurorAt(0), UNIT));
        jury.collect(address(token), jurorAt(0), jurorAt(0));
        token.refuse(false);
        jury.collect(address(token), jurorAt(0), jurorAt(0));
        equal(token.balanceOf(jurorAt(0)), UNIT, "paid");
        address refusing = address(new Refusing());
        uint256 other = join(refusing, pool(), 1);
        vm.prank(refusing);
        jury.resign(other);
        elapse(NOTICE);
        jury.withdraw(other);
        vm.prank(refusing);
        jury.collect(address(0), refusing, jurorAt(1));
        equal(jurorAt(1).balance, UNIT, "sent elsewhere");
    }

    /// @dev 20 cases, 19 of them BAD (pi = .95): who always says BAD without looking ends below who looks, at c = .01 a look, with
    /// the stake and the pay of the design. The bound is (1 - pi)(s + F/n) >= c.
    function test_a_blind_juror_loses_against_one_that_looks() external {
        (uint256 looking, uint256 blind) = _careers(pool());
        isTrue(looking > blind, "looking pays");
        PoolTerms memory cheap = pool();
        cheap.unit = 0.05 ether;
        (looking, blind) = _careers(cheap);
        isTrue(looking < blind, "with a stake below the bound it does not");
    }

    /// @dev Turning a jury takes more than half of its stakes, which an appeal takes: more than D + R + K + C = 7.5.
    function test_a_bribe_costs_more_than_what_is_before_the_jury() external {
        uint256 caseId = seated(16);
        isTrue(decide(caseId, "ggbbb") == Verdict.Bad, "two bribed of five turn nothing");
        caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        isTrue(decide(caseId, "gggbb") == Verdict.Good, "three do");
        joinMany(pool(), 20, 30);
        appealed(caseId, ANCHOR);
        decide(caseId, all("b", 11));
        releaseAll(caseId, 0, 5);
        equal(jury.owed(address(0), holderOf(caseId, 0, 3)), 3 * UNIT / 2, "half of s (n + 1) / 2");
        equal(jury.owed(address(0), holderOf(caseId, 0, 4)), 3 * UNIT / 2, "the other half");
        isTrue(3 * UNIT > 7.5 ether, "more than the value");
    }

    function _expectNotReceived(PoolTerms memory terms) private {
        LyingToken token = LyingToken(terms.token);
        token.mint(address(this), UNIT);
        token.approve(address(jury), UNIT);
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, terms.token, UNIT));
        jury.join(terms, 1);
    }

    /// @dev What 20 cases leave a juror that votes the truth and looks, and one that says BAD: pay, less stakes and looks, and 1000.
    function _careers(PoolTerms memory terms) private returns (uint256 looking, uint256 blind) {
        (looking, blind) = (1000 ether - 20 * 0.01 ether, 1000 ether);
        joinMany(terms, 0, 5);
        for (uint256 i = 0; i < 20; ++i) {
            uint256 caseId = jury.open(terms, windows());
            drawBy(caseId, keccak256(abi.encode(i)));
            decide(caseId, i == 7 ? "ggggb" : "bbbbb");
            finish(caseId);
            looking += _gain(terms, caseId, 0);
            blind = blind + _gain(terms, caseId, 4);
            if (i == 7) {
                blind -= terms.unit;
                join(jurorAt(5), terms, 1);
            }
            address right = holderOf(caseId, 0, 0);
            uint256 before = jury.owed(address(0), right);
            releaseAll(caseId, 0, 5);
            uint256 share = jury.owed(address(0), right) - before;
            equal(share, i == 7 ? terms.unit / 4 : 0, "a fourth");
            looking += share;
        }
    }

    function _gain(PoolTerms memory terms, uint256 caseId, uint256 index) private view returns (uint256) {
        (, bool coherent) = jury.seatOf(caseId, 0, index);
        return coherent ? terms.pay : 0;
    }
}
