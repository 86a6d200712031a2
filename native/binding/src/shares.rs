//! Shamir sharing, and replicated sharing of small integers.

use gradroll_kernel::replicated::{self, Holding};
use gradroll_kernel::{decode, field, seed, shamir};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{
    Array, Vector, all_limbs, array, arrays, exactly, exception, limbs, run, scalar, scalars,
};

#[pyfunction]
fn shamir_share<'py>(
    py: Python<'py>,
    secret: Array<'py>,
    coefficients: Vec<Array<'py>>,
    xs: &[u8],
) -> PyResult<Vec<Vector<'py>>> {
    let (secret, coefficients, xs) = (limbs(&secret)?, all_limbs(&coefficients)?, scalars(xs)?);
    arrays(py, run(py, || shamir::share(secret, &coefficients, &xs))?)
}

#[pyfunction]
fn shamir_share_seeded<'py>(
    py: Python<'py>,
    secret: Array<'py>,
    fixed_xs: &[u8],
    fixed: Vec<Array<'py>>,
    xs: &[u8],
) -> PyResult<Vec<Vector<'py>>> {
    let (secret, fixed, xs) = (limbs(&secret)?, all_limbs(&fixed)?, scalars(xs)?);
    let fixed_xs = scalars(fixed_xs)?;
    if fixed_xs.len() != fixed.len() {
        return Err(PyValueError::new_err(format!(
            "{} fixed points against {} fixed shares",
            fixed_xs.len(),
            fixed.len()
        )));
    }
    let fixed: Vec<_> = fixed_xs.into_iter().zip(fixed).collect();
    arrays(py, run(py, || shamir::share_through(secret, &fixed, &xs))?)
}

#[pyfunction]
fn lagrange_coefficients<'py>(
    py: Python<'py>,
    xs: &[u8],
    at: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let weights = shamir::lagrange_coefficients(&scalars(xs)?, scalar(at)?).map_err(exception)?;
    let bytes: Vec<u8> = weights
        .into_iter()
        .flat_map(|w| field::to_bytes(&field::encode(w)))
        .collect();
    Ok(PyBytes::new(py, &bytes))
}

#[pyfunction]
fn interpolate<'py>(
    py: Python<'py>,
    rows: Vec<Array<'py>>,
    xs: &[u8],
    at: &[u8],
) -> PyResult<Vector<'py>> {
    let (rows, xs, at) = (all_limbs(&rows)?, scalars(xs)?, scalar(at)?);
    array(py, run(py, || shamir::interpolate(&rows, &xs, at))?)
}

#[pyfunction]
fn rs_decode<'py>(
    py: Python<'py>,
    rows: Vec<Array<'py>>,
    xs: &[u8],
    degree: usize,
    max_errors: Option<usize>,
) -> PyResult<(Vector<'py>, Vec<usize>)> {
    let (rows, xs) = (all_limbs(&rows)?, scalars(xs)?);
    let decoded = run(py, || decode::decode(&rows, &xs, degree, max_errors))?;
    Ok((array(py, decoded.values)?, decoded.errors))
}

fn seeds(seeds: &[Vec<u8>]) -> PyResult<Vec<seed::Seed>> {
    seeds.iter().map(|s| exactly(s, "a seed")).collect()
}

#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 extracts sequences by value"
)]
fn integer_correction<'py>(
    py: Python<'py>,
    secret: Array<'py>,
    seeds_of_masks: Vec<Vec<u8>>,
    bits: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let (secret, seeds) = (limbs(&secret)?, seeds(&seeds_of_masks)?);
    let packed = run(py, || replicated::correct(secret, &seeds, bits))?;
    Ok(PyBytes::new(py, &packed))
}

#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 extracts sequences by value"
)]
#[expect(
    clippy::too_many_arguments,
    reason = "the facade names and groups them"
)]
fn integer_share<'py>(
    py: Python<'py>,
    seeds_of_masks: Vec<Vec<u8>>,
    weights: &[u8],
    bits: u32,
    corrected: &[u8],
    weight: &[u8],
    offset: usize,
    n: usize,
) -> PyResult<Vector<'py>> {
    let (seeds, weights, weight) = (seeds(&seeds_of_masks)?, scalars(weights)?, scalar(weight)?);
    let holding = Holding {
        seeds: &seeds,
        weights: &weights,
        bits,
        weight,
    };
    array(
        py,
        run(py, || replicated::share(&holding, corrected, offset, n))?,
    )
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(shamir_share, module)?)?;
    module.add_function(wrap_pyfunction!(shamir_share_seeded, module)?)?;
    module.add_function(wrap_pyfunction!(lagrange_coefficients, module)?)?;
    module.add_function(wrap_pyfunction!(interpolate, module)?)?;
    module.add_function(wrap_pyfunction!(rs_decode, module)?)?;
    module.add_function(wrap_pyfunction!(integer_correction, module)?)?;
    module.add_function(wrap_pyfunction!(integer_share, module)?)
}
