"""Opening what was committed to: one thing that goes wrong costs no other stake, and nothing is shown early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ClosedError, KeyFileError, NotReadyError, StorageError, UnknownError
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import ChallengeStage
from commons.chain.juryfacts import CaseStage, Verdict
from commons.samples.contributions import Ground
from gradroll.datamarket.datarevealing import reveal_due
from gradroll.datamarket.dataroles import DataRoles
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.juror import Juror
from gradroll.datamarket.reviewer import Reviewer
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, REVIEWER, DataStage, bundle_of, sample

BUNDLE = bundle_of(sample(1, 10, 20, 30), sample(2, 40, 50, 60))


def reviewed(stage: DataStage, campaign: bytes) -> int:
    """A bundle whose review has begun."""
    return stage.reviewed(stage.account(CONTRIBUTOR), campaign, BUNDLE)


def all_revealing(stage: DataStage, state: DataState) -> tuple[DataRoles, int, int]:
    """An account with a bundle and a challenge that are to be opened now."""
    roles = DataRoles(stage.account(REVIEWER), state, 1)
    number = reviewed(stage, stage.campaign())
    challenge = roles.reviewer.challenge(number, 0, Ground.JUDGED)
    stage.pass_time(HOUR + 1)
    own = roles.contributor.commit(stage.campaign(), BUNDLE)
    stage.pass_time(1, 2)
    return roles, own, challenge


@pytest.mark.parametrize("folder", ["contributions", "challenges", "votes"])
def test_a_file_that_is_damaged_keeps_no_other_from_being_opened(
    stage: DataStage, state: DataState, folder: str
) -> None:
    roles, own, challenge = all_revealing(stage, state)
    (state.directory / folder).mkdir(exist_ok=True)
    for name in ("00" * 32, "ff" * 32, "something"):
        (state.directory / folder / f"{name}.json").write_text("damaged")
    made = reveal_due(roles)
    assert (made.bundles, made.challenges) == ([own], [challenge])
    assert all(isinstance(error, KeyFileError) for _, error in made.failed)
    assert len(made.failed) == (0 if folder == "votes" else 3)


def test_what_one_role_cannot_ask_keeps_no_other_from_it(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles, _, challenge = all_revealing(stage, state)

    def broken(*asked: object) -> list[int]:
        raise StorageError("no")

    monkeypatch.setattr(roles.contributor, "pending", broken)
    monkeypatch.setattr(roles.juror, "to_reveal", broken)
    made = reveal_due(roles)
    assert (made.challenges, [what for what, _ in made.failed]) == ([challenge], ["bundles", "cases"])


def test_one_node_alone_cannot_have_a_challenge_shown_while_others_could_copy_it(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Reviewer(stage.account(REVIEWER), state)
    challenge = own.challenge(reviewed(stage, stage.campaign()), 0, Ground.JUDGED)
    now = own._data.chain.now
    sent: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(own._data.chain, "most", lambda ask: None)  # the others know that the review goes on
        patched.setattr(own._data.chain, "now", lambda: now() + HOUR + 1)
        patched.setattr(DataAccount, "reveal_judged", lambda *given: sent.append(given))
        with pytest.raises(NotReadyError):
            own.open(challenge)
    assert not sent
    stage.pass_time(HOUR + 1)
    own.open(challenge)
    assert stage.data.challenge(challenge).stage is ChallengeStage.OPENED


@pytest.mark.parametrize("before", [0, 299])
def test_no_stake_is_sent_that_might_be_mined_after_the_review(stage: DataStage, state: DataState, before: int) -> None:
    campaign = stage.campaign()
    number, own = reviewed(stage, campaign), Reviewer(stage.account(REVIEWER), state)
    record = stage.data.bundle(number)
    end = record.review_end(stage.data.campaign(campaign).terms)
    stage.pass_time(end - before - stage.data.chain.now())
    with pytest.raises(ClosedError, match="not for long"):
        own.challenge(number, 0, Ground.JUDGED)
    assert stage.data.challenges(campaign) == []
    assert list(state.challenges.all()) == []


def test_no_stake_is_sent_for_a_bundle_that_one_node_alone_shows(
    stage: DataStage, state: DataState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A challenge binds the root: one against a root that is not the contract's cannot be opened."""
    campaign = stage.campaign()
    number, own = reviewed(stage, campaign), Reviewer(stage.account(REVIEWER), state)
    true, told = own._data.bundle, iter([b"\x01" * 32])
    monkeypatch.setattr(own._data, "bundle", lambda at: replace(true(at), root=next(told, true(at).root)))
    with pytest.raises(ClosedError):
        own.challenge(number, 0, Ground.JUDGED)
    assert stage.data.challenges(campaign) == []


def test_each_vote_is_revealed_that_can_be_and_none_while_others_could_copy_it(
    stage: DataStage, state: DataState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = stage.campaign()
    number = reviewed(stage, campaign)
    juror = Juror(stage.account(1), state)
    juror.join(campaign, 4)
    Reviewer(stage.account(REVIEWER), state).challenge(number, 0, Ground.JUDGED)
    settler = stage.settler()
    stage.pass_time(HOUR + 1)
    assert reveal_due(DataRoles(stage.account(REVIEWER), state, 1)).challenges
    stage.pass_time(2 * HOUR + 1)
    settler.settle(campaign)
    case = stage.data.dispute(number, 0).case
    stage.pass_time(1, 10)
    settler.settle(campaign)
    assert stage.data.jury.case(case).stage is CaseStage.VOTING
    assert len(juror.vote(case, Verdict.BAD)) == 3
    first = stage.data.jury.seat(case, 0, 0).commitment
    (state.directory / "votes" / f"{first.hex()}.json").unlink()
    stage.pass_time(HOUR + 1)
    with monkeypatch.context() as patched:
        patched.setattr(juror._data.chain, "most", lambda ask: None)
        with pytest.raises(NotReadyError):
            juror.reveal(case)
    monkeypatch.setattr(juror._data, "subject_of", lambda case: pytest.fail("a node may not keep old events"))
    assert juror.to_reveal() == [case]
    with pytest.raises(UnknownError, match="nobody else has it"):
        juror.reveal(case)
    votes = [stage.data.jury.seat(case, 0, seat).vote for seat in range(3)]
    assert votes == [Verdict.NONE, Verdict.BAD, Verdict.BAD]
