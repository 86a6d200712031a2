//! Pippenger's method: signed digits, points sorted by digit, buckets summed by [`crate::affine`].
//!
//! A window of the scalars is a task by itself. Its points are sorted by digit, so that a bucket's are
//! neighbours; blocks of the sorted list are summed as binary trees, all of a block's buckets in one batch per
//! level. However the digits are distributed, also when all are the same, every level halves the points.
//! Memory: two bytes a scalar and window for the digits; per thread four bytes a scalar for the order and some
//! megabytes for buckets and a block.

mod buckets;
mod digits;
mod scalars;
#[cfg(test)]
mod tests;

use ark_bn254::{G1Affine, G2Affine, g1, g2};
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::Projective;
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::affine::{Layout, Portable, Sums};
use crate::bases::Bases;
use crate::point::Group;
use buckets::window_sum;
use digits::Cut;
pub use scalars::Scalars;
use scalars::{Class, FEW, ROWS, classes};

fn fits<G: Group>(bases: &Bases<G>, scalars: &Scalars<'_>) -> bool {
    (FEW..1 << 31).contains(&scalars.len()) && bases.len() >= scalars.len()
}

/// The sum of `scalars[i] * bases[i]` in G1; `None` where there are too few.
pub fn in_g1(bases: &Bases<g1::Config>, scalars: &Scalars<'_>) -> Option<G1Affine> {
    if !fits(bases, scalars) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(adder) = crate::ifma::Ifma::detect() {
        return Some(sum(adder, bases, scalars).into_affine());
    }
    Some(sum(Portable, bases, scalars).into_affine())
}

/// The sum of `scalars[i] * bases[i]` in G2; `None` where there are too few.
pub fn in_g2(bases: &Bases<g2::Config>, scalars: &Scalars<'_>) -> Option<G2Affine> {
    fits(bases, scalars).then(|| sum(Portable, bases, scalars).into_affine())
}

fn sum<C: Layout + Group, A: Sums<C>>(
    adder: A,
    bases: &Bases<C>,
    scalars: &Scalars<'_>,
) -> Projective<C> {
    let points = C::stored(bases.bytes());
    classes(scalars)
        .iter()
        .map(|class| class.sum(adder, points, scalars))
        .sum()
}

impl Class {
    fn sum<C: Layout, A: Sums<C>>(
        &self,
        adder: A,
        points: &[C::Stored],
        scalars: &Scalars<'_>,
    ) -> Projective<C> {
        let cut = Cut::best(self.members.len(), self.bits);
        let digits = self.digits(scalars, cut);
        // Threads without a window of their own take a part of one.
        let threads = rayon::current_num_threads();
        let blocks = self.members.len().div_ceil(ROWS);
        let parts = if cut.windows >= 2 * threads || threads == 1 {
            1
        } else {
            let wanted = (2 * threads).div_ceil(cut.windows);
            let most = self.members.len() / (4 * cut.buckets());
            wanted.min(most).clamp(1, blocks)
        };
        let rows = blocks.div_ceil(parts) * ROWS;
        let sums: Vec<Projective<C>> = (0..cut.windows * parts)
            .into_par_iter()
            .with_max_len(1)
            .map(|task| {
                let (window, part) = (task / parts, task % parts);
                let start = (part * rows).min(self.members.len());
                let members = &self.members[start..(start + rows).min(self.members.len())];
                let digits = &digits[start * cut.windows..];
                window_sum(adder, points, members, digits, cut, window)
            })
            .collect();
        sums.chunks(parts)
            .rev()
            .fold(Projective::<C>::zero(), |sum, parts| {
                let mut sum = sum;
                if !sum.is_zero() {
                    for _ in 0..cut.width {
                        sum.double_in_place();
                    }
                }
                sum + parts.iter().sum::<Projective<C>>()
            })
    }
}
