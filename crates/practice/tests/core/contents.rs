//! The contents as they are seen and changed over the control address, running and joined.

use serde_json::json;
use tieline_practice::{Options, join, start};

use crate::support::*;

#[tokio::test]
async fn what_is_ordered_is_what_is_seen() {
    let running = memory().await;
    let joined = join(running.control().clone()).await.unwrap();
    for practice in [&running, &joined] {
        let before = practice.contents("ZENDESK").await;
        let article = before.iter().find(|seen| seen.kind == "article").unwrap();
        let order = json!({ "do": "add", "thing": article.thing, "name": "New", "text": "Hello" });
        let added = practice.change("ZENDESK", order).await;
        assert_eq!(added["id"], added["thing"]);
        let after = practice.contents("ZENDESK").await;
        assert_eq!(after.len(), before.len() + 1);
        let new = after.last().unwrap();
        assert_eq!((&new.name[..], &new.parent, &new.format[..]), ("New", &article.parent, "html"));
        let gone = practice.change("ZENDESK", json!({ "do": "unpublish", "thing": new.thing })).await;
        assert!(gone["id"].is_null() && gone["thing"] == new.thing);
        assert_eq!(practice.contents("ZENDESK").await, before);
    }
    assert!(running.change("ZENDESK", json!({ "do": "edit", "thing": "none" })).await.is_null());
    joined.set_items(40).await;
    assert!(running.contents("ZENDESK").await.len() <= 40);
}

#[tokio::test]
async fn the_number_of_things_is_an_option() {
    let practice = start(Options { items: Some(1000), ..Options::default() }).await.unwrap();
    let seen = practice.contents("GOOGLE_DRIVE").await;
    assert!((950..1000).contains(&seen.len()), "all but those in the trash: {}", seen.len());
    assert!(seen.iter().any(|seen| seen.size == 12_000_000));
}
