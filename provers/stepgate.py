"""The way into a prover's steps: whose signature a step's head bears, before anything that follows it is read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from circuits.errors import GradrollError, SignatureError
from commons.protocol.bounded import remember
from commons.protocol.messages import Step
from commons.protocol.signing import recover
from commons.protocol.streamheads import StepHead
from commons.runtime.clock import Clock

_FRESH = 5.0
"""Seconds for which a task's coordinator is known, or that there is no such task: what a stranger asks costs the node
one question in that time.  A coordinator that was just replaced gets no further for it: the step itself asks again."""
_MOST = 4096
"""Tasks of which that is remembered."""


class StepGate:
    """Lets a step in by its head alone.  Thread-safe; the chain is asked under no lock.

    Args:
        task_of: the task of a head's session; raises UnknownError.
        coordinator: the signing address of a task's coordinator; raises GradrollError.
    """

    def __init__(self, task_of: Callable[[StepHead], int], coordinator: Callable[[int], bytes], clock: Clock) -> None:
        self._task_of = task_of
        self._coordinator = coordinator
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[int, tuple[float, bytes | GradrollError]] = OrderedDict()

    def admit(self, head: StepHead) -> None:
        """Refuse a step that the task's coordinator has not signed.

        RELEASE serves anybody.  What costs least is looked at first: memory, the signature, then the node.

        Raises:
            UnknownError: no session of that name is here, or no task of this prover's committee.
            SignatureError: it is not signed by the coordinator.
        """
        if head.step is Step.RELEASE:
            return
        task_id = self._task_of(head)
        signer = recover(head.asked, head.authorization)
        coordinator = self._stated(task_id)
        if signer != coordinator:
            raise SignatureError(f"the step is signed by 0x{signer.hex()}, not by 0x{coordinator.hex()}")

    def _stated(self, task_id: int) -> bytes:
        """The task's coordinator, as the chain stated it some moments ago."""
        now = self._clock.monotonic()
        with self._lock:
            known = self._known.get(task_id)
        if known is not None and now - known[0] < _FRESH:
            return _unless_error(known[1])
        answer: bytes | GradrollError
        try:
            answer = self._coordinator(task_id)
        except GradrollError as error:
            answer = error
        with self._lock:
            remember(self._known, task_id, (now, answer), _MOST)
        return _unless_error(answer)


def _unless_error(answer: bytes | GradrollError) -> bytes:
    if isinstance(answer, GradrollError):
        raise answer
    return answer
