//! Source definitions: our providers under the names and ids that Airbyte's clients know.
//!
//! Names, ids and fields of Airbyte's connectors are data, in `definitions.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tieline_engine::wire::{InputField, ProviderForm};
use tieline_engine::{Error, PublishedProvider, Result};
use uuid::Uuid;

use super::Books;

/// Ids of ours are of version 5 below this: alike on every computer.
pub(super) const NAMESPACE: Uuid = Uuid::from_u128(0x6d5f_7c1e_92b4_4a0d_8e37_51c0_f2a9_d364);

static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("definitions.json")).expect("the definitions are of their shape")
});

/// How Airbyte speaks of a provider.
#[derive(Deserialize)]
struct Line {
    provider: String,
    /// Airbyte's name of it, ours where it has none.
    slug: String,
    /// Further names, and the id of Airbyte's own definition.
    #[serde(default)]
    also: Vec<String>,
    /// Fields of Airbyte's connector, each with the input it fills.
    #[serde(default)]
    inputs: BTreeMap<String, String>,
}

/// One provider as a source definition.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub id: Uuid,
    pub provider: String,
    pub name: String,
    pub slug: String,
    /// Its apps serve one host each.
    pub app_per_host: bool,
    also: Vec<String>,
    inputs: BTreeMap<String, String>,
}

impl Definition {
    /// `inputs`: fields of the published connect API, which are understood as well.
    fn new(provider: &str, name: &str, mut inputs: BTreeMap<String, String>) -> Self {
        let line = LINES.iter().find(|line| line.provider == provider);
        let dashed = provider.to_ascii_lowercase().replace('_', "-");
        inputs.extend(line.map(|line| line.inputs.clone()).unwrap_or_default());
        Self {
            id: Uuid::new_v5(&NAMESPACE, provider.as_bytes()),
            provider: provider.to_owned(),
            name: name.to_owned(),
            slug: line.map_or_else(|| dashed.clone(), |line| line.slug.clone()),
            app_per_host: false,
            also: line.map(|line| line.also.clone()).unwrap_or_default(),
            inputs,
        }
    }

    /// By its id or Airbyte's, by its slug with or without `source-`, or by the provider's id.
    fn is(&self, word: &str) -> bool {
        let word = word.trim().to_ascii_lowercase().replace('_', "-");
        let word = word.strip_prefix("source-").unwrap_or(&word);
        word == self.slug
            || word == self.id.to_string()
            || self.also.iter().any(|it| it == word)
            || word == self.provider.to_ascii_lowercase().replace('_', "-")
    }

    /// What a client gave, as the provider's inputs. It may stand at the top or in an object there; what the form does
    /// not ask for is left out. A field of the input's own name goes before one that means the same.
    ///
    /// # Errors
    /// `BadInput` where a value is a list or an object.
    pub(crate) fn inputs(
        &self,
        form: &[InputField],
        given: &Map<String, Value>,
    ) -> Result<BTreeMap<String, String>> {
        let asked = |key: &str| form.iter().any(|field| field.key == key);
        let places = || std::iter::once(given).chain(given.values().filter_map(Value::as_object));
        let own = places()
            .flatten()
            .filter(|(name, _)| asked(name))
            .map(|(name, value)| (name, name.as_str(), value));
        let alike = places().flatten().filter_map(|(name, value)| {
            let key = self.inputs.get(name)?;
            asked(key).then_some((name, key.as_str(), value))
        });
        let mut inputs = BTreeMap::new();
        for (name, key, value) in own.chain(alike) {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.trim().to_owned(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                Value::Array(_) | Value::Object(_) => return Err(Error::field(name, "This must be a text.")),
            };
            if !text.is_empty() {
                inputs.entry(key.to_owned()).or_insert(text);
            }
        }
        Ok(inputs)
    }

    /// No image of this name exists: clients want one to be named.
    pub(crate) fn repository(&self) -> String {
        format!("tieline/source-{}", self.slug)
    }

    /// A JSON schema of what is asked before the sign-in.
    pub(crate) fn specification(&self, form: &[InputField]) -> Value {
        let mut properties = Map::new();
        for (order, field) in form.iter().enumerate() {
            let mut property = json!({
                "type": "string", "title": field.label, "description": field.help, "order": order,
            });
            if !field.example.is_empty() {
                property["examples"] = json!([field.example]);
            }
            if !field.default.is_empty() {
                property["default"] = json!(field.default);
            }
            if !field.choices.is_empty() {
                property["enum"] = field.choices.iter().map(|choice| json!(choice.value)).collect();
            }
            properties.insert(field.key.clone(), property);
        }
        let asked = form.iter().filter(|field| field.required && field.default.is_empty());
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": format!("{} source", self.name),
            "type": "object",
            "required": asked.map(|field| &field.key).collect::<Vec<_>>(),
            "properties": properties,
            "additionalProperties": true,
        })
    }
}

impl Books {
    pub(crate) fn definitions(&self) -> Vec<Definition> {
        let published = self.programs.published();
        let definition = |it: PublishedProvider| Definition {
            app_per_host: it.app_per_host,
            ..Definition::new(&it.id, &it.name, it.inputs)
        };
        published.into_iter().map(definition).collect()
    }

    /// By whatever a client calls it; `field` is where that stood.
    ///
    /// # Errors
    /// `NotFound` where no provider is called so.
    pub(crate) fn definition(&self, word: &str, field: &str) -> Result<Definition> {
        let all = self.definitions();
        all.iter().find(|definition| definition.is(word)).cloned().ok_or_else(|| {
            let mut error = Error::not_found("source", &format!("{word:?}"));
            let slugs: Vec<&str> = all.iter().map(|definition| definition.slug.as_str()).collect();
            error.hint = format!("Name one that there is: {}.", slugs.join(", "));
            error.field = Some(field.into());
            error
        })
    }

    pub(crate) fn definition_of(&self, provider: &str) -> Definition {
        let found = self.definitions().into_iter().find(|definition| definition.provider == provider);
        found.unwrap_or_else(|| Definition::new(provider, provider, BTreeMap::new()))
    }

    /// The path that the browser's answer for a provider comes to.
    pub(crate) fn callback_path(&self, provider: &str) -> Option<String> {
        let found = self.programs.published().into_iter().find(|it| it.id == provider);
        found.map(|it| format!("/integrations/{}", it.callback))
    }

    /// What is asked before signing in.
    pub(crate) async fn form(&self, definition: &Definition) -> Result<Vec<InputField>> {
        let form: ProviderForm = self.call("provider", json!({ "provider": definition.provider })).await?;
        Ok(form.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(keys: &[&str]) -> Vec<InputField> {
        let field = |key: &&str| InputField {
            key: (*key).into(),
            label: "Label".into(),
            help: "Help.".into(),
            where_to_find: String::new(),
            example: "acme".into(),
            kind: "text".into(),
            choices: Vec::new(),
            default: String::new(),
            required: *key != "site",
        };
        keys.iter().map(field).collect()
    }

    fn of(provider: &str) -> Definition {
        Definition::new(provider, provider, BTreeMap::new())
    }

    #[test]
    fn a_definition_is_found_by_every_name_it_goes_by() {
        let line = LINES.iter().find(|line| line.also.len() > 1).unwrap();
        let definition = of(&line.provider);
        let id = definition.id.to_string();
        for word in [&line.slug, &line.provider, &id, &line.also[0], &format!("source-{}", line.slug)] {
            assert!(definition.is(word), "{word}");
        }
        assert!(!definition.is("") && !definition.is("one"));
        assert_eq!(definition.id.get_version_num(), 5);
    }

    #[test]
    fn no_name_means_two_definitions() {
        let mut seen = std::collections::BTreeSet::new();
        for line in LINES.iter() {
            for word in line.also.iter().chain([&line.slug]) {
                assert!(seen.insert(word.clone()), "{word}");
            }
        }
    }

    #[test]
    fn inputs_are_read_under_either_name_and_from_either_place() {
        let line = LINES
            .iter()
            .find(|line| line.inputs.contains_key("tenant_id") && line.inputs.contains_key("site_url"));
        let definition = of(&line.unwrap().provider);
        let form = form(&["tenant", "site"]);
        let read = |given: Value| definition.inputs(&form, given.as_object().unwrap());
        let inputs = read(
            json!({ "credentials": { "tenant_id": "acme" }, "site_url": " Mkt ", "start_date": "2024" }),
        );
        let inputs = inputs.unwrap();
        assert_eq!((inputs["tenant"].as_str(), inputs["site"].as_str(), inputs.len()), ("acme", "Mkt", 2));
        let both = read(json!({ "tenant_id": "other", "tenant": "acme", "site": null })).unwrap();
        assert_eq!((both["tenant"].as_str(), both.len()), ("acme", 1));
        assert_eq!(read(json!({ "tenant": ["acme"] })).unwrap_err().field.as_deref(), Some("tenant"));
    }

    #[test]
    fn the_specification_is_a_schema_of_the_form() {
        let specification = of("X").specification(&form(&["tenant", "site"]));
        assert_eq!(specification["required"], json!(["tenant"]));
        assert_eq!(specification["properties"]["site"]["examples"], json!(["acme"]));
    }
}
