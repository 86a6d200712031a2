"""Writers of the iden3 binary formats: `.r1cs`, `.wtns` and prepared `.ptau` files.

All are a magic word, a version and sections of (type, size, body); numbers are little-endian, elements have 32
bytes. Points are stored as Montgomery limbs, which is the kernel's raw layout.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import native
from circuits.r1cs import Circuit, SparseMatrix
from native import FrArray

_BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
_ELEMENT = 32
_ENTRY = np.dtype([("wire", "<u4"), ("coefficient", "<u8", 4)])
_G1_BYTES = 64
_G2_BYTES = 128
_HEADER, _BODY, _LABELS = 1, 2, 3
_TAU, _ALPHA_TAU, _BETA_TAU, _BETA = 2, 4, 5, 6
_LAGRANGE = {"tau1": 12, "tau2": 13, "alpha": 14, "beta": 15}


def _u32(*values: int) -> bytes:
    return np.array(values, dtype="<u4").tobytes()


def _field(modulus: int) -> bytes:
    return _u32(_ELEMENT) + modulus.to_bytes(_ELEMENT, "little")


def _write(path: Path, magic: bytes, version: int, sections: Sequence[tuple[int, int, bytes]]) -> None:
    """Sections are (type, zero bytes in front, body); zeros are left as a hole in the file."""
    with path.open("wb") as file:
        file.write(magic + _u32(version, len(sections)))
        for kind, gap, body in sections:
            file.write(_u32(kind) + (gap + len(body)).to_bytes(8, "little"))
            file.seek(gap, 1)
            file.write(body)


def _rows(matrix: SparseMatrix) -> Iterator[bytes]:
    entries: npt.NDArray[np.void] = np.empty(len(matrix.col), dtype=_ENTRY)
    entries["wire"], entries["coefficient"] = matrix.col, matrix.coeff
    raw, bounds = entries.tobytes(), matrix.row_ptr.tolist()
    for start, stop in itertools.pairwise(bounds):
        yield _u32(stop - start) + raw[start * _ENTRY.itemsize : stop * _ENTRY.itemsize]


def write_r1cs(path: Path, circuit: Circuit) -> None:
    """The circuit's constraints; the committed block becomes private wires like any other."""
    public, wires = circuit.public_count - 1, circuit.wire_count
    header = _field(native.R) + _u32(wires, 0, public, wires - 1 - public)
    header += wires.to_bytes(8, "little") + _u32(circuit.constraint_count)
    rows = zip(_rows(circuit.a), _rows(circuit.b), _rows(circuit.c), strict=True)
    body = b"".join(side for row in rows for side in row)
    labels = np.arange(wires, dtype="<u8").tobytes()
    _write(path, b"r1cs", 1, [(_HEADER, 0, header), (_BODY, 0, body), (_LABELS, 0, labels)])


def write_wtns(path: Path, assignment: FrArray) -> None:
    """An assignment."""
    header = _field(native.R) + _u32(len(assignment))
    _write(path, b"wtns", 2, [(_HEADER, 0, header), (_BODY, 0, assignment.astype("<u8").tobytes())])


def write_development_ptau(path: Path, power: int, seed: bytes) -> None:
    """Prepared powers of tau for circuits whose domain has exactly 2^power points.

    The secrets come from a seed, so nothing proven under them is worth anything; smaller domains and contributions are
    left out, because `snarkjs groth16 setup` does not read them.
    """
    secrets = [int(value) for value in native.to_ints(native.expand(seed, 3))]
    tau, alpha, beta = secrets
    size = 1 << power
    values = native.lagrange_scalars(tau, size)
    bodies = {
        "alpha": native.g1_fixed_base(native.scale(values, alpha)).to_raw(),
        "beta": native.g1_fixed_base(native.scale(values, beta)).to_raw(),
        "tau2": native.g2_fixed_base(values).to_raw(),
        "tau1": native.g1_fixed_base(np.concatenate((values, native.lagrange_scalars(tau, 2 * size)))).to_raw(),
    }
    single = native.from_ints([alpha, beta])
    in_g1 = native.g1_fixed_base(single).to_raw()
    sections = [
        (_HEADER, 0, _field(_BASE_FIELD) + _u32(power, power)),
        (_TAU, 0, native.powers_of_tau_unsafe(tau, 2 * size - 1).to_raw()),
        (_ALPHA_TAU, 0, in_g1[:_G1_BYTES]),
        (_BETA_TAU, 0, in_g1[_G1_BYTES:]),
        (_BETA, 0, native.g2_fixed_base(single[1:]).to_raw()),
    ]
    for name, kind in _LAGRANGE.items():
        width = _G2_BYTES if name == "tau2" else _G1_BYTES
        sections.append((kind, (size - 1) * width, bodies[name]))
    _write(path, b"ptau", 1, sections)


def read_counts(r1cs: Path) -> tuple[int, int]:
    """Constraints and public wires (without the constant) of a constraint file that circom wrote."""
    raw = r1cs.read_bytes()
    at = 12
    while int.from_bytes(raw[at : at + 4], "little") != _HEADER:
        at += 12 + int.from_bytes(raw[at + 4 : at + 12], "little")
    fields = raw[at + 12 + 4 + _ELEMENT :]
    outputs, inputs = (int.from_bytes(fields[start : start + 4], "little") for start in (4, 8))
    return int.from_bytes(fields[24:28], "little"), outputs + inputs
