"""What is made of a cohort that fails: what could still prove it, and whether it is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.giving_up import Outlook, Trouble, advice, gives_up, trouble_of

QUORUM = 3
LOST, STUCK, AWAY, NO_QUORUM = Trouble.LOST, Trouble.STUCK, Trouble.AWAY, Trouble.NO_QUORUM


@pytest.mark.parametrize(
    ("ready", "holders", "left", "trouble"),
    [
        pytest.param("0123", "0123", "0123", STUCK, id="everybody answers, and a lie has no name"),
        pytest.param("0123", "012", "01", AWAY, id="one of three holders fell out on the way"),
        pytest.param("012", "0123", "012", AWAY, id="a lie has no name, one is away who might show whose it is"),
        pytest.param("012", "123", "12", AWAY, id="two of three holders answer"),
        pytest.param("0123", "01", "01", STUCK, id="everybody answers, and only two hold all shares"),
        pytest.param("012", "03", "0", STUCK, id="who is away does not make a quorum of holders"),
        pytest.param("01", "0123", "01", NO_QUORUM, id="two answer at all"),
        pytest.param("01", "0123", "0123", NO_QUORUM, id="two are not named as liars"),
    ],
)
def test_what_could_still_prove_a_cohort(ready: str, holders: str, left: str, trouble: Trouble) -> None:
    sets = {
        name: frozenset(map(int, given)) for name, given in (("ready", ready), ("holders", holders), ("left", left))
    }
    assert trouble_of(final=False, quorum=QUORUM, **sets) is trouble
    assert trouble_of(final=True, quorum=QUORUM, **sets) is LOST


OPEN = Outlook(
    now=100, since=100, submit_deadline=200, settle_deadline=1000, locked=False, again=True, others=False
)  # fmt: skip
"""The submit window is open for 100 more seconds, and the cohort has just failed for the first time."""
LATE = replace(OPEN, now=300, since=300)
"""It is over; 700 seconds are left until the round is."""
HALF, LATE_HALF = 150, 650
"""Half of the time that there was when it began to fail has passed."""


@pytest.mark.parametrize(
    ("outlook", "lost", "stuck", "away"),
    [
        pytest.param(OPEN, True, True, False, id="its owners can submit again"),
        pytest.param(replace(OPEN, now=149), True, True, False, id="time may still cure it"),
        pytest.param(replace(OPEN, now=HALF), True, True, True, id="time has had its share"),
        pytest.param(replace(OPEN, now=HALF, again=False), True, False, False, id="an owner is at its last submission"),
        pytest.param(replace(OPEN, now=HALF, locked=True), True, False, False, id="provers may have signed it"),
        pytest.param(replace(OPEN, locked=True, others=True), True, True, False, id="others gain by its end"),
        pytest.param(replace(OPEN, now=550, locked=True, others=True), True, True, True, id="others have waited"),
        pytest.param(replace(OPEN, again=False, others=True), True, True, False, id="others gain, at its last"),
        pytest.param(LATE, True, False, False, id="too late to submit again, nobody gains"),
        pytest.param(replace(LATE, now=1000), True, False, False, id="to the end, where nobody gains"),
        pytest.param(replace(LATE, others=True), True, True, False, id="too late to submit again, others gain"),
        pytest.param(replace(LATE, now=649, others=True), True, True, False, id="others wait, but time may cure it"),
        pytest.param(replace(LATE, now=LATE_HALF, others=True), True, True, True, id="others wait, time had its share"),
    ],
)
def test_when_a_cohort_is_given_up(outlook: Outlook, lost: bool, stuck: bool, away: bool) -> None:
    assert (gives_up(LOST, outlook), gives_up(STUCK, outlook), gives_up(AWAY, outlook)) == (lost, stuck, away)
    assert not gives_up(NO_QUORUM, outlook), "no other cohort would fare better"


def test_owners_are_told_where_to_submit_again() -> None:
    assert advice(OPEN) == "submit again in this round"
    for late in (LATE, replace(OPEN, locked=True)):
        assert advice(late) == "submit to the next round"
