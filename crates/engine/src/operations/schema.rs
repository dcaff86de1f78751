//! Asks and answers as JSON Schemas (2020-12), which are what OpenAPI 3.1 describes them with.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where a description keeps types that several places refer to.
const TYPES: &str = "/components/schemas";

/// Every operation, in the table's order, and the types that their schemas refer to below `#/components/schemas/`.
#[derive(Debug, Clone)]
pub struct Described {
    pub operations: Vec<DescribedOperation>,
    pub types: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub struct DescribedOperation {
    pub name: &'static str,
    /// What the table says about it; may be empty.
    pub words: String,
    pub ask: Value,
    pub answer: Value,
}

/// Asks leave out what has a default, and answers hold everything: so a type that is both has two schemas.
pub(super) struct Making {
    asks: SchemaGenerator,
    answers: SchemaGenerator,
    operations: Vec<DescribedOperation>,
}

impl Default for Making {
    fn default() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|it| it.definitions_path = TYPES.into());
        Self {
            asks: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
            operations: Vec::new(),
        }
    }
}

impl Making {
    pub(super) fn operation<Ask: JsonSchema, Answer: JsonSchema>(&mut self, name: &'static str, words: &str) {
        let ask = self.asks.subschema_for::<Ask>().to_value();
        let answer = self.answers.subschema_for::<Answer>().to_value();
        self.operations.push(DescribedOperation { name, words: words.trim().to_owned(), ask, answer });
    }

    /// A type that no operation answers and that is told of all the same.
    pub(super) fn answer<T: JsonSchema>(&mut self) {
        self.answers.subschema_for::<T>();
    }

    pub(super) fn done(mut self) -> Described {
        let mut asked = self.asks.take_definitions(true);
        let mut types = self.answers.take_definitions(true);
        let different = different(&asked, &types);
        for value in asked.values_mut().chain(self.operations.iter_mut().map(|it| &mut it.ask)) {
            each_reference(value, &mut |name| different.contains(name).then(|| format!("{name}Asked")));
        }
        for (name, value) in asked {
            let name = if different.contains(&name) { format!("{name}Asked") } else { name };
            types.insert(name, value);
        }
        Described { operations: self.operations, types }
    }
}

/// Types of both kinds that differ, themselves or in what they are made of.
fn different(asked: &Map<String, Value>, answered: &Map<String, Value>) -> BTreeSet<String> {
    let both = asked.iter().filter_map(|(name, ask)| answered.get(name).map(|answer| (name, ask, answer)));
    let mut different: BTreeSet<String> =
        both.filter(|(_, ask, answer)| ask != answer).map(|(name, ..)| name.clone()).collect();
    loop {
        let mut more = BTreeSet::new();
        for (name, value) in asked.iter().filter(|(name, _)| answered.contains_key(*name)) {
            let mut value = value.clone();
            each_reference(&mut value, &mut |made_of| {
                if different.contains(made_of) && !different.contains(name) {
                    more.insert(name.clone());
                }
                None
            });
        }
        if more.is_empty() {
            return different;
        }
        different.append(&mut more);
    }
}

/// Visits the name of every type that is referred to, and gives it another where one is told.
fn each_reference(value: &mut Value, renamed: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = value.as_str().and_then(|it| it.strip_prefix("#/components/schemas/"));
                match name.filter(|_| key == "$ref") {
                    Some(name) => {
                        if let Some(new) = renamed(name) {
                            *value = format!("#{TYPES}/{new}").into();
                        }
                    }
                    None => each_reference(value, renamed),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_reference(value, renamed)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_and_every_reference_leads_somewhere() {
        let mut described = super::super::describe();
        let names: Vec<&str> = described.operations.iter().map(|it| it.name).collect();
        assert_eq!(names, super::super::NAMES);
        let known: BTreeSet<String> = described.types.keys().cloned().collect();
        let schemas = described.operations.iter_mut().flat_map(|it| [&mut it.ask, &mut it.answer]);
        for value in schemas.chain(described.types.values_mut()) {
            each_reference(value, &mut |name| {
                assert!(known.contains(name), "{name} is not described");
                None
            });
        }
    }

    #[test]
    fn what_may_be_left_out_of_an_ask_stands_in_the_answer() {
        let described = super::super::describe();
        let required = |name: &str| {
            let list = described.types[name]["required"].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(required("SearchAsk"), ["words"]);
        assert!(required("Settings").contains(&"proxy".to_owned()), "saved settings are answered whole");
        assert!(required("SettingsAsked").is_empty(), "and may be given in part");
    }
}
