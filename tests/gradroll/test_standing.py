"""What an owner sees of its own gradients, and why there may be nothing to claim."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from circuits.errors import NotReadyError, UnavailableError
from commons.chain.view import ChainView
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.storage.accounts import SigningKey
from gradroll.data_owner.claims import why_nothing
from gradroll.data_owner.standing import await_end, standing
from tests.gradroll.fakes import FakeChain

OWNER, STRANGER = b"\x07" * 20, b"\x08" * 20
PROVING = SubmissionStatus(bytes(32), SubmissionState.PROVING)


def chain(**changes: object) -> FakeChain:
    """A market in which the owner has index 5, and two rounds were opened."""
    return replace(FakeChain((SigningKey.generate(),), {OWNER: 5}, opened=2), **changes)  # type: ignore[arg-type]


def test_an_owner_sees_each_round_with_its_status_and_pay() -> None:
    answers = {0: SubmissionStatus(bytes(32), SubmissionState.ACCEPTED), 1: None}
    seen = standing(chain(accepted_indices=frozenset({5})).view, 0, OWNER, answers.get)
    assert seen.index == 5
    assert [each.status for each in seen.rounds] == [answers[0], None]
    assert (seen.owed, seen.paid) == (2000, 0)


def test_a_coordinator_that_is_gone_hides_no_pay() -> None:
    def gone(_: int) -> None:
        raise UnavailableError("the coordinator cannot be reached")

    seen = standing(chain(accepted_indices=frozenset({5}), paid=1 << 5).view, 0, OWNER, gone)
    assert {each.trouble for each in seen.rounds} == {"the coordinator cannot be reached"}
    assert (seen.owed, seen.paid) == (0, 2000)


def test_a_stranger_stands_nowhere() -> None:
    seen = standing(chain().view, 0, STRANGER, lambda _: PROVING)
    assert (seen.index, seen.rounds) == (None, ())


class Unpaid(FakeChain):
    def terms(self, task_id: int) -> object:  # type: ignore[override]
        return replace(super().terms(task_id), reward_per_gradient=0)


def test_every_reason_for_nothing_to_claim_has_its_own_words() -> None:
    rounds = range(2)
    assert "not registered" in why_nothing(chain().view, 0, rounds, STRANGER)
    assert "opened no round" in why_nothing(chain().view, 0, (), OWNER)
    assert "no gradient of this account is accepted in 2 rounds" in why_nothing(chain().view, 0, rounds, OWNER)
    paid = chain(accepted_indices=frozenset({5}), paid=1 << 5)
    assert "all is paid: 2 accepted gradients" in why_nothing(paid.view, 0, rounds, OWNER)
    free = Unpaid((SigningKey.generate(),), {OWNER: 5})
    assert "pays nothing" in why_nothing(cast(ChainView, free), 0, rounds, OWNER)


def test_waiting_ends_with_the_submission() -> None:
    states = iter([SubmissionState.PENDING, SubmissionState.PROVING, SubmissionState.REJECTED])
    ended = await_end(lambda: replace(PROVING, state=next(states)), timeout=60, every=0)
    assert ended.state is SubmissionState.REJECTED


def test_waiting_gives_up_in_time_and_says_that_nothing_is_lost() -> None:
    with pytest.raises(NotReadyError, match=r"proving after 0 s; nothing is lost"):
        await_end(lambda: PROVING, timeout=0, every=1)
