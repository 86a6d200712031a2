// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Market} from "../src/Market.sol";
import {Scene} from "./support/Scene.sol";

/// @title Gas of the whole transaction that accepts a batch, first of its round
/// @dev Execution with all accounts and storage cold, plus 21,000 and the price of calldata. `snapshots/gas.json` holds the
/// figures; `npm run snapshot` rewrites it.
contract GasTest is Scene {
    uint256 private constant TRANSACTION = 21_000;

    function test_acceptBatch_gas() external {
        string[7] memory names = ["norm_3", "norm_16", "contribution_3", "contribution_16", "gas_8", "gas_32", "gas_64"];
        string memory json;
        for (uint256 i = 0; i < names.length; ++i) {
            _measure(names[i], false);
            json = _measure(names[i], true);
        }
        vm.writeJson(json, "snapshots/gas.json");
    }

    function _measure(string memory name, bool compacted) private returns (string memory json) {
        uint256 state = vm.snapshotState();
        Fixture memory fixture = load(name);
        uint256 owners = fixture.batch.owners.length;
        stage(name, owners, uint16(owners));
        if (compacted) market.compactRoster(0, 0);
        vm.cool(MARKET);
        vm.cool(address(registry));
        vm.cool(address(verifier));
        bytes memory call = abi.encodeCall(Market.acceptBatch, (fixture.batch));
        uint256 before = gasleft();
        (bool ok,) = MARKET.call(call);
        uint256 used = before - gasleft() + TRANSACTION + _price(call);
        isTrue(ok, name);
        vm.revertToState(state);
        string memory label = string.concat(name, compacted ? ", roster compacted" : "");
        vm.serializeUint("gas", string.concat(label, ": transaction"), used);
        json = vm.serializeUint("gas", string.concat(label, ": per gradient"), used / owners);
    }

    function _price(bytes memory call) private pure returns (uint256 price) {
        for (uint256 i = 0; i < call.length; ++i) {
            price += call[i] == 0 ? 4 : 16;
        }
    }
}
