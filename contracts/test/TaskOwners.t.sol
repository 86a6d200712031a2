// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {TaskView} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Whose a task is, and who coordinates it
contract TaskOwnersTest is Scene {
    address private constant BUYER = address(0xB0B);
    address private constant OTHER = address(0xC1);

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        _task = createTask(terms());
        fund(_task, 10 ether);
    }

    function test_transferTask_twoSteps() external {
        bytes32 termsHash = market.task(_task).termsHash;
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.TaskOffered(_task, modelOwner, BUYER);
        market.transferTask(_task, BUYER);
        equal(market.task(_task).modelOwner, modelOwner, "offered only");
        vm.prank(BUYER);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.TaskTransferred(_task, modelOwner, BUYER);
        market.acceptTask(_task);
        TaskView memory state = market.task(_task);
        equal(state.modelOwner, BUYER, "taken");
        equal(state.pendingOwner, address(0), "no offer is left");
        equal(state.creator, modelOwner, "the creator stays");
        equal(state.termsHash, termsHash, "what was signed holds");
        _notModelOwner(modelOwner);
        market.withdraw(_task, 1, modelOwner);
        vm.prank(BUYER);
        market.withdraw(_task, 10 ether, BUYER);
        equal(BUYER.balance, 10 ether, "the balance comes with it");
    }

    function test_transferTask_refused() external {
        _notModelOwner(BUYER);
        market.transferTask(_task, BUYER);
        vm.prank(modelOwner);
        market.transferTask(_task, BUYER);
        _notPending(OTHER);
        vm.prank(modelOwner);
        market.transferTask(_task, OTHER);
        _notPending(BUYER);
        vm.prank(modelOwner);
        market.transferTask(_task, address(0));
        _notPending(OTHER);
    }

    /// @dev Signatures and proofs of a round go on under its new model owner.
    function test_transferTask_insideARound() external {
        enrol(_task, 0, 6);
        openRound(_task, 6);
        vm.prank(modelOwner);
        market.transferTask(_task, BUYER);
        vm.prank(BUYER);
        market.acceptTask(_task);
        market.acceptBatch(attested("norm_3"));
    }

    function test_setCoordinator_betweenRounds() external {
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.CoordinatorChanged(_task, OTHER);
        market.setCoordinator(_task, OTHER);
        equal(market.task(_task).coordinator, OTHER, "before the first round");
        equal(market.task(_task).terms.coordinator, terms().coordinator, "terms do not change");
        _notModelOwner(BUYER);
        market.setCoordinator(_task, BUYER);
        vm.prank(modelOwner);
        vm.expectRevert(IMarket.AddressInvalid.selector);
        market.setCoordinator(_task, address(0));
        openRound(_task, 2);
        close(_task, 0);
        vm.prank(modelOwner);
        market.setCoordinator(_task, BUYER);
        equal(market.task(_task).coordinator, BUYER, "when the round is closed");
    }

    /// @dev A model owner cannot take the work away from a coordinator that does it.
    function test_setCoordinator_whileItIsActive() external {
        enrol(_task, 0, 6);
        openRound(_task, 6);
        _active();
        vm.warp(market.round(_task, 0).settleDeadline - WINDOW / 2);
        _active();
        market.acceptBatch(attested("norm_3"));
        elapse(1);
        _active();
    }

    /// @dev One that says nothing cannot hold the round up.
    function test_setCoordinator_afterSilence() external {
        enrol(_task, 0, 6);
        openRound(_task, 6);
        vm.warp(market.round(_task, 0).settleDeadline - WINDOW / 2 + 1);
        vm.prank(modelOwner);
        market.setCoordinator(_task, OTHER);
        market.acceptBatch(attested("norm_3"));
    }

    function _active() private {
        vm.prank(modelOwner);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CoordinatorActive.selector, _task, 0));
        market.setCoordinator(_task, OTHER);
    }

    function _notModelOwner(address caller) private {
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwner.selector, _task, caller));
    }

    function _notPending(address caller) private {
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotPendingOwner.selector, _task, caller));
        market.acceptTask(_task);
    }
}
