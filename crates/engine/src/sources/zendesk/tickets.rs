//! Tickets, their comments and what is attached to those (`/api/v2/tickets`).
//!
//! The export brings a thousand tickets a page, archived ones among them, and is for admins only; an agent has the
//! list, which leaves out what was archived. The export does not look at the last minute, so the newest come by the
//! list sorted by their change. A ticket's version is the time of its last event, and each comment is one.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Meta, PAGE, TOO_RECENT, after};
use crate::clock::from_rfc3339;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page, ending};
use crate::sources::rest::{DOCUMENT, segment};
use crate::sources::{Fault, Rest};

/// The most that a page of the export holds.
const EXPORT: u32 = 1000;
/// So many where each asks for its comments, so that little is asked again after an interruption.
const WITH_COMMENTS: u32 = 25;

#[derive(Deserialize)]
struct Tickets {
    tickets: Vec<Ticket>,
    meta: Option<Meta>,
    after_cursor: Option<String>,
    end_of_stream: Option<bool>,
}

#[derive(Deserialize)]
struct Ticket {
    id: u64,
    subject: Option<String>,
    raw_subject: Option<String>,
    status: Option<String>,
    updated_at: Option<String>,
}

#[derive(Deserialize)]
struct Comments {
    comments: Vec<Comment>,
    #[serde(default)]
    users: Vec<User>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Comment {
    author_id: Option<i64>,
    plain_body: Option<String>,
    body: Option<String>,
    public: Option<bool>,
    created_at: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Attachment {
    id: u64,
    file_name: Option<String>,
    /// Holds a token of its own, so it is asked for when it is needed and never kept.
    content_url: Option<String>,
    content_type: Option<String>,
    size: Option<u64>,
    inline: Option<bool>,
    deleted: Option<bool>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    name: Option<String>,
}

/// All comments of a ticket, oldest first, and the names of who wrote them.
#[derive(Default)]
struct Said {
    comments: Vec<Comment>,
    names: HashMap<i64, String>,
}

/// Where tickets begin, where they are wanted.
pub fn first(rest: &Rest) -> Option<String> {
    rest.lists(Kind::Ticket).then(|| "tickets ".to_owned())
}

/// Everything by the export, then the newest; by the list for who may not export.
pub async fn changes(rest: &Rest, place: Option<&str>) -> Result<Changes, Fault> {
    let (what, cursor) = place.and_then(|it| it.split_once(' ')).unwrap_or(("export", ""));
    let (found, next) = match what {
        "export" => export(rest, given(cursor)).await?,
        "newest" => newest(rest, cursor).await?,
        _ => {
            let (found, next) = list(rest, given(cursor)).await?;
            (found, next.map(|next| format!("list {next}")))
        }
    };
    let next = next.map_or(Next::Done(None), |next| Next::More(format!("tickets {next}")));
    Ok(Changes { items: listed(rest, found).await?, removed: Vec::new(), next })
}

/// A page of the list, for who looks into the account.
pub async fn page(rest: &Rest, cursor: &str) -> Result<Page, Fault> {
    let (found, next) = list(rest, given(cursor)).await?;
    let items = found.into_iter().filter_map(|it| item(rest, it)).map(Listed::from).collect();
    Ok(Page { items, next: next.map(|next| format!("tickets {next}")) })
}

/// What is attached to a ticket, where that is wanted.
pub async fn attachments(rest: &Rest, ticket: &str) -> Result<Page, Fault> {
    if !rest.lists(Kind::Attachment) {
        return Ok(Page::default());
    }
    let items = said(rest, ticket).await?.attached(ticket).into_iter().map(Listed::from).collect();
    Ok(Page { items, next: None })
}

pub async fn read(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    Ok(said(rest, number(&item.id)).await?.text(&item.name))
}

pub async fn read_attachment(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    let ticket = item.parent.as_deref().ok_or(Fault::Gone)?;
    let said = said(rest, number(ticket)).await?;
    let mut all = said.comments.into_iter().flat_map(|comment| comment.attachments);
    let found = all.find(|it| it.deleted != Some(true) && it.id.to_string() == number(&item.id));
    let (address, media_type) =
        found.and_then(|it| Some((it.content_url?, it.content_type))).ok_or(Fault::Gone)?;
    let reply = rest.get(address).download(DOCUMENT).await?;
    Ok(Content::file(reply.body, media_type, &item.name))
}

async fn export(rest: &Rest, cursor: Option<&str>) -> Result<(Vec<Ticket>, Option<String>), Fault> {
    let size = if rest.lists(Kind::Attachment) { WITH_COMMENTS } else { EXPORT };
    let ask = rest.get("/incremental/tickets/cursor").query("per_page", size).query("exclude_deleted", true);
    let ask = match cursor {
        Some(cursor) => ask.query("cursor", cursor),
        None => ask.query("start_time", 0),
    };
    let found: Tickets = match ask.value().await {
        Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) && cursor.is_none() => {
            return Ok((Vec::new(), Some("list ".into())));
        }
        other => other?,
    };
    let next = found.after_cursor.filter(|_| found.end_of_stream == Some(false));
    let newest = || format!("newest {} ", rest.clock().now() - TOO_RECENT);
    Ok((found.tickets, Some(next.map_or_else(newest, |next| format!("export {next}")))))
}

/// What changed last, down to a time in seconds since 1970.
async fn newest(rest: &Rest, place: &str) -> Result<(Vec<Ticket>, Option<String>), Fault> {
    let (end, cursor) = place.split_once(' ').unwrap_or((place, ""));
    let ask = rest.get("/tickets").query("sort", "-updated_at").query("page[size]", PAGE);
    let found: Tickets = ask.maybe("page[after]", given(cursor)).value().await?;
    let since = end.parse().unwrap_or(0);
    let is_new = |it: &Ticket| it.updated_at.as_deref().and_then(from_rfc3339).is_some_and(|at| at >= since);
    let next = after(found.meta).filter(|_| found.tickets.last().is_some_and(is_new));
    Ok((found.tickets.into_iter().filter(is_new).collect(), next.map(|next| format!("newest {end} {next}"))))
}

async fn list(rest: &Rest, cursor: Option<&str>) -> Result<(Vec<Ticket>, Option<String>), Fault> {
    let size = if rest.lists(Kind::Attachment) { WITH_COMMENTS } else { PAGE };
    let ask = rest.get("/tickets").query("page[size]", size).maybe("page[after]", cursor);
    let found: Tickets = ask.value().await.map_err(|fault| {
        fault.refused_as(
            "Zendesk does not let this sign-in read tickets.",
            "Connect again, as an agent and with the permission tickets:read.",
        )
    })?;
    Ok((found.tickets, after(found.meta)))
}

/// Where attachments are wanted, each ticket comes with its text: its comments are asked for anyway.
async fn listed(rest: &Rest, found: Vec<Ticket>) -> Result<Vec<Listed>, Fault> {
    let mut items = Vec::new();
    for item in found.into_iter().filter_map(|it| item(rest, it)) {
        if !rest.lists(Kind::Attachment) {
            items.push(item.into());
            continue;
        }
        let said = match said(rest, number(&item.id)).await {
            // Deleted since it was listed.
            Err(Fault::Status(reply)) if matches!(reply.status, 404 | 410) => continue,
            other => other?,
        };
        let attached = said.attached(number(&item.id));
        let content = Some(said.text(&item.name));
        items.push(Listed { item, content });
        items.extend(attached.into_iter().map(Listed::from));
    }
    Ok(items)
}

async fn said(rest: &Rest, ticket: &str) -> Result<Said, Fault> {
    let (mut said, mut cursor) = (Said::default(), None);
    loop {
        let ask = rest.get(format!("/tickets/{}/comments", segment(ticket))).query("include", "users");
        let found: Comments = ask.query("page[size]", PAGE).maybe("page[after]", cursor).value().await?;
        said.comments.extend(found.comments);
        said.names.extend(found.users.into_iter().filter_map(|user| Some((user.id, user.name?))));
        cursor = after(found.meta);
        if cursor.is_none() {
            return Ok(said);
        }
    }
}

/// None for one that was deleted.
fn item(rest: &Rest, ticket: Ticket) -> Option<Item> {
    if ticket.status.as_deref() == Some("deleted") {
        return None;
    }
    let name = ticket.subject.or(ticket.raw_subject).filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| format!("Ticket {}", ticket.id));
    Some(Item {
        format: Some("txt".into()),
        modified: ticket.updated_at.as_deref().and_then(from_rfc3339),
        url: Some(format!("https://{}.zendesk.com/agent/tickets/{}", rest.field("subdomain"), ticket.id)),
        version: ticket.updated_at.unwrap_or_default(),
        expandable: rest.lists(Kind::Attachment),
        ..Item::content(format!("ticket/{}", ticket.id), name, Kind::Ticket)
    })
}

impl Said {
    /// Pictures within a comment are a part of it, and nothing to be read.
    fn attached(&self, ticket: &str) -> Vec<Item> {
        let of = |comment: &Comment, it: &Attachment| {
            let name = it.file_name.clone().unwrap_or_default();
            Item {
                parent: Some(format!("ticket/{ticket}")),
                format: ending(&name),
                size: it.size,
                modified: comment.created_at.as_deref().and_then(from_rfc3339),
                version: it.id.to_string(),
                ..Item::content(format!("attachment/{}", it.id), name, Kind::Attachment)
            }
        };
        let all =
            self.comments.iter().flat_map(|comment| comment.attachments.iter().map(move |it| (comment, it)));
        all.filter(|(_, it)| it.deleted != Some(true) && it.inline != Some(true))
            .map(|(comment, it)| of(comment, it))
            .collect()
    }

    /// The subject, then each comment below who wrote it and when.
    fn text(&self, subject: &str) -> Content {
        let mut text = subject.to_owned();
        for comment in &self.comments {
            let body = comment.plain_body.as_deref().or(comment.body.as_deref()).unwrap_or_default();
            let name =
                comment.author_id.and_then(|id| self.names.get(&id)).map_or("Somebody", String::as_str);
            let note = if comment.public == Some(false) { " (internal note)" } else { "" };
            let when = comment.created_at.as_deref().unwrap_or_default();
            text += &format!("\n\n{name}{note} {when}\n{}", body.trim());
        }
        Content::Text(text)
    }
}

fn given(cursor: &str) -> Option<&str> {
    Some(cursor).filter(|cursor| !cursor.is_empty())
}

/// `35436` of `ticket/35436`.
fn number(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, number)| number)
}
