//! A client that knows the documented addresses only, and a person at the browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, Options, Practice, client, start};
use url::{Url, form_urlencoded};

pub const BACK: &str = "http://127.0.0.1:47823/integrations/";
/// Where an organisation keeps its relay.
pub const RELAY: &str = "https://connect.acme.example/integrations/";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    text: String,
}

impl Answer {
    /// The JSON, after a look at the status.
    pub fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub struct World {
    pub practice: Practice,
}

impl World {
    pub async fn new() -> World {
        World { practice: start(Options::default()).await.unwrap() }
    }

    /// The loopback address that stands in for a documented one.
    fn local(&self, url: &str) -> (Url, String) {
        let url = Url::parse(url).unwrap();
        let host = url.host_str().unwrap().to_owned();
        let mut local = self.practice.origin(&host).unwrap_or_else(|| panic!("no origin for {host}")).clone();
        local.set_path(url.path());
        local.set_query(url.query());
        (local, host)
    }

    pub async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (local, host) = self.local(url);
        let headers = [headers, &[("host", host.as_str())]].concat();
        let reply = client::send(method, &local, &headers, body.as_bytes()).await.unwrap();
        Answer { status: reply.status, headers: reply.headers, text: String::from_utf8(reply.body).unwrap() }
    }

    pub async fn get(&self, url: &str, token: &str) -> Answer {
        self.send("GET", url, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    pub async fn form(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", url, &kind, &encoded(fields)).await
    }

    pub async fn post_json(&self, url: &str, body: Value) -> Answer {
        self.send("POST", url, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// Opens the sign-in page and answers it; yields what the browser brings home, or the error page's title.
    pub async fn visit(&self, page: &str, fields: &[(&str, &str)], visit: Visit) -> Result<Url, String> {
        let (mut url, _) = self.local(page);
        url.query_pairs_mut().extend_pairs(fields);
        visit.answer(&url).await.map_err(|error| error.to_string())
    }

    /// Maya signs in, with the state `s1`.
    pub async fn code(&self, page: &str, fields: &[(&str, &str)]) -> String {
        let home = self.visit(page, fields, Visit::default()).await.unwrap();
        assert_eq!(value(&home, "state"), "s1");
        value(&home, "code")
    }

    /// Switches a fault on for one request.
    pub async fn fault(&self, provider: &str, fault: Fault) {
        self.practice.set_fault(provider, fault, Some(1)).await;
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A parameter of an address, empty where it is missing.
pub fn value(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

pub fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}
