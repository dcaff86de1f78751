//! What goes through the door about contents: items, picks, syncs, the library.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::event::Closing;
use crate::item::Kind;

pub use crate::library::Phase;

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ItemsAsk {
    pub connection: String,
    /// The id of the item to look into; none: the top.
    #[serde(default)]
    pub parent: Option<String>,
    /// Words in the name, anywhere in the connection. Needs a listing to have been made.
    #[serde(default)]
    pub search: Option<String>,
    /// These, as they are known here; the provider is not asked.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// What could not be read, anywhere in the connection.
    #[serde(default)]
    pub failed: bool,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 1,000; default 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ItemsPage {
    pub items: Vec<ItemRow>,
    /// To be asked with for the next page; none after the last.
    pub next: Option<String>,
    /// How many there are in all, where that is known.
    pub count: Option<u32>,
    /// From the top down to what is looked into.
    pub path: Vec<Crumb>,
    /// It was asked of the provider just now; else it is what the last sync saw.
    pub live: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Crumb {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ItemRow {
    pub connection: String,
    pub id: String,
    pub parent: Option<String>,
    pub name: String,
    pub kind: Kind,
    /// `pdf`, `docx`, `html`; none where it has no contents.
    pub format: Option<String>,
    pub size: Option<f64>,
    pub modified: Option<String>,
    pub url: Option<String>,
    /// Its contents can be read.
    pub selectable: bool,
    /// There is something below it.
    pub expandable: bool,
    /// `no`, `waiting`, `kept`, `failed`
    pub read: String,
    /// Why it could not be read.
    pub failure: Option<String>,
    /// By itself, or with what it stands in.
    pub picked: Picked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Picked {
    No,
    /// By itself.
    Itself,
    /// With what it stands in, or because everything is kept.
    With,
    /// Something below it is.
    Partly,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Pick {
    pub connection: String,
    /// Ids of items; a folder means all below it, now and later.
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// One connection's sync as a person sees it.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SyncState {
    pub connection: String,
    /// Its contents can be listed at all.
    pub can: bool,
    /// What they are called: "articles", "files".
    pub items: String,
    /// Everything is kept; else what is picked.
    pub everything: bool,
    /// 0: only on demand.
    pub every_hours: u32,
    pub next_at: Option<String>,
    pub phase: Phase,
    /// In this process, or another one, right now.
    pub running: bool,
    /// Everything there is has been seen at least once.
    pub complete: bool,
    pub listed: u32,
    pub waiting: u32,
    pub kept: u32,
    pub failed: u32,
    /// Bytes of text kept.
    pub bytes: f64,
    /// Bytes at the provider that are still to be fetched, where it tells.
    pub bytes_waiting: f64,
    /// Until when the provider asks for a pause.
    pub paused_until: Option<String>,
    pub ended_at: Option<String>,
    /// Listings that were begun, the one under way included: most syncs make one.
    pub listings: u32,
    /// Taken out by the last sync, because they are no longer there.
    pub removed: u32,
    /// The last sync, or what was left of it, was cancelled.
    pub cancelled: bool,
    /// Why the last sync did not come to its end.
    pub failure: Option<SyncFailure>,
    pub picked_folders: u32,
    pub picked_items: u32,
    pub picked_bytes: f64,
    /// One sentence: how it stands.
    pub words: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SyncFailure {
    pub code: String,
    pub message: String,
    pub hint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct StartSync {
    pub connection: String,
    /// Read these again, whether they changed or not.
    #[serde(default)]
    pub items: Option<Vec<String>>,
    /// Read again all that could not be read.
    #[serde(default)]
    pub failed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SetSync {
    /// None: all connections.
    #[serde(default)]
    pub connection: Option<String>,
    #[serde(default)]
    pub everything: Option<bool>,
    /// 0 (off), 3, 6, 12 or 24.
    #[serde(default)]
    pub every_hours: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct SearchAsk {
    /// The last word may be the beginning of one.
    pub words: String,
    #[serde(default)]
    pub connection: Option<String>,
    /// Id or slug.
    #[serde(default)]
    pub provider: Option<String>,
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Changed since: RFC 3339.
    #[serde(default)]
    pub since: Option<String>,
    /// 1 to 200; default 50.
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// How many texts were searched.
    pub texts: u32,
    /// There are more than are shown.
    pub more: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct Hit {
    pub item: ItemRow,
    pub provider: String,
    pub provider_name: String,
    /// The account's name.
    pub account: String,
    /// What it stands in, from the top down.
    pub path: Vec<Crumb>,
    pub snippet: String,
    /// Where the words stand in the snippet, in UTF-16 units: from, to.
    pub marks: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ItemAsk {
    pub connection: String,
    pub item: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ItemText {
    pub item: ItemRow,
    pub text: String,
    /// It is from the library; else it was fetched just now and is not kept.
    pub kept: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct LibraryState {
    /// The file.
    pub place: String,
    /// Bytes on the disk.
    pub size: f64,
    /// The largest it may grow, in MB.
    pub limit_mb: Option<u32>,
    pub texts: u32,
    pub parts: Vec<LibraryPart>,
}

/// What is kept of one connection, which may have been disconnected since.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct LibraryPart {
    pub connection: String,
    pub provider: String,
    pub provider_name: String,
    pub account: String,
    pub connected: bool,
    pub kept: u32,
    pub bytes: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct ForgetContents {
    /// None: of all.
    #[serde(default)]
    pub connection: Option<String>,
}

/// The answer to the change `closing`.
#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
pub struct CloseWindow {
    pub how: Closing,
}
