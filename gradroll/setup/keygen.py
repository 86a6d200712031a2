"""Making public parameters: ceremony or development strings, and key files."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from circuits.commitment import commitment_key
from circuits.errors import GradrollError
from circuits.groth16 import ENTROPY_BYTES, VerifyingKey, generate_keys, unsafe_generate_keys
from circuits.keyfiles import load_verifying_key, save_proving_key, save_verifying_key
from circuits.policies.registry import compiled
from circuits.srs import Srs, load, unsafe_development_srs
from circuits.statement import domain_size
from commons.runtime.stages import stage

SRS_FILE = "srs.gsrs"
DEVELOPMENT_SEED = "gradroll development"


def proving_key_file(directory: Path, policy: str, capacity: int) -> Path:
    """Where `generate` puts a policy's proving key."""
    return directory / f"{policy}-{capacity}.proving"


def verifying_key_file(directory: Path, policy: str, capacity: int) -> Path:
    """Where `generate` puts a policy's verifying key."""
    return directory / f"{policy}-{capacity}.verifying"


def development_srs(text: str, domain: int) -> Srs:
    """A string whose trapdoor everybody knows; files made from it say so and are refused outside development."""
    return unsafe_development_srs(development_seed("srs", text), domain)


def generate(directory: Path, policy: str, capacity: int, srs: Srs, insecure_seed: str | None) -> VerifyingKey:
    """Write a policy's key files into a directory; returns the verifying key.

    Args:
        insecure_seed: for development; None draws the secrets from the operating system and forgets them.

    Raises:
        CircuitError: no policy has the name, or its circuits do not have that many slots.
    """
    circuit = compiled(policy, capacity)
    with stage(f"making the keys of policy {policy} for {capacity} owners"):
        if insecure_seed is None:
            key = generate_keys(circuit, srs.tau, srs.origin, secrets.token_bytes(ENTROPY_BYTES))
        else:
            key = unsafe_generate_keys(circuit, srs.tau, srs.origin, development_seed("keys", insecure_seed))
    proving = proving_key_file(directory, policy, capacity)
    save_proving_key(key, proving)
    try:
        save_verifying_key(key.verifying, verifying_key_file(directory, policy, capacity))
    except BaseException:
        proving.unlink()  # alone it would be in the way when the command is run again
        raise
    return key.verifying


def cached_development_parameters(directory: Path, dimension: int, policy: str, capacity: int) -> VerifyingKey:
    """Development SRS and keys in a directory, made when they are missing or do not fit this release."""
    path = directory / SRS_FILE
    domain = domain_size(dimension)
    try:
        srs = load(path, allow_insecure=True)
        srs.require(domain)
    except GradrollError:
        with stage(f"making a development string for {dimension} coordinates"):
            srs = development_srs(DEVELOPMENT_SEED, domain)
        srs.save(path)
    with stage(f"deriving the commitment key of {dimension} coordinates"):
        commitment_key(srs, dimension, cache=directory)  # here once, so that processes do not all derive it
    try:
        key = load_verifying_key(verifying_key_file(directory, policy, capacity), allow_insecure=True)
        if proving_key_file(directory, policy, capacity).exists() and key.tau == srs.tau:
            return key
    except GradrollError:
        pass
    return generate(directory, policy, capacity, srs, DEVELOPMENT_SEED)


def development_seed(purpose: str, text: str) -> bytes:
    """The seed of everything that development makes from a text; everybody knows it."""
    return hashlib.sha256(f"gradroll/v1/development/{purpose}/{text}".encode()).digest()
