//! A fuzzer's bytes read as arguments.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use gradroll_kernel::Limbs;
use gradroll_kernel::field::{ORDER, from_wide_bytes};
use gradroll_kernel::vector::from_int64;

/// Bytes that are read one after the other; behind the last comes the first, so that few bytes make long vectors.
pub struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    /// Begins at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What nothing has read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let at = self.at % self.bytes.len().max(1);
        self.at += 1;
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Some bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.byte())
    }

    /// A choice.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A choice that mostly is no.
    pub fn seldom(&mut self) -> bool {
        self.byte().is_multiple_of(8)
    }

    /// A number below a bound of at most `2^16`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(u16::from_le_bytes(self.array())) % bound
    }

    /// A number of any size: small, near a power of two, or near the largest.
    pub fn number(&mut self) -> u64 {
        let (kind, near) = (self.byte(), u64::from(self.byte()));
        match kind % 4 {
            0 => near,
            1 => u64::MAX - near,
            2 => (1u64 << (kind >> 2)).wrapping_add(near).wrapping_sub(128),
            _ => u64::from_le_bytes(self.array()),
        }
    }

    /// A residue: small, signed, near the order, or any.
    pub fn element(&mut self) -> Limbs {
        match self.byte() % 4 {
            0 => [u64::from(self.byte()), 0, 0, 0],
            1 => from_int64(&[i64::from_le_bytes(self.array())])[0],
            2 => [
                ORDER[0] - 1 - u64::from(self.byte()),
                ORDER[1],
                ORDER[2],
                ORDER[3],
            ],
            _ => from_wide_bytes(&self.array()),
        }
    }

    /// Residues.
    pub fn elements(&mut self, n: usize) -> Vec<Limbs> {
        (0..n).map(|_| self.element()).collect()
    }

    /// Rows of residues.
    pub fn rows(&mut self, rows: usize, n: usize) -> Vec<Vec<Limbs>> {
        (0..rows).map(|_| self.elements(n)).collect()
    }

    /// A residue as arkworks has it.
    pub fn scalar(&mut self) -> Fr {
        value(&self.element())
    }
}

/// The value of limbs, by arkworks' own reading of bytes.
pub fn value(limbs: &Limbs) -> Fr {
    Fr::from_le_bytes_mod_order(limbs.map(u64::to_le_bytes).as_flattened())
}

/// The values of limbs.
pub fn values(limbs: &[Limbs]) -> Vec<Fr> {
    limbs.iter().map(value).collect()
}

/// Rows as arguments.
pub fn views(rows: &[Vec<Limbs>]) -> Vec<&[Limbs]> {
    rows.iter().map(Vec::as_slice).collect()
}
