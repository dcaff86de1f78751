//! What a person picked: an item, or everything below it now and later. Kept by id, so it survives renames and moves.

use rusqlite::{Transaction, params};
use serde_json::{Map, Value};

use super::Library;
use super::contents::{Mark, Tagging, write_mark};
use super::items::drop_text;
use crate::clock::Seconds;
use crate::error::Result;
use crate::item::Kind;

pub(super) const TABLE: &str = "
    CREATE TABLE pick (
        connection TEXT NOT NULL,
        item       TEXT NOT NULL,
        at         INTEGER NOT NULL,
        PRIMARY KEY (connection, item)
    ) STRICT, WITHOUT ROWID;";

/// Everything below what was picked.
const BELOW: &str = "WITH RECURSIVE below (id) AS (
        SELECT item FROM pick WHERE connection = ?1
        UNION SELECT item.id FROM item JOIN below ON item.connection = ?1 AND item.parent = below.id
    )";

/// The same, with what was written on it when it was picked.
const MARKED: &str = "WITH RECURSIVE marked (id, tags, connected, request_id) AS (
        SELECT pick.item, file.tags, file.connected, file.request_id FROM pick
        LEFT JOIN item ON item.connection = pick.connection AND item.id = pick.item
        LEFT JOIN file ON file.row = item.row WHERE pick.connection = ?1
        UNION SELECT item.id, marked.tags, marked.connected, marked.request_id FROM item
            JOIN marked ON item.connection = ?1 AND item.parent = marked.id
    )";

/// How much is picked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Picked {
    pub folders: u64,
    /// Items with contents, the ones below picked folders included.
    pub items: u64,
    /// Bytes at the provider, where it tells.
    pub bytes: u64,
}

/// What of a connection is to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// All of it; else what is picked.
    pub everything: bool,
    /// What the program said that asked for the connection.
    pub program: Option<ForProgram>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForProgram {
    /// Kinds that are not read although everything is.
    pub without: Vec<Kind>,
    /// Files are noted as ready, and nothing is fetched.
    pub nothing_is_fetched: bool,
    /// Tags of files that are chosen from now on, as a JSON object.
    pub tags: String,
    pub request_id: Option<String>,
}

impl Wanted {
    /// Which items are wanted: what the statement begins with, and the condition.
    fn which(&self) -> (&'static str, String) {
        let (with, mut which) = if self.everything {
            ("", "item.selectable".to_owned())
        } else {
            (BELOW, "item.selectable AND item.id IN (SELECT id FROM below)".to_owned())
        };
        if let Some(program) = &self.program {
            let without: Vec<String> =
                program.without.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
            if self.everything && !without.is_empty() {
                // What was chosen by itself is read, whatever its kind.
                which += &format!(
                    " AND (item.kind NOT IN ({}) OR item.id IN (SELECT item FROM pick WHERE connection = ?1))",
                    without.join(", ")
                );
            }
            which += " AND item.row NOT IN (SELECT row FROM file WHERE forgotten > 0)";
        }
        (with, which)
    }
}

fn let_go(db: &Transaction<'_>, connection: &str, wanted: &Wanted) -> rusqlite::Result<()> {
    let (with, which) = wanted.which();
    let unwanted: Vec<i64> = db
        .prepare_cached(&format!(
            "{with} SELECT row FROM item WHERE connection = ?1 AND state > 0 AND NOT ({which})"
        ))?
        .query_map([connection], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for row in unwanted {
        drop_text(db, row)?;
        db.prepare_cached(
            "UPDATE item SET state = 0, kept_version = NULL, kept_at = NULL, kept_bytes = 0, failure = NULL
             WHERE row = ?1",
        )?
        .execute([row])?;
    }
    Ok(())
}

impl Library {
    pub fn picks(&self, connection: &str) -> Result<Vec<String>> {
        self.look(|db| {
            db.prepare_cached("SELECT item FROM pick WHERE connection = ?1 ORDER BY at, item")?
                .query_map([connection], |row| row.get(0))?
                .collect()
        })
    }

    /// Picks and unpicks. What is below a picked folder is picked with it and needs no pick of its own.
    pub fn pick(&self, connection: &str, add: &[String], remove: &[String], now: Seconds) -> Result<()> {
        self.write(|db| {
            for id in remove {
                db.prepare_cached("DELETE FROM pick WHERE connection = ?1 AND item = ?2")?
                    .execute([connection, id.as_str()])?;
            }
            for id in add {
                db.prepare_cached("INSERT OR IGNORE INTO pick (connection, item, at) VALUES (?1, ?2, ?3)")?
                    .execute(params![connection, id, now])?;
            }
            Ok(())
        })
    }

    /// Whether an item is picked by itself or with what it stands in.
    pub fn is_picked(&self, connection: &str, id: &str) -> Result<bool> {
        self.look(|db| {
            db.prepare_cached(
                "WITH RECURSIVE above (id) AS (
                     VALUES (?2)
                     UNION SELECT item.parent FROM item JOIN above
                         ON item.connection = ?1 AND item.id = above.id AND item.parent IS NOT NULL
                 ) SELECT 1 FROM above JOIN pick ON pick.connection = ?1 AND pick.item = above.id LIMIT 1",
            )?
            .exists([connection, id])
        })
    }

    pub fn picked(&self, connection: &str) -> Result<Picked> {
        self.look(|db| {
            let count = |value: i64| value.unsigned_abs();
            let folders: i64 = db
                .prepare_cached(
                    "SELECT count(*) FROM pick JOIN item ON item.connection = pick.connection AND item.id = pick.item
                     WHERE pick.connection = ?1 AND item.expandable",
                )?
                .query_row([connection], |row| row.get(0))?;
            let (items, bytes): (i64, i64) = db
                .prepare_cached(&format!(
                    "{BELOW} SELECT count(*), coalesce(sum(size), 0) FROM below
                     JOIN item ON item.connection = ?1 AND item.id = below.id WHERE item.selectable"
                ))?
                .query_row([connection], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Picked { folders: count(folders), items: count(items), bytes: count(bytes) })
        })
    }

    /// Takes out the texts of what is no longer wanted, after the person chose less.
    pub fn let_go(&self, connection: &str, wanted: &Wanted) -> Result<()> {
        self.write(|db| let_go(db, connection, wanted))
    }

    /// Writes the program's request, and the tags of its sign-in, on those of its files that are wanted.
    pub fn cover(&self, connection: &str, wanted: &Wanted, now: Seconds) -> Result<()> {
        let Some(program) = &wanted.program else { return Ok(()) };
        let tags: Map<String, Value> = serde_json::from_str(&program.tags).unwrap_or_default();
        let mark = Mark {
            tags: (!tags.is_empty()).then_some(Tagging::Connected(tags)),
            request_id: program.request_id.clone(),
            ..Mark::default()
        };
        let (with, which) = wanted.which();
        self.write(|db| {
            let rows: Vec<i64> = db
                .prepare_cached(&format!(
                    "{with} SELECT row FROM item WHERE connection = ?1 AND {which} AND row IN (SELECT row FROM file)"
                ))?
                .query_map([connection], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            rows.into_iter().try_for_each(|row| write_mark(db, row, &mark, now))
        })
    }

    /// Puts into the queue what is wanted and not kept as it is now. Without a program, what is no longer wanted is let
    /// go of; where there is one, each of its requests adds to those before, and what was kept is kept up to date.
    /// Answers how many wait.
    pub fn queue(&self, connection: &str, wanted: &Wanted, now: Seconds) -> Result<u64> {
        let (with, which) = wanted.which();
        self.write(|db| {
            if wanted.program.is_none() {
                let_go(db, connection, wanted)?;
            }
            if let Some(program) = &wanted.program {
                if !wanted.everything {
                    db.prepare_cached(&format!(
                        "{MARKED} INSERT OR IGNORE INTO file (row, made_at, tags, connected, request_id)
                         SELECT item.row, ?2, coalesce(marked.tags, ?3), iif(marked.tags IS NULL, ?3, marked.connected),
                             coalesce(marked.request_id, ?4) FROM marked
                         JOIN item ON item.connection = ?1 AND item.id = marked.id WHERE item.selectable"
                    ))?
                    .execute(params![connection, now, program.tags, program.request_id])?;
                }
                db.prepare_cached(&format!(
                    "{with} INSERT OR IGNORE INTO file (row, made_at, tags, connected, request_id)
                     SELECT row, ?2, ?3, ?3, ?4 FROM item WHERE connection = ?1 AND {which}"
                ))?
                .execute(params![connection, now, program.tags, program.request_id])?;
            }
            if wanted.program.as_ref().is_some_and(|program| program.nothing_is_fetched) {
                db.prepare_cached(&format!(
                    "{with} UPDATE item SET state = 4, changed_at = ?2 WHERE connection = ?1 AND state = 0 AND {which}"
                ))?
                .execute(params![connection, now])?;
            } else {
                let kept = if wanted.program.is_some() { "OR state = 2 AND item.selectable" } else { "" };
                db.prepare_cached(&format!(
                    "{with} UPDATE item SET state = 1, changed_at = ?2 WHERE connection = ?1 AND state <> 1
                         AND ({which} {kept}) AND (kept_version IS NULL OR kept_version <> version)"
                ))?
                .execute(params![connection, now])?;
            }
            let waiting: i64 = db
                .prepare_cached("SELECT count(*) FROM item WHERE connection = ?1 AND state = 1")?
                .query_row([connection], |row| row.get(0))?;
            Ok(waiting.unsigned_abs())
        })
    }

    /// Puts items into the queue again although they are kept or failed: all that failed, or those named.
    pub fn queue_again(&self, connection: &str, only: Option<&[String]>) -> Result<u64> {
        self.write(|db| match only {
            None => db
                .prepare_cached("UPDATE item SET state = 1 WHERE connection = ?1 AND state = 3")?
                .execute([connection])
                .map(|count| count as u64),
            Some(ids) => {
                let mut count = 0;
                for id in ids {
                    count += db
                        .prepare_cached(
                            "UPDATE item SET state = 1 WHERE connection = ?1 AND id = ?2 AND selectable",
                        )?
                        .execute([connection, id.as_str()])? as u64;
                }
                Ok(count)
            }
        })
    }
}
