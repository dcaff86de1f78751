//! Where the browser comes back to: a page that hands what came with it to the window that opened it, and to nobody else.
//! The opener says hello with the state until it is answered; then it makes the connection with code and state.
//!
//! The state is the opener's proof: 256 random bits, told to whoever began the sign-in with a key. Its origin proves
//! nothing more: a program may keep its key on a server, whose pages no key names. And a code is of no use without a key
//! of the same organization.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
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
) -> Response {
    let query = query.unwrap_or_default();
    let values = |wanted: &str| -> Vec<String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
    };
    let waited_for = match values("state").as_slice() {
        [state] => shared.sign_ins.waits(state, door.app.programs().now()),
        _ => false,
    };
    let (status, said) = match (waited_for, values("error").is_empty()) {
        (false, _) => (StatusCode::BAD_REQUEST, &UNEXPECTED),
        (true, true) => (StatusCode::OK, &RECEIVED),
        (true, false) => (StatusCode::OK, &DECLINED),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, RULES),
    ];
    (status, headers, html(said)).into_response()
}

/// What the page says: first, and once the opener has its answer. No opener is answered where nothing waits.
struct Said {
    title: &'static str,
    first: &'static str,
    told: &'static str,
}

const WAITING: &str =
    "The window you came from is asked to take the answer. Keep this one open until it has.";
/// A browser cuts the tie to the opener where a page on the way asks for that (Cross-Origin-Opener-Policy).
const ALONE: &str = "There is no window that could take the answer: the one you came from is closed, or out of reach. \
                     Nothing was connected. Close this window and begin again.";

const RECEIVED: Said = Said {
    title: "Signed in",
    first: WAITING,
    told: "The window you came from has the answer and goes on. You can close this one.",
};
const DECLINED: Said = Said {
    title: "Not signed in",
    first: WAITING,
    told: "The window you came from was told why. You can close this one.",
};
const UNEXPECTED: Said = Said {
    title: "Unexpected return",
    first: "No sign-in is waiting for this answer: it has ended, or it came from somewhere else. Nothing was changed. \
            Close this window and begin again.",
    told: "",
};

fn html(Said { title, first, told }: &Said) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title} · Tieline</title><style>{STYLE}</style></head>\
         <body data-told=\"{told}\" data-alone=\"{ALONE}\"><main><h1>{title}</h1><p role=\"status\">{first}</p></main>\
         <script>{SCRIPT}</script></body></html>"
    )
}

/// Takes code and state out of the address bar and the history, answers the opener's hello, and says so then.
const SCRIPT: &str = r#"{const search=location.search,state=new URLSearchParams(search).get("state"),{told,alone}=document.body.dataset,
say=(words)=>{document.querySelector("p").textContent=words};
history.replaceState(null,"",location.pathname);
if(told&&!opener)say(alone);
if(told&&opener)addEventListener("message",({data,origin,source})=>{
if(source!==opener||data?.type!=="hello"||data.payload?.state!==state)return;
source.postMessage({type:"response",payload:{search}},origin);
say(told);
setTimeout(close,1000)})}"#;

const STYLE: &str = "body{margin:0;min-height:100vh;display:grid;place-items:center;\
background:light-dark(#fcfcfa,#161817);color:light-dark(#191c1b,#eceeed);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:26rem;padding:2rem;text-align:center}\
h1{margin:0 0 0.5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-0.021em}\
p{margin:0;color:light-dark(#4c524f,#b3bab6);text-wrap:balance}";

/// The two hashes are those of the style and the script above.
const RULES: &str = "default-src 'none'; style-src 'sha256-V8v8DMXYfMtHzkGsoGeeXwP6QhjjzaLtJGPdp/mk/DE='; script-src 'sha256-/UFJ14pzwKycLWtpaTl1mYn8cCWHrvoxQc2ivwHTzCM='; base-uri 'none'; \
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
        let html = html(&RECEIVED);
        for word in ["src=", "href=", "url(", "@import"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn the_words_can_stand_in_an_attribute() {
        for said in [&RECEIVED, &DECLINED, &UNEXPECTED] {
            for words in [said.title, said.first, said.told, ALONE] {
                assert!(!words.contains(['"', '<', '&']), "{words}");
            }
        }
        // Where nothing waits, nobody is answered.
        assert!(UNEXPECTED.told.is_empty() && html(&UNEXPECTED).contains("data-told=\"\""));
    }
}
