//! Sharing of small integers in thirteen bytes a coordinate.
//!
//! Replicated secret sharing (Cramer, Damgard, Ishai 2005) with masks that are integers instead of field
//! elements: every seed stands for one mask a coordinate, `correct` adds all masks to a secret, and a holder of
//! some of the seeds computes its Shamir share with `share`. See section 4 of docs/protocol.md for the masks'
//! width and what it hides.

use ark_bn254::Fr;
use rayon::prelude::*;

use crate::error::{Error, Result, same_length};
use crate::field::{BLOCK, Limbs, ZERO, check, encode, raw, unraw};
use crate::seed::{Seed, bounded_keystream, check_bounded_length};
use crate::wide::Wide;

/// Bytes of a corrected coordinate, little-endian.
pub const PACKED: usize = 13;

/// Width of a corrected coordinate in bits.
pub const WIDTH: u32 = 8 * PACKED as u32;

/// A corrected coordinate is the secret plus the masks plus this, so that it is never negative.
pub const OFFSET: u128 = 1 << (WIDTH - 2);

/// Elements of a keystream block; a vector may be expanded from multiples of it on.
const STRIDE: usize = 4;

fn check_masks(seeds: usize, bits: u32) -> Result<()> {
    // Room for the masks is half of a coordinate's range; the secret has the other half.
    let fits = bits < WIDTH - 1 && seeds as u128 <= 1 << (WIDTH - 1 - bits);
    if fits {
        return Ok(());
    }
    Err(Error::Range(format!(
        "{seeds} masks of {bits} bits do not fit the {PACKED} bytes of a coordinate"
    )))
}

/// Adds the masks of all seeds to a secret of small integers, negative ones given modulo the order.
///
/// # Errors
/// A non-canonical element; one of absolute value `2^102` or more; masks that are too many or too wide.
pub fn correct(secret: &[Limbs], seeds: &[Seed], bits: u32) -> Result<Vec<u8>> {
    check(secret)?;
    check_masks(seeds.len(), bits)?;
    check_bounded_length(secret.len())?;
    let mut out = vec![0; PACKED * secret.len()];
    out.par_chunks_mut(PACKED * BLOCK)
        .zip(secret.par_chunks(BLOCK))
        .enumerate()
        .try_for_each(|(block, (out, secret))| {
            let mut sums = vec![0u128; secret.len()];
            for (i, (sum, value)) in sums.iter_mut().zip(secret).enumerate() {
                *sum = shifted(value).ok_or_else(|| {
                    Error::Range(format!(
                        "element {} is no integer of absolute value below 2^{}",
                        block * BLOCK + i,
                        WIDTH - 2
                    ))
                })?;
            }
            for seed in seeds {
                let masks = bounded_keystream(seed, block * BLOCK, secret.len(), bits);
                sums.iter_mut()
                    .zip(masks)
                    .for_each(|(sum, mask)| *sum += mask);
            }
            for (packed, sum) in out.as_chunks_mut::<PACKED>().0.iter_mut().zip(sums) {
                packed.copy_from_slice(&sum.to_le_bytes()[..PACKED]);
            }
            Ok(())
        })?;
    Ok(out)
}

/// `value + OFFSET` for a residue that stands for an integer in `(-OFFSET, OFFSET)`.
fn shifted(value: &Limbs) -> Option<u128> {
    let negative = value[3] != 0;
    let size = if negative {
        encode(-crate::field::decode(value))
    } else {
        *value
    };
    let size = match size {
        [low, high, 0, 0] => u128::from(low) | u128::from(high) << 64,
        _ => return None,
    };
    match (size < OFFSET, negative) {
        (true, false) => Some(OFFSET + size),
        (true, true) => Some(OFFSET - size),
        (false, _) => None,
    }
}

/// What a holder of seeds knows: with `weights[k]` for the masks of `seeds[k]`, and `weight` for the corrected
/// coordinates, which may be missing when the weight is zero.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// Seeds that the holder has.
    pub seeds: &'a [Seed],
    /// Weight of the masks of each seed.
    pub weights: &'a [Fr],
    /// Width of a mask in bits.
    pub bits: u32,
    /// Weight of the corrected coordinates.
    pub weight: Fr,
}

/// Elements `offset ..` of the share: `weight (corrected - OFFSET) + sum_k weights[k] mask_k`.
///
/// # Arguments
/// * `corrected` - [`PACKED`] bytes for each of the elements, or nothing for a holder without them.
/// * `n` - number of elements.
///
/// # Errors
/// Lengths that do not match; masks that are too many or too wide; an offset that is no multiple of four.
pub fn share(
    holding: &Holding<'_>,
    corrected: &[u8],
    offset: usize,
    n: usize,
) -> Result<Vec<Limbs>> {
    same_length(
        "weights against seeds",
        holding.weights.len(),
        holding.seeds.len(),
    )?;
    check_masks(holding.seeds.len(), holding.bits)?;
    check_bounded_length(offset.saturating_add(n))?;
    if !corrected.is_empty() {
        same_length("corrected bytes", corrected.len(), PACKED * n)?;
    }
    if !offset.is_multiple_of(STRIDE) {
        return Err(Error::Range(format!(
            "the offset is no multiple of {STRIDE}"
        )));
    }
    let weights: Vec<Limbs> = holding.weights.iter().map(|w| unraw(*w)).collect();
    let constant = -holding.weight * Fr::from(OFFSET);
    let mut out = vec![ZERO; n];
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, out)| {
            let mut sums = vec![Wide::ZERO; out.len()];
            for (seed, weight) in holding.seeds.iter().zip(&weights) {
                let masks =
                    bounded_keystream(seed, offset + block * BLOCK, out.len(), holding.bits);
                sums.iter_mut()
                    .zip(masks)
                    .for_each(|(sum, mask)| sum.add_short_product(mask, weight));
            }
            let from = block * BLOCK * PACKED;
            let packed = corrected
                .get(from..)
                .unwrap_or_default()
                .as_chunks::<PACKED>()
                .0;
            let weight = unraw(holding.weight);
            for (sum, thirteen) in sums.iter_mut().zip(packed) {
                let mut sixteen = [0; 16];
                sixteen[..PACKED].copy_from_slice(thirteen);
                sum.add_short_product(u128::from_le_bytes(sixteen), &weight);
            }
            let shift = if corrected.is_empty() {
                ZERO
            } else {
                encode(constant)
            };
            for (slot, sum) in out.iter_mut().zip(&sums) {
                *slot = unraw(sum.montgomery_reduce() + raw(&shift));
            }
        });
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ORDER, decode};
    use crate::seed::expand_bounded;
    use ark_ff::{AdditiveGroup, Field, One};

    const SEEDS: [Seed; 4] = [[1; 32], [2; 32], [3; 32], [4; 32]];

    fn integer(value: i128) -> Limbs {
        let size = Fr::from(value.unsigned_abs());
        encode(if value < 0 { -size } else { size })
    }

    #[test]
    fn correction_is_secret_plus_masks() {
        let secret: Vec<Limbs> = [0, 1, -1, 1 << 62, -(1 << 62), 77].map(integer).to_vec();
        let packed = correct(&secret, &SEEDS, 101).unwrap();
        for (i, thirteen) in packed.as_chunks::<PACKED>().0.iter().enumerate() {
            let mut expected = decode(&secret[i]) + Fr::from(OFFSET);
            for seed in &SEEDS {
                expected += decode(&expand_bounded(seed, 6, 101).unwrap()[i]);
            }
            let mut sixteen = [0; 16];
            sixteen[..PACKED].copy_from_slice(thirteen);
            assert_eq!(Fr::from(u128::from_le_bytes(sixteen)), expected);
        }
    }

    #[test]
    fn the_largest_integers_fit_and_larger_ones_are_refused() {
        let edge = OFFSET as i128;
        assert!(correct(&[integer(edge - 1), integer(1 - edge)], &SEEDS, 101).is_ok());
        for value in [edge, -edge] {
            assert!(correct(&[integer(value)], &SEEDS, 101).is_err());
        }
        assert!(correct(&[encode(Fr::one() / Fr::from(2u64))], &SEEDS, 101).is_err());
        assert!(correct(&[ORDER], &SEEDS, 101).is_err());
    }

    #[test]
    fn masks_that_could_overflow_a_coordinate_are_refused() {
        assert!(correct(&[ZERO], &SEEDS, 102).is_err());
        assert!(correct(&[ZERO], &[[0; 32]; 5], 101).is_err());
        assert!(correct(&[ZERO], &[[0; 32]; 5], 100).is_ok());
        assert!(correct(&[ZERO], &[], 103).is_err());
        assert!(correct(&[ZERO], &[], u32::MAX).is_err());
    }

    #[test]
    fn shares_are_the_stated_combination_at_every_offset() {
        let n = 2 * BLOCK + 7;
        let secret: Vec<Limbs> = (0..n).map(|i| integer(i as i128 - 4000)).collect();
        let packed = correct(&secret, &SEEDS, 101).unwrap();
        let weights = [Fr::from(5u64), -Fr::from(3u64), Fr::ZERO];
        let weight = Fr::from(7u64).inverse().unwrap();
        let holding = Holding {
            seeds: &SEEDS[..3],
            weights: &weights,
            bits: 101,
            weight,
        };
        let whole = share(&holding, &packed, 0, n).unwrap();
        let masks: Vec<_> = SEEDS
            .iter()
            .map(|seed| expand_bounded(seed, n, 101).unwrap())
            .collect();
        for i in [0, 1, BLOCK - 1, BLOCK, n - 1] {
            let all: Fr = masks.iter().map(|m| decode(&m[i])).sum();
            let mut expected = weight * (decode(&secret[i]) + all);
            for (mask, w) in masks.iter().zip(weights) {
                expected += w * decode(&mask[i]);
            }
            assert_eq!(decode(&whole[i]), expected);
        }
        for (from, size) in [(4, 9), (BLOCK, BLOCK + 7), (n - 3, 3)] {
            let part = &packed[PACKED * from..PACKED * (from + size)];
            let cut = share(&holding, part, from, size);
            if from % STRIDE == 0 {
                assert_eq!(cut.unwrap(), whole[from..from + size]);
            }
        }
        assert!(share(&holding, &packed[PACKED..], 1, n - 1).is_err());
        assert!(share(&holding, &packed[1..], 0, n).is_err());
    }

    #[test]
    fn without_corrected_coordinates_only_the_masks_count() {
        let weights = [Fr::one(); 4];
        let holding = Holding {
            seeds: &SEEDS,
            weights: &weights,
            bits: 90,
            weight: Fr::ZERO,
        };
        let sums = share(&holding, &[], 0, 5).unwrap();
        for (i, sum) in sums.iter().enumerate() {
            let expected: Fr = SEEDS
                .iter()
                .map(|s| decode(&expand_bounded(s, 5, 90).unwrap()[i]))
                .sum();
            assert_eq!(decode(sum), expected);
        }
    }
}
