//! What a person or an organisation sets once. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Port of loopback redirects where the provider wants a registered one: in the dynamic range, and no known
/// program's.
pub const LOOPBACK_PORT: u16 = 47823;

/// Port of the loopback API, where no other was chosen: next to the port of redirects.
pub const API_PORT: u16 = 47824;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// `http://proxy.acme.example:8080`; empty takes the system's. No user name or password.
    pub proxy: String,
    /// PEM text of certificates to trust besides the system's.
    pub extra_ca: String,
    /// Port of loopback redirects where the provider wants a registered one. Default 47823.
    pub loopback_port: Option<u16>,
    /// The organisation's relay page: `https://acme.example/tieline`.
    pub relay: String,
    /// Where messages for the administrator go.
    pub admin_email: String,
    /// Nothing is read by itself when an account is connected; else what brings everything at once begins.
    pub read_later: bool,
    /// The largest the library may grow, in MB; none: as large as the disk allows.
    pub library_limit_mb: Option<u32>,
    /// The window is closed while a sync is under way: `ask` (also when empty), `go_on` in the background, `stop`.
    pub when_closing: String,
    /// Other programs may use the connections over the loopback API while the window is open.
    pub api: bool,
    /// Its port. Default 47824.
    pub api_port: Option<u16>,
    /// `system`, `light`, `dark`
    pub theme: String,
}
