//! Which connections a key reaches, and where our operations name connections. What lies outside a key's reach is
//! answered as if it did not exist.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tieline_engine::program::Key;
use tieline_engine::{Programs, Result};

/// What an operation's ask names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    /// A connection, in this field.
    Connection(&'static str),
    /// A connection in this field, or none: then each within reach is meant.
    EachConnection(&'static str),
    /// A sign-in under way, in this field.
    Flow(&'static str),
}

/// Which rows of an operation's answer belong to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// The answer is about what was asked for, and nothing else.
    Asked,
    /// The list at this place (a JSON pointer) has rows, and this field (a pointer as well) of each names a connection.
    Rows(&'static str, &'static str),
    /// The answer is a list of sign-ins.
    Flows,
}

use Answers::{Asked, Flows, Rows};
use Asks::{Connection, EachConnection, Flow, Nothing};

/// Every operation that a key may be given. One that is missing here is called by no key.
pub(crate) const OPERATIONS: &[(&str, Asks, Answers)] = &[
    ("status", Nothing, Asked),
    ("providers", Nothing, Asked),
    ("provider", Nothing, Asked),
    ("check_form", Nothing, Asked),
    ("connections", Nothing, Rows("", "/id")),
    ("connection", Connection("id"), Asked),
    ("events", EachConnection("id"), Rows("", "/connection")),
    ("sync_state", Connection("id"), Asked),
    ("syncs", Nothing, Rows("", "/connection")),
    ("flows", Nothing, Flows),
    ("flow", Flow("id"), Asked),
    ("items", Connection("connection"), Asked),
    ("search", EachConnection("connection"), Rows("/hits", "/item/connection")),
    ("read_item", Connection("connection"), Asked),
    ("library", Nothing, Rows("/parts", "/connection")),
    ("pick", Connection("connection"), Asked),
    ("start_sync", Connection("connection"), Asked),
    ("sync_to_the_end", Connection("connection"), Asked),
    ("pause_sync", Connection("id"), Asked),
    ("cancel_sync", Connection("id"), Asked),
    ("set_sync", EachConnection("connection"), Asked),
    ("connect", Connection("reconnect"), Asked),
    ("sign_in_link", Flow("id"), Asked),
    ("cancel", Flow("id"), Asked),
    ("test", Connection("id"), Asked),
    ("refresh", Connection("id"), Asked),
    ("rename", Connection("id"), Asked),
    ("disconnect", Connection("id"), Asked),
    ("access_token", Connection("id"), Asked),
];

pub(crate) fn shape(operation: &str) -> Option<(Asks, Answers)> {
    OPERATIONS.iter().find(|(name, ..)| *name == operation).map(|(_, asks, answers)| (*asks, *answers))
}

/// The connections within a key's reach, those that are gone among them.
pub(crate) struct Within {
    programs: Programs,
    key: Key,
    known: Mutex<HashMap<String, bool>>,
}

impl Within {
    pub(crate) fn of(programs: Programs, key: &Key) -> Self {
        Self { programs, key: key.clone(), known: Mutex::default() }
    }

    pub(crate) fn holds(&self, connection: &str) -> Result<bool> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holds) = known.get(connection) {
            return Ok(*holds);
        }
        let holds = self.programs.reaches(&self.key, connection)?;
        known.insert(connection.to_owned(), holds);
        Ok(holds)
    }

    /// Takes the rows of other connections out of an answer.
    pub(crate) fn keep(&self, answer: &mut Value, list: &str, field: &str) -> Result<()> {
        let Some(rows) = answer.pointer_mut(list).and_then(Value::as_array_mut) else { return Ok(()) };
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows.drain(..) {
            let connection = row.pointer(field).and_then(Value::as_str);
            if connection.map_or(Ok(false), |connection| self.holds(connection))? {
                kept.push(row);
            }
        }
        *rows = kept;
        Ok(())
    }
}

/// Takes out what stands between the person and another program: which of them was given a token.
pub(crate) fn withhold(operation: &str, answer: &mut Value) {
    let lines = match operation {
        "events" => answer.as_array_mut(),
        "connection" => answer["events"].as_array_mut(),
        _ => None,
    };
    if let Some(lines) = lines {
        lines.retain(|line| line["kind"] != "token_given");
    }
}

/// Makes counts anew that would tell of connections outside a reach; gets the answer and the rows within.
pub(crate) type Recount = fn(&mut Value, &[Value]);

/// Operations whose answers count connections, or their contents.
const COUNTS: &[(&str, Recount)] = &[
    ("status", |answer, connections| {
        let in_state = |states: &[&str]| {
            count(connections, |row| row["state"].as_str().is_some_and(|it| states.contains(&it)))
        };
        answer["sign_ins"] = connections.len().into();
        answer["needs_you"] = in_state(&["needs_you", "waiting_for_admin"]);
        answer["queued"] = in_state(&["disconnecting"]);
    }),
    ("providers", |answer, connections| {
        for card in answer.as_array_mut().into_iter().flatten() {
            card["connections"] = of_provider(connections, &card["id"]);
        }
    }),
    ("provider", |answer, connections| {
        answer["card"]["connections"] = of_provider(connections, &answer["card"]["id"]);
    }),
    ("check_form", |answer, connections| {
        if answer["app"].is_object() {
            answer["app"]["connections"] = of_provider(connections, &answer["app"]["provider"]);
        }
    }),
    ("library", |answer, _| {
        let parts = answer["parts"].as_array().cloned().unwrap_or_default();
        let sum = |field: &str| parts.iter().filter_map(|part| part[field].as_f64()).sum::<f64>();
        let (texts, bytes) = (sum("kept") as u64, sum("bytes"));
        answer["texts"] = texts.into();
        answer["size"] = bytes.into();
    }),
];

/// How an operation's counts are made anew; none where it counts nothing.
pub(crate) fn recount(operation: &str) -> Option<Recount> {
    COUNTS.iter().find(|(name, _)| *name == operation).map(|(_, recount)| *recount)
}

fn count(connections: &[Value], which: impl Fn(&Value) -> bool) -> Value {
    connections.iter().filter(|row| which(row)).count().into()
}

fn of_provider(connections: &[Value], provider: &Value) -> Value {
    count(connections, |row| row["provider"] == *provider)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use tieline_engine::program::GROUPS;

    use super::*;

    #[test]
    fn every_operation_of_a_key_says_where_it_names_connections() {
        let given: BTreeSet<&str> =
            GROUPS.iter().flat_map(|(_, _, operations)| operations.iter().copied()).collect();
        let shaped: BTreeSet<&str> = OPERATIONS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(given, shaped);
        for name in given {
            assert!(tieline_engine::NAMES.contains(&name), "{name} is no operation");
        }
    }

    #[test]
    fn counts_tell_of_what_is_within_reach() {
        let within = [
            json!({ "provider": "BOX", "state": "needs_you" }),
            json!({ "provider": "BOX", "state": "working" }),
        ];
        let mut status = json!({ "sign_ins": 9, "needs_you": 5, "queued": 3, "version": "1" });
        recount("status").expect("it counts")(&mut status, &within);
        assert_eq!(status, json!({ "sign_ins": 2, "needs_you": 1, "queued": 0, "version": "1" }));
        let mut cards = json!([{ "id": "BOX", "connections": 7 }, { "id": "GMAIL", "connections": 1 }]);
        recount("providers").expect("it counts")(&mut cards, &within);
        assert_eq!(cards, json!([{ "id": "BOX", "connections": 2 }, { "id": "GMAIL", "connections": 0 }]));
        let mut library = json!({ "texts": 100, "size": 5000.0, "parts": [{ "kept": 2, "bytes": 10.0 }] });
        recount("library").expect("it counts")(&mut library, &within);
        assert_eq!((library["texts"].as_u64(), library["size"].as_f64()), (Some(2), Some(10.0)));
    }
}
