"""Draws, commitments and digests of bounties: the code gives what the vectors say; and what is refused."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from commons.protocol.bountydraws import (
    TESTS,
    TRAINING,
    HiddenGroup,
    commitment,
    draw_entropy,
    drawn_groups,
    seed_commitment,
    stage_seed,
)
from commons.protocol.modelofferings import DatasetReceipt
from tests.vectors.v1.bounties import generate


@pytest.mark.parametrize("name", sorted(generate.FILES))
def test_the_code_gives_the_vector(name: str) -> None:
    assert generate.FILES[name]() == json.loads((generate.HERE / f"{name}.json").read_text(encoding="utf-8"))


def test_every_group_is_drawn_equally_often() -> None:
    """6,000 draws of 3 of 12: each group 1,500 times, with a standard deviation of 34."""
    counted: Counter[int] = Counter()
    for number in range(6000):
        entropy = draw_entropy(bytes(32), TRAINING, bytes(32), number.to_bytes(32, "big"))
        drawn = drawn_groups(entropy, range(12), 3)
        assert len(set(drawn)) == 3
        counted.update(drawn)
    assert set(counted) == set(range(12))
    assert all(abs(count - 1500) < 6 * 34 for count in counted.values())


def test_a_draw_depends_on_bounty_stage_seed_and_block() -> None:
    two = (bytes(32), b"\1" * 32)
    made = {draw_entropy(bounty, stage, seed, block)
            for bounty in two for stage in (TRAINING, TESTS) for seed in two for block in two}  # fmt: skip
    assert len(made) == 16


def test_the_seed_of_the_first_draw_does_not_tell_that_of_the_second() -> None:
    """s1 follows from s0 by a hash, and the commitment from s1 by another."""
    secret = b"\5" * 32
    first, second = stage_seed(secret, TRAINING), stage_seed(secret, TESTS)
    assert second == secret and len({secret, first, seed_commitment(secret)}) == 3
    assert stage_seed(first, TRAINING) == seed_commitment(secret)
    with pytest.raises(ValueError, match="not 3"):
        stage_seed(secret, 3)
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="where 32 belong"):
            stage_seed(wrong, TESTS)
        with pytest.raises(ValueError, match="where 32 belong"):
            seed_commitment(wrong)


def test_all_and_none_can_be_drawn() -> None:
    entropy = draw_entropy(bytes(32), TESTS, bytes(32), bytes(32))
    assert drawn_groups(entropy, {5, 3, 60}, 3) == (3, 5, 60)
    assert drawn_groups(entropy, {5, 3, 60}, 0) == ()


@pytest.mark.parametrize(("available", "count"), [({1, 2}, 3), ({1, 64}, 1), ({-1, 2}, 1), (set(), 1), ({1}, -1)])
def test_what_cannot_be_drawn_is_refused(available: set[int], count: int) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        drawn_groups(bytes(32), available, count)


def test_words_of_another_length_are_refused() -> None:
    """Lengths that would fit into words in more ways than one."""
    for salt in (b"", bytes(20), bytes(31), bytes(64)):
        with pytest.raises(ValueError, match="where 32 belong"):
            _ = HiddenGroup(salt, bytes(32), bytes(32), 1).leaf
    with pytest.raises(ValueError, match="where 32 belong"):
        commitment([bytes(32), bytes(64)])
    with pytest.raises(ValueError, match="where 32 belong"):
        draw_entropy(bytes(20), TESTS, bytes(32), bytes(32))
    with pytest.raises(ValueError, match="where 32 belong"):
        draw_entropy(bytes(32), TESTS, bytes(20), bytes(32))
    with pytest.raises(ValueError, match="where 32 belong"):
        drawn_groups(bytes(20), {1}, 1)


@pytest.mark.parametrize("count", [0, 1, 65])
def test_commitments_are_to_2_to_64_groups(count: int) -> None:
    with pytest.raises(ValueError, match="2 to 64"):
        commitment([bytes(32)] * count)


def test_receipts_are_for_two_stages() -> None:
    with pytest.raises(ValueError, match="stage 3"):
        DatasetReceipt(bytes(32), 3, {})
    with pytest.raises(ValueError, match="not 0"):
        draw_entropy(bytes(32), 0, bytes(32), bytes(32))
    with pytest.raises(ValueError, match="groups"):
        DatasetReceipt(bytes(32), TESTS, {64: generate._hidden(64)})
