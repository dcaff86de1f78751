//! From what people type or paste to what the provider means.

use serde::Serialize;

use crate::host::is_host_part;
use crate::provider::{Input, InputKind, Provider};
use crate::template::{self, Fields};

/// Something wrong with one field, and the mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    pub key: String,
    pub says: String,
}

/// What became of the inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Normalised {
    pub values: Fields,
    pub problems: Vec<FieldProblem>,
}

impl Normalised {
    /// How one value will be used, in words, once it is right.
    pub fn preview(&self, input: &Input) -> String {
        template::fill(&input.preview, &self.values).unwrap_or_default()
    }
}

/// Reads typed or pasted inputs the way the provider's entry describes. Unknown keys are problems too.
pub fn normalise(provider: &Provider, typed: &Fields) -> Normalised {
    let mut result = Normalised::default();
    for input in &provider.inputs {
        let raw = typed.get(&input.key).map_or("", |value| value.trim());
        let (value, told) = rewrite(input, raw);
        for (key, told_value) in told {
            if typed.get(&key).is_none_or(|typed| typed.trim().is_empty()) {
                let folded =
                    provider.input(&key).map_or_else(|| told_value.clone(), |its| fold(its, &told_value));
                result.values.insert(key, folded);
            }
        }
        if !value.is_empty() {
            result.values.insert(input.key.clone(), value);
        }
    }
    for input in &provider.inputs {
        if !input.default.is_empty() {
            result.values.entry(input.key.clone()).or_insert_with(|| input.default.clone());
        }
        let raw = typed.get(&input.key).map_or("", |value| value.trim());
        let value = result.values.get(&input.key).map_or("", String::as_str);
        if let Some(says) = problem(input, raw, value) {
            result.problems.push(FieldProblem { key: input.key.clone(), says });
        }
    }
    for key in typed.keys().filter(|key| provider.input(key).is_none()) {
        let says = match provider.inputs.as_slice() {
            [] => format!("{} asks for nothing here. Leave {key} out.", provider.name),
            known => {
                let names: Vec<&str> = known.iter().map(|input| input.key.as_str()).collect();
                format!("{} does not know {key}. It takes: {}.", provider.name, names.join(", "))
            }
        };
        result.problems.push(FieldProblem { key: key.clone(), says });
    }
    // What several fields of a provider depend on is kept empty rather than missing, so that templates over
    // optional inputs can be filled.
    for input in provider.inputs.iter().filter(|input| !input.required) {
        result.values.entry(input.key.clone()).or_default();
    }
    result
}

fn rewrite(input: &Input, raw: &str) -> (String, Vec<(String, String)>) {
    for rule in &input.normalise {
        let Ok(pattern) = whole(&rule.from) else { continue };
        if let Some(captures) = pattern.captures(raw) {
            let expand = |template: &str| {
                let mut out = String::new();
                captures.expand(template, &mut out);
                out
            };
            let told = rule.also.iter().map(|(key, template)| (key.clone(), expand(template))).collect();
            return (fold(input, &expand(&rule.to)), told);
        }
    }
    (fold(input, raw), Vec::new())
}

fn fold(input: &Input, value: &str) -> String {
    if input.lowercase || input.host { value.to_lowercase() } else { value.to_owned() }
}

fn problem(input: &Input, raw: &str, value: &str) -> Option<String> {
    let refused =
        input.refuse.iter().find(|rule| whole(&rule.matches).is_ok_and(|pattern| pattern.is_match(raw)));
    if let Some(rule) = refused {
        return Some(rule.says.clone());
    }
    if value.is_empty() {
        return input.required.then(|| match input.example.as_str() {
            "" => format!("{} is needed.", input.label),
            example => format!("{} is needed, for example {example}.", input.label),
        });
    }
    let fits = value.len() <= 2048
        && !value.chars().any(char::is_control)
        && input
            .pattern
            .as_ref()
            .is_none_or(|pattern| whole(pattern).is_ok_and(|pattern| pattern.is_match(value)))
        && (!input.host || is_host_part(value))
        && (input.kind != InputKind::Choice || input.choices.iter().any(|choice| choice.value == value));
    (!fits).then(|| match (input.problem.as_str(), input.kind) {
        ("", InputKind::Choice) => {
            let values: Vec<&str> = input.choices.iter().map(|choice| choice.value.as_str()).collect();
            format!("Choose one of {}.", values.join(", "))
        }
        ("", _) => format!("{} should look like {}.", input.label, input.example),
        (says, _) => says.to_owned(),
    })
}

/// A pattern over the whole value, ignoring case.
pub(crate) fn whole(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).case_insensitive(true).size_limit(1 << 20).build()
}

/// Whether the whole value matches a pattern of a provider's entry, ignoring case.
pub fn fits(pattern: &str, value: &str) -> bool {
    whole(pattern).is_ok_and(|pattern| pattern.is_match(value))
}
