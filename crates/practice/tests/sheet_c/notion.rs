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

async fn ask(practice: &Practice, to: [&str; 2], token: &str, body: &Value) -> Answer {
    let token = format!("Bearer {token}");
    let headers = [("Authorization", token.as_str()), VERSION, JSON];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(practice, [to[0], HOST, to[1]], &headers, &body).await
}

#[tokio::test]
async fn search_goes_on_at_the_id_of_what_comes_next() {
    let practice = practice().await;
    let token = connect(&practice, NEW).await.text("/access_token");
    let search = ["POST", "/v1/search"];
    let all = ask(&practice, search, &token, &json!({})).await.json();
    let first = ask(&practice, search, &token, &json!({ "page_size": 3 })).await.json();
    assert_eq!((first["has_more"].clone(), &first["next_cursor"]), (json!(true), &all["results"][3]["id"]));
    let more = json!({ "page_size": 3, "start_cursor": first["next_cursor"] });
    assert_eq!(ask(&practice, search, &token, &more).await.json()["results"][0]["id"], first["next_cursor"]);
    for wrong in [
        json!({ "page_size": 101 }),
        json!({ "start_cursor": "11111111-0000-4000-8000-000000000000" }),
        json!({ "filter": { "property": "object", "value": "database" } }),
    ] {
        let refused = ask(&practice, search, &token, &wrong).await;
        assert_eq!(refused.says("/code"), (400, "validation_error".into()), "{wrong}");
    }
    let bare = format!("Bearer {token}");
    let refused =
        send(&practice, ["POST", HOST, "/v1/search"], &[("Authorization", &bare), JSON], "{}").await;
    assert_eq!(refused.says("/code").1, "missing_version");
}

#[tokio::test]
async fn what_is_not_shared_is_not_found() {
    let practice = practice().await;
    let token = connect(&practice, NEW).await.text("/access_token");
    let all = ask(&practice, ["POST", "/v1/search"], &token, &json!({})).await.json();
    let of = |kind: &str| {
        let all = all["results"].as_array().unwrap().iter();
        all.filter(|it| it["parent"]["type"] == kind).cloned().collect::<Vec<Value>>()
    };
    let source = &of("database_id")[0];
    let database = source["parent"]["database_id"].as_str().unwrap();
    let shown =
        ask(&practice, ["GET", &format!("/v1/databases/{database}")], &token, &Value::Null).await.json();
    assert_eq!(shown["data_sources"][0]["id"], source["id"]);
    let block = &of("block_id")[0];
    let toggle = format!("/v1/blocks/{}", block["parent"]["block_id"].as_str().unwrap());
    assert_eq!(ask(&practice, ["GET", &toggle], &token, &Value::Null).await.says("/type").1, "toggle");

    let thing = all["results"].as_array().unwrap().iter().find(|it| it["object"] == "page").unwrap();
    let page = format!("/v1/pages/{}", thing["id"].as_str().unwrap());
    practice.change("NOTION", json!({ "do": "unpublish", "thing": thing["id"], "state": "trashed" })).await;
    assert_eq!(ask(&practice, ["GET", &page], &token, &Value::Null).await.json()["in_trash"], true);
    practice.change("NOTION", json!({ "do": "delete", "thing": thing["id"] })).await;
    for path in [page.clone(), format!("{page}/markdown")] {
        let gone = ask(&practice, ["GET", &path], &token, &Value::Null).await;
        assert_eq!(gone.says("/code"), (404, "object_not_found".into()));
    }
}

#[tokio::test]
async fn a_long_page_says_what_it_leaves_out() {
    let practice = practice().await;
    let token = connect(&practice, NEW).await.text("/access_token");
    let pages = practice.contents("NOTION").await;
    let long = pages.iter().find(|it| it.kind == "page" && it.id.starts_with('7')).unwrap();
    practice.change("NOTION", json!({ "do": "edit", "thing": long.thing, "text": "One.\n\nTwo." })).await;
    let get = async |id: &str| {
        ask(&practice, ["GET", &format!("/v1/pages/{id}/markdown")], &token, &Value::Null).await
    };
    let first = get(&long.id).await.json();
    assert_eq!(first["truncated"], true);
    assert!(first["markdown"].as_str().unwrap().starts_with("One.\n<unknown "));
    let ids: Vec<&str> =
        first["unknown_block_ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(get(ids[0]).await.text("/markdown").starts_with("Two."));
    assert_eq!(get(ids[1]).await.says("/code"), (404, "object_not_found".into()), "not shared");
}
