//! Organizations, and end users with tokens of their own, each keep to themselves.

use serde_json::{Value, json};

use crate::stage::authority::ANNA;
use crate::versori::scene::*;

#[tokio::test(flavor = "multi_thread")]
async fn organizations_never_see_one_another() {
    let scene = Scene::open().await;
    let acme = scene.program("Acme sync").await;
    let other = scene.program("Other").await;
    let sister = scene.program_of(json!({ "name": "Acme too", "organization": "Acme sync" })).await;
    let (hub, credential) = (acme.hub().await, acme.credential("confidential", SECRET).await);
    let user = acme.user(&hub, "u").await;
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let body = json!({ "organisationId": acme.organisation, "name": "Reports" });
    let integration = id(&acme.gets(200, "POST", &format!("/hubs/{hub}/integrations"), body).await["id"]);
    let body = json!({ "userId": "u", "integrationId": integration, "connections": [], "variables": [] });
    let activation = id(&acme.gets(200, "POST", "/activations", body.clone()).await["id"]);
    let templates = format!("{ROOT}/integrations/{integration}/connection-templates");
    let template = id(&acme.gets(200, "GET", &templates, Value::Null).await["connectionTemplates"][0]["id"]);
    let organisation = &acme.organisation;
    let paths = [
        format!("/o/{organisation}/hubs"),
        format!("/hubs/{hub}"),
        format!("/hubs/{hub}/users"),
        format!("/hubs/{hub}/users/u"),
        format!("/hubs/{hub}/users/{}?identifier_type=internal", id(&user["id"])),
        format!("/hubs/{hub}/users/u/connections"),
        format!("/hubs/{hub}/integrations"),
        format!("/embed/{hub}/users/u/integrations"),
        format!("/embed/{hub}/users/u/integrations/{integration}"),
        format!("/embed/{hub}/users/u/activations"),
        format!("/activations/{activation}"),
        format!("/connection-templates/{template}/users/u"),
        format!("/o/{organisation}/credentials"),
        format!("/o/{organisation}/credentials/{credential}"),
        format!("/o/{organisation}/signing-keys"),
        format!("{ROOT}/integrations/{integration}"),
    ];
    for path in &paths {
        acme.gets(200, "GET", path, Value::Null).await;
        sister.gets(200, "GET", path, Value::Null).await;
        other.gets(404, "GET", path, Value::Null).await;
    }
    other.gets(404, "DELETE", &format!("/hubs/{hub}"), Value::Null).await;
    other.gets(404, "PATCH", &format!("/hubs/{hub}"), json!({ "name": "Mine" })).await;
    other.gets(404, "DELETE", &format!("/activations/{activation}"), Value::Null).await;
    other.gets(404, "POST", "/activations", body).await;
    other
        .gets(
            404,
            "POST",
            &format!("/embed/{hub}/connector/{CONNECTOR}/oauth2/initialise"),
            other.asked(&credential),
        )
        .await;
    other
        .gets(
            404,
            "POST",
            &format!("/o/{organisation}/systems/{CONNECTOR}/oauth2/initialise"),
            other.asked(&credential),
        )
        .await;
    let theirs = json!({
        "organisationId": organisation, "name": "Mine", "primaryConnectorId": PRIMARY,
        "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "none" },
    });
    other.gets(404, "POST", "/hubs", theirs).await;

    // Another's credential serves nobody, whoever is said to own it; nor does another's state.
    let own_hub = other.hub().await;
    other.user(&own_hub, "u").await;
    let users = format!("/hubs/{own_hub}/users/u/connections");
    let field = "connection.credentials.action[0].authSchemeConfig.grant.credentialId";
    for owner in [organisation, &other.organisation] {
        let mut asked = other.asked(&credential);
        asked["credential"]["organisationId"] = json!(owner);
        let returned = other.signs_in(&ANNA, &own_hub, asked).await;
        let mut body = other.connection("Stolen", Some(&credential), &returned.code());
        body["connection"]["credentials"]["action"][0]["authSchemeConfig"]["grant"]["organisationId"] =
            json!(owner);
        other.fails_at(&[field], "POST", &users, body).await;
    }
    // Nor does its name replace it, or take it along.
    for owner in [organisation, &other.organisation] {
        let grant = json!({
            "credentialId": credential, "organisationId": owner, "clientId": "theirs", "clientSecret": "theirs",
        });
        let mut body = other.connection("Stolen", None, &Value::Null);
        body["connection"]["credentials"]["action"][0] = json!({
            "authSchemeConfig": other.scheme(&grant), "credential": { "name": "n", "type": "none", "data": {} },
        });
        other.fails_at(&[field], "POST", &users, body.clone()).await;
        body["connection"]["credentials"]["action"][0] = json!({
            "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "none" },
            "credential": { "id": credential, "organisationId": owner },
        });
        other.gets(404, "POST", &users, body).await;
    }
    let kept = format!("/o/{organisation}/credentials/{credential}");
    assert_eq!(acme.gets(200, "GET", &kept, Value::Null).await["data"]["clientId"], "confidential");
    let returned = acme.signs_in(&ANNA, &hub, acme.asked(&credential)).await;
    let own = other.credential("confidential", SECRET).await;
    let state = "connection.credentials.action[0].credential.data.state";
    other.fails_at(&[state], "POST", &users, other.connection("Stolen", Some(&own), &returned.code())).await;
    // That try did not spoil it for the one it belongs to, whatever key of theirs it comes with.
    let users = format!("/hubs/{hub}/users/u/connections");
    sister.gets(201, "POST", &users, acme.connection("Reports", Some(&credential), &returned.code())).await;

    // The same account for another end user is a connection of its own.
    acme.user(&hub, "v").await;
    let returned = acme.signs_in(&ANNA, &hub, acme.asked(&credential)).await;
    let body = acme.connection("Reports of v", Some(&credential), &returned.code());
    acme.gets(201, "POST", &format!("/hubs/{hub}/users/v/connections"), body).await;
    assert_eq!(scene.rows().await.len(), 2);
    acme.gets(204, "DELETE", &format!("/hubs/{hub}/users/v"), Value::Null).await;
    assert_eq!(scene.rows().await.len(), 1);
    assert_eq!(acme.gets(200, "GET", &users, Value::Null).await["totalCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_user_s_own_token_goes_as_far_as_that_end_user() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    for name in ["anna", "bert"] {
        program.user(&hub, name).await;
    }
    let keys = format!("/o/{}/signing-keys", program.organisation);
    let now = scene.stage.clock.now();
    // The id of a signing key is known only once it is there: the tokens are signed with a key for each.
    let (first, _) = signed(&[]);
    let id = program.gets(201, "POST", &keys, json!({ "name": "First", "publicKey": first })).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let iss = format!("https://versori.com/sk/{id}");
    let (_, foreign) = signed(&[json!({ "sub": "anna", "iss": iss })]);
    program.as_user(&foreign[0]).gets(401, "GET", &format!("/hubs/{hub}"), Value::Null).await;

    // Keys are told apart by their ids, which a program reads from the answer; here the next one is put in its place.
    let made = program.gets(201, "POST", &keys, json!({ "name": "Placeholder", "publicKey": first })).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let iss = format!("https://versori.com/sk/{id}");
    let (public, tokens) = signed(&[
        json!({ "sub": "anna", "iss": iss, "exp": now + 600, "nbf": now - 5 }),
        json!({ "sub": "anna", "iss": iss, "exp": now - 60 }),
        json!({ "sub": "anna", "iss": iss, "nbf": now + 600 }),
        json!({ "sub": "anna", "iss": format!("https://evil.example/sk/{id}") }),
        json!({ "iss": iss }),
        json!({ "sub": "carl", "iss": iss }),
    ]);
    let organization = i64::from(program.key.key.organization.number);
    let programs = scene.stage.app.programs();
    let mut record = programs.record(organization, "versori/signing-key", &id).unwrap().unwrap();
    record.body["public_key"] = json!(public);
    programs.save_record(organization, "versori/signing-key", &id, &record.body).unwrap();

    let anna = program.as_user(&tokens[0]);
    for path in [
        format!("/hubs/{hub}"),
        format!("/hubs/{hub}/users/anna"),
        format!("/hubs/{hub}/users/anna/connections"),
        format!("{ROOT}/embed/{hub}/users/anna/integrations"),
        format!("/embed/{hub}/users/anna/activations"),
    ] {
        anna.gets(200, "GET", &path, Value::Null).await;
    }
    for path in [format!("/hubs/{hub}/users/bert"), format!("/embed/{hub}/users/bert/activations")] {
        anna.gets(404, "GET", &path, Value::Null).await;
    }
    for path in
        [format!("/hubs/{hub}/users"), format!("/o/{}/credentials", program.organisation), keys.clone()]
    {
        anna.gets(403, "GET", &path, Value::Null).await;
    }
    anna.gets(403, "DELETE", &format!("/hubs/{hub}"), Value::Null).await;
    let path = format!("/embed/{hub}/connector/{CONNECTOR}/oauth2/initialise");
    anna.gets(200, "POST", &path, anna.asked(SCHEME)).await;
    let somebody = json!({ "externalId": "dora", "primaryConnection": { "name": "d", "variables": [], "credentials": {} } });
    anna.gets(403, "POST", &format!("/hubs/{hub}/users"), somebody.clone()).await;
    for token in &tokens[1..5] {
        program.as_user(token).gets(401, "GET", &format!("/hubs/{hub}"), Value::Null).await;
    }
    // One who is not there yet makes themselves.
    let carl = program.as_user(&tokens[5]);
    carl.gets(404, "GET", &format!("/hubs/{hub}/users/carl"), Value::Null).await;
    assert_eq!(
        carl.gets(200, "GET", &format!("/embed/{hub}/users/carl/integrations"), Value::Null).await["totalCount"],
        0
    );
    carl.gets(201, "POST", &format!("/hubs/{hub}/users"), with(somebody, &json!({ "externalId": "carl" })))
        .await;

    // A forged algorithm proves nothing.
    let middle = tokens[0].split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{middle}.");
    program.as_user(&none).gets(401, "GET", &format!("/hubs/{hub}"), Value::Null).await;
    program.fails_at(&["publicKey"], "POST", &keys, json!({ "name": "n", "publicKey": "PEM" })).await;

    // Without its signing key, or the key through which that came, a token is nothing.
    let _: Value = scene.stage.ask("revoke_key", json!({ "id": program.key.key.id })).await.unwrap();
    anna.gets(401, "GET", &format!("/hubs/{hub}"), Value::Null).await;
    let again = scene.program_of(json!({ "name": "Acme again", "organization": "Acme sync" })).await;
    again.gets(204, "DELETE", &format!("{keys}/{id}"), Value::Null).await;
    let told = anna.gets(401, "GET", &format!("/hubs/{hub}"), Value::Null).await;
    assert!(told["message"].as_str().unwrap().contains("public key"), "{told}");
}
