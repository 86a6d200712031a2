//! Batches of additions with one inversion.

use core::arch::x86_64::*;

use ark_bn254::Fq;
use ark_ff::Zero;

use super::lanes::{Lanes, Q4, Q8, add, blend, constant, mul, reduced, sub, zeros};
use super::memory::{
    field, gather, infinite, octet, pack, scatter, transpose, unpack, unpack_shifted, write,
};
use crate::affine::{INFINITY, Point, STORED};

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

const LOAD_AHEAD: usize = 32;

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn load(stored: &[[u8; STORED]], entries: &[u32], out: &mut [Point]) {
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
pub(super) fn add_batch(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Fractions) {
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
pub(super) fn double_batch(points: &mut [Point], positions: &[u32], scratch: &mut Fractions) {
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
