//! The shape of a provider's TOML, key by key.

mod cause;
mod input;
mod lifetime;
mod oauth;
mod published;
mod source;
mod step;
mod way;

pub use cause::*;
pub use input::*;
pub use lifetime::*;
pub use oauth::*;
pub use published::*;
pub use source::*;
pub use step::*;
pub use way::*;

use serde::{Deserialize, Serialize};

/// One provider: everything that connecting, identifying, refreshing, revoking and explaining need.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The published name, upper case with underscores (`GOOGLE_DRIVE`).
    pub id: String,
    /// The name people know.
    pub name: String,
    pub category: Category,
    /// One line for the gallery: what a connection can read.
    pub summary: String,
    /// One or two letters for the tile where there is no icon.
    pub monogram: String,
    /// Ground of the tile, `#rrggbb`, dark enough for white letters.
    pub color: String,
    /// Something a person has to know before connecting (a company-wide permission, say).
    #[serde(default)]
    pub notice: Option<String>,
    #[serde(default, rename = "input")]
    pub inputs: Vec<Input>,
    pub oauth: OAuth,
    #[serde(default, rename = "scope")]
    pub scopes: Vec<Scope>,
    pub redirect: Redirect,
    pub lifetime: Lifetime,
    /// Requests that tell whose account it is, in order. The first is also the connection test.
    #[serde(default)]
    pub identify: Vec<Step>,
    pub account: Account,
    #[serde(default)]
    pub revoke: Revoke,
    #[serde(default)]
    pub grant_page: Option<GrantPage>,
    pub register: Register,
    /// How the published connect API speaks of it.
    #[serde(default)]
    pub published: Published,
    /// How its contents are read. None: it can be connected, and nothing is listed.
    #[serde(default)]
    pub source: Option<SourceFacts>,
    /// The first rule that matches explains a provider's error.
    #[serde(default, rename = "error")]
    pub errors: Vec<ErrorRule>,
    /// Facts that no source confirms, in words, so that they are easy to find and change.
    #[serde(default)]
    pub unconfirmed: Vec<String>,
}

impl Provider {
    /// The name in commands and addresses: the id in lower case.
    pub fn slug(&self) -> String {
        self.id.to_ascii_lowercase()
    }

    /// The path that every redirect address ends in: one of its own for each provider (RFC 9700 §4.4), under the name
    /// that published clients know.
    pub fn callback_path(&self) -> String {
        match self.published.callback.as_str() {
            "" => format!("/integrations/{}", self.slug()),
            name => format!("/integrations/{name}"),
        }
    }

    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.key == key)
    }

    /// The templates of the account's id, the best first.
    pub fn account_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.account.id).chain(&self.account.otherwise).map(String::as_str)
    }

    pub fn scope(&self, name: &str) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.name == name || scope.granted_as.iter().any(|it| it == name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Files,
    Mail,
    Knowledge,
    Support,
    Sales,
    Chat,
    Research,
    Other,
}

/// Templates over inputs and facts that together say whose account it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Stable id of the account, compared at a reconnect. Every field in it must be known.
    pub id: String,
    /// In its place where a sign-in's permissions do not tell all of it: the first of which every field is known. Two
    /// sign-ins are compared by the first of all these that both tell.
    #[serde(default)]
    pub otherwise: Vec<String>,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub email: String,
    /// Workspace, tenant or site, as people call it.
    #[serde(default)]
    pub workspace: String,
    /// Why there is no person to name, where the provider tells none.
    #[serde(default)]
    pub nobody: Option<String>,
}

/// Where a person sees and removes what they allowed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantPage {
    pub url: String,
    /// How to get to the entry on that page.
    pub words: String,
}

/// How an administrator makes the organisation's OAuth app.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Where to begin.
    pub url: String,
    /// Who may do it.
    pub who: String,
    /// Steps in order. `{redirect}` stands for the exact address to copy, `{scopes}` for the permissions.
    pub steps: Vec<String>,
    /// What one app serves: the template of a host for apps that belong to a subdomain or instance, else "".
    #[serde(default)]
    pub per: String,
    #[serde(default = "client_id_label")]
    pub client_id_label: String,
    #[serde(default)]
    pub client_id_pattern: Option<String>,
    #[serde(default)]
    pub client_id_problem: String,
    #[serde(default = "secret_label")]
    pub secret_label: String,
}

fn client_id_label() -> String {
    "Client ID".into()
}

fn secret_label() -> String {
    "Client secret".into()
}
