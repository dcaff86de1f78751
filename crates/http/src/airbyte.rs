//! Airbyte's sign-in for sources, for programs that speak it already: initiateOAuth and what a client needs around it,
//! and the two calls of the configuration API behind it. Contract 3 (`aitronos`) stands on the same books.
//!
//! A program's key is the bearer; with the key's id as client id it also gets a short-lived one. Errors are problem
//! objects. Names of fields are read in both spellings, and written in camelCase.

mod ask;
mod configuration;
pub(crate) mod consent;
pub(crate) mod credential;
pub(crate) mod definition;
mod kept;
mod landing;
pub(crate) mod link;
mod public;
pub(crate) mod source;
mod token;
pub(crate) mod workspace;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tieline_engine::{Code, Error, Programs, Result};

pub(crate) use ask::Ask;

use crate::guard::{Caller, Refused, Tier, Way};
use crate::{Door, status_of};

pub(crate) fn router() -> Router<Arc<Door>> {
    Router::new()
        .merge(public::routes())
        .merge(configuration::routes())
        .merge(token::routes())
        .route(&format!("{}/{{organization}}/{{sign_in}}/{{flow}}", landing::PATH), get(landing::landed))
}

/// The customer of tokens that `token` hands out. No client can send such a name, so no customer's token passes for one.
const APPLICATION: &str = "\n";

/// What one organization keeps here: workspaces, sources, sign-ins, connections.
pub(crate) struct Books {
    door: Arc<Door>,
    pub programs: Programs,
    pub organization: i64,
}

impl Books {
    pub(crate) fn new(door: &Arc<Door>, organization: i64) -> Self {
        Self { door: Arc::clone(door), programs: door.app.programs(), organization }
    }

    /// One of the engine's operations.
    pub(crate) async fn call<A: DeserializeOwned>(&self, operation: &str, ask: Value) -> Result<A> {
        let answer = self.door.app.call(operation, ask).await.map_err(Error::from)?;
        serde_json::from_value(answer).map_err(Error::internal)
    }
}

/// A request that was let in.
pub(crate) struct Asker {
    pub books: Books,
    pub caller: Caller,
    path: HashMap<String, String>,
    query: Vec<(String, String)>,
}

impl Asker {
    /// # Errors
    /// Why it is not let in, or that its path is not text.
    pub(crate) async fn admitted(parts: &mut Parts, door: &Arc<Door>, ways: &[Way]) -> Result<Self, Refused> {
        let caller = door.admit(parts, ways, Tier::OWN)?;
        if caller.temporary && caller.customer.as_deref() != Some(APPLICATION) {
            let words =
                "This token stands for one customer. Sources belong to the whole organization: send its key.";
            return Err(Refused::new(StatusCode::FORBIDDEN, words));
        }
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, door).await;
        let Ok(Path(path)) = path else {
            return Err(Refused::new(StatusCode::BAD_REQUEST, "The address is not text in UTF-8."));
        };
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { books: Books::new(door, caller.organization()), caller, path, query })
    }

    /// A part of the path, by its name in the route.
    pub(crate) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// Every value of a query parameter; one value may hold several, with commas between.
    pub(crate) fn queried(&self, name: &str) -> Vec<&str> {
        let values = self.query.iter().filter(|(key, _)| key == name).flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// A page of rows, by `limit` (20, at most 100) and `offset`, and where the next one is.
    pub(crate) fn page<T>(&self, rows: Vec<T>) -> Result<(Vec<T>, Option<usize>)> {
        let number = |name: &str, usual: usize| match self.queried(name).first() {
            None => Ok(usual),
            Some(text) => {
                text.parse::<usize>().map_err(|_| Error::field(name, "This must be a whole number."))
            }
        };
        let (limit, offset) = (number("limit", 20)?.clamp(1, 100), number("offset", 0)?);
        let next = offset.saturating_add(limit);
        let next = (rows.len() > next).then_some(next);
        Ok((rows.into_iter().skip(offset).take(limit).collect(), next))
    }
}

impl FromRequestParts<Arc<Door>> for Asker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let ways = [Way::Key("bearer"), Way::Temporary("bearer")];
        Self::admitted(parts, door, &ways).await.map_err(|refused| refused.answer(sorry))
    }
}

/// An error in this contract's dialect.
pub(crate) fn sorry(status: StatusCode, words: &str) -> Response {
    problem(status, title(status), words, json!({ "message": words }))
}

/// Why a request was not fulfilled.
#[derive(Debug)]
pub(crate) struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let field = error.field.as_deref().map(ask::camel);
        let words = match &field {
            Some(field) if error.code == Code::BadInput => {
                format!("{field}: {} {}", error.message, error.hint)
            }
            _ => format!("{} {}", error.message, error.hint),
        };
        let mut data = json!({ "message": words });
        if let Some(field) = &field {
            data["field"] = json!(field);
        }
        if error.code == Code::BadInput && field.as_deref() == Some("redirectUrl") {
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid-redirect-url", &words, data);
        }
        let status = status(&error);
        problem(status, title(status), &words, data)
    }
}

/// As everywhere, but that a provider's refusal is not the caller's lack of rights.
pub(crate) fn status(error: &Error) -> StatusCode {
    if error.code == Code::Refused { StatusCode::BAD_GATEWAY } else { status_of(error.code) }
}

/// Names of problems are Airbyte's where it has one for the status.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad-request",
        StatusCode::UNAUTHORIZED => "invalid-api-key",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "resource-not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
        StatusCode::CONFLICT => "state-conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "payload-too-large",
        StatusCode::UNPROCESSABLE_ENTITY => "unprocessable-entity",
        StatusCode::TOO_MANY_REQUESTS => "try-again-later",
        StatusCode::BAD_GATEWAY => "oauth-callback-failure",
        StatusCode::SERVICE_UNAVAILABLE => "service-unavailable",
        _ => "unexpected-problem",
    }
}

fn problem(status: StatusCode, title: &str, detail: &str, data: Value) -> Response {
    let documentation = format!("https://reference.airbyte.com/reference/errors#{title}");
    let body = json!({
        "type": documentation, "title": title, "status": status.as_u16(), "detail": detail,
        "documentationUrl": documentation, "data": data,
    });
    let mut answer = (status, body.to_string()).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_redirect_address_has_a_problem_of_its_own() {
        let status = |error: Error| Problem(error).into_response().status().as_u16();
        assert_eq!(status(Error::field("redirect_url", "This must be an https address.")), 422);
        assert_eq!(status(Error::field("name", "This is missing.")), 400);
        assert_eq!(status(Error::not_found("source", "x")), 404);
        assert_eq!(status(Error::new(Code::NeedsYou, "Not yet.", "Wait.")), 409);
        assert_eq!(status(Error::new(Code::Refused, "No.", "Again.")), 502);
        assert_eq!(status(Error::new(Code::KeyringLocked, "Locked.", "Unlock.")), 503);
    }
}
