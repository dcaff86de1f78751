//! Outlook: its folders and categories, and mails of a folder by filters, which Outlook itself is asked to apply.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use serde_json::{Map, Value, json};
use tieline_engine::Code;
use tieline_engine::program::DataSource;

use super::super::body::{At, Body, FromBody, fields, object, text, whole};
use super::super::choosing::{self, Choice};
use super::super::{Answer, Caller, Sorry, answer, success};
use super::wanted::{self, OUTLOOK};
use super::{Query, Selection, What, named, source_of, text_of};
use crate::Door;

const PROVIDER: &str = "OUTLOOK";
/// Categories that are told.
const CATEGORIES: &str = "250";
const MOST_CATEGORIES: usize = 250;
/// Mails on a page, and pages of one filter that are read: half a million mails.
const MAILS: &str = "500";
const MAIL_PAGES: usize = 1000;
/// The ids by which mails are listed.
const PREFER: &[(&str, &str)] = &[("prefer", "IdType=\"ImmutableId\"")];
/// Pages of folders that are read, and folders whose mails are looked at for categories.
const PAGES: usize = 50;
const VERSION: &str = "/v1.0";
/// Folders that Graph knows by a name of its own.
const OWN_NAMES: &[&str] =
    &["inbox", "sentitems", "archive", "drafts", "deleteditems", "junkemail", "outbox"];

pub(super) async fn folders(State(door): State<Arc<Door>>, caller: Caller, query: Query) -> Answer {
    let source = source_of(&door, &caller, PROVIDER, named(&query)?)?;
    answer(json!({ "folders": all_folders(&door, &source).await? }))
}

/// All folders, however deep, also those that are not synced, such as drafts.
async fn all_folders(door: &Door, source: &DataSource) -> Result<Vec<Value>, Sorry> {
    let (mut all, mut page) = (Vec::<Value>::new(), format!("{}/mailFolders/delta", mailbox(source)));
    let mut query = vec![("$select", "displayName,parentFolderId,isHidden")];
    for _ in 0..PAGES {
        let said = door.app.programs().ask_provider(&source.connection, &page, &query).await?;
        let found = said["value"].as_array().into_iter().flatten().filter(|it| it["isHidden"] != true);
        all.extend(found.filter_map(|it| {
            let (id, name) = (text_of(it, "id")?, text_of(it, "displayName")?);
            Some(json!({ "id": id, "name": name, "parent_id": text_of(it, "parentFolderId") }))
        }));
        let Some(next) = next_of(&said) else { break };
        (page, query) = (next, Vec::new());
    }
    Ok(all)
}

/// The folder that is meant by its id or name, or by the name that Exchange itself has for it, whatever the mailbox's
/// language.
async fn folder_of(door: &Door, source: &DataSource, said: &str) -> Result<String, Sorry> {
    let said = said.trim();
    let folders = all_folders(door, source).await?;
    let is_meant = |it: &&Value| {
        it["id"] == said || text_of(it, "name").is_some_and(|name| name.eq_ignore_ascii_case(said))
    };
    if let Some(id) = folders.iter().find(is_meant).and_then(|folder| text_of(folder, "id")) {
        return Ok(id.to_owned());
    }
    let unknown = || Sorry::bad(format!("This mailbox has no folder {said:?}."));
    let own: String = said.split_whitespace().collect::<String>().to_lowercase();
    if !OWN_NAMES.contains(&own.as_str()) {
        return Err(unknown());
    }
    let place = format!("{}/mailFolders/{own}", mailbox(source));
    match door.app.programs().ask_provider(&source.connection, &place, &[("$select", "id")]).await {
        Ok(folder) => text_of(&folder, "id").map(str::to_owned).ok_or_else(unknown),
        Err(error) if error.code == Code::NotFound => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

/// Where the next page is. Links are whole addresses; what follows the version is asked below it.
fn next_of(said: &Value) -> Option<String> {
    let (_, next) = text_of(said, "@odata.nextLink")?.split_once(VERSION)?;
    Some(next.to_owned())
}

/// `/me`, or a mailbox that is shared with the person.
fn mailbox(source: &DataSource) -> String {
    match source.inputs.get("mailbox").map(String::as_str) {
        None | Some("") => "/me".to_owned(),
        Some(shared) => format!("/users/{}", segment(shared)),
    }
}

/// The categories that the person keeps a list of. That takes a permission of its own; without it, those that mails
/// carry, of the newest in each folder.
pub(super) async fn categories(State(door): State<Arc<Door>>, caller: Caller, query: Query) -> Answer {
    let source = source_of(&door, &caller, PROVIDER, named(&query)?)?;
    let place = format!("{}/outlook/masterCategories", mailbox(&source));
    let said = door.app.programs().ask_provider(&source.connection, &place, &[("$top", CATEGORIES)]).await;
    let found: Vec<Value> = match said {
        Ok(said) => {
            let rows = said["value"].as_array().into_iter().flatten();
            let category = |it: &Value| {
                let name = text_of(it, "displayName")?;
                Some(json!({ "id": text_of(it, "id"), "name": name, "color": text_of(it, "color") }))
            };
            rows.filter_map(category).collect()
        }
        Err(error) if matches!(error.code, Code::Refused | Code::NeedsYou | Code::NotFound) => {
            let named = |name| json!({ "id": null, "name": name, "color": null });
            carried(&door, &source).await?.into_iter().take(MOST_CATEGORIES).map(named).collect()
        }
        Err(error) => return Err(error.into()),
    };
    answer(json!({ "categories": found }))
}

async fn carried(door: &Door, source: &DataSource) -> Result<BTreeSet<String>, Sorry> {
    let mut all = BTreeSet::new();
    for folder in all_folders(door, source).await?.iter().filter_map(|it| text_of(it, "id")).take(PAGES) {
        let place = format!("{}/mailFolders/{}/messages", mailbox(source), segment(folder));
        let ask = [("$select", "categories"), ("$top", "1000")];
        let said = door.app.programs().ask_provider(&source.connection, &place, &ask).await?;
        let mails = said["value"].as_array().into_iter().flatten();
        let names = mails.flat_map(|mail| mail["categories"].as_array().into_iter().flatten());
        all.extend(names.filter_map(|name| name.as_str().map(str::to_owned)));
    }
    Ok(all)
}

fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

pub(super) struct Sync {
    data_source: Option<i64>,
    folder: String,
    filters: Map<String, Value>,
    choice: Choice,
}

impl FromBody for Sync {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source: it.maybe("data_source_id", whole),
            folder: it.maybe("folder", text).unwrap_or_else(|| "Inbox".into()),
            filters: it.need("filters", object),
            choice: super::choice(it),
        })(body, at)
    }
}

pub(super) async fn sync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Sync>) -> Answer {
    let wanted = wanted::read(&ask.filters, OUTLOOK).map_err(Sorry::bad)?;
    super::only_mails(&ask.choice)?;
    let source = source_of(&door, &caller, PROVIDER, ask.data_source)?;
    let folder = folder_of(&door, &source, &ask.folder).await?;
    if wanted.is_empty() {
        choosing::choose(&door, &source, &[folder], &ask.choice).await?;
    } else {
        let what = What::Mails { folder, filter: wanted::odata(&wanted) };
        super::keep(&door, &source, Selection::new(what, &ask.choice, &source)).await?;
    }
    success()
}

/// The ids of all mails of a folder that a filter finds now.
pub(super) async fn find(
    door: &Door,
    source: &DataSource,
    folder: &str,
    filter: &str,
) -> Result<Vec<String>, Sorry> {
    let mut ids = Vec::new();
    let mut page = format!("{}/mailFolders/{}/messages", mailbox(source), segment(folder));
    let mut query = vec![("$filter", filter), ("$select", "id"), ("$top", MAILS)];
    for _ in 0..MAIL_PAGES {
        let programs = door.app.programs();
        let said = programs.ask_provider_with(&source.connection, &page, &query, PREFER).await?;
        let found = said["value"].as_array().into_iter().flatten();
        ids.extend(found.filter_map(|it| text_of(it, "id").map(str::to_owned)));
        let Some(next) = next_of(&said) else { break };
        (page, query) = (next, Vec::new());
    }
    Ok(ids)
}
