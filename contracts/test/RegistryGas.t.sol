// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CommitteeScene} from "./support/CommitteeScene.sol";
import {Snapshot} from "./support/Snapshot.sol";

/// @title Gas of the whole transactions with which a committee of four is made and changed
contract RegistryGasTest is CommitteeScene, Snapshot {
    /// forge-config: default.isolate = true
    function test_committee_gas() external {
        vm.warp(1_700_000_000);
        deployRegistry();
        id = create(etherTerms(1), SIZE);
        _record("createCommittee, 4 members");
        join(id, 1, controllerOf(0));
        _record("join, ether");
        for (uint256 i = 1; i < SIZE; ++i) {
            join(id, i + 1, controllerOf(i));
        }
        registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(3), DIGEST));
        _record("requireQuorum, 3 attestations: call"); // a view: no transaction of its own
        vm.prank(vm.addr(1));
        registry.setEndpoint(id, "second");
        _record("setEndpoint");
        _changes();
        settle("registry");
    }

    function _changes() private {
        rotate(1, FRESH);
        _record("rotate");
        vm.warp(time() + CHANGE_DELAY);
        registry.applyChange(id, 1);
        _record("applyChange, rotation");
        registry.requireQuorum(id, 0, DIGEST, signedBy(keysUpTo(3), DIGEST));
        _record("requireQuorum, 3 attestations, one of a key before the last: call");
        replace(0, FRESH + 1, controllerOf(9), _others());
        _record("replace, 3 attestations");
        join(id, FRESH + 1, controllerOf(9));
        vm.warp(time() + CHANGE_DELAY);
        registry.applyChange(id, 0);
        _record("applyChange, replacement");
        vm.prank(vm.addr(3));
        registry.revoke(id, vm.addr(3));
        _record("revoke");
        vm.prank(controllerOf(3));
        registry.retire(id, 3);
        _record("retire");
        vm.warp(time() + UNBONDING_DELAY);
        vm.prank(controllerOf(3));
        registry.withdrawBond(id, 3, controllerOf(3));
        _record("withdrawBond, ether");
        rotate(2, FRESH + 2);
        vm.prank(controllerOf(2));
        registry.cancelChange(id, 2);
        _record("cancelChange");
    }

    function _others() private pure returns (uint256[] memory keys) {
        keys = others(0);
        keys[1] = FRESH;
    }

    function _record(string memory label) private {
        record(label, vm.lastCallGas().gasTotalUsed);
    }
}
