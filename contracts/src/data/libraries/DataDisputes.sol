// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Credits} from "../../libraries/Credits.sol";
import {Forfeit} from "../../libraries/Forfeit.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {Arbiter, ChallengeStage, DisputeStage, Outcome} from "../types/Campaigns.sol";
import {Bundle, Campaign, Challenge, DataState, Dispute, Record} from "../types/DataState.sol";
import {CampaignChecks} from "./CampaignChecks.sol";
import {DataBooks} from "./DataBooks.sol";

/// @title Samples that were challenged: who is paid at the ends that need no jury
/// @notice What is held for such a sample until then: R + K of the campaign, D, and C of each challenge. docs/protocol-data.md
/// has the table of all ends.
/// @dev Linked: it runs as `DataCampaigns`, which holds the reentrancy lock.
library DataDisputes {
    using DataBooks for DataState;
    using DataBooks for Campaign;

    /// @notice A sample's dispute, and whose it is.
    struct Matter {
        uint256 bundle;
        uint256 index;
        bytes32 campaign;
        address contributor;
        address token;
    }

    /// @notice See `IDataCampaigns.concede`.
    function concede(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 bundle,
        uint256 index
    ) external {
        (Matter memory matter, Dispute storage dispute) = unproven(state, bundle, index);
        if (msg.sender != matter.contributor) revert IDataErrors.NotContributor(bundle, msg.sender);
        Campaign storage campaign = state.campaigns[matter.campaign];
        DataBooks.requireOver(campaign.revealDeadline(state.bundles[bundle]));
        DataBooks.requireInTime(campaign.answerDeadline(state.bundles[bundle]));
        emit IDataEvents.Conceded(bundle, index);
        // Paid as if it were right, but it does not enter: no arbiter saw it, and both may be the same person's.
        bool corrected = state.challenges[dispute.judged].digest != 0;
        Credits.add(owed, matter.token, matter.contributor, campaign.terms.fee);
        punish(state, owed, matter, Outcome.Bad, campaign.terms.fee, corrected ? campaign.terms.correction : 0);
    }

    /// @notice See `IDataCampaigns.ownerVerdict`.
    function ownerVerdict(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 bundle,
        uint256 index,
        Outcome verdict
    ) external {
        (Matter memory matter, Dispute storage dispute) = unproven(state, bundle, index);
        Campaign storage campaign = state.campaigns[matter.campaign];
        if (msg.sender != campaign.owner) revert IDataErrors.NotCampaignOwner(matter.campaign, msg.sender);
        if (campaign.terms.arbiter != Arbiter.Owner) revert IDataErrors.ArbiterDiffers(campaign.terms.arbiter);
        requireCaseWindow(campaign, state.bundles[bundle]);
        if (verdict == Outcome.Accepted) return accept(state, owed, matter, true, 0);
        bool correctable = state.challenges[dispute.judged].digest != 0;
        bool known = verdict == Outcome.Bad || (verdict == Outcome.Corrected && correctable);
        if (!known) revert IDataErrors.VerdictInvalid();
        // The owner gains nothing by its own word: what it saves is burnt.
        uint256 burnt = uint256(campaign.terms.reward) + campaign.terms.deposit;
        Credits.add(owed, matter.token, Forfeit.NOBODY, burnt);
        _pay(state, owed, matter, dispute.judged, campaign.terms.correction);
        _end(state, matter, verdict, false, dispute.judged);
    }

    /// @notice Settles a sample that is not before the jury; see `IDataCampaigns.settleSample`.
    function settle(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        uint256 bundle,
        uint256 index
    ) external {
        (Matter memory matter, Dispute storage dispute) = challenged(state, bundle, index);
        Campaign storage campaign = state.campaigns[matter.campaign];
        DataBooks.requireOver(campaign.revealDeadline(state.bundles[bundle]));
        if (dispute.bad == 0 && dispute.void_ == 0) {
            DataBooks.requireOver(campaign.caseDeadline(state.bundles[bundle]));
            return accept(state, owed, matter, false, 0);
        }
        uint256 fee = campaign.terms.fee;
        uint256 rest = campaign.terms.deposit - fee;
        bool bad = dispute.bad != 0;
        uint256 winner = bad ? dispute.bad : dispute.void_;
        if (bad) {
            uint256 burnt = _burntOf(campaign, rest);
            Credits.add(owed, matter.token, Forfeit.NOBODY, burnt);
            _pay(state, owed, matter, winner, rest - burnt + fee);
        } else {
            Credits.add(owed, matter.token, matter.contributor, rest);
            _pay(state, owed, matter, winner, fee);
        }
        campaign.unlock(uint256(campaign.terms.reward) + campaign.terms.correction);
        _end(state, matter, bad ? Outcome.Bad : Outcome.Void, false, winner);
    }

    /// @notice A sample counts: its contributor is paid, and where an arbiter found it good has the challengers' stakes less
    /// what a jury costs.
    function accept(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        Matter memory matter,
        bool upheld,
        uint256 fees
    ) internal {
        Campaign storage campaign = state.campaigns[matter.campaign];
        Dispute storage dispute = state.disputes[matter.bundle][matter.index];
        uint256 stakes = upheld ? uint256(campaign.terms.stake) * dispute.challengers : 0;
        uint256 pay = uint256(campaign.terms.reward) + campaign.terms.deposit + stakes - fees;
        Credits.add(owed, matter.token, matter.contributor, pay);
        campaign.unlock(campaign.terms.correction);
        _end(state, matter, Outcome.Accepted, upheld, 0);
    }

    /// @notice A sample was found bad, or conceded: its deposit less `fees`, which are somebody's already, is burnt in part and
    /// the earliest challenger's for the rest, with `prize`, all of K or nothing.
    function punish(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        Matter memory matter,
        Outcome outcome,
        uint256 fees,
        uint256 prize
    ) internal {
        Campaign storage campaign = state.campaigns[matter.campaign];
        uint256 winner = state.disputes[matter.bundle][matter.index].judged;
        uint256 rest = campaign.terms.deposit - fees;
        uint256 burnt = _burntOf(campaign, rest);
        Credits.add(owed, matter.token, Forfeit.NOBODY, burnt);
        _pay(state, owed, matter, winner, rest - burnt + prize);
        campaign.unlock(uint256(campaign.terms.reward) + campaign.terms.correction - prize);
        _end(state, matter, outcome, false, winner);
    }

    /// @notice A dispute that no proof has decided.
    function unproven(DataState storage state, uint256 bundle, uint256 index)
        internal
        view
        returns (Matter memory matter, Dispute storage dispute)
    {
        (matter, dispute) = challenged(state, bundle, index);
        if (dispute.bad != 0 || dispute.void_ != 0) revert IDataErrors.ProvenAlready(bundle, index);
    }

    /// @notice A dispute that is at its first stage.
    function challenged(DataState storage state, uint256 bundle, uint256 index)
        internal
        view
        returns (Matter memory, Dispute storage)
    {
        return inStage(state, bundle, index, DisputeStage.Challenged);
    }

    /// @notice A dispute at a stage.
    function inStage(DataState storage state, uint256 bundle, uint256 index, DisputeStage stage)
        internal
        view
        returns (Matter memory matter, Dispute storage dispute)
    {
        Bundle storage from = state.bundle(bundle);
        dispute = state.disputes[bundle][index];
        if (dispute.stage != stage) revert IDataErrors.DisputeStageDiffers(bundle, index, dispute.stage);
        address token = state.campaigns[from.campaign].terms.token;
        matter = Matter(bundle, index, from.campaign, from.contributor, token);
    }

    /// @notice Requires that the contributor's time to concede is over, and an arbiter's to begin is not.
    function requireCaseWindow(Campaign storage campaign, Bundle storage bundle) internal view {
        DataBooks.requireOver(campaign.answerDeadline(bundle));
        DataBooks.requireInTime(campaign.caseDeadline(bundle));
    }

    /// @dev Pays the challenge that wins, and gives its stake back.
    function _pay(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        Matter memory matter,
        uint256 winner,
        uint256 prize
    ) private {
        Challenge storage made = state.challenges[winner];
        made.stage = ChallengeStage.Released;
        emit IDataEvents.StakeReleased(winner);
        Credits.add(owed, matter.token, made.challenger, prize + state.campaigns[matter.campaign].terms.stake);
    }

    function _end(DataState storage state, Matter memory matter, Outcome outcome, bool upheld, uint256 winner) private {
        Campaign storage campaign = state.campaigns[matter.campaign];
        Dispute storage dispute = state.disputes[matter.bundle][matter.index];
        (dispute.stage, dispute.outcome, dispute.upheld) = (DisputeStage.Settled, outcome, upheld);
        emit IDataEvents.SampleSettled(matter.bundle, matter.index, outcome, upheld, winner);
        bool corrected = outcome == Outcome.Corrected;
        bool counts = corrected || outcome == Outcome.Accepted;
        if (!counts) dispute.decided = state.sequence;
        campaign.count(1, counts);
        ++campaign.undecided;
        bytes32 correction = corrected ? state.challenges[winner].digest : bytes32(0);
        Record memory record = Record(uint64(matter.bundle), uint32(matter.index), outcome, 1);
        campaign.decide(matter.campaign, record, state.bundles[matter.bundle].root, correction);
    }

    function _burntOf(Campaign storage campaign, uint256 rest) private view returns (uint256) {
        return rest * campaign.terms.burnt / CampaignChecks.SHARES;
    }
}
