//! The inverse Fourier transform over G1 with batched affine additions.
//!
//! A butterfly multiplies a point by a root of unity; thousands of them run in step ([`crate::multiplier`]).

use ark_bn254::{Fr, G1Affine, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::Field;
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

use crate::affine::{Adder, INFINITY, Point, Portable, STORED};
use crate::bases::Bases;
use crate::fourier::{reverse_bits, split_thirds, twiddles};
use crate::multiplier::{Halves, Multiplier, TOGETHER};
use crate::poly::domain;

/// Below this size, other methods are as good.
const FEW: usize = 128;
/// `[L_j]` from as many powers as the domain is large; `None` for small domains.
pub fn in_g1(powers: &Bases<g1::Config>) -> Option<Bases<g1::Config>> {
    if powers.len() < FEW {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(adder) = crate::ifma::Ifma::detect() {
        return inverse(adder, powers);
    }
    inverse(Portable, powers)
}

fn inverse<A: Adder>(adder: A, powers: &Bases<g1::Config>) -> Option<Bases<g1::Config>> {
    let n = powers.len();
    let domain = domain(n).ok()?;
    let stored = powers.bytes().as_chunks::<STORED>().0;
    let shrink = Halves::new(domain.size_inv());
    let mut values = vec![INFINITY; n];
    values
        .par_chunks_mut(TOGETHER)
        .zip(stored.par_chunks(TOGETHER))
        .for_each_init(
            || Multiplier::new(adder),
            |multiplier, (values, stored)| {
                let entries: Vec<u32> = (0..stored.len() as u32).map(|i| 2 * i).collect();
                adder.load(stored, &entries, values);
                multiplier.multiply(values, |_| &shrink);
            },
        );
    forward(adder, &mut values, domain.group_gen_inv());
    let points: Vec<G1Affine> = values
        .into_par_iter()
        .with_min_len(TOGETHER)
        .map(|point| adder.store(&point))
        .collect();
    Some(Bases::new(&points))
}

/// The transform in place; `root` generates the domain of as many points.
fn forward<A: Adder>(adder: A, values: &mut [Point], root: Fr) {
    if values.len().is_multiple_of(3) {
        in_thirds(adder, values, root);
    } else {
        in_halves(adder, values, root);
    }
}

/// Three transforms of a third of the points, and the points of each position combined.
fn in_thirds<A: Adder>(adder: A, values: &mut [Point], root: Fr) {
    let third = values.len() / 3;
    split_thirds(values);
    for part in values.chunks_mut(third) {
        forward(adder, part, root * root * root);
    }
    // The cube root of one is lambda or its square.
    let swapped = root.pow([third as u64]) != g1::Config::LAMBDA;
    let turns = twiddles(root, third);
    let squares = turns.iter().map(|turn| *turn * turn).collect::<Vec<_>>();
    let [turns, squares] =
        [turns, squares].map(|all| all.into_par_iter().map(Halves::new).collect::<Vec<_>>());
    let (first, rest) = values.split_at_mut(third);
    let (second, last) = rest.split_at_mut(third);
    first
        .par_chunks_mut(TOGETHER)
        .zip(second.par_chunks_mut(TOGETHER))
        .zip(last.par_chunks_mut(TOGETHER))
        .enumerate()
        .for_each_init(
            || Multiplier::new(adder),
            |multiplier, (i, ((a, b), c))| {
                let start = i * TOGETHER;
                multiplier.multiply(b, |k| &turns[start + k]);
                multiplier.multiply(c, |k| &squares[start + k]);
                multiplier.cross_three(a, b, c);
                if swapped {
                    b.swap_with_slice(c);
                }
            },
        );
}

/// The transform of a power of two of points.
fn in_halves<A: Adder>(adder: A, values: &mut [Point], root: Fr) {
    let n = values.len();
    reverse_bits(values);
    let twiddles: Vec<Halves> = twiddles(root, n / 2)
        .into_par_iter()
        .map(Halves::new)
        .collect();
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        if half >= TOGETHER {
            for chunk in values.chunks_mut(2 * half) {
                let (low, high) = chunk.split_at_mut(half);
                low.par_chunks_mut(TOGETHER)
                    .zip(high.par_chunks_mut(TOGETHER))
                    .enumerate()
                    .for_each_init(
                        || Multiplier::new(adder),
                        |multiplier, (i, (low, high))| {
                            let first = i * TOGETHER;
                            multiplier.multiply(high, |k| &twiddles[(first + k) * stride]);
                            multiplier.cross(low, high);
                        },
                    );
            }
        } else {
            values.par_chunks_mut(2 * TOGETHER).for_each_init(
                || Multiplier::new(adder),
                |multiplier, chunk| {
                    let (mut low, mut high) = (Vec::new(), Vec::new());
                    for pair in chunk.chunks(2 * half) {
                        low.extend_from_slice(&pair[..half]);
                        high.extend_from_slice(&pair[half..]);
                    }
                    // The first root is one; with a single root there is nothing to do.
                    if half > 1 {
                        multiplier.multiply(&mut high, |k| &twiddles[k % half * stride]);
                    }
                    multiplier.cross(&mut low, &mut high);
                    let halves = low.chunks(half).zip(high.chunks(half));
                    for (pair, (low, high)) in chunk.chunks_mut(2 * half).zip(halves) {
                        pair[..half].copy_from_slice(low);
                        pair[half..].copy_from_slice(high);
                    }
                },
            );
        }
        half *= 2;
    }
}

impl<A: Adder> Multiplier<A> {
    /// `(low, high)` become `(low + high, low - high)`.
    fn cross(&mut self, low: &mut [Point], high: &mut [Point]) {
        let (n, adder) = (low.len(), self.adder);
        self.points.clear();
        self.points.extend_from_slice(low);
        self.points.extend_from_slice(high);
        self.points
            .extend(high.iter().map(|point| adder.negative(point)));
        // The differences first: they need the old sums.
        for (target, source) in [(2 * n, 0), (0, n)] {
            self.pairs.clear();
            self.pairs
                .extend((0..n).map(|i| ((target + i) as u32, (source + i) as u32)));
            adder.add(&mut self.points, &self.pairs, &mut self.scratch);
        }
        low.copy_from_slice(&self.points[..n]);
        high.copy_from_slice(&self.points[2 * n..]);
    }

    /// `(a, b, c)` become `(a + b + c, a + lambda b + lambda^2 c, a + lambda^2 b + lambda c)`.
    fn cross_three(&mut self, a: &mut [Point], b: &mut [Point], c: &mut [Point]) {
        let (n, adder) = (a.len(), self.adder);
        let turned = |point: &Point| adder.endomorphism(point);
        self.points.clear();
        for _ in 0..3 {
            self.points.extend_from_slice(a);
        }
        self.points.extend_from_slice(b);
        self.points.extend(b.iter().map(turned));
        self.points.extend(b.iter().map(|p| turned(&turned(p))));
        self.points.extend_from_slice(c);
        self.points.extend(c.iter().map(|p| turned(&turned(p))));
        self.points.extend(c.iter().map(turned));
        for addends in [3 * n, 6 * n] {
            self.pairs.clear();
            self.pairs
                .extend((0..3 * n).map(|i| (i as u32, (addends + i) as u32)));
            adder.add(&mut self.points, &self.pairs, &mut self.scratch);
        }
        for (part, sums) in [a, b, c].into_iter().zip(self.points.chunks(n)) {
            part.copy_from_slice(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::powers_of_tau_unsafe;
    use crate::poly::lagrange_scalars;
    use ark_ff::Field;

    #[test]
    fn both_adders_agree_with_a_known_tau() {
        let tau = Fr::from(987_654_321u64).pow([77]);
        for n in [128, 144, 384, 2 * TOGETHER, 9 << 9, 3 << 11, 4 * TOGETHER] {
            let powers = powers_of_tau_unsafe::<g1::Config>(tau, n).unwrap();
            let scalars = lagrange_scalars(tau, n).unwrap();
            let expected = Bases::fixed_base(&scalars, crate::point::generator()).unwrap();
            if n < 4 * TOGETHER {
                assert_eq!(inverse(Portable, &powers).unwrap(), expected);
            }
            #[cfg(target_arch = "x86_64")]
            if let Some(adder) = crate::ifma::Ifma::detect() {
                assert_eq!(inverse(adder, &powers).unwrap(), expected);
            }
        }
    }
}
