//! Arithmetic under gradroll: long vectors over the scalar field of BN254, its polynomials, Shamir
//! sharing and the curve itself.
//!
//! The crate is pure: no clock, no files, no operating-system randomness. Vectors cross its border as
//! canonical little-endian limbs ([`Limbs`]), so that a memory-mapped share file is a valid argument.
//! The arithmetic is arkworks'; what is written here is how to drive it over a million coordinates, and sums
//! of points eight at a time for processors with AVX-512 IFMA (`ifma`, chosen when running).

pub mod affine;
pub mod bases;
pub mod combine;
pub mod decode;
pub mod elgamal;
pub mod error;
pub mod field;
mod fourier;
pub mod gram;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod independent;
pub mod lagrange;
pub mod msm;
mod multiplier;
pub mod pippenger;
pub mod point;
pub mod poly;
pub mod project;
pub mod replicated;
pub mod seed;
pub mod shamir;
pub mod sparse;
pub mod transform;
pub mod vector;
pub mod wide;

pub use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
pub use error::{Error, Result};
pub use field::Limbs;
