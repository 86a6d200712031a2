// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PoolTerms, Verdict} from "../src/data/types/Juries.sol";
import {JuryScene} from "./support/JuryScene.sol";
import {Refusing} from "./support/Recipients.sol";
import {Token} from "./support/Tokens.sol";

/// @title Where the units of jurors go that were wrong or silent
contract JurySharesTest is JuryScene {
    function setUp() external {
        stageJury();
    }

    /// @dev Any votes of both juries: each unit that is lost is divided in the jury where it was lost, and none is made.
    function test_every_lost_unit_is_divided_in_its_jury(uint256 votes, bool appealed_) external {
        PoolTerms memory terms = _oddPool();
        joinMany(terms, 0, 16);
        uint256 caseId = jury.open(terms, windows());
        drawBy(caseId, ANCHOR);
        string[2] memory ballots = [_ballots(votes, 5), _ballots(votes >> 128, 11)];
        decide(caseId, ballots[0]);
        if (appealed_) {
            appealed(caseId, ANCHOR);
            decide(caseId, ballots[1]);
        }
        finish(caseId);
        (, Verdict verdict,) = jury.result(caseId);
        uint256 rounds = appealed_ ? 2 : 1;
        for (uint256 round = 0; round < rounds; ++round) {
            _expectShares(caseId, round, ballots[round], verdict, terms);
        }
        equal(_sumOf(terms) + _staked() * terms.unit, 16 * uint256(terms.unit), "nothing made or lost");
    }

    /// @dev A unit that does not divide: the rest is burnt, and each seat has the same whoever releases first.
    function test_what_does_not_divide_is_burnt() external {
        PoolTerms memory terms = _oddPool();
        joinMany(terms, 0, 5);
        uint256 caseId = jury.open(terms, windows());
        drawBy(caseId, ANCHOR);
        decide(caseId, "gg-gb");
        finish(caseId);
        jury.release(caseId, 0, 4);
        equal(jury.owed(terms.token, holderOf(caseId, 0, 0)), 3, "ten among three");
        equal(jury.owed(terms.token, holderOf(caseId, 0, 3)), 3, "each alike");
        equal(jury.owed(terms.token, NOBODY), 1, "the rest");
        jury.release(caseId, 0, 0);
        jury.release(caseId, 0, 2);
        equal(jury.owed(terms.token, holderOf(caseId, 0, 0)), 6, "released before the other was");
    }

    /// @dev A first jury that was wrong to a seat: nobody there was right, so all of it is burnt, and none is the second's.
    function test_where_nobody_was_right_all_is_burnt() external {
        uint256 caseId = seated(16);
        decide(caseId, "ggggg");
        appealed(caseId, ANCHOR);
        decide(caseId, all("b", 11));
        releaseAll(caseId, 0, 5);
        equal(jury.owed(address(0), NOBODY), 5 * UNIT, "burnt");
        equal(jury.owed(address(0), holderOf(caseId, 1, 0)), 0, "not of another jury");
    }

    /// @dev A unit too small for its seats is burnt: nobody gets a part of nothing.
    function test_a_unit_smaller_than_the_jury() external {
        PoolTerms memory terms = _oddPool();
        terms.unit = 3;
        joinMany(terms, 0, 5);
        uint256 caseId = jury.open(terms, windows());
        drawBy(caseId, ANCHOR);
        decide(caseId, "ggggb");
        finish(caseId);
        jury.release(caseId, 0, 4);
        equal(jury.owed(terms.token, NOBODY), 3, "burnt");
    }

    /// @dev A juror whose account refuses or burns all gas stops nobody: shares are credits.
    function test_a_refusing_juror_stops_nobody() external {
        address refusing = address(new Refusing());
        join(refusing, pool(), 2);
        joinMany(pool(), 0, 3);
        uint256 caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        bytes memory ballots = "ggggg";
        for (uint256 i = 0; i < 5; ++i) {
            if (holderOf(caseId, 0, i) == jurorAt(0)) ballots[i] = "b";
        }
        decide(caseId, string(ballots));
        finish(caseId);
        releaseAll(caseId, 0, 5);
        equal(jury.owed(address(0), refusing), 2 * (UNIT / 4), "credited for both its seats");
        equal(jury.owed(address(0), jurorAt(1)), UNIT / 4, "the others too");
    }

    /// @dev Who sits on many seats and is silent keeps the case from a decision, and loses all its units to nobody.
    function test_many_silent_seats_gain_nobody_anything() external {
        join(address(0xBAD), pool(), 3);
        joinMany(pool(), 0, 2);
        uint256 caseId = jury.open(pool(), windows());
        drawBy(caseId, ANCHOR);
        bytes memory ballots = "ggggg";
        for (uint256 i = 0; i < 5; ++i) {
            if (holderOf(caseId, 0, i) == address(0xBAD)) ballots[i] = "-";
        }
        isTrue(decide(caseId, string(ballots)) == Verdict.None, "no decision");
        finish(caseId);
        releaseAll(caseId, 0, 5);
        equal(jury.owed(address(0), NOBODY), 3 * UNIT, "burnt");
        equal(jury.owed(address(0), jurorAt(0)), 0, "none of it to who voted");
        equal(jury.poolOf(pool()).size, 2, "whose stakes are back");
    }

    /// @dev Who has more seats than a majority needs may vote both ways with them, and has a part of what it loses in an appeal
    /// back. s (n + 1) / 2 is lost wholly only where the right seats are all others'.
    function test_a_majority_with_more_seats_hedges() external {
        uint256 caseId = seated(16);
        decide(caseId, "gggbb");
        appealed(caseId, ANCHOR);
        decide(caseId, all("b", 11));
        releaseAll(caseId, 0, 5);
        uint256 hedged = jury.owed(address(0), holderOf(caseId, 0, 3));
        // Of w = 3 wrong seats, and 2 right ones of which h = 1 is another's.
        equal(3 * UNIT - hedged, 3 * UNIT / 2, "w s h / (n - w) is lost");
    }

    /// @dev Jurors that err equally often have, on average, what they lost.
    function test_who_errs_in_turn_loses_nothing_on_average() external {
        joinMany(pool(), 0, 5);
        // Each of five errs once in five cases.
        for (uint256 i = 0; i < 5; ++i) {
            uint256 caseId = jury.open(pool(), windows());
            drawBy(caseId, keccak256(abi.encode(i)));
            bytes memory ballots = "ggggg";
            for (uint256 seat = 0; seat < 5; ++seat) {
                if (holderOf(caseId, 0, seat) == jurorAt(i)) ballots[seat] = "b";
            }
            decide(caseId, string(ballots));
            finish(caseId);
            releaseAll(caseId, 0, 5);
            join(jurorAt(i), pool(), 1);
        }
        for (uint256 i = 0; i < 5; ++i) {
            equal(jury.owed(address(0), jurorAt(i)), UNIT, "what it paid for its second slot");
        }
    }

    function _oddPool() private returns (PoolTerms memory) {
        return PoolTerms(address(new Token()), 10, 1, 5, 1);
    }

    function _ballots(uint256 votes, uint256 size) private pure returns (string memory) {
        bytes4 letters = "gbc-";
        bytes memory out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            out[i] = letters[(votes >> 2 * i) & 3];
        }
        return string(out);
    }

    /// @dev Releases a jury seat by seat, and compares what every account has with the rule written anew.
    function _expectShares(
        uint256 caseId,
        uint256 round,
        string memory ballots,
        Verdict verdict,
        PoolTerms memory terms
    ) private {
        bytes memory each = bytes(ballots);
        uint256 right = 0;
        for (uint256 i = 0; i < each.length; ++i) {
            if (_isRight(each[i], verdict)) ++right;
        }
        for (uint256 seat = 0; seat < each.length; ++seat) {
            bool kept = verdict == Verdict.None ? each[seat] != "-" : _isRight(each[seat], verdict);
            uint256 share = kept || right == 0 ? 0 : terms.unit / right;
            uint256[] memory before = _creditsOf(caseId, round, each.length, terms.token);
            jury.release(caseId, round, seat);
            uint256[] memory now_ = _creditsOf(caseId, round, each.length, terms.token);
            for (uint256 i = 0; i < each.length; ++i) {
                equal(now_[i] - before[i], _isRight(each[i], verdict) ? share : 0, "share");
            }
            uint256 burnt = kept ? 0 : terms.unit - share * right;
            equal(now_[each.length] - before[each.length], burnt, "burnt");
        }
    }

    /// @dev What the accounts of a jury's seats can collect, and at the end what is burnt.
    function _creditsOf(uint256 caseId, uint256 round, uint256 seats, address token)
        private
        view
        returns (uint256[] memory out)
    {
        out = new uint256[](seats + 1);
        for (uint256 i = 0; i < seats; ++i) {
            out[i] = jury.owed(token, holderOf(caseId, round, i));
        }
        out[seats] = jury.owed(token, NOBODY);
    }

    function _isRight(bytes1 vote, Verdict verdict) private pure returns (bool) {
        if (verdict == Verdict.None || vote == "-") return false;
        return (vote == "g") == (verdict == Verdict.Good);
    }

    function _sumOf(PoolTerms memory terms) private view returns (uint256 sum) {
        sum = jury.owed(terms.token, NOBODY);
        for (uint256 i = 0; i < 16; ++i) {
            sum += jury.owed(terms.token, jurorAt(i));
        }
    }

    function _staked() private view returns (uint256 count) {
        for (uint256 i = 1; i <= 16; ++i) {
            if (jury.slotOf(i).juror != address(0)) ++count;
        }
    }
}
