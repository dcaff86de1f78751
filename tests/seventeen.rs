//! All seventeen providers through one suite.

use crate::stage;
use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::wire::{ConnectionRow, ConnectionState, Disconnected, FlowStep, Tested};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;

const PROVIDERS: [&str; 17] = [
    "BOX",
    "CONFLUENCE",
    "DROPBOX",
    "GMAIL",
    "GONG",
    "GOOGLE_CLOUD_STORAGE",
    "GOOGLE_DRIVE",
    "INTERCOM",
    "NOTION",
    "ONEDRIVE",
    "OUTLOOK",
    "SALESFORCE",
    "SERVICENOW",
    "SHAREPOINT",
    "SLACK",
    "ZENDESK",
    "ZOTERO",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_connects_is_inspectable_renews_tests_and_disconnects() {
    let stage = Stage::open().await;
    for provider in PROVIDERS {
        let id = stage.connect(provider).await;
        let detail = stage.detail(&id).await;
        assert_eq!(detail.row.state, ConnectionState::Working, "{provider}");
        assert!(
            !detail.row.name.is_empty() && !detail.row.account.id.is_empty(),
            "{provider}: whose account it is"
        );
        assert!(!detail.permissions.is_empty(), "{provider}: which permissions");
        assert!(
            !detail.lasts.why.is_empty() && !detail.row.sign_in_words.is_empty(),
            "{provider}: how long it lasts"
        );
        assert_eq!(
            detail.events.last().map(|event| event.kind.as_str()),
            Some("connected"),
            "{provider}: what happened"
        );

        let renewed: Result<Tested, _> = stage.ask("refresh", json!({ "id": id })).await;
        match renewed {
            Ok(tested) => assert!(tested.ok, "{provider}: {}", tested.words),
            Err(failure) => {
                assert_eq!(failure.code, "conflict", "{provider}: {}", failure.message);
                assert!(detail.lasts.access_until.is_none(), "{provider} has nothing to renew with");
            }
        }
        let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        assert!(tested.ok, "{provider}: {}", tested.words);
        let ended: Disconnected =
            stage.ask("disconnect", json!({ "id": id, "revoke": true })).await.expect("an end");
        assert!(!ended.queued && !ended.words.is_empty(), "{provider}");
        assert_eq!(ended.revoked, detail.disconnect.revokes, "{provider}: {:?}", ended.words);
        assert_eq!(
            ended.grant_page.is_some(),
            !ended.revoked,
            "{provider}: what stays is told with its page"
        );
    }
    let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
    assert!(rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_survives_the_end_of_its_token_by_renewing_once() {
    /// Longer than the access token of any of them lives, in seconds.
    const LONGER: u64 = 3 * 86_400;
    let stage = Stage::open().await;
    let mut endless = Vec::new();
    for provider in PROVIDERS {
        let id = stage.connect(provider).await;
        let before = stage.practice.counts(provider).await;
        let lasts = stage.detail(&id).await.lasts;
        if lasts.access_until.is_none() {
            endless.push(provider);
        }
        stage.pass(LONGER).await;
        let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        assert!(tested.ok, "{provider}: {}", tested.words);
        let after = stage.practice.counts(provider).await;
        match lasts.access_until {
            Some(_) => assert_eq!(after.refreshes - before.refreshes, 1, "{provider}"),
            // Its token ended without having said when; then a refusal is what brings it about.
            None => assert!(after.refreshes - before.refreshes <= 1, "{provider}"),
        }
    }
    assert_eq!(endless, ["INTERCOM", "NOTION", "SALESFORCE", "ZOTERO"], "they say no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_says_no_in_words_when_the_person_cancels() {
    let stage = Stage::open().await;
    for provider in PROVIDERS {
        let flow = stage.begin(provider, json!({})).await;
        let page = stage.page(&flow).await;
        let visit = Visit { cancel: true, ..Visit::default() };
        // A provider that sends nobody back on Cancel leaves the person to cancel in Tieline.
        let Ok(back) = visit.answer(&page).await else {
            let _: Value = stage.ask("cancel", json!({ "id": flow.id })).await.expect("cancelled");
            assert_eq!(stage.ended(&flow).await.step, FlowStep::Cancelled, "{provider}");
            continue;
        };
        stage.bring(&back).await;
        let flow = stage.ended(&flow).await;
        assert_eq!(flow.step, FlowStep::Refused, "{provider}: {:?}", flow.problem);
        let problem = flow.problem.expect("a problem");
        assert_eq!(problem.code, "declined", "{provider}");
        assert!(!problem.press.label.is_empty());
    }
    let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
    assert!(rows.is_empty(), "nothing was connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tells_a_withdrawn_permission_from_an_outage() {
    let stage = Stage::open().await;
    for provider in PROVIDERS {
        let id = stage.connect(provider).await;
        for fault in [Fault::ServerError, Fault::RateLimited, Fault::Garbage] {
            stage.practice.set_fault(provider, fault, Some(1)).await;
            let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
            stage.practice.clear_faults().await;
            assert!(!tested.ok, "{provider} {fault:?}");
            assert_eq!(
                tested.row.state,
                ConnectionState::TemporarilyFailing,
                "{provider} {fault:?}: {}",
                tested.words
            );
            let again: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
            assert!(
                again.ok && again.row.state == ConnectionState::Working,
                "{provider} after {fault:?}: {}",
                again.words
            );
        }
        stage.practice.set_fault(provider, Fault::Revoked, None).await;
        let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        stage.practice.clear_faults().await;
        assert!(!tested.ok, "{provider}");
        assert_eq!(tested.row.state, ConnectionState::NeedsYou, "{provider}: {}", tested.words);
        let problem = tested.problem.expect("a problem");
        assert!(!problem.happened.is_empty() && !problem.why.is_empty() && !problem.press.label.is_empty());

        // Signing in again keeps the connection and heals it.
        let flow = stage.sign_in(provider, json!({ "reconnect": id }), &Visit::default()).await;
        assert_eq!(flow.step, FlowStep::Connected, "{provider}: {:?}", flow.problem);
        assert_eq!(flow.connection.as_deref(), Some(id.as_str()), "{provider} keeps its id");
        assert_eq!(stage.row(&id).await.state, ConnectionState::Working, "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_s_account_is_offered_as_a_new_connection() {
    let stage = Stage::open().await;
    for provider in PROVIDERS {
        let id = stage.connect(provider).await;
        let _: ConnectionRow =
            stage.ask("rename", json!({ "id": id, "name": "Mine" })).await.expect("renamed");
        let other = Visit { person: "jonas".into(), ..Visit::default() };
        let flow = stage.sign_in(provider, json!({ "reconnect": id }), &other).await;
        if provider == "GONG" {
            // Its sign-in belongs to the company, not to a person.
            assert_eq!(flow.step, FlowStep::Connected);
            continue;
        }
        assert_eq!(flow.step, FlowStep::OtherAccount, "{provider}: {:?}", flow.problem);
        assert_eq!(stage.row(&id).await.name, "Mine");
        let flow: tieline_engine::wire::Flow =
            stage.ask("other_account", json!({ "id": flow.id, "keep": true })).await.expect("kept");
        let new = flow.connection.expect("a new connection");
        assert_ne!(new, id, "{provider}");
        assert_ne!(stage.row(&new).await.account.id, stage.row(&id).await.account.id);
    }
}
