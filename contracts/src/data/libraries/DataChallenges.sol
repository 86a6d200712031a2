// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Credits} from "../../libraries/Credits.sol";
import {Forfeit} from "../../libraries/Forfeit.sol";
import {Funds} from "../../libraries/Funds.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {BundleStage, ChallengeStage, DisputeStage, Ground, Outcome} from "../types/Campaigns.sol";
import {Bundle, Campaign, Challenge, DataState, Dispute} from "../types/DataState.sol";
import {SampleProof, SampleSchema} from "../types/Samples.sol";
import {Contributions} from "./Contributions.sol";
import {DataBooks} from "./DataBooks.sol";
import {SampleSchemas} from "./SampleSchemas.sol";

/// @title Challenges: committed to, opened, proven, burnt, released
/// @dev Linked: it runs as `DataCampaigns`, which holds the reentrancy lock.
library DataChallenges {
    using DataBooks for DataState;
    using DataBooks for Campaign;

    /// @notice What a challenger opens.
    struct Opening {
        uint256 id;
        uint256 bundle;
        uint256 index;
        bytes32 salt;
    }

    /// @notice See `IDataCampaigns.challenge`.
    function commit(DataState storage state, bytes32 id, bytes32 commitment) external returns (uint256 number) {
        Campaign storage campaign = state.campaign(id);
        number = state.next();
        Challenge storage made = state.challenges[number];
        (made.campaign, made.challenger, made.stage) = (id, msg.sender, ChallengeStage.Committed);
        (made.since, made.digest) = (uint40(block.timestamp), commitment);
        emit IDataEvents.ChallengeCommitted(id, number, msg.sender, commitment);
        Funds.take(campaign.terms.token, campaign.terms.stake);
    }

    /// @notice See `IDataCampaigns.revealJudged`.
    function revealJudged(
        DataState storage state,
        Opening memory with,
        bytes calldata correction,
        SampleSchema calldata schema
    ) external {
        bytes32 digest = correction.length == 0 ? bytes32(0) : keccak256(correction);
        Dispute storage dispute = _open(state, with, Ground.Judged, digest);
        if (digest != 0) {
            _requireSchema(state, with.bundle, schema);
            SampleSchemas.requireFit(schema, correction);
        }
        ++dispute.challengers;
        dispute.judged = _earlier(dispute.judged, with.id);
        emit IDataEvents.ChallengeOpened(with.id, with.bundle, with.index, Ground.Judged, Outcome.None, correction);
    }

    /// @notice See `IDataCampaigns.proveSchema`.
    function proveSchema(
        DataState storage state,
        Opening memory with,
        SampleProof calldata sample,
        SampleSchema calldata schema
    ) external {
        Dispute storage dispute = _open(state, with, Ground.Schema, 0);
        _requireSchema(state, with.bundle, schema);
        _requireIn(state.bundles[with.bundle].root, with.bundle, with.index, sample);
        if (SampleSchemas.fits(schema, sample.sample)) {
            revert IDataErrors.SampleFitsSchema(with.bundle, with.index);
        }
        dispute.bad = _earlier(dispute.bad, with.id);
        emit IDataEvents.ChallengeOpened(with.id, with.bundle, with.index, Ground.Schema, Outcome.Bad, "");
    }

    /// @notice See `IDataCampaigns.proveDuplicate`.
    function proveDuplicate(
        DataState storage state,
        Opening memory with,
        SampleProof calldata sample,
        uint256 otherBundle,
        uint256 otherIndex,
        SampleProof calldata other,
        SampleSchema calldata schema
    ) external {
        Dispute storage dispute = _open(state, with, Ground.Duplicate, 0);
        _requireSchema(state, with.bundle, schema);
        _requireIn(state.bundles[with.bundle].root, with.bundle, with.index, sample);
        (bytes32 root, bool wasPublic) = _original(state, with, otherBundle, otherIndex);
        _requireIn(root, otherBundle, otherIndex, other);
        SampleSchemas.requireFit(schema, sample.sample);
        SampleSchemas.requireFit(schema, other.sample);
        uint256 distance = SampleSchemas.distance(schema, sample.sample, other.sample);
        if (distance > schema.tau) revert IDataErrors.NotNear(distance, schema.tau);
        if (wasPublic) dispute.bad = _earlier(dispute.bad, with.id);
        else dispute.void_ = _earlier(dispute.void_, with.id);
        Outcome proven = wasPublic ? Outcome.Bad : Outcome.Void;
        emit IDataEvents.ChallengeOpened(with.id, with.bundle, with.index, Ground.Duplicate, proven, "");
    }

    /// @notice See `IDataCampaigns.burnChallenge`.
    function burn(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 id
    ) external {
        Challenge storage made = state.challengeAt(id, ChallengeStage.Committed);
        Campaign storage campaign = state.campaigns[made.campaign];
        // A review window that it lies in has begun by then.
        DataBooks.requireOver(uint256(made.since) + campaign.terms.reviewWindow + campaign.terms.revealWindow);
        made.stage = ChallengeStage.Lost;
        emit IDataEvents.ChallengeBurnt(id);
        Credits.add(owed, campaign.terms.token, Forfeit.NOBODY, campaign.terms.stake);
    }

    /// @notice See `IDataCampaigns.release`.
    function release(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 id
    ) external {
        Challenge storage made = state.challengeAt(id, ChallengeStage.Opened);
        Dispute storage dispute = state.disputes[made.bundle][made.index];
        if (dispute.stage != DisputeStage.Settled) {
            revert IDataErrors.DisputeStageDiffers(made.bundle, made.index, dispute.stage);
        }
        if (dispute.upheld && made.ground == Ground.Judged) revert IDataErrors.StakeLost(id);
        made.stage = ChallengeStage.Released;
        Campaign storage campaign = state.campaigns[made.campaign];
        emit IDataEvents.StakeReleased(id);
        Credits.add(owed, campaign.terms.token, made.challenger, campaign.terms.stake);
    }

    /// @dev Requires that a challenge was committed to in the review window of a bundle, and that its time to be opened is now.
    function _open(DataState storage state, Opening memory with, Ground ground, bytes32 correction)
        private
        returns (Dispute storage dispute)
    {
        Challenge storage made = state.challengeAt(with.id, ChallengeStage.Committed);
        if (msg.sender != made.challenger) revert IDataErrors.NotChallenger(with.id, msg.sender);
        Bundle storage bundle = state.bundleAt(with.bundle, BundleStage.Review);
        Campaign storage campaign = state.campaigns[bundle.campaign];
        if (with.index >= bundle.count) revert IDataErrors.IndexOutside(with.index, bundle.count);
        uint256 review = uint256(bundle.since) + campaign.terms.reviewWindow;
        bool inside = made.campaign == bundle.campaign && with.id > bundle.shown && made.since <= review;
        if (!inside) revert IDataErrors.ChallengeOutside(with.id, with.bundle);
        DataBooks.requireOver(review);
        DataBooks.requireInTime(campaign.revealDeadline(bundle));
        bytes32 computed = Contributions.ofChallenge(
            bundle.campaign, with.bundle, bundle.root, with.index, ground, correction, msg.sender, with.salt
        );
        if (computed != made.digest) revert IDataErrors.CommitmentMismatch(with.id, computed);
        (made.stage, made.ground, made.digest) = (ChallengeStage.Opened, ground, correction);
        (made.bundle, made.index) = (uint64(with.bundle), uint32(with.index));
        dispute = state.disputes[with.bundle][with.index];
        if (dispute.stage != DisputeStage.Unknown) return dispute;
        dispute.stage = DisputeStage.Challenged;
        ++bundle.challenged;
    }

    /// @dev Root of the tree in which an original stands, and whether it was public when its copy was committed to.
    function _original(DataState storage state, Opening memory with, uint256 number, uint256 index)
        private
        view
        returns (bytes32 root, bool wasPublic)
    {
        Bundle storage copy = state.bundles[with.bundle];
        if (number == 0) {
            Campaign storage campaign = state.campaigns[copy.campaign];
            if (index >= campaign.terms.initialCount) revert IDataErrors.NotOriginal(number, index);
            return (campaign.terms.initialRoot, true);
        }
        if (number == with.bundle) {
            if (index >= with.index) revert IDataErrors.NotOriginal(number, index);
            return (copy.root, true);
        }
        Bundle storage bundle = state.bundles[number];
        // One whose content nobody vouched for may be known to its contributor only.
        bool shown = bundle.campaign == copy.campaign && bundle.shown != 0 && index < bundle.count;
        uint256 half = state.campaigns[copy.campaign].terms.reviewWindow / 2;
        bool before = number < with.bundle ? !_hid(bundle, copy, half) : _hid(copy, bundle, half);
        if (!shown || !before || _isGone(state.disputes[number][index], with.bundle)) {
            revert IDataErrors.NotOriginal(number, index);
        }
        return (bundle.root, bundle.shown < with.bundle);
    }

    /// @dev Whether a bundle came under review only when half the review of one that was committed to later was over. Then it is the
    /// copy of the two; else the later one is, and there is time to challenge it. So of two that are near, always one counts and one
    /// does not: who commits twice to the same is not paid twice, whatever it shows when.
    function _hid(Bundle storage first, Bundle storage second, uint256 half) private view returns (bool) {
        return first.since > uint256(second.since) + half;
    }

    /// @dev Whether a sample had been decided not to count when another bundle was committed to. Otherwise a false label would keep
    /// the true one out for good.
    function _isGone(Dispute storage dispute, uint256 bundle) private view returns (bool) {
        bool out = dispute.outcome == Outcome.Bad || dispute.outcome == Outcome.Void;
        return out && dispute.decided < bundle;
    }

    function _requireSchema(DataState storage state, uint256 bundle, SampleSchema calldata schema) private view {
        SampleSchemas.requireHash(schema, state.campaigns[state.bundles[bundle].campaign].terms.schemaHash);
    }

    function _requireIn(bytes32 root, uint256 bundle, uint256 index, SampleProof calldata with) private pure {
        if (!SampleSchemas.isIn(root, index, with.sample, with.proof)) revert IDataErrors.ProofInvalid(bundle, index);
    }

    function _earlier(uint64 known, uint256 id) private pure returns (uint64) {
        return known == 0 || id < known ? uint64(id) : known;
    }
}
