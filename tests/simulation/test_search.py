"""The inference that names liars, against every truth there can be."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from commons.protocol.messages import Step
from coordinator.machine.liarsearch import Record, infer, without_each

STEPS = (Step.VALIDATE, Step.COMBINE, Step.PROVE)
KEPT = frozenset(range(4))


def record(active: set[int] | frozenset[int], residuals: set[int] | None, depth: Step = Step.PROVE) -> Record:
    return Record(frozenset(active), depth, None if residuals is None else frozenset(residuals))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(3, 1), (4, 1), (5, 2), (7, 2), (10, 3)]))
def test_the_truth_is_never_contradicted(seed: int, committee: tuple[int, int]) -> None:
    provers, threshold = committee
    generator = random.Random(seed)
    everybody = frozenset(range(provers))
    liars = frozenset(generator.sample(range(provers), generator.randrange(threshold + 1)))
    guilty = frozenset(generator.sample(range(4), generator.choice((0, 0, 1, 2))))
    records = []
    for _ in range(generator.randrange(1, 12)):
        active = frozenset(generator.sample(range(provers), generator.randrange(2 * threshold + 1, provers + 1)))
        records.append(_outcome(generator, active, liars, guilty))
    inference = infer(records, everybody, threshold, KEPT)
    assert inference.possible
    assert inference.named <= liars
    assert inference.guilty <= guilty


def _outcome(generator: random.Random, active: frozenset[int], liars: frozenset[int], guilty: frozenset[int]) -> Record:
    depth = generator.choice(STEPS)
    if not active & liars:
        return Record(active, Step.VALIDATE if guilty else depth, guilty)
    residuals = generator.choice((None, frozenset(generator.sample(range(4), generator.randrange(5)))))
    if residuals:
        return Record(active, Step.VALIDATE, residuals)
    # Nobody can make the proof of a guilty owner verify.
    return Record(active, min(depth, Step.COMBINE) if guilty else depth, residuals)


def test_persistent_liar_is_named_by_elimination() -> None:
    provers = frozenset(range(4))
    records = [record(provers, None)]
    records += [record(s, None if 2 in s else set()) for s in without_each(provers, 1)]
    assert infer(records, provers, 1, KEPT).named == {2}


def test_one_failure_alone_names_nobody() -> None:
    provers = frozenset(range(4))
    inference = infer([record(provers, None)], provers, 1, KEPT)
    assert not inference.named
    assert inference.suspects == provers


def test_owner_that_fails_under_every_choice_is_guilty() -> None:
    provers = frozenset(range(4))
    records = [record(s, {1}, Step.VALIDATE) for s in without_each(provers, 1)]
    inference = infer(records, provers, 1, KEPT)
    assert inference.guilty == {1}
    assert not inference.named


def test_owner_that_one_choice_clears_is_not_called_guilty_before_a_proof() -> None:
    provers = frozenset(range(4))
    records = [record(s, set() if s == {0, 1, 2} else {1}, Step.VALIDATE) for s in without_each(provers, 1)]
    assert not infer(records, provers, 1, KEPT).guilty
    proven = [*records, record({0, 1, 2}, set(), Step.PROVE)]
    inference = infer(proven, provers, 1, KEPT)
    assert inference.named == {3}
    assert not inference.guilty


def test_failures_of_owners_that_left_do_not_count() -> None:
    provers = frozenset(range(4))
    records = [record(s, {1}, Step.VALIDATE) for s in without_each(provers, 1)]
    inference = infer(records, provers, 1, KEPT - {1})
    assert not inference.guilty
    assert not any(r.failed(KEPT - {1}) for r in records)


def test_contradictions_everywhere_need_more_than_t_liars() -> None:
    provers = frozenset(range(4))
    records = [record(s, None) for s in without_each(provers, 1)]
    assert not infer(records, provers, 1, KEPT).possible
