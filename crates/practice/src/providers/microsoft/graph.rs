//! What all of Graph's lists have in common (concepts/paging.md, query-parameters.md): `$select`, links that carry the
//! query, and the words for what cannot be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::graph_error;
use crate::desk::Desk;
use crate::wire::{Reply, Request};

pub const BASE: &str = "https://graph.microsoft.com";

/// Leaves what `$select` names, the id and the annotations; everything when nothing is named.
pub fn selected(mut value: Value, request: &Request) -> Value {
    keep(&mut value, request.query("$select"));
    value
}

pub fn keep(value: &mut Value, select: Option<&str>) {
    let Some(select) = select.filter(|it| !it.is_empty()) else { return };
    let named: Vec<&str> = select.split(',').map(str::trim).collect();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| {
            name == "id" || name == "@odata.type" || name == "@removed" || named.contains(&name.as_str())
        });
    }
}

/// A page of a list: the rows, and the link to the next page or, with the other name, to the next round.
pub fn rows(rows: Vec<Value>, link: Option<(&str, String)>) -> Reply {
    let mut body = json!({ "value": rows });
    if let Some((name, link)) = link {
        body[name] = json!(link);
    }
    Reply::json(200, &body)
}

/// The request's address with one parameter put in place of those that say where a page begins.
pub fn link(request: &Request, name: &str, token: &str) -> String {
    let places = ["$skiptoken", "$deltatoken", "token"];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in request.query.iter().filter(|(key, _)| !places.contains(&key.as_str())) {
        query.append_pair(key, value);
    }
    query.append_pair(name, &URL_SAFE_NO_PAD.encode(token));
    format!("{BASE}{}?{}", request.path, query.finish())
}

/// What [`link`] put there; none where nothing or nonsense stands.
pub fn token(request: &Request, name: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(request.query(name)?).ok()?;
    String::from_utf8(bytes).ok()
}

pub fn not_found(desk: &Desk) -> Reply {
    graph_error(desk, 404, "itemNotFound", "The resource could not be found.")
}

pub fn bad(desk: &Desk, words: &str) -> Reply {
    graph_error(desk, 400, "invalidRequest", words)
}
