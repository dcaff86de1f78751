//! Acme's calls in Gong, their parties, summaries and transcripts.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::{bearer, request_id};
use crate::contents::{Contents, Format, Maker, State, Thing, page};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::people::{PEOPLE, Person};
use crate::providers::Answer;
use crate::wire::{Reply, Request};

/// Two workspaces with calls. Some are private, and some are so fresh that there is no transcript yet.
pub fn contents(maker: &mut Maker) {
    const WORKSPACES: [(&str, &str); 2] = [("623457276584334", "Acme"), ("7340958127465981", "Acme Nordics")];
    for (id, name) in WORKSPACES {
        let created = maker.when();
        maker.add(Thing::new(id.to_owned(), "workspace", name.to_owned(), Format::None, created));
    }
    while maker.missing() > 0 {
        let at = maker.made().len();
        let id = maker.fresh(|maker| maker.digits(18 + at % 3));
        let (title, started) = (maker.title(), maker.when());
        let format = if at % 15 == 9 { Format::None } else { Format::Plain };
        let state = if at % 10 == 4 { State::Private } else { State::Published };
        let workspace = WORKSPACES[usize::from(at.is_multiple_of(4))].0;
        maker.add(Thing::new(id, "call", title, format, started).below(Some(workspace)).state(state));
    }
}

pub fn id_of(thing: &Thing) -> Option<String> {
    let id = if thing.kind == "workspace" { format!("workspace/{}", thing.id) } else { thing.id.clone() };
    (thing.state == State::Published).then_some(id)
}

/// What calls are asked for, in the query of a GET and in the body of a POST.
struct Filter {
    from: Option<u64>,
    to: Option<u64>,
    workspace: Option<String>,
    ids: Option<Vec<String>>,
    /// Of all that has to stay the same from page to page.
    mark: u64,
}

impl Filter {
    fn of(filter: &Value) -> Result<Filter, Problem> {
        let text = |key: &str| filter.get(key).and_then(Value::as_str);
        let time = |key: &'static str| match text(key) {
            None => Ok(None),
            Some(text) => dates::read(text).map(Some).ok_or(Problem::BadParameter(key)),
        };
        let ids = filter.get("callIds").and_then(Value::as_array);
        let mut mark = DefaultHasher::new();
        filter.to_string().hash(&mut mark);
        Ok(Filter {
            from: time("fromDateTime")?,
            to: time("toDateTime")?,
            workspace: text("workspaceId").map(str::to_owned),
            ids: ids.map(|ids| ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()),
            mark: mark.finish(),
        })
    }

    /// Only the body counts; what stands in the query of a POST is not looked at.
    fn in_body(body: &Value) -> Result<Filter, Problem> {
        Filter::of(body.get("filter").ok_or(Problem::BadParameter("filter"))?)
    }

    fn takes(&self, call: &Thing) -> bool {
        call.kind == "call"
            && call.state != State::Trashed
            && self.from.is_none_or(|from| call.created >= from)
            && self.to.is_none_or(|to| call.created < to)
            && self.workspace.as_ref().is_none_or(|it| call.parent.as_ref() == Some(it))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&call.id))
    }
}

/// A page of calls, or of transcripts of those that have one. None at all is status 404.
fn paged(
    desk: &Desk,
    contents: &Contents,
    filter: &Filter,
    cursor: Option<&str>,
    key: &str,
    show: impl Fn(&Thing) -> Value,
) -> Answer {
    let from = match cursor {
        None => 0,
        Some(cursor) => {
            let (mark, place) = cursor.split_once('.').ok_or(Problem::BadParameter("cursor"))?;
            let place = place.parse().ok().filter(|_| mark == format!("{:x}", filter.mark));
            place.ok_or(Problem::BadParameter("cursor"))?
        }
    };
    let walk = |from| {
        contents
            .walk(from)
            .filter(|(_, it)| filter.takes(it) && (key == "calls" || it.format != Format::None))
    };
    let (calls, next) = page(walk(from), desk.limit(None, 100, 100));
    if calls.is_empty() {
        let words = "No calls found corresponding to the provided filters";
        return Ok(Reply::json(404, &json!({ "requestId": request_id(), "errors": [words] })));
    }
    let mut records =
        json!({ "totalRecords": walk(0).count(), "currentPageSize": calls.len(), "currentPageNumber": 0 });
    if let Some(next) = next {
        records["cursor"] = json!(format!("{:x}.{next}", filter.mark));
    }
    let calls: Vec<_> = calls.into_iter().map(show).collect();
    Ok(Reply::json(200, &json!({ "requestId": request_id(), "records": records, key: calls })))
}

pub fn basic(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request, "api:calls:read:basic")?;
    let query: serde_json::Map<_, _> =
        request.query.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    for needed in ["fromDateTime", "toDateTime"] {
        if !query.contains_key(needed) {
            return Err(Problem::BadParameter(needed));
        }
    }
    let mut filter = Value::Object(query);
    filter["cursor"] = Value::Null;
    let filter = Filter::of(&filter)?;
    paged(desk, &desk.contents(), &filter, request.query("cursor"), "calls", about)
}

pub fn extensive(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request, "api:calls:read:extensive")?;
    let body = request.json().ok_or(Problem::BadRequest)?;
    let exposed = &body["contentSelector"]["exposedFields"];
    let wanted = |field: &Value| field.as_bool() == Some(true);
    let show = |call: &Thing| {
        let mut shown = json!({ "metaData": about(call) });
        if wanted(&exposed["parties"]) {
            shown["parties"] = parties(call);
        }
        let mut content = json!({});
        // The summary is made of the transcript.
        let first = call.paragraphs().into_iter().next().filter(|_| call.format != Format::None);
        if let Some(first) = first {
            let brief = first.split(". ").next().unwrap_or_default();
            if wanted(&exposed["content"]["brief"]) {
                content["brief"] = json!(brief);
            }
            if wanted(&exposed["content"]["keyPoints"]) {
                content["keyPoints"] = json!([{ "text": format!("About {}", call.name) }]);
            }
            shown["content"] = content;
        }
        shown
    };
    paged(desk, &desk.contents(), &Filter::in_body(&body)?, body["cursor"].as_str(), "calls", show)
}

pub fn transcript(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request, "api:calls:read:transcript")?;
    let body = request.json().ok_or(Problem::BadRequest)?;
    let show = |call: &Thing| json!({ "callId": call.id, "transcript": spoken(call) });
    paged(desk, &desk.contents(), &Filter::in_body(&body)?, body["cursor"].as_str(), "callTranscripts", show)
}

fn about(call: &Thing) -> Value {
    json!({
        "id": call.id,
        "url": format!("https://app.gong.io/call?id={}", call.id),
        "title": call.name,
        "scheduled": dates::iso(call.created),
        "started": dates::iso(call.created),
        "duration": 1800,
        "primaryUserId": host(call).digits("GONG", 18),
        "direction": "Conference",
        "system": "Zoom",
        "scope": "External",
        "media": "Video",
        "language": "eng",
        "workspaceId": call.parent,
        "purpose": null,
        "meetingUrl": "https://zoom.example/j/1",
        "isPrivate": call.state == State::Private,
    })
}

fn host(call: &Thing) -> &'static Person {
    &PEOPLE[call.id.bytes().map(usize::from).sum::<usize>() % PEOPLE.len()]
}

fn speaker(call: &Thing, customer: bool) -> String {
    host(call).digits(if customer { "GONG customer" } else { "GONG speaker" }, 18)
}

/// One of Acme, one customer, and one who said nothing.
fn parties(call: &Thing) -> Value {
    let host = host(call);
    json!([
        {
            "id": host.digits("GONG party", 18), "name": host.name, "emailAddress": host.email, "title": host.job,
            "userId": host.digits("GONG", 18), "speakerId": speaker(call, false), "affiliation": "Internal",
        },
        { "id": "1", "name": "Ines Carvalho", "speakerId": speaker(call, true), "affiliation": "External" },
        { "id": "2", "emailAddress": "silent@customer.example", "speakerId": null, "affiliation": "External" },
    ])
}

/// The paragraphs, said in turn. Times are milliseconds from the start.
fn spoken(call: &Thing) -> Value {
    let mut at = 0;
    let monologues = call.paragraphs().into_iter().enumerate().map(|(turn, paragraph)| {
        let sentences: Vec<_> = paragraph
            .split_inclusive(". ")
            .map(|sentence| {
                let start = at;
                at += 60 * sentence.len() as u64;
                json!({ "start": start, "end": at, "text": sentence.trim() })
            })
            .collect();
        json!({
            "speakerId": speaker(call, turn % 2 == 1),
            "topic": if turn == 0 { json!("Introduction") } else { Value::Null },
            "sentences": sentences,
        })
    });
    monologues.collect()
}
