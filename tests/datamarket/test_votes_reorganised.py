"""Votes across reorganisations: a commitment binds the number of a case and not its sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ClosedError, InvalidInputError, NotReadyError
from commons.chain.juryfacts import CaseStage, Verdict
from gradroll.datamarket.casesubjects import Subject, subject_at
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.juror import Juror
from tests.datamarket.datastage import HOUR, OTHER, DataStage, bundle_of, sample
from tests.datamarket.lyingnodes import three_nodes

DEPTH = 4
BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))
JUROR = 1


@pytest.fixture
def stage(own_stage: DataStage) -> DataStage:
    return own_stage


@pytest.fixture
def number(stage: DataStage, tmp_path: Path) -> int:
    """A bundle whose two samples wait for their cases."""
    return stage.waiting_for_cases(tmp_path / "reviewer", BUNDLE, {JUROR: 8})


def drawn(stage: DataStage, number: int, first: int) -> None:
    """Open the cases of both samples in an order, and draw the jury of the first one."""
    other = stage.account(OTHER)
    for index in (first, 1 - first):
        stage.opener().open(number, index)
    stage.pass_time(1, 10)
    stage.juror(OTHER).draw(stage.data.dispute(number, first).case)
    assert other.data.jury.case(1).stage is CaseStage.VOTING


def juror(stage: DataStage, state: DataState) -> Juror:
    return Juror(stage.account(JUROR), state, DEPTH)


def voted(stage: DataStage) -> list[bytes]:
    """What the seats of the first case have committed to."""
    return [stage.data.jury.seat(1, 0, seat).commitment for seat in range(3)]


def lost_vote(stage: DataStage, state: DataState, number: int, verdict: Verdict) -> list[bytes]:
    """A vote about the first sample whose blocks are replaced then; what its seats had committed to."""
    with stage.taken_back():
        drawn(stage, number, 0)
        stage.pass_time(1, DEPTH)
        juror(stage, state).vote(1, verdict)
        return voted(stage)


def commit_again(stage: DataStage, sent: list[bytes]) -> None:
    """Have the lost transactions mined in the new branch as well."""
    for seat, commitment in enumerate(sent):
        stage.juror(JUROR).commit_vote(1, 0, seat, commitment)


def test_no_vote_is_committed_to_before_its_jury_is_final(stage: DataStage, state: DataState, number: int) -> None:
    drawn(stage, number, 0)
    own = juror(stage, state)
    with pytest.raises(NotReadyError, match=f"{DEPTH} blocks must vouch for it"):
        own.vote(1, Verdict.BAD)
    assert not any(map(any, voted(stage)))
    assert list((state.directory / "votes").glob("*")) == []
    stage.pass_time(1, DEPTH)
    with pytest.raises(InvalidInputError, match="is about sample 0 of bundle"):
        own.vote(1, Verdict.BAD, (number, 1))
    assert not any(map(any, voted(stage)))
    assert len(own.vote(1, Verdict.BAD, (number, 0))) == 3
    assert all(map(any, voted(stage)))


def test_a_vote_whose_case_is_another_samples_after_a_reorganisation_is_not_revealed(
    stage: DataStage, state: DataState, number: int
) -> None:
    sent = lost_vote(stage, state, number, Verdict.BAD)
    drawn(stage, number, 1)
    stage.pass_time(1, DEPTH)
    commit_again(stage, sent)
    own = juror(stage, state)
    with pytest.raises(ClosedError, match="before a reorganisation about another sample"):
        own.vote(1, Verdict.BAD)
    stage.pass_time(HOUR + 1, DEPTH)
    with pytest.raises(ClosedError, match=r"about something else now\. The vote is not revealed; its stake of 0\.0+4"):
        own.reveal(1)
    assert [stage.data.jury.seat(1, 0, seat).vote for seat in range(3)] == [Verdict.NONE] * 3


def test_a_vote_that_a_reorganisation_lost_is_committed_to_anew_about_what_the_case_is_about_now(
    stage: DataStage, state: DataState, number: int
) -> None:
    sent = lost_vote(stage, state, number, Verdict.BAD)
    drawn(stage, number, 1)
    stage.pass_time(1, DEPTH)
    own = juror(stage, state)
    own.vote(1, Verdict.BAD)
    assert not set(sent) & set(voted(stage)), "a salt of its own: the other vote may be mined yet"
    stage.pass_time(HOUR + 1, DEPTH)
    assert len(own.reveal(1)) == 3
    assert [stage.data.jury.seat(1, 0, seat).vote for seat in range(3)] == [Verdict.BAD] * 3


def test_a_vote_about_the_same_sample_is_revealed_whatever_was_reorganised(
    stage: DataStage, state: DataState, number: int
) -> None:
    sent = lost_vote(stage, state, number, Verdict.GOOD)
    drawn(stage, number, 0)
    stage.pass_time(1, DEPTH)
    commit_again(stage, sent)
    own = juror(stage, state)
    stage.pass_time(HOUR + 1)
    with pytest.raises(NotReadyError, match="are revealed from"):
        own.reveal(1)  # a block that may go says that voting is over: in the one that replaces it others may vote
    stage.pass_time(1, DEPTH)
    assert len(own.reveal(1)) == 3


def test_one_node_that_shows_another_sample_silences_no_seat(
    stage: DataStage, state: DataState, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(stage, number, 0)
    stage.pass_time(1, DEPTH)
    own = juror(stage, state)
    own.vote(1, Verdict.BAD)
    stage.pass_time(HOUR + 1, DEPTH)
    true = own._data.dispute
    lies = iter([True])
    monkeypatch.setattr(
        own._data, "dispute", lambda *at: replace(true(*at), case=9) if next(lies, False) else true(*at)
    )
    three_nodes(monkeypatch, own._data)
    assert len(own.reveal(1)) == 3


def test_a_case_is_about_its_sample_bundle_and_correction_and_nothing_else(stage: DataStage, number: int) -> None:
    drawn(stage, number, 0)
    record = stage.data.bundle(number)
    assert subject_at(stage.data, 1, number, 0) == Subject(record.campaign, number, 0, BUNDLE.tree().root, bytes(32))
    assert subject_at(stage.data, 1, number, 1) is None
    assert subject_at(stage.data, 1, number + 1000, 0) is None
