//! Help center articles: help centers, collections, articles (`api.intercom.io`). Conversations and tickets are in
//! `inbox`.
//!
//! Lists come newest first and say nothing of what was deleted, so every sync lists all; articles come with their
//! bodies. Drafts are left out in every language, and so are changes that wait on top of a published article.

mod inbox;

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::rest::segment;
use super::{Fault, Rest, Source};
use crate::clock::Seconds;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Intercom;

/// Without it the version chosen for the app decides what answers look like.
const VERSION: (&str, &str) = ("Intercom-Version", "2.16");
/// The documentation allows 250, clients in use were refused above 150.
const PAGE: u32 = 150;

const HELP_CENTERS: &str = "/help_center/help_centers";
const COLLECTIONS: &str = "/help_center/collections";
const ARTICLES: &str = "/articles";

#[derive(Deserialize)]
struct Rows<T> {
    data: Vec<T>,
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Pages {
    page: Option<u32>,
    per_page: Option<u32>,
    total_pages: Option<u32>,
    next: Option<Following>,
}

/// Where the next page is: an address, a cursor or a number, by list and version of the API.
#[derive(Deserialize)]
#[serde(untagged)]
enum Following {
    Address(String),
    Cursor { starting_after: String, per_page: Option<u32> },
    Number { page: u32, per_page: Option<u32> },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct HelpCenter {
    id: Value,
    display_name: Option<String>,
    identifier: Option<String>,
    url: Option<String>,
    updated_at: Option<Seconds>,
}

#[derive(Deserialize)]
struct Collection {
    id: Value,
    name: Option<String>,
    url: Option<String>,
    updated_at: Option<Seconds>,
    parent_id: Option<Value>,
    help_center_id: Option<Value>,
}

#[derive(Deserialize)]
struct Article {
    id: Value,
    title: Option<String>,
    state: Option<String>,
    url: Option<String>,
    updated_at: Option<Seconds>,
    #[serde(default)]
    parent_ids: Vec<Value>,
    body: Option<String>,
    translated_content: Option<Map<String, Value>>,
    default_locale: Option<String>,
}

/// An article in another language than the workspace's own.
#[derive(Deserialize)]
struct Translation {
    title: Option<String>,
    state: Option<String>,
    body: Option<String>,
    updated_at: Option<Seconds>,
}

#[async_trait]
impl Source for Intercom {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let below = parent.map(|parent| parent.id.as_str());
        let of = |listed: &Listed| listed.item.parent.as_deref() == below;
        let first = match below {
            None => HELP_CENTERS,
            Some(_) => COLLECTIONS,
        };
        let (mut items, next) = page(rest, cursor.unwrap_or(first)).await?;
        items.retain(of);
        // What stands in something is listed before the inbox, in which nothing does.
        let in_inbox =
            |place: &String| place.starts_with(inbox::CONVERSATIONS) || place.starts_with(inbox::TICKETS);
        Ok(Page { items, next: next.filter(|place| below.is_none() || !in_inbox(place)) })
    }

    /// Help centers, then collections, then articles, then conversations and tickets where they are wanted.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let (items, next) = page(rest, cursor.unwrap_or(HELP_CENTERS)).await?;
        let next = next.map_or(Next::Done(None), Next::More);
        Ok(Changes { items, removed: Vec::new(), next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        if matches!(item.kind, Kind::Ticket | Kind::Conversation) {
            return inbox::read(rest, item).await;
        }
        let article: Article = ask(rest, &format!("{ARTICLES}/{}", segment(&item.id))).await?;
        published(article).and_then(|listed| listed.content).ok_or(Fault::Gone)
    }
}

async fn ask<T: serde::de::DeserializeOwned>(rest: &Rest, place: &str) -> Result<T, Fault> {
    rest.get(place).header(VERSION.0, VERSION.1).value().await
}

/// A page of the list that `place` is in, and the place after it: in the same list, or at the start of the next one.
async fn page(rest: &Rest, place: &str) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let (list, query) = place.split_once('?').unwrap_or((place, ""));
    match list {
        inbox::CONVERSATIONS => return inbox::conversations(rest, query).await,
        inbox::TICKETS => return inbox::tickets(rest, query).await,
        _ => {}
    }
    let place = if query.is_empty() { format!("{list}?page=1&per_page={PAGE}") } else { place.to_owned() };
    Ok(match list {
        HELP_CENTERS => {
            let rows: Rows<HelpCenter> = ask(rest, &place).await?;
            let next = next(list, rows.pages).unwrap_or_else(|| COLLECTIONS.to_owned());
            (rows.data.into_iter().filter_map(help_center).collect(), Some(next))
        }
        COLLECTIONS => {
            let rows: Rows<Collection> = ask(rest, &place).await?;
            let next = next(list, rows.pages).unwrap_or_else(|| ARTICLES.to_owned());
            (rows.data.into_iter().filter_map(collection).collect(), Some(next))
        }
        _ => {
            let rows: Rows<Article> = ask(rest, &place).await?;
            let next = next(list, rows.pages).or_else(|| inbox::after(rest, list));
            (rows.data.into_iter().filter_map(published).collect(), next)
        }
    })
}

/// The place of the next page within a list. Only what follows the `?` of an address is taken: the host stays ours.
fn next(list: &str, pages: Option<Pages>) -> Option<String> {
    let pages = pages?;
    let size = |told: Option<u32>| told.or(pages.per_page).unwrap_or(PAGE);
    let query = match pages.next {
        Some(Following::Address(address)) => address.split_once('?')?.1.to_owned(),
        Some(Following::Cursor { starting_after, per_page }) => {
            format!("per_page={}&starting_after={}", size(per_page), segment(&starting_after))
        }
        Some(Following::Number { page, per_page }) => format!("page={page}&per_page={}", size(per_page)),
        Some(Following::Other(_)) | None => {
            let page = pages.page.filter(|page| Some(*page) < pages.total_pages)? + 1;
            format!("page={page}&per_page={}", size(None))
        }
    };
    Some(format!("{list}?{query}"))
}

/// Ids are text in some places and numbers in others.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Articles, collections and help centers count their ids apart.
fn in_collection(value: &Value) -> Option<String> {
    id(value).map(|id| format!("collection/{id}"))
}

fn help_center(row: HelpCenter) -> Option<Listed> {
    let name = row.display_name.filter(|name| !name.is_empty()).or(row.identifier).unwrap_or_default();
    let item = Item {
        modified: row.updated_at,
        url: row.url,
        ..Item::container(format!("help_center/{}", id(&row.id)?), name, Kind::KnowledgeBase)
    };
    Some(item.into())
}

fn collection(row: Collection) -> Option<Listed> {
    let in_help_center = || row.help_center_id.as_ref().and_then(id).map(|id| format!("help_center/{id}"));
    let item = Item {
        parent: row.parent_id.as_ref().and_then(in_collection).or_else(in_help_center),
        modified: row.updated_at,
        url: row.url,
        ..Item::container(in_collection(&row.id)?, row.name.unwrap_or_default(), Kind::Collection)
    };
    Some(item.into())
}

/// None for a draft. What is told of an article is told of its main language; the others stand below.
fn published(article: Article) -> Option<Listed> {
    if article.state.as_deref() != Some("published") {
        return None;
    }
    let title = article.title.unwrap_or_default();
    let mut body = article.body.unwrap_or_default();
    let mut version = article.updated_at.unwrap_or_default().to_string();
    for (language, content) in article.translated_content.unwrap_or_default() {
        let Ok(content) = serde_json::from_value::<Translation>(content) else { continue };
        if article.default_locale.as_ref() == Some(&language) || content.state.as_deref() != Some("published")
        {
            continue;
        }
        version += &format!(" {language} {}", content.updated_at.unwrap_or_default());
        body += &format!("\n<h1>{}</h1>\n", escaped(&content.title.unwrap_or_default()));
        body += &content.body.unwrap_or_default();
    }
    let item = Item {
        parent: article.parent_ids.first().and_then(in_collection),
        format: Some("html".into()),
        size: Some(body.len() as u64),
        modified: article.updated_at,
        url: article.url,
        version,
        ..Item::content(id(&article.id)?, title, Kind::Article)
    };
    Some(Listed { item, content: Some(Content::html(body)) })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(pages: Value) -> Option<String> {
        next(ARTICLES, Some(serde_json::from_value(pages).unwrap()))
    }

    #[test]
    fn the_next_page_is_found_however_it_is_told() {
        let address = json!({ "next": "https://api.eu.intercom.io/articles?per_page=2&page=3" });
        assert_eq!(after(address).unwrap(), "/articles?per_page=2&page=3");
        let cursor = json!({ "next": { "per_page": 2, "starting_after": "Wz=" } });
        assert_eq!(after(cursor).unwrap(), "/articles?per_page=2&starting_after=Wz%3D");
        let number = json!({ "next": { "page": 2 }, "per_page": 9 });
        assert_eq!(after(number).unwrap(), "/articles?page=2&per_page=9");
        let counted = json!({ "next": null, "page": 1, "per_page": 50, "total_pages": 2 });
        assert_eq!(after(counted).unwrap(), "/articles?page=2&per_page=50");
        assert_eq!(after(json!({ "page": 2, "per_page": 50, "total_pages": 2 })), None);
        assert_eq!(after(json!({ "next": { "starting_after": null }, "page": 1, "total_pages": 1 })), None);
        assert_eq!(next(ARTICLES, None), None);
    }

    #[test]
    fn only_what_is_published_is_kept_in_each_language() {
        let article = |state: &str| {
            let article = json!({
                "id": "7", "title": "Fees", "state": state, "body": "<p>Fees</p>", "updated_at": 10,
                "parent_ids": [3], "default_locale": "en",
                "translated_content": {
                    "type": "article_translated_content",
                    "en": { "state": "published", "body": "<p>Fees</p>", "updated_at": 10 },
                    "de": { "state": "published", "title": "A & B", "body": "<p>Gebühren</p>", "updated_at": 12 },
                    "fr": { "state": "draft", "title": "Frais", "body": "<p>Frais</p>", "updated_at": 13 },
                    "it": null,
                },
            });
            published(serde_json::from_value(article).unwrap())
        };
        assert!(article("draft").is_none());
        let Listed { item, content } = article("published").unwrap();
        assert_eq!((item.id.as_str(), item.parent.as_deref()), ("7", Some("collection/3")));
        assert_eq!(item.version, "10 de 12");
        let html = "<p>Fees</p>\n<h1>A &amp; B</h1>\n<p>Gebühren</p>";
        assert_eq!(content, Some(Content::html(html)));
    }
}
