//! What is done with tokens once they are there: permissions, where they lie, and how they end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tieline_engine::wire::{ConnectionRow, Disconnected, FlowStep};
use tieline_practice::visitor::Visit;

use crate::security::played::{self, Played, answer, metadata, origin_of, raw, yes};
use crate::security::providers;
use crate::stage::{Stage, keyring};

#[tokio::test(flavor = "multi_thread")]
async fn s21_what_was_not_granted_is_stored_and_seen() {
    let stage = Stage::open().await;
    let all = Visit::default();
    for provider in ["CONFLUENCE", "DROPBOX", "SLACK"] {
        let less = Visit { fault: Some(tieline_practice::Fault::UntickedScope), ..Visit::default() };
        let flow = stage.sign_in(provider, json!({}), &less).await;
        assert_eq!(flow.step, FlowStep::Connected, "{provider}: {:?}", flow.problem);
        let [missing] = &flow.missing[..] else { panic!("{provider}: {:?}", flow.missing) };
        assert!(!missing.meaning.is_empty(), "{provider}: told at once, in words");
        let scope = missing.name.as_str();
        let id = flow.connection.expect("a connection");
        let detail = stage.detail(&id).await;
        assert_eq!(detail.row.missing_scopes, 1, "{provider}: seen in the list");
        let permission =
            detail.permissions.iter().find(|it| it.name == scope).expect("the permission is listed");
        assert_eq!((permission.asked, permission.granted), (true, Some(false)), "{provider}");
        assert!(
            detail.events.iter().any(|it| it.kind == "scopes_changed"),
            "{provider}: {:?}",
            detail.events
        );

        let flow = stage.sign_in(provider, json!({ "reconnect": id }), &all).await;
        assert!(flow.step == FlowStep::Connected && flow.missing.is_empty(), "{provider}");
        let detail = stage.detail(&id).await;
        assert_eq!(detail.row.missing_scopes, 0, "{provider}");
        assert!(
            detail.permissions.iter().filter(|it| it.asked).all(|it| it.granted != Some(false)),
            "{provider}"
        );
    }
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_tokens_are_in_the_keyring_and_in_no_file_and_no_answer() {
    let stage = Stage::open().await;
    let mut ids = Vec::new();
    for provider in providers() {
        ids.push(stage.connect(&provider.id).await);
    }
    let mut secrets = Vec::new();
    for (name, text) in keyring::entries(stage.folder.path()) {
        if name.starts_with("connection/") {
            let pair: Value = serde_json::from_str(&text).expect("a pair");
            secrets.extend(
                [&pair["access"], &pair["refresh"]]
                    .into_iter()
                    .filter_map(|it| it.as_str().map(str::to_owned)),
            );
        } else {
            secrets.push(text);
        }
    }
    assert!(secrets.len() >= 17 + 10, "{} secrets are in the keyring", secrets.len());
    assert!(secrets.iter().all(|it| it.len() >= 8));

    let mut answers = Vec::new();
    for name in ["status", "settings", "providers", "apps", "flows", "connections", "events", "doctor"] {
        answers
            .push((name.to_owned(), stage.app.call(name, json!({})).await.expect("an answer").to_string()));
    }
    for id in &ids {
        answers.push((
            format!("connection {id}"),
            stage.app.call("connection", json!({ "id": id })).await.expect("an answer").to_string(),
        ));
    }
    let files = files(stage.folder.path());
    assert!(
        files.iter().any(|(path, _)| path.ends_with("practice/tieline.db")),
        "the database is among them"
    );
    for secret in &secrets {
        for (path, bytes) in &files {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{} holds a secret",
                path.display()
            );
        }
        for (name, answer) in &answers {
            assert!(!answer.contains(secret.as_str()), "{name} gives out a secret");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_a_refusal_parks_and_deletes_nothing() {
    use tieline_engine::wire::{ConnectionState, Tested};
    use tieline_practice::Fault;

    let stage = Stage::open().await;
    for (provider, fault) in [
        ("DROPBOX", Fault::Revoked),
        ("ZENDESK", Fault::TokenReused),
        ("GMAIL", Fault::IdleExpired),
        ("ONEDRIVE", Fault::SessionPolicy),
    ] {
        let id = stage.connect(provider).await;
        let entry = stage.detail(&id).await.secret.entry;
        let pair = keyring::entries(stage.folder.path())[&entry].clone();
        stage.practice.set_fault(provider, fault, None).await;
        let tested: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("an answer");
        stage.practice.clear_faults().await;
        assert!(!tested.ok && tested.row.state == ConnectionState::NeedsYou, "{provider}: {}", tested.words);
        let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
        assert!(rows.iter().any(|row| row.id == id), "{provider} is still listed");
        assert_eq!(
            keyring::entries(stage.folder.path()).get(&entry),
            Some(&pair),
            "{provider}: the pair is untouched"
        );

        // Parked is parked: nobody asks the provider again until the person does.
        let before = stage.practice.counts(provider).await.refreshes;
        for _ in 0..3 {
            let refused = stage.run(&["show", &id]).await;
            assert!(refused.status.success());
        }
        assert_eq!(stage.practice.counts(provider).await.refreshes, before, "{provider}");
    }
}

/// A server that revokes, and whether it lets the access token live on all the same.
async fn revoking(lives_on: bool) -> (Played, Arc<Mutex<Vec<String>>>) {
    let revoked: Arc<Mutex<Vec<String>>> = Arc::default();
    let ended = AtomicBool::new(false);
    let list = Arc::clone(&revoked);
    let played = Played::start(move |heard| {
        Some(match heard.target.as_str() {
            "/token" => answer(
                200,
                &json!({ "access_token": "the-access", "refresh_token": "the-refresh", "expires_in": 3600 }),
            ),
            "/userinfo" if ended.load(Ordering::Relaxed) && !lives_on => {
                answer(401, &json!({ "error": "invalid_token" }))
            }
            "/userinfo" => answer(200, &json!({ "sub": "1", "name": "Maya Lind" })),
            "/revoke" => {
                list.lock().expect("nobody panicked").extend(heard.field("token"));
                ended.store(true, Ordering::Relaxed);
                raw(200, "text/plain", "")
            }
            "/.well-known/oauth-authorization-server" => answer(200, &metadata(&origin_of(heard))),
            _ => answer(404, &json!({})),
        })
    })
    .await;
    (played, revoked)
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_disconnect_revokes_both_tokens_and_proves_it() {
    for lives_on in [false, true] {
        let stage = Stage::open().await;
        let (played, revoked) = revoking(lives_on).await;
        let id = played.discover(&stage).await;
        let flow = played::begin(&stage, &id, json!({})).await;
        stage.bring(&yes(&stage, &flow, "c").await).await;
        let connection = stage.ended(&flow).await.connection.expect("a connection");
        let asked = played.heard_at("/userinfo").len();
        let ended: Disconnected =
            stage.ask("disconnect", json!({ "id": connection, "revoke": true })).await.expect("an end");
        assert_eq!(
            *revoked.lock().expect("nobody panicked"),
            ["the-refresh", "the-access"],
            "the one that makes others first"
        );
        assert_eq!(played.heard_at("/userinfo").len(), asked + 1, "one last request proves it");
        assert_eq!(ended.revoked, !lives_on, "{:?}", ended.words);
        if lives_on {
            assert!(ended.words.iter().any(|it| it.contains("still answered")), "{:?}", ended.words);
        }
        assert!(keyring::token_entries(stage.folder.path()).is_empty(), "and the keyring forgets it");
    }
}
