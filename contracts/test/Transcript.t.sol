// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {Transcript} from "../src/libraries/Transcript.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {OwnerCommitment, Proof, Statement} from "../src/types/Proofs.sol";
import {Scene} from "./support/Scene.sol";

/// @dev Calls the library with calldata.
contract TranscriptCaller {
    function states(Statement calldata statement, Proof calldata proof, bytes32 keyHash)
        external
        pure
        returns (bytes32[6] memory out)
    {
        out[0] = Transcript.context(statement, keyHash);
        out[1] = Transcript.ownersHash(statement.owners);
        out[2] = Transcript.rho(out[0], out[1], proof);
        out[3] = Transcript.zeta(out[2], proof);
        out[4] = Transcript.v(out[3], proof);
        out[5] = Transcript.u(out[4], proof);
    }

    /// @dev The batch's identifier as the market derives it: statement and owners lie in memory.
    function identifier(
        uint256[7] memory statement,
        OwnerCommitment[] calldata given,
        Proof calldata proof,
        bytes32 key
    ) external pure returns (bytes32) {
        uint256[] memory owners = new uint256[](3 * given.length);
        for (uint256 i = 0; i < given.length; ++i) {
            (owners[3 * i], owners[3 * i + 1], owners[3 * i + 2]) = (given[i].owner, given[i].cx, given[i].cy);
        }
        uint256 head;
        uint256 first;
        assembly ("memory-safe") {
            head := statement
            first := add(owners, 0x20)
        }
        bytes32 context = Transcript.context(head, given.length, key);
        return Transcript.rho(context, Transcript.ownersHash(first, given.length), proof);
    }
}

/// @title The transcript against vectors that Python made (tests/vectors/v1/transcript)
contract TranscriptTest is Scene {
    string[3] private _names = ["norm_1", "norm_3", "norm_3_sparse"];

    function test_states_vectors() external {
        string[6] memory keys = ["context", "owners", "rho", "zeta", "v", "u"];
        TranscriptCaller caller = new TranscriptCaller();
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            Statement memory statement = abi.decode(vm.parseJsonBytes(json, ".statement"), (Statement));
            Proof memory proof = abi.decode(vm.parseJsonBytes(json, ".proof"), (Proof));
            bytes32[6] memory states = caller.states(statement, proof, vm.parseJsonBytes32(json, ".keyHash"));
            for (uint256 k = 0; k < keys.length; ++k) {
                equal(states[k], vm.parseJsonBytes32(json, string.concat(".states.", keys[k])), keys[k]);
            }
        }
    }

    /// @dev Every state of any statement and proof against hashes without assembly, from calldata and from memory.
    function testFuzz_states_reference(Statement memory s, Proof memory p, bytes32 key) external {
        TranscriptCaller caller = new TranscriptCaller();
        bytes32[6] memory states = caller.states(s, p, key);
        bytes memory scope = abi.encode(s.domain, s.taskId, s.termsHash, s.round, s.modelDigest, key);
        equal(states[0], _state("context", scope, abi.encode(s.bound, s.dimension, s.owners.length)), "context");
        bytes memory owners;
        for (uint256 i = 0; i < s.owners.length; ++i) {
            owners = bytes.concat(owners, abi.encode(s.owners[i]));
        }
        equal(states[1], keccak256(owners), "owners");
        bytes memory opening = abi.encode(p.mask, p.signSeed, p.projectionsDigest, p.gram, p.knowledge);
        equal(states[2], _state("rho", abi.encode(states[0], states[1]), opening), "rho");
        equal(states[3], _state("zeta", abi.encode(states[2]), abi.encode(p.squareNorm, p.s, p.q)), "zeta");
        equal(states[4], _state("v", abi.encode(states[3]), abi.encode(p.aZeta, p.sZeta, p.sOmegaZeta)), "v");
        bytes memory points = abi.encode(p.w1, p.w2, p.sum, p.a, p.b, p.c);
        equal(states[5], _state("u", abi.encode(states[4]), points), "u");
        uint256[7] memory head = abi.decode(
            abi.encode(s.domain, s.taskId, s.termsHash, s.round, s.modelDigest, s.bound, s.dimension), (uint256[7])
        );
        equal(caller.identifier(head, s.owners, p, key), states[2], "identifier of the market");
    }

    function test_challenges_vectors() external view {
        string[4] memory keys = ["rho", "zeta", "v", "u"];
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            for (uint256 k = 0; k < keys.length; ++k) {
                uint256 state = uint256(vm.parseJsonBytes32(json, string.concat(".states.", keys[k])));
                equal(state % BN254.R, _challenge(json, keys[k]), keys[k]);
            }
            bytes32 last = vm.parseJsonBytes32(json, ".states.u");
            equal(Transcript.knowledgeWeight(last) % BN254.R, _challenge(json, "knowledge_weight"), "knowledge");
            equal(Transcript.sumWeight(last) % BN254.R, _challenge(json, "sum_weight"), "sum");
            equal(Transcript.openingWeight(last) % BN254.R, _challenge(json, "opening_weight"), "opening");
        }
    }

    function test_digest_submissionVectors() external view {
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            Statement memory s = abi.decode(vm.parseJsonBytes(json, ".statement"), (Statement));
            bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".submissions");
            bytes32 separator = vm.parseJsonBytes32(json, ".domain");
            for (uint256 k = 0; k < expected.length; ++k) {
                bytes memory head = abi.encode(s.taskId, s.termsHash, s.round, s.modelDigest);
                bytes memory point = abi.encode(s.owners[k].cx, s.owners[k].cy);
                bytes32 structHash = keccak256(bytes.concat(TypedData.SUBMISSION_TYPE, head, point));
                equal(TypedData.digest(separator, structHash), expected[k], "submission digest");
            }
        }
    }

    function test_attestation_vectors() external {
        deploy("norm_3");
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            Statement memory s = abi.decode(vm.parseJsonBytes(json, ".statement"), (Statement));
            Proof memory proof = abi.decode(vm.parseJsonBytes(json, ".proof"), (Proof));
            TypedData.Attested memory content = TypedData.Attested({
                batchId: vm.parseJsonBytes32(json, ".states.rho"),
                verifierCode: vm.parseJsonBytes32(json, ".verifierCode"),
                committeeId: committee,
                taskId: s.taskId,
                termsHash: s.termsHash,
                round: s.round,
                modelDigest: s.modelDigest,
                owners: s.owners.length,
                sumX: proof.sum[0],
                sumY: proof.sum[1],
                squareNorm: proof.squareNorm,
                payee: terms().coordinator
            });
            bytes32 digest = TypedData.attestation(vm.parseJsonBytes32(json, ".domain"), content);
            equal(digest, vm.parseJsonBytes32(json, ".attestation"), "attestation digest");
        }
    }

    /// @dev The market of the scene says of itself and its task what Python says: deployment, domain and terms' hash.
    function test_statement_ofTheMarket() external {
        stage("norm_3", 3);
        string memory json = _vector(1);
        equal(domain(), vm.parseJsonBytes32(json, ".domain"), "domain");
        bytes32 expected = keccak256(vm.parseJsonBytes(json, ".statement"));
        equal(keccak256(abi.encode(statementOf(load("norm_3").batch))), expected, "statement");
    }

    function _state(string memory step, bytes memory first, bytes memory second) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(bytes(string.concat("gradroll/v1/", step))), first, second));
    }

    function _vector(uint256 i) private view returns (string memory) {
        return vm.readFile(string.concat("../tests/vectors/v1/transcript/", _names[i], ".json"));
    }

    function _challenge(string memory json, string memory key) private pure returns (uint256) {
        return uint256(vm.parseJsonBytes32(json, string.concat(".challenges.", key)));
    }
}
