// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Batch} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title Owners read from storage, from code, and from both
contract RosterTest is Scene {
    uint256 private constant GAS = 6_000_000;

    event RosterCompacted(uint256 indexed taskId, uint256 chunk, uint256 count);

    function test_compactRoster_batchAccepted() external {
        stage("norm_3", 5);
        vm.expectEmit(true, true, true, true, MARKET);
        emit RosterCompacted(0, 0, 5);
        equal(market.compactRoster(0, 0), 5, "owners");
        market.acceptBatch{gas: GAS}(attested("norm_3"));
    }

    function test_compactRoster_forgedSignature() external {
        stage("norm_3", 5);
        market.compactRoster(0, 0);
        Batch memory batch = attested("norm_3");
        batch.owners[1].r ^= bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 1, 1));
        market.acceptBatch{gas: GAS}(batch);
        batch = attested("norm_3");
        setIndex(batch, 2, 4);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 4));
        market.acceptBatch{gas: GAS}(batch);
        setIndex(batch, 2, 5); // nobody
        vm.expectRevert(abi.encodeWithSelector(IMarket.SubmissionInvalid.selector, 2, 5));
        market.acceptBatch{gas: GAS}(batch);
    }

    function test_compactRoster_partly() external {
        stage("norm_3", 2);
        equal(market.compacted(0, 0), 0, "no copy yet");
        market.compactRoster(0, 0);
        equal(market.compacted(0, 0), 2, "copied");
        admitOwners(0, 2, 6);
        equal(market.compacted(0, 0), 2, "admitting copies nothing");
        // Owners 0 and 1 come from code, owner 2 from storage.
        market.acceptBatch{gas: GAS}(attested("norm_3"));
        equal(market.compactRoster(0, 0), 6, "grown");
        equal(market.compacted(0, 0), 6, "copied again");
        equal(market.compacted(0, 1), 0, "another chunk");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.compacted(1, 0);
        market.acceptBatch{gas: GAS}(attested("norm_3_next"));
    }

    function test_compactRoster_nothingNew() external {
        stage("norm_3", 3);
        market.compactRoster(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RosterCompact.selector, 0, 0));
        market.compactRoster(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RosterCompact.selector, 0, 1));
        market.compactRoster(0, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.compactRoster(1, 0);
    }

    function test_acceptBatch_acrossChunks() external {
        stage("norm_3_chunks", 0);
        admitOwners(0, 0, 1025);
        Batch memory batch = attested("norm_3_chunks");
        uint256 state = vm.snapshotState();
        market.acceptBatch{gas: GAS}(batch);
        vm.revertToState(state);
        state = vm.snapshotState();
        equal(market.compactRoster(0, 0), 1024, "full chunk");
        market.acceptBatch{gas: GAS}(batch);
        vm.revertToState(state);
        market.compactRoster(0, 0);
        equal(market.compactRoster(0, 1), 1, "chunk of one");
        market.acceptBatch{gas: GAS}(batch);
        equal(market.consumed(0, 0, 3), 3 << 254, "last word of the first chunk");
        equal(market.consumed(0, 0, 4), 1, "first word of the second chunk");
    }

    function test_acceptBatch_ownersNotAscendingAcrossChunks() external {
        stage("norm_3_chunks", 0);
        admitOwners(0, 0, 1025);
        Batch memory batch = attested("norm_3_chunks");
        swapOwners(batch, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 2));
        market.acceptBatch{gas: GAS}(batch);
    }
}
