//! A request's body: one JSON object, read under names in snake_case, whichever way its client writes them.

use serde_json::{Map, Value};
use tieline_engine::{Code, Error, Result};

pub(crate) struct Ask(Map<String, Value>);

impl Ask {
    /// # Errors
    /// `BadInput` where the body is not one JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self::new(fields)),
            Ok(_) => Err(bad("The body is JSON, and not an object.")),
            Err(_) => Err(bad("The body is not JSON.")),
        }
    }

    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Self(fields.into_iter().map(|(name, value)| (snake(&name), value)).collect())
    }

    /// Null is as good as absent.
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| Error::field(name, "This must be a text."))
    }

    pub(crate) fn needed(&self, name: &str) -> Result<&str> {
        match self.text(name)?.map(str::trim) {
            Some("") | None => Err(Error::field(name, "This is missing.")),
            Some(text) => Ok(text),
        }
    }

    /// Absent, or not blank: what has a name keeps one.
    pub(crate) fn changed(&self, name: &str) -> Result<Option<&str>> {
        match self.text(name)?.map(str::trim) {
            Some("") => Err(Error::field(name, "This must not be blank.")),
            text => Ok(text),
        }
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| Error::field(name, "This must be an object."))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| Error::field(name, "This must be a whole number."))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let texts =
            value.as_array().and_then(|all| all.iter().map(|it| Some(it.as_str()?.to_owned())).collect());
        texts.map(Some).ok_or_else(|| Error::field(name, "This must be a list of texts."))
    }
}

fn bad(message: &str) -> Error {
    Error::new(Code::BadInput, message, "Send a JSON object.")
}

pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The same name as Airbyte's clients write it. What stands within a configuration keeps its own spelling.
pub(crate) fn camel(name: &str) -> String {
    if let Some((top, within)) = name.split_once('.') {
        return format!("{}.{within}", camel(top));
    }
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_body_is_read_in_both_spellings() {
        for body in [
            r#"{"workspaceId": "w", "oAuthInputConfiguration": {"subdomain": "acme"}, "name": null}"#,
            r#"{"workspace_id": "w", "o_auth_input_configuration": {"subdomain": "acme"}}"#,
        ] {
            let ask = Ask::read(body.as_bytes()).unwrap();
            assert_eq!(ask.needed("workspace_id").unwrap(), "w");
            assert_eq!(ask.object("o_auth_input_configuration").unwrap().unwrap()["subdomain"], "acme");
            assert_eq!(ask.text("name").unwrap(), None);
            assert_eq!(ask.changed("name").unwrap(), None);
            assert_eq!(ask.needed("name").unwrap_err().field.as_deref(), Some("name"));
        }
        assert_eq!(camel("o_auth_input_configuration"), "oAuthInputConfiguration");
        assert_eq!(camel("configuration.client_id"), "configuration.client_id");
    }

    #[test]
    fn what_is_no_object_or_of_another_type_is_said() {
        for body in ["", "[]", "{", "\"\\ud800\""] {
            assert!(Ask::read(body.as_bytes()).is_err(), "{body}");
        }
        let blank = Ask::read(br#"{"name": " "}"#).unwrap();
        assert!(blank.needed("name").is_err() && blank.changed("name").is_err());
        let ask = Ask::read(br#"{"name": 7, "scopes": ["a", 7], "configuration": []}"#).unwrap();
        assert!(
            ask.text("name").is_err() && ask.texts("scopes").is_err() && ask.object("configuration").is_err()
        );
    }
}
