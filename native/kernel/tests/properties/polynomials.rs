//! Polynomials, and sparse matrices.

use ark_bn254::Fr;
use ark_ff::{Field, One, Zero};
use gradroll_kernel::field;
use gradroll_kernel::poly::{self, MAX_DOMAIN};
use gradroll_kernel::sparse::Csr;

use super::input::{Input, value, values};

/// Polynomials and their domains.
pub fn polynomials(data: &[u8]) {
    let mut input = Input::new(data);
    let far = input.number();
    let odd = far.checked_shr(far.trailing_zeros()).unwrap_or(0);
    let possible = matches!(odd, 1 | 3 | 9) && far <= MAX_DOMAIN as u64;
    assert_eq!(poly::root_of_unity(far as usize).is_ok(), possible);
    let n = input.below(100);
    let (a, x, coset) = (input.elements(n), input.scalar(), input.flag());
    let at = |x: Fr| {
        values(&a)
            .iter()
            .rev()
            .fold(Fr::zero(), |sum, c| sum * x + c)
    };
    assert_eq!(value(&poly::evaluate(&a, x).unwrap()), at(x));
    let quotient = poly::divide_by_linear(&a, x).unwrap();
    assert_eq!(quotient.len(), n.saturating_sub(1));
    let y = input.scalar();
    let back = value(&poly::evaluate(&quotient, y).unwrap()) * (y - x);
    assert_eq!(back, at(y) - at(x));
    let Ok(root) = poly::root_of_unity(n) else {
        return assert!(poly::ntt(&a, coset, coset).is_err());
    };
    let transformed = poly::ntt(&a, false, coset).unwrap();
    let shift = if coset { Fr::from(5u64) } else { Fr::one() };
    let i = input.below(n);
    assert_eq!(value(&transformed[i]), at(shift * root.pow([i as u64])));
    assert_eq!(poly::ntt(&transformed, true, coset).unwrap(), a);
    let basis = values(&poly::lagrange_scalars(x, n).unwrap());
    let on_domain = values(&poly::ntt(&a, false, false).unwrap());
    let sum: Fr = basis.into_iter().zip(on_domain).map(|(l, y)| l * y).sum();
    assert_eq!(sum, at(x));
}

/// Sparse matrices from any arrays: what is taken multiplies as the dense matrix does, both ways.
pub fn sparse(data: &[u8]) {
    let mut input = Input::new(data);
    let (n, m, entries) = (input.below(8), input.below(8), input.below(20));
    let claimed = match input.byte() % 8 {
        0 => input.number() as usize,
        _ => n,
    };
    let tidy = input.flag();
    let mut starts: Vec<u32> = (0..=n).map(|_| input.below(entries + 1) as u32).collect();
    let mut columns: Vec<u32> = (0..entries).map(|_| input.byte().into()).collect();
    if tidy {
        starts.sort_unstable();
        starts[0] = 0;
        starts[n] = entries as u32;
        columns.iter_mut().for_each(|c| *c %= m.max(1) as u32);
    }
    let mut coefficients = input.elements(entries);
    if let Some(first) = coefficients.first_mut()
        && input.seldom()
    {
        *first = core::array::from_fn(|_| u64::from_le_bytes(input.array()));
    }
    let possible = claimed == n
        && (starts[0], starts[n] as usize) == (0, entries)
        && starts.is_sorted()
        && columns.iter().all(|c| (*c as usize) < m)
        && coefficients.iter().all(field::is_canonical);
    let matrix = Csr::new(claimed, m, starts.clone(), columns.clone(), &coefficients);
    assert_eq!(matrix.is_ok(), possible);
    let Ok(matrix) = matrix else { return };
    assert_eq!((matrix.n_rows(), matrix.n_columns()), (n, m));
    let (v, w) = (input.elements(m), input.elements(n));
    let (mut right, mut left) = (vec![Fr::zero(); n], vec![Fr::zero(); m]);
    for row in 0..n {
        for entry in starts[row] as usize..starts[row + 1] as usize {
            let (column, c) = (columns[entry] as usize, value(&coefficients[entry]));
            right[row] += c * value(&v[column]);
            left[column] += c * value(&w[row]);
        }
    }
    assert_eq!(values(&matrix.mul(&v).unwrap()), right);
    assert_eq!(values(&matrix.transposed_mul(&w).unwrap()), left);
    assert!(n == m || matrix.mul(&w).is_err() && matrix.transposed_mul(&v).is_err());
}
