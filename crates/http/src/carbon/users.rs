//! Customers, as this contract calls users: seen, listed, given limits and a schedule, deleted.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tieline_engine::program::Customer;
use tieline_engine::wire::{Disconnected, LibraryState};

use super::body::{
    At, Body, Fields, FromBody, Pagination, at_least, fields, flag, list, list_of, one_of, pagination, text,
    whole,
};
use super::items::descending;
use super::limits::{CUSTOM, NAMES};
use super::objects::{DATA_SOURCE_TYPES, SERVICES, instant};
use super::webhooks::{About, tell};
use super::{Answer, ByKey, Caller, Sorry, answer, call, lists, schedule, statistics, success};
use crate::Door;

/// Customers that one update may name.
const MOST: usize = 100;
/// Whether sparse vectors are wanted, which none are made of.
const SPARSE: &str = "sparse_vectors";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/user", post(user))
        .route("/whoami", get(whoami))
        .route("/list_users", post(list_users))
        .route("/update_users", post(update_users))
        .route("/delete_users", post(delete_users))
        .route("/modify_user_configuration", post(modify_configuration))
}

struct User {
    customer: String,
}

impl FromBody for User {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { customer: it.need("customer_id", text) })(body, at)
    }
}

async fn user(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<User>) -> Answer {
    let customer = door.app.programs().customer(by.organization(), &ask.customer)?;
    let customer = customer.ok_or_else(|| Sorry::unknown("customer", &ask.customer))?;
    whole_user(&door, &customer).await
}

async fn whoami(State(door): State<Arc<Door>>, caller: Caller) -> Answer {
    let customer = door.app.programs().customer_made(caller.organization(), &caller.customer)?;
    whole_user(&door, &customer).await
}

async fn whole_user(door: &Arc<Door>, customer: &Customer) -> Answer {
    let sources = door.app.programs().data_sources(customer.organization, Some(&customer.id))?;
    let mut user = identity(customer);
    user.extend(statistics::of(door, sources).await?.of_customer());
    let settings = customer.settings.get("connector_settings").filter(|it| it.is_object());
    user.insert("connector_settings".into(), settings.cloned().unwrap_or_else(|| json!({})));
    answer(user.into())
}

/// What a list of users tells of one.
fn identity(customer: &Customer) -> Map<String, Value> {
    let setting = |name: &str| customer.settings.get(name).filter(|it| it.is_object()).cloned();
    let sources = match customer.settings.get(schedule::SOURCES) {
        Some(Value::Array(sources)) => json!(sources),
        Some(word) if word == schedule::ALL => json!(SERVICES),
        _ => json!([]),
    };
    let sparse = customer.settings.get(SPARSE).map(|on| json!({ SPARSE: on }));
    let user = json!({
        "id": customer.number,
        "organization_id": customer.organization,
        "organization_supplied_user_id": customer.id,
        "created_at": instant(customer.made_at),
        "updated_at": instant(customer.changed_at),
        "deleted_at": null,
        "enabled_features": sparse,
        "custom_limits": setting(CUSTOM).unwrap_or_else(|| json!({})),
        "auto_sync_enabled_sources": sources,
    });
    user.as_object().cloned().unwrap_or_default()
}

struct ListUsers {
    page: Pagination,
    ids: Option<Vec<String>>,
    numbers: Option<Vec<i64>>,
    by_change: bool,
    descending: bool,
    counted: bool,
}

impl FromBody for ListUsers {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        let filters = |value: &Value, at: &mut At| {
            fields(|it| (it.maybe("customer_ids", list(text)), it.maybe("carbon_user_ids", list(whole))))(
                value, at,
            )
        };
        fields(|it| {
            let (ids, numbers) = it.maybe("filters", filters).unwrap_or_default();
            Self {
                page: it.maybe("pagination", pagination).unwrap_or_default(),
                ids,
                numbers,
                by_change: it.maybe("order_by", one_of(&["created_at", "updated_at"])).as_deref()
                    == Some("updated_at"),
                descending: descending(it, "desc"),
                counted: it.maybe("include_count", flag).unwrap_or_default(),
            }
        })(body, at)
    }
}

async fn list_users(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<ListUsers>) -> Answer {
    let mut all = door.app.programs().customers(by.organization())?;
    all.retain(|it| {
        it.number >= ask.page.starting_id
            && ask.ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
            && ask.numbers.as_ref().is_none_or(|numbers| numbers.contains(&it.number))
    });
    let order = |it: &Customer| (if ask.by_change { it.changed_at } else { it.made_at }, it.number);
    if ask.descending {
        all.sort_by_key(|it| Reverse(order(it)));
    } else {
        all.sort_by_key(order);
    }
    let count = ask.counted.then_some(all.len());
    let users: Vec<Value> = ask.page.part(all).iter().map(|it| identity(it).into()).collect();
    answer(json!({ "users": users, "count": count }))
}

/// What may be set for customers, one by one or for all of an organization. What is absent stays as it is.
#[derive(Debug, Default)]
pub(super) struct Settings {
    sources: Option<Value>,
    /// -1: as the organization has it.
    interval: Option<i64>,
    limits: Map<String, Value>,
}

impl Settings {
    pub fn read(it: &mut Fields<'_>) -> Self {
        let interval = it.maybe(schedule::INTERVAL, whole);
        if interval.is_some_and(|hours| ![-1, 3, 6, 12, 24].contains(&hours)) {
            let words = "value is not a valid enumeration member; permitted: 3, 6, 12, 24, -1";
            it.fault(schedule::INTERVAL, words, "type_error.enum");
        }
        let mut limits = Map::new();
        for name in NAMES {
            if let Some(limit) = it.maybe(name, at_least(-1)) {
                limits.insert(name.into(), limit.into());
            }
        }
        Self { sources: it.maybe(schedule::SOURCES, sources), interval, limits }
    }

    /// Writes the schedule into settings.
    pub fn write(&self, settings: &mut Map<String, Value>) {
        if let Some(sources) = &self.sources {
            settings.insert(schedule::SOURCES.into(), sources.clone());
        }
        match self.interval {
            Some(-1) => drop(settings.remove(schedule::INTERVAL)),
            Some(hours) => drop(settings.insert(schedule::INTERVAL.into(), hours.into())),
            None => {}
        }
    }

    pub fn limits(&self) -> &Map<String, Value> {
        &self.limits
    }
}

/// A list of sources, or the word for all of them.
fn sources(value: &Value, at: &mut At) -> Option<Value> {
    if value == schedule::ALL {
        return Some(value.clone());
    }
    if value.is_string() {
        at.fault("unexpected value; permitted: 'ALL'", "value_error.const");
        return None;
    }
    list(one_of(DATA_SOURCE_TYPES))(value, at).map(Value::from)
}

struct UpdateUsers {
    customers: Vec<String>,
    settings: Settings,
}

impl FromBody for UpdateUsers {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            customers: it.need("customer_ids", list_of(0, MOST, text)),
            settings: Settings::read(it),
        })(body, at)
    }
}

/// Sets limits and schedule of customers, also of ones that were not heard of yet, and syncs their data sources by it
/// from now on.
async fn update_users(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<UpdateUsers>) -> Answer {
    let programs = door.app.programs();
    for id in &ask.customers {
        let mut settings = programs.customer_made(by.organization(), id)?.settings;
        ask.settings.write(&mut settings);
        let mut limits = settings.get(CUSTOM).and_then(Value::as_object).cloned().unwrap_or_default();
        limits.extend(ask.settings.limits().clone());
        if !limits.is_empty() {
            settings.insert(CUSTOM.into(), limits.into());
        }
        programs.set_customer(by.organization(), id, settings)?;
        schedule::apply_all(&door, by.organization(), Some(id)).await?;
    }
    success()
}

struct DeleteUsers {
    customers: Vec<String>,
}

impl FromBody for DeleteUsers {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { customers: it.need("customer_ids", list(text)) })(body, at)
    }
}

/// Disconnects everything of these customers and forgets it, and them. One that is not there is deleted already.
async fn delete_users(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<DeleteUsers>) -> Answer {
    let programs = door.app.programs();
    for id in &ask.customers {
        let Some(customer) = programs.customer(by.organization(), id)? else { continue };
        for source in programs.data_sources(by.organization(), Some(id))? {
            if source.revoked {
                let _kept: LibraryState =
                    call(&door, "forget_contents", json!({ "connection": source.connection })).await?;
            } else {
                let ask = json!({ "id": source.connection, "keep_contents": false });
                let _gone: Disconnected = call(&door, "disconnect", ask).await?;
            }
            lists::forget(&door, &source)?;
            programs.forget_data_source(source.number)?;
        }
        programs.forget_customer(by.organization(), id)?;
        let about = About::Customer(customer.number);
        tell(&door, by.organization(), id, "ORGANIZATION_USER_DELETED", &about, None);
    }
    success()
}

struct Configuration {
    name: String,
    enabled: bool,
}

impl FromBody for Configuration {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            name: it.need("configuration_key_name", one_of(&[SPARSE])),
            enabled: it.need("value", fields(|it| it.need("enabled", flag))),
        })(body, at)
    }
}

/// Notes a wish about vectors, none of which are made.
async fn modify_configuration(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<Configuration>,
) -> Answer {
    let programs = door.app.programs();
    let mut settings = programs.customer_made(caller.organization(), &caller.customer)?.settings;
    settings.insert(ask.name, ask.enabled.into());
    programs.set_customer(caller.organization(), &caller.customer, settings)?;
    success()
}

#[cfg(test)]
mod tests {
    use super::super::body;
    use super::*;

    fn faults(body: Value) -> String {
        let sorry = body::read::<UpdateUsers>(body.to_string().as_bytes()).map(|_| ()).unwrap_err();
        let faults = sorry.detail().as_array().unwrap().clone();
        faults.iter().map(|it| it["loc"].to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_update_says_what_it_changes() {
        let read = |body: Value| body::read::<UpdateUsers>(body.to_string().as_bytes()).unwrap().settings;
        let mut settings =
            json!({ "auto_sync_interval": 6, "connector_settings": {} }).as_object().unwrap().clone();
        read(json!({ "customer_ids": ["a"], "max_files": null })).write(&mut settings);
        assert_eq!(settings.len(), 2);
        let update =
            read(json!({ "customer_ids": [], "auto_sync_interval": -1, "auto_sync_enabled_sources": "ALL",
            "max_files": -1, "max_characters": 10 }));
        update.write(&mut settings);
        assert_eq!(
            Value::from(settings),
            json!({ "connector_settings": {}, "auto_sync_enabled_sources": "ALL" })
        );
        assert_eq!(Value::from(update.limits), json!({ "max_files": -1, "max_characters": 10 }));
    }

    #[test]
    fn an_update_is_refused_where_it_is_wrong() {
        assert_eq!(faults(json!({ "customer_ids": vec!["a"; 101] })), r#"["body","customer_ids"]"#);
        let wrong = json!({ "auto_sync_interval": 5, "auto_sync_enabled_sources": "all", "max_files": -2 });
        let expected = r#"["body","customer_ids"] ["body","auto_sync_interval"] ["body","max_files"] ["body","auto_sync_enabled_sources"]"#;
        assert_eq!(faults(wrong), expected);
        let wrong = json!({ "customer_ids": ["a"], "auto_sync_enabled_sources": ["BOX", "X"] });
        assert_eq!(faults(wrong), r#"["body","auto_sync_enabled_sources",1]"#);
    }

    #[test]
    fn a_user_shows_what_was_set() {
        let settings = json!({ "auto_sync_enabled_sources": ["BOX"], "custom_limits": { "max_files": 3 }, "sparse_vectors": true });
        let customer = Customer {
            number: 7,
            organization: 1,
            id: "maya".into(),
            settings: settings.as_object().unwrap().clone(),
            made_at: 0,
            changed_at: 0,
        };
        let shown = identity(&customer);
        assert_eq!(shown["auto_sync_enabled_sources"], json!(["BOX"]));
        assert_eq!(shown["custom_limits"], json!({ "max_files": 3 }));
        assert_eq!(shown["enabled_features"], json!({ "sparse_vectors": true }));
        assert_eq!(shown["deleted_at"], Value::Null);
    }
}
