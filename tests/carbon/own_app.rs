//! An organization's own apps.

use serde_json::{Value, json};
use tieline_practice::client;
use tieline_practice::visitor::Visit;
use url::Url;

use crate::carbon::browser::{asking, page_text};
use crate::carbon::house::{House, header, key, key_again, locs, sentence};
use crate::stage::keyring;

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_s_own_app_is_used_with_its_own_address() {
    let house = House::open().await;
    let stage = &house.stage;
    let callback = house.at("/integrations/google").to_string();
    stage.practice.register_redirects("GOOGLE_DRIVE", std::slice::from_ref(&callback)).await;
    let app = stage.practice.apps().iter().find(|app| app.provider == "GOOGLE_DRIVE").unwrap().clone();
    let secret = app.client_secret.clone().unwrap();
    let labelled = json!([{ "data_source_type": "GOOGLE_DRIVE", "credentials": {
        "client_id": app.client_id, "client_secret": secret, "redirect_uri": callback, "api_key": "browser" } }]);
    let (status, made) = house.by_key("POST", "/white_label/create", labelled.clone()).await;
    assert_eq!(status, 200, "{made}");
    assert!(made.is_object() && !made.to_string().contains(&secret), "{made}");
    let (status, said) = house.by_key("POST", "/white_label/create", labelled.clone()).await;
    assert_eq!(status, 400, "{said}");
    let (status, listed) = house.by_key("POST", "/white_label/list", json!({})).await;
    assert_eq!((status, &listed["count"]), (200, &json!(1)));
    assert!(!listed.to_string().contains(&secret) && !listed.to_string().contains("browser"));
    let credentials = &listed["results"][0]["credentials"];
    assert_eq!(
        (&credentials["redirect_uri"], &credentials["has_client_secret"]),
        (&json!(callback), &json!(true))
    );
    assert_eq!((&credentials["client_secret"], &credentials["has_api_key"]), (&Value::Null, &json!(true)));
    let keeps_key = |house: &House| {
        keyring::entries(house.stage.folder.path()).values().any(|secret| secret.as_str() == "browser")
    };
    assert!(keeps_key(&house));

    // All or none.
    let one = |service: &str, id: &str| json!({ "data_source_type": service, "credentials": { "client_id": id, "redirect_uri": callback } });
    for all in [
        json!([one("DROPBOX", "first"), one("BOX", "two words")]),
        json!([one("DROPBOX", "first"), one("DROPBOX", "second")]),
    ] {
        let (status, said) = house.by_key("POST", "/white_label/create", all).await;
        assert_eq!(status, 400, "{said}");
        sentence(&said);
        assert_eq!(house.by_key("POST", "/white_label/list", json!({})).await.1["count"], 1);
    }

    // Sent verbatim; the answer comes to this server, and its code does not stay in the address bar.
    let url = house.fine("/integrations/oauth_url", asking(&house, "GOOGLE_DRIVE", json!({}))).await;
    let url: Url = url["oauth_url"].as_str().unwrap().parse().unwrap();
    assert_eq!(url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1, callback);
    let back = Visit::default().answer(&url).await.unwrap();
    assert!(back.as_str().starts_with(&callback));
    let reply = client::send("GET", &back, &[], b"").await.unwrap();
    assert_eq!(reply.status, 303);
    assert!(!header(&reply, "location").unwrap().contains("code="));
    let page = house.follow(back.join(header(&reply, "location").unwrap()).unwrap()).await;
    assert!(page_text(&page).contains("<h1>Connected</h1>"), "{}", page_text(&page));
    // The same answer a second time is nobody's.
    assert_eq!(client::send("GET", &back, &[], b"").await.unwrap().status, 400);

    // Another organization has none of it.
    let other = House { key: key(stage, "Other").await, ..house };
    let (_, listed) = other.by_key("POST", "/white_label/list", json!({})).await;
    assert_eq!(listed["count"], 0);
    let (status, _) =
        other.by_key("POST", "/white_label/delete", json!({ "ids": [made["results"][0]["id"]] })).await;
    assert_eq!(status, 404);
    let (status, _) = other.by_key("POST", "/white_label/update", labelled[0].clone()).await;
    assert_eq!(status, 404);
    let house = House { key: key_again(&other.stage, "Acme").await, ..other };
    let mut changed = labelled[0].clone();
    changed["credentials"]["redirect_uri"] = "https://acme.example/integrations/google".into();
    let (status, said) = house.by_key("POST", "/white_label/update", changed).await;
    assert_eq!(
        (status, &said["credentials"]["redirect_uri"]),
        (200, &json!("https://acme.example/integrations/google"))
    );
    let ids = json!({ "ids": [made["results"][0]["id"]] });
    assert_eq!(house.by_key("POST", "/white_label/delete", ids).await.1, json!({ "success": true }));
    assert_eq!(house.by_key("POST", "/white_label/list", json!({})).await.1["count"], 0);
    assert!(!keeps_key(&house));
    let (status, said) =
        house.by_key("POST", "/white_label/create", json!([{ "data_source_type": "S3" }])).await;
    assert_eq!((status, locs(&said)[0].as_str()), (422, r#"["body",0,"data_source_type"]"#));
}
