//! Contract 2 over HTTP, with an authorization server that nobody here wrote: a program begins a sign-in, its end user signs
//! in, and the code becomes a connection; and what belongs to one organization stays with it.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

mod end_users;
mod hubs;
mod reconnecting;
mod scene;
mod secrets;
mod separation;
mod sign_ins;
