//! Zendesk as the model of all providers: the whole flow over TCP, and every way in which it is refused.

use serde_json::json;
use tieline_practice::client;
use tieline_practice::visitor::Visit;

use crate::support::*;

#[tokio::test]
async fn connects_identifies_refreshes_and_revokes() {
    let practice = memory().await;
    let back = Visit::default().answer(&page(&practice, &[])).await.unwrap();
    assert!(back.as_str().starts_with(&format!("{BACK}?")));
    assert_eq!(query(&back, "state").unwrap(), "the state & more");

    let reply = exchange(&practice, &query(&back, "code").unwrap()).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.value()["token_type"], "bearer");
    assert_eq!(reply.value()["expires_in"], 3600);
    assert_eq!(reply.value()["scope"], "hc:read users:read");
    let (access, refresh_token) = pair(&reply);

    let user = me(&practice, &access).await;
    assert_eq!(user.status, 200);
    assert_eq!(user.value()["user"]["email"], "maya.lind@acme.example");

    let renewed = refresh(&practice, &refresh_token).await;
    assert_eq!(renewed.status, 201);
    let (new_access, new_refresh) = pair(&renewed);
    assert_ne!((&new_access, &new_refresh), (&access, &refresh_token));
    assert_eq!(me(&practice, &access).await.status, 401, "the old pair is deleted");

    let bearer = format!("Bearer {new_access}");
    let auth = [("Authorization", bearer.as_str())];
    let current =
        send(&practice, "GET", ZENDESK, "/api/v2/oauth/tokens/current.json", &auth, "").await.unwrap();
    let path = format!("/api/v2/oauth/tokens/{}.json", current.value()["token"]["id"]);
    assert_eq!(send(&practice, "DELETE", ZENDESK, &path, &auth, "").await.unwrap().status, 204);
    assert_eq!(me(&practice, &new_access).await.status, 401);
    assert_eq!(refresh(&practice, &new_refresh).await.status, 400);

    let counts = practice.counts("ZENDESK").await;
    assert_eq!((counts.authorize, counts.exchanges, counts.refreshes), (1, 1, 2));
    assert_eq!((counts.identifies, counts.revokes, counts.refused), (3, 2, 3));
}

#[tokio::test]
async fn a_confidential_client_needs_its_secret_and_no_challenge() {
    let practice = memory().await;
    let changes =
        [("client_id", "tieline_confidential"), ("code_challenge", ""), ("code_challenge_method", "")];
    let back = Visit::default().answer(&page(&practice, &changes)).await.unwrap();
    let body = |secret: Option<&str>| {
        json!({
            "grant_type": "authorization_code", "code": query(&back, "code"),
            "client_id": "tieline_confidential", "client_secret": secret, "redirect_uri": BACK,
        })
    };
    for wrong in [None, Some("guess")] {
        let refused = token(&practice, body(wrong)).await.unwrap();
        assert_eq!((refused.status, refused.value()["error"].as_str()), (401, Some("invalid_client")));
    }
    let reply = token(&practice, body(Some("practice-zendesk-secret"))).await.unwrap();
    assert_eq!((reply.status, reply.value()["expires_in"].as_u64()), (201, Some(1800)));
}

#[tokio::test]
async fn a_public_client_needs_a_challenge() {
    let practice = memory().await;
    let changes = [("code_challenge", ""), ("code_challenge_method", "")];
    let back = Visit::default().answer(&page(&practice, &changes)).await.unwrap();
    assert_eq!(query(&back, "error").unwrap(), "invalid_request");
    let plain =
        Visit::default().answer(&page(&practice, &[("code_challenge_method", "plain")])).await.unwrap();
    assert_eq!(query(&plain, "error").unwrap(), "invalid_request");
}

#[tokio::test]
async fn a_code_works_once_in_time_for_its_own_verifier_and_address() {
    let practice = memory().await;
    let fresh = || async { code(&practice, &Visit::default()).await };
    let refused = |body| {
        let practice = practice.clone();
        async move {
            let reply = token(&practice, body).await.unwrap();
            assert_eq!((reply.status, reply.value()["error"].as_str()), (400, Some("invalid_grant")));
        }
    };

    let used = fresh().await;
    assert_eq!(exchange(&practice, &used).await.status, 201);
    refused(exchange_body(&used)).await;

    let mut wrong_verifier = exchange_body(&fresh().await);
    wrong_verifier["code_verifier"] = json!("another-verifier-of-a-length-that-would-do-43");
    refused(wrong_verifier).await;

    let mut no_verifier = exchange_body(&fresh().await);
    no_verifier["code_verifier"] = json!(null);
    refused(no_verifier).await;

    let mut other_address = exchange_body(&fresh().await);
    other_address["redirect_uri"] = json!("http://localhost:47823/integrations/zendesk");
    refused(other_address).await;

    refused(exchange_body("made-up")).await;

    let late = fresh().await;
    practice.set_clock_ahead(119).await;
    assert_eq!(exchange(&practice, &late).await.status, 201, "a code lives for 120 seconds");
    let later = fresh().await;
    practice.set_clock_ahead(119 + 121).await;
    refused(exchange_body(&later)).await;
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let practice = memory().await;
    let (_, first) = connect(&practice).await;
    let (_, second) = pair(&refresh(&practice, &first).await);
    let reused = refresh(&practice, &first).await;
    assert_eq!((reused.status, reused.value()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(refresh(&practice, &second).await.status, 201, "Zendesk leaves the new pair alone");
}

#[tokio::test]
async fn where_reuse_ends_the_grant_the_new_pair_dies_too() {
    let practice = memory().await;
    practice.set_rules("ZENDESK", json!({ "refresh": { "rotates": "ends_grant" } })).await;
    let (_, first) = connect(&practice).await;
    let (access, second) = pair(&refresh(&practice, &first).await);
    assert_eq!(refresh(&practice, &first).await.status, 400);
    assert_eq!(refresh(&practice, &second).await.status, 400);
    assert_eq!(me(&practice, &access).await.status, 401);
}

#[tokio::test]
async fn a_replaced_refresh_token_can_linger_or_wait_for_the_new_one() {
    let practice = memory().await;
    practice.set_rules("zendesk", json!({ "refresh": { "rotates": { "lingers": 60 } } })).await;
    let (_, first) = connect(&practice).await;
    assert_eq!(refresh(&practice, &first).await.status, 201);
    practice.set_clock_ahead(50).await;
    assert_eq!(refresh(&practice, &first).await.status, 201);
    practice.set_clock_ahead(70).await;
    assert_eq!(refresh(&practice, &first).await.status, 400);

    practice.set_rules("zendesk", json!({ "refresh": { "rotates": "until_new_is_used" } })).await;
    let (_, first) = connect(&practice).await;
    assert_eq!(refresh(&practice, &first).await.status, 201);
    let (access, _) = pair(&refresh(&practice, &first).await);
    assert_eq!(me(&practice, &access).await.status, 200);
    assert_eq!(refresh(&practice, &first).await.status, 400);
}

#[tokio::test]
async fn tokens_expire_as_asked_for_or_as_set() {
    let practice = memory().await;
    let (access, refresh_token) = connect(&practice).await;
    practice.set_clock_ahead(3599).await;
    assert_eq!(me(&practice, &access).await.status, 200);
    practice.set_clock_ahead(3601).await;
    assert_eq!(me(&practice, &access).await.status, 401);
    practice.set_clock_ahead(31 * 86_400).await;
    assert_eq!(refresh(&practice, &refresh_token).await.status, 400, "30 idle days are over");

    practice.set_rules("ZENDESK", json!({ "access_seconds": 5 })).await;
    let code = code(&practice, &Visit::default()).await;
    assert_eq!(exchange(&practice, &code).await.value()["expires_in"], 5);

    let mut body = exchange_body("any");
    body["expires_in"] = json!(60);
    let refused = token(&practice, body).await.unwrap();
    assert_eq!((refused.status, refused.value()["error"].as_str()), (400, Some("invalid_request")));
}

#[tokio::test]
async fn a_wrong_scope_still_yields_a_token_that_is_forbidden_everything() {
    let practice = memory().await;
    let back = Visit::default().answer(&page(&practice, &[("scope", "tickets:peek")])).await.unwrap();
    let (access, _) = pair(&exchange(&practice, &query(&back, "code").unwrap()).await);
    let answer = me(&practice, &access).await;
    assert_eq!((answer.status, answer.value()["error"].as_str()), (403, Some("Forbidden")));
}

#[tokio::test]
async fn tokens_belong_to_their_subdomain_and_need_a_bearer() {
    let practice = memory().await;
    let (access, _) = connect(&practice).await;
    let bearer = format!("Bearer {access}");
    let path = "/api/v2/users/me.json";
    let elsewhere =
        send(&practice, "GET", "other.zendesk.com", path, &[("Authorization", &bearer)], "").await.unwrap();
    assert_eq!(elsewhere.status, 401);
    let nobody = send(&practice, "GET", ZENDESK, path, &[], "").await.unwrap();
    assert_eq!((nobody.status, nobody.value()["user"]["id"].is_null()), (200, true));
}

#[tokio::test]
async fn the_body_has_to_be_json() {
    let practice = memory().await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = "grant_type=authorization_code&code=x&client_id=tieline_desktop";
    let answer = send(&practice, "POST", ZENDESK, "/oauth/tokens", &form, body).await.unwrap();
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn only_registered_ways_back_of_the_right_kind_are_taken() {
    let practice = memory().await;
    let visit = Visit::default();
    let other_port = "http://127.0.0.1:50000/integrations/zendesk";
    for good in [
        BACK,
        "http://localhost:47823/integrations/zendesk",
        "https://connect.acme.example/integrations/zendesk",
        "http://127.0.0.1:9999/relay/integrations/zendesk",
    ] {
        let back = visit.answer(&page(&practice, &[("redirect_uri", good)])).await.unwrap();
        assert!(back.as_str().starts_with(good), "{back}");
    }
    for bad in [
        other_port,
        "app.tieline.desktop://integrations/zendesk",
        "http://127.0.0.1:47823/integrations/slack",
        "https://connect.acme.example/integrations/zendesk?more=1",
        "http://connect.acme.example/integrations/zendesk",
    ] {
        let dead_end = visit.answer(&page(&practice, &[("redirect_uri", bad)])).await.unwrap_err();
        assert_eq!(dead_end.to_string(), "Invalid Authorization Request", "{bad}");
    }
    practice.register_redirects("ZENDESK", &[other_port.to_owned()]).await;
    visit.answer(&page(&practice, &[("redirect_uri", other_port)])).await.unwrap();
}

#[tokio::test]
async fn a_foreign_host_name_is_turned_away() {
    let practice = memory().await;
    let origin = practice.origin(ZENDESK).unwrap().join("/api/v2/users/me.json").unwrap();
    for url in [origin, practice.control().join("apps").unwrap()] {
        for name in ["evil.example", "acme.zendesk.com.evil.example", "127.0.0.1.evil.example"] {
            let answer = client::send("GET", &url, &[("host", name)], b"").await.unwrap();
            assert_eq!(answer.status, 421, "{name}");
        }
    }
}
