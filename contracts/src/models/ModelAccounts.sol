// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Accounts} from "../Accounts.sol";
import {IModelAccounts} from "./interfaces/IModelAccounts.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";

/// @title Credits of contracts of the model market
abstract contract ModelAccounts is IModelAccounts, Accounts {
    /// @inheritdoc IModelAccounts
    IModelRegistry public immutable models;

    constructor(IModelRegistry models_) {
        models = models_;
    }
}
