"""Pay by improvement: it telescopes, copies earn nothing, and whoever knows a test is not paid for it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import array_sample
from commons.samples.improvements import ImprovementTable, improvement_leaf, improvement_table
from commons.samples.merkletrees import verify_proof
from commons.samples.nearcopies import near_to
from commons.samples.perceptrons import Perceptron
from commons.samples.sampledistances import distance
from commons.samples.sampleschemas import SampleSchema

SCHEMA = SampleSchema.array(4, [40], 6, 1, tau=3)
BUDGET = 10**18 + 7


def drawn(count: int, seed: int, flipped: float = 0.0) -> list[bytes]:
    """Samples of four classes: each has a feature that is high; some have another label."""
    source = random.Random(seed)
    made = []
    for _ in range(count):
        label = source.randrange(4)
        features = [source.randrange(12) + (20 if at == label else 0) for at in range(6)]
        shown = (label + 1) % 4 if source.random() < flipped else label
        made.append(array_sample(SCHEMA, shown, features))
    return made


TESTS = drawn(200, 1)


def table(*bundles: list[bytes], initial: list[bytes] | None = None, budget: int = BUDGET) -> ImprovementTable:
    """The table of bundles numbered 3, 6, 9, ..; as a sequence they have gaps."""
    numbered = [(3 * place + 3, samples) for place, samples in enumerate(bundles)]
    return improvement_table(SCHEMA, TESTS, initial or [], numbered, budget)


def test_pay_is_for_the_best_score_and_telescopes() -> None:
    found = table(drawn(10, 2), drawn(40, 3), drawn(40, 4, flipped=1.0), drawn(40, 5), initial=drawn(2, 6))
    best = max(found.base, *(part.right for part in found.parts))
    assert sum(part.amount for part in found.parts) == BUDGET * best // 200 - BUDGET * found.base // 200
    assert found.parts[2].amount == 0
    assert found.parts[2].right < found.parts[1].right
    assert sum(part.amount for part in found.parts) <= BUDGET


def test_scores_are_those_of_the_perceptron() -> None:
    one, other = drawn(10, 2), drawn(40, 3)
    model = Perceptron(SCHEMA)
    for part, samples in zip(table(one, other).parts, (one, other), strict=True):
        near = near_to(SCHEMA, TESTS, samples)
        model.train(sample for place, sample in enumerate(samples) if place not in near)
        assert part.right == model.right(TESTS)


def test_cutting_data_into_bundles_pays_for_the_best_score_on_the_way_and_no_more() -> None:
    data = drawn(30, 2)
    whole, parts = table(data), table(data[:10], data[10:20], data[20:])
    assert parts.parts[-1].right == whole.parts[0].right
    best = max(part.right for part in parts.parts)
    assert sum(part.amount for part in parts.parts) == BUDGET * best // 200 - BUDGET * parts.base // 200


def test_a_copy_takes_nothing_from_its_original() -> None:
    """Where each bundle was left out in turn, both would get nothing."""
    data = drawn(60, 2)
    alone, copied = table(data), table(data, data)
    assert copied.parts[0] == alone.parts[0]
    assert copied.parts[0].amount > 0
    assert copied.parts[1].amount <= BUDGET * (200 - copied.parts[0].right) // 200


def test_leaked_tests_are_not_trained_on() -> None:
    moved = [sample[:-1] + bytes((sample[-1] ^ 1,)) for sample in TESTS]
    for leaked in (TESTS, moved, [b"\0\3" + sample[2:] for sample in TESTS]):
        found = table(leaked, leaked)
        assert [part.amount for part in found.parts] == [0, 0]
        assert found.paid == ()
        assert found.root == bytes(32)
    mixed = drawn(30, 2)
    assert table([*moved, *mixed]).parts[0].right == table(mixed).parts[0].right


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=12), st.integers(0, 12))
def test_what_is_near_to_known_samples_is_found_as_by_all_pairs(rows: list[tuple[int, int]], known: int) -> None:
    samples = [array_sample(SCHEMA, label, [value, 0, value // 3, 0, 0, 0]) for label, value in rows]
    first, rest = samples[:known], samples[known:]
    wanted = {
        place for place, each in enumerate(rest) if any(distance(SCHEMA, each, other) <= SCHEMA.tau for other in first)
    }
    assert near_to(SCHEMA, first, rest) == wanted


def test_texts_near_to_known_ones_are_found() -> None:
    schema = SampleSchema.text(2, 1, 99, tau=2)
    known = [b"\0\0a small house", b"\0\0by the sea"]
    texts = [
        b"\0\1a small boat",
        b"\0\1a boat",
        b"\0\0house small a",
        b"\0\0by the red sea",
        b"\0\0a boat",
        b"\0\0\xff",
    ]
    assert near_to(schema, known, texts) == {0, 2, 3}


def test_each_part_can_be_shown_from_the_root() -> None:
    found = table(drawn(5, 2), drawn(20, 3), drawn(60, 4))
    tree = found.tree()
    assert len(found.paid) > 1
    for place, part in enumerate(found.paid):
        leaf = improvement_leaf(part.bundle, part.amount)
        assert verify_proof(found.root, leaf, tree.proof(place))
        assert not verify_proof(found.root, improvement_leaf(part.bundle, part.amount + 1), tree.proof(place))


def test_bundles_out_of_order_and_no_tests_are_refused() -> None:
    for tests, numbers in (([], [1]), (TESTS, [2, 1]), (TESTS, [1, 1])):
        with pytest.raises(InvalidInputError, match="in the order of their numbers"):
            improvement_table(SCHEMA, tests, [], [(number, drawn(2, 2)) for number in numbers], 1)
    with pytest.raises(InvalidInputError, match="in the order"):
        improvement_table(SCHEMA, TESTS, [], [], -1)
