//! What organizations are told of files, and what else follows when a sync has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tieline_engine::program::DataSource;
use tieline_engine::{Content, FileState, Order};
use tokio::sync::Mutex;

use super::files::every_file;
use super::webhooks::{About, tell};
use super::{Sorry, choosing, limits, lists, schedule};
use crate::Door;

/// Up to where each connection's files were told of.
const KIND: &str = "carbon.told";
/// Files looked at together.
const PAGE: u32 = 500;
/// Files told of between two pauses.
const AT_ONCE: usize = 200;
const PAUSE: Duration = Duration::from_secs(1);

/// Tells that something happened to a file.
pub(super) fn file(door: &Arc<Door>, source: &DataSource, file: &Content, what: &str) {
    let mut more = request(file.request_id.as_deref());
    more.insert("external_file_id".into(), file.item.id.clone().into());
    if let Some(failure) = &file.failure {
        more.insert("sync_error_message".into(), failure.clone().into());
    }
    let owner = &source.owner;
    tell(door, owner.organization, &owner.customer, what, &About::File(file.number), Some(&more));
}

/// Tells that something happened to several files at once.
pub(super) fn files(door: &Arc<Door>, source: &DataSource, files: &[Content], what: &str) {
    if !files.is_empty() {
        let about = About::Files(files.iter().map(|file| file.number).collect());
        tell(door, source.owner.organization, &source.owner.customer, what, &about, None);
    }
}

/// Tells that something happened to a data source, beside what its connection tells.
pub(super) fn data_source(door: &Arc<Door>, source: &DataSource, what: &str) {
    let about = About::DataSource(source.number);
    let more = request(source.options.request_id.as_deref());
    tell(door, source.owner.organization, &source.owner.customer, what, &about, Some(&more));
}

fn request(id: Option<&str>) -> Map<String, Value> {
    id.map(|id| ("request_id".to_owned(), id.into())).into_iter().collect()
}

/// What follows when something about a connection's contents changed and no sync is under way: limits that only the texts
/// show are kept to, the files that are ready or failed are told of, and what was asked for too late is begun anew. When
/// a sync has `ended`, what filters let through meanwhile is chosen.
///
/// Returns at once: it may take a while, and whoever watches the syncs must not miss the next.
pub(super) fn follow(door: &Arc<Door>, source: DataSource, ended: bool) {
    let door = Arc::clone(door);
    tokio::spawn(async move {
        if let Err(sorry) = followed(&door, &source, ended).await {
            tracing::warn!(connection = source.connection, detail = %sorry.detail(), "after a sync");
        }
    });
}

/// Two syncs may end one shortly after the other, and no file is told of twice. Between processes the record decides.
static TELLING: Mutex<()> = Mutex::const_new(());

async fn followed(door: &Arc<Door>, source: &DataSource, ended: bool) -> Result<(), Sorry> {
    let programs = door.app.programs();
    let organization = source.owner.organization;
    let (fresh, refused) = {
        let _alone = TELLING.lock().await;
        let record = programs.record(organization, KIND, &source.connection)?;
        if record.is_none() {
            schedule::apply(door, source).await?;
        }
        let mark = Mark::of(record.as_ref().map(|record| &record.body));
        let mut fresh = fresh(door, source, &mark)?;
        if record.is_none() || !fresh.is_empty() {
            let (before, after) = (record.as_ref().map(|record| &record.body), mark.after(&fresh));
            if !programs.swap_record(organization, KIND, &source.connection, before, &after)? {
                fresh.clear();
            }
        }
        let refused = limits::enforce(door, source, &fresh)?;
        (fresh, refused)
    };
    for some in fresh.chunks(AT_ONCE) {
        for it in some {
            let is_kept = it.state == FileState::Kept && !refused.contains(&it.number);
            file(door, source, it, if is_kept { "FILE_READY" } else { "FILE_ERROR" });
        }
        if fresh.len() > AT_ONCE {
            // A first sync brings thousands, and what waits to be delivered has a limit.
            tokio::time::sleep(PAUSE).await;
        }
    }
    let requests: BTreeSet<Option<&str>> = fresh.iter().map(|it| it.request_id.as_deref()).collect();
    for id in requests {
        let (owner, about) = (&source.owner, About::DataSource(source.number));
        tell(door, organization, &owner.customer, "ALL_FILES_PROCESSED", &about, Some(&request(id)));
    }
    choosing::begin_again(door, source).await?;
    lists::look_again(door, source, ended || !fresh.is_empty()).await
}

/// Files that were read, or could not be, since they were last told of; the oldest first.
fn fresh(door: &Door, source: &DataSource, mark: &Mark) -> Result<Vec<Content>, Sorry> {
    let mut found = Vec::new();
    for page in 0.. {
        let mut ask = every_file(std::slice::from_ref(source));
        ask.states = Some(vec![FileState::Kept, FileState::Failed]);
        (ask.order, ask.descending, ask.offset, ask.limit) = (Order::Changed, true, page * PAGE, PAGE);
        let (files, _) = door.app.programs().contents(&ask)?;
        let is_last = files.len() < PAGE as usize || files.iter().any(|file| file.changed_at < mark.at);
        found.extend(files.into_iter().filter(|file| mark.is_new(file)));
        if is_last {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// The second up to which files were told of, and those that were within it.
#[derive(Debug, Default, PartialEq)]
struct Mark {
    at: i64,
    within: Vec<i64>,
}

impl Mark {
    fn of(body: Option<&Value>) -> Self {
        let Some(body) = body else { return Self::default() };
        let within = body["within"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        Self { at: body["at"].as_i64().unwrap_or_default(), within }
    }

    fn is_new(&self, file: &Content) -> bool {
        file.changed_at > self.at || file.changed_at == self.at && !self.within.contains(&file.number)
    }

    fn after(&self, fresh: &[Content]) -> Value {
        let at = fresh.iter().map(|file| file.changed_at).max().unwrap_or(self.at);
        let mut within: Vec<i64> =
            fresh.iter().filter(|file| file.changed_at == at).map(|file| file.number).collect();
        if at == self.at {
            within.extend(&self.within);
        }
        json!({ "at": at, "within": within })
    }
}

#[cfg(test)]
mod tests {
    use tieline_engine::item::Item;

    use super::*;

    #[test]
    fn a_file_is_told_of_once_for_each_time_it_was_read() {
        let file = |number: i64, changed_at: i64| Content {
            number,
            connection: String::new(),
            item: Item::default(),
            state: FileState::Kept,
            kept_at: Some(changed_at),
            kept_bytes: 0,
            failure: None,
            made_at: 0,
            changed_at,
            tags: Map::new(),
            request_id: None,
            options: None,
            parent_number: None,
            picked: false,
            forgotten: false,
        };
        let first = Mark::default();
        assert!(first.is_new(&file(1, 10)));
        let second = Mark::of(Some(&first.after(&[file(1, 10), file(2, 11)])));
        assert_eq!(second, Mark { at: 11, within: vec![2] });
        assert!(!second.is_new(&file(1, 10)) && !second.is_new(&file(2, 11)));
        assert!(second.is_new(&file(3, 11)) && second.is_new(&file(1, 12)));
        let third = Mark::of(Some(&second.after(&[file(3, 11)])));
        assert_eq!(third, Mark { at: 11, within: vec![3, 2] });
        assert_eq!(Mark::of(Some(&third.after(&[]))).at, 11);
    }
}
