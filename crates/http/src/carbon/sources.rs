//! Data sources: listed, tagged, their directories fetched, their access taken back.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Map, Value, json};
use tieline_engine::program::{Action, DataSource};

use super::body::{
    At, Body, FromBody, Pagination, fields, flag, list, object, one_of, pagination, text, whole,
};
use super::objects::{DATA_SOURCE_TYPES, DIRECTIONS, data_source};
use super::{
    Answer, ByKey, Caller, answer, call, data_source_of, live_data_source_of, success, tags, webhooks,
};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/user_data_sources", post(of_customer))
        .route("/data_sources", post(of_organization))
        .route("/data_sources/tags/add", post(add_tags))
        .route("/data_sources/tags/remove", post(remove_tags))
        .route("/integrations/items/sync", post(sync))
        .route("/integrations/items/sync/cancel", post(cancel))
        .route("/revoke_access_token", post(revoke))
}

/// A body that names a data source and nothing more.
pub(super) struct Named {
    pub data_source_id: i64,
}

impl FromBody for Named {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { data_source_id: it.need("data_source_id", whole) })(body, at)
    }
}

struct Query {
    page: Pagination,
    by_creation: bool,
    descending: bool,
    filters: Filters,
}

#[derive(Default)]
struct Filters {
    source: Option<String>,
    ids: Option<Vec<i64>>,
    revoked: Option<bool>,
    tags: Option<tags::Rule>,
}

impl FromBody for Query {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            page: it.or("pagination", pagination, Pagination::default()),
            by_creation: it.or("order_by", one_of(&["created_at", "updated_at"]), "updated_at".into())
                == "created_at",
            descending: it.or("order_dir", one_of(DIRECTIONS), "asc".into()) == "desc",
            filters: it.or("filters", filters, Filters::default()),
        })(body, at)
    }
}

fn filters(value: &Value, at: &mut At) -> Option<Filters> {
    fields(|it| Filters {
        source: it.maybe("source", one_of(DATA_SOURCE_TYPES)),
        ids: it.maybe("ids", list(whole)),
        revoked: it.maybe("revoked_access", flag),
        tags: it.maybe("tags", tags::rule).flatten(),
    })(value, at)
}

impl Filters {
    fn fit(&self, source: &DataSource) -> bool {
        self.source.as_ref().is_none_or(|it| *it == source.provider)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&source.number))
            && self.revoked.is_none_or(|revoked| revoked == source.revoked)
            && self.tags.as_ref().is_none_or(|rule| rule.fits(&source.tags))
    }
}

impl Query {
    fn fits(&self, source: &DataSource) -> bool {
        source.number >= self.page.starting_id && self.filters.fit(source)
    }

    /// The asked part of the matching ones in their order.
    fn part<T, K: Ord>(&self, mut all: Vec<T>, order: impl Fn(&T) -> K) -> Vec<T> {
        match self.descending {
            true => all.sort_by_key(|one| Reverse(order(one))),
            false => all.sort_by_key(order),
        }
        self.page.part(all)
    }
}

async fn listed(door: &Door, query: &Query, mut all: Vec<DataSource>) -> Answer {
    all.retain(|source| query.fits(source));
    let count = all.len();
    if query.by_creation {
        all = query.part(all, |source| (source.made_at, source.number));
    }
    let mut results = Vec::with_capacity(all.len());
    for source in &all {
        results.push(data_source(door, source).await?);
    }
    if !query.by_creation {
        // Only what is shown tells when it changed: a sync that ended counts as well.
        results = query.part(results, |it| (it["updated_at"].as_str().map(str::to_owned), it["id"].as_i64()));
    }
    answer(json!({ "results": results, "count": count }))
}

async fn of_customer(State(door): State<Arc<Door>>, caller: Caller, Body(query): Body<Query>) -> Answer {
    let all = door.app.programs().data_sources(caller.organization(), Some(&caller.customer))?;
    listed(&door, &query, all).await
}

async fn of_organization(State(door): State<Arc<Door>>, by: ByKey, Body(query): Body<Query>) -> Answer {
    let all = door.app.programs().data_sources(by.organization(), None)?;
    listed(&door, &query, all).await
}

struct AddTags {
    tags: Map<String, Value>,
    data_source_id: i64,
}

impl FromBody for AddTags {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { tags: it.need("tags", object), data_source_id: it.need("data_source_id", whole) })(
            body, at,
        )
    }
}

async fn add_tags(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<AddTags>) -> Answer {
    let source = data_source_of(&door, &caller, ask.data_source_id)?;
    let changed = door.app.programs().change_data_source(source.number, |it| it.tags.extend(ask.tags))?;
    answer(data_source(&door, &changed).await?)
}

struct RemoveTags {
    data_source_id: i64,
    tags_to_remove: Vec<String>,
    remove_all_tags: bool,
}

impl FromBody for RemoveTags {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source_id: it.need("data_source_id", whole),
            tags_to_remove: it.or("tags_to_remove", list(text), Vec::new()),
            remove_all_tags: it.or("remove_all_tags", flag, false),
        })(body, at)
    }
}

async fn remove_tags(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<RemoveTags>) -> Answer {
    let source = data_source_of(&door, &caller, ask.data_source_id)?;
    let changed = door.app.programs().change_data_source(source.number, |it| {
        it.tags.retain(|name, _| !ask.remove_all_tags && !ask.tags_to_remove.contains(name));
    })?;
    answer(data_source(&door, &changed).await?)
}

/// Fetches what there is: names and where they stand. What was chosen and has changed is read as well.
async fn sync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Named>) -> Answer {
    let source = live_data_source_of(&door, &caller, ask.data_source_id)?;
    let _: Value = call(&door, "start_sync", json!({ "connection": source.connection })).await?;
    acted(&door, &source, Action::Update, "UPDATE").await
}

async fn cancel(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Named>) -> Answer {
    let source = live_data_source_of(&door, &caller, ask.data_source_id)?;
    let _: Value = call(&door, "cancel_sync", json!({ "id": source.connection })).await?;
    acted(&door, &source, Action::Cancel, "CANCEL").await
}

async fn acted(door: &Arc<Door>, source: &DataSource, action: Action, event: &str) -> Answer {
    let source = door.app.programs().acted(source.number, action)?;
    webhooks::tell_of(door, &source, event);
    answer(data_source(door, &source).await?)
}

/// Takes the access back at the provider, as far as that can be done there, and forgets the tokens. What was read stays,
/// and the data source stays listed as revoked.
async fn revoke(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Named>) -> Answer {
    let source = data_source_of(&door, &caller, ask.data_source_id)?;
    if !source.revoked {
        let ask = json!({ "id": source.connection, "keep_contents": true });
        match call::<Value>(&door, "disconnect", ask).await {
            Err(sorry) if sorry.status() != axum::http::StatusCode::NOT_FOUND => return Err(sorry),
            _ => {}
        }
        let revoked = door.app.programs().acted(source.number, Action::Revoke)?;
        webhooks::tell_of(&door, &revoked, "REVOKE");
    }
    success()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tieline_engine::SyncOptions;
    use tieline_engine::program::Owner;

    use super::super::body::read;
    use super::*;

    fn source(number: i64, provider: &str, made_at: i64, changed_at: i64) -> DataSource {
        let tags = json!({ "team": if number % 2 == 0 { "red" } else { "blue" } });
        DataSource {
            number,
            connection: format!("c{number}"),
            owner: Owner { organization: 1, customer: "maya".into() },
            provider: provider.into(),
            account: "a".into(),
            title: "Maya".into(),
            inputs: BTreeMap::new(),
            tags: tags.as_object().unwrap().clone(),
            options: SyncOptions::default(),
            action: Action::Add,
            action_at: made_at,
            revoked: number == 3,
            made_at,
            changed_at,
        }
    }

    fn part(body: &str) -> (Vec<i64>, usize) {
        let mut all = vec![
            source(1, "BOX", 10, 40),
            source(2, "BOX", 20, 30),
            source(3, "GMAIL", 30, 20),
            source(4, "ZENDESK", 40, 20),
        ];
        let query: Query = read(body.as_bytes()).unwrap();
        all.retain(|source| query.fits(source));
        let count = all.len();
        let at = |it: &DataSource| if query.by_creation { it.made_at } else { it.changed_at };
        let part = query.part(all, |it| (at(it), it.number));
        (part.iter().map(|it| it.number).collect(), count)
    }

    #[test]
    fn what_changed_longest_ago_comes_first_unless_asked_otherwise() {
        assert_eq!(part("{}"), (vec![3, 4, 2, 1], 4));
        assert_eq!(part(r#"{"order_by": "created_at", "order_dir": "desc"}"#), (vec![4, 3, 2, 1], 4));
        assert_eq!(part(r#"{"pagination": {"limit": 1, "offset": 1}}"#), (vec![4], 4));
        assert_eq!(part(r#"{"pagination": {"starting_id": 3}, "order_dir": "asc"}"#), (vec![3, 4], 2));
    }

    #[test]
    fn filters_join() {
        assert_eq!(part(r#"{"filters": {"source": null, "ids": null, "revoked_access": null}}"#).1, 4);
        assert_eq!(part(r#"{"filters": {"revoked_access": false, "tags": {}}}"#).1, 3);
        assert_eq!(part(r#"{"filters": {"source": "BOX", "ids": [2, 3]}}"#), (vec![2], 1));
        let red = r#"{"filters": {"tags": {"AND": [{"key": "team", "value": "red"}]}}}"#;
        assert_eq!(part(red), (vec![4, 2], 2));
        let wrong = read::<Query>(br#"{"filters": {"tags": {"AND": [{"key": "team"}]}}}"#).err().unwrap();
        assert_eq!(wrong.detail()[0]["loc"], json!(["body", "filters", "tags", "AND", 0, "value"]));
    }
}
