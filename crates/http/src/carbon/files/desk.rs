//! Files of a customer, with what is known of the accounts they come from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tieline_engine::clock::{Seconds, rfc3339};
use tieline_engine::program::{Customer, DataSource, Owner};
use tieline_engine::wire::{Phase, SyncState};
use tieline_engine::{Content, Contents, FileState, Order};

use super::super::body::Pagination;
use super::super::filters::FileFilters;
use super::super::objects::{instant, sync_state};
use super::super::{Sorry, choosing, kinds, tags};
use super::urls::Wanted;
use crate::Door;

/// Levels of folders that a file's options are looked for in.
const DEEPEST: usize = 64;

/// Where files are looked up and shown, for one customer and one request.
pub(in super::super) struct Desk<'d> {
    pub door: &'d Arc<Door>,
    pub customer: Customer,
    pub sources: Vec<DataSource>,
    syncs: HashMap<String, Option<SyncState>>,
    /// Options of folders, by number.
    inherited: HashMap<i64, Option<Value>>,
    /// Folders that are files themselves, because they were chosen.
    chosen: Option<HashSet<i64>>,
    /// The chosen one at or above a folder, by number.
    above: HashMap<i64, Option<i64>>,
}

/// How a list is ordered and which part of it is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Part {
    pub page: Pagination,
    pub order: Order,
    pub descending: bool,
}

impl<'d> Desk<'d> {
    /// Knows every data source of the customer, revoked ones too: their files stay.
    pub fn open(door: &'d Arc<Door>, owner: &Owner) -> Result<Self, Sorry> {
        let programs = door.app.programs();
        Ok(Self {
            door,
            customer: programs.customer_made(owner.organization, &owner.customer)?,
            sources: programs.data_sources(owner.organization, Some(&owner.customer))?,
            syncs: HashMap::new(),
            inherited: HashMap::new(),
            chosen: None,
            above: HashMap::new(),
        })
    }

    pub fn source(&self, connection: &str) -> Option<&DataSource> {
        self.sources.iter().find(|it| it.connection == connection)
    }

    /// The customer's file of this number. One of somebody else's is as unknown as one that never was.
    pub fn file(&self, number: i64) -> Result<(Content, DataSource), Sorry> {
        let filters = FileFilters { ids: Some(vec![number]), ..FileFilters::everything() };
        let found = filters.question(&self.sources).map(|ask| self.door.app.programs().contents(&ask));
        let found = found.transpose()?.and_then(|(files, _)| files.into_iter().next());
        let both = found.and_then(|file| Some((self.source(&file.connection)?.clone(), file)));
        both.map(|(source, file)| (file, source)).ok_or_else(|| Sorry::unknown("file", number))
    }

    /// A part of what the filters let through, and how many these are in all.
    pub async fn files(&mut self, filters: &FileFilters, part: Part) -> Result<(Vec<Content>, u64), Sorry> {
        let Some(mut ask) = filters.question(&self.sources) else { return Ok((Vec::new(), 0)) };
        (ask.order, ask.descending) = (part.order, part.descending);
        ask.starting_number = part.page.starting_id;
        if !filters.looks_closer() {
            (ask.offset, ask.limit) = (part.page.offset, part.page.limit);
            return Ok(self.door.app.programs().contents(&ask)?);
        }
        let (all, _) = self.door.app.programs().contents(&ask)?;
        let mut found = Vec::new();
        for file in all {
            let status = self.status(&file).await?;
            let parent = if filters.asks_for_parents() { self.parent(&file)? } else { None };
            let provider = self.source(&file.connection).map_or("", |source| source.provider.as_str());
            if filters.fits(&file, provider, status, parent) {
                found.push(file);
            }
        }
        let count = found.len() as u64;
        Ok((part.page.part(found), count))
    }

    pub async fn all(&mut self, filters: &FileFilters) -> Result<Vec<Content>, Sorry> {
        let page = Pagination { limit: u32::MAX, ..Pagination::default() };
        Ok(self.files(filters, Part { page, order: Order::Number, descending: false }).await?.0)
    }

    async fn sync(&mut self, connection: &str) -> Result<Option<&SyncState>, Sorry> {
        if !self.syncs.contains_key(connection) {
            let revoked = self.source(connection).is_none_or(|source| source.revoked);
            let state = if revoked { None } else { sync_state(self.door, connection).await? };
            self.syncs.insert(connection.to_owned(), state);
        }
        Ok(self.syncs.get(connection).and_then(Option::as_ref))
    }

    /// `READY`, `SYNCING`, …
    pub async fn status(&mut self, file: &Content) -> Result<&'static str, Sorry> {
        let state = self.sync(&file.connection).await?;
        let under_way = match state {
            Some(state) if state.running && state.phase == Phase::Reading => UnderWay::Reading,
            Some(state) if state.running => UnderWay::Listing,
            Some(state) if state.cancelled => UnderWay::Ended,
            Some(state) if state.failure.is_some() => UnderWay::Failed,
            Some(_) => UnderWay::Soon,
            _ => UnderWay::Ended,
        };
        Ok(status(file, under_way))
    }

    /// Why there is no text of a file of this status: its own reason, else that of the sync it waits for.
    async fn failure(&mut self, file: &Content, status: &str) -> Result<Option<String>, Sorry> {
        if let Some(own) = choosing::failure(file) {
            return Ok(Some(own.to_owned()));
        }
        let sync = self.sync(&file.connection).await?.filter(|_| status == "SYNC_ERROR");
        Ok(sync.and_then(|sync| sync.failure.as_ref()).map(|failure| failure.message.clone()))
    }

    /// A file as this contract shows it; every key is always there.
    pub async fn shown(&mut self, file: &Content, wanted: &Wanted<'_>) -> Result<Value, Sorry> {
        let status = self.status(file).await?;
        let auto_sync = self.sync(&file.connection).await?.map(|state| state.every_hours > 0);
        let failure = self.failure(file, status).await?;
        let own = self.options(file)?;
        let parent = self.parent(file)?;
        let Some(source) = self.source(&file.connection) else {
            return Err(Sorry::unknown("file", file.number));
        };
        let options = choosing::options_of(source, own.as_ref());
        let chunks = json!({ "chunk_size": options.chunk_size, "chunk_overlap": options.chunk_overlap });
        let embedded = (!options.skip_embedding_generation)
            .then(|| json!({ (options.embedding_model.as_str()): chunks }));
        let item = &file.item;
        let text =
            if file.state == FileState::Kept { self.door.app.programs().text(file.number)? } else { None };
        let urls = wanted.of(file, source.revoked);
        Ok(json!({
            "id": file.number,
            "source": source.provider,
            "organization_id": source.owner.organization,
            "organization_user_id": self.customer.number,
            "organization_supplied_user_id": source.owner.customer,
            "organization_user_data_source_id": source.number,
            "external_file_id": item.id,
            "external_url": item.url,
            "name": item.name,
            "parent_id": parent,
            "sync_status": status,
            "sync_error_message": failure,
            "last_sync": file.kept_at.map(instant),
            "tags": tags::kept(&file.tags),
            "request_id": file.request_id,
            "upload_id": null,
            "file_statistics": {
                "file_format": kinds::format(&source.provider, item),
                "file_size": item.size,
                "num_characters": text.map(|text| text.chars().count()),
                // Neither tokens nor vectors are made.
                "num_tokens": null,
                "num_embeddings": 0,
                "mime_type": kinds::media_type(item),
            },
            "file_metadata": {
                "is_folder": !item.selectable,
                "is_shortcut": false,
                "type": kinds::item_type(&source.provider, item.kind),
                "root_external_id": item.root,
                "modified_at_source": item.modified.map(instant),
            },
            "file_contents_deleted": file.forgotten,
            "skip_embedding_generation": options.skip_embedding_generation,
            "embedding_properties": embedded,
            "generate_sparse_vectors": options.generate_sparse_vectors,
            "chunk_size": options.chunk_size,
            "chunk_overlap": options.chunk_overlap,
            "chunk_properties": {
                "set_page_as_boundary": options.set_page_as_boundary,
                "prepend_filename_to_chunks": options.prepend_filename_to_chunks,
                "max_items_per_chunk": options.max_items_per_chunk,
            },
            "ocr_properties": {
                "use_ocr": options.use_ocr,
                "parse_pdf_tables_with_ocr": options.parse_pdf_tables_with_ocr,
            },
            "ocr_job_started_at": null,
            "sync_properties": {},
            "messages_metadata": {},
            "enable_auto_sync": auto_sync,
            "presigned_url": urls.raw,
            "parsed_text_url": urls.text,
            "additional_presigned_urls": urls.additional,
            "source_created_at": null,
            "supports_cold_storage": false,
            "embedding_storage_status": "HOT_STORAGE",
            "hot_storage_time_to_live": null,
            "created_at": instant(file.made_at),
            "updated_at": changed(file.changed_at, status),
        }))
    }

    /// The next item above a file that is a file itself: what stands between them was not chosen, and no program knows it.
    fn parent(&mut self, file: &Content) -> Result<Option<i64>, Sorry> {
        let (mut next, mut path) = (file.parent_number, Vec::new());
        let mut found = None;
        while let Some(number) = next.filter(|_| path.len() < DEEPEST) {
            if let Some(known) = self.above.get(&number) {
                found = *known;
                break;
            }
            path.push(number);
            let Some(above) = self.door.app.programs().content(number)? else { break };
            if self.is_file(&above)? {
                found = Some(number);
                break;
            }
            next = above.parent_number;
        }
        for number in path {
            self.above.insert(number, found);
        }
        Ok(found)
    }

    fn is_file(&mut self, item: &Content) -> Result<bool, Sorry> {
        if item.item.selectable {
            return Ok(item.picked || item.state != FileState::No);
        }
        if self.chosen.is_none() {
            let ask = Contents { kinds: Some(kinds::containers()), ..every_file(&self.sources) };
            let (folders, _) = self.door.app.programs().contents(&ask)?;
            self.chosen = Some(folders.into_iter().map(|folder| folder.number).collect());
        }
        Ok(self.chosen.as_ref().is_some_and(|chosen| chosen.contains(&item.number)))
    }

    /// The file's own options, else those of the nearest folder that was chosen with options.
    fn options(&mut self, file: &Content) -> Result<Option<Value>, Sorry> {
        let (mut above, mut path) = (file.parent_number, Vec::new());
        let mut options = file.options.clone();
        while options.is_none()
            && let Some(number) = above.filter(|_| path.len() < DEEPEST)
        {
            if let Some(known) = self.inherited.get(&number) {
                options.clone_from(known);
                break;
            }
            path.push(number);
            let folder = self.door.app.programs().content(number)?;
            above = folder.as_ref().and_then(|it| it.parent_number);
            options = folder.filter(|it| it.picked).and_then(|it| it.options);
        }
        for number in path {
            self.inherited.insert(number, options.clone());
        }
        Ok(options)
    }
}

/// What the connection of a waiting file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    Reading,
    Listing,
    /// Nothing yet.
    Soon,
    /// Nothing until the next try.
    Failed,
    /// Nothing any more: cancelled or revoked.
    Ended,
}

fn status(file: &Content, under_way: UnderWay) -> &'static str {
    if choosing::refusal(file).is_some() {
        return "SYNC_ERROR";
    }
    let waits = match file.state {
        FileState::Kept => return "READY",
        FileState::Failed => return "SYNC_ERROR",
        FileState::Ready => return "READY_TO_SYNC",
        FileState::Waiting => true,
        FileState::No => false,
    };
    match under_way {
        // A folder has nothing to be read.
        _ if !waits && !file.item.selectable => "READY",
        // Noted and not fetched, or its contents were deleted.
        _ if !waits && !file.picked => "READY_TO_SYNC",
        UnderWay::Reading if waits => "SYNCING",
        UnderWay::Failed => "SYNC_ERROR",
        UnderWay::Ended => "SYNC_ABORTED",
        _ => "QUEUED_FOR_SYNC",
    }
}

/// When a file changed. Clients show a file anew only where this differs, and a file may be queued and read within one
/// second of our clock: so its status counts after the point.
fn changed(at: Seconds, status: &str) -> String {
    let step = match status {
        "READY_TO_SYNC" => 1,
        "QUEUED_FOR_SYNC" => 2,
        "SYNCING" => 3,
        "SYNC_ABORTED" => 4,
        _ => 5,
    };
    rfc3339(at).replace('Z', &format!(".{step}00000Z"))
}

/// The question for one customer's files, whatever they are.
pub(in super::super) fn every_file(sources: &[DataSource]) -> Contents {
    Contents {
        connections: sources.iter().map(|source| source.connection.clone()).collect(),
        files_only: true,
        order: Order::Number,
        limit: u32::MAX,
        ..Contents::default()
    }
}

#[cfg(test)]
mod tests {
    use tieline_engine::item::{Item, Kind};

    use super::*;

    fn file(state: FileState) -> Content {
        Content {
            number: 1,
            connection: "c1".into(),
            item: Item::content("1", "One", Kind::File),
            state,
            kept_at: None,
            kept_bytes: 0,
            failure: None,
            made_at: 0,
            changed_at: 0,
            read_at: None,
            tags: serde_json::Map::new(),
            request_id: None,
            options: None,
            parent_number: None,
            picked: true,
            forgotten: false,
        }
    }

    #[test]
    fn a_file_s_status_follows_from_its_state_and_from_the_sync() {
        let at = |state: FileState, under_way: UnderWay| status(&file(state), under_way);
        assert_eq!(at(FileState::Kept, UnderWay::Ended), "READY");
        assert_eq!(at(FileState::Failed, UnderWay::Reading), "SYNC_ERROR");
        assert_eq!(at(FileState::Waiting, UnderWay::Reading), "SYNCING");
        assert_eq!(at(FileState::Waiting, UnderWay::Listing), "QUEUED_FOR_SYNC");
        assert_eq!(at(FileState::Waiting, UnderWay::Ended), "SYNC_ABORTED");
        assert_eq!(at(FileState::Waiting, UnderWay::Failed), "SYNC_ERROR");
        assert_eq!(at(FileState::No, UnderWay::Soon), "QUEUED_FOR_SYNC");
        assert_eq!(at(FileState::Ready, UnderWay::Soon), "READY_TO_SYNC");
        let noted = Content { picked: false, ..file(FileState::No) };
        assert_eq!(status(&noted, UnderWay::Reading), "READY_TO_SYNC");
        let folder = Content { item: Item::container("2", "Two", Kind::Folder), ..file(FileState::No) };
        assert_eq!(status(&folder, UnderWay::Reading), "READY");
        let over = Content { options: Some(choosing::refused(None, "Too long.")), ..file(FileState::No) };
        assert_eq!(
            (status(&over, UnderWay::Soon), choosing::failure(&over)),
            ("SYNC_ERROR", Some("Too long."))
        );
    }

    #[test]
    fn a_change_of_status_changes_the_time() {
        let steps =
            ["READY_TO_SYNC", "QUEUED_FOR_SYNC", "SYNCING", "READY"].map(|status| changed(1000, status));
        assert!(steps.is_sorted() && steps.windows(2).all(|two| two[0] != two[1]), "{steps:?}");
        assert_eq!(changed(0, "READY"), "1970-01-01T00:00:00.500000Z");
    }
}
