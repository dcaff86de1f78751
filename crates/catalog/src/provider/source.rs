//! What listing and reading contents need to know as data.

use serde::{Deserialize, Serialize};

/// Where a provider's contents are, and how much may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFacts {
    /// Template of the address that the source's paths are appended to, without a slash at its end.
    pub api: String,
    /// What a person calls the things in it, in the plural: "articles", "files".
    pub items: String,
    /// Everything is kept unless the person chooses less; else nothing is until they pick.
    #[serde(default)]
    pub everything: bool,
    /// Requests in flight at once.
    #[serde(default = "at_once")]
    pub at_once: u32,
    /// Requests a minute, where the provider documents a number. Tieline keeps a tenth below it.
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// Headers that tell how many requests are left, in lower case.
    #[serde(default)]
    pub remaining: Vec<String>,
    /// Headers that tell when there will be more again, in seconds from now or since 1970, in lower case.
    #[serde(default)]
    pub reset: Vec<String>,
    /// Headers that ask for a pause of so many seconds on any answer, in lower case.
    #[serde(default)]
    pub backoff: Vec<String>,
    /// Answers that mean "too many requests" beside status 429.
    #[serde(default, rename = "limited")]
    pub limited: Vec<Sign>,
    /// Answers that look like "too many requests" and do not pass with time: they are never waited for.
    #[serde(default, rename = "blocked")]
    pub blocked: Vec<Sign>,
    /// Answers that mean "this token is not good" beside status 401.
    #[serde(default, rename = "refused")]
    pub refused: Vec<Sign>,
    /// Answers with status 401 that are about a permission and not about the token: a new one would not mend them.
    #[serde(default, rename = "forbidden")]
    pub forbidden: Vec<Sign>,
}

/// What an answer is known by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    pub status: u16,
    /// Words that the body has to contain.
    pub contains: String,
}

fn at_once() -> u32 {
    4
}
