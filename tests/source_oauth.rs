//! Sources that other programs sign a person in for: contract 3 and the calls of Airbyte behind it, over HTTP, with
//! practice providers and a person at their sign-in pages.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

mod access;
mod links;
mod scene;
mod sign_in;
mod sources;
