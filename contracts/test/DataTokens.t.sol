// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDataCampaigns} from "../src/data/interfaces/IDataCampaigns.sol";
import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {Arbiter, CampaignTerms, DisputeStage, Ground, Outcome} from "../src/data/types/Campaigns.sol";
import {IAccounts} from "../src/interfaces/IAccounts.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {DataScene} from "./support/DataScene.sol";
import {Reentrant, Refusing} from "./support/Recipients.sol";
import {Collectible, FalseToken, FeeToken, HookToken, LyingToken, Token} from "./support/Tokens.sol";

/// @title Campaigns in tokens, odd ones too, and with recipients that call back
contract DataTokensTest is DataScene {
    bytes private constant NONE = "";

    function setUp() external {
        stageData();
        doubleJury();
    }

    function test_token_fromOpeningToCollecting() external {
        token = address(new Token());
        openCampaign(Arbiter.Owner);
        (uint256 bundle,) = disputed(NONE);
        data.settleBundle(bundle);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        data.collect(token, ALICE, ALICE);
        data.collect(token, BOB, BOB);
        equal(Token(token).balanceOf(ALICE), R + D + F, "the good one, and the fee of the other");
        equal(Token(token).balanceOf(BOB), HALF + C, "the prize and the stake");
        vm.prank(OWNER);
        data.close(campaign);
        data.withdraw(campaign);
        data.collect(token, OWNER, OWNER);
        equal(held(), HALF + RECEIPTS, "what is burnt, and the members'");
    }

    function test_token_etherBesideIsRefused() external {
        token = address(new Token());
        openCampaign(Arbiter.Owner);
        funded(BOB, C);
        vm.deal(BOB, 1);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        vm.prank(BOB);
        data.challenge{value: 1}(campaign, SALT);
    }

    function test_token_thatTakesAFeeOrLies_isRefused() external {
        address[2] memory odd = [address(new FeeToken()), address(new LyingToken())];
        for (uint256 i = 0; i < 2; ++i) {
            token = odd[i];
            CampaignTerms memory with = dataTerms(Arbiter.Owner);
            funded(OWNER, ESCROW);
            vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, ESCROW));
            vm.prank(OWNER);
            data.open(with, schemaOf(), 0, ESCROW);
        }
        token = address(new Collectible());
        CampaignTerms memory none = dataTerms(Arbiter.Owner);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignTermsInvalid.selector, "token"));
        data.open(none, schemaOf(), 0, 0);
    }

    function test_token_thatRefuses_keepsNobodyElse() external {
        FalseToken refusing = new FalseToken();
        token = address(refusing);
        openCampaign(Arbiter.Owner);
        (uint256 bundle,) = disputed(NONE);
        refusing.refuse(true);
        data.settleBundle(bundle);
        vm.prank(ALICE);
        data.concede(bundle, 0);
        isAt(bundle, 0, DisputeStage.Settled, Outcome.Bad);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, ALICE, R + D + F));
        data.collect(token, ALICE, ALICE);
        refusing.refuse(false);
        data.collect(token, ALICE, ALICE);
    }

    /// @dev Of a token without end, no fund is taken that would not fit beside what comes free: nobody's pay is held up by that.
    function test_token_withoutEnd_overflowsNoEscrow() external {
        token = address(new Token());
        openCampaign(Arbiter.Owner);
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        uint256 most = type(uint128).max - ESCROW;
        funded(MALLORY, most + 1);
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.AmountInvalid.selector, most + 1));
        vm.prank(MALLORY);
        data.fund(campaign, most + 1);
        vm.prank(MALLORY);
        data.fund(campaign, most);
        toAnswer(bundle);
        data.settleBundle(bundle);
        equal(owedBy(ALICE), 2 * (R + D), "paid");
    }

    /// @dev A token that calls back while a stake is taken finds every door of money locked.
    function test_token_thatCallsBack_findsALock() external {
        HookToken hook = new HookToken();
        token = address(hook);
        openCampaign(Arbiter.Owner);
        uint256 bundle = review(ALICE, samplesFrom(0, 2));
        toAnswer(bundle);
        bytes[8] memory calls = [
            abi.encodeCall(IDataCampaigns.settleBundle, (bundle)),
            abi.encodeCall(IDataCampaigns.voidBundle, (bundle)),
            abi.encodeCall(IDataCampaigns.settleSample, (bundle, 0)),
            abi.encodeCall(IDataCampaigns.commit, (campaign, 1, SALT)),
            abi.encodeCall(IDataCampaigns.challenge, (campaign, SALT)),
            abi.encodeCall(IDataCampaigns.withdraw, (campaign)),
            abi.encodeCall(IDataCampaigns.release, (1)),
            abi.encodeCall(IAccounts.collect, (token, ALICE, ALICE))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            hook.arm(address(data), calls[i]);
            stakeOn(BOB, SALT);
            isTrue(hook.refused(), "let in");
            bytes4 locked = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
            isTrue(hook.answer() == locked, "for another reason");
        }
    }

    function test_ether_recipientThatCallsBack_isPaidOnce() external {
        openCampaign(Arbiter.Owner);
        Reentrant recipient = new Reentrant();
        uint256 bundle = review(address(recipient), samplesFrom(0, 1));
        toAnswer(bundle);
        data.settleBundle(bundle);
        recipient.arm(address(data), abi.encodeCall(IAccounts.collect, (token, address(recipient), address(recipient))));
        data.collect(token, address(recipient), address(recipient));
        isTrue(recipient.refused(), "let in");
        equal(address(recipient).balance, R + D, "once");
    }

    /// @dev Who refuses ether keeps nobody from an end, and collects elsewhere.
    function test_ether_refusingContributor() external {
        openCampaign(Arbiter.Owner);
        address refusing = address(new Refusing());
        uint256 bundle = review(refusing, samplesFrom(0, 2));
        uint256 id = challengeAs(BOB, bundle, 0, Ground.Judged, NONE);
        toReveal(bundle);
        revealJudged(id, bundle, 0, NONE);
        afterCase(bundle);
        data.settleBundle(bundle);
        data.settleSample(bundle, 0);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, refusing, 2 * (R + D)));
        data.collect(token, refusing, refusing);
        vm.prank(refusing);
        data.collect(token, refusing, CAROL);
        equal(CAROL.balance, 2 * (R + D), "elsewhere");
    }
}
