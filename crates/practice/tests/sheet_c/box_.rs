use super::*;

const BACK: &str = "http://127.0.0.1:50123/integrations/box";
const APP: [(&str, &str); 2] =
    [("client_id", "box-desktop-practice-client-id"), ("client_secret", "practice-box-secret")];
const ME: [&str; 3] = ["GET", "api.box.com", "/2.0/users/me?fields=id,name,login,enterprise"];

fn asks(back: &str) -> [(&str, &str); 4] {
    [("response_type", "code"), APP[0], ("redirect_uri", back), ("state", "s")]
}

async fn code(practice: &Practice) -> String {
    let page = page(practice, "account.box.com", "/api/oauth2/authorize", &asks(BACK));
    query(&Visit::default().answer(&page).await.unwrap(), "code")
}

async fn token(practice: &Practice, grant: &str, name: &str, value: &str) -> Answer {
    post(practice, "api.box.com", "/oauth2/token", &[("grant_type", grant), (name, value), APP[0], APP[1]])
        .await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let first = token(&practice, "authorization_code", "code", &code(&practice).await).await;
    assert_eq!((first.status, first.json()["expires_in"].as_u64()), (200, Some(3600)));
    assert!(first.json().get("scope").is_none());

    let me = bearer(&practice, ME, &first.text("/access_token")).await;
    assert_eq!(me.text("/login"), "maya.lind@acme.example");
    assert_eq!(me.text("/enterprise/name"), "Acme");
    let usual =
        bearer(&practice, ["GET", "api.box.com", "/2.0/users/me"], &first.text("/access_token")).await;
    assert!(usual.json().get("enterprise").is_none(), "only when asked for");

    let second = token(&practice, "refresh_token", "refresh_token", &first.text("/refresh_token")).await;
    let reused = token(&practice, "refresh_token", "refresh_token", &first.text("/refresh_token")).await;
    assert_eq!(reused.says("/error_description"), (400, "Invalid refresh token".into()));

    let ended = [APP[0], APP[1], ("token", &second.text("/refresh_token"))];
    let ended = post(&practice, "api.box.com", "/oauth2/revoke", &ended).await;
    assert_eq!((ended.status, ended.text.as_str()), (200, ""));
    let dead = bearer(&practice, ME, &second.text("/access_token")).await;
    assert_eq!(dead.says("/type"), (401, "error".into()));
    assert!(dead.head.contains("www-authenticate: bearer realm=\"service\", error=\"invalid_token\""));
}

#[tokio::test]
async fn a_code_lives_thirty_seconds_and_a_token_an_hour() {
    let practice = practice().await;
    let (late, good) = (code(&practice).await, code(&practice).await);
    practice.set_clock_ahead(29).await;
    let tokens = token(&practice, "authorization_code", "code", &good).await;
    practice.set_clock_ahead(31).await;
    let refused = token(&practice, "authorization_code", "code", &late).await;
    assert_eq!(refused.says("/error"), (400, "invalid_grant".into()));

    practice.set_clock_ahead(3700).await;
    let expired = bearer(&practice, ME, &tokens.text("/access_token")).await;
    assert!(expired.head.contains("expired_token"));
    practice.set_clock_ahead(61 * 86_400).await;
    let idle = token(&practice, "refresh_token", "refresh_token", &tokens.text("/refresh_token")).await;
    assert_eq!(idle.says("/error_description"), (400, "Refresh token has expired".into()));
}

#[tokio::test]
async fn any_loopback_port_is_good_and_a_mismatch_never_comes_back() {
    let practice = practice().await;
    for good in [BACK, "http://localhost:1/integrations/box", "app.tieline.desktop://integrations/box"] {
        let page = page(&practice, "ent.box.com", "/api/oauth2/authorize", &asks(good));
        assert!(Visit::default().answer(&page).await.unwrap().as_str().starts_with(good));
    }
    for bad in ["http://127.0.0.1:50123/integrations/slack", "http://192.168.0.1/integrations/box"] {
        let page = page(&practice, "account.box.com", "/api/oauth2/authorize", &asks(bad));
        let shown = Visit::default().answer(&page).await.unwrap_err();
        assert_eq!(shown.to_string(), "redirect_uri_mismatch");
    }
}

#[tokio::test]
async fn errors_are_worded_as_documented() {
    let practice = practice().await;
    let json_body = send(&practice, ["POST", "api.box.com", "/oauth2/token"], &[JSON], "{}").await;
    assert_eq!(json_body.status, 400);
    let body = [("grant_type", "refresh_token"), ("refresh_token", "x"), APP[0], ("client_secret", "guess")];
    let guess = post(&practice, "api.box.com", "/oauth2/token", &body).await;
    assert_eq!(guess.says("/error"), (400, "invalid_client".into()));

    practice.set_fault("BOX", Fault::RateLimited, Some(1)).await;
    let limited = bearer(&practice, ME, "any").await;
    assert_eq!(limited.says("/code"), (429, "rate_limit_exceeded".into()));
    assert!(limited.head.contains("retry-after: 2"));

    practice.set_fault("BOX", Fault::AdminApproval, Some(1)).await;
    let page = page(&practice, "account.box.com", "/api/oauth2/authorize", &asks(BACK));
    let shown = Visit::default().answer(&page).await.unwrap_err();
    assert_eq!(shown.to_string(), "Disabled by Administrator");
}
