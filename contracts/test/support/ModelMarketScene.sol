// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelBounties} from "../../src/models/interfaces/IModelBounties.sol";
import {IModelRegistry} from "../../src/models/interfaces/IModelRegistry.sol";
import {IModelSales} from "../../src/models/interfaces/IModelSales.sol";
import {BountyTerms, GroupOpening} from "../../src/models/types/Bounties.sol";
import {ListingTerms, Parent} from "../../src/models/types/Listings.sol";
import {AccuracyProof, Chunk} from "../../src/models/types/ModelProofs.sol";
import {Attestation} from "../../src/types/Types.sol";
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

    function hiddenTerms() internal view returns (bytes32[] memory hidden, BountyTerms memory with) {
        hidden = new bytes32[](TOTAL);
        for (uint256 i = 0; i < TOTAL; ++i) {
            GroupOpening memory group = hiddenGroup(i);
            hidden[i] = keccak256(
                abi.encode(keccak256("gradroll/v1/bounty-group"), group.salt, group.groupHash, group.fileDigest)
            );
        }
        with = bountyTerms();
        with.commitment = keccak256(abi.encodePacked(hidden));
    }

    function hiddenGroup(uint256 i) internal view returns (GroupOpening memory group) {
        group = groupAt(i);
        group.groupHash = groupOf(group.samples);
    }

    function hiddenOpenings(uint256 bits) internal view returns (GroupOpening[] memory out) {
        out = openings(bits);
        for (uint256 i = 0; i < out.length; ++i) {
            out[i] = hiddenGroup(out[i].index);
        }
    }

    function show(bytes32[] memory hidden, uint256 stage) internal {
        GroupOpening[] memory groups = hiddenOpenings(stage == 1 ? view_().training : view_().tests);
        Attestation[] memory receipts = quorumOf(receiptDigest(stage, groups));
        if (stage == 1) bounties.revealTraining(bounty, hidden, groups, receipts);
        else bounties.revealTests(bounty, hidden, groups, receipts);
    }
}
