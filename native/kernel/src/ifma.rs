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

use core::arch::x86_64::*;

use ark_bn254::{Fq, FqConfig, G1Affine, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{BigInt, MontConfig, PrimeField, Zero};

use crate::affine::{Adder, BATCH, INFINITY, Layout, Point, STORED, Sums};
use crate::pippenger::minus;

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

/// Eight numbers of five limbs.
type Lanes = [__m512i; 5];

const MASK: u64 = (1 << 52) - 1;
const MODULUS: [u64; 4] = Fq::MODULUS.0;
const Q: [u64; 5] = split(MODULUS);
/// `4q` and `8q`, limb by limb.
const Q4: [u64; 5] = [Q[0] * 4, Q[1] * 4, Q[2] * 4, Q[3] * 4, Q[4] * 4];
const Q8: [u64; 5] = [Q[0] * 8, Q[1] * 8, Q[2] * 8, Q[3] * 8, Q[4] * 8];
/// `-1/q` modulo `2^52`.
const NEGATIVE_INVERSE: u64 = FqConfig::INV & MASK;
/// `2^260 / q`, rounded down.
const QUOTIENT: u64 = 84;

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

const fn split(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & MASK,
        (w[0] >> 52 | w[1] << 12) & MASK,
        (w[1] >> 40 | w[2] << 24) & MASK,
        (w[2] >> 28 | w[3] << 36) & MASK,
        w[3] >> 16,
    ]
}

/// What is remembered of a batch: denominators, running products, and lanes that are special.
#[derive(Default)]
pub struct Fractions {
    denominators: Vec<Lanes>,
    products: Vec<Lanes>,
    special: Vec<Special>,
}

/// Lanes whose sum is not that of two different finite points.
#[derive(Clone, Copy, Default, PartialEq)]
struct Special {
    left_infinite: u8,
    right_infinite: u8,
    equal: u8,
    opposite: u8,
}

/// Positions of eight points.
type Octet = [u32; 8];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn constant(limbs: &[u64; 5]) -> Lanes {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mask() -> __m512i {
    _mm512_set1_epi64(MASK as i64)
}

/// `ab / 2^260`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(a: &Lanes, b: &Lanes) -> Lanes {
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
fn reduced(limbs: Lanes) -> Lanes {
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
fn sub(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = constant(&Q4);
    for j in 0..5 {
        out[j] = _mm512_add_epi64(out[j], _mm512_sub_epi64(a[j], b[j]));
    }
    reduced(out)
}

/// `a + b` for both below `2q`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = constant(&Q4);
    for j in 0..5 {
        out[j] = _mm512_add_epi64(out[j], _mm512_add_epi64(a[j], b[j]));
    }
    reduced(out)
}

/// Lanes that are zero modulo `q`, for numbers below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn zeros(a: &Lanes) -> u8 {
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
fn blend(mask: u8, no: &Lanes, yes: &Lanes) -> Lanes {
    let mut out = *no;
    for j in 0..5 {
        out[j] = _mm512_mask_blend_epi64(mask, no[j], yes[j]);
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
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
fn write(words: &mut Point, value: __m512i) {
    // SAFETY: the reference is to 64 writable bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), value) }
}

/// Words of eight points, by word.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn gather(points: &[Point], positions: &Octet) -> [__m512i; 8] {
    let mut rows = [_mm512_setzero_si512(); 8];
    for (row, position) in rows.iter_mut().zip(positions) {
        *row = read(&points[*position as usize]);
    }
    transpose(rows)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn scatter(points: &mut [Point], positions: &Octet, words: [__m512i; 8]) {
    for (row, position) in transpose(words).into_iter().zip(positions) {
        write(&mut points[*position as usize], row);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn unpack(w: &[__m512i]) -> Lanes {
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
fn unpack_shifted(w: &[__m512i]) -> Lanes {
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
fn pack(x: &Lanes, y: &Lanes) -> [__m512i; 8] {
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
fn infinite(w: &[__m512i; 8]) -> u8 {
    let any = _mm512_or_si512(_mm512_or_si512(w[4], w[5]), _mm512_or_si512(w[6], w[7]));
    _mm512_cmpeq_epi64_mask(any, _mm512_setzero_si512())
}

/// Eight positions, the last one repeated.
#[inline(always)]
fn octet<T: Copy>(items: &[T], position: impl Fn(T) -> u32) -> Octet {
    let last = items.len() - 1;
    core::array::from_fn(|i| position(items[i.min(last)]))
}

const LOAD_AHEAD: usize = 32;

#[target_feature(enable = "avx512f,avx512ifma")]
fn load(stored: &[[u8; STORED]], entries: &[u32], out: &mut [Point]) {
    let zero = [_mm512_setzero_si512(); 5];
    for (start, out) in out.chunks_mut(8).enumerate() {
        let start = 8 * start;
        let ahead = &entries[(start + LOAD_AHEAD).min(entries.len())..];
        for entry in ahead.iter().take(8) {
            let line: *const [u8; STORED] = &raw const stored[(entry >> 1) as usize];
            // A hint: it reads nothing.
            _mm_prefetch::<_MM_HINT_T0>(line.cast());
        }
        let mut rows = [_mm512_setzero_si512(); 8];
        let mut negative = 0u8;
        for (i, entry) in entries[start..start + out.len()].iter().enumerate() {
            let point = &stored[(entry >> 1) as usize];
            // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
            rows[i] = unsafe { _mm512_loadu_si512(point.as_ptr().cast()) };
            negative |= ((entry & 1) as u8) << i;
        }
        let w = transpose(rows);
        let infinite = infinite(&w);
        // The coordinates are below 16q; 4q more keep `reduced` above its lower bound.
        let (mut x, mut y) = (constant(&Q4), constant(&Q4));
        let (raw_x, raw_y) = (unpack_shifted(&w[..4]), unpack_shifted(&w[4..]));
        for j in 0..5 {
            x[j] = _mm512_add_epi64(x[j], raw_x[j]);
            y[j] = _mm512_add_epi64(y[j], raw_y[j]);
        }
        let (mut x, mut y) = (reduced(x), reduced(y));
        if negative != 0 {
            y = blend(negative, &y, &sub(&zero, &y));
        }
        if infinite != 0 {
            x = blend(infinite, &x, &zero);
            y = blend(infinite, &y, &zero);
        }
        for (slot, row) in out.iter_mut().zip(transpose(pack(&x, &y))) {
            write(slot, row);
        }
    }
}

/// `points[a] += points[b]`, at most [`BATCH`] pairs.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_batch(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Fractions) {
    let one = constant(&[1, 0, 0, 0, 0]);
    scratch.denominators.clear();
    scratch.products.clear();
    scratch.special.clear();
    // Two chains of products, so that one need not wait for the other.
    let mut products = [one; 2];
    for (i, pairs) in pairs.chunks(8).enumerate() {
        let left = gather(points, &octet(pairs, |p| p.0));
        let right = gather(points, &octet(pairs, |p| p.1));
        let mut denominator = sub(&unpack(&right[..4]), &unpack(&left[..4]));
        let special = Special {
            left_infinite: infinite(&left),
            right_infinite: infinite(&right),
            equal: zeros(&denominator),
            opposite: 0,
        };
        let special = if special == Special::default() {
            special
        } else {
            adjust(&left, &right, special, &mut denominator)
        };
        scratch.products.push(products[i & 1]);
        products[i & 1] = mul(&products[i & 1], &denominator);
        scratch.denominators.push(denominator);
        scratch.special.push(special);
    }
    let mut inverses = invert(&products);
    for (i, pairs) in pairs.chunks(8).enumerate().rev() {
        let inverse = mul(&inverses[i & 1], &scratch.products[i]);
        inverses[i & 1] = mul(&inverses[i & 1], &scratch.denominators[i]);
        let positions = octet(pairs, |p| p.0);
        let left = gather(points, &positions);
        let right = gather(points, &octet(pairs, |p| p.1));
        let (x1, y1) = (unpack(&left[..4]), unpack(&left[4..]));
        let (x2, y2) = (unpack(&right[..4]), unpack(&right[4..]));
        let mut rise = sub(&y2, &y1);
        let special = scratch.special[i];
        if special.equal != 0 {
            rise = blend(special.equal, &rise, &tangent(&x1));
        }
        let slope = mul(&rise, &inverse);
        let (x, y) = third(&slope, &x1, &x2, &y1);
        let mut sum = pack(&x, &y);
        if special != Special::default() {
            let zero = _mm512_setzero_si512();
            for j in 0..8 {
                sum[j] = _mm512_mask_blend_epi64(special.opposite, sum[j], zero);
                sum[j] = _mm512_mask_blend_epi64(special.right_infinite, sum[j], left[j]);
                sum[j] = _mm512_mask_blend_epi64(special.left_infinite, sum[j], right[j]);
            }
        }
        scatter(points, &positions, sum);
    }
}

/// `points[a] = 2 points[a]`, at most [`BATCH`] positions.
#[target_feature(enable = "avx512f,avx512ifma")]
fn double_batch(points: &mut [Point], positions: &[u32], scratch: &mut Fractions) {
    let one = constant(&[1, 0, 0, 0, 0]);
    scratch.denominators.clear();
    scratch.products.clear();
    let mut products = [one; 2];
    for (i, positions) in positions.chunks(8).enumerate() {
        let w = gather(points, &octet(positions, |p| p));
        let y = unpack(&w[4..]);
        let denominator = blend(infinite(&w), &add(&y, &y), &one);
        scratch.products.push(products[i & 1]);
        products[i & 1] = mul(&products[i & 1], &denominator);
        scratch.denominators.push(denominator);
    }
    let mut inverses = invert(&products);
    for (i, positions) in positions.chunks(8).enumerate().rev() {
        let inverse = mul(&inverses[i & 1], &scratch.products[i]);
        inverses[i & 1] = mul(&inverses[i & 1], &scratch.denominators[i]);
        let positions = octet(positions, |p| p);
        let w = gather(points, &positions);
        let (x1, y1) = (unpack(&w[..4]), unpack(&w[4..]));
        let slope = mul(&tangent(&x1), &inverse);
        let (x, y) = third(&slope, &x1, &x1, &y1);
        let mut sum = pack(&x, &y);
        let infinite = infinite(&w);
        for word in &mut sum {
            *word = _mm512_mask_blend_epi64(infinite, *word, _mm512_setzero_si512());
        }
        scatter(points, &positions, sum);
    }
}

/// `3 x^2`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn tangent(x: &Lanes) -> Lanes {
    let square = mul(x, x);
    add(&add(&square, &square), &square)
}

/// The sum of two points on a line of this slope.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn third(slope: &Lanes, x1: &Lanes, x2: &Lanes, y1: &Lanes) -> (Lanes, Lanes) {
    let square = mul(slope, slope);
    let mut x = constant(&Q8);
    for j in 0..5 {
        let others = _mm512_add_epi64(x1[j], x2[j]);
        x[j] = _mm512_add_epi64(x[j], _mm512_sub_epi64(square[j], others));
    }
    let x = reduced(x);
    let y = sub(&mul(slope, &sub(x1, &x)), y1);
    (x, y)
}

/// Denominators of special lanes: `2y` for equal points, one where none is needed.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn adjust(
    left: &[__m512i; 8],
    right: &[__m512i; 8],
    special: Special,
    denominator: &mut Lanes,
) -> Special {
    let (y1, y2) = (unpack(&left[4..]), unpack(&right[4..]));
    let infinite = special.left_infinite | special.right_infinite;
    let same_x = special.equal & !infinite;
    let equal = same_x & zeros(&sub(&y2, &y1));
    let opposite = same_x & !equal;
    *denominator = blend(equal, denominator, &add(&y1, &y1));
    let one = constant(&[1, 0, 0, 0, 0]);
    *denominator = blend(infinite | opposite, denominator, &one);
    Special {
        equal,
        opposite,
        ..special
    }
}

/// Inverses in every lane.
#[target_feature(enable = "avx512f,avx512ifma")]
fn invert(values: &[Lanes; 2]) -> [Lanes; 2] {
    let mut fields = [Fq::zero(); 16];
    let mut rows = [INFINITY; 8];
    let packed = pack(&values[0], &values[1]);
    for (row, value) in rows.iter_mut().zip(transpose(packed)) {
        write(row, value);
    }
    for (pair, row) in fields.chunks_mut(2).zip(&rows) {
        pair[0] = field(&row[..4]);
        pair[1] = field(&row[4..]);
    }
    // Limbs of v 2^260 are read as those of 16 v; the inverse must carry 2^8 to make up for both.
    ark_ff::serial_batch_inversion_and_mul(&mut fields, &Fq::from(256u64));
    for (pair, row) in fields.chunks(2).zip(&mut rows) {
        row[..4].copy_from_slice(&pair[0].0.0);
        row[4..].copy_from_slice(&pair[1].0.0);
    }
    let w = gather(&rows, &core::array::from_fn(|i| i as u32));
    [unpack(&w[..4]), unpack(&w[4..])]
}

/// The field element of four limbs below `2q`.
fn field(words: &[u64]) -> Fq {
    let mut value = BigInt([words[0], words[1], words[2], words[3]]);
    while value >= Fq::MODULUS {
        ark_ff::BigInteger::sub_with_borrow(&mut value, &Fq::MODULUS);
    }
    Fq::new_unchecked(value)
}

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
        let [e, f, g, h] = minus(&TWICE, &y).0;
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
