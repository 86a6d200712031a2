//! Eight numbers modulo `q` at a time.

use core::arch::x86_64::*;

use ark_bn254::{Fq, FqConfig};
use ark_ff::{MontConfig, PrimeField};

/// Eight numbers of five limbs.
pub(super) type Lanes = [__m512i; 5];

const MASK: u64 = (1 << 52) - 1;
pub(super) const MODULUS: [u64; 4] = Fq::MODULUS.0;
const Q: [u64; 5] = split(MODULUS);
/// `4q` and `8q`, limb by limb.
pub(super) const Q4: [u64; 5] = [Q[0] * 4, Q[1] * 4, Q[2] * 4, Q[3] * 4, Q[4] * 4];
pub(super) const Q8: [u64; 5] = [Q[0] * 8, Q[1] * 8, Q[2] * 8, Q[3] * 8, Q[4] * 8];
/// `-1/q` modulo `2^52`.
const NEGATIVE_INVERSE: u64 = FqConfig::INV & MASK;
/// `2^260 / q`, rounded down.
const QUOTIENT: u64 = 84;

const fn split(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & MASK,
        (w[0] >> 52 | w[1] << 12) & MASK,
        (w[1] >> 40 | w[2] << 24) & MASK,
        (w[2] >> 28 | w[3] << 36) & MASK,
        w[3] >> 16,
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn constant(limbs: &[u64; 5]) -> Lanes {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mask() -> __m512i {
    _mm512_set1_epi64(MASK as i64)
}

/// `ab / 2^260`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul(a: &Lanes, b: &Lanes) -> Lanes {
    let zero = _mm512_setzero_si512();
    let q = constant(&Q);
    let inverse = _mm512_set1_epi64(NEGATIVE_INVERSE as i64);
    // Low and high halves are summed apart, so that the chains of dependent sums are short.
    let mut low = [zero; 6];
    let mut high = [zero; 6];
    for digit in b {
        for j in 0..5 {
            low[j] = _mm512_madd52lo_epu64(low[j], a[j], *digit);
            high[j + 1] = _mm512_madd52hi_epu64(high[j + 1], a[j], *digit);
        }
        let factor = _mm512_madd52lo_epu64(zero, _mm512_add_epi64(low[0], high[0]), inverse);
        for j in 0..5 {
            low[j] = _mm512_madd52lo_epu64(low[j], factor, q[j]);
            high[j + 1] = _mm512_madd52hi_epu64(high[j + 1], factor, q[j]);
        }
        let carry = _mm512_srli_epi64::<52>(_mm512_add_epi64(low[0], high[0]));
        for j in 0..5 {
            low[j] = low[j + 1];
            high[j] = high[j + 1];
        }
        low[5] = zero;
        high[5] = zero;
        low[0] = _mm512_add_epi64(low[0], carry);
    }
    let mut sum = [zero; 5];
    for j in 0..5 {
        sum[j] = _mm512_add_epi64(low[j], high[j]);
    }
    carried(sum)
}

/// The same number with limbs below `2^52`; limbs may be negative, the number is not.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn carried(mut limbs: Lanes) -> Lanes {
    for j in 0..4 {
        let carry = _mm512_srai_epi64::<52>(limbs[j]);
        limbs[j] = _mm512_and_si512(limbs[j], mask());
        limbs[j + 1] = _mm512_add_epi64(limbs[j + 1], carry);
    }
    limbs
}

/// A number between `q` and `40q` with limbs of any size, modulo `q`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduced(limbs: Lanes) -> Lanes {
    // Carries that have not reached the last limb are more than -4.
    let zero = _mm512_setzero_si512();
    let q = constant(&Q);
    let top = _mm512_sub_epi64(limbs[4], _mm512_set1_epi64(4));
    let quotient = _mm512_madd52hi_epu64(zero, top, _mm512_set1_epi64(QUOTIENT as i64));
    let mut out = limbs;
    let mut high = zero;
    for j in 0..5 {
        let product = _mm512_madd52lo_epu64(high, quotient, q[j]);
        out[j] = _mm512_sub_epi64(out[j], product);
        high = _mm512_madd52hi_epu64(zero, quotient, q[j]);
    }
    carried(out)
}

/// `a - b` for both below `2q`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn sub(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = constant(&Q4);
    for j in 0..5 {
        out[j] = _mm512_add_epi64(out[j], _mm512_sub_epi64(a[j], b[j]));
    }
    reduced(out)
}

/// `a + b` for both below `2q`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = constant(&Q4);
    for j in 0..5 {
        out[j] = _mm512_add_epi64(out[j], _mm512_add_epi64(a[j], b[j]));
    }
    reduced(out)
}

/// Lanes that are zero modulo `q`, for numbers below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn zeros(a: &Lanes) -> u8 {
    let q = constant(&Q);
    let zero = _mm512_setzero_si512();
    // The lowest limb decides almost always.
    let low = _mm512_cmpeq_epi64_mask(a[0], zero) | _mm512_cmpeq_epi64_mask(a[0], q[0]);
    if low == 0 {
        return 0;
    }
    let (mut is_zero, mut is_order) = (u8::MAX, u8::MAX);
    for j in 0..5 {
        is_zero &= _mm512_cmpeq_epi64_mask(a[j], zero);
        is_order &= _mm512_cmpeq_epi64_mask(a[j], q[j]);
    }
    is_zero | is_order
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn blend(mask: u8, no: &Lanes, yes: &Lanes) -> Lanes {
    let mut out = *no;
    for j in 0..5 {
        out[j] = _mm512_mask_blend_epi64(mask, no[j], yes[j]);
    }
    out
}
