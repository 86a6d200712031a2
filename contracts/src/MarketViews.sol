// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IMarketViews} from "./interfaces/IMarketViews.sol";
import {IVerifierFactory} from "./interfaces/IVerifierFactory.sol";
import {Enrolment} from "./libraries/Enrolment.sol";
import {Lookup} from "./libraries/Lookup.sol";
import {Payroll} from "./libraries/Payroll.sol";
import {Roster} from "./libraries/Roster.sol";
import {Tasks} from "./libraries/Tasks.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {MarketState, TaskState} from "./types/State.sol";
import {OwnerView, RoundView, TaskView} from "./types/Types.sol";

/// @title What the market is made with, and what it tells
abstract contract MarketViews is IMarket {
    using Lookup for MarketState;
    using Lookup for TaskState;

    /// @inheritdoc IMarketViews
    ICommitteeRegistry public immutable registry;
    /// @inheritdoc IMarketViews
    IVerifierFactory public immutable factory;
    /// @inheritdoc IMarketViews
    address public immutable guardian;
    /// @inheritdoc IMarketViews
    uint32 public immutable minimumWindow;
    /// @inheritdoc IMarketViews
    bytes32 public immutable deployment;
    uint256 private immutable _chainId;
    bytes32 private immutable _cachedDomain;
    MarketState internal _state;

    constructor(ICommitteeRegistry registry_, IVerifierFactory factory_, uint32 minimumWindow_, address guardian_) {
        registry = registry_;
        factory = factory_;
        minimumWindow = minimumWindow_;
        guardian = guardian_;
        deployment = TypedData.newDeployment();
        (_chainId, _cachedDomain) = (block.chainid, TypedData.domainSeparator(deployment));
    }

    /// @inheritdoc IMarketViews
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

    /// @inheritdoc IMarketViews
    function taskCount() external view returns (uint256) {
        return _state.taskIds.length;
    }

    /// @inheritdoc IMarketViews
    function taskAt(uint256 position) external view returns (uint256 taskId) {
        if (position >= _state.taskIds.length) revert TaskUnknown(position);
        return _state.taskIds[position];
    }

    /// @inheritdoc IMarketViews
    function task(uint256 taskId) external view returns (TaskView memory) {
        return Tasks.describe(_state, taskId);
    }

    /// @inheritdoc IMarketViews
    function round(uint256 taskId, uint256 number) external view returns (RoundView memory) {
        return Tasks.describeRound(_state, taskId, number);
    }

    /// @inheritdoc IMarketViews
    function consumed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256) {
        return _state.task(taskId).round(taskId, number).consumed[word];
    }

    /// @inheritdoc IMarketViews
    function posted(uint256 taskId, uint256 number, uint256 word) external view returns (uint256) {
        return _state.task(taskId).round(taskId, number).posted[word];
    }

    /// @inheritdoc IMarketViews
    function levels(uint256 taskId, uint256 number, uint256 word) external view returns (uint256) {
        return _state.task(taskId).round(taskId, number).levelsOf[word];
    }

    /// @inheritdoc IMarketViews
    function ownerAt(uint256 taskId, uint256 index) external view returns (OwnerView memory) {
        return Enrolment.describe(_state, taskId, index);
    }

    /// @inheritdoc IMarketViews
    function compacted(uint256 taskId, uint256 chunk) external view returns (uint256 count) {
        return Roster.copied(_state.task(taskId), chunk);
    }

    /// @inheritdoc IMarketViews
    function ownerIndex(uint256 taskId, address signer)
        external
        view
        returns (bool registered, uint256 index, bool admitted)
    {
        TaskState storage state = _state.task(taskId);
        uint256 found = state.indexPlusOne[signer];
        return (found != 0, found == 0 ? 0 : found - 1, !state.permissioned || state.admitted[signer]);
    }

    /// @inheritdoc IMarketViews
    function claimable(uint256 taskId, uint256 index, uint256 through)
        external
        view
        returns (uint256 amount, uint256 nextClaim)
    {
        return Payroll.claimable(_state, taskId, index, through);
    }

    /// @inheritdoc IMarketViews
    function owed(address token, address account) external view returns (uint256) {
        return _state.owed[token][account];
    }

    /// @inheritdoc IMarketViews
    function heldFees(uint256 taskId, uint256 number, uint256 batchIndex) external view returns (bytes32) {
        return _state.task(taskId).round(taskId, number).heldFees[batchIndex];
    }

    /// @dev EIP-712 domain separator; a fork of the chain has one of its own.
    function _domain() internal view returns (bytes32) {
        return block.chainid == _chainId ? _cachedDomain : TypedData.domainSeparator(deployment);
    }
}
