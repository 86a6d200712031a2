"""What rounds wait for and since when, as owners and the operator are told it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime.amounts import utc
from commons.telemetry.metrics import Telemetry
from coordinator.events import (
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    SumOpened,
)
from coordinator.journal import Journal
from coordinator.phases import Phase, phase_of
from coordinator.roundmetrics import RoundMetrics
from coordinator.roundstate import RoundKey
from coordinator.roundwatch import RoundWatch
from tests.coordinator.fleets import journal_in
from tests.support.network import OwnerPlan, gradients, network_with

BATCH, BUNDLE, SUM = b"\x05" * 32, b"\x06" * 32, b"\x07" * 32
START = 1_800_000_000


@dataclass
class SetClock:
    """A clock that is set by hand."""

    now: float = float(START)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Stage:
    """One round with three submissions, and who watches it."""

    journal: Journal
    watch: RoundWatch
    clock: SetClock
    key: RoundKey
    digests: tuple[bytes, ...]
    entered: tuple[Event, ...]
    metrics: RoundMetrics
    telemetry: Telemetry

    @property
    def phase(self) -> Phase:
        with self.journal.reading() as state:
            return phase_of(state, self.key)

    def told(self, status: SubmissionState) -> str:
        with self.journal.reading() as state:
            trouble = state.rounds[self.key].trouble
        return self.watch.explained(SubmissionStatus(self.digests[0], status), self.key, trouble).reason

    def unmoved(self) -> dict[str, float]:
        with self.journal.reading() as state:
            return self.watch.longest_unmoved(state)

    def count(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = network_with([OwnerPlan(gradient) for gradient in gradients(3, 5)])
    clock, telemetry = SetClock(), Telemetry("coordinator")
    digests, key = made.cohort.digests, (made.terms.task_id, 0)
    metrics = RoundMetrics(telemetry)
    watch, journal = RoundWatch(clock, metrics.stepped, metrics.troubled), journal_in(tmp_path)
    journal.listen(watch.heard)
    journal.listen(metrics.heard)
    entered = tuple(HeaderAccepted(d, h, (0, 1, 2, 3)) for d, h in zip(digests, made.headers, strict=True))
    return Stage(journal, watch, clock, key, digests, entered, metrics, telemetry)


def test_a_round_is_in_one_phase_after_the_other(stage: Stage) -> None:
    seen = []
    proven = BatchProven(*stage.key, BATCH, stage.digests, BUNDLE)
    for events in (
        stage.entered, (CohortBegun(*stage.key, stage.digests),), (proven,), (BatchSettled(BATCH, True, ""),),
        (SumOpened(BATCH, SUM),),
    ):  # fmt: skip
        stage.journal.record(*events)
        seen.append(stage.phase)
    assert seen == [Phase.GATHERING, Phase.PROVING, Phase.SETTLING, Phase.RELEASING, Phase.GATHERING]


def test_an_owner_is_told_what_its_submission_waits_for_and_since_when(stage: Stage) -> None:
    stage.journal.record(*stage.entered)
    assert stage.told(SubmissionState.PENDING) == ""
    stage.watch.say(stage.key, "the chain cannot be asked at present")
    stage.clock.now += 60
    stage.watch.say(stage.key, "the chain cannot be asked at present")
    assert stage.told(SubmissionState.PENDING) == f"the chain cannot be asked at present (since {utc(START)})"
    stage.watch.say(stage.key, "the market refuses a batch for now: paused")
    assert stage.told(SubmissionState.PROVEN).endswith(f"paused (since {utc(START + 60)})")
    stage.watch.say(stage.key, "")
    assert stage.told(SubmissionState.PROVEN) == ""


def test_an_owner_is_told_which_provers_a_step_waits_for(stage: Stage) -> None:
    stage.journal.record(*stage.entered)
    with stage.watch.asking(stage.key, "MASK", (0, 1, 2)) as answered:
        answered(0)
        assert stage.told(SubmissionState.PROVING) == f"step MASK: provers 1, 2 asked since {utc(START)}"
        answered(1)
        stage.clock.now += 4
        assert stage.told(SubmissionState.PROVING) == f"step MASK: prover 2 asked since {utc(START)}"
    assert stage.told(SubmissionState.PROVING) == ""
    assert stage.count("gradroll_step_seconds_sum", step="MASK") == 4


def test_an_owner_is_told_why_the_last_try_failed(stage: Stage) -> None:
    failed = CohortFailed(*stage.key, "too few provers answer: [0, 1]", False, 5)
    stage.journal.record(*stage.entered, CohortBegun(*stage.key, stage.digests), failed)
    assert stage.told(SubmissionState.PROVING) == "the last try failed: too few provers answer: [0, 1]"


@pytest.mark.parametrize("state", [SubmissionState.ACCEPTED, SubmissionState.REJECTED, SubmissionState.EXPIRED])
def test_what_has_an_end_has_its_own_reason(stage: Stage, state: SubmissionState) -> None:
    stage.watch.say(stage.key, "others are waited for")
    ended = SubmissionStatus(bytes(32), state, "validity: why")
    assert stage.watch.explained(ended, stage.key, "trouble") == ended
    bare = replace(ended, reason="")
    assert stage.watch.explained(bare, stage.key, "trouble") == bare


def test_tries_that_fail_are_no_progress_and_neither_are_submissions_meanwhile(stage: Stage) -> None:
    last = stage.entered[2]
    stage.journal.record(*stage.entered[:2], CohortBegun(*stage.key, stage.digests[:2]))
    for _ in range(5):
        stage.clock.now += 100
        stage.journal.record(CohortFailed(*stage.key, "why", False, 5), last)
    assert stage.unmoved()["proving"] == 500
    stage.journal.record(BatchProven(*stage.key, BATCH, stage.digests, BUNDLE))
    assert stage.unmoved() == {"gathering": 0, "proving": 0, "settling": 0, "releasing": 0}
    stage.clock.now += 9
    assert stage.unmoved()["settling"] == 9


def test_after_a_restart_a_round_is_unmoved_since_then(stage: Stage) -> None:
    stage.journal.record(*stage.entered)
    stage.clock.now += 1000
    again = RoundWatch(stage.clock)
    stage.clock.now += 7
    assert again.unmoved(stage.key) == 7


def test_a_round_that_is_closed_is_forgotten(stage: Stage) -> None:
    stage.journal.record(*stage.entered)
    stage.watch.say(stage.key, "owners")
    stage.journal.record(RoundClosed(*stage.key, ""))
    assert not stage.watch._rounds
    with stage.journal.reading() as state:
        assert stage.watch.rounds(state) == []


def test_the_operator_sees_each_round_and_the_last_batch(stage: Stage) -> None:
    proven = BatchProven(*stage.key, BATCH, stage.digests[:2], BUNDLE)
    stage.journal.record(*stage.entered, CohortBegun(*stage.key, stage.digests[:2]), proven)
    stage.clock.now += 3
    with stage.journal.reading() as state:
        (told,) = stage.watch.rounds(state)
    assert (told["phase"], told["pending"], told["proven"], told["unmoved_seconds"]) == ("settling", 1, 2, 3)
    assert stage.watch.last_batch is None
    stage.journal.record(BatchSettled(BATCH, True, ""))
    assert stage.watch.last_batch is not None
    assert (stage.watch.last_batch.owners, stage.watch.last_batch.at) == (2, START + 3)


def test_events_are_counted_by_causes_that_are_ours(stage: Stage) -> None:
    for n in range(50):
        stage.journal.record(HeaderRefused(stage.key[0], f"made-up-{n}", bytes([n]) * 32, 0))
    stage.journal.record(
        *stage.entered, CohortBegun(*stage.key, stage.digests), HeaderRefused(stage.key[0], "closed", bytes(32), 0),
        OwnerDropped(stage.digests[0], "validity: its norm", True), OwnerDropped(stage.digests[1], "any: x", False),
        ProverBlamed(*stage.key, 1, "MASK", "share: why", True), ProverBlamed(*stage.key, 2, "MASK", "gone", False),
        CohortFailed(*stage.key, "why", False, 5), BatchProven(*stage.key, BATCH, stage.digests[2:], BUNDLE),
        BatchSettled(BATCH, False, "why"),
    )  # fmt: skip
    stage.metrics.troubled("chain")
    stage.metrics.troubled("from a node")
    stage.metrics.stepped("made up", 1.0)
    stage.metrics.taken_back()
    count = stage.count
    assert count("gradroll_submissions_total") == 3
    assert count("gradroll_submissions_refused_total", code="closed") == 1
    assert count("gradroll_submissions_refused_total", code="internal") == 50
    assert count("gradroll_submissions_dropped_total", cause="validity") == 1
    assert count("gradroll_submissions_dropped_total", cause="other") == 1
    assert count("gradroll_provers_blamed_total", certainty="proven") == 1
    assert count("gradroll_provers_blamed_total", certainty="suspected") == 1
    assert count("gradroll_cohorts_failed_total", end="again") == 1
    assert count("gradroll_batches_total", outcome="proven") == count("gradroll_batches_total", outcome="refused") == 1
    assert count("gradroll_deep_reorganisations_total") == 1
    assert count("gradroll_round_troubles_total", code="chain") == 1
    assert count("gradroll_round_troubles_total", code="internal") == 1
    assert count("gradroll_step_seconds_count", step="made up") is None
