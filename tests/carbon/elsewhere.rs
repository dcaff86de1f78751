//! Tokens from elsewhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::carbon::house::{House, locs, sentence};
use crate::stage;

#[tokio::test(flavor = "multi_thread")]
async fn tokens_from_elsewhere_become_data_sources() {
    let house = House::open().await;
    let path = "/integrations/connect";
    let (status, said) = house.ask(path, json!({ "authentication": { "source": "ZENDESK" } })).await;
    assert_eq!(status, 422);
    assert_eq!(
        locs(&said),
        [r#"["body","authentication","access_token"]"#, r#"["body","authentication","subdomain"]"#]
    );
    for body in [
        json!({ "source": "GITHUB", "access_token": "x", "username": "maya" }),
        json!({ "source": "S3", "access_key": "x", "access_key_secret": "y" }),
        json!({ "source": "FRESHDESK", "domain": "x", "api_key": "y" }),
    ] {
        let words = house.told(501, path, json!({ "authentication": body })).await;
        assert_eq!(words, house.told(501, "/integrations/s3", json!({})).await);
    }
    // Fields are named as this call names them.
    for (body, field) in [
        (json!({ "source": "ZENDESK", "access_token": "x", "subdomain": "support.acme.com" }), "subdomain "),
        (json!({ "source": "SALESFORCE", "access_token": "x", "domain": "no domain" }), "domain "),
        (json!({ "source": "SHAREPOINT", "access_token": "x", "tenant_name": "?" }), "tenant_name "),
    ] {
        let words = house.told(400, path, json!({ "authentication": body })).await;
        assert!(words.starts_with(field), "{words}");
    }
    // Where a company's calls lie is told with its token only, and no token goes to an address that is not Gong's.
    for (base, says) in [
        (None, "api_base_url_for_customer"),
        (Some("no address"), "no address"),
        (Some("http://company-17.api.gong.io"), "no address"),
        (Some("https://evil.example"), "evil.example"),
    ] {
        let mut gong =
            json!({ "source": "GONG", "access_token": "x", "gong_account_email": "maya@acme.example" });
        if let Some(base) = base {
            gong["api_base_url_for_customer"] = base.into();
        }
        let (status, said) = house.ask(path, json!({ "authentication": gong })).await;
        assert!((400..500).contains(&status) && sentence(&said).contains(says), "{status} {said}");
    }
    let wrong =
        json!({ "authentication": { "source": "ZENDESK", "access_token": "wrong", "subdomain": "acme" } });
    let words = house.told(403, path, wrong).await;
    assert!(words.contains("Zendesk"), "{words}");

    for (service, more) in [
        ("ZENDESK", json!({ "subdomain": "acme" })),
        ("BOX", json!({})),
        ("DROPBOX", json!({})),
        ("CONFLUENCE", json!({ "subdomain": "acme" })),
        ("SALESFORCE", json!({ "domain": "acme.my.salesforce.com" })),
        ("INTERCOM", json!({})),
        ("SLACK", json!({})),
        (
            "GONG",
            json!({
                "gong_account_email": "maya.lind@acme.example",
                "api_base_url_for_customer": "https://company-17.api.gong.io",
            }),
        ),
        ("GOOGLE_DRIVE", json!({})),
        ("GMAIL", json!({})),
        ("GOOGLE_CLOUD_STORAGE", json!({ "bucket": "acme-reports" })),
        ("ONEDRIVE", json!({ "tenant_name": "acme.onmicrosoft.com" })),
        ("OUTLOOK", json!({})),
        ("SHAREPOINT", json!({ "tenant_name": "acme.onmicrosoft.com", "site_name": "Mkt" })),
        ("SHAREPOINT", json!({ "site_name": "Mkt" })),
        ("NOTION", json!({ "workspace_id": "w-1" })),
        ("ZOTERO", json!({ "username": "maya", "zotero_id": "77", "access_token_secret": "" })),
    ] {
        let before: BTreeMap<String, String> = stage::keyring::entries(house.stage.folder.path());
        house.stage.connect(service).await;
        let after = stage::keyring::entries(house.stage.folder.path());
        let (_, entry) = after.iter().find(|(name, _)| !before.contains_key(*name)).unwrap();
        let token = access_token(entry);
        let mut body = json!({ "authentication": { "source": service, "access_token": token }, "sync_options": {
            "data_source_tags": { "by": "token" }, "sync_files_on_connection": false, "sync_source_items": false } });
        for (name, value) in more.as_object().unwrap() {
            body["authentication"][name] = value.clone();
        }
        // Its key is the second half of a signed request's pair.
        if service == "ZOTERO" {
            body["authentication"]["access_token_secret"] = token.clone().into();
        }
        let said = house.fine(path, body).await;
        assert_eq!(
            (&said["data_source"]["data_source_type"], &said["data_source"]["tags"]["by"]),
            (&json!(service), &json!("token"))
        );
        assert!(!said.to_string().contains(&token));
        assert_eq!(
            said["sync_url"].is_string(),
            ["BOX", "DROPBOX", "GOOGLE_DRIVE", "ONEDRIVE", "SHAREPOINT"].contains(&service),
            "{said}"
        );
        let synced = json!({ "data_source_id": said["data_source"]["id"] });
        house.fine("/integrations/items/sync", synced).await;
    }
}

pub fn access_token(entry: &str) -> String {
    let entry: Value = serde_json::from_str(entry).unwrap_or_else(|_| panic!("the entry is JSON"));
    ["access", "access_token", "a"].iter().find_map(|name| entry[*name].as_str()).unwrap().to_owned()
}
