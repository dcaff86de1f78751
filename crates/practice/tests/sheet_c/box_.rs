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

async fn get(practice: &Practice, token: &str, path: &str) -> Answer {
    bearer(practice, ["GET", "api.box.com", path], token).await
}

async fn signed_in(practice: &Practice) -> String {
    token(practice, "authorization_code", "code", &code(practice).await).await.text("/access_token")
}

#[tokio::test]
async fn a_folder_is_listed_by_marker_with_the_named_fields() {
    let practice = practice().await;
    let token = signed_in(&practice).await;
    let list = "/2.0/folders/0/items?usemarker=true&limit=3";
    let first = get(&practice, &token, &format!("{list}&fields=name,size,path_collection")).await.json();
    assert_eq!(first["entries"].as_array().unwrap().len(), 3);
    assert_eq!(first["entries"][0]["path_collection"]["entries"][0]["id"], "0");
    assert!(first["entries"][0].get("etag").is_none() && first.get("total_count").is_none());
    let marker = first["next_marker"].as_str().unwrap();
    let second = get(&practice, &token, &format!("{list}&marker={marker}")).await.json();
    assert!(second["entries"][0].get("etag").is_some(), "the small form");
    assert_ne!(first["entries"][0]["id"], second["entries"][0]["id"]);

    let by_offset = get(&practice, &token, "/2.0/folders/0/items?limit=3").await.json();
    assert!(by_offset["total_count"].as_u64().unwrap() > 3 && by_offset.get("next_marker").is_none());
    let far = get(&practice, &token, "/2.0/folders/0/items?offset=10001").await;
    assert_eq!(far.says("/code"), (400, "bad_request".into()));
    assert_eq!(get(&practice, &token, "/2.0/folders/77/items").await.says("/code").0, 404);
}

#[tokio::test]
async fn a_download_leads_elsewhere() {
    let practice = practice().await;
    let token = signed_in(&practice).await;
    let all = practice.contents("BOX").await;
    let file = all.iter().find(|it| it.format == "md").unwrap();
    let sent_on = get(&practice, &token, &format!("/2.0/files/{}/content", file.id)).await;
    let address = sent_on.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    assert!(sent_on.status == 302 && address.starts_with("https://dl.boxcloud.com/d/1/"));

    practice.change("BOX", json!({ "do": "edit", "thing": file.thing, "text": "Anew." })).await;
    let not_yet = get(&practice, &token, &format!("/2.0/files/{}/content", file.id)).await;
    assert!(not_yet.status == 202 && not_yet.head.contains("retry-after: 1"));
    assert_eq!(get(&practice, &token, &format!("/2.0/files/{}/content", file.id)).await.status, 302);

    practice.change("BOX", json!({ "do": "unpublish", "thing": file.thing, "state": "trashed" })).await;
    let trashed = get(&practice, &token, &format!("/2.0/files/{}", file.id)).await;
    assert_eq!(trashed.says("/code"), (404, "trashed".into()));
}

#[tokio::test]
async fn events_repeat_and_say_nothing_of_what_is_below() {
    let practice = practice().await;
    let token = signed_in(&practice).await;
    let at = |answer: Answer| answer.json()["next_stream_position"].as_u64().unwrap();
    let now = at(get(&practice, &token, "/2.0/events?stream_type=changes&stream_position=now").await);
    let all = practice.contents("BOX").await;
    let folder = all.iter().find(|it| it.name == "Support").unwrap();
    practice.change("BOX", json!({ "do": "unpublish", "thing": folder.thing, "state": "trashed" })).await;
    practice.change("BOX", json!({ "do": "publish", "thing": folder.thing })).await;

    let events = format!("/2.0/events?stream_type=changes&limit=500&stream_position={now}");
    let events = get(&practice, &token, &events).await;
    let told = events.json();
    let types: Vec<_> =
        told["entries"].as_array().unwrap().iter().map(|it| it["event_type"].clone()).collect();
    assert_eq!(types, ["ITEM_UNDELETE_VIA_TRASH", "ITEM_TRASH"], "out of order, and the folder only");
    let end = at(events);
    let end = get(&practice, &token, &format!("/2.0/events?stream_position={end}")).await.json();
    assert!(end["next_stream_position"].as_u64().unwrap() > now);

    practice.change("BOX", json!({ "do": "expire" })).await;
    let forgotten = get(&practice, &token, &format!("/2.0/events?stream_position={now}")).await;
    assert_eq!(forgotten.status, 400);
}
