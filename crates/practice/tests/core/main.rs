//! The core of the practice providers, with Zendesk as the provider it is tried on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod contents;
mod faults;
mod restart;
mod rules;
mod support;
mod zendesk;
