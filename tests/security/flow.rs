//! A sign-in's request and what comes back to it: PKCE, state, issuer, redirect address, code.

use std::collections::BTreeSet;

use serde_json::json;
use tieline_catalog::{Pkce, Protocol};
use tieline_engine::wire::{Change, ConnectionRow, Flow, FlowStep, Problem};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;
use url::Url;

use crate::security::played::{self, Played, answer, metadata, origin_of, yes};
use crate::security::{parameter, providers, with_parameter};
use crate::stage::Stage;

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// What a sign-in must not have changed.
async fn nothing_happened(stage: &Stage, why: &str) {
    let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
    assert!(rows.is_empty(), "{why}: something was connected");
    let events: Vec<serde_json::Value> = stage.ask("events", json!({})).await.expect("events");
    assert!(events.is_empty(), "{why}: {events:?}");
}

fn words(problem: Option<&Problem>) -> String {
    problem.map(|it| format!("{} {}", it.happened, it.why)).unwrap_or_default()
}

/// How many addresses came that no sign-in waits for, since the last look. That is decided while the address is taken.
fn unexpected(changes: &mut tokio::sync::broadcast::Receiver<Change>) -> usize {
    std::iter::from_fn(|| changes.try_recv().ok())
        .filter(|change| matches!(change, Change::UnexpectedReturn))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_every_request_asks_for_a_code_and_every_exchange_is_of_a_code_or_a_refresh_token() {
    let stage = Stage::open().await;
    for provider in providers() {
        let page = stage.page(&stage.begin(&provider.id, json!({})).await).await;
        match provider.oauth.protocol {
            Protocol::OAuth1 => assert!(parameter(&page, "oauth_token").is_some(), "{}", provider.id),
            // Notion's, Intercom's and Slack's pages know codes only and may be asked without the word.
            Protocol::OAuth2 => {
                assert_eq!(parameter(&page, "response_type").as_deref(), Some("code"), "{}", provider.id)
            }
        }
    }
    let played =
        Played::giving(json!({ "access_token": "a", "refresh_token": "r", "expires_in": 3600 })).await;
    let id = played.describe(&stage).await;
    let flow = played::begin(&stage, &id, json!({})).await;
    stage.bring(&yes(&stage, &flow, "the-code").await).await;
    let connection = stage.ended(&flow).await.connection.expect("a connection");
    let _: serde_json::Value = stage.ask("refresh", json!({ "id": connection })).await.expect("a renewal");
    let grants: Vec<_> = played.heard().iter().filter_map(|heard| heard.field("grant_type")).collect();
    assert_eq!(grants, ["authorization_code", "refresh_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_every_oauth_2_sign_in_sends_an_s256_challenge_and_exemptions_are_data_with_a_reason() {
    let stage = Stage::open().await;
    let mut exempt = Vec::new();
    for provider in providers().into_iter().filter(|it| it.oauth.protocol == Protocol::OAuth2) {
        let page = stage.page(&stage.begin(&provider.id, json!({})).await).await;
        let (challenge, method) =
            (parameter(&page, "code_challenge"), parameter(&page, "code_challenge_method"));
        if provider.oauth.pkce == Pkce::None {
            assert!(provider.oauth.pkce_exempt.is_some_and(|why| why.len() > 20), "{} says why", provider.id);
            assert_eq!((challenge, method), (None, None), "{}", provider.id);
            exempt.push(provider.id);
            continue;
        }
        let challenge = challenge.unwrap_or_else(|| panic!("{}: no challenge", provider.id));
        assert!(challenge.len() == 43 && is_base64url(&challenge), "{}: {challenge}", provider.id);
        assert_eq!(method.as_deref(), Some("S256"), "{}", provider.id);
    }
    assert_eq!(exempt, ["GONG", "INTERCOM", "NOTION"]);

    // A described service has a secret here, and the challenge all the same.
    let played = Played::giving(json!({})).await;
    let id = played.describe(&stage).await;
    let page = stage.page(&played::begin(&stage, &id, json!({})).await).await;
    assert_eq!(parameter(&page, "code_challenge_method").as_deref(), Some("S256"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_each_sign_in_has_a_verifier_of_43_characters_of_its_own_that_fits_its_challenge() {
    let stage = Stage::open().await;
    let played = Played::giving(json!({ "access_token": "a" })).await;
    let id = played.describe(&stage).await;
    let mut challenges = BTreeSet::new();
    for round in 0..8 {
        let flow = played::begin(&stage, &id, json!({})).await;
        challenges.insert(parameter(&stage.page(&flow).await, "code_challenge").expect("a challenge"));
        stage.bring(&yes(&stage, &flow, &format!("code-{round}")).await).await;
        assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);
    }
    let verifiers: BTreeSet<String> =
        played.heard_at("/token").iter().filter_map(|heard| heard.field("code_verifier")).collect();
    assert_eq!((challenges.len(), verifiers.len()), (8, 8), "each is new");
    for verifier in &verifiers {
        assert!(verifier.len() == 43 && is_base64url(verifier), "{verifier}");
        assert!(!challenges.contains(verifier), "the challenge is a hash, not the verifier");
    }
    // That the hash is SHA-256 is checked by a practice provider, which refuses any other.
    assert_eq!(stage.sign_in("DROPBOX", json!({}), &Visit::default()).await.step, FlowStep::Connected);
    let flow = stage.begin("DROPBOX", json!({})).await;
    let page = with_parameter(&stage.page(&flow).await, "code_challenge", &"A".repeat(43));
    stage.bring(&Visit::default().answer(&page).await.expect("a way back")).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Failed, "the verifier no longer fits the challenge");
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_state_is_random_single_use_and_bound_to_its_sign_in() {
    let stage = Stage::open().await;
    let mut states = BTreeSet::new();
    for _ in 0..20 {
        for provider in ["BOX", "SALESFORCE", "INTERCOM"] {
            let flow = stage.begin(provider, json!({})).await;
            let state = parameter(&stage.page(&flow).await, "state").expect("a state");
            // 43 base64url characters are 256 bits; a relay's suffix follows a dot.
            let random = state.split('.').next().expect("a first part");
            assert!(random.len() == 43 && is_base64url(random), "{state}");
            states.insert(state);
            let _: serde_json::Value =
                stage.ask("cancel", json!({ "id": flow.id })).await.expect("cancelled");
        }
    }
    assert_eq!(states.len(), 60, "each is new");

    // Single use.
    let flow = stage.begin("SALESFORCE", json!({ "way": "deep_link" })).await;
    let back = stage.visit(&flow, &Visit::default()).await;
    stage.bring(&back).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);
    let before = stage.practice.counts("SALESFORCE").await;
    let mut changes = stage.app.changes();
    for _ in 0..3 {
        stage.bring(&back).await;
    }
    assert_eq!(unexpected(&mut changes), 3);
    assert_eq!(stage.practice.counts("SALESFORCE").await, before, "a used state reaches nobody");

    // Bound to its provider: on another one's path it is nobody's, and still good on its own.
    let flow = stage.begin("DROPBOX", json!({ "way": "deep_link" })).await;
    let other = stage.begin("SALESFORCE", json!({ "way": "deep_link" })).await;
    let back = stage.visit(&flow, &Visit::default()).await;
    let elsewhere: Url = back
        .as_str()
        .replace("/integrations/dropbox", "/integrations/salesforce")
        .parse()
        .expect("an address");
    assert_ne!(back, elsewhere);
    stage.app.deliver(elsewhere.as_str());
    assert_eq!(unexpected(&mut changes), 1);
    for flow in [&flow, &other] {
        let now: Flow = stage.ask("flow", json!({ "id": flow.id })).await.expect("a flow");
        assert_eq!(now.step, FlowStep::Waiting, "{}", now.provider);
    }
    stage.bring(&back).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);

    // Pasted for another sign-in of the same provider, it belongs to neither.
    let (first, second) = (stage.begin("DROPBOX", json!({})).await, stage.begin("DROPBOX", json!({})).await);
    let back = stage.visit(&first, &Visit::default()).await;
    let refused = stage
        .ask::<Flow>("paste", json!({ "id": second.id, "address": back }))
        .await
        .expect_err("not its own");
    assert_eq!(refused.field.as_deref(), Some("address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_sign_in_ends_after_ten_minutes() {
    let stage = Stage::open().await;
    let flow = stage.begin("BOX", json!({})).await;
    let minute = |text: &str| -> i64 {
        let number = |from: usize| -> i64 { text[from..from + 2].parse().expect("digits") };
        number(11) * 60 + number(14)
    };
    assert_eq!((minute(&flow.ends_at) - minute(&flow.started_at)).rem_euclid(1440), 10);
    stage.clock.turn(590);
    let now: Flow = stage.ask("flow", json!({ "id": flow.id })).await.expect("a flow");
    assert_eq!(now.step, FlowStep::Waiting);
    let back = stage.visit(&flow, &Visit::default()).await;
    stage.clock.turn(10);
    let ended = stage.ended(&flow).await;
    assert_eq!(
        (ended.step, ended.problem.expect("a problem").code.as_str()),
        (FlowStep::TimedOut, "timed_out")
    );
    // What comes then finds nobody.
    let before = stage.practice.counts("BOX").await;
    let late = stage.ask::<Flow>("paste", json!({ "id": flow.id, "address": back })).await;
    assert!(late.is_err());
    assert_eq!(stage.practice.counts("BOX").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_an_unknown_used_or_ended_state_changes_nothing_and_calls_nobody() {
    let stage = Stage::open().await;
    let before = stage.practice.counts("DROPBOX").await;

    let waiting = stage.begin("DROPBOX", json!({ "way": "deep_link" })).await;
    let ended = stage.begin("DROPBOX", json!({ "way": "deep_link" })).await;
    let of_ended = stage.visit(&ended, &Visit::default()).await;
    let _: serde_json::Value = stage.ask("cancel", json!({ "id": ended.id })).await.expect("cancelled");
    assert_eq!(stage.ended(&ended).await.step, FlowStep::Cancelled);
    let visited = stage.practice.counts("DROPBOX").await;

    let scheme = tieline_engine::SCHEME;
    let state = parameter(&stage.page(&waiting).await, "state").expect("a state");
    let mut changes = stage.app.changes();
    let addresses = [
        of_ended.to_string(),
        format!("{scheme}://integrations/dropbox?code=c&state=unknown"),
        format!("{scheme}://integrations/dropbox?code=c&state="),
        format!("{scheme}://integrations/dropbox?code=c"),
        format!("{scheme}://integrations/dropbox?code=c&state={state}&state={state}"),
        format!("{scheme}://integrations/dropbox?error=access_denied&state={state}x"),
        format!("{scheme}://integrations/elsewhere?code=c&state={state}"),
        format!("{scheme}://probe/{state}"),
        format!("{scheme}://user@integrations/dropbox?code=c&state={state}"),
        format!("other.scheme://integrations/dropbox?code=c&state={state}"),
        "not an address".to_owned(),
    ];
    for address in &addresses {
        stage.app.deliver(address);
    }
    assert_eq!(unexpected(&mut changes), addresses.len());
    let now: Flow = stage.ask("flow", json!({ "id": waiting.id })).await.expect("a flow");
    assert_eq!(now.step, FlowStep::Waiting, "{}", words(now.problem.as_ref()));
    let ended: Flow = stage.ask("flow", json!({ "id": ended.id })).await.expect("a flow");
    assert_eq!(ended.step, FlowStep::Cancelled);
    assert_eq!(stage.practice.counts("DROPBOX").await, visited);
    assert_eq!((visited.exchanges, visited.identifies), (before.exchanges, before.identifies));
    nothing_happened(&stage, "unexpected returns").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_foreign_issuer_ends_every_provider_s_sign_in_before_any_call() {
    let stage = Stage::open().await;
    for provider in providers() {
        let before = stage.practice.counts(&provider.id).await;
        let flow = stage.begin(&provider.id, json!({})).await;
        let begun = stage.practice.counts(&provider.id).await;
        let back = stage.visit(&flow, &Visit { fault: Some(Fault::WrongIssuer), ..Visit::default() }).await;
        assert_eq!(
            parameter(&back, "iss").as_deref(),
            Some("https://login.elsewhere.example"),
            "{}",
            provider.id
        );
        stage.bring(&back).await;
        let flow = stage.ended(&flow).await;
        assert_eq!(flow.step, FlowStep::Failed, "{}", provider.id);
        assert!(
            words(flow.problem.as_ref()).contains("another issuer"),
            "{}: {:?}",
            provider.id,
            flow.problem
        );
        let after = stage.practice.counts(&provider.id).await;
        assert_eq!(
            (after.exchanges, after.identifies),
            (begun.exchanges, before.identifies),
            "{}",
            provider.id
        );
    }
    nothing_happened(&stage, "foreign issuers").await;

    // A foreign "no" is as foreign.
    let flow = stage.begin("DROPBOX", json!({})).await;
    let back = stage.visit(&flow, &Visit { cancel: true, ..Visit::default() }).await;
    stage.bring(&with_parameter(&back, "iss", "https://login.elsewhere.example")).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Failed);

    // The provider's own name, announced or not, does no harm.
    let flow = stage.sign_in("GMAIL", json!({}), &Visit::default()).await;
    assert_eq!(flow.step, FlowStep::Connected);
    let flow = stage.begin("DROPBOX", json!({})).await;
    let back = stage.visit(&flow, &Visit::default()).await;
    stage.bring(&with_parameter(&back, "iss", "https://www.dropbox.com")).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_an_issuer_that_metadata_promises_must_come() {
    let stage = Stage::open().await;
    let played = Played::start(|heard| {
        Some(match heard.target.as_str() {
            "/token" => answer(200, &json!({ "access_token": "a" })),
            "/userinfo" => answer(200, &json!({ "sub": "1", "name": "Maya Lind" })),
            "/.well-known/oauth-authorization-server" => {
                let mut metadata = metadata(&origin_of(heard));
                metadata["authorization_response_iss_parameter_supported"] = json!(true);
                answer(200, &metadata)
            }
            _ => answer(404, &json!({})),
        })
    })
    .await;
    let id = played.discover(&stage).await;
    let own = played.metadata()["issuer"].as_str().expect("an issuer").to_owned();
    for (iss, step, exchanges) in [
        (None, FlowStep::Failed, 0),
        (Some("https://login.elsewhere.example/"), FlowStep::Failed, 0),
        (Some(own.as_str()), FlowStep::Connected, 1),
    ] {
        let flow = played::begin(&stage, &id, json!({})).await;
        let mut back = yes(&stage, &flow, "c").await;
        if let Some(iss) = iss {
            back = with_parameter(&back, "iss", iss);
        }
        stage.bring(&back).await;
        let flow = stage.ended(&flow).await;
        assert_eq!(flow.step, step, "{iss:?}: {}", words(flow.problem.as_ref()));
        assert_eq!(played.heard_at("/token").len(), exchanges, "{iss:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_each_provider_has_a_redirect_path_of_its_own_and_the_answer_must_come_to_it() {
    let stage = Stage::open().await;
    let mut flows = Vec::new();
    let mut paths = BTreeSet::new();
    for provider in providers() {
        let flow = stage.begin(&provider.id, json!({})).await;
        let redirect: Url = flow.way.redirect.parse().expect("an address");
        let path = provider.callback_path();
        assert!(format!("/{}", redirect.as_str()).ends_with(&path), "{redirect}");
        paths.insert(path);
        let page = stage.page(&flow).await;
        let proof = parameter(&page, "state").or_else(|| parameter(&page, "oauth_token")).expect("a proof");
        flows.push((provider, flow, proof));
    }
    assert_eq!(paths.len(), 17);
    let before = stage.practice.counts("BOX").await;
    let mut changes = stage.app.changes();
    for (at, (_, _, proof)) in flows.iter().enumerate() {
        let (other, _, _) = &flows[(at + 1) % flows.len()];
        let pairs = format!("code=c&oauth_verifier=v&state={proof}&oauth_token={proof}");
        stage.app.deliver(&format!("{}:/{}?{pairs}", tieline_engine::SCHEME, other.callback_path()));
    }
    assert_eq!(unexpected(&mut changes), flows.len());
    for (provider, flow, _) in &flows {
        let now: Flow = stage.ask("flow", json!({ "id": flow.id })).await.expect("a flow");
        assert_eq!(now.step, FlowStep::Waiting, "{}", provider.id);
    }
    assert_eq!(stage.practice.counts("BOX").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_loopback_address_is_the_ip_literal_unless_the_provider_insists() {
    let stage = Stage::open().await;
    stage.take_own_port().await;
    let mut by_name = Vec::new();
    for provider in
        providers().into_iter().filter(|it| it.redirect.ways.contains(&tieline_catalog::Way::Loopback))
    {
        let flow = stage.begin(&provider.id, json!({ "way": "loopback" })).await;
        let redirect: Url = flow.way.redirect.parse().expect("an address");
        assert_eq!(redirect.scheme(), "http");
        match redirect.host_str() {
            Some("127.0.0.1") => {}
            Some("localhost") => by_name.push(provider.id),
            other => panic!("{}: {other:?}", provider.id),
        }
    }
    // Microsoft registers http only for `localhost`; the other four take no address of the kind with an IP in it.
    assert_eq!(by_name, ["GONG", "NOTION", "ONEDRIVE", "OUTLOOK", "SALESFORCE", "SHAREPOINT", "SLACK"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_no_token_and_no_secret_is_in_any_address() {
    let stage = Stage::open().await;
    let app_secrets: Vec<String> =
        stage.practice.apps().iter().filter_map(|app| app.client_secret.clone()).collect();
    for provider in providers() {
        let flow = stage.begin(&provider.id, json!({})).await;
        let page = stage.page(&flow).await;
        let back = stage.visit(&flow, &Visit::default()).await;
        stage.bring(&back).await;
        let id = stage.ended(&flow).await.connection.unwrap_or_else(|| panic!("{} connects", provider.id));
        let entry = stage.detail(&id).await.secret.entry;
        let stored = crate::stage::keyring::entries(stage.folder.path());
        let pair: serde_json::Value = serde_json::from_str(&stored[&entry]).expect("a pair");
        let tokens = [&pair["access"], &pair["refresh"]].into_iter().filter_map(|it| it.as_str());
        for secret in tokens.chain(app_secrets.iter().map(String::as_str)) {
            assert!(!page.as_str().contains(secret), "{}: in the sign-in address", provider.id);
            assert!(!back.as_str().contains(secret), "{}: in the way back", provider.id);
        }
        for (name, _) in back.query_pairs() {
            assert!(
                !["access_token", "id_token", "token", "refresh_token", "client_secret"]
                    .contains(&name.as_ref()),
                "{}: {name}",
                provider.id
            );
        }
    }

    // Should somebody send a token that way, it is not taken.
    let before = stage.practice.counts("DROPBOX").await;
    let flow = stage.begin("DROPBOX", json!({ "way": "deep_link" })).await;
    let state = parameter(&stage.page(&flow).await, "state").expect("a state");
    stage.app.deliver(&format!(
        "{}://integrations/dropbox?access_token=planted&token_type=bearer&state={state}",
        tieline_engine::SCHEME
    ));
    let flow = stage.ended(&flow).await;
    assert_eq!((flow.step, flow.connection), (FlowStep::Failed, None));
    let after = stage.practice.counts("DROPBOX").await;
    assert_eq!((after.exchanges, after.identifies), (before.exchanges, before.identifies));
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_the_exchange_repeats_the_redirect_address_byte_for_byte() {
    let stage = Stage::open().await;
    stage.take_own_port().await;
    let played = Played::giving(json!({ "access_token": "a" })).await;
    let id = played.describe(&stage).await;
    for (round, way) in ["deep_link", "loopback", "relay", "paste"].into_iter().enumerate() {
        let flow = played::begin(&stage, &id, json!({ "way": way })).await;
        let asked = parameter(&stage.page(&flow).await, "redirect_uri").expect("a redirect address");
        assert_eq!(asked, flow.way.redirect, "{way}");
        let back = yes(&stage, &flow, "c").await;
        if way == "paste" {
            let _: Flow =
                stage.ask("paste", json!({ "id": flow.id, "address": back })).await.expect("its own");
        } else {
            stage.bring(&back).await;
        }
        assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected, "{way}");
        assert_eq!(played.heard_at("/token")[round].field("redirect_uri"), Some(asked), "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_code_is_exchanged_once_whatever_comes_back() {
    let stage = Stage::open().await;
    for provider in ["DROPBOX", "SLACK", "NOTION", "GMAIL"] {
        for fault in
            [Fault::ServerError, Fault::Garbage, Fault::RateLimited, Fault::DropReply, Fault::CodeExpired]
        {
            let before = stage.practice.counts(provider).await;
            let flow = stage.begin(provider, json!({})).await;
            let back = stage.visit(&flow, &Visit::default()).await;
            stage.practice.set_fault(provider, fault, Some(1)).await;
            stage.bring(&back).await;
            let flow = stage.ended(&flow).await;
            assert_eq!(flow.step, FlowStep::Failed, "{provider} {fault:?}");
            if back.scheme() != "http" {
                stage.bring(&back).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let after = stage.practice.counts(provider).await;
            assert_eq!(after.exchanges - before.exchanges, 1, "{provider} {fault:?}");
            stage.practice.clear_faults().await;
        }
    }
    nothing_happened(&stage, "failed exchanges").await;
}
