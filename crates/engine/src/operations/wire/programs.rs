//! What goes through the door about other programs: keys, their uses, what a person has to agree to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use crate::program::Reach;

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct OrganizationRow {
    /// From 1; never used twice.
    pub number: u32,
    pub name: String,
    /// `org_00000001`, as the source contract writes it.
    pub id: String,
    /// The same as a ULID, as the embedded contract writes it.
    pub ulid: String,
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    /// Whose are the connections made through it.
    pub organization: OrganizationRow,
    /// Operations, and groups of them.
    pub operations: Vec<String>,
    pub reach: Reach,
    /// Origins of pages that may use it.
    pub origins: Vec<String>,
    /// Requests a minute in place of the usual limits; 0: no limit.
    pub per_minute: Option<u32>,
    pub made_at: String,
    pub last_used_at: Option<String>,
    pub revoked_at: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct AddKey {
    /// What you call the program.
    pub name: String,
    /// Keys of one organization share what they make. Default: one of the key's own name.
    #[serde(default)]
    pub organization: Option<String>,
    /// Operations or groups; default: all groups but `tokens`, and but `contracts` where `reach` names connections.
    #[serde(default)]
    pub operations: Option<Vec<String>>,
    #[serde(default)]
    pub reach: Option<Reach>,
    #[serde(default)]
    pub origins: Vec<String>,
    #[serde(default)]
    pub per_minute: Option<u32>,
}

/// The only answer in which a key's secret stands.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct AddedKey {
    pub key: KeyRow,
    pub secret: String,
}

/// Several operations under one name.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct KeyGroup {
    pub name: String,
    pub meaning: String,
    /// A key has it where nobody said otherwise.
    pub usual: bool,
    /// It reaches everything of the key's organization: a key that is limited to some connections cannot have it.
    pub everything: bool,
    pub operations: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct UsesAsk {
    /// The key.
    pub id: String,
    #[serde(default)]
    pub before: Option<i32>,
    /// Default 100, at most 500.
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct KeyUse {
    /// Counts up; pass as `before` for older ones.
    pub id: i32,
    pub at: String,
    /// The operation, or method and route.
    pub what: String,
    pub connection: String,
    pub connection_name: String,
    /// HTTP status.
    pub status: u16,
    /// Within that second.
    pub times: u32,
}

/// A program asks for an access token for the first time.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Approval {
    pub id: u32,
    pub key: String,
    pub key_name: String,
    pub connection: String,
    pub connection_name: String,
    pub asked_at: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct DecideApproval {
    pub id: u32,
    pub allow: bool,
}

/// For one program, for a short time.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct AccessToken {
    pub access_token: String,
    pub token_type: String,
    /// None where nothing tells.
    pub expires_at: Option<String>,
}

/// The loopback API as it stands in this process.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
pub struct Serving {
    pub on: bool,
    /// Where it answers.
    pub url: Option<String>,
    pub port: u16,
    /// Why it does not answer although it should.
    pub problem: Option<String>,
    /// Keys that work.
    pub keys: u32,
}

/// What a program decided about a connection.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProgramOptions {
    pub organization: String,
    /// The end user it is for; empty: the organization itself.
    pub customer: String,
    pub number: u32,
    pub tags: Vec<crate::problem::NamedValue>,
    pub options: Vec<OptionLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct OptionLine {
    pub label: String,
    pub value: String,
    /// What becomes of it.
    pub note: Option<String>,
}
