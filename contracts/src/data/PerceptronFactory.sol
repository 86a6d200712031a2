// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PerceptronModel} from "./PerceptronModel.sol";
import {IDataViews} from "./interfaces/IDataViews.sol";
import {SampleSchema} from "./types/Samples.sol";

/// @title Makes perceptrons of one code, so that who asks one knows what it is
/// @notice A campaign may have any number of them, one for each width of weights and each margin. Anybody makes them.
/// The address of one follows from the campaign, its schema and these numbers (EIP-1014), in whatever order they are made. So a
/// campaign whose arbiter it is has no other one after a reorganisation of the chain, and none can name its own.
contract PerceptronFactory {
    /// @notice There is one with these numbers for this campaign.
    error ModelExists(address model);

    /// @notice A model was made.
    event ModelMade(bytes32 indexed campaign, address model, uint256 bits, uint256 margin);

    /// @notice The campaigns' contract of all models.
    IDataViews public immutable data;
    /// @notice The model with these numbers, 0 if there is none.
    mapping(bytes32 campaign => mapping(uint256 bits => mapping(uint256 margin => PerceptronModel))) public modelOf;

    constructor(IDataViews data_) {
        data = data_;
    }

    /// @notice Makes a campaign's model.
    /// @param schema The campaign's schema.
    /// @param bits Bits of a weight, 16 or 32.
    /// @param margin By which a label is to score more than its rival.
    /// @dev Errors: `ModelExists`, `ModelInvalid`, `SchemaMismatch`, `CampaignUnknown`.
    function make(bytes32 campaign, SampleSchema calldata schema, uint256 bits, uint32 margin)
        external
        returns (PerceptronModel model)
    {
        address before = address(modelOf[campaign][bits][margin]);
        if (before != address(0)) revert ModelExists(before);
        model = new PerceptronModel{salt: 0}(data, campaign, schema, bits, margin);
        modelOf[campaign][bits][margin] = model;
        emit ModelMade(campaign, address(model), bits, margin);
    }
}
