use serde_json::{Value, json};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;

use crate::world::{Answer, BACK, World, text, value};

const ATLASSIAN: &str = "https://auth.atlassian.com";
const CLOUD_API: &str = "https://api.atlassian.com";
const CONFLUENCE_SCOPES: &str = "offline_access read:me read:confluence-user read:page:confluence";

fn confluence_ask<'a>(back: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("audience", "api.atlassian.com"),
        ("prompt", "consent"),
        ("response_type", "code"),
        ("client_id", "practice-confluence-client"),
        ("scope", scope),
        ("redirect_uri", back),
        ("state", "s1"),
    ]
}

async fn confluence_token(world: &World, scope: &str) -> Value {
    let back = format!("{BACK}confluence");
    let code = world.code(&format!("{ATLASSIAN}/authorize"), &confluence_ask(&back, scope)).await;
    let body = json!({
        "grant_type": "authorization_code",
        "client_id": "practice-confluence-client",
        "client_secret": "practice-confluence-secret",
        "code": code,
        "redirect_uri": back,
    });
    world.post_json(&format!("{ATLASSIAN}/oauth/token"), body).await.with(200)
}

async fn confluence_refresh(world: &World, token: &str, secret: &str) -> Answer {
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": "practice-confluence-client",
        "client_secret": secret,
        "refresh_token": token,
    });
    world.post_json(&format!("{ATLASSIAN}/oauth/token"), body).await
}

#[tokio::test]
async fn the_whole_way() {
    let world = World::new().await;
    let first = confluence_token(&world, CONFLUENCE_SCOPES).await;
    assert_eq!(first["expires_in"], 3600);
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["scope"], CONFLUENCE_SCOPES);

    let access = text(&first, "/access_token");
    let sites = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    let holds = |at: usize, word: &str| sites[at]["scopes"].to_string().contains(word);
    assert_eq!(sites.as_array().unwrap().len(), 3);
    assert!(holds(0, "jira") && !holds(0, "confluence"), "the first entry is no Confluence");
    assert_eq!(
        (text(&sites, "/1/url"), text(&sites, "/2/url")),
        ("https://acme.atlassian.net".into(), "https://acme-labs.atlassian.net".into(),)
    );
    assert!(holds(1, "read:page:confluence") && holds(2, "read:page:confluence"));

    let base = format!("{CLOUD_API}/ex/confluence/{}", text(&sites, "/1/id"));
    let user = world.get(&format!("{base}/wiki/rest/api/user/current"), &access).await.with(200);
    let me = world.get(&format!("{CLOUD_API}/me"), &access).await.with(200);
    assert_eq!(user["displayName"], "Maya Lind");
    assert_eq!(me["email"], "maya.lind@acme.example");
    assert_eq!(user["accountId"], me["account_id"]);
    let jira = format!("{CLOUD_API}/ex/confluence/{}/wiki/rest/api/user/current", text(&sites, "/0/id"));
    assert_eq!(world.get(&jira, &access).await.status, 404);
    assert_eq!(world.get("https://acme.atlassian.net/wiki/rest/api/user/current", &access).await.status, 401);

    let old = text(&first, "/refresh_token");
    let second = confluence_refresh(&world, &old, "practice-confluence-secret").await.with(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let again = confluence_refresh(&world, &old, "practice-confluence-secret").await.with(403);
    assert_eq!(
        again,
        json!({ "error": "unauthorized_client", "error_description": "refresh_token is invalid" })
    );
}

#[tokio::test]
async fn is_particular() {
    let world = World::new().await;
    let page = format!("{ATLASSIAN}/authorize");
    let back = format!("{BACK}confluence");

    for missing in ["audience", "prompt"] {
        let ask: Vec<_> =
            confluence_ask(&back, "read:me").into_iter().filter(|(key, _)| *key != missing).collect();
        let home = world.visit(&page, &ask, Visit::default()).await.unwrap();
        assert_eq!(value(&home, "error"), "invalid_request", "without {missing}");
    }
    for back in
        ["http://127.0.0.1:5000/integrations/confluence", "app.tieline.desktop://integrations/confluence"]
    {
        world.visit(&page, &confluence_ask(back, "read:me"), Visit::default()).await.unwrap_err();
    }

    let short = confluence_token(&world, "read:me").await;
    assert!(short.get("refresh_token").is_none(), "no offline_access, no refresh token");
    let access = text(&short, "/access_token");
    let sites = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    assert_eq!(sites.as_array().unwrap().len(), 1, "no Confluence scope, no Confluence site");
    let user =
        format!("{CLOUD_API}/ex/confluence/9b1c4f7a-2e60-4d8b-8f5c-3a7d0e9c6b21/wiki/rest/api/user/current");
    let refused = world.get(&user, &access).await.with(401);
    assert!(text(&refused, "/message").contains("scope does not match"));

    let form = [("grant_type", "refresh_token"), ("client_id", "practice-confluence-client")];
    assert_eq!(world.form(&format!("{ATLASSIAN}/oauth/token"), &form).await.status, 400, "JSON only");
}

#[tokio::test]
async fn says_access_denied_for_a_wrong_secret() {
    let world = World::new().await;
    let token = text(&confluence_token(&world, CONFLUENCE_SCOPES).await, "/refresh_token");
    let refused = confluence_refresh(&world, &token, "wrong").await.with(401);
    assert_eq!(refused["error"], "access_denied");

    world.fault("confluence", Fault::Revoked).await;
    let dead = confluence_refresh(&world, &token, "practice-confluence-secret").await.with(403);
    assert_eq!(dead["error"], "invalid_grant");

    let page = format!("{ATLASSIAN}/authorize");
    let cancel = Visit { cancel: true, ..Visit::default() };
    let back = format!("{BACK}confluence");
    let home = world.visit(&page, &confluence_ask(&back, CONFLUENCE_SCOPES), cancel).await.unwrap();
    assert_eq!((value(&home, "error"), value(&home, "state")), ("access_denied".into(), "s1".into()));

    world.fault("confluence", Fault::NotLicensed).await;
    let access = text(&confluence_token(&world, CONFLUENCE_SCOPES).await, "/access_token");
    let none = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    assert_eq!(none, json!([]));
}

const ACME: &str = "https://api.atlassian.com/ex/confluence/9b1c4f7a-2e60-4d8b-8f5c-3a7d0e9c6b21/wiki";

async fn reader(world: &World) -> String {
    let scopes = "read:confluence-user read:space:confluence read:page:confluence read:folder:confluence \
        read:hierarchical-content:confluence read:attachment:confluence readonly:content.attachment:confluence";
    text(&confluence_token(world, scopes).await, "/access_token")
}

#[tokio::test]
async fn pages_go_on_at_the_site_and_not_at_the_gateway() {
    let world = World::new().await;
    let token = reader(&world).await;
    let first = world.get(&format!("{ACME}/api/v2/pages?limit=2&status=current"), &token).await.with(200);
    assert_eq!(first["results"].as_array().unwrap().len(), 2);
    let next = text(&first, "/_links/next");
    assert!(next.starts_with("/wiki/api/v2/pages?limit=2&status=current&cursor="), "{next}");
    assert_eq!(world.get(&format!("{CLOUD_API}{next}"), &token).await.status, 404, "without the cloud id");
    let (_, cursor) = next.split_once("cursor=").unwrap();
    let second = world.get(&format!("{ACME}/api/v2/pages?cursor={cursor}"), &token).await.with(200);
    assert_ne!(first["results"][0]["id"], second["results"][0]["id"]);
    assert_eq!(second["results"].as_array().unwrap().len(), 25, "the documented default");

    for (wrong, name) in [
        ("limit=251", "limit"),
        ("body-format=view", "body-format"),
        ("status=draft", "status"),
        ("cursor=x", "cursor"),
    ] {
        let refused = world.get(&format!("{ACME}/api/v2/pages?{wrong}"), &token).await.with(400);
        assert!(text(&refused, "/errors/0/title").contains(name), "{refused}");
    }
    let other = ACME.replace("9b1c4f7a-2e60-4d8b-8f5c-3a7d0e9c6b21", "c47e0a95-8d13-4b6f-a2e8-1f9b5d3c7a32");
    let none = world.get(&format!("{other}/api/v2/pages"), &token).await.with(200);
    assert_eq!(none["results"], json!([]), "the other site is empty");
    let shy = text(&confluence_token(&world, "read:space:confluence").await, "/access_token");
    let refused = world.get(&format!("{ACME}/api/v2/pages"), &shy).await.with(401);
    assert!(text(&refused, "/message").contains("scope does not match"));
}

#[tokio::test]
async fn a_file_comes_from_a_host_that_wants_no_bearer() {
    let world = World::new().await;
    let token = reader(&world).await;
    let files =
        world.get(&format!("{ACME}/api/v2/attachments?limit=250&status=current"), &token).await.with(200);
    let files = files["results"].as_array().unwrap();
    let file = files.iter().find(|it| it["mediaType"] == "text/csv" && it["pageId"].is_string()).unwrap();
    let (page, id) = (text(file, "/pageId"), text(file, "/id"));
    let path = format!("{ACME}/rest/api/content/{page}/child/attachment/{id}/download");
    let there = world.get(&path, &token).await;
    assert_eq!(there.status, 302);
    let place = there.header("location").unwrap().to_owned();
    assert!(place.starts_with("https://api.media.atlassian.com/file/"));
    assert_eq!(world.get(&place, &token).await.status, 403, "the token does not belong there");
    let bytes = world.send("GET", &place, &[], "").await;
    assert_eq!((bytes.status, bytes.header("content-type")), (200, Some("text/csv")));

    let mut unseen = 0;
    for file in files.iter().filter(|it| it["pageId"].is_string()) {
        let page = format!("{ACME}/api/v2/pages/{}?status=current", text(file, "/pageId"));
        unseen += usize::from(world.get(&page, &token).await.status == 404);
    }
    assert!(unseen > 0, "files are current whose pages are not");
}
