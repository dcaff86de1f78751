//! Requests that identify, test and revoke.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One request with the account's token, and what to keep of the answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default)]
    pub method: Method,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub auth: StepAuth,
    /// Form fields; `{token}`, `{access_token}`, `{refresh_token}`, `{client_id}` and `{client_secret}` are
    /// known in `[[revoke.step]]` only.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    #[serde(default)]
    pub json: BTreeMap<String, String>,
    /// Facts by name: JSON pointers into the answer.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// The answer is a list: work on the element chosen here.
    #[serde(default)]
    pub pick: Option<Pick>,
    /// A failure of this step does not fail the whole.
    #[serde(default)]
    pub optional: bool,
    /// Permissions of which it takes one. Where a sign-in was given none of them, or nobody told what it was given, a
    /// refusal of this step does not fail the whole.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Skip the step where one of these inputs or facts is empty.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Skip the step where this is known already: what a sign-in's reply tells, and a token alone does not.
    #[serde(default)]
    pub unless: Option<String>,
    /// Run once per token that exists (revoke only): `{token}` is the refresh token, then the access token.
    #[serde(default)]
    pub each_token: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Get,
    Post,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAuth {
    #[default]
    Bearer,
    /// The app's id and secret by HTTP Basic.
    Client,
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// Pointer to the list.
    #[serde(default)]
    pub list: String,
    /// Pointer, in an element, to the text compared with `holds`.
    pub by: String,
    /// The element whose text holds this (a template); empty takes the first.
    pub holds: String,
    /// Pointer, in an element, to a list or text that must contain `must_hold`, to skip others.
    #[serde(default)]
    pub only: Option<String>,
    #[serde(default)]
    pub only_holds: String,
    /// The input to complain at when nothing fits.
    #[serde(default)]
    pub input: Option<String>,
    pub none_says: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// Said before it happens, where revoking reaches further than this connection.
    #[serde(default)]
    pub reaches_further: Option<String>,
    /// Why nothing can be revoked, or what stays afterwards.
    #[serde(default)]
    pub honest: Option<String>,
}
