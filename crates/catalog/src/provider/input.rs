//! What is asked before connecting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One thing asked before connecting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub key: String,
    pub label: String,
    /// One sentence under the field.
    #[serde(default)]
    pub help: String,
    /// "Where do I find this?"
    #[serde(default)]
    pub where_to_find: String,
    #[serde(default)]
    pub example: String,
    #[serde(default)]
    pub kind: InputKind,
    #[serde(default)]
    pub choices: Vec<Choice>,
    #[serde(default)]
    pub default: String,
    #[serde(default = "yes")]
    pub required: bool,
    #[serde(default)]
    pub lowercase: bool,
    /// Whole-value regular expression that the normalised value must match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// What to say when the pattern does not match: what is wrong and the mend.
    #[serde(default)]
    pub problem: String,
    /// How the value will be used, shown under the field: `{subdomain}.zendesk.com`.
    #[serde(default)]
    pub preview: String,
    /// The value becomes (part of) a host name and is checked as one.
    #[serde(default)]
    pub host: bool,
    /// Rewrites of what people paste; the first that matches is used.
    #[serde(default)]
    pub normalise: Vec<Rewrite>,
    /// Values that look right and are not, each with the reason (`contoso-my.sharepoint.com`).
    #[serde(default)]
    pub refuse: Vec<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    #[default]
    Text,
    Email,
    Choice,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// Regular expression over the trimmed value.
    pub from: String,
    /// Replacement with `$1`, `$2`, …
    pub to: String,
    /// Other inputs this value tells, taken over where they are still empty.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Regular expression over the trimmed value as typed.
    pub matches: String,
    pub says: String,
}

fn yes() -> bool {
    true
}
