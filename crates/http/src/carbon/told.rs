//! What organizations are told of files, and what else follows when a sync has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tieline_engine::program::DataSource;
use tieline_engine::wire::SyncState;
use tieline_engine::{Content, Contents, FileState};
use tokio::sync::Mutex;

use super::choosing::refusal;
use super::files::every_file;
use super::objects::sync_state;
use super::webhooks::{About, tell};
use super::{Sorry, choosing, limits, lists, schedule};
use crate::Door;

/// Up to where each connection's files were told of.
const KIND: &str = "carbon.told";
/// Files told of between two pauses, or in one list.
const AT_ONCE: usize = 200;
const PAUSE: Duration = Duration::from_secs(1);
/// After so many seconds nothing is written that is said to have happened before.
const OVER: i64 = 60;

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

/// Tells that something happened to several files at once, for each request that chose them.
fn files(door: &Arc<Door>, source: &DataSource, files: &[Content], what: &str) {
    let mut of_requests: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
    for file in files {
        of_requests.entry(file.request_id.as_deref()).or_default().push(file.number);
    }
    for (id, numbers) in of_requests {
        let more = request(id);
        for some in numbers.chunks(AT_ONCE) {
            let (owner, about) = (&source.owner, About::Files(some.to_vec()));
            tell(
                door,
                owner.organization,
                &owner.customer,
                what,
                &about,
                Some(&more).filter(|it| !it.is_empty()),
            );
        }
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
/// show are kept to, the files that were chosen, are ready or failed are told of, and what was asked for too late is begun
/// anew. When
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

/// As [`follow`], while a sync is under way: files that were chosen are told of before they are read.
pub(super) fn follow_queue(door: &Arc<Door>, source: DataSource) {
    let door = Arc::clone(door);
    tokio::spawn(async move {
        if let Err(sorry) = news(&door, &source, Look::Queued).await {
            tracing::warn!(connection = source.connection, detail = %sorry.detail(), "in a sync");
        }
    });
}

/// Two syncs may end one shortly after the other, and no file is told of twice. Between processes the record decides.
static TELLING: Mutex<()> = Mutex::const_new(());

/// Files that something happened to since they were last told of.
#[derive(Default)]
struct News {
    read: Vec<Content>,
    refused: Vec<i64>,
    /// Waiting for a sync that failed.
    stuck: Vec<Content>,
}

async fn followed(door: &Arc<Door>, source: &DataSource, ended: bool) -> Result<(), Sorry> {
    let sync = if source.revoked { None } else { sync_state(door, &source.connection).await? };
    let News { read, refused, stuck } = news(door, source, Look::Over(sync.as_ref())).await?;
    for some in read.chunks(AT_ONCE) {
        for it in some {
            let is_kept = it.state == FileState::Kept && !refused.contains(&it.number);
            file(door, source, it, if is_kept { "FILE_READY" } else { "FILE_ERROR" });
        }
        if read.len() > AT_ONCE {
            // A first sync brings thousands, and what waits to be delivered has a limit.
            tokio::time::sleep(PAUSE).await;
        }
    }
    for some in stuck.chunks(AT_ONCE) {
        for it in some {
            let failure = sync.as_ref().and_then(|sync| sync.failure.as_ref()).map(|it| it.message.clone());
            file(door, source, &Content { failure, ..it.clone() }, "FILE_ERROR");
        }
        if stuck.len() > AT_ONCE {
            tokio::time::sleep(PAUSE).await;
        }
    }
    let requests: BTreeSet<Option<&str>> = read.iter().map(|it| it.request_id.as_deref()).collect();
    for id in requests {
        let (owner, about) = (&source.owner, About::DataSource(source.number));
        tell(door, owner.organization, &owner.customer, "ALL_FILES_PROCESSED", &about, Some(&request(id)));
    }
    choosing::begin_again(door, source).await?;
    lists::look_again(door, source, ended || !read.is_empty()).await
}

enum Look<'s> {
    /// A sync has put into the queue what it reads.
    Queued,
    /// It is over, or there was none; how it stands, which is nothing where its connection is gone.
    Over(Option<&'s SyncState>),
}

/// Tells of files that were chosen since they were last told of, and answers what else is to be told.
async fn news(door: &Arc<Door>, source: &DataSource, look: Look<'_>) -> Result<News, Sorry> {
    let programs = door.app.programs();
    let organization = source.owner.organization;
    let _alone = TELLING.lock().await;
    let record = programs.record(organization, KIND, &source.connection)?;
    if record.is_none() {
        schedule::apply(door, source).await?;
    }
    let before = record.as_ref().map(|record| &record.body);
    let mut told = Told::of(before);
    let chosen = fresh(door, source, &mut told.chosen, Happened::Chosen)?;
    let mut news = News::default();
    if let Look::Over(_) = look {
        news.read = fresh(door, source, &mut told.read, Happened::Read)?;
    }
    if let Look::Over(Some(sync)) = look
        && !sync.running
    {
        let waiting = if sync.failure.is_some() { waiting(door, source)? } else { Vec::new() };
        let now = waiting.iter().map(|file| file.number).collect();
        let known = std::mem::replace(&mut told.stuck, now);
        news.stuck = waiting.into_iter().filter(|file| !known.contains(&file.number)).collect();
    }
    told.read.settle(programs.now());
    told.chosen.settle(programs.now());
    let after = told.kept();
    if before != Some(&after)
        && !programs.swap_record(organization, KIND, &source.connection, before, &after)?
    {
        // Another process tells it.
        return Ok(News::default());
    }
    files(door, source, &chosen, "FILES_CREATED");
    news.refused = limits::enforce(door, source, &news.read)?;
    Ok(news)
}

/// What a file is told of for.
#[derive(Debug, Clone, Copy)]
enum Happened {
    Chosen,
    /// Or it could not be.
    Read,
}

impl Happened {
    fn at(self, file: &Content) -> i64 {
        match self {
            Self::Chosen => file.made_at,
            Self::Read => file.read_at.unwrap_or_default(),
        }
    }
}

/// Files that this happened to since they were last told of, the oldest first; from now on they are told of.
fn fresh(door: &Door, source: &DataSource, mark: &mut Mark, what: Happened) -> Result<Vec<Content>, Sorry> {
    let mut ask = every_file(std::slice::from_ref(source));
    match what {
        Happened::Chosen => ask.chosen_since = Some(mark.at),
        Happened::Read => {
            ask.states = Some(vec![FileState::Kept, FileState::Failed]);
            ask.read_since = Some(mark.at);
        }
    }
    let (mut files, _) = door.app.programs().contents(&ask)?;
    files.retain(|file| mark.is_new(file, what) && !file.forgotten);
    files.sort_by_key(|file| (what.at(file), file.number));
    mark.pass(&files, what);
    Ok(files)
}

/// Files that wait to be read.
fn waiting(door: &Door, source: &DataSource) -> Result<Vec<Content>, Sorry> {
    let ask = Contents {
        states: Some(vec![FileState::Waiting, FileState::No]),
        ..every_file(std::slice::from_ref(source))
    };
    let (mut files, _) = door.app.programs().contents(&ask)?;
    files.retain(|file| {
        file.state == FileState::Waiting || file.picked && file.item.selectable && refusal(file).is_none()
    });
    Ok(files)
}

/// What was told of a connection's files.
#[derive(Debug, Default, PartialEq)]
struct Told {
    read: Mark,
    chosen: Mark,
    /// Files whose sync failed.
    stuck: BTreeSet<i64>,
}

impl Told {
    fn of(body: Option<&Value>) -> Self {
        let Some(body) = body else { return Self::default() };
        let read = Mark::of(body);
        // Where only reading was told of, what was chosen until then is no news.
        let chosen = match &body["chosen"] {
            Value::Null => Mark { at: read.at + 1, within: BTreeSet::new() },
            mark => Mark::of(mark),
        };
        Self { read, chosen, stuck: numbers(&body["stuck"]) }
    }

    fn kept(&self) -> Value {
        let mut body = self.read.kept();
        body["chosen"] = self.chosen.kept();
        body["stuck"] = json!(self.stuck);
        body
    }
}

/// The second up to which files were told of, and those that were within it.
#[derive(Debug, Default, PartialEq)]
struct Mark {
    at: i64,
    within: BTreeSet<i64>,
}

impl Mark {
    fn of(body: &Value) -> Self {
        Self { at: body["at"].as_i64().unwrap_or_default(), within: numbers(&body["within"]) }
    }

    fn kept(&self) -> Value {
        json!({ "at": self.at, "within": self.within })
    }

    fn is_new(&self, file: &Content, what: Happened) -> bool {
        let at = what.at(file);
        at > self.at || at == self.at && !self.within.contains(&file.number)
    }

    /// Nothing more happens within a second that is long over: the thousands of a first sync need not be listed.
    fn settle(&mut self, now: i64) {
        if now > self.at + OVER && !self.within.is_empty() {
            (self.at, self.within) = (self.at + 1, BTreeSet::new());
        }
    }

    /// `files` are the new ones.
    fn pass(&mut self, files: &[Content], what: Happened) {
        let Some(at) = files.iter().map(|file| what.at(file)).max() else { return };
        if at > self.at {
            (self.at, self.within) = (at, BTreeSet::new());
        }
        self.within.extend(files.iter().filter(|file| what.at(file) == at).map(|file| file.number));
    }
}

fn numbers(list: &Value) -> BTreeSet<i64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
}

#[cfg(test)]
mod tests {
    use tieline_engine::item::Item;

    use super::*;

    #[test]
    fn a_file_is_told_of_once_for_each_time_it_was_read() {
        let file = |number: i64, read_at: i64| Content {
            number,
            connection: String::new(),
            item: Item::default(),
            state: FileState::Kept,
            kept_at: Some(read_at),
            kept_bytes: 0,
            failure: None,
            made_at: 0,
            changed_at: read_at + 5,
            read_at: Some(read_at),
            tags: Map::new(),
            request_id: None,
            options: None,
            parent_number: None,
            picked: false,
            forgotten: false,
        };
        let mut told = Told::default();
        let new = |told: &Told, file: &Content| told.read.is_new(file, Happened::Read);
        assert!(new(&told, &file(1, 10)));
        told.read.pass(&[file(1, 10), file(2, 11)], Happened::Read);
        assert_eq!(told.read, Mark { at: 11, within: [2].into() });
        assert!(!new(&told, &file(1, 10)) && !new(&told, &file(2, 11)), "whatever changed since");
        assert!(new(&told, &file(3, 11)) && new(&told, &file(1, 12)));
        told.read.pass(&[file(3, 11)], Happened::Read);
        assert_eq!(told.read, Mark { at: 11, within: [2, 3].into() });
        told.read.pass(&[], Happened::Read);
        told.read.settle(60);
        assert!(!new(&told, &file(3, 11)));
        told.read.settle(80);
        assert_eq!(told.read, Mark { at: 12, within: BTreeSet::new() });
        assert!(!new(&told, &file(3, 11)) && new(&told, &file(3, 12)));
        told.stuck.insert(7);
        assert_eq!(Told::of(Some(&told.kept())), told);
        let older = Told::of(Some(&json!({ "at": 11, "within": [2] })));
        let chosen = |made_at: i64| Content { made_at, ..file(9, 12) };
        assert!(!older.chosen.is_new(&chosen(11), Happened::Chosen));
        assert!(older.chosen.is_new(&chosen(12), Happened::Chosen));
    }
}
