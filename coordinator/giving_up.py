"""When a cohort that fails is given up.  Pure: what went wrong and how the round stands in, yes or no out.

Provers bind a submission to its cohort, so what cannot be proven in it cannot be proven at all.  Given up, it makes
place: its owners hand in fresh submissions while the round takes them, and whoever waits behind it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

SUBMISSIONS_A_ROUND = 4
"""How many submissions of an owner provers take in a round (`docs/protocol.md`, section 4)."""


class Trouble(Enum):
    """What could still prove a cohort that failed."""

    LOST = auto()
    """Nothing: too few of its owners are left, or one fell out of a set that provers were asked to sign."""
    STUCK = auto()
    """Another cohort: everybody who could help with this one has answered, and it failed all the same."""
    AWAY = auto()
    """Time: provers that could help are away, did not finish, or refused for now."""
    NO_QUORUM = auto()
    """Time, and no other cohort would fare better: fewer provers than a quorum are there for anybody."""


def trouble_of(
    *, final: bool, quorum: int, ready: frozenset[int], holders: frozenset[int], left: frozenset[int]
) -> Trouble:
    """Judge a failure.

    Args:
        final: the machine says that no attempt can ever succeed.
        ready: provers that answered before it and are not named.
        holders: provers with all its shares that are not named, whether they answer or not.
        left: those of them that were still in it when it failed.
    """
    if final:
        return Trouble.LOST
    if len(ready) < quorum:
        return Trouble.NO_QUORUM
    could_help = holders - left
    return Trouble.AWAY if could_help and len(holders) >= quorum else Trouble.STUCK


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a round with a failed cohort stands.  Times are the chain's, seconds since 1970.

    Attributes:
        since: when the cohort first failed.
        locked: provers were asked to sign a set of it, so they may take no other submission of its owners.
        again: none of its owners has used up its submissions of the round.
        others: enough other submissions for a batch wait behind it.
    """

    now: int
    since: int
    submit_deadline: int
    settle_deadline: int
    locked: bool
    again: bool
    others: bool

    @property
    def can_submit_again(self) -> bool:
        """Whether its owners get into this round with fresh submissions."""
        return self.now <= self.submit_deadline and not self.locked and self.again


def gives_up(trouble: Trouble, outlook: Outlook) -> bool:
    """Whether a failed cohort ends now, rather than being tried again.

    There must be somebody to gain by it: its owners, who can submit again, or others, who wait.  What time can cure is
    given half of the time that there was when it began to fail, until submissions end, or the round does.
    """
    if trouble is Trouble.LOST:
        return True
    if trouble is Trouble.NO_QUORUM or not (outlook.can_submit_again or outlook.others):
        return False
    if trouble is Trouble.STUCK:
        return True
    deadline = outlook.submit_deadline if outlook.can_submit_again else outlook.settle_deadline
    return outlook.now - outlook.since >= deadline - outlook.now


def advice(outlook: Outlook) -> str:
    """What owners of a cohort that is given up do."""
    again = outlook.now <= outlook.submit_deadline and not outlook.locked
    return "submit again in this round" if again else "submit to the next round"
