"""What `gradroll task status` says of a task and its rounds: amounts that add up, times as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from commons.chain.facts import RoundRecord, TaskRecord
from commons.settings.loading import Settings, load
from gradroll.cli import main
from gradroll.commands import taskstatus
from tests.gradroll.fakes import INFINITY, MODEL_DIGEST, NOW, terms

ETHER = 10**18
HOUR = 3600


def record(**changes: Any) -> TaskRecord:
    own = terms(reward_per_gradient=6 * ETHER // 100, submit_window=600, settle_window=90, **changes)
    return TaskRecord(own, own.model_owner, 24 * ETHER // 100, 36 * ETHER // 100, 2, 3)


def state(submit: int, settle: int, *, finalized: bool = False) -> RoundRecord:
    return RoundRecord(MODEL_DIGEST, NOW + submit, NOW + settle, 1, 3, 18 * ETHER // 100, INFINITY, finalized)


def test_the_escrow_adds_up() -> None:
    lines = taskstatus._terms(record())
    assert lines[-1] == ("escrow 0.6 ETH: 0.24 ETH free, 0.36 ETH reserved by rounds that are not finalized")


def test_terms_are_told_in_units() -> None:
    text = "\n".join(taskstatus._terms(record()))
    assert "10 coordinates, norm at most 16," in text
    assert "3 owners registered; 2 to 4 gradients a round, 0.06 ETH each" in text
    assert "2 of 9 rounds opened; 10 min to submit, 1 min 30 s more to settle" in text
    assert "0.24 ETH free" in taskstatus._one_line(record())


@dataclass
class Market:
    """What the command asks a session for: a market of one task, whose latest round is ``latest``."""

    latest: RoundRecord
    settings: Settings = field(default_factory=lambda: load(environment={}))

    @property
    def view(self) -> Market:
        return self

    def __enter__(self) -> Market:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def task(self, number: int) -> TaskRecord:
        return record()

    def round(self, task: int, number: int) -> RoundRecord:
        return self.latest


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (state(2 * HOUR, 3 * HOUR), r"takes submissions until .* UTC, (2 h|1 h 59 min) from now"),
        (state(-HOUR, HOUR + 30), r"settles until .* UTC, (1 h|59 min).* from now"),
        (state(-2 * HOUR, -HOUR), r"over since .* UTC; gradroll task finalize ends it"),
        (state(-2 * HOUR, -HOUR, finalized=True), "finalized"),
    ],
    ids=["open", "settling", "over", "finalized"],
)
def test_a_rounds_phase_names_its_deadline(
    latest: RoundRecord, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gradroll.session.Session", lambda _: Market(latest))
    monkeypatch.setattr("time.time", lambda: float(NOW))
    assert main(["task", "status", "0"]) == 0
    shown = capsys.readouterr()
    (line,) = [line for line in shown.out.splitlines() if line.startswith("  round 1: ")]
    assert re.fullmatch(rf"  round 1: 3 gradients in 1 batch, 0.18 ETH earned; {said}", line), line
    assert "warning: what follows is the chain's word only: model_owner.coordinator is missing" in shown.err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_a_span_has_two_units(seconds: int, text: str) -> None:
    assert taskstatus._span(seconds) == text


def test_amounts_for_programs_are_exact() -> None:
    said: Mapping[str, object] = taskstatus._machine(record())
    assert (said["free"], said["reserved"], said["reward"]) == (str(24 * 10**16), str(36 * 10**16), str(6 * 10**16))
