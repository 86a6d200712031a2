"""`gradroll prover status` and `gradroll coordinator status`: whom they ask, and what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import UnavailableError
from commons.protocol.status import ProverStatus
from commons.runtime.amounts import checksum
from gradroll.cli import main
from tests.support.certificates import self_signed

STATUS = ProverStatus(b"\x11" * 20, 1, b"\x22" * 20, 5, 2, "0.1.0", True, 3, 1_000_000, {"closed": 2, "chain": 1})


class Asked:
    """Stands for the connection to a prover, and remembers whom it was for."""

    def __init__(self, status: ProverStatus = STATUS) -> None:
        self.said = status
        self.endpoint = ""
        self.serving = True
        self.roots: bytes | None = None

    def __call__(self, endpoint: str, *, timeout: float, tls_roots: bytes | None) -> Asked:
        self.endpoint, self.roots = endpoint, tls_roots
        return self

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def status(self) -> ProverStatus:
        return self.said


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr("commons.wire.prover_client.ProverClient", made)
    monkeypatch.setattr("commons.wire.health.is_serving", lambda *_, **__: made.serving)
    return made


def settings(path: Path, section: str, **values: str) -> str:
    """A settings file with one section."""
    path.write_text("\n".join([f"[{section}]", *(f'{key} = "{value}"' for key, value in values.items())]))
    return str(path)


@pytest.mark.parametrize(
    ("listen", "endpoint"),
    [
        ("127.0.0.1:7101", "127.0.0.1:7101"),
        ("0.0.0.0:7101", "127.0.0.1:7101"),
        ("[::]:7101", "[::1]:7101"),
        ("[fe80::1]:7101", "[fe80::1]:7101"),
        ("prover-0:7101", "prover-0:7101"),
    ],
)
def test_the_server_of_the_settings_is_asked_on_this_machine(
    listen: str, endpoint: str, asked: Asked, tmp_path: Path
) -> None:
    config = settings(tmp_path / "prover.toml", "prover", listen=listen)
    assert main(["prover", "status", "--config", config]) == 0
    assert (asked.endpoint, asked.roots) == (endpoint, None)


def test_an_endpoint_wins_and_needs_no_settings(asked: Asked, tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    words = ["prover", "status", "--endpoint", "grpcs://p.example.org:7101", "--tls-roots", str(certificate)]
    assert main(words) == 0
    assert (asked.endpoint, asked.roots) == ("grpcs://p.example.org:7101", certificate.read_bytes())


@pytest.mark.parametrize("role", ["prover", "coordinator"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"listen": "0.0.0.0:7101", "tls_certificate": "c.pem", "tls_key": "k.pem"}, "pass --endpoint grpcs://"),
        ({"listen": "0.0.0.0:0"}, "takes any free port, which its log names: pass --endpoint"),
        ({}, "listen is missing"),
    ],
    ids=["tls", "any port", "none"],
)
def test_where_settings_do_not_say_whom_to_ask_an_endpoint_is_wanted(
    role: str, values: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([role, "status", "--config", settings(tmp_path / "server.toml", role, **values)]) == 3
    assert said in capsys.readouterr().err


def test_a_prover_says_who_it_is_and_what_it_holds(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prover", "status", "--endpoint", "p:1"]) == 0
    said = capsys.readouterr().out
    assert f"prover 2 of committee 0x0000000000000005 at p:1 works: version 0.1.0, {checksum(STATUS.address)}" in said
    assert "shares of 3 submissions, 1,000,000 bytes; refused calls: chain 1, closed 2" in said
    assert main(["prover", "status", "--endpoint", "p:1", "--json"]) == 0
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (outcome["serving"], outcome["keys_ready"], outcome["refusals"]) == (True, True, {"chain": 1, "closed": 2})


def test_a_coordinator_that_stops_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["coordinator", "status", "--endpoint", "c:1"]
    serving = True
    monkeypatch.setattr("commons.wire.health.is_serving", lambda *_, **__: serving)
    assert main(words) == 0
    assert "the coordinator at c:1 works" in capsys.readouterr().out
    serving = False
    assert main(words) == UnavailableError.exit_status
    assert "is stopping, or stuck; wait until it has started again" in capsys.readouterr().err


def test_a_prover_that_is_stuck_answers_and_is_no_success(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.serving = False
    assert main(["prover", "status", "--endpoint", "p:1", "--json"]) == UnavailableError.exit_status
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (outcome["serving"], outcome["prover"]) == (False, 2)
    assert "is stopping, or stuck" in outcome["error"]["message"]
