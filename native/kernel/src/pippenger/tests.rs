use super::digits::{Cut, WIDEST, plus, shifted};
use super::*;
use crate::bases::powers_of_tau_unsafe;
use crate::field::{Limbs, ORDER, ZERO, decode, sub};
use crate::seed::expand;
use crate::vector::from_int64;
use ark_bn254::Fr;
use ark_ec::VariableBaseMSM;
use ark_ec::short_weierstrass::Affine;
use buckets::BLOCK;

/// A group with every arithmetic for it.
trait Tested: Layout + Group {
    /// The sum by each of them, and by the one that callers get.
    fn sums(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Vec<Affine<Self>>;
}

impl Tested for g1::Config {
    fn sums(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Vec<G1Affine> {
        let mut sums = vec![sum(Portable, bases, scalars).into_affine()];
        #[cfg(target_arch = "x86_64")]
        if let Some(adder) = crate::ifma::Ifma::detect() {
            sums.push(sum(adder, bases, scalars).into_affine());
        }
        sums.extend(in_g1(bases, scalars));
        sums
    }
}

impl Tested for g2::Config {
    fn sums(bases: &Bases<Self>, scalars: &Scalars<'_>) -> Vec<G2Affine> {
        let mut sums = vec![sum(Portable, bases, scalars).into_affine()];
        sums.extend(in_g2(bases, scalars));
        sums
    }
}

/// Every arithmetic against arkworks.
fn agrees<C: Tested>(bases: &Bases<C>, scalars: &[Limbs]) {
    let fields: Vec<Fr> = scalars.iter().map(decode).collect();
    let expected = Projective::<C>::msm_unchecked(&bases.points(), &fields).into_affine();
    check(bases, &Scalars::Field(scalars), expected);
}

fn check<C: Tested>(bases: &Bases<C>, scalars: &Scalars<'_>, expected: Affine<C>) {
    for sum in C::sums(bases, scalars) {
        assert_eq!(sum, expected);
    }
}

fn powers<C: Tested>(n: usize) -> Bases<C> {
    let tau = Fr::from(12345u64) / Fr::from(999u64);
    powers_of_tau_unsafe::<C>(tau, n).unwrap()
}

#[test]
fn random_scalars_of_every_number() {
    for n in (0..=70).chain([1000, ROWS + 1, 40_000]) {
        agrees(&powers::<g1::Config>(n), &expand(&[9; 32], n, 0).unwrap());
    }
    for n in (0..=70).chain([1000, ROWS + 1]) {
        agrees(&powers::<g2::Config>(n), &expand(&[9; 32], n, 0).unwrap());
    }
}

/// Zero, one, the powers of two with their neighbours and negatives, and both neighbours of r/2.
fn extreme_scalars() -> Vec<Limbs> {
    let mut scalars = vec![ZERO, [1, 0, 0, 0]];
    for bit in 0..253 {
        let power = shifted(1, bit);
        scalars.push(power);
        scalars.push(sub(&power, &[1, 0, 0, 0]).0);
        scalars.push(sub(&ORDER, &power).0);
    }
    let half: Limbs =
        core::array::from_fn(|i| ORDER[i] >> 1 | if i < 3 { ORDER[i + 1] << 63 } else { 0 });
    scalars.extend([half, plus(&half, &[1, 0, 0, 0])]);
    scalars
}

#[test]
fn scalars_at_the_ends_of_every_digit() {
    let scalars = extreme_scalars();
    agrees(&powers::<g1::Config>(scalars.len()), &scalars);
    agrees(&powers::<g2::Config>(scalars.len()), &scalars);
    for width in 2..=WIDEST {
        for bits in [1, 8, 15, 16, 31, 32, 33, 64, 253] {
            let (cut, n) = (Cut::new(width, bits), 2 * bits as usize + 2);
            let members: Vec<Limbs> = (0..n)
                .map(|i| {
                    let power = shifted(1, (i / 2).min(bits as usize - 1));
                    let less = sub(&plus(&power, &power), &[1, 0, 0, 0]).0;
                    if i % 2 == 0 {
                        power
                    } else {
                        sub(&ORDER, &less).0
                    }
                })
                .collect();
            let class = Class {
                members: (0..n as u32).collect(),
                bits,
            };
            for (i, scalar) in members.iter().enumerate() {
                let digits = class.digits(&Scalars::Field(&members), cut);
                let value = (0..cut.windows).rev().fold(Fr::zero(), |sum, window| {
                    let digit = digits[window * n + i];
                    assert!(usize::from(digit.unsigned_abs()) <= cut.buckets());
                    sum * Fr::from(1u64 << width) + Fr::from(digit)
                });
                assert_eq!(value, decode(scalar), "width {width}, {bits} bits");
            }
        }
    }
}

#[test]
fn equal_opposite_and_infinite_points() {
    equal_opposite_and_infinite::<g1::Config>(BLOCK + 5000);
    equal_opposite_and_infinite::<g2::Config>(BLOCK + 5000);
    for n in 0..=40 {
        equal_opposite_and_infinite::<g1::Config>(n);
        equal_opposite_and_infinite::<g2::Config>(n);
    }
}

fn equal_opposite_and_infinite<C: Tested>(n: usize) {
    let mut points = powers::<C>(4).points();
    points.push(-points[1]);
    points.push(Affine::identity());
    let points: Vec<Affine<C>> = (0..n).map(|i| points[(i * i) % 6]).collect();
    let bases = Bases::new(&points);
    let random = expand(&[1; 32], n, 0).unwrap();
    agrees(&bases, &random);
    // All digits the same, so that every block belongs to one bucket.
    agrees(&bases, &vec![expand(&[1; 32], 1, 0).unwrap()[0]; n]);
    agrees(&Bases::new(&vec![-C::GENERATOR; n]), &vec![[1, 0, 0, 0]; n]);
    // Sums that vanish.
    let signs: Vec<i64> = (0..n as i64)
        .map(|i| if i % 2 == 0 { 5 } else { -5 })
        .collect();
    agrees(&Bases::new(&vec![-C::GENERATOR; n]), &from_int64(&signs));
    agrees(&bases, &vec![ZERO; n]);
}

#[test]
fn integers_of_mixed_sizes() {
    integers_of_sizes::<g1::Config>(30_000);
    integers_of_sizes::<g2::Config>(3000);
}

fn integers_of_sizes<C: Tested>(n: usize) {
    let bases = powers::<C>(n);
    let random = expand(&[2; 32], n, 0).unwrap();
    for sizes in [[1, 1, 1], [0, 0, 1], [7, 16, 17], [20, 20, 63], [1, 33, 64]] {
        let mut integers: Vec<i64> = random
            .iter()
            .map(|r| {
                let bits = sizes[(r[1] % 3) as usize];
                let magnitude = if bits == 0 {
                    0
                } else {
                    (r[0] >> (64 - bits)) as i64
                };
                if r[2] & 1 == 0 {
                    magnitude
                } else {
                    magnitude.wrapping_neg()
                }
            })
            .collect();
        integers[7] = i64::MIN;
        let fields: Vec<Fr> = integers.iter().map(|x| Fr::from(*x)).collect();
        let expected = Projective::<C>::msm_unchecked(&bases.points(), &fields).into_affine();
        check(&bases, &Scalars::Signed(&integers), expected);
    }
}
