"""Regressions in speed, seen as ratios within one run: no absolute time, so a busy or slow machine does not matter.

A ratio compares CPU time of the same process, takes the best of several turns of each side, and has a wide margin: it
catches a quadratic loop or a lost fast path, not a tenth.
"""

import time
from collections.abc import Callable

import numpy as np
import pytest

import native
from circuits import joint
from circuits.commitment import unsafe_development_key
from circuits.groth16 import unsafe_generate_keys
from circuits.policies.norm import NORM
from circuits.srs import unsafe_development_srs
from circuits.statement import Committee, share_length
from commons.sharing.dealing import OwnerSeeds, owner_vector, share_vector
from commons.sharing.prss import PrssKeys, Purpose, key_sets
from native import FrArray

_TURNS = 5
_SEED = bytes(range(32))


def _best(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio(larger: Callable[[], object], smaller: Callable[[], object]) -> float:
    """CPU time of one call over that of another: best of turns, taken in alternation."""
    larger(), smaller()
    pairs = [(_best(larger), _best(smaller)) for _ in range(_TURNS)]
    return min(a for a, _ in pairs) / max(min(b for _, b in pairs), 1e-9)


def rows(count: int, length: int) -> list[FrArray]:
    return [native.expand(bytes((i,)) * 32, length) for i in range(count)]


def repeated(work: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [work() for _ in range(times)]


@pytest.mark.parametrize("name", ["gram", "project", "combine", "expand"])
def test_work_on_shares_is_linear_in_the_model(name: str) -> None:
    small, large = rows(8, 1 << 13), rows(8, 1 << 16)
    calls: dict[str, Callable[[list[FrArray]], object]] = {
        "gram": native.gram,
        "project": lambda r: native.project(r, _SEED),
        "combine": lambda r: native.linear_combination(r, list(range(2, 10))),
        "expand": lambda r: [native.expand(_SEED, len(each)) for each in r],
    }
    call = calls[name]
    assert ratio(lambda: call(large), repeated(lambda: call(small), 8)) < 3


def test_a_commitment_to_short_integers_is_far_cheaper_than_one_to_field_elements() -> None:
    key = unsafe_development_key(_SEED, 1 << 13)
    values = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, key.dimension)
    full = native.expand(_SEED, key.dimension)
    assert ratio(lambda: key.bases.msm(full), lambda: key.bases.msm_int64(values)) > 3


def test_a_commitment_grows_no_faster_than_the_model() -> None:
    key = unsafe_development_key(_SEED, 1 << 14)
    full = native.expand(_SEED, key.dimension)
    part = np.ascontiguousarray(full[: 1 << 11])
    assert ratio(lambda: key.bases.msm(full), repeated(lambda: key.bases.msm(part), 8)) < 2


def test_an_owner_shares_in_linear_time() -> None:
    committee = Committee(0, 1, tuple(bytes((p + 1,)) * 20 for p in range(4)))
    seeds = OwnerSeeds.from_bytes(b"".join(bytes((i + 1,)) * 32 for i in range(OwnerSeeds.length(committee) // 32)))

    def share(dimension: int) -> Callable[[], object]:
        vector = owner_vector(native.expand_bounded(_SEED, dimension, 16), 5, seeds)
        return lambda: share_vector(vector, native.g1_generator, committee, seeds)

    assert ratio(share(1 << 16), repeated(share(1 << 13), 8)) < 3


def test_shared_randomness_is_linear_and_does_not_depend_on_blocks() -> None:
    committee = Committee(0, 1, tuple(bytes((p + 1,)) * 20 for p in range(4)))
    keys = PrssKeys(0, committee, {s: bytes(32) for s in key_sets(committee) if 0 in s})

    def draw(count: int) -> FrArray:
        return keys.random(_SEED, Purpose.MASK_ROW, count)

    long = draw((1 << 15) + 5)
    assert np.array_equal(long[:5], draw(5))
    assert ratio(lambda: draw(1 << 17), repeated(lambda: draw(1 << 14), 8)) < 3


def test_a_joint_proof_costs_one_party_little_more_than_a_plain_one() -> None:
    """On a witness of field elements; bits are faster for the plain prover, who sees them."""
    circuit = NORM.circuit(16)
    srs = unsafe_development_srs(_SEED, 2)
    key = unsafe_generate_keys(circuit, srs.tau, srs.origin, _SEED)
    plain, shared = rows(2, circuit.circuit.wire_count)
    assert (
        ratio(
            lambda: joint.prove(key, shared, joint.Blinding(3, 5, 7)),
            lambda: joint.prove(key, plain, joint.Blinding(3, 5)),
        )
        < 1.5
    )


def test_a_prover_uploads_and_stores_a_scalar_a_coordinate() -> None:
    for dimension in (650, 1 << 20):
        assert share_length(dimension) - dimension == share_length(1) - 1
