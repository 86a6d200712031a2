"""Reference strings: development strings, files, ceremony import."""

from __future__ import annotations

from pathlib import Path

import pytest

import native
from circuits import srs as srs_module
from circuits.errors import InsecureSetupError, KeyFileError, KeyMismatchError
from circuits.ptau import import_ptau
from circuits.srs import Srs, powers_needed, unsafe_development_srs
from tests.support import ptau_writer
from tests.support.plain_batch import seed_of

TAU, POWER, DOMAIN = 0xABCDEF0123456789, 8, 4


@pytest.fixture(scope="module")
def sections() -> list[tuple[int, bytes]]:
    in_g1, in_g2 = ptau_writer.powers_sections(TAU, POWER)
    return [(1, ptau_writer.header(POWER)), (2, in_g1), (3, in_g2), (7, b"contributions")]


@pytest.fixture(scope="module")
def development() -> Srs:
    return unsafe_development_srs(seed_of("srs"), DOMAIN)


def test_import_gives_the_powers_of_the_ceremony(tmp_path: Path, sections: list[tuple[int, bytes]]) -> None:
    imported = import_ptau(ptau_writer.write(tmp_path / "ok.ptau", sections), DOMAIN)
    expected = native.powers_of_tau_unsafe(TAU, powers_needed(DOMAIN))
    assert imported.powers.to_bytes() == expected.to_bytes()
    assert imported.tau == native.g2_mul(native.g2_generator, TAU)
    assert imported.origin.startswith("ptau:") and not imported.insecure


def test_import_refuses_a_ceremony_that_is_too_small(tmp_path: Path, sections: list[tuple[int, bytes]]) -> None:
    with pytest.raises(KeyMismatchError, match="power 8"):
        import_ptau(ptau_writer.write(tmp_path / "small.ptau", sections), 512)


@pytest.mark.parametrize("keep", [3, 11, 20, 90, 40000, -1])
def test_import_refuses_truncated_files(tmp_path: Path, sections: list[tuple[int, bytes]], keep: int) -> None:
    path = ptau_writer.write(tmp_path / "cut.ptau", sections)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(KeyFileError):
        import_ptau(path, DOMAIN)


def test_import_refuses_other_curves_versions_and_layouts(tmp_path: Path, sections: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "bad.ptau"
    with pytest.raises(KeyMismatchError, match="another curve"):
        import_ptau(ptau_writer.write(path, [(1, ptau_writer.header(POWER, native.R)), *sections[1:]]), DOMAIN)
    with pytest.raises(KeyMismatchError, match="version 2"):
        import_ptau(ptau_writer.write(path, sections, version=2), DOMAIN)
    with pytest.raises(KeyFileError, match="twice"):
        import_ptau(ptau_writer.write(path, [*sections, sections[0]]), DOMAIN)
    with pytest.raises(KeyFileError, match="lacks"):
        import_ptau(ptau_writer.write(path, sections[:2]), DOMAIN)
    with pytest.raises(KeyFileError, match="length"):
        import_ptau(ptau_writer.write(path, [(1, ptau_writer.header(9)), *sections[1:]]), DOMAIN)
    path.write_bytes(b"")
    with pytest.raises(KeyFileError):
        import_ptau(path, DOMAIN)
    with pytest.raises(KeyFileError):
        import_ptau(tmp_path / "absent.ptau", DOMAIN)


def test_import_refuses_points_that_are_no_consecutive_powers(
    tmp_path: Path, sections: list[tuple[int, bytes]]
) -> None:
    path, in_g1 = tmp_path / "bad.ptau", sections[1][1]
    swapped = in_g1[:128] + in_g1[192:256] + in_g1[128:192] + in_g1[256:]
    with pytest.raises(KeyFileError, match="consecutive"):
        import_ptau(ptau_writer.write(path, [sections[0], (2, swapped), *sections[2:]]), DOMAIN)
    off_curve = in_g1[:64] + bytes([in_g1[64] ^ 1]) + in_g1[65:]
    with pytest.raises(KeyFileError):
        import_ptau(ptau_writer.write(path, [sections[0], (2, off_curve), *sections[2:]]), DOMAIN)
    not_reduced = in_g1[:64] + b"\xff" * 32 + in_g1[96:]
    with pytest.raises(KeyFileError, match="below the base field"):
        import_ptau(ptau_writer.write(path, [sections[0], (2, not_reduced), *sections[2:]]), DOMAIN)
    other_generator = in_g1[64:] + in_g1[:64]
    with pytest.raises(KeyFileError, match="generators"):
        import_ptau(ptau_writer.write(path, [sections[0], (2, other_generator), *sections[2:]]), DOMAIN)


def test_file_round_trip_refuses_insecure_strings_unless_allowed(tmp_path: Path, development: Srs) -> None:
    development.save(tmp_path / "srs")
    with pytest.raises(InsecureSetupError, match="development"):
        srs_module.load(tmp_path / "srs")
    again = srs_module.load(tmp_path / "srs", allow_insecure=True)
    assert (again.origin, again.tau) == (development.origin, development.tau)
    assert again.powers.to_bytes() == development.powers.to_bytes()


def test_an_imported_string_round_trips(tmp_path: Path, sections: list[tuple[int, bytes]]) -> None:
    imported = import_ptau(ptau_writer.write(tmp_path / "ok.ptau", sections), DOMAIN)
    imported.save(tmp_path / "srs")
    assert srs_module.load(tmp_path / "srs").origin == imported.origin


def test_limits_are_named(development: Srs) -> None:
    development.require(DOMAIN)
    with pytest.raises(KeyMismatchError, match="powers"):
        development.require(2 * DOMAIN)
    with pytest.raises(KeyMismatchError, match="fit"):
        development.commit(native.zeros(powers_needed(DOMAIN) + 1))
    with pytest.raises(KeyMismatchError, match="32 bytes"):
        unsafe_development_srs(b"short", 4)
