//! Help center articles: categories, sections, articles (`/api/v2/help_center`). Tickets are in `tickets`.
//!
//! Lists say nothing of what was archived, so every sync lists all; the export brings a thousand articles a page, with
//! their bodies, in the order of their change. It does not look at the last minute, so the newest come by the usual list. Drafts are left out, and one that becomes a draft is thereby gone.

mod tickets;

use async_trait::async_trait;
use serde::Deserialize;

use super::rest::segment;
use super::{Fault, Rest, Source};
use crate::clock::from_rfc3339;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Zendesk;

const HELP_CENTER: &str = "/help_center";

/// The most that a cursor page holds.
const PAGE: u32 = 100;
/// Seconds that the export does not look at, with some to spare for clocks that differ.
const TOO_RECENT: i64 = 120;

#[derive(Deserialize)]
struct Meta {
    has_more: bool,
    after_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Containers {
    #[serde(alias = "categories", alias = "sections")]
    rows: Vec<Container>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Container {
    id: u64,
    name: String,
    html_url: Option<String>,
    updated_at: Option<String>,
    category_id: Option<u64>,
    parent_section_id: Option<u64>,
}

#[derive(Deserialize)]
struct Articles {
    articles: Vec<Article>,
    meta: Option<Meta>,
    end_time: Option<i64>,
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Article {
    id: u64,
    title: Option<String>,
    html_url: Option<String>,
    draft: Option<bool>,
    updated_at: Option<String>,
    edited_at: Option<String>,
    section_id: Option<u64>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct One {
    article: Article,
}

#[async_trait]
impl Source for Zendesk {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(parent) = parent else { return top(rest, cursor).await };
        match parent.id.split_once('/') {
            Some(("category", id)) => {
                containers(rest, &format!("/categories/{}/sections", segment(id)), cursor).await
            }
            Some(("section", id)) => {
                articles(rest, &format!("/sections/{}/articles", segment(id)), cursor).await
            }
            Some(("ticket", id)) => tickets::attachments(rest, id).await,
            _ => Ok(Page::default()),
        }
    }

    /// Categories, then sections, then articles, then tickets where they are wanted.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let (what, place) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("categories", ""));
        let place = Some(place).filter(|place| !place.is_empty());
        let (page, then) = match what {
            "categories" => (containers(rest, "/categories", place).await?, "sections "),
            "sections" => (containers(rest, "/sections", place).await?, "export 0"),
            "export" => return export(rest, place.unwrap_or("0")).await,
            "newest" => return newest(rest, place.unwrap_or_default()).await,
            "tickets" => return tickets::changes(rest, place).await,
            _ => {
                let page = articles(rest, "/articles", place).await?;
                let next = page.next.map(|next| format!("articles {next}"));
                return Ok(Changes { items: page.items, removed: Vec::new(), next: or_tickets(rest, next) });
            }
        };
        let next = page.next.map_or_else(|| then.to_owned(), |next| format!("{what} {next}"));
        Ok(Changes { items: page.items, removed: Vec::new(), next: Next::More(next) })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        match item.kind {
            Kind::Ticket => return tickets::read(rest, item).await,
            Kind::Attachment => return tickets::read_attachment(rest, item).await,
            _ => {}
        }
        let path = format!("{HELP_CENTER}/articles/{}", segment(&item.id));
        let One { article } = rest.get(path).value().await?;
        if article.draft == Some(true) {
            return Err(Fault::Gone);
        }
        Ok(Content::html(article.body.unwrap_or_default()))
    }
}

/// Categories, then tickets where they are wanted.
async fn top(rest: &Rest, cursor: Option<&str>) -> Result<Page, Fault> {
    if let Some(place) = cursor.and_then(|it| it.strip_prefix("tickets ")) {
        return tickets::page(rest, place).await;
    }
    let page = containers(rest, "/categories", cursor).await?;
    Ok(Page { next: page.next.or_else(|| tickets::first(rest)), ..page })
}

/// How it goes on after articles.
fn or_tickets(rest: &Rest, next: Option<String>) -> Next {
    next.or_else(|| tickets::first(rest)).map_or(Next::Done(None), Next::More)
}

async fn containers(rest: &Rest, path: &str, cursor: Option<&str>) -> Result<Page, Fault> {
    let path = format!("{HELP_CENTER}{path}");
    let found: Containers =
        rest.get(path).query("page[size]", PAGE).maybe("page[after]", cursor).value().await?;
    let items = found.rows.into_iter().map(container).collect();
    Ok(Page { items, next: after(Some(found.meta)) })
}

async fn articles(rest: &Rest, path: &str, cursor: Option<&str>) -> Result<Page, Fault> {
    let path = format!("{HELP_CENTER}{path}");
    let found: Articles =
        rest.get(path).query("page[size]", PAGE).maybe("page[after]", cursor).value().await?;
    let items = found.articles.into_iter().filter_map(published).collect();
    Ok(Page { items, next: after(found.meta) })
}

/// Up to a thousand articles that changed since `start`, seconds since 1970; only agents may ask.
async fn export(rest: &Rest, start: &str) -> Result<Changes, Fault> {
    let asked = rest.get(format!("{HELP_CENTER}/incremental/articles")).query("start_time", start);
    let found: Articles = match asked.value().await {
        Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) && start == "0" => {
            return Ok(Changes {
                items: Vec::new(),
                removed: Vec::new(),
                next: Next::More("articles ".into()),
            });
        }
        other => other?,
    };
    let end = found.end_time.filter(|_| found.next_page.is_some());
    let next = match end {
        Some(end) if end.to_string() != start && end + TOO_RECENT < rest.clock().now() => {
            format!("export {end}")
        }
        _ => format!("newest {} ", end.unwrap_or_else(|| start.parse().unwrap_or(0))),
    };
    let items = found.articles.into_iter().filter_map(published).collect();
    Ok(Changes { items, removed: Vec::new(), next: Next::More(next) })
}

/// What changed last, down to where the export ended.
async fn newest(rest: &Rest, place: &str) -> Result<Changes, Fault> {
    let (end, cursor) = place.split_once(' ').unwrap_or((place, ""));
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let ask = rest.get(format!("{HELP_CENTER}/articles"));
    let ask = ask.query("sort_by", "updated_at").query("sort_order", "desc");
    let found: Articles = ask.query("page[size]", PAGE).maybe("page[after]", cursor).value().await?;
    let oldest = found.articles.last().and_then(|last| from_rfc3339(last.updated_at.as_deref()?));
    let reached = oldest.is_none_or(|oldest| oldest < end.parse().unwrap_or(0));
    let next = after(found.meta).filter(|_| !reached).map(|next| format!("newest {end} {next}"));
    Ok(Changes {
        items: found.articles.into_iter().filter_map(published).collect(),
        removed: Vec::new(),
        next: or_tickets(rest, next),
    })
}

fn after(meta: Option<Meta>) -> Option<String> {
    meta.filter(|meta| meta.has_more).and_then(|meta| meta.after_cursor)
}

fn container(row: Container) -> Listed {
    let (id, kind) = match row.category_id {
        Some(_) => (format!("section/{}", row.id), Kind::Section),
        None => (format!("category/{}", row.id), Kind::Category),
    };
    let parent = row
        .parent_section_id
        .map(|id| format!("section/{id}"))
        .or(row.category_id.map(|id| format!("category/{id}")));
    let modified = row.updated_at.as_deref().and_then(from_rfc3339);
    Item { parent, modified, url: row.html_url, ..Item::container(id, row.name, kind) }.into()
}

fn published(article: Article) -> Option<Listed> {
    if article.draft == Some(true) {
        return None;
    }
    let modified = article.updated_at.as_deref().and_then(from_rfc3339);
    let version = article.edited_at.or(article.updated_at).unwrap_or_default();
    let item = Item {
        parent: article.section_id.map(|id| format!("section/{id}")),
        format: Some("html".into()),
        size: article.body.as_ref().map(|body| body.len() as u64),
        modified,
        url: article.html_url,
        version,
        ..Item::content(article.id.to_string(), article.title.unwrap_or_default(), Kind::Article)
    };
    Some(Listed { item, content: article.body.map(Content::html) })
}
