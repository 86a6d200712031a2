// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {HeldFees} from "../src/types/Types.sol";
import {FeeScene} from "./support/FeeScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title What a further member of the committee costs a batch, and the settling of its fees
/// @dev The other figures are of four members. Fees that are computed from gas need the slope.
contract CommitteeGasTest is FeeScene, Snapshot {
    /// forge-config: default.isolate = true
    function test_committee_gas() external {
        (uint256 accepted, uint256 settled) = _batch(7);
        (uint256 acceptedMore, uint256 settledMore) = _batch(15);
        record("acceptBatch: more per attestation", acceptedMore - accepted);
        record("settleFees, for the first time: more per member", settledMore - settled);
        settle("committee");
    }

    /// @dev Gas with the attestations and receipts of members in a bit set.
    function _batch(uint256 members) private returns (uint256 accepted, uint256 settled) {
        uint256 state = vm.snapshotState();
        HeldFees memory held = attestedFees(batchOf(task, 0, 0, OWNERS), members);
        accepted = vm.lastCallGas().gasTotalUsed;
        afterChallenges(held);
        settle(held, servedBy(members, held));
        settled = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state);
    }
}
