//! Mail folders and messages, after Graph's `mailfolder-delta.md`, `user-list-messages.md`, `message-delta.md`,
//! `message-get.md`, `outlook-immutable-id.md` and `json-batching.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::batch::batch;
use super::categories::{categories, master_categories};
use super::folders::{IMMUTABLE, MUTABLE, ROOT, folder_named, is_folder, is_there, mark, named, place};
use super::mailbox;
use crate::contents::{Change, Contents, Format, State, Thing, What, page};
use crate::dates::iso;
use crate::desk::Desk;
use crate::providers::microsoft::filter::Filter;
use crate::providers::microsoft::graph::{bad, keep, link, rows, selected, token};
use crate::providers::microsoft::graph_error;
use crate::providers::{Answer, Endpoint, Host, Kind};
use crate::wire::{Reply, Request};

pub const GRAPH: Host = Host::new(
    "graph.microsoft.com",
    &[
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders", folders),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders/delta", folder_delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders/{id}", folder),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders/{id}/childFolders", folders),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders/{id}/messages", messages),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/mailFolders/{id}/messages/delta", message_delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/outlook/masterCategories", master_categories),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/messages/{id}", message),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/messages/{id}/$value", mime),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/messages/{id}/attachments", attachments),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders", folders),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders/delta", folder_delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders/{id}", folder),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders/{id}/childFolders", folders),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders/{id}/messages", messages),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/mailFolders/{id}/messages/delta", message_delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/messages/{id}", message),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/messages/{id}/$value", mime),
        Endpoint::new(Kind::Api, "GET", "/v1.0/users/{user}/messages/{id}/attachments", attachments),
        Endpoint::new(Kind::Api, "POST", "/v1.0/$batch", batch),
    ],
);

const USUAL_PAGE: usize = 10;
const LARGEST_PAGE: usize = 1000;

/// What `Prefer` asks for.
struct Preferences {
    immutable: bool,
    text: bool,
    page: Option<String>,
}

impl Preferences {
    fn of(request: &Request) -> Preferences {
        let said = request.header("prefer").unwrap_or_default();
        let value = |name: &str| {
            said.split(',').filter_map(|it| it.trim().split_once('=')).find(|(key, _)| *key == name)
        };
        let value = |name| value(name).map(|(_, value)| value.trim_matches('"').to_owned());
        Preferences {
            immutable: value("IdType").as_deref() == Some("ImmutableId"),
            text: value("outlook.body-content-type").as_deref() == Some("text"),
            page: value("odata.maxpagesize"),
        }
    }

    /// A message's id; unless it is asked for as immutable it tells the folder.
    fn id(&self, contents: &Contents, thing: &Thing) -> String {
        if self.immutable {
            return thing.id.clone();
        }
        thing.id.replacen(IMMUTABLE, MUTABLE, 1) + &mark(place(contents, thing).unwrap_or_default())
    }
}

fn nothing(desk: &Desk) -> Reply {
    graph_error(desk, 404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

fn folder_shown(contents: &Contents, thing: &Thing) -> Value {
    let below = || contents.children(Some(&thing.id)).filter(|it| is_there(it));
    json!({
        "id": thing.id,
        "displayName": thing.name,
        "parentFolderId": place(contents, thing).unwrap_or(ROOT),
        "childFolderCount": below().filter(|it| is_folder(it)).count(),
        "totalItemCount": below().filter(|it| !is_folder(it)).count(),
        "unreadItemCount": 0,
        "sizeInBytes": 0,
        "isHidden": thing.kind == "hidden",
    })
}

fn folder(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    if request.capture("id").eq_ignore_ascii_case("msgfolderroot") {
        let root = json!({ "id": ROOT, "displayName": "Top of Information Store", "isHidden": false });
        return Ok(Reply::json(200, &selected(root, request)));
    }
    Ok(match folder_named(&contents, request.capture("id")) {
        Some(thing) => Reply::json(200, &selected(folder_shown(&contents, thing), request)),
        None => nothing(desk),
    })
}

/// Folders at the top or in another one; hidden ones only when they are asked for.
fn folders(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    let parent = match request.capture("id") {
        "" => None,
        said => match folder_named(&contents, said) {
            Some(thing) => Some(thing.id.as_str()),
            None => return Ok(nothing(desk)),
        },
    };
    let with_hidden = request.query("includeHiddenFolders") == Some("true");
    let is_shown = |it: &Thing| is_folder(it) && is_there(it) && (with_hidden || it.kind != "hidden");
    let from = token(request, "$skiptoken").and_then(|it| it.parse().ok()).unwrap_or(0);
    let walk = contents.walk(from).filter(|(_, it)| is_shown(it) && place(&contents, it) == parent);
    let (things, next) = page(walk, desk.limit(request.query("$top"), USUAL_PAGE, LARGEST_PAGE));
    let found = things.iter().map(|it| selected(folder_shown(&contents, it), request)).collect();
    Ok(rows(found, next.map(|at| ("@odata.nextLink", link(request, "$skiptoken", &at.to_string())))))
}

/// What stands in the token of a delta's link: where it goes on, and the `$select` of the first request.
enum Spot {
    Listing { start: u64, from: usize },
    Since(u64),
}

fn spot(request: &Request, now: u64) -> Option<(Spot, Option<String>)> {
    let said = token(request, "$skiptoken").or_else(|| token(request, "$deltatoken"));
    let Some(said) = said else {
        let is_first = request.query("$skiptoken").or(request.query("$deltatoken")).is_none();
        let select = request.query("$select").map(str::to_owned);
        return is_first.then_some((Spot::Listing { start: now, from: 0 }, select));
    };
    let (numbers, select) = said.split_once(' ')?;
    let select = Some(select.to_owned()).filter(|it| !it.is_empty());
    let spot = match numbers.split_once('.') {
        Some((start, from)) => Spot::Listing { start: start.parse().ok()?, from: from.parse().ok()? },
        None => Spot::Since(numbers.parse().ok()?),
    };
    Some((spot, select))
}

/// A page of a delta query over things: `is_in` says which belong to it, `was_in` which changes led out of it.
fn delta(
    desk: &Desk,
    request: &Request,
    contents: &Contents,
    is_in: impl Fn(&Thing) -> bool,
    was_in: impl Fn(&Change) -> bool,
    shown: impl Fn(&Thing) -> Value,
    removed: impl Fn(&Change) -> Value,
) -> Reply {
    let Some((spot, select)) = spot(request, contents.now_at()) else {
        return bad(desk, "Badly formed token.");
    };
    let limit = desk.limit(Preferences::of(request).page.as_deref(), USUAL_PAGE, LARGEST_PAGE);
    let plain = Request { query: Vec::new(), ..request.clone() };
    let select = select.unwrap_or_default();
    let to = |name: &'static str, token: &str, place: String| {
        (name, link(&plain, token, &format!("{place} {select}")))
    };
    let (mut found, next) = match spot {
        Spot::Listing { start, from } => {
            let (things, next) = page(contents.walk(from).filter(|(_, it)| is_in(it)), limit);
            let next = match next {
                Some(at) => to("@odata.nextLink", "$skiptoken", format!("{start}.{at}")),
                None => to("@odata.deltaLink", "$deltatoken", start.to_string()),
            };
            (things.into_iter().map(shown).collect::<Vec<_>>(), next)
        }
        Spot::Since(position) => {
            let Ok(changes) = contents.since(position) else {
                let words = "The sync state generation is not found; continuing with a full synchronization.";
                return graph_error(desk, 410, "SyncStateNotFound", words);
            };
            let some = &changes[..limit.min(changes.len())];
            let tell = |change: &Change| match contents.get(&change.id).filter(|it| is_in(it)) {
                Some(thing) => Some(shown(thing)),
                None => was_in(change).then(|| removed(change)),
            };
            let next = match some.last().filter(|_| some.len() < changes.len()) {
                Some(last) => to("@odata.nextLink", "$skiptoken", last.position.to_string()),
                None => to("@odata.deltaLink", "$deltatoken", contents.now_at().to_string()),
            };
            (some.iter().filter_map(tell).collect(), next)
        }
    };
    found.iter_mut().for_each(|row| keep(row, Some(&select)));
    rows(found, Some(next))
}

fn folder_delta(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    Ok(delta(
        desk,
        request,
        &contents,
        |thing| is_folder(thing) && is_there(thing),
        |change| is_folder(&change.thing),
        |thing| folder_shown(&contents, thing),
        |change| json!({ "id": change.id, "@removed": { "reason": "deleted" } }),
    ))
}

fn message_delta(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    let Some(folder) = folder_named(&contents, request.capture("id")) else { return Ok(nothing(desk)) };
    let wishes = Preferences::of(request);
    let was_in = |change: &Change| {
        let from = match &change.what {
            What::Moved { from } => from.as_deref(),
            _ => None,
        };
        !is_folder(&change.thing) && [from, change.thing.parent.as_deref()].contains(&Some(&folder.id))
    };
    Ok(delta(
        desk,
        request,
        &contents,
        |thing| !is_folder(thing) && is_there(thing) && place(&contents, thing) == Some(&folder.id),
        was_in,
        |thing| message_shown(&contents, thing, &wishes),
        |change| {
            json!({
                "@odata.type": "#microsoft.graph.message",
                "id": wishes.id(&contents, &change.thing),
                "@removed": { "reason": "deleted" },
            })
        },
    ))
}

fn messages(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    if request.query("$top").and_then(|it| it.parse::<usize>().ok()).is_some_and(|it| it > LARGEST_PAGE) {
        return Ok(bad(desk, "The limit of '1000' for Top query has been exceeded."));
    }
    let filter = match request.query("$filter").map(|text| Filter::read(text).ok_or("Invalid filter clause"))
    {
        Some(Err(words)) => return Ok(graph_error(desk, 400, "BadRequest", words)),
        Some(Ok(filter)) => Some(filter),
        None => None,
    };
    let contents = desk.contents();
    let Some(folder) = folder_named(&contents, request.capture("id")) else { return Ok(nothing(desk)) };
    let wishes = Preferences::of(request);
    let from = token(request, "$skiptoken").and_then(|it| it.parse().ok()).unwrap_or(0);
    let is_in = |it: &Thing| {
        !is_folder(it)
            && is_there(it)
            && place(&contents, it) == Some(&folder.id)
            && filter.as_ref().is_none_or(|filter| filter.fits(&message_shown(&contents, it, &wishes)))
    };
    let walk = contents.walk(from).filter(|(_, it)| is_in(it));
    let (things, next) = page(walk, desk.limit(request.query("$top"), USUAL_PAGE, LARGEST_PAGE));
    let found = things.iter().map(|it| selected(message_shown(&contents, it, &wishes), request)).collect();
    Ok(rows(found, next.map(|at| ("@odata.nextLink", link(request, "$skiptoken", &at.to_string())))))
}

fn message(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    let wishes = Preferences::of(request);
    Ok(match named(&contents, request.capture("id")) {
        Some(thing) => Reply::json(200, &selected(message_shown(&contents, thing, &wishes), request)),
        None => nothing(desk),
    })
}

fn message_shown(contents: &Contents, thing: &Thing, wishes: &Preferences) -> Value {
    let sender =
        json!({ "emailAddress": { "name": thing.extra("name"), "address": thing.extra("address") } });
    let words = thing.words();
    let preview: String = words.chars().take(255).collect();
    let (kind, body) = if wishes.text {
        ("text", words.replace('\n', "\r\n"))
    } else {
        ("html", format!("<html><head></head><body>{}</body></html>", thing.html()))
    };
    json!({
        "@odata.type": "#microsoft.graph.message",
        "@odata.etag": format!("W/\"{}\"", change_key(thing)),
        "id": wishes.id(contents, thing),
        "changeKey": change_key(thing),
        "createdDateTime": iso(thing.created),
        "lastModifiedDateTime": iso(thing.modified),
        "receivedDateTime": iso(thing.created),
        "sentDateTime": iso(thing.created),
        "hasAttachments": !thing.extra("file").is_empty(),
        "internetMessageId": format!("<{}@acme.example>", thing.token()),
        "subject": thing.name,
        "bodyPreview": preview,
        "importance": "normal",
        "categories": categories(thing),
        "flag": { "flagStatus": if thing.created % 5 == 2 { "flagged" } else { "notFlagged" } },
        "parentFolderId": place(contents, thing).unwrap_or(ROOT),
        "conversationId": format!("{MUTABLE}{}", thing.token()),
        "isRead": true,
        "isDraft": thing.state == State::Draft,
        "webLink": format!("https://outlook.office365.com/owa/?ItemID={}&exvsurl=1&viewmodel=ReadMessageItem", thing.id),
        "body": { "contentType": kind, "content": body },
        "sender": sender,
        "from": sender,
        "toRecipients": [{ "emailAddress": { "name": "Support", "address": "support@acme.example" } }],
        "ccRecipients": [],
    })
}

fn change_key(thing: &Thing) -> String {
    STANDARD.encode(format!("{}.{}", thing.token(), thing.revision))
}

/// The message as it was sent.
fn mime(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    let Some(thing) = named(&contents, request.capture("id")) else { return Ok(nothing(desk)) };
    let made = String::from_utf8_lossy(&thing.bytes_as(Format::Eml)).into_owned();
    let rest = made.find("\r\nDate:").map_or("", |at| &made[at..]);
    let letters: Vec<char> = thing.name.chars().collect();
    let subject: Vec<String> = letters
        .chunks(10)
        .map(|some| format!("=?utf-8?B?{}?=", STANDARD.encode(some.iter().collect::<String>())))
        .collect();
    let whole = format!(
        "From: {} <{}>\r\nTo: Support <support@acme.example>\r\nSubject: {}{rest}",
        thing.extra("name"),
        thing.extra("address"),
        subject.join("\r\n "),
    );
    Ok(Reply::text(200, &whole).kind("text/plain"))
}

fn attachments(desk: &Desk, request: &Request) -> Answer {
    if let Err(refusal) = mailbox(desk, request)? {
        return Ok(refusal);
    }
    let contents = desk.contents();
    let Some(thing) = named(&contents, request.capture("id")) else { return Ok(nothing(desk)) };
    let wishes = Preferences::of(request);
    let file = thing.extra("file");
    let attached = (!file.is_empty()).then(|| {
        let mut shown = selected(
            json!({
                "id": format!("{}EgAQAN", wishes.id(&contents, thing)),
                "lastModifiedDateTime": iso(thing.modified),
                "name": file,
                "contentType": "text/csv",
                "size": thing.bytes_as(Format::Csv).len(),
                "isInline": false,
                "contentBytes": STANDARD.encode(thing.bytes_as(Format::Csv)),
            }),
            request,
        );
        shown["@odata.type"] = json!("#microsoft.graph.fileAttachment");
        shown
    });
    Ok(rows(attached.into_iter().collect(), None))
}
