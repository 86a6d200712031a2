"""Secrets that are planted everywhere they belong, and looked for everywhere they do not."""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.atomicfile import SECRET
from circuits.errors import GradrollError
from circuits.hashing import keccak
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.passphrases import Passphrase
from commons.settings.loading import load
from commons.settings.sections import ChainSettings
from commons.sharing.dealing import Sharing, share_gradient
from commons.storage.accounts import save_account
from commons.storage.secretfiles import write_secret_file
from commons.storage.unlock import Unlock, unlock_by
from commons.wire.prover_client import ProverClient
from gradroll.setup.settingsfiles import Value, write_settings
from provers.joining.keystore import ACCOUNT_FILE, Keystore
from tests.support.deployment import Deployment
from tests.support.waiting import wait_for

PASSPHRASE, USER, PASSWORD, KEY, REDIS = (f"planted-{name}-7c1f09" for name in ("word", "user", "pass", "key", "redis"))


def forms(secret: bytes) -> Iterator[bytes]:
    """How a secret may be written."""
    yield from (secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode())
    yield from (str(int.from_bytes(secret, order)).encode() for order in ("big", "little"))
    yield from (base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"="))
    yield repr(list(secret))[1:-1].encode()


@dataclass(frozen=True)
class Planted:
    """Secrets by name, and a prover that has them."""

    secrets: dict[str, bytes]
    home: Path
    settings: Path

    def found_in(self, *texts: str | bytes) -> set[str]:
        """Names of the secrets that stand in a text, in any form."""
        raw = b"\n".join(text if isinstance(text, bytes) else text.encode("utf-8", "replace") for text in texts)
        return {name for name, secret in self.secrets.items() if any(form in raw for form in forms(secret))}


def everything_of(shown: object) -> str:
    """What a debugger lists of an object at the first look."""
    slots = [getattr(shown, name, None) for kind in type(shown).__mro__ for name in getattr(kind, "__slots__", ())]
    return f"{shown!r} {shown} {getattr(shown, '__dict__', {})!r} {slots!r}"


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    yield made
    made.close()


@pytest.fixture
def planted(deployment: Deployment) -> Planted:
    """Prover 0 with an encrypted keystore, behind a node whose URL holds a user, a password and a key."""
    home, keys = deployment.directory / "planted", deployment.keystores[0]
    word = Unlock(lambda: PASSPHRASE)
    save_account(home / "keys" / ACCOUNT_FILE, keys.account, word)
    sealing = {"secret": keys.hpke_secret.hex()}
    write_secret_file(home / "keys" / "hpke.json", "hpke-x25519", sealing, replace=False, unlock=word)
    (home / "word").touch(SECRET)
    (home / "word").write_text(PASSPHRASE)
    listen = f"127.0.0.1:{deployment.ports[0]}"
    url = deployment.url.replace("http://", f"http://{USER}:{PASSWORD}@") + f"/{KEY}"
    chain: dict[str, Value] = {
        "url": url,
        "chain_id": deployment.view.chain_id,
        "market": f"0x{deployment.market.hex()}",
    }
    parameters: dict[str, Value] = {
        "srs": deployment.directory / "srs.gsrs",
        "directory": deployment.directory / "keys",
    }
    unlock: dict[str, Value] = {"passphrase_file": home / "word"}
    prover: dict[str, Value] = {
        "listen": listen, "endpoint": listen, "keystore": home / "keys", "state": home / "state",
        "committee": f"0x{deployment.committee_id:016x}", "confirmations": 1,
    }  # fmt: skip
    relay: dict[str, Value] = {
        "listen": "127.0.0.1:0", "log": f"redis://:{REDIS}@127.0.0.1:1/0", "state": home / "relay",
        "account": deployment.directory / "coordinator.json",
    }  # fmt: skip
    sections = {"chain": chain, "keys": parameters, "unlock": unlock, "prover": prover, "coordinator": relay}
    write_settings(home / "all.toml", sections, development=True)
    texts = {"passphrase": PASSPHRASE, "user": USER, "password": PASSWORD, "key": KEY, "redis": REDIS}
    secrets = {name: text.encode() for name, text in texts.items()}
    secrets |= {"account": keys.account.secret_bytes(), "sealing key": keys.hpke_secret}
    return Planted(secrets, home, home / "all.toml")


def served(planted: Planted, role: str) -> subprocess.Popen[bytes]:
    with (planted.home / f"{role}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gradroll", role, "serve", "--config", str(planted.settings)],
            env={**os.environ, "LOG_LEVEL": "DEBUG"}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip


def of_process(number: int) -> Iterator[bytes]:
    """What others may see of a process; that it lets them see none of it is as good."""
    for name in ("cmdline", "environ"):
        try:
            yield Path("/proc", str(number), name).read_bytes()
        except PermissionError:
            continue


@pytest.mark.slow
def test_a_prover_keeps_its_secrets(deployment: Deployment, planted: Planted) -> None:
    assert planted.found_in(planted.settings.read_bytes()) == {"user", "password", "key", "redis"}  # it can find
    task = deployment.new_task(2)
    (owner,) = deployment.owners(task, 1)
    number = deployment.model_owner.open_round(task, keccak(b"model"))
    dealt: list[Sharing] = []

    def deal(*of: Any) -> Sharing:
        dealt.append(share_gradient(*of))
        return dealt[0]

    header, upload = deployment.header(task, number, owner, np.full(deployment.dimension, 0.1), deal)
    planted.secrets["share"] = dealt[0].payloads[0][-32:]
    log, running, told = planted.home / "prover.log", served(planted, "prover"), list[str]()
    try:
        wait_for(lambda: b"event=prover-started" in log.read_bytes() or running.poll() is not None)
        assert running.poll() is None, log.read_text()
        seen = b"".join(of_process(running.pid))
        limits = Path("/proc", str(running.pid), "limits").read_text()
        endpoint = deployment.view.committee_record(deployment.committee_id).endpoints[0]
        submission = header.digest(deployment.view.context(task, number))
        mine = upload.head.share(0)
        with ProverClient(endpoint) as client:
            for head in (upload.head.share(1), replace(mine, part=upload.head.share(1).part)):  # not to it, not its own
                with pytest.raises(GradrollError) as caught:
                    client.submit_shares(head, upload.body(0), submission)
                told.append(str(caught.value))
            assert client.submit_shares(mine, upload.body(0), submission)
            with pytest.raises(GradrollError) as caught:
                client.certificate(bytes(32))
            told += [str(caught.value), everything_of(client.status()), everything_of(client)]
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()
    said = log.read_text()
    assert " DEBUG " in said
    assert f"event=share submission=0x{submission.hex()[:16]}" in said
    assert planted.found_in(said, seen, *told) == set()
    assert [line.split()[-3:-1] for line in limits.splitlines() if "core file" in line] == [["0", "0"]]
    kept = [path for path in planted.home.rglob("*") if path.is_file() and planted.found_in(path.read_bytes())]
    assert {path.name for path in kept} >= {"all.toml", "word"}
    assert not [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077]
    in_keystore = planted.home / "keys"
    assert not [path for path in kept if in_keystore in path.parents]  # encrypted
    for path in (*in_keystore.iterdir(), *(planted.home / "state").rglob("*")):
        assert path.is_dir() or not stat.S_IMODE(path.stat().st_mode) & 0o077, path


@pytest.mark.slow
def test_a_coordinator_that_cannot_start_keeps_them_too(planted: Planted) -> None:
    running = served(planted, "coordinator")
    assert running.wait() == 6
    said = (planted.home / "coordinator.log").read_text()
    assert "error[storage]" in said
    assert planted.found_in(said) == set()


@pytest.mark.slow
def test_no_object_shows_them(planted: Planted) -> None:
    settings = load(planted.settings, environment={})
    unlock = unlock_by(Passphrase(file=planted.home / "word"))
    keystore = Keystore.load(planted.home / "keys", unlock)
    view = ChainView.of(settings.section(ChainSettings))
    writer = ChainWriter(view, keystore.account)
    assert keystore.hpke_secret in planted.secrets.values()
    assert planted.found_in(repr(settings), repr(settings.section(ChainSettings))) == set()
    for each in (keystore, keystore.account, unlock, view, view.rpc, writer, Passphrase(file=planted.home / "word")):
        assert planted.found_in(everything_of(each)) == set(), type(each)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_process_with_keys_leaves_no_core_and_lets_nobody_look() -> None:
    script = (
        "import ctypes, resource; from commons.runtime.process import keep_memory_private; keep_memory_private(); "
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0) 0\n"
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) in (0, 1)
