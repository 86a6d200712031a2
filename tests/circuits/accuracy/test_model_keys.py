"""Key files of accuracy and rounding circuits: checked as those of policies, and never mistaken for one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import native
from circuits import keyfiles
from circuits.accuracy import accuracykeys
from circuits.accuracy.accuracycircuit import accuracy_circuit
from circuits.accuracy.accuracykeys import circuit_named, load_model_key, load_model_verifying_key
from circuits.accuracy.roundingcircuit import rounding_circuit
from circuits.accuracy.sizeclasses import SMALL
from circuits.errors import CircuitError, InsecureSetupError, KeyFileError, KeyMismatchError
from circuits.groth16 import (
    INSECURE,
    SINGLE_PARTY,
    CircuitKey,
    generate_circuit_keys,
    unsafe_generate_circuit_keys,
    unsafe_generate_keys,
)
from circuits.policies.norm import NORM
from native import G1Bases
from tests.support.accuracymodels import TOY
from tests.support.plain_batch import seed_of

TAU = native.g2_mul(native.g2_generator, 1009)


@cache
def key() -> CircuitKey:
    return generate_circuit_keys(rounding_circuit(3), TAU, "ptau:00", seed_of("entropy"))


def test_keys_round_trip(tmp_path: Path) -> None:
    keyfiles.save_proving_key(key(), tmp_path / "pk")
    keyfiles.save_verifying_key(key().verifying, tmp_path / "vk")
    loaded = load_model_key(tmp_path / "pk")
    assert loaded.verifying == key().verifying == load_model_verifying_key(tmp_path / "vk")
    assert loaded.policy is rounding_circuit(3)
    assert (loaded.verifying.policy, loaded.verifying.setup) == ("rounding-3", SINGLE_PARTY)


def test_accuracy_keys_round_trip(tmp_path: Path) -> None:
    """Of the toy class, which no release knows."""
    made = unsafe_generate_circuit_keys(accuracy_circuit(TOY), TAU, INSECURE, seed_of("keys"))
    keyfiles.save_proving_key(made, tmp_path / "pk")
    with pytest.raises(KeyMismatchError, match="accuracy-4-3-3-8-t6"):
        load_model_key(tmp_path / "pk", allow_insecure=True)
    find = lambda name, capacity: circuit_named(name, capacity, [TOY])  # noqa: E731
    loaded = keyfiles.load_circuit_key(tmp_path / "pk", find, allow_insecure=True)
    assert loaded.verifying == made.verifying
    assert (loaded.verifying.capacity, len(loaded.verifying.inputs)) == (16, 5)
    with pytest.raises(InsecureSetupError):
        keyfiles.load_circuit_key(tmp_path / "pk", find)


def test_the_classes_circuits_are_found_by_name() -> None:
    assert circuit_named("accuracy-64-32-10-128", 16) is accuracy_circuit(SMALL)
    for name, capacity in (("accuracy-64-32-10-128", 1), ("rounding-3", 16), ("accuracy-1-1-1-1", 16), ("norm", 2)):
        with pytest.raises(CircuitError):
            circuit_named(name, capacity)


def test_a_policys_key_is_no_models_key(tmp_path: Path) -> None:
    policy = unsafe_generate_keys(NORM.circuit(1), TAU, "ptau:00", seed_of("keys"))
    keyfiles.save_proving_key(policy, tmp_path / "policy")
    keyfiles.save_proving_key(key(), tmp_path / "model")
    keyfiles.save_verifying_key(key().verifying, tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match="norm"):
        load_model_key(tmp_path / "policy", allow_insecure=True)
    with pytest.raises(KeyMismatchError, match="rounding-3"):
        keyfiles.load_proving_key(tmp_path / "model")
    with pytest.raises(KeyMismatchError, match="rounding-3"):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_another_version_of_the_circuit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyfiles.save_proving_key(key(), tmp_path / "pk")
    monkeypatch.setattr(accuracykeys, "rounding_named", lambda name: rounding_circuit(4))
    with pytest.raises(KeyMismatchError, match="another version"):
        load_model_key(tmp_path / "pk")


@pytest.mark.parametrize("section", ["a", "b1", "committed", "committed_sigma", "private", "quotient", "lagrange"])
def test_a_basis_of_another_form_is_refused(tmp_path: Path, section: str) -> None:
    """It could carry the model out of the proof, before anybody verifies it."""
    points: G1Bases = getattr(key(), section)
    doubled = native.g1_mul(native.G1(points.slice(0, 1).to_bytes()), 2)
    changed = G1Bases.concat([G1Bases.from_bytes(doubled), points.slice(1, len(points))])
    parts: dict[str, Any] = {section: changed}
    keyfiles.save_proving_key(replace(key(), **parts), tmp_path / "pk")
    with pytest.raises(KeyFileError, match="does not fit the verifying key"):
        load_model_key(tmp_path / "pk")
