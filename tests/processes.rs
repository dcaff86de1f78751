//! However many ask at once, in one process or in several: one expired token causes one refresh.

use crate::stage;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::Clock;
use tieline_engine::wire::{Change, Tested};
use tokio::sync::broadcast;

const PROCESSES: u32 = 4;
const TASKS: u32 = 50;

/// Names this test to the processes it starts of itself, and tells them what to ask for.
const WORK: &str = "TIELINE_TEST_WORK";

/// Asks so many times at once for the connection to be used, and yields how many got an answer from the provider.
async fn ask_at_once(app: &tieline_engine::App, id: &str) -> u32 {
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (app, id) = (app.clone(), id.to_owned());
            tokio::spawn(async move { app.call("test", json!({ "id": id })).await })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        let answer = task.await.expect("the task ends").expect("an answer");
        let tested: Tested = serde_json::from_value(answer).expect("of its type");
        assert!(tested.ok, "{}", tested.words);
        good += 1;
    }
    good
}

/// Each process is this very test, started again with its work in the environment.
#[tokio::test(flavor = "multi_thread")]
async fn four_processes_with_fifty_tasks_each_refresh_once() {
    if let Ok(work) = std::env::var(WORK) {
        return work_as_one_of_four(&serde_json::from_str(&work).expect("the work")).await;
    }
    // One that rotates strictly: a second refresh with the same token would end in a refusal.
    let provider = "ZENDESK";
    let stage = Stage::open().await;
    stage.practice.set_rules(provider, json!({ "access_seconds": 900 })).await;
    let id = stage.connect(provider).await;
    stage.pass(1000).await;
    let before = stage.practice.counts(provider).await;

    let go = stage.folder.path().join("go");
    let work = json!({
        "data": stage.folder.path(), "practice": stage.practice.control(), "ahead": 1000, "id": id, "go": go,
    });
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe().expect("this program"))
                .args([
                    "--exact",
                    "processes::four_processes_with_fifty_tasks_each_refresh_once",
                    "--nocapture",
                ])
                .env(WORK, work.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it runs")
        })
        .collect();
    // All four are ready before any begins.
    for child in &children {
        stage::until("a process to be ready", || go.with_extension(child.id().to_string()).exists()).await;
    }
    std::fs::write(&go, "").expect("the sign to begin");
    for child in children {
        let done = tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .expect("it ends")
            .expect("it ends");
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
        assert!(told.contains(&format!("{TASKS} tasks were answered")), "{told}");
    }
    let after = stage.practice.counts(provider).await;
    assert_eq!(after.refreshes - before.refreshes, 1);
    assert_eq!(after.identifies - before.identifies, u64::from(PROCESSES * TASKS), "each task really asked");
    assert_eq!(after.refused, before.refused);
}

async fn work_as_one_of_four(work: &Value) {
    let text = |key: &str| work[key].as_str().expect("text").to_owned();
    let practice = tieline_practice::join(text("practice").parse().expect("an address"))
        .await
        .expect("practice answers");
    let clock = Clock::system();
    clock.turn(work["ahead"].as_i64().expect("a number"));
    let app = stage::open(&practice, text("data").as_ref(), &clock).await.expect("the product opens");
    let go = std::path::PathBuf::from(text("go"));
    std::fs::write(go.with_extension(std::process::id().to_string()), "").expect("the sign to be ready");
    stage::until("the sign to begin", || go.exists()).await;
    let answered = ask_at_once(&app, &text("id")).await;
    writeln!(std::io::stdout(), "{answered} tasks were answered").expect("the parent listens");
}

/// Fixed, repeated, replaced with and without leeway: all kinds of refresh tokens.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_tasks_of_one_process_refresh_once_with_every_kind_of_refresh_token() {
    let stage = Stage::open().await;
    let providers = [
        "BOX",
        "CONFLUENCE",
        "DROPBOX",
        "GMAIL",
        "GONG",
        "NOTION",
        "ONEDRIVE",
        "SALESFORCE",
        "SERVICENOW",
        "SLACK",
        "ZENDESK",
    ];
    let mut ahead = 0;
    for provider in providers {
        stage.practice.set_rules(provider, json!({ "access_seconds": 900 })).await;
        let id = stage.connect(provider).await;
        let before = stage.practice.counts(provider).await;
        ahead += 1000;
        stage.clock.turn(1000);
        stage.practice.set_clock_ahead(ahead).await;
        assert_eq!(ask_at_once(&stage.app, &id).await, TASKS);
        let after = stage.practice.counts(provider).await;
        assert_eq!(after.refreshes - before.refreshes, 1, "{provider}");
        assert!(
            after.identifies - before.identifies >= u64::from(TASKS),
            "{provider}: each task really asked"
        );
    }
}

/// The clock says that the token lives and the provider says no, fifty times.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_fifty_tasks_meet_causes_one_refresh() {
    let stage = Stage::open().await;
    let provider = "ZENDESK";
    let id = stage.connect(provider).await;
    let before = stage.practice.counts(provider).await;
    stage.practice.set_clock_ahead(30 * 86_400).await;
    assert_eq!(ask_at_once(&stage.app, &id).await, TASKS);
    let after = stage.practice.counts(provider).await;
    assert_eq!(after.refreshes - before.refreshes, 1);
    assert!(after.refused > before.refused, "the provider said no");
}

/// What a terminal does shows in an open window a moment later; what the window does itself is told as itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_writes_is_noticed_and_what_this_one_writes_is_not() {
    let stage = Stage::open().await;
    let id = stage.connect("NOTION").await;
    let mut changes = stage.app.changes();
    let _: Value = stage.ask("rename", json!({ "id": id, "name": "By the window" })).await.expect("renamed");
    let mine = told_for(&mut changes, Duration::from_secs(3)).await;
    assert!(mine.iter().any(|change| matches!(change, Change::Connection { .. })), "{mine:?}");
    assert!(!mine.iter().any(|change| matches!(change, Change::Elsewhere)), "{mine:?}");

    let done = stage.run(&["rename", &id, "By the terminal"]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let theirs = told_for(&mut changes, Duration::from_secs(3)).await;
    assert!(theirs.iter().any(|change| matches!(change, Change::Elsewhere)), "{theirs:?}");
    assert_eq!(stage.row(&id).await.name, "By the terminal");
}

/// What is told during a time.
async fn told_for(changes: &mut broadcast::Receiver<Change>, time: Duration) -> Vec<Change> {
    let mut told = Vec::new();
    let end = tokio::time::Instant::now() + time;
    while let Ok(change) = tokio::time::timeout_at(end, changes.recv()).await {
        told.push(change.expect("nothing is missed"));
    }
    told
}
