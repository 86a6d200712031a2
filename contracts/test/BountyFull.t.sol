// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BountyStage, BountyTerms, GroupOpening} from "../src/models/types/Bounties.sol";
import {ListingTerms, Parent} from "../src/models/types/Listings.sol";
import {ModelMarketScene} from "./support/ModelMarketScene.sol";

/// @title A bounty with as many entries as there may be, on the registry itself: no call loops beyond what a block takes
contract BountyFullTest is ModelMarketScene {
    uint256 private constant FULL = 64;
    /// @dev A sixth of the smallest gas limit that blocks of Ethereum have had since 2021.
    uint256 private constant MOST_GAS = 5_000_000;
    uint256 private constant KEY = 0xC0FFEE;

    bytes32[] private _hidden;
    bytes32[] private _entered;

    function setUp() external {
        stageMarket();
        BountyTerms memory with;
        (_hidden, with) = hiddenTerms();
        with.maxEntrants = uint32(FULL);
        with.threshold = 1;
        uint256 escrow = with.prize + FULL * with.compensation;
        vm.deal(OWNER, escrow);
        vm.prank(OWNER);
        bounty = bounties.open{value: escrow}(with, 0);
        drawTraining();
        show(_hidden, 1);
        for (uint256 i = 0; i < FULL; ++i) {
            _enter(i);
        }
        drawTests();
    }

    /// forge-config: default.isolate = true
    function test_full_withheld() external {
        elapse(3 hours);
        bounties.withheld(bounty);
        _fits("withheld");
        inStage(BountyStage.Withheld);
        equal(owedBy(entrantOf(FULL - 1)), uint256(STAKE) + X, "the last has its bond and x");
    }

    /// forge-config: default.isolate = true
    function test_full_nobodyProves() external {
        show(_hidden, 2);
        settle();
        _fits("settle");
        inStage(BountyStage.Unsold);
        equal(burnt(), FULL * STAKE, "all bonds");
    }

    /// forge-config: default.isolate = true
    function test_full_sold() external {
        show(_hidden, 2);
        GroupOpening[] memory tests = hiddenOpenings(view_().tests);
        for (uint256 group = 0; group < TESTS; ++group) {
            for (uint256 i = 0; i < FULL; ++i) {
                proveGroup(_entered[i], group, tests[group].samples, 1 + i);
            }
        }
        settle();
        _fits("settle");
        equal(view_().winner, FULL - 1, "the best");
        elapse(5 hours + 1);
        bounties.passOver(bounty);
        _fits("passOver");
        equal(view_().winner, FULL - 2, "the next");
        (uint256 x, uint256 y) = pointOf(KEY);
        bytes memory signature = sign(entrantKey(FULL - 2), bountyOfferDigest(_entered[FULL - 2], x, y, SEALED));
        vm.prank(OWNER);
        bounties.lockOffer(bounty, x, y, SEALED, signature);
        bounties.reveal(bounty, KEY);
        _fits("reveal");
        equal(owedBy(entrantOf(0)), STAKE, "bond");
        equal(address(bounties).balance, owedBy(OWNER) + burnt() + PRIZE + (FULL - 1) * uint256(STAKE), "all is owed");
    }

    /// @dev Each has a commitment of its own: one is opened 128 times at most.
    function _enter(uint256 i) private {
        address entrant = entrantOf(i);
        ListingTerms memory with = termsOn(view_().set, new Parent[](0));
        (uint256 x, uint256 y) = pointOf(i + 1);
        vm.prank(entrant);
        _entered.push(listings.list(with, [x, y], 0));
        vm.deal(entrant, STAKE);
        vm.prank(entrant);
        bounties.enter{value: STAKE}(bounty, _entered[i]);
    }

    function _fits(string memory what) private view {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        isTrue(used <= MOST_GAS && used > FULL * 1000, string.concat(what, " of 64 entries costs ", decimal(used)));
    }
}
