"""Which rounds that were opened with a former list of members still need its keys.

Anybody may have made the tasks, as many as they like, with windows of years, and may open a round just before members
change.  So what is over is looked at once, what is not bounds the work of a look, and a round that was opened too many
days ago keeps no keys.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from circuits.errors import UnknownError
from circuits.statement import Committee
from circuits.terms import DAY
from commons.chain.facts import RoundRecord
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.runtime.seldom import Seldom
from commons.settings.sections import ProverSettings

_SECONDS = 20.0
"""Most of one look: the thread of it also deletes shares."""
_log = logging.getLogger(__name__)


class Answer(Enum):
    """What a look at former rounds comes to."""

    OVER = "over"
    NEEDED = "needed"
    UNFINISHED = "unfinished"
    """So far all is over; the next look goes on."""


class _Kind(Enum):
    END, OVER, GIVEN_UP, NEEDED = range(4)


_LINES = {
    _Kind.NEEDED: "event=former-keys-kept task=%s round=%d",
    _Kind.GIVEN_UP: "event=former-keys-given-up task=%s round=%d setting=prover.former_keys_days",
}


@dataclass(frozen=True, slots=True)
class _Word:
    """What a node says of a task: no such task (END), or whether a round of it needs the keys."""

    kind: _Kind
    task_id: int = 0
    round: int = 0


class FormerRounds:
    """All tasks, in the order of creation, looked through for rounds of one former list of members.

    Once the change of members is final, no round is opened with the former ones any more: what is over stays so, and
    tasks that are made later do not count.

    Args:
        readers: the market through each node, all of which must say so.
    """

    def __init__(
        self, former: Committee, readers: Sequence[MarketReader], settings: ProverSettings, clock: Clock
    ) -> None:
        self._former, self._readers = former, tuple(readers)
        self._settings, self._clock = settings, clock
        self._position = 0
        self._seldom = Seldom(_log, clock.monotonic)

    def look(self, now: int) -> Answer:
        """Go on looking, for some seconds at most.

        Args:
            now: this machine's time, seconds since 1970.

        Raises:
            GradrollError: nodes are silent, or differ.
        """
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < _SECONDS:
            words = {reader.most(partial(self._word, reader, now)) for reader in self._readers}
            word = words.pop()
            if words or word is None:  # the clocks of two readers differ, say: the next look tells
                return Answer.NEEDED
            self._tell(word)
            if word.kind is _Kind.NEEDED:
                return Answer.NEEDED
            if word.kind is _Kind.END:
                return Answer.OVER
            self._position += 1
        return Answer.UNFINISHED

    def _tell(self, word: _Word) -> None:
        if line := _LINES.get(word.kind):
            self._seldom.say(logging.WARNING, word.kind, line, shown(word.task_id), word.round)

    def _word(self, reader: MarketReader, now: int) -> _Word:
        """What a node shows of the next task, by its chain and this machine's clock: either may be far ahead."""
        if reader.task_count() <= self._position:
            return _Word(_Kind.END)
        (task_id,) = reader.task_ids(self._position, self._position + 1)
        if reader.terms(task_id).committee_id != self._former.committee_id:
            return _Word(_Kind.OVER)
        settled = reader.block(self._settings.confirmations).time_by(now)
        return self._of_task(reader, task_id, settled)

    def _of_task(self, reader: MarketReader, task_id: int, settled: int) -> _Word:
        given_up = _Word(_Kind.OVER)
        for number in reversed(range(reader.task(task_id).rounds_opened)):
            record = reader.round(task_id, number)
            if record.settle_deadline + self._settings.clock_skew < settled:
                break  # and so are all that were opened before
            if reader.committee_of_round(task_id, number) == self._former:
                if settled <= _opened_at(reader, task_id, number, record) + self._settings.former_keys_days * DAY:
                    return _Word(_Kind.NEEDED, task_id, number)
                given_up = _Word(_Kind.GIVEN_UP, task_id, number)
        return given_up


def _opened_at(reader: MarketReader, task_id: int, number: int, record: RoundRecord) -> int:
    """When a round was opened; by its deadline, which pauses of the market move, where a node keeps no old events."""
    try:
        return reader.opened_at(task_id, number)
    except UnknownError:
        return record.submit_deadline - reader.terms(task_id).windows.submit
