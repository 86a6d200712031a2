// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

/// @title Ether and tokens that come in and go out
/// @dev What is called here may be hostile: callers write their effects before, and none of its return data is copied.
library Funds {
    using SafeERC20 for IERC20;

    /// @notice The ether sent along is not what is due. Send exactly `needed` wei.
    error EtherMismatch(uint256 given, uint256 needed);
    /// @notice The token moved another amount than asked: it takes a fee, or lies. Use another token.
    error AmountNotReceived(address token, uint256 amount);
    /// @notice The recipient refused, or the token did. Name another recipient, or wait until the token lets it pass.
    error TransferFailed(address recipient, uint256 amount);

    /// @notice Whether an address answers like an ERC-20: it has code, balances and allowances. What has no allowances, such as
    /// an ERC-721, whose `transferFrom` takes a token's number for an amount, is none.
    /// @dev A contract may answer what it likes. It then holds nothing of value for anybody: what was taken in it is paid out
    /// in it.
    function isToken(address token) internal view returns (bool) {
        return token.code.length != 0 && _answers(token, abi.encodeCall(IERC20.balanceOf, (address(this))))
            && _answers(token, abi.encodeCall(IERC20.allowance, (address(this), address(this))));
    }

    /// @notice Takes exactly an amount from the caller, who approved it before if it is a token's.
    /// @param token The token, 0 for ether.
    /// @param amount In its smallest unit or wei; for 0 the token is not called.
    /// @dev Errors: `EtherMismatch`, `AmountNotReceived`, `SafeERC20.SafeERC20FailedOperation` or the token's own.
    // Linked libraries run it for the contracts' own payable functions.
    // slither-disable-next-line msg-value-in-nonpayable
    function take(address token, uint256 amount) internal {
        uint256 ether_ = token == address(0) ? amount : 0;
        if (msg.value != ether_) revert EtherMismatch(msg.value, ether_);
        if (token == address(0) || amount == 0) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(token).balanceOf(address(this)) != before + amount) revert AmountNotReceived(token, amount);
    }

    /// @notice Pays, with all gas that is there.
    /// @dev Errors: `TransferFailed`.
    function pay(address token, address recipient, uint256 amount) internal {
        bool ok = token == address(0)
            ? LowLevelCall.callNoReturn(recipient, amount, "")
            : IERC20(token).trySafeTransfer(recipient, amount);
        if (!ok) revert TransferFailed(recipient, amount);
    }

    /// @dev Whether a view answers with a word, or more. Nothing of it is copied.
    function _answers(address token, bytes memory question) private view returns (bool) {
        return LowLevelCall.staticcallNoReturn(token, question) && LowLevelCall.returnDataSize() >= 32;
    }
}
