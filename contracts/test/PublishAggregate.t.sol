// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Aggregates on the chain
contract PublishAggregateTest is Scene {
    uint256 private constant MAX_PAYLOAD = 16_384;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
    }

    function test_publishAggregate_event() external {
        _inlined();
        _publishes(0, "the sum");
        market.acceptBatch(redirected("norm_3_next", _task));
        _publishes(1, "another sum");
        _publishes(0, hex"00");
        _publishes(0, new bytes(MAX_PAYLOAD));
    }

    function test_publishAggregate_lateAndFinalized() external {
        _inlined();
        vm.warp(market.round(_task, 0).settleDeadline + 1);
        _publishes(0, "the sum");
        market.finalizeRound(_task, 0);
        _publishes(0, "the sum");
    }

    function test_publishAggregate_length() external {
        _inlined();
        uint256[3] memory lengths = [uint256(0), MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD];
        for (uint256 i = 0; i < lengths.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.PayloadLengthInvalid.selector, lengths[i]));
            market.publishAggregate(_task, 0, 0, new bytes(lengths[i]));
        }
    }

    function test_publishAggregate_noSuchBatch() external {
        _inlined();
        uint256[3] memory indices = [uint256(1), 1 << 16, type(uint256).max];
        for (uint256 i = 0; i < indices.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.BatchUnknown.selector, _task, 0, indices[i]));
            market.publishAggregate(_task, 0, indices[i], "the sum");
        }
        vm.expectRevert(abi.encodeWithSelector(IMarket.RoundUnknown.selector, _task, 1));
        market.publishAggregate(_task, 1, 0, "the sum");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.publishAggregate(1, 0, 0, "the sum");
    }

    function test_publishAggregate_beforeTheBatch() external {
        TaskTerms memory with = terms();
        with.inlinePayload = true;
        _task = stageTask(with, 16);
        vm.expectRevert(abi.encodeWithSelector(IMarket.BatchUnknown.selector, _task, 0, 0));
        market.publishAggregate(_task, 0, 0, "the sum");
    }

    function test_publishAggregate_servedByProvers() external {
        _task = stageTask(terms(), 16);
        market.acceptBatch(attested("norm_3"));
        vm.expectRevert(abi.encodeWithSelector(IMarket.PayloadNotInline.selector, _task));
        market.publishAggregate(_task, 0, 0, "the sum");
    }

    /// @dev A task with inlined aggregates whose first batch is accepted.
    function _inlined() private {
        TaskTerms memory with = stubTerms();
        with.inlinePayload = true;
        _task = stageTask(with, 16);
        market.acceptBatch(redirected("norm_3", _task));
    }

    /// @dev Anybody may; it is logged, and nothing else changes.
    function _publishes(uint256 batchIndex, bytes memory payload) private {
        bytes32 before = _state();
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.AggregatePublished(_task, 0, batchIndex, payload);
        vm.prank(address(0xBAD));
        market.publishAggregate(_task, 0, batchIndex, payload);
        equal(_state(), before, "the market's state");
    }

    function _state() private view returns (bytes32) {
        bytes memory views = abi.encode(market.task(_task), market.round(_task, 0), market.taskCount(), MARKET.balance);
        return keccak256(bytes.concat(views, abi.encode(market.consumed(_task, 0, 0))));
    }
}
