//! Whose the connections were that are gone: a program sees how one of its own ended, and finds what was kept of it.

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::connection::Connection;
use crate::error::Result;

pub(super) const TABLE: &str = "
    CREATE TABLE former_connection (
        id           TEXT PRIMARY KEY,
        organization INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO former_connection SELECT connection, organization FROM data_source WHERE revoked = 1;";

pub(super) fn put(db: &rusqlite::Connection, it: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO former_connection (id, organization) VALUES (?1, ?2)")?
        .execute(params![it.id, it.owner.organization])?;
    Ok(())
}

impl Store {
    /// The organization that a connection belongs to, or belonged to. None: nobody knows of it.
    pub fn organization_of(&self, connection: &str) -> Result<Option<i64>> {
        self.with(|db| {
            db.prepare_cached(
                "SELECT organization FROM connection WHERE id = ?1
                 UNION ALL SELECT organization FROM former_connection WHERE id = ?1 LIMIT 1",
            )?
            .query_row([connection], |row| row.get(0))
            .optional()
        })
    }
}
