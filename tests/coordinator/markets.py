"""A market and a journal in memory, and connections to a network's real parties, for tests of one part at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from circuits.errors import StorageError, UnavailableError, UnknownError, catalogue
from commons.chain.facts import AcceptedBatch, RecordedBatch, RoundRecord
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.keypackages import KeyConfirmation, KeyPackage
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead
from commons.settings.values import Depth
from commons.sharing.sealedbodies import Chunks
from commons.storage.eventlog import Record
from coordinator.events import Event, from_record
from coordinator.machine import Completed
from provers.party.vouching import attest_availability
from tests.simulation.world.nodes import Account, NodeView
from tests.support.network import Fault, Network, network_with


@dataclass
class Market(NodeView):
    """A network's market as one node shows it.

    Attributes:
        asked: how often rounds and accepted batches were asked for.
        raises: by round, what the node's answer about it is instead.
    """

    asked: Counter[str] = field(default_factory=Counter)
    raises: dict[int, Exception] = field(default_factory=dict)

    def round(self, task_id: int, number: int) -> RoundRecord:
        self.asked["round"] += 1
        if number in self.raises:
            raise self.raises[number]
        return super().round(task_id, number)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        self.asked["accepted"] += 1
        return super().accepted(task_id, number)

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        self.asked["accepted_ids"] += 1
        return super().accepted_ids(task_id, number, last)

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        self.asked["recorded"] += 1
        if number in self.raises:
            raise self.raises[number]
        return super().recorded(task_id, number, batch_id, depth)

    def be_at(self, time: int) -> None:
        """Mine a block with this time."""
        self.chain.clock.now = float(time)
        self.chain.mine()
        assert self.now() == time, "blocks are some seconds apart"


def hand_in(market: NodeView, done: Completed, sender: bytes = bytes(19) + b"\x43") -> None:
    """Somebody relays a batch."""
    certificate = done.bundle.certificate
    Account(market, sender).accept_batch(done.statement, done.proof, certificate.attestations, certificate.payee)


class MemoryLog:
    """An event log that a test can look into.  Implements ``commons.storage.eventlog.EventLog``.

    Attributes:
        together: how many records were added at a time.
        full: it takes nothing more.
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.together: list[int] = []
        self.full = False

    def append(self, records: Sequence[Record]) -> None:
        if self.full:
            raise StorageError("the disk is full")
        self.records += map(dict, records)
        self.together.append(len(records))

    def compact(self, drops: Callable[[Record], bool], records: Sequence[Record]) -> None:
        kept = [record for record in self.records if not drops(record)]
        self.append(records)
        self.records = [*kept, *map(dict, records)]

    def read(self) -> Iterator[dict[str, Any]]:
        return iter(list(self.records))

    def close(self) -> None:
        pass

    def of(self, kind: type[Event]) -> list[Any]:
        """All events of a kind."""
        return [event for event in map(from_record, self.records) if isinstance(event, kind)]


@dataclass
class PartyLine:
    """A connection to one of a network's parties.  Implements ``coordinator.fleet.Connection``.

    Attributes:
        down: nobody answers.
        steps: what the party was asked to do.
        looks: how often it was asked for its status.
        kept: batches that it attested.
        false: what it serves in place of their bundles.
        says: what it signs in place of that it serves a sum.
    """

    network: Network
    market: NodeView
    prover: int
    down: bool = False
    faults: dict[int, Sequence[Fault]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    looks: int = 0
    kept: dict[bytes, AuditBundle] = field(default_factory=dict)
    false: AuditBundle | None = None
    says: AvailabilityReceipt | None = None

    @property
    def endpoint(self) -> str:
        return f"prover-{self.prover}:1"

    def close(self) -> None:
        pass

    def status(self, timeout: float | None = None, reference: bytes = b"") -> ProverStatus:
        self.looks += 1
        self._answer()
        return status_of(self.market, self.prover)

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        self.steps.append(request.step)
        self._answer()
        reply = self.network.answer(self.prover, request, self.faults)
        if isinstance(reply, Failure):
            raise catalogue()[reply.code](reply.message)
        return reply

    def deal_keys(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        raise AssertionError("the keys are there already")

    def accept_keys(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        raise AssertionError("the keys are there already")

    def confirm_keys(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        raise AssertionError("the keys are there already")

    def certificate(self, batch_id: bytes, timeout: float | None = None) -> Certificate:
        self._answer()
        if batch_id not in self.kept:
            raise UnknownError("it did not attest it")
        return self.kept[batch_id].certificate

    def audit_bundle(self, batch_id: bytes, dimension: int, timeout: float | None = None) -> AuditBundle:
        self._answer()
        return self.false or self.kept[batch_id]

    def availability(self, batch_id: bytes, payload: bytes = b"", timeout: float | None = None) -> AvailabilityReceipt:
        self._answer()
        memory = self.network.memories[self.prover]
        memory.challenges = {held.batch_id: held.challenge for held in self.market.chain.fees().held.values()}
        receipt = attest_availability(memory, memory.sign, self.kept[batch_id].certificate, payload)
        return self.says or receipt

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        raise AssertionError("owners hand their shares in themselves")

    def _answer(self) -> None:
        if self.down:
            raise UnavailableError("connection refused")


def status_of(market: NodeView, prover: int, *, keys_ready: bool = True) -> ProverStatus:
    """What a committee's honest member says of itself."""
    committee = market.chain.committee
    return ProverStatus(
        committee.members[prover], market.chain_id, market.market, committee.committee_id, prover, "1", keys_ready,
        submissions=0, stored_bytes=0, refusals={},
    )  # fmt: skip


PROVEN_OWNERS, MORE_OWNERS = 2, 6


@cache
def proven() -> tuple[Completed, Completed]:
    """Batches of the first two owners and of the next two of ``network_with(6)``: the same in every such network."""
    network = network_with(MORE_OWNERS)
    everybody = network.headers
    done = []
    for nth, first in enumerate((0, PROVEN_OWNERS)):
        network.headers = everybody[first : first + PROVEN_OWNERS]
        done.append(network.run(first_attempt=1 + nth).completed)
    return done[0], done[1]
