//! Tickets, conversations and incidents: read where a program names them, and nowhere else.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tieline_practice::Fault;
use url::Url;

use crate::carbon::browser::asking;
use crate::carbon::house::{Account, House};

/// Signs in with these kinds named, and waits for the end of what begins by itself.
async fn connected(house: &House, service: &str, config: Value) -> Account {
    let more =
        json!({ "sync_files_on_connection": true, "sync_source_items": true, "file_sync_config": config });
    if service == "SERVICENOW" {
        let callback = house.at("/integrations/servicenow").to_string();
        house.stage.practice.register_redirects("SERVICENOW", &[callback]).await;
    }
    let source = house.signed_in(asking(house, service, more)).await;
    let account = house.account(&source);
    house.idle(&account).await;
    account
}

/// The texts of an account's files that were read, by their external ids.
async fn texts(house: &House, account: &Account) -> BTreeMap<String, String> {
    let filters = json!({ "organization_user_data_source_id": [account.number], "sync_statuses": ["READY"],
        "include_containers": false });
    let body =
        json!({ "pagination": { "limit": 250 }, "filters": filters, "include_parsed_text_file": true });
    let said = house.fine("/user_files_v2", body).await;
    let mut texts = BTreeMap::new();
    for file in said["results"].as_array().unwrap() {
        let text = house.open_url(&file["parsed_text_url"]).await;
        assert_eq!(text.status, 200, "{file}");
        let id = file["external_file_id"].as_str().unwrap().to_owned();
        texts.insert(id, String::from_utf8_lossy(&text.body).into_owned());
    }
    texts
}

/// How many things of this kind, in the words of the contract, are listed.
async fn count(house: &House, account: &Account, kind: &str) -> u64 {
    house.items(account, json!({ "filters": { "item_types": [kind] } })).await.1
}

fn holds(texts: &BTreeMap<String, String>, id: &str, words: &[&str]) {
    let text = texts.get(id).unwrap_or_else(|| panic!("{id} is not among {:?}", texts.keys()));
    for word in words {
        assert!(text.contains(word), "{word} is not in {id}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zendesk_tickets_are_read_with_their_comments() {
    let house = House::with_items(60).await;
    house.stage.practice.set_fault("ZENDESK", Fault::ShortPages, Some(12)).await;
    let account = connected(&house, "ZENDESK", json!({ "auto_synced_source_types": ["TICKET"] })).await;
    let read = texts(&house, &account).await;
    assert_eq!(read.len(), 4, "{:?}", read.keys());
    holds(
        &read,
        "ticket/35436",
        &["The parcel never came", "heliotrope", "Maya Lind (internal note)", "marmalade"],
    );
    // Archived; without a subject.
    holds(&read, "ticket/21004", &["tamarind"]);
    holds(&read, "ticket/35439", &["Ticket 35439", "sorrel"]);
    assert_eq!(count(&house, &account, "TICKET").await, 4);
    assert_eq!(count(&house, &account, "TICKET_ATTACHMENT").await, 0);

    // A comment was changed, a ticket deleted: only what changed is read again.
    house.stage.pass(61).await;
    let practice = &house.stage.practice;
    let edit = json!({ "do": "edit", "thing": "3543701", "text": "Rather to Lingonberry Lane." });
    assert!(!practice.change("ZENDESK", edit).await.is_null());
    assert!(!practice.change("ZENDESK", json!({ "do": "delete", "thing": "21004" })).await.is_null());
    house.stage.pass(180).await;
    house.fine("/integrations/items/sync", json!({ "data_source_id": account.number })).await;
    house.idle(&account).await;
    let read = texts(&house, &account).await;
    assert_eq!(read.len(), 3, "{:?}", read.keys());
    holds(&read, "ticket/35437", &["Lingonberry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_tickets_are_read_by_wish() {
    let config = json!({ "auto_synced_source_types": ["TICKET"], "sync_attachments": true });
    let house = House::with_items(60).await;
    let account = connected(&house, "ZENDESK", config).await;
    let read = texts(&house, &account).await;
    assert_eq!(read.len(), 5, "{:?}", read.keys());
    holds(&read, "ticket/35436", &["heliotrope"]);
    assert!(read["attachment/498483"].len() > 40);
    let files = house.files(json!({ "external_file_ids": ["attachment/498483"] })).await;
    assert_eq!((&files[0]["name"], &files[0]["source"]), (&json!("Slip.docx"), &json!("ZENDESK")));
    assert_eq!(count(&house, &account, "TICKET_ATTACHMENT").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn intercom_tickets_and_conversations_are_read_where_they_are_named() {
    let house = House::with_items(60).await;
    house.stage.practice.set_fault("INTERCOM", Fault::ShortPages, Some(12)).await;
    let config = json!({ "auto_synced_source_types": ["TICKET", "CONVERSATION"] });
    let account = connected(&house, "INTERCOM", config).await;
    let read = texts(&house, &account).await;
    assert_eq!(
        read.keys().collect::<Vec<_>>(),
        ["conversation/471", "conversation/472", "ticket/633", "ticket/634"]
    );
    holds(&read, "conversation/471", &["Where is my order?", "Amara Okafor", "cardamom", "clementine"]);
    holds(&read, "ticket/633", &["The export button does nothing", "basil", "fennel", "(internal note)"]);
    assert_eq!(count(&house, &account, "TICKET").await, 2);
    assert_eq!(count(&house, &account, "CONVERSATION").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_intercom_s_inbox_only_what_is_named_is_read() {
    let house = House::with_items(60).await;
    let config = json!({ "auto_synced_source_types": ["CONVERSATION"] });
    let account = connected(&house, "INTERCOM", config).await;
    let read = texts(&house, &account).await;
    assert_eq!(read.keys().collect::<Vec<_>>(), ["conversation/471", "conversation/472"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn servicenow_incidents_begin_by_themselves_where_they_are_named() {
    let house = House::with_items(60).await;
    house.stage.practice.set_fault("SERVICENOW", Fault::ShortPages, Some(12)).await;
    let account = connected(&house, "SERVICENOW", json!({ "auto_synced_source_types": ["INCIDENT"] })).await;
    let read = texts(&house, &account).await;
    assert_eq!(read.len(), 3, "{:?}", read.keys());
    let id = format!("{:0>32}", "10007");
    holds(&read, &id, &["INC0010007 In Progress", "by telephone", "pistachio", "(Work notes)", "turmeric"]);
    assert_eq!(count(&house, &account, "INCIDENT").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_named_is_neither_asked_for_nor_listed() {
    let house = House::with_items(60).await;
    for service in ["ZENDESK", "INTERCOM", "SERVICENOW"] {
        let account = connected(&house, service, json!({})).await;
        assert!(count(&house, &account, "ARTICLE").await > 10, "{service}");
        for kind in ["TICKET", "CONVERSATION", "INCIDENT", "TICKET_ATTACHMENT"] {
            assert_eq!(count(&house, &account, kind).await, 0, "{service}: {kind}");
        }
        let heard = house.stage.practice.heard(service).await;
        let inbox = ["/tickets", "/conversations", "/incident"];
        let asked = heard.iter().find(|it| inbox.iter().any(|part| it.path.contains(part)));
        assert!(asked.is_none(), "{service}: {:?}", asked.map(|it| &it.path));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permission_for_tickets_is_asked_where_they_are_named_and_named_where_it_is_missing() {
    let house = House::with_items(60).await;
    let scopes = async |more: Value| {
        let url = house.fine("/integrations/oauth_url", asking(&house, "ZENDESK", more)).await;
        let url: Url = url["oauth_url"].as_str().unwrap().parse().unwrap();
        url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned()
    };
    let named = json!({ "auto_synced_source_types": ["ARTICLE", "TICKET"] });
    assert_eq!(scopes(json!({})).await, "hc:read users:read");
    assert_eq!(scopes(json!({ "file_sync_config": named })).await, "hc:read users:read tickets:read");

    let more =
        json!({ "sync_source_items": true, "file_sync_config": named, "scopes": ["hc:read", "users:read"] });
    let source = house.signed_in(asking(&house, "ZENDESK", more)).await;
    let account = house.account(&source);
    for _ in 0..600 {
        if house.state(&account).await.failure.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let failure = house.state(&account).await.failure.unwrap();
    assert!(failure.message.contains("tickets") && failure.hint.contains("tickets:read"), "{failure:?}");

    // Who has no permission for them yet is asked for it first, and not let into a sync that fails.
    let again = json!({ "service": "ZENDESK", "sync_source_items": true, "file_sync_config": named });
    let url = house.fine("/integrations/oauth_url", again.clone()).await["oauth_url"].clone();
    let url: Url = url.as_str().unwrap().parse().unwrap();
    assert!(
        url.query_pairs().any(|(name, value)| name == "scope" && value.contains("tickets:read")),
        "{url}"
    );
    house.sign_in(asking(&house, "ZENDESK", again)).await;
    house.idle(&account).await;
    assert!(count(&house, &account, "TICKET").await > 0);
}
