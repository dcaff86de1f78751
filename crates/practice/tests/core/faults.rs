//! Every switch, once: what a client of the provider then meets.

use std::time::Duration;

use serde_json::json;
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, Practice, client};

use crate::support::*;

async fn with(fault: Fault) -> Practice {
    let practice = memory().await;
    practice.set_fault("ZENDESK", fault, Some(1)).await;
    practice
}

async fn back_error(practice: &Practice, visit: &Visit) -> Option<String> {
    query(&visit.answer(&page(practice, &[])).await.unwrap(), "error")
}

#[tokio::test]
async fn cancel_and_refuse_take_the_same_error_home() {
    let practice = memory().await;
    let cancel = Visit { cancel: true, ..Visit::default() };
    let back = cancel.answer(&page(&practice, &[])).await.unwrap();
    assert_eq!(query(&back, "error").unwrap(), "access_denied");
    assert_eq!(query(&back, "state").unwrap(), "the state & more");
    practice.set_fault("ZENDESK", Fault::Refuse, Some(1)).await;
    assert_eq!(back_error(&practice, &Visit::default()).await.unwrap(), "access_denied");
    assert_eq!(back_error(&practice, &Visit::default()).await, None, "once means once");
}

#[tokio::test]
async fn admin_approval_is_asked_for() {
    let practice = with(Fault::AdminApproval).await;
    let back = Visit::default().answer(&page(&practice, &[])).await.unwrap();
    assert!(query(&back, "error_description").unwrap().contains("dministrator"));
}

#[tokio::test]
async fn an_unticked_scope_is_missing_from_the_token() {
    let practice = with(Fault::UntickedScope).await;
    let code = code(&practice, &Visit::default()).await;
    assert_eq!(exchange(&practice, &code).await.value()["scope"], "hc:read");
}

#[tokio::test]
async fn redirect_mismatch_ends_on_a_page() {
    let practice = with(Fault::RedirectMismatch).await;
    let dead_end = Visit::default().answer(&page(&practice, &[])).await.unwrap_err();
    assert_eq!(dead_end.to_string(), "Invalid Authorization Request");
}

#[tokio::test]
async fn another_account_is_signed_in() {
    let practice = with(Fault::OtherAccount).await;
    let (access, _) = connect(&practice).await;
    assert_eq!(me(&practice, &access).await.value()["user"]["email"], "jonas.berg@acme.example");
}

#[tokio::test]
async fn a_foreign_issuer_is_named() {
    let practice = with(Fault::WrongIssuer).await;
    let back = Visit::default().answer(&page(&practice, &[])).await.unwrap();
    assert_eq!(query(&back, "iss").unwrap(), "https://login.elsewhere.example");
}

#[tokio::test]
async fn faults_of_the_exchange() {
    for (fault, status, error) in [
        (Fault::WrongSecret, 401, "invalid_client"),
        (Fault::SecretExpired, 401, "invalid_client"),
        (Fault::CodeExpired, 400, "invalid_grant"),
    ] {
        let practice = with(fault).await;
        let code = code(&practice, &Visit::default()).await;
        let refused = exchange(&practice, &code).await;
        assert_eq!((refused.status, refused.value()["error"].as_str()), (status, Some(error)), "{fault:?}");
        assert_eq!(exchange(&practice, &code).await.status, 201, "{fault:?} strikes once");
    }
}

#[tokio::test]
async fn no_refresh_token_is_given() {
    let practice = with(Fault::NoRefreshToken).await;
    let code = code(&practice, &Visit::default()).await;
    let reply = exchange(&practice, &code).await;
    assert_eq!(reply.status, 201);
    assert!(reply.value()["access_token"].is_string());
    assert!(reply.value().get("refresh_token").is_none());
}

#[tokio::test]
async fn faults_of_the_refresh() {
    for fault in [Fault::TokenReused, Fault::IdleExpired, Fault::SessionPolicy, Fault::Revoked] {
        let practice = memory().await;
        let (_, token) = connect(&practice).await;
        practice.set_fault("zendesk", fault, None).await;
        for _ in 0..2 {
            let refused = refresh(&practice, &token).await;
            assert_eq!((refused.status, refused.value()["error"].as_str()), (400, Some("invalid_grant")));
        }
        practice.clear_faults().await;
        assert_eq!(refresh(&practice, &token).await.status, 201, "{fault:?} leaves the grant alone");
    }
}

#[tokio::test]
async fn faults_of_the_api() {
    for (fault, status) in [
        (Fault::Revoked, 401),
        (Fault::ApiUnauthorized, 401),
        (Fault::NotLicensed, 403),
        (Fault::RateLimited, 429),
    ] {
        let practice = memory().await;
        let (access, _) = connect(&practice).await;
        practice.set_fault("ZENDESK", fault, Some(1)).await;
        assert_eq!(me(&practice, &access).await.status, status, "{fault:?}");
        assert_eq!(me(&practice, &access).await.status, 200, "{fault:?} strikes once");
    }
}

#[tokio::test]
async fn a_spoilt_transport() {
    let practice = memory().await;
    let (_, first) = connect(&practice).await;

    practice.set_fault("ZENDESK", Fault::RateLimited, Some(1)).await;
    let limited = refresh(&practice, &first).await;
    assert_eq!((limited.status, limited.get("retry-after")), (429, Some("2")));

    practice.set_fault("ZENDESK", Fault::ServerError, Some(1)).await;
    assert_eq!(refresh(&practice, &first).await.status, 503);

    practice.set_fault("ZENDESK", Fault::Garbage, Some(1)).await;
    let garbage = refresh(&practice, &first).await;
    assert_eq!((garbage.status, garbage.get("content-type")), (200, Some("text/html; charset=utf-8")));

    practice.set_fault("ZENDESK", Fault::Huge, Some(1)).await;
    let huge = refresh(&practice, &first).await;
    assert_eq!(huge.status, 200);
    assert!(huge.body.len() > 5_000_000);

    assert_eq!(refresh(&practice, &first).await.status, 201, "none of them touched the token");
    assert_eq!(practice.counts("ZENDESK").await.refreshes, 5);
}

#[tokio::test]
async fn a_slow_answer_comes_after_the_work() {
    let practice = memory().await;
    let (_, first) = connect(&practice).await;
    practice.set_fault("ZENDESK", Fault::Slow, Some(1)).await;
    let waited = tokio::time::timeout(Duration::from_millis(700), refresh(&practice, &first)).await;
    assert!(waited.is_err(), "no answer for now");
    assert_eq!(refresh(&practice, &first).await.status, 400, "but the token is used up");
}

#[tokio::test]
async fn a_dropped_reply_leaves_the_token_used() {
    let practice = memory().await;
    let (_, first) = connect(&practice).await;
    practice.set_fault("ZENDESK", Fault::DropReply, Some(1)).await;
    let body =
        json!({ "grant_type": "refresh_token", "refresh_token": first, "client_id": "tieline_desktop" });
    assert!(token(&practice, body).await.is_none(), "the line goes dead");
    assert_eq!(refresh(&practice, &first).await.status, 400);
}

#[tokio::test]
async fn faults_chosen_on_the_page_strike_now_or_at_the_renewal() {
    let practice = memory().await;
    let choose = |fault| Visit { fault: Some(fault), ..Visit::default() };
    assert_eq!(back_error(&practice, &choose(Fault::Refuse)).await.unwrap(), "access_denied");
    let dead_end = choose(Fault::RedirectMismatch).answer(&page(&practice, &[])).await.unwrap_err();
    assert_eq!(dead_end.to_string(), "Invalid Authorization Request");

    let late = code(&practice, &choose(Fault::CodeExpired)).await;
    assert_eq!(exchange(&practice, &late).await.status, 400);

    let later = code(&practice, &choose(Fault::Revoked)).await;
    let (access, refresh_token) = pair(&exchange(&practice, &later).await);
    assert_eq!(me(&practice, &access).await.status, 200, "all is well until the renewal");
    assert_eq!(refresh(&practice, &refresh_token).await.status, 400);
    assert_eq!(me(&practice, &access).await.status, 401);
}

#[tokio::test]
async fn the_page_says_practice_and_is_answered_once() {
    let practice = memory().await;
    let page = page(&practice, &[]);
    let shown = client::send("GET", &page, &[], b"").await.unwrap();
    let html = String::from_utf8(shown.body.clone()).unwrap();
    assert!(html.contains("Practice:</strong> nothing leaves this computer"));
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing external");
    assert!(shown.get("content-security-policy").unwrap().contains("default-src 'none'"));

    let id = html.split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("request={id}&person=amara&decision=allow");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let target = page.join("/practice/consent").unwrap();
    let first = client::send("POST", &target, &kind, body.as_bytes()).await.unwrap();
    assert_eq!((first.status, first.get("location").is_some()), (302, true));
    let again = client::send("POST", &target, &kind, body.as_bytes()).await.unwrap();
    assert_eq!((again.status, again.get("location")), (410, None));
}

#[tokio::test]
async fn markup_in_a_request_is_shown_as_text() {
    let practice = memory().await;
    let page = page(&practice, &[("scope", "<script>alert(1)</script>")]);
    let html = String::from_utf8(client::send("GET", &page, &[], b"").await.unwrap().body).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"));
}

#[test]
fn every_fault_has_a_name_and_strikes_somewhere() {
    use tieline_practice::Stage;
    let stages = [
        Stage::Authorize,
        Stage::Consent,
        Stage::Exchange,
        Stage::Refresh,
        Stage::Revoke,
        Stage::Identify,
        Stage::Api,
    ];
    for fault in Fault::ALL {
        assert_eq!(Fault::from_name(&fault.name()), Some(fault));
        assert!(stages.into_iter().any(|stage| fault.strikes(stage)), "{fault:?}");
    }
}
