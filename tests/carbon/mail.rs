//! Mails of Gmail and Outlook are chosen by filters.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::carbon::house::{Account, House, names};

#[tokio::test(flavor = "multi_thread")]
async fn mails_and_messages_are_chosen_by_filters() {
    let house = House::with_items(60).await;
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
    // In a mailbox of another language.
    let contents = house.stage.practice.contents("OUTLOOK").await;
    let thing = &contents.iter().find(|it| it.kind == "inbox").unwrap().thing;
    house
        .stage
        .practice
        .change("OUTLOOK", json!({ "do": "rename", "thing": thing, "name": "Posteingang" }))
        .await;
    let after = json!({ "filters": { "key": "after", "value": "1990/01/01" }, "request_id": "german" });
    house.fine("/integrations/outlook/sync", after).await;
    house.idle(&outlook).await;
    assert!(!house.files(json!({ "request_ids": ["german"] })).await.is_empty());
    for service in ["gmail", "outlook"] {
        let ask = json!({ "filters": {}, "sync_attachments": true });
        let words = house.told(501, &format!("/integrations/{service}/sync"), ask).await;
        assert!(words.contains("sync_attachments"), "{words}");
    }
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
    let house = House::with_items(160).await;
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
