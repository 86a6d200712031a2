"""Policy keys made by somebody who cheats: what proofs under them would give away, and that they are refused.

Whoever writes a file also writes its digest, so every file here is sound as a container. Proofs are shown to give
a wire away by using the crafted points directly; then the loaders refuse them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import native
from circuits import groth16, joint, keyfiles
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.groth16 import ProvingKey, VerifyingKey, generate_keys, input_point
from circuits.policies.norm import NORM
from circuits.policies.spec import MAX_CAPACITY, PublicInputs
from circuits.statement import GrothProof
from native import G1, G2, FrArray, G1Bases
from tests.support.crafted import CERTAIN, INFINITY, TAU, one, string, swapped
from tests.support.plain_batch import random_gradients, seed_of

Key = TypeVar("Key", VerifyingKey, ProvingKey)
G = native.g1_generator


def changed(key: Key, **points: Any) -> Key:
    """A key with some of its points replaced."""
    return replace(key, **points)


# -- Verifying keys ---------------------------------------------------------------------------------------------------


@cache
def sound() -> ProvingKey:
    return generate_keys(NORM.circuit(2), string(TAU).tau, "ptau:00", seed_of("entropy"))


_NEGATED = native.g2_neg(native.g2_generator)
_FAR = G2(bytes(128))


def _with(name: str, value: G2) -> Callable[[VerifyingKey], VerifyingKey]:
    return lambda key: changed(key, **{name: value})


DEGENERATE: dict[str, Callable[[VerifyingKey], VerifyingKey]] = {
    **{f"{name} at infinity": _with(name, _FAR) for name in ("beta", "gamma", "delta", "sigma", "tau")},
    **{f"{name} equal to the generator": _with(name, native.g2_generator)
       for name in ("beta", "delta", "sigma", "tau")},
    **{f"{name} equal to the generator up to sign": _with(name, _NEGATED)
       for name in ("beta", "gamma", "delta", "sigma", "tau")},
    "delta equal to beta": lambda key: replace(key, delta=key.beta),
    "sigma equal to delta": lambda key: replace(key, sigma=native.g2_neg(key.delta)),
    "tau equal to sigma": lambda key: replace(key, tau=key.sigma),
    "tau equal to beta": lambda key: replace(key, tau=native.g2_neg(key.beta)),
    "delta equal to gamma": lambda key: replace(key, gamma=native.g2_neg(key.delta)),
    "alpha at infinity": lambda key: replace(key, alpha=INFINITY),
    "alpha at the generator": lambda key: replace(key, alpha=native.g1_neg(G)),
    "inputs at infinity": lambda key: replace(key, inputs=(*key.inputs[:-1], INFINITY)),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
def test_a_degenerate_verifying_key_is_refused(tmp_path: Path, name: str) -> None:
    crafted = DEGENERATE[name](sound().verifying)
    keyfiles.save_verifying_key(crafted, tmp_path / "vk")
    with pytest.raises(KeyFileError, match=rf"{name}.*generate the policy's keys again"):
        keyfiles.load_verifying_key(tmp_path / "vk")
    keyfiles.save_proving_key(replace(sound(), verifying=crafted), tmp_path / "pk")
    with pytest.raises(KeyFileError, match=name):
        keyfiles.load_proving_key(tmp_path / "pk")


def test_gamma_may_be_another_point(tmp_path: Path) -> None:
    other = replace(sound().verifying, gamma=native.g2_mul(native.g2_generator, 5))
    keyfiles.save_verifying_key(other, tmp_path / "vk")
    assert keyfiles.load_verifying_key(tmp_path / "vk").gamma != native.g2_generator


def test_a_verifying_key_for_more_owners_than_combine_soundly_is_refused(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(replace(sound().verifying, capacity=MAX_CAPACITY + 1), tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match=f"outside 1..{MAX_CAPACITY}"):
        keyfiles.load_verifying_key(tmp_path / "vk")


# -- Proving keys -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """What an observer sees of one proof: the public inputs, D, its knowledge part, A, B, C."""

    public: PublicInputs[int]
    gram: G1
    knowledge: G1
    a: G1
    b: G2
    c: G1


def _assignment(squared_norm_of_mask: int, blinder: int) -> tuple[PublicInputs[int], FrArray]:
    """A satisfying assignment for two owners, whose row 0 has the given square norm."""
    gradients = random_gradients(2, 3, 1 << 40)
    rows = np.stack([np.array([squared_norm_of_mask, 0, 0], dtype=np.int64), *gradients])
    rho, bound = 7, 1 << 40
    gram = native.gram([native.from_int64(row) for row in rows])
    weights = [pow(rho, 1 << i, native.R) for i in range(3)]
    combined = [sum(w * int(row[j]) for w, row in zip(weights, rows, strict=True)) % native.R for j in range(3)]
    public = PublicInputs(rho, sum(value * value for value in combined) % native.R, bound)
    slack = [bound - int(sum(int(value) ** 2 for value in gradient)) for gradient in gradients]
    bits = native.from_ints([value >> exponent & 1 for value in slack for exponent in range(62)])
    return public, NORM.circuit(2).assignment(public, NORM.circuit(2).committed_block(gram, blinder, 2), bits)


def _observe(key: ProvingKey, public: PublicInputs[int], wires: FrArray, r: int = 3, s: int = 5) -> _Run:
    block = np.ascontiguousarray(wires[key.circuit.public_count : key.circuit.private_start])
    gram, knowledge = joint.commit_block(key, block)
    part = joint.prove(key, wires, joint.Blinding(r, s))
    return _Run(public, gram, knowledge, part.a, part.b, part.c)


def _residue_is(key: VerifyingKey, seen: _Run, guess: tuple[G1, G2]) -> bool:
    """Whether an observer's guess is what the verifier's equation is off by."""
    return native.pairing_product_is_one(
        [
            (seen.a, seen.b),
            (native.g1_neg(key.alpha), key.beta),
            (native.g1_neg(input_point(key, seen.public, seen.gram)), key.gamma),
            (native.g1_neg(seen.c), key.delta),
            guess,
        ]
    )


def _tampered(name: str, index: int) -> ProvingKey:
    """The sound key with the generator added to one point of a section."""
    if name == "b2":
        raw = bytes(sound().b2.to_bytes())
        at = index % len(sound().b2) * 128
        moved = native.g2_add(G2(raw[at : at + 128]), native.g2_generator)
        return replace(sound(), b2=native.G2Bases.from_bytes(raw[:at] + moved + raw[at + 128 :]))
    points: G1Bases = getattr(sound(), name)
    return changed(sound(), **{name: swapped(points, {index: native.g1_add(one(points, index), G)})})


def _refused(folder: Path, key: ProvingKey, section: str) -> None:
    keyfiles.save_proving_key(key, folder / "pk")
    for _ in range(CERTAIN):
        with pytest.raises(KeyFileError, match=rf"section '{section}'.*get the proving key again"):
            keyfiles.load_proving_key(folder / "pk")


# -- What a key that passes leaves to its maker -----------------------------------------------------------------------


@cache
def _known() -> tuple[ProvingKey, groth16._Trapdoor]:
    """A key whose maker remembers, and what it remembers."""
    entropy = seed_of("remembered")
    return generate_keys(NORM.circuit(2), string(TAU).tau, "ptau:00", entropy), groth16._Trapdoor.derive(entropy)


def test_whoever_knows_the_secrets_of_a_key_that_passes_every_check_forges_a_proof(tmp_path: Path) -> None:
    key, secret = _known()
    keyfiles.save_proving_key(key, tmp_path / "pk")
    vk = keyfiles.load_proving_key(tmp_path / "pk").verifying
    false = (7, 1, 0)
    unblocked = input_point(vk, false, INFINITY)
    over = pow(secret.delta, -1, native.R)
    c = native.g1_linear_combination(
        [G, unblocked], [(15 - secret.alpha * secret.beta) * over % native.R, native.R - over]
    )
    forged = GrothProof(native.g1_mul(G, 3), native.g2_mul(native.g2_generator, 5), c)
    assert groth16.verify(vk, false, INFINITY, INFINITY, forged)
    outside = native.g1_mul(G, 12345)
    assert groth16.verify_block(vk, outside, native.g1_mul(outside, secret.sigma))


def test_a_proof_under_a_key_that_passes_is_the_same_for_another_gram_matrix() -> None:
    """For every witness there are blinders that give D, A, B, C to the bit: a proof hides even from the key's maker."""
    key, secret = _known()
    circuit = key.circuit
    used = native.lagrange_scalars(secret.point, circuit.domain_size)[: circuit.constraint_count]
    at_a, at_b, at_c = (matrix.csr.tmul(used) for matrix in (circuit.a, circuit.b, circuit.c))
    mixed = native.linear_combination([at_a, at_b, at_c], [secret.beta, secret.alpha, 1])
    bases = native.to_ints(np.ascontiguousarray(mixed[circuit.public_count : circuit.private_start]))
    public, first = _assignment(1234, 99)
    block = native.to_ints(np.ascontiguousarray(first[circuit.public_count : circuit.private_start]))
    bits = np.ascontiguousarray(first[circuit.input_wires])
    # K_00 + 1, K_12 such that rho_0^2 K_00 + 2 rho_1 rho_2 K_12 stays, and the blinder such that D stays.
    rho_0, rho_1, rho_2 = (pow(public[0], 1 << row, native.R) for row in range(3))
    shift = -rho_0 * rho_0 * pow(2 * rho_1 * rho_2, -1, native.R) % native.R
    off_by = (bases[0] + bases[4] * shift) * pow(bases[-1], -1, native.R)
    other = [(value + step) % native.R for value, step in zip(block, (1, 0, 0, 0, shift, 0, -off_by), strict=True)]
    second = NORM.circuit(2).assignment(public, native.from_ints(other), bits)
    assert circuit.is_satisfied(first) and circuit.is_satisfied(second)
    change, over = native.sub(first, second), pow(secret.delta, -1, native.R)
    r, s = ((blinder + native.inner(at, change) * over) % native.R for blinder, at in ((3, at_a), (5, at_b)))
    assert r != 3
    assert _observe(key, public, second, r, s) == _observe(key, public, first, 3, 5)


# -- Crafted bases ----------------------------------------------------------------------------------------------------


def test_crafted_committed_bases_show_a_gram_entry_through_the_commitment(tmp_path: Path) -> None:
    """All bases of the block but the first at infinity: D is K_00 G whatever the blinder is."""
    count = sound().circuit.committed_count
    alone = swapped(sound().committed, {0: G, **dict.fromkeys(range(1, count), INFINITY)})
    crafted = replace(sound(), committed=alone)
    for blinder in (1, 2, 3):
        public, wires = _assignment(1234, blinder)
        assert _observe(crafted, public, wires).gram == native.g1_mul(G, 1234**2)
        assert _observe(sound(), public, wires).gram != native.g1_mul(G, 1234**2)
    _refused(tmp_path, crafted, "committed")


def test_a_crafted_knowledge_base_shows_a_gram_entry_through_the_knowledge_part(tmp_path: Path) -> None:
    count = sound().circuit.committed_count
    alone = swapped(sound().committed_sigma, {0: G, **dict.fromkeys(range(1, count), INFINITY)})
    crafted = replace(sound(), committed_sigma=alone)
    assert _observe(crafted, *_assignment(1234, 5)).knowledge == native.g1_mul(G, 1234**2)
    _refused(tmp_path, crafted, "committed_sigma")


def test_a_blinder_that_does_not_count_is_refused(tmp_path: Path) -> None:
    crafted = replace(sound(), committed=swapped(sound().committed, {-1: INFINITY}))
    seen = {_observe(crafted, *_assignment(1234, blinder)).gram for blinder in (1, 2, 3)}
    assert len(seen) == 1
    _refused(tmp_path, crafted, "committed")


@pytest.mark.parametrize("bit", [0, 1, 2, 3, 4, 5])
def test_a_crafted_private_base_shows_a_bit_of_a_gradients_norm_through_the_proof(tmp_path: Path, bit: int) -> None:
    """The point of one bit wire is moved: the equation is off by (bit) e(G, delta), whatever r and s are."""
    public, wires = _assignment(1234, 9)
    wire = int(sound().circuit.input_wires[bit])
    value = native.to_ints(np.ascontiguousarray(wires[wire : wire + 1]))[0]
    crafted = _tampered("private", wire - sound().circuit.private_start)
    for r, s in ((3, 5), (1 << 200, 77)):
        seen = _observe(crafted, public, wires, r, s)
        off_by = native.g1_mul(G, value)
        assert _residue_is(sound().verifying, seen, (off_by, sound().verifying.delta))
    _refused(tmp_path, crafted, "private")


def test_a_crafted_a_base_shows_a_wire_through_the_proof(tmp_path: Path) -> None:
    """The residue is z_i e(G, beta + sum z_j b_j), without r or s: two guesses of a bit can be told apart."""
    public, wires = _assignment(1234, 9)
    crafted = _tampered("a", 20)
    wire = int(sound().circuit.a.support[20])
    value = native.to_ints(np.ascontiguousarray(wires[wire : wire + 1]))[0]
    on_b = np.ascontiguousarray(wires[sound().circuit.b.support])
    unblinded = native.g2_add(sound().verifying.beta, sound().b2.msm(on_b))
    for r, s in ((3, 5), (1 << 200, 77)):
        guess = native.g1_neg(native.g1_mul(G, value)), unblinded
        assert _residue_is(sound().verifying, _observe(crafted, public, wires, r, s), guess)
    _refused(tmp_path, crafted, "a")


@pytest.mark.parametrize("index", [0, 1, -1])
@pytest.mark.parametrize("name", ["a", "b1", "b2", "committed", "committed_sigma", "private", "quotient", "lagrange"])
def test_one_moved_point_of_any_section_is_refused(tmp_path: Path, name: str, index: int) -> None:
    section = "lagrange" if (name, index) == ("quotient", 0) else name  # the first also holds Z(x) / delta
    _refused(tmp_path, _tampered(name, index), section)


def test_points_of_another_setup_are_refused_one_section_at_a_time(tmp_path: Path) -> None:
    other = generate_keys(NORM.circuit(2), string(TAU).tau, "ptau:00", seed_of("other entropy"))
    for name in ("a", "b1", "b2", "committed", "committed_sigma", "private"):
        _refused(tmp_path, changed(sound(), **{name: getattr(other, name)}), name)
    for name in ("lagrange", "point", "quotient"):
        _refused(tmp_path, changed(sound(), **{name: getattr(other, name)}), "lagrange")
    for name in ("beta1", "delta1"):
        _refused(tmp_path, changed(sound(), **{name: getattr(other, name)}), "single")


def test_a_proving_key_of_another_point_x_is_refused(tmp_path: Path) -> None:
    """Everything that hangs on x alone is of one piece, but the verifying key was made at another x."""
    other = generate_keys(NORM.circuit(2), string(TAU).tau, "ptau:00", seed_of("other entropy"))
    moved = {name: getattr(other, name) for name in ("a", "b1", "b2", "lagrange", "point", "quotient")}
    keyfiles.save_proving_key(changed(sound(), **moved), tmp_path / "pk")
    with pytest.raises(KeyFileError, match="does not fit the verifying key"):
        keyfiles.load_proving_key(tmp_path / "pk")


def test_a_proving_key_under_inputs_of_another_circuit_is_refused(tmp_path: Path) -> None:
    vk = sound().verifying
    inputs = (vk.inputs[0], vk.inputs[2], vk.inputs[1], *vk.inputs[3:])
    _refused(tmp_path, replace(sound(), verifying=replace(vk, inputs=inputs)), "verifying")
    keyfiles.save_verifying_key(replace(vk, inputs=inputs), tmp_path / "vk")
    assert keyfiles.load_verifying_key(tmp_path / "vk").inputs == inputs  # alone it cannot be told


def test_a_key_whose_x_lies_in_its_domain_is_refused(tmp_path: Path) -> None:
    gone = swapped(sound().quotient, dict.fromkeys(range(len(sound().quotient)), INFINITY))
    _refused(tmp_path, replace(sound(), quotient=gone), "quotient")
