//! Python values to kernel values and back, and kernel errors to Python exceptions.

use gradroll_kernel::{Error, Fr, Limbs, field};
use numpy::prelude::*;
use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::exceptions::{PyOverflowError, PyValueError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

mod python {
    pyo3::import_exception!(native._errors, NonCanonicalError);
    pyo3::import_exception!(native._errors, PointError);
    pyo3::import_exception!(native._errors, DecodingError);
    pyo3::import_exception!(native._errors, DecryptionError);
}

/// A vector argument.
pub type Array<'py> = PyReadonlyArray2<'py, u64>;

/// A vector result.
pub type Vector<'py> = Bound<'py, PyArray2<u64>>;

/// The Python exception for a refused argument.
pub fn exception(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::NonCanonical { .. } => python::NonCanonicalError::new_err(text),
        Error::Point(_) => python::PointError::new_err(text),
        Error::Decoding(_) => python::DecodingError::new_err(text),
        Error::NotSmall { .. } => python::DecryptionError::new_err(text),
        Error::ZeroInverse { .. } => PyZeroDivisionError::new_err(text),
        Error::Overflow { .. } => PyOverflowError::new_err(text),
        Error::Length { .. } | Error::NoSquare { .. } | Error::Range(_) => {
            PyValueError::new_err(text)
        }
    }
}

/// Runs a kernel function without the interpreter lock.
pub fn run<T: Send>(
    py: Python<'_>,
    kernel: impl FnOnce() -> gradroll_kernel::Result<T> + Send,
) -> PyResult<T> {
    py.detach(kernel).map_err(exception)
}

/// The elements of an array of shape `(n, 4)`, without a copy.
pub fn limbs<'a>(array: &'a Array<'_>) -> PyResult<&'a [Limbs]> {
    let [n, width] = array.dims().into_pattern();
    if width != 4 {
        return Err(PyValueError::new_err(format!(
            "a vector over the field has shape (n, 4), not ({n}, {width})"
        )));
    }
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err(
            "the vector is not C-contiguous; pass numpy.ascontiguousarray of it",
        ));
    }
    let words = array
        .as_slice()
        .map_err(|error| PyValueError::new_err(format!("the vector cannot be read: {error}")))?;
    Ok(words.as_chunks().0)
}

/// The elements of every array.
pub fn all_limbs<'a>(arrays: &'a [Array<'_>]) -> PyResult<Vec<&'a [Limbs]>> {
    arrays.iter().map(limbs).collect()
}

trait IntoPattern {
    fn into_pattern(self) -> [usize; 2];
}

impl IntoPattern for numpy::Ix2 {
    fn into_pattern(self) -> [usize; 2] {
        [self[0], self[1]]
    }
}

/// A vector as an array of shape `(n, 4)`, without a copy.
pub fn array(py: Python<'_>, values: Vec<Limbs>) -> PyResult<Vector<'_>> {
    let n = values.len();
    PyArray1::from_vec(py, values.into_flattened()).reshape([n, 4])
}

/// Vectors as arrays.
pub fn arrays(py: Python<'_>, values: Vec<Vec<Limbs>>) -> PyResult<Vec<Vector<'_>>> {
    values.into_iter().map(|row| array(py, row)).collect()
}

/// Bytes of an exact length.
pub fn exactly<const N: usize>(bytes: &[u8], what: &str) -> PyResult<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("{what} has {} bytes, not {N}", bytes.len())))
}

/// The scalar that 32 little-endian bytes denote.
pub fn scalar(bytes: &[u8]) -> PyResult<Fr> {
    field::from_bytes(bytes).map_err(exception)
}

/// Scalars from 32 little-endian bytes each, one after the other.
pub fn scalars(bytes: &[u8]) -> PyResult<Vec<Fr>> {
    field::all_from_bytes(bytes).map_err(exception)
}

/// 32 little-endian bytes of a residue.
pub fn scalar_bytes(py: Python<'_>, value: Limbs) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &field::to_bytes(&value))
}
