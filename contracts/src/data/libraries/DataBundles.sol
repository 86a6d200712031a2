// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {Credits} from "../../libraries/Credits.sol";
import {Forfeit} from "../../libraries/Forfeit.sol";
import {Funds} from "../../libraries/Funds.sol";
import {TypedData} from "../../libraries/TypedData.sol";
import {Attestation} from "../../types/Types.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {ALL_SAMPLES, BundleStage, Outcome} from "../types/Campaigns.sol";
import {Bundle, Campaign, DataState, Record} from "../types/DataState.sol";
import {SampleSchema} from "../types/Samples.sol";
import {Contributions} from "./Contributions.sol";
import {DataBooks} from "./DataBooks.sol";
import {SampleSchemas} from "./SampleSchemas.sol";

/// @title Bundles, from their commitment to the pay of what nobody challenged
/// @dev Linked: it runs as `DataCampaigns`, which holds the reentrancy lock.
library DataBundles {
    using DataBooks for DataState;
    using DataBooks for Campaign;

    /// @dev Bytes of samples that the chain takes in.
    uint256 private constant MAX_INLINE = 1024;

    /// @notice See `IDataCampaigns.commit`.
    function commit(DataState storage state, bytes32 id, uint32 count, bytes32 commitment)
        external
        returns (uint256 number)
    {
        Campaign storage campaign = state.campaign(id);
        if (campaign.closed) revert IDataErrors.CampaignIsClosed(id);
        _once(state, id, commitment);
        uint256 most = campaign.terms.maxBundle;
        if (count == 0 || count > most) revert IDataErrors.CountInvalid(count, most);
        uint256 left = campaign.terms.maxSamples - campaign.held;
        if (count > left) revert IDataErrors.CampaignFull(left);
        uint256 needed = _locked(campaign, count);
        if (campaign.free < needed) revert IDataErrors.EscrowTooLow(campaign.free, needed);
        campaign.free -= uint128(needed);
        campaign.held += count;
        number = state.next();
        Bundle storage bundle = state.bundles[number];
        (bundle.campaign, bundle.contributor, bundle.stage) = (id, msg.sender, BundleStage.Committed);
        (bundle.count, bundle.since, bundle.root) = (count, uint40(block.timestamp), commitment);
        bundle.blockNumber = uint64(block.number);
        emit IDataEvents.BundleCommitted(id, number, msg.sender, count, commitment);
        Funds.take(campaign.terms.token, uint256(campaign.terms.deposit) * count + campaign.terms.receiptFee);
    }

    /// @notice See `IDataCampaigns.openBundle`.
    function open(DataState storage state, uint256 number, bytes32 root, bytes32 contentDigest, bytes32 salt) external {
        (Bundle storage bundle, Campaign storage campaign) = _opening(state, number, root, contentDigest, salt);
        (bundle.stage, bundle.since) = (BundleStage.Opened, uint40(block.timestamp));
        emit IDataEvents.BundleOpened(
            number, root, contentDigest, bundle.opened, block.timestamp + campaign.terms.receiptWindow
        );
    }

    /// @notice See `IDataCampaigns.attest`.
    function attest(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        ICommitteeRegistry committees,
        bytes32 deployment,
        uint256 number,
        Attestation[] calldata receipts
    ) external {
        Bundle storage bundle = state.bundleAt(number, BundleStage.Opened);
        Campaign storage campaign = state.campaigns[bundle.campaign];
        DataBooks.requireInTime(uint256(bundle.since) + campaign.terms.receiptWindow);
        uint256 committeeId = campaign.terms.committeeId;
        // Of the present epoch: members destroy keys that were rotated away.
        (,, uint256 epoch,) = committees.shape(committeeId);
        uint256 mask = committees.requireQuorum(committeeId, epoch, receiptDigest(state, deployment, number), receipts);
        _startReview(state, campaign, bundle, number, mask);
        uint256 left = mask;
        uint256 members = _ones(mask);
        uint256 share = campaign.terms.receiptFee / members;
        uint256 dust = campaign.terms.receiptFee % members;
        for (uint256 index = 0; left != 0; ++index) {
            if (left & 1 != 0) {
                Credits.add(owed, campaign.terms.token, committees.controllerAt(committeeId, epoch, index), share);
            }
            left >>= 1;
        }
        Credits.add(owed, campaign.terms.token, Forfeit.NOBODY, dust);
    }

    /// @notice See `IDataCampaigns.openInline`.
    function openInline(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 number,
        bytes[] calldata samples,
        bytes32 salt,
        SampleSchema calldata schema
    ) external {
        uint256 size = _sizeOf(samples);
        bool few = size <= MAX_INLINE && samples.length == state.bundle(number).count;
        if (!few) revert IDataErrors.InlineInvalid(samples.length, size, MAX_INLINE);
        bytes32 root = SampleSchemas.rootOf(samples);
        (Bundle storage bundle, Campaign storage campaign) = _opening(state, number, root, 0, salt);
        SampleSchemas.requireHash(schema, campaign.terms.schemaHash);
        for (uint256 i = 0; i < samples.length; ++i) {
            SampleSchemas.requireFit(schema, samples[i]);
        }
        emit IDataEvents.BundleInline(number, root, samples);
        _startReview(state, campaign, bundle, number, 0);
        Credits.add(owed, campaign.terms.token, bundle.contributor, campaign.terms.receiptFee);
    }

    /// @notice See `IDataCampaigns.voidBundle`.
    function voidBundle(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 number
    ) external {
        Bundle storage bundle = state.bundle(number);
        Campaign storage campaign = state.campaigns[bundle.campaign];
        bool opened = bundle.stage == BundleStage.Opened;
        if (!opened && bundle.stage != BundleStage.Committed) {
            revert IDataErrors.BundleStageDiffers(number, bundle.stage);
        }
        uint256 window = opened ? campaign.terms.receiptWindow : campaign.terms.openWindow;
        DataBooks.requireOver(bundle.since + window);
        uint256 count = bundle.count;
        bundle.stage = BundleStage.Void;
        campaign.count(count, false);
        campaign.unlock(_locked(campaign, count));
        emit IDataEvents.BundleVoided(number, opened);
        address token = campaign.terms.token;
        address who = opened ? bundle.contributor : Forfeit.NOBODY;
        Credits.add(owed, token, who, count * campaign.terms.deposit);
        Credits.add(owed, token, Forfeit.NOBODY, campaign.terms.receiptFee);
    }

    /// @notice See `IDataCampaigns.settleBundle`.
    function settle(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 number
    ) external {
        Bundle storage bundle = state.bundleAt(number, BundleStage.Review);
        Campaign storage campaign = state.campaigns[bundle.campaign];
        DataBooks.requireOver(campaign.revealDeadline(bundle));
        bundle.stage = BundleStage.Settled;
        uint256 count = bundle.count - bundle.challenged;
        emit IDataEvents.BundleSettled(number, count);
        if (count == 0) return;
        Record memory record = Record(uint64(number), ALL_SAMPLES, Outcome.Accepted, uint32(count));
        campaign.decide(bundle.campaign, record, bundle.root, 0);
        campaign.undecided += uint64(count);
        campaign.count(count, true);
        campaign.unlock(count * campaign.terms.correction);
        uint256 each = uint256(campaign.terms.reward) + campaign.terms.deposit;
        Credits.add(owed, campaign.terms.token, bundle.contributor, count * each);
    }

    /// @notice See `IDataViews.receiptDigest`.
    function receiptDigest(DataState storage state, bytes32 deployment, uint256 number) public view returns (bytes32) {
        Bundle storage bundle = state.bundleAt(number, BundleStage.Opened);
        bytes32 structHash = Contributions.ofReceipt(
            bundle.campaign,
            number,
            bundle.root,
            bundle.contentDigest,
            bundle.count,
            state.campaigns[bundle.campaign].terms.schemaHash
        );
        return TypedData.digest(TypedData.domainSeparator(deployment), structHash);
    }

    /// @dev Refuses a commitment that its sender made before: a transaction that is mined twice would cost deposits for a copy.
    function _once(DataState storage state, bytes32 id, bytes32 commitment) private {
        mapping(bytes32 commitment => bool) storage made = state.committed[id][msg.sender];
        if (made[commitment]) revert IDataErrors.CommitmentMade(commitment);
        made[commitment] = true;
    }

    /// @dev Requires that a bundle may be opened, and is what was committed to.
    function _opening(DataState storage state, uint256 number, bytes32 root, bytes32 contentDigest, bytes32 salt)
        private
        returns (Bundle storage bundle, Campaign storage campaign)
    {
        bundle = state.bundleAt(number, BundleStage.Committed);
        if (msg.sender != bundle.contributor) revert IDataErrors.NotContributor(number, msg.sender);
        campaign = state.campaigns[bundle.campaign];
        uint256 first = uint256(bundle.blockNumber) + campaign.terms.openDelay;
        if (block.number < first) revert IDataErrors.BlockTooEarly(first);
        DataBooks.requireInTime(uint256(bundle.since) + campaign.terms.openWindow);
        bytes32 computed = Contributions.ofBundle(bundle.campaign, root, contentDigest, bundle.count, msg.sender, salt);
        if (computed != bundle.root) revert IDataErrors.CommitmentMismatch(number, computed);
        (bundle.root, bundle.contentDigest, bundle.opened) = (root, contentDigest, state.next());
    }

    function _startReview(
        DataState storage state,
        Campaign storage campaign,
        Bundle storage bundle,
        uint256 number,
        uint256 members
    ) private {
        uint64 shown = state.next();
        (bundle.stage, bundle.since, bundle.shown) = (BundleStage.Review, uint40(block.timestamp), shown);
        uint256 review = block.timestamp + campaign.terms.reviewWindow;
        emit IDataEvents.ReviewStarted(number, shown, members, review, campaign.revealDeadline(bundle));
    }

    /// @dev What a campaign locks for samples.
    function _locked(Campaign storage campaign, uint256 count) private view returns (uint256) {
        return (uint256(campaign.terms.reward) + campaign.terms.correction) * count;
    }

    function _sizeOf(bytes[] calldata samples) private pure returns (uint256 size) {
        for (uint256 i = 0; i < samples.length; ++i) {
            size += samples[i].length;
        }
    }

    function _ones(uint256 mask) private pure returns (uint256 count) {
        for (; mask != 0; mask &= mask - 1) {
            ++count;
        }
    }
}
