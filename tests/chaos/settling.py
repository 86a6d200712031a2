"""The end of a campaign, once nothing goes wrong any more: everything under way ends, and everybody is paid."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from circuits.errors import GradrollError
from circuits.terms import ETHER
from commons.chain.ignored import certain_after
from commons.chain.view import ChainView
from commons.runtime.identifiers import shown
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.data_owner.claims import claim_all
from gradroll.model_owner.roundfees import RoundFees
from gradroll.session import Session
from tests.chaos.buying import Buying
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import COORDINATOR
from tests.chaos.invariants_of_campaigns import Violation
from tests.chaos.places import SETTLE, SUBMIT, Market

PATIENCE = 420.0
"""Seconds for each stage of the end, beside the windows: far more than it takes; it ends a campaign that hangs."""


@dataclass
class Settling:
    """Attributes:
    done: whether every owner has ended.
    pair: what is missing of a pair of coordinators that is well.
    turn: what is done while something is waited for.
    withdrawn: wei that the model owner took back.
    """

    market: Market
    view: ChainView
    ask: Callable[..., Any]
    buying: Buying
    done: Callable[[], list[str]]
    turn: Callable[[], object]
    chronicle: Chronicle
    pair: Callable[[], list[str]] = list
    withdrawn: int = 0
    _stuck: list[Violation] = field(default_factory=list)

    def run(self) -> list[Violation]:
        """All stages; what did not end."""
        self._await("of two coordinators one leads and one stands by", self.pair)
        self._await("what was accepted for good is on the chain again", self._taken_back, SETTLE)
        self._await("owners have what they handed in ended, and are paid", self.done, SUBMIT + SETTLE)
        self._await("every sum is read", self._unread)
        self._await("the coordinator has no round under way", self._unfinished, SUBMIT + SETTLE)
        self._put_forward(4)  # a coordinator waits so long for provers that do not answer
        self._await("provers are paid", lambda: self._fees(lambda fees: fees.waiting))
        self._put_forward(0)
        self._await("payees are paid", lambda: self._fees(lambda fees: fees.payees))
        with self.market.session(chain__confirmations=1) as session:  # nothing is taken back any more
            self._repeatedly("owners are paid what waited for earlier rounds to end", lambda: self._claim(session))
            self._repeatedly("credits are collected", lambda: self._collect(session))
            self._repeatedly("escrow is taken back", lambda: self._withdraw(session))
        return self._stuck

    def _await(self, what: str, left: Callable[[], list[str]], more: float = 0.0) -> None:
        """Wait until nothing is left; what is, when the time is over, is stuck."""
        deadline, last = time.monotonic() + PATIENCE + more, ["nothing was seen"]
        while time.monotonic() < deadline:
            self.turn()
            try:
                last = left()
            except GradrollError as error:
                last = [f"{error.code}: {error}"]
            if not last:
                self.chronicle.tell("settled", "", what)
                return
            time.sleep(0.5)
        self._stuck.append(Violation("stuck", f"not so in {PATIENCE + more:.0f} s: {what}; left: {'; '.join(last)}"))
        self.chronicle.tell("stuck", "", self._stuck[-1].text)

    def _repeatedly(self, what: str, act: Callable[[], object]) -> None:
        def tried() -> list[str]:
            act()
            return []

        self._await(what, tried)

    def _rounds(self) -> Iterator[tuple[int, int]]:
        for task in self.market.tasks:
            for number in range(self.view.task(task).rounds_opened):
                yield task, number

    def _taken_back(self) -> list[str]:
        """Rounds of which more was read than the chain has."""
        return [
            f"round {place[1]} of task {shown(place[0])}"
            for place, each in list(self.buying.sums.items())
            if self.view.round(*place).owners < len(each.owners)
        ]

    def _unread(self) -> list[str]:
        read = {place: len(each.owners) for place, each in self.buying.sums.items()}
        return [
            f"round {number} of task {shown(task)}"
            for task, number in self._rounds()
            if self.view.round(task, number).owners > read.get((task, number), 0)
        ]

    def _unfinished(self) -> list[str]:
        """Rounds in which submissions wait, or batches that have no sum."""
        with CoordinatorClient(self.market.endpoint(COORDINATOR), timeout=10) as client:
            return [
                f"round {each.round} of task {shown(task)}: {each.pending} wait, {each.trouble or each.waits}"
                for task in self.market.tasks
                for each in client.task_status(task).rounds
                if each.pending or any(batch.payload_digest is None for batch in each.batches)
            ]

    def _fees(self, of: Callable[[RoundFees], int]) -> list[str]:
        found = []
        for task, number in self._rounds():
            left = of(RoundFees.of(self.view, self.view.terms(task), number))
            if left:
                found.append(f"{left} batches of round {number} of task {shown(task)}")
        return found

    def _put_forward(self, before_due: int) -> None:
        """To when fees can be settled and rounds finalised: nothing is under way any more that could come too late.

        Args:
            before_due: part of the availability window that is left of the last batch: one in so many; 0 for none.
        """
        ends = [self.view.now()]
        for task, number in self._rounds():
            window = self.view.terms(task).windows.availability
            ends += [certain_after(self.view, task, number), self.view.round(task, number).settle_deadline]
            for held in self.view.held_fees(task, number).values():
                ends.append(held.due - (window // before_due if before_due else 0))
        ahead = max(ends) + 2 - self.view.now()
        self.chronicle.tell("clock-put-forward", "chain", f"{ahead} s")
        self.ask("evm_increaseTime", ahead)
        self.ask("evm_mine")

    def _claim(self, session: Session) -> None:
        """Pay goes round by round: for one after a round without the owner, once that round is over."""
        for task in self.market.tasks:
            claim_all(session.writer(self.market.account_file), task, range(self.market.owners))

    def _collect(self, session: Session) -> None:
        writer = session.writer(self.market.account_file)
        for account in self.market.accounts().values():
            if self.view.owed(ETHER, account):
                writer.collect(ETHER, account)

    def _withdraw(self, session: Session) -> None:
        for task in self.market.tasks:
            session.escrow.finalize_overdue(task)
            free = self.view.task(task).balance
            if free:
                session.escrow.withdraw(task, free)
                self.withdrawn += free
