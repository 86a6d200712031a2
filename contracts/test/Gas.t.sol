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
        _measure("gas_8");
        _measure("gas_32");
        _measure("gas_64");
        _measure("norm_3");
        _measure("norm_16");
        _measure("contribution_3");
        vm.writeJson(_measure("contribution_16"), "snapshots/gas.json");
    }

    function _measure(string memory name) private returns (string memory json) {
        uint256 state = vm.snapshotState();
        Fixture memory fixture = load(name);
        uint256 owners = fixture.batch.owners.length;
        stage(name, owners, uint16(owners));
        vm.cool(MARKET);
        vm.cool(address(registry));
        vm.cool(address(verifier));
        bytes memory call = abi.encodeCall(Market.acceptBatch, (fixture.batch));
        uint256 before = gasleft();
        (bool ok,) = MARKET.call(call);
        uint256 used = before - gasleft() + TRANSACTION + _price(call);
        isTrue(ok, name);
        vm.revertToState(state);
        vm.serializeUint("gas", string.concat(name, " transaction"), used);
        json = vm.serializeUint("gas", string.concat(name, " per gradient"), used / owners);
    }

    function _price(bytes memory call) private pure returns (uint256 price) {
        for (uint256 i = 0; i < call.length; ++i) {
            price += call[i] == 0 ? 4 : 16;
        }
    }
}
