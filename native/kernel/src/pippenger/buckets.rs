//! The sum of one window: points sorted by digit, summed by bucket, and the buckets weighted.

use ark_ec::PrimeGroup;
use ark_ec::short_weierstrass::Projective;
use ark_ff::Zero;

use super::digits::Cut;
use super::scalars::ROWS;
use crate::affine::{Layout, Sums};

/// Sorted points that are summed together.
pub(super) const BLOCK: usize = 1 << 14;

/// The sum of one window's multiples over some members, whose digits come first in `digits`.
pub(super) fn window_sum<C: Layout, A: Sums<C>>(
    adder: A,
    points: &[C::Stored],
    members: &[u32],
    digits: &[i16],
    cut: Cut,
    window: usize,
) -> Projective<C> {
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
fn sum_segments<C: Layout, A: Sums<C>>(
    adder: A,
    points: &mut [C::Point],
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
fn bucket_sums<C: Layout, A: Sums<C>>(
    adder: A,
    points: &[C::Stored],
    order: &[u32],
    starts: &[u32],
) -> Vec<C::Point> {
    let buckets = starts.len() - 1;
    let mut sums = vec![C::INFINITY; buckets];
    // What belongs to a bucket that an earlier block began.
    let (mut late, mut owners): (Vec<C::Point>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut block = vec![C::INFINITY; BLOCK.min(order.len())];
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
fn weighted_sum<C: Layout, A: Sums<C>>(adder: A, sums: Vec<C::Point>) -> Projective<C> {
    let mut points = sums;
    // A step costs two inversions, a part some additions that share none.
    let length = (points.len() / 20).isqrt().max(1);
    let parts = points.len().div_ceil(length);
    points.resize(parts * length, C::INFINITY);
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
        Projective::<C>::zero(),
        Projective::<C>::zero(),
        Projective::<C>::zero(),
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
