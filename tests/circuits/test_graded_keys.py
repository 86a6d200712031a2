"""Keys of graded batches: made, stored, checked as all others, and proofs of a committee under them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

import native
from circuits import joint, keyfiles
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.grading import GradingRule
from circuits.groth16 import ProvingKey, generate_keys
from circuits.hashing import keccak, tag, words
from circuits.policies import registry
from circuits.policies.graded import REFERENCE
from circuits.policies.spec import GRADED_KEY_POINTS
from circuits.statement import GrothProof
from tests.support.crafted import INFINITY, TAU, one, string, swapped
from tests.support.graded_batch import Judge, graded_batch, gradient_at
from tests.support.parts import with_parts
from tests.support.plain_batch import PlainBatch, development_setup, noise_bits, seed_of
from tests.support.policies import own_registry

ROWS, BOUND = 3, 1 << 32
BASES = ("a", "b1", "b2", "committed", "committed_sigma", "private", "quotient", "lagrange")


@cache
def sound() -> ProvingKey:
    return generate_keys(REFERENCE.circuit(ROWS), string(TAU).tau, "ptau:00", seed_of("entropy"))


@pytest.fixture(autouse=True)
def _offered() -> Iterator[None]:
    """The policy as if it were offered."""
    with own_registry():
        registry.register(REFERENCE)
        yield


def test_keys_round_trip_and_are_checked_whole(tmp_path: Path) -> None:
    keyfiles.save_proving_key(sound(), tmp_path / "pk")
    keyfiles.save_verifying_key(sound().verifying, tmp_path / "vk")
    loaded = keyfiles.load_proving_key(tmp_path / "pk")
    assert loaded.policy.graded
    assert loaded.verifying == sound().verifying == keyfiles.load_verifying_key(tmp_path / "vk")
    for name in BASES:
        assert getattr(loaded, name).to_bytes() == getattr(sound(), name).to_bytes(), name


def test_the_key_hash_is_over_seven_inputs() -> None:
    key = sound().verifying
    assert len(key.inputs) == GRADED_KEY_POINTS == 7
    points = (key.alpha, key.beta, key.gamma, key.delta, key.sigma, key.tau)
    head = words(tag("gradroll/v1/policy-key"), key.circuit, ROWS, *points)
    assert key.key_hash == keccak(head + (7).to_bytes(32, "big") + b"".join(key.inputs))


def test_a_key_file_that_names_the_other_family_is_refused(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(replace(sound().verifying, policy="norm"), tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match="another version of its circuit"):
        keyfiles.load_verifying_key(tmp_path / "vk")
    short = replace(sound().verifying, inputs=sound().verifying.inputs[:4])
    keyfiles.save_verifying_key(short, tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match="another number of public inputs"):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_a_key_of_less_than_a_reference_and_an_owner_is_refused(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(replace(sound().verifying, capacity=1), tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match=r"outside 2\.\.120"):
        keyfiles.load_verifying_key(tmp_path / "vk")


def refused_section(folder: Path, key: ProvingKey) -> str:
    """The section of a proving key's file for which it is not loaded."""
    keyfiles.save_proving_key(key, folder / "pk")
    with pytest.raises(KeyFileError) as caught:
        keyfiles.load_proving_key(folder / "pk")
    found = re.search(r"section '(\w+)'.*get the proving key again", str(caught.value))
    assert found is not None, caught.value
    return found[1]


@pytest.mark.parametrize("name", ["committed", "committed_sigma"])
def test_a_base_of_noise_that_would_show_it_through_the_commitment_is_refused(tmp_path: Path, name: str) -> None:
    """All bases but that of an owner's noise at infinity: D, or KP, would be n_2 G whatever the blinder is."""
    count = sound().circuit.committed_count
    noise = sound().policy.gram_size
    points = dict.fromkeys(range(count), INFINITY) | {noise: native.g1_generator}
    key = with_parts(sound(), **{name: swapped(getattr(sound(), name), points)})
    assert refused_section(tmp_path, key) == name


def test_a_moved_base_of_a_bit_of_noise_is_refused(tmp_path: Path) -> None:
    wire = int(sound().circuit.input_wires[-1]) - sound().circuit.private_start
    moved = native.g1_add(one(sound().private, wire), native.g1_generator)
    key = replace(sound(), private=swapped(sound().private, {wire: moved}))
    assert refused_section(tmp_path, key) == "private"


@pytest.mark.parametrize("place", [4, 5, 6])
def test_a_moved_base_of_scale_eta_or_v_is_refused(tmp_path: Path, place: int) -> None:
    inputs = list(sound().verifying.inputs)
    inputs[place] = native.g1_add(inputs[place], native.g1_generator)
    key = replace(sound(), verifying=replace(sound().verifying, inputs=tuple(inputs)))
    assert refused_section(tmp_path, key) == "verifying"


@cache
def batch() -> PlainBatch:
    gradients = [gradient_at(cosine, 4, BOUND) for cosine in (900, -200)]
    judge = Judge(gradient_at(1000, 4, BOUND), GradingRule(4, 4, 1))
    return graded_batch(development_setup("reference", ROWS + 1, 4), gradients, judge)


class Part(NamedTuple):
    """One prover's part: of D, of KP, of the proof."""

    gram: native.G1
    knowledge: native.G1
    proof: joint.ProofShares


def _share(values: native.FrArray, seed: str, x: int) -> native.FrArray:
    """The share of degree 1 at x, the same for each x of a seed."""
    (share,) = native.shamir_share(values, [native.expand(seed_of(seed), len(values))], [x])
    return share


def part_of(x: int, shift: int = 0) -> Part:
    """From the prover's shares of inner products, noise, bits and blinders; `shift` on its first noise in the block."""
    b, key = batch(), batch().setup.proving
    noise = _share(native.from_ints(b.noise), "noise", x)
    noise[0] = native.from_ints([(native.to_ints(noise[:1])[0] + shift) % native.R])[0]
    block = key.policy.committed_block(_share(native.gram(b.rows.values), "gram", x), 99 + 7 * x, ROWS, noise)
    bits = key.policy.private_bits(_share(b.bits, "bits", x), _share(noise_bits(b.noise), "noise bits", x), BOUND, ROWS)
    wires = key.policy.assignment(b.public_inputs, block, bits)
    blinding = joint.Blinding(3 + 7 * x, 5 + 11 * x, 18 * x + 19 * x**2)
    return Part(*joint.commit_block(key, block), joint.prove(key, wires, blinding))


def combined(parts: dict[int, Part]) -> tuple[native.G1, native.G1, GrothProof]:
    low = sorted(parts)[:2]
    at_zero = native.lagrange_coefficients(low)
    gram = native.g1_linear_combination([parts[x].gram for x in low], at_zero)
    knowledge = native.g1_linear_combination([parts[x].knowledge for x in low], at_zero)
    return gram, knowledge, joint.combine_proof({x: part.proof for x, part in parts.items()}, 1)


def holds(gram: native.G1, knowledge: native.G1, proof: GrothProof, public: Sequence[int]) -> bool:
    return joint.verify(batch().setup.verifying, public, gram, knowledge, proof)


def test_a_committee_proves_on_shares_what_one_party_would() -> None:
    parts = {x: part_of(x) for x in (1, 2, 3, 4)}
    made = {combined({x: parts[x] for x in chosen}) for chosen in combinations(parts, 3)}
    assert len(made) == 1
    proof, inputs = made.pop(), list(batch().public_inputs)
    assert holds(*proof, inputs)
    for place, value in enumerate(inputs):
        other = [*inputs[:place], (value + 1) % native.R, *inputs[place + 1 :]]
        assert not holds(*proof, other), place


def test_a_prover_that_shifts_its_noise_behind_its_commitment_spoils_the_proof() -> None:
    parts = {x: part_of(x) for x in (1, 2, 3)}
    gram, knowledge, proof = combined(parts)
    assert holds(gram, knowledge, proof, batch().public_inputs)
    spoilt = combined(parts | {2: part_of(2, shift=1)})[2]
    assert not holds(gram, knowledge, spoilt, batch().public_inputs)
