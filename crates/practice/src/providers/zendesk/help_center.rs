//! Zendesk's help center (developer.zendesk.com/api-reference/help_center): categories, sections and articles by
//! cursor pages, and the incremental export of articles.

use serde_json::{Value, json};

use super::bearer;
use crate::contents::{Contents, Format, Maker, State, Thing, page};
use crate::dates::iso;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::{Answer, Endpoint, Kind};
use crate::wire::{Reply, Request};

const BASE: &str = "/api/v2/help_center";

pub const ENDPOINTS: [Endpoint; 7] = [
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/categories", categories),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/sections", sections),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/categories/{id}/sections", sections),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/articles", articles),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/sections/{id}/articles", articles),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/incremental/articles", export),
    Endpoint::new(Kind::Api, "GET", "/api/v2/help_center/articles/{id}", article),
];

const LANGUAGES: [&str; 4] = ["en-us", "en-us", "en-us", "de"];
/// The export does not look at the last minute.
const TOO_RECENT: u64 = 60;
const EXPORT: usize = 1000;

/// Categories, sections in them, articles in those. Some articles are drafts. What only agents see (a user segment of
/// Zendesk) is none of this client's business and therefore not there.
pub fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let mut categories = Vec::new();
    for _ in 0..(wanted / 100).max(1) {
        categories.push(add(maker, "category", Format::None, None));
    }
    let mut sections = Vec::new();
    for _ in 0..(wanted / 15).max(1) {
        let category = maker.pick(&categories).clone();
        sections.push(add(maker, "section", Format::None, Some(&category)));
    }
    super::tickets::contents(maker);
    while maker.missing() > 0 {
        let section = maker.pick(&sections).clone();
        add(maker, "article", Format::Html, Some(&section));
    }
}

fn add(maker: &mut Maker, kind: &'static str, format: Format, parent: Option<&str>) -> String {
    let id = maker.fresh(|maker| maker.digits(14));
    let title = maker.title();
    let created = maker.when();
    let modified = maker.since(created);
    let draft = kind == "article" && maker.number(12) == 0;
    let language = *maker.pick(&LANGUAGES);
    let thing = Thing::new(id.clone(), kind, title, format, created)
        .below(parent)
        .state(if draft { State::Draft } else { State::Published })
        .with("locale", language);
    maker.add(Thing { modified, ..thing });
    id
}

/// Numbers of articles, categories and sections are counted apart at Zendesk, so a client has to tell them apart.
pub fn id_of(thing: &Thing) -> Option<String> {
    let id = match thing.kind {
        "article" => thing.id.clone(),
        // No client lists them by itself.
        "ticket" | "comment" | "attachment" => return None,
        kind => format!("{kind}/{}", thing.id),
    };
    (thing.state == State::Published).then_some(id)
}

fn may_read(desk: &Desk, request: &Request) -> Result<(), Problem> {
    let grant = bearer(desk, request)?.grant;
    if ["read", "hc:read"].iter().any(|scope| grant.has_scope(scope)) {
        Ok(())
    } else {
        Err(Problem::ScopeMissing)
    }
}

fn categories(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let all = desk.contents();
    Ok(cursor_page(
        desk,
        request,
        "categories",
        all.walk(at(request)).filter(|(_, it)| is(it, "category")),
        |it| container(request, it),
    ))
}

fn sections(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let (all, parent) = (desk.contents(), request.capture("id"));
    let walk = all.walk(at(request)).filter(|(_, it)| is(it, "section") && below(it, parent));
    Ok(cursor_page(desk, request, "sections", walk, |it| {
        let mut row = container(request, it);
        row["category_id"] = number(it.parent.as_deref().unwrap_or_default());
        row["parent_section_id"] = Value::Null;
        row
    }))
}

fn articles(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let (all, parent) = (desk.contents(), request.capture("id"));
    let shown = |it: &Thing| is(it, "article") && below(it, parent);
    match (request.query("sort_by"), request.query("sort_order")) {
        (None | Some("position"), _) => {
            let walk = all.walk(at(request)).filter(|(_, it)| shown(it));
            Ok(cursor_page(desk, request, "articles", walk, |it| row(request, it)))
        }
        (Some("updated_at"), order) => {
            let mut sorted: Vec<&Thing> = all.iter().filter(|it| shown(it)).collect();
            sorted.sort_by_key(|it| it.modified);
            if order == Some("desc") {
                sorted.reverse();
            }
            let walk = sorted.into_iter().enumerate().skip(at(request));
            Ok(cursor_page(desk, request, "articles", walk, |it| row(request, it)))
        }
        _ => Err(Problem::BadParameter("sort_by")),
    }
}

fn article(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let all = desk.contents();
    match all.get(request.capture("id")).filter(|it| is(it, "article")) {
        Some(found) => Ok(Reply::json(200, &json!({ "article": row(request, found) }))),
        None => Ok(Reply::json(404, &json!({ "error": "RecordNotFound", "description": "Not found" }))),
    }
}

/// Ordered by change; the next page begins where this one ends. Agents and admins only.
fn export(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request)?;
    let start: u64 = match request.query("start_time").map(str::parse) {
        Some(Ok(start)) => start,
        _ => return Err(Problem::BadParameter("start_time")),
    };
    if start + TOO_RECENT > desk.now() {
        let words = "Too recent start_time. Use a start_time older than 60 seconds";
        return Ok(Reply::json(422, &json!({ "error": "InvalidValue", "description": words })));
    }
    let all = desk.contents();
    let mut found = changed_since(&all, start);
    let most = desk.limit(None, EXPORT, EXPORT);
    // Whoever changed in the same second stands on the same page, or the next would begin with it again and again.
    let cut = found.get(most - 1).map(|last| found.partition_point(|it| it.modified <= last.modified));
    found.truncate(cut.unwrap_or(found.len()));
    let end = found.last().map_or(start, |it| it.modified);
    let rows: Vec<Value> = found.into_iter().map(|it| row(request, it)).collect();
    let next = format!("https://{}{BASE}/incremental/articles.json?start_time={end}", request.host);
    Ok(Reply::json(
        200,
        &json!({ "count": rows.len(), "articles": rows, "end_time": end, "next_page": next }),
    ))
}

fn changed_since(all: &Contents, start: u64) -> Vec<&Thing> {
    let mut found: Vec<&Thing> = all.iter().filter(|it| is(it, "article") && it.modified >= start).collect();
    found.sort_by_key(|it| it.modified);
    found
}

/// What was deleted is archived, and no list has it.
fn is(thing: &Thing, kind: &str) -> bool {
    thing.kind == kind && thing.state != State::Trashed
}

fn below(thing: &Thing, parent: &str) -> bool {
    parent.is_empty() || thing.parent.as_deref() == Some(parent)
}

fn at(request: &Request) -> usize {
    request.query("page[after]").and_then(|after| after.parse().ok()).unwrap_or(0)
}

fn cursor_page<'t>(
    desk: &Desk,
    request: &Request,
    name: &str,
    walk: impl Iterator<Item = (usize, &'t Thing)>,
    row: impl Fn(&Thing) -> Value,
) -> Reply {
    let (things, next) = page(walk, desk.limit(request.query("page[size]"), 30, 100));
    let after = next.map(|next| next.to_string());
    let link = after.as_ref().map(|after| {
        format!("https://{}{}?page%5Bafter%5D={after}&page%5Bsize%5D=100", request.host, request.path)
    });
    let rows: Vec<Value> = things.into_iter().map(row).collect();
    Reply::json(
        200,
        &json!({
            name: rows,
            "meta": { "has_more": after.is_some(), "after_cursor": after, "before_cursor": null },
            "links": { "next": link, "prev": null },
        }),
    )
    .header("x-rate-limit", "700")
    .header("x-rate-limit-remaining", "699")
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}

fn container(request: &Request, it: &Thing) -> Value {
    json!({
        "id": number(&it.id),
        "name": it.name,
        "description": "",
        "locale": it.extra("locale"),
        "position": 0,
        "html_url": format!("https://{}/hc/{}/{}/{}", request.host, it.extra("locale"), plural(it.kind), it.id),
        "created_at": iso(it.created),
        "updated_at": iso(it.modified),
    })
}

fn row(request: &Request, it: &Thing) -> Value {
    json!({
        "id": number(&it.id),
        "title": it.name,
        "body": it.html(),
        "draft": it.state != State::Published,
        "locale": it.extra("locale"),
        "section_id": number(it.parent.as_deref().unwrap_or_default()),
        "user_segment_id": null,
        "label_names": [],
        "html_url": format!("https://{}/hc/{}/articles/{}", request.host, it.extra("locale"), it.id),
        "created_at": iso(it.created),
        "updated_at": iso(it.modified),
        "edited_at": iso(it.modified),
    })
}

fn plural(kind: &str) -> &'static str {
    if kind == "category" { "categories" } else { "sections" }
}
