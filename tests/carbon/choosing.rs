//! Files and folders are chosen to be read.

use serde_json::{Value, json};
use tieline_engine::SyncOptions;

use crate::carbon::house::{House, ids, put, quiet, sentence, split};

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_folder_brings_what_is_in_it_and_what_comes() {
    let house = House::with_items(60).await;
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (top, _) = house.items(&account, json!({})).await;
    let mut chosen = None;
    for folder in split(&top).0 {
        let (inside, _) = house.items(&account, json!({ "parent_id": folder["external_id"] })).await;
        let (folders, files) = split(&inside);
        if !files.is_empty() && !folders.is_empty() {
            chosen = Some((folder.clone(), files.len()));
        }
    }
    let (folder, direct) = chosen.expect("a folder with files and folders");
    let sync = json!({ "data_source_id": account.number, "ids": [folder["external_id"]], "tags": { "from": "folder" },
        "request_id": "folder", "chunk_size": 99 });
    house.fine("/integrations/files/sync", sync).await;
    house.idle(&account).await;
    let all = house.files(json!({ "request_ids": ["folder"] })).await;
    assert!(all.len() > direct + 1, "the folder, its files and those further down: {}", all.len());
    let (own, inside): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|it| it["id"] == folder["id"]);
    assert_eq!(
        (&own[0]["file_metadata"]["is_folder"], &own[0]["sync_status"]),
        (&json!(true), &json!("READY"))
    );
    for file in &inside {
        // What stands between was not chosen, so all of them hang on the folder.
        assert_eq!((&file["parent_id"], &file["tags"]["from"]), (&folder["id"], &json!("folder")), "{file}");
        assert_eq!(file["chunk_size"], 99);
    }
    let found = async |filters: Value| ids(&house.files(filters).await);
    assert_eq!(found(json!({ "root_files_only": true })).await, ids(&own));
    assert_eq!(
        found(json!({ "parent_file_ids": [folder["id"]], "root_files_only": false })).await,
        ids(&inside)
    );
    assert_eq!(
        found(json!({ "parent_file_ids": [folder["id"]], "include_all_children": true })).await,
        ids(&inside)
    );
    assert_eq!(found(json!({ "include_containers": false })).await, ids(&inside));

    // The folder alone goes, and what is in it stays; then all of it.
    house.fine("/delete_files_v2", json!({ "filters": { "ids": [folder["id"]] } })).await;
    house.listed(&account).await;
    let left = house.files(json!({})).await;
    assert_eq!(ids(&left), ids(&inside));
    assert!(left.iter().all(|it| it["parent_id"].is_null()));
    let one = &inside[0]["id"];
    house
        .fine("/delete_files_v2", json!({ "filters": { "ids": [one], "include_all_children": true } }))
        .await;
    assert_eq!(found(json!({})).await.len(), inside.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_are_named_and_those_not_listed_yet_are_read_when_they_are() {
    let house = House::with_items(60).await;
    let account = house.connect("DROPBOX").await;
    // Nothing is listed: what was not seen may yet come.
    let other = house.connect_for("noor", "DROPBOX", quiet()).await;
    house
        .as_customer("noor", "POST", "/integrations/items/sync", json!({ "data_source_id": other.number }))
        .await;
    house.idle(&other).await;
    let body = json!({ "data_source_id": other.number, "filters": { "file_formats": ["TXT", "PDF"] } });
    let (_, said) = house.as_customer("noor", "POST", "/integrations/items/list", body).await;
    let known = said["items"][0]["external_id"].clone();
    let sync = json!({ "data_source_id": account.number, "ids": [known, "nothing"], "request_id": "early",
        "tags": { "a": "b" } });
    house.fine("/integrations/files/sync", sync).await;
    house.idle(&account).await;
    let files = house.until(json!({ "request_ids": ["early"] }), "READY", 1).await;
    assert_eq!((&files[0]["external_file_id"], &files[0]["tags"]), (&known, &json!({ "a": "b" })));
    // Now it is known what there is.
    let sync = json!({ "data_source_id": account.number, "ids": [known, "nothing"] });
    assert!(house.told(404, "/integrations/files/sync", sync).await.contains("nothing"));

    // Noted and not fetched, until somebody wants it.
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    let fetched = |it: &&Value| it["external_id"] != known;
    let noted = items.iter().find(fetched).unwrap();
    let sync = json!({ "data_source_id": account.number, "ids": [noted["external_id"]], "request_id": "noted",
        "file_sync_config": { "skip_file_processing": true } });
    house.fine("/integrations/files/sync", sync).await;
    house.listed(&account).await;
    let noted = house.until(json!({ "request_ids": ["noted"] }), "READY_TO_SYNC", 1).await;
    house.fine("/resync_file", json!({ "file_id": noted[0]["id"] })).await;
    house.until(json!({ "request_ids": ["noted"] }), "READY", 1).await;

    assert_eq!(house.faults("/integrations/files/sync", json!({ "ids": [1] })).await.len(), 2);

    // Another customer's are as unknown as what never was.
    let number = files[0]["id"].clone();
    for (path, body) in [
        ("/resync_file", json!({ "file_id": number })),
        ("/create_user_file_tags", json!({ "tags": {}, "organization_user_file_id": number })),
        ("/integrations/items/list", json!({ "data_source_id": account.number })),
        ("/integrations/files/sync", json!({ "data_source_id": account.number, "ids": [known] })),
    ] {
        let (status, said) = house.as_customer("noor", "POST", path, body).await;
        assert_eq!(status, 404, "{path}");
        sentence(&said);
    }
    let delete = json!({ "filters": { "ids": [number] } });
    assert_eq!(house.as_customer("noor", "POST", "/delete_files_v2", delete).await.0, 200);
    assert_eq!(house.file(&number).await["sync_status"], "READY");
    let (_, seen) =
        house.as_customer("noor", "POST", "/user_files_v2", json!({ "filters": { "ids": [number] } })).await;
    assert_eq!(seen, json!({ "results": [], "count": 0 }));

    // Revoked: the files stay, and nothing is read any more.
    house.fine("/revoke_access_token", json!({ "data_source_id": account.number })).await;
    assert_eq!(house.file(&number).await["sync_status"], "READY");
    house.told(400, "/resync_file", json!({ "file_id": number })).await;
    let sync = json!({ "data_source_id": account.number, "ids": [known] });
    assert!(house.told(400, "/integrations/files/sync", sync).await.contains("revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sign_in_asked_for_holds_for_files_unless_they_are_chosen_with_more() {
    let house = House::with_items(60).await;
    let options = SyncOptions {
        tags: json!({ "team": "support", "year": 2026 }),
        request_id: Some("sign-in".into()),
        chunk_size: 300,
        sync_files_on_connection: false,
        ..SyncOptions::default()
    };
    let account = house.connect_for("maya", "BOX", options).await;
    house.idle(&account).await;
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    let sync = |at: usize, more: Value| {
        let mut body = json!({ "data_source_id": account.number, "ids": [items[at]["external_id"]] });
        put(&mut body, &more);
        body
    };
    house.fine("/integrations/files/sync", sync(0, json!({ "chunk_overlap": 7 }))).await;
    let plain = house.until(json!({ "request_ids": ["sign-in"] }), "READY", 1).await;
    assert_eq!(plain[0]["tags"], json!({ "team": "support", "year": "2026" }));
    assert_eq!((&plain[0]["chunk_size"], &plain[0]["chunk_overlap"]), (&json!(300), &json!(7)));
    house
        .fine("/integrations/files/sync", sync(1, json!({ "tags": { "own": 1 }, "request_id": "own" })))
        .await;
    let own = house.until(json!({ "request_ids": ["own"] }), "READY", 1).await;
    assert_eq!((&own[0]["tags"], &own[0]["chunk_size"]), (&json!({ "own": "1" }), &json!(300)));

    // Only what changed is read, where that is asked for.
    let before = house.file(&own[0]["id"]).await["last_sync"].clone();
    house.stage.clock.turn(10);
    let again = json!({ "tags": { "own": 1 }, "request_id": "own", "incremental_sync": true });
    house.fine("/integrations/files/sync", sync(1, again)).await;
    house.idle(&account).await;
    assert_eq!(house.file(&own[0]["id"]).await["last_sync"], before);
    house.fine("/integrations/files/sync", sync(1, json!({ "request_id": "own" }))).await;
    house.idle(&account).await;
    let now = house.file(&own[0]["id"]).await;
    assert_ne!(now["last_sync"], before);
    assert_eq!(now["tags"], json!({ "own": "1" }), "no tags leave those that are there");
}
