//! What all seventeen connections ask and what practice answers, held against lists that were reviewed and against the
//! vendors' own descriptions.

#[path = "shapes/describe.rs"]
mod describe;
use crate::stage;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::wire::{ItemsPage, SyncState};
use tieline_practice::{Fault, Heard};

/// All that a connection asks in its life: signed in, looked into, read, synced, synced again after changes, ended.
async fn life(provider: &'static str) -> Vec<Heard> {
    let stage = Stage::open().await;
    stage.practice.set_items(80).await;
    let id = stage.connect(provider).await;
    let failed = |failure: tieline_engine::wire::Failure| -> ! {
        panic!("{provider}: {} {}", failure.message, failure.hint)
    };

    // Looked into as long as nothing is kept, and turned the page.
    stage.practice.set_fault(provider, Fault::ShortPages, Some(3)).await;
    let (mut open, mut read) = (vec![None::<String>], BTreeSet::new());
    for _ in 0..3 {
        let mut below = Vec::new();
        for parent in open.into_iter().take(6) {
            let ask = json!({ "connection": id, "parent": parent, "limit": 1000 });
            let page: ItemsPage = match stage.ask("items", ask).await {
                Ok(page) => page,
                // Another's folder, to which a shortcut leads, may not be opened.
                Err(failure) if parent.is_some() && failure.code == "refused" => continue,
                Err(failure) => failed(failure),
            };
            assert!(page.live, "{provider}");
            for item in page.items {
                if item.expandable {
                    below.push(Some(item.id.clone()));
                }
                if item.selectable && read.insert((format!("{:?}", item.kind), item.format)) && read.len() < 8
                {
                    let ask = json!({ "connection": id, "item": item.id });
                    // Pictures have no text.
                    let _ = stage.ask::<Value>("read_item", ask).await;
                }
            }
        }
        open = below;
    }
    stage.practice.clear_faults().await;

    let all = json!({ "connection": id, "everything": true });
    stage.ask::<Value>("set_sync", all).await.unwrap_or_else(|it| failed(it));
    let sync = async || {
        stage.practice.set_fault(provider, Fault::ShortPages, Some(6)).await;
        let state: SyncState =
            stage.ask("sync_to_the_end", json!({ "connection": id })).await.unwrap_or_else(|it| failed(it));
        assert!(state.complete, "{provider}: {state:?}");
        stage.practice.clear_faults().await;
    };
    sync().await;
    let there = stage.practice.contents(provider).await;
    let mut some = there.iter().filter(|it| it.size > 0 && it.format != "none");
    let (edited, deleted) = (some.next().expect("a thing"), some.next().expect("another"));
    // Every access token has run out by then.
    stage.pass(3 * 24 * 3600).await;
    for order in [
        json!({ "do": "edit", "thing": edited.thing, "text": "Completely rewritten." }),
        json!({ "do": "delete", "thing": deleted.thing }),
    ] {
        assert!(!stage.practice.change(provider, order.clone()).await.is_null(), "{provider}: {order}");
    }
    sync().await;
    stage.ask::<Value>("disconnect", json!({ "id": id })).await.unwrap_or_else(|it| failed(it));
    stage.practice.heard(provider).await
}

/// `GET api.box.com/2.0/folders/{id}/items ?fields&limit [authorization: Bearer] {field&field}`
fn line(heard: &Heard) -> String {
    let joined = |names: BTreeSet<&String>| names.into_iter().cloned().collect::<Vec<_>>().join("&");
    let mut line = format!("{} {}{}", heard.method, heard.host, heard.form);
    if !heard.query.is_empty() {
        line += &format!(" ?{}", joined(heard.query.iter().map(|(name, _)| name).collect()));
    }
    let headers = heard.headers.iter().map(|(name, value)| {
        if OF_ONE_THING.contains(&name.as_str()) { name.clone() } else { format!("{name}: {value}") }
    });
    let headers: BTreeSet<_> = headers.collect();
    if !headers.is_empty() {
        line += &format!(" [{}]", headers.into_iter().collect::<Vec<_>>().join(", "));
    }
    match &heard.body {
        Value::Null => line,
        Value::Object(fields) => format!("{line} {{{}}}", joined(fields.keys().collect())),
        _ => format!("{line} {{…}}"),
    }
}

/// Headers whose value names the thing that is asked for.
const OF_ONE_THING: [&str; 3] = ["dropbox-api-arg", "dropbox-api-path-root", "x-goog-drive-resource-keys"];

async fn keeps_its_shape(provider: &'static str, slug: &str) {
    let heard = life(provider).await;
    let lines: BTreeSet<String> = heard.iter().map(line).collect();
    let now: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/shapes/{slug}.txt"));
    if std::env::var_os("TIELINE_WRITE_SHAPES").is_some() {
        std::fs::write(&file, &now).expect("the list can be written");
    }
    let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        now == reviewed,
        "{provider} asks otherwise than tests/shapes/{slug}.txt says.\n\nNow:\n{now}\nReviewed:\n{reviewed}\nIf the new \
         requests are right: TIELINE_WRITE_SHAPES=1 cargo nextest run -p tieline shapes::{slug}"
    );
    describe::agrees(provider, &heard);
}

/// One test each for every provider, so that a failure names it.
macro_rules! providers {
    ($($test:ident $provider:literal $slug:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            keeps_its_shape($provider, $slug).await;
        }
    )*};
}

providers! {
    box_ "BOX" "box";
    confluence "CONFLUENCE" "confluence";
    dropbox "DROPBOX" "dropbox";
    gmail "GMAIL" "gmail";
    gong "GONG" "gong";
    google_cloud_storage "GOOGLE_CLOUD_STORAGE" "google_cloud_storage";
    google_drive "GOOGLE_DRIVE" "google_drive";
    intercom "INTERCOM" "intercom";
    notion "NOTION" "notion";
    onedrive "ONEDRIVE" "onedrive";
    outlook "OUTLOOK" "outlook";
    salesforce "SALESFORCE" "salesforce";
    servicenow "SERVICENOW" "servicenow";
    sharepoint "SHAREPOINT" "sharepoint";
    slack "SLACK" "slack";
    zendesk "ZENDESK" "zendesk";
    zotero "ZOTERO" "zotero";
}
