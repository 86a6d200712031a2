"""A committee of real parties in the place of a coordinator's connections, and a journal to record in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from circuits.statement import Committee
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.storage.blobs import Blobs
from commons.storage.eventlog import open_log
from commons.storage.evidencefiles import FOLDER, EvidenceFiles, Watch
from coordinator.accusations import Accusations
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.rounds import CoordinatorState
from tests.simulation.world.network import InOrder
from tests.support.network import Fault, Network


@dataclass
class NetworkFleet:
    """Asks a network's parties.

    Attributes:
        before: called with every step's requests before they are answered.
    """

    network: Network
    faults: Mapping[int, Sequence[Fault]] = field(default_factory=dict)
    down: set[int] = field(default_factory=set)
    before: Callable[[Mapping[int, StepRequest]], None] = lambda _: None

    @property
    def fleet(self) -> Fleet:
        return cast(Fleet, self)

    @property
    def committee(self) -> Committee:
        return self.network.committee

    @property
    def present(self) -> tuple[bytes, ...]:
        return self.network.committee.members

    def reachable(self) -> frozenset[int]:
        return frozenset(range(self.network.provers)) - self.down

    def ask(
        self,
        requests: Mapping[int, StepRequest],
        dimension: int,
        timeout: float,
        answered: Callable[[int], None] = lambda _: None,
    ) -> dict[int, StepReply | Failure]:
        self.before(requests)
        replies = {p: self.network.answer(p, request, self.faults) for p, request in requests.items()}
        for prover in replies:
            answered(prover)
        return replies

    def ask_one(self, prover: int, request: StepRequest, dimension: int, timeout: float) -> StepReply | Failure:
        return self.ask({prover: request}, dimension, timeout)[prover]


def journal_in(directory: Path) -> Journal:
    """The journal of a coordinator's state directory."""
    return Journal(open_log(f"sqlite://{directory}/events.sqlite"))


def state_of(journal: Journal) -> CoordinatorState:
    """What a journal's events add up to; nothing else runs in these tests."""
    with journal.reading() as state:
        return state


def blobs_in(directory: Path) -> Blobs:
    """Its stored bundles and aggregates."""
    return Blobs(directory / "results", max_bytes=1 << 30)


def accusations_in(journal: Journal) -> Accusations:
    """What asks provers to exclude owners; it asks at once."""
    return Accusations(journal, InOrder(), timeout=1.0, stopping=threading.Event())


def watch_in(directory: Path) -> Watch:
    """What notices provers that sign against themselves."""
    return Watch(EvidenceFiles(directory / FOLDER))
