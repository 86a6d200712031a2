// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {ListingView, Score, SetView} from "../src/models/types/Listings.sol";
import {ModelHandler} from "./support/ModelHandler.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title What the registry tells is what was accepted, whatever calls there were
contract ModelRegistryInvariantTest is ModelStage {
    ModelHandler private _handler;
    mapping(uint256 model => uint256) private _seen;

    function setUp() external {
        deployModels();
        vm.etch(ACCURACY, vm.getDeployedCode("ModelDoubles.sol:BelievingAccuracyVerifier"));
        uint256[2][] memory points = new uint256[2][](3);
        for (uint256 i = 0; i < 3; ++i) {
            points[i] = times([BN254.G1_X, BN254.G1_Y], i + 1);
        }
        _handler = new ModelHandler(models, ACCURACY, points);
        _handler.createSet(0, 1);
        _handler.createSet(1, 3);
        for (uint256 i = 0; i < 3; ++i) {
            _handler.list(i, i, uint32(i), i);
        }
        for (uint256 i = 0; i < 2; ++i) {
            _handler.registerGroup(0, i);
            _handler.registerGroup(1, i);
        }
    }

    /// @dev Which contracts forge calls.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_scores() external view {
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            bytes32 listing = _handler.listings(i);
            ModelHandler.Account memory account = _handler.accountOf(listing);
            Score memory told = models.score(listing);
            equal(told.proven, account.proven, "proven");
            equal(told.correct, account.correct, "correct");
            equal(told.samples, account.samples, "samples");
            isTrue(told.correct <= told.samples, "more right answers than samples");
            SetView memory set = models.set(_handler.setOf(listing));
            isTrue(told.proven & ~uint256(set.registered) == 0, "proven on a group that is not there");
            isTrue(told.complete == (set.complete && told.proven == set.registered), "complete");
            _priced(listing, told);
        }
    }

    /// @dev The registry's counter is the sum over listings; it never falls and never passes 128.
    function invariant_openings() external {
        uint256[3] memory counted;
        for (uint256 i = 0; i < _handler.listingCount(); ++i) {
            ModelHandler.Account memory account = _handler.accountOf(_handler.listings(i));
            for (uint256 bits = account.proven; bits != 0; bits &= bits - 1) {
                ++counted[account.model];
            }
        }
        for (uint256 model = 0; model < 3; ++model) {
            uint256 told = models.openings(address(_handler), _handler.point(model));
            equal(told, counted[model], "openings");
            equal(told, _handler.opened(model), "openings");
            isTrue(told >= _seen[model] && told <= 128, "a counter fell, or passed its bound");
            _seen[model] = told;
        }
    }

    /// @dev Every call succeeds now and then, or nothing above is shown.
    function test_handler_reachesEverything() external {
        for (uint256 i = 0; i < 2; ++i) {
            _handler.prove(0, i, 7);
        }
        _handler.unlist(1);
        isTrue(models.score(_handler.listings(0)).complete, "incomplete");
        this.invariant_scores();
        this.invariant_openings();
    }

    function _priced(bytes32 listing, Score memory told) private view {
        ListingView memory view_ = models.listing(listing);
        isTrue(view_.unlisted == _handler.accountOf(listing).closed, "unlisted");
        uint256 floor = view_.terms.floor;
        try models.price(listing) returns (uint256 price) {
            isTrue(told.complete, "a price before everything is proven");
            equal(price, 1000 + 7 * (told.correct > floor ? told.correct - floor : 0), "price");
        } catch (bytes memory refusal) {
            isTrue(!told.complete && bytes4(refusal) == IModelRegistry.NotFullyProven.selector, "no price");
        }
    }
}
