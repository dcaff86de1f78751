//! `fields`: which parts of an answer the client wants, such as `nextPageToken,files(id,capabilities/canDownload)`
//! (developers.google.com/workspace/drive/api/guides/fields-parameter).

use serde_json::Value;

use super::api_error;
use crate::wire::{Reply, Request};

/// The parts that are wanted, each with the parts inside it; none inside is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Fields)>);

impl Fields {
    /// What the request asks for, else the usual.
    pub fn of(request: &Request, usual: &str) -> Result<Fields, Reply> {
        let text = request.query("fields").filter(|text| !text.is_empty()).unwrap_or(usual);
        Fields::read(text).ok_or_else(|| {
            let words = format!("Invalid field selection {text}");
            api_error(400, "invalidParameter", &words, "INVALID_ARGUMENT")
        })
    }

    fn read(text: &str) -> Option<Fields> {
        let mut rest = text;
        let fields = list(&mut rest)?;
        rest.is_empty().then_some(fields)
    }

    /// Whether a part is wanted; the names on the way to it are separated by slashes.
    pub fn has(&self, path: &str) -> bool {
        let (name, inside) = path.split_once('/').unwrap_or((path, ""));
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|(own, fields)| own == "*" || own == name && (inside.is_empty() || fields.has(inside)))
    }

    /// What is wanted inside a part.
    pub fn inside(&self, part: &str) -> Fields {
        let own = self.0.iter().filter(|(name, _)| name == part);
        Fields(own.flat_map(|(_, inside)| inside.0.clone()).collect())
    }

    /// The same with all of one part, where that was cut before.
    pub fn outside(mut self, part: &str) -> Fields {
        for (_, inside) in self.0.iter_mut().filter(|(name, _)| name == part) {
            inside.0.clear();
        }
        self
    }

    /// The value without what is not wanted; a list's elements each.
    pub fn cut(&self, value: &mut Value) {
        if self.0.is_empty() || self.0.iter().any(|(name, _)| name == "*") {
            return;
        }
        match value {
            Value::Array(all) => all.iter_mut().for_each(|one| self.cut(one)),
            Value::Object(map) => map.retain(|name, value| {
                let mut wanted = false;
                for (_, inside) in self.0.iter().filter(|(own, _)| own == name) {
                    wanted = true;
                    inside.cut(value);
                }
                wanted
            }),
            _ => {}
        }
    }

    pub fn reply(&self, mut value: Value) -> Reply {
        self.cut(&mut value);
        Reply::json(200, &value)
    }
}

fn list(rest: &mut &str) -> Option<Fields> {
    let mut fields = Vec::new();
    loop {
        fields.push(one(rest)?);
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Some(Fields(fields)),
        }
    }
}

fn one(rest: &mut &str) -> Option<(String, Fields)> {
    *rest = rest.trim_start();
    let end = rest.find([',', '(', ')', '/']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.trim().is_empty() {
        return None;
    }
    *rest = after;
    let inside = if let Some(after) = rest.strip_prefix('/') {
        *rest = after;
        Fields(vec![one(rest)?])
    } else if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let fields = list(rest)?;
        *rest = rest.strip_prefix(')')?;
        fields
    } else {
        Fields::default()
    };
    Some((name.trim().to_owned(), inside))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_kept_as_asked() {
        let fields = Fields::read("next,files(id,can/download,way(x,y))").unwrap();
        assert!(fields.has("files/id") && fields.has("files/can/download") && !fields.has("files/size"));
        let mut value = json!({ "next": 1, "kind": "k", "files": [
            { "id": 1, "size": 2, "can": { "download": true, "edit": false }, "way": { "x": 1, "z": 2 } },
        ] });
        fields.cut(&mut value);
        let left =
            json!({ "next": 1, "files": [{ "id": 1, "can": { "download": true }, "way": { "x": 1 } }] });
        assert_eq!(value, left);
        assert!(Fields::read("*").unwrap().has("anything/at/all"));
        assert_eq!([Fields::read("a(b"), Fields::read("a)"), Fields::read("a,,b")], [None, None, None]);
    }
}
