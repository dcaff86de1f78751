//! Connections as programs know them. A row stays when its connection goes.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, from_json, json};
use crate::clock::Seconds;
use crate::error::Result;
use crate::program::{Action, DataSource, Owner};

pub(super) const TABLE: &str = "
    CREATE TABLE data_source (
        number       INTEGER PRIMARY KEY AUTOINCREMENT,
        connection   TEXT NOT NULL UNIQUE,
        organization INTEGER NOT NULL,
        customer     TEXT NOT NULL,
        provider     TEXT NOT NULL,
        account      TEXT NOT NULL,
        title        TEXT NOT NULL,
        inputs       TEXT NOT NULL,
        tags         TEXT NOT NULL,
        options      TEXT NOT NULL,
        action       TEXT NOT NULL,
        action_at    INTEGER NOT NULL,
        revoked      INTEGER NOT NULL,
        made_at      INTEGER NOT NULL,
        changed_at   INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX data_source_of_owner ON data_source (organization, customer, number);";

const COLUMNS: &str = "number, connection, organization, customer, provider, account, title, inputs, tags, options, \
    action, action_at, revoked, made_at, changed_at";

fn read(row: &Row<'_>) -> rusqlite::Result<DataSource> {
    let action = row.get::<_, String>(10)?;
    Ok(DataSource {
        number: row.get(0)?,
        connection: row.get(1)?,
        owner: Owner { organization: row.get(2)?, customer: row.get(3)? },
        provider: row.get(4)?,
        account: row.get(5)?,
        title: row.get(6)?,
        inputs: from_json(7, &row.get::<_, String>(7)?)?,
        tags: from_json(8, &row.get::<_, String>(8)?)?,
        options: from_json(9, &row.get::<_, String>(9)?)?,
        action: from_json::<Action>(10, &format!("\"{action}\""))?,
        action_at: row.get(11)?,
        revoked: row.get(12)?,
        made_at: row.get(13)?,
        changed_at: row.get(14)?,
    })
}

/// The connection is gone.
pub(super) fn revoked(db: &rusqlite::Connection, connection: &str, now: Seconds) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE data_source SET revoked = 1, action = 'REVOKE', action_at = ?2, changed_at = ?2
         WHERE connection = ?1 AND revoked = 0",
    )?
    .execute(params![connection, now])?;
    Ok(())
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Update => "UPDATE",
            Self::Cancel => "CANCEL",
            Self::Revoke => "REVOKE",
        }
    }
}

impl Store {
    pub fn data_source(&self, number: i64) -> Result<Option<DataSource>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM data_source WHERE number = ?1"))?
                .query_row([number], read)
                .optional()
        })
    }

    pub fn data_source_of(&self, connection: &str) -> Result<Option<DataSource>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM data_source WHERE connection = ?1"))?
                .query_row([connection], read)
                .optional()
        })
    }

    /// An account that was revoked, and may come back.
    pub fn revoked_data_source(
        &self,
        owner: &Owner,
        provider: &str,
        account: &str,
    ) -> Result<Option<DataSource>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM data_source WHERE organization = ?1 AND customer = ?2 AND provider = ?3
                     AND account = ?4 AND revoked = 1 ORDER BY number DESC LIMIT 1"
            ))?
            .query_row(params![owner.organization, owner.customer, provider, account], read)
            .optional()
        })
    }

    /// Those of an organization, or of one customer of it, the oldest first.
    pub fn data_sources(&self, organization: i64, customer: Option<&str>) -> Result<Vec<DataSource>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM data_source WHERE organization = ?1 AND (?2 IS NULL OR customer = ?2)
                 ORDER BY number"
            ))?
            .query_map(params![organization, customer], read)?
            .collect()
        })
    }

    /// Publishes a connection; the number of `it` is not looked at. Answers the number.
    pub fn publish(&self, it: &DataSource) -> Result<i64> {
        self.with(|db| {
            db.query_row(
                "INSERT INTO data_source (connection, organization, customer, provider, account, title, inputs, tags,
                     options, action, action_at, revoked, made_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT (connection) DO UPDATE SET account = ?5, title = ?6, inputs = ?7, tags = ?8, options = ?9,
                     action = ?10, action_at = ?11, revoked = ?12, changed_at = ?14 RETURNING number",
                params![
                    it.connection,
                    it.owner.organization,
                    it.owner.customer,
                    it.provider,
                    it.account,
                    it.title,
                    json(&it.inputs)?,
                    json(&it.tags)?,
                    json(&it.options)?,
                    it.action.as_str(),
                    it.action_at,
                    it.revoked,
                    it.made_at,
                    it.changed_at
                ],
                |row| row.get(0),
            )
        })
    }

    /// Changes one, in one transaction. None: there is none of this number.
    pub fn change_data_source(
        &self,
        number: i64,
        now: Seconds,
        change: impl FnOnce(&mut DataSource),
    ) -> Result<Option<DataSource>> {
        self.write(|db| {
            let found = db
                .prepare_cached(&format!("SELECT {COLUMNS} FROM data_source WHERE number = ?1"))?
                .query_row([number], read)
                .optional()?;
            let Some(mut it) = found else { return Ok(None) };
            change(&mut it);
            it.changed_at = now;
            db.prepare_cached(
                "UPDATE data_source SET title = ?2, tags = ?3, options = ?4, action = ?5, action_at = ?6, revoked = ?7,
                     changed_at = ?8 WHERE number = ?1",
            )?
            .execute(params![
                number,
                it.title,
                json(&it.tags)?,
                json(&it.options)?,
                it.action.as_str(),
                it.action_at,
                it.revoked,
                it.changed_at
            ])?;
            Ok(Some(it))
        })
    }

    pub fn forget_data_source(&self, number: i64) -> Result<()> {
        self.with(|db| db.execute("DELETE FROM data_source WHERE number = ?1", [number]).map(drop))
    }
}
