//! Contract 1 over HTTP, against practice providers.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

mod access;
mod browser;
mod choosing;
mod connected;
mod conversations;
mod customers;
mod data_sources;
mod elsewhere;
mod files;
mod house;
mod items;
mod kept;
mod mail;
mod own_app;
mod picker;
mod scopes;
mod sign_in;
mod tickets;
mod webhooks;
