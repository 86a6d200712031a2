"""Samples are written in one way; what does not fit is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import (
    array_sample,
    contract_problem,
    features_of,
    label_of,
    least_sample,
    require_sample,
    text_of,
    text_sample,
)
from commons.samples.sampleschemas import MAX_SAMPLE, SampleKind, SampleSchema

ARRAY = SampleSchema.array(3, [9, 300, 70], 3, 2)
TEXT = SampleSchema.text(4, 1, 60)


@given(st.integers(0, 2), st.tuples(st.integers(0, 9), st.integers(0, 300), st.integers(0, 70)))
def test_an_array_is_read_as_it_was_written(label: int, features: tuple[int, ...]) -> None:
    sample = array_sample(ARRAY, label, features)
    require_sample(ARRAY, sample)
    assert (label_of(sample), features_of(ARRAY, sample)) == (label, features)


@pytest.mark.parametrize(
    ("label", "features"),
    [(3, (0, 0, 0)), (-1, (0, 0, 0)), (0, (10, 0, 0)), (0, (0, -1, 0)), (0, (0, 0)), (0, (0, 0, 0, 0))],
)
def test_an_array_out_of_range_is_not_written(label: int, features: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"label|feature"):
        array_sample(ARRAY, label, features)


@pytest.mark.parametrize("schema", [ARRAY, TEXT, SampleSchema.text(2, 7, 9), SampleSchema.array(2, [0], 1, 1)])
def test_the_least_sample_fits(schema: SampleSchema) -> None:
    require_sample(schema, least_sample(schema))


@given(st.text(max_size=20))
def test_a_text_that_is_written_fits_and_is_written_again_as_it_was(text: str) -> None:
    try:
        sample = text_sample(TEXT, 1, text)
    except InvalidInputError:
        return
    require_sample(TEXT, sample)
    assert text_sample(TEXT, 1, text_of(sample)) == sample
    assert text_of(sample).split() == unicodedata.normalize("NFC", text).split()


def test_white_space_and_form_do_not_make_another_text() -> None:
    wanted = text_sample(TEXT, 2, "Café au lait")
    for same in ("Cafe\u0301 au lait", " Café  au\tlait\n", "Café\u00a0au\u2003lait"):
        assert text_sample(TEXT, 2, same) == wanted


@pytest.mark.parametrize(
    ("text", "times"),
    [("", 1), (" ", 1), ("a\x00b", 1), ("a\x85b\x9f", 1), ("a\x7f", 1), ("\ud800", 1), ("x", 61), ("x", 10**7)],
)
def test_a_text_that_cannot_fit_is_not_written(text: str, times: int) -> None:
    text *= times
    with pytest.raises(InvalidInputError, match="a text"):
        text_sample(TEXT, 0, text)


@pytest.mark.parametrize("text", ["e\u0301", "a\u00a0b", "a\u2028b", "a\x85b"])
def test_what_the_contract_cannot_check_is_refused_before_paying(text: str) -> None:
    sample = b"\0\1" + text.encode()
    assert contract_problem(TEXT, sample) is None
    with pytest.raises(InvalidInputError, match=r"normal form|white space"):
        require_sample(TEXT, sample)


def test_kinds_do_not_mix() -> None:
    with pytest.raises(InvalidInputError, match="texts, not arrays"):
        array_sample(TEXT, 0, [1])
    with pytest.raises(InvalidInputError, match="arrays, not texts"):
        text_sample(ARRAY, 0, "a")


@pytest.mark.parametrize(
    "parts",
    [
        (SampleKind.ARRAY, 0, 1, 2, 0, 0, 0, b"\1"),
        (SampleKind.ARRAY, 2048, 1, 2, 0, 0, 0, b"\1"),
        (SampleKind.ARRAY, 4, 3, 2, 0, 0, 0, b"\1\1\1"),
        (SampleKind.ARRAY, 4, 0, 2, 0, 0, 0, b""),
        (SampleKind.ARRAY, 4, 1, 0, 0, 0, 0, b"\1"),
        (SampleKind.ARRAY, 4, 1, 65536, 0, 0, 0, b"\1"),
        (SampleKind.ARRAY, 4, 1, 2, 1, 0, 0, b"\1"),
        (SampleKind.ARRAY, 4, 1, 2, 0, 1, 0, b"\1"),
        (SampleKind.ARRAY, 4, 1, 2, 0, 0, 2**32, b"\1"),
        (SampleKind.ARRAY, 4, 1, 2, 0, 0, -1, b"\1"),
        (SampleKind.ARRAY, 4, 1, 2, 0, 0, 0, b""),
        (SampleKind.ARRAY, 4, 1, 2, 0, 0, 0, b"\1\1\1"),
        (SampleKind.ARRAY, 4, 2, 2, 0, 0, 0, b"\1"),
        (SampleKind.TEXT, 1, 0, 2, 1, 9, 0, b""),
        (SampleKind.TEXT, 0, 1, 2, 1, 9, 0, b""),
        (SampleKind.TEXT, 0, 0, 2, 0, 9, 0, b""),
        (SampleKind.TEXT, 0, 0, 2, 10, 9, 0, b""),
        (SampleKind.TEXT, 0, 0, 2, 1, 4095, 0, b""),
        (SampleKind.TEXT, 0, 0, 2, 1, 9, 0, b"\1"),
    ],
)
def test_a_schema_out_of_range_is_refused(parts: tuple[SampleKind, int, int, int, int, int, int, bytes]) -> None:
    with pytest.raises(InvalidInputError):
        SampleSchema(*parts)


def test_the_longest_samples_have_4096_bytes() -> None:
    assert SampleSchema.array(1, [1], 2047, 2).longest == SampleSchema.text(1, 1, 4094).longest == MAX_SAMPLE


def test_one_maximum_or_one_of_each() -> None:
    assert SampleSchema.array(1, [5], 3, 1).limits == SampleSchema.array(1, [5, 5, 5], 3, 1).limits == (5, 5, 5)
    with pytest.raises(InvalidInputError, match="maximum"):
        SampleSchema.array(1, [256], 3, 1)
