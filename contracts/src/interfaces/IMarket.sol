// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Batch, RoundView, TaskTerms, TaskView} from "../types/Types.sol";
import {ICommitteeRegistry} from "./ICommitteeRegistry.sol";

/// @title Market for gradients
/// @notice A model owner posts a task with its reward in escrow; batches of owners' gradients are accepted by proof;
/// owners pull their pay. Nobody has to be trusted for the escrow: money leaves only to owners of accepted batches, and
/// back to the model owner what no open round can still spend.
interface IMarket {
    /// @notice The named term is out of range.
    error TermsInvalid(string term);
    /// @notice No task has this number.
    error TaskUnknown(uint256 taskId);
    /// @notice The round was not opened.
    error RoundUnknown(uint256 taskId, uint256 round);
    /// @notice No accepted batch of the round has this number.
    error BatchUnknown(uint256 taskId, uint256 round, uint256 batchIndex);
    /// @notice No owner of the task has this index.
    error OwnerUnknown(uint256 taskId, uint256 index);
    /// @notice Only the model owner of the task may do this.
    error NotModelOwner(uint256 taskId, address caller);
    /// @notice The task's owners are admitted by the model owner (`admit`), not registered by themselves.
    error TaskPermissioned(uint256 taskId);
    /// @notice The task is open: owners register themselves (`register`).
    error TaskOpen(uint256 taskId);
    /// @notice The owner is registered already.
    error AlreadyRegistered(uint256 taskId, address owner);
    /// @notice The zero address cannot be an owner.
    error OwnerInvalid();
    /// @notice A task holds at most 65,536 owners.
    error TaskFull(uint256 taskId);
    /// @notice The chunk of the roster has no owners beyond those already compacted.
    error RosterCompact(uint256 taskId, uint256 chunk);
    /// @notice Funds must not be zero and the escrow must stay below 2^128 wei.
    error FundsInvalid(uint256 amount);
    /// @notice The task's free balance does not cover this; fund it first.
    error InsufficientEscrow(uint256 needed, uint256 available);
    /// @notice A member of the committee has not joined yet.
    error CommitteeNotReady(uint256 committeeId);
    /// @notice All rounds of the task were opened.
    error RoundsExhausted(uint256 taskId);
    /// @notice The last round has no accepted batch yet; wait for one, or finalise it after its deadline.
    error PreviousRoundUnsettled(uint256 taskId, uint256 round);
    /// @notice The round takes batches only until its settle deadline.
    error RoundClosed(uint256 taskId, uint256 round, uint256 settleDeadline);
    /// @notice The round can be finalised only after its settle deadline.
    error RoundStillOpen(uint256 taskId, uint256 round, uint256 settleDeadline);
    /// @notice The round was finalised before.
    error RoundAlreadyFinalized(uint256 taskId, uint256 round);
    /// @notice The batch has fewer owners than the task's minimum.
    error TooFewOwners(uint256 owners, uint256 minimum);
    /// @notice The round would accept more gradients than its reserve pays.
    error TooManyOwners(uint256 owners, uint256 maximum);
    /// @notice A batch has two bytes of index for each owner, no more and no less.
    error IndicesInvalid(uint256 length, uint256 owners);
    /// @notice Owners must ascend strictly by registration index.
    error OwnersNotAscending(uint256 slot);
    /// @notice The signature in this slot is not that of the owner registered under the index.
    error SubmissionInvalid(uint256 slot, uint256 index);
    /// @notice The owner is in an accepted batch of this round already.
    error OwnerAlreadyAccepted(uint256 slot, uint256 index);
    /// @notice The task's aggregates are served by provers, not published on the chain (`inlinePayload`).
    error PayloadNotInline(uint256 taskId);
    /// @notice A published aggregate has 1 to 16,384 bytes.
    error PayloadLengthInvalid(uint256 length);
    /// @notice No accepted batch of the round has the owner of this index.
    error OwnerNotAccepted(uint256 taskId, uint256 round, uint256 index);
    /// @notice The owner of this index was paid before.
    error AlreadyClaimed(uint256 index);
    /// @notice The recipient refused the payment.
    error TransferFailed(address recipient, uint256 amount);

    /// @notice A task was created.
    event TaskCreated(uint256 indexed taskId, address indexed modelOwner, TaskTerms terms);
    /// @notice A task was funded.
    event TaskFunded(uint256 indexed taskId, address indexed funder, uint256 amount);
    /// @notice An owner was registered or admitted.
    event OwnerRegistered(uint256 indexed taskId, address indexed owner, uint256 index);
    /// @notice A chunk of the owners was copied for cheaper reading.
    event RosterCompacted(uint256 indexed taskId, uint256 chunk, uint256 count);
    /// @notice A round was opened; owners train the model of that digest.
    event RoundOpened(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 modelDigest,
        uint256 submitDeadline,
        uint256 settleDeadline
    );
    /// @notice A batch was accepted: every owner of it is owed the reward per gradient, and provers may now release
    /// their shares of its sum.
    /// @param batchId Transcript state that binds deployment, task, terms, round, model, owners, projections and Gram
    /// matrix; as the market derived it.
    /// @param commitmentX Sum of the owners' commitments, which the aggregate opens.
    /// @param commitmentY See `commitmentX`.
    /// @param indices Registration indices of the owners in slot order, two big-endian bytes each.
    event BatchAccepted(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 indexed batchId,
        uint256 batchIndex,
        uint256 commitmentX,
        uint256 commitmentY,
        bytes indices
    );
    /// @notice Somebody published what should be the encoded aggregate of a batch. Nothing was checked: a reader takes
    /// the first payload that opens the commitment of `BatchAccepted`.
    event AggregatePublished(uint256 indexed taskId, uint256 indexed round, uint256 indexed batchIndex, bytes payload);
    /// @notice An owner was paid.
    event RewardClaimed(uint256 indexed taskId, uint256 indexed round, address indexed owner, uint256 amount);
    /// @notice A round ended and its unspent reserve went back to the task's balance.
    event RoundFinalized(uint256 indexed taskId, uint256 indexed round, uint256 released);
    /// @notice The model owner took money out of the task's balance.
    event Withdrawn(uint256 indexed taskId, address indexed modelOwner, uint256 amount);

    /// @notice Creates a task; the caller becomes its model owner. Fund it before opening a round.
    /// @return taskId Its number, ascending from 0.
    function createTask(TaskTerms calldata terms) external returns (uint256 taskId);

    /// @notice Adds the sent ether to the task's balance. Anyone may fund a task; only its model owner can withdraw.
    function fund(uint256 taskId) external payable;

    /// @notice Registers the caller as data owner of an open task.
    /// @return index The owner's registration index.
    function register(uint256 taskId) external returns (uint256 index);

    /// @notice Admits data owners to a permissioned task; model owner only.
    /// @return firstIndex Registration index of the first; the others follow.
    function admit(uint256 taskId, address[] calldata owners) external returns (uint256 firstIndex);

    /// @notice Copies the owners of indices [1024 chunk, 1024 chunk + 1024) that are registered by now into the code of a data
    /// contract, from which batches read them for less: 2,000 gas less an owner, for some 6,500 gas an owner once. A later copy
    /// of the same chunk costs as much for all its owners again. Anyone
    /// may call, again when more have registered. Nothing else changes by it.
    /// @return count Owners in the copy.
    function compactRoster(uint256 taskId, uint256 chunk) external returns (uint256 count);

    /// @notice Opens the next round and reserves its largest pay; model owner only.
    /// @param modelDigest Keccak of the model on which owners compute their gradients.
    /// @return number Its number, ascending from 0.
    function openRound(uint256 taskId, bytes32 modelDigest) external returns (uint256 number);

    /// @notice Accepts a proven batch of signed gradients that a quorum of the committee attested; anyone may call. The
    /// batch has no aggregate in it: provers release their shares of the sum only once the batch is accepted, so with
    /// at most t of them corrupt nobody sees an aggregate that is not paid for.
    /// @dev Reverts with errors of this interface, `IVerifier`, `ICommitteeRegistry` or `BN254.PointInvalid`.
    /// @return batchIndex Number of the batch in its round.
    function acceptBatch(Batch calldata batch) external returns (uint256 batchIndex);

    /// @notice Publishes the encoded aggregate of an accepted batch of a task with `inlinePayload` in the log; anyone
    /// may call, any number of times. Its content is not checked here: readers check that it opens the batch's
    /// commitment.
    /// @param number The round.
    /// @param payload 1 to 16,384 bytes.
    function publishAggregate(uint256 taskId, uint256 number, uint256 batchIndex, bytes calldata payload) external;

    /// @notice Ends a round after its settle deadline and releases the unspent reserve; anyone may call.
    function finalizeRound(uint256 taskId, uint256 number) external;

    /// @notice Pays money of the task's balance back to the model owner; model owner only.
    function withdraw(uint256 taskId, uint256 amount) external;

    /// @notice Pays the reward per gradient to an owner of an accepted batch, once; anyone may call.
    /// @param number The round.
    /// @param index Registration index of the owner.
    function claim(uint256 taskId, uint256 number, uint256 index) external;

    /// @notice The registry of committees.
    function registry() external view returns (ICommitteeRegistry);

    /// @notice Identifier of this deployment, the salt of the EIP-712 domain: keccak256(abi.encode(
    /// keccak256("gradroll/v1/deployment"), chain id, this address, hash of the block before the one of the
    /// deployment)).
    function deployment() external view returns (bytes32);

    /// @notice Number of tasks.
    function taskCount() external view returns (uint256);

    /// @notice Terms and state of a task.
    function task(uint256 taskId) external view returns (TaskView memory);

    /// @notice State of a round.
    function round(uint256 taskId, uint256 number) external view returns (RoundView memory);

    /// @notice Bitmap of the owners of indices [256 word, 256 word + 256) that are in accepted batches of the round.
    function consumed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256);

    /// @notice Bitmap of those of them that were paid by `claim`.
    function claimed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256);

    /// @notice The owner of a registration index.
    function ownerAt(uint256 taskId, uint256 index) external view returns (address);

    /// @notice How many owners of a chunk are in its copy (`compactRoster`).
    function compacted(uint256 taskId, uint256 chunk) external view returns (uint256 count);

    /// @notice Whether an address is registered as owner, and under which index.
    function ownerIndex(uint256 taskId, address owner) external view returns (bool registered, uint256 index);
}
