//! Sign-ins with other scopes than the usual ones: those that the published documents name, fewer, and more.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tieline_practice::visitor::Visit;

use crate::carbon::browser::{asking, here, page_text};
use crate::carbon::elsewhere::access_token;
use crate::carbon::house::House;
use crate::stage;

const GOOGLE: &str = "https://www.googleapis.com/auth/";
const GRAPH: &str = "https://graph.microsoft.com/";

/// Lists that stand in the published documents, and lists that say nothing about who the person is.
fn lists() -> Vec<(&'static str, Vec<String>)> {
    let lists = [
        ("GMAIL", "g:gmail.readonly"),
        ("GOOGLE_DRIVE", "g:drive.readonly"),
        ("GOOGLE_DRIVE", "g:userinfo.profile g:userinfo.email g:drive.readonly g:drive.metadata.readonly"),
        ("GOOGLE_CLOUD_STORAGE", "g:devstorage.read_only"),
        ("GOOGLE_CLOUD_STORAGE", "g:userinfo.profile g:userinfo.email g:devstorage.read_only"),
        ("CONFLUENCE", "read:me read:page:confluence read:space:confluence"),
        ("CONFLUENCE", "read:page:confluence read:space:confluence"),
        ("GONG", "api:library:read api:calls:read:extensive api:calls:read:transcript"),
        ("DROPBOX", "account_info.read files.metadata.read files.content.read"),
        ("DROPBOX", "files.metadata.read files.content.read"),
        ("ONEDRIVE", "Files.Read.All offline_access openid User.Read"),
        ("ONEDRIVE", "Files.Read.All offline_access User.Read"),
        ("ONEDRIVE", "Files.Read.All"),
        ("OUTLOOK", "Mail.Read offline_access openid User.Read"),
        ("OUTLOOK", "Mail.Read offline_access User.Read"),
        ("OUTLOOK", "Mail.Read"),
        ("SHAREPOINT", "Sites.Read.All offline_access User.Read"),
        ("SALESFORCE", "id profile email address phone api refresh_token offline_access openid"),
        (
            "SLACK",
            "channels:history channels:read groups:history groups:read im:history im:read mpim:history mpim:read \
             users:read users:read.email",
        ),
    ];
    let name = |scope: &str| scope.replacen("g:", GOOGLE, usize::from(scope.starts_with("g:")));
    lists.map(|(service, list)| (service, list.split(' ').map(name).collect())).into()
}

/// What a token from elsewhere is sent with.
fn with_token(service: &str) -> Value {
    match service {
        "CONFLUENCE" => json!({ "subdomain": "acme" }),
        "SALESFORCE" => json!({ "domain": "acme.my.salesforce.com" }),
        "GOOGLE_CLOUD_STORAGE" => json!({ "bucket": "acme-reports" }),
        "SHAREPOINT" => json!({ "site_name": "Mkt" }),
        "GONG" => json!({ "gong_account_email": "maya.lind@acme.example",
            "api_base_url_for_customer": "https://company-17.api.gong.io" }),
        _ => json!({}),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_as_they_are_suffice_for_a_sign_in_a_listing_and_a_token() {
    let house = House::open().await;
    for (service, scopes) in lists() {
        let before: BTreeMap<String, String> = stage::keyring::entries(house.stage.folder.path());
        let ask = asking(&house, service, json!({ "scopes": scopes, "connecting_new_account": true }));
        let page = page_text(&house.sign_in(ask).await);
        assert!(page.contains("<h1>Connected</h1>"), "{service} {scopes:?}: {page}");
        assert!(!page.contains("less than was asked"), "{service} {scopes:?}: {page}");
        let source = house.sources().await.pop().unwrap();
        let title = source["data_source_external_id"].as_str().unwrap();
        if service == "GONG" {
            assert_eq!(title, "GONG|maya.lind@acme.example");
        }
        let account = house.account(&source);
        house.listed(&account).await;
        let tested: Value = house.stage.ask("test", json!({ "id": account.connection })).await.unwrap();
        assert_eq!(tested["row"]["state"], "working", "{service} {scopes:?}: {tested}");

        // The same as a token from elsewhere, of another customer.
        let after = stage::keyring::entries(house.stage.folder.path());
        let (_, entry) = after.iter().find(|(name, _)| !before.contains_key(*name)).unwrap();
        let token = access_token(entry);
        let mut authentication = with_token(service);
        authentication["source"] = service.into();
        authentication["access_token"] = token.into();
        let quiet = json!({ "sync_files_on_connection": false, "sync_source_items": false });
        let body = json!({ "authentication": authentication, "sync_options": quiet });
        let (status, said) = house.as_customer("noor", "POST", "/integrations/connect", body.clone()).await;
        assert_eq!(status, 200, "{service} {scopes:?}: {said}");
        let mut wrong = body;
        wrong["authentication"]["access_token"] = "wrong".into();
        let (status, said) = house.as_customer("noor", "POST", "/integrations/connect", wrong).await;
        assert!((400..500).contains(&status), "{service}: {status} {said}");

        house.fine("/revoke_access_token", json!({ "data_source_id": source["id"] })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_the_same_by_whatever_both_sign_ins_tell() {
    let house = House::open().await;
    let gmail = |more: &[&str]| {
        let scopes: Vec<String> =
            more.iter().map(|&it| it.to_owned()).chain([format!("{GOOGLE}gmail.readonly")]).collect();
        asking(&house, "GMAIL", json!({ "scopes": scopes }))
    };
    let first = house.signed_in(gmail(&[])).await;
    // More is asked for: the person signs in again, and now their number is told as well.
    for more in [["openid", "email"].as_slice(), &[]] {
        let mut ask = gmail(more);
        ask["connecting_new_account"] = more.is_empty().into();
        let page = page_text(&house.sign_in(ask).await);
        assert!(page.contains("<h1>Connected</h1>"), "{page}");
        let sources = house.sources().await;
        assert_eq!((sources.len(), &sources[0]["id"]), (1, &first["id"]), "{more:?}");
    }
    // Somebody else is not.
    let ask = gmail(&["openid", "email", "profile"]);
    let url = house.fine("/integrations/oauth_url", ask).await["oauth_url"].as_str().unwrap().to_owned();
    let jonas = Visit { person: "jonas".into(), ..Visit::default() };
    let back = jonas.answer(&url.parse().unwrap()).await.unwrap();
    assert!(page_text(&house.follow(here(back)).await).contains("Somebody else signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_asked_for_these_scopes_is_not_asked_again() {
    let house = House::open().await;
    let path = "/integrations/oauth_url";
    for (service, more) in [
        (
            "GOOGLE_DRIVE",
            json!({ "scopes": ["openid", "email", "profile", format!("{GOOGLE}drive.readonly")] }),
        ),
        ("GMAIL", json!({ "scope": "profile" })),
        (
            "ONEDRIVE",
            json!({ "scopes": ["openid", "offline_access", format!("{GRAPH}User.Read"),
            format!("{GRAPH}Files.Read.All")] }),
        ),
    ] {
        let ask = asking(&house, service, more);
        let page = page_text(&house.sign_in(ask.clone()).await);
        assert!(page.contains("<h1>Connected</h1>") && !page.contains("less than was asked"), "{page}");
        let link = house.fine(path, ask).await["oauth_url"].as_str().unwrap().to_owned();
        assert!(link.starts_with(house.base.as_str()), "{service}: {link}");
    }

    // What the person declined is not asked for until they are sent there on purpose; what is new is.
    let metadata = format!("{GOOGLE}drive.metadata.readonly");
    let ask = asking(&house, "GOOGLE_DRIVE", json!({ "scope": metadata }));
    let url = house.fine(path, ask.clone()).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(!url.starts_with(house.base.as_str()), "{url}");
    let declines = Visit { untick: vec![metadata], ..Visit::default() };
    let back = declines.answer(&url.parse().unwrap()).await.unwrap();
    assert!(page_text(&house.follow(here(back)).await).contains("less than was asked"));
    let link = house.fine(path, ask).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(link.starts_with(house.base.as_str()), "{link}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_made_by_the_published_guide_is_asked_for_what_that_names() {
    let house = House::open().await;
    let asked = async |service: &str| {
        let ask = asking(&house, service, json!({ "connecting_new_account": true }));
        let url = house.fine("/integrations/oauth_url", ask).await["oauth_url"].as_str().unwrap().to_owned();
        let url: url::Url = url.parse().unwrap();
        let scope = url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
        let mut scopes: Vec<String> = scope.split(' ').map(str::to_owned).collect();
        scopes.sort();
        scopes
    };
    for (service, named) in [
        (
            "CONFLUENCE",
            ["offline_access", "read:me", "read:page:confluence", "read:space:confluence"].as_slice(),
        ),
        ("GONG", &["api:calls:read:extensive", "api:calls:read:transcript", "api:library:read"]),
        ("ONEDRIVE", &["Files.Read.All", "User.Read", "offline_access", "openid"]),
    ] {
        assert_ne!(asked(service).await, named, "the person's own app is asked for the usual");
        let app = house.stage.practice.apps().iter().find(|app| app.provider == service).unwrap().clone();
        let callback = house.at(&format!("/integrations/{}", service.to_lowercase())).to_string();
        let labelled = json!([{ "data_source_type": service, "credentials": { "client_id": app.client_id,
            "client_secret": app.client_secret, "redirect_uri": callback } }]);
        let (status, said) = house.by_key("POST", "/white_label/create", labelled).await;
        assert_eq!(status, 200, "{said}");
        assert_eq!(asked(service).await, named);
    }
}
