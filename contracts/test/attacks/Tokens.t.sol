// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Batch, TaskTerms} from "../../src/types/Types.sol";
import {HookToken} from "../support/Tokens.sol";
import {Scene} from "../support/Scene.sol";

/// @title Attacks by tokens that call somebody in the midst of a transfer, on the functions that no lock keeps from them
contract TokensAttackTest is Scene {
    HookToken private _token;
    TaskTerms private _terms;

    function setUp() external {
        deploy("norm_3");
        _token = new HookToken();
        _terms = stubTerms();
        _terms.token = address(_token);
        (_terms.permissioned, _terms.basePay, _terms.bonusPay) = (false, 0, PAY);
    }

    /// @dev A token that is the model owner spends in its own transfer what it has not delivered yet. It has to deliver it.
    function test_attack_roundIsOpenedWithMoneyThatIsOnItsWay() external {
        modelOwner = address(_token);
        uint256 taskId = createTask(_terms);
        enrol(taskId, 0, 2);
        _token.mint(address(this), 4 * PAY);
        _token.approve(MARKET, 4 * PAY);
        _token.arm(MARKET, abi.encodeCall(IMarket.withdraw, (taskId, 4 * PAY, address(_token))));
        market.fund(taskId, 2 * PAY, noPermit());
        isTrue(_token.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "locked");
        _token.arm(MARKET, abi.encodeCall(IMarket.openRound, (taskId, MODEL, 4)));
        market.fund(taskId, 2 * PAY, noPermit());
        isTrue(!_token.refused(), "opened");
        equal(_token.balanceOf(MARKET), market.task(taskId).reserved, "all of the reserve is there");
    }

    /// @dev While an owner is paid, another batch is accepted, the round reclaimed or finalised, another's account moved: everybody is
    /// paid once, and the books agree to the unit.
    function test_attack_booksChangeWhileAnOwnerIsPaid() external {
        uint256 taskId = _funded();
        Batch memory second = batchOf(taskId, 0, 2, 2);
        bytes[4] memory calls = [
            abi.encodeCall(IMarket.acceptBatch, (second)),
            abi.encodeCall(IMarket.finalizeRound, (taskId, 0)),
            abi.encodeCall(IMarket.reclaim, (taskId, 1, hex"0000000100020003")),
            abi.encodeCall(IMarket.claim, (taskId, 1, hex"0000000100020003"))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 state = vm.snapshotState();
            accept(taskId, 0, 0, 2);
            if (i > 0) market.acceptBatch(second);
            if (i > 0) close(taskId, 0);
            if (i == 2) vm.warp(block.timestamp + 180 days + 1);
            _token.arm(MARKET, calls[i]);
            market.claim(taskId, 1, hex"0000000100020003");
            bool locked = _token.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
            isTrue(locked == (i == 3), "what moves money is locked");
            if (i == 0) equal(market.round(taskId, 0).owners, 4, "the rest went through");
            if (i == 1) isTrue(market.round(taskId, 0).finalized, "the rest went through");
            if (i == 2) equal(market.task(taskId).balance, 3 * PAY, "the rest went through");
            _token.arm(address(0), "");
            _settled(taskId, i);
            vm.revertToState(state);
        }
    }

    function _funded() private returns (uint256 taskId) {
        taskId = createTask(_terms);
        enrol(taskId, 0, 4);
        _token.mint(address(this), 8 * PAY);
        _token.approve(MARKET, 8 * PAY);
        market.fund(taskId, 8 * PAY, noPermit());
        openRound(taskId, 8);
    }

    /// @dev Whatever is left is claimed; then owners and task have all that there was.
    function _settled(uint256 taskId, uint256 variant) private {
        try market.claim(taskId, 1, hex"0000000100020003") {} catch {}
        if (!market.round(taskId, 0).closed) close(taskId, 0);
        if (!market.round(taskId, 0).finalized) market.finalizeRound(taskId, 0);
        uint256 paid = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 balance = _token.balanceOf(ownerAddress(i));
            // What was reclaimed before its owner's turn came was too late to claim.
            isTrue(balance == PAY || (variant == 2 && balance == 0), "an owner's pay");
            paid += balance;
        }
        equal(market.task(taskId).balance, 8 * PAY - paid, "the task's");
        equal(_token.balanceOf(MARKET), 8 * PAY - paid, "the market's");
    }
}
