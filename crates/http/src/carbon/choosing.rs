//! Files are chosen: what a program says of them, and what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tieline_engine::program::{Action, DataSource};
use tieline_engine::wire::SyncState;
use tieline_engine::{Content, Contents, FileState, Mark, SyncOptions, Tagging};

use super::body::{Fields, count, flag, object, one_of, positive, text};
use super::connection_options::file_sync_config;
use super::lists::{self, Selection, What};
use super::objects::{EMBEDDING_MODELS, sync_state};
use super::{Sorry, call, limits, links, tags};
use crate::Door;

/// What a program says of the files it chooses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Choice {
    /// Put on the files in place of the tags they have; none leaves those.
    pub tags: Option<Map<String, Value>>,
    pub request_id: Option<String>,
    /// Those that were given, by the names they have in [`SyncOptions`].
    pub options: Map<String, Value>,
    /// Only what is new or changed is read; else also what was read already.
    pub incremental: bool,
    /// Files are noted, and nothing is fetched.
    pub noted_only: bool,
}

impl Choice {
    /// Reads the fields that all requests share which choose files.
    pub fn read(it: &mut Fields<'_>) -> Self {
        let given = it.maybe("tags", object).filter(|tags| !tags.is_empty());
        if let Some(key) = given.as_ref().and_then(tags::reserved) {
            it.fault("tags", &format!("the key {key} is reserved"), "value_error");
        }
        let options = file_options(it);
        Self {
            tags: given.as_ref().map(tags::kept),
            request_id: it.maybe("request_id", text).filter(|id| !id.is_empty()),
            noted_only: options.get("file_sync_config").is_some_and(|it| it["skip_file_processing"] == true),
            options,
            incremental: it.maybe("incremental_sync", flag).unwrap_or_default(),
        }
    }

    /// What is written on the files of a data source, which are picked with it or only noted.
    pub fn mark(&self, source: &DataSource, pick: bool) -> Mark {
        Mark {
            pick: pick.then_some(true),
            tags: tagging(self.tags.as_ref(), source),
            request_id: Some(self.request(source)),
            // Whatever was written on the file by an earlier choice no longer holds.
            options: Some(self.options.clone().into()),
        }
    }

    /// The request that files are found by: the one that was named, else the one of the sign-in, else a new one.
    pub fn request(&self, source: &DataSource) -> String {
        let named = self.request_id.clone().or_else(|| source.options.request_id.clone());
        named.or_else(|| links::random().ok()).unwrap_or_default()
    }
}

/// The tags that files are chosen with, else those that the sign-in was asked for with.
pub(super) fn tagging(chosen: Option<&Map<String, Value>>, source: &DataSource) -> Option<Tagging> {
    let usual = || source.options.tags.as_object().filter(|tags| !tags.is_empty());
    match chosen {
        Some(tags) => Some(Tagging::Chosen(tags.clone())),
        None => usual().map(|tags| Tagging::Connected(tags::kept(tags))),
    }
}

/// Reads the options of files. Only what is given stands in the answer, and null counts as not given.
pub(super) fn file_options(it: &mut Fields<'_>) -> Map<String, Value> {
    let mut options = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(name.to_owned(), value);
        }
    };
    for name in ["chunk_size", "chunk_overlap"] {
        put(name, it.maybe(name, count(0)).map(Value::from));
    }
    for name in [
        "skip_embedding_generation",
        "generate_sparse_vectors",
        "prepend_filename_to_chunks",
        "set_page_as_boundary",
        "use_ocr",
        "parse_pdf_tables_with_ocr",
    ] {
        put(name, it.maybe(name, flag).map(Value::from));
    }
    put("embedding_model", it.maybe("embedding_model", one_of(EMBEDDING_MODELS)).map(Value::from));
    put("max_items_per_chunk", it.maybe("max_items_per_chunk", positive).map(Value::from));
    // An object without fields is what clients send who have nothing to say.
    if it.maybe("file_sync_config", object).is_some_and(|given| !given.is_empty()) {
        let config = it.maybe("file_sync_config", file_sync_config);
        put("file_sync_config", config.and_then(|config| serde_json::to_value(config).ok()));
    }
    options
}

/// The options that hold for a file: its own over those of its connection.
pub(super) fn options_of(source: &DataSource, own: Option<&Value>) -> SyncOptions {
    let Some(Value::Object(own)) = own else { return source.options.clone() };
    let Ok(Value::Object(mut all)) = serde_json::to_value(&source.options) else {
        return source.options.clone();
    };
    all.extend(own.clone());
    serde_json::from_value(all.into()).unwrap_or_else(|_| source.options.clone())
}

/// Where it stands among a file's options why it was read and not kept.
const REFUSED: &str = "refused";

/// Writes down why a file is not kept, beside its options.
pub(super) fn refused(options: Option<&Value>, why: &str) -> Value {
    let mut all = accepted(options);
    all.insert(REFUSED.into(), why.into());
    all.into()
}

/// A file's own options without that.
pub(super) fn accepted(options: Option<&Value>) -> Map<String, Value> {
    let mut all = options.and_then(Value::as_object).cloned().unwrap_or_default();
    all.remove(REFUSED);
    all
}

/// Why a file was read and not kept.
pub(super) fn refusal(file: &Content) -> Option<&str> {
    file.options.as_ref()?.get(REFUSED)?.as_str()
}

/// Why there is no text of a file.
pub(super) fn failure(file: &Content) -> Option<&str> {
    refusal(file).or(file.failure.as_deref())
}

/// What is known of these items, and which ids nobody knows.
pub(super) struct Known {
    pub items: Vec<Content>,
    pub unknown: Vec<String>,
}

pub(super) fn known(door: &Door, source: &DataSource, ids: &[String]) -> Result<Known, Sorry> {
    let ask = Contents {
        connections: vec![source.connection.clone()],
        ids: Some(ids.to_vec()),
        limit: u32::MAX,
        ..Contents::default()
    };
    let (items, _) = door.app.programs().contents(&ask)?;
    let unknown = ids.iter().filter(|id| items.iter().all(|it| it.item.id != **id)).cloned().collect();
    Ok(Known { items, unknown })
}

/// Chooses items of a data source and begins to read them. What is not listed yet is read when a listing brings it.
///
/// # Errors
/// 404 for the first id that a complete listing does not hold; 403 where the customer's limits are exceeded; whatever
/// keeps a sync from beginning.
pub(super) async fn choose(
    door: &Arc<Door>,
    source: &DataSource,
    ids: &[String],
    choice: &Choice,
) -> Result<(), Sorry> {
    if ids.is_empty() {
        return Ok(());
    }
    let programs = door.app.programs();
    let state: SyncState = sync_state(door, &source.connection)
        .await?
        .ok_or_else(|| Sorry::unknown("connection of data source", source.number))?;
    let Known { items, unknown } = known(door, source, ids)?;
    if let Some(id) = unknown.first().filter(|_| state.complete || choice.noted_only) {
        return Err(Sorry::unknown("item with the id", id));
    }
    limits::check(door, source, &items, unknown.len())?;
    if choice.noted_only {
        let all = with_all_below(door, source, &items, false)?;
        return Ok(programs.mark(&source.connection, &all, &choice.mark(source, false))?);
    }
    let listed: Vec<String> = items.iter().map(|it| it.item.id.clone()).collect();
    let mark = choice.mark(source, true);
    programs.mark(&source.connection, &listed, &mark)?;
    if items.iter().any(|it| it.item.expandable) {
        // What was read of a folder before is chosen with it again.
        let known = with_all_below(door, source, &items, true)?;
        programs.mark(&source.connection, &known, &Mark { pick: None, options: None, ..mark })?;
    }
    if !unknown.is_empty() {
        return lists::keep(door, source, Selection::new(What::Ids(unknown), choice, source)).await;
    }
    programs.acted(source.number, Action::Update)?;
    let needs_listing = items.iter().any(|it| it.item.expandable && !it.item.selectable);
    let reads = items.iter().filter(|it| it.item.selectable).map(|it| it.item.id.clone()).collect();
    begin(door, source, (!needs_listing && !choice.incremental).then_some(reads)).await
}

/// What was asked for while a sync was under way, by connection: it may have been too late for that one.
static LATER: Mutex<BTreeMap<String, Later>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Default)]
struct Later {
    /// To be read, changed or not.
    items: BTreeSet<String>,
    /// Whatever is chosen and new.
    all: bool,
}

fn later<T>(work: impl FnOnce(&mut BTreeMap<String, Later>) -> T) -> T {
    work(&mut LATER.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Begins a sync that reads these, or lists first and reads whatever is chosen and new.
pub(super) async fn begin(
    door: &Arc<Door>,
    source: &DataSource,
    items: Option<Vec<String>>,
) -> Result<(), Sorry> {
    let running = sync_state(door, &source.connection).await?.is_some_and(|state| state.running);
    if running {
        later(|all| {
            let later = all.entry(source.connection.clone()).or_default();
            match &items {
                Some(items) => later.items.extend(items.iter().cloned()),
                None => later.all = true,
            }
        });
    }
    let mut ask = json!({ "connection": source.connection });
    if let Some(items) = items {
        ask["items"] = items.into();
    }
    let _begun: SyncState = call(door, "start_sync", ask).await?;
    Ok(())
}

/// Begins anew what a sync that has just ended was asked for too late.
pub(super) async fn begin_again(door: &Arc<Door>, source: &DataSource) -> Result<(), Sorry> {
    let Some(missed) = later(|all| all.remove(&source.connection)) else { return Ok(()) };
    let now = door.app.programs().data_source(source.number)?;
    if now.is_none_or(|now| now.revoked || now.action == Action::Cancel) {
        return Ok(());
    }
    let items: Vec<String> = missed.items.into_iter().collect();
    let waits = |it: &Content| it.state == FileState::Waiting;
    let waiting: Vec<String> =
        known(door, source, &items)?.items.into_iter().filter(waits).map(|it| it.item.id).collect();
    match (missed.all, waiting.is_empty()) {
        (true, _) => begin(door, source, None).await,
        (false, false) => begin(door, source, Some(waiting)).await,
        (false, true) => Ok(()),
    }
}

/// These items and everything in them that has contents, or only what of that was ever chosen.
fn with_all_below(
    door: &Arc<Door>,
    source: &DataSource,
    items: &[Content],
    files_only: bool,
) -> Result<Vec<String>, Sorry> {
    let ask = Contents {
        connections: vec![source.connection.clone()],
        numbers: Some(items.iter().map(|it| it.number).collect()),
        below: true,
        files_only,
        limit: u32::MAX,
        ..Contents::default()
    };
    let (all, _) = door.app.programs().contents(&ask)?;
    Ok(all.into_iter().filter(|it| it.item.selectable).map(|it| it.item.id).collect())
}

#[cfg(test)]
mod tests {
    use super::super::body::{self, At, FromBody, fields};
    use super::super::filters::tests::source;
    use super::*;

    impl FromBody for Choice {
        fn read(body: &Value, at: &mut At) -> Option<Self> {
            fields(Self::read)(body, at)
        }
    }

    fn choice(body: Value) -> Choice {
        body::read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn only_what_is_given_is_written_on_a_file() {
        let nothing =
            choice(json!({ "tags": {}, "chunk_size": null, "file_sync_config": {}, "request_id": null }));
        assert_eq!(nothing, Choice::default());
        let mut source = source(1, "BOX");
        assert!(nothing.mark(&source, true).request_id.is_some_and(|id| !id.is_empty()));
        assert_eq!(nothing.mark(&source, true).options.unwrap(), json!({}));
        source.options.request_id = Some("sign-in".into());
        assert_eq!(nothing.mark(&source, true).request_id.as_deref(), Some("sign-in"));
        let some = choice(
            json!({ "tags": { "n": 4 }, "chunk_size": 100, "request_id": "r", "incremental_sync": true,
            "file_sync_config": { "skip_file_processing": true } }),
        );
        assert_eq!((some.incremental, some.noted_only), (true, true));
        let mark = some.mark(&source, false);
        assert_eq!((mark.pick, mark.request_id.as_deref()), (None, Some("r")));
        let own = json!({ "n": "4" }).as_object().cloned().unwrap();
        assert_eq!(mark.tags, Some(Tagging::Chosen(own)));
        source.options.tags = json!({ "year": 2026 });
        let usual = json!({ "year": "2026" }).as_object().cloned().unwrap();
        assert_eq!(nothing.mark(&source, true).tags, Some(Tagging::Connected(usual)));
        assert_eq!(mark.options.unwrap()["chunk_size"], 100);
    }

    #[test]
    fn a_wrong_option_is_said_where_it_stands() {
        let wrong = json!({ "tags": { "user_id": 1 }, "embedding_model": "X", "max_items_per_chunk": 0,
            "file_sync_config": { "transcription_service": "Deepgram" } });
        let sorry = body::read::<Choice>(wrong.to_string().as_bytes()).unwrap_err();
        let places: Vec<String> =
            sorry.detail().as_array().unwrap().iter().map(|it| it["loc"].to_string()).collect();
        let expected = [
            r#"["body","tags"]"#,
            r#"["body","embedding_model"]"#,
            r#"["body","max_items_per_chunk"]"#,
            r#"["body","file_sync_config","transcription_service"]"#,
        ];
        assert_eq!(places, expected);
    }
}
