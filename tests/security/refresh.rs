//! The refresh protocol, step by step, and what a wrong clock does to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tieline_engine::wire::{ConnectionState, Tested};
use tieline_practice::Fault;

use crate::security::played::{self, Played, answer, yes};
use crate::stage::{Stage, json_of, keyring};

const DAY: i64 = 86_400;

async fn test(stage: &Stage, id: &str) -> Tested {
    stage
        .ask("test", json!({ "id": id }))
        .await
        .unwrap_or_else(|failure| panic!("{} {}", failure.message, failure.hint))
}

async fn refreshes(stage: &Stage, provider: &str) -> u64 {
    stage.practice.counts(provider).await.refreshes
}

/// A described service that is connected, with what it answers to renewals.
async fn played(
    stage: &Stage,
    renewal: impl Fn(usize) -> String + Send + Sync + 'static,
) -> (Played, String) {
    let round = AtomicUsize::new(0);
    let played = Played::start(move |heard| {
        Some(match heard.field("grant_type").as_deref() {
            Some("refresh_token") => renewal(round.fetch_add(1, Ordering::Relaxed)),
            _ => answer(200, &json!({ "access_token": "a0", "refresh_token": "r0", "expires_in": 3600 })),
        })
    })
    .await;
    let id = played.describe(stage).await;
    let flow = played::begin(stage, &id, json!({})).await;
    stage.bring(&yes(stage, &flow, "c").await).await;
    let connection = stage.ended(&flow).await.connection.expect("a connection");
    (played, connection)
}

fn renewals(played: &Played) -> Vec<String> {
    played.heard_at("/token").iter().filter_map(|heard| heard.field("refresh_token")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_r01_fifty_tasks_cause_one_refresh() {
    let stage = Arc::new(Stage::open().await);
    for provider in ["ZENDESK", "DROPBOX", "SLACK"] {
        let id = stage.connect(provider).await;
        for round in 1..=2 {
            stage.pass(100 * 3600).await;
            let before = refreshes(&stage, provider).await;
            let tasks: Vec<_> = (0..50)
                .map(|_| {
                    let (stage, id) = (Arc::clone(&stage), id.clone());
                    tokio::spawn(async move { test(&stage, &id).await.ok })
                })
                .collect();
            for task in tasks {
                assert!(task.await.expect("it ends"), "{provider}: everybody is served");
            }
            assert_eq!(refreshes(&stage, provider).await - before, 1, "{provider}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_a_token_is_renewed_when_five_minutes_or_a_tenth_are_left() {
    let stage = Stage::open().await;
    for (life, least) in [(1800, 300), (3600, 360), (36_000, 3600)] {
        let (played, id) = {
            let renewed = move |round: usize| {
                answer(200, &json!({ "access_token": format!("a{round}"), "expires_in": life }))
            };
            let (played, id) = played(&stage, renewed).await;
            // The first renewal gives the life that is looked at here.
            let _: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
            (played, id)
        };
        stage.clock.turn(life - least - 10);
        assert!(test(&stage, &id).await.ok);
        assert_eq!(renewals(&played).len(), 1, "{life}: too early");
        stage.clock.turn(12);
        assert!(test(&stage, &id).await.ok);
        assert_eq!(renewals(&played).len(), 2, "{life}: due");
        let _: serde_json::Value = stage.ask("disconnect", json!({ "id": id })).await.expect("an end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_after_a_failure_there_is_a_pause_and_a_living_token_is_used_meanwhile() {
    let stage = Stage::open().await;
    let down = |_: usize| answer(503, &json!({ "error": "temporarily_unavailable" }));
    let (played, id) = played(&stage, down).await;
    stage.clock.turn(3600 - 200);
    for _ in 0..5 {
        assert!(test(&stage, &id).await.ok, "the token lives for 200 seconds");
    }
    let first = renewals(&played).len();
    assert!((1..=5).contains(&first));

    // Dead by now, and the pause grows with each failure.
    stage.clock.turn(300);
    let mut tried = Vec::new();
    for _ in 0..6 {
        let before = renewals(&played).len();
        for _ in 0..3 {
            let tested = test(&stage, &id).await;
            assert!(
                !tested.ok && tested.row.state == ConnectionState::TemporarilyFailing,
                "{}",
                tested.words
            );
        }
        tried.push(renewals(&played).len() - before);
        stage.clock.turn(31);
    }
    assert!(tried.iter().all(|count| *count <= 1), "never twice within a pause: {tried:?}");
    assert!(tried.contains(&0), "a pause of 30 seconds has doubled: {tried:?}");
    stage.clock.turn(3601);
    let before = renewals(&played).len();
    assert!(!test(&stage, &id).await.ok);
    assert_eq!(renewals(&played).len(), before + 1, "no pause is longer than an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_retry_after_is_heeded() {
    let stage = Stage::open().await;
    let busy = |_: usize| {
        let plain = answer(429, &json!({ "error": "slow_down" }));
        plain.replacen("\r\n", "\r\nretry-after: 600\r\n", 1)
    };
    let (played, id) = played(&stage, busy).await;
    stage.clock.turn(3700);
    assert!(!test(&stage, &id).await.ok);
    assert_eq!(renewals(&played).len(), 1);
    stage.clock.turn(590);
    assert!(!test(&stage, &id).await.ok);
    assert_eq!(renewals(&played).len(), 1, "ten seconds too early");
    stage.clock.turn(15);
    assert!(!test(&stage, &id).await.ok);
    assert_eq!(renewals(&played).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r03_what_another_process_renewed_is_used_and_not_renewed_again() {
    let stage = Stage::open().await;
    let id = stage.connect("ZENDESK").await;
    let before = refreshes(&stage, "ZENDESK").await;
    let done = stage.run(&["refresh", &id, "--json"]).await;
    assert!(
        done.status.success() && json_of(&done)["ok"] == json!(true),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(refreshes(&stage, "ZENDESK").await, before + 1);
    // Zendesk's token of before is dead by now; whoever read the store again has the new one.
    assert!(test(&stage, &id).await.ok);
    assert_eq!(refreshes(&stage, "ZENDESK").await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r04_the_new_pair_is_stored_before_it_is_used_and_an_answer_without_a_refresh_token_keeps_the_old_one()
 {
    let stage = Stage::open().await;
    let renewed = |round: usize| match round {
        0 => answer(200, &json!({ "access_token": "a1", "expires_in": 3600 })),
        1 => answer(200, &json!({ "access_token": "a2", "refresh_token": "r2", "expires_in": 3600 })),
        _ => answer(200, &json!({ "access_token": "a3", "refresh_token": "", "expires_in": 3600 })),
    };
    let (played, id) = played(&stage, renewed).await;
    for (version, access, refresh) in [(2, "a1", "r0"), (3, "a2", "r2"), (4, "a3", "r2")] {
        let _: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
        let entries = keyring::entries(stage.folder.path());
        let ours: Vec<_> = entries.iter().filter(|(name, _)| name.starts_with("connection/")).collect();
        assert_eq!(ours.len(), 1, "the version before is gone");
        assert_eq!(*ours[0].0, format!("connection/{id}/{version}"));
        let pair: serde_json::Value = serde_json::from_str(ours[0].1).expect("a pair");
        assert_eq!((&pair["access"], &pair["refresh"]), (&json!(access), &json!(refresh)));
    }
    assert_eq!(renewals(&played), ["r0", "r0", "r2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r05_invalid_grant_parks_with_a_cause() {
    let stage = Stage::open().await;
    let dead =
        |_: usize| answer(400, &json!({ "error": "invalid_grant", "error_description": "Token is gone." }));
    let (played, id) = played(&stage, dead).await;
    stage.clock.turn(3700);
    for _ in 0..3 {
        let tested = test(&stage, &id).await;
        assert!(!tested.ok);
        assert_eq!(tested.row.state, ConnectionState::NeedsYou, "{}", tested.words);
        let problem = tested.problem.expect("a cause");
        assert!(
            !problem.why.is_empty() && problem.evidence.iter().any(|it| it.value.contains("invalid_grant")),
            "{problem:?}"
        );
    }
    let asked = renewals(&played);
    assert!(
        asked.len() <= 3 && asked.iter().all(|it| it == "r0"),
        "asked by the person, once each: {asked:?}"
    );
    assert_eq!(keyring::token_entries(stage.folder.path()).len(), 1, "nothing is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn r05_the_likely_cause_is_told_by_time() {
    let stage = Stage::open().await;
    // Zendesk forgets after 90 days without use; the same word means something else on the first day.
    let id = stage.connect("ZENDESK").await;
    stage.practice.set_fault("ZENDESK", Fault::TokenReused, None).await;
    let early: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("an answer");
    let early = early.problem.expect("a cause").code;
    stage.practice.clear_faults().await;
    let flow = stage
        .sign_in("ZENDESK", json!({ "reconnect": id }), &tieline_practice::visitor::Visit::default())
        .await;
    assert_eq!(flow.connection.as_deref(), Some(id.as_str()));
    stage.clock.turn(100 * DAY);
    stage.practice.set_fault("ZENDESK", Fault::TokenReused, None).await;
    let late: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("an answer");
    let late = late.problem.expect("a cause").code;
    assert_eq!(late, "idle", "after a hundred days");
    assert_ne!(early, "idle", "after a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn r06_a_refused_token_that_should_live_is_renewed_once_and_tried_once_more() {
    let stage = Stage::open().await;
    for provider in ["DROPBOX", "ZENDESK", "GMAIL", "SLACK"] {
        let id = stage.connect(provider).await;
        let before = stage.practice.counts(provider).await;
        stage.practice.set_fault(provider, Fault::ApiUnauthorized, Some(1)).await;
        assert!(test(&stage, &id).await.ok, "{provider}");
        let after = stage.practice.counts(provider).await;
        assert_eq!(after.refreshes - before.refreshes, 1, "{provider}");

        stage.practice.set_fault(provider, Fault::ApiUnauthorized, None).await;
        assert!(!test(&stage, &id).await.ok, "{provider}");
        stage.practice.clear_faults().await;
        let last = stage.practice.counts(provider).await;
        assert_eq!(last.refreshes - after.refreshes, 1, "{provider}: one more renewal, not a series");
        let asked = |counts: tieline_practice::Counts| counts.identifies + counts.api;
        assert_eq!(asked(last) - asked(after), 2, "{provider}: one more try, not a series");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r07_what_comes_near_its_idle_limit_is_renewed_at_start() {
    let mut stage = Stage::open().await;
    let id = stage.connect("ZENDESK").await;
    let before = refreshes(&stage, "ZENDESK").await;
    stage.pass(59 * 86_400).await;
    stage.reopen().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(refreshes(&stage, "ZENDESK").await, before, "more than a third of 90 days is left");
    stage.pass(2 * 86_400).await;
    stage.reopen().await;
    let until = Instant::now() + Duration::from_secs(10);
    while refreshes(&stage, "ZENDESK").await == before {
        assert!(Instant::now() < until, "nothing was renewed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let until = Instant::now() + Duration::from_secs(10);
    while stage.detail(&id).await.health.refreshes == 0 {
        assert!(Instant::now() < until, "the renewal was not stored");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stage.row(&id).await.state, ConnectionState::Working);
    assert_eq!(refreshes(&stage, "ZENDESK").await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_a_clock_that_is_a_day_wrong_neither_loses_nor_spams() {
    for (provider, wrong) in [("DROPBOX", DAY), ("DROPBOX", -DAY), ("SLACK", DAY), ("SLACK", -DAY)] {
        let mut stage = Stage::open().await;
        let id = stage.connect(provider).await;
        let before = refreshes(&stage, provider).await;
        // Wrong, then right again, each time with a restart, as after a visit to the BIOS.
        for turn in [wrong, -wrong] {
            stage.clock.turn(turn);
            stage.reopen().await;
            for _ in 0..5 {
                let tested = test(&stage, &id).await;
                assert!(
                    tested.ok && tested.row.state == ConnectionState::Working,
                    "{provider} {wrong}: {}",
                    tested.words
                );
            }
        }
        let spent = refreshes(&stage, provider).await - before;
        assert!(spent <= 1, "{provider} {wrong}: {spent} renewals where one would do");

        // A token that ran out while the clock was thought to be earlier is found out by its refusal.
        stage.clock.turn(-DAY);
        stage.pass(14 * 3600).await;
        let before = refreshes(&stage, provider).await;
        for _ in 0..5 {
            let tested = test(&stage, &id).await;
            assert!(tested.ok, "{provider} {wrong}: {}", tested.words);
        }
        assert_eq!(refreshes(&stage, provider).await - before, 1, "{provider} {wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_a_pause_noted_by_a_clock_that_ran_ahead_does_not_last_a_day() {
    let mut stage = Stage::open().await;
    let id = stage.connect("DROPBOX").await;
    stage.clock.turn(DAY);
    stage.practice.set_fault("DROPBOX", Fault::ServerError, None).await;
    let tested = test(&stage, &id).await;
    assert!(!tested.ok && tested.row.state == ConnectionState::TemporarilyFailing, "{}", tested.words);
    stage.practice.clear_faults().await;
    // The clock is put right. The provider is well again, and the token has run out meanwhile.
    stage.clock.turn(-DAY);
    stage.pass(14 * 3600).await;
    stage.reopen().await;
    let tested = test(&stage, &id).await;
    assert!(tested.ok && tested.row.state == ConnectionState::Working, "{}", tested.words);
}
