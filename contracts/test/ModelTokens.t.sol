// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {IAccounts} from "../src/interfaces/IAccounts.sol";
import {IModelAccounts} from "../src/models/interfaces/IModelAccounts.sol";
import {IModelBounties} from "../src/models/interfaces/IModelBounties.sol";
import {IModelSales} from "../src/models/interfaces/IModelSales.sol";
import {BountyTerms, GroupOpening} from "../src/models/types/Bounties.sol";
import {Offer, Sale} from "../src/models/types/Sales.sol";
import {Attestation} from "../src/types/Types.sol";
import {BountyScene} from "./support/BountyScene.sol";
import {Reentrant} from "./support/Recipients.sol";
import {FalseToken, FeeToken, HookToken, LyingToken, SilentToken, Token} from "./support/Tokens.sol";

/// @title Sales and bounties in tokens: plain ones, odd ones and hostile ones
contract ModelTokensTest is BountyScene {
    uint256 private constant KEY = 0xC0FFEE;
    address private _spender;

    function setUp() external {
        stageBounties();
        sales = IModelSales(create(creationOf("ModelSales", abi.encode(models))));
    }

    function spender() internal view override returns (address) {
        return _spender;
    }

    function test_tokens_wholeLife() external {
        _wholeLife(address(new Token()));
        _wholeLife(address(new SilentToken()));
    }

    function test_attack_tokensThatMoveAnotherAmount() external {
        _refusedTokens(address(new FeeToken()));
        _refusedTokens(address(new LyingToken()));
    }

    function test_attack_falseToken() external {
        FalseToken given = new FalseToken();
        token = address(given);
        _list();
        Offer memory offer = offerOf(LISTING, KEY);
        _lock(offer);
        sales.reveal(saleOf(offer, token), KEY);
        given.refuse(true);
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, seller, PRICE));
        sales.collect(token, seller, seller);
        equal(owedTo(seller, token), PRICE, "still owed");
        given.refuse(false);
        sales.collect(token, seller, seller);
        equal(given.balanceOf(seller), PRICE, "paid at last");
    }

    function test_attack_etherWithATokenSale() external {
        token = address(new Token());
        _list();
        Offer memory offer = offerOf(LISTING, KEY);
        bytes memory signature = signOffer(offer, SELLER_KEY);
        fundAccount(BUYER, token, PRICE);
        vm.deal(BUYER, 1);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        sales.lock{value: 1}(offer, signature);
    }

    /// @dev Whatever a token calls in the midst of a transfer that moves money is refused, and all is covered after it.
    function test_reentrant_token() external {
        HookToken hook = new HookToken();
        token = address(hook);
        _list();
        Offer memory offer = offerOf(LISTING, KEY);
        _spender = address(bounties);
        openForEntries();
        enter(0);
        bytes[] memory inSales = _salesCalls(offer);
        _spender = address(sales);
        for (uint256 i = 0; i < inSales.length; ++i) {
            uint256 state = vm.snapshotState();
            hook.arm(address(sales), inSales[i]);
            _lock(offer);
            _wasRefused(hook);
            (uint256 free, uint256 staked) = sales.bondOf(LISTING);
            equal(hook.balanceOf(address(sales)), free + staked + PRICE, "covered");
            vm.revertToState(state);
        }
        bytes[] memory inBounties = _bountyCalls();
        _spender = address(bounties);
        for (uint256 i = 0; i < inBounties.length; ++i) {
            uint256 state = vm.snapshotState();
            hook.arm(address(bounties), inBounties[i]);
            enter(1);
            _wasRefused(hook);
            equal(hook.balanceOf(address(bounties)), ESCROW + 2 * uint256(STAKE), "covered");
            vm.revertToState(state);
        }
    }

    /// @dev A recipient of ether does not take its bond twice.
    function test_reentrant_recipientOfEther() external {
        Reentrant greedy = new Reentrant();
        models.put(LISTING, address(greedy), listingTerms(address(0)));
        vm.deal(address(this), 2 * BOND);
        sales.depositBond{value: 2 * BOND}(LISTING, 2 * BOND);
        greedy.arm(address(sales), abi.encodeCall(IModelSales.withdrawBond, (LISTING, BOND, address(greedy))));
        vm.prank(address(greedy));
        sales.withdrawBond(LISTING, BOND, address(greedy));
        isTrue(greedy.refused(), "the second");
        equal(address(greedy).balance, BOND, "once");
    }

    function _wholeLife(address given) private {
        token = given;
        uint256 state = vm.snapshotState();
        _list();
        Offer memory offer = offerOf(LISTING, KEY);
        _lock(offer);
        sales.reveal(saleOf(offer, token), KEY);
        sales.collect(token, seller, seller);
        vm.prank(seller);
        sales.withdrawBond(LISTING, 3 * BOND, seller);
        equal(Token(token).balanceOf(seller), PRICE + 3 * BOND, "price and bond");
        equal(Token(token).balanceOf(address(sales)), 0, "nothing is left");
        _spender = address(bounties);
        untilSelling();
        lockOffer(1, SWAP_KEY);
        bounties.reveal(bounty, SWAP_KEY);
        for (uint256 i = 0; i < 3; ++i) {
            bounties.collect(token, entrantOf(i), entrantOf(i));
        }
        bounties.collect(token, OWNER, OWNER);
        equal(Token(token).balanceOf(entrantOf(1)), PRIZE + STAKE, "prize and bond");
        equal(Token(token).balanceOf(address(bounties)), 0, "nothing is left");
        vm.revertToState(state);
    }

    function _refusedTokens(address given) private {
        token = given;
        uint256 state = vm.snapshotState();
        models.put(LISTING, seller, listingTerms(token));
        models.prove(LISTING, 1);
        bytes memory refusal = abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, BOND);
        _spender = address(sales);
        fundAccount(seller, token, BOND);
        vm.prank(seller);
        vm.expectRevert(refusal);
        sales.depositBond(LISTING, BOND);
        _spender = address(bounties);
        fundAccount(OWNER, token, ESCROW);
        BountyTerms memory with = bountyTerms();
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(Funds.AmountNotReceived.selector, token, ESCROW));
        bounties.open(with, 0);
        vm.revertToState(state);
    }

    function _list() private {
        _spender = address(sales);
        listed(LISTING, token);
    }

    function _lock(Offer memory offer) private {
        _spender = address(sales);
        lock(offer, token);
    }

    function _wasRefused(HookToken hook) private view {
        isTrue(hook.calls() > 0 && hook.refused(), "called, and refused");
        isTrue(hook.answer() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "for that reason");
    }

    function _salesCalls(Offer memory offer) private view returns (bytes[] memory calls) {
        Sale memory terms = saleOf(offer, token);
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(IModelSales.reveal, (terms, KEY));
        calls[1] = abi.encodeCall(IModelSales.refund, (terms));
        calls[2] = abi.encodeCall(IModelSales.lock, (offer, ""));
        calls[3] = abi.encodeCall(IModelSales.depositBond, (LISTING, 1));
        calls[4] = abi.encodeCall(IModelSales.withdrawBond, (LISTING, 1, seller));
        calls[5] = abi.encodeCall(IAccounts.collect, (token, seller, seller));
    }

    function _bountyCalls() private view returns (bytes[] memory calls) {
        bytes32[] memory none = new bytes32[](0);
        calls = new bytes[](4);
        calls[0] = abi.encodeCall(IModelBounties.open, (bountyTerms(), 7));
        calls[1] = abi.encodeCall(IModelBounties.enter, (bounty, listingOf(1)));
        calls[2] =
            abi.encodeCall(IModelBounties.revealTests, (bounty, none, new GroupOpening[](0), new Attestation[](0)));
        calls[3] = abi.encodeCall(IAccounts.collect, (token, OWNER, OWNER));
    }
}
