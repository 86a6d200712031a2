//! Sums of many scalar multiples.

use ark_bn254::{Fr, g1, g2};
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{BigInt, Zero};
use rayon::prelude::*;

use crate::bases::Bases;
use crate::error::{Error, Result};
use crate::field::{Limbs, check};
use crate::pippenger::{Scalars, in_g1, in_g2};
use crate::point::Group;

/// A group with this kernel's own sums of multiples.
pub trait OwnMsm: Group {
    /// `sum scalars[i] * bases[i]`; `None` where arkworks' method is used.
    fn own_msm(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Option<Affine<Self>>;
}

impl OwnMsm for g1::Config {
    fn own_msm(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Option<Affine<Self>> {
        in_g1(bases, scalars)
    }
}

impl OwnMsm for g2::Config {
    fn own_msm(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Option<Affine<Self>> {
        in_g2(bases, scalars)
    }
}

fn bases_for<G: Group>(bases: &Bases<G>, start: usize, scalars: usize) -> Result<Bases<G>> {
    let stop = start.checked_add(scalars);
    stop.and_then(|stop| bases.slice(start, stop).ok())
        .ok_or_else(|| {
            Error::Range(format!(
                "{scalars} scalars from point {start} on, but there are {} points",
                bases.len()
            ))
        })
}

/// `sum scalars[i] * bases[start + i]`. Small scalars and scalars close to `r` cost less.
///
/// # Errors
/// More scalars than points from `start` on; a non-canonical scalar.
pub fn msm<G: OwnMsm>(bases: &Bases<G>, scalars: &[Limbs], start: usize) -> Result<Affine<G>> {
    let bases = bases_for(bases, start, scalars.len())?;
    check(scalars)?;
    if let Some(sum) = G::own_msm(&bases, &Scalars::Field(scalars)) {
        return Ok(sum);
    }
    let bigints: Vec<BigInt<4>> = scalars.par_iter().map(|s| BigInt(*s)).collect();
    Ok(Projective::<G>::msm_bigint(&bases.points(), &bigints).into_affine())
}

/// Points and magnitudes of the scalars with `from <= bits <= to`, signs moved to the points.
fn of_size<G: Group, T: Send>(
    points: &[Affine<G>],
    scalars: &[i64],
    (from, to): (u32, u32),
    convert: impl Fn(u64) -> T + Sync,
) -> (Vec<Affine<G>>, Vec<T>) {
    points
        .par_iter()
        .zip(scalars)
        .filter_map(|(point, scalar)| {
            let magnitude = scalar.unsigned_abs();
            let bits = 64 - magnitude.leading_zeros();
            (from..=to).contains(&bits).then(|| {
                let point = if *scalar < 0 { -*point } else { *point };
                (point, convert(magnitude))
            })
        })
        .unzip()
}

/// `sum scalars[i] * bases[start + i]` for signed integers; the cost follows their sizes.
///
/// # Errors
/// More scalars than points from `start` on.
pub fn msm_int64<G: OwnMsm>(bases: &Bases<G>, scalars: &[i64], start: usize) -> Result<Affine<G>> {
    let bases = bases_for(bases, start, scalars.len())?;
    if let Some(sum) = G::own_msm(&bases, &Scalars::Signed(scalars)) {
        return Ok(sum);
    }
    let points = &bases.points();
    let mut sum = Projective::<G>::zero();
    let (p, s) = of_size(points, scalars, (1, 8), |x| x as u8);
    sum += Projective::<G>::msm_u8(&p, &s);
    let (p, s) = of_size(points, scalars, (9, 16), |x| x as u16);
    sum += Projective::<G>::msm_u16(&p, &s);
    let (p, s) = of_size(points, scalars, (17, 32), |x| x as u32);
    sum += Projective::<G>::msm_u32(&p, &s);
    let (p, s) = of_size(points, scalars, (33, 64), |x| x);
    sum += Projective::<G>::msm_u64(&p, &s);
    Ok(sum.into_affine())
}

/// The multiple of one point.
pub fn mul<G: Group>(point: &Affine<G>, scalar: Fr) -> Affine<G> {
    if point.is_zero() {
        return Affine::zero();
    }
    (*point * scalar).into_affine()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::powers_of_tau_unsafe;
    use crate::field::decode;
    use crate::seed::expand;
    use crate::vector::from_int64;

    fn plain<G: Group>(bases: &Bases<G>, scalars: &[Limbs], start: usize) -> Affine<G> {
        let points = bases.points();
        let terms = points[start..].iter().zip(scalars);
        terms
            .map(|(p, s)| *p * decode(s))
            .sum::<Projective<G>>()
            .into_affine()
    }

    fn agree<G: OwnMsm>(n: usize) {
        let bases = powers_of_tau_unsafe::<G>(Fr::from(12345u64), n + 3).unwrap();
        let scalars = expand(&[4; 32], n, 0).unwrap();
        assert_eq!(
            msm(&bases, &scalars, 0).unwrap(),
            plain(&bases, &scalars, 0)
        );
        assert_eq!(
            msm(&bases, &scalars, 3).unwrap(),
            plain(&bases, &scalars, 3)
        );
        assert!(msm(&bases, &scalars, 4).is_err());
        assert!(msm(&bases, &scalars, usize::MAX).is_err());
    }

    #[test]
    fn agrees_with_single_multiples() {
        // From 64 scalars on the method is the kernel's own.
        for n in [0, 1, 2, 33, 63, 64, 300] {
            agree::<g1::Config>(n);
        }
        for n in [40, 63, 64] {
            agree::<g2::Config>(n);
        }
    }

    #[test]
    fn signed_scalars_of_every_size() {
        let mut scalars = vec![0, 1, -1, 255, -256, 65535, -65536, 1 << 31, -(1 << 32)];
        scalars.extend([i64::MAX, i64::MIN, -3, 2, 7, -40_000]);
        let bases = powers_of_tau_unsafe::<g1::Config>(Fr::from(7u64), 20).unwrap();
        let expected = plain(&bases, &from_int64(&scalars), 2);
        assert_eq!(msm_int64(&bases, &scalars, 2).unwrap(), expected);
        assert!(msm_int64(&bases, &scalars, 6).is_err());
        assert!(msm_int64(&bases, &[], 20).unwrap().is_zero());
    }

    #[test]
    fn small_and_negative_field_scalars_take_the_same_value() {
        let ints: Vec<i64> = (0..500).map(|i| (i * 7919 % 1000) - 500).collect();
        let bases = powers_of_tau_unsafe::<g1::Config>(Fr::from(9u64), 500).unwrap();
        let field = msm(&bases, &from_int64(&ints), 0).unwrap();
        assert_eq!(field, msm_int64(&bases, &ints, 0).unwrap());
    }
}
