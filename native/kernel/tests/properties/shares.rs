//! Shares of both kinds, and what is decoded from wrong ones.

use ark_bn254::Fr;
use ark_ff::{One, Zero};
use gradroll_kernel::decode::{Decoded, decode};
use gradroll_kernel::replicated::{Holding, OFFSET, PACKED, WIDTH, correct, share};
use gradroll_kernel::seed::{Seed, expand_bounded};
use gradroll_kernel::shamir;
use gradroll_kernel::{Error, Limbs, field};

use super::input::{Input, value, values, views};

/// Thirteen bytes a coordinate: small integers come back, and any bytes give what the formula says.
pub fn masks(data: &[u8]) {
    let mut input = Input::new(data);
    match input.flag() {
        true => corrected(&mut input),
        false => held(&mut input),
    }
}

fn fits(seeds: usize, bits: u32) -> bool {
    bits < WIDTH - 1 && (seeds as u128) << bits <= 1 << (WIDTH - 1)
}

fn corrected(input: &mut Input<'_>) {
    let (n, m, bits) = (input.below(20), input.below(7), width(input));
    let seeds: Vec<Seed> = (0..m).map(|_| input.array()).collect();
    let secret = input.elements(n);
    let small = |x: &Limbs| {
        let size = |x: &Limbs| match x {
            [low, high, 0, 0] => u128::from(*low) | u128::from(*high) << 64,
            _ => u128::MAX,
        };
        size(x).min(size(&field::encode(-value(x)))) < OFFSET
    };
    let Ok(packed) = correct(&secret, &seeds, bits) else {
        return assert!(!fits(m, bits) || !secret.iter().all(small));
    };
    assert!(fits(m, bits) && secret.iter().all(small));
    assert_eq!(packed.len(), PACKED * n);
    let holding = Holding {
        seeds: &seeds,
        weights: &vec![-Fr::one(); m],
        bits,
        weight: Fr::one(),
    };
    assert_eq!(share(&holding, &packed, 0, n).unwrap(), secret);
}

fn width(input: &mut Input<'_>) -> u32 {
    match input.flag() {
        true => u32::from(input.byte()),
        false => input.number() as u32,
    }
}

fn held(input: &mut Input<'_>) {
    let (m, bits, weight) = (input.below(5), width(input), input.scalar());
    let seeds: Vec<Seed> = (0..m).map(|_| input.array()).collect();
    let more = usize::from(input.seldom());
    let weights: Vec<Fr> = (0..m + more).map(|_| input.scalar()).collect();
    let holding = Holding {
        seeds: &seeds,
        weights: &weights,
        bits,
        weight,
    };
    let (offset, n) = (
        4 * input.below(20) + usize::from(input.seldom()),
        input.below(20),
    );
    let far = (input.number() as usize, input.number() as usize);
    let bytes: Vec<u8> = match input.byte() % 3 {
        0 => Vec::new(),
        1 => (0..PACKED * n).map(|_| input.byte()).collect(),
        _ => input.rest().to_vec(),
    };
    // More elements than memory holds are asked for only where they must be refused.
    if far.0.saturating_add(far.1) > 1 << 34 || (!bytes.is_empty() && bytes.len() / PACKED < far.1)
    {
        assert!(share(&holding, &bytes, far.0, far.1).is_err());
    }
    let possible = more == 0
        && fits(m, bits)
        && offset.is_multiple_of(4)
        && (bytes.is_empty() || bytes.len() == PACKED * n);
    let shares = share(&holding, &bytes, offset, n);
    assert_eq!(shares.is_ok(), possible);
    let Ok(shares) = shares else { return };
    let masks: Vec<Vec<Limbs>> = seeds
        .iter()
        .map(|seed| expand_bounded(seed, offset + n, bits).unwrap())
        .collect();
    for (i, got) in shares.iter().enumerate() {
        let terms = masks.iter().zip(&weights);
        let mut expected: Fr = terms.map(|(mask, w)| value(&mask[offset + i]) * w).sum();
        if let Some(thirteen) = bytes.as_chunks::<PACKED>().0.get(i) {
            let mut sixteen = [0; 16];
            sixteen[..PACKED].copy_from_slice(thirteen);
            expected += weight * (Fr::from(u128::from_le_bytes(sixteen)) - Fr::from(OFFSET));
        }
        assert_eq!(value(got), expected);
    }
}

/// Shamir shares: any polynomial comes back, wrong rows are named, and what is decoded is what the others say.
pub fn shares(data: &[u8]) {
    let mut input = Input::new(data);
    match input.flag() {
        true => honest(&mut input),
        false => anything(&mut input),
    }
}

/// Value of a polynomial whose coefficients are rows, in one coordinate.
fn at(rows: &[Vec<Limbs>], column: usize, x: Fr) -> Fr {
    let coefficients = rows.iter().rev().map(|row| value(&row[column]));
    coefficients.fold(Fr::zero(), |sum, c| sum * x + c)
}

fn honest(input: &mut Input<'_>) {
    let (degree, parties, n) = (input.below(5), input.below(12), input.below(4));
    let polynomial = input.rows(degree + 1, n);
    let xs = shamir::first_points(parties as u64);
    let rows = shamir::share(&polynomial[0], &views(&polynomial[1..]), &xs).unwrap();
    for (row, x) in rows.iter().zip(&xs) {
        let expected: Vec<Fr> = (0..n).map(|j| at(&polynomial, j, *x)).collect();
        assert_eq!(values(row), expected);
    }
    if parties <= degree {
        return assert!(decode(&views(&rows), &xs, degree, None).is_err());
    }
    let (elsewhere, some) = (input.scalar(), degree + 1);
    let there = shamir::interpolate(&views(&rows[..some]), &xs[..some], elsewhere).unwrap();
    let expected: Vec<Fr> = (0..n).map(|j| at(&polynomial, j, elsewhere)).collect();
    assert_eq!(values(&there), expected);
    let fixed: Vec<_> = xs
        .iter()
        .copied()
        .zip(views(&rows))
        .skip(1)
        .take(degree)
        .collect();
    assert_eq!(
        shamir::share_through(&polynomial[0], &fixed, &xs).unwrap(),
        rows
    );
    wrong(input, &polynomial, rows, &xs);
}

/// Rows of which as many are changed as can be corrected, or some more.
fn wrong(input: &mut Input<'_>, polynomial: &[Vec<Limbs>], mut rows: Vec<Vec<Limbs>>, xs: &[Fr]) {
    let (degree, n) = (polynomial.len() - 1, polynomial[0].len());
    let most = (rows.len() - degree - 1) / 2;
    let before = rows.clone();
    for _ in 0..input.below(most + 2) {
        let row = input.below(rows.len());
        if n > 0 {
            rows[row][input.below(n)] = input.element();
        }
    }
    let changed: Vec<usize> = (0..rows.len()).filter(|i| rows[*i] != before[*i]).collect();
    match decode(&views(&rows), xs, degree, None) {
        Ok(decoded) if changed.len() <= most => {
            assert_eq!(decoded.errors, changed);
            assert_eq!(decoded.values, polynomial[0]);
        }
        Ok(decoded) => consistent(&rows, xs, degree, most, &decoded),
        Err(error) => assert!(changed.len() > most, "{error}"),
    }
    let allowed = changed
        .len()
        .checked_sub(1)
        .filter(|_| changed.len() <= most);
    if let Some(fewer) = allowed {
        assert!(decode(&views(&rows), xs, degree, Some(fewer)).is_err());
    }
}

/// Rows that are not named lie on polynomials whose values at zero are the answer; the others do not.
fn consistent(rows: &[Vec<Limbs>], xs: &[Fr], degree: usize, most: usize, decoded: &Decoded) {
    assert!(decoded.errors.len() <= most);
    assert!(decoded.errors.is_sorted_by(|a, b| a < b));
    let good: Vec<usize> = (0..rows.len())
        .filter(|i| !decoded.errors.contains(i))
        .take(degree + 1)
        .collect();
    let nodes: Vec<Fr> = good.iter().map(|i| xs[*i]).collect();
    let basis: Vec<&[Limbs]> = good.iter().map(|i| rows[*i].as_slice()).collect();
    let at = |x| shamir::interpolate(&basis, &nodes, x).unwrap();
    assert_eq!(at(Fr::zero()), decoded.values);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(at(xs[i]) != *row, decoded.errors.contains(&i));
    }
}

fn anything(input: &mut Input<'_>) {
    let (m, n, l) = (input.below(36), input.below(3), input.below(36));
    let (degree, most) = (wild(input), input.flag().then(|| wild(input)));
    let xs: Vec<Fr> = (0..m).map(|_| input.scalar()).collect();
    let other = input.seldom();
    let mut rows = input.rows(if other { l } else { m }, n);
    if let Some(row) = rows.last_mut() {
        row.resize(n + usize::from(input.seldom()), [u64::MAX; 4]);
    }
    if let Some(first) = rows.first_mut().and_then(|row| row.first_mut())
        && input.seldom()
    {
        *first = core::array::from_fn(|_| u64::from_le_bytes(input.array()));
    }
    let even = rows.len() == m && rows.iter().all(|row| row.len() == rows[0].len());
    let canonical = rows.iter().flatten().all(field::is_canonical);
    let distinct = (0..m).all(|i| !xs[i].is_zero() && !xs[..i].contains(&xs[i]));
    let usable = even && canonical && distinct && m <= shamir::MAX_SHARES;
    assert_eq!(
        shamir::lagrange_coefficients(&xs, Fr::one()).is_ok(),
        distinct && (1..=32).contains(&m)
    );
    assert_eq!(
        shamir::interpolate(&views(&rows), &xs, Fr::one()).is_ok(),
        usable && m > 0
    );
    let redundant = m.checked_sub(degree.saturating_add(1));
    let enough = redundant.is_some_and(|r| most.is_none_or(|most| most <= r / 2));
    match decode(&views(&rows), &xs, degree, most) {
        Ok(decoded) => {
            assert!(usable && enough);
            let most = most.or(redundant.map(|r| r / 2)).unwrap_or(0);
            consistent(&rows, &xs, degree, most, &decoded);
        }
        Err(Error::Decoding(_)) => assert!(usable && enough),
        Err(_) => assert!(!(usable && enough)),
    }
}

fn wild(input: &mut Input<'_>) -> usize {
    match input.byte() % 4 {
        0 => input.number() as usize,
        _ => input.below(8),
    }
}
