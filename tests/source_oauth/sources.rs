//! Sources, their definitions, and the accounts behind them.

use serde_json::{Value, json};
use url::Url;

use crate::source_oauth::scene::{Scene, code};
use crate::stage::keyring;

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
    ask["oAuthInputConfiguration"] = json!({ "subdomain": "support.acme.com" });
    let wrong = program.gets(400, "POST", "/v1/sources/initiateOAuth", ask.clone()).await;
    assert_eq!(wrong["data"]["field"], "subdomain", "{wrong}");
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
async fn tokens_that_a_client_brings_are_adopted_and_not_kept_in_the_source() {
    let scene = Scene::open().await;
    let program = scene.program();
    scene.stage.connect("ZENDESK").await;
    let entries = keyring::entries(scene.stage.folder.path());
    let entry = entries.iter().find(|(name, _)| name.starts_with("connection/")).unwrap().1;
    let entry: Value = serde_json::from_str(entry).unwrap();
    let token = entry["access"].as_str().or(entry["access_token"].as_str()).unwrap();
    let mut configuration = scene.stage.inputs("ZENDESK");
    configuration["sourceType"] = json!("zendesk-support");
    configuration["credentials"] = json!({ "credentials": "oauth2.0", "access_token": "not-a-token" });
    let mut make = json!({ "name": "Brought", "workspaceId": program.workspace().await, "configuration": configuration });
    let refused = program.gets(400, "POST", "/v1/sources", make.clone()).await;
    assert_eq!(refused["data"]["field"], "configuration.access_token", "{refused}");
    let zendesk = program.definition("zendesk").await["source_definition_id"].clone();
    let tries = program.at("sources/test");
    let trial = |configuration: &Value| json!({ "name": "Brought", "source_definition_id": zendesk, "workspace_id": make["workspaceId"], "configuration": configuration });
    let mut wanted = make["configuration"].clone();
    let tried = program.gets(200, "POST", &tries, trial(&wanted)).await;
    assert!(
        tried["status"] == "failed" && tried["message"].as_str().unwrap().contains("did not take"),
        "{tried}"
    );
    wanted["credentials"]["access_token"] = json!(token);
    let kept = keyring::entries(scene.stage.folder.path());
    let rows = scene.connections().await;
    let tried = program.gets(200, "POST", &tries, trial(&wanted)).await;
    assert_eq!((&tried["status"], &tried["job_info"]["succeeded"]), (&json!("succeeded"), &json!(true)));
    assert_eq!((keyring::entries(scene.stage.folder.path()), scene.connections().await), (kept, rows));
    wanted["credentials"] = json!({});
    let tried = program.gets(200, "POST", &tries, trial(&wanted)).await;
    assert!(tried["message"].as_str().unwrap().contains("Nobody has signed in"), "{tried}");
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
    let sentence = |answer: Value| answer["error"]["message"].as_str().unwrap().to_owned();
    let unknown = json!({ "slug": "google-sheets", "redirect_url": "https://app.example.com/" });
    let said = sentence(program.gets(404, "POST", &program.at("sources/authorize"), unknown).await);
    assert!(said.contains("google-sheets") && said.contains("google-drive, "), "{said}");
    program.gets(404, "GET", &program.at("source-definitions/whisky-hunter"), Value::Null).await;
    let definitions = program.at("source-definitions");
    let said = sentence(program.gets(422, "POST", &definitions, json!({ "name": "Mine" })).await);
    assert!(said.contains("under Settings"), "{said}");
    for method in ["PUT", "PATCH", "DELETE"] {
        let said = sentence(program.gets(403, method, &format!("{definitions}/box"), Value::Null).await);
        assert!(said.contains("sources/{source_id}"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_name_keeps_one() {
    let scene = Scene::open().await;
    let program = scene.program();
    let workspace = program.workspace().await;
    let source = program.zendesk(&workspace).await;
    let id = source["sourceId"].as_str().unwrap();
    let places = [
        format!("/v1/sources/{id}"),
        program.at(&format!("sources/{id}")),
        format!("/v1/workspaces/{workspace}"),
        program.at(&format!("workspaces/{workspace}")),
    ];
    for place in &places {
        for name in ["", "  "] {
            let refused = program.gets(400, "PATCH", place, json!({ "name": name })).await;
            assert!(refused.to_string().contains("must not be blank"), "{place} {refused}");
        }
        assert_eq!(program.gets(200, "PATCH", place, json!({ "name": " Kept " })).await["name"], "Kept");
    }
    let unknown = json!({ "name": "x", "workspaceId": workspace, "secretId": "none", "configuration": {} });
    assert_eq!(program.gets(404, "POST", "/v1/sources", unknown).await["data"]["field"], "secretId");
    let refused = program.gets(400, "PUT", &places[1], json!({ "name": "", "configuration": {} })).await;
    assert_eq!(code(&refused), "VALIDATION_ERROR");
}
