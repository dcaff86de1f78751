//! The history: what came, what went, and labels that were put on and taken off.

use serde_json::{Value, json};

use super::messages::{every, labels, named};
use super::{LIST_MOST, LIST_USUAL, allowed, bad, first_history, not_found};
use crate::contents::{Change, State, What};
use crate::desk::Desk;
use crate::providers::Answer;
use crate::providers::google::{self, Fields};
use crate::wire::Request;

const TYPES: [&str; 4] = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];

pub fn list(desk: &Desk, request: &Request) -> Answer {
    let person = match allowed(desk, request)? {
        Ok(person) => person,
        Err(refused) => return Ok(refused),
    };
    let fields = match Fields::of(request, "*") {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let Some(start) = request.query("startHistoryId") else {
        let words = "Missing startHistoryId";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    };
    // Several types are several parameters; a comma makes them none.
    let types: Vec<&str> = every(request, "historyTypes").collect();
    if types.iter().any(|one| !TYPES.contains(one)) {
        return Ok(bad("historyTypes"));
    }
    let first = first_history(person);
    let number = |text: &str| text.parse().ok().and_then(|number: u64| number.checked_sub(first));
    let Some(from) = number(request.query("pageToken").unwrap_or(start)) else {
        return Ok(bad("startHistoryId"));
    };
    let contents = desk.contents();
    let Ok(since) = contents.since(from) else { return Ok(not_found()) };
    let limit = desk.limit(request.query("maxResults"), LIST_USUAL, LIST_MOST);
    let wanted = |one: &str| types.is_empty() || types.contains(&one);
    let mut records = since.iter().filter_map(|change| {
        let record = record(change, first)?;
        wanted(record.0).then_some((change.position, record.1))
    });
    let page: Vec<(u64, Value)> = records.by_ref().take(limit).collect();
    let mut reply = json!({ "historyId": (first + contents.now_at()).to_string() });
    if records.next().is_some()
        && let Some((last, _)) = page.last()
    {
        reply["nextPageToken"] = json!((first + last).to_string());
    }
    if !page.is_empty() {
        reply["history"] = page.into_iter().map(|(_, record)| record).collect();
    }
    Ok(fields.reply(reply))
}

/// The type of a change and its record; none for what Gmail does not tell, such as a label's new name.
fn record(change: &Change, first: u64) -> Option<(&'static str, Value)> {
    let thing = &change.thing;
    if thing.kind != "message" {
        return None;
    }
    let mut message = named(thing);
    message["labelIds"] = json!(labels(thing));
    let mut record = json!({ "id": (first + change.position).to_string(), "messages": [named(thing)] });
    let hidden = match thing.state {
        State::Draft => "DRAFT",
        State::Private => "SPAM",
        _ => "TRASH",
    };
    let (kind, key, about) = match &change.what {
        What::Added => ("messageAdded", "messagesAdded", json!({ "message": message })),
        What::Removed => ("messageDeleted", "messagesDeleted", json!({ "message": message })),
        What::Unpublished => {
            ("labelAdded", "labelsAdded", json!({ "message": message, "labelIds": [hidden] }))
        }
        What::Published => {
            ("labelRemoved", "labelsRemoved", json!({ "message": message, "labelIds": ["TRASH"] }))
        }
        What::Moved { .. } => {
            ("labelAdded", "labelsAdded", json!({ "message": message, "labelIds": [thing.parent] }))
        }
        // What was sent stays as it is.
        What::Edited => return None,
    };
    record[key] = json!([about]);
    Some((kind, record))
}
