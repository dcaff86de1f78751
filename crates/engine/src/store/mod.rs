//! SQLite: what we know about connections, apps, events and settings. Never a secret.
//!
//! One file a table. Writes are `BEGIN IMMEDIATE`; a commit is on the disk when it returns, because the keyring
//! entry of the version before is deleted right after.

mod app;
mod connection;
mod customer;
mod data_source;
mod event;
mod former;
mod journal;
mod key;
mod record;
mod service;
mod setting;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Sqlite, ErrorCode, TransactionBehavior};

pub use app::AppRow;
pub use connection::Stored;
pub use event::{EventRow, Kind};
pub use service::ServiceRow;

use crate::error::{Code, Error, Result};

/// Every table's statements, in the order in which they came. A released step is never edited.
const MIGRATIONS: &[&[&str]] = &[
    &[app::TABLE, connection::TABLE, event::TABLE, journal::TABLES, service::TABLE, setting::TABLE],
    // Other programs.
    &[
        app::ORGANIZATIONS,
        connection::OWNERS,
        key::TABLES,
        customer::TABLE,
        data_source::TABLE,
        record::TABLES,
    ],
    &[connection::KEPT, former::TABLE],
];

#[derive(Clone)]
pub struct Store {
    sqlite: Arc<Mutex<Sqlite>>,
}

impl Store {
    /// Opens or makes the file. Fails with `Storage` where the folder cannot be written or the file is from a
    /// newer Tieline.
    pub fn open(file: &Path) -> Result<Self> {
        let mut sqlite = Sqlite::open(file).map_err(|error| sorry(&error, file))?;
        let prepared = (|| {
            sqlite.busy_timeout(std::time::Duration::from_secs(5))?;
            sqlite.pragma_update(None, "journal_mode", "WAL")?;
            sqlite.pragma_update(None, "synchronous", "FULL")?;
            sqlite.pragma_update(None, "foreign_keys", "ON")?;
            sqlite.set_prepared_statement_cache_capacity(64);
            let transaction = sqlite.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            let done = done as usize;
            if done > MIGRATIONS.len() {
                return Ok(Err(done));
            }
            for step in &MIGRATIONS[done..] {
                for sql in *step {
                    transaction.execute_batch(sql)?;
                }
            }
            transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
            transaction.commit()?;
            Ok(Ok(()))
        })();
        match prepared {
            Ok(Ok(())) => Ok(Self { sqlite: Arc::new(Mutex::new(sqlite)) }),
            Ok(Err(_)) => Err(Error::new(
                Code::Storage,
                "The data folder was written by a newer Tieline.",
                "Install the newest version, or choose another data folder.",
            )),
            Err(error) => Err(sorry(&error, file)),
        }
    }

    /// Another number after another process wrote; what this one writes does not count. None while this one writes.
    pub fn written_elsewhere(&self) -> Option<i64> {
        self.sqlite.try_lock().ok()?.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
    }

    fn lock(&self) -> MutexGuard<'_, Sqlite> {
        self.sqlite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, or writes a single statement.
    fn with<T>(&self, work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.lock()).map_err(Error::from)
    }

    /// Writes several statements, all or none.
    fn write<T>(&self, work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut sqlite = self.lock();
        (|| {
            let transaction = sqlite.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })()
        .map_err(|error: rusqlite::Error| Error::from(error))
    }
}

fn sorry(error: &rusqlite::Error, file: &Path) -> Error {
    let mut sorry = Error::from_sqlite(error);
    let folder = file.parent().unwrap_or(file).display();
    sorry.message = format!("{} The data folder is {folder}.", sorry.message);
    sorry
}

impl Error {
    fn from_sqlite(error: &rusqlite::Error) -> Self {
        let (message, hint) = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                ("The disk is full.", "Free some space and try again. Nothing was lost.")
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
                "The data folder cannot be written.",
                "Allow writing there, or choose another data folder. Nothing was lost.",
            ),
            Some(ErrorCode::CannotOpen) => (
                "The data folder cannot be opened.",
                "Check that it exists and may be written, or choose another data folder.",
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                ("Another Tieline is writing.", "Wait a moment and try again.")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
                "The list of connections is damaged.",
                "Put back a copy of the data folder. The sign-ins themselves are still in the keyring.",
            ),
            Some(ErrorCode::SystemIoFailure) => (
                "The disk did not accept the change.",
                "Check that the disk is not full and try again. Nothing was lost.",
            ),
            _ => return Self::internal(error),
        };
        Self::new(Code::Storage, message, hint)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::from_sqlite(&error)
    }
}

/// A column that holds JSON.
fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
