//! How the provider speaks OAuth.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    #[serde(default)]
    pub protocol: Protocol,
    pub authorize_url: String,
    pub token_url: String,
    /// OAuth 1.0a only: where the request token comes from.
    #[serde(default)]
    pub request_url: Option<String>,
    /// How the app proves itself at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// With Basic, client ID and secret are form-encoded first, as RFC 6749 §2.3.1 has it. Many providers read them plain.
    #[serde(default)]
    pub basic_encoded: bool,
    #[serde(default)]
    pub secret: Secret,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub pkce: Pkce,
    /// Why `pkce = "none"`; required with it.
    #[serde(default)]
    pub pkce_exempt: Option<String>,
    #[serde(default = "scope_parameter")]
    pub scope_parameter: String,
    #[serde(default = "space")]
    pub scope_separator: String,
    #[serde(default)]
    pub authorize_parameters: BTreeMap<String, String>,
    /// Sent besides as they are, in this order and as often as they are there; of a described service only.
    #[serde(skip)]
    pub verbatim_parameters: Vec<(String, String)>,
    /// Sent with the code and with every refresh.
    #[serde(default)]
    pub token_parameters: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    pub token_headers: BTreeMap<String, String>,
    /// The issuer that `iss` in a callback must equal (RFC 9207).
    #[serde(default)]
    pub issuer: Option<String>,
    /// The provider promises `iss` in every callback, so one without it is not its own (RFC 9207 §2.4).
    #[serde(default)]
    pub issuer_promised: bool,
    /// Where authorization requests are pushed ahead of the browser (RFC 9126); known from an issuer's metadata only.
    #[serde(skip)]
    pub push_url: Option<String>,
    /// Binds tokens to a key (RFC 9449, with ES256); known from an issuer's metadata only.
    #[serde(skip)]
    pub dpop: bool,
    /// Seconds a code lives.
    #[serde(default = "ten_minutes")]
    pub code_lifetime: u32,
    #[serde(default)]
    pub reply: Reply,
    /// Hosts a token may go to; `*.` stands for one or more labels in front.
    pub api_hosts: Vec<String>,
    /// Hosts the browser may be opened at.
    pub browser_hosts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    OAuth2,
    OAuth1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    #[default]
    Body,
    Basic,
}

/// Whether the organisation's app has a client secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    #[default]
    Required,
    Optional,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    #[default]
    Form,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    #[default]
    S256,
    None,
}

/// Where things sit in a token reply. Pointers are RFC 6901 JSON pointers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The object that holds the token in the answer to a code, `""` for the whole reply.
    #[serde(default)]
    pub token_at: String,
    /// The same in the answer to a refresh.
    #[serde(default)]
    pub refreshed_at: String,
    /// A boolean that is false where an error comes with status 200.
    #[serde(default)]
    pub ok: Option<String>,
    /// Facts to keep with the connection, by name: pointers into the whole reply.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Facts out of the id_token's claims, by name.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// Response header that lists the granted scopes, comma separated.
    #[serde(default)]
    pub scope_header: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub name: String,
    /// What it allows, in plain words, as a verb phrase ("Read your files").
    pub meaning: String,
    /// What will not work without it.
    #[serde(default)]
    pub without: String,
    /// Other spellings under which the provider reports it.
    #[serde(default)]
    pub granted_as: Vec<String>,
    /// The provider never reports it, so its absence says nothing.
    #[serde(default)]
    pub unreported: bool,
    /// Not sent in the request: a permission ticked at the app's registration only.
    #[serde(default)]
    pub at_registration: bool,
    /// Asked for only when the admin adds it, or a program names one of its `kinds`.
    #[serde(default)]
    pub optional: bool,
    /// What a program names to be read (`TICKET`) that takes this permission.
    #[serde(default)]
    pub kinds: Vec<String>,
}

fn scope_parameter() -> String {
    "scope".into()
}

fn space() -> String {
    " ".into()
}

fn ten_minutes() -> u32 {
    600
}
