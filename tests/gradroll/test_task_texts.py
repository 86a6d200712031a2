"""What `gradroll task status` says of a task and its rounds: amounts that add up, times as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from circuits.terms import Pay, Windows
from commons.chain.facts import PostedSubmission, RoundRecord, TaskRecord
from commons.runtime.amounts import ETH, Currency
from commons.settings.loading import Settings, load
from gradroll.cli import main
from gradroll.commands import taskstatus
from gradroll.commands.termwords import machine_task, span
from tests.gradroll.fakes import NOW, round_record, task_record, terms

ETHER = 10**18
HOUR = 3600


def record(**changes: Any) -> TaskRecord:
    own = terms(pay=Pay(bonus=6 * ETHER // 100), windows=Windows(submit=600, settle=90), **changes)
    return task_record(
        terms=own, balance=24 * ETHER // 100, reserved=36 * ETHER // 100, rounds_opened=2, owners=4, active_owners=3
    )


def state(submit: int, settle: int, *, finalized: bool = False) -> RoundRecord:
    spent = 18 * ETHER // 100
    return round_record(NOW + submit, NOW + settle, batches=1, owners=3, spent=spent, finalized=finalized)


def test_the_escrow_adds_up() -> None:
    lines = taskstatus._terms(record(), ETH, levelled=False)
    assert lines[-1] == ("escrow 0.6 ETH: 0.24 ETH free, 0.36 ETH reserved by rounds that are not finalized")


def test_terms_are_told_in_units() -> None:
    text = "\n".join(taskstatus._terms(record(), ETH, levelled=False))
    assert "task 0x0000000000000000 of 0x" in text
    assert "10 coordinates, norm at most 16," in text
    assert "3 of up to 4 owners registered, 2 or more a batch; pay: 0.06 ETH for every accepted gradient" in text
    assert "2 of 9 rounds opened; 10 min to submit, 1 min 30 s more to settle" in text
    assert "0.24 ETH free" in taskstatus._one_line(record(), ETH, levelled=False)


def test_pay_that_levels_divide_is_told_as_an_average() -> None:
    average = "0.06 ETH a gradient on average, divided by level"
    assert average in "\n".join(taskstatus._terms(record(), ETH, levelled=True))
    assert average in taskstatus._one_line(record(), ETH, levelled=True)


def test_amounts_of_a_token_are_told_in_it() -> None:
    text = "\n".join(taskstatus._terms(record(), Currency("USDC", 16, b"\x07" * 20), levelled=False))
    assert "6 USDC for every accepted gradient" in text
    assert "escrow 60 USDC: 24 USDC free" in text


def test_a_manifest_and_a_key_for_sums_are_told() -> None:
    sealed = record(manifest=b"\x55" * 32, sum_key=b"\x66" * 32)
    text = "\n".join(taskstatus._terms(sealed, ETH, levelled=False))
    assert f"the digest 0x{'55' * 32}" in text and f"key 0x{'66' * 32}" in text
    plain = "\n".join(taskstatus._terms(record(), ETH, levelled=False))
    assert "manifest" not in plain and "key 0x" not in plain


def test_an_offered_task_says_to_whom() -> None:
    text = "\n".join(taskstatus._terms(replace(record(), pending_owner=b"\x11" * 20), ETH, levelled=False))
    assert "offered to 0x1111111111111111111111111111111111111111" in text


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

    @property
    def tokens(self) -> SimpleNamespace:
        return SimpleNamespace(currency=lambda token: ETH)

    def task(self, number: int) -> TaskRecord:
        return record()

    def is_levelled(self, verifier: bytes) -> bool:
        return False

    def now(self) -> int:
        return NOW

    def round(self, task: int, number: int) -> RoundRecord:
        return self.latest

    def posted(self, task: int, number: int) -> tuple[PostedSubmission, ...]:
        return ()


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
    monkeypatch.setattr("time.time", lambda: float(NOW + 9 * HOUR))  # this machine's clock has no say
    assert main(["task", "status", "0"]) == 0
    shown = capsys.readouterr()
    (line,) = [line for line in shown.out.splitlines() if line.startswith("  round 1: ")]
    assert re.fullmatch(rf"  round 1: 3 of 4 gradients in 1 batch, 0.18 ETH spent; {said}", line), line
    assert "warning: what follows is the chain's word only: model_owner.coordinator is missing" in shown.err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_a_span_has_two_units(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_amounts_for_programs_are_exact() -> None:
    said: Mapping[str, object] = machine_task(record())
    assert (said["free"], said["reserved"], said["bonus"]) == (str(24 * 10**16), str(36 * 10**16), str(6 * 10**16))
    assert (said["task"], said["committee"]) == (f"0x{0:016x}",) * 2, "more than the numbers of JSON hold"
