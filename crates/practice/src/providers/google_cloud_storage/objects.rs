//! The objects of a bucket: their list in the order of the names, and their contents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{CLOSED, FULL, GZIP, MARKER, OPEN, OWNER, PAID, denied};
use crate::contents::{Contents, State, Thing};
use crate::dates;
use crate::desk::Desk;
use crate::people::Person;
use crate::providers::Answer;
use crate::providers::google::{self, Fields};
use crate::wire::{Reply, Request};

/// The person may look into the bucket, or what is said instead.
fn open(
    desk: &Desk,
    request: &Request,
    what: &str,
) -> Result<Result<&'static Person, Reply>, crate::Problem> {
    let person = google::allowed(desk, request, &["devstorage.read_only"])?.person();
    let bucket = request.capture("bucket");
    if bucket == PAID && request.query("userProject").is_none() {
        let words = "Bucket is a requester pays bucket but no user project provided.";
        return Ok(Err(google::api_error(400, "required", words, "INVALID_ARGUMENT")));
    }
    if bucket == CLOSED && person.id != OWNER {
        return Ok(Err(denied(person.email, &format!("{what} access to the Google Cloud Storage bucket."))));
    }
    if ![CLOSED, PAID].contains(&bucket) && !OPEN.contains(&bucket) {
        let words = "The specified bucket does not exist.";
        return Ok(Err(google::api_error(404, "notFound", words, "NOT_FOUND")));
    }
    Ok(Ok(person))
}

/// What a list has: an object, or the part of names up to a delimiter.
enum Entry<'a> {
    Object(&'a Thing),
    Prefix(&'a str),
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Entry::Object(thing) => &thing.id,
            Entry::Prefix(name) => name,
        }
    }
}

pub fn list(desk: &Desk, request: &Request) -> Answer {
    if let Err(refused) = open(desk, request, "storage.objects.list")? {
        return Ok(refused);
    }
    let fields = match Fields::of(request, "*") {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let token = request.query("pageToken");
    let Some(after) = token.map_or(Some(String::new()), read_token) else {
        return Ok(google::api_error(400, "invalid", "Invalid argument.", "INVALID_ARGUMENT"));
    };
    // More than the most is taken for the most.
    let limit = desk.limit(request.query("maxResults"), 1000, 1000);
    let contents = desk.contents();
    let entries = entries(
        &contents,
        request.capture("bucket"),
        request.query("prefix").unwrap_or_default(),
        request.query("delimiter").filter(|it| !it.is_empty()),
    );
    let from = entries.partition_point(|entry| entry.name() <= after.as_str());
    let page = &entries[from..entries.len().min(from + limit)];
    let (mut items, mut prefixes) = (Vec::new(), Vec::new());
    for entry in page {
        match entry {
            Entry::Object(thing) => items.push(shown(request.capture("bucket"), thing)),
            Entry::Prefix(name) => prefixes.push(json!(name)),
        }
    }
    let mut reply = json!({ "kind": "storage#objects" });
    if from + page.len() < entries.len()
        && let Some(last) = page.last()
    {
        reply["nextPageToken"] = json!(STANDARD.encode(last.name()));
    }
    // Lists without entries are left out.
    for (name, list) in [("items", items), ("prefixes", prefixes)] {
        if !list.is_empty() {
            reply[name] = Value::Array(list);
        }
    }
    Ok(fields.reply(reply))
}

fn read_token(token: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()
}

fn is_object(thing: &Thing) -> bool {
    thing.state == State::Published && (thing.kind == "file" || !thing.extra(MARKER).is_empty())
}

fn entries<'a>(
    contents: &'a Contents,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
) -> Vec<Entry<'a>> {
    let all =
        contents.iter().filter(|thing| bucket == FULL && is_object(thing) && thing.id.starts_with(prefix));
    let mut objects: Vec<_> = all.collect();
    objects.sort_by(|one, other| one.id.cmp(&other.id));
    let mut entries: Vec<Entry> = Vec::new();
    for thing in objects {
        let cut = delimiter.and_then(|it| Some(prefix.len() + thing.id[prefix.len()..].find(it)? + it.len()));
        match cut.map(|end| &thing.id[..end]) {
            Some(name) if entries.last().is_some_and(|last| last.name() == name) => {}
            Some(name) => entries.push(Entry::Prefix(name)),
            None => entries.push(Entry::Object(thing)),
        }
    }
    entries
}

/// 64-bit numbers are written as text. A generation is a time in microseconds.
fn shown(bucket: &str, thing: &Thing) -> Value {
    let (id, generation) = (&thing.id, generation(thing));
    let marker = thing.kind == "folder";
    let mut object = json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{id}/{generation}"),
        "name": id,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "contentType": if marker { "application/x-www-form-urlencoded;charset=UTF-8" } else { thing.media_type() },
        "storageClass": "STANDARD",
        "size": if marker { "0".to_owned() } else { thing.size().to_string() },
        "etag": format!("CK{generation}EAE="),
        "timeCreated": time(thing.created),
        "updated": time(thing.modified),
    });
    if !thing.extra(GZIP).is_empty() {
        object["contentEncoding"] = json!("gzip");
    }
    object
}

fn time(at: u64) -> String {
    dates::iso(at).replace('Z', ".512Z")
}

fn generation(thing: &Thing) -> String {
    (thing.modified * 1_000_000 + thing.revision).to_string()
}

pub fn object(desk: &Desk, request: &Request) -> Answer {
    if let Err(refused) = open(desk, request, "storage.objects.get")? {
        return Ok(refused);
    }
    let (bucket, name) = (request.capture("bucket"), request.capture("object"));
    let contents = desk.contents();
    let found = contents.get(name).filter(|thing| bucket == FULL && is_object(thing));
    let found = found.filter(|thing| request.query("generation").is_none_or(|it| it == generation(thing)));
    let Some(thing) = found else {
        let words = format!("No such object: {bucket}/{name}");
        return Ok(google::api_error(404, "notFound", &words, "NOT_FOUND"));
    };
    if request.query("alt") != Some("media") {
        return Ok(match Fields::of(request, "*") {
            Ok(fields) => fields.reply(shown(bucket, thing)),
            Err(reply) => reply,
        });
    }
    // One that is stored as gzip is unpacked on the way, unless the client takes gzip.
    let reply = Reply { body: thing.bytes(), ..Reply::empty(200) };
    Ok(reply.header("content-type", thing.media_type()).header("x-goog-generation", &generation(thing)))
}
