use super::*;

const BACK: &str = "http://localhost:47823/integrations/slack";
const HTTPS: &str = "https://connect.acme.example/integrations/slack";
const APP: &str = "4100000001.4100000002";
const SECRET_APP: &str = "4100000001.4100000003";
const HOST: &str = "slack.com";
const ACCESS: &str = "/api/oauth.v2.access";
const TEST: [&str; 3] = ["POST", HOST, "/api/auth.test"];

fn opens(practice: &Practice, client: &str, back: &str, more: &[(&str, &str)]) -> Url {
    let challenge = challenge();
    let mut pairs = vec![("client_id", client), ("redirect_uri", back), ("state", "s")];
    if client == APP {
        pairs.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
    }
    pairs.extend(more);
    page(practice, HOST, "/oauth/v2/authorize", &pairs)
}

async fn exchange(practice: &Practice, back: &Url, more: &[(&str, &str)]) -> Answer {
    let code = query(back, "code");
    let mut pairs = vec![
        ("code", code.as_str()),
        ("client_id", APP),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    pairs.extend(more);
    post(practice, HOST, ACCESS, &pairs).await
}

async fn connect(practice: &Practice, scopes: &str) -> Answer {
    let page = opens(practice, APP, BACK, &[("user_scope", scopes)]);
    exchange(practice, &Visit::default().answer(&page).await.unwrap(), &[]).await
}

async fn refresh(practice: &Practice, token: &str) -> Answer {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", APP)];
    post(practice, HOST, ACCESS, &pairs).await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let first = connect(&practice, "users:read,users:read.email,channels:read").await;
    assert_eq!((first.status, first.json()["ok"].as_bool()), (200, Some(true)));
    assert!(first.json().get("access_token").is_none(), "the top is the bot's");
    assert_eq!(first.text("/authed_user/scope"), "users:read,users:read.email,channels:read");
    assert_eq!(first.json()["authed_user"]["expires_in"], 43_200);

    let who = bearer(&practice, TEST, &first.text("/authed_user/access_token")).await;
    assert!(who.head.contains("x-oauth-scopes: identify,users:read,users:read.email,channels:read"));
    assert_eq!(who.text("/user_id"), first.text("/authed_user/id"));
    let path = format!("/api/users.info?user={}", who.text("/user_id"));
    let user = bearer(&practice, ["GET", HOST, &path], &first.text("/authed_user/access_token")).await;
    assert_eq!(user.text("/user/profile/email"), "maya.lind@acme.example");

    let second = refresh(&practice, &first.text("/authed_user/refresh_token")).await;
    assert_eq!(second.says("/token_type"), (200, "user".into()));
    assert!(second.json().get("authed_user").is_none());
    assert_ne!(second.text("/refresh_token"), first.text("/authed_user/refresh_token"));
    practice.set_clock_ahead(61).await;
    let reused = refresh(&practice, &first.text("/authed_user/refresh_token")).await;
    assert_eq!(reused.says("/error"), (200, "invalid_refresh_token".into()));

    let revoke = ["POST", HOST, "/api/auth.revoke"];
    let ended = bearer(&practice, revoke, &second.text("/access_token")).await;
    assert_eq!(ended.json()["revoked"], true);
    let dead = bearer(&practice, TEST, &second.text("/access_token")).await;
    assert_eq!(dead.says("/error"), (200, "token_revoked".into()));
}

#[tokio::test]
async fn an_app_with_pkce_sends_no_secret_and_gets_no_bot() {
    let practice = practice().await;
    let page = opens(&practice, APP, BACK, &[("user_scope", "users:read")]);
    let back = Visit::default().answer(&page).await.unwrap();
    let refused = exchange(&practice, &back, &[("client_secret", "any")]).await;
    assert_eq!((refused.status, refused.json()["ok"].as_bool()), (200, Some(false)));
    assert_eq!(exchange(&practice, &back, &[]).await.json()["ok"], true);

    let bot = opens(&practice, APP, BACK, &[("scope", "chat:write"), ("user_scope", "users:read")]);
    assert!(Visit::default().answer(&bot).await.is_err());
    let elsewhere = opens(&practice, APP, BACK, &[("user_scope", "users:read"), ("team", "T0000000X")]);
    assert!(Visit::default().answer(&elsewhere).await.is_err());
}

#[tokio::test]
async fn an_app_without_pkce_comes_back_over_https_and_its_token_never_ends() {
    let practice = practice().await;
    let scope = [("user_scope", "users:read")];
    for desktop in [BACK, "app.tieline.desktop://integrations/slack"] {
        assert!(Visit::default().answer(&opens(&practice, SECRET_APP, desktop, &scope)).await.is_err());
        assert!(Visit::default().answer(&opens(&practice, APP, desktop, &scope)).await.is_ok());
    }
    let back = Visit::default().answer(&opens(&practice, SECRET_APP, HTTPS, &scope)).await.unwrap();
    let code = query(&back, "code");
    let pairs = [
        ("code", code.as_str()),
        ("client_id", SECRET_APP),
        ("client_secret", "practice-slack-secret"),
        ("redirect_uri", HTTPS),
    ];
    let user = post(&practice, HOST, ACCESS, &pairs).await.json()["authed_user"].clone();
    assert!(user.get("refresh_token").is_none() && user.get("expires_in").is_none());
    practice.set_clock_ahead(400 * 86_400).await;
    let token = user["access_token"].as_str().unwrap();
    assert_eq!(bearer(&practice, TEST, token).await.json()["ok"], true);
}

#[tokio::test]
async fn errors_come_with_status_200() {
    let practice = practice().await;
    let token = connect(&practice, "channels:read").await.text("/authed_user/access_token");
    let info = bearer(&practice, ["GET", HOST, "/api/users.info?user=U1"], &token).await;
    assert_eq!((info.says("/error").1, info.text("/needed")), ("missing_scope".into(), "users:read".into()));
    assert_eq!(send(&practice, TEST, &[], "").await.says("/error"), (200, "not_authed".into()));

    practice.set_fault("SLACK", Fault::CodeExpired, Some(1)).await;
    assert_eq!(connect(&practice, "users:read").await.says("/error"), (200, "invalid_code".into()));
    practice.set_fault("SLACK", Fault::RateLimited, Some(1)).await;
    assert_eq!(bearer(&practice, TEST, &token).await.says("/error"), (429, "ratelimited".into()));
    practice.set_clock_ahead(43_201).await;
    assert_eq!(bearer(&practice, TEST, &token).await.says("/error"), (200, "token_expired".into()));
}

const READS: &str = "channels:read,groups:read,im:read,mpim:read,channels:history,groups:history,im:history,\
    mpim:history,files:read";

async fn call(practice: &Practice, method: &str, token: &str) -> Value {
    let answer = bearer(practice, ["GET", HOST, &format!("/api/{method}")], token).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn refusals_about_contents_have_status_200() {
    let practice = practice().await;
    let token = connect(&practice, READS).await.text("/authed_user/access_token");
    for (method, error) in [
        ("users.conversations?types=all", "invalid_types"),
        ("users.conversations?cursor=nonsense", "invalid_cursor"),
        ("conversations.history?channel=C0NOBODY", "channel_not_found"),
        ("files.info?file=F0NOBODY", "file_not_found"),
        ("users.list", "missing_scope"),
    ] {
        assert_eq!(call(&practice, method, &token).await["error"], error, "{method}");
    }
    let few = connect(&practice, "channels:read").await.text("/authed_user/access_token");
    let refused = call(&practice, "users.conversations?types=public_channel,im", &few).await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("im:read")));
    let channels = call(&practice, "users.conversations", &few).await;
    let history =
        format!("conversations.history?channel={}", channels["channels"][0]["id"].as_str().unwrap());
    assert_eq!(call(&practice, &history, &few).await["needed"], "channels:history");
}

#[tokio::test]
async fn a_short_page_of_channels_is_not_the_end_and_one_lets_nobody_read() {
    let practice = practice().await;
    let token = connect(&practice, READS).await.text("/authed_user/access_token");
    let (mut found, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let ask = form(&[("types", "im"), ("limit", "3"), ("cursor", &cursor)]);
        let page = call(&practice, &format!("users.conversations?{ask}"), &token).await;
        let channels = page["channels"].as_array().unwrap().clone();
        pages.push(channels.len());
        found.extend(channels);
        cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert!(pages[..pages.len() - 1].contains(&0), "an empty page in the midst: {pages:?}");
    assert!(found.iter().all(|it| it["is_im"] == true && it.get("name").is_none()));
    let all = call(&practice, "users.conversations?limit=999", &token).await;
    let mut closed = 0;
    for channel in all["channels"].as_array().unwrap() {
        let history = format!("conversations.history?channel={}", channel["id"].as_str().unwrap());
        closed += usize::from(call(&practice, &history, &token).await["error"] == "not_in_channel");
    }
    assert_eq!(closed, 1);
}

#[tokio::test]
async fn threads_and_files_are_told_as_slack_tells_them() {
    let practice = practice().await;
    let token = connect(&practice, READS).await.text("/authed_user/access_token");
    let seen = practice.contents("SLACK").await;
    let file = seen.iter().find(|it| it.kind == "file" && it.format == "txt").unwrap();
    let info = call(&practice, &format!("files.info?file={}", file.id), &token).await;
    let address: Url = info["file"]["url_private_download"].as_str().unwrap().parse().unwrap();
    let to = ["GET", address.host_str().unwrap(), address.path()];
    assert!(bearer(&practice, to, &token).await.text.contains(&file.token));
    let page = send(&practice, to, &[], "").await;
    assert!(page.status == 200 && page.text.contains("Sign in") && page.head.contains("text/html"));

    let mut kinds = [0; 4];
    for channel in seen.iter().filter(|it| !matches!(it.kind.as_str(), "message" | "file")) {
        let history = call(&practice, &format!("conversations.history?channel={}", channel.id), &token).await;
        for message in history["messages"].as_array().into_iter().flatten() {
            kinds[0] += usize::from(message["subtype"] == "thread_broadcast");
            kinds[1] += usize::from(message["subtype"] == "channel_join");
            kinds[2] += usize::from(message["subtype"] == "tombstone");
            if message["reply_count"].as_u64().is_some_and(|count| count > 0) {
                kinds[3] += 1;
                let ts = message["ts"].as_str().unwrap();
                let ask = format!("conversations.replies?channel={}&ts={ts}&limit=999", channel.id);
                let thread = call(&practice, &ask, &token).await;
                let thread = thread["messages"].as_array().unwrap();
                assert_eq!(thread.len() as u64, 1 + message["reply_count"].as_u64().unwrap());
                assert_eq!(thread.last().unwrap()["ts"], message["latest_reply"]);
            }
        }
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}
