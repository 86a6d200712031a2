"""Servers over TLS with any key and certificate, and what stands in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commons.settings.values import TlsFiles
from commons.wire._generated import prover_pb2_grpc as rpc
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.identity import Identity
from commons.wire.tls import pin_of

BUFFER = 1 << 16


def identity(private: ec.EllipticCurvePrivateKey, *chain: x509.Certificate) -> Identity:
    """What a server with a key and certificates, its own first, shows."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(b"".join(each.public_bytes(Encoding.PEM) for each in chain), pem, pin_of(chain[0]), own=False)


def shown(files: TlsFiles) -> Identity:
    """What a server with these files shows, whatever is wrong with them."""
    raw = files.certificate.read_bytes()
    return Identity(raw, files.key.read_bytes(), pin_of(x509.load_pem_x509_certificate(raw)), own=False)


@contextmanager
def answering(own: Identity | None, port: int = 0) -> Iterator[int]:
    """A server that knows no call: who gets through to it is told UNIMPLEMENTED."""
    running = new_server(Calls(Limits(32)))
    rpc.add_ProverServicer_to_server(rpc.ProverServicer(), running)  # type: ignore[abstract]
    bound = bind(running, f"127.0.0.1:{port}", own)
    running.start()
    try:
        yield bound
    finally:
        running.stop(0).wait()


class Between:
    """Stands between clients and servers: connects the first client to the first server, and so on, the last for good.

    A server 0 stands for nobody: its clients are let wait.
    """

    def __init__(self, *servers: int) -> None:
        self._servers: Sequence[int] = servers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def __enter__(self) -> Between:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for line in (self._listening, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        for number in count():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._lines.append(client)
            self.connections += 1
            server = self._servers[min(number, len(self._servers) - 1)]
            if server:
                other = socket.create_connection(("127.0.0.1", server))
                self._lines.append(other)
                for source, sink in ((client, other), (other, client)):
                    threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(BUFFER):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
