//! Elements of the scalar field, one by one and as vectors.

use ark_bn254::Fr;
use ark_ff::{Field, PrimeField, Zero};
use gradroll_kernel::field::{self, ORDER};
use gradroll_kernel::{Error, Limbs, combine, gram, vector};

use super::input::{Input, value, values, views};

/// Whether 32 little-endian bytes are below the order, byte by byte.
fn below_order(bytes: &[u8]) -> bool {
    let order = field::to_bytes(&ORDER);
    bytes.iter().rev().lt(order.iter().rev())
}

/// Bytes of scalars: what is read is written the same, and nothing is reduced on the way.
pub fn scalars(data: &[u8]) {
    let (chunks, rest) = data.as_chunks::<32>();
    let bad = chunks.iter().position(|bytes| !below_order(bytes));
    match field::all_from_bytes(data) {
        Ok(read) => {
            assert!(rest.is_empty() && bad.is_none());
            let written: Vec<u8> = read
                .iter()
                .flat_map(|x| field::to_bytes(&field::encode(*x)))
                .collect();
            assert_eq!(written, data);
        }
        Err(Error::NonCanonical { index }) => assert_eq!(Some(index), bad),
        Err(_) => assert!(!rest.is_empty()),
    }
    let limbs: Vec<Limbs> = chunks.iter().map(limbs_of).collect();
    match field::check(&limbs) {
        Ok(()) => {
            assert!(bad.is_none());
            signed(&limbs);
        }
        Err(error) => assert_eq!(bad, index_of(&error)),
    }
    for (bytes, limbs) in chunks.iter().zip(&limbs) {
        let reduced = field::encode(Fr::from_le_bytes_mod_order(bytes));
        assert_eq!(field::reduce(*limbs), reduced);
    }
    for bytes in data.as_chunks::<64>().0 {
        let reduced = field::encode(Fr::from_le_bytes_mod_order(bytes));
        assert_eq!(field::from_wide_bytes(bytes), reduced);
    }
}

fn limbs_of(bytes: &[u8; 32]) -> Limbs {
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

fn index_of(error: &Error) -> Option<usize> {
    match error {
        Error::NonCanonical { index } => Some(*index),
        _ => None,
    }
}

/// Residues as signed integers: each that fits comes back, and the first that does not is named.
fn signed(limbs: &[Limbs]) {
    let fits = |x: &Limbs| {
        let small = |[low, rest @ ..]: Limbs| rest == [0; 3] && low < 1 << 63;
        small(*x) || small(field::encode(-value(x)))
    };
    match vector::to_int64(limbs) {
        Ok(integers) => assert_eq!(vector::from_int64(&integers), limbs),
        Err(Error::Overflow { index }) => {
            assert_eq!(limbs.iter().position(|x| !fits(x)), Some(index));
        }
        Err(other) => panic!("{other}"),
    }
}

/// Arithmetic on vectors, against one element at a time; what is not canonical is refused by all of it.
pub fn vectors(data: &[u8]) {
    let mut input = Input::new(data);
    let (n, m) = (input.below(40), input.below(6));
    let (a, b, s) = (input.elements(n), input.elements(n), input.scalar());
    let pairs = || values(&a).into_iter().zip(values(&b));
    let same = |got: Vec<Limbs>, expected: Vec<Fr>| assert_eq!(values(&got), expected);
    same(
        vector::add(&a, &b).unwrap(),
        pairs().map(|(x, y)| x + y).collect(),
    );
    same(
        vector::sub(&a, &b).unwrap(),
        pairs().map(|(x, y)| x - y).collect(),
    );
    same(
        vector::mul(&a, &b).unwrap(),
        pairs().map(|(x, y)| x * y).collect(),
    );
    same(vector::neg(&a).unwrap(), pairs().map(|(x, _)| -x).collect());
    same(
        vector::scale(&a, s).unwrap(),
        pairs().map(|(x, _)| x * s).collect(),
    );
    let dot: Fr = pairs().map(|(x, y)| x * y).sum();
    assert_eq!(value(&vector::inner(&a, &b).unwrap()), dot);
    let powers = (0..n as u64).map(|i| s.pow([i])).collect();
    same(vector::powers(s, n).unwrap(), powers);
    let far = input.number();
    assert!(far <= 1 << 32 || vector::powers(s, far as usize).is_err());
    let before = |i: usize| values(&a[..i]).into_iter().sum();
    same(
        vector::prefix_sum(&a).unwrap(),
        (0..n).map(before).collect(),
    );
    match vector::batch_inverse(&a) {
        Ok(inverses) => assert!(
            values(&inverses)
                .into_iter()
                .zip(values(&a))
                .all(|(x, y)| x * y == Fr::from(1u64))
        ),
        Err(Error::ZeroInverse { index }) => {
            assert_eq!(a.iter().position(|x| value(x).is_zero()), Some(index));
        }
        Err(other) => panic!("{other}"),
    }
    roots(&a);
    many(&mut input, m, n);
    refused(data);
}

/// Square roots of squares, and of whatever comes.
fn roots(a: &[Limbs]) {
    let squares = vector::mul(a, a).unwrap();
    match vector::square_roots(&squares) {
        Ok(roots) => {
            assert_eq!(vector::mul(&roots, &roots).unwrap(), squares);
            let negative = vector::neg(&roots).unwrap();
            assert!(
                values(&roots)
                    .into_iter()
                    .zip(values(&negative))
                    .all(|(lesser, other)| lesser < other)
            );
        }
        Err(Error::NoSquare { index }) => {
            assert_eq!(a.iter().position(|x| value(x).is_zero()), Some(index));
        }
        Err(other) => panic!("{other}"),
    }
    let no_squares = values(a).into_iter().position(|x| !x.legendre().is_qr());
    match vector::square_roots(a) {
        Ok(_) => assert_eq!(no_squares, None),
        Err(Error::NoSquare { index }) => assert_eq!(no_squares, Some(index)),
        Err(other) => panic!("{other}"),
    }
}

/// Sums and products of several rows.
fn many(input: &mut Input<'_>, m: usize, n: usize) {
    let rows = input.rows(m, n);
    let weights: Vec<Fr> = (0..m).map(|_| input.scalar()).collect();
    let sum = combine::linear_combination(&views(&rows), &weights, n).unwrap();
    for (j, got) in sum.iter().enumerate() {
        let terms = rows.iter().zip(&weights);
        assert_eq!(value(got), terms.map(|(row, w)| value(&row[j]) * w).sum());
    }
    let mut products = gram::gram(&views(&rows)).unwrap().into_iter();
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i..] {
            assert_eq!(products.next(), Some(vector::inner(a, b).unwrap()));
        }
    }
    assert_eq!(products.next(), None);
}

fn refused(data: &[u8]) {
    let wild: Vec<Limbs> = data.as_chunks().0.iter().map(limbs_of).collect();
    let canonical = data
        .as_chunks::<32>()
        .0
        .iter()
        .all(|bytes| below_order(bytes));
    let one = [Fr::from(1u64)];
    for answer in [
        vector::add(&wild, &wild).map(drop),
        vector::sub(&wild, &wild).map(drop),
        vector::mul(&wild, &wild).map(drop),
        vector::neg(&wild).map(drop),
        vector::scale(&wild, one[0]).map(drop),
        vector::inner(&wild, &wild).map(drop),
        vector::prefix_sum(&wild).map(drop),
        combine::linear_combination(&[&wild], &one, wild.len()).map(drop),
        gram::gram(&[&wild]).map(drop),
    ] {
        assert_eq!(answer.is_ok(), canonical);
    }
    let unlike = vector::add(&wild, &wild[..wild.len() / 2]);
    assert!(wild.is_empty() || unlike.is_err());
}
