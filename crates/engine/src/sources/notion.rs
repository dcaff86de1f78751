//! Pages and databases that a person shared with the connection (`/v1`).
//!
//! Search lists nearly everything, and late: what stands in data sources is asked of these, and pages that were edited
//! within hours are looked through for new ones below. Nothing tells what is gone, so every sync lists all. An item's
//! parent may be out of sight; it then hangs at the top.

mod blocks;
mod object;
mod words;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::object::{Object, Parent};
use super::rest::{Ask, segment};
use super::{Fault, Rest, Source};
use crate::clock::Seconds;
use crate::error::Error;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Notion;

/// Data sources instead of databases as lists of pages.
const VERSION: &str = "2025-09-03";
/// The most that a page of any list holds.
const PAGE: u32 = 100;
/// A page that was created so long ago is in the search.
const SETTLED: Seconds = 3 * 3600;
/// Pages that are looked through in one sync, those that were edited last.
const MOST_RECENT: usize = 500;
/// Subtrees of one page that are fetched by themselves.
const MOST_PARTS: usize = 300;

/// A page of a list.
#[derive(Deserialize)]
struct Rows<T> {
    results: Vec<T>,
    next_cursor: Option<String>,
    request_status: Option<RequestStatus>,
}

/// Queries end after some ten thousand results, and say so.
#[derive(Deserialize)]
struct RequestStatus {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Database {
    #[serde(default)]
    data_sources: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
struct Markdown {
    #[serde(default)]
    markdown: String,
    #[serde(default)]
    unknown_block_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Trouble {
    code: Option<String>,
    #[serde(default)]
    message: String,
}

/// Where a listing stands.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    stage: Stage,
    cursor: Option<String>,
    /// Data sources still to be asked.
    sources: Vec<String>,
    /// Pages still to be looked through, and those that were.
    recent: Vec<String>,
    seen: BTreeSet<String>,
    /// The first data source is asked for pages that were created from then on: its query has come to its end before.
    from: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Search,
    Walk,
    Query,
}

#[async_trait]
impl Source for Notion {
    /// At the top what search brings and what hangs on nothing that can be seen.
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        match parent {
            None => {
                let found = search(rest, cursor).await?;
                let mut items = listed(rest, found.results).await?;
                let hung: BTreeSet<String> = items.iter().filter_map(|it| it.item.parent.clone()).collect();
                let hung: Vec<String> = hung.into_iter().collect();
                let known = join_all(hung.iter().map(|id| is_seen(rest, id))).await;
                let known: BTreeSet<&String> =
                    hung.iter().zip(known).filter(|(_, it)| *it).map(|(id, _)| id).collect();
                items.retain(|it| it.item.parent.as_ref().is_none_or(|id| !known.contains(id)));
                Ok(Page { items, next: found.next_cursor })
            }
            Some(parent) if parent.kind == Kind::Database => {
                let found = query(rest, &parent.id, cursor, None).await?;
                Ok(Page { items: listed(rest, found.results).await?, next: found.next_cursor })
            }
            Some(parent) => {
                let below = blocks::below(rest, &parent.id).await?;
                let pages = objects(rest, "pages", &below.pages).await?;
                let sources =
                    objects(rest, "data_sources", &sources_of(rest, &below.databases).await?).await?;
                let mut items = listed(rest, pages.into_iter().chain(sources).collect()).await?;
                for listed in &mut items {
                    listed.item.parent = Some(parent.id.clone());
                }
                Ok(Page { items, next: None })
            }
        }
    }

    /// What search brings, then what stands newly in pages edited lately, then what stands in data sources.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = match cursor {
            None => Place::default(),
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
        };
        let items = match place.stage {
            Stage::Search => {
                let found = search(rest, place.cursor.as_deref()).await?;
                let settled = rest.clock().now() - SETTLED;
                for object in found.results.iter().filter(|it| it.is_shown()) {
                    if object.is_source() {
                        place.sources.push(object.id.clone());
                    } else if object.edited().is_none_or(|at| at > settled)
                        && place.recent.len() < MOST_RECENT
                    {
                        place.recent.push(object.id.clone());
                    }
                }
                place.cursor = found.next_cursor;
                if place.cursor.is_none() {
                    place.seen = place.recent.iter().chain(&place.sources).cloned().collect();
                    place.stage = Stage::Walk;
                }
                listed(rest, found.results).await?
            }
            Stage::Walk => walk(rest, &mut place).await?,
            Stage::Query => rows(rest, &mut place).await?,
        };
        if place.stage == Stage::Walk && place.recent.is_empty() {
            place.stage = Stage::Query;
        }
        if place.stage == Stage::Query && place.sources.is_empty() {
            return Ok(Changes { items, removed: Vec::new(), next: Next::Done(None) });
        }
        let next = serde_json::to_string(&place).map_err(|error| Fault::Failed(Error::internal(error)))?;
        Ok(Changes { items, removed: Vec::new(), next: Next::More(next) })
    }

    /// The page as Markdown, a database's entry with its properties before. Where Notion cannot render a page, its
    /// blocks are read one after the other.
    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let properties = item.note.as_deref().filter(|note| !note.is_empty());
        let with_properties = |body: String| match properties {
            Some(properties) => format!("{properties}\n\n{body}"),
            None => body,
        };
        match markdown(rest, &item.id).await {
            Err(Fault::Status(reply)) if reply.status == 400 || reply.status == 404 => {
                if reply.json::<Trouble>().is_ok_and(|it| it.code.as_deref() == Some("object_not_found")) {
                    return Err(Fault::Gone);
                }
                Ok(Content::Text(with_properties(blocks::text(rest, &item.id).await?)))
            }
            other => Ok(Content::Markdown(with_properties(other?))),
        }
    }
}

fn get<'r>(rest: &'r Rest, path: String) -> Ask<'r> {
    rest.get(path).header("Notion-Version", VERSION)
}

/// Sends it. A cursor is the id of the item that comes next, and bad once that is gone.
async fn list<T: DeserializeOwned>(ask: Ask<'_>, cursor: Option<&str>) -> Result<Rows<T>, Fault> {
    match ask.value().await {
        Err(Fault::Status(reply)) if reply.status == 400 && cursor.is_some() => {
            let is_cursor = reply.json::<Trouble>().is_ok_and(|it| it.message.contains("start_cursor"));
            Err(if is_cursor { Fault::Expired } else { Fault::Status(reply) })
        }
        other => other,
    }
}

/// The newest first: what is edited meanwhile comes twice and nothing is left out.
async fn search(rest: &Rest, cursor: Option<&str>) -> Result<Rows<Object>, Fault> {
    let mut body = json!({
        "sort": { "timestamp": "last_edited_time", "direction": "descending" },
        "page_size": PAGE,
    });
    if let Some(cursor) = cursor {
        body["start_cursor"] = json!(cursor);
    }
    list(rest.post("/search").header("Notion-Version", VERSION).json(&body), cursor).await
}

/// Pages of a data source, the oldest first, so that one can go on where a query ends.
async fn query(
    rest: &Rest,
    id: &str,
    cursor: Option<&str>,
    from: Option<&str>,
) -> Result<Rows<Object>, Fault> {
    let mut body = json!({
        "sorts": [{ "timestamp": "created_time", "direction": "ascending" }],
        "page_size": PAGE,
    });
    if let Some(cursor) = cursor {
        body["start_cursor"] = json!(cursor);
    }
    if let Some(from) = from {
        body["filter"] = json!({ "timestamp": "created_time", "created_time": { "on_or_after": from } });
    }
    let ask = rest
        .post(format!("/data_sources/{}/query", segment(id)))
        .header("Notion-Version", VERSION)
        .json(&body);
    list(ask, cursor).await
}

/// The next rows of the first data source.
async fn rows(rest: &Rest, place: &mut Place) -> Result<Vec<Listed>, Fault> {
    let Some(id) = place.sources.first().cloned() else { return Ok(Vec::new()) };
    let found = match query(rest, &id, place.cursor.as_deref(), place.from.as_deref()).await {
        // One that is not shared any more, or comes from elsewhere, must not end the listing.
        Err(Fault::Status(reply)) if matches!(reply.status, 400 | 403 | 404) => {
            (place.cursor, place.from) = (None, None);
            place.sources.remove(0);
            return Ok(Vec::new());
        }
        other => other?,
    };
    place.cursor = found.next_cursor;
    if place.cursor.is_none() {
        let cut = found.request_status.and_then(|it| it.kind).is_some_and(|kind| kind == "incomplete");
        let last = found.results.last().and_then(|it| it.created_time.clone());
        place.from = last.filter(|last| cut && place.from.as_ref() != Some(last));
        if place.from.is_none() {
            place.sources.remove(0);
        }
    }
    listed(rest, found.results).await
}

/// Looks through the first of the pages that were edited lately, for pages and databases that search has not found.
async fn walk(rest: &Rest, place: &mut Place) -> Result<Vec<Listed>, Fault> {
    let Some(id) = place.recent.pop() else { return Ok(Vec::new()) };
    let below = match blocks::below(rest, &id).await {
        Err(Fault::Status(reply)) if matches!(reply.status, 400 | 403 | 404) => return Ok(Vec::new()),
        other => other?,
    };
    let since = rest.clock().now() - SETTLED;
    let is_new = |it: &&blocks::Child| it.created.is_none_or(|at| at > since) && !place.seen.contains(&it.id);
    let pages: Vec<_> = below.pages.iter().filter(is_new).cloned().collect();
    let databases: Vec<_> = below.databases.iter().filter(is_new).cloned().collect();
    let mut sources = sources_of(rest, &databases).await?;
    sources.retain(|it| !place.seen.contains(&it.id));
    let found: Vec<Object> = objects(rest, "pages", &pages)
        .await?
        .into_iter()
        .chain(objects(rest, "data_sources", &sources).await?)
        .collect();
    for object in &found {
        place.seen.insert(object.id.clone());
        let queue = if object.is_source() { &mut place.sources } else { &mut place.recent };
        queue.push(object.id.clone());
    }
    listed(rest, found).await
}

/// Pages or data sources by id, without those that cannot be seen.
async fn objects(rest: &Rest, path: &str, ids: &[blocks::Child]) -> Result<Vec<Object>, Fault> {
    let ask = |it: &blocks::Child| one::<Object>(rest, format!("/{path}/{}", segment(&it.id)));
    Ok(try_join_all(ids.iter().map(ask)).await?.into_iter().flatten().collect())
}

async fn sources_of(rest: &Rest, databases: &[blocks::Child]) -> Result<Vec<blocks::Child>, Fault> {
    let ask = |it: &blocks::Child| one::<Database>(rest, format!("/databases/{}", segment(&it.id)));
    let found = try_join_all(databases.iter().map(ask)).await?.into_iter().flatten();
    Ok(found.flat_map(|it| it.data_sources).map(|it| blocks::Child { id: it.id, created: None }).collect())
}

/// An object, or none where it cannot be seen: it is gone, not shared, or of a kind that Notion keeps to itself.
async fn one<T: DeserializeOwned>(rest: &Rest, path: String) -> Result<Option<T>, Fault> {
    match get(rest, path).value().await {
        Err(Fault::Status(reply)) if matches!(reply.status, 400 | 403 | 404) => Ok(None),
        other => other.map(Some),
    }
}

async fn is_seen(rest: &Rest, id: &str) -> bool {
    let found = |path: &str| one::<Object>(rest, format!("/{path}/{}", segment(id)));
    matches!(found("pages").await, Ok(Some(_))) || matches!(found("data_sources").await, Ok(Some(_)))
}

/// The items for objects; what stands in a toggle or a column is put into the page around it.
async fn listed(rest: &Rest, objects: Vec<Object>) -> Result<Vec<Listed>, Fault> {
    let objects: Vec<Object> = objects.into_iter().filter(Object::is_shown).collect();
    let blocks: BTreeSet<String> = objects.iter().filter_map(|it| it.hung().block_id).collect();
    let pages = try_join_all(blocks.iter().map(|id| blocks::page_around(rest, id))).await?;
    let pages: HashMap<&String, Option<String>> = blocks.iter().zip(pages).collect();
    let now = rest.clock().now();
    let item = |object: Object| {
        let hung = object.hung();
        let around = hung.block_id.as_ref().and_then(|id| pages.get(id).cloned().flatten());
        object.item(around.or(hung.page_id).or(hung.data_source_id), now).into()
    };
    Ok(objects.into_iter().map(item).collect())
}

/// A page's whole text. What a long page leaves out is asked for by itself, as far as it can be seen.
async fn markdown(rest: &Rest, id: &str) -> Result<String, Fault> {
    let ask = |id: &str| get(rest, format!("/pages/{}/markdown", segment(id))).value::<Markdown>();
    let first = ask(id).await?;
    let mut text = words::without_unknown(&first.markdown);
    let (mut seen, mut open) = (BTreeSet::from([id.to_owned()]), first.unknown_block_ids);
    open.reverse();
    while let Some(id) = open.pop() {
        if seen.len() > MOST_PARTS || !seen.insert(id.clone()) {
            continue;
        }
        let part = match ask(&id).await {
            Err(Fault::Status(reply)) if matches!(reply.status, 400 | 403 | 404) => continue,
            other => other?,
        };
        text = format!("{}\n\n{}", text.trim_end(), words::without_unknown(&part.markdown));
        open.extend(part.unknown_block_ids.into_iter().rev());
    }
    Ok(text)
}
