use serde_json::{Value, json};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;

use crate::world::{BACK, World, text, value};

async fn intercom_token(world: &World, region: &str, back: Option<&str>, person: &str) -> Value {
    let mut ask = vec![("client_id", "practice-intercom-client"), ("state", "s1")];
    ask.extend(back.map(|back| ("redirect_uri", back)));
    let visit = Visit { person: person.into(), ..Visit::default() };
    let home = world.visit(&format!("https://app.{region}intercom.com/oauth"), &ask, visit).await.unwrap();
    assert_eq!(home.scheme(), "https");
    let fields = [
        ("code", &*value(&home, "code")),
        ("client_id", "practice-intercom-client"),
        ("client_secret", "practice-intercom-secret"),
    ];
    world.form(&format!("https://api.{region}intercom.io/auth/eagle/token"), &fields).await.with(200)
}

/// The organisation's relay: the only kind of way back that Intercom takes.
const HOME: &str = "https://connect.acme.example/integrations/intercom";

#[tokio::test]
async fn the_whole_way() {
    let world = World::new().await;
    let reply = intercom_token(&world, "", Some(HOME), "maya").await;
    assert_eq!(reply["token"], reply["access_token"]);
    let mut names: Vec<&String> = reply.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "token", "token_type"], "no expiry, no refresh token");

    let token = text(&reply, "/access_token");
    world.practice.set_clock_ahead(10 * 365 * 86_400).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("intercom-version", "2.16")];
    let me = world.send("GET", "https://api.intercom.io/me", &headers, "").await.with(200);
    assert_eq!((text(&me, "/name"), text(&me, "/app/region")), ("Maya Lind".into(), "US".into()));
    let odd = [("authorization", bearer.as_str()), ("intercom-version", "9.9")];
    assert_eq!(
        world.send("GET", "https://api.intercom.io/me", &odd, "").await.with(400)["type"],
        "error.list"
    );

    let other = text(&intercom_token(&world, "", None, "jonas").await, "/token");
    let european = text(&intercom_token(&world, "eu.", Some(HOME), "maya").await, "/token");
    let refused = world.get("https://api.intercom.io/me", &european).await.with(401);
    assert_eq!(refused["type"], "error.list", "another region's token");
    assert_eq!(world.send("POST", "https://api.intercom.io/auth/uninstall", &headers, "").await.status, 200);
    for gone in [&token, &other] {
        let refused = world.get("https://api.intercom.io/me", gone).await.with(401);
        assert_eq!(text(&refused, "/errors/0/message"), "Access Token Invalid", "uninstalled for everyone");
    }
    assert_eq!(world.get("https://api.eu.intercom.io/me", &european).await.status, 200);
}

#[tokio::test]
async fn takes_https_only_and_its_codes_belong_to_a_region() {
    let world = World::new().await;
    for back in [&*format!("{BACK}intercom"), "app.tieline.desktop://integrations/intercom"] {
        let ask = [("client_id", "practice-intercom-client"), ("state", "s1"), ("redirect_uri", back)];
        world.visit("https://app.intercom.com/oauth", &ask, Visit::default()).await.unwrap_err();
    }
    let ask = [("client_id", "practice-intercom-client"), ("state", "s1"), ("redirect_uri", HOME)];
    let code = world.code("https://app.au.intercom.com/oauth", &ask).await;
    let body = |secret: &str| json!({ "code": code, "client_id": "practice-intercom-client", "client_secret": secret });
    let wrong_region = "https://api.intercom.io/auth/eagle/token";
    let refused = world.post_json(wrong_region, body("practice-intercom-secret")).await.with(401);
    assert_eq!(text(&refused, "/errors/0/message"), "Unauthorized Code");
    let right = "https://api.au.intercom.io/auth/eagle/token";
    assert_eq!(world.post_json(right, body("wrong")).await.with(401)["errors"][0]["code"], "unauthorized");
    world.fault("intercom", Fault::CodeExpired).await;
    let late = world.post_json(right, body("practice-intercom-secret")).await.with(401);
    assert_eq!(text(&late, "/errors/0/message"), "Unauthorized Code");
    world.post_json(right, body("practice-intercom-secret")).await.with(200);

    world.fault("intercom", Fault::RateLimited).await;
    let limited = world.get("https://api.intercom.io/me", "any").await;
    assert!(limited.header("x-ratelimit-reset").is_some());
    assert_eq!(text(&limited.with(429), "/errors/0/code"), "rate_limit_exceeded");
}

#[tokio::test]
async fn lists_newest_first_by_numbered_pages_and_shows_drafts() {
    let world = World::new().await;
    let token = text(&intercom_token(&world, "", Some(HOME), "maya").await, "/access_token");
    let mut address = "https://api.intercom.io/articles".to_owned();
    let (mut times, mut drafts, mut pages) = (Vec::new(), 0, 0);
    loop {
        let page = world.get(&address, &token).await.with(200);
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= 25, "25 unless asked otherwise");
        times.extend(rows.iter().map(|row| row["updated_at"].as_u64().unwrap()));
        drafts += rows.iter().filter(|row| row["state"] == "draft").count();
        pages += 1;
        match page["pages"]["next"].as_str() {
            Some(next) => address = next.to_owned(),
            None => {
                assert_eq!(page["total_count"], times.len());
                assert_eq!(page["pages"]["total_pages"], pages);
                break;
            }
        }
    }
    assert!(times.is_sorted_by(|one, other| one >= other) && drafts > 0);
    for (path, status) in
        [("articles?per_page=250", 200), ("articles?per_page=251", 400), ("articles/1", 404)]
    {
        assert_eq!(
            world.get(&format!("https://api.intercom.io/{path}"), &token).await.status,
            status,
            "{path}"
        );
    }
    let collections =
        world.get("https://api.intercom.io/help_center/collections?per_page=2", &token).await.with(200);
    assert!(collections["pages"].get("next").is_none() && collections["pages"]["total_pages"] != 1);
    let elsewhere = world.get("https://api.au.intercom.io/articles", &token).await;
    assert_eq!(elsewhere.with(401)["type"], "error.list");
}
