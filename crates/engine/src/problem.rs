//! What happened, why, what to press. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What happened, why, what to press.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Problem {
    /// Stable, for programs: `admin_approval`.
    pub code: String,
    pub happened: String,
    pub why: String,
    pub press: Press,
    pub more: Vec<Press>,
    /// A message ready to send where somebody else must act.
    pub message: Option<AdminMessage>,
    /// What the provider said, and when, without secrets.
    pub evidence: Vec<NamedValue>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Press {
    pub label: String,
    pub action: PressAction,
    pub url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PressAction {
    SignInAgain,
    TestAgain,
    /// Open the organisation's app set-up.
    EditApp,
    /// Open the connect form with the inputs.
    EditInputs,
    /// Show the ready message.
    AskAdmin,
    UnlockKeyring,
    /// Open `url` in the browser.
    OpenPage,
    NetworkSettings,
    OtherWay,
    Close,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct AdminMessage {
    pub subject: String,
    pub body: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct NamedValue {
    pub label: String,
    pub value: String,
}
