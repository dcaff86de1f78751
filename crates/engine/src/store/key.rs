//! Keys of other programs: of the secret only its hash, what each may, every use, and what a person agreed to.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, from_json, json};
use crate::clock::Seconds;
use crate::error::Result;
use crate::program::{Key, May, Organization, Use};

pub(super) const TABLES: &str = "
    CREATE TABLE organization (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        name    TEXT NOT NULL UNIQUE,
        made_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE key (
        id           TEXT PRIMARY KEY,
        name         TEXT NOT NULL,
        organization INTEGER NOT NULL REFERENCES organization (number),
        hash         BLOB NOT NULL UNIQUE,
        may          TEXT NOT NULL,
        made_at      INTEGER NOT NULL,
        last_used_at INTEGER,
        revoked_at   INTEGER
    ) STRICT;
    CREATE TABLE temporary_key (
        hash     BLOB PRIMARY KEY,
        key      TEXT NOT NULL REFERENCES key (id),
        customer TEXT NOT NULL,
        until    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE key_use (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        key        TEXT NOT NULL,
        at         INTEGER NOT NULL,
        what       TEXT NOT NULL,
        connection TEXT NOT NULL,
        status     INTEGER NOT NULL,
        times      INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX key_use_of_key ON key_use (key, id);
    CREATE TRIGGER key_use_is_never_changed BEFORE UPDATE ON key_use
        BEGIN SELECT RAISE(ABORT, 'uses are append-only'); END;
    CREATE TRIGGER key_use_is_never_deleted BEFORE DELETE ON key_use
        BEGIN SELECT RAISE(ABORT, 'uses are append-only'); END;
    CREATE TABLE approval (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        key        TEXT NOT NULL REFERENCES key (id),
        connection TEXT NOT NULL,
        asked_at   INTEGER NOT NULL,
        decided_at INTEGER,
        allowed    INTEGER NOT NULL DEFAULT 0,
        UNIQUE (key, connection)
    ) STRICT;";

/// What a person is asked, or has said, about a program and a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub id: i64,
    pub key: String,
    pub connection: String,
    pub asked_at: Seconds,
    pub decided_at: Option<Seconds>,
    pub allowed: bool,
}

/// Temporary keys of one key and customer that are good at once.
const MOST_TEMPORARY: i64 = 100;

const COLUMNS: &str = "key.id, key.name, key.organization, organization.name, key.may, key.made_at, \
    key.last_used_at, key.revoked_at";
const KEYS: &str = "key JOIN organization ON organization.number = key.organization";

fn read(row: &Row<'_>) -> rusqlite::Result<Key> {
    Ok(Key {
        id: row.get(0)?,
        name: row.get(1)?,
        organization: row.get(2)?,
        organization_name: row.get(3)?,
        may: from_json::<May>(4, &row.get::<_, String>(4)?)?,
        made_at: row.get(5)?,
        last_used_at: row.get(6)?,
        revoked_at: row.get(7)?,
    })
}

fn read_approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    Ok(Approval {
        id: row.get(0)?,
        key: row.get(1)?,
        connection: row.get(2)?,
        asked_at: row.get(3)?,
        decided_at: row.get(4)?,
        allowed: row.get(5)?,
    })
}

impl Store {
    /// Makes a key, and its organization where none has the name. Answers the organization's number.
    pub fn add_key(&self, key: &Key, hash: &[u8]) -> Result<i64> {
        self.write(|db| {
            db.execute(
                "INSERT OR IGNORE INTO organization (name, made_at) VALUES (?1, ?2)",
                params![key.organization_name, key.made_at],
            )?;
            let organization: i64 = db.query_row(
                "SELECT number FROM organization WHERE name = ?1",
                [&key.organization_name],
                |row| row.get(0),
            )?;
            db.execute(
                "INSERT INTO key (id, name, organization, hash, may, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![key.id, key.name, organization, hash, json(&key.may)?, key.made_at],
            )?;
            Ok(organization)
        })
    }

    /// All keys, the newest first, the revoked ones among them.
    pub fn keys(&self) -> Result<Vec<Key>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM {KEYS} ORDER BY key.made_at DESC, key.id"))?
                .query_map([], read)?
                .collect()
        })
    }

    pub fn key(&self, id: &str) -> Result<Option<Key>> {
        self.with(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM {KEYS} WHERE key.id = ?1"))?
                .query_row([id], read)
                .optional()
        })
    }

    /// The key with this hash, if it was not revoked. Found by the hash of a random secret, so that the time the search
    /// takes tells nothing of use.
    pub fn key_by_hash(&self, hash: &[u8]) -> Result<Option<Key>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM {KEYS} WHERE key.hash = ?1 AND key.revoked_at IS NULL"
            ))?
            .query_row([hash], read)
            .optional()
        })
    }

    /// Revokes a key with the temporary ones made of it. False: there is none, or it was revoked before.
    pub fn revoke_key(&self, id: &str, at: Seconds) -> Result<bool> {
        self.write(|db| {
            db.execute("DELETE FROM temporary_key WHERE key = ?1", [id])?;
            db.execute("UPDATE key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", params![id, at])
                .map(|count| count > 0)
        })
    }

    pub fn organization(&self, number: i64) -> Result<Option<Organization>> {
        self.with(|db| {
            db.prepare_cached("SELECT number, name, made_at FROM organization WHERE number = ?1")?
                .query_row([number], |row| {
                    Ok(Organization { number: row.get(0)?, name: row.get(1)?, made_at: row.get(2)? })
                })
                .optional()
        })
    }

    /// Notes a temporary key, and forgets those whose time is over and the oldest of those that are too many.
    pub fn add_temporary(
        &self,
        hash: &[u8],
        key: &str,
        customer: &str,
        until: Seconds,
        now: Seconds,
    ) -> Result<()> {
        self.write(|db| {
            db.execute("DELETE FROM temporary_key WHERE until <= ?1", [now])?;
            db.execute(
                "DELETE FROM temporary_key WHERE hash IN (SELECT hash FROM temporary_key
                     WHERE key = ?1 AND customer = ?2 ORDER BY until DESC LIMIT -1 OFFSET ?3)",
                params![key, customer, MOST_TEMPORARY - 1],
            )?;
            db.execute(
                "INSERT INTO temporary_key (hash, key, customer, until) VALUES (?1, ?2, ?3, ?4)",
                params![hash, key, customer, until],
            )?;
            Ok(())
        })
    }

    /// The key that a temporary one was made of, and its customer.
    pub fn key_of_temporary(&self, hash: &[u8], now: Seconds) -> Result<Option<(Key, String)>> {
        self.with(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS}, temporary_key.customer FROM {KEYS} JOIN temporary_key ON temporary_key.key = key.id
                 WHERE temporary_key.hash = ?1 AND temporary_key.until > ?2 AND key.revoked_at IS NULL"
            ))?
            .query_row(params![hash, now], |row| Ok((read(row)?, row.get(8)?)))
            .optional()
        })
    }

    /// Writes down uses, and each key's last one.
    pub fn used(&self, uses: &[Use]) -> Result<()> {
        self.write(|db| {
            for it in uses {
                db.prepare_cached(
                    "INSERT INTO key_use (key, at, what, connection, status, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![it.key, it.at, it.what, it.connection, it.status, it.times])?;
                db.prepare_cached(
                    "UPDATE key SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at, 0) < ?2",
                )?
                .execute(params![it.key, it.at])?;
            }
            Ok(())
        })
    }

    /// The newest uses of a key below `before`, each with its number.
    pub fn uses(&self, key: &str, before: Option<i32>, limit: u32) -> Result<Vec<(i32, Use)>> {
        self.with(|db| {
            db.prepare_cached(
                "SELECT id, key, at, what, connection, status, times FROM key_use
                 WHERE key = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![key, before.unwrap_or(i32::MAX), limit], |row| {
                let it = Use {
                    key: row.get(1)?,
                    at: row.get(2)?,
                    what: row.get(3)?,
                    connection: row.get(4)?,
                    status: row.get(5)?,
                    times: row.get(6)?,
                };
                Ok((row.get(0)?, it))
            })?
            .collect()
        })
    }

    /// What was said about a program and a connection; asked now where nothing was asked before.
    pub fn approval(&self, key: &str, connection: &str, now: Seconds) -> Result<Approval> {
        self.write(|db| {
            db.execute(
                "INSERT OR IGNORE INTO approval (key, connection, asked_at) VALUES (?1, ?2, ?3)",
                params![key, connection, now],
            )?;
            db.query_row(
                "SELECT id, key, connection, asked_at, decided_at, allowed FROM approval
                 WHERE key = ?1 AND connection = ?2",
                [key, connection],
                read_approval,
            )
        })
    }

    /// What waits for the person.
    pub fn open_approvals(&self) -> Result<Vec<Approval>> {
        self.with(|db| {
            db.prepare_cached(
                "SELECT approval.id, key, connection, asked_at, decided_at, allowed FROM approval
                 JOIN key ON key.id = approval.key AND key.revoked_at IS NULL
                 WHERE decided_at IS NULL ORDER BY approval.id",
            )?
            .query_map([], read_approval)?
            .collect()
        })
    }

    /// Decides, once: what was decided stays. Answers the question as it stands now, and whether this decided it.
    pub fn decide_approval(&self, id: i64, allowed: bool, now: Seconds) -> Result<Option<(Approval, bool)>> {
        self.write(|db| {
            let decided = db.execute(
                "UPDATE approval SET decided_at = ?2, allowed = ?3 WHERE id = ?1 AND decided_at IS NULL",
                params![id, now, allowed],
            )?;
            db.query_row(
                "SELECT id, key, connection, asked_at, decided_at, allowed FROM approval WHERE id = ?1",
                [id],
                read_approval,
            )
            .optional()
            .map(|it| it.map(|it| (it, decided > 0)))
        })
    }
}
