"""What a node looks for on the chain when it starts: tasks that it cannot work for, and whether its clock is right.

Nothing of it keeps a node from starting; it is said in the log, before it is the trouble of a round.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from circuits.errors import ChainError, GradrollError
from commons.chain.facts import TaskRecord
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.settings.values import Depth

_log = logging.getLogger(__name__)
_LATEST = 100
"""Tasks that are looked at when a node starts.  Anybody creates tasks, and each costs questions to the node."""
_SECONDS = 30.0
"""Time for them: some questions are answered by strangers' contracts, which may be slow on purpose."""


def warn_of_clock(chain: MarketReader, clock: Clock, skew: int) -> None:
    """Say in the log when this machine's clock is more than ``skew`` seconds behind the chain's.  Raises ChainError.

    One that is ahead cannot be told from a chain on which nothing happens.
    """
    behind = chain.now() - int(clock.time())
    if behind > skew:
        _log.warning(
            "event=clock-behind seconds=%d advice='set the clock of this machine, or ask another node'", behind
        )


def warn_of_depth(chain: MarketReader, depth: Depth) -> None:
    """Say in the log when the node knows no block of the depth that counts: nothing would ever be final."""
    try:
        chain.block(depth)
    except ChainError as error:
        _log.warning("event=no-block-is-final reason=%r", str(error))


def open_tasks(chain: MarketReader, concerns: Callable[[TaskRecord], bool], clock: Clock) -> Iterator[TaskRecord]:
    """Those of the latest tasks that concern somebody and that may still take gradients.

    Raises:
        ChainError: the node cannot be reached, or all of it takes too long.
    """
    count, now, begun = chain.task_count(), chain.now(), clock.monotonic()
    for position in range(max(count - _LATEST, 0), count):
        if clock.monotonic() - begun > _SECONDS:
            raise ChainError(f"it takes more than {_SECONDS:g} s; the last {count - position} tasks are left out")
        (task_id,) = chain.task_ids(position, position + 1)
        record = chain.task(task_id)
        if concerns(record) and _is_open(chain, record, now):
            yield record


def warn_unserved(tasks: Iterator[TaskRecord], require: Callable[[int], None]) -> list[TaskRecord]:
    """Name in the log each task that ``require`` refuses; the others, as far as the node shows them."""
    served: list[TaskRecord] = []
    try:
        for record in tasks:
            if _is_served(record.terms.task_id, require):
                served.append(record)
    except GradrollError as error:
        _log.warning("event=tasks-not-looked-at reason=%r", str(error))
    return served


def _is_served(task_id: int, require: Callable[[int], None]) -> bool:
    try:
        require(task_id)
    except GradrollError as error:
        _log.warning("event=task-not-served task=%s code=%s reason=%r", shown(task_id), error.code, str(error))
        return False
    return True


def _is_open(chain: MarketReader, record: TaskRecord, now: int) -> bool:
    if record.rounds_opened < record.terms.rounds:
        return True
    last = chain.round(record.terms.task_id, record.rounds_opened - 1)
    return not last.finalized and now <= last.settle_deadline
