//! Shamir sharing of whole vectors.

use ark_bn254::Fr;
use ark_ff::{One, Zero, batch_inversion};

use crate::combine::combine_unchecked;
use crate::error::{Error, Result, same_length};
use crate::field::{Limbs, check_rows};

/// Most evaluation points of one sharing.
pub const MAX_SHARES: usize = 32;

/// Refuses evaluation points that are zero, repeated or more than [`MAX_SHARES`].
///
/// # Errors
/// [`Error::Range`] naming the cause.
pub fn check_points(xs: &[Fr]) -> Result<()> {
    if xs.len() > MAX_SHARES {
        return Err(Error::Range(format!(
            "{} evaluation points, at most {MAX_SHARES} are possible",
            xs.len()
        )));
    }
    for (i, x) in xs.iter().enumerate() {
        if x.is_zero() {
            return Err(Error::Range(format!("evaluation point {i} is zero")));
        }
        if let Some(j) = xs[..i].iter().position(|y| y == x) {
            return Err(Error::Range(format!(
                "evaluation points {j} and {i} are equal"
            )));
        }
    }
    Ok(())
}

/// Lagrange coefficients at `at` for nodes known to be distinct.
pub(crate) fn coefficients_at(nodes: &[Fr], at: Fr) -> Vec<Fr> {
    let mut denominators: Vec<Fr> = (0..nodes.len())
        .map(|i| others(nodes, i).map(|x| nodes[i] - x).product())
        .collect();
    batch_inversion(&mut denominators);
    (0..nodes.len())
        .map(|i| others(nodes, i).map(|x| at - x).product::<Fr>() * denominators[i])
        .collect()
}

fn others(nodes: &[Fr], i: usize) -> impl Iterator<Item = Fr> + '_ {
    nodes
        .iter()
        .enumerate()
        .filter(move |(j, _)| *j != i)
        .map(|(_, x)| *x)
}

/// Weights `c_i` with `f(at) = sum c_i f(x_i)` for every polynomial of degree below the number of points.
///
/// # Errors
/// Points that are zero, repeated, too many or none.
pub fn lagrange_coefficients(xs: &[Fr], at: Fr) -> Result<Vec<Fr>> {
    check_points(xs)?;
    if xs.is_empty() {
        return Err(Error::Range("no evaluation points".into()));
    }
    Ok(coefficients_at(xs, at))
}

fn check_lengths(rows: &[&[Limbs]], length: usize) -> Result<()> {
    for row in rows {
        same_length("length of a row against the first", row.len(), length)?;
    }
    check_rows(rows)
}

/// Shares of `secret` at every point: `f(x) = secret + sum_l coefficients[l-1] x^l`, coordinate by
/// coordinate.
///
/// # Errors
/// Rows of different lengths; a non-canonical element; points refused by [`check_points`].
pub fn share(secret: &[Limbs], coefficients: &[&[Limbs]], xs: &[Fr]) -> Result<Vec<Vec<Limbs>>> {
    check_points(xs)?;
    let mut rows = vec![secret];
    rows.extend_from_slice(coefficients);
    check_lengths(&rows, secret.len())?;
    Ok(xs
        .iter()
        .map(|x| {
            let powers: Vec<Fr> = core::iter::successors(Some(Fr::one()), |p| Some(*p * x))
                .take(rows.len())
                .collect();
            combine_unchecked(&rows, &powers, secret.len())
        })
        .collect())
}

/// Shares at `xs` of the polynomial of least degree through `secret` at zero and the fixed shares.
///
/// # Errors
/// Rows of different lengths; a non-canonical element; fixed points or `xs` refused by [`check_points`].
pub fn share_through(
    secret: &[Limbs],
    fixed: &[(Fr, &[Limbs])],
    xs: &[Fr],
) -> Result<Vec<Vec<Limbs>>> {
    let fixed_points: Vec<Fr> = fixed.iter().map(|(x, _)| *x).collect();
    check_points(&fixed_points)?;
    check_points(xs)?;
    let mut nodes = vec![Fr::zero()];
    nodes.extend(fixed_points);
    let mut rows = vec![secret];
    rows.extend(fixed.iter().map(|(_, row)| *row));
    check_lengths(&rows, secret.len())?;
    Ok(xs
        .iter()
        .map(|x| combine_unchecked(&rows, &coefficients_at(&nodes, *x), secret.len()))
        .collect())
}

/// Values at `at` of the polynomials of least degree through the rows.
///
/// # Errors
/// Rows of different lengths or another number than points; a non-canonical element; refused points.
pub fn interpolate(rows: &[&[Limbs]], xs: &[Fr], at: Fr) -> Result<Vec<Limbs>> {
    same_length("rows against evaluation points", rows.len(), xs.len())?;
    let weights = lagrange_coefficients(xs, at)?;
    let length = rows[0].len();
    check_lengths(rows, length)?;
    Ok(combine_unchecked(rows, &weights, length))
}

/// `1, 2, .., n` as evaluation points.
pub fn first_points(n: u64) -> Vec<Fr> {
    (1..=n).map(Fr::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::expand;

    fn random(label: u8, n: usize) -> Vec<Limbs> {
        expand(&[label; 32], n, 0).unwrap()
    }

    #[test]
    fn any_threshold_plus_one_shares_recover() {
        let (secret, c1, c2) = (random(0, 5), random(1, 5), random(2, 5));
        let xs = first_points(5);
        let shares = share(&secret, &[&c1, &c2], &xs).unwrap();
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let rows: Vec<_> = chosen.iter().map(|i| shares[*i].as_slice()).collect();
            let points: Vec<_> = chosen.iter().map(|i| xs[*i]).collect();
            assert_eq!(interpolate(&rows, &points, Fr::zero()).unwrap(), secret);
        }
    }

    #[test]
    fn sharing_through_fixed_shares_keeps_them() {
        let (secret, fixed) = (random(0, 4), random(1, 4));
        let xs = first_points(4);
        let shares = share_through(&secret, &[(xs[2], &fixed)], &xs).unwrap();
        assert_eq!(shares[2], fixed);
        let rows = [shares[0].as_slice(), &shares[3]];
        assert_eq!(
            interpolate(&rows, &[xs[0], xs[3]], Fr::zero()).unwrap(),
            secret
        );
        assert_eq!(share_through(&secret, &[], &xs).unwrap()[1], secret);
    }

    #[test]
    fn bad_points_are_refused() {
        let one = Fr::one();
        assert!(lagrange_coefficients(&[], one).is_err());
        assert!(lagrange_coefficients(&[Fr::zero()], one).is_err());
        assert!(lagrange_coefficients(&[one, one], one).is_err());
        assert!(check_points(&first_points(32)).is_ok());
        assert!(check_points(&first_points(33)).is_err());
        assert!(interpolate(&[], &[one], one).is_err());
    }
}
