//! Decoding of shared vectors with wrong shares (Reed-Solomon).
//!
//! A wrong row may differ in one coordinate only, so every coordinate is checked. Rows are predicted from
//! `degree + 1` rows not yet known to be wrong; the first coordinate where a prediction fails is decoded by
//! itself (Gao 2003) and names at least one more wrong row. After at most `max_errors + 1` passes either all
//! remaining rows lie on one polynomial in every coordinate, or too many rows are wrong. Nothing is random:
//! `max_errors <= (N - degree - 1) / 2` makes each coordinate's decoding unique.

use ark_bn254::Fr;
use ark_ff::{Field, One, Zero};
use rayon::prelude::*;

use crate::combine::{combine_block, combine_unchecked};
use crate::error::{Error, Result, same_length};
use crate::field::{BLOCK, Limbs, ZERO, check_rows, decode as decode_limbs, unraw};
use crate::shamir::{check_points, coefficients_at};

/// A decoded vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Values of the polynomials at zero.
    pub values: Vec<Limbs>,
    /// Positions of the rows that differ from the polynomials somewhere, ascending.
    pub errors: Vec<usize>,
}

/// Decodes rows that are values, at `xs`, of polynomials of at most the given degree, when at most
/// `max_errors` rows are wrong anywhere. The default is the most that decoding can correct.
///
/// # Errors
/// [`Error::Decoding`] when no set of `max_errors` rows explains the differences; otherwise refused
/// arguments: fewer than `degree + 1` rows, `max_errors` above `(N - degree - 1) / 2`, rows of different
/// lengths, a non-canonical element, refused points.
pub fn decode(
    rows: &[&[Limbs]],
    xs: &[Fr],
    degree: usize,
    max_errors: Option<usize>,
) -> Result<Decoded> {
    same_length("rows against evaluation points", rows.len(), xs.len())?;
    check_points(xs)?;
    let length = rows.first().map_or(0, |row| row.len());
    for row in rows {
        same_length("length of a row against the first", row.len(), length)?;
    }
    let Some(redundant) = rows.len().checked_sub(degree.saturating_add(1)) else {
        return Err(Error::Range(format!(
            "{} rows cannot determine polynomials of degree {degree}",
            rows.len()
        )));
    };
    let max_errors = max_errors.unwrap_or(redundant / 2);
    if max_errors > redundant / 2 {
        return Err(Error::Range(format!(
            "{max_errors} errors asked for, but {} rows of degree {degree} correct at most {}",
            rows.len(),
            redundant / 2
        )));
    }
    check_rows(rows)?;
    let errors = locate(rows, xs, degree, max_errors)?;
    let good: Vec<usize> = (0..rows.len())
        .filter(|i| !errors.contains(i))
        .take(degree + 1)
        .collect();
    let (basis, nodes) = select(rows, xs, &good);
    let values = combine_unchecked(&basis, &coefficients_at(&nodes, Fr::zero()), length);
    Ok(Decoded { values, errors })
}

fn select<'a>(rows: &[&'a [Limbs]], xs: &[Fr], chosen: &[usize]) -> (Vec<&'a [Limbs]>, Vec<Fr>) {
    (
        chosen.iter().map(|i| rows[*i]).collect(),
        chosen.iter().map(|i| xs[*i]).collect(),
    )
}

fn locate(rows: &[&[Limbs]], xs: &[Fr], degree: usize, max_errors: usize) -> Result<Vec<usize>> {
    let mut errors: Vec<usize> = Vec::new();
    loop {
        let trusted: Vec<usize> = (0..rows.len()).filter(|i| !errors.contains(i)).collect();
        let Some(column) = first_mismatch(rows, xs, &trusted, degree) else {
            return Ok(errors);
        };
        let word: Vec<Fr> = rows.iter().map(|row| decode_limbs(&row[column])).collect();
        let wrong = decode_word(&word, xs, degree, max_errors).ok_or_else(|| {
            Error::Decoding(format!(
                "coordinate {column}: no polynomial of degree {degree} fits all but {max_errors} rows"
            ))
        })?;
        errors.extend(wrong);
        errors.sort_unstable();
        errors.dedup();
        if errors.len() > max_errors {
            return Err(Error::Decoding(format!(
                "rows {errors:?} are wrong, more than the {max_errors} that can be corrected"
            )));
        }
    }
}

/// The first coordinate in which the trusted rows do not lie on one polynomial.
fn first_mismatch(rows: &[&[Limbs]], xs: &[Fr], trusted: &[usize], degree: usize) -> Option<usize> {
    let (basis, rest) = trusted.split_at(degree + 1);
    let (basis_rows, nodes) = select(rows, xs, basis);
    let weights: Vec<Vec<Limbs>> = rest
        .iter()
        .map(|i| {
            coefficients_at(&nodes, xs[*i])
                .into_iter()
                .map(unraw)
                .collect()
        })
        .collect();
    let length = rows[0].len();
    (0..length.div_ceil(BLOCK))
        .into_par_iter()
        .find_map_first(|block| {
            let columns = block * BLOCK..length.min((block + 1) * BLOCK);
            let basis: Vec<_> = basis_rows.iter().map(|r| &r[columns.clone()]).collect();
            let mut predicted = vec![ZERO; columns.len()];
            let mismatches = rest.iter().zip(&weights).filter_map(|(i, weights)| {
                combine_block(&mut predicted, &basis, weights);
                let actual = &rows[*i][columns.clone()];
                predicted.iter().zip(actual).position(|(a, b)| a != b)
            });
            mismatches.min().map(|column| columns.start + column)
        })
}

/// Positions where a word differs from the nearest codeword, if that is at most `max_errors` away.
fn decode_word(word: &[Fr], xs: &[Fr], degree: usize, max_errors: usize) -> Option<Vec<usize>> {
    let vanishing = xs.iter().fold(vec![Fr::one()], |p, x| times_linear(&p, *x));
    let received = interpolation(word, xs, &vanishing);
    // Gao: stop the extended Euclidean algorithm below degree (N + degree + 1) / 2.
    let bound = (word.len() + degree + 1).div_ceil(2);
    let (mut a, mut b) = (vanishing, trimmed(received));
    let (mut va, mut vb) = (Vec::new(), vec![Fr::one()]);
    while b.len() > bound {
        let (quotient, remainder) = divide(&a, &b);
        let next = minus_product(&va, &quotient, &vb);
        (a, b) = (b, remainder);
        (va, vb) = (vb, next);
    }
    let (message, remainder) = divide(&b, &vb);
    if !remainder.is_empty() || message.len() > degree + 1 {
        return None;
    }
    let wrong: Vec<usize> = (0..word.len())
        .filter(|i| value(&message, xs[*i]) != word[*i])
        .collect();
    (wrong.len() <= max_errors).then_some(wrong)
}

fn value(p: &[Fr], x: Fr) -> Fr {
    p.iter().rev().fold(Fr::zero(), |sum, c| sum * x + c)
}

/// `p * (X - x)`.
fn times_linear(p: &[Fr], x: Fr) -> Vec<Fr> {
    let mut out = vec![Fr::zero(); p.len() + 1];
    for (i, c) in p.iter().enumerate() {
        out[i + 1] += c;
        out[i] -= *c * x;
    }
    out
}

fn interpolation(word: &[Fr], xs: &[Fr], vanishing: &[Fr]) -> Vec<Fr> {
    let mut sum = vec![Fr::zero(); word.len()];
    for (y, x) in word.iter().zip(xs) {
        let (others, _) = divide(vanishing, &[-*x, Fr::one()]);
        let scale = *y * value(&others, *x).inverse().unwrap_or(Fr::zero());
        for (slot, c) in sum.iter_mut().zip(others) {
            *slot += c * scale;
        }
    }
    sum
}

fn trimmed(mut p: Vec<Fr>) -> Vec<Fr> {
    while p.last().is_some_and(Fr::is_zero) {
        p.pop();
    }
    p
}

/// Quotient and remainder; `b` is trimmed and not zero.
fn divide(a: &[Fr], b: &[Fr]) -> (Vec<Fr>, Vec<Fr>) {
    let mut remainder = a.to_vec();
    let mut quotient = vec![Fr::zero(); (a.len() + 1).saturating_sub(b.len())];
    let lead = b.last().and_then(Fr::inverse).unwrap_or(Fr::zero());
    for i in (0..quotient.len()).rev() {
        let factor = remainder[i + b.len() - 1] * lead;
        quotient[i] = factor;
        for (slot, c) in remainder[i..].iter_mut().zip(b) {
            *slot -= factor * c;
        }
    }
    (trimmed(quotient), trimmed(remainder))
}

/// `a - q * b`.
fn minus_product(a: &[Fr], q: &[Fr], b: &[Fr]) -> Vec<Fr> {
    let mut out = a.to_vec();
    out.resize(a.len().max(q.len() + b.len()), Fr::zero());
    for (i, x) in q.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            out[i + j] -= *x * y;
        }
    }
    trimmed(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::expand;
    use crate::shamir::{first_points, share};

    fn shares(n: usize, parties: u64, degree: u8) -> (Vec<Limbs>, Vec<Vec<Limbs>>, Vec<Fr>) {
        let secret = expand(&[100; 32], n, 0).unwrap();
        let polynomial: Vec<_> = (0..degree)
            .map(|l| expand(&[l; 32], n, 0).unwrap())
            .collect();
        let views: Vec<_> = polynomial.iter().map(Vec::as_slice).collect();
        let xs = first_points(parties);
        let rows = share(&secret, &views, &xs).unwrap();
        (secret, rows, xs)
    }

    fn run(rows: &[Vec<Limbs>], xs: &[Fr], degree: usize, max: Option<usize>) -> Result<Decoded> {
        let views: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        decode(&views, xs, degree, max)
    }

    #[test]
    fn no_error() {
        let (secret, rows, xs) = shares(3, 4, 1);
        let errors = vec![];
        assert_eq!(
            run(&rows, &xs, 1, None).unwrap(),
            Decoded {
                values: secret,
                errors
            }
        );
    }

    #[test]
    fn every_single_error_of_four_parties() {
        for bad in 0..4 {
            let (secret, mut rows, xs) = shares(BLOCK + 1, 4, 1);
            rows[bad][BLOCK][0] ^= 1;
            let decoded = run(&rows, &xs, 1, None).unwrap();
            assert_eq!((decoded.values, decoded.errors), (secret, vec![bad]));
        }
    }

    #[test]
    fn rows_wrong_in_different_coordinates_form_a_union() {
        let (secret, mut rows, xs) = shares(8, 7, 2);
        rows[1][0][0] ^= 1;
        rows[6][7][0] ^= 1;
        let decoded = run(&rows, &xs, 2, None).unwrap();
        assert_eq!((decoded.values, decoded.errors), (secret, vec![1, 6]));
        rows[3][4][0] ^= 1;
        assert!(matches!(run(&rows, &xs, 2, None), Err(Error::Decoding(_))));
        assert!(matches!(
            run(&rows, &xs, 2, Some(1)),
            Err(Error::Decoding(_))
        ));
    }

    #[test]
    fn too_many_errors_in_one_coordinate() {
        let (_, mut rows, xs) = shares(2, 4, 1);
        rows[0][1][0] ^= 1;
        rows[2][1][1] ^= 1;
        assert!(matches!(run(&rows, &xs, 1, None), Err(Error::Decoding(_))));
    }

    #[test]
    fn no_redundancy_corrects_nothing_and_one_row_more_detects() {
        let (secret, mut rows, xs) = shares(2, 3, 2);
        assert_eq!(run(&rows, &xs, 2, None).unwrap().values, secret);
        assert!(matches!(run(&rows, &xs, 1, None), Err(Error::Decoding(_))));
        rows.pop();
        assert!(matches!(
            run(&rows, &xs[..2], 2, None),
            Err(Error::Range(_))
        ));
        assert!(matches!(
            run(&rows, &xs[..2], 1, Some(1)),
            Err(Error::Range(_))
        ));
    }

    #[test]
    fn largest_committee_at_its_limit() {
        let (secret, mut rows, xs) = shares(6, 32, 10);
        let bad: Vec<usize> = (0..10).map(|i| 3 * i).collect();
        for (k, i) in bad.iter().enumerate() {
            rows[*i][k % 6] = [k as u64, 0, 0, 0];
        }
        let decoded = run(&rows, &xs, 10, None).unwrap();
        assert_eq!((decoded.values, decoded.errors), (secret, bad));
    }

    #[test]
    fn zero_word_and_constants() {
        let rows = vec![vec![[0; 4]; 2], vec![[0; 4]; 2], vec![[0; 4], [9, 0, 0, 0]]];
        let decoded = run(&rows, &first_points(3), 0, None).unwrap();
        assert_eq!((decoded.values, decoded.errors), (vec![[0; 4]; 2], vec![2]));
    }
}
