"""What a task's terms say of its model and of who reads its sums: digest of a manifest, key for sums."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.errors import InvalidInputError
from circuits.terms import NO_DIGEST, MarketId, NewTask, TaskTerms, Windows
from tests.support.parts import task_terms

NEW = NewTask(1, b"\1" * 20, b"\2" * 20, 10, 16, 1 << 32, 2, 6, 3, Windows(60, 600))
MANIFEST, KEY = b"\x0d" * 32, b"\x0e" * 32
MARKET = MarketId(1, b"\3" * 20, b"\4" * 32)


def created(new: NewTask) -> TaskTerms:
    """The terms of the task whose number is 5, whatever its terms."""
    return task_terms(new, market=MARKET, task_id=5, creator=b"\6" * 20)


def test_the_last_two_words_say_it() -> None:
    assert replace(NEW, manifest=MANIFEST, sum_key=KEY).words == (*NEW.words[:-2], MANIFEST, KEY)
    assert NEW.words[-2:] == (NO_DIGEST, NO_DIGEST)
    assert len(NEW.words) == 30


def test_everything_that_is_signed_binds_both() -> None:
    every = [NEW, replace(NEW, manifest=MANIFEST), replace(NEW, sum_key=MANIFEST), replace(NEW, sum_key=KEY)]
    assert len({created(new).terms_hash for new in every}) == len(every)
    assert len({new.identifier(MARKET.deployment, b"\6" * 20, 0) for new in every}) == len(every)


def test_with_a_key_sums_are_private() -> None:
    assert replace(NEW, sum_key=bytes(31) + b"\1").sums_private
    assert not NEW.sums_private and not replace(NEW, manifest=MANIFEST).sums_private


def test_what_is_sealed_is_not_published_on_the_chain() -> None:
    with pytest.raises(InvalidInputError, match="not published on the chain"):
        replace(NEW, sum_key=KEY, inline_payload=True)
    assert replace(NEW, manifest=MANIFEST, inline_payload=True).inline_payload


@pytest.mark.parametrize("word", ["manifest", "sum_key"])
@pytest.mark.parametrize("value", [b"", b"\1" * 31, b"\1" * 33])
def test_both_have_32_bytes(word: str, value: bytes) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes each"):
        replace(NEW, **{word: value})  # type: ignore[arg-type]
