"""One prover without its server: what it keeps, what it does when asked, what it deletes."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from circuits.errors import ChainError, GradrollError, InvalidInputError, UnknownError
from circuits.statement import Committee, Membership, SubmissionHeader
from circuits.terms import DAY
from commons import VERSION
from commons.chain.ports import MarketReader
from commons.protocol.bundle import Certificate
from commons.protocol.keypackages import KeyConfirmation, KeyPackage
from commons.protocol.messages import Cohort, StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead, StepHead
from commons.runtime.amounts import checksum
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.runtime.pieces import Pieces
from commons.runtime.seldom import Seldom
from commons.settings.sections import ProverSettings
from commons.sharing.sealedbodies import SealedChunk
from commons.storage.evidencefiles import FOLDER, EvidenceFiles
from commons.storage.parameters import PublicParameters
from provers.finality import Finality
from provers.intake import ShareIntake
from provers.joining.keysetup import KeySetup
from provers.joining.keystore import Keystore
from provers.keyretirement import KeyRetirement
from provers.ledgerrows import RoundName
from provers.node_environment import NodeEnvironment
from provers.partials import Partials
from provers.party.vouching import attest_availability
from provers.retention import Retention
from provers.runner import Runner, Turns
from provers.seats import Seat, Seats, former_memberships, record_of, reference_of
from provers.stepgate import StepGate
from provers.store import Store
from provers.suspicions import Suspicions

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 7 * DAY
"""Of the market (`contracts/src/libraries/MarketClock.sol`)."""


class Prover:
    """A member of one committee.

    Args:
        membership: its place, see ``own_membership``.
        readers: the market through each configured node, this prover's own first.
    """

    def __init__(
        self,
        settings: ProverSettings,
        membership: Membership,
        keystore: Keystore,
        readers: Sequence[MarketReader],
        store: Store,
        parameters: PublicParameters,
        clock: Clock,
        others: Sequence[Keystore] = (),
    ) -> None:
        """Args:
        keystore: the member's present keys.
        others: the keys that it had before.
        """
        self._settings = settings
        self._clock = clock
        self._readers = tuple(readers)
        self.chain, self.store = readers[0], store
        self.membership = membership
        store.formers.remember(membership)
        self._parts = _Parts(
            Finality(readers, settings.confirmations),
            parameters,
            Turns(),
            Partials(store.per_owner),
            (keystore, *others),
        )
        self._setup_lock = threading.Lock()
        self.seats = Seats(self.chain, self._seat(membership, keystore), self._former())
        self._environment = environment = self.seats.present.environment
        self._gate = StepGate(self.seats.task_of, environment.own_coordinator, clock)
        self._suspicions = Suspicions(environment, store, EvidenceFiles(settings.state / FOLDER))
        self._retirement = KeyRetirement(readers, self.seats, others, store.formers, settings, clock)
        self._retention = Retention(readers, store, settings)
        self._seldom = Seldom(_log)
        self._undecided: Mapping[RoundName, int] = {}
        self._refusals: Counter[str] = Counter()

    def _seat(self, membership: Membership, keystore: Keystore) -> Seat:
        """What this prover is as a member of one list of members."""
        own, parts, committee = self._settings, self._parts, membership.committee
        environment = NodeEnvironment(
            self.chain, parts.finality, self.store, keystore, parts.parameters, self._clock,
            membership=membership, max_dimension=own.max_dimension, clock_skew=own.clock_skew,
            signers=lambda: frozenset(seat.keystore.address for seat in self.seats.all),
        )  # fmt: skip
        reference = reference_of(self.chain, committee)
        keystore.servings.begin(reference.digest, self.chain.market_id)
        setup = KeySetup(keystore, reference, committee, membership.index)
        intake = ShareIntake(
            self.chain, self.store, keystore, environment, membership,
            clock_skew=own.clock_skew, partials=parts.partials,
        )  # fmt: skip
        runner = Runner(membership, setup, self.store, environment, kept_replies=own.kept_replies, turns=parts.turns)
        return Seat(membership, reference.digest, keystore, environment, setup, intake, runner)

    def _former(self) -> list[Seat]:
        """Seats of rounds that were opened with other members, or other keys of this one."""

        def named(committee: Committee) -> bytes:
            return reference_of(self.chain, committee).digest

        found = former_memberships(self.store.formers, self.membership, self._parts.keystores, named)
        return [self._seat(former, keys) for former, keys in found]

    @property
    def address(self) -> bytes:
        """The prover's 20-byte signing address."""
        return self.seats.present.keystore.address

    def close(self) -> None:
        """Let go of the state directory."""
        self.seats.present.intake.close()
        self.store.close()

    def require_served(self, task_id: int) -> None:
        """Refuse a task that this prover cannot work for.  Raises as ``NodeEnvironment.require_served``."""
        self._environment.require_served(task_id)

    def take(self, head: ShareHead, chunks: Iterator[SealedChunk]) -> Generator[int]:
        """Take one share in, as ``ShareIntake.take``: it yields how many chunks are here."""
        return self.seats.of_round(head.header.task_id, head.header.round).intake.take(head, chunks)

    def receipt(self, header: SubmissionHeader) -> tuple[bytes, bytes]:
        """Submission and receipt of a share that is here.  Raises UnknownError."""
        return self.seats.of_round(header.task_id, header.round).intake.receipt(header)

    def cohort(self, session: bytes) -> Cohort:
        """The cohort that a session is about; bounds what is read for it.  Raises UnknownError."""
        return self.seats.cohort(session)

    def admit(self, head: StepHead) -> None:
        """Let a step in by its head alone, before anything else of it is read.  Raises as ``StepGate.admit``."""
        self._gate.admit(head)

    def run(self, request: StepRequest) -> StepReply:
        """Run one step.  When it raises, nothing has changed; when it returns, what it implies is on disk."""
        return self.seats.run(request)

    @property
    def steps(self) -> Pieces:
        """The step under way, if any."""
        return self._parts.turns.pieces

    @property
    def keys_ready(self) -> bool:
        """Whether the present members' shared keys are confirmed."""
        return self.seats.present.setup.ready

    def look_at(self, request: StepRequest) -> None:
        """Look for evidence in the certificate of a release, whatever was answered.  Never raises."""
        self._suspicions.shown(request.payload)

    def availability(self, batch_id: bytes, payload: bytes) -> AvailabilityReceipt:
        """This prover's word that a batch's sum is to be had.  Raises as ``attest_availability``; UnknownError."""
        certificate = Certificate.decode(self.store.certificate(batch_id))
        context = certificate.statement.context
        members = self.chain.committee_of_round(context.task_id, context.round).members
        own = next((keys for keys in self._parts.keystores if keys.address in members), self.seats.present.keystore)
        # Its word counts with the key of the round alone, also long after the seat of that time was left.
        return attest_availability(self._environment, own.sign, certificate, payload)

    def deal(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        """Deal the shared keys that this prover leads.

        A member whose key is revoked meanwhile is in rounds that were opened before, so it gets its keys all the same.

        Args:
            reference: digest that names the list of members; without, the present ones.

        Raises:
            UnknownError: not all members have joined, or they are others than when this prover was started.
        """
        with self._setup_lock:
            seat = self._asked(committee_id, reference)
            committee = seat.membership.committee  # most nodes: what is dealt to whoever one of them names stays dealt
            record, *others = (reader.most(partial(record_of, reader, committee)) for reader in self._readers)
            if record is None or any(shown is None for shown in others):
                raise UnknownError("the committee has other members than when this prover was started; start it anew")
            known = [shown.hpke_keys for shown in (record, *others) if shown is not None]
            if not all(any(key) for keys in known for key in keys):
                raise UnknownError("not every member of the committee has registered its key yet; try again then")
            if any(keys != record.hpke_keys for keys in known):
                raise ChainError("the two nodes show different keys of the committee's members; which one is right?")
            return tuple(seat.setup.deal(record.hpke_keys))

    def accept(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        """Take the other dealers' keys; ``reference`` as above."""
        with self._setup_lock:
            return self._asked(committee_id, reference).setup.accept(packages)

    def confirm(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        """Compare what all members hold; ``reference`` as above."""
        with self._setup_lock:
            self._asked(committee_id, reference).setup.confirm(confirmations)

    def _asked(self, committee_id: int, reference: bytes) -> Seat:
        if committee_id != self._settings.committee:
            own = shown(self._settings.committee)
            raise UnknownError(f"this prover belongs to committee {own}, not {shown(committee_id)}")
        seat = self.seats.of_reference(reference)
        if seat is None:
            raise UnknownError("the committee has other members than when this prover was started; start it anew")
        return seat

    def status(self, reference: bytes = b"") -> ProverStatus:
        """What this prover says of itself, as a member of the list that ``reference`` names.

        For members with whom it does not work, it says what it is now, and that it has no keys.
        """
        count, size = self.store.usage()
        found = self.seats.of_reference(reference)
        seat = found or self.seats.present
        return ProverStatus(
            seat.keystore.address, self.chain.chain_id, self.chain.market, self._settings.committee,
            seat.membership.index, VERSION, found is not None and seat.setup.ready, count, size, dict(self._refusals),
        )  # fmt: skip

    def refused(self, error: GradrollError) -> None:
        """Count a refused call."""
        self._refusals[error.code] += 1

    def tidy(self) -> None:
        """Delete the shares of settled rounds, and old results: what nobody needs any more cannot leak."""
        try:
            now = self._clock.time()  # not the node's word: a time far ahead would cost the shares of running rounds
            deleted = self.store.discard_settled(int(now), self._still_open(int(now)))
            self.seats.present.intake.tidy(now)
            self._retention.turn(int(now))
            self.retire(int(now))
        except Exception as error:  # whatever it was, it is tried again: this is what deletes shares
            reason = str(error) if isinstance(error, GradrollError) else type(error).__name__
            _log.warning("event=tidy-failed reason=%r", reason)
            return
        if deleted:
            _log.info("event=shares-deleted count=%d", deleted)

    def shares_overdue(self) -> float:
        """Seconds for which shares are kept beyond their round, as nodes are silent about it or differ; 0 for none."""
        due = self._undecided.values()
        return max(self._clock.time() - min(due), 0.0) if due else 0.0

    def retire(self, now: int) -> None:
        """Destroy keys with which nothing is opened any more; see ``KeyRetirement.turn``."""
        self._retirement.turn(now)

    def _still_open(self, now: int) -> frozenset[RoundName]:
        """Rounds whose shares are due by what one node said when they came in, and are not by what most say now.

        A pause of the market moves deadlines, and the one node may have lied.
        """
        due = self.store.due(now)
        over = {name: self._is_over(name, at, now) for name, at in due.items()}
        self._undecided = {name: at for name, at in due.items() if over[name] is None}
        return frozenset(name for name in due if not over[name])

    def _is_over(self, name: RoundName, due: int, now: int) -> bool | None:
        """Whether most nodes of each reader say that a round's shares are not needed any more; None if they do not say.

        Nobody else may decide it: what is deleted too early is lost to the round, so its operator is told instead.
        """
        try:
            return all(reader.most(partial(self._is_past, reader, name, due, now)) for reader in self._readers)
        except GradrollError as error:  # nodes that are silent, or differ, delete nothing
            self._seldom.say(
                logging.WARNING, name,
                "event=shares-kept task=%s round=%d reason=%r", shown(name[0]), name[1], str(error),
            )  # fmt: skip
            return None

    def _is_past(self, reader: MarketReader, name: RoundName, due: int, now: int) -> bool:
        """Whether a node shows a round's end; of one that it does not know, whether it would be after any pause.

        Both this machine's clock and the node's have to say so: either may be far ahead.
        """
        now = min(now, reader.now())
        try:
            return now > reader.round(*name).settle_deadline + self._settings.clock_skew
        except UnknownError:  # opened in blocks that were taken back
            return now > due + _LONGEST_PAUSE


@dataclass(frozen=True, slots=True)
class _Parts:
    """What all seats of a prover share, beside its store."""

    finality: Finality
    parameters: PublicParameters
    turns: Turns
    partials: Partials
    keystores: tuple[Keystore, ...]


def own_membership(readers: Sequence[MarketReader], committee_id: int, address: bytes) -> Membership:
    """The place of a signing address in its committee, as all nodes show it.

    Raises:
        ChainError: the nodes differ.
        InvalidInputError: the address is no member's.
    """
    _require_one_market(readers, committee_id)
    return membership(readers[0].committee(committee_id), address)


def membership(committee: Committee, address: bytes) -> Membership:
    """The place of a signing address in a committee.  Raises InvalidInputError when it is no member's."""
    if address not in committee.members:
        raise InvalidInputError(
            f"{checksum(address)} is no member of committee {shown(committee.committee_id)}; register a committee with "
            "it, or use the key of a member"
        )
    return Membership(committee, committee.members.index(address))


def _require_one_market(readers: Sequence[MarketReader], committee_id: int) -> None:
    """Nodes must agree on what this prover believes for good: the deployment, the committee and its public keys."""
    first = readers[0]
    if any((other.market_id, other.registry) != (first.market_id, first.registry) for other in readers):
        raise ChainError("the two nodes show different deployments of the market; which one is right?")
    own, *others = (reader.committee_record(committee_id) for reader in readers)
    if any(other.committee != own.committee for other in others):
        raise ChainError("the two nodes show different members of the committee; which one is right?")
    if any(other.ready and own.ready and other.hpke_keys != own.hpke_keys for other in others):
        raise ChainError("the two nodes show different keys of the committee's members; which one is right?")
