//! The logs of changes: the account's, and each shared drive's.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::files::{invalid, shown};
use super::{allowed, drive_of, root};
use crate::contents::{Contents, State, Thing};
use crate::dates;
use crate::desk::Desk;
use crate::providers::google::{self, Fields};
use crate::providers::{Answer, google_drive};
use crate::wire::{Reply, Request};

/// What numbers of changes begin at.
const FIRST: u64 = 40_001;
const USUAL: &str = "kind,nextPageToken,newStartPageToken,\
    changes(kind,removed,fileId,changeType,time,driveId,drive(kind,id,name),file(kind,id,name,mimeType))";

pub fn start(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let contents = desk.contents();
    if let Some(refused) = unknown_drive(&contents, request) {
        return Ok(refused);
    }
    let token = (FIRST + contents.now_at()).to_string();
    Ok(Reply::json(200, &json!({ "kind": "drive#startPageToken", "startPageToken": token })))
}

fn unknown_drive(contents: &Contents, request: &Request) -> Option<Reply> {
    let drive = request.query("driveId").filter(|drive| !drive.is_empty())?;
    if request.query("supportsAllDrives") != Some("true") {
        return Some(invalid("driveId"));
    }
    let known = contents.get(drive).is_some_and(|it| it.kind == "drive" && it.state == State::Published);
    let words = format!("Shared drive not found: {drive}");
    (!known).then(|| google::api_error(404, "notFound", &words, "NOT_FOUND"))
}

pub fn list(desk: &Desk, request: &Request) -> Answer {
    let grant = allowed(desk, request)?;
    let fields = match Fields::of(request, USUAL) {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let limit = match google_drive::page_size(desk, request, 100, 1000) {
        Ok(limit) => limit,
        Err(reply) => return Ok(reply),
    };
    let Some(token) = request.query("pageToken") else {
        let words = "Required parameter: pageToken";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    };
    let contents = desk.contents();
    if let Some(refused) = unknown_drive(&contents, request) {
        return Ok(refused);
    }
    let position = token.parse().ok().and_then(|token: u64| token.checked_sub(FIRST));
    let Some(Ok(since)) = position.map(|position| contents.since(position)) else {
        return Ok(invalid("pageToken"));
    };
    let drive = request.query("driveId").unwrap_or_default();
    let says = |name: &str| request.query(name).map(|it| it == "true");
    let every_drive =
        says("includeItemsFromAllDrives") == Some(true) && says("supportsAllDrives") == Some(true);
    // A newer entry replaces the older one for the same thing.
    let mut later = HashSet::new();
    let mut entries: Vec<_> = since.iter().rev().filter(|change| later.insert(change.id.as_str())).collect();
    entries.reverse();
    entries.retain(|change| {
        let now = contents.get(&change.id);
        let own = drive_of(&contents, now.unwrap_or(&change.thing));
        let kept = match (change.thing.kind, drive) {
            ("drive", "") => every_drive,
            ("drive", _) => false,
            _ => own == drive,
        };
        kept && (now.is_some() || says("includeRemoved") != Some(false))
    });
    let root = root(&grant);
    let inside = fields.inside("changes").inside("file");
    let changes: Vec<Value> = entries
        .iter()
        .take(limit)
        .map(|change| entry(&contents, &change.thing, &dates::iso(change.at), &root, &inside))
        .collect();
    let mut reply = json!({ "kind": "drive#changeList", "changes": changes });
    match entries.get(limit.wrapping_sub(1)).filter(|_| entries.len() > limit) {
        Some(last) => reply["nextPageToken"] = json!((FIRST + last.position).to_string()),
        None => reply["newStartPageToken"] = json!((FIRST + contents.now_at()).to_string()),
    }
    Ok(fields.reply(reply))
}

fn entry(contents: &Contents, thing: &Thing, at: &str, root: &str, fields: &Fields) -> Value {
    let now = contents.get(&thing.id);
    let mut entry = json!({ "kind": "drive#change", "time": at, "removed": now.is_none() });
    if thing.kind == "drive" {
        entry["changeType"] = json!("drive");
        entry["driveId"] = json!(thing.id);
        if let Some(now) = now.filter(|it| it.state == State::Published) {
            entry["drive"] = drive(now);
        } else {
            entry["removed"] = json!(true);
        }
        return entry;
    }
    entry["changeType"] = json!("file");
    entry["fileId"] = json!(thing.id);
    if let Some(now) = now {
        entry["file"] = shown(contents, now, root, fields);
    }
    entry
}

pub fn drive(thing: &Thing) -> Value {
    json!({ "kind": "drive#drive", "id": thing.id, "name": thing.name })
}
