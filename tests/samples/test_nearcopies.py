"""Near copies: against the comparison of all pairs, on crowds, on floods, and on many samples."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.samples.bundlechecks import require_fitting, sample_problems
from commons.samples.canonicalsamples import array_sample, contract_problem
from commons.samples.nearcopies import NearCopy, near_copies
from commons.samples.sampledistances import distance
from commons.samples.sampleschemas import SampleSchema
from tests.support.tiers import deepened
from tests.vectors.v1.samples import generate


def require_all(schema: SampleSchema, samples: list[bytes], since: int = 0) -> list[NearCopy]:
    """Hold what is found against all pairs."""
    found = near_copies(schema, samples, since)
    near = {
        index: {other for other in range(index) if distance(schema, samples[index], samples[other]) <= schema.tau}
        for index in range(since, len(samples))
    }
    assert [each.index for each in found] == [index for index, others in near.items() if others]
    for each in found:
        assert each.original in near[each.index]
        assert each.distance == distance(schema, samples[each.index], samples[each.original])
    return found


ROWS = st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), max_size=30)


@settings(deadline=None)
@given(ROWS, st.sampled_from((0, 1, 2, 5, 40)), st.sampled_from((1, 2)), st.integers(0, 8))
def test_arrays_are_found_as_by_all_pairs(rows: list[list[int]], tau: int, size: int, since: int) -> None:
    schema = SampleSchema.array(2, [9], 4, size, tau)
    samples = [array_sample(schema, number % 2, row) for number, row in enumerate(rows)]
    require_all(schema, samples, since)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), max_size=30),
    st.sampled_from((0, 1, 2, 3, 20)),
    st.integers(0, 8),
)
def test_texts_are_found_as_by_all_pairs(texts: list[list[str]], tau: int, since: int) -> None:
    schema = SampleSchema.text(2, 1, 20, tau)
    require_all(schema, [b"\0\1" + " ".join(words).encode() for words in texts], since)


def test_samples_that_do_not_fit_are_near_to_none() -> None:
    schema = SampleSchema.array(2, [9], 2, 1, 1)
    samples = [b"\0\0\1\1", b"\0\7\1\1", b"\0\0\1", b"\0\1\x0a\1", b"\0\1\1\2"]
    assert near_copies(schema, samples) == [NearCopy(4, 0, 1)]


@pytest.mark.parametrize("count", deepened([20_000, 100_000], [20_000]))
def test_near_duplicates_among_many_arrays_are_found(count: int) -> None:
    """Samples like digits, of which 500 are shifted copies."""
    schema = SampleSchema.array(10, [16], 64, 1, tau=4)
    source = np.random.default_rng(7)
    centres = source.integers(0, 17, (10, 64))
    noise = source.normal(0, 4, (count, 64))
    rows = np.clip(centres[source.integers(0, 10, count)] + noise, 0, 16).astype(np.uint8)
    copies = {count - 1000 + 2 * number: 31 * number for number in range(500)}
    for place, original in copies.items():
        rows[place] = rows[original]
        rows[place, place % 64] = abs(int(rows[place, place % 64]) - 3)
    samples = [b"\0\1" + row.tobytes() for row in rows]
    assert {each.index: each.original for each in near_copies(schema, samples)} == copies


def test_near_duplicates_among_many_texts_are_found() -> None:
    source = random.Random(7)
    words = [f"w{number}" for number in range(4000)]
    texts = [source.choices(words, k=12) for _ in range(20_000)]
    copies = {19_000 + number: 31 * number for number in range(500)}
    for place, original in copies.items():
        texts[place] = [*texts[original][1:], "new"]
    samples = [b"\0\1" + " ".join(text).encode() for text in texts]
    found = near_copies(SampleSchema.text(2, 1, 200, tau=2), samples)
    assert {each.index: each.original for each in found} == copies


def test_a_flood_of_copies_is_found_without_comparing_them_all() -> None:
    """20,000 samples near one: one comparison each, where all pairs are 200 million."""
    schema = SampleSchema.array(2, [65535], 200, 2, tau=100_000)
    flood = np.random.default_rng(1).integers(0, 500, (20_000, 200)).astype(">u2")
    samples = [b"\0\0" + row.tobytes() for row in flood]
    assert len(near_copies(schema, samples, most=40_000)) == 19_999
    texts = [b"\0\0the same words but for %d" % number for number in range(20_000)]
    assert len(near_copies(SampleSchema.text(2, 1, 50, tau=2), texts, most=40_000)) == 19_999


def test_a_crowd_that_is_near_without_copies_is_given_up() -> None:
    """Each at distance tau + 1 from every other: no search could tell without comparing all."""
    schema = SampleSchema.array(2, [1], 2000, 1, tau=1)
    crowd = [b"\0\0" + bytes(place) + b"\1" + bytes(1999 - place) for place in range(2000)]
    assert near_copies(schema, crowd) == []
    with pytest.raises(InvalidInputError, match="in parts"):
        near_copies(schema, crowd, most=10_000)
    texts = [b"\0\0same words %d" % number for number in range(500)]
    with pytest.raises(InvalidInputError, match="in parts"):
        near_copies(SampleSchema.text(2, 1, 50, tau=1), texts, most=100_000)


def test_whole_bundles_are_checked_as_single_samples() -> None:
    for number, schema in enumerate(generate.SCHEMAS):
        samples = [sample for of, sample in (*generate._arrays(), *generate._texts()) if of == number]
        problems = [(place, contract_problem(schema, sample)) for place, sample in enumerate(samples)]
        assert list(sample_problems(schema, samples)) == [(place, fault) for place, fault in problems if fault]
        with pytest.raises(InvalidInputError, match="does not fit"):
            require_fitting(schema, samples)


def test_texts_that_the_contract_takes_and_the_library_does_not_are_named() -> None:
    samples = [b"\0\0good", b"\0\0e\xcc\x81"]
    assert not list(sample_problems(SampleSchema.text(1, 1, 9), samples))
    with pytest.raises(InvalidInputError, match="sample 1 does not fit the schema: a text is in Unicode"):
        require_fitting(SampleSchema.text(1, 1, 9), samples)
