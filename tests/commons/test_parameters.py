"""Public parameters as every role loads them: checked, and checked once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import native
from circuits import commitment, container, keyfiles, srs
from circuits.commitment import commitment_key
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.groth16 import ProvingKey, generate_keys
from circuits.policies.norm import NORM
from commons.storage.parameters import PublicParameters
from tests.support.crafted import INFINITY, TAU, root, string, swapped
from tests.support.plain_batch import seed_of

DIMENSION = 5


@cache
def made() -> ProvingKey:
    return generate_keys(NORM.circuit(1), string(TAU).tau, "ptau:00", seed_of("entropy"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A string, its commitment key, and policy keys."""
    string(TAU).save(tmp_path / "srs")
    commitment_key(string(TAU), DIMENSION, tmp_path)
    keyfiles.save_proving_key(made(), tmp_path / "norm-1.proving")
    keyfiles.save_verifying_key(made().verifying, tmp_path / "norm-1.verifying")
    return tmp_path


def parameters(folder: Path) -> PublicParameters:
    return PublicParameters(folder / "srs", folder)


def test_sound_files_are_taken(folder: Path) -> None:
    held, key_hash = parameters(folder), made().verifying.key_hash
    assert held.verifying_key(key_hash) == made().verifying == held.proving_key(key_hash).verifying
    assert held.commitment_key(DIMENSION).bases.to_bytes() == commitment_key(string(TAU), DIMENSION).bases.to_bytes()


def test_every_file_is_checked_once_however_many_ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    for module, name in (
        (commitment, "check_commitment_bases"), (keyfiles, "check_proving_key"), (srs, "check_string"),
    ):  # fmt: skip
        check = getattr(module, name)

        def counted(*arguments: object, name: str = name, check: object = check) -> None:
            checked.append(name)
            assert callable(check)
            check(*arguments)

        monkeypatch.setattr(module, name, counted)
    held, key_hash, together = parameters(folder), made().verifying.key_hash, threading.Barrier(8)

    def ask(_: int) -> None:
        together.wait()
        held.commitment_key(DIMENSION)
        held.proving_key(key_hash)
        assert held.srs.tau == held.tau

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert sorted(checked) == ["check_commitment_bases", "check_proving_key", "check_string"]


def test_a_crafted_proving_key_is_refused_whenever_it_is_asked_for(folder: Path) -> None:
    crafted = replace(made(), committed=swapped(made().committed, {-1: INFINITY}))
    keyfiles.save_proving_key(crafted, folder / "norm-1.proving")
    held = parameters(folder)
    for _ in range(2):
        with pytest.raises(KeyFileError, match="section 'committed'"):
            held.proving_key(made().verifying.key_hash)


def test_a_proving_key_under_a_verifying_key_that_the_chain_does_not_name_is_refused(folder: Path) -> None:
    """A whole key pair of somebody else, with the hash that the contract names written over its own."""
    other = generate_keys(NORM.circuit(1), string(TAU).tau, "ptau:00", seed_of("other"))
    keyfiles.save_proving_key(other, folder / "norm-1.proving")
    file = container.read(folder / "norm-1.proving", keyfiles.PROVING)
    sections = {name: bytes(data) for name, data in file.sections.items()}
    fields = {**file.fields, "key_hash": made().verifying.key_hash.hex()}
    container.write(folder / "norm-1.proving", keyfiles.PROVING, fields, sections)
    with pytest.raises(KeyFileError, match="hash"):
        parameters(folder).proving_key(made().verifying.key_hash)


def test_a_crafted_commitment_key_is_replaced_by_the_strings_own(folder: Path) -> None:
    (path,) = folder.glob("*.bases")
    file = container.read(path, commitment.KIND)
    points = native.G1Bases.from_raw(file.section("bases"))
    crafted = {"bases": swapped(points, {DIMENSION: INFINITY}).to_raw(), "rest": bytes(file.section("rest"))}
    container.write(path, commitment.KIND, file.fields, crafted)
    used = parameters(folder).commitment_key(DIMENSION)
    assert used.bases.to_bytes() == commitment_key(string(TAU), DIMENSION).bases.to_bytes()


def test_no_commitment_key_comes_from_a_string_that_hides_nothing(folder: Path) -> None:
    evil = string(root(8, 3))
    evil.save(folder / "srs")
    commitment_key(evil, DIMENSION, folder)
    with pytest.raises(KeyFileError, match="hide nothing"):
        parameters(folder).commitment_key(DIMENSION)


def test_policy_keys_of_another_string_are_refused(folder: Path) -> None:
    string(TAU + 1).save(folder / "srs")
    for load in (parameters(folder).proving_key, parameters(folder).verifying_key):
        with pytest.raises(KeyMismatchError, match="another reference string"):
            load(made().verifying.key_hash)


def test_a_string_that_was_read_is_not_read_again_for_its_tau(folder: Path) -> None:
    held = parameters(folder)
    powers = held.srs
    (folder / "srs").unlink()
    assert held.tau == powers.tau


def test_keys_are_looked_at_together_and_each_bad_file_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "cut.proving").write_bytes((folder / "norm-1.proving").read_bytes()[:-1])
    parameters(folder).require_proving_keys()
    parameters(folder).require_verifying_keys()
    (line,) = caplog.messages
    assert "event=key-file-refused" in line
    assert "cut.proving is corrupt or truncated" in line


def test_a_directory_without_a_key_that_fits_the_string_is_refused(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    string(TAU + 1).save(folder / "srs")
    for require in (parameters(folder).require_proving_keys, parameters(folder).require_verifying_keys):
        with pytest.raises(KeyMismatchError, match="of the reference string"):
            require()
    assert ["another reference string" in line for line in caplog.messages] == [True, True]


def test_a_key_directory_that_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere cannot be read: No such file .* correct keys.directory"):
        PublicParameters(folder / "srs", folder / "nowhere").require_proving_keys()


def test_a_hash_that_is_none_is_a_bad_file(folder: Path) -> None:
    file = container.read(folder / "norm-1.verifying", keyfiles.VERIFYING)
    sections = {name: bytes(data) for name, data in file.sections.items()}
    container.write(folder / "norm-1.verifying", keyfiles.VERIFYING, {**file.fields, "key_hash": "xyz"}, sections)
    with pytest.raises(KeyMismatchError, match="holds a key that is sound"):
        parameters(folder).require_verifying_keys()
