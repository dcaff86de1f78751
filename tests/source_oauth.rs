//! Sources that other programs sign a person in for: contract 3 and the calls of Airbyte behind it, over HTTP, with
//! practice providers and a person at their sign-in pages.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use crate::stage;
use serde_json::{Value, json};
use stage::Stage;
use tieline_engine::wire::{AddedKey, ConnectionRow, SyncState};
use tieline_http::{ServeOptions, Server};
use tieline_practice::client::send;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use url::Url;

const FORM: &str = "application/x-www-form-urlencoded";

/// The stage with the API in front of it, and one program's key.
struct Scene {
    stage: Stage,
    server: Server,
    key: AddedKey,
}

/// One program's view: its key, and the organization's id.
struct Program<'a> {
    scene: &'a Scene,
    secret: String,
    organization: String,
}

impl Scene {
    async fn open() -> Self {
        let stage = Stage::open().await;
        let server = tieline_http::serve(stage.app.clone(), ServeOptions::default()).await.unwrap();
        let key = stage.ask("add_key", json!({ "name": "Acme" })).await.unwrap();
        Self { stage, server, key }
    }

    fn program(&self) -> Program<'_> {
        Program::of(self, &self.key)
    }

    async fn another(&self, name: &str) -> Program<'_> {
        let key: AddedKey = self.stage.ask("add_key", json!({ "name": name })).await.unwrap();
        Program::of(self, &key)
    }

    fn url(&self, path: &str) -> Url {
        let base: Url = self.server.url().parse().unwrap();
        base.join(path).unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        send(method, &self.url(path), headers, body.as_bytes()).await.unwrap()
    }

    /// The person answers the sign-in page, and their browser goes on until it leaves this computer; the last address,
    /// or the page they are left with.
    async fn browse(&self, link: &str, visit: &Visit) -> Result<Url, String> {
        let mut url = visit.answer(&link.parse().unwrap()).await.unwrap();
        for _ in 0..5 {
            if url.host_str() != Some("127.0.0.1") && url.host_str() != Some("localhost") {
                return Ok(url);
            }
            url = relayed(url);
            let reply = send("GET", &url, &[("accept", "text/html")], b"").await.unwrap();
            match reply.get("location") {
                Some(to) => url = url.join(to).unwrap(),
                None => return Err(String::from_utf8_lossy(&reply.body).into_owned()),
            }
        }
        panic!("the browser goes in circles");
    }

    async fn connections(&self) -> Vec<String> {
        let rows: Vec<ConnectionRow> = self.stage.ask("connections", json!({})).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

impl<'a> Program<'a> {
    fn of(scene: &'a Scene, key: &AddedKey) -> Self {
        Self { scene, secret: key.secret.clone(), organization: key.key.organization.id.clone() }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        let key = format!("Bearer {}", self.secret);
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.scene.send(method, path, &headers, &body).await
    }

    /// An answer that must have this status.
    async fn gets(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let reply = self.ask(method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
        if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(&reply.body).unwrap() }
    }

    /// Below the connectors of its organization.
    fn at(&self, path: &str) -> String {
        format!("/v1/organizations/{}/knowledge/connectors/{path}", self.organization)
    }

    async fn definition(&self, slug: &str) -> Value {
        self.gets(200, "GET", &self.at(&format!("source-definitions/{slug}")), Value::Null).await
    }

    async fn workspace(&self) -> String {
        let all = self.gets(200, "GET", &self.at("workspaces"), Value::Null).await;
        all["data"][0]["workspace_id"].as_str().unwrap().to_owned()
    }

    /// Begins the connector flow; the id, and where the person goes.
    async fn authorize(&self, body: Value) -> (String, String) {
        let begun = self.gets(200, "POST", &self.at("sources/authorize"), body).await;
        let text = |name: &str| begun[name].as_str().unwrap().to_owned();
        (text("connection_id"), text("authorization_url"))
    }

    /// A source of an account that is signed in to right now, by Airbyte's flow.
    async fn zendesk(&self, workspace: &str) -> Value {
        let ask = json!({
            "redirectUrl": "https://app.example.com/back", "sourceType": "zendesk-support", "workspaceId": workspace,
            "oAuthInputConfiguration": self.scene.stage.inputs("ZENDESK"),
        });
        let begun = self.gets(200, "POST", "/v1/sources/initiateOAuth", ask).await;
        let back = self.scene.browse(begun["consentUrl"].as_str().unwrap(), &Visit::default()).await.unwrap();
        let make = json!({
            "name": "Support", "workspaceId": workspace, "secretId": query(&back, "secret_id").unwrap(),
            "configuration": { "sourceType": "zendesk-support", "subdomain": "acme", "num_workers": 3 },
        });
        self.gets(200, "POST", "/v1/sources", make).await
    }
}

/// What an organisation's relay page does: it goes on to the port of this computer that `state` ends with.
fn relayed(url: Url) -> Url {
    let state = query(&url, "state").unwrap_or_default();
    match (url.path().strip_prefix("/relay"), state.rsplit_once(".p")) {
        (Some(path), Some((_, port))) => {
            format!("http://127.0.0.1:{port}{path}?{}", url.query().unwrap_or_default()).parse().unwrap()
        }
        _ => url,
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_flow_ends_in_a_source_that_works() {
    let scene = Scene::open().await;
    let program = scene.program();
    let drive = program.definition("google-drive").await;
    let workspace = program.workspace().await;
    let back = "https://app.example.com/callback?tab=1";
    let (id, link) =
        program.authorize(json!({ "slug": "google-drive", "redirect_url": back, "state": "s-1" })).await;
    assert!(id.starts_with("conn_"), "{id}");

    let callback = json!({
        "connection_id": id, "workspace_id": workspace, "source_name": "Our drive",
        "source_definition_id": drive["source_definition_id"],
    });
    let finish = program.at("sources/oauth/callback");
    let early = program.gets(409, "POST", &finish, callback.clone()).await;
    assert_eq!(code(&early), "CONNECTOR_OAUTH_PENDING");

    let landed = scene.browse(&link, &Visit::default()).await.unwrap();
    assert_eq!(landed.as_str(), format!("{back}&state=s-1&connection_id={id}"));
    let mut wrong = callback.clone();
    wrong["source_definition_id"] = program.definition("box").await["source_definition_id"].clone();
    assert_eq!(code(&program.gets(400, "POST", &finish, wrong).await), "VALIDATION_ERROR");
    let source = program.gets(201, "POST", &finish, callback.clone()).await;
    assert_eq!((&source["name"], &source["workspace_id"]), (&json!("Our drive"), &json!(workspace)));
    assert_eq!(source["source_type"], "google-drive");
    assert_eq!(code(&program.gets(404, "POST", &finish, callback).await), "NOT_FOUND");

    let place = program.at(&format!("sources/{}", source["source_id"].as_str().unwrap()));
    assert_eq!(program.gets(200, "GET", &place, Value::Null).await, source);
    let all = program.gets(200, "GET", &program.at("sources"), Value::Null).await;
    assert_eq!(all["data"], json!([source]));
    let renamed = json!({ "name": "Drive", "configuration": { "folder": "x", "client_secret": "hush" } });
    let renamed = program.gets(200, "PATCH", &place, renamed).await;
    assert_eq!(renamed["name"], "Drive");
    assert_eq!(renamed["configuration"], json!({ "folder": "x", "client_secret": "**********" }));
    let put = json!({ "name": "Drive", "configuration": {} });
    assert_eq!(program.gets(200, "PUT", &place, put).await["configuration"], json!({}));
    let test = json!({ "source_id": source["source_id"] });
    let tested = program.gets(200, "POST", &program.at("sources/test"), test.clone()).await;
    assert_eq!(tested["status"], "succeeded", "{tested}");

    // The person takes the account away: the source says so, and can still be deleted.
    let connection = scene.connections().await.remove(0);
    let _: Value = scene.stage.ask("disconnect", json!({ "id": connection })).await.unwrap();
    let tested = program.gets(200, "POST", &program.at("sources/test"), test).await;
    assert_eq!(tested["status"], "failed", "{tested}");
    program.gets(204, "DELETE", &place, Value::Null).await;
    program.gets(404, "GET", &place, Value::Null).await;
    program.gets(404, "DELETE", &place, Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_native_flow_hands_a_coordinate_over_once_and_to_its_workspace_only() {
    let scene = Scene::open().await;
    let program = scene.program();
    let zendesk = program.definition("zendesk-support").await["source_definition_id"].clone();
    let workspace = program.gets(201, "POST", &program.at("workspaces"), json!({ "name": "Maya" })).await;
    let workspace = workspace["workspace_id"].clone();
    let mut ask = json!({
        "source_definition_id": zendesk, "workspace_id": workspace, "redirect_url": "https://app.example.com/back?state=a",
    });
    let oauth = program.at("sources/oauth");
    let missing = program.gets(400, "POST", &oauth, ask.clone()).await;
    assert_eq!(
        (code(&missing), &missing["error"]["details"]["field"]),
        ("VALIDATION_ERROR", &json!("subdomain"))
    );
    ask["o_auth_input_configuration"] = scene.stage.inputs("ZENDESK");
    let begun = program.gets(200, "POST", &oauth, ask).await;
    assert_eq!(begun["consent_url"], begun["consentUrl"]);
    let landed = scene.browse(begun["consent_url"].as_str().unwrap(), &Visit::default()).await.unwrap();
    assert_eq!(query(&landed, "state").as_deref(), Some("a"));
    let secret = query(&landed, "secret_id").unwrap();

    let make = |workspace: &Value| json!({ "name": "Support", "source_definition_id": zendesk, "workspace_id": workspace, "secret_id": secret });
    let sources = program.at("sources");
    let elsewhere = program.gets(400, "POST", &sources, make(&json!("another"))).await;
    assert!(elsewhere["error"]["message"].as_str().unwrap().contains("another workspace"), "{elsewhere}");
    let other = scene.another("Other").await;
    other.gets(404, "POST", &other.at("sources"), make(&workspace)).await;
    let mut test = make(&workspace);
    test["configuration"] = json!({ "subdomain": "acme" });
    let tested = program.gets(200, "POST", &program.at("sources/test"), test).await;
    assert_eq!(tested["status"], "succeeded", "{tested}");

    // Two at once: one gets it.
    let (one, two) = tokio::join!(
        program.ask("POST", &sources, make(&workspace)),
        program.ask("POST", &sources, make(&workspace))
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 404]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_declines_is_told_and_so_is_the_program() {
    let scene = Scene::open().await;
    let program = scene.program();
    let (id, link) =
        program.authorize(json!({ "slug": "box", "redirect_url": "https://app.example.com/" })).await;
    let page = scene.browse(&link, &Visit { cancel: true, ..Visit::default() }).await.unwrap_err();
    assert!(page.contains("<h1>Not connected</h1>"), "{page}");
    let callback = json!({
        "connection_id": id, "workspace_id": program.workspace().await, "source_name": "Box",
        "source_definition_id": program.definition("box").await["source_definition_id"],
    });
    let failed = program.gets(500, "POST", &program.at("sources/oauth/callback"), callback).await;
    assert_eq!((code(&failed), &failed["error"]["type"]), ("CONNECTOR_OAUTH_FAILED", &json!("server_error")));
    assert_eq!(scene.connections().await, Vec::<String>::new());
    let nowhere =
        scene.send("GET", "/v1/source_oauth/done/1/00000000-0000-4000-8000-000000000000/x", &[], "").await;
    assert_eq!(nowhere.status, 404);
    assert!(String::from_utf8_lossy(&nowhere.body).contains("Unexpected return"));
}

#[tokio::test(flavor = "multi_thread")]
async fn airbyte_s_flow_makes_changes_and_deletes_a_source() {
    let scene = Scene::open().await;
    let program = scene.program();
    let spaces = program.gets(200, "GET", "/v1/workspaces", Value::Null).await;
    let workspace = spaces["data"][0]["workspaceId"].as_str().unwrap().to_owned();
    let mut ask = json!({ "redirectUrl": "http://app.example.com/", "name": "zendesk-support", "workspaceId": workspace });
    let refused = program.gets(422, "POST", "/v1/sources/initiateOAuth", ask.clone()).await;
    assert_eq!((&refused["title"], &refused["status"]), (&json!("invalid-redirect-url"), &json!(422)));
    ask["redirectUrl"] = json!("http://127.0.0.1:9/");
    let missing = program.gets(400, "POST", "/v1/sources/initiateOAuth", ask.clone()).await;
    assert_eq!(missing["data"]["field"], "subdomain", "{missing}");
    ask["name"] = json!("whisky-hunter");
    program.gets(404, "POST", "/v1/sources/initiateOAuth", ask).await;

    let source = program.zendesk(&workspace).await;
    assert_eq!((&source["sourceType"], &source["name"]), (&json!("zendesk-support"), &json!("Support")));
    assert_eq!(
        source["configuration"],
        json!({ "sourceType": "zendesk-support", "subdomain": "acme", "num_workers": 3 })
    );
    assert!(source["createdAt"].is_u64() && source["definitionId"].is_string());
    let place = format!("/v1/sources/{}", source["sourceId"].as_str().unwrap());
    assert_eq!(program.gets(200, "GET", &place, Value::Null).await, source);
    let changed = program.gets(200, "PATCH", &place, json!({ "configuration": { "num_workers": 4 } })).await;
    assert_eq!(
        (&changed["configuration"]["num_workers"], &changed["configuration"]["subdomain"]),
        (&json!(4), &json!("acme"))
    );

    // The same account once more: a second source over one connection, which stays until both are gone.
    let second = program.zendesk(&workspace).await;
    assert_eq!(scene.connections().await.len(), 1);
    let first = program.gets(200, "GET", "/v1/sources?limit=1&includeDeleted=false", Value::Null).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 1);
    let next: Url = first["next"].as_str().unwrap().parse().unwrap();
    let rest = format!("{}?{}", next.path(), next.query().unwrap());
    let rest = program.gets(200, "GET", &rest, Value::Null).await;
    assert_eq!(rest["data"][0]["sourceId"], second["sourceId"]);
    assert!(rest.get("next").is_none());
    let none = program.gets(200, "GET", "/v1/sources?workspaceIds=another", Value::Null).await;
    assert_eq!(none["data"], json!([]));

    program.gets(204, "DELETE", &place, Value::Null).await;
    assert_eq!(scene.connections().await.len(), 1);
    program.gets(204, "DELETE", &format!("/v1/workspaces/{workspace}"), Value::Null).await;
    assert_eq!(scene.connections().await, Vec::<String>::new());
    assert_eq!(program.gets(200, "GET", "/v1/sources", Value::Null).await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_brings_everything_into_the_library() {
    let scene = Scene::open().await;
    let program = scene.program();
    let source = program.zendesk(&program.workspace().await).await;
    let connections = program.at("connections");
    let mut ask = json!({ "source_id": source["sourceId"], "schedule": { "schedule_type": "cron" } });
    program.gets(400, "POST", &connections, ask.clone()).await;
    ask["schedule"] = json!({ "schedule_type": "basic", "units": 6, "time_unit": "hours" });
    let made = program.gets(201, "POST", &connections, ask).await;
    assert_eq!((&made["status"], &made["name"]), (&json!("active"), &json!("Support")));
    let id = scene.connections().await.remove(0);
    let mut state: SyncState = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    for _ in 0..400 {
        if !state.running && state.complete && state.waiting == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        state = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    }
    assert!(state.everything && state.every_hours == 6 && state.kept > 0, "{state:?}");

    let place = format!("{connections}/{}", made["connection_id"].as_str().unwrap());
    let stopped = program.gets(200, "PATCH", &place, json!({ "status": "inactive" })).await;
    assert_eq!(stopped["status"], "inactive");
    let state: SyncState = scene.stage.ask("sync_state", json!({ "id": id })).await.unwrap();
    assert!(state.every_hours == 0 && !state.running && state.kept > 0, "{state:?}");
    let test = json!({ "source_id": source["sourceId"] });
    let tested = program.gets(200, "POST", &format!("{connections}/test"), test).await;
    assert_eq!(tested["status"], "succeeded");
    assert_eq!(program.gets(200, "GET", &connections, Value::Null).await["data"], json!([stopped]));
    program.gets(204, "DELETE", &place, Value::Null).await;
    program.gets(404, "GET", &place, Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_api_completes_a_sign_in_and_never_hands_out_a_token() {
    let scene = Scene::open().await;
    let program = scene.program();
    let workspace = program.workspace().await;
    let definition = program.definition("zendesk").await["source_definition_id"].clone();
    let base = json!({
        "sourceDefinitionId": definition, "workspaceId": workspace, "redirectUrl": "https://app.example.com/auth_flow",
    });
    let with = |more: Value| {
        let mut all = base.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let consent = with(json!({ "oAuthInputConfiguration": scene.stage.inputs("ZENDESK") }));
    let link = program.gets(200, "POST", "/api/v1/source_oauths/get_consent_url", consent.clone()).await;
    let landed = scene.browse(link["consentUrl"].as_str().unwrap(), &Visit::default()).await.unwrap();
    let params = json!({ "queryParams": { "secret_id": query(&landed, "secret_id") } });
    let done = program.gets(200, "POST", "/api/v1/source_oauths/complete_oauth", with(params)).await;
    let secret = query(&landed, "secret_id").unwrap();
    assert_eq!(
        done,
        json!({ "request_succeeded": true, "request_error": null, "auth_payload": { "secret_id": secret } })
    );

    // With an app of its own, registered with its own address, the client takes the answer and hands it over.
    let app = scene.stage.practice.apps().iter().find(|app| app.provider == "ZENDESK").unwrap().clone();
    let address = "https://app.example.com/auth_flow";
    scene.stage.practice.register_redirects("ZENDESK", &[address.to_owned()]).await;
    let mut configuration = scene.stage.inputs("ZENDESK");
    configuration["client_id"] = json!(app.client_id);
    configuration["client_secret"] = json!(app.client_secret);
    configuration["redirect_uri"] = json!(address);
    let app = json!({ "actorType": "source", "name": "zendesk-support", "configuration": configuration });
    let kept = program.gets(200, "PUT", &format!("/v1/workspaces/{workspace}/oauthCredentials"), app).await;
    assert!(!kept.to_string().contains("secret"), "{kept}");
    let link = program.gets(200, "POST", "/api/v1/source_oauths/get_consent_url", consent).await;
    let landed = scene.browse(link["consentUrl"].as_str().unwrap(), &Visit::default()).await.unwrap();
    assert!(landed.as_str().starts_with(address) && query(&landed, "code").is_some(), "{landed}");
    let answer: Value = landed.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let forged = with(json!({ "queryParams": { "code": "x", "state": "x" } }));
    program.gets(409, "POST", "/api/v1/source_oauths/complete_oauth", forged).await;
    let params = with(json!({ "queryParams": answer }));
    let done = program.gets(200, "POST", "/api/v1/source_oauths/complete_oauth", params).await;
    assert_eq!(done["request_succeeded"], true, "{done}");
    let make = json!({
        "name": "Support", "workspaceId": workspace, "secretId": done["auth_payload"]["secret_id"],
        "configuration": { "sourceType": "whisky-hunter" },
    });
    let source = program.gets(200, "POST", "/v1/sources", make).await;
    assert_eq!((&source["sourceType"], &source["definitionId"]), (&json!("zendesk-support"), &definition));
    let elsewhere = json!({ "name": "zendesk-support", "actorType": "destination", "configuration": {} });
    program.gets(400, "PUT", &format!("/v1/workspaces/{workspace}/oauthCredentials"), elsewhere).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_a_client_brings_are_adopted_and_not_kept_in_the_source() {
    let scene = Scene::open().await;
    let program = scene.program();
    scene.stage.connect("ZENDESK").await;
    let entries = stage::keyring::entries(scene.stage.folder.path());
    let entry = entries.iter().find(|(name, _)| name.starts_with("connection/")).unwrap().1;
    let entry: Value = serde_json::from_str(entry).unwrap();
    let token = entry["access"].as_str().or(entry["access_token"].as_str()).unwrap();
    let mut configuration = scene.stage.inputs("ZENDESK");
    configuration["sourceType"] = json!("zendesk-support");
    configuration["credentials"] = json!({ "credentials": "oauth2.0", "access_token": "not-a-token" });
    let mut make = json!({ "name": "Brought", "workspaceId": program.workspace().await, "configuration": configuration });
    let refused = program.gets(400, "POST", "/v1/sources", make.clone()).await;
    assert_eq!(refused["data"]["field"], "configuration.access_token", "{refused}");
    make["configuration"]["credentials"]["access_token"] = json!(token);
    let source = program.gets(200, "POST", "/v1/sources", make.clone()).await;
    assert_eq!(source["configuration"]["credentials"]["access_token"], "**********");
    let database = std::fs::read(scene.stage.folder.path().join("practice/tieline.db")).unwrap();
    assert!(!database.windows(token.len()).any(|bytes| bytes == token.as_bytes()));
    make["configuration"]["credentials"] = json!({});
    let nobody = program.gets(400, "POST", "/v1/sources", make).await;
    assert!(nobody["detail"].as_str().unwrap().contains("Nobody has signed in"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_never_sees_another_s() {
    let scene = Scene::open().await;
    let (program, other) = (scene.program(), scene.another("Other").await);
    let workspace = program.workspace().await;
    let source = program.zendesk(&workspace).await;
    let id = source["sourceId"].as_str().unwrap();
    let made = json!({ "source_id": id, "schedule": { "schedule_type": "manual" } });
    let link = program.gets(201, "POST", &program.at("connections"), made).await;
    let link = link["connection_id"].as_str().unwrap();

    assert_ne!(other.workspace().await, workspace);
    assert_eq!(other.gets(200, "GET", "/v1/sources", Value::Null).await["data"], json!([]));
    for (method, path) in [
        ("GET", format!("/v1/sources/{id}")),
        ("PATCH", format!("/v1/sources/{id}")),
        ("DELETE", format!("/v1/sources/{id}")),
        ("GET", format!("/v1/workspaces/{workspace}")),
        ("PATCH", format!("/v1/workspaces/{workspace}")),
        ("DELETE", format!("/v1/workspaces/{workspace}")),
        ("GET", other.at(&format!("sources/{id}"))),
        ("DELETE", other.at(&format!("sources/{id}"))),
        ("GET", other.at(&format!("connections/{link}"))),
        ("PATCH", other.at(&format!("connections/{link}"))),
        ("DELETE", other.at(&format!("connections/{link}"))),
    ] {
        let body = if method == "PATCH" { json!({ "name": "Mine" }) } else { Value::Null };
        other.gets(404, method, &path, body).await;
    }
    other.gets(404, "POST", &other.at("sources/test"), json!({ "source_id": id })).await;
    let theirs = other.gets(403, "GET", &program.at("sources"), Value::Null).await;
    assert_eq!((code(&theirs), &theirs["error"]["status"]), ("FORBIDDEN", &json!(403)));
    assert_eq!(program.gets(200, "GET", &format!("/v1/sources/{id}"), Value::Null).await, source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_in_each_way_a_client_knows() {
    let scene = Scene::open().await;
    let (id, secret) = (scene.key.key.id.as_str(), scene.key.secret.as_str());
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for path in ["/v1/applications/token", "/applications/token", "/api/v1/applications/token"] {
        let reply = scene.send("POST", path, &[("content-type", FORM)], &form).await;
        assert_eq!(reply.status, 200);
        let given: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(36_000)));
        let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
        let reply = scene.send("GET", "/v1/sources", &[("authorization", &bearer)], "").await;
        assert_eq!(reply.status, 200);
    }
    let body =
        json!({ "client_id": id, "client_secret": secret, "grant-type": "client_credentials" }).to_string();
    let reply = scene.send("POST", "/v1/applications/token", &[], &body).await;
    assert_eq!(reply.status, 200);
    let wrong = json!({ "client_id": "another", "client_secret": secret }).to_string();
    assert_eq!(scene.send("POST", "/v1/applications/token", &[], &wrong).await.status, 401);

    let program = scene.program();
    let path = program.at("sources");
    let reply = scene.send("GET", &path, &[("x-api-key", secret)], "").await;
    assert_eq!(reply.status, 200);
    for name in
        ["x-request-id", "freddy-processing-ms", "x-ratelimit-limit", "x-ratelimit-remaining-requests"]
    {
        assert!(reply.get(name).is_some(), "{name}");
    }
    // A customer's token is for that customer's things, and these are the organization's.
    let key = scene.stage.app.programs().key(secret).unwrap().unwrap();
    let customer = scene.stage.app.programs().temporary(&key, "maya").unwrap();
    let bearer = format!("Bearer {}", customer.expose());
    assert_eq!(scene.send("GET", "/v1/sources", &[("authorization", &bearer)], "").await.status, 403);
    assert_eq!(scene.send("GET", "/v1/sources", &[], "").await.status, 401);
    let reply = scene.send("GET", &path, &[], "").await;
    let refused: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, code(&refused)), (401, "UNAUTHORIZED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_the_catalogue_under_names_that_clients_know() {
    let scene = Scene::open().await;
    let program = scene.program();
    let all = program.gets(200, "GET", &program.at("source-definitions?limit=100"), Value::Null).await;
    let all = all["data"].as_array().unwrap().clone();
    assert_eq!(all.len(), scene.stage.app.programs().published().len());
    for definition in &all {
        let id = definition["source_definition_id"].as_str().unwrap();
        for word in [id, definition["slug"].as_str().unwrap()] {
            assert_eq!(program.definition(word).await, *definition);
        }
        let path = program.at(&format!("source-definitions/{id}/spec"));
        let specification = program.gets(200, "GET", &path, Value::Null).await;
        jsonschema::validator_for(&specification["connection_specification"]).unwrap();
    }
    let airbyte_s = program.definition("79c1aa37-dae3-42ae-b333-d1c105477715").await;
    assert_eq!(airbyte_s["slug"], "zendesk-support");
    program.gets(404, "GET", &program.at("source-definitions/whisky-hunter"), Value::Null).await;
    program.gets(422, "POST", &program.at("source-definitions"), json!({ "name": "Mine" })).await;
    program.gets(403, "DELETE", &program.at("source-definitions/box"), Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_no_handler_makes_are_in_the_dialect_too() {
    let scene = Scene::open().await;
    let program = scene.program();
    let key = format!("Bearer {}", program.secret);
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    for (method, path, body, status) in [
        ("POST", program.at("sources"), "{", 400),
        ("POST", program.at("sources"), "[]", 400),
        ("GET", program.at("nothing"), "", 404),
        ("DELETE", program.at("sources"), "", 405),
        ("POST", program.at("sources"), "{\"name\": 7}", 400),
        ("GET", program.at("sources?limit=many"), "", 400),
    ] {
        let reply = scene.send(method, &path, &headers, body).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, status, "{method} {path} {said}");
        assert_eq!((&said["success"], &said["error"]["status"]), (&json!(false), &json!(status)));
        assert_eq!(reply.get("x-request-id"), said["error"]["trace_id"].as_str());
    }
    for (method, path, body, status) in [
        ("POST", "/v1/sources", "{", 400),
        ("DELETE", "/v1/sources", "", 405),
        ("GET", "/v1/sources/unknown", "", 404),
        ("GET", "/v1/sources/%ff", "", 400),
        ("GET", "/v1/sources/a/b", "", 404),
        ("POST", "/api/v1/source_oauths/get_consent_url", "{}", 400),
        ("POST", "/v1/applications/token", "what", 400),
    ] {
        let reply = scene.send(method, path, &headers, body).await;
        let said: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, status, "{method} {path} {said}");
        assert_eq!(said["status"], json!(status));
        assert!(
            said["title"].is_string() && said["detail"].is_string() && said["type"].is_string(),
            "{said}"
        );
    }
}
