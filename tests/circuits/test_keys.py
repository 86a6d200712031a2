"""Key files: round trip, and a named refusal for everything that does not fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import native
from circuits import container, keyfiles
from circuits.errors import InsecureSetupError, KeyFileError, KeyMismatchError
from circuits.groth16 import ProvingKey, generate_keys, unsafe_generate_keys
from circuits.policies.norm import NORM
from circuits.srs import INSECURE
from tests.support.plain_batch import seed_of

_BASES = ("a", "b1", "b2", "committed", "committed_sigma", "private", "quotient", "lagrange")
_TAU = native.g2_mul(native.g2_generator, 1009)


@cache
def insecure() -> ProvingKey:
    return unsafe_generate_keys(NORM.circuit(1), _TAU, INSECURE, seed_of("keys"))


@cache
def secure() -> ProvingKey:
    return generate_keys(NORM.circuit(1), _TAU, "ptau:00", seed_of("entropy"))


def test_keys_round_trip(tmp_path: Path) -> None:
    keyfiles.save_proving_key(secure(), tmp_path / "pk")
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    loaded = keyfiles.load_proving_key(tmp_path / "pk")
    assert loaded.verifying == secure().verifying == keyfiles.load_verifying_key(tmp_path / "vk")
    assert (loaded.beta1, loaded.delta1, loaded.point) == (secure().beta1, secure().delta1, secure().point)
    for name in _BASES:
        assert getattr(loaded, name).to_bytes() == getattr(secure(), name).to_bytes(), name


def test_insecure_keys_are_refused_unless_allowed(tmp_path: Path) -> None:
    keyfiles.save_proving_key(insecure(), tmp_path / "pk")
    keyfiles.save_verifying_key(insecure().verifying, tmp_path / "vk")
    with pytest.raises(InsecureSetupError):
        keyfiles.load_proving_key(tmp_path / "pk")
    with pytest.raises(InsecureSetupError):
        keyfiles.load_verifying_key(tmp_path / "vk")
    assert keyfiles.load_proving_key(tmp_path / "pk", allow_insecure=True).verifying == insecure().verifying
    assert keyfiles.load_verifying_key(tmp_path / "vk", allow_insecure=True) == insecure().verifying


def test_real_keys_over_a_development_srs_are_insecure(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(replace(secure().verifying, srs=INSECURE), tmp_path / "vk")
    with pytest.raises(InsecureSetupError):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    with pytest.raises(KeyMismatchError, match="verifying-key"):
        keyfiles.load_proving_key(tmp_path / "vk")
    (tmp_path / "text").write_text("not a key")
    for name in ("text", "absent"):
        with pytest.raises(KeyFileError):
            keyfiles.load_verifying_key(tmp_path / name)


@pytest.mark.parametrize("keep", [0, 5, 13, 100, 500, -1])
def test_truncated_files_are_refused(tmp_path: Path, keep: int) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    whole = (tmp_path / "vk").read_bytes()
    (tmp_path / "vk").write_bytes(whole[:keep])
    with pytest.raises(KeyFileError):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    whole = (tmp_path / "vk").read_bytes()
    for position in range(0, len(whole), 23):
        changed = bytearray(whole)
        changed[position] ^= 1
        (tmp_path / "vk").write_bytes(changed)
        with pytest.raises((KeyFileError, KeyMismatchError)):
            keyfiles.load_verifying_key(tmp_path / "vk")


def test_a_newer_format_version_is_a_mismatch(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    whole = bytearray((tmp_path / "vk").read_bytes())
    whole[9] = container.VERSION + 1
    (tmp_path / "vk").write_bytes(whole)
    with pytest.raises(KeyMismatchError, match=f"version {container.VERSION + 1}"):
        keyfiles.load_verifying_key(tmp_path / "vk")


@pytest.mark.parametrize(
    ("field", "value"),
    [("circuit", "00" * 32), ("capacity", 2), ("policy", "norm-contribution"), ("policy", "median")],
)
def test_a_key_for_another_circuit_is_a_mismatch(tmp_path: Path, field: str, value: str | int) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    _rewrite(tmp_path / "vk", keyfiles.VERIFYING, {field: value})
    with pytest.raises(KeyMismatchError):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_a_header_that_does_not_describe_the_key_is_refused(tmp_path: Path) -> None:
    keyfiles.save_verifying_key(secure().verifying, tmp_path / "vk")
    _rewrite(tmp_path / "vk", keyfiles.VERIFYING, {"key_hash": "00"})
    with pytest.raises(KeyFileError, match="hash"):
        keyfiles.load_verifying_key(tmp_path / "vk")
    _rewrite(tmp_path / "vk", keyfiles.VERIFYING, {"capacity": "1"})
    with pytest.raises(KeyFileError, match="capacity"):
        keyfiles.load_verifying_key(tmp_path / "vk")


def test_points_of_a_wrong_count_or_off_the_curve_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pk"
    for name in (*_BASES, "single", "point", "verifying"):
        keyfiles.save_proving_key(secure(), path)
        file = container.read(path, keyfiles.PROVING)
        sections = {key: bytes(data) for key, data in file.sections.items()}
        size = 128 if name in ("b2", "point") else 64
        container.write(path, keyfiles.PROVING, file.fields, sections | {name: sections[name][:-size]})
        with pytest.raises((KeyMismatchError, KeyFileError)):
            keyfiles.load_proving_key(path)
        off_curve = sections[name][:-1] + bytes([sections[name][-1] ^ 1])
        container.write(path, keyfiles.PROVING, file.fields, sections | {name: off_curve})
        with pytest.raises(KeyFileError):
            keyfiles.load_proving_key(path)


def _rewrite(path: Path, kind: str, fields: dict[str, container.Field]) -> None:
    """Changes header fields and repairs the digest, as someone with write access could."""
    file = container.read(path, kind)
    sections = {name: bytes(data) for name, data in file.sections.items()}
    container.write(path, kind, {**file.fields, **fields}, sections)
