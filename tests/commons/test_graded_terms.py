"""Terms by which gradients are graded, from and to the contract's words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from circuits.errors import ChainError, InvalidInputError
from circuits.terms import Grading, MarketId, NewTask, TaskTerms, Windows
from commons.chain import decoding

DATA = b"\x0d" * 32
MARKET = MarketId(1, b"\x03" * 20, b"\x04" * 32)


def new(grading: Grading | None, bound: int = 1 << 32) -> NewTask:
    return NewTask(
        1, b"\1" * 20, b"\2" * 20, 10, 16, bound, 2, 6, 3, Windows(60, 600), grading=grading, manifest=b"\7" * 32,
        sum_key=b"\x08" * 32,
    )  # fmt: skip


def shown(task: NewTask, last: Sequence[object]) -> TaskTerms:
    return decoding.terms([*task.words[:-5], *last, *task.words[-2:]], MARKET, 5, b"\6" * 20)


def test_three_of_the_last_words_say_it() -> None:
    assert new(Grading(4, 8, DATA)).words[-5:-2] == (4, 8, DATA)
    assert new(None).words[-5:-2] == (0, 0, bytes(32))
    assert len(new(None).words) == 30


@pytest.mark.parametrize("grading", [None, Grading(1, 1, DATA), Grading(64, 64, bytes(32))])
def test_what_a_node_shows_is_read(grading: Grading | None) -> None:
    task = new(grading)
    read = shown(task, task.words[-5:-2])
    assert read.grading == grading
    assert read.words == task.words


@pytest.mark.parametrize(
    "last", [(0, 8, DATA), (4, 0, DATA), (9, 8, DATA), (4, 65, DATA), (0, 0, DATA), (1, 0, bytes(32))]
)
def test_what_no_market_takes_is_refused(last: Sequence[object]) -> None:
    with pytest.raises(ChainError, match="no market takes"):
        shown(new(None), last)


def test_a_bound_leaves_the_scale_large_enough() -> None:
    """As ``Grading.allows`` of the contract: dither 2^32 and no more."""
    assert new(Grading(1, 3, DATA), 3 << 32).grading_rule is not None
    with pytest.raises(InvalidInputError, match="too large"):
        new(Grading(1, 3, DATA), (3 << 32) + 1)
