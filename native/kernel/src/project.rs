//! Products with the random sign matrix: `z = R v` for many vectors `v` at once.
//!
//! A table of the 256 subset sums of eight neighbouring columns turns eight signed additions into two
//! lookups (the "four Russians" method). Sums are kept in eight 64-bit lanes of 32-bit digits, without
//! carries, and reduced once per output; digits of `2^30` columns cannot overflow a lane.

use rayon::prelude::*;

use crate::error::{Error, Result, same_length};
use crate::field::{Limbs, ZERO, check_rows, raw, reduce, unraw};
use crate::seed::{SIGNS_PER_BLOCK, Seed, sign_bits};

/// Columns a thread takes at once: 16 blocks of keystream per sign row.
const COLUMNS: usize = 16 * SIGNS_PER_BLOCK;

/// Columns behind one table.
const GROUP: usize = 8;

/// Most columns a lane holds without overflow.
const MAX_COLUMNS: usize = 1 << 30;

/// Most rows of the sign matrix; far above any use, it bounds memory.
const MAX_SIGN_ROWS: usize = 1 << 16;

/// A signed sum of 32-bit digits, one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([i64; 8]);

impl Lanes {
    const ZERO: Self = Self([0; 8]);

    #[inline(always)]
    fn spread(limbs: &Limbs) -> Self {
        let mut lanes = [0; 8];
        for (pair, limb) in lanes.as_chunks_mut::<2>().0.iter_mut().zip(limbs) {
            *pair = [(limb & 0xffff_ffff) as i64, (limb >> 32) as i64];
        }
        Self(lanes)
    }

    #[inline(always)]
    fn plus(mut self, other: &Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += b;
        }
        self
    }

    #[inline(always)]
    fn minus(mut self, other: &Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a -= b;
        }
        self
    }
}

/// The residue of a signed sum of digits.
fn collect(lanes: &Lanes) -> Limbs {
    let mut digits = [0u64; 8];
    let mut carry = 0i64;
    for (digit, lane) in digits.iter_mut().zip(&lanes.0) {
        let t = i128::from(*lane) + i128::from(carry);
        *digit = (t as u64) & 0xffff_ffff;
        carry = (t >> 32) as i64;
    }
    let mut low = ZERO;
    for (limb, pair) in low.iter_mut().zip(digits.as_chunks::<2>().0) {
        *limb = pair[0] | pair[1] << 32;
    }
    // carry * 2^256: the Montgomery representation of the carry is exactly that residue.
    unraw(raw(&reduce(low)) + ark_bn254::Fr::from(carry))
}

#[inline(always)]
fn fill_table(table: &mut [Lanes; 256], columns: &[Limbs]) {
    table[0] = Lanes::ZERO;
    for bit in 0..GROUP {
        let value = columns.get(bit).map_or(Lanes::ZERO, Lanes::spread);
        let (done, rest) = table.split_at_mut(1 << bit);
        for (new, old) in rest.iter_mut().zip(done) {
            *new = old.plus(&value);
            keep_rows_apart();
        }
    }
}

/// Adds one group of columns to the sums of all sign rows.
#[inline(always)]
fn add_group(sums: &mut [Lanes], table: &mut [Lanes; 256], columns: &[Limbs], bits: &[[u8; 2]]) {
    fill_table(table, columns);
    for (sum, [low, high]) in sums.iter_mut().zip(bits) {
        let (plus, minus) = (&table[usize::from(*low)], &table[usize::from(*high)]);
        *sum = sum.plus(plus).minus(minus);
        keep_rows_apart();
    }
}

/// Stops the compiler from joining the loop's rounds. One line of eight lanes is a register already; joined
/// rounds become gathers and scatters, several times slower.
#[inline(always)]
#[allow(unsafe_code)]
fn keep_rows_apart() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: no instruction at all.
    unsafe {
        core::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

#[inline(always)]
fn add_chunk(sums: &mut [Lanes], columns: &[Limbs], bits: &[[u8; 2]], k: usize) {
    let mut table = [Lanes::ZERO; 256];
    for (group, bits) in columns.chunks(GROUP).zip(bits.chunks(k)) {
        add_group(sums, &mut table, group, bits);
    }
}

/// The same loop compiled for wider registers, chosen at run time.
#[cfg(target_arch = "x86_64")]
mod dispatch {
    use super::{Lanes, Limbs};

    #[target_feature(enable = "avx512f")]
    fn avx512(sums: &mut [Lanes], columns: &[Limbs], bits: &[[u8; 2]], k: usize) {
        super::add_chunk(sums, columns, bits, k);
    }

    #[target_feature(enable = "avx2")]
    fn avx2(sums: &mut [Lanes], columns: &[Limbs], bits: &[[u8; 2]], k: usize) {
        super::add_chunk(sums, columns, bits, k);
    }

    #[allow(unsafe_code)]
    pub fn add_chunk(sums: &mut [Lanes], columns: &[Limbs], bits: &[[u8; 2]], k: usize) {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature the function is compiled for.
            unsafe { avx512(sums, columns, bits, k) }
        } else if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            unsafe { avx2(sums, columns, bits, k) }
        } else {
            super::add_chunk(sums, columns, bits, k);
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod dispatch {
    pub use super::add_chunk;
}

/// Sign bits of [`COLUMNS`] columns, group by group: for each group a (low, high) byte per sign row.
fn group_bits(seed: &Seed, k: usize, first: usize) -> Vec<[u8; 2]> {
    const BYTES: usize = COLUMNS / 4;
    let mut bits = vec![[0; 2]; COLUMNS / GROUP * k];
    let mut stream = [0; BYTES];
    for row in 0..k {
        sign_bits(
            seed,
            row as u32,
            (first / SIGNS_PER_BLOCK) as u64,
            &mut stream,
        );
        for (block, bytes) in stream.chunks(64).enumerate() {
            for i in 0..32 {
                bits[(block * 32 + i) * k + row] = [bytes[i], bytes[32 + i]];
            }
        }
    }
    bits
}

/// `R v` for every row `v`: `k` elements per row. `R` is the sign matrix of the seed (see
/// [`crate::seed::signs`]), `k` rows, from column `first` on as many columns as the rows have elements. What
/// the parts of a row give adds up to what the row gives.
///
/// # Errors
/// Rows of different lengths; a non-canonical element; `first` within a block of 256 columns; more than `2^30`
/// columns or `2^16` sign rows.
pub fn project(rows: &[&[Limbs]], seed: &Seed, k: usize, first: usize) -> Result<Vec<Vec<Limbs>>> {
    let d = rows.first().map_or(0, |row| row.len());
    for row in rows {
        same_length("length of a row against the first", row.len(), d)?;
    }
    if !first.is_multiple_of(SIGNS_PER_BLOCK) {
        return Err(Error::Range(format!(
            "column {first} begins no block of {SIGNS_PER_BLOCK} columns"
        )));
    }
    if first > MAX_COLUMNS || first + d > MAX_COLUMNS || k > MAX_SIGN_ROWS {
        return Err(Error::Range(format!(
            "{k} sign rows by {d} columns from {first} on: at most 2^16 by 2^30 are possible"
        )));
    }
    check_rows(rows)?;
    if k == 0 {
        return Ok(vec![Vec::new(); rows.len()]);
    }
    let empty = || vec![Lanes::ZERO; rows.len() * k];
    let sums = (0..d.div_ceil(COLUMNS))
        .into_par_iter()
        .fold(empty, |mut sums, chunk| {
            let bits = group_bits(seed, k, first + chunk * COLUMNS);
            let (start, end) = (chunk * COLUMNS, d.min((chunk + 1) * COLUMNS));
            for (row, sums) in rows.iter().zip(sums.chunks_mut(k)) {
                dispatch::add_chunk(sums, &row[start..end], &bits, k);
            }
            sums
        })
        .reduce(empty, |mut a, b| {
            a.iter_mut().zip(&b).for_each(|(x, y)| *x = x.plus(y));
            a
        });
    Ok(sums
        .chunks(k)
        .map(|row| row.iter().map(collect).collect())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ORDER, encode};
    use crate::seed::{expand, signs};
    use ark_bn254::Fr;

    fn plain(row: &[Limbs], seed: &Seed, k: usize) -> Vec<Limbs> {
        (0..k)
            .map(|i| {
                let signs = signs(seed, i as u32, row.len()).unwrap();
                let sum: Fr = row
                    .iter()
                    .zip(signs)
                    .map(|(v, s)| raw(v) * Fr::from(i64::from(s)))
                    .sum();
                unraw(sum)
            })
            .collect()
    }

    #[test]
    fn agrees_with_the_sign_matrix() {
        for d in [
            0,
            1,
            7,
            8,
            9,
            255,
            256,
            257,
            COLUMNS - 1,
            COLUMNS,
            2 * COLUMNS + 13,
        ] {
            let rows: Vec<_> = (0..3).map(|i| expand(&[i; 32], d, 0).unwrap()).collect();
            let views: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            let got = project(&views, &[9; 32], 5, 0).unwrap();
            for (row, got) in rows.iter().zip(got) {
                assert_eq!(got, plain(row, &[9; 32], 5), "d = {d}");
            }
        }
    }

    #[test]
    fn parts_add_up() {
        let row = expand(&[7; 32], 2 * COLUMNS + 900, 0).unwrap();
        let whole = project(&[&row], &[3; 32], 6, 0).unwrap();
        for at in [0, 256, 512, COLUMNS, COLUMNS + 256, 2 * COLUMNS + 768] {
            let (left, right) = row.split_at(at);
            let left = project(&[left], &[3; 32], 6, 0).unwrap();
            let right = project(&[right], &[3; 32], 6, at).unwrap();
            assert_eq!(crate::vector::add(&left[0], &right[0]).unwrap(), whole[0]);
        }
        assert!(project(&[&row], &[3; 32], 6, 255).is_err());
        assert!(project(&[&row], &[3; 32], 6, MAX_COLUMNS).is_err());
        assert!(project(&[&row], &[3; 32], 6, usize::MAX - 255).is_err());
    }

    #[test]
    fn largest_residues_do_not_overflow() {
        let mut largest = ORDER;
        largest[0] -= 1;
        let row = vec![largest; COLUMNS + 3];
        assert_eq!(
            project(&[&row], &[1; 32], 128, 0).unwrap()[0],
            plain(&row, &[1; 32], 128)
        );
    }

    #[test]
    fn extreme_lanes_collect() {
        let lanes = Lanes([i64::MIN + 1; 8]);
        let mut expected = Fr::from(0u64);
        for k in (0..8).rev() {
            expected = expected * Fr::from(1u64 << 32) + Fr::from(lanes.0[k]);
        }
        assert_eq!(collect(&lanes), encode(expected));
    }

    #[test]
    fn uneven_rows_and_no_rows() {
        assert!(project(&[&[ZERO], &[]], &[0; 32], 4, 0).is_err());
        assert_eq!(
            project(&[], &[0; 32], 4, 0).unwrap(),
            Vec::<Vec<Limbs>>::new()
        );
        assert!(project(&[&[ZERO]], &[0; 32], 0, 0).unwrap()[0].is_empty());
    }
}
