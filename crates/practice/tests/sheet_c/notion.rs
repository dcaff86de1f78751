use super::*;

const BACK: &str = "http://localhost:47823/integrations/notion";
const NEW: [&str; 2] = ["11d00000-0000-4000-8000-0000000a0001", "practice-notion-secret"];
const OLDER: [&str; 2] = ["11d00000-0000-4000-8000-0000000a0002", "practice-notion-older-secret"];
const HOST: &str = "api.notion.com";
const VERSION: (&str, &str) = ("Notion-Version", "2025-09-03");

fn opens(practice: &Practice, client: &str, back: &str) -> Url {
    let pairs = [
        ("client_id", client),
        ("redirect_uri", back),
        ("response_type", "code"),
        ("owner", "user"),
        ("state", "s"),
    ];
    page(practice, HOST, "/v1/oauth/authorize", &pairs)
}

async fn call(practice: &Practice, path: &str, app: [&str; 2], body: &Value) -> Answer {
    let basic = format!("Basic {}", STANDARD.encode(app.join(":")));
    let headers = [("Authorization", basic.as_str()), VERSION, JSON];
    send(practice, ["POST", HOST, path], &headers, &body.to_string()).await
}

async fn connect(practice: &Practice, app: [&str; 2]) -> Answer {
    let back = Visit::default().answer(&opens(practice, app[0], BACK)).await.unwrap();
    let body = json!({
        "grant_type": "authorization_code", "code": query(&back, "code"), "redirect_uri": BACK,
    });
    call(practice, "/v1/oauth/token", app, &body).await
}

async fn refresh(practice: &Practice, token: &str) -> Answer {
    let body = json!({ "grant_type": "refresh_token", "refresh_token": token });
    call(practice, "/v1/oauth/token", NEW, &body).await
}

async fn me(practice: &Practice, token: &str) -> Answer {
    let token = format!("Bearer {token}");
    let headers = [("Authorization", token.as_str()), VERSION];
    send(practice, ["GET", HOST, "/v1/users/me"], &headers, "").await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let first = connect(&practice, NEW).await;
    assert_eq!(first.says("/workspace_name"), (200, "Acme".into()));
    assert!(first.json().get("expires_in").is_none());
    let bot = me(&practice, &first.text("/access_token")).await;
    assert_eq!(bot.text("/bot/owner/user/person/email"), "maya.lind@acme.example");
    assert_eq!(bot.text("/bot/owner/user/id"), first.text("/owner/user/id"));

    let second = refresh(&practice, &first.text("/refresh_token")).await;
    assert_ne!(second.text("/refresh_token"), first.text("/refresh_token"));
    let reused = refresh(&practice, &first.text("/refresh_token")).await;
    assert_eq!(reused.says("/code"), (400, "invalid_grant".into()));

    let token = json!({ "token": second.text("/access_token") });
    let introspected = call(&practice, "/v1/oauth/introspect", NEW, &token).await;
    assert_eq!(introspected.json()["active"], true);
    assert_eq!(call(&practice, "/v1/oauth/revoke", NEW, &token).await.status, 200);
    let dead = me(&practice, &second.text("/access_token")).await;
    assert_eq!(dead.says("/code"), (401, "unauthorized".into()));
}

#[tokio::test]
async fn an_older_connection_has_a_null_refresh_token_and_never_ends() {
    let practice = practice().await;
    let tokens = connect(&practice, OLDER).await;
    assert_eq!(tokens.json().get("refresh_token"), Some(&Value::Null));
    practice.set_clock_ahead(400 * 86_400).await;
    assert_eq!(me(&practice, &tokens.text("/access_token")).await.status, 200);
}

#[tokio::test]
async fn basic_json_and_version_are_all_needed() {
    let practice = practice().await;
    let basic = format!("Basic {}", STANDARD.encode(NEW.join(":")));
    let auth = ("Authorization", basic.as_str());
    let to = ["POST", HOST, "/v1/oauth/token"];
    let body = json!({ "grant_type": "refresh_token", "refresh_token": "x" }).to_string();
    assert_eq!(send(&practice, to, &[VERSION, JSON], &body).await.says("/code").1, "invalid_client");
    assert_eq!(send(&practice, to, &[auth, JSON], &body).await.says("/code").1, "missing_version");
    let in_form = send(&practice, to, &[auth, VERSION, FORM], "grant_type=refresh_token").await;
    assert_eq!(in_form.says("/code"), (400, "invalid_request".into()));
}

#[tokio::test]
async fn neither_the_ip_literal_nor_an_app_address_is_taken() {
    let practice = practice().await;
    for bad in ["http://127.0.0.1:47823/integrations/notion", "app.tieline.desktop://integrations/notion"] {
        let shown = Visit::default().answer(&opens(&practice, NEW[0], bad)).await.unwrap_err();
        assert_eq!(shown.to_string(), "Missing or invalid redirect_uri", "{bad}");
    }
}

#[tokio::test]
async fn errors_come_in_both_shapes() {
    let practice = practice().await;
    let body = json!({ "grant_type": "authorization_code", "code": "x", "redirect_uri": BACK });
    let plain = call(&practice, "/v1/oauth/token", NEW, &body).await;
    assert_eq!(plain.says("/error"), (400, "invalid_grant".into()));
    let object = call(&practice, "/v1/oauth/token", [NEW[0], "guess"], &body).await;
    assert_eq!((object.status, object.text("/object"), object.text("/code")), {
        (401, "error".into(), "invalid_client".into())
    });

    let token = connect(&practice, NEW).await.text("/access_token");
    practice.set_fault("NOTION", Fault::RateLimited, Some(1)).await;
    assert_eq!(me(&practice, &token).await.says("/code"), (429, "rate_limited".into()));
    practice.set_fault("NOTION", Fault::UntickedScope, Some(1)).await;
    let shy = connect(&practice, NEW).await;
    assert!(shy.json().pointer("/owner/user/name").is_none(), "the capability to read users is gone");
}
