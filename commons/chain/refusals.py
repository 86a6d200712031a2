"""What the contracts' custom errors mean, in words: the cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter
from typing import Any

from commons.runtime.amounts import checksum, ether, utc

_STATEMENT = "; coordinator and provers made a batch of another release or task, so update them"
_SENTENCES = {
    # the market: tasks and their money
    "TermsInvalid": "the market takes no task with this {0:term}; correct it",
    "TaskUnknown": "the market has no task {0}; check the number and the market's address",
    "NotModelOwner": "only the model owner of task {0} may do this, and {1:address} is another account; use the key "
    "file with which the task was created",
    "FundsInvalid": "a task cannot be funded with {0:ether}: an amount is more than nothing, and all of a task's "
    "escrow stays below 2^128 wei; choose another amount",
    "InsufficientEscrow": "the free escrow of the task is {1:ether}, and this takes {0:ether} of it (a round reserves "
    "the pay of all owners that it admits): fund it first (gradroll task fund), or withdraw less",
    "TransferFailed": "{0:address} refused the payment of {1:ether}; a contract there has to accept ether",
    # the market: owners
    "TaskPermissioned": "task {0} takes only owners that its model owner admits; ask for that (gradroll task admit)",
    "TaskOpen": "owners register themselves with task {0}, so nobody has to be admitted; let them submit",
    "AlreadyRegistered": "{1:address} is registered with task {0} already; go on without registering it",
    "OwnerInvalid": "the zero address cannot be an owner; correct the list",
    "TaskFull": "task {0} has the 65,536 owners that a task can have; create another task",
    "OwnerUnknown": "task {0} has no owner with the registration index {1}; check the index",
    "RosterCompact": "the owners of chunk {1} of task {0}'s roster are in code already; nothing is left to do",
    "CompactionFailed": "the copy of the roster could not be created; leave the owners in storage (gradroll task open "
    "--no-compact)",
    # the market: rounds
    "CommitteeNotReady": "a member of committee {0} has not joined yet; see who is missing (gradroll committee show), "
    "and ask for it (gradroll prover join)",
    "RoundsExhausted": "all rounds of task {0} were opened; create another task",
    "PreviousRoundUnsettled": "round {1} of task {0} is still running; wait until a batch of it is accepted, or until "
    "its settle deadline has passed",
    "RoundUnknown": "round {1} of task {0} was not opened; see which are (gradroll task status)",
    "RoundClosed": "round {1} of task {0} took batches until {2:utc}, which has passed; take part in the next round",
    "RoundStillOpen": "round {1} of task {0} takes batches until {2:utc}; end it after that",
    "RoundAlreadyFinalized": "round {1} of task {0} has ended already; nothing is left to do",
    # the market: batches and pay
    "TooFewOwners": "the batch has {0} owners, the task asks for {1} at least; wait for more submissions",
    "TooManyOwners": "with this batch the round has {0} owners and its reserve pays {1}; leave the others for the next "
    "round",
    "IndicesInvalid": "the batch has {0} bytes of indices for {1} owners, it needs two for each" + _STATEMENT,
    "OwnersNotAscending": "the owner in slot {0} of the batch is out of order, or twice in it" + _STATEMENT,
    "SubmissionInvalid": "slot {0} of the batch is not signed, for this round and its terms, by the owner with the "
    "registration index {1}; leave the submission out",
    "OwnerAlreadyAccepted": "the owner in slot {0} of the batch, with the registration index {1}, is in an accepted "
    "batch of this round already; leave it out",
    "BatchUnknown": "round {1} of task {0} has no accepted batch {2}; wait for its acceptance",
    "PayloadNotInline": "aggregates of task {0} are served by its provers, not put on the chain; ask them (gradroll "
    "task read)",
    "PayloadLengthInvalid": "an aggregate of {0} bytes cannot be put on the chain, 1 to 16,384 can; read it from the "
    "provers",
    "OwnerNotAccepted": "no accepted batch of round {1} of task {0} has the owner with the registration index {2}, so "
    "it is owed nothing for it; claim for other rounds",
    "AlreadyClaimed": "the owner with the registration index {0} was paid for this round before; nothing is left to do",
    # the registry
    "CommitteeShapeInvalid": "a committee cannot have the threshold t = {0} and {1} members: t is at least 1, and "
    "members are 2t + 1 to 32; choose others",
    "MemberInvalid": "{0:address} cannot be a member of the committee: it is listed twice, or is the zero address; "
    "correct the list",
    "CommitteeUnknown": "the registry has no committee {0}; check the number and the market's address",
    "NotAMember": "{1:address} is no member of committee {0}; use the prover's own key file, or another number",
    "EndpointInvalid": "a prover's endpoint has 1 to 256 bytes and its key is not zero; correct prover.endpoint",
    "TooFewAttestations": "the batch has the signatures of {0} provers, the committee's quorum is {1}; wait until more "
    "of them can be reached",
    "AttestationsNotAscending": "the signature of prover {0} is out of order, or twice in the batch" + _STATEMENT,
    "AttestationInvalid": "the signature of prover {0} is not that of the committee's member for this batch; look at "
    "its key file and release",
    # the verifier
    "OwnersOutOfRange": "the batch has {0} owners, the circuit proves 1 to {1}; make smaller batches",
    "ScalarNotCanonical": "the number {0} of the proof is not below the group's order" + _STATEMENT,
    "DimensionInvalid": "a model cannot have {0} coordinates, 1 to 2^28 can be proven; create a task of "
    "another dimension",
    "OpeningPointInDomain": "the proof was opened where its polynomials say nothing, which happens by chance; prove "
    "the batch again",
    "ProofInvalid": "the proof does not hold for this round, its terms and its policy" + _STATEMENT,
    "PointInvalid": "a point of the proof or of the key is not on its curve" + _STATEMENT,
    "KeyInvalid": "no proof would mean anything under this verifying key; get it again from whoever made the policy's "
    "keys (gradroll setup keys)",
    # what every contract may say
    "Error": "the contract refused and says: {0!r}",
    "Panic": "the contract failed with code {0:#x}; is it this release's contract?",
}  # fmt: skip
_TERMS = {
    "committeeId": "committee (its number is below 2^64)",
    "verifier": "verifier (a contract has to be at its address)",
    "coordinator": "coordinator (it must not be the zero address)",
    "dimension": "dimension (1 to 2^28 coordinates)",
    "fractionBits": "number of fraction bits (at most 62)",
    "bound": "norm bound (quantised and squared it is 1 to 2^62 - 1)",
    "minOwners": "least number of owners (2 to the verifier's capacity)",
    "maxOwnersPerRound": "largest number of owners (the least number to 256)",
    "rounds": "number of rounds (at least 1)",
    "rewardPerGradient": "reward (times the largest number of owners it stays below 2^128 wei)",
    "submitWindow": "submit window (at least 1 second)",
    "settleWindow": "settle window (at least 1 second)",
}
"""The market's limits (`contracts/src/libraries/Terms.sol`)."""


class _InWords(Formatter):
    """Formats values as people read them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value in one of our forms, or in one that it knows itself."""
        match format_spec:
            case "ether":
                return ether(value)
            case "utc":
                return utc(value)
            case "address":
                return checksum(value)
            case "term":
                return _TERMS.get(value, f"term {value!r}")
        return str(super().format_field(value, format_spec))


_IN_WORDS = _InWords()


def in_words(name: str, values: Sequence[Any]) -> str | None:
    """Cause and cure of a custom error; None for one that is not the contracts'.

    Args:
        name: the error's name.
        values: its arguments, as the ABI gives them.
    """
    sentence = _SENTENCES.get(name)
    return None if sentence is None else _IN_WORDS.vformat(sentence, values, {})
