//! What the published contracts keep: JSON without secrets, by organization, kind and id.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::{Store, from_json, json};
use crate::clock::Seconds;
use crate::error::Result;
use crate::program::Record;

pub(super) const TABLES: &str = "
    CREATE TABLE record (
        row          INTEGER PRIMARY KEY,
        organization INTEGER NOT NULL,
        kind         TEXT NOT NULL,
        id           TEXT NOT NULL,
        body         TEXT NOT NULL,
        made_at      INTEGER NOT NULL,
        changed_at   INTEGER NOT NULL,
        UNIQUE (organization, kind, id)
    ) STRICT;
    CREATE TABLE record_number (
        organization INTEGER NOT NULL,
        kind         TEXT NOT NULL,
        last         INTEGER NOT NULL,
        PRIMARY KEY (organization, kind)
    ) STRICT, WITHOUT ROWID;";

const COLUMNS: &str = "organization, kind, id, body, made_at, changed_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        organization: row.get(0)?,
        kind: row.get(1)?,
        id: row.get(2)?,
        body: from_json(3, &row.get::<_, String>(3)?)?,
        made_at: row.get(4)?,
        changed_at: row.get(5)?,
    })
}

impl Store {
    pub fn record(&self, organization: i64, kind: &str, id: &str) -> Result<Option<Record>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM record WHERE organization = ?1 AND kind = ?2 AND id = ?3"
            ))?
            .query_row(params![organization, kind, id], read)
            .optional()
        })
    }

    /// The oldest first; of all organizations for `None`.
    pub fn records(&self, organization: Option<i64>, kind: &str) -> Result<Vec<Record>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM record WHERE kind = ?2 AND (?1 IS NULL OR organization = ?1) ORDER BY row"
            ))?
            .query_map(params![organization, kind], read)?
            .collect()
        })
    }

    pub fn save_record(
        &self,
        organization: i64,
        kind: &str,
        id: &str,
        body: &Value,
        now: Seconds,
    ) -> Result<Record> {
        self.with(|db| {
            db.query_row(
                &format!(
                    "INSERT INTO record (organization, kind, id, body, made_at, changed_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5)
                     ON CONFLICT (organization, kind, id) DO UPDATE SET body = ?4, changed_at = ?5 RETURNING {COLUMNS}"
                ),
                params![organization, kind, id, json(body)?, now],
                read,
            )
        })
    }

    /// Saves a record where it still is as it was `before`; none: where there is none. False: another was faster.
    pub fn swap_record(
        &self,
        (organization, kind, id): (i64, &str, &str),
        before: Option<&Value>,
        body: &Value,
        now: Seconds,
    ) -> Result<bool> {
        self.with(|db| {
            let body = json(body)?;
            let count = match before {
                None => db.execute(
                    "INSERT OR IGNORE INTO record (organization, kind, id, body, made_at, changed_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                    params![organization, kind, id, body, now],
                )?,
                Some(before) => db.execute(
                    "UPDATE record SET body = ?4, changed_at = ?5
                     WHERE organization = ?1 AND kind = ?2 AND id = ?3 AND body = ?6",
                    params![organization, kind, id, body, now, json(before)?],
                )?,
            };
            Ok(count > 0)
        })
    }

    /// False: there is none.
    pub fn forget_record(&self, organization: i64, kind: &str, id: &str) -> Result<bool> {
        self.with(|db| {
            db.execute(
                "DELETE FROM record WHERE organization = ?1 AND kind = ?2 AND id = ?3",
                params![organization, kind, id],
            )
            .map(|count| count > 0)
        })
    }

    /// From 1 up, each once.
    pub fn next_number(&self, organization: i64, kind: &str) -> Result<i64> {
        self.with(|db| {
            db.query_row(
                "INSERT INTO record_number (organization, kind, last) VALUES (?1, ?2, 1)
                 ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
                params![organization, kind],
                |row| row.get(0),
            )
        })
    }
}
