//! Many points in G1 times a scalar each, in step, with batched affine additions.
//!
//! One batch doubles all the sums, another adds to each its multiple for the next digit. A scalar `s` is
//! `s1 + lambda s2` with halves of 127 bits, and `lambda P` costs one multiplication, so that half the doublings do.

use ark_bn254::{Fr, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::PrimeField;

use crate::affine::{Adder, INFINITY, Point};

/// Points in step. Their tables of multiples fit the caches.
pub(crate) const TOGETHER: usize = 1 << 11;
/// Bits of a digit; digits lie between `-2^(WIDTH-1)` and `2^(WIDTH-1) - 1`.
const WIDTH: usize = 4;
const MULTIPLES: usize = 1 << (WIDTH - 1);
const DIGITS: usize = 128 / WIDTH;
/// Makes every digit positive.
const OFFSET: u128 = u128::MAX / ((1 << WIDTH) - 1) * MULTIPLES as u128;

/// A scalar as `s1 + lambda s2`: signs, and magnitudes with [`OFFSET`] added.
#[derive(Clone, Copy)]
pub(crate) struct Halves([(bool, u128); 2]);

impl Halves {
    pub(crate) fn new(scalar: Fr) -> Self {
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

/// Memory for multiplications in step.
pub(crate) struct Multiplier<A: Adder> {
    pub(crate) adder: A,
    pub(crate) scratch: A::Scratch,
    /// Sums; what is added next; multiples of the points; multiples of their images.
    pub(crate) points: Vec<Point>,
    pub(crate) pairs: Vec<(u32, u32)>,
    positions: Vec<u32>,
}

impl<A: Adder> Multiplier<A> {
    pub(crate) fn new(adder: A) -> Self {
        Self {
            adder,
            scratch: A::Scratch::default(),
            points: Vec::new(),
            pairs: Vec::new(),
            positions: Vec::new(),
        }
    }

    /// Multiplies every point by its scalar.
    pub(crate) fn multiply<'a>(
        &mut self,
        values: &mut [Point],
        scalar: impl Fn(usize) -> &'a Halves,
    ) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
