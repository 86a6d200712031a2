"""The proxies of a campaign: bytes pass, are held, delayed and cut by caller; nodes answer as they are told."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from gradroll.setup.freeports import free_ports
from tests.chaos.callers import caller_at
from tests.chaos.nodeproxy import NODES, Mood, NodeProxy, RefusedError, asker
from tests.chaos.tcpproxy import Proxy
from tests.support.httpnode import HttpNode
from tests.support.waiting import wait_for

NAME, ADDRESS = "owner-3", "127.0.1.9"


class Echo:
    """Sends everything back; remembers where connections come from."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.from_addresses: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                one, peer = self._socket.accept()
            except OSError:
                return
            self.from_addresses.append(peer[0])
            threading.Thread(target=self._echo, args=(one,), daemon=True).start()

    @staticmethod
    def _echo(one: socket.socket) -> None:
        with one:
            try:
                while piece := one.recv(1 << 16):
                    one.sendall(piece)
            except OSError:
                pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def line(echo: Echo) -> Iterator[tuple[Proxy, int]]:
    """A proxy before the echo, in which this process is an owner."""
    with Proxy(lambda port: caller_at(port, {"other": os.getppid(), NAME: os.getpid()}), lambda _: ADDRESS) as proxy:
        (port,) = free_ports(1)
        proxy.listen("prover-0", port, lambda: echo.port)
        yield proxy, port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def returned(one: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (piece := one.recv(1 << 16)):
        got += piece
    return got


def is_quiet(one: socket.socket) -> bool:
    one.settimeout(0.3)
    try:
        return not one.recv(1)
    except TimeoutError:
        return True
    finally:
        one.settimeout(60)


def test_bytes_pass_unchanged_from_an_address_of_the_callers_own(line: tuple[Proxy, int], echo: Echo) -> None:
    data = os.urandom(300_000)
    with connected(line[1]) as one:
        sender = threading.Thread(target=one.sendall, args=(data,))
        sender.start()
        assert returned(one, len(data)) == data
        sender.join()
    assert echo.from_addresses == [ADDRESS]


def test_a_line_that_is_held_keeps_bytes_and_new_connections_until_it_is_healed(line: tuple[Proxy, int]) -> None:
    proxy, port = line
    with connected(port) as early:
        early.sendall(b"first")
        assert returned(early, 5) == b"first"
        proxy.hold(NAME, "prover-0")
        with connected(port) as late:
            early.sendall(b"second")
            late.sendall(b"third")
            assert is_quiet(early)
            assert is_quiet(late)
            proxy.heal(NAME, "prover-0")
            assert returned(early, 6) == b"second"
            assert returned(late, 5) == b"third"


def test_a_line_of_another_caller_is_left_alone(line: tuple[Proxy, int]) -> None:
    proxy, port = line
    proxy.hold("owner-4", "prover-0")
    proxy.hold(NAME, "prover-1")
    assert proxy.cut("owner-4", "prover-0") == 0
    with connected(port) as one:
        one.sendall(b"first")
        assert returned(one, 5) == b"first"


def test_a_slow_line_delivers_late_and_all(line: tuple[Proxy, int]) -> None:
    proxy, port = line
    proxy.delay(NAME, "prover-0", 0.2)
    with connected(port) as one:
        began = time.monotonic()
        one.sendall(b"first")
        assert returned(one, 5) == b"first"
        assert time.monotonic() - began >= 0.4  # there and back


def test_a_cut_resets_what_is_connected_and_no_later_connection(line: tuple[Proxy, int]) -> None:
    proxy, port = line
    with connected(port) as one:
        one.sendall(b"first")
        assert returned(one, 5) == b"first"
        assert proxy.cut(NAME, "prover-0") == 1
        with pytest.raises(ConnectionResetError):
            while one.recv(1):
                pass
    with connected(port) as other:
        other.sendall(b"second")
        assert returned(other, 6) == b"second"


def test_a_new_connection_goes_to_who_stands_behind_a_port_by_now_and_all_that_there_are_can_be_cut(echo: Echo) -> None:
    other = Echo()
    with Proxy(lambda port: caller_at(port, {NAME: os.getpid()}), lambda _: ADDRESS) as proxy:
        (port,) = free_ports(1)
        behind = [echo.port]
        proxy.listen("coordinator", port, lambda: behind[0])
        with connected(port) as one:
            one.sendall(b"first")
            assert returned(one, 5) == b"first"
            behind[0] = other.port
            assert proxy.cut_all("prover-0") == 0
            assert proxy.cut_all("coordinator") == 1
            with pytest.raises(ConnectionResetError):
                while one.recv(1):
                    pass
        with connected(port) as two:
            two.sendall(b"second")
            assert returned(two, 6) == b"second"
    assert (len(echo.from_addresses), len(other.from_addresses)) == (1, 1)
    other.close()


def test_a_stranger_is_nobody_of_ours(line: tuple[Proxy, int]) -> None:
    with connected(line[1]) as one:
        assert caller_at(one.getsockname()[1], {NAME: os.getpid()}) == NAME
        assert caller_at(one.getsockname()[1], {"other": os.getppid()}) == "stranger"
    assert caller_at(1, {NAME: os.getpid()}) == "stranger"


HEAD = 100


def block_of(params: list[Any]) -> dict[str, Any]:
    return {"result": {"number": hex(HEAD if params[0] == "latest" else int(params[0], 16))}}


@pytest.fixture
def node() -> Iterator[HttpNode]:
    """A node at block 100 that answers with what it was asked."""

    def answer(method: str, params: Any) -> dict[str, Any]:
        match method:
            case "eth_blockNumber":
                return {"result": hex(HEAD)}
            case "eth_getBlockByNumber":
                return block_of(params)
            case "eth_getTransactionReceipt":
                return {"result": {"blockNumber": params[0]}}
            case "eth_unheardOf":
                return {"error": {"code": -32601, "message": "not found"}}
        return {"result": params}

    made = HttpNode(answer)
    yield made
    made.close()


@pytest.fixture
def nodes(node: HttpNode) -> Iterator[NodeProxy]:
    with NodeProxy(node.port, "chaos", "hunter2", "APIKEY") as proxy:
        yield proxy


def post(proxy: NodeProxy, method: str, *params: object, node: int = 0, name: str = NAME) -> requests.Response:
    question: Any = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return requests.post(proxy.urls(name).split(",")[node], json=question, timeout=60)


def test_a_node_answers_who_knows_its_secrets(nodes: NodeProxy, node: HttpNode) -> None:
    assert post(nodes, "eth_chainId", "x").json() == {"jsonrpc": "2.0", "id": 7, "result": ["x"]}
    url = nodes.urls(NAME).split(",")[0]
    for wrong in (url.replace("hunter2", "hunter3"), url.replace("APIKEY", "KEY"), url.replace(NODES[0], "third")):
        assert requests.post(wrong, json={}, timeout=60).status_code == 401
    assert node.count("eth_chainId") == 1
    assert asker(node.port)("eth_chainId", "y") == ["y"]
    with pytest.raises(RefusedError, match="eth_unheardOf"):
        asker(node.port)("eth_unheardOf")


def test_a_spoilt_node_answers_badly_to_one_process_until_it_is_healed(nodes: NodeProxy) -> None:
    nodes.befall(NAME, Mood("error"), 1)
    assert post(nodes, "eth_chainId").json()["error"]["code"] == -32603
    for well in (post(nodes, "eth_chainId", node=1), post(nodes, "eth_chainId", name="owner-1")):
        assert well.json()["result"] == []
    nodes.heal(NAME)
    assert post(nodes, "eth_chainId").json()["result"] == []
    assert nodes.spoilt == {"error": 1}


def test_nodes_are_busy_speak_no_json_break_off_and_hang_up(nodes: NodeProxy) -> None:
    nodes.befall(NAME, Mood("busy"), 1)
    busy = post(nodes, "eth_chainId")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    nodes.befall(NAME, Mood("garbage"), 1)
    assert post(nodes, "eth_chainId").text.startswith("<html>")
    nodes.befall(NAME, Mood("cut-off"), 1)
    with pytest.raises(requests.JSONDecodeError):
        post(nodes, "eth_chainId").json()
    nodes.befall(NAME, Mood("down"), 1)
    with pytest.raises(requests.ConnectionError):
        post(nodes, "eth_chainId")


def test_several_questions_in_one_request_are_answered_each_or_spoilt_together(nodes: NodeProxy) -> None:
    asked = [{"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": [number, "latest"]} for number in (3, 8)]

    def told() -> requests.Response:
        return requests.post(nodes.urls(NAME).split(",")[0], json=asked, timeout=60)

    well = [{"jsonrpc": "2.0", "id": number, "result": [number, "latest"]} for number in (3, 8)]
    assert told().json() == well
    nodes.befall(NAME, Mood("lag", 10), 1)
    assert [one["result"] for one in told().json()] == [[3, hex(HEAD - 10)], [8, hex(HEAD - 10)]]
    nodes.befall(NAME, Mood("error"), 1)
    assert [one["error"]["code"] for one in told().json()] == [-32603] * 2
    nodes.befall(NAME, Mood("busy"), 1)
    assert told().status_code == 429


def test_a_node_that_hangs_lets_go_when_it_is_healed(nodes: NodeProxy) -> None:
    nodes.befall(NAME, Mood("hang"), 1)
    ended: list[Exception] = []

    def ask() -> None:
        try:
            post(nodes, "eth_chainId")
        except requests.ConnectionError as error:
            ended.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(lambda: nodes.spoilt["hang"] == 1)
    assert asking.is_alive()
    nodes.heal(NAME)
    asking.join(60)
    assert len(ended) == 1


def test_a_node_that_lags_shows_nothing_of_the_last_blocks(nodes: NodeProxy) -> None:
    nodes.befall(NAME, Mood("lag", 6), 1)

    def ask(method: str, *params: object) -> Any:
        return post(nodes, method, *params).json()["result"]

    assert ask("eth_blockNumber") == hex(94)
    assert ask("eth_getBlockByNumber", "latest", False) == {"number": hex(94)}
    assert ask("eth_getBlockByNumber", hex(95), False) is None
    assert ask("eth_call", {}, "latest") == [{}, hex(94)]
    assert ask("eth_getTransactionReceipt", hex(95)) is None
    assert ask("eth_getTransactionReceipt", hex(94)) == {"blockNumber": hex(94)}
    (wanted,) = ask("eth_getLogs", {"fromBlock": hex(90), "toBlock": "latest"})
    assert wanted == {"fromBlock": hex(90), "toBlock": hex(94)}
    assert ask("eth_getLogs", {"fromBlock": hex(97), "toBlock": "latest"}) == []


def test_a_node_may_show_the_logs_of_a_few_blocks_only(nodes: NodeProxy) -> None:
    nodes.befall(NAME, Mood("short-logs", 3), 2)
    assert (
        "max block range"
        in post(nodes, "eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x4"}).json()["error"]["message"]
    )
    assert post(nodes, "eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"}, node=1).json()["result"]
    assert post(nodes, "eth_blockNumber").json()["result"] == hex(HEAD)
