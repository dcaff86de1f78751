//! From a provider’s error to its cause.

use serde::{Deserialize, Serialize};

/// Explains one error of the provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// Where it shows; empty is anywhere.
    #[serde(default)]
    pub at: Vec<ErrorPlace>,
    /// The value of `error` (or Slack's `error`, or a numeric code in the text), exactly.
    #[serde(default)]
    pub code: Option<String>,
    /// HTTP status.
    #[serde(default)]
    pub status: Option<u16>,
    /// Text that the code or description holds, ignoring case.
    #[serde(default)]
    pub holds: Option<String>,
    pub cause: Cause,
    /// What happened and why, in words, where the cause's own words are too general.
    #[serde(default)]
    pub says: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorPlace {
    Callback,
    Exchange,
    Refresh,
    Api,
}

/// Why something does not work. Each has its words and its main button in the engine's `diagnose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The person said no.
    Declined,
    /// An administrator has to agree first.
    AdminApproval,
    /// A policy forbids it; signing in again does not help.
    AdminBlocked,
    /// The app's secret is wrong.
    WrongSecret,
    /// The app's secret has run out.
    SecretExpired,
    /// The app is unknown, deleted or of another tenant.
    WrongClient,
    /// The redirect address is not registered.
    RedirectMismatch,
    /// The code came too late or was used.
    CodeExpired,
    /// A permission is missing.
    ScopeMissing,
    /// The person, or an admin, withdrew the permission.
    Revoked,
    /// Not used for too long.
    Idle,
    /// The longest time between two sign-ins has passed.
    AbsoluteLimit,
    /// The organisation asks for a new sign-in at intervals.
    SessionPolicy,
    /// The provider's app is in testing mode and its sign-ins are short.
    TestingApp,
    /// More sign-ins than the provider keeps alive.
    TooManyGrants,
    /// The account has no licence, or the product is off.
    NotLicensed,
    /// The account belongs elsewhere.
    WrongTenant,
    /// The address belongs to nothing.
    WrongHost,
    /// The provider asks for a pause.
    RateLimited,
    /// The provider is unwell; time mends it.
    Temporary,
    /// No network, DNS or TLS.
    Offline,
    /// The answer made no sense.
    Garbage,
    /// Something else.
    Unknown,
}
