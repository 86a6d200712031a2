// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Contributions} from "../src/data/libraries/Contributions.sol";
import {DataBooks} from "../src/data/libraries/DataBooks.sol";
import {SampleSchemas} from "../src/data/libraries/SampleSchemas.sol";
import {Ground, Outcome} from "../src/data/types/Campaigns.sol";
import {Campaign, Record} from "../src/data/types/DataState.sol";
import {SampleKind, SampleSchema} from "../src/data/types/Samples.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Check} from "./support/Check.sol";

/// @dev The library takes its structs from calldata.
contract Samples {
    using DataBooks for Campaign;

    Campaign private _campaign;

    function requireHash(SampleSchema calldata schema, bytes32 hash) external pure {
        SampleSchemas.requireHash(schema, hash);
    }

    function requireValid(SampleSchema calldata schema) external pure {
        SampleSchemas.requireValid(schema);
    }

    function fits(SampleSchema calldata schema, bytes calldata sample) external pure returns (bool) {
        return SampleSchemas.fits(schema, sample);
    }

    function distance(SampleSchema calldata schema, bytes calldata one, bytes calldata other)
        external
        pure
        returns (uint256)
    {
        return SampleSchemas.distance(schema, one, other);
    }

    function leafOf(uint256 index, bytes calldata sample) external pure returns (bytes32) {
        return SampleSchemas.leafOf(index, sample);
    }

    function rootOf(bytes[] calldata samples) external pure returns (bytes32) {
        return SampleSchemas.rootOf(samples);
    }

    function isIn(bytes32 root, uint256 index, bytes calldata sample, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return SampleSchemas.isIn(root, index, sample, proof);
    }

    function decide(Record calldata record, bytes32 root, bytes32 correction) external returns (bytes32) {
        _campaign.decide(0, record, root, correction);
        return _campaign.acc;
    }
}

/// @title Samples, trees and commitments against vectors that Python made (tests/vectors/v1/samples)
contract SampleVectorsTest is Check {
    string private constant FOLDER = "../tests/vectors/v1/samples/";
    /// @dev A proof of a copy has two samples, their calldata and two proofs; a transaction has 16.7 million (EIP-7825).
    uint256 private constant ENOUGH = 12_000_000;

    Samples private _samples = new Samples();

    function test_vectors_schemas() external {
        string memory json = vm.readFile(string.concat(FOLDER, "schemas.json"));
        bytes[] memory encoded = vm.parseJsonBytesArray(json, ".encoded");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".digest");
        isTrue(encoded.length > 4, "vectors");
        for (uint256 i = 0; i < encoded.length; ++i) {
            SampleSchema memory schema = abi.decode(encoded[i], (SampleSchema));
            _samples.requireValid(schema);
            _samples.requireHash(schema, digests[i]);
            vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaMismatch.selector, digests[i]));
            _samples.requireHash(schema, 0);
        }
    }

    function test_vectors_samples() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "samples.json"));
        SampleSchema[] memory schemas = _schemas();
        uint256[] memory which = vm.parseJsonUintArray(json, ".schema");
        bytes[] memory samples = vm.parseJsonBytesArray(json, ".sample");
        bool[] memory fits = vm.parseJsonBoolArray(json, ".fits");
        isTrue(samples.length > 50, "vectors");
        for (uint256 i = 0; i < samples.length; ++i) {
            bool fit = _samples.fits(schemas[which[i]], samples[i]);
            isTrue(fit == fits[i], "whether a sample fits");
        }
    }

    function test_vectors_distances() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "distances.json"));
        SampleSchema[] memory schemas = _schemas();
        uint256[] memory which = vm.parseJsonUintArray(json, ".schema");
        bytes[] memory first = vm.parseJsonBytesArray(json, ".first");
        bytes[] memory second = vm.parseJsonBytesArray(json, ".second");
        uint256[] memory distances = vm.parseJsonUintArray(json, ".distance");
        isTrue(first.length > 10, "vectors");
        for (uint256 i = 0; i < first.length; ++i) {
            SampleSchema memory schema = schemas[which[i]];
            equal(_samples.distance(schema, first[i], second[i]), distances[i], "distance");
            equal(_samples.distance(schema, second[i], first[i]), distances[i], "the other way round");
            equal(_samples.distance(schema, first[i], first[i]), 0, "of itself");
        }
    }

    function test_vectors_trees() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "trees.json"));
        bytes[] memory samples = vm.parseJsonBytesArray(json, ".samples");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".roots");
        for (uint256 i = 0; i < samples.length; ++i) {
            equal(_samples.leafOf(i, samples[i]), leaves[i], "leaf");
            bytes[] memory first = new bytes[](i + 1);
            for (uint256 j = 0; j <= i; ++j) {
                first[j] = samples[j];
            }
            equal(_samples.rootOf(first), roots[i], "root");
        }
        _proofs(json, samples, roots);
    }

    function test_vectors_contributions() external view {
        string memory json = vm.readFile(string.concat(FOLDER, "contributions.json"));
        bytes32 campaign = vm.parseJsonBytes32(json, ".campaign");
        bytes32 root = vm.parseJsonBytes32(json, ".root");
        bytes32 salt = vm.parseJsonBytes32(json, ".salt");
        bytes32 content = vm.parseJsonBytes32(json, ".content");
        address sender = vm.parseJsonAddress(json, ".sender");
        bytes32 bundle = Contributions.ofBundle(campaign, root, content, 40, sender, salt);
        equal(bundle, vm.parseJsonBytes32(json, ".bundle7of40"), "bundle");
        bytes32 corrected = vm.parseJsonBytes32(json, ".corrected");
        bytes32 judged = Contributions.ofChallenge(campaign, 7, root, 3, Ground.Judged, corrected, sender, salt);
        equal(judged, vm.parseJsonBytes32(json, ".judged7at3"), "judged");
        bytes32 copy = Contributions.ofChallenge(campaign, 7, root, 3, Ground.Duplicate, 0, sender, salt);
        equal(copy, vm.parseJsonBytes32(json, ".duplicate7at3"), "duplicate");
        bytes32 receipt = Contributions.ofReceipt(campaign, 7, root, content, 40, vm.parseJsonBytes32(json, ".schema"));
        receipt = TypedData.digest(vm.parseJsonBytes32(json, ".domain"), receipt);
        equal(receipt, vm.parseJsonBytes32(json, ".receipt7of40"), "receipt");
    }

    function test_vectors_log() external {
        string memory json = vm.readFile(string.concat(FOLDER, "contributions.json"));
        uint256[] memory bundles = vm.parseJsonUintArray(json, ".logBundle");
        uint256[] memory indices = vm.parseJsonUintArray(json, ".logIndex");
        uint256[] memory outcomes = vm.parseJsonUintArray(json, ".logOutcome");
        uint256[] memory counts = vm.parseJsonUintArray(json, ".logCount");
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".logRoot");
        bytes32[] memory corrections = vm.parseJsonBytes32Array(json, ".logCorrection");
        bytes32[] memory hashes = vm.parseJsonBytes32Array(json, ".logHash");
        for (uint256 i = 0; i < bundles.length; ++i) {
            Record memory record =
                Record(uint64(bundles[i]), uint32(indices[i]), Outcome(outcomes[i]), uint32(counts[i]));
            equal(_samples.decide(record, roots[i], corrections[i]), hashes[i], "hash of the log");
        }
    }

    /// @dev The dearest texts to compare: as many words as fit.
    function test_distance_ofManyWords_fitsATransaction() external {
        bytes memory one = _words(0);
        bytes memory other = _words(1);
        SampleSchema memory schema = _schemas()[4];
        (schema.most, schema.least) = (4094, 1);
        equal(_samples.distance{gas: ENOUGH}(schema, one, other), 2 * 2047, "no word in common");
        isTrue(_samples.fits{gas: ENOUGH}(schema, one), "fits");
        isTrue(vm.lastCallGas().gasTotalUsed < ENOUGH, "gas");
    }

    /// @dev Each part out of its range, or of the other kind.
    function test_schemas_refused() external {
        SampleSchema memory of_ = _schemas()[0];
        SampleSchema memory with = _schemas()[0];
        with.classes = 0;
        _invalid(with, "classes");
        with.classes = 65_536;
        _invalid(with, "classes");
        (with.classes, with.width) = (of_.classes, 0);
        _invalid(with, "width");
        with.width = 2048;
        _invalid(with, "width");
        (with.width, with.size) = (of_.width, 3);
        _invalid(with, "size");
        with.size = 0;
        _invalid(with, "size");
        (with.size, with.least) = (of_.size, 1);
        _invalid(with, "least");
        (with.least, with.most) = (0, 1);
        _invalid(with, "most");
        (with.most, with.maxima) = (0, hex"1011");
        _invalid(with, "maxima");
        with = _schemas()[4];
        with.kind = SampleKind.Text;
        with.width = 1;
        _invalid(with, "width");
        (with.width, with.size) = (0, 1);
        _invalid(with, "size");
        (with.size, with.maxima) = (0, hex"10");
        _invalid(with, "maxima");
        (with.maxima, with.least) = ("", 0);
        _invalid(with, "least");
        (with.least, with.most) = (1, 4095);
        _invalid(with, "most");
    }

    /// @dev A text of 2,047 words of one byte each but for the first of 3, all from two halves of what is printable.
    function _words(uint256 half) private pure returns (bytes memory text) {
        text = new bytes(2 + 4093);
        for (uint256 i = 0; i < 4093; ++i) {
            text[2 + i] = i % 2 == 1 ? bytes1(0x20) : bytes1(uint8(0x21 + half * 0x2e + i / 2 % 0x2e));
        }
    }

    function _proofs(string memory json, bytes[] memory samples, bytes32[] memory roots) private view {
        uint256[] memory counts = vm.parseJsonUintArray(json, ".count");
        uint256[] memory indices = vm.parseJsonUintArray(json, ".index");
        bytes[] memory proofs = vm.parseJsonBytesArray(json, ".proofs");
        for (uint256 i = 0; i < proofs.length; ++i) {
            (bytes32 root, uint256 index) = (roots[counts[i] - 1], indices[i]);
            bytes32[] memory proof = new bytes32[](proofs[i].length / 32);
            for (uint256 j = 0; j < proof.length; ++j) {
                bytes memory packed = proofs[i];
                bytes32 hash;
                assembly ("memory-safe") {
                    hash := mload(add(packed, mul(32, add(j, 1))))
                }
                proof[j] = hash;
            }
            isTrue(_samples.isIn(root, index, samples[index], proof), "proof");
            isTrue(!_samples.isIn(root, index + 1, samples[index], proof), "of another place");
            isTrue(!_samples.isIn(root, index, samples[(index + 1) % 20], proof), "of another sample");
        }
        isTrue(!_samples.isIn(roots[0], 0, samples[0], new bytes32[](17)), "too long");
    }

    function _invalid(SampleSchema memory with, string memory part) private {
        vm.expectRevert(abi.encodeWithSelector(SampleSchemas.SchemaInvalid.selector, part));
        _samples.requireValid(with);
    }

    function _schemas() private view returns (SampleSchema[] memory out) {
        bytes[] memory encoded = vm.parseJsonBytesArray(vm.readFile(string.concat(FOLDER, "schemas.json")), ".encoded");
        out = new SampleSchema[](encoded.length);
        for (uint256 i = 0; i < encoded.length; ++i) {
            out[i] = abi.decode(encoded[i], (SampleSchema));
        }
    }
}
