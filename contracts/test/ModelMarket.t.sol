// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {IModelSales} from "../src/models/interfaces/IModelSales.sol";
import {BountyStage, BountyTerms, GroupOpening} from "../src/models/types/Bounties.sol";
import {ListingTerms, Parent} from "../src/models/types/Listings.sol";
import {Offer, Sale} from "../src/models/types/Sales.sol";
import {ModelMarketScene} from "./support/ModelMarketScene.sol";

/// @title Models that win bounties and are sold, on the registry itself
contract ModelMarketTest is ModelMarketScene {
    uint256 private constant KEY = 0xC0FFEE;

    function setUp() external {
        stageMarket();
    }

    function test_sale_withRoyalties() external {
        bytes32 set = publicSet();
        bytes32 parent = listModel(vm.addr(PARENT_KEY), set, new Parent[](0));
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(parent, 2500);
        bytes32 child = listModel(seller, set, parents);
        giveBond(child, address(0), BOND);
        Offer memory offer = offerOf(child, KEY);
        bytes memory signature = signOffer(offer, SELLER_KEY);
        vm.deal(BUYER, PRICE);
        vm.prank(BUYER);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotFullyProven.selector, child));
        sales.lock{value: PRICE}(offer, signature);
        proveGroup(child, 0, 100, 90);
        bytes32 sale = lock(offer, address(0));
        Sale memory terms = saleOf(offer, address(0));
        terms.royalties = listings.quote(child).royalties;
        sales.reveal(terms, KEY);
        equal(owedTo(vm.addr(PARENT_KEY), address(0)), PRICE / 4, "a quarter");
        equal(owedTo(seller, address(0)), PRICE - PRICE / 4, "the rest");
        vm.expectRevert(abi.encodeWithSelector(IModelSales.SaleNotOpen.selector, sale));
        sales.reveal(terms, KEY);
    }

    /// @dev The longest window that the registry lists can be sold for as long as the cap of deadlines leaves: 16 days after the offer.
    function test_sale_longestRevealWindow() external {
        bytes32 set = publicSet();
        ListingTerms memory with = termsOn(set, new Parent[](0));
        with.revealWindow = 14 days;
        vm.prank(seller);
        bytes32 listing = listings.list(with, [uint256(1), uint256(2)], 0);
        giveBond(listing, address(0), BOND);
        proveGroup(listing, 0, 100, 90);
        Offer memory offer = offerOf(listing, KEY);
        offer.deadline = vm.getBlockTimestamp() + 30 days;
        vm.warp(vm.getBlockTimestamp() + 16 days);
        uint256 state = vm.snapshotState();
        vm.warp(vm.getBlockTimestamp() + 1);
        bytes memory signature = signOffer(offer, SELLER_KEY);
        vm.deal(BUYER, PRICE);
        vm.prank(BUYER);
        vm.expectPartialRevert(IModelSales.DeadlineOutOfRange.selector);
        sales.lock{value: PRICE}(offer, signature);
        vm.revertToState(state);
        lock(offer, address(0));
    }

    /// @dev The prize is the winner's, also where its listing declares a parent.
    function test_bounty_paysNoRoyalties() external {
        Parent[] memory parents = new Parent[](1);
        parents[0] = Parent(listModel(vm.addr(PARENT_KEY), publicSet(), new Parent[](0)), 2500);
        _winBounty(parents);
        equal(owedBy(entrantOf(0)), PRIZE + STAKE, "prize and bond");
        equal(owedBy(vm.addr(PARENT_KEY)), 0, "the parent's seller");
        equal(address(bounties).balance, owedBy(OWNER) + PRIZE + STAKE, "all is owed");
    }

    /// @dev Three enter a bounty on data that nobody has seen; the best is proven and sold to the owner.
    function test_bounty_onHiddenGroups() external {
        (bytes32[] memory hidden, BountyTerms memory with) = hiddenTerms();
        vm.deal(OWNER, ESCROW);
        vm.prank(OWNER);
        bounty = bounties.open{value: ESCROW}(with, 0);
        drawTraining();
        show(hidden, 1);
        bytes32[3] memory entered;
        for (uint256 i = 0; i < 3; ++i) {
            address entrant = entrantOf(i);
            entered[i] = listModel(entrant, view_().set, new Parent[](0));
            vm.deal(entrant, STAKE);
            vm.prank(entrant);
            bounties.enter{value: STAKE}(bounty, entered[i]);
        }
        drawTests();
        show(hidden, 2);
        GroupOpening[] memory tests = hiddenOpenings(view_().tests);
        for (uint256 group = 0; group < TESTS; ++group) {
            for (uint256 i = 0; i < 3; ++i) {
                if (i == 2 && group == 0) continue; // the third proves all but one
                proveGroup(entered[i], group, tests[group].samples, i == 2 ? 99 : 20 + i);
            }
        }
        settle();
        equal(view_().winner, 1, "the best that proved all");
        equal(bounties.entryAt(bounty, 1).correct, TESTS * 21, "what was proven");
        (uint256 x, uint256 y) = pointOf(KEY);
        bytes memory signature = sign(entrantKey(1), bountyOfferDigest(entered[1], x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        bounties.reveal(bounty, KEY);
        inStage(BountyStage.Sold);
        equal(owedBy(entrantOf(1)), PRIZE + STAKE, "prize and bond");
        equal(owedBy(entrantOf(0)), STAKE, "bond");
        equal(burnt(), STAKE, "the third's");
        equal(owedBy(OWNER), uint256(ENTRANTS) * X, "the compensation came back");
        equal(address(bounties).balance, owedBy(OWNER) + PRIZE + 3 * uint256(STAKE), "all is owed");
    }

    /// @dev One enters alone, with such parents, and wins.
    function _winBounty(Parent[] memory parents) private {
        (bytes32[] memory hidden, BountyTerms memory with) = hiddenTerms();
        vm.deal(OWNER, ESCROW);
        vm.prank(OWNER);
        bounty = bounties.open{value: ESCROW}(with, 0);
        drawTraining();
        show(hidden, 1);
        address entrant = entrantOf(0);
        bytes32 entered = listModel(entrant, view_().set, parents);
        vm.deal(entrant, STAKE);
        vm.prank(entrant);
        bounties.enter{value: STAKE}(bounty, entered);
        drawTests();
        show(hidden, 2);
        GroupOpening[] memory tests = hiddenOpenings(view_().tests);
        for (uint256 group = 0; group < TESTS; ++group) {
            proveGroup(entered, group, tests[group].samples, 20);
        }
        settle();
        (uint256 x, uint256 y) = pointOf(KEY);
        bytes memory signature = sign(entrantKey(0), bountyOfferDigest(entered, x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        bounties.reveal(bounty, KEY);
        inStage(BountyStage.Sold);
    }
}
