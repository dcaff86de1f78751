use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tieline_practice::Fault;

use crate::world::{Answer, World, encoded, text};

const GONG_SCOPES: &str = "api:workspaces:read api:users:read api:calls:read:basic";

async fn gong_token(world: &World, fields: &[(&str, &str)], client: &str) -> Answer {
    let basic = format!("Basic {}", STANDARD.encode(client));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    world.send("POST", "https://app.gong.io/oauth2/generate-customer-token", &headers, &encoded(fields)).await
}

const GONG_CLIENT: &str = "practice-gong-client:practice-gong-secret";

async fn gong_signed_in(world: &World) -> Value {
    let back = "http://localhost:47823/integrations/gong";
    let ask = [
        ("client_id", "practice-gong-client"),
        ("response_type", "code"),
        ("access_type", "offline"),
        ("scope", GONG_SCOPES),
        ("redirect_uri", back),
        ("state", "s1"),
    ];
    let code = world.code("https://app.gong.io/oauth2/authorize", &ask).await;
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", back)];
    gong_token(world, &fields, GONG_CLIENT).await.with(200)
}

#[tokio::test]
async fn the_whole_way() {
    let world = World::new().await;
    let first = gong_signed_in(&world).await;
    assert_eq!((&first["expires_in"], &first["token_type"]), (&json!(86_400), &json!("bearer")));
    assert_eq!(first["scope"], GONG_SCOPES);
    let base = text(&first, "/api_base_url_for_customer");
    assert_eq!(base, "https://company-17.api.gong.io");

    let access = text(&first, "/access_token");
    let workspaces = world.get(&format!("{base}/v2/workspaces"), &access).await.with(200);
    assert_eq!(text(&workspaces, "/workspaces/0/name"), "Acme");
    let page = world.get(&format!("{base}/v2/users"), &access).await.with(200);
    assert_eq!(text(&page, "/users/0/emailAddress"), "maya.lind@acme.example");
    let cursor = text(&page, "/records/cursor");
    let rest = world.get(&format!("{base}/v2/users?cursor={cursor}"), &access).await.with(200);
    assert!(rest.pointer("/records/cursor").is_none(), "no cursor on the last page");
    let count = |page: &Value| page["users"].as_array().unwrap().len();
    assert_eq!(json!(count(&page) + count(&rest)), page["records"]["totalRecords"]);

    for elsewhere in ["https://api.gong.io", "https://company-18.api.gong.io"] {
        let refused = world.get(&format!("{elsewhere}/v2/users"), &access).await.with(401);
        assert_eq!(text(&refused, "/errors/0"), "access token has been revoked", "{elsewhere}");
    }

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &text(&first, "/refresh_token"))];
    let second = gong_token(&world, &refresh, GONG_CLIENT).await.with(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(world.get(&format!("{base}/v2/users"), &text(&second, "/access_token")).await.status, 200);
    let again = gong_token(&world, &refresh, GONG_CLIENT).await.with(400);
    assert_eq!(again["error"], "invalid_grant", "each refresh token works once");
}

#[tokio::test]
async fn wants_basic_and_words_its_errors_without_codes() {
    let world = World::new().await;
    let first = gong_signed_in(&world).await;
    let token = text(&first, "/refresh_token");
    let in_body = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &token),
        ("client_id", "practice-gong-client"),
        ("client_secret", "practice-gong-secret"),
    ];
    let refused = world.form("https://app.gong.io/oauth2/generate-customer-token", &in_body).await;
    assert_eq!(refused.with(401)["error"], "invalid_client");
    let swapped = "practice-gong-secret:practice-gong-client";
    assert_eq!(gong_token(&world, &in_body[..2], swapped).await.status, 401);

    world.fault("gong", Fault::RateLimited).await;
    let base = text(&first, "/api_base_url_for_customer");
    let slow_down = world.get(&format!("{base}/v2/users"), &text(&first, "/access_token")).await;
    assert_eq!(slow_down.header("retry-after"), Some("2"));
    let said = slow_down.with(429);
    assert!(said.pointer("/errors/0").is_some() && said.get("requestId").is_some());

    world.fault("gong", Fault::TokenReused).await;
    let dead = gong_token(&world, &in_body[..2], GONG_CLIENT).await.with(400);
    assert_eq!(dead["error_description"], "Refresh token code is invalid");
}

#[tokio::test]
async fn calls_are_asked_for_in_the_body_and_none_is_status_404() {
    let world = World::new().await;
    let back = "http://localhost:47823/integrations/gong";
    let scopes = "api:calls:read:basic api:calls:read:extensive api:calls:read:transcript";
    let ask = [
        ("client_id", "practice-gong-client"),
        ("response_type", "code"),
        ("scope", scopes),
        ("redirect_uri", back),
        ("state", "s1"),
    ];
    let code = world.code("https://app.gong.io/oauth2/authorize", &ask).await;
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", back)];
    let token = text(&gong_token(&world, &fields, GONG_CLIENT).await.with(200), "/access_token");
    let post = async |path: &str, body: Value| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        let url = format!("https://company-17.api.gong.io/v2/calls/{path}");
        world.send("POST", &url, &headers, &body.to_string()).await
    };
    let all = json!({ "fromDateTime": "2015-01-01T00:00:00Z", "toDateTime": "2030-01-01T00:00:00Z" });
    let page = post("extensive?toDateTime=2016-01-01T00:00:00Z", json!({ "filter": all })).await.with(200);
    assert_eq!(page["records"]["currentPageSize"], 100, "the query of a POST is not looked at");
    assert!(page["calls"].as_array().unwrap().iter().any(|call| call["metaData"]["isPrivate"] == true));
    assert!(page["calls"][0].get("parties").is_none(), "only what is asked for is exposed");
    let cursor = &page["records"]["cursor"];
    post("extensive", json!({ "filter": all, "cursor": cursor })).await.with(200);
    let other = json!({ "fromDateTime": "2016-01-01T00:00:00Z" });
    post("extensive", json!({ "filter": other, "cursor": cursor })).await.with(400);

    let none =
        json!({ "filter": { "fromDateTime": "2015-01-01T00:00:00Z", "toDateTime": "2015-02-01T00:00:00Z" } });
    let none = post("extensive", none).await.with(404);
    assert!(text(&none, "/errors/0").starts_with("No calls found"));
    let seen = world.practice.contents("GONG").await;
    let of = |format: &str| json!({ "filter": { "callIds": [seen.iter().rfind(|it| it.kind == "call" && it.format == format).unwrap().id] } });
    post("transcript", of("none")).await.with(404);
    let spoken = post("transcript", of("txt")).await.with(200);
    assert!(spoken["callTranscripts"][0]["transcript"][0]["sentences"][0]["text"].is_string());
    world.get("https://company-17.api.gong.io/v2/calls", &token).await.with(400);
}
