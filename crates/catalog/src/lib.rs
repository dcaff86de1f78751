//! What a provider is, as data: one TOML file each, read into [`Provider`].
//!
//! Nothing here does IO, reads a clock or knows a token. Unknown keys are errors that name the line.
//! The only template is `{field}`, which stands for an input or a fact from a provider's reply; see
//! [`template`].

mod catalogue;
mod check;
mod host;
mod input;
pub mod practice;
mod provider;
pub mod template;

pub use catalogue::{BUILT_IN, Catalogue, Mistake};
pub use host::{allowed as host_allowed, matches as host_matches};
pub use input::{FieldProblem, Normalised, fits, normalise};
pub use provider::*;
