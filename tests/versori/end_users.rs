//! What an end user's own token must not do to the client that the organization keeps for all of them.

use serde_json::{Value, json};

use crate::stage::authority::ANNA;
use crate::versori::scene::*;

const GRANT: &str = "/connection/credentials/action/0/authSchemeConfig/grant";
const TOKEN_URL: &str = "connection.credentials.action[0].authSchemeConfig.tokenUrl";

/// The organization's client, whose credential does not say where the secret may go.
async fn client(program: &Program<'_>) -> (String, String) {
    let credentials = format!("/o/{}/credentials", program.organisation);
    let data = json!({ "clientId": "confidential", "clientSecret": SECRET });
    let body = json!({ "name": "The app", "type": "oauth2-client", "data": data });
    let id = program.gets(201, "POST", &credentials, body).await["id"].as_str().unwrap().to_owned();
    let path = format!("{credentials}/{id}");
    (id, path)
}

async fn asked_for_tokens(scene: &Scene) -> usize {
    scene.service.seen().await["tokenRequests"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_user_does_not_say_where_the_client_secret_goes() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    program.user(&hub, "anna").await;
    let (credential, _) = client(&program).await;
    let token = program.token_of("anna").await;
    let anna = program.as_user(&token);
    let users = format!("/hubs/{hub}/users/anna/connections");
    let returned = anna.signs_in(&ANNA, &hub, anna.asked(&credential)).await;
    let body = anna.connection("Stolen", Some(&credential), &returned.code());
    anna.fails_at(&[TOKEN_URL], "POST", &users, body).await;
    // A client of their own does not lend its address either.
    let returned = anna.signs_in(&ANNA, &hub, anna.asked(&credential)).await;
    let mut body = anna.connection("Stolen", None, &returned.code());
    *body.pointer_mut(GRANT).unwrap() =
        json!({ "grantType": "authorization_code", "clientId": "confidential", "clientSecret": "mine" });
    let refused = anna.gets(400, "POST", &users, body).await;
    assert!(!refused.to_string().contains(SECRET), "{refused}");
    let own = scene.service.seen().await["tokenRequests"].clone();
    assert!(
        own.as_array().unwrap().iter().all(|it| it["ok"] == false),
        "their own secret opened nothing: {own}"
    );
    let before = asked_for_tokens(&scene).await;

    // Where the organization wrote the address beside the client, it goes there and nowhere else.
    let grant = json!({ "credentialId": credential, "organisationId": program.organisation });
    let template = json!({ "connectorId": CONNECTOR, "authSchemeConfig": program.scheme(&grant) });
    let body =
        json!({ "organisationId": program.organisation, "name": "Reports", "connectionTemplate": template });
    program.gets(200, "POST", &format!("/hubs/{hub}/integrations"), body).await;
    let returned = anna.signs_in(&ANNA, &hub, anna.asked(&credential)).await;
    let mut body = anna.connection("Stolen", Some(&credential), &returned.code());
    body["connection"]["credentials"]["action"][0]["authSchemeConfig"]["tokenUrl"] =
        json!("https://evil.example/token");
    anna.fails_at(&[TOKEN_URL], "POST", &users, body).await;
    assert_eq!(asked_for_tokens(&scene).await, before);
    let returned = anna.signs_in(&ANNA, &hub, anna.asked(&credential)).await;
    anna.gets(201, "POST", &users, anna.connection("Reports", Some(&credential), &returned.code())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_user_does_not_replace_the_client() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    program.user(&hub, "anna").await;
    let (credential, path) = client(&program).await;
    let token = program.token_of("anna").await;
    let anna = program.as_user(&token);
    let users = format!("/hubs/{hub}/users/anna/connections");
    let evil = json!({
        "grantType": "authorization_code", "credentialId": credential, "organisationId": program.organisation,
        "clientId": "evil-client", "clientSecret": "evil-secret",
    });
    let mut body = program.connection("Evil", None, &Value::Null);
    body["connection"]["credentials"]["action"][0] = json!({ "authSchemeConfig": program.scheme(&evil), "credential": { "name": "n", "type": "none", "data": {} } });
    let at = "connection.credentials.action[0].authSchemeConfig.grant.clientSecret";
    anna.fails_at(&[at], "POST", &users, body.clone()).await;
    assert_eq!(program.gets(200, "GET", &path, Value::Null).await["data"]["clientId"], "confidential");

    // The organization may, and what it replaced is put back where the connection comes to nothing.
    let code = json!({ "code": "none", "state": "none" });
    body["connection"]["credentials"]["action"][0]["credential"] =
        json!({ "name": "n", "type": "oauth2-code", "data": code });
    program.gets(400, "POST", &users, body).await;
    assert_eq!(program.gets(200, "GET", &path, Value::Null).await["data"]["clientId"], "confidential");
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let body = program.connection("Reports", Some(&credential), &returned.code());
    program.gets(201, "POST", &users, body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_organization_keeps_does_not_go_with_an_end_user() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    program.user(&hub, "anna").await;
    let (credential, path) = client(&program).await;
    let token = program.token_of("anna").await;
    let anna = program.as_user(&token);
    let users = format!("/hubs/{hub}/users/anna/connections");
    let scheme = json!({ "id": SCHEME, "description": "", "schemeType": "none" });
    let none =
        json!({ "authSchemeConfig": scheme, "credential": { "name": "n", "type": "none", "data": {} } });
    let known = |id: &str| json!({ "authSchemeConfig": scheme, "credential": { "id": id } });
    let connection = |name: &str, parts: Value| {
        json!({ "connectorId": CONNECTOR, "connection": {
            "name": name, "variables": [], "credentials": { "action": parts },
        } })
    };
    anna.gets(404, "POST", &users, connection("Taken", json!([known(&credential)]))).await;
    // Their own is theirs; it is not another's.
    let own = anna.gets(201, "POST", &users, connection("Own", json!([none]))).await;
    let own = own["credentials"]["action"][0]["credential"]["id"].as_str().unwrap().to_owned();
    anna.gets(201, "POST", &users, connection("Own again", json!([known(&own)]))).await;
    program.user(&hub, "bert").await;
    let token = program.token_of("bert").await;
    let berts = format!("/hubs/{hub}/users/bert/connections");
    program.as_user(&token).gets(404, "POST", &berts, connection("Hers", json!([known(&own)]))).await;

    // The organization may bind it, and still keeps it: when the connection fails, and when the end user goes.
    let forged = json!({
        "authSchemeConfig": program.scheme(&json!({})),
        "credential": { "name": "n", "type": "oauth2-code", "data": { "code": "none", "state": "none" } },
    });
    program.gets(400, "POST", &users, connection("Fails", json!([known(&credential), forged]))).await;
    program.gets(200, "GET", &path, Value::Null).await;
    program.gets(201, "POST", &users, connection("Bound", json!([known(&credential)]))).await;
    anna.gets(204, "DELETE", &format!("/hubs/{hub}/users/anna"), Value::Null).await;
    assert_eq!(program.gets(200, "GET", &path, Value::Null).await["data"]["clientId"], "confidential");
    let own = format!("/o/{}/credentials/{own}", program.organisation);
    program.gets(404, "GET", &own, Value::Null).await;
}
