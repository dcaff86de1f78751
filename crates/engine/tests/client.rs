//! The HTTP client against real sockets, and real TLS by openssl.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helping functions too")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tieline_catalog::Method;
use tieline_engine::client::{Answer, Body, Client, Network, Request, Routes};
use tieline_engine::error::{Code, Error};
use tieline_engine::secret::Secret;
use url::Url;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A port that stays free until it is wanted: below those that systems hand out by chance.
fn free_port() -> u16 {
    let first = 10_240 + u16::try_from(std::process::id() % 20_480).unwrap();
    (first..).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Answers each request with `answer`; gives its port and what it was sent.
fn serve(answer: &'static str) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, seen) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let heard = heard.clone();
            thread::spawn(move || speak(stream.unwrap(), answer, &heard));
        }
    });
    (port, seen)
}

fn speak(mut stream: TcpStream, answer: &str, heard: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut request, mut length) = (String::new(), 0);
        loop {
            let at = request.len();
            if reader.read_line(&mut request).unwrap_or(0) == 0 {
                return;
            }
            let line = request[at..].trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        request.push_str(std::str::from_utf8(&body).unwrap());
        let _ = heard.send(request);
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

fn origin(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap()
}

fn practice(port: u16) -> Client {
    let routes =
        Routes::Practice(vec![("*.zendesk.com".into(), origin(port)), ("slack.com".into(), origin(port))]);
    Client::new(&Network::default(), routes).unwrap()
}

fn request(method: Method, url: &str) -> Request {
    Request {
        method,
        url: Url::parse(url).unwrap(),
        headers: Vec::new(),
        bearer: None,
        proof: None,
        basic: None,
        body: Body::None,
        allowed_hosts: vec!["*.zendesk.com".into()],
    }
}

fn refusal(result: Result<Answer, Error>) -> Error {
    let error = result.unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    error
}

#[tokio::test]
async fn a_form_goes_to_the_practice_origin_under_its_own_host() {
    let (port, seen) = serve(OK);
    let mut ask = request(Method::Post, "https://acme.zendesk.com/oauth/tokens?x=1");
    ask.body = Body::Form(vec![
        ("grant_type".into(), Secret::new("refresh_token")),
        ("t".into(), Secret::new("a+b &c")),
    ]);
    ask.basic = Some(("id".into(), Secret::new("se:cret")));
    let answer = practice(port).send(ask).await.unwrap();
    assert_eq!((answer.status, answer.body.expose()), (200, "{}"));

    let heard = seen.recv().unwrap();
    let lower = heard.to_ascii_lowercase();
    assert!(heard.starts_with("POST /oauth/tokens?x=1 HTTP/1.1\r\n"), "{heard}");
    assert!(lower.contains("\r\nhost: acme.zendesk.com\r\n"), "{heard}");
    assert!(lower.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"));
    assert!(lower.contains(&format!("\r\nuser-agent: tieline/{}\r\n", env!("CARGO_PKG_VERSION"))));
    assert!(heard.contains("Basic aWQ6c2U6Y3JldA=="));
    assert!(heard.ends_with("grant_type=refresh_token&t=a%2Bb+%26c"), "{heard}");
}

#[tokio::test]
async fn json_and_headers_are_sent_as_they_are() {
    let (port, seen) = serve(OK);
    let mut ask = request(Method::Post, "https://acme.zendesk.com/v1");
    ask.body = Body::Json(Secret::new(r#"{"a":1}"#));
    ask.headers = vec![("Notion-Version".into(), "2022-06-28".into())];
    practice(port).send(ask).await.unwrap();
    let heard = seen.recv().unwrap();
    assert!(heard.ends_with(r#"{"a":1}"#));
    assert!(heard.to_ascii_lowercase().contains("\r\ncontent-type: application/json\r\n"));
    assert!(heard.to_ascii_lowercase().contains("\r\nnotion-version: 2022-06-28\r\n"));
}

#[tokio::test]
async fn security_28_a_token_goes_only_to_listed_hosts_and_only_in_its_header() {
    let (port, seen) = serve(OK);
    let mut ask = request(Method::Get, "https://acme.zendesk.com/me");
    ask.bearer = Some(Secret::new("canary-token"));
    practice(port).send(ask).await.unwrap();
    let heard = seen.recv().unwrap();
    assert_eq!(heard.matches("canary-token").count(), 1);
    assert!(heard.contains("Bearer canary-token\r\n"));

    for url in [
        "https://slack.com/me",
        "https://acme.zendesk.com.evil.example/",
        &format!("http://127.0.0.1:{port}/"),
    ] {
        let mut ask = request(Method::Get, url);
        ask.bearer = Some(Secret::new("canary-token"));
        assert_eq!(refusal(practice(port).send(ask).await).code, Code::Refused, "{url}");

        let mut ask = request(Method::Get, url);
        ask.headers = vec![("authorization".into(), "OAuth canary".into())];
        assert_eq!(refusal(practice(port).send(ask).await).code, Code::Refused, "{url}");

        let mut ask = request(Method::Post, url);
        ask.body = Body::Json(Secret::new("canary"));
        assert_eq!(refusal(practice(port).send(ask).await).code, Code::Refused, "{url}");
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn security_18_redirects_are_not_followed() {
    let (port, seen) = serve("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    let answer = practice(port).send(request(Method::Get, "https://slack.com/x")).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.headers.contains(&("location".into(), "/elsewhere".into())));
    seen.recv().unwrap();
    assert!(seen.recv_timeout(Duration::from_millis(100)).is_err());
}

#[tokio::test]
async fn security_18_an_answer_of_more_than_a_megabyte_is_refused() {
    let huge: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1024 * 1024 + 1)).into_boxed_str());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(huge.as_bytes());
    });
    let error = refusal(practice(port).send(request(Method::Get, "https://slack.com/x")).await);
    assert!(error.message.contains("1024 KB"), "{error}");
}

#[tokio::test]
async fn cookies_are_forgotten_and_connections_kept() {
    let (port, seen) = serve("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    let client = practice(port);
    for _ in 0..2 {
        client.send(request(Method::Get, "https://slack.com/x")).await.unwrap();
        assert!(!seen.recv().unwrap().to_ascii_lowercase().contains("cookie"));
    }
}

#[tokio::test]
async fn practice_reaches_nothing_beyond_this_machine() {
    let (port, seen) = serve(OK);
    let client = practice(port);
    for url in ["https://example.com/", "https://zendesk.com/", "http://192.0.2.1/"] {
        assert_eq!(refusal(client.send(request(Method::Get, url)).await).code, Code::Refused, "{url}");
        assert!(client.browser_url(Url::parse(url).unwrap()).is_err());
    }
    assert!(seen.try_recv().is_err());
    client.send(request(Method::Get, &format!("http://127.0.0.1:{port}/described"))).await.unwrap();
    assert!(seen.recv().unwrap().starts_with("GET /described "));

    let placed = client
        .browser_url(Url::parse("https://acme.zendesk.com/oauth/authorizations/new?a=b").unwrap())
        .unwrap();
    assert_eq!(placed.as_str(), format!("http://127.0.0.1:{port}/oauth/authorizations/new?a=b"));
}

#[tokio::test]
async fn the_internet_is_https_only() {
    let (port, seen) = serve(OK);
    let client = Client::new(&Network::default(), Routes::Internet).unwrap();
    for url in [format!("http://127.0.0.1:{port}/"), "http://acme.zendesk.com/?code=canary".into()] {
        assert_eq!(refusal(client.send(request(Method::Get, &url)).await).code, Code::Refused);
        assert!(client.browser_url(Url::parse(&url).unwrap()).is_err());
    }
    assert!(seen.try_recv().is_err());
    let url = Url::parse("https://acme.zendesk.com/x").unwrap();
    assert_eq!(client.browser_url(url.clone()).unwrap(), url);
}

#[tokio::test]
async fn each_failure_has_its_own_words() {
    let closed = free_port();
    let error = refusal(practice(closed).send(request(Method::Get, "https://slack.com/?code=canary")).await);
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("slack.com refused the connection"), "{error}");

    let client = Client::new(&Network::default(), Routes::Internet).unwrap();
    let error = refusal(client.send(request(Method::Get, "https://nowhere.invalid/?code=canary")).await);
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("The name nowhere.invalid was not found"), "{error}");

    // Speaks, but no TLS.
    let (port, _seen) = serve("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let error =
        refusal(client.send(request(Method::Get, &format!("https://localhost:{port}/?code=canary"))).await);
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("No secure connection to localhost"), "{error}");
}

#[tokio::test]
async fn a_proxy_is_used_and_its_failures_are_its_own() {
    let (port, seen) = serve("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let network = Network { proxy: format!("127.0.0.1:{port}"), ..Network::default() };
    let client = Client::new(&network, Routes::Internet).unwrap();
    let error = refusal(client.send(request(Method::Get, "https://acme.zendesk.com/?code=canary")).await);
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.starts_with("The proxy did not let"), "{error}");
    let heard = seen.recv().unwrap();
    assert!(heard.starts_with("CONNECT acme.zendesk.com:443 "), "{heard}");
    assert!(!heard.contains("canary"));

    let closed = free_port();
    let network = Network { proxy: format!("http://127.0.0.1:{closed}"), ..Network::default() };
    let client = Client::new(&network, Routes::Internet).unwrap();
    let error = refusal(client.send(request(Method::Get, "https://acme.zendesk.com/")).await);
    assert!(error.message.starts_with("The proxy did not let"), "{error}");
}

#[test]
fn bad_network_settings_name_their_field() {
    for bad in [
        "http://",
        "ftp://proxy.example:21",
        "http://proxy.example/path",
        "user:canary@proxy.example:8080",
        "not a proxy",
    ] {
        let network = Network { proxy: bad.into(), ..Network::default() };
        let error = Client::new(&network, Routes::Internet).err().unwrap();
        assert_eq!(error.field.as_deref(), Some("proxy"), "{bad}");
        assert!(!error.to_string().contains("canary"));
    }
    for bad in [
        "hello",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
    ] {
        let network = Network { extra_ca: bad.into(), ..Network::default() };
        let error = Client::new(&network, Routes::Internet).err().unwrap();
        assert_eq!(error.field.as_deref(), Some("extra_ca"), "{bad}");
        assert!(!error.to_string().contains("canary"));
    }
}

/// An https server whose certificate is signed by an authority of its own making; ended when dropped.
struct Tls {
    server: Child,
    port: u16,
    authority: String,
}

impl Tls {
    fn start(folder: &Path) -> Self {
        let make = |arguments: &str| {
            let made = Command::new("openssl")
                .current_dir(folder)
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
                .args(arguments.split(' '))
                .stderr(Stdio::null())
                .status()
                .expect("openssl is needed for this test");
            assert!(made.success());
        };
        make("-subj /CN=Organisation -keyout ca.key -out ca.pem");
        make(
            "-subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE \
             -CA ca.pem -CAkey ca.key -keyout key.pem -out cert.pem",
        );
        let port = free_port();
        let server = Command::new("openssl")
            .current_dir(folder)
            .args([
                "s_server",
                "-quiet",
                "-www",
                "-key",
                "key.pem",
                "-cert",
                "cert.pem",
                "-accept",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("localhost", port)).is_err() {
            assert!(Instant::now() < until, "the TLS server never listened");
            thread::sleep(Duration::from_millis(20));
        }
        Self { server, port, authority: std::fs::read_to_string(folder.join("ca.pem")).unwrap() }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test]
async fn security_18_an_unknown_certificate_ends_it_and_the_organisations_own_can_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::start(folder.path());
    let url = format!("https://localhost:{}/?code=canary", tls.port);

    let client = Client::new(&Network::default(), Routes::Internet).unwrap();
    let error = refusal(client.send(request(Method::Get, &url)).await);
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("certificate of localhost is not trusted"), "{error}");
    assert!(error.hint.contains("CA certificate in Settings"), "{error}");

    let network = Network { extra_ca: tls.authority.clone(), ..Network::default() };
    let client = Client::new(&network, Routes::Internet).unwrap();
    assert_eq!(client.send(request(Method::Get, &url)).await.unwrap().status, 200);
}
