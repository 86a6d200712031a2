// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {IGradedVerifier} from "../src/interfaces/IGradedVerifier.sol";
import {Graded} from "../src/types/Graded.sol";
import {Batch, ReferenceOpening, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @dev Refuses every proof, naming the call that it got.
contract EchoVerifier {
    error Called(bytes32 hash);

    uint256 public constant capacity = 120;
    bool public immutable levelled;

    constructor(bool levelled_) {
        levelled = levelled_;
    }

    fallback() external {
        revert Called(keccak256(msg.data));
    }
}

/// @title The hand-laid call of the verifier against the compiler's encoding
contract BatchReaderTest is Scene {
    function test_verify_compilersEncoding() external {
        string[3] memory names = ["norm_3", "norm_16", "gas_64"];
        deploy("norm_3");
        TaskTerms memory with = termsWith(address(new EchoVerifier(false)));
        for (uint256 i = 0; i < names.length; ++i) {
            Batch memory batch = load(names[i]).batch;
            batch.taskId = stageTask(with, batch.owners.length);
            resignAll(batch);
            bytes memory call = abi.encodeCall(IVerifier.verify, (statementOf(batch), batch.proof));
            vm.expectRevert(abi.encodeWithSelector(EchoVerifier.Called.selector, keccak256(call)));
            market.acceptBatch(batch);
        }
    }

    /// @dev With numbers that end within a word, and at the end of one.
    function test_verifyGraded_compilersEncoding() external {
        string[3] memory names = ["norm_3", "norm_16", "gas_64"];
        deploy("norm_3");
        TaskTerms memory with = gradedTerms(address(new EchoVerifier(true)));
        for (uint256 i = 0; i < names.length; ++i) {
            Batch memory batch = load(names[i]).batch;
            batch.taskId = stageTask(with, batch.owners.length);
            resignAll(batch);
            bytes memory values;
            while (values.length < 8 * batch.owners.length) {
                values = abi.encodePacked(values, uint64(uint256(keccak256(values))));
            }
            ReferenceOpening memory opened = opening(i);
            Graded memory graded = Graded(with.step, with.dither, with.minOwners, values);
            bytes memory call =
                abi.encodeCall(IGradedVerifier.verifyGraded, (graded, statementOf(batch, opened), batch.proof));
            vm.expectRevert(abi.encodeWithSelector(EchoVerifier.Called.selector, keccak256(call)));
            market.acceptGradedBatch(batch, opened, values);
        }
    }

    /// @dev Any bytes in the place of the numbers are handed on as they are: the verifier counts them.
    function testFuzz_verifyGraded_anyNumbers(bytes memory values, bytes32 dirt) external {
        deploy("norm_3");
        TaskTerms memory with = gradedTerms(address(new EchoVerifier(true)));
        Batch memory batch = load("norm_3").batch;
        batch.taskId = stageTask(with, 3);
        resignAll(batch);
        Graded memory graded = Graded(with.step, with.dither, with.minOwners, values);
        bytes memory call =
            abi.encodeCall(IGradedVerifier.verifyGraded, (graded, statementOf(batch, opening(2)), batch.proof));
        bytes memory refusal = abi.encodeWithSelector(EchoVerifier.Called.selector, keccak256(call));
        call = abi.encodeCall(market.acceptGradedBatch, (batch, opening(2), values));
        // what a client leaves behind the numbers is not handed on
        (bool ok, bytes memory told) = MARKET.call(bytes.concat(call, dirt));
        isTrue(!ok && keccak256(told) == keccak256(refusal), "another call");
    }
}
