//! Whatever comes in malformed changes nothing and brings nothing down: deep links, callbacks, provider files.
//! What a provider's replies may hold is tried beside their readers, in the engine's `oauth`.

use crate::stage;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use stage::Stage;
use tieline_catalog::{BUILT_IN, Catalogue, normalise};
use tieline_engine::wire::{Flow, FlowStep};
use tieline_practice::visitor::Visit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use url::Url;

fn runner() -> TestRunner {
    TestRunner::new(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })
}

/// A sign-in that waits, and the genuine answer that would end it.
async fn waiting(way: &str) -> (Stage, Flow, Url) {
    let stage = Stage::open().await;
    let flow = stage.begin("ONEDRIVE", json!({ "way": way })).await;
    let genuine = stage.visit(&flow, &Visit::default()).await;
    (stage, flow, genuine)
}

async fn step(stage: &Stage, flow: &Flow) -> FlowStep {
    let now: Flow = stage.ask("flow", json!({ "id": flow.id })).await.expect("the flow is known");
    now.step
}

/// How an answer is spoilt: where, and with what.
fn spoilt(genuine: &Url, how: usize, at: usize, with: char) -> String {
    let text = genuine.to_string();
    let (front, state) = text.split_once("state=").expect("an answer holds a state");
    let (state, rest) = state.split_once('&').map_or((state, ""), |(state, rest)| (state, rest));
    let at = at % state.len();
    let other = if with == state.as_bytes()[at] as char { '_' } else { with };
    match how {
        0 => format!("{front}state={}{}&{rest}", &state[..at], &state[at + 1..]),
        1 => format!("{front}state={}{}&{rest}", &state[..at], "x".repeat(at)),
        2 => format!("{front}state={state}&state={state}&{rest}"),
        3 => format!("{front}state={}{other}{}&{rest}", &state[..at], &state[at..]),
        4 => text.replace("/integrations/", &format!("/integrations{other}")),
        5 => text.replace("onedrive?", &format!("onedrive{other}?")),
        6 => text.replace("onedrive?", "gmail?"),
        7 => format!("{front}STATE={state}&{rest}"),
        8 => format!("{front}state={}", &state[..at]),
        _ => format!("{other}{text}"),
    }
}

#[test]
fn spoilt_deep_links_and_pasted_addresses_change_nothing() {
    let runtime = Runtime::new().expect("a runtime");
    let (stage, flow, genuine) = runtime.block_on(waiting("deep_link"));
    // Control characters and blanks around an address are not part of it.
    let odd = "[^a-zA-Z0-9?#/\\\\\\s\\p{C}]";
    let spoilt = (0..10_usize, any::<usize>(), odd).prop_map({
        let genuine = genuine.clone();
        move |(how, at, with)| spoilt(&genuine, how, at, with.chars().next().unwrap_or('%'))
    });
    let anything = prop_oneof![
        3 => spoilt,
        1 => any::<String>(),
        1 => "app\\.tieline\\.desktop:/{0,3}[a-z/]{0,20}[?&=%#a-z0-9]{0,40}",
        1 => "https?://[a-z0-9.:@\\[\\]]{0,20}/integrations/onedrive\\?state=[a-z%0-9]{0,8}",
    ];
    runner()
        .run(&anything, |address| {
            let (pasted, step) = runtime.block_on(async {
                stage.app.deliver(&address);
                let pasted = stage.ask::<Flow>("paste", json!({ "id": flow.id, "address": address })).await;
                (pasted.err().and_then(|failure| failure.field), step(&stage, &flow).await)
            });
            prop_assert_eq!(pasted.as_deref(), Some("address"), "{}", address);
            prop_assert_eq!(step, FlowStep::Waiting, "{}", address);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        stage.bring(&genuine).await;
        assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected, "the genuine answer still does");
    });
}

/// Sends bytes to the listener and hears it out.
async fn say(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    // It may hang up on us in the middle of nonsense.
    let _cut_off = stream.write_all(bytes).await;
    let _cut_off = stream.shutdown().await;
    let mut answer = Vec::new();
    let heard = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(heard.is_ok(), "it neither answers nor hangs up");
    answer
}

#[test]
fn bytes_at_the_loopback_listener_change_nothing() {
    let runtime = Runtime::new().expect("a runtime");
    let (stage, flow, genuine) = runtime.block_on(waiting("loopback"));
    let port = genuine.port().expect("a port");
    let target = format!("{}?{}", genuine.path(), genuine.query().unwrap_or_default());
    let pieces = (
        prop_oneof![Just("GET"), Just("POST"), Just("get"), Just(""), Just("OPTIONS")],
        prop_oneof![Just(target.clone()), Just(format!("http://127.0.0.1:{port}{target}")), "/[ -~]{0,60}"],
        prop_oneof![Just("HTTP/1.1"), Just("HTTP/2"), Just("HTTP/1.1 x"), Just("")],
        prop_oneof![
            Just(format!("Host: 127.0.0.1:{port}")),
            Just(format!("Host: localhost.evil.example:{port}")),
            Just(format!("Host: 127.0.0.1:{port}\r\nHost: evil.example")),
            "Host: [ -~]{0,30}",
            "[ -~]{0,30}",
        ],
        prop_oneof![Just("\r\n\r\n"), Just("\n\n"), Just("\r\n"), Just("")],
    );
    let right = (target.clone(), format!("Host: 127.0.0.1:{port}"));
    let near = pieces
        .prop_filter("not the genuine one", move |(method, target, version, host, end)| {
            !(*method == "GET"
                && *version == "HTTP/1.1"
                && *end == "\r\n\r\n"
                && *target == right.0
                && *host == right.1)
        })
        .prop_map(|(method, target, version, host, end)| {
            format!("{method} {target} {version}\r\n{host}{end}").into_bytes()
        });
    let bytes = prop_oneof![
        3 => near,
        2 => proptest::collection::vec(any::<u8>(), 0..2000),
        1 => (1..40_usize).prop_map(|times| "GET /integrations/onedrive?".repeat(times * 40).into_bytes()),
    ];
    runner()
        .run(&bytes, |bytes| {
            let (answer, step) =
                runtime.block_on(async { (say(port, &bytes).await, step(&stage, &flow).await) });
            let head = String::from_utf8_lossy(&answer).into_owned();
            prop_assert!(head.is_empty() || head.starts_with("HTTP/1.1 4"), "{}", head);
            prop_assert_eq!(step, FlowStep::Waiting);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        stage.bring(&genuine).await;
        assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected, "the genuine answer still does");
    });
}

/// A built-in file with something done to one of its lines.
fn mutated(text: &str, how: usize, line: usize, with: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = line % lines.len();
    let key = lines[at].split_once('=').map(|(key, _)| key.trim().to_owned());
    match (how, key) {
        (0, _) => drop(lines.remove(at)),
        (1, _) => lines.insert(at, lines[at].clone()),
        (2, _) => lines.truncate(at),
        (3, _) => lines.insert(at, with.to_owned()),
        (4, Some(key)) => lines[at] = format!("{key} = {with}"),
        (5, Some(key)) => lines[at] = format!("{key} = {}", toml::Value::from(with)),
        (6, Some(key)) => lines[at] = format!("{key}x = 1"),
        (7, Some(key)) => lines[at] = format!("{key} = []"),
        _ => {
            let cut = lines[at].char_indices().nth(line % 7).map_or(lines[at].len(), |(cut, _)| cut);
            lines[at].truncate(cut);
        }
    }
    lines.join("\n")
}

#[test]
fn mutated_provider_files_are_read_or_refused_in_words() {
    let cases = (0..BUILT_IN.len(), 0..9_usize, any::<usize>(), "[ -~]{0,24}|\\PC{0,8}|-?[0-9]{1,20}|true");
    let mut refused = 0;
    let counted = std::cell::RefCell::new(&mut refused);
    runner()
        .run(&cases, |(file, how, line, with)| {
            let text = mutated(BUILT_IN[file].1, how, line, &with);
            match Catalogue::parse(&text) {
                Ok(provider) => {
                    // What was taken must hold in use, whatever is typed.
                    let typed: BTreeMap<String, String> =
                        provider.inputs.iter().map(|input| (input.key.clone(), with.clone())).collect();
                    let read = normalise(&provider, &typed);
                    provider.inputs.iter().for_each(|input| drop(read.preview(input)));
                }
                Err(says) => {
                    **counted.borrow_mut() += 1;
                    let keys = [
                        "id `",
                        "color",
                        "pkce",
                        "request_url",
                        "redirect",
                        "api_hosts",
                        "browser_hosts",
                        "input ",
                        "https://",
                        "identify",
                        "account",
                        "revoke",
                        "host",
                        "lifetime",
                    ];
                    let told = says.contains("line ") || keys.iter().any(|key| says.contains(key));
                    prop_assert!(told, "neither line nor key: {}", says);
                }
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(refused > 20, "the mutations are mostly harmless: {refused}");
}

#[test]
fn a_broken_file_of_the_organisation_leaves_the_others_usable() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut stage = Stage::open().await;
        let providers = stage.folder.path().join("practice/providers");
        std::fs::create_dir_all(&providers).expect("a folder");
        std::fs::write(providers.join("broken.toml"), "id = \"BROKEN\"\nname = ").expect("a file");
        std::fs::write(providers.join("bytes.toml"), [0xff, 0xfe, 0x00]).expect("a file");
        stage.reopen().await;
        let checks: tieline_engine::wire::Checks = stage.ask("doctor", json!({})).await.expect("checks");
        let catalogue =
            checks.checks.iter().find(|check| check.key == "catalogue").expect("the catalogue is checked");
        assert!(
            !catalogue.ok
                && ["broken.toml", "bytes.toml", "line 2"].iter().all(|it| catalogue.words.contains(it)),
            "{}",
            catalogue.words
        );
        stage.connect("ONEDRIVE").await;
    });
}
