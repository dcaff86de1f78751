//! Our own operations: `POST /v1/<operation>`, and `GET /v1/events` for what changes.
//!
//! The key of the run, which `tieline serve --run-key` prints, may call all of them, as the window does. The key of another
//! program calls those it was given, and sees the connections within its reach.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tieline_engine::program::{Key, Owner};
use tieline_engine::wire::{Connect, Failure};
use tieline_engine::{Code, Connecting, Error, SyncOptions, understood};

use crate::guard::{self, Wanted};
use crate::reach::{self, Answers, Asks, Within};
use crate::{Caller, Door, Tier, Way, openapi, reference, status_of};

mod streams;

pub(crate) use streams::Streams;

/// How a program shows its key.
const WAYS: &[Way] = &[Way::Key("bearer"), Way::Header("x-api-key")];
/// Rows of the event log that are looked through at a time, for those within reach.
const LOOKED_THROUGH: u64 = 500;

pub(crate) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/v1/", get(reference::page))
        .route("/v1/openapi.json", get(openapi::answer))
        .route("/v1/events", get(streams::events).post(logged))
        .route("/v1/{operation}", post(named))
}

/// An error in the words of our own operations.
pub(crate) fn sorry(status: StatusCode, words: &str) -> Response {
    const CODES: &[(StatusCode, &str)] = &[
        (StatusCode::BAD_REQUEST, "bad_input"),
        (StatusCode::UNAUTHORIZED, "unauthorized"),
        (StatusCode::FORBIDDEN, "forbidden"),
        (StatusCode::NOT_FOUND, "not_found"),
        (StatusCode::METHOD_NOT_ALLOWED, "wrong_method"),
        (StatusCode::REQUEST_TIMEOUT, "timed_out"),
        (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        (StatusCode::URI_TOO_LONG, "too_large"),
        (StatusCode::MISDIRECTED_REQUEST, "wrong_host"),
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large"),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
        (StatusCode::SERVICE_UNAVAILABLE, "temporary"),
        (StatusCode::INSUFFICIENT_STORAGE, "storage"),
    ];
    let other = if status.is_client_error() { "bad_input" } else { "internal" };
    let code = CODES.iter().find(|(known, _)| *known == status).map_or(other, |(_, code)| code);
    // The first sentence says what happened, the others what to do.
    let (message, hint) = match words.split_once(". ") {
        Some((message, hint)) => (format!("{message}."), hint),
        None => (words.to_owned(), ""),
    };
    answer(status, &json!({ "code": code, "message": message, "hint": hint, "field": null }))
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, value.to_string()).into_response()
}

fn failed(failure: &Failure) -> Response {
    answer(status_of(Code::from_name(&failure.code)), &serde_json::to_value(failure).unwrap_or_default())
}

async fn named(
    State(door): State<Arc<Door>>,
    operation: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // What is no text is no operation's name either; the key comes first all the same.
    let operation = operation.map_or_else(|_| request.uri().path().to_owned(), |Path(operation)| operation);
    call(&door, &operation, request).await
}

/// The operation that shares its address with the stream.
async fn logged(State(door): State<Arc<Door>>, request: Request) -> Response {
    call(&door, "events", request).await
}

async fn call(door: &Door, operation: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Read already, by the guard.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let known = tieline_engine::NAMES.contains(&operation);
    let wanted = if known { Wanted::Operation(operation) } else { Wanted::Anything };
    guard::name(&parts, if known { operation } else { "unknown operation" });
    let caller = match door.admit_to(wanted, &parts, WAYS, Tier::OWN) {
        Ok(caller) => caller,
        Err(refused) => return refused.answer(sorry),
    };
    let ask = match read(&body) {
        Ok(ask) => ask,
        Err(failure) => return failed(&failure),
    };
    let answered = match &caller.key {
        Some(key) => by_key(door, &caller, key, operation, ask).await,
        None => door.app.call(operation, ask).await,
    };
    match answered {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(failure) => failed(&failure),
    }
}

fn read(body: &Bytes) -> Result<Value, Failure> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let ask: Value = serde_json::from_slice(body)
        .map_err(|error| bad_input(&format!("The body is not JSON: {error}."), "Send a JSON object."))?;
    if ask.is_object() || ask.is_null() {
        return Ok(if ask.is_null() { json!({}) } else { ask });
    }
    Err(bad_input("The body is JSON, but no object.", "Send a JSON object, such as {}."))
}

fn bad_input(message: &str, hint: &str) -> Failure {
    Failure { code: "bad_input".into(), message: message.into(), hint: hint.into(), field: None }
}

/// Calls an operation for another program: within its reach, and in its organization's name.
async fn by_key(
    door: &Door,
    caller: &Caller,
    key: &Key,
    operation: &str,
    ask: Value,
) -> Result<Value, Failure> {
    let within = Within::of(door.app.programs(), key);
    // The guard lets nothing else through.
    let Some((asks, answers)) = reach::shape(operation) else {
        return Err(Error::not_found("operation", operation).into());
    };
    match asks {
        Asks::Connection(field) | Asks::EachConnection(field) => {
            if let Some(connection) = ask[field].as_str() {
                if !within.holds(connection)? {
                    return Err(Error::not_found("connection", connection).into());
                }
                // What is noted stays: nothing that a program could make up.
                caller.about(connection);
            }
        }
        Asks::Flow(field) => {
            if let Some(flow) = ask[field].as_str()
                && !door.app.programs().sees_flow(key, flow)?
            {
                return Err(Error::not_found("sign-in", flow).into());
            }
        }
        Asks::Nothing => {}
    }
    match operation {
        "connect" => return connect(door, key, ask).await,
        "access_token" => return access_token(door, key, ask).await,
        _ => {}
    }
    if operation == "events" {
        return log_within(door, &within, ask).await;
    }
    if let Asks::EachConnection(field) = asks
        && ask[field].is_null()
    {
        return match operation {
            "search" => search_within(door, &within, ask).await,
            _ => each_within(door, operation, field, &within, ask).await,
        };
    }
    let mut value = door.app.call(operation, ask).await?;
    match answers {
        Answers::Asked => reach::withhold(operation, &mut value),
        Answers::Rows(list, field) => within.keep(&mut value, list, field)?,
        Answers::Flows => {
            for flow in value.as_array_mut().map(std::mem::take).unwrap_or_default() {
                let id = flow["id"].as_str().unwrap_or_default();
                if door.app.programs().sees_flow(key, id)?
                    && let Some(flows) = value.as_array_mut()
                {
                    flows.push(flow);
                }
            }
        }
    }
    if let Some(recount) = reach::recount(operation) {
        recount(&mut value, &connections_within(door, &within).await?);
    }
    Ok(value)
}

async fn connections_within(door: &Door, within: &Within) -> Result<Vec<Value>, Failure> {
    let mut rows = door.app.call("connections", json!({})).await?;
    within.keep(&mut rows, "", "/id")?;
    Ok(rows.as_array().cloned().unwrap_or_default())
}

/// A sign-in that a program began: what it brings belongs to the program's organization. The browser is not opened; the
/// program shows its person the link.
async fn connect(door: &Door, key: &Key, ask: Value) -> Result<Value, Failure> {
    let ask: Connect = understood(ask)?;
    if ask.way.is_some() {
        return Err(Error::field(
            "way",
            "Tieline chooses the way back of a program's sign-in. Leave it out.",
        )
        .into());
    }
    let programs = door.app.programs();
    // Whose it is does not change when it is signed in again.
    let owner = match &ask.reconnect {
        Some(connection) => programs.data_source_of(connection)?.map(|it| it.owner).unwrap_or_default(),
        None => Owner { organization: key.organization, customer: String::new() },
    };
    let flow = programs
        .connect(Connecting {
            owner,
            by: Some(key.clone()),
            provider: ask.provider,
            inputs: ask.inputs,
            scopes: None,
            more_scopes: ask.more_scopes,
            reconnect: ask.reconnect,
            redirect: None,
            then: None,
            // The defaults are the published contract's; ours asks for changes only, as for a person.
            options: SyncOptions { incremental_sync: true, ..SyncOptions::default() },
            data_source_tags: serde_json::Map::new(),
        })
        .await?;
    serde_json::to_value(flow).map_err(|error| Error::internal(error).into())
}

async fn access_token(door: &Door, key: &Key, ask: Value) -> Result<Value, Failure> {
    let Some(id) = ask["id"].as_str() else {
        return Err(Error::field("id", "Name the connection whose token you want.").into());
    };
    let token = door.app.programs().token_for(key, id).await?;
    serde_json::to_value(token).map_err(|error| Error::internal(error).into())
}

/// The newest events within reach, as many as were asked for.
async fn log_within(door: &Door, within: &Within, mut ask: Value) -> Result<Value, Failure> {
    // Checks what was asked, and its types, in the operation's own words.
    let first = door.app.call("events", ask.clone()).await?;
    let most = ask["limit"].as_u64().unwrap_or(100).clamp(1, 500) as usize;
    let mut rows: Vec<Value> = Vec::new();
    let mut page = first;
    let mut asked = most as u64;
    loop {
        let seen = page.as_array().map_or(0, Vec::len) as u64;
        let last = page.as_array().and_then(|rows| rows.last()).map(|row| row["id"].clone());
        within.keep(&mut page, "", "/connection")?;
        reach::withhold("events", &mut page);
        rows.extend(page.as_array_mut().map(std::mem::take).unwrap_or_default());
        let Some(last) = last.filter(|_| rows.len() < most && seen >= asked) else { break };
        asked = LOOKED_THROUGH;
        ask["before"] = last;
        ask["limit"] = asked.into();
        page = door.app.call("events", ask.clone()).await?;
    }
    rows.truncate(most);
    Ok(Value::Array(rows))
}

/// The best hits within reach, among the texts within reach.
async fn search_within(door: &Door, within: &Within, ask: Value) -> Result<Value, Failure> {
    let connections = connections_within(door, within).await?;
    // What is kept outlives its connection.
    let mut kept = door.app.call("library", json!({})).await?;
    within.keep(&mut kept, "/parts", "/connection")?;
    let parts = kept["parts"].as_array().into_iter().flatten().map(|part| &part["connection"]);
    let ids: BTreeSet<String> = connections
        .iter()
        .map(|row| &row["id"])
        .chain(parts)
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let ids = ids.into_iter().collect();
    let found = door.app.programs().search(understood(ask)?, ids).await?;
    serde_json::to_value(found).map_err(|error| Error::internal(error).into())
}

/// An operation whose answer is a list, for each connection within reach.
async fn each_within(
    door: &Door,
    operation: &str,
    field: &str,
    within: &Within,
    mut ask: Value,
) -> Result<Value, Failure> {
    let mut rows = Vec::new();
    for connection in connections_within(door, within).await? {
        ask[field] = connection["id"].clone();
        let answer = door.app.call(operation, ask.clone()).await?;
        rows.extend(answer.as_array().cloned().unwrap_or_default());
    }
    Ok(Value::Array(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(response: Response) -> Value {
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    #[tokio::test]
    async fn an_error_says_what_happened_and_what_to_do() {
        let words = "The key is missing. Send it as a header. It is not hard.";
        let error = said(sorry(StatusCode::UNAUTHORIZED, words)).await;
        assert_eq!(
            error,
            json!({
                "code": "unauthorized", "message": "The key is missing.", "hint": "Send it as a header. It is not hard.",
                "field": null,
            })
        );
    }

    #[test]
    fn a_body_is_an_object_or_nothing() {
        for (text, good) in
            [("", true), ("{}", true), ("null", true), ("[]", false), ("{", false), ("\"a\"", false)]
        {
            assert_eq!(read(&Bytes::from_static(text.as_bytes())).is_ok(), good, "{text}");
        }
    }
}
