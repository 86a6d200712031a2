// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Roster} from "../src/libraries/Roster.sol";
import {TaskState} from "../src/types/State.sol";
import {Batch} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @dev The library on a task of its own, whose owners are numbers.
contract RosterCaller {
    TaskState private _state;

    function push(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            _state.owners.push(uint256(keccak256(abi.encode(_state.owners.length)))); // all bits of the word
        }
    }

    function compact(uint256 chunk) external returns (uint256) {
        return Roster.compact(_state, chunk);
    }

    /// @dev The owner of an index after that of another was read, and whether from code: as `BatchReader` reads it.
    function read(uint256 before, uint256 index) external view returns (address owner, bool fromCode) {
        Roster.Reader memory reader = Roster.reader(_state);
        Roster.read(reader, before);
        if (index >= reader.limit) Roster.read(reader, index);
        fromCode = index < reader.copied;
        (uint256 first, uint256 data) = (reader.first, reader.data);
        assembly ("memory-safe") {
            switch fromCode
            case 0 { owner := shr(96, shl(96, sload(add(first, index)))) }
            default { owner := shr(96, mload(add(data, mul(index, 20)))) }
        }
    }
}

/// @title Owners read from storage, from code, and from both
contract RosterTest is Scene {
    uint256 private constant GAS = 6_000_000;

    RosterCaller private _caller = new RosterCaller();
    uint256 private _task;

    function test_compactRoster_batchAccepted() external {
        _task = stage("norm_3", 5);
        vm.prank(modelOwner);
        vm.expectEmit(true, true, true, true, MARKET);
        emit IMarket.RosterCompacted(_task, 0, 5);
        equal(market.compactRoster(_task, 0), 5, "owners");
        market.acceptBatch{gas: GAS}(attested("norm_3"));
    }

    function test_compactRoster_forgedSignature() external {
        _task = stage("norm_3", 5);
        _compact(0);
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
        _task = stage("norm_3", 2);
        equal(market.compacted(_task, 0), 0, "no copy yet");
        _compact(0);
        equal(market.compacted(_task, 0), 2, "copied");
        enrol(_task, 2, 6);
        equal(market.compacted(_task, 0), 2, "admitting copies nothing");
        // Owners 0 and 1 come from code, owner 2 from storage.
        market.acceptBatch{gas: GAS}(attested("norm_3"));
        equal(_compact(0), 6, "grown");
        equal(market.compacted(_task, 0), 6, "copied again");
        equal(market.compacted(_task, 1), 0, "another chunk");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.compacted(1, 0);
        market.acceptBatch{gas: GAS}(attested("norm_3_next"));
    }

    /// @dev A chunk's copy holds exactly the owners that were there, and everybody is read as registered: whether
    /// copied, registered after the copy, or nobody. Counts around the end of a chunk are as likely as others.
    function testFuzz_compact_bounds(uint256 early, uint256 late, uint256 index, bool nearTheEnd) external {
        early = nearTheEnd ? 1022 + early % 5 : early % 80;
        late %= 5;
        _caller.push(early);
        equal(_caller.compact(0), early < 1024 ? early : 1024, "copied");
        _caller.push(late);
        uint256[5] memory indices = [0, early - (early == 0 ? 0 : 1), early, 1024, index % (early + late + 2)];
        for (uint256 i = 0; i < indices.length; ++i) {
            (address owner, bool fromCode) = _caller.read(0, indices[i]);
            address expected = address(uint160(uint256(keccak256(abi.encode(indices[i])))));
            equal(owner, indices[i] < early + late ? expected : address(0), "owner");
            equal(fromCode ? 1 : 0, indices[i] < early && indices[i] < 1024 ? 1 : 0, "read from code");
        }
        uint256 beyond = early > 1024 ? early - 1024 + late : early + late > 1024 ? early + late - 1024 : 0;
        equal(_caller.compact(1), beyond, "copied of the second chunk");
    }

    function testFuzz_compact_noSuchChunk(uint256 count, uint256 chunk) external {
        _caller.push(count % 80);
        equal(_caller.compact(chunk % ((1 << 246) - 1) + 1), 0, "nothing is there");
    }

    function test_compactRoster_nothingNew() external {
        _task = stage("norm_3", 3);
        _compact(0);
        for (uint256 chunk = 0; chunk < 2; ++chunk) {
            vm.prank(modelOwner);
            vm.expectRevert(abi.encodeWithSelector(IMarket.RosterCompact.selector, _task, chunk));
            market.compactRoster(_task, chunk);
        }
        vm.expectRevert(abi.encodeWithSelector(IMarket.TaskUnknown.selector, 1));
        market.compactRoster(1, 0);
    }

    function test_acceptBatch_acrossChunks() external {
        _task = stage("norm_3_chunks", 1025);
        Batch memory batch = attested("norm_3_chunks");
        uint256 state = vm.snapshotState();
        market.acceptBatch{gas: GAS}(batch);
        vm.revertToState(state);
        state = vm.snapshotState();
        equal(_compact(0), 1024, "full chunk");
        market.acceptBatch{gas: GAS}(batch);
        vm.revertToState(state);
        _compact(0);
        equal(_compact(1), 1, "chunk of one");
        market.acceptBatch{gas: GAS}(batch);
        equal(market.consumed(_task, 0, 3), 3 << 254, "last word of the first chunk");
        equal(market.consumed(_task, 0, 4), 1, "first word of the second chunk");
    }

    function test_acceptBatch_ownersNotAscendingAcrossChunks() external {
        _task = stage("norm_3_chunks", 1025);
        Batch memory batch = attested("norm_3_chunks");
        swapOwners(batch, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IMarket.OwnersNotAscending.selector, 2));
        market.acceptBatch{gas: GAS}(batch);
    }

    /// @dev A copy that grew costs small batches more: only those who pay for them may make one.
    function test_compactRoster_byStranger() external {
        _task = stage("norm_3", 3);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotModelOwnerOrCoordinator.selector, _task, address(this)));
        market.compactRoster(_task, 0);
        vm.prank(terms().coordinator);
        equal(market.compactRoster(_task, 0), 3, "by the coordinator");
    }

    function _compact(uint256 chunk) private returns (uint256) {
        vm.prank(modelOwner);
        return market.compactRoster(_task, chunk);
    }
}
