// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {OwnerView, Permit} from "../types/Types.sol";
import {Lookup} from "./Lookup.sol";
import {MarketClock} from "./MarketClock.sol";
import {Money} from "./Money.sol";
import {OwnerWord} from "./OwnerWord.sol";
import {Roster} from "./Roster.sol";
import {TypedData} from "./TypedData.sol";

/// @title Data owners of a task: who may come, how they leave
/// @dev Linked into the market, whose storage and address it works with. See `IMarket` for what functions do.
library Enrolment {
    using Lookup for MarketState;
    using Lookup for TaskState;
    using OwnerWord for uint256;

    /// @dev Two bytes a slot name an owner in a batch.
    uint256 private constant MAX_INDICES = 1 << 16;

    function admit(MarketState storage market, uint256 taskId, address[] calldata signers) external {
        TaskState storage state = market.ownTask(taskId);
        if (!state.permissioned) revert IMarket.TaskOpen(taskId);
        for (uint256 i = 0; i < signers.length; ++i) {
            address signer = signers[i];
            if (signer == address(0)) revert IMarket.AddressInvalid();
            if (state.admitted[signer]) continue;
            state.admitted[signer] = true;
            emit IMarket.OwnerAdmitted(taskId, signer);
        }
    }

    /// @dev The signer's consent keeps others from registering its key with an account of theirs.
    function register(
        MarketState storage market,
        bytes32 deployment,
        uint256 taskId,
        address signer,
        bytes calldata consent,
        Permit calldata permit
    ) external returns (uint256 index) {
        TaskState storage state = market.task(taskId);
        if (signer == address(0)) revert IMarket.AddressInvalid();
        if (state.permissioned && !state.admitted[signer]) revert IMarket.NotAdmitted(taskId, signer);
        if (state.indexPlusOne[signer] != 0) revert IMarket.AlreadyRegistered(taskId, signer);
        bool otherAccount = signer != msg.sender;
        if (otherAccount) _requireConsent(deployment, taskId, state.termsHash, signer, consent);
        if (state.activeOwners == state.capacity) revert IMarket.TaskFull(taskId);
        index = state.owners.length < MAX_INDICES
            ? _append(market, state, signer, otherAccount)
            : _reuse(market, state, signer, otherAccount);
        state.indexPlusOne[signer] = index + 1;
        if (otherAccount) state.accounts[index] = msg.sender;
        ++state.activeOwners;
        emit IMarket.OwnerRegistered(taskId, signer, index, msg.sender);
        Money.pull(state.token, state.deposit, permit);
    }

    function setAccount(MarketState storage market, uint256 taskId, uint256 index, address account) external {
        TaskState storage state = market.task(taskId);
        uint256 word = state.owner(taskId, index);
        if (account == address(0)) revert IMarket.AddressInvalid();
        _requireAccount(state, taskId, index, word);
        state.owners[index] = word.withOtherAccount();
        state.accounts[index] = account;
        emit IMarket.AccountChanged(taskId, index, account);
    }

    function resign(MarketState storage market, uint256 taskId, uint256 index) external {
        TaskState storage state = market.task(taskId);
        uint256 word = state.owner(taskId, index);
        _requireAccount(state, taskId, index, word);
        startLeaving(market, state, taskId, index, word);
    }

    function lapse(MarketState storage market, uint256 taskId, uint256 index) external {
        TaskState storage state = market.task(taskId);
        uint256 word = state.owner(taskId, index);
        (uint256 end, uint256 span) = (state.roundsOpened, state.lapseRounds);
        if (span == 0 || end < word.joinedAt() + span) revert IMarket.NotDormant(taskId, index);
        if (!market.isClosed(state.roundStates[end - 1])) revert IMarket.NotDormant(taskId, index);
        for (uint256 number = end - span; number < end; ++number) {
            if (!_away(state, state.roundStates[number], index, word.cameAt())) {
                revert IMarket.NotDormant(taskId, index);
            }
        }
        startLeaving(market, state, taskId, index, word);
    }

    function exit(MarketState storage market, uint256 taskId, uint256 index) external {
        TaskState storage state = market.task(taskId);
        uint256 word = state.owner(taskId, index);
        if (!_mayExit(market, state, word)) revert IMarket.ExitTooEarly(taskId, index);
        state.owners[index] = word.withExited(state.freed);
        state.freed = uint24(index + 1);
        --state.activeOwners;
        uint256 returned = word.excluded() ? 0 : state.deposit;
        emit IMarket.OwnerExited(taskId, index, returned);
        address account = accountOf(state, index, word);
        Money.pushOrCredit(market, state.token, account, account, returned);
    }

    function compactRoster(MarketState storage market, uint256 taskId, uint256 chunk) external returns (uint256 count) {
        TaskState storage state = market.task(taskId);
        if (msg.sender != state.modelOwner && msg.sender != state.coordinator) {
            revert IMarket.NotModelOwnerOrCoordinator(taskId, msg.sender);
        }
        count = Roster.compact(state, chunk);
        if (count == 0) revert IMarket.RosterCompact(taskId, chunk);
        emit IMarket.RosterCompacted(taskId, chunk, count);
    }

    function describe(MarketState storage market, uint256 taskId, uint256 index)
        external
        view
        returns (OwnerView memory)
    {
        TaskState storage state = market.task(taskId);
        uint256 word = state.owner(taskId, index);
        bool leaving = word.leaving();
        return OwnerView({
            signer: word.signer(),
            account: accountOf(state, index, word),
            joinedAt: word.joinedAt(),
            nextClaim: word.nextClaim(),
            leaving: leaving,
            leavesAt: leaving ? word.leavesAt() : 0,
            freeAt: leaving && !word.exited() ? _freeAt(state, word) : 0,
            exited: word.exited(),
            excluded: word.excluded()
        });
    }

    /// @notice Who is paid for an owner.
    function accountOf(TaskState storage state, uint256 index, uint256 word) internal view returns (address) {
        return word.hasOtherAccount() ? state.accounts[index] : word.signer();
    }

    /// @notice Lets an owner leave.
    /// @dev Rounds that are open keep it: a batch with its gradient may be attested already. Provers take no gradient
    /// of its into rounds opened later.
    function startLeaving(
        MarketState storage market,
        TaskState storage state,
        uint256 taskId,
        uint256 index,
        uint256 word
    ) internal {
        if (word.leaving()) revert IMarket.AlreadyLeaving(taskId, index);
        uint256 leavesAt = state.roundsOpened;
        state.owners[index] = word.withLeavesAt(leavesAt, MarketClock.time(market.pauses));
        emit IMarket.OwnerLeaving(taskId, index, leavesAt);
    }

    function _append(MarketState storage market, TaskState storage state, address signer, bool otherAccount)
        private
        returns (uint256 index)
    {
        index = state.owners.length;
        state.owners
            .push(
                OwnerWord.fresh(
                    signer, _firstRound(market, state, index), MarketClock.time(market.pauses), otherAccount
                )
            );
    }

    /// @dev First round that an owner who comes now may be accepted in: one that is open and has a seat for it. Several may be
    /// open, and they close in the order in which they were opened. Its pay is looked for from there on, and rounds before
    /// make nobody lapse.
    function _firstRound(MarketState storage market, TaskState storage state, uint256 index)
        private
        view
        returns (uint256 number)
    {
        uint256 opened = state.roundsOpened;
        number = opened;
        while (number > 0 && !market.isClosed(state.roundStates[number - 1])) --number;
        while (number < opened && index >= state.roundStates[number].limit) ++number;
    }

    /// @dev Gives out the index that became free last. As at most 65,535 owners are registered, there is one. Of rounds that
    /// are open the bitmaps speak of who left, so the new owner takes part in the next one at the earliest. The chunk's copy
    /// has the signer that left: owners are read from storage until it is copied anew.
    function _reuse(MarketState storage market, TaskState storage state, address signer, bool otherAccount)
        private
        returns (uint256 index)
    {
        index = state.freed - 1;
        uint256 left = state.owners[index];
        state.freed = uint24(left.freedBefore());
        delete state.indexPlusOne[left.signer()];
        state.owners[index] = OwnerWord.fresh(signer, state.roundsOpened, MarketClock.time(market.pauses), otherAccount);
        Roster.forget(state, index);
    }

    /// @dev Whether an owner stayed away from a round that took others. It did not where a coordinator was away or ignored it,
    /// where there was no seat for it, and where the time to submit was over when it came.
    /// @param cameAt Market time at which it was registered.
    function _away(TaskState storage state, RoundState storage current, uint256 index, uint256 cameAt)
        private
        view
        returns (bool)
    {
        if (current.batches == 0 || index >= current.limit) return false;
        if (uint256(current.settleDeadline) - state.settleWindow <= cameAt) return false;
        uint256 word = index >> 8;
        return (current.consumed[word] | current.posted[word]) >> (index & 0xff) & 1 == 0;
    }

    function _requireConsent(
        bytes32 deployment,
        uint256 taskId,
        bytes32 termsHash,
        address signer,
        bytes calldata consent
    ) private view {
        bytes32 digest = TypedData.registration(TypedData.domainSeparator(deployment), taskId, termsHash, msg.sender);
        (address recovered,,) = ECDSA.tryRecoverCalldata(digest, consent);
        if (recovered != signer) revert IMarket.ConsentInvalid(signer);
    }

    function _requireAccount(TaskState storage state, uint256 taskId, uint256 index, uint256 word) private view {
        address account = accountOf(state, index, word);
        if (account != msg.sender) revert IMarket.NotTheAccount(taskId, index, account);
    }

    function _mayExit(MarketState storage market, TaskState storage state, uint256 word) private view returns (bool) {
        if (!word.leaving() || word.exited() || word.nextClaim() < word.leavesAt()) return false;
        return MarketClock.time(market.pauses) > _freeAt(state, word);
    }

    /// @dev The delay counts from the announcement at the earliest, also where the owner had no part in any round: otherwise one
    /// deposit would buy registrations without end, one after the other.
    function _freeAt(TaskState storage state, uint256 word) private view returns (uint256) {
        (uint256 leavesAt, uint256 last) = (word.leavesAt(), word.leftAt());
        if (leavesAt > 0) {
            uint256 settled = state.roundStates[leavesAt - 1].settleDeadline;
            if (settled > last) last = settled;
        }
        return last + state.exitDelay;
    }
}
