"""Clients that want no service: calls that stay silent, frames that are none, crowds of connections, forged headers."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

from circuits.errors import GradrollError
from circuits.statement import Context, SubmissionHeader
from commons.chain.view import ChainView
from commons.protocol.sealeduploads import SealedUpload
from commons.sharing.dealing import OwnerSeeds, share_gradient
from commons.storage.accounts import SigningKey
from commons.wire.channel import open_channel
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from tests.chaos.faultplan import COORDINATOR
from tests.chaos.places import Market, quantized
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
        view: the chain, from which forged submissions take the owners.
    """

    def __init__(self, kind: str, server: str, market: Market, view: ChainView, seed: int) -> None:
        self._kind, self._server, self._market = kind, server, market
        self._port = market.doors.own[server]
        self._view, self._task, self._key = view, market.tasks[0], market.commitment_key
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
            port = int(relay.endpoint.rpartition(":")[2])
            try:
                acts[self._kind](self._market.endpoint_at(self._server, port), port)
            except GradrollError:  # the server is paused or down
                self._count("not reached")

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
        """Submissions in an honest owner's name, or place, that a stranger signed, with shares that are good."""
        stranger = SigningKey.generate()
        while not self._over.wait(0.2):
            try:
                header, upload, context = self._forged(stranger)
            except GradrollError:  # no round is open yet
                continue
            with suppress(GradrollError):
                self._hand_in(endpoint, header, upload, context)
                self._count("TAKEN")
            self._count("forged")

    def _forged(self, stranger: SigningKey) -> tuple[SubmissionHeader, SealedUpload, Context]:
        task = self._view.task(self._task)
        index, number = self._source.randrange(task.owners), max(0, task.rounds_opened - 1)
        owner = self._source.choice((stranger.address, self._view.owner_at(self._task, index)))
        context, record = self._view.context(self._task, number), self._view.committee_record(task.terms.committee_id)
        seeds = OwnerSeeds.from_bytes(self._source.randbytes(OwnerSeeds.length(record.committee)))
        values = quantized(self._source.randrange(1 << 32), index, task.terms, number)
        sharing = share_gradient(values, task.terms.bound, self._key, record.committee, seeds)
        header = SubmissionHeader(self._task, number, owner, index, sharing.commitment, sharing.digests)
        header = header.signed(context, stranger.sign)
        payloads, keys = sharing.payloads, record.hpke_keys
        return header, sealed_upload(header, context, payloads, record.committee, keys, stranger.sign), context

    def _hand_in(self, endpoint: str, header: SubmissionHeader, upload: SealedUpload, context: Context) -> None:
        if not self._server.startswith(COORDINATOR):
            prover = int(self._server.partition("-")[2])
            with ProverClient(endpoint, timeout=5, stall=5) as client:
                client.submit_shares(upload.head.share(prover), upload.body(prover), header.digest(context))
            return
        with CoordinatorClient(endpoint, timeout=5, stall=5) as client:
            if self._source.random() < 0.5:
                client.offer_shares(upload)
            else:
                client.submit_header(header, {p: self._source.randbytes(65) for p in range(3)})
