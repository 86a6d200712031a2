//! Points and arrays of points from bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ark_bn254::{Fr, g1, g2};
use gradroll_kernel::bases::Bases;
use gradroll_kernel::lagrange::lagrange;
use gradroll_kernel::msm::{msm, msm_int64};
use gradroll_kernel::point::{self, check_membership, from_bytes, size_of};
use gradroll_kernel::{Limbs, field};

use super::groups::{Choice, below_base_order, chosen, encodings, is_member, multiple};
use super::input::{Input, value};

/// One point: what is read is written the same, is below the order, and is in its group where that is asked.
pub fn points(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 16 {
        0 => paired(&mut input),
        1..8 => one_point::<g1::Config>(&mut input),
        _ => one_point::<g2::Config>(&mut input),
    }
}

fn one_point<G: Choice>(input: &mut Input<'_>) {
    let bytes = encodings::<G>(input, 1);
    let canonical = bytes.len() == size_of::<G>() && bytes.chunks(32).all(below_base_order);
    let (checked, unchecked) = (
        from_bytes::<G>(&bytes, true),
        from_bytes::<G>(&bytes, false),
    );
    assert_eq!(unchecked.is_ok(), canonical);
    let Ok(read) = unchecked else {
        return assert!(checked.is_err());
    };
    assert_eq!(point::to_bytes(&read), bytes);
    assert_eq!(checked.is_ok(), is_member(&read));
    assert_eq!(check_membership(&read).is_ok(), checked.is_ok());
}

/// Combinations of a few points, and products of pairings, by the factors of the points.
fn paired(input: &mut Input<'_>) {
    let n = input.below(11);
    let (points, factors) = chosen::<g1::Config>(input, n);
    let scalars: Vec<Fr> = (0..n).map(|_| input.scalar()).collect();
    let sum: Fr = factors
        .iter()
        .zip(&scalars)
        .map(|(f, s)| value(f) * s)
        .sum();
    let combined = point::linear_combination(&points, &scalars).unwrap();
    assert_eq!(combined, multiple(&field::encode(sum)));
    assert!(n == 0 || point::linear_combination(&points, &scalars[1..]).is_err());
    let m = n.min(3);
    let (others, other_factors) = chosen::<g2::Config>(input, m);
    let mut pairs: Vec<_> = points.into_iter().zip(others).collect();
    let exponent: Fr = factors
        .iter()
        .zip(&other_factors)
        .map(|(f, g)| value(f) * value(g))
        .sum();
    let balance = multiple::<g1::Config>(&field::encode(-exponent));
    pairs.push((balance, point::generator()));
    assert!(point::pairing_product_is_one(&pairs));
    pairs.push((point::generator(), point::generator()));
    assert!(!point::pairing_product_is_one(&pairs));
}

/// Arrays of encodings: as the points one by one, in every layout, and in every part.
pub fn arrays(data: &[u8]) {
    let mut input = Input::new(data);
    match input.flag() {
        true => array::<g1::Config>(&mut input),
        false => array::<g2::Config>(&mut input),
    }
}

fn array<G: Choice>(input: &mut Input<'_>) {
    let (check, start, stop) = (input.flag(), input.below(9), input.below(9));
    let far = input.number() as usize;
    let bytes = encodings::<G>(input, 6);
    let size = size_of::<G>();
    let bad = bytes
        .chunks(size)
        .position(|bytes| from_bytes::<G>(bytes, check).is_err());
    let whole = match Bases::<G>::from_bytes(&bytes, check) {
        Ok(whole) => whole,
        Err(error) => {
            let place = format!("point {}:", bad.expect("nothing is wrong with any point"));
            let part = !bytes.len().is_multiple_of(size);
            return assert!(part || error.to_string().starts_with(&place), "{error}");
        }
    };
    assert_eq!(bad, None);
    assert_eq!(whole.len() * size, bytes.len());
    assert_eq!(whole.to_bytes(), bytes);
    let one_by_one: Vec<_> = bytes
        .chunks(size)
        .map(|bytes| from_bytes::<G>(bytes, false).unwrap())
        .collect();
    assert_eq!(whole.points(), one_by_one);
    assert_eq!(Bases::new(&one_by_one), whole);
    let raw = whole.to_raw();
    assert_eq!(Bases::from_raw(&raw).unwrap(), whole);
    assert_eq!(Bases::<G>::map(Arc::new(raw), check).unwrap(), whole);
    for stop in [stop, far] {
        match whole.slice(start, stop) {
            Ok(part) => assert_eq!(part.points(), one_by_one[start..stop]),
            Err(_) => assert!(start > stop || stop > one_by_one.len()),
        }
    }
    let middle = start.min(whole.len());
    let parts = [
        whole.slice(0, middle).unwrap(),
        whole.slice(middle, whole.len()).unwrap(),
    ];
    assert_eq!(Bases::concat(&[&parts[0], &parts[1]]), whole);
}

/// Memory in the raw layout, whose points nobody vouches for, and which may change after it was checked.
pub fn mapped(data: &[u8]) {
    let mut input = Input::new(data);
    match input.flag() {
        true => raw::<g1::Config>(&mut input),
        false => raw::<g2::Config>(&mut input),
    }
}

fn raw<G: Choice>(input: &mut Input<'_>) {
    let (own, many, at, bit) = (input.flag(), input.flag(), input.below(512), input.byte());
    let scalars = input.elements(usize::from(bit >> 4) + 1);
    let mut bytes = match own {
        true => input.rest().to_vec(),
        false => {
            let n = input.below(4);
            Bases::new(&chosen::<G>(input, n).0).to_raw()
        }
    };
    // Enough for the methods that are for many points.
    if many && !bytes.is_empty() {
        let whole = 70 * size_of::<G>();
        bytes = bytes.iter().copied().cycle().take(whole).collect();
    }
    let before = bytes.clone();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (bit % 8);
    }
    let size = size_of::<G>();
    let canonical = bytes.len().is_multiple_of(size)
        && bytes.as_chunks::<32>().0.iter().all(|little| {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            below_base_order(&big)
        });
    let read = Bases::<G>::from_raw(&bytes);
    assert_eq!(read.is_ok(), canonical);
    assert_eq!(
        Bases::<G>::map(Arc::new(bytes.clone()), false).is_ok(),
        canonical
    );
    if let Ok(read) = read {
        assert_eq!(read.to_raw(), bytes);
        let members = read.points().iter().all(is_member);
        let mapped = Bases::<G>::map(Arc::new(bytes.clone()), true);
        assert_eq!(mapped.is_ok(), members);
        used(&read, &scalars);
    }
    let memory = Arc::new(Memory::new(before, bytes));
    if let Ok(bases) = Bases::<G>::map(memory.clone(), false) {
        memory.changed.store(true, Ordering::Relaxed);
        used(&bases, &scalars);
    }
}

/// Everything that is done with points; that it ends is all that can be asked.
fn used<G: Choice>(bases: &Bases<G>, scalars: &[Limbs]) {
    let n = bases.len();
    let scalars: Vec<Limbs> = scalars.iter().copied().cycle().take(n).collect();
    let integers: Vec<i64> = scalars.iter().map(|x| x[0] as i64).collect();
    assert_eq!(bases.to_bytes().len(), n * size_of::<G>());
    assert_eq!(bases.points().len(), n);
    assert!(msm(bases, &scalars, 0).is_ok());
    assert!(msm_int64(bases, &integers, 0).is_ok());
    if n > 0 {
        assert!(lagrange(bases, 1 << n.ilog2().min(3)).is_ok());
    }
}

/// A mapped file that somebody writes to.
struct Memory {
    before: Vec<u8>,
    after: Vec<u8>,
    changed: AtomicBool,
}

impl Memory {
    fn new(before: Vec<u8>, after: Vec<u8>) -> Self {
        let changed = AtomicBool::new(false);
        Self {
            before,
            after,
            changed,
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self.changed.load(Ordering::Relaxed) {
            true => &self.after,
            false => &self.before,
        }
    }
}
