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

/// Organizations of other programs may have apps of their own, whose answers come to an address of theirs.
pub(super) const ORGANIZATIONS: &str = "
    ALTER TABLE app RENAME TO app_before;
    CREATE TABLE app (
        organization   INTEGER NOT NULL,
        provider       TEXT NOT NULL,
        host           TEXT NOT NULL,
        client_id      TEXT NOT NULL,
        secret_version INTEGER NOT NULL,
        relay          TEXT,
        loopback_port  INTEGER,
        redirect       TEXT,
        saved_at       INTEGER NOT NULL,
        PRIMARY KEY (organization, provider, host)
    ) STRICT;
    INSERT INTO app SELECT 0, provider, host, client_id, secret_version, relay, loopback_port, NULL, saved_at FROM app_before;
    DROP TABLE app_before;";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRow {
    /// Whose it is; 0: the person's own, which serves everybody who has none.
    pub organization: i64,
    pub provider: String,
    /// What the app belongs to; empty where one app serves all.
    pub host: String,
    pub client_id: String,
    /// 0: no secret.
    pub secret_version: u32,
    pub relay: Option<String>,
    pub loopback_port: Option<u16>,
    /// The address that answers come to, where the organization named one.
    pub redirect: Option<String>,
    pub saved_at: Seconds,
}

impl AppRow {
    /// The vault entry of the client secret in this version.
    pub fn secret_entry(&self) -> Option<String> {
        let whose = match self.organization {
            0 => String::new(),
            number => format!("{number}:"),
        };
        (self.secret_version > 0)
            .then(|| format!("app/{whose}{}/{}/{}", self.provider, self.host, self.secret_version))
    }
}

const COLUMNS: &str =
    "organization, provider, host, client_id, secret_version, relay, loopback_port, redirect, saved_at";

fn read(row: &Row<'_>) -> rusqlite::Result<AppRow> {
    Ok(AppRow {
        organization: row.get(0)?,
        provider: row.get(1)?,
        host: row.get(2)?,
        client_id: row.get(3)?,
        secret_version: row.get(4)?,
        relay: row.get(5)?,
        loopback_port: row.get(6)?,
        redirect: row.get(7)?,
        saved_at: row.get(8)?,
    })
}

impl Store {
    pub fn app(&self, organization: i64, provider: &str, host: &str) -> Result<Option<AppRow>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM app WHERE organization = ?1 AND provider = ?2 AND host = ?3"
            ))?
            .query_row(params![organization, provider, host], read)
            .optional()
        })
    }

    pub fn apps(&self, organization: i64) -> Result<Vec<AppRow>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM app WHERE organization = ?1 ORDER BY provider, host"
            ))?
            .query_map([organization], read)?
            .collect()
        })
    }

    /// Saves the app; entries in `sweep` are to be deleted from the vault afterwards, `kept` no more.
    pub fn save_app(&self, app: &AppRow, kept: Option<&str>, sweep: Option<&str>) -> Result<()> {
        self.write(|db| {
            db.prepare_cached(
                "INSERT INTO app (organization, provider, host, client_id, secret_version, relay, loopback_port, redirect, saved_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT DO UPDATE SET client_id = ?4, secret_version = ?5, relay = ?6, loopback_port = ?7,
                     redirect = ?8, saved_at = ?9",
            )?
            .execute(params![
                app.organization,
                app.provider,
                app.host,
                app.client_id,
                app.secret_version,
                app.relay,
                app.loopback_port,
                app.redirect,
                app.saved_at
            ])?;
            super::journal::keep_and_sweep(db, kept, sweep)
        })
    }

    pub fn forget_app(&self, app: &AppRow) -> Result<()> {
        self.write(|db| {
            db.execute(
                "DELETE FROM app WHERE organization = ?1 AND provider = ?2 AND host = ?3",
                params![app.organization, app.provider, app.host],
            )?;
            super::journal::keep_and_sweep(db, None, app.secret_entry().as_deref())
        })
    }
}
