// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAccounts} from "./interfaces/IAccounts.sol";
import {Credits} from "./libraries/Credits.sol";
import {Funds} from "./libraries/Funds.sol";
import {TypedData} from "./libraries/TypedData.sol";

/// @title Credits of a contract, and the domain of what is signed for it
abstract contract Accounts is IAccounts, ReentrancyGuardTransient {
    /// @inheritdoc IAccounts
    bytes32 public immutable deployment;
    /// @inheritdoc IAccounts
    mapping(address token => mapping(address account => uint256)) public owed;

    constructor() {
        deployment = TypedData.newDeployment();
    }

    /// @inheritdoc IAccounts
    function collect(address token, address account, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0) || (to != account && msg.sender != account)) revert RecipientInvalid();
        amount = owed[token][account];
        if (amount == 0) revert NothingOwed(token, account);
        owed[token][account] = 0;
        emit Collected(token, account, to, amount);
        Funds.pay(token, to, amount);
    }

    /// @inheritdoc IAccounts
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
        )
    {
        return (hex"1f", "gradroll", "1", block.chainid, address(this), deployment, new uint256[](0));
    }

    /// @dev Adds to what an account can collect.
    function _credit(address token, address account, uint256 amount) internal {
        Credits.add(owed, token, account, amount);
    }

    /// @dev EIP-712 digest of a struct.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return TypedData.digest(TypedData.domainSeparator(deployment), structHash);
    }
}
