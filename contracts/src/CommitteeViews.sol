// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {Committees} from "./libraries/Committees.sol";
import {Committee, CommitteeTerms, MemberView, Membership} from "./types/Committees.sol";
import {MemberWord} from "./types/MemberWord.sol";

/// @title What the registry keeps of committees, and tells
abstract contract CommitteeViews is ICommitteeRegistry {
    using Committees for Committee;

    uint64[] internal _ids;
    mapping(uint256 committeeId => Committee) internal _committees;

    /// @inheritdoc ICommitteeRegistry
    function controllerAt(uint256 committeeId, uint256 epoch, uint256 index) external view returns (address) {
        Committee storage target = _indexed(committeeId, index);
        return target.stays[target.membershipAt(index, target.memberAt(index, epoch).tenure())].controller;
    }

    /// @inheritdoc ICommitteeRegistry
    function shape(uint256 committeeId)
        external
        view
        returns (uint256 threshold, uint256 size, uint256 epoch, bool isReady)
    {
        Committee storage target = _committee(committeeId);
        return (target.terms.threshold, target.size, target.epoch, target.isReady());
    }

    /// @inheritdoc ICommitteeRegistry
    function quorum(uint256 committeeId) external view returns (uint256) {
        return _committee(committeeId).members[0].quorumOf();
    }

    /// @inheritdoc ICommitteeRegistry
    function committee(uint256 committeeId)
        external
        view
        returns (uint8, address[] memory, string[] memory, bytes32[] memory, bool)
    {
        return committeeAtEpoch(committeeId, _committee(committeeId).epoch);
    }

    /// @inheritdoc ICommitteeRegistry
    function committeeAtEpoch(uint256 committeeId, uint256 epoch)
        public
        view
        returns (
            uint8 threshold,
            address[] memory signers,
            string[] memory endpoints,
            bytes32[] memory hpkeKeys,
            bool isReady
        )
    {
        Committee storage target = _committee(committeeId);
        if (epoch > target.epoch) revert EpochUnknown(committeeId, epoch);
        uint256 size = target.size;
        threshold = target.terms.threshold;
        isReady = epoch == target.epoch && target.isReady();
        signers = new address[](size);
        endpoints = new string[](size);
        hpkeKeys = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            MemberWord member = target.memberAt(i, epoch);
            uint256 number = member.tenure();
            (signers[i], hpkeKeys[i]) = (member.signerOf(), target.tenures[i][number].hpkeKey);
            endpoints[i] = target.stays[target.membershipAt(i, number)].endpoint;
        }
    }

    /// @inheritdoc ICommitteeRegistry
    function membership(uint256 committeeId, uint256 index) external view returns (MemberView memory) {
        return _indexed(committeeId, index).report(index);
    }

    /// @inheritdoc ICommitteeRegistry
    function bond(uint256 committeeId, uint256 membershipId)
        external
        view
        returns (address controller, uint256 amount, uint256 withdrawableAt)
    {
        Membership storage stay = _committee(committeeId).stays[membershipId];
        return (stay.controller, stay.bond, stay.withdrawableAt);
    }

    /// @inheritdoc ICommitteeRegistry
    function terms(uint256 committeeId) external view returns (CommitteeTerms memory) {
        return _committee(committeeId).terms;
    }

    /// @inheritdoc ICommitteeRegistry
    function identity(uint256 committeeId) external view returns (bytes32) {
        return _committee(committeeId).identity;
    }

    /// @inheritdoc ICommitteeRegistry
    function committeeCount() external view returns (uint256) {
        return _ids.length;
    }

    /// @inheritdoc ICommitteeRegistry
    function committeeAt(uint256 position) external view returns (uint64 committeeId) {
        return _ids[position];
    }

    function _committee(uint256 committeeId) internal view returns (Committee storage target) {
        target = _committees[committeeId];
        if (target.size == 0) revert CommitteeUnknown(committeeId);
    }

    function _indexed(uint256 committeeId, uint256 index) internal view returns (Committee storage target) {
        target = _committee(committeeId);
        if (index >= target.size) revert IndexInvalid(committeeId, index);
    }
}
