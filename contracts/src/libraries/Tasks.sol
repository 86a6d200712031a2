// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IGradedMarket} from "../interfaces/IGradedMarket.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {Attestation, Permit, Reference, RoundView, TaskTerms, TaskView} from "../types/Types.sol";
import {CompressedPoint} from "./CompressedPoint.sol";
import {Funds} from "./Funds.sol";
import {Lookup} from "./Lookup.sol";
import {MarketClock} from "./MarketClock.sol";
import {Money} from "./Money.sol";
import {Pay} from "./Pay.sol";
import {References} from "./References.sol";
import {Terms} from "./Terms.sol";
import {TypedData} from "./TypedData.sol";

/// @title Tasks, their escrow and their rounds
/// @dev Linked into the market, whose storage and address it works with. See `IMarket` for what functions do.
library Tasks {
    using Lookup for MarketState;
    using Lookup for TaskState;

    function create(MarketState storage market, Terms.Scope memory scope, TaskTerms calldata terms, uint256 nonce)
        external
        returns (uint256 taskId)
    {
        Terms.check(terms, scope);
        taskId = Terms.taskId(scope.deployment, msg.sender, nonce, terms);
        TaskState storage state = market.tasks[taskId];
        if (state.verifier != address(0)) revert IMarket.TaskExists(taskId);
        (uint256 threshold, uint256 provers,,) = scope.registry.shape(terms.committeeId);
        Terms.store(state, terms);
        state.provers = uint8(provers);
        Terms.checkAmounts(state, threshold);
        (state.creator, state.modelOwner) = (msg.sender, msg.sender);
        state.termsHash = Terms.hash(scope.deployment, taskId, msg.sender, terms);
        market.taskIds.push(taskId);
        emit IMarket.TaskCreated(taskId, msg.sender, terms);
    }

    function offer(MarketState storage market, uint256 taskId, address to) external {
        market.ownTask(taskId).pendingOwner = to;
        emit IMarket.TaskOffered(taskId, msg.sender, to);
    }

    function take(MarketState storage market, uint256 taskId) external {
        TaskState storage state = market.task(taskId);
        if (state.pendingOwner != msg.sender) revert IMarket.NotPendingOwner(taskId, msg.sender);
        emit IMarket.TaskTransferred(taskId, state.modelOwner, msg.sender);
        (state.modelOwner, state.pendingOwner) = (msg.sender, address(0));
    }

    function setCoordinator(MarketState storage market, uint256 taskId, address coordinator) external {
        TaskState storage state = market.ownTask(taskId);
        _requireItsTurn(market, state, taskId);
        _name(market, state, taskId, coordinator);
    }

    function setCoordinatorByQuorum(
        MarketState storage market,
        Terms.Scope memory scope,
        uint256 taskId,
        address coordinator,
        Attestation[] calldata receipts
    ) external {
        TaskState storage state = market.task(taskId);
        (,, uint256 epoch,) = scope.registry.shape(state.committeeId);
        bytes32 digest = TypedData.coordinator(
            TypedData.domainSeparator(scope.deployment),
            taskId,
            state.roundsOpened,
            state.coordinatorChanges,
            coordinator
        );
        scope.registry.requireQuorum(state.committeeId, epoch, digest, receipts);
        state.turn = uint24(state.roundsOpened + 1);
        _name(market, state, taskId, coordinator);
    }

    function fund(MarketState storage market, uint256 taskId, uint256 amount, Permit calldata permit) external {
        TaskState storage state = market.task(taskId);
        uint256 total = uint256(state.balance) + state.reserved;
        if (amount == 0 || amount > type(uint128).max - total) revert IMarket.FundsInvalid(amount);
        state.balance += uint128(amount);
        emit IMarket.TaskFunded(taskId, msg.sender, amount);
        Money.pull(state.token, amount, permit);
    }

    function withdraw(MarketState storage market, uint256 taskId, uint256 amount, address to) external {
        TaskState storage state = market.ownTask(taskId);
        if (to == address(0)) revert IMarket.AddressInvalid();
        _spend(state, amount);
        emit IMarket.Withdrawn(taskId, to, amount);
        Funds.pay(state.token, to, amount);
    }

    function openRound(
        MarketState storage market,
        Terms.Scope memory scope,
        uint256 taskId,
        bytes32 modelDigest,
        uint256 seats
    ) external returns (uint256) {
        TaskState storage state = market.ownTask(taskId);
        if (state.step != 0) revert IGradedMarket.TaskGraded(taskId);
        return _open(market, scope, state, taskId, modelDigest, seats);
    }

    function openReferencedRound(
        MarketState storage market,
        Terms.Scope memory scope,
        uint256 taskId,
        bytes32 modelDigest,
        uint256 seats,
        Reference[] calldata references
    ) external returns (uint256 number) {
        TaskState storage state = market.ownTask(taskId);
        if (state.step == 0) revert IGradedMarket.TaskNotGraded(taskId);
        uint256 copies = references.length;
        if (copies == 0 || copies > References.MAX_COPIES) revert IGradedMarket.ReferencesInvalid(copies);
        number = _open(market, scope, state, taskId, References.digest(modelDigest, references), seats);
        emit IGradedMarket.RoundReferenced(taskId, number, modelDigest, references);
    }

    function finalizeRound(MarketState storage market, uint256 taskId, uint256 number) external {
        TaskState storage state = market.task(taskId);
        RoundState storage current = state.round(taskId, number);
        if (current.finalized) revert IMarket.RoundAlreadyFinalized(taskId, number);
        if (!market.isClosed(current)) revert IMarket.RoundStillOpen(taskId, number);
        uint256 held = Pay.reserve(state, current.seats);
        uint256 released = held - Pay.spent(state, current);
        current.finalized = true;
        state.reserved -= uint128(held);
        state.balance += uint128(released);
        emit IMarket.RoundFinalized(taskId, number, released);
    }

    function describe(MarketState storage market, uint256 taskId) external view returns (TaskView memory) {
        TaskState storage state = market.task(taskId);
        return TaskView({
            terms: Terms.load(state),
            creator: state.creator,
            modelOwner: state.modelOwner,
            pendingOwner: state.pendingOwner,
            coordinator: state.coordinator,
            provers: state.provers,
            balance: state.balance,
            reserved: state.reserved,
            roundsOpened: state.roundsOpened,
            ownerCount: state.owners.length,
            activeOwners: state.activeOwners,
            termsHash: state.termsHash,
            coordinatorChanges: state.coordinatorChanges
        });
    }

    function describeRound(MarketState storage market, uint256 taskId, uint256 number)
        external
        view
        returns (RoundView memory)
    {
        TaskState storage state = market.task(taskId);
        RoundState storage current = state.round(taskId, number);
        (uint256 x, uint256 y) = CompressedPoint.decompress(current.aggregate);
        uint256 settleDeadline = current.settleDeadline + MarketClock.stopped(market.pauses);
        return RoundView({
            modelDigest: current.modelDigest,
            submitDeadline: settleDeadline - state.settleWindow,
            settleDeadline: settleDeadline,
            batches: current.batches,
            owners: current.owners,
            seats: current.seats,
            limit: current.limit,
            epoch: current.epoch,
            levels: current.levels,
            spent: Pay.spent(state, current),
            aggregateX: x,
            aggregateY: y,
            closed: market.isClosed(current),
            finalized: current.finalized
        });
    }

    /// @param modelDigest What is bound as the round's model.
    function _open(
        MarketState storage market,
        Terms.Scope memory scope,
        TaskState storage state,
        uint256 taskId,
        bytes32 modelDigest,
        uint256 seats
    ) private returns (uint256 number) {
        number = state.roundsOpened;
        if (number == state.rounds) revert IMarket.RoundsExhausted(taskId);
        _requireSettled(state, taskId, number);
        (,, uint256 epoch, bool isReady) = scope.registry.shape(state.committeeId);
        if (!isReady) revert IMarket.CommitteeNotReady(state.committeeId);
        if (seats > state.capacity) revert IMarket.SeatsInvalid(seats, state.capacity);
        uint256 active = state.activeOwners;
        if (seats < active) seats = active;
        _reserve(state, Pay.reserve(state, seats));
        state.roundsOpened = uint24(number + 1);
        RoundState storage opened = state.roundStates[number];
        // Who registers from now on has a seat as long as there are some beyond those of the owners that are there.
        opened.limit = uint24(state.owners.length + seats - active);
        (opened.modelDigest, opened.seats) = (modelDigest, uint16(seats));
        (opened.committeeId, opened.epoch) = (state.committeeId, SafeCast.toUint24(epoch));
        (opened.minOwners, opened.paysFees, opened.graded) = (state.minOwners, state.paysFees, state.step != 0);
        opened.aggregate = CompressedPoint.INFINITY;
        uint256 submitDeadline = MarketClock.time(market.pauses) + state.submitWindow;
        opened.settleDeadline = uint40(submitDeadline + state.settleWindow);
        _announce(market, state, taskId, number);
    }

    /// @dev Who is named by a quorum has a whole round, or the model owner would undo it in the next transaction.
    function _requireItsTurn(MarketState storage market, TaskState storage state, uint256 taskId) private view {
        uint256 turn = state.turn;
        if (turn == 0) return;
        bool over = turn <= state.roundsOpened && market.isClosed(state.roundStates[turn - 1]);
        if (!over) revert IMarket.CoordinatorActive(taskId, turn - 1);
    }

    /// @dev Not while a coordinator may be at work: whoever it asked provers to answer to would change under them. It is in a
    /// round that is open and has a batch, as every one has after which another was opened in time.
    function _name(MarketState storage market, TaskState storage state, uint256 taskId, address coordinator) private {
        if (coordinator == address(0)) revert IMarket.AddressInvalid();
        if (state.roundsOpened > 0) {
            uint256 number = state.roundsOpened - 1;
            RoundState storage last = state.roundStates[number];
            bool silent = last.batches == 0 && MarketClock.time(market.pauses) > Pay.halfway(state, last);
            if (!silent && !market.isClosed(last)) revert IMarket.CoordinatorActive(taskId, number);
            if (number > 0 && !market.isClosed(state.roundStates[number - 1])) {
                revert IMarket.CoordinatorActive(taskId, number - 1);
            }
        }
        state.coordinator = coordinator;
        ++state.coordinatorChanges;
        emit IMarket.CoordinatorChanged(taskId, coordinator);
    }

    function _requireSettled(TaskState storage state, uint256 taskId, uint256 number) private view {
        if (number == 0) return;
        RoundState storage last = state.roundStates[number - 1];
        if (last.batches == 0 && !last.finalized) revert IMarket.PreviousRoundUnsettled(taskId, number - 1);
    }

    function _reserve(TaskState storage state, uint256 amount) private {
        _spend(state, amount);
        state.reserved += uint128(amount);
    }

    function _spend(TaskState storage state, uint256 amount) private {
        if (amount > state.balance) revert IMarket.InsufficientEscrow(amount, state.balance);
        state.balance -= uint128(amount);
    }

    function _announce(MarketState storage market, TaskState storage state, uint256 taskId, uint256 number) private {
        RoundState storage opened = state.roundStates[number];
        uint256 settleDeadline = opened.settleDeadline + MarketClock.stopped(market.pauses);
        emit IMarket.RoundOpened(
            taskId, number, opened.modelDigest, settleDeadline - state.settleWindow, settleDeadline, opened.seats
        );
    }
}
