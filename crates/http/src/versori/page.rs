//! Where the browser comes back to: a page that hands what came with it to the window that opened it, and to nobody else.
//! The opener says hello with the state until it is answered; then it makes the connection with code and state.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use super::Shared;
use crate::Door;

const PATH: &str = "/oauth2/callback";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route(PATH, get(page))
}

/// The page's address at this origin, which is what an app registers.
pub(super) fn address(origin: &str) -> String {
    format!("{origin}/api/embedded/v1{PATH}")
}

async fn page(
    State(door): State<Arc<Door>>,
    Extension(shared): Extension<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let values = |wanted: &str| -> Vec<String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
    };
    let programs = door.app.programs();
    let waited_for = match values("state").as_slice() {
        [state] => shared.sign_ins.waits(state, programs.now()),
        _ => false,
    };
    let origins = match programs.origins() {
        Ok(origins) if waited_for => origins,
        _ => Vec::new(),
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (status, said, origins) = match (waited_for, values("error").is_empty()) {
        (false, _) => (StatusCode::BAD_REQUEST, &UNEXPECTED, Vec::new()),
        (true, well) => {
            let said = if well { &RECEIVED } else { &DECLINED };
            (StatusCode::OK, said, [origins, vec![format!("http://{host}")]].concat())
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, RULES),
    ];
    (status, headers, html(said, &origins)).into_response()
}

/// A heading and the sentence under it.
type Said = (&'static str, &'static str);
const RECEIVED: Said =
    ("Signed in", "The window you came from has the answer and goes on. You can close this one.");
const DECLINED: Said = ("Not signed in", "The window you came from is told why. You can close this one.");
const UNEXPECTED: Said = (
    "Unexpected return",
    "No sign-in is waiting for this answer: it has ended, or it came from somewhere else. Nothing was changed. Close \
     this window and begin again.",
);

fn html((title, words): &Said, origins: &[String]) -> String {
    // Origins hold nothing that could end the attribute, and stay text if they did.
    let origins = serde_json::to_string(origins).unwrap_or_else(|_| "[]".into());
    let origins = origins.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} · Tieline</title><style>{STYLE}</style></head>\
         <body data-origins=\"{origins}\"><main><h1>{title}</h1><p>{words}</p></main>\
         <script>{SCRIPT}</script></body></html>"
    )
}

/// Takes code and state out of the address bar and the history, and answers the opener's hello.
const SCRIPT: &str = r#"{const search=location.search,state=new URLSearchParams(search).get("state"),
origins=JSON.parse(document.body.dataset.origins);
history.replaceState(null,"",location.pathname);
if(state&&opener)addEventListener("message",({data,origin,source})=>{
if(source!==opener||!origins.includes(origin)||data?.type!=="hello"||data.payload?.state!==state)return;
source.postMessage({type:"response",payload:{search}},origin);
setTimeout(close,1000)})}"#;

const STYLE: &str = "body{margin:0;min-height:100vh;display:grid;place-items:center;\
background:light-dark(#fcfcfa,#161817);color:light-dark(#191c1b,#eceeed);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:26rem;padding:2rem;text-align:center}\
h1{margin:0 0 0.5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-0.021em}\
p{margin:0;color:light-dark(#4c524f,#b3bab6);text-wrap:balance}";

/// The two hashes are those of the style and the script above.
const RULES: &str = "default-src 'none'; style-src 'sha256-V8v8DMXYfMtHzkGsoGeeXwP6QhjjzaLtJGPdp/mk/DE='; script-src 'sha256-PVbHVOcdqteXoUAUo8vtO30/2sVoNsRkhmoph6crwjA='; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_rules_let_in_this_style_and_this_script_and_nothing_else() {
        for text in [STYLE, SCRIPT] {
            let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
            assert!(RULES.contains(&format!("'sha256-{hash}'")), "{hash} of {text}");
        }
        let html = html(&RECEIVED, &["https://app.acme.example".into()]);
        for word in ["src=", "href=", "url(", "@import"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn origins_cannot_leave_their_attribute() {
        let html = html(&UNEXPECTED, &["https://a\"><script>alert(1)</script>&".into()]);
        assert!(!html.contains("<script>alert") && html.contains("&quot;https://a"), "{html}");
    }
}
