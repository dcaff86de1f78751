//! Request bodies: read field by field, with every fault noted where it stands.
//!
//! A reader is a function from JSON to a value. [`Fields`] reads an object with them: what must be there, what may be
//! missing, what may be null. Unknown keys are passed over, as published clients send some that never existed.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value, json};

use super::Sorry;
use crate::Door;

/// A body that was read and found right.
pub(crate) struct Body<T>(pub T);

/// What a body may be.
pub(crate) trait FromBody: Sized {
    fn read(body: &Value, at: &mut At) -> Option<Self>;
}

impl<T: FromBody> FromRequest<Arc<Door>> for Body<T> {
    type Rejection = Sorry;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Sorry> {
        let bytes = Bytes::from_request(request, door).await.map_err(|refused| {
            let status = refused.status();
            Sorry::new(status, refused.body_text())
        })?;
        read(&bytes).map(Body)
    }
}

/// Reads a whole body. An empty one is an object without fields.
pub(crate) fn read<T: FromBody>(bytes: &[u8]) -> Result<T, Sorry> {
    let mut at = At { path: vec!["body".into()], faults: Vec::new() };
    let bytes = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes };
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            let place = error.column();
            at.within(place, |at| at.fault("the body is not JSON", "value_error.jsondecode"));
            return Err(Sorry::unreadable(at.faults));
        }
    };
    match T::read(&value, &mut at) {
        Some(read) if at.faults.is_empty() => Ok(read),
        _ => Err(Sorry::unreadable(at.faults)),
    }
}

/// Where in the body a reader is, and what it found wrong so far.
pub(crate) struct At {
    path: Vec<Value>,
    faults: Vec<Value>,
}

impl At {
    /// Notes a fault at this place. `kind` is the stable name that programs look at.
    pub fn fault(&mut self, words: &str, kind: &str) {
        self.faults.push(json!({ "loc": self.path, "msg": words, "type": kind }));
    }

    /// Notes a fault further in, at this path below here.
    pub fn fault_below(&mut self, path: &[Value], words: &str, kind: &str) {
        let here = self.path.len();
        self.path.extend_from_slice(path);
        self.fault(words, kind);
        self.path.truncate(here);
    }

    /// Goes on one step further in: a field's name, or a place in a list.
    pub fn within<T>(&mut self, step: impl Into<Value>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into());
        let done = work(self);
        self.path.pop();
        done
    }

    fn wrong<T>(&mut self, words: &str, kind: &str) -> Option<T> {
        self.fault(words, kind);
        None
    }
}

/// The fields of an object that is being read.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    at: &'a mut At,
}

impl Fields<'_> {
    /// One that has to be there. The default stands in for a faulty one, until the whole is refused.
    pub fn need<T: Default>(&mut self, name: &str, reader: impl Fn(&Value, &mut At) -> Option<T>) -> T {
        match self.map.get(name) {
            Some(value) => self.at.within(name, |at| reader(value, at)).unwrap_or_default(),
            None => {
                self.fault(name, "field required", "value_error.missing");
                T::default()
            }
        }
    }

    /// One that has a default and may not be null.
    pub fn or<T>(&mut self, name: &str, reader: impl Fn(&Value, &mut At) -> Option<T>, default: T) -> T {
        match self.map.get(name) {
            Some(Value::Null) => {
                self.fault(name, "none is not an allowed value", "type_error.none.not_allowed");
                default
            }
            Some(value) => self.at.within(name, |at| reader(value, at)).unwrap_or(default),
            None => default,
        }
    }

    /// One that may be null, which counts as missing.
    pub fn maybe<T>(&mut self, name: &str, reader: impl Fn(&Value, &mut At) -> Option<T>) -> Option<T> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        self.at.within(name, |at| reader(value, at))
    }

    /// Notes a fault of one field.
    pub fn fault(&mut self, name: &str, words: &str, kind: &str) {
        self.at.within(name, |at| at.fault(words, kind));
    }
}

/// An object, read by its fields.
pub(crate) fn fields<T>(work: impl Fn(&mut Fields<'_>) -> T) -> impl Fn(&Value, &mut At) -> Option<T> {
    move |value, at| {
        let Value::Object(map) = value else {
            return at.wrong("value is not a valid dict", "type_error.dict");
        };
        Some(work(&mut Fields { map, at }))
    }
}

pub(crate) fn any(value: &Value, _: &mut At) -> Option<Value> {
    Some(value.clone())
}

pub(crate) fn object(value: &Value, at: &mut At) -> Option<Map<String, Value>> {
    let map = value.as_object().cloned();
    map.or_else(|| at.wrong("value is not a valid dict", "type_error.dict"))
}

pub(crate) fn text(value: &Value, at: &mut At) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| at.wrong("str type expected", "type_error.str"))
}

pub(crate) fn flag(value: &Value, at: &mut At) -> Option<bool> {
    value.as_bool().or_else(|| at.wrong("value could not be parsed to a boolean", "type_error.bool"))
}

/// A whole number, also one written with a point, or as a text of digits, as one of the published clients sends ids.
pub(crate) fn whole(value: &Value, at: &mut At) -> Option<i64> {
    let pointed = || value.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9e15).map(|it| it as i64);
    let written = || value.as_str()?.trim().parse().ok();
    value
        .as_i64()
        .or_else(pointed)
        .or_else(written)
        .or_else(|| at.wrong("value is not a valid integer", "type_error.integer"))
}

/// A whole number that is at least this.
pub(crate) fn at_least(least: i64) -> impl Fn(&Value, &mut At) -> Option<i64> {
    move |value, at| {
        let number = whole(value, at)?;
        if number >= least {
            return Some(number);
        }
        let words = format!("ensure this value is greater than or equal to {least}");
        at.wrong(&words, "value_error.number.not_ge")
    }
}

/// A count: from `least` on, as large as a count may be.
pub(crate) fn count(least: u32) -> impl Fn(&Value, &mut At) -> Option<u32> {
    move |value, at| {
        let number = at_least(i64::from(least))(value, at)?;
        u32::try_from(number).ok().or_else(|| {
            at.wrong("ensure this value is less than or equal to 4294967295", "value_error.number.not_le")
        })
    }
}

/// A count of at least one.
pub(crate) fn positive(value: &Value, at: &mut At) -> Option<u32> {
    if whole(value, at)? < 1 {
        return at.wrong("ensure this value is greater than 0", "value_error.number.not_gt");
    }
    count(1)(value, at)
}

/// One of these words, exactly.
pub(crate) fn one_of(words: &'static [&'static str]) -> impl Fn(&Value, &mut At) -> Option<String> {
    move |value, at| {
        if let Some(word) = value.as_str().filter(|word| words.contains(word)) {
            return Some(word.to_owned());
        }
        let permitted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let words = format!("value is not a valid enumeration member; permitted: {}", permitted.join(", "));
        at.wrong(&words, "type_error.enum")
    }
}

/// A list, however long; see [`list_of`] for one with limits.
pub(crate) fn list<T>(
    reader: impl Fn(&Value, &mut At) -> Option<T>,
) -> impl Fn(&Value, &mut At) -> Option<Vec<T>> {
    list_of(0, usize::MAX, reader)
}

/// A list of so many at least and at most.
pub(crate) fn list_of<T>(
    least: usize,
    most: usize,
    reader: impl Fn(&Value, &mut At) -> Option<T>,
) -> impl Fn(&Value, &mut At) -> Option<Vec<T>> {
    move |value, at| {
        let Value::Array(values) = value else {
            return at.wrong("value is not a valid list", "type_error.list");
        };
        if values.len() < least {
            let words = format!("ensure this value has at least {least} items");
            return at.wrong(&words, "value_error.list.min_items");
        }
        if values.len() > most {
            let words = format!("ensure this value has at most {most} items");
            return at.wrong(&words, "value_error.list.max_items");
        }
        let before = at.faults.len();
        let read: Vec<T> = values
            .iter()
            .enumerate()
            .filter_map(|(place, value)| at.within(place, |at| reader(value, at)))
            .collect();
        (at.faults.len() == before).then_some(read)
    }
}

/// A part of a list: `{limit = 10, offset = 0, starting_id = 0}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pagination {
    pub limit: u32,
    pub offset: u32,
    /// Only those with this number or a greater one.
    pub starting_id: i64,
}

impl Default for Pagination {
    fn default() -> Self {
        Self { limit: 10, offset: 0, starting_id: 0 }
    }
}

pub(crate) fn pagination(value: &Value, at: &mut At) -> Option<Pagination> {
    let usual = Pagination::default();
    fields(|it| Pagination {
        limit: it.maybe("limit", count(0)).unwrap_or(usual.limit),
        offset: it.maybe("offset", count(0)).unwrap_or(usual.offset),
        starting_id: it.maybe("starting_id", whole).unwrap_or(usual.starting_id),
    })(value, at)
}

impl Pagination {
    /// This part of all.
    pub fn part<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset as usize).take(self.limit as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Asked {
        service: String,
        chunk_size: u32,
        scopes: Vec<String>,
        boundary: bool,
        request_id: Option<String>,
        page: Pagination,
    }

    impl FromBody for Asked {
        fn read(body: &Value, at: &mut At) -> Option<Self> {
            fields(|it| Asked {
                service: it.need("service", one_of(&["BOX", "ZENDESK"])),
                chunk_size: it.maybe("chunk_size", count(1)).unwrap_or(1500),
                scopes: it.or("scopes", list_of(0, 2, text), Vec::new()),
                boundary: it.or("boundary", flag, false),
                request_id: it.maybe("request_id", text),
                page: it.maybe("pagination", pagination).unwrap_or_default(),
            })(body, at)
        }
    }

    fn faults(body: &str) -> Vec<(String, String)> {
        let sorry = read::<Asked>(body.as_bytes()).unwrap_err();
        assert_eq!(sorry.status().as_u16(), 422);
        let faults = sorry.detail().as_array().unwrap().clone();
        faults.iter().map(|it| (it["loc"].to_string(), it["type"].as_str().unwrap().to_owned())).collect()
    }

    fn fault(loc: &str, kind: &str) -> (String, String) {
        (loc.to_owned(), kind.to_owned())
    }

    #[test]
    fn defaults_nulls_and_unknown_keys() {
        let body =
            r#"{"service": "BOX", "chunk_size": null, "request_id": null, "css_selectros_to_skip": 1}"#;
        let asked: Asked = read(body.as_bytes()).unwrap();
        assert_eq!((asked.service.as_str(), asked.chunk_size, asked.boundary), ("BOX", 1500, false));
        assert_eq!((asked.scopes.len(), asked.request_id, asked.page), (0, None, Pagination::default()));
        let asked: Asked = read(br#"{"service":"BOX","chunk_size":2.0,"pagination":{"limit":250}}"#).unwrap();
        assert_eq!((asked.chunk_size, asked.page.limit, asked.page.offset), (2, 250, 0));
    }

    #[test]
    fn every_fault_is_told_where_it_stands() {
        assert_eq!(faults(""), [fault(r#"["body","service"]"#, "value_error.missing")]);
        assert_eq!(faults("[]"), [fault(r#"["body"]"#, "type_error.dict")]);
        assert_eq!(faults("{").len(), 1);
        let many = r#"{"service": "box", "chunk_size": 0, "scopes": ["a", 1], "boundary": null, "pagination": {"limit": "x"}}"#;
        assert_eq!(
            faults(many),
            [
                fault(r#"["body","service"]"#, "type_error.enum"),
                fault(r#"["body","chunk_size"]"#, "value_error.number.not_ge"),
                fault(r#"["body","scopes",1]"#, "type_error.str"),
                fault(r#"["body","boundary"]"#, "type_error.none.not_allowed"),
                fault(r#"["body","pagination","limit"]"#, "type_error.integer"),
            ]
        );
        assert_eq!(
            faults(r#"{"service": "BOX", "scopes": ["a", "b", "c"]}"#),
            [fault(r#"["body","scopes"]"#, "value_error.list.max_items")]
        );
        assert_eq!(
            faults(r#"{"service": "BOX", "chunk_size": 1.5}"#),
            [fault(r#"["body","chunk_size"]"#, "type_error.integer")]
        );
        assert_eq!(
            faults(r#"{"service": "BOX", "chunk_size": 5000000000}"#),
            [fault(r#"["body","chunk_size"]"#, "value_error.number.not_le")]
        );
    }
}
