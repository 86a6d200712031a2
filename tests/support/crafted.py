"""What somebody writes who cheats while making setup files: strings of a chosen tau, arrays with points replaced."""

from __future__ import annotations

import native
from circuits.srs import Srs, powers_needed
from native import G1, G1Bases

INFINITY = G1(bytes(64))
TAU = 0xABCDEF0123456789
"""A tau in no domain."""
DOMAIN = 8
CERTAIN = 3
"""Loads that must all refuse a file: the checks are random."""


def string(tau: int, domain: int = DOMAIN) -> Srs:
    """A string of a known tau that says it is a ceremony's."""
    powers = native.powers_of_tau_unsafe(tau, powers_needed(domain))
    return Srs("ptau:00", powers, native.g2_mul(native.g2_generator, tau))


def root(order: int, exponent: int = 1) -> int:
    """A root of unity whose order divides `order`: a tau in a domain."""
    return pow(native.root_of_unity(order), exponent, native.R)


def one(points: G1Bases, index: int) -> G1:
    """A point of an array, by its index (negative from the end)."""
    at = index % len(points)
    return G1(points.slice(at, at + 1).to_bytes())


def swapped(points: G1Bases, changes: dict[int, G1]) -> G1Bases:
    """The points with some of them, by index (negative from the end), replaced."""
    raw = bytearray(points.to_bytes())
    for index, value in changes.items():
        at = index % len(points) * 64
        raw[at : at + 64] = value
    return G1Bases.from_bytes(bytes(raw))


def multiple(points: G1Bases, factor: int) -> G1Bases:
    """Every point times a number."""
    parts = [native.g1_mul(one(points, i), factor) for i in range(len(points))]
    return G1Bases.from_bytes(b"".join(parts))
