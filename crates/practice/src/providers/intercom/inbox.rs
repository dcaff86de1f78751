//! Intercom's conversations and tickets, after its OpenAPI description 2.16: lists whose next page is a cursor, and
//! each with its parts, some of which say only that something happened.

use serde_json::{Value, json};

use super::allowed;
use super::help_center::limits;
use crate::contents::{Contents, Maker, State, Talk, Thing};
use crate::desk::Desk;
use crate::faults::Problem;
use crate::people::PEOPLE;
use crate::providers::{Answer, Endpoint, Kind};
use crate::wire::{Reply, Request};

pub const CONVERSATIONS: Endpoint = Endpoint::new(Kind::Api, "GET", "/conversations", conversations);
pub const CONVERSATION: Endpoint = Endpoint::new(Kind::Api, "GET", "/conversations/{id}", conversation);
pub const SEARCH: Endpoint = Endpoint::new(Kind::Api, "POST", "/tickets/search", search);
pub const TICKET: Endpoint = Endpoint::new(Kind::Api, "GET", "/tickets/{id}", ticket);

const TALKS: [Talk; 3] = [
    Talk {
        id: "471",
        title: "Where is my order?",
        state: State::Published,
        status: "open",
        said: &[
            (true, "It should have been here with the cardamom on Friday."),
            (true, "It leaves the warehouse today."),
            (false, "The clementine shelf was empty."),
        ],
    },
    Talk {
        id: "472",
        title: "",
        state: State::Published,
        status: "closed",
        said: &[(true, "Do you ship to the Azores? Asked for a wolfberry farm.")],
    },
    Talk {
        id: "473",
        title: "Something that was deleted",
        state: State::Trashed,
        status: "closed",
        said: &[(true, "Nobody reads this persimmon again.")],
    },
];

const TICKETS: [Talk; 2] = [
    Talk {
        id: "633",
        title: "The export button does nothing",
        state: State::Published,
        status: "in_progress",
        said: &[(true, "It works in another browser, says the fennel team."), (false, "Seen by QA as well.")],
    },
    Talk {
        id: "634",
        title: "Change the name on the account",
        state: State::Published,
        status: "resolved",
        said: &[(true, "Done: it is Saffron GmbH now.")],
    },
];

pub fn contents(maker: &mut Maker) {
    maker.talks("conversation", "conversation_part", &TALKS, str::to_owned);
    maker.talks("ticket", "ticket_part", &TICKETS, str::to_owned);
}

fn conversations(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "conversations:read")?;
    let all = desk.contents();
    let size = request.query("per_page").map_or(Ok(20), str::parse).unwrap_or(0);
    let page = Page::of(desk, &all, "conversation", size, request.query("starting_after"))?;
    let rows = page.rows.iter().map(|it| of_conversation(&all, it)).collect();
    Ok(limits(desk, page.reply("conversation.list", "conversations", rows)))
}

fn conversation(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "conversations:read")?;
    let all = desk.contents();
    let Some(it) = find(&all, "conversation", request) else {
        return Ok(not_found("Conversation not found"));
    };
    let mut row = of_conversation(&all, it);
    // The first message is the source.
    let said: Vec<Value> = all.said(it).skip(1).map(|part| of_part("conversation_part", part)).collect();
    let parts = with_close(said, "conversation_part", it);
    row["conversation_parts"] =
        json!({ "type": "conversation_part.list", "total_count": parts.len(), "conversation_parts": parts });
    Ok(limits(desk, Reply::json(200, &row)))
}

/// Of all the queries that there may be, the one that finds everything.
fn search(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "tickets:read")?;
    let body = request.json().unwrap_or_default();
    let query = &body["query"];
    if query["field"] != "created_at" || query["operator"] != ">" || query["value"] != "0" {
        return Err(Problem::BadParameter("query"));
    }
    let all = desk.contents();
    let asked = &body["pagination"];
    let size = asked["per_page"].as_u64().map_or(20, |size| usize::try_from(size).unwrap_or(0));
    let page = Page::of(desk, &all, "ticket", size, asked["starting_after"].as_str())?;
    let rows = page.rows.iter().map(|it| of_ticket(&all, it)).collect();
    Ok(limits(desk, page.reply("ticket.list", "tickets", rows)))
}

fn ticket(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "tickets:read")?;
    let all = desk.contents();
    Ok(match find(&all, "ticket", request) {
        Some(it) => limits(desk, Reply::json(200, &of_ticket(&all, it))),
        None => not_found("Ticket not found"),
    })
}

fn find<'a>(all: &'a Contents, kind: &str, request: &Request) -> Option<&'a Thing> {
    all.get(request.capture("id")).filter(|it| it.kind == kind && it.state == State::Published)
}

fn not_found(words: &str) -> Reply {
    super::errors(404, "not_found", words)
}

struct Page<'a> {
    rows: Vec<&'a Thing>,
    from: usize,
    size: usize,
    count: usize,
}

impl<'a> Page<'a> {
    /// At most 150, newest first.
    fn of(
        desk: &Desk,
        all: &'a Contents,
        kind: &str,
        size: usize,
        after: Option<&str>,
    ) -> Result<Page<'a>, Problem> {
        if !(1..=150).contains(&size) {
            return Err(Problem::BadParameter("per_page"));
        }
        let from = match after.map(|after| after.trim_start_matches("WzE3").parse()) {
            None => 0,
            Some(Ok(from)) => from,
            Some(Err(_)) => return Err(Problem::BadParameter("starting_after")),
        };
        let mut rows: Vec<&Thing> =
            all.iter().filter(|it| it.kind == kind && it.state == State::Published).collect();
        rows.sort_by_key(|it| std::cmp::Reverse(all.last_change(it)));
        let (count, size) = (rows.len(), desk.limit(Some(&size.to_string()), 20, 150));
        Ok(Page { rows: rows.into_iter().skip(from).take(size).collect(), from, size, count })
    }

    fn reply(&self, kind: &str, name: &str, rows: Vec<Value>) -> Reply {
        let (end, total) = (self.from + self.size, self.count.div_ceil(self.size).max(1));
        let mut pages = json!({
            "type": "pages", "page": self.from / self.size + 1, "per_page": self.size, "total_pages": total,
        });
        if end < self.count {
            pages["next"] = json!({ "per_page": self.size, "starting_after": format!("WzE3{end}") });
        }
        Reply::json(200, &json!({ "type": kind, "pages": pages, "total_count": self.count, name: rows }))
    }
}

fn author() -> Value {
    let it = &PEOPLE[0];
    json!({ "type": "admin", "id": it.digits("INTERCOM", 7), "name": it.name, "email": it.email })
}

fn of_conversation(all: &Contents, it: &Thing) -> Value {
    let first = all.said(it).next().map_or_else(String::new, Thing::html);
    json!({
        "type": "conversation",
        "id": it.id,
        "title": Some(&it.name).filter(|name| !name.is_empty()),
        "created_at": it.created,
        "updated_at": all.last_change(it),
        "waiting_since": null,
        "snoozed_until": null,
        "source": {
            "type": "conversation", "id": format!("40391{}", it.id), "delivered_as": "customer_initiated",
            "subject": "", "body": first, "author": { "type": "user", "id": "6762f0f31bb69f9f2193bb8b",
            "name": PEOPLE[2].name, "email": PEOPLE[2].email }, "attachments": [], "url": null, "redacted": false,
        },
        "open": it.extra("status") == "open",
        "state": it.extra("status"),
        "read": true,
        "priority": "none",
        "tags": { "type": "tag.list", "tags": [] },
        "ticket": null,
    })
}

fn of_ticket(all: &Contents, it: &Thing) -> Value {
    let said: Vec<Value> = all.said(it).map(|part| of_part("ticket_part", part)).collect();
    let parts = with_close(said, "ticket_part", it);
    json!({
        "type": "ticket",
        "id": it.id,
        "ticket_id": it.id.trim_start_matches('6'),
        "category": "Customer",
        "ticket_attributes": {
            "_default_title_": it.name, "_default_description_": format!("About the basil case {}.", it.id),
        },
        "ticket_state": {
            "type": "ticket_state", "id": "8577", "category": it.extra("status"),
            "internal_label": it.extra("status"), "external_label": it.extra("status"),
        },
        "created_at": it.created,
        "updated_at": all.last_change(it),
        "open": it.extra("status") != "resolved",
        "ticket_parts": { "type": "ticket_part.list", "total_count": parts.len(), "ticket_parts": parts },
        "linked_objects": { "type": "list", "data": [], "total_count": 0, "has_more": false },
        "is_shared": true,
    })
}

fn of_part(kind: &str, it: &Thing) -> Value {
    json!({
        "type": kind,
        "id": it.id,
        "part_type": if it.extra("everybody") == "true" { "comment" } else { "note" },
        "body": it.html(),
        "created_at": it.created,
        "updated_at": it.modified,
        "author": author(),
        "attachments": [],
        "redacted": false,
    })
}

/// One more that says only that something happened.
fn with_close(mut parts: Vec<Value>, kind: &str, it: &Thing) -> Vec<Value> {
    parts.push(json!({
        "type": kind,
        "id": format!("{}99", it.id),
        "part_type": if kind == "ticket_part" { "ticket_state_updated_by_admin" } else { "close" },
        "body": null,
        "created_at": it.created,
        "updated_at": it.created,
        "author": author(),
        "attachments": [],
        "redacted": false,
    }));
    parts
}
