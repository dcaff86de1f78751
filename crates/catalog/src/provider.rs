//! The shape of a provider's TOML, key by key.

use std::collections::BTreeMap;

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
    /// The first rule that matches explains a provider's error.
    #[serde(default, rename = "error")]
    pub errors: Vec<ErrorRule>,
    /// Facts that no source confirms, in words, so that they are easy to find and change.
    #[serde(default)]
    pub unconfirmed: Vec<String>,
}

impl Provider {
    /// The last part of every redirect address: the id in lower case.
    pub fn slug(&self) -> String {
        self.id.to_ascii_lowercase()
    }

    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.key == key)
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
    /// Asked for only when the admin adds it.
    #[serde(default)]
    pub optional: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The ways back that the provider accepts, best first. `paste` is always the last resort.
    pub ways: Vec<Way>,
    /// Why the ways that are not listed are not: shown to the admin.
    #[serde(default)]
    pub refused: BTreeMap<Way, String>,
    #[serde(default)]
    pub loopback_host: LoopbackHost,
    #[serde(default)]
    pub loopback_port: LoopbackPort,
    /// The provider takes a single callback per app.
    #[serde(default)]
    pub single: bool,
    /// A mismatch is shown by the provider and never comes back.
    #[serde(default)]
    pub mismatch_is_silent: bool,
    /// The loopback address needs no registration.
    #[serde(default)]
    pub loopback_unregistered: bool,
}

/// A way for the browser's answer to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    DeepLink,
    Loopback,
    Relay,
    Paste,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
pub enum LoopbackHost {
    #[default]
    #[serde(rename = "127.0.0.1")]
    Ip,
    #[serde(rename = "localhost")]
    Localhost,
}

impl LoopbackHost {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "127.0.0.1",
            Self::Localhost => "localhost",
        }
    }
}

/// Whether the provider compares the port of a loopback address (RFC 8252 §7.3 says it must not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackPort {
    Any,
    #[default]
    Fixed,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    pub access: AccessLife,
    /// Seconds to assume where the reply does not say; none means "until refused".
    #[serde(default)]
    pub access_seconds: Option<u64>,
    pub refresh: RefreshKind,
    /// Days without use after which the refresh token dies.
    #[serde(default)]
    pub idle_days: Option<u32>,
    /// Days after sign-in after which a new one is needed whatever happens.
    #[serde(default)]
    pub absolute_days: Option<u32>,
    /// Seconds in which a used refresh token still works.
    #[serde(default)]
    pub reuse_leeway: u32,
    /// Live grants per person and app; one more ends the oldest.
    #[serde(default)]
    pub grants_per_user: Option<u32>,
    /// What ends a sign-in early, in words.
    #[serde(default)]
    pub ends_early: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLife {
    /// `expires_in` tells.
    Reply,
    /// Nothing tells: used until refused.
    UntilRefused,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshKind {
    /// A new refresh token each time; the old one dies.
    Rotates,
    /// May or may not bring a new one; keep whatever comes.
    MayRotate,
    /// The same refresh token for good.
    Fixed,
    /// There is none.
    None,
}

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
    /// Skip the step where one of these inputs or facts is empty.
    #[serde(default)]
    pub needs: Vec<String>,
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

/// Templates over inputs and facts that together say whose account it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Stable id of the account, compared at a reconnect. Every field in it must be known.
    pub id: String,
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

fn yes() -> bool {
    true
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
fn client_id_label() -> String {
    "Client ID".into()
}
fn secret_label() -> String {
    "Client secret".into()
}
