//! Files are read, handed out, tagged, filtered and deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::carbon::house::{House, header, ids, key_again};

#[tokio::test(flavor = "multi_thread")]
async fn files_are_chosen_read_handed_out_tagged_and_deleted() {
    let house = House::with_items(60).await;
    let first = house.key.clone();
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
    assert_eq!(file["embedding_properties"], json!({ "OPENAI": { "chunk_size": 200, "chunk_overlap": 20 } }));
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
    assert!(header(&text, "content-disposition").unwrap().starts_with("attachment"));
    let raw = house.open_url(&with_urls["presigned_url"]).await;
    assert_eq!(raw.status, 200);
    assert!(header(&raw, "content-security-policy").unwrap().contains("sandbox"));
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
    // They end with the key that asked for them.
    let another = House { key: key_again(&house.stage, "Acme").await, ..house };
    let of_another = another.get(&format!("/parsed_file/{}", file["id"])).await["presigned_url"].clone();
    assert_eq!(another.open_url(&of_another).await.status, 200);
    another.revoke().await;
    let house = House { key: first, ..another };
    assert_eq!(house.open_url(&of_another).await.status, 403);
    assert_eq!(house.open_url(&with_urls["parsed_text_url"]).await.status, 200);
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

    // Of an account that is no longer connected, the text is all there is.
    let with_urls = async || {
        let body = json!({ "include_raw_file": true, "include_parsed_text_file": true });
        house.fine("/user_files_v2", body).await["results"][0].clone()
    };
    let before = with_urls().await;
    house.fine("/revoke_access_token", json!({ "data_source_id": account.number })).await;
    let after = with_urls().await;
    assert!(before["presigned_url"].is_string() && after["parsed_text_url"].is_string(), "{after}");
    assert_eq!(after["presigned_url"], Value::Null);
    let dead = house.open_url(&before["presigned_url"]).await;
    let words = String::from_utf8_lossy(&dead.body);
    assert!(dead.status == 404 && !words.contains(&account.connection), "{words}");

    for path in ["/move_to_hot_storage", "/modify_cold_storage_parameters"] {
        assert_eq!(house.fine(path, json!({ "filters": { "ids": [1] } })).await, json!(true));
    }
}
