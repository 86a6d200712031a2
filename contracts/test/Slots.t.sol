// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../src/interfaces/IMarket.sol";
import {Batch, OwnerView, TaskTerms} from "../src/types/Types.sol";
import {Scene} from "./support/Scene.sol";

/// @title A task cannot be closed by registering and leaving again
/// @dev All 65,536 indices are given out by writing the number of owners into the market's storage.
contract SlotsTest is Scene {
    /// @dev Storage slot of the market's tasks; words of a task before its owners.
    uint256 private constant TASKS_SLOT = 0;
    uint256 private constant OWNERS_WORD = 14;
    uint256 private constant MAX_INDICES = 65_536;

    uint256 private _task;

    function setUp() external {
        deploy("norm_3");
        TaskTerms memory t = stubTerms();
        (t.permissioned, t.basePay, t.bonusPay, t.lapseRounds) = (false, 0, PAY, 0);
        _task = createTask(t);
        fund(_task, 100 ether);
    }

    function test_register_allIndicesGivenOut() external {
        enrol(_task, 0, 4);
        _leave(1);
        _leave(3);
        _fill();
        equal(_register(10), 3, "the index that became free last");
        equal(_register(11), 1, "the one before");
        OwnerView memory state = market.ownerAt(_task, 3);
        equal(state.signer, ownerAddress(10), "signer");
        isTrue(!state.leaving && !state.exited, "it is there");
        (bool registered, uint256 index,) = market.ownerIndex(_task, ownerAddress(11));
        isTrue(registered && index == 1, "found by its signer");
        (registered,,) = market.ownerIndex(_task, ownerAddress(1));
        isTrue(!registered, "who left is forgotten");
        equal(market.task(_task).ownerCount, MAX_INDICES, "no index beyond two bytes");
        _leave(3);
        equal(_register(3), 3, "and a third time, by a key that left before");
    }

    /// @dev Before there were free slots, that many registrations for nothing but gas closed a task for ever.
    function test_register_andLeaveForEver() external {
        enrol(_task, 0, 2);
        _leave(0);
        _fill();
        for (uint256 i = 2; i < 12; ++i) {
            equal(_register(i), 0, "the same index each time");
            _leave(0);
        }
    }

    /// @dev The new owner of an index gets nothing of what the old one earned, nor is it taken for accepted.
    function test_register_reusedIndexHasNoPast() external {
        enrol(_task, 0, 4);
        openRound(_task, 4);
        accept(_task, 0, 0, 4);
        vm.prank(ownerAddress(2));
        market.resign(_task, 2);
        close(_task, 0);
        market.claim(_task, 1, hex"0002");
        elapse(7 days);
        market.exit(_task, 2);
        _fill();
        openRound(_task, 4);
        equal(_register(9), 2, "index");
        equal(market.ownerAt(_task, 2).joinedAt, 2, "from the next round on");
        (uint256 amount, uint256 next) = market.claimable(_task, 2, 2);
        equal(amount, 0, "nothing is owed");
        equal(next, 2, "from the next round on");
        accept(_task, 1, 0, 2);
        openRound(_task, 4);
        Batch memory batch = batchOf(_task, 2, 1, 2);
        _signAs(batch, 1, 9);
        market.acceptBatch(batch);
        market.claim(_task, 3, hex"0002");
        equal(ownerAddress(9).balance, PAY, "paid for its own gradient");
        equal(ownerAddress(2).balance, PAY, "the old owner for its own");
    }

    /// @dev A copy of the chunk would name who left.
    function test_register_reusedIndexInACopy() external {
        enrol(_task, 0, 4);
        vm.prank(modelOwner);
        market.compactRoster(_task, 0);
        _leave(2);
        _fill();
        _register(9);
        equal(market.compacted(_task, 0), 0, "the copy is dropped");
        openRound(_task, 4);
        Batch memory batch = batchOf(_task, 0, 1, 2);
        _signAs(batch, 1, 9);
        market.acceptBatch(batch);
    }

    /// @dev Copies of other chunks, and of owners before the index, stay.
    function test_register_reusedIndexInNoCopy() external {
        enrol(_task, 0, 3);
        vm.prank(modelOwner);
        market.compactRoster(_task, 0);
        enrol(_task, 3, 4);
        _leave(3);
        _fill();
        equal(_register(9), 3, "index");
        equal(market.compacted(_task, 0), 3, "the copy stays");
    }

    function _register(uint256 index) private returns (uint256) {
        return register(_task, ownerAddress(index), 0);
    }

    /// @dev The owner of an index leaves and has left.
    function _leave(uint256 index) private {
        address account = market.ownerAt(_task, index).account;
        vm.prank(account);
        market.resign(_task, index);
        elapse(EXIT_WAIT);
        market.exit(_task, index);
    }

    /// @dev As if all indices had been given out.
    function _fill() private {
        uint256 task = uint256(keccak256(abi.encode(_task, TASKS_SLOT)));
        bytes32 slot = bytes32(task + OWNERS_WORD);
        equal(uint256(vm.load(MARKET, slot)), market.task(_task).ownerCount, "the slot of the number of owners");
        vm.store(MARKET, slot, bytes32(MAX_INDICES));
    }

    /// @dev Has the owner in a slot be the holder of another key.
    function _signAs(Batch memory batch, uint256 slot, uint256 key) private view {
        bytes32 digest = submissionDigest(batch, slot, market.task(_task).termsHash, MODEL);
        (batch.owners[slot].r, batch.owners[slot].vs) = signCompact(ownerKey(key), digest);
        attest(batch, batchIdOf(batch));
    }
}
