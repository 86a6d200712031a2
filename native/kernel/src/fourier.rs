//! Steps of a Fourier transform that do not depend on what is transformed.

use ark_bn254::Fr;
use ark_ff::One;

/// The first `n` powers of a root of unity, at least one.
pub(crate) fn twiddles(root: Fr, n: usize) -> Vec<Fr> {
    core::iter::successors(Some(Fr::one()), |w| Some(*w * root))
        .take(n.max(1))
        .collect()
}

/// Every value moved to the position with its own position's bits reversed; the length is a power of two.
pub(crate) fn reverse_bits<T>(values: &mut [T]) {
    let bits = values.len().trailing_zeros();
    if bits == 0 {
        return;
    }
    for i in 0..values.len() {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

/// Every third value first, then those behind them, then the others; the length is a multiple of three.
pub(crate) fn split_thirds<T: Copy>(values: &mut [T]) {
    let ordered: Vec<T> = (0..3)
        .flat_map(|start| values.iter().skip(start).step_by(3))
        .copied()
        .collect();
    values.copy_from_slice(&ordered);
}
