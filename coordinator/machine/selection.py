"""Which of the candidate submissions can go into one cohort: every prover of a cohort must hold all of its shares."""

from __future__ import annotations

from collections.abc import Mapping

from commons.protocol.messages import Cohort
from coordinator.machine.state import Resources
from coordinator.machine.verdicts import OwnerSetAside


def choose(
    resources: Resources,
    candidates: Cohort,
    signed: tuple[int, ...],
    reachable: frozenset[int],
    receipts: Mapping[int, frozenset[bytes]] | None,
) -> tuple[tuple[int, ...], frozenset[int], tuple[OwnerSetAside, ...]]:
    """Candidates (indices, ascending) and the provers that hold all of them; verdicts on those left for later.

    Greedy, widely held submissions first: an owner that gave its shares to few provers cannot push the others out.  Nor
    can it leave a batch without a prover to spare, when enough others give theirs to all: t provers may vanish after
    the set is signed, so a cohort keeps t beyond a quorum where it can.
    """
    if receipts is None:
        return signed, reachable, ()
    digests = candidates.digests
    holders = {i: frozenset(p for p in reachable if digests[i] in receipts.get(p, ())) for i in signed}
    chosen, common = _split(holders, reachable, resources)
    left = [i for i in signed if i not in chosen]
    reason = "receipts: too few provers hold its shares together with the others'; it waits for a later batch"
    verdicts = tuple(OwnerSetAside(digests[i], candidates.headers[i].owner, reason) for i in left)
    return tuple(sorted(chosen)), common, verdicts


def _split(
    holders: Mapping[int, frozenset[int]], reachable: frozenset[int], resources: Resources
) -> tuple[list[int], frozenset[int]]:
    """The largest first batch with provers to spare that leaves nobody behind: the rest, if any, is a batch too."""
    quorum, least = resources.committee.quorum, resources.terms.min_owners
    most = max(quorum, min(len(reachable), quorum + resources.committee.threshold))
    for kept in range(most, quorum, -1):
        chosen, common = _greedy(holders, reachable, kept)
        left = len(holders) - len(chosen)
        moved = max(0, least - left) if left else 0
        if len(chosen) - moved >= least:
            return chosen[: len(chosen) - moved], common
    return _greedy(holders, reachable, quorum)


def _greedy(
    holders: Mapping[int, frozenset[int]], reachable: frozenset[int], kept: int
) -> tuple[list[int], frozenset[int]]:
    """Submissions, widely held ones first, as long as ``kept`` provers hold all of them."""
    chosen: list[int] = []
    common = reachable
    for index in sorted(holders, key=lambda i: (-len(holders[i]), i)):
        if len(common & holders[index]) >= kept:
            chosen.append(index)
            common &= holders[index]
    return chosen, common
