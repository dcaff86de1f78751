//! An authorization server that nobody here wrote: npm `oidc-provider` with PKCE, rotating refresh tokens, revocation and
//! `iss`, and with pushed requests and bound tokens where a test asks for them. Its sign-in pages are answered over HTTP.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

/// The authorization server, until dropped.
pub struct Server {
    pub issuer: Url,
    _node: Child,
}

impl Server {
    pub async fn start(clients: Value, methods: Value) -> Self {
        Self::with(json!({ "clients": clients, "methods": methods })).await
    }

    pub async fn with(given: Value) -> Self {
        let given = given.to_string();
        let mut node = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/server.mjs"))
            .arg(given)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(node.stdout.take().expect("its output")).lines();
        let line = lines.next_line().await.expect("a line").expect("the server says where it is");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let issuer = told["issuer"].as_str().expect("an issuer").parse().expect("an address");
        Self { issuer, _node: node }
    }

    /// One confidential and one public app, both with these redirect addresses.
    pub async fn usual(redirects: &[&str]) -> Self {
        Self::offering(redirects, json!({})).await
    }

    /// The same two, at a server with these features.
    pub async fn offering(redirects: &[&str], features: Value) -> Self {
        let app = |id: &str, secret: bool| {
            let mut app = json!({
                "client_id": id, "application_type": "native", "redirect_uris": redirects,
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": if secret { "client_secret_basic" } else { "none" },
            });
            if secret {
                app["client_secret"] = "s3cret-of-acme".into();
            }
            app
        };
        let mut given = json!({
            "clients": [app("confidential", true), app("public", false)],
            "methods": ["client_secret_basic", "client_secret_post", "none"],
        });
        for (name, value) in features.as_object().into_iter().flatten() {
            given[name] = value.clone();
        }
        Self::with(given).await
    }

    /// What it saw.
    pub async fn seen(&self) -> Value {
        let url = self.issuer.join("control/seen").expect("an address");
        let reply = tieline_practice::client::send("GET", &url, &[], b"").await.expect("an answer");
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    /// Its newest refresh token.
    pub async fn refresh_token(&self) -> String {
        let seen = self.seen().await;
        seen["refreshTokens"]
            .as_array()
            .and_then(|all| all.last())
            .and_then(Value::as_str)
            .expect("a refresh token")
            .to_owned()
    }

    /// The newest access token, with its kind.
    pub async fn access_token(&self) -> (String, String) {
        let seen = self.seen().await;
        let last =
            seen["accessTokens"].as_array().and_then(|all| all.last()).expect("an access token").clone();
        let text = |key: &str| last[key].as_str().expect("text").to_owned();
        (text("token"), text("kind"))
    }

    /// The status of a question for userinfo, asked by somebody else than Tieline.
    pub async fn userinfo_as_a_thief(&self, headers: &[(&str, &str)]) -> u16 {
        let url = self.issuer.join("me").expect("an address");
        tieline_practice::client::send("GET", &url, headers, b"").await.expect("an answer").status
    }

    /// A refresh by somebody else than Tieline.
    pub async fn refresh_as_a_thief(&self, token: &str) -> Value {
        let body = format!("grant_type=refresh_token&client_id=public&refresh_token={token}");
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let url = self.issuer.join("token").expect("an address");
        let reply =
            tieline_practice::client::send("POST", &url, &[kind], body.as_bytes()).await.expect("an answer");
        serde_json::from_slice(&reply.body).expect("JSON")
    }
}

/// A person with a browser of their own.
pub struct Person {
    pub name: &'static str,
    pub refuses: bool,
}

pub const ANNA: Person = Person { name: "anna", refuses: false };

impl Person {
    /// Goes through the sign-in pages; yields where the browser is sent at last.
    pub async fn answer(&self, page: &Url) -> Url {
        let mut cookies: BTreeMap<String, String> = BTreeMap::new();
        let (mut url, mut body) = (page.clone(), None::<String>);
        for _ in 0..20 {
            let jar =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            let headers = [("cookie", jar.as_str()), ("content-type", "application/x-www-form-urlencoded")];
            let method = if body.is_some() { "POST" } else { "GET" };
            let sent = body.take().unwrap_or_default();
            let reply = tieline_practice::client::send(method, &url, &headers, sent.as_bytes())
                .await
                .expect("a page");
            for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
                let (name, value) =
                    cookie.split(';').next().and_then(|it| it.split_once('=')).expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            if let Some((_, location)) = reply.headers.iter().find(|(name, _)| name == "location") {
                let next = url.join(location).expect("an address");
                if next.origin() != page.origin() {
                    return next;
                }
                url = next;
                continue;
            }
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let asked: Value = serde_json::from_str(&text)
                .unwrap_or_else(|_| panic!("{url} answered {} {text}", reply.status));
            body = Some(match asked["asks"].as_str() {
                _ if self.refuses => "refuse=1".into(),
                Some("login") => format!("login={}", self.name),
                Some("consent") => "allow=1".into(),
                other => panic!("the page asks {other:?}"),
            });
        }
        panic!("the pages go round in circles")
    }
}
