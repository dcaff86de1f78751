//! What Box holds and how it is served: folders, files, bookmarks and the stream of events.
//!
//! Events come as Box gives them: the newest first on a page, the last one of the page before once more, one for a
//! folder and none for what came or went with it.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::api;
use crate::contents::{Change, Contents, Format, Maker, State, Thing, USUAL_FILES, What, page};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::Answer;
use crate::rules::{Alphabet, Shape};
use crate::wire::{Reply, Request};

/// A Box Note has no ending of its own in the list of formats and downloads as JSON.
const NOTE: Format = Format::Native("application/vnd.box.note");
/// Positions in the stream are long numbers.
const FIRST_POSITION: u64 = 1_348_790_499_819;
const MOST_OFFSET: usize = 10_000;
/// Seconds for which an address of a download is good.
const DOWNLOAD: u64 = 900;
/// A file so young is still being made ready when it is first asked for.
const YOUNG: u64 = 10;
/// Without `fields` items come with these only.
const MINI: [&str; 4] = ["sequence_id", "etag", "name", "sha1"];

pub fn make(maker: &mut Maker) {
    let bookmarks = (maker.wanted() / 40).max(1);
    for _ in 0..bookmarks {
        let (id, name, at) = (maker.fresh(new_id), maker.title(), maker.when());
        let address = format!("https://www.example.com/{}", maker.hex(8));
        maker.add(Thing::new(id, "web_link", name, Format::None, at).with("url", address));
    }
    let mix: Vec<_> = [(NOTE, 8)].into_iter().chain(USUAL_FILES).collect();
    maker.file_tree_of(&mix, new_id);
}

pub fn new_id(maker: &mut Maker) -> String {
    maker.digits(13)
}

/// Files, folders and bookmarks are numbered apart, so a client that keeps them together has to say which it is.
pub fn id_of(thing: &Thing) -> Option<String> {
    let id = match thing.kind {
        "file" => thing.id.clone(),
        kind => format!("{kind}/{}", thing.id),
    };
    (thing.state == State::Published).then_some(id)
}

fn allowed(desk: &Desk, request: &Request) -> Result<(), Problem> {
    let grant = desk.bearer(request)?.grant;
    let reads = grant.scopes.iter().any(|scope| scope.starts_with("root_read"));
    if reads { Ok(()) } else { Err(Problem::ScopeMissing) }
}

/// The thing of that kind, or the refusal.
fn found<'c>(contents: &'c Contents, kind: &str, id: &str) -> Result<&'c Thing, Reply> {
    match contents.get(id).filter(|thing| thing.kind == kind) {
        Some(thing) if thing.state == State::Published => Ok(thing),
        Some(_) => Err(api(404, "trashed", "Item is trashed")),
        None => Err(api(404, "not_found", "Not Found")),
    }
}

pub fn items(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let id = request.capture("id");
    if !id.bytes().all(|it| it.is_ascii_digit()) {
        return Ok(api(405, "method_not_allowed", "Method Not Allowed"));
    }
    let parent = (id != "0").then_some(id);
    if let Some(id) = parent
        && let Err(refusal) = found(&contents, "folder", id)
    {
        return Ok(refusal);
    }
    let limit = desk.limit(request.query("limit"), 100, 1000);
    let visible = |from| contents.walk_below(parent, from).filter(|(_, it)| it.state == State::Published);
    let shown = |things: Vec<&Thing>| -> Vec<Value> {
        things.into_iter().map(|thing| chosen(&contents, thing, request.query("fields"))).collect()
    };
    if request.query("usemarker") == Some("true") {
        let from = match request.query("marker") {
            None | Some("") => 0,
            Some(marker) => match from_marker(marker, id) {
                Some(from) => from,
                None => return Ok(api(400, "bad_request", "Invalid marker")),
            },
        };
        let (things, next) = page(visible(from), limit);
        let next = next.map(|next| to_marker(next, id));
        return Ok(Reply::json(
            200,
            &json!({ "entries": shown(things), "limit": limit, "next_marker": next }),
        ));
    }
    let offset = request.query("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
    if request.query("marker").is_some() || offset > MOST_OFFSET {
        return Ok(api(400, "bad_request", "Bad Request"));
    }
    let things = visible(0).skip(offset).take(limit).map(|(_, thing)| thing).collect();
    let order = json!([{ "by": "type", "direction": "ASC" }, { "by": "name", "direction": "ASC" }]);
    Ok(Reply::json(
        200,
        &json!({
            "total_count": visible(0).count(), "entries": shown(things), "offset": offset, "limit": limit, "order": order,
        }),
    ))
}

/// A marker is good in the folder that it was made for.
fn to_marker(place: usize, folder: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "type": "id", "dir": "next", "tail": place, "in": folder }).to_string())
}

fn from_marker(marker: &str, folder: &str) -> Option<usize> {
    let told: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(marker).ok()?).ok()?;
    (told["in"] == folder).then(|| told["tail"].as_u64())?.map(|place| place as usize)
}

pub fn folder(desk: &Desk, request: &Request) -> Answer {
    if request.capture("id") == "0" {
        allowed(desk, request)?;
        return Ok(Reply::json(200, &all_files()));
    }
    one(desk, request, "folder")
}

pub fn file(desk: &Desk, request: &Request) -> Answer {
    one(desk, request, "file")
}

pub fn web_link(desk: &Desk, request: &Request) -> Answer {
    one(desk, request, "web_link")
}

fn one(desk: &Desk, request: &Request, kind: &str) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    Ok(match found(&contents, kind, request.capture("id")) {
        Err(refusal) => refusal,
        Ok(thing) => match request.query("fields") {
            Some(fields) => Reply::json(200, &chosen(&contents, thing, Some(fields))),
            None => Reply::json(200, &whole(&contents, thing)),
        },
    })
}

fn all_files() -> Value {
    json!({ "type": "folder", "id": "0", "sequence_id": null, "etag": null, "name": "All Files" })
}

fn name(thing: &Thing) -> String {
    if thing.format == NOTE { format!("{}.boxnote", thing.name) } else { thing.name.clone() }
}

/// Type and id always come; the rest by name, or the small form.
fn chosen(contents: &Contents, thing: &Thing, fields: Option<&str>) -> Value {
    let wanted: Vec<&str> = match fields {
        Some(fields) => fields.split(',').map(str::trim).collect(),
        None => MINI.to_vec(),
    };
    let mut shown = Map::new();
    for field in ["type", "id"].into_iter().chain(wanted) {
        if let Some(value) = told(contents, thing, field) {
            shown.insert(field.to_owned(), value);
        }
    }
    Value::Object(shown)
}

fn whole(contents: &Contents, thing: &Thing) -> Value {
    let more = ["size", "created_at", "modified_at", "content_modified_at", "item_status", "parent"];
    let all = MINI.into_iter().chain(more).chain(["path_collection", "url", "owned_by"]);
    chosen(contents, thing, Some(&all.collect::<Vec<_>>().join(",")))
}

fn told(contents: &Contents, thing: &Thing, field: &str) -> Option<Value> {
    let is_file = thing.kind == "file";
    let active = if thing.state == State::Published { "active" } else { "trashed" };
    Some(match field {
        "type" => json!(thing.kind),
        "id" => json!(thing.id),
        "sequence_id" | "etag" => json!(thing.revision.to_string()),
        "name" => json!(name(thing)),
        "sha1" if is_file => json!(hex(&Sha1::digest(bytes(thing)))),
        // A large number comes as a float.
        "size" if is_file => match bytes(thing).len() as u64 {
            size if size > 10_000_000 => json!(size as f64),
            size => json!(size),
        },
        "created_at" | "content_created_at" => json!(time(thing.created)),
        "modified_at" | "content_modified_at" => json!(time(thing.modified)),
        "item_status" => json!(active),
        "parent" => match thing.parent.as_deref().and_then(|id| contents.get(id)) {
            Some(parent) => mini_folder(parent),
            None => all_files(),
        },
        "path_collection" => {
            let mut above: Vec<Value> = contents.above(thing).map(mini_folder).collect();
            above.push(all_files());
            above.reverse();
            json!({ "total_count": above.len(), "entries": above })
        }
        "url" if thing.kind == "web_link" => json!(thing.extra("url")),
        "shared_link" => Value::Null,
        "owned_by" => {
            json!({ "type": "user", "id": "11446498", "name": "Maya Lind", "login": "maya.lind@acme.example" })
        }
        _ => return None,
    })
}

fn mini_folder(folder: &Thing) -> Value {
    let revision = folder.revision.to_string();
    json!({
        "type": "folder", "id": folder.id, "sequence_id": revision, "etag": revision, "name": folder.name,
    })
}

/// Box writes the time of its own place.
fn time(seconds: u64) -> String {
    dates::iso(seconds.saturating_sub(8 * 3600)).replace('Z', "-08:00")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(thing: &Thing) -> Vec<u8> {
    if thing.format != NOTE {
        return thing.bytes();
    }
    let line = |text: String| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] });
    let lines: Vec<Value> = thing.paragraphs().into_iter().map(line).collect();
    json!({ "version": 1, "schema_version": 1, "doc": { "type": "doc", "content": lines } })
        .to_string()
        .into_bytes()
}

/// Sends on to an address that is good for some minutes and wants no token.
pub fn content(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let thing = match found(&contents, "file", request.capture("id")) {
        Ok(thing) => thing,
        Err(refusal) => return Ok(refusal),
    };
    let ready = format!("ready/{}/{}", thing.id, thing.revision);
    if desk.now() < thing.modified + YOUNG && desk.look(&ready).is_none() {
        desk.keep(&ready, String::new(), YOUNG);
        return Ok(Reply::empty(202).header("retry-after", "1"));
    }
    let key = Shape::new("", Alphabet::Url, 120).mint();
    desk.keep(&format!("download/{key}"), thing.id.clone(), DOWNLOAD);
    Ok(Reply::redirect(&format!("https://dl.boxcloud.com/d/1/{key}/download"), &[]))
}

pub fn download(desk: &Desk, request: &Request) -> Answer {
    if request.bearer().is_some() {
        return Ok(Reply::text(400, "This address wants no token."));
    }
    let id = desk.look(&format!("download/{}", request.capture("key")));
    let contents = desk.contents();
    let Some(thing) = id.and_then(|id| contents.get(&id)) else { return Ok(Reply::empty(404)) };
    let media_type = if thing.format == NOTE { "application/octet-stream" } else { thing.media_type() };
    Ok(Reply { body: bytes(thing), ..Reply::empty(200) }.kind(media_type))
}

pub fn events(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    if !matches!(request.query("stream_type"), None | Some("all" | "changes" | "sync")) {
        return Ok(api(400, "bad_request", "Invalid stream_type"));
    }
    let contents = desk.contents();
    let answer = |entries: Vec<Value>, next: u64| {
        let next = FIRST_POSITION + next;
        Reply::json(
            200,
            &json!({ "chunk_size": entries.len(), "next_stream_position": next, "entries": entries }),
        )
    };
    let all = contents.remembered();
    let oldest = contents.now_at() - all.len() as u64;
    let position = match request.query("stream_position") {
        Some("now") => return Ok(answer(Vec::new(), contents.now_at())),
        None | Some("0") => Some(oldest),
        Some(text) => text.parse::<u64>().ok().and_then(|it| it.checked_sub(FIRST_POSITION)),
    };
    let Some((position, after)) = position.and_then(|it| Some((it, contents.since(it).ok()?))) else {
        return Ok(api(400, "bad_request", "Invalid stream_position"));
    };
    let limit = desk.limit(request.query("limit"), 100, 500);
    let page = &after[..after.len().min(limit)];
    let before = (position > oldest).then(|| &all[(position - oldest - 1) as usize]);
    let unnamed = with_their_folder(all);
    let named = before.into_iter().chain(page).filter(|change| !unnamed.contains(&change.position));
    let entries = named.map(|change| event(&contents, change)).rev().collect();
    Ok(answer(entries, position + page.len() as u64))
}

/// Positions of changes that only follow from the change of a folder above.
fn with_their_folder(changes: &[Change]) -> HashSet<u64> {
    let sort = |what: &What| match what {
        What::Removed => 1,
        What::Unpublished => 2,
        What::Published => 3,
        _ => 0,
    };
    let folders: HashSet<_> = changes.iter().map(|it| (it.at, sort(&it.what), it.id.as_str())).collect();
    let follows = |change: &&Change| {
        let (sort, parent) = (sort(&change.what), change.thing.parent.as_deref());
        sort > 0 && parent.is_some_and(|parent| folders.contains(&(change.at, sort, parent)))
    };
    changes.iter().filter(follows).map(|change| change.position).collect()
}

fn event(contents: &Contents, change: &Change) -> Value {
    let what = match (&change.what, change.thing.kind) {
        (What::Added, "file") => "ITEM_UPLOAD",
        (What::Added, _) => "ITEM_CREATE",
        (What::Edited, _) if change.was.is_some() => "ITEM_RENAME",
        (What::Edited, _) => "ITEM_UPLOAD",
        (What::Moved { .. }, _) => "ITEM_MOVE",
        (What::Removed | What::Unpublished, _) => "ITEM_TRASH",
        (What::Published, _) => "ITEM_UNDELETE_VIA_TRASH",
    };
    let mut source = whole(contents, &change.thing);
    if change.what == What::Removed {
        source["item_status"] = json!("trashed");
    }
    json!({
        "type": "event",
        "event_id": hex(&Sha1::digest(format!("event {}", change.position))),
        "event_type": what,
        "created_at": time(change.at),
        "recorded_at": time(change.at),
        "created_by": { "type": "user", "id": "11446498", "name": "Maya Lind", "login": "maya.lind@acme.example" },
        "source": source,
    })
}
