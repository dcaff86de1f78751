//! Zotero: the person's library and the groups that the key may read (api.zotero.org, version 3).
//!
//! Every library counts its changes, and a position is the count of each. What was deleted is told for good, so there is
//! one complete listing and then only changes; but a deleted collection does not delete what was in it, so after one
//! everything is listed anew. A reference lies in any number of collections and is shown in the first.

mod entry;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::entry::{Entry, Library};
use super::rest::{Ask, DOCUMENT, segment};
use super::{Fault, Reply, Rest, Source};
use crate::error::Error;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Zotero;

/// The most that a page holds.
const PAGE: u32 = 100;
/// A library that changes while it is listed is begun anew so often.
const ANEW: u32 = 3;

/// What the key may do. Branches without a permission are not there.
#[derive(Deserialize)]
struct Key {
    #[serde(rename = "userID")]
    user: u64,
    #[serde(default)]
    access: Access,
}

#[derive(Default, Deserialize)]
struct Access {
    user: Option<Right>,
    /// By group, or for `all`.
    #[serde(default)]
    groups: BTreeMap<String, Right>,
}

#[derive(Deserialize)]
struct Right {
    library: Option<bool>,
}

impl Access {
    fn reads(&self, group: &str) -> bool {
        [self.groups.get("all"), self.groups.get(group)].into_iter().any(granted)
    }
}

fn granted(right: Option<&Right>) -> bool {
    right.is_some_and(|right| right.library == Some(true))
}

#[derive(Deserialize)]
struct Group {
    id: u64,
    data: GroupData,
}

#[derive(Deserialize)]
struct GroupData {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(default)]
    collections: Vec<String>,
    #[serde(default)]
    items: Vec<String>,
}

#[derive(Deserialize)]
struct FullText {
    content: Option<String>,
}

/// Where a listing stands; with nothing left, where the next begins.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    /// Up to which version each library is known.
    known: BTreeMap<Library, u64>,
    /// Libraries still to come, the one under way last.
    left: Vec<Library>,
    step: Step,
    start: u32,
    /// Of the library under way, as its first answer had it.
    version: Option<u64>,
    begun: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    #[default]
    Deleted,
    Collections,
    Items,
}

impl Place {
    fn go_to(&mut self, step: Step) {
        (self.step, self.start) = (step, 0);
    }

    /// Begins the library under way anew, or the next one.
    fn begin(&mut self) {
        self.go_to(Step::Deleted);
        self.version = None;
    }

    fn finish(&mut self) {
        if let (Some(library), Some(version)) = (self.left.pop(), self.version) {
            self.known.insert(library, version);
        }
        self.begun = 0;
        self.begin();
    }

    fn changes(self, items: Vec<Listed>, removed: Vec<String>) -> Result<Changes, Fault> {
        let text = serde_json::to_string(&self).map_err(|error| Fault::Failed(Error::internal(error)))?;
        let next = if self.left.is_empty() { Next::Done(Some(text)) } else { Next::More(text) };
        Ok(Changes { items, removed, next })
    }
}

#[async_trait]
impl Source for Zotero {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(parent) = parent else {
            let items = libraries(rest).await?.into_iter().map(|(_, item)| item.into()).collect();
            return Ok(Page { items, next: None });
        };
        let (what, start) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("collections", "0"));
        let (library, place) = Library::of(parent);
        let (path, then) = match (parent.kind, what) {
            (Kind::Library, "collections") => ("/collections/top".to_owned(), Some("items 0")),
            (Kind::Library, _) => ("/items/top".to_owned(), None),
            (Kind::Collection, "collections") => {
                (format!("/collections/{}/collections", segment(place)), Some("items 0"))
            }
            (Kind::Collection, _) => (format!("/collections/{}/items/top", segment(place)), None),
            _ => (format!("/items/{}/children", segment(place)), None),
        };
        let reply = ask(rest, &library, &path).query("limit", PAGE).query("start", start).send().await?;
        let next = next_start(&reply).map(|start| format!("{what} {start}")).or(then.map(str::to_owned));
        let loose = parent.kind == Kind::Library;
        let items =
            entries(&reply)?.into_iter().filter(|it| !(it.is_deleted() || loose && it.is_in_collection()));
        Ok(Page { items: items.map(|it| it.listed(&library)).collect(), next })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = match cursor {
            None => Place::default(),
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
        };
        let Some(library) = place.left.last().cloned() else { return begin(rest, place).await };
        let since = place.known.get(&library).copied();
        let path = match (place.step, since) {
            (Step::Deleted, Some(since)) => return deleted(rest, place, &library, since).await,
            (Step::Deleted | Step::Collections, _) => "/collections",
            (Step::Items, _) => "/items",
        };
        place.step = if path == "/items" { Step::Items } else { Step::Collections };
        // The oldest first: what is added meanwhile shifts nothing.
        let asked = ask(rest, &library, path).query("limit", PAGE).query("start", place.start);
        let asked = match since {
            Some(since) => asked.query("since", since).query("includeTrashed", 1),
            None if path == "/items" => asked.query("sort", "dateAdded").query("direction", "asc"),
            None => asked,
        };
        let reply = asked.send().await?;
        let version = version(&reply)?;
        if *place.version.get_or_insert(version) != version && place.begun < ANEW {
            place.begun += 1;
            place.begin();
            return place.changes(Vec::new(), Vec::new());
        }
        let found = entries(&reply)?;
        if since.is_some() && place.step == Step::Collections && found.iter().any(Entry::is_deleted) {
            return Err(Fault::Expired);
        }
        let (gone, there): (Vec<_>, Vec<_>) = found.into_iter().partition(Entry::is_deleted);
        match next_start(&reply) {
            Some(start) => place.start = start,
            None if place.step == Step::Collections => place.go_to(Step::Items),
            None => place.finish(),
        }
        let removed = gone.iter().map(|it| library.item(&it.key)).collect();
        place.changes(there.into_iter().map(|it| it.listed(&library)).collect(), removed)
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let (library, key) = Library::of(item);
        let path = format!("/items/{}", segment(key));
        if item.kind != Kind::Attachment {
            let entry: Entry = ask(rest, &library, &path).value().await?;
            return if entry.is_deleted() { Err(Fault::Gone) } else { entry.content().ok_or(Fault::Gone) };
        }
        let reply = match ask(rest, &library, &format!("{path}/file")).download(DOCUMENT).await {
            // A file that Zotero does not keep; its text may be there all the same.
            Err(Fault::Status(reply)) if reply.status == 404 => {
                return full_text(rest, &library, &path).await;
            }
            other => other?,
        };
        let is_archive = reply.body.starts_with(b"PK\x03\x04");
        if is_archive && matches!(item.format.as_deref(), Some("html" | "htm")) {
            // Old snapshots of web pages come as an archive of all their parts.
            return full_text(rest, &library, &path).await;
        }
        let media_type = reply.header("content-type").map(str::to_owned);
        Ok(Content::Document { bytes: reply.body, media_type, name: item.name.clone() })
    }
}

fn ask<'r>(rest: &'r Rest, library: &Library, path: &str) -> Ask<'r> {
    let place = match library {
        Library::Own => format!("/users/{}", segment(rest.field("user_id"))),
        Library::Group(id) => format!("/groups/{}", segment(id)),
    };
    rest.get(format!("{place}{path}")).header("Zotero-API-Version", 3)
}

/// The libraries that the key may read at this moment: it can be changed on the web at any time, and the list of groups
/// names more than it may read.
async fn libraries(rest: &Rest) -> Result<Vec<(Library, Item)>, Fault> {
    let key: Key = rest.get("/keys/current").header("Zotero-API-Version", 3).value().await?;
    let mut found = Vec::new();
    if granted(key.access.user.as_ref()) {
        found.push((Library::Own, Item::container(Library::Own.id(), "My Library", Kind::Library)));
    }
    let mut start = (!key.access.groups.is_empty()).then_some(0);
    while let Some(at) = start {
        let asked = rest.get(format!("/users/{}/groups", key.user)).header("Zotero-API-Version", 3);
        let reply = asked.query("limit", PAGE).query("start", at).send().await?;
        for group in reply.json::<Vec<Group>>()? {
            let id = group.id.to_string();
            if key.access.reads(&id) {
                let url = Some(format!("https://www.zotero.org/groups/{id}"));
                let library = Library::Group(id);
                let name = group.data.name.unwrap_or_else(|| library.id());
                let item = Item { url, ..Item::container(library.id(), name, Kind::Library) };
                found.push((library, item));
            }
        }
        start = next_start(&reply).filter(|next| *next > at);
    }
    Ok(found)
}

/// The libraries themselves; one that is no longer to be read is gone.
async fn begin(rest: &Rest, place: Place) -> Result<Changes, Fault> {
    let found = libraries(rest).await?;
    let (gone, known): (BTreeMap<_, _>, _) =
        place.known.into_iter().partition(|(library, _)| found.iter().all(|(there, _)| there != library));
    let (left, items): (Vec<_>, Vec<_>) =
        found.into_iter().map(|(library, item)| (library, item.into())).unzip();
    let removed = gone.keys().map(Library::id).collect();
    Place { known, left, ..Place::default() }.changes(items, removed)
}

/// What was deleted since; and at once whether anything changed at all.
async fn deleted(rest: &Rest, mut place: Place, library: &Library, since: u64) -> Result<Changes, Fault> {
    let reply = ask(rest, library, "/deleted").query("since", since).send().await?;
    let version = version(&reply)?;
    let Deleted { collections, items } = reply.json()?;
    // A library that was put back counts from an earlier number.
    if version < since || !collections.is_empty() {
        return Err(Fault::Expired);
    }
    place.version = Some(version);
    if version == since {
        place.finish();
    } else {
        place.go_to(Step::Collections);
    }
    place.changes(Vec::new(), items.iter().map(|key| library.item(key)).collect())
}

async fn full_text(rest: &Rest, library: &Library, path: &str) -> Result<Content, Fault> {
    match ask(rest, library, &format!("{path}/fulltext")).value::<FullText>().await {
        Ok(FullText { content: Some(text) }) if !text.trim().is_empty() => Ok(Content::Text(text)),
        Ok(_) => Err(Fault::Unreadable(
            "Zotero found no text in this file, and does not keep the file itself.".into(),
        )),
        Err(Fault::Status(reply)) if reply.status == 404 => {
            Err(Fault::Unreadable("The file is not on Zotero’s server, and neither is its text.".into()))
        }
        Err(other) => Err(other),
    }
}

fn entries(reply: &Reply) -> Result<Vec<Entry>, Fault> {
    reply.json()
}

fn version(reply: &Reply) -> Result<u64, Fault> {
    let said = reply.header("last-modified-version").and_then(|text| text.trim().parse().ok());
    said.ok_or_else(|| Fault::Failed(Error::internal("a list of Zotero’s without its version")))
}

/// Where the next page starts, as its link says.
fn next_start(reply: &Reply) -> Option<u32> {
    let next = url::Url::parse(&reply.next_link()?).ok()?;
    next.query_pairs().find(|(name, _)| name == "start").and_then(|(_, start)| start.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_by_both_shapes_of_the_right() {
        let reads = |access: &str| {
            let key = format!(r#"{{"userID": 1, "access": {access}}}"#);
            let key: Key = serde_json::from_str(&key).expect("a key");
            (granted(key.access.user.as_ref()), key.access.reads("7"))
        };
        assert_eq!(reads("{}"), (false, false));
        assert_eq!(reads(r#"{"user": {"library": true, "notes": true}}"#), (true, false));
        assert_eq!(reads(r#"{"groups": {"all": {"library": true, "write": false}}}"#), (false, true));
        assert_eq!(reads(r#"{"groups": {"7": {"library": true, "write": false}}}"#), (false, true));
        assert_eq!(reads(r#"{"groups": {"8": {"library": true}}}"#), (false, false));
    }

    #[test]
    fn the_next_page_is_where_the_link_says() {
        let link = r#"<https://api.zotero.org/users/1/items?limit=100&start=101>; rel="next", <https://api.zotero.org/users/1/items?start=900>; rel="last""#;
        let reply = Reply { status: 200, headers: vec![("link".into(), link.into())], body: Vec::new() };
        assert_eq!(next_start(&reply), Some(101));
    }

    #[test]
    fn a_position_outlives_the_round_of_its_libraries() {
        let mut place = Place { left: vec![Library::Group("7".into()), Library::Own], ..Place::default() };
        place.version = Some(12);
        place.finish();
        assert_eq!((place.left.len(), place.known[&Library::Own]), (1, 12));
        place.version = Some(5);
        place.finish();
        let Next::Done(Some(position)) = place.changes(Vec::new(), Vec::new()).expect("changes").next else {
            panic!("it was all");
        };
        let place: Place = serde_json::from_str(&position).expect("a place");
        assert_eq!(place.known[&Library::Group("7".into())], 5);
    }
}
