// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {BatchReader} from "./libraries/BatchReader.sol";
import {CompressedPoint} from "./libraries/CompressedPoint.sol";
import {BN254} from "./libraries/BN254.sol";
import {Roster} from "./libraries/Roster.sol";
import {Terms} from "./libraries/Terms.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {RoundState, TaskState} from "./types/State.sol";
import {Batch, RoundView, TaskTerms, TaskView} from "./types/Types.sol";

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
    bytes32 public immutable deployment;
    /// @inheritdoc IMarket
    uint256 public taskCount;
    mapping(uint256 taskId => TaskState) private _tasks;

    /// @param registry_ Registry in which the committees of all tasks are found.
    constructor(ICommitteeRegistry registry_) {
        registry = registry_;
        deployment = TypedData.newDeployment();
    }

    modifier onlyModelOwner(uint256 taskId) {
        if (_task(taskId).modelOwner != msg.sender) revert NotModelOwner(taskId, msg.sender);
        _;
    }

    /// @inheritdoc IMarket
    function createTask(TaskTerms calldata terms) external returns (uint256 taskId) {
        Terms.check(terms);
        taskId = taskCount++;
        TaskState storage state = _tasks[taskId];
        Terms.store(state, terms);
        state.termsHash = Terms.hash(deployment, taskId, msg.sender, terms);
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
        BatchReader.Scope memory scope = _scopeOf(state, current);
        BatchReader.Call memory request = BatchReader.prepare(submitted, scope);
        request.authenticate(submitted, Roster.reader(state), current.consumed);
        address verifier = state.verifier;
        request.verify(verifier);
        bytes32 batchId = request.identifier(submitted.proof, IVerifier(verifier).policyKeyHash());
        _requireAttested(state, scope, submitted, batchId);
        uint256[2] calldata sum = submitted.proof.sum;
        batchIndex = current.batches;
        _settle(current, submitted.owners.length, state.rewardPerGradient, sum);
        emit BatchAccepted(submitted.taskId, submitted.round, batchId, batchIndex, sum[0], sum[1], submitted.indices);
    }

    /// @inheritdoc IMarket
    function publishAggregate(uint256 taskId, uint256 number, uint256 batchIndex, bytes calldata payload) external {
        TaskState storage state = _task(taskId);
        RoundState storage current = _round(state, taskId, number);
        if (!state.inlinePayload) revert PayloadNotInline(taskId);
        if (batchIndex >= current.batches) revert BatchUnknown(taskId, number, batchIndex);
        if (payload.length == 0 || payload.length > MAX_PAYLOAD) revert PayloadLengthInvalid(payload.length);
        emit AggregatePublished(taskId, number, batchIndex, payload);
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
    function task(uint256 taskId) external view returns (TaskView memory) {
        TaskState storage state = _task(taskId);
        return TaskView({
            terms: Terms.load(state),
            modelOwner: state.modelOwner,
            balance: state.balance,
            reserved: state.reserved,
            roundsOpened: state.roundsOpened,
            ownerCount: state.owners.length,
            termsHash: state.termsHash
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
    }

    /// @dev What every statement about the round says, beside the owners.
    function _scopeOf(TaskState storage state, RoundState storage current)
        private
        view
        returns (BatchReader.Scope memory)
    {
        return BatchReader.Scope({
            domain: TypedData.domainSeparator(deployment),
            termsHash: state.termsHash,
            modelDigest: current.modelDigest,
            bound: state.bound,
            dimension: state.dimension
        });
    }

    /// @dev Requires a quorum's signatures over the batch, the code that verified it included.
    function _requireAttested(
        TaskState storage state,
        BatchReader.Scope memory scope,
        Batch calldata submitted,
        bytes32 batchId
    ) private view {
        uint256 committeeId = state.committeeId;
        TypedData.Attested memory attested = TypedData.Attested({
            batchId: batchId,
            verifierCode: state.verifier.codehash,
            committeeId: committeeId,
            taskId: submitted.taskId,
            termsHash: scope.termsHash,
            round: submitted.round,
            modelDigest: scope.modelDigest,
            owners: submitted.owners.length,
            sumX: submitted.proof.sum[0],
            sumY: submitted.proof.sum[1],
            squareNorm: submitted.proof.squareNorm
        });
        bytes32 digest = TypedData.attestation(scope.domain, attested);
        registry.requireQuorum(committeeId, digest, submitted.attestations);
    }

    /// @dev Writes the batch's effects on the round. Who is owed stands in the round's bitmap already.
    function _settle(RoundState storage current, uint256 owners, uint256 reward, uint256[2] calldata sum) private {
        uint256 batches = current.batches;
        current.batches = uint16(batches + 1);
        current.owners += uint16(owners);
        current.spent += uint128(owners * reward);
        (uint256 x, uint256 y) = (sum[0], sum[1]);
        if (batches > 0) {
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
}
