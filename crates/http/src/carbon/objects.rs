//! Words and objects that several routes share: enumerations, times, and the data source.

use serde_json::{Value, json};
use tieline_engine::clock::{self, Seconds};
use tieline_engine::program::{Action, DataSource};
use tieline_engine::wire::SyncState;
use tieline_engine::{Code, PublishedProvider};

use super::Sorry;
use crate::Door;

/// What can be connected by a sign-in.
pub(crate) const SERVICES: &[&str] = &[
    "BOX",
    "CONFLUENCE",
    "DROPBOX",
    "GMAIL",
    "GOOGLE_CLOUD_STORAGE",
    "GOOGLE_DRIVE",
    "GONG",
    "INTERCOM",
    "NOTION",
    "ONEDRIVE",
    "OUTLOOK",
    "SALESFORCE",
    "SERVICENOW",
    "SHAREPOINT",
    "SLACK",
    "ZENDESK",
    "ZOTERO",
];

/// Every word that may stand for where something comes from.
#[rustfmt::skip]
pub(crate) const DATA_SOURCE_TYPES: &[&str] = &[
    "GOOGLE_CLOUD_STORAGE", "GOOGLE_DRIVE", "NOTION", "NOTION_DATABASE", "INTERCOM", "DROPBOX", "ONEDRIVE", "SHAREPOINT",
    "CONFLUENCE", "BOX", "ZENDESK", "ZOTERO", "S3", "AZURE_BLOB_STORAGE", "GMAIL", "OUTLOOK", "SERVICENOW", "RSS_FEED",
    "FRESHDESK", "GITBOOK", "SALESFORCE", "GITHUB", "SLACK", "GURU", "GONG", "DOCUMENT360", "WEB_SCRAPE", "RAW_TEXT",
    "TEXT", "CSV", "TSV", "PDF", "DOCX", "PPTX", "XLSX", "XLSM", "MD", "RTF", "JSON", "HTML", "JPG", "PNG", "JPEG", "MP3",
    "MP2", "AAC", "WAV", "FLAC", "PCM", "M4A", "OGG", "OPUS", "MPEG", "MPG", "MP4", "WMV", "AVI", "MOV", "MKV", "FLV",
    "WEBM", "EML", "MSG",
];

#[rustfmt::skip]
pub(crate) const EMBEDDING_MODELS: &[&str] = &[
    "OPENAI", "AZURE_OPENAI", "AZURE_ADA_LARGE_256", "AZURE_ADA_LARGE_1024", "AZURE_ADA_LARGE_3072",
    "AZURE_ADA_SMALL_512", "AZURE_ADA_SMALL_1536", "COHERE_MULTILINGUAL_V3", "VERTEX_MULTIMODAL",
    "OPENAI_ADA_LARGE_256", "OPENAI_ADA_LARGE_1024", "OPENAI_ADA_LARGE_3072", "OPENAI_ADA_SMALL_512",
    "OPENAI_ADA_SMALL_1536", "SOLAR_1_MINI",
];

pub(crate) const AUTO_SYNCED_TYPES: &[&str] =
    &["TICKET", "ARTICLE", "CONVERSATION", "TABLE", "INCIDENT", "ATTACHMENT"];

pub(crate) const DIRECTIONS: &[&str] = &["asc", "desc"];

/// A point in time, as this contract writes it.
pub(crate) fn instant(at: Seconds) -> String {
    clock::rfc3339(at).replace('Z', ".000000Z")
}

/// The end of something. Our clock counts seconds, and clients tell by a difference that something has ended: an end
/// within the second of its beginning must still differ from it.
pub(crate) fn end_instant(at: Seconds) -> String {
    clock::rfc3339(at).replace('Z', ".500000Z")
}

/// A provider of the catalogue as this contract knows it.
pub(crate) fn published(door: &Door, id: &str) -> Option<PublishedProvider> {
    door.app.programs().published().into_iter().find(|provider| provider.id == id)
}

/// `TYPE|account|domain`, which clients split. Nothing within a part may look like the end of one.
pub(super) fn external_id(source: &DataSource, provider: Option<&PublishedProvider>) -> String {
    let part = |text: &str| text.replace('|', " ");
    let title = provider.map_or("", |it| it.title.as_str());
    let title = if title.is_empty() { source.title.clone() } else { filled(title, source, str::to_owned) };
    let id = format!("{}|{}", source.provider, part(&title));
    match provider.filter(|it| !it.domain.is_empty()) {
        Some(it) => {
            format!("{id}|{}", part(&filled(&it.domain, source, |input| shown(input, it).to_owned())))
        }
        None => id,
    }
}

/// A template with the source's inputs, each as it is shown.
fn filled(template: &str, source: &DataSource, shown: impl Fn(&str) -> String) -> String {
    let fill =
        |text: String, (key, value): (&String, &String)| text.replace(&format!("{{{key}}}"), &shown(value));
    source.inputs.iter().fold(template.to_owned(), fill)
}

/// An input as it stands in the external id, and as a client sends it back: the last part of a path.
pub(super) fn shown<'i>(input: &'i str, provider: &PublishedProvider) -> &'i str {
    let last = input.rsplit('/').next().unwrap_or(input);
    last.strip_suffix(provider.domain_end.as_str()).unwrap_or(last)
}

/// How a data source fares, as far as this contract tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub status: &'static str,
    /// When everything there is was last listed.
    pub items_at: Option<String>,
    /// When the chosen files were last all read.
    pub files_at: Option<String>,
    pub last_at: String,
    pub last_action: Action,
    pub auto_sync: bool,
}

pub(super) fn standing(source: &DataSource, sync: Option<&SyncState>) -> Standing {
    let mut standing = Standing {
        status: "READY",
        items_at: None,
        files_at: None,
        last_at: instant(source.action_at),
        last_action: source.action,
        auto_sync: false,
    };
    let Some(sync) = sync else { return standing };
    let ended = sync.ended_at.as_deref().and_then(clock::from_rfc3339);
    let has_files = sync.everything || sync.kept + sync.failed > 0;
    standing.auto_sync = sync.every_hours > 0;
    standing.items_at = sync.complete.then(|| ended.map_or_else(|| instant(source.action_at), end_instant));
    standing.files_at = ended.filter(|_| has_files).map(end_instant);
    standing.status = match sync.phase {
        _ if sync.running => "SYNCING",
        _ if sync.failure.is_some() => "SYNC_ERROR",
        tieline_engine::wire::Phase::Listing | tieline_engine::wire::Phase::Reading => "QUEUED_FOR_SYNCING",
        _ if sync.cancelled => "READY",
        _ if sync.waiting > 0 && ended.is_some_and(|ended| ended <= source.action_at) => "QUEUED_FOR_SYNCING",
        _ => "READY",
    };
    // What has come to its end since is an update; the end that a cancel made is none.
    if let Some(ended) = ended.filter(|ended| *ended >= source.action_at && !sync.running && !sync.cancelled)
        && source.action != Action::Revoke
    {
        standing.last_at = end_instant(ended);
        if has_files {
            standing.last_action = Action::Update;
        }
    }
    standing
}

/// The object, every key of which is always there.
pub(crate) async fn data_source(door: &Door, source: &DataSource) -> Result<Value, Sorry> {
    let programs = door.app.programs();
    let owner = &source.owner;
    let customer = programs.customer_made(owner.organization, &owner.customer)?;
    let sync = if source.revoked { None } else { sync_state(door, &source.connection).await? };
    let standing = standing(source, sync.as_ref());
    Ok(json!({
        "id": source.number,
        "organization_id": owner.organization,
        "organization_user_id": customer.number,
        "organization_supplied_user_id": owner.customer,
        "data_source_type": source.provider,
        "data_source_external_id": external_id(source, published(door, &source.provider).as_ref()),
        "token": null,
        "sync_status": standing.status,
        "source_items_synced_at": standing.items_at,
        "files_synced_at": standing.files_at,
        "last_synced_at": standing.last_at,
        "last_sync_action": standing.last_action,
        "revoked_access": source.revoked,
        "enable_auto_sync": standing.auto_sync,
        "data_source_metadata": {},
        "tags": source.tags,
        "created_at": instant(source.made_at),
        "updated_at": instant(source.changed_at).max(standing.last_at),
    }))
}

/// None: the connection is gone.
pub(crate) async fn sync_state(door: &Door, connection: &str) -> Result<Option<SyncState>, Sorry> {
    match door.app.call("sync_state", json!({ "id": connection })).await {
        Ok(state) => Ok(serde_json::from_value(state).ok()),
        Err(failure) if failure.code == Code::NotFound.as_str() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Map;
    use tieline_engine::SyncOptions;
    use tieline_engine::program::Owner;
    use tieline_engine::wire::Phase;

    use super::*;

    fn source(provider: &str, inputs: &[(&str, &str)]) -> DataSource {
        DataSource {
            number: 7,
            connection: "c1".into(),
            owner: Owner { organization: 1, customer: "maya".into() },
            provider: provider.into(),
            account: "a1".into(),
            title: "Maya | Lind".into(),
            inputs: inputs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            tags: Map::new(),
            options: SyncOptions::default(),
            action: Action::Add,
            action_at: 1000,
            revoked: false,
            made_at: 1000,
            changed_at: 1000,
        }
    }

    fn provider(domain: &str) -> PublishedProvider {
        PublishedProvider {
            id: "X".into(),
            name: "X".into(),
            callback: "x".into(),
            inputs: BTreeMap::new(),
            required: Vec::new(),
            title: String::new(),
            domain: domain.into(),
            scopes: Vec::new(),
            domain_end: ".atlassian.net".into(),
            picker: false,
            everything_at_first: Default::default(),
            at_first_where_named: String::new(),
            increments: false,
            lists: true,
            app_per_host: false,
        }
    }

    fn sync() -> SyncState {
        SyncState {
            connection: "c1".into(),
            can: true,
            items: "files".into(),
            everything: false,
            every_hours: 0,
            next_at: None,
            phase: Phase::Idle,
            running: false,
            complete: false,
            listed: 0,
            waiting: 0,
            kept: 0,
            failed: 0,
            bytes: 0.0,
            bytes_waiting: 0.0,
            paused_until: None,
            ended_at: None,
            listings: 1,
            removed: 0,
            cancelled: false,
            failure: None,
            picked_folders: 0,
            picked_items: 0,
            picked_bytes: 0.0,
            words: String::new(),
        }
    }

    #[test]
    fn an_external_id_has_the_parts_that_clients_split() {
        let id = |template: &str, inputs: &[(&str, &str)]| {
            external_id(&source("X", inputs), Some(&provider(template)))
        };
        assert_eq!(id("", &[]), "X|Maya   Lind");
        assert_eq!(id("{subdomain}", &[("subdomain", "acme")]), "X|Maya   Lind|acme");
        let site = id("{tenant}/{site}", &[("tenant", "acme.onmicrosoft.com"), ("site", "sites/Mkt")]);
        assert_eq!(site, "X|Maya   Lind|acme.onmicrosoft.com/Mkt");
        assert_eq!(id("wiki/{site}", &[("site", "")]), "X|Maya   Lind|wiki/");
        let named = PublishedProvider { title: "{email}".into(), ..provider("") };
        let source = source("X", &[("email", "maya@acme.example")]);
        assert_eq!(external_id(&source, Some(&named)), "X|maya@acme.example");
        assert_eq!(id("wiki/{site}", &[("site", "acme.atlassian.net")]), "X|Maya   Lind|wiki/acme");
    }

    #[test]
    fn a_sync_is_seen_to_begin_and_to_end() {
        let mut it = source("BOX", &[]);
        let mut state = sync();
        let before = standing(&it, Some(&state));
        assert_eq!(
            (before.status, before.last_action, before.items_at.as_deref()),
            ("READY", Action::Add, None)
        );

        (state.running, state.phase) = (true, Phase::Listing);
        assert_eq!(standing(&it, Some(&state)).status, "SYNCING");

        // Listed within the second in which it was connected: the listing is there, and nothing was read.
        (state.running, state.phase, state.complete) = (false, Phase::Idle, true);
        state.ended_at = Some(clock::rfc3339(1000));
        let listed = standing(&it, Some(&state));
        assert_eq!((listed.status, listed.last_action), ("READY", Action::Add));
        assert_ne!(listed.last_at, before.last_at);
        assert!(listed.items_at.is_some() && listed.files_at.is_none());

        // Files are synced: begun at 2000, ended within that second.
        (it.action, it.action_at, state.kept) = (Action::Update, 2000, 3);
        let under_way = standing(&it, Some(&state));
        state.ended_at = Some(clock::rfc3339(2000));
        let read = standing(&it, Some(&state));
        assert_eq!(read.last_action, Action::Update);
        assert_ne!(read.last_at, under_way.last_at);
        assert_ne!(read.files_at, under_way.files_at);

        // Cancelled with files waiting: it is over, and what is synced later is an update again.
        (it.action, it.action_at, state.cancelled, state.waiting) = (Action::Cancel, 2000, true, 2);
        let cancelled = standing(&it, Some(&state));
        assert_eq!((cancelled.status, cancelled.last_action), ("READY", Action::Cancel));
        (state.cancelled, state.ended_at) = (false, Some(clock::rfc3339(2600)));
        let later = standing(&it, Some(&state));
        assert_eq!(later.last_action, Action::Update);
        assert_ne!(later.last_at, cancelled.last_at);
        state.failure = Some(tieline_engine::wire::SyncFailure {
            code: "x".into(),
            message: "x".into(),
            hint: "x".into(),
        });
        assert_eq!(standing(&it, Some(&state)).status, "SYNC_ERROR");
        assert_eq!(standing(&it, None).status, "READY");
    }
}
