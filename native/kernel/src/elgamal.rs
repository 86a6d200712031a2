//! Small integers hidden under one key: `values[i] G + k bases[i]`, ElGamal in the exponent with shared randomness.
//!
//! Who knows `k` subtracts `k bases[i]` and finds what is left in a table of the small multiples of `G`. Bases must be
//! independent of each other and of `G` ([`crate::independent`]): a known relation among them is one among the values.
//! Time and memory access depend on `k` and on the values.

use std::collections::HashMap;

use ark_bn254::{Fr, G1Affine, g1};
use ark_ec::AffineRepr;
use rayon::prelude::*;

use crate::affine::{Adder, INFINITY, Layout, Point, Portable, STORED};
use crate::bases::Bases;
use crate::error::{Error, Result, same_length};
use crate::multiplier::{Halves, Multiplier, TOGETHER};
use crate::point::generator;
use crate::vector::from_int64;

/// Bits of the widest integers, signs included.
pub const WIDEST: u32 = 16;

type Array = Bases<g1::Config>;

fn half(bits: u32) -> Result<i64> {
    if !(1..=WIDEST).contains(&bits) {
        return Err(Error::Range(format!("integers of {bits} bits")));
    }
    Ok(1 << (bits - 1))
}

/// `0 .. half` times the generator, and `half` times.
fn multiples(half: i64) -> Result<Array> {
    let integers: Vec<i64> = (0..=half).collect();
    Array::fixed_base(&from_int64(&integers), generator())
}

/// `values[i] G + k bases[i]` for integers of `bits` bits in two's complement.
///
/// # Errors
/// As many values as bases; bits outside `1 ..= 16`; a value that does not have so few, with its position.
pub fn encrypt(bases: &Array, values: &[i64], k: Fr, bits: u32) -> Result<Array> {
    same_length("values against bases", values.len(), bases.len())?;
    let half = half(bits)?;
    if let Some(index) = values.iter().position(|v| !(-half..half).contains(v)) {
        return Err(Error::Range(format!(
            "value {index} is no integer of {bits} bits"
        )));
    }
    let table = multiples(half)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(adder) = crate::ifma::Ifma::detect() {
        return Ok(encrypt_by(adder, bases, values, k, &table));
    }
    Ok(encrypt_by(Portable, bases, values, k, &table))
}

fn encrypt_by<A: Adder>(adder: A, bases: &Array, values: &[i64], k: Fr, table: &Array) -> Array {
    let (k, stored) = (Halves::new(k), g1::Config::stored(bases.bytes()));
    let table = g1::Config::stored(table.bytes());
    Array::in_blocks(
        bases.len(),
        TOGETHER,
        || Multiplier::new(adder),
        |multiplier, block| {
            let entries: Vec<u32> = values[block.clone()].iter().map(|v| entry(*v)).collect();
            let addends = loaded(adder, table, &entries);
            masked(multiplier, &stored[block], &k, addends)
        },
    )
}

/// A multiple's place in the table, and its sign, as [`crate::affine::Sums::load`] takes them.
fn entry(value: i64) -> u32 {
    2 * value.unsigned_abs() as u32 + u32::from(value < 0)
}

fn loaded<A: Adder>(adder: A, stored: &[[u8; STORED]], entries: &[u32]) -> Vec<Point> {
    let mut out = vec![INFINITY; entries.len()];
    adder.load(stored, entries, &mut out);
    out
}

/// Entries of as many stored points.
fn in_order(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| 2 * i).collect()
}

/// `addends[i] + k bases[i]`.
fn masked<A: Adder>(
    multiplier: &mut Multiplier<A>,
    bases: &[[u8; STORED]],
    k: &Halves,
    addends: Vec<Point>,
) -> Vec<G1Affine> {
    let (n, adder) = (bases.len(), multiplier.adder);
    let mut sums = loaded(adder, bases, &in_order(n));
    multiplier.multiply(&mut sums, |_| k);
    sums.extend(addends);
    let pairs: Vec<(u32, u32)> = (0..n as u32).map(|i| (i, n as u32 + i)).collect();
    adder.add(&mut sums, &pairs, &mut multiplier.scratch);
    sums[..n].iter().map(|sum| adder.store(sum)).collect()
}

/// The integers of `bits` bits that [`encrypt`] hid under `k`.
///
/// # Errors
/// As many ciphertexts as bases; bits outside `1 ..= 16`; a ciphertext that hides no such integer, with its position.
pub fn decrypt(ciphertexts: &Array, bases: &Array, k: Fr, bits: u32) -> Result<Vec<i64>> {
    same_length("ciphertexts against bases", ciphertexts.len(), bases.len())?;
    let half = half(bits)?;
    let table = logarithms(half)?;
    #[cfg(target_arch = "x86_64")]
    if let Some(adder) = crate::ifma::Ifma::detect() {
        return decrypt_by(adder, ciphertexts, bases, k, &table);
    }
    decrypt_by(Portable, ciphertexts, bases, k, &table)
}

/// `-half .. half` by their multiples of the generator.
fn logarithms(half: i64) -> Result<HashMap<Point, i64>> {
    let points = multiples(half)?.points();
    let point = |value: i64| {
        let point = points[value.unsigned_abs() as usize];
        limbs(&if value < 0 { -point } else { point })
    };
    Ok((-half..half).map(|value| (point(value), value)).collect())
}

/// Canonical limbs of a point.
fn limbs(point: &G1Affine) -> Point {
    match point.xy() {
        None => INFINITY,
        Some((x, y)) => g1::Config::join(x, y),
    }
}

fn decrypt_by<A: Adder>(
    adder: A,
    ciphertexts: &Array,
    bases: &Array,
    k: Fr,
    table: &HashMap<Point, i64>,
) -> Result<Vec<i64>> {
    let k = Halves::new(-k);
    let (sealed, bases) = (ciphertexts.bytes(), g1::Config::stored(bases.bytes()));
    let sealed = g1::Config::stored(sealed);
    let mut values = vec![0; bases.len()];
    values
        .par_chunks_mut(TOGETHER)
        .enumerate()
        .try_for_each_init(
            || Multiplier::new(adder),
            |multiplier, (block, values)| {
                let start = block * TOGETHER;
                let block = start..start + values.len();
                let addends = loaded(adder, &sealed[block.clone()], &in_order(values.len()));
                let left = masked(multiplier, &bases[block], &k, addends);
                for (i, (value, point)) in values.iter_mut().zip(&left).enumerate() {
                    let index = start + i;
                    *value = *table.get(&limbs(point)).ok_or(Error::NotSmall { index })?;
                }
                Ok(())
            },
        )?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::independent::independent;
    use ark_ec::CurveGroup;
    use ark_ff::Field;

    /// Both arithmetics where there are two.
    fn encryptions(bases: &Array, values: &[i64], k: Fr, bits: u32) -> Vec<Array> {
        let table = multiples(half(bits).unwrap()).unwrap();
        let mut all = vec![
            encrypt(bases, values, k, bits).unwrap(),
            encrypt_by(Portable, bases, values, k, &table),
        ];
        #[cfg(target_arch = "x86_64")]
        if let Some(adder) = crate::ifma::Ifma::detect() {
            all.push(encrypt_by(adder, bases, values, k, &table));
        }
        all
    }

    fn decryptions(sealed: &Array, bases: &Array, k: Fr, bits: u32) -> Vec<Result<Vec<i64>>> {
        let table = logarithms(half(bits).unwrap()).unwrap();
        let mut all = vec![
            decrypt(sealed, bases, k, bits),
            decrypt_by(Portable, sealed, bases, k, &table),
        ];
        #[cfg(target_arch = "x86_64")]
        if let Some(adder) = crate::ifma::Ifma::detect() {
            all.push(decrypt_by(adder, sealed, bases, k, &table));
        }
        all
    }

    fn slowly(bases: &Array, values: &[i64], k: Fr) -> Array {
        let hidden = bases.points().into_iter().zip(values).map(|(base, value)| {
            let plain = generator::<g1::Config>() * Fr::from(*value);
            (plain + base * k).into_affine()
        });
        Array::new(&hidden.collect::<Vec<_>>())
    }

    fn keys() -> Vec<Fr> {
        let any = Fr::from(12345u64).pow([99]);
        vec![Fr::from(0u64), Fr::from(1u64), -Fr::from(1u64), any, -any]
    }

    #[test]
    fn agrees_with_single_multiples() {
        for (n, bits) in [(0, 12), (1, 1), (9, 2), (TOGETHER + 3, 12), (30, 16)] {
            let bases = independent(&[7; 32], 0, n).unwrap();
            let half = half(bits).unwrap();
            let values: Vec<i64> = (0..n as i64)
                .map(|i| (i * 7919).rem_euclid(2 * half) - half)
                .collect();
            for k in keys() {
                let expected = slowly(&bases, &values, k);
                for sealed in encryptions(&bases, &values, k, bits) {
                    assert_eq!(sealed, expected);
                }
                for opened in decryptions(&expected, &bases, k, bits) {
                    assert_eq!(opened.unwrap(), values);
                }
            }
        }
    }

    #[test]
    fn every_integer_of_twelve_bits_is_found() {
        let values: Vec<i64> = (-2048..2048).collect();
        let (bases, k) = (independent(&[7; 32], 0, 4096).unwrap(), keys()[3]);
        let sealed = encrypt(&bases, &values, k, 12).unwrap();
        assert_eq!(decrypt(&sealed, &bases, k, 12).unwrap(), values);
    }

    #[test]
    fn sums_that_need_care() {
        // Equal, opposite and infinite points, in the multiplication and in the sum.
        let g = generator::<g1::Config>();
        let bases = Array::new(&[g, -g, G1Affine::identity(), g, -g]);
        let values = [3, 3, 0, -3, 2];
        for k in [3i64, -3, 2, -2].map(Fr::from) {
            let expected = slowly(&bases, &values, k);
            for sealed in encryptions(&bases, &values, k, 3) {
                assert_eq!(sealed, expected);
            }
            for opened in decryptions(&expected, &bases, k, 3) {
                assert_eq!(opened.unwrap(), values);
            }
        }
    }

    #[test]
    fn what_hides_no_small_integer_is_named() {
        let (bases, k) = (independent(&[7; 32], 0, 5).unwrap(), keys()[3]);
        let wide = [0, 1, 2047, -2048, 2048];
        let sealed = slowly(&bases, &wide, k);
        for opened in decryptions(&sealed, &bases, k, 12) {
            assert_eq!(opened, Err(Error::NotSmall { index: 4 }));
        }
        for (key, bits) in [(k, 11), (-k, 12), (k + Fr::from(1u64), 12)] {
            for opened in decryptions(
                &sealed.slice(0, 4).unwrap(),
                &bases.slice(0, 4).unwrap(),
                key,
                bits,
            ) {
                assert!(matches!(opened, Err(Error::NotSmall { .. })));
            }
        }
    }

    #[test]
    fn refused_arguments() {
        let (bases, k) = (independent(&[7; 32], 0, 3).unwrap(), keys()[3]);
        assert!(encrypt(&bases, &[1, 2], k, 12).is_err());
        for values in [
            [0, 0, 2048],
            [0, 0, -2049],
            [0, 0, i64::MIN],
            [0, 0, i64::MAX],
        ] {
            let error = encrypt(&bases, &values, k, 12).unwrap_err();
            assert!(error.to_string().starts_with("value 2 "), "{error}");
        }
        for bits in [0, WIDEST + 1, u32::MAX] {
            assert!(encrypt(&bases, &[0; 3], k, bits).is_err());
            assert!(decrypt(&bases, &bases, k, bits).is_err());
        }
        assert!(decrypt(&bases.slice(0, 2).unwrap(), &bases, k, 12).is_err());
    }
}
