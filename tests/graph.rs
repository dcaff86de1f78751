//! What only Graph's providers do: shortcuts into other drives, libraries that come and go, mail that moves.

use crate::stage;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::wire::{Found, ItemRow, ItemText, ItemsPage, SyncState};
use tieline_practice::Seen;
use tieline_practice::visitor::Visit;

struct Desk {
    stage: Stage,
    provider: &'static str,
    id: String,
}

impl Desk {
    async fn open(provider: &'static str, more: Value) -> Self {
        let stage = Stage::open().await;
        stage.practice.set_items(40).await;
        let flow = stage.sign_in(provider, more, &Visit::default()).await;
        let id = flow.connection.expect("a connection");
        Self { stage, provider, id }
    }

    async fn sync(&self) {
        let all = json!({ "connection": self.id, "everything": true });
        self.stage.ask::<Value>("set_sync", all).await.expect("everything is wanted");
        self.stage.pass(61).await;
        for _ in 0..600 {
            let ask = json!({ "connection": self.id });
            match self.stage.ask::<SyncState>("sync_to_the_end", ask).await {
                Err(failure) if failure.code == "busy" => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                other => return drop(other.expect("the sync comes to its end")),
            }
        }
        panic!("the sync before it did not come to its end");
    }

    async fn below(&self, parent: Option<&str>) -> Vec<ItemRow> {
        let ask = json!({ "connection": self.id, "limit": 1000, "parent": parent });
        self.stage.ask::<ItemsPage>("items", ask).await.expect("items").items
    }

    async fn all(&self) -> BTreeMap<String, ItemRow> {
        let (mut found, mut open) = (BTreeMap::new(), vec![None::<String>]);
        while let Some(parent) = open.pop() {
            for item in self.below(parent.as_deref()).await {
                open.extend(item.expandable.then(|| Some(item.id.clone())));
                found.insert(item.id.clone(), item);
            }
        }
        found
    }

    async fn text(&self, id: &str) -> String {
        let ask = json!({ "connection": self.id, "item": id });
        self.stage.ask::<ItemText>("read_item", ask).await.expect("a text").text
    }

    async fn finds(&self, words: &str) -> Vec<String> {
        let ask = json!({ "words": words, "connection": self.id });
        let found: Found = self.stage.ask("search", ask).await.expect("a search");
        found.hits.into_iter().map(|hit| hit.item.id).collect()
    }

    async fn seen(&self) -> Vec<Seen> {
        self.stage.practice.contents(self.provider).await
    }

    async fn change(&self, order: Value) {
        assert!(!self.stage.practice.change(self.provider, order.clone()).await.is_null(), "{order}");
    }
}

/// Before any sync the provider itself is asked for what stands below.
#[tokio::test(flavor = "multi_thread")]
async fn one_can_look_into_an_account_that_was_never_synced() {
    for provider in ["ONEDRIVE", "OUTLOOK", "SHAREPOINT"] {
        let desk = Desk::open(provider, json!({})).await;
        let (mut found, mut open) = (BTreeMap::new(), vec![None::<String>]);
        while let Some(parent) = open.pop() {
            let mut cursor = None::<String>;
            loop {
                let ask = json!({ "connection": desk.id, "limit": 5, "parent": parent, "cursor": cursor });
                let page = match desk.stage.ask::<ItemsPage>("items", ask).await {
                    Ok(page) => page,
                    // The shared folder, which takes a permission of its own.
                    Err(refusal) => break assert!(refusal.message.contains("does not let"), "{refusal:?}"),
                };
                assert!(page.live);
                for item in page.items {
                    open.extend(item.expandable.then(|| Some(item.id.clone())));
                    found.insert(item.id.clone(), item);
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        let seen: BTreeMap<_, _> = desk.seen().await.into_iter().map(|it| (it.id.clone(), it)).collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>(), "{provider}");
        let some =
            seen.values().find(|it| matches!(it.format.as_str(), "docx" | "html")).expect("a document");
        assert!(desk.text(&some.id).await.contains(&some.token), "{provider}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shortcuts_lead_to_is_listed_and_followed() {
    let desk = Desk::open("ONEDRIVE", json!({ "more_scopes": ["Files.Read.All"] })).await;
    desk.sync().await;
    let top = desk.below(None).await;
    let named = |name: &str| top.iter().find(|it| it.name == name).expect("at the top").clone();
    let notebook = named("Notebook of the team");
    assert!(!notebook.selectable && !notebook.expandable);
    let file = named("Price list.docx");
    assert!(file.selectable && file.read == "kept", "{file:?}");
    let folder = named("Shared by Jonas");
    let inside = desk.below(Some(&folder.id)).await;
    let offers = inside.iter().find(|it| it.name == "Offers").expect("a folder in it").clone();
    let plain = inside.iter().find(|it| it.selectable).expect("a file in it").clone();
    let deeper = desk.below(Some(&offers.id)).await;
    assert_eq!((inside.len(), deeper.len()), (2, 3));
    let all = desk.all().await.len();

    desk.change(json!({ "do": "edit", "thing": plain.id, "text": "Wombatword." })).await;
    desk.change(json!({ "do": "edit", "thing": file.id, "text": "Numbatword." })).await;
    desk.change(json!({ "do": "delete", "thing": deeper[0].id })).await;
    let own = desk.seen().await.into_iter().find(|it| it.kind == "file" && it.format == "md").expect("own");
    desk.change(json!({ "do": "delete", "thing": own.thing })).await;
    desk.sync().await;
    assert!(desk.text(&plain.id).await.contains("Wombatword"));
    assert_eq!(desk.finds("numbatword").await, [file.id]);
    assert_eq!(desk.below(Some(&offers.id)).await.len(), 2);
    assert_eq!(desk.all().await.len(), all - 2);

    desk.change(json!({ "do": "delete", "thing": offers.id })).await;
    desk.sync().await;
    assert_eq!(desk.below(Some(&folder.id)).await.len(), 1);
    desk.change(json!({ "do": "delete", "thing": folder.id })).await;
    desk.sync().await;
    assert!(desk.finds("wombatword").await.is_empty());
    let ids: Vec<String> = desk.seen().await.into_iter().map(|it| it.id).collect();
    let mut ids = ids;
    ids.sort();
    assert_eq!(desk.all().await.into_keys().collect::<Vec<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_come_and_go_and_files_move() {
    let desk = Desk::open("SHAREPOINT", json!({})).await;
    desk.sync().await;
    let seen = desk.seen().await;
    let library =
        |name: &str| seen.iter().find(|it| it.kind == "library" && it.name == name).expect("a library");
    let (main, second) = (library("Documents"), library("Campaigns / 2026"));
    let parent = |it: &Seen| seen.iter().find(|above| Some(&above.thing) == it.parent.as_ref()).cloned();
    let is_in_main = |it: &&Seen| {
        let mut above = std::iter::successors(parent(it), parent);
        it.kind == "file" && above.any(|it| it.id == main.id) && it.parent.as_ref() != Some(&main.thing)
    };
    let moved = seen.iter().find(is_in_main).expect("a file in a folder");
    desk.change(json!({ "do": "move", "thing": moved.thing, "parent": main.thing })).await;
    desk.change(json!({ "do": "add", "thing": second.thing, "name": "Newest" })).await;
    desk.sync().await;
    let all = desk.all().await;
    assert_eq!(all[&moved.id].parent.as_deref(), Some(main.id.as_str()));
    let newest = all.values().find(|it| it.name == "Newest").expect("the new library").id.clone();
    desk.change(json!({ "do": "delete", "thing": newest })).await;
    desk.change(json!({ "do": "delete", "thing": second.thing })).await;
    desk.sync().await;
    let mut ids: Vec<String> = desk.seen().await.into_iter().map(|it| it.id).collect();
    ids.sort();
    assert_eq!(desk.all().await.into_keys().collect::<Vec<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_keeps_its_id_when_it_moves_and_goes_with_its_folder() {
    let mut inputs = serde_json::Map::new();
    inputs.insert("tenant".into(), json!("acme.onmicrosoft.com"));
    inputs.insert("mailbox".into(), json!("support@acme.example"));
    let shared = json!({ "inputs": inputs, "more_scopes": ["Mail.Read.Shared"] });
    for more in [json!({}), shared] {
        let desk = Desk::open("OUTLOOK", more).await;
        desk.sync().await;
        let seen = desk.seen().await;
        let folder = |kind: &str, name: &str| {
            seen.iter()
                .find(|it| it.kind == kind && it.name.starts_with(name))
                .expect("a folder")
                .thing
                .clone()
        };
        let (inbox, archive, lyon) = (folder("inbox", ""), folder("archive", ""), folder("folder", "Lyon"));
        let mut mail = seen.iter().filter(|it| it.kind == "message" && it.parent.as_ref() == Some(&inbox));
        let (one, other, third) = (mail.next().unwrap(), mail.next().unwrap(), mail.next().unwrap());
        // In both orders of the folders.
        desk.change(json!({ "do": "move", "thing": one.thing, "parent": archive })).await;
        desk.change(json!({ "do": "move", "thing": other.thing, "parent": lyon })).await;
        desk.change(json!({ "do": "rename", "thing": lyon, "name": "Lyon" })).await;
        desk.sync().await;
        let all = desk.all().await;
        assert_eq!(all[&one.id].parent.as_deref(), Some(archive.as_str()));
        assert_eq!(all[&other.id].parent.as_deref(), Some(lyon.as_str()));
        assert_eq!(all[&lyon].name, "Lyon");
        assert_eq!(desk.finds(&one.token).await, std::slice::from_ref(&one.id));
        desk.change(json!({ "do": "move", "thing": one.thing, "parent": inbox })).await;
        desk.change(json!({ "do": "move", "thing": third.thing, "parent": lyon })).await;
        desk.change(json!({ "do": "move", "thing": other.thing, "parent": inbox })).await;
        desk.change(json!({ "do": "unpublish", "thing": lyon, "state": "trashed" })).await;
        desk.sync().await;
        let mut ids: Vec<String> = desk.seen().await.into_iter().map(|it| it.id).collect();
        ids.sort();
        let all = desk.all().await;
        assert_eq!(all.keys().cloned().collect::<Vec<_>>(), ids);
        assert!(!all.contains_key(&third.id) && all.contains_key(&other.id));
    }
}
