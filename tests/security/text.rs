//! What providers write is text: nothing of it becomes markup, and nothing secret of it gets into a log.

use serde_json::{Value, json};
use tieline_engine::wire::{EventLine, FlowStep};
use tieline_practice::visitor::Visit;

use crate::security::played::{self, Played, answer, id_token, yes};
use crate::security::{parameter, with_parameter};
use crate::stage::{Stage, keyring};

const MARKUP: [&str; 10] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "{@html '<b>'}{1+1}",
    "javascript:alert(1)",
    "</title><body onload=alert(1)>",
    "&lt;b&gt; &amp; &#60;",
    "\u{202e}gnp.exe",
    "'; drop table connection; --",
    "\u{1b}[31mred\u{7}\r\nSet-Cookie: a=b",
];

/// The page puts text into text nodes: markup is rendered in one place, and there it is our own picture.
#[test]
fn s31_the_page_renders_markup_of_ours_only() {
    fn walk(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push((
                    path.to_string_lossy().replace('\\', "/"),
                    std::fs::read_to_string(&path).unwrap_or_default(),
                ));
            }
        }
    }
    let mut files = Vec::new();
    walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src"), &mut files);
    assert!(files.len() > 40, "{} files", files.len());
    let mut renders = Vec::new();
    for (name, text) in &files {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "createContextualFragment",
            "DOMParser",
            "eval(",
            "new Function",
            "srcdoc",
        ] {
            assert!(!text.contains(word), "{name}: {word}");
        }
        renders.extend(text.matches("{@html").map(|_| name.rsplit('/').next().unwrap_or_default()));
    }
    assert_eq!(renders, ["Tile.svelte"]);
    let tile = files
        .iter()
        .find(|(name, _)| name.ends_with("parts/Tile.svelte"))
        .map(|(_, text)| text.as_str())
        .expect("a tile");
    assert!(tile.contains("{@html icon}"));
    // The picture is looked up among those that were built in, by the provider's name.
    let icon = tile.lines().find(|line| line.contains("icon =")).expect("where the picture comes from");
    assert!(icon.contains("brands[") || icon.contains("brand("), "{icon}");
    let brands = files
        .iter()
        .find(|(name, _)| name.ends_with("parts/brands.ts"))
        .map(|(_, text)| text.as_str())
        .expect("brands");
    assert!(!brands.contains("fetch(") && !brands.contains("/api/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_names_and_error_texts_with_markup_stay_text() {
    let stage = Stage::open().await;
    let played = Played::start(|heard| {
        let code = heard.field("code").unwrap_or_default();
        let name = code.strip_prefix("name-").and_then(|at| at.parse::<usize>().ok()).map(|at| MARKUP[at]);
        Some(match name {
            Some(name) => answer(
                200,
                &json!({ "access_token": "a", "id_token": id_token(&json!({ "sub": code, "name": name, "email": name })) }),
            ),
            None => {
                let at: usize = code.strip_prefix("error-").and_then(|at| at.parse().ok()).unwrap_or(0);
                answer(400, &json!({ "error": MARKUP[at], "error_description": MARKUP[at] }))
            }
        })
    })
    .await;
    let id = played.describe(&stage).await;
    let without_controls = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).collect() };
    for (at, markup) in MARKUP.iter().enumerate() {
        let flow = played::begin(&stage, &id, json!({})).await;
        stage.bring(&yes(&stage, &flow, &format!("name-{at}")).await).await;
        let flow = stage.ended(&flow).await;
        let row = stage.row(&flow.connection.unwrap_or_else(|| panic!("{markup}: {:?}", flow.problem))).await;
        assert_eq!(
            row.account.name,
            without_controls(markup),
            "the same letters, neither escaped nor obeyed"
        );
        assert_eq!(row.name, row.account.name);
        let shown = stage.run(&["show", &row.id]).await;
        assert!(
            !shown.stdout.contains(&0x1b) && !shown.stdout.contains(&0x07),
            "{markup:?} reaches the terminal"
        );

        let flow = played::begin(&stage, &id, json!({})).await;
        stage.bring(&yes(&stage, &flow, &format!("error-{at}")).await).await;
        let flow = stage.ended(&flow).await;
        let problem = flow.problem.expect("a problem");
        let all = serde_json::to_string(&problem).expect("JSON");
        assert!(
            flow.step == FlowStep::Failed && !all.contains("\\u001b") && !all.contains("\\u0007"),
            "{all}"
        );
    }
    let events: Vec<EventLine> = stage.ask("events", json!({ "limit": 500 })).await.expect("events");
    assert!(events.iter().any(|it| it.words.contains("<script>alert(1)</script>")), "text is kept as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_the_listener_s_page_repeats_nothing_that_came() {
    let stage = Stage::open().await;
    for markup in MARKUP {
        let flow = stage.begin("BOX", json!({ "way": "loopback" })).await;
        let back = stage.visit(&flow, &Visit { cancel: true, ..Visit::default() }).await;
        let back = with_parameter(&with_parameter(&back, "error", markup), "error_description", markup);
        let reply = tieline_practice::client::send("GET", &back, &[("accept", "text/html")], b"")
            .await
            .expect("an answer");
        let page = String::from_utf8(reply.body).expect("text");
        assert!(page.contains("<h1>Not connected</h1>"), "{page}");
        let plain = markup.trim_matches(|c: char| c.is_control());
        assert!(!page.contains(plain) && !page.contains("alert(1)"), "{markup}");
        assert!(reply.headers.iter().all(|(name, _)| name != "set-cookie"));
        assert!(matches!(stage.ended(&flow).await.step, FlowStep::Refused | FlowStep::Failed));
    }
}

/// All secrets of one stage: tokens, client secrets, codes and states as they come up.
fn secrets(stage: &Stage) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in keyring::entries(stage.folder.path()) {
        match serde_json::from_str::<Value>(&text) {
            Ok(pair) if name.starts_with("connection/") => {
                found.extend(
                    [&pair["access"], &pair["refresh"]]
                        .into_iter()
                        .filter_map(|it| it.as_str().map(str::to_owned)),
                );
            }
            _ => found.push(text),
        }
    }
    found
}

/// The whole program at its most talkative: every crate's lines, sign-in, renewal, test and end.
#[tokio::test(flavor = "multi_thread")]
async fn s32_no_log_line_holds_a_code_a_state_a_token_or_a_secret() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let stage = Stage::open().await;
    stage.take_own_port().await;
    let mut lines = String::new();
    let mut secret = Vec::new();
    for provider in ["DROPBOX", "SLACK", "GMAIL", "ZENDESK", "ZOTERO"] {
        let mut words =
            vec!["connect".to_owned(), provider.to_owned(), "--no-browser".to_owned(), "--json".to_owned()];
        for (key, value) in stage.inputs(provider).as_object().expect("inputs") {
            words.extend(["--input".to_owned(), format!("{key}={}", value.as_str().unwrap_or_default())]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = stage.command(&words);
        let mut running = command
            .env("TIELINE_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut talk = BufReader::new(running.stderr.take().expect("stderr"));
        let link: url::Url = loop {
            let mut line = String::new();
            assert!(talk.read_line(&mut line).expect("a line") > 0, "{provider}: no link: {lines}");
            // The address to open is for the person, who has to see it; it is no log line.
            match line.trim().parse() {
                Ok(link) => break link,
                Err(_) => lines.push_str(&line),
            }
        };
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            talk.read_to_string(&mut rest).expect("text");
            rest
        });
        let back = Visit::default().answer(&link).await.expect("a way back");
        for name in ["code", "state", "oauth_verifier"] {
            secret.extend(parameter(&back, name));
        }
        assert!(
            back.path().starts_with("/integrations/"),
            "{provider}: it comes to the program itself: {back}"
        );
        stage.bring(&back).await;
        let done = tokio::task::spawn_blocking(move || running.wait_with_output().expect("it ends"))
            .await
            .expect("it ends");
        lines.push_str(&rest.join().expect("it is read"));
        assert!(done.status.success(), "{provider}: {lines}");
        let detail: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let id = detail["row"]["id"].as_str().expect("an id").to_owned();
        secret.extend(secrets(&stage));
        for words in [vec!["refresh", &id], vec!["test", &id], vec!["disconnect", &id, "--yes"]] {
            let mut command = stage.command(&words);
            command.env("TIELINE_LOG", "trace").stdin(Stdio::null());
            let done = tokio::task::spawn_blocking(move || command.output().expect("it runs"))
                .await
                .expect("it ends");
            lines.push_str(&String::from_utf8_lossy(&done.stderr));
            secret.extend(secrets(&stage));
        }
    }
    assert!(lines.lines().count() > 200, "it was talkative: {lines}");
    secret.retain(|it| it.len() >= 8);
    secret.sort();
    secret.dedup();
    assert!(secret.len() > 15, "{}", secret.len());
    for secret in &secret {
        let line = lines.lines().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
    assert!(!lines.to_ascii_lowercase().contains("bearer "), "an Authorization header was logged");
}

/// What comes to the listener from outside is logged by its names alone; an answer that was encoded twice is nothing but
/// a name. Without the redactor its code would stand in the log.
#[tokio::test(flavor = "multi_thread")]
async fn s32_every_log_line_passes_the_redactor() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let stage = Stage::open().await;
    stage.take_own_port().await;
    let mut running = stage
        .command(&["connect", "BOX", "--no-browser", "--json"])
        .env("TIELINE_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut talk = BufReader::new(running.stderr.take().expect("stderr"));
    let mut lines = String::new();
    let link: url::Url = loop {
        let mut line = String::new();
        assert!(talk.read_line(&mut line).expect("a line") > 0, "no link: {lines}");
        match line.trim().parse() {
            Ok(link) => break link,
            Err(_) => lines.push_str(&line),
        }
    };
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        talk.read_to_string(&mut rest).expect("text");
        rest
    });
    let back = Visit::default().answer(&link).await.expect("a way back");
    let mut twice = back.clone();
    twice.set_query(Some(
        "code%3Dplanted-code%26state%3Dplanted-state&anna%40acme.example&eyJhbGciOiJub25lIn0.planted",
    ));
    stage.bring(&twice).await;
    stage.bring(&back).await;
    let done = tokio::task::spawn_blocking(move || running.wait_with_output().expect("it ends"))
        .await
        .expect("it ends");
    lines.push_str(&rest.join().expect("it is read"));
    assert!(done.status.success(), "{lines}");
    let line = lines.lines().find(|line| line.contains("an unexpected return")).expect("the line is there");
    assert!(line.contains("code=…"), "{line}");
    for planted in ["planted", "anna", "eyJ"] {
        assert!(!lines.contains(planted), "{line}");
    }
    // Both programs that log do it through the redactor, wherever their lines go.
    for face in [include_str!("../../crates/cli/src/main.rs"), include_str!("../../src-tauri/src/log.rs")] {
        let face = face.split("#[cfg(test)]").next().unwrap_or_default();
        for writer in face.split(".with_writer(").skip(1) {
            let redacted = writer.starts_with("|| ") && writer.contains("Redacted::new(std::io::stderr())")
                || writer.starts_with("Mutex::new(file)")
                    && face.contains("-> std::io::Result<Redacted<File>>");
            assert!(redacted, "{writer}");
        }
        assert!(face.contains("tracing_subscriber::fmt()") && face.contains(".with_writer("));
    }
}
