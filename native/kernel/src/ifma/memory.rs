//! Eight points between memory and lanes.

use core::arch::x86_64::*;

use ark_bn254::Fq;
use ark_ff::{BigInt, PrimeField};

use super::lanes::{Lanes, mask};
use crate::affine::Point;

/// Positions of eight points.
pub(super) type Octet = [u32; 8];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    let even: [__m512i; 4] =
        core::array::from_fn(|i| _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]));
    let odd: [__m512i; 4] = core::array::from_fn(|i| _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]));
    let (c0, c2, c4, c6) = quarters(even);
    let (c1, c3, c5, c7) = quarters(odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn quarters(a: [__m512i; 4]) -> (__m512i, __m512i, __m512i, __m512i) {
    let b0 = _mm512_shuffle_i64x2::<0x88>(a[0], a[1]);
    let b1 = _mm512_shuffle_i64x2::<0x88>(a[2], a[3]);
    let b2 = _mm512_shuffle_i64x2::<0xdd>(a[0], a[1]);
    let b3 = _mm512_shuffle_i64x2::<0xdd>(a[2], a[3]);
    (
        _mm512_shuffle_i64x2::<0x88>(b0, b1),
        _mm512_shuffle_i64x2::<0x88>(b2, b3),
        _mm512_shuffle_i64x2::<0xdd>(b0, b1),
        _mm512_shuffle_i64x2::<0xdd>(b2, b3),
    )
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn read(words: &Point) -> __m512i {
    // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn write(words: &mut Point, value: __m512i) {
    // SAFETY: the reference is to 64 writable bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), value) }
}

/// Words of eight points, by word.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn gather(points: &[Point], positions: &Octet) -> [__m512i; 8] {
    let mut rows = [_mm512_setzero_si512(); 8];
    for (row, position) in rows.iter_mut().zip(positions) {
        *row = read(&points[*position as usize]);
    }
    transpose(rows)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn scatter(points: &mut [Point], positions: &Octet, words: [__m512i; 8]) {
    for (row, position) in transpose(words).into_iter().zip(positions) {
        write(&mut points[*position as usize], row);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn unpack(w: &[__m512i]) -> Lanes {
    [
        _mm512_and_si512(w[0], mask()),
        limb::<52, 12>(w[0], w[1]),
        limb::<40, 24>(w[1], w[2]),
        limb::<28, 36>(w[2], w[3]),
        _mm512_srli_epi64::<16>(w[3]),
    ]
}

/// Sixteen times the number.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn unpack_shifted(w: &[__m512i]) -> Lanes {
    [
        _mm512_and_si512(_mm512_slli_epi64::<4>(w[0]), mask()),
        limb::<48, 16>(w[0], w[1]),
        limb::<36, 28>(w[1], w[2]),
        limb::<24, 40>(w[2], w[3]),
        _mm512_srli_epi64::<12>(w[3]),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn limb<const RIGHT: u32, const LEFT: u32>(low: __m512i, high: __m512i) -> __m512i {
    let joined = _mm512_or_si512(
        _mm512_srli_epi64::<RIGHT>(low),
        _mm512_slli_epi64::<LEFT>(high),
    );
    _mm512_and_si512(joined, mask())
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn pack(x: &Lanes, y: &Lanes) -> [__m512i; 8] {
    let [a, b, c, d] = pack_one(x);
    let [e, f, g, h] = pack_one(y);
    [a, b, c, d, e, f, g, h]
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn pack_one(l: &Lanes) -> [__m512i; 4] {
    [
        _mm512_or_si512(l[0], _mm512_slli_epi64::<52>(l[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(l[1]), _mm512_slli_epi64::<40>(l[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(l[2]), _mm512_slli_epi64::<28>(l[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(l[3]), _mm512_slli_epi64::<16>(l[4])),
    ]
}

/// Lanes whose `y` has no bit: infinity, since no point has `y = 0`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn infinite(w: &[__m512i; 8]) -> u8 {
    let any = _mm512_or_si512(_mm512_or_si512(w[4], w[5]), _mm512_or_si512(w[6], w[7]));
    _mm512_cmpeq_epi64_mask(any, _mm512_setzero_si512())
}

/// Eight positions, the last one repeated.
#[inline(always)]
pub(super) fn octet<T: Copy>(items: &[T], position: impl Fn(T) -> u32) -> Octet {
    let last = items.len() - 1;
    core::array::from_fn(|i| position(items[i.min(last)]))
}

/// The field element of four limbs below `2q`.
pub(super) fn field(words: &[u64]) -> Fq {
    let mut value = BigInt([words[0], words[1], words[2], words[3]]);
    while value >= Fq::MODULUS {
        ark_ff::BigInteger::sub_with_borrow(&mut value, &Fq::MODULUS);
    }
    Fq::new_unchecked(value)
}
