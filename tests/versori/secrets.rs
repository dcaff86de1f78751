//! What is told to nobody, and what to the opener of the page only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::authority::ANNA;
use crate::stage::keyring;
use crate::stage::search::Search;
use crate::versori::scene::*;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_told_or_lies_outside_of_the_keyring() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let mut search = Search::default();
    let hub = program.hub().await;
    program.user(&hub, "u").await;
    search.secret(SECRET);
    // Without a credential of their own the secret comes in the scheme, and becomes one.
    let returned = program.signs_in(&ANNA, &hub, program.asked(SCHEME)).await;
    let mut body = program.connection("By grant", None, &returned.code());
    body["connection"]["credentials"]["action"][0]["authSchemeConfig"]["grant"]["clientSecret"] =
        json!(SECRET);
    let users = format!("/hubs/{hub}/users/u/connections");
    let made = program.gets(201, "POST", &users, body).await;
    let grant = &made["credentials"]["action"][0]["authSchemeConfig"]["grant"];
    assert_eq!(grant["organisationId"], json!(program.organisation));
    assert!(grant["clientSecret"].is_null(), "{grant}");
    let credential = grant["credentialId"].as_str().unwrap().to_owned();
    search.address(&returned.page);
    search.address(&returned.back);
    search.secret(&scene.service.access_token().await.0);
    search.secret(&scene.service.refresh_token().await);

    let kinds = [
        ("string", json!({ "value": "canary-of-string" })),
        ("binary", json!({ "valueBase64": "Y2FuYXJ5LW9mLWJpbmFyeQ==" })),
        ("basic-auth", json!({ "username": "anna", "password": "canary-of-basic" })),
        ("oauth2-password", json!({ "username": "anna", "password": "canary-of-password" })),
        (
            "oauth2-token",
            json!({ "scopes": ["a"], "accessToken": "canary-of-access", "refreshToken": "canary-of-refresh" }),
        ),
        ("certificate", json!({ "certificate": "PEM", "key": "canary-of-key", "ca": "PEM" })),
        ("custom-function", json!({ "inner": { "word": "canary-of-custom" } })),
    ];
    for text in [
        "canary-of-string",
        "Y2FuYXJ5LW9mLWJpbmFyeQ==",
        "canary-of-basic",
        "canary-of-password",
        "canary-of-access",
        "canary-of-refresh",
        "canary-of-key",
        "canary-of-custom",
    ] {
        search.secret(text);
    }
    for (kind, data) in kinds {
        let body = json!({ "connectorId": PRIMARY, "connection": {
            "name": kind, "variables": [{ "name": "host", "value": "a.example" }],
            "credentials": { "trigger": [{
                "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "none" },
                "credential": { "name": kind, "type": kind, "data": data },
            }] },
        } });
        let made = program.gets(201, "POST", &users, body).await;
        assert_eq!(made["credentials"]["trigger"][0]["credential"]["type"], kind);
        search.say(kind, made.to_string());
    }
    let all = program
        .gets(200, "GET", &format!("/o/{}/credentials?first=100", program.organisation), Value::Null)
        .await;
    assert_eq!(all["totalCount"], 10);
    search.say("credentials", all.to_string());
    search.say("connection", made.to_string());
    let of_user = program.gets(200, "GET", &format!("/hubs/{hub}/users/u"), Value::Null).await;
    search.say("user", of_user.to_string());
    let path = format!("/o/{}/credentials/{credential}", program.organisation);
    search.say("one", program.gets(200, "GET", &path, Value::Null).await.to_string());
    let names: Vec<String> = keyring::entries(scene.stage.folder.path()).into_keys().collect();
    assert!(names.iter().any(|name| name.contains(&format!("versori/{credential}"))), "{names:?}");
    scene.stage.app.close().await;
    search.files(scene.stage.folder.path());
    search.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_its_opener_and_loads_nothing() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    let returned = program.signs_in(&ANNA, &hub, program.asked(SCHEME)).await;
    let shown = scene.lands(&returned.back).await;
    let html = String::from_utf8(shown.body.clone()).unwrap();
    assert!(html.contains("Keep this one open") && html.contains("data-told=\"The window"), "{html}");
    let rules = shown.get("content-security-policy").unwrap();
    for (from, to) in [("<script>", "</script>"), ("<style>", "</style>")] {
        let text = html.split_once(from).unwrap().1.split_once(to).unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(rules.contains(&format!("'sha256-{hash}'")), "{rules}");
    }
    assert!(rules.starts_with("default-src 'none'") && rules.contains("frame-ancestors 'none'"), "{rules}");
    assert_eq!(shown.get("cache-control"), Some("no-store"));
    assert_eq!(shown.get("referrer-policy"), Some("no-referrer"));
    for word in ["src=", "href=", "url(", "@import"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(!html.contains(&parameter(&returned.back, "code").unwrap()), "the code stays in the address");
    // An answer that nobody waits for is answered to nobody.
    let mut forged = returned.back.clone();
    forged.set_query(Some("code=x&state=y"));
    let shown = scene.lands(&forged).await;
    let html = String::from_utf8(shown.body).unwrap();
    assert!(
        shown.status == 400 && html.contains("Unexpected return") && html.contains("data-told=\"\""),
        "{html}"
    );
}
