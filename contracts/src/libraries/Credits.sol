// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../interfaces/IAccounts.sol";

/// @title What accounts can collect
library Credits {
    /// @notice Adds to what an account can collect.
    function add(
        mapping(address token => mapping(address account => uint256)) storage owed,
        address token,
        address account,
        uint256 amount
    ) internal {
        if (amount == 0) return;
        owed[token][account] += amount;
        emit IAccounts.Credited(token, account, amount);
    }
}
