//! Google Drive.

use crate::providers::{Host, Provider, Registered};

pub static GOOGLE_DRIVE: Provider = Provider {
    id: "GOOGLE_DRIVE",
    name: "Google Drive",
    apps: &[Registered::new("410000000001-drive.apps.googleusercontent.com", Some("GOCSPX-practice-drive"))],
    hosts: &[
        Host::new("accounts.google.com", &[]),
        Host::new("oauth2.googleapis.com", &[]),
        Host::new("openidconnect.googleapis.com", &[]),
        Host::new("www.googleapis.com", &[]),
    ],
    ..Provider::USUAL
};
