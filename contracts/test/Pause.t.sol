// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title The guardian can delay acceptance, for a while, and nothing else
contract PauseTest is Scene {
    uint256 private constant OWNERS = 6;
    uint256 private constant MAX_PAUSE = 7 days;
    uint256 private constant INTERVAL = 28 days;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        TaskTerms memory t = stubTerms();
        t.deposit = 1 ether;
        _task = createTask(t);
        enrol(_task, 0, OWNERS);
        fund(_task, 100 ether);
        openRound(_task, OWNERS);
    }

    function test_pause_refusesBatches() external {
        vm.prank(GUARDIAN);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.Paused(START + MAX_PAUSE);
        market.pause();
        _paused();
        elapse(1 days);
        _paused();
        vm.prank(GUARDIAN);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.Resumed(1 days);
        market.resume();
        accept(_task, 0, 0, 2);
    }

    /// @dev What could be accepted until the deadline can be as long as before, whenever the pause came.
    function test_pause_movesDeadlines() external {
        elapse(WINDOW / 2);
        uint256 deadline = market.round(_task, 0).settleDeadline;
        _pause();
        elapse(3 days);
        equal(market.round(_task, 0).settleDeadline, deadline + 3 days, "moves while it is paused");
        _resume();
        equal(market.round(_task, 0).submitDeadline, deadline + 3 days - WINDOW, "submit deadline");
        elapse(5);
        equal(market.round(_task, 0).settleDeadline, deadline + 3 days, "stays afterwards");
        vm.warp(deadline + 3 days);
        accept(_task, 0, 0, 2);
        elapse(1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundClosed.selector, _task, 0));
        this.relay(2);
        market.finalizeRound(_task, 0);
    }

    /// @dev A pause neither closes a round nor keeps one open that was closed before.
    function test_pause_afterTheDeadline() external {
        close(_task, 0);
        _pause();
        elapse(2 days);
        isTrue(market.round(_task, 0).closed, "closed");
        market.finalizeRound(_task, 0);
        _resume();
        isTrue(market.round(_task, 0).closed, "still");
        openRound(_task, OWNERS);
        equal(market.round(_task, 1).settleDeadline, vm.getBlockTimestamp() + 2 * WINDOW, "of a later round");
    }

    function test_pause_endsByItself() external {
        uint256 deadline = market.round(_task, 0).settleDeadline;
        _pause();
        elapse(MAX_PAUSE - 1);
        _paused();
        elapse(1);
        accept(_task, 0, 0, 2);
        elapse(1000);
        equal(market.round(_task, 0).settleDeadline, deadline + MAX_PAUSE, "by no more");
        vm.prank(GUARDIAN);
        vm.expectRevert(IMarket.NotPaused.selector);
        market.resume();
        vm.warp(deadline + MAX_PAUSE);
        accept(_task, 0, 2, 2);
        elapse(1);
        isTrue(market.round(_task, 0).closed, "closed");
    }

    /// @dev A guardian that means ill stops a quarter of the time, and does not lengthen it by pausing again.
    function test_pause_notTooOften() external {
        uint256 deadline = market.round(_task, 0).settleDeadline;
        _pause();
        _tooSoon(START + INTERVAL);
        elapse(1 days);
        _resume();
        _tooSoon(START + INTERVAL);
        vm.warp(START + INTERVAL - 1);
        _tooSoon(START + INTERVAL);
        elapse(1);
        _pause();
        elapse(INTERVAL);
        _pause(); // the one before has run out by itself
        elapse(10);
        _resume();
        uint256 moved = 1 days + MAX_PAUSE + 10;
        equal(market.round(_task, 0).settleDeadline, deadline + moved, "in all");
    }

    function test_pause_byOthers() external {
        address[3] memory others = [address(this), modelOwner, terms().coordinator];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotGuardian.selector, others[i]));
            market.pause();
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotGuardian.selector, others[i]));
            market.resume();
        }
        vm.prank(GUARDIAN);
        vm.expectRevert(IMarket.NotPaused.selector);
        market.resume();
    }

    /// @dev Claims, refunds, withdrawals, deposits: nobody's money waits for the guardian.
    function test_pause_moneyGoesOn() external {
        accept(_task, 0, 0, 4);
        close(_task, 0);
        _resign(5);
        elapse(8 days);
        _pause();
        market.claim(_task, 1, hex"000000010002000300040005");
        equal(ownerAddress(1).balance, PAY, "claim");
        market.exit(_task, 5);
        equal(ownerAddress(5).balance, 1 ether, "deposit");
        market.finalizeRound(_task, 0);
        vm.startPrank(modelOwner);
        market.withdraw(_task, 90 ether, modelOwner);
        equal(modelOwner.balance, 90 ether, "withdrawal");
        vm.stopPrank();
        openRound(_task, 0);
        enrol(_task, OWNERS, OWNERS + 1);
    }

    /// @dev A market without a guardian is never paused.
    function test_pause_noGuardian() external {
        deployTo(address(0xBEEF), creationOf("Market", abi.encode(registry, approving, WINDOW, address(0))));
        market = IMarket(address(0xBEEF));
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotGuardian.selector, GUARDIAN));
        market.pause();
    }

    /// @dev Any pauses of any length: deadlines move by what they took, and by nothing else.
    function testFuzz_pause_clock(uint256[6] memory waits, uint256[6] memory lengths) external {
        uint256 deadline = market.round(_task, 0).settleDeadline;
        uint256 moved = 0;
        for (uint256 i = 0; i < waits.length; ++i) {
            elapse(i == 0 ? waits[i] % WINDOW : INTERVAL + waits[i] % INTERVAL);
            _pause();
            uint256 length = lengths[i] % (2 * MAX_PAUSE);
            elapse(length);
            moved += length < MAX_PAUSE ? length : MAX_PAUSE;
            equal(market.round(_task, 0).settleDeadline, deadline + moved, "moved");
            if (length < MAX_PAUSE) _resume();
        }
        equal(market.round(_task, 0).settleDeadline, deadline + moved, "in all");
    }

    function relay(uint256 first) external {
        accept(_task, 0, first, 2);
    }

    function _pause() private {
        vm.prank(GUARDIAN);
        market.pause();
    }

    function _resume() private {
        vm.prank(GUARDIAN);
        market.resume();
    }

    function _tooSoon(uint256 possibleAt) private {
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PauseTooSoon.selector, possibleAt));
        market.pause();
    }

    function _paused() private {
        vm.expectRevert(IMarket.AcceptancePaused.selector);
        this.relay(0);
    }

    function _resign(uint256 index) private {
        vm.prank(ownerAddress(index));
        market.resign(_task, index);
    }
}
