//! Sign-ins for all seventeen services: every field, scopes, what the person is asked for, and what fails.

use serde_json::{Value, json};
use tieline_engine::wire::FlowStep;
use tieline_practice::client;
use tieline_practice::visitor::Visit;
use url::Url;

use crate::carbon::browser::{asking, here, hidden, page_text};
use crate::carbon::house::{House, header, locs};

const SERVICES: [&str; 17] = [
    "BOX",
    "CONFLUENCE",
    "DROPBOX",
    "GMAIL",
    "GOOGLE_DRIVE",
    "GOOGLE_CLOUD_STORAGE",
    "INTERCOM",
    "NOTION",
    "ONEDRIVE",
    "OUTLOOK",
    "SALESFORCE",
    "SHAREPOINT",
    "SLACK",
    "ZENDESK",
    "ZOTERO",
    "GONG",
    "SERVICENOW",
];

#[tokio::test(flavor = "multi_thread")]
async fn all_seventeen_services_are_connected_listed_and_synced() {
    let house = House::open().await;
    let callback = house.at("/integrations/servicenow").to_string();
    house.stage.practice.register_redirects("SERVICENOW", std::slice::from_ref(&callback)).await;
    for service in SERVICES {
        let more = json!({ "data_source_tags": { "team": "red" }, "tags": { "a": 1 } });
        let source = house.signed_in(asking(&house, service, more)).await;
        assert_eq!(source["data_source_type"], service);
        assert_eq!(source["organization_supplied_user_id"], "maya");
        assert_eq!(source["tags"], json!({ "team": "red" }));
        assert_eq!((&source["revoked_access"], &source["token"]), (&json!(false), &Value::Null));
        assert_eq!(source["last_sync_action"], "ADD");
        if service != "ZOTERO" {
            // Which brings everything, whatever a sign-in asks for.
            assert_eq!(source["source_items_synced_at"], Value::Null, "{service}");
        }
        for key in ["created_at", "updated_at", "last_synced_at"] {
            assert!(source[key].as_str().unwrap().ends_with("00Z"), "{source}");
        }
        let parts: Vec<String> =
            source["data_source_external_id"].as_str().unwrap().split('|').map(str::to_owned).collect();
        let domain = match service {
            "ZENDESK" => Some("acme"),
            "SALESFORCE" => Some("acme.my.salesforce.com"),
            "SHAREPOINT" => Some("acme.onmicrosoft.com/Mkt"),
            "CONFLUENCE" => Some("wiki/acme"),
            "SERVICENOW" => Some("acme.service-now.com"),
            _ => None,
        };
        assert_eq!((parts[0].as_str(), parts.get(2).map(String::as_str)), (service, domain), "{source}");
        assert!(!parts[1].is_empty());

        let synced = house.fine("/integrations/items/sync", json!({ "data_source_id": source["id"] })).await;
        assert_eq!((&synced["id"], &synced["last_sync_action"]), (&source["id"], &json!("UPDATE")));
        house.idle(&house.account(&source)).await;
        let now = house.sources().await.into_iter().find(|it| it["id"] == source["id"]).unwrap();
        assert_eq!(now["sync_status"], "READY", "{now}");
        assert!(now["source_items_synced_at"].is_string(), "{now}");
    }
    let all = house.sources().await;
    assert_eq!(all.len(), 17);
    let (_, organization) =
        house.by_key("POST", "/data_sources", json!({ "pagination": { "limit": 3 } })).await;
    assert_eq!((organization["results"].as_array().unwrap().len(), &organization["count"]), (3, &json!(17)));
    let key = format!("Bearer {}", house.key);
    let headers = [("authorization", key.as_str()), ("customer-id", "maya")];
    let (_, active) = house.with("GET", "/integrations/", &headers, &Value::Null).await;
    assert_eq!(active["active_integrations"].as_array().unwrap().len(), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_sign_in_is_checked_and_kept() {
    let house = House::open().await;
    let path = "/integrations/oauth_url";
    let (status, said) = house.ask(path, json!({})).await;
    assert_eq!((status, locs(&said)), (422, vec![r#"["body","service"]"#.to_owned()]));
    for (field, bad) in [
        ("service", json!("zendesk")),
        ("service", json!("FRESHDESK")),
        ("connecting_new_account", json!("yes")),
        ("data_source_id", json!("one")),
        ("scopes", json!("a")),
        ("scopes", Value::Null),
        ("data_source_tags", json!([])),
        ("request_id", json!(1)),
        ("chunk_size", json!("large")),
        ("chunk_overlap", json!(-1)),
        ("skip_embedding_generation", json!(1)),
        ("embedding_model", json!("GPT")),
        ("max_items_per_chunk", json!(0)),
        ("set_page_as_boundary", Value::Null),
        ("sync_source_items", Value::Null),
        ("incremental_sync", json!("no")),
        ("enable_file_picker", json!(0)),
        ("file_sync_config", json!([])),
        ("zendesk_subdomain", json!(5)),
        ("servicenow_credentials", json!("x")),
    ] {
        let mut body = json!({ "service": "ZENDESK", "zendesk_subdomain": "acme" });
        body[field] = bad.clone();
        let (status, said) = house.ask(path, body).await;
        assert_eq!((status, locs(&said)), (422, vec![format!(r#"["body","{field}"]"#)]), "{field}: {bad}");
    }
    let nested = json!({ "service": "BOX", "file_sync_config": { "auto_synced_source_types": ["ARTICLE", "X"],
        "parsed_text_format": "HTML" }, "servicenow_credentials": { "client_id": "a" } });
    let (_, said) = house.ask(path, nested).await;
    assert_eq!(
        locs(&said),
        [
            r#"["body","servicenow_credentials","instance_subdomain"]"#,
            r#"["body","servicenow_credentials","client_secret"]"#,
            r#"["body","servicenow_credentials","redirect_uri"]"#,
            r#"["body","file_sync_config","auto_synced_source_types",1]"#,
            r#"["body","file_sync_config","parsed_text_format"]"#,
        ]
    );

    // Own fields that are missing or wrong are named to the person.
    for (service, field) in [
        ("ZENDESK", "zendesk_subdomain"),
        ("SALESFORCE", "salesforce_domain"),
        ("SHAREPOINT", "microsoft_tenant"),
        ("GONG", "gong_account_email"),
        ("SERVICENOW", "servicenow_credentials"),
    ] {
        let words = house.told(400, path, json!({ "service": service })).await;
        assert!(words.contains(field), "{words}");
    }
    let words =
        house.told(400, path, json!({ "service": "ZENDESK", "zendesk_subdomain": "support.acme.com" })).await;
    assert!(words.starts_with("zendesk_subdomain"), "{words}");

    let body = json!({
        "service": "ZENDESK", "zendesk_subdomain": "https://acme.zendesk.com/", "connecting_new_account": null,
        "tags": { "a": "b" }, "data_source_tags": { "c": "d" }, "request_id": "cc-1", "chunk_size": 900, "chunk_overlap": null,
        "skip_embedding_generation": true, "embedding_model": "OPENAI_ADA_SMALL_512", "generate_sparse_vectors": true,
        "prepend_filename_to_chunks": true, "max_items_per_chunk": 7, "set_page_as_boundary": true, "use_ocr": true,
        "parse_pdf_tables_with_ocr": true, "sync_files_on_connection": false, "sync_source_items": false,
        "incremental_sync": true, "enable_file_picker": false, "automatically_open_file_picker": true, "scopes": [],
        "file_sync_config": { "auto_synced_source_types": ["TICKET"], "sync_attachments": true, "split_rows": null,
            "transcription_service": "deepgram", "store_file_only": true },
        "css_selectros_to_skip": ["x"],
    });
    let source = house.signed_in(body).await;
    let kept =
        house.stage.app.programs().data_source(source["id"].as_i64().unwrap()).unwrap().unwrap().options;
    let kept = serde_json::to_value(kept).unwrap();
    for (field, value) in [
        ("tags", json!({ "a": "b" })),
        ("request_id", json!("cc-1")),
        ("chunk_size", json!(900)),
        ("chunk_overlap", json!(20)),
        ("skip_embedding_generation", json!(true)),
        ("embedding_model", json!("OPENAI_ADA_SMALL_512")),
        ("generate_sparse_vectors", json!(true)),
        ("prepend_filename_to_chunks", json!(true)),
        ("max_items_per_chunk", json!(7)),
        ("set_page_as_boundary", json!(true)),
        ("use_ocr", json!(true)),
        ("parse_pdf_tables_with_ocr", json!(true)),
        ("sync_files_on_connection", json!(false)),
        ("sync_source_items", json!(false)),
        ("incremental_sync", json!(true)),
        ("enable_file_picker", json!(false)),
        ("automatically_open_file_picker", json!(true)),
    ] {
        assert_eq!(kept[field], value, "{field}");
    }
    let config = &kept["file_sync_config"];
    assert_eq!(
        (&config["auto_synced_source_types"], &config["split_rows"]),
        (&json!(["TICKET"]), &json!(false))
    );
    assert_eq!(
        (&config["transcription_service"], &config["store_file_only"]),
        (&json!("deepgram"), &json!(true))
    );

    // The other revision has no request id, scopes or tags of the data source: one is made, the others are the usual.
    let url = house.fine(path, json!({ "service": "BOX" })).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(url.contains("state="), "{url}");
    let flows: Vec<tieline_engine::wire::Flow> = house.stage.ask("flows", json!({})).await.unwrap();
    assert!(flows.iter().any(|flow| flow.provider == "BOX" && flow.step == FlowStep::Waiting));
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_taken_exactly_and_one_more_is_added() {
    let house = House::open().await;
    let scopes = async |body: Value| {
        let url = house.fine("/integrations/oauth_url", body).await["oauth_url"].as_str().unwrap().to_owned();
        let url: Url = url.parse().unwrap();
        let scope = url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned();
        let mut scopes: Vec<String> = scope.split(' ').map(str::to_owned).collect();
        scopes.sort();
        scopes
    };
    let usual = scopes(json!({ "service": "DROPBOX", "scopes": [] })).await;
    assert!(usual.len() > 2, "{usual:?}");
    let exact = json!({ "service": "DROPBOX", "scopes": ["files.metadata.read", "account_info.read"] });
    assert_eq!(scopes(exact).await, ["account_info.read", "files.metadata.read"]);
    let more = scopes(json!({ "service": "DROPBOX", "scope": "sharing.read" })).await;
    assert!(
        more.contains(&"sharing.read".to_owned()) && more.contains(&"files.content.read".to_owned()),
        "{more:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_is_asked_for_what_no_field_names() {
    let house = House::open().await;
    let ask = asking(&house, "GOOGLE_CLOUD_STORAGE", json!({}));
    let url = house.fine("/integrations/oauth_url", ask).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(house.at("/integrations/ask/").as_str()), "{url}");
    let form = page_text(&client::send("GET", &url.parse().unwrap(), &[], b"").await.unwrap());
    let wrong =
        page_text(&house.post_form(&url, &[("once", &hidden(&form)), ("bucket", "\"><b>No bucket")]).await);
    assert!(wrong.contains("aria-invalid") && wrong.contains("not the name of a bucket"), "{wrong}");
    assert!(wrong.contains("&quot;&gt;&lt;b&gt;No bucket") && !wrong.contains("<b>"), "{wrong}");
    let guessed = page_text(&house.post_form(&url, &[("once", "guessed"), ("bucket", "acme-reports")]).await);
    assert!(guessed.contains("name=\"once\"") && !guessed.contains("0;url="), "{guessed}");
    let to = house.fill(&url, "gs://acme-reports/2027").await;
    let back = Visit::default().answer(&to.parse().unwrap()).await.unwrap();
    assert!(page_text(&house.follow(here(back)).await).contains("<h1>Connected</h1>"));
    let source = house.sources().await.remove(0);
    let kept = house.stage.app.programs().data_source(source["id"].as_i64().unwrap()).unwrap().unwrap();
    assert_eq!((kept.inputs["bucket"].as_str(), kept.inputs["prefix"].as_str()), ("acme-reports", "2027"));

    // A program that knows the bucket may name it.
    let ask = asking(
        &house,
        "GOOGLE_CLOUD_STORAGE",
        json!({ "bucket": "acme-reports", "connecting_new_account": true }),
    );
    let url = house.fine("/integrations/oauth_url", ask).await["oauth_url"].as_str().unwrap().to_owned();
    assert!(!url.starts_with(house.base.as_str()), "{url}");
    assert_eq!(house.send("GET", "/integrations/ask/0000", &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_says_what_happened_and_what_to_do() {
    let house = House::open().await;
    let body = json!({ "service": "ZENDESK", "zendesk_subdomain": "acme" });
    let url =
        house.fine("/integrations/oauth_url", body).await["oauth_url"].as_str().unwrap().parse().unwrap();
    let declined = Visit { cancel: true, ..Visit::default() }.answer(&url).await.unwrap();
    let page = page_text(&house.follow(here(declined.clone())).await);
    assert!(page.contains("<h1>Not connected</h1>") && page.contains("press Connect"), "{page}");
    assert!(house.sources().await.is_empty());

    // An answer that nobody waits for changes nothing, and what it brought is not shown.
    let reply = house.send("GET", "/integrations/zendesk?code=canary&state=canary", &[], "").await;
    assert_eq!(reply.status, 400);
    assert!(!page_text(&reply).contains("canary") && page_text(&reply).contains("Unexpected return"));
    let policy = header(&reply, "content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(header(&reply, "cache-control"), Some("no-store"));
    assert_eq!(house.send("GET", "/integrations/nowhere?code=a&state=b", &[], "").await.status, 404);
    assert_eq!(house.send("GET", "/integrations/done/x/unknown", &[], "").await.status, 404);

    // No app: what to do is said.
    let stage = &house.stage;
    let _: Value = stage.ask("forget_app", json!({ "provider": "DROPBOX" })).await.unwrap();
    house.told(400, "/integrations/oauth_url", json!({ "service": "DROPBOX" })).await;
}
