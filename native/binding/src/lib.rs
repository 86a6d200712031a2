//! The Python module `native._kernel`: arguments in, kernel without the interpreter lock, arrays out.
//!
//! Nothing is computed here. Scalars cross as 32 little-endian bytes, vectors as numpy arrays of shape
//! `(n, 4)`, points as EIP-196/197 bytes; `native/__init__.py` gives them Python types.

mod convert;
mod curve;
mod polynomials;
mod shares;
mod vectors;

use pyo3::prelude::*;

/// The compiled kernel; import `native` instead.
#[pymodule]
fn _kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    vectors::register(module)?;
    polynomials::register(module)?;
    shares::register(module)?;
    curve::register(module)
}
