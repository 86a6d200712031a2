"""A member's server, as a prover has it: what it does is put behind it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from commons.wire._generated.prover_pb2_grpc import add_ProverServicer_to_server
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from provers.background import Background
from provers.node import Servicer
from provers.prover import Prover


class _NoRounds:
    """A prover that nobody asks about rounds."""

    def refused(self, error: Exception) -> None:
        """Count nothing."""


class MemberServer:
    """A server that answers until it is stopped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._background, calls = Background("suspicions", 1), Calls(Limits(8))
        self.servicer = Servicer(cast("Prover", _NoRounds()), self._background, calls)
        self._server = new_server(calls)
        add_ProverServicer_to_server(self.servicer, self._server)
        self.endpoint = f"127.0.0.1:{bind(self._server, '127.0.0.1:0', None)}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()
        self._background.close()
