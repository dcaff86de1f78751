//! Conversations of Slack, sites of SharePoint and pages of Confluence.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::carbon::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn conversations_and_sites_are_listed_page_by_page() {
    // Enough for conversations of every kind.
    let house = House::with_items(120).await;
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
    let top = json!({ "data_source_id": confluence.number, "parent_id": "" });
    assert_eq!(house.fine("/integrations/confluence/list", top).await, spaces);
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
