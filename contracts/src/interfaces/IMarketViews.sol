// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OwnerView, RoundView, TaskView} from "../types/Types.sol";
import {ICommitteeRegistry} from "./ICommitteeRegistry.sol";
import {IVerifierFactory} from "./IVerifierFactory.sol";

/// @title What the market tells
/// @dev Reverts with `TaskUnknown`, `RoundUnknown` or `OwnerUnknown` of `IMarket` for what is not there.
interface IMarketViews {
    /// @notice The registry of committees.
    function registry() external view returns (ICommitteeRegistry);

    /// @notice The factory of verifiers.
    function factory() external view returns (IVerifierFactory);

    /// @notice Who may pause acceptance; zero for nobody.
    function guardian() external view returns (address);

    /// @notice Shortest submit and settle window of a task, seconds.
    function minimumWindow() external view returns (uint32);

    /// @notice Identifier of this deployment, the salt of the EIP-712 domain: keccak256(abi.encode(
    /// keccak256("gradroll/v1/deployment"), chain id, this address, hash of the block before the one of the
    /// deployment)).
    function deployment() external view returns (bytes32);

    /// @notice EIP-712 domain of everything that is signed for this market (ERC-5267).
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );

    /// @notice Number of tasks.
    function taskCount() external view returns (uint256);

    /// @notice Identifier of a task by its place in the order of creation.
    function taskAt(uint256 position) external view returns (uint256 taskId);

    /// @notice Terms and state of a task.
    function task(uint256 taskId) external view returns (TaskView memory);

    /// @notice State of a round.
    function round(uint256 taskId, uint256 number) external view returns (RoundView memory);

    /// @notice Bitmap of the owners of indices [256 word, 256 word + 256) that are in accepted batches of the round.
    function consumed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256);

    /// @notice Bitmap of the owners of indices [256 word, 256 word + 256) that posted their submission in the round and
    /// were not excluded for it. Those of them that are not `consumed` are ignored so far.
    function posted(uint256 taskId, uint256 number, uint256 word) external view returns (uint256);

    /// @notice Levels of the owners of indices [128 word, 128 word + 128) in the round, two bits each.
    function levels(uint256 taskId, uint256 number, uint256 word) external view returns (uint256);

    /// @notice The owner of a registration index.
    function ownerAt(uint256 taskId, uint256 index) external view returns (OwnerView memory);

    /// @notice How many owners of a chunk are in its copy (`compactRoster`).
    function compacted(uint256 taskId, uint256 chunk) external view returns (uint256 count);

    /// @notice Whether a signer is registered, or was, and under which index; and whether it was admitted.
    function ownerIndex(uint256 taskId, address signer)
        external
        view
        returns (bool registered, uint256 index, bool admitted);

    /// @notice What `claim` would pay an owner now, and its `nextClaim` afterwards.
    function claimable(uint256 taskId, uint256 index, uint256 through)
        external
        view
        returns (uint256 amount, uint256 nextClaim);

    /// @notice What an account can collect.
    function owed(address token, address account) external view returns (uint256);

    /// @notice Hash of the fees that are held for a batch (keccak256(abi.encode(HeldFees))), zero if there are none.
    function heldFees(uint256 taskId, uint256 number, uint256 batchIndex) external view returns (bytes32);
}
