// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../src/interfaces/ICommitteeRegistry.sol";
import {Funds} from "../src/libraries/Funds.sol";
import {CommitteeTerms} from "../src/types/Committees.sol";
import {CommitteeScene} from "./support/CommitteeScene.sol";
import {Bomb, Reentrant, Refusing} from "./support/Recipients.sol";

/// @title What members bond, and how they have it back
contract CommitteeBondsTest is CommitteeScene {
    address private _recipient = address(0xFEE1);

    function setUp() external {
        stageCommittee();
    }

    function test_join_exactEther() external {
        vm.deal(vm.addr(1), 2 * BOND);
        uint256[3] memory given = [uint256(0), BOND - 1, BOND + 1];
        for (uint256 i = 0; i < given.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, given[i], BOND));
            vm.prank(vm.addr(1));
            registry.join{value: given[i]}(id, "here", hpkeOf(1), controllerOf(0));
        }
    }

    function test_join_noBond() external {
        CommitteeTerms memory with = etherTerms(1);
        with.bond = 0;
        id = create(with, SIZE);
        vm.deal(vm.addr(1), 1);
        vm.expectRevert(abi.encodeWithSelector(Funds.EtherMismatch.selector, 1, 0));
        vm.prank(vm.addr(1));
        registry.join{value: 1}(id, "here", hpkeOf(1), controllerOf(0));
        vm.prank(vm.addr(1));
        registry.join(id, "here", hpkeOf(1), controllerOf(0));
        vm.prank(controllerOf(0));
        registry.retire(id, 0);
        vm.warp(time() + UNBONDING_DELAY);
        refused(ICommitteeRegistry.NoBond.selector, 0);
        vm.prank(controllerOf(0));
        registry.withdrawBond(id, 0, _recipient);
    }

    function test_retire() external {
        joinAll();
        uint256 due = time() + UNBONDING_DELAY;
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.MembershipEnding(id, 2, due);
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        isTrue(!ready() && memberOf(2).withdrawableAt == due, "not ready");
        isTrue(epochOf(id) == 0 && memberOf(2).signer == vm.addr(3), "still a member of rounds that are open");
        registry.requireQuorum(id, 0, DIGEST, signedBy(others(0), DIGEST));
        refused(ICommitteeRegistry.MembershipEnded.selector, 2);
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
    }

    function test_retire_byStrangers() external {
        joinAll();
        address[3] memory strangers = [vm.addr(3), controllerOf(1), address(this)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            notController(strangers[i], controllerOf(2));
            vm.prank(strangers[i]);
            registry.retire(id, 2);
        }
        notController(address(this), address(0));
        registry.retire(id, 99);
    }

    /// @dev A rotation that waits goes with the member; it would seat one whose bond is on its way out.
    function test_retire_dropsARotation() external {
        joinAll();
        rotate(2, FRESH);
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        vm.warp(time() + CHANGE_DELAY);
        refused(ICommitteeRegistry.NoChange.selector, 2);
        registry.applyChange(id, 2);
    }

    function test_withdrawBond_afterTheDelay() external {
        joinAll();
        refused(ICommitteeRegistry.BondLocked.selector, 0);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        uint256 due = time() + UNBONDING_DELAY;
        vm.warp(due - 1);
        refused(ICommitteeRegistry.BondLocked.selector, due);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        vm.warp(due);
        vm.expectRevert(ICommitteeRegistry.RecipientInvalid.selector);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, address(0));
        vm.expectEmit(true, true, true, true, address(registry));
        emit ICommitteeRegistry.BondWithdrawn(id, 2, _recipient, BOND);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        equal(_recipient.balance, BOND, "paid");
        equal(address(registry).balance, (SIZE - 1) * BOND, "the others' stay");
        refused(ICommitteeRegistry.NoBond.selector, 2);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
    }

    /// @dev Being revoked or rotated away ends no membership: the bond stays.
    function test_withdrawBond_notByRevoking() external {
        joinAll();
        vm.prank(controllerOf(2));
        registry.revoke(id, vm.addr(3));
        rotated(1, FRESH);
        vm.warp(time() + 1000 days);
        for (uint256 index = 1; index < 3; ++index) {
            refused(ICommitteeRegistry.BondLocked.selector, 0);
            vm.prank(controllerOf(index));
            registry.withdrawBond(id, index, _recipient);
        }
    }

    function test_withdrawBond_byStrangers() external {
        joinAll();
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        vm.warp(time() + UNBONDING_DELAY);
        address[3] memory strangers = [vm.addr(3), controllerOf(1), address(this)];
        for (uint256 i = 0; i < strangers.length; ++i) {
            notController(strangers[i], controllerOf(2));
            vm.prank(strangers[i]);
            registry.withdrawBond(id, 2, _recipient);
        }
    }

    /// @dev The one who was replaced waits for its bond, and takes its own only.
    function test_withdrawBond_ofAReplacedMember() external {
        joinAll();
        replaced(1, FRESH, controllerOf(77));
        uint256 due = time() + UNBONDING_DELAY;
        vm.warp(due - 1);
        refused(ICommitteeRegistry.BondLocked.selector, due);
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 1, _recipient);
        vm.warp(due);
        notController(controllerOf(1), controllerOf(77));
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 4, _recipient);
        vm.prank(controllerOf(1));
        registry.withdrawBond(id, 1, _recipient);
        refused(ICommitteeRegistry.BondLocked.selector, 0);
        vm.prank(controllerOf(77));
        registry.withdrawBond(id, 4, _recipient);
        isTrue(memberOf(1).bond == BOND && ready(), "its successor's bond stays");
    }

    /// @dev Once the bond is gone the member does not come back by any call, and attests in no later epoch.
    function test_withdrawBond_thenBack() external {
        joinAll();
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        vm.warp(time() + UNBONDING_DELAY);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        refused(ICommitteeRegistry.MembershipEnded.selector, 2);
        vm.prank(vm.addr(3));
        registry.join(id, "here", hpkeOf(3), controllerOf(2));
        replaced(2, FRESH, controllerOf(2));
        isTrue(ready() && memberOf(2).bond == BOND, "as another member, with another bond");
        uint256[] memory keys = others(0);
        refused(ICommitteeRegistry.AttestationInvalid.selector, 2);
        registry.requireQuorum(id, 1, DIGEST, signedBy(keys, DIGEST));
    }

    function test_withdrawBond_refusingRecipient() external {
        address refusing = address(new Refusing());
        _retired();
        vm.expectRevert(abi.encodeWithSelector(Funds.TransferFailed.selector, refusing, BOND));
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, refusing);
        vm.prank(controllerOf(2));
        registry.withdrawBond(id, 2, _recipient);
        equal(_recipient.balance, BOND, "to another one");
    }

    /// @dev What a recipient returns is not copied: making a megabyte costs it gas, and us none to speak of.
    function test_withdrawBond_returnBomb() external {
        address bomb = address(new Bomb());
        _retired();
        vm.prank(controllerOf(2));
        uint256 before = gasleft();
        (bool ok,) = address(registry).call(abi.encodeCall(ICommitteeRegistry.withdrawBond, (id, 2, bomb)));
        uint256 used = before - gasleft();
        isTrue(!ok, "refused");
        before = gasleft();
        (ok,) = _callWithoutData(bomb);
        isTrue(!ok && used < before - gasleft() + 100_000, "gas");
    }

    function test_withdrawBond_reentrant() external {
        Reentrant controller = new Reentrant();
        joinAll();
        replaced(1, FRESH, address(controller));
        vm.prank(address(controller));
        registry.retire(id, 4);
        vm.warp(time() + UNBONDING_DELAY);
        controller.arm(address(registry), abi.encodeCall(ICommitteeRegistry.withdrawBond, (id, 4, address(controller))));
        vm.prank(address(controller));
        registry.withdrawBond(id, 4, address(controller));
        isTrue(controller.refused(), "the second call");
        equal(address(controller).balance, BOND, "once");
    }

    /// @dev Member 2 retires, and its bond becomes free.
    function _free() private {
        vm.prank(controllerOf(2));
        registry.retire(id, 2);
        vm.warp(time() + UNBONDING_DELAY);
    }

    function _retired() private {
        joinAll();
        _free();
    }

    function _callWithoutData(address to) private returns (bool ok, uint256 size) {
        assembly ("memory-safe") {
            ok := call(gas(), to, 0, 0, 0, 0, 0)
            size := returndatasize()
        }
    }
}
