//! What Gmail, Google Drive and Google Cloud Storage hold, where their wire is odd.

use serde_json::{Value, json};
use tieline_practice::Practice;
use tieline_practice::wire::Reply;

use crate::support::*;

const WWW: &str = "www.googleapis.com";

fn reason(reply: &Reply) -> (u16, String) {
    (reply.status, text(&reply.value(), "/error/errors/0/reason"))
}

async fn token(practice: &Practice, app: &Client) -> String {
    text(&connect(practice, app).await, "/access_token")
}

fn ids(reply: &Value, list: &str) -> Vec<String> {
    reply[list].as_array().unwrap().iter().map(|one| text(one, "/id")).collect()
}

#[tokio::test]
async fn drive_lists_what_it_is_asked_for() {
    let practice = memory().await;
    let token = token(&practice, &DRIVE).await;
    let files = |query: &'static str| {
        let (practice, token) = (practice.clone(), token.clone());
        async move { get(&practice, WWW, &format!("/drive/v3/files?{query}"), &token).await }
    };
    let usual = files("").await.value();
    assert_eq!(usual["files"].as_array().unwrap().len(), 100);
    let first = usual["files"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["id", "kind", "mimeType", "name"], "the usual fields");
    for query in
        ["pageSize=1001", "fields=files(id", "q=size+>+3", "pageToken=3", "corpora=drive", "driveId=0A"]
    {
        assert_eq!(files(query).await.status, 400, "{query}");
    }
    let drive =
        "corpora=drive&driveId=0AAcmeSharedDrivePVA&supportsAllDrives=true&includeItemsFromAllDrives=true";
    let path = format!("/drive/v3/files?{drive}&fields=files(id,driveId,parents)");
    let inside = get(&practice, WWW, &path, &token).await.value();
    assert!(ids(&inside, "files").contains(&"1AcmeHandbookDocument".to_owned()));
    assert!(inside["files"].as_array().unwrap().iter().all(|it| it["driveId"] == "0AAcmeSharedDrivePVA"));
    let shared = files("q=sharedWithMe+%3D+true&fields=files(id,parents,resourceKey)").await.value();
    assert!(shared["files"].as_array().unwrap().iter().all(|it| it["parents"].is_null()));
    let keyed = shared["files"].as_array().unwrap().iter().find(|it| it["resourceKey"].is_string()).unwrap();
    let path = format!("/drive/v3/files/{}", text(keyed, "/id"));
    assert_eq!(reason(&get(&practice, WWW, &path, &token).await), (404, "notFound".into()));
}

#[tokio::test]
async fn drive_exports_its_own_formats_and_refuses_some() {
    let practice = memory().await;
    let token = token(&practice, &DRIVE).await;
    let seen = practice.contents("GOOGLE_DRIVE").await;
    let path = |name: &str| {
        format!("/drive/v3/files/{}", seen.iter().find(|it| it.name == name && it.kind == "file").unwrap().id)
    };
    let ask = |path: String| {
        let (practice, token) = (practice.clone(), token.clone());
        async move { get(&practice, WWW, &path, &token).await }
    };
    let handbook = path("Handbook");
    let media = ask(format!("{handbook}?alt=media&supportsAllDrives=true")).await;
    assert_eq!(reason(&media), (403, "fileNotDownloadable".into()));
    assert_eq!(reason(&ask(format!("{handbook}/export")).await), (400, "required".into()));
    assert_eq!(
        reason(&ask(format!("{handbook}/export?mimeType=image/gif")).await),
        (400, "badRequest".into())
    );
    assert!(ask(format!("{handbook}/export?mimeType=application/pdf")).await.body.starts_with(b"%PDF"));
    let large = path("All of 2025");
    let export = ask(format!("{large}/export?mimeType=application/pdf")).await;
    assert_eq!(reason(&export), (403, "exportSizeLimitExceeded".into()));
    for (name, why) in
        [("Board minutes.pdf", "cannotDownloadFile"), ("invoice_final.dat", "cannotDownloadAbusiveFile")]
    {
        assert_eq!(reason(&ask(format!("{}?alt=media", path(name))).await), (403, why.into()));
    }
}

#[tokio::test]
async fn drive_tells_changes_in_a_log_each() {
    let practice = memory().await;
    let token = token(&practice, &DRIVE).await;
    let ask = |path: String| {
        let (practice, token) = (practice.clone(), token.clone());
        async move { get(&practice, WWW, &path, &token).await }
    };
    let start = text(&ask("/drive/v3/changes/startPageToken".into()).await.value(), "/startPageToken");
    practice.change("GOOGLE_DRIVE", json!({ "do": "edit", "thing": "1AcmeHandbookDocument" })).await;
    practice
        .change("GOOGLE_DRIVE", json!({ "do": "rename", "thing": "1AcmeReportsFolder_2026", "name": "R" }))
        .await;
    practice
        .change("GOOGLE_DRIVE", json!({ "do": "rename", "thing": "1AcmeReportsFolder_2026", "name": "S" }))
        .await;
    let every = "supportsAllDrives=true&includeItemsFromAllDrives=true";
    let own = ask(format!("/drive/v3/changes?pageToken={start}&{every}")).await.value();
    let named = |log: &Value| {
        log["changes"].as_array().unwrap().iter().map(|it| text(it, "/file/name")).collect::<Vec<_>>()
    };
    assert_eq!(named(&own), ["S"], "the newest state once, and nothing of the shared drive");
    let drive = format!("/drive/v3/changes?pageToken={start}&{every}&driveId=0AAcmeSharedDrivePVA");
    assert_eq!(named(&ask(drive).await.value()), ["Handbook"]);
    assert_eq!(reason(&ask("/drive/v3/changes".into()).await), (400, "required".into()));
    practice.change("GOOGLE_DRIVE", json!({ "do": "expire" })).await;
    assert_eq!(ask(format!("/drive/v3/changes?pageToken={start}")).await.status, 400);
}

#[tokio::test]
async fn gmail_lists_ids_and_forgets_its_history() {
    let practice = memory().await;
    let token = token(&practice, &GMAIL).await;
    let ask = |path: &str| {
        let (practice, token) = (practice.clone(), token.clone());
        let path = format!("/gmail/v1/users/me/{path}");
        async move { get(&practice, "gmail.googleapis.com", &path, &token).await }
    };
    let start = text(&ask("profile").await.value(), "/historyId");
    let list = ask("messages?q=-in:drafts&labelIds=INBOX&maxResults=3").await.value();
    let first = list["messages"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["id", "threadId"]);
    let message = format!("messages/{}", text(&list, "/messages/0/id"));
    let only = ask(&format!("{message}?format=metadata&metadataHeaders=Subject")).await.value();
    assert_eq!(only["payload"]["headers"].as_array().unwrap().len(), 1);
    assert!(only["raw"].is_null());
    practice.change("GMAIL", json!({ "do": "delete", "thing": list["messages"][0]["id"] })).await;
    assert_eq!(reason(&ask(&message).await), (404, "notFound".into()));
    let types = "historyTypes=messageDeleted&historyTypes=messageAdded";
    let history = ask(&format!("history?startHistoryId={start}&{types}")).await.value();
    assert_eq!(history["history"][0]["messagesDeleted"][0]["message"]["id"], list["messages"][0]["id"]);
    let comma =
        ask(&format!("history?startHistoryId={start}&historyTypes=messageDeleted,messageAdded")).await;
    assert_eq!(comma.status, 400);
    assert_eq!(ask("history").await.status, 400);
    practice.change("GMAIL", json!({ "do": "expire" })).await;
    let expired = ask(&format!("history?startHistoryId={start}")).await;
    assert_eq!(reason(&expired), (404, "notFound".into()));
}

#[tokio::test]
async fn storage_shows_folders_only_to_those_who_ask_for_a_delimiter() {
    let practice = memory().await;
    let token = token(&practice, &STORAGE).await;
    let ask = |path: &str| {
        let (practice, token) = (practice.clone(), token.clone());
        let path = format!("/storage/v1/b/acme-reports/o{path}");
        async move { get(&practice, "storage.googleapis.com", &path, &token).await }
    };
    let flat = ask("?fields=items(name)&maxResults=5000").await.value();
    let names: Vec<_> = flat["items"].as_array().unwrap().iter().map(|it| text(it, "/name")).collect();
    assert!(
        names.is_sorted() && names.contains(&"2027/".to_owned()),
        "in order, with the markers of folders"
    );
    let top = ask("?delimiter=/").await.value();
    assert!(top["prefixes"].as_array().unwrap().contains(&json!("2026/")));
    assert!(top["items"].as_array().unwrap().iter().all(|it| !text(it, "/name").contains('/')));
    let within = ask("?delimiter=/&prefix=2026/").await.value();
    assert_eq!(within["items"][0]["name"], "2026/", "the folder's own marker");
    assert_eq!(within["prefixes"], json!(["2026/may/"]));
    let name = names.iter().find(|name| name.contains('/') && !name.ends_with('/')).unwrap();
    let path = format!("/{}", name.replace('/', "%2F").replace(' ', "%20"));
    let (object, other) = (ask(&path).await.value(), ask(&format!("{path}?generation=1&alt=media")).await);
    assert!(object["generation"].is_string() && object["size"].is_string());
    assert_eq!(reason(&other), (404, "notFound".into()));
}
