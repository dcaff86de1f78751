//! The protocol's pure half: what is asked in the browser, and what a provider's replies mean. No IO.

mod authorize;
mod oauth1;
mod proof;
mod refusal;
mod reply;

pub use authorize::{Asking, by_reference, check_return, pushed, start};
pub use oauth1::{Oauth1Token, authorize_url, read_form, signature};
pub use proof::{Access, ProofKey, Proven};
pub use refusal::{Refusal, refusal, shown};
pub use reply::{Tokens, keep, plain, tokens};
