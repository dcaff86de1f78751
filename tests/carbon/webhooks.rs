//! What programs are told by webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tieline_engine::wire::Phase;
use tieline_practice::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use crate::carbon::house::{House, key, key_again, sentence};
use crate::stage;

/// A listener that hears deliveries, and refuses the first ones.
async fn listener(refused: usize) -> (Url, Arc<Mutex<Vec<(String, String)>>>) {
    let heard: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut left = refused;
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
            let whole = loop {
                let count = stream.read(&mut bytes).await.unwrap_or_default();
                text.extend_from_slice(&bytes[..count]);
                let all = String::from_utf8_lossy(&text).into_owned();
                let parts = all.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned()));
                let whole = parts.filter(|(_, body)| serde_json::from_str::<Value>(body).is_ok());
                if whole.is_some() || count == 0 {
                    break whole;
                }
            };
            let status = if left > 0 { "500 No" } else { "200 OK" };
            left = left.saturating_sub(1);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _gone = stream.write_all(answer.as_bytes()).await;
            kept.lock().unwrap().extend(whole);
        }
    });
    (url, heard)
}

fn hmac(key: &[u8], text: &[u8]) -> String {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([pad(0x36), text.to_vec()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the bodies of deliveries carry.
fn payloads(heard: &Mutex<Vec<(String, String)>>) -> Vec<Value> {
    let inner = |(_, body): &(String, String)| {
        let outer: Value = serde_json::from_str(body).unwrap();
        serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap()
    };
    heard.lock().unwrap().iter().map(inner).collect()
}

fn events(heard: &Mutex<Vec<(String, String)>>) -> Vec<String> {
    payloads(heard).iter().map(|it| it["webhook_type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_signed_in_order_and_tried_again() {
    let house = House::open().await;
    for bad in ["http://hooks.acme.example/x", "not an address", "https://user:word@hooks.example"] {
        let (status, said) = house.by_key("POST", "/add_webhook", json!({ "url": bad })).await;
        assert_eq!(status, 400, "{said}");
        sentence(&said);
    }
    // The first two deliveries are refused, and tried again.
    let (url, heard) = listener(2).await;
    let (status, hook) = house.by_key("POST", "/add_webhook", json!({ "url": url })).await;
    assert_eq!(status, 200, "{hook}");
    let signing = hook["signing_key"].as_str().unwrap().to_owned();
    assert_eq!((signing.len(), &hook["status"]), (64, &json!("ACTIVE")));
    let (_, listed) = house.by_key("POST", "/webhooks", json!({})).await;
    assert_eq!((&listed["count"], &listed["results"][0]["url"]), (&json!(1), &json!(url)));
    assert!(!listed.to_string().contains(&signing));

    let source = house.zendesk().await;
    house.fine("/integrations/items/sync", json!({ "data_source_id": source["id"] })).await;
    house.idle(&house.account(&source)).await;
    house.fine("/revoke_access_token", json!({ "data_source_id": source["id"] })).await;
    for _ in 0..400 {
        if events(&heard).iter().any(|it| it == "REVOKE") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = events(&heard);
    assert_eq!(told[..3], ["ADD", "ADD", "ADD"], "{told:?}");
    let rest: Vec<&str> = told[3..].iter().map(String::as_str).filter(|it| !it.starts_with("FILE")).collect();
    assert!(rest.contains(&"UPDATE") && rest.contains(&"DATA_SOURCE_READY"), "{told:?}");
    assert_eq!(
        (rest.last(), rest.iter().filter(|it| **it == "REVOKE").count()),
        (Some(&"REVOKE"), 1),
        "{told:?}"
    );

    let signing_key: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&signing[at * 2..at * 2 + 2], 16).unwrap()).collect();
    for (head, body) in heard.lock().unwrap().iter() {
        let value = |name: &str| {
            head.lines()
                .find_map(|line| line.to_lowercase().strip_prefix(name).map(|it| it.trim().to_owned()))
                .unwrap()
        };
        let sent = value("carbon-signature:");
        let (time, hash) = sent.trim_start_matches("t=").split_once(",v1=").unwrap();
        assert_eq!(hash, hmac(&signing_key, format!("{time}.{body}").as_bytes()));
        let compact = value("carbon-signature-compact:");
        let (time, hash) = compact.trim_start_matches("t=").split_once(",v2=").unwrap();
        assert_eq!(hash, hmac(&signing_key, format!("{time}.{body}").as_bytes()));
        let outer: Value = serde_json::from_str(body).unwrap();
        let inner: Value = serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap();
        assert_eq!((&inner["customer_id"], &inner["obj"]), (&json!("maya"), &inner["object"]));
        assert!(inner["timestamp"].as_str().unwrap().parse::<i64>().unwrap() > 0);
        if inner["obj"]["object_type"] == "DATA_SOURCE" {
            assert_eq!(inner["obj"]["object_id"], source["id"].to_string());
            assert_eq!(inner["obj"]["additional_information"]["data_source_type"], "ZENDESK");
        }
    }

    // Three at most; another organization sees and deletes none of them.
    for _ in 0..2 {
        assert_eq!(
            house.by_key("POST", "/add_webhook", json!({ "url": "https://hooks.acme.example/x" })).await.0,
            200
        );
    }
    let (status, said) =
        house.by_key("POST", "/add_webhook", json!({ "url": "https://hooks.acme.example/y" })).await;
    assert_eq!(status, 400);
    assert!(sentence(&said).contains('3'));
    let path = format!("/delete_webhook/{}", hook["id"]);
    let other = House { key: key(&house.stage, "Other").await, ..house };
    assert_eq!(other.by_key("POST", "/webhooks", json!({})).await.1["count"], 0);
    assert_eq!(other.by_key("DELETE", &path, Value::Null).await.0, 404);
    let house = House { key: key_again(&other.stage, "Acme").await, ..other };
    assert_eq!(house.by_key("DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(house.by_key("DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(house.by_key("POST", "/webhooks", json!({})).await.1["count"], 2);
    // Its key has gone from the keyring with it.
    let entries = stage::keyring::entries(house.stage.folder.path());
    assert!(!entries.values().any(|secret| *secret == signing));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_hear_of_files() {
    let house = House::with_items(60).await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    let sync =
        json!({ "data_source_id": account.number, "ids": [items[0]["external_id"]], "request_id": "r" });
    house.fine("/integrations/files/sync", sync).await;
    let file = house.until(json!({ "request_ids": ["r"] }), "READY", 1).await.remove(0);
    let delete = json!({ "filters": { "ids": [file["id"]] }, "send_webhook": true });
    let told = |what: &str| -> Vec<Value> {
        payloads(&heard).into_iter().filter(|it| it["webhook_type"] == what).collect()
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
    let created = &told("FILES_CREATED")[0]["obj"];
    assert_eq!(created["object_id"], json!([file["id"].to_string()]));
    assert_eq!(created["additional_information"], json!({ "request_id": "r" }));
    // Told once, however many syncs follow.
    house.listed(&account).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((told("FILE_READY").len(), told("FILE_DELETED").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_told_of_when_they_are_chosen_and_read_and_not_when_they_are_tagged() {
    let house = House::with_items(60).await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let told = |what: &str| -> Vec<Value> {
        payloads(&heard)
            .into_iter()
            .filter(|it| it["webhook_type"] == what)
            .map(|it| it["obj"].clone())
            .collect()
    };
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    let choose = async |item: &Value, request: &str| {
        let ask =
            json!({ "data_source_id": account.number, "ids": [item["external_id"]], "request_id": request });
        house.fine("/integrations/files/sync", ask).await;
    };
    choose(&items[0], "one").await;
    let one = house.until(json!({ "request_ids": ["one"] }), "READY", 1).await.remove(0);
    stage::until("the first file to be told of", || !told("FILE_READY").is_empty()).await;

    house.stage.clock.turn(5);
    let tags = json!({ "tags": { "seen": "yes" }, "organization_user_file_id": one["id"] });
    house.fine("/create_user_file_tags", tags).await;
    house.stage.clock.turn(5);
    choose(&items[1], "two").await;
    let is_of = |it: &Value, file: &Value| it["object_id"] == json!(file["id"].to_string());
    let two = house.until(json!({ "request_ids": ["two"] }), "READY", 1).await.remove(0);
    stage::until("the second file to be told of", || told("FILE_READY").iter().any(|it| is_of(it, &two)))
        .await;
    // What is told comes in the order in which it happened.
    assert_eq!(told("FILE_READY").iter().filter(|it| is_of(it, &one)).count(), 1);

    // With a folder, all that stands in it.
    let (folders, _) = house.items(&account, json!({ "filters": { "item_types": ["FOLDER"] } })).await;
    house.stage.clock.turn(5);
    choose(&folders[0], "folder").await;
    house.idle(&account).await;
    let files = house.files(json!({ "request_ids": ["folder"] })).await;
    assert!(files.len() > 1, "{files:?}");
    // Those that were chosen before have its request as well, and are not new.
    let files: Vec<&Value> =
        files.iter().filter(|it| ![&one["id"], &two["id"]].contains(&&it["id"])).collect();
    stage::until("the folder's files to be told of", || {
        let of_folder = |it: &&Value| it["additional_information"]["request_id"] == "folder";
        let created = told("FILES_CREATED");
        let numbers = created.iter().filter(of_folder).flat_map(|it| it["object_id"].as_array().unwrap());
        let mut numbers: Vec<String> = numbers.map(|it| it.as_str().unwrap().to_owned()).collect();
        let mut expected: Vec<String> = files.iter().map(|file| file["id"].to_string()).collect();
        numbers.sort();
        expected.sort();
        numbers == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_of_and_what_waited_is_read_after_it() {
    let house = House::with_items(60).await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let (items, _) =
        house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF", "MD"] } })).await;
    let chosen: Vec<&Value> = items.iter().take(8).map(|it| &it["external_id"]).collect();
    assert_eq!(chosen.len(), 8);
    house.stage.practice.set_fault("BOX", Fault::ServerError, None).await;
    let ask = json!({ "data_source_id": account.number, "ids": chosen, "request_id": "r" });
    house.fine("/integrations/files/sync", ask).await;
    // Every request is tried several times first.
    for _ in 0..800 {
        if house.state(&account).await.failure.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stuck = house.until(json!({ "request_ids": ["r"] }), "SYNC_ERROR", 8).await;
    assert!(stuck.iter().all(|it| it["sync_error_message"].is_string()), "{stuck:?}");
    assert_eq!(house.sources().await[0]["sync_status"], "SYNC_ERROR");
    let count = |what: &str| events(&heard).iter().filter(|it| *it == what).count();
    stage::until("the files to be told of", || count("FILE_ERROR") == 8).await;

    house.stage.practice.clear_faults().await;
    house.fine("/resync_file", json!({ "file_id": stuck[0]["id"] })).await;
    house.until(json!({ "request_ids": ["r"] }), "READY", 8).await;
    stage::until("the files to be told of again", || count("FILE_READY") == 8).await;
    assert_eq!(count("FILE_ERROR"), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_is_not_told_as_ready_and_can_be_synced_again() {
    let house = House::with_items(60).await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("BOX").await;
    house.listed(&account).await;
    let count = |what: &str| events(&heard).iter().filter(|it| *it == what).count();
    stage::until("the listing to be told of", || count("DATA_SOURCE_READY") == 1).await;
    let (items, _) = house.items(&account, json!({ "filters": { "file_formats": ["TXT", "PDF"] } })).await;
    house.stage.practice.set_fault("BOX", Fault::Slow, None).await;
    let ids = json!([items[0]["external_id"], items[1]["external_id"]]);
    let ask = json!({ "data_source_id": account.number, "ids": ids, "request_id": "r" });
    house.fine("/integrations/files/sync", ask).await;
    let waiting = house.until(json!({ "request_ids": ["r"] }), "SYNCING", 2).await;
    assert_eq!(house.state(&account).await.phase, Phase::Reading);
    house.told(409, "/resync_file", json!({ "file_id": waiting[0]["id"] })).await;
    let named = json!({ "data_source_id": account.number });
    house.fine("/integrations/items/sync/cancel", named).await;
    house.until(json!({ "request_ids": ["r"] }), "SYNC_ABORTED", 2).await;
    let cancelled = house.sources().await.remove(0);
    assert_eq!(
        (&cancelled["sync_status"], &cancelled["last_sync_action"]),
        (&json!("READY"), &json!("CANCEL"))
    );

    house.stage.practice.clear_faults().await;
    house.stage.clock.turn(5);
    house.fine("/resync_file", json!({ "file_id": waiting[0]["id"] })).await;
    house.until(json!({ "request_ids": ["r"] }), "READY", 2).await;
    house.idle(&account).await;
    let synced = house.sources().await.remove(0);
    assert_eq!(synced["last_sync_action"], "UPDATE");
    assert_ne!(synced["last_synced_at"], cancelled["last_synced_at"]);
    stage::until("the files to be told of", || count("FILE_READY") == 2).await;
    assert_eq!(count("DATA_SOURCE_READY"), 2, "{:?}", events(&heard));
}

/// A window and a server are two processes over one folder.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_in_another_process_is_told_once_whoever_serves() {
    let house = House::with_items(60).await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let account = house.connect("ZENDESK").await;
    house.listed(&account).await;
    let count = |what: &str| events(&heard).iter().filter(|it| *it == what).count();
    stage::until("the listing to be told of", || count("DATA_SOURCE_READY") > 0).await;
    let before = count("DATA_SOURCE_READY");
    assert_eq!(count("FILE_READY"), 0);

    let window =
        stage::open(&house.stage.practice, house.stage.folder.path(), &house.stage.clock).await.unwrap();
    let ask = json!({ "connection": account.connection });
    let everything = json!({ "connection": account.connection, "everything": true });
    window.call("set_sync", everything).await.unwrap();
    window.call("sync_to_the_end", ask.clone()).await.unwrap();
    let kept = house.files(json!({ "sync_statuses": ["READY"] })).await.len();
    assert!(kept > 0);
    stage::until("the window's sync to be told of", || count("FILE_READY") == kept).await;
    assert_eq!(count("DATA_SOURCE_READY"), before + 1);

    // Both serve: whoever did it tells it, and the other does not.
    let server = tieline_http::serve(window.clone(), tieline_http::ServeOptions::default()).await.unwrap();
    let contents = house.stage.practice.contents("ZENDESK").await;
    let like = contents.iter().find(|it| it.kind == "article").unwrap();
    house.stage.pass(61).await;
    house
        .stage
        .practice
        .change("ZENDESK", json!({ "do": "add", "thing": like.thing, "name": "Later" }))
        .await;
    house.stage.pass(61).await;
    window.call("sync_to_the_end", ask).await.unwrap();
    stage::until("the new article to be told of", || count("FILE_READY") > kept).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        (count("FILE_READY"), count("DATA_SOURCE_READY")),
        (kept + 1, before + 2),
        "{:?}",
        events(&heard)
    );

    server.close().await;
    window.call("disconnect", json!({ "id": account.connection })).await.unwrap();
    stage::until("the end to be told of", || count("REVOKE") > 0).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count("REVOKE"), 1);
    window.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_while_an_organization_has_no_key() {
    let house = House::open().await;
    let (url, heard) = listener(0).await;
    assert_eq!(house.by_key("POST", "/add_webhook", json!({ "url": url })).await.0, 200);
    let source = house.zendesk().await;
    let account = house.account(&source);
    let programs = house.stage.app.programs();
    let organization = programs.key(&house.key).unwrap().unwrap().organization;
    house.idle(&account).await;
    let second = house.signed_in(json!({ "service": "BOX", "sync_files_on_connection": false })).await;
    let other = house.account(&second);
    stage::until("both", || events(&heard).iter().filter(|it| *it == "ADD").count() == 2).await;
    house.revoke().await;
    // They are dealt with in turn: once the second is noticed, the first has been told, or has not.
    for account in [&account, &other] {
        let end = json!({ "id": account.connection, "revoke": false, "keep_contents": false });
        let _: Value = house.stage.ask("disconnect", end).await.unwrap();
        stage::until("the end is noticed", || {
            let noted = programs.record(organization, "carbon.ended", &account.connection).unwrap();
            noted.is_some_and(|it| it.body == json!({ "revoked": true }))
        })
        .await;
    }
    // What happened meanwhile would come before what happens once there is a key again.
    let house = House { key: key_again(&house.stage, "Acme").await, ..house };
    let before = events(&heard).iter().filter(|it| *it == "ADD").count();
    house.signed_in(json!({ "service": "DROPBOX", "sync_files_on_connection": false })).await;
    stage::until("the next", || events(&heard).iter().filter(|it| *it == "ADD").count() > before).await;
    let first = json!(account.number.to_string());
    let told = payloads(&heard);
    let of_first = |it: &&Value| it["webhook_type"] == "REVOKE" && it["obj"]["object_id"] == first;
    assert!(!told.iter().any(|it| of_first(&it)), "{told:?}");
}
