//! Points and arrays of points. The two groups differ in nothing but their names.

use std::sync::Arc;

use ark_bn254::{g1, g2};
use gradroll_kernel::bases::{self, Bases};
use gradroll_kernel::lagrange::lagrange as group_lagrange;
use gradroll_kernel::{elgamal, independent, msm, point};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use crate::convert::{Array, exactly, exception, limbs, run, scalar, scalars};

/// A contiguous buffer of bytes, copied: another thread may write to the original.
fn bytes_of(py: Python<'_>, buffer: &PyBuffer<u8>) -> PyResult<Vec<u8>> {
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("the buffer is not contiguous"));
    }
    buffer.to_vec(py)
}

/// A read-only buffer, used where it is for as long as this value lives.
struct ReadOnly(PyBuffer<u8>);

impl ReadOnly {
    fn of(buffer: PyBuffer<u8>) -> PyResult<Self> {
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err("the buffer is not contiguous"));
        }
        if !buffer.readonly() {
            return Err(PyValueError::new_err(
                "the buffer is writable; only read-only memory can be used in place",
            ));
        }
        Ok(Self(buffer))
    }
}

impl AsRef<[u8]> for ReadOnly {
    #[allow(unsafe_code)]
    fn as_ref(&self) -> &[u8] {
        if self.0.len_bytes() == 0 {
            return &[];
        }
        // SAFETY: the exporter keeps the memory in place while the buffer is held, its bytes are contiguous,
        // and it promised not to let anyone write to them. A mapped file must not be changed or cut short by
        // other processes; the module's documentation says so.
        unsafe { core::slice::from_raw_parts(self.0.buf_ptr().cast(), self.0.len_bytes()) }
    }
}

macro_rules! group {
    ($module:ident, $config:ty, $name:literal) => {
        mod $module {
            use super::*;

            type Config = $config;

            /// An array of curve points.
            #[pyclass(frozen, name = $name, module = "native._kernel")]
            pub struct PyBases(pub Bases<Config>);

            #[pymethods]
            impl PyBases {
                #[classmethod]
                #[pyo3(signature = (raw, check = true))]
                fn from_bytes(
                    _class: &Bound<'_, PyType>,
                    py: Python<'_>,
                    raw: PyBuffer<u8>,
                    check: bool,
                ) -> PyResult<Self> {
                    let bytes = bytes_of(py, &raw)?;
                    run(py, || Bases::from_bytes(&bytes, check)).map(Self)
                }

                #[classmethod]
                fn from_raw(
                    _class: &Bound<'_, PyType>,
                    py: Python<'_>,
                    buffer: PyBuffer<u8>,
                ) -> PyResult<Self> {
                    let bytes = bytes_of(py, &buffer)?;
                    run(py, || Bases::from_raw(&bytes)).map(Self)
                }

                #[classmethod]
                #[pyo3(signature = (buffer, check = true))]
                fn map(
                    _class: &Bound<'_, PyType>,
                    py: Python<'_>,
                    buffer: PyBuffer<u8>,
                    check: bool,
                ) -> PyResult<Self> {
                    let memory = ReadOnly::of(buffer)?;
                    run(py, || Bases::map(Arc::new(memory), check)).map(Self)
                }

                #[classmethod]
                fn concat(_class: &Bound<'_, PyType>, parts: Vec<PyRef<'_, Self>>) -> Self {
                    let parts: Vec<_> = parts.iter().map(|part| &part.0).collect();
                    Self(Bases::concat(&parts))
                }

                fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
                    PyBytes::new(py, &py.detach(|| self.0.to_bytes()))
                }

                fn to_raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
                    PyBytes::new(py, &py.detach(|| self.0.to_raw()))
                }

                fn slice(&self, start: usize, stop: usize) -> PyResult<Self> {
                    self.0.slice(start, stop).map(Self).map_err(exception)
                }

                #[pyo3(signature = (scalars, start = 0))]
                fn msm<'py>(
                    &self,
                    py: Python<'py>,
                    scalars: Array<'py>,
                    start: usize,
                ) -> PyResult<Bound<'py, PyBytes>> {
                    let scalars = limbs(&scalars)?;
                    let sum = run(py, || msm::msm(&self.0, scalars, start))?;
                    Ok(PyBytes::new(py, &point::to_bytes(&sum)))
                }

                #[pyo3(signature = (scalars, start = 0))]
                fn msm_int64<'py>(
                    &self,
                    py: Python<'py>,
                    scalars: PyReadonlyArray1<'py, i64>,
                    start: usize,
                ) -> PyResult<Bound<'py, PyBytes>> {
                    let scalars = scalars.as_slice()?;
                    let sum = run(py, || msm::msm_int64(&self.0, scalars, start))?;
                    Ok(PyBytes::new(py, &point::to_bytes(&sum)))
                }

                fn __len__(&self) -> usize {
                    self.0.len()
                }

                fn __repr__(&self) -> String {
                    format!("{}({} points)", $name, self.0.len())
                }
            }

            #[pyfunction]
            pub fn generator(py: Python<'_>) -> Bound<'_, PyBytes> {
                PyBytes::new(py, &point::to_bytes(&point::generator::<Config>()))
            }

            #[pyfunction]
            pub fn check(py: Python<'_>, p: &[u8]) -> PyResult<()> {
                run(py, || point::from_bytes::<Config>(p, true)).map(|_| ())
            }

            #[pyfunction]
            pub fn linear_combination<'py>(
                py: Python<'py>,
                points: Vec<Vec<u8>>,
                coefficients: &[u8],
            ) -> PyResult<Bound<'py, PyBytes>> {
                let coefficients = scalars(coefficients)?;
                let sum = run(py, || {
                    let points = points
                        .iter()
                        .map(|p| point::from_bytes::<Config>(p, true))
                        .collect::<Result<Vec<_>, _>>()?;
                    point::linear_combination(&points, &coefficients)
                })?;
                Ok(PyBytes::new(py, &point::to_bytes(&sum)))
            }

            #[pyfunction]
            pub fn fixed_base(
                py: Python<'_>,
                scalars: Array<'_>,
                base: &[u8],
            ) -> PyResult<PyBases> {
                let scalars = limbs(&scalars)?;
                run(py, || {
                    Bases::fixed_base(scalars, point::from_bytes(base, true)?)
                })
                .map(PyBases)
            }

            #[pyfunction]
            pub fn powers_of_tau(py: Python<'_>, tau: &[u8], n: usize) -> PyResult<PyBases> {
                let tau = scalar(tau)?;
                run(py, || bases::powers_of_tau_unsafe(tau, n)).map(PyBases)
            }

            #[pyfunction]
            pub fn lagrange(
                py: Python<'_>,
                powers: PyRef<'_, PyBases>,
                n: usize,
            ) -> PyResult<PyBases> {
                let powers = &powers.0;
                run(py, || group_lagrange(powers, n)).map(PyBases)
            }

            pub fn register(module: &Bound<'_, PyModule>, prefix: &str) -> PyResult<()> {
                module.add_class::<PyBases>()?;
                let add = |name: &str, function: Bound<'_, pyo3::types::PyCFunction>| {
                    module.add(format!("{prefix}_{name}"), function)
                };
                add("generator", wrap_pyfunction!(generator, module)?)?;
                add("check", wrap_pyfunction!(check, module)?)?;
                add(
                    "linear_combination",
                    wrap_pyfunction!(linear_combination, module)?,
                )?;
                add("fixed_base", wrap_pyfunction!(fixed_base, module)?)?;
                add(
                    "powers_of_tau_unsafe",
                    wrap_pyfunction!(powers_of_tau, module)?,
                )?;
                add("lagrange", wrap_pyfunction!(lagrange, module)?)
            }
        }
    };
}

group!(first, g1::Config, "G1Bases");
group!(second, g2::Config, "G2Bases");

#[pyfunction]
fn pairing_product_is_one(py: Python<'_>, pairs: Vec<(Vec<u8>, Vec<u8>)>) -> PyResult<bool> {
    run(py, || {
        let points = pairs
            .iter()
            .map(|(p, q)| Ok((point::from_bytes(p, true)?, point::from_bytes(q, true)?)))
            .collect::<gradroll_kernel::Result<Vec<_>>>()?;
        Ok(point::pairing_product_is_one(&points))
    })
}

#[pyfunction]
fn independent_points(
    py: Python<'_>,
    tag: &[u8],
    start: u64,
    count: usize,
) -> PyResult<first::PyBases> {
    let tag = exactly(tag, "the tag")?;
    run(py, || independent::independent(&tag, start, count)).map(first::PyBases)
}

#[pyfunction]
fn check_independent(
    py: Python<'_>,
    bases: PyRef<'_, first::PyBases>,
    tag: &[u8],
    start: u64,
) -> PyResult<()> {
    let (bases, tag) = (&bases.0, exactly(tag, "the tag")?);
    run(py, || independent::check(bases, &tag, start))
}

#[pyfunction]
fn elgamal_encrypt(
    py: Python<'_>,
    bases: PyRef<'_, first::PyBases>,
    values: PyReadonlyArray1<'_, i64>,
    k: &[u8],
    bits: u32,
) -> PyResult<first::PyBases> {
    let (bases, values, k) = (&bases.0, values.as_slice()?, scalar(k)?);
    run(py, || elgamal::encrypt(bases, values, k, bits)).map(first::PyBases)
}

#[pyfunction]
fn elgamal_decrypt<'py>(
    py: Python<'py>,
    ciphertexts: PyRef<'py, first::PyBases>,
    bases: PyRef<'py, first::PyBases>,
    k: &[u8],
    bits: u32,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (ciphertexts, bases, k) = (&ciphertexts.0, &bases.0, scalar(k)?);
    let values = run(py, || elgamal::decrypt(ciphertexts, bases, k, bits))?;
    Ok(PyArray1::from_vec(py, values))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    first::register(module, "g1")?;
    second::register(module, "g2")?;
    module.add_function(wrap_pyfunction!(independent_points, module)?)?;
    module.add_function(wrap_pyfunction!(check_independent, module)?)?;
    module.add_function(wrap_pyfunction!(elgamal_encrypt, module)?)?;
    module.add_function(wrap_pyfunction!(elgamal_decrypt, module)?)?;
    module.add_function(wrap_pyfunction!(pairing_product_is_one, module)?)
}
