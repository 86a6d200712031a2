// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation} from "../src/types/Types.sol";
import {QuorumScene} from "./support/QuorumScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the whole transactions by which owners are left out, or post, and coordinators are named; quorum of
/// three
contract QuorumGasTest is QuorumScene, Snapshot {
    /// forge-config: default.isolate = true
    function test_quorum_gas() external {
        stageDeposits();
        post(0, 3);
        _record("postSubmission, first of 256 indices");
        post(0, 4);
        _record("postSubmission");
        exclude(0, 3);
        _record("exclude");
        Attestation[] memory receipts = byQuorum(
            typed(
                "Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)",
                abi.encode(task, 1, 0, address(0xC1))
            )
        );
        close(task, 0);
        market.setCoordinatorByQuorum(task, address(0xC1), receipts);
        _record("setCoordinatorByQuorum");
        settle("quorum");
    }

    function _record(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
