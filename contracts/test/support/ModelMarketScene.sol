// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelBounties} from "../../src/models/interfaces/IModelBounties.sol";
import {IModelRegistry} from "../../src/models/interfaces/IModelRegistry.sol";
import {IModelSales} from "../../src/models/interfaces/IModelSales.sol";
import {ListingTerms, Parent} from "../../src/models/types/Listings.sol";
import {AccuracyProof, Chunk} from "../../src/models/types/ModelProofs.sol";
import {BountyScene} from "./BountyScene.sol";
import {BelievingAccuracyVerifier, FamilyFactory} from "./ModelDoubles.sol";

/// @title Sales and bounties on the registry itself; only what verifies proofs is a double
abstract contract ModelMarketScene is BountyScene {
    IModelRegistry internal listings;
    uint256[2][] internal data;

    function stageMarket() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        mine(PARENT_HASH);
        deployRegistry();
        committee = createCommittee(1, PROVERS);
        FamilyFactory families = new FamilyFactory();
        vm.etch(VERIFIER, address(new BelievingAccuracyVerifier()).code);
        families.approve(VERIFIER, 0);
        listings = IModelRegistry(create(creationOf("ModelRegistry", abi.encode(families, MARKET))));
        sales = IModelSales(create(creationOf("ModelSales", abi.encode(listings))));
        bounties = IModelBounties(create(creationOf("ModelBounties", abi.encode(listings, registry, WINDOW))));
        data.push([uint256(1), uint256(2)]);
    }

    /// @dev Hash of a group of one chunk with so many samples.
    function groupOf(uint256 samples) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(samples, data[0][0], data[0][1]));
    }

    /// @dev A public set of one group.
    function publicSet() internal returns (bytes32 set) {
        set = listings.createSet(0, 1, keccak256("manifest"));
        listings.registerGroup(set, 0, groupOf(100));
    }

    function termsOn(bytes32 set, Parent[] memory parents) internal pure returns (ListingTerms memory with) {
        with = listingTerms(address(0));
        (with.set, with.verifier, with.parents) = (set, VERIFIER, parents);
        (with.base, with.step, with.floor) = (PRICE - 40, 1, 50);
    }

    function listModel(address account, bytes32 set, Parent[] memory parents) internal returns (bytes32) {
        ListingTerms memory with = termsOn(set, parents);
        vm.prank(account);
        return listings.list(with, [uint256(1), uint256(2)], 0);
    }

    /// @dev Proves a group of so many samples.
    function proveGroup(bytes32 listing, uint256 group, uint256 samples, uint256 correct) internal {
        AccuracyProof memory proof;
        proof.chunks = new Chunk[](1);
        proof.chunks[0].correct = correct;
        listings.prove(listing, group, samples, data, proof);
    }
}
