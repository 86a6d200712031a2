//! The additions of [`crate::affine`], eight at a time, for processors with AVX-512 IFMA.
//!
//! A coordinate is five limbs of 52 bits in eight lanes, in Montgomery form with the factor `2^260`. A stored
//! limb pattern `a 2^256` becomes `a 2^260` by a shift of four bits. Coordinates at rest are below `2q` and
//! packed into 256 bits; below, numbers are bounded by multiples of `q`, and a product of factors below `aq`
//! and `bq` is below `(ab/84 + 1)q`, since `2^260 > 84q`.
//!
//! Everything unsafe is here: calls of functions for a processor that was asked for the feature, and loads and
//! stores through references to 64 bytes.
#![allow(unsafe_code)]

mod batch;
mod lanes;
mod memory;

use ark_bn254::{Fq, G1Affine, g1};
use ark_ec::scalar_mul::glv::GLVConfig;

use crate::affine::{Adder, BATCH, INFINITY, Layout, Point, STORED, Sums};
use crate::field::sub;
use batch::{Fractions, add_batch, double_batch, load};
use lanes::MODULUS;
use memory::field;

/// Arithmetic for processors with AVX-512 IFMA; exists only where they were detected.
#[derive(Clone, Copy, Debug)]
pub struct Ifma(());

impl Ifma {
    /// This arithmetic, if the processor has it.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }
}

/// `2q`.
const TWICE: [u64; 4] = [
    MODULUS[0] << 1,
    MODULUS[1] << 1 | MODULUS[0] >> 63,
    MODULUS[2] << 1 | MODULUS[1] >> 63,
    MODULUS[3] << 1 | MODULUS[2] >> 63,
];

/// `1/16`.
const SIXTEENTH: Fq = ark_ff::MontFp!(
    "12312136615409592312513603231707217237391675025980025810262583815737939742328"
);

impl Sums<g1::Config> for Ifma {
    type Scratch = Fractions;

    fn load(self, stored: &[[u8; STORED]], entries: &[u32], out: &mut [Point]) {
        // SAFETY: `self` exists only where the processor has the features.
        unsafe { load(stored, entries, out) }
    }

    fn add(self, points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Fractions) {
        for pairs in pairs.chunks(BATCH) {
            // SAFETY: as above.
            unsafe { add_batch(points, pairs, scratch) }
        }
    }

    fn store(self, point: &Point) -> G1Affine {
        if *point == INFINITY {
            return g1::Config::affine(point);
        }
        // Limbs of v 2^260, read as those of 16 v.
        let x = field(&point[..4]) * SIXTEENTH;
        let y = field(&point[4..]) * SIXTEENTH;
        G1Affine::new_unchecked(x, y)
    }
}

impl Adder for Ifma {
    fn double(self, points: &mut [Point], positions: &[u32], scratch: &mut Fractions) {
        for positions in positions.chunks(BATCH) {
            // SAFETY: as above.
            unsafe { double_batch(points, positions, scratch) }
        }
    }

    #[inline(always)]
    fn negative(self, point: &Point) -> Point {
        let [a, b, c, d, y @ ..] = *point;
        if y == [0; 4] {
            return *point;
        }
        // 2q - y, below 2q like y itself.
        let [e, f, g, h] = sub(&TWICE, &y).0;
        [a, b, c, d, e, f, g, h]
    }

    #[inline(always)]
    fn endomorphism(self, point: &Point) -> Point {
        // A factor carries over, whatever form the other is in.
        let [a, b, c, d] = (field(&point[..4]) * g1::Config::ENDO_COEFFS[0]).0.0;
        let [_, _, _, _, e, f, g, h] = *point;
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::affine::tests::agrees_in_g1;

    #[test]
    fn vector_sums_agree() {
        if let Some(adder) = Ifma::detect() {
            agrees_in_g1(adder);
        }
    }
}
