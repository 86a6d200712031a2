// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {BundleView, CampaignView, ChallengeView, Decision, DisputeView} from "../types/Campaigns.sol";
import {IJury} from "./IJury.sol";

/// @title What campaigns tell
interface IDataViews {
    /// @notice A campaign.
    /// @dev Errors: `CampaignUnknown`.
    function campaignOf(bytes32 campaign) external view returns (CampaignView memory);

    /// @notice A bundle.
    /// @dev Errors: `BundleUnknown`.
    function bundleOf(uint256 bundle) external view returns (BundleView memory);

    /// @notice A challenge.
    /// @dev Errors: `ChallengeUnknown`.
    function challengeOf(uint256 challenge) external view returns (ChallengeView memory);

    /// @notice A sample's dispute; its stage is `Unknown` while nobody opened a challenge against it.
    function disputeOf(uint256 bundle, uint256 index) external view returns (DisputeView memory);

    /// @notice A decision of a campaign's log.
    /// @dev Errors: `DecisionUnknown`, `CampaignUnknown`.
    function decisionAt(bytes32 campaign, uint256 position) external view returns (Decision memory);

    /// @notice Last number that was given to a bundle, a challenge, an opening or receipts; they share one sequence.
    function sequence() external view returns (uint256);

    /// @notice What members sign of an opened bundle.
    /// @dev Errors: `BundleUnknown`, `BundleStageDiffers`.
    function receiptDigest(uint256 bundle) external view returns (bytes32);

    /// @notice Registry of the committees that vouch for bundles.
    function committees() external view returns (ICommitteeRegistry);

    /// @notice The jury of all cases, which this contract made.
    function jury() external view returns (IJury);

    /// @notice Shortest window of a campaign, seconds.
    function minimumWindow() external view returns (uint32);
}
