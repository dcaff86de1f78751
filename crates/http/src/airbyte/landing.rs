//! Where the browser goes once a sign-in's answer was taken: on to the client's page with the coordinate, or, where it
//! came to nothing, to a page that says why. Needs no key: its address is known to the person's browser only.

use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tieline_engine::callback::escaped;

use axum::extract::{Path, State, rejection::PathRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::Books;
use super::consent::Outcome;
use crate::Door;

/// Below it stand organization, sign-in and, added by the engine, flow.
pub(crate) const PATH: &str = "/v1/source_oauth/done";
/// Tokens and identity are fetched meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn landed(
    State(door): State<Arc<Door>>,
    path: Result<Path<(i64, String, String)>, PathRejection>,
) -> Response {
    let Ok(Path((organization, id, flow))) = path else { return unknown() };
    let books = Books::new(&door, organization);
    let Ok(mut consent) = books.consent(&id) else { return unknown() };
    if consent.flow() != Some(flow.as_str()) {
        return unknown();
    }
    match books.outcome(&mut consent, PATIENCE).await {
        Ok(Outcome::Connected(_)) => on(consent.landing().as_str()),
        Ok(Outcome::Failed(why)) => {
            page(StatusCode::OK, "Not connected", &format!("{why} You can close this tab."))
        }
        Ok(Outcome::Waiting) => page(
            StatusCode::OK,
            "Still signing in",
            "The provider takes its time. Load this page again in a moment.",
        ),
        Err(error) => page(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not connected",
            &format!("{} {}", error.message, error.hint),
        ),
    }
}

fn unknown() -> Response {
    let words = "No sign-in leads here: it has ended, or it came from somewhere else. Nothing was changed. Close this \
                 tab and start again where you came from.";
    page(StatusCode::NOT_FOUND, "Unexpected return", words)
}

fn on(to: &str) -> Response {
    let mut answer = (StatusCode::FOUND, headers()).into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}

fn page(status: StatusCode, title: &str, words: &str) -> Response {
    let words = escaped(words);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} · Tieline</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{words}</p></main></body></html>"
    );
    (status, headers(), html).into_response()
}

fn headers() -> HeaderMap {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

const STYLE: &str = "body{margin:0;min-height:100vh;display:grid;place-items:center;\
background:light-dark(#fcfcfa,#161817);color:light-dark(#191c1b,#eceeed);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:26rem;padding:2rem;text-align:center}\
h1{margin:0 0 .5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-.021em}\
p{margin:0;color:light-dark(#4c524f,#b3bab6);text-wrap:balance;overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_runs_and_loads_nothing_whatever_its_words() {
        let answer = page(StatusCode::OK, "Not connected", "<script src=x>alert('1')</script>");
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"));
        assert_eq!(escaped("<a href='x'>&"), "&lt;a href=&#39;x&#39;&gt;&amp;");
    }
}
