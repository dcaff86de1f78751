//! Confluence, Gong, Intercom, Salesforce and ServiceNow over TCP, as a client of the real ones would talk
//! to them: each provider's whole way, its odd formats, and the wording of its errors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod confluence;
mod gong;
mod intercom;
mod salesforce;
mod servicenow;
mod world;
