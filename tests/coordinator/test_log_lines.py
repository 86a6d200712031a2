"""What coordinator and provers log when somebody cheats: fields that a person and a program can read."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest

import native
from commons.protocol.messages import Step
from commons.protocol.replies import ProverAbsent, ProverNamed
from commons.runtime.clock import SystemClock
from coordinator.batcher import Batcher, Plan
from coordinator.events import HeaderAccepted
from coordinator.machine.verdicts import OwnerRejected, OwnerSetAside, ProversSuspected, Verdict, described
from coordinator.roundwatch import RoundWatch
from tests.coordinator.fleets import NetworkFleet, accusations_in, blobs_in, journal_in, watch_in
from tests.simulation.playing import play
from tests.simulation.world.schedule import TURN, Lie, Schedule, Strike
from tests.support.faults import REWRITES, lie
from tests.support.network import OwnerPlan, gradients, network_with

RAW = re.compile(r"""\bb['"]|\b[A-Z]\w*\(\w+=""")
"""Raw bytes, or a dataclass as Python shows it."""


def raw_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if RAW.search(line)]


def test_raw_values_are_found() -> None:
    for value in (b"\x01'", b"\x02", ProverAbsent(1, Step.MASK, "silent")):
        assert RAW.search(f"event=verdict verdict={value!r}")


def test_verdicts_on_a_cheating_owner_and_a_lying_prover_are_logged_in_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    honest = [OwnerPlan(gradient) for gradient in gradients(3, 5)]
    network = network_with([*honest, OwnerPlan(np.full(5, 1 << 20, np.int64), bits=no_bits())])
    journal, digests = journal_in(tmp_path), network.cohort.digests
    for digest, header in zip(digests, network.headers, strict=True):
        journal.record(HeaderAccepted(digest, header, (0, 1, 2, 3)))
    key, everybody = (network.terms.task_id, 0), frozenset(range(4))
    plan = Plan(
        key, digests, False, None, frozenset(), dict.fromkeys(range(4), frozenset(digests)), frozenset(), everybody
    )  # fmt: skip
    fleet = NetworkFleet(network, faults={1: [lie(*REWRITES["mask-projections"])]})
    batcher = Batcher(
        journal, blobs_in(tmp_path), watch_in(tmp_path), accusations_in(journal), RoundWatch(SystemClock()),
        step_timeout=1.0, stopping=threading.Event(), hand_again=lambda _prover, _submissions: False,
    )  # fmt: skip
    assert batcher.prove(network.resources, fleet.fleet, network.context, plan) is None
    journal.close()
    cheat = network.headers[3].owner.hex()
    assert f"event=verdict task=0x0000000000000007 round=0 kind=owner-rejected owner=0x{cheat}" in caplog.text
    assert "kind=prover-named prover=1 step=MASK proven=true" in caplog.text
    assert not raw_lines(caplog)


def no_bits() -> native.FrArray:
    """Not the bits of the slack."""
    return native.from_ints([1] * 62)


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (
            OwnerSetAside(b"\x01" * 32, b"\x02" * 20, "unattributed: why"),
            f"kind=owner-set-aside owner=0x{'02' * 20} submission=0x{'01' * 32} reason='unattributed: why'",
        ),
        (
            OwnerRejected(b"\x01" * 32, b"\x02" * 20, "validity: why"),
            f"kind=owner-rejected owner=0x{'02' * 20} submission=0x{'01' * 32} reason='validity: why'",
        ),
        (
            ProverNamed(2, Step.PROVE, "share: why", proven=False),
            "kind=prover-named prover=2 step=PROVE proven=false reason='share: why'",
        ),
        (ProverAbsent(2, Step.COIN, "silent"), "kind=prover-absent prover=2 step=COIN reason='silent'"),
        (
            ProversSuspected((1, 2), Step.MASK, "search: why"),
            "kind=provers-suspected provers=1,2 step=MASK reason='search: why'",
        ),
    ],
)
def test_a_verdict_as_a_line(verdict: Verdict, line: str) -> None:
    assert described(verdict) == line


def test_no_line_of_a_round_in_trouble_shows_raw_values(caplog: pytest.LogCaptureFixture) -> None:
    """The provers' own logs too: one lies, one restarts, a node is down, an owner deals twice."""
    caplog.set_level("DEBUG")
    kinds = (("restart-prover", 2), ("node-down", 8), ("submit-another", 1))
    strikes = tuple(Strike(TURN, at, kind, arg) for at, (kind, arg) in enumerate(kinds))
    play(Schedule(1, 3, strikes, (Lie(0, "one-residual"),)))
    assert len(caplog.messages) > len(strikes)
    assert not raw_lines(caplog)
