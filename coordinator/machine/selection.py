"""Which of the candidate submissions can go into one cohort: every prover of a cohort must hold all of its shares."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.machine.state import Resources
from coordinator.machine.verdicts import OwnerSetAside
from provers.messages import Cohort


def choose(
    resources: Resources,
    candidates: Cohort,
    signed: tuple[int, ...],
    reachable: frozenset[int],
    receipts: Mapping[int, frozenset[bytes]] | None,
) -> tuple[tuple[int, ...], frozenset[int], tuple[OwnerSetAside, ...]]:
    """Candidates (indices, ascending) and the provers that hold all of them; verdicts on those left for later.

    Greedy, widely held submissions first: an owner that gave its shares to few provers cannot push the others out.
    """
    if receipts is None:
        return signed, reachable, ()
    digests = candidates.digests
    holders = {i: frozenset(p for p in reachable if digests[i] in receipts.get(p, ())) for i in signed}
    chosen: list[int] = []
    common = reachable
    for index in sorted(signed, key=lambda i: (-len(holders[i]), i)):
        if len(common & holders[index]) >= resources.committee.quorum:
            chosen.append(index)
            common &= holders[index]
    left = [i for i in signed if i not in chosen]
    reason = "receipts: too few provers hold its shares together with the others'; it waits for a later batch"
    verdicts = tuple(OwnerSetAside(digests[i], candidates.headers[i].owner, reason) for i in left)
    return tuple(sorted(chosen)), common, verdicts
