"""Writes tiny snarkjs `.ptau` files, independently of the reader under test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import native

MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583


def _montgomery(coordinate_be: bytes) -> bytes:
    return (int.from_bytes(coordinate_be, "big") * 2**256 % MODULUS).to_bytes(32, "little")


def _g1(point: bytes) -> bytes:
    return _montgomery(point[:32]) + _montgomery(point[32:])


def _g2(point: bytes) -> bytes:
    x_im, x_re, y_im, y_re = (point[at : at + 32] for at in range(0, 128, 32))
    return b"".join(_montgomery(part) for part in (x_re, x_im, y_re, y_im))


def header(power: int, modulus: int = MODULUS) -> bytes:
    """Section 1."""
    return (
        (32).to_bytes(4, "little")
        + modulus.to_bytes(32, "little")
        + power.to_bytes(4, "little")
        + power.to_bytes(4, "little")
    )


def powers_sections(tau: int, power: int) -> tuple[bytes, bytes]:
    """Sections 2 and 3 for a known tau; section 3 repeats [tau]_2 from the third point on."""
    raw = bytes(native.powers_of_tau_unsafe(tau, (2 << power) - 1).to_bytes())
    in_g1 = b"".join(_g1(raw[at : at + 64]) for at in range(0, len(raw), 64))
    tau_g2 = native.g2_mul(native.g2_generator, tau)
    return in_g1, _g2(native.g2_generator) + _g2(tau_g2) * ((1 << power) - 1)


def write(path: Path, sections: Sequence[tuple[int, bytes]], version: int = 1) -> Path:
    """Writes a file with the given (type, body) sections."""
    body = b"".join(kind.to_bytes(4, "little") + len(data).to_bytes(8, "little") + data for kind, data in sections)
    path.write_bytes(b"ptau" + version.to_bytes(4, "little") + len(sections).to_bytes(4, "little") + body)
    return path
