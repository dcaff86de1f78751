//! The page on which a person chooses files.

use serde_json::json;

use crate::carbon::browser::{asking, hidden, page_text};
use crate::carbon::house::{House, header};

#[tokio::test(flavor = "multi_thread")]
async fn files_are_chosen_on_a_page_without_scripts() {
    let house = House::open().await;
    let page =
        house.sign_in(asking(&house, "BOX", json!({ "tags": { "a": "b" }, "request_id": "r1" }))).await;
    let page = page_text(&page);
    assert!(page.contains("Choose files"), "{page}");
    let path = page.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(path.starts_with("/integrations/pick/"));
    let top = page_text(&house.send("GET", &path, &[], "").await);
    assert!(top.contains("Choose what to read") && !top.contains("<script"), "{top}");
    let rows = top.split("<li>").find(|row| row.contains("whole folder")).unwrap();
    let item = rows.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    // Into a folder and back.
    let folder = rows.split("<a href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert!(folder.contains("parent="), "{folder}");
    let below = page_text(&house.send("GET", &folder, &[], "").await);
    assert!(below.contains("All files</a>") && below.contains("aria-current=\"page\""), "{below}");

    // Without its word, or with another page's, a form chooses nothing.
    let send = async |once: &str| house.post_form(&path, &[("once", once), ("item", &item)]).await;
    send("guessed").await;
    let account = house.account(&house.sources().await[0]);
    let state = house.state(&account).await;
    assert_eq!(state.picked_folders + state.picked_items, 0);

    let once = hidden(&top);
    let reply = send(&once).await;
    assert_eq!(reply.status, 303);
    let to = header(&reply, "location").unwrap();
    assert!(page_text(&house.send("GET", to, &[], "").await).contains("One was chosen"));
    let again = send(&once).await;
    assert!(!header(&again, "location").unwrap().contains("chosen"), "a form is sent once");
    let state = house.idle(&account).await;
    assert!(state.picked_folders + state.picked_items > 0 && state.kept > 0, "{state:?}");
    let now = &house.sources().await[0];
    assert_eq!((&now["last_sync_action"], &now["sync_status"]), (&json!("UPDATE"), &json!("READY")));
    assert!(now["files_synced_at"].is_string());

    // Another page's form is refused by where it comes from.
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://evil.example")];
    assert_eq!(house.send("POST", &path, &foreign, &format!("once={once}")).await.status, 403);

    // It ends with the key it was made with, and shows and chooses nothing more.
    let top = page_text(&house.send("GET", &path, &[], "").await);
    house.revoke().await;
    let closed = house.send("GET", &path, &[], "").await;
    assert_eq!(closed.status, 404);
    assert!(page_text(&closed).contains("This page is closed"), "{}", page_text(&closed));
    assert_eq!(house.post_form(&path, &[("once", &hidden(&top)), ("item", &item)]).await.status, 404);
}
