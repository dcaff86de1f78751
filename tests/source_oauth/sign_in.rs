//! Sign-ins that a program begins, and what they end in.

use serde_json::{Value, json};
use tieline_practice::visitor::Visit;

use crate::source_oauth::scene::{Scene, code, query};

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
    let used = program.gets(404, "POST", &finish, callback).await;
    assert_eq!((code(&used), &used["error"]["details"]["field"]), ("NOT_FOUND", &json!("connection_id")));

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
        "o_auth_input_configuration": { "subdomain": "support.acme.com" },
    });
    let oauth = program.at("sources/oauth");
    let wrong = program.gets(400, "POST", &oauth, ask.clone()).await;
    assert_eq!(
        (code(&wrong), &wrong["error"]["details"]["field"]),
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
    // What was answered goes into the configuration, where the connector keeps its credentials.
    let make = |kind: &str, payload: &Value| json!({ "name": "Support", "workspaceId": workspace, "configuration": { "sourceType": kind, "credentials": payload } });
    let source = program.gets(200, "POST", "/v1/sources", make("whisky-hunter", &done["auth_payload"])).await;
    assert_eq!((&source["sourceType"], &source["definitionId"]), (&json!("zendesk-support"), &definition));
    assert_eq!(source["configuration"]["credentials"]["secret_id"], "**********");
    // A client that writes back what it read names no sign-in by it.
    let place = format!("/v1/sources/{}", source["sourceId"].as_str().unwrap());
    let again = json!({ "name": "Support", "configuration": source["configuration"] });
    assert_eq!(program.gets(200, "PUT", &place, again).await, source);
    let used = program.gets(404, "POST", "/v1/sources", make("zendesk-support", &done["auth_payload"])).await;
    assert_eq!(used["data"]["field"], "configuration.credentials.secret_id", "{used}");
    let elsewhere = json!({ "name": "zendesk-support", "actorType": "destination", "configuration": {} });
    program.gets(400, "PUT", &format!("/v1/workspaces/{workspace}/oauthCredentials"), elsewhere).await;
}

/// Every service whose address, bucket or account the documented body has no word for.
#[tokio::test(flavor = "multi_thread")]
async fn the_person_is_asked_for_what_the_program_did_not_say() {
    let scene = Scene::open().await;
    let program = scene.program();
    let workspace = program.workspace().await;
    let back = "https://app.example.com/callback";
    for (provider, slug) in [
        ("SALESFORCE", "salesforce"),
        ("SHAREPOINT", "microsoft-sharepoint"),
        ("GONG", "gong"),
        ("GOOGLE_CLOUD_STORAGE", "gcs"),
        ("SERVICENOW", "service-now"),
        ("ZENDESK", "zendesk-support"),
    ] {
        let (id, page) = program.authorize(json!({ "slug": slug, "redirect_url": back })).await;
        let callback = json!({
            "connection_id": id, "workspace_id": workspace, "source_name": slug,
            "source_definition_id": program.definition(slug).await["source_definition_id"],
        });
        let finish = program.at("sources/oauth/callback");
        let early = program.gets(409, "POST", &finish, callback.clone()).await;
        assert_eq!(code(&early), "CONNECTOR_OAUTH_PENDING");
        let link = scene.fill(&page, &scene.stage.inputs(provider)).await.unwrap();
        let landed = scene.browse(&link, &Visit::default()).await.unwrap();
        assert_eq!(landed.as_str(), format!("{back}?connection_id={id}"));
        let source = program.gets(201, "POST", &finish, callback).await;
        assert_eq!(source["source_type"], slug);
        let over = scene.fill(&page, &scene.stage.inputs(provider)).await.unwrap_err();
        assert!(over.contains("was used already"), "{over}");
    }
    assert_eq!(scene.connections().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_asks_is_for_its_sign_in_only() {
    let scene = Scene::open().await;
    let program = scene.program();
    let workspace = program.workspace().await;
    // What Airbyte's connector is asked with here says nothing about the address.
    let ask = json!({
        "redirectUrl": "https://app.example.com/back", "sourceType": "salesforce", "workspaceId": workspace,
        "oAuthInputConfiguration": { "is_sandbox": false },
    });
    let begun = program.gets(200, "POST", "/v1/sources/initiateOAuth", ask.clone()).await;
    let page = begun["consentUrl"].as_str().unwrap().to_owned();
    let wrong = scene.fill(&page, &json!({ "hostname": "login.salesforce.com" })).await.unwrap_err();
    assert!(wrong.contains("aria-invalid") && wrong.contains("login.salesforce.com"), "{wrong}");
    let inputs = scene.stage.inputs("SALESFORCE");
    let link = scene.fill(&page, &inputs).await.unwrap();
    // Who declined may begin again on the same page.
    let declined = scene.browse(&link, &Visit { cancel: true, ..Visit::default() }).await.unwrap_err();
    assert!(declined.contains("<h1>Not connected</h1>"), "{declined}");
    let link = scene.fill(&page, &inputs).await.unwrap();
    let landed = scene.browse(&link, &Visit::default()).await.unwrap();
    let make = json!({
        "name": "Articles", "workspaceId": workspace, "configuration": { "sourceType": "salesforce" },
        "secretId": query(&landed, "secret_id").unwrap(),
    });
    assert!(scene.fill(&page, &inputs).await.unwrap_err().contains("done already"));
    program.gets(200, "POST", "/v1/sources", make).await;

    // Where nobody fills it in, the sign-in comes to nothing.
    let (id, _) =
        program.authorize(json!({ "slug": "gcs", "redirect_url": "https://app.example.com/" })).await;
    scene.stage.pass(3700).await;
    let callback = json!({
        "connection_id": id, "workspace_id": workspace, "source_name": "Bucket",
        "source_definition_id": program.definition("gcs").await["source_definition_id"],
    });
    let failed = program.gets(500, "POST", &program.at("sources/oauth/callback"), callback).await;
    assert_eq!(code(&failed), "CONNECTOR_OAUTH_FAILED");
}
