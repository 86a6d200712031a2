//! Field elements at the border: canonical limbs outside, Montgomery form inside.
//!
//! Converting costs a multiplication each way, and a vector is usually used once. Most kernels avoid it.
//! Let `R = 2^256`. The limbs of a canonical residue `a`, *read as if* they were a Montgomery
//! representation, stand for `a / R`. Every linear map commutes with that constant factor, so sums,
//! scalings, Fourier transforms and interpolations run on the limbs as they are ([`raw`], [`unraw`]),
//! and only the scalars are converted. A product of two raw values carries `1 / R^2` and is repaired once.

use ark_bn254::Fr;
use ark_ff::{BigInt, Field, PrimeField};
use rayon::prelude::*;

use crate::error::{Error, Result, same_length};

/// A residue below the order `r`, as four 64-bit limbs, least significant first.
pub type Limbs = [u64; 4];

/// Elements handed to a thread at once: 128 KiB, half of a usual second-level cache.
pub const BLOCK: usize = 1 << 12;

/// The order `r` of the scalar field.
pub const ORDER: Limbs = Fr::MODULUS.0;

/// The element zero.
pub const ZERO: Limbs = [0; 4];

/// Reads canonical limbs as a Montgomery representation: the value `a / 2^256`.
#[inline(always)]
pub fn raw(limbs: &Limbs) -> Fr {
    Fr::new_unchecked(BigInt(*limbs))
}

/// Inverse of [`raw`].
#[inline(always)]
pub fn unraw(value: Fr) -> Limbs {
    value.0.0
}

/// The field element that canonical limbs denote.
#[inline]
pub fn decode(limbs: &Limbs) -> Fr {
    raw(limbs) * montgomery_factor()
}

/// Canonical limbs of a field element.
#[inline]
pub fn encode(value: Fr) -> Limbs {
    value.into_bigint().0
}

/// The value `2^256`: multiplying by it turns a raw value into the one its limbs denote.
#[inline(always)]
pub fn montgomery_factor() -> Fr {
    raw(&R_SQUARED)
}

/// Limbs of `2^512 mod r`, the Montgomery representation of `2^256`.
const R_SQUARED: Limbs = <ark_bn254::FrConfig as ark_ff::MontConfig<4>>::R2.0;

/// Whether the limbs denote a number below the order.
#[inline]
pub fn is_canonical(limbs: &Limbs) -> bool {
    // Decides all but one in 2^61 of the numbers below the order.
    if limbs[3] < ORDER[3] {
        return true;
    }
    sub(limbs, &ORDER).1
}

/// The element that 32 little-endian bytes denote.
///
/// # Errors
/// Another length; a number that is not below the order.
pub fn from_bytes(bytes: &[u8]) -> Result<Fr> {
    same_length("bytes of a scalar against its encoding", bytes.len(), 32)?;
    let mut limbs = ZERO;
    for (limb, eight) in limbs.iter_mut().zip(bytes.as_chunks().0) {
        *limb = u64::from_le_bytes(*eight);
    }
    check(&[limbs])?;
    Ok(decode(&limbs))
}

/// Elements from 32 little-endian bytes each, one after the other.
///
/// # Errors
/// A part of an element; a number that is not below the order, with its position.
pub fn all_from_bytes(bytes: &[u8]) -> Result<Vec<Fr>> {
    if !bytes.len().is_multiple_of(32) {
        return Err(Error::Range("scalars are 32 bytes each".into()));
    }
    let elements = bytes.chunks_exact(32).enumerate();
    elements
        .map(|(index, bytes)| {
            from_bytes(bytes).map_err(|error| match error {
                Error::NonCanonical { .. } => Error::NonCanonical { index },
                other => other,
            })
        })
        .collect()
}

/// 32 little-endian bytes of canonical limbs.
pub fn to_bytes(limbs: &Limbs) -> [u8; 32] {
    let mut out = [0; 32];
    for (eight, limb) in out.as_chunks_mut().0.iter_mut().zip(limbs) {
        *eight = limb.to_le_bytes();
    }
    out
}

/// Refuses a vector with an element that is not below the order.
///
/// # Errors
/// [`Error::NonCanonical`] with the first such position.
pub fn check(values: &[Limbs]) -> Result<()> {
    let bad = values
        .par_chunks(BLOCK)
        .enumerate()
        .find_map_first(|(block, values)| {
            let position = values.iter().position(|x| !is_canonical(x))?;
            Some(block * BLOCK + position)
        });
    match bad {
        Some(index) => Err(Error::NonCanonical { index }),
        None => Ok(()),
    }
}

/// Checks every row of a matrix.
///
/// # Errors
/// [`Error::NonCanonical`] with the position inside the first bad row.
pub fn check_rows(rows: &[&[Limbs]]) -> Result<()> {
    rows.iter().try_for_each(|row| check(row))
}

/// Reduces any 256-bit number below the order. `2^256 / r` lies between 5 and 6, so that subtracting
/// `4r`, `2r` and `r` where they fit is enough.
#[inline]
pub fn reduce(mut limbs: Limbs) -> Limbs {
    const R1: Limbs = ORDER;
    const R2: Limbs = double(ORDER);
    const R4: Limbs = double(R2);
    for multiple in [R4, R2, R1] {
        let (difference, borrow) = sub(&limbs, &multiple);
        if !borrow {
            limbs = difference;
        }
    }
    limbs
}

const fn double(a: Limbs) -> Limbs {
    [
        a[0] << 1,
        (a[1] << 1) | (a[0] >> 63),
        (a[2] << 1) | (a[1] >> 63),
        (a[3] << 1) | (a[2] >> 63),
    ]
}

/// `a - b`, and whether it is negative.
#[inline(always)]
pub(crate) fn sub(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let mut out = ZERO;
    let mut borrow = false;
    for i in 0..4 {
        let (t, first) = a[i].overflowing_sub(b[i]);
        let (u, second) = t.overflowing_sub(u64::from(borrow));
        out[i] = u;
        borrow = first | second;
    }
    (out, borrow)
}

/// The element denoted by a 512-bit little-endian number, reduced.
#[inline]
pub fn from_wide_bytes(bytes: &[u8; 64]) -> Limbs {
    let mut words = [0u64; 8];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *word = u64::from_le_bytes(eight);
    }
    let [a, b, c, d, e, f, g, h] = words;
    let (low, high) = (raw(&reduce([a, b, c, d])), raw(&reduce([e, f, g, h])));
    unraw(low + high * montgomery_factor())
}

/// The inverse of a nonzero element; `None` for zero.
pub fn inverse(value: Fr) -> Option<Fr> {
    value.inverse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{One, Zero};

    #[test]
    fn raw_values_carry_one_inverse_of_r() {
        let seven: Limbs = [7, 0, 0, 0];
        assert_eq!(decode(&seven), Fr::from(7u64));
        assert_eq!(encode(decode(&seven)), seven);
        assert_eq!(raw(&seven) * montgomery_factor(), Fr::from(7u64));
    }

    #[test]
    fn order_is_the_first_refused_number() {
        let mut below = ORDER;
        below[0] -= 1;
        assert!(is_canonical(&below));
        assert!(!is_canonical(&ORDER));
        assert!(!is_canonical(&[u64::MAX; 4]));
        assert!(is_canonical(&ZERO));
        assert_eq!(decode(&below) + Fr::one(), Fr::zero());
        let mut long = vec![below; 2 * BLOCK + 9];
        assert_eq!(check(&long), Ok(()));
        long[2 * BLOCK + 1] = ORDER;
        long[BLOCK + 3] = ORDER;
        assert_eq!(check(&long), Err(Error::NonCanonical { index: BLOCK + 3 }));
    }

    #[test]
    fn reduce_agrees_with_arkworks() {
        for limbs in [
            [u64::MAX; 4],
            ORDER,
            ZERO,
            double(ORDER),
            [0, 0, 0, 1 << 63],
        ] {
            let bytes: Vec<u8> = limbs.iter().flat_map(|x| x.to_le_bytes()).collect();
            assert_eq!(reduce(limbs), encode(Fr::from_le_bytes_mod_order(&bytes)));
        }
    }

    #[test]
    fn wide_reduction_agrees_with_arkworks() {
        let mut bytes = [0xffu8; 64];
        assert_eq!(
            from_wide_bytes(&bytes),
            encode(Fr::from_le_bytes_mod_order(&bytes))
        );
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = (i * 37 + 11) as u8;
        }
        assert_eq!(
            from_wide_bytes(&bytes),
            encode(Fr::from_le_bytes_mod_order(&bytes))
        );
    }
}
