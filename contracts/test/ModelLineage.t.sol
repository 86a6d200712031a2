// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {IVerifierFactory} from "../src/interfaces/IVerifierFactory.sol";
import {BN254} from "../src/libraries/BN254.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {Lineage, LineageStatement, ListingTerms} from "../src/models/types/Listings.sol";
import {RoundingProof} from "../src/models/types/ModelProofs.sol";
import {BelievingAccuracyVerifier, BelievingRoundingVerifier, RoundsOfAggregates} from "./support/ModelDoubles.sol";
import {ModelStage} from "./support/ModelStage.sol";

/// @title Models that came out of rounds of the gradient market
contract ModelLineageTest is ModelStage {
    bytes32 private _listing;
    address private _teller = SELLER;

    function setUp() external {
        deployModels();
        createFixtureSet();
        tellRounds();
        _listing = listFixture("lineage");
    }

    function test_proveLineage_told() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        bytes32 expected = vm.parseJsonBytes32(fixtures(), ".lineage.statementHash");
        equal(models.lineageHash(statement), expected, "hash of the statement");
        uint256[2] memory point = abi.decode(vm.parseJsonBytes(fixtures(), ".lineage.difference"), (uint256[2]));
        uint256[2] memory told = models.difference(_listing, statement);
        equal(keccak256(abi.encode(told)), keccak256(abi.encode(point)), "commitment to the rounding error");
        equal(models.lineage(_listing).statementHash, 0, "lineage before it is proven");
        vm.expectEmit(true, true, true, true, MODELS);
        emit IModelRegistry.LineageProven(_listing, expected, ROUNDING, statement, 1);
        _prove(statement, proof);
        Lineage memory lineage = models.lineage(_listing);
        equal(lineage.statementHash, expected, "hash of the statement");
        equal(lineage.verifier, ROUNDING, "verifier");
        equal(models.openings(SELLER, fixtureModel("lineage")), 1, "openings");
    }

    function test_proveLineage_twice() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        _prove(statement, proof);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.LineageExists.selector, _listing));
        _prove(statement, proof);
        equal(models.openings(SELLER, fixtureModel("lineage")), 1, "openings");
    }

    function test_proveLineage_otherListing() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        _listing = listAs(SELLER, fixtureTerms(), fixtureModel("lineage"), 1);
        _invalid(statement, proof);
        _teller = address(0xBAD);
        _listing = listAs(_teller, fixtureTerms(), fixtureModel("lineage"), 0);
        _invalid(statement, proof);
        _teller = SELLER;
        _listing = listFixture("first"); // another model
        _invalid(statement, proof);
        _listing = keccak256("no listing");
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ListingUnknown.selector, _listing));
        _prove(statement, proof);
    }

    function test_proveLineage_otherCoefficients() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        for (uint256 i = 0; i < 4; ++i) {
            ++statement.coefficients[i];
            _invalid(statement, proof);
            statement.coefficients[i] -= 2;
            _invalid(statement, proof);
            ++statement.coefficients[i];
        }
        // The same up to the group order is another statement, and out of range.
        statement.coefficients[0] -= int256(BN254.R);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.CoefficientOutOfRange.selector, statement.coefficients[0])
        );
        _prove(statement, proof);
    }

    function test_proveLineage_coefficientBounds() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        int256[4] memory refused = [int256(2 ** 128), -int256(2 ** 128), type(int256).min, type(int256).max];
        for (uint256 i = 0; i < 4; ++i) {
            statement.coefficients[2] = refused[i];
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CoefficientOutOfRange.selector, refused[i]));
            _prove(statement, proof);
        }
        statement.coefficients[2] = 2 ** 128 - 1;
        _invalid(statement, proof);
        statement.coefficients[2] = -(2 ** 128 - 1);
        _invalid(statement, proof);
    }

    function test_proveLineage_otherStart() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        statement.start = plus(statement.start, [BN254.G1_X, BN254.G1_Y]);
        _invalid(statement, proof);
        ++statement.start[0];
        vm.expectRevert(BN254.PointInvalid.selector);
        _prove(statement, proof);
        statement.start = [uint256(0), 0];
        _invalid(statement, proof);
    }

    function test_proveLineage_otherTask() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        statement.task = TASK + 1;
        vm.expectPartialRevert(RoundsOfAggregates.RoundUnknown.selector);
        _prove(statement, proof);
        _tell(TASK + 1, statement); // with the very same aggregates
        _invalid(statement, proof);
    }

    function test_proveLineage_otherRounds() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        ++statement.first;
        vm.expectPartialRevert(RoundsOfAggregates.RoundUnknown.selector);
        _prove(statement, proof);
        rounds.tell(TASK, 7, 1, 2, true);
        _invalid(statement, proof);
    }

    /// @dev The rounds that have no part in it are the same point whichever they are; the statement names them.
    function test_proveLineage_roundLeftOut() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        int256[] memory longer = new int256[](5);
        for (uint256 i = 0; i < 4; ++i) {
            longer[i] = statement.coefficients[i];
        }
        statement.coefficients = longer;
        rounds.tell(TASK, 7, 1, 2, true);
        uint256[2] memory told = models.difference(_listing, statement);
        uint256[2] memory point = abi.decode(vm.parseJsonBytes(fixtures(), ".lineage.difference"), (uint256[2]));
        equal(keccak256(abi.encode(told)), keccak256(abi.encode(point)), "commitment to the rounding error");
        _invalid(statement, proof);
    }

    function test_proveLineage_roundNotFinalized() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        for (uint256 i = 0; i < 4; ++i) {
            uint256 state = vm.snapshotState();
            rounds.tell(TASK, statement.first + i, 1, 2, false);
            vm.expectRevert(
                abi.encodeWithSelector(IModelRegistry.RoundNotFinalized.selector, TASK, statement.first + i)
            );
            _prove(statement, proof);
            vm.revertToState(state);
        }
    }

    /// @dev On a branch of the chain where a round's sum is another.
    function test_proveLineage_otherAggregates() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        rounds.tell(TASK, statement.first + 1, 1, 2, true);
        _invalid(statement, proof);
    }

    function test_proveLineage_roundCounts() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        uint256[2] memory counts = [uint256(0), 65];
        for (uint256 i = 0; i < 2; ++i) {
            statement.coefficients = new int256[](counts[i]);
            vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RoundCountInvalid.selector, counts[i]));
            _prove(statement, proof);
        }
        statement.coefficients = new int256[](64);
        for (uint256 i = 0; i < 64; ++i) {
            rounds.tell(TASK, statement.first + i, 1, 2, true);
        }
        _invalid(statement, proof);
    }

    function test_proveLineage_firstRoundOverflows() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        statement.first = type(uint256).max;
        vm.expectRevert();
        _prove(statement, proof);
    }

    /// @dev A rounding error of 13 bits, with the best that its maker can prove.
    function test_proveLineage_wideError() external {
        (LineageStatement memory statement,) = fixtureLineage();
        statement.coefficients = new int256[](1);
        statement.start = abi.decode(vm.parseJsonBytes(fixtures(), ".lineage.wide.start"), (uint256[2]));
        RoundingProof memory proof = abi.decode(vm.parseJsonBytes(fixtures(), ".lineage.wide.proof"), (RoundingProof));
        _invalid(statement, proof);
    }

    function test_proveLineage_verifiers() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        vm.startPrank(SELLER);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.VerifierFamilyInvalid.selector, ACCURACY, 0));
        models.proveLineage{gas: ENOUGH}(_listing, ACCURACY, statement, proof);
        vm.expectRevert(abi.encodeWithSelector(IVerifierFactory.VerifierUnknown.selector, address(0xBAD)));
        models.proveLineage{gas: ENOUGH}(_listing, address(0xBAD), statement, proof);
    }

    function test_proveLineage_openingsExhausted() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        vm.etch(ROUNDING, vm.getDeployedCode("ModelDoubles.sol:BelievingRoundingVerifier"));
        uint256[2] memory model = fixtureModel("lineage");
        ListingTerms memory terms = fixtureTerms();
        for (uint256 i = 0; i < 128; ++i) {
            _listing = listAs(SELLER, terms, model, 100 + i);
            _prove(statement, proof);
            equal(models.openings(SELLER, model), i + 1, "openings");
        }
        _listing = listAs(SELLER, terms, model, 99);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.OpeningsExhausted.selector, model[0], model[1]));
        _prove(statement, proof);
    }

    /// @dev Accuracy and lineage of one commitment have one counter.
    function test_openings_ofBothKinds() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        vm.etch(ACCURACY, vm.getDeployedCode("ModelDoubles.sol:BelievingAccuracyVerifier"));
        Accuracy memory given = fixtureProof("first", 0);
        given.listing = _listing;
        prove(given, 0);
        _prove(statement, proof);
        equal(models.openings(SELLER, fixtureModel("lineage")), 2, "openings");
    }

    /// @dev Whoever made a key proves any lineage under it. It tells none of a foreign listing, which would keep the true one out and
    /// cost an opening.
    function test_attack_strangerTellsALineage() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        address rivals = address(0xE71);
        vm.etch(rivals, vm.getDeployedCode("ModelDoubles.sol:BelievingRoundingVerifier"));
        families.approve(rivals, 1);
        statement.coefficients[0] = 0;
        vm.prank(address(0xBAD));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotSeller.selector, _listing, address(0xBAD)));
        models.proveLineage{gas: ENOUGH}(_listing, rivals, statement, proof);
        (statement,) = fixtureLineage();
        _prove(statement, proof);
        equal(models.lineage(_listing).verifier, ROUNDING, "the true one");
    }

    /// @dev With a start of 2^12 C_M and a small row of one's own, anybody proves a lineage of a foreign model under a sound key: so the
    /// verifier here believes what it is shown. It uses none of the seller's openings up.
    function test_attack_openingsByMadeUpStarts() external {
        (LineageStatement memory statement, RoundingProof memory proof) = fixtureLineage();
        bytes memory sound = ROUNDING.code;
        vm.etch(ROUNDING, vm.getDeployedCode("ModelDoubles.sol:BelievingRoundingVerifier"));
        (bytes32 victim, uint256[2] memory model) = (_listing, fixtureModel("lineage"));
        _teller = address(0xBAD);
        for (uint256 i = 0; i < 128; ++i) {
            _listing = listAs(_teller, fixtureTerms(), model, i);
            _prove(statement, proof);
        }
        equal(models.openings(_teller, model), 128, "the rival's own");
        equal(models.openings(SELLER, model), 0, "the seller's openings");
        vm.etch(ROUNDING, sound);
        (_listing, _teller) = (victim, SELLER);
        _prove(statement, proof);
        equal(models.openings(SELLER, model), 1, "the seller's openings");
    }

    function _tell(uint256 task, LineageStatement memory statement) private {
        bytes[] memory points = vm.parseJsonBytesArray(fixtures(), ".lineage.aggregates");
        for (uint256 i = 0; i < points.length; ++i) {
            uint256[2] memory point = abi.decode(points[i], (uint256[2]));
            rounds.tell(task, statement.first + i, point[0], point[1], true);
        }
    }

    function _prove(LineageStatement memory statement, RoundingProof memory proof) private {
        vm.prank(_teller);
        models.proveLineage{gas: ENOUGH}(_listing, ROUNDING, statement, proof);
    }

    function _invalid(LineageStatement memory statement, RoundingProof memory proof) private {
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        _prove(statement, proof);
    }
}
