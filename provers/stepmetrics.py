"""A prover's metrics: its steps, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from commons.protocol.messages import Step
from commons.runtime.clock import Clock
from commons.telemetry.metrics import Telemetry
from provers.prover import Prover

_STEPS = frozenset(step.name for step in Step)


@dataclass(frozen=True, slots=True)
class LastStep:
    """The step that was answered last.  ``at``: when, seconds since 1970."""

    step: str
    at: float


class StepMetrics:
    """Counts steps.

    Attributes:
        last: the one that was answered last; None for none since the start.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self.last: LastStep | None = None
        telemetry.gauge(
            "last_step_timestamp_seconds", "When this prover last answered a step of a batch.",
            lambda: None if self.last is None else self.last.at,
        )  # fmt: skip
        self._seconds = telemetry.seconds("step_seconds", "What this prover took for a step that it answered.", "step")

    def stepped(self, step: str, seconds: float) -> None:
        """A step is answered."""
        self.last = LastStep(step, self._clock.time())
        if step in _STEPS:
            self._seconds.labels(step).observe(seconds)


def show(telemetry: Telemetry, prover: Prover, most_bytes: int) -> None:
    """Have the prover's state read.

    Args:
        most_bytes: of owners' shares.
    """
    telemetry.gauge("keys_ready", "1 once the shared keys are confirmed.", lambda: float(prover.keys_ready))
    telemetry.gauge("shares_stored", "Submissions whose shares are kept.", lambda: float(prover.store.usage()[0]))
    telemetry.gauge("store_used_bytes", "Bytes of shares that are kept.", lambda: float(prover.store.usage()[1]))
    telemetry.gauge("store_limit_bytes", "The setting prover.max_store_bytes.", lambda: float(most_bytes))
    telemetry.gauge(
        "shares_overdue_seconds",
        "How long owners' shares are kept beyond the end of their round, as too few nodes say that it is over.",
        prover.shares_overdue,
    )  # fmt: skip
    telemetry.gauge(
        "former_members", "Former lists of members whose keys are kept for rounds that are open.",
        lambda: float(len(prover.seats.former)),
    )  # fmt: skip
    telemetry.gauge("step_under_way_seconds", "How long the step under way takes by now.", prover.steps.longest)
