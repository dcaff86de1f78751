//! Slack: channels, direct messages and what was said in them (Web API, docs.slack.dev/reference/methods).
//!
//! A message with the answers in its thread is one item, `C…/ts`. One without answers comes whole with the channel's
//! history, a thousand to a request; a day as an item would be cut in two by every page. Slack tells nobody what was
//! deleted, so every sync lists all. That an answer was edited is told nowhere either, so a thread in which somebody
//! wrote lately is read anew once a day. Files stand beside the messages of their channel, because the history does not
//! show those of answers.

mod refusal;
mod words;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::refusal::told;
use self::words::{File, Message, Names};
use super::rest::{Ask, DOCUMENT};
use super::{Fault, Reply, Rest, Source};
use crate::clock::Seconds;
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Slack;

/// The most that a page of a list holds.
const PAGE: u32 = 999;
/// The most that a page of files holds.
const FILES: u32 = 1000;
/// After the last answer, a thread is looked at for so long.
const WINDOW: Seconds = 14 * DAY;
const DAY: Seconds = 86_400;
const KINDS: &str = "public_channel,private_channel,mpim,im";

#[derive(Deserialize)]
struct Channels {
    channels: Vec<Channel>,
    #[serde(default)]
    response_metadata: More,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    name: Option<String>,
    /// With whom a direct message is.
    user: Option<String>,
}

#[derive(Deserialize)]
struct Messages {
    messages: Vec<Message>,
    #[serde(default)]
    response_metadata: More,
}

#[derive(Deserialize)]
struct Files {
    files: Vec<File>,
    paging: Paging,
}

#[derive(Deserialize)]
struct Paging {
    page: u32,
    pages: u32,
}

#[derive(Deserialize)]
struct OneFile {
    file: File,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Member>,
    #[serde(default)]
    response_metadata: More,
}

#[derive(Deserialize)]
struct Member {
    id: String,
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    real_name: Option<String>,
    display_name: Option<String>,
}

/// Pages may be short or empty; only an empty cursor is the end.
#[derive(Default, Deserialize)]
struct More {
    next_cursor: Option<String>,
}

impl More {
    fn cursor(self) -> Option<String> {
        self.next_cursor.filter(|cursor| !cursor.is_empty())
    }
}

#[derive(Deserialize)]
struct Myself {
    url: Option<String>,
}

/// Where a complete listing stands: channels, then their messages, then files.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    /// The next page of channels.
    channels: Option<String>,
    /// Channels whose messages are still to come, the one under way last.
    left: Vec<String>,
    /// The next page of its messages.
    messages: Option<String>,
    files: u32,
}

#[async_trait]
impl Source for Slack {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(channel) = parent else { return channels(rest, cursor).await };
        if let Some(page) = cursor.and_then(|cursor| cursor.strip_prefix("files ")) {
            let page = files(rest, Some(&channel.id), page.parse().unwrap_or(1)).await?;
            return Ok(Page { next: page.next.map(|next| format!("files {next}")), ..page });
        }
        let page = history(rest, &channel.id, cursor).await?;
        Ok(Page { next: page.next.or(Some("files 1".into())), ..page })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let place = cursor
            .map_or(Ok(Place { channels: Some(String::new()), files: 1, ..Place::default() }), |it| {
                serde_json::from_str(it).map_err(|_| Fault::Expired)
            });
        let mut place = place?;
        let (items, done) = if let Some(cursor) = place.channels.take() {
            let page = channels(rest, Some(&cursor)).await?;
            place.channels = page.next;
            place.left.extend(page.items.iter().map(|it| it.item.id.clone()));
            (page.items, false)
        } else if let Some(channel) = place.left.last() {
            let page = history(rest, channel, place.messages.as_deref()).await?;
            place.messages = page.next;
            if place.messages.is_none() {
                place.left.pop();
            }
            (page.items, false)
        } else {
            let page = files(rest, None, place.files).await?;
            place.files += 1;
            (page.items, page.next.is_none())
        };
        let next = if done { Next::Done(None) } else { Next::More(text(&place)?) };
        Ok(Changes { items, removed: Vec::new(), next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        match item.id.split_once('/') {
            Some((channel, ts)) => thread(rest, channel, ts).await,
            None => file(rest, item).await,
        }
    }
}

/// What the account is in: channels, groups and direct messages, archived ones included.
async fn channels(rest: &Rest, cursor: Option<&str>) -> Result<Page, Fault> {
    let names = names(rest).await?;
    let found: Channels = told(asked_for_channels(rest, cursor)).await?;
    let items = found.channels.into_iter().map(|channel| {
        let name = match (&channel.user, channel.name) {
            (Some(user), _) => names.person(user).to_owned(),
            (None, Some(name)) => words::group(&name),
            (None, None) => channel.id.clone(),
        };
        let url = names.link(&channel.id, None);
        Item { url, ..Item::container(channel.id, name, Kind::Channel) }.into()
    });
    Ok(Page { items: items.collect(), next: found.response_metadata.cursor() })
}

fn asked_for_channels<'r>(rest: &'r Rest, cursor: Option<&str>) -> Ask<'r> {
    let ask = rest.get("/users.conversations").query("types", KINDS).query("limit", PAGE);
    ask.maybe("cursor", cursor.filter(|cursor| !cursor.is_empty()))
}

/// Messages of a channel, newest first. Of one that cannot be read there are none.
async fn history(rest: &Rest, channel: &str, cursor: Option<&str>) -> Result<Page, Fault> {
    let names = names(rest).await?;
    let asked = rest.get("/conversations.history").query("channel", channel).query("limit", PAGE);
    let found: Messages = match told(asked.maybe("cursor", cursor)).await {
        Err(Fault::Gone | Fault::Unreadable(_)) => return Ok(Page::default()),
        other => other?,
    };
    let now = rest.clock().now();
    let items =
        found.messages.iter().filter(|it| it.stands_alone()).map(|it| listed(it, channel, &names, now));
    Ok(Page { items: items.collect(), next: found.response_metadata.cursor() })
}

fn listed(message: &Message, channel: &str, names: &Names, now: Seconds) -> Listed {
    let answers = message.reply_count.unwrap_or(0);
    let latest = message.latest_reply.as_deref().unwrap_or_default();
    let mut version = DefaultHasher::new();
    message.said().hash(&mut version);
    let mut version = format!("{:016x}", version.finish());
    if answers > 0 {
        version += &format!("/{answers}/{latest}");
        if now - seconds(latest) < WINDOW {
            version += &format!("/{}", now / DAY);
        }
    }
    let edited = message.edited.as_ref().map_or("", |it| &it.ts);
    let item = Item {
        parent: Some(channel.to_owned()),
        format: Some("txt".into()),
        modified: [edited, latest, &message.ts].iter().map(|ts| seconds(ts)).max(),
        url: names.link(channel, Some(&message.ts)),
        version,
        ..Item::content(
            format!("{channel}/{}", message.ts),
            message.title(names),
            if answers > 0 { Kind::Thread } else { Kind::Message },
        )
    };
    let content = (answers == 0).then(|| Content::Text(message.written(names)));
    Listed { item, content }
}

async fn thread(rest: &Rest, channel: &str, ts: &str) -> Result<Content, Fault> {
    let names = names(rest).await?;
    let (mut all, mut cursor): (Vec<Message>, Option<String>) = (Vec::new(), None);
    loop {
        let asked = rest.get("/conversations.replies").query("channel", channel).query("ts", ts);
        let found: Messages = told(asked.query("limit", PAGE).maybe("cursor", cursor)).await?;
        // The first message may come with every page.
        let new = found.messages.into_iter().filter(|it| all.first().is_none_or(|first| first.ts != it.ts));
        let new: Vec<_> = new.collect();
        all.extend(new);
        cursor = found.response_metadata.cursor();
        if cursor.is_none() {
            break;
        }
    }
    if all.is_empty() {
        return Err(Fault::Gone);
    }
    let written: Vec<_> = all.iter().map(|message| message.written(&names)).collect();
    Ok(Content::Text(written.join("\n\n")))
}

/// Files in the channels that the account is in, or in one of them. None where the app may not see files.
async fn files(rest: &Rest, channel: Option<&str>, page: u32) -> Result<Page, Fault> {
    let names = names(rest).await?;
    let asked = rest.get("/files.list").maybe("channel", channel).query("count", FILES).query("page", page);
    let found: Files = match told(asked).await {
        Err(Fault::Failed(error)) if error.code == Code::Refused => return Ok(Page::default()),
        other => other?,
    };
    let within = |file: &File| match channel {
        Some(channel) => Some(channel.to_owned()),
        None => file.places().find(|place| names.channels.contains_key(*place)).cloned(),
    };
    let shown = found.files.into_iter().filter(File::is_there);
    let items = shown.filter_map(|file| Some(listed_file(within(&file)?, file).into())).collect();
    let next = (found.paging.page < found.paging.pages).then(|| (page + 1).to_string());
    Ok(Page { items, next })
}

fn listed_file(channel: String, file: File) -> Item {
    let name = file.shown_name();
    Item {
        parent: Some(channel),
        format: name.rsplit_once('.').map(|(_, end)| end.to_lowercase()).or(file.filetype.clone()),
        size: file.size,
        modified: file.updated.or(file.timestamp),
        url: file.permalink.clone(),
        selectable: !file.is_elsewhere(),
        version: format!("{}/{}", file.updated.or(file.timestamp).unwrap_or(0), file.size.unwrap_or(0)),
        note: file.url_private_download.clone(),
        ..Item::content(file.id, name, Kind::File)
    }
}

async fn file(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    if let Some(address) = &item.note {
        let reply = rest.get(address).download(DOCUMENT).await?;
        if !is_sign_in_page(&reply, item) {
            return Ok(document(reply, item));
        }
    }
    // Files never say what is wrong with the token or the permission; this does.
    let OneFile { file } = told(rest.get("/files.info").query("file", &item.id)).await?;
    let Some(address) = file.url_private_download else {
        return Err(Fault::Unreadable("Slack offers no download of this file.".into()));
    };
    let reply = rest.get(address).download(DOCUMENT).await?;
    if is_sign_in_page(&reply, item) {
        return Err(Fault::Unreadable("Slack sent its sign-in page in place of the file.".into()));
    }
    Ok(document(reply, item))
}

fn document(reply: Reply, item: &Item) -> Content {
    let media_type = reply.header("content-type").map(str::to_owned);
    Content::Document { bytes: reply.body, media_type, name: item.name.clone() }
}

/// A web page although the file is none, or one of another length.
fn is_sign_in_page(reply: &Reply, item: &Item) -> bool {
    let is_page = reply.header("content-type").is_some_and(|it| it.starts_with("text/html"));
    let is_file = matches!(item.format.as_deref(), Some("html" | "htm" | "canvas" | "quip" | "space"))
        && item.size.is_none_or(|size| size == reply.body.len() as u64);
    is_page && !is_file
}

/// Who and what the ids in messages are; asked for once a sync. Without the permission to see people there are no
/// names, and messages are read all the same.
async fn names(rest: &Rest) -> Result<std::sync::Arc<Names>, Fault> {
    rest.once(async {
        let myself: Myself = told(rest.get("/auth.test")).await?;
        let mut people = HashMap::new();
        let mut cursor = None;
        loop {
            let asked = rest.get("/users.list").query("limit", PAGE).maybe("cursor", cursor);
            let found: Members = match told(asked).await {
                Err(Fault::Failed(error)) if error.code == Code::Refused => break,
                other => other?,
            };
            people.extend(found.members.into_iter().map(|it| {
                let names = [it.real_name, it.profile.real_name, it.profile.display_name, it.name];
                let name = names.into_iter().flatten().find(|name| !name.is_empty());
                (it.id, name.unwrap_or_default())
            }));
            cursor = found.response_metadata.cursor();
            if cursor.is_none() {
                break;
            }
        }
        let (mut channels, mut cursor) = (HashMap::new(), None);
        loop {
            let found: Channels = told(asked_for_channels(rest, cursor.as_deref())).await?;
            channels.extend(found.channels.into_iter().map(|it| (it.id, it.name.unwrap_or_default())));
            cursor = found.response_metadata.cursor();
            if cursor.is_none() {
                break;
            }
        }
        Ok(Names { people, channels, site: myself.url })
    })
    .await
}

fn text(place: &Place) -> Result<String, Fault> {
    serde_json::to_string(place).map_err(|error| Fault::Failed(Error::internal(error)))
}

/// `1512085950.000216`
fn seconds(ts: &str) -> Seconds {
    ts.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_to_sign_in_is_not_taken_for_the_file() {
        let reply = |kind: &str, body: &[u8]| Reply {
            status: 200,
            headers: vec![("content-type".into(), kind.into())],
            body: body.to_vec(),
        };
        let item = |format: &str| Item { format: Some(format.into()), size: Some(4), ..Item::default() };
        let page = reply("text/html; charset=utf-8", b"<html>Sign in</html>");
        assert!(is_sign_in_page(&page, &item("pdf")) && is_sign_in_page(&page, &item("html")));
        assert!(!is_sign_in_page(&reply("text/html", b"<p>a"), &item("html")));
        assert!(!is_sign_in_page(&reply("application/pdf", b"%PDF"), &item("pdf")));
    }

    #[test]
    fn a_thread_is_read_again_daily_while_somebody_writes_in_it() {
        let names = Names::default();
        let message = |json: &str| serde_json::from_str::<Message>(json).expect("a message");
        let thread = message(
            r#"{"ts":"1700000000.000100","thread_ts":"1700000000.000100","user":"U1","text":"Hi","reply_count":2,"latest_reply":"1700000900.000200"}"#,
        );
        let version = |now| listed(&thread, "C1", &names, now).item.version;
        let (soon, next_day, later) = (1_700_001_000, 1_700_001_000 + DAY, 1_700_000_900 + WINDOW);
        assert_eq!(version(soon), version(soon + 60));
        assert_ne!(version(soon), version(next_day));
        assert_eq!(version(later), version(later + 30 * DAY));
        let alone = message(r#"{"ts":"1700000000.000100","user":"U1","text":"Hi"}"#);
        let listed = |now| listed(&alone, "C1", &names, now);
        assert_eq!(listed(soon), listed(later));
        assert!(listed(soon).content.is_some());
        assert_eq!(listed(soon).item.id, "C1/1700000000.000100");
    }
}
