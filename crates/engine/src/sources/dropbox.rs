//! Files and folders, listed in one go from the root down; the cursor at its end later brings what changed.
//!
//! Ids outlast renames and moves, but a deletion names a path only, and so does what was replaced: by the rules of
//! `list_folder`, a new entry at a path silently ends the one before. Which id that was is found in two ways. Folders
//! are few: their paths and ids are part of the position. Files are many: Dropbox is asked for the revisions at the
//! path, which tell the ids. Either way an id is gone only when Dropbox no longer knows it, because a rename looks
//! like a deletion at first. Where neither way leads anywhere, everything is listed anew.

mod wire;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::wire::{Entries, Entry, Revisions, call, contents, refused, says};
use super::{Fault, Rest, Source};
use crate::clock::{Seconds, from_rfc3339};
use crate::error::Error;
use crate::item::{Changes, Content, Item, Listed, Next, Page};

pub struct Dropbox;

/// The most that a page may be asked to hold; it may hold some more.
const PAGE: u32 = 2000;
/// Revisions of one path that are looked at.
const REVISIONS: u32 = 100;
/// Paths that are looked up together.
const TOGETHER: usize = 4;
/// More changes at once are found sooner by listing everything.
const MOST_CHANGES: usize = 200;
/// Dropbox keeps revisions for thirty days at least (help.dropbox.com, "Version history").
const REMEMBERED: Seconds = 28 * 86_400;

/// Where a listing stands, and later what the next one begins with.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Empty at first.
    cursor: String,
    /// When the last listing ended; within the first one, when it began.
    since: Seconds,
    /// It is the first listing.
    whole: bool,
    /// Ids of folders by their paths in lower case, without a slash at the end.
    folders: BTreeMap<String, String>,
}

#[async_trait]
impl Source for Dropbox {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let id = parent.map(|parent| parent.id.clone());
        let found: Entries = match cursor {
            Some(cursor) => call(rest, "/files/list_folder/continue", &json!({ "cursor": cursor })).await,
            None => {
                let path = id.as_deref().unwrap_or_default();
                call(rest, "/files/list_folder", &json!({ "path": path, "limit": PAGE })).await
            }
        }
        .map_err(refused)?
        .json()?;
        let items = found.entries.into_iter().filter_map(|entry| entry.item(id.clone()));
        Ok(Page { items: items.map(Listed::from).collect(), next: found.has_more.then_some(found.cursor) })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let now = rest.clock().now();
        let mut place = match cursor {
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
            None => Place { cursor: String::new(), since: now, whole: true, folders: BTreeMap::new() },
        };
        if now - place.since > REMEMBERED {
            return Err(Fault::Expired);
        }
        let found = page(rest, &place.cursor).await?;
        let (entries, removed) = place.take_in(rest, found.entries).await?;
        place.find_parents(rest, &entries).await?;
        let items = entries.into_iter().filter_map(|entry| {
            let parent = entry.path().and_then(parent_of).and_then(|path| place.folders.get(path)).cloned();
            entry.item(parent).map(Listed::from)
        });
        let items = items.collect();
        place.cursor = found.cursor;
        if !found.has_more {
            (place.since, place.whole) = (now, false);
        }
        let next = serde_json::to_string(&place).map_err(|error| Fault::Failed(Error::internal(error)))?;
        let next = if found.has_more { Next::More(next) } else { Next::Done(Some(next)) };
        Ok(Changes { items, removed, next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        if let Some(form) = &item.note {
            let arguments = match form.as_str() {
                "" => json!({ "path": item.id }),
                form => json!({ "path": item.id, "export_format": form }),
            };
            let reply = contents(rest, "/files/export", &arguments).await.map_err(refused)?;
            let name = format!("it.{}", item.format.as_deref().unwrap_or_default());
            return Ok(Content::Document { bytes: reply.body, media_type: None, name });
        }
        let reply = contents(rest, "/files/download", &json!({ "path": item.id })).await.map_err(refused)?;
        // Dropbox tells no media type, only that it sends bytes.
        Ok(Content::file(reply.body, None, &item.name))
    }
}

async fn page(rest: &Rest, cursor: &str) -> Result<Entries, Fault> {
    let asked = if cursor.is_empty() {
        call(rest, "/files/list_folder", &json!({ "path": "", "recursive": true, "limit": PAGE })).await
    } else {
        call(rest, "/files/list_folder/continue", &json!({ "cursor": cursor })).await
    };
    match asked {
        Err(Fault::Status(reply)) if says(&reply, "reset") => Err(Fault::Expired),
        other => other?.json(),
    }
}

impl Place {
    /// Applies a page's entries in their order. Answers those that stand, and the ids that are gone.
    async fn take_in(
        &mut self,
        rest: &Rest,
        entries: Vec<Entry>,
    ) -> Result<(Vec<Entry>, Vec<String>), Fault> {
        let mut stand: Vec<Entry> = Vec::new();
        // Folders that ended and those that were below them; other paths where something ended.
        let (mut ended, mut below, mut paths) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for entry in entries {
            let Some(path) = entry.path().map(str::to_owned) else {
                stand.push(entry);
                continue;
            };
            match &entry {
                Entry::Folder(folder) => {
                    let before = self.folders.insert(path, folder.id.clone());
                    // Another folder took its place, and with it all that is below, of which nothing is said.
                    if before.is_some_and(|before| before != folder.id) {
                        return Err(Fault::Expired);
                    }
                    stand.push(entry);
                }
                Entry::File(file) => {
                    let folder = self.folders.remove(&path);
                    // What was there before the first listing began has replaced nothing that it brought.
                    let modified = file.server_modified.as_deref().and_then(from_rfc3339);
                    if !self.whole || modified.is_some_and(|modified| modified >= self.since) {
                        paths.push((path.clone(), Some(file.id.clone())));
                    }
                    if let Some(folder) = folder {
                        below.append(&mut self.forget_below(&path));
                        ended.insert(path, folder);
                    }
                    stand.push(entry);
                }
                Entry::Deleted(_) => {
                    stand.retain(|other| !other.path().is_some_and(|other| is_within(other, &path)));
                    match self.folders.remove(&path).or_else(|| below.remove(&path)) {
                        Some(folder) => {
                            below.append(&mut self.forget_below(&path));
                            ended.insert(path, folder);
                        }
                        None => paths.push((path, None)),
                    }
                }
                Entry::Else => {}
            }
        }
        let gone = self.gone(rest, ended, paths).await?;
        Ok((stand, gone))
    }

    /// Which ids are gone: of folders that ended at their paths, and of files that ended at paths or were replaced
    /// there by the one named.
    async fn gone(
        &self,
        rest: &Rest,
        ended: BTreeMap<String, String>,
        mut paths: Vec<(String, Option<String>)>,
    ) -> Result<Vec<String>, Fault> {
        let (mut gone, mut roots) = (Vec::new(), Vec::<String>::new());
        let mut looks = 0;
        // A folder comes before what was in it, and takes all of it along.
        for (path, id) in ended {
            if roots.iter().any(|root| is_within(&path, root)) {
                continue;
            }
            looks += 1;
            if looks > MOST_CHANGES && !self.whole {
                return Err(Fault::Expired);
            }
            if look(rest, &id).await?.is_none() {
                gone.push(id);
                roots.push(path);
            }
        }
        paths.retain(|(path, own)| own.is_some() || !roots.iter().any(|root| is_within(path, root)));
        if paths.len() > MOST_CHANGES && !self.whole {
            return Err(Fault::Expired);
        }
        let mut doubtful = BTreeSet::new();
        for some in paths.chunks(TOGETHER) {
            let asked = some.iter().map(|(path, own)| self.others_at(rest, path, own.as_deref()));
            doubtful.extend(try_join_all(asked).await?.into_iter().flatten());
        }
        let doubtful: Vec<String> = doubtful.into_iter().collect();
        for some in doubtful.chunks(TOGETHER) {
            let known = try_join_all(some.iter().map(|id| look(rest, id))).await?;
            let unknown = some.iter().zip(known).filter(|(_, known)| known.is_none());
            gone.extend(unknown.map(|(id, _)| id.clone()));
        }
        Ok(gone)
    }

    /// Takes out the folders below a path.
    fn forget_below(&mut self, path: &str) -> BTreeMap<String, String> {
        let mut below = BTreeMap::new();
        self.folders.retain(|other, id| {
            let stays = !is_within(other, path);
            if !stays {
                below.insert(other.clone(), std::mem::take(id));
            }
            stays
        });
        below
    }

    /// Files that have been at a path and are not the one that is there now.
    async fn others_at(&self, rest: &Rest, path: &str, own: Option<&str>) -> Result<Vec<String>, Fault> {
        let asked = json!({ "path": path, "mode": "path", "limit": REVISIONS });
        let found: Revisions = match call(rest, "/files/list_revisions", &asked).await {
            // Gone again, or a kind without revisions.
            Err(Fault::Status(reply)) if says(&reply, "") && (own.is_some() || self.whole) => {
                return Ok(Vec::new());
            }
            // A folder that came and went, or what is not to be restored.
            Err(Fault::Status(reply)) if says(&reply, "") => return Err(Fault::Expired),
            other => other?.json()?,
        };
        let oldest =
            found.entries.last().and_then(|file| file.server_modified.as_deref()).and_then(from_rfc3339);
        if found.has_more && oldest.is_none_or(|oldest| oldest > self.since) && !self.whole {
            return Err(Fault::Expired);
        }
        let ids = found.entries.into_iter().map(|file| file.id);
        Ok(ids.filter(|id| Some(id.as_str()) != own).collect())
    }

    /// Asks for the folders that entries stand in and that no page has brought: a page need not bring them first.
    async fn find_parents(&mut self, rest: &Rest, entries: &[Entry]) -> Result<(), Fault> {
        let paths: BTreeSet<&str> = entries.iter().filter_map(|entry| parent_of(entry.path()?)).collect();
        let missing: Vec<&str> = paths.into_iter().filter(|path| !self.folders.contains_key(*path)).collect();
        for some in missing.chunks(TOGETHER) {
            let found = try_join_all(some.iter().map(|path| look(rest, path))).await?;
            for (path, entry) in some.iter().zip(found) {
                if let Some(Entry::Folder(folder)) = entry {
                    self.folders.insert((*path).to_owned(), folder.id);
                }
            }
        }
        Ok(())
    }
}

/// What is at a path or has an id; none where nothing is.
async fn look(rest: &Rest, path: &str) -> Result<Option<Entry>, Fault> {
    match call(rest, "/files/get_metadata", &json!({ "path": path })).await {
        Err(Fault::Status(reply)) if says(&reply, "path/not_found") => Ok(None),
        other => Ok(Some(other?.json()?)),
    }
}

/// The path of what `path` stands in; none at the top.
fn parent_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty())
}

/// It is that path or below it.
fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
