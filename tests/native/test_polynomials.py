"""Transforms, evaluation, division and sparse products, against galois."""

import galois
import numpy as np
import pytest

import native
from tests.native.reference import GF, elements

R = native.R


def evaluate(coefficients: list[int], points: list[int]) -> list[int]:
    polynomial = galois.Poly(GF(coefficients[::-1]), field=GF)
    return [int(v) for v in polynomial(GF(points))]


@pytest.mark.parametrize("n", [1, 2, 4, 64, 3, 9, 48, 72])
@pytest.mark.parametrize("coset", [False, True])
def test_transform_evaluates_on_the_domain(n: int, coset: bool) -> None:
    coefficients = elements(f"ntt {n}", n)
    root = native.root_of_unity(n)
    assert root == pow(5, (R - 1) // n, R)
    points = [(5 if coset else 1) * pow(root, i, R) % R for i in range(n)]
    values = native.ntt(native.from_ints(coefficients), coset=coset)
    assert native.to_ints(values) == evaluate(coefficients, points)
    assert native.to_ints(native.ntt(values, inverse=True, coset=coset)) == coefficients


def test_large_transform_returns() -> None:
    a = native.expand(bytes(32), 1 << 14)
    values = native.ntt(a)
    assert (native.ntt(values, inverse=True) == a).all()
    root = native.root_of_unity(1 << 14)
    assert native.to_ints(values[[1, 777]]) == [native.evaluate(a, pow(root, i, R)) for i in (1, 777)]


@pytest.mark.parametrize("n", [0, 5, 7, 27, 1 << 29, 3 << 27])
def test_sizes_that_are_no_domain(n: int) -> None:
    with pytest.raises(ValueError, match=f"not {n}"):
        native.root_of_unity(n)
    if n < 10:
        with pytest.raises(ValueError, match=f"not {n}"):
            native.ntt(native.zeros(n))


def test_evaluation_and_division() -> None:
    coefficients = elements("p", 40)
    a = native.from_ints(coefficients)
    for x in (0, 1, R - 1, elements("x", 12)[-1]):
        assert native.evaluate(a, x) == evaluate(coefficients, [x])[0]
        value = evaluate(coefficients, [x])[0]
        p = galois.Poly(GF(coefficients[::-1]), field=GF) - galois.Poly(GF([value]), field=GF)
        quotient = p // galois.Poly(GF([1, -x % R]), field=GF)
        got = native.to_ints(native.divide_by_linear(a, x))
        assert got == [int(c) for c in quotient.coefficients(39, order="asc")]
    assert native.evaluate(native.zeros(0), 3) == 0
    assert native.divide_by_linear(a[:1], 3).shape == (0, 4)


def test_long_polynomials_are_evaluated_in_blocks() -> None:
    a = native.expand(b"\3" * 32, 9000)
    x = elements("x", 10)[-1]
    assert native.evaluate(a, x) == native.inner(a, native.powers(x, 9000))


def test_lagrange_basis_at_a_point() -> None:
    values = elements("values", 16)
    coefficients = native.ntt(native.from_ints(values), inverse=True)
    for x in (12345, native.root_of_unity(16)):
        basis = native.lagrange_scalars(x, 16)
        assert native.inner(basis, native.from_ints(values)) == native.evaluate(coefficients, x)


def test_sparse_products_agree_with_the_dense_matrix() -> None:
    rng = np.random.default_rng(5)
    n_rows, n_cols, per_row = 37, 23, 3
    row_ptr = np.arange(0, (n_rows + 1) * per_row, per_row, dtype=np.uint32)
    col = rng.integers(0, n_cols, n_rows * per_row, dtype=np.uint32)
    coeff = elements("coeff", n_rows * per_row)
    dense = [[0] * n_cols for _ in range(n_rows)]
    for entry, (c, value) in enumerate(zip(col.tolist(), coeff, strict=True)):
        dense[entry // per_row][c] += value
    matrix = native.Csr(n_rows, n_cols, row_ptr, col, native.from_ints(coeff))
    assert (matrix.n_rows, matrix.n_cols) == (n_rows, n_cols)
    v, w = elements("v", n_cols), elements("w", n_rows)
    products = [sum(a * b for a, b in zip(row, v, strict=True)) % R for row in dense]
    assert native.to_ints(matrix.mul(native.from_ints(v))) == products
    transposed = [sum(dense[i][j] * w[i] for i in range(n_rows)) % R for j in range(n_cols)]
    assert native.to_ints(matrix.tmul(native.from_ints(w))) == transposed
    with pytest.raises(ValueError, match="37 against 23"):
        matrix.mul(native.from_ints(w))


@pytest.mark.parametrize(("row_ptr", "col"), [([0], [0]), ([1, 1], [0]), ([0, 2], [0]), ([0, 1], [1]), ([0, 0], [0])])
def test_malformed_sparse_matrices(row_ptr: list[int], col: list[int]) -> None:
    with pytest.raises(ValueError, match=r"row pointers|column"):
        native.Csr(1, 1, np.array(row_ptr, np.uint32), np.array(col, np.uint32), native.from_ints([7]))
