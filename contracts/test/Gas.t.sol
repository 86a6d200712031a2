// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

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
        settle("gas");
    }

    function _measure(string memory name, bool compacted) private {
        uint256 state = vm.snapshotState();
        uint256 owners = load(name).batch.owners.length;
        stage(name, owners);
        if (compacted) market.compactRoster(0, 0);
        market.acceptBatch(attested(name));
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state); // also what this contract has recorded since
        string memory label = string.concat(name, compacted ? ", roster compacted" : "");
        record(string.concat(label, ": transaction"), used);
        record(string.concat(label, ": per gradient"), used / owners);
    }
}
