//! What all seventeen connections hold, through one suite: listed, read, kept in sync.

use crate::stage;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::wire::{Found, ItemRow, ItemText, ItemsPage, SyncState};
use tieline_practice::{Fault, Seen};

/// A connected account whose contents are looked at.
struct Desk {
    stage: Stage,
    provider: &'static str,
    id: String,
}

impl Desk {
    async fn open(provider: &'static str) -> Self {
        let stage = Stage::open().await;
        // Fewer things than usual keep the suite quick and still have every kind.
        stage.practice.set_items(120).await;
        let id = stage.connect(provider).await;
        let desk = Self { stage, provider, id };
        let all = json!({ "connection": desk.id, "everything": true });
        desk.stage.ask::<Value>("set_sync", all).await.expect("everything is wanted");
        desk
    }

    async fn sync(&self) -> SyncState {
        // What begins by itself at the connect may be under way.
        for _ in 0..600 {
            let ask = json!({ "connection": self.id });
            match self.stage.ask::<SyncState>("sync_to_the_end", ask).await {
                Err(failure) if failure.code == "busy" => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(failure) => panic!("{}: {} {}", self.provider, failure.message, failure.hint),
                Ok(state) => return state,
            }
        }
        panic!("{}: the first sync does not end", self.provider);
    }

    async fn look(&self, more: Value) -> ItemsPage {
        let mut ask = json!({ "connection": self.id, "limit": 1000 });
        for (key, value) in more.as_object().into_iter().flatten() {
            ask[key] = value.clone();
        }
        self.stage
            .ask("items", ask)
            .await
            .unwrap_or_else(|failure| panic!("{}: {}", self.provider, failure.message))
    }

    /// Every item by walking down from the top, page by page.
    async fn walk(&self) -> BTreeMap<String, ItemRow> {
        let mut found = BTreeMap::new();
        let mut open = vec![None::<String>];
        let mut looked_into = BTreeSet::new();
        while let Some(parent) = open.pop() {
            if !looked_into.insert(parent.clone()) {
                continue;
            }
            let mut cursor = None::<String>;
            loop {
                let page = self.look(json!({ "parent": parent, "cursor": cursor })).await;
                for item in page.items {
                    if item.expandable {
                        open.push(Some(item.id.clone()));
                    }
                    found.insert(item.id.clone(), item);
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        found
    }

    async fn seen(&self) -> BTreeMap<String, Seen> {
        self.stage.practice.contents(self.provider).await.into_iter().map(|it| (it.id.clone(), it)).collect()
    }

    /// What the library holds is what there is, each once, each whole.
    async fn agrees(&self, when: &str) -> BTreeMap<String, ItemRow> {
        let (there, here) = (self.seen().await, self.walk().await);
        let named = |ids: &BTreeSet<&String>| {
            ids.iter()
                .take(5)
                .map(|id| format!("{id} ({})", there.get(*id).map_or("", |it| &it.name)))
                .collect::<Vec<_>>()
        };
        let (theirs, ours): (BTreeSet<_>, BTreeSet<_>) = (there.keys().collect(), here.keys().collect());
        let missing: BTreeSet<_> = theirs.difference(&ours).copied().collect();
        let strange: BTreeSet<_> = ours.difference(&theirs).copied().collect();
        assert!(
            missing.is_empty(),
            "{} {when}: {} missing, {:?}",
            self.provider,
            missing.len(),
            named(&missing)
        );
        assert!(
            strange.is_empty(),
            "{} {when}: {} should not be seen, {strange:?}",
            self.provider,
            strange.len()
        );
        here
    }

    /// It agrees, and each thing is where it belongs.
    async fn stands(&self, when: &str) {
        let (here, there) = (self.agrees(when).await, self.seen().await);
        let ids: BTreeMap<_, _> = there.values().map(|it| (&it.thing, &it.id)).collect();
        for (id, item) in &here {
            let above = there[id].parent.as_ref().and_then(|thing| ids.get(thing)).copied();
            assert_eq!(item.parent.as_ref(), above, "{} {when}: what {} stands in", self.provider, item.name);
        }
    }

    async fn text(&self, id: &str) -> String {
        let ask = json!({ "connection": self.id, "item": id });
        let text: ItemText = self
            .stage
            .ask("read_item", ask)
            .await
            .unwrap_or_else(|failure| panic!("{}: {id}: {}", self.provider, failure.message));
        text.text
    }

    async fn finds(&self, words: &str) -> Vec<String> {
        let found: Found = self
            .stage
            .ask("search", json!({ "words": words, "connection": self.id }))
            .await
            .expect("a search");
        found.hits.into_iter().map(|hit| hit.item.id).collect()
    }

    async fn change(&self, order: Value) -> Value {
        let done = self.stage.practice.change(self.provider, order.clone()).await;
        assert!(!done.is_null(), "{}: {order} was refused", self.provider);
        done
    }

    /// Something with a text that can be kept.
    async fn some(&self, here: &BTreeMap<String, ItemRow>, nth: usize) -> Seen {
        let there = self.seen().await;
        here.values()
            .filter(|item| item.selectable && item.read == "kept")
            .filter_map(|item| there.get(&item.id))
            .filter(|seen| holds_its_token(seen))
            .nth(nth)
            .unwrap_or_else(|| panic!("{}: {nth} things with text", self.provider))
            .clone()
    }
}

/// Pictures and broken files have no text.
fn holds_its_token(seen: &Seen) -> bool {
    !matches!(seen.format.as_str(), "none" | "png" | "dat" | "broken") && seen.size > 0
        || seen.format.contains('/')
}

async fn lists_and_reads(provider: &'static str) {
    let desk = Desk::open(provider).await;
    let state = desk.sync().await;
    assert!(state.complete && state.waiting == 0, "{provider}: {state:?}");
    let here = desk.agrees("after the first sync").await;
    let there = desk.seen().await;
    let mut read = 0;
    for item in here.values().filter(|item| item.selectable) {
        let seen = &there[&item.id];
        if holds_its_token(seen) && item.read == "kept" {
            if read < 40 {
                assert!(
                    desk.text(&item.id).await.contains(&seen.token),
                    "{provider}: the text of {} ({})",
                    item.id,
                    seen.name
                );
            }
            read += 1;
        } else if item.read == "failed" {
            let why = item.failure.clone().unwrap_or_default();
            assert!(
                why.ends_with('.') && why.len() > 20,
                "{provider}: {} could not be read: {why:?}",
                seen.name
            );
            assert!(
                !holds_its_token(seen),
                "{provider}: {} ({}) could not be read: {why}",
                seen.name,
                seen.format
            );
        }
    }
    assert!(read >= 10, "{provider}: only {read} texts");
    for (id, item) in &here {
        let above = there[id].parent.as_ref();
        if let Some(above) = above.and_then(|thing| there.values().find(|it| it.thing == *thing)) {
            assert_eq!(item.parent.as_ref(), Some(&above.id), "{provider}: what {} stands in", item.name);
        }
    }
    let some = desk.some(&here, 3).await;
    assert_eq!(
        desk.finds(&some.token).await,
        std::slice::from_ref(&some.id),
        "{provider}: found by its text"
    );
    assert_eq!(desk.finds(&some.token[..8]).await.first(), Some(&some.id), "{provider}: found as one types");
}

async fn follows_changes(provider: &'static str) {
    let desk = Desk::open(provider).await;
    desk.sync().await;
    let here = desk.agrees("after the first sync").await;

    let (edited, deleted, renamed) =
        (desk.some(&here, 0).await, desk.some(&here, 1).await, desk.some(&here, 2).await);
    let hidden = desk.some(&here, 4).await;
    // Times at providers have seconds.
    desk.stage.pass(61).await;
    desk.change(
        json!({ "do": "edit", "thing": edited.thing, "text": "Completely rewritten: zanzibarword." }),
    )
    .await;
    desk.change(json!({ "do": "rename", "thing": renamed.thing, "name": "Quagga report" })).await;
    desk.change(json!({ "do": "delete", "thing": deleted.thing })).await;
    desk.change(json!({ "do": "unpublish", "thing": hidden.thing, "state": if UNPUBLISHED_IS_DRAFT.contains(&provider) { "draft" } else { "trashed" } })).await;
    let added = desk.change(json!({ "do": "add", "thing": edited.thing, "parent": edited.parent, "name": "Newly made", "text": "Fresh okapiword text." })).await;
    let added = added["id"].as_str().expect("a new thing is to be seen").to_owned();
    desk.sync().await;
    desk.agrees("after changes").await;
    if !NEVER_EDITED.contains(&provider) {
        assert_eq!(
            desk.finds("zanzibarword").await,
            std::slice::from_ref(&edited.id),
            "{provider}: the edit"
        );
    }
    assert_eq!(desk.finds("okapiword").await, [added], "{provider}: the addition");
    assert!(desk.finds(&deleted.token).await.is_empty(), "{provider}: the deletion");
    assert!(desk.finds(&hidden.token).await.is_empty(), "{provider}: what is no longer published");

    // A position that the provider has forgotten heals by listing anew.
    desk.stage.pass(61).await;
    desk.change(json!({ "do": "expire" })).await;
    let gone = desk.some(&desk.walk().await, 5).await;
    desk.change(json!({ "do": "delete", "thing": gone.thing })).await;
    desk.sync().await;
    desk.agrees("after the position expired").await;

    // Nothing has changed: nothing is read again.
    desk.stage.pass(61).await;
    let before = desk.stage.practice.counts(provider).await.api;
    let state = desk.sync().await;
    let asked = desk.stage.practice.counts(provider).await.api - before;
    assert_eq!(state.removed, 0, "{provider}");
    assert!(asked < 120, "{provider}: {asked} requests to see that nothing changed");
}

/// Where a thing that is no longer published is a draft; elsewhere it goes into the bin.
const UNPUBLISHED_IS_DRAFT: [&str; 5] = ["ZENDESK", "SALESFORCE", "INTERCOM", "CONFLUENCE", "SERVICENOW"];

/// Where what was sent stays as it is.
const NEVER_EDITED: &[&str] = &["GMAIL"];

/// Where a token is good until it is taken back: a refusal is the end of the sign-in.
const NEVER_RENEWED: &[&str] = &["INTERCOM", "ZOTERO"];

async fn survives_trouble(provider: &'static str) {
    let desk = Desk::open(provider).await;
    for (fault, times) in [
        (Fault::RateLimited, 2),
        (Fault::ServerError, 2),
        (Fault::ApiUnauthorized, 1),
        (Fault::ShortPages, 6),
    ] {
        if fault == Fault::ApiUnauthorized && NEVER_RENEWED.contains(&provider) {
            continue;
        }
        desk.stage.practice.set_fault(provider, fault, Some(times)).await;
    }
    desk.sync().await;
    desk.stage.practice.clear_faults().await;
    desk.agrees("in spite of trouble").await;
}

/// Folders that are renamed, moved, thrown away and brought back, each with all that is in it.
async fn follows_folders(provider: &'static str) {
    let desk = Desk::open(provider).await;
    desk.sync().await;
    let here = desk.agrees("after the first sync").await;
    let there = desk.seen().await;
    let folder = |name: &str| {
        let found = there.values().find(|it| it.kind == "folder" && it.name == name);
        found.unwrap_or_else(|| panic!("{provider}: no folder {name}")).clone()
    };
    let replaced = desk.some(&here, 0).await;
    let text = "Replaced by a wombatword.";
    desk.stage.pass(61).await;
    for order in [
        json!({ "do": "rename", "thing": folder("Support").thing, "name": "Customer help" }),
        json!({ "do": "move", "thing": folder("People").thing, "parent": folder("2026").thing }),
        json!({ "do": "unpublish", "thing": folder("Invoices").thing, "state": "trashed" }),
        json!({ "do": "delete", "thing": folder("Handbook").thing }),
        json!({ "do": "add", "thing": replaced.thing, "name": replaced.name, "text": text }),
        json!({ "do": "delete", "thing": replaced.thing }),
    ] {
        desk.change(order).await;
    }
    desk.sync().await;
    desk.stands("after folders were moved").await;
    assert_eq!(desk.finds("wombatword").await.len(), 1, "{provider}: what replaced another");
    assert!(desk.finds(&replaced.token).await.is_empty(), "{provider}: what was replaced");

    desk.stage.pass(61).await;
    for order in [
        json!({ "do": "publish", "thing": folder("Invoices").thing }),
        json!({ "do": "move", "thing": folder("2026").thing, "parent": null }),
        json!({ "do": "rename", "thing": folder("2026").thing, "name": "Of this year" }),
        json!({ "do": "delete", "thing": folder("Support").thing }),
    ] {
        desk.change(order).await;
    }
    desk.sync().await;
    desk.stands("after folders came back").await;
}

/// `tieline sync` killed again and again, after more and more requests, then left alone.
async fn goes_on_after_a_kill(provider: &'static str) {
    let mut desk = Desk::open(provider).await;
    desk.stage.app.close().await;
    let asked = async |desk: &Desk| desk.stage.practice.counts(provider).await.api;
    for requests in [2, 9, 25, 60] {
        let from = asked(&desk).await;
        let mut child = desk
            .stage
            .command(&["sync", &desk.id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        while child.try_wait().expect("it can be asked").is_none() && asked(&desk).await < from + requests {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        child.kill().expect("killed");
        child.wait().expect("it ends");
    }
    desk.stage.reopen().await;
    let state = desk.sync().await;
    assert!(state.complete && state.waiting == 0, "{provider}: {state:?}");
    let here = desk.agrees("after kills").await;
    assert_eq!(here.len(), state.listed as usize, "{provider}: each once");
    let there = desk.seen().await;
    for item in here.values().filter(|item| item.selectable && holds_its_token(&there[&item.id])) {
        assert_eq!(item.read, "kept", "{provider}: {} {:?}", item.name, item.failure);
    }
}

/// One test each for every provider, so that a failure names it.
macro_rules! providers {
    ($($test:ident $provider:literal;)*) => {$(
        mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn lists_and_reads() {
                super::lists_and_reads($provider).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn follows_changes() {
                super::follows_changes($provider).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn survives_trouble() {
                super::survives_trouble($provider).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn goes_on_after_a_kill() {
                super::goes_on_after_a_kill($provider).await;
            }
        }
    )*};
}

providers! {
    box_ "BOX";
    confluence "CONFLUENCE";
    dropbox "DROPBOX";
    gmail "GMAIL";
    gong "GONG";
    google_cloud_storage "GOOGLE_CLOUD_STORAGE";
    google_drive "GOOGLE_DRIVE";
    intercom "INTERCOM";
    notion "NOTION";
    onedrive "ONEDRIVE";
    outlook "OUTLOOK";
    salesforce "SALESFORCE";
    servicenow "SERVICENOW";
    sharepoint "SHAREPOINT";
    slack "SLACK";
    zendesk "ZENDESK";
    zotero "ZOTERO";
}

/// The same for those that keep folders.
macro_rules! folders {
    ($($test:ident $provider:literal;)*) => {
        mod folders {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::follows_folders($provider).await;
            })*
        }
    };
}

folders! {
    box_ "BOX";
    dropbox "DROPBOX";
}
