"""Vectors over the field, against galois."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from tests.native.reference import EDGES, GF, elements

R = native.R
residues = st.one_of(st.sampled_from(EDGES), st.integers(0, R - 1))
vectors = st.lists(residues, max_size=20)


@pytest.mark.parametrize("n", [0, 1, 200])
def test_element_wise_operations_agree_with_galois(n: int) -> None:
    a, b = elements("a", n), elements("b", n)[::-1]
    x, y, ga, gb = native.from_ints(a), native.from_ints(b), GF(a), GF(b)
    s = elements("s", 12)[-1]
    assert native.to_ints(native.add(x, y)) == [int(v) for v in ga + gb]
    assert native.to_ints(native.sub(x, y)) == [int(v) for v in ga - gb]
    assert native.to_ints(native.mul(x, y)) == [int(v) for v in ga * gb]
    assert native.to_ints(native.neg(x)) == [int(v) for v in -ga]
    assert native.to_ints(native.scale(x, s)) == [int(v) for v in ga * GF(s)]
    assert native.inner(x, y) == int(np.sum(ga * gb)) if n else native.inner(x, y) == 0


def test_inverses_agree_with_galois() -> None:
    a = elements("inverse", 60)[1:]
    assert native.to_ints(native.batch_inverse(native.from_ints(a))) == [int(v) for v in GF(1) / GF(a)]
    assert native.batch_inverse(native.zeros(0)).shape == (0, 4)
    with pytest.raises(ZeroDivisionError, match="element 2 "):
        native.batch_inverse(native.from_ints([1, 2, 0, 0]))


def test_square_roots_are_the_lesser_ones() -> None:
    a = elements("root", 60)[1:]
    squares = native.from_ints([v * v % R for v in a])
    assert native.to_ints(native.square_roots(squares)) == [min(v, R - v) for v in a]
    assert native.square_roots(native.zeros(0)).shape == (0, 4)
    for bad in (0, 5):
        with pytest.raises(ValueError, match="element 1 is zero or no square"):
            native.square_roots(native.from_ints([4, bad, 9]))


@settings(max_examples=50, deadline=None)
@given(vectors)
def test_integers_round_trip(values: list[int]) -> None:
    a = native.from_ints(values)
    assert a.shape == (len(values), 4)
    assert a.dtype == np.uint64
    assert native.to_ints(a) == values


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 12), st.integers(1, 9), st.integers(0, 2**32))
def test_linear_combination_and_gram(n: int, m: int, salt: int) -> None:
    rows = [elements(f"{salt} {i}", n) for i in range(m)]
    weights = elements(f"weights {salt}", m)
    arrays = [native.from_ints(row) for row in rows]
    expected = [sum(w * row[j] for w, row in zip(weights, rows, strict=True)) % R for j in range(n)]
    assert native.to_ints(native.linear_combination(arrays, weights)) == expected
    products = [sum(x * y for x, y in zip(rows[i], rows[j], strict=True)) % R for i in range(m) for j in range(i, m)]
    assert native.to_ints(native.gram(arrays)) == products


def test_gram_of_long_rows() -> None:
    rows = [native.expand(bytes([i]) * 32, 9001) for i in range(5)]
    pairs = [(i, j) for i in range(5) for j in range(i, 5)]
    expected = [native.inner(rows[i], rows[j]) for i, j in pairs]
    assert native.to_ints(native.gram(rows)) == expected
    assert native.gram([]).shape == (0, 4)


def test_powers_and_running_sums() -> None:
    x = elements("x", 10)[-1]
    n = 5000
    powers = native.powers(x, n)
    assert native.to_ints(powers[[0, 1, 2, 4095, 4096, n - 1]]) == [pow(x, e, R) for e in (0, 1, 2, 4095, 4096, n - 1)]
    assert native.to_ints(native.powers(0, 3)) == [1, 0, 0]
    a = elements("sum", 30)
    assert native.to_ints(native.prefix_sum(native.from_ints(a))) == [sum(a[:i]) % R for i in range(30)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1)))
def test_signed_integers_round_trip(values: list[int]) -> None:
    field = native.from_int64(np.array(values, dtype=np.int64))
    assert native.to_ints(field) == [v % R for v in values]
    assert native.to_int64(field).tolist() == values


@pytest.mark.parametrize("value", [2**63, R - 2**63, 2**64, R // 2, 2**200])
def test_wide_elements_are_no_signed_integers(value: int) -> None:
    with pytest.raises(OverflowError, match="element 1 "):
        native.to_int64(native.from_ints([0, value]))


@pytest.mark.parametrize("value", [R, R + 1, 2**256 - 1])
def test_every_kernel_refuses_elements_above_the_order(value: int) -> None:
    bad = np.frombuffer(bytearray(32) + value.to_bytes(32, "little"), np.uint64).reshape(2, 4)
    good = native.from_ints([1, 2])
    calls: list[Callable[[], object]] = [
        lambda: native.check(bad),
        lambda: native.to_ints(bad),
        lambda: native.to_int64(bad),
        lambda: native.add(good, bad),
        lambda: native.sub(bad, good),
        lambda: native.mul(good, bad),
        lambda: native.scale(bad, 2),
        lambda: native.neg(bad),
        lambda: native.inner(bad, good),
        lambda: native.batch_inverse(bad),
        lambda: native.square_roots(bad),
        lambda: native.prefix_sum(bad),
        lambda: native.linear_combination([good, bad], [1, 1]),
        lambda: native.project([good, bad], bytes(32)),
        lambda: native.gram([good, bad]),
        lambda: native.ntt(bad),
        lambda: native.evaluate(bad, 3),
        lambda: native.divide_by_linear(bad, 3),
        lambda: native.shamir_share(good, [bad], [1, 2]),
        lambda: native.shamir_share_seeded(good, [(1, bad)], [2]),
        lambda: native.interpolate([good, bad], [1, 2]),
        lambda: native.rs_decode([good, bad], [1, 2], 0),
        lambda: native.g1_fixed_base(bad),
        lambda: native.powers_of_tau_unsafe(3, 2).msm(bad),
    ]
    for call in calls:
        with pytest.raises(native.NonCanonicalError, match="element 1 "):
            call()


@pytest.mark.parametrize("scalar", [-1, R, 2**256])
def test_scalars_outside_the_field_are_refused(scalar: int) -> None:
    a = native.from_ints([1])
    calls: list[Callable[[], object]] = [
        lambda: native.scale(a, scalar),
        lambda: native.from_ints([scalar]),
        lambda: native.linear_combination([a], [scalar]),
        lambda: native.powers(scalar, 2),
    ]
    for call in calls:
        with pytest.raises(native.NonCanonicalError):
            call()


def test_lengths_that_differ_are_both_named() -> None:
    a, b = native.zeros(3), native.zeros(5)
    calls: list[Callable[[], object]] = [
        lambda: native.add(a, b),
        lambda: native.inner(a, b),
        lambda: native.gram([a, b]),
        lambda: native.project([a, b], bytes(32)),
        lambda: native.linear_combination([a, b], [1, 2]),
        lambda: native.linear_combination([a, a, a], [1, 2, 3, 4, 5]),
        lambda: native.shamir_share(a, [b], [1]),
        lambda: native.interpolate([a, a, a], [1, 2, 3, 4, 5]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"[35] against [35]"):
            call()
    with pytest.raises(ValueError, match="at least one row"):
        native.linear_combination([], [])


def test_layouts_that_cannot_be_read_in_place() -> None:
    a = native.expand(bytes(32), 8)
    with pytest.raises(ValueError, match="C-contiguous"):
        native.neg(a[::2])
    with pytest.raises(ValueError, match="C-contiguous"):
        native.neg(np.asfortranarray(a))
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        native.neg(a.reshape(4, 8))
    with pytest.raises(TypeError):
        native.neg(a.astype(np.float64))
    with pytest.raises(TypeError):
        native.neg(a.reshape(-1))


def test_an_unaligned_view_is_refused_not_misread() -> None:
    data = bytearray(65)
    view = np.frombuffer(data, np.uint64, count=8, offset=1).reshape(2, 4)
    with pytest.raises(ValueError, match="align"):
        native.neg(view)


def test_mapped_files_are_arguments(tmp_path: Path) -> None:
    a = native.expand(bytes(32), 100)
    path = tmp_path / "shares"
    path.write_bytes(a.tobytes())
    mapped = np.memmap(path, dtype=np.uint64, mode="r").reshape(-1, 4)
    assert native.to_ints(native.neg(mapped[10:20])) == native.to_ints(native.neg(a[10:20]))
    a.flags.writeable = False
    assert native.inner(a, mapped) == native.inner(mapped, a)


def test_other_threads_run_during_a_call() -> None:
    rows = [native.expand(bytes([i]) * 32, 1 << 15) for i in range(24)]
    events: list[str] = []

    def work() -> None:
        events.append("begin")
        native.gram(rows)
        events.append("end")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # only a blocking call hands over
    try:
        thread = threading.Thread(target=work)
        thread.start()
        while not events:
            threading.Event().wait(0.001)
        seen = list(events)
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert seen == ["begin"]
