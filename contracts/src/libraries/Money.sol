// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState} from "../types/State.sol";
import {Permit} from "../types/Types.sol";
import {Funds} from "./Funds.sol";

/// @title Payments to many, and credits of those that did not take theirs
/// @dev Every caller has written its effects before it pays, and holds the market's reentrancy lock. Who pays many hands
/// each payment a bounded amount of gas and copies nothing of what it returns: no recipient, and no hook of a token, can
/// make that cost much, or keep the others from their pay.
library Money {
    /// @dev Gas for a recipient of ether: enough for a multi-signature wallet, or an account that logs.
    uint256 private constant RECIPIENT_GAS = 50_000;
    /// @dev Gas for a token's transfer; some five times what usual ones need.
    uint256 private constant TOKEN_GAS = 300_000;
    /// @dev What a call costs beside, and what is needed afterwards to write a credit.
    uint256 private constant MARGIN = 60_000;

    /// @notice Takes an amount from the caller.
    function pull(address token, uint256 amount, Permit calldata permit) internal {
        if (token != address(0)) _usePermit(token, amount, permit);
        Funds.take(token, amount);
    }

    /// @notice Pays, or credits an account.
    function pushOrCredit(MarketState storage state, address token, address to, address account, uint256 amount)
        internal
    {
        if (amount == 0) return;
        bool paid = token == address(0) ? _tryEther(to, amount) : _tryToken(token, to, amount);
        if (!paid) credit(state, token, account, amount);
    }

    /// @notice Adds to what an account can collect.
    function credit(MarketState storage state, address token, address account, uint256 amount) internal {
        if (amount == 0) return;
        state.owed[token][account] += amount;
        emit IMarket.Credited(token, account, amount);
    }

    /// @notice Requires that a call gets all the gas that it is to get, with enough left to go on: otherwise a caller could
    /// make it fail by handing the market too little (EIP-150).
    function requireGas(uint256 given) internal view {
        if (gasleft() < given + given / 63 + MARGIN) revert IMarket.GasTooLow();
    }

    function _tryEther(address to, uint256 amount) private returns (bool ok) {
        requireGas(RECIPIENT_GAS);
        assembly ("memory-safe") {
            ok := call(RECIPIENT_GAS, to, amount, 0, 0, 0, 0)
        }
    }

    /// @dev As OpenZeppelin's `trySafeTransfer`, which bounds no gas: a token says true, or nothing if it has code.
    function _tryToken(address token, address to, uint256 amount) private returns (bool ok) {
        requireGas(TOKEN_GAS);
        bytes memory transfer = abi.encodeCall(IERC20.transfer, (to, amount));
        assembly ("memory-safe") {
            ok := call(TOKEN_GAS, token, 0, add(transfer, 0x20), mload(transfer), 0, 0x20)
            switch returndatasize()
            case 0 { ok := and(ok, gt(extcodesize(token), 0)) }
            default { ok := and(ok, and(gt(returndatasize(), 0x1f), eq(mload(0), 1))) }
        }
    }

    /// @dev A permit that somebody else has used already is no failure: the allowance is there.
    function _usePermit(address token, uint256 amount, Permit calldata permit) private {
        if (permit.deadline == 0) return;
        try IERC20Permit(token)
            .permit(msg.sender, address(this), amount, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
    }
}
