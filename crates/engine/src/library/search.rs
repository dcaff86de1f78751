//! Search over names and texts.
//!
//! Two full-text indexes without contents of their own: one of every listed name, one of every kept text. A query's
//! last word is a beginning, so that results come as one types.

use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};

use super::Library;
use super::items::{COLUMNS, Row, read};
use crate::clock::Seconds;
use crate::error::Result;
use crate::item::Kind;

pub(super) const TABLES: &str = "
    CREATE VIRTUAL TABLE names USING fts5 (name, content = '', contentless_delete = 1,
        tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3', detail = column);
    CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', contentless_delete = 1,
        tokenize = 'unicode61 remove_diacritics 2', prefix = '3', detail = column);";

/// As many matches are weighed; a beginning of two letters can match a million.
const RANKED: usize = 2_000;
/// Letters on both sides of a match.
const AROUND: usize = 90;

/// What is searched, and where.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub words: String,
    /// None: all.
    pub connections: Option<Vec<String>>,
    pub kinds: Vec<Kind>,
    pub since: Option<Seconds>,
    /// Names only, of everything that was listed; else what is kept.
    pub names_only: bool,
    pub most: u32,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub row: Row,
    /// A piece of the text around the first match; empty where only the name matches and nothing is kept.
    pub snippet: String,
    /// Where the words stand in the snippet, in characters: from, to.
    pub marks: Vec<(u32, u32)>,
}

/// The words of a query: letters and digits, the last one taken as a beginning.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn expression(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("{}*", quoted.join(" "))
}

impl Library {
    /// The best matches first: names before texts, then by rank; where thousands match, the newest first.
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>> {
        let words = words(&query.words);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let expression = expression(&words);
        let (filter, values) = filter(query);
        let sql = |table: &str, only_kept: bool, ranked: bool| {
            let kept = if only_kept { "AND item.state = 2" } else { "" };
            // To weigh a word is to count all that it stands in: for a word that stands in thousands, the newest do,
            // and no more of them are looked at than it takes.
            let (rank, order) =
                if ranked { (format!("bm25({table})"), "rank") } else { ("0".into(), "found DESC") };
            format!(
                "SELECT {COLUMNS} FROM (SELECT rowid AS found, {rank} AS rank FROM {table} WHERE {table} MATCH ?1)
                 CROSS JOIN item ON item.row = found WHERE 1 {kept} {filter} ORDER BY {order} LIMIT ?2"
            )
        };
        let mut all = vec![Value::Text(expression), Value::Integer(i64::from(query.most.max(1)))];
        all.extend(values);
        self.look(|db| {
            let is_rare = |table: &str| -> rusqlite::Result<bool> {
                let mut beyond = db.prepare_cached(&format!(
                    "SELECT 1 FROM {table} WHERE {table} MATCH ?1 LIMIT 1 OFFSET {RANKED}"
                ))?;
                Ok(!beyond.exists([&all[0]])?)
            };
            let find = |table: &str, only_kept: bool| -> rusqlite::Result<Vec<Row>> {
                let ranked = is_rare(table)?;
                db.prepare_cached(&sql(table, only_kept, ranked))?
                    .query_map(params_from_iter(&all), read)?
                    .collect()
            };
            let mut found = find("names", !query.names_only)?;
            if !query.names_only && found.len() < query.most as usize {
                for row in find("texts", true)? {
                    if !found.iter().any(|it| it.row == row.row) {
                        found.push(row);
                    }
                }
                found.truncate(query.most as usize);
            }
            let mut body = db.prepare_cached("SELECT text FROM body WHERE row = ?1")?;
            found
                .into_iter()
                .map(|row| {
                    let text: String = body.query_row([row.row], |it| it.get(0)).unwrap_or_default();
                    let (snippet, marks) = snippet(&text, &words);
                    Ok(Hit { row, snippet, marks })
                })
                .collect()
        })
    }

    /// How many texts are kept in all.
    pub fn kept(&self) -> Result<u64> {
        self.look(|db| {
            let count: i64 = db.query_row("SELECT count(*) FROM body", [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    /// Joins the indexes' small pieces, after many changes.
    pub fn tidy(&self) -> Result<()> {
        self.write(|db: &Transaction<'_>| {
            db.execute("INSERT INTO names (names, rank) VALUES ('merge', 500)", [])?;
            db.execute("INSERT INTO texts (texts, rank) VALUES ('merge', 500)", [])?;
            Ok(())
        })
    }
}

fn filter(query: &Query) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    let mut mark = |value: Value| {
        values.push(value);
        format!("?{}", values.len() + 2)
    };
    if let Some(connections) = &query.connections {
        let marks: Vec<String> = connections.iter().map(|it| mark(Value::Text(it.clone()))).collect();
        sql += &format!(" AND item.connection IN ({})", marks.join(", "));
    }
    if !query.kinds.is_empty() {
        let marks: Vec<String> = query.kinds.iter().map(|it| mark(Value::Text(it.as_str().into()))).collect();
        sql += &format!(" AND item.kind IN ({})", marks.join(", "));
    }
    if let Some(since) = query.since {
        sql += &format!(" AND item.modified >= {}", mark(Value::Integer(since)));
    }
    (sql, values)
}

/// A piece of the text around the place where the words begin to stand, and where they are in it.
fn snippet(text: &str, words: &[String]) -> (String, Vec<(u32, u32)>) {
    let letters: Vec<char> = text.chars().take(2_000_000).collect();
    let plain: Vec<char> = letters.iter().map(|c| plain(*c)).collect();
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().map(plain_of).collect()).collect();
    let starts_at = |at: usize, word: &[char]| {
        plain[at..].starts_with(word) && (at == 0 || !plain[at - 1].is_alphanumeric())
    };
    // Rarer words are mostly longer ones.
    let longest = words.iter().max_by_key(|word| word.len()).cloned().unwrap_or_default();
    let first = (0..plain.len()).find(|at| starts_at(*at, &longest)).unwrap_or(0);
    let mut from = first.saturating_sub(AROUND);
    while from > 0 && from < first && plain[from - 1].is_alphanumeric() {
        from += 1;
    }
    let mut to = (first + 2 * AROUND).min(letters.len());
    while to < letters.len() && to > first && plain[to].is_alphanumeric() && plain[to - 1].is_alphanumeric() {
        to -= 1;
    }
    let mut piece = String::new();
    let mut marks: Vec<(u32, u32)> = Vec::new();
    let mut length = 0_u32;
    if from > 0 {
        piece.push('…');
        length += 1;
    }
    let mut at = from;
    while at < to {
        let word = words.iter().find(|word| starts_at(at, word)).map(|word| {
            let rest = plain[at + word.len()..to.max(at + word.len())].iter();
            word.len() + rest.take_while(|c| c.is_alphanumeric()).count()
        });
        let steps = word.unwrap_or(1).min(to - at);
        if word.is_some() {
            marks.push((length, length + steps as u32));
        }
        for letter in &letters[at..at + steps] {
            piece.push(if letter.is_whitespace() { ' ' } else { *letter });
            length += 1;
        }
        at += steps;
    }
    if to < letters.len() {
        piece.push('…');
    }
    (piece, marks)
}

/// A letter without its case, and the commonest ones without their marks, as the index sees them.
fn plain(letter: char) -> char {
    plain_of(letter.to_lowercase().next().unwrap_or(letter))
}

fn plain_of(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::Brought;
    use super::*;
    use crate::item::Item;

    fn listed(library: &Library, connection: &str, names: impl Iterator<Item = String>) {
        let item = |name: String| Item { id: name.clone(), name, selectable: true, ..Item::default() };
        let page: Vec<Brought> = names.map(|name| Brought { item: item(name), text: None }).collect();
        library.bring(connection, 1, &page, &[], 0, |_, _| Ok(())).expect("taken in");
    }

    fn found(library: &Library, words: &str, connections: Option<&[&str]>) -> Vec<String> {
        let connections = connections.map(|some| some.iter().map(|it| (*it).to_owned()).collect());
        let query =
            Query { words: words.into(), connections, names_only: true, most: 50, ..Query::default() };
        library.search(&query).expect("a search").into_iter().map(|hit| hit.row.item.name).collect()
    }

    #[test]
    fn a_word_that_stands_in_thousands_is_found_in_each_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = Library::open(&folder.path().join("library.db")).expect("a library");
        listed(&library, "old", (0..3).map(|n| format!("Report of the beginning {n}")));
        listed(&library, "new", (0..RANKED + 500).map(|n| format!("Report {n}")));
        assert_eq!(found(&library, "report", Some(&["old"])).len(), 3);
        assert_eq!(found(&library, "rep", Some(&["old", "gone"])).len(), 3);
        assert_eq!(
            found(&library, "report", None)[0],
            format!("Report {}", RANKED + 499),
            "the newest first"
        );
        assert_eq!(found(&library, "report", None).len(), 50);
        assert_eq!(found(&library, "beginning", None).len(), 3);
        assert!(found(&library, "beginning", Some(&["new"])).is_empty());
        assert!(found(&library, "report", Some(&[])).is_empty(), "no connection is none, not all");
    }
}
