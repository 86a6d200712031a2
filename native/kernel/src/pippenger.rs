//! Pippenger's method over G1: signed digits, points sorted by digit, buckets summed by [`crate::affine`].
//!
//! A window of the scalars is a task by itself. Its points are sorted by digit, so that a bucket's are
//! neighbours; blocks of the sorted list are summed as binary trees, all of a block's buckets in one batch per
//! level. However the digits are distributed, also when all are the same, every level halves the points.
//! Memory: two bytes a scalar and window for the digits; per thread four bytes a scalar for the order and some
//! megabytes for buckets and a block.

use ark_bn254::{G1Affine, G1Projective, g1};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::affine::{Adder, INFINITY, Point, Portable, STORED};
use crate::bases::Bases;
use crate::field::{Limbs, ORDER, ZERO};

/// Scalars of a sum.
pub enum Scalars<'a> {
    /// Canonical field elements.
    Field(&'a [Limbs]),
    /// Signed integers.
    Signed(&'a [i64]),
}

/// Below this many scalars, other methods are as good.
const FEW: usize = 64;
/// Scalars whose digits are written together.
const ROWS: usize = 1 << 12;
/// Sorted points that are summed together.
const BLOCK: usize = 1 << 14;
/// Widest digits: they must fit 16 bits with their sign.
const WIDEST: usize = 16;
/// Scalars of about the same length are summed by themselves; bounds of the classes in bits.
const CLASSES: [u32; 5] = [8, 16, 32, 64, 256];
/// A class of fewer scalars than this part of the next one is summed with it.
const WORTHWHILE: usize = 8;

impl Scalars<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Field(values) => values.len(),
            Self::Signed(values) => values.len(),
        }
    }

    /// Sign and magnitude of smaller absolute value.
    #[inline(always)]
    fn get(&self, i: usize) -> (bool, Limbs) {
        match self {
            Self::Field(values) => {
                let value = &values[i];
                let (rest, _) = minus(&ORDER, value);
                // All but one in 2^64 of the comparisons are decided by the highest limb.
                let negative = rest.iter().rev().lt(value.iter().rev());
                (negative, if negative { rest } else { *value })
            }
            Self::Signed(values) => (values[i] < 0, [values[i].unsigned_abs(), 0, 0, 0]),
        }
    }
}

/// `a - b`, and whether it is negative.
#[inline(always)]
pub(crate) fn minus(a: &Limbs, b: &Limbs) -> (Limbs, bool) {
    let (mut out, mut borrow) = (ZERO, false);
    for i in 0..4 {
        let (t, first) = a[i].overflowing_sub(b[i]);
        let (u, second) = t.overflowing_sub(u64::from(borrow));
        out[i] = u;
        borrow = first | second;
    }
    (out, borrow)
}

#[inline(always)]
fn plus(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut out, mut carry) = (ZERO, false);
    for i in 0..4 {
        let (t, first) = a[i].overflowing_add(b[i]);
        let (u, second) = t.overflowing_add(u64::from(carry));
        out[i] = u;
        carry = first | second;
    }
    out
}

fn length(magnitude: &Limbs) -> u32 {
    let top = magnitude.iter().rposition(|limb| *limb != 0);
    top.map_or(0, |i| 64 * (i as u32 + 1) - magnitude[i].leading_zeros())
}

/// The sum of `scalars[i] * bases[i]`; `None` where there are too few.
pub fn pippenger(bases: &Bases<g1::Config>, scalars: &Scalars<'_>) -> Option<G1Affine> {
    if scalars.len() < FEW || scalars.len() >= 1 << 31 || bases.len() < scalars.len() {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(adder) = crate::ifma::Ifma::detect() {
        return Some(sum(adder, bases, scalars).into_affine());
    }
    Some(sum(Portable, bases, scalars).into_affine())
}

fn sum<A: Adder>(adder: A, bases: &Bases<g1::Config>, scalars: &Scalars<'_>) -> G1Projective {
    let points = bases.bytes().as_chunks::<STORED>().0;
    let classes = classes(scalars);
    classes
        .iter()
        .map(|class| class.sum(adder, points, scalars))
        .sum()
}

/// Scalars of about the same length.
struct Class {
    members: Vec<u32>,
    bits: u32,
}

/// All scalars but zeros, by length.
fn classes(scalars: &Scalars<'_>) -> Vec<Class> {
    let lengths: Vec<u16> = (0..scalars.len())
        .into_par_iter()
        .with_min_len(ROWS)
        .map(|i| length(&scalars.get(i).1) as u16)
        .collect();
    let mut counts = [0usize; 257];
    for length in &lengths {
        counts[usize::from(*length)] += 1;
    }
    let mut bounds: Vec<(u32, usize)> = Vec::new();
    let mut low = 1;
    let (mut sizes, mut tops) = (Vec::new(), Vec::new());
    for bound in CLASSES {
        sizes.push(counts[low..=bound as usize].iter().sum::<usize>());
        tops.push((low..=bound as usize).rev().find(|b| counts[*b] > 0));
        low = bound as usize + 1;
    }
    for i in (0..sizes.len()).rev() {
        let Some(top) = tops[i] else { continue };
        match bounds.last_mut() {
            Some((_, next)) if sizes[i] < *next / WORTHWHILE + FEW => *next += sizes[i],
            _ => bounds.push((top as u32, sizes[i])),
        }
    }
    let mut classes: Vec<Class> = bounds
        .iter()
        .map(|(bits, size)| Class {
            members: Vec::with_capacity(*size),
            bits: *bits,
        })
        .collect();
    let class_of: Vec<usize> = (0..=256u32)
        .map(|length| classes.iter().rposition(|c| length <= c.bits).unwrap_or(0))
        .collect();
    for (i, length) in lengths.iter().enumerate() {
        if *length != 0 {
            classes[class_of[usize::from(*length)]]
                .members
                .push(i as u32);
        }
    }
    classes
}

/// How scalars are cut into digits between `-2^(width-1)` and `2^(width-1)`.
#[derive(Clone, Copy)]
struct Cut {
    width: usize,
    windows: usize,
}

impl Cut {
    fn new(width: usize, bits: u32) -> Self {
        // One bit for the sign, and one that keeps the highest digit off the limit.
        let bits = bits as usize;
        let windows = if bits < width {
            1
        } else {
            (bits + 2).div_ceil(width)
        };
        Self { width, windows }
    }

    fn buckets(self) -> usize {
        1 << (self.width - 1)
    }

    /// The cheapest for so many scalars: an addition for each digit, and two for each bucket.
    fn best(count: usize, bits: u32) -> Self {
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

fn shifted(value: u64, by: usize) -> Limbs {
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
    fn sum<A: Adder>(
        &self,
        adder: A,
        points: &[[u8; STORED]],
        scalars: &Scalars<'_>,
    ) -> G1Projective {
        let cut = Cut::best(self.members.len(), self.bits);
        let digits = self.digits(scalars, cut);
        // Threads without a window of their own take a part of one.
        let threads = rayon::current_num_threads();
        let blocks = self.members.len().div_ceil(ROWS);
        let parts = if cut.windows >= 2 * threads || threads == 1 {
            1
        } else {
            let wanted = (2 * threads).div_ceil(cut.windows);
            let most = self.members.len() / (4 * cut.buckets());
            wanted.min(most).clamp(1, blocks)
        };
        let rows = blocks.div_ceil(parts) * ROWS;
        let sums: Vec<G1Projective> = (0..cut.windows * parts)
            .into_par_iter()
            .with_max_len(1)
            .map(|task| {
                let (window, part) = (task / parts, task % parts);
                let start = (part * rows).min(self.members.len());
                let members = &self.members[start..(start + rows).min(self.members.len())];
                let digits = &digits[start * cut.windows..];
                window_sum(adder, points, members, digits, cut, window)
            })
            .collect();
        sums.chunks(parts)
            .rev()
            .fold(G1Projective::zero(), |sum, parts| {
                let mut sum = sum;
                if !sum.is_zero() {
                    for _ in 0..cut.width {
                        sum.double_in_place();
                    }
                }
                sum + parts.iter().sum::<G1Projective>()
            })
    }

    /// Digits of the members: for each [`ROWS`] of them all of the first window, of the second, and so on.
    fn digits(&self, scalars: &Scalars<'_>, cut: Cut) -> Vec<i16> {
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

/// The sum of one window's multiples over some members, whose digits come first in `digits`.
fn window_sum<A: Adder>(
    adder: A,
    points: &[[u8; STORED]],
    members: &[u32],
    digits: &[i16],
    cut: Cut,
    window: usize,
) -> G1Projective {
    let blocks = || {
        members.chunks(ROWS).enumerate().map(|(i, members)| {
            let start = i * ROWS * cut.windows + window * members.len();
            (members, &digits[start..start + members.len()])
        })
    };
    // Count, then place. A bucket's index is its digit less one; digit zero has none.
    let mut starts = vec![0u32; cut.buckets() + 1];
    for (_, digits) in blocks() {
        for digit in digits {
            starts[usize::from(digit.unsigned_abs())] += 1;
        }
    }
    starts[0] = 0;
    let mut total = 0;
    for start in &mut starts[1..] {
        total += core::mem::replace(start, total);
    }
    let mut order = vec![0u32; total as usize];
    for (members, digits) in blocks() {
        for (member, digit) in members.iter().zip(digits) {
            if *digit != 0 {
                let next = &mut starts[usize::from(digit.unsigned_abs())];
                order[*next as usize] = member << 1 | u32::from(*digit < 0);
                *next += 1;
            }
        }
    }
    // Placing has moved every start to its end, which is the next bucket's start.
    let used = starts.iter().rposition(|start| *start < total);
    let used = used.map_or(0, |last| last + 1);
    weighted_sum(adder, bucket_sums(adder, points, &order, &starts[..=used]))
}

/// Neighbours to be summed into the first.
struct Segment {
    start: u32,
    length: u32,
}

/// Sums every segment of `points` into its first point.
fn sum_segments<A: Adder>(
    adder: A,
    points: &mut [Point],
    segments: &mut Vec<Segment>,
    pairs: &mut Vec<(u32, u32)>,
    scratch: &mut A::Scratch,
) {
    let mut step = 1;
    loop {
        segments.retain(|s| s.length > step);
        if segments.is_empty() {
            return;
        }
        pairs.clear();
        for segment in segments.iter() {
            let mut i = 0;
            while i + step < segment.length {
                pairs.push((segment.start + i, segment.start + i + step));
                i += 2 * step;
            }
        }
        adder.add(points, pairs, scratch);
        step *= 2;
    }
}

/// Sums of the buckets, whose entries are `order[starts[b]] .. order[starts[b + 1]]`.
fn bucket_sums<A: Adder>(
    adder: A,
    points: &[[u8; STORED]],
    order: &[u32],
    starts: &[u32],
) -> Vec<Point> {
    let buckets = starts.len() - 1;
    let mut sums = vec![INFINITY; buckets];
    // What belongs to a bucket that an earlier block began.
    let (mut late, mut owners): (Vec<Point>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut block = vec![INFINITY; BLOCK.min(order.len())];
    let (mut pieces, mut segments, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut scratch = A::Scratch::default();
    let mut bucket = 0;
    for (i, entries) in order.chunks(BLOCK).enumerate() {
        let (from, to) = ((i * BLOCK) as u32, (i * BLOCK + entries.len()) as u32);
        adder.load(points, entries, &mut block[..entries.len()]);
        pieces.clear();
        segments.clear();
        while bucket < buckets && starts[bucket] < to {
            let (start, stop) = (starts[bucket].max(from), starts[bucket + 1].min(to));
            if start < stop {
                pieces.push((bucket, start));
                segments.push(Segment {
                    start: start - from,
                    length: stop - start,
                });
            }
            if starts[bucket + 1] > to {
                break;
            }
            bucket += 1;
        }
        sum_segments(adder, &mut block, &mut segments, &mut pairs, &mut scratch);
        for (bucket, start) in &pieces {
            let sum = block[(start - from) as usize];
            if *start == starts[*bucket] {
                sums[*bucket] = sum;
            } else {
                late.push(sum);
                owners.push(*bucket as u32);
            }
        }
    }
    segments.clear();
    for (i, owner) in owners.iter().enumerate() {
        match segments.last_mut() {
            Some(segment) if owners[segment.start as usize] == *owner => segment.length += 1,
            _ => segments.push(Segment {
                start: i as u32,
                length: 1,
            }),
        }
    }
    let firsts: Vec<u32> = segments.iter().map(|s| s.start).collect();
    sum_segments(adder, &mut late, &mut segments, &mut pairs, &mut scratch);
    pairs.clear();
    for first in firsts {
        pairs.push((owners[first as usize], sums.len() as u32));
        sums.push(late[first as usize]);
    }
    adder.add(&mut sums, &pairs, &mut scratch);
    sums.truncate(buckets);
    sums
}

/// `1 sums[0] + 2 sums[1] + ..`: parts of the list are summed side by side, each from its end.
fn weighted_sum<A: Adder>(adder: A, sums: Vec<Point>) -> G1Projective {
    let mut points = sums;
    // A step costs two inversions, a part some additions that share none.
    let length = (points.len() / 20).isqrt().max(1);
    let parts = points.len().div_ceil(length);
    points.resize(parts * length, INFINITY);
    let (running, total) = (points.len(), points.len() + parts);
    for _ in 0..2 {
        for part in 0..parts {
            points.push(points[part * length + length - 1]);
        }
    }
    let mut scratch = A::Scratch::default();
    let mut pairs = Vec::with_capacity(parts);
    for step in (0..length - 1).rev() {
        pairs.clear();
        pairs.extend((0..parts).map(|i| ((running + i) as u32, (i * length + step) as u32)));
        adder.add(&mut points, &pairs, &mut scratch);
        pairs.clear();
        pairs.extend((0..parts).map(|i| ((total + i) as u32, (running + i) as u32)));
        adder.add(&mut points, &pairs, &mut scratch);
    }
    // Part i weighs its sums from one on; they lack `i * length` each.
    let (mut sum, mut weighted, mut rest) = (
        G1Projective::zero(),
        G1Projective::zero(),
        G1Projective::zero(),
    );
    for part in (0..parts).rev() {
        rest += adder.store(&points[total + part]);
        if part > 0 {
            sum += adder.store(&points[running + part]);
            weighted += sum;
        }
    }
    weighted.mul_bigint([length as u64]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::powers_of_tau_unsafe;
    use crate::field::decode;
    use crate::seed::expand;
    use crate::vector::from_int64;
    use ark_bn254::Fr;
    use ark_ec::VariableBaseMSM;

    /// Both adders against arkworks.
    fn agrees(bases: &Bases<g1::Config>, scalars: &[Limbs]) {
        let fields: Vec<Fr> = scalars.iter().map(decode).collect();
        let expected = G1Projective::msm_unchecked(&bases.points(), &fields).into_affine();
        check(bases, &Scalars::Field(scalars), expected);
    }

    fn check(bases: &Bases<g1::Config>, scalars: &Scalars<'_>, expected: G1Affine) {
        assert_eq!(sum(Portable, bases, scalars).into_affine(), expected);
        #[cfg(target_arch = "x86_64")]
        if let Some(adder) = crate::ifma::Ifma::detect() {
            assert_eq!(sum(adder, bases, scalars).into_affine(), expected);
        }
    }

    fn powers(n: usize) -> Bases<g1::Config> {
        let tau = Fr::from(12345u64) / Fr::from(999u64);
        powers_of_tau_unsafe::<g1::Config>(tau, n).unwrap()
    }

    #[test]
    fn random_scalars_of_every_number() {
        for n in [1, 2, 63, 64, 65, 1000, ROWS + 1, 40_000] {
            agrees(&powers(n), &expand(&[9; 32], n, 0).unwrap());
        }
    }

    #[test]
    fn scalars_at_the_ends_of_every_digit() {
        let mut scalars = vec![ZERO, [1, 0, 0, 0]];
        for bit in 0..253 {
            let power = shifted(1, bit);
            scalars.push(power);
            scalars.push(minus(&power, &[1, 0, 0, 0]).0);
            scalars.push(minus(&ORDER, &power).0);
        }
        // Both neighbours of r/2.
        let half: Limbs =
            core::array::from_fn(|i| ORDER[i] >> 1 | if i < 3 { ORDER[i + 1] << 63 } else { 0 });
        scalars.extend([half, plus(&half, &[1, 0, 0, 0])]);
        agrees(&powers(scalars.len()), &scalars);
        for width in 2..=WIDEST {
            for bits in [1, 8, 15, 16, 31, 32, 33, 64, 253] {
                let (cut, n) = (Cut::new(width, bits), 2 * bits as usize + 2);
                let members: Vec<Limbs> = (0..n)
                    .map(|i| {
                        let power = shifted(1, (i / 2).min(bits as usize - 1));
                        let less = minus(&plus(&power, &power), &[1, 0, 0, 0]).0;
                        if i % 2 == 0 {
                            power
                        } else {
                            minus(&ORDER, &less).0
                        }
                    })
                    .collect();
                let class = Class {
                    members: (0..n as u32).collect(),
                    bits,
                };
                for (i, scalar) in members.iter().enumerate() {
                    let digits = class.digits(&Scalars::Field(&members), cut);
                    let value = (0..cut.windows).rev().fold(Fr::zero(), |sum, window| {
                        let digit = digits[window * n + i];
                        assert!(usize::from(digit.unsigned_abs()) <= cut.buckets());
                        sum * Fr::from(1u64 << width) + Fr::from(digit)
                    });
                    assert_eq!(value, decode(scalar), "width {width}, {bits} bits");
                }
            }
        }
    }

    #[test]
    fn equal_opposite_and_infinite_points() {
        let n = BLOCK + 5000;
        let mut points = powers(4).points();
        points.push(-points[1]);
        points.push(G1Affine::identity());
        let points: Vec<G1Affine> = (0..n).map(|i| points[(i * i) % 6]).collect();
        let bases = Bases::new(&points);
        let random = expand(&[1; 32], n, 0).unwrap();
        agrees(&bases, &random);
        // All digits the same, so that every block belongs to one bucket.
        agrees(&bases, &vec![random[0]; n]);
        agrees(&Bases::new(&vec![points[1]; n]), &vec![[1, 0, 0, 0]; n]);
        // Sums that vanish.
        let signs: Vec<i64> = (0..n as i64)
            .map(|i| if i % 2 == 0 { 5 } else { -5 })
            .collect();
        agrees(&Bases::new(&vec![points[1]; n]), &from_int64(&signs));
        agrees(&bases, &vec![ZERO; n]);
    }

    #[test]
    fn integers_of_mixed_sizes() {
        let n = 30_000;
        let bases = powers(n);
        let random = expand(&[2; 32], n, 0).unwrap();
        for sizes in [[1, 1, 1], [0, 0, 1], [7, 16, 17], [20, 20, 63], [1, 33, 64]] {
            let mut integers: Vec<i64> = random
                .iter()
                .map(|r| {
                    let bits = sizes[(r[1] % 3) as usize];
                    let magnitude = if bits == 0 {
                        0
                    } else {
                        (r[0] >> (64 - bits)) as i64
                    };
                    if r[2] & 1 == 0 {
                        magnitude
                    } else {
                        magnitude.wrapping_neg()
                    }
                })
                .collect();
            integers[7] = i64::MIN;
            let fields: Vec<Fr> = integers.iter().map(|x| Fr::from(*x)).collect();
            let expected = G1Projective::msm_unchecked(&bases.points(), &fields).into_affine();
            check(&bases, &Scalars::Signed(&integers), expected);
        }
    }
}
