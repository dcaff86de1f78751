//! Slack.

use crate::providers::{Host, Provider, Registered};

pub static SLACK: Provider = Provider {
    id: "SLACK",
    name: "Slack",
    apps: &[Registered::new("4100000001.4100000002", None)],
    hosts: &[Host::new("slack.com", &[])],
    ..Provider::USUAL
};
