"""The independent implementations that the kernel is compared with: galois and py_ecc."""

import hashlib
from typing import Any

import galois
import py_ecc.optimized_bn128 as ecc

import native

GF: Any = galois.GF(native.R, primitive_element=5, verify=False)
EDGES = [0, 1, 2, native.R - 1, native.R - 2, (native.R - 1) // 2, 2**253, 2**64, 2**128 - 1]


def integers(label: str, n: int, bits: int = 512) -> list[int]:
    """n integers of that many bits, always the same for a label."""
    size = bits // 8
    data = hashlib.shake_256(label.encode()).digest(size * n)
    return [int.from_bytes(data[size * i : size * (i + 1)], "little") for i in range(n)]


def elements(label: str, n: int) -> list[int]:
    """n field elements, the edge cases first."""
    return (EDGES + [x % native.R for x in integers(label, n)])[:n]


def g1_bytes(point: Any) -> native.G1:
    """EIP-196 encoding of a py_ecc point."""
    if ecc.is_inf(point):
        return native.G1(bytes(64))
    return native.G1(b"".join(int(c).to_bytes(32, "big") for c in ecc.normalize(point)))


def g2_bytes(point: Any) -> native.G2:
    """EIP-197 encoding of a py_ecc point."""
    if ecc.is_inf(point):
        return native.G2(bytes(128))
    x, y = ecc.normalize(point)
    words = [x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0]]
    return native.G2(b"".join(int(c).to_bytes(32, "big") for c in words))
