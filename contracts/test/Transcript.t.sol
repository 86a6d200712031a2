// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {Transcript} from "../src/libraries/Transcript.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Proof, Statement} from "../src/types/Types.sol";
import {Check} from "./support/Check.sol";

/// @dev Calls the library with calldata.
contract TranscriptCaller {
    function states(Statement calldata statement, Proof calldata proof, bytes32 keyHash)
        external
        view
        returns (bytes32[7] memory out)
    {
        out[0] = Transcript.context(statement, keyHash);
        out[1] = Transcript.ownersHash(statement.owners);
        out[2] = Transcript.rho(out[0], out[1], proof);
        out[3] = Transcript.eta(out[2], proof.contributions);
        out[4] = Transcript.zeta(out[3], proof);
        out[5] = Transcript.v(out[4], proof);
        out[6] = Transcript.u(out[5], proof);
    }
}

/// @title The transcript against vectors that Python made (tests/vectors/v1/transcript)
contract TranscriptTest is Check {
    string[3] private _names = ["norm_1", "norm_3", "contribution_3"];

    function test_states_vectors() external {
        string[7] memory keys = ["context", "owners", "rho", "eta", "zeta", "v", "u"];
        TranscriptCaller caller = new TranscriptCaller();
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            Statement memory statement = abi.decode(vm.parseJsonBytes(json, ".statement"), (Statement));
            Proof memory proof = abi.decode(vm.parseJsonBytes(json, ".proof"), (Proof));
            bytes32[7] memory states = caller.states(statement, proof, vm.parseJsonBytes32(json, ".keyHash"));
            for (uint256 k = 0; k < keys.length; ++k) {
                equal(states[k], vm.parseJsonBytes32(json, string.concat(".states.", keys[k])), keys[k]);
            }
        }
    }

    function test_challenges_vectors() external {
        string[5] memory keys = ["rho", "eta", "zeta", "v", "u"];
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

    function test_digest_submissionVectors() external {
        for (uint256 i = 0; i < _names.length; ++i) {
            string memory json = _vector(i);
            Statement memory s = abi.decode(vm.parseJsonBytes(json, ".statement"), (Statement));
            bytes32[] memory expected = vm.parseJsonBytes32Array(json, ".submissions");
            bytes32 domain = keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("gradroll"),
                    keccak256("1"),
                    vm.parseJsonUint(json, ".chainId"),
                    s.market
                )
            );
            for (uint256 k = 0; k < expected.length; ++k) {
                bytes32 structHash =
                    keccak256(abi.encode(TypedData.SUBMISSION_TYPE, s.taskId, s.round, s.owners[k].cx, s.owners[k].cy));
                equal(TypedData.digest(domain, structHash), expected[k], "submission digest");
            }
        }
    }

    function _vector(uint256 i) private returns (string memory json) {
        json = vm.readFile(string.concat("../tests/vectors/v1/transcript/", _names[i], ".json"));
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
    }

    function _challenge(string memory json, string memory key) private pure returns (uint256) {
        return uint256(vm.parseJsonBytes32(json, string.concat(".challenges.", key)));
    }
}
