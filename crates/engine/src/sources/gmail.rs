//! Mails and their labels (`/gmail/v1/users/me`).
//!
//! The list has ids only, so each mail is asked for once more, for its subject and date; its contents are the whole
//! MIME message. A mail has many labels and stands below one: the first of the person's own, else the inbox, else what
//! was sent. The history tells what came, went and was labelled; it reaches back a week or less. Mails do not change.
//! Drafts, spam and the bin are left out.

mod message;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use self::message::{Message, is_place};
use super::rest::{DOCUMENT, segment};
use super::{Fault, Rest, Source};
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Gmail;

/// The most that a page holds of ids and of history.
const PAGE: usize = 500;
/// Mails looked up between two times that progress is noted, and as many stand on a page that a person looks at.
const TOGETHER: usize = 50;
/// More at once are refused.
const AT_ONCE: usize = 4;
/// Neither has contents that were sent or received.
const MAILS: &str = "-in:drafts -in:chats";

/// With and without padding: the documentation says nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How far a listing is. Without work left it is a position.
#[derive(Serialize, Deserialize, Default)]
struct Place {
    /// The history from here on is not read yet.
    history: String,
    /// The labels that were there, by which one that went is known.
    labels: BTreeSet<String>,
    /// Mails to be looked up.
    ids: Vec<String>,
    next: Work,
}

#[derive(Serialize, Deserialize, Default)]
enum Work {
    #[default]
    Nothing,
    List(Option<String>),
    History(Option<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    history_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    #[serde(default)]
    messages: Vec<Id>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Id {
    id: String,
    #[serde(default)]
    label_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    #[serde(default)]
    history: Vec<Record>,
    next_page_token: Option<String>,
    history_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    messages_added: Vec<About>,
    messages_deleted: Vec<About>,
    labels_added: Vec<About>,
    labels_removed: Vec<About>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    message: Id,
    /// The labels that came or went.
    #[serde(default)]
    label_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Raw {
    raw: String,
}

#[async_trait]
impl Source for Gmail {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let within = parent.map(|parent| parent.id.as_str());
        // What has a label of the person's own stands there and not in the inbox.
        let query = match within {
            None => format!("{MAILS} has:nouserlabels -in:inbox -in:sent"),
            Some("INBOX") => format!("{MAILS} has:nouserlabels"),
            Some("SENT") => format!("{MAILS} has:nouserlabels -in:inbox"),
            Some(_) => MAILS.to_owned(),
        };
        let mut items = Vec::new();
        if cursor.is_none() {
            items = labels(rest).await?;
            items.retain(|listed| listed.item.parent.as_deref() == within);
        }
        let found = list(rest, &query, within, TOGETHER, cursor).await?;
        let ids: Vec<_> = found.messages.into_iter().map(|it| it.id).collect();
        let mails = look_up(rest, &ids).await?.into_iter().flat_map(|(_, item)| item);
        items.extend(mails.filter(|item| item.parent.as_deref() == within).map(Listed::from));
        Ok(Page { items, next: found.next_page_token })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = match cursor {
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
            None => begin(rest).await?,
        };
        let mut brought = Changes { items: Vec::new(), removed: Vec::new(), next: Next::Done(None) };
        if cursor.is_none() {
            brought.items = labels(rest).await?;
            place.labels = brought.items.iter().map(|listed| listed.item.id.clone()).collect();
        } else if !place.ids.is_empty() {
            let now = place.ids.len().min(TOGETHER);
            let ids: Vec<_> = place.ids.drain(..now).collect();
            for (id, item) in look_up(rest, &ids).await? {
                match item {
                    Some(item) => brought.items.push(item.into()),
                    None => brought.removed.push(id),
                }
            }
        } else {
            match std::mem::take(&mut place.next) {
                Work::List(page) => place.list(rest, page.as_deref()).await?,
                Work::History(page) => place.history(rest, page.as_deref(), &mut brought).await?,
                Work::Nothing => place.history(rest, None, &mut brought).await?,
            }
        }
        let is_done = place.ids.is_empty() && matches!(place.next, Work::Nothing);
        if is_done && cursor.is_some() {
            place.labels(rest, &mut brought).await?;
        }
        let text = serde_json::to_string(&place).map_err(|error| Fault::Failed(Error::internal(error)))?;
        brought.next = if is_done { Next::Done(Some(text)) } else { Next::More(text) };
        Ok(brought)
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let ask = rest.get(format!("/messages/{}", segment(&item.id)));
        let reply = ask.query("format", "raw").query("fields", "raw").download(DOCUMENT).await?;
        let raw: Raw = reply.json()?;
        let bytes = BASE64.decode(raw.raw).map_err(|error| {
            tracing::debug!(%error, "a mail is not in base64");
            let words = "The provider’s answer could not be understood.";
            Fault::Failed(Error::new(
                Code::Temporary,
                words,
                "Try again later. If it stays, report it with the log.",
            ))
        })?;
        Ok(Content::Document { bytes, media_type: Some("message/rfc822".into()), name: String::new() })
    }
}

/// The position is taken before anything is listed, so that what changes meanwhile is in the history.
async fn begin(rest: &Rest) -> Result<Place, Fault> {
    let profile: Profile = rest.get("/profile").value().await?;
    Ok(Place { history: profile.history_id, next: Work::List(None), ..Place::default() })
}

impl Place {
    async fn list(&mut self, rest: &Rest, page: Option<&str>) -> Result<(), Fault> {
        let found = list(rest, MAILS, None, PAGE, page).await?;
        self.ids = found.messages.into_iter().map(|it| it.id).collect();
        self.next = found.next_page_token.map_or(Work::Nothing, |next| Work::List(Some(next)));
        Ok(())
    }

    async fn history(&mut self, rest: &Rest, page: Option<&str>, brought: &mut Changes) -> Result<(), Fault> {
        let types = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];
        let ask = rest.get("/history").query("startHistoryId", &self.history).query("maxResults", PAGE);
        let ask = types.into_iter().fold(ask, |ask, one| ask.query("historyTypes", one));
        let found: History = match ask.maybe("pageToken", page).value().await {
            Err(Fault::Status(reply)) if matches!(reply.status, 400 | 404) => return Err(Fault::Expired),
            other => other?,
        };
        // The last word on each mail counts: there it is looked up, or it is gone.
        let mut there = BTreeMap::new();
        for record in found.history {
            for about in record.messages_added {
                let is_draft = about.message.label_ids.iter().any(|it| it == "DRAFT");
                there.insert(about.message.id, !is_draft);
            }
            for about in record.labels_added.into_iter().chain(record.labels_removed) {
                // Read and unread, stars and categories move nothing.
                if about.label_ids.iter().any(|label| is_place(label)) {
                    there.insert(about.message.id, true);
                }
            }
            there.extend(record.messages_deleted.into_iter().map(|about| (about.message.id, false)));
        }
        for (id, is_there) in there {
            if is_there { self.ids.push(id) } else { brought.removed.push(id) }
        }
        match (found.next_page_token, found.history_id) {
            (Some(next), _) => self.next = Work::History(Some(next)),
            (None, Some(now)) => self.history = now,
            (None, None) => {}
        }
        Ok(())
    }

    /// Labels have no history. One that went is told last, when no mail stands below it any more.
    async fn labels(&mut self, rest: &Rest, brought: &mut Changes) -> Result<(), Fault> {
        let now = labels(rest).await?;
        let ids: BTreeSet<_> = now.iter().map(|listed| listed.item.id.clone()).collect();
        brought.removed.extend(self.labels.difference(&ids).cloned());
        brought.items.extend(now);
        self.labels = ids;
        Ok(())
    }
}

async fn list(
    rest: &Rest,
    query: &str,
    label: Option<&str>,
    most: usize,
    page: Option<&str>,
) -> Result<Ids, Fault> {
    let ask = rest.get("/messages").query("maxResults", most).query("q", query).maybe("labelIds", label);
    match ask.maybe("pageToken", page).value().await {
        Err(Fault::Status(reply)) if reply.status == 400 && page.is_some() => Err(Fault::Expired),
        other => other,
    }
}

/// Each mail by its id; none where it is gone, or no mail to be shown.
async fn look_up(rest: &Rest, ids: &[String]) -> Result<Vec<(String, Option<Item>)>, Fault> {
    let one = |id: String| async move {
        let ask = rest
            .get(format!("/messages/{}", segment(&id)))
            .query("format", "metadata")
            .query("metadataHeaders", "Subject")
            .query("fields", "id,threadId,labelIds,internalDate,sizeEstimate,payload/headers");
        let found = match ask.value::<Message>().await {
            Ok(message) => message.item(rest.field("user_email")),
            Err(Fault::Status(reply)) if reply.status == 404 => None,
            Err(fault) => return Err(fault),
        };
        Ok((id, found))
    };
    stream::iter(ids.to_vec()).map(one).buffered(AT_ONCE).try_collect().await
}

/// The inbox, what was sent and the person's own labels, each after the one that it is nested in by its name.
async fn labels(rest: &Rest) -> Result<Vec<Listed>, Fault> {
    let Labels { mut labels } = rest.get("/labels").value().await?;
    labels.retain(|label| matches!(label.id.as_str(), "INBOX" | "SENT") || label.is_own());
    labels.sort_by(|one, other| one.name.cmp(&other.name));
    let ids: BTreeMap<&str, &str> =
        labels.iter().filter(|it| it.is_own()).map(|it| (it.name.as_str(), it.id.as_str())).collect();
    let item = |label: &Label| {
        let above = label.name.match_indices('/').rev().filter(|_| label.is_own());
        let above = above.map(|(end, _)| &label.name[..end]).find(|above| ids.contains_key(above));
        let name = match (label.id.as_str(), above) {
            ("INBOX", _) => "Inbox",
            ("SENT", _) => "Sent",
            (_, Some(above)) => &label.name[above.len() + 1..],
            (_, None) => &label.name,
        };
        let parent = above.and_then(|above| ids.get(above)).map(|id| (*id).to_owned());
        Item { parent, ..Item::container(label.id.as_str(), name, Kind::Label) }.into()
    };
    Ok(labels.iter().map(item).collect())
}

impl Label {
    fn is_own(&self) -> bool {
        self.id.starts_with("Label_")
    }
}
