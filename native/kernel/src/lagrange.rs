//! Lagrange basis points from powers of tau: an inverse Fourier transform over the group.

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::Projective;
use ark_ff::{Field, One};
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

use crate::bases::Bases;
use crate::error::Result;
use crate::fourier::{reverse_bits, split_thirds, twiddles};
use crate::point::Group;
use crate::poly::domain;
use crate::transform::in_g1;

/// A group that may have the kernel's own transform.
pub trait OwnLagrange: Group {
    /// `[L_j]` from as many powers as the domain is large; `None` where arkworks' arithmetic is used.
    fn own_lagrange(powers: &Bases<Self>) -> Option<Bases<Self>>;
}

impl OwnLagrange for g1::Config {
    fn own_lagrange(powers: &Bases<Self>) -> Option<Bases<Self>> {
        in_g1(powers)
    }
}

impl OwnLagrange for g2::Config {
    fn own_lagrange(_powers: &Bases<Self>) -> Option<Bases<Self>> {
        None
    }
}

/// Butterflies a thread takes at once.
const BUTTERFLIES: usize = 16;

/// `[L_j(tau)]` for the Lagrange basis of the domain of size `n`, from `[tau^i]`, `i < n`.
/// `n log n / 2` scalar multiples: minutes for `n = 2^20`.
///
/// # Errors
/// `n` that [`domain`] refuses; fewer than `n` powers.
pub fn lagrange<G: OwnLagrange>(powers: &Bases<G>, n: usize) -> Result<Bases<G>> {
    let domain = domain(n)?;
    let powers = powers.slice(0, n)?;
    if let Some(points) = G::own_lagrange(&powers) {
        return Ok(points);
    }
    let shrink = domain.size_inv();
    let mut values: Vec<Projective<G>> = powers
        .points()
        .par_iter()
        .with_min_len(BUTTERFLIES)
        .map(|p| *p * shrink)
        .collect();
    transform(&mut values, domain.group_gen_inv());
    Ok(Bases::normalize(&values))
}

/// The Fourier transform over the group, in place; `root` generates the domain of as many points.
fn transform<G: Group>(values: &mut [Projective<G>], root: Fr) {
    let n = values.len();
    if n.is_multiple_of(3) {
        split_thirds(values);
        for third in values.chunks_mut(n / 3) {
            transform(third, root * root * root);
        }
        let cube_root = root.pow([n as u64 / 3]);
        let (first, rest) = values.split_at_mut(n / 3);
        let (second, third) = rest.split_at_mut(n / 3);
        let mut turn = Fr::one();
        for ((a, b), c) in first.iter_mut().zip(second).zip(third) {
            let (p, q) = (*b * turn, *c * (turn * turn));
            let (once, twice) = (p * cube_root, q * cube_root);
            // 1 + w + w^2 = 0
            let (x, y) = (*a + once - q - twice, *a - p - once + twice);
            *a += p + q;
            (*b, *c) = (x, y);
            turn *= root;
        }
        return;
    }
    reverse_bits(values);
    let twiddles = twiddles(root, n / 2);
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        values.par_chunks_mut(2 * half).for_each(|chunk| {
            let (low, high) = chunk.split_at_mut(half);
            low.par_iter_mut()
                .with_min_len(BUTTERFLIES)
                .zip(high)
                .enumerate()
                .for_each(|(k, (a, b))| butterfly(a, b, k, twiddles[k * stride]));
        });
        half *= 2;
    }
}

#[inline]
fn butterfly<G: Group>(a: &mut Projective<G>, b: &mut Projective<G>, k: usize, twiddle: Fr) {
    let turned = if k == 0 { *b } else { *b * twiddle };
    *b = *a - turned;
    *a += turned;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::powers_of_tau_unsafe;
    use crate::poly::lagrange_scalars;

    fn agree<G: OwnLagrange>(n: usize) {
        let tau = Fr::from(987_654_321u64);
        let powers = powers_of_tau_unsafe::<G>(tau, n + 2).unwrap();
        let scalars = lagrange_scalars(tau, n).unwrap();
        let expected = Bases::fixed_base(&scalars, crate::point::generator()).unwrap();
        assert_eq!(lagrange(&powers, n).unwrap(), expected, "n = {n}");
    }

    #[test]
    fn agrees_with_a_known_tau() {
        for n in [1, 2, 3, 4, 9, 12, 64, 72, 128, 192, 576, 1024] {
            agree::<g1::Config>(n);
        }
        agree::<g2::Config>(8);
        agree::<g2::Config>(18);
    }

    #[test]
    fn too_few_powers_are_refused() {
        let powers = powers_of_tau_unsafe::<g1::Config>(Fr::from(3u64), 7).unwrap();
        assert!(lagrange(&powers, 8).is_err());
        assert!(lagrange(&powers, 5).is_err());
        assert!(lagrange(&powers, 0).is_err());
    }
}
