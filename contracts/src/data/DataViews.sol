// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Accounts} from "../Accounts.sol";
import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IDataCampaigns} from "./interfaces/IDataCampaigns.sol";
import {IDataViews} from "./interfaces/IDataViews.sol";
import {IJury} from "./interfaces/IJury.sol";
import {DataBooks} from "./libraries/DataBooks.sol";
import {DataBundles} from "./libraries/DataBundles.sol";
import {
    BundleView,
    CampaignView,
    ChallengeStage,
    ChallengeView,
    Decision,
    DisputeView,
    Ground,
    Outcome
} from "./types/Campaigns.sol";
import {Bundle, Campaign, Challenge, DataState, Dispute, Record} from "./types/DataState.sol";

/// @title What campaigns are made with, and what they tell
abstract contract DataViews is IDataCampaigns, Accounts {
    using DataBooks for DataState;

    /// @inheritdoc IDataViews
    ICommitteeRegistry public immutable committees;
    /// @inheritdoc IDataViews
    uint32 public immutable minimumWindow;
    /// @inheritdoc IDataViews
    IJury public immutable jury;
    DataState internal _state;

    constructor(ICommitteeRegistry committees_, uint32 minimumWindow_, IJury jury_) {
        (committees, minimumWindow, jury) = (committees_, minimumWindow_, jury_);
    }

    /// @inheritdoc IDataViews
    function campaignOf(bytes32 campaign) external view returns (CampaignView memory) {
        Campaign storage state = _state.campaign(campaign);
        return CampaignView({
            owner: state.owner,
            closed: state.closed,
            free: state.free,
            held: state.held,
            accepted: state.accepted,
            decisions: state.log.length,
            undecided: state.undecided,
            epochs: state.epochs,
            epochStart: state.epochStart,
            acc: state.acc,
            terms: state.terms
        });
    }

    /// @inheritdoc IDataViews
    function bundleOf(uint256 bundle) external view returns (BundleView memory) {
        Bundle storage state = _state.bundle(bundle);
        return BundleView({
            campaign: state.campaign,
            contributor: state.contributor,
            stage: state.stage,
            count: state.count,
            challenged: state.challenged,
            since: state.since,
            blockNumber: state.blockNumber,
            opened: state.opened,
            shown: state.shown,
            root: state.root,
            contentDigest: state.contentDigest
        });
    }

    /// @inheritdoc IDataViews
    function challengeOf(uint256 challenge_) external view returns (ChallengeView memory) {
        Challenge storage state = _state.challenges[challenge_];
        if (state.stage == ChallengeStage.Unknown) revert ChallengeUnknown(challenge_);
        bool lost = state.ground == Ground.Judged && _state.disputes[state.bundle][state.index].upheld;
        return ChallengeView({
            campaign: state.campaign,
            challenger: state.challenger,
            stage: state.stage == ChallengeStage.Opened && lost ? ChallengeStage.Lost : state.stage,
            ground: state.ground,
            since: state.since,
            digest: state.digest,
            bundle: state.bundle,
            index: state.index
        });
    }

    /// @inheritdoc IDataViews
    function disputeOf(uint256 bundle, uint256 index) external view returns (DisputeView memory) {
        Dispute storage state = _state.disputes[bundle][index];
        return DisputeView({
            stage: state.stage,
            outcome: state.outcome,
            upheld: state.upheld,
            bad: state.bad,
            void_: state.void_,
            judged: state.judged,
            challengers: state.challengers,
            caseId: state.caseId,
            appellant: state.appellant,
            pot: state.pot
        });
    }

    /// @inheritdoc IDataViews
    function decisionAt(bytes32 campaign, uint256 position) external view returns (Decision memory) {
        Campaign storage state = _state.campaign(campaign);
        if (position >= state.log.length) revert DecisionUnknown(position);
        Record storage record = state.log[position];
        (uint256 bundle, uint256 index) = (record.bundle, record.index);
        bool corrected = record.outcome == Outcome.Corrected;
        return Decision({
            bundle: bundle,
            index: index,
            outcome: record.outcome,
            count: record.count,
            root: bundle == 0 ? state.terms.initialRoot : _state.bundles[bundle].root,
            correction: corrected ? _state.challenges[_state.disputes[bundle][index].judged].digest : bytes32(0)
        });
    }

    /// @inheritdoc IDataViews
    function sequence() external view returns (uint256) {
        return _state.sequence;
    }

    /// @inheritdoc IDataViews
    function receiptDigest(uint256 bundle) external view returns (bytes32) {
        return DataBundles.receiptDigest(_state, deployment, bundle);
    }
}
