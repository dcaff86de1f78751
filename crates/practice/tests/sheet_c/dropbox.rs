use super::*;

const BACK: &str = "app.tieline.desktop://integrations/dropbox";
const API: &str = "api.dropboxapi.com";
const ACCOUNT: [&str; 3] = ["POST", API, "/2/users/get_current_account"];

async fn sign_in(practice: &Practice, changes: &[(&str, &str)], visit: &Visit) -> Url {
    let challenge = challenge();
    let usual = [
        ("response_type", "code"),
        ("client_id", "practicedropbox1"),
        ("redirect_uri", BACK),
        ("scope", "account_info.read files.metadata.read"),
        ("state", "s"),
        ("token_access_type", "offline"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let changed = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let pairs: Vec<_> = (usual.into_iter())
        .map(|(name, value)| (name, changed(name).unwrap_or(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    visit.answer(&page(practice, "www.dropbox.com", "/oauth2/authorize", &pairs)).await.unwrap()
}

async fn exchange(practice: &Practice, back: &Url) -> Answer {
    let body = [
        ("grant_type", "authorization_code"),
        ("code", &query(back, "code")),
        ("client_id", "practicedropbox1"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    post(practice, API, "/oauth2/token", &body).await
}

async fn connect(practice: &Practice) -> Answer {
    exchange(practice, &sign_in(practice, &[], &Visit::default()).await).await
}

async fn refresh(practice: &Practice, token: &str) -> Answer {
    let body = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "practicedropbox1")];
    post(practice, API, "/oauth2/token", &body).await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let first = connect(&practice).await;
    assert_eq!((first.status, first.json()["expires_in"].as_u64()), (200, Some(14_400)));
    assert_eq!(first.text("/scope"), "account_info.read files.metadata.read");
    let me = bearer(&practice, ACCOUNT, &first.text("/access_token")).await;
    assert_eq!(me.text("/name/display_name"), "Maya Lind");
    assert_eq!(me.text("/account_id"), first.text("/account_id"));

    let second = refresh(&practice, &first.text("/refresh_token")).await;
    assert!(second.json().get("refresh_token").is_none(), "the old one goes on");
    assert_eq!(bearer(&practice, ACCOUNT, &first.text("/access_token")).await.status, 200);
    assert_eq!(refresh(&practice, &first.text("/refresh_token")).await.status, 200);

    let revoke = ["POST", API, "/2/auth/token/revoke"];
    let ended = bearer(&practice, revoke, &second.text("/access_token")).await;
    assert_eq!((ended.status, ended.text.as_str()), (200, "null"));
    for token in [&first, &second] {
        let dead = bearer(&practice, ACCOUNT, &token.text("/access_token")).await;
        assert_eq!(dead.says("/error/.tag"), (401, "invalid_access_token".into()));
    }
    let dead = refresh(&practice, &first.text("/refresh_token")).await;
    assert_eq!(dead.says("/error"), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_refresh_token_comes_for_offline_access_only() {
    let practice = practice().await;
    for kind in ["", "online"] {
        let back = sign_in(&practice, &[("token_access_type", kind)], &Visit::default()).await;
        assert!(exchange(&practice, &back).await.json().get("refresh_token").is_none(), "{kind}");
    }
    assert!(connect(&practice).await.json().get("refresh_token").is_some());
}

#[tokio::test]
async fn a_call_without_arguments_takes_nothing_but_null() {
    let practice = practice().await;
    let token = format!("Bearer {}", connect(&practice).await.text("/access_token"));
    let auth = ("Authorization", token.as_str());
    assert_eq!(send(&practice, ACCOUNT, &[auth, JSON], "null").await.status, 200);
    for (kind, body) in [(JSON, "{}"), (FORM, ""), (FORM, "a=b")] {
        let refused = send(&practice, ACCOUNT, &[auth, kind], body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.head.contains("text/plain") && refused.text.starts_with("Error in call"));
    }
}

#[tokio::test]
async fn errors_are_worded_as_documented() {
    let practice = practice().await;
    let no = Visit { cancel: true, ..Visit::default() };
    assert_eq!(query(&sign_in(&practice, &[], &no).await, "error"), "access_denied");

    let narrow = sign_in(&practice, &[("scope", "files.metadata.read")], &Visit::default()).await;
    let narrow = exchange(&practice, &narrow).await;
    let missing = bearer(&practice, ACCOUNT, &narrow.text("/access_token")).await;
    assert_eq!(missing.says("/error/.tag"), (401, "missing_scope".into()));
    assert_eq!(missing.text("/error/required_scope"), "account_info.read");

    practice.set_fault("DROPBOX", Fault::RateLimited, Some(1)).await;
    let limited = refresh(&practice, "any").await;
    assert_eq!(limited.says("/error/reason/.tag"), (429, "too_many_requests".into()));

    practice.set_clock_ahead(14_401).await;
    let expired = bearer(&practice, ACCOUNT, &narrow.text("/access_token")).await;
    assert_eq!(expired.says("/error_summary"), (401, "expired_access_token/..".into()));
}

const TEAM: (&str, &str) = ("Dropbox-API-Path-Root", r#"{".tag":"root","root":"3235641"}"#);

async fn ask(practice: &Practice, token: &str, path: &str, more: &[(&str, &str)], body: Value) -> Answer {
    let auth = format!("Bearer {token}");
    let headers: Vec<_> =
        [("Authorization", auth.as_str()), JSON].into_iter().chain(more.iter().copied()).collect();
    send(practice, ["POST", "api.dropboxapi.com", path], &headers, &body.to_string()).await
}

fn names(answer: &Answer) -> Vec<String> {
    let entries = answer.json()["entries"].as_array().unwrap().clone();
    entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn folders_of_the_team_are_seen_from_its_root_only() {
    let practice = practice().await;
    let token = connect(&practice).await.text("/access_token");
    let list = json!({ "path": "", "limit": 2000 });
    let own = ask(&practice, &token, "/2/files/list_folder", &[], list.clone()).await;
    let all = ask(&practice, &token, "/2/files/list_folder", &[TEAM], list).await;
    assert!(!names(&own).contains(&"Brand".to_owned()) && names(&all).contains(&"Brand".to_owned()));

    let other = ("Dropbox-API-Path-Root", r#"{".tag":"root","root":"1"}"#);
    let refused = ask(&practice, &token, "/2/files/list_folder", &[other], json!({ "path": "" })).await;
    assert_eq!(refused.says("/error/.tag"), (422, "invalid_root".into()));
    for wrong in [json!({ "path": "/" }), json!({ "path": "", "limit": 2001 })] {
        let refused = ask(&practice, &token, "/2/files/list_folder", &[], wrong).await;
        assert!(refused.status == 400 && refused.text.starts_with("Error in call"));
    }
    let root = ask(&practice, &token, "/2/files/get_metadata", &[], json!({ "path": "" })).await;
    assert_eq!(root.status, 400);
}

#[tokio::test]
async fn a_deletion_tells_a_path_and_a_replacement_nothing() {
    let practice = practice().await;
    let token = connect(&practice).await.text("/access_token");
    let all = practice.contents("DROPBOX").await;
    let file = all.iter().find(|it| it.format == "md" && it.parent.is_some()).unwrap();
    let folder = all.iter().find(|it| it.name == "Support").unwrap();
    let list = json!({ "path": "", "recursive": true, "limit": 2000 });
    let cursor = ask(&practice, &token, "/2/files/list_folder", &[TEAM], list).await.text("/cursor");
    let since = json!({ "cursor": cursor });

    let again = json!({ "do": "add", "thing": file.thing, "name": file.name, "text": "Anew." });
    practice.change("DROPBOX", again).await;
    for thing in [&file.thing, &folder.thing] {
        practice.change("DROPBOX", json!({ "do": "delete", "thing": thing })).await;
    }
    let changes =
        ask(&practice, &token, "/2/files/list_folder/continue", &[TEAM], since.clone()).await.json();
    let told: Vec<_> =
        changes["entries"].as_array().unwrap().iter().map(|it| (&it[".tag"], &it["name"])).collect();
    assert!(told.contains(&(&json!("file"), &json!(file.name))), "{told:?}");
    assert!(told.contains(&(&json!("deleted"), &json!("support"))), "{told:?}");
    assert_eq!(told.len(), 2, "nothing of what was in the folder: {told:?}");

    let entries = changes["entries"].as_array().unwrap();
    let path = &entries.iter().find(|it| it[".tag"] == "file").unwrap()["path_lower"];
    let revisions =
        ask(&practice, &token, "/2/files/list_revisions", &[TEAM], json!({ "path": path })).await.json();
    let ids: Vec<_> =
        revisions["entries"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids[1] == file.id && revisions["is_deleted"] == false);
    let gone = ask(&practice, &token, "/2/files/get_metadata", &[TEAM], json!({ "path": file.id })).await;
    assert_eq!(gone.says("/error_summary"), (409, "path/not_found/..".into()));

    practice.change("DROPBOX", json!({ "do": "expire" })).await;
    let reset = ask(&practice, &token, "/2/files/list_folder/continue", &[TEAM], since).await;
    assert_eq!(reset.says("/error/.tag"), (409, "reset".into()));
}

#[tokio::test]
async fn a_document_of_paper_is_exported() {
    let practice = practice().await;
    let allowed = sign_in(&practice, &[("scope", "files.content.read")], &Visit::default()).await;
    let token = format!("Bearer {}", exchange(&practice, &allowed).await.text("/access_token"));
    let all = practice.contents("DROPBOX").await;
    let paper = all.iter().find(|it| it.format.ends_with("paper")).unwrap();
    let ask = async |path: &'static str, arguments: Value| {
        let arguments = arguments.to_string();
        let headers = [("Authorization", token.as_str()), ("Dropbox-API-Arg", arguments.as_str())];
        send(&practice, ["POST", "content.dropboxapi.com", path], &headers, "").await
    };
    let refused = ask("/2/files/download", json!({ "path": paper.id })).await;
    assert_eq!(refused.says("/error/.tag"), (409, "unsupported_file".into()));
    let markdown = ask("/2/files/export", json!({ "path": paper.id, "export_format": "markdown" })).await;
    assert!(markdown.status == 200 && markdown.text.contains(&paper.token));
    assert!(markdown.head.contains("dropbox-api-result: {"));
    let wrong = ask("/2/files/export", json!({ "path": paper.id, "export_format": "pdf" })).await;
    assert_eq!(wrong.says("/error/.tag"), (409, "invalid_export_format".into()));
    let raw = ask("/2/files/download", json!({ "path": "/Größe.txt" })).await;
    assert_eq!(raw.status, 400, "what is not ASCII has to be escaped");
}
