//! Tags of files and of data sources: what may stand in them, and the grammar that filters by them. Pure.

use serde_json::{Map, Value};

use super::body::At;

/// Keys of files that the contract keeps for itself.
pub(crate) const RESERVED: [&str; 4] =
    ["db_embedding_id", "organization_id", "user_id", "organization_user_file_id"];

/// How deep `AND` and `OR` may stand in each other.
const DEEPEST: usize = 3;

/// A filter by tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    /// The tag has one of the values, or none of them.
    Is {
        key: String,
        values: Vec<String>,
        not: bool,
    },
}

/// What is wrong with a filter, and where in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misread {
    pub at: Vec<Value>,
    pub words: String,
}

impl Rule {
    /// Reads a filter of the present grammar. An empty object filters nothing: clients send one when they have none.
    ///
    /// # Errors
    /// Where the top is no `AND` or `OR` list, a leaf has no key or value, or the nesting is deeper than three.
    pub fn read(filter: &Map<String, Value>) -> Result<Option<Self>, Misread> {
        if filter.is_empty() {
            return Ok(None);
        }
        if !filter.contains_key("AND") && !filter.contains_key("OR") {
            return misread(&[], "the top level is a list of conditions under AND or OR");
        }
        block(filter, 1, &mut Vec::new()).map(Some)
    }

    /// Reads the older form: each key has this value, or one of these.
    pub fn of_pairs(pairs: &Map<String, Value>) -> Option<Self> {
        let is =
            |(key, value): (&String, &Value)| Self::Is { key: key.clone(), values: texts(value), not: false };
        (!pairs.is_empty()).then(|| Self::All(pairs.iter().map(is).collect()))
    }

    pub fn fits(&self, tags: &Map<String, Value>) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.fits(tags)),
            Self::Any(rules) => rules.is_empty() || rules.iter().any(|rule| rule.fits(tags)),
            Self::Is { key, values, not } => {
                let own = tags.get(key).map(texts).unwrap_or_default();
                own.iter().any(|own| values.contains(own)) != *not
            }
        }
    }
}

/// Reads a filter of the present grammar in a body; none where it filters nothing.
pub(crate) fn rule(value: &Value, at: &mut At) -> Option<Option<Rule>> {
    let Value::Object(filter) = value else {
        at.fault("value is not a valid dict", "type_error.dict");
        return None;
    };
    Rule::read(filter).map_err(|wrong| at.fault_below(&wrong.at, &wrong.words, "value_error")).ok()
}

fn misread<T>(at: &[Value], words: &str) -> Result<T, Misread> {
    Err(Misread { at: at.to_vec(), words: words.to_owned() })
}

fn block(block: &Map<String, Value>, depth: usize, at: &mut Vec<Value>) -> Result<Rule, Misread> {
    let (name, list) = match (block.get("AND"), block.get("OR")) {
        (Some(_), Some(_)) => return misread(at, "AND and OR cannot stand side by side"),
        (Some(list), None) => ("AND", list),
        (None, Some(list)) => ("OR", list),
        (None, None) => return leaf(block, at),
    };
    at.push(name.into());
    if depth > DEEPEST {
        return misread(at, "AND and OR may be nested three deep");
    }
    let Value::Array(list) = list else { return misread(at, "value is not a valid list") };
    let mut rules = Vec::new();
    for (place, one) in list.iter().enumerate() {
        at.push(place.into());
        let Value::Object(one) = one else { return misread(at, "value is not a valid dict") };
        rules.push(self::block(one, depth + 1, at)?);
        at.pop();
    }
    at.pop();
    Ok(if name == "AND" { Rule::All(rules) } else { Rule::Any(rules) })
}

fn leaf(leaf: &Map<String, Value>, at: &mut Vec<Value>) -> Result<Rule, Misread> {
    let mut wrong = |field: &str, words: &str| {
        at.push(field.into());
        misread(at, words)
    };
    let key = match leaf.get("key") {
        Some(Value::String(key)) => key.clone(),
        Some(_) => return wrong("key", "str type expected"),
        None => return wrong("key", "field required"),
    };
    let Some(value) = leaf.get("value") else { return wrong("value", "field required") };
    let not = match leaf.get("negate") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(not)) => *not,
        Some(_) => return wrong("negate", "value could not be parsed to a boolean"),
    };
    Ok(Rule::Is { key, values: texts(value), not })
}

/// A value, or those of a list, as they are compared: tags are text.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Tags as they are kept: text and lists of text stay, everything else becomes text.
pub(crate) fn kept(tags: &Map<String, Value>) -> Map<String, Value> {
    let value = |value: &Value| match value {
        Value::Array(_) => texts(value).into(),
        one => text(one).into(),
    };
    tags.iter().map(|(key, it)| (key.clone(), value(it))).collect()
}

/// The first key that no file may be tagged with.
pub(crate) fn reserved(tags: &Map<String, Value>) -> Option<&str> {
    tags.keys().map(String::as_str).find(|key| RESERVED.contains(key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn fits(filter: Value, tags: Value) -> bool {
        Rule::read(&map(filter)).unwrap().unwrap().fits(&map(tags))
    }

    #[test]
    fn conditions_join_as_written() {
        let filter = json!({ "OR": [
            { "key": "subject", "value": "a", "negate": false },
            { "AND": [{ "key": "subject", "value": "b", "negate": true }, { "key": "author", "value": "c" }] },
        ]});
        assert!(fits(filter.clone(), json!({ "subject": "a" })));
        assert!(fits(filter.clone(), json!({ "subject": "z", "author": "c" })));
        assert!(fits(filter.clone(), json!({ "author": "c" })));
        assert!(!fits(filter.clone(), json!({ "subject": "b", "author": "c" })));
        assert!(!fits(filter, json!({})));
    }

    #[test]
    fn a_list_means_any_of_them_on_either_side() {
        let filter = |not: bool| json!({ "AND": [{ "key": "team", "value": ["red", 4], "negate": not }] });
        assert!(fits(filter(false), json!({ "team": "red" })));
        assert!(fits(filter(false), json!({ "team": ["blue", "4"] })));
        assert!(!fits(filter(false), json!({ "team": ["blue"] })));
        assert!(!fits(filter(true), json!({ "team": ["blue", "red"] })));
        assert!(fits(filter(true), json!({})));
    }

    #[test]
    fn what_is_no_filter_is_said_where_it_stands() {
        let words = |filter: Value| {
            let wrong = Rule::read(&map(filter)).unwrap_err();
            (Value::Array(wrong.at).to_string(), wrong.words)
        };
        assert_eq!(Rule::read(&Map::new()), Ok(None));
        assert_eq!(words(json!({ "key": "a", "value": "b" })).0, "[]");
        assert_eq!(words(json!({ "AND": {} })).0, r#"["AND"]"#);
        assert_eq!(
            words(json!({ "AND": [{ "value": 1 }] })),
            (r#"["AND",0,"key"]"#.into(), "field required".into())
        );
        assert_eq!(
            words(json!({ "OR": [{ "key": "a", "value": 1 }, { "key": "a" }] })).0,
            r#"["OR",1,"value"]"#
        );
        assert_eq!(words(json!({ "AND": [], "OR": [] })).0, "[]");
        let three = json!({ "AND": [{ "OR": [{ "AND": [{ "key": "a", "value": 1 }] }] }] });
        assert!(Rule::read(&map(three.clone())).is_ok());
        assert_eq!(words(json!({ "OR": [three] })).0, r#"["OR",0,"AND",0,"OR",0,"AND"]"#);
    }

    #[test]
    fn tags_are_kept_as_text() {
        let tags = map(json!({ "a": "x", "b": 4, "c": ["y", true], "d": { "e": 1 } }));
        let expected = map(json!({ "a": "x", "b": "4", "c": ["y", "true"], "d": "{\"e\":1}" }));
        assert_eq!(kept(&tags), expected);
        assert_eq!(reserved(&map(json!({ "a": 1, "user_id": 2 }))), Some("user_id"));
        assert_eq!(reserved(&tags), None);
        assert!(Rule::of_pairs(&map(json!({ "a": ["x", "z"], "b": 4 }))).unwrap().fits(&expected));
        assert_eq!(Rule::of_pairs(&Map::new()), None);
    }
}
