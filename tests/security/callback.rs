//! The listener on this computer, spoken to byte by byte, and the schemes of the deep link.

use serde_json::json;
use tieline_engine::callback::DEEP_LINKS;
use tieline_engine::wire::{Flow, FlowStep};
use tieline_practice::visitor::Visit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::security::parameter;
use crate::stage::Stage;

/// Sends bytes as they are and reads the whole answer.
async fn say(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("somebody listens");
    stream.write_all(bytes.as_bytes()).await.expect("it is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

/// A sign-in that waits on a free port of this computer.
async fn waiting(stage: &Stage) -> (Flow, u16) {
    let flow = stage.begin("BOX", json!({ "way": "loopback" })).await;
    let redirect: Url = flow.way.redirect.parse().expect("an address");
    (flow, redirect.port().expect("a port"))
}

async fn step(stage: &Stage, flow: &Flow) -> FlowStep {
    let flow: Flow = stage.ask("flow", json!({ "id": flow.id })).await.expect("a flow");
    flow.step
}

/// The local addresses on which this computer listens at a port, as the kernel writes them.
#[cfg(target_os = "linux")]
pub fn listening(port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let ending = format!(":{port:04X}");
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (local, _, state) = (words.next()?, words.next()?, words.next()?);
            (state == LISTEN).then(|| local.strip_suffix(&ending).map(str::to_owned))?
        })
        .collect()
}

#[cfg(target_os = "linux")]
async fn closed(port: u16) -> bool {
    for _ in 0..40 {
        if listening(port).is_empty() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    false
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn s10_the_listener_is_on_loopback_only_and_open_for_the_sign_in_only() {
    let stage = Stage::open().await;
    let loopback = ["0100007F", "00000000000000000000000001000000"];

    let (flow, port) = waiting(&stage).await;
    let open = listening(port);
    assert!(!open.is_empty() && open.iter().all(|address| loopback.contains(&address.as_str())), "{open:?}");
    let back = stage.visit(&flow, &Visit::default()).await;
    stage.bring(&back).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);
    assert!(closed(port).await, "it closes on the answer");

    let (flow, port) = waiting(&stage).await;
    assert!(!listening(port).is_empty());
    let _: serde_json::Value = stage.ask("cancel", json!({ "id": flow.id })).await.expect("cancelled");
    assert!(closed(port).await, "it closes on cancel");

    let (_, port) = waiting(&stage).await;
    stage.app.close().await;
    assert!(closed(port).await, "it closes with the program");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_other_requests_get_404_without_detail_and_change_nothing() {
    let stage = Stage::open().await;
    let (flow, port) = waiting(&stage).await;
    let state = parameter(&stage.page(&flow).await, "state").expect("a state");
    let before = stage.practice.counts("BOX").await;
    let target = format!("/integrations/box?code=c&state={state}");
    let host = format!("Host: 127.0.0.1:{port}");
    for (line, headers) in [
        (format!("POST {target} HTTP/1.1"), host.as_str()),
        (format!("PUT {target} HTTP/1.1"), &host),
        (format!("HEAD {target} HTTP/1.1"), &host),
        (format!("OPTIONS {target} HTTP/1.1"), &host),
        (format!("GET /?code=c&state={state} HTTP/1.1"), &host),
        (format!("GET /integrations?code=c&state={state} HTTP/1.1"), &host),
        (format!("GET /favicon.ico?code=c&state={state} HTTP/1.1"), &host),
        (format!("GET http://127.0.0.1:{port}{target} HTTP/1.1"), &host),
        (format!("GET {target} HTTP/1.1"), "Host: evil.example"),
        (format!("GET {target} HTTP/1.1"), "Host: 127.0.0.1.evil.example"),
        (format!("GET {target} HTTP/1.1"), "Host: 127.0.0.1:1"),
        (format!("GET {target} HTTP/1.1"), "Accept: */*"),
        ("nonsense".to_owned(), ""),
    ] {
        let said = say(port, &format!("{line}\r\n{headers}\r\n\r\n")).await;
        let (head, body) = said.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 404 "), "{line} {headers}: {head}");
        assert_eq!(body, "", "{line}");
        assert!(!said.contains(&state) && !head.to_ascii_lowercase().contains("server:"), "{head}");
    }
    assert_eq!(step(&stage, &flow).await, FlowStep::Waiting);
    assert_eq!(stage.practice.counts("BOX").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_a_strange_answer_at_the_listener_is_shown_as_unexpected() {
    let stage = Stage::open().await;
    let (flow, port) = waiting(&stage).await;
    let before = stage.practice.counts("BOX").await;
    for target in [
        "/integrations/box?code=c&state=unknown",
        "/integrations/box?code=c",
        "/integrations/box",
        "/integrations/box?error=access_denied&state=unknown",
    ] {
        let said = say(port, &format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")).await;
        assert!(
            said.starts_with("HTTP/1.1 400 ") && said.contains("<h1>Unexpected return</h1>"),
            "{target}: {said}"
        );
    }
    assert_eq!(step(&stage, &flow).await, FlowStep::Waiting);
    assert_eq!(stage.practice.counts("BOX").await, before);
}

#[test]
fn s13_the_scheme_is_a_reversed_domain_with_dots() {
    for scheme in DEEP_LINKS {
        let labels: Vec<&str> = scheme.split('.').collect();
        assert!(labels.len() >= 3, "{scheme}");
        assert!(
            labels
                .iter()
                .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase())),
            "{scheme}"
        );
        assert_eq!(labels[0], "app", "{scheme} begins with a top-level domain");
    }
    assert!(DEEP_LINKS.contains(&tieline_engine::SCHEME));
    let config: serde_json::Value =
        serde_json::from_str(include_str!("../../src-tauri/tauri.conf.json")).expect("JSON");
    assert_eq!(config["plugins"]["deep-link"]["desktop"]["schemes"], json!([tieline_engine::SCHEME]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_the_page_after_the_return_loads_nothing_keeps_nothing_and_forgets_its_query() {
    let stage = Stage::open().await;
    let (flow, port) = waiting(&stage).await;
    let back = stage.visit(&flow, &Visit::default()).await;
    let unexpected =
        say(port, &format!("GET /integrations/box?code=c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")).await;
    let expected = say(
        port,
        &format!(
            "GET {}?{} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
            back.path(),
            back.query().expect("a query")
        ),
    )
    .await;
    assert!(expected.starts_with("HTTP/1.1 200 "), "{expected}");
    let code = parameter(&back, "code").expect("a code");
    for said in [unexpected, expected] {
        let (head, body) = said.split_once("\r\n\r\n").expect("a head");
        let head = head.to_ascii_lowercase();
        for line in
            ["cache-control: no-store", "referrer-policy: no-referrer", "x-content-type-options: nosniff"]
        {
            assert!(head.contains(line), "{line}: {head}");
        }
        let policy =
            head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert!(
            body.contains("history.replaceState(null,\"\",location.pathname)"),
            "the query leaves the history"
        );
        for word in ["src=", "href=", "http:", "https:", "@import", "url(", "<form", "<iframe"] {
            assert!(!body.contains(word), "{word}");
        }
        assert!(!body.contains(&code), "the code is not repeated");
    }
}
