"""A model of what the market holds of batches' fees and to whom it credits them (`contracts/src/libraries/Fees.sol`).

Blobs are left out, and so are attestations of members that a batch was handed in without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.statement import Committee
from circuits.terms import MarketId, Pay
from commons.chain.facts import HeldFees, PostedSubmission
from commons.protocol.receipts import UNPOSTED, availability_digest, receipt_digest
from commons.protocol.signing import signs

Place = tuple[int, int]
"""Round, and number of the batch in it."""


@dataclass(frozen=True)
class FeeCall:
    """A transaction about a batch's fees.

    Attributes:
        kind: settle, refund or challenge.
        sender: of the transaction.
    """

    kind: str
    place: Place
    held: HeldFees
    sender: bytes
    receipts: tuple[tuple[int, bytes], ...] = ()
    posted: bytes = UNPOSTED
    payload: bytes = b""

    @property
    def hash(self) -> bytes:
        return keccak(repr(self).encode())


@dataclass(frozen=True)
class PostCall:
    """A transaction of an owner that posts its submission."""

    number: int
    posted: PostedSubmission

    @property
    def hash(self) -> bytes:
        return keccak(repr(self).encode())


@dataclass(frozen=True)
class ExcludeCall:
    """A transaction that excludes an owner.  ``digest``: what the receipts sign."""

    number: int
    index: int
    dealing: bytes
    digest: bytes
    receipts: tuple[tuple[int, bytes], ...]

    @property
    def hash(self) -> bytes:
        return keccak(repr(self).encode())


Call = FeeCall | PostCall | ExcludeCall


@dataclass
class FeeBook:
    """What is held, and what was credited.

    Attributes:
        deadlines: of submitting and of settling, by round, in market time.
        accepted: registration indices in accepted batches, by round.
        posted: those that posted a submission, and whether they are excluded for it, by round.
        excluded: registration indices of owners that lost their deposit.
        burnt: of payees' fees, for owners that were ignored.
    """

    pay: Pay
    window: int
    market: MarketId
    committee: Committee
    model_owner: bytes
    deadlines: Sequence[tuple[int, int]] = ()
    held: dict[Place, HeldFees] = field(default_factory=dict)
    owed: Counter[bytes] = field(default_factory=Counter)
    accepted: dict[int, set[int]] = field(default_factory=dict)
    posted: dict[int, dict[int, bool]] = field(default_factory=dict)
    excluded: set[int] = field(default_factory=set)
    refunded: int = 0
    burnt: int = 0

    def hold(self, place: Place, fees: HeldFees, indices: Iterable[int], time: int) -> None:
        """A batch of owners with these registration indices is accepted."""
        self.accepted.setdefault(place[0], set()).update(indices)
        self.held[place] = replace(fees, due=time + self.window)

    def of_prover(self, held: HeldFees) -> int:
        return self.pay.prover_batch + held.owners * self.pay.prover_gradient

    def of_coordinator(self, held: HeldFees) -> int:
        return self.pay.coordinator_batch + held.owners * self.pay.coordinator_gradient

    def apply(self, call: Call, time: int) -> None:
        """Carry a transaction out.  Raises ContractError with the contract's error.

        Args:
            time: of the market.
        """
        if isinstance(call, PostCall):
            self._post(call, time)
        elif isinstance(call, ExcludeCall):
            self._exclude(call)
        else:
            self._apply(call, time)

    def _post(self, call: PostCall, time: int) -> None:
        number, index = call.number, call.posted.header.owner_index
        if index in self.excluded:
            raise ContractError("it lost its deposit", "AlreadyExcluded")
        if time > self.deadlines[number][0]:
            raise ContractError("too late", "SubmitWindowOver")
        if index in self.accepted.get(number, set()):
            raise ContractError("it is in", "OwnerAlreadyAccepted")
        if index in self.posted.get(number, {}):
            raise ContractError("it has", "AlreadyPosted")
        self._quorum(tuple(sorted(call.posted.receipts.items())), receipt_digest(self.market, call.posted.submission))
        self.posted.setdefault(number, {})[index] = False

    def _exclude(self, call: ExcludeCall) -> None:
        waits = self.posted.get(call.number, {}).get(call.index) is False
        if call.index not in self.excluded:
            self._quorum(call.receipts, call.digest)
        elif not waits:
            raise ContractError("it was", "AlreadyExcluded")
        if waits:
            self.posted[call.number][call.index] = True
        self.excluded.add(call.index)

    def _apply(self, call: FeeCall, time: int) -> None:
        if call.kind == "challenge" and call.sender != self.model_owner:
            raise ContractError("a stranger", "NotModelOwner")
        if self.held.get(call.place) != call.held:
            raise ContractError("no such fees", "FeesUnknown")
        match call.kind:
            case "settle":
                self._settle(call, time)
            case "refund":
                self._refund(call.place, call.held, time)
            case _:
                self._challenge(call.place, call.held, time)

    def _settle(self, call: FeeCall, time: int) -> None:
        held = call.held
        if time > held.due:
            raise ContractError("too late", "AvailabilityOverdue")
        if call.payload and keccak(call.payload) != call.posted:
            raise ContractError("another payload", "NotPosted")
        if call.posted != UNPOSTED and not call.payload:
            raise ContractError("no blob", "NotPosted")
        if call.posted == UNPOSTED and not (held.challenge or held.paid) and time <= self._challenge_end(held):
            raise ContractError("too early", "ChallengeStillPossible")
        digest = availability_digest(self.market, held.batch_id, held.challenge, call.posted)
        paid = self._quorum(call.receipts, digest) & held.attesters & ~held.paid
        if not paid:
            raise ContractError("nobody to pay", "ProversPaid")
        due = held.due if held.paid else time + self.window
        if held.paid | paid == (1 << self.committee.size) - 1:
            due = 0
        self._pay(call.place, replace(held, paid=held.paid | paid, due=due), paid, time)

    def _quorum(self, receipts: tuple[tuple[int, bytes], ...], digest: bytes) -> int:
        if len(receipts) < self.committee.quorum:
            raise ContractError("too few", "TooFewAttestations")
        members = [member for member, _ in receipts]
        if members != sorted(set(members)):
            raise ContractError("out of order", "AttestationsNotAscending")
        if not all(signs(self.committee.members[member], digest, signature) for member, signature in receipts):
            raise ContractError("a stranger", "AttestationInvalid")
        return sum(1 << member for member in members)

    def _pay(self, place: Place, held: HeldFees, paid: int, time: int) -> None:
        """Credit members, and the payee if it is time; nothing is held any more when both are through."""
        for index, member in enumerate(self.committee.members):
            self.owed[member] += self.of_prover(held) * (paid >> index & 1)
        if not held.payee_paid and self._is_certain(place[0], held, time):
            held = replace(held, payee_paid=True)
            fee, accepted = self.of_coordinator(held), len(self.accepted[place[0]])
            credited = fee * accepted // (accepted + self.ignored(place[0]))
            self.owed[held.payee] += credited
            self.burnt += fee - credited
        if held.payee_paid and not held.due:
            del self.held[place]
        else:
            self.held[place] = held

    def ignored(self, number: int) -> int:
        """Owners that posted, and are neither accepted nor excluded for it."""
        posted = {index for index, excluded in self.posted.get(number, {}).items() if not excluded}
        return len(posted - self.accepted.get(number, set()))

    def _is_certain(self, number: int, held: HeldFees, time: int) -> bool:
        submit, settle = self.deadlines[number]
        return not self.of_coordinator(held) or time > (settle if self.ignored(number) else submit)

    def _refund(self, place: Place, held: HeldFees, time: int) -> None:
        if time <= held.due:
            raise ContractError("too early", "AvailabilityNotOverdue")
        if held.due:
            self.refunded += (self.committee.size - held.paid.bit_count()) * self.of_prover(held)
        elif not self._is_certain(place[0], held, time):
            raise ContractError("an owner may post", "RoundStillOpen")
        self._pay(place, replace(held, due=0), 0, time)

    def _challenge(self, place: Place, held: HeldFees, time: int) -> None:
        if held.challenge or held.paid or time > self._challenge_end(held):
            raise ContractError("too late", "ChallengeImpossible")
        self.held[place] = replace(held, challenge=time, due=time + self.window)

    def _challenge_end(self, held: HeldFees) -> int:
        return held.due - self.window // 2

    def of_round(self, number: int) -> Mapping[int, HeldFees]:
        """What is held for a round, by number of the batch."""
        return {index: fees for (at, index), fees in self.held.items() if at == number}
