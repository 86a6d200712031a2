"""An IPFS node: a stand-in that answers as kubo's RPC is documented to, and kubo itself where there is one.

`make kubo` builds it, with Go, and runs this; elsewhere it is looked for on the path.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from circuits.errors import ProofError, UnavailableError, UnknownError
from commons.artifacts import webstores
from commons.artifacts.cids import DAG_PB, RAW, Cid
from commons.artifacts.gatewaystore import GatewayStore
from commons.artifacts.kubostore import KuboStore
from commons.artifacts.transfers import cid_of_file, get_file, put_file
from commons.artifacts.unixfs import LEAF
from commons.artifacts.webstores import Access
from tests.artifacts.blockservers import Server
from tests.artifacts.memorystore import MemoryStore
from tests.artifacts.vectors import counted
from tests.support.localserver import Answer, Asked

BLOCK = b"a block\r\n--\x00"
CID = Cid.of(BLOCK)
IPFS = os.environ.get("KUBO") or shutil.which("ipfs")
needs_kubo = pytest.mark.skipif(IPFS is None, reason="`make kubo` builds kubo and runs this")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webstores, "_PAUSES", ())


def failure(message: str) -> Answer:
    return 500, {}, json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode()


def node_over(held: MemoryStore, asked: Asked) -> Answer:
    """What kubo's documentation of its RPC says."""
    parts = urlsplit(asked.path)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    command = parts.path.removeprefix("/api/v0/")
    if command == "block/put":
        kind = asked.headers["Content-Type"].encode()
        _, form = BytesParser().parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + asked.body).walk()
        block = form.get_payload(decode=True)
        assert isinstance(block, bytes)
        assert options["mhtype"] == "sha2-256"
        cid = Cid.of(block, {"raw": RAW, "dag-pb": DAG_PB}[options["cid-codec"]])
        held.put(cid, block)
        return 200, {}, json.dumps({"Key": str(cid), "Size": len(block)}).encode()
    cid = Cid.parse(options["arg"])
    if not held.has(cid):
        return failure("block was not found locally (offline): ipld: could not find")
    if command == "block/get":
        return 200, {}, held.get(cid)
    if command == "pin/add":
        held.keep(cid)
    return 200, {}, b"{}"


def test_a_file_goes_into_a_node_and_comes_back(tmp_path: Path) -> None:
    held = MemoryStore()
    (tmp_path / "file").write_bytes(counted(2 * LEAF + 1))
    with Server(lambda asked: node_over(held, asked)) as server:
        store = KuboStore(f"{server.url}/api/v0", Access(5))
        root = put_file(store, tmp_path / "file").root
        get_file(store, root, tmp_path / "copy", most=1 << 30)
        assert store.has(root)
        assert not store.has(CID)
        with pytest.raises(UnknownError):
            store.get(CID)
    assert (tmp_path / "copy").read_bytes() == counted(2 * LEAF + 1)
    assert held.kept == [root]
    assert len(held.blocks) == 4


def against(answer: Answer) -> tuple[Server, KuboStore]:
    server = Server(lambda _: answer)
    return server, KuboStore(f"{server.url}/api/v0", Access(5))


@pytest.mark.parametrize(
    "answer",
    [
        failure("repo is locked"), (500, {}, b"no JSON"), (500, {}, b"[]"), (404, {}, b"404 page not found"),
        (405, {}, b""), (301, {"Location": "/elsewhere"}, b""),
    ],
)  # fmt: skip
def test_other_failures_are_told_and_not_taken_for_absence(answer: Answer) -> None:
    server, store = against(answer)
    with server:
        for ask in (lambda: store.get(CID), lambda: store.has(CID), lambda: store.put(CID, BLOCK)):
            with pytest.raises(UnavailableError):
                ask()
        with pytest.raises(UnavailableError):
            store.keep(CID)


def test_a_node_that_serves_or_keeps_other_bytes_is_caught() -> None:
    server, store = against((200, {}, json.dumps({"Key": str(Cid.of(b"other"))}).encode()))
    with server:
        with pytest.raises(ProofError):
            store.get(CID)
        with pytest.raises(UnavailableError, match="does not take"):
            store.put(CID, BLOCK)


def test_what_a_node_says_is_shown_short_and_plain() -> None:
    server, store = against(failure("\x1b[31mred\n" + "x" * 10_000))
    with server, pytest.raises(UnavailableError) as told:
        store.get(CID)
    assert "\x1b" not in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 500


@dataclass(frozen=True)
class Kubo:
    """A node that runs, alone: it knows nobody and nobody knows it."""

    rpc: str
    gateway: str
    path: Path


@pytest.fixture(scope="module")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubo]:
    assert IPFS is not None
    path = tmp_path_factory.mktemp("kubo")
    environment = {**os.environ, "IPFS_PATH": str(path / "repo"), "IPFS_TELEMETRY": "off"}

    def ipfs(*words: str) -> None:
        subprocess.run([str(IPFS), *words], env=environment, check=True, capture_output=True)

    ports = [free_port() for _ in range(2)]
    ipfs("init", "--profile", "test")
    ipfs("config", "Addresses.API", f"/ip4/127.0.0.1/tcp/{ports[0]}")
    ipfs("config", "Addresses.Gateway", f"/ip4/127.0.0.1/tcp/{ports[1]}")
    daemon = subprocess.Popen(
        [str(IPFS), "daemon", "--offline"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for port in ports:
            await_port(port, daemon)
        yield Kubo(f"http://127.0.0.1:{ports[0]}/api/v0", f"http://127.0.0.1:{ports[1]}", path)
    finally:
        daemon.terminate()
        daemon.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def await_port(port: int, daemon: subprocess.Popen[bytes]) -> None:
    while True:
        assert daemon.poll() is None, "kubo ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)


@needs_kubo
@pytest.mark.parametrize("size", [0, 1, LEAF, LEAF + 1, 5 * LEAF + 3])
def test_kubo_names_files_alike(size: int, kubo: Kubo, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(counted(size))
    command = [
        str(IPFS), "add", "-Q", "--only-hash", "--cid-version=1", "--raw-leaves", "--chunker=size-1048576",
        "--max-file-links=1024", str(tmp_path / "file"),
    ]  # fmt: skip
    named = subprocess.run(command, env={**os.environ, "IPFS_PATH": str(kubo.path / "repo")}, check=True,
                           capture_output=True, text=True).stdout.strip()  # fmt: skip
    assert named == str(cid_of_file(tmp_path / "file").root)


@needs_kubo
def test_kubo_keeps_a_file_and_its_gateway_serves_it(kubo: Kubo, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(counted(3 * LEAF + 1))
    store = KuboStore(kubo.rpc, Access(20))
    root = put_file(store, tmp_path / "file").root
    assert store.has(root)
    get_file(store, root, tmp_path / "copy", most=1 << 30)
    get_file(GatewayStore(kubo.gateway, Access(20)), root, tmp_path / "served", most=1 << 30)
    for name in ("copy", "served"):
        assert (tmp_path / name).read_bytes() == counted(3 * LEAF + 1)


@needs_kubo
def test_kubo_says_what_it_has_not(kubo: Kubo) -> None:
    absent = Cid.of(b"nobody has this")
    store = KuboStore(kubo.rpc, Access(5))
    assert not store.has(absent)
    with pytest.raises(UnknownError):
        store.get(absent)
    with pytest.raises(UnknownError):
        GatewayStore(kubo.gateway, Access(5)).get(absent)
