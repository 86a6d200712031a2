//! All inner products of a set of vectors.

use rayon::prelude::*;

use crate::error::{Result, same_length};
use crate::field::{Limbs, check_rows};
use crate::wide::Wide;

/// Bytes of the columns a thread works on, so that all rows of them stay in the second-level cache.
const CACHE: usize = 1 << 18;

/// Fewest columns per task: below, adding up partial sums would cost as much as the products.
const MIN_COLUMNS: usize = 32;

/// Inner products `<row_i, row_j>` for `i <= j`, row by row of the upper triangle: `m(m+1)/2` elements.
///
/// Columns are taken in blocks that fit the cache, so each element is read from memory once, and products
/// are summed as integers and reduced once.
///
/// # Errors
/// Rows of different lengths; a non-canonical element.
pub fn gram(rows: &[&[Limbs]]) -> Result<Vec<Limbs>> {
    let length = rows.first().map_or(0, |row| row.len());
    for row in rows {
        same_length("length of a row against the first", row.len(), length)?;
    }
    check_rows(rows)?;
    let pairs = rows.len() * (rows.len() + 1) / 2;
    let columns = (CACHE / (32 * rows.len().max(1))).max(MIN_COLUMNS);
    let empty = || vec![Wide::ZERO; pairs];
    let sums = (0..length.div_ceil(columns))
        .into_par_iter()
        .fold(empty, |mut sums, block| {
            let range = block * columns..length.min((block + 1) * columns);
            add_block(&mut sums, rows, range);
            sums
        })
        .reduce(empty, |mut a, b| {
            a.iter_mut().zip(&b).for_each(|(x, y)| x.add(y));
            a
        });
    Ok(sums.iter().map(Wide::residue).collect())
}

fn add_block(sums: &mut [Wide], rows: &[&[Limbs]], range: core::ops::Range<usize>) {
    let mut sums = sums.iter_mut();
    for (i, a) in rows.iter().enumerate() {
        let a = &a[range.clone()];
        for (b, sum) in rows[i..].iter().zip(&mut sums) {
            let mut block = Wide::ZERO;
            for (x, y) in a.iter().zip(&b[range.clone()]) {
                block.add_product(x, y);
            }
            sum.add(&block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::expand;
    use crate::vector::inner;

    #[test]
    fn agrees_with_single_inner_products() {
        for (m, n) in [(0, 0), (1, 0), (1, 1), (3, 1), (4, 3000), (9, 1025)] {
            let rows: Vec<_> = (0..m).map(|i| expand(&[i; 32], n, 0).unwrap()).collect();
            let views: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            let mut expected = Vec::new();
            for (i, a) in rows.iter().enumerate() {
                expected.extend(rows[i..].iter().map(|b| inner(a, b).unwrap()));
            }
            assert_eq!(gram(&views).unwrap(), expected);
        }
    }
}
