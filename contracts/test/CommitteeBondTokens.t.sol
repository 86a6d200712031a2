// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";
import {BombToken, FalseToken, FeeToken, HookToken, LyingToken, SilentToken, Token} from "./support/Tokens.sol";

/// @title Bonds in tokens, odd ones too
contract CommitteeBondTokensTest is CommitteeScene {
    address private _recipient = address(0xFEE1);

    function setUp() external {
        stageCommittee();
    }

    function test_token_bond() external {
        Token token = new Token();
        _committeeOf(token);
        vm.prank(vm.addr(1));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, registry, 0, BOND));
        registry.join(id, "here", hpkeOf(1), controllerOf(0));
        vm.deal(vm.addr(3), 1);
        _approve(token, 3);
        vm.prank(vm.addr(3));
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        registry.join{value: 1}(id, "here", hpkeOf(1), controllerOf(2));
        _joined(token, 3);
        equal(token.balanceOf(address(registry)), BOND, "bond");
        _withdrawn();
        equal(token.balanceOf(_recipient), BOND, "paid");
        equal(token.balanceOf(address(registry)), 0, "all of it");
    }

    function test_token_thatReturnsNothing() external {
        SilentToken token = new SilentToken();
        _committeeOf(Token(address(token)));
        token.mint(vm.addr(3), BOND);
        vm.startPrank(vm.addr(3));
        token.approve(address(registry), BOND);
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
        vm.stopPrank();
        _withdrawn();
        equal(token.balanceOf(_recipient), BOND, "paid");
    }

    function test_token_withFee() external {
        FeeToken token = new FeeToken();
        _committeeOf(token);
        _approve(token, 3);
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, BOND));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
        isTrue(!memberOf(2).joined, "not joined");
    }

    function test_token_thatLies() external {
        LyingToken token = new LyingToken();
        _committeeOf(token);
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, BOND));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
    }

    function test_token_thatSaysNo() external {
        FalseToken token = new FalseToken();
        _committeeOf(token);
        _approve(token, 3);
        token.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
        token.refuse(false);
        _joined(token, 3);
        _free();
        token.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, _recipient, BOND));
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        equal(memberOf(2).bond, BOND, "still held");
        token.refuse(false);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        equal(token.balanceOf(_recipient), BOND, "paid");
    }

    /// @dev A token that fails with a megabyte of data for one recipient does not keep the bond from another.
    function test_token_returnBomb() external {
        BombToken token = new BombToken();
        _committeeOf(token);
        _joined(token, 3);
        _free();
        token.dislike(_recipient);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, _recipient, BOND));
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, address(this));
        equal(token.balanceOf(address(this)), BOND, "paid");
    }

    /// @dev While a bond is on its way in or out, nothing else that moves money can be entered.
    function test_token_reentrant() external {
        HookToken token = new HookToken();
        _committeeOf(token);
        _joined(token, 1);
        _approve(token, 3);
        token.arm(address(registry), abi.encodeCall(ICommitteeRegistry.join, (id, "x", hpkeOf(9), address(token))));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
        _entered(token, 1);
        _free();
        token.arm(address(registry), abi.encodeCall(ICommitteeRegistry.withdrawBond, (id, 2, address(token))));
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        _entered(token, 2);
        equal(token.balanceOf(address(registry)), BOND, "the other's bond");
    }

    /// @dev A hook that brings more than the bond makes the joining fail: what is held is what was asked for.
    function test_token_moreByTheHook() external {
        HookToken token = new HookToken();
        _committeeOf(token);
        _approve(token, 3);
        token.arm(address(token), abi.encodeCall(token.mint, (address(registry), 1)));
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, BOND));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
    }

    /// @dev A controller that retires while the bond comes in has retired: everything was written before the call.
    function test_token_retiresInTheHook() external {
        HookToken token = new HookToken();
        _committeeOf(token);
        for (uint256 key = 1; key <= SIZE; ++key) {
            if (key != 3) _joined(token, key);
        }
        _approve(token, 3);
        token.arm(address(registry), abi.encodeCall(ICommitteeRegistry.retire, (id, 2)));
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), address(token));
        isTrue(token.calls() == 1 && !token.refused(), "the hook retired");
        isTrue(!ready() && memberOf(2).bond == BOND && memberOf(2).withdrawableAt != 0, "retired, and bonded");
        equal(token.balanceOf(address(registry)), SIZE * BOND, "bonds");
    }

    /// @dev Bonds of one committee never pay another's, whatever tokens they are in.
    function test_bonds_apart() external {
        joinAll();
        Token token = new Token();
        _committeeOf(token);
        _joined(token, 3);
        vm.deal(address(registry), address(registry).balance + 7); // by force, as a contract that destroys itself may
        _withdrawn();
        equal(_recipient.balance, 0, "no ether");
        equal(address(registry).balance, SIZE * BOND + 7, "ether bonds are where they were");
    }

    function _entered(HookToken token, uint256 calls) private view {
        isTrue(token.calls() == calls && token.refused(), "the hook ran and was refused");
        isTrue(token.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "by the guard");
    }

    function _committeeOf(Token token) private {
        id = create(tokenTerms(1, address(token)), SIZE);
    }

    function _approve(Token token, uint256 key) private {
        token.mint(vm.addr(key), BOND);
        vm.prank(vm.addr(key));
        token.approve(address(registry), BOND);
    }

    function _joined(Token token, uint256 key) private {
        _approve(token, key);
        vm.prank(vm.addr(key));
        registry.join(id, "here", hpkeOf(key), controllerOf(key - 1));
    }

    /// @dev Member 2 retires, and its bond becomes free.
    function _free() private {
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        vm.warp(time() + UNBONDING_DELAY);
    }

    function _withdrawn() private {
        _free();
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
    }
}
