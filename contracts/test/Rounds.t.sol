// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {RoundView, TaskTerms} from "../src/types/Types.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {Scene} from "./support/Scene.sol";

/// @title Escrow and rounds: what is reserved, and what comes back
contract RoundsTest is Scene {
    uint256 private constant RESERVE = SEATS * PAY;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(terms());
    }

    function test_fund_balance() external {
        vm.deal(address(this), 5 ether);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.TaskFunded(_task, address(this), 5 ether);
        market.fund{value: 5 ether}(_task, 5 ether, noPermit());
        equal(market.task(_task).balance, 5 ether, "balance");
        equal(MARKET.balance, 5 ether, "ether");
    }

    function test_fund_invalid() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.FundsInvalid.selector, 0));
        market.fund(_task, 0, noPermit());
        uint256 tooMuch = 1 << 128;
        vm.deal(address(this), tooMuch);
        vm.expectRevert(abi.encodeWithSelector(IMarket.FundsInvalid.selector, tooMuch));
        market.fund{value: tooMuch}(_task, tooMuch, noPermit());
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 7));
        market.fund{value: 1}(7, 1, noPermit());
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 2));
        market.fund{value: 1}(_task, 2, noPermit());
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 2, 1));
        market.fund{value: 2}(_task, 1, noPermit());
    }

    function test_withdraw_unreserved() external {
        fund(_task, RESERVE + 4 * PAY);
        openRound(_task);
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.Withdrawn(_task, address(0xF00), 4 * PAY);
        market.withdraw(_task, 4 * PAY, address(0xF00));
        equal(address(0xF00).balance, 4 * PAY, "paid");
        _withdrawRefused(1, modelOwner, abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 1, 0));
        _withdrawRefused(0, address(0), abi.encodeWithSelector(IMarket.AddressInvalid.selector));
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, _task, address(this)));
        market.withdraw(_task, 0, address(this));
    }

    function test_withdraw_recipientRefuses() external {
        fund(_task, 1 ether);
        address refusing = address(new Refusing());
        bytes memory reason = abi.encodeWithSelector(Funds.TransferFailed.selector, refusing, 1 ether);
        _withdrawRefused(1 ether, refusing, reason);
        vm.prank(modelOwner);
        market.withdraw(_task, 1 ether, modelOwner);
    }

    function test_withdraw_reentrant() external {
        Reentrant thief = new Reentrant();
        modelOwner = address(thief);
        uint256 taskId = createTask(terms());
        fund(taskId, 10 ether);
        fund(_task, 10 ether);
        thief.arm(MARKET, abi.encodeCall(IMarket.withdraw, (taskId, 10 ether, address(thief))));
        vm.prank(address(thief));
        market.withdraw(taskId, 10 ether, address(thief));
        equal(address(thief).balance, 10 ether, "paid once");
        isTrue(thief.refused(), "the inner withdrawal was refused");
    }

    function test_openRound_reserves() external {
        fund(_task, RESERVE + 4 * PAY);
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.RoundOpened(_task, 0, MODEL, START + WINDOW, START + 2 * WINDOW, SEATS);
        equal(market.openRound(_task, MODEL, SEATS), 0, "round");
        RoundView memory state = market.round(_task, 0);
        equal(state.modelDigest, MODEL, "model");
        equal(state.submitDeadline, START + WINDOW, "submit deadline");
        equal(state.settleDeadline, START + 2 * WINDOW, "settle deadline");
        equal(state.aggregateX + state.aggregateY, 0, "aggregate is infinity");
        equal(state.seats, SEATS, "seats");
        equal(state.limit, SEATS, "limit");
        isTrue(!state.closed && !state.finalized, "open");
        equal(market.task(_task).balance, 4 * PAY, "balance");
        equal(market.task(_task).reserved, RESERVE, "reserved");
    }

    /// @dev Pay and every fee of as many batches as the seats make.
    function test_openRound_reservesFees() external {
        TaskTerms memory t = terms();
        (t.minOwners, t.bonusPay) = (3, 7);
        (t.coordinatorBatchFee, t.coordinatorGradientFee, t.proverBatchFee, t.proverGradientFee) = (1000, 100, 10, 1);
        _task = createTask(t);
        uint256 reserve = 8 * (uint256(PAY) + 7 + 100 + 4 * 1) + 2 * (1000 + 4 * 10);
        fund(_task, reserve - 1);
        _openRefused(8, abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, reserve, reserve - 1));
        fund(_task, 1);
        openRound(_task, 8);
        equal(market.task(_task).reserved, reserve, "reserved");
    }

    function test_openRound_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, _task, address(this)));
        market.openRound(_task, 0, SEATS);
        fund(_task, RESERVE - 1);
        _openRefused(SEATS, abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, RESERVE, RESERVE - 1));
        _openRefused(2049, abi.encodeWithSelector(IMarket.SeatsInvalid.selector, 2049, 2048));
    }

    function test_openRound_committeeNotReady() external {
        fund(_task, RESERVE);
        vm.prank(payeeOf(2));
        registry.retire(committee, 2);
        _openRefused(SEATS, abi.encodeWithSelector(IMarket.CommitteeNotReady.selector, committee));
    }

    function test_openRound_previousUnsettled() external {
        fund(_task, 4 * RESERVE);
        openRound(_task);
        _openRefused(SEATS, abi.encodeWithSelector(IMarket.PreviousRoundUnsettled.selector, _task, 0));
        close(_task, 0);
        market.finalizeRound(_task, 0);
        equal(openRound(_task), 1, "after finalising");
    }

    function test_openRound_afterBatchAndExhausted() external {
        TaskTerms memory t = stubTerms();
        t.rounds = 2;
        _task = createTask(t);
        enrol(_task, 0, 4);
        fund(_task, 4 * RESERVE);
        openRound(_task);
        accept(_task, 0, 0, 2);
        equal(openRound(_task), 1, "while the round before is open");
        accept(_task, 1, 0, 2);
        accept(_task, 0, 2, 2);
        _openRefused(SEATS, abi.encodeWithSelector(IMarket.RoundsExhausted.selector, _task));
    }

    function test_finalizeRound_refund() external {
        enrol(_task, 0, 16);
        fund(_task, RESERVE);
        openRound(_task);
        market.acceptBatch(attested("norm_3"));
        vm.warp(market.round(_task, 0).settleDeadline);
        isTrue(!market.round(_task, 0).closed, "open until its deadline");
        _finalizeRefused(0, abi.encodeWithSelector(IMarket.RoundStillOpen.selector, _task, 0));
        elapse(1);
        isTrue(market.round(_task, 0).closed, "closed");
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.RoundFinalized(_task, 0, RESERVE - 3 * PAY);
        market.finalizeRound(_task, 0);
        equal(market.task(_task).balance, RESERVE - 3 * PAY, "refund");
        equal(market.task(_task).reserved, 0, "reserved");
        isTrue(market.round(_task, 0).finalized, "finalised");
        _finalizeRefused(0, abi.encodeWithSelector(IMarket.RoundAlreadyFinalized.selector, _task, 0));
        _finalizeRefused(1, abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 1));
    }

    function test_finalizeRound_modelOwnerCannotHurry() external {
        fund(_task, RESERVE);
        openRound(_task);
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundStillOpen.selector, _task, 0));
        market.finalizeRound(_task, 0);
        _withdrawRefused(1, modelOwner, abi.encodeWithSelector(IMarket.InsufficientEscrow.selector, 1, 0));
    }

    function test_round_unknown() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 0));
        market.round(_task, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 0));
        market.consumed(_task, 0, 0);
    }

    function _openRefused(uint256 seats, bytes memory reason) private {
        vm.prank(modelOwner);
        vm.expectRevert(reason);
        market.openRound(_task, MODEL, seats);
    }

    function _withdrawRefused(uint256 amount, address to, bytes memory reason) private {
        vm.prank(modelOwner);
        vm.expectRevert(reason);
        market.withdraw(_task, amount, to);
    }

    function _finalizeRefused(uint256 number, bytes memory reason) private {
        vm.expectRevert(reason);
        market.finalizeRound(_task, number);
    }
}
