"""Keys of accuracy and rounding circuits: made, kept in files, and checked when read, as keys of policies are.

A policy's key is refused where one of these is asked for, and the other way round: neither finds the other's circuit.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from circuits import keyfiles
from circuits.accuracy.accuracycircuit import AccuracyCircuit, accuracy_circuit
from circuits.accuracy.roundingcircuit import RoundingCircuit, rounding_named
from circuits.accuracy.sizeclasses import CLASSES, SizeClass
from circuits.errors import CircuitError
from circuits.groth16 import CircuitKey, VerifyingKey


def circuit_named(
    name: str, capacity: int, classes: Iterable[SizeClass] = CLASSES
) -> AccuracyCircuit | RoundingCircuit:
    """The circuit of a key file's header.

    Raises:
        CircuitError: no size class and no rounding circuit has the name, or its capacity is another.
    """
    found = next((accuracy_circuit(size) for size in classes if size.policy == name), None) or rounding_named(name)
    if found.capacity != capacity:
        raise CircuitError(f"keys of {name} have capacity {found.capacity}, not {capacity}")
    return found


def load_model_key(path: Path, *, allow_insecure: bool = False) -> CircuitKey:
    """Reads the proving key of an accuracy or rounding circuit; raises as `keyfiles.load_proving_key`."""
    return keyfiles.load_circuit_key(path, circuit_named, allow_insecure=allow_insecure)


def load_model_verifying_key(path: Path, *, allow_insecure: bool = False) -> VerifyingKey:
    """Reads a verifying key of an accuracy or rounding circuit; raises as `keyfiles.load_verifying_key`."""
    return keyfiles.load_verifying_key(path, allow_insecure=allow_insecure, find=circuit_named)
