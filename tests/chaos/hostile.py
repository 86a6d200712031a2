"""Clients that want no service: calls that stay silent, frames that are none, crowds of connections, forged headers."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import grpc

import native
from circuits.errors import GradrollError
from circuits.statement import SubmissionHeader
from commons.chain.view import ChainView
from commons.storage.accounts import SigningKey
from commons.wire.channel import open_channel
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from tests.support.elsewhere import Elsewhere
from tests.support.uploads import sealed_upload

ADDRESS = "127.0.3.1"
"""Where attacks come from: one machine, not that of anybody else."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""What opens a connection (RFC 9113, section 3.4)."""
_CALLS, _CROWD = 48, 300
_METHODS = {
    "coordinator": ("SubmitHeader", "SubmissionStatus", "PutModel", "TaskStatus"),
    "prover": ("SubmitShares", "Run", "Status", "GetAuditBundle"),
}


class Attack:
    """One attack on one server, until it is told to end.

    Args:
        port: where the server listens itself.
        view: the chain, from which forged headers take the tasks.
    """

    def __init__(self, kind: str, server: str, port: int, view: ChainView, task: int, seed: int) -> None:
        self._kind, self._server, self._port = kind, server, port
        self._view, self._task = view, task
        self._source = random.Random(seed)
        self._over = threading.Event()
        self.outcome: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name=f"attack-{kind}", daemon=True)
        self._thread.start()

    def end(self) -> dict[str, int]:
        """Stop; what came of it."""
        self._over.set()
        self._thread.join(60)
        return self.outcome

    def _run(self) -> None:
        acts: dict[str, Callable[[str, int], None]] = {
            "silent-calls": self._silence, "junk-frames": self._junk, "crowd": self._crowd,
            "forged-headers": self._forge,
        }  # fmt: skip
        with Elsewhere(self._port, ADDRESS) as relay:
            acts[self._kind](relay.endpoint, int(relay.endpoint.rpartition(":")[2]))

    def _count(self, what: str, number: int = 1) -> None:
        self.outcome[what] = self.outcome.get(what, 0) + number

    def _silence(self, endpoint: str, _: int) -> None:
        """Calls of every kind whose messages never come."""

        def nothing() -> Iterator[Any]:
            self._over.wait()
            yield from ()

        role = self._server.partition("-")[0]
        with open_channel(endpoint) as channel:
            calls = []
            for turn in range(_CALLS):
                method = _METHODS[role][turn % len(_METHODS[role])]
                ask: Any = channel.stream_stream(f"/gradroll.v1.{role.capitalize()}/{method}")
                calls.append(ask(nothing()))
            self._over.wait()
            self._count("calls", len(calls))
            self._count("ended by the server", sum(not call.is_active() for call in calls))
            for call in calls:
                call.cancel()

    def _junk(self, _: str, port: int) -> None:
        """Frames of random bytes, after a preface that is one."""
        while not self._over.wait(0.05):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                one.sendall(PREFACE + self._source.randbytes(self._source.randrange(1, 4096)))
                one.settimeout(0.2)
                while one.recv(4096):
                    pass
            self._count("connections")

    def _crowd(self, _: str, port: int) -> None:
        """Connections that say nothing, as many as come."""
        with ExitStack() as held:
            for _n in range(_CROWD):
                if self._over.is_set():
                    break
                with suppress(OSError):
                    one = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                    one.sendall(PREFACE)
                    self._count("connections")
            self._over.wait()

    def _forge(self, endpoint: str, _: int) -> None:
        """Headers of honest owners that a stranger signed, and shares of them."""
        stranger = SigningKey.generate()
        while not self._over.wait(0.2):
            try:
                header = self._forged(stranger)
                with suppress(GradrollError):
                    self._hand_in(endpoint, header, stranger)
                    self._count("TAKEN")
                self._count("headers")
            except (GradrollError, grpc.RpcError):
                time.sleep(0.5)

    def _forged(self, stranger: SigningKey) -> SubmissionHeader:
        index = self._source.randrange(self._view.task(self._task).owners)
        number = max(0, self._view.task(self._task).rounds_opened - 1)
        digests = tuple(self._source.randbytes(32) for _ in range(4))
        header = SubmissionHeader(
            self._task, number, self._view.owner_at(self._task, index), index, native.g1_generator, digests
        )
        return header.signed(self._view.context(self._task, number), stranger.sign)

    def _hand_in(self, endpoint: str, header: SubmissionHeader, stranger: SigningKey) -> None:
        if self._server == "coordinator":
            with CoordinatorClient(endpoint, timeout=5) as client:
                client.submit_header(header, {p: self._source.randbytes(65) for p in range(3)})
            return
        prover, task = int(self._server.partition("-")[2]), self._view.task(self._task)
        record = self._view.committee_record(task.terms.committee_id)
        context = self._view.context(header.task_id, header.round)
        with ProverClient(endpoint, timeout=5, stall=5) as client:
            payloads = [b"\x02" + self._source.randbytes(3000) for _ in record.hpke_keys]
            upload = sealed_upload(header, context, payloads, record.committee, record.hpke_keys, stranger.sign)
            client.submit_shares(upload.head.share(prover), upload.body(prover), header.digest(context))
