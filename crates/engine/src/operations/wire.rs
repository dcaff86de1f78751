//! What goes through the door: asks and answers, the same for the window, the command line and the HTTP API.
//!
//! No type here can hold a refresh token or a code. A client secret goes in (an admin types it) and never comes out; a
//! key's secret comes out once, when it is made, and an access token only to a program that was given that right.
//! Times are RFC 3339 in UTC.

mod contents;
mod programs;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use contents::*;
pub use programs::*;

/// Nothing asked, or nothing answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, JsonSchema)]
pub struct Nothing {}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ById {
    pub id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ByProvider {
    /// Id or slug.
    pub provider: String,
}

// ── The whole ──────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Status {
    pub version: String,
    /// Practice mode: only practice providers on this computer, kept apart from everything real.
    pub practice: bool,
    /// Where a person switches the practice providers' faults.
    pub practice_control: Option<String>,
    pub keyring: Keyring,
    pub sign_ins: u32,
    pub needs_you: u32,
    /// Disconnects that wait for the network.
    pub queued: u32,
    pub data_folder: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Keyring {
    pub state: KeyringState,
    /// "Keyring unlocked"
    pub title: String,
    /// What it means and what to press.
    pub words: String,
    /// "your system’s keyring", "a file locked with your passphrase"
    pub place: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyringState {
    Unlocked,
    Locked,
    /// This system has none; a passphrase file may be chosen.
    Absent,
    /// The passphrase file is in use and open.
    FileOpen,
    /// The passphrase file is in use and its passphrase has not been given yet.
    FileLocked,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct UnlockKeyring {
    /// For the passphrase file only; never stored. At least 8 characters when the file is made.
    pub passphrase: Option<String>,
    /// Make the passphrase file where the system has no keyring.
    #[serde(default)]
    pub choose_file: bool,
}

// ── Providers and the form ─────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProviderCard {
    /// `GOOGLE_DRIVE`
    pub id: String,
    /// `google_drive`; also the icon's file name where there is one.
    pub slug: String,
    /// The last part of every redirect address: `google`.
    pub callback: String,
    pub name: String,
    /// `files`, `mail`, `knowledge`, `support`, `sales`, `chat`, `research`, `other`
    pub category: String,
    pub summary: String,
    pub monogram: String,
    pub color: String,
    /// The organisation's app is set up for at least one place.
    pub app_ready: bool,
    pub connections: u32,
    /// Described by an admin rather than built in.
    pub custom: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProviderForm {
    pub card: ProviderCard,
    pub notice: Option<String>,
    pub inputs: Vec<InputField>,
    pub scopes: Vec<ScopeLine>,
    pub grant_page: Option<GrantPage>,
    /// Facts no source confirms.
    pub unconfirmed: Vec<String>,
    pub client_id_label: String,
    pub secret_label: String,
    /// `required`, `optional`, `none`
    pub secret: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct InputField {
    pub key: String,
    pub label: String,
    pub help: String,
    pub where_to_find: String,
    pub example: String,
    /// `text`, `email`, `choice`
    pub kind: String,
    pub choices: Vec<ChoiceLine>,
    pub default: String,
    pub required: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ChoiceLine {
    pub value: String,
    pub label: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct GrantPage {
    pub url: String,
    pub words: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct CheckForm {
    pub provider: String,
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    #[serde(default)]
    pub way: Option<String>,
    /// The app's redirect settings as they stand in the admin's form, not yet saved.
    #[serde(default)]
    pub relay: Option<String>,
    #[serde(default)]
    pub loopback_port: Option<u16>,
}

/// What became of what was typed, live.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct FormCheck {
    pub fields: Vec<FieldCheck>,
    /// The organisation's app that will be used.
    pub app: Option<AppSummary>,
    /// What the app belongs to ("acme.zendesk.com"), empty where one app serves all.
    pub app_host: String,
    /// The way back that will be used, then the ones after it.
    pub ways: Vec<WayPlan>,
    pub guide: Guide,
    /// Everything is there: `connect` can be pressed.
    pub ready: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct FieldCheck {
    pub key: String,
    /// As it will be used.
    pub value: String,
    /// In words: "acme.zendesk.com".
    pub preview: String,
    pub problem: Option<String>,
}

/// Step by step, how an admin makes the organisation's app.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Guide {
    pub who: String,
    pub url: String,
    pub steps: Vec<String>,
    /// Every redirect address worth registering, best first.
    pub redirects: Vec<String>,
    pub scopes: Vec<String>,
}

// ── The organisation's apps ────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct AppSummary {
    pub provider: String,
    pub provider_name: String,
    /// Empty where one app serves all.
    pub host: String,
    pub client_id: String,
    pub has_secret: bool,
    /// The organisation's relay page, where it has one.
    pub relay: Option<String>,
    pub loopback_port: Option<u16>,
    pub saved_at: String,
    pub connections: u32,
}

#[derive(Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SaveApp {
    pub provider: String,
    /// Inputs that tell which subdomain or instance the app belongs to.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    pub client_id: String,
    /// Absent keeps the stored one; empty removes it.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// `https://…` page that forwards the answer; its path ends in `/integrations/<provider>`.
    #[serde(default)]
    pub relay: Option<String>,
    #[serde(default)]
    pub loopback_port: Option<u16>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ForgetApp {
    pub provider: String,
    #[serde(default)]
    pub host: String,
}

/// Another OAuth 2.0 service, described by an admin.
#[derive(Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SaveService {
    /// The described service that is changed; its connections stay. Absent: the one of this name, which may be new.
    #[serde(default)]
    #[ts(optional)]
    pub id: Option<String>,
    pub name: String,
    /// Read authorize, token and revoke addresses from the issuer's RFC 8414 metadata.
    #[serde(default)]
    pub issuer: String,
    #[serde(default)]
    pub authorize_url: String,
    #[serde(default)]
    pub token_url: String,
    pub client_id: String,
    /// Absent keeps the stored one; empty removes it.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Separated by spaces.
    #[serde(default)]
    pub scopes: String,
    /// Default `login`, unless `additional_parameters` bring `approval_prompt`; several joined by `+`.
    #[serde(default)]
    pub prompt: Option<String>,
    /// Add `offline_access` to the scopes. Default true.
    #[serde(default)]
    pub offline_access: Option<bool>,
    /// How the app proves itself: `basic`, `body`, or `none` without a secret. Default: as the issuer's metadata says,
    /// else `body`.
    #[serde(default)]
    #[ts(optional)]
    pub client_auth: Option<String>,
    /// A query string: `audience=x&hd=acme.com`.
    #[serde(default)]
    pub additional_parameters: String,
}

/// A described service as it is kept, in the words of [`SaveService`]; its secret is told of, not told.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ServiceForm {
    pub card: ProviderCard,
    /// Empty where the addresses were given.
    pub issuer: String,
    pub authorize_url: String,
    pub token_url: String,
    pub client_id: String,
    pub has_secret: bool,
    /// `basic`, `body`, `none`; empty: as the issuer's metadata says, else `body`.
    pub client_auth: String,
    pub scopes: String,
    pub prompt: Option<String>,
    pub offline_access: bool,
    pub additional_parameters: String,
    /// By its metadata, the issuer keeps an account signed in only where the prompt asks for consent.
    pub offline_by_consent: bool,
}

// ── The sign-in ────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Connect {
    pub provider: String,
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Scopes beyond the usual ones.
    #[serde(default)]
    pub more_scopes: Vec<String>,
    /// The connection to sign in again.
    #[serde(default)]
    pub reconnect: Option<String>,
    #[serde(default)]
    pub way: Option<String>,
    /// The caller opens the address itself.
    #[serde(default)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Paste {
    pub id: String,
    /// The whole address the browser ended at.
    pub address: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct OtherAccount {
    pub id: String,
    /// True: a new connection for the other account. False: throw the sign-in away.
    pub keep: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SignInLink {
    /// The address to open in a browser on this computer. Holds no secret.
    pub url: String,
}

// ── Connections ────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    Working,
    NeedsYou,
    TemporarilyFailing,
    WaitingForAdmin,
    KeyringLocked,
    /// Waits for the network to be taken back at the provider.
    Disconnecting,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConnectionRow {
    pub id: String,
    pub provider: String,
    pub provider_name: String,
    pub slug: String,
    pub monogram: String,
    pub color: String,
    /// The name the person gave, else the account's.
    pub name: String,
    pub account: Account,
    pub state: ConnectionState,
    /// "Working", "Needs you", …
    pub state_words: String,
    pub problem: Option<Problem>,
    /// "No end date", "Next sign-in by 12 Mar 2027"
    pub sign_in_words: String,
    pub next_sign_in_at: Option<String>,
    pub connected_at: String,
    pub last_used_at: Option<String>,
    /// How many permissions were asked and not granted.
    pub missing_scopes: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ConnectionDetail {
    pub row: ConnectionRow,
    pub inputs: Vec<NamedValue>,
    pub client_id: String,
    pub app_host: String,
    pub redirect: String,
    pub way_words: String,
    pub permissions: Vec<Permission>,
    pub lasts: Lasts,
    pub secret: SecretPlace,
    pub health: Health,
    pub grant_page: Option<GrantPage>,
    pub disconnect: DisconnectPlan,
    /// What the program decided that asked for it; none where its person did.
    pub program: Option<ProgramOptions>,
    /// The newest fifty.
    pub events: Vec<EventLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Permission {
    pub name: String,
    pub meaning: String,
    pub without: String,
    pub asked: bool,
    /// None where the provider does not tell.
    pub granted: Option<bool>,
}

/// How long the sign-in lasts, and why.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Lasts {
    /// When the access token in hand runs out.
    pub access_until: Option<String>,
    pub access_words: String,
    pub refresh_words: String,
    /// The date by which the person has to sign in again if nothing else happens.
    pub next_sign_in_at: Option<String>,
    pub why: String,
    pub ends_early: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SecretPlace {
    pub words: String,
    /// The keyring entry's name, which is no secret.
    pub entry: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Health {
    pub words: String,
    pub last_ok_at: Option<String>,
    pub last_refresh_at: Option<String>,
    pub refreshes: u32,
    pub last_failed_at: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct DisconnectPlan {
    /// The provider can be told to forget.
    pub revokes: bool,
    /// What will happen, sentence by sentence.
    pub words: Vec<String>,
    /// It reaches further than this connection: how.
    pub reaches_further: Option<String>,
    /// Texts that are kept of it: to be deleted, or kept.
    pub kept_texts: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Rename {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Disconnect {
    pub id: String,
    /// Tell the provider as well. Default: where it does not reach further than this connection.
    #[serde(default)]
    pub revoke: Option<bool>,
    /// Keep what was read, to be searched on.
    #[serde(default)]
    pub keep_contents: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Disconnected {
    pub name: String,
    /// The provider was told and its answer proves it.
    pub revoked: bool,
    /// Offline: it happens as soon as there is a network.
    pub queued: bool,
    /// What happened, sentence by sentence, with what stays.
    pub words: Vec<String>,
    pub grant_page: Option<GrantPage>,
}

/// The outcome of a test or a refresh that was asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Tested {
    pub ok: bool,
    pub words: String,
    /// Milliseconds the provider took.
    pub took_ms: u32,
    pub problem: Option<Problem>,
    pub row: ConnectionRow,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct EventLine {
    /// Counts up; pass as `before` for older ones.
    pub id: i32,
    pub connection: String,
    pub connection_name: String,
    pub at: String,
    /// `connected`, `refreshed`, `failed`, `used`, `token_given`, `reconnected`, `scopes_changed`, `disconnecting`, `disconnected`, `recovered`, `renamed`
    pub kind: String,
    pub words: String,
    /// `ok`, `lit`, `plain`
    pub tone: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct EventsAsk {
    /// One connection's, or everybody's.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub before: Option<i32>,
    /// Default 100, at most 500.
    #[serde(default)]
    pub limit: Option<u32>,
}

pub use crate::problem::{AdminMessage, NamedValue, Press, PressAction, Problem};

// ── Settings and checks ────────────────────────────────────────────────────────────────────────────────

pub use crate::settings::Settings;

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Checks {
    pub checks: Vec<Check>,
}

/// One fact with its proof.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Check {
    /// `deep_link`, `loopback`, `browser`, `keyring`, `store`, `network`, `clock`, `catalogue`
    pub key: String,
    pub title: String,
    pub ok: bool,
    pub words: String,
    pub press: Option<Press>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SetPractice {
    pub on: bool,
}

pub use crate::event::{Change, Closing};
pub use crate::flow::{Account, Flow, FlowStep, ScopeLine, WayPlan};

/// What a program gets when an operation fails.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Failure {
    /// Stable: `not_found`, `bad_input`, `keyring_locked`, …
    pub code: String,
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The field it is about, where it is about one.
    pub field: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct OpenPage {
    /// A grant page, a registration page or the practice control page; other addresses are refused.
    pub url: String,
}
