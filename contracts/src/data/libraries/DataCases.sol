// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Credits} from "../../libraries/Credits.sol";
import {Forfeit} from "../../libraries/Forfeit.sol";
import {Funds} from "../../libraries/Funds.sol";
import {Money} from "../../libraries/Money.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {IJury} from "../interfaces/IJury.sol";
import {ISampleModel} from "../interfaces/ISampleModel.sol";
import {Arbiter, CampaignTerms, DisputeStage, Outcome} from "../types/Campaigns.sol";
import {Campaign, DataState, Dispute} from "../types/DataState.sol";
import {CaseWindows, PoolTerms, Verdict} from "../types/Juries.sol";
import {SampleProof, SampleSchema} from "../types/Samples.sol";
import {CampaignChecks} from "./CampaignChecks.sol";
import {DataBooks} from "./DataBooks.sol";
import {DataDisputes} from "./DataDisputes.sol";
import {SampleSchemas} from "./SampleSchemas.sol";

/// @title Cases: samples that a model or a jury judges, and what that costs
/// @dev Linked: it runs as `DataCampaigns`, which holds the reentrancy lock.
library DataCases {
    using DataBooks for DataState;
    using DataBooks for Campaign;

    /// @dev Gas for a model's answer: a few times what one of 1,024 weights needs.
    uint256 private constant MODEL_GAS = 3_000_000;
    /// @dev Place of the second jury's first seat in the bitmap of fees.
    uint256 private constant SECOND_ROUND = 16;

    /// @notice See `IDataCampaigns.openCase`.
    function open(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        IJury jury,
        uint256 bundle,
        uint256 index,
        SampleProof calldata sample,
        SampleSchema calldata schema
    ) external {
        (DataDisputes.Matter memory matter, Dispute storage dispute) = DataDisputes.unproven(state, bundle, index);
        Campaign storage campaign = state.campaigns[matter.campaign];
        CampaignTerms storage terms = campaign.terms;
        if (terms.arbiter == Arbiter.Owner) revert IDataErrors.ArbiterDiffers(Arbiter.Owner);
        DataDisputes.requireCaseWindow(campaign, state.bundles[bundle]);
        if (terms.arbiter == Arbiter.Model) {
            SampleSchemas.requireHash(schema, terms.schemaHash);
            bool isIn = SampleSchemas.isIn(state.bundles[bundle].root, index, sample.sample, sample.proof);
            if (!isIn) revert IDataErrors.ProofInvalid(bundle, index);
            bool agrees = SampleSchemas.fits(schema, sample.sample) && _agrees(terms.model, sample.sample);
            emit IDataEvents.ModelAsked(bundle, index, agrees);
            if (agrees) return DataDisputes.accept(state, owed, matter, true, 0);
        }
        dispute.stage = DisputeStage.Case;
        PoolTerms memory pool =
            PoolTerms(matter.token, terms.jurorStake, terms.fee / terms.jurors, uint8(terms.jurors), terms.committeeId);
        CaseWindows memory windows = CaseWindows(terms.voteWindow, terms.voteRevealWindow, terms.appealWindow);
        // Locked, and the jury, which is this contract's own, calls nobody.
        // slither-disable-next-line reentrancy-events
        uint256 caseId = jury.open(pool, windows);
        dispute.caseId = caseId;
        emit IDataEvents.CaseOpened(bundle, index, caseId);
    }

    /// @notice See `IDataCampaigns.appeal`.
    function appeal(DataState storage state, IJury jury, uint256 bundle, uint256 index) external {
        (DataDisputes.Matter memory matter, Dispute storage dispute) =
            DataDisputes.inStage(state, bundle, index, DisputeStage.Case);
        uint256 fee = CampaignChecks.appealFee(state.campaigns[matter.campaign].terms);
        dispute.appellant = msg.sender;
        emit IDataEvents.Appealed(bundle, index, msg.sender, fee);
        jury.appeal(dispute.caseId);
        Funds.take(matter.token, fee);
    }

    /// @notice Settles a sample by the verdict of its case; see `IDataCampaigns.settleSample`.
    function settle(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        IJury jury,
        uint256 bundle,
        uint256 index
    ) external {
        (DataDisputes.Matter memory matter, Dispute storage dispute) =
            DataDisputes.inStage(state, bundle, index, DisputeStage.Case);
        CampaignTerms storage terms = state.campaigns[matter.campaign].terms;
        (bool ended, Verdict verdict, bool overturned) = jury.result(dispute.caseId);
        if (!ended) revert IDataErrors.NotDecided(dispute.caseId);
        address appellant = dispute.appellant;
        uint256 second = appellant == address(0) ? 0 : CampaignChecks.appealFee(terms);
        if (second != 0 && !_sat(jury, dispute.caseId)) {
            // Nobody could be drawn for the appeal, so it costs nothing.
            dispute.appellant = address(0);
            Credits.add(owed, matter.token, appellant, second);
            second = 0;
        }
        if (verdict == Verdict.None) {
            Credits.add(owed, matter.token, appellant, second);
            return DataDisputes.accept(state, owed, matter, false, 0);
        }
        uint256 fees = terms.fee;
        // Who turns a verdict has its fee back, from who lost.
        if (overturned) {
            Credits.add(owed, matter.token, appellant, second);
            fees += second;
        }
        _fillPot(owed, dispute, terms, matter.token, second);
        if (verdict == Verdict.Good) return DataDisputes.accept(state, owed, matter, true, fees);
        bool corrected = verdict == Verdict.Corrected && state.challenges[dispute.judged].digest != 0;
        uint256 prize = corrected ? terms.correction : 0;
        DataDisputes.punish(state, owed, matter, corrected ? Outcome.Corrected : Outcome.Bad, fees, prize);
    }

    /// @notice See `IDataCampaigns.claimJurorFee`.
    function claim(
        DataState storage state,
        mapping(address token => mapping(address account => uint256)) storage owed,
        IJury jury,
        uint256 bundle,
        uint256 index,
        uint256 round,
        uint256 seat
    ) external {
        (DataDisputes.Matter memory matter, Dispute storage dispute) =
            DataDisputes.inStage(state, bundle, index, DisputeStage.Settled);
        CampaignTerms storage terms = state.campaigns[matter.campaign].terms;
        uint256 caseId = dispute.caseId;
        uint256 seats = round == 0 ? terms.jurors : 2 * uint256(terms.jurors) + 1;
        uint256 bit = 1 << (round == 0 ? seat : SECOND_ROUND + seat % seats);
        bool held = dispute.pot != 0 && seat < seats && (round == 0 || (round == 1 && dispute.appellant != address(0)));
        if (!held || dispute.paid & bit != 0) revert IDataErrors.NoJurorFee(caseId, round, seat);
        dispute.paid |= uint64(bit);
        uint256 share = round == 0 ? terms.fee / seats : CampaignChecks.appealFee(terms) / seats;
        dispute.pot -= uint128(share);
        (address juror, bool coherent) = jury.seatOf(caseId, round, seat);
        emit IDataEvents.JurorFee(caseId, round, seat, juror, share, !coherent);
        Credits.add(owed, matter.token, coherent ? juror : Forfeit.NOBODY, share);
    }

    /// @dev Holds what jurors may claim, and burns what does not divide.
    function _fillPot(
        mapping(address token => mapping(address account => uint256)) storage owed,
        Dispute storage dispute,
        CampaignTerms storage terms,
        address token,
        uint256 second
    ) private {
        uint256 seats = terms.jurors;
        uint256 dust = terms.fee % seats + second % (2 * seats + 1);
        dispute.pot = uint128(terms.fee + second - dust);
        Credits.add(owed, token, Forfeit.NOBODY, dust);
    }

    /// @dev Whether the jury of an appeal was drawn.
    function _sat(IJury jury, uint256 caseId) private view returns (bool) {
        (address juror,) = jury.seatOf(caseId, 1, 0);
        return juror != address(0);
    }

    /// @dev Whether a model gives a sample the label that it has. It gets bounded gas, and all of that: who opens a case cannot
    /// make it fail by handing over too little.
    function _agrees(address model, bytes calldata sample) private view returns (bool agrees) {
        Money.requireGas(MODEL_GAS);
        uint256 label = SampleSchemas.labelOf(sample);
        bytes memory question = abi.encodeCall(ISampleModel.predict, (sample));
        assembly ("memory-safe") {
            let ok := staticcall(MODEL_GAS, model, add(question, 0x20), mload(question), 0, 0x20)
            agrees := and(ok, and(gt(returndatasize(), 0x1f), eq(mload(0), label)))
        }
    }
}
