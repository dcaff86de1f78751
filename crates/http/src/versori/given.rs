//! A body, read field by field: everything that is wrong with it is told at once, each with its path.

use std::cell::RefCell;

use serde_json::{Map, Value};
use ulid::Ulid;

use super::answer::Fault;

/// An object of the body, and where it stands.
pub(super) struct Given<'v> {
    value: &'v Value,
    at: String,
    faults: &'v RefCell<Vec<(String, String)>>,
}

/// Reads a body. Fails with all that `read` found wrong.
pub(super) fn read<T>(body: &Value, read: impl FnOnce(&Given<'_>) -> T) -> Result<T, Fault> {
    let faults = RefCell::default();
    let value = read(&Given { value: body, at: String::new(), faults: &faults });
    let faults = faults.into_inner();
    if faults.is_empty() { Ok(value) } else { Err(Fault::fields(faults)) }
}

impl<'v> Given<'v> {
    /// The path of a field of it: `connection.credentials.action[0].credential`.
    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    pub fn wrong(&self, name: &str, words: impl Into<String>) {
        self.faults.borrow_mut().push((self.path(name), words.into()));
    }

    /// The field, where it is there and not null.
    pub fn get(&self, name: &str) -> Option<&'v Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn whole(&self) -> Map<String, Value> {
        self.value.as_object().cloned().unwrap_or_default()
    }

    /// A text that may be missing.
    pub fn maybe(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if text.contains('\0') => {
                self.wrong(name, "This holds a character that no text has.");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(name, "This has to be a text.");
                None
            }
        }
    }

    /// A text that must be there; it may be empty.
    pub fn written(&self, name: &str) -> String {
        if !self.has(name) {
            self.wrong(name, "This is needed.");
        }
        self.maybe(name).unwrap_or_default()
    }

    /// A text that must be there and say something, in at most 255 letters.
    pub fn text(&self, name: &str) -> String {
        let text = self.written(name);
        if self.get(name).is_some_and(|it| it.as_str().is_some_and(|it| it.trim().is_empty())) {
            self.wrong(name, "This must not be empty.");
        }
        if text.chars().count() > 255 {
            self.wrong(name, "This has to be of at most 255 letters.");
        }
        text
    }

    pub fn ulid(&self, name: &str) -> String {
        let text = self.written(name);
        self.ulid_of(name, &text)
    }

    pub fn maybe_ulid(&self, name: &str) -> Option<String> {
        // Go clients send an empty one for none.
        let text = self.maybe(name).filter(|text| !text.is_empty())?;
        Some(self.ulid_of(name, &text))
    }

    fn ulid_of(&self, name: &str, text: &str) -> String {
        match ulid(text) {
            Some(id) => id,
            None => {
                if self.has(name) {
                    self.wrong(name, "This is no ULID: 26 letters and digits.");
                }
                String::new()
            }
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong(name, "This has to be true or false.");
                None
            }
        }
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let texts = value.as_array().map(|all| all.iter().map(|it| it.as_str().map(str::to_owned)).collect());
        texts.unwrap_or(None).unwrap_or_else(|| {
            self.wrong(name, "This has to be a list of texts.");
            Vec::new()
        })
    }

    pub fn object_or_none(&self, name: &str) -> Option<Given<'v>> {
        let value = self.get(name)?;
        if !value.is_object() {
            self.wrong(name, "This has to be an object.");
            return None;
        }
        Some(Given { value, at: self.path(name), faults: self.faults })
    }

    pub fn object(&self, name: &str) -> Option<Given<'v>> {
        if !self.has(name) {
            self.wrong(name, "This is needed.");
        }
        self.object_or_none(name)
    }

    /// A list of objects, which may be missing.
    pub fn objects(&self, name: &str) -> Vec<Given<'v>> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let all = value.as_array().filter(|all| all.iter().all(Value::is_object));
        let Some(all) = all else {
            self.wrong(name, "This has to be a list of objects.");
            return Vec::new();
        };
        let numbered = all.iter().enumerate();
        numbered
            .map(|(at, value)| Given { value, at: format!("{}[{at}]", self.path(name)), faults: self.faults })
            .collect()
    }
}

/// A ULID in its usual spelling.
pub(super) fn ulid(text: &str) -> Option<String> {
    // 26 digits of five bits hold more than the 128 of a ULID.
    let fits = text.len() == 26 && text.as_bytes()[0] <= b'7';
    fits.then(|| Ulid::from_string(text).ok()).flatten().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_with_its_path() {
        let body = json!({
            "name": "", "hub": "nonsense", "scopes": ["a", 1],
            "credentials": { "action": [{ "type": 7 }], "trigger": {} },
        });
        let fault = read(&body, |given| {
            given.text("name");
            given.ulid("hub");
            given.texts("scopes");
            let credentials = given.object("credentials").expect("an object");
            for it in credentials.objects("action") {
                it.text("type");
                it.object("data");
            }
            credentials.objects("trigger");
            given.text("missing");
        })
        .expect_err("much is wrong");
        let paths: Vec<&str> = fault.fields.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "name",
                "hub",
                "scopes",
                "credentials.action[0].type",
                "credentials.action[0].data",
                "credentials.trigger",
                "missing"
            ]
        );
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let body = json!({ "prompt": null, "scopes": null, "grant": null, "flag": null, "id": "" });
        let read = read(&body, |given| {
            (
                given.maybe("prompt"),
                given.texts("scopes"),
                given.object_or_none("grant").is_none(),
                given.flag("flag"),
                given.maybe_ulid("id"),
            )
        });
        assert_eq!(read.expect("fine"), (None, vec![], true, None, None));
    }

    #[test]
    fn ulids_are_of_26_letters_and_digits() {
        let id = Ulid::generate().to_string();
        assert_eq!(ulid(&id.to_lowercase()), Some(id.clone()));
        for bad in
            ["", "1", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARZ3NDEKTSV4RRFFQ69G5FA!", "é1ARZ3NDEKTSV4RRFFQ69G5F"]
        {
            assert_eq!(ulid(bad), None, "{bad}");
        }
    }
}
