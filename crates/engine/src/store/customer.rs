//! Customers: the end users that organizations act for.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::{Store, from_json, json};
use crate::clock::Seconds;
use crate::error::Result;
use crate::program::Customer;

pub(super) const TABLE: &str = "
    CREATE TABLE customer (
        number       INTEGER PRIMARY KEY AUTOINCREMENT,
        organization INTEGER NOT NULL,
        id           TEXT NOT NULL,
        settings     TEXT NOT NULL,
        made_at      INTEGER NOT NULL,
        changed_at   INTEGER NOT NULL,
        UNIQUE (organization, id)
    ) STRICT;";

const COLUMNS: &str = "number, organization, id, settings, made_at, changed_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Customer> {
    Ok(Customer {
        number: row.get(0)?,
        organization: row.get(1)?,
        id: row.get(2)?,
        settings: from_json(3, &row.get::<_, String>(3)?)?,
        made_at: row.get(4)?,
        changed_at: row.get(5)?,
    })
}

impl Store {
    pub fn customer(&self, organization: i64, id: &str) -> Result<Option<Customer>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE organization = ?1 AND id = ?2"))?
                .query_row(params![organization, id], read)
                .optional()
        })
    }

    /// Makes it where there is none.
    pub fn customer_made(&self, organization: i64, id: &str, now: Seconds) -> Result<Customer> {
        if let Some(known) = self.customer(organization, id)? {
            return Ok(known);
        }
        self.with(|db| {
            db.execute(
                "INSERT OR IGNORE INTO customer (organization, id, settings, made_at, changed_at)
                 VALUES (?1, ?2, '{}', ?3, ?3)",
                params![organization, id, now],
            )?;
            db.query_row(
                &format!("SELECT {COLUMNS} FROM customer WHERE organization = ?1 AND id = ?2"),
                params![organization, id],
                read,
            )
        })
    }

    /// The oldest first.
    pub fn customers(&self, organization: i64) -> Result<Vec<Customer>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM customer WHERE organization = ?1 ORDER BY number"
            ))?
            .query_map([organization], read)?
            .collect()
        })
    }

    pub fn set_customer(
        &self,
        organization: i64,
        id: &str,
        settings: &Map<String, Value>,
        now: Seconds,
    ) -> Result<Customer> {
        self.write(|db| {
            db.query_row(
                &format!(
                    "INSERT INTO customer (organization, id, settings, made_at, changed_at) VALUES (?1, ?2, ?3, ?4, ?4)
                     ON CONFLICT DO UPDATE SET settings = ?3, changed_at = ?4 RETURNING {COLUMNS}"
                ),
                params![organization, id, json(settings)?, now],
                read,
            )
        })
    }

    /// False: there is none.
    pub fn forget_customer(&self, organization: i64, id: &str) -> Result<bool> {
        self.with(|db| {
            db.execute("DELETE FROM customer WHERE organization = ?1 AND id = ?2", params![organization, id])
                .map(|count| count > 0)
        })
    }
}
