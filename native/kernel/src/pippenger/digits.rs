//! Scalars cut into signed digits.

use rayon::prelude::*;

use super::scalars::{Class, ROWS, Scalars};
use crate::field::{Limbs, ZERO};

/// Widest digits: they must fit 16 bits with their sign.
pub(super) const WIDEST: usize = 16;

#[inline(always)]
pub(super) fn plus(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut out, mut carry) = (ZERO, false);
    for i in 0..4 {
        let (t, first) = a[i].overflowing_add(b[i]);
        let (u, second) = t.overflowing_add(u64::from(carry));
        out[i] = u;
        carry = first | second;
    }
    out
}

/// How scalars are cut into digits between `-2^(width-1)` and `2^(width-1)`.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub width: usize,
    pub windows: usize,
}

impl Cut {
    pub(super) fn new(width: usize, bits: u32) -> Self {
        // One bit for the sign, and one that keeps the highest digit off the limit.
        let bits = bits as usize;
        let windows = if bits < width {
            1
        } else {
            (bits + 2).div_ceil(width)
        };
        Self { width, windows }
    }

    pub(super) fn buckets(self) -> usize {
        1 << (self.width - 1)
    }

    /// The cheapest for so many scalars: an addition for each digit, and two for each bucket.
    pub(super) fn best(count: usize, bits: u32) -> Self {
        let cost = |cut: &Self| cut.windows * (count + count / 8 + 2 * cut.buckets() + 200);
        (2..=WIDEST)
            .map(|width| Self::new(width, bits))
            .min_by_key(cost)
            .unwrap_or(Self::new(WIDEST, bits))
    }

    /// What makes all digits but the highest positive, for positive and for negative scalars. Digits of a
    /// negative one are turned, and must stay in the same range.
    fn offsets(self) -> (Limbs, Limbs) {
        let mut offsets = (ZERO, ZERO);
        for window in 0..self.windows - 1 {
            let half = self.buckets() as u64;
            offsets.0 = plus(&offsets.0, &shifted(half, window * self.width));
            offsets.1 = plus(&offsets.1, &shifted(half - 1, window * self.width));
        }
        offsets
    }
}

pub(super) fn shifted(value: u64, by: usize) -> Limbs {
    let mut out = ZERO;
    let wide = u128::from(value) << (by % 64);
    out[by / 64] = wide as u64;
    if by / 64 < 3 {
        out[by / 64 + 1] = (wide >> 64) as u64;
    }
    out
}

#[inline(always)]
fn bits_at(limbs: &Limbs, at: usize) -> u64 {
    let (limb, shift) = (at / 64, at % 64);
    let low = limbs[limb] >> shift;
    if shift == 0 || limb == 3 {
        low
    } else {
        low | limbs[limb + 1] << (64 - shift)
    }
}

impl Class {
    /// Digits of the members: for each [`ROWS`] of them all of the first window, of the second, and so on.
    pub(super) fn digits(&self, scalars: &Scalars<'_>, cut: Cut) -> Vec<i16> {
        let (positive, negative) = cut.offsets();
        let mut digits = vec![0i16; self.members.len() * cut.windows];
        digits
            .par_chunks_mut(ROWS * cut.windows)
            .zip(self.members.par_chunks(ROWS))
            .for_each(|(out, members)| {
                for (i, member) in members.iter().enumerate() {
                    let (sign, magnitude) = scalars.get(*member as usize);
                    let half = cut.buckets() as i32 - i32::from(sign);
                    let moved = plus(&magnitude, if sign { &negative } else { &positive });
                    let mask = (1u64 << cut.width) - 1;
                    for window in 0..cut.windows {
                        let bits = (bits_at(&moved, window * cut.width) & mask) as i32;
                        let digit = if window + 1 < cut.windows {
                            bits - half
                        } else {
                            bits
                        };
                        out[window * members.len() + i] =
                            (if sign { -digit } else { digit }) as i16;
                    }
                }
            });
        digits
    }
}
