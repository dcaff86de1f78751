//! The organisation's OAuth apps. The client secret is in the vault; here is only which version of it counts.

use rusqlite::{OptionalExtension, Row, params};

use super::Store;
use crate::clock::Seconds;
use crate::error::Result;

pub(super) const TABLE: &str = "
    CREATE TABLE app (
        provider       TEXT NOT NULL,
        host           TEXT NOT NULL,
        client_id      TEXT NOT NULL,
        secret_version INTEGER NOT NULL,
        relay          TEXT,
        loopback_port  INTEGER,
        saved_at       INTEGER NOT NULL,
        PRIMARY KEY (provider, host)
    ) STRICT;";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRow {
    pub provider: String,
    /// What the app belongs to; empty where one app serves all.
    pub host: String,
    pub client_id: String,
    /// 0: no secret.
    pub secret_version: u32,
    pub relay: Option<String>,
    pub loopback_port: Option<u16>,
    pub saved_at: Seconds,
}

impl AppRow {
    /// The vault entry of the client secret in this version.
    pub fn secret_entry(&self) -> Option<String> {
        (self.secret_version > 0)
            .then(|| format!("app/{}/{}/{}", self.provider, self.host, self.secret_version))
    }
}

const COLUMNS: &str = "provider, host, client_id, secret_version, relay, loopback_port, saved_at";

fn read(row: &Row<'_>) -> rusqlite::Result<AppRow> {
    Ok(AppRow {
        provider: row.get(0)?,
        host: row.get(1)?,
        client_id: row.get(2)?,
        secret_version: row.get(3)?,
        relay: row.get(4)?,
        loopback_port: row.get(5)?,
        saved_at: row.get(6)?,
    })
}

impl Store {
    pub fn app(&self, provider: &str, host: &str) -> Result<Option<AppRow>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM app WHERE provider = ?1 AND host = ?2"))?
                .query_row([provider, host], read)
                .optional()
        })
    }

    pub fn apps(&self) -> Result<Vec<AppRow>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM app ORDER BY provider, host"))?
                .query_map([], read)?
                .collect()
        })
    }

    /// Saves the app; entries in `sweep` are to be deleted from the vault afterwards, `kept` no more.
    pub fn save_app(&self, app: &AppRow, kept: Option<&str>, sweep: Option<&str>) -> Result<()> {
        self.write(|db| {
            db.prepare_cached(
                "INSERT INTO app (provider, host, client_id, secret_version, relay, loopback_port, saved_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET client_id = ?3, secret_version = ?4, relay = ?5, loopback_port = ?6, saved_at = ?7",
            )?
            .execute(params![
                app.provider,
                app.host,
                app.client_id,
                app.secret_version,
                app.relay,
                app.loopback_port,
                app.saved_at
            ])?;
            super::journal::keep_and_sweep(db, kept, sweep)
        })
    }

    pub fn forget_app(&self, app: &AppRow) -> Result<()> {
        self.write(|db| {
            db.execute("DELETE FROM app WHERE provider = ?1 AND host = ?2", [&app.provider, &app.host])?;
            super::journal::keep_and_sweep(db, None, app.secret_entry().as_deref())
        })
    }
}
