//! The program killed at every step of a refresh and of a sign-in: the old or the new token works afterwards, and
//! nothing stays behind.

#![cfg(unix)]

use crate::stage;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use stage::{Stage, json_of, keyring, terminal};
use tieline_engine::wire::{ConnectionRow, ConnectionState, Disconnected, FlowStep, Tested};
use tieline_practice::visitor::Visit;

/// Where `TIELINE_CRASH_AT` ends the program during a refresh, in the order in which they are passed.
const STEPS: [&str; 5] = ["call", "answer", "vault", "commit", "sweep"];

const ABORTED: i32 = 6;
const KILLED: i32 = 9;

/// Runs `tieline refresh` until it dies at this step.
async fn die_refreshing(stage: &Stage, id: &str, step: &str) {
    let mut command = stage.command(&["refresh", id]);
    command.env("TIELINE_CRASH_AT", step);
    let done = tokio::task::spawn_blocking(move || command.output().expect("the program runs"))
        .await
        .expect("it ends");
    assert_eq!(done.status.signal(), Some(ABORTED), "{step}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Waits until the keyring holds exactly the entry that the connection points to.
async fn only_its_entry_stays(stage: &Stage, id: &str, when: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let found = keyring::token_entries(stage.folder.path());
        if found == [stage.detail(id).await.secret.entry] {
            return;
        }
        assert!(Instant::now() < until, "{when}: the keyring holds {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn works(stage: &Stage, id: &str, when: &str) {
    let done = stage.run(&["test", id, "--json"]).await;
    assert!(done.status.success(), "{when}: {}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(json_of(&done)["ok"], json!(true), "{when}");
}

async fn renews(stage: &Stage, id: &str, when: &str) {
    let tested: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("an answer");
    assert!(tested.ok, "{when}: {}", tested.words);
}

/// Disconnects; the keyring holds nobody's tokens then.
async fn ends(stage: &Stage, id: &str) {
    let _: Disconnected = stage.ask("disconnect", json!({ "id": id })).await.expect("disconnected");
    assert!(keyring::token_entries(stage.folder.path()).is_empty());
}

/// Providers whose replaced refresh token goes on working, for a while or for good: every crash is healed.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_refresh_heals_where_the_provider_gives_leeway() {
    let mut stage = Stage::open().await;
    for provider in ["DROPBOX", "ONEDRIVE", "SLACK"] {
        let id = stage.connect(provider).await;
        for step in STEPS {
            let when = format!("{provider} at {step}");
            die_refreshing(&stage, &id, step).await;
            works(&stage, &id, &when).await;
            stage.reopen().await;
            renews(&stage, &id, &when).await;
            assert_eq!(stage.row(&id).await.state, ConnectionState::Working, "{when}");
            only_its_entry_stays(&stage, &id, &when).await;
        }
        ends(&stage, &id).await;
    }
}

/// A provider that ends the old refresh token with the answer that carries the new one. Killed before the request, the
/// old one works; killed once the new one is in the keyring, that one works. In the moment between, the only living
/// token was in the memory of the killed program: nobody can bring it back, and Tieline says so and keeps the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_a_strict_provider_heals_except_in_the_one_moment_in_which_nobody_could() {
    let mut stage = Stage::open().await;
    let provider = "ZENDESK";
    let id = stage.connect(provider).await;
    for step in STEPS {
        let when = format!("{provider} at {step}");
        let before = stage.detail(&id).await;
        die_refreshing(&stage, &id, step).await;
        stage.reopen().await;
        if step == "answer" || step == "vault" {
            let done = stage.run(&["test", &id]).await;
            assert_eq!(done.status.code(), Some(4), "{when}: somebody has to act");
            let row = stage.row(&id).await;
            assert_eq!(row.state, ConnectionState::NeedsYou, "{when}");
            let problem = row.problem.expect("a problem");
            assert!(
                !problem.happened.is_empty()
                    && !problem.why.is_empty()
                    && problem.press.label == "Sign in again",
                "{when}"
            );
            only_its_entry_stays(&stage, &id, &when).await;
            assert_eq!(
                stage.detail(&id).await.secret.entry,
                before.secret.entry,
                "{when}: nothing is deleted"
            );

            let flow = stage.sign_in(provider, json!({ "reconnect": id }), &Visit::default()).await;
            assert_eq!(flow.step, FlowStep::Connected, "{when}: {:?}", flow.problem);
            assert_eq!(flow.connection.as_deref(), Some(id.as_str()), "{when}: the connection is the same");
        }
        works(&stage, &id, &when).await;
        only_its_entry_stays(&stage, &id, &when).await;
    }
    ends(&stage, &id).await;
}

/// At moments spread over the whole of a refresh, wherever they fall.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_of_a_refresh_leaves_a_token_that_works() {
    const MOMENTS: u32 = 20;
    let mut stage = Stage::open().await;
    let id = stage.connect("SLACK").await;
    let begun = Instant::now();
    assert!(stage.run(&["refresh", &id]).await.status.success());
    let whole = begun.elapsed();
    let mut cut = 0;
    for moment in 0..MOMENTS {
        let when = format!("killed after {moment} of {MOMENTS} parts of {whole:?}");
        let mut child = stage
            .command(&["refresh", &id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        tokio::time::sleep(whole * moment / MOMENTS).await;
        child.kill().expect("it can be killed");
        cut += usize::from(child.wait().expect("it ends").signal() == Some(KILLED));
        works(&stage, &id, &when).await;
        renews(&stage, &id, &when).await;
    }
    assert!(cut >= 5, "only {cut} of {MOMENTS} were cut off");
    stage.reopen().await;
    only_its_entry_stays(&stage, &id, "after all").await;
}

/// Runs `tieline connect` until it ends or dies at this step.
async fn connect(stage: &Stage, more: &[&str], step: &str) -> ExitStatus {
    let mut command = stage.command(&[&["connect", "box", "--no-browser"], more].concat());
    command.env("TIELINE_CRASH_AT", step);
    terminal::connect(command).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_sign_in_leaves_what_was_before_or_the_whole_connection() {
    let mut stage = Stage::open().await;
    for step in ["vault", "commit", "sweep"] {
        assert_eq!(connect(&stage, &[], step).await.signal(), Some(ABORTED), "{step}");
        stage.reopen().await;
        let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
        if step == "sweep" {
            works(&stage, &rows[0].id, "the first sign-in at sweep").await;
            only_its_entry_stays(&stage, &rows[0].id, "the first sign-in at sweep").await;
            continue;
        }
        assert!(rows.is_empty(), "{step}: nothing was connected");
        let until = Instant::now() + Duration::from_secs(10);
        while !keyring::token_entries(stage.folder.path()).is_empty() {
            assert!(Instant::now() < until, "{step}: an entry stays that nothing points to");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // Signing in again: the earlier sign-in goes on until the new one is stored.
    let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
    let id = rows[0].id.clone();
    for step in ["vault", "commit", "sweep"] {
        let when = format!("signing in again, at {step}");
        assert_eq!(connect(&stage, &["--reconnect", &id], step).await.signal(), Some(ABORTED), "{when}");
        works(&stage, &id, &when).await;
        stage.reopen().await;
        works(&stage, &id, &when).await;
        only_its_entry_stays(&stage, &id, &when).await;
    }
    assert!(connect(&stage, &["--reconnect", &id], "nowhere").await.success());
    works(&stage, &id, "after all").await;
}
