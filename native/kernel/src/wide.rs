//! Sums of products of canonical residues, reduced once at the end.

use ark_bn254::Fr;

use crate::field::{Limbs, montgomery_factor, raw, reduce};

/// An unsigned 576-bit sum: room for `2^68` products of two residues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wide([u64; 9]);

impl Wide {
    /// The empty sum.
    pub const ZERO: Self = Self([0; 9]);

    /// Adds the integer product of two residues.
    #[inline(always)]
    pub fn add_product(&mut self, a: &Limbs, b: &Limbs) {
        let mut product = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0u64;
            for j in 0..4 {
                let t = u128::from(a[i]) * u128::from(b[j])
                    + u128::from(product[i + j])
                    + u128::from(carry);
                product[i + j] = t as u64;
                carry = (t >> 64) as u64;
            }
            product[i + 4] = carry;
        }
        let mut carry = false;
        for (sum, limb) in self.0.iter_mut().zip(product) {
            let (t, first) = sum.overflowing_add(limb);
            let (u, second) = t.overflowing_add(u64::from(carry));
            *sum = u;
            carry = first | second;
        }
        self.0[8] += u64::from(carry);
    }

    /// Adds another sum.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (sum, limb) in self.0.iter_mut().zip(other.0) {
            let (t, first) = sum.overflowing_add(limb);
            let (u, second) = t.overflowing_add(u64::from(carry));
            *sum = u;
            carry = first | second;
        }
    }

    /// The sum `s` as raw value: limbs of the result are `s / 2^256 mod r`.
    #[inline]
    pub fn montgomery_reduce(&self) -> Fr {
        let [a, b, c, d, e, f, g, h, top] = self.0;
        let low = raw(&reduce([a, b, c, d])) * raw(&[1, 0, 0, 0]);
        let middle = raw(&reduce([e, f, g, h]));
        low + middle + raw(&[top, 0, 0, 0]) * montgomery_factor()
    }

    /// The sum modulo the order, as canonical limbs.
    #[inline]
    pub fn residue(&self) -> Limbs {
        crate::field::unraw(self.montgomery_reduce() * montgomery_factor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{ORDER, decode, encode};
    use ark_ff::Zero;

    #[test]
    fn many_largest_products_sum_correctly() {
        let mut largest = ORDER;
        largest[0] -= 1;
        let mut wide = Wide::ZERO;
        let mut expected = Fr::zero();
        for _ in 0..1000 {
            wide.add_product(&largest, &largest);
            expected += decode(&largest) * decode(&largest);
        }
        let mut twice = wide;
        twice.add(&wide);
        assert_eq!(wide.residue(), encode(expected));
        assert_eq!(twice.residue(), encode(expected + expected));
    }
}
