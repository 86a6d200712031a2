//! The kernel's properties by name, for the targets.

#[path = "../../kernel/tests/properties/mod.rs"]
pub mod properties;
