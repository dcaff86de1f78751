//! A data folder that an earlier Tieline wrote is opened with everything in it.

use crate::stage;
use serde_json::json;
use tieline_engine::wire::{AppSummary, ConnectionRow, EventLine, Found, ItemsPage, Settings, SyncState};
use tieline_engine::{Clock, Contents};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_schema_held_is_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("practice");
    std::fs::create_dir(&data).unwrap();
    for (file, sql) in [
        ("tieline.db", include_str!("before/tieline.sql")),
        ("library.db", include_str!("before/library.sql")),
    ] {
        rusqlite::Connection::open(data.join(file)).unwrap().execute_batch(sql).unwrap();
    }
    let practice = tieline_practice::start(tieline_practice::Options::default()).await.unwrap();
    for _ in 0..2 {
        let app = stage::open(&practice, folder.path(), &Clock::system()).await.unwrap();
        let ask = async |name: &str, ask: serde_json::Value| app.call(name, ask).await.unwrap();
        let rows: Vec<ConnectionRow> = serde_json::from_value(ask("connections", json!({})).await).unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["Help centre"]);
        let apps: Vec<AppSummary> = serde_json::from_value(ask("apps", json!({})).await).unwrap();
        let before = apps.iter().find(|app| app.host == "acme.zendesk.com").unwrap();
        assert_eq!((before.connections, before.loopback_port), (1, Some(47900)));
        let log: Vec<EventLine> =
            serde_json::from_value(ask("events", json!({ "id": "c0ffee" })).await).unwrap();
        assert_eq!(log.last().unwrap().words, "Connected as Maya Lind.");
        let settings: Settings = serde_json::from_value(ask("settings", json!({})).await).unwrap();
        assert_eq!((settings.admin_email.as_str(), settings.api), ("it@acme.example", false));

        let found: Found = serde_json::from_value(ask("search", json!({ "words": "nine" })).await).unwrap();
        assert_eq!(found.hits[0].item.name, "Opening hours");
        let known = ask("items", json!({ "connection": "c0ffee", "ids": ["9001"] })).await;
        let known: ItemsPage = serde_json::from_value(known).unwrap();
        assert_eq!(known.items[0].read, "kept");
        let state: SyncState =
            serde_json::from_value(ask("sync_state", json!({ "id": "c0ffee" })).await).unwrap();
        assert_eq!((state.every_hours, state.picked_items), (12, 1));
        let page = Contents { connections: vec!["c0ffee".into()], limit: 10, ..Contents::default() };
        assert_eq!(app.programs().contents(&page).unwrap().0[0].number, 41, "numbers stay");
        app.close().await;
    }
}
