//! Curve points at the border: the encodings of EIP-196 and EIP-197.
//!
//! A G1 point is `x || y`, 32 bytes big-endian each; a G2 point is `x_im || x_re || y_im || y_re`. Infinity is
//! all zeros. A coordinate at or above the base field's order is refused, never reduced.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{BigInt, Field, One, PrimeField};

use crate::error::{Error, Result, same_length};

/// A coordinate field with both its encodings.
pub trait Coordinate: Field {
    /// Bytes of an element.
    const BYTES: usize;
    /// Writes the big-endian encoding.
    fn write(&self, out: &mut [u8]);
    /// Reads a big-endian encoding; `None` when not canonical.
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Writes the Montgomery limbs, little-endian.
    fn write_raw(&self, out: &mut [u8]);
    /// Reads Montgomery limbs; `None` when not below the order.
    fn read_raw(bytes: &[u8]) -> Option<Self>;
}

fn limbs(bytes: &[u8], big_endian: bool) -> BigInt<4> {
    let mut out = [0u64; 4];
    for (i, chunk) in bytes.chunks_exact(8).enumerate().take(4) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        if big_endian {
            out[3 - i] = u64::from_be_bytes(eight);
        } else {
            out[i] = u64::from_le_bytes(eight);
        }
    }
    BigInt(out)
}

impl Coordinate for Fq {
    const BYTES: usize = 32;

    fn write(&self, out: &mut [u8]) {
        for (chunk, limb) in out
            .chunks_exact_mut(8)
            .zip(self.into_bigint().0.iter().rev())
        {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_bigint(limbs(bytes, true))
    }

    fn write_raw(&self, out: &mut [u8]) {
        for (chunk, limb) in out.chunks_exact_mut(8).zip(self.0.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
    }

    fn read_raw(bytes: &[u8]) -> Option<Self> {
        let limbs = limbs(bytes, false);
        (limbs < Self::MODULUS).then(|| Self::new_unchecked(limbs))
    }
}

impl Coordinate for Fq2 {
    const BYTES: usize = 64;

    fn write(&self, out: &mut [u8]) {
        let (imaginary, real) = out.split_at_mut(32);
        self.c1.write(imaginary);
        self.c0.write(real);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (imaginary, real) = bytes.split_at(32);
        Some(Self::new(Fq::read(real)?, Fq::read(imaginary)?))
    }

    fn write_raw(&self, out: &mut [u8]) {
        let (real, imaginary) = out.split_at_mut(32);
        self.c0.write_raw(real);
        self.c1.write_raw(imaginary);
    }

    fn read_raw(bytes: &[u8]) -> Option<Self> {
        let (real, imaginary) = bytes.split_at(32);
        Some(Self::new(Fq::read_raw(real)?, Fq::read_raw(imaginary)?))
    }
}

/// One of the two source groups of the pairing.
pub trait Group: SWCurveConfig<BaseField: Coordinate, ScalarField = Fr> {
    /// Name for messages.
    const NAME: &'static str;
}

impl Group for ark_bn254::g1::Config {
    const NAME: &'static str = "G1";
}

impl Group for ark_bn254::g2::Config {
    const NAME: &'static str = "G2";
}

/// Bytes of a point of a group, in both encodings.
pub const fn size_of<G: Group>() -> usize {
    2 * <G::BaseField as Coordinate>::BYTES
}

/// Refuses a point that is not on the curve or not in the subgroup of order `r`.
///
/// # Errors
/// [`Error::Point`] with what is wrong.
pub fn check_membership<G: Group>(point: &Affine<G>) -> Result<()> {
    if point.is_zero() {
        return Ok(());
    }
    let name = G::NAME;
    if !point.is_on_curve() {
        return Err(Error::Point(format!(
            "the {name} point is not on the curve"
        )));
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Error::Point(format!(
            "the {name} point is not in the subgroup of order r"
        )));
    }
    Ok(())
}

/// The point that the bytes encode. `check` is for points from outside: on the curve, in the subgroup.
///
/// # Errors
/// Another length; a coordinate that is not canonical; with `check`, a point outside the group.
pub fn from_bytes<G: Group>(bytes: &[u8], check: bool) -> Result<Affine<G>> {
    same_length(
        "bytes of the point against its encoding",
        bytes.len(),
        size_of::<G>(),
    )?;
    if bytes.iter().all(|b| *b == 0) {
        return Ok(Affine::identity());
    }
    let (x, y) = bytes.split_at(bytes.len() / 2);
    let (Some(x), Some(y)) = (Coordinate::read(x), Coordinate::read(y)) else {
        return Err(Error::Point(format!(
            "a coordinate of the {} point is not below the base field's order",
            G::NAME
        )));
    };
    let point = Affine::new_unchecked(x, y);
    if check {
        check_membership(&point)?;
    }
    Ok(point)
}

/// The encoding of a point, appended to `out`.
pub fn write_bytes<G: Group>(point: &Affine<G>, out: &mut [u8]) {
    out.fill(0);
    if let Some((x, y)) = point.xy() {
        let (first, second) = out.split_at_mut(size_of::<G>() / 2);
        x.write(first);
        y.write(second);
    }
}

/// The encoding of a point.
pub fn to_bytes<G: Group>(point: &Affine<G>) -> Vec<u8> {
    let mut out = vec![0; size_of::<G>()];
    write_bytes(point, &mut out);
    out
}

/// `sum scalars[i] * points[i]`, for a handful of points.
///
/// # Errors
/// Different numbers of points and scalars.
pub fn linear_combination<G: Group>(points: &[Affine<G>], scalars: &[Fr]) -> Result<Affine<G>> {
    same_length("points against scalars", points.len(), scalars.len())?;
    let sum = if points.len() < 8 {
        points.iter().zip(scalars).map(|(p, s)| *p * s).sum()
    } else {
        ark_ec::short_weierstrass::Projective::<G>::msm_unchecked(points, scalars)
    };
    Ok(sum.into_affine())
}

/// Whether the product of pairings is one.
pub fn pairing_product_is_one(pairs: &[(G1Affine, G2Affine)]) -> bool {
    let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    Bn254::multi_pairing(left, right).0.is_one()
}

/// The generator of a group.
pub fn generator<G: Group>() -> Affine<G> {
    ark_ec::short_weierstrass::Projective::<G>::generator().into_affine()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ff::Zero;

    #[test]
    fn encodings_round_trip() {
        let g1 = generator::<g1::Config>();
        let g2 = (generator::<g2::Config>() * Fr::from(77u64)).into_affine();
        assert_eq!(from_bytes::<g1::Config>(&to_bytes(&g1), true).unwrap(), g1);
        assert_eq!(from_bytes::<g2::Config>(&to_bytes(&g2), true).unwrap(), g2);
        assert!(from_bytes::<g1::Config>(&[0; 64], true).unwrap().is_zero());
        assert_eq!(to_bytes(&Affine::<g2::Config>::identity()), vec![0; 128]);
    }

    #[test]
    fn coordinates_are_never_reduced() {
        let mut bytes = to_bytes(&generator::<g1::Config>());
        // x = 1 + q
        Fq::zero().write(&mut bytes[..32]);
        let mut q = [0; 32];
        for (chunk, limb) in q.chunks_exact_mut(8).zip(Fq::MODULUS.0.iter().rev()) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        q[31] += 1;
        bytes[..32].copy_from_slice(&q);
        assert!(matches!(
            from_bytes::<g1::Config>(&bytes, true),
            Err(Error::Point(_))
        ));
    }

    #[test]
    fn twist_points_outside_the_subgroup_are_refused() {
        let mut x = Fq2::one();
        let point = loop {
            if let Some(p) = G2Affine::get_point_from_x_unchecked(x, false)
                && !p.is_in_correct_subgroup_assuming_on_curve()
            {
                break p;
            }
            x += Fq2::one();
        };
        let bytes = to_bytes(&point);
        assert!(matches!(
            from_bytes::<g2::Config>(&bytes, true),
            Err(Error::Point(_))
        ));
        assert!(from_bytes::<g2::Config>(&bytes, false).is_ok());
    }

    #[test]
    fn pairing_is_bilinear() {
        let (p, q) = (generator::<g1::Config>(), generator::<g2::Config>());
        let a = (p * Fr::from(6u64)).into_affine();
        let b = (q * Fr::from(6u64)).into_affine();
        assert!(pairing_product_is_one(&[(a, q), (-p, b)]));
        assert!(!pairing_product_is_one(&[(a, q), (p, b)]));
        assert!(pairing_product_is_one(&[]));
    }
}
