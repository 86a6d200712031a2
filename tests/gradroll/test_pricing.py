"""Fees, deposit and smallest batch by rule: no relayer works at a loss, taking places costs as much as it locks, and
small batches do not eat up the pay."""

from __future__ import annotations

import pytest

from benchmarks.economics import rounds, snapshots
from benchmarks.economics.costs import Line
from circuits.errors import InvalidInputError
from circuits.statement import MAX_COPIES
from circuits.terms import Pay
from gradroll.model_owner.pricing import (
    BATCH_PART,
    GAS_PRICE,
    HIDDEN_AMONG,
    gas_fees,
    gradient_gas,
    owners_that_carry,
    relaying_gas,
    settling_gas,
    usual_deposit,
    usual_min_owners,
)

ETHER, FINNEY = 10**18, 10**15
COMMITTEES = [4, 7, 16, 31]
HEADROOM = 1.1
"""The rule is above what is measured, and not by more."""
COPY_GAS = 96 * 16 + 94
"""Of one more copy of a reference: its calldata, without zeros, and hashing it.  Fixtures have 3 copies, a round of
many owners has 16."""


def settled(provers: int) -> int:
    """Measured gas of the first settling of a committee of any size."""
    more = provers - rounds.PROVERS
    first = snapshots.of("market", "settleFees, all 4 members, for the first time")
    return first + more * snapshots.of("committee", "settleFees, for the first time: more per member")


def graded_batch(owners: int) -> int:
    """Measured gas of a graded batch without fees, with as many copies of the reference as there may be."""
    return snapshots.of("graded", f"acceptGradedBatch, {owners} owners") + (MAX_COPIES - 3) * COPY_GAS


def accepted(owners: int, provers: int, *, graded: bool) -> float:
    """Measured gas of a batch with fees that all members have attested, on a roster that was not copied."""
    more = provers - rounds.PROVERS
    fees = rounds.gas_of_fees() + owners * snapshots.of("gas", "fees, 64 owners: more per gradient")
    attested = fees + more * snapshots.of("committee", "acceptBatch: more per attestation")
    if not graded:
        return rounds.batch_line(compacted=False).at(owners) + attested
    return Line.through((15, graded_batch(15)), (32, graded_batch(32))).at(owners) + attested


@pytest.mark.parametrize("graded", [False, True], ids=["norm", "graded"])
@pytest.mark.parametrize("provers", COMMITTEES)
@pytest.mark.parametrize("owners", [2, 3, 8, 16, 32, 64, 120])
def test_the_coordinators_fee_covers_its_gas(owners: int, provers: int, graded: bool) -> None:
    """Of the acceptance, and of a settling in which everybody has a credit for the first time."""
    pay = gas_fees(Pay(bonus=1), provers, graded=graded)
    gas = accepted(owners, provers, graded=graded) + settled(provers)
    fee = pay.coordinator_batch + owners * pay.coordinator_gradient
    assert gas * GAS_PRICE <= fee <= HEADROOM * gas * GAS_PRICE


@pytest.mark.parametrize("label", ["norm_3", "gas_8", "norm_16", "gas_32", "gas_64"])
def test_it_covers_each_batch_that_was_measured(label: str) -> None:
    """Not only the line through them."""
    owners = int(label.partition("_")[2])
    gas = snapshots.of("gas", f"{label}: transaction") + rounds.gas_of_fees() + settled(rounds.PROVERS)
    assert gas <= relaying_gas(rounds.PROVERS) + owners * gradient_gas() <= HEADROOM * gas


@pytest.mark.parametrize("owners", [15, 32])
def test_it_covers_each_graded_batch_that_was_measured(owners: int) -> None:
    """The one of 6 has owners of two words of the roster, which no fee reckons with."""
    gas = graded_batch(owners) + rounds.gas_of_fees() + settled(rounds.PROVERS)
    fee = relaying_gas(rounds.PROVERS, graded=True) + owners * gradient_gas(graded=True)
    assert gas <= fee <= HEADROOM * gas


@pytest.mark.parametrize("provers", COMMITTEES)
def test_the_provers_fees_together_cover_a_settling(provers: int) -> None:
    pay, gas = gas_fees(Pay(bonus=1), provers), settled(provers)
    assert gas * GAS_PRICE <= provers * pay.prover_batch <= HEADROOM * gas * GAS_PRICE


@pytest.mark.parametrize("graded", [False, True], ids=["norm", "graded"])
def test_fees_follow_the_gas_price_that_is_asked_for(graded: bool) -> None:
    pay = gas_fees(Pay(bonus=10**6, deposit=7), provers=4, gas_price=3, graded=graded)
    expected = (3 * relaying_gas(4, graded=graded), 3 * gradient_gas(graded=graded))
    assert (pay.coordinator_batch, pay.coordinator_gradient) == expected
    assert (4 * pay.prover_batch, pay.prover_gradient) == (3 * settling_gas(4), 10**4)
    assert (pay.bonus, pay.deposit) == (10**6, 7)


def test_no_fee_is_nothing_where_something_is_paid() -> None:
    pay = gas_fees(Pay(bonus=1), provers=32, gas_price=1)
    assert all((pay.coordinator_batch, pay.coordinator_gradient, pay.prover_batch, pay.prover_gradient))


def test_in_a_token_gas_has_no_price() -> None:
    with pytest.raises(InvalidInputError, match="name each of them"):
        gas_fees(Pay(token=b"\x07" * 20, bonus=1), 4)


@pytest.mark.parametrize("capacity", [2, 3, 16, 65_535])
def test_who_takes_all_places_locks_as_much_as_a_round_does(capacity: int) -> None:
    pay = gas_fees(Pay(bonus=FINNEY), provers=4)
    deposit = usual_deposit(pay, 4, 2, capacity)
    assert 0 <= capacity * deposit - pay.reserve(capacity, 4, 2) < capacity


def test_where_a_round_costs_nothing_nobody_deposits() -> None:
    assert usual_deposit(Pay(), 4, 2, 16) == 0


@pytest.mark.parametrize("flat", [FINNEY, 5 * FINNEY, ETHER])
@pytest.mark.parametrize("provers", [4, 7])
def test_fees_of_the_smallest_batches_stay_within_their_part(flat: int, provers: int) -> None:
    """Where that takes more owners than half of the largest batch, it is half; `precheck` tells what they cost then."""
    pay = gas_fees(Pay(bonus=flat), provers)
    least = usual_min_owners(pay, provers, 1024, 120)
    assert HIDDEN_AMONG <= least <= 60
    assert BATCH_PART * pay.per_batch(provers) <= least * pay.flat
    assert least == HIDDEN_AMONG or BATCH_PART * pay.per_batch(provers) > (least - 1) * pay.flat


def test_a_round_of_many_costs_little_more_than_its_pay() -> None:
    """With batches of two its fees a batch were several times the pay."""
    pay = gas_fees(Pay(bonus=FINNEY), 4)
    least = usual_min_owners(pay, 4, 1024, 64)
    assert 1024 // least * pay.per_batch(4) <= 1024 * pay.flat / BATCH_PART
    assert 1024 // 2 * pay.per_batch(4) > 4 * 1024 * pay.flat


@pytest.mark.parametrize("pay", [gas_fees(Pay(bonus=1), 4), Pay(coordinator_batch=1), Pay(), Pay(bonus=1)])
@pytest.mark.parametrize("largest", [3, 4, 5, 16, 64, 120])
def test_any_number_of_owners_divides_into_batches(pay: Pay, largest: int) -> None:
    """And a round does not need more than half of the owners that it has places for."""
    for capacity in (2, 3, 5, 16, 65_535):
        least = usual_min_owners(pay, 4, capacity, largest)
        assert 2 <= least <= max(2, capacity // 2)
        for owners in range(least, 4 * largest):
            batches = -(-owners // largest)
            assert owners // batches >= least


def test_where_nothing_is_paid_a_batch_the_smallest_one_hides_its_owners() -> None:
    assert usual_min_owners(Pay(bonus=FINNEY), 4, 1024, 64) == HIDDEN_AMONG
    assert usual_min_owners(Pay(), 4, 1024, 64) == HIDDEN_AMONG
    assert usual_min_owners(Pay(coordinator_batch=1), 4, 1024, 64) == 32
    assert (owners_that_carry(Pay(), 4), owners_that_carry(Pay(coordinator_batch=1), 4)) == (1, None)
