// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {Funds} from "../libraries/Funds.sol";
import {Attestation} from "../types/Types.sol";
import {DataViews} from "./DataViews.sol";
import {Jury} from "./Jury.sol";
import {IDataCampaigns} from "./interfaces/IDataCampaigns.sol";
import {DataBooks} from "./libraries/DataBooks.sol";
import {DataBundles} from "./libraries/DataBundles.sol";
import {DataCases} from "./libraries/DataCases.sol";
import {DataChallenges} from "./libraries/DataChallenges.sol";
import {DataDisputes} from "./libraries/DataDisputes.sol";
import {DataOpenings} from "./libraries/DataOpenings.sol";
import {CampaignTerms, DisputeStage, Outcome} from "./types/Campaigns.sol";
import {Campaign, DataState} from "./types/DataState.sol";
import {SampleProof, SampleSchema} from "./types/Samples.sol";

/// @title Campaigns that grow a data set past liars
/// @notice See `IDataCampaigns`. Invariant, for each token: the contract holds, of every campaign, what is free; R + K + D of every
/// sample that is not decided; the receipts' fee of bundles that wait for receipts; the stake of every challenge that is neither
/// released nor lost; what is held for jurors; and all credits.
contract DataCampaigns is DataViews {
    using DataBooks for DataState;

    /// @param committees_ Registry of the committees that vouch for bundles.
    /// @param minimumWindow_ Shortest window of a campaign, seconds; a day where inclusion in blocks can be bought.
    /// @param notice Seconds for which jurors that leave are still there, see `Jury`.
    constructor(ICommitteeRegistry committees_, uint32 minimumWindow_, uint32 notice)
        DataViews(committees_, minimumWindow_, new Jury(notice, minimumWindow_))
    {}

    /// @inheritdoc IDataCampaigns
    function open(CampaignTerms calldata with, SampleSchema calldata schema, uint256 nonce, uint256 amount)
        external
        payable
        nonReentrant
        returns (bytes32 campaign)
    {
        return DataOpenings.open(_state, committees, minimumWindow, deployment, with, schema, nonce, amount);
    }

    /// @inheritdoc IDataCampaigns
    function fund(bytes32 campaign, uint256 amount) external payable nonReentrant {
        Campaign storage state = _state.campaign(campaign);
        if (state.closed) revert CampaignIsClosed(campaign);
        uint256 free = state.free + amount;
        // What is locked comes free some day, beside it.
        uint256 locked = (uint256(state.terms.reward) + state.terms.correction) * state.held;
        if (amount == 0 || free + locked > type(uint128).max) revert AmountInvalid(amount);
        state.free = uint128(free);
        emit CampaignFunded(campaign, msg.sender, amount, free);
        Funds.take(state.terms.token, amount);
    }

    /// @inheritdoc IDataCampaigns
    function close(bytes32 campaign) external {
        Campaign storage state = _state.campaign(campaign);
        if (msg.sender != state.owner) revert NotCampaignOwner(campaign, msg.sender);
        if (state.closed) revert CampaignIsClosed(campaign);
        state.closed = true;
        emit CampaignClosed(campaign);
    }

    /// @inheritdoc IDataCampaigns
    function withdraw(bytes32 campaign) external nonReentrant {
        Campaign storage state = _state.campaign(campaign);
        if (!state.closed) revert CampaignNotClosed(campaign);
        uint256 amount = state.free;
        if (amount == 0) revert NothingFree(campaign);
        state.free = 0;
        emit CampaignWithdrawn(campaign, amount);
        _credit(state.terms.token, state.owner, amount);
    }

    /// @inheritdoc IDataCampaigns
    function commit(bytes32 campaign, uint32 count, bytes32 commitment)
        external
        payable
        nonReentrant
        returns (uint256 bundle)
    {
        return DataBundles.commit(_state, campaign, count, commitment);
    }

    /// @inheritdoc IDataCampaigns
    function openBundle(uint256 bundle, bytes32 root, bytes32 contentDigest, bytes32 salt) external {
        DataBundles.open(_state, bundle, root, contentDigest, salt);
    }

    /// @inheritdoc IDataCampaigns
    function attest(uint256 bundle, Attestation[] calldata receipts) external nonReentrant {
        DataBundles.attest(_state, owed, committees, deployment, bundle, receipts);
    }

    /// @inheritdoc IDataCampaigns
    function openInline(uint256 bundle, bytes[] calldata samples, bytes32 salt, SampleSchema calldata schema)
        external
        nonReentrant
    {
        DataBundles.openInline(_state, owed, bundle, samples, salt, schema);
    }

    /// @inheritdoc IDataCampaigns
    function voidBundle(uint256 bundle) external nonReentrant {
        DataBundles.voidBundle(_state, owed, bundle);
    }

    /// @inheritdoc IDataCampaigns
    function settleBundle(uint256 bundle) external nonReentrant {
        DataBundles.settle(_state, owed, bundle);
    }

    /// @inheritdoc IDataCampaigns
    function challenge(bytes32 campaign, bytes32 commitment) external payable nonReentrant returns (uint256 id) {
        return DataChallenges.commit(_state, campaign, commitment);
    }

    /// @inheritdoc IDataCampaigns
    function revealJudged(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        bytes calldata correction,
        SampleSchema calldata schema
    ) external nonReentrant {
        DataChallenges.revealJudged(_state, DataChallenges.Opening(id, bundle, index, salt), correction, schema);
    }

    /// @inheritdoc IDataCampaigns
    function proveSchema(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        SampleProof calldata sample,
        SampleSchema calldata schema
    ) external nonReentrant {
        DataChallenges.proveSchema(_state, DataChallenges.Opening(id, bundle, index, salt), sample, schema);
    }

    /// @inheritdoc IDataCampaigns
    function proveDuplicate(
        uint256 id,
        uint256 bundle,
        uint256 index,
        bytes32 salt,
        SampleProof calldata sample,
        uint256 otherBundle,
        uint256 otherIndex,
        SampleProof calldata other,
        SampleSchema calldata schema
    ) external nonReentrant {
        DataChallenges.Opening memory with = DataChallenges.Opening(id, bundle, index, salt);
        DataChallenges.proveDuplicate(_state, with, sample, otherBundle, otherIndex, other, schema);
    }

    /// @inheritdoc IDataCampaigns
    function burnChallenge(uint256 id) external nonReentrant {
        DataChallenges.burn(_state, owed, id);
    }

    /// @inheritdoc IDataCampaigns
    function release(uint256 id) external nonReentrant {
        DataChallenges.release(_state, owed, id);
    }

    /// @inheritdoc IDataCampaigns
    function concede(uint256 bundle, uint256 index) external nonReentrant {
        DataDisputes.concede(_state, owed, bundle, index);
    }

    /// @inheritdoc IDataCampaigns
    function openCase(uint256 bundle, uint256 index, SampleProof calldata sample, SampleSchema calldata schema)
        external
        nonReentrant
    {
        DataCases.open(_state, owed, jury, bundle, index, sample, schema);
    }

    /// @inheritdoc IDataCampaigns
    function ownerVerdict(uint256 bundle, uint256 index, Outcome verdict) external nonReentrant {
        DataDisputes.ownerVerdict(_state, owed, bundle, index, verdict);
    }

    /// @inheritdoc IDataCampaigns
    function appeal(uint256 bundle, uint256 index) external payable nonReentrant {
        DataCases.appeal(_state, jury, bundle, index);
    }

    /// @inheritdoc IDataCampaigns
    function settleSample(uint256 bundle, uint256 index) external nonReentrant {
        bool inCase = _state.disputes[bundle][index].stage == DisputeStage.Case;
        if (inCase) DataCases.settle(_state, owed, jury, bundle, index);
        else DataDisputes.settle(_state, owed, bundle, index);
    }

    /// @inheritdoc IDataCampaigns
    function claimJurorFee(uint256 bundle, uint256 index, uint256 round, uint256 seat) external nonReentrant {
        DataCases.claim(_state, owed, jury, bundle, index, round, seat);
    }

    /// @inheritdoc IDataCampaigns
    function closeEpoch(bytes32 campaign) external {
        Campaign storage state = _state.campaign(campaign);
        uint256 decided = state.undecided;
        uint256 due = uint256(state.epochStart) + state.terms.epochPeriod;
        bool ready = decided >= state.terms.epochSize || (decided != 0 && block.timestamp > due);
        if (!ready) revert EpochNotDue(decided, due);
        (state.undecided, state.epochStart) = (0, uint40(block.timestamp));
        emit EpochClosed(campaign, state.epochs++, state.acc, state.log.length);
    }
}
