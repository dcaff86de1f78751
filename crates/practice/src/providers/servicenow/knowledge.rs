//! ServiceNow's tables of knowledge, after "Table API" of its documentation: encoded queries, chosen columns, and a
//! limit that counts rows before it is looked who may see them.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{bearer, incidents};
use crate::contents::{Contents, Format, Maker, State, Thing};
use crate::dates::spaced;
use crate::desk::Desk;
use crate::providers::{Answer, Endpoint, Kind};
use crate::wire::{Reply, Request};

pub const ROWS: Endpoint = Endpoint::new(Kind::Api, "GET", "/api/now/table/{table}", rows);
pub const ROW: Endpoint = Endpoint::new(Kind::Api, "GET", "/api/now/table/{table}/{id}", row);

const BASE: &str = "kb_knowledge_base";
const CATEGORY: &str = "kb_category";
const ARTICLE: &str = "kb_knowledge";

/// The columns of each table that are known here.
fn columns(table: &str) -> &'static [&'static str] {
    match table {
        BASE => &["sys_id", "title", "description", "active", "sys_created_on", "sys_updated_on"],
        CATEGORY => {
            &["sys_id", "label", "parent_id", "parent_table", "active", "sys_created_on", "sys_updated_on"]
        }
        ARTICLE => &[
            "sys_id",
            "number",
            "short_description",
            "text",
            "wiki",
            "article_type",
            "workflow_state",
            "kb_knowledge_base",
            "kb_category",
            "active",
            "published",
            "sys_created_on",
            "sys_updated_on",
        ],
        incidents::TABLE => &incidents::COLUMNS,
        _ => &[],
    }
}

/// Columns that point to a row of the table named.
fn reference(column: &str) -> Option<&'static str> {
    match column {
        "kb_knowledge_base" => Some(BASE),
        "kb_category" => Some(CATEGORY),
        _ => None,
    }
}

/// Knowledge bases, categories in them or in one another, articles in those or directly in a base: published ones,
/// drafts, retired ones, and private ones, which are published and not for this person.
pub fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let mut places = Vec::new();
    for _ in 0..(wanted / 100).max(1) {
        places.push(add(maker, BASE, None));
    }
    for _ in 0..(wanted / 12).max(1) {
        let parent = maker.pick(&places).clone();
        let category = add(maker, CATEGORY, Some(&parent));
        places.push(category);
    }
    incidents::contents(maker);
    while maker.missing() > 0 {
        let parent = maker.pick(&places).clone();
        add(maker, ARTICLE, Some(&parent));
    }
}

pub fn id_of(thing: &Thing) -> Option<String> {
    let is_knowledge = [BASE, CATEGORY, ARTICLE].contains(&thing.kind);
    // No client lists incidents by itself.
    (is_knowledge && thing.state == State::Published).then(|| thing.id.clone())
}

fn add(maker: &mut Maker, kind: &'static str, parent: Option<&str>) -> String {
    let id = maker.hex(32);
    let title = maker.title();
    let created = maker.when();
    let modified = maker.since(created);
    let format = if kind == ARTICLE { Format::Html } else { Format::None };
    let mut thing = Thing::new(id.clone(), kind, title, format, created).below(parent);
    if kind == ARTICLE {
        match maker.number(24) {
            0 | 1 => thing.state = State::Draft,
            2 | 3 => thing.state = State::Private,
            4 => thing.state = State::Trashed,
            5 | 6 => thing = thing.with("article_type", "wiki"),
            _ => {}
        }
    }
    maker.add(Thing { modified, ..thing });
    id
}

/// As it is stored; empty where there is nothing.
fn value(all: &Contents, it: &Thing, column: &str) -> String {
    if it.kind == incidents::TABLE {
        return incidents::value(all, it, column);
    }
    let is_wiki = it.extra("article_type") == "wiki";
    let parent = it.parent.as_deref().and_then(|parent| all.get(parent));
    match column {
        "sys_id" => it.id.clone(),
        "title" | "label" | "short_description" => it.name.clone(),
        "number" => format!("KB{:07}", u64::from_str_radix(&it.id[..8], 16).unwrap_or(0) % 10_000_000),
        "text" if !is_wiki => it.html(),
        "wiki" if is_wiki => it.words(),
        "article_type" => if is_wiki { "wiki" } else { "text" }.to_owned(),
        "workflow_state" => match it.state {
            State::Published | State::Private => "published",
            State::Draft => "draft",
            State::Trashed => "retired",
        }
        .to_owned(),
        "active" => (it.state != State::Trashed).to_string(),
        "kb_knowledge_base" => {
            all.above(it).find(|above| above.kind == BASE).map_or_else(String::new, |it| it.id.clone())
        }
        "kb_category" => parent.filter(|it| it.kind == CATEGORY).map_or_else(String::new, |it| it.id.clone()),
        "parent_id" => parent.map_or_else(String::new, |it| it.id.clone()),
        "parent_table" => parent.map_or("", |it| it.kind).to_owned(),
        "published" => spaced(it.modified)[..10].to_owned(),
        "sys_created_on" => spaced(it.created),
        "sys_updated_on" => spaced(it.modified),
        _ => String::new(),
    }
}

/// One part of an encoded query. "If part of a query is invalid, such as an invalid field name, the instance ignores
/// the invalid part."
fn fits(all: &Contents, it: &Thing, part: &str) -> bool {
    let of = |column: &str| columns(it.kind).contains(&column).then(|| value(all, it, column));
    if let Some(column) = part.strip_suffix("ISNOTEMPTY") {
        return of(column).is_none_or(|value| !value.is_empty());
    }
    if let Some(column) = part.strip_suffix("ISEMPTY") {
        return of(column).is_none_or(|value| value.is_empty());
    }
    type Test = fn(&str, &str) -> bool;
    let tests: [(&str, Test); 4] = [
        (">=", |is, said| is >= said),
        ("<=", |is, said| is <= said),
        ("!=", |is, said| is != said),
        ("=", |is, said| is == said),
    ];
    let Some((column, said, test)) = tests
        .iter()
        .find_map(|(sign, test)| part.split_once(sign).map(|(column, said)| (column, said, test)))
    else {
        return true;
    };
    of(column).is_none_or(|value| test(&value, said))
}

fn order(all: &Contents, parts: &[&str], one: &Thing, other: &Thing) -> Ordering {
    let by = |column: &str| value(all, one, column).cmp(&value(all, other, column));
    let orders = parts.iter().filter_map(|part| match part.strip_prefix("ORDERBYDESC") {
        Some(column) => Some(by(column).reverse()),
        None => part.strip_prefix("ORDERBY").map(by),
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

fn rows(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request)?;
    let (all, table) = (desk.contents(), request.capture("table"));
    if columns(table).is_empty() {
        return Ok(super::error(400, "Invalid table", &format!("{table} is not a table here")));
    }
    let parts: Vec<&str> = request
        .query("sysparm_query")
        .unwrap_or_default()
        .split('^')
        .filter(|part| !part.is_empty())
        .collect();
    let conditions: Vec<&str> = parts.iter().copied().filter(|part| !part.starts_with("ORDERBY")).collect();
    let mut found: Vec<&Thing> = all
        .iter()
        .filter(|it| it.kind == table && conditions.iter().all(|part| fits(&all, it, part)))
        .collect();
    found.sort_by(|one, other| order(&all, &parts, one, other));
    let limit = desk.limit(request.query("sysparm_limit"), 10_000, 1_000_000);
    let from = request.query("sysparm_offset").and_then(|it| it.parse().ok()).unwrap_or(0);
    let page = found.iter().skip(from).take(limit).filter(|it| may_see(it));
    let result: Vec<Value> = page.map(|it| shown(&all, request, it)).collect();
    let reply = Reply::json(200, &json!({ "result": result }));
    Ok(reply
        .header("x-total-count", &found.len().to_string())
        .header("link", &links(request, from, limit, found.len())))
}

fn row(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request)?;
    let (all, table) = (desk.contents(), request.capture("table"));
    let found = all.get(request.capture("id")).filter(|it| it.kind == table && may_see(it));
    Ok(match found {
        Some(it) => Reply::json(200, &json!({ "result": shown(&all, request, it) })),
        None => {
            super::error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        }
    })
}

fn may_see(thing: &Thing) -> bool {
    thing.state != State::Private
}

fn shown(all: &Contents, request: &Request, it: &Thing) -> Value {
    let chosen = request.query("sysparm_fields").unwrap_or_default();
    let bare = request.query("sysparm_exclude_reference_link") == Some("true");
    let is_chosen = |column: &&&str| chosen.is_empty() || chosen.split(',').any(|one| one.trim() == **column);
    let mut row = Map::new();
    for column in columns(it.kind).iter().filter(is_chosen) {
        let value = value(all, it, column);
        let display = || match it.kind {
            incidents::TABLE => incidents::display(all, it, column),
            _ => value.clone(),
        };
        match request.query("sysparm_display_value") {
            Some("true") => {
                row.insert((*column).to_owned(), json!(display()));
                continue;
            }
            Some("all") => {
                let both = json!({ "display_value": display(), "value": value });
                row.insert((*column).to_owned(), both);
                continue;
            }
            _ => {}
        }
        let told = match reference(column) {
            Some(table) if !bare && !value.is_empty() => {
                json!({ "link": format!("https://{}/api/now/table/{table}/{value}", request.host), "value": value })
            }
            _ => json!(value),
        };
        row.insert((*column).to_owned(), told);
    }
    Value::Object(row)
}

/// First, previous, next and last page, with the commas of the request as they are.
fn links(request: &Request, from: usize, limit: usize, count: usize) -> String {
    let link = |offset: usize, which: &str| {
        let others = request.query.iter().filter(|(name, _)| name != "sysparm_offset");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("sysparm_offset", &offset.to_string())
            .finish()
            .replace("%2C", ",");
        format!("<https://{}{}?{query}>;rel=\"{which}\"", request.host, request.path)
    };
    let mut links = vec![link(0, "first")];
    if from > 0 {
        links.push(link(from.saturating_sub(limit), "prev"));
    }
    if from + limit < count {
        links.push(link(from + limit, "next"));
    }
    links.push(link(count.saturating_sub(1) / limit * limit, "last"));
    links.join(",")
}
