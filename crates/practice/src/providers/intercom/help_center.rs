//! Intercom's help center, after its OpenAPI description 2.16 and the documentation's pages on lists: help centers,
//! collections and articles, newest first, by numbered pages.

use serde_json::{Value, json};

use super::allowed;
use crate::contents::{Format, Maker, State, Thing};
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::{Answer, Endpoint, Kind};
use crate::wire::{Reply, Request};

pub const HELP_CENTERS: Endpoint = Endpoint::new(Kind::Api, "GET", "/help_center/help_centers", help_centers);
pub const COLLECTIONS: Endpoint = Endpoint::new(Kind::Api, "GET", "/help_center/collections", collections);
pub const ARTICLES: Endpoint = Endpoint::new(Kind::Api, "GET", "/articles", articles);
pub const ARTICLE: Endpoint = Endpoint::new(Kind::Api, "GET", "/articles/{id}", article);

/// Where an article also has German, published or not yet.
const GERMAN: &str = "de";

/// Help centers, collections in them or in one another, articles in those or on their own. Some articles are drafts,
/// some have a translation.
pub fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let mut places = Vec::new();
    for _ in 0..(wanted / 150).max(1) {
        places.push(add(maker, "help_center", None));
    }
    let centers = places.len();
    for _ in 0..(wanted / 12).max(1) {
        let parent = maker.pick(&places).clone();
        let collection = add(maker, "collection", Some(&parent));
        places.push(collection);
    }
    super::inbox::contents(maker);
    while maker.missing() > 0 {
        let parent = maker.pick(&places[centers..]).clone();
        let is_alone = maker.number(20) == 0;
        add(maker, "article", Some(parent.as_str()).filter(|_| !is_alone));
    }
}

fn add(maker: &mut Maker, kind: &'static str, parent: Option<&str>) -> String {
    let id = maker.fresh(|maker| maker.digits(7));
    let title = maker.title();
    let created = maker.when();
    let modified = maker.since(created);
    let format = if kind == "article" { Format::Html } else { Format::None };
    let mut thing = Thing::new(id.clone(), kind, title, format, created).below(parent);
    if kind == "article" {
        match maker.number(12) {
            0 => thing.state = State::Draft,
            1 => thing = thing.with(GERMAN, "published"),
            2 => thing = thing.with(GERMAN, "draft"),
            _ => {}
        }
    }
    maker.add(Thing { modified, ..thing });
    id
}

/// Each kind counts its ids apart, so a client has to tell them apart.
pub fn id_of(thing: &Thing) -> Option<String> {
    let id = match thing.kind {
        "article" => thing.id.clone(),
        // No client lists them by itself.
        "conversation" | "conversation_part" | "ticket" | "ticket_part" => return None,
        kind => format!("{kind}/{}", thing.id),
    };
    (thing.state == State::Published).then_some(id)
}

/// All at once: its description knows no pages.
fn help_centers(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "articles:read")?;
    let all = desk.contents();
    let rows: Vec<Value> = all.iter().filter(|it| it.kind == "help_center").map(help_center).collect();
    Ok(limits(desk, Reply::json(200, &json!({ "type": "list", "data": rows }))))
}

/// Tells how many pages there are.
fn collections(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "articles:read")?;
    let all = desk.contents();
    let center = request.query("help_center_id");
    let found = all.iter().filter(|it| it.kind == "collection").filter_map(|it| {
        let center_of_it = all.above(it).find(|above| above.kind == "help_center")?;
        center.is_none_or(|center| center == center_of_it.id).then_some((it, center_of_it))
    });
    let shown: Vec<_> = found.collect();
    let page = Paged::of(desk, request, shown, |it| it.0.modified)?;
    let rows: Vec<Value> = page.rows.iter().map(|(it, center)| collection(it, center)).collect();
    Ok(limits(desk, page.reply(rows, None)))
}

/// Tells the address of the next page.
fn articles(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "articles:read")?;
    let all = desk.contents();
    let shown: Vec<&Thing> = all.iter().filter(|it| is_article(it)).collect();
    let page = Paged::of(desk, request, shown, |it| it.modified)?;
    let rows: Vec<Value> = page.rows.iter().map(|it| row(it)).collect();
    let next = format!("https://{}/articles?per_page={}&page={}", request.host, page.size, page.number + 1);
    Ok(limits(desk, page.reply(rows, Some(next))))
}

fn article(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, "articles:read")?;
    let all = desk.contents();
    Ok(match all.get(request.capture("id")).filter(|it| is_article(it)) {
        Some(found) => limits(desk, Reply::json(200, &row(found))),
        None => super::errors(404, "not_found", "Resource Not Found"),
    })
}

fn is_article(thing: &Thing) -> bool {
    thing.kind == "article" && matches!(thing.state, State::Published | State::Draft)
}

struct Paged<T> {
    rows: Vec<T>,
    number: usize,
    size: usize,
    count: usize,
}

impl<T> Paged<T> {
    /// 25 a page unless asked otherwise, at most 250.
    fn of(
        desk: &Desk,
        request: &Request,
        mut rows: Vec<T>,
        changed: impl Fn(&T) -> u64,
    ) -> Result<Paged<T>, Problem> {
        let number = |name: &'static str, usual: usize, most: usize| match request.query(name).map(str::parse)
        {
            None => Ok(usual),
            Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
            Some(_) => Err(Problem::BadParameter(name)),
        };
        let (page, size) = (number("page", 1, usize::MAX)?, number("per_page", 25, 250)?);
        let size = desk.limit(Some(&size.to_string()), 25, 250);
        rows.sort_by_key(|row| std::cmp::Reverse(changed(row)));
        let count = rows.len();
        let rows = rows.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        Ok(Paged { rows, number: page, size, count })
    }

    fn reply(&self, rows: Vec<Value>, next: Option<String>) -> Reply {
        let total = self.count.div_ceil(self.size).max(1);
        let mut pages =
            json!({ "type": "pages", "page": self.number, "per_page": self.size, "total_pages": total });
        if self.number < total
            && let Some(next) = next
        {
            pages["next"] = json!(next);
        }
        Reply::json(200, &json!({ "type": "list", "pages": pages, "total_count": self.count, "data": rows }))
    }
}

pub fn limits(desk: &Desk, reply: Reply) -> Reply {
    reply
        .header("x-ratelimit-limit", "1666")
        .header("x-ratelimit-remaining", "1665")
        .header("x-ratelimit-reset", &(desk.now() / 10 * 10 + 10).to_string())
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or(Value::Null, Value::from)
}

fn help_center(it: &Thing) -> Value {
    json!({
        "type": "help_center",
        "id": it.id,
        "workspace_id": "acmeus01",
        "created_at": it.created,
        "updated_at": it.modified,
        "identifier": format!("acme-{}", it.id),
        "website_turned_on": true,
        "display_name": it.name,
        "url": format!("https://intercom.help/acme-{}", it.id),
        "custom_domain": null,
        "default": false,
        "locales": ["en", GERMAN],
    })
}

fn collection(it: &Thing, center: &Thing) -> Value {
    let parent = it.parent.as_deref().filter(|parent| *parent != center.id);
    json!({
        "type": "collection",
        "id": it.id,
        "workspace_id": "acmeus01",
        "name": it.name,
        "description": null,
        "created_at": it.created,
        "updated_at": it.modified,
        "url": format!("https://intercom.help/acme-{}/en/collections/{}", center.id, it.id),
        "icon": "bookmark",
        "order": 0,
        "default_locale": "en",
        "translated_content": null,
        "parent_id": parent,
        "help_center_id": number(&center.id),
    })
}

fn row(it: &Thing) -> Value {
    let state = if it.state == State::Published { "published" } else { "draft" };
    let parents: Vec<Value> = it.parent.iter().map(|parent| number(parent)).collect();
    let url = format!("https://intercom.help/acme/en/articles/{}", it.id);
    let content = |state: &str, title: &str, body: String| {
        json!({
            "type": "article_content",
            "title": title,
            "description": "",
            "body": body,
            "author_id": 1,
            "state": state,
            "created_at": it.created,
            "updated_at": it.modified,
            "url": url,
        })
    };
    let german = it.extra(GERMAN);
    let translations = (!german.is_empty()).then(|| {
        json!({
            "type": "article_translated_content",
            "en": content(state, &it.name, it.html()),
            GERMAN: content(german, "Auf Deutsch", "<p>Dasselbe auf Deutsch.</p>".to_owned()),
        })
    });
    json!({
        "type": "article",
        "id": it.id,
        "workspace_id": "acmeus01",
        "title": it.name,
        "description": "",
        "body": it.html(),
        "body_markdown": it.words(),
        "author_id": 1,
        "state": state,
        "has_unpublished_changes": false,
        "draft_updated_at": null,
        "created_at": it.created,
        "updated_at": it.modified,
        "url": if state == "published" { json!(url) } else { Value::Null },
        "parent_ids": parents,
        "help_center_audience": "everyone",
        "default_locale": "en",
        "translated_content": translations,
    })
}
