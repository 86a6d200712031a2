//! Vectors expanded from 32-byte seeds with ChaCha20 (RFC 8439).
//!
//! The seed is the key and the block counter starts at zero. Each kind of vector has its own nonce, so one
//! seed may serve all of them:
//!
//! | vector | nonce (12 bytes) | element `i` |
//! | --- | --- | --- |
//! | [`expand`] | zeros | bytes `64i .. 64i+64`, little-endian, modulo `r` |
//! | [`expand_bounded`] | `"gr/bounded"`, then two zeros | bytes `16i .. 16i+16`, little-endian, modulo `2^bits` |
//! | [`signs`] | `"gr/signs"`, then the row as little-endian u32 | see [`SIGNS_PER_BLOCK`] |
//!
//! The 32-bit block counter of RFC 8439 bounds a keystream to `2^32 - 1` blocks; longer requests are refused.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::field::{BLOCK, Limbs, ZERO, from_wide_bytes};

/// A seed: the key of the keystream.
pub type Seed = [u8; 32];

type Nonce = [u8; 12];

/// Bytes in a ChaCha20 block.
const BLOCK_BYTES: usize = 64;

/// Usable blocks of one keystream. The cipher gives out no block after which its counter would wrap.
const BLOCKS: u64 = (1 << 32) - 1;

/// Signs in one 64-byte block. The first 32 bytes hold the low bits and the last 32 the high bits of 256
/// signs; bit `i` of a half is bit `i % 8` of its byte `i / 8`. A sign is its low bit minus its high bit:
/// 00 and 11 are 0, 01 is +1, 10 is -1 (written high, low). Split halves let a byte of each index a table.
pub const SIGNS_PER_BLOCK: usize = 256;

/// Bytes of one half of a block of signs.
const HALF: usize = BLOCK_BYTES / 2;

fn keystream(seed: &Seed, nonce: &Nonce, first_block: u64, out: &mut [u8]) {
    let mut cipher = ChaCha20::new(&(*seed).into(), &(*nonce).into());
    cipher.seek(first_block * BLOCK_BYTES as u64);
    out.fill(0);
    cipher.apply_keystream(out);
}

fn refuse_beyond(what: &str, blocks: Option<u64>) -> Result<()> {
    match blocks {
        Some(n) if n <= BLOCKS => Ok(()),
        _ => Err(Error::Range(format!(
            "{what} goes beyond the 2^32 - 1 blocks of a keystream"
        ))),
    }
}

/// Elements `offset .. offset + n` of the uniform vector of a seed. The statistical distance from
/// uniform is below `2^-256` per element.
///
/// # Errors
/// `offset + n` above `2^32 - 1`.
pub fn expand(seed: &Seed, n: usize, offset: u64) -> Result<Vec<Limbs>> {
    refuse_beyond("offset + n", offset.checked_add(n as u64))?;
    let mut out = vec![ZERO; n];
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(chunk, out)| {
            let mut bytes = vec![0; out.len() * BLOCK_BYTES];
            let first = offset + (chunk * BLOCK) as u64;
            keystream(seed, &[0; 12], first, &mut bytes);
            for (slot, wide) in out.iter_mut().zip(bytes.as_chunks().0) {
                *slot = from_wide_bytes(wide);
            }
        });
    Ok(out)
}

/// `n` elements uniform in `[0, 2^bits)`.
///
/// # Errors
/// `bits` above 128; `n` above `2^34 - 4`.
pub fn expand_bounded(seed: &Seed, n: usize, bits: u32) -> Result<Vec<Limbs>> {
    if bits > 128 {
        return Err(Error::Range(format!(
            "bits is {bits}, at most 128 is possible"
        )));
    }
    check_bounded_length(n)?;
    let mut out = vec![ZERO; n];
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(chunk, out)| {
            let values = bounded_keystream(seed, chunk * BLOCK, out.len(), bits);
            for (slot, value) in out.iter_mut().zip(values) {
                *slot = [value as u64, (value >> 64) as u64, 0, 0];
            }
        });
    Ok(out)
}

/// Refuses a vector of bounded elements that its keystream cannot fill.
///
/// # Errors
/// `n` above `2^34 - 4`.
pub(crate) fn check_bounded_length(n: usize) -> Result<()> {
    refuse_beyond("n", Some((n as u64).div_ceil(4)))
}

/// Elements `offset .. offset + n` of [`expand_bounded`]; the offset is a multiple of four, `bits` at most 128.
pub(crate) fn bounded_keystream(
    seed: &Seed,
    offset: usize,
    n: usize,
    bits: u32,
) -> impl Iterator<Item = u128> {
    let mask = u128::MAX.checked_shr(128 - bits).unwrap_or(0);
    let mut blocks = vec![[0; 16]; n];
    let first = (offset * 16 / BLOCK_BYTES) as u64;
    keystream(seed, b"gr/bounded\0\0", first, blocks.as_flattened_mut());
    blocks
        .into_iter()
        .map(move |sixteen| u128::from_le_bytes(sixteen) & mask)
}

/// The keystream behind the signs of one row, from the block that holds column `256 * first_block` on.
pub(crate) fn sign_bits(seed: &Seed, row: u32, first_block: u64, out: &mut [u8]) {
    let mut nonce = *b"gr/signs\0\0\0\0";
    nonce[8..].copy_from_slice(&row.to_le_bytes());
    keystream(seed, &nonce, first_block, out);
}

/// Row `row` of the sign matrix of a seed, `d` columns: -1, 0, +1 with probabilities 1/4, 1/2, 1/4.
///
/// # Errors
/// `d` above `2^40 - 256`.
pub fn signs(seed: &Seed, row: u32, d: usize) -> Result<Vec<i8>> {
    refuse_beyond("d", Some((d as u64).div_ceil(SIGNS_PER_BLOCK as u64)))?;
    let mut out = vec![0i8; d];
    out.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(chunk, out)| {
            let mut bytes = vec![0; out.len().div_ceil(SIGNS_PER_BLOCK) * BLOCK_BYTES];
            let first = chunk * BLOCK / SIGNS_PER_BLOCK;
            sign_bits(seed, row, first as u64, &mut bytes);
            for (block, out) in bytes
                .chunks(BLOCK_BYTES)
                .zip(out.chunks_mut(SIGNS_PER_BLOCK))
            {
                let (low, high) = block.split_at(HALF);
                for (i, slot) in out.iter_mut().enumerate() {
                    let bit = |half: &[u8]| ((half[i / 8] >> (i % 8)) & 1) as i8;
                    *slot = bit(low) - bit(high);
                }
            }
        });
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = [7; 32];

    #[test]
    fn keystream_is_rfc_8439_appendix_a_1() {
        let mut out = [0; 64];
        keystream(&[0; 32], &[0; 12], 0, &mut out);
        assert_eq!(out[..8], [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        keystream(&[0; 32], &[0; 12], 1, &mut out);
        assert_eq!(out[..8], [0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a]);
    }

    #[test]
    fn expansion_is_random_access() {
        let whole = expand(&SEED, 3 * BLOCK + 5, 0).unwrap();
        for (offset, n) in [
            (0, 1),
            (1, 2 * BLOCK),
            (BLOCK + 3, BLOCK),
            (3 * BLOCK + 5, 0),
        ] {
            let part = expand(&SEED, n, offset as u64).unwrap();
            assert_eq!(part, whole[offset..offset + n]);
        }
    }

    #[test]
    fn keystream_end_is_refused() {
        assert_eq!(expand(&SEED, 1, BLOCKS - 1).unwrap().len(), 1);
        assert!(expand(&SEED, 2, BLOCKS - 1).is_err());
        assert!(expand(&SEED, 1, u64::MAX).is_err());
    }

    #[test]
    fn bounded_elements_are_bounded() {
        for bits in [0, 1, 63, 64, 65, 108, 128] {
            for [a, b, c, d] in expand_bounded(&SEED, 100, bits).unwrap() {
                let value = u128::from(a) | u128::from(b) << 64;
                assert!(bits == 128 || value >> bits == 0);
                assert_eq!((c, d), (0, 0));
            }
        }
        assert!(expand_bounded(&SEED, 1, 129).is_err());
    }

    #[test]
    fn signs_have_the_stated_distribution_and_rows_differ() {
        let row = signs(&SEED, 3, 1 << 16).unwrap();
        for (value, probability) in [(-1, 0.25), (0, 0.5), (1, 0.25)] {
            let share = row.iter().filter(|x| **x == value).count() as f64 / row.len() as f64;
            assert!((share - probability).abs() < 0.01, "{value}: {share}");
        }
        assert_ne!(row[..256], signs(&SEED, 4, 256).unwrap());
        assert_eq!(row[..1000], signs(&SEED, 3, 1000).unwrap());
    }
}
