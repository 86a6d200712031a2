// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {BatchReader} from "./libraries/BatchReader.sol";
import {CompressedPoint} from "./libraries/CompressedPoint.sol";
import {BN254} from "./libraries/BN254.sol";
import {Merkle} from "./libraries/Merkle.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Roster} from "./libraries/Roster.sol";
import {Terms} from "./libraries/Terms.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchState, RoundState, TaskState} from "./types/State.sol";
import {Batch, BatchRecord, RoundView, TaskTerms, TaskView} from "./types/Types.sol";

/// @title Market for gradients
/// @notice See `IMarket`. Invariant: the contract's ether is at least the sum, over all tasks, of the free balance, of what
/// rounds that are not finalised still hold (reserve less rewards assigned), and of assigned rewards not yet claimed.
/// Every wei is in exactly one of the three: funding and finalising add to the free balance, opening a round moves to
/// its reserve, accepting a batch moves to the assigned rewards (by counting, `RoundState.spent`; the task's words are
/// not written).
contract Market is IMarket {
    using BatchReader for BatchReader.Call;

    uint256 private constant MAX_OWNERS = 1 << 16;
    uint256 private constant MAX_PAYLOAD = 16 * 1024;

    /// @inheritdoc IMarket
    ICommitteeRegistry public immutable registry;
    /// @inheritdoc IMarket
    uint256 public taskCount;
    mapping(uint256 taskId => TaskState) private _tasks;

    /// @param registry_ Registry in which the committees of all tasks are found.
    constructor(ICommitteeRegistry registry_) {
        registry = registry_;
    }

    modifier onlyModelOwner(uint256 taskId) {
        if (_task(taskId).modelOwner != msg.sender) revert NotModelOwner(taskId, msg.sender);
        _;
    }

    /// @inheritdoc IMarket
    function createTask(TaskTerms calldata terms) external returns (uint256 taskId) {
        Terms.check(terms);
        taskId = taskCount++;
        Terms.store(_tasks[taskId], terms);
        emit TaskCreated(taskId, msg.sender, terms);
    }

    /// @inheritdoc IMarket
    function fund(uint256 taskId) external payable {
        TaskState storage state = _task(taskId);
        uint256 total = uint256(state.balance) + state.reserved + msg.value;
        if (msg.value == 0 || total > type(uint128).max) revert FundsInvalid(msg.value);
        state.balance += uint128(msg.value);
        emit TaskFunded(taskId, msg.sender, msg.value);
    }

    /// @inheritdoc IMarket
    function register(uint256 taskId) external returns (uint256 index) {
        TaskState storage state = _task(taskId);
        if (state.permissioned) revert TaskPermissioned(taskId);
        index = _register(state, taskId, msg.sender);
    }

    /// @inheritdoc IMarket
    function admit(uint256 taskId, address[] calldata owners)
        external
        onlyModelOwner(taskId)
        returns (uint256 firstIndex)
    {
        TaskState storage state = _task(taskId);
        if (!state.permissioned) revert TaskOpen(taskId);
        firstIndex = state.owners.length;
        for (uint256 i = 0; i < owners.length; ++i) {
            _register(state, taskId, owners[i]);
        }
    }

    /// @inheritdoc IMarket
    function compactRoster(uint256 taskId, uint256 chunk) external returns (uint256 count) {
        count = Roster.compact(_task(taskId), chunk);
        if (count == 0) revert RosterCompact(taskId, chunk);
        emit RosterCompacted(taskId, chunk, count);
    }

    /// @inheritdoc IMarket
    function openRound(uint256 taskId, bytes32 modelDigest) external onlyModelOwner(taskId) returns (uint256 number) {
        TaskState storage state = _task(taskId);
        number = state.roundsOpened;
        if (number == state.rounds) revert RoundsExhausted(taskId);
        if (!registry.ready(state.committeeId)) revert CommitteeNotReady(state.committeeId);
        if (number > 0) {
            RoundState storage last = state.roundStates[number - 1];
            if (last.batches == 0 && !last.finalized) revert PreviousRoundUnsettled(taskId, number - 1);
        }
        uint256 needed = uint256(state.maxOwnersPerRound) * state.rewardPerGradient;
        if (needed > state.balance) revert InsufficientEscrow(needed, state.balance);
        state.balance -= uint128(needed);
        state.reserved += uint128(needed);
        state.roundsOpened = uint32(number + 1);
        RoundState storage opened = state.roundStates[number];
        uint256 submitDeadline = block.timestamp + state.submitWindow;
        uint256 settleDeadline = submitDeadline + state.settleWindow;
        opened.modelDigest = modelDigest;
        opened.submitDeadline = uint40(submitDeadline);
        opened.settleDeadline = uint40(settleDeadline);
        opened.aggregate = CompressedPoint.INFINITY;
        emit RoundOpened(taskId, number, modelDigest, submitDeadline, settleDeadline);
    }

    /// @inheritdoc IMarket
    function acceptBatch(Batch calldata submitted) external returns (uint256 batchIndex) {
        TaskState storage state = _task(submitted.taskId);
        RoundState storage current = _round(state, submitted.taskId, submitted.round);
        _checkAdmissible(state, current, submitted);
        BatchReader.Call memory request = BatchReader.prepare(submitted, state.bound, state.dimension);
        bytes32 domain = TypedData.domainSeparator();
        request.authenticate(submitted, domain, Roster.reader(state), current.consumed);
        BatchRecord memory record;
        (record.batchId, record.commitmentX, record.commitmentY) = request.verify(state.verifier);
        record.payloadDigest = submitted.payloadDigest;
        record.owners = submitted.owners.length;
        registry.requireQuorum(
            state.committeeId,
            TypedData.attestation(domain, record.batchId, record.payloadDigest),
            submitted.attestations
        );
        batchIndex = current.batches;
        uint256 spent;
        (record.rewardsRoot, spent) = _assignRewards(state, submitted, request.owners, record.batchId, batchIndex);
        _settle(current, record, batchIndex, spent);
        emit BatchAccepted(
            submitted.taskId,
            submitted.round,
            record.batchId,
            batchIndex,
            record.payloadDigest,
            record.rewardsRoot,
            record.commitmentX,
            record.commitmentY,
            submitted.indices
        );
        if (submitted.payload.length != 0) {
            emit AggregateInlined(submitted.taskId, submitted.round, batchIndex, submitted.payload);
        }
    }

    /// @inheritdoc IMarket
    function finalizeRound(uint256 taskId, uint256 number) external {
        TaskState storage state = _task(taskId);
        RoundState storage current = _round(state, taskId, number);
        if (current.finalized) revert RoundAlreadyFinalized(taskId, number);
        if (block.timestamp <= current.settleDeadline) revert RoundStillOpen(taskId, number, current.settleDeadline);
        uint256 held = uint256(state.maxOwnersPerRound) * state.rewardPerGradient;
        uint256 released = held - current.spent;
        current.finalized = true;
        state.reserved -= uint128(held);
        state.balance += uint128(released);
        emit RoundFinalized(taskId, number, released);
    }

    /// @inheritdoc IMarket
    function withdraw(uint256 taskId, uint256 amount) external onlyModelOwner(taskId) {
        TaskState storage state = _task(taskId);
        if (amount > state.balance) revert InsufficientEscrow(amount, state.balance);
        state.balance -= uint128(amount);
        emit Withdrawn(taskId, msg.sender, amount);
        _pay(msg.sender, amount);
    }

    /// @inheritdoc IMarket
    function claim(uint256 taskId, uint256 number, uint256 index) external {
        TaskState storage state = _task(taskId);
        RoundState storage current = _round(state, taskId, number);
        if (state.usesContributions) revert PaidByContribution(taskId);
        (uint256 word, uint256 bit) = (index >> 8, 1 << (index & 0xff));
        if (current.consumed[word] & bit == 0) revert OwnerNotAccepted(taskId, number, index);
        uint256 claimedBits = current.claimed[word];
        if (claimedBits & bit != 0) revert AlreadyClaimed(index);
        current.claimed[word] = claimedBits | bit;
        // An accepted owner is registered, so the index is in range.
        (address owner, uint256 amount) = (state.owners[index], state.rewardPerGradient);
        emit RewardClaimed(taskId, number, owner, amount);
        _pay(owner, amount);
    }

    /// @inheritdoc IMarket
    function claimContribution(
        uint256 taskId,
        uint256 number,
        uint256 batchIndex,
        BatchRecord calldata record,
        uint256 slot,
        address owner,
        uint256 amount,
        bytes32[] calldata proof
    ) external {
        BatchState storage accepted = _batch(taskId, number, batchIndex);
        if (keccak256(abi.encode(record)) != accepted.digest) revert BatchRecordInvalid();
        if (slot >= record.owners) revert RewardProofInvalid();
        uint256 claimedBits = accepted.claimed;
        if (claimedBits >> slot & 1 != 0) revert AlreadyClaimed(slot);
        bytes32 leaf = Rewards.leaf(record.batchId, slot, owner, amount);
        if (!Merkle.verify(proof, record.rewardsRoot, leaf)) revert RewardProofInvalid();
        accepted.claimed = claimedBits | 1 << slot;
        emit RewardClaimed(taskId, number, owner, amount);
        _pay(owner, amount);
    }

    /// @inheritdoc IMarket
    function task(uint256 taskId) external view returns (TaskView memory) {
        TaskState storage state = _task(taskId);
        return TaskView({
            terms: Terms.load(state),
            modelOwner: state.modelOwner,
            balance: state.balance,
            reserved: state.reserved,
            roundsOpened: state.roundsOpened,
            ownerCount: state.owners.length
        });
    }

    /// @inheritdoc IMarket
    function round(uint256 taskId, uint256 number) external view returns (RoundView memory) {
        RoundState storage current = _round(_task(taskId), taskId, number);
        (uint256 x, uint256 y) = CompressedPoint.decompress(current.aggregate);
        return RoundView({
            modelDigest: current.modelDigest,
            submitDeadline: current.submitDeadline,
            settleDeadline: current.settleDeadline,
            batches: current.batches,
            owners: current.owners,
            spent: current.spent,
            aggregateX: x,
            aggregateY: y,
            finalized: current.finalized
        });
    }

    /// @inheritdoc IMarket
    function batch(uint256 taskId, uint256 number, uint256 batchIndex)
        external
        view
        returns (bytes32 digest, uint256 claimedBitmap)
    {
        BatchState storage accepted = _batch(taskId, number, batchIndex);
        return (accepted.digest, accepted.claimed);
    }

    /// @inheritdoc IMarket
    function consumed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256) {
        return _round(_task(taskId), taskId, number).consumed[word];
    }

    /// @inheritdoc IMarket
    function claimed(uint256 taskId, uint256 number, uint256 word) external view returns (uint256) {
        return _round(_task(taskId), taskId, number).claimed[word];
    }

    /// @inheritdoc IMarket
    function ownerAt(uint256 taskId, uint256 index) external view returns (address) {
        TaskState storage state = _task(taskId);
        if (index >= state.owners.length) revert OwnerUnknown(taskId, index);
        return state.owners[index];
    }

    /// @inheritdoc IMarket
    function compacted(uint256 taskId, uint256 chunk) external view returns (uint256 count) {
        return Roster.copied(_task(taskId), chunk);
    }

    /// @inheritdoc IMarket
    function ownerIndex(uint256 taskId, address owner) external view returns (bool registered, uint256 index) {
        uint256 found = _task(taskId).indexPlusOne[owner];
        return found == 0 ? (false, 0) : (true, found - 1);
    }

    function _register(TaskState storage state, uint256 taskId, address owner) private returns (uint256 index) {
        if (owner == address(0)) revert OwnerInvalid();
        if (state.indexPlusOne[owner] != 0) revert AlreadyRegistered(taskId, owner);
        index = state.owners.length;
        if (index == MAX_OWNERS) revert TaskFull(taskId);
        state.owners.push(owner);
        state.indexPlusOne[owner] = index + 1;
        emit OwnerRegistered(taskId, owner, index);
    }

    /// @dev All that can be refused before any signature is recovered.
    function _checkAdmissible(TaskState storage state, RoundState storage current, Batch calldata submitted)
        private
        view
    {
        if (block.timestamp > current.settleDeadline) {
            revert RoundClosed(submitted.taskId, submitted.round, current.settleDeadline);
        }
        uint256 owners = submitted.owners.length;
        if (owners < state.minOwners) revert TooFewOwners(owners, state.minOwners);
        uint256 total = owners + current.owners;
        if (total > state.maxOwnersPerRound) revert TooManyOwners(total, state.maxOwnersPerRound);
        if (state.inlinePayload) {
            if (submitted.payload.length > MAX_PAYLOAD || keccak256(submitted.payload) != submitted.payloadDigest) {
                revert PayloadInvalid();
            }
        } else if (submitted.payload.length != 0) {
            revert PayloadInvalid();
        }
    }

    /// @dev Root of the reward tree and the sum of the rewards. Equal pay needs no tree: the round's bitmap says who is
    /// owed, the terms say how much, so the root is zero.
    function _assignRewards(
        TaskState storage state,
        Batch calldata submitted,
        uint256 owners,
        bytes32 batchId,
        uint256 batchIndex
    ) private returns (bytes32 root, uint256 spent) {
        uint256 count = submitted.owners.length;
        uint256 reward = state.rewardPerGradient;
        if (!state.usesContributions) return (0, count * reward);
        bytes32[] memory leaves;
        bytes memory amounts;
        (leaves, spent, amounts) =
            Rewards.weightedLeaves(batchId, owners, submitted.proof.contributions, count * reward, count * state.bound);
        root = Merkle.root(leaves);
        emit RewardsAssigned(submitted.taskId, submitted.round, batchIndex, amounts);
    }

    /// @dev Writes the batch's effects on the round, and its record's digest if claims need it: a tree's root is never zero.
    function _settle(RoundState storage current, BatchRecord memory record, uint256 batchIndex, uint256 spent) private {
        if (record.rewardsRoot != 0) current.batchStates[batchIndex].digest = keccak256(abi.encode(record));
        current.batches = uint16(batchIndex + 1);
        current.owners += uint16(record.owners);
        current.spent += uint128(spent);
        (uint256 x, uint256 y) = (record.commitmentX, record.commitmentY);
        if (batchIndex > 0) {
            (uint256 sumX, uint256 sumY) = CompressedPoint.decompress(current.aggregate);
            (x, y) = BN254.add(sumX, sumY, x, y);
        }
        current.aggregate = CompressedPoint.compress(x, y);
    }

    /// @dev Pays by a call with all gas; every caller has written its effects before.
    function _pay(address recipient, uint256 amount) private {
        (bool ok,) = recipient.call{value: amount}("");
        if (!ok) revert TransferFailed(recipient, amount);
    }

    function _task(uint256 taskId) private view returns (TaskState storage state) {
        state = _tasks[taskId];
        if (state.verifier == address(0)) revert TaskUnknown(taskId);
    }

    function _round(TaskState storage state, uint256 taskId, uint256 number)
        private
        view
        returns (RoundState storage current)
    {
        current = state.roundStates[number];
        if (current.settleDeadline == 0) revert RoundUnknown(taskId, number);
    }

    function _batch(uint256 taskId, uint256 number, uint256 batchIndex)
        private
        view
        returns (BatchState storage accepted)
    {
        accepted = _round(_task(taskId), taskId, number).batchStates[batchIndex];
        if (accepted.digest == 0) revert BatchUnknown(taskId, number, batchIndex);
    }
}
