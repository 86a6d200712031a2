"""Policy keys: a verifying key that is not degenerate, and a proving key that is the verifying key's.

Whoever made a key may know its secrets and forge (`groth16`); that cannot be checked. What can be is that the
proving key has the form that `groth16` gives it, for some secrets. That suffices for privacy: D has a uniform
blinder over a point that is not infinity, A and B have the uniform r and s over delta, and for such keys C and the
knowledge part are the only points that fit the verifier's equations. So a proof says no more than that it
holds, whatever the maker knows (subversion zero-knowledge: Fuchsbauer, "Subversion-zero-knowledge SNARKs", 2018;
Abdolmaleki, Baghery, Lipmaa, Zajac, "A Subversion-Resistant SNARK", 2017). Bases of any other form may carry
a secret out: the point C of a proof is opened before anybody can verify it, and D before that.

The proving key therefore carries its domain's Lagrange points [l_k(x)]_1 and [x]_2 (they are part of the reference
string in Groth's paper, and his proof allows for them). With them every basis is a public linear image:

    a_i = sum_k A_ki l_k        b_i = sum_k B_ki l_k (in both groups)        c_i = sum_k C_ki l_k
    (inputs, committed)_i = (beta a_i + alpha b_i + c_i) / gamma        private_i = the same / delta
    committed_sigma_i = sigma committed_i        quotient_i = x^i Z(x) / delta

Each line is checked for all of its points at once under random weights of 128 bits from the operating system: a
wrong one passes with chance 2^-128 a load.
"""

from __future__ import annotations

import secrets

import numpy as np

import native
from circuits.errors import KeyFileError
from circuits.groth16 import CircuitKey, VerifyingKey
from circuits.srscheck import INFINITY_G1, INFINITY_G2, consecutive, lagrange_basis, point
from native import G1, G2, FrArray

_WEIGHT_BITS = 128
_X1, _X2 = 32, 64
"""Bytes of x coordinates in G1 and G2: points that share one are equal up to sign."""


def check_verifying_key(where: object, key: VerifyingKey) -> None:
    """Refuse a key under which anybody could forge, or whose equations collapse.

    Args:
        where: the file, for the message.

    Raises:
        KeyFileError: a point is infinity; alpha is plus or minus the generator of G1; beta, delta, sigma or tau is
            plus or minus the generator of G2; or two of beta, gamma, delta, sigma, tau are equal up to sign (gamma
            may be the generator).
    """
    names = ("beta", "gamma", "delta", "sigma", "tau")
    points: dict[str, G2] = {name: getattr(key, name) for name in names}
    infinite = [name for name, value in points.items() if value == INFINITY_G2]
    infinite += ["alpha"] if key.alpha == INFINITY_G1 else []
    infinite += ["inputs"] if INFINITY_G1 in key.inputs else []
    if infinite:
        raise _degenerate(where, f"{' and '.join(infinite)} at infinity")
    if key.alpha[:_X1] == native.g1_generator[:_X1]:
        raise _degenerate(where, "alpha at the generator")
    seen = {native.g2_generator[:_X2]: "the generator"}
    if key.gamma == native.g2_generator:
        del points["gamma"]
    for name, value in points.items():
        if value[:_X2] in seen:
            raise _degenerate(where, f"{name} equal to {seen[value[:_X2]]} up to sign")
        seen[value[:_X2]] = name


def check_proving_key(where: object, key: CircuitKey) -> None:
    """Check every basis of a proving key against its verifying key and its circuit.

    The verifying key is expected to have passed `check_verifying_key`, the bases to have the circuit's lengths.

    Raises:
        KeyFileError: naming the section that does not fit.
    """
    vk, circuit = key.verifying, key.circuit
    if not _pairs_match((key.beta1, native.g2_generator), (native.g1_generator, vk.beta)):
        raise _foreign(where, "single", "beta")
    if not _pairs_match((key.delta1, native.g2_generator), (native.g1_generator, vk.delta)):
        raise _foreign(where, "single", "delta")
    _check_evaluation_point(where, key)
    weights = native.expand_bounded(secrets.token_bytes(32), circuit.wire_count, _WEIGHT_BITS)
    on_a, on_b = (np.ascontiguousarray(weights[matrix.support]) for matrix in (circuit.a, circuit.b))
    if key.a.msm(on_a) != key.lagrange.msm(circuit.a.csr.mul(weights)):
        raise _foreign(where, "a")
    in_g1 = key.b1.msm(on_b)
    if in_g1 != key.lagrange.msm(circuit.b.csr.mul(weights)):
        raise _foreign(where, "b1")
    if not _pairs_match((in_g1, native.g2_generator), (native.g1_generator, key.b2.msm(on_b))):
        raise _foreign(where, "b2")
    _check_wires(where, key, weights)


def _check_evaluation_point(where: object, key: CircuitKey) -> None:
    """[x]_2, the Lagrange points at x, and the quotient bases, whose first is Z(x) / delta."""
    first = point(key.quotient, 0)
    if key.point == INFINITY_G2 or first == INFINITY_G1:
        raise _foreign(where, "quotient", "an x in the domain")
    if not lagrange_basis(key.lagrange.msm, key.circuit.domain_size, key.point, (first, key.verifying.delta)):
        raise _foreign(where, "lagrange", "[x]_2, delta or the first point of 'quotient'")
    if not consecutive(key.quotient, key.point):
        raise _foreign(where, "quotient")


def _check_wires(where: object, key: CircuitKey, weights: FrArray) -> None:
    """The bases over gamma and delta: the combination of a, b and c that each wire has in the verifier's equation."""
    vk, circuit = key.verifying, key.circuit
    public, private = circuit.public_count, circuit.private_start
    inputs = native.g1_linear_combination(vk.inputs, native.to_ints(weights[:public]))
    committed = key.committed.msm(weights[public:private])
    sections = (
        ("verifying", slice(0, public), inputs, vk.gamma),
        ("committed", slice(public, private), committed, vk.gamma),
        ("private", slice(private, circuit.wire_count), key.private.msm(weights[private:]), vk.delta),
    )
    for name, part, total, over in sections:
        if not _mixed(key, weights, part, total, over):
            raise _foreign(where, name)
    if point(key.committed, len(key.committed) - 1) == INFINITY_G1:
        raise _foreign(where, "committed", "a blinder that does not count")
    sigma = key.committed_sigma.msm(weights[public:private])
    if not _pairs_match((sigma, native.g2_generator), (committed, vk.sigma)):
        raise _foreign(where, "committed_sigma")


def _mixed(key: CircuitKey, weights: FrArray, part: slice, total: G1, over: G2) -> bool:
    """total * over = sum_i weight_i (beta a_i + alpha b_i + c_i) over the wires of a part; a and b2 were checked."""
    vk, circuit = key.verifying, key.circuit
    chosen = native.zeros(len(weights))
    chosen[part] = weights[part]
    a = key.a.msm(np.ascontiguousarray(chosen[circuit.a.support]))
    b = key.b2.msm(np.ascontiguousarray(chosen[circuit.b.support]))
    c = key.lagrange.msm(circuit.c.csr.mul(chosen))
    return native.pairing_product_is_one(
        [(native.g1_neg(total), over), (a, vk.beta), (vk.alpha, b), (c, native.g2_generator)]
    )


def _pairs_match(left: tuple[G1, G2], right: tuple[G1, G2]) -> bool:
    return native.pairing_product_is_one([left, (native.g1_neg(right[0]), right[1])])


def _degenerate(where: object, what: str) -> KeyFileError:
    return KeyFileError(
        f"{where}: the verifying key has {what}, so anybody could forge proofs under it; generate the policy's keys "
        "again"
    )


def _foreign(where: object, section: str, what: str = "") -> KeyFileError:
    detail = f" ({what})" if what else ""
    return KeyFileError(
        f"{where}: section {section!r}{detail} does not fit the verifying key and the circuit, and proofs made with it "
        "could give gradients away; get the proving key again from where the verifying key was made"
    )
