// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";
import {StubVerifier} from "./support/StubVerifier.sol";

/// @title The hand-laid call of the verifier against the compiler's encoding
/// @dev The stub answers with the hash of its re-encoded arguments; attestations over that hash are valid only when the
/// market's call decodes to the same statement and proof.
contract BatchReaderTest is Scene {
    function test_prepare_compilersEncoding() external {
        string[4] memory names = ["norm_3", "norm_16", "contribution_3", "contribution_16"];
        deploy("norm_3");
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            StubVerifier stub = new StubVerifier(fixture.batch.proof.contributions.length != 0);
            TaskTerms memory t = terms(16);
            t.verifier = address(stub);
            fixture.batch.taskId = createTask(t);
            _openTask(fixture.batch.taskId);
            (bytes32 batchId,,) = stub.verify(statementOf(fixture.batch), fixture.batch.proof);
            for (uint256 slot = 0; slot < fixture.batch.owners.length; ++slot) {
                resign(fixture.batch, slot);
            }
            for (uint8 member = 0; member < 3; ++member) {
                fixture.batch.attestations[member] =
                    attestBy(proverKey(member), member, batchId, fixture.batch.payloadDigest);
            }
            market.acceptBatch(fixture.batch);
        }
    }

    function _openTask(uint256 taskId) private {
        address[] memory owners = new address[](16);
        for (uint256 i = 0; i < 16; ++i) {
            owners[i] = ownerAddress(i);
        }
        vm.deal(address(this), 16 * REWARD);
        market.fund{value: 16 * REWARD}(taskId);
        vm.startPrank(modelOwner);
        market.admit(taskId, owners);
        market.openRound(taskId, keccak256("model"));
        vm.stopPrank();
    }
}
