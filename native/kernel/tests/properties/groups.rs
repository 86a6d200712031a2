//! Points to choose from, and slow answers about points.

use std::sync::OnceLock;

use ark_bn254::{Fq, g1, g2};
use ark_ec::short_weierstrass::Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, Field, PrimeField, Zero};
use gradroll_kernel::bases::Bases;
use gradroll_kernel::field::ORDER;
use gradroll_kernel::lagrange::OwnLagrange;
use gradroll_kernel::msm::OwnMsm;
use gradroll_kernel::point::{self, size_of};
use gradroll_kernel::seed::expand;
use gradroll_kernel::vector::from_int64;
use gradroll_kernel::{Limbs, field};

use super::input::Input;

/// Factors of the points to choose from: small ones, their negatives, zero, and any.
pub fn factors() -> &'static [Limbs] {
    static FACTORS: OnceLock<Vec<Limbs>> = OnceLock::new();
    FACTORS.get_or_init(|| {
        let mut all = from_int64(&(-8..=8).collect::<Vec<_>>());
        all.extend(expand(&[1; 32], 47, 0).unwrap());
        all
    })
}

/// A group of which points are chosen.
pub trait Choice: OwnMsm + OwnLagrange {
    /// The generator times each of [`factors`].
    fn multiples() -> &'static [Affine<Self>];
}

macro_rules! choice {
    ($config:ty) => {
        impl Choice for $config {
            fn multiples() -> &'static [Affine<Self>] {
                static POINTS: OnceLock<Vec<Affine<$config>>> = OnceLock::new();
                POINTS.get_or_init(|| {
                    let bases = Bases::fixed_base(factors(), point::generator()).unwrap();
                    bases.points()
                })
            }
        }
    };
}

choice!(g1::Config);
choice!(g2::Config);

/// Points and their factors.
pub fn chosen<G: Choice>(input: &mut Input<'_>, n: usize) -> (Vec<Affine<G>>, Vec<Limbs>) {
    (0..n)
        .map(|_| {
            let at = usize::from(input.byte()) % factors().len();
            (G::multiples()[at], factors()[at])
        })
        .unzip()
}

/// The generator times a factor.
pub fn multiple<G: Choice>(factor: &Limbs) -> Affine<G> {
    (point::generator::<G>() * field::decode(factor)).into_affine()
}

/// Whether a point is in the group: by the curve's equation, and by its order.
pub fn is_member<G: Choice>(point: &Affine<G>) -> bool {
    let Some((x, y)) = point.xy() else {
        return true;
    };
    y.square() == x.square() * x + G::COEFF_B && point.mul_bigint(ORDER).is_zero()
}

/// Whether 32 big-endian bytes are below the base field's order, byte by byte.
pub fn below_base_order(bytes: &[u8]) -> bool {
    bytes < Fq::MODULUS.to_bytes_be().as_slice()
}

/// Encodings: the input's own bytes, or points that are on the curve, of which a bit may be changed.
pub fn encodings<G: Choice>(input: &mut Input<'_>, most: usize) -> Vec<u8> {
    let kind = input.byte();
    let mut out = match kind % 4 {
        0 => return input.rest().to_vec(),
        // On the curve, and seldom in the group where that is less.
        1 => {
            let x = (0..G::BaseField::extension_degree()).map(|_| input.number().into());
            let x = G::BaseField::from_base_prime_field_elems(x);
            let found = x.and_then(|x| Affine::<G>::get_point_from_x_unchecked(x, input.flag()));
            point::to_bytes(&found.unwrap_or_default())
        }
        _ => {
            let n = input.below(most + 1);
            Bases::new(&chosen::<G>(input, n).0).to_bytes()
        }
    };
    if kind & 4 != 0 && !out.is_empty() {
        let at = input.below(out.len().min(1 << 16));
        out[at] ^= 1 << (input.byte() % 8);
    }
    if kind & 8 != 0 {
        out.truncate(out.len().saturating_sub(input.below(size_of::<G>())));
    }
    out
}
