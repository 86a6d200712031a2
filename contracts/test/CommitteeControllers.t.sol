// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";

/// @title Who is paid for what a member did in an epoch
contract CommitteeControllersTest is CommitteeScene {
    function setUp() external {
        stageCommittee();
    }

    function test_controllerAt_everyMember() external {
        equal(registry.controllerAt(id, 0, 2), address(0), "nobody before it joined");
        joinAll();
        for (uint256 i = 0; i < SIZE; ++i) {
            equal(registry.controllerAt(id, 0, i), controllerOf(i), "controller");
        }
        vm.expectPartialRevert(ICommitteeRegistry.IndexInvalid.selector);
        registry.controllerAt(id, 0, SIZE);
        vm.expectRevert(abi.encodeWithSelector(ICommitteeRegistry.CommitteeUnknown.selector, 7));
        registry.controllerAt(7, 0, 0);
    }

    /// @dev A new key is the same member.
    function test_controllerAt_rotation() external {
        joinAll();
        rotated(1, FRESH);
        equal(registry.controllerAt(id, 0, 1), controllerOf(1), "before");
        equal(registry.controllerAt(id, 1, 1), controllerOf(1), "since");
    }

    /// @dev Who replaced a member is not paid for what that one did.
    function test_controllerAt_replacement() external {
        joinAll();
        replaced(1, FRESH, controllerOf(9));
        rotated(2, FRESH + 1);
        equal(registry.controllerAt(id, 0, 1), controllerOf(1), "in its time");
        equal(registry.controllerAt(id, 1, 1), controllerOf(9), "the next one");
        equal(registry.controllerAt(id, 2, 1), controllerOf(9), "in later epochs");
        equal(registry.controllerAt(id, 0, 0), controllerOf(0), "another index");
    }
}
