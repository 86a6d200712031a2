// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {MarketClock} from "./MarketClock.sol";

/// @title Tasks, rounds and owners by their numbers, or the error that there is none
library Lookup {
    /// @notice A task that exists.
    function task(MarketState storage state, uint256 taskId) internal view returns (TaskState storage found) {
        found = state.tasks[taskId];
        if (found.verifier == address(0)) revert IMarket.TaskUnknown(taskId);
    }

    /// @notice A task of the caller.
    function ownTask(MarketState storage state, uint256 taskId) internal view returns (TaskState storage found) {
        found = task(state, taskId);
        if (found.modelOwner != msg.sender) revert IMarket.NotModelOwner(taskId, msg.sender);
    }

    /// @notice A round that was opened.
    function round(TaskState storage state, uint256 taskId, uint256 number)
        internal
        view
        returns (RoundState storage found)
    {
        found = state.roundStates[number];
        if (found.settleDeadline == 0) revert IMarket.RoundUnknown(taskId, number);
    }

    /// @notice The word of a registered owner.
    function owner(TaskState storage state, uint256 taskId, uint256 index) internal view returns (uint256 word) {
        if (index >= state.owners.length) revert IMarket.OwnerUnknown(taskId, index);
        return state.owners[index];
    }

    /// @notice Whether a round takes no batches any more. Settle deadlines ascend, so all rounds before it are closed as well.
    function isClosed(MarketState storage state, RoundState storage current) internal view returns (bool) {
        return MarketClock.time(state.pauses) > current.settleDeadline;
    }
}
