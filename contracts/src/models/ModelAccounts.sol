// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Funds} from "../libraries/Funds.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {IModelAccounts} from "./interfaces/IModelAccounts.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";

/// @title Credits of contracts of the model market, and the domain of what is signed for them
abstract contract ModelAccounts is IModelAccounts, ReentrancyGuardTransient {
    /// @inheritdoc IModelAccounts
    IModelRegistry public immutable models;
    /// @inheritdoc IModelAccounts
    bytes32 public immutable deployment;
    /// @inheritdoc IModelAccounts
    mapping(address token => mapping(address account => uint256)) public owed;

    constructor(IModelRegistry models_) {
        models = models_;
        deployment = TypedData.newDeployment();
    }

    /// @inheritdoc IModelAccounts
    function collect(address token, address account, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0) || (to != account && msg.sender != account)) revert RecipientInvalid();
        amount = owed[token][account];
        if (amount == 0) revert NothingOwed(token, account);
        owed[token][account] = 0;
        emit Collected(token, account, to, amount);
        Funds.pay(token, to, amount);
    }

    /// @inheritdoc IModelAccounts
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
        if (amount == 0) return;
        owed[token][account] += amount;
        emit Credited(token, account, amount);
    }

    /// @dev EIP-712 digest of a struct.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return TypedData.digest(TypedData.domainSeparator(deployment), structHash);
    }
}
