//! Links for those who are connected, other accounts, and sign-ins that are renewed.

use serde_json::{Value, json};
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, client};

use crate::carbon::browser::{asking, here, hidden, page_text};
use crate::carbon::house::{House, header, sentence};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_connected_gets_a_link_that_goes_on_once() {
    let house = House::open().await;
    let path = "/integrations/oauth_url";
    let first = house.signed_in(asking(&house, "BOX", json!({}))).await;

    // Connected: a link of this server; its options and tags are taken over when it is opened, and its files are chosen.
    let body = json!({ "service": "BOX", "request_id": "again", "data_source_tags": { "team": "blue" },
        "automatically_open_file_picker": true });
    let link = house.fine(path, body).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(link.starts_with(house.base.as_str()), "{link}");
    let options = async || {
        let source = house.stage.app.programs().data_source(first["id"].as_i64().unwrap()).unwrap().unwrap();
        (source.options.request_id.unwrap_or_default(), source.tags.get("team").cloned())
    };
    assert_ne!(options().await.0, "again");
    let page = house.follow(link.parse().unwrap()).await;
    assert!(page_text(&page).contains("<h1>Choose what to read</h1>"), "{}", page_text(&page));
    assert_eq!(options().await, ("again".to_owned(), Some(json!("blue"))));
    let state = house.idle(&house.account(&first)).await;
    assert!(state.complete, "it was listed");
    let syncs = house.sources().await[0]["last_synced_at"].clone();
    house.follow(link.parse().unwrap()).await;
    assert_eq!(house.sources().await[0]["last_synced_at"], syncs, "a link begins its sync once");

    // By number; of another service; unknown; somebody else's.
    let number = first["id"].clone();
    let link =
        house.fine(path, json!({ "service": "BOX", "data_source_id": number })).await["oauth_url"].clone();
    assert!(link.as_str().unwrap().starts_with(house.base.as_str()));
    let words = house.told(400, path, json!({ "service": "DROPBOX", "data_source_id": number })).await;
    assert!(words.contains("BOX") && words.contains("DROPBOX"), "{words}");
    let unknown = house.told(404, path, json!({ "service": "BOX", "data_source_id": 999 })).await;
    let (status, foreign) =
        house.as_customer("noor", "POST", path, json!({ "service": "BOX", "data_source_id": number })).await;
    assert_eq!(status, 404);
    assert_eq!(sentence(&foreign).replace(&number.to_string(), "999"), unknown);

    // A new account is a new sign-in, whoever is connected; another customer is not connected at all.
    let is_ours = |said: &Value| said["oauth_url"].as_str().unwrap().starts_with(house.base.as_str());
    assert!(!is_ours(&house.fine(path, json!({ "service": "BOX", "connecting_new_account": true })).await));
    let (_, said) = house.as_customer("noor", "POST", path, json!({ "service": "BOX" })).await;
    assert!(!is_ours(&said));

    // Two accounts: which one?
    let visit = Visit { person: "jonas".into(), ..Visit::default() };
    let ask = asking(&house, "BOX", json!({ "connecting_new_account": true }));
    let url = house.fine(path, ask).await["oauth_url"].as_str().unwrap().parse().unwrap();
    let back = visit.answer(&url).await.unwrap();
    house.follow(here(back)).await;
    assert_eq!(house.sources().await.len(), 2);
    assert!(house.told(400, path, json!({ "service": "BOX" })).await.contains("data_source_id"));
    assert!(is_ours(&house.fine(path, json!({ "service": "BOX", "data_source_id": number })).await));

    // Revoked: the person signs in again, and it is the same data source.
    house.fine("/revoke_access_token", json!({ "data_source_id": number })).await;
    let url = house.fine(path, asking(&house, "BOX", json!({ "data_source_id": number }))).await;
    assert!(!is_ours(&url));
    house
        .follow(here(
            Visit::default().answer(&url["oauth_url"].as_str().unwrap().parse().unwrap()).await.unwrap(),
        ))
        .await;
    let all = house.sources().await;
    assert_eq!((all.len(), &all[0]["id"], &all[0]["revoked_access"]), (2, &number, &json!(false)));

    // Links that never were, and those of accounts that have gone.
    for path in ["/integrations/sync/0000", "/integrations/connected/0000", "/integrations/pick/0000"] {
        assert_eq!(house.send("GET", path, &[], "").await.status, 404, "{path}");
    }
    house.fine("/revoke_access_token", json!({ "data_source_id": number })).await;
    let page = house.follow(link.as_str().unwrap().parse().unwrap()).await;
    assert!(page_text(&page).contains("No longer connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_one_workspace_unless_a_new_account_is_asked_for() {
    let house = House::open().await;
    let path = "/integrations/oauth_url";
    house.zendesk().await;
    let ask = |subdomain: &str, new: bool| json!({ "service": "ZENDESK", "zendesk_subdomain": subdomain, "connecting_new_account": new });
    let words = house.told(400, path, ask("globex", false)).await;
    assert!(words.contains("acme") && words.contains("connecting_new_account"), "{words}");
    let url = house.fine(path, ask("acme", false)).await["oauth_url"].clone();
    assert!(url.as_str().unwrap().starts_with(house.base.as_str()));
    let (status, _) = house.as_customer("noor", "POST", path, ask("acme", false)).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_has_ended_is_renewed_and_somebody_else_is_asked_about() {
    let house = House::open().await;
    let source = house.signed_in(asking(&house, "BOX", json!({}))).await;
    let connection = house.account(&source).connection;
    house.stage.practice.set_fault("BOX", Fault::Revoked, None).await;
    let tested: Value = house.stage.ask("refresh", json!({ "id": connection })).await.unwrap();
    assert_eq!(tested["row"]["state"], "needs_you", "{tested}");
    house.stage.practice.clear_faults().await;

    // Connected, and yet a sign-in: the same data source comes out of it.
    let ask = || json!({ "service": "BOX", "sync_source_items": false });
    let url =
        async || house.fine("/integrations/oauth_url", ask()).await["oauth_url"].as_str().unwrap().to_owned();
    let first = url().await;
    assert!(!first.starts_with(house.base.as_str()), "{first}");

    // Somebody else signs in: the person says what is to become of it.
    let jonas = Visit { person: "jonas".into(), ..Visit::default() };
    let back = jonas.answer(&first.parse().unwrap()).await.unwrap();
    let reply = client::send("GET", &here(back), &[], b"").await.unwrap();
    let done = header(&reply, "location").unwrap();
    let page = page_text(&house.follow(done.parse().unwrap()).await);
    assert!(page.contains("Somebody else signed in") && page.contains("jonas.berg@acme.example"), "{page}");
    let guessed = house.post_form(done, &[("once", "guessed"), ("keep", "yes")]).await;
    assert_eq!((guessed.status, house.sources().await.len()), (303, 1));
    house.post_form(done, &[("once", &hidden(&page)), ("keep", "yes")]).await;
    assert!(page_text(&house.follow(done.parse().unwrap()).await).contains("<h1>Connected</h1>"));
    assert_eq!(house.sources().await.len(), 2);

    let by_number = json!({ "service": "BOX", "data_source_id": source["id"], "sync_source_items": false });
    let page = house.sign_in(by_number.clone()).await;
    assert!(page_text(&page).contains("<h1>Connected</h1>"));
    assert_eq!(house.sources().await.len(), 2);
    let now =
        house.fine("/integrations/oauth_url", by_number).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(now.starts_with(house.base.as_str()), "it works again: {now}");
}
