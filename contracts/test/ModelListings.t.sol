// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {ListingTerms, ListingView, Parent, Quote} from "../src/models/types/Listings.sol";
import {ModelStage} from "./support/ModelStage.sol";
import {Collectible, Points, SilentToken} from "./support/Tokens.sol";

/// @title Listings, their parents and prices
contract ModelListingsTest is ModelStage {
    uint256[2] private _model = [BN254.G1_X, BN254.G1_Y];

    function setUp() external {
        deployModels();
        createFixtureSet();
    }

    function test_list_told() external {
        ListingTerms memory terms = fixtureTerms();
        bytes32 expected = _idOf(SELLER, terms, _model, 5);
        vm.expectEmit(true, true, true, true, MODELS);
        emit IModelRegistry.Listed(expected, SELLER, terms.set, 5, terms, _model);
        bytes32 listing = listAs(SELLER, terms, _model, 5);
        equal(listing, expected, "identifier");
        ListingView memory told = models.listing(listing);
        equal(told.seller, SELLER, "seller");
        isTrue(!told.unlisted, "unlisted");
        equal(keccak256(abi.encode(told.model, told.terms)), keccak256(abi.encode(_model, terms)), "model and terms");
    }

    /// @dev Every field is read back from the packed record, at its least and its most.
    function testFuzz_list_terms(ListingTerms memory drawn, uint256 seed) external {
        ListingTerms memory terms = fixtureTerms();
        (terms.base, terms.step, terms.floor) = (drawn.base, drawn.step, drawn.floor);
        terms.token = seed % 2 == 0 ? address(0) : _tokenAt(drawn.token);
        (terms.bond, terms.artifact) = (drawn.bond, drawn.artifact);
        terms.revealWindow = uint32(1 + drawn.revealWindow % 14 days);
        uint256 count = seed % 5;
        terms.parents = new Parent[](count);
        for (uint256 i = 0; i < count; ++i) {
            terms.parents[i] = Parent(_list(address(uint160(0xAA + i)), i), uint16(1 + (seed >> 8 + 16 * i) % 1250));
        }
        bytes32 listing = listAs(SELLER, terms, _model, 77);
        ListingView memory told = models.listing(listing);
        equal(keccak256(abi.encode(told.model, told.terms)), keccak256(abi.encode(_model, terms)), "model and terms");
    }

    function test_list_extremes() external {
        ListingTerms memory terms = fixtureTerms();
        (terms.base, terms.step, terms.bond) = (type(uint128).max, type(uint128).max, type(uint128).max);
        (terms.floor, terms.revealWindow, terms.artifact) = (type(uint32).max, 14 days, bytes32(type(uint256).max));
        terms.token = _tokenAt(address(type(uint160).max));
        ListingView memory told = models.listing(listAs(SELLER, terms, _model, type(uint256).max));
        equal(keccak256(abi.encode(told.terms)), keccak256(abi.encode(terms)), "terms");
    }

    function test_list_twice() external {
        bytes32 listing = _list(SELLER, 1);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingExists.selector, listing));
        _list(SELLER, 1);
        isTrue(_list(SELLER, 2) != listing && _list(address(0xBAD), 1) != listing, "two listings have one identifier");
    }

    /// @dev On another branch of the chain the same listing has another identifier.
    function test_list_otherBranch() external {
        bytes32 listing = _list(SELLER, 1);
        deployRegistryOfModels(MODELS, keccak256("another branch"));
        vm.prank(CREATOR);
        ListingTerms memory terms = fixtureTerms();
        terms.set = models.createSet("set", 2, 0);
        bytes32 there = listAs(SELLER, terms, _model, 1);
        isTrue(there != listing, "a listing of another branch");
        equal(there, _idOf(SELLER, terms, _model, 1), "identifier");
    }

    function test_list_verifiers() external {
        ListingTerms memory terms = fixtureTerms();
        terms.verifier = ROUNDING;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VerifierFamilyInvalid.selector, ROUNDING, 1));
        listAs(SELLER, terms, _model, 0);
        terms.verifier = address(0xBAD);
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierUnknown.selector, address(0xBAD)));
        listAs(SELLER, terms, _model, 0);
        families.approve(address(0xBAD), 2);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VerifierFamilyInvalid.selector, address(0xBAD), 2));
        listAs(SELLER, terms, _model, 0);
    }

    function test_list_setUnknown() external {
        ListingTerms memory terms = fixtureTerms();
        terms.set = keccak256("no set");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SetUnknown.selector, terms.set));
        listAs(SELLER, terms, _model, 0);
    }

    function test_list_commitments() external {
        uint256[2][8] memory refused = [
            [uint256(0), 0],
            [uint256(1), 1],
            [uint256(2), 2],
            [uint256(0), 2],
            [1 + BN254.P, uint256(2)],
            [uint256(1), 2 + BN254.P],
            [type(uint256).max, uint256(2)],
            [uint256(1), BN254.P]
        ];
        ListingTerms memory terms = fixtureTerms();
        for (uint256 i = 0; i < refused.length; ++i) {
            uint256[2] memory model = refused[i];
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CommitmentInvalid.selector, model[0], model[1]));
            listAs(SELLER, terms, model, 0);
        }
        listAs(SELLER, terms, [uint256(1), BN254.P - 2], 0);
    }

    function test_list_revealWindows() external {
        ListingTerms memory terms = fixtureTerms();
        uint32[3] memory refused = [uint32(0), 14 days + 1, type(uint32).max];
        for (uint256 i = 0; i < 3; ++i) {
            terms.revealWindow = refused[i];
            _termsInvalid(terms, "revealWindow");
        }
        terms.revealWindow = 1;
        listAs(SELLER, terms, _model, 0);
        terms.revealWindow = 14 days;
        listAs(SELLER, terms, _model, 0);
    }

    /// @dev As in the gradient market: what is no ERC-20 pays nobody, and an ERC-721's number 1 would pass for an amount of 1.
    function test_list_tokenThatIsNone() external {
        ListingTerms memory terms = fixtureTerms();
        address[6] memory none =
            [address(0x1234), address(2), address(4), MODELS, address(new Points()), address(new Collectible())];
        for (uint256 i = 0; i < none.length; ++i) {
            terms.token = none[i];
            _termsInvalid(terms, "token");
        }
        terms.token = address(new SilentToken());
        listAs(SELLER, terms, _model, 0);
    }

    function test_list_parentUnknown() external {
        ListingTerms memory terms = _withParents(1, 10);
        terms.parents[0].listing = keccak256("no listing");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingUnknown.selector, terms.parents[0].listing));
        listAs(SELLER, terms, _model, 9);
    }

    function test_list_parentTwice() external {
        for (uint256 first = 0; first < 4; ++first) {
            for (uint256 second = 0; second < first; ++second) {
                ListingTerms memory terms = _withParents(4, 10);
                terms.parents[first].listing = terms.parents[second].listing;
                _termsInvalid(terms, "parents");
            }
        }
    }

    function test_list_parentsTooMany() external {
        _termsInvalid(_withParents(5, 10), "parents");
        listAs(SELLER, _withParents(4, 10), _model, 9);
    }

    function test_list_sharesTooLarge() external {
        ListingTerms memory terms = _withParents(4, 1250);
        ++terms.parents[2].share;
        _termsInvalid(terms, "parents");
        for (uint256 i = 0; i < 4; ++i) {
            terms.parents[i].share = type(uint16).max; // their sum is beyond 16 bits
        }
        _termsInvalid(terms, "parents");
        terms = _withParents(4, 1250);
        terms.parents[3].share = 0;
        _termsInvalid(terms, "parents");
        listAs(SELLER, _withParents(4, 1250), _model, 9);
    }

    function test_quote_royalties() external {
        ListingTerms memory terms = _withParents(3, 100);
        terms.set = _emptyHandedSet();
        bytes32 listing = listAs(SELLER, terms, fixtureModel("first"), 9);
        _believeAll();
        proveAnything(listing, 9);
        Quote memory told = models.quote(listing);
        equal(told.royalties.length, 3, "royalties");
        for (uint256 i = 0; i < 3; ++i) {
            equal(told.royalties[i].recipient, address(uint160(0xAA + i)), "recipient");
            equal(told.royalties[i].share, 100 + i, "share");
        }
    }

    function test_unlist_sellerOnly() external {
        bytes32 listing = _list(SELLER, 1);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotSeller.selector, listing, address(this)));
        models.unlist(listing);
        vm.expectEmit(true, true, true, true, MODELS);
        emit IModelRegistry.Unlisted(listing);
        vm.prank(SELLER);
        models.unlist(listing);
        isTrue(models.listing(listing).unlisted, "still listed");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingClosed.selector, listing));
        vm.prank(SELLER);
        models.unlist(listing);
    }

    function test_unlist_noQuote() external {
        ListingTerms memory terms = fixtureTerms();
        terms.set = _emptyHandedSet();
        bytes32 listing = listAs(SELLER, terms, _model, 1);
        _believeAll();
        proveAnything(listing, 9);
        Quote memory told = models.quote(listing);
        equal(told.price, models.price(listing), "price");
        equal(told.seller, SELLER, "seller");
        equal(told.token, terms.token, "token");
        equal(told.bond, terms.bond, "bond");
        equal(told.revealWindow, terms.revealWindow, "reveal window");
        vm.prank(SELLER);
        models.unlist(listing);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingClosed.selector, listing));
        models.quote(listing);
        equal(models.price(listing), told.price, "what was proven stays");
    }

    function test_listing_unknown() external {
        bytes32 listing = keccak256("no listing");
        bytes memory refusal = abi.encodeWithSelector(IModelRegistry.ListingUnknown.selector, listing);
        vm.expectRevert(refusal);
        models.listing(listing);
        vm.expectRevert(refusal);
        models.score(listing);
        vm.expectRevert(refusal);
        models.price(listing);
        vm.expectRevert(refusal);
        models.quote(listing);
        vm.expectRevert(refusal);
        models.lineage(listing);
        vm.expectRevert(refusal);
        models.unlist(listing);
    }

    function testFuzz_price_formula(uint128 base, uint128 step, uint32 floor, uint32 correct) external {
        correct %= 2 ** 20;
        ListingTerms memory terms = fixtureTerms();
        (terms.base, terms.step, terms.floor, terms.set) = (base, step, floor, _emptyHandedSet());
        bytes32 listing = listAs(SELLER, terms, _model, 1);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotFullyProven.selector, listing));
        models.price(listing);
        _believeAll();
        proveAnything(listing, correct);
        uint256 beyond = correct > floor ? correct - floor : 0;
        equal(models.price(listing), uint256(base) + uint256(step) * beyond, "price");
    }

    /// @dev A set of one group of 2^20 samples without a chunk.
    function _emptyHandedSet() private returns (bytes32 set) {
        set = models.createSet("empty", 1, 0);
        models.registerGroup(set, 0, keccak256(abi.encode(2 ** 20)));
    }

    function _believeAll() private {
        vm.etch(ACCURACY, vm.getDeployedCode("ModelDoubles.sol:BelievingAccuracyVerifier"));
    }

    function proveAnything(bytes32 listing, uint256 correct) internal {
        Accuracy memory given = fixtureProof("first", 0);
        given.proof.chunks[0].correct = correct;
        models.prove(listing, 0, 2 ** 20, new uint256[2][](0), given.proof);
    }

    /// @dev A token at an address of choice, where no contract of the tests and no precompile is.
    function _tokenAt(address where) private returns (address) {
        where = address(uint160(where) | 1 << 159);
        if (where.code.length == 0) vm.etch(where, vm.getDeployedCode("Tokens.sol:SilentToken"));
        return where;
    }

    function _list(address seller, uint256 nonce) private returns (bytes32) {
        return listAs(seller, fixtureTerms(), _model, nonce);
    }

    /// @dev Terms with parents that other sellers list, each with one share more than the one before.
    function _withParents(uint256 count, uint16 share) private returns (ListingTerms memory terms) {
        terms = fixtureTerms();
        terms.parents = new Parent[](count);
        uint256 nonce = vm.snapshotState(); // another one each time
        for (uint256 i = 0; i < count; ++i) {
            uint16 each = share == 1250 ? share : share + uint16(i);
            terms.parents[i] = Parent(_list(address(uint160(0xAA + i)), nonce), each);
        }
    }

    function _termsInvalid(ListingTerms memory terms, string memory term) private {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingTermsInvalid.selector, term));
        listAs(SELLER, terms, _model, 9);
    }

    function _idOf(address seller, ListingTerms memory terms, uint256[2] memory model, uint256 nonce)
        private
        view
        returns (bytes32)
    {
        bytes memory head = abi.encode(keccak256("gradroll/v1/listing"), models.deployment(), seller, nonce);
        return keccak256(bytes.concat(head, keccak256(abi.encode(terms)), abi.encode(model)));
    }
}
