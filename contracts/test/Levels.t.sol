// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Pay} from "../src/libraries/Pay.sol";
import {RoundView, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {LevellingVerifier} from "./support/StubVerifier.sol";

/// @title Pay by level: the seam between a verifier that gives levels and what owners get
contract LevelsTest is Scene {
    uint128 private constant BASE = 100;
    uint128 private constant BONUS = 900;
    uint256 private constant OWNERS = 16;
    bytes private constant EVERYBODY = hex"0000000100020003000400050006000700080009000a000b000c000d000e000f";

    LevellingVerifier private _verifier;
    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _verifier = new LevellingVerifier();
        TaskTerms memory t = gradedTerms(address(_verifier));
        (t.basePay, t.bonusPay) = (BASE, BONUS);
        _task = createTask(t);
        enrol(_task, 0, OWNERS);
        fund(_task, 1_000_000);
        openRound(_task, OWNERS);
    }

    function test_claim_byLevel() external {
        _accept(0, 4, 0x1b); // levels 3, 2, 1, 0
        close(_task, 0);
        market.claim(_task, 1, EVERYBODY);
        uint256 all = 4 * uint256(BONUS);
        equal(ownerAddress(0).balance, BASE + all * 3 / 6, "level 3");
        equal(ownerAddress(1).balance, BASE + all * 2 / 6, "level 2");
        equal(ownerAddress(2).balance, BASE + all * 1 / 6, "level 1");
        equal(ownerAddress(3).balance, BASE, "level 0");
    }

    /// @dev Who is put together with whom makes no difference: all bonuses of a round are divided in it.
    function test_claim_ofTheRoundNotOfTheBatch() external {
        _accept(0, 2, 0x0f); // levels 3, 3
        _accept(2, 4, 0x55); // levels 1, 1, 1, 1
        RoundView memory state = market.round(_task, 0);
        equal(state.levels, 10, "levels");
        equal(market.levels(_task, 0, 0), 0x55f, "each");
        close(_task, 0);
        market.claim(_task, 1, EVERYBODY);
        equal(ownerAddress(0).balance, BASE + 6 * uint256(BONUS) * 3 / 10, "level 3");
        equal(ownerAddress(5).balance, BASE + 6 * uint256(BONUS) * 1 / 10, "level 1");
    }

    /// @dev Until the round is closed, nobody knows the sum of levels.
    function test_claim_beforeTheRoundIsClosed() external {
        _accept(0, 4, 0xff);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 1));
        market.claim(_task, 1, EVERYBODY);
        vm.warp(market.round(_task, 0).settleDeadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToClaim.selector, _task, 1));
        market.claim(_task, 1, EVERYBODY);
        elapse(1);
        equal(market.claim(_task, 1, EVERYBODY), 4 * uint256(BASE + BONUS), "paid");
    }

    /// @dev The verifier of the references gives everybody level 1 where nobody has a weight. One that gave nobody a level
    /// would save the model owner nothing.
    function test_claim_allLevelsZero() external {
        _accept(0, 4, 0);
        _accept(4, 2, 0);
        close(_task, 0);
        equal(market.claim(_task, 1, EVERYBODY), 6 * uint256(BASE + BONUS), "equal");
        equal(ownerAddress(3).balance, BASE + BONUS, "each");
    }

    /// @dev Pay in proportion to squared similarity paid copies quadratically: three copies of junk took 64% of what five
    /// honest ones should have had. A copy has its level and no more, wherever it stands.
    function test_claim_copiesAreNotPaidQuadratically() external {
        // Junk points nowhere: level 0. Honest gradients have 2.
        _accept(0, 8, 0xaa80); // levels 0, 0, 0, then 2, 2, 2, 2, 2 (slot 3 to 7)
        close(_task, 0);
        market.claim(_task, 1, EVERYBODY);
        uint256 all = 8 * uint256(BONUS);
        for (uint256 index = 0; index < 8; ++index) {
            uint256 expected = index < 3 ? BASE : BASE + all * 2 / 10;
            equal(ownerAddress(index).balance, expected, "owner");
        }
        // Three copies that pass for level 1 have three times the share of one, not nine.
        _round();
        _accept(0, 8, 0xaa95); // levels 1, 1, 1, then 2, 2, 2, 2, 2
        close(_task, 1);
        uint256 before = ownerAddress(0).balance;
        market.claim(_task, 2, EVERYBODY);
        uint256 three = 3 * (ownerAddress(0).balance - before - BASE);
        equal(three, 3 * (all / 13), "in proportion to their number");
        isTrue(three * 100 < all * 24, "less than a quarter of the bonuses");
    }

    /// @dev Sending in the last public aggregate again earns at most its level's part, which is what it is worth.
    function test_claim_replayOfThePublicAggregate() external {
        _accept(0, 8, 0xaaab); // slot 0 has level 3, the others 2
        close(_task, 0);
        market.claim(_task, 1, EVERYBODY);
        uint256 all = 8 * uint256(BONUS);
        equal(ownerAddress(0).balance, BASE + all * 3 / 17, "the replay");
        isTrue(
            ownerAddress(0).balance * 2 <= ownerAddress(1).balance * 3, "at most half as much again as an honest one"
        );
    }

    /// @dev Whatever accomplices of anybody do, nobody falls below base + bonus * level / 3.
    function testFuzz_share_floorAndConservation(uint128 base, uint128 bonus, bytes32 seed, uint8 count) external pure {
        uint256 gradients = count % 120 + 1;
        uint256 levels = 0;
        for (uint256 i = 0; i < gradients; ++i) {
            levels += _level(seed, i);
        }
        uint256 paid = 0;
        for (uint256 i = 0; i < gradients; ++i) {
            uint256 level = _level(seed, i);
            uint256 share = Pay.share(base, bonus, gradients, levels, level);
            isTrue(share >= base + uint256(bonus) * level / 3, "below the floor");
            paid += share;
        }
        uint256 whole = gradients * (uint256(base) + bonus);
        isTrue(paid <= whole && whole - paid < gradients, "more, or much less, than the round has");
    }

    /// @dev The same in the market: any batches of any levels.
    function testFuzz_claim_conserved(uint256 seed) external {
        uint256 first = 0;
        uint256 expected = 0;
        while (first + 2 <= OWNERS) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 count = 2 + seed % 4;
            if (first + count > OWNERS) count = OWNERS - first;
            uint256 levels = (seed >> 8) & (4 ** count - 1);
            _accept(first, count, levels);
            for (uint256 slot = 0; slot < count; ++slot) {
                equal(market.levels(_task, 0, 0) >> 2 * (first + slot) & 3, levels >> 2 * slot & 3, "level");
                expected += levels >> 2 * slot & 3;
            }
            first += count;
        }
        equal(market.round(_task, 0).levels, expected, "sum");
        close(_task, 0);
        uint256 accepted = market.round(_task, 0).owners;
        uint256 paid = market.claim(_task, 1, EVERYBODY);
        uint256 whole = accepted * (BASE + BONUS);
        isTrue(paid <= whole && whole - paid < accepted, "conserved");
    }

    /// @dev Levels of owners far apart, and bits beyond the batch that a verifier has no business with.
    function test_acceptGradedBatch_levelsOfSeveralWords() external {
        TaskTerms memory t = gradedTerms(address(_verifier));
        (t.basePay, t.bonusPay) = (BASE, BONUS);
        _task = createTask(t);
        enrol(_task, 0, 130);
        fund(_task, 1_000_000);
        openRound(_task, 0);
        _accept(126, 4, type(uint256).max);
        equal(market.levels(_task, 0, 0), uint256(15) << 252, "first word");
        equal(market.levels(_task, 0, 1), 15, "second word");
        equal(market.round(_task, 0).levels, 12, "sum");
    }

    /// @dev A flat family pays base and bonus to everybody, at once.
    function test_claim_flatFamily() external {
        TaskTerms memory t = stubTerms();
        (t.basePay, t.bonusPay) = (BASE, BONUS);
        uint256 taskId = createTask(t);
        enrol(taskId, 0, 4);
        fund(taskId, 100_000);
        openRound(taskId, 4);
        accept(taskId, 0, 0, 4);
        equal(market.claim(taskId, 1, hex"00000003"), 2 * uint256(BASE + BONUS), "both, before the deadline");
    }

    function _accept(uint256 first, uint256 count, uint256 levels) private {
        _verifier.tell(levels);
        accept(_task, market.task(_task).roundsOpened - 1, first, count);
    }

    function _round() private {
        openRound(_task, OWNERS);
    }

    function _level(bytes32 seed, uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i))) & 3;
    }
}
