"""Files of proving and verifying keys.

A key file names the policy and capacity it is for, the circuit's digest, the setup and the SRS it belongs to.
Loading compiles the circuit afresh and refuses a key of another one; keys from a seeded setup are refused
unless the caller says `allow_insecure`. Single points are stored canonically, arrays as they lie in
memory and are used where the file is mapped (see `container`). Every point is checked to be in its group when read, a
verifying key not to be degenerate, and a proving key to be the one of its verifying key (`keycheck`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import native
from circuits import container
from circuits.container import Container, Field
from circuits.errors import CircuitError, InsecureSetupError, KeyFileError, KeyMismatchError
from circuits.groth16 import CircuitKey, K, KeyedCircuit, ProvingKey, VerifyingKey, split_points
from circuits.keycheck import check_proving_key, check_verifying_key
from circuits.policies import registry
from native import G1, G2, G1Bases, G2Bases

PROVING = "proving-key"
VERIFYING = "verifying-key"
_G1_BYTES, _G2_BYTES = 64, 128
Find = Callable[[str, int], KeyedCircuit]
"""Gives the circuit of a name and a capacity, or raises `CircuitError`."""
_BASES = ("a", "b1", "committed", "committed_sigma", "private", "quotient", "lagrange")


def save_verifying_key(key: VerifyingKey, path: Path) -> None:
    """Writes a verifying key (see `container`)."""
    container.write(path, VERIFYING, _fields(key), {"verifying": _verifying_bytes(key)})


def load_verifying_key(path: Path, *, allow_insecure: bool = False, find: Find = registry.compiled) -> VerifyingKey:
    """Reads a verifying key for a circuit of this release.

    Args:
        find: gives the circuit of a name and a capacity; a policy's, unless it says otherwise.

    Raises:
        KeyFileError: unreadable, corrupt, a point is not on its curve, or the key is degenerate.
        KeyMismatchError: another kind of file, version or circuit.
        InsecureSetupError: a development key, and `allow_insecure` is not set.
    """
    file = container.read(path, VERIFYING)
    return _verifying(file, _circuit_of(file, find), allow_insecure=allow_insecure)


def save_proving_key(key: CircuitKey, path: Path) -> None:
    """Writes a proving key together with its verifying key (see `container`)."""
    sections = {"verifying": _verifying_bytes(key.verifying), "single": key.beta1 + key.delta1, "point": key.point}
    sections |= {name: getattr(key, name).to_raw() for name in (*_BASES, "b2")}
    container.write(path, PROVING, _fields(key.verifying), sections)


def load_proving_key(path: Path, *, allow_insecure: bool = False) -> ProvingKey:
    """Reads a proving key for a circuit of this release and checks it against the verifying key inside.

    Raises:
        KeyFileError: as `load_verifying_key`, and when a section does not fit the verifying key and the circuit.
        KeyMismatchError, InsecureSetupError: as `load_verifying_key`.
    """
    return _load(ProvingKey, path, registry.compiled, allow_insecure=allow_insecure)


def load_circuit_key(path: Path, find: Find, *, allow_insecure: bool = False) -> CircuitKey:
    """As `load_proving_key`, for a circuit that `find` knows by the file's name and capacity."""
    return _load(CircuitKey, path, find, allow_insecure=allow_insecure)


def _load(kind: type[K], path: Path, find: Find, *, allow_insecure: bool) -> K:
    file = container.read(path, PROVING)
    compiled = _circuit_of(file, find)
    verifying = _verifying(file, compiled, allow_insecure=allow_insecure)
    single = bytes(file.section("single"))
    if len(single) != 2 * _G1_BYTES:
        raise KeyFileError(f"{path}: section 'single' does not hold two points")
    beta1, delta1 = G1(single[:_G1_BYTES]), G1(single[_G1_BYTES:])
    point = G2(bytes(file.section("point")))
    try:
        native.g1_check(beta1)
        native.g1_check(delta1)
        native.g2_check(point)
        bases = {name: G1Bases.map(file.section(name)) for name in _BASES}
        b2 = G2Bases.map(file.section("b2"))
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error
    key = kind(policy=compiled, verifying=verifying, beta1=beta1, delta1=delta1, b2=b2, point=point, **bases)
    _check_lengths(path, key)
    check_proving_key(path, key)
    return key


def _check_lengths(path: Path, key: CircuitKey) -> None:
    circuit = key.circuit
    lengths = {
        "a": (len(key.a), len(circuit.a.support)),
        "b1": (len(key.b1), len(circuit.b.support)),
        "b2": (len(key.b2), len(circuit.b.support)),
        "committed": (len(key.committed), circuit.committed_count),
        "committed_sigma": (len(key.committed_sigma), circuit.committed_count),
        "private": (len(key.private), circuit.wire_count - circuit.private_start),
        "quotient": (len(key.quotient), circuit.domain_size - 1),
        "lagrange": (len(key.lagrange), circuit.domain_size),
    }
    for name, (actual, expected) in lengths.items():
        if actual != expected:
            raise KeyMismatchError(f"{path}: section {name!r} has {actual} points, the circuit needs {expected}")


def _fields(key: VerifyingKey) -> dict[str, Field]:
    return {
        "policy": key.policy,
        "capacity": key.capacity,
        "circuit": key.circuit.hex(),
        "setup": key.setup,
        "srs": key.srs,
        "key_hash": key.key_hash.hex(),
    }


def _circuit_of(file: Container, find: Find) -> KeyedCircuit:
    try:
        compiled = find(file.text("policy"), file.number("capacity"))
    except CircuitError as error:
        raise KeyMismatchError(f"{file.path}: {error}") from error
    if compiled.circuit.digest.hex() != file.text("circuit"):
        raise KeyMismatchError(f"{file.path} is for another version of its circuit; generate the keys again")
    return compiled


def _verifying_bytes(key: VerifyingKey) -> bytes:
    return b"".join((key.alpha, key.beta, key.gamma, key.delta, key.sigma, key.tau, *key.inputs))


def _verifying(file: Container, compiled: KeyedCircuit, *, allow_insecure: bool) -> VerifyingKey:
    raw = bytes(file.section("verifying"))
    fixed = _G1_BYTES + 5 * _G2_BYTES
    if len(raw) != fixed + compiled.circuit.public_count * _G1_BYTES:
        raise KeyMismatchError(f"{file.path} has another number of public inputs than its circuit")
    try:
        alpha = G1(raw[:_G1_BYTES])
        native.g1_check(alpha)
        in_g2 = [G2(raw[at : at + _G2_BYTES]) for at in range(_G1_BYTES, fixed, _G2_BYTES)]
        for point in in_g2:
            native.g2_check(point)
        inputs = split_points(G1Bases.from_bytes(raw[fixed:]))
    except ValueError as error:
        raise KeyFileError(f"{file.path}: {error}") from error
    beta, gamma, delta, sigma, tau = in_g2
    key = VerifyingKey(
        policy=compiled.name,
        capacity=compiled.capacity,
        setup=file.text("setup"),
        srs=file.text("srs"),
        circuit=compiled.circuit.digest,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        delta=delta,
        sigma=sigma,
        tau=tau,
        inputs=inputs,
    )
    if key.key_hash.hex() != file.text("key_hash"):
        raise KeyFileError(f"{file.path}: the key does not have the hash that the header states")
    if key.insecure and not allow_insecure:
        raise InsecureSetupError(
            f"{file.path} is a development key; generate real ones, or pass --development to try things out"
        )
    check_verifying_key(file.path, key)
    return key
