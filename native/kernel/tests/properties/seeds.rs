//! What seeds expand to.

use ark_bn254::Fr;
use gradroll_kernel::project::project;
use gradroll_kernel::seed::{Seed, expand, expand_bounded, signs};

use super::input::{Input, value, views};

const BLOCKS: u64 = (1 << 32) - 1;

/// Vectors of seeds: any part is the same as by itself, and nothing goes beyond the end of a keystream.
pub fn seeds(data: &[u8]) {
    let mut input = Input::new(data);
    let seed: Seed = input.array();
    uniform(&mut input, &seed);
    bounded(&mut input, &seed);
    ternary(&mut input, &seed);
    projected(&mut input, &seed);
}

fn uniform(input: &mut Input<'_>, seed: &Seed) {
    let (n, offset, many) = (input.below(300), input.number(), input.number());
    let fits = |n: u64| offset.checked_add(n).is_some_and(|end| end <= BLOCKS);
    match expand(seed, n, offset) {
        Ok(whole) => {
            assert!(fits(n as u64));
            for i in [0, n / 2, n.saturating_sub(1)] {
                let alone = expand(seed, usize::from(i < n), offset + i as u64).unwrap();
                assert_eq!(alone.first(), whole.get(i));
            }
        }
        Err(_) => assert!(!fits(n as u64)),
    }
    // What is possible may still be larger than memory, so only what is not is asked for.
    if !fits(many) {
        assert!(expand(seed, many as usize, offset).is_err());
    }
}

fn bounded(input: &mut Input<'_>, seed: &Seed) {
    let (n, bits, many) = (input.below(300), input.number() as u32, input.number());
    let Ok(values) = expand_bounded(seed, n, bits) else {
        assert!(bits > 128);
        return;
    };
    assert!(bits <= 128);
    let widest = expand_bounded(seed, n + 5, 128).unwrap();
    for ([a, b, c, d], [x, y, ..]) in values.iter().zip(&widest) {
        let (got, full) = (wide(*a, *b), wide(*x, *y));
        assert_eq!((*c, *d), (0, 0));
        assert_eq!(
            got,
            if bits == 128 {
                full
            } else {
                full % (1 << bits)
            }
        );
    }
    if many.div_ceil(4) > BLOCKS {
        assert!(expand_bounded(seed, many as usize, bits).is_err());
    }
}

fn wide(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

fn ternary(input: &mut Input<'_>, seed: &Seed) {
    let (row, d, many) = (input.number() as u32, input.below(700), input.number());
    let long = signs(seed, row, d + 300).unwrap();
    assert!(long.iter().all(|sign| (-1..=1).contains(sign)));
    assert_eq!(signs(seed, row, d).unwrap(), long[..d]);
    if many.div_ceil(256) > BLOCKS {
        assert!(signs(seed, row, many as usize).is_err());
    }
}

fn projected(input: &mut Input<'_>, seed: &Seed) {
    let (m, d, k) = (input.below(4), input.below(600), input.below(5));
    let first = match input.flag() {
        true => 256 * input.below(8),
        false => input.number() as usize,
    };
    let rows = input.rows(m, d);
    let width = if m == 0 { 0 } else { d };
    let end = first.checked_add(width);
    let fits = first.is_multiple_of(256) && end.is_some_and(|end| end <= 1 << 30);
    let Ok(sums) = project(&views(&rows), seed, k, first) else {
        assert!(!fits);
        return;
    };
    assert!(fits);
    assert_eq!(sums.len(), m);
    assert!(project(&views(&rows), seed, (1 << 16) + 1, first).is_err());
    if first > 1 << 12 {
        return;
    }
    for (row, sums) in rows.iter().zip(sums) {
        assert_eq!(sums.len(), k);
        for (i, sum) in sums.iter().enumerate() {
            let signs = signs(seed, i as u32, first + d).unwrap();
            let terms = row.iter().zip(&signs[first..]);
            let expected: Fr = terms.map(|(x, sign)| value(x) * Fr::from(*sign)).sum();
            assert_eq!(value(sum), expected);
        }
    }
}
