// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {Pauses} from "../types/State.sol";

/// @title The market's clock
/// @notice Block time less what pauses took. All deadlines are kept in it, so a pause moves every one of them by its length
/// without touching any. A pause ends by itself, and pauses are far apart: the guardian can delay, not prevent.
library MarketClock {
    /// @dev Longest pause.
    uint40 internal constant MAX_PAUSE = 7 days;
    /// @dev Least time between the beginnings of two pauses.
    uint40 internal constant PAUSE_INTERVAL = 28 days;

    /// @notice Whether acceptance is paused, and market time.
    function read(Pauses storage pauses) internal view returns (bool paused, uint256 time_) {
        (uint256 began, uint256 taken) = (pauses.pausedAt, pauses.stopped);
        if (began != 0) {
            uint256 since = block.timestamp - began;
            paused = since < MAX_PAUSE;
            taken += paused ? since : MAX_PAUSE;
        }
        time_ = block.timestamp - taken;
    }

    /// @notice Market time.
    function time(Pauses storage pauses) internal view returns (uint256 time_) {
        (, time_) = read(pauses);
    }

    /// @notice Seconds that pauses took up to now, the present one included.
    function stopped(Pauses storage pauses) internal view returns (uint256) {
        return block.timestamp - time(pauses);
    }

    /// @notice Begins a pause.
    /// @return until Block time at which it ends by itself.
    function begin(Pauses storage pauses) internal returns (uint256 until) {
        uint256 possibleAt = uint256(pauses.lastBegan) + PAUSE_INTERVAL;
        if (pauses.lastBegan != 0 && block.timestamp < possibleAt) revert IMarket.PauseTooSoon(possibleAt);
        _fold(pauses);
        pauses.pausedAt = pauses.lastBegan = uint40(block.timestamp);
        return block.timestamp + MAX_PAUSE;
    }

    /// @notice Ends the present pause.
    /// @return total Seconds that pauses took up to now.
    function end(Pauses storage pauses) internal returns (uint256 total) {
        (bool paused,) = read(pauses);
        if (!paused) revert IMarket.NotPaused();
        return _fold(pauses);
    }

    function _fold(Pauses storage pauses) private returns (uint256 total) {
        total = stopped(pauses);
        (pauses.stopped, pauses.pausedAt) = (uint40(total), 0);
    }
}
