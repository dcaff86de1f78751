//! Contract 1 over HTTP, against practice providers: what data sources hold is listed, chosen, read, tagged, handed out
//! and deleted; customers have limits and schedules; mail and messages are chosen by filters. Sign-ins stand in
//! `carbon.rs`.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use crate::stage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::program::Owner;
use tieline_engine::wire::{AddedKey, FlowStep, SyncState};
use tieline_engine::{Connecting, SyncOptions};
use tieline_http::{ServeOptions, Server};
use tieline_practice::client;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

/// The server over a stage, and a key of an organization.
struct House {
    stage: Stage,
    _server: Server,
    base: Url,
    key: String,
    organization: i64,
}

/// A connected account, as the contract and as the engine know it.
struct Account {
    number: i64,
    connection: String,
}

impl House {
    async fn open() -> Self {
        let stage = Stage::open().await;
        stage.practice.set_items(60).await;
        let server = tieline_http::serve(stage.app.clone(), ServeOptions::default()).await.unwrap();
        let base = format!("http://127.0.0.1:{}/", server.port()).parse().unwrap();
        let (key, organization) = key(&stage, "Acme").await;
        Self { stage, _server: server, base, key, organization }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        client::send(method, &self.base.join(path).unwrap(), headers, body.as_bytes()).await.unwrap()
    }

    async fn as_customer(&self, customer: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        let headers = [("authorization", key.as_str()), ("customer-id", customer)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.send(method, path, &headers, &body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// As the customer that most tests act for.
    async fn ask(&self, path: &str, body: Value) -> (u16, Value) {
        self.as_customer("maya", "POST", path, body).await
    }

    async fn fine(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.ask(path, body).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    async fn get(&self, path: &str) -> Value {
        let (status, said) = self.as_customer("maya", "GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    /// Refused with this status and a sentence.
    async fn told(&self, status: u16, path: &str, body: Value) -> String {
        let (got, said) = self.ask(path, body).await;
        assert_eq!(got, status, "{path}: {said}");
        sentence(&said)
    }

    /// Refused with status 422 at these places.
    async fn faults(&self, path: &str, body: Value) -> Vec<String> {
        let (got, said) = self.ask(path, body).await;
        assert_eq!(got, 422, "{path}: {said}");
        said["detail"].as_array().unwrap().iter().map(|it| it["loc"].to_string()).collect()
    }

    async fn by_key(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.send(method, path, &[("authorization", &key)], &body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// Connects an account for a customer.
    async fn connect_for(&self, customer: &str, provider: &str, options: SyncOptions) -> Account {
        let programs = self.stage.app.programs();
        let ask = Connecting {
            owner: Owner { organization: self.organization, customer: customer.into() },
            provider: provider.into(),
            inputs: serde_json::from_value(self.stage.inputs(provider)).unwrap(),
            options,
            ..Connecting::default()
        };
        let flow = programs.connect(ask).await.unwrap();
        let page = programs.sign_in_link(&flow.id).await.unwrap();
        let back = Visit::default().answer(&page.parse().unwrap()).await.unwrap();
        self.stage.bring(&back).await;
        let flow = programs.ended(&flow.id, Duration::from_secs(20)).await.unwrap();
        assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);
        let connection = flow.connection.unwrap();
        Account { number: programs.data_source_of(&connection).unwrap().unwrap().number, connection }
    }

    /// Connects an account of which nothing is listed or read by itself.
    async fn connect(&self, provider: &str) -> Account {
        self.connect_for("maya", provider, quiet()).await
    }

    /// Fetches the directory, and waits for its end.
    async fn listed(&self, account: &Account) {
        self.fine("/integrations/items/sync", json!({ "data_source_id": account.number })).await;
        self.idle(account).await;
    }

    async fn state(&self, account: &Account) -> SyncState {
        self.stage.ask("sync_state", json!({ "id": account.connection })).await.unwrap()
    }

    /// Waits until nothing is under way, and has not been for a moment: what a sync is followed by may begin another.
    async fn idle(&self, account: &Account) -> SyncState {
        let mut calm = 0;
        for _ in 0..600 {
            let state = self.state(account).await;
            calm = if state.running || state.ended_at.is_none() { 0 } else { calm + 1 };
            if calm > 5 {
                assert!(state.failure.is_none(), "{:?}", state.failure);
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sync did not end");
    }

    async fn items(&self, account: &Account, more: Value) -> (Vec<Value>, u64) {
        let mut body = json!({ "data_source_id": account.number, "pagination": { "limit": 250 } });
        put(&mut body, &more);
        let said = self.fine("/integrations/items/list", body).await;
        (said["items"].as_array().unwrap().clone(), said["count"].as_u64().unwrap())
    }

    async fn files(&self, filters: Value) -> Vec<Value> {
        let body = json!({ "pagination": { "limit": 250 }, "order_by": "id", "filters": filters });
        let said = self.fine("/user_files_v2", body).await;
        let results = said["results"].as_array().unwrap().clone();
        assert_eq!(said["count"], results.len());
        results
    }

    async fn file(&self, number: &Value) -> Value {
        self.files(json!({ "ids": [number] })).await.pop().unwrap()
    }

    /// Waits until files have this status.
    async fn until(&self, filters: Value, status: &str, count: usize) -> Vec<Value> {
        let mut last = Vec::new();
        for _ in 0..400 {
            last = self.files(filters.clone()).await;
            if last.len() == count && last.iter().all(|file| file["sync_status"] == status) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{filters}: {last:#?}");
    }

    async fn open_url(&self, url: &Value) -> Reply {
        client::send("GET", &url.as_str().unwrap().parse().unwrap(), &[], b"").await.unwrap()
    }
}

async fn key(stage: &Stage, name: &str) -> (String, i64) {
    let added: AddedKey = stage.ask("add_key", json!({ "name": name, "per_minute": 0 })).await.unwrap();
    let organization = stage.app.programs().key(&added.secret).unwrap().unwrap().organization;
    (added.secret, organization)
}

fn quiet() -> SyncOptions {
    SyncOptions { sync_files_on_connection: false, sync_source_items: false, ..SyncOptions::default() }
}

fn put(body: &mut Value, more: &Value) {
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
}

/// What a person reads.
fn sentence(said: &Value) -> String {
    let words = said["detail"].as_str().unwrap_or_else(|| panic!("no sentence: {said}")).to_owned();
    assert!(words.contains(' ') && words.ends_with('.'), "no sentence: {words:?}");
    assert!(!words.contains("did not expect"), "{words}");
    words
}

fn names(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn ids(rows: &[Value]) -> BTreeSet<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
}

/// Files with a text in their own format, folders first.
fn split(items: &[Value]) -> (Vec<&Value>, Vec<&Value>) {
    let folders = items.iter().filter(|it| it["is_expandable"] == true).collect();
    (folders, items.iter().filter(|it| it["is_expandable"] == false && it["is_selectable"] == true).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picker_lists_before_anything_was_fetched_and_after() {
    let house = House::open().await;
    let account = house.connect("BOX").await;
    assert!(!house.state(&account).await.complete);
    let (top, count) = house.items(&account, json!({})).await;
    assert_eq!(count, top.len() as u64);
    let keys = [
        "id",
        "external_id",
        "source",
        "name",
        "synced_at",
        "is_selectable",
        "is_expandable",
        "organization_id",
        "organization_supplied_user_id",
        "organization_user_id",
        "organization_user_data_source_id",
        "organization_user_file_to_sync_id",
        "parent_external_id",
        "item_type",
        "root_external_id",
        "external_url",
        "file_format",
        "created_at",
        "updated_at",
    ];
    for item in &top {
        let own: BTreeSet<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(own, BTreeSet::from(keys), "{item}");
        assert!(item["synced_at"].is_string() && item["name"].is_string(), "{item}");
        assert_eq!(item["organization_user_file_to_sync_id"], Value::Null);
        assert_eq!(item["organization_user_data_source_id"], account.number);
    }
    let (folders, _) = split(&top);
    let folder = folders[0];
    assert_eq!((&folder["item_type"], &folder["is_selectable"]), (&json!("FOLDER"), &json!(true)));
    let (inside, _) = house.items(&account, json!({ "parent_id": folder["external_id"] })).await;
    assert!(!inside.is_empty() && inside.iter().all(|it| it["parent_external_id"] == folder["external_id"]));

    house.listed(&account).await;
    let (again, _) = house.items(&account, json!({})).await;
    assert_eq!(ids(&again), ids(&top), "a number means the same thing before and after");
    let (all, count) =
        house.items(&account, json!({ "filters": { "item_types": ["FILE", "FOLDER"] } })).await;
    assert!(count > top.len() as u64 && all.len() as u64 == count);

    // Pages, in order, with the count of all.
    let mut found = Vec::new();
    for offset in [0, 2, 4] {
        let page = json!({ "pagination": { "limit": 2, "offset": offset }, "order_by": "name", "order_dir": "desc",
            "filters": { "item_types": ["FILE"] } });
        let (items, count) = house.items(&account, page).await;
        assert!(count > 6 && items.len() == 2);
        found.extend(items.iter().map(|it| it["name"].as_str().unwrap().to_lowercase()));
    }
    assert!(found.is_sorted_by(|one, other| one >= other), "{found:?}");
    let (first, _) = house.items(&account, json!({ "order_by": "directories_first" })).await;
    assert!(first[0]["is_expandable"] == true);

    let (_, files) = split(&all);
    let one = files[0];
    let name = one["name"].as_str().unwrap();
    for filters in [
        json!({ "external_ids": [one["external_id"]] }),
        json!({ "ids": [one["id"]] }),
        json!({ "name": name[..name.len() - 1].to_uppercase(), "external_ids": [one["external_id"]] }),
    ] {
        let (found, count) = house.items(&account, json!({ "filters": filters })).await;
        assert_eq!((ids(&found), count), (ids(std::slice::from_ref(one)), 1), "{filters}");
    }
    let (found, _) = house.items(&account, json!({ "filters": { "file_formats": ["PDF"] } })).await;
    assert!(!found.is_empty() && found.iter().all(|it| it["file_format"] == "PDF"));
    let (found, _) = house
        .items(&account, json!({ "filters": { "root_files_only": true, "item_types": ["FILE"] } }))
        .await;
    assert!(found.iter().all(|it| it["parent_external_id"].is_null()));

    let missing = json!({ "data_source_id": account.number, "parent_id": "nothing" });
    assert!(house.told(404, "/integrations/items/list", missing).await.contains("nothing"));
    house.told(404, "/integrations/items/list", json!({ "data_source_id": 999 })).await;
    let many = json!({ "data_source_id": account.number, "filters": { "item_types": vec!["FILE"; 51] } });
    assert_eq!(house.faults("/integrations/items/list", many).await, [r#"["body","filters","item_types"]"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_chosen_read_handed_out_tagged_and_deleted() {
    let house = House::open().await;
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (all, _) = house.items(&account, json!({ "filters": { "item_types": ["FILE"] } })).await;
    let readable: Vec<&Value> =
        all.iter().filter(|it| ["TXT", "PDF", "MD"].iter().any(|f| it["file_format"] == *f)).collect();
    let (one, two) = (readable[0], readable[1]);
    let sync = json!({ "data_source_id": account.number, "ids": [one["external_id"], two["external_id"]],
        "tags": { "team": "red", "year": 2026 }, "request_id": "r-1", "chunk_size": 200, "set_page_as_boundary": true });
    assert_eq!(house.fine("/integrations/files/sync", sync.clone()).await, json!({ "success": true }));
    let files = house.until(json!({ "request_ids": ["r-1"] }), "READY", 2).await;
    assert_eq!(ids(&files), ids(&[one.clone(), two.clone()]));
    let file = files[0].clone();
    assert_eq!(file["tags"], json!({ "team": "red", "year": "2026" }));
    assert_eq!((&file["chunk_size"], &file["chunk_overlap"]), (&json!(200), &json!(20)));
    assert_eq!(file["chunk_properties"]["set_page_as_boundary"], true);
    assert_eq!(
        (&file["parent_id"], &file["source"], &file["organization_supplied_user_id"]),
        (&Value::Null, &json!("BOX"), &json!("maya"))
    );
    assert!(file["file_statistics"]["num_characters"].as_u64().unwrap() > 0);
    assert!(file["last_sync"].is_string() && file["sync_error_message"].is_null());
    for key in [
        "supports_cold_storage",
        "embedding_storage_status",
        "ocr_properties",
        "messages_metadata",
        "sync_properties",
        "upload_id",
        "presigned_url",
        "additional_presigned_urls",
        "hot_storage_time_to_live",
        "file_contents_deleted",
    ] {
        assert!(file.get(key).is_some(), "{key}");
    }
    // A synced item says that it is one.
    let (items, _) = house.items(&account, json!({ "filters": { "ids": [file["id"]] } })).await;
    assert_eq!(items[0]["organization_user_file_to_sync_id"], file["id"]);

    // Contents, by addresses that end.
    let body = json!({ "filters": { "ids": [file["id"]] }, "include_raw_file": true, "include_parsed_text_file": true,
        "presigned_url_expiry_time_seconds": 100 });
    let with_urls = &house.fine("/user_files_v2", body).await["results"][0];
    let text = house.open_url(&with_urls["parsed_text_url"]).await;
    let characters = String::from_utf8_lossy(&text.body).chars().count() as u64;
    assert_eq!((text.status, Some(characters)), (200, file["file_statistics"]["num_characters"].as_u64()));
    assert!(header(&text, "content-disposition").starts_with("attachment"));
    let raw = house.open_url(&with_urls["presigned_url"]).await;
    assert_eq!(raw.status, 200);
    assert!(header(&raw, "content-security-policy").contains("sandbox"));
    let forged = with_urls["presigned_url"].as_str().unwrap().replace(&format!("/{}/", file["id"]), "/1/");
    assert_eq!(house.open_url(&json!(forged)).await.status, 403);
    for (path, url) in [("raw_file", "presigned_url"), ("parsed_file", "parsed_text_url")] {
        let older = house.get(&format!("/{path}/{}", file["id"])).await;
        assert_eq!(
            house.open_url(&older["presigned_url"]).await.body,
            house.open_url(&with_urls[url]).await.body
        );
        assert_eq!(house.as_customer("maya", "GET", &format!("/{path}/999999"), Value::Null).await.0, 404);
    }
    house.stage.clock.turn(101);
    assert_eq!(house.open_url(&with_urls["parsed_text_url"]).await.status, 403);

    // Tags and filters by them.
    let tagged =
        json!({ "tags": { "team": "blue", "seen": ["a", "b"] }, "organization_user_file_id": file["id"] });
    let tagged = house.fine("/create_user_file_tags", tagged).await;
    assert_eq!(tagged["tags"], json!({ "team": "blue", "year": "2026", "seen": ["a", "b"] }));
    let reserved = json!({ "tags": { "user_id": "x" }, "organization_user_file_id": file["id"] });
    assert!(house.told(400, "/create_user_file_tags", reserved).await.contains("user_id"));
    let found = async |filters: Value| ids(&house.files(filters).await);
    let (both, first) = (ids(&files), ids(&files[..1]));
    let leaf = |key: &str, value: &str, not: bool| json!({ "key": key, "value": value, "negate": not });
    assert_eq!(found(json!({ "tags_v2": { "AND": [leaf("team", "blue", false)] } })).await, first);
    assert_eq!(
        found(json!({ "tags_v2": { "AND": [leaf("year", "2026", false), leaf("team", "red", true)] } }))
            .await,
        first
    );
    assert_eq!(
        found(json!({ "tags_v2": { "OR": [leaf("team", "blue", false), leaf("team", "red", false)] } }))
            .await,
        both
    );
    assert_eq!(found(json!({ "tags": { "seen": "b" } })).await, first);
    let removed = json!({ "tags": ["seen", "nothing"], "organization_user_file_id": file["id"] });
    assert_eq!(
        house.fine("/delete_user_file_tags", removed).await["tags"],
        json!({ "team": "blue", "year": "2026" })
    );

    // Other filters.
    assert_eq!(found(json!({ "source": ["BOX", "GMAIL"] })).await, both);
    assert_eq!(found(json!({ "source": "GMAIL" })).await, BTreeSet::new());
    assert_eq!(
        found(json!({ "name": one["name"], "external_file_ids": [one["external_id"]] })).await,
        ids(std::slice::from_ref(one))
    );
    assert_eq!(found(json!({ "organization_user_data_source_id": [account.number] })).await, both);
    assert_eq!(found(json!({ "sync_statuses": ["READY"], "sync_error_message": "" })).await, both);
    assert_eq!(found(json!({ "sync_statuses": ["SYNC_ERROR"] })).await, BTreeSet::new());
    assert_eq!(found(json!({ "non_synced_only": true })).await, BTreeSet::new());
    assert_eq!(found(json!({ "root_files_only": true, "file_types_at_source": ["FILE"] })).await, both);
    assert_eq!(found(json!({ "external_urls": [file["external_url"]] })).await, first);
    assert_eq!(found(json!({ "upload_ids": ["x"] })).await, BTreeSet::new());
    let page = json!({ "pagination": { "limit": 1, "starting_id": file["id"] }, "order_by": "id", "order_dir": "desc" });
    let page = house.fine("/user_files_v2", page).await;
    assert_eq!((page["results"].as_array().unwrap().len(), &page["count"]), (1, &json!(2)));
    assert!(house.fine("/user_files", json!({})).await.is_array());
    let clash = json!({ "filters": { "root_files_only": true, "include_all_children": true } });
    assert_eq!(house.faults("/user_files_v2", clash).await, [r#"["body","filters","root_files_only"]"#]);
    let deep = json!({ "AND": [{ "OR": [{ "AND": [{ "OR": [leaf("a", "b", false)] }] }] }] });
    assert_eq!(house.faults("/user_files_v2", json!({ "filters": { "tags_v2": deep } })).await.len(), 1);

    // Read again, and a change of status is a change of time.
    let again = house.fine("/resync_file", json!({ "file_id": file["id"], "chunk_size": 50 })).await;
    assert_eq!((&again["id"], &again["chunk_size"]), (&file["id"], &json!(50)));
    house.until(json!({ "ids": [file["id"]] }), "READY", 1).await;
    house.told(404, "/resync_file", json!({ "file_id": 999_999 })).await;

    // Deleted: with a record, then without.
    let keep = json!({ "filters": { "ids": [file["id"]] }, "preserve_file_record": true });
    house.fine("/delete_files_v2", keep).await;
    let kept = house.file(&file["id"]).await;
    assert_eq!(
        (&kept["file_contents_deleted"], &kept["sync_status"]),
        (&json!(true), &json!("READY_TO_SYNC"))
    );
    assert_eq!(kept["file_statistics"]["num_characters"], Value::Null);
    house.listed(&account).await;
    assert_eq!(house.file(&file["id"]).await["sync_status"], "READY_TO_SYNC", "nothing reads it by itself");
    house.fine("/resync_file", json!({ "file_id": file["id"] })).await;
    house.until(json!({ "ids": [file["id"]] }), "READY", 1).await;
    let (status, _) =
        house.as_customer("maya", "DELETE", &format!("/deletefile/{}", file["id"]), Value::Null).await;
    assert_eq!((status, found(json!({})).await.len()), (200, 1));
    assert_eq!(
        house.as_customer("maya", "DELETE", &format!("/deletefile/{}", file["id"]), Value::Null).await.0,
        404
    );
    house.told(400, "/delete_files_v2", json!({})).await;
    house.told(400, "/delete_files", json!({ "file_ids": null })).await;
    house.fine("/delete_files", json!({ "file_ids": both })).await;
    assert_eq!(found(json!({})).await, BTreeSet::new());
    // Chosen anew it is back, under the same number.
    house.fine("/integrations/files/sync", sync).await;
    assert_eq!(ids(&house.until(json!({ "request_ids": ["r-1"] }), "READY", 2).await), both);

    for path in ["/move_to_hot_storage", "/modify_cold_storage_parameters"] {
        assert_eq!(house.fine(path, json!({ "filters": { "ids": [1] } })).await, json!(true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_folder_brings_what_is_in_it_and_what_comes() {
    let house = House::open().await;
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
    let house = House::open().await;
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
    let house = House::open().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn customers_have_limits_and_schedules_and_go_with_all_they_have() {
    let house = House::open().await;
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (items, _) =
        house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF", "MD", "CSV"] } })).await;
    let sync = |ids: &[&Value], request: &str| {
        let ids: Vec<&Value> = ids.iter().map(|it| &it["external_id"]).collect();
        json!({ "data_source_id": account.number, "ids": ids, "request_id": request })
    };
    let update = async |body: Value| {
        let (status, said) = house.by_key("POST", "/update_users", body).await;
        assert_eq!(status, 200, "{said}");
    };
    update(json!({ "customer_ids": ["maya"], "max_files": 2, "max_files_per_upload": 1 })).await;
    let words = house.told(403, "/integrations/files/sync", sync(&[&items[0], &items[1]], "a")).await;
    assert!(words.contains("at most 1 files at once"), "{words}");
    for (at, request) in ["a", "b"].iter().enumerate() {
        house.fine("/integrations/files/sync", sync(&[&items[at]], request)).await;
    }
    let words = house.told(403, "/integrations/files/sync", sync(&[&items[2]], "c")).await;
    assert!(words.contains("maya") && words.contains("at most 2 files"), "{words}");
    // What is there already may be read again.
    house.fine("/integrations/files/sync", sync(&[&items[0]], "a")).await;
    house.until(json!({ "request_ids": ["a", "b"] }), "READY", 2).await;

    // A limit that only the text shows.
    update(json!({ "customer_ids": ["maya"], "max_files": -1, "max_files_per_upload": -1, "max_characters_per_file": 3 })).await;
    house.fine("/integrations/files/sync", sync(&[&items[2]], "c")).await;
    let over = house.until(json!({ "request_ids": ["c"] }), "SYNC_ERROR", 1).await;
    assert!(over[0]["sync_error_message"].as_str().unwrap().contains("at most 3 characters"), "{over:?}");
    assert_eq!(over[0]["file_contents_deleted"], true);
    update(json!({ "customer_ids": ["maya"], "max_characters_per_file": -1 })).await;
    house.fine("/resync_file", json!({ "file_id": over[0]["id"] })).await;
    house.until(json!({ "request_ids": ["c"] }), "READY", 1).await;

    // Schedules.
    let hours = async || house.state(&account).await.every_hours;
    update(json!({ "customer_ids": ["maya"], "auto_sync_enabled_sources": "ALL" })).await;
    assert_eq!(hours().await, 24);
    update(
        json!({ "customer_ids": ["maya"], "auto_sync_enabled_sources": ["BOX"], "auto_sync_interval": 6 }),
    )
    .await;
    assert_eq!(hours().await, 6);
    update(json!({ "customer_ids": ["maya"], "auto_sync_enabled_sources": [] })).await;
    assert_eq!(hours().await, 0);
    let config =
        json!({ "global_user_config": { "auto_sync_enabled_sources": "ALL", "auto_sync_interval": 12 } });
    assert_eq!(house.by_key("POST", "/organization/update", config).await.0, 200);
    assert_eq!(hours().await, 0, "the customer's own word wins");
    let other = house
        .connect_for(
            "noor",
            "DROPBOX",
            SyncOptions { sync_files_on_connection: false, ..SyncOptions::default() },
        )
        .await;
    house.idle(&other).await;
    assert_eq!(house.state(&other).await.every_hours, 12);
    for wrong in [
        json!({ "customer_ids": vec!["a"; 101] }),
        json!({ "customer_ids": ["a"], "auto_sync_interval": 5 }),
        json!({ "customer_ids": ["a"], "max_files": -2 }),
        json!({ "customer_ids": ["a"], "auto_sync_enabled_sources": "all" }),
    ] {
        assert_eq!(house.by_key("POST", "/update_users", wrong).await.0, 422);
    }
    let by_source = json!({ "data_source_configs": { "BOX": { "allowed_file_formats": ["PDF"] } } });
    let (status, said) = house.by_key("POST", "/organization/update", by_source).await;
    assert_eq!(status, 501);
    sentence(&said);

    // Who they are.
    let (status, user) = house.by_key("POST", "/user", json!({ "customer_id": "maya" })).await;
    assert_eq!(
        (status, &user["num_files_synced"], &user["organization_supplied_user_id"]),
        (200, &json!(3), &json!("maya"))
    );
    assert!(user["num_characters_synced"].as_u64().unwrap() > 0);
    assert_eq!(user["aggregate_num_files_by_source"], json!({ "BOX": 3 }));
    assert_eq!(house.get("/whoami").await["id"], user["id"]);
    assert_eq!(house.by_key("POST", "/user", json!({ "customer_id": "nobody" })).await.0, 404);
    house
        .fine(
            "/modify_user_configuration",
            json!({ "configuration_key_name": "sparse_vectors", "value": { "enabled": true } }),
        )
        .await;
    assert_eq!(house.get("/whoami").await["enabled_features"], json!({ "sparse_vectors": true }));
    let list = json!({ "order_dir": "asc", "include_count": true, "pagination": { "limit": 1 } });
    let (_, list) = house.by_key("POST", "/list_users", list).await;
    assert_eq!((list["users"].as_array().unwrap().len(), &list["count"]), (1, &json!(2)));
    let (_, list) =
        house.by_key("POST", "/list_users", json!({ "filters": { "customer_ids": ["noor"] } })).await;
    assert_eq!(
        (&list["users"][0]["organization_supplied_user_id"], &list["count"]),
        (&json!("noor"), &Value::Null)
    );
    let (status, organization) = house.by_key("GET", "/organization", Value::Null).await;
    assert_eq!((status, &organization["name"]), (200, &json!("Acme")));
    assert_eq!(house.by_key("POST", "/organization/statistics", json!({})).await.0, 200);

    // Another organization sees nothing of it, and a customer's token is no key.
    let (key, _) = key(&house.stage, "Other").await;
    let key = format!("Bearer {key}");
    let list = house.send("POST", "/list_users", &[("authorization", &key)], "{}").await;
    assert_eq!(serde_json::from_slice::<Value>(&list.body).unwrap()["users"], json!([]));
    let token = house.get("/auth/v1/access_token").await["access_token"].as_str().unwrap().to_owned();
    let token = format!("Token {token}");
    for path in ["/list_users", "/update_users", "/user", "/delete_users", "/organization/update"] {
        let reply = house.send("POST", path, &[("authorization", &token)], "{}").await;
        assert_eq!(reply.status, 401, "{path}");
    }

    // All of it goes.
    assert_eq!(
        house.by_key("POST", "/delete_users", json!({ "customer_ids": ["maya", "nobody"] })).await.0,
        200
    );
    assert_eq!(house.by_key("POST", "/user", json!({ "customer_id": "maya" })).await.0, 404);
    let (_, sources) = house.by_key("POST", "/data_sources", json!({})).await;
    assert_eq!(
        (&sources["count"], &sources["results"][0]["organization_supplied_user_id"]),
        (&json!(1), &json!("noor"))
    );
    let gone = house.stage.app.call("sync_state", json!({ "id": account.connection })).await;
    assert_eq!(gone.unwrap_err().code, "not_found");
    assert_eq!(house.files(json!({})).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_and_messages_are_chosen_by_filters() {
    let house = House::open().await;
    let gmail = house.connect("GMAIL").await;
    let labels = house.get(&format!("/integrations/gmail/user_labels?data_source_id={}", gmail.number)).await;
    let labels = labels["labels"].as_array().unwrap();
    assert!(labels.iter().any(|it| it["name"] == "Customers/Northwind" && it["type"] == "user"));
    assert!(labels.iter().any(|it| it["id"] == "STARRED" && it["type"] == "system"));
    assert_eq!(house.as_customer("maya", "GET", "/integrations/gmail/user_labels", Value::Null).await.0, 422);
    let contents = house.stage.practice.contents("GMAIL").await;
    assert!(!contents.is_empty());

    let wanted = json!({ "AND": [{ "key": "after", "value": "2000/01/01" }, { "OR": [
        { "key": "label", "value": "customers/northwind" }, { "key": "is", "value": "starred" },
    ]}]});
    let sync = json!({ "data_source_id": gmail.number, "filters": wanted.clone(), "request_id": "mails", "tags": { "by": "filter" } });
    house.fine("/integrations/gmail/sync", sync).await;
    house.idle(&gmail).await;
    let files = house.files(json!({ "request_ids": ["mails"] })).await;
    let (_, all) = house.items(&gmail, json!({ "filters": { "item_types": ["FILE"] } })).await;
    assert!(!files.is_empty() && (files.len() as u64) < all, "{} of {all}", files.len());
    assert!(files.iter().all(|it| it["sync_status"] == "READY" && it["tags"]["by"] == "filter"));
    assert_eq!(house.files(json!({})).await.len(), files.len(), "nothing else was read");
    // Who wrote and who got it, and what hangs on it, are told by Gmail.
    let text = house.stage.app.programs().text(files[0]["id"].as_i64().unwrap()).unwrap().unwrap();
    let head =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().split(['<', '>']).nth(1);
    let by = json!({ "AND": [
        { "key": "from", "value": head("From: ") }, { "key": "to", "value": head("To: ") }, { "key": "has", "value": "attachment" },
    ]});
    house.fine("/integrations/gmail/sync", json!({ "filters": by, "request_id": "by" })).await;
    house.idle(&gmail).await;
    let by = house.files(json!({ "request_ids": ["by"] })).await;
    assert!(by.iter().any(|it| it["id"] == files[0]["id"]) && by.len() < files.len(), "{by:?}");
    let again = json!({ "data_source_id": gmail.number, "filters": wanted, "request_id": "mails", "tags": { "by": "filter" } });
    house.fine("/integrations/gmail/sync", again).await;
    house.idle(&gmail).await;
    let none = json!({ "filters": { "key": "before", "value": "1999/01/01" }, "request_id": "none" });
    house.fine("/integrations/gmail/sync", none).await;
    house.idle(&gmail).await;
    assert!(house.files(json!({ "request_ids": ["none"] })).await.is_empty());
    // Deleted, it stays deleted although the filter still lets it through.
    house.fine("/delete_files_v2", json!({ "filters": { "ids": [files[0]["id"]] } })).await;
    house.listed(&gmail).await;
    house.idle(&gmail).await;
    assert_eq!(house.files(json!({})).await.len(), files.len() - 1);
    for (filters, says) in [
        (json!({ "key": "label", "value": "no such" }), "no such"),
        (json!({ "key": "subject", "value": "x" }), "subject"),
        (json!({ "AND": [{ "OR": [{ "AND": [] }] }] }), "deeper"),
    ] {
        let words = house.told(400, "/integrations/gmail/sync", json!({ "filters": filters })).await;
        assert!(words.contains(says), "{words}");
    }
    house
        .told(400, "/integrations/outlook/sync", json!({ "data_source_id": gmail.number, "filters": {} }))
        .await;
    assert!(
        house
            .told(404, "/integrations/slack/sync", json!({ "filters": { "conversation_id": "C1" } }))
            .await
            .contains("SLACK")
    );

    let outlook = house.connect("OUTLOOK").await;
    let folders = house.get("/integrations/outlook/user_folders").await;
    let folders = folders["folders"].as_array().unwrap();
    assert!(names(folders).contains("Inbox") && names(folders).contains("Lyon & Co."), "{folders:?}");
    house
        .fine(
            "/integrations/outlook/sync",
            json!({ "folder": "lyon & co.", "filters": {}, "request_id": "folder" }),
        )
        .await;
    house.idle(&outlook).await;
    let folder = house.files(json!({ "request_ids": ["folder"], "include_containers": false })).await;
    assert!(!folder.is_empty() && folder.iter().all(|it| it["sync_status"] == "READY"), "{folder:?}");
    let (inbox, _) = house.items(&outlook, json!({ "filters": { "item_types": ["FILE"] } })).await;
    assert!(inbox.len() > folder.len());
    let after = json!({ "filters": { "key": "after", "value": "2100/01/01" }, "request_id": "never" });
    house.fine("/integrations/outlook/sync", after).await;
    house.idle(&outlook).await;
    assert!(house.files(json!({ "request_ids": ["never"] })).await.is_empty());
    let after =
        json!({ "filters": { "AND": [{ "key": "after", "value": "1990/01/01" }] }, "request_id": "inbox" });
    house.fine("/integrations/outlook/sync", after).await;
    house.idle(&outlook).await;
    assert!(!house.files(json!({ "request_ids": ["inbox"], "sync_statuses": ["READY"] })).await.is_empty());
    assert!(
        house
            .told(400, "/integrations/outlook/sync", json!({ "filters": { "key": "is", "value": "read" } }))
            .await
            .contains("flagged")
    );
    let none = json!({ "folder": "No such", "filters": {} });
    assert!(house.told(400, "/integrations/outlook/sync", none).await.contains("No such"));
    let (status, said) =
        house.as_customer("maya", "GET", "/integrations/outlook/user_categories", Value::Null).await;
    assert_eq!(status, 200);
    assert!(names(said["categories"].as_array().unwrap()).contains("Blue category"), "{said}");
}

/// Ids of the mails that a filter of Outlook brings.
async fn mails(house: &House, source: &Account, name: &str, filters: Value) -> BTreeSet<i64> {
    let ask = json!({ "filters": filters, "request_id": name, "data_source_id": source.number });
    house.fine("/integrations/outlook/sync", ask).await;
    house.idle(source).await;
    let files = house.files(json!({ "request_ids": [name] })).await;
    assert!(files.iter().all(|it| it["sync_status"] == "READY"), "{files:?}");
    files.iter().map(|it| it["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn outlook_itself_applies_every_filter_of_the_contract() {
    let house = House::open().await;
    house.stage.practice.set_items(160).await;
    let outlook = house.connect("OUTLOOK").await;
    let (category, flagged) =
        (json!({ "key": "category", "value": "blue category" }), json!({ "key": "is", "value": "flagged" }));
    let every = mails(&house, &outlook, "every", json!({ "key": "after", "value": "1990/01/01" })).await;
    let blue = mails(&house, &outlook, "blue", category.clone()).await;
    let flag = mails(&house, &outlook, "flag", flagged.clone()).await;
    for some in [&blue, &flag] {
        assert!(!some.is_empty() && some.is_subset(&every) && some.len() < every.len(), "{some:?}");
    }
    let both = mails(&house, &outlook, "both", json!({ "AND": [category, flagged] })).await;
    assert_eq!(both, &blue & &flag);
    let either = mails(&house, &outlook, "either", json!({ "OR": [category, flagged] })).await;
    assert_eq!(either, &blue | &flag);

    // Whoever wrote one of them, by address and by name.
    let one = house.files(json!({ "ids": [every.first()] })).await;
    let text = house.stage.app.programs().text(one[0]["id"].as_i64().unwrap()).unwrap().unwrap();
    let from = text.lines().find_map(|line| line.strip_prefix("From: ")).unwrap();
    let (name, address) = from.trim_end_matches('>').split_once(" <").unwrap();
    let by_address = mails(&house, &outlook, "address", json!({ "key": "from", "value": address })).await;
    let by_name = mails(&house, &outlook, "name", json!({ "key": "from", "value": name })).await;
    assert!(by_address.contains(every.first().unwrap()) && by_address.is_subset(&by_name), "{from}");
    assert!(by_name.len() < every.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_and_sites_are_listed_page_by_page() {
    let house = House::open().await;
    // Enough for conversations of every kind.
    house.stage.practice.set_items(120).await;
    let slack = house.connect("SLACK").await;
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let mut cursor = String::new();
    for _ in 0..20 {
        let path = format!(
            "/integrations/slack/conversations?types=public_channel,private_channel,im,mpim&data_source_id={}&cursor={}",
            slack.number,
            url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect::<String>()
        );
        let page = house.get(&path).await;
        for it in page["results"].as_array().unwrap() {
            for key in [
                "id",
                "name",
                "is_channel",
                "is_im",
                "is_mpim",
                "is_private",
                "is_shared",
                "is_archived",
                "user",
            ] {
                assert!(it.get(key).is_some(), "{it}");
            }
            found.insert(it["id"].as_str().unwrap().to_owned(), it.clone());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert!(
        found.values().any(|it| it["is_im"] == true) && found.values().any(|it| it["is_channel"] == true)
    );
    let only = house.get("/integrations/slack/conversations").await;
    assert!(only["results"].as_array().unwrap().iter().all(|it| it["is_private"] == false));
    let path = "/integrations/slack/conversations?types=channels";
    assert_eq!(house.as_customer("maya", "GET", path, Value::Null).await.0, 400);

    let channel = found.values().find(|it| it["name"] == "general").unwrap();
    let ask = |after: &str, request: &str| json!({ "filters": { "conversation_id": channel["id"], "after": after }, "request_id": request });
    house.fine("/integrations/slack/sync", ask("2100/01/01", "never")).await;
    house.idle(&slack).await;
    assert!(house.files(json!({})).await.is_empty());
    house.fine("/integrations/slack/sync", ask("1990/01/01", "all")).await;
    house.idle(&slack).await;
    let some = house.files(json!({ "request_ids": ["all"] })).await;
    assert!(!some.is_empty());
    house.told(400, "/integrations/slack/sync", ask("yesterday", "x")).await;
    let whole = json!({ "filters": { "conversation_id": channel["id"] }, "request_id": "whole" });
    house.fine("/integrations/slack/sync", whole).await;
    house.idle(&slack).await;
    let now = house.files(json!({ "include_containers": false })).await;
    assert!(now.len() >= some.len());
    let none = json!({ "filters": { "conversation_id": "C0NOWHERE" } });
    house.told(404, "/integrations/slack/sync", none).await;

    let sharepoint = house.connect("SHAREPOINT").await;
    let path = format!("/integrations/sharepoint/sites/list?data_source_id={}&cursor=", sharepoint.number);
    let sites = house.get(&path).await;
    let found: BTreeSet<Option<&str>> =
        sites["sites"].as_array().unwrap().iter().map(|it| it["name"].as_str()).collect();
    assert_eq!(found, BTreeSet::from([None, Some("Mkt"), Some("Support"), Some("teams/Field-Ops")]));
    assert!(sites.get("next_cursor").is_some());
    // Items carry what they hang on, and come by it.
    house.listed(&sharepoint).await;
    let (items, _) = house.items(&sharepoint, json!({ "filters": { "file_formats": ["PDF", "TXT"] } })).await;
    let (item, root) = (&items[0]["external_id"], &items[0]["root_external_id"]);
    assert!(root.is_string());
    let ask = |root: &Value| json!({ "data_source_id": sharepoint.number, "ids": [{ "id": item, "root_id": root }], "request_id": "sp" });
    house.told(404, "/integrations/files/sync", ask(&json!("b!elsewhere"))).await;
    house.fine("/integrations/files/sync", ask(root)).await;
    house.until(json!({ "request_ids": ["sp"] }), "READY", 1).await;

    let confluence = house.connect("CONFLUENCE").await;
    let named = json!({ "data_source_id": confluence.number });
    let spaces = house.fine("/integrations/confluence/list", named).await;
    let space = &spaces["data"][0];
    assert_eq!((&space["is_synced"], &space["has_children"]), (&json!(false), &json!(true)));
    let named = json!({ "data_source_id": confluence.number, "parent_id": space["id"] });
    let pages = house.fine("/integrations/confluence/list", named).await;
    let page = &pages["data"][0]["id"];
    let named = json!({ "data_source_id": confluence.number, "ids": [page], "request_id": "page" });
    house.fine("/integrations/confluence/sync", named).await;
    house.idle(&confluence).await;
    assert!(!house.files(json!({ "request_ids": ["page"], "sync_statuses": ["READY"] })).await.is_empty());
    let named = json!({ "data_source_id": sharepoint.number });
    assert!(house.told(400, "/integrations/confluence/list", named).await.contains("CONFLUENCE"));
}

/// A listener that hears deliveries.
async fn listener() -> (Url, Arc<Mutex<Vec<Value>>>) {
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
            let body = loop {
                let count = stream.read(&mut bytes).await.unwrap_or_default();
                text.extend_from_slice(&bytes[..count]);
                let all = String::from_utf8_lossy(&text).into_owned();
                let body = all.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
                let read = body.and_then(|body| serde_json::from_str::<Value>(&body).ok());
                if read.is_some() || count == 0 {
                    break read;
                }
            };
            let _gone =
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let inner = body.and_then(|body| serde_json::from_str(body["payload"].as_str()?).ok());
            kept.lock().unwrap().extend(inner);
        }
    });
    (url, heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_hear_of_files() {
    let house = House::open().await;
    let (url, heard) = listener().await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    let sync =
        json!({ "data_source_id": account.number, "ids": [items[0]["external_id"]], "request_id": "r" });
    house.fine("/integrations/files/sync", sync).await;
    let file = house.until(json!({ "request_ids": ["r"] }), "READY", 1).await.remove(0);
    let delete = json!({ "filters": { "ids": [file["id"]] }, "send_webhook": true });
    let told = |what: &str| {
        let heard = heard.lock().unwrap();
        heard.iter().filter(|it| it["webhook_type"] == what).cloned().collect::<Vec<_>>()
    };
    stage::until("the file to be told of", || {
        !told("FILE_READY").is_empty() && !told("ALL_FILES_PROCESSED").is_empty()
    })
    .await;
    house.fine("/delete_files_v2", delete).await;
    stage::until("the end to be told of", || !told("FILE_DELETED").is_empty()).await;
    let ready = &told("FILE_READY")[0];
    assert_eq!(
        (&ready["obj"]["object_type"], &ready["obj"]["object_id"]),
        (&json!("FILE"), &json!(file["id"].to_string()))
    );
    assert_eq!(
        (&ready["obj"]["additional_information"]["request_id"], &ready["customer_id"]),
        (&json!("r"), &json!("maya"))
    );
    assert_eq!(told("FILES_CREATED")[0]["obj"]["object_id"], json!([file["id"].to_string()]));
    // Told once, however many syncs follow.
    house.listed(&account).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((told("FILE_READY").len(), told("FILE_DELETED").len()), (1, 1));
}
