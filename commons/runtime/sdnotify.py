"""What systemd is told of a service, sd_notify(3): that it is ready, that it is alive, that it stops.

A unit with ``Type=notify`` and ``WatchdogSec=`` is started again when it says nothing for so long.  Elsewhere nothing
is said.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)
_SOCKET = "NOTIFY_SOCKET"


class Supervisor:
    """Whatever started this process, if it wants to be told.

    Args:
        environment: the process's.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get(_SOCKET, "")
        known = address.startswith(("/", "@"))
        self._address = "\0" + address[1:] if address.startswith("@") else address if known else ""

    def ready(self) -> None:
        """The service takes calls."""
        self._tell(b"READY=1")

    def alive(self) -> None:
        """It is not stuck."""
        self._tell(b"WATCHDOG=1")

    def stopping(self) -> None:
        """It ends."""
        self._tell(b"STOPPING=1")

    def _tell(self, word: bytes) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)  # who does not listen must not hold the process up
                out.sendto(word, self._address)
        except OSError as error:
            _log.debug("event=supervisor-not-told word=%s reason=%r", word.decode(), error.strerror)
