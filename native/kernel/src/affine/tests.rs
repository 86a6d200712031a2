use super::*;
use crate::bases::powers_of_tau_unsafe;
use crate::point::Group;
use ark_bn254::Fr;
use ark_ec::CurveGroup;

/// Pairs of points of every kind are added as by arkworks. Returns the sums, and what they are.
fn agrees<C: Layout + Group, A: Sums<C>>(
    adder: A,
    length: usize,
) -> (Vec<C::Point>, Vec<Affine<C>>) {
    let bases = powers_of_tau_unsafe::<C>(Fr::from(12345u64), 50).unwrap();
    let mut bytes = bases.bytes().to_vec();
    bytes.resize(bytes.len() / 50 * 51, 0);
    let stored = C::stored(&bytes);
    let count = stored.len() as u32;
    let known: Vec<Affine<C>> = stored.iter().map(|s| C::affine(&C::words(s))).collect();
    let entries: Vec<u32> = (0..2 * length as u32)
        .map(|i| match i % 12 {
            // Equal, opposite, infinity on one side, on the other, on both.
            0..=2 => 14,
            3 => 15,
            4 | 7 | 8 | 9 => 2 * count - 2,
            _ => (i * 7919) % (2 * count),
        })
        .collect();
    let mut points = vec![C::INFINITY; entries.len()];
    adder.load(stored, &entries, &mut points);
    let before: Vec<Affine<C>> = entries
        .iter()
        .map(|e| {
            let point = known[(e >> 1) as usize];
            if e & 1 == 0 { point } else { -point }
        })
        .collect();
    for (point, expected) in points.iter().zip(&before) {
        assert_eq!(adder.store(point), *expected);
    }
    let pairs: Vec<(u32, u32)> = (0..length as u32).map(|i| (2 * i, 2 * i + 1)).collect();
    adder.add(&mut points, &pairs, &mut A::Scratch::default());
    let after: Vec<Affine<C>> = before
        .chunks(2)
        .flat_map(|pair| [(pair[0] + pair[1]).into_affine(), pair[1]])
        .collect();
    for (point, expected) in points.iter().zip(&after) {
        assert_eq!(adder.store(point), *expected);
    }
    (points, after)
}

const LENGTHS: [usize; 6] = [1, 7, 8, 9, 333, BATCH + 1];

/// The same, and what only G1 has.
pub(crate) fn agrees_in_g1<A: Adder>(adder: A) {
    for length in LENGTHS {
        let (mut points, expected) = agrees::<g1::Config, A>(adder, length);
        for (point, expected) in points.iter().zip(&expected) {
            assert_eq!(adder.store(&adder.negative(point)), -*expected);
            let multiple = (*expected * g1::Config::LAMBDA).into_affine();
            assert_eq!(adder.store(&adder.endomorphism(point)), multiple);
        }
        let evens: Vec<u32> = (0..length as u32).map(|i| 2 * i).collect();
        adder.double(&mut points, &evens, &mut A::Scratch::default());
        for (points, expected) in points.chunks(2).zip(expected.chunks(2)) {
            let double = (expected[0] + expected[0]).into_affine();
            assert_eq!(adder.store(&points[0]), double);
        }
    }
}

#[test]
fn portable_sums_agree() {
    agrees_in_g1(Portable);
    for length in LENGTHS {
        agrees::<g2::Config, _>(Portable, length);
    }
}
