"""Notices when the node shows another deployment of the market than when this process started.

A development chain that is started anew has the same number, and its contracts the same addresses.  What a process
remembers of the old one (terms, owners, committees) is wrong there, and signatures over it do not fit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from circuits.errors import ChainError

_log = logging.getLogger(__name__)
_AGE = 5.0
"""Seconds for which a look serves: one question more to the node for all that are asked meanwhile."""


class DeploymentWatch:
    """A market's deployment, looked at again and again.  Thread-safe.

    Args:
        deployment: what the node shows now.
        read: the deployment that the node shows, None where it has no market at the address.
        forget: called whenever it is another: some of what was kept since the last look may be of that one.
        monotonic: seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        deployment: bytes,
        read: Callable[[], bytes | None],
        forget: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deployment, self._read, self._forget, self._monotonic = deployment, read, forget, monotonic
        self._looked, self._same = monotonic(), True
        self._lock = threading.Lock()

    def look(self) -> None:
        """Look when the last look is old, or found another deployment.  Raises as ``look_now``."""
        if not self._same or self._monotonic() - self._looked > _AGE:
            self.look_now()

    def look_now(self) -> None:
        """Compare what the node shows; it is told in the log when that changes.

        Raises:
            ChainError: the node shows another deployment, or cannot be reached.
        """
        same = self._read() == self._deployment
        with self._lock:
            changed, self._same, self._looked = same != self._same, same, self._monotonic()
        reason = (
            f"the node shows another chain than when this process started (was it reset?): the market there is not the "
            f"deployment 0x{self._deployment.hex()}; restart, or bring the old chain back"
        )
        if changed and not same:
            _log.error("event=another-chain reason=%r", reason)
        elif changed:
            _log.warning("event=chain-is-back deployment=0x%s", self._deployment.hex())
        if not same:
            self._forget()
            raise ChainError(reason)
