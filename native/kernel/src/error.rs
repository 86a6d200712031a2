//! What can be wrong with an argument.

use core::fmt;

/// Result of every fallible kernel function.
pub type Result<T> = core::result::Result<T, Error>;

/// A refused argument. Nothing is computed from refused arguments, and no kernel function panics on one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An element of a vector is not below the field's order.
    NonCanonical {
        /// Position of the first such element.
        index: usize,
    },
    /// Two lengths that must agree do not.
    Length {
        /// What was measured, in words that name both sides.
        what: &'static str,
        /// First length.
        left: usize,
        /// Second length.
        right: usize,
    },
    /// A point is not in canonical encoding, not on the curve or not in the subgroup.
    Point(String),
    /// An argument lies outside its range.
    Range(String),
    /// The values at `index` is zero where an inverse is needed.
    ZeroInverse {
        /// Position of the first zero.
        index: usize,
    },
    /// The element at `index` is zero, or the square of none.
    NoSquare {
        /// Position of the first such element.
        index: usize,
    },
    /// The element at `index` does not fit a signed 64-bit integer.
    Overflow {
        /// Position of the first such element.
        index: usize,
    },
    /// The ciphertext at `index` hides no integer of so few bits under this key.
    NotSmall {
        /// Position of such a ciphertext.
        index: usize,
    },
    /// Shares do not lie on one polynomial with few enough errors.
    Decoding(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonCanonical { index } => {
                write!(f, "element {index} is not below the field's order")
            }
            Self::Length { what, left, right } => write!(f, "{what}: {left} against {right}"),
            Self::Point(text) | Self::Range(text) | Self::Decoding(text) => f.write_str(text),
            Self::ZeroInverse { index } => write!(f, "element {index} is zero and has no inverse"),
            Self::NoSquare { index } => {
                write!(f, "element {index} is zero or no square")
            }
            Self::NotSmall { index } => {
                write!(
                    f,
                    "ciphertext {index} hides no small integer under this key"
                )
            }
            Self::Overflow { index } => {
                write!(f, "element {index} does not fit a signed 64-bit integer")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Refuses two lengths that differ.
///
/// # Errors
/// [`Error::Length`] naming both.
pub fn same_length(what: &'static str, left: usize, right: usize) -> Result<()> {
    if left == right {
        Ok(())
    } else {
        Err(Error::Length { what, left, right })
    }
}
