//! Connections to the loopback API: programs that hang up, that say nothing, and that take more than their share.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::program::GROUPS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::api::Api;
use crate::stage::place::{Place, Served};

/// Asks again until it is so.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_asked_for_is_done_and_noted_when_it_hangs_up() {
    let api = Api::open().await;
    let connection = api.stage.connect("BOX").await;
    let every: Vec<&str> = GROUPS.iter().map(|(name, ..)| *name).collect();
    let key = api.key(json!({ "name": "A", "operations": every })).await;
    let before = api.stage.practice.counts("BOX").await.refreshes;
    let (port, body) = (api.server.port(), json!({ "id": connection }).to_string());
    let ask = format!(
        "POST /v1/refresh HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n\
         {body}",
        key.secret,
        body.len()
    );
    let noted = until("the use to be noted", async || {
        // Where the end is seen together with the request, nothing is begun: it is asked again.
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        stream.write_all(ask.as_bytes()).await.expect("it is taken");
        drop(stream);
        let uses: Vec<Value> = api.stage.ask("key_uses", json!({ "id": key.key.id })).await.expect("uses");
        uses.into_iter().find(|it| it["what"] == "refresh" && it["status"] == 200)
    })
    .await;
    assert_eq!(noted["connection"], connection.as_str());
    assert!(api.stage.practice.counts("BOX").await.refreshes > before, "it was done");
}

/// Opens a stream of changes: its status, and the stream.
async fn stream(api: &Api, key: &str) -> (u16, TcpStream) {
    let port = api.server.port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let ask =
        format!("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("it is taken");
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.expect("an answer");
    (String::from_utf8_lossy(&head[9..]).parse().expect("a status"), stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_so_many_streams_and_gets_them_back_when_it_leaves() {
    let api = Api::open().await;
    let key = api.key(json!({ "name": "A" })).await.secret;
    let mut open = Vec::new();
    for _ in 0..16 {
        let (status, stream) = stream(&api, &key).await;
        assert_eq!(status, 200);
        open.push(stream);
    }
    let answer = api.ask("GET /v1/events", &[&format!("Authorization: Bearer {key}")], "").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (429, Some("too_many_requests")));
    assert!(answer.body.contains("Close one"), "{}", answer.body);
    let other = api.key(json!({ "name": "B" })).await.secret;
    assert_eq!(stream(&api, &other).await.0, 200, "another key is not hindered");
    open.pop();
    until("the place of the stream that was left", async || {
        let (status, stream) = stream(&api, &key).await;
        (status == 200).then_some(stream)
    })
    .await;
}

/// More connections than the process may open files, each silent.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_keep_nobody_out() {
    let place = Place::open().await;
    let connected = place.command(&["connect", "box", "--no-browser", "--json"]);
    let done = crate::stage::terminal::connect(connected).await;
    let id = crate::stage::json_of(&done)["row"]["id"].as_str().expect("an id").to_owned();
    let serve = place.command(&["serve", "--port", "0", "--no-browser"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 200; ulimit -S -n 60; exec \"$@\"", "sh"])
        .arg(serve.get_program())
        .args(serve.get_args());
    let served = Served::start(command).await;
    let port = served.address("/").port().expect("a port");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.child.id())).expect("its limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(files.split_whitespace().nth(3), Some("200"), "it takes what it may have: {files}");
    let mut silent = Vec::new();
    for _ in 0..250 {
        silent.push(TcpStream::connect(("127.0.0.1", port)).await.expect("it is taken, or waits"));
    }
    let renewed = served.call("refresh", json!({ "id": id })).await.expect("a renewal");
    assert_eq!(renewed["ok"], json!(true), "{renewed}");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_prints_a_key_only_when_it_is_asked_to() {
    let place = Place::open().await;
    let mut command = place.command(&["serve", "--port", "0", "--no-browser"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its words"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    let said: Value = serde_json::from_str(&line).expect("JSON");
    let url: url::Url = said["url"].as_str().expect("an address").parse().expect("an address");
    assert_eq!((url.host_str(), url.fragment()), (Some("127.0.0.1"), None), "{line}");
}
