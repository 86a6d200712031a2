"""Courses of a campaign that a mirror plays: scripted ones for every end of a sample, and random ones."""

from __future__ import annotations

from benchmarks.datamarket.campaignrules import Outcome
from benchmarks.datamarket.juryrules import Verdict
from tests.datamarket.datastage import sample
from tests.datamarket.rulemirror import MEMBERS, RuleMirror, Votes

GOOD, BAD, FIXED = Verdict.GOOD, Verdict.BAD, Verdict.BAD_CORRECTED
CORRECTION = sample(3, 95, 1, 1)


def fresh(family: int, tweak: int = 0, label: int = 1) -> bytes:
    """A sample: those of one family are near to each other, those of two are not; 0 and 1 are the initial data's."""
    return sample(label, 10 * family + 5, 50, 50 + tweak)


MISFIT = sample(2, 101, 0, 0)


def challenged(mirror: RuleMirror, *samples: bytes, twice: bool = True, correction: bytes = CORRECTION) -> int:
    """A bundle in which everything is challenged, by two; in the step for answers.  Its number."""
    number = mirror.commit("ann", *samples)
    mirror.pass_steps()
    mirror.show(number)
    mirror.pass_steps()
    made = []
    for index in range(len(samples)):
        made.append(mirror.challenge("cat", (number, index), correction=correction))
        if twice:
            made.append(mirror.challenge("dan", (number, index)))
    mirror.pass_steps(2)
    for challenge in reversed(made):
        assert mirror.reveal(challenge)
    mirror.pass_steps()
    return number


def bundles_to_their_ends(mirror: RuleMirror) -> None:
    """Paid unchallenged, in the chain or not; never opened; opened without receipts; challenges not opened."""
    paid = mirror.commit("ann", fresh(2), fresh(3))
    inline = mirror.commit("bob", fresh(4), inline=True)
    silent, unread = mirror.commit("ann", fresh(5)), mirror.commit("bob", fresh(6), fresh(7))
    mirror.pass_steps()
    mirror.show(paid, MEMBERS)
    mirror.show(inline)
    mirror.void(unread, shown=True)
    early = mirror.challenge("cat", (paid, 0))
    mirror.pass_steps()
    assert not mirror.burn(early)
    mirror.pass_steps(2)
    assert not mirror.settle_bundle(paid)
    late = mirror.challenge("dan", (paid, 1))
    assert not mirror.reveal(late)
    mirror.pass_steps()
    assert not mirror.reveal(early)
    assert mirror.burn(early)
    assert mirror.settle_bundle(paid)
    assert mirror.settle_bundle(inline)
    mirror.void(silent, shown=False)
    mirror.pass_steps(4)
    assert mirror.burn(late)


def proofs_count(mirror: RuleMirror) -> None:
    """Copies of what was public and hidden, misfits; of two proofs BAD counts; what was decided BAD is no original."""
    mirror.commit("ann", fresh(2), fresh(0, 1), MISFIT, fresh(2, 1), fresh(3))
    mirror.commit("bob", fresh(3, 1), fresh(0), fresh(3, 2))
    mirror.pass_steps()
    mirror.show(0)
    mirror.show(1)
    mirror.pass_steps()
    made = [
        mirror.challenge("cat", (1, 2), original=(0, 4)), mirror.challenge("dan", (1, 2), original=(1, 0)),
        mirror.challenge("cat", (1, 0), original=(0, 4)), mirror.challenge("cat", (0, 3), original=(0, 0)),
        mirror.challenge("dan", (0, 2), schema=True), mirror.challenge("cat", (0, 2)),
        mirror.challenge("dan", (0, 1), original=(None, 0)), mirror.challenge("cat", (1, 1), original=(None, 0)),
    ]  # fmt: skip
    wrong = [
        mirror.challenge("eve", (0, 4), original=(1, 0)), mirror.challenge("eve", (0, 0), original=(0, 3)),
        mirror.challenge("eve", (0, 0), original=(0, 0)),
    ]  # fmt: skip
    mirror.pass_steps(2)
    assert all(mirror.reveal(each) for each in made)
    assert not any(mirror.reveal(each) for each in wrong)
    mirror.pass_steps()
    assert not mirror.concede((0, 2)), "what is proven is not conceded"
    targets = [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]
    assert all(mirror.settle(each) for each in targets)
    assert mirror.rules.bundles[1].outcomes == {0: Outcome.VOID, 1: Outcome.BAD, 2: Outcome.BAD}
    assert mirror.settle_bundle(0)
    assert mirror.settle_bundle(1)
    assert not any(mirror.burn(each) for each in wrong), "they may mean a bundle that is shown last"
    later = mirror.commit("bob", fresh(2, 2), fresh(3))
    mirror.pass_steps()
    assert all(mirror.burn(each) for each in wrong)
    mirror.show(later)
    mirror.pass_steps()
    public = mirror.challenge("cat", (later, 0), original=(0, 0))
    gone = mirror.challenge("dan", (later, 1), original=(1, 0))
    mirror.pass_steps(2)
    assert mirror.reveal(public)
    assert not mirror.reveal(gone)


def half_a_review_decides(mirror: RuleMirror) -> None:
    """Of two bundles with the same the first has the original, unless it comes under review too late."""
    for family, gap in ((2, 1), (3, 2)):
        first, second = mirror.commit("ann", fresh(family)), mirror.commit("bob", fresh(family, 1))
        mirror.pass_steps()
        mirror.show(second)
        mirror.pass_steps(gap)
        mirror.show(first)
        copy, original = ((second, 0), (first, 0)) if gap == 1 else ((first, 0), (second, 0))
        right = mirror.challenge("cat", copy, original=original)
        wrong = mirror.challenge("dan", original, original=copy)
        mirror.pass_steps(3 - gap if copy[0] == second else 3)
        assert mirror.reveal(right)
        if copy[0] == first:
            assert not mirror.reveal(wrong), "its time is over, too"
        mirror.pass_steps()
        assert mirror.settle(copy)


def conceded(mirror: RuleMirror) -> None:
    """With a correction and without; twice, too late, and what nobody challenged is refused."""
    first = challenged(mirror, fresh(2), fresh(3))
    assert mirror.concede((first, 0))
    assert not mirror.concede((first, 0))
    assert mirror.settle_bundle(first)
    assert mirror.concede((first, 1))
    second = challenged(mirror, fresh(4), correction=b"")
    assert mirror.concede((second, 0))
    third = challenged(mirror, fresh(5))
    mirror.pass_steps()
    assert not mirror.concede((third, 0))
    mirror.pass_steps()
    assert mirror.settle((third, 0)), "nobody opened a case: it is accepted"


def owner_decides(mirror: RuleMirror) -> None:
    """All that an owner can say, and its silence."""
    number = challenged(mirror, fresh(2), fresh(3), fresh(4), fresh(5), fresh(6))
    assert not mirror.say((number, 0), GOOD), "too early"
    assert mirror.concede((number, 4))
    other = challenged_again = mirror.commit("bob", fresh(7))
    mirror.pass_steps()
    for index, verdict in enumerate((GOOD, BAD, FIXED)):
        assert mirror.say((number, index), verdict)
        assert not mirror.say((number, index), verdict)
    mirror.pass_steps()
    assert mirror.settle((number, 3))
    plain = challenged(mirror, fresh(8), correction=b"")
    mirror.pass_steps()
    assert not mirror.say((plain, 0), FIXED), "there is no correction"
    assert mirror.say((plain, 0), BAD)
    assert other == challenged_again


def juries_decide(mirror: RuleMirror) -> None:
    """First juries: of one mind, divided, silent in part, of no decision."""
    cases: tuple[tuple[Votes, Outcome], ...] = (
        ((GOOD, GOOD, GOOD), Outcome.ACCEPTED), ((GOOD, BAD, GOOD), Outcome.ACCEPTED),
        ((BAD, FIXED, None), Outcome.BAD), ((FIXED, FIXED, GOOD), Outcome.CORRECTED),
        ((None, None, BAD), Outcome.ACCEPTED), ((None, GOOD, BAD), Outcome.ACCEPTED),
    )  # fmt: skip
    number = challenged(mirror, *(fresh(2 + at) for at in range(len(cases))))
    mirror.pass_steps()
    for index, (votes, outcome) in enumerate(cases):
        assert mirror.try_case((number, index), votes) is outcome
    plain = challenged(mirror, fresh(1 + len(cases), 2), correction=b"")
    mirror.pass_steps()
    assert mirror.try_case((plain, 0), (FIXED, FIXED, FIXED)) is Outcome.BAD, "there is no correction"


def appeals_decide(mirror: RuleMirror) -> None:
    """Appeals that turn a verdict, that do not, that have no decision, and that nobody can be drawn for."""
    most, few = (GOOD, GOOD, GOOD, GOOD, BAD, None, None), (BAD, BAD, GOOD, None, None, None, None)
    cases: tuple[tuple[Votes, str, Votes, Outcome], ...] = (
        ((BAD, BAD, GOOD), "ann", most, Outcome.ACCEPTED), ((GOOD, GOOD, BAD), "cat", (FIXED,) * 7, Outcome.CORRECTED),
        ((FIXED, GOOD, GOOD), "dan", most, Outcome.ACCEPTED), ((FIXED, FIXED, GOOD), "ann", few, Outcome.CORRECTED),
        ((None, None, GOOD), "bob", most, Outcome.ACCEPTED), ((None, None, GOOD), "bob", few, Outcome.ACCEPTED),
    )  # fmt: skip
    number = challenged(mirror, *(fresh(2 + at) for at in range(len(cases))))
    mirror.pass_steps()
    for index, (first, who, second, outcome) in enumerate(cases):
        assert mirror.try_case((number, index), first, appellant=who, second=second) is outcome


def nobody_is_drawn(mirror: RuleMirror) -> None:
    """A pool of one jury: an appeal costs nothing, and the first verdict stands."""
    number = challenged(mirror, fresh(2))
    mirror.pass_steps()
    assert mirror.try_case((number, 0), (BAD, FIXED, FIXED), appellant="ann") is Outcome.CORRECTED


def models_decide(mirror: RuleMirror) -> None:
    """A model that says 1 of everything; where it disagrees, a jury decides."""
    number = challenged(mirror, fresh(2, label=1), fresh(3, label=2), fresh(4, label=2))
    mirror.pass_steps()
    assert mirror.try_case((number, 0), ()) is Outcome.ACCEPTED
    assert mirror.try_case((number, 1), (FIXED, FIXED, GOOD)) is Outcome.CORRECTED
    assert mirror.try_case((number, 2), (GOOD, GOOD, GOOD)) is Outcome.ACCEPTED
