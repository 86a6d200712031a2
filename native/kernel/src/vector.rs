//! Element-wise arithmetic on long vectors.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, Zero, serial_batch_inversion_and_mul};
use rayon::prelude::*;

use crate::error::{Error, Result, same_length};
use crate::field::{BLOCK, Limbs, ZERO, check, check_rows, montgomery_factor, raw, unraw};
use crate::wide::Wide;

fn zip_with(a: &[Limbs], b: &[Limbs], f: impl Fn(Fr, Fr) -> Fr + Sync) -> Result<Vec<Limbs>> {
    same_length("lengths of the two vectors", a.len(), b.len())?;
    check(a)?;
    check(b)?;
    Ok(a.par_iter()
        .with_min_len(BLOCK)
        .zip(b)
        .map(|(x, y)| unraw(f(raw(x), raw(y))))
        .collect())
}

fn map(a: &[Limbs], f: impl Fn(Fr) -> Fr + Sync) -> Result<Vec<Limbs>> {
    check(a)?;
    Ok(a.par_iter()
        .with_min_len(BLOCK)
        .map(|x| unraw(f(raw(x))))
        .collect())
}

/// `a + b`, element by element.
///
/// # Errors
/// Different lengths; a non-canonical element.
pub fn add(a: &[Limbs], b: &[Limbs]) -> Result<Vec<Limbs>> {
    zip_with(a, b, |x, y| x + y)
}

/// `a - b`, element by element.
///
/// # Errors
/// Different lengths; a non-canonical element.
pub fn sub(a: &[Limbs], b: &[Limbs]) -> Result<Vec<Limbs>> {
    zip_with(a, b, |x, y| x - y)
}

/// `a * b`, element by element.
///
/// # Errors
/// Different lengths; a non-canonical element.
pub fn mul(a: &[Limbs], b: &[Limbs]) -> Result<Vec<Limbs>> {
    zip_with(a, b, |x, y| x * y * montgomery_factor())
}

/// `-a`.
///
/// # Errors
/// A non-canonical element.
pub fn neg(a: &[Limbs]) -> Result<Vec<Limbs>> {
    map(a, |x| -x)
}

/// `s * a`.
///
/// # Errors
/// A non-canonical element.
pub fn scale(a: &[Limbs], s: Fr) -> Result<Vec<Limbs>> {
    map(a, |x| x * s)
}

/// Sum of `a_j * b_j`.
///
/// # Errors
/// Different lengths; a non-canonical element.
pub fn inner(a: &[Limbs], b: &[Limbs]) -> Result<Limbs> {
    same_length("lengths of the two vectors", a.len(), b.len())?;
    check(a)?;
    check(b)?;
    let sum = a
        .par_chunks(BLOCK)
        .zip(b.par_chunks(BLOCK))
        .map(|(xs, ys)| {
            let mut sum = Wide::ZERO;
            xs.iter().zip(ys).for_each(|(x, y)| sum.add_product(x, y));
            sum
        })
        .reduce(
            || Wide::ZERO,
            |mut a, b| {
                a.add(&b);
                a
            },
        );
    Ok(sum.residue())
}

/// Inverses, by Montgomery's trick in blocks.
///
/// # Errors
/// [`Error::ZeroInverse`] with the first zero; a non-canonical element.
pub fn batch_inverse(a: &[Limbs]) -> Result<Vec<Limbs>> {
    check(a)?;
    let zero = a
        .par_iter()
        .with_min_len(BLOCK)
        .position_first(|x| *x == ZERO);
    if let Some(index) = zero {
        return Err(Error::ZeroInverse { index });
    }
    // The inverse of the raw value a/R is R/a; its raw limbs would denote R^2/a.
    let repair = montgomery_factor().square().inverse().unwrap_or(Fr::ZERO);
    let mut out = vec![ZERO; a.len()];
    out.par_chunks_mut(BLOCK)
        .zip(a.par_chunks(BLOCK))
        .for_each(|(out, a)| {
            let mut block: Vec<Fr> = a.iter().map(raw).collect();
            serial_batch_inversion_and_mul(&mut block, &repair);
            for (slot, value) in out.iter_mut().zip(block) {
                *slot = unraw(value);
            }
        });
    Ok(out)
}

/// `1, x, x^2, ..` (`n` terms).
pub fn powers(x: Fr, n: usize) -> Vec<Limbs> {
    let mut out = vec![ZERO; n];
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, out)| {
            let mut power = raw(&[1, 0, 0, 0]) * x.pow([(block * BLOCK) as u64]);
            for slot in out {
                *slot = unraw(power);
                power *= x;
            }
        });
    out
}

/// Sum of `coefficients[i] * rows[i]`; the empty sum needs `length` zeros.
///
/// # Errors
/// Rows of a length other than `length`; as many coefficients as rows; a non-canonical element.
pub fn linear_combination(
    rows: &[&[Limbs]],
    coefficients: &[Fr],
    length: usize,
) -> Result<Vec<Limbs>> {
    same_length("rows against coefficients", rows.len(), coefficients.len())?;
    for row in rows {
        same_length("length of a row against the first", row.len(), length)?;
    }
    check_rows(rows)?;
    Ok(combine_unchecked(rows, coefficients, length))
}

/// [`linear_combination`] for rows already checked.
pub(crate) fn combine_unchecked(
    rows: &[&[Limbs]],
    coefficients: &[Fr],
    length: usize,
) -> Vec<Limbs> {
    let mut out = vec![ZERO; length];
    // The Montgomery limbs of a coefficient times a raw value, reduced once, is the raw product.
    let limbs: Vec<Limbs> = coefficients.iter().map(|c| unraw(*c)).collect();
    let lazy = rows.len() > 3;
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, out)| {
            let start = block * BLOCK;
            for (j, slot) in out.iter_mut().enumerate() {
                *slot = unraw(if lazy {
                    let mut sum = Wide::ZERO;
                    for (row, c) in rows.iter().zip(&limbs) {
                        sum.add_product(&row[start + j], c);
                    }
                    sum.montgomery_reduce()
                } else {
                    rows.iter()
                        .zip(coefficients)
                        .map(|(row, c)| raw(&row[start + j]) * c)
                        .sum()
                });
            }
        });
    out
}

/// Exclusive running sum: element `i` of the result is the sum of the first `i` elements.
///
/// # Errors
/// A non-canonical element.
pub fn prefix_sum(a: &[Limbs]) -> Result<Vec<Limbs>> {
    check(a)?;
    let mut sum = Fr::zero();
    Ok(a.iter()
        .map(|x| {
            let before = sum;
            sum += raw(x);
            unraw(before)
        })
        .collect())
}

/// Signed integers as field elements; a negative one becomes `r - |x|`.
pub fn from_int64(values: &[i64]) -> Vec<Limbs> {
    values
        .par_iter()
        .with_min_len(BLOCK)
        .map(|x| {
            let magnitude = raw(&[x.unsigned_abs(), 0, 0, 0]);
            unraw(if *x < 0 { -magnitude } else { magnitude })
        })
        .collect()
}

/// Field elements as signed integers.
///
/// # Errors
/// [`Error::Overflow`] with the first element of absolute value `2^63` or more; a non-canonical element.
pub fn to_int64(a: &[Limbs]) -> Result<Vec<i64>> {
    check(a)?;
    let converted: Vec<Option<i64>> = a
        .par_iter()
        .with_min_len(BLOCK)
        .map(|x| {
            if x[1] | x[2] | x[3] == 0 {
                return i64::try_from(x[0]).ok();
            }
            let [low, rest @ ..] = unraw(-raw(x));
            let magnitude = i64::try_from(low).ok()?;
            (rest == [0; 3]).then_some(-magnitude)
        })
        .collect();
    converted
        .into_iter()
        .enumerate()
        .map(|(index, x)| x.ok_or(Error::Overflow { index }))
        .collect()
}
