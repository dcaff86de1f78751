//! Google Cloud Storage.

use crate::providers::{Host, Provider, Registered};

pub static GOOGLE_CLOUD_STORAGE: Provider = Provider {
    id: "GOOGLE_CLOUD_STORAGE",
    name: "Google Cloud Storage",
    apps: &[Registered::new(
        "410000000002-storage.apps.googleusercontent.com",
        Some("GOCSPX-practice-storage"),
    )],
    hosts: &[
        Host::new("accounts.google.com", &[]),
        Host::new("oauth2.googleapis.com", &[]),
        Host::new("openidconnect.googleapis.com", &[]),
        Host::new("storage.googleapis.com", &[]),
    ],
    ..Provider::USUAL
};
