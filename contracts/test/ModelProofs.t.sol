// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {ListingTerms, Score} from "../src/models/types/Listings.sol";
import {BelievingAccuracyVerifier} from "./support/ModelDoubles.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title What is proven of listings, on real proofs
contract ModelProofsTest is ModelStage {
    bytes32 private _set;

    function setUp() external {
        deployModels();
        _set = createFixtureSet();
    }

    function test_prove_bothGroups() external {
        bytes32 listing = listFixture("first");
        Accuracy memory given = fixtureProof("first", 1);
        vm.expectEmit(true, true, true, true, MODELS);
        emit IModelRegistry.Proven(listing, 1, given.correct, 14, 1);
        prove(given, 1);
        _scored(listing, 2, given.correct, 14, false);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotFullyProven.selector, listing));
        models.price(listing);
        uint256 correct = given.correct + prove("first", 0).correct;
        _scored(listing, 3, correct, 22, true);
        equal(models.price(listing), 1000 + 7 * (correct - 5), "price");
        equal(models.openings(SELLER, given.model), 2, "openings");
    }

    function test_prove_twice() external {
        bytes32 listing = listFixture("first");
        Accuracy memory given = prove("first", 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.AlreadyProven.selector, listing, 0));
        prove(given, 0);
        _scored(listing, 1, given.correct, 8, false);
        equal(models.openings(SELLER, given.model), 1, "openings");
    }

    function test_prove_listingUnknown() external {
        Accuracy memory given = fixtureProof("first", 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingUnknown.selector, given.listing));
        prove(given, 0);
    }

    /// @dev What was proven for a listing is worth nothing for another one, of the same model, set and seller.
    function test_prove_otherListing() external {
        listFixture("first");
        bytes32 second = listFixture("second");
        Accuracy memory given = fixtureProof("first", 0);
        given.listing = second;
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        prove(given, 0);
        equal(models.openings(SELLER, given.model), 0, "openings");
    }

    /// @dev Whoever lists another's commitment cannot use its proofs, nor its openings.
    function test_prove_copiedListing() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 0);
        given.listing = listAs(address(0xBAD), fixtureTerms(), given.model, 0);
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        prove(given, 0);
        equal(models.openings(SELLER, given.model), 0, "openings");
    }

    function test_prove_otherModel() external {
        bytes32 listing = listAs(SELLER, fixtureTerms(), fixtureModel("other"), 9);
        Accuracy memory given = fixtureProof("first", 0);
        given.listing = listing;
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        prove(given, 0);
        listFixture("other");
        prove("other", 0);
    }

    function test_prove_otherGroup() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 0);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupMismatch.selector, _set, 1, given.groupHash));
        prove(given, 1);
    }

    function test_prove_otherSamples() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 1);
        uint256[2] memory others = [uint256(13), 16];
        for (uint256 i = 0; i < 2; ++i) {
            given.samples = others[i];
            bytes32 computed = keccak256(abi.encode(others[i], given.data[0], given.data[1]));
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupMismatch.selector, _set, 1, computed));
            prove(given, 1);
        }
    }

    function test_prove_chunkLeftOut() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 1);
        uint256[2] memory first = given.data[0];
        given.data = new uint256[2][](1);
        given.data[0] = first;
        vm.expectPartialRevert(IModelRegistry.GroupMismatch.selector);
        prove(given, 1);
    }

    function test_prove_dataOfOthers() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 1);
        (given.data[0], given.data[1]) = (given.data[1], given.data[0]);
        vm.expectPartialRevert(IModelRegistry.GroupMismatch.selector);
        prove(given, 1);
    }

    function test_prove_groupOutOfRange() external {
        listFixture("first");
        Accuracy memory given = fixtureProof("first", 0);
        uint256[3] memory beyond = [uint256(2), 64, 256];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupOutOfRange.selector, _set, beyond[i]));
            prove(given, beyond[i]);
        }
    }

    /// @dev A model may be listed on a set whose groups are hidden still; it has a price once all are there and proven.
    function test_prove_incompleteSet() external {
        bytes32 set = models.createSet("hidden", 3, 0);
        bytes32 listing = _listStubbed(set);
        Accuracy memory given = fixtureProof("first", 0);
        given.listing = listing;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.GroupUnknown.selector, set, 0));
        prove(given, 0);
        for (uint256 i = 0; i < 3; ++i) {
            models.registerGroup(set, i, given.groupHash);
            isTrue(!models.score(listing).complete, "complete too early");
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotFullyProven.selector, listing));
            models.price(listing);
            prove(given, i);
        }
        isTrue(models.score(listing).complete, "incomplete");
        models.price(listing);
    }

    function test_prove_unlisted() external {
        bytes32 listing = listFixture("first");
        vm.prank(SELLER);
        models.unlist(listing);
        _scored(listing, 1, prove("first", 0).correct, 8, false);
    }

    function test_prove_samplesOutOfRange() external {
        uint256[3] memory refused = [uint256(0), 2 ** 20 + 1, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 set = models.createSet(bytes32(i), 1, 0);
            models.registerGroup(set, 0, keccak256(abi.encode(refused[i])));
            Accuracy memory given = fixtureProof("first", 0);
            (given.listing, given.samples, given.data) = (_listStubbed(set), refused[i], new uint256[2][](0));
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SamplesOutOfRange.selector, refused[i]));
            prove(given, 0);
        }
    }

    /// @dev Labels that are not one-hot would count a sample more than once.
    function test_prove_moreThanSamples() external {
        bytes32 set = models.createSet("strange", 1, 0);
        Accuracy memory given = fixtureProof("first", 0);
        models.registerGroup(set, 0, given.groupHash);
        given.listing = _listStubbed(set);
        given.proof.chunks[0].correct = 9;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CorrectExceedsSamples.selector, 9, 8));
        prove(given, 0);
        given.proof.chunks[0].correct = 8;
        prove(given, 0);
    }

    function test_openings_overListings() external {
        listFixture("first");
        listFixture("second");
        listFixture("third");
        listFixture("other");
        uint256[2] memory model = fixtureModel("first");
        uint256 opened = 0;
        string[3] memory names = ["first", "second", "third"];
        for (uint256 i = 0; i < 6; ++i) {
            prove(names[i % 3], i / 3);
            equal(models.openings(SELLER, model), ++opened, "openings");
        }
        prove("other", 0);
        equal(models.openings(SELLER, model), opened, "openings of another commitment count");
        equal(models.openings(SELLER, fixtureModel("other")), 1, "openings");
    }

    /// @dev 64 groups of two listings and one of a third: the 129th is refused, in whichever listing.
    function test_openings_exhausted() external {
        listFixture("first");
        bytes memory sound = ACCURACY.code;
        bytes32 wide = models.createSet("wide", 64, 0);
        Accuracy memory given = fixtureProof("first", 0);
        bytes32[3] memory listings;
        for (uint256 i = 0; i < 3; ++i) {
            listings[i] = _listStubbed(wide, i);
        }
        for (uint256 i = 0; i < 128; ++i) {
            if (i < 64) models.registerGroup(wide, i, given.groupHash);
            given.listing = listings[i / 64];
            prove(given, i % 64);
            equal(models.openings(SELLER, given.model), i + 1, "openings");
        }
        bytes memory refusal =
            abi.encodeWithSelector(IModelRegistry.OpeningsExhausted.selector, given.model[0], given.model[1]);
        given.listing = listings[2];
        vm.expectRevert(refusal);
        prove(given, 0);
        vm.etch(ACCURACY, sound);
        given = fixtureProof("first", 0);
        vm.expectRevert(refusal);
        prove(given, 0);
        listFixture("other");
        prove("other", 0);
    }

    /// @dev Verifiers are made of any key, and whoever made one proves what it likes under it, of any commitment. A rival that lists
    /// a foreign model under such a verifier uses none of its seller's openings up.
    function test_attack_openingsUnderAKeyOfARival() external {
        bytes32 victim = listFixture("first");
        address rivals = address(0xE71);
        vm.etch(rivals, vm.getDeployedCode("ModelDoubles.sol:BelievingAccuracyVerifier"));
        families.approve(rivals, 0);
        vm.startPrank(address(0xBAD));
        ListingTerms memory terms = fixtureTerms();
        (terms.verifier, terms.set) = (rivals, models.createSet("rival's", 64, 0));
        Accuracy memory given = fixtureProof("first", 0);
        for (uint256 i = 0; i < 128; ++i) {
            if (i < 64) models.registerGroup(terms.set, i, given.groupHash);
            if (i % 64 == 0) given.listing = models.list(terms, given.model, i);
            prove(given, i % 64);
        }
        vm.stopPrank();
        equal(models.openings(SELLER, given.model), 0, "the seller's openings");
        prove("first", 0);
        prove("first", 1);
        isTrue(models.score(victim).complete, "proven");
        equal(models.openings(address(0xBAD), given.model), 128, "the rival's own");
    }

    function _scored(bytes32 listing, uint64 proven, uint256 correct, uint256 samples, bool complete) private view {
        Score memory told = models.score(listing);
        equal(told.proven, proven, "proven");
        equal(told.correct, correct, "correct");
        equal(told.samples, samples, "samples");
        isTrue(told.complete == complete, "complete");
    }

    /// @dev The first model listed on another set, where every proof is believed from now on.
    function _listStubbed(bytes32 set) private returns (bytes32) {
        return _listStubbed(set, 100);
    }

    function _listStubbed(bytes32 set, uint256 nonce) private returns (bytes32) {
        vm.etch(ACCURACY, vm.getDeployedCode("ModelDoubles.sol:BelievingAccuracyVerifier"));
        ListingTerms memory terms = fixtureTerms();
        terms.set = set;
        return listAs(SELLER, terms, fixtureModel("first"), nonce);
    }
}
