//! A sync that is disturbed: killed, paused, stopped, out of room, asked for twice, with a choice that changes.

#![cfg(unix)]

use crate::stage;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stage::Stage;
use stage::place::{Place, run, told};
use tieline_engine::wire::{
    Disconnected, EventLine, Found, ItemsPage, LibraryState, Phase, Picked, SyncState,
};
use tieline_practice::{Fault, Practice};

const PROVIDER: &str = "ZENDESK";
/// Six pages of the export.
const MANY: usize = 6000;

async fn state(stage: &Stage, id: &str) -> SyncState {
    stage.ask("sync_state", json!({ "id": id })).await.expect("a state")
}

async fn sync(stage: &Stage, id: &str) -> SyncState {
    until_idle(stage, id).await;
    let ask = json!({ "connection": id });
    stage.ask("sync_to_the_end", ask).await.unwrap_or_else(|failure| panic!("{}", failure.message))
}

async fn until_idle(stage: &Stage, id: &str) -> SyncState {
    for _ in 0..600 {
        let now = state(stage, id).await;
        if !now.running && now.next_at.is_none() {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the sync does not end");
}

async fn until_disconnected(stage: &Stage, id: &str) {
    for _ in 0..400 {
        let log: Vec<EventLine> = stage.ask("events", json!({ "id": id })).await.expect("events");
        if log.iter().any(|line| line.kind == "disconnected") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the disconnect was not made up for");
}

async fn items(stage: &Stage, id: &str, more: Value) -> ItemsPage {
    let mut ask = json!({ "connection": id, "limit": 1000 });
    for (key, value) in more.as_object().into_iter().flatten() {
        ask[key] = value.clone();
    }
    stage.ask("items", ask).await.expect("items")
}

/// Ids of kept articles, one for each row, so that one that is there twice shows.
fn kept(folder: &Path) -> Vec<String> {
    let library = rusqlite::Connection::open(folder.join("practice/library.db")).expect("a library");
    let mut rows = library
        .prepare("SELECT id FROM item JOIN body USING (row) WHERE state = 2 ORDER BY id")
        .expect("SQL");
    rows.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("ids")
}

async fn articles(practice: &Practice) -> Vec<String> {
    let seen = practice.contents(PROVIDER).await;
    let ids: BTreeSet<String> = seen.into_iter().filter(|it| it.kind == "article").map(|it| it.id).collect();
    ids.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on_where_it_stood() {
    let place = Place::open().await;
    // Several pages, so that there is a middle.
    place.practice.set_items(MANY).await;
    let id = place.connect("zendesk", with_subdomain).await;
    let all = articles(&place.practice).await;
    for round in 0..3 {
        let mut child = place.command(&["sync", &id]).stdout(Stdio::null()).spawn().expect("it runs");
        let before = kept(place.folder.path()).len();
        for _ in 0..2000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if kept(place.folder.path()).len() > before {
                break;
            }
        }
        child.kill().expect("killed");
        child.wait().expect("it ends");
        let now = kept(place.folder.path());
        assert!(now.len() > before && now.len() < all.len(), "round {round}: {before}, then {}", now.len());
    }
    let before = place.practice.counts(PROVIDER).await.api;
    let done = run(place.command(&["sync", &id, "--json"])).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let asked = place.practice.counts(PROVIDER).await.api - before;
    assert_eq!(kept(place.folder.path()), all, "nothing lost, nothing twice");
    assert!(asked < 6, "{asked} requests: it did not begin anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_paused_goes_on_and_is_stopped_also_from_another_process() {
    let stage = Stage::open().await;
    stage.set("read_later", json!(false)).await;
    stage.practice.set_items(MANY).await;
    let id = stage.connect(PROVIDER).await;
    let ask = json!({ "connection": id });
    let begun: SyncState = stage.ask("start_sync", ask.clone()).await.expect("begun");
    assert!(begun.running);
    let twice = stage.run(&["sync", &id, "--json"]).await;
    let said = stage::json_of(&twice);
    assert_eq!(said["error"]["code"], "busy", "two syncs of one connection never run at once: {said}");

    let _: SyncState = stage.ask("pause_sync", json!({ "id": id })).await.expect("paused");
    let paused = until_idle(&stage, &id).await;
    assert_eq!(paused.phase, Phase::Paused, "{}", paused.words);
    let _: SyncState = stage.ask("start_sync", ask.clone()).await.expect("goes on");
    let _: SyncState = stage.ask("cancel_sync", json!({ "id": id })).await.expect("stopped");
    let stopped = until_idle(&stage, &id).await;
    assert_eq!(stopped.phase, Phase::Idle, "{}", stopped.words);
    sync(&stage, &id).await;
    assert_eq!(kept(stage.folder.path()), articles(&stage.practice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_interrupted_or_missed_begins_at_the_next_start_once() {
    let mut stage = Stage::open().await;
    stage.set("read_later", json!(false)).await;
    let id = stage.connect(PROVIDER).await;
    until_idle(&stage, &id).await;
    let set: Vec<SyncState> =
        stage.ask("set_sync", json!({ "connection": id, "every_hours": 24 })).await.expect("set");
    assert_eq!(set[0].every_hours, 24);
    let bad =
        stage.ask::<Value>("set_sync", json!({ "every_hours": 5 })).await.expect_err("five is not offered");
    assert_eq!(bad.field.as_deref(), Some("every_hours"));

    let ended = set[0].ended_at.clone();
    stage.pass(3 * 24 * 3600).await;
    stage.practice.change(PROVIDER, json!({ "do": "expire" })).await;
    stage.reopen().await;
    for _ in 0..400 {
        let now = state(&stage, &id).await;
        if now.ended_at != ended && !now.running {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let now = state(&stage, &id).await;
    assert_ne!(now.ended_at, ended, "three were missed, one was made up for");
    assert!(now.next_at > now.ended_at, "and the next is a day later");
    let synced = stage.detail(&id).await.events.into_iter().filter(|event| event.kind == "synced").count();
    assert_eq!(synced, 2, "the first and the one made up for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_stopped_is_tried_again_by_itself_without_a_schedule() {
    let mut stage = Stage::open().await;
    let id = stage.connect(PROVIDER).await;
    until_idle(&stage, &id).await;
    stage.practice.set_fault(PROVIDER, Fault::ServerError, None).await;
    let ask = json!({ "connection": id });
    stage.ask::<Value>("sync_to_the_end", ask).await.expect_err("an outage");
    let failed = state(&stage, &id).await;
    assert!(failed.every_hours == 0 && failed.failure.is_some() && failed.next_at.is_some(), "{failed:?}");

    stage.practice.clear_faults().await;
    stage.pass(61).await;
    stage.reopen().await;
    let again = until_idle(&stage, &id).await;
    assert!(again.failure.is_none() && again.phase == Phase::Idle, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picked_folder_means_all_below_it_now_and_later() {
    let stage = Stage::open().await;
    stage.set("read_later", json!(false)).await;
    let id = stage.connect(PROVIDER).await;
    until_idle(&stage, &id).await;
    let top = items(&stage, &id, json!({})).await;
    assert!(top.items.iter().all(|item| item.picked == Picked::With), "everything is kept at first");
    let category = top.items.iter().find(|item| item.expandable).expect("a category").clone();
    let pick = json!({ "connection": id, "add": [category.id] });
    let picked: SyncState = stage.ask("pick", pick).await.expect("picked");
    assert!(!picked.everything && picked.picked_folders == 1);
    let state = sync(&stage, &id).await;
    assert_eq!(state.kept, picked.picked_items, "what is not chosen is let go");

    let section = items(&stage, &id, json!({ "parent": category.id })).await.items[0].clone();
    assert_eq!(section.picked, Picked::With);
    let seen = stage.practice.contents(PROVIDER).await;
    let like = seen.iter().find(|it| it.kind == "article").expect("an article");
    let place = seen.iter().find(|it| it.id == section.id).expect("the section");
    stage.pass(61).await;
    let order = json!({ "do": "add", "thing": like.thing, "parent": place.thing, "name": "Later", "text": "A pangolin came." });
    let added = stage.practice.change(PROVIDER, order).await;
    stage.pass(61).await;
    let state = sync(&stage, &id).await;
    assert_eq!(state.kept, picked.picked_items + 1);
    let found: Found = stage.ask("search", json!({ "words": "pangol" })).await.expect("a search");
    assert_eq!(found.hits.len(), 1);
    assert_eq!(json!(found.hits[0].item.id), added["id"]);
    assert_eq!(found.hits[0].path.last().map(|crumb| &crumb.id), Some(&section.id));

    let strange = stage.ask::<Value>("pick", json!({ "connection": id, "add": ["nothing"] })).await;
    assert_eq!(strange.expect_err("no such item").field.as_deref(), Some("add"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_at_its_limit_says_so_and_loses_nothing() {
    let stage = Stage::open().await;
    stage.set("read_later", json!(false)).await;
    stage.practice.set_items(3000).await;
    stage.set("library_limit_mb", json!(1)).await;
    let id = stage.connect(PROVIDER).await;
    let full = until_idle(&stage, &id).await;
    assert_eq!(full.phase, Phase::Failed);
    let failure = full.failure.expect("a reason");
    assert_eq!(failure.code, "storage");
    assert!(failure.message.contains("1 MB") && failure.hint.contains("Settings"), "{failure:?}");
    stage.set("library_limit_mb", Value::Null).await;
    sync(&stage, &id).await;
    assert_eq!(kept(stage.folder.path()), articles(&stage.practice).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_keeps_the_contents_or_takes_them_along() {
    let mut stage = Stage::open().await;
    stage.set("read_later", json!(false)).await;
    for (keep, spoiled) in [(true, false), (false, false), (true, true), (false, true)] {
        let id = stage.connect(PROVIDER).await;
        until_idle(&stage, &id).await;
        let plan = stage.detail(&id).await.disconnect;
        assert!(plan.kept_texts > 100, "the question is asked");
        if spoiled {
            stage.practice.set_fault(PROVIDER, Fault::ServerError, None).await;
        }
        let ask = json!({ "id": id, "revoke": true, "keep_contents": keep });
        let ended: Disconnected = stage.ask("disconnect", ask).await.expect("disconnected");
        assert_eq!(ended.queued, spoiled, "{:?}", ended.words);
        if spoiled {
            // Made up for at the next start, as it was asked for.
            stage.practice.clear_faults().await;
            stage.clock.turn(3600);
            stage.reopen().await;
            until_disconnected(&stage, &id).await;
        }
        let library: LibraryState = stage.ask("library", json!({})).await.expect("the library");
        let part = library.parts.iter().find(|part| part.connection == id);
        assert_eq!(part.is_some_and(|part| !part.connected && part.kept == plan.kept_texts), keep);
        let found: Found = stage.ask("search", json!({ "words": "a" })).await.expect("a search");
        assert_eq!(!found.hits.is_empty(), keep);
        assert!(found.hits.iter().all(|hit| !hit.account.is_empty()), "whose they were is still known");
        let empty: LibraryState = stage.ask("forget_contents", json!({})).await.expect("forgotten");
        assert!(empty.parts.is_empty() && empty.texts == 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_sync_and_nothing_is_lost() {
    let place = Place::open().await;
    place.practice.set_items(3000).await;
    let id = place.connect("zendesk", with_subdomain).await;
    let sync = place.command(&["sync", &id, "--json"]);
    // No file may grow beyond 2 MB: the system refuses the write as a full disk does.
    let mut short = Command::new("sh");
    short
        .args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"])
        .arg(sync.get_program())
        .args(sync.get_args());
    let words = told(&run(short).await, 7, "storage");
    assert!(words.contains("Nothing was lost") || words.contains("disk"), "{words}");

    let done = run(place.command(&["sync", &id, "--json"])).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let seen = place.practice.contents(PROVIDER).await;
    let articles = seen.iter().filter(|it| it.kind == "article").count();
    assert_eq!(stage::json_of(&done)["kept"], json!(articles));
}

fn with_subdomain(mut command: Command) -> Command {
    command.args(["--input", "subdomain=acme"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lists_picks_syncs_searches_and_reads() {
    let place = Place::open().await;
    place.practice.set_items(300).await;
    let id = place.connect("zendesk", with_subdomain).await;
    let told_json = async |words: &[&str]| {
        let words = [words, &["--json"]].concat();
        let done = run(place.command(&words)).await;
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        stage::json_of(&done)
    };
    // Asked of the provider, before any sync.
    let live = told_json(&["items", &id]).await;
    assert_eq!(live["live"], json!(true));
    let category = live["items"][0]["id"].as_str().expect("a category").to_owned();
    let below = told_json(&["items", &id, "--parent", &category]).await;
    assert_eq!(below["path"][0]["id"], json!(category));

    let picked = told_json(&["pick", &id, &category]).await;
    assert_eq!((&picked["everything"], &picked["picked_folders"]), (&json!(false), &json!(1)));
    let synced = told_json(&["sync", &id, "--follow"]).await;
    assert_eq!(synced["phase"], "idle");
    let kept = synced["kept"].as_u64().expect("a number");
    assert!(kept > 0 && kept < synced["listed"].as_u64().expect("a number"));

    let by_name = told_json(&["items", &id, "--search", "re"]).await;
    assert_eq!(by_name["live"], json!(false));
    let found = told_json(&["search", "the", "--provider", "zendesk", "--kind", "article"]).await;
    let hit = &found["hits"][0];
    let text = told_json(&["read", &id, hit["item"]["id"].as_str().expect("an id")]).await;
    assert!(text["kept"] == json!(true) && !text["text"].as_str().unwrap_or_default().is_empty());

    let everything = told_json(&["sync", &id, "--all"]).await;
    assert!(everything["everything"] == json!(true) && everything["kept"].as_u64() > Some(kept));
    let scheduled = told_json(&["schedule", "12", &id]).await;
    assert_eq!(scheduled[0]["every_hours"], json!(12));
    let status = told_json(&["status"]).await;
    assert_eq!(status[0]["connection"], json!(id));
    let library = told_json(&["library", "--forget", &id]).await;
    assert_eq!(library["texts"], json!(0));

    for (words, exit, code, field) in [
        (&["items", "nobody"][..], 3, "not_found", None),
        (&["pick", &id, "nothing"], 2, "bad_input", Some("add")),
        (&["schedule", "5"], 2, "bad_input", Some("every_hours")),
        (&["search", "the", "--since", "yesterday"], 2, "bad_input", Some("since")),
        (&["read", &id, "nothing"], 3, "not_found", None),
    ] {
        let done = run(place.command(&[words, &["--json"]].concat())).await;
        told(&done, exit, code);
        assert_eq!(stage::json_of(&done)["error"]["field"].as_str(), field, "{words:?}");
    }
}
