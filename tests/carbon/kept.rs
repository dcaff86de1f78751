//! What was read stays, whatever the next sign-in or link asks for, and is found by it.

use serde_json::{Value, json};

use crate::carbon::browser::asking;
use crate::carbon::house::{Account, House, ids, split};

impl House {
    /// Follows a link for somebody who is connected, and waits for what it began.
    async fn linked(&self, account: &Account, body: Value) {
        let url = self.fine("/integrations/oauth_url", body).await["oauth_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with(self.base.as_str()), "{url}");
        self.follow(url.parse().unwrap()).await;
        self.listed(account).await;
    }

    async fn signed_in_again(&self, account: &Account, more: Value) {
        let mut body = asking(self, "ZENDESK", json!({ "connecting_new_account": true }));
        crate::carbon::house::put(&mut body, &more);
        self.sign_in(body).await;
        assert_eq!(self.sources().await.len(), 1);
        self.listed(account).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_or_a_link_takes_nothing_back_and_is_found_by_its_request() {
    let house = House::with_items(60).await;
    let every_twelve = json!({ "auto_sync_enabled_sources": "ALL", "auto_sync_interval": 12 });
    let (status, said) =
        house.by_key("POST", "/organization/update", json!({ "global_user_config": every_twelve })).await;
    assert_eq!(status, 200, "{said}");
    let first = json!({ "sync_files_on_connection": true, "request_id": "r1", "tags": { "t": "1" } });
    let source = house.signed_in(asking(&house, "ZENDESK", first)).await;
    let account = house.account(&source);
    house.idle(&account).await;
    let all = house.files(json!({})).await;
    let is_whole = async |after: &str| {
        let now = house.until(json!({}), "READY", all.len()).await;
        assert_eq!(ids(&now), ids(&all), "{after}");
        assert_eq!(house.state(&account).await.every_hours, 12, "{after}");
    };
    is_whole("the first sign-in").await;
    let one = all[0]["id"].clone();
    let own = json!({ "tags": { "own": "mine" }, "organization_user_file_id": one });
    house.fine("/create_user_file_tags", own).await;

    let nothing = json!({ "sync_files_on_connection": false });
    house.signed_in_again(&account, nothing.clone()).await;
    is_whole("a sign-in that asks for nothing").await;
    let others =
        json!({ "service": "ZENDESK", "file_sync_config": { "auto_synced_source_types": ["CONVERSATION"] } });
    house.linked(&account, others).await;
    is_whole("a link that asks for other kinds").await;

    let again = json!({ "service": "ZENDESK", "request_id": "r2", "tags": { "t": "2" } });
    house.linked(&account, again).await;
    let found = house.files(json!({ "request_ids": ["r2"] })).await;
    assert_eq!(ids(&found), ids(&all));
    assert!(found.iter().all(|file| file["tags"]["t"] == "2"), "{found:?}");
    assert_eq!(house.file(&one).await["tags"], json!({ "t": "2", "own": "mine" }));
    let third = json!({ "request_id": "r3", "sync_files_on_connection": true });
    house.signed_in_again(&account, third).await;
    assert_eq!(house.files(json!({ "request_ids": ["r3"] })).await.len(), all.len());

    house.fine("/revoke_access_token", json!({ "data_source_id": source["id"] })).await;
    house.signed_in_again(&account, nothing).await;
    is_whole("access that was taken back and given again").await;

    // The person at this computer may still choose less.
    let less = json!({ "connection": account.connection, "everything": false });
    let _: Value = house.stage.ask("set_sync", less).await.unwrap();
    assert_eq!(house.state(&account).await.kept, 0);
    house.listed(&account).await;
    assert_eq!(house.state(&account).await.kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_chosen_through_another_link_has_its_request_and_tags() {
    let house = House::with_items(60).await;
    let source = house.signed_in(asking(&house, "BOX", json!({ "tags": { "t": 1 } }))).await;
    let account = house.account(&source);
    house.listed(&account).await;
    let (top, _) = house.items(&account, json!({})).await;
    let mut chosen = None;
    for folder in split(&top).0 {
        let (inside, _) = house.items(&account, json!({ "parent_id": folder["external_id"] })).await;
        if let [first, _, ..] = split(&inside).1[..] {
            chosen = Some((folder.clone(), first.clone()));
        }
    }
    let (folder, first) = chosen.expect("a folder with files");
    let choose = async |item: &Value| {
        let body = json!({ "data_source_id": source["id"], "ids": [item["external_id"]] });
        house.fine("/integrations/files/sync", body).await;
        house.idle(&account).await;
    };
    choose(&first).await;
    choose(&folder).await;
    let before = house.files(json!({})).await;
    assert!(before.len() > 2 && before.iter().all(|file| file["tags"] == json!({ "t": "1" })), "{before:?}");
    let file = before.iter().find(|it| it["external_file_id"] == first["external_id"]).unwrap()["id"].clone();
    let own = json!({ "tags": { "own": "mine" }, "organization_user_file_id": file });
    house.fine("/create_user_file_tags", own).await;

    house.linked(&account, json!({ "service": "BOX", "tags": { "t": 2 }, "request_id": "second" })).await;
    assert_eq!(house.files(json!({ "request_ids": ["second"] })).await, Vec::<Value>::new());
    choose(&first).await;
    let now = house.files(json!({ "request_ids": ["second"] })).await;
    assert_eq!(ids(&now), [file.as_i64().unwrap()].into());
    assert_eq!(now[0]["tags"], json!({ "t": "2", "own": "mine" }));
    choose(&folder).await;
    let now = house.files(json!({ "request_ids": ["second"] })).await;
    assert_eq!(ids(&now), ids(&before));
    assert!(now.iter().all(|file| file["tags"]["t"] == "2"), "{now:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_notion_are_markdown_unless_plain_text_is_asked_for() {
    let house = House::open().await;
    let source = house.signed_in(asking(&house, "NOTION", json!({}))).await;
    let account = house.account(&source);
    house.listed(&account).await;
    let (top, _) = house.items(&account, json!({})).await;
    let pages: Vec<&Value> =
        top.iter().filter(|it| it["is_selectable"] == true).map(|it| &it["external_id"]).collect();
    let texts = async |more: Value| {
        let mut body = json!({ "data_source_id": source["id"], "ids": pages });
        crate::carbon::house::put(&mut body, &more);
        house.fine("/integrations/files/sync", body).await;
        house.idle(&account).await;
        let mut texts = Vec::new();
        for page in &pages {
            let ask = json!({ "connection": account.connection, "item": page });
            let read: Value = house.stage.ask("read_item", ask).await.unwrap();
            assert_eq!(read["kept"], true, "{read}");
            texts.push(read["text"].as_str().unwrap().to_owned());
        }
        texts
    };
    let is_marked = |text: &String| text.lines().any(|line| line.starts_with("# "));
    assert!(texts(json!({})).await.iter().any(is_marked));
    let plain = texts(json!({ "file_sync_config": { "parsed_text_format": "PLAIN_TEXT" } })).await;
    assert!(plain.iter().all(|text| !text.is_empty() && !is_marked(text)), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_heeds_only_what_its_contract_lists_for_it() {
    let house = House::open().await;
    let kinds = |types: Value| json!({ "sync_files_on_connection": true, "file_sync_config": { "auto_synced_source_types": types } });
    for (service, more, reads) in [
        ("ZOTERO", json!({}), true),
        ("GONG", kinds(json!(["TICKET"])), true),
        ("CONFLUENCE", kinds(json!([])), true),
        ("INTERCOM", kinds(json!([])), false),
    ] {
        let source = house.signed_in(asking(&house, service, more)).await;
        let state = house.idle(&house.account(&source)).await;
        assert!(state.listed > 0, "{service}");
        assert_eq!(state.kept > 0, reads, "{service}: {} kept", state.kept);
    }
}
