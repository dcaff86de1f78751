//! The description of our own operations: OpenAPI 3.1, made from the table that also calls them.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tieline_engine::Described;
use tieline_engine::program::GROUPS;

use crate::Door;

/// What stands in no group: only the key of this run may call it.
pub(crate) const PERSON: (&str, &str) = (
    "person",
    "Only the key that `tieline serve --run-key` prints may call these; no program's key can be given them",
);

/// How operations fail, and what that means.
pub(crate) const FAILURES: &[(u16, &str)] = &[
    (400, "Something in the ask is missing or wrong; `field` says what"),
    (401, "There is no key, or it is wrong or revoked"),
    (403, "The key may not do this, or not from this page; or the service refused"),
    (404, "There is nothing of this id within the key's reach"),
    (409, "It does not fit the present state, or somebody has to act first"),
    (413, "The body is larger than 1 MB"),
    (421, "The `Host` header names another server than this one"),
    (
        429,
        "Too many requests, `Retry-After` says how many seconds to wait; or more than 16 streams of changes",
    ),
    (503, "The service or the keyring is not reachable now; time, or unlocking, mends it"),
];

pub(crate) fn described() -> &'static Described {
    static DESCRIBED: OnceLock<Described> = OnceLock::new();
    DESCRIBED.get_or_init(tieline_engine::describe)
}

/// The groups in which an operation stands.
pub(crate) fn groups_of(operation: &str) -> Vec<&'static str> {
    let groups: Vec<&str> = GROUPS
        .iter()
        .filter(|(_, _, operations)| operations.contains(&operation))
        .map(|(group, ..)| *group)
        .collect();
    if groups.is_empty() { vec![PERSON.0] } else { groups }
}

/// `GET /v1/openapi.json`. Holds nothing of anybody, so it needs no key.
pub(crate) async fn answer(State(door): State<Arc<Door>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, document(&door.origin()).to_string()).into_response()
}

fn document(origin: &str) -> Value {
    let described = described();
    let mut paths = Map::new();
    for it in &described.operations {
        let (summary, more) = it.words.split_once(". ").unwrap_or((&it.words, ""));
        let summary = summary.trim_end_matches('.');
        let mut operation = json!({
            "operationId": it.name,
            "summary": if summary.is_empty() { it.name.replace('_', " ") } else { summary.to_owned() },
            "tags": groups_of(it.name),
            "requestBody": { "required": true, "content": { "application/json": { "schema": it.ask } } },
            "responses": responses("application/json", "The answer", &it.answer),
        });
        if !more.is_empty() {
            operation["description"] = more.into();
        }
        paths.insert(format!("/v1/{}", it.name), json!({ "post": operation }));
    }
    paths["/v1/events"]["get"] = json!({
        "operationId": "changes",
        "summary": "What changes from now on, as server-sent events",
        "description": "Each event's data is a `Change` within the key's reach. A `world` says: read everything anew. \
                        The stream ends when the key is revoked.",
        "tags": groups_of("events"),
        "responses": responses("text/event-stream", "The stream", &json!({ "type": "string" })),
    });
    paths.insert(
        "/v1/openapi.json".to_owned(),
        json!({ "get": {
            "operationId": "openapi", "summary": "This description", "security": [],
            "responses": { "200": {
                "description": "OpenAPI 3.1", "content": { "application/json": { "schema": { "type": "object" } } },
            } },
        } }),
    );
    let tags = GROUPS.iter().map(|(name, meaning, _)| (*name, *meaning)).chain([PERSON]);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tieline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Connections to work accounts on this computer. Every operation is a POST of a JSON object, and \
                            answers JSON. Keys are made in Tieline, under Settings, For other programs, or by `tieline key add`.",
        },
        "servers": [{ "url": origin }],
        "security": [{ "key": [] }],
        "tags": tags.map(|(name, meaning)| json!({ "name": name, "description": meaning })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "A key: `tlk_…`" } },
            "schemas": described.types,
            "responses": failures(),
        },
    })
}

fn responses(media: &str, words: &str, schema: &Value) -> Value {
    let mut all = Map::new();
    all.insert("200".into(), json!({ "description": words, "content": { media: { "schema": schema } } }));
    for (status, _) in FAILURES {
        all.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    all.insert("default".into(), json!({ "$ref": "#/components/responses/other" }));
    Value::Object(all)
}

fn failures() -> Value {
    let failure = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Failure" } } });
    let mut all: Map<String, Value> = FAILURES
        .iter()
        .map(|(status, meaning)| (status.to_string(), json!({ "description": meaning, "content": failure })))
        .collect();
    all["429"]["headers"] =
        json!({ "Retry-After": { "description": "Seconds", "schema": { "type": "integer", "minimum": 1 } } });
    all.insert("other".into(), json!({ "description": "Another failure", "content": failure }));
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_holds_every_operation_once() {
        let document = document("http://127.0.0.1:1");
        for name in tieline_engine::NAMES {
            let post = &document["paths"][format!("/v1/{name}")]["post"];
            assert_eq!(post["operationId"], *name);
            assert!(post["responses"]["200"]["content"]["application/json"]["schema"].is_object(), "{name}");
        }
        assert_eq!(document["paths"]["/v1/search"]["post"]["tags"], json!(["read"]));
        assert_eq!(document["paths"]["/v1/add_key"]["post"]["tags"], json!(["person"]));
        assert!(document["paths"]["/v1/events"]["get"].is_object());
        assert_eq!(document["components"]["schemas"]["Failure"]["type"], "object");
    }
}
