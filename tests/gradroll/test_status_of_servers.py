"""`gradroll prover status` and `gradroll coordinator status`: whom they ask, and what they say."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry

from circuits.errors import UnavailableError
from commons.protocol.status import ProverStatus
from commons.runtime.amounts import checksum
from commons.settings.pins import with_pin, written_pin
from commons.storage.tlskeys import open_server_key, read_server_key
from commons.telemetry.operatorpage import OperatorPage
from commons.wire.identity import pin_of_key
from commons.wire.tls import pin_of
from gradroll.cli import main
from gradroll.commands.serverstate import lines_of, understood
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
    ("listen", "asked_at"),
    [
        ("127.0.0.1:7101", "127.0.0.1:7101"),
        ("0.0.0.0:7101", "127.0.0.1:7101"),
        ("[::]:7101", "[::1]:7101"),
        ("[fe80::1]:7101", "[fe80::1]:7101"),
        ("prover-0:7101", "prover-0:7101"),
    ],
)
def test_the_server_of_the_settings_is_asked_on_this_machine_by_its_key(
    listen: str, asked_at: str, asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = written_pin(pin_of_key(open_server_key(tmp_path / "keys" / "tls.pem")))
    config = settings(
        tmp_path / "prover.toml", "prover", listen=listen, endpoint="grpcs://p.example.org:1", keystore="keys"
    )
    assert main(["prover", "status", "--config", config]) == 0
    assert (asked.endpoint, asked.roots) == (f"grpcs://{asked_at}#{pin}", None)
    assert f"others know it as grpcs://p.example.org:1#{pin}" in capsys.readouterr().out


def test_a_server_with_a_certificate_of_an_authority_is_asked_by_its_key_too(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = self_signed(tmp_path)
    config = settings(
        tmp_path / "prover.toml", "prover", listen="0.0.0.0:7101", endpoint="grpcs://p.example.org:1", keystore="keys",
        tls_certificate=str(certificate), tls_key=str(key),
    )  # fmt: skip
    assert main(["prover", "status", "--config", config]) == 0
    pin = pin_of(x509.load_pem_x509_certificate(certificate.read_bytes()))
    assert asked.endpoint == with_pin("grpcs://127.0.0.1:7101", pin)
    assert "others know it as grpcs://p.example.org:1\n" in capsys.readouterr().out
    assert not (tmp_path / "keys").exists()


def test_one_that_listens_in_the_clear_is_asked_in_the_clear(asked: Asked, tmp_path: Path) -> None:
    where = "127.0.0.1:7101"
    config = settings(tmp_path / "prover.toml", "prover", listen=where, endpoint=where, keystore="keys")
    assert main(["prover", "status", "--config", config]) == 0
    assert asked.endpoint == where


def test_a_server_that_never_ran_has_no_key_and_is_given_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path / "coordinator.toml", "coordinator", listen="127.0.0.1:7100", state="state")
    assert main(["coordinator", "status", "--config", config]) == 6
    assert "start the server once, which makes it" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_coordinators_key_is_made_once_and_its_endpoint_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path / "coordinator.toml", "coordinator", state="state")
    command = ["coordinator", "init", "--endpoint", "grpcs://c.example.org:7100", "--config", config]
    told = []
    for _ in range(2):
        assert main(command) == 0
        told.append(capsys.readouterr().out)
    pin = pin_of_key(read_server_key(tmp_path / "state" / "tls.pem"))
    assert told == [f"others know the coordinator as {with_pin('grpcs://c.example.org:7100', pin)}\n"] * 2
    assert main(["coordinator", "init", "--endpoint", "127.0.0.1:7100", "--config", config]) == 3


def test_an_endpoint_wins_and_needs_no_settings(asked: Asked, tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    words = ["prover", "status", "--endpoint", "grpcs://p.example.org:7101", "--tls-roots", str(certificate)]
    assert main(words) == 0
    assert (asked.endpoint, asked.roots) == ("grpcs://p.example.org:7101", certificate.read_bytes())


@pytest.mark.parametrize("role", ["prover", "coordinator"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"listen": "0.0.0.0:0", "endpoint": "grpcs://h:1", "state": "s"},
            "takes any free port, which its log names: pass --endpoint",
        ),
        ({}, "listen is missing"),
    ],
    ids=["any port", "none"],
)
def test_where_settings_do_not_say_whom_to_ask_an_endpoint_is_wanted(
    role: str, values: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"keystore": "k"} if role == "prover" else {}
    assert main([role, "status", "--config", settings(tmp_path / "server.toml", role, **values, **own)]) == 3
    assert said in capsys.readouterr().err


def test_a_prover_says_who_it_is_and_what_it_holds(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prover", "status", "--endpoint", "127.0.0.1:1"]) == 0
    said = capsys.readouterr().out
    assert (
        f"prover 2 of committee 0x0000000000000005 at 127.0.0.1:1 works: version 0.1.0, {checksum(STATUS.address)}"
        in said
    )
    assert "shares of 3 submissions, 1,000,000 bytes; refused calls: chain 1, closed 2" in said
    assert main(["prover", "status", "--endpoint", "127.0.0.1:1", "--json"]) == 0
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (outcome["serving"], outcome["keys_ready"], outcome["refusals"]) == (True, True, {"chain": 1, "closed": 2})


def test_a_coordinator_that_stops_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["coordinator", "status", "--endpoint", "127.0.0.1:1"]
    serving = True
    monkeypatch.setattr("commons.wire.health.is_serving", lambda *_, **__: serving)
    assert main(words) == 0
    assert "the coordinator at 127.0.0.1:1 works" in capsys.readouterr().out
    serving = False
    assert main(words) == UnavailableError.exit_status
    assert "is stopping, or stuck; wait until it has started again" in capsys.readouterr().err


SAID: dict[str, Any] = {
    "serving": True, "leads": True, "uploads": 2, "upload_bytes": 5000, "rounds_with_open_fees": 3, "stuck": ["steps"],
    "disk": {"free_bytes": 1000, "size_bytes": 4000}, "later": "than this release",
    "chain": {
        "chain": {"block": 7, "head_age": 3.2, "clock_ahead": 20.4, "nodes": 2, "set_aside": 1,
                  "balance_wei": str(10**17)},
        "second_node": {"silent_since": 1_800_000_000.5},
    },
    "rounds": [
        {"task": "0x07", "round": 1, "phase": "proving", "waits": "step MASK: prover 2\x1b[2J", "trouble": "too few",
         "unmoved_seconds": 5, "proving": 3},
    ],
    "last_batch": {"batch": "0x55", "owners": 2, "at": 1_800_000_000.0}, "silent_provers": 1, "work_waiting": 4,
    "pending_transactions": 1, "pending_seconds": 12.0,
}  # fmt: skip


@contextmanager
def shown(said: object) -> Iterator[str]:
    """Where a page shows this as the state of a server."""
    page = OperatorPage("127.0.0.1:0", CollectorRegistry(), cast("Callable[[], dict[str, object]]", lambda: said))
    page.start()
    yield f"127.0.0.1:{page.port}"
    page.stop()


def status_with_page(place: str, tmp_path: Path, *words: str) -> int:
    path = tmp_path / "prover.toml"
    path.write_text(
        '[prover]\nlisten = "127.0.0.1:7101"\nendpoint = "127.0.0.1:7101"\nkeystore = "k"\n'
        f'[metrics]\nlisten = "{place}"\n'
    )
    return main(["prover", "status", "--config", str(path), *words])


def test_the_state_of_a_server_is_told_line_by_line(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(SAID) as place:
        assert status_with_page(place, tmp_path) == 0
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert status_with_page(place, tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == SAID
    assert lines[-13:] == [
        "stuck: steps",
        "it leads",
        "chain: block 7, 3 s old; 1 of 2 nodes set aside; this machine's clock is 20 s behind; the account has 0.1 ETH",
        "second_node: cannot be asked since 2027-01-15 08:00:00 UTC",
        "disk: 1,000 of 4,000 bytes are free",
        "transactions under way: 1, for 12 s; work waiting: 4",
        "owners' uploads here: 2, 5,000 bytes",
        "provers that did not answer: 1",
        "last batch accepted: 0x55 with 2 owners, 2027-01-15 08:00:00 UTC",
        "rounds under way: 1; 3 have fees to settle",
        "task 0x07 round 1: proving, moved 5 s ago; 0 pending, 3 proving, 0 proven, 0 accepted",
        "waits: step MASK: prover 2 [2J",
        "last trouble: too few",
    ]


def test_a_provers_last_step_and_what_it_cannot_delete_are_told() -> None:
    said = {**SAID, "rounds": None, "leads": None, "last_step": {"step": "MASK\x1b", "at": 1_800_000_000.0}}
    lines = lines_of(understood("here", {**said, "shares_overdue_seconds": 1.5 * 86_400}))
    assert lines[-2:] == [
        "last step answered: MASK , 2027-01-15 08:00:00 UTC",
        "shares are kept for 1.5 days beyond their round, as too few nodes say that it is over",
    ]


@pytest.mark.parametrize("standby", ["the one at h:1 leads\x1b", ""])
def test_one_that_stands_by_says_who_leads(standby: str) -> None:
    disk = SAID["disk"]
    lines = lines_of(understood("here", {"serving": True, "leads": False, "standby": standby, "disk": disk}))
    assert lines[0] == ("the one at h:1 leads " if standby else "it stands by")


@pytest.mark.parametrize(
    "said",
    [[], {}, {"serving": True}, {**SAID, "rounds": [{}]}, {**SAID, "pending_seconds": float("inf")},
     {**SAID, "chain": {"chain": {"head_age": "long"}}}],
)  # fmt: skip
def test_a_server_works_that_shows_something_else_than_its_state(
    said: object, asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(said) as place:
        assert status_with_page(place, tmp_path) == 0
    assert "is no server of this release; is metrics.listen this server's?" in capsys.readouterr().err


def test_a_server_works_whose_state_nobody_shows(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown({}) as place:
        pass
    assert status_with_page(place, tmp_path, "--json") == 0
    said = capsys.readouterr()
    assert f"nobody answers at http://{place}/status" in said.err
    assert json.loads(said.out)["warnings"]


def test_where_no_page_is_set_its_setting_is_named(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"listen": "127.0.0.1:7101", "endpoint": "127.0.0.1:7101", "keystore": "k"}
    config = settings(tmp_path / "prover.toml", "prover", **own)
    assert main(["prover", "status", "--config", config]) == 0
    assert "set metrics.listen to see more here" in capsys.readouterr().out


@pytest.mark.parametrize("role", ["prover", "coordinator"])
def test_a_servers_log_has_the_format_that_is_set(
    role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    served = {"prover": "provers.node.serve", "coordinator": "coordinator.service.serve"}[role]
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(served, lambda _: logging.getLogger("x").critical("event=started port=%d", 7))
    monkeypatch.setenv("GRADROLL_LOG_FORMAT", "json")
    logging.getLogger().addHandler(handler)
    try:
        assert main([role, "serve"]) == 0
        monkeypatch.setenv("GRADROLL_LOG_FORMAT", "text")
        assert main([role, "serve"]) == 0
    finally:
        logging.getLogger().removeHandler(handler)
    first, second = capsys.readouterr().err.splitlines()
    assert json.loads(first)["port"] == "7"
    assert second.endswith("CRITICAL x event=started port=7")


def test_a_prover_that_is_stuck_answers_and_is_no_success(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.serving = False
    assert main(["prover", "status", "--endpoint", "127.0.0.1:1", "--json"]) == UnavailableError.exit_status
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (outcome["serving"], outcome["prover"]) == (False, 2)
    assert "is stopping, or stuck" in outcome["error"]["message"]
