// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title How a bond or a deposit is divided that misbehaviour has cost
/// @notice At least half is burnt, so that nobody gains by misbehaving and reporting itself under other names; a
/// quarter is for who reports, which pays for the gas and makes it worth looking; a quarter for who was harmed. What
/// has no taker is burnt as well: the model owner gets nothing, or it would gain by others' misbehaviour.
library Forfeit {
    /// @notice What is credited to this address is burnt: nobody has its key. Anybody may collect it there; where a
    /// token refuses, it stays in the contract for good.
    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;

    /// @param reporter Zero if no quarter is to go to who reports.
    /// @param harmed Zero if nobody is known to be harmed.
    function divide(uint256 amount, address reporter, address harmed)
        internal
        pure
        returns (uint256 toReporter, uint256 toHarmed, uint256 burnt)
    {
        uint256 quarter = amount / 4;
        toReporter = reporter == address(0) ? 0 : quarter;
        toHarmed = harmed == address(0) ? 0 : quarter;
        burnt = amount - toReporter - toHarmed;
    }
}
