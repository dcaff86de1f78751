//! Several requests in one, after Graph's `json-batching.md`.

use serde_json::{Value, json};

use super::mail::GRAPH;
use crate::desk::Desk;
use crate::faults::Stage;
use crate::paths;
use crate::providers::Answer;
use crate::providers::microsoft::graph::bad;
use crate::providers::microsoft::graph_error;
use crate::wire::{Reply, Request};

const BATCH: usize = 20;

/// At most twenty requests; the answers come in another order.
pub fn batch(desk: &Desk, request: &Request) -> Answer {
    let grant = desk.bearer(request)?;
    let body = request.json().unwrap_or_default();
    let Some(requests) = body["requests"].as_array() else {
        return Ok(bad(desk, "Invalid batch payload format."));
    };
    if requests.is_empty() || requests.len() > BATCH {
        let words = "Number of batch request steps exceeds the maximum value of 20.";
        return Ok(graph_error(desk, 400, "MaximumValueExceeded", words));
    }
    drop(grant);
    let answers: Vec<Value> = requests.iter().rev().map(|one| step(desk, request, one)).collect();
    Ok(Reply::json(200, &json!({ "responses": answers })))
}

fn step(desk: &Desk, request: &Request, one: &Value) -> Value {
    let (path, query) = match one["url"].as_str().unwrap_or_default().split_once('?') {
        Some((path, query)) => (path, query),
        None => (one["url"].as_str().unwrap_or_default(), ""),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let own = one["headers"].as_object().into_iter().flatten();
    let mut headers: Vec<(String, String)> =
        own.map(|(name, value)| (name.to_lowercase(), text(value))).collect();
    headers.extend(request.headers.iter().filter(|(name, _)| name == "authorization").cloned());
    let mut inner = Request {
        method: text(&one["method"]),
        host: request.host.clone(),
        path: format!("/v1.0{path}"),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        ..Request::default()
    };
    let found = GRAPH.endpoints.iter().filter(|it| it.method == inner.method && it.method == "GET");
    let found = found.into_iter().find_map(|it| Some((it, paths::capture(it.path, &inner.path)?)));
    let reply = match found {
        Some((endpoint, captures)) => {
            inner.captures = captures;
            (endpoint.answer)(desk, &inner).unwrap_or_else(|problem| desk.say(problem, Stage::Api, &inner))
        }
        None => bad(desk, "Resource not found for the segment."),
    };
    json!({
        "id": one["id"],
        "status": reply.status,
        "headers": { "Content-Type": "application/json" },
        "body": reply.value(),
    })
}
