"""The clock that a server goes by: the machine's, unless it is to be tried out with one that is wrong."""

from __future__ import annotations

from commons.runtime.clock import Clock, SystemClock, WrongClock
from commons.settings.loading import Settings
from commons.settings.sections import Server


def clock_of(settings: Settings, own: Server) -> Clock:
    """The clock of a server.

    Args:
        own: its section.

    Raises:
        InsecureSetupError: it is to be a wrong one, and development mode is off.
    """
    if not own.insecure_clock_offset:
        return SystemClock()
    settings.require_development(
        f"a clock that is {own.insecure_clock_offset:+.0f} seconds off (insecure_clock_offset)"
    )
    return WrongClock(own.insecure_clock_offset)
