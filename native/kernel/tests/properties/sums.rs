//! Sums of multiples of points, against the same sums of their factors.

use ark_bn254::{g1, g2};
use gradroll_kernel::bases::Bases;
use gradroll_kernel::lagrange::lagrange as basis;
use gradroll_kernel::msm::{msm, msm_int64};
use gradroll_kernel::vector::{from_int64, inner};
use gradroll_kernel::{Limbs, poly};

use super::groups::{Choice, chosen, multiple};
use super::input::Input;

/// Sums of few and of many points, among them equal and opposite ones and infinity.
pub fn sums(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => sum::<g2::Config>(&mut input, 72),
        _ => sum::<g1::Config>(&mut input, 140),
    }
}

fn sum<G: Choice>(input: &mut Input<'_>, most: usize) {
    let (n, start) = (input.below(most), input.below(4));
    let far = input.number() as usize;
    let (points, factors) = chosen::<G>(input, n + start);
    let bases = Bases::new(&points);
    let scalars = input.elements(n);
    let expected = |scalars: &[Limbs]| multiple::<G>(&inner(&factors[start..], scalars).unwrap());
    assert_eq!(msm(&bases, &scalars, start).unwrap(), expected(&scalars));
    let integers: Vec<i64> = (0..n).map(|_| input.number() as i64).collect();
    let signed = msm_int64(&bases, &integers, start).unwrap();
    assert_eq!(signed, expected(&from_int64(&integers)));
    let inside = far.checked_add(n).is_some_and(|end| end <= n + start);
    assert_eq!(msm(&bases, &scalars, far).is_ok(), inside);
    assert_eq!(msm_int64(&bases, &integers, far).is_ok(), inside);
}

/// Lagrange bases of points that are powers of nothing: the transform is linear, so its factors say what it gives.
pub fn lagrange(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => transformed::<g2::Config>(&mut input, 24),
        _ => transformed::<g1::Config>(&mut input, 150),
    }
}

fn transformed<G: Choice>(input: &mut Input<'_>, most: usize) {
    let (have, n) = (input.below(most), input.below(most));
    let n = match input.byte() % 4 {
        0 => input.number() as usize,
        1 => n,
        _ => n.next_power_of_two(),
    };
    let (points, factors) = chosen::<G>(input, have);
    let bases = Bases::new(&points);
    let sizes = [1, 3, 9].map(|odd| n.checked_div(odd).filter(|part| part * odd == n));
    let possible = sizes.iter().flatten().any(|part| part.is_power_of_two());
    match basis(&bases, n) {
        Ok(found) => {
            assert!(possible && n <= have);
            let scalars = poly::ntt(&factors[..n], true, false).unwrap();
            let expected = Bases::fixed_base(&scalars, gradroll_kernel::point::generator());
            assert_eq!(found, expected.unwrap());
        }
        Err(_) => assert!(!possible || n > have),
    }
}
