//! The methods that list and read channels, direct messages, threads and files (docs.slack.dev/reference/methods).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::said::{KINDS, ts};
use super::{TEAM, answer, bearer, user_id};
use crate::contents::{Contents, Format, State, Thing};
use crate::desk::Desk;
use crate::grants::Grant;
use crate::people::{PEOPLE, Person};
use crate::providers::Answer;
use crate::wire::{Reply, Request};

/// A parameter, in the query or in the body.
fn argument(request: &Request, name: &str) -> Option<String> {
    let said = request.query(name).map(str::to_owned).or_else(|| request.field(name));
    said.filter(|value| !value.is_empty())
}

fn refused(grant: &Grant, error: &str) -> Answer {
    Ok(answer(grant, &json!({ "ok": false, "error": error })).refused())
}

fn missing_scope(grant: &Grant, needed: &str) -> Answer {
    let provided = grant.scopes.join(",");
    let body = json!({ "ok": false, "error": "missing_scope", "needed": needed, "provided": provided });
    Ok(answer(grant, &body).refused())
}

/// Cursors are base64 with its equals signs.
fn cursor(what: &str, place: impl std::fmt::Display) -> String {
    STANDARD.encode(format!("{what}:{place}"))
}

/// The place of a cursor: none without one, and wrong for one of another list.
fn place(request: &Request, what: &str) -> Result<Option<String>, ()> {
    let Some(sent) = argument(request, "cursor") else { return Ok(None) };
    let text = STANDARD.decode(sent).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(())?;
    text.strip_prefix(what).and_then(|rest| rest.strip_prefix(':')).map(|it| Some(it.to_owned())).ok_or(())
}

/// What the person is in. Kinds are sorted out after the page was cut, so pages may be short or empty.
pub fn users_conversations(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    let types = argument(request, "types").unwrap_or_else(|| "public_channel".to_owned());
    let asked: Vec<_> = types.split(',').map(str::trim).collect();
    if asked.iter().any(|kind| KINDS.iter().all(|(known, ..)| known != kind)) {
        return refused(&grant, "invalid_types");
    }
    for (kind, _, needed, _) in KINDS {
        if asked.contains(&kind) && !grant.has_scope(needed) {
            return missing_scope(&grant, needed);
        }
    }
    let Ok(from) = place(request, "channel") else { return refused(&grant, "invalid_cursor") };
    let from = from.and_then(|at| at.parse().ok()).unwrap_or(0);
    let contents = desk.contents();
    let limit = desk.limit(argument(request, "limit").as_deref(), 100, 999);
    let channels = contents.walk_below(None, from).filter(|(_, it)| it.state == State::Published);
    let (page, next) = crate::contents::page(channels, limit);
    let shown = page.into_iter().filter(|it| asked.contains(&it.kind)).map(channel);
    let next = next.map_or(String::new(), |next| cursor("channel", next));
    Ok(answer(
        &grant,
        &json!({
            "ok": true,
            "channels": shown.collect::<Vec<_>>(),
            "response_metadata": { "next_cursor": next },
        }),
    ))
}

fn channel(thing: &Thing) -> Value {
    let kind = thing.kind;
    let mut channel = json!({
        "id": thing.id,
        "created": thing.created,
        "is_archived": false,
        "is_im": kind == "im",
        "is_mpim": kind == "mpim",
        "is_org_shared": false,
        "is_shared": false,
        "context_team_id": TEAM,
        "updated": thing.modified * 1000,
    });
    if kind == "im" {
        channel["user"] = json!(Person::find(&thing.name).map_or("USLACKBOT".to_owned(), user_id));
        channel["is_user_deleted"] = json!(false);
        return channel;
    }
    let more = json!({
        "name": thing.name,
        "name_normalized": thing.name,
        "is_general": thing.name == "general",
        "is_channel": kind == "public_channel",
        "is_group": kind == "private_channel",
        "is_private": kind != "public_channel",
        "creator": user_id(&PEOPLE[0]),
        "topic": { "value": "", "creator": "", "last_set": 0 },
        "purpose": { "value": "", "creator": "", "last_set": 0 },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        channel[key] = value.clone();
    }
    channel
}

/// The channel that is asked for, or why its messages cannot be read.
fn readable<'c>(grant: &Grant, request: &Request, contents: &'c Contents) -> Result<&'c Thing, Answer> {
    let id = argument(request, "channel").unwrap_or_default();
    let found = contents.get(&id).filter(|it| it.state == State::Published);
    let Some((thing, kind)) = found.and_then(|it| Some((it, KINDS.iter().find(|kind| kind.0 == it.kind)?)))
    else {
        return Err(refused(grant, "channel_not_found"));
    };
    if !grant.has_scope(kind.3) {
        return Err(missing_scope(grant, kind.3));
    }
    if thing.extra("closed") == "yes" {
        return Err(refused(grant, "not_in_channel"));
    }
    Ok(thing)
}

/// Newest first, with those answers that the channel was shown too.
pub fn history(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    let contents = desk.contents();
    let channel = match readable(&grant, request, &contents) {
        Ok(channel) => channel,
        Err(answer) => return answer,
    };
    let broadcast = |first: &Thing| {
        let replies = contents.children(Some(&first.id));
        replies.filter(|it| it.extra("broadcast") == "yes").collect::<Vec<_>>()
    };
    let mut all: Vec<&Thing> = contents
        .children(Some(&channel.id))
        .filter(|it| matches!(it.kind, "message" | "notice"))
        .flat_map(|it| [it].into_iter().chain(broadcast(it)))
        .filter(|it| it.state == State::Published)
        .collect();
    all.sort_by_key(|it| std::cmp::Reverse(ts(it)));
    messages(desk, request, &grant, &contents, all, 100)
}

/// A thread, its first message included, oldest first.
pub fn replies(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    let contents = desk.contents();
    let channel = match readable(&grant, request, &contents) {
        Ok(channel) => channel,
        Err(answer) => return answer,
    };
    let wanted = argument(request, "ts").unwrap_or_default();
    let first = contents
        .children(Some(&channel.id))
        .find(|it| it.state == State::Published && it.kind != "file" && ts(it) == wanted);
    let Some(first) = first else { return refused(&grant, "thread_not_found") };
    let mut all: Vec<&Thing> = answers(&contents, first);
    all.insert(0, first);
    messages(desk, request, &grant, &contents, all, 1000)
}

fn answers<'c>(contents: &'c Contents, first: &Thing) -> Vec<&'c Thing> {
    let mut all: Vec<_> =
        contents.children(Some(&first.id)).filter(|it| it.state == State::Published).collect();
    all.sort_by_key(|it| ts(it));
    all
}

fn messages(
    desk: &Desk,
    request: &Request,
    grant: &Grant,
    contents: &Contents,
    all: Vec<&Thing>,
    usual: usize,
) -> Answer {
    let Ok(from) = place(request, "next_ts") else { return refused(grant, "invalid_cursor") };
    let within = |it: &&Thing| {
        let at = ts(it);
        let inclusive = matches!(argument(request, "inclusive").as_deref(), Some("1" | "true"));
        let after = argument(request, "oldest").is_none_or(|oldest| at > oldest || inclusive && at == oldest);
        after && argument(request, "latest").is_none_or(|latest| at < latest || inclusive && at == latest)
    };
    let limit = desk.limit(argument(request, "limit").as_deref(), usual, 999);
    let mut files: HashMap<&str, Vec<Value>> = HashMap::new();
    let place = all.first().and_then(|it| it.id.split('_').next());
    for it in contents.children(place).filter(|it| it.kind == "file" && it.state == State::Published) {
        files.entry(it.extra("on")).or_default().push(file(it));
    }
    let mut left =
        all.into_iter().filter(within).skip_while(|it| from.as_ref().is_some_and(|from| ts(it) != *from));
    let page: Vec<_> =
        left.by_ref().take(limit).map(|it| message(contents, it, files.get(it.id.as_str()))).collect();
    let next = left.next().map(ts);
    let mut body = json!({ "ok": true, "messages": page, "has_more": next.is_some() });
    if let Some(next) = next {
        body["response_metadata"] = json!({ "next_cursor": cursor("next_ts", next) });
    }
    Ok(answer(grant, &body))
}

fn message(contents: &Contents, thing: &Thing, files: Option<&Vec<Value>>) -> Value {
    let author = Person::find(thing.extra("by"));
    let user = author.map(user_id);
    let mut message = json!({ "type": "message", "ts": ts(thing), "team": TEAM });
    match (thing.kind, &user) {
        ("notice", user) => {
            let user = user.clone().unwrap_or_else(|| user_id(&PEOPLE[0]));
            message["subtype"] = json!("channel_join");
            message["text"] = json!(format!("<@{user}> has joined the channel"));
            message["user"] = json!(user);
            return message;
        }
        _ if thing.extra("tombstone") == "yes" => {
            message["subtype"] = json!("tombstone");
            message["user"] = json!("USLACKBOT");
            message["hidden"] = json!(true);
            message["text"] = json!("This message was deleted.");
        }
        (_, Some(user)) => message["user"] = json!(user),
        (_, None) => {
            message["subtype"] = json!("bot_message");
            message["bot_id"] = json!("B0PRACTICE");
            message["username"] = json!("Acme Builds");
        }
    }
    if message.get("text").is_none() {
        let words = thing.words().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let to = Person::find(thing.extra("to")).map(|to| format!("<@{}> ", user_id(to)));
        message["text"] = json!(to.unwrap_or_default() + &words);
        if thing.revision > 1 {
            message["edited"] = json!({ "user": user, "ts": format!("{}.000000", thing.modified) });
        }
    }
    if let Some(files) = files {
        message["files"] = json!(files);
        message["upload"] = json!(false);
    }
    if thing.kind == "reply" {
        let first = thing.parent.as_deref().and_then(|first| contents.get(first));
        message["thread_ts"] = json!(first.map(ts));
        if let Some(author) = first.and_then(|it| Person::find(it.extra("by"))) {
            message["parent_user_id"] = json!(user_id(author));
        }
        if thing.extra("broadcast") == "yes" {
            message["subtype"] = json!("thread_broadcast");
        }
        return message;
    }
    let answers = answers(contents, thing);
    if let Some(latest) = answers.last() {
        message["thread_ts"] = message["ts"].clone();
        message["reply_count"] = json!(answers.len());
        message["latest_reply"] = json!(ts(latest));
        message["is_locked"] = json!(false);
    }
    message
}

/// People, with one who has left, and Slack's own.
pub fn users_list(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    if !grant.has_scope("users:read") {
        return missing_scope(&grant, "users:read");
    }
    let member = |id: String, name: &str, real: &str, deleted: bool, bot: bool| {
        json!({
            "id": id, "team_id": TEAM, "name": name, "deleted": deleted, "is_bot": bot, "real_name": real,
            "is_app_user": false, "updated": 1_767_225_600,
            "profile": { "real_name": real, "display_name": name, "team": TEAM },
        })
    };
    let mut all: Vec<_> = PEOPLE.iter().map(|it| member(user_id(it), it.id, it.name, false, false)).collect();
    all.push(member("U0LEFTACME1".into(), "piet", "Piet de Vries", true, false));
    all.push(member("USLACKBOT".into(), "slackbot", "Slackbot", false, false));
    let Ok(from) = place(request, "user") else { return refused(&grant, "invalid_cursor") };
    let from: usize = from.and_then(|at| at.parse().ok()).unwrap_or(0);
    let limit = desk.limit(argument(request, "limit").as_deref(), all.len(), 999);
    let next = if from + limit < all.len() { cursor("user", from + limit) } else { String::new() };
    let page: Vec<_> = all.into_iter().skip(from).take(limit).collect();
    let body = json!({ "ok": true, "members": page, "cache_ts": desk.now(), "response_metadata": { "next_cursor": next } });
    Ok(answer(&grant, &body))
}

/// By page and count, which are kept to: a page that is short here would shift all that come after it.
pub fn files_list(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    if !grant.has_scope("files:read") {
        return missing_scope(&grant, "files:read");
    }
    let number = |name: &str, usual: usize| {
        argument(request, name).and_then(|text| text.parse().ok()).unwrap_or(usual).max(1)
    };
    let (count, page) = (number("count", 100).min(1000), number("page", 1));
    let channel = argument(request, "channel");
    let contents = desk.contents();
    let all: Vec<_> = contents
        .iter()
        .filter(|it| it.kind == "file" && it.state == State::Published)
        .filter(|it| channel.is_none() || it.parent == channel)
        .collect();
    let files: Vec<_> = all.iter().skip((page - 1) * count).take(count).map(|it| file(it)).collect();
    let paging =
        json!({ "count": count, "total": all.len(), "page": page, "pages": all.len().div_ceil(count) });
    Ok(answer(&grant, &json!({ "ok": true, "files": files, "paging": paging })))
}

pub fn files_info(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    if !grant.has_scope("files:read") {
        return missing_scope(&grant, "files:read");
    }
    let contents = desk.contents();
    let found = contents.get(&argument(request, "file").unwrap_or_default());
    match found.filter(|it| it.kind == "file" && it.state == State::Published) {
        Some(thing) => Ok(answer(&grant, &json!({ "ok": true, "file": file(thing), "comments": [] }))),
        None => refused(&grant, "file_not_found"),
    }
}

fn file(thing: &Thing) -> Value {
    let place = thing.parent.as_deref().unwrap_or_default();
    let of = |letter: char| if place.starts_with(letter) { vec![place] } else { Vec::new() };
    let extension = thing.extension();
    let mut file = json!({
        "id": thing.id,
        "created": thing.created,
        "timestamp": thing.created,
        "name": thing.name,
        "title": thing.name,
        "mimetype": thing.media_type(),
        "filetype": extension,
        "user": user_id(&PEOPLE[0]),
        "channels": of('C'), "groups": of('G'), "ims": of('D'),
        "permalink": format!("https://acme.slack.com/files/{}/{}/file", user_id(&PEOPLE[0]), thing.id),
    });
    // Without a format it is a link to another service.
    if thing.format == Format::None {
        file["mode"] = json!("external");
        file["is_external"] = json!(true);
        file["external_type"] = json!("gdrive");
        file["url_private"] = json!("https://docs.example/document/1");
        return file;
    }
    file["mode"] = json!("hosted");
    file["is_external"] = json!(false);
    file["size"] = json!(thing.size());
    if thing.revision > 1 {
        file["updated"] = json!(thing.modified);
    }
    let name: String = thing
        .name
        .to_lowercase()
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() { it } else { '_' })
        .collect();
    let address = format!("https://files.slack.com/files-pri/{TEAM}-{}", thing.id);
    file["url_private"] = json!(format!("{address}/{name}"));
    file["url_private_download"] = json!(format!("{address}/download/{name}"));
    file
}

/// The file, or the page to sign in where the token is missing, bad or without the permission.
pub fn download(desk: &Desk, request: &Request) -> Answer {
    let Some(grant) = desk.bearer(request).ok().map(|it| it.grant).filter(|it| it.has_scope("files:read"))
    else {
        return Ok(sign_in_page());
    };
    let id = request
        .capture("file")
        .strip_prefix(TEAM)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or_default();
    let contents = desk.contents();
    match contents.get(id).filter(|it| it.kind == "file" && it.state == State::Published) {
        Some(thing) => {
            let reply = Reply { body: thing.bytes(), ..answer(&grant, &json!({})) };
            Ok(reply.kind(thing.media_type()))
        }
        None => Ok(Reply::text(404, "Not found")),
    }
}

pub fn sign_in_page() -> Reply {
    Reply::text(200, "<!DOCTYPE html><html><title>Sign in | Slack</title><h1>Sign in to Acme</h1></html>")
        .kind("text/html; charset=utf-8")
        .refused()
}
