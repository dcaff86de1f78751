//! Settings, as one document.

use rusqlite::OptionalExtension;

use super::{Store, from_json, json};
use crate::error::Result;
use crate::settings::Settings;

pub(super) const TABLE: &str = "
    CREATE TABLE setting (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        document TEXT NOT NULL
    ) STRICT;";

impl Store {
    pub fn settings(&self) -> Result<Settings> {
        let found = self.with(|db| {
            db.prepare_cached("SELECT document FROM setting WHERE one = 1")?
                .query_row([], |row| from_json(0, &row.get::<_, String>(0)?))
                .optional()
        })?;
        Ok(found.unwrap_or_default())
    }

    pub fn save_settings(&self, settings: &Settings) -> Result<()> {
        self.with(|db| {
            db.execute("INSERT OR REPLACE INTO setting (one, document) VALUES (1, ?1)", [json(settings)?])
                .map(drop)
        })
    }
}
