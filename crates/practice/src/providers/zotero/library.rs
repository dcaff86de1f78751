//! The requests that list and read libraries (zotero.org/support/dev/web_api/v3/basics and
//! …/syncing, zotero/dataserver). Each library counts its own changes. Zotero never forgets what was deleted; where the
//! journal here has been cut, everything counts as changed since.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::key_holder;
use super::shelf::{OWN, group_of, key_of};
use crate::contents::{Contents, Format, State, Thing, What};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::grants::Grant;
use crate::providers::Answer;
use crate::rules::{Alphabet, Shape};
use crate::wire::{Reply, Request};

/// Where files lie, of which an address is good for so many seconds. The name is seen in Zotero's clients.
pub const STORAGE: &str = "zoterofilestorage.s3.amazonaws.com";
const GOOD: u64 = 60;

/// A library, as somebody may read it.
struct Library {
    /// `library`, or the group's number.
    id: String,
    /// `/users/1234567` or `/groups/2345678`.
    path: String,
}

impl Library {
    fn open(desk: &Desk, request: &Request, contents: &Contents) -> Result<(Library, Grant), Problem> {
        let (_, grant) = key_holder(desk, request)?;
        let (user, group) = (request.capture("user"), request.capture("group"));
        let allowed = if group.is_empty() {
            user == grant.person().digits("ZOTERO", 7) && grant.has_scope("library")
        } else {
            let there =
                contents.get(group).is_some_and(|it| it.kind == "group" && it.state == State::Published);
            there && ["groups:read", "groups:write"].iter().any(|scope| grant.has_scope(scope))
        };
        if !allowed {
            return Err(Problem::ScopeMissing);
        }
        let library = match group {
            "" => Library { id: OWN.to_owned(), path: format!("/users/{user}") },
            group => Library { id: group.to_owned(), path: format!("/groups/{group}") },
        };
        Ok((library, grant))
    }

    fn holds(&self, thing_id: &str) -> bool {
        thing_id != self.id && group_of(thing_id).unwrap_or(OWN) == self.id
    }

    fn thing<'c>(&self, contents: &'c Contents, key: &str) -> Option<&'c Thing> {
        let id = if self.id == OWN { key.to_owned() } else { format!("{}_{key}", self.id) };
        contents.get(&id).filter(|it| self.holds(&it.id))
    }

    fn json(&self) -> Value {
        let kind = if self.id == OWN { "user" } else { "group" };
        let id: u64 = self.path.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default();
        json!({ "type": kind, "id": id, "name": self.id })
    }
}

/// The counts of changes.
struct Versions {
    first: u64,
    things: HashMap<String, u64>,
}

impl Versions {
    fn of(contents: &Contents) -> Versions {
        let start =
            (0..=contents.now_at()).find(|at| contents.since(*at).is_ok()).unwrap_or(contents.now_at());
        let changes = contents.since(start).unwrap_or_default();
        let things = changes.iter().map(|change| (change.id.clone(), change.position + 1)).collect();
        Versions { first: start + 1, things }
    }

    fn thing(&self, id: &str) -> u64 {
        self.things.get(id).copied().unwrap_or(self.first)
    }

    fn library(&self, library: &Library) -> u64 {
        let changed = self.things.iter().filter(|(id, _)| library.holds(id) || **id == library.id);
        changed.map(|(_, version)| *version).max().unwrap_or(self.first)
    }
}

fn number(request: &Request, name: &str) -> Option<u64> {
    request.query(name)?.parse().ok()
}

/// What every answer about a library says of it.
fn headed(reply: Reply, version: u64) -> Reply {
    reply.header("zotero-api-version", "3").header("last-modified-version", &version.to_string())
}

pub fn groups(desk: &Desk, request: &Request) -> Answer {
    let (_, grant) = key_holder(desk, request)?;
    if request.capture("user") != grant.person().digits("ZOTERO", 7) {
        return Err(Problem::ScopeMissing);
    }
    let contents = desk.contents();
    let all: Vec<&Thing> =
        contents.children(None).filter(|it| it.kind == "group" && it.state == State::Published).collect();
    let show = |it: &Thing| {
        let id: u64 = it.id.parse().unwrap_or_default();
        json!({ "id": id, "version": it.revision, "links": {}, "meta": {}, "data": {
            "id": id, "version": it.revision, "name": it.name, "type": "Private", "libraryReading": "members",
        } })
    };
    // Now and then Zotero asks for a moment's rest, whatever else it says.
    Ok(paged(desk, request, &all, show)?.header("backoff", "1").header("zotero-api-version", "3"))
}

/// A page by `start` and `limit`, 25 unless asked and 100 at most.
fn paged(desk: &Desk, request: &Request, all: &[&Thing], show: impl Fn(&Thing) -> Value) -> Answer {
    let start = usize::try_from(number(request, "start").unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = desk.limit(request.query("limit"), 25, 100);
    let page: Vec<_> = all.iter().skip(start).take(limit).map(|it| show(it)).collect();
    let mut reply = Reply::json(200, &json!(page)).header("total-results", &all.len().to_string());
    if start.saturating_add(limit) < all.len() {
        let others = request.query.iter().filter(|(name, _)| name != "start");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair("start", &(start + limit).to_string());
        let next = format!("<https://api.zotero.org{}?{}>; rel=\"next\"", request.path, query.finish());
        reply = reply.header("link", &next);
    }
    Ok(reply)
}

pub fn collections(desk: &Desk, request: &Request) -> Answer {
    listed(desk, request, |_, it| it.kind == "collection")
}

pub fn top_collections(desk: &Desk, request: &Request) -> Answer {
    listed(desk, request, |library, it| it.kind == "collection" && it.parent.as_deref() == Some(&library.id))
}

pub fn collections_below(desk: &Desk, request: &Request) -> Answer {
    listed(desk, request, |_, it| it.kind == "collection" && is_below(it, request.capture("key")))
}

fn is_item(thing: &Thing) -> bool {
    matches!(thing.kind, "reference" | "note" | "attachment")
}

fn is_below(thing: &Thing, key: &str) -> bool {
    thing.parent.as_deref().is_some_and(|parent| key_of(parent) == key)
}

pub fn items(desk: &Desk, request: &Request) -> Answer {
    listed(desk, request, |_, it| is_item(it))
}

pub fn top_items(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    listed(desk, request, |_, it| is_item(it) && !stands_below_item(&contents, it))
}

pub fn items_in_collection(desk: &Desk, request: &Request) -> Answer {
    listed(desk, request, |_, it| is_item(it) && is_below(it, request.capture("key")))
}

fn stands_below_item(contents: &Contents, thing: &Thing) -> bool {
    thing.parent.as_deref().and_then(|parent| contents.get(parent)).is_some_and(is_item)
}

fn listed(desk: &Desk, request: &Request, pick: impl Fn(&Library, &Thing) -> bool) -> Answer {
    let contents = desk.contents();
    let (library, grant) = Library::open(desk, request, &contents)?;
    let versions = Versions::of(&contents);
    let version = versions.library(&library);
    let unchanged = request.header("if-modified-since-version").and_then(|it| it.parse::<u64>().ok());
    if unchanged.is_some_and(|known| version <= known) {
        return Ok(headed(Reply::empty(304), version));
    }
    let since = number(request, "since").unwrap_or(0);
    let trash = request.query("includeTrashed") == Some("1");
    let keys: Option<Vec<&str>> = request.query("itemKey").map(|keys| keys.split(',').take(50).collect());
    let mut all: Vec<&Thing> = contents
        .iter()
        .filter(|it| library.holds(&it.id) && pick(&library, it))
        .filter(|it| it.state == State::Published || trash && it.state == State::Trashed)
        .filter(|it| grant.has_scope("notes") || it.kind != "note")
        .filter(|it| versions.thing(&it.id) > since || since == 0)
        .filter(|it| keys.as_ref().is_none_or(|keys| keys.contains(&key_of(&it.id))))
        .collect();
    match request.query("sort").unwrap_or("dateModified") {
        "dateAdded" => all.sort_by_key(|it| it.created),
        "title" => all.sort_by_key(|it| &it.name),
        _ => all.sort_by_key(|it| it.modified),
    }
    if request.query("direction").unwrap_or("desc") == "desc" {
        all.reverse();
    }
    match request.query("format") {
        Some("versions") => {
            let all: serde_json::Map<_, _> =
                all.iter().map(|it| (key_of(&it.id).to_owned(), json!(versions.thing(&it.id)))).collect();
            Ok(headed(Reply::json(200, &Value::Object(all)), version))
        }
        Some("keys") => {
            let keys: Vec<_> = all.iter().map(|it| key_of(&it.id)).collect();
            Ok(headed(Reply::text(200, &keys.join("\n")), version))
        }
        _ => Ok(headed(paged(desk, request, &all, |it| shown(&contents, &library, &versions, it))?, version)),
    }
}

fn shown(contents: &Contents, library: &Library, versions: &Versions, thing: &Thing) -> Value {
    let key = key_of(&thing.id);
    let version = versions.thing(&thing.id);
    let children = || contents.children(Some(&thing.id)).filter(|it| it.state == State::Published);
    let mut data = json!({ "key": key, "version": version });
    if thing.state == State::Trashed {
        data["deleted"] = json!(1);
    }
    let parent = thing.parent.as_deref().unwrap_or_default();
    let mut meta = json!({});
    let what = if thing.kind == "collection" {
        data["name"] = json!(thing.name);
        data["parentCollection"] = if parent == library.id { json!(false) } else { json!(key_of(parent)) };
        meta["numCollections"] = json!(children().filter(|it| it.kind == "collection").count());
        meta["numItems"] = json!(children().filter(|it| it.kind != "collection").count());
        "collections"
    } else {
        if stands_below_item(contents, thing) {
            data["parentItem"] = json!(key_of(parent));
        } else {
            data["collections"] = if parent == library.id { json!([]) } else { json!([key_of(parent)]) };
        }
        data["dateAdded"] = json!(dates::iso(thing.created));
        data["dateModified"] = json!(dates::iso(thing.modified));
        data["tags"] = json!([]);
        data["relations"] = json!({});
        fill(&mut data, thing);
        if thing.kind == "reference" {
            meta = json!({ "creatorSummary": "Okafor and Lind", "parsedDate": "2024", "numChildren": children().count() });
        }
        "items"
    };
    let place = format!("{}/{what}/{key}", library.path);
    json!({
        "key": key,
        "version": version,
        "library": library.json(),
        "links": {
            "self": { "href": format!("https://api.zotero.org{place}"), "type": "application/json" },
            "alternate": { "href": format!("https://www.zotero.org{place}"), "type": "text/html" },
        },
        "meta": meta,
        "data": data,
    })
}

fn fill(data: &mut Value, thing: &Thing) {
    let more = match thing.kind {
        "reference" => json!({
            "itemType": if thing.created.is_multiple_of(3) { "book" } else { "journalArticle" },
            "title": thing.name,
            "creators": [
                { "creatorType": "author", "firstName": "Amara", "lastName": "Okafor" },
                { "creatorType": "author", "name": "Acme Research Group" },
            ],
            "abstractNote": thing.words(),
            "publicationTitle": "Journal of Practice",
            "date": dates::iso(thing.created)[..10],
            "DOI": format!("10.5555/{}", thing.created),
            "url": "",
            "extra": "",
        }),
        "note" => json!({ "itemType": "note", "note": thing.html() }),
        _ => {
            let link = thing.extra("link");
            let mut more = json!({
                "itemType": "attachment", "linkMode": link, "title": thing.name, "accessDate": "", "note": "",
                "contentType": thing.media_type(), "charset": "",
            });
            if link == "linked_url" {
                more["url"] = json!("https://acme.example/paper");
            } else {
                more["filename"] = json!(thing.name);
            }
            if link.starts_with("imported") {
                more["md5"] = json!(md5(thing));
                more["mtime"] = json!(thing.modified * 1000);
            }
            more
        }
    };
    for (key, value) in more.as_object().into_iter().flatten() {
        data[key] = value.clone();
    }
}

/// Stands in for the file's sum: it differs when the file does.
fn md5(thing: &Thing) -> String {
    let hex: String = thing.token().bytes().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}{:08x}", thing.revision)
}

/// One item.
pub fn item(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (library, _) = Library::open(desk, request, &contents)?;
    let versions = Versions::of(&contents);
    match library.thing(&contents, request.capture("key")).filter(|it| is_item(it)) {
        Some(thing) => {
            let body = shown(&contents, &library, &versions, thing);
            Ok(headed(Reply::json(200, &body), versions.thing(&thing.id)))
        }
        None => Ok(Reply::text(404, "Item does not exist")),
    }
}

/// Keys of what was deleted for good after a version, which has to be said.
pub fn deleted(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (library, _) = Library::open(desk, request, &contents)?;
    let versions = Versions::of(&contents);
    let Some(since) = number(request, "since") else {
        return Ok(Reply::text(400, "'since' parameter must be provided"));
    };
    let changes = contents.since(versions.first - 1).unwrap_or_default();
    let gone = |pick: &dyn Fn(&Thing) -> bool| {
        let removed = changes.iter().filter(|it| it.what == What::Removed && it.position + 1 > since);
        let keys =
            removed.filter(|it| library.holds(&it.id) && pick(&it.thing)).map(|it| key_of(&it.id).to_owned());
        keys.collect::<Vec<_>>()
    };
    let body = json!({
        "collections": gone(&|it| it.kind == "collection"),
        "items": gone(&is_item),
        "searches": [], "tags": [], "settings": [],
    });
    Ok(headed(Reply::json(200, &body), versions.library(&library)))
}

/// Leads to where the file lies, with a signature that is good for a minute. Linked files are not there.
pub fn file(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (library, _) = Library::open(desk, request, &contents)?;
    let found = library.thing(&contents, request.capture("key"));
    let Some(thing) =
        found.filter(|it| it.extra("link").starts_with("imported") && it.state == State::Published)
    else {
        return Ok(Reply::text(404, "Not found"));
    };
    let signature = Shape::new("", Alphabet::Hex, 64).mint();
    desk.keep(&format!("file/{signature}"), thing.id.clone(), GOOD);
    let address =
        format!("https://{STORAGE}/{}?X-Amz-Expires={GOOD}&X-Amz-Signature={signature}", md5(thing));
    let reply = Reply::redirect(&address, &[]).header("zotero-file-md5", &md5(thing));
    Ok(reply.header("zotero-file-modification-time", &(thing.modified * 1000).to_string()))
}

/// The address itself is the permission: another one beside it is refused.
pub fn stored(desk: &Desk, request: &Request) -> Answer {
    let error = |status, code: &str| {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
        Ok(Reply::text(status, &body).kind("application/xml"))
    };
    if request.header("authorization").is_some() || request.header("zotero-api-key").is_some() {
        return error(400, "InvalidArgument");
    }
    let signature = request.query("X-Amz-Signature").unwrap_or_default();
    let contents = desk.contents();
    let Some(thing) = desk.look(&format!("file/{signature}")).and_then(|id| contents.get(&id).cloned())
    else {
        return error(403, "AccessDenied");
    };
    Ok(Reply { body: thing.bytes(), ..Reply::text(200, "") }.kind(thing.media_type()))
}

/// The text that the person's program took out of a file, also of one that it did not upload.
pub fn full_text(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (library, _) = Library::open(desk, request, &contents)?;
    let versions = Versions::of(&contents);
    let found = library.thing(&contents, request.capture("key")).filter(|it| it.state == State::Published);
    match found.filter(|it| matches!(it.format, Format::Pdf | Format::Docx | Format::Html | Format::Plain)) {
        Some(thing) => {
            let body = json!({ "content": thing.words(), "indexedPages": 3, "totalPages": 3 });
            Ok(headed(Reply::json(200, &body), versions.thing(&thing.id)))
        }
        None => Ok(Reply::text(404, "Not found")),
    }
}
