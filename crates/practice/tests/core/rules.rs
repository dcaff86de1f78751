//! The rules that providers can declare, tried on Zendesk by laying them over its own.

use serde_json::{Value, json};
use tieline_practice::Practice;
use tieline_practice::wire::Reply;

use crate::support::*;

async fn under(rules: Value) -> Practice {
    let practice = memory().await;
    practice.set_rules("ZENDESK", rules).await;
    practice
}

fn refresh_token(reply: &Reply) -> Option<String> {
    reply.value()["refresh_token"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_fixed_refresh_token_is_given_once_and_lasts() {
    let practice = under(json!({ "refresh": "fixed" })).await;
    let (_, token) = connect(&practice).await;
    for _ in 0..3 {
        let renewed = refresh(&practice, &token).await;
        assert_eq!((renewed.status, refresh_token(&renewed)), (201, None));
    }
}

#[tokio::test]
async fn a_repeated_refresh_token_comes_with_every_answer() {
    let practice = under(json!({ "refresh": "repeated" })).await;
    let (_, token) = connect(&practice).await;
    for _ in 0..2 {
        assert_eq!(refresh_token(&refresh(&practice, &token).await).as_ref(), Some(&token));
    }
}

#[tokio::test]
async fn where_the_old_one_lives_both_work() {
    let practice = under(json!({ "refresh": { "rotates": "lives" }, "keeps_access": true })).await;
    let (access, first) = connect(&practice).await;
    let (_, second) = pair(&refresh(&practice, &first).await);
    for token in [first, second] {
        assert_eq!(refresh(&practice, &token).await.status, 201);
    }
    assert_eq!(me(&practice, &access).await.status, 200);
}

#[tokio::test]
async fn access_tokens_can_be_repeated_and_never_expire() {
    let practice = under(json!({ "refresh": "repeated", "repeats_access": true })).await;
    let (access, token) = connect(&practice).await;
    assert_eq!(refresh(&practice, &token).await.value()["access_token"], access.as_str());
    practice.set_clock_ahead(3601).await;
    assert_ne!(refresh(&practice, &token).await.value()["access_token"], access.as_str());

    let practice = under(json!({ "access_seconds": null, "refresh": "none" })).await;
    let code = code(&practice, &Default::default()).await;
    let reply = exchange(&practice, &code).await;
    assert_eq!((reply.value()["expires_in"].is_null(), refresh_token(&reply)), (true, None));
    practice.set_clock_ahead(10 * 365 * 86_400).await;
    assert_eq!(me(&practice, reply.value()["access_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_second_sign_in_can_continue_the_first_grant() {
    let practice = under(json!({ "refresh": "repeated", "one_grant": true, "repeats_access": true })).await;
    assert_eq!(connect(&practice).await, connect(&practice).await);
}

#[tokio::test]
async fn one_grant_too_many_ends_the_oldest() {
    let practice = under(json!({ "most_grants": 2 })).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(connect(&practice).await.0);
    }
    let mut statuses = Vec::new();
    for access in &all {
        statuses.push(me(&practice, access).await.status);
    }
    assert_eq!(statuses, [401, 200, 200]);
}

#[tokio::test]
async fn a_refresh_token_dies_idle_and_the_grant_of_age() {
    let practice = under(json!({ "refresh_seconds": 100, "grant_seconds": 250 })).await;
    let (_, mut token) = connect(&practice).await;
    for (ahead, status) in [(90, 201), (180, 201), (260, 400)] {
        practice.set_clock_ahead(ahead).await;
        let renewed = refresh(&practice, &token).await;
        assert_eq!(renewed.status, status, "after {ahead} seconds");
        token = refresh_token(&renewed).unwrap_or(token);
    }
    practice.set_clock_ahead(0).await;
    let (_, idle) = connect(&practice).await;
    practice.set_clock_ahead(101).await;
    assert_eq!(refresh(&practice, &idle).await.status, 400);
}

#[tokio::test]
async fn null_takes_the_changes_back() {
    let practice = under(json!({ "access_seconds": 2 })).await;
    practice.set_rules("ZENDESK", Value::Null).await;
    let code = code(&practice, &Default::default()).await;
    assert_eq!(exchange(&practice, &code).await.value()["expires_in"], 3600);
}
