//! Gmail, Google Drive and Google Cloud Storage.

use serde_json::json;
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;

use crate::support::*;

#[tokio::test]
async fn each_google_provider_connects_identifies_and_refreshes() {
    let practice = memory().await;
    let own = [
        (
            GMAIL,
            "gmail.googleapis.com",
            "/gmail/v1/users/me/profile",
            "/emailAddress",
            "maya.lind@acme.example",
        ),
        (
            DRIVE,
            "www.googleapis.com",
            "/drive/v3/about?fields=user,storageQuota",
            "/user/displayName",
            "Maya Lind",
        ),
        (
            STORAGE,
            "storage.googleapis.com",
            "/storage/v1/b/acme-reports/o?maxResults=1",
            "/items/0/bucket",
            "acme-reports",
        ),
    ];
    for (app, host, path, pointer, value) in own {
        let back = visit(&practice, &app, &Visit::default()).await;
        assert!(back.as_str().starts_with(app.back), "{back}");
        assert_eq!(
            (query(&back, "state"), query(&back, "iss")),
            ("a state & more".into(), "https://accounts.google.com".into())
        );
        assert_eq!((query(&back, "authuser"), query(&back, "prompt")), ("0".into(), "consent".into()));
        assert!(query(&back, "scope").contains("userinfo.email"));
        let code = query(&back, "code");
        assert!(code.contains('/'));

        let reply = exchange(&practice, &app, &code).await.value();
        let scope = text(&reply, "/scope");
        assert!(scope.split(' ').any(|it| it == "https://www.googleapis.com/auth/userinfo.email"), "{scope}");
        assert_eq!(reply["expires_in"], 3599);
        let claims = claims(&reply);
        assert_eq!(
            (text(&claims, "/iss"), text(&claims, "/aud")),
            ("https://accounts.google.com".into(), app.id.into())
        );
        assert_eq!(
            (text(&claims, "/email"), text(&claims, "/hd")),
            ("maya.lind@acme.example".into(), "acme.example".into())
        );
        assert_eq!(claims["name"].is_string(), app.scope.contains("profile"));

        let access = text(&reply, "/access_token");
        let said = get(&practice, host, path, &access).await;
        assert_eq!((said.status, text(&said.value(), pointer)), (200, value.into()), "{}", app.slug);
        for (host, path, key) in [
            ("openidconnect.googleapis.com", "/v1/userinfo", "/sub"),
            ("www.googleapis.com", "/oauth2/v2/userinfo", "/id"),
        ] {
            let info = get(&practice, host, path, &access).await.value();
            assert_eq!(text(&info, key), text(&claims, "/sub"), "{} {path}", app.slug);
        }

        let token = text(&reply, "/refresh_token");
        for _ in 0..2 {
            let renewed = refresh(&practice, &app, &token).await.value();
            assert!(renewed["refresh_token"].is_null(), "one for good, never repeated");
            assert_ne!(text(&renewed, "/access_token"), access);
        }
    }
}

#[tokio::test]
async fn google_takes_desktop_apps_back_over_loopback_only() {
    let practice = memory().await;
    for good in
        ["http://127.0.0.1:1/", "http://localhost:50000/integrations/gmail", "http://127.0.0.1:50000/x/y"]
    {
        connect(&practice, &Client { back: good, ..GMAIL }).await;
    }
    let scheme = Client { back: "app.tieline.desktop://integrations/gmail", ..GMAIL };
    assert_eq!(dead_end(&practice, &scheme).await, "Error 400: invalid_request");
    let relay = "https://connect.acme.example/integrations/gmail";
    assert_eq!(
        dead_end(&practice, &Client { back: relay, ..GMAIL }).await,
        "Error 400: redirect_uri_mismatch"
    );
    let web = Client {
        id: "410000000001-gmailweb.apps.googleusercontent.com",
        secret: Some("GOCSPX-practice-gmail-web"),
        back: relay,
        ..GMAIL
    };
    connect(&practice, &web).await;
    assert_eq!(
        dead_end(&practice, &Client { back: GMAIL.back, ..web }).await,
        "Error 400: redirect_uri_mismatch"
    );
    assert_eq!(
        dead_end(&practice, &Client { scope: "openid mail.everything", ..GMAIL }).await,
        "Error 400: invalid_scope"
    );
}

#[tokio::test]
async fn google_gives_refresh_tokens_by_its_own_rules() {
    let practice = memory().await;
    let online = connect(&practice, &Client { more: &[], ..GMAIL }).await;
    assert!(online["refresh_token"].is_null(), "not without access_type=offline");
    let quiet = Client { more: &[("access_type", "offline")], ..GMAIL };
    for _ in 0..2 {
        assert!(
            connect(&practice, &quiet).await["refresh_token"].is_string(),
            "a desktop app always gets one"
        );
    }
    let web = Client {
        id: "410000000001-gmailweb.apps.googleusercontent.com",
        secret: Some("GOCSPX-practice-gmail-web"),
        back: "https://connect.acme.example/integrations/gmail",
        ..GMAIL
    };
    let quiet_web = Client { more: quiet.more, ..web };
    assert!(connect(&practice, &quiet_web).await["refresh_token"].is_string());
    assert!(connect(&practice, &quiet_web).await["refresh_token"].is_null(), "the second time not");
    assert!(connect(&practice, &web).await["refresh_token"].is_string(), "unless consent is asked for");
}

#[tokio::test]
async fn google_asks_every_client_for_its_secret() {
    let practice = memory().await;
    let code = query(&visit(&practice, &DRIVE, &Visit::default()).await, "code");
    let missing = exchange(&practice, &Client { secret: None, ..DRIVE }, &code).await;
    let said = json!({ "error": "invalid_request", "error_description": "client_secret is missing." });
    assert_eq!((missing.status, missing.value()), (400, said));
    let wrong = exchange(&practice, &Client { secret: Some("guess"), ..DRIVE }, &code).await;
    assert_eq!((wrong.status, text(&wrong.value(), "/error")), (401, "invalid_client".into()));
    assert_eq!(exchange(&practice, &DRIVE, &code).await.status, 200);
    let used = exchange(&practice, &DRIVE, &code).await;
    assert_eq!((used.status, text(&used.value(), "/error")), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn google_lets_the_person_untick_all_but_the_sign_in() {
    let practice = memory().await;
    let untick = Visit {
        untick: vec!["https://www.googleapis.com/auth/gmail.readonly".into(), "openid".into()],
        ..Visit::default()
    };
    let reply = connect_as(&practice, &GMAIL, &untick).await;
    assert_eq!(text(&reply, "/scope"), "openid https://www.googleapis.com/auth/userinfo.email");
    let token = text(&reply, "/access_token");
    let refused = get(&practice, "gmail.googleapis.com", "/gmail/v1/users/me/profile", &token).await;
    let error = refused.value();
    assert_eq!((refused.status, text(&error, "/error/status")), (403, "PERMISSION_DENIED".into()));
    assert_eq!(text(&error, "/error/errors/0/reason"), "insufficientPermissions");
    assert_eq!(text(&error, "/error/details/0/reason"), "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
}

#[tokio::test]
async fn a_google_revocation_reaches_the_whole_project_of_that_person() {
    let practice = memory().await;
    let gmail = text(&connect(&practice, &GMAIL).await, "/refresh_token");
    let drive = text(&connect(&practice, &DRIVE).await, "/refresh_token");
    let storage = text(&connect(&practice, &STORAGE).await, "/refresh_token");
    let jonas = Visit { person: "jonas".into(), ..Visit::default() };
    let other = text(&connect_as(&practice, &DRIVE, &jonas).await, "/refresh_token");

    let revoked = send(&practice, "POST", OAUTH2, "/revoke", "", &[("token", &gmail)]).await;
    assert_eq!((revoked.status, revoked.value()), (200, json!({})));
    for (app, token) in [(GMAIL, &gmail), (DRIVE, &drive)] {
        let gone = refresh(&practice, &app, token).await;
        let said =
            json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." });
        assert_eq!((gone.status, gone.value()), (400, said), "{}", app.slug);
    }
    assert_eq!(refresh(&practice, &STORAGE, &storage).await.status, 200, "another project");
    assert_eq!(refresh(&practice, &DRIVE, &other).await.status, 200, "another person");
    let again = send(&practice, "POST", OAUTH2, "/revoke", "", &[("token", &gmail)]).await;
    assert_eq!((again.status, text(&again.value(), "/error")), (400, "invalid_token".into()));
}

#[tokio::test]
async fn google_keeps_a_hundred_sign_ins_and_forgets_idle_ones() {
    let practice = memory().await;
    practice.set_rules("GMAIL", json!({ "most_grants": 2 })).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(text(&connect(&practice, &GMAIL).await, "/refresh_token"));
    }
    assert_eq!(refresh(&practice, &GMAIL, &tokens[0]).await.status, 400, "the oldest died without a word");
    assert_eq!(refresh(&practice, &GMAIL, &tokens[1]).await.status, 200);
    practice.set_clock_ahead(181 * 86_400).await;
    assert_eq!(refresh(&practice, &GMAIL, &tokens[2]).await.status, 400);
}

#[tokio::test]
async fn google_says_no_on_its_own_pages_and_in_its_own_words() {
    let practice = memory().await;
    let cancelled = visit(&practice, &STORAGE, &Visit { cancel: true, ..Visit::default() }).await;
    assert_eq!(
        (query(&cancelled, "error"), query(&cancelled, "state")),
        ("access_denied".into(), "a state & more".into())
    );
    practice.set_fault("GOOGLE_CLOUD_STORAGE", Fault::AdminApproval, Some(1)).await;
    assert_eq!(dead_end(&practice, &STORAGE).await, "Error 400: admin_policy_enforced");
    practice.set_fault("GOOGLE_CLOUD_STORAGE", Fault::WrongIssuer, Some(1)).await;
    let foreign = visit(&practice, &STORAGE, &Visit::default()).await;
    assert_eq!(query(&foreign, "iss"), "https://login.elsewhere.example");

    let reply = connect(&practice, &STORAGE).await;
    let (access, token) = (text(&reply, "/access_token"), text(&reply, "/refresh_token"));
    practice.set_fault("GOOGLE_CLOUD_STORAGE", Fault::SessionPolicy, Some(1)).await;
    let rapt = refresh(&practice, &STORAGE, &token).await.value();
    assert_eq!(
        (text(&rapt, "/error"), text(&rapt, "/error_subtype")),
        ("invalid_grant".into(), "invalid_rapt".into())
    );
    practice.set_fault("GOOGLE_CLOUD_STORAGE", Fault::SecretExpired, Some(1)).await;
    assert_eq!(text(&refresh(&practice, &STORAGE, &token).await.value(), "/error"), "deleted_client");

    let bucket = "/storage/v1/b/acme-reports/o?maxResults=1";
    for (fault, status, reason) in [
        (Fault::NotLicensed, 403, "accessNotConfigured"),
        (Fault::ApiUnauthorized, 401, "authError"),
        (Fault::RateLimited, 429, "rateLimitExceeded"),
        (Fault::ServerError, 503, "backendError"),
    ] {
        practice.set_fault("GOOGLE_CLOUD_STORAGE", fault, Some(1)).await;
        let refused = get(&practice, "storage.googleapis.com", bucket, &access).await;
        assert_eq!(
            (refused.status, text(&refused.value(), "/error/errors/0/reason")),
            (status, reason.into()),
            "{fault:?}"
        );
        assert_eq!(refused.value()["error"]["code"], status, "{fault:?}");
    }
}

#[tokio::test]
async fn google_apis_want_their_parameters_and_roles() {
    let practice = memory().await;
    let drive = text(&connect(&practice, &DRIVE).await, "/access_token");
    let reason = |reply: &Reply| (reply.status, text(&reply.value(), "/error/errors/0/reason"));
    let www = "www.googleapis.com";
    assert_eq!(reason(&get(&practice, www, "/drive/v3/about", &drive).await), (400, "required".into()));
    let shared = "/drive/v3/files/0AAcmeSharedDrivePVA?fields=id,name";
    assert_eq!(reason(&get(&practice, www, shared, &drive).await), (404, "notFound".into()));
    let shared = get(&practice, www, &format!("{shared}&supportsAllDrives=true"), &drive).await;
    assert_eq!(text(&shared.value(), "/name"), "Acme");

    let storage = text(&connect(&practice, &STORAGE).await, "/access_token");
    let host = "storage.googleapis.com";
    for (path, status, why) in [
        ("/storage/v1/b/nowhere/o", 404, "notFound"),
        ("/storage/v1/b/acme-payroll/o", 403, "forbidden"),
        ("/storage/v1/b/acme-archive/o", 400, "required"),
        ("/storage/v1/b", 400, "required"),
        ("/storage/v1/b?project=acme-data-123456", 403, "forbidden"),
    ] {
        assert_eq!(reason(&get(&practice, host, path, &storage).await), (status, why.into()), "{path}");
    }
    let amara = Visit { person: "amara".into(), ..Visit::default() };
    let owner = text(&connect_as(&practice, &STORAGE, &amara).await, "/access_token");
    assert_eq!(get(&practice, host, "/storage/v1/b/acme-payroll/o", &owner).await.status, 200);
    let all = get(&practice, host, "/storage/v1/b?project=acme-data-123456", &owner).await.value();
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
    // A token of one product is known, and forbidden, at the others.
    assert_eq!(reason(&get(&practice, host, "/storage/v1/b/acme-reports/o", &drive).await).0, 403);
    let foreign = get(&practice, "openidconnect.googleapis.com", "/v1/userinfo", "ya29.nothing").await;
    assert_eq!((foreign.status, text(&foreign.value(), "/error")), (401, "invalid_request".into()));
}
