// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../../src/models/interfaces/IModelRegistry.sol";
import {ListingTerms, ListingView, Quote, Royalty, Score} from "../../src/models/types/Listings.sol";
import {FamilyFactory} from "./ModelDoubles.sol";

/// @title A registry of models that says of listings what a test tells it to
/// @dev Sets are as in the real one; listings and scores are written by hand, so that money is tested apart from proofs.
/// `ModelMarket.t.sol` runs the contracts on the real one.
contract ModelsDouble {
    FamilyFactory public immutable factory = new FamilyFactory();
    mapping(bytes32 listing => ListingView) private _listings;
    mapping(bytes32 listing => Score) private _scores;
    mapping(bytes32 set => address) private _creators;
    mapping(bytes32 set => mapping(uint256 group => bytes32)) public group;
    mapping(bytes32 set => uint256) private _groups;

    function createSet(bytes32 salt, uint32 groups, bytes32 manifest) external returns (bytes32 set) {
        set = keccak256(abi.encode("set", msg.sender, salt, groups, manifest));
        if (_groups[set] != 0) revert IModelRegistry.SetExists(set);
        (_creators[set], _groups[set]) = (msg.sender, groups);
    }

    function registerGroup(bytes32 set, uint256 number, bytes32 groupHash) external {
        if (_creators[set] != msg.sender) revert IModelRegistry.NotSetCreator(set, msg.sender);
        if (group[set][number] != 0) revert IModelRegistry.GroupRegistered(set, number);
        if (groupHash == 0) revert IModelRegistry.GroupHashInvalid();
        group[set][number] = groupHash;
    }

    function put(bytes32 listing_, address seller, ListingTerms calldata with) external {
        (_listings[listing_].seller, _listings[listing_].terms) = (seller, with);
    }

    function close(bytes32 listing_) external {
        _listings[listing_].unlisted = true;
    }

    function prove(bytes32 listing_, uint256 correct) external {
        _scores[listing_] = Score(1, correct, correct, true);
    }

    function listing(bytes32 listing_) public view returns (ListingView memory listed) {
        listed = _listings[listing_];
        if (listed.seller == address(0)) revert IModelRegistry.ListingUnknown(listing_);
    }

    function score(bytes32 listing_) external view returns (Score memory) {
        return _scores[listing_];
    }

    function quote(bytes32 listing_) external view returns (Quote memory) {
        ListingView memory listed = listing(listing_);
        if (listed.unlisted) revert IModelRegistry.ListingClosed(listing_);
        if (!_scores[listing_].complete) revert IModelRegistry.NotFullyProven(listing_);
        ListingTerms memory with = listed.terms;
        Royalty[] memory royalties = new Royalty[](with.parents.length);
        for (uint256 i = 0; i < royalties.length; ++i) {
            royalties[i] = Royalty(listing(with.parents[i].listing).seller, with.parents[i].share);
        }
        return Quote(listed.seller, with.token, with.base, with.bond, with.revealWindow, royalties);
    }
}
