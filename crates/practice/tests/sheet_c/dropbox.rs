use super::*;

const BACK: &str = "app.tieline.desktop://integrations/dropbox";
const API: &str = "api.dropboxapi.com";
const ACCOUNT: [&str; 3] = ["POST", API, "/2/users/get_current_account"];

async fn sign_in(practice: &Practice, changes: &[(&str, &str)], visit: &Visit) -> Url {
    let challenge = challenge();
    let usual = [
        ("response_type", "code"),
        ("client_id", "practicedropbox1"),
        ("redirect_uri", BACK),
        ("scope", "account_info.read files.metadata.read"),
        ("state", "s"),
        ("token_access_type", "offline"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let changed = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let pairs: Vec<_> = (usual.into_iter())
        .map(|(name, value)| (name, changed(name).unwrap_or(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    visit.answer(&page(practice, "www.dropbox.com", "/oauth2/authorize", &pairs)).await.unwrap()
}

async fn exchange(practice: &Practice, back: &Url) -> Answer {
    let body = [
        ("grant_type", "authorization_code"),
        ("code", &query(back, "code")),
        ("client_id", "practicedropbox1"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    post(practice, API, "/oauth2/token", &body).await
}

async fn connect(practice: &Practice) -> Answer {
    exchange(practice, &sign_in(practice, &[], &Visit::default()).await).await
}

async fn refresh(practice: &Practice, token: &str) -> Answer {
    let body = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "practicedropbox1")];
    post(practice, API, "/oauth2/token", &body).await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let first = connect(&practice).await;
    assert_eq!((first.status, first.json()["expires_in"].as_u64()), (200, Some(14_400)));
    assert_eq!(first.text("/scope"), "account_info.read files.metadata.read");
    let me = bearer(&practice, ACCOUNT, &first.text("/access_token")).await;
    assert_eq!(me.text("/name/display_name"), "Maya Lind");
    assert_eq!(me.text("/account_id"), first.text("/account_id"));

    let second = refresh(&practice, &first.text("/refresh_token")).await;
    assert!(second.json().get("refresh_token").is_none(), "the old one goes on");
    assert_eq!(bearer(&practice, ACCOUNT, &first.text("/access_token")).await.status, 200);
    assert_eq!(refresh(&practice, &first.text("/refresh_token")).await.status, 200);

    let revoke = ["POST", API, "/2/auth/token/revoke"];
    let ended = bearer(&practice, revoke, &second.text("/access_token")).await;
    assert_eq!((ended.status, ended.text.as_str()), (200, "null"));
    for token in [&first, &second] {
        let dead = bearer(&practice, ACCOUNT, &token.text("/access_token")).await;
        assert_eq!(dead.says("/error/.tag"), (401, "invalid_access_token".into()));
    }
    let dead = refresh(&practice, &first.text("/refresh_token")).await;
    assert_eq!(dead.says("/error"), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_refresh_token_comes_for_offline_access_only() {
    let practice = practice().await;
    for kind in ["", "online"] {
        let back = sign_in(&practice, &[("token_access_type", kind)], &Visit::default()).await;
        assert!(exchange(&practice, &back).await.json().get("refresh_token").is_none(), "{kind}");
    }
    assert!(connect(&practice).await.json().get("refresh_token").is_some());
}

#[tokio::test]
async fn a_call_without_arguments_takes_nothing_but_null() {
    let practice = practice().await;
    let token = format!("Bearer {}", connect(&practice).await.text("/access_token"));
    let auth = ("Authorization", token.as_str());
    assert_eq!(send(&practice, ACCOUNT, &[auth, JSON], "null").await.status, 200);
    for (kind, body) in [(JSON, "{}"), (FORM, ""), (FORM, "a=b")] {
        let refused = send(&practice, ACCOUNT, &[auth, kind], body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.head.contains("text/plain") && refused.text.starts_with("Error in call"));
    }
}

#[tokio::test]
async fn errors_are_worded_as_documented() {
    let practice = practice().await;
    let no = Visit { cancel: true, ..Visit::default() };
    assert_eq!(query(&sign_in(&practice, &[], &no).await, "error"), "access_denied");

    let narrow = sign_in(&practice, &[("scope", "files.metadata.read")], &Visit::default()).await;
    let narrow = exchange(&practice, &narrow).await;
    let missing = bearer(&practice, ACCOUNT, &narrow.text("/access_token")).await;
    assert_eq!(missing.says("/error/.tag"), (401, "missing_scope".into()));
    assert_eq!(missing.text("/error/required_scope"), "account_info.read");

    practice.set_fault("DROPBOX", Fault::RateLimited, Some(1)).await;
    let limited = refresh(&practice, "any").await;
    assert_eq!(limited.says("/error/reason/.tag"), (429, "too_many_requests".into()));

    practice.set_clock_ahead(14_401).await;
    let expired = bearer(&practice, ACCOUNT, &narrow.text("/access_token")).await;
    assert_eq!(expired.says("/error_summary"), (401, "expired_access_token/..".into()));
}
