//! Search, pages, blocks and data sources, after the types of Notion's own client (makenotion/notion-sdk-js
//! `src/api-endpoints`) and its pages on search, Markdown and limits.

use serde_json::{Value, json};

use super::contents::{IN_TOGGLE, PICK, edited, origin, variant};
use super::{READ_CONTENT, REQUEST, versioned};
use crate::contents::{Contents, Format, State, Thing};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::grants::Grant;
use crate::providers::Answer;
use crate::wire::{Reply, Request};

const MOST: usize = 100;
/// A query ends here, and says so.
const QUERY_ENDS: usize = 10_000;
/// So many seconds pass until search knows of what was made.
const LAG: u64 = 60;

/// What one grant shows.
struct View<'a> {
    contents: &'a Contents,
    picks: Vec<String>,
    now: u64,
}

fn grant(desk: &Desk, request: &Request) -> Result<Grant, Problem> {
    let grant = desk.bearer(request)?.grant;
    versioned(request)?;
    if grant.has_scope(READ_CONTENT) { Ok(grant) } else { Err(Problem::ScopeMissing) }
}

impl<'a> View<'a> {
    fn new(desk: &Desk, contents: &'a Contents, grant: &Grant) -> View<'a> {
        let picks = grant.extra("pages").split(',').map(str::to_owned).collect();
        View { contents, picks, now: desk.now() }
    }

    /// Shared with the connection; in the trash it can still be asked for by id.
    fn shared(&self, thing: &Thing) -> bool {
        thing.state != State::Private
            && thing.state != State::Draft
            && self.picks.iter().any(|pick| pick == thing.extra(PICK))
    }

    fn shown(&self, thing: &Thing) -> bool {
        self.shared(thing) && thing.state == State::Published
    }

    fn get(&self, id: &str, kind: &str) -> Option<&'a Thing> {
        self.contents.get(id).filter(|thing| thing.kind == kind && self.shared(thing))
    }

    fn above(&self, thing: &Thing) -> Option<&'a Thing> {
        self.contents.get(thing.parent.as_deref()?)
    }

    /// What was shared by itself is in the search at once, the rest after a while.
    fn found(&self, thing: &Thing) -> bool {
        let directly = self.above(thing).is_none_or(|above| !self.shared(above));
        self.shown(thing) && (directly || thing.created + LAG <= self.now)
    }

    fn page(&self, thing: &Thing) -> Value {
        json!({
            "object": "page", "id": thing.id, "created_time": minute(thing.created),
            "last_edited_time": minute(edited(self.contents, thing)), "in_trash": thing.state == State::Trashed,
            "archived": thing.state == State::Trashed, "is_archived": false, "is_locked": false, "icon": Value::Null,
            "cover": Value::Null, "public_url": Value::Null, "url": address(thing), "parent": self.parent(thing),
            "properties": self.properties(thing),
        })
    }

    fn source(&self, thing: &Thing) -> Value {
        json!({
            "object": "data_source", "id": thing.id, "title": rich(&thing.name), "description": [],
            "parent": { "type": "database_id", "database_id": variant(&thing.id, 'd') },
            "database_parent": self.parent(thing), "is_inline": false, "in_trash": thing.state == State::Trashed,
            "archived": thing.state == State::Trashed, "created_time": minute(thing.created),
            "last_edited_time": minute(edited(self.contents, thing)), "icon": Value::Null, "cover": Value::Null,
            "url": address(thing), "public_url": Value::Null,
            "properties": { "Name": { "id": "title", "name": "Name", "type": "title", "title": {} } },
        })
    }

    fn object(&self, thing: &Thing) -> Value {
        if thing.kind == "page" { self.page(thing) } else { self.source(thing) }
    }

    fn parent(&self, thing: &Thing) -> Value {
        match self.above(thing) {
            None => json!({ "type": "workspace", "workspace": true }),
            Some(above) if above.kind == "data_source" => json!({
                "type": "data_source_id", "data_source_id": above.id, "database_id": variant(&above.id, 'd'),
            }),
            Some(above) if !thing.extra(IN_TOGGLE).is_empty() => {
                json!({ "type": "block_id", "block_id": variant(&above.id, '5') })
            }
            Some(above) => json!({ "type": "page_id", "page_id": above.id }),
        }
    }

    fn properties(&self, thing: &Thing) -> Value {
        if self.above(thing).is_none_or(|above| above.kind != "data_source") {
            return json!({ "title": { "id": "title", "type": "title", "title": rich(&thing.name) } });
        }
        let done = thing.id.as_bytes().first().is_some_and(|byte| byte % 2 == 0);
        json!({
            "Name": { "id": "title", "type": "title", "title": rich(&thing.name) },
            "Status": { "id": "%3Af1", "type": "status", "status": {
                "id": "1", "name": if done { "Done" } else { "In progress" }, "color": "default",
            } },
            "Due": { "id": "%3Af2", "type": "date", "date": {
                "start": &dates::iso(thing.created)[..10], "end": Value::Null, "time_zone": Value::Null,
            } },
        })
    }
}

pub fn search(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let body = body(request)?;
    let kind = match (&body["filter"]["property"], body["filter"]["value"].as_str()) {
        (Value::Null, None) => None,
        // "database" went with the version of 2025-09-03.
        (Value::String(name), Some(kind @ ("page" | "data_source"))) if name == "object" => Some(kind),
        _ => return Ok(invalid("body.filter.value should be `\"page\"` or `\"data_source\"`.")),
    };
    let ascending = match (&body["sort"]["timestamp"], body["sort"]["direction"].as_str()) {
        (Value::Null, None) | (Value::String(_), Some("descending")) => false,
        (Value::String(name), Some("ascending")) if name == "last_edited_time" => true,
        _ => return Ok(invalid("body.sort.direction should be `\"ascending\"` or `\"descending\"`.")),
    };
    let words = body["query"].as_str().unwrap_or_default().to_lowercase();
    let mut found: Vec<(u64, &Thing)> = contents
        .iter()
        .filter(|thing| kind.is_none_or(|kind| thing.kind == kind) && view.found(thing))
        .filter(|thing| words.is_empty() || thing.name.to_lowercase().contains(&words))
        .map(|thing| (edited(&contents, thing), thing))
        .collect();
    found.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.id.cmp(&b.id)));
    if ascending {
        found.reverse();
    }
    let found: Vec<&Thing> = found.into_iter().map(|(_, thing)| thing).collect();
    Ok(list(desk, &body, &found, "page_or_data_source", |thing| view.object(thing)))
}

pub fn query(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let id = request.capture("id");
    let Some(source) = view.get(id, "data_source") else { return Ok(missing("data source", id)) };
    let body = body(request)?;
    let from = match (&body["filter"]["timestamp"], body["filter"]["created_time"]["on_or_after"].as_str()) {
        (Value::Null, None) if body["filter"].is_null() => 0,
        (Value::String(name), Some(at)) if name == "created_time" && dates::read(at).is_some() => {
            dates::read(at).unwrap_or_default()
        }
        _ => return Ok(invalid("body.filter is not one that is practised.")),
    };
    let descending = body["sorts"][0]["direction"] == "descending";
    let rows =
        contents.children(Some(&source.id)).filter(|row| view.shown(row) && row.created / 60 * 60 >= from);
    let mut rows: Vec<&Thing> = rows.collect();
    rows.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
    if descending {
        rows.reverse();
    }
    let is_cut = rows.len() > QUERY_ENDS;
    rows.truncate(QUERY_ENDS);
    let mut reply = list(desk, &body, &rows, "page_or_data_source", |thing| view.page(thing));
    if is_cut && reply.status == 200 {
        let mut value = reply.value();
        value["request_status"] = json!({
            "type": "incomplete", "incomplete_reason": "query_result_limit_reached",
        });
        reply = Reply::json(200, &value);
    }
    Ok(reply)
}

pub fn page(desk: &Desk, request: &Request) -> Answer {
    object(desk, request, "page")
}

pub fn data_source(desk: &Desk, request: &Request) -> Answer {
    object(desk, request, "data_source")
}

fn object(desk: &Desk, request: &Request, kind: &str) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let id = request.capture("id");
    Ok(match view.get(id, kind) {
        Some(thing) => Reply::json(200, &view.object(thing)),
        None => missing(kind, id),
    })
}

pub fn database(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let (digit, source) = origin(request.capture("id"));
    let Some(thing) = view.get(&source, "data_source").filter(|_| digit == 'd') else {
        return Ok(missing("database", request.capture("id")));
    };
    let mut shown = view.source(thing);
    shown["object"] = json!("database");
    shown["id"] = json!(request.capture("id"));
    shown["parent"] = view.parent(thing);
    shown["data_sources"] = json!([{ "id": thing.id, "name": thing.name }]);
    Ok(Reply::json(200, &shown))
}

/// Long pages come in parts, and some cannot be rendered at all; which ones says the id.
pub fn markdown(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let id = request.capture("id");
    let (digit, page) = origin(id);
    let Some(thing) = view.get(&page, "page").filter(|_| matches!(digit, '4' | '5')) else {
        return Ok(missing("page", id));
    };
    if page.starts_with('e') {
        return Ok(invalid("The page exceeds the request limits."));
    }
    let paragraphs = thing.paragraphs();
    let is_long = page.starts_with(['6', '7']) && paragraphs.len() > 1;
    let unknown = [variant(&page, '5'), variant(&page, '6')];
    let (text, unknown) = match (is_long, digit) {
        (true, '4') => {
            let sign = |id: &String| {
                format!("<unknown url=\"https://www.notion.so/{}\" alt=\"\"/>", id.replace('-', ""))
            };
            let signs: Vec<String> = unknown.iter().map(sign).collect();
            (format!("{}\n{}", paragraphs[0], signs.join("\n")), json!(unknown))
        }
        (true, _) => (paragraphs[1..].join("\n\n"), json!([])),
        (false, _) => (String::from_utf8_lossy(&thing.bytes_as(Format::Markdown)).into_owned(), json!([])),
    };
    Ok(Reply::json(
        200,
        &json!({
            "object": "page_markdown", "id": id, "markdown": text, "truncated": is_long && digit == '4',
            "unknown_block_ids": unknown, "request_id": REQUEST,
        }),
    ))
}

/// A page is the first paragraph, what stands in it, and a toggle with the other paragraphs and some more pages.
pub fn block_children(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let id = request.capture("id");
    let (digit, page) = origin(id);
    let Some(thing) = view.get(&page, "page").filter(|_| matches!(digit, '4' | '5')) else {
        return Ok(missing("block", id));
    };
    let asked = json!({
        "page_size": request.query("page_size").map(|size| size.parse::<u64>().map_or(json!(size), |it| json!(it))),
        "start_cursor": request.query("start_cursor"),
    });
    let in_toggle = digit == '5';
    let paragraphs = thing.paragraphs();
    let split = paragraphs.len().min(1);
    let said = if in_toggle { &paragraphs[split..] } else { &paragraphs[..split] };
    let mut blocks: Vec<Value> =
        said.iter().enumerate().map(|(at, text)| paragraph(thing, at, text)).collect();
    let below = contents.children(Some(&thing.id)).filter(|it| view.shown(it));
    for child in below.filter(|it| it.extra(IN_TOGGLE).is_empty() != in_toggle) {
        let kind = if child.kind == "page" { "child_page" } else { "child_database" };
        let id = if child.kind == "page" { child.id.clone() } else { variant(&child.id, 'd') };
        let mut block = block(&id, kind, &view.parent(child), child.created, edited(&contents, child));
        block["has_children"] = json!(true);
        block[kind] = json!({ "title": child.name });
        blocks.push(block);
    }
    if !in_toggle {
        blocks.push(toggle(&view, thing));
    }
    let ids: Vec<String> = blocks.iter().map(|it| it["id"].as_str().unwrap_or_default().to_owned()).collect();
    let things: Vec<(String, Value)> = ids.into_iter().zip(blocks).collect();
    Ok(list_of(desk, &asked, things, "block"))
}

pub fn one_block(desk: &Desk, request: &Request) -> Answer {
    let grant = grant(desk, request)?;
    let contents = desk.contents();
    let view = View::new(desk, &contents, &grant);
    let (digit, page) = origin(request.capture("id"));
    // The toggle of a page that is not shared is out of sight as well.
    Ok(match view.get(&page, "page").filter(|_| digit == '5') {
        Some(thing) => Reply::json(200, &toggle(&view, thing)),
        None => missing("block", request.capture("id")),
    })
}

fn toggle(view: &View, page: &Thing) -> Value {
    let below =
        view.contents.children(Some(&page.id)).any(|it| view.shown(it) && !it.extra(IN_TOGGLE).is_empty());
    let parent = json!({ "type": "page_id", "page_id": page.id });
    let mut toggle =
        block(&variant(&page.id, '5'), "toggle", &parent, page.created, edited(view.contents, page));
    toggle["has_children"] = json!(below || page.paragraphs().len() > 1);
    toggle["toggle"] = json!({ "rich_text": rich("More"), "color": "default" });
    toggle
}

fn paragraph(page: &Thing, at: usize, text: &str) -> Value {
    let id = format!("{:02x}{}", at % 256, &variant(&page.id, '0')[2..]);
    let parent = json!({ "type": "page_id", "page_id": page.id });
    let mut block = block(&id, "paragraph", &parent, page.created, page.modified);
    block["paragraph"] = json!({ "rich_text": rich(text), "color": "default" });
    block
}

fn block(id: &str, kind: &str, parent: &Value, created: u64, edited: u64) -> Value {
    json!({
        "object": "block", "id": id, "parent": parent, "created_time": minute(created),
        "last_edited_time": minute(edited), "has_children": false, "in_trash": false, "archived": false, "type": kind,
    })
}

/// In pieces of at most 2000 letters, as Notion keeps text.
fn rich(text: &str) -> Value {
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(2000).map(|piece| {
        let text: String = piece.iter().collect();
        json!({ "type": "text", "text": { "content": text, "link": Value::Null }, "plain_text": text, "href": Value::Null })
    });
    pieces.collect()
}

/// Notion tells times in whole minutes.
fn minute(seconds: u64) -> String {
    dates::iso(seconds - seconds % 60).replace('Z', ".000Z")
}

fn address(thing: &Thing) -> String {
    format!("https://www.notion.so/{}", thing.id.replace('-', ""))
}

fn body(request: &Request) -> Result<Value, Problem> {
    if request.body.is_empty() { Ok(json!({})) } else { request.json().ok_or(Problem::BadRequest) }
}

fn list(desk: &Desk, asked: &Value, things: &[&Thing], kind: &str, show: impl Fn(&Thing) -> Value) -> Reply {
    let (from, size) = match place(desk, asked, |id| things.iter().position(|thing| thing.id == id)) {
        Ok(place) => place,
        Err(reply) => return reply,
    };
    let next = things.get(from + size).map(|thing| thing.id.clone());
    listed(things.iter().skip(from).take(size).map(|thing| show(thing)).collect(), next, kind)
}

fn list_of(desk: &Desk, asked: &Value, things: Vec<(String, Value)>, kind: &str) -> Reply {
    let (from, size) = match place(desk, asked, |id| things.iter().position(|(it, _)| it == id)) {
        Ok(place) => place,
        Err(reply) => return reply,
    };
    let next = things.get(from + size).map(|(id, _)| id.clone());
    listed(things.into_iter().skip(from).take(size).map(|(_, value)| value).collect(), next, kind)
}

/// Where the page begins and how long it is. A cursor is the id of what comes next.
fn place(desk: &Desk, asked: &Value, find: impl Fn(&str) -> Option<usize>) -> Result<(usize, usize), Reply> {
    let size = match &asked["page_size"] {
        Value::Null => MOST,
        size => match size.as_u64() {
            Some(size @ 1..=100) => size as usize,
            _ => return Err(invalid("page_size should be a number from 1 to 100.")),
        },
    };
    let from = match asked["start_cursor"].as_str() {
        None => 0,
        Some(id) => {
            find(id).ok_or_else(|| invalid(&format!("The start_cursor provided is invalid: {id}")))?
        }
    };
    Ok((from, desk.limit(Some(&size.to_string()), MOST, MOST)))
}

fn listed(results: Vec<Value>, next: Option<String>, kind: &str) -> Reply {
    let mut body = json!({
        "object": "list", "results": results, "has_more": next.is_some(), "next_cursor": next, "type": kind,
        "request_id": REQUEST,
    });
    body[kind] = json!({});
    Reply::json(200, &body)
}

fn missing(what: &str, id: &str) -> Reply {
    let what = what.replace('_', " ");
    let words = format!(
        "Could not find {what} with ID: {id}. Make sure the relevant pages and databases are shared with your \
         connection \"Tieline\"."
    );
    error(404, "object_not_found", &words)
}

fn invalid(words: &str) -> Reply {
    error(400, "validation_error", &format!("body failed validation: {words}"))
}

fn error(status: u16, code: &str, words: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "object": "error", "status": status, "code": code, "message": words, "request_id": REQUEST }),
    )
}
