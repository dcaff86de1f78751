//! Which mails are wanted: the grammar of the filters, and what they mean in each provider's own search. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Date, macros::format_description};

/// Conditions that all have to hold, each met by any one of its leaves. None: every mail.
pub(super) type Wanted = Vec<Vec<Leaf>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub key: String,
    pub value: String,
}

/// Searches that one filter may come to.
const SEARCHES: usize = 50;

/// A leaf, `AND` over leaves and `OR`s, or `OR` over leaves: nothing deeper. `keys` are those that are known, each with
/// its values where only some are.
///
/// # Errors
/// What is wrong, in words that name it.
pub(super) fn read(filters: &Map<String, Value>, keys: &[(&str, &[&str])]) -> Result<Wanted, String> {
    let and = match (filters.get("AND"), filters.get("OR")) {
        (Some(_), Some(_)) => return Err("AND and OR cannot stand side by side in filters.".into()),
        (None, Some(_)) => return Ok(vec![any(filters, keys)?]),
        (None, None) if filters.is_empty() => return Ok(Vec::new()),
        (None, None) => return Ok(vec![vec![leaf(filters, keys)?]]),
        (Some(and), None) => list(and)?,
    };
    and.into_iter()
        .map(|one| if one.contains_key("OR") { any(one, keys) } else { Ok(vec![leaf(one, keys)?]) })
        .collect()
}

fn any(filters: &Map<String, Value>, keys: &[(&str, &[&str])]) -> Result<Vec<Leaf>, String> {
    list(&filters["OR"])?.into_iter().map(|one| leaf(one, keys)).collect()
}

fn list(value: &Value) -> Result<Vec<&Map<String, Value>>, String> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or("AND and OR in filters hold a list of conditions.")?;
    list.iter()
        .map(|one| {
            one.as_object()
                .ok_or_else(|| "A condition in filters is an object with key and value.".to_owned())
        })
        .collect()
}

fn leaf(leaf: &Map<String, Value>, keys: &[(&str, &[&str])]) -> Result<Leaf, String> {
    if leaf.contains_key("AND") || leaf.contains_key("OR") {
        return Err("Filters may hold one AND with ORs in it, and nothing deeper.".into());
    }
    let text = |name: &str| leaf.get(name).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty());
    let (Some(key), Some(value)) = (text("key"), text("value")) else {
        return Err("A condition in filters has a key and a value, both text.".into());
    };
    let Some((_, values)) = keys.iter().find(|(known, _)| *known == key) else {
        let known: Vec<&str> = keys.iter().map(|(known, _)| *known).collect();
        return Err(format!("Filters know no key {key:?}. The keys are {}.", known.join(", ")));
    };
    if !values.is_empty() && !values.contains(&value) {
        return Err(format!("Filters know {key} with {} only, and not {value:?}.", values.join(", ")));
    }
    if matches!(key, "after" | "before") {
        day(value)?;
    }
    Ok(Leaf { key: key.to_owned(), value: value.to_owned() })
}

/// The first second of a day written `2023/12/31`, in UTC.
pub(super) fn day(text: &str) -> Result<i64, String> {
    let format = format_description!("[year]/[month padding:none]/[day padding:none]");
    Date::parse(text, format)
        .map(|day| day.midnight().assume_utc().unix_timestamp())
        .map_err(|_| format!("{text:?} is no day. Write it as YYYY/mm/dd, for example 2023/12/31."))
}

// ── Gmail ──────────────────────────────────────────────────────────────────────────────────────────────

pub(super) const GMAIL: &[(&str, &[&str])] = &[
    ("label", &[]),
    ("after", &[]),
    ("before", &[]),
    ("is", &["starred", "important", "snoozed", "unread"]),
    ("from", &[]),
    ("to", &[]),
    ("in", &["sent"]),
    ("has", &["attachment"]),
];

/// One search: labels that a mail has all of, words of Gmail's search, and the days on which it came. These are told by
/// what is listed, to the second, where Gmail's words for them mean days in California.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in super::super) struct Search {
    pub labels: BTreeSet<String>,
    pub words: Vec<String>,
    #[serde(default)]
    pub days: Days,
}

/// What a filter comes to: the mails of any of these searches. Labels are asked for by id and not in words, because
/// Gmail's words for them are ambiguous where names hold blanks, slashes or hyphens.
///
/// # Errors
/// A label that the mailbox has not, or a filter that comes to more than fifty searches.
pub(super) fn searches(
    wanted: &Wanted,
    labels: &BTreeMap<String, String>,
) -> Result<BTreeSet<Search>, String> {
    let mut all = vec![Search::default()];
    for any in wanted {
        let mut next = Vec::new();
        for search in &all {
            for leaf in any {
                let mut search = search.clone();
                search.add(leaf, labels)?;
                next.push(search);
            }
        }
        if next.len() > SEARCHES {
            return Err(format!(
                "These filters come to {} searches, and {SEARCHES} are the most.",
                next.len()
            ));
        }
        all = next;
    }
    Ok(all.into_iter().collect())
}

impl Search {
    fn add(&mut self, leaf: &Leaf, labels: &BTreeMap<String, String>) -> Result<(), String> {
        let Leaf { key, value } = leaf;
        match (key.as_str(), value.as_str()) {
            ("label", name) => {
                let id = labels.get(&name.to_lowercase());
                let id = id.ok_or_else(|| format!("This mailbox has no label {name:?}."))?;
                self.labels.insert(id.clone());
            }
            ("is", "snoozed") => self.words.push("is:snoozed".into()),
            ("is", state) => {
                self.labels.insert(state.to_uppercase());
            }
            ("in", _) => {
                self.labels.insert("SENT".into());
            }
            ("after", text) => self.days.begin(day(text)?),
            ("before", text) => self.days.end(day(text)?),
            ("has", _) => self.words.push("has:attachment".into()),
            (_, address) => self.words.push(format!("{key}:\"{}\"", address.replace('"', " "))),
        }
        Ok(())
    }
}

// ── Outlook ────────────────────────────────────────────────────────────────────────────────────────────

pub(super) const OUTLOOK: &[(&str, &[&str])] =
    &[("category", &[]), ("after", &[]), ("before", &[]), ("is", &["flagged"]), ("from", &[])];

/// A filter in the words of Graph (OData 4.01, `$filter`): conditions that all hold, each met by any one of its leaves. A
/// sender without an `@` is a name.
pub(super) fn odata(wanted: &Wanted) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let condition = |Leaf { key, value }: &Leaf| match key.as_str() {
        "category" => format!("categories/any(category:category eq {})", text(value)),
        "is" => "flag/flagStatus eq 'flagged'".to_owned(),
        "after" => format!("receivedDateTime ge {}", first_second(value)),
        "before" => format!("receivedDateTime lt {}", first_second(value)),
        _ if value.contains('@') => format!("from/emailAddress/address eq {}", text(value)),
        _ => format!("from/emailAddress/name eq {}", text(value)),
    };
    let any = |leaves: &Vec<Leaf>| match leaves.as_slice() {
        [one] => condition(one),
        some => format!("({})", some.iter().map(condition).collect::<Vec<_>>().join(" or ")),
    };
    wanted.iter().map(any).collect::<Vec<_>>().join(" and ")
}

/// A day that was read before, as `2023-12-31T00:00:00Z`.
fn first_second(text: &str) -> String {
    let mut parts = text.split('/');
    let mut part = || parts.next().unwrap_or_default();
    format!("{:0>4}-{:0>2}-{:0>2}T00:00:00Z", part(), part(), part())
}

/// From one second up to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in super::super) struct Days {
    pub after: Option<i64>,
    pub before: Option<i64>,
}

impl Days {
    fn begin(&mut self, at: i64) {
        self.after = self.after.max(Some(at));
    }

    fn end(&mut self, at: i64) {
        self.before = Some(self.before.unwrap_or(i64::MAX).min(at));
    }

    pub fn holds(self, at: Option<i64>) -> bool {
        match at {
            Some(at) => {
                self.after.is_none_or(|after| at >= after) && self.before.is_none_or(|before| at < before)
            }
            None => self == Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gmail(filters: Value) -> Result<Wanted, String> {
        read(filters.as_object().unwrap(), GMAIL)
    }

    fn found(filters: Value) -> Vec<Search> {
        let labels =
            [("test", "Label_1"), ("important", "IMPORTANT")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        searches(&gmail(filters).unwrap(), &labels.into()).unwrap().into_iter().collect()
    }

    fn search(labels: &[&str], words: &[&str], days: (Option<i64>, Option<i64>)) -> Search {
        Search {
            labels: labels.iter().map(|it| (*it).to_owned()).collect(),
            words: words.iter().map(|it| (*it).to_owned()).collect(),
            days: Days { after: days.0, before: days.1 },
        }
    }

    #[test]
    fn filters_become_searches() {
        assert_eq!(found(json!({})), [Search::default()]);
        let one = search(&["Label_1"], &[], (None, None));
        assert_eq!(found(json!({ "key": "label", "value": "Test" })), [one]);
        let filters = json!({ "AND": [
            { "key": "after", "value": "2024/01/07" },
            { "OR": [{ "key": "label", "value": "TEST" }, { "key": "is", "value": "starred" }] },
        ]});
        let since = (Some(1_704_585_600), None);
        assert_eq!(found(filters), [search(&["Label_1"], &[], since), search(&["STARRED"], &[], since)]);
        let filters = json!({ "AND": [
            { "key": "from", "value": "a@b.example" }, { "key": "to", "value": "x\" OR y" },
            { "key": "has", "value": "attachment" }, { "key": "in", "value": "sent" },
            { "key": "is", "value": "snoozed" }, { "key": "before", "value": "2023/1/2" },
        ]});
        let words = [r#"from:"a@b.example""#, r#"to:"x  OR y""#, "has:attachment", "is:snoozed"];
        assert_eq!(found(filters), [search(&["SENT"], &words, (None, Some(1_672_617_600)))]);
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_its_reason() {
        let leaf = json!({ "key": "is", "value": "starred" });
        for (filters, says) in [
            (json!({ "AND": [{ "OR": [{ "AND": [leaf] }] }] }), "deeper"),
            (json!({ "OR": [{ "AND": [leaf] }] }), "deeper"),
            (json!({ "AND": [{ "AND": [leaf] }] }), "deeper"),
            (json!({ "AND": [leaf], "OR": [leaf] }), "side by side"),
            (json!({ "AND": [] }), "a list"),
            (json!({ "AND": ["is"] }), "an object"),
            (json!({ "key": "subject", "value": "x" }), "\"subject\""),
            (json!({ "key": "is", "value": "read" }), "starred, important"),
            (json!({ "key": "after", "value": "2024-01-07" }), "YYYY/mm/dd"),
            (json!({ "key": "label" }), "both text"),
        ] {
            let words = gmail(filters).unwrap_err();
            assert!(words.contains(says), "{words}");
        }
        let wanted = gmail(json!({ "key": "label", "value": "None such" })).unwrap();
        assert!(searches(&wanted, &BTreeMap::new()).unwrap_err().contains("None such"));
        let or = json!({ "OR": vec![leaf; 8] });
        let wanted = gmail(json!({ "AND": [or, or] })).unwrap();
        assert!(searches(&wanted, &BTreeMap::new()).unwrap_err().contains("64 searches"));
    }

    #[test]
    fn filters_become_words_of_graph() {
        let graph = |filters: Value| odata(&read(filters.as_object().unwrap(), OUTLOOK).unwrap());
        assert_eq!(graph(json!({})), "");
        let filters = json!({ "AND": [
            { "key": "after", "value": "2024/1/07" }, { "key": "before", "value": "2024/01/09" },
            { "OR": [{ "key": "category", "value": "Maya's" }, { "key": "is", "value": "flagged" }] },
        ]});
        assert_eq!(
            graph(filters),
            "receivedDateTime ge 2024-01-07T00:00:00Z and receivedDateTime lt 2024-01-09T00:00:00Z and \
             (categories/any(category:category eq 'Maya''s') or flag/flagStatus eq 'flagged')"
        );
        assert_eq!(
            graph(
                json!({ "OR": [{ "key": "from", "value": "a@b.example" }, { "key": "from", "value": "Noor" }] })
            ),
            "(from/emailAddress/address eq 'a@b.example' or from/emailAddress/name eq 'Noor')"
        );
    }
}
