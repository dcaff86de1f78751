//! The library: what connections hold, what of it is kept as text on this computer, and the search over it.
//!
//! A SQLite file of its own: it may be large, lie elsewhere and be deleted whole, and what is in it can be fetched
//! again. Readers and the one writer have separate connections, so that a search never waits for a sync.

mod contents;
mod items;
mod picks;
mod search;
mod syncs;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Sqlite, OpenFlags, TransactionBehavior};

use crate::error::{Error, Result};

pub use contents::{Content, Contents, Mark, Order, TagTest, Tagging};
pub use items::{Brought, Folder, Read, Row, Waiting};
pub use picks::{ForProgram, Picked, Wanted};
pub use search::{Hit, Query};
pub(crate) use syncs::put as put_sync_row;
pub use syncs::{Phase, Sync, Tally, Wish};

/// Every table's statements, in the order in which they came. A released step is never edited.
const MIGRATIONS: &[&[&str]] = &[
    &[items::TABLES, picks::TABLE, search::TABLES, syncs::TABLE],
    // Other programs.
    &[contents::TABLES],
    &[contents::CONNECTED],
    // When something was read is told from when it changed; failures in a row are counted.
    &[items::READ_AT, syncs::FAILURES],
];

#[derive(Clone)]
pub struct Library {
    writer: Arc<Mutex<Sqlite>>,
    reader: Arc<Mutex<Sqlite>>,
}

impl Library {
    /// Opens or makes the file. Fails with [`Code::Storage`](crate::error::Code::Storage).
    pub fn open(file: &Path) -> Result<Self> {
        let mut writer = Sqlite::open(file)?;
        writer.busy_timeout(std::time::Duration::from_secs(10))?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        // What a power cut takes is listed and fetched again.
        writer.pragma_update(None, "synchronous", "NORMAL")?;
        writer.pragma_update(None, "cache_size", -16_384)?;
        writer.set_prepared_statement_cache_capacity(64);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for step in MIGRATIONS.iter().skip(done as usize) {
            for sql in *step {
                transaction.execute_batch(sql)?;
            }
        }
        transaction.pragma_update(None, "user_version", MIGRATIONS.len().max(done as usize) as u32)?;
        transaction.commit()?;
        let reader = Sqlite::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        reader.busy_timeout(std::time::Duration::from_secs(10))?;
        reader.pragma_update(None, "cache_size", -16_384)?;
        reader.set_prepared_statement_cache_capacity(64);
        Ok(Self { writer: Arc::new(Mutex::new(writer)), reader: Arc::new(Mutex::new(reader)) })
    }

    /// Another number after another process wrote; what this one writes does not count. None while this one writes.
    pub fn written_elsewhere(&self) -> Option<i64> {
        self.writer.try_lock().ok()?.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
    }

    fn reader(&self) -> MutexGuard<'_, Sqlite> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.reader()).map_err(Error::from)
    }

    /// Bytes that the file takes, without what deleting has freed in it.
    pub fn size(&self) -> Result<u64> {
        self.look(|db| {
            let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let pages = number("page_count")? - number("freelist_count")?;
            Ok((pages * number("page_size")?).unsigned_abs())
        })
    }

    /// Writes several statements, all or none.
    fn write<T>(&self, work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut sqlite = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        (|| {
            let transaction = sqlite.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })()
        .map_err(|error: rusqlite::Error| Error::from(error))
    }
}
