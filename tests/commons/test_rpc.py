"""Talking to a node: what is asked again when a connection breaks, and what never is."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from circuits.errors import ChainError
from commons.chain.rpc import ErrorTable, Rpc

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FlakyNode:
    """Resets the first connections, then answers every question with the same result."""

    def __init__(self, resets: int) -> None:
        self.resets = resets
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                asked = b""
                while b"}" not in asked:  # head and body come in two pieces
                    asked += connection.recv(1 << 16)
                if self.connections <= self.resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    continue
                question = json.loads(asked[asked.index(b"{") :])
                body = json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": "0x7a69"}).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


@pytest.fixture
def flaky(request: pytest.FixtureRequest) -> Iterator[FlakyNode]:
    node = FlakyNode(request.param)
    yield node
    node.close()


@pytest.mark.parametrize("flaky", [2], indirect=True)
def test_a_question_is_asked_again_when_the_connection_is_reset(flaky: FlakyNode) -> None:
    assert Rpc(flaky.url, ErrorTable(())).chain_id == 31337
    assert flaky.connections == 3


@pytest.mark.parametrize("flaky", [100], indirect=True)
def test_a_node_that_resets_every_connection_is_an_error_in_the_end(flaky: FlakyNode) -> None:
    with pytest.raises(ChainError, match="cannot be reached"):
        _ = Rpc(flaky.url, ErrorTable(())).chain_id
    assert flaky.connections == 4


@pytest.mark.parametrize("flaky", [1], indirect=True)
def test_a_transaction_is_sent_once(flaky: FlakyNode) -> None:
    rpc = Rpc(flaky.url, ErrorTable(()))
    with pytest.raises(ChainError, match="cannot be reached"):
        rpc.guarded(lambda: rpc.web3.eth.send_raw_transaction(b"\x02"))
    assert flaky.connections == 1
