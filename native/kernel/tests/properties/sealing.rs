//! Small integers sealed under one key, against single multiples; points that are hashes, against others.

use ark_bn254::g1;
use ark_ec::CurveGroup;
use gradroll_kernel::bases::Bases;
use gradroll_kernel::elgamal::{WIDEST, decrypt, encrypt};
use gradroll_kernel::vector::from_int64;
use gradroll_kernel::{Error, Fr, Limbs, field, independent};

use super::groups::{chosen, multiple};
use super::input::{Input, value};

/// Mostly small tables.
const BITS: [u32; 9] = [1, 2, 5, 8, 12, WIDEST, 0, WIDEST + 1, u32::MAX];

/// Whatever the bases are, also equal, opposite and infinite ones: what is sealed is opened, and nothing else is.
pub fn sealing(data: &[u8]) {
    let mut input = Input::new(data);
    let (n, bits) = (input.below(20), BITS[input.below(BITS.len())]);
    let (points, factors) = chosen::<g1::Config>(&mut input, n);
    let (bases, key) = (Bases::new(&points), input.scalar());
    let values: Vec<i64> = (0..n)
        .map(|_| match input.seldom() {
            true => input.number() as i64,
            false => input.number() as i64 >> (64 - bits.clamp(1, 64)),
        })
        .collect();
    let possible = (1..=WIDEST).contains(&bits);
    let fits = |v: &i64| possible && (-(1 << (bits - 1))..1 << (bits - 1)).contains(v);
    let sealed = encrypt(&bases, &values, key, bits);
    assert_eq!(sealed.is_ok(), possible && values.iter().all(fits));
    assert!(encrypt(&bases, &[&values[..], &[0]].concat(), key, bits).is_err());
    let expected: Vec<_> = from_int64(&values)
        .iter()
        .zip(&factors)
        .map(|(v, f)| multiple::<g1::Config>(&field::encode(value(v) + value(f) * key)))
        .collect();
    let slow = Bases::new(&expected);
    if let Ok(sealed) = sealed {
        assert_eq!(sealed, slow);
    }
    match decrypt(&slow, &bases, key, bits) {
        Ok(opened) => assert_eq!(opened, values),
        Err(Error::NotSmall { index }) => assert!(!fits(&values[index])),
        Err(_) => assert!(!possible),
    }
    under_another_key(&slow, &bases, input.scalar(), bits);
}

/// What another key opens is what is left under it.
fn under_another_key(sealed: &Bases<g1::Config>, bases: &Bases<g1::Config>, key: Fr, bits: u32) {
    if let Ok(opened) = decrypt(sealed, bases, key, bits) {
        let again = bases.points().into_iter().zip(from_int64(&opened));
        let again: Vec<_> = again
            .map(|(base, v): (_, Limbs)| (base * key + multiple::<g1::Config>(&v)).into_affine())
            .collect();
        assert_eq!(Bases::new(&again), *sealed);
    }
}

/// Hashes pass for what they are, and for nothing else.
pub fn hashes(data: &[u8]) {
    let mut input = Input::new(data);
    let (tag, start, n): ([u8; 32], _, _) = (input.array(), input.number(), input.below(12));
    let Ok(made) = independent::independent(&tag, start, n) else {
        return assert!(start.checked_add(n as u64).is_none());
    };
    assert!(made.points().iter().all(|point| point.is_on_curve()));
    independent::check(&made, &tag, start).unwrap();
    let (mut others, at) = (made.points(), input.below(n.max(1)));
    if n > 0 {
        others[at] = match input.byte() % 3 {
            0 => -others[at],
            1 => chosen::<g1::Config>(&mut input, 1).0[0],
            _ => independent::independent(&tag, start ^ 1 << 40, 1)
                .unwrap()
                .points()[0],
        };
        assert!(independent::check(&Bases::new(&others), &tag, start).is_err());
        assert!(independent::check(&made, &tag, start ^ 1).is_err());
    }
}
