"""Points and pairings, against py_ecc."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import py_ecc.optimized_bn128 as ecc
import pytest

import native
from native import G1
from tests.native.reference import elements, g1_bytes, g2_bytes

R, Q = native.R, ecc.field_modulus
INFINITY = native.G1(bytes(64))
INFINITY_2 = native.G2(bytes(128))


def g1(k: int) -> Any:
    return ecc.multiply(ecc.G1, k)


def test_generators() -> None:
    assert native.g1_generator == g1_bytes(ecc.G1)
    assert native.g2_generator == g2_bytes(ecc.G2)


@pytest.mark.parametrize("k", [0, 1, 2, R - 1, elements("k", 12)[-1]])
def test_multiples_agree(k: int) -> None:
    assert native.g1_mul(native.g1_generator, k) == g1_bytes(g1(k))
    assert native.g2_mul(native.g2_generator, k) == g2_bytes(ecc.multiply(ecc.G2, k))


def test_addition_and_its_special_cases() -> None:
    p, q = g1_bytes(g1(5)), g1_bytes(g1(9))
    assert native.g1_add(p, q) == g1_bytes(g1(14))
    assert native.g1_add(p, p) == g1_bytes(g1(10))
    assert native.g1_add(p, native.g1_neg(p)) == INFINITY
    assert native.g1_add(p, INFINITY) == p
    assert native.g1_neg(INFINITY) == INFINITY
    assert native.g1_mul(INFINITY, 7) == INFINITY
    p2 = g2_bytes(ecc.multiply(ecc.G2, 3))
    assert native.g2_add(p2, p2) == g2_bytes(ecc.multiply(ecc.G2, 6))
    assert native.g2_add(p2, native.g2_neg(p2)) == INFINITY_2


@pytest.mark.parametrize("n", [0, 1, 7, 8, 20])
def test_linear_combinations(n: int) -> None:
    scalars, multiples = elements(f"lc {n}", n), elements(f"points {n}", n)
    points = [native.g1_mul(native.g1_generator, m) for m in multiples]
    expected = g1_bytes(g1(sum(s * m for s, m in zip(scalars, multiples, strict=True)) % R))
    assert native.g1_linear_combination(points, scalars) == expected
    with pytest.raises(ValueError, match=f"{n} against {n + 1}"):
        native.g1_linear_combination(points, [*scalars, 1])


def test_points_that_are_refused() -> None:
    x, y = 1, 2

    def encode(*words: int) -> bytes:
        return b"".join(w.to_bytes(32, "big") for w in words)

    for bad in (encode(x, y + 1), encode(x + Q, y), encode(x, y + Q), encode(0, Q), encode(Q, 0), b"\xff" * 64):
        with pytest.raises(native.PointError):
            native.g1_check(bad)
        with pytest.raises(native.PointError):
            native.g1_add(native.G1(bad), native.g1_generator)
        with pytest.raises(native.PointError):
            native.G1Bases.from_bytes(bad)
    native.g1_check(INFINITY)
    for length in (0, 63, 65, 128):
        with pytest.raises(ValueError, match=f"{length} against 64"):
            native.g1_check(bytes(length))


def test_g2_points_that_are_refused() -> None:
    good = native.g2_generator
    swapped = good[32:64] + good[:32] + good[96:] + good[64:96]
    with pytest.raises(native.PointError, match="curve"):
        native.g2_check(swapped)
    with pytest.raises(native.PointError, match="subgroup"):
        native.g2_check(outside_the_subgroup())
    with pytest.raises(native.PointError, match="order"):
        native.g2_check((Q + 1).to_bytes(32, "big") + good[32:])
    with pytest.raises(native.PointError, match="subgroup"):
        native.pairing_product_is_one([(INFINITY, native.G2(outside_the_subgroup()))])
    native.g2_check(INFINITY_2)


def outside_the_subgroup() -> bytes:
    """A point on the twist whose order is not r: the twist has about q**2 points, only r of them wanted."""
    for real in range(1, 50):
        x = ecc.FQ2([real, 0])
        y = square_root(x * x * x + ecc.b2)
        if y is not None:
            point = (x, y, ecc.FQ2.one())
            assert ecc.is_on_curve(point, ecc.b2)
            if not ecc.is_inf(ecc.multiply(point, R)):
                return g2_bytes(point)
    raise AssertionError("no point found")


def square_root(a: Any) -> Any:
    """A square root in the quadratic extension of a field with q = 3 mod 4, or None (eprint 2012/685, alg. 9)."""
    one = ecc.FQ2.one()
    first = a ** ((Q - 3) // 4)
    alpha = first * first * a
    factor = ecc.FQ2([0, 1]) if alpha == -one else (one + alpha) ** ((Q - 1) // 2)
    root = factor * first * a
    return root if root * root == a else None


@pytest.mark.parametrize("n", [0, 1, 2, 50, 600])
def test_multi_scalar_multiplication(n: int) -> None:
    tau = 987654321
    bases = native.powers_of_tau_unsafe(tau, n + 2)
    scalars = elements(f"msm {n}", n)
    value = sum(s * pow(tau, i, R) for i, s in enumerate(scalars)) % R
    assert bases.msm(native.from_ints(scalars)) == g1_bytes(g1(value))
    assert bases.msm(native.from_ints(scalars), start=2) == g1_bytes(g1(value * tau * tau % R))
    with pytest.raises(ValueError, match=rf"{n} scalars from point 3 .* {n + 2} points"):
        bases.msm(native.from_ints(scalars), start=3)


@pytest.mark.parametrize("bits", [1, 8, 16, 20, 40, 63])
def test_signed_multi_scalar_multiplication(bits: int) -> None:
    tau, n = 31337, 300
    bases = native.powers_of_tau_unsafe(tau, n + 1)
    rng = np.random.default_rng(bits)
    scalars = rng.integers(-(2**bits) + 1, 2**bits - 1, n, dtype=np.int64)
    scalars[:3] = [0, 2**bits - 1, -(2**bits) + 1]
    value = sum(s * pow(tau, i + 1, R) for i, s in enumerate(scalars.tolist())) % R
    assert bases.msm_int64(scalars, start=1) == g1_bytes(g1(value))


def test_g2_arrays() -> None:
    scalars = native.from_ints([3, 0, 5])
    bases = native.g2_fixed_base(scalars)
    assert len(bases) == 3
    assert bases.msm(native.from_ints([1, 1, 2])) == g2_bytes(ecc.multiply(ecc.G2, 13))
    assert bases.msm_int64(np.array([-1, 9, 0])) == native.g2_neg(native.g2_mul(native.g2_generator, 3))
    assert native.G2Bases.from_raw(bases.to_raw()).to_bytes() == bases.to_bytes()
    assert native.G2Bases.from_bytes(bases.to_bytes()).to_raw() == bases.to_raw()


def test_arrays_of_points() -> None:
    multiples = [3, 0, 1, R - 1]
    base = native.g1_mul(native.g1_generator, 7)
    bases = native.g1_fixed_base(native.from_ints(multiples), base)
    encoded = b"".join(g1_bytes(g1(7 * m % R)) for m in multiples)
    assert bases.to_bytes() == encoded
    assert native.G1Bases.from_bytes(memoryview(encoded)).to_bytes() == encoded
    assert native.G1Bases.from_raw(bytearray(bases.to_raw())).to_bytes() == encoded
    parts = [bases.slice(0, 1), bases.slice(1, 1), bases.slice(1, 4)]
    assert native.G1Bases.concat(parts).to_bytes() == encoded
    assert len(native.G1Bases.concat([])) == 0
    assert len(native.G1Bases.from_bytes(b"")) == 0
    for start, stop in ((0, 5), (3, 2)):
        with pytest.raises(ValueError, match="array of 4"):
            bases.slice(start, stop)


def test_refused_points_of_an_array_are_named() -> None:
    good = native.powers_of_tau_unsafe(5, 3).to_bytes()
    bad = bytearray(good)
    bad[64 + 63] ^= 1
    with pytest.raises(native.PointError, match="point 1:"):
        native.G1Bases.from_bytes(bad)
    assert len(native.G1Bases.from_bytes(bad, check=False)) == 3
    with pytest.raises(ValueError, match="whole number"):
        native.G1Bases.from_bytes(good[:-1])
    with pytest.raises(native.PointError, match="point 0:"):
        native.G1Bases.from_raw(b"\xff" * 64)


def test_mapped_points_stay_where_they_are(tmp_path: Path) -> None:
    whole = native.powers_of_tau_unsafe(77, 200)
    (tmp_path / "raw").write_bytes(b"odd" + whole.to_raw())
    with (tmp_path / "raw").open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(pages)[3:]
    mapped = native.G1Bases.map(view)
    part = mapped.slice(1, 200)
    scalars = native.from_ints(elements("mapped", 199))
    expected = whole.msm(scalars, start=1)
    assert mapped.msm(scalars, start=1) == part.msm(scalars) == expected
    with pytest.raises(BufferError):
        pages.close()
    del view, mapped, pages
    assert part.msm(scalars) == expected
    with pytest.raises(ValueError, match="writable"):
        native.G1Bases.map(bytearray(64))
    with pytest.raises(ValueError, match="whole number"):
        native.G1Bases.map(bytes(63))
    assert len(native.G1Bases.map(b"")) == 0
    off_curve = whole.to_raw()[:-1] + b"\x01"
    for kind, raw in ((native.G1Bases, off_curve), (native.G2Bases, off_curve)):
        with pytest.raises(native.PointError):
            kind.map(raw)
        assert kind.map(raw, check=False).to_raw() == raw
    with pytest.raises(native.PointError, match="point 0:"):
        native.G1Bases.map(b"\xff" * 64, check=False)
    off_group = native.G2Bases.from_bytes(outside_the_subgroup(), check=False).to_raw()
    with pytest.raises(native.PointError, match="subgroup"):
        native.G2Bases.map(off_group)


@pytest.mark.parametrize("n", [5000, 20_000])
def test_long_sums_agree_with_the_polynomial_at_tau(n: int) -> None:
    """Sums large enough for buckets: full, short, mixed, constant and vanishing scalars."""
    tau = 123456789
    bases, powers = native.powers_of_tau_unsafe(tau, n), native.powers(tau, n)
    rng = np.random.default_rng(n)
    short = rng.integers(-(2**16), 2**16, n)
    mixed = np.where(rng.random(n) < 0.5, 0, rng.integers(-(2**62), 2**62, n) >> rng.integers(0, 62, n))
    for integers in (short, mixed, np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)):
        expected = native.g1_mul(native.g1_generator, native.inner(native.from_int64(integers), powers))
        assert bases.msm_int64(integers) == bases.msm(native.from_int64(integers)) == expected
    scalars = native.expand(bytes(32), n)
    assert bases.msm(scalars) == native.g1_mul(native.g1_generator, native.inner(scalars, powers))
    same = native.G1Bases.concat([bases.slice(3, 4)] * 4096)
    total = native.inner(scalars[:4096], native.from_ints([1] * 4096))
    assert same.msm(scalars[:4096]) == native.g1_mul(G1(bases.slice(3, 4).to_bytes()), total)


def test_raw_layout_is_montgomery_limbs() -> None:
    raw = native.G1Bases.from_bytes(native.g1_generator).to_raw()
    assert raw == b"".join((k * 2**256 % Q).to_bytes(32, "little") for k in (1, 2))
    assert native.G1Bases.from_bytes(INFINITY).to_raw() == bytes(64)


@pytest.mark.parametrize("n", [1, 2, 16, 256, 2048])
def test_lagrange_basis_of_powers(n: int) -> None:
    tau = 424242
    powers = native.powers_of_tau_unsafe(tau, n + 1)
    basis = native.lagrange(powers, n)
    assert basis.to_bytes() == native.g1_fixed_base(native.lagrange_scalars(tau, n)).to_bytes()
    values = native.from_ints(elements("values", n))
    assert basis.msm(values) == powers.msm(native.ntt(values, inverse=True))
    with pytest.raises(ValueError, match="array of"):
        native.lagrange(powers, 2 * n if n > 1 else 4)


def test_pairing_product_agrees() -> None:
    a, b = 1234567, 7654321
    p = native.g1_mul(native.g1_generator, a)
    q = native.g2_mul(native.g2_generator, b)
    ab = native.g1_mul(native.g1_generator, R - a * b)
    assert native.pairing_product_is_one([(p, q), (ab, native.g2_generator)])
    assert not native.pairing_product_is_one([(p, q), (p, native.g2_generator)])
    assert native.pairing_product_is_one([])
    assert native.pairing_product_is_one([(INFINITY, q), (p, INFINITY_2)])
    left = ecc.pairing(ecc.multiply(ecc.G2, b), g1(a))
    right = ecc.pairing(ecc.G2, g1(R - a * b))
    assert left * right == ecc.FQ12.one()
