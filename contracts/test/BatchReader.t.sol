// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Batch, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @dev Refuses every proof, naming the call that it got.
contract EchoVerifier {
    error Called(bytes32 hash);

    uint256 public constant capacity = 120;
    bool public constant levelled = false;

    fallback() external {
        revert Called(keccak256(msg.data));
    }
}

/// @title The hand-laid call of the verifier against the compiler's encoding
contract BatchReaderTest is Scene {
    function test_verify_compilersEncoding() external {
        string[3] memory names = ["norm_3", "norm_16", "gas_64"];
        deploy("norm_3");
        TaskTerms memory with = termsWith(address(new EchoVerifier()));
        for (uint256 i = 0; i < names.length; ++i) {
            Batch memory batch = load(names[i]).batch;
            batch.taskId = stageTask(with, batch.owners.length);
            resignAll(batch);
            bytes memory call = abi.encodeCall(IVerifier.verify, (statementOf(batch), batch.proof));
            vm.expectRevert(abi.encodeWithSelector(EchoVerifier.Called.selector, keccak256(call)));
            market.acceptBatch(batch);
        }
    }
}
