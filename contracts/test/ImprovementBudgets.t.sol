// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {IImprovementPay} from "../src/data/interfaces/IImprovementPay.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {IAccounts} from "../src/interfaces/IAccounts.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {Attestation} from "../src/types/Types.sol";
import {ImprovementScene} from "./support/ImprovementScene.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {Collectible, FeeToken, HookToken, LyingToken, Token} from "./support/Tokens.sol";

/// @title Money of budgets: what comes in, in which tokens, and to whom it goes
contract ImprovementBudgetsTest is ImprovementScene {
    uint256 private constant BUDGET = 10 ether;
    address private constant SPONSOR = address(0x5904508);

    function setUp() external {
        stageData();
        openCampaign(Arbiter.Owner);
        deployPay();
    }

    function test_open_whatIsOutOfRange_isRefused() external {
        refused(IImprovementPay.AmountInvalid.selector, 0);
        _open(address(0), 0, SIGN_WINDOW, CLAIM_WINDOW, 0);
        uint256 most = type(uint128).max;
        refused(IImprovementPay.AmountInvalid.selector, most + 1);
        _open(address(0), most + 1, SIGN_WINDOW, CLAIM_WINDOW, 0);
        uint32[2] memory windows = [WINDOW - 1, 365 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            refused(IImprovementPay.BudgetWindowInvalid.selector, windows[i]);
            _open(address(0), 1, windows[i], CLAIM_WINDOW, 0);
            refused(IImprovementPay.BudgetWindowInvalid.selector, windows[i]);
            _open(address(0), 1, SIGN_WINDOW, windows[i], 0);
        }
        bytes32 none = keccak256("none");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignUnknown.selector, none));
        pay.open(none, address(0), 1, RULE, SIGN_WINDOW, CLAIM_WINDOW, 0);
    }

    function test_open_windowsAtTheirEnds() external {
        vm.deal(address(this), 2);
        bytes32 shortest = pay.open{value: 1}(campaign, address(0), 1, RULE, WINDOW, WINDOW, 0);
        bytes32 longest = pay.open{value: 1}(campaign, address(0), 1, RULE, 365 days, 365 days, 0);
        equal(pay.budgetOf(shortest).deadline, vm.getBlockTimestamp() + WINDOW, "deadline");
        equal(pay.budgetOf(longest).claimWindow, 365 days, "window");
    }

    function test_open_twice_isRefused_andWithAnotherNonceIsNot() external {
        bytes32 budget = openBudget(SPONSOR, BUDGET, 0);
        vm.deal(SPONSOR, BUDGET);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.BudgetExists.selector, budget));
        vm.prank(SPONSOR);
        pay.open{value: BUDGET}(campaign, address(0), BUDGET, RULE, SIGN_WINDOW, CLAIM_WINDOW, 0);
        isTrue(openBudget(SPONSOR, BUDGET, 1) != budget, "another nonce");
        isTrue(openBudget(MALLORY, BUDGET, 0) != budget, "another sponsor");
    }

    function test_open_exactEther_andNoneBesideAToken() external {
        vm.deal(address(this), 3);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 2, 3));
        pay.open{value: 2}(campaign, address(0), 3, RULE, SIGN_WINDOW, CLAIM_WINDOW, 0);
        address plain = address(new Token());
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        pay.open{value: 1}(campaign, plain, 3, RULE, SIGN_WINDOW, CLAIM_WINDOW, 0);
    }

    function test_open_inATokenThatTakesAFeeOrLies_isRefused() external {
        address[2] memory odd = [address(new FeeToken()), address(new LyingToken())];
        for (uint256 i = 0; i < 2; ++i) {
            Token(odd[i]).mint(address(this), BUDGET);
            Token(odd[i]).approve(address(pay), BUDGET);
            vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, odd[i], BUDGET));
            _open(odd[i], BUDGET, SIGN_WINDOW, CLAIM_WINDOW, 0);
        }
        address[2] memory none = [address(new Collectible()), address(0x1234)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IImprovementPay.TokenInvalid.selector, none[i]));
            _open(none[i], 1, SIGN_WINDOW, CLAIM_WINDOW, 0);
        }
    }

    /// @dev A token that calls back while a budget comes in, or pay goes out, finds every door of money locked.
    function test_token_thatCallsBack_findsALock() external {
        HookToken hook = new HookToken();
        bytes32 budget = _inToken(hook, 0);
        uint256 bundle = settled(ALICE, 0);
        closeCampaign();
        bytes32 root = leafOf(bundle, 1 ether);
        Attestation[] memory with = wordsFor(budget, root, 1 ether, QUORUM);
        bytes[5] memory calls = [
            abi.encodeCall(IImprovementPay.open, (campaign, address(0), 1, RULE, SIGN_WINDOW, CLAIM_WINDOW, 9)),
            abi.encodeCall(IImprovementPay.sign, (budget, root, 1 ether, with)),
            abi.encodeCall(IImprovementPay.claim, (budget, bundle, 1 ether, new bytes32[](0))),
            abi.encodeCall(IImprovementPay.giveBack, (budget)),
            abi.encodeCall(IAccounts.collect, (address(hook), SPONSOR, SPONSOR))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            hook.arm(address(pay), calls[i]);
            _inToken(hook, 1 + i);
            _isLocked(hook);
        }
        pay.sign(budget, root, 1 ether, with);
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 state = vm.snapshotState();
            hook.arm(address(pay), calls[i]);
            pay.collect(address(hook), SPONSOR, SPONSOR);
            _isLocked(hook);
            equal(hook.balanceOf(SPONSOR), BUDGET - 1 ether, "once");
            vm.revertToState(state);
        }
    }

    function test_ether_recipientThatCallsBack_isPaidOnce() external {
        Reentrant recipient = new Reentrant();
        address to = address(recipient);
        bytes32 budget = openBudget(to, BUDGET, 0);
        openBudget(SPONSOR, BUDGET, 0); // there is more than its own
        vm.warp(pay.budgetOf(budget).deadline + 1);
        pay.giveBack(budget);
        recipient.arm(address(pay), abi.encodeCall(IAccounts.collect, (address(0), to, to)));
        pay.collect(address(0), to, to);
        isTrue(recipient.refused(), "let in");
        equal(to.balance, BUDGET, "once");
    }

    /// @dev A sponsor that takes no ether keeps no contributor from its pay, and collects elsewhere.
    function test_ether_refusingSponsor_holdsUpNobody() external {
        address refusing = address(new Refusing());
        bytes32 budget = openBudget(refusing, BUDGET, 0);
        uint256 bundle = settled(ALICE, 0);
        closeCampaign();
        bytes32 root = leafOf(bundle, 4 ether);
        pay.sign(budget, root, 4 ether, wordsFor(budget, root, 4 ether, QUORUM));
        pay.claim(budget, bundle, 4 ether, new bytes32[](0));
        pay.collect(address(0), ALICE, ALICE);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, refusing, 6 ether));
        pay.collect(address(0), refusing, refusing);
        vm.prank(refusing);
        pay.collect(address(0), refusing, CAROL);
        equal(CAROL.balance, 6 ether, "elsewhere");
    }

    /// @dev Who pays itself gains nothing, and loses nothing.
    function test_sponsorThatContributes_getsItsOwnBack() external {
        bytes32 budget = openBudget(ALICE, BUDGET, 0);
        (uint256 own, uint256 other) = (settled(ALICE, 0), settled(BOB, 5));
        closeCampaign();
        bytes32 root = nodeOf(leafOf(own, 5 ether), leafOf(other, 2 ether));
        pay.sign(budget, root, 7 ether, wordsFor(budget, root, 7 ether, QUORUM));
        pay.claim(budget, own, 5 ether, proofFrom(other, 2 ether));
        equal(pay.owed(address(0), ALICE), 8 ether, "what the table does not pay, and its part");
        vm.warp(pay.budgetOf(budget).deadline + 1);
        pay.giveBack(budget);
        equal(pay.owed(address(0), ALICE), BUDGET, "Bob did not claim");
        equal(pay.owed(address(0), BOB), 0, "Bob did not claim");
    }

    function test_giveBack_onlyAfterTheDeadline_andOnce() external {
        bytes32 budget = openBudget(SPONSOR, BUDGET, 0);
        uint256 bundle = settled(ALICE, 0);
        uint256 deadline = pay.budgetOf(budget).deadline;
        refused(IImprovementPay.TooEarly.selector, deadline);
        pay.giveBack(budget);
        closeCampaign();
        bytes32 root = leafOf(bundle, BUDGET);
        pay.sign(budget, root, BUDGET, wordsFor(budget, root, BUDGET, QUORUM));
        pay.claim(budget, bundle, BUDGET, new bytes32[](0));
        vm.warp(pay.budgetOf(budget).deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IImprovementPay.NothingLeft.selector, budget));
        pay.giveBack(budget);
        equal(pay.owed(address(0), ALICE), BUDGET, "all of it");
    }

    function test_token_fromOpeningToCollecting() external {
        Token plain = new Token();
        bytes32 budget = _inToken(plain, 0);
        uint256 bundle = settled(ALICE, 0);
        closeCampaign();
        bytes32 root = leafOf(bundle, 4 ether);
        pay.sign(budget, root, 4 ether, wordsFor(budget, root, 4 ether, QUORUM));
        pay.claim(budget, bundle, 4 ether, new bytes32[](0));
        pay.collect(address(plain), ALICE, ALICE);
        pay.collect(address(plain), SPONSOR, SPONSOR);
        equal(plain.balanceOf(ALICE), 4 ether, "its part");
        equal(plain.balanceOf(SPONSOR), 6 ether, "the rest");
        equal(plain.balanceOf(address(pay)), 0, "nothing stays");
    }

    function _open(address token_, uint256 amount, uint32 signWindow, uint32 claimWindow, uint256 nonce) private {
        pay.open(campaign, token_, amount, RULE, signWindow, claimWindow, nonce);
    }

    function _inToken(Token with, uint256 nonce) private returns (bytes32) {
        with.mint(SPONSOR, BUDGET);
        vm.prank(SPONSOR);
        with.approve(address(pay), BUDGET);
        vm.prank(SPONSOR);
        return pay.open(campaign, address(with), BUDGET, RULE, SIGN_WINDOW, CLAIM_WINDOW, nonce);
    }

    function _isLocked(HookToken hook) private view {
        isTrue(hook.refused(), "let in");
        isTrue(hook.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "for another reason");
    }
}
