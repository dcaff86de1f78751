//! Items as the sources list them, and the text that is kept of them.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Library, Wanted};
use crate::clock::Seconds;
use crate::error::Result;
use crate::item::{Item, Kind};

pub(super) const TABLES: &str = "
    CREATE TABLE item (
        row          INTEGER PRIMARY KEY,
        connection   TEXT NOT NULL,
        id           TEXT NOT NULL,
        parent       TEXT,
        root         TEXT,
        name         TEXT NOT NULL,
        kind         TEXT NOT NULL,
        format       TEXT,
        size         INTEGER,
        modified     INTEGER,
        url          TEXT,
        selectable   INTEGER NOT NULL,
        expandable   INTEGER NOT NULL,
        version      TEXT NOT NULL,
        note         TEXT,
        listing      INTEGER NOT NULL,
        state        INTEGER NOT NULL DEFAULT 0,
        kept_version TEXT,
        kept_at      INTEGER,
        kept_bytes   INTEGER NOT NULL DEFAULT 0,
        failure      TEXT,
        UNIQUE (connection, id)
    ) STRICT;
    CREATE INDEX item_below ON item (connection, parent, expandable DESC, name COLLATE NOCASE, row);
    CREATE INDEX item_state ON item (connection, state, row) WHERE state > 0;
    CREATE TABLE body (
        row  INTEGER PRIMARY KEY,
        text TEXT NOT NULL
    ) STRICT;";

/// When the text was last kept, or could not be.
pub(super) const READ_AT: &str = "
    ALTER TABLE item ADD COLUMN read_at INTEGER;
    UPDATE item SET read_at = changed_at WHERE state IN (2, 3);";

/// How far an item's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Listed only.
    No = 0,
    Waiting = 1,
    Kept = 2,
    Failed = 3,
    /// Chosen, and by choice not fetched.
    Ready = 4,
}

impl Read {
    pub(super) fn of(number: i64) -> Self {
        match number {
            1 => Self::Waiting,
            2 => Self::Kept,
            3 => Self::Failed,
            4 => Self::Ready,
            _ => Self::No,
        }
    }
}

/// An item as the library knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub row: i64,
    pub connection: String,
    pub item: Item,
    pub read: Read,
    pub kept_at: Option<Seconds>,
    pub kept_bytes: u64,
    /// Why it could not be read, in words.
    pub failure: Option<String>,
}

/// A listed item with the text of its contents, where these came along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    pub item: Item,
    /// The text, or why there is none.
    pub text: Option<Result<String, String>>,
}

/// An item whose contents are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub row: i64,
    pub item: Item,
}

/// One page of what stands below an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub rows: Vec<Row>,
    pub count: u64,
}

pub(super) const COLUMNS: &str = "row, connection, id, parent, root, name, kind, format, size, modified, url, \
    selectable, expandable, version, note, state, kept_at, kept_bytes, failure";

pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        row: row.get(0)?,
        connection: row.get(1)?,
        item: Item {
            id: row.get(2)?,
            parent: row.get(3)?,
            root: row.get(4)?,
            name: row.get(5)?,
            kind: Kind::from_name(&row.get::<_, String>(6)?).unwrap_or_default(),
            format: row.get(7)?,
            size: row.get::<_, Option<i64>>(8)?.and_then(|size| u64::try_from(size).ok()),
            modified: row.get(9)?,
            url: row.get(10)?,
            selectable: row.get(11)?,
            expandable: row.get(12)?,
            version: row.get(13)?,
            note: row.get(14)?,
        },
        read: Read::of(row.get(15)?),
        kept_at: row.get(16)?,
        kept_bytes: row.get::<_, i64>(17)?.unsigned_abs(),
        failure: row.get(18)?,
    })
}

/// Takes the text of an item out, and the item itself stays.
pub(super) fn drop_text(db: &Transaction<'_>, row: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM texts WHERE rowid = ?1 AND EXISTS (SELECT 1 FROM body WHERE row = ?1)")?
        .execute([row])?;
    db.prepare_cached("DELETE FROM body WHERE row = ?1")?.execute([row])?;
    Ok(())
}

fn drop_item(db: &Transaction<'_>, row: i64) -> rusqlite::Result<()> {
    drop_text(db, row)?;
    // Programs know items by this number, and it must never come to mean another.
    db.prepare_cached("UPDATE numbering SET last = ?1 WHERE last < ?1")?.execute([row])?;
    db.prepare_cached("DELETE FROM file WHERE row = ?1")?.execute([row])?;
    db.prepare_cached("DELETE FROM names WHERE rowid = ?1")?.execute([row])?;
    db.prepare_cached("DELETE FROM item WHERE row = ?1")?.execute([row])?;
    Ok(())
}

/// Keeps a text, or why there is none, for the version that the row has now.
fn keep_text(
    db: &Transaction<'_>,
    row: i64,
    text: &Result<String, String>,
    now: Seconds,
) -> rusqlite::Result<()> {
    match text {
        Ok(text) => {
            let before: Option<bool> = db
                .prepare_cached("SELECT text = ?2 FROM body WHERE row = ?1")?
                .query_row(params![row, text], |row| row.get(0))
                .optional()?;
            // Indexing is nearly all the cost: what reads as before is left alone.
            if before != Some(true) {
                if before.is_some() {
                    db.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([row])?;
                }
                db.prepare_cached("INSERT OR REPLACE INTO body (row, text) VALUES (?1, ?2)")?
                    .execute(params![row, text])?;
                db.prepare_cached("INSERT INTO texts (rowid, text) VALUES (?1, ?2)")?
                    .execute(params![row, text])?;
            }
            let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
            db.prepare_cached(
                "UPDATE item SET state = 2, kept_version = version, kept_at = ?2, kept_bytes = ?3, failure = NULL,
                     changed_at = ?2, read_at = ?2 WHERE row = ?1",
            )?
            .execute(params![row, now, bytes])?;
        }
        Err(why) => {
            // What was kept of an earlier version would be found and not be true.
            drop_text(db, row)?;
            db.prepare_cached(
                "UPDATE item SET state = 3, kept_version = version, kept_at = NULL, kept_bytes = 0, failure = ?2,
                     changed_at = ?3, read_at = ?3 WHERE row = ?1",
            )?
            .execute(params![row, why, now])?;
        }
    }
    Ok(())
}

fn put(
    db: &Transaction<'_>,
    connection: &str,
    listing: i64,
    item: &Item,
    now: Seconds,
) -> rusqlite::Result<i64> {
    let known: Option<(i64, bool)> = db
        .prepare_cached("SELECT row, name = ?3 FROM item WHERE connection = ?1 AND id = ?2")?
        .query_row(params![connection, item.id, item.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let size = item.size.and_then(|size| i64::try_from(size).ok());
    let row = match known {
        Some((row, _)) => {
            db.prepare_cached(
                "UPDATE item SET parent = ?2, root = ?3, name = ?4, kind = ?5, format = ?6, size = ?7, modified = ?8,
                     url = ?9, selectable = ?10, expandable = ?11, version = ?12, note = ?13, listing = ?14,
                     changed_at = CASE WHEN version IS ?12 AND name IS ?4 AND parent IS ?2 THEN changed_at ELSE ?15 END
                 WHERE row = ?1",
            )?
            .execute(params![
                row, item.parent, item.root, item.name, item.kind.as_str(), item.format, size, item.modified,
                item.url, item.selectable, item.expandable, item.version, item.note, listing, now
            ])?;
            row
        }
        None => {
            db.prepare_cached(
                "INSERT INTO item (connection, id, parent, root, name, kind, format, size, modified, url, selectable,
                     expandable, version, note, listing, made_at, changed_at, row)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16,
                     (SELECT max(last, coalesce((SELECT max(row) FROM item), 0)) + 1 FROM numbering))",
            )?
            .execute(params![
                connection, item.id, item.parent, item.root, item.name, item.kind.as_str(), item.format, size,
                item.modified, item.url, item.selectable, item.expandable, item.version, item.note, listing, now
            ])?;
            db.last_insert_rowid()
        }
    };
    if known.is_none_or(|(_, same_name)| !same_name) {
        if known.is_some() {
            db.prepare_cached("DELETE FROM names WHERE rowid = ?1")?.execute([row])?;
        }
        db.prepare_cached("INSERT INTO names (rowid, name) VALUES (?1, ?2)")?
            .execute(params![row, item.name])?;
    }
    Ok(row)
}

impl Library {
    /// Takes in a page of a listing with what came along, and takes out what is gone, with all below it. `after` writes
    /// in the same transaction, knowing how many were taken out.
    pub fn bring(
        &self,
        connection: &str,
        listing: i64,
        page: &[Brought],
        removed: &[String],
        now: Seconds,
        after: impl FnOnce(&Transaction<'_>, u64) -> rusqlite::Result<()>,
    ) -> Result<()> {
        self.write(|db| {
            for brought in page {
                let row = put(db, connection, listing, &brought.item, now)?;
                if let Some(text) = &brought.text {
                    keep_text(db, row, text, now)?;
                }
            }
            let mut gone = 0;
            for id in removed {
                for row in below(db, connection, id)? {
                    drop_item(db, row)?;
                    gone += 1;
                }
            }
            after(db, gone)
        })
    }

    /// Whether the text of a listed item is to be kept and is not there in this version.
    pub fn wants(&self, connection: &str, item: &Item, wanted: &Wanted) -> Result<bool> {
        let program = wanted.program.as_ref();
        if !item.selectable || program.is_some_and(|program| program.nothing_is_fetched) {
            return Ok(false);
        }
        let known: Option<(bool, bool)> = self.look(|db| {
            db.prepare_cached(
                "SELECT state > 1 AND kept_version IS ?3, state = 2 FROM item WHERE connection = ?1 AND id = ?2",
            )?
            .query_row(params![connection, item.id, item.version], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
        })?;
        let (as_it_is, before) = known.unwrap_or_default();
        if as_it_is || program.is_some() && before {
            return Ok(!as_it_is);
        }
        if program.is_some_and(|program| program.without.contains(&item.kind)) {
            return Ok(false);
        }
        if wanted.everything {
            return Ok(true);
        }
        let parent = item.parent.as_deref();
        Ok(self.is_picked(connection, &item.id)?
            || parent.map_or(Ok(false), |parent| self.is_picked(connection, parent))?)
    }

    /// Takes in what a person looks at, ahead of any sync. It belongs to the listing that is or was last under way.
    pub fn peek(&self, connection: &str, items: &[Item], now: Seconds) -> Result<()> {
        self.write(|db| {
            let listing: i64 = db
                .prepare_cached("SELECT coalesce(max(listing), 0) FROM sync WHERE connection = ?1")?
                .query_row([connection], |row| row.get(0))?;
            for item in items {
                put(db, connection, listing, item, now)?;
            }
            Ok(())
        })
    }

    /// Takes out, a thousand at a time, what a complete listing did not bring. Answers how many there were.
    pub fn sweep(&self, connection: &str, listing: i64) -> Result<u64> {
        let mut gone = 0;
        loop {
            let some = self.write(|db| {
                let rows: Vec<i64> = db
                    .prepare_cached("SELECT row FROM item WHERE connection = ?1 AND listing < ?2 LIMIT 1000")?
                    .query_map(params![connection, listing], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                for row in &rows {
                    drop_item(db, *row)?;
                }
                Ok(rows.len() as u64)
            })?;
            gone += some;
            if some == 0 {
                return Ok(gone);
            }
        }
    }

    /// Keeps what was read of waiting items; what was let go of meanwhile stays so.
    pub fn keep(&self, texts: &[(i64, Result<String, String>)], now: Seconds) -> Result<()> {
        self.write(|db| {
            for (row, text) in texts {
                let waits =
                    db.prepare_cached("SELECT 1 FROM item WHERE row = ?1 AND state = 1")?.exists([row])?;
                if waits {
                    keep_text(db, *row, text, now)?;
                }
            }
            Ok(())
        })
    }

    /// Takes an item out that is no longer at its source.
    pub fn gone(&self, row: i64) -> Result<()> {
        self.write(|db| drop_item(db, row))
    }

    /// The next items to read, those that came first before others.
    pub fn waiting(&self, connection: &str, after: i64, most: u32) -> Result<Vec<Waiting>> {
        self.look(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM item WHERE connection = ?1 AND state = 1 AND row > ?2 ORDER BY row LIMIT ?3"
            ))?
            .query_map(params![connection, after, most], read)?
            .map(|row| row.map(|row| Waiting { row: row.row, item: row.item }))
            .collect()
        })
    }

    pub fn item(&self, connection: &str, id: &str) -> Result<Option<Row>> {
        self.look(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM item WHERE connection = ?1 AND id = ?2"))?
                .query_row([connection, id], read)
                .optional()
        })
    }

    /// The kept text of an item.
    pub fn text(&self, row: i64) -> Result<Option<String>> {
        self.look(|db| {
            db.prepare_cached("SELECT text FROM body WHERE row = ?1")?
                .query_row([row], |row| row.get(0))
                .optional()
        })
    }

    /// A page of what stands directly below an item, or at the top: folders first, then by name.
    pub fn below(&self, connection: &str, parent: Option<&str>, offset: u32, most: u32) -> Result<Folder> {
        // What hangs on something that is not shown stands at the top, or nobody would find it.
        let place = match parent {
            Some(_) => "parent = ?2",
            None => {
                "(?2 IS NULL) AND (parent IS NULL OR NOT EXISTS \
                 (SELECT 1 FROM item up WHERE up.connection = item.connection AND up.id = item.parent))"
            }
        };
        self.look(|db| {
            let count: i64 = db
                .prepare_cached(&format!("SELECT count(*) FROM item WHERE connection = ?1 AND {place}"))?
                .query_row(params![connection, parent], |row| row.get(0))?;
            let rows = db
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM item WHERE connection = ?1 AND {place} ORDER BY expandable DESC, name COLLATE NOCASE, row LIMIT ?3 OFFSET ?4"
                ))?
                .query_map(params![connection, parent, most, offset], read)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Folder { rows, count: count.unsigned_abs() })
        })
    }

    /// A page of what could not be read, anywhere in a connection.
    pub fn failed(&self, connection: &str, offset: u32, most: u32) -> Result<Folder> {
        self.look(|db| {
            let count: i64 = db
                .prepare_cached("SELECT count(*) FROM item WHERE connection = ?1 AND state = 3")?
                .query_row([connection], |row| row.get(0))?;
            let rows = db
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM item WHERE connection = ?1 AND state = 3 ORDER BY row LIMIT ?2 OFFSET ?3"
                ))?
                .query_map(params![connection, most, offset], read)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Folder { rows, count: count.unsigned_abs() })
        })
    }

    /// What an item stands in, from the top down, itself left out. Ends where a loop would begin.
    pub fn above(&self, connection: &str, id: &str) -> Result<Vec<Row>> {
        let mut path: Vec<Row> = Vec::new();
        let mut next = self.item(connection, id)?.and_then(|row| row.item.parent);
        while let Some(parent) = next {
            let Some(row) = self.item(connection, &parent)? else { break };
            if path.len() > 64 || path.iter().any(|seen| seen.row == row.row) {
                break;
            }
            next = row.item.parent.clone();
            path.push(row);
        }
        path.reverse();
        Ok(path)
    }

    /// Deletes the kept texts of a connection, and its items with them if `items`.
    pub fn forget(&self, connection: &str, items: bool) -> Result<()> {
        loop {
            let some = self.write(|db| {
                let only = if items { "" } else { "AND state > 0" };
                let rows: Vec<i64> = db
                    .prepare_cached(&format!("SELECT row FROM item WHERE connection = ?1 {only} LIMIT 1000"))?
                    .query_map([connection], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                for row in &rows {
                    if items {
                        drop_item(db, *row)?;
                    } else {
                        drop_text(db, *row)?;
                        db.prepare_cached(
                            "UPDATE item SET state = 0, kept_version = NULL, kept_at = NULL, kept_bytes = 0,
                                 failure = NULL WHERE row = ?1",
                        )?
                        .execute([row])?;
                    }
                }
                Ok(rows.len())
            })?;
            if some == 0 {
                return Ok(());
            }
        }
    }
}

/// An item and all below it.
fn below(db: &Transaction<'_>, connection: &str, id: &str) -> rusqlite::Result<Vec<i64>> {
    db.prepare_cached(
        "WITH RECURSIVE below (row, id) AS (
             SELECT row, id FROM item WHERE connection = ?1 AND id = ?2
             UNION SELECT item.row, item.id FROM item JOIN below ON item.connection = ?1 AND item.parent = below.id
         ) SELECT row FROM below",
    )?
    .query_map([connection, id], |row| row.get(0))?
    .collect()
}
