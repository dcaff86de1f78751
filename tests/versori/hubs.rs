//! Hubs, end users, integrations and activations, and errors as the contract writes them.

use serde_json::{Value, json};

use crate::versori::scene::*;

#[tokio::test(flavor = "multi_thread")]
async fn hubs_users_and_activations_live_as_the_contract_says() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let health = scene.send("GET", &format!("{ROOT}/healthz"), &[], "").await;
    assert_eq!((health.status, health.body.as_slice()), (200, br#"{"message":"OK"}"#.as_slice()));
    let (hub, second) = (program.hub().await, program.hub().await);
    let organisation = &program.organisation;
    let hubs = program.gets(200, "GET", &format!("{ROOT}/o/{organisation}/hubs"), Value::Null).await;
    assert_eq!((hubs["totalCount"].as_u64(), &hubs["hubs"][0]["isDefault"]), (Some(2), &json!(true)));
    let changed = program
        .gets(200, "PATCH", &format!("/hubs/{second}"), json!({ "name": "Second", "isDefault": true }))
        .await;
    assert_eq!((&changed["name"], &changed["isDefault"]), (&json!("Second"), &json!(true)));
    assert_eq!(program.gets(200, "GET", &format!("/hubs/{hub}"), Value::Null).await["isDefault"], false);
    assert_eq!(changed["primaryConnector"]["connectorId"], PRIMARY);

    // A list is read page by page, in both directions.
    for number in 0..5 {
        program.user(&hub, &format!("user-{number}")).await;
    }
    let users = format!("/hubs/{hub}/users");
    let names = |page: &Value| -> Vec<String> {
        page["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["externalId"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = program.gets(200, "GET", &format!("{users}?first=2"), Value::Null).await;
    assert_eq!(
        (first["totalCount"].as_u64(), first["prev"].is_null(), names(&first).len()),
        (Some(5), true, 2)
    );
    let next = first["next"].as_str().unwrap();
    let middle = program.gets(200, "GET", &format!("{users}?first=2&after={next}"), Value::Null).await;
    let last = middle["next"].as_str().unwrap();
    let last = program.gets(200, "GET", &format!("{users}?first=2&after={last}"), Value::Null).await;
    assert!(last["next"].is_null());
    let mut all = [names(&first), names(&middle), names(&last)].concat();
    all.sort();
    assert_eq!(all, ["user-0", "user-1", "user-2", "user-3", "user-4"]);
    let prev = middle["prev"].as_str().unwrap();
    let back = program.gets(200, "GET", &format!("{users}?first=2&before={prev}"), Value::Null).await;
    assert_eq!(names(&back), names(&first));
    program.fails_at(&["first"], "GET", &format!("{users}?first=0"), Value::Null).await;
    let most = program.gets(200, "GET", &format!("{users}?first=1000"), Value::Null).await;
    assert_eq!(names(&most).len(), 5, "more than the most is the most");
    assert_eq!(
        names(&program.gets(200, "GET", &format!("{users}?search=USER-3"), Value::Null).await),
        ["user-3"]
    );
    let user = program.gets(200, "GET", &format!("{users}/user-3"), Value::Null).await;
    assert_eq!(user["primaryConnection"]["credentials"]["action"][0]["credential"]["data"], json!({}));
    let by_ours = format!("{users}/{}?identifier_type=internal", user["id"].as_str().unwrap());
    assert_eq!(program.gets(200, "GET", &by_ours, Value::Null).await["externalId"], "user-3");
    program.gets(404, "GET", &format!("{users}/{}", user["id"].as_str().unwrap()), Value::Null).await;
    program
        .fails_at(&["identifier_type"], "GET", &format!("{users}/user-3?identifier_type=mine"), Value::Null)
        .await;
    program.fails_at(&["primaryConnection", "externalId"], "POST", &users, json!({})).await;
    let (status, _) = program
        .ask(
            "POST",
            &users,
            &json!({ "externalId": "user-3", "primaryConnection": {
        "name": "x", "variables": [], "credentials": {} } }),
        )
        .await;
    assert_eq!(status, 409);

    // An integration wants two connections besides the primary one; then it is activated once.
    let template = |connector: &str| json!({ "connectorId": connector, "authSchemeConfig": { "id": SCHEME, "description": "Store", "schemeType": "basic-auth" } });
    let body = json!({
        "organisationId": organisation, "name": "Orders", "description": "Copies orders", "connectionTemplate": template(CONNECTOR),
    });
    let integration = program.gets(200, "POST", &format!("/hubs/{hub}/integrations"), body).await;
    let integration = integration["id"].as_str().unwrap().to_owned();
    let templates = format!("{ROOT}/integrations/{integration}/connection-templates");
    let target =
        program.gets(200, "POST", &templates, template(SCHEME)).await["id"].as_str().unwrap().to_owned();
    let embed = format!("/embed/{hub}/users/user-3/integrations");
    let shown = program.gets(200, "GET", &format!("{embed}/{integration}"), Value::Null).await;
    assert_eq!((&shown["isActivated"], &shown["isDeployed"]), (&json!(false), &json!(true)));
    let all: Vec<(bool, String)> = shown["connectionTemplates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["isPrimary"].as_bool().unwrap(), it["id"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(all.iter().filter(|(primary, _)| *primary).count(), 1);
    let primary = all.iter().find(|(primary, _)| *primary).unwrap().1.clone();
    let source = all.iter().find(|(primary, id)| !primary && *id != target).unwrap().1.clone();
    let new = |template: &str| {
        json!({
            "templateId": template, "name": format!("for {template}"), "variables": [],
            "credentials": { "action": [{
                "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "basic-auth" },
                "credential": { "name": "n", "type": "basic-auth", "data": { "username": "u", "password": "pass-word-1" } },
            }] },
        })
    };
    let activate = |connections: Value| {
        json!({
            "userId": "user-3", "integrationId": integration, "connections": connections, "dynamicVariables": { "a": 1 },
        })
    };
    program.fails_at(&["connections"], "POST", "/activations", activate(json!([new(&source)]))).await;
    program
        .fails_at(
            &["connections[1].templateId"],
            "POST",
            "/activations",
            activate(json!([new(&source), new(&source)])),
        )
        .await;
    let known = json!({ "templateId": target, "connectionId": user["primaryConnection"]["id"] });
    program
        .fails_at(
            &["connections[1].connectionId"],
            "POST",
            "/activations",
            activate(json!([new(&source), known])),
        )
        .await;
    let list = program.gets(200, "GET", &format!("{users}/user-3/connections"), Value::Null).await;
    assert_eq!(list["totalCount"], 1, "what was made for it is taken back");
    let activation =
        program.gets(200, "POST", "/activations", activate(json!([new(&source), new(&target)]))).await;
    assert_eq!((&activation["user"]["externalId"], &activation["hubId"]), (&json!("user-3"), &json!(hub)));
    assert_eq!(activation["integration"]["isActivated"], true);
    program.gets(409, "POST", "/activations", activate(json!([new(&source), new(&target)]))).await;
    let seen = program.gets(200, "GET", &embed, Value::Null).await;
    assert_eq!(
        (seen["totalConnected"].as_u64(), &seen["integrations"][0]["isActivated"]),
        (Some(1), &json!(true))
    );
    assert_eq!(
        program.gets(200, "GET", &format!("{embed}?deployed=false"), Value::Null).await["totalCount"],
        0
    );
    let of_user = program
        .gets(
            200,
            "GET",
            &format!("/embed/{hub}/users/user-3/activations?integration_id={integration}"),
            Value::Null,
        )
        .await;
    assert_eq!(of_user["totalCount"], 1);
    let bound =
        program.gets(200, "GET", &format!("/connection-templates/{target}/users/user-3"), Value::Null).await;
    assert_eq!(bound["name"], format!("for {target}"));
    let bound =
        program.gets(200, "GET", &format!("/connection-templates/{primary}/users/user-3"), Value::Null).await;
    assert_eq!(bound["id"], user["primaryConnection"]["id"]);
    program.gets(404, "GET", &format!("/connection-templates/{target}/users/user-2"), Value::Null).await;

    let path = format!("/activations/{}", activation["id"].as_str().unwrap());
    let variables = program
        .gets(200, "PUT", &format!("{path}/variables"), json!({ "dynamicVariables": { "b": 2 } }))
        .await;
    assert_eq!(variables["dynamicVariables"], json!({ "b": 2 }));
    program.gets(409, "DELETE", &format!("{ROOT}/integrations/{integration}"), Value::Null).await;
    program.gets(204, "DELETE", &path, Value::Null).await;
    program.gets(404, "GET", &path, Value::Null).await;
    program.gets(204, "DELETE", &format!("{ROOT}/integrations/{integration}"), Value::Null).await;

    // A deleted hub is not there for anything new, and what is in it can be read on.
    program.gets(204, "DELETE", &format!("/hubs/{hub}"), Value::Null).await;
    program.gets(404, "GET", &format!("/hubs/{hub}"), Value::Null).await;
    program.gets(200, "GET", &format!("{users}/user-3"), Value::Null).await;
    program.gets(404, "POST", &users, json!({ "externalId": "late" })).await;
}

/// Method, path, headers, body, and the status they get.
type Check<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[tokio::test(flavor = "multi_thread")]
async fn every_error_speaks_the_contract_s_dialect() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    let key = program.proof.clone();
    let checks: [Check<'_>; 9] = [
        ("GET", "/hubs/x", &[], "", 401),
        ("GET", "/hubs/x", &[("authorization", "Bearer tlk_wrong")], "", 401),
        ("GET", "/hubs/x", &[("authorization", "Basic eDp5")], "", 401),
        ("GET", "/api/embedded/v1/nowhere", &[("authorization", &key)], "", 404),
        ("DELETE", "/hubs", &[("authorization", &key)], "", 405),
        ("POST", "/hubs", &[("authorization", &key)], "{", 400),
        ("POST", "/hubs", &[("authorization", &key)], "[]", 400),
        ("POST", "/hubs", &[("authorization", &key)], "", 400),
        ("GET", "/hubs/%FF", &[("authorization", &key)], "", 400),
    ];
    for (method, path, headers, body, status) in checks {
        let reply = scene.send(method, path, headers, body).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.status, status, "{method} {path}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {text}"));
        assert!(
            answer["code"].is_string() && answer["message"].as_str().is_some_and(|it| it.len() > 10),
            "{answer}"
        );
        assert!(answer["fields"].is_array(), "{answer}");
    }
    // Several headers are judged one by one, and a scheme is read in any case.
    let headers =
        [("authorization", "Bearer tlk_wrong"), ("authorization", &key.replace("Bearer", "bearer"))];
    assert_eq!(scene.send("GET", &format!("/hubs/{hub}"), &headers, "").await.status, 200);
    // A key without the contracts is told so.
    let other = scene.program_of(json!({ "name": "Looks only", "operations": ["look"] })).await;
    other.gets(403, "GET", &format!("/hubs/{hub}"), Value::Null).await;
}
