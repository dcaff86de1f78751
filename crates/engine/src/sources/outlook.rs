//! Mail folders and their messages, each folder followed by a delta query (`message-delta.md`).
//!
//! Ids are asked for as immutable ones: a message keeps its own when it moves, and the folder it left tells the same
//! as of a deletion. Drafts, what is deleted, junk and what waits to be sent are left out.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::graph::{self, Rows};
use super::rest::{Ask, DOCUMENT, segment};
use super::{Fault, Reply, Rest, Source};
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

mod message;

use message::{MESSAGE, Message};

pub struct Outlook;

/// A thousand are allowed, and a thousand bodies take longer than Graph waits for Exchange.
const PAGE: &str = "odata.maxpagesize=50";
const FOLDERS: &str = "odata.maxpagesize=100";
/// Wanted on every request, links included: they do not keep it.
const PREFER: &str = "IdType=\"ImmutableId\", outlook.body-content-type=\"text\"";
/// Requests in a batch.
const BATCH: usize = 20;
/// What a person has thrown away, has not sent, or has not written to be read here.
const LEFT_OUT: [&str; 6] =
    ["deleteditems", "junkemail", "drafts", "outbox", "syncissues", "conversationhistory"];

/// Where the mailbox's own folders are, by their names that are no names: looked up once.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Known {
    /// What the topmost folders stand in.
    root: String,
    left_out: Vec<String>,
}

/// Where a listing stands; as text it is the cursor.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    known: Option<Known>,
    folders: Vec<Followed>,
    /// The folders were listed in this round, and their messages are asked for.
    begun: bool,
}

#[derive(Serialize, Deserialize)]
struct Followed {
    id: String,
    link: Option<String>,
    ended: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Folder {
    id: String,
    display_name: Option<String>,
    parent_folder_id: Option<String>,
    is_hidden: Option<bool>,
    #[serde(rename = "@removed")]
    removed: Option<Value>,
}

#[async_trait]
impl Source for Outlook {
    /// Folders, then the messages in them.
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let (what, link) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("folders", ""));
        let at = |list: &str| {
            let folder = parent
                .map_or("/mailFolders".to_owned(), |it| format!("/mailFolders/{}/{list}", segment(&it.id)));
            if link.is_empty() { format!("{}{folder}", mailbox(rest)) } else { link.to_owned() }
        };
        if what == "messages" {
            let more = if link.is_empty() { format!("?$top=50&$select={MESSAGE}") } else { String::new() };
            let page: Rows<Message> = ask(rest, at("messages") + &more, "").value().await?;
            let items =
                page.value.into_iter().filter_map(|it| it.listed(parent.map(|it| it.id.as_str()))).collect();
            return Ok(Page { items, next: page.next.map(|link| format!("messages {link}")) });
        }
        let left_out = match parent {
            None => known(rest).await.map_err(no_mailbox)?.left_out,
            Some(_) => Vec::new(),
        };
        let more =
            if link.is_empty() { "?$top=100&$select=id,displayName,parentFolderId,isHidden" } else { "" };
        let page: Rows<Folder> = ask(rest, at("childFolders") + more, "").value().await?;
        let folders =
            page.value.into_iter().filter(|it| it.is_hidden != Some(true) && !left_out.contains(&it.id));
        let items = folders.map(|it| it.listed(parent.map(|it| it.id.clone()))).collect();
        let then = parent.map(|_| "messages ".to_owned());
        Ok(Page { items, next: page.next.map(|link| format!("folders {link}")).or(then) })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = cursor.map(graph::place).transpose()?.unwrap_or_default();
        if !place.begun {
            return folders(rest, place).await.map_err(no_mailbox);
        }
        let Some(at) = place.folders.iter().position(|it| !it.ended) else {
            place.begun = false;
            place.folders.iter_mut().for_each(|it| it.ended = false);
            let position = Some(graph::cursor(&place)?);
            return Ok(Changes { items: Vec::new(), removed: Vec::new(), next: Next::Done(position) });
        };
        let shown: HashSet<String> = place.folders.iter().map(|it| it.id.clone()).collect();
        let folder = &mut place.folders[at];
        let first = || {
            format!("{}/mailFolders/{}/messages/delta?$select={MESSAGE}", mailbox(rest), segment(&folder.id))
        };
        let link = folder.link.clone().unwrap_or_else(first);
        let page: Rows<Message> = match ask(rest, link, PAGE).value().await {
            Ok(page) => page,
            // The folder went since the folders were listed; the next sync notices.
            Err(Fault::Status(reply))
                if reply.status == 404 && graph::codes(&reply).contains("ItemNotFound") =>
            {
                folder.ended = true;
                let next = Next::More(graph::cursor(&place)?);
                return Ok(Changes { items: Vec::new(), removed: Vec::new(), next });
            }
            Err(fault) => return Err(graph::of_delta(fault)),
        };
        folder.ended = page.next.is_none();
        folder.link = page.next.or(page.delta);
        let (items, removed) = told(rest, page.value, &folder.id, &shown).await?;
        Ok(Changes { items, removed, next: Next::More(graph::cursor(&place)?) })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        message::read(rest, &format!("{}/messages/{}", mailbox(rest), segment(&item.id))).await
    }
}

/// `/me`, or a mailbox that is shared with the person.
fn mailbox(rest: &Rest) -> String {
    match rest.field("mailbox") {
        "" => "/me".to_owned(),
        shared => format!("/users/{}", segment(shared)),
    }
}

fn ask<'r>(rest: &'r Rest, address: String, page: &str) -> Ask<'r> {
    let prefer = if page.is_empty() { PREFER.to_owned() } else { format!("{PREFER}, {page}") };
    rest.get(address).header("prefer", prefer)
}

fn is_mailbox(reply: &Reply) -> bool {
    !graph::codes(reply).contains("MailboxNotEnabledForRESTAPI")
}

/// Sounds like a page that is missing, and means that there is no mailbox Graph can reach.
fn no_mailbox(fault: Fault) -> Fault {
    match fault {
        Fault::Status(reply) if !is_mailbox(&reply) => Fault::Failed(Error::new(
            Code::Refused,
            "This account has no mailbox in Microsoft 365: it has no Exchange licence, its mail is kept on the \
             organisation’s own server, or it is a guest.",
            "Connect the account that has the mailbox.",
        )),
        other => other,
    }
}

async fn known(rest: &Rest) -> Result<Known, Fault> {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let find = async |name: &str| {
        let address = format!("{}/mailFolders/{name}?$select=id", mailbox(rest));
        match ask(rest, address, "").value::<Id>().await {
            Ok(found) => Ok(Some(found.id)),
            // Which of them a mailbox has depends on its age and kind.
            Err(Fault::Status(reply)) if is_mailbox(&reply) && matches!(reply.status, 400 | 404) => Ok(None),
            Err(fault) => Err(fault),
        }
    };
    let left_out = try_join_all(LEFT_OUT.map(&find)).await?.into_iter().flatten().collect();
    Ok(Known { root: find("msgfolderroot").await?.unwrap_or_default(), left_out })
}

/// All folders. They are few, and listed at every sync; each keeps the position of its messages in `place`.
async fn folders(rest: &Rest, mut place: Place) -> Result<Changes, Fault> {
    let known = match place.known.take() {
        Some(known) => known,
        None => known(rest).await?,
    };
    let (mut found, mut next) = (BTreeMap::new(), None::<String>);
    let select = "$select=displayName,parentFolderId,isHidden";
    loop {
        let link = next.unwrap_or_else(|| format!("{}/mailFolders/delta?{select}", mailbox(rest)));
        let page: Rows<Folder> = ask(rest, link, FOLDERS).value().await.map_err(graph::of_delta)?;
        for folder in page.value {
            if folder.removed.is_some() {
                found.remove(&folder.id);
            } else {
                found.insert(folder.id.clone(), folder);
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let mut shown: Vec<&Folder> = found.values().filter(|it| it.is_shown(&found, &known)).collect();
    shown.sort_by_key(|it| it.above(&found).count());
    let listed = shown.iter().map(|folder| {
        let parent = folder.parent_folder_id.clone().filter(|id| found.contains_key(id) && *id != known.root);
        folder.listed(parent)
    });
    let items: Vec<Listed> = listed.collect();
    let mut before: BTreeMap<String, Followed> =
        place.folders.drain(..).map(|folder| (folder.id.clone(), folder)).collect();
    for folder in &shown {
        let new = || Followed { id: folder.id.clone(), link: None, ended: false };
        place.folders.push(before.remove(&folder.id).unwrap_or_else(new));
    }
    (place.known, place.begun) = (Some(known), true);
    let next = Next::More(graph::cursor(&place)?);
    Ok(Changes { items, removed: before.into_keys().collect(), next })
}

impl Folder {
    /// From the parent up; a folder that does not appear, such as the root, ends it.
    fn above<'f>(&'f self, all: &'f BTreeMap<String, Folder>) -> impl Iterator<Item = &'f Folder> {
        let parent = move |it: &&'f Folder| all.get(it.parent_folder_id.as_ref()?);
        // Nobody nests folders deeper, and a circle would have no end.
        std::iter::successors(parent(&self), move |it| parent(it)).take(300)
    }

    fn is_shown(&self, all: &BTreeMap<String, Folder>, known: &Known) -> bool {
        let is_open = |it: &Folder| it.is_hidden != Some(true) && !known.left_out.contains(&it.id);
        self.id != known.root && is_open(self) && self.above(all).all(is_open)
    }

    fn listed(&self, parent: Option<String>) -> Listed {
        let name = self.display_name.clone().unwrap_or_default();
        Item { parent, ..Item::container(self.id.as_str(), name, Kind::Folder) }.into()
    }
}

/// What a page of a folder's messages says is there, and what is not any more. Whatever is told in part, or as gone
/// from this folder, is looked up: it may have moved into another one, which told of it earlier.
async fn told(
    rest: &Rest,
    messages: Vec<Message>,
    folder: &str,
    shown: &HashSet<String>,
) -> Result<(Vec<Listed>, Vec<String>), Fault> {
    let (mut items, mut removed, mut unsure) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        if message.is_whole() && message.is_draft == Some(true) {
            removed.push(message.id);
        } else if message.is_whole() {
            items.extend(message.listed(Some(folder)));
        } else if !unsure.contains(&message.id) {
            unsure.push(message.id);
        }
    }
    for ids in unsure.chunks(BATCH) {
        for (id, message) in ids.iter().zip(look_up(rest, ids).await?) {
            let is_shown = |it: &Message| it.parent_folder_id.as_ref().is_some_and(|id| shown.contains(id));
            match message.filter(is_shown).and_then(|it| it.listed(None)) {
                Some(listed) => items.push(listed),
                None => removed.push(id.clone()),
            }
        }
    }
    Ok((items, removed))
}

/// Messages by their ids, in one request; none where there is no such message.
async fn look_up(rest: &Rest, ids: &[String]) -> Result<Vec<Option<Message>>, Fault> {
    #[derive(Deserialize)]
    struct Batch {
        responses: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        id: String,
        status: u16,
        body: Option<Value>,
    }
    let address = |id: &String| format!("{}/messages/{}?$select={MESSAGE}", mailbox(rest), segment(id));
    let request = |(at, id): (usize, &String)| json!({ "id": at.to_string(), "method": "GET", "url": address(id), "headers": { "Prefer": PREFER } });
    let requests: Vec<Value> = ids.iter().enumerate().map(request).collect();
    let Batch { responses } = rest.post("/$batch").json(&json!({ "requests": requests })).value().await?;
    // They come in any order, and each may be refused for itself.
    let mut answers: BTreeMap<String, One> = responses.into_iter().map(|it| (it.id.clone(), it)).collect();
    let mut found = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let answer = answers.remove(&at.to_string());
        found.push(match answer.map(|it| (it.status, it.body)) {
            Some((404, _)) => None,
            Some((200, Some(body))) if let Ok(message) = serde_json::from_value(body.clone()) => {
                Some(message)
            }
            _ => match ask(rest, address(id), "").value().await {
                Err(Fault::Status(reply)) if reply.status == 404 => None,
                message => Some(message?),
            },
        });
    }
    Ok(found)
}
