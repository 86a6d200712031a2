//! Points of G1 among which nobody knows a relation: hashes of their numbers, by try and increment.
//!
//! The x-coordinate of point `j` is the first of `keccak256(tag || j || attempt) mod q`, `attempt = 0, 1, ..`, for which
//! `x^3 + 3` is a square; `y` is the smaller root. Numbers are 32 bytes, big-endian. The curve's cofactor is one, so
//! every such point is in the group. What is hashed is public, so that time may depend on it, and reducing 256 bits only
//! makes some points up to a fifth more likely than others: none of them has a logarithm that is known. That is why this
//! simplest of maps serves, and none of those of RFC 9380, which are for secrets and uniform points.

use ark_bn254::{Fq, G1Affine, g1};
use ark_ff::{Field, PrimeField};
use rayon::prelude::*;
use sha3::{Digest, Keccak256};

use crate::bases::Bases;
use crate::error::{Error, Result};

/// A point has more than this many non-squares before it once in `2^256`.
const ATTEMPTS: u32 = 256;

/// Most points at a time.
const MOST: usize = 1 << 32;

fn candidate(tag: &[u8; 32], number: u64, attempt: u32) -> Fq {
    let mut preimage = [0; 96];
    preimage[..32].copy_from_slice(tag);
    preimage[56..64].copy_from_slice(&number.to_be_bytes());
    preimage[92..].copy_from_slice(&attempt.to_be_bytes());
    Fq::from_be_bytes_mod_order(&Keccak256::digest(preimage))
}

fn smaller(y: Fq) -> Fq {
    y.min(-y)
}

fn point(tag: &[u8; 32], number: u64) -> Result<G1Affine> {
    (0..ATTEMPTS)
        .find_map(|attempt| {
            let x = candidate(tag, number, attempt);
            let y = (x.square() * x + Fq::from(3u64)).sqrt()?;
            Some(G1Affine::new_unchecked(x, smaller(y)))
        })
        .ok_or_else(|| Error::Range("no hash of the number is on the curve".into()))
}

/// Points `start .. start + count` of a tag.
///
/// # Errors
/// More than `2^32` points; numbers beyond 64 bits.
pub fn independent(tag: &[u8; 32], start: u64, count: usize) -> Result<Bases<g1::Config>> {
    if count > MOST || start.checked_add(count as u64).is_none() {
        return Err(Error::Range(format!("{count} points from {start} on")));
    }
    Bases::build(count, |i| point(tag, start + i as u64))
}

/// Refuses points that are not hashes of their numbers. A later candidate than the first passes: it is as independent,
/// and a root per point is saved.
///
/// # Errors
/// [`Error::Point`] with the position of a refused point; numbers beyond 64 bits.
pub fn check(bases: &Bases<g1::Config>, tag: &[u8; 32], start: u64) -> Result<()> {
    if start.checked_add(bases.len() as u64).is_none() {
        return Err(Error::Range(format!(
            "{} points from {start} on",
            bases.len()
        )));
    }
    bases
        .points()
        .par_iter()
        .enumerate()
        .try_for_each(|(i, point)| {
            let number = start + i as u64;
            let hashed = (0..ATTEMPTS).any(|attempt| candidate(tag, number, attempt) == point.x);
            if hashed && point.is_on_curve() && point.y == smaller(point.y) {
                return Ok(());
            }
            Err(Error::Point(format!(
                "point {i}: it is no hash of number {number}"
            )))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::AffineRepr;

    const TAG: [u8; 32] = [7; 32];

    #[test]
    fn points_are_on_the_curve_and_all_different() {
        let points = independent(&TAG, 0, 700).unwrap().points();
        assert!(points.iter().all(|p| p.is_on_curve() && !p.is_zero()));
        let mut xs: Vec<Fq> = points.iter().map(|p| p.x).collect();
        xs.sort();
        xs.dedup();
        assert_eq!(xs.len(), 700);
    }

    #[test]
    fn each_is_the_first_candidate_that_has_a_root() {
        for (number, point) in independent(&TAG, 5, 40)
            .unwrap()
            .points()
            .iter()
            .enumerate()
        {
            let mut candidates = (0..).map(|a| candidate(&TAG, 5 + number as u64, a));
            let x = candidates
                .find(|x| (x.square() * x + Fq::from(3u64)).legendre().is_qr())
                .unwrap();
            assert_eq!(point.x, x);
            assert!(point.y.into_bigint() <= (-point.y).into_bigint());
        }
    }

    #[test]
    fn numbers_and_tags_tell_points_apart() {
        let whole = independent(&TAG, 0, 20).unwrap();
        assert_eq!(
            independent(&TAG, 3, 17).unwrap(),
            whole.slice(3, 20).unwrap()
        );
        let other = independent(&[8; 32], 0, 20).unwrap();
        assert!(
            whole
                .points()
                .iter()
                .zip(other.points())
                .all(|(p, q)| *p != q)
        );
    }

    #[test]
    fn only_hashes_pass() {
        let whole = independent(&TAG, 0, 20).unwrap();
        check(&whole, &TAG, 0).unwrap();
        check(&whole.slice(4, 20).unwrap(), &TAG, 4).unwrap();
        assert!(check(&whole, &TAG, 1).is_err());
        assert!(check(&whole, &[8; 32], 0).is_err());
        for bad in [
            G1Affine::identity(),
            -whole.points()[6],
            G1Affine::generator(),
            whole.points()[7],
        ] {
            let mut points = whole.points();
            points[6] = bad;
            let error = check(&Bases::new(&points), &TAG, 0).unwrap_err();
            assert!(error.to_string().starts_with("point 6:"), "{error}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(independent(&TAG, u64::MAX, 1).is_err());
        assert!(independent(&TAG, 0, usize::MAX).is_err());
        assert_eq!(independent(&TAG, u64::MAX - 1, 1).unwrap().len(), 1);
        assert!(check(&independent(&TAG, 0, 2).unwrap(), &TAG, u64::MAX).is_err());
        assert_eq!(independent(&TAG, 0, 0).unwrap().len(), 0);
    }
}
