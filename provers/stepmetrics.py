"""A prover's metrics: its steps, and what it keeps."""

from __future__ import annotations

from commons.protocol.messages import Step
from commons.telemetry.metrics import Telemetry
from provers.prover import Prover

_STEPS = frozenset(step.name for step in Step)


class StepMetrics:
    """Counts steps."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._seconds = telemetry.seconds("step_seconds", "What this prover took for a step that it answered.", "step")

    def stepped(self, step: str, seconds: float) -> None:
        """A step is answered."""
        if step in _STEPS:
            self._seconds.labels(step).observe(seconds)


def show(telemetry: Telemetry, prover: Prover, most_bytes: int) -> None:
    """Have the prover's state read.

    Args:
        most_bytes: of owners' shares.
    """
    telemetry.gauge("keys_ready", "1 once the shared keys are confirmed.", lambda: float(prover.keys_ready))
    telemetry.gauge("shares_stored", "Submissions whose shares are kept.", lambda: float(prover.store.usage()[0]))
    telemetry.gauge("store_used_bytes", "Bytes of those shares.", lambda: float(prover.store.usage()[1]))
    telemetry.gauge("store_limit_bytes", "Most bytes of them.", lambda: float(most_bytes))
    telemetry.gauge("step_under_way_seconds", "How long the step under way takes by now.", prover.steps.longest)
