//! Files and folders (developer.box.com, API 2.0).
//!
//! A list is of one folder, so a listing walks down from the start folder and carries the folders still to be opened in
//! its cursor. The position in the stream of events is taken before, and the listing ends with what happened
//! meanwhile. Events may come twice, late and out of order, so one only says what to ask for again.
//!
//! Files, folders and bookmarks are numbered apart: the ids of the latter two begin with `folder/` and `web_link/`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rest::{DOCUMENT, segment};
use super::{Fault, Rest, Source};
use crate::clock::{Seconds, from_rfc3339};
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page, ending, is_without_text};

pub struct BoxFiles;

/// The most that a page of a folder holds.
const PAGE: u32 = 1000;
/// The most that a page of events holds.
const EVENTS: u32 = 500;
/// Folders that are opened together.
const TOGETHER: usize = 8;
/// Items that events named and that are asked for together.
const ASKED: usize = 8;
/// Events are kept for two weeks at least ("Get User Events"), and nothing tells that some are missing.
const REMEMBERED: Seconds = 13 * 86_400;
/// Looks for a file that is being made ready.
const LOOKS: u32 = 10;
const EVERYTHING: &str = "0";
/// Named, they replace what is sent unasked.
const FIELDS: &str = "type,id,etag,sha1,name,size,modified_at,content_modified_at,item_status,parent,url";

/// Where a listing stands, and later what the next one begins with.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Up to which events are known.
    position: String,
    /// When that was so.
    at: Seconds,
    /// Folders to be listed, the next one last.
    #[serde(default)]
    open: Vec<Open>,
    /// Ids of the events of the page before, to know repeats by.
    #[serde(default)]
    before: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Open {
    folder: String,
    /// Where its next page begins.
    marker: Option<String>,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<Entry>,
    next_marker: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    name: Option<String>,
    etag: Option<String>,
    sha1: Option<String>,
    /// It comes as 1e18, too.
    size: Option<f64>,
    modified_at: Option<String>,
    content_modified_at: Option<String>,
    item_status: Option<String>,
    parent: Option<Above>,
    path_collection: Option<Path>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Above {
    id: String,
}

#[derive(Deserialize)]
struct Path {
    entries: Vec<Above>,
}

#[derive(Deserialize)]
struct Events {
    entries: Vec<Event>,
    /// A number or text.
    next_stream_position: Value,
}

#[derive(Deserialize)]
struct Event {
    event_id: Option<String>,
    event_type: Option<String>,
    source: Option<Value>,
}

#[async_trait]
impl Source for BoxFiles {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let folder = match parent.map(|parent| parent.id.split_once('/')) {
            None => start(rest),
            Some(Some(("folder", id))) => id,
            Some(_) => return Ok(Page::default()),
        };
        let found = list(rest, folder, cursor).await?;
        let items = found.entries.into_iter().filter_map(|entry| listed(entry, start(rest))).collect();
        Ok(Page { items, next: found.next_marker.filter(|next| !next.is_empty()) })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let place = match cursor {
            None => {
                let found: Events = stream(rest, "now").await?;
                let open = vec![Open { folder: start(rest).to_owned(), marker: None }];
                let position = number(&found.next_stream_position).ok_or(Fault::Expired)?;
                Place { position, at: rest.clock().now(), open, before: BTreeSet::new() }
            }
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
        };
        if place.open.is_empty() { events(rest, place).await } else { walk(rest, place).await }
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let path = format!("/files/{}/content", segment(&item.id));
        for _ in 0..LOOKS {
            let reply = rest.get(&path).download(DOCUMENT).await?;
            if reply.status != 202 {
                let media_type = reply.header("content-type").map(str::to_owned);
                return Ok(match item.format.as_deref() {
                    Some("boxnote") => note(reply.body),
                    _ => Content::file(reply.body, media_type, &item.name),
                });
            }
            let seconds = reply.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(2);
            tokio::time::sleep(Duration::from_secs(u64::clamp(seconds, 1, 60))).await;
        }
        Err(Fault::Failed(Error::new(
            Code::Temporary,
            "Box has not made the file ready for reading yet.",
            "Tieline tries again at the next sync.",
        )))
    }
}

/// The folder that the person named, else all that they can see.
fn start(rest: &Rest) -> &str {
    Some(rest.field("folder")).filter(|folder| !folder.is_empty()).unwrap_or(EVERYTHING)
}

async fn list(rest: &Rest, folder: &str, marker: Option<&str>) -> Result<Entries, Fault> {
    let asked = rest.get(format!("/folders/{}/items", segment(folder)));
    let asked = asked.query("usemarker", true).query("limit", PAGE).query("fields", FIELDS);
    asked.maybe("marker", marker).value().await
}

/// Opens the next folders.
async fn walk(rest: &Rest, mut place: Place) -> Result<Changes, Fault> {
    let some = place.open.split_off(place.open.len().saturating_sub(TOGETHER));
    let pages = join_all(some.iter().map(|open| list(rest, &open.folder, open.marker.as_deref()))).await;
    let mut items = Vec::new();
    for (open, page) in some.into_iter().zip(pages) {
        let found = match page {
            Ok(found) => found,
            // Another one than the start folder may be gone or closed by now, and takes nothing else with it.
            Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) && open.folder != start(rest) => {
                continue;
            }
            // A marker is good for some time only.
            Err(Fault::Status(reply)) if reply.status == 400 && open.marker.is_some() => {
                place.open.push(Open { marker: None, ..open });
                continue;
            }
            Err(fault) => return Err(fault),
        };
        if let Some(marker) = found.next_marker.filter(|marker| !marker.is_empty()) {
            place.open.push(Open { folder: open.folder, marker: Some(marker) });
        }
        let folders = found.entries.iter().filter(|entry| entry.kind == "folder");
        place.open.extend(folders.map(|entry| Open { folder: entry.id.clone(), marker: None }));
        items.extend(found.entries.into_iter().filter_map(|entry| listed(entry, start(rest))));
    }
    Ok(Changes { items, removed: Vec::new(), next: Next::More(cursor(&place)?) })
}

async fn stream(rest: &Rest, position: &str) -> Result<Events, Fault> {
    let asked = rest.get("/events").query("stream_type", "changes").query("stream_position", position);
    asked.query("limit", EVENTS).value().await
}

/// What the next events name, as it is now.
async fn events(rest: &Rest, mut place: Place) -> Result<Changes, Fault> {
    if rest.clock().now() - place.at > REMEMBERED {
        return Err(Fault::Expired);
    }
    let found: Events = match stream(rest, &place.position).await {
        Err(Fault::Status(reply)) if reply.status == 400 => return Err(Fault::Expired),
        other => other?,
    };
    let ids: BTreeSet<String> = found.entries.iter().filter_map(|event| event.event_id.clone()).collect();
    let is_repeat = |event: &Event| event.event_id.as_ref().is_some_and(|id| place.before.contains(id));
    let (mut named, mut moved) = (BTreeSet::new(), BTreeSet::new());
    for event in found.entries.iter().filter(|event| !is_repeat(event)) {
        let what = event.event_type.as_deref().unwrap_or_default();
        // Who enters or leaves a group gains or loses folders that nothing names.
        if what.starts_with("GROUP_") {
            return Err(Fault::Expired);
        }
        let Some((kind, id)) = event.source.as_ref().and_then(item_of) else { continue };
        // Of what came with a folder, nothing need be said.
        if kind == "folder" && !matches!(what, "ITEM_RENAME" | "ITEM_TRASH") {
            moved.insert(id.clone());
        }
        named.insert((kind, id));
    }
    let quiet = found.entries.iter().all(is_repeat);
    place.position = number(&found.next_stream_position).unwrap_or(place.position);
    if quiet {
        let end = Place { at: rest.clock().now(), before: BTreeSet::new(), ..place };
        return Ok(Changes { items: Vec::new(), removed: Vec::new(), next: Next::Done(Some(cursor(&end)?)) });
    }
    place.before = ids;

    let (mut items, mut removed) = (Vec::new(), Vec::new());
    let named: Vec<_> = named.into_iter().collect();
    for some in named.chunks(ASKED) {
        let now = join_all(some.iter().map(|(kind, id)| look(rest, kind, id))).await;
        for ((kind, id), entry) in some.iter().zip(now) {
            match entry?.and_then(|entry| listed(entry, start(rest))) {
                Some(item) => {
                    if moved.contains(id) && *kind == "folder" {
                        place.open.push(Open { folder: id.clone(), marker: None });
                    }
                    items.push(item);
                }
                None => removed.push(item_id(kind, id)),
            }
        }
    }
    Ok(Changes { items, removed, next: Next::More(cursor(&place)?) })
}

/// Which item an event is about: its source is the item, or names it.
fn item_of(source: &Value) -> Option<(&'static str, String)> {
    let told = |name: &str, other: &str| source.get(name).or_else(|| source.get(other));
    let kind = match told("type", "item_type")?.as_str()? {
        "file" => "file",
        "folder" => "folder",
        "web_link" => "web_link",
        _ => return None,
    };
    let id = number(told("id", "item_id")?)?;
    (id != EVERYTHING).then_some((kind, id))
}

/// An item as it is now; none where it is gone, in the trash, out of sight or outside the start folder.
async fn look(rest: &Rest, kind: &str, id: &str) -> Result<Option<Entry>, Fault> {
    let asked = rest.get(format!("/{kind}s/{}", segment(id)));
    // A bookmark knows no `fields` and brings all.
    let fields = (kind != "web_link").then(|| format!("{FIELDS},path_collection"));
    let entry: Entry = match asked.maybe("fields", fields).value().await {
        Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404 | 410) => return Ok(None),
        other => other?,
    };
    let start = start(rest);
    let path = entry.path_collection.as_ref().map_or(&[][..], |path| &path.entries);
    let within = start == EVERYTHING || path.iter().any(|above| above.id == start);
    Ok(Some(entry).filter(|_| within))
}

fn item_id(kind: &str, id: &str) -> String {
    if kind == "file" { id.to_owned() } else { format!("{kind}/{id}") }
}

fn listed(entry: Entry, start: &str) -> Option<Listed> {
    if entry.item_status.as_deref().is_some_and(|status| status != "active") {
        return None;
    }
    let id = item_id(&entry.kind, &entry.id);
    let name = entry.name.unwrap_or_default();
    let address = |what: &str| Some(format!("https://app.box.com/{what}/{}", entry.id));
    let item = match entry.kind.as_str() {
        "folder" => Item { url: address("folder"), ..Item::container(id, name, Kind::Folder) },
        "file" => {
            let format = ending(&name);
            Item {
                selectable: !format.as_deref().is_some_and(is_without_text),
                format,
                size: entry.size.filter(|size| *size >= 0.0).map(|size| size as u64),
                url: address("file"),
                version: entry.sha1.or(entry.etag).unwrap_or_default(),
                ..Item::content(id, name, Kind::File)
            }
        }
        // Where a bookmark leads is no longer Box.
        "web_link" => Item { url: entry.url, selectable: false, ..Item::content(id, name, Kind::File) },
        _ => return None,
    };
    let parent = entry.parent.map(|parent| parent.id).filter(|id| id != EVERYTHING && id != start);
    let modified = entry.content_modified_at.or(entry.modified_at);
    let modified = modified.as_deref().and_then(from_rfc3339);
    Some(Item { parent: parent.map(|id| item_id("folder", &id)), modified, ..item }.into())
}

/// The words of a Box Note, which is downloaded as JSON: older ones hold them in one piece, newer ones in blocks
/// within blocks. Neither is documented.
fn note(bytes: Vec<u8>) -> Content {
    let note: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(text) = note.pointer("/atext/text").and_then(Value::as_str) {
        return Content::Text(text.to_owned());
    }
    if !note["doc"].is_object() {
        return Content::Document { bytes, media_type: None, name: "it.json".into() };
    }
    let mut text = String::new();
    words(&note["doc"], &mut text);
    Content::Text(text)
}

fn words(block: &Value, text: &mut String) {
    text.push_str(block["text"].as_str().unwrap_or_default());
    let Some(inside) = block["content"].as_array() else { return };
    for block in inside {
        words(block, text);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// Long numbers come as such, as text, and as 5.9e15.
fn number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(match number.as_u64() {
            Some(number) => number.to_string(),
            None => format!("{:.0}", number.as_f64()?),
        }),
        _ => None,
    }
}

fn cursor(place: &Place) -> Result<String, Fault> {
    serde_json::to_string(place).map_err(|error| Fault::Failed(Error::internal(error)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_in_every_form() {
        assert_eq!(number(&json!(1348790499819_u64)).as_deref(), Some("1348790499819"));
        assert_eq!(number(&json!("1348790499819")).as_deref(), Some("1348790499819"));
        assert_eq!(number(&json!(5.908e15)).as_deref(), Some("5908000000000000"));
        assert_eq!(number(&json!(null)), None);

        let entry =
            json!({ "type": "file", "id": "5", "name": "Film.MP4", "size": 1e18, "parent": { "id": "0" } });
        let item = listed(serde_json::from_value(entry).unwrap(), "0").unwrap().item;
        assert_eq!((item.size, item.parent, item.selectable), (Some(1_000_000_000_000_000_000), None, false));
    }

    #[test]
    fn both_kinds_of_notes_have_words() {
        let old = json!({ "atext": { "text": "Old words\n", "attribs": "" } });
        assert_eq!(note(old.to_string().into_bytes()), Content::Text("Old words\n".into()));
        let line = |text: &str| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] });
        let list = json!({ "type": "bullet_list", "content": [
            { "type": "list_item", "content": [line("one")] }, { "type": "list_item", "content": [line("two")] },
        ] });
        let new = json!({ "version": 1, "doc": { "type": "doc", "content": [line("New"), list] } });
        assert_eq!(note(new.to_string().into_bytes()), Content::Text("New\none\ntwo\n".into()));
    }

    #[test]
    fn an_event_names_an_item_in_two_ways() {
        let named = |source: Value| item_of(&source);
        assert_eq!(named(json!({ "type": "file", "id": "7" })), Some(("file", "7".into())));
        assert_eq!(named(json!({ "item_type": "folder", "item_id": "8" })), Some(("folder", "8".into())));
        assert_eq!(named(json!({ "type": "user", "id": 11446498 })), None);
        assert_eq!(named(json!({ "type": "folder", "id": "0" })), None);
    }
}
