//! Files that were chosen: listed, read again, tagged, their contents handed out.

mod deleting;
mod desk;
mod urls;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde_json::{Map, Value, json};
use tieline_engine::clock::Seconds;
use tieline_engine::program::Action;
use tieline_engine::{FileState, Mark, Order, Tagging};

use self::desk::Part;
pub(super) use self::desk::{Desk, every_file};
use self::urls::Wanted;
use super::body::{
    At, Body, FromBody, at_least, count, fields, flag, list, object, one_of, pagination, text, whole,
};
use super::filters::{FileFilters, file_filters};
use super::items::descending;
use super::objects::sync_state;
use super::{Answer, Caller, Sorry, answer, choosing, live_data_source_of, tags};
use crate::Door;

/// An address of contents holds so long where nobody says otherwise, in seconds.
const USUAL_LIFE: Seconds = 3600;
/// And never longer.
const LONGEST_LIFE: Seconds = 7 * 86_400;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/user_files_v2", post(user_files))
        .route("/user_files", post(user_files_bare))
        .route("/resync_file", post(resync))
        .route("/create_user_file_tags", post(add_tags))
        .route("/delete_user_file_tags", post(remove_tags))
        .route("/raw_file/{id}", get(raw_file))
        .route("/parsed_file/{id}", get(parsed_file))
        .route("/delete_files_v2", post(deleting::by_filters))
        .route("/delete_files", post(deleting::by_ids))
        .route("/deletefile/{id}", delete(deleting::one))
        .route("/move_to_hot_storage", post(hot_storage))
        .route("/modify_cold_storage_parameters", post(cold_storage))
        .merge(urls::routes())
}

#[derive(Debug)]
struct ListFiles {
    filters: FileFilters,
    part: Part,
    raw: bool,
    text: bool,
    additional: bool,
    life: Seconds,
}

impl FromBody for ListFiles {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            let orders = &["created_at", "updated_at", "name", "last_sync", "file_size", "id"];
            let order = match it.maybe("order_by", one_of(orders)).as_deref() {
                Some("created_at") => Order::Made,
                Some("name") => Order::Name,
                Some("last_sync") => Order::Synced,
                Some("file_size") => Order::Size,
                Some("id") => Order::Number,
                _ => Order::Changed,
            };
            let page = it.maybe("pagination", pagination).unwrap_or_default();
            Self {
                filters: it.maybe("filters", file_filters).unwrap_or_else(FileFilters::everything),
                part: Part { page, order, descending: descending(it, "asc") },
                raw: it.maybe("include_raw_file", flag).unwrap_or_default(),
                text: it.maybe("include_parsed_text_file", flag).unwrap_or_default(),
                additional: it.maybe("include_additional_files", flag).unwrap_or_default(),
                life: it.maybe("presigned_url_expiry_time_seconds", at_least(1)).unwrap_or(USUAL_LIFE),
            }
        })(body, at)
    }
}

async fn user_files(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<ListFiles>) -> Answer {
    let (results, count) = page(&door, &caller, &ask).await?;
    answer(json!({ "results": results, "count": count }))
}

/// The older form, without a count.
async fn user_files_bare(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<ListFiles>,
) -> Answer {
    answer(page(&door, &caller, &ask).await?.0.into())
}

async fn page(door: &Arc<Door>, caller: &Caller, ask: &ListFiles) -> Result<(Vec<Value>, u64), Sorry> {
    let mut desk = Desk::open(door, &caller.owner())?;
    let (files, count) = desk.files(&ask.filters, ask.part).await?;
    let until = door.app.programs().now() + ask.life.min(LONGEST_LIFE);
    let key = &caller.key.id;
    let wanted = Wanted { door, key, raw: ask.raw, text: ask.text, additional: ask.additional, until };
    let mut shown = Vec::new();
    for file in &files {
        shown.push(desk.shown(file, &wanted).await?);
    }
    Ok((shown, count))
}

/// A file as it stands now.
async fn file(door: &Arc<Door>, caller: &Caller, number: i64) -> Answer {
    let mut desk = Desk::open(door, &caller.owner())?;
    let (file, _) = desk.file(number)?;
    answer(desk.shown(&file, &Wanted::none(door)).await?)
}

#[derive(Debug)]
struct Resync {
    file: i64,
    /// Written over the file's options.
    options: Map<String, Value>,
    noted_only: bool,
}

impl FromBody for Resync {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            let mut options = Map::new();
            for name in ["chunk_size", "chunk_overlap"] {
                if let Some(value) = it.maybe(name, count(0)) {
                    options.insert(name.into(), value.into());
                }
            }
            // No vectors are made, so there is nothing to force.
            it.or("force_embedding_generation", flag, false);
            Self {
                file: it.need("file_id", whole),
                options,
                noted_only: it.maybe("skip_file_processing", flag).unwrap_or_default(),
            }
        })(body, at)
    }
}

/// Reads a file again, whether it changed or not.
async fn resync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Resync>) -> Answer {
    let programs = door.app.programs();
    let (found, source) = Desk::open(&door, &caller.owner())?.file(ask.file)?;
    let source = live_data_source_of(&door, &caller, source.number)?;
    let is_running = sync_state(&door, &source.connection).await?.is_some_and(|sync| sync.running);
    if found.state == FileState::Waiting && is_running {
        return Err(Sorry::new(
            StatusCode::CONFLICT,
            format!(
                "{} is being synced already. Wait until its sync_status is READY or SYNC_ERROR.",
                found.item.name
            ),
        ));
    }
    let mut options = choosing::accepted(found.options.as_ref());
    options.extend(ask.options);
    let mark = Mark {
        pick: (!ask.noted_only).then_some(true),
        options: (!options.is_empty() || found.options.is_some()).then(|| options.into()),
        ..Mark::default()
    };
    programs.mark(&source.connection, std::slice::from_ref(&found.item.id), &mark)?;
    if !ask.noted_only {
        let items = found.item.selectable.then(|| vec![found.item.id]);
        programs.acted(source.number, Action::Update)?;
        choosing::begin(&door, &source, items).await?;
    }
    file(&door, &caller, ask.file).await
}

#[derive(Debug)]
struct AddTags {
    tags: Map<String, Value>,
    file: i64,
}

impl FromBody for AddTags {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self { tags: it.need("tags", object), file: it.need("organization_user_file_id", whole) })(
            body, at,
        )
    }
}

async fn add_tags(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<AddTags>) -> Answer {
    if let Some(key) = tags::reserved(&ask.tags) {
        let all = tags::RESERVED.join(", ");
        return Err(Sorry::bad(format!("The tag {key} is reserved, as are {all}. Choose another key.")));
    }
    change_tags(&door, &caller, ask.file, |own| own.extend(tags::kept(&ask.tags))).await
}

#[derive(Debug)]
struct RemoveTags {
    tags: Vec<String>,
    file: i64,
}

impl FromBody for RemoveTags {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            tags: it.need("tags", list(text)),
            file: it.need("organization_user_file_id", whole),
        })(body, at)
    }
}

async fn remove_tags(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<RemoveTags>) -> Answer {
    change_tags(&door, &caller, ask.file, |own| own.retain(|key, _| !ask.tags.contains(key))).await
}

async fn change_tags(
    door: &Arc<Door>,
    caller: &Caller,
    number: i64,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Answer {
    let (found, source) = Desk::open(door, &caller.owner())?.file(number)?;
    caller.about(&source);
    let mut own = found.tags;
    change(&mut own);
    let mark = Mark { tags: Some(Tagging::Edited(own)), ..Mark::default() };
    door.app.programs().mark(&source.connection, &[found.item.id], &mark)?;
    file(door, caller, number).await
}

/// The older way to a file's own contents.
async fn raw_file(State(door): State<Arc<Door>>, caller: Caller, Path(number): Path<String>) -> Answer {
    let number = file_number(&number)?;
    let (found, source) = Desk::open(&door, &caller.owner())?.file(number)?;
    if !found.item.selectable || found.forgotten || source.revoked {
        let words = format!(
            "There are no contents of {} to be had: it is a folder, was deleted, or its account is \
            no longer connected.",
            found.item.name
        );
        return Err(Sorry::new(StatusCode::NOT_FOUND, words));
    }
    let until = door.app.programs().now() + USUAL_LIFE;
    answer(json!({ "presigned_url": urls::raw(&door, &caller.key.id, number, until) }))
}

/// The older way to a file's text.
async fn parsed_file(State(door): State<Arc<Door>>, caller: Caller, Path(number): Path<String>) -> Answer {
    let number = file_number(&number)?;
    let (found, _) = Desk::open(&door, &caller.owner())?.file(number)?;
    if found.state != FileState::Kept {
        let words = format!("There is no text of {} yet. Look at its sync_status.", found.item.name);
        return Err(Sorry::new(StatusCode::NOT_FOUND, words));
    }
    let until = door.app.programs().now() + USUAL_LIFE;
    answer(json!({ "presigned_url": urls::text(&door, &caller.key.id, number, until) }))
}

/// A number in an address; what is none is as unknown as any other.
fn file_number(text: &str) -> Result<i64, Sorry> {
    text.parse().map_err(|_| Sorry::unknown("file", text))
}

#[derive(Debug)]
struct Storage {
    _filters: FileFilters,
}

impl FromBody for Storage {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            it.maybe("enable_cold_storage", flag);
            let days = it.maybe("hot_storage_time_to_live", whole);
            if days.is_some_and(|days| ![1, 3, 7, 14, 30].contains(&days)) {
                let words = "value is not a valid enumeration member; permitted: 1, 3, 7, 14, 30";
                it.fault("hot_storage_time_to_live", words, "type_error.enum");
            }
            Self { _filters: it.maybe("filters", file_filters).unwrap_or_else(FileFilters::everything) }
        })(body, at)
    }
}

/// Nothing is ever cold here, so all is hot already.
async fn hot_storage(State(_): State<Arc<Door>>, _: Caller, Body(_): Body<Storage>) -> Answer {
    answer(true.into())
}

/// Cold storage is for vectors, of which there are none: the parameters are read, and nothing comes of them. Files say
/// so themselves, by `supports_cold_storage`.
async fn cold_storage(State(_): State<Arc<Door>>, _: Caller, Body(_): Body<Storage>) -> Answer {
    answer(true.into())
}

#[cfg(test)]
mod tests {
    use super::super::body::{self, Pagination};
    use super::*;

    fn faults<T: FromBody>(body: Value) -> String {
        let sorry = body::read::<T>(body.to_string().as_bytes()).map(|_| ()).unwrap_err();
        let faults = sorry.detail().as_array().unwrap().clone();
        faults.iter().map(|it| it["loc"][1].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn files_are_asked_for_with_the_documented_defaults() {
        let read = |body: Value| body::read::<ListFiles>(body.to_string().as_bytes()).unwrap();
        let usual = read(json!({}));
        assert_eq!((usual.part.order, usual.part.descending, usual.life), (Order::Changed, false, 3600));
        assert_eq!(usual.part.page, Pagination::default());
        assert!(usual.filters.is_empty() && !usual.raw && !usual.text);
        let tab = read(json!({ "order_by": "id", "order_dir": "desc", "include_raw_file": null,
            "pagination": { "limit": 250 }, "filters": { "root_files_only": true } }));
        assert_eq!((tab.part.order, tab.part.descending, tab.part.page.limit), (Order::Number, true, 250));
        let wrong =
            json!({ "order_by": "size", "include_raw_file": 1, "presigned_url_expiry_time_seconds": 0 });
        assert_eq!(faults::<ListFiles>(wrong), "order_by include_raw_file presigned_url_expiry_time_seconds");
    }

    #[test]
    fn other_requests_about_files_are_read_and_refused() {
        let resync: Resync =
            body::read(br#"{"file_id": 7, "chunk_size": 100, "chunk_overlap": null}"#).unwrap();
        assert_eq!((resync.file, resync.options.len(), resync.noted_only), (7, 1, false));
        assert_eq!(faults::<Resync>(json!({ "chunk_size": -1 })), "chunk_size file_id");
        assert_eq!(faults::<AddTags>(json!({ "tags": [] })), "tags organization_user_file_id");
        assert_eq!(faults::<RemoveTags>(json!({ "tags": {} })), "tags organization_user_file_id");
        assert_eq!(faults::<Storage>(json!({ "hot_storage_time_to_live": 2 })), "hot_storage_time_to_live");
        assert!(file_number("x").is_err() && file_number("7").is_ok());
    }
}
