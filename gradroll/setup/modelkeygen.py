"""Making the key files of the model market's size classes.

Whoever makes them could keep the secrets and prove any accuracy: single-party keys are for where all trust that party,
development keys for nothing but trying things out.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from circuits.accuracy.accuracycircuit import accuracy_circuit
from circuits.accuracy.accuracykeys import load_model_verifying_key
from circuits.accuracy.roundingcircuit import rounding_circuit
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import GradrollError
from circuits.groth16 import (
    ENTROPY_BYTES,
    KeyedCircuit,
    VerifyingKey,
    generate_circuit_keys,
    unsafe_generate_circuit_keys,
)
from circuits.keyfiles import save_proving_key, save_verifying_key
from circuits.srs import Srs, load
from circuits.statement import domain_size
from commons.runtime.stages import stage
from gradroll.setup.keygen import (
    DEVELOPMENT_SEED,
    SRS_FILE,
    development_seed,
    development_srs,
    proving_key_file,
    verifying_key_file,
)


def domain_needed(size: SizeClass) -> int:
    """The evaluation domain that a reference string must suffice for: of a model's row, and of a chunk's columns."""
    return max(domain_size(size.weights), domain_size(size.samples * size.columns))


def generate_model_keys(
    directory: Path, size: SizeClass, srs: Srs, insecure_seed: str | None
) -> tuple[VerifyingKey, VerifyingKey]:
    """Write the key files of a class into a directory; returns the verifying keys for accuracy and for rounding.

    Args:
        insecure_seed: for development; None draws the secrets from the operating system and forgets them.

    Raises:
        KeyMismatchError: the reference string is too short.
        StorageError: they cannot be written, or are there already.
    """
    srs.require(domain_needed(size))
    with stage(f"compiling the circuits of class {size.name}"):
        circuits: tuple[KeyedCircuit, KeyedCircuit] = accuracy_circuit(size), rounding_circuit(size.weights)
    accuracy, rounding = (_generate(directory, circuit, srs, insecure_seed) for circuit in circuits)
    return accuracy, rounding


def cached_development_model_keys(directory: Path, size: SizeClass) -> tuple[VerifyingKey, VerifyingKey]:
    """Development reference string and keys in a directory, made when they are missing or do not fit this release."""
    path, domain = directory / SRS_FILE, domain_needed(size)
    try:
        srs = load(path, allow_insecure=True)
        srs.require(domain)
    except GradrollError:
        with stage(f"making a development string for class {size.name}"):
            srs = development_srs(DEVELOPMENT_SEED, domain)
        srs.save(path)
    try:
        names = (size.policy, accuracy_circuit(size).capacity), (f"rounding-{size.weights}", 1)
        accuracy, rounding = (
            load_model_verifying_key(verifying_key_file(directory, *name), allow_insecure=True) for name in names
        )
        there = all(proving_key_file(directory, *name).exists() for name in names)
        if there and accuracy.tau == rounding.tau == srs.tau:
            return accuracy, rounding
    except GradrollError:
        pass
    return generate_model_keys(directory, size, srs, DEVELOPMENT_SEED)


def _generate(directory: Path, circuit: KeyedCircuit, srs: Srs, insecure_seed: str | None) -> VerifyingKey:
    with stage(f"making the keys of {circuit.name}"):
        if insecure_seed is None:
            key = generate_circuit_keys(circuit, srs.tau, srs.origin, secrets.token_bytes(ENTROPY_BYTES))
        else:
            key = unsafe_generate_circuit_keys(
                circuit, srs.tau, srs.origin, development_seed("model-keys", insecure_seed)
            )
    proving = proving_key_file(directory, circuit.name, circuit.capacity)
    save_proving_key(key, proving)
    try:
        save_verifying_key(key.verifying, verifying_key_file(directory, circuit.name, circuit.capacity))
    except BaseException:
        proving.unlink()  # alone it would be in the way when the command is run again
        raise
    return key.verifying
