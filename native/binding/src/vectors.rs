//! Element-wise arithmetic, expansion of seeds, random projections, inner products.

use gradroll_kernel::{combine, gram as grams, project as projection, seed, vector};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{
    Array, Vector, all_limbs, array, arrays, exactly, limbs, run, scalar, scalar_bytes, scalars,
};

#[pyfunction]
fn check(py: Python<'_>, a: Array<'_>) -> PyResult<()> {
    let a = limbs(&a)?;
    run(py, || gradroll_kernel::field::check(a))
}

#[pyfunction]
fn add<'py>(py: Python<'py>, a: Array<'py>, b: Array<'py>) -> PyResult<Vector<'py>> {
    let (a, b) = (limbs(&a)?, limbs(&b)?);
    array(py, run(py, || vector::add(a, b))?)
}

#[pyfunction]
fn sub<'py>(py: Python<'py>, a: Array<'py>, b: Array<'py>) -> PyResult<Vector<'py>> {
    let (a, b) = (limbs(&a)?, limbs(&b)?);
    array(py, run(py, || vector::sub(a, b))?)
}

#[pyfunction]
fn mul<'py>(py: Python<'py>, a: Array<'py>, b: Array<'py>) -> PyResult<Vector<'py>> {
    let (a, b) = (limbs(&a)?, limbs(&b)?);
    array(py, run(py, || vector::mul(a, b))?)
}

#[pyfunction]
fn neg<'py>(py: Python<'py>, a: Array<'py>) -> PyResult<Vector<'py>> {
    let a = limbs(&a)?;
    array(py, run(py, || vector::neg(a))?)
}

#[pyfunction]
fn scale<'py>(py: Python<'py>, a: Array<'py>, s: &[u8]) -> PyResult<Vector<'py>> {
    let (a, s) = (limbs(&a)?, scalar(s)?);
    array(py, run(py, || vector::scale(a, s))?)
}

#[pyfunction]
fn inner<'py>(py: Python<'py>, a: Array<'py>, b: Array<'py>) -> PyResult<Bound<'py, PyBytes>> {
    let (a, b) = (limbs(&a)?, limbs(&b)?);
    Ok(scalar_bytes(py, run(py, || vector::inner(a, b))?))
}

#[pyfunction]
fn batch_inverse<'py>(py: Python<'py>, a: Array<'py>) -> PyResult<Vector<'py>> {
    let a = limbs(&a)?;
    array(py, run(py, || vector::batch_inverse(a))?)
}

#[pyfunction]
fn square_roots<'py>(py: Python<'py>, a: Array<'py>) -> PyResult<Vector<'py>> {
    let a = limbs(&a)?;
    array(py, run(py, || vector::square_roots(a))?)
}

#[pyfunction]
fn powers<'py>(py: Python<'py>, x: &[u8], n: usize) -> PyResult<Vector<'py>> {
    let x = scalar(x)?;
    array(py, run(py, || vector::powers(x, n))?)
}

#[pyfunction]
fn linear_combination<'py>(
    py: Python<'py>,
    rows: Vec<Array<'py>>,
    coefficients: &[u8],
    length: usize,
) -> PyResult<Vector<'py>> {
    let (rows, coefficients) = (all_limbs(&rows)?, scalars(coefficients)?);
    array(
        py,
        run(py, || {
            combine::linear_combination(&rows, &coefficients, length)
        })?,
    )
}

#[pyfunction]
fn prefix_sum<'py>(py: Python<'py>, a: Array<'py>) -> PyResult<Vector<'py>> {
    let a = limbs(&a)?;
    array(py, run(py, || vector::prefix_sum(a))?)
}

#[pyfunction]
fn from_int64<'py>(py: Python<'py>, a: PyReadonlyArray1<'py, i64>) -> PyResult<Vector<'py>> {
    let a = a.as_slice()?;
    array(py, run(py, || Ok(vector::from_int64(a)))?)
}

#[pyfunction]
fn to_int64<'py>(py: Python<'py>, a: Array<'py>) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let a = limbs(&a)?;
    Ok(PyArray1::from_vec(py, run(py, || vector::to_int64(a))?))
}

#[pyfunction]
fn expand<'py>(py: Python<'py>, seed: &[u8], n: usize, offset: u64) -> PyResult<Vector<'py>> {
    let seed = exactly(seed, "the seed")?;
    array(py, run(py, || seed::expand(&seed, n, offset))?)
}

#[pyfunction]
fn expand_bounded<'py>(py: Python<'py>, seed: &[u8], n: usize, bits: u32) -> PyResult<Vector<'py>> {
    let seed = exactly(seed, "the seed")?;
    array(py, run(py, || seed::expand_bounded(&seed, n, bits))?)
}

#[pyfunction]
fn signs<'py>(
    py: Python<'py>,
    seed: &[u8],
    row: u32,
    d: usize,
) -> PyResult<Bound<'py, PyArray1<i8>>> {
    let seed = exactly(seed, "the seed")?;
    Ok(PyArray1::from_vec(
        py,
        run(py, || seed::signs(&seed, row, d))?,
    ))
}

#[pyfunction]
fn project<'py>(
    py: Python<'py>,
    rows: Vec<Array<'py>>,
    seed: &[u8],
    k: usize,
    first: usize,
) -> PyResult<Vec<Vector<'py>>> {
    let (rows, seed) = (all_limbs(&rows)?, exactly(seed, "the seed")?);
    arrays(py, run(py, || projection::project(&rows, &seed, k, first))?)
}

#[pyfunction]
fn gram<'py>(py: Python<'py>, rows: Vec<Array<'py>>) -> PyResult<Vector<'py>> {
    let rows = all_limbs(&rows)?;
    array(py, run(py, || grams::gram(&rows))?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(add, module)?)?;
    module.add_function(wrap_pyfunction!(sub, module)?)?;
    module.add_function(wrap_pyfunction!(mul, module)?)?;
    module.add_function(wrap_pyfunction!(neg, module)?)?;
    module.add_function(wrap_pyfunction!(scale, module)?)?;
    module.add_function(wrap_pyfunction!(inner, module)?)?;
    module.add_function(wrap_pyfunction!(batch_inverse, module)?)?;
    module.add_function(wrap_pyfunction!(square_roots, module)?)?;
    module.add_function(wrap_pyfunction!(powers, module)?)?;
    module.add_function(wrap_pyfunction!(linear_combination, module)?)?;
    module.add_function(wrap_pyfunction!(prefix_sum, module)?)?;
    module.add_function(wrap_pyfunction!(from_int64, module)?)?;
    module.add_function(wrap_pyfunction!(to_int64, module)?)?;
    module.add_function(wrap_pyfunction!(expand, module)?)?;
    module.add_function(wrap_pyfunction!(expand_bounded, module)?)?;
    module.add_function(wrap_pyfunction!(signs, module)?)?;
    module.add_function(wrap_pyfunction!(project, module)?)?;
    module.add_function(wrap_pyfunction!(gram, module)?)
}
