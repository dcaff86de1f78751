//! Contract 1 over HTTP, against practice providers: who is let in, sign-ins for all seventeen services, links for those who
//! are connected, the picker, tokens from elsewhere, data sources, an organization's own apps, webhooks. What is read of
//! files stands in `carbon_files.rs`.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use crate::stage;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stage::Stage;
use stage::place::{Place, Served};
use stage::session::Session;
use tieline_engine::wire::{AddedKey, FlowStep, SyncState};
use tieline_http::{ServeOptions, Server};
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use tieline_practice::{Fault, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

/// The server over a stage, and a key of an organization.
struct House {
    stage: Stage,
    server: Server,
    base: Url,
    key: String,
}

impl House {
    async fn open() -> Self {
        let stage = Stage::open().await;
        take_own_port(&stage).await;
        let options = ServeOptions { session: true, ..ServeOptions::default() };
        let server = tieline_http::serve(stage.app.clone(), options).await.unwrap();
        let base = format!("http://127.0.0.1:{}/", server.port()).parse().unwrap();
        let key = key(&stage, "Acme").await;
        Self { stage, server, base, key }
    }

    fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        client::send(method, &self.at(path), headers, body.as_bytes()).await.unwrap()
    }

    /// A request with headers, and its answer's status and JSON.
    async fn with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.send(method, path, headers, &body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    async fn as_customer(&self, customer: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", key.as_str()),
            ("customer-id", customer),
            ("content-type", "application/json"),
        ];
        self.with("POST", path, &headers, &body).await
    }

    /// As the customer that most tests act for.
    async fn ask(&self, path: &str, body: Value) -> (u16, Value) {
        self.as_customer("maya", path, body).await
    }

    async fn fine(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.ask(path, body).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    /// Refused with this status and a sentence.
    async fn told(&self, status: u16, path: &str, body: Value) -> String {
        let (got, said) = self.ask(path, body).await;
        assert_eq!(got, status, "{path}: {said}");
        sentence(&said)
    }

    async fn by_key(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        self.with(method, path, &[("authorization", key.as_str())], &body).await
    }

    async fn sources(&self) -> Vec<Value> {
        let body = json!({ "pagination": { "limit": 250 }, "order_by": "created_at", "order_dir": "asc" });
        let said = self.fine("/user_data_sources", body).await;
        let results = said["results"].as_array().unwrap().clone();
        assert_eq!(said["count"], results.len());
        results
    }

    /// Asks for a sign-in, answers the provider's page, and goes where the browser goes. Yields the last page.
    async fn sign_in(&self, body: Value) -> Reply {
        let url = self.fine("/integrations/oauth_url", body).await["oauth_url"].as_str().unwrap().to_owned();
        let url =
            if url.starts_with(self.base.as_str()) { self.fill(&url, "acme-reports").await } else { url };
        let back = Visit::default().answer(&url.parse().unwrap()).await.unwrap();
        self.follow(here(back)).await
    }

    /// Answers the page that asks the person for a bucket. Yields where it goes on.
    async fn fill(&self, url: &str, bucket: &str) -> String {
        let form = page_text(&client::send("GET", &url.parse().unwrap(), &[], b"").await.unwrap());
        assert!(form.contains("<label for=\"bucket\">Bucket</label>"), "{form}");
        let reply = self.post_form(url, &[("once", &hidden(&form)), ("bucket", bucket)]).await;
        let page = page_text(&reply);
        let to = page.split("content=\"0;url=").nth(1).unwrap_or_else(|| panic!("{page}"));
        to.split('"').next().unwrap().replace("&amp;", "&")
    }

    async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        client::send("POST", &self.base.join(url).unwrap(), &headers, body.as_bytes()).await.unwrap()
    }

    /// Goes to an address of this computer, and on from there.
    async fn follow(&self, mut url: Url) -> Reply {
        for _ in 0..40 {
            let reply = client::send("GET", &url, &[("accept", "text/html")], b"").await.unwrap();
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            match header(&reply, "location") {
                Some(to) => url = url.join(&to).unwrap(),
                None if text.contains("http-equiv=\"refresh\"") => {}
                None => return reply,
            }
        }
        panic!("the browser goes in circles at {url}");
    }

    async fn connect(&self, body: Value) -> Value {
        let before = self.sources().await.len();
        let page = self.sign_in(body).await;
        assert!(page_text(&page).contains("<h1>Connected</h1>"), "{}", page_text(&page));
        let sources = self.sources().await;
        assert_eq!(sources.len(), before + 1);
        sources.last().unwrap().clone()
    }

    async fn zendesk(&self) -> Value {
        self.connect(
            json!({ "service": "ZENDESK", "zendesk_subdomain": "acme", "sync_files_on_connection": false }),
        )
        .await
    }

    async fn connection_of(&self, source: &Value) -> String {
        let number = source["id"].as_i64().unwrap();
        self.stage.app.programs().data_source(number).unwrap().unwrap().connection
    }

    async fn idle(&self, connection: &str) -> SyncState {
        for _ in 0..600 {
            let state: SyncState = self.stage.ask("sync_state", json!({ "id": connection })).await.unwrap();
            if !state.running && state.ended_at.is_some() {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sync did not end");
    }
}

/// Lets the sign-ins of a stage come back to a port that no other program uses, and registers it everywhere.
async fn take_own_port(stage: &Stage) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let port = free.unwrap().port();
    stage.set("loopback_port", json!(port)).await;
    for provider in stage.app.programs().published() {
        let at = |host: &str| format!("http://{host}:{port}/integrations/{}", provider.callback);
        stage.practice.register_redirects(&provider.id, &[at("127.0.0.1"), at("localhost")]).await;
    }
}

async fn key(stage: &Stage, name: &str) -> String {
    let added: AddedKey = stage.ask("add_key", json!({ "name": name, "per_minute": 0 })).await.unwrap();
    added.secret
}

fn header(reply: &Reply, name: &str) -> Option<String> {
    reply.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone())
}

fn page_text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// What a person reads.
fn sentence(said: &Value) -> String {
    let words = said["detail"].as_str().unwrap_or_else(|| panic!("no sentence: {said}")).to_owned();
    assert!(words.contains(' ') && words.ends_with(['.', '}']), "no sentence: {words:?}");
    assert!(!words.contains("did not expect"), "{words}");
    words
}

/// Where a relay page would send the browser: to the listener that the state names.
fn here(mut back: Url) -> Url {
    if let Some(path) = back.path().strip_prefix("/relay").map(str::to_owned) {
        let state = back.query_pairs().find(|(name, _)| name == "state").map(|(_, it)| it.into_owned());
        let state = state.unwrap_or_else(|| panic!("no listener is named in {}", back.path()));
        let port = state.rsplit_once(".p").unwrap_or_else(|| panic!("{back}")).1.parse().unwrap();
        back.set_path(&path);
        back.set_port(Some(port)).unwrap();
    }
    back
}

fn locs(said: &Value) -> Vec<String> {
    let faults = said["detail"].as_array().unwrap_or_else(|| panic!("no faults: {said}"));
    for fault in faults {
        assert!(fault["msg"].is_string() && fault["type"].is_string(), "{fault}");
    }
    faults.iter().map(|it| it["loc"].to_string()).collect()
}

/// What each service needs besides its name.
fn own_fields(service: &str, base: &Url) -> Value {
    match service {
        "ZENDESK" => json!({ "zendesk_subdomain": "acme" }),
        "CONFLUENCE" => json!({ "confluence_subdomain": "acme" }),
        "SALESFORCE" => json!({ "salesforce_domain": "acme.my.salesforce.com" }),
        "SHAREPOINT" => json!({ "microsoft_tenant": "acme.onmicrosoft.com", "sharepoint_site_name": "Mkt" }),
        "ONEDRIVE" | "OUTLOOK" => json!({ "microsoft_tenant": "acme.onmicrosoft.com" }),
        "GONG" => json!({ "gong_account_email": "maya.lind@acme.example" }),
        "SERVICENOW" => json!({ "servicenow_credentials": {
            "instance_subdomain": "acme",
            "client_id": "",
            "client_secret": "",
            "redirect_uri": base.join("integrations/servicenow").unwrap(),
        }}),
        _ => json!({}),
    }
}

fn asking(house: &House, service: &str, more: Value) -> Value {
    let mut body =
        json!({ "service": service, "sync_files_on_connection": false, "sync_source_items": false });
    let own = own_fields(service, &house.base);
    for (name, value) in own.as_object().unwrap().iter().chain(more.as_object().unwrap()) {
        body[name] = value.clone();
    }
    if service == "SERVICENOW" {
        let app = house.stage.practice.apps().iter().find(|app| app.provider == service).unwrap();
        body["servicenow_credentials"]["client_id"] = app.client_id.clone().into();
        body["servicenow_credentials"]["client_secret"] = app.client_secret.clone().into();
    }
    body
}

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
async fn a_key_with_its_customer_or_a_temporary_token_lets_in_and_nothing_else_does() {
    let house = House::open().await;
    let (key, body) = (format!("Bearer {}", house.key), json!({}));
    let path = "/user_data_sources";
    assert_eq!(house.with("GET", "/health", &[], &Value::Null).await.0, 200);

    let post = async |headers: &[(&str, &str)]| house.with("POST", path, headers, &body).await;
    for refused in [
        vec![],
        vec![("authorization", "Bearer tlk_wrong"), ("customer-id", "maya")],
        vec![("authorization", "Token tlt_wrong")],
        vec![("authorization", house.key.as_str()), ("customer-id", "maya")],
        vec![("authorization", key.as_str())],
        vec![("authorization", key.as_str()), ("customer-id", "  ")],
    ] {
        let (status, said) = post(&refused).await;
        assert_eq!(status, 401, "{refused:?}: {said}");
        sentence(&said);
    }
    assert!(sentence(&post(&[("authorization", key.as_str())]).await.1).contains("customer-id"));
    // Faults of the body are told to nobody who is not let in.
    assert_eq!(house.with("POST", "/integrations/oauth_url", &[], &body).await.0, 401);

    let lower = key.replace("Bearer", "bEARER");
    assert_eq!(post(&[("authorization", &lower), ("customer-id", "maya")]).await.0, 200);

    let (status, said) = house
        .with(
            "GET",
            "/auth/v1/access_token",
            &[("authorization", &key), ("customer-id", "maya")],
            &Value::Null,
        )
        .await;
    assert_eq!(status, 200, "{said}");
    assert!(said["refresh_token"].is_string());
    let token = said["access_token"].as_str().unwrap().to_owned();
    for scheme in ["Token", "token"] {
        assert_eq!(post(&[("authorization", &format!("{scheme} {token}"))]).await.0, 200);
    }
    // Several headers, and several in one, are judged one by one.
    let (wrong, right) = ("Token tlt_old".to_owned(), format!("Token {token}"));
    assert_eq!(post(&[("authorization", &wrong), ("authorization", &right)]).await.0, 200);
    assert_eq!(
        post(&[("authorization", &wrong), ("authorization", &key), ("customer-id", "maya")]).await.0,
        200
    );
    assert_eq!(post(&[("authorization", &format!("{wrong}, {right}"))]).await.0, 200);

    // A token stands for one customer: it makes no other token, and asks nothing about the organization.
    let more = [("authorization", right.as_str()), ("customer-id", "noor")];
    assert_eq!(house.with("GET", "/auth/v1/access_token", &more, &Value::Null).await.0, 401);
    assert_eq!(house.with("POST", "/data_sources", &more, &body).await.0, 401);
    assert_eq!(house.by_key("POST", "/data_sources", body.clone()).await.0, 200);
    let (status, said) =
        house.with("GET", "/auth/v1/white_labeling", &[("authorization", &right)], &Value::Null).await;
    assert_eq!(
        (status, &said["remove_branding"], &said["connector_settings"]),
        (200, &json!(false), &json!({}))
    );

    house.stage.pass(10 * 3600 + 1).await;
    assert_eq!(post(&[("authorization", &right)]).await.0, 401);

    // The person's own key is no organization's.
    let own = format!("Bearer {}", house.server.url().rsplit_once('=').unwrap().1);
    assert_eq!(post(&[("authorization", &own), ("customer-id", "maya")]).await.0, 403);
    // A key without the contracts.
    let added: AddedKey =
        house.stage.ask("add_key", json!({ "name": "Looker", "operations": ["look"] })).await.unwrap();
    let looker = format!("Bearer {}", added.secret);
    assert_eq!(post(&[("authorization", &looker), ("customer-id", "maya")]).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_say_how_long_to_wait() {
    let house = House::open().await;
    let added: AddedKey = house.stage.ask("add_key", json!({ "name": "Usual" })).await.unwrap();
    let key = format!("Bearer {}", added.secret);
    let mut refused = None;
    for _ in 0..120 {
        let reply = house.send("POST", "/webhooks", &[("authorization", &key)], "{}").await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 429);
    assert!(header(&refused, "retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(sentence(&serde_json::from_slice(&refused.body).unwrap()).contains("second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_no_route_makes_speak_the_same_dialect() {
    let house = House::open().await;
    let key = format!("Bearer {}", house.key);
    let headers = [("authorization", key.as_str()), ("customer-id", "maya")];
    for (method, path, status) in [("POST", "/no_such_route", 404), ("GET", "/user_data_sources", 405)] {
        let (got, said) = house.with(method, path, &headers, &Value::Null).await;
        assert_eq!(got, status, "{said}");
        sentence(&said);
    }
    let reply = house.send("POST", "/user_data_sources", &headers, "{\"filters\":").await;
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &said["detail"][0]["type"]), (422, &json!("value_error.jsondecode")));
    for path in
        ["/embeddings", "/uploadfile", "/web_scrape", "/integrations/s3", "/integrations/data/crm/accounts"]
    {
        house.told(501, path, json!({})).await;
        assert_eq!(house.with("POST", path, &[], &json!({})).await.0, 401, "{path}");
    }
    let (status, said) = house.with("GET", "/integrations/github/repos", &headers, &Value::Null).await;
    assert_eq!(status, 501, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_seventeen_services_are_connected_listed_and_synced() {
    let house = House::open().await;
    let callback = house.at("/integrations/servicenow").to_string();
    house.stage.practice.register_redirects("SERVICENOW", std::slice::from_ref(&callback)).await;
    for service in SERVICES {
        let more = json!({ "data_source_tags": { "team": "red" }, "tags": { "a": 1 } });
        let source = house.connect(asking(&house, service, more)).await;
        assert_eq!(source["data_source_type"], service);
        assert_eq!(source["organization_supplied_user_id"], "maya");
        assert_eq!(source["tags"], json!({ "team": "red" }));
        assert_eq!((&source["revoked_access"], &source["token"]), (&json!(false), &Value::Null));
        assert_eq!(source["last_sync_action"], "ADD");
        assert_eq!(source["source_items_synced_at"], Value::Null, "{service}");
        for key in ["created_at", "updated_at", "last_synced_at"] {
            assert!(source[key].as_str().unwrap().ends_with("00Z"), "{source}");
        }
        let parts: Vec<String> =
            source["data_source_external_id"].as_str().unwrap().split('|').map(str::to_owned).collect();
        let domain = match service {
            "ZENDESK" => Some("acme"),
            "SALESFORCE" => Some("acme.my.salesforce.com"),
            "SHAREPOINT" => Some("acme.onmicrosoft.com/Mkt"),
            "CONFLUENCE" => Some("wiki/acme.atlassian.net"),
            "SERVICENOW" => Some("acme.service-now.com"),
            _ => None,
        };
        assert_eq!((parts[0].as_str(), parts.get(2).map(String::as_str)), (service, domain), "{source}");
        assert!(!parts[1].is_empty());

        let synced = house.fine("/integrations/items/sync", json!({ "data_source_id": source["id"] })).await;
        assert_eq!((&synced["id"], &synced["last_sync_action"]), (&source["id"], &json!("UPDATE")));
        house.idle(&house.connection_of(&source).await).await;
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
    let source = house.connect(body).await;
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
async fn who_is_connected_gets_a_link_that_goes_on_once() {
    let house = House::open().await;
    let path = "/integrations/oauth_url";
    let first = house.connect(asking(&house, "BOX", json!({}))).await;

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
    let state = house.idle(&house.connection_of(&first).await).await;
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
        house.as_customer("noor", path, json!({ "service": "BOX", "data_source_id": number })).await;
    assert_eq!(status, 404);
    assert_eq!(sentence(&foreign).replace(&number.to_string(), "999"), unknown);

    // A new account is a new sign-in, whoever is connected; another customer is not connected at all.
    let is_ours = |said: &Value| said["oauth_url"].as_str().unwrap().starts_with(house.base.as_str());
    assert!(!is_ours(&house.fine(path, json!({ "service": "BOX", "connecting_new_account": true })).await));
    let (_, said) = house.as_customer("noor", path, json!({ "service": "BOX" })).await;
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
    let (status, _) = house.as_customer("noor", path, ask("acme", false)).await;
    assert_eq!(status, 200);
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
    assert_eq!(header(&reply, "cache-control").as_deref(), Some("no-store"));
    assert_eq!(house.send("GET", "/integrations/nowhere?code=a&state=b", &[], "").await.status, 404);
    assert_eq!(house.send("GET", "/integrations/done/x/unknown", &[], "").await.status, 404);

    // No app: what to do is said.
    let stage = &house.stage;
    let _: Value = stage.ask("forget_app", json!({ "provider": "DROPBOX" })).await.unwrap();
    house.told(400, "/integrations/oauth_url", json!({ "service": "DROPBOX" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_has_ended_is_renewed_and_somebody_else_is_asked_about() {
    let house = House::open().await;
    let source = house.connect(asking(&house, "BOX", json!({}))).await;
    let connection = house.connection_of(&source).await;
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
    let guessed = house.post_form(&done, &[("once", "guessed"), ("keep", "yes")]).await;
    assert_eq!((guessed.status, house.sources().await.len()), (303, 1));
    house.post_form(&done, &[("once", &hidden(&page)), ("keep", "yes")]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_is_told_with_503() {
    let (mut session, place) = (Session::open(), Place::open().await);
    session.start_keyring(false).await;
    let served = Served::start(session.within(place.command(&["serve", "--port", "0"]))).await;
    let added = served.call("add_key", json!({ "name": "Acme" })).await.unwrap();
    let key = format!("Bearer {}", added["secret"].as_str().unwrap());
    let url = served.address("/integrations/oauth_url");
    let headers =
        [("authorization", key.as_str()), ("customer-id", "maya"), ("content-type", "application/json")];
    let reply = client::send("POST", &url, &headers, br#"{"service": "BOX"}"#).await.unwrap();
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(reply.status, 503, "{said}");
    assert!(sentence(&said).contains("nlock"), "{said}");
}

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
    assert_eq!(credentials["client_secret"], Value::Null);

    // Sent verbatim; the answer comes to this server, and its code does not stay in the address bar.
    let url = house.fine("/integrations/oauth_url", asking(&house, "GOOGLE_DRIVE", json!({}))).await;
    let url: Url = url["oauth_url"].as_str().unwrap().parse().unwrap();
    assert_eq!(url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1, callback);
    let back = Visit::default().answer(&url).await.unwrap();
    assert!(back.as_str().starts_with(&callback));
    let reply = client::send("GET", &back, &[], b"").await.unwrap();
    assert_eq!(reply.status, 303);
    assert!(!header(&reply, "location").unwrap().contains("code="));
    let page = house.follow(back.join(&header(&reply, "location").unwrap()).unwrap()).await;
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
    let (status, said) =
        house.by_key("POST", "/white_label/create", json!([{ "data_source_type": "S3" }])).await;
    assert_eq!((status, locs(&said)[0].as_str()), (422, r#"["body",0,"data_source_type"]"#));
}

/// Another key of the same organization.
async fn key_again(stage: &Stage, organization: &str) -> String {
    let ask = json!({ "name": "Another", "organization": organization, "per_minute": 0 });
    let added: AddedKey = stage.ask("add_key", ask).await.unwrap();
    added.secret
}

fn hidden(page: &str) -> String {
    page.split("name=\"once\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

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
    let connection = house.connection_of(&house.sources().await[0]).await;
    let state: SyncState = house.stage.ask("sync_state", json!({ "id": connection })).await.unwrap();
    assert_eq!(state.picked_folders + state.picked_items, 0);

    let once = hidden(&top);
    let reply = send(&once).await;
    assert_eq!(reply.status, 303);
    let to = header(&reply, "location").unwrap();
    assert!(page_text(&house.send("GET", &to, &[], "").await).contains("One was chosen"));
    let again = send(&once).await;
    assert!(!header(&again, "location").unwrap().contains("chosen"), "a form is sent once");
    let state = house.idle(&connection).await;
    assert!(state.picked_folders + state.picked_items > 0 && state.kept > 0, "{state:?}");
    let now = &house.sources().await[0];
    assert_eq!((&now["last_sync_action"], &now["sync_status"]), (&json!("UPDATE"), &json!("READY")));
    assert!(now["files_synced_at"].is_string());

    // Another page's form is refused by where it comes from.
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://evil.example")];
    assert_eq!(house.send("POST", &path, &foreign, &format!("once={once}")).await.status, 403);
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
        json!({ "source": "GONG", "access_token": "x", "gong_account_email": "maya@acme.example" }),
    ] {
        house.told(400, path, json!({ "authentication": body })).await;
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
        ("GOOGLE_DRIVE", json!({})),
        ("GMAIL", json!({})),
        ("GOOGLE_CLOUD_STORAGE", json!({ "bucket": "acme-reports" })),
        ("ONEDRIVE", json!({ "tenant_name": "acme.onmicrosoft.com" })),
        ("OUTLOOK", json!({})),
        ("SHAREPOINT", json!({ "tenant_name": "acme.onmicrosoft.com", "site_name": "Mkt" })),
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

fn access_token(entry: &str) -> String {
    let entry: Value = serde_json::from_str(entry).unwrap_or_else(|_| panic!("the entry is JSON"));
    ["access", "access_token", "a"].iter().find_map(|name| entry[*name].as_str()).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn data_sources_are_tagged_synced_stopped_and_revoked() {
    let house = House::open().await;
    let source = house.zendesk().await;
    let id = source["id"].clone();
    let tags = house
        .fine("/data_sources/tags/add", json!({ "data_source_id": id, "tags": { "a": "1", "b": ["x"] } }))
        .await;
    assert_eq!(tags["tags"], json!({ "a": "1", "b": ["x"] }));
    let with = async |filter: Value| {
        house.fine("/user_data_sources", json!({ "filters": { "tags": filter } })).await["count"].clone()
    };
    assert_eq!(with(json!({ "AND": [{ "key": "a", "value": "1" }] })).await, 1);
    assert_eq!(with(json!({ "AND": [{ "key": "a", "value": "1", "negate": true }] })).await, 0);
    assert_eq!(with(json!({})).await, 1);
    let removed = json!({ "data_source_id": id, "tags_to_remove": ["a"] });
    assert_eq!(house.fine("/data_sources/tags/remove", removed).await["tags"], json!({ "b": ["x"] }));
    let all = json!({ "data_source_id": id, "remove_all_tags": true });
    assert_eq!(house.fine("/data_sources/tags/remove", all).await["tags"], json!({}));

    let named = json!({ "data_source_id": id });
    house.fine("/integrations/items/sync", named.clone()).await;
    let cancelled = house.fine("/integrations/items/sync/cancel", named.clone()).await;
    assert_eq!(cancelled["last_sync_action"], "CANCEL");
    house.fine("/integrations/items/sync", named.clone()).await;
    house.idle(&house.connection_of(&source).await).await;

    // Alike for what there is not, what is another customer's, and what is another organization's.
    let mut sentences = Vec::new();
    sentences.push(house.told(404, "/integrations/items/sync", json!({ "data_source_id": 12345 })).await);
    let (status, said) = house.as_customer("noor", "/integrations/items/sync", named.clone()).await;
    assert_eq!(status, 404);
    sentences.push(sentence(&said).replace(&id.to_string(), "12345"));
    let key = key(&house.stage, "Other").await;
    let other = House { key, ..house };
    for path in ["/revoke_access_token", "/integrations/items/sync", "/integrations/items/sync/cancel"] {
        sentences.push(other.told(404, path, named.clone()).await.replace(&id.to_string(), "12345"));
    }
    sentences.push(
        other
            .told(404, "/data_sources/tags/add", json!({ "data_source_id": id, "tags": { "a": 1 } }))
            .await
            .replace(&id.to_string(), "12345"),
    );
    assert!(sentences.windows(2).all(|two| two[0] == two[1]), "{sentences:?}");
    assert_eq!(other.by_key("POST", "/data_sources", json!({})).await.1["count"], 0);
    let house = House { key: key_again(&other.stage, "Acme").await, ..other };

    assert_eq!(house.fine("/revoke_access_token", named.clone()).await, json!({ "success": true }));
    assert_eq!(house.fine("/revoke_access_token", named.clone()).await, json!({ "success": true }));
    let listed = async |revoked: bool| {
        house.fine("/user_data_sources", json!({ "filters": { "revoked_access": revoked } })).await
    };
    assert_eq!(listed(false).await["count"], 0);
    let gone = &listed(true).await["results"][0];
    assert_eq!(
        (&gone["id"], &gone["revoked_access"], &gone["last_sync_action"]),
        (&id, &json!(true), &json!("REVOKE"))
    );
    house.told(400, "/integrations/items/sync", named).await;
}

/// A listener that hears deliveries, and refuses the first ones.
async fn listener(refused: usize) -> (Url, Arc<Mutex<Vec<(String, String)>>>) {
    let heard: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut left = refused;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = Vec::new();
            let whole = loop {
                let mut bytes = [0; 4096];
                let Ok(count) = stream.read(&mut bytes).await else { break None };
                text.extend_from_slice(&bytes[..count]);
                let all = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
                let length = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|it| it.lines().next()?.parse().ok());
                if count == 0 || length.is_some_and(|length: usize| body.len() >= length) {
                    break Some((head.to_owned(), body.to_owned()));
                }
            };
            let status = if left > 0 { "500 No" } else { "200 OK" };
            left = left.saturating_sub(1);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _gone = stream.write_all(answer.as_bytes()).await;
            if let Some(whole) = whole {
                kept.lock().unwrap().push(whole);
            }
        }
    });
    (url, heard)
}

fn hmac(key: &[u8], text: &[u8]) -> String {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([pad(0x36), text.to_vec()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn events(heard: &Mutex<Vec<(String, String)>>) -> Vec<String> {
    let kind = |(_, body): &(String, String)| {
        let outer: Value = serde_json::from_str(body).unwrap();
        let inner: Value = serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap();
        inner["webhook_type"].as_str().unwrap().to_owned()
    };
    heard.lock().unwrap().iter().map(kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_signed_in_order_and_tried_again() {
    let house = House::open().await;
    for bad in ["http://hooks.acme.example/x", "not an address", "https://user:word@hooks.example"] {
        let (status, said) = house.by_key("POST", "/add_webhook", json!({ "url": bad })).await;
        assert_eq!(status, 400, "{said}");
        sentence(&said);
    }
    // The first two deliveries are refused, and tried again.
    let (url, heard) = listener(2).await;
    let (status, hook) = house.by_key("POST", "/add_webhook", json!({ "url": url })).await;
    assert_eq!(status, 200, "{hook}");
    let signing = hook["signing_key"].as_str().unwrap().to_owned();
    assert_eq!((signing.len(), &hook["status"]), (64, &json!("ACTIVE")));
    let (_, listed) = house.by_key("POST", "/webhooks", json!({})).await;
    assert_eq!((&listed["count"], &listed["results"][0]["url"]), (&json!(1), &json!(url)));
    assert!(!listed.to_string().contains(&signing));

    let source = house.zendesk().await;
    house.fine("/integrations/items/sync", json!({ "data_source_id": source["id"] })).await;
    house.idle(&house.connection_of(&source).await).await;
    house.fine("/revoke_access_token", json!({ "data_source_id": source["id"] })).await;
    for _ in 0..400 {
        if events(&heard).iter().any(|it| it == "REVOKE") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = events(&heard);
    assert_eq!(told[..3], ["ADD", "ADD", "ADD"], "{told:?}");
    let rest: Vec<&str> = told[3..].iter().map(String::as_str).filter(|it| !it.starts_with("FILE")).collect();
    assert!(rest.contains(&"UPDATE") && rest.contains(&"DATA_SOURCE_READY"), "{told:?}");
    assert_eq!(
        (rest.last(), rest.iter().filter(|it| **it == "REVOKE").count()),
        (Some(&"REVOKE"), 1),
        "{told:?}"
    );

    let signing_key: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&signing[at * 2..at * 2 + 2], 16).unwrap()).collect();
    for (head, body) in heard.lock().unwrap().iter() {
        let value = |name: &str| {
            head.lines()
                .find_map(|line| line.to_lowercase().strip_prefix(name).map(|it| it.trim().to_owned()))
                .unwrap()
        };
        let sent = value("carbon-signature:");
        let (time, hash) = sent.trim_start_matches("t=").split_once(",v1=").unwrap();
        assert_eq!(hash, hmac(&signing_key, format!("{time}.{body}").as_bytes()));
        let compact = value("carbon-signature-compact:");
        let (time, hash) = compact.trim_start_matches("t=").split_once(",v2=").unwrap();
        assert_eq!(hash, hmac(&signing_key, format!("{time}.{body}").as_bytes()));
        let outer: Value = serde_json::from_str(body).unwrap();
        let inner: Value = serde_json::from_str(outer["payload"].as_str().unwrap()).unwrap();
        assert_eq!((&inner["customer_id"], &inner["obj"]), (&json!("maya"), &inner["object"]));
        assert!(inner["timestamp"].as_str().unwrap().parse::<i64>().unwrap() > 0);
        if inner["obj"]["object_type"] == "DATA_SOURCE" {
            assert_eq!(inner["obj"]["object_id"], source["id"].to_string());
            assert_eq!(inner["obj"]["additional_information"]["data_source_type"], "ZENDESK");
        }
    }

    // Three at most; another organization sees and deletes none of them.
    for _ in 0..2 {
        assert_eq!(
            house.by_key("POST", "/add_webhook", json!({ "url": "https://hooks.acme.example/x" })).await.0,
            200
        );
    }
    let (status, said) =
        house.by_key("POST", "/add_webhook", json!({ "url": "https://hooks.acme.example/y" })).await;
    assert_eq!(status, 400);
    assert!(sentence(&said).contains('3'));
    let path = format!("/delete_webhook/{}", hook["id"]);
    let other = House { key: key(&house.stage, "Other").await, ..house };
    assert_eq!(other.by_key("POST", "/webhooks", json!({})).await.1["count"], 0);
    assert_eq!(other.by_key("DELETE", &path, Value::Null).await.0, 404);
    let house = House { key: key_again(&other.stage, "Acme").await, ..other };
    assert_eq!(house.by_key("DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(house.by_key("DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(house.by_key("POST", "/webhooks", json!({})).await.1["count"], 2);
    // Its key has gone from the keyring with it.
    let entries = stage::keyring::entries(house.stage.folder.path());
    assert!(!entries.values().any(|secret| *secret == signing));
}
