//! Sparse matrices in compressed rows, the shape of rank-1 constraints.

use ark_bn254::Fr;
use rayon::prelude::*;

use crate::error::{Error, Result, same_length};
use crate::field::{Limbs, check, decode, raw, unraw};

/// Rows a thread takes at once.
const ROWS: usize = 256;

/// A matrix over the scalar field, with its transpose.
pub struct Csr {
    rows: Compressed,
    columns: Compressed,
}

struct Compressed {
    starts: Vec<u32>,
    index: Vec<u32>,
    value: Vec<Fr>,
}

impl Compressed {
    fn mul(&self, v: &[Limbs]) -> Vec<Limbs> {
        (0..self.starts.len() - 1)
            .into_par_iter()
            .with_min_len(ROWS)
            .map(|i| {
                let range = self.starts[i] as usize..self.starts[i + 1] as usize;
                let terms = self.index[range.clone()].iter().zip(&self.value[range]);
                unraw(terms.map(|(j, c)| raw(&v[*j as usize]) * c).sum())
            })
            .collect()
    }

    fn transpose(&self, n_columns: usize) -> Self {
        let mut starts = vec![0u32; n_columns + 1];
        for column in &self.index {
            starts[*column as usize + 1] += 1;
        }
        for i in 0..n_columns {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut index = vec![0; self.index.len()];
        let mut value = vec![Fr::from(0u64); self.index.len()];
        for row in 0..self.starts.len() - 1 {
            for entry in self.starts[row] as usize..self.starts[row + 1] as usize {
                let slot = &mut next[self.index[entry] as usize];
                index[*slot as usize] = row as u32;
                value[*slot as usize] = self.value[entry];
                *slot += 1;
            }
        }
        Self {
            starts,
            index,
            value,
        }
    }
}

impl Csr {
    /// A matrix from compressed rows: the entries of row `i` are `row_ptr[i] .. row_ptr[i+1]`, each with its
    /// column and its value. Entries of one place add up.
    ///
    /// # Errors
    /// `row_ptr` that is not ascending from 0 to the number of entries or has not `n_rows + 1` elements; a
    /// column outside the matrix; lengths that differ; a non-canonical value.
    pub fn new(
        n_rows: usize,
        n_columns: usize,
        row_ptr: Vec<u32>,
        column: Vec<u32>,
        value: &[Limbs],
    ) -> Result<Self> {
        same_length(
            "row pointers against rows + 1",
            row_ptr.len(),
            n_rows.saturating_add(1),
        )?;
        same_length("columns against coefficients", column.len(), value.len())?;
        let bounds = (row_ptr.first(), row_ptr.last().map(|x| *x as usize));
        if bounds != (Some(&0), Some(column.len())) || !row_ptr.is_sorted() {
            return Err(Error::Range(format!(
                "row pointers must ascend from 0 to the {} entries",
                column.len()
            )));
        }
        if n_columns > u32::MAX as usize || n_rows > u32::MAX as usize {
            return Err(Error::Range("more than 2^32 - 1 rows or columns".into()));
        }
        if let Some(entry) = column.iter().position(|c| *c as usize >= n_columns) {
            return Err(Error::Range(format!(
                "entry {entry} is in column {} of {n_columns}",
                column[entry]
            )));
        }
        check(value)?;
        let rows = Compressed {
            starts: row_ptr,
            index: column,
            value: value.par_iter().map(decode).collect(),
        };
        let columns = rows.transpose(n_columns);
        Ok(Self { rows, columns })
    }

    /// Rows of the matrix.
    pub fn n_rows(&self) -> usize {
        self.rows.starts.len() - 1
    }

    /// Columns of the matrix.
    pub fn n_columns(&self) -> usize {
        self.columns.starts.len() - 1
    }

    /// The product with a column vector.
    ///
    /// # Errors
    /// A vector of another length than the columns; a non-canonical element.
    pub fn mul(&self, v: &[Limbs]) -> Result<Vec<Limbs>> {
        same_length(
            "length of the vector against columns",
            v.len(),
            self.n_columns(),
        )?;
        check(v)?;
        Ok(self.rows.mul(v))
    }

    /// The product of the transposed matrix with a column vector.
    ///
    /// # Errors
    /// A vector of another length than the rows; a non-canonical element.
    pub fn transposed_mul(&self, v: &[Limbs]) -> Result<Vec<Limbs>> {
        same_length("length of the vector against rows", v.len(), self.n_rows())?;
        check(v)?;
        Ok(self.columns.mul(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(x: u64) -> Limbs {
        [x, 0, 0, 0]
    }

    #[test]
    fn products_with_empty_rows_and_repeated_entries() {
        // [2 0 3]
        // [0 0 0]
        // [0 9 0]   (4 + 5 at one place)
        let values = [2, 3, 4, 5].map(small);
        let m = Csr::new(3, 3, vec![0, 2, 2, 4], vec![0, 2, 1, 1], &values).unwrap();
        let v = [10, 20, 30].map(small);
        assert_eq!(m.mul(&v).unwrap(), [110, 0, 180].map(small));
        assert_eq!(m.transposed_mul(&v).unwrap(), [20, 270, 30].map(small));
        assert!(m.mul(&v[..2]).is_err());
    }

    #[test]
    fn malformed_matrices_are_refused() {
        let one = [small(1)];
        assert!(Csr::new(1, 1, vec![0, 1], vec![0], &one).is_ok());
        assert!(Csr::new(1, 1, vec![0], vec![0], &one).is_err());
        assert!(Csr::new(1, 1, vec![1, 1], vec![0], &one).is_err());
        assert!(Csr::new(1, 1, vec![0, 2], vec![0], &one).is_err());
        assert!(Csr::new(2, 1, vec![0, 2, 1], vec![0], &one).is_err());
        assert!(Csr::new(1, 1, vec![0, 1], vec![1], &one).is_err());
        assert!(
            Csr::new(0, 5, vec![0], vec![], &[])
                .unwrap()
                .mul(&[small(0); 5])
                .unwrap()
                .is_empty()
        );
    }
}
