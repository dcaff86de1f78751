//! Messages: their list, newest first, and each in the formats `minimal`, `metadata`, `full` and `raw`.

use std::cmp::Reverse;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};

use super::{LABELS, LIST_MOST, LIST_USUAL, THREAD, allowed, bad, not_found, numbered};
use crate::contents::{State, Thing};
use crate::desk::Desk;
use crate::providers::Answer;
use crate::providers::google::{self, Fields};
use crate::wire::Request;

/// What the message is labelled with; one that stands below a label has it.
pub fn labels(thing: &Thing) -> Vec<&str> {
    let state = match thing.state {
        State::Published => None,
        State::Draft => Some("DRAFT"),
        State::Private => Some("SPAM"),
        State::Trashed => Some("TRASH"),
    };
    let more = thing.extra(LABELS).split(' ').filter(|label| !label.is_empty());
    thing.parent.as_deref().into_iter().chain(more).chain(state).collect()
}

pub fn list(desk: &Desk, request: &Request) -> Answer {
    if let Err(refused) = allowed(desk, request)? {
        return Ok(refused);
    }
    let fields = match Fields::of(request, "*") {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let grant = desk.bearer(request)?.grant;
    if request.query("q").is_some() && !grant.has_scope("https://www.googleapis.com/auth/gmail.readonly") {
        let words = "Metadata scope does not support 'q' parameter";
        return Ok(google::api_error(403, "forbidden", words, "PERMISSION_DENIED"));
    }
    let Some(after) = numbered(request, "pageToken", u64::MAX) else { return Ok(bad("pageToken")) };
    let limit = desk.limit(request.query("maxResults"), LIST_USUAL, LIST_MOST);
    let contents = desk.contents();
    let wanted: Vec<&str> = every(request, "labelIds").collect();
    let spam_too = request.query("includeSpamTrash") == Some("true");
    let is_meant = |thing: &&Thing| {
        let labels = labels(thing);
        let hidden = labels.iter().any(|it| ["SPAM", "TRASH"].contains(it));
        thing.kind == "message"
            && (spam_too || !hidden || wanted.iter().any(|it| ["SPAM", "TRASH"].contains(it)))
            && wanted.iter().all(|it| labels.contains(it))
            && request.query("q").is_none_or(|query| fits(thing, &labels, query))
    };
    let mut all: Vec<&Thing> = contents.iter().filter(is_meant).collect();
    all.sort_by_key(|thing| Reverse(order(thing)));
    let from = all.partition_point(|thing| order(thing) >= after);
    let page = &all[from..all.len().min(from + limit)];
    let mut reply = json!({ "resultSizeEstimate": all.len() });
    if !page.is_empty() {
        reply["messages"] = page.iter().map(|thing| named(thing)).collect();
    }
    if from + page.len() < all.len()
        && let Some(last) = page.last()
    {
        reply["nextPageToken"] = json!(order(last).to_string());
    }
    Ok(fields.reply(reply))
}

/// The time, and something of the id, by which no two are alike.
fn order(thing: &Thing) -> u64 {
    let of_id = thing.id.get(8..16).and_then(|id| u64::from_str_radix(id, 16).ok()).unwrap_or_default();
    (thing.created << 24) | (of_id & 0xff_ffff)
}

pub fn every<'r>(request: &'r Request, name: &'r str) -> impl Iterator<Item = &'r str> {
    request.query.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// As much of Gmail's search as a reading client needs (support.google.com/mail/answer/7190); a word is looked for in the
/// subject. Every mail here has an attachment.
fn fits(thing: &Thing, labels: &[&str], query: &str) -> bool {
    terms(query).iter().map(String::as_str).all(|word| {
        let (not, word) = word.strip_prefix('-').map_or((false, word), |word| (true, word));
        let is = match word.split_once(':') {
            Some(("in" | "is", place)) => {
                let label = place.trim_end_matches('s').to_uppercase();
                labels.contains(&label.as_str())
            }
            Some((side @ ("from" | "to"), whom)) => {
                let name = if side == "from" { "From" } else { "To" };
                let whom = whom.to_lowercase();
                headers(thing, |it| it == name)
                    .iter()
                    .any(|it| it["value"].as_str().is_some_and(|value| value.to_lowercase().contains(&whom)))
            }
            Some(("has", "attachment")) => true,
            Some(("has", "nouserlabels")) => !labels.iter().any(|label| label.starts_with("Label_")),
            _ => thing.name.to_lowercase().contains(&word.to_lowercase()),
        };
        is != not
    })
}

/// The terms of a search, which blanks part except between quotation marks.
fn terms(query: &str) -> Vec<String> {
    let (mut all, mut quoted) = (vec![String::new()], false);
    for letter in query.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => all.push(String::new()),
            _ => all.iter_mut().last().into_iter().for_each(|term| term.push(letter)),
        }
    }
    all.retain(|term| !term.is_empty());
    all
}

/// As lists and history name it.
pub fn named(thing: &Thing) -> Value {
    json!({ "id": thing.id, "threadId": thread(thing) })
}

fn thread(thing: &Thing) -> &str {
    if thing.extra(THREAD).is_empty() { &thing.id } else { thing.extra(THREAD) }
}

pub fn message(desk: &Desk, request: &Request) -> Answer {
    let person = match allowed(desk, request)? {
        Ok(person) => person,
        Err(refused) => return Ok(refused),
    };
    let fields = match Fields::of(request, "*") {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let contents = desk.contents();
    let Some(thing) = contents.get(request.capture("id")).filter(|it| it.kind == "message") else {
        return Ok(not_found());
    };
    let format = request.query("format").unwrap_or("full").to_lowercase();
    if matches!(format.as_str(), "full" | "raw") {
        google::allowed(desk, request, &["gmail.readonly"])?;
    }
    let raw = raw(thing);
    let mut message = named(thing);
    message["labelIds"] = json!(labels(thing));
    message["snippet"] = json!(thing.words().chars().take(100).collect::<String>());
    message["historyId"] = json!((super::first_history(person) + contents.now_at()).to_string());
    message["internalDate"] = json!((thing.created * 1000).to_string());
    message["sizeEstimate"] = json!(raw.len());
    match format.as_str() {
        "minimal" => {}
        "raw" => message["raw"] = json!(URL_SAFE.encode(&raw)),
        "metadata" => {
            let only: Vec<&str> = every(request, "metadataHeaders").collect();
            let wanted = |name: &str| only.is_empty() || only.iter().any(|it| it.eq_ignore_ascii_case(name));
            message["payload"] =
                json!({ "partId": "", "mimeType": "multipart/mixed", "headers": headers(thing, wanted) });
        }
        "full" => {
            let text = json!({
                "partId": "0",
                "mimeType": "text/plain",
                "body": { "size": thing.words().len(), "data": URL_SAFE.encode(thing.words()) },
            });
            message["payload"] = json!({
                "partId": "", "mimeType": "multipart/mixed", "headers": headers(thing, |_| true), "parts": [text],
            });
        }
        _ => return Ok(bad("format")),
    }
    Ok(fields.reply(message))
}

fn headers(thing: &Thing, wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let raw = String::from_utf8_lossy(&thing.bytes()).into_owned();
    let head = raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| {
            let value = if name == "Subject" { thing.name.as_str() } else { value };
            json!({ "name": name, "value": value })
        })
        .collect()
}

/// The MIME message, whose subject is the thing's name.
fn raw(thing: &Thing) -> Vec<u8> {
    let made = String::from_utf8_lossy(&thing.bytes()).into_owned();
    let (Some(start), Some(end)) = (made.find("Subject: "), made.find("\r\nDate: ")) else {
        return made.into_bytes();
    };
    let letters: Vec<char> = thing.name.chars().collect();
    let words = letters.chunks(10).map(|some| {
        let some: String = some.iter().collect();
        format!("=?utf-8?B?{}?=", STANDARD.encode(some))
    });
    let subject = words.collect::<Vec<_>>().join("\r\n ");
    [&made[..start], "Subject: ", &subject, &made[end..]].concat().into_bytes()
}
