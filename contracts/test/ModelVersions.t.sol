// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../src/data/interfaces/IDataErrors.sol";
import {IModelVersions} from "../src/data/interfaces/IModelVersions.sol";
import {Arbiter} from "../src/data/types/Campaigns.sol";
import {EpochReference, RoundReference, VersionTerms} from "../src/data/types/Versions.sol";
import {DataScene} from "./support/DataScene.sol";
import {ModelsAndRounds} from "./support/ModelsAndRounds.sol";

/// @title Versions name only what exists
contract ModelVersionsTest is DataScene {
    IModelVersions private _versions;

    function setUp() external {
        stageData();
        openCampaign(Arbiter.Owner);
        address models = address(new ModelsAndRounds());
        _versions = IModelVersions(create(creationOf("ModelVersions", abi.encode(data, models))));
    }

    function test_register_aGraph() external {
        bytes32 first = _register(ALICE, _terms("first"));
        VersionTerms memory with = _terms("second");
        with.parents = _list(first);
        bytes32 second = _register(BOB, with);
        with = _terms("third");
        with.parents = first < second ? _pair(first, second) : _pair(second, first);
        bytes32 third = _register(CAROL, with);
        equal(_versions.versionOf(third).generation, 2, "generation");
        equal(_versions.versionOf(third).author, CAROL, "author");
        with.parents = first < second ? _pair(second, first) : _pair(first, second);
        _invalid(with, "parents");
        with.parents = _pair(first, first);
        _invalid(with, "parents");
        with.parents = new bytes32[](9);
        _invalid(with, "parents");
        with.parents = _list(keccak256("none"));
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionUnknown.selector, keccak256("none")));
        _versions.register(with);
    }

    function test_register_once_byEachAuthor() external {
        VersionTerms memory with = _terms("model");
        bytes32 version = _register(ALICE, with);
        isTrue(_register(BOB, with) != version, "another author's");
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionExists.selector, version));
        vm.prank(ALICE);
        _versions.register(with);
        with.model = 0;
        _invalid(with, "model");
    }

    function test_register_needsClosedEpochs() external {
        VersionTerms memory with = _terms("model");
        with.epochs = new EpochReference[](1);
        with.epochs[0].campaign = campaign;
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.EpochNotClosed.selector, campaign, 0));
        _versions.register(with);
        uint256 bundle = review(ALICE, samplesFrom(0, 4));
        toAnswer(bundle);
        data.settleBundle(bundle);
        data.closeEpoch(campaign);
        _register(ALICE, with);
        with.epochs[0].campaign = keccak256("none");
        vm.expectRevert(abi.encodeWithSelector(IDataErrors.CampaignUnknown.selector, keccak256("none")));
        _versions.register(with);
        with.epochs = new EpochReference[](17);
        _invalid(with, "epochs");
    }

    function test_register_needsFinalRounds_andTheOwnListing() external {
        VersionTerms memory with = _terms("");
        with.model = keccak256(abi.encode([uint256(1), 2]));
        with.rounds = new RoundReference[](1);
        with.rounds[0] = RoundReference(7, 1, 3);
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.RoundNotFinalized.selector, 7, 3));
        _versions.register(with);
        with.rounds[0].count = 65;
        _invalid(with, "rounds");
        with.rounds[0].count = 0;
        _invalid(with, "rounds");
        with.rounds[0].count = 2;
        with.listing = bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.ListingOfOther.selector, with.listing));
        vm.prank(BOB);
        _versions.register(with);
        _register(ALICE, with);
        with.model = keccak256("another");
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.ListingOfOther.selector, with.listing));
        vm.prank(ALICE);
        _versions.register(with);
    }

    /// @dev The greatest of its parents' counts, whichever comes first, and however many there are.
    function test_register_generation_isOneMoreThanTheGreatest() external {
        bytes32 last = _register(ALICE, _terms("0"));
        bytes32[] memory parents = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            VersionTerms memory next = _terms(decimal(i + 1));
            next.parents = _list(last);
            last = _register(ALICE, next);
            equal(_versions.versionOf(last).generation, i + 1, "of a line");
            parents[i] = last;
        }
        VersionTerms memory with = _terms("all");
        with.parents = _sorted(parents);
        equal(_versions.versionOf(_register(BOB, with)).generation, 9, "of all");
        bytes32[] memory more = new bytes32[](9);
        for (uint256 i = 0; i < 8; ++i) {
            more[i] = with.parents[i];
        }
        more[8] = bytes32(type(uint256).max);
        with.parents = more;
        _invalid(with, "parents");
    }

    function test_register_noParentsBeforeThemselves() external {
        VersionTerms memory with = _terms("model");
        bytes32 own = _versions.idOf(ALICE, with);
        with.parents = _list(own);
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionUnknown.selector, own));
        vm.prank(ALICE);
        _versions.register(with);
        with.parents = _list(bytes32(0));
        _invalid(with, "parents");
    }

    /// @dev What is in another deployment is no parent here, though all of it is the same.
    function test_register_parentsOfAnotherDeployment_areUnknown() external {
        VersionTerms memory with = _terms("model");
        bytes32 here = _register(ALICE, with);
        vm.roll(++blockNumber);
        address models = address(_versions.models());
        _versions = IModelVersions(create(creationOf("ModelVersions", abi.encode(data, models))));
        isTrue(_versions.idOf(ALICE, with) != here, "another name");
        with.parents = _list(here);
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionUnknown.selector, here));
        _versions.register(with);
    }

    function test_register_openEpochs_andThoseOfAnotherCampaign_areRefused() external {
        bytes32 own = campaign;
        uint256 bundle = review(ALICE, samplesFrom(0, 4));
        toAnswer(bundle);
        data.settleBundle(bundle);
        data.closeEpoch(own);
        openCampaign(Arbiter.Owner);
        VersionTerms memory with = _terms("model");
        with.epochs = new EpochReference[](2);
        (with.epochs[0], with.epochs[1]) = (EpochReference(own, 0), EpochReference(campaign, 0));
        _refusedEpoch(with, campaign, 0);
        with.epochs[1] = EpochReference(own, 1);
        _refusedEpoch(with, own, 1);
        with.epochs[1].epoch = type(uint64).max;
        _refusedEpoch(with, own, type(uint64).max);
        with.epochs[1].epoch = 0;
        _register(ALICE, with);
    }

    /// @dev All rounds of all tasks that it names together are 64 at most, each of them finalised.
    function test_register_rounds_ofAnotherTask_orTooMany_areRefused() external {
        VersionTerms memory with = _terms("model");
        with.rounds = new RoundReference[](2);
        (with.rounds[0], with.rounds[1]) = (RoundReference(7, 0, 3), RoundReference(8, 2, 1));
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.RoundNotFinalized.selector, 8, 2));
        _versions.register(with);
        with.rounds[1] = RoundReference(7, 0, 62); // 65 with the others
        _invalid(with, "rounds");
        with.rounds[1] = RoundReference(7, type(uint64).max, 1);
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.RoundNotFinalized.selector, 7, type(uint64).max));
        _versions.register(with);
        with.rounds = new RoundReference[](17);
        _invalid(with, "rounds");
        with.rounds = new RoundReference[](16);
        for (uint256 i = 0; i < 16; ++i) {
            with.rounds[i] = RoundReference(7, 0, i == 0 ? 3 : 1);
        }
        _register(ALICE, with);
    }

    function test_register_aListingOfAnotherSeller_orModel_isRefused() external {
        VersionTerms memory with = _terms("");
        with.model = keccak256(abi.encode([uint256(1), 2]));
        with.listing = bytes32(uint256(2)); // of nobody
        _refusedListing(ALICE, with);
        with.listing = bytes32(uint256(1));
        _refusedListing(MALLORY, with);
        with.model = keccak256(abi.encode([uint256(2), 1]));
        _refusedListing(ALICE, with);
    }

    function test_versionOf_whatNobodyRegistered_isRefused() external {
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionUnknown.selector, bytes32(0)));
        _versions.versionOf(0);
    }

    function test_register_tellsAll() external {
        VersionTerms memory with = _terms("model");
        with.parents = _list(_register(BOB, _terms("parent")));
        bytes32 version = _versions.idOf(ALICE, with);
        vm.expectEmit(true, true, true, true, address(_versions));
        emit IModelVersions.VersionRegistered(version, ALICE, 1, with);
        _register(ALICE, with);
        equal(_versions.versionOf(version).termsHash, keccak256(abi.encode(with)), "hash of all that it says");
        equal(_versions.versionOf(version).time, vm.getBlockTimestamp(), "time");
    }

    function _refusedEpoch(VersionTerms memory with, bytes32 of_, uint256 epoch) private {
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.EpochNotClosed.selector, of_, epoch));
        _versions.register(with);
    }

    function _refusedListing(address author, VersionTerms memory with) private {
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.ListingOfOther.selector, with.listing));
        vm.prank(author);
        _versions.register(with);
    }

    function _sorted(bytes32[] memory all) private pure returns (bytes32[] memory) {
        for (uint256 i = 1; i < all.length; ++i) {
            for (uint256 j = i; j > 0 && all[j] < all[j - 1]; --j) {
                (all[j], all[j - 1]) = (all[j - 1], all[j]);
            }
        }
        return all;
    }

    function _register(address author, VersionTerms memory with) private returns (bytes32 version) {
        vm.prank(author);
        version = _versions.register(with);
        equal(version, _versions.idOf(author, with), "identifier");
    }

    function _invalid(VersionTerms memory with, string memory part) private {
        vm.expectRevert(abi.encodeWithSelector(IModelVersions.VersionInvalid.selector, part));
        _versions.register(with);
    }

    function _terms(string memory name) private pure returns (VersionTerms memory with) {
        (with.model, with.rule) = (keccak256(bytes(name)), keccak256("rule"));
    }

    function _list(bytes32 one) private pure returns (bytes32[] memory out) {
        out = new bytes32[](1);
        out[0] = one;
    }

    function _pair(bytes32 one, bytes32 other) private pure returns (bytes32[] memory out) {
        out = new bytes32[](2);
        (out[0], out[1]) = (one, other);
    }
}
