//! Sums of products of canonical residues, reduced once at the end.

use ark_bn254::{Fr, FrConfig};
use ark_ff::MontConfig;

use crate::field::{Limbs, ORDER, montgomery_factor, raw, reduce};

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

    /// Adds the integer product of a number of 128 bits and a residue.
    #[inline(always)]
    pub fn add_short_product(&mut self, a: u128, b: &Limbs) {
        let mut carry = 0u128;
        let (low, high) = (a & u128::from(u64::MAX), a >> 64);
        let mut upper = 0u128;
        for (i, limb) in b.iter().enumerate() {
            let sum = low * u128::from(*limb) + u128::from(self.0[i]) + carry;
            self.0[i] = sum as u64;
            carry = sum >> 64;
        }
        for (i, limb) in b.iter().enumerate() {
            // The fourth limb of the first row has its own carry to take in.
            let into = if i == 3 { carry } else { 0 };
            let sum = high * u128::from(*limb) + u128::from(self.0[i + 1]) + upper;
            let (sum, over) = sum.overflowing_add(into);
            self.0[i + 1] = sum as u64;
            upper = sum >> 64 | u128::from(over) << 64;
        }
        for limb in &mut self.0[5..] {
            let (sum, over) = limb.overflowing_add(upper as u64);
            *limb = sum;
            upper = (upper >> 64) + u128::from(over);
        }
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

    /// The sum `s` as raw value: limbs of the result are `s / 2^256 mod r` (Montgomery's reduction).
    #[inline(always)]
    pub fn montgomery_reduce(&self) -> Fr {
        let mut t = self.0;
        for i in 0..4 {
            let factor = t[i].wrapping_mul(FrConfig::INV);
            let mut carry = 0u64;
            for j in 0..4 {
                let sum = u128::from(factor) * u128::from(ORDER[j])
                    + u128::from(t[i + j])
                    + u128::from(carry);
                t[i + j] = sum as u64;
                carry = (sum >> 64) as u64;
            }
            for limb in &mut t[i + 4..] {
                let (sum, overflow) = limb.overflowing_add(carry);
                *limb = sum;
                carry = u64::from(overflow);
            }
        }
        let low = raw(&reduce([t[4], t[5], t[6], t[7]]));
        // Fewer than twenty products leave no ninth limb. Otherwise it counts multiples of 2^256, and the
        // Montgomery representation of a number is just that multiple.
        if t[8] == 0 { low } else { low + Fr::from(t[8]) }
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
    use ark_ff::{PrimeField, Zero};

    #[test]
    fn sums_of_few_products_reduce_too() {
        let mut largest = ORDER;
        largest[0] -= 1;
        let mut wide = Wide::ZERO;
        let mut expected = Fr::zero();
        assert_eq!(wide.residue(), [0; 4]);
        for _ in 0..40 {
            wide.add_product(&largest, &largest);
            expected += decode(&largest) * decode(&largest);
            assert_eq!(wide.residue(), encode(expected));
        }
    }

    #[test]
    fn the_fullest_sum_reduces() {
        // 2^68 products stay below 2^575.3, and the reduction needs the rest of the last bit.
        let mut limbs = [u64::MAX; 9];
        limbs[8] >>= 1;
        let wide = Wide(limbs);
        let mut bytes = [0xff; 72];
        bytes[71] = 0x7f;
        let expected = Fr::from_le_bytes_mod_order(&bytes);
        assert_eq!(wide.residue(), encode(expected));
    }

    #[test]
    fn short_products_sum_correctly() {
        let mut largest = ORDER;
        largest[0] -= 1;
        let (mut wide, mut expected) = (Wide::ZERO, Fr::zero());
        for a in [
            u128::MAX,
            1,
            0,
            u128::from(u64::MAX),
            1 << 64,
            u128::MAX - 5,
        ] {
            for _ in 0..1000 {
                wide.add_short_product(a, &largest);
                expected += Fr::from(a) * decode(&largest);
            }
            assert_eq!(wide.residue(), encode(expected));
        }
        let mut limbs = [u64::MAX; 9];
        limbs[6..].fill(0);
        let (mut full, mut other) = (Wide(limbs), Wide(limbs));
        full.add_short_product(u128::MAX, &[u64::MAX; 4]);
        other.add_product(&[u64::MAX, u64::MAX, 0, 0], &[u64::MAX; 4]);
        assert_eq!(full, other);
    }

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
