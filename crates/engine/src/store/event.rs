//! What happened, in words, append-only. Never a secret.

use rusqlite::{Row, params};

use super::Store;
use crate::clock::Seconds;
use crate::error::Result;

pub(super) const TABLE: &str = "
    CREATE TABLE event (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        connection      TEXT NOT NULL,
        connection_name TEXT NOT NULL,
        at              INTEGER NOT NULL,
        kind            TEXT NOT NULL,
        words           TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_of_connection ON event (connection, id);
    CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Connected,
    Reconnected,
    Refreshed,
    Failed,
    Recovered,
    Used,
    /// A program was given an access token. Between its person and the program: no other program reads it.
    TokenGiven,
    ScopesChanged,
    Renamed,
    Synced,
    Disconnecting,
    Disconnected,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Reconnected => "reconnected",
            Self::Refreshed => "refreshed",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Used => "used",
            Self::TokenGiven => "token_given",
            Self::ScopesChanged => "scopes_changed",
            Self::Renamed => "renamed",
            Self::Synced => "synced",
            Self::Disconnecting => "disconnecting",
            Self::Disconnected => "disconnected",
        }
    }

    /// How the dot on the timeline looks.
    pub fn tone(kind: &str) -> &'static str {
        match kind {
            "failed" | "scopes_changed" => "lit",
            "connected" | "reconnected" | "recovered" | "refreshed" => "ok",
            _ => "plain",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub id: i32,
    pub connection: String,
    pub connection_name: String,
    pub at: Seconds,
    pub kind: String,
    pub words: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        id: row.get(0)?,
        connection: row.get(1)?,
        connection_name: row.get(2)?,
        at: row.get(3)?,
        kind: row.get(4)?,
        words: row.get(5)?,
    })
}

pub(super) fn put(
    db: &rusqlite::Connection,
    connection: &str,
    name: &str,
    at: Seconds,
    kind: Kind,
    words: &str,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO event (connection, connection_name, at, kind, words) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![connection, name, at, kind.as_str(), words])?;
    Ok(())
}

impl Store {
    pub fn happened(&self, connection: &str, name: &str, at: Seconds, kind: Kind, words: &str) -> Result<()> {
        self.with(|db| put(db, connection, name, at, kind, words))
    }

    /// The newest first, below `before`.
    pub fn events(&self, connection: Option<&str>, before: Option<i32>, limit: u32) -> Result<Vec<EventRow>> {
        self.with(|db| {
            db.prepare_cached(
                "SELECT id, connection, connection_name, at, kind, words FROM event
                 WHERE (?1 IS NULL OR connection = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![connection, before.unwrap_or(i32::MAX), limit], read)?
            .collect()
        })
    }
}
