//! Spaces, pages, blog posts and attachments of Confluence Cloud (`/wiki/api/v2`, files by `/wiki/rest/api`).
//!
//! Nothing tells what was deleted, so every sync lists all: four lists of 250 a page, and each folder once, because no
//! list names folders. Drafts, archived things and what stands in archived spaces are left out. What stands below a
//! whiteboard, a database or a folder that cannot be seen hangs on its space.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use self::rows::{Attachment, Child, Folder, Post, Rows, Space, attachment, folder, is_current, post, space};
use super::rest::{Ask, DOCUMENT, segment};
use super::{Fault, Rest, Source};
use crate::error::Error;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Confluence;

/// The most that a page of any list holds.
const PAGE: u32 = 250;

/// Where a listing stands.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    list: List,
    cursor: Option<String>,
    /// The archived spaces: their pages are current all the same.
    archived: BTreeSet<String>,
    /// The app may not see folders.
    no_folders: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum List {
    #[default]
    Spaces,
    Pages,
    BlogPosts,
    Attachments,
}

#[async_trait]
impl Source for Confluence {
    /// Of a space its uppermost pages and its blog posts; of a page or folder what stands in it, then its attachments.
    /// Folders at the top of a space are in no list: a sync finds them.
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(parent) = parent else {
            let (spaces, base, next) =
                rows::<Space>(list(rest, "/spaces").query("status", "current"), cursor).await?;
            let items = spaces.into_iter().map(|it| space(rest, &base, it)).collect();
            return Ok(Page { items, next });
        };
        let (what, place) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("tree", ""));
        let place = Some(place).filter(|place| !place.is_empty());
        let id = segment(parent.id.trim_start_matches("space/"));
        let (what, items, next, then) = match (what, parent.kind) {
            ("tree", Kind::Space) => {
                let ask = current(rest, &format!("/spaces/{id}/pages")).query("depth", "root");
                let (found, base, next) = rows::<Post>(ask, place).await?;
                let known = BTreeMap::new();
                let items =
                    found.into_iter().filter_map(|it| post(rest, &base, it, Kind::Page, &known)).collect();
                (what, items, next, Some("posts"))
            }
            ("posts", _) => {
                let (found, base, next) =
                    rows::<Post>(current(rest, &format!("/spaces/{id}/blogposts")), place).await?;
                let known = BTreeMap::new();
                let items =
                    found.into_iter().filter_map(|it| post(rest, &base, it, Kind::Article, &known)).collect();
                (what, items, next, None)
            }
            ("tree", Kind::Page) => {
                let (items, next) =
                    direct(rest, &format!("/pages/{id}/direct-children"), parent, place).await?;
                (what, items, next, Some("files"))
            }
            ("tree", Kind::Folder) => {
                let (items, next) =
                    direct(rest, &format!("/folders/{id}/direct-children"), parent, place).await?;
                (what, items, next, None)
            }
            _ => {
                let whose = if parent.kind == Kind::Article { "blogposts" } else { "pages" };
                let ask = current(rest, &format!("/{whose}/{id}/attachments"));
                let (found, base, next) = rows::<Attachment>(ask, place).await?;
                let items =
                    found.into_iter().filter_map(|it| attachment(rest, &base, it, &parent.id)).collect();
                ("files", items, next, None)
            }
        };
        let next = next.map(|next| format!("{what} {next}")).or(then.map(|then| format!("{then} ")));
        Ok(Page { items, next })
    }

    /// Spaces, then pages with the folders that they stand in, then blog posts, then attachments.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place = match cursor {
            None => Place::default(),
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
        };
        let at = place.cursor.take();
        let (items, next) = match place.list {
            List::Spaces => spaces(rest, &mut place, at).await?,
            List::Pages => posts(rest, &mut place, at, Kind::Page).await?,
            List::BlogPosts => posts(rest, &mut place, at, Kind::Article).await?,
            List::Attachments => attachments(rest, &place, at).await?,
        };
        place.list = match (place.list, &next) {
            (list, Some(_)) => list,
            (List::Spaces, None) => List::Pages,
            (List::Pages, None) => List::BlogPosts,
            (List::BlogPosts, None) => List::Attachments,
            (List::Attachments, None) => {
                return Ok(Changes { items, removed: Vec::new(), next: Next::Done(None) });
            }
        };
        place.cursor = next;
        let next = serde_json::to_string(&place).map_err(|error| Fault::Failed(Error::internal(error)))?;
        Ok(Changes { items, removed: Vec::new(), next: Next::More(next) })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let id = segment(&item.id);
        let whose = match item.kind {
            Kind::Attachment => {
                let parent = segment(item.parent.as_deref().unwrap_or_default());
                let path = format!("/wiki/rest/api/content/{parent}/child/attachment/{id}/download");
                let file = rest.get(path).download(DOCUMENT).await?;
                let media_type = file.header("content-type").map(str::to_owned);
                return Ok(Content::Document { media_type, name: item.name.clone(), bytes: file.body });
            }
            Kind::Article => "blogposts",
            _ => "pages",
        };
        let ask = rest.get(format!("/wiki/api/v2/{whose}/{id}")).query("status", "current");
        let post: Post = ask.query("body-format", "view").value().await?;
        if !is_current(post.status.as_deref()) {
            return Err(Fault::Gone);
        }
        Ok(Content::html(post.body.and_then(|body| body.view).map(|view| view.value).unwrap_or_default()))
    }
}

fn list<'r>(rest: &'r Rest, path: &str) -> Ask<'r> {
    rest.get(format!("/wiki/api/v2{path}")).query("limit", PAGE)
}

/// Lists bring what is archived along unless they are told not to.
fn current<'r>(rest: &'r Rest, path: &str) -> Ask<'r> {
    list(rest, path).query("status", "current")
}

/// The rows of a page, the address of the site, and where the next page begins.
async fn rows<T: DeserializeOwned>(
    ask: Ask<'_>,
    cursor: Option<&str>,
) -> Result<(Vec<T>, String, Option<String>), Fault> {
    let found: Rows<T> = match ask.maybe("cursor", cursor).value().await {
        Err(Fault::Status(reply)) if reply.status == 400 && cursor.is_some() => return Err(Fault::Expired),
        other => other?,
    };
    Ok((found.results, found.links.base.unwrap_or_default(), found.links.next.as_deref().and_then(cursor_of)))
}

/// `next` is a path at the site. Only its cursor is of use: at the gateway the cloud id stands before the path.
fn cursor_of(next: &str) -> Option<String> {
    let url = Url::parse("https://api.atlassian.com").ok()?.join(next).ok()?;
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

async fn spaces(
    rest: &Rest,
    place: &mut Place,
    at: Option<String>,
) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let (found, base, next) = rows::<Space>(list(rest, "/spaces"), at.as_deref()).await?;
    let (current, archived): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| is_current(it.status.as_deref()));
    place.archived.extend(archived.into_iter().map(|it| it.id));
    Ok((current.into_iter().map(|it| space(rest, &base, it)).collect(), next))
}

async fn posts(
    rest: &Rest,
    place: &mut Place,
    at: Option<String>,
    kind: Kind,
) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let path = if kind == Kind::Page { "/pages" } else { "/blogposts" };
    let (mut found, base, next) = rows::<Post>(current(rest, path), at.as_deref()).await?;
    found.retain(|it| is_shown(it, &place.archived));
    let wanted = found.iter().filter(|it| it.parent_type.as_deref() == Some("folder"));
    let wanted: BTreeSet<String> = wanted.filter_map(|it| it.parent_id.clone()).collect();
    let folders = folders(rest, place, wanted).await?;
    let mut items: Vec<Listed> = folders.values().map(|it| folder(it, &folders)).collect();
    items.extend(found.into_iter().filter_map(|it| post(rest, &base, it, kind, &folders)));
    Ok((items, next))
}

/// An attachment says nothing of whether the page is published that it hangs on.
async fn attachments(
    rest: &Rest,
    place: &Place,
    at: Option<String>,
) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let (found, base, next) = match rows::<Attachment>(current(rest, "/attachments"), at.as_deref()).await {
        // Without the permission to list them the pages are kept all the same.
        Err(Fault::Status(reply)) if matches!(reply.status, 401 | 403) => return Ok((Vec::new(), None)),
        other => other?,
    };
    let on_pages = shown(rest, place, "/pages", found.iter().filter_map(|it| it.page_id.as_deref())).await?;
    let on_posts =
        shown(rest, place, "/blogposts", found.iter().filter_map(|it| it.blog_post_id.as_deref())).await?;
    let items = found.into_iter().filter_map(|it| {
        let parent = it.page_id.clone().or(it.blog_post_id.clone())?;
        let is_shown = on_pages.contains(&parent) || on_posts.contains(&parent);
        if is_shown { attachment(rest, &base, it, &parent) } else { None }
    });
    Ok((items.collect(), next))
}

/// Those of the pages or blog posts that are published, at most [`PAGE`].
async fn shown(
    rest: &Rest,
    place: &Place,
    path: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<BTreeSet<String>, Fault> {
    let ids: BTreeSet<&str> = ids.collect();
    let found = by_id(rest, path, &ids).await?.0;
    Ok(found.into_iter().filter(|it| is_shown(it, &place.archived)).map(|it| it.id).collect())
}

async fn by_id(rest: &Rest, path: &str, ids: &BTreeSet<&str>) -> Result<(Vec<Post>, String), Fault> {
    if ids.is_empty() {
        return Ok(Default::default());
    }
    let ask = ids.iter().fold(current(rest, path), |ask, id| ask.query("id", id));
    let (found, base, _) = rows::<Post>(ask, None).await?;
    Ok((found, base))
}

fn is_shown(post: &Post, archived: &BTreeSet<String>) -> bool {
    is_current(post.status.as_deref())
        && !post.space_id.as_ref().is_some_and(|space| archived.contains(space))
}

/// Folders by id, and those above them.
async fn folders(
    rest: &Rest,
    place: &mut Place,
    mut wanted: BTreeSet<String>,
) -> Result<BTreeMap<String, Folder>, Fault> {
    let (mut found, mut tried) = (BTreeMap::new(), BTreeSet::new());
    while !wanted.is_empty() && !place.no_folders {
        tried.extend(wanted.iter().cloned());
        let ask = |id: String| async move {
            rest.get(format!("/wiki/api/v2/folders/{}", segment(&id))).value().await
        };
        for reply in join_all(std::mem::take(&mut wanted).into_iter().map(ask)).await {
            let folder: Folder = match reply {
                Ok(folder) => folder,
                Err(Fault::Status(reply)) if reply.status == 404 => continue,
                // The gateway says 401 where a permission is missing.
                Err(Fault::Status(reply)) if matches!(reply.status, 401 | 403) => {
                    place.no_folders = true;
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            let above = folder.parent_id.clone().filter(|_| folder.parent_type.as_deref() == Some("folder"));
            wanted.extend(above.filter(|id| !tried.contains(id)));
            found.insert(folder.id.clone(), folder);
        }
    }
    Ok(found)
}

/// What stands directly in a page or folder. The list tells no versions, so the pages are asked for by id.
async fn direct(
    rest: &Rest,
    path: &str,
    parent: &Item,
    cursor: Option<&str>,
) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let (found, _, next) = match rows::<Child>(list(rest, path), cursor).await {
        // Without the permission to look into pages a sync shows what there is.
        Err(Fault::Status(reply)) if matches!(reply.status, 401 | 403) => return Ok(Default::default()),
        other => other?,
    };
    let of_kind = |kind: &'static str| found.iter().filter(move |it| it.kind.as_deref() == Some(kind));
    let folder = |it: &Child| {
        let name = it.title.clone().unwrap_or_default();
        Item { parent: Some(parent.id.clone()), ..Item::container(&it.id, name, Kind::Folder) }.into()
    };
    let mut items: Vec<Listed> = of_kind("folder").map(folder).collect();
    let pages: BTreeSet<&str> = of_kind("page").map(|it| it.id.as_str()).collect();
    let (pages, base) = by_id(rest, "/pages", &pages).await?;
    let known = BTreeMap::new();
    items.extend(pages.into_iter().filter_map(|it| post(rest, &base, it, Kind::Page, &known)).map(
        |mut listed| {
            listed.item.parent = Some(parent.id.clone());
            listed
        },
    ));
    Ok((items, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cursor_of_the_next_address_is_used() {
        let next = "/wiki/api/v2/pages?limit=250&cursor=eyJpZCI6IjEifQ%3D%3D";
        assert_eq!(cursor_of(next).as_deref(), Some("eyJpZCI6IjEifQ=="));
        assert_eq!(cursor_of("/wiki/api/v2/pages?limit=250"), None);
    }
}
