//! Customers have limits and schedules, and go.

use serde_json::{Value, json};
use tieline_engine::SyncOptions;

use crate::carbon::house::{House, key};

#[tokio::test(flavor = "multi_thread")]
async fn customers_have_limits_and_schedules_and_go_with_all_they_have() {
    let house = House::with_items(60).await;
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
    // What is not obeyed is kept, and does not stand in the way of the rest.
    let update = json!({ "data_source_configs": { "BOX": { "allowed_file_formats": ["PDF"] } },
        "global_user_config": { "max_files": 9 } });
    let updated = house.by_key("POST", "/organization/update", update).await;
    assert_eq!(updated, (200, json!({ "success": true })));
    let (_, organization) = house.by_key("GET", "/organization", Value::Null).await;
    assert_eq!(organization["global_user_config"]["max_files"], 9);
    let programs = house.stage.app.programs();
    let number = programs.key(&house.key).unwrap().unwrap().organization;
    let kept = programs.record(number, "carbon.organization", "data_source_configs").unwrap().unwrap();
    assert_eq!(kept.body["BOX"], json!({ "allowed_file_formats": ["PDF"] }));

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
    for (value, loc) in [
        (json!({ "enabled": "x" }), r#"["body","value","enabled"]"#),
        (json!({}), r#"["body","value","enabled"]"#),
        (json!("x"), r#"["body","value"]"#),
    ] {
        let wrong = json!({ "configuration_key_name": "sparse_vectors", "value": value });
        assert_eq!(house.faults("/modify_user_configuration", wrong).await, [loc]);
    }
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
    let key = key(&house.stage, "Other").await;
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
