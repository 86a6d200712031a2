//! Many independent additions of affine points with one inversion: Montgomery's trick.
//!
//! An affine addition costs an inversion and three multiplications. Shared among a thousand additions the
//! inversion costs three more, and the sum of six is less than the eleven of a mixed projective addition.
//! Two implementations give the same points: this one in portable arithmetic for both groups, and `ifma`,
//! which works on eight additions in G1 at a time where the processor has 52-bit multipliers. Both take every
//! pair, also equal and opposite points and infinity.

#[cfg(test)]
pub(crate) mod tests;

use ark_bn254::{Fq, Fq2, g1, g2};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, Field, Zero};

/// Additions that share an inversion. What is remembered of them fits the second-level cache.
pub const BATCH: usize = 4096;

/// How points of a curve lie in memory.
pub trait Layout: SWCurveConfig {
    /// A stored point: `x` then `y`, each coefficient four limbs in Montgomery form, least significant byte
    /// first.
    type Stored: Copy + Send + Sync;

    /// A point while it is worked on: limbs in the order of [`Self::Stored`], in the form of the
    /// [`Sums`] that made it.
    type Point: Copy + PartialEq + Send + Sync;

    /// Infinity in every form: zeros.
    const INFINITY: Self::Point;

    /// Bytes as stored points; a rest that is no whole point is left out.
    fn stored(bytes: &[u8]) -> &[Self::Stored];

    /// The words of a stored point.
    fn words(bytes: &Self::Stored) -> Self::Point;

    /// The coordinates of Montgomery limbs.
    fn coordinates(point: &Self::Point) -> (Self::BaseField, Self::BaseField);

    /// The Montgomery limbs of coordinates.
    fn join(x: Self::BaseField, y: Self::BaseField) -> Self::Point;

    /// The arkworks point of Montgomery limbs.
    #[inline]
    fn affine(point: &Self::Point) -> Affine<Self> {
        if *point == Self::INFINITY {
            return Affine::identity();
        }
        let (x, y) = Self::coordinates(point);
        Affine::new_unchecked(x, y)
    }
}

#[inline(always)]
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut out = [0; N];
    for (word, bytes) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    out
}

#[inline(always)]
fn field(a: u64, b: u64, c: u64, d: u64) -> Fq {
    Fq::new_unchecked(BigInt([a, b, c, d]))
}

impl Layout for g1::Config {
    type Stored = [u8; 64];
    type Point = [u64; 8];
    const INFINITY: Self::Point = [0; 8];

    fn stored(bytes: &[u8]) -> &[Self::Stored] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn words(bytes: &Self::Stored) -> Self::Point {
        words(bytes)
    }

    #[inline(always)]
    fn coordinates(point: &Self::Point) -> (Fq, Fq) {
        let [a, b, c, d, e, f, g, h] = *point;
        (field(a, b, c, d), field(e, f, g, h))
    }

    #[inline(always)]
    fn join(x: Fq, y: Fq) -> Self::Point {
        let ([a, b, c, d], [e, f, g, h]) = (x.0.0, y.0.0);
        [a, b, c, d, e, f, g, h]
    }
}

impl Layout for g2::Config {
    type Stored = [u8; 128];
    type Point = [u64; 16];
    const INFINITY: Self::Point = [0; 16];

    fn stored(bytes: &[u8]) -> &[Self::Stored] {
        bytes.as_chunks().0
    }

    #[inline(always)]
    fn words(bytes: &Self::Stored) -> Self::Point {
        words(bytes)
    }

    #[inline(always)]
    fn coordinates(point: &Self::Point) -> (Fq2, Fq2) {
        let [a, b, c, d, e, f, g, h, y @ ..] = *point;
        let x = Fq2::new(field(a, b, c, d), field(e, f, g, h));
        let [a, b, c, d, e, f, g, h] = y;
        (x, Fq2::new(field(a, b, c, d), field(e, f, g, h)))
    }

    #[inline(always)]
    fn join(x: Fq2, y: Fq2) -> Self::Point {
        let mut out = Self::INFINITY;
        let parts = [x.c0, x.c1, y.c0, y.c1];
        for (limbs, part) in out.as_chunks_mut::<4>().0.iter_mut().zip(parts) {
            *limbs = part.0.0;
        }
        out
    }
}

/// A point of G1 while it is worked on.
pub type Point = <g1::Config as Layout>::Point;

/// Infinity in G1.
pub const INFINITY: Point = g1::Config::INFINITY;

/// Bytes of a stored point of G1.
pub const STORED: usize = 64;

/// Batched sums of points of a curve.
pub trait Sums<C: Layout>: Copy + Sync {
    /// Memory for one batch, reused.
    type Scratch: Default + Send;

    /// Stored points in this arithmetic's form. An entry is twice a position in `stored`, plus one for the
    /// point's negative.
    fn load(self, stored: &[C::Stored], entries: &[u32], out: &mut [C::Point]);

    /// `points[a] += points[b]` for all pairs `(a, b)`: no `a` twice, and none is another pair's `b`.
    fn add(self, points: &mut [C::Point], pairs: &[(u32, u32)], scratch: &mut Self::Scratch);

    /// The ordinary form.
    fn store(self, point: &C::Point) -> Affine<C>;
}

/// Batched arithmetic on points of G1.
pub trait Adder: Sums<g1::Config> {
    /// `points[a] = 2 points[a]` for all positions, none twice.
    fn double(self, points: &mut [Point], positions: &[u32], scratch: &mut Self::Scratch);

    /// The negative.
    fn negative(self, point: &Point) -> Point;

    /// The point times `lambda`, a cube root of one: `x` times a cube root of one in the base field.
    fn endomorphism(self, point: &Point) -> Point;
}

/// Arithmetic for every processor. A point's limbs are those of its Montgomery form.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// Denominators of a batch, and their running products.
pub struct Fractions<F> {
    denominators: Vec<F>,
    products: Vec<F>,
}

impl<F> Default for Fractions<F> {
    fn default() -> Self {
        Self {
            denominators: Vec::new(),
            products: Vec::new(),
        }
    }
}

impl<F: Field> Fractions<F> {
    fn clear(&mut self) {
        self.denominators.clear();
        self.products.clear();
    }

    #[inline(always)]
    fn push(&mut self, denominator: F) {
        let product = self
            .products
            .last()
            .map_or(denominator, |p| *p * denominator);
        self.denominators.push(denominator);
        self.products.push(product);
    }

    /// Calls `each` with every position, last first, and the inverse of its denominator.
    #[inline(always)]
    fn invert(&self, mut each: impl FnMut(usize, F)) {
        let total = self.products.last().copied().unwrap_or(F::one());
        // A zero would come from a point of order two, and neither curve has one; from bytes that are no
        // point, any result is as good.
        let mut inverse = total.inverse().unwrap_or(F::zero());
        for i in (1..self.products.len()).rev() {
            each(i, inverse * self.products[i - 1]);
            inverse *= self.denominators[i];
        }
        if !self.products.is_empty() {
            each(0, inverse);
        }
    }
}

#[inline(always)]
fn negated<C: Layout>(point: &C::Point) -> C::Point {
    let (x, y) = C::coordinates(point);
    C::join(x, -y)
}

impl<C: Layout> Sums<C> for Portable {
    type Scratch = Fractions<C::BaseField>;

    fn load(self, stored: &[C::Stored], entries: &[u32], out: &mut [C::Point]) {
        for (slot, entry) in out.iter_mut().zip(entries) {
            let point = C::words(&stored[(entry >> 1) as usize]);
            *slot = if entry & 1 == 0 {
                point
            } else {
                negated::<C>(&point)
            };
        }
    }

    fn add(self, points: &mut [C::Point], pairs: &[(u32, u32)], scratch: &mut Self::Scratch) {
        for pairs in pairs.chunks(BATCH) {
            scratch.clear();
            for (a, b) in pairs {
                let (p, q) = (&points[*a as usize], &points[*b as usize]);
                scratch.push(denominator::<C>(p, q));
            }
            scratch.invert(|i, inverse| {
                let (a, b) = (pairs[i].0 as usize, pairs[i].1 as usize);
                points[a] = sum::<C>(&points[a], &points[b], inverse);
            });
        }
    }

    fn store(self, point: &C::Point) -> Affine<C> {
        C::affine(point)
    }
}

impl Adder for Portable {
    fn double(
        self,
        points: &mut [Point],
        positions: &[u32],
        scratch: &mut <Self as Sums<g1::Config>>::Scratch,
    ) {
        for positions in positions.chunks(BATCH) {
            scratch.clear();
            for a in positions {
                let point = &points[*a as usize];
                scratch.push(denominator::<g1::Config>(point, point));
            }
            scratch.invert(|i, inverse| {
                let point = &mut points[positions[i] as usize];
                *point = sum::<g1::Config>(point, point, inverse);
            });
        }
    }

    #[inline(always)]
    fn negative(self, point: &Point) -> Point {
        negated::<g1::Config>(point)
    }

    #[inline(always)]
    fn endomorphism(self, point: &Point) -> Point {
        let (x, y) = g1::Config::coordinates(point);
        g1::Config::join(x * g1::Config::ENDO_COEFFS[0], y)
    }
}

/// The denominator of the slope through two points; one where the sum needs none.
#[inline(always)]
fn denominator<C: Layout>(p: &C::Point, q: &C::Point) -> C::BaseField {
    if *p == C::INFINITY || *q == C::INFINITY {
        return C::BaseField::ONE;
    }
    let ((px, py), (qx, qy)) = (C::coordinates(p), C::coordinates(q));
    let difference = qx - px;
    if !difference.is_zero() {
        difference
    } else if py == qy {
        py.double()
    } else {
        C::BaseField::ONE
    }
}

/// `p + q`, with the inverse of their denominator.
#[inline(always)]
fn sum<C: Layout>(p: &C::Point, q: &C::Point, inverse: C::BaseField) -> C::Point {
    if *p == C::INFINITY {
        return *q;
    }
    if *q == C::INFINITY {
        return *p;
    }
    let ((px, py), (qx, qy)) = (C::coordinates(p), C::coordinates(q));
    let rise = if px != qx {
        qy - py
    } else if py == qy {
        let square = px.square();
        square.double() + square
    } else {
        return C::INFINITY;
    };
    let slope = rise * inverse;
    let x = slope.square() - px - qx;
    C::join(x, slope * (px - x) - py)
}
