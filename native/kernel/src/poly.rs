//! Polynomials over the scalar field: Fourier transforms, the Lagrange basis, evaluation, division by a linear
//! factor.

use ark_bn254::Fr;
use ark_ff::{FftField, Field, Zero};
use ark_poly::{
    EvaluationDomain, GeneralEvaluationDomain, MixedRadixEvaluationDomain, Radix2EvaluationDomain,
};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::field::{BLOCK, Limbs, ZERO, check, encode, raw, unraw};

/// Largest evaluation domain: the two-adic part of `r - 1`.
pub const MAX_DOMAIN: usize = 1 << 28;

/// The evaluation domain of size `n`: the powers of `5^((r-1)/n)`.
///
/// # Errors
/// `n` is not `2^a`, `3 2^a` or `9 2^a` up to `2^28`.
pub fn domain(n: usize) -> Result<GeneralEvaluationDomain<Fr>> {
    let refused = || {
        Error::Range(format!(
            "the size of a domain is 2^a, 3 2^a or 9 2^a up to 2^28, not {n}"
        ))
    };
    if n == 0 || n > MAX_DOMAIN || !matches!(n >> n.trailing_zeros(), 1 | 3 | 9) {
        return Err(refused());
    }
    let domain = if n.is_power_of_two() {
        Radix2EvaluationDomain::new(n).map(GeneralEvaluationDomain::Radix2)
    } else {
        MixedRadixEvaluationDomain::new(n).map(GeneralEvaluationDomain::MixedRadix)
    };
    // The mixed constructor looks for the least size that fits; these sizes exist, so it is `n`.
    domain
        .filter(|domain| domain.size() == n)
        .ok_or_else(refused)
}

/// The generator of the domain of size `n`.
///
/// # Errors
/// `n` is refused by [`domain`].
pub fn root_of_unity(n: usize) -> Result<Fr> {
    Ok(domain(n)?.group_gen())
}

/// Values of the polynomial with coefficients `a` on the domain `w^0, w^1, ..`, in this order; with
/// `inverse`, the coefficients from the values. With `coset` the domain is shifted by 5.
///
/// # Errors
/// A length that is refused by [`domain`]; a non-canonical element.
pub fn ntt(a: &[Limbs], inverse: bool, coset: bool) -> Result<Vec<Limbs>> {
    let mut domain = domain(a.len())?;
    if coset {
        domain = domain
            .get_coset(Fr::GENERATOR)
            .ok_or_else(|| Error::Range("the field has no coset".into()))?;
    }
    check(a)?;
    let mut values: Vec<Fr> = a.par_iter().with_min_len(BLOCK).map(raw).collect();
    if inverse {
        domain.ifft_in_place(&mut values);
    } else {
        domain.fft_in_place(&mut values);
    }
    Ok(values
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(unraw)
        .collect())
}

/// `L_0(x), .., L_(n-1)(x)`: the Lagrange basis of the domain of size `n` at a known `x`.
///
/// # Errors
/// `n` that [`domain`] refuses.
pub fn lagrange_scalars(x: Fr, n: usize) -> Result<Vec<Limbs>> {
    let values = domain(n)?.evaluate_all_lagrange_coefficients(x);
    Ok(values.into_par_iter().map(encode).collect())
}

fn horner(coefficients: &[Limbs], x: Fr) -> Fr {
    coefficients
        .iter()
        .rev()
        .fold(Fr::zero(), |sum, c| sum * x + raw(c))
}

/// The polynomial's value at `x`.
///
/// # Errors
/// A non-canonical element.
pub fn evaluate(coefficients: &[Limbs], x: Fr) -> Result<Limbs> {
    check(coefficients)?;
    let step = x.pow([BLOCK as u64]);
    let parts: Vec<Fr> = coefficients
        .par_chunks(BLOCK)
        .map(|block| horner(block, x))
        .collect();
    let sum = parts
        .into_iter()
        .rev()
        .fold(Fr::zero(), |sum, part| sum * step + part);
    Ok(unraw(sum))
}

/// Quotient of `p - p(x)` by `X - x`: one coefficient less, none for a constant.
///
/// # Errors
/// A non-canonical element.
pub fn divide_by_linear(coefficients: &[Limbs], x: Fr) -> Result<Vec<Limbs>> {
    check(coefficients)?;
    let mut quotient = vec![ZERO; coefficients.len().saturating_sub(1)];
    let mut carry = Fr::zero();
    for (slot, c) in quotient.iter_mut().zip(coefficients.iter().skip(1)).rev() {
        carry = carry * x + raw(c);
        *slot = unraw(carry);
    }
    Ok(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::decode;
    use crate::seed::expand;
    use ark_ff::{Field, One};

    #[test]
    fn roots_are_powers_of_five() {
        for n in [
            1usize,
            2,
            8,
            3,
            9,
            18,
            3 << 17,
            9 << 24,
            1 << 20,
            MAX_DOMAIN,
        ] {
            let exponent = -Fr::one() / Fr::from(n as u64);
            let exponent = decode(&encode(exponent));
            // (r - 1) / n as an integer equals -1/n only when exact division holds modulo r.
            let limbs = encode(exponent);
            assert_eq!(root_of_unity(n).unwrap(), Fr::from(5u64).pow(limbs));
        }
        for n in [0, 5, 7, 27, 6 * 9, 2 * MAX_DOMAIN, 3 << 27] {
            assert!(root_of_unity(n).is_err());
        }
    }

    #[test]
    fn transform_evaluates_on_the_domain_and_its_coset() {
        for n in [1usize, 2, 16, 3, 9, 12, 36, 9 << 7] {
            let a = expand(&[1; 32], n, 0).unwrap();
            let w = root_of_unity(n).unwrap();
            for (coset, shift) in [(false, 1u64), (true, 5)] {
                let values = ntt(&a, false, coset).unwrap();
                for (i, value) in values.iter().enumerate() {
                    let x = Fr::from(shift) * w.pow([i as u64]);
                    assert_eq!(*value, evaluate(&a, x).unwrap());
                }
                assert_eq!(ntt(&values, true, coset).unwrap(), a);
            }
        }
    }

    #[test]
    fn evaluation_is_the_same_across_blocks() {
        let a = expand(&[2; 32], 2 * BLOCK + 17, 0).unwrap();
        let x = Fr::from(123_456_789u64);
        assert_eq!(evaluate(&a, x).unwrap(), unraw(horner(&a, x)));
        assert_eq!(evaluate(&[], x).unwrap(), ZERO);
    }

    #[test]
    fn division_multiplies_back() {
        let p = expand(&[3; 32], 9, 0).unwrap();
        let (x, y) = (Fr::from(11u64), Fr::from(1234u64));
        let q = divide_by_linear(&p, x).unwrap();
        assert_eq!(q.len(), 8);
        let at = |c: &[Limbs], v| decode(&evaluate(c, v).unwrap());
        assert_eq!(at(&q, y) * (y - x), at(&p, y) - at(&p, x));
        assert!(divide_by_linear(&[[5, 0, 0, 0]], x).unwrap().is_empty());
        assert!(divide_by_linear(&[], x).unwrap().is_empty());
    }
}
