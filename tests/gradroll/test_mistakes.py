"""Every mistake of the table is told with its cause and its cure: none silent, none a traceback, no secret shown."""

from __future__ import annotations

import re
import shlex
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from commons.chain.outbox import Outbox
from commons.storage.files import DirectoryLock
from gradroll.cli import main
from tests.gradroll.mistaken_files import SECRET, Places, no_node, prepare_files, prepare_tasks
from tests.gradroll.mistakes import TOLD, USAGE, Mistake
from tests.gradroll.mistakes_of_operators import MISTAKES
from tests.gradroll.smallmarket import SmallMarket, small_market

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        yield made


@pytest.fixture(scope="module")
def places(market: SmallMarket) -> Iterator[Places]:
    """The files of the table, and whoever holds what others must not use."""
    with no_node() as stub, socket.create_server(("127.0.0.1", 0)) as taken:
        made = prepare_files(market, prepare_tasks(market), stub, f"127.0.0.1:{taken.getsockname()[1]}")
        busy = DirectoryLock(market.directory / "busy")
        with Outbox(market.directory / "busy.json.outbox"):
            yield made
        busy.release()


@pytest.fixture(autouse=True)
def _in_the_directory(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.directory)
    monkeypatch.delenv("GRADROLL_DEVELOPMENT", raising=False)
    monkeypatch.setenv("GRADROLL_OWNER_PATIENCE", "0")
    for module in ("provers.node", "coordinator.service", "commons.chain.devchain"):
        monkeypatch.setattr(f"{module}.stop_requested", _stopped)  # a server that starts after all ends at once


def _stopped() -> threading.Event:
    stop = threading.Event()
    stop.set()
    return stop


def interrupting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the command works."""

    def interrupted(path: Path, what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradroll.commands.arrayfiles.read_array", interrupted)


def full_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output goes to a disk that is full."""
    monkeypatch.setattr("sys.stdout", open("/dev/full", "w"))  # noqa: SIM115 - silenced by the command


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between questions take no time."""
    monkeypatch.setattr("commons.chain.transport.sleep", lambda _: None)


SCENES = {scene.__name__: scene for scene in (interrupting, full_output, impatient)}


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command as it is typed; returns its exit status."""
    words = shlex.split(command)
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    try:
        return main(words)
    except SystemExit as stopped:
        return int(stopped.code or 0)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.role}: {mistake.what}")
def test_a_mistake_is_told_with_cause_and_cure(
    mistake: Mistake, places: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if mistake.before:
        run(places.filled(mistake.before), monkeypatch)
    if mistake.scene:
        SCENES[mistake.scene](monkeypatch)
    capsys.readouterr()
    status = run(places.filled(mistake.command), monkeypatch)
    said = capsys.readouterr()
    everything = said.out + said.err
    assert status == mistake.exit_status, everything
    told = said.out if mistake.code == TOLD else said.err
    expected = f"error[{mistake.code}]: {mistake.seen}" if mistake.is_error else mistake.seen
    *before, last = told.splitlines()
    assert re.fullmatch(pattern(expected), last), told
    assert mistake.code == USAGE or all(line.startswith("warning: ") for line in before), "it has one line"
    assert "Traceback" not in everything
    assert SECRET not in everything
    assert str(ROOT) not in everything


def pattern(seen: str) -> str:
    """A regular expression of what is seen; … stands for anything."""
    return ".*".join(map(re.escape, seen.split("…")))


def test_the_table_has_forty_mistakes_and_no_two_alike() -> None:
    assert len({(mistake.role, mistake.what) for mistake in MISTAKES}) == len(MISTAKES) >= 40


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.role}: {mistake.what}")
def test_a_mistake_in_the_table_has_a_cure(mistake: Mistake) -> None:
    """Words, not only what varies: at least two, of letters."""
    assert len(re.findall(r"[a-z]{2,}", mistake.cure)) >= 2, mistake
    assert mistake.cause.strip() or mistake.code == TOLD
