//! Many independent additions of affine points of G1 with one inversion: Montgomery's trick.
//!
//! An affine addition costs an inversion and three multiplications. Shared among a thousand additions the
//! inversion costs three more, and the sum of six is less than the eleven of a mixed projective addition.
//! Two implementations give the same points: this one in portable arithmetic, and `ifma`, which works on
//! eight additions at a time where the processor has 52-bit multipliers. Both take every pair, also equal and
//! opposite points and infinity.

use ark_bn254::{Fq, G1Affine, g1};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ff::{AdditiveGroup, BigInt, Field, One, Zero};

/// Bytes of a stored point: `x` then `y`, each four limbs in Montgomery form, least significant byte first.
pub const STORED: usize = 64;

/// A point while it is worked on: limbs of `x`, then of `y`, in the form of the [`Adder`] that made it.
/// Infinity is all zeros.
pub type Point = [u64; 8];

/// Infinity in every form.
pub const INFINITY: Point = [0; 8];

/// Additions that share an inversion. What is remembered of them fits the second-level cache.
pub const BATCH: usize = 4096;

/// Batched arithmetic on points.
pub trait Adder: Copy + Sync {
    /// Memory for one batch, reused.
    type Scratch: Default + Send;

    /// Stored points in this adder's form. An entry is twice a position in `stored`, plus one for the
    /// point's negative.
    fn load(self, stored: &[[u8; STORED]], entries: &[u32], out: &mut [Point]);

    /// `points[a] += points[b]` for all pairs `(a, b)`: no `a` twice, and none is another pair's `b`.
    fn add(self, points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Self::Scratch);

    /// `points[a] = 2 points[a]` for all positions, none twice.
    fn double(self, points: &mut [Point], positions: &[u32], scratch: &mut Self::Scratch);

    /// The negative.
    fn negative(self, point: &Point) -> Point;

    /// The point times `lambda`, a cube root of one: `x` times a cube root of one in the base field.
    fn endomorphism(self, point: &Point) -> Point;

    /// The ordinary form.
    fn store(self, point: &Point) -> G1Affine;
}

/// Arithmetic for every processor. A point's limbs are those of its Montgomery form.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// The words of a stored point.
#[inline(always)]
pub fn words(bytes: &[u8; STORED]) -> Point {
    let mut out = INFINITY;
    for (word, bytes) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    out
}

#[inline(always)]
fn coordinates(point: &Point) -> (Fq, Fq) {
    let [a, b, c, d, e, f, g, h] = *point;
    let field = |limbs| Fq::new_unchecked(BigInt(limbs));
    (field([a, b, c, d]), field([e, f, g, h]))
}

#[inline(always)]
fn join(x: Fq, y: Fq) -> Point {
    let ([a, b, c, d], [e, f, g, h]) = (x.0.0, y.0.0);
    [a, b, c, d, e, f, g, h]
}

/// The arkworks point of Montgomery limbs.
#[inline]
pub fn affine(point: &Point) -> G1Affine {
    if *point == INFINITY {
        return G1Affine::identity();
    }
    let (x, y) = coordinates(point);
    G1Affine::new_unchecked(x, y)
}

/// Denominators of a batch, and their running products.
#[derive(Default)]
pub struct Fractions {
    denominators: Vec<Fq>,
    products: Vec<Fq>,
}

impl Fractions {
    fn clear(&mut self) {
        self.denominators.clear();
        self.products.clear();
    }

    #[inline(always)]
    fn push(&mut self, denominator: Fq) {
        let product = self
            .products
            .last()
            .map_or(denominator, |p| *p * denominator);
        self.denominators.push(denominator);
        self.products.push(product);
    }

    /// Calls `each` with every position, last first, and the inverse of its denominator.
    #[inline(always)]
    fn invert(&self, mut each: impl FnMut(usize, Fq)) {
        let total = self.products.last().copied().unwrap_or(Fq::one());
        // A zero would come from a point of order two, and neither curve has one; from bytes that are no
        // point, any result is as good.
        let mut inverse = total.inverse().unwrap_or(Fq::zero());
        for i in (1..self.products.len()).rev() {
            each(i, inverse * self.products[i - 1]);
            inverse *= self.denominators[i];
        }
        if !self.products.is_empty() {
            each(0, inverse);
        }
    }
}

impl Adder for Portable {
    type Scratch = Fractions;

    fn load(self, stored: &[[u8; STORED]], entries: &[u32], out: &mut [Point]) {
        for (slot, entry) in out.iter_mut().zip(entries) {
            let point = words(&stored[(entry >> 1) as usize]);
            *slot = if entry & 1 == 0 {
                point
            } else {
                self.negative(&point)
            };
        }
    }

    fn add(self, points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Fractions) {
        for pairs in pairs.chunks(BATCH) {
            scratch.clear();
            for (a, b) in pairs {
                let (p, q) = (&points[*a as usize], &points[*b as usize]);
                scratch.push(denominator(p, q));
            }
            scratch.invert(|i, inverse| {
                let (a, b) = (pairs[i].0 as usize, pairs[i].1 as usize);
                points[a] = sum(&points[a], &points[b], inverse);
            });
        }
    }

    fn double(self, points: &mut [Point], positions: &[u32], scratch: &mut Fractions) {
        for positions in positions.chunks(BATCH) {
            scratch.clear();
            for a in positions {
                let point = &points[*a as usize];
                scratch.push(denominator(point, point));
            }
            scratch.invert(|i, inverse| {
                let point = &mut points[positions[i] as usize];
                *point = sum(point, point, inverse);
            });
        }
    }

    #[inline(always)]
    fn negative(self, point: &Point) -> Point {
        let (x, y) = coordinates(point);
        join(x, -y)
    }

    #[inline(always)]
    fn endomorphism(self, point: &Point) -> Point {
        let (x, y) = coordinates(point);
        join(x * g1::Config::ENDO_COEFFS[0], y)
    }

    fn store(self, point: &Point) -> G1Affine {
        affine(point)
    }
}

/// The denominator of the slope through two points; one where the sum needs none.
#[inline(always)]
fn denominator(p: &Point, q: &Point) -> Fq {
    if *p == INFINITY || *q == INFINITY {
        return Fq::one();
    }
    let ((px, py), (qx, qy)) = (coordinates(p), coordinates(q));
    let difference = qx - px;
    if !difference.is_zero() {
        difference
    } else if py == qy {
        py.double()
    } else {
        Fq::one()
    }
}

/// `p + q`, with the inverse of their denominator.
#[inline(always)]
fn sum(p: &Point, q: &Point, inverse: Fq) -> Point {
    if *p == INFINITY {
        return *q;
    }
    if *q == INFINITY {
        return *p;
    }
    let ((px, py), (qx, qy)) = (coordinates(p), coordinates(q));
    let rise = if px != qx {
        qy - py
    } else if py == qy {
        let square = px.square();
        square.double() + square
    } else {
        return INFINITY;
    };
    let slope = rise * inverse;
    let x = slope.square() - px - qx;
    join(x, slope * (px - x) - py)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::powers_of_tau_unsafe;
    use ark_bn254::Fr;
    use ark_ec::CurveGroup;

    /// Sums of pairs of every kind, by this adder and by arkworks.
    fn agrees<A: Adder>(adder: A) {
        let bases = powers_of_tau_unsafe::<g1::Config>(Fr::from(12345u64), 50).unwrap();
        let mut stored: Vec<[u8; STORED]> = bases.bytes().as_chunks().0.to_vec();
        stored.push([0; STORED]);
        let count = stored.len() as u32;
        let known: Vec<G1Affine> = stored.iter().map(|s| affine(&words(s))).collect();
        for length in [1usize, 7, 8, 9, 333, BATCH + 1] {
            let entries: Vec<u32> = (0..2 * length as u32)
                .map(|i| match i % 12 {
                    // Equal, opposite, infinity on one side, on the other, on both.
                    0..=2 => 14,
                    3 => 15,
                    4 | 7 | 8 | 9 => 2 * count - 2,
                    _ => (i * 7919) % (2 * count),
                })
                .collect();
            let mut points = vec![INFINITY; entries.len()];
            adder.load(&stored, &entries, &mut points);
            let expected: Vec<G1Affine> = entries
                .iter()
                .map(|e| {
                    let point = known[(e >> 1) as usize];
                    if e & 1 == 0 { point } else { -point }
                })
                .collect();
            for (point, expected) in points.iter().zip(&expected) {
                assert_eq!(adder.store(point), *expected);
            }
            let mut scratch = A::Scratch::default();
            let evens: Vec<u32> = (0..length as u32).map(|i| 2 * i).collect();
            let pairs: Vec<(u32, u32)> = evens.iter().map(|a| (*a, a + 1)).collect();
            adder.add(&mut points, &pairs, &mut scratch);
            for (points, expected) in points.chunks(2).zip(expected.chunks(2)) {
                let sum = (expected[0] + expected[1]).into_affine();
                assert_eq!(adder.store(&points[0]), sum);
                assert_eq!(adder.store(&points[1]), expected[1]);
            }
            for (point, expected) in points.chunks(2).zip(expected.chunks(2)) {
                let (point, expected) = (&point[1], expected[1]);
                assert_eq!(adder.store(&adder.negative(point)), -expected);
                let multiple = (expected * g1::Config::LAMBDA).into_affine();
                assert_eq!(adder.store(&adder.endomorphism(point)), multiple);
            }
            adder.double(&mut points, &evens, &mut scratch);
            for (points, expected) in points.chunks(2).zip(expected.chunks(2)) {
                let sum = (expected[0] + expected[1]).into_affine();
                assert_eq!(adder.store(&points[0]), (sum + sum).into_affine());
            }
        }
    }

    #[test]
    fn portable_sums_agree() {
        agrees(Portable);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn vector_sums_agree() {
        if let Some(adder) = crate::ifma::Ifma::detect() {
            agrees(adder);
        }
    }
}
