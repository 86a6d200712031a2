"""One prover without its server: what it keeps, what it does when asked, what it deletes."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from functools import partial

from circuits.errors import ChainError, GradrollError, InvalidInputError, UnknownError
from circuits.statement import Committee, Membership, SubmissionHeader
from circuits.terms import DAY
from commons import VERSION
from commons.chain.ports import MarketReader
from commons.protocol.bundle import Certificate
from commons.protocol.keypackages import CommitteeReference, KeyConfirmation, KeyPackage
from commons.protocol.messages import StepReply, StepRequest
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
from provers.ledgerrows import RoundName
from provers.node_environment import NodeEnvironment
from provers.party.vouching import attest_availability
from provers.retention import Retention
from provers.runner import Runner
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
    ) -> None:
        self._settings = settings
        self._keystore = keystore
        self._clock = clock
        self._readers = tuple(readers)
        self.chain, self.store = readers[0], store
        self.membership = membership
        store.formers.remember(membership)
        self._environment = environment = NodeEnvironment(
            self.chain, Finality(readers, settings.confirmations), store, keystore, parameters, clock,
            membership=membership, max_dimension=settings.max_dimension,
            clock_skew=settings.clock_skew,
        )  # fmt: skip
        committee = self.membership.committee
        reference = CommitteeReference(self.chain.chain_id, self.chain.registry, committee)
        self._setup = KeySetup(keystore, reference, committee, self.membership.index)
        self._setup_lock = threading.Lock()
        self._intake = ShareIntake(
            self.chain, store, keystore, environment, self.membership, clock_skew=settings.clock_skew
        )
        self._runner = Runner(self.membership, self._setup, store, environment, kept_replies=settings.kept_replies)
        self._gate = StepGate(self._runner.task_of, self._environment.own_coordinator, clock)
        self._suspicions = Suspicions(environment, store, EvidenceFiles(settings.state / FOLDER))
        self._retention = Retention(readers, store, settings)
        self._seldom = Seldom(_log)
        self._refusals: Counter[str] = Counter()

    @property
    def address(self) -> bytes:
        """The prover's 20-byte signing address."""
        return self._keystore.address

    def close(self) -> None:
        """Let go of the state directory."""
        self._intake.close()
        self.store.close()

    def require_served(self, task_id: int) -> None:
        """Refuse a task that this prover cannot work for.  Raises as ``NodeEnvironment.require_served``."""
        self._environment.require_served(task_id)

    def take(self, head: ShareHead, chunks: Iterator[SealedChunk]) -> Generator[int]:
        """Take one share in, as ``ShareIntake.take``: it yields how many chunks are here."""
        return self._intake.take(head, chunks)

    def receipt(self, header: SubmissionHeader) -> tuple[bytes, bytes]:
        """Submission and receipt of a share that is here.  Raises UnknownError."""
        return self._intake.receipt(header)

    def dimension(self, session: bytes) -> int:
        """Coordinates of the model of an attempt; bounds what is read for it.  Raises UnknownError."""
        return self._runner.dimension(session)

    def admit(self, head: StepHead) -> None:
        """Let a step in by its head alone, before anything else of it is read.  Raises as ``StepGate.admit``."""
        self._gate.admit(head)

    def run(self, request: StepRequest) -> StepReply:
        """Run one step.  When it raises, nothing has changed; when it returns, what it implies is on disk."""
        return self._runner.run(request)

    @property
    def steps(self) -> Pieces:
        """The step under way, if any."""
        return self._runner.pieces

    @property
    def keys_ready(self) -> bool:
        """Whether the committee's shared keys are confirmed."""
        return self._setup.ready

    def look_at(self, request: StepRequest) -> None:
        """Look for evidence in the certificate of a release, whatever was answered.  Never raises."""
        self._suspicions.shown(request.payload)

    def availability(self, batch_id: bytes, payload: bytes) -> AvailabilityReceipt:
        """This prover's word that a batch's sum is to be had.  Raises as ``attest_availability``; UnknownError."""
        certificate = Certificate.decode(self.store.certificate(batch_id))
        return attest_availability(self._environment, certificate, payload)

    def deal(self, committee_id: int) -> tuple[KeyPackage, ...]:
        """Deal the shared keys that this prover leads.

        A member whose key is revoked meanwhile is in rounds that were opened before, so it gets its keys all the same.

        Raises:
            UnknownError: not all members have joined, or they are others than when this prover was started.
        """
        with self._setup_lock:
            self._own_committee(committee_id)
            record, *others = (reader.committee_record(committee_id) for reader in self._readers)
            if any(shown.committee != self.membership.committee for shown in (record, *others)):
                raise UnknownError("the committee has other members than when this prover was started; start it anew")
            if not all(any(key) for shown in (record, *others) for key in shown.hpke_keys):
                raise UnknownError("not every member of the committee has registered its key yet; try again then")
            if any(other.hpke_keys != record.hpke_keys for other in others):
                raise ChainError("the two nodes show different keys of the committee's members; which one is right?")
            return tuple(self._setup.deal(record.hpke_keys))

    def accept(self, committee_id: int, packages: Sequence[KeyPackage]) -> KeyConfirmation:
        """Take the other dealers' keys."""
        with self._setup_lock:
            self._own_committee(committee_id)
            return self._setup.accept(packages)

    def confirm(self, committee_id: int, confirmations: Sequence[KeyConfirmation]) -> None:
        """Compare what all members hold."""
        with self._setup_lock:
            self._own_committee(committee_id)
            self._setup.confirm(confirmations)

    def status(self) -> ProverStatus:
        """What this prover says of itself."""
        count, size = self.store.usage()
        return ProverStatus(
            self.address, self.chain.chain_id, self.chain.market, self._settings.committee, self.membership.index,
            VERSION, self._setup.ready, count, size, dict(self._refusals),
        )  # fmt: skip

    def refused(self, error: GradrollError) -> None:
        """Count a refused call."""
        self._refusals[error.code] += 1

    def tidy(self) -> None:
        """Delete the shares of settled rounds, and old results: what nobody needs any more cannot leak."""
        try:
            now = self._clock.time()  # not the node's word: a time far ahead would cost the shares of running rounds
            deleted = self.store.discard_settled(int(now), self._still_open(int(now)))
            self._intake.tidy(now)
            self._retention.turn(int(now))
        except Exception as error:  # whatever it was, it is tried again: this is what deletes shares
            reason = str(error) if isinstance(error, GradrollError) else type(error).__name__
            _log.warning("event=tidy-failed reason=%r", reason)
            return
        if deleted:
            _log.info("event=shares-deleted count=%d", deleted)

    def _still_open(self, now: int) -> frozenset[RoundName]:
        """Rounds whose shares are due by what one node said when they came in, and are not by what most say now.

        A pause of the market moves deadlines, and the one node may have lied.
        """
        return frozenset(name for name, due in self.store.due(now).items() if not self._is_over(name, due, now))

    def _is_over(self, name: RoundName, due: int, now: int) -> bool:
        """Whether most nodes of each reader say that a round's shares are not needed any more."""
        try:
            return all(reader.most(partial(self._is_past, reader, name, due, now)) for reader in self._readers)
        except GradrollError as error:  # nodes that are silent, or differ, delete nothing
            self._seldom.say(
                logging.WARNING, name,
                "event=shares-kept task=%s round=%d reason=%r", shown(name[0]), name[1], str(error),
            )  # fmt: skip
            return False

    def _is_past(self, reader: MarketReader, name: RoundName, due: int, now: int) -> bool:
        """Whether a node shows a round's end; of one that it does not know, whether it would be after any pause.

        By the chain's time as well as by this machine's: a clock that is ahead would cost the shares of running rounds.
        """
        now = min(now, reader.now())
        try:
            return now > reader.round(*name).settle_deadline + self._settings.clock_skew
        except UnknownError:  # opened in blocks that were taken back
            return now > due + _LONGEST_PAUSE

    def _own_committee(self, committee_id: int) -> None:
        if committee_id != self._settings.committee:
            own = shown(self._settings.committee)
            raise UnknownError(f"this prover belongs to committee {own}, not {shown(committee_id)}")


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
