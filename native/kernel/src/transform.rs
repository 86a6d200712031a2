//! The inverse Fourier transform over G1 with batched affine additions.
//!
//! A butterfly multiplies a point by a root of unity. Thousands of them run in step: one batch doubles all
//! their sums, another adds to each its multiple for the next digit. A root `s` is `s1 + lambda s2` with
//! halves of 127 bits, and `lambda P` costs one multiplication, so that half the doublings do.

use ark_bn254::{Fr, G1Affine, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{Field, PrimeField};
use ark_poly::EvaluationDomain;
use rayon::prelude::*;

use crate::affine::{Adder, INFINITY, Point, Portable, STORED};
use crate::bases::Bases;
use crate::fourier::{reverse_bits, split_thirds, twiddles};
use crate::poly::domain;

/// Below this size, other methods are as good.
const FEW: usize = 128;
/// Butterflies in step. Their tables of multiples fit the caches.
const TOGETHER: usize = 1 << 11;
/// Bits of a digit; digits lie between `-2^(WIDTH-1)` and `2^(WIDTH-1) - 1`.
const WIDTH: usize = 4;
const MULTIPLES: usize = 1 << (WIDTH - 1);
const DIGITS: usize = 128 / WIDTH;
/// Makes every digit positive.
const OFFSET: u128 = u128::MAX / ((1 << WIDTH) - 1) * MULTIPLES as u128;

/// A scalar as `s1 + lambda s2`: signs, and magnitudes with [`OFFSET`] added.
#[derive(Clone, Copy)]
struct Halves([(bool, u128); 2]);

impl Halves {
    fn new(scalar: Fr) -> Self {
        let (first, second) = g1::Config::scalar_decomposition(scalar);
        Self([first, second].map(|(positive, magnitude)| {
            // The magnitudes are below 2^127, half of the basis' longest vector twice.
            let [low, high, ..] = magnitude.into_bigint().0;
            (
                !positive,
                (u128::from(high) << 64 | u128::from(low)) + OFFSET,
            )
        }))
    }

    #[inline(always)]
    fn digit(&self, half: usize, window: usize) -> i32 {
        let (negative, moved) = self.0[half];
        let bits = (moved >> (window * WIDTH)) as i32 & ((1 << WIDTH) - 1);
        let digit = bits - MULTIPLES as i32;
        if negative { -digit } else { digit }
    }
}

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

/// Memory for multiplications in step.
struct Multiplier<A: Adder> {
    adder: A,
    scratch: A::Scratch,
    /// Sums; what is added next; multiples of the points; multiples of their images.
    points: Vec<Point>,
    pairs: Vec<(u32, u32)>,
    positions: Vec<u32>,
}

impl<A: Adder> Multiplier<A> {
    fn new(adder: A) -> Self {
        Self {
            adder,
            scratch: A::Scratch::default(),
            points: Vec::new(),
            pairs: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// Multiplies every point by its scalar.
    fn multiply<'a>(&mut self, values: &mut [Point], scalar: impl Fn(usize) -> &'a Halves) {
        let (n, adder) = (values.len(), self.adder);
        self.points.clear();
        self.points.resize(2 * n, INFINITY);
        let table = |half: usize, multiple: usize| (2 + half * MULTIPLES + multiple - 1) * n;
        self.points.extend_from_slice(values);
        self.positions.clear();
        for multiple in 2..=MULTIPLES {
            let previous = table(0, multiple - 1);
            self.points.extend_from_within(previous..previous + n);
            let start = table(0, multiple);
            if multiple == 2 {
                self.positions.extend((start..start + n).map(|i| i as u32));
                adder.double(&mut self.points, &self.positions, &mut self.scratch);
            } else {
                self.pairs.clear();
                self.pairs
                    .extend((0..n).map(|i| ((start + i) as u32, (table(0, 1) + i) as u32)));
                adder.add(&mut self.points, &self.pairs, &mut self.scratch);
            }
        }
        for i in table(0, 1)..table(1, 1) {
            self.points.push(adder.endomorphism(&self.points[i]));
        }
        self.positions.clear();
        self.positions.extend(0..n as u32);
        for window in (0..DIGITS).rev() {
            if window + 1 < DIGITS {
                for _ in 0..WIDTH {
                    adder.double(&mut self.points, &self.positions, &mut self.scratch);
                }
            }
            for half in 0..2 {
                self.pairs.clear();
                for i in 0..n {
                    let digit = scalar(i).digit(half, window);
                    if digit == 0 {
                        continue;
                    }
                    let multiple = &self.points[table(half, digit.unsigned_abs() as usize) + i];
                    self.points[n + i] = if digit < 0 {
                        adder.negative(multiple)
                    } else {
                        *multiple
                    };
                    self.pairs.push((i as u32, (n + i) as u32));
                }
                adder.add(&mut self.points, &self.pairs, &mut self.scratch);
            }
        }
        values.copy_from_slice(&self.points[..n]);
    }

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
    fn halves_recombine() {
        for scalar in [
            Fr::from(0u64),
            Fr::from(1u64),
            -Fr::from(1u64),
            g1::Config::LAMBDA,
        ]
        .into_iter()
        .chain((1..200u64).map(|i| Fr::from(i + 2).pow([1000 + i])))
        {
            let halves = Halves::new(scalar);
            let [first, second] = [0, 1].map(|half| {
                (0..DIGITS).rev().fold(Fr::from(0u64), |sum, window| {
                    sum * Fr::from(1u64 << WIDTH) + Fr::from(halves.digit(half, window))
                })
            });
            assert_eq!(first + g1::Config::LAMBDA * second, scalar);
        }
    }

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
