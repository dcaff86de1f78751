//! What outlives a process, and how processes share one set of practice providers.

use serde_json::{Value, json};
use tieline_practice::visitor::Visit;
use tieline_practice::{App, Counts, Fault, Options, Route, client, join, join_or_start, start};

use crate::support::*;

#[tokio::test]
async fn grants_survive_a_restart_without_tokens_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { folder: Some(folder.path().to_owned()), ..Options::default() };
    let practice = start(options()).await.unwrap();
    practice.register_redirects("ZENDESK", &["http://127.0.0.1:50001/integrations/zendesk".to_owned()]).await;
    let (access, first) = connect(&practice).await;
    let (_, second) = pair(&refresh(&practice, &first).await);
    drop(practice);

    let written = std::fs::read_to_string(folder.path().join("grants.json")).unwrap();
    assert!(written.contains("maya"));
    for token in [&access, &first, &second] {
        assert!(!written.contains(token.as_str()), "only hashes are written");
    }

    let practice = start(options()).await.unwrap();
    assert_eq!(refresh(&practice, &first).await.status, 400, "the used token is remembered");
    let (access, _) = pair(&refresh(&practice, &second).await);
    assert_eq!(me(&practice, &access).await.status, 200);
    let added = page(&practice, &[("redirect_uri", "http://127.0.0.1:50001/integrations/zendesk")]);
    Visit::default().answer(&added).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grants.json"), "{ not json").unwrap();
    let practice =
        start(Options { folder: Some(folder.path().to_owned()), ..Options::default() }).await.unwrap();
    let (access, _) = connect(&practice).await;
    assert_eq!(me(&practice, &access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_to_start_one_does_and_the_rest_join() {
    let folder = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let folder = folder.path().to_owned();
            tokio::spawn(async move { join_or_start(&folder).await.unwrap() })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    assert!(all.iter().all(|practice| practice.control() == all[0].control()));
    assert!(all.iter().all(|practice| practice.routes() == all[0].routes()));
    assert!(all.iter().all(|practice| practice.apps() == all[0].apps()));

    // What one of them switches, all of them meet.
    let (_, token) = connect(&all[3]).await;
    for practice in &all {
        practice.set_fault("ZENDESK", Fault::ServerError, Some(1)).await;
        assert_eq!(refresh(&all[5], &token).await.status, 503);
        assert_eq!(practice.counts("ZENDESK").await, all[0].counts("ZENDESK").await);
    }
    assert_eq!(all[7].counts("ZENDESK").await.refreshes, 8);
}

#[tokio::test]
async fn after_the_starter_is_gone_the_next_one_starts() {
    let folder = tempfile::tempdir().unwrap();
    let first = join_or_start(folder.path()).await.unwrap();
    let (_, token) = connect(&first).await;
    let control = first.control().clone();
    let copy = first.clone();
    drop(first);
    join(control.clone()).await.expect("a clone keeps it running");
    drop(copy);
    // The listeners end as soon as the runtime gets to it.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(join(control).await.is_err());

    let next = join_or_start(folder.path()).await.unwrap();
    assert_eq!(refresh(&next, &token).await.status, 201, "the practice sign-in is still there");
}

#[tokio::test]
async fn the_control_address_speaks_json_and_shows_a_page() {
    let practice = memory().await;
    let ask = |method: &'static str, path: &str, body: Value| {
        let url = practice.control().join(path).unwrap();
        async move {
            let kind = [("content-type", "application/json")];
            client::send(method, &url, &kind, body.to_string().as_bytes()).await.unwrap()
        }
    };
    let routes: Vec<Route> =
        serde_json::from_value(ask("GET", "/routes", Value::Null).await.value()).unwrap();
    assert_eq!(routes, practice.routes());
    let apps: Vec<App> = serde_json::from_value(ask("GET", "/apps", Value::Null).await.value()).unwrap();
    assert_eq!(apps, practice.apps());
    let providers: std::collections::BTreeSet<_> = apps.iter().map(|app| app.provider.clone()).collect();
    assert_eq!(providers.len(), 17);

    let on = json!({ "fault": "rate_limited", "times": null });
    assert_eq!(ask("PUT", "/faults/ZENDESK", on.clone()).await.status, 200);
    assert_eq!(ask("GET", "/faults", Value::Null).await.value(), json!({ "ZENDESK": [on] }));
    assert_eq!(ask("DELETE", "/faults/zendesk", Value::Null).await.status, 200);
    assert_eq!(ask("GET", "/faults", Value::Null).await.value(), json!({}));

    for (method, path, body, status) in [
        ("PUT", "/faults/ZENDESK", json!({ "fault": "nonsense", "times": 1 }), 400),
        ("PUT", "/faults/NOBODY", json!({ "fault": "slow", "times": 1 }), 404),
        ("PUT", "/rules/ZENDESK", json!({ "access_seconds": "soon" }), 400),
        ("PUT", "/clock", json!({}), 400),
        ("GET", "/nothing", Value::Null, 404),
    ] {
        let answer = ask(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.value()["error"].is_string());
    }

    connect(&practice).await;
    let counts: Counts =
        serde_json::from_value(ask("GET", "/counts", Value::Null).await.value()["ZENDESK"].clone()).unwrap();
    assert_eq!((counts.authorize, counts.exchanges, counts.refused), (1, 1, 0));
    assert_eq!(counts, practice.counts("ZENDESK").await);

    let page = String::from_utf8(ask("GET", "/", Value::Null).await.body).unwrap();
    for route in ["data-provider=\"ZENDESK\"", "data-provider=\"ZOTERO\"", "/control.js"] {
        assert!(page.contains(route), "{route}");
    }
    let script = ask("GET", "/control.js", Value::Null).await;
    assert_eq!(script.get("content-type"), Some("text/javascript; charset=utf-8"));
}
