//! What the one HTTP client does and refuses, seen from whole sign-ins.

use std::time::{Duration, Instant};

use serde_json::json;
use tieline_catalog::Method;
use tieline_engine::client::{Body, Client, Network, Request, Routes};
use tieline_engine::wire::FlowStep;
use tieline_engine::{Code, Secret};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;
use url::Url;

use crate::security::played::{self, Played, answer, raw, yes};
use crate::stage::Stage;

fn with_token(url: Url, host: &str) -> Request {
    Request {
        method: Method::Get,
        url,
        headers: Vec::new(),
        bearer: Some(Secret::new("canary-token")),
        proof: None,
        basic: None,
        body: Body::None,
        allowed_hosts: vec![host.to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_without_encryption_nothing_is_sent() {
    let played = Played::giving(json!({})).await;
    let client = Client::new(&Network::default(), Routes::Internet).expect("a client");
    let refused =
        client.send(with_token(played.origin.clone(), "127.0.0.1")).await.expect_err("no encryption");
    assert_eq!(refused.code, Code::Refused);
    assert!(refused.message.contains("without encryption"), "{refused}");
    let refused = client.browser_url(played.origin.clone()).expect_err("nor is the browser sent there");
    assert_eq!(refused.code, Code::Refused);
    assert!(played.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_redirects_of_token_and_metadata_addresses_are_not_followed() {
    let stage = Stage::open().await;
    let elsewhere = Played::giving(json!({ "access_token": "stolen" })).await;
    let target = elsewhere.origin.clone();
    let played = Played::start(move |heard| {
        let place = heard.target.trim_start_matches('/');
        Some(format!("HTTP/1.1 307 Elsewhere\r\nlocation: {target}{place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
    })
    .await;
    let id = played.describe(&stage).await;
    let flow = played::begin(&stage, &id, json!({})).await;
    stage.bring(&yes(&stage, &flow, "c").await).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Failed);
    assert_eq!(played.heard_at("/token").len(), 1);

    let described = stage.ask::<serde_json::Value>(
        "save_service",
        json!({ "name": "Moved", "issuer": played.origin.as_str(), "client_id": "c" }),
    );
    assert_eq!(described.await.expect_err("no metadata there").field.as_deref(), Some("issuer"));
    assert!(elsewhere.heard().is_empty(), "{:?}", elsewhere.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_an_answer_of_five_megabytes_is_not_read() {
    let stage = Stage::open().await;
    let flow = stage.begin("DROPBOX", json!({})).await;
    let back = stage.visit(&flow, &Visit::default()).await;
    stage.practice.set_fault("DROPBOX", Fault::Huge, None).await;
    stage.bring(&back).await;
    let flow = stage.ended(&flow).await;
    let problem = flow.problem.expect("a problem");
    let told = format!("{} {} {:?}", problem.happened, problem.why, problem.evidence);
    assert!(flow.step == FlowStep::Failed && told.contains("sent more than 1024 KB"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_silent_token_address_is_given_up_after_thirty_seconds() {
    let stage = Stage::open().await;
    let played = Played::start(|_| None).await;
    let id = played.describe(&stage).await;
    let flow = played::begin(&stage, &id, json!({})).await;
    stage.bring(&yes(&stage, &flow, "c").await).await;
    let begun = Instant::now();
    let ended = loop {
        let now: tieline_engine::wire::Flow =
            stage.ask("flow", json!({ "id": flow.id })).await.expect("a flow");
        if !matches!(now.step, FlowStep::Waiting | FlowStep::Finishing) {
            break now;
        }
        assert!(begun.elapsed() < Duration::from_secs(45), "it waits on");
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    assert!(begun.elapsed() > Duration::from_secs(28), "{:?}", begun.elapsed());
    let problem = ended.problem.expect("a problem");
    let told = format!("{} {} {:?}", problem.happened, problem.why, problem.evidence);
    assert!(ended.step == FlowStep::Failed && told.contains("did not answer within 30 seconds"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_token_goes_to_listed_hosts_only() {
    let (listed, stranger) = (Played::giving(json!({})).await, Played::giving(json!({})).await);
    let routes = Routes::Practice(vec![
        ("api.example.com".to_owned(), listed.origin.clone()),
        ("*.example.org".to_owned(), stranger.origin.clone()),
    ]);
    let client = Client::new(&Network::default(), routes).expect("a client");
    let url = |text: &str| Url::parse(text).expect("an address");

    client
        .send(with_token(url("https://api.example.com/me"), "api.example.com"))
        .await
        .expect("it is on the list");
    let heard = listed.heard();
    assert_eq!(heard[0].header("authorization"), Some("Bearer canary-token"));
    let elsewhere = heard[0].headers.iter().filter(|(_, value)| value.contains("canary-token")).count();
    assert!(elsewhere == 1 && !heard[0].target.contains("canary") && heard[0].body.is_empty(), "{heard:?}");

    for strange in
        ["https://evil.example.org/me", "https://api.example.com.example.org/me", "https://example.org/me"]
    {
        let refused =
            client.send(with_token(url(strange), "api.example.com")).await.expect_err("not on the list");
        assert_eq!(refused.code, Code::Refused, "{strange}");
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
    let userinfo =
        client.send(with_token(url("https://api.example.com@evil.example.org/"), "api.example.com")).await;
    assert_eq!(userinfo.expect_err("a host in disguise").code, Code::Refused);
    assert!(stranger.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_an_access_token_is_in_the_authorization_header_and_nowhere_else() {
    let stage = Stage::open().await;
    let played = Played::start(|heard| {
        Some(match heard.target.split('?').next().unwrap_or_default() {
            "/token" => answer(200, &json!({ "access_token": "canary-access", "refresh_token": "canary-refresh", "expires_in": 3600 })),
            "/userinfo" if heard.header("authorization") == Some("Bearer canary-access") => answer(200, &json!({ "sub": "1" })),
            "/userinfo" => answer(401, &json!({})),
            "/.well-known/oauth-authorization-server" => answer(200, &crate::security::played::metadata(&crate::security::played::origin_of(heard))),
            _ => raw(404, "text/plain", ""),
        })
    })
    .await;
    let id = played.discover(&stage).await;
    let flow = played::begin(&stage, &id, json!({})).await;
    stage.bring(&yes(&stage, &flow, "c").await).await;
    let connection = stage.ended(&flow).await.connection.expect("a connection");
    let _: serde_json::Value = stage.ask("test", json!({ "id": connection })).await.expect("a test");
    assert!(played.heard_at("/userinfo").len() >= 2);
    for heard in played.heard() {
        assert!(!heard.target.contains("canary"), "{}", heard.target);
        assert!(!heard.body.contains("canary-access"), "{}", heard.target);
        for (name, value) in &heard.headers {
            assert!(name == "authorization" || !value.contains("canary"), "{}: {name}", heard.target);
        }
    }
}

#[test]
fn s28_no_reply_of_a_provider_can_add_a_host_to_its_list() {
    for provider in crate::security::providers() {
        for host in provider.oauth.api_hosts.iter().chain(&provider.oauth.browser_hosts) {
            for field in tieline_catalog::template::names(host) {
                assert!(provider.input(field).is_some_and(|input| input.host), "{}: {host}", provider.id);
            }
            assert!(
                host.trim_start_matches("*.").split('.').count() >= 2 || host.starts_with('{'),
                "{}: {host}",
                provider.id
            );
        }
    }
}
