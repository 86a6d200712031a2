// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LineageStatement, ListingTerms, Parent} from "../src/models/types/Listings.sol";
import {RoundingProof} from "../src/models/types/ModelProofs.sol";
import {ModelStage} from "./support/ModelStage.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of whole transactions of the registry of models
contract ModelGasTest is Snapshot, ModelStage {
    uint256 private constant ONE_CHUNK = 450_000;
    uint256 private constant FURTHER_CHUNK = 80_000;

    /// forge-config: default.isolate = true
    function test_models_gas() external {
        deployModels();
        _sets();
        _listings();
        uint256 one = _proofs();
        _sixteen(one);
        _lineage();
        settle("models");
    }

    function _sets() private {
        vm.prank(CREATOR);
        bytes32 set =
            models.createSet(vm.parseJsonBytes32(fixtures(), ".salt"), 2, vm.parseJsonBytes32(fixtures(), ".manifest"));
        _measured("createSet");
        registerFixtureGroup(set, 0);
        _measured("registerGroup");
        registerFixtureGroup(set, 1);
    }

    function _listings() private {
        listFixture("first");
        _measured("list");
        ListingTerms memory terms = fixtureTerms();
        terms.parents = new Parent[](4);
        for (uint256 i = 0; i < 4; ++i) {
            terms.parents[i] = Parent(listAs(address(uint160(0xAA + i)), fixtureTerms(), [uint256(1), 2], 0), 100);
        }
        bytes32 derived = listAs(SELLER, terms, [uint256(1), 2], 0);
        _measured("list, 4 parents");
        vm.prank(SELLER);
        models.unlist(derived);
        _measured("unlist");
    }

    function _proofs() private returns (uint256 one) {
        prove("first", 0);
        one = _measured("prove, 1 chunk, first of a model");
        prove("first", 1);
        _measured("prove, 2 chunks");
        listFixture("second");
        prove("second", 0);
        _measured("prove, 1 chunk, first of a listing");
        prove("second", 1);
        isTrue(one <= ONE_CHUNK, "a proof of one chunk is too dear");
    }

    function _sixteen(uint256 one) private {
        vm.prank(CREATOR);
        bytes32 set =
            models.createSet(vm.parseJsonBytes32(fixtures(), ".salt"), 1, vm.parseJsonBytes32(fixtures(), ".manifest"));
        Accuracy memory given = fixtureProof("sixteen", 0);
        vm.prank(CREATOR);
        models.registerGroup(set, 0, given.groupHash);
        ListingTerms memory terms = fixtureTerms();
        terms.set = set;
        equal(listAs(SELLER, terms, given.model, 0), given.listing, "listing of the fixtures");
        prove(given, 0);
        uint256 sixteen = _measured("prove, 16 chunks");
        isTrue((sixteen - one) / 15 <= FURTHER_CHUNK, "a further chunk is too dear");
    }

    function _lineage() private {
        listFixture("lineage");
        tellRounds();
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        bytes32 listing = vm.parseJsonBytes32(fixtures(), ".lineage.listing");
        vm.prank(SELLER);
        models.proveLineage{gas: ENOUGH}(listing, ROUNDING, statement, proof);
        _measured("proveLineage, 4 rounds of a stand-in for the market");
    }

    function _measured(string memory label) private returns (uint256 used) {
        used = vm.lastCallGas().gasTotalUsed;
        record(label, used);
    }
}
