//! What must hold of the kernel whatever the bytes are that it gets.
//!
//! Nothing panics, what is read is written as the same bytes, what is out of bounds is refused before memory is taken
//! for it, and what is computed is what a slow way gives. `native/fuzz` looks for inputs that break it, guided by
//! coverage; the tests of the kernel replay the inputs that it keeps.

mod groups;
mod input;
pub mod points;
pub mod polynomials;
pub mod scalars;
pub mod sealing;
pub mod seeds;
pub mod shares;
pub mod sums;

/// A property, for any bytes.
pub type Property = fn(&[u8]);

/// Every property by the name of its target and of its folder in `native/fuzz/corpus`.
pub const ALL: [(&str, Property); 14] = [
    ("arrays", points::arrays),
    ("hashes", sealing::hashes),
    ("lagrange", sums::lagrange),
    ("mapped", points::mapped),
    ("masks", shares::masks),
    ("points", points::points),
    ("polynomials", polynomials::polynomials),
    ("scalars", scalars::scalars),
    ("sealing", sealing::sealing),
    ("seeds", seeds::seeds),
    ("shares", shares::shares),
    ("sparse", polynomials::sparse),
    ("sums", sums::sums),
    ("vectors", scalars::vectors),
];
