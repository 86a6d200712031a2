// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MarketViews} from "./MarketViews.sol";
import {ICommitteeRegistry} from "./interfaces/ICommitteeRegistry.sol";
import {IExclusions} from "./interfaces/IExclusions.sol";
import {IGradedMarket} from "./interfaces/IGradedMarket.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IVerifierFactory} from "./interfaces/IVerifierFactory.sol";
import {Acceptance} from "./libraries/Acceptance.sol";
import {BatchReader} from "./libraries/BatchReader.sol";
import {Enrolment} from "./libraries/Enrolment.sol";
import {Exclusions} from "./libraries/Exclusions.sol";
import {Fees} from "./libraries/Fees.sol";
import {GradedBatches} from "./libraries/GradedBatches.sol";
import {Lookup} from "./libraries/Lookup.sol";
import {MarketClock} from "./libraries/MarketClock.sol";
import {Payroll} from "./libraries/Payroll.sol";
import {Roster} from "./libraries/Roster.sol";
import {Tasks} from "./libraries/Tasks.sol";
import {Terms} from "./libraries/Terms.sol";
import {MarketState, Pauses, RoundState, TaskState} from "./types/State.sol";
import {
    Attestation,
    Batch,
    ClaimOrder,
    HeldFees,
    Permit,
    Posting,
    Reference,
    ReferenceOpening,
    Served,
    TaskTerms
} from "./types/Types.sol";

/// @title Market for gradients
/// @notice See `IMarket`. Invariant, for each token: the contract holds at least the sum of all tasks' free balances,
/// of what rounds that are not finalised reserve, of pay and fees of accepted batches that are not paid yet (of
/// finalised rounds; of others they are part of the reserve), of the deposits of owners that have not left and were not
/// excluded, and of credits. Every unit is in exactly one of them: funding and finalising add to the free balance,
/// opening a round moves to its reserve, accepting a batch assigns (by counting batches and owners; no amount is
/// written), claims and settlements pay.
/// @dev Batches are accepted here, those that are not graded; the rest is in linked libraries, which work with this contract's
/// storage.
contract Market is MarketViews, ReentrancyGuardTransient {
    using BatchReader for BatchReader.Call;
    using Lookup for MarketState;
    using Lookup for TaskState;
    using MarketClock for Pauses;

    uint256 private constant MAX_PAYLOAD = 16 * 1024;

    /// @param registry_ Registry in which the committees of all tasks are found.
    /// @param factory_ Factory of the verifiers of all tasks.
    /// @param minimumWindow_ Shortest submit and settle window, seconds; a day where inclusion in blocks can be bought.
    /// @param guardian_ Who may pause acceptance, or zero.
    constructor(ICommitteeRegistry registry_, IVerifierFactory factory_, uint32 minimumWindow_, address guardian_)
        MarketViews(registry_, factory_, minimumWindow_, guardian_)
    {}

    /// @inheritdoc IMarket
    function acceptBatch(Batch calldata submitted) external returns (uint256 batchIndex) {
        TaskState storage state = _state.task(submitted.taskId);
        RoundState storage current = state.round(submitted.taskId, submitted.round);
        if (current.graded) revert TaskGraded(submitted.taskId);
        Acceptance.admit(_state, current, submitted);
        BatchReader.Scope memory scope = Acceptance.scopeOf(state, current, _domain());
        BatchReader.Call memory request = BatchReader.prepare(submitted, scope);
        request.identify(submitted.indices, Roster.reader(state));
        request.authenticate(submitted);
        address verifier = state.verifier;
        (bytes32 batchId,) = request.verify(verifier);
        return Acceptance.take(_state, current, scope, address(registry), verifier, submitted, batchId);
    }

    /// @inheritdoc IGradedMarket
    function acceptGradedBatch(Batch calldata submitted, ReferenceOpening calldata opening, bytes calldata values)
        external
        returns (uint256 batchIndex)
    {
        return GradedBatches.accept(_state, address(registry), _domain(), submitted, opening, values);
    }

    /// @inheritdoc IMarket
    function publishAggregate(uint256 taskId, uint256 number, uint256 batchIndex, bytes calldata payload) external {
        TaskState storage state = _state.task(taskId);
        RoundState storage current = state.round(taskId, number);
        if (!state.inlinePayload) revert PayloadNotInline(taskId);
        if (batchIndex >= current.batches) revert BatchUnknown(taskId, number, batchIndex);
        if (payload.length == 0 || payload.length > MAX_PAYLOAD) revert PayloadLengthInvalid(payload.length);
        emit AggregatePublished(taskId, number, batchIndex, payload);
    }

    /// @inheritdoc IMarket
    function createTask(TaskTerms calldata terms, uint256 nonce) external returns (uint256 taskId) {
        return Tasks.create(_state, _marketScope(), terms, nonce);
    }

    /// @inheritdoc IMarket
    function transferTask(uint256 taskId, address to) external {
        Tasks.offer(_state, taskId, to);
    }

    /// @inheritdoc IMarket
    function acceptTask(uint256 taskId) external {
        Tasks.take(_state, taskId);
    }

    /// @inheritdoc IMarket
    function setCoordinator(uint256 taskId, address coordinator) external {
        Tasks.setCoordinator(_state, taskId, coordinator);
    }

    /// @inheritdoc IMarket
    function setCoordinatorByQuorum(uint256 taskId, address coordinator, Attestation[] calldata receipts) external {
        Tasks.setCoordinatorByQuorum(_state, _marketScope(), taskId, coordinator, receipts);
    }

    /// @inheritdoc IMarket
    function fund(uint256 taskId, uint256 amount, Permit calldata permit) external payable nonReentrant {
        Tasks.fund(_state, taskId, amount, permit);
    }

    /// @inheritdoc IMarket
    function withdraw(uint256 taskId, uint256 amount, address to) external nonReentrant {
        Tasks.withdraw(_state, taskId, amount, to);
    }

    /// @inheritdoc IMarket
    function openRound(uint256 taskId, bytes32 modelDigest, uint256 seats) external returns (uint256 number) {
        return Tasks.openRound(_state, _marketScope(), taskId, modelDigest, seats);
    }

    /// @inheritdoc IGradedMarket
    function openReferencedRound(uint256 taskId, bytes32 modelDigest, uint256 seats, Reference[] calldata references)
        external
        returns (uint256 number)
    {
        return Tasks.openReferencedRound(_state, _marketScope(), taskId, modelDigest, seats, references);
    }

    /// @inheritdoc IMarket
    function finalizeRound(uint256 taskId, uint256 number) external {
        Tasks.finalizeRound(_state, taskId, number);
    }

    /// @inheritdoc IMarket
    function admit(uint256 taskId, address[] calldata signers) external {
        Enrolment.admit(_state, taskId, signers);
    }

    /// @inheritdoc IMarket
    function register(uint256 taskId, address signer, bytes calldata consent, Permit calldata permit)
        external
        payable
        nonReentrant
        returns (uint256 index)
    {
        return Enrolment.register(_state, deployment, taskId, signer, consent, permit);
    }

    /// @inheritdoc IMarket
    function setAccount(uint256 taskId, uint256 index, address account) external {
        Enrolment.setAccount(_state, taskId, index, account);
    }

    /// @inheritdoc IMarket
    function resign(uint256 taskId, uint256 index) external {
        Enrolment.resign(_state, taskId, index);
    }

    /// @inheritdoc IMarket
    function lapse(uint256 taskId, uint256 index) external {
        Enrolment.lapse(_state, taskId, index);
    }

    /// @inheritdoc IMarket
    function exit(uint256 taskId, uint256 index) external nonReentrant {
        Enrolment.exit(_state, taskId, index);
    }

    /// @inheritdoc IExclusions
    function exclude(uint256 taskId, uint256 number, uint256 index, bytes32 dealing, Attestation[] calldata receipts)
        external
    {
        Exclusions.exclude(_state, registry, deployment, Exclusions.Seat(taskId, number, index), dealing, receipts);
    }

    /// @inheritdoc IExclusions
    function postSubmission(uint256 taskId, uint256 number, uint256 index, Posting calldata posting) external {
        Exclusions.post(_state, registry, deployment, Exclusions.Seat(taskId, number, index), posting);
    }

    /// @inheritdoc IMarket
    function compactRoster(uint256 taskId, uint256 chunk) external returns (uint256 count) {
        return Enrolment.compactRoster(_state, taskId, chunk);
    }

    /// @inheritdoc IMarket
    function claim(uint256 taskId, uint256 through, bytes calldata indices)
        external
        nonReentrant
        returns (uint256 paid)
    {
        return Payroll.claim(_state, taskId, through, indices);
    }

    /// @inheritdoc IMarket
    function claimTo(ClaimOrder[] calldata orders, uint256[] calldata tips, bytes[] calldata signatures)
        external
        nonReentrant
        returns (uint256 carriedOut)
    {
        return Payroll.claimTo(_state, deployment, orders, tips, signatures);
    }

    /// @inheritdoc IMarket
    function reclaim(uint256 taskId, uint256 through, bytes calldata indices) external returns (uint256 amount) {
        return Payroll.reclaim(_state, taskId, through, indices);
    }

    /// @inheritdoc IMarket
    function collect(address token, address account, address to) external nonReentrant returns (uint256 amount) {
        return Payroll.collect(_state, token, account, to);
    }

    /// @inheritdoc IMarket
    function settleFees(
        uint256 taskId,
        uint256 number,
        uint256 batchIndex,
        HeldFees calldata held,
        Served calldata served
    ) external {
        Fees.settle(_state, registry, deployment, Fees.Place(taskId, number, batchIndex), held, served);
    }

    /// @inheritdoc IMarket
    function challengeAvailability(uint256 taskId, uint256 number, uint256 batchIndex, HeldFees calldata held)
        external
    {
        Fees.challenge(_state, Fees.Place(taskId, number, batchIndex), held);
    }

    /// @inheritdoc IMarket
    function refundFees(uint256 taskId, uint256 number, uint256 batchIndex, HeldFees calldata held) external {
        Fees.refund(_state, registry, Fees.Place(taskId, number, batchIndex), held);
    }

    /// @inheritdoc IMarket
    function pause() external {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        emit Paused(_state.pauses.begin());
    }

    /// @inheritdoc IMarket
    function resume() external {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        emit Resumed(_state.pauses.end());
    }

    function _marketScope() private view returns (Terms.Scope memory) {
        return Terms.Scope(registry, factory, deployment, minimumWindow);
    }
}
