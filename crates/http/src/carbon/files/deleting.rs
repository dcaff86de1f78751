//! Files are deleted here, never where they come from: their texts go, and they are not read again until they are
//! chosen anew.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::Value;
use tieline_engine::{Content, Contents, FileState, Mark};

use super::super::body::{At, Body, FromBody, fields, flag, list, one_of, whole};
use super::super::filters::{FILE_STATUSES, FileFilters, file_filters};
use super::super::{Answer, Caller, Sorry, success, told};
use super::{Desk, file_number};
use crate::Door;

#[derive(Debug)]
pub(super) struct Delete {
    filters: FileFilters,
    send_webhook: bool,
    preserve_file_record: bool,
}

impl FromBody for Delete {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            filters: it.maybe("filters", file_filters).unwrap_or_else(FileFilters::everything),
            send_webhook: it.maybe("send_webhook", flag).unwrap_or_default(),
            preserve_file_record: it.maybe("preserve_file_record", flag).unwrap_or_default(),
        })(body, at)
    }
}

pub(super) async fn by_filters(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<Delete>,
) -> Answer {
    delete(&door, &caller, &ask.filters, ask.preserve_file_record, ask.send_webhook).await
}

/// The older form, by ids and statuses.
#[derive(Debug)]
pub(super) struct DeleteByIds {
    filters: FileFilters,
    send_webhook: bool,
}

impl FromBody for DeleteByIds {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            filters: FileFilters {
                ids: it.maybe("file_ids", list(whole)),
                sync_statuses: it.maybe("sync_statuses", list(one_of(FILE_STATUSES))),
                non_synced_only: it.maybe("delete_non_synced_only", flag).unwrap_or_default(),
                include_all_children: it.maybe("delete_child_files", flag).unwrap_or_default(),
                ..FileFilters::everything()
            },
            send_webhook: it.maybe("send_webhook", flag).unwrap_or_default(),
        })(body, at)
    }
}

pub(super) async fn by_ids(
    State(door): State<Arc<Door>>,
    caller: Caller,
    Body(ask): Body<DeleteByIds>,
) -> Answer {
    delete(&door, &caller, &ask.filters, false, ask.send_webhook).await
}

pub(super) async fn one(State(door): State<Arc<Door>>, caller: Caller, Path(number): Path<String>) -> Answer {
    let desk = Desk::open(&door, &caller.owner())?;
    let (file, source) = desk.file(file_number(&number)?)?;
    caller.about(&source);
    forget(&desk, &[file], false, false)?;
    success()
}

async fn delete(
    door: &Arc<Door>,
    caller: &Caller,
    filters: &FileFilters,
    keep_record: bool,
    send_webhook: bool,
) -> Answer {
    // By itself it names no file, and would take all there are with it.
    let named = FileFilters { include_all_children: false, ..filters.clone() };
    if named.is_empty() {
        return Err(Sorry::bad(
            "No filter says which files to delete, and nothing was deleted. Name them, for example by ids.",
        ));
    }
    let mut desk = Desk::open(door, &caller.owner())?;
    let files = desk.all(filters).await?;
    forget(&desk, &files, keep_record, send_webhook)?;
    success()
}

/// Forgets the contents of files; with `keep_record` they stay listed.
fn forget(desk: &Desk<'_>, files: &[Content], keep_record: bool, send_webhook: bool) -> Result<(), Sorry> {
    let programs = desk.door.app.programs();
    let numbers: HashSet<i64> = files.iter().map(|file| file.number).collect();
    for folder in files.iter().filter(|file| file.picked && file.item.expandable) {
        // What was chosen with a folder stays when the folder goes without it.
        let ask = Contents {
            connections: vec![folder.connection.clone()],
            files_only: true,
            parents: Some(vec![folder.number]),
            below: true,
            limit: u32::MAX,
            ..Contents::default()
        };
        let stays =
            |it: &Content| !numbers.contains(&it.number) && !it.forgotten && it.state != FileState::No;
        let stay: Vec<String> =
            programs.contents(&ask)?.0.into_iter().filter(stays).map(|it| it.item.id).collect();
        programs.mark(&folder.connection, &stay, &Mark { pick: Some(true), ..Mark::default() })?;
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    programs.forget_files(&numbers, keep_record)?;
    for file in files.iter().filter(|_| send_webhook) {
        if let Some(source) = desk.source(&file.connection) {
            told::file(desk.door, source, file, "FILE_DELETED");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::body;
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let new: Delete = body::read(br#"{"filters": {"ids": [1], "include_all_children": true}}"#).unwrap();
        assert_eq!((new.filters.ids, new.filters.include_all_children), (Some(vec![1]), true));
        assert!(!new.send_webhook && !new.preserve_file_record);
        let old: DeleteByIds = body::read(br#"{"file_ids": [1], "delete_child_files": true}"#).unwrap();
        assert_eq!((old.filters.ids.clone(), old.filters.include_all_children), (Some(vec![1]), true));
        let nothing: DeleteByIds = body::read(br#"{"file_ids": null, "sync_statuses": null}"#).unwrap();
        assert!(nothing.filters.is_empty());
        assert!(body::read::<DeleteByIds>(br#"{"sync_statuses": ["x"]}"#).is_err());
    }
}
