// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../../interfaces/ICommitteeRegistry.sol";
import {Funds} from "../../libraries/Funds.sol";
import {IDataErrors} from "../interfaces/IDataErrors.sol";
import {IDataEvents} from "../interfaces/IDataEvents.sol";
import {ALL_SAMPLES, CampaignTerms, Outcome} from "../types/Campaigns.sol";
import {Campaign, DataState, Record} from "../types/DataState.sol";
import {SampleSchema} from "../types/Samples.sol";
import {CampaignChecks} from "./CampaignChecks.sol";
import {Contributions} from "./Contributions.sol";
import {DataBooks} from "./DataBooks.sol";
import {SampleSchemas} from "./SampleSchemas.sol";

/// @title How a campaign begins
/// @dev Linked: it runs as `DataCampaigns`, which holds the reentrancy lock.
library DataOpenings {
    using DataBooks for Campaign;

    /// @notice See `IDataCampaigns.open`.
    function open(
        DataState storage state,
        ICommitteeRegistry committees,
        uint256 minimumWindow,
        bytes32 deployment,
        CampaignTerms calldata with,
        SampleSchema calldata schema,
        uint256 nonce,
        uint256 amount
    ) external returns (bytes32 id) {
        CampaignChecks.check(with, minimumWindow, committees);
        SampleSchemas.requireHash(schema, with.schemaHash);
        SampleSchemas.requireValid(schema);
        bytes32 terms = keccak256(abi.encode(with));
        id = keccak256(abi.encode(Contributions.CAMPAIGN, deployment, msg.sender, nonce, terms));
        Campaign storage campaign = state.campaigns[id];
        if (campaign.owner != address(0)) revert IDataErrors.CampaignExists(id);
        if (amount > type(uint128).max) revert IDataErrors.AmountInvalid(amount);
        (campaign.owner, campaign.terms, campaign.free) = (msg.sender, with, uint128(amount));
        campaign.epochStart = uint40(block.timestamp);
        emit IDataEvents.CampaignOpened(id, msg.sender, nonce, with, schema);
        if (with.initialCount != 0) {
            Record memory initial = Record(0, ALL_SAMPLES, Outcome.Accepted, with.initialCount);
            campaign.decide(id, initial, with.initialRoot, 0);
        }
        Funds.take(with.token, amount);
    }
}
