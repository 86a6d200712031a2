// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Scene} from "./support/Scene.sol";

/// @title Gas of the whole transaction that accepts a batch, the first of its round
/// @dev Isolated: every call is a transaction of its own, so storage is cold and the figure has the 21,000 and the calldata
/// in it. `snapshots/gas.json` holds the figures; the test rewrites it and CI compares.
contract GasTest is Scene {
    /// forge-config: default.isolate = true
    function test_acceptBatch_gas() external {
        string[5] memory names = ["norm_3", "norm_16", "gas_8", "gas_32", "gas_64"];
        string memory json;
        for (uint256 i = 0; i < names.length; ++i) {
            _measure(names[i], false);
            json = _measure(names[i], true);
        }
        vm.writeJson(json, "snapshots/gas.json");
    }

    function _measure(string memory name, bool compacted) private returns (string memory json) {
        uint256 state = vm.snapshotState();
        uint256 owners = load(name).batch.owners.length;
        stage(name, owners);
        if (compacted) market.compactRoster(0, 0);
        market.acceptBatch(attested(name));
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.revertToState(state);
        string memory label = string.concat(name, compacted ? ", roster compacted" : "");
        vm.serializeUint("gas", string.concat(label, ": transaction"), used);
        json = vm.serializeUint("gas", string.concat(label, ": per gradient"), used / owners);
    }
}
