//! How each connection is kept in sync, and how far that is.

use rusqlite::{OptionalExtension, Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Library;
use crate::clock::Seconds;
use crate::error::Result;

pub(super) const TABLE: &str = "
    CREATE TABLE sync (
        connection  TEXT PRIMARY KEY,
        provider    TEXT NOT NULL DEFAULT '',
        title       TEXT NOT NULL DEFAULT '',
        everything  INTEGER NOT NULL,
        every_hours INTEGER NOT NULL DEFAULT 0,
        next_at     INTEGER,
        phase       TEXT NOT NULL DEFAULT 'idle',
        wish        TEXT NOT NULL DEFAULT '',
        listing     INTEGER NOT NULL DEFAULT 0,
        complete    INTEGER NOT NULL DEFAULT 0,
        whole       INTEGER NOT NULL DEFAULT 1,
        position    TEXT,
        resume      TEXT,
        begun_at    INTEGER,
        ended_at    INTEGER,
        removed     INTEGER NOT NULL DEFAULT 0,
        failure     TEXT
    ) STRICT;";

pub(super) const FAILURES: &str = "ALTER TABLE sync ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;";

/// Where a sync stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Idle,
    /// Looking what there is and what changed.
    Listing,
    /// Reading contents.
    Reading,
    Paused,
    Failed,
}

/// What a person, perhaps in another process, wants of a sync under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    GoOn,
    Pause,
    Cancel,
}

/// One connection's sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sync {
    pub connection: String,
    /// Provider and title as they were at the last sync: contents may outlive their connection.
    pub provider: String,
    pub title: String,
    /// Everything is kept; else what is picked.
    pub everything: bool,
    /// 0: only on demand.
    pub every_hours: u32,
    pub next_at: Option<Seconds>,
    pub phase: Phase,
    /// Number of the listing under way or last made.
    pub listing: i64,
    /// A complete listing was made at some time, so the library knows all there is.
    pub complete: bool,
    /// The listing under way looks at everything, not only at changes.
    pub whole: bool,
    /// Where the provider's changes go on at the next sync.
    pub position: Option<String>,
    /// Where the listing under way goes on after an interruption.
    pub resume: Option<String>,
    pub begun_at: Option<Seconds>,
    pub ended_at: Option<Seconds>,
    /// Items that the last sync took out.
    pub removed: u64,
    /// The error of a sync that failed: code, message and hint as JSON.
    pub failure: Option<String>,
    /// So many in a row failed.
    pub failures: u32,
}

/// Items by how far they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub listed: u64,
    pub waiting: u64,
    pub kept: u64,
    pub failed: u64,
    /// Bytes of text kept.
    pub bytes: u64,
    /// Bytes at the provider that are still to be fetched, where it tells.
    pub bytes_waiting: u64,
}

const COLUMNS: &str = "connection, provider, title, everything, every_hours, next_at, phase, listing, complete, whole, position, resume, \
    begun_at, ended_at, removed, failure, failures";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sync> {
    Ok(Sync {
        connection: row.get(0)?,
        provider: row.get(1)?,
        title: row.get(2)?,
        everything: row.get(3)?,
        every_hours: row.get(4)?,
        next_at: row.get(5)?,
        phase: Phase::of(&row.get::<_, String>(6)?),
        listing: row.get(7)?,
        complete: row.get(8)?,
        whole: row.get(9)?,
        position: row.get(10)?,
        resume: row.get(11)?,
        begun_at: row.get(12)?,
        ended_at: row.get(13)?,
        removed: row.get::<_, i64>(14)?.unsigned_abs(),
        failure: row.get(15)?,
        failures: row.get(16)?,
    })
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Listing => "listing",
            Self::Reading => "reading",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "listing" => Self::Listing,
            "reading" => Self::Reading,
            "paused" => Self::Paused,
            "failed" => Self::Failed,
            _ => Self::Idle,
        }
    }
}

/// Writes how a sync stands; the wishes of others are left alone.
pub(crate) fn put(db: &Transaction<'_>, it: &Sync) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO sync (connection, everything, every_hours, next_at, phase, listing, complete, whole, position,
             resume, begun_at, ended_at, removed, failure, provider, title, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (connection) DO UPDATE SET phase = ?5, listing = ?6, complete = ?7, whole = ?8, position = ?9,
             resume = ?10, begun_at = ?11, ended_at = ?12, removed = ?13, failure = ?14, provider = ?15, title = ?16,
             failures = ?17",
    )?
    .execute(params![
        it.connection,
        it.everything,
        it.every_hours,
        it.next_at,
        it.phase.as_str(),
        it.listing,
        it.complete,
        it.whole,
        it.position,
        it.resume,
        it.begun_at,
        it.ended_at,
        i64::try_from(it.removed).unwrap_or(i64::MAX),
        it.failure,
        it.provider,
        it.title,
        it.failures
    ])?;
    Ok(())
}

impl Library {
    pub fn sync(&self, connection: &str) -> Result<Option<Sync>> {
        self.look(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM sync WHERE connection = ?1"))?
                .query_row([connection], read)
                .optional()
        })
    }

    pub fn syncs(&self) -> Result<Vec<Sync>> {
        self.look(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM sync ORDER BY connection"))?
                .query_map([], read)?
                .collect()
        })
    }

    pub fn put_sync(&self, it: &Sync) -> Result<()> {
        self.write(|db| put(db, it))
    }

    /// Changes what a person decides about a connection's sync.
    pub fn set_sync(
        &self,
        connection: &str,
        everything: bool,
        every_hours: u32,
        next_at: Option<Seconds>,
    ) -> Result<()> {
        self.write(|db| {
            db.prepare_cached(
                "INSERT INTO sync (connection, everything, every_hours, next_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (connection) DO UPDATE SET everything = ?2, every_hours = ?3, next_at = ?4",
            )?
            .execute(params![connection, everything, every_hours, next_at])?;
            Ok(())
        })
    }

    pub fn set_next(&self, connection: &str, next_at: Option<Seconds>) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("UPDATE sync SET next_at = ?2 WHERE connection = ?1")?
                .execute(params![connection, next_at])?;
            Ok(())
        })
    }

    pub fn wish(&self, connection: &str) -> Result<Wish> {
        self.look(|db| {
            let wish: Option<String> = db
                .prepare_cached("SELECT wish FROM sync WHERE connection = ?1")?
                .query_row([connection], |row| row.get(0))
                .optional()?;
            Ok(match wish.as_deref() {
                Some("pause") => Wish::Pause,
                Some("cancel") => Wish::Cancel,
                _ => Wish::GoOn,
            })
        })
    }

    pub fn set_wish(&self, connection: &str, wish: Wish) -> Result<()> {
        let word = match wish {
            Wish::GoOn => "",
            Wish::Pause => "pause",
            Wish::Cancel => "cancel",
        };
        self.write(|db| {
            db.prepare_cached("UPDATE sync SET wish = ?2 WHERE connection = ?1")?
                .execute([connection, word])?;
            Ok(())
        })
    }

    pub fn tally(&self, connection: &str) -> Result<Tally> {
        self.look(|db| {
            let mut tally = Tally::default();
            let listed: i64 = db
                .prepare_cached("SELECT count(*) FROM item WHERE connection = ?1")?
                .query_row([connection], |row| row.get(0))?;
            tally.listed = listed.unsigned_abs();
            let mut states = db.prepare_cached(
                "SELECT state, count(*), coalesce(sum(kept_bytes), 0), coalesce(sum(size), 0) FROM item
                 WHERE connection = ?1 AND state > 0 GROUP BY state",
            )?;
            let mut rows = states.query([connection])?;
            while let Some(row) = rows.next()? {
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                match row.get::<_, i64>(0)? {
                    1 => {
                        tally.waiting = count;
                        tally.bytes_waiting = row.get::<_, i64>(3)?.unsigned_abs();
                    }
                    2 => tally.kept = count,
                    3 => tally.failed = count,
                    _ => {}
                }
                tally.bytes += row.get::<_, i64>(2)?.unsigned_abs();
            }
            Ok(tally)
        })
    }

    /// Forgets how a connection is kept in sync, and what was picked.
    pub fn forget_sync(&self, connection: &str) -> Result<()> {
        self.write(|db| {
            db.execute("DELETE FROM sync WHERE connection = ?1", [connection])?;
            db.execute("DELETE FROM pick WHERE connection = ?1", [connection])?;
            Ok(())
        })
    }
}
