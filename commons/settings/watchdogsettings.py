"""The settings of the watchdog."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval

from commons.settings.section import Section
from commons.settings.values import Unit


class WatchdogSettings(Section):
    """When a prover or a coordinator is taken to be stuck.  Waits of its own (`step_timeout`, `chain.give_up`) are
    allowed for whatever is set here."""

    stuck_after: Annotated[float, Interval(ge=1, le=604_800), Unit("seconds")] = 1800.0
    """A thread that has work and makes no progress for so long is stuck: the health service says NOT_SERVING, and the
    log has the stacks.  Longer than any step of a batch takes on this machine."""
    end_after: Annotated[float, Interval(ge=1, le=604_800), Unit("seconds")] = 300.0
    """A process that is stuck for so much longer ends with status 8, so that whatever supervises it starts it anew."""
