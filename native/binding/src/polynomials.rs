//! Polynomials and sparse matrices.

use gradroll_kernel::{field, poly, sparse};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert::{Array, Vector, array, exception, limbs, run, scalar, scalar_bytes};

#[pyfunction]
fn root_of_unity(py: Python<'_>, n: usize) -> PyResult<Bound<'_, PyBytes>> {
    let root = poly::root_of_unity(n).map_err(exception)?;
    Ok(scalar_bytes(py, field::encode(root)))
}

#[pyfunction]
fn ntt<'py>(py: Python<'py>, a: Array<'py>, inverse: bool, coset: bool) -> PyResult<Vector<'py>> {
    let a = limbs(&a)?;
    array(py, run(py, || poly::ntt(a, inverse, coset))?)
}

#[pyfunction]
fn evaluate<'py>(py: Python<'py>, a: Array<'py>, x: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let (a, x) = (limbs(&a)?, scalar(x)?);
    Ok(scalar_bytes(py, run(py, || poly::evaluate(a, x))?))
}

#[pyfunction]
fn divide_by_linear<'py>(py: Python<'py>, a: Array<'py>, x: &[u8]) -> PyResult<Vector<'py>> {
    let (a, x) = (limbs(&a)?, scalar(x)?);
    array(py, run(py, || poly::divide_by_linear(a, x))?)
}

#[pyfunction]
fn lagrange_scalars<'py>(py: Python<'py>, x: &[u8], n: usize) -> PyResult<Vector<'py>> {
    let x = scalar(x)?;
    array(py, run(py, || poly::lagrange_scalars(x, n))?)
}

/// A sparse matrix in compressed rows.
#[pyclass(frozen, module = "native._kernel")]
struct Csr(sparse::Csr);

#[pymethods]
impl Csr {
    #[new]
    fn new<'py>(
        py: Python<'py>,
        n_rows: usize,
        n_cols: usize,
        row_ptr: PyReadonlyArray1<'py, u32>,
        col: PyReadonlyArray1<'py, u32>,
        coeff: Array<'py>,
    ) -> PyResult<Self> {
        let (row_ptr, col) = (row_ptr.as_slice()?.to_vec(), col.as_slice()?.to_vec());
        let coeff = limbs(&coeff)?;
        run(py, || sparse::Csr::new(n_rows, n_cols, row_ptr, col, coeff)).map(Self)
    }

    #[getter]
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }

    #[getter]
    fn n_cols(&self) -> usize {
        self.0.n_columns()
    }

    fn mul<'py>(&self, py: Python<'py>, v: Array<'py>) -> PyResult<Vector<'py>> {
        let v = limbs(&v)?;
        array(py, run(py, || self.0.mul(v))?)
    }

    fn tmul<'py>(&self, py: Python<'py>, v: Array<'py>) -> PyResult<Vector<'py>> {
        let v = limbs(&v)?;
        array(py, run(py, || self.0.transposed_mul(v))?)
    }

    fn __repr__(&self) -> String {
        format!("Csr({} x {})", self.0.n_rows(), self.0.n_columns())
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(root_of_unity, module)?)?;
    module.add_function(wrap_pyfunction!(ntt, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(divide_by_linear, module)?)?;
    module.add_function(wrap_pyfunction!(lagrange_scalars, module)?)?;
    module.add_class::<Csr>()
}
