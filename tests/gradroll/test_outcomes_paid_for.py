"""Commands that pay: what is sent is forgotten only when its outcome is told; whoever is faster does no harm."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from circuits.errors import ContractError, StorageError
from commons.chain.outbox import Outbox
from commons.chain.writer import ChainWriter
from commons.settings.loading import load
from gradroll.commands.paying import paying_session, teller
from gradroll.console import Console
from gradroll.model_owner.buyer import ModelOwner
from tests.gradroll.fakes import FakeChain, FakeCoordinator, FakeParameters

INTENT, SENT = b"\x01" * 32, b"\x02" * 32


def paid(console: Console, path: Path) -> None:
    """A command that has sent one transaction, and has a result."""
    with paying_session(argparse.Namespace(console=console), load(None, environment={})) as session:
        outbox = Outbox(path)
        session._outboxes.append(outbox)
        outbox.entry(INTENT).hashes.append(SENT)
        outbox.save()
        outbox.close()
        console.line("task 3 created")
        console.result(task=3)


def remembered(path: Path) -> int:
    return len(json.loads(path.read_bytes())["entries"])


@pytest.fixture(autouse=True)
def _nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Console, "lost", None)


@pytest.mark.parametrize("machine", [False, True])
def test_what_could_not_be_told_is_not_forgotten(tmp_path: Path, machine: bool) -> None:
    with open("/dev/full", "w") as full, pytest.raises(StorageError, match="could not all be told"):
        paid(Console(full, machine=machine), tmp_path / "outbox")
    assert remembered(tmp_path / "outbox") == 1


@pytest.mark.parametrize("machine", [False, True])
def test_it_is_told_before_it_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: bool) -> None:
    out, clear = io.StringIO(), Outbox.clear

    def interrupted(outbox: Outbox) -> None:
        assert "task" in out.getvalue()
        clear(outbox)

    monkeypatch.setattr(Outbox, "clear", interrupted)
    console = Console(out, machine=machine)
    paid(console, tmp_path / "outbox")
    assert remembered(tmp_path / "outbox") == 0
    console.end()
    assert len(out.getvalue().splitlines()) == 1


def test_what_an_earlier_run_sent_is_told_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    console = Console(out, machine=True)
    teller(console).on_earlier(SENT)
    console.end()
    assert f"0x{SENT.hex()}" in json.loads(out.getvalue())["warnings"][0]
    assert "nothing is sent again" in capsys.readouterr().err


def faster(error: str) -> ContractError:
    return ContractError(f"somebody was faster [{error}]", error)


def test_a_round_that_somebody_else_finalized_does_not_keep_the_others() -> None:
    sent = list[int]()

    def finalize_round(task_id: int, number: int) -> None:
        sent.append(number)
        if number == 0:
            raise faster("RoundAlreadyFinalized")

    chain = FakeChain((), opened=2, deadline=0)
    writer = cast(ChainWriter, SimpleNamespace(finalize_round=finalize_round))
    buyer = ModelOwner(chain.view, writer, FakeCoordinator().client, FakeParameters().parameters)
    assert buyer.finalize_overdue(0) == (0, 1)
    assert sent == [0, 1]
