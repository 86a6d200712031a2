"""Import of powers-of-tau ceremony files in the snarkjs `.ptau` format (BN254).

Layout, all integers little-endian: magic "ptau", version u32 = 1, number of sections u32, then sections of
(type u32, length u64, body). Read here: section 1 (bytes per coordinate u32, modulus, power u32, ceremony
power u32), section 2 ([tau^i]_1 for i < 2^(power+1) - 1) and section 3 ([tau^i]_2 for i < 2^power).
Coordinates are 32 bytes in Montgomery form (value * 2^256 mod q). Source: snarkjs, src/powersoftau_utils.js.

The ceremony's transcript (section 7) is not replayed: compare the SHA-256 in `Srs.origin` with the published
one.
What is checked: every G1 point used is on the curve, [tau]_2 is in the subgroup, consecutive powers differ by the
factor tau, and tau lies in no evaluation domain that the string serves (`srscheck`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import native
from circuits.container import map_file
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.srs import Srs, largest_domain, powers_needed
from circuits.srscheck import check_string
from native import G2, G1Bases, G2Bases

FIELD_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583
_MAGIC = b"ptau"
_VERSION = 1
_COORDINATE = 32
_G1, _G2 = 2 * _COORDINATE, 4 * _COORDINATE
_MAX_POWER = 28
_Bases = TypeVar("_Bases", G1Bases, G2Bases)


@dataclass(frozen=True)
class _Sections:
    power: int
    tau_g1: memoryview
    tau_g2: memoryview


def import_ptau(path: Path, domain: int) -> Srs:
    """The SRS for a domain of n points from a ceremony file.

    Raises:
        KeyFileError: truncated, malformed, its points are not consecutive powers, or tau lies in a domain.
        KeyMismatchError: another curve, another version, or too few powers.
    """
    view = map_file(path)
    digest = hashlib.sha256(view)
    sections, needed = _parse(path, view), powers_needed(domain)
    if len(sections.tau_g1) // _G1 < needed:
        raise KeyMismatchError(f"{path} is of power {sections.power}, a domain of {domain} needs {needed} points")
    try:
        powers = _checked(G1Bases, sections.tau_g1[: needed * _G1])
        one, tau = (_checked(G2Bases, sections.tau_g2[at : at + _G2]).to_bytes() for at in (0, _G2))
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error
    if one != native.g2_generator:
        raise KeyFileError(f"{path} does not start with the generators; fetch the ceremony file again")
    check_string(path, powers, G2(tau), largest_domain(powers))
    return Srs(f"ptau:{digest.hexdigest()}", powers, G2(tau))


def _parse(path: Path, view: memoryview) -> _Sections:
    if bytes(view[:4]) != _MAGIC:
        raise KeyFileError(f"{path} is not a .ptau file; fetch one of a ceremony over BN254")
    version, count = (int.from_bytes(view[at : at + 4], "little") for at in (4, 8))
    if version != _VERSION:
        raise KeyMismatchError(f"{path} has .ptau version {version}, expected {_VERSION}")
    bodies: dict[int, memoryview] = {}
    offset = 12
    for _ in range(count):
        kind, length = int.from_bytes(view[offset : offset + 4], "little"), view[offset + 4 : offset + 12]
        start = offset + 12
        offset = start + int.from_bytes(length, "little")
        if offset > len(view) or len(length) != 8:
            raise KeyFileError(f"{path} is truncated in section {kind}; fetch it again")
        if kind in bodies:
            raise KeyFileError(f"{path} has section {kind} twice")
        bodies[kind] = view[start:offset]
    if offset != len(view) or not {1, 2, 3} <= bodies.keys():
        raise KeyFileError(f"{path} lacks a section or has bytes behind the last one; fetch it again")
    power = _header_power(path, bytes(bodies[1]))
    if len(bodies[2]) != ((2 << power) - 1) * _G1 or len(bodies[3]) != (1 << power) * _G2:
        raise KeyFileError(f"{path}: the sections do not have the length of power {power}")
    return _Sections(power, bodies[2], bodies[3])


def _header_power(path: Path, header: bytes) -> int:
    width = int.from_bytes(header[:4], "little")
    modulus, rest = int.from_bytes(header[4 : 4 + width], "little"), header[4 + width :]
    if width != _COORDINATE or modulus != FIELD_MODULUS:
        raise KeyMismatchError(f"{path} is a ceremony over another curve; a BN254 (bn128) file is needed")
    power = int.from_bytes(rest[:4], "little")
    if len(rest) != 8 or not 1 <= power <= _MAX_POWER:
        raise KeyFileError(f"{path}: the header is malformed")
    return power


def _checked(kind: type[_Bases], raw: memoryview) -> _Bases:
    """Points of a section, each checked to be on its curve and in the subgroup.

    The file's layout is the kernel's raw one, which is not checked; the canonical encoding is, when read back.
    """
    return kind.from_bytes(kind.from_raw(raw).to_bytes())
