//! Who comes in: what every request has to be, and what a key may.
//!
//! The order on every request: the peer is on this computer (`lib`), the name it called us by is ours (against DNS
//! rebinding), head and body are of a measure, the page it comes from is ours or one that a key names; then, in
//! [`Door::admit`], the key, whether that key lets this page use it, what it may, and how often.

mod admission;
mod rates;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tieline_engine::Error;

pub(crate) use admission::{Caller, Wanted, Way, bearer, name, session_key, why_not};
pub(crate) use rates::{Allowance, Rates, Tier};

use crate::{Door, sorry, status_of};
use admission::Visit;

/// The largest body that is read.
const MOST_BODY: usize = 1 << 20;
/// A body has so long to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
const MOST_HEADERS: usize = 64;
/// Bytes of all names and values together.
const MOST_HEAD: usize = 16 << 10;
const MOST_ADDRESS: usize = 8 << 10;

/// What a page may send us, besides what every page may.
const ALLOWED_HEADERS: &str = "authorization, content-type, customer-id, x-api-key";
const ALLOWED_METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may read of our answers, besides what every page may.
const SHOWN_HEADERS: &str =
    "retry-after, x-request-id, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset";
const PRIVATE_NETWORK_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Names of query parameters under which programs put keys, where history, logs and other programs see them.
const SECRETS_BY_NAME: [&str; 5] = ["access_token", "api_key", "apikey", "authorization", "bearer"];
/// What keys and temporary tokens begin with.
const KEY_MARKS: [&str; 2] = ["tlk_", "tlt_"];

/// Stands at the door, before every route.
pub(crate) async fn stand(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if !calls_us_by_name(&door, &request) {
        return sorry(&path, StatusCode::NOT_FOUND, "There is nothing under this name.");
    }
    let page = match page(&door, request.headers()) {
        Ok(page) => page,
        Err(refused) => return sorry(&path, refused.status, &refused.words),
    };
    let mut answer = match measured(&request) {
        Err(refused) => sorry(&path, refused.status, &refused.words),
        Ok(()) => match &page {
            Page::Foreign => sorry(
                &path,
                StatusCode::FORBIDDEN,
                "No key lets this page in. Name the page's origin in a key.",
            ),
            Page::Named(_) if is_preflight(&request) => preflight(&request),
            _ => inside(&door, request, next).await,
        },
    };
    let headers = answer.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Page::Named(origin) = page {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWN_HEADERS));
    }
    answer
}

/// The rest of the way of a request from a good place: its body is read, it is answered, and its key's use is noted.
async fn inside(door: &Arc<Door>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (mut parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(refused) => return sorry(&path, refused.status, &refused.words),
    };
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let visit = Visit::default();
    let what = format!("{} {}", parts.method, if route.is_empty() { "unknown address" } else { route });
    parts.extensions.insert(visit.clone());
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if let Some((key, named, connection)) = visit.seen() {
        let now = door.app.programs().now();
        door.uses.note(&key, named.unwrap_or(what), connection, answer.status().as_u16(), now);
    }
    answer
}

/// 127.0.0.1 or localhost, at our port. A browser that was told another name for this computer sends that one.
fn calls_us_by_name(door: &Door, request: &Request) -> bool {
    let port = door.address.port();
    let ours = |authority: &str| {
        ["127.0.0.1", "localhost"].iter().any(|name| match authority.strip_prefix(name) {
            Some("") => port == 80,
            Some(rest) => rest.strip_prefix(':').is_some_and(|it| it == port.to_string()),
            None => false,
        })
    };
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let target = request.uri().authority().is_none_or(|authority| ours(authority.as_str()));
    host.is_some_and(ours) && hosts.next().is_none() && target
}

/// The page a request comes from, as its browser says.
enum Page {
    /// No page at all, or one of ours.
    None,
    /// One that a key names.
    Named(HeaderValue),
    Foreign,
}

fn page(door: &Door, headers: &HeaderMap) -> Result<Page, Refused> {
    let Some(origin) = origin(headers) else { return Ok(Page::None) };
    if is_own(headers, origin) {
        return Ok(Page::None);
    }
    let named = door.app.programs().origins().map_err(Refused::from)?;
    let named = origin.to_str().is_ok_and(|origin| named.iter().any(|it| it == origin));
    Ok(if named { Page::Named(origin.clone()) } else { Page::Foreign })
}

fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::ORIGIN)
}

/// Whether a page lies at the very name and port that it asks.
fn is_own(headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    origin.as_bytes().strip_prefix(b"http://").is_some_and(|it| it == host)
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a browser wants to know before a page of another origin may ask. The origin itself stands on every answer.
fn preflight(request: &Request) -> Response {
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let mut answer = (StatusCode::NO_CONTENT, fixed).into_response();
    if request.headers().get(PRIVATE_NETWORK_ASKED).is_some_and(|it| it == "true") {
        answer.headers_mut().insert(PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    answer
}

/// Limits of the head, and of what it says about the body; and no key in the address.
fn measured(request: &Request) -> Result<(), Refused> {
    let (uri, headers) = (request.uri(), request.headers());
    if uri.path_and_query().is_some_and(|it| it.as_str().len() > MOST_ADDRESS) {
        return Err(Refused::new(
            StatusCode::URI_TOO_LONG,
            "The address is too long: at most 8 KB are read.",
        ));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > MOST_HEAD {
        let words = "There are too many headers: at most 64, of 16 KB together, are read.";
        return Err(Refused::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, words));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MOST_BODY as u64) {
        return Err(too_large());
    }
    let query = uri.query().unwrap_or_default();
    let by_name = url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| SECRETS_BY_NAME.contains(&name.to_ascii_lowercase().as_str()));
    let by_look = KEY_MARKS.iter().any(|mark| query.contains(mark) || uri.path().contains(mark));
    if by_name || by_look {
        let words = "A key must not stand in an address, where histories and logs keep it. Send it as a header, \
                     `Authorization: Bearer …`; if this was a real key, revoke it and make a new one.";
        return Err(Refused::new(StatusCode::BAD_REQUEST, words));
    }
    Ok(())
}

fn too_large() -> Refused {
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large: at most 1 MB is read.")
}

async fn read(body: Body) -> Result<Bytes, Refused> {
    match tokio::time::timeout(BODY_TIME, Limited::new(body, MOST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refused::new(StatusCode::BAD_REQUEST, "The body ended before its end.")),
        Err(_) => {
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive within 30 seconds."))
        }
    }
}

/// A request that is not let in, and why, in a sentence that can be acted on. A contract tells it in its dialect.
#[derive(Debug)]
pub(crate) struct Refused {
    pub status: StatusCode,
    pub words: String,
    /// Seconds until it is worth trying again.
    pub wait: Option<u64>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), wait: None }
    }

    /// In a dialect, with the headers that belong to the status.
    pub(crate) fn answer(self, sorry: fn(StatusCode, &str) -> Response) -> Response {
        let mut answer = sorry(self.status, &self.words);
        if let Some(wait) = self.wait {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::new(status_of(error.code.as_str()), format!("{} {}", error.message, error.hint))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    /// Waits as long as a request may.
    #[tokio::test]
    async fn a_body_that_never_comes_is_waited_for_half_a_minute() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let refused = read(body).await.expect_err("nothing came");
        assert_eq!(refused.status, StatusCode::REQUEST_TIMEOUT);
        assert!(refused.words.contains("30 seconds"));
    }
}
