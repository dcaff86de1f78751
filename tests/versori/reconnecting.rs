//! The order in which the published React client asks, and connecting again after disconnecting.

use serde_json::{Value, json};

use crate::stage::authority::ANNA;
use crate::versori::scene::*;

/// A hub with an integration that wants one connection to the connector; yields hub, integration and template.
async fn tickets(program: &Program<'_>, credential: &str) -> (String, String, String) {
    let hub = program.hub().await;
    let grant = json!({ "credentialId": credential, "organisationId": program.organisation });
    let template = json!({ "connectorId": CONNECTOR, "authSchemeConfig": program.scheme(&grant) });
    let body =
        json!({ "organisationId": program.organisation, "name": "Tickets", "connectionTemplate": template });
    let made = program.gets(200, "POST", &format!("/hubs/{hub}/integrations"), body).await;
    let integration = made["id"].as_str().unwrap().to_owned();
    let path = format!("{ROOT}/integrations/{integration}/connection-templates");
    let templates = program.gets(200, "GET", &path, Value::Null).await;
    let template =
        templates["connectionTemplates"].as_array().unwrap().iter().find(|it| it["isPrimary"] == false);
    let template = template.unwrap()["id"].as_str().unwrap().to_owned();
    (hub, integration, template)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_user_who_is_not_made_yet_sees_what_there_is() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let (hub, integration, _) = tickets(&program, SCHEME).await;
    program.gets(404, "GET", &format!("/hubs/{hub}/users/anna"), Value::Null).await;
    let embed = format!("/embed/{hub}/users/anna");
    let all = program.gets(200, "GET", &format!("{embed}/integrations"), Value::Null).await;
    assert_eq!((&all["totalCount"], &all["totalConnected"]), (&json!(1), &json!(0)));
    let one = program.gets(200, "GET", &format!("{embed}/integrations/{integration}"), Value::Null).await;
    assert_eq!(
        (&one["isActivated"], one["connectionTemplates"].as_array().unwrap().len()),
        (&json!(false), 2)
    );
    let none = program.gets(200, "GET", &format!("{embed}/activations"), Value::Null).await;
    assert_eq!(none["totalCount"], 0);
    // An id of ours names one who is there, or nobody.
    let by_ours = format!("/embed/{hub}/users/{SCHEME}/integrations?identifier_type=internal");
    program.gets(404, "GET", &by_ours, Value::Null).await;
    program.gets(404, "GET", &format!("/embed/{SCHEME}/users/anna/integrations"), Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_disconnected_is_connected_again_by_the_same_name() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let credential = program.credential("confidential", SECRET).await;
    let (hub, integration, template) = tickets(&program, &credential).await;
    program.user(&hub, "anna").await;
    let activation = |user: &str, code: &Value| {
        let mut new = program.connection("Tickets", Some(&credential), code)["connection"].clone();
        new["templateId"] = json!(template);
        json!({ "userId": user, "integrationId": integration, "connections": [new] })
    };
    let connections = format!("/hubs/{hub}/users/anna/connections?hub_connector_id={CONNECTOR}");
    let mut seen: Vec<Value> = Vec::new();
    for _ in 0..3 {
        let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
        let made = program.gets(200, "POST", "/activations", activation("anna", &returned.code())).await;
        let list = program.gets(200, "GET", &connections, Value::Null).await;
        assert_eq!(list["totalCount"], 1, "{list}");
        seen.push(list["connections"][0]["id"].clone());
        assert_eq!(scene.rows().await.len(), 1, "the account stays one connection");
        program
            .gets(204, "DELETE", &format!("/activations/{}", made["id"].as_str().unwrap()), Value::Null)
            .await;
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "each is a new one in the place of the last");

    // What the program made by itself is not replaced by another of the name, nor what is in use.
    let users = format!("/hubs/{hub}/users/anna/connections");
    let again = |code: &Value| program.connection("Tickets", Some(&credential), code);
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let taken = program.gets(409, "POST", &users, again(&returned.code())).await;
    assert_eq!(taken["fields"][0]["field"], "connection.name");
    program.gets(200, "POST", "/activations", activation("anna", &returned.code())).await;
    let second = tickets_of(&program, &hub, &credential).await;
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let mut other = activation("anna", &returned.code());
    (other["integrationId"], other["connections"][0]["templateId"]) = (json!(second.0), json!(second.1));
    let taken = program.gets(409, "POST", "/activations", other).await;
    assert_eq!(taken["fields"][0]["field"], "connections[0].name");

    // Another end user's is called the same, and is their own.
    program.user(&hub, "bert").await;
    program.gets(200, "POST", "/activations", activation("bert", &returned.code())).await;
    assert_eq!(scene.rows().await.len(), 2);

    // A sign-in at another connector is told at the field that names it, where there is one.
    program.user(&hub, "carl").await;
    let path = format!("/embed/{hub}/connector/{PRIMARY}/oauth2/initialise");
    let begun = program.gets(200, "POST", &path, program.asked(&credential)).await;
    let page: url::Url = begun["url"].as_str().unwrap().parse().unwrap();
    let back = ANNA.answer(&page).await;
    let code = Returned { page, back }.code();
    program.fails_at(&["connections[0].templateId"], "POST", "/activations", activation("carl", &code)).await;
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let primary = program.connection("Dora", Some(&credential), &returned.code())["connection"].clone();
    let at = "primaryConnection.credentials.action[0].credential.data.state";
    let body = json!({ "externalId": "dora", "primaryConnection": primary });
    program.fails_at(&[at], "POST", &format!("/hubs/{hub}/users"), body).await;
}

/// Another integration of the hub with the same connector: its id, and its template's.
async fn tickets_of(program: &Program<'_>, hub: &str, credential: &str) -> (String, String) {
    let grant = json!({ "credentialId": credential, "organisationId": program.organisation });
    let body = json!({ "organisationId": program.organisation, "name": "Tickets too" });
    let made = program.gets(200, "POST", &format!("/hubs/{hub}/integrations"), body).await;
    let integration = made["id"].as_str().unwrap().to_owned();
    let path = format!("{ROOT}/integrations/{integration}/connection-templates");
    let template = json!({ "connectorId": CONNECTOR, "authSchemeConfig": program.scheme(&grant) });
    let made = program.gets(200, "POST", &path, template).await;
    (integration, made["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_secret_has_a_credential_too() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let scheme = program.scheme(&json!({ "clientId": "public" }));
    let body = json!({
        "organisationId": program.organisation, "name": "Hub", "primaryConnectorId": CONNECTOR, "authSchemeConfig": scheme,
    });
    let hub = program.gets(201, "POST", "/hubs", body).await;
    let scheme = hub["primaryConnector"]["authSchemeConfig"].clone();
    let grant = &scheme["grant"];
    assert_eq!(grant["organisationId"], json!(program.organisation));
    let credential = grant["credentialId"].as_str().unwrap();
    let hub = hub["id"].as_str().unwrap();
    // As the published client does it: with what the hub tells.
    let asked = with(program.asked(credential), &json!({ "clientId": "public" }));
    let returned = program.signs_in(&ANNA, hub, asked).await;
    let primary = json!({ "name": "Anna", "variables": [], "credentials": { "action": [{
        "authSchemeConfig": scheme, "credential": { "name": "Code", "type": "oauth2-code", "data": returned.code() },
    }] } });
    let body = json!({ "externalId": "anna", "primaryConnection": primary });
    program.gets(201, "POST", &format!("/hubs/{hub}/users"), body).await;
    let requests = scene.service.seen().await["tokenRequests"].clone();
    assert_eq!((&requests[0]["proof"], &requests[0]["ok"]), (&json!("none"), &json!(true)), "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_root_is_the_same_with_one_slash_or_two() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    for root in ["/embedded/v1", "//embedded/v1"] {
        program.gets(200, "GET", &format!("{root}/hubs/{hub}"), Value::Null).await;
        let path = format!("{root}/embed/{hub}/connector/{CONNECTOR}/oauth2/initialise");
        let begun = program.gets(200, "POST", &path, program.asked(SCHEME)).await;
        let page: url::Url = begun["url"].as_str().unwrap().parse().unwrap();
        let callback = format!("{}api/embedded/v1/oauth2/callback", scene.api.url());
        assert_eq!(parameter(&page, "redirect_uri"), Some(callback), "an app knows one address");
        program.gets(404, "GET", &format!("{root}/nowhere"), Value::Null).await;
    }
}
