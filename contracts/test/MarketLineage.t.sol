// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IKeyedVerifier} from "../src/models/interfaces/IKeyedVerifier.sol";
import {IModelRegistry} from "../src/models/interfaces/IModelRegistry.sol";
import {LineageStatement} from "../src/models/types/Listings.sol";
import {RoundingProof} from "../src/models/types/ModelProofs.sol";
import {VerifyingKey} from "../src/types/Proofs.sol";
import {RoundView} from "../src/types/Types.sol";
import {ModelStage} from "./support/ModelStage.sol";
import {Scene} from "./support/Scene.sol";

/// @title A lineage over a batch that the gradient market itself accepted
contract MarketLineageTest is Scene, ModelStage {
    uint256 private constant BATCH_GAS = 5_000_000;

    uint256 private _task;
    bytes32 private _listing;

    function setUp() external {
        deployModels();
        deployRounding(abi.decode(vm.parseJsonBytes(fixtures(), ".marketLineage.key"), (VerifyingKey)));
        _task = stage("norm_3", 16);
        _deployRegistry(MARKET);
    }

    function test_proveLineage_ofAnAcceptedBatch() external {
        _acceptBatch();
        _finalize(_task);
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        bytes32 expected = vm.parseJsonBytes32(fixtures(), ".marketLineage.statementHash");
        equal(models.lineageHash(statement), expected, "hash of the statement");
        uint256[2] memory point = models.difference(_listing, statement);
        equal(
            keccak256(abi.encode(point)),
            keccak256(vm.parseJsonBytes(fixtures(), ".marketLineage.difference")),
            "commitment to the rounding error"
        );
        _prove(statement, proof);
        equal(models.lineage(_listing).statementHash, expected, "lineage");
        equal(models.openings(SELLER, _model()), 1, "openings");
    }

    /// @dev More batches may follow, and with them another sum.
    function test_attack_roundStillOpen() external {
        _acceptBatch();
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.RoundNotFinalized.selector, _task, 0));
        _prove(statement, proof);
    }

    function test_attack_batchNotAccepted() external {
        _finalize(_task);
        equal(market.round(_task, 0).batches, 0, "batches");
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        _invalid(statement, proof);
    }

    /// @dev The sum is another one as soon as a second batch is in the round.
    function test_attack_batchAddedToTheRound() external {
        _acceptBatch();
        market.acceptBatch{gas: BATCH_GAS}(attested("norm_3_next"));
        _finalize(_task);
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        _invalid(statement, proof);
    }

    /// @dev A market of the attacker's, which tells the very same sum of the same task and round.
    function test_attack_roundOfAnotherMarket() external {
        _acceptBatch();
        _finalize(_task);
        RoundView memory state = market.round(_task, 0);
        rounds.tell(_task, 0, state.aggregateX, state.aggregateY, true);
        _deployRegistry(ROUNDS);
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        uint256[2] memory point = models.difference(_listing, statement);
        equal(
            keccak256(abi.encode(point)),
            keccak256(vm.parseJsonBytes(fixtures(), ".marketLineage.difference")),
            "the same difference"
        );
        _invalid(statement, proof);
    }

    /// @dev Another task of the market, and training that began with another model.
    function test_attack_otherTaskOrModel() external {
        _acceptBatch();
        _finalize(_task);
        uint256 other = stageTask(stubTerms(), 3);
        accept(other, 0, 0, 3);
        _finalize(other);
        (LineageStatement memory statement, RoundingProof memory proof) = _lineage();
        statement.task = other;
        _invalid(statement, proof);
        (statement,) = _lineage();
        statement.start = plus(statement.start, [uint256(1), 2]);
        _invalid(statement, proof);
        (statement,) = _lineage();
        _prove(statement, proof);
    }

    /// @dev A registry at the fixtures' address, over a market, with the listing.
    function _deployRegistry(address over) private {
        mine(PARENT_HASH);
        deployTo(MODELS, creationOf("ModelRegistry", abi.encode(families, over)));
        models = IModelRegistry(MODELS);
        if (over == ROUNDS) return; // the same storage: set and listing are there
        createFixtureSet();
        _listing = listAs(SELLER, fixtureTerms(), _model(), 0);
        equal(_listing, vm.parseJsonBytes32(fixtures(), ".marketLineage.listing"), "listing of the fixtures");
    }

    function _acceptBatch() private {
        market.acceptBatch{gas: BATCH_GAS}(attested("norm_3"));
    }

    function _finalize(uint256 task) private {
        vm.warp(uint256(market.round(task, 0).settleDeadline) + 1);
        market.finalizeRound(task, 0);
    }

    function _model() private view returns (uint256[2] memory) {
        return fixtureModel("marketLineage");
    }

    function _lineage() private view returns (LineageStatement memory statement, RoundingProof memory proof) {
        (statement.task, statement.first) = (_task, 0);
        statement.coefficients = new int256[](1);
        statement.coefficients[0] = -3;
        statement.start = abi.decode(vm.parseJsonBytes(fixtures(), ".marketLineage.start"), (uint256[2]));
        proof = abi.decode(vm.parseJsonBytes(fixtures(), ".marketLineage.proof"), (RoundingProof));
    }

    function _prove(LineageStatement memory statement, RoundingProof memory proof) private {
        vm.prank(SELLER);
        models.proveLineage{gas: ENOUGH}(_listing, ROUNDING, statement, proof);
    }

    function _invalid(LineageStatement memory statement, RoundingProof memory proof) private {
        vm.expectRevert(IKeyedVerifier.ProofInvalid.selector);
        _prove(statement, proof);
    }
}
