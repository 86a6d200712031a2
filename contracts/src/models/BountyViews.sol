// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {ModelAccounts} from "./ModelAccounts.sol";
import {IModelBounties} from "./interfaces/IModelBounties.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Offerings} from "./libraries/Offerings.sol";
import {BountyStage, BountyTerms, BountyView, Entry, GroupOpening} from "./types/Bounties.sol";

/// @title What bounties are made with, and what they tell
abstract contract BountyViews is IModelBounties, ModelAccounts {
    /// @dev What the contract knows of a bounty; see `BountyView`.
    struct Bounty {
        address owner;
        BountyStage stage;
        uint64 anchor;
        uint8 winner;
        uint40 deadline;
        uint64 training;
        uint64 tests;
        bytes32 set;
        bytes32 anchorHash;
        uint256 keyX;
        uint256 keyY;
        bytes32 offer;
        BountyTerms terms;
        Entry[] entries;
    }

    /// @inheritdoc IModelBounties
    ICommitteeRegistry public immutable committees;
    /// @inheritdoc IModelBounties
    uint32 public immutable minimumWindow;
    mapping(bytes32 bounty => Bounty) internal _bounties;

    constructor(IModelRegistry models_, ICommitteeRegistry committees_, uint32 minimumWindow_) ModelAccounts(models_) {
        committees = committees_;
        minimumWindow = minimumWindow_;
    }

    /// @inheritdoc IModelBounties
    function bountyOf(bytes32 bounty) external view returns (BountyView memory) {
        Bounty storage state = _bounty(bounty);
        return BountyView({
            owner: state.owner,
            stage: state.stage,
            set: state.set,
            anchor: state.anchor,
            anchorHash: state.anchorHash,
            deadline: state.deadline,
            training: state.training,
            tests: state.tests,
            entries: state.entries.length,
            winner: state.winner,
            keyX: state.keyX,
            keyY: state.keyY,
            offer: state.offer,
            terms: state.terms
        });
    }

    /// @inheritdoc IModelBounties
    function entryAt(bytes32 bounty, uint256 entry) external view returns (Entry memory) {
        return _entry(_bounty(bounty), entry);
    }

    /// @inheritdoc IModelBounties
    function datasetDigest(bytes32 bounty, uint256 stage, GroupOpening[] calldata groups)
        external
        view
        returns (bytes32)
    {
        return _digest(Offerings.ofDatasetReceipt(bounty, stage, groups));
    }

    /// @inheritdoc IModelBounties
    function offerDigests(bytes32 bounty, bytes32 listing, uint256 keyX, uint256 keyY, bytes32 offer)
        external
        view
        returns (bytes32 bySeller, bytes32 byCommittee)
    {
        bySeller = _digest(Offerings.ofBountyOffer(bounty, listing, keyX, keyY, offer));
        byCommittee = _digest(Offerings.ofOfferReceipt(bounty, listing, keyX, keyY, offer));
    }

    /// @dev What compensations the owner escrowed.
    function _deposit(Bounty storage state) internal view returns (uint256) {
        return uint256(state.terms.maxEntrants) * state.terms.compensation;
    }

    function _bounty(bytes32 bounty) internal view returns (Bounty storage state) {
        state = _bounties[bounty];
        if (state.owner == address(0)) revert BountyUnknown(bounty);
    }

    function _at(bytes32 bounty, BountyStage stage) internal view returns (Bounty storage) {
        return _atEither(bounty, stage, stage);
    }

    function _atEither(bytes32 bounty, BountyStage one, BountyStage other)
        internal
        view
        returns (Bounty storage state)
    {
        state = _bounty(bounty);
        BountyStage stage = state.stage;
        if (stage != one && stage != other) revert StageDiffers(bounty, stage);
    }

    function _inTime(bytes32 bounty, BountyStage stage) internal view returns (Bounty storage state) {
        state = _at(bounty, stage);
        if (block.timestamp > state.deadline) revert TooLate(bounty, state.deadline);
    }

    function _overdue(bytes32 bounty, BountyStage stage) internal view returns (Bounty storage state) {
        state = _at(bounty, stage);
        _requireOver(state, bounty);
    }

    function _requireOver(Bounty storage state, bytes32 bounty) internal view {
        if (block.timestamp <= state.deadline) revert TooEarly(bounty, state.deadline);
    }

    function _entry(Bounty storage state, uint256 number) internal view returns (Entry storage) {
        if (number >= state.entries.length) revert EntryUnknown(number);
        return state.entries[number];
    }
}
