// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ListingTerms, Parent} from "../src/models/types/Listings.sol";
import {Offer, Sale} from "../src/models/types/Sales.sol";
import {Check} from "./support/Check.sol";
import {SaleScene} from "./support/SaleScene.sol";
import {Token} from "./support/Tokens.sol";

/// @title Random but sensible calls of sales by everyone, of a listing in ether and of one in tokens with a parent
contract SalesHandler is SaleScene {
    bytes32[2] private _listings = [keccak256("in ether"), keccak256("in tokens")];
    address[2] private _tokens;
    address[3] private _accounts = [vm.addr(SELLER_KEY), vm.addr(PARENT_KEY), BUYER];
    /// @dev Sales, encoded, and their keys.
    bytes[] private _open;
    uint256[] private _keys;
    uint256 private _nextKey = 1;
    /// @dev Bonds of open sales, and what came in and went out of each token, written down here.
    uint256[2] public staked;
    uint256[2] public locked;
    uint256[2] public paidIn;
    uint256[2] public paidOut;

    constructor() {
        stageSales();
        _tokens[1] = address(new Token());
        models.put(PARENT, vm.addr(PARENT_KEY), listingTerms(address(0)));
        for (uint256 i = 0; i < 2; ++i) {
            ListingTerms memory with = listingTerms(_tokens[i]);
            (with.base, with.parents) = (PRICE + 7, new Parent[](i));
            if (i == 1) with.parents[0] = Parent(PARENT, 3333);
            models.put(_listings[i], seller, with);
            models.prove(_listings[i], 1);
        }
    }

    function doDeposit(uint256 which, uint256 amount) external {
        which %= 2;
        amount = 1 + amount % (2 * BOND);
        giveBond(_listings[which], _tokens[which], amount);
        paidIn[which] += amount;
    }

    function doWithdraw(uint256 which, uint256 amount) external {
        which %= 2;
        (uint256 free,) = sales.bondOf(_listings[which]);
        amount = 1 + amount % (free + 2);
        vm.prank(seller);
        sales.withdrawBond(_listings[which], amount, address(0xF00));
        paidOut[which] += amount;
    }

    function doLock(uint256 which, uint256 wait) external {
        which %= 2;
        Offer memory offer = offerOf(_listings[which], _nextKey);
        (offer.price, offer.deadline) = (PRICE + 7, vm.getBlockTimestamp() + REVEAL_WINDOW + wait % 2 days);
        lock(offer, _tokens[which]);
        Sale memory terms = saleOf(offer, _tokens[which]);
        terms.royalties = models.quote(_listings[which]).royalties;
        _open.push(abi.encode(terms));
        _keys.push(_nextKey++);
        staked[which] += BOND;
        locked[which] += offer.price;
        paidIn[which] += offer.price;
    }

    /// @dev A sale that may be over already, with its key or another.
    function doReveal(uint256 number, bool wrong) external {
        number %= _open.length;
        sales.reveal(_saleAt(number), _keys[number] + (wrong ? 1 : 0));
        _over(number);
    }

    function doRefund(uint256 number, bool late) external {
        number %= _open.length;
        Sale memory terms = _saleAt(number);
        if (late) vm.warp(terms.offer.deadline + 1);
        sales.refund(terms);
        _over(number);
    }

    function doCollect(uint256 which, uint256 account) external {
        address taken = _accounts[account % 3];
        paidOut[which % 2] += sales.collect(_tokens[which % 2], taken, taken);
    }

    function pass(uint256 time) external {
        elapse(time % 6 hours);
    }

    function held(uint256 which) external view returns (uint256) {
        return which == 0 ? address(sales).balance : Token(_tokens[1]).balanceOf(address(sales));
    }

    function bonds(uint256 which) external view returns (uint256 free, uint256 inSales) {
        return sales.bondOf(_listings[which]);
    }

    function credits(uint256 which) external view returns (uint256 sum) {
        for (uint256 i = 0; i < 3; ++i) {
            sum += sales.owed(_tokens[which], _accounts[i]);
        }
    }

    function _saleAt(uint256 number) private view returns (Sale memory) {
        return abi.decode(_open[number], (Sale));
    }

    function _over(uint256 number) private {
        Sale memory terms = _saleAt(number);
        uint256 which = terms.token == address(0) ? 0 : 1;
        staked[which] -= BOND;
        locked[which] -= terms.offer.price;
    }
}

/// @title What holds of the money of sales after any calls
contract ModelSalesInvariantTest is Check {
    SalesHandler private _handler;

    function setUp() external {
        _handler = new SalesHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_everyUnitIsSomebodys() external view {
        for (uint256 which = 0; which < 2; ++which) {
            (uint256 free, uint256 inSales) = _handler.bonds(which);
            equal(inSales, _handler.staked(which), "bonds of open sales");
            uint256 owed = free + inSales + _handler.locked(which) + _handler.credits(which);
            equal(_handler.held(which), owed, "held");
            equal(_handler.held(which), _handler.paidIn(which) - _handler.paidOut(which), "nothing made or lost");
        }
    }
}
