//! Zendesk's tickets (developer.zendesk.com/api-reference/ticketing): the list by cursor pages, the cursor-based
//! export, which only admins may ask for, and the comments of a ticket with their attachments.

use serde_json::{Value, json};

use super::bearer;
use crate::contents::{Contents, Format, Maker, State, Talk, Thing};
use crate::dates::iso;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::people::PEOPLE;
use crate::providers::{Answer, Endpoint, Kind};
use crate::rules::{Alphabet, Shape};
use crate::wire::{Reply, Request};

pub const ENDPOINTS: [Endpoint; 4] = [
    Endpoint::new(Kind::Api, "GET", "/api/v2/tickets", tickets),
    Endpoint::new(Kind::Api, "GET", "/api/v2/incremental/tickets/cursor", export),
    Endpoint::new(Kind::Api, "GET", "/api/v2/tickets/{id}/comments", comments),
    Endpoint::new(Kind::Api, "GET", "/attachments/token/{token}/", attachment),
];

/// The export does not look at the last minute.
const TOO_RECENT: u64 = 60;
/// In seconds: how long the address of an attachment is good for here.
const GOOD_FOR: u64 = 600;

const TALKS: [Talk; 5] = [
    Talk {
        id: "35436",
        title: "The parcel never came",
        state: State::Published,
        status: "open",
        said: &[
            (true, "My order of Monday was to be here on Wednesday. The heliotrope vase is a present."),
            (true, "We are sorry. A new one is on its way, and the slip is attached."),
            (false, "The driver left it at the wrong marmalade depot."),
        ],
    },
    Talk {
        id: "35437",
        title: "Invoice with the wrong address",
        state: State::Published,
        status: "pending",
        said: &[(true, "Please send the invoice again, to Quincestraat 4 in Ghent.")],
    },
    // Archived: the list leaves it out, the export has it.
    Talk {
        id: "21004",
        title: "How do I reset my password?",
        state: State::Published,
        status: "closed",
        said: &[(true, "The reset mail does not arrive."), (true, "It was in the tamarind folder for junk.")],
    },
    Talk {
        id: "35438",
        title: "Something that was deleted",
        state: State::Trashed,
        status: "deleted",
        said: &[(true, "Nobody reads this persimmon again.")],
    },
    Talk {
        id: "35439",
        title: "",
        state: State::Published,
        status: "solved",
        said: &[(true, "Thank you, the sorrel arrived.")],
    },
];

pub fn contents(maker: &mut Maker) {
    maker.talks("ticket", "comment", &TALKS, str::to_owned);
    let at = maker.days_ago(90) + 2 * 3600;
    let slip = Thing::new("498483".into(), "attachment", "Slip.docx".into(), Format::Docx, at);
    maker.add(slip.below(Some("35436")).with("comment", "3543602"));
}

fn may_read(desk: &Desk, request: &Request) -> Result<bool, Problem> {
    let grant = bearer(desk, request)?.grant;
    if !["read", "tickets:read"].iter().any(|scope| grant.has_scope(scope)) {
        return Err(Problem::ScopeMissing);
    }
    Ok(grant.person().id == "maya")
}

/// Without those that were deleted or archived; in the order of their ids, or of their change.
fn tickets(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let all = desk.contents();
    let is_listed = |it: &&Thing| it.extra("status") != "closed" && it.state == State::Published;
    let mut found: Vec<&Thing> = all.iter().filter(|it| it.kind == "ticket").filter(is_listed).collect();
    match request.query("sort") {
        None | Some("id") => found.sort_by_key(|it| it.id.parse::<u64>().unwrap_or(0)),
        Some("-updated_at") => found.sort_by_key(|it| std::cmp::Reverse(all.last_change(it))),
        Some(_) => return Err(Problem::BadParameter("sort")),
    }
    let rows: Vec<Value> = found.into_iter().map(|it| row(&all, request, it)).collect();
    Ok(paged(desk, request, "tickets", rows, json!({})))
}

/// In the order of their change, which here is that of their numbers; the cursor says where it goes on.
fn export(desk: &Desk, request: &Request) -> Answer {
    if !may_read(desk, request)? {
        return Err(Problem::ScopeMissing);
    }
    let from = match (request.query("cursor"), request.query("start_time").map(str::parse::<u64>)) {
        (Some(cursor), _) => cursor.trim_end_matches('|').parse().unwrap_or(0),
        (None, Some(Ok(start))) if start + TOO_RECENT <= desk.now() => 0,
        _ => return Err(Problem::BadParameter("start_time")),
    };
    let all = desk.contents();
    let is_old = |it: &&Thing| all.last_change(it) + TOO_RECENT <= desk.now();
    let deleted_too = request.query("exclude_deleted") != Some("true");
    let found = all.iter().filter(|it| it.kind == "ticket" && (deleted_too || it.state == State::Published));
    let found: Vec<&Thing> = found.filter(is_old).collect();
    let size = desk.limit(request.query("per_page"), 1000, 1000);
    let end = (from + size).min(found.len());
    let rows: Vec<Value> = found.iter().skip(from).take(size).map(|it| row(&all, request, it)).collect();
    let cursor = format!("{end}||");
    let after = format!("https://{}/api/v2/incremental/tickets/cursor.json?cursor={end}%7C%7C", request.host);
    Ok(Reply::json(
        200,
        &json!({
            "tickets": rows, "after_url": after, "after_cursor": cursor, "before_url": null, "before_cursor": null,
            "end_of_stream": end == found.len(),
        }),
    ))
}

/// Oldest first, with the people beside them where those are asked for.
fn comments(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let all = desk.contents();
    let ticket =
        all.get(request.capture("id")).filter(|it| it.kind == "ticket" && it.state == State::Published);
    let Some(ticket) = ticket else {
        return Ok(Reply::json(404, &json!({ "error": "RecordNotFound", "description": "Not found" })));
    };
    let rows = all.said(ticket).enumerate().map(|(nth, it)| comment(desk, &all, request, nth, it)).collect();
    let people = PEOPLE.iter().map(|it| json!({ "id": number(&it.digits("ZENDESK", 12)), "name": it.name }));
    let beside = match request.query("include") {
        Some("users") => json!({ "users": people.collect::<Vec<_>>() }),
        _ => json!({}),
    };
    Ok(paged(desk, request, "comments", rows, beside))
}

/// The address holds what proves it and asks for no sign-in; the file is at another host.
fn attachment(desk: &Desk, request: &Request) -> Answer {
    let token = request.capture("token");
    let Some(id) = desk.look(&format!("attachment/{token}")) else {
        return Ok(Reply::json(404, &json!({ "error": "RecordNotFound", "description": "Not found" })));
    };
    let next = Shape::new("", Alphabet::Url, 60).mint();
    desk.keep(&format!("file/{next}"), id, GOOD_FOR);
    Ok(Reply::redirect(&format!("https://p16.zdusercontent.com/attachment/10001/{next}"), &[]))
}

pub fn file(desk: &Desk, request: &Request) -> Answer {
    let id = desk.look(&format!("file/{}", request.capture("token")));
    let contents = desk.contents();
    match id.and_then(|id| contents.get(&id)).filter(|_| request.bearer().is_none()) {
        Some(file) => {
            Ok(Reply { body: file.bytes(), ..Reply::empty(200).header("content-type", file.media_type()) })
        }
        None => Ok(Reply::text(403, "Forbidden")),
    }
}

fn paged(desk: &Desk, request: &Request, name: &str, rows: Vec<Value>, beside: Value) -> Reply {
    let from: usize = request.query("page[after]").and_then(|after| after.parse().ok()).unwrap_or(0);
    let size = desk.limit(request.query("page[size]"), 100, 100);
    let after = (from + size < rows.len()).then(|| (from + size).to_string());
    let mut body = beside;
    body[name] = rows.into_iter().skip(from).take(size).collect();
    body["meta"] = json!({ "has_more": after.is_some(), "after_cursor": after, "before_cursor": null });
    body["links"] = json!({
        "next": after.map(|after| format!("https://{}{}?page%5Bafter%5D={after}", request.host, request.path)),
        "prev": null,
    });
    Reply::json(200, &body).header("x-rate-limit", "700").header("x-rate-limit-remaining", "699")
}

fn row(all: &Contents, request: &Request, it: &Thing) -> Value {
    json!({
        "id": number(&it.id),
        "url": format!("https://{}/api/v2/tickets/{}.json", request.host, it.id),
        "external_id": null,
        "via": { "channel": "web" },
        "created_at": iso(it.created),
        "updated_at": iso(all.last_change(it)),
        "generated_timestamp": all.last_change(it),
        "type": null,
        "subject": it.name,
        "raw_subject": it.name,
        "description": all.said(it).next().map(Thing::words),
        "priority": null,
        "status": if it.state == State::Published { it.extra("status") } else { "deleted" },
        "requester_id": number(&PEOPLE[2].digits("ZENDESK", 12)),
        "tags": [],
        "is_public": true,
    })
}

fn comment(desk: &Desk, all: &Contents, request: &Request, nth: usize, it: &Thing) -> Value {
    let attached = all.children(it.parent.as_deref()).filter(|file| file.extra("comment") == it.id);
    let attached: Vec<Value> = attached
        .map(|file| {
            let token = Shape::new("", Alphabet::Url, 25).mint();
            desk.keep(&format!("attachment/{token}"), file.id.clone(), GOOD_FOR);
            json!({
                "id": number(&file.id),
                "file_name": file.name,
                "content_url": format!("https://{}/attachments/token/{token}/?name={}", request.host, file.name),
                "content_type": file.media_type(),
                "size": file.size(),
                "inline": false,
                "deleted": false,
            })
        })
        .collect();
    // The one who asks writes first, then the agent.
    let author = if nth == 0 { &PEOPLE[2] } else { &PEOPLE[0] };
    json!({
        "id": number(&it.id),
        "type": "Comment",
        "author_id": number(&author.digits("ZENDESK", 12)),
        "body": it.words(),
        "html_body": format!("<div class=\"zd-comment\" dir=\"auto\">{}</div>", it.html()),
        "plain_body": it.words(),
        "public": it.extra("everybody") == "true",
        "attachments": attached,
        "audit_id": number(&it.id),
        "created_at": iso(it.created),
    })
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}
