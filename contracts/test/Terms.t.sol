// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Terms} from "../src/libraries/Terms.sol";
import {TaskState} from "../src/types/State.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @dev The library with calldata and storage.
contract TermsCaller {
    TaskState private _state;

    function hash(bytes32 deployment, uint256 taskId, address creator, TaskTerms calldata terms)
        external
        pure
        returns (bytes32)
    {
        return Terms.hash(deployment, taskId, creator, terms);
    }

    function roundTrip(TaskTerms calldata terms) external returns (TaskTerms memory) {
        Terms.store(_state, terms);
        return Terms.load(_state);
    }
}

/// @title Terms, whatever they are
contract TermsTest is Scene {
    TermsCaller private _caller = new TermsCaller();

    /// @dev Any change of any one of deployment, task, creator and the 30 terms changes the hash.
    function testFuzz_hash_everyTerm(
        bytes32 deployment,
        uint256 taskId,
        address owner,
        TaskTerms memory t,
        uint256 seed
    ) external view {
        uint8[33] memory bits = [
            0,
            0,
            160,
            64,
            160,
            160,
            32,
            8,
            64,
            16,
            16,
            32,
            32,
            32,
            1,
            1,
            160,
            128,
            128,
            128,
            128,
            128,
            128,
            128,
            8,
            32,
            32,
            32,
            8,
            8,
            0,
            0,
            0
        ];
        bytes32 hash = _caller.hash(deployment, taskId, owner, t);
        for (uint256 word = 0; word < bits.length; ++word) {
            bytes memory data = abi.encodeCall(TermsCaller.hash, (deployment, taskId, owner, t));
            uint256 delta = uint256(keccak256(abi.encode(seed, word)));
            if (bits[word] != 0) delta &= (1 << bits[word]) - 1;
            if (delta == 0) delta = 1;
            assembly ("memory-safe") {
                let position := add(add(data, 0x24), shl(5, word))
                mstore(position, xor(mload(position), delta))
            }
            (bool ok, bytes memory other) = address(_caller).staticcall(data);
            isTrue(ok && abi.decode(other, (bytes32)) != hash, "a term that is not hashed");
        }
    }

    /// @dev Terms of any size that their types, the limit of rounds and a verifier's slots allow come out of the packed words as they went in.
    function testFuzz_store_load(TaskTerms memory t) external {
        t.minOwners %= 1 << 8;
        t.rounds %= 1 << 20;
        equal(keccak256(abi.encode(_caller.roundTrip(t))), keccak256(abi.encode(t)), "terms");
    }
}
