//! Answers and errors as this contract writes them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tieline_engine::wire::Failure;
use tieline_engine::{Code, Error, clock};

use super::call::Call;
use crate::guard::Refused;
use crate::status_of;

pub(super) type Answer = Result<Response, Fault>;

/// Items of a page where nobody says how many; and the most of them, whoever asks for more.
const USUAL_PAGE: usize = 20;
const LARGEST_PAGE: usize = 250;

fn json(status: StatusCode, value: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, value.to_string()).into_response()
}

pub(super) fn ok(value: &Value) -> Response {
    json(StatusCode::OK, value)
}

pub(super) fn created(value: &Value) -> Response {
    json(StatusCode::CREATED, value)
}

pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

pub(super) fn date(at: i64) -> String {
    clock::rfc3339(at)
}

/// What went wrong: `{code, message, fields, details}`. The code is the status and three digits, as the published client
/// makes its own.
#[derive(Debug)]
pub(super) struct Fault {
    pub status: StatusCode,
    pub message: String,
    /// Path of a field, and what is wrong with it.
    pub fields: Vec<(String, String)>,
    wait: Option<u64>,
}

impl Fault {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: Vec::new(), wait: None }
    }

    pub fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        Self::new(StatusCode::NOT_FOUND, format!("There is no {what} {id} here."))
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub fn field(path: impl Into<String>, words: impl Into<String>) -> Self {
        Self::fields(vec![(path.into(), words.into())])
    }

    pub fn fields(fields: Vec<(String, String)>) -> Self {
        let message = match fields.as_slice() {
            [(path, words)] => format!("{path}: {words}"),
            _ => {
                let paths: Vec<&str> = fields.iter().map(|(path, _)| path.as_str()).collect();
                format!("{} fields are not right: {}.", fields.len(), paths.join(", "))
            }
        };
        Self { fields, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// An error of the engine whose field is called otherwise here.
    pub fn at(error: Error, path: impl Fn(&str) -> Option<String>) -> Self {
        match error.field.as_deref().and_then(path) {
            Some(path) => Self::field(path, error.message),
            None => Self::from(error),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = format!("{} {}", error.message, error.hint);
        if error.code == Code::Internal {
            tracing::error!(%error, "a request failed");
        }
        Self::new(status_of(error.code), message.trim())
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let message = format!("{} {}", failure.message, failure.hint);
        Self::new(status_of(Code::from_name(&failure.code)), message.trim())
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self { wait: refused.wait, ..Self::new(refused.status, refused.words) }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let fields = self.fields.iter().map(|(field, message)| json!({ "field": field, "message": message }));
        let body = json!({
            "code": format!("{}000", self.status.as_u16()),
            "message": self.message,
            "fields": fields.collect::<Vec<_>>(),
            "details": "",
        });
        let mut answer = json(self.status, &body);
        if let Some(wait) = self.wait {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

/// One page of a list, whose ids grow: `first` items after or before the one that a cursor names. The cursor is an id, which
/// may be gone by now.
pub(super) fn page(call: &Call, name: &str, mut all: Vec<(String, Value)>) -> Result<Value, Fault> {
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let first = match call.asked("first") {
        None => USUAL_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|first| *first > 0)
            .map(|first: usize| first.min(LARGEST_PAGE))
            .ok_or_else(|| Fault::field("first", format!("This is a number from 1 to {LARGEST_PAGE}.")))?,
    };
    let (after, before) = (call.asked("after"), call.asked("before"));
    let total = all.len();
    let begin = after.map_or(0, |after| all.partition_point(|(id, _)| id.as_str() <= after));
    let end = before.map_or(total, |before| all.partition_point(|(id, _)| id.as_str() < before)).max(begin);
    // Backwards, the page is the one that ends there.
    let (begin, end) = match (after, before) {
        (None, Some(_)) => (end.saturating_sub(first).max(begin), end),
        _ => (begin, end.min(begin.saturating_add(first))),
    };
    let mut page = json!({ "totalCount": total });
    let shown = &all[begin..end];
    if let (true, Some((last, _))) = (end < total, shown.last()) {
        page["next"] = json!(last);
    }
    if let (true, Some((earliest, _))) = (begin > 0, shown.first()) {
        page["prev"] = json!(earliest);
    }
    page[name] = all.drain(begin..end).map(|(_, value)| value).collect();
    Ok(page)
}
