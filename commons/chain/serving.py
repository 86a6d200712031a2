"""Whether a node's own files serve a task: its reference string, its policy keys, the length of the string.

Looked at when a node starts, for all tasks that concern it, and before anything of a task is taken in: a file that is
missing or another must not show up in the middle of a round, where it looks like somebody's lie.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from circuits.errors import ChainError, GradrollError
from circuits.statement import TaskTerms
from commons.chain.facts import TaskRecord
from commons.chain.ports import MarketReader
from commons.storage.parameters import PublicParameters

_log = logging.getLogger(__name__)
_LATEST = 100
"""Tasks that are looked at when a node starts.  Anybody creates tasks, and each costs questions to the node."""


def require_served(
    chain: MarketReader, parameters: PublicParameters, load_key: Callable[[bytes], object], task_id: int
) -> None:
    """Refuse a task that this node's files do not serve.

    Args:
        load_key: loads what this role needs of the policy key with a hash.

    Raises:
        KeyMismatchError: the task's reference string is another, or longer than ours, or its policy key is not here.
        KeyFileError, InsecureSetupError: a file is no good.
        UnknownError: no such task.
    """
    parameters.require_string(chain.tau(task_id))
    parameters.require_dimension(chain.terms(task_id).dimension)
    load_key(chain.policy(task_id).key_hash)


def open_tasks(chain: MarketReader, concerns: Callable[[TaskTerms], bool]) -> Iterator[TaskRecord]:
    """Those of the latest tasks that concern somebody and that may still take gradients.  Raises ChainError."""
    count, now = chain.task_count(), chain.now()
    for task_id in range(max(count - _LATEST, 0), count):
        record = chain.task(task_id)
        if concerns(record.terms) and _is_open(chain, record, now):
            yield record


def warn_unserved(tasks: Iterator[TaskRecord], require: Callable[[int], None]) -> list[TaskRecord]:
    """Name in the log each task that ``require`` refuses; the tasks, as far as the node shows them."""
    seen: list[TaskRecord] = []
    try:
        for record in tasks:
            seen.append(record)
            _warn(record.terms.task_id, require)
    except ChainError as error:
        _log.warning("event=tasks-not-looked-at reason=%r", str(error))
    return seen


def _warn(task_id: int, require: Callable[[int], None]) -> None:
    try:
        require(task_id)
    except GradrollError as error:
        _log.warning("event=task-not-served task=%d code=%s reason=%r", task_id, error.code, str(error))


def _is_open(chain: MarketReader, record: TaskRecord, now: int) -> bool:
    if record.rounds_opened < record.terms.rounds:
        return True
    last = chain.round(record.terms.task_id, record.rounds_opened - 1)
    return not last.finalized and now <= last.settle_deadline
