//! One sign-in as it is shown: where the browser is, which way back, how it ended. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::problem::Problem;

/// One sign-in under way.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Flow {
    pub id: String,
    pub provider: String,
    pub provider_name: String,
    pub reconnect: Option<String>,
    /// Where the browser goes: "acme.zendesk.com".
    pub host: String,
    pub way: WayPlan,
    /// The way offered should this one fail.
    pub next_way: Option<WayPlan>,
    pub started_at: String,
    pub ends_at: String,
    pub step: FlowStep,
    /// The new, or renewed, connection.
    pub connection: Option<String>,
    pub problem: Option<Problem>,
    /// Something to know while waiting: the browser could not be opened, say.
    pub notice: Option<String>,
    /// What was allowed less than asked, in words.
    pub missing: Vec<ScopeLine>,
    /// Somebody else signed in at a reconnect: who. Answer with `keep_other_account`.
    pub other_account: Option<Account>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowStep {
    /// The browser has the floor.
    Waiting,
    /// The answer came; tokens and identity are being fetched.
    Finishing,
    /// Somebody else signed in; the person decides.
    OtherAccount,
    Connected,
    Refused,
    Failed,
    Cancelled,
    TimedOut,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct WayPlan {
    /// `deep_link`, `loopback`, `relay`, `paste`
    pub way: String,
    /// The exact redirect address.
    pub redirect: String,
    pub title: String,
    pub why: String,
    pub usable: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ScopeLine {
    pub name: String,
    pub meaning: String,
    pub without: String,
    pub optional: bool,
    /// Ticked when the app is registered, not asked for at sign-in.
    pub at_registration: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub email: String,
    pub workspace: String,
}
