//! Contract 1: the published connect API of Carbon, at the root of this server.
//!
//! A program acts for one of its organization's customers, or, with its key alone, for the whole organization. What it
//! may ask for stands in the routes below; whoever asks is let in by the extractors [`Caller`] and [`ByKey`], which a
//! handler that answers about anybody's things takes as its first argument. Errors are `{"detail": …}`: a sentence, or a
//! list of faults of the body ([`body`]).

mod auth;
mod body;
mod callback;
mod choosing;
mod connecting;
mod connection_options;
mod elsewhere;
mod files;
mod filters;
mod items;
mod kinds;
mod limits;
mod links;
mod lists;
mod oauth_url;
mod objects;
mod organization;
mod picker;
mod schedule;
mod sources;
mod statistics;
mod tags;
mod told;
mod users;
mod webhooks;
mod white_label;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tieline_engine::program::{DataSource, Key, Owner};
use tieline_engine::wire::Failure;
use tieline_engine::{Code, Error};

pub(crate) use self::webhooks::watch;
use crate::guard::{self, Refused, Tier, Way};
use crate::{Door, page};

/// What this contract keeps in mind while the server runs.
#[derive(Default)]
pub(crate) struct Kept {
    links: links::Links,
    post: webhooks::Post,
}

/// Everything of this contract.
pub(crate) fn router() -> Router<Arc<Door>> {
    Router::new()
        .merge(auth::routes())
        .merge(oauth_url::routes())
        .merge(connecting::routes())
        .merge(callback::routes())
        .merge(picker::routes())
        .merge(sources::routes())
        .merge(items::routes())
        .merge(files::routes())
        .merge(lists::routes())
        .merge(users::routes())
        .merge(organization::routes())
        .merge(white_label::routes())
        .merge(webhooks::routes())
        .merge(elsewhere::routes())
}

/// An error that no handler made, in this contract's words.
pub(crate) fn sorry(status: StatusCode, words: &str) -> Response {
    Sorry::new(status, words).into_response()
}

/// Routes that are asked seldom (30 a minute) and often (180); all others have 90.
const SELDOM: [&str; 4] = ["/organization", "/organization/update", "/organization/statistics", "/user"];
const OFTEN: [&str; 20] = [
    "/integrations/oauth_url",
    "/integrations/items/list",
    "/integrations/files/sync",
    "/user_files_v2",
    "/user_files",
    "/resync_file",
    "/delete_files_v2",
    "/delete_files",
    "/deletefile/{id}",
    "/uploadfile",
    "/upload_file_from_url",
    "/upload_text",
    "/create_user_file_tags",
    "/delete_user_file_tags",
    "/data_sources/tags/add",
    "/data_sources/tags/remove",
    "/raw_file/{id}",
    "/parsed_file/{id}",
    "/whoami",
    "/auth/v1/white_labeling",
];

fn tier(parts: &Parts) -> Tier {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match route {
        _ if SELDOM.contains(&route) => Tier::ONE,
        _ if OFTEN.contains(&route) => Tier::THREE,
        _ => Tier::TWO,
    }
}

/// A program that acts for one customer: by its key with `customer-id`, or by a temporary token.
pub(crate) struct Caller {
    guard: guard::Caller,
    /// The key it came with, or that its token stands for.
    pub key: Key,
    pub customer: String,
}

impl Caller {
    /// Whom what is asked for belongs to.
    pub fn owner(&self) -> Owner {
        Owner { organization: self.guard.organization(), customer: self.customer.clone() }
    }

    pub fn organization(&self) -> i64 {
        self.guard.organization()
    }

    /// Notes which connection the request is about, for the log of uses.
    pub fn about(&self, source: &DataSource) {
        self.guard.about(&source.connection);
    }
}

impl FromRequestParts<Arc<Door>> for Caller {
    type Rejection = Sorry;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Sorry> {
        let (guard, key) = admitted(door, parts, &[Way::Temporary("token"), Way::Key("bearer")])?;
        let customer = guard.customer.clone().ok_or_else(no_customer)?;
        Ok(Self { guard, key, customer })
    }
}

fn no_customer() -> Sorry {
    Sorry::new(
        StatusCode::UNAUTHORIZED,
        "The customer is missing: send its id in the header customer-id together with the key, or a temporary token in \
         place of both.",
    )
}

/// A client that renews its token sends the old one and the new one under one name, and its browser joins them by a
/// comma. Each is judged by itself.
fn take_apart(headers: &mut HeaderMap) {
    let values: Vec<HeaderValue> = headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|part| HeaderValue::from_bytes(part.trim_ascii()).ok())
        .collect();
    headers.remove(header::AUTHORIZATION);
    for value in values {
        headers.append(header::AUTHORIZATION, value);
    }
}

/// The caller, and the key that it came with or that its token stands for.
fn admitted(door: &Door, parts: &mut Parts, ways: &[Way]) -> Result<(guard::Caller, Key), Sorry> {
    take_apart(&mut parts.headers);
    let guard = door.admit(parts, ways, tier(parts))?;
    match guard.key.clone() {
        Some(key) => Ok((guard, key)),
        None => Err(Sorry::new(
            StatusCode::FORBIDDEN,
            "This is the key of the person at this computer, who is no organization. Make a key for the program, in \
             Tieline under Settings, For other programs, or by `tieline key add`.",
        )),
    }
}

/// A program that acts for its whole organization: by its key.
pub(crate) struct ByKey {
    guard: guard::Caller,
    key: Key,
}

impl ByKey {
    pub fn organization(&self) -> i64 {
        self.guard.organization()
    }

    fn key(&self) -> &Key {
        &self.key
    }
}

impl FromRequestParts<Arc<Door>> for ByKey {
    type Rejection = Sorry;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Sorry> {
        let (guard, key) = admitted(door, parts, &[Way::Key("bearer")])?;
        Ok(Self { guard, key })
    }
}

/// What a handler answers.
pub(crate) type Answer = Result<axum::Json<Value>, Sorry>;

/// Status 200 with this.
pub(crate) fn answer(body: Value) -> Answer {
    Ok(axum::Json(body))
}

/// `{"success": true}`
pub(crate) fn success() -> Answer {
    answer(json!({ "success": true }))
}

/// What went wrong, in this contract's dialect.
#[derive(Debug)]
pub(crate) struct Sorry {
    status: StatusCode,
    detail: Value,
    /// Seconds until it is worth trying again.
    wait: Option<u64>,
}

impl Sorry {
    /// A sentence or two: what happened, why, what to do.
    pub fn new(status: StatusCode, words: impl AsRef<str>) -> Self {
        Self { status, detail: plain(words.as_ref()).into(), wait: None }
    }

    /// 400: the request is understood and cannot be done.
    pub fn bad(words: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, words)
    }

    /// 404. Alike for what there is not and for what belongs to somebody else.
    pub fn unknown(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no {what} {id} here."))
    }

    /// 422: the body's faults, each `{loc, msg, type}`.
    pub fn unreadable(faults: Vec<Value>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: faults.into(), wait: None }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn detail(&self) -> &Value {
        &self.detail
    }
}

/// A client writes `detail` into a page as markup, so that none may stand in it.
fn plain(words: &str) -> String {
    words.replace('<', "‹").replace('>', "›")
}

impl IntoResponse for Sorry {
    fn into_response(self) -> Response {
        let mut answer = (self.status, axum::Json(json!({ "detail": self.detail }))).into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<Refused> for Sorry {
    fn from(refused: Refused) -> Self {
        Self { wait: refused.wait, ..Self::new(refused.status, refused.words) }
    }
}

impl From<Sorry> for Refused {
    fn from(sorry: Sorry) -> Self {
        Self::new(sorry.status, sorry.detail.as_str().unwrap_or("This did not work."))
    }
}

impl From<Error> for Sorry {
    fn from(error: Error) -> Self {
        let status = match error.code {
            Code::NotSetUp => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Conflict | Code::Busy | Code::Cancelled => StatusCode::CONFLICT,
            Code::NeedsYou | Code::Refused => StatusCode::FORBIDDEN,
            Code::BadInput => StatusCode::BAD_REQUEST,
            Code::Temporary | Code::KeyringLocked | Code::KeyringAbsent => StatusCode::SERVICE_UNAVAILABLE,
            Code::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Code::Storage => StatusCode::INSUFFICIENT_STORAGE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(code = error.code.as_str(), message = %error.message, "a published contract");
        }
        Self::new(status, format!("{} {}", error.message, error.hint).trim())
    }
}

impl From<Failure> for Sorry {
    fn from(failure: Failure) -> Self {
        Error::from(failure).into()
    }
}

/// Calls one of our own operations.
pub(crate) async fn call<T: DeserializeOwned>(door: &Door, operation: &str, ask: Value) -> Result<T, Sorry> {
    let said = door.app.call(operation, ask).await?;
    serde_json::from_value(said).map_err(|error| Error::internal(error).into())
}

/// The caller's data source of this number. One of somebody else's is as unknown as one that never was.
pub(crate) fn data_source_of(door: &Door, caller: &Caller, number: i64) -> Result<DataSource, Sorry> {
    let found = door.app.programs().data_source(number)?.filter(|source| source.owner == caller.owner());
    let source = found.ok_or_else(|| Sorry::unknown("data source", number))?;
    caller.about(&source);
    Ok(source)
}

/// As [`data_source_of`], for what a revoked one can no longer do.
pub(crate) fn live_data_source_of(door: &Door, caller: &Caller, number: i64) -> Result<DataSource, Sorry> {
    let source = data_source_of(door, caller, number)?;
    if source.revoked {
        return Err(Sorry::bad(format!(
            "The access to {} was revoked. Ask for a new sign-in at /integrations/oauth_url first.",
            source.title
        )));
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_holds_no_markup() {
        let sorry = Sorry::bad("<img src=x onerror=alert(1)> is no subdomain.");
        assert_eq!(sorry.detail(), "‹img src=x onerror=alert(1)› is no subdomain.");
    }

    #[test]
    fn every_code_of_ours_has_a_status() {
        let status = |code: Code| Sorry::from(Error::new(code, "It happened.", "Do this.")).status().as_u16();
        assert_eq!(status(Code::NotSetUp), 400);
        assert_eq!(status(Code::KeyringLocked), 503);
        let failure = |code: &str| Failure {
            code: code.into(),
            message: "It happened.".into(),
            hint: "Do this.".into(),
            field: None,
        };
        assert_eq!(Sorry::from(failure("not_found")).status().as_u16(), 404);
        assert_eq!(Sorry::from(failure("what")).status().as_u16(), 500);
        assert_eq!(Sorry::from(failure("busy")).detail(), "It happened. Do this.");
    }
}
