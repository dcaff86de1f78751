//! Data sources are tagged, synced, stopped and revoked.

use serde_json::{Value, json};

use crate::carbon::house::{House, key, key_again, quiet, sentence};

#[tokio::test(flavor = "multi_thread")]
async fn data_sources_are_tagged_synced_stopped_and_revoked() {
    let house = House::open().await;
    let source = house.zendesk().await;
    let id = source["id"].clone();
    let tags = house
        .fine("/data_sources/tags/add", json!({ "data_source_id": id, "tags": { "a": "1", "b": ["x"] } }))
        .await;
    assert_eq!(tags["tags"], json!({ "a": "1", "b": ["x"] }));
    let with = async |filter: Value| {
        house.fine("/user_data_sources", json!({ "filters": { "tags": filter } })).await["count"].clone()
    };
    assert_eq!(with(json!({ "AND": [{ "key": "a", "value": "1" }] })).await, 1);
    assert_eq!(with(json!({ "AND": [{ "key": "a", "value": "1", "negate": true }] })).await, 0);
    assert_eq!(with(json!({})).await, 1);
    let removed = json!({ "data_source_id": id, "tags_to_remove": ["a"] });
    assert_eq!(house.fine("/data_sources/tags/remove", removed).await["tags"], json!({ "b": ["x"] }));
    let all = json!({ "data_source_id": id, "remove_all_tags": true });
    assert_eq!(house.fine("/data_sources/tags/remove", all).await["tags"], json!({}));

    let named = json!({ "data_source_id": id });
    house.fine("/integrations/items/sync", named.clone()).await;
    let cancelled = house.fine("/integrations/items/sync/cancel", named.clone()).await;
    assert_eq!(cancelled["last_sync_action"], "CANCEL");
    house.fine("/integrations/items/sync", named.clone()).await;
    house.idle(&house.account(&source)).await;

    // Nobody touched it, and a sync of its own ended later than anything happened to the other.
    let other = house.connect_for("ann", "BOX", quiet()).await;
    house.stage.clock.turn(5);
    let ask = json!({ "connection": house.account(&source).connection });
    let _: Value = house.stage.ask("sync_to_the_end", ask).await.unwrap();
    let (_, listed) = house.by_key("POST", "/data_sources", json!({ "order_by": "updated_at" })).await;
    let listed = listed["results"].as_array().unwrap();
    assert_eq!((&listed[0]["id"], &listed[1]["id"]), (&json!(other.number), &id));
    assert!(listed[0]["updated_at"].as_str() < listed[1]["updated_at"].as_str(), "{listed:?}");

    // Alike for what there is not, what is another customer's, and what is another organization's.
    let mut sentences = Vec::new();
    sentences.push(house.told(404, "/integrations/items/sync", json!({ "data_source_id": 12345 })).await);
    let (status, said) = house.as_customer("noor", "POST", "/integrations/items/sync", named.clone()).await;
    assert_eq!(status, 404);
    sentences.push(sentence(&said).replace(&id.to_string(), "12345"));
    let key = key(&house.stage, "Other").await;
    let other = House { key, ..house };
    for path in ["/revoke_access_token", "/integrations/items/sync", "/integrations/items/sync/cancel"] {
        sentences.push(other.told(404, path, named.clone()).await.replace(&id.to_string(), "12345"));
    }
    sentences.push(
        other
            .told(404, "/data_sources/tags/add", json!({ "data_source_id": id, "tags": { "a": 1 } }))
            .await
            .replace(&id.to_string(), "12345"),
    );
    assert!(sentences.windows(2).all(|two| two[0] == two[1]), "{sentences:?}");
    assert_eq!(other.by_key("POST", "/data_sources", json!({})).await.1["count"], 0);
    let house = House { key: key_again(&other.stage, "Acme").await, ..other };

    assert_eq!(house.fine("/revoke_access_token", named.clone()).await, json!({ "success": true }));
    assert_eq!(house.fine("/revoke_access_token", named.clone()).await, json!({ "success": true }));
    let listed = async |revoked: bool| {
        house.fine("/user_data_sources", json!({ "filters": { "revoked_access": revoked } })).await
    };
    assert_eq!(listed(false).await["count"], 0);
    let gone = &listed(true).await["results"][0];
    assert_eq!(
        (&gone["id"], &gone["revoked_access"], &gone["last_sync_action"]),
        (&id, &json!(true), &json!("REVOKE"))
    );
    house.told(400, "/integrations/items/sync", named).await;
}
