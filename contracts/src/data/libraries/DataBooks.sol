// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {BundleStage, ChallengeStage, Outcome} from "../types/Campaigns.sol";
import {Bundle, Campaign, Challenge, DataState, Record} from "../types/DataState.sol";

/// @title Where the records of campaigns are, and when their windows end
library DataBooks {
    function campaign(DataState storage self, bytes32 id) internal view returns (Campaign storage found) {
        found = self.campaigns[id];
        if (found.owner == address(0)) revert IDataErrors.CampaignUnknown(id);
    }

    function bundle(DataState storage self, uint256 id) internal view returns (Bundle storage found) {
        found = self.bundles[id];
        if (found.stage == BundleStage.Unknown) revert IDataErrors.BundleUnknown(id);
    }

    /// @notice A bundle at a stage.
    function bundleAt(DataState storage self, uint256 id, BundleStage stage)
        internal
        view
        returns (Bundle storage found)
    {
        found = bundle(self, id);
        if (found.stage != stage) revert IDataErrors.BundleStageDiffers(id, found.stage);
    }

    /// @notice A challenge at a stage.
    function challengeAt(DataState storage self, uint256 id, ChallengeStage stage)
        internal
        view
        returns (Challenge storage found)
    {
        found = self.challenges[id];
        if (found.stage == ChallengeStage.Unknown) revert IDataErrors.ChallengeUnknown(id);
        if (found.stage != stage) revert IDataErrors.ChallengeStageDiffers(id, found.stage);
    }

    /// @notice The next number of the sequence.
    function next(DataState storage self) internal returns (uint64 number) {
        number = self.sequence + 1;
        self.sequence = number;
    }

    /// @notice Last second in which challenges against a bundle under review are opened.
    function revealDeadline(Campaign storage of_, Bundle storage from) internal view returns (uint256) {
        return uint256(from.since) + of_.terms.reviewWindow + of_.terms.revealWindow;
    }

    /// @notice Last second in which a contributor may concede.
    function answerDeadline(Campaign storage of_, Bundle storage from) internal view returns (uint256) {
        return revealDeadline(of_, from) + of_.terms.answerWindow;
    }

    /// @notice Last second in which a case may be opened, or the owner may decide.
    function caseDeadline(Campaign storage of_, Bundle storage from) internal view returns (uint256) {
        return answerDeadline(of_, from) + of_.terms.caseWindow;
    }

    /// @notice Requires that a window has ended.
    function requireOver(uint256 deadline) internal view {
        if (block.timestamp <= deadline) revert IDataErrors.TooEarly(deadline);
    }

    /// @notice Requires that a window has not ended.
    function requireInTime(uint256 deadline) internal view {
        if (block.timestamp > deadline) revert IDataErrors.TooLate(deadline);
    }

    /// @notice Appends a decision to a campaign's log.
    function decide(Campaign storage self, bytes32 id, Record memory record, bytes32 root, bytes32 correction)
        internal
    {
        (uint256 number, uint256 index) = (record.bundle, record.index);
        bytes32 acc =
            keccak256(abi.encode(self.acc, number, index, record.outcome, uint256(record.count), root, correction));
        self.acc = acc;
        emit IDataEvents.Decided(
            id, self.log.length, number, index, record.outcome, record.count, root, correction, acc
        );
        self.log.push(record);
    }

    /// @notice Samples that stop to be pending: they count, or make room.
    function count(Campaign storage self, uint256 samples, bool accepted) internal {
        if (accepted) self.accepted += uint64(samples);
        else self.held -= uint32(samples);
    }

    /// @notice Escrow that comes free.
    function unlock(Campaign storage self, uint256 amount) internal {
        self.free += uint128(amount);
    }
}
