//! What the apps send, over real TCP and under the documented names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use tieline_practice::{Options, Practice, client, start};
use url::{Url, form_urlencoded};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const LOGIN: &str = "login.microsoftonline.com";
pub const GRAPH: &str = "graph.microsoft.com";
pub const ACCOUNTS: &str = "accounts.google.com";
pub const OAUTH2: &str = "oauth2.googleapis.com";

/// How one app signs in.
#[derive(Clone, Copy)]
pub struct Client {
    pub slug: &'static str,
    pub host: &'static str,
    pub authorize: &'static str,
    pub token_host: &'static str,
    pub token: &'static str,
    pub id: &'static str,
    pub secret: Option<&'static str>,
    pub back: &'static str,
    pub scope: &'static str,
    pub more: &'static [(&'static str, &'static str)],
}

pub const MICROSOFT: Client = Client {
    slug: "",
    host: LOGIN,
    authorize: "/acme.onmicrosoft.com/oauth2/v2.0/authorize",
    token_host: LOGIN,
    token: "/acme.onmicrosoft.com/oauth2/v2.0/token",
    id: "",
    secret: None,
    back: "",
    scope: "",
    more: &[("response_mode", "query"), ("prompt", "select_account"), ("nonce", "n-0S6_WzA2Mj")],
};

pub const ONEDRIVE: Client = Client {
    slug: "onedrive",
    id: "0ed00000-0000-4000-8000-000000000001",
    back: "app.tieline.desktop://integrations/onedrive",
    scope: "openid profile offline_access User.Read Files.Read",
    ..MICROSOFT
};
pub const OUTLOOK: Client = Client {
    slug: "outlook",
    id: "0ed00000-0000-4000-8000-000000000002",
    back: "http://localhost:50123/integrations/outlook",
    scope: "openid profile offline_access User.Read https://graph.microsoft.com/Mail.Read",
    ..MICROSOFT
};
pub const SHAREPOINT: Client = Client {
    slug: "sharepoint",
    id: "0ed00000-0000-4000-8000-000000000003",
    back: "app.tieline.desktop://integrations/sharepoint",
    scope: "openid profile offline_access User.Read Sites.Read.All",
    ..MICROSOFT
};

pub const GOOGLE: Client = Client {
    slug: "",
    host: ACCOUNTS,
    authorize: "/o/oauth2/v2/auth",
    token_host: OAUTH2,
    token: "/token",
    id: "",
    secret: None,
    back: "",
    scope: "",
    more: &[("access_type", "offline"), ("prompt", "consent")],
};
pub const GMAIL: Client = Client {
    slug: "gmail",
    id: "410000000001-gmail.apps.googleusercontent.com",
    secret: Some("GOCSPX-practice-gmail"),
    back: "http://127.0.0.1:50123/integrations/gmail",
    scope: "openid email https://www.googleapis.com/auth/gmail.readonly",
    ..GOOGLE
};
pub const DRIVE: Client = Client {
    slug: "google_drive",
    id: "410000000001-drive.apps.googleusercontent.com",
    secret: Some("GOCSPX-practice-drive"),
    back: "http://localhost:50124/any/path",
    scope: "openid email profile https://www.googleapis.com/auth/drive.readonly",
    ..GOOGLE
};
pub const STORAGE: Client = Client {
    slug: "google_cloud_storage",
    id: "410000000002-storage.apps.googleusercontent.com",
    secret: Some("GOCSPX-practice-storage"),
    back: "http://127.0.0.1:50125/integrations/google_cloud_storage",
    scope: "openid email https://www.googleapis.com/auth/devstorage.read_only",
    ..GOOGLE
};

pub async fn memory() -> Practice {
    start(Options::default()).await.unwrap()
}

pub async fn send(
    practice: &Practice,
    method: &str,
    host: &str,
    path: &str,
    bearer: &str,
    form: &[(&str, &str)],
) -> Reply {
    let url = practice.origin(host).unwrap().join(path).unwrap();
    let authorization = format!("Bearer {bearer}");
    let mut headers = vec![("host", host)];
    if !bearer.is_empty() {
        headers.push(("authorization", &authorization));
    }
    if !form.is_empty() {
        headers.push(("content-type", "application/x-www-form-urlencoded"));
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    client::send(method, &url, &headers, body.as_bytes()).await.unwrap()
}

pub async fn get(practice: &Practice, host: &str, path: &str, bearer: &str) -> Reply {
    send(practice, "GET", host, path, bearer, &[]).await
}

pub fn page(practice: &Practice, app: &Client) -> Url {
    let mut url = practice.origin(app.host).unwrap().join(app.authorize).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    url.query_pairs_mut()
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", app.id),
            ("redirect_uri", app.back),
            ("scope", app.scope),
            ("state", "a state & more"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .extend_pairs(app.more);
    url
}

pub async fn visit(practice: &Practice, app: &Client, visit: &Visit) -> Url {
    visit.answer(&page(practice, app)).await.unwrap()
}

/// The title of the page on which the sign-in ends, with nothing for the app.
pub async fn dead_end(practice: &Practice, app: &Client) -> String {
    Visit::default().answer(&page(practice, app)).await.unwrap_err().to_string()
}

pub fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

pub async fn exchange(practice: &Practice, app: &Client, code: &str) -> Reply {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", app.id),
        ("code", code),
        ("redirect_uri", app.back),
        ("code_verifier", VERIFIER),
    ];
    form.extend(app.secret.map(|secret| ("client_secret", secret)));
    send(practice, "POST", app.token_host, app.token, "", &form).await
}

pub async fn refresh(practice: &Practice, app: &Client, token: &str) -> Reply {
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", app.id), ("refresh_token", token)];
    form.extend(app.secret.map(|secret| ("client_secret", secret)));
    send(practice, "POST", app.token_host, app.token, "", &form).await
}

pub async fn connect_as(practice: &Practice, app: &Client, person: &Visit) -> Value {
    let back = visit(practice, app, person).await;
    let reply = exchange(practice, app, &query(&back, "code")).await;
    assert_eq!(reply.status, 200, "{} {}", app.slug, reply.value());
    reply.value()
}

pub async fn connect(practice: &Practice, app: &Client) -> Value {
    connect_as(practice, app, &Visit::default()).await
}

pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub fn claims(reply: &Value) -> Value {
    let token = text(reply, "/id_token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
