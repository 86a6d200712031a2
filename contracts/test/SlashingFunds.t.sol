// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Forfeit} from "../src/libraries/Forfeit.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {BombToken, HookToken, Token} from "./support/Tokens.sol";

/// @title What becomes of a slashed bond
contract SlashingFundsTest is EvidenceScene {
    function test_collect_everybody() external {
        reportTwoBodies(2, 1);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.Collected(address(0), REPORTER, REPORTER, BOND / 4);
        registry.collect(address(0), REPORTER, REPORTER);
        equal(REPORTER.balance, BOND / 4, "reporter");
        registry.collect(address(0), Forfeit.NOBODY, Forfeit.NOBODY);
        equal(Forfeit.NOBODY.balance, BOND - BOND / 4, "burnt");
        equal(address(registry).balance, 3 * BOND, "the others' bonds");
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.NothingOwed.selector, address(0), REPORTER));
        registry.collect(address(0), REPORTER, REPORTER);
    }

    function test_collect_elsewhereOnlyByTheAccount() external {
        reportTwoBodies(2, 1);
        vm.expectRevert(ICommitteeRegistry.RecipientInvalid.selector);
        registry.collect(address(0), REPORTER, address(this));
        vm.expectRevert(ICommitteeRegistry.RecipientInvalid.selector);
        registry.collect(address(0), Forfeit.NOBODY, address(this));
        vm.expectRevert(ICommitteeRegistry.RecipientInvalid.selector);
        vm.prank(REPORTER);
        registry.collect(address(0), REPORTER, address(0));
        vm.prank(REPORTER);
        registry.collect(address(0), REPORTER, address(0xCAFE));
        equal(address(0xCAFE).balance, BOND / 4, "elsewhere");
    }

    function test_collect_refusing() external {
        Refusing account = new Refusing();
        vm.etch(REPORTER, address(account).code);
        reportTwoBodies(2, 1);
        vm.expectRevert(
            abi.encodeWithSelector(bytes4(keccak256("TransferFailed(address,uint256)")), REPORTER, BOND / 4)
        );
        registry.collect(address(0), REPORTER, REPORTER);
        vm.prank(REPORTER);
        registry.collect(address(0), REPORTER, address(0xCAFE));
        equal(address(0xCAFE).balance, BOND / 4, "elsewhere");
    }

    function test_collect_reentrant() external {
        vm.etch(REPORTER, address(new Reentrant()).code);
        reportTwoBodies(2, 1);
        Reentrant account = Reentrant(payable(REPORTER));
        account.arm(address(registry), abi.encodeCall(registry.collect, (address(0), Forfeit.NOBODY, Forfeit.NOBODY)));
        registry.collect(address(0), REPORTER, REPORTER);
        isTrue(account.refused(), "refused");
        equal(REPORTER.balance, BOND / 4, "once");
    }

    function test_report_tokenBonds() external {
        Token token = new Token();
        _bonded(token);
        reportTwoBodies(2, 1);
        equal(credited(address(token), REPORTER), BOND / 4, "reporter");
        registry.collect(address(token), REPORTER, REPORTER);
        registry.collect(address(token), Forfeit.NOBODY, Forfeit.NOBODY);
        equal(token.balanceOf(Forfeit.NOBODY), BOND - BOND / 4, "burnt");
        equal(token.balanceOf(address(registry)), 3 * BOND, "the others' bonds");
        equal(credited(address(0), REPORTER), 0, "no ether");
    }

    /// @dev A token that lets nothing pass to the address of nobody stops neither the slashing nor the reporter's
    /// quarter.
    function test_report_tokenThatCannotBeBurnt() external {
        BombToken token = new BombToken();
        token.dislike(Forfeit.NOBODY);
        _bonded(token);
        reportTwoBodies(2, 1);
        vm.expectPartialRevert(bytes4(keccak256("TransferFailed(address,uint256)")));
        registry.collect(address(token), Forfeit.NOBODY, Forfeit.NOBODY);
        registry.collect(address(token), REPORTER, REPORTER);
        equal(token.balanceOf(address(registry)), 4 * BOND - BOND / 4, "stays for good");
    }

    /// @dev A token that calls back lets nobody collect twice, nor withdraw meanwhile.
    function test_collect_reentrantToken() external {
        HookToken token = new HookToken();
        _bonded(token);
        reportTwoBodies(2, 1);
        token.arm(address(registry), abi.encodeCall(registry.collect, (address(token), Forfeit.NOBODY, Forfeit.NOBODY)));
        registry.collect(address(token), REPORTER, REPORTER);
        isTrue(token.calls() == 1 && token.refused(), "refused");
        equal(token.balanceOf(REPORTER), BOND / 4, "once");
    }

    /// @dev Slashing in the midst of the withdrawal of the same bond: nothing is there any more.
    function test_report_duringWithdrawal() external {
        HookToken token = new HookToken();
        _bonded(token);
        vm.prank(controllerOf(1));
        registry.retire(id, 1);
        vm.warp(memberOf(1).withdrawableAt);
        bytes memory report = abi.encodeCall(
            registry.reportMessages,
            (
                id,
                SESSION,
                VALIDATE,
                1,
                signBody(2, VALIDATE, 1, keccak256("one")),
                signBody(2, VALIDATE, 1, keccak256("another"))
            )
        );
        token.arm(address(registry), report);
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 1, controllerOf(1));
        equal(token.balanceOf(controllerOf(1)), BOND, "withdrawn");
        equal(credited(address(token), address(token)) + burnt(address(token)), 0, "nothing was left to slash");
        equal(token.balanceOf(address(registry)), 3 * BOND, "the others' bonds");
    }

    /// @dev Odd amounts: nothing is lost, and never less than half is burnt.
    function testFuzz_divide_conserves(uint256 amount, bool reported, bool harmed) external pure {
        (uint256 toReporter, uint256 toHarmed, uint256 rest) =
            Forfeit.divide(amount, reported ? address(1) : address(0), harmed ? address(2) : address(0));
        equal(toReporter + toHarmed + rest, amount, "all of it");
        isTrue(rest >= amount / 2 && toReporter <= amount / 4 && toHarmed <= amount / 4, "shares");
        isTrue((reported || toReporter == 0) && (harmed || toHarmed == 0), "to nobody");
    }

    /// @dev A committee whose members have bonded a token.
    function _bonded(Token token) private {
        id = create(tokenTerms(1, address(token)), SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            token.mint(vm.addr(i + 1), BOND);
            vm.prank(vm.addr(i + 1));
            token.approve(address(registry), BOND);
            vm.prank(vm.addr(i + 1));
            registry.join(id, "first", hpkeOf(i + 1), controllerOf(i));
        }
    }
}
