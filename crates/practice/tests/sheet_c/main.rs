//! Box, Dropbox, Notion, Slack and Zotero over TCP, as a client of the real ones would talk to them: each
//! provider's whole way, its odd formats, and the wording of its errors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod box_;
mod dropbox;
mod notion;
mod slack;
mod zotero;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, Options, Practice, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("Content-Type", "application/json");

struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} not JSON: {}", self.status, self.text))
    }

    /// Status and the text at a pointer.
    fn says(&self, pointer: &str) -> (u16, String) {
        (self.status, self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    fn text(&self, pointer: &str) -> String {
        self.says(pointer).1
    }
}

async fn practice() -> Practice {
    start(Options::default()).await.unwrap()
}

fn origin(practice: &Practice, host: &str) -> Url {
    practice.routes().iter().find(|route| route.host == host).unwrap().origin.clone()
}

/// One request under the documented name; `to` is method, host and path with query.
async fn send(practice: &Practice, to: [&str; 3], headers: &[(&str, &str)], body: &str) -> Answer {
    let [method, host, path] = to;
    let port = origin(practice, host).port().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, text) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), text: text.to_owned() }
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn post(practice: &Practice, host: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
    send(practice, ["POST", host, path], &[FORM], &form(pairs)).await
}

async fn bearer(practice: &Practice, to: [&str; 3], token: &str) -> Answer {
    send(practice, to, &[("Authorization", &format!("Bearer {token}"))], "").await
}

/// What the person's browser opens.
fn page(practice: &Practice, host: &str, path: &str, pairs: &[(&str, &str)]) -> Url {
    let mut url = origin(practice, host).join(path).unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}
