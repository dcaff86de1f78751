//! Gmail: its labels, and mails by filters, which Gmail itself is asked to apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde_json::{Map, Value, json};
use tieline_engine::program::DataSource;

use super::super::body::{At, Body, FromBody, fields, object, whole};
use super::super::choosing::Choice;
use super::super::{Answer, Caller, Sorry, answer, success};
use super::wanted::{self, GMAIL, Search};
use super::{Query, Selection, What, named, source_of, text_of};
use crate::Door;

const PROVIDER: &str = "GMAIL";
/// Ids on a page.
const PAGE: &str = "500";
/// Pages of one search that are read: half a million mails.
const PAGES: usize = 1000;
/// Neither has contents that were sent or received.
const MAILS: &str = "-in:drafts -in:chats";

pub(super) async fn labels(State(door): State<Arc<Door>>, caller: Caller, query: Query) -> Answer {
    let number = named(&query)?.ok_or_else(|| {
        let fault = json!({ "loc": ["query", "data_source_id"], "msg": "field required", "type": "value_error.missing" });
        Sorry::unreadable(vec![fault])
    })?;
    let source = source_of(&door, &caller, PROVIDER, Some(number))?;
    answer(json!({ "labels": all_labels(&door, &source).await? }))
}

async fn all_labels(door: &Door, source: &DataSource) -> Result<Vec<Value>, Sorry> {
    let said = door.app.programs().ask_provider(&source.connection, "/labels", &[]).await?;
    let labels = said["labels"].as_array().into_iter().flatten();
    let label = |it: &Value| {
        Some(json!({ "id": text_of(it, "id")?, "name": text_of(it, "name")?, "type": text_of(it, "type") }))
    };
    Ok(labels.filter_map(label).collect())
}

pub(super) struct Sync {
    data_source: Option<i64>,
    filters: Map<String, Value>,
    choice: Choice,
}

impl FromBody for Sync {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source: it.maybe("data_source_id", whole),
            filters: it.need("filters", object),
            choice: super::choice(it),
        })(body, at)
    }
}

pub(super) async fn sync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Sync>) -> Answer {
    let wanted = wanted::read(&ask.filters, GMAIL).map_err(Sorry::bad)?;
    super::only_mails(&ask.choice)?;
    let source = source_of(&door, &caller, PROVIDER, ask.data_source)?;
    let names = all_labels(&door, &source).await?.into_iter().filter_map(|label| {
        Some((text_of(&label, "name")?.to_lowercase(), text_of(&label, "id")?.to_owned()))
    });
    let searches = wanted::searches(&wanted, &names.collect::<BTreeMap<_, _>>()).map_err(Sorry::bad)?;
    let what = What::Searches(searches.into_iter().collect());
    super::keep(&door, &source, Selection::new(what, &ask.choice, &source)).await?;
    success()
}

/// The ids of all mails that a search finds now.
pub(super) async fn find(door: &Door, source: &DataSource, search: &Search) -> Result<Vec<String>, Sorry> {
    let (mut ids, mut page) = (Vec::new(), String::new());
    let words = [MAILS, &search.words.join(" ")].join(" ");
    for _ in 0..PAGES {
        let mut query = vec![("maxResults", PAGE), ("q", words.trim())];
        query.extend(search.labels.iter().map(|label| ("labelIds", label.as_str())));
        if !page.is_empty() {
            query.push(("pageToken", &page));
        }
        let said = door.app.programs().ask_provider(&source.connection, "/messages", &query).await?;
        let found = said["messages"].as_array().into_iter().flatten();
        ids.extend(found.filter_map(|it| text_of(it, "id").map(str::to_owned)));
        match text_of(&said, "nextPageToken") {
            Some(next) => page = next.to_owned(),
            None => break,
        }
    }
    Ok(ids)
}
