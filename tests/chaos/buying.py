"""The model owner of a campaign: opens rounds, reads every sum and has it checked at once, takes back what is left."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from circuits.errors import ClosedError, GradrollError, NotReadyError
from circuits.terms import TaskTerms
from gradroll.model_owner.buyer import ModelOwner, RoundAggregate
from gradroll.session import Session
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import MODEL_OWNER
from tests.chaos.invariants_of_campaigns import Place, ReadSum, Violation, wrong_sums
from tests.chaos.places import DIMENSION, Market, quantized

_TURN = 1.0


@dataclass
class Buying:
    """All tasks, one after the other, in a thread of its own.

    Attributes:
        accused: told of each violation as soon as it is seen.
        sums: the last reading of each round.
        opens: set while rounds are opened.
    """

    market: Market
    seed: int
    chronicle: Chronicle
    accused: Callable[[Violation], object]
    sums: dict[Place, ReadSum] = field(default_factory=dict)
    opens: threading.Event = field(default_factory=threading.Event)
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _trouble: str = ""
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Open rounds from now on."""
        self.opens.set()
        self._thread = threading.Thread(target=self._run, name="buying", daemon=True)
        self._thread.start()

    def cease(self) -> None:
        """Open no round any more, and let one that is being opened be so."""
        self.opens.clear()
        with self._opening:
            pass

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(120)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self.market.session() as session:
                    self._play(session)
            except GradrollError as error:  # a session could not be opened: its node is in trouble
                self._note(error)
            except Exception as error:
                self.accused(Violation("crash", f"the model owner's SDK raised {type(error).__name__}: {error}"))
            self._over.wait(_TURN)

    def _play(self, session: Session) -> None:
        buyer = session.model_owner
        while not self._over.wait(_TURN):
            for task, act in itertools.product(self.market.tasks, (self._open, self._read)):
                try:
                    act(session, buyer, session.view.terms(task))
                except GradrollError as error:
                    self._note(error)

    def _note(self, error: GradrollError) -> None:
        said = f"{error.code}: {error}"
        if said != self._trouble and not isinstance(error, NotReadyError | ClosedError):
            self.chronicle.tell("trouble", MODEL_OWNER, said)
        self._trouble = said

    def _open(self, session: Session, buyer: ModelOwner, terms: TaskTerms) -> None:
        """The next round, as soon as the last one has a batch or is over; while none may be opened, only the latter."""
        view, task = session.view, terms.task_id
        number = view.task(task).rounds_opened
        last = view.round(task, number - 1) if number else None
        if last is not None and not last.batches and not last.finalized and view.now() > last.settle_deadline:
            buyer.finalize_round(task, number - 1)
            self.chronicle.tell("round-empty", hex(task), f"round {number - 1}")
        settled = last is None or last.finalized or (last.batches and view.now() > last.submit_deadline)
        with self._opening:
            if settled and self.opens.is_set():
                model = np.random.default_rng([self.seed, task, number]).normal(size=DIMENSION)
                self.chronicle.tell("round-opened", hex(task), f"round {buyer.open_round(task, model)}")

    def _read(self, session: Session, buyer: ModelOwner, terms: TaskTerms) -> None:
        """Rounds that have more batches than were read."""
        for number in range(session.view.task(terms.task_id).rounds_opened):
            known = self.sums.get((terms.task_id, number))
            have = len(known.owners) if known is not None else 0
            if have < self.market.owners and session.view.round(terms.task_id, number).owners > have:
                try:
                    self._check(session, terms, number, buyer.read_aggregate(terms.task_id, number))
                except GradrollError as error:
                    self._note(error)

    def _check(self, session: Session, terms: TaskTerms, number: int, read: RoundAggregate) -> None:
        indices = {session.view.owner_at(terms.task_id, i): i for i in range(self.market.owners)}
        place = terms.task_id, number
        found = ReadSum(place, tuple(indices.get(owner, -1) for owner in read.owners), read.quantized)
        gradients = {i: quantized(self.seed, i, terms, number).values for i in range(self.market.owners)}
        for violation in wrong_sums(found, gradients):
            self.accused(violation)
        self.sums[place] = found
        self.chronicle.tell("sum-read", hex(terms.task_id), f"round {number}, owners {sorted(found.owners)}")
