"""Owners that cheat: each is found, and the others' sum is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import native
from circuits.statement import MASK_BITS, ROWS
from commons.protocol.replies import ProverNamed
from coordinator.machine import OwnerRejected, OwnerSetAside
from native import FrArray
from tests.support.network import BOUND, IntArray, Network, OwnerPlan, gradients, network_with, slack_bits
from tests.support.tiers import deepened

DIMENSION = 5
HALF = (native.R + 1) // 2
COMMITTEES = deepened([(4, 1), (7, 2)], fast=[(4, 1)])
"""The fast tier has an owner that cheats in each way, in the smallest committee that can name it."""
Cheat = Callable[[IntArray], OwnerPlan]


def too_long(gradient: IntArray) -> OwnerPlan:
    """A norm above the bound, with the bits of a slack taken modulo 2^62."""
    long = np.full(DIMENSION, 1 << 20, np.int64)
    return OwnerPlan(long, bits=slack_bits((BOUND - 5 * (1 << 40)) % (1 << 62)))


def honest_bits_of_a_shorter_one(gradient: IntArray) -> OwnerPlan:
    """A norm above the bound, with the bits of a gradient that is not."""
    return OwnerPlan(np.full(DIMENSION, 1 << 20, np.int64), bits=slack_bits(BOUND - 1))


def bits_that_are_no_bits(gradient: IntArray) -> OwnerPlan:
    """The slack is negative, and one 'bit' makes up for it."""
    slack = BOUND - 5 * (1 << 40)
    return OwnerPlan(np.full(DIMENSION, 1 << 20, np.int64), bits=native.from_ints([slack % native.R] + [0] * 61))


def halves(gradient: IntArray) -> OwnerPlan:
    """Four coordinates 1/2 have squared norm 1, modulo r."""
    values = native.from_ints([HALF] * 4 + [0])
    return OwnerPlan(gradient, values=values, bits=slack_bits(BOUND - 1))


def huge_coordinate(gradient: IntArray) -> OwnerPlan:
    """Far outside what the projections can hide."""
    return OwnerPlan(gradient, values=native.from_ints([1 << 120, 0, 0, 0, 0]), bits=slack_bits(0))


def huge_masks(gradient: IntArray) -> OwnerPlan:
    """Masks that would hide anything, out of range."""
    return OwnerPlan(gradient, masks=native.from_ints([1 << MASK_BITS + 2] * ROWS))


def another_commitment(gradient: IntArray) -> OwnerPlan:
    """What it commits to is not what it shares."""
    return OwnerPlan(gradient, commit_to=native.from_int64(gradient + 1))


def off(position: int, prover: int) -> Cheat:
    """One prover's share of one element (negative: from the end) is off the polynomial."""

    def bend(shares: list[FrArray]) -> None:
        share = shares[prover % len(shares)]
        share[position] = native.add(share[[position]], native.from_ints([1]))[0]

    return lambda gradient: OwnerPlan(gradient, bend=bend)


def twins(one: int, other: int) -> Cheat:
    """A prover gets the share of another one, so the owner signs one digest for both."""

    def bend(shares: list[FrArray]) -> None:
        shares[other] = shares[one].copy()

    return lambda gradient: OwnerPlan(gradient, bend=bend)


def other_seed(prover: int) -> Cheat:
    """One prover gets another seed for its first set than the others of the set."""
    return lambda gradient: OwnerPlan(gradient, tamper=_flipping(prover, position=5))


def other_correction(prover: int) -> Cheat:
    """One prover gets another correction of the first coordinate."""
    return lambda gradient: OwnerPlan(gradient, tamper=_flipping(prover, position=-192 * 32 - 13 * DIMENSION))


def other_exempt(gradient: IntArray) -> OwnerPlan:
    """The first prover is told other provers without correction, so it weighs the correction differently."""

    def tamper(payloads: list[bytes]) -> None:
        size, threshold = len(payloads), {3: 1, 4: 1, 5: 2, 7: 2}[len(payloads)]
        last = bytes(range(size - threshold, size))
        assert payloads[0][1 : 1 + threshold] != last
        payloads[0] = payloads[0][:1] + last + payloads[0][1 + threshold :]

    return OwnerPlan(gradient, tamper=tamper)


def _flipping(prover: int, position: int) -> Callable[[list[bytes]], None]:
    def tamper(payloads: list[bytes]) -> None:
        raw = bytearray(payloads[prover])
        raw[position] ^= 1
        payloads[prover] = bytes(raw)

    return tamper


CHEATS = [
    ("validity", too_long),
    ("validity", honest_bits_of_a_shorter_one),
    ("validity", bits_that_are_no_bits),
    ("smallness", halves),
    ("smallness", huge_coordinate),
    ("smallness", huge_masks),
    ("commitment", another_commitment),
    ("dealing", off(0, 0)),
    ("dealing", off(DIMENSION, 2)),
    ("dealing", off(DIMENSION + 5, 1)),
    ("dealing", off(-10, 3)),
    ("dealing", off(-1, 1)),
    ("dealing", other_seed(1)),
    ("dealing", other_correction(0)),
    ("dealing", other_exempt),
    ("dealing", twins(0, -1)),
    ("dealing", twins(1, 2)),
    ("dealing", twins(1, 0)),
    ("signature", lambda gradient: OwnerPlan(gradient, forged=("signature",))),
    ("signature", lambda gradient: OwnerPlan(gradient, forged=("dealing_signature",))),
]
IDS = [
    "too-long", "bits-of-another", "no-bits", "halves", "huge-coordinate", "huge-masks", "commitment", "off-value",
    "off-blinder", "off-mask", "off-bit", "off-check", "other-seed", "other-correction", "other-exempt",
    "twin-of-first", "twin-between", "twin-before", "forged-header", "forged-dealing",
]  # fmt: skip

UNATTRIBUTED = {i: cheat for (code, cheat), i in zip(CHEATS, IDS, strict=True) if code in ("validity", "dealing")}


def network_of(cheats: Sequence[tuple[int, Cheat]], owners: int = 4, **options: Any) -> Network:
    plans = [OwnerPlan(g) for g in gradients(owners, DIMENSION)]
    for at, cheat in cheats:
        plans[at] = cheat(plans[at].gradient)
    return network_with(plans, dimension=DIMENSION, **options)


def rejected(network: Network, verdicts: Sequence[object]) -> dict[int, str]:
    """Code of the rejection by owner."""
    by_submission = {network.submission(i): i for i in range(len(network.headers))}
    return {by_submission[v.submission]: v.code for v in verdicts if isinstance(v, OwnerRejected)}


@pytest.mark.parametrize(("provers", "threshold"), COMMITTEES)
@pytest.mark.parametrize(("code", "cheat"), CHEATS, ids=IDS)
def test_cheating_owner_is_rejected_and_the_others_are_summed(
    code: str, cheat: Cheat, provers: int, threshold: int
) -> None:
    network = network_of([(1, cheat)], provers=provers, threshold=threshold)
    result = network.run()
    network.check(result, [0, 2, 3])
    assert rejected(network, result.verdicts) == {1: code}
    assert len(result.verdicts) == 1


@pytest.mark.parametrize(("provers", "threshold"), deepened([(3, 1), (5, 2)], fast=[(3, 1)]))
@pytest.mark.parametrize("name", deepened(UNATTRIBUTED, fast=["too-long", "off-value", "other-seed"]))
def test_with_2t_plus_1_provers_the_owner_is_set_aside_and_nobody_is_accused(
    name: str, provers: int, threshold: int
) -> None:
    network = network_of([(1, UNATTRIBUTED[name])], provers=provers, threshold=threshold)
    result = network.run()
    network.check(result, [0, 2, 3])
    assert [type(v) for v in result.verdicts] == [OwnerSetAside]


@pytest.mark.parametrize(("provers", "threshold"), [(3, 1), (4, 1)])
def test_several_cheats_at_once_are_all_found(provers: int, threshold: int) -> None:
    network = network_of([(0, halves), (2, another_commitment)], provers=provers, threshold=threshold)
    result = network.run()
    network.check(result, [1, 3])
    assert rejected(network, result.verdicts) == {0: "smallness", 2: "commitment"}


@pytest.mark.slow
def test_several_owners_whose_shares_match_no_commitment_are_found_by_halving() -> None:
    network = network_of([(i, another_commitment) for i in (0, 2, 5)], owners=9, capacity=9)
    result = network.run()
    network.check(result, [1, 3, 4, 6, 7, 8])
    assert rejected(network, result.verdicts) == {0: "commitment", 2: "commitment", 5: "commitment"}


def test_errors_of_two_commitments_that_cancel_are_both_found() -> None:
    def shifted(by: int) -> Cheat:
        return lambda gradient: OwnerPlan(gradient, commit_to=native.from_int64(gradient + by))

    network = network_of([(0, shifted(1)), (1, shifted(-1))])
    result = network.run()
    network.check(result, [2, 3])
    assert rejected(network, result.verdicts) == {0: "commitment", 1: "commitment"}


@pytest.mark.slow
def test_owners_that_deal_wrongly_to_different_provers_get_nobody_else_into_trouble() -> None:
    cheats = [(i, off(0, prover)) for i, prover in enumerate((0, 3, 5))]
    network = network_of(cheats, owners=5, capacity=5, provers=7, threshold=2)
    result = network.run()
    network.check(result, [3, 4])
    assert rejected(network, result.verdicts) == {0: "dealing", 1: "dealing", 2: "dealing"}
    assert not result.of(ProverNamed)


def test_negative_masks_within_the_tolerance_do_not_stop_the_batch() -> None:
    masks = native.from_ints([(-(1 << MASK_BITS - 1) + (1 << 60)) % native.R] * ROWS)
    network = network_of([(0, lambda g: OwnerPlan(g, masks=masks))], owners=2)
    network.check(network.run(), [0, 1])
