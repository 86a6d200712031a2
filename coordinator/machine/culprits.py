"""What happens after a setback: an attempt without the culprits, a trial of the search, a probe, or the end.

``resume`` alone decides what comes next, from the roster and the recorded outcomes; so it does not matter in which
order bad news arrives, and every path ends: each trial adds a record, each verdict removes somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from circuits.errors import BlamedProversError, InconsistentError
from commons.protocol.messages import Cohort, Step
from commons.protocol.replies import ProverNamed, blamed
from coordinator.machine import attempt, probe
from coordinator.machine.liarsearch import Inference, Record, infer, place, without_each
from coordinator.machine.setbacks import (
    Halted,
    Mismatched,
    OwnersFell,
    ProversFell,
    Setback,
    SetbackError,
    Unlocated,
)
from coordinator.machine.state import Batch, Ended, Ground, Hunt, Resources, Run, Transition
from coordinator.machine.verdicts import (
    Failed,
    OwnerVerdict,
    ProversSuspected,
    Verdict,
    rejection,
    setting_aside,
)

MOST_ATTEMPTS = 512
"""Attempts that one batch may take, probes and trials included."""
_TOO_MANY_LIARS = "the failures cannot all come from t lying provers; replace the committee"
_TOO_MANY = f"no result after {MOST_ATTEMPTS} attempts; look at the verdicts, then begin again without the suspects"
_VALIDITY = "validity: every choice of provers finds its norm above the bound, or its bits wrong"
_UNATTRIBUTED = "unattributed: its validity test fails, and too few provers answered to say who is at fault"
REFERENCE = "the copy of the model owner's reference is no good, so nobody can be graded against it in this cohort"
LOCKED = "an owner fell out of a set that provers had signed already, and they sign no other with the rest of it"
_STANDOFF = (
    "one of the provers lied; with so few provers it can stop a round, never bend it. "
    "Begin again when more provers can be reached, or replace the suspects"
)


def setback_of(error: BlamedProversError | InconsistentError | SetbackError, step: Step) -> Setback:
    """The setback behind an error of a step."""
    if isinstance(error, SetbackError):
        return error.setback
    if isinstance(error, BlamedProversError):
        return ProversFell(blamed(error, step))
    return Unlocated(str(error))


def recover(resources: Resources, run: Run, step: Step, setback: Setback) -> Transition:
    """Go on after a setback in one step of an attempt or probe."""
    batch, ground = run.batch, run.ground
    match setback:
        case ProversFell(verdicts):
            return resume(resources, batch.without(verdicts), ground, verdicts)
        case OwnersFell(owners, verdicts):
            return resume(resources, batch, _without(ground, owners), verdicts)
        case Mismatched():
            hunt = Hunt(probe.halves(run.proposal.kept))
            return _start_probe(resources, run, hunt)
        case Unlocated(_, residuals, shown_at):
            return _record(resources, run, shown_at or step, residuals)
        case Halted(reason):
            return failed(batch, (), reason)


def passed(resources: Resources, run: Run, step: Step) -> Transition:
    """A trial went well up to its last step."""
    return _record(resources, run, step, frozenset())


def _record(resources: Resources, run: Run, step: Step, residuals: frozenset[int] | None) -> Transition:
    depth = Step.COMBINE if run.proposal.probe else step
    return resume(resources, _with_record(run, depth, residuals), run.ground)


def _with_record(run: Run, depth: Step, residuals: frozenset[int] | None) -> Batch:
    record = Record(frozenset(run.active), depth, residuals)
    return replace(run.batch, records=(*run.batch.records, record))


def _start_probe(resources: Resources, run: Run, hunt: Hunt) -> Transition:
    if _exhausted(run.batch):
        return failed(run.batch, (), _TOO_MANY)
    return probe.start(resources, run.batch, run.ground, frozenset(run.active), hunt)


def _exhausted(batch: Batch) -> bool:
    return batch.attempt - batch.first_attempt >= MOST_ATTEMPTS


def enough_provers(resources: Resources, batch: Batch) -> bool:
    """Whether the provers that are left can still run a batch."""
    return len(batch.reachable) >= resources.committee.quorum


def too_few_provers(resources: Resources, batch: Batch) -> str:
    """Why a batch without a quorum ends."""
    return (
        f"too few provers: {len(batch.reachable)} of {resources.committee.size} are left, "
        f"{resources.committee.quorum} are needed; begin again when the others are back"
    )


def failed(batch: Batch, verdicts: Sequence[Verdict], reason: str, *, final: bool = False) -> Transition:
    """The end of a batch that cannot go on."""
    return Transition(Ended(batch), {}, tuple(verdicts), Failed(reason, final))


def resume(resources: Resources, batch: Batch, ground: Ground, verdicts: Sequence[Verdict] = ()) -> Transition:
    """Start whatever attempt the roster and the records call for; ``verdicts`` is news to pass on."""
    news = list(verdicts)
    if batch.locked is not None:
        ground = replace(ground, kept=ground.kept & batch.locked)
    while True:
        obstacle = _obstacle(resources, batch, ground)
        if obstacle:
            return failed(batch, news, obstacle.reason, final=obstacle.final)
        search = _Search.of(resources, batch, ground)
        if search.inference.named:
            named = search.names()
            news += named
            batch = batch.without(named)
        elif search.inference.guilty & ground.kept:
            ground = _drop(batch, ground, search.inference.guilty, news, rejection, _VALIDITY)
        elif (chosen := search.chosen()) is not None:
            run = attempt.planned(batch, ground, *chosen)
            try:
                return replace(attempt.start(resources, run), verdicts=tuple(news))
            except BlamedProversError as error:
                verdicts = blamed(error, Step.PROJECT)
                news += verdicts
                batch = run.batch.without(verdicts)
            except InconsistentError:
                batch = _with_record(run, Step.MASK, None)
        elif not search.unclear():
            reason = _STANDOFF if search.inference.possible else _TOO_MANY_LIARS
            return failed(batch, [*news, *search.accusations()], reason)
        else:
            ground = _drop(batch, ground, search.unclear(), news, setting_aside, _UNATTRIBUTED)


def _obstacle(resources: Resources, batch: Batch, ground: Ground) -> Failed | None:
    """Why no further attempt is possible; None if one is."""
    if not enough_provers(resources, batch):
        return Failed(too_few_provers(resources, batch))
    if batch.is_graded and 0 not in ground.kept:
        return Failed(REFERENCE, final=True)
    if batch.locked is not None and ground.kept != batch.locked:
        return Failed(LOCKED, final=True)
    owners = batch.owners(ground.kept)
    if owners < resources.terms.min_owners:
        return Failed(f"too few owners: {owners} are left, the task asks for {resources.terms.min_owners}", final=True)
    return Failed(_TOO_MANY) if _exhausted(batch) else None


def _drop(
    batch: Batch,
    ground: Ground,
    owners: frozenset[int],
    news: list[Verdict],
    verdict: Callable[[Cohort, int, str], OwnerVerdict],
    reason: str,
) -> Ground:
    """Take owners out of the batch and say why."""
    news += [verdict(batch.cohort, i, reason) for i in sorted(owners & ground.kept)]
    return _without(ground, owners)


def _without(ground: Ground, owners: frozenset[int]) -> Ground:
    return replace(ground, kept=ground.kept - owners)


def conclude(resources: Resources, run: Run, transition: Transition) -> Transition:
    """A completed batch, with what its success says about the provers of the attempts that failed."""
    record = Record(frozenset(run.active), Step.ATTEST, frozenset())
    batch = replace(run.batch, records=(*run.batch.records, record))
    search = _Search.of(resources, batch, run.ground)
    return replace(transition, verdicts=(*transition.verdicts, *search.accusations()))


@dataclass(frozen=True, slots=True)
class _Search:
    """The records that still matter, and what they say.

    Attributes:
        cleared: whether these owners are known to be valid from before.
        failures: records that fail with the owners and provers that are left.
        sets: the sets of provers to try, all of the size that can name a liar by elimination.
    """

    reachable: frozenset[int]
    kept: frozenset[int]
    cleared: bool
    records: tuple[Record, ...]
    failures: tuple[Record, ...]
    sets: tuple[frozenset[int], ...]
    inference: Inference

    @classmethod
    def of(cls, resources: Resources, batch: Batch, ground: Ground) -> _Search:
        """Everything that follows from the roster and the records."""
        unnamed = frozenset(range(resources.committee.size)) - batch.named
        liars = batch.liars(resources.committee.threshold)
        records = tuple(r for r in batch.records if r.active <= unnamed)
        spare = min(liars, len(batch.reachable) - resources.committee.quorum)
        failures = tuple(r for r in records if r.failed(ground.kept))
        sets = tuple(without_each(batch.reachable, spare)) if failures else ()
        inference = infer(batch.records, unnamed, liars, ground.kept, cleared=batch.is_cleared)
        return cls(batch.reachable, ground.kept, batch.is_cleared, records, failures, sets, inference)

    @property
    def depth(self) -> Step:
        """The step after which a trial ends: the deepest at which an attempt failed.

        Wrong inner products among 2t + 1 provers always fit; they come out when T is held against the combined row.
        """
        deepest = max((r.depth for r in self.failures), key=place)
        return Step.COMBINE if deepest is Step.MASK else deepest

    def names(self) -> tuple[ProverNamed, ...]:
        """Provers that every explanation of the failures contains."""
        reason = "search: only with it among the liars can the failures of the attempts be explained"
        return tuple(ProverNamed(p, self.depth, reason) for p in sorted(self.inference.named))

    def accusations(self) -> tuple[Verdict, ...]:
        """The last word on the provers: names, or else a suspicion."""
        if self.inference.named or not self.failures or not self.inference.suspects:
            return self.names() if self.failures else ()
        reason = "search: the attempts that failed do not tell which of them lied"
        return (ProversSuspected(tuple(sorted(self.inference.suspects)), self.depth, reason),)

    def chosen(self) -> tuple[frozenset[int], Step | None] | None:
        """The provers of the next attempt, and the step after which it ends if it is only a trial."""
        if (trial := self.untested()) is not None:
            return trial, self.depth
        return None if (clean := self.clean()) is None else (clean, None)

    def untested(self) -> frozenset[int] | None:
        """The next set whose outcome at this depth is not known; none when there is nothing to choose between."""
        if len(self.sets) < 2:
            return None
        return next((s for s in self.sets if not self._known(s)), None)

    def _known(self, active: frozenset[int]) -> bool:
        return any(
            r.active == active and (place(r.depth) >= place(self.depth) or r in self.failures) for r in self.records
        )

    def clean(self) -> frozenset[int] | None:
        """A set that has not failed, the largest first."""
        failing = {r.active for r in self.failures}
        return next((s for s in (self.reachable, *self.sets) if s not in failing), None)

    def unclear(self) -> frozenset[int]:
        """Owners without whom some set has no failure left; the fewest possible, none of those known to be valid."""
        if self.cleared:
            return frozenset()
        choices = []
        for active in (self.reachable, *self.sets):
            failing = [r.residuals for r in self.failures if r.active == active]
            owners = [r & self.kept for r in failing if r is not None]
            if owners and len(owners) == len(failing):
                choices.append(frozenset[int]().union(*owners))
        return min(choices, key=lambda o: (len(o), sorted(o)), default=frozenset())
