//! What connections hold, as programs ask for it: filtered, ordered, counted, under numbers that never change meaning.

use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, Row as SqlRow, Transaction, params, params_from_iter};
use serde_json::{Map, Value};

use super::Library;
use super::items::{self, Read, drop_text};
use crate::clock::Seconds;
use crate::error::Result;
use crate::item::Item;

/// `file` is what a program knows of an item that was chosen: `forgotten` is 1 when it is off the list, 2 when only its
/// contents are gone. `numbering` holds the highest number ever given.
pub(super) const TABLES: &str = "
    ALTER TABLE item ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE item ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE numbering (
        one  INTEGER PRIMARY KEY CHECK (one = 1),
        last INTEGER NOT NULL
    ) STRICT;
    INSERT INTO numbering VALUES (1, 0);
    CREATE TABLE file (
        row        INTEGER PRIMARY KEY,
        made_at    INTEGER NOT NULL,
        tags       TEXT NOT NULL DEFAULT '{}',
        request_id TEXT,
        options    TEXT,
        forgotten  INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX file_forgotten ON file (row) WHERE forgotten > 0;";

/// Those of a file's tags that a sign-in put there. None: it was chosen with tags of its own, and gets no others.
pub(super) const CONNECTED: &str = "ALTER TABLE file ADD COLUMN connected TEXT DEFAULT '{}';";

/// A test of a file's tags that no column answers.
pub type TagTest = Box<dyn Fn(&Map<String, Value>) -> bool + Send + Sync>;

/// What is asked for. An absent filter lets everything through.
#[derive(Default)]
pub struct Contents {
    pub connections: Vec<String>,
    /// What was ever chosen; else everything listed.
    pub files_only: bool,
    /// Directly below this item, or at the top for `Some(None)`.
    pub parent: Option<Option<String>>,
    pub ids: Option<Vec<String>>,
    pub numbers: Option<Vec<i64>>,
    /// Anywhere in the name, whatever its case.
    pub name: Option<String>,
    pub formats: Option<Vec<String>>,
    pub kinds: Option<Vec<String>>,
    pub states: Option<Vec<Read>>,
    pub urls: Option<Vec<String>>,
    pub request_ids: Option<Vec<String>>,
    /// Anywhere in the reason why it could not be read; empty: there is none.
    pub failure: Option<String>,
    /// Only what stands at the top.
    pub roots_only: bool,
    /// Below these items.
    pub parents: Option<Vec<i64>>,
    /// With `parents` or `numbers`: all that is below them, however deep.
    pub below: bool,
    pub tags: Option<TagTest>,
    pub order: Order,
    pub descending: bool,
    /// Kept, or found unreadable, at this time or later.
    pub read_since: Option<Seconds>,
    /// Chosen for the first time at this time or later.
    pub chosen_since: Option<Seconds>,
    /// Numbers from here up.
    pub starting_number: i64,
    pub offset: u32,
    pub limit: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Name,
    Number,
    Made,
    Changed,
    Synced,
    Size,
    FoldersFirst,
}

/// An item as a program sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Stable, from 1; never given twice.
    pub number: i64,
    pub connection: String,
    pub item: Item,
    pub state: Read,
    pub kept_at: Option<Seconds>,
    pub kept_bytes: u64,
    pub failure: Option<String>,
    /// First seen.
    pub made_at: Seconds,
    pub changed_at: Seconds,
    /// Its text was last kept, or could not be.
    pub read_at: Option<Seconds>,
    pub tags: Map<String, Value>,
    pub request_id: Option<String>,
    /// Options of this file alone.
    pub options: Option<Value>,
    pub parent_number: Option<i64>,
    /// By itself.
    pub picked: bool,
    /// Its contents were deleted, and it is not read again until it is chosen anew.
    pub forgotten: bool,
}

/// What is written on files.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Chosen, or no longer.
    pub pick: Option<bool>,
    pub tags: Option<Tagging>,
    pub request_id: Option<String>,
    pub options: Option<Value>,
}

/// Where the tags come from that are written on a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Tagging {
    /// It is chosen with them: they stand in place of all others.
    Chosen(Map<String, Value>),
    /// One was put on or taken off; these are all there are now.
    Edited(Map<String, Value>),
    /// It is synced through a sign-in that has them: they stand in place of those of an earlier sign-in, beside those that
    /// were put on. A file that was chosen with tags of its own is left alone.
    Connected(Map<String, Value>),
}

const ALSO: &str = "item.made_at, item.changed_at, file.tags, file.request_id, file.options, file.forgotten, \
    (SELECT up.row FROM item up WHERE up.connection = item.connection AND up.id = item.parent), \
    EXISTS (SELECT 1 FROM pick WHERE pick.connection = item.connection AND pick.item = item.id), file.made_at, \
    item.read_at";
const FROM: &str = "item LEFT JOIN file ON file.row = item.row";

fn columns() -> String {
    let own: Vec<String> = items::COLUMNS.split(", ").map(|name| format!("item.{}", name.trim())).collect();
    format!("{}, {ALSO}", own.join(", "))
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<Content> {
    let own = items::read(row)?;
    let json = |column: usize| -> rusqlite::Result<Option<Value>> {
        let text: Option<String> = row.get(column)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    };
    let tags = match json(21)? {
        Some(Value::Object(tags)) => tags,
        _ => Map::new(),
    };
    let first_chosen: Option<Seconds> = row.get(27)?;
    Ok(Content {
        number: own.row,
        connection: own.connection,
        item: own.item,
        state: own.read,
        kept_at: own.kept_at,
        kept_bytes: own.kept_bytes,
        failure: own.failure,
        made_at: first_chosen.unwrap_or(row.get(19)?),
        changed_at: row.get(20)?,
        read_at: row.get(28)?,
        tags,
        request_id: row.get(22)?,
        options: json(23)?,
        parent_number: row.get(25)?,
        picked: row.get(26)?,
        forgotten: row.get::<_, Option<i64>>(24)?.unwrap_or(0) > 0,
    })
}

/// Conditions and what they are filled with.
#[derive(Default)]
struct Where {
    sql: Vec<String>,
    values: Vec<Sql>,
}

impl Where {
    fn one(&mut self, sql: &str, value: impl Into<Sql>) {
        self.values.push(value.into());
        self.sql.push(sql.replace('?', &format!("?{}", self.values.len())));
    }

    /// Among several; among none is never so. The list goes in as one value, however long it is.
    fn among(&mut self, column: &str, texts: &[String]) {
        let list = Value::from(texts.to_vec()).to_string();
        self.one(&format!("{column} IN (SELECT value FROM json_each(?))"), list);
    }

    fn numbers(&mut self, sql: &str, numbers: &[i64]) {
        self.one(sql, Value::from(numbers.to_vec()).to_string());
    }
}

const TOP: &str = "(item.parent IS NULL OR NOT EXISTS \
    (SELECT 1 FROM item up WHERE up.connection = item.connection AND up.id = item.parent))";
const DEEP: &str = "item.row IN (WITH RECURSIVE deep (row, connection, id) AS (
        SELECT row, connection, id FROM item WHERE row IN (SELECT value FROM json_each(?))
        UNION SELECT item.row, item.connection, item.id FROM item
            JOIN deep ON item.connection = deep.connection AND item.parent = deep.id
    ) SELECT row FROM deep)";

impl Contents {
    fn conditions(&self) -> Where {
        let mut it = Where::default();
        it.among("item.connection", &self.connections);
        if self.files_only {
            it.sql
                .push("(item.state > 0 OR file.row IS NOT NULL) AND coalesce(file.forgotten, 0) <> 1".into());
        }
        match &self.parent {
            Some(Some(id)) => it.one("item.parent = ?", id.clone()),
            Some(None) => it.sql.push(TOP.into()),
            None => {}
        }
        if self.roots_only {
            it.sql.push(TOP.into());
        }
        if let Some(numbers) = &self.numbers {
            let sql = if self.below { DEEP } else { "item.row IN (SELECT value FROM json_each(?))" };
            it.numbers(sql, numbers);
        }
        if let Some(parents) = &self.parents {
            if self.below {
                it.numbers(DEEP, parents);
                it.numbers("item.row NOT IN (SELECT value FROM json_each(?))", parents);
            } else {
                it.numbers(
                    "EXISTS (SELECT 1 FROM item up WHERE up.connection = item.connection AND up.id = item.parent
                         AND up.row IN (SELECT value FROM json_each(?)))",
                    parents,
                );
            }
        }
        for (column, texts) in [
            ("item.id", &self.ids),
            ("item.kind", &self.kinds),
            ("lower(item.format)", &self.formats),
            ("item.url", &self.urls),
            ("file.request_id", &self.request_ids),
        ] {
            if let Some(texts) = texts {
                it.among(column, texts);
            }
        }
        if let Some(states) = &self.states {
            let numbers: Vec<i64> = states.iter().map(|state| *state as i64).collect();
            it.numbers("item.state IN (SELECT value FROM json_each(?))", &numbers);
        }
        if let Some(name) = &self.name {
            it.one("instr(lower(item.name), lower(?)) > 0", name.clone());
        }
        match self.failure.as_deref() {
            Some("") => it.sql.push("item.failure IS NULL".into()),
            Some(words) => it.one("instr(lower(item.failure), lower(?)) > 0", words.to_owned()),
            None => {}
        }
        for (column, since) in [("item.read_at", self.read_since), ("file.made_at", self.chosen_since)] {
            if let Some(since) = since {
                it.one(&format!("{column} >= ?"), since);
            }
        }
        if self.starting_number > 0 {
            it.one("item.row >= ?", self.starting_number);
        }
        it
    }

    fn order(&self) -> String {
        let way = if self.descending { "DESC" } else { "ASC" };
        let by = match self.order {
            Order::Name => format!("item.name COLLATE NOCASE {way}"),
            Order::Number => format!("item.row {way}"),
            Order::Made => format!("coalesce(file.made_at, item.made_at) {way}"),
            Order::Changed => format!("item.changed_at {way}"),
            Order::Synced => format!("item.kept_at {way}"),
            Order::Size => format!("item.size {way}"),
            Order::FoldersFirst => format!("item.expandable DESC, item.name COLLATE NOCASE {way}"),
        };
        format!("{by}, item.row {way}")
    }
}

impl Library {
    /// A page of what matches, and how many match in all.
    pub fn contents(&self, ask: &Contents) -> Result<(Vec<Content>, u64)> {
        let Where { sql, mut values } = ask.conditions();
        let place = format!("{FROM} WHERE {}", sql.join(" AND "));
        let select = format!("SELECT {} FROM {place} ORDER BY {}", columns(), ask.order());
        if let Some(test) = &ask.tags {
            let all: Vec<Content> = self.look(|db| {
                db.prepare_cached(&select)?.query_map(params_from_iter(values), read)?.collect()
            })?;
            let found: Vec<Content> = all.into_iter().filter(|it| test(&it.tags)).collect();
            let count = found.len() as u64;
            return Ok((
                found.into_iter().skip(ask.offset as usize).take(ask.limit as usize).collect(),
                count,
            ));
        }
        self.look(|db| {
            let count: i64 = db
                .prepare_cached(&format!("SELECT count(*) FROM {place}"))?
                .query_row(params_from_iter(values.iter()), |row| row.get(0))?;
            values.extend([Sql::from(i64::from(ask.limit)), Sql::from(i64::from(ask.offset))]);
            let page = format!("{select} LIMIT ?{} OFFSET ?{}", values.len() - 1, values.len());
            let found = db
                .prepare_cached(&page)?
                .query_map(params_from_iter(values), read)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((found, count.unsigned_abs()))
        })
    }

    pub fn content(&self, number: i64) -> Result<Option<Content>> {
        self.look(|db| {
            db.prepare_cached(&format!("SELECT {} FROM {FROM} WHERE item.row = ?1", columns()))?
                .query_row([number], read)
                .optional()
        })
    }

    /// Writes on items of a connection what a program says of them; what is chosen need not be listed yet.
    pub fn mark(&self, connection: &str, ids: &[String], mark: &Mark, now: Seconds) -> Result<()> {
        self.write(|db| {
            for id in ids {
                match mark.pick {
                    Some(true) => {
                        db.prepare_cached(
                            "INSERT OR IGNORE INTO pick (connection, item, at) VALUES (?1, ?2, ?3)",
                        )?
                        .execute(params![connection, id, now])?;
                    }
                    Some(false) => {
                        db.prepare_cached("DELETE FROM pick WHERE connection = ?1 AND item = ?2")?
                            .execute([connection, id.as_str()])?;
                    }
                    None => {}
                }
                let row: Option<i64> = db
                    .prepare_cached("SELECT row FROM item WHERE connection = ?1 AND id = ?2")?
                    .query_row([connection, id.as_str()], |row| row.get(0))
                    .optional()?;
                if let Some(row) = row {
                    write_mark(db, row, mark, now)?;
                }
            }
            Ok(())
        })
    }

    /// Deletes the contents of items; they are read again only when they are chosen anew. With `keep_record` they stay
    /// listed.
    pub fn forget_files(&self, numbers: &[i64], keep_record: bool, now: Seconds) -> Result<()> {
        self.write(|db| {
            for row in numbers {
                drop_text(db, *row)?;
                db.prepare_cached(
                    "DELETE FROM pick WHERE EXISTS (SELECT 1 FROM item WHERE item.row = ?1
                         AND item.connection = pick.connection AND item.id = pick.item)",
                )?
                .execute([row])?;
                db.prepare_cached(
                    "UPDATE item SET state = 0, kept_version = NULL, kept_at = NULL, kept_bytes = 0, failure = NULL,
                         changed_at = ?2 WHERE row = ?1",
                )?
                .execute(params![row, now])?;
                db.prepare_cached(
                    "INSERT INTO file (row, made_at, forgotten) SELECT row, ?2, ?3 FROM item WHERE row = ?1
                     ON CONFLICT DO UPDATE SET forgotten = ?3",
                )?
                .execute(params![row, now, if keep_record { 2 } else { 1 }])?;
            }
            Ok(())
        })
    }
}

fn write_tags(db: &Transaction<'_>, row: i64, tagging: &Tagging, now: Seconds) -> rusqlite::Result<()> {
    let (before, connected): (String, Option<String>) = db
        .prepare_cached("SELECT tags, connected FROM file WHERE row = ?1")?
        .query_row([row], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let text = |tags: &Map<String, Value>| Value::Object(tags.clone()).to_string();
    let (tags, connected) = match (tagging, connected) {
        (Tagging::Chosen(tags), _) => (text(tags), None),
        (Tagging::Edited(tags), connected) => (text(tags), connected),
        (Tagging::Connected(_), None) => return Ok(()),
        (Tagging::Connected(new), Some(old)) => {
            let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
            let (mut tags, old) = (read(&before), read(&old));
            tags.retain(|key, value| old.get(key) != Some(value));
            for (key, value) in new {
                tags.entry(key.clone()).or_insert_with(|| value.clone());
            }
            (text(&tags), Some(text(new)))
        }
    };
    if tags != before {
        db.prepare_cached("UPDATE item SET changed_at = ?2 WHERE row = ?1")?.execute(params![row, now])?;
    }
    db.prepare_cached("UPDATE file SET tags = ?2, connected = ?3 WHERE row = ?1")?
        .execute(params![row, tags, connected])?;
    Ok(())
}

pub(super) fn write_mark(db: &Transaction<'_>, row: i64, mark: &Mark, now: Seconds) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO file (row, made_at) VALUES (?1, ?2)")?
        .execute(params![row, now])?;
    if mark.pick == Some(true) {
        // What is below a chosen folder was chosen with it.
        db.prepare_cached(
            "UPDATE file SET made_at = CASE forgotten WHEN 1 THEN ?2 ELSE made_at END, forgotten = 0 WHERE row IN (WITH RECURSIVE deep (row, connection, id) AS (
                 SELECT row, connection, id FROM item WHERE row = ?1
                 UNION SELECT item.row, item.connection, item.id FROM item
                     JOIN deep ON item.connection = deep.connection AND item.parent = deep.id
             ) SELECT row FROM deep)",
        )?
        .execute(params![row, now])?;
    }
    if let Some(tagging) = &mark.tags {
        write_tags(db, row, tagging, now)?;
    }
    if let Some(request) = &mark.request_id {
        db.prepare_cached("UPDATE file SET request_id = ?2 WHERE row = ?1")?
            .execute(params![row, request])?;
    }
    if let Some(options) = &mark.options {
        db.prepare_cached("UPDATE file SET options = ?2 WHERE row = ?1")?
            .execute(params![row, options.to_string()])?;
    }
    Ok(())
}
