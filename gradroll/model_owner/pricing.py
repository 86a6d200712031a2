"""Fees, deposit and smallest batch of a task whose model owner does not name them.

A fee is a constant of the terms, never the gas price of the day: who relays knows what it gets, and nobody can make the
model owner pay for a price that it has chosen.  The rule is one number, the highest gas price at which batches should
still be relayed:

- the coordinator gets the gas of a batch and of settling its fees at that price: it loses nothing as long as gas costs
  less;
- each prover gets its part of the gas of settling, which the provers do in turns where the coordinator does not, and a
  hundredth of each gradient's pay for computing and for the bond that it keeps;
- an owner deposits what a round sets aside for one owner, so that who takes places from others locks as much money as
  it makes the model owner lock.

The part of fees that is paid a batch rewards many small batches.  How small they may be is a term, and the rule for it
keeps that part within a third of what the gradients are paid.
"""

from __future__ import annotations

from dataclasses import replace

from circuits.errors import InvalidInputError
from circuits.terms import Pay

BATCH_GAS, ATTESTATION_GAS, GRADIENT_GAS = 490_000, 7_500, 15_000
"""Gas of `acceptBatch` with fees, on a roster that was not copied: for a batch, for each prover's attestation, and for
each gradient.  A few hundredths above contracts/snapshots."""
GRADED_BATCH_GAS, GRADED_GRADIENT_GAS = 582_000, 16_800
"""The same of `acceptGradedBatch`, for a batch with 16 copies of its reference, the most that there are, and for each
gradient."""
SETTLING_GAS, RECEIPT_GAS = 135_000, 28_000
"""Gas of `settleFees` where nobody has a credit yet: for a batch, and for each prover.  As far above."""
GAS_PRICE = 10 * 10**9
"""Wei: gas may cost so much before nobody relays any more."""
PROVERS_PART = 100
"""Each prover gets one part in so many of a gradient's pay."""
BATCH_PART = 3
"""Fees a batch are at most one part in so many of the pay of its gradients, by the rule for the smallest batch."""
HIDDEN_AMONG = 8
"""By that rule, too, owners of a batch, though fees would allow fewer: a gradient hides among the others'."""


def relaying_gas(provers: int, *, graded: bool = False) -> int:
    """Gas of having a batch accepted and its fees settled, beside that of its gradients."""
    return (GRADED_BATCH_GAS if graded else BATCH_GAS) + provers * ATTESTATION_GAS + settling_gas(provers)


def settling_gas(provers: int) -> int:
    """Gas of settling a batch's fees."""
    return SETTLING_GAS + provers * RECEIPT_GAS


def gradient_gas(*, graded: bool = False) -> int:
    """Gas of each gradient of a batch."""
    return GRADED_GRADIENT_GAS if graded else GRADIENT_GAS


def gas_fees(pay: Pay, provers: int, gas_price: int = GAS_PRICE, *, graded: bool = False) -> Pay:
    """The same pay with the fees that follow from a gas price.

    Args:
        pay: in ether; its fees are replaced, its deposit stays.
        provers: members of the committee.
        gas_price: wei for a unit of gas.
        graded: whether the task grades, so that batches cost more.

    Raises:
        InvalidInputError: the token is not ether, in which gas has no price.
    """
    if any(pay.token):
        raise InvalidInputError("gas costs ether, so fees in another token cannot be computed; name each of them")
    return replace(
        pay,
        coordinator_batch=relaying_gas(provers, graded=graded) * gas_price,
        coordinator_gradient=gradient_gas(graded=graded) * gas_price,
        prover_batch=_rounded_up(settling_gas(provers) * gas_price, provers),
        prover_gradient=_rounded_up(pay.flat, PROVERS_PART),
    )


def usual_deposit(pay: Pay, provers: int, min_owners: int, capacity: int) -> int:
    """What a round of all places sets aside for one owner."""
    return _rounded_up(pay.reserve(capacity, provers, min_owners), capacity)


def usual_min_owners(pay: Pay, provers: int, capacity: int, largest: int) -> int:
    """Fewest owners of a batch: so many that fees a batch stay within their part of the pay, if half of what there is
    room for does it.

    More than half of the largest batch would leave owners over: one more than fill a batch could not be divided into
    two.  More than half of the task's places would have a round fail when half of the owners stay away.

    Args:
        capacity: most owners of a round.
        largest: most owners of a batch, by the verifier's circuit.
    """
    half = max(2, min(capacity, largest) // 2)
    return min(max(owners_that_carry(pay, provers) or half, HIDDEN_AMONG), half)


def owners_that_carry(pay: Pay, provers: int) -> int | None:
    """Owners of whose pay the fees of their batch are one part in `BATCH_PART`; None where gradients are paid nothing
    and batches something."""
    fees = pay.per_batch(provers)
    if not pay.flat:
        return None if fees else 1
    return max(1, _rounded_up(BATCH_PART * fees, pay.flat))


def _rounded_up(amount: int, parts: int) -> int:
    return -(-amount // parts)
