//! How the browser’s answer may come back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The ways back that the provider accepts, best first. `paste` is always the last resort.
    pub ways: Vec<Way>,
    /// Why the ways that are not listed are not: shown to the admin.
    #[serde(default)]
    pub refused: BTreeMap<Way, String>,
    #[serde(default)]
    pub loopback_host: LoopbackHost,
    #[serde(default)]
    pub loopback_port: LoopbackPort,
    /// The provider takes a single callback per app.
    #[serde(default)]
    pub single: bool,
    /// A mismatch is shown by the provider and never comes back.
    #[serde(default)]
    pub mismatch_is_silent: bool,
    /// The loopback address needs no registration.
    #[serde(default)]
    pub loopback_unregistered: bool,
}

/// A way for the browser's answer to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    DeepLink,
    Loopback,
    Relay,
    Paste,
    /// To the program that asked for the sign-in, at an address of its own.
    Program,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum LoopbackHost {
    #[default]
    #[serde(rename = "127.0.0.1")]
    Ip,
    #[serde(rename = "localhost")]
    Localhost,
}

impl LoopbackHost {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "127.0.0.1",
            Self::Localhost => "localhost",
        }
    }
}

/// Whether the provider compares the port of a loopback address (RFC 8252 §7.3 says it must not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackPort {
    Any,
    #[default]
    Fixed,
}
