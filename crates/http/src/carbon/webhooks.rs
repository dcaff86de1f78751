//! Addresses that an organization wants to hear at. What is told there stands in `webhooks/post.rs`, and what is noticed
//! without a request in `webhooks/watch.rs`.

mod post;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing;
use serde_json::{Value, json};
use tieline_engine::Secret;
use tieline_engine::program::Record;
use url::Url;

pub(crate) use self::post::{About, Post, tell, tell_of};
pub(super) use self::watch::tell_when_connected;
pub(crate) use self::watch::watch;
use super::body::{At, Body, FromBody, Pagination, fields, list, one_of, pagination, text, whole};
use super::objects::{DIRECTIONS, instant};
use super::{Answer, ByKey, Sorry, answer, links, success};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/add_webhook", routing::post(add))
        .route("/webhooks", routing::post(listed))
        .route("/delete_webhook/{id}", routing::delete(forget))
}

/// An address is kept under its number; its signing key is in the keyring.
const KIND: &str = "carbon_webhook";
/// Addresses of one organization.
const MOST: usize = 3;

struct Add {
    url: String,
}

impl FromBody for Add {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { url: it.need("url", text) })(body, at)
    }
}

async fn add(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<Add>) -> Answer {
    let url = address(&ask.url)?;
    let programs = door.app.programs();
    if programs.records(by.organization(), KIND)?.len() >= MOST {
        return Err(Sorry::bad(format!(
            "Your organization has {MOST} webhooks, and more there cannot be. Delete one with /delete_webhook/{{id}} first."
        )));
    }
    let number = programs.next_number(by.organization(), KIND)?;
    let key = Secret::new(format!("{}{}", links::random()?, links::random()?));
    programs.keep_secret(by.organization(), &entry(number), &key).await?;
    let body = json!({ "url": url.as_str(), "status": "ACTIVE", "status_reason": null });
    let record = programs.save_record(by.organization(), KIND, &number.to_string(), &body)?;
    let mut shown = shown(&record);
    shown["signing_key"] = key.expose().into();
    answer(shown)
}

fn entry(number: impl std::fmt::Display) -> String {
    format!("webhook/{number}")
}

/// https anywhere, http on this computer only.
fn address(text: &str) -> Result<Url, Sorry> {
    let url =
        Url::parse(text.trim()).ok().filter(|url| url.username().is_empty() && url.password().is_none());
    let fits = |url: &Url| match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")),
        _ => false,
    };
    url.filter(fits).ok_or_else(|| {
        Sorry::bad(
            "This is no address that Tieline tells things to. It begins with https://, or with http:// on this computer, \
             and holds no user name.",
        )
    })
}

fn number(record: &Record) -> i64 {
    record.id.parse().unwrap_or_default()
}

fn shown(record: &Record) -> Value {
    json!({
        "id": number(record),
        "organization_id": record.organization,
        "url": record.body["url"],
        "status": record.body["status"],
        "status_reason": record.body["status_reason"],
        "created_at": instant(record.made_at),
        "updated_at": instant(record.changed_at),
    })
}

struct Query {
    page: Pagination,
    by_creation: bool,
    descending: bool,
    ids: Option<Vec<i64>>,
}

impl FromBody for Query {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        let filters = fields(|it| it.maybe("ids", list(whole)));
        fields(move |it| Self {
            page: it.or("pagination", pagination, Pagination::default()),
            by_creation: it.or("order_by", one_of(&["created_at", "updated_at"]), "updated_at".into())
                == "created_at",
            descending: it.or("order_dir", one_of(DIRECTIONS), "desc".into()) == "desc",
            ids: it.or("filters", &filters, None),
        })(body, at)
    }
}

async fn listed(State(door): State<Arc<Door>>, by: ByKey, Body(query): Body<Query>) -> Answer {
    let mut all = door.app.programs().records(by.organization(), KIND)?;
    all.retain(|it| {
        number(it) >= query.page.starting_id && query.ids.as_ref().is_none_or(|ids| ids.contains(&number(it)))
    });
    all.sort_by_key(|it| (if query.by_creation { it.made_at } else { it.changed_at }, number(it)));
    if query.descending {
        all.reverse();
    }
    let count = all.len();
    let results: Vec<Value> = query.page.part(all).iter().map(shown).collect();
    answer(json!({ "results": results, "count": count }))
}

async fn forget(State(door): State<Arc<Door>>, by: ByKey, Path(id): Path<String>) -> Answer {
    let programs = door.app.programs();
    if programs.record(by.organization(), KIND, &id)?.is_none() {
        return Err(Sorry::unknown("webhook", &id));
    }
    programs.forget_record(by.organization(), KIND, &id)?;
    programs.forget_secret(by.organization(), &entry(&id)).await?;
    success()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_keep_a_secret_are_told() {
        for good in ["https://hooks.acme.example/carbon", "http://127.0.0.1:9000/x", "http://localhost/x"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in
            ["http://hooks.acme.example", "ftp://127.0.0.1", "https://a:b@hooks.example", "hooks.example", ""]
        {
            assert_eq!(address(bad).unwrap_err().status().as_u16(), 400, "{bad}");
        }
    }
}
