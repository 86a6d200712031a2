// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelRegistry} from "../../models/interfaces/IModelRegistry.sol";
import {VersionTerms, VersionView} from "../types/Versions.sol";
import {IDataViews} from "./IDataViews.sol";

/// @title Versions of models, and what they were made from
/// @notice A graph without cycles: parents are there before. What a version says of its epochs, rounds and listing exists; that it was
/// trained on them is its author's word, unless its listing has a proven lineage, or everybody can compute it by the rule.
interface IModelVersions {
    /// @notice There are too many parents, epochs or rounds, or the named ones are out of order or range.
    error VersionInvalid(string part);
    /// @notice The author registered this very version.
    error VersionExists(bytes32 version);
    /// @notice No version has this identifier.
    error VersionUnknown(bytes32 version);
    /// @notice The campaign has not closed this epoch.
    error EpochNotClosed(bytes32 campaign, uint256 epoch);
    /// @notice The market has not finalised this round.
    error RoundNotFinalized(uint256 task, uint256 round);
    /// @notice The listing is another seller's, or of another model.
    error ListingOfOther(bytes32 listing);

    /// @notice A version was registered.
    event VersionRegistered(bytes32 indexed version, address indexed author, uint256 generation, VersionTerms terms);

    /// @notice Registers a version.
    /// @dev Errors: those above, `CampaignUnknown`, `ListingUnknown`.
    function register(VersionTerms calldata terms) external returns (bytes32 version);

    /// @notice Identifier of a version: this deployment, who made it, and all that it says.
    function idOf(address author, VersionTerms calldata terms) external view returns (bytes32);

    /// @notice A version.
    function versionOf(bytes32 version) external view returns (VersionView memory);

    /// @notice The campaigns' contract.
    function data() external view returns (IDataViews);

    /// @notice The registry of models; its market is where rounds are.
    function models() external view returns (IModelRegistry);
}
