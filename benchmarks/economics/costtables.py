"""The tables of docs/economics.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from benchmarks.economics import rounds, snapshots
from benchmarks.economics.calls import CALLS, measured
from benchmarks.economics.costs import BLOB_RESERVE, ETHER, GWEI, Cost, Prices, layer_one, rollup
from benchmarks.markdown import plain, table
from circuits.terms import Pay
from gradroll.model_owner.pricing import gas_fees, usual_deposit, usual_min_owners

PRICES = (1, 10, 50)
"""Gwei for a unit of gas."""
ROLLUP_PRICE = 0.01
"""Gwei for a unit of a rollup's gas."""
OWNERS = (64, 1024)
"""Of the rounds whose cost is told."""
REWARD = ETHER // 1000
"""Pay of a gradient in the examples."""
CAPACITIES, MIN_OWNERS = (16, 1024), (2, 8, 16, 32, 64)
"""Of the tasks whose fees are told."""


def entry_points() -> str:
    """Gas of every call."""
    head = ("contract", "call", "who", "gas", *(f"ether at {price} gwei" for price in PRICES))
    rows = (
        (call.contract, f"`{call.function}`{label.removeprefix(call.function)}", call.caller, f"{gas:,}", *_ether(gas))
        for call in CALLS
        for label, gas in measured(call)
    )
    return table(head, rows)


def _ether(gas: float) -> Iterator[str]:
    return (plain(gas * price * GWEI / ETHER) for price in PRICES)


def round_steps() -> str:
    """What a round is made of."""
    head = ("of a round", "who sends it", *(f"gas, {owners:,} owners" for owners in OWNERS))
    groups = [list(rounds.steps(owners)) for owners in OWNERS]
    rows = [
        (step.name, step.payer, *(f"{same.cost.gas:,.0f}" for same in row))
        for row in zip(*groups, strict=True)
        for step in row[:1]
    ]
    wholes = [rounds.whole(owners) for owners in OWNERS]
    rows.append(("all", "", *(f"{cost.gas:,.0f}" for cost in wholes)))
    rows.append(("bytes of all", "", *(f"{cost.data:,.0f}" for cost in wholes)))
    return table(head, rows)


def round_costs() -> str:
    """A round in money."""
    head = ("chain", *(f"{owners:,} owners, ether" for owners in OWNERS), "a gradient, gwei")
    wholes = [rounds.whole(owners) for owners in OWNERS]
    rows = ((name, *_round_row(wholes, prices)) for name, prices in _chains())
    return table(head, rows)


def _chains() -> Iterator[tuple[str, Prices]]:
    for price in PRICES:
        yield f"Ethereum at {price} gwei", layer_one(price * GWEI)
    for price in PRICES:
        blobs = plain(price / BLOB_RESERVE)
        name = f"rollup at {ROLLUP_PRICE} gwei, Ethereum at {price}, so blobs at {blobs}"
        yield name, rollup(ROLLUP_PRICE * GWEI, price * GWEI)


def _round_row(wholes: list[Cost], prices: Prices) -> Iterator[str]:
    spent = [cost.wei(prices) for cost in wholes]
    yield from (plain(wei / ETHER) for wei in spent)
    yield plain(spent[-1] / OWNERS[-1] / GWEI)


def batch_sizes() -> str:
    """How a batch's fixed part weighs, and up to which price of gas the usual fee covers it."""
    line = rounds.batch_line()
    head = (
        "owners", "gas a gradient", "of it the batch's own part", "usual fee covers gas up to, gwei",
        "the same, roster not compacted",
    )  # fmt: skip
    rows = (
        (
            str(owners), f"{line.at(owners) / owners:,.0f}", f"{line.fixed / line.at(owners):.0%}",
            f"{covered(owners) / GWEI:.1f}", f"{covered(owners, compacted=False) / GWEI:.1f}",
        )
        for owners in (2, 4, *rounds.SIZES)
    )  # fmt: skip
    return table(head, rows)


def covered(owners: int, *, compacted: bool = True) -> float:
    """Wei for a unit of gas up to which the usual coordinator's fee pays for a batch and the first settling of fees."""
    pay = gas_fees(Pay(bonus=REWARD), rounds.PROVERS)
    settled = snapshots.of("market", "settleFees, all 4 members, for the first time")
    gas = rounds.batch_line(compacted=compacted).at(owners) + rounds.gas_of_fees() + settled
    return pay.of_coordinator(owners) / gas


def break_even() -> str:
    """The lines through the measured sizes."""
    head = ("roster", "gas of a batch", "gas of each owner", "owners at which both are equal")
    rows = []
    for name, compacted in (("compacted", True), ("not compacted", False)):
        line = rounds.batch_line(compacted=compacted)
        rows.append((name, f"{line.fixed:,.0f}", f"{line.owner:,.0f}", f"{line.break_even:.0f}"))
    return table(head, rows)


def usual_terms() -> str:
    """What `gradroll task create` fills in."""
    pay = gas_fees(Pay(bonus=REWARD), rounds.PROVERS)
    named = [
        ("coordinator's fee, a batch", pay.coordinator_batch),
        ("coordinator's fee, a gradient", pay.coordinator_gradient),
        ("each prover's fee, a batch", pay.prover_batch),
        ("each prover's fee, a gradient", pay.prover_gradient),
    ]
    for capacity in CAPACITIES:
        least = usual_min_owners(pay, rounds.PROVERS, capacity, rounds.BATCH)
        deposit = usual_deposit(pay, rounds.PROVERS, least, capacity)
        named.append((f"deposit, {capacity:,} places, batches of {least} to {rounds.BATCH}", deposit))
    return table(("term", "default, ether"), ((name, plain(wei / ETHER)) for name, wei in named))


def small_batches() -> str:
    """What small batches cost the model owner, at most."""
    pay, capacity = gas_fees(Pay(bonus=REWARD), rounds.PROVERS), CAPACITIES[-1]
    earned = capacity * pay.flat
    usual = usual_min_owners(pay, rounds.PROVERS, capacity, rounds.BATCH)
    head = (
        "fewest owners of a batch", "batches at most", "their batch fees, ether", "pay of all gradients, ether",
        "fees a batch, of the pay",
    )  # fmt: skip
    rows = []
    for least in sorted({*MIN_OWNERS, usual}):
        fees, name = capacity // least * pay.per_batch(rounds.PROVERS), f"{least}{' (default)' * (least == usual)}"
        figures = f"{capacity // least:,}", plain(fees / ETHER), plain(earned / ETHER), f"{fees / earned:.0%}"
        rows.append((name, *figures))
    return table(head, rows)


def paid_gradients() -> str:
    """A gradient that is proven and paid, by how often its owner claims."""
    suffix = ": proven and paid, per gradient"
    found = {label.removesuffix(suffix): gas for label, gas in snapshots.load("pay").items() if label.endswith(suffix)}
    keyed = sorted((int(label.split()[0]), label.partition(", ")[2], gas) for label, gas in found.items())
    head = ("rounds a claim", *sorted({kind for _, kind, _ in keyed}))
    rows = (
        (str(count), *(f"{gas:,}" for _, _, gas in sorted(group, key=lambda entry: entry[1])))
        for count, group in groupby(keyed, key=lambda entry: entry[0])
    )
    return table(head, rows)


TABLES: dict[str, Callable[[], str]] = {
    "entry-points": entry_points, "round-steps": round_steps, "round-costs": round_costs, "batch-sizes": batch_sizes,
    "break-even": break_even, "usual-terms": usual_terms, "small-batches": small_batches,
    "paid-gradients": paid_gradients,
}  # fmt: skip
