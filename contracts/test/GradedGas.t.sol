// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Batch} from "../src/types/Types.sol";
import {GradedScene} from "./support/GradedScene.sol";

/// @title Gas of the whole transaction that accepts a graded batch, the first of its round
/// @dev Isolated, as `GasTest` is.
contract GradedGasTest is GradedScene {
    /// @dev More per gradient than where nobody is graded, in percent.
    uint256 private constant MOST = 15;

    /// forge-config: default.isolate = true
    function test_acceptGradedBatch_gas() external {
        _measure("reference_6", 257, false);
        _measure("reference_15", 16, false);
        uint256 used = _measure("gas_reference_32", 32, false);
        uint256 flat = vm.parseJsonUint(vm.readFile("snapshots/gas.json"), "$['gas_32: transaction']");
        isTrue(used * 100 <= flat * (100 + MOST), string.concat("grades cost too much: ", decimal(used)));
        _measure("gas_reference_32", 32, true);
        stageGraded("reference_6", 16);
        record("openReferencedRound, 3 copies", vm.lastCallGas().gasTotalUsed);
        settle("graded");
    }

    function _measure(string memory name, uint256 owners, bool compacted) private returns (uint256 used) {
        uint256 state = vm.snapshotState();
        uint256 taskId = stageGraded(name, owners);
        if (compacted) {
            vm.prank(modelOwner);
            market.compactRoster(taskId, 0);
        }
        Batch memory batch = attested(name);
        handGraded(batch);
        used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state); // also what this contract has recorded since
        string memory label = string.concat("acceptGradedBatch, ", decimal(batch.owners.length), " owners");
        record(string.concat(label, compacted ? ", roster compacted" : ""), used);
    }
}
