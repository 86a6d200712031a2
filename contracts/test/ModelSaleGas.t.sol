// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Parent} from "../src/models/types/Listings.sol";
import {Offer, Sale} from "../src/models/types/Sales.sol";
import {ModelMarketScene} from "./support/ModelMarketScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of a sale, whole transactions
contract ModelSaleGasTest is ModelMarketScene, Snapshot {
    uint256 private constant GOAL = 190_000;
    uint256 private constant KEY = 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef % 2 ** 253;

    /// forge-config: default.isolate = true
    function test_sale_gas() external {
        stageMarket();
        bytes32 listing = listModel(seller, publicSet(), new Parent[](0));
        proveGroup(listing, 0, 100, 90);
        giveBond(listing, address(0), BOND);
        record("depositBond", vm.lastCallGas().gasTotalUsed);
        Offer memory offer = offerOf(listing, KEY);
        lock(offer, address(0));
        uint256 locked = vm.lastCallGas().gasTotalUsed;
        Sale memory terms = saleOf(offer, address(0));
        uint256 state = vm.snapshotState();
        sales.reveal(terms, KEY);
        uint256 revealed = vm.lastCallGas().gasTotalUsed;
        sales.collect(address(0), seller, seller);
        uint256 collected = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state);
        vm.warp(offer.deadline + 1);
        sales.refund(terms);
        record("collect", collected);
        record("refund", vm.lastCallGas().gasTotalUsed);
        record("lock", locked);
        record("reveal", revealed);
        vm.deal(seller, 1);
        isTrue(locked + revealed <= GOAL, "lock and reveal cost more than they may");
        vm.prank(seller);
        sales.depositBond{value: 1}(listing, 1);
        vm.prank(seller);
        sales.withdrawBond(listing, 1, seller);
        record("withdrawBond", vm.lastCallGas().gasTotalUsed);
        settle("sales");
    }
}
