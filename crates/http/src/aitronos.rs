//! Contract 3: Aitronos' knowledge connectors, below `/v1/organizations/{organization}/knowledge/connectors`, for
//! programs that speak it already. What it keeps are Airbyte's workspaces, sources and connections (`airbyte`), in
//! another spelling.
//!
//! A program's key is the bearer, or stands in `X-API-Key`; the organization of the path is the key's. Answers are bare
//! objects, a list is `{data, next, previous}` as behind it, and errors are the envelope of [`sorry`].

mod definitions;
mod links;
mod sources;
mod workspaces;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tieline_engine::clock::rfc3339;
use tieline_engine::{Clock, Code, Error, Result};
use uuid::Uuid;

use crate::Door;
use crate::airbyte::{self, Asker};
use crate::guard::{Allowance, Refused, Way};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING: HeaderName = HeaderName::from_static("freddy-processing-ms");
const ORGANIZATION: HeaderName = HeaderName::from_static("aitronos-organization");

pub(crate) fn router() -> Router<Arc<Door>> {
    let all = Router::new()
        .merge(sources::routes())
        .merge(definitions::routes())
        .merge(workspaces::routes())
        .merge(links::routes());
    Router::new()
        .nest("/v1/organizations/{organization}/knowledge/connectors", all)
        .layer(middleware::from_fn(dress))
}

/// The organization's id in this contract.
pub(crate) fn organization_id(number: i64) -> String {
    format!("org_{number:08}")
}

/// A request that was let in, to the organization it names.
struct Member(Asker);

impl FromRequestParts<Arc<Door>> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let ways = [Way::Key("bearer"), Way::Header("x-api-key")];
        let admitted = Asker::admitted(parts, door, &ways).await;
        if let Some(seen) = parts.extensions.get::<Seen>() {
            let _once = seen.0.set(match &admitted {
                Ok(asker) => (Some(asker.books.organization), asker.caller.allowance),
                Err(refused) => (None, refused.allowance),
            });
        }
        let asker = admitted.map_err(|refused| refused.answer(sorry))?;
        if asker.part("organization") == organization_id(asker.books.organization) {
            return Ok(Self(asker));
        }
        let words = format!(
            "This key belongs to the organization {}, and the address names another.",
            organization_id(asker.books.organization)
        );
        Err(Refused::new(StatusCode::FORBIDDEN, words).answer(sorry))
    }
}

/// Whose request it was, and what is left to it.
#[derive(Clone, Default)]
struct Seen(Arc<OnceLock<(Option<i64>, Option<Allowance>)>>);

/// Puts the contract's headers on every answer.
async fn dress(mut request: Request, next: Next) -> Response {
    let (seen, began) = (Seen::default(), Instant::now());
    request.extensions_mut().insert(seen.clone());
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    put(headers, PROCESSING, began.elapsed().as_millis());
    headers.entry(REQUEST_ID).or_insert_with(|| text(Uuid::new_v4()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((organization, allowance)) = seen.0.get() {
        if let Some(organization) = organization {
            put(headers, ORGANIZATION, organization_id(*organization));
        }
        if let Some(allowance) = allowance {
            rates(headers, allowance);
        }
    }
    answer
}

/// Both spellings that the documentation knows: seconds since 1970 in the plain ones, a span in the others.
fn rates(headers: &mut HeaderMap, allowance: &Allowance) {
    let now = Clock::system().now();
    let (limit, left, reset) = (allowance.limit, allowance.left, allowance.whole_in);
    put(headers, HeaderName::from_static("x-ratelimit-limit"), limit);
    put(headers, HeaderName::from_static("x-ratelimit-remaining"), left);
    put(headers, HeaderName::from_static("x-ratelimit-reset"), now + i64::try_from(reset).unwrap_or(0));
    put(headers, HeaderName::from_static("x-ratelimit-limit-requests"), limit);
    put(headers, HeaderName::from_static("x-ratelimit-remaining-requests"), left);
    put(headers, HeaderName::from_static("x-ratelimit-reset-requests"), format!("{reset}s"));
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: impl std::fmt::Display) {
    headers.insert(name, text(value));
}

fn text(value: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&value.to_string()).unwrap_or(HeaderValue::from_static("0"))
}

/// An error in this contract's dialect.
pub(crate) fn sorry(status: StatusCode, words: &str) -> Response {
    envelope(status, kind(status), words, json!({}))
}

/// Why a request was not fulfilled.
struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

type Answer = Result<Response, Problem>;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let words = match &error.field {
            Some(field) if error.code == Code::BadInput => {
                format!("{field}: {} {}", error.message, error.hint)
            }
            _ => format!("{} {}", error.message, error.hint),
        };
        let mut details = json!({});
        if let Some(field) = &error.field {
            details["field"] = json!(field);
        }
        let (status, kind) = match error.code {
            // Documented as the server's error, whoever's it was.
            Code::Refused => (StatusCode::INTERNAL_SERVER_ERROR, ("CONNECTOR_OAUTH_FAILED", "server_error")),
            Code::NeedsYou => (StatusCode::CONFLICT, ("CONNECTOR_OAUTH_PENDING", "conflict_error")),
            Code::NotSetUp => (StatusCode::CONFLICT, ("CONNECTOR_NOT_SET_UP", "conflict_error")),
            _ => (airbyte::status(&error), kind(airbyte::status(&error))),
        };
        envelope(status, kind, &words, details)
    }
}

/// Code and type. Those that the documentation shows are these words; the others are made alike.
fn kind(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            ("VALIDATION_ERROR", "validation_error")
        }
        StatusCode::UNAUTHORIZED => ("UNAUTHORIZED", "authentication_error"),
        StatusCode::FORBIDDEN => ("FORBIDDEN", "permission_error"),
        StatusCode::NOT_FOUND => ("NOT_FOUND", "not_found_error"),
        StatusCode::METHOD_NOT_ALLOWED => ("METHOD_NOT_ALLOWED", "validation_error"),
        StatusCode::CONFLICT => ("CONFLICT", "conflict_error"),
        StatusCode::TOO_MANY_REQUESTS => ("RATE_LIMIT_EXCEEDED", "rate_limit_error"),
        StatusCode::SERVICE_UNAVAILABLE => ("SERVICE_UNAVAILABLE", "server_error"),
        status if status.is_client_error() => ("BAD_REQUEST", "validation_error"),
        _ => ("INTERNAL_ERROR", "server_error"),
    }
}

/// The trace id is also the request id in the headers.
fn envelope(status: StatusCode, (code, kind): (&str, &str), words: &str, details: Value) -> Response {
    let trace = Uuid::new_v4().to_string();
    let body = json!({
        "success": false,
        "error": {
            "code": code, "message": words, "system_message": words, "type": kind, "status": status.as_u16(),
            "details": details, "trace_id": trace,
            "timestamp": rfc3339(Clock::system().now()),
        },
    });
    let mut answer = (status, Json(body)).into_response();
    put(answer.headers_mut(), REQUEST_ID, trace);
    put(answer.headers_mut(), PROCESSING, 0);
    answer
}

fn done(value: &Value) -> Answer {
    Ok(Json(value).into_response())
}

fn list<T>(asker: &Asker, rows: Vec<T>, show: impl Fn(&T) -> Value) -> Answer {
    let (rows, next) = asker.page(rows)?;
    let rows: Vec<Value> = rows.iter().map(show).collect();
    done(&json!({ "data": rows, "next": next, "previous": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_is_the_envelope_with_its_status_repeated() {
        let all = [
            (Error::field("slug", "This is missing."), 400, "VALIDATION_ERROR", "validation_error"),
            (Error::not_found("source", "x"), 404, "NOT_FOUND", "not_found_error"),
            (Error::new(Code::Refused, "No.", "Again."), 500, "CONNECTOR_OAUTH_FAILED", "server_error"),
            (
                Error::new(Code::NeedsYou, "Not yet.", "Wait."),
                409,
                "CONNECTOR_OAUTH_PENDING",
                "conflict_error",
            ),
            (
                Error::new(Code::KeyringLocked, "Locked.", "Unlock."),
                503,
                "SERVICE_UNAVAILABLE",
                "server_error",
            ),
        ];
        for (error, status, code, kind) in all {
            let answer = Problem(error).into_response();
            assert_eq!(answer.status().as_u16(), status);
            let trace = answer.headers()[REQUEST_ID].clone();
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let error = &body["error"];
            assert_eq!((&body["success"], &error["status"]), (&json!(false), &json!(status)));
            assert_eq!((&error["code"], &error["type"]), (&json!(code), &json!(kind)));
            assert_eq!(error["trace_id"].as_str().map(str::as_bytes), Some(trace.as_bytes()));
            assert!(error["timestamp"].as_str().is_some_and(|it| it.ends_with('Z')), "{error}");
        }
        assert_eq!(organization_id(1), "org_00000001");
    }
}
