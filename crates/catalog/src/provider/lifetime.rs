//! How long a sign-in lasts.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    pub access: AccessLife,
    /// Seconds to assume where the reply does not say; none means "until refused".
    #[serde(default)]
    pub access_seconds: Option<u64>,
    pub refresh: RefreshKind,
    /// Days without use after which the refresh token dies.
    #[serde(default)]
    pub idle_days: Option<u32>,
    /// Days after sign-in after which a new one is needed whatever happens.
    #[serde(default)]
    pub absolute_days: Option<u32>,
    /// Seconds in which a used refresh token still works.
    #[serde(default)]
    pub reuse_leeway: u32,
    /// Live grants per person and app; one more ends the oldest.
    #[serde(default)]
    pub grants_per_user: Option<u32>,
    /// What ends a sign-in early, in words.
    #[serde(default)]
    pub ends_early: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLife {
    /// `expires_in` tells.
    Reply,
    /// Nothing tells: used until refused.
    UntilRefused,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshKind {
    /// A new refresh token each time; the old one dies.
    Rotates,
    /// May or may not bring a new one; keep whatever comes.
    MayRotate,
    /// The same refresh token for good.
    Fixed,
    /// There is none.
    None,
}
