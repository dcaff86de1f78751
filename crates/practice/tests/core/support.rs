//! What a client of Zendesk sends, over real TCP and under the documented name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use tieline_practice::{Options, Practice, client, start};
use url::Url;

pub const ZENDESK: &str = "acme.zendesk.com";
pub const BACK: &str = "http://127.0.0.1:47823/integrations/zendesk";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub async fn memory() -> Practice {
    start(Options::default()).await.unwrap()
}

/// Sends one request to the origin of this documented host. None when the line goes dead.
pub async fn send(
    practice: &Practice,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Reply> {
    let url = practice.origin(host).unwrap().join(path).unwrap();
    let headers: Vec<_> = headers.iter().copied().chain([("host", host)]).collect();
    client::send(method, &url, &headers, body.as_bytes()).await.ok()
}

/// The page that a client of Zendesk opens, as the browser gets it: on the loopback origin.
pub fn page(practice: &Practice, changes: &[(&str, &str)]) -> Url {
    let mut url =
        practice.routes().iter().find(|route| route.host == "*.zendesk.com").unwrap().origin.clone();
    url.set_path("/oauth/authorizations/new");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let usual = [
        ("response_type", "code"),
        ("client_id", "tieline_desktop"),
        ("redirect_uri", BACK),
        ("scope", "hc:read users:read"),
        ("state", "the state & more"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in usual {
        let value = changes.iter().find(|(key, _)| *key == name).map_or(value, |(_, value)| value);
        if !value.is_empty() {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

pub fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Signs in as this visitor and yields the code.
pub async fn code(practice: &Practice, visit: &Visit) -> String {
    let back = visit.answer(&page(practice, &[])).await.unwrap();
    query(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
}

pub async fn token(practice: &Practice, body: Value) -> Option<Reply> {
    let kind = [("Content-Type", "application/json")];
    send(practice, "POST", ZENDESK, "/oauth/tokens", &kind, &body.to_string()).await
}

pub fn exchange_body(code: &str) -> Value {
    json!({
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "tieline_desktop",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "expires_in": 3600,
    })
}

pub async fn exchange(practice: &Practice, code: &str) -> Reply {
    token(practice, exchange_body(code)).await.unwrap()
}

pub async fn refresh(practice: &Practice, refresh_token: &str) -> Reply {
    let body = json!({
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": "tieline_desktop",
        "expires_in": 3600,
    });
    token(practice, body).await.unwrap()
}

pub async fn me(practice: &Practice, access_token: &str) -> Reply {
    let bearer = format!("Bearer {access_token}");
    send(practice, "GET", ZENDESK, "/api/v2/users/me.json", &[("Authorization", &bearer)], "").await.unwrap()
}

/// A connection of Maya's: access and refresh token.
pub async fn connect(practice: &Practice) -> (String, String) {
    let code = code(practice, &Visit::default()).await;
    pair(&exchange(practice, &code).await)
}

pub fn pair(answer: &Reply) -> (String, String) {
    let json = answer.value();
    let one = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned();
    (one("access_token"), one("refresh_token"))
}
