//! Gmail.

use crate::providers::{Host, Provider, Registered};

pub static GMAIL: Provider = Provider {
    id: "GMAIL",
    name: "Gmail",
    apps: &[Registered::new("410000000001-gmail.apps.googleusercontent.com", Some("GOCSPX-practice-gmail"))],
    hosts: &[
        Host::new("accounts.google.com", &[]),
        Host::new("oauth2.googleapis.com", &[]),
        Host::new("openidconnect.googleapis.com", &[]),
        Host::new("gmail.googleapis.com", &[]),
    ],
    ..Provider::USUAL
};
