//! Gmail, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

mod history;
mod messages;

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::contents::{Format, Maker, State, Thing};
use crate::desk::Desk;
use crate::people::Person;
use crate::providers::{Answer, Endpoint, Kind, Provider, Registered, google};
use crate::wire::{Reply, Request};

pub static GMAIL: Provider = Provider {
    id: "GMAIL",
    name: "Gmail",
    apps: &[
        // Of the type "Desktop app", then of the type "Web application".
        Registered::new("410000000001-gmail.apps.googleusercontent.com", Some("GOCSPX-practice-gmail")),
        Registered {
            client_id: "410000000001-gmailweb.apps.googleusercontent.com",
            client_secret: Some("GOCSPX-practice-gmail-web"),
            redirects: Some(google::WEB),
        },
    ],
    contents,
    new_id,
    ..google::USUAL
};

pub const API: &[Endpoint] = &[
    Endpoint::new(Kind::Identify, "GET", "/gmail/v1/users/{user}/profile", profile),
    Endpoint::new(Kind::Api, "GET", "/gmail/v1/users/{user}/labels", labels),
    Endpoint::new(Kind::Api, "GET", "/gmail/v1/users/{user}/history", history::list),
    Endpoint::new(Kind::Api, "GET", "/gmail/v1/users/{user}/messages", messages::list),
    Endpoint::new(Kind::Api, "GET", "/gmail/v1/users/{user}/messages/{id}", messages::message),
];

const LIST_USUAL: usize = 100;
const LIST_MOST: usize = 500;
/// Of `extra`: the first message of the thread, and labels beside the one that it stands below.
const THREAD: &str = "thread";
const LABELS: &str = "labels";

/// Labels that everybody has and that are no place for what this client reads.
const SYSTEM: [&str; 9] = [
    "CHAT",
    "DRAFT",
    "IMPORTANT",
    "SPAM",
    "STARRED",
    "TRASH",
    "UNREAD",
    "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL",
];
/// Nested by their names.
const OWN: [(&str, &str, Option<&str>); 5] = [
    ("Label_1", "Customers", None),
    ("Label_2", "Customers/Northwind", Some("Label_1")),
    ("Label_7", "Receipts & travel", None),
    ("Label_12", "Projekte/Büro Lyon", None),
    ("Label_3208417450192837465", "Später lesen", None),
];

/// Mails in the inbox, sent, labelled and archived; threads; drafts, spam and what is in the bin.
fn contents(maker: &mut Maker) {
    for (id, name) in [("INBOX", "INBOX"), ("SENT", "SENT")] {
        add_label(maker, id, name, None);
    }
    for (id, name, parent) in OWN {
        add_label(maker, id, name, parent);
    }
    let places =
        ["INBOX", "INBOX", "INBOX", "SENT", "Label_1", "Label_2", "Label_7", "Label_12", OWN[4].0, ""];
    let mut last: Option<(String, String)> = None;
    while maker.missing() > 0 {
        let id = maker.fresh(message_id);
        let place = Some(*maker.pick(&places)).filter(|place| !place.is_empty());
        let reply = last.take_if(|_| maker.number(4) == 0);
        let (thread, name) = match reply {
            Some((thread, subject)) if subject.starts_with("Re: ") => (thread, subject),
            Some((thread, subject)) => (thread, format!("Re: {subject}")),
            None => (id.clone(), maker.title()),
        };
        let at = maker.when();
        let state = match maker.number(40) {
            0 => State::Draft,
            1 => State::Private,
            2 => State::Trashed,
            _ => State::Published,
        };
        let more = *maker.pick(&["", "UNREAD", "IMPORTANT CATEGORY_PERSONAL", "STARRED", "CATEGORY_UPDATES"]);
        // What is in the inbox may have a label of the person's own as well.
        let more = if maker.number(5) == 0 && place.is_some_and(|it| it.starts_with("Label_")) {
            "INBOX"
        } else {
            more
        };
        let message = Thing::new(id, "message", name.clone(), Format::Eml, at).below(place).state(state);
        maker.add(message.with(THREAD, thread.clone()).with(LABELS, more));
        last = Some((thread, name));
    }
}

fn add_label(maker: &mut Maker, id: &str, name: &str, parent: Option<&str>) {
    let at = maker.when();
    maker.add(Thing::new(id.to_owned(), "label", name.to_owned(), Format::None, at).below(parent));
}

/// 16 hexadecimal digits.
fn message_id(maker: &mut Maker) -> String {
    format!("19{}", maker.hex(14))
}

fn new_id(maker: &mut Maker, like: &Thing) -> String {
    if like.kind == "label" { format!("Label_{}", maker.digits(4)) } else { message_id(maker) }
}

/// Whose mailbox it is, or what is said to somebody else.
fn allowed(desk: &Desk, request: &Request) -> Result<Result<&'static Person, Reply>, crate::Problem> {
    let person = google::allowed(desk, request, &["gmail.readonly", "gmail.metadata"])?.person();
    let user = request.capture("user");
    if user != "me" && !user.eq_ignore_ascii_case(person.email) {
        let words = format!("Delegation denied for {}", person.email);
        return Ok(Err(google::api_error(403, "forbidden", &words, "PERMISSION_DENIED")));
    }
    Ok(Ok(person))
}

fn bad(parameter: &str) -> Reply {
    google::api_error(400, "invalidArgument", &format!("Invalid {parameter}"), "INVALID_ARGUMENT")
}

fn not_found() -> Reply {
    google::api_error(404, "notFound", "Requested entity was not found.", "NOT_FOUND")
}

/// A parameter that is a number, or the usual one; none where it is something else.
fn numbered(request: &Request, name: &str, usual: u64) -> Option<u64> {
    request.query(name).map_or(Some(usual), |text| text.parse().ok())
}

/// The number that this mailbox's history begins at.
fn first_history(person: &Person) -> u64 {
    person.digits("gmail history", 8).parse().unwrap_or_default()
}

fn profile(desk: &Desk, request: &Request) -> Answer {
    let person = match allowed(desk, request)? {
        Ok(person) => person,
        Err(refused) => return Ok(refused),
    };
    let contents = desk.contents();
    let mails: Vec<&Thing> = contents.iter().filter(|thing| thing.kind == "message").collect();
    let threads: HashSet<&str> = mails.iter().map(|thing| thing.extra(THREAD)).collect();
    Ok(Reply::json(
        200,
        &json!({
            "emailAddress": person.email,
            "messagesTotal": mails.len(),
            "threadsTotal": threads.len(),
            "historyId": (first_history(person) + contents.now_at()).to_string(),
        }),
    ))
}

fn labels(desk: &Desk, request: &Request) -> Answer {
    if let Err(refused) = allowed(desk, request)? {
        return Ok(refused);
    }
    let contents = desk.contents();
    let shown = |id: &str, name: &str| {
        let kind = if id.starts_with("Label_") { "user" } else { "system" };
        json!({ "id": id, "name": name, "type": kind })
    };
    let own = contents.iter().filter(|thing| thing.kind == "label" && thing.state == State::Published);
    let all: Vec<Value> =
        own.map(|it| shown(&it.id, &it.name)).chain(SYSTEM.map(|id| shown(id, id))).collect();
    Ok(Reply::json(200, &json!({ "labels": all })))
}
