// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TaskTerms} from "../src/types/Types.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the whole transaction that accepts a batch, the first of its round
/// @dev Isolated: every call is a transaction of its own, so storage is cold and the figure has the 21,000 and the
/// calldata in it.
contract GasTest is Snapshot {
    /// forge-config: default.isolate = true
    function test_acceptBatch_gas() external {
        string[5] memory names = ["norm_3", "norm_16", "gas_8", "gas_32", "gas_64"];
        for (uint256 i = 0; i < names.length; ++i) {
            _measure(names[i], false);
            _measure(names[i], true);
        }
        _measureFees();
        settle("gas");
    }

    /// @dev What fees add to a batch, without a proof: the larger the batch, the less a gradient.
    function _measureFees() private {
        uint256 with = _stubBatch(1);
        uint256 without = _stubBatch(0);
        record("fees, 64 owners: more per batch", with - without);
        record("fees, 64 owners: more per gradient", (with - without) / 64);
        isTrue(with - without <= 500 * 64, string.concat("fees add too much: ", decimal(with - without)));
    }

    function _stubBatch(uint128 fee) private returns (uint256 used) {
        uint256 state = vm.snapshotState();
        deploy("norm_3");
        TaskTerms memory t = stubTerms();
        (t.coordinatorBatchFee, t.proverBatchFee) = (fee, fee);
        uint256 taskId = stageTask(t, 64);
        accept(taskId, 0, 0, 64);
        used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state);
    }

    function _measure(string memory name, bool compacted) private {
        uint256 state = vm.snapshotState();
        uint256 owners = load(name).batch.owners.length;
        uint256 taskId = stage(name, owners);
        if (compacted) {
            vm.prank(modelOwner);
            market.compactRoster(taskId, 0);
        }
        market.acceptBatch(attested(name));
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state); // also what this contract has recorded since
        string memory label = string.concat(name, compacted ? ", roster compacted" : "");
        record(string.concat(label, ": transaction"), used);
        record(string.concat(label, ": per gradient"), used / owners);
    }
}
