//! An organization's own apps at the services: handed over, listed without their secrets, changed, forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tieline_engine::program::Record;
use tieline_engine::{Error, PublishedProvider, Secret};

use super::body::{At, Body, FromBody, Pagination, fields, list, list_of, one_of, pagination, text, whole};
use super::objects::{DIRECTIONS, SERVICES, instant};
use super::{Answer, ByKey, Sorry, answer, oauth_url, success};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/white_label/create", post(create))
        .route("/white_label/list", post(listed))
        .route("/white_label/update", post(update))
        .route("/white_label/delete", post(delete))
}

/// What the list keeps of each: everything but the secrets, under the service's name.
const KIND: &str = "carbon_white_label";

#[derive(Default)]
struct Labelled {
    service: String,
    client_id: String,
    redirect: String,
    client_secret: Option<Secret>,
    /// Of a picker that runs in a page. Ours runs on this server and needs none; kept to be listed.
    file_picker_client_id: Option<String>,
    file_picker_redirect: Option<String>,
    /// Likewise, and a secret.
    api_key: Option<Secret>,
}

fn labelled(value: &Value, at: &mut At) -> Option<Labelled> {
    fields(|it| {
        let service = it.need("data_source_type", one_of(SERVICES));
        let credentials = it.need("credentials", credentials);
        Labelled { service, ..credentials }
    })(value, at)
}

fn credentials(value: &Value, at: &mut At) -> Option<Labelled> {
    fields(|it| Labelled {
        service: String::new(),
        client_id: it.need("client_id", text),
        redirect: it.need("redirect_uri", text),
        client_secret: it.maybe("client_secret", text).filter(|it| !it.is_empty()).map(Secret::new),
        file_picker_client_id: it.maybe("file_picker_client_id", text),
        file_picker_redirect: it.maybe("file_picker_redirect_uri", text),
        api_key: it.maybe("api_key", text).filter(|it| !it.is_empty()).map(Secret::new),
    })(value, at)
}

struct Create(Vec<Labelled>);

impl FromBody for Create {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        list_of(1, SERVICES.len(), labelled)(body, at).map(Self)
    }
}

struct Update(Labelled);

impl FromBody for Update {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        labelled(body, at).map(Self)
    }
}

/// All or none are saved.
async fn create(State(door): State<Arc<Door>>, by: ByKey, Body(Create(all)): Body<Create>) -> Answer {
    for (place, one) in all.iter().enumerate() {
        if all[..place].iter().any(|before| before.service == one.service) {
            return Err(Sorry::bad(format!(
                "{} is named twice. Send one app for each service.",
                one.service
            )));
        }
        if door.app.programs().record(by.organization(), KIND, &one.service)?.is_some() {
            return Err(Sorry::bad(format!(
                "Your organization has an app for {} already. Change it with /white_label/update.",
                one.service
            )));
        }
        let provider = oauth_url::provider(&door, &one.service)?;
        let usable = door.app.programs().check_app(&one.service, &one.client_id, Some(&one.redirect));
        usable.map_err(|error| unusable(&provider, error))?;
    }
    let mut results = Vec::new();
    for one in all {
        let number = door.app.programs().next_number(by.organization(), KIND)?;
        results.push(shown(&save(&door, &by, one, number).await?));
    }
    answer(json!({ "results": results, "count": results.len() }))
}

async fn update(State(door): State<Arc<Door>>, by: ByKey, Body(Update(one)): Body<Update>) -> Answer {
    let known = door.app.programs().record(by.organization(), KIND, &one.service)?;
    let Some(known) = known else {
        return Err(Sorry::unknown("app of your organization for", &one.service));
    };
    let number = known.body["id"].as_i64().unwrap_or_default();
    let changed = save(&door, &by, one, number).await?;
    answer(shown(&changed))
}

/// The secret goes to the keyring; what is listed holds none.
async fn save(door: &Door, by: &ByKey, one: Labelled, number: i64) -> Result<Record, Sorry> {
    let provider = oauth_url::provider(door, &one.service)?;
    let programs = door.app.programs();
    let has_secret = one.client_secret.is_some();
    programs
        .save_app(
            by.organization(),
            &one.service,
            &BTreeMap::new(),
            &one.client_id,
            one.client_secret,
            Some(&one.redirect),
        )
        .await
        .map_err(|error| unusable(&provider, error))?;
    let known = programs.record(by.organization(), KIND, &one.service)?;
    let had = |what: &str| known.as_ref().is_some_and(|it| it.body[what] == true);
    if let Some(key) = &one.api_key {
        programs.keep_secret(by.organization(), &api_key(&one.service), key).await?;
    }
    let body = json!({
        "id": number,
        "client_id": one.client_id,
        "redirect_uri": one.redirect,
        "has_client_secret": has_secret || had("has_client_secret"),
        "has_api_key": one.api_key.is_some() || had("has_api_key"),
        "file_picker_client_id": one.file_picker_client_id,
        "file_picker_redirect_uri": one.file_picker_redirect,
    });
    Ok(programs.save_record(by.organization(), KIND, &one.service, &body)?)
}

/// Where in the keyring a picker's key is.
fn api_key(service: &str) -> String {
    format!("white_label/{service}/api_key")
}

fn unusable(provider: &PublishedProvider, error: Error) -> Sorry {
    match error.field.as_deref() {
        Some(field @ ("client_id" | "client_secret" | "redirect_uri")) => {
            Sorry::bad(format!("{field} of {} is not usable. {}", provider.name, error.message))
        }
        _ => oauth_url::told(provider, error),
    }
}

fn shown(record: &Record) -> Value {
    let kept = &record.body;
    json!({
        "id": kept["id"],
        "organization_id": record.organization,
        "data_source_type": record.id,
        "credentials": {
            "client_id": kept["client_id"],
            "redirect_uri": kept["redirect_uri"],
            "client_secret": null,
            "has_client_secret": kept["has_client_secret"],
            "has_api_key": kept["has_api_key"] == true,
            "file_picker_client_id": kept["file_picker_client_id"],
            "file_picker_redirect_uri": kept["file_picker_redirect_uri"],
        },
        "created_at": instant(record.made_at),
        "updated_at": instant(record.changed_at),
    })
}

struct Query {
    page: Pagination,
    by_type: bool,
    descending: bool,
    ids: Option<Vec<i64>>,
    services: Option<Vec<String>>,
}

impl FromBody for Query {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        let filters = |value: &Value, at: &mut At| {
            fields(|it| {
                let ids = it.maybe("ids", list(whole));
                (ids, it.maybe("data_source_type", list(one_of(SERVICES))))
            })(value, at)
        };
        fields(|it| {
            let (ids, services) = it.or("filters", filters, (None, None));
            Self {
                page: it.or("pagination", pagination, Pagination::default()),
                by_type: it.or("order_by", one_of(&["created_at", "data_source_type"]), "created_at".into())
                    == "data_source_type",
                descending: it.or("order_dir", one_of(DIRECTIONS), "desc".into()) == "desc",
                ids,
                services,
            }
        })(body, at)
    }
}

async fn listed(State(door): State<Arc<Door>>, by: ByKey, Body(query): Body<Query>) -> Answer {
    let number = |record: &Record| record.body["id"].as_i64().unwrap_or_default();
    let mut all = door.app.programs().records(by.organization(), KIND)?;
    all.retain(|record| {
        number(record) >= query.page.starting_id
            && query.ids.as_ref().is_none_or(|ids| ids.contains(&number(record)))
            && query.services.as_ref().is_none_or(|services| services.contains(&record.id))
    });
    match query.by_type {
        true => all.sort_by(|a, b| a.id.cmp(&b.id)),
        false => all.sort_by_key(|record| (record.made_at, number(record))),
    }
    if query.descending {
        all.reverse();
    }
    let count = all.len();
    let results: Vec<Value> = query.page.part(all).iter().map(shown).collect();
    answer(json!({ "results": results, "count": count }))
}

struct Delete {
    ids: Vec<i64>,
}

impl FromBody for Delete {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { ids: it.need("ids", list(whole)) })(body, at)
    }
}

/// Connections that signed in through them keep what they have; a new sign-in takes the person's own app.
async fn delete(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<Delete>) -> Answer {
    let programs = door.app.programs();
    let all = programs.records(by.organization(), KIND)?;
    for id in &ask.ids {
        if !all.iter().any(|record| record.body["id"] == *id) {
            return Err(Sorry::unknown("app of your organization", id));
        }
    }
    for record in all.iter().filter(|record| ask.ids.iter().any(|id| record.body["id"] == *id)) {
        programs.forget_app(by.organization(), &record.id, &BTreeMap::new()).await?;
        if record.body["has_api_key"] == true {
            programs.forget_secret(by.organization(), &api_key(&record.id)).await?;
        }
        programs.forget_record(by.organization(), KIND, &record.id)?;
    }
    success()
}
