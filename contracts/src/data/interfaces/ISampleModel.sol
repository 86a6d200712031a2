// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A model that may be arbiter of a campaign
interface ISampleModel {
    /// @notice The class of a sample.
    /// @param sample Label and features, or text; it has been checked against the campaign's schema. The label is not to be
    /// looked at.
    /// @return label Its number.
    function predict(bytes calldata sample) external view returns (uint256 label);
}
