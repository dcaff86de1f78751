//! Knowledge articles by the table API: knowledge bases, categories, published articles (`/api/now/table`), and
//! incidents where they are wanted.
//!
//! Rows that are gone leave no trace without an administrator's tables, so every sync lists all; articles come with
//! their text. What is retired or a draft again is no longer published and thereby gone. An incident's comments are
//! journals, which the instance puts together for each row: they are asked for one incident at a time.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::rest::{Ask, segment};
use super::{Fault, Reply, Rest, Source};
use crate::clock::{Seconds, from_rfc3339};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct ServiceNow;

/// "Unusually large values can impact system performance", and articles bring their text.
const PAGE: u32 = 200;

/// What is listed of a table, in the order in which it is listed.
struct Table {
    name: &'static str,
    fields: &'static str,
    which: &'static str,
    item: fn(&Rest, &Row) -> Option<Listed>,
}

const BASES: Table = Table {
    name: "kb_knowledge_base",
    fields: "sys_id,title,sys_updated_on",
    which: "active=true",
    item: |_, row| container(row, Kind::KnowledgeBase),
};
const CATEGORIES: Table = Table {
    name: "kb_category",
    fields: "sys_id,label,parent_id,kb_knowledge_base,sys_updated_on",
    which: "active=true",
    item: |_, row| container(row, Kind::Category),
};
const ARTICLES: Table = Table {
    name: "kb_knowledge",
    fields: "sys_id,number,short_description,text,wiki,article_type,workflow_state,kb_knowledge_base,kb_category,\
             sys_updated_on",
    which: "workflow_state=published",
    item: published,
};
const INCIDENTS: Table = Table {
    name: "incident",
    fields: "sys_id,number,short_description,sys_updated_on",
    which: "sys_idISNOTEMPTY",
    item: incident,
};
const TABLES: [Table; 4] = [BASES, CATEGORIES, ARTICLES, INCIDENTS];
/// What is read of an incident: a journal's entries stand in its display value only.
const INCIDENT_TEXT: &str =
    "sys_id,number,short_description,description,state,close_notes,comments,work_notes";

#[derive(Deserialize)]
struct Rows {
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct One {
    result: Row,
}

/// A row of any of the tables: columns by name.
#[derive(Deserialize)]
struct Row(Map<String, Value>);

impl Row {
    /// Empty where there is nothing, or nothing for this person. A reference is `{link, value}` or the value alone.
    fn text(&self, column: &str) -> &str {
        let value = self.0.get(column).map(|value| value.get("value").unwrap_or(value));
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// As a person sees it; empty where there is nothing.
    fn shown(&self, column: &str) -> &str {
        let value = self.0.get(column).map(|value| value.get("display_value").unwrap_or(value));
        value.and_then(Value::as_str).unwrap_or_default().trim()
    }

    fn first(&self, columns: [&str; 2]) -> Option<String> {
        columns.into_iter().map(|column| self.text(column)).find(|it| !it.is_empty()).map(str::to_owned)
    }
}

#[async_trait]
impl Source for ServiceNow {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(parent) = parent else {
            let (table, place) = match cursor.and_then(|it| it.strip_prefix("incidents ")) {
                Some(place) => (&INCIDENTS, Some(place)),
                None => (&BASES, cursor),
            };
            let (items, next) = page(rest, table, table.which, offset(place)).await?;
            let next = match next {
                Some(next) if table.name == INCIDENTS.name => Some(format!("incidents {next}")),
                Some(next) => Some(next.to_string()),
                None => {
                    (table.name == BASES.name && rest.lists(Kind::Ticket)).then(|| "incidents 0".to_owned())
                }
            };
            return Ok(Page { items, next });
        };
        let (table, place) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("categories", "0"));
        let id = &parent.id;
        let (listed, which) = match (table, parent.kind) {
            ("categories", _) => (&CATEGORIES, format!("parent_id={id}^active=true")),
            (_, Kind::KnowledgeBase) => {
                (&ARTICLES, format!("kb_knowledge_base={id}^kb_categoryISEMPTY^{}", ARTICLES.which))
            }
            _ => (&ARTICLES, format!("kb_category={id}^{}", ARTICLES.which)),
        };
        let (items, next) = page(rest, listed, &which, offset(Some(place))).await?;
        let next = match next {
            Some(next) => Some(format!("{table} {next}")),
            None => (table == "categories").then(|| "articles 0".to_owned()),
        };
        Ok(Page { items, next })
    }

    /// Knowledge bases, then categories, then articles, then incidents where they are wanted.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let (name, place) = cursor.and_then(|it| it.split_once(' ')).unwrap_or((BASES.name, "0"));
        let at = TABLES.iter().position(|table| table.name == name).ok_or(Fault::Expired)?;
        let (items, next) = page(rest, &TABLES[at], TABLES[at].which, offset(Some(place))).await?;
        let wanted = |table: &&Table| table.name != INCIDENTS.name || rest.lists(Kind::Ticket);
        let next = match (next, TABLES.get(at + 1).filter(wanted)) {
            (Some(next), _) => Next::More(format!("{name} {next}")),
            (None, Some(table)) => Next::More(format!("{} 0", table.name)),
            (None, None) => Next::Done(None),
        };
        Ok(Changes { items, removed: Vec::new(), next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        if item.kind == Kind::Ticket {
            return read_incident(rest, item).await;
        }
        let path = format!("/table/{}/{}", ARTICLES.name, segment(&item.id));
        let One { result } = columns(rest.get(path), &ARTICLES).value().await?;
        published(rest, &result).and_then(|listed| listed.content).ok_or(Fault::Gone)
    }
}

/// `sysparm_display_value=false` gives values as they are stored, times in UTC among them.
fn columns<'r>(ask: Ask<'r>, table: &Table) -> Ask<'r> {
    ask.query("sysparm_fields", table.fields)
        .query("sysparm_display_value", false)
        .query("sysparm_exclude_reference_link", true)
}

/// Rows are ordered by id, which no change moves from page to page.
async fn page(
    rest: &Rest,
    table: &Table,
    which: &str,
    from: u64,
) -> Result<(Vec<Listed>, Option<u64>), Fault> {
    let reply = columns(rest.get(format!("/table/{}", table.name)), table)
        .query("sysparm_query", format!("{which}^ORDERBYsys_id"))
        .query("sysparm_limit", PAGE)
        .query("sysparm_offset", from)
        .send()
        .await;
    let reply = match table.name == INCIDENTS.name {
        false => reply?,
        true => reply.map_err(|fault| {
            fault.refused_as(
                "ServiceNow does not let this user read incidents.",
                "An administrator gives the user a role that may, such as itil, and checks the API access policies.",
            )
        })?,
    };
    let next = next(&reply).filter(|next| *next > from);
    let rows: Rows = reply.json()?;
    Ok((rows.result.iter().filter_map(|row| (table.item)(rest, row)).collect(), next))
}

/// Where the next page begins. A page that is short or empty is not the last: the limit counts rows that the person
/// may not see. Of the link only the offset is taken: its host may be another name of the instance, and the
/// documentation shows links that leave out the query.
fn next(reply: &Reply) -> Option<u64> {
    let link = reply.next_link()?;
    let (_, query) = link.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == "sysparm_offset")?.1.parse().ok()
}

fn offset(cursor: Option<&str>) -> u64 {
    cursor.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// A `sys_id` is unique over all tables.
fn container(row: &Row, kind: Kind) -> Option<Listed> {
    let item = Item {
        parent: row.first(["parent_id", "kb_knowledge_base"]),
        modified: time(row.text("sys_updated_on")),
        ..Item::container(row.text("sys_id"), row.first(["title", "label"]).unwrap_or_default(), kind)
    };
    (!item.id.is_empty()).then(|| item.into())
}

/// None for what is not published: an instance leaves out the part of a query that it does not understand.
fn published(rest: &Rest, row: &Row) -> Option<Listed> {
    if row.text("workflow_state") != "published" || row.text("sys_id").is_empty() {
        return None;
    }
    let (wiki, changed) = (row.text("wiki"), row.text("sys_updated_on"));
    let is_wiki = row.text("article_type") == "wiki" && !wiki.is_empty();
    let (format, body) = if is_wiki { ("txt", wiki) } else { ("html", row.text("text")) };
    let (host, number) = (rest.field("hostname"), segment(row.text("number")));
    let item = Item {
        parent: row.first(["kb_category", "kb_knowledge_base"]),
        format: Some(format.into()),
        size: Some(body.len() as u64),
        modified: time(changed),
        url: Some(format!("https://{host}/kb_view.do?sysparm_article={number}")),
        version: changed.to_owned(),
        ..Item::content(row.text("sys_id"), row.text("short_description"), Kind::Article)
    };
    let content = if is_wiki { Content::Text(body.to_owned()) } else { Content::html(body) };
    Some(Listed { item, content: Some(content) })
}

fn incident(rest: &Rest, row: &Row) -> Option<Listed> {
    let (id, changed) = (row.text("sys_id"), row.text("sys_updated_on"));
    let item = Item {
        format: Some("txt".into()),
        modified: time(changed),
        url: Some(format!("https://{}/incident.do?sys_id={}", rest.field("hostname"), segment(id))),
        version: changed.to_owned(),
        ..Item::content(id, row.first(["short_description", "number"]).unwrap_or_default(), Kind::Ticket)
    };
    (!id.is_empty()).then(|| item.into())
}

/// What it is about, how it ended, and its journals as the instance puts them together: newest entry first, each below
/// when and by whom it was written.
async fn read_incident(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    let One { result: row } = rest
        .get(format!("/table/{}/{}", INCIDENTS.name, segment(&item.id)))
        .query("sysparm_fields", INCIDENT_TEXT)
        .query("sysparm_display_value", "all")
        .query("sysparm_exclude_reference_link", true)
        .value()
        .await?;
    let head = format!("{} {}", row.shown("number"), row.shown("state"));
    let rest = ["short_description", "description", "close_notes", "comments", "work_notes"];
    let parts = std::iter::once(head.trim()).chain(rest.into_iter().map(|column| row.shown(column)));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    Ok(Content::Text(parts.join("\n\n")))
}

/// `2026-03-01 08:30:00`, in UTC.
fn time(text: &str) -> Option<Seconds> {
    from_rfc3339(&format!("{}Z", text.replacen(' ', "T", 1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_come_in_three_forms() {
        let row = json!({ "a": { "link": "https://x/1", "value": "c1" }, "b": "b1", "c": null });
        let row: Row = serde_json::from_value(row).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|column| row.text(column)), ["c1", "b1", "", ""]);
        assert_eq!(row.first(["c", "b"]).as_deref(), Some("b1"));
        let both = json!({ "a": { "display_value": "Closed\n\n", "value": "7" }, "b": "b1", "c": { "display_value": null } });
        let row: Row = serde_json::from_value(both).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|column| row.shown(column)), ["Closed", "b1", "", ""]);
        assert_eq!(row.text("a"), "7");
    }

    #[test]
    fn the_next_offset_stands_in_the_link() {
        let link = "<https://a.service-now.com/api/now/table/kb_knowledge?sysparm_fields=sys_id,text&sysparm_offset=0>;\
                    rel=\"first\",<https://other.example/api/now/table/kb_knowledge?sysparm_fields=sys_id,text&\
                    sysparm_offset=400&sysparm_limit=200>;rel=\"next\"";
        let reply =
            |link: &str| Reply { status: 200, headers: vec![("link".into(), link.into())], body: Vec::new() };
        assert_eq!(next(&reply(link)), Some(400));
        assert_eq!(next(&reply("<https://a.example/x?sysparm_offset=0>;rel=\"first\"")), None);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time("2026-03-01 08:30:00"), Some(1_772_353_800));
        assert_eq!(time(""), None);
    }
}
