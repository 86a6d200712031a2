// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarketViews} from "../interfaces/IMarketViews.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {IModelRegistry} from "../models/interfaces/IModelRegistry.sol";
import {ListingView} from "../models/types/Listings.sol";
import {IDataViews} from "./interfaces/IDataViews.sol";
import {IModelVersions} from "./interfaces/IModelVersions.sol";
import {EpochReference, RoundReference, VersionTerms, VersionView} from "./types/Versions.sol";

/// @title Versions of models
/// @notice See `IModelVersions`. Nobody owns it, no money is here, and nothing in it is undone.
contract ModelVersions is IModelVersions {
    bytes32 private constant VERSION = keccak256("gradroll/v1/model-version");
    uint256 private constant MAX_PARENTS = 8;
    uint256 private constant MAX_REFERENCES = 16;
    /// @dev Rounds that versions name at once: as many as a lineage has.
    uint256 private constant MAX_ROUNDS = 64;

    /// @inheritdoc IModelVersions
    IDataViews public immutable data;
    /// @inheritdoc IModelVersions
    IModelRegistry public immutable models;
    /// @notice Identifier of this deployment.
    bytes32 public immutable deployment;
    mapping(bytes32 version => VersionView) private _versions;

    constructor(IDataViews data_, IModelRegistry models_) {
        (data, models, deployment) = (data_, models_, TypedData.newDeployment());
    }

    /// @inheritdoc IModelVersions
    function register(VersionTerms calldata terms) external returns (bytes32 version) {
        version = idOf(msg.sender, terms);
        if (_versions[version].author != address(0)) revert VersionExists(version);
        if (terms.model == 0) revert VersionInvalid("model");
        uint256 generation = _generation(terms.parents);
        _requireEpochs(terms.epochs);
        _requireRounds(terms.rounds);
        if (terms.listing != 0) _requireListing(terms.listing, terms.model);
        _versions[version] =
            VersionView(msg.sender, uint40(block.timestamp), uint32(generation), keccak256(abi.encode(terms)));
        emit VersionRegistered(version, msg.sender, generation, terms);
    }

    /// @inheritdoc IModelVersions
    function idOf(address author, VersionTerms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(VERSION, deployment, author, keccak256(abi.encode(terms))));
    }

    /// @inheritdoc IModelVersions
    function versionOf(bytes32 version) external view returns (VersionView memory) {
        return _version(version);
    }

    function _version(bytes32 id) private view returns (VersionView storage found) {
        found = _versions[id];
        if (found.author == address(0)) revert VersionUnknown(id);
    }

    function _generation(bytes32[] calldata parents) private view returns (uint256 generation) {
        if (parents.length > MAX_PARENTS) revert VersionInvalid("parents");
        bytes32 before = 0;
        for (uint256 i = 0; i < parents.length; ++i) {
            if (parents[i] <= before) revert VersionInvalid("parents");
            before = parents[i];
            uint256 after_ = uint256(_version(before).generation) + 1;
            if (after_ > generation) generation = after_;
        }
    }

    function _requireEpochs(EpochReference[] calldata epochs) private view {
        if (epochs.length > MAX_REFERENCES) revert VersionInvalid("epochs");
        for (uint256 i = 0; i < epochs.length; ++i) {
            (bytes32 campaign, uint256 epoch) = (epochs[i].campaign, epochs[i].epoch);
            if (epoch >= data.campaignOf(campaign).epochs) revert EpochNotClosed(campaign, epoch);
        }
    }

    function _requireRounds(RoundReference[] calldata rounds) private view {
        if (rounds.length > MAX_REFERENCES) revert VersionInvalid("rounds");
        IMarketViews market = models.market();
        uint256 left = MAX_ROUNDS;
        for (uint256 i = 0; i < rounds.length; ++i) {
            (uint256 first, uint256 count) = (rounds[i].first, rounds[i].count);
            if (count == 0 || count > left) revert VersionInvalid("rounds");
            left -= count;
            for (uint256 round = first; round < first + count; ++round) {
                if (!market.round(rounds[i].task, round).finalized) revert RoundNotFinalized(rounds[i].task, round);
            }
        }
    }

    /// @dev A listing is a committed model's; only its seller speaks of it.
    function _requireListing(bytes32 id, bytes32 model) private view {
        ListingView memory listing = models.listing(id);
        bool own = listing.seller == msg.sender && keccak256(abi.encode(listing.model)) == model;
        if (!own) revert ListingOfOther(id);
    }
}
