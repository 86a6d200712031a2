//! Sums of scaled vectors, with one reduction per element.

use ark_bn254::Fr;
use rayon::prelude::*;

use crate::error::{Result, same_length};
use crate::field::{BLOCK, Limbs, ZERO, check_rows, unraw};
use crate::wide::Wide;

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
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, out)| {
            let columns = block * BLOCK..block * BLOCK + out.len();
            let rows: Vec<&[Limbs]> = rows.iter().map(|row| &row[columns.clone()]).collect();
            combine_block(out, &rows, &limbs);
        });
    out
}

/// Columns whose sums stay in the first-level cache while the rows go by.
const STRIP: usize = 128;

/// [`linear_combination`] of one block; coefficients are given by their Montgomery limbs.
pub(crate) fn combine_block(out: &mut [Limbs], rows: &[&[Limbs]], coefficients: &[Limbs]) {
    for (strip, out) in out.chunks_mut(STRIP).enumerate() {
        let mut sums = [Wide::ZERO; STRIP];
        for (row, coefficient) in rows.iter().zip(coefficients) {
            for (sum, x) in sums.iter_mut().zip(&row[strip * STRIP..][..out.len()]) {
                sum.add_product(x, coefficient);
            }
        }
        for (slot, sum) in out.iter_mut().zip(&sums) {
            *slot = unraw(sum.montgomery_reduce());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ORDER, decode, encode};
    use crate::seed::expand;
    use ark_ff::Field;

    #[test]
    fn sums_agree_with_arkworks() {
        let n = BLOCK + STRIP + 5;
        let rows: Vec<_> = (0..9).map(|i| expand(&[i; 32], n, 0).unwrap()).collect();
        for m in [0, 1, 3, 4, 9] {
            let views: Vec<_> = rows[..m].iter().map(Vec::as_slice).collect();
            let weights: Vec<Fr> = (0..m)
                .map(|i| Fr::from(7u64).pow([200 + i as u64]))
                .collect();
            let got = linear_combination(&views, &weights, n).unwrap();
            for (j, got) in got.iter().enumerate() {
                let sum: Fr = views
                    .iter()
                    .zip(&weights)
                    .map(|(row, w)| decode(&row[j]) * w)
                    .sum();
                assert_eq!(*got, encode(sum));
            }
        }
    }

    #[test]
    fn refused_arguments() {
        let one = Fr::from(1u64);
        assert!(linear_combination(&[&[ZERO]], &[], 1).is_err());
        assert!(linear_combination(&[&[ZERO], &[]], &[one, one], 1).is_err());
        assert!(linear_combination(&[&[ORDER]], &[one], 1).is_err());
    }
}
