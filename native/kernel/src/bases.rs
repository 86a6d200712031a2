//! Resident arrays of curve points.
//!
//! The raw layout is what lies in memory: per point `x` then `y`, each as Montgomery limbs (value times
//! `2^256` modulo the base field's order), least significant limb first, little-endian; in G2 each coordinate
//! is real part then imaginary part. Infinity is all zeros, which is not on the curve. It needs no arithmetic
//! to read; the reader must know where it came from, because nothing but canonical limbs is checked.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use ark_ec::scalar_mul::ScalarMul;
use ark_ec::short_weierstrass::{Affine, Projective};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::field::{Limbs, check, decode};
use crate::point::{Coordinate, Group, from_bytes, size_of, write_bytes};
use crate::vector::powers;

/// Points a thread takes at once.
const POINTS: usize = 512;

/// An array of points of one group.
pub struct Bases<G: Group>(Vec<Affine<G>>);

// Derived implementations would ask the curve's marker type for the same traits.
impl<G: Group> PartialEq for Bases<G> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<G: Group> core::fmt::Debug for Bases<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} points of {}", self.0.len(), G::NAME)
    }
}

fn whole_points<G: Group>(bytes: &[u8]) -> Result<()> {
    if bytes.len().is_multiple_of(size_of::<G>()) {
        return Ok(());
    }
    Err(Error::Range(format!(
        "{} bytes are not a whole number of {} points of {} bytes",
        bytes.len(),
        G::NAME,
        size_of::<G>()
    )))
}

fn name_position(index: usize, error: Error) -> Error {
    match error {
        Error::Point(text) => Error::Point(format!("point {index}: {text}")),
        other => other,
    }
}

impl<G: Group> Bases<G> {
    /// An array of these points.
    pub fn new(points: Vec<Affine<G>>) -> Self {
        Self(points)
    }

    /// Affine points of a projective array.
    pub fn normalize(points: &[Projective<G>]) -> Self {
        let blocks: Vec<Vec<Affine<G>>> = points
            .par_chunks(POINTS)
            .map(Projective::<G>::normalize_batch)
            .collect();
        Self(blocks.concat())
    }

    /// The points.
    pub fn points(&self) -> &[Affine<G>] {
        &self.0
    }

    /// Points from EIP-196/197 encodings; `check` tests curve and subgroup of each.
    ///
    /// # Errors
    /// A part of a point; a refused point, with its position.
    pub fn from_bytes(bytes: &[u8], check: bool) -> Result<Self> {
        whole_points::<G>(bytes)?;
        bytes
            .par_chunks(size_of::<G>())
            .with_min_len(POINTS)
            .enumerate()
            .map(|(i, bytes)| from_bytes(bytes, check).map_err(|e| name_position(i, e)))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// EIP-196/197 encodings of the points.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.export(|point, out| write_bytes(point, out))
    }

    /// Points from the raw layout.
    ///
    /// # Errors
    /// A part of a point; limbs that are not below the base field's order, with the point's position.
    pub fn from_raw(bytes: &[u8]) -> Result<Self> {
        whole_points::<G>(bytes)?;
        bytes
            .par_chunks(size_of::<G>())
            .with_min_len(POINTS)
            .enumerate()
            .map(|(i, bytes)| {
                if bytes.iter().all(|b| *b == 0) {
                    return Ok(Affine::identity());
                }
                let (x, y) = bytes.split_at(bytes.len() / 2);
                match (Coordinate::read_raw(x), Coordinate::read_raw(y)) {
                    (Some(x), Some(y)) => Ok(Affine::new_unchecked(x, y)),
                    _ => Err(Error::Point(format!(
                        "point {i}: limbs are not below the base field's order"
                    ))),
                }
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// The raw layout of the points.
    pub fn to_raw(&self) -> Vec<u8> {
        self.export(|point, out| {
            if !point.is_zero() {
                let (x, y) = out.split_at_mut(size_of::<G>() / 2);
                point.x.write_raw(x);
                point.y.write_raw(y);
            }
        })
    }

    fn export(&self, write: impl Fn(&Affine<G>, &mut [u8]) + Sync) -> Vec<u8> {
        let mut out = vec![0; self.0.len() * size_of::<G>()];
        out.par_chunks_mut(size_of::<G>())
            .with_min_len(POINTS)
            .zip(&self.0)
            .for_each(|(out, point)| write(point, out));
        out
    }

    /// Points `start .. stop`.
    ///
    /// # Errors
    /// A range outside the array.
    pub fn slice(&self, start: usize, stop: usize) -> Result<Self> {
        self.window(start, stop).map(|points| Self(points.to_vec()))
    }

    /// Points `start .. stop`, in place.
    ///
    /// # Errors
    /// A range outside the array.
    pub fn window(&self, start: usize, stop: usize) -> Result<&[Affine<G>]> {
        self.0.get(start..stop).ok_or_else(|| {
            Error::Range(format!(
                "points {start} to {stop} of an array of {}",
                self.0.len()
            ))
        })
    }

    /// The points of several arrays, one after the other.
    pub fn concat(parts: &[&Self]) -> Self {
        Self(
            parts
                .iter()
                .flat_map(|part| part.0.iter().copied())
                .collect(),
        )
    }

    /// `scalars[i] * base` for every scalar.
    ///
    /// # Errors
    /// A non-canonical scalar.
    pub fn fixed_base(scalars: &[Limbs], base: Affine<G>) -> Result<Self> {
        check(scalars)?;
        if scalars.is_empty() || base.is_zero() {
            return Ok(Self(vec![Affine::identity(); scalars.len()]));
        }
        let scalars: Vec<Fr> = scalars.par_iter().map(decode).collect();
        Ok(Self(Projective::from(base).batch_mul(&scalars)))
    }
}

/// `[tau^i]_1` for `i < n`. The caller knows `tau`, so whoever trusts the result trusts the caller.
///
/// # Errors
/// `n` above `2^32`.
pub fn powers_of_tau_unsafe<G: Group>(tau: Fr, n: usize) -> Result<Bases<G>> {
    Bases::fixed_base(&powers(tau, n)?, crate::point::generator())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};

    #[test]
    fn layouts_round_trip_with_infinity() {
        let scalars = [[0; 4], [1, 0, 0, 0], [5, 0, 0, 0]];
        let a = Bases::<g1::Config>::fixed_base(&scalars, crate::point::generator()).unwrap();
        let b = Bases::<g2::Config>::fixed_base(&scalars, crate::point::generator()).unwrap();
        assert!(a.points()[0].is_zero());
        assert_eq!(Bases::from_raw(&a.to_raw()).unwrap(), a);
        assert_eq!(Bases::from_raw(&b.to_raw()).unwrap(), b);
        assert_eq!(Bases::from_bytes(&a.to_bytes(), true).unwrap(), a);
        assert_eq!(Bases::from_bytes(&b.to_bytes(), true).unwrap(), b);
        assert_eq!(a.to_raw().len(), 3 * 64);
        assert_eq!(b.to_raw().len(), 3 * 128);
    }

    #[test]
    fn bad_points_are_named() {
        let a = powers_of_tau_unsafe::<g1::Config>(Fr::from(3u64), 4).unwrap();
        let mut bytes = a.to_bytes();
        bytes[2 * 64 + 63] ^= 1;
        let error = Bases::<g1::Config>::from_bytes(&bytes, true).unwrap_err();
        assert!(error.to_string().starts_with("point 2:"), "{error}");
        assert!(Bases::<g1::Config>::from_bytes(&bytes[1..], true).is_err());
        let raw = vec![0xff; 64];
        assert!(Bases::<g1::Config>::from_raw(&raw).is_err());
    }

    #[test]
    fn ranges() {
        let a = powers_of_tau_unsafe::<g1::Config>(Fr::from(3u64), 4).unwrap();
        let (head, tail) = (a.slice(0, 1).unwrap(), a.slice(1, 4).unwrap());
        assert_eq!(Bases::concat(&[&head, &tail]), a);
        assert!(a.slice(2, 5).is_err());
        assert!(a.slice(3, 2).is_err());
    }
}
