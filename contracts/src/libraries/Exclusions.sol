// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitteeRegistry} from "../interfaces/ICommitteeRegistry.sol";
import {IExclusions} from "../interfaces/IExclusions.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {MarketState, RoundState, TaskState} from "../types/State.sol";
import {Attestation, Posting} from "../types/Types.sol";
import {Enrolment} from "./Enrolment.sol";
import {Forfeit} from "./Forfeit.sol";
import {Lookup} from "./Lookup.sol";
import {MarketClock} from "./MarketClock.sol";
import {Money} from "./Money.sol";
import {OwnerWord} from "./OwnerWord.sol";
import {Postings} from "./Postings.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title Owners that are left out: for a reason, or without one
/// @notice A quorum, with an honest majority in it, says of an owner's dealing that it is bad: that costs the owner its
/// deposit. An owner that is left out without such a word shows on the chain that a quorum holds its shares: that costs
/// whoever coordinates (`Fees`). One thing answers the other: who posts a bad dealing is excluded, and costs the
/// coordinator nothing.
/// @dev Linked into the market, whose storage and address it works with. See `IMarket` for what functions do. Money is
/// credited and not sent, so nobody is called but the registry.
library Exclusions {
    using Lookup for MarketState;
    using Lookup for TaskState;
    using OwnerWord for uint256;
    using Postings for RoundState;

    /// @dev Which owner, in which task and round.
    struct Seat {
        uint256 taskId;
        uint256 number;
        uint256 index;
    }

    function exclude(
        MarketState storage market,
        ICommitteeRegistry registry,
        bytes32 deployment,
        Seat memory seat,
        bytes32 dealing,
        Attestation[] calldata receipts
    ) external {
        TaskState storage state = market.task(seat.taskId);
        RoundState storage current = state.round(seat.taskId, seat.number);
        uint256 word = _seated(state, current, seat);
        bool posted = current.clear(seat.index);
        if (word.excluded()) return _forget(seat, posted);
        _requireInTime(market, state, current);
        bytes32 digest = TypedData.exclusion(
            TypedData.domainSeparator(deployment), seat.taskId, state.termsHash, seat.number, word.signer(), dealing
        );
        registry.requireQuorum(current.committeeId, current.epoch, digest, receipts);
        emit IExclusions.OwnerExcluded(seat.taskId, seat.number, seat.index, dealing, state.deposit);
        bool party = msg.sender == state.modelOwner || _isOwner(state, seat.index, word)
            || _signed(registry, current, digest, receipts);
        if (word.leaving()) state.owners[seat.index] = word.withExcluded();
        else Enrolment.startLeaving(market, state, seat.taskId, seat.index, word.withExcluded());
        _forfeit(market, state, current, party ? address(0) : msg.sender);
    }

    function post(
        MarketState storage market,
        ICommitteeRegistry registry,
        bytes32 deployment,
        Seat memory seat,
        Posting calldata posting
    ) external {
        TaskState storage state = market.task(seat.taskId);
        RoundState storage current = state.round(seat.taskId, seat.number);
        uint256 word = _seated(state, current, seat);
        if (!_isOwner(state, seat.index, word)) {
            revert IMarket.NotTheAccount(seat.taskId, seat.index, Enrolment.accountOf(state, seat.index, word));
        }
        _requirePostable(market, state, current, seat, word);
        bytes32 domain = TypedData.domainSeparator(deployment);
        bytes32 dealing = _requireDealt(state, current, domain, seat, word.signer(), posting);
        registry.requireQuorum(current.committeeId, current.epoch, TypedData.receipt(domain, dealing), posting.receipts);
        emit IExclusions.SubmissionPosted(seat.taskId, seat.number, seat.index, dealing, posting);
    }

    /// @dev An owner that is excluded counts as ignored in no round: nobody is to take it any more, and nobody could have it
    /// excluded for a round in which it dealt well.
    /// @param posted Whether it posted in the round.
    function _forget(Seat memory seat, bool posted) private {
        if (!posted) revert IExclusions.AlreadyExcluded(seat.taskId, seat.index);
        emit IExclusions.OwnerExcluded(seat.taskId, seat.number, seat.index, 0, 0);
    }

    /// @dev Deposits are held so long after a round and no longer: nobody takes one with keys of provers that left long
    /// ago.
    function _requireInTime(MarketState storage market, TaskState storage state, RoundState storage current)
        private
        view
    {
        uint256 last = uint256(current.settleDeadline) + state.exitDelay;
        if (MarketClock.time(market.pauses) > last) revert IExclusions.ExclusionTooLate(last);
    }

    /// @dev Whether the caller is the owner, by its signer or its account.
    function _isOwner(TaskState storage state, uint256 index, uint256 word) private view returns (bool) {
        return msg.sender == word.signer() || msg.sender == Enrolment.accountOf(state, index, word);
    }

    /// @dev The word of an owner that has a part in the round.
    function _seated(TaskState storage state, RoundState storage current, Seat memory seat)
        private
        view
        returns (uint256 word)
    {
        word = state.owner(seat.taskId, seat.index);
        bool late = seat.index >= current.limit || seat.number < word.joinedAt();
        if (late || (word.leaving() && seat.number >= word.leavesAt())) {
            revert IExclusions.NotInRound(seat.taskId, seat.number, seat.index);
        }
    }

    function _requirePostable(
        MarketState storage market,
        TaskState storage state,
        RoundState storage current,
        Seat memory seat,
        uint256 word
    ) private {
        (uint256 taskId, uint256 number, uint256 index) = (seat.taskId, seat.number, seat.index);
        if (word.excluded()) revert IExclusions.AlreadyExcluded(taskId, index);
        if (MarketClock.time(market.pauses) > uint256(current.settleDeadline) - state.settleWindow) {
            revert IExclusions.SubmitWindowOver(taskId, number);
        }
        if (current.consumed[index >> 8] >> (index & 0xff) & 1 != 0) revert IMarket.OwnerAlreadyAccepted(0, index);
        if (!current.mark(index)) revert IExclusions.AlreadyPosted(taskId, number, index);
    }

    /// @dev Without the owner's signatures, or the digests, no coordinator could take what is posted. That the shares
    /// fit them is in the receipts: provers check before they sign.
    function _requireDealt(
        TaskState storage state,
        RoundState storage current,
        bytes32 domain,
        Seat memory seat,
        address signer,
        Posting calldata posting
    ) private view returns (bytes32 dealing) {
        if (posting.shareDigests.length != state.provers) {
            revert IExclusions.ShareDigestsInvalid(posting.shareDigests.length, state.provers);
        }
        TypedData.SubmissionFields memory fields = TypedData.SubmissionFields({
            taskId: seat.taskId,
            termsHash: state.termsHash,
            round: seat.number,
            modelDigest: current.modelDigest,
            commitmentX: posting.entry.cx,
            commitmentY: posting.entry.cy
        });
        bytes32 submission;
        (submission, dealing) =
            TypedData.submission(domain, fields, signer, keccak256(abi.encodePacked(posting.shareDigests)));
        bool signed = Signatures.recover(submission, posting.entry.r, posting.entry.vs) == signer
            && Signatures.recover(dealing, posting.r, posting.vs) == signer;
        if (!signed) revert IMarket.SubmissionInvalid(0, seat.index);
    }

    /// @dev Whether the caller is one of those who signed, or its controller: nobody earns by its own word, not even an
    /// owner by reporting itself. Another name gets around it; therefore half is burnt at least.
    function _signed(
        ICommitteeRegistry registry,
        RoundState storage current,
        bytes32 digest,
        Attestation[] calldata receipts
    ) private view returns (bool) {
        for (uint256 i = 0; i < receipts.length; ++i) {
            Attestation calldata receipt = receipts[i];
            if (msg.sender == Signatures.recover(digest, receipt.r, receipt.vs)) return true;
            if (msg.sender == registry.controllerAt(current.committeeId, current.epoch, receipt.member)) return true;
        }
        return false;
    }

    /// @dev Once a round is closed its coordinator may be another one, whose work the dealing did not cost. The model owner
    /// gets nothing, and could name itself.
    /// @param reporter Zero if the caller is paid nothing.
    function _forfeit(MarketState storage market, TaskState storage state, RoundState storage current, address reporter)
        private
    {
        (address token, address harmed) = (state.token, state.coordinator);
        if (harmed == state.modelOwner || market.isClosed(current)) harmed = address(0);
        (uint256 reward, uint256 redress, uint256 burnt) = Forfeit.divide(state.deposit, reporter, harmed);
        Money.credit(market, token, reporter, reward);
        Money.credit(market, token, harmed, redress);
        Money.credit(market, token, Forfeit.NOBODY, burnt);
    }
}
