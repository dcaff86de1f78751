//! Who is let in, and how errors are told.

use serde_json::{Value, json};
use tieline_engine::wire::AddedKey;

use crate::source_oauth::scene::{FORM, Program, Scene, code};

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_never_sees_another_s() {
    let scene = Scene::open().await;
    let (program, other) = (scene.program(), scene.another("Other").await);
    let workspace = program.workspace().await;
    let source = program.zendesk(&workspace).await;
    let id = source["sourceId"].as_str().unwrap();
    let made = json!({ "source_id": id, "schedule": { "schedule_type": "manual" } });
    let link = program.gets(201, "POST", &program.at("connections"), made).await;
    let link = link["connection_id"].as_str().unwrap();

    assert_ne!(other.workspace().await, workspace);
    assert_eq!(other.gets(200, "GET", "/v1/sources", Value::Null).await["data"], json!([]));
    for (method, path) in [
        ("GET", format!("/v1/sources/{id}")),
        ("PATCH", format!("/v1/sources/{id}")),
        ("DELETE", format!("/v1/sources/{id}")),
        ("GET", format!("/v1/workspaces/{workspace}")),
        ("PATCH", format!("/v1/workspaces/{workspace}")),
        ("DELETE", format!("/v1/workspaces/{workspace}")),
        ("GET", other.at(&format!("sources/{id}"))),
        ("DELETE", other.at(&format!("sources/{id}"))),
        ("GET", other.at(&format!("connections/{link}"))),
        ("PATCH", other.at(&format!("connections/{link}"))),
        ("DELETE", other.at(&format!("connections/{link}"))),
    ] {
        let body = if method == "PATCH" { json!({ "name": "Mine" }) } else { Value::Null };
        other.gets(404, method, &path, body).await;
    }
    other.gets(404, "POST", &other.at("sources/test"), json!({ "source_id": id })).await;
    let theirs = other.gets(403, "GET", &program.at("sources"), Value::Null).await;
    assert_eq!((code(&theirs), &theirs["error"]["status"]), ("FORBIDDEN", &json!(403)));
    assert_eq!(program.gets(200, "GET", &format!("/v1/sources/{id}"), Value::Null).await, source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_in_each_way_a_client_knows() {
    let scene = Scene::open().await;
    let (id, secret) = (scene.key.key.id.as_str(), scene.key.secret.as_str());
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for path in ["/v1/applications/token", "/applications/token", "/api/v1/applications/token"] {
        let reply = scene.send("POST", path, &[("content-type", FORM)], &form).await;
        assert_eq!(reply.status, 200);
        let given: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(36_000)));
        let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
        let reply = scene.send("GET", "/v1/sources", &[("authorization", &bearer)], "").await;
        assert_eq!(reply.status, 200);
    }
    let body =
        json!({ "client_id": id, "client_secret": secret, "grant-type": "client_credentials" }).to_string();
    let reply = scene.send("POST", "/v1/applications/token", &[], &body).await;
    assert_eq!(reply.status, 200);
    let wrong = json!({ "client_id": "another", "client_secret": secret }).to_string();
    assert_eq!(scene.send("POST", "/v1/applications/token", &[], &wrong).await.status, 401);

    let program = scene.program();
    let path = program.at("sources");
    let reply = scene.send("GET", &path, &[("x-api-key", secret)], "").await;
    assert_eq!(reply.status, 200);
    for name in
        ["x-request-id", "freddy-processing-ms", "x-ratelimit-limit", "x-ratelimit-remaining-requests"]
    {
        assert!(reply.get(name).is_some(), "{name}");
    }
    // A customer's token is for that customer's things, and these are the organization's.
    let key = scene.stage.app.programs().key(secret).unwrap().unwrap();
    let customer = scene.stage.app.programs().temporary(&key, "maya").unwrap();
    let bearer = format!("Bearer {}", customer.expose());
    assert_eq!(scene.send("GET", "/v1/sources", &[("authorization", &bearer)], "").await.status, 403);
    assert_eq!(scene.send("GET", "/v1/sources", &[], "").await.status, 401);
    let reply = scene.send("GET", &path, &[], "").await;
    let refused: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, code(&refused)), (401, "UNAUTHORIZED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_no_handler_makes_are_in_the_dialect_too() {
    let scene = Scene::open().await;
    let program = scene.program();
    let key = format!("Bearer {}", program.secret);
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    for (method, path, body, status) in [
        ("POST", program.at("sources"), "{", 400),
        ("POST", program.at("sources"), "[]", 400),
        ("GET", program.at("nothing"), "", 404),
        ("DELETE", program.at("sources"), "", 405),
        ("POST", program.at("sources"), "{\"name\": 7}", 400),
        ("GET", program.at("sources?limit=many"), "", 400),
    ] {
        let reply = scene.send(method, &path, &headers, body).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, status, "{method} {path} {said}");
        assert_eq!((&said["success"], &said["error"]["status"]), (&json!(false), &json!(status)));
        assert_eq!(reply.get("x-request-id"), said["error"]["trace_id"].as_str());
    }
    for (method, path, body, status) in [
        ("POST", "/v1/sources", "{", 400),
        ("DELETE", "/v1/sources", "", 405),
        ("GET", "/v1/sources/unknown", "", 404),
        ("GET", "/v1/sources/%ff", "", 400),
        ("GET", "/v1/sources/a/b", "", 404),
        ("POST", "/api/v1/source_oauths/get_consent_url", "{}", 400),
        ("POST", "/v1/applications/token", "what", 400),
    ] {
        let reply = scene.send(method, path, &headers, body).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, status, "{method} {path} {said}");
        assert_eq!(said["status"], json!(status));
        assert!(
            said["title"].is_string() && said["detail"].is_string() && said["type"].is_string(),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_token_is_a_use_of_the_key_like_any_other() {
    let scene = Scene::open().await;
    let page = "https://app.example.com";
    let few: AddedKey = scene.stage.ask("add_key", json!({ "name": "Few", "per_minute": 3 })).await.unwrap();
    let _named: AddedKey =
        scene.stage.ask("add_key", json!({ "name": "Named", "origins": [page] })).await.unwrap();
    let path = "/v1/applications/token";
    let form = format!("client_id={}&client_secret={}", few.key.id, few.secret);
    let refused = scene.send("POST", path, &[("content-type", FORM), ("origin", page)], &form).await;
    assert_eq!(refused.status, 403, "another key lets this page in");
    // What is refused counts as well.
    for status in [200, 200, 429] {
        let reply = scene.send("POST", path, &[("content-type", FORM)], &form).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.get("retry-after").is_some(), status == 429);
    }
    let Scene { stage, server, .. } = scene;
    server.close().await;
    let uses: Vec<Value> = stage.ask("key_uses", json!({ "id": few.key.id })).await.unwrap();
    let times = |status: u16| -> u64 {
        let of = uses.iter().filter(|it| it["what"] == format!("POST {path}") && it["status"] == status);
        of.filter_map(|it| it["times"].as_u64()).sum()
    };
    assert_eq!((times(403), times(200), times(429)), (1, 2, 1), "{uses:?}");
    let keys: Vec<Value> = stage.ask("keys", json!({})).await.unwrap();
    let used = keys.iter().find(|key| key["id"] == few.key.id.as_str()).unwrap();
    assert!(used["last_used_at"].is_string(), "{used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_read_what_is_left_of_its_key_even_where_nothing_is() {
    let scene = Scene::open().await;
    let page = "https://app.example.com";
    let ask = json!({ "name": "Page", "per_minute": 1, "origins": [page] });
    let key: AddedKey = scene.stage.ask("add_key", ask).await.unwrap();
    let path = Program::of(&scene, &key).at("sources");
    let bearer = format!("Bearer {}", key.secret);
    let headers = [("authorization", bearer.as_str()), ("origin", page)];
    for status in [200, 429] {
        let reply = scene.send("GET", &path, &headers, "").await;
        assert_eq!(reply.status, status);
        let shown = reply.get("access-control-expose-headers").unwrap();
        for (name, value) in [
            ("x-ratelimit-limit", Some("1")),
            ("x-ratelimit-remaining", Some("0")),
            ("x-ratelimit-reset", None),
            ("x-ratelimit-limit-requests", Some("1")),
            ("x-ratelimit-remaining-requests", Some("0")),
            ("x-ratelimit-reset-requests", None),
            ("freddy-processing-ms", None),
            ("x-request-id", None),
        ] {
            let said = reply.get(name).unwrap_or_else(|| panic!("{status} {name}"));
            assert!(value.is_none_or(|value| said == value), "{status} {name}: {said}");
            assert!(shown.split(", ").any(|it| it == name), "{name} of {shown}");
        }
    }
}
