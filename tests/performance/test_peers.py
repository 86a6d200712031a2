"""What the other provers are given: satisfied systems, in files that say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import native
from benchmarks.peers.iden3 import read_counts, write_development_ptau, write_r1cs, write_wtns
from benchmarks.peers.systems import System, dense_system, mixed_system

_SYSTEMS = pytest.mark.parametrize("system", [mixed_system(300), dense_system(50)], ids=lambda system: system.name)
_PREFIX = 12
_SECTION_HEAD = 12


def sections(path: Path) -> dict[int, bytes]:
    raw, found, at = path.read_bytes(), {}, _PREFIX
    while at < len(raw):
        kind, size = int.from_bytes(raw[at : at + 4], "little"), int.from_bytes(raw[at + 4 : at + 12], "little")
        found[kind] = raw[at + _SECTION_HEAD : at + _SECTION_HEAD + size]
        at += _SECTION_HEAD + size
    assert len(found) == int.from_bytes(raw[8:12], "little")
    return found


@_SYSTEMS
def test_systems_have_the_asked_size_and_are_satisfied(system: System) -> None:
    assert system.circuit.constraint_count == (50 if system.name.startswith("dense") else 300)
    assert system.circuit.is_satisfied(system.assignment)


@_SYSTEMS
def test_shares_interpolate_to_the_assignment_and_keep_public_wires(system: System) -> None:
    shares = system.shares([1, 2])
    assert np.array_equal(native.interpolate(shares, [1, 2]), system.assignment)
    public = system.circuit.public_count
    assert np.array_equal(shares[0][:public], system.assignment[:public])


@_SYSTEMS
def test_files_carry_the_system(system: System, tmp_path: Path) -> None:
    circuit = system.circuit
    write_r1cs(tmp_path / "r1cs", circuit)
    write_wtns(tmp_path / "wtns", system.assignment)
    assert read_counts(tmp_path / "r1cs") == (circuit.constraint_count, circuit.public_count - 1)
    entries = sum(len(matrix.col) for matrix in (circuit.a, circuit.b, circuit.c))
    assert len(sections(tmp_path / "r1cs")[2]) == 3 * 4 * circuit.constraint_count + 36 * entries
    assert sections(tmp_path / "wtns")[2] == system.assignment.tobytes()


def test_prepared_powers_lie_where_snarkjs_looks(tmp_path: Path) -> None:
    write_development_ptau(tmp_path / "ptau", 3, bytes(32))
    found = sections(tmp_path / "ptau")
    tau, alpha, _ = native.to_ints(native.expand(bytes(32), 3))
    scaled = native.scale(native.lagrange_scalars(tau, 8), alpha)
    assert found[14][:448] == bytes(448)
    assert found[14][448:] == native.g1_fixed_base(scaled).to_raw()
    assert len(found[12]) == (7 + 8 + 16) * 64
    assert len(found[13]) == (7 + 8) * 128
