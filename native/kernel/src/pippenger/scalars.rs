//! Scalars of a sum, sorted by their length.

use rayon::prelude::*;

use crate::field::{Limbs, ORDER, sub};

/// Below this many scalars, other methods are as good.
pub(super) const FEW: usize = 64;
/// Scalars whose digits are written together.
pub(super) const ROWS: usize = 1 << 12;

/// Scalars of a sum.
pub enum Scalars<'a> {
    /// Canonical field elements.
    Field(&'a [Limbs]),
    /// Signed integers.
    Signed(&'a [i64]),
}

/// Scalars of about the same length are summed by themselves; bounds of the classes in bits.
const CLASSES: [u32; 5] = [8, 16, 32, 64, 256];
/// A class of fewer scalars than this part of the next one is summed with it.
const WORTHWHILE: usize = 8;

impl Scalars<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Field(values) => values.len(),
            Self::Signed(values) => values.len(),
        }
    }

    /// Sign and magnitude of smaller absolute value.
    #[inline(always)]
    pub(super) fn get(&self, i: usize) -> (bool, Limbs) {
        match self {
            Self::Field(values) => {
                let value = &values[i];
                let (rest, _) = sub(&ORDER, value);
                // All but one in 2^64 of the comparisons are decided by the highest limb.
                let negative = rest.iter().rev().lt(value.iter().rev());
                (negative, if negative { rest } else { *value })
            }
            Self::Signed(values) => (values[i] < 0, [values[i].unsigned_abs(), 0, 0, 0]),
        }
    }
}

fn length(magnitude: &Limbs) -> u32 {
    let top = magnitude.iter().rposition(|limb| *limb != 0);
    top.map_or(0, |i| 64 * (i as u32 + 1) - magnitude[i].leading_zeros())
}

/// Scalars of about the same length.
pub(super) struct Class {
    pub members: Vec<u32>,
    pub bits: u32,
}

/// All scalars but zeros, by length.
pub(super) fn classes(scalars: &Scalars<'_>) -> Vec<Class> {
    let lengths: Vec<u16> = (0..scalars.len())
        .into_par_iter()
        .with_min_len(ROWS)
        .map(|i| length(&scalars.get(i).1) as u16)
        .collect();
    let mut counts = [0usize; 257];
    for length in &lengths {
        counts[usize::from(*length)] += 1;
    }
    let mut bounds: Vec<(u32, usize)> = Vec::new();
    let mut low = 1;
    let (mut sizes, mut tops) = (Vec::new(), Vec::new());
    for bound in CLASSES {
        sizes.push(counts[low..=bound as usize].iter().sum::<usize>());
        tops.push((low..=bound as usize).rev().find(|b| counts[*b] > 0));
        low = bound as usize + 1;
    }
    for i in (0..sizes.len()).rev() {
        let Some(top) = tops[i] else { continue };
        match bounds.last_mut() {
            Some((_, next)) if sizes[i] < *next / WORTHWHILE + FEW => *next += sizes[i],
            _ => bounds.push((top as u32, sizes[i])),
        }
    }
    let mut classes: Vec<Class> = bounds
        .iter()
        .map(|(bits, size)| Class {
            members: Vec::with_capacity(*size),
            bits: *bits,
        })
        .collect();
    let class_of: Vec<usize> = (0..=256u32)
        .map(|length| classes.iter().rposition(|c| length <= c.bits).unwrap_or(0))
        .collect();
    for (i, length) in lengths.iter().enumerate() {
        if *length != 0 {
            classes[class_of[usize::from(*length)]]
                .members
                .push(i as u32);
        }
    }
    classes
}
