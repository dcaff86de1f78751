//! What a crash may leave behind: refreshes begun, and vault entries that no row points to.

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::clock::Seconds;
use crate::connection::Connection;
use crate::error::Result;

pub(super) const TABLES: &str = "
    CREATE TABLE refreshing (
        connection TEXT PRIMARY KEY,
        version    INTEGER NOT NULL,
        at         INTEGER NOT NULL,
        pid        INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE stray (
        entry TEXT PRIMARY KEY,
        pid   INTEGER NOT NULL
    ) STRICT;";

/// A refresh that was begun and not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    pub version: u32,
    pub at: Seconds,
}

/// An entry is no stray any more; another now is.
pub(super) fn keep_and_sweep(
    db: &rusqlite::Connection,
    kept: Option<&str>,
    sweep: Option<&str>,
) -> rusqlite::Result<()> {
    if let Some(entry) = kept {
        db.prepare_cached("DELETE FROM stray WHERE entry = ?1")?.execute([entry])?;
    }
    if let Some(entry) = sweep {
        db.prepare_cached("INSERT OR IGNORE INTO stray (entry, pid) VALUES (?1, 0)")?.execute([entry])?;
    }
    Ok(())
}

fn note_stray(db: &rusqlite::Connection, entry: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO stray (entry, pid) VALUES (?1, ?2)")?
        .execute(params![entry, std::process::id()])?;
    Ok(())
}

impl Store {
    /// Notes, before the provider is called, that the tokens of this version are being replaced, and the entry that
    /// the new ones will have: once the provider has answered, nothing but the vault needs to be written for them to
    /// be safe.
    ///
    /// `swept` are entries that the vault no longer holds: their notes go in the same transaction.
    pub fn begin_refresh(&self, connection: &str, version: u32, at: Seconds, swept: &[String]) -> Result<()> {
        self.write(|db| {
            for entry in swept {
                db.prepare_cached("DELETE FROM stray WHERE entry = ?1")?.execute([entry])?;
            }
            note_stray(db, &Connection::entry(connection, version + 1))?;
            db.prepare_cached(
                "INSERT OR REPLACE INTO refreshing (connection, version, at, pid) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![connection, version, at, std::process::id()])?;
            Ok(())
        })
    }

    pub fn unfinished_refresh(&self, connection: &str) -> Result<Option<Unfinished>> {
        self.with(|db| {
            db.prepare_cached("SELECT version, at FROM refreshing WHERE connection = ?1")?
                .query_row([connection], |row| Ok(Unfinished { version: row.get(0)?, at: row.get(1)? }))
                .optional()
        })
    }

    /// The provider answered and nothing was replaced.
    pub fn end_refresh(&self, connection: &str) -> Result<()> {
        self.with(|db| {
            db.prepare_cached("DELETE FROM refreshing WHERE connection = ?1")?.execute([connection])?;
            Ok(())
        })
    }

    /// Notes an entry before it is written to the vault: until a row points to it, it is a stray.
    pub fn expect_stray(&self, entry: &str) -> Result<()> {
        self.with(|db| note_stray(db, entry))
    }

    /// Entries that no row points to. Those that this or another living process is about to need are told apart
    /// by the caller through `pid`. What a refresh that was cut off may have stored is none of them: it may be the
    /// only pair that still lives, and the next refresh takes it up.
    pub fn strays(&self) -> Result<Vec<(String, u32)>> {
        self.with(|db| {
            db.prepare_cached(
                "SELECT entry, pid FROM stray WHERE entry NOT IN
                     (SELECT 'connection/' || connection || '/' || (version + 1) FROM refreshing)
                 ORDER BY entry",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })
    }

    /// Whether an entry is noted as it was, by the same process.
    pub fn is_stray(&self, entry: &str, pid: u32) -> Result<bool> {
        self.with(|db| {
            db.prepare_cached("SELECT 1 FROM stray WHERE entry = ?1 AND pid = ?2")?
                .exists(params![entry, pid])
        })
    }

    pub fn swept(&self, entry: &str) -> Result<()> {
        self.with(|db| {
            db.prepare_cached("DELETE FROM stray WHERE entry = ?1")?.execute([entry])?;
            Ok(())
        })
    }
}
