//! Connections: whose account, through which app, how it fares, and which version of its tokens counts.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};

use super::{Kind, Store, from_json, json};
use crate::clock::Seconds;
use crate::connection::{Connection, Trouble};
use crate::error::Result;
use crate::program::Owner;

pub(super) const TABLE: &str = "
    CREATE TABLE connection (
        id                TEXT PRIMARY KEY,
        provider          TEXT NOT NULL,
        name              TEXT NOT NULL,
        inputs            TEXT NOT NULL,
        facts             TEXT NOT NULL,
        account_id        TEXT NOT NULL,
        account_name      TEXT NOT NULL,
        account_email     TEXT NOT NULL,
        account_workspace TEXT NOT NULL,
        app_host          TEXT NOT NULL,
        client_id         TEXT NOT NULL,
        redirect          TEXT NOT NULL,
        way               TEXT NOT NULL,
        asked             TEXT NOT NULL,
        granted           TEXT,
        secret_version    INTEGER NOT NULL,
        has_refresh       INTEGER NOT NULL,
        access_until      INTEGER,
        access_life       INTEGER,
        refresh_until     INTEGER,
        refreshed_at      INTEGER NOT NULL,
        authorized_at     INTEGER NOT NULL,
        connected_at      INTEGER NOT NULL,
        last_used_at      INTEGER,
        last_ok_at        INTEGER,
        last_refresh_at   INTEGER,
        refreshes         INTEGER NOT NULL,
        last_failed_at    INTEGER,
        failures          INTEGER NOT NULL,
        retry_at          INTEGER,
        trouble           TEXT,
        disconnecting     INTEGER NOT NULL
    ) STRICT;";

/// Whom a connection belongs to, and whose app it signed in through: 0 is the person at this computer.
pub(super) const OWNERS: &str = "
    ALTER TABLE connection ADD COLUMN organization INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE connection ADD COLUMN customer TEXT NOT NULL DEFAULT '';
    ALTER TABLE connection ADD COLUMN app_organization INTEGER NOT NULL DEFAULT 0;";

/// What was asked for the contents of a queued disconnect. Of one queued before nobody knows, so they stay.
pub(super) const KEPT: &str = "
    ALTER TABLE connection ADD COLUMN keep_contents INTEGER NOT NULL DEFAULT 0;
    UPDATE connection SET keep_contents = disconnecting;";

const COLUMNS: &str = "id, provider, name, inputs, facts, account_id, account_name, account_email, account_workspace, \
    app_host, client_id, redirect, way, asked, granted, secret_version, has_refresh, access_until, access_life, \
    refresh_until, refreshed_at, authorized_at, connected_at, last_used_at, last_ok_at, last_refresh_at, refreshes, \
    last_failed_at, failures, retry_at, trouble, disconnecting, organization, customer, app_organization, keep_contents";

/// What an attempt to store a new token pair came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    Done,
    /// Another process was faster, or the connection is gone: nothing was changed.
    Overtaken,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Connection> {
    let text = |column: usize| row.get::<_, String>(column);
    let inputs: BTreeMap<String, String> = from_json(3, &text(3)?)?;
    let granted: Option<String> = row.get(14)?;
    let trouble: Option<String> = row.get(30)?;
    Ok(Connection {
        id: row.get(0)?,
        provider: row.get(1)?,
        name: row.get(2)?,
        inputs,
        facts: from_json(4, &text(4)?)?,
        account_id: row.get(5)?,
        account_name: row.get(6)?,
        account_email: row.get(7)?,
        account_workspace: row.get(8)?,
        app_host: row.get(9)?,
        client_id: row.get(10)?,
        redirect: row.get(11)?,
        way: row.get(12)?,
        asked: from_json(13, &text(13)?)?,
        granted: granted.map(|text| from_json(14, &text)).transpose()?,
        secret_version: row.get(15)?,
        has_refresh: row.get(16)?,
        access_until: row.get(17)?,
        access_life: row.get(18)?,
        refresh_until: row.get(19)?,
        refreshed_at: row.get(20)?,
        authorized_at: row.get(21)?,
        connected_at: row.get(22)?,
        last_used_at: row.get(23)?,
        last_ok_at: row.get(24)?,
        last_refresh_at: row.get(25)?,
        refreshes: row.get(26)?,
        last_failed_at: row.get(27)?,
        failures: row.get(28)?,
        retry_at: row.get(29)?,
        trouble: trouble.map(|text| from_json::<Trouble>(30, &text)).transpose()?,
        disconnecting: row.get(31)?,
        owner: Owner { organization: row.get(32)?, customer: row.get(33)? },
        app_organization: row.get(34)?,
        keep_contents: row.get(35)?,
    })
}

fn put(db: &rusqlite::Connection, it: &Connection, verb: &str) -> rusqlite::Result<usize> {
    let marks: Vec<String> = (1..=36).map(|n| format!("?{n}")).collect();
    db.prepare_cached(&format!("{verb} INTO connection ({COLUMNS}) VALUES ({})", marks.join(", ")))?.execute(
        params![
            it.id,
            it.provider,
            it.name,
            json(&it.inputs)?,
            json(&it.facts)?,
            it.account_id,
            it.account_name,
            it.account_email,
            it.account_workspace,
            it.app_host,
            it.client_id,
            it.redirect,
            it.way,
            json(&it.asked)?,
            it.granted.as_ref().map(json).transpose()?,
            it.secret_version,
            it.has_refresh,
            it.access_until,
            it.access_life,
            it.refresh_until,
            it.refreshed_at,
            it.authorized_at,
            it.connected_at,
            it.last_used_at,
            it.last_ok_at,
            it.last_refresh_at,
            it.refreshes,
            it.last_failed_at,
            it.failures,
            it.retry_at,
            it.trouble.as_ref().map(json).transpose()?,
            it.disconnecting,
            it.owner.organization,
            it.owner.customer,
            it.app_organization,
            it.keep_contents,
        ],
    )
}

impl Store {
    pub fn connection(&self, id: &str) -> Result<Option<Connection>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM connection WHERE id = ?1"))?
                .query_row([id], read)
                .optional()
        })
    }

    pub fn connections(&self) -> Result<Vec<Connection>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM connection ORDER BY connected_at, id"))?
                .query_map([], read)?
                .collect()
        })
    }

    /// The connection of this account, if its owner has one.
    pub fn connection_of(
        &self,
        owner: &Owner,
        provider: &str,
        account_id: &str,
    ) -> Result<Option<Connection>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM connection WHERE provider = ?1 AND account_id = ?2 AND organization = ?3
                     AND customer = ?4 AND disconnecting = 0"
            ))?
            .query_row(params![provider, account_id, owner.organization, owner.customer], read)
            .optional()
        })
    }

    /// Stores a connection with the token version it carries, if `was` is still the version in the store (0: no
    /// such connection yet). What a person changed while the provider was being asked stays changed. In the same
    /// transaction the new vault entry is kept, the old one is to be swept, an unfinished refresh is finished, and what
    /// happened is written down.
    pub fn commit_tokens(
        &self,
        it: &Connection,
        was: u32,
        happened: &[(Seconds, Kind, String)],
    ) -> Result<Stored> {
        self.write(|db| {
            let now = db
                .prepare_cached(&format!("SELECT {COLUMNS} FROM connection WHERE id = ?1"))?
                .query_row([&it.id], read)
                .optional()?;
            if now.as_ref().map_or(0, |now| now.secret_version) != was {
                return Ok(Stored::Overtaken);
            }
            let mut it = it.clone();
            if let Some(now) = now {
                it.name = now.name;
                it.last_used_at = now.last_used_at;
            }
            put(db, &it, "INSERT OR REPLACE")?;
            let old = (was > 0).then(|| Connection::entry(&it.id, was));
            super::journal::keep_and_sweep(db, Some(&it.secret_entry()), old.as_deref())?;
            db.prepare_cached("DELETE FROM refreshing WHERE connection = ?1")?.execute([&it.id])?;
            for (at, kind, words) in happened {
                super::event::put(db, &it.id, &it.title(), *at, *kind, words)?;
            }
            Ok(Stored::Done)
        })
    }

    /// Changes what is known of a connection, never its token version.
    pub fn note(&self, id: &str, change: impl FnOnce(&mut Connection)) -> Result<Option<Connection>> {
        self.write(|db| {
            let found = db
                .prepare_cached(&format!("SELECT {COLUMNS} FROM connection WHERE id = ?1"))?
                .query_row([id], read)
                .optional()?;
            let Some(mut connection) = found else { return Ok(None) };
            let version = connection.secret_version;
            change(&mut connection);
            connection.secret_version = version;
            put(db, &connection, "REPLACE")?;
            Ok(Some(connection))
        })
    }

    /// Takes the connection out; its vault entry is to be swept. Events stay, and a program sees that it was revoked.
    pub fn remove_connection(&self, it: &Connection, now: Seconds) -> Result<()> {
        self.write(|db| {
            super::data_source::revoked(db, &it.id, now)?;
            super::former::put(db, it)?;
            db.execute("DELETE FROM connection WHERE id = ?1", [&it.id])?;
            db.execute("DELETE FROM refreshing WHERE connection = ?1", [&it.id])?;
            super::journal::keep_and_sweep(db, None, Some(&it.secret_entry()))
        })
    }
}
