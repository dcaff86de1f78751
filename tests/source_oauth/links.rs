//! Connections: what of a source goes to the library, and when.

use serde_json::{Value, json};
use tieline_engine::wire::SyncState;

use crate::source_oauth::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_brings_everything_into_the_library() {
    let scene = Scene::open().await;
    let program = scene.program();
    let source = program.zendesk(&program.workspace().await).await;
    let connections = program.at("connections");
    let mut ask = json!({ "source_id": source["sourceId"], "schedule": { "schedule_type": "cron" } });
    program.gets(400, "POST", &connections, ask.clone()).await;
    ask["schedule"] = json!({ "schedule_type": "basic", "units": 6, "time_unit": "hours" });
    let made = program.gets(201, "POST", &connections, ask).await;
    assert_eq!((&made["status"], &made["name"]), (&json!("active"), &json!("Support")));
    let id = scene.connections().await.remove(0);
    let mut state: SyncState = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    for _ in 0..400 {
        if !state.running && state.complete && state.waiting == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        state = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    }
    assert!(state.everything && state.every_hours == 6 && state.kept > 0, "{state:?}");

    let place = format!("{connections}/{}", made["connection_id"].as_str().unwrap());
    let stopped = program.gets(200, "PATCH", &place, json!({ "status": "inactive" })).await;
    assert_eq!(stopped["status"], "inactive");
    let state: SyncState = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    assert!(state.every_hours == 0 && !state.running && state.kept > 0, "{state:?}");
    let test = json!({ "source_id": source["sourceId"] });
    let tested = program.gets(200, "POST", &format!("{connections}/test"), test).await;
    assert_eq!(tested["status"], "succeeded");
    assert_eq!(program.gets(200, "GET", &connections, Value::Null).await["data"], json!([stopped]));
    program.gets(204, "DELETE", &place, Value::Null).await;
    program.gets(404, "GET", &place, Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connections_of_one_account_share_its_sync() {
    let scene = Scene::open().await;
    let program = scene.program();
    let workspace = program.workspace().await;
    let (one, two) = (program.zendesk(&workspace).await, program.zendesk(&workspace).await);
    let account = scene.connections().await.remove(0);
    let connections = program.at("connections");
    let make = |source: &Value, units: u32, status: &str| json!({ "source_id": source["sourceId"], "status": status, "schedule": { "units": units } });
    let place = |made: &Value| format!("{connections}/{}", made["connection_id"].as_str().unwrap());
    let every = async || {
        let state: SyncState = scene.stage.ask("sync_state", json!({ "id": account })).await.unwrap();
        state.every_hours
    };
    let idle = program.gets(201, "POST", &connections, make(&one, 3, "inactive")).await;
    assert_eq!(every().await, 0);
    let first = program.gets(201, "POST", &connections, make(&one, 6, "active")).await;
    assert_eq!(every().await, 6);
    let other = program.gets(201, "POST", &connections, make(&two, 12, "inactive")).await;
    assert_eq!(every().await, 6, "an inactive one changes nothing");
    for (change, wanted) in [
        (json!({ "status": "active" }), 6),
        (json!({ "schedule": { "units": 3 } }), 3),
        (json!({ "schedule": { "schedule_type": "manual" } }), 6),
        (json!({ "schedule": { "units": 12 }, "status": "inactive" }), 6),
        (json!({ "status": "active" }), 6),
    ] {
        program.gets(200, "PATCH", &place(&other), change.clone()).await;
        assert_eq!(every().await, wanted, "{change}");
    }
    program.gets(204, "DELETE", &place(&idle), Value::Null).await;
    program.gets(204, "DELETE", &place(&first), Value::Null).await;
    assert_eq!(every().await, 12);
    program.gets(400, "PATCH", &place(&other), json!({ "name": " " })).await;
    // With its source, though the account stays for the other one.
    program
        .gets(204, "DELETE", &format!("/v1/sources/{}", two["sourceId"].as_str().unwrap()), Value::Null)
        .await;
    let state: SyncState = scene.stage.ask("sync_state", json!({ "id": account })).await.unwrap();
    assert_eq!(state.every_hours, 0, "{state:?}");
}
