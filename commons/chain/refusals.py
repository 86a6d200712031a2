"""What the contracts' custom errors mean, in words: the cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import Formatter
from typing import Any

from commons.chain.abicoding import selector
from commons.chain.datarefusals import DATA_SENTENCES
from commons.chain.modelrefusals import MODEL_SENTENCES
from commons.runtime.amounts import checksum, ether, utc
from commons.runtime.identifiers import shown

_STATEMENT = "; coordinator and provers made a batch of another release or task, so update them"
_OWN_CONTRACT = "; that is a fault of the contract, so tell whoever deployed it"
_MARKET_TIME = " (market time: what the guardian's pauses took comes on top)"
_TASKS = {
    "TermsInvalid": "the market takes no task with this {0:term}; correct it",
    "TaskUnknown": "the market has no task {0:id}; check the identifier and the market's address",
    "TaskExists": "this account has created task {0:id}, with these terms and this nonce, already; go on with it, "
    "or take another nonce",
    "AddressInvalid": "the zero address can be no owner, coordinator, recipient or model owner; correct the address",
    "NotModelOwner": "only the model owner of task {0:id} may do this, and {1:address} is another account; use the "
    "key file with which the task was created",
    "NotPendingOwner": "task {0:id} was not offered to {1:address}; have its model owner offer it",
    "NotModelOwnerOrCoordinator": "only the model owner and the coordinator of task {0:id} may do this, and "
    "{1:address} is another account; use the key file of one of them",
    "CoordinatorActive": "round {1} of task {0:id} is open and its coordinator may be at work, or a quorum has named "
    "the coordinator for it; name another when the round is over, or when it is the only one that is open and has no "
    "batch by half of its settle window",
    "FundsInvalid": "a task cannot be funded with {0:amount}: an amount is more than nothing, and all of a task's "
    "escrow stays below 2^128; choose another amount",
    "InsufficientEscrow": "the free escrow of the task is {1:amount}, and this takes {0:amount} of it (a round "
    "reserves pay and fees of all its seats): fund it first (gradroll task fund), or withdraw less",
}
_MONEY = {
    "TransferFailed": "{0:address} refused the payment of {1:amount}, or the token did; name another recipient",
    "SafeERC20FailedOperation": "the token {0:address} refused the transfer; see that the balance and the "
    "allowance for the contract suffice",
    "EtherMismatch": "{0} wei were sent along, and {1} wei are asked for; send exactly that",
    "AmountNotReceived": "the token {0:address} moved another amount than {1} of its units; use a token without "
    "fees on transfers",
    "InsufficientBalance": "the contract has {0} wei and needs {1}" + _OWN_CONTRACT,
    "GasTooLow": "too little gas is left to pay with, or to have a contract check a signature; send the transaction "
    "with more",
    "ReentrancyGuardReentrantCall": "the call came from inside another one of the same contract; send it on its own",
    "NothingOwed": "{1:address} has no credit in the token {0:address} (zeros: ether); nothing is left to collect",
}
_OWNERS = {
    "TaskOpen": "owners register themselves with task {0:id}, so nobody has to be admitted; let them submit",
    "NotAdmitted": "task {0:id} takes only owners that its model owner admits, and {1:address} is not among them; "
    "ask for that (gradroll task admit)",
    "AlreadyRegistered": "{1:address} is, or was, registered with task {0:id} already; go on without registering "
    "it, or use another key where it has left",
    "ConsentInvalid": "{0:address} did not sign that this account may register it for this task; have its key sign "
    "that",
    "TaskFull": "as many owners are registered with task {0:id} as it holds; wait until one leaves or lapses",
    "OwnerUnknown": "task {0:id} has no owner with the registration index {1}; check the index",
    "NotTheAccount": "only {2:address}, the account of owner {1} of task {0:id}, may do this, or what it signed; "
    "use its key file",
    "AlreadyLeaving": "owner {1} of task {0:id} leaves, or has left, already; nothing is left to do",
    "NotDormant": "owner {1} of task {0:id} cannot be made to leave: one of the last rounds is open, has no batch, "
    "no seat for it, its gradient or what it posted, or took no submission any more when it came; wait for more rounds",
    "ExitTooEarly": "owner {1} of task {0:id} cannot get its deposit back yet: it has to have announced that it "
    "leaves, its last round has to be over for as long as the terms say, and its pay has to be claimed; do so, or "
    "wait",
    "RosterCompact": "the owners of chunk {1} of task {0:id}'s roster are in code already; nothing is left to do",
    "CompactionFailed": "the copy of the roster could not be created; leave the owners in storage (gradroll task "
    "open --no-compact)",
}
_ROUNDS = {
    "CommitteeNotReady": "committee {0:id} takes no new rounds: a member has not joined yet, leaves, or has a key "
    "that was revoked; see who it is (gradroll committee show), and ask for it (gradroll prover join)",
    "RoundsExhausted": "all rounds of task {0:id} were opened; create another task",
    "SeatsInvalid": "a round cannot have {0} seats, the task holds {1} owners; ask for fewer",
    "TaskGraded": "task {0:id} grades gradients: its rounds are opened with a reference, and its batches have opened "
    "numbers; open and send them so",
    "TaskNotGraded": "task {0:id} does not grade gradients: its rounds are opened without a reference, and its batches "
    "have no opened numbers; open and send them so",
    "ReferencesInvalid": "a round has 1 to 16 copies of its reference, not {0}; deal another number of them",
    "PreviousRoundUnsettled": "round {1} of task {0:id} is still running; wait until a batch of it is accepted, or "
    "finalize it after its settle deadline (gradroll task finalize)",
    "RoundUnknown": "round {1} of task {0:id} was not opened; see which are (gradroll task status)",
    "RoundClosed": "round {1} of task {0:id} takes no batches any more, its settle deadline has passed; take part "
    "in the next round",
    "RoundStillOpen": "round {1} of task {0:id} takes batches until its settle deadline, and coordinators' fees wait "
    "for that where an owner was ignored; come back after it (gradroll task status shows when)",
    "RoundAlreadyFinalized": "round {1} of task {0:id} has ended already; nothing is left to do",
    "AcceptancePaused": "the market's guardian has paused the acceptance of batches; wait, deadlines move by as much",
    "NotGuardian": "only the market's guardian may do this, and {0:address} is another account; use the guardian's "
    "key file",
    "PauseTooSoon": "the next pause is possible at {0:utc}; wait until then",
    "NotPaused": "nothing is paused; nothing is left to do",
}
_BATCHES = {
    "TooFewOwners": "the batch has {0} owners, the task asks for {1} at least; wait for more submissions",
    "TooManyOwners": "with this batch the round has {0} owners and its reserve pays {1}; leave the others for the "
    "next round",
    "OwnerHasNoSeat": "the owner with the registration index {0} came when all seats of the round were taken, "
    "which those below {1} have; leave it out, it can take part in the next round",
    "IndicesInvalid": "there are {0} bytes of indices for {1} owners, two for each are needed" + _STATEMENT,
    "OwnersNotAscending": "the owner in slot {0} of the batch is out of order, or twice in it" + _STATEMENT,
    "SubmissionInvalid": "slot {0} of the batch (or what is posted) is not signed, for this round and its terms, by "
    "the owner with the registration index {1}; leave the submission out",
    "OwnerAlreadyAccepted": "the owner in slot {0} of the batch, with the registration index {1}, is in an "
    "accepted batch of this round already; leave it out",
    "OpeningUnknown": "the round was not opened with the model and the references of the digest {0:hex}" + _STATEMENT,
    "CopyUnknown": "the batch was graded against copy {0} of the reference, and the round has {1}" + _STATEMENT,
    "BatchUnknown": "round {1} of task {0:id} has no accepted batch {2}; wait for its acceptance",
    "PayloadNotInline": "aggregates of task {0:id} are served by its provers, not put on the chain; ask them "
    "(gradroll task read)",
    "PayloadLengthInvalid": "an aggregate of {0} bytes cannot be put on the chain, 1 to 16,384 can; read it from "
    "the provers",
}
_PAY = {
    "NothingToClaim": "the owners are owed nothing for rounds of task {0:id} before {1}, or not yet: a round in "
    "which they are in no batch has to be over first; come back then",
    "OrdersInvalid": "{0} orders came with {1} tips and {2} signatures; hand in one of each for every order",
    "NoOrderCarriedOut": "none of the orders was carried out, the last of them because {0:obstacle}; have the owners "
    "sign other ones",
    "OrderStale": "the owner was paid meanwhile, or the order was carried out; have it sign another one",
    "OrderExpired": "the order's deadline has passed; have the owner sign another one",
    "TipTooHigh": "a tip of {0} units is too high: the order allows {1}, and no more than the pay is there; ask "
    "for less",
    "ClaimsNotExpired": "pay for round {1} of task {0:id} is kept for its owners for longer; wait until the claim "
    "window has passed",
    "FeesUnknown": "the market holds no such fees for batch {2} of round {1} of task {0:id}; read them from its "
    "last event, unless they were settled",
    "AvailabilityOverdue": "availability of the sum had to be signed by {0:utc}" + _MARKET_TIME + "; have the fees "
    "refunded",
    "ProversPaid": "all members that signed the batch and its availability were paid before; nothing is left to do",
    "NotPosted": "neither the payload nor a blob of the transaction has the hash {0:hex}; send what the provers "
    "signed",
    "ChallengeStillPossible": "the model owner may still ask for the sum, and fees are due by {0:utc}" + _MARKET_TIME
    + "; settle them in the second half of that time",
    "AvailabilityNotOverdue": "provers may sign that they serve the sum until {0:utc}" + _MARKET_TIME + "; wait "
    "for that",
    "ChallengeImpossible": "the sum can be asked for once, in the first half of the time until {0:utc}"
    + _MARKET_TIME + "; it is too late",
}  # fmt: skip
_COMMITTEES = {
    "CommitteeShapeInvalid": "a committee cannot have the threshold t = {0} and {1} members: t is at least 1, and "
    "members are 2t + 1 to 32; choose others",
    "DelayInvalid": "a delay of {0} s is not possible, {1} to {2} s are; choose another",
    "BondTokenInvalid": "there is no ERC-20 at {0:address} to bond in; name one, or ether",
    "CommitteeExists": "this account has created committee {0:id}, with these terms and members, in this block "
    "already; go on with it, or take another nonce",
    "CommitteeUnknown": "the registry has no committee {0:id}; check the identifier and the market's address",
    "EpochUnknown": "committee {0:id} has had no epoch {1} yet; ask for the present one",
    "IndexInvalid": "committee {0:id} has no member {1}; check the index",
    "MemberInvalid": "{0:address} cannot be a member of the committee: it is listed twice, was a member before, or "
    "is the zero address; use another key",
    "NotAMember": "{1:address} is no member of committee {0:id}; use the prover's own key file, or another committee",
    "NotController": "only {1:address}, the member's controller, may do this, and {0:address} is another account; "
    "use the controller's key file",
    "ControllerFixed": "the member's controller was named before, it is {0:address}; name that one",
    "EndpointInvalid": "a prover's endpoint has 1 to 256 bytes, not {0}; correct prover.endpoint",
    "HpkeKeyInvalid": "a prover's sealing key is not zero; look at prover.keystore",
    "AlreadyJoined": "{0:address} has joined, and what it published is fixed since the committee was ready; change "
    "the endpoint alone, or rotate the key",
    "NotJoined": "the membership {0} has not joined yet; have its signer join (gradroll prover join)",
    "MembershipEnded": "the membership {0} has ended; come back as another member, which the others sign for",
    "KeyIsRevoked": "the key {0:address} was revoked, for good; rotate to another one",
    "PossessionUnproven": "{0:address} did not sign that it is to be the member's key; have it sign for this index "
    "and controller",
    "ChangePending": "a change of member {0} is waiting; apply it or call it off first",
    "NoChange": "no change of member {0} is waiting; nothing is left to do",
    "ChangeNotDue": "the change may be applied from {0:utc} on; wait until then",
    "ReplacementNotCancellable": "the others signed the change of member {0}; only they can call it off",
    "ReplacementExpired": "what the members signed was good until {0:utc}; have them sign again",
    "BondLocked": "the bond is free from {0:utc} on (1970: as soon as the member has retired); retire, or wait",
    "NoBond": "nothing is held for the membership {0} any more, its bond was paid back or slashed; nothing is "
    "left to do",
    "RecipientInvalid": "nothing is paid to the zero address, and a credit goes elsewhere only if its own account says "
    "so; name a recipient, or use that account's key file",
    "TooFewAttestations": "the batch has the signatures of {0} provers, the committee's quorum is {1}; wait until "
    "more of them can be reached",
    "AttestationsNotAscending": "the signature of prover {0} is out of order, or twice in the batch" + _STATEMENT,
    "AttestationInvalid": "the signature of prover {0} is not that of the committee's member for this batch, or "
    "its key was revoked; look at its key file and release",
}
_EVIDENCE = {
    "StepRepeatable": "an honest prover may answer step {0} anew, so two answers are no evidence; report steps 3 to 8, "
    "10, 11, 14 and 15 only",
    "NothingContradicted": "an honest prover may have signed this; leave it, it is no evidence of anything",
    "SignersDiffer": "{0:address} signed the one and {1:address} the other, or what was handed in is not what was "
    "signed; compare the two",
    "RoundsDiffer": "the two batches are of different rounds, or not of this market; hand in two of one round",
    "TermsDiffer": "terms of the hash {0:hex} were attested, those that came along have {1:hex}; hand in the task's",
    "ReporterIsCulprit": "{0:address} is the one that the report is about, and is not paid for it; somebody else may "
    "send it",
}
_EXCLUSIONS = {
    "NotInRound": "owner {2} of task {0:id} has no part in round {1}: it came too late, or has left; name another "
    "round",
    "AlreadyExcluded": "owner {1} of task {0:id} was excluded before, and posted nothing in this round that it counts "
    "for; nothing is left to do",
    "ExclusionTooLate": "the owner could be excluded until {0:utc}" + _MARKET_TIME + "; it keeps its deposit",
    "SubmitWindowOver": "submissions are posted in the submit window of round {1} of task {0:id}, which is over; "
    "submit to the next round",
    "AlreadyPosted": "owner {2} of task {0:id} has posted its submission in round {1}; nothing is left to do",
    "ShareDigestsInvalid": "the posting has {0} digests of shares, the committee has {1} provers; hand in one for each",
}
_VERIFIERS = {
    "OwnersOutOfRange": "the batch has {0} owners, the circuit proves 1 to {1}; make smaller batches",
    "ScalarNotCanonical": "the number {0} of the proof is not below the group's order" + _STATEMENT,
    "DimensionInvalid": "a model cannot have {0} coordinates, 1 to 2^28 can be proven; create a task of another "
    "dimension",
    "OpeningPointInDomain": "the proof was opened where its polynomials say nothing, which happens by chance; "
    "prove the batch again",
    "GradingMissing": "the verifier grades gradients, and the batch has no opened numbers" + _STATEMENT,
    "ValuesInvalid": "there are {0} bytes of opened numbers for {1} rows, the reference's among them; 8 for each owner "
    "are needed" + _STATEMENT,
    "ProofInvalid": "the proof does not hold for this round, its terms and its policy" + _STATEMENT,
    "PointInvalid": "a point of the proof or of the key is not on its curve" + _STATEMENT,
    "GasInsufficient": "too little gas is left for the arithmetic on points, so it is not known whether they are good; "
    "send the transaction with more",
    "KeyInvalid": "no proof would mean anything under this verifying key; get it again from whoever made the "
    "policy's keys (gradroll setup keys)",
    "KeyNotCanonical": "the verifying key is encoded in another way than the contracts do it; update this release, and "
    "create the verifier with it (gradroll verifier create)",
    "VerifierExists": "the verifier of this key is at {0:address} already; use it",
    "VerifierUnknown": "{0:address} is no verifier of the market's factory; name one that is (gradroll verifier "
    "create makes them)",
    "FamilyUnknown": "the factory has no policy family {0}; choose another",
    "FamilyCodeInvalid": "the code of policy family {0} has {1} bytes, 1 to 24,575 are possible" + _OWN_CONTRACT,
    "FailedDeployment": "the contract could not be created, perhaps for lack of gas; send the transaction with more",
    "Create2EmptyBytecode": "there is no code to create a contract from" + _OWN_CONTRACT,
    "InvalidShortString": "a text of the contract is damaged" + _OWN_CONTRACT,
    "SafeCastOverflowedUintDowncast": "the number {1} does not fit {0} bits" + _OWN_CONTRACT,
    "StringTooLong": "the text {0!r} is too long" + _OWN_CONTRACT,
}
_EVERYBODY = {
    "Error": "the contract refused and says: {0!r}",
    "Panic": "the contract failed with code {0:#x}; is it this release's contract?",
}
_SENTENCES = {
    **_TASKS, **_MONEY, **_OWNERS, **_ROUNDS, **_BATCHES, **_PAY, **_COMMITTEES, **_EVIDENCE, **_EXCLUSIONS,
    **_VERIFIERS, **MODEL_SENTENCES, **DATA_SENTENCES, **_EVERYBODY,
}  # fmt: skip
_TERMS = {
    "committeeId": "committee (where anybody is paid it has 3t + 1 members or more)",
    "verifier": "verifier (the market's factory has to have made it)",
    "coordinator": "coordinator (it must not be the zero address)",
    "dimension": "dimension (1 to 2^28 coordinates)",
    "fractionBits": "number of fraction bits (at most 62)",
    "bound": "norm bound (quantised and squared it is 1 to 2^62 - 1, and where gradients are graded at most 2^32 times "
    "dither)",
    "minOwners": "least number of owners (2 to the verifier's capacity, of which a reference takes one)",
    "capacity": "capacity (owners registered at a time: the least number of a batch to 65,535)",
    "rounds": "number of rounds (1 to 2^20 - 1)",
    "lapseRounds": "number of rounds after which owners lapse (at most 64)",
    "submitWindow": "submit window (the market's shortest to 3,650 days)",
    "settleWindow": "settle window (the market's shortest to 3,650 days)",
    "claimWindow": "claim window (180 to 3,650 days)",
    "exitDelay": "exit delay (the settle window to 3,650 days)",
    "availabilityWindow": "availability window (the market's shortest to 3,650 days)",
    "step": "step of the grades (1 to dither, which is at most 64; 0 where the verifier does not grade)",
    "dither": "dither of the grades (0 where the verifier does not grade)",
    "referenceData": "digest of the reference's data (0 where the verifier does not grade)",
    "sumKey": "key for sums (with one, sums are not published on the chain)",
    "token": "token (an ERC-20 with balances and allowances, or zero for ether)",
    "basePay": "base pay (in an open task it is 0: who registers several keys would have it several times)",
    "amounts": "pay and fees (for all seats of a round they stay below 2^128 units in all)",
}
"""The market's limits (`contracts/src/libraries/Terms.sol`)."""


_OBSTACLES = {
    selector("OrderStale()"): "its owner was paid meanwhile",
    selector("OrderExpired()"): "its deadline has passed",
    selector("NotTheAccount(uint256,uint256,address)"): "it is not signed by the owner's account",
    selector("AddressInvalid()"): "it names no recipient",
}


def _amount(units: int) -> str:
    """An amount of an unknown token: an error does not say which."""
    return f"{units} of its token's smallest units ({ether(units)} if that is ether)"


_FORMS: dict[str, Callable[[Any], str]] = {
    "amount": _amount, "id": shown, "utc": utc, "address": checksum, "hex": lambda value: f"0x{value.hex()}",
    "obstacle": lambda found: _OBSTACLES.get(bytes(found), f"of 0x{found.hex()}"),
    "term": lambda name: _TERMS.get(name, f"term {name!r}"),
}  # fmt: skip


class _InWords(Formatter):
    """Formats values as people read them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value in one of our forms, or in one that it knows itself."""
        form = _FORMS.get(format_spec)
        return form(value) if form else str(super().format_field(value, format_spec))


_IN_WORDS = _InWords()


def in_words(signature: str, values: Sequence[Any]) -> str | None:
    """Cause and cure of a custom error; None for one that is not the contracts'.

    Args:
        signature: the error's.
        values: its arguments, as the ABI gives them.
    """
    sentence = _SENTENCES.get(signature) or _SENTENCES.get(signature.split("(", 1)[0])
    return None if sentence is None else _IN_WORDS.vformat(sentence, values, {})
