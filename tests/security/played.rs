//! A service that an administrator described, whose server the test plays itself: it hears every byte and answers
//! whatever it likes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::wire::{Flow, ProviderCard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::security::parameter;
use crate::stage::Stage;

/// One request, as it came over the wire.
#[derive(Debug, Clone)]
pub struct Heard {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// What the server says. Nothing: it stays silent until the other side gives up.
pub type Said = Option<String>;

pub struct Played {
    pub origin: Url,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Played {
    pub async fn start(answer: impl Fn(&Heard) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (all, answer) = (Arc::clone(&heard), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    all.lock().expect("nobody panicked").push(request.clone());
                    match answer(&request) {
                        Some(said) => {
                            let _gone = stream.write_all(said.as_bytes()).await;
                            let _gone = stream.shutdown().await;
                        }
                        None => tokio::time::sleep(Duration::from_secs(120)).await,
                    }
                });
            }
        });
        let origin = Url::parse(&format!("http://127.0.0.1:{port}/")).expect("an address");
        Self { origin, heard }
    }

    /// A server that answers every token request with these tokens and knows nothing else.
    pub async fn giving(tokens: Value) -> Self {
        Self::start(move |heard| {
            Some(if heard.method == "POST" { answer(200, &tokens) } else { answer(404, &json!({})) })
        })
        .await
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panicked").clone()
    }

    /// The requests to one path.
    pub fn heard_at(&self, path: &str) -> Vec<Heard> {
        self.heard().into_iter().filter(|heard| heard.target.split('?').next() == Some(path)).collect()
    }

    /// Describes it to Tieline by its two addresses.
    pub async fn describe(&self, stage: &Stage) -> String {
        let card: ProviderCard = stage
            .ask(
                "save_service",
                json!({
                    "name": "Played",
                    "authorize_url": format!("{}authorize", self.origin),
                    "token_url": format!("{}token", self.origin),
                    "client_id": "played-client",
                    "client_secret": "played-client-secret",
                    "scopes": "read",
                }),
            )
            .await
            .expect("the service is described");
        card.id
    }

    /// Describes it by its metadata, which has to be at the usual place.
    pub async fn discover(&self, stage: &Stage) -> String {
        let card: ProviderCard = stage
            .ask(
                "save_service",
                json!({
                    "name": "Played",
                    "issuer": self.origin.as_str(),
                    "client_id": "played-client",
                    "client_secret": "played-client-secret",
                    "scopes": "openid read",
                }),
            )
            .await
            .expect("the service is described");
        card.id
    }

    pub fn metadata(&self) -> Value {
        metadata(&self.origin)
    }
}

/// RFC 8414 metadata of a played server with every endpoint.
pub fn metadata(origin: &Url) -> Value {
    json!({
        "issuer": origin.as_str(),
        "authorization_endpoint": format!("{origin}authorize"),
        "token_endpoint": format!("{origin}token"),
        "revocation_endpoint": format!("{origin}revoke"),
        "userinfo_endpoint": format!("{origin}userinfo"),
        "code_challenge_methods_supported": ["S256"],
    })
}

/// The origin that a request was sent to.
pub fn origin_of(heard: &Heard) -> Url {
    Url::parse(&format!("http://{}/", heard.header("host").expect("a host"))).expect("an address")
}

pub fn answer(status: u16, body: &Value) -> String {
    raw(status, "application/json", &body.to_string())
}

pub fn raw(status: u16, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// An id_token that says who it is, unsigned.
pub fn id_token(claims: &Value) -> String {
    format!("{}.{}.", base64url(b"{\"alg\":\"none\"}"), base64url(claims.to_string().as_bytes()))
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(LETTERS[(number >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

/// Begins a sign-in at a described service, which asks for nothing.
pub async fn begin(stage: &Stage, id: &str, more: Value) -> Flow {
    let mut ask = json!({ "provider": id, "quiet": true });
    for (key, value) in more.as_object().into_iter().flatten() {
        ask[key] = value.clone();
    }
    stage.ask("connect", ask).await.unwrap_or_else(|failure| panic!("{} {}", failure.message, failure.hint))
}

/// The address at which the browser would end if the played provider said yes.
pub async fn yes(stage: &Stage, flow: &Flow, code: &str) -> Url {
    let page = stage.page(flow).await;
    let mut back: Url =
        parameter(&page, "redirect_uri").expect("a redirect address").parse().expect("an address");
    back.query_pairs_mut()
        .append_pair("code", code)
        .append_pair("state", &parameter(&page, "state").expect("a state"));
    back
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, value)| value.parse().unwrap_or(0));
        if bytes.len() < end + 4 + length {
            continue;
        }
        let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
        return Some(Heard { method, target, headers, body });
    }
}
