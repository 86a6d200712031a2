// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {Attestation, HeldFees, Served} from "../types/Types.sol";
import {Forfeit} from "./Forfeit.sol";
import {Lookup} from "./Lookup.sol";
import {MarketClock} from "./MarketClock.sol";
import {Money} from "./Money.sol";
import {Pay} from "./Pay.sol";
import {Postings} from "./Postings.sol";
import {TypedData} from "./TypedData.sol";

/// @title What coordinator and provers earn
/// @notice The fees of a batch are held when it is accepted and paid when a quorum has signed that its sum is served; the
/// model owner can ask once for that to be signed anew. A quorum's word, or a posted sum, is final. The payee has relayed a
/// batch that was accepted, and gets its fee whether or not provers serve. Whoever hands a batch or receipts in may leave
/// members out, and what is not paid goes back to the task: so members that signed both can be added for a window more.
///
/// Ignoring an owner has a price. Of the payees' fees of a round the part accepted / (accepted + ignored) is paid,
/// where ignored are the owners that posted their submission and are neither in an accepted batch nor excluded; the
/// rest is burnt. So an ignored owner costs about what the coordinator earns by one that is accepted. The model owner
/// gains nothing by it: it could post junk to save fees, and it could make good what a coordinator loses by ignoring
/// whom it wants ignored. Somebody who makes the coordinator lose pays more, at the price of gas that the fees are made
/// for and in batches of 8 or more: the gas of a posting, five times that of a gradient in a batch, and its deposit for
/// junk. Where gas is cheaper it may pay less. What nobody can be blamed for (provers that do not answer, a dealing
/// that goes wrong without a proof of who did it) stays a risk of whoever coordinates, in proportion. It holds for
/// whoever relays late as well, or a coordinator would escape by relaying under another name. Who was ignored is
/// certain when the round is closed, or from the end of its submit window on when nobody is: then nobody posts any more,
/// and who has posted can be accepted or excluded only. Until then the payees' fees wait. Provers' do not.
/// @dev Linked into the market, whose storage and address it works with. See `IMarket` for what functions do.
library Fees {
    using Lookup for MarketState;
    using Lookup for TaskState;
    using Postings for RoundState;

    /// @notice Which batch, in which task and round.
    struct Place {
        uint256 taskId;
        uint256 number;
        uint256 batchIndex;
    }

    /// @notice Remembers what an accepted batch is to be paid for.
    /// @param held With the payee that the batch names; after half of the settle window it is whoever relays.
    function hold(MarketState storage market, Place memory place, HeldFees memory held) internal {
        TaskState storage state = market.tasks[place.taskId];
        RoundState storage current = state.roundStates[place.number];
        uint256 time = MarketClock.time(market.pauses);
        if (time > Pay.halfway(state, current)) held.payee = msg.sender;
        held.due = time + state.availabilityWindow;
        _write(current, place, held);
    }

    function settle(
        MarketState storage market,
        ICommitteeRegistry registry,
        bytes32 deployment,
        Place memory place,
        HeldFees calldata held,
        Served calldata served
    ) external {
        (TaskState storage state, RoundState storage current) = _find(market, place, held);
        uint256 time = MarketClock.time(market.pauses);
        if (time > held.due) revert IMarket.AvailabilityOverdue(held.due);
        _requirePosted(served);
        if (served.posted == 0 && _challengeable(state, held, time)) {
            revert IMarket.ChallengeStillPossible(held.due);
        }
        HeldFees memory next = held;
        next.attesters |= _attesters(registry, current, held, served.attestations);
        uint256 paid = _servers(registry, deployment, current, held, served) & next.attesters & ~held.paid;
        if (paid == 0) revert IMarket.ProversPaid(held.paid);
        next.paid |= paid;
        if (held.paid == 0) next.due = time + state.availabilityWindow;
        if (served.payload.length != 0) {
            emit IMarket.AggregatePublished(place.taskId, place.number, place.batchIndex, served.payload);
        }
        if (next.paid == (1 << state.provers) - 1) next.due = 0;
        _pay(market, registry, place, next, paid);
    }

    function challenge(MarketState storage market, Place memory place, HeldFees calldata held) external {
        market.ownTask(place.taskId);
        (TaskState storage state, RoundState storage current) = _find(market, place, held);
        uint256 time = MarketClock.time(market.pauses);
        if (!_challengeable(state, held, time)) revert IMarket.ChallengeImpossible(held.due);
        HeldFees memory challenged = held;
        (challenged.challenge, challenged.due) = (time, time + state.availabilityWindow);
        _write(current, place, challenged);
    }

    function refund(MarketState storage market, ICommitteeRegistry registry, Place memory place, HeldFees calldata held)
        external
    {
        (TaskState storage state, RoundState storage current) = _find(market, place, held);
        if (MarketClock.time(market.pauses) <= held.due) revert IMarket.AvailabilityNotOverdue(held.due);
        HeldFees memory next = held;
        if (held.due != 0) {
            uint256 unpaid = state.provers - _count(held.paid);
            uint256 refunded = unpaid * Pay.proverFee(state, held.owners);
            state.balance += uint128(refunded);
            next.due = 0;
            emit IMarket.FeesRefunded(place.taskId, place.number, place.batchIndex, refunded);
        } else if (!_isCertain(market, state, current, held.owners)) {
            revert IMarket.RoundStillOpen(place.taskId, place.number);
        }
        _pay(market, registry, place, next, 0);
    }

    /// @dev Credits members their fees, and the payee its own if it is time; forgets the fees when nothing of them is
    /// left.
    /// @param paid Bit set of the members.
    function _pay(
        MarketState storage market,
        ICommitteeRegistry registry,
        Place memory place,
        HeldFees memory held,
        uint256 paid
    ) private {
        TaskState storage state = market.tasks[place.taskId];
        RoundState storage current = state.roundStates[place.number];
        bool payeeToo = !held.payeePaid && _isCertain(market, state, current, held.owners);
        if (payeeToo) held.payeePaid = true;
        if (held.payeePaid && held.due == 0) delete current.heldFees[place.batchIndex];
        else _write(current, place, held);
        if (paid == 0 && !payeeToo) return;
        uint256 proverFee = Pay.proverFee(state, held.owners);
        uint256 coordinatorFee = payeeToo ? _payPayee(market, state, current, held) : 0;
        emit IMarket.FeesPaid(place.taskId, place.number, place.batchIndex, held.payee, coordinatorFee, paid, proverFee);
        (uint256 committeeId, uint256 epoch) = (current.committeeId, current.epoch);
        for (uint256 member = 0; paid >> member != 0; ++member) {
            if (paid >> member & 1 == 0) continue;
            Money.credit(market, state.token, registry.controllerAt(committeeId, epoch, member), proverFee);
        }
    }

    /// @return paid What the payee got.
    function _payPayee(
        MarketState storage market,
        TaskState storage state,
        RoundState storage current,
        HeldFees memory held
    ) private returns (uint256 paid) {
        (uint256 fee, uint256 accepted) = (Pay.coordinatorFee(state, held.owners), current.owners);
        paid = fee * accepted / (accepted + current.ignored());
        Money.credit(market, state.token, held.payee, paid);
        Money.credit(market, state.token, Forfeit.NOBODY, fee - paid);
    }

    /// @dev Whether it is certain who was ignored in the round, or nothing hangs on it.
    function _isCertain(MarketState storage market, TaskState storage state, RoundState storage current, uint256 owners)
        private
        view
        returns (bool)
    {
        if (Pay.coordinatorFee(state, owners) == 0 || market.isClosed(current)) return true;
        uint256 submitDeadline = uint256(current.settleDeadline) - state.settleWindow;
        return MarketClock.time(market.pauses) > submitDeadline && current.ignored() == 0;
    }

    /// @dev Members that attested the batch, of those whose signatures are handed in now.
    function _attesters(
        ICommitteeRegistry registry,
        RoundState storage current,
        HeldFees calldata held,
        Attestation[] calldata attestations
    ) private view returns (uint256) {
        if (attestations.length == 0) return 0;
        return registry.requireQuorum(current.committeeId, current.epoch, held.attestation, attestations);
    }

    /// @dev Members that signed that the sum is served.
    function _servers(
        ICommitteeRegistry registry,
        bytes32 deployment,
        RoundState storage current,
        HeldFees calldata held,
        Served calldata served
    ) private view returns (uint256) {
        bytes32 domain = TypedData.domainSeparator(deployment);
        bytes32 digest = TypedData.availability(domain, held.batchId, held.challenge, served.posted);
        return registry.requireQuorum(current.committeeId, current.epoch, digest, served.receipts);
    }

    function _count(uint256 members) private pure returns (uint256 count) {
        for (; members != 0; members &= members - 1) {
            ++count;
        }
    }

    function _requirePosted(Served calldata served) private view {
        bytes32 posted = served.posted;
        if (posted == 0 && served.payload.length == 0) return;
        bytes32 found = served.payload.length == 0 ? blobhash(0) : keccak256(served.payload);
        if (found != posted || posted == 0) revert IMarket.NotPosted(posted);
    }

    /// @dev Whether the model owner may ask for availability to be signed anew.
    function _challengeable(TaskState storage state, HeldFees calldata held, uint256 time) private view returns (bool) {
        return held.challenge == 0 && held.paid == 0 && time + state.availabilityWindow / 2 <= held.due;
    }

    function _find(MarketState storage market, Place memory place, HeldFees calldata held)
        private
        view
        returns (TaskState storage state, RoundState storage current)
    {
        state = market.task(place.taskId);
        current = state.round(place.taskId, place.number);
        if (current.heldFees[place.batchIndex] != keccak256(abi.encode(held))) {
            revert IMarket.FeesUnknown(place.taskId, place.number, place.batchIndex);
        }
    }

    function _write(RoundState storage current, Place memory place, HeldFees memory held) private {
        current.heldFees[place.batchIndex] = keccak256(abi.encode(held));
        emit IMarket.FeesHeld(place.taskId, place.number, place.batchIndex, held);
    }
}
