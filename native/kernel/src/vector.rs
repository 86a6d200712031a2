//! Element-wise arithmetic on long vectors.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, Zero, serial_batch_inversion_and_mul};
use rayon::prelude::*;

use crate::error::{Error, Result, same_length};
use crate::field::{BLOCK, Limbs, ZERO, check, montgomery_factor, raw, unraw};
use crate::wide::Wide;

/// Square roots that a thread computes at least.
const ROOTS: usize = 64;

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

/// Of the two square roots of each element the lesser one. The time depends on the elements.
///
/// # Errors
/// [`Error::NoSquare`] with the first element that is zero or no square; a non-canonical element.
pub fn square_roots(a: &[Limbs]) -> Result<Vec<Limbs>> {
    check(a)?;
    let roots: Vec<Option<Limbs>> = a.par_iter().with_min_len(ROOTS).map(square_root).collect();
    if let Some(index) = roots.iter().position(Option::is_none) {
        return Err(Error::NoSquare { index });
    }
    Ok(roots.into_iter().flatten().collect())
}

fn square_root(x: &Limbs) -> Option<Limbs> {
    let root = (raw(x) * montgomery_factor()).sqrt()?.into_bigint();
    let other = (-Fr::from(root)).into_bigint();
    (!root.is_zero()).then(|| root.min(other).0)
}

/// `1, x, x^2, ..` (`n` terms).
///
/// # Errors
/// `n` above `2^32`: a mistake, and more memory than the machine has.
pub fn powers(x: Fr, n: usize) -> Result<Vec<Limbs>> {
    if n > 1 << 32 {
        return Err(Error::Range(format!(
            "{n} powers, at most 2^32 are possible"
        )));
    }
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
    Ok(out)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ORDER, decode, encode};
    use crate::seed::expand;

    fn random(label: u8, n: usize) -> Vec<Limbs> {
        let mut values = expand(&[label; 32], n, 0).unwrap();
        // Extremes in every vector: 0, 1, r - 1.
        for (slot, x) in values.iter_mut().zip([ZERO, [1, 0, 0, 0], largest()]) {
            *slot = x;
        }
        values
    }

    fn largest() -> Limbs {
        let mut limbs = ORDER;
        limbs[0] -= 1;
        limbs
    }

    #[test]
    fn element_wise_operations_agree_with_arkworks() {
        let (a, b) = (random(1, 2 * BLOCK + 3), random(2, 2 * BLOCK + 3));
        let s = Fr::from(3u64).pow([999]);
        let results = [
            (
                add(&a, &b).unwrap(),
                (|x, y, _| x + y) as fn(Fr, Fr, Fr) -> Fr,
            ),
            (sub(&a, &b).unwrap(), |x, y, _| x - y),
            (mul(&a, &b).unwrap(), |x, y, _| x * y),
            (neg(&a).unwrap(), |x, _, _| -x),
            (scale(&a, s).unwrap(), |x, _, s| x * s),
        ];
        for (got, expected) in results {
            for ((got, x), y) in got.iter().zip(&a).zip(&b) {
                assert_eq!(*got, encode(expected(decode(x), decode(y), s)));
            }
        }
    }

    #[test]
    fn sums_of_products_agree_with_arkworks() {
        let rows: Vec<_> = (0..9).map(|i| random(i, BLOCK + 5)).collect();
        let expected: Fr = rows[0]
            .iter()
            .zip(&rows[1])
            .map(|(x, y)| decode(x) * decode(y))
            .sum();
        assert_eq!(inner(&rows[0], &rows[1]).unwrap(), encode(expected));
    }

    #[test]
    fn inverses_powers_and_running_sums() {
        let a = &random(5, BLOCK + 2)[1..];
        let product = mul(&batch_inverse(a).unwrap(), a).unwrap();
        assert!(product.iter().all(|x| *x == [1, 0, 0, 0]));
        let zero = batch_inverse(&[[1, 0, 0, 0], ZERO]);
        assert_eq!(zero, Err(Error::ZeroInverse { index: 1 }));
        let x = Fr::from(11u64);
        for (i, power) in powers(x, BLOCK + 2).unwrap().iter().enumerate() {
            assert_eq!(*power, encode(x.pow([i as u64])));
        }
        let sums = prefix_sum(&[[5, 0, 0, 0], largest(), [9, 0, 0, 0]]).unwrap();
        assert_eq!(sums, [ZERO, [5, 0, 0, 0], [4, 0, 0, 0]]);
    }

    #[test]
    fn signed_integers_round_trip_and_overflow_is_named() {
        let values = [0, 1, -1, i64::MAX, -i64::MAX];
        assert_eq!(to_int64(&from_int64(&values)).unwrap(), values);
        for bad in [[1 << 63, 0, 0, 0], [0, 1, 0, 0], from_int64(&[i64::MIN])[0]] {
            assert_eq!(to_int64(&[ZERO, bad]), Err(Error::Overflow { index: 1 }));
        }
    }

    #[test]
    fn refused_arguments_name_what_is_wrong() {
        let bad = [ZERO, ORDER];
        assert_eq!(add(&bad, &bad), Err(Error::NonCanonical { index: 1 }));
        assert_eq!(neg(&bad), Err(Error::NonCanonical { index: 1 }));
        let text = add(&bad, &bad[..1]).unwrap_err().to_string();
        assert!(text.contains('2') && text.contains('1'), "{text}");
        assert!(powers(Fr::from(2u64), usize::MAX).is_err());
    }
}
