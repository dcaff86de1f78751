//! Conversations (`/conversations`) and tickets (`/tickets/search`), each with what was written in it.
//!
//! Lists tell when something last changed and leave out what was written, of which a conversation and a ticket show
//! their last 500 parts. Both come by pages whose cursor stands in the answer, and deleted ones are in no list.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{PAGE, Pages, VERSION, ask, escaped, id, next};
use crate::clock::{Seconds, rfc3339};
use crate::item::{Content, Item, Kind, Listed};
use crate::sources::rest::segment;
use crate::sources::{Fault, Rest};

pub const CONVERSATIONS: &str = "/conversations";
pub const TICKETS: &str = "/tickets/search";

#[derive(Deserialize)]
struct Conversations {
    conversations: Vec<Conversation>,
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Tickets {
    tickets: Vec<Ticket>,
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Conversation {
    id: Value,
    title: Option<String>,
    updated_at: Option<Seconds>,
    created_at: Option<Seconds>,
    /// The first message.
    source: Option<Part>,
    conversation_parts: Option<Parts>,
}

#[derive(Deserialize)]
struct Ticket {
    id: Value,
    ticket_id: Option<Value>,
    #[serde(default)]
    ticket_attributes: Map<String, Value>,
    updated_at: Option<Seconds>,
    ticket_parts: Option<Parts>,
}

#[derive(Deserialize)]
struct Parts {
    #[serde(default, alias = "conversation_parts", alias = "ticket_parts")]
    rows: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    part_type: Option<String>,
    subject: Option<String>,
    /// HTML; none where something happened and nothing was written.
    body: Option<String>,
    created_at: Option<Seconds>,
    author: Option<Author>,
    redacted: Option<bool>,
}

#[derive(Deserialize)]
struct Author {
    name: Option<String>,
}

/// The list of this kind that comes after `list`, where it is wanted.
pub fn after(rest: &Rest, list: &str) -> Option<String> {
    let both = [(CONVERSATIONS, Kind::Conversation), (TICKETS, Kind::Ticket)];
    let from = both.iter().position(|(name, _)| *name == list).map_or(0, |at| at + 1);
    both[from..].iter().find(|(_, kind)| rest.lists(*kind)).map(|(name, _)| (*name).to_owned())
}

/// A page of conversations, and the place after it.
pub async fn conversations(rest: &Rest, query: &str) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let query = if query.is_empty() { format!("per_page={PAGE}") } else { query.to_owned() };
    let asked = ask(rest, &format!("{CONVERSATIONS}?{query}")).await;
    let rows: Conversations = asked.map_err(|fault: Fault| {
        fault.refused_as(
            "Intercom does not let this app read conversations.",
            "Its maker ticks the permission Read conversations in the Developer Hub; then connect again.",
        )
    })?;
    let next = next(CONVERSATIONS, rows.pages).or_else(|| after(rest, CONVERSATIONS));
    let items = rows.conversations.into_iter().filter_map(|it| conversation(rest, it)).collect();
    Ok((items, next))
}

/// A page of tickets, and the place after it. There is no list of tickets but the search for all.
pub async fn tickets(rest: &Rest, query: &str) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let cursor = pairs.find(|(name, _)| name == "starting_after").map(|(_, cursor)| cursor.into_owned());
    let mut pagination = json!({ "per_page": PAGE });
    if let Some(cursor) = cursor {
        pagination["starting_after"] = cursor.into();
    }
    let all = json!({ "field": "created_at", "operator": ">", "value": "0" });
    let body = json!({ "query": all, "pagination": pagination });
    let asked = rest.post(TICKETS).header(VERSION.0, VERSION.1).json(&body).value().await;
    let rows: Tickets = asked.map_err(|fault| {
        fault.refused_as(
            "Intercom does not let this app read tickets.",
            "Its maker ticks the permission Read tickets in the Developer Hub; then connect again.",
        )
    })?;
    let next = next(TICKETS, rows.pages).or_else(|| after(rest, TICKETS));
    Ok((rows.tickets.into_iter().filter_map(ticket).collect(), next))
}

pub async fn read(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    let number = item.id.split_once('/').map_or(item.id.as_str(), |(_, number)| number);
    let mut html = format!("<h1>{}</h1>\n", escaped(&item.name));
    let parts = if item.kind == Kind::Ticket {
        let ticket: Ticket = ask(rest, &format!("/tickets/{}", segment(number))).await?;
        html += &format!("<p>{}</p>\n", attribute(&ticket, "_default_description_"));
        ticket.ticket_parts
    } else {
        let it: Conversation = ask(rest, &format!("{CONVERSATIONS}/{}", segment(number))).await?;
        // The first message bears no time of its own.
        let begun = it.created_at;
        html += &it.source.map_or_else(String::new, |first| Part { created_at: begun, ..first }.html());
        it.conversation_parts
    };
    html.extend(parts.into_iter().flat_map(|parts| parts.rows).map(|part| part.html()));
    Ok(Content::html(html))
}

impl Part {
    /// Below who wrote it and when; empty where nothing was written, or it was taken back.
    fn html(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        if body.is_empty() || self.redacted == Some(true) {
            return String::new();
        }
        let name = self.author.as_ref().and_then(|it| it.name.as_deref()).unwrap_or("Somebody");
        let note = if self.part_type.as_deref() == Some("note") { " (internal note)" } else { "" };
        let when = self.created_at.map_or_else(String::new, rfc3339);
        format!("<p>{}{note} {when}</p>\n{body}\n", escaped(name))
    }
}

fn conversation(rest: &Rest, it: Conversation) -> Option<Listed> {
    let number = id(&it.id)?;
    let subject = it.source.and_then(|first| first.subject).map(|subject| bare(&subject));
    let name = it.title.or(subject).filter(|name| !name.trim().is_empty());
    let inbox = format!("https://app.{}.com/a/inbox/{}", rest.field("region"), rest.field("workspace_id"));
    let item = Item {
        format: Some("html".into()),
        modified: it.updated_at,
        url: Some(format!("{inbox}/inbox/conversation/{}", segment(&number))),
        version: it.updated_at.unwrap_or_default().to_string(),
        ..Item::content(
            format!("conversation/{number}"),
            name.unwrap_or_else(|| format!("Conversation {number}")),
            Kind::Conversation,
        )
    };
    Some(item.into())
}

fn ticket(it: Ticket) -> Option<Listed> {
    let title = Some(attribute(&it, "_default_title_")).filter(|title| !title.trim().is_empty());
    let shown = || it.ticket_id.as_ref().and_then(id).unwrap_or_default();
    let item = Item {
        format: Some("html".into()),
        modified: it.updated_at,
        version: it.updated_at.unwrap_or_default().to_string(),
        ..Item::content(
            format!("ticket/{}", id(&it.id)?),
            title.map_or_else(|| format!("Ticket {}", shown()), |title| bare(&title)),
            Kind::Ticket,
        )
    };
    Some(item.into())
}

fn attribute(ticket: &Ticket, name: &str) -> String {
    ticket.ticket_attributes.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A heading that may come in paragraph marks.
fn bare(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text += part.split_once('>').map_or(part, |(_, after)| after);
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_and_what_merely_happened_is_left_out() {
        let part = |part: Value| serde_json::from_value::<Part>(part).unwrap().html();
        let author = json!({ "name": "A & B" });
        let said = json!({ "part_type": "note", "body": "<p>Hello</p>", "author": author, "created_at": 0 });
        assert_eq!(part(said), "<p>A &amp; B (internal note) 1970-01-01T00:00:00Z</p>\n<p>Hello</p>\n");
        assert_eq!(part(json!({ "part_type": "close", "body": null })), "");
        assert_eq!(part(json!({ "body": "<p>Hello</p>", "redacted": true })), "");
        assert_eq!(bare("<p>Where is it?</p>"), "Where is it?");
        assert_eq!(bare("Where is it?"), "Where is it?");
    }
}
