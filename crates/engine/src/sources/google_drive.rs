//! Files, folders and shared drives (`/drive/v3`).
//!
//! All files come in one flat list, those of a shared drive in one of its own; later the logs of changes are read, the
//! account's and each shared drive's, because either leaves out what the other tells. Where the person chose a folder,
//! it is walked through at every sync: a log does not say what stands where.

mod ask;
mod file;
mod read;

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use self::ask::{Drive, Log, drives, escaped, files, log, one, parents, start};
use self::file::File;
use super::{Fault, Rest, Source};
use crate::error::Error;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct GoogleDrive;

/// Conditions joined in one query; many more are refused as too complex.
const JOINED: usize = 50;
/// Targets of shortcuts looked up at once.
const AT_ONCE: usize = 4;
/// The name of the account's own log among those of the shared drives.
const OWN: &str = "";

/// How far a listing is, and where the logs of changes stand. Without steps it is a position.
#[derive(Serialize, Deserialize, Default)]
struct Place {
    /// What stands in this folder stands at the top.
    top: String,
    logs: BTreeMap<String, String>,
    steps: VecDeque<Step>,
}

/// What is asked next. `drive` is a shared drive, or [`OWN`].
#[derive(Serialize, Deserialize)]
enum Step {
    Drives {
        page: Option<String>,
    },
    Files {
        drive: String,
        page: Option<String>,
    },
    /// The chosen folder, or file.
    Chosen {
        id: String,
    },
    /// What stands in these folders, and in those found there.
    Below {
        drive: String,
        folders: Vec<String>,
        page: Option<String>,
    },
    Log {
        drive: String,
        page: String,
    },
}

/// What a step brought.
#[derive(Default)]
struct Brought {
    items: Vec<Listed>,
    removed: Vec<String>,
}

#[async_trait]
impl Source for GoogleDrive {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let chosen = rest.field("folder");
        let (query, drive) = match parent {
            Some(parent) => (parents(&[&parent.id]), parent.root.as_deref().unwrap_or(OWN)),
            None if chosen.is_empty() => {
                ("('root' in parents or sharedWithMe = true) and trashed = false".to_owned(), OWN)
            }
            None => (parents(&[chosen]), rest.field("drive_id")),
        };
        let mut items = Vec::new();
        if parent.is_none() && cursor.is_none() {
            items = first_of_top(rest, chosen).await?;
        }
        let found = files(rest, &query, drive, cursor).await?;
        for mut listed in with_targets(rest, found.files, "").await? {
            if parent.is_none() {
                listed.item.parent = None;
            }
            items.push(listed);
        }
        Ok(Page { items, next: found.next_page_token })
    }

    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let mut place: Place = match cursor {
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| Fault::Expired)?,
            None => begin(rest).await?,
        };
        if place.steps.is_empty() {
            let log =
                |(drive, page): (&String, &String)| Step::Log { drive: drive.clone(), page: page.clone() };
            place.steps = place.logs.iter().map(log).collect();
        }
        let Some(step) = place.steps.pop_front() else { return Err(Fault::Expired) };
        let brought = match step {
            Step::Drives { page } => place.drives(rest, page).await?,
            Step::Files { drive, page } => place.files(rest, drive, page).await?,
            Step::Chosen { id } => place.chosen(rest, &id).await?,
            Step::Below { drive, folders, page } => place.below(rest, drive, folders, page).await?,
            Step::Log { drive, page } => place.log(rest, drive, page).await?,
        };
        let position =
            || serde_json::to_string(&place).map_err(|error| Fault::Failed(Error::internal(error)));
        let next = match (place.steps.is_empty(), place.logs.is_empty()) {
            (false, _) => Next::More(position()?),
            (true, false) => Next::Done(Some(position()?)),
            (true, true) => Next::Done(None),
        };
        Ok(Changes { items: brought.items, removed: brought.removed, next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        read::read(rest, item).await
    }
}

/// The positions are taken before anything is listed, so that what changes meanwhile is in the logs.
async fn begin(rest: &Rest) -> Result<Place, Fault> {
    let (chosen, mut place) = (rest.field("folder"), Place::default());
    if chosen.is_empty() {
        let root: File = rest.get("/files/root").query("fields", "id").value().await?;
        place.top = root.id;
        place.logs.insert(OWN.to_owned(), start(rest, OWN).await?);
        place.steps = [Step::Drives { page: None }, Step::Files { drive: OWN.to_owned(), page: None }].into();
    } else if chosen == rest.field("drive_id") {
        place.top = chosen.to_owned();
        place.steps = [Step::Files { drive: chosen.to_owned(), page: None }].into();
    } else {
        place.steps = [Step::Chosen { id: chosen.to_owned() }].into();
    }
    Ok(place)
}

impl Place {
    async fn drives(&mut self, rest: &Rest, page: Option<String>) -> Result<Brought, Fault> {
        let found = drives(rest, page.as_deref()).await?;
        for drive in &found.drives {
            self.steps.push_back(Step::Files { drive: drive.id.clone(), page: None });
        }
        if let Some(page) = found.next_page_token {
            self.steps.push_front(Step::Drives { page: Some(page) });
        }
        let items = found.drives.into_iter().map(shared_drive).collect();
        Ok(Brought { items, ..Brought::default() })
    }

    async fn files(&mut self, rest: &Rest, drive: String, page: Option<String>) -> Result<Brought, Fault> {
        if page.is_none() && drive != OWN {
            self.logs.insert(drive.clone(), start(rest, &drive).await?);
        }
        let found = files(rest, "trashed = false", &drive, page.as_deref()).await?;
        if let Some(page) = found.next_page_token {
            self.steps.push_front(Step::Files { drive, page: Some(page) });
        }
        Ok(Brought { items: with_targets(rest, found.files, &self.top).await?, ..Brought::default() })
    }

    async fn chosen(&mut self, rest: &Rest, id: &str) -> Result<Brought, Fault> {
        let file = one(rest, id, None).await?;
        if !file.is_folder() {
            let mut items = with_targets(rest, vec![file], "").await?;
            items.iter_mut().for_each(|listed| listed.item.parent = None);
            return Ok(Brought { items, ..Brought::default() });
        }
        self.top = file.id.clone();
        let drive = file.drive_id.unwrap_or_default();
        self.steps.push_front(Step::Below { drive, folders: vec![file.id], page: None });
        Ok(Brought::default())
    }

    async fn below(
        &mut self,
        rest: &Rest,
        drive: String,
        mut folders: Vec<String>,
        page: Option<String>,
    ) -> Result<Brought, Fault> {
        let now = folders.len().min(JOINED);
        let found = files(rest, &parents(&folders[..now]), &drive, page.as_deref()).await?;
        folders.extend(found.files.iter().filter(|file| file.is_folder()).map(|file| file.id.clone()));
        if found.next_page_token.is_none() {
            folders.drain(..now);
        }
        if !folders.is_empty() {
            self.steps.push_front(Step::Below { drive, folders, page: found.next_page_token });
        }
        Ok(Brought { items: with_targets(rest, found.files, &self.top).await?, ..Brought::default() })
    }

    async fn log(&mut self, rest: &Rest, drive: String, page: String) -> Result<Brought, Fault> {
        let log: Log = match log(rest, &drive, &page).await {
            // The account is no member any more; its own log may say so later.
            Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) && drive != OWN => {
                self.logs.remove(&drive);
                return Ok(Brought { removed: vec![drive], ..Brought::default() });
            }
            Err(Fault::Status(reply)) if matches!(reply.status, 400 | 404 | 410) => {
                return Err(Fault::Expired);
            }
            other => other?,
        };
        match (log.next_page_token, log.new_start_page_token) {
            (Some(page), _) => self.steps.push_front(Step::Log { drive: drive.clone(), page }),
            (None, Some(start)) => _ = self.logs.insert(drive.clone(), start),
            (None, None) => {}
        }
        let (mut brought, mut changed) = (Brought::default(), Vec::new());
        for change in log.changes {
            match (change.file_id, change.file, change.drive_id) {
                (Some(_), Some(file), _) if file.trashed != Some(true) => changed.push(file),
                (Some(id), _, _) => brought.removed.push(id),
                (None, _, Some(id)) if id != self.top => {
                    self.membership(id, change.drive, change.removed, &mut brought)
                }
                _ => {}
            }
        }
        self.look_into(&drive, &changed);
        let contents = changed.iter().filter(|file| !file.is_folder() && file.shortcut.is_none());
        let targets: Vec<_> = contents.map(|file| &file.id).chain(&brought.removed).cloned().collect();
        // Shortcuts to a shared drive's files stand there or among the account's own.
        changed.extend(shortcuts_to(rest, &drive, &targets).await?);
        if drive != OWN && drive != self.top {
            changed.extend(shortcuts_to(rest, OWN, &targets).await?);
        }
        brought.items.extend(with_targets(rest, changed, &self.top).await?);
        Ok(brought)
    }

    /// A shared drive itself was renamed, joined or left.
    fn membership(&mut self, id: String, drive: Option<Drive>, removed: bool, brought: &mut Brought) {
        if removed {
            self.logs.remove(&id);
            self.steps.retain(
                |step| !matches!(step, Step::Log { drive, .. } | Step::Files { drive, .. } if *drive == id),
            );
            brought.removed.push(id);
            return;
        }
        if !self.logs.contains_key(&id) {
            self.steps.push_back(Step::Files { drive: id.clone(), page: None });
        }
        brought.items.push(shared_drive(drive.unwrap_or(Drive { id, name: None })));
    }

    /// A folder that came back from the bin, or was moved or shared, may bring along what no change names.
    fn look_into(&mut self, drive: &str, changed: &[File]) {
        let folders: Vec<_> =
            changed.iter().filter(|file| file.is_folder()).map(|file| file.id.clone()).collect();
        if !folders.is_empty() {
            self.steps.push_back(Step::Below { drive: drive.to_owned(), folders, page: None });
        }
    }
}

/// What stands at the top besides the files of the first page.
async fn first_of_top(rest: &Rest, chosen: &str) -> Result<Vec<Listed>, Fault> {
    if !chosen.is_empty() {
        let file = one(rest, chosen, None).await?;
        return if file.is_folder() { Ok(Vec::new()) } else { with_targets(rest, vec![file], "").await };
    }
    let (mut items, mut page) = (Vec::new(), None);
    loop {
        let found = drives(rest, page.as_deref()).await?;
        items.extend(found.drives.into_iter().map(shared_drive));
        page = found.next_page_token;
        if page.is_none() {
            return Ok(items);
        }
    }
}

/// Shortcuts are as new as what they lead to, which no change of theirs says.
async fn shortcuts_to(rest: &Rest, drive: &str, targets: &[String]) -> Result<Vec<File>, Fault> {
    let mut found = Vec::new();
    for some in targets.chunks(JOINED) {
        let conditions: Vec<_> =
            some.iter().map(|id| format!("shortcutDetails.targetId = '{}'", escaped(id))).collect();
        let query = format!("({}) and trashed = false", conditions.join(" or "));
        found.extend(files(rest, &query, drive, None).await?.files);
    }
    Ok(found)
}

/// The files as items; a shortcut has the contents of what it leads to, one step far.
async fn with_targets(rest: &Rest, files: Vec<File>, top: &str) -> Result<Vec<Listed>, Fault> {
    let item = |file: File| async move {
        let Some(shortcut) = file.shortcut.as_ref().filter(|it| it.leads_to_contents()) else {
            return Ok(file.item(top).into());
        };
        let target = match one(rest, &shortcut.target_id, shortcut.target_resource_key.as_deref()).await {
            Ok(target) if target.trashed != Some(true) => Some(target),
            Ok(_) => None,
            Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) => None,
            Err(fault) => return Err(fault),
        };
        Ok(file.leading_to(target, top).into())
    };
    stream::iter(files).map(item).buffered(AT_ONCE).try_collect().await
}

fn shared_drive(drive: Drive) -> Listed {
    let name = drive.name.unwrap_or_default();
    let url = Some(format!("https://drive.google.com/drive/folders/{}", drive.id));
    Item { root: Some(drive.id.clone()), url, ..Item::container(drive.id, name, Kind::Drive) }.into()
}
