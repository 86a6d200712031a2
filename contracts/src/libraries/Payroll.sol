// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {ClaimOrder} from "../types/Types.sol";
import {AccountSignatures} from "./AccountSignatures.sol";
import {BatchReader} from "./BatchReader.sol";
import {Enrolment} from "./Enrolment.sol";
import {Funds} from "./Funds.sol";
import {Lookup} from "./Lookup.sol";
import {MarketClock} from "./MarketClock.sol";
import {Money} from "./Money.sol";
import {OwnerWord} from "./OwnerWord.sol";
import {Pay} from "./Pay.sol";
import {TypedData} from "./TypedData.sol";

/// @title What owners are paid
/// @notice Each owner has one pointer, the first round for which it was not paid. A claim moves it over all rounds whose
/// outcome for the owner is certain: it was accepted, which can happen only once, or the round is closed.
/// @dev Linked into the market, whose storage and address it works with. See `IMarket` for what functions do.
library Payroll {
    using Lookup for MarketState;
    using Lookup for TaskState;
    using OwnerWord for uint256;

    /// @dev A walk over rounds, the same for all owners of a call.
    /// @param through First round that is not looked at.
    /// @param closed First round that may still be open.
    struct Walk {
        uint256 through;
        uint256 closed;
        bool levelled;
        uint256 base;
        uint256 bonus;
    }

    function claim(MarketState storage market, uint256 taskId, uint256 through, bytes calldata indices)
        external
        returns (uint256 paid)
    {
        TaskState storage state = market.task(taskId);
        Walk memory walk = _walk(market, state, through);
        _requireWhole(indices);
        bool moved;
        for (uint256 slot = 0; 2 * slot < indices.length; ++slot) {
            uint256 index = BatchReader.indexAt(indices, slot);
            (uint256 word, uint256 from, uint256 next, uint256 amount) = _advance(state, walk, taskId, index);
            moved = moved || next != from;
            if (amount == 0) continue;
            paid += amount;
            address account = Enrolment.accountOf(state, index, word);
            emit IMarket.OwnerPaid(taskId, index, account, from, next, amount, 0);
            Money.pushOrCredit(market, state.token, account, account, amount);
        }
        if (!moved) revert IMarket.NothingToClaim(taskId, through);
    }

    /// @dev What may change between a relayer's look and its transaction (somebody claims, the account or its mind changes)
    /// costs it one order, not all.
    function claimTo(
        MarketState storage market,
        bytes32 deployment,
        ClaimOrder[] calldata orders,
        uint256[] calldata tips,
        bytes[] calldata signatures
    ) external returns (uint256 carriedOut) {
        uint256 count = orders.length;
        if (tips.length != count || signatures.length != count) {
            revert IMarket.OrdersInvalid(count, tips.length, signatures.length);
        }
        bytes4 obstacle;
        for (uint256 i = 0; i < count; ++i) {
            bytes4 found = _obstacle(market, deployment, orders[i], signatures[i]);
            if (found == 0) {
                _carryOut(market, orders[i], tips[i]);
                ++carriedOut;
                continue;
            }
            obstacle = found;
            emit IMarket.OrderPassedOver(orders[i].taskId, orders[i].index, found);
        }
        if (carriedOut == 0) revert IMarket.NoOrderCarriedOut(obstacle);
    }

    function reclaim(MarketState storage market, uint256 taskId, uint256 through, bytes calldata indices)
        external
        returns (uint256 total)
    {
        TaskState storage state = market.task(taskId);
        Walk memory walk = _walk(market, state, through);
        _requireWhole(indices);
        _requireExpired(market, state, taskId, walk.through);
        for (uint256 slot = 0; 2 * slot < indices.length; ++slot) {
            uint256 index = BatchReader.indexAt(indices, slot);
            (, uint256 from, uint256 next, uint256 amount) = _advance(state, walk, taskId, index);
            if (amount == 0) continue;
            total += amount;
            emit IMarket.PayReclaimed(taskId, index, from, next, amount);
        }
        if (total == 0) revert IMarket.NothingToClaim(taskId, through);
        state.balance += uint128(total);
    }

    function collect(MarketState storage market, address token, address account, address to)
        external
        returns (uint256 amount)
    {
        if (to == address(0) || (to != account && msg.sender != account)) revert IMarket.RecipientInvalid();
        amount = market.owed[token][account];
        if (amount == 0) revert IMarket.NothingOwed(token, account);
        market.owed[token][account] = 0;
        emit IMarket.Collected(token, account, to, amount);
        Funds.pay(token, to, amount);
    }

    function claimable(MarketState storage market, uint256 taskId, uint256 index, uint256 through)
        external
        view
        returns (uint256 amount, uint256 next)
    {
        TaskState storage state = market.task(taskId);
        return _due(state, _walk(market, state, through), state.owner(taskId, index).nextClaim(), index);
    }

    function _carryOut(MarketState storage market, ClaimOrder calldata order, uint256 tip) private {
        TaskState storage state = market.task(order.taskId);
        (uint256 word, uint256 from, uint256 next, uint256 amount) =
            _advance(state, _walk(market, state, order.through), order.taskId, order.index);
        if (amount == 0) revert IMarket.NothingToClaim(order.taskId, order.through);
        if (tip > order.maxTip || tip > amount) revert IMarket.TipTooHigh(tip, order.maxTip);
        emit IMarket.OwnerPaid(order.taskId, order.index, order.recipient, from, next, amount, tip);
        address account = Enrolment.accountOf(state, order.index, word);
        Money.pushOrCredit(market, state.token, order.recipient, account, amount - tip);
        Money.pushOrCredit(market, state.token, msg.sender, msg.sender, tip);
    }

    /// @dev Why an order is not to be carried out, as the selector of an error; 0 if it is.
    function _obstacle(
        MarketState storage market,
        bytes32 deployment,
        ClaimOrder calldata order,
        bytes calldata signature
    ) private view returns (bytes4) {
        TaskState storage state = market.task(order.taskId);
        uint256 word = state.owner(order.taskId, order.index);
        if (order.recipient == address(0)) return IMarket.AddressInvalid.selector;
        if (block.timestamp > order.deadline) return IMarket.OrderExpired.selector;
        if (word.nextClaim() != order.from) return IMarket.OrderStale.selector;
        address account = Enrolment.accountOf(state, order.index, word);
        if (msg.sender == account && signature.length == 0) return 0;
        bytes32 digest = TypedData.claim(TypedData.domainSeparator(deployment), order);
        return AccountSignatures.isSigned(account, digest, signature) ? bytes4(0) : IMarket.NotTheAccount.selector;
    }

    /// @dev Settles what an owner is due and moves its pointer.
    function _advance(TaskState storage state, Walk memory walk, uint256 taskId, uint256 index)
        private
        returns (uint256 word, uint256 from, uint256 next, uint256 amount)
    {
        word = state.owner(taskId, index);
        from = word.nextClaim();
        (amount, next) = _due(state, walk, from, index);
        if (next != from) state.owners[index] = word.withNextClaim(next);
    }

    /// @dev What the owner earned in the rounds from `from` on whose outcome is certain, and the first of the others.
    function _due(TaskState storage state, Walk memory walk, uint256 from, uint256 index)
        private
        view
        returns (uint256 amount, uint256 next)
    {
        for (next = from; next < walk.through; ++next) {
            RoundState storage current = state.roundStates[next];
            bool accepted = current.consumed[index >> 8] >> (index & 0xff) & 1 != 0;
            if (next >= walk.closed && (walk.levelled || !accepted)) break;
            if (accepted) amount += walk.levelled ? _byLevel(walk, current, index) : walk.base + walk.bonus;
        }
    }

    function _byLevel(Walk memory walk, RoundState storage current, uint256 index) private view returns (uint256) {
        uint256 level = Pay.levelAt(current.levelsOf[index >> 7], index & 0x7f);
        return Pay.share(walk.base, walk.bonus, current.owners, current.levels, level);
    }

    /// @dev At most two rounds are open: the last one, and the one before if it had a batch when the last was opened. But a
    /// model owner may open many after one another, so the first open one is searched.
    function _walk(MarketState storage market, TaskState storage state, uint256 through)
        private
        view
        returns (Walk memory walk)
    {
        uint256 opened = state.roundsOpened;
        walk.through = through < opened ? through : opened;
        walk.closed = walk.through;
        uint256 time = MarketClock.time(market.pauses);
        while (walk.closed > 0 && time <= state.roundStates[walk.closed - 1].settleDeadline) --walk.closed;
        (walk.levelled, walk.base, walk.bonus) = (state.step != 0, state.basePay, state.bonusPay);
    }

    function _requireExpired(MarketState storage market, TaskState storage state, uint256 taskId, uint256 through)
        private
        view
    {
        if (through == 0) revert IMarket.NothingToClaim(taskId, through);
        uint256 kept = state.roundStates[through - 1].settleDeadline + uint256(state.claimWindow);
        if (MarketClock.time(market.pauses) <= kept) revert IMarket.ClaimsNotExpired(taskId, through - 1);
    }

    function _requireWhole(bytes calldata indices) private pure {
        if (indices.length % 2 != 0) revert IMarket.IndicesInvalid(indices.length, indices.length / 2);
    }
}
