//! What data sources hold is listed before and after it was fetched.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::carbon::house::{House, ids, split};

#[tokio::test(flavor = "multi_thread")]
async fn a_picker_lists_before_anything_was_fetched_and_after() {
    let house = House::with_items(60).await;
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
