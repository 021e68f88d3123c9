//! What becomes of records between source and target, as somebody asked for it.
//!
//! A [`Shaper`] is made once for a stream and goes over its batches. For each record, in this order: empty and named
//! texts become null, numbers are rounded, transforms are applied, nested values are taken apart, values are turned into
//! the wanted kinds, constraints are looked at. Where nothing was asked for, batches pass through untouched.

mod accents;
mod constraint;
pub(crate) mod convert;
mod nesting;
mod plan;
mod shaper;
mod transform;

pub use constraint::{Constraint, OnBroken};
pub use nesting::{Nesting, WHOLE_RECORD};
pub use shaper::{Shaped, Shaper};
pub use transform::{Fields, Transform};

/// What becomes of each record of a stream before it lands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shaping {
    /// Transforms, in the order in which they are applied.
    pub transforms: Vec<(Fields, Transform)>,
    /// Empty texts become null.
    pub empty_as_null: bool,
    /// Texts equal to this become null.
    pub null_if: Option<String>,
    /// Numbers are rounded to so many decimals.
    pub max_decimals: Option<u8>,
    /// How nested values become columns.
    pub nesting: Nesting,
}
