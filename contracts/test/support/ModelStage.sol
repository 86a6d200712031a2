// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccuracyVerifier} from "../../src/models/interfaces/IAccuracyVerifier.sol";
import {IModelRegistry} from "../../src/models/interfaces/IModelRegistry.sol";
import {IRoundingVerifier} from "../../src/models/interfaces/IRoundingVerifier.sol";
import {LineageStatement, ListingTerms} from "../../src/models/types/Listings.sol";
import {AccuracyProof, RoundingProof} from "../../src/models/types/ModelProofs.sol";
import {VerifyingKey} from "../../src/types/Proofs.sol";
import {FamilyFactory, RoundsOfAggregates} from "./ModelDoubles.sol";
import {Stage} from "./Stage.sol";

/// @title A registry of models with a set, listings and real proofs
/// @dev Everything as in tests/contracts/modelfixtures.py, so that the fixtures' identifiers and proofs are valid.
abstract contract ModelStage is Stage {
    address internal constant MODELS = address(bytes20(hex"6d6f64656c73000000000000000000000000bbbb"));
    address internal constant ACCURACY = address(bytes20(hex"6163637572616379000000000000000000000001"));
    address internal constant ROUNDING = address(bytes20(hex"726f756e64696e67000000000000000000000001"));
    address internal constant ROUNDS = address(bytes20(hex"6d61726b65740000000000000000000000000002"));
    address internal constant SELLER = address(0x5E11E2);
    address internal constant CREATOR = address(0xDA7A);
    uint256 internal constant TASK = 7;
    /// @dev A precompile that refuses a point keeps what it was given, so calls that fail are bounded.
    uint256 internal constant ENOUGH = 5_000_000;

    IModelRegistry internal models;
    FamilyFactory internal families;
    RoundsOfAggregates internal rounds;

    /// @dev What an accuracy proof is about, and the proof.
    struct Accuracy {
        bytes32 listing;
        uint256 samples;
        bytes32 groupHash;
        uint256[2] model;
        uint256[2][] data;
        uint256 correct;
        AccuracyProof proof;
    }

    function deployModels() internal {
        vm.chainId(CHAIN_ID);
        vm.warp(START);
        families = new FamilyFactory();
        RoundsOfAggregates written = new RoundsOfAggregates();
        vm.etch(ROUNDS, address(written).code);
        rounds = RoundsOfAggregates(ROUNDS);
        deployAccuracy(accuracyKey("toy_2"));
        deployRounding(roundingKey());
        deployRegistryOfModels(MODELS, PARENT_HASH);
    }

    /// @dev Puts a registry at an address of choice, in a block after that of a hash of choice.
    function deployRegistryOfModels(address where, bytes32 parentHash) internal {
        mine(parentHash);
        deployTo(where, creationOf("ModelRegistry", abi.encode(families, ROUNDS)));
        models = IModelRegistry(where);
    }

    function deployAccuracy(VerifyingKey memory key) internal returns (IAccuracyVerifier) {
        deployTo(ACCURACY, creationOf("AccuracyVerifier", abi.encode(key)));
        if (address(families) != address(0)) families.approve(ACCURACY, 0);
        return IAccuracyVerifier(ACCURACY);
    }

    function deployRounding(VerifyingKey memory key) internal returns (IRoundingVerifier) {
        deployTo(ROUNDING, creationOf("RoundingVerifier", abi.encode(key)));
        if (address(families) != address(0)) families.approve(ROUNDING, 1);
        return IRoundingVerifier(ROUNDING);
    }

    function accuracyKey(string memory name) internal view returns (VerifyingKey memory) {
        return abi.decode(vm.parseJsonBytes(_accuracyVector(name), ".key"), (VerifyingKey));
    }

    function roundingKey() internal view returns (VerifyingKey memory) {
        return abi.decode(vm.parseJsonBytes(_roundingVector(), ".key"), (VerifyingKey));
    }

    /// @dev The set of the fixtures, with both groups.
    function createFixtureSet() internal returns (bytes32 created) {
        vm.prank(CREATOR);
        created =
            models.createSet(vm.parseJsonBytes32(fixtures(), ".salt"), 2, vm.parseJsonBytes32(fixtures(), ".manifest"));
        equal(created, vm.parseJsonBytes32(fixtures(), ".set"), "set of the fixtures");
        for (uint256 i = 0; i < 2; ++i) {
            registerFixtureGroup(created, i);
        }
    }

    function registerFixtureGroup(bytes32 to, uint256 number) internal {
        bytes32 groupHash = fixtureProof("first", number).groupHash;
        vm.prank(CREATOR);
        models.registerGroup(to, number, groupHash);
    }

    /// @dev The terms of the fixtures' listings.
    function fixtureTerms() internal view returns (ListingTerms memory) {
        return abi.decode(vm.parseJsonBytes(fixtures(), ".terms"), (ListingTerms));
    }

    /// @dev A listing of the fixtures, by its name there.
    function listFixture(string memory name) internal returns (bytes32 listing) {
        listing = listAs(SELLER, fixtureTerms(), fixtureModel(name), fixtureNonce(name));
        equal(listing, vm.parseJsonBytes32(fixtures(), string.concat(".", name, ".listing")), "listing of the fixtures");
    }

    function fixtureModel(string memory name) internal view returns (uint256[2] memory) {
        return abi.decode(vm.parseJsonBytes(fixtures(), string.concat(".", name, ".model")), (uint256[2]));
    }

    function fixtureNonce(string memory name) internal view returns (uint256) {
        return vm.parseJsonUint(fixtures(), string.concat(".", name, ".nonce"));
    }

    function listAs(address seller, ListingTerms memory terms, uint256[2] memory model, uint256 nonce)
        internal
        returns (bytes32)
    {
        vm.prank(seller);
        return models.list(terms, model, nonce);
    }

    /// @dev The proof of a listing of the fixtures on a group.
    function fixtureProof(string memory name, uint256 number) internal view returns (Accuracy memory) {
        return accuracyAt(fixtures(), string.concat(".", name, ".groups[", decimal(number), "]"));
    }

    function prove(string memory name, uint256 number) internal returns (Accuracy memory given) {
        given = fixtureProof(name, number);
        prove(given, number);
    }

    function prove(Accuracy memory given, uint256 number) internal {
        models.prove{gas: ENOUGH}(given.listing, number, given.samples, given.data, given.proof);
    }

    /// @dev The lineage of the fixtures; `tellRounds` makes it true.
    function fixtureLineage() internal view returns (LineageStatement memory statement, RoundingProof memory proof) {
        string memory json = fixtures();
        statement.task = vm.parseJsonUint(json, ".lineage.task");
        statement.first = vm.parseJsonUint(json, ".lineage.first");
        statement.coefficients = abi.decode(vm.parseJsonBytes(json, ".lineage.coefficients"), (int256[]));
        statement.start = abi.decode(vm.parseJsonBytes(json, ".lineage.start"), (uint256[2]));
        proof = abi.decode(vm.parseJsonBytes(json, ".lineage.proof"), (RoundingProof));
    }

    function tellRounds() internal {
        bytes[] memory points = vm.parseJsonBytesArray(fixtures(), ".lineage.aggregates");
        uint256 first = vm.parseJsonUint(fixtures(), ".lineage.first");
        for (uint256 i = 0; i < points.length; ++i) {
            uint256[2] memory point = abi.decode(points[i], (uint256[2]));
            rounds.tell(TASK, first + i, point[0], point[1], true);
        }
    }

    function fixtures() internal view returns (string memory) {
        return vm.readFile("test/fixtures/models.json");
    }

    /// @dev A vector of tests/vectors/v1/accuracy.
    function accuracyVector(string memory name) internal view returns (Accuracy memory) {
        return accuracyAt(_accuracyVector(name), "$");
    }

    /// @dev An accuracy proof that stands at a path of a file.
    function accuracyAt(string memory json, string memory path) internal pure returns (Accuracy memory out) {
        out.listing = vm.parseJsonBytes32(json, string.concat(path, ".listing"));
        out.samples = vm.parseJsonUint(json, string.concat(path, ".samples"));
        out.groupHash = vm.parseJsonBytes32(json, string.concat(path, ".groupHash"));
        out.correct = vm.parseJsonUint(json, string.concat(path, ".correct"));
        out.model = abi.decode(vm.parseJsonBytes(json, string.concat(path, ".model")), (uint256[2]));
        bytes[] memory data = vm.parseJsonBytesArray(json, string.concat(path, ".data"));
        out.data = new uint256[2][](data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            out.data[i] = abi.decode(data[i], (uint256[2]));
        }
        out.proof = abi.decode(vm.parseJsonBytes(json, string.concat(path, ".proof")), (AccuracyProof));
    }

    function roundingVector()
        internal
        view
        returns (bytes32 listing, bytes32 statement, uint256[2] memory point, RoundingProof memory proof)
    {
        string memory json = _roundingVector();
        listing = vm.parseJsonBytes32(json, ".listing");
        statement = vm.parseJsonBytes32(json, ".lineage");
        point = abi.decode(vm.parseJsonBytes(json, ".error"), (uint256[2]));
        proof = abi.decode(vm.parseJsonBytes(json, ".proof"), (RoundingProof));
    }

    /// @dev scalar (x, y), by the precompile.
    function times(uint256[2] memory point, uint256 scalar) internal view returns (uint256[2] memory out) {
        (bool ok, bytes memory product) = address(7).staticcall(abi.encode(point, scalar));
        isTrue(ok, "the precompile refused a point");
        return abi.decode(product, (uint256[2]));
    }

    /// @dev Sum of two points, by the precompile.
    function plus(uint256[2] memory left, uint256[2] memory right) internal view returns (uint256[2] memory out) {
        (bool ok, bytes memory sum) = address(6).staticcall(abi.encode(left, right));
        isTrue(ok, "the precompile refused a point");
        return abi.decode(sum, (uint256[2]));
    }

    function _accuracyVector(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("../tests/vectors/v1/accuracy/", name, ".json"));
    }

    function _roundingVector() private view returns (string memory) {
        return vm.readFile("../tests/vectors/v1/rounding/rounding.json");
    }
}
