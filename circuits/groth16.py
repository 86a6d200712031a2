"""Groth16 keys and verification for circuits with one committed block of wires.

Groth, "On the Size of Pairing-Based Non-interactive Arguments" (2016), extended with one commitment as in
Belling, Soleimanian, Begassat, "Recursion over Public-Coin Interactive Proof Systems" (2022): the committed
wires get basis points over gamma like public inputs, so the verifier takes their contribution D as a point;
a knowledge part sigma * D shows that D lies in the span of the block's points alone. Proving is in `joint`.

Trust in the setup: whoever knows the seed of a key can prove anything under it. `generate_keys` runs in one
process from the operating system's entropy and forgets it (`single-party`); `unsafe_generate_keys` is
reproducible and only for development. Keys say which in `setup`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np

import native
from circuits.errors import InvalidInputError
from circuits.hashing import keccak, tag, words
from circuits.policies.spec import PolicyCircuit
from circuits.r1cs import Circuit
from circuits.statement import GrothProof
from native import G1, G2, G1Bases, G2Bases

INSECURE = "insecure-development"
SINGLE_PARTY = "single-party"
ENTROPY_BYTES = 32
_SECRETS = ("alpha", "beta", "delta", "point", "sigma")
_GAMMA = 1
"""Only its independence of delta matters (Bowe, Gabizon, Miers 2017), and that D lies in the span of its block, which
the knowledge equation shows.  With 1 the verifier's pair over gamma joins the one over the generator of G2."""


@dataclass(frozen=True)
class VerifyingKey:
    """What a verifier of one policy needs, including [tau]_2 of the SRS that row commitments use.

    Attributes:
        policy: name of the policy circuit.
        setup: trust statement, `insecure-development` or `single-party`.
        srs: origin of the SRS, `insecure-development` or `ptau:<sha256>`.
        circuit: digest of the compiled circuit (`Circuit.digest`).
        sigma: sigma * G2, the base of the knowledge equation.
        inputs: basis points of the constant 1 and of every public input.
    """

    policy: str
    capacity: int
    setup: str
    srs: str
    circuit: bytes
    alpha: G1
    beta: G2
    gamma: G2
    delta: G2
    sigma: G2
    tau: G2
    inputs: tuple[G1, ...]

    @property
    def insecure(self) -> bool:
        """Whether anyone who reads the sources can forge proofs under this key."""
        return INSECURE in (self.setup, self.srs)

    def encode(self) -> bytes:
        """Canonical encoding, 32-byte big-endian words.

        In order: TAG("gradroll/v1/policy-key"), circuit digest, capacity, alpha (2 words), beta, gamma, delta,
        sigma, tau (4 words each, EIP-197 order), number of inputs, inputs (2 words each).
        """
        shape = (self.circuit, self.capacity)
        fixed = (self.alpha, self.beta, self.gamma, self.delta, self.sigma, self.tau)
        return words(tag("gradroll/v1/policy-key"), *shape, *fixed, len(self.inputs), *self.inputs)

    @cached_property
    def key_hash(self) -> bytes:
        """policyKeyHash: keccak256 of `encode`."""
        return keccak(self.encode())


class KeyedCircuit(Protocol):
    """What keys are made for: a policy's circuit, or one of the model market."""

    @property
    def name(self) -> str: ...

    @property
    def capacity(self) -> int: ...

    @property
    def circuit(self) -> Circuit: ...


@dataclass(frozen=True, eq=False)
class CircuitKey:
    """Basis points for proving, indexed like the wires of `policy.circuit`.

    Attributes:
        a, b1, b2: points of the wires in the support of matrix A (a) and B (b1, b2).
        committed, committed_sigma: points of the committed block over gamma, and sigma times them.
        private: points of the private wires over delta.
        quotient: [x^i Z(x) / delta] for i < domain_size - 1.
        lagrange, point: [l_k(x)]_1 for k < domain_size, and [x]_2; by them the others are checked (`keycheck`).
    """

    policy: KeyedCircuit
    verifying: VerifyingKey
    beta1: G1
    delta1: G1
    a: G1Bases
    b1: G1Bases
    b2: G2Bases
    committed: G1Bases
    committed_sigma: G1Bases
    private: G1Bases
    quotient: G1Bases
    lagrange: G1Bases
    point: G2

    @property
    def circuit(self) -> Circuit:
        return self.policy.circuit


@dataclass(frozen=True, eq=False)
class ProvingKey(CircuitKey):
    """The key of a policy."""

    policy: PolicyCircuit


K = TypeVar("K", bound=CircuitKey)


def unsafe_generate_keys(policy: PolicyCircuit, tau: G2, srs: str, seed: bytes) -> ProvingKey:
    """Reproducible keys for development and tests: anyone with the seed can forge proofs."""
    return _generate(ProvingKey, policy, tau, srs, seed, INSECURE)


def generate_keys(policy: PolicyCircuit, tau: G2, srs: str, entropy: bytes) -> ProvingKey:
    """Keys whose secrets come from `entropy`, at least 32 fresh bytes of the operating system's.

    The caller is the single party that could keep the secrets; it must not store `entropy`.

    Args:
        tau: [tau]_2 of the SRS under which rows are committed.
        srs: origin of that SRS (`Srs.origin`).
    """
    return _generate(ProvingKey, policy, tau, srs, entropy, SINGLE_PARTY)


def unsafe_generate_circuit_keys(circuit: KeyedCircuit, tau: G2, srs: str, seed: bytes) -> CircuitKey:
    """As `unsafe_generate_keys`, for a circuit that belongs to no policy."""
    return _generate(CircuitKey, circuit, tau, srs, seed, INSECURE)


def generate_circuit_keys(circuit: KeyedCircuit, tau: G2, srs: str, entropy: bytes) -> CircuitKey:
    """As `generate_keys`, for a circuit that belongs to no policy."""
    return _generate(CircuitKey, circuit, tau, srs, entropy, SINGLE_PARTY)


@dataclass(frozen=True, repr=False)
class _Trapdoor:
    """The secrets of a setup; they exist only while keys are generated."""

    alpha: int
    beta: int
    delta: int
    point: int
    sigma: int

    @classmethod
    def derive(cls, entropy: bytes) -> _Trapdoor:
        if len(entropy) < ENTROPY_BYTES:
            raise InvalidInputError(f"key generation needs at least {ENTROPY_BYTES} bytes of entropy")
        return cls(**{name: _secret_scalar(entropy, name) for name in _SECRETS})


def _secret_scalar(entropy: bytes, name: str) -> int:
    digest = hashlib.blake2b(entropy, digest_size=64, person=b"groth16/" + name.encode()).digest()
    return 1 + int.from_bytes(digest, "big") % (native.R - 1)


def _generate(kind: type[K], policy: KeyedCircuit, tau: G2, srs: str, entropy: bytes, setup: str) -> K:
    circuit, secret = policy.circuit, _Trapdoor.derive(entropy)
    lagrange = native.lagrange_scalars(secret.point, circuit.domain_size)
    used = lagrange[: circuit.constraint_count]
    at_a, at_b, at_c = (matrix.csr.tmul(used) for matrix in (circuit.a, circuit.b, circuit.c))
    mixed = native.linear_combination([at_a, at_b, at_c], [secret.beta, secret.alpha, 1])
    over_gamma = native.scale(mixed[: circuit.private_start], pow(_GAMMA, -1, native.R))
    committed = over_gamma[circuit.public_count :]
    over_delta = pow(secret.delta, -1, native.R)
    vanishing = (pow(secret.point, circuit.domain_size, native.R) - 1) * over_delta % native.R
    quotient = native.scale(native.powers(secret.point, circuit.domain_size - 1), vanishing)
    b_values = np.ascontiguousarray(at_b[circuit.b.support])
    inputs = native.g1_fixed_base(np.ascontiguousarray(over_gamma[: circuit.public_count]))
    return kind(
        policy=policy,
        verifying=VerifyingKey(
            policy=policy.name,
            capacity=policy.capacity,
            setup=setup,
            srs=srs,
            circuit=circuit.digest,
            alpha=native.g1_mul(native.g1_generator, secret.alpha),
            beta=native.g2_mul(native.g2_generator, secret.beta),
            gamma=native.g2_mul(native.g2_generator, _GAMMA),
            delta=native.g2_mul(native.g2_generator, secret.delta),
            sigma=native.g2_mul(native.g2_generator, secret.sigma),
            tau=tau,
            inputs=split_points(inputs),
        ),
        beta1=native.g1_mul(native.g1_generator, secret.beta),
        delta1=native.g1_mul(native.g1_generator, secret.delta),
        a=native.g1_fixed_base(np.ascontiguousarray(at_a[circuit.a.support])),
        b1=native.g1_fixed_base(b_values),
        b2=native.g2_fixed_base(b_values),
        committed=native.g1_fixed_base(np.ascontiguousarray(committed)),
        committed_sigma=native.g1_fixed_base(native.scale(np.ascontiguousarray(committed), secret.sigma)),
        private=native.g1_fixed_base(native.scale(np.ascontiguousarray(mixed[circuit.private_start :]), over_delta)),
        quotient=native.g1_fixed_base(quotient),
        lagrange=native.g1_fixed_base(lagrange),
        point=native.g2_mul(native.g2_generator, secret.point),
    )


def split_points(bases: G1Bases) -> tuple[G1, ...]:
    """The points of a short basis, one by one."""
    raw = bytes(bases.to_bytes())
    return tuple(G1(raw[start : start + 64]) for start in range(0, len(raw), 64))


def input_point(key: VerifyingKey, public: Sequence[int], gram: G1) -> G1:
    """IC(x) + D: the verifier's side of the public inputs and the committed block.

    Raises:
        InvalidInputError: wrong number of public inputs, or one outside [0, r) (never reduced: a proof for x
            must not also pass for x + r).
    """
    if len(public) != len(key.inputs) - 1:
        raise InvalidInputError(f"the key takes {len(key.inputs) - 1} public inputs, got {len(public)}")
    if not all(0 <= value < native.R for value in public):
        raise InvalidInputError("a public input is outside [0, r)")
    return native.g1_linear_combination([*key.inputs, gram], [1, *public, 1])


def verify(key: VerifyingKey, public: Sequence[int], gram: G1, knowledge: G1, proof: GrothProof) -> bool:
    """Whether the proof holds for the public inputs (without the leading 1) and the committed block.

    Args:
        gram: D, the commitment to the block.
        knowledge: sigma * D.

    Raises:
        InvalidInputError: malformed public inputs.
        native.PointError: an element is not on its curve or not in the subgroup.
    """
    for point in (gram, knowledge, proof.a, proof.c):
        native.g1_check(point)
    native.g2_check(proof.b)
    groth = [
        (proof.a, proof.b),
        (native.g1_neg(key.alpha), key.beta),
        (native.g1_neg(input_point(key, public, gram)), key.gamma),
        (native.g1_neg(proof.c), key.delta),
    ]
    return native.pairing_product_is_one(groth) and verify_block(key, gram, knowledge)


def verify_block(key: VerifyingKey, gram: G1, knowledge: G1) -> bool:
    """The knowledge equation e(knowledge, G2) = e(D, sigma G2): D is in the span of the block's points."""
    return native.pairing_product_is_one([(knowledge, native.g2_generator), (native.g1_neg(gram), key.sigma)])
