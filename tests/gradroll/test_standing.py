"""What an owner sees of its own gradients, and why there may be nothing to claim."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest

from circuits.errors import NotReadyError, UnavailableError
from circuits.terms import Pay, TaskTerms
from commons.chain.facts import Claimable
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime.amounts import ETH
from commons.storage.accounts import SigningKey
from gradroll.commands.submit import _of_round, leaving_in_words
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
    assert (seen.owed, seen.accepted, seen.settled) == (2000, 2, 0)


def test_an_owner_sees_in_which_rounds_it_posted() -> None:
    told = frozenset({(1, 5), (0, 6)})
    assert [each.posted for each in standing(chain(told=told).view, 0, OWNER, lambda _: None).rounds] == [False, True]


def test_a_coordinator_that_is_gone_hides_no_pay() -> None:
    def gone(_: int) -> None:
        raise UnavailableError("the coordinator cannot be reached")

    seen = standing(chain(accepted_indices=frozenset({5}), next_claim=2).view, 0, OWNER, gone)
    assert {each.trouble for each in seen.rounds} == {"the coordinator cannot be reached"}
    assert (seen.owed, seen.settled) == (0, 2)


def test_a_stranger_stands_nowhere() -> None:
    seen = standing(chain().view, 0, STRANGER, lambda _: PROVING)
    assert (seen.index, seen.rounds) == (None, ())


def test_a_seat_is_the_owners_that_registered_before_all_were_taken() -> None:
    assert [each.seated for each in standing(chain(limit=6).view, 0, OWNER, lambda _: None).rounds] == [True, True]
    assert [each.seated for each in standing(chain(limit=5).view, 0, OWNER, lambda _: None).rounds] == [False, False]
    assert [each.seated for each in standing(chain(leaves_at=1).view, 0, OWNER, lambda _: None).rounds] == [True, False]


class Unpaid(FakeChain):
    def terms(self, task_id: int) -> TaskTerms:
        return replace(super().terms(task_id), pay=Pay())


@dataclass
class Levels(FakeChain):
    """Pays by level: the owner has level 0 in the first rounds, ``earned`` in the last, once they have ended."""

    ended: int = 1
    earned: int = 0

    def claimable(self, task_id: int, index: int, through: int) -> Claimable:
        end = min(through, self.ended)
        return Claimable(self.earned if end == self.opened else 0, end)


def test_an_owner_sees_what_a_round_with_levels_earned_when_it_is_known() -> None:
    def told(ended: int, earned: int) -> list[str]:
        market = Levels(
            (SigningKey.generate(),), {OWNER: 5}, opened=3, accepted_indices=frozenset({5}), ended=ended, earned=earned
        )  # fmt: skip
        return [_of_round(each) for each in standing(market.view, 0, OWNER, lambda _: None).rounds]

    nothing, later = (
        "accepted, it earned nothing",
        "accepted, to be claimed when the round's settle deadline has passed",
    )
    assert told(1, 7) == [nothing, later, later]
    assert told(3, 0) == [nothing] * 3
    assert told(3, 7) == [nothing, nothing, "accepted, to be claimed: gradroll claim"]


def test_every_reason_for_nothing_to_claim_has_its_own_words() -> None:
    assert "not registered" in why_nothing(chain().view, 0, None, 2)
    assert "opened no round" in why_nothing(chain().view, 0, 5, 0)
    assert "no gradient of this owner is accepted in 2 rounds" in why_nothing(chain().view, 0, 5, 2)
    paid = chain(accepted_indices=frozenset({5}), next_claim=2)
    assert "all is paid: 2 accepted gradients" in why_nothing(paid.view, 0, 5, 2)
    accepted = Levels((SigningKey.generate(),), {OWNER: 5}, opened=2, accepted_indices=frozenset({5}))
    assert "settle deadline has passed; come back then" in why_nothing(accepted.view, 0, 5, 2)
    assert "had level 0, which earns nothing" in why_nothing(replace(accepted, ended=2).view, 0, 5, 2)
    free = Unpaid((SigningKey.generate(),), {OWNER: 5})
    assert "pays nothing" in why_nothing(free.view, 0, 5, 2)


def test_waiting_ends_with_the_submission() -> None:
    states = iter([SubmissionState.PENDING, SubmissionState.PROVING, SubmissionState.REJECTED])
    ended = await_end(lambda: replace(PROVING, state=next(states)), timeout=60, every=0)
    assert ended.state is SubmissionState.REJECTED


def test_waiting_gives_up_in_time_and_says_that_nothing_is_lost() -> None:
    with pytest.raises(NotReadyError, match=r"proving after 0 s; nothing is lost"):
        await_end(lambda: PROVING, timeout=0, every=1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        (
            {"leaves_at": 1},
            r"no part in rounds from 1 on; its deposit of \S+ ETH is paid back after .*gradroll owner exit",
        ),
        ({"leaves_at": 1, "exited": True}, "it has left, and its deposit of .* was paid back"),
        ({"leaves_at": 1, "excluded": True}, "signed that it dealt badly: .* its deposit of .* is lost"),
        ({"leaves_at": 1, "excluded": True, "exited": True}, "its deposit of .* is lost"),
    ],
)
def test_who_leaves_sees_what_becomes_of_its_deposit(changes: dict[str, object], said: str) -> None:
    told = leaving_in_words(standing(chain(**changes).view, 0, OWNER, lambda _: None), ETH)
    assert len(told) == bool(said)
    assert re.search(said, "".join(told))
