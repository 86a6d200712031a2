// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BN254} from "../src/libraries/BN254.sol";
import {AttestedBatch, CommonOwner, SignedBody} from "../src/types/Reports.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {EvidenceScene} from "./support/EvidenceScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the whole transactions that cost a member its bond, for batches of 64 where there is one
contract EvidenceGasTest is EvidenceScene, Snapshot {
    uint256 private constant OWNERS = 64;

    function setUp() public override {
        super.setUp();
        stageMarket(OWNERS);
    }

    /// forge-config: default.isolate = true
    function test_evidence_gas() external {
        SignedBody memory one = signBody(2, VALIDATE, 1, keccak256("one"));
        registry.reportMessages(id, SESSION, VALIDATE, 1, one, signBody(2, VALIDATE, 1, keccak256("another")));
        _record("reportMessages");
        CommonOwner memory common = commonAt(0, 0);
        AttestedBatch memory first = attestedBy(1, batchOf(task, 0, 0, OWNERS));
        AttestedBatch memory second = attestedBy(1, batchOf(task, 0, 0, OWNERS - 1));
        registry.reportAttestations(id, first, second, common);
        _record("reportAttestations, 64 and 63 owners");
        first = attestedBy(3, batchOf(task, 0, 0, OWNERS));
        for (uint256 i = 0; i < OWNERS; ++i) {
            (first.statement.owners[i].cx, first.statement.owners[i].cy) = (BN254.G1_X, BN254.G1_Y);
        }
        signAttested(3, first);
        registry.reportWrongSum(id, first);
        _record("reportWrongSum, 64 owners");
        TaskTerms memory with = market.task(task).terms;
        registry.reportTooFewOwners(id, attestedBy(4, batchOf(task, 0, 0, 1)), with, modelOwner, common.deployment);
        _record("reportTooFewOwners, one owner");
        registry.collect(address(0), ownerAddress(0), ownerAddress(0));
        _record("collect");
        settle("evidence");
    }

    function _record(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
