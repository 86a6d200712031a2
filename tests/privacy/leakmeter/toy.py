"""The protocol at toy size: two smallness rows, four bits of slack, two coordinates, three owners at most; where they
are graded, three bits of noise, and one row more for the reference.

Privacy is a matter of ranks, and ranks do not ask how many rows there are.  The constants are patched wherever they
were imported by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.groth16 import ProvingKey, unsafe_generate_keys
from circuits.policies.norm import NORM
from circuits.policies.spec import PolicySpec
from circuits.srs import Srs, unsafe_development_srs, unsafe_development_tau
from circuits.statement import domain_size
from native import FrArray
from tests.privacy.leakmeter.kernel import metered
from tests.privacy.leakmeter.tangents import Tracker
from tests.support.plain_batch import seed_of

ROWS, SLACK_BITS, DIMENSION, CAPACITY, NOISE_BITS = 2, 4, 2, 3, 3
BOUND = (1 << SLACK_BITS) - 1
TAIL = ROWS + 1
_TOY = {
    "ROWS": ROWS,
    "SLACK_BITS": SLACK_BITS,
    "TAIL": TAIL,
    "SHARE_EXTRA": TAIL + SLACK_BITS + 1,
    "CHECKED": ROWS + 1,
    "MAX_BOUND": BOUND,
    "NOISE_BITS": NOISE_BITS,
    "LEAST_SCALE": 1,
}
_SEED = seed_of("toy")
_PACKAGES = ("circuits.", "commons.", "provers.")


@dataclass(frozen=True, eq=False)
class Toy:
    """Keys of the toy under one tracker, every trapdoor known."""

    tracker: Tracker
    srs: Srs
    commitment: CommitmentKey
    proving: ProvingKey


@contextmanager
def toy(policy: PolicySpec = NORM) -> Iterator[Toy]:
    """Inside, the protocol's code runs at toy size, with tangents."""
    tracker = Tracker()
    with ExitStack() as stack:
        for module in [m for name, m in sys.modules.items() if name.startswith(_PACKAGES)]:
            constants = {name: value for name, value in _TOY.items() if hasattr(module, name)}
            for name, value in constants.items():
                stack.enter_context(patch.object(module, name, value))
        stack.enter_context(metered(tracker, ROWS))
        srs = unsafe_development_srs(_SEED, domain_size(DIMENSION))
        keys = unsafe_generate_keys(policy.compile(CAPACITY + policy.graded), srs.tau, srs.origin, seed_of("toy keys"))
        yield Toy(tracker, srs, _commitment_key(), keys)


def _commitment_key() -> CommitmentKey:
    """The key of the development string, its exponents known."""
    tau, domain = unsafe_development_tau(_SEED), domain_size(DIMENSION)
    tail = native.scale(native.powers(tau, TAIL), (pow(tau, domain, native.R) - 1) % native.R)
    return CommitmentKey(DIMENSION, native.g1_fixed_base(np.concatenate((native.lagrange_scalars(tau, domain), tail))))


def slack_of(gradient: Sequence[int]) -> int:
    """BOUND minus the squared norm."""
    return BOUND - sum(g * g for g in gradient)


def slack_bits(gradient: Sequence[int]) -> FrArray:
    """The slack's bits."""
    return native.from_ints([slack_of(gradient) >> e & 1 for e in range(SLACK_BITS)])
