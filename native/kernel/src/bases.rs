//! Resident arrays of curve points.
//!
//! The raw layout is what lies in memory: per point `x` then `y`, each as Montgomery limbs (value times
//! `2^256` modulo the base field's order), least significant limb first, little-endian; in G2 each coordinate
//! is real part then imaginary part. Infinity is all zeros, which is not on the curve. It needs no arithmetic
//! to read; the reader must know where it came from, because nothing but canonical limbs is checked.

use core::marker::PhantomData;
use core::ops::Range;
use std::sync::Arc;

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use ark_ec::scalar_mul::ScalarMul;
use ark_ec::short_weierstrass::{Affine, Projective};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::field::{Limbs, check, decode};
use crate::point::{Coordinate, Group, check_membership, from_bytes, size_of, write_bytes};
use crate::vector::powers;

/// Points a thread takes at once.
const POINTS: usize = 512;

/// Memory that holds points in the raw layout and does not change.
type Memory = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// An array of points of one group, in the raw layout. Copies and slices share their memory.
pub struct Bases<G: Group> {
    memory: Memory,
    start: usize,
    stop: usize,
    group: PhantomData<G>,
}

// Derived implementations would ask the curve's marker type for the same traits.
impl<G: Group> PartialEq for Bases<G> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl<G: Group> core::fmt::Debug for Bases<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} points of {}", self.len(), G::NAME)
    }
}

/// Bytes that begin at a cache line, so that a point of G1 fills one.
struct Lines {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

const LINE: usize = 64;

impl Lines {
    fn zeros(length: usize) -> Self {
        let bytes = vec![0; length + LINE];
        let start = bytes.as_ptr().align_offset(LINE).min(LINE);
        Self {
            bytes,
            start,
            length,
        }
    }

    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

impl AsRef<[u8]> for Lines {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
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

fn write_raw<G: Group>(point: &Affine<G>, out: &mut [u8]) {
    out.fill(0);
    if !point.is_zero() {
        let (x, y) = out.split_at_mut(size_of::<G>() / 2);
        point.x.write_raw(x);
        point.y.write_raw(y);
    }
}

fn read_raw<G: Group>(bytes: &[u8]) -> Result<Affine<G>> {
    if bytes.iter().all(|b| *b == 0) {
        return Ok(Affine::identity());
    }
    let (x, y) = bytes.split_at(bytes.len() / 2);
    match (Coordinate::read_raw(x), Coordinate::read_raw(y)) {
        (Some(x), Some(y)) => Ok(Affine::new_unchecked(x, y)),
        _ => Err(Error::Point(
            "limbs are not below the base field's order".into(),
        )),
    }
}

impl<G: Group> Bases<G> {
    fn of(memory: Memory) -> Self {
        let stop = (*memory).as_ref().len();
        Self {
            memory,
            start: 0,
            stop,
            group: PhantomData,
        }
    }

    /// An array of `n` points, written one by one.
    pub(crate) fn build(
        n: usize,
        point: impl Fn(usize) -> Result<Affine<G>> + Sync,
    ) -> Result<Self> {
        let mut lines = Lines::zeros(n * size_of::<G>());
        lines
            .as_mut()
            .par_chunks_mut(size_of::<G>())
            .with_min_len(POINTS)
            .enumerate()
            .try_for_each(|(i, out)| {
                write_raw(&point(i).map_err(|e| name_position(i, e))?, out);
                Ok(())
            })?;
        Ok(Self::of(Arc::new(lines)))
    }

    /// An array of `n` points, of which `write` gives the blocks; each thread has memory of its own.
    pub(crate) fn in_blocks<M>(
        n: usize,
        block: usize,
        memory: impl Fn() -> M + Send + Sync,
        write: impl Fn(&mut M, Range<usize>) -> Vec<Affine<G>> + Send + Sync,
    ) -> Self {
        let mut lines = Lines::zeros(n * size_of::<G>());
        lines
            .as_mut()
            .par_chunks_mut(block * size_of::<G>())
            .enumerate()
            .for_each_init(memory, |memory, (i, out)| {
                let start = i * block;
                let points = write(memory, start..start + out.len() / size_of::<G>());
                for (out, point) in out.chunks_mut(size_of::<G>()).zip(&points) {
                    write_raw(point, out);
                }
            });
        Self::of(Arc::new(lines))
    }

    /// An array of these points.
    pub fn new(points: &[Affine<G>]) -> Self {
        let mut lines = Lines::zeros(points.len() * size_of::<G>());
        lines
            .as_mut()
            .par_chunks_mut(size_of::<G>())
            .with_min_len(POINTS)
            .zip(points)
            .for_each(|(out, point)| write_raw(point, out));
        Self::of(Arc::new(lines))
    }

    /// Affine points of a projective array.
    pub fn normalize(points: &[Projective<G>]) -> Self {
        let blocks: Vec<Vec<Affine<G>>> = points
            .par_chunks(POINTS)
            .map(Projective::<G>::normalize_batch)
            .collect();
        Self::new(&blocks.concat())
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        (self.stop - self.start) / size_of::<G>()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.start == self.stop
    }

    /// The raw layout of the points.
    pub fn bytes(&self) -> &[u8] {
        &(*self.memory).as_ref()[self.start..self.stop]
    }

    /// The points, unpacked.
    pub fn points(&self) -> Vec<Affine<G>> {
        self.bytes()
            .par_chunks(size_of::<G>())
            .with_min_len(POINTS)
            .map(|bytes| read_raw(bytes).unwrap_or(Affine::identity()))
            .collect()
    }

    /// Points from EIP-196/197 encodings; `check` tests curve and subgroup of each.
    ///
    /// # Errors
    /// A part of a point; a refused point, with its position.
    pub fn from_bytes(bytes: &[u8], check: bool) -> Result<Self> {
        whole_points::<G>(bytes)?;
        let size = size_of::<G>();
        Self::build(bytes.len() / size, |i| {
            from_bytes(&bytes[i * size..(i + 1) * size], check)
        })
    }

    /// EIP-196/197 encodings of the points.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; self.bytes().len()];
        out.par_chunks_mut(size_of::<G>())
            .with_min_len(POINTS)
            .zip(self.bytes().par_chunks(size_of::<G>()))
            .for_each(|(out, raw)| {
                write_bytes(&read_raw::<G>(raw).unwrap_or(Affine::identity()), out);
            });
        out
    }

    /// Points from the raw layout.
    ///
    /// # Errors
    /// A part of a point; limbs that are not below the base field's order, with the point's position.
    pub fn from_raw(bytes: &[u8]) -> Result<Self> {
        whole_points::<G>(bytes)?;
        let size = size_of::<G>();
        Self::build(bytes.len() / size, |i| {
            read_raw(&bytes[i * size..(i + 1) * size])
        })
    }

    /// Points in memory that somebody else holds in the raw layout, used where they are. They are read once
    /// here to be checked: canonical limbs, and with `check` curve and subgroup. The caller answers for
    /// their not changing afterwards; if they do, results are wrong, but nothing panics.
    ///
    /// # Errors
    /// A part of a point; a refused point, with its position.
    pub fn map(memory: Memory, check: bool) -> Result<Self> {
        let bases = Self::of(memory);
        whole_points::<G>(bases.bytes())?;
        bases
            .bytes()
            .par_chunks(size_of::<G>())
            .with_min_len(POINTS)
            .enumerate()
            .try_for_each(|(i, bytes)| {
                let point = read_raw::<G>(bytes).map_err(|e| name_position(i, e))?;
                if check {
                    check_membership(&point).map_err(|e| name_position(i, e))?;
                }
                Ok(())
            })?;
        Ok(bases)
    }

    /// The raw layout of the points.
    pub fn to_raw(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    /// Points `start .. stop`, in the same memory.
    ///
    /// # Errors
    /// A range outside the array.
    pub fn slice(&self, start: usize, stop: usize) -> Result<Self> {
        if start > stop || stop > self.len() {
            return Err(Error::Range(format!(
                "points {start} to {stop} of an array of {}",
                self.len()
            )));
        }
        Ok(Self {
            memory: Arc::clone(&self.memory),
            start: self.start + start * size_of::<G>(),
            stop: self.start + stop * size_of::<G>(),
            group: PhantomData,
        })
    }

    /// The points of several arrays, one after the other.
    pub fn concat(parts: &[&Self]) -> Self {
        let mut lines = Lines::zeros(parts.iter().map(|part| part.bytes().len()).sum());
        let mut rest = lines.as_mut();
        for part in parts {
            let (out, after) = rest.split_at_mut(part.bytes().len());
            out.copy_from_slice(part.bytes());
            rest = after;
        }
        Self::of(Arc::new(lines))
    }

    /// `scalars[i] * base` for every scalar.
    ///
    /// # Errors
    /// A non-canonical scalar.
    pub fn fixed_base(scalars: &[Limbs], base: Affine<G>) -> Result<Self> {
        check(scalars)?;
        if scalars.is_empty() || base.is_zero() {
            return Ok(Self::new(&vec![Affine::identity(); scalars.len()]));
        }
        let scalars: Vec<Fr> = scalars.par_iter().map(decode).collect();
        Ok(Self::new(&Projective::from(base).batch_mul(&scalars)))
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
    fn mapped_points_are_used_in_place_and_checked() {
        let a = powers_of_tau_unsafe::<g1::Config>(Fr::from(3u64), 4).unwrap();
        let mut raw = a.to_raw();
        // At an odd address, as a section of a file may be.
        raw.insert(0, 0);
        let memory: Arc<Vec<u8>> = Arc::new(raw.clone());
        struct Tail(Arc<Vec<u8>>);
        impl AsRef<[u8]> for Tail {
            fn as_ref(&self) -> &[u8] {
                &self.0[1..]
            }
        }
        let mapped = Bases::<g1::Config>::map(Arc::new(Tail(Arc::clone(&memory))), true).unwrap();
        assert_eq!(mapped, a);
        assert!(core::ptr::eq(mapped.bytes(), &memory[1..]));
        assert!(core::ptr::eq(
            mapped.slice(1, 3).unwrap().bytes(),
            &memory[65..193]
        ));
        raw[1 + 2 * 64] ^= 1;
        let changed = || Arc::new(Tail(Arc::new(raw.clone())));
        let error = Bases::<g1::Config>::map(changed(), true).unwrap_err();
        assert!(error.to_string().starts_with("point 2:"), "{error}");
        assert!(Bases::<g1::Config>::map(changed(), false).is_ok());
        assert!(Bases::<g1::Config>::map(Arc::new(vec![0xffu8; 64]), false).is_err());
        assert!(Bases::<g1::Config>::map(Arc::new(vec![0u8; 63]), false).is_err());
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
