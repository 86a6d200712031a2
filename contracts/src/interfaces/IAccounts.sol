// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What contracts that hold money for many have in common
/// @notice They owe what they owe: nobody is paid by another's call, everybody collects. What is burnt is credited to
/// `Forfeit.NOBODY`.
interface IAccounts {
    /// @notice Credits are not paid to the zero address, and elsewhere than to their account only by its own call. Name a
    /// recipient, or call from the account.
    error RecipientInvalid();
    /// @notice There is no such credit. Look it up in `owed`.
    error NothingOwed(address token, address account);

    /// @notice An account was credited.
    event Credited(address indexed token, address indexed account, uint256 amount);
    /// @notice A credit was collected.
    event Collected(address indexed token, address indexed account, address to, uint256 amount);

    /// @notice Pays a credit out; to another recipient only for its account.
    /// @param token The token, 0 for ether.
    /// @dev Errors: `RecipientInvalid`, `NothingOwed`, `Funds.TransferFailed`.
    function collect(address token, address account, address to) external returns (uint256 amount);

    /// @notice What an account can collect.
    function owed(address token, address account) external view returns (uint256);

    /// @notice Identifier of this deployment, the salt of the EIP-712 domain, as the market's
    /// (`IMarketViews.deployment`).
    function deployment() external view returns (bytes32);

    /// @notice EIP-712 domain of everything that is signed for this contract (ERC-5267).
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}
