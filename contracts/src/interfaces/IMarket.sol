// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Batch, BatchRecord, RoundView, TaskTerms, TaskView} from "../types/Types.sol";
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
    /// @notice No batch of the round has this number, or the task pays equally and keeps no batches.
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
    /// @notice A contribution exceeds what the norms allow: |w| <= owners * bound.
    error ContributionOutOfRange(uint256 slot);
    /// @notice The payload is not what the task's terms and its digest say: empty, or inlined and at most 16 KiB.
    error PayloadInvalid();
    /// @notice The record is not that of the accepted batch.
    error BatchRecordInvalid();
    /// @notice The task pays by contribution: use `claimContribution`.
    error PaidByContribution(uint256 taskId);
    /// @notice No accepted batch of the round has the owner of this index.
    error OwnerNotAccepted(uint256 taskId, uint256 round, uint256 index);
    /// @notice The reward was paid before: of the owner of this index, or in this slot of the batch.
    error AlreadyClaimed(uint256 position);
    /// @notice The leaf (slot, owner, amount) is not in the batch's reward tree.
    error RewardProofInvalid();
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
    /// @notice A batch was accepted. Together with `RewardsAssigned` this is all that its reward tree needs.
    /// @param rewardsRoot Root of the tree of rewards; zero for equal pay, which needs none.
    /// @param ownerIndices Registration indices of the owners in slot order, two big-endian bytes each.
    event BatchAccepted(
        uint256 indexed taskId,
        uint256 indexed round,
        bytes32 indexed batchId,
        uint256 batchIndex,
        bytes32 payloadDigest,
        bytes32 rewardsRoot,
        uint256 commitmentX,
        uint256 commitmentY,
        bytes ownerIndices
    );
    /// @notice Pay of a batch whose contributions weigh it; otherwise every owner gets the reward per gradient.
    /// @param amounts Wei by slot, sixteen big-endian bytes each.
    event RewardsAssigned(uint256 indexed taskId, uint256 indexed round, uint256 batchIndex, bytes amounts);
    /// @notice The encoded aggregate of a batch of a task with `inlinePayload`.
    event AggregateInlined(uint256 indexed taskId, uint256 indexed round, uint256 batchIndex, bytes payload);
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

    /// @notice Accepts a proven batch of signed gradients; anyone may call. There is no early end of a round, so nobody
    /// can see an aggregate and then keep the batch from being paid, short of a delay past the settle deadline.
    /// @dev Reverts with errors of this interface, `IVerifier`, `ICommitteeRegistry` or `BN254.PointInvalid`.
    /// @return batchIndex Number of the batch in its round.
    function acceptBatch(Batch calldata batch) external returns (uint256 batchIndex);

    /// @notice Ends a round after its settle deadline and releases the unspent reserve; anyone may call.
    function finalizeRound(uint256 taskId, uint256 number) external;

    /// @notice Pays money of the task's balance back to the model owner; model owner only.
    function withdraw(uint256 taskId, uint256 amount) external;

    /// @notice Pays the reward per gradient to an owner of an accepted batch, once; anyone may call. For tasks that pay
    /// every accepted gradient the same.
    /// @param number The round.
    /// @param index Registration index of the owner.
    function claim(uint256 taskId, uint256 number, uint256 index) external;

    /// @notice Pays an owner's reward to that owner, once; anyone may call. For tasks that pay by contribution.
    /// @param number The round.
    /// @param record The accepted batch, as its event states it.
    /// @param slot The owner's position in the batch.
    /// @param proof Siblings of the leaf keccak(keccak(abi.encode(batchId, slot, owner, amount))), from the bottom.
    function claimContribution(
        uint256 taskId,
        uint256 number,
        uint256 batchIndex,
        BatchRecord calldata record,
        uint256 slot,
        address owner,
        uint256 amount,
        bytes32[] calldata proof
    ) external;

    /// @notice The registry of committees.
    function registry() external view returns (ICommitteeRegistry);

    /// @notice Number of tasks.
    function taskCount() external view returns (uint256);

    /// @notice Terms and state of a task.
    function task(uint256 taskId) external view returns (TaskView memory);

    /// @notice State of a round.
    function round(uint256 taskId, uint256 number) external view returns (RoundView memory);

    /// @notice Digest of an accepted batch's record (`keccak256(abi.encode(BatchRecord))`) and the bitmap of paid slots.
    /// Only tasks that pay by contribution keep them.
    function batch(uint256 taskId, uint256 number, uint256 batchIndex)
        external
        view
        returns (bytes32 digest, uint256 claimedBitmap);

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
