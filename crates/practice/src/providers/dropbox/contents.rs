//! What Dropbox holds and how it is served, after `files.stone` of its API specification: lists with cursors that
//! later bring changes, metadata, revisions, downloads and exports.
//!
//! A cursor brings the latest state of each path that changed. Of a deletion the path is told and no id, of a folder
//! that went only the folder, and of something that was replaced nothing but what is there now.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::files::{self, View};
use crate::contents::{Change, Format, Maker, Thing, USUAL_FILES, What, page};
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::Answer;
use crate::wire::{Reply, Request};

/// Formats without bytes of their own.
pub const PAPER: Format = Format::Native("application/vnd.dropbox.paper");
pub const SHEET: Format = Format::Native("application/vnd.google-apps.spreadsheet");

const MOST: u64 = 2000;
const USUAL: u64 = 500;

pub fn make(maker: &mut Maker) {
    // Folders of the team, which only calls from the team's root see.
    for name in ["Acme handbook", "Brand"] {
        let (id, at) = (new_id(maker), maker.when());
        maker.add(Thing::new(id.clone(), "folder", name.into(), Format::None, at).with("team", "yes"));
        for _ in 0..(maker.wanted() / 60).max(2) {
            let (id_of_file, name, at) = (new_id(maker), maker.file_name(Format::Docx), maker.when());
            maker.add(Thing::new(id_of_file, "file", name, Format::Docx, at).below(Some(&id)));
        }
    }
    let (id, at) = (new_id(maker), maker.when());
    let blocked = Thing::new(id, "file", "Not for everyone.dat".into(), Format::Unknown, at);
    maker.add(blocked.with("restricted", "yes"));
    let mix: Vec<_> = [(PAPER, 10), (SHEET, 3)].into_iter().chain(USUAL_FILES).collect();
    maker.file_tree_of(&mix, new_id);
}

pub fn new_id(maker: &mut Maker) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    format!("id:{}", maker.of(letters, 22))
}

/// What a cursor says to this server.
#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Id of the folder, or empty for the root.
    folder: String,
    recursive: bool,
    limit: u64,
    /// Up to which change everything is told.
    at: u64,
    /// Where the list goes on; none when it has ended.
    from: Option<usize>,
}

impl Cursor {
    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_string(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Cursor> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

fn allowed(desk: &Desk, request: &Request) -> Result<(), Problem> {
    if desk.bearer(request)?.grant.has_scope("files.metadata.read") {
        Ok(())
    } else {
        Err(Problem::ScopeMissing)
    }
}

pub fn list_folder(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let (view, arguments) = match (View::of(request, &contents), files::arguments(request)) {
        (Err(refusal), _) | (_, Err(refusal)) => return Ok(refusal),
        (Ok(view), Ok(arguments)) => (view, arguments),
    };
    let Some(path) = arguments["path"].as_str() else { return Ok(files::bad("path: missing")) };
    let limit = match &arguments["limit"] {
        Value::Null => USUAL,
        limit => match limit.as_u64().filter(|limit| (1..=MOST).contains(limit)) {
            Some(limit) => limit,
            None => return Ok(files::bad("limit: not within 1 and 2000")),
        },
    };
    let folder = match path {
        "" => String::new(),
        path => match view.find(path) {
            Err(refusal) => return Ok(refusal),
            Ok(thing) if thing.kind == "folder" => thing.id.clone(),
            Ok(_) => return Ok(files::refused(&["path", "not_folder"])),
        },
    };
    let recursive = arguments["recursive"].as_bool().unwrap_or(false);
    let cursor = Cursor { folder, recursive, limit, at: contents.now_at(), from: Some(0) };
    Ok(listed(desk, &view, cursor))
}

pub fn list_folder_continue(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let (view, arguments) = match (View::of(request, &contents), files::arguments(request)) {
        (Err(refusal), _) | (_, Err(refusal)) => return Ok(refusal),
        (Ok(view), Ok(arguments)) => (view, arguments),
    };
    let Some(cursor) = arguments["cursor"].as_str().and_then(Cursor::read) else {
        return Ok(files::bad("cursor: Invalid \"cursor\" parameter"));
    };
    match contents.since(cursor.at) {
        Err(_) => Ok(files::refused(&["reset"])),
        Ok(_) if cursor.from.is_some() => Ok(listed(desk, &view, cursor)),
        Ok(changes) => Ok(changed(desk, &view, cursor, changes)),
    }
}

fn listed(desk: &Desk, view: &View, mut cursor: Cursor) -> Reply {
    let limit = desk.limit(Some(&cursor.limit.to_string()), USUAL as usize, MOST as usize);
    let (contents, from) = (view.contents, cursor.from.unwrap_or(0));
    let parent = Some(cursor.folder.as_str()).filter(|id| !id.is_empty());
    let (things, next) = if cursor.recursive {
        let inside = |thing: &Thing| parent.is_none_or(|id| contents.above(thing).any(|it| it.id == id));
        page(contents.walk(from).filter(|(_, thing)| view.sees(thing) && inside(thing)), limit)
    } else {
        page(contents.walk_below(parent, from).filter(|(_, thing)| view.sees(thing)), limit)
    };
    cursor.from = next;
    let entries = things.into_iter().map(|thing| view.metadata(thing)).collect();
    answer(entries, &cursor, next.is_some())
}

fn changed(desk: &Desk, view: &View, mut cursor: Cursor, changes: &[Change]) -> Reply {
    let limit = desk.limit(Some(&cursor.limit.to_string()), USUAL as usize, MOST as usize);
    let some = &changes[..changes.len().min(limit)];
    let paths: BTreeSet<String> = some
        .iter()
        .flat_map(|change| touched(view, change))
        .filter(|path| inside(view, &cursor, path))
        .collect();
    let mut entries: Vec<Value> = Vec::new();
    let mut ended: Vec<&str> = Vec::new();
    for path in &paths {
        let is_below = |above: &&str| path.strip_prefix(*above).is_some_and(|rest| rest.starts_with('/'));
        match view.at(path).as_slice() {
            [] if ended.iter().any(is_below) => {}
            [] => {
                ended.push(path);
                let name = path.rsplit('/').next().unwrap_or_default();
                entries.push(json!({
                    ".tag": "deleted", "name": name, "path_lower": path, "path_display": path,
                }));
            }
            there => entries.extend(there.iter().map(|thing| view.metadata(thing))),
        }
    }
    cursor.at += some.len() as u64;
    answer(entries, &cursor, some.len() < changes.len())
}

/// The paths whose state a change has changed.
fn touched(view: &View, change: &Change) -> Vec<String> {
    let mut paths: Vec<String> = before(view, change).into_iter().collect();
    let contents = view.contents;
    if let Some(thing) = contents.get(&change.id).filter(|thing| view.sees(thing)) {
        paths.push(view.path(thing));
        // What is in a folder that got another path has got one, too.
        if !matches!(change.what, What::Added) && thing.kind == "folder" {
            let below = contents.iter().filter(|it| contents.above(it).any(|above| above.id == thing.id));
            paths.extend(below.filter(|it| view.sees(it)).map(|it| view.path(it)));
        }
    }
    paths
}

/// The path that a change took something away from.
pub fn before(view: &View, change: &Change) -> Option<String> {
    let thing = &change.thing;
    let (parent, name) = match &change.what {
        What::Edited => (thing.parent.as_deref(), change.was.as_deref()?),
        What::Moved { from } => (from.as_deref(), thing.name.as_str()),
        What::Removed | What::Unpublished => (thing.parent.as_deref(), thing.name.as_str()),
        What::Added | What::Published => return None,
    };
    Some(view.path_below(parent, name))
}

fn inside(view: &View, cursor: &Cursor, path: &str) -> bool {
    let Some(folder) = view.contents.get(&cursor.folder) else { return cursor.folder.is_empty() };
    let Some(rest) = path.strip_prefix(&view.path(folder)) else { return false };
    rest.starts_with('/') && (cursor.recursive || rest.rfind('/') == Some(0))
}

fn answer(entries: Vec<Value>, cursor: &Cursor, has_more: bool) -> Reply {
    Reply::json(200, &json!({ "entries": entries, "cursor": cursor.text(), "has_more": has_more }))
}

pub fn get_metadata(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let (view, arguments) = match (View::of(request, &contents), files::arguments(request)) {
        (Err(refusal), _) | (_, Err(refusal)) => return Ok(refusal),
        (Ok(view), Ok(arguments)) => (view, arguments),
    };
    Ok(match arguments["path"].as_str() {
        None => files::bad("path: missing"),
        Some("") => files::bad("path: The root folder is unsupported."),
        Some(path) => match view.find(path) {
            Err(refusal) => refusal,
            Ok(thing) => Reply::json(200, &view.metadata(thing)),
        },
    })
}

/// Those of the path: also of files that are no longer there.
pub fn list_revisions(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    let (view, arguments) = match (View::of(request, &contents), files::arguments(request)) {
        (Err(refusal), _) | (_, Err(refusal)) => return Ok(refusal),
        (Ok(view), Ok(arguments)) => (view, arguments),
    };
    let Some(path) = arguments["path"].as_str().filter(|path| path.starts_with('/')) else {
        return Ok(files::bad("path: did not match pattern"));
    };
    let limit = match &arguments["limit"] {
        Value::Null => 10,
        limit => match limit.as_u64().filter(|limit| (1..=100).contains(limit)) {
            Some(limit) => limit as usize,
            None => return Ok(files::bad("limit: not within 1 and 100")),
        },
    };
    let path = path.to_lowercase();
    let there = view.at(&path);
    let was_there = |change: &&Change| before(&view, change).is_some_and(|was| was == path);
    let past: Vec<&Thing> =
        contents.remembered().iter().rev().filter(was_there).map(|change| &change.thing).collect();
    let all: Vec<&Thing> = there.iter().copied().chain(past).collect();
    if all.first().is_some_and(|thing| thing.kind == "folder") {
        return Ok(files::refused(&["path", "not_file"]));
    }
    let revisions: Vec<Value> = all
        .iter()
        .filter(|thing| thing.kind == "file")
        .map(|thing| {
            let mut revision = view.metadata(thing);
            (revision["path_lower"], revision["path_display"]) = (json!(path), json!(path));
            revision
        })
        .collect();
    if revisions.is_empty() {
        return Ok(files::refused(&["path", "not_found"]));
    }
    let has_more = revisions.len() > limit;
    let entries: Vec<_> = revisions.into_iter().take(limit).collect();
    let deleted = there.is_empty();
    Ok(Reply::json(200, &json!({ "is_deleted": deleted, "entries": entries, "has_more": has_more })))
}
