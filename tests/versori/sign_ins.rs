//! From the beginning of a sign-in to the end of its connection.

use serde_json::{Value, json};
use tieline_engine::wire::{ConnectionState, ProviderCard, Tested};
use url::Url;

use crate::stage::authority::{ANNA, Person};
use crate::stage::keyring;
use crate::versori::scene::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_becomes_a_connection_that_is_renewed_shown_and_ended() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let (hub, credential) = (program.hub().await, program.credential("confidential", SECRET).await);
    program.user(&hub, "user@1").await;

    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let page = &returned.page;
    assert_eq!(parameter(page, "response_type").as_deref(), Some("code"));
    assert_eq!(parameter(page, "client_id").as_deref(), Some("confidential"));
    assert_eq!(parameter(page, "code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(parameter(page, "prompt").as_deref(), Some("login consent"));
    assert_eq!(parameter(page, "scope").as_deref(), Some("openid profile email reports.read offline_access"));
    let callback = format!("{}api/embedded/v1/oauth2/callback", scene.api.url());
    assert_eq!(parameter(page, "redirect_uri"), Some(callback));
    let state = parameter(page, "state").unwrap();
    assert!(state.len() >= 43, "256 bits");

    let shown = scene.lands(&returned.back).await;
    assert_eq!(shown.status, 200);
    assert!(String::from_utf8_lossy(&shown.body).contains("Signed in"));

    let users = format!("/hubs/{hub}/users/user%401/connections");
    let body = program.connection("Reports", Some(&credential), &returned.code());
    let made = program.gets(201, "POST", &users, body.clone()).await;
    let kept = &made["credentials"]["action"][0]["credential"];
    assert_eq!(kept["type"], "oauth2-token");
    assert_eq!(kept["data"]["accessToken"], "[redacted]");
    assert_eq!(kept["data"]["refreshToken"], "[redacted]");
    assert!(kept["data"]["scopes"].as_array().unwrap().contains(&json!("reports.read")), "{kept}");
    assert!(kept["data"]["expiresAt"].as_str().unwrap().ends_with('Z'), "{kept}");
    assert_eq!(kept["errors"], json!([]));
    let scheme = &made["credentials"]["action"][0]["authSchemeConfig"];
    assert_eq!(scheme["grant"]["credentialId"], json!(credential));

    // The code went to the token address once, by Basic, as the service's description says.
    let requests = scene.service.seen().await["tokenRequests"].clone();
    assert_eq!(requests, json!([{ "grant": "authorization_code", "proof": "basic", "ok": true }]));

    // In the window it is a connection like any other, and it is renewed.
    let rows = scene.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].account.id.as_str(), rows[0].state), ("anna", ConnectionState::Working));
    assert!(rows[0].provider_name.contains("Acme sync"), "{}", rows[0].provider_name);
    scene.stage.clock.turn(3600);
    let tested: Tested = scene.stage.ask("test", json!({ "id": rows[0].id })).await.unwrap();
    assert!(tested.ok, "{}", tested.words);
    assert_eq!(scene.service.seen().await["tokenRequests"][1]["grant"], "refresh_token");

    // Nobody else connects through that app.
    let refused =
        scene.stage.app.call("connect", json!({ "provider": rows[0].provider, "quiet": true })).await;
    assert_eq!(refused.unwrap_err().code, "not_set_up");

    // Both roots are one, and a state is good once.
    program.fails_at(
        &["connection.credentials.action[0].credential.data.state"],
        "POST",
        &format!("{ROOT}{users}"),
        with(body, &json!({ "connection": program.connection("Again", Some(&credential), &returned.code())["connection"] })),
    )
    .await;
    let list = program
        .gets(200, "GET", &format!("{ROOT}{users}?hub_connector_id={CONNECTOR},{PRIMARY}"), Value::Null)
        .await;
    assert_eq!(list["totalCount"], 2);
    let list = program.gets(200, "GET", &format!("{users}?hub_connector_id={CONNECTOR}"), Value::Null).await;
    assert_eq!((&list["totalCount"], &list["connections"][0]["name"]), (&json!(1), &json!("Reports")));

    // The credential cannot go while it is needed; with the end user, all goes.
    let credentials = format!("/o/{}/credentials", program.organisation);
    program.gets(409, "DELETE", &format!("{credentials}/{credential}"), Value::Null).await;
    program.gets(204, "DELETE", &format!("/hubs/{hub}/users/user%401"), Value::Null).await;
    assert!(scene.rows().await.is_empty());
    assert_eq!(
        scene.service.seen().await["revoked"].as_u64().map(|it| it > 0),
        Some(true),
        "the service was told"
    );
    let cards: Vec<ProviderCard> = scene.stage.ask("providers", json!({})).await.unwrap();
    assert!(!cards.iter().any(|card| card.custom), "the service is forgotten");
    program.gets(404, "GET", &format!("/hubs/{hub}/users/user%401"), Value::Null).await;
    program.gets(204, "DELETE", &format!("{credentials}/{credential}"), Value::Null).await;
    let left: Vec<String> = keyring::entries(scene.stage.folder.path()).into_keys().collect();
    assert!(!left.iter().any(|name| name.contains("versori") || name.contains("CUSTOM_")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_clashes_and_the_other_spelling_of_the_beginning() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    let plain = json!({
        "credential": { "id": SCHEME, "organisationId": program.organisation },
        "authorizeUrl": "http://127.0.0.1:9/authorize?audience=x", "clientId": "c",
    });
    // What this credential is does not matter before the code comes.
    for (more, prompt, scope) in [
        (json!({}), Some("login"), Some("offline_access")),
        (json!({ "disableOfflineAccess": true, "scopes": [] }), Some("login"), None),
        (json!({ "additionalParams": "approval_prompt=force" }), None, Some("offline_access")),
        (
            json!({ "prompt": "consent+select_account", "scopes": ["a b", "c"] }),
            Some("consent select_account"),
            Some("a b c offline_access"),
        ),
        (
            json!({ "prompt": null, "additionalParams": null, "scopes": null }),
            Some("login"),
            Some("offline_access"),
        ),
    ] {
        let url = program.initialise(&hub, with(plain.clone(), &more)).await;
        assert_eq!(parameter(&url, "prompt").as_deref(), prompt, "{more}");
        assert_eq!(parameter(&url, "scope").as_deref(), scope, "{more}");
        assert_eq!(parameter(&url, "audience").as_deref(), Some("x"), "{more}");
    }
    // What does not clash is sent as it came.
    let more = "claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%7D%7D%7D&bar={x}&empty=&flag&list=%2Ca%2C\
                &resource=b&resource=a&response_mode=query";
    let url = program.initialise(&hub, with(plain.clone(), &json!({ "additionalParams": more }))).await;
    let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for wanted in url::form_urlencoded::parse(more.as_bytes()).into_owned() {
        assert!(sent.contains(&wanted), "{wanted:?} in {url}");
    }
    let resources: Vec<&str> =
        sent.iter().filter(|(name, _)| name == "resource").map(|(_, value)| value.as_str()).collect();
    assert_eq!(resources, ["b", "a"]);
    let path = format!("{ROOT}/embed/{hub}/connector/{CONNECTOR}/oauth2/initialise");
    for (more, field) in [
        (json!({ "additionalParams": "state=mine" }), "additionalParams"),
        (json!({ "additionalParams": "foo=cat%20bob&redirect_uri=x" }), "additionalParams"),
        (json!({ "additionalParams": "audience=y" }), "additionalParams"),
        (json!({ "additionalParams": "response_mode=form_post" }), "additionalParams"),
        (json!({ "additionalParams": "prompt=none", "prompt": "login" }), "additionalParams"),
        (json!({ "authorizeUrl": "http://127.0.0.1:9/authorize?client_id=x" }), "authorizeUrl"),
        (json!({ "authorizeUrl": "http://login.acme.example/" }), "authorizeUrl"),
        (json!({ "authorizeUrl": "javascript:alert(1)" }), "authorizeUrl"),
        (json!({ "scopes": ["ok", "\"no\""] }), "scopes"),
        (json!({ "scopes": "a" }), "scopes"),
        (json!({ "clientId": "two words" }), "clientId"),
        (json!({ "credential": { "id": "x", "organisationId": program.organisation } }), "credential.id"),
        (json!({ "credential": { "id": SCHEME } }), "credential.organisationId"),
        (json!({ "redirectUrl": "http://evil.example/" }), "redirectUrl"),
    ] {
        program.fails_at(&[field], "POST", &path, with(plain.clone(), &more)).await;
    }
    program.fails_at(&["credential", "clientId", "authorizeUrl"], "POST", &path, json!({})).await;

    // A command line brings an address of its own, and names no hub.
    let own = "http://127.0.0.1:62168/oauth/callback";
    let credential = program.credential("confidential", SECRET).await;
    let path = format!("{ROOT}/o/{}/systems/{CONNECTOR}/oauth2/initialise", program.organisation);
    let begun = program
        .gets(200, "POST", &path, with(program.asked(&credential), &json!({ "redirectUrl": own })))
        .await;
    let page: Url = begun["url"].as_str().unwrap().parse().unwrap();
    assert_eq!(parameter(&page, "redirect_uri").as_deref(), Some(own));
    let back = ANNA.answer(&page).await;
    assert!(back.as_str().starts_with(own));
    program.user(&hub, "u").await;
    let code = with(Returned { page, back }.code(), &json!({ "redirectUrl": own }));
    let body = program.connection("By the command line", Some(&credential), &code);
    program.gets(201, "POST", &format!("/hubs/{hub}/users/u/connections"), body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_finished_only_as_it_was_begun() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let (hub, other_hub) = (program.hub().await, program.hub().await);
    let credential = program.credential("confidential", SECRET).await;
    let wrong = program.credential("public", SECRET).await;
    for hub in [&hub, &other_hub] {
        program.user(hub, "u").await;
    }
    let users = format!("/hubs/{hub}/users/u/connections");
    let at = |path: &str| format!("connection.credentials.action[0].{path}");
    let scheme = |path: &str| at(&format!("authSchemeConfig.{path}"));

    // What is wrong in the body is told before the state is used up.
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let good = program.connection("Reports", Some(&credential), &returned.code());
    let mut half = good.clone();
    half["connection"]["credentials"]["action"][0]["authSchemeConfig"]["grant"]["organisationId"] =
        Value::Null;
    program.fails_at(&[&scheme("grant.organisationId")], "POST", &users, half).await;
    let mut mtls = good.clone();
    mtls["connection"]["credentials"]["action"][0]["authSchemeConfig"]["mtlsEnabled"] = json!(true);
    program.fails_at(&[&scheme("mtlsEnabled")], "POST", &users, mtls).await;
    program.gets(201, "POST", &users, good.clone()).await;
    let taken = program.gets(409, "POST", &users, good).await;
    assert_eq!(taken["fields"][0]["field"], "connection.name");

    // Another hub, connector, client, page or credential than at the beginning.
    let changes: [(&str, Value, String); 5] = [
        ("/connectorId", json!(PRIMARY), "connectorId".into()),
        (
            "/connection/credentials/action/0/authSchemeConfig/grant/clientId",
            json!("public"),
            scheme("grant.clientId"),
        ),
        (
            "/connection/credentials/action/0/authSchemeConfig/authorizeUrl",
            json!("https://evil.example/auth"),
            scheme("authorizeUrl"),
        ),
        (
            "/connection/credentials/action/0/authSchemeConfig/tokenUrl",
            json!("https://evil.example/token"),
            scheme("tokenUrl"),
        ),
        (
            "/connection/credentials/action/0/authSchemeConfig/grant/credentialId",
            json!(wrong),
            scheme("grant.clientId"),
        ),
    ];
    for (place, value, field) in changes {
        let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
        let mut body = program.connection("Changed", Some(&credential), &returned.code());
        *body.pointer_mut(place).unwrap() = value;
        program.fails_at(&[&field], "POST", &users, body).await;
    }
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let body = program.connection("Changed", Some(&credential), &returned.code());
    let elsewhere = format!("/hubs/{other_hub}/users/u/connections");
    program.fails_at(&[&at("credential.data.state")], "POST", &elsewhere, body).await;
    let before = scene.service.seen().await["tokenRequests"].as_array().unwrap().len();
    assert_eq!(before, 1, "no code went anywhere");

    // A credential nobody keeps, at the beginning and at the end; a code that is none; and one that comes too late.
    let returned = program.signs_in(&ANNA, &hub, program.asked(SCHEME)).await;
    let body = program.connection("Unknown", None, &returned.code());
    program.fails_at(&[&scheme("grant.credentialId")], "POST", &users, body).await;
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let forged = with(returned.code(), &json!({ "code": "made-up" }));
    let refused = program
        .fails_at(
            &[&at("credential.data.code")],
            "POST",
            &users,
            program.connection("Forged", Some(&credential), &forged),
        )
        .await;
    assert!(refused["message"].as_str().unwrap().contains("invalid_grant"), "{refused}");
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    // The published command line waits for fifteen minutes.
    scene.stage.clock.turn(899);
    assert_eq!(scene.lands(&returned.back).await.status, 200);
    scene.stage.clock.turn(2);
    assert_eq!(scene.lands(&returned.back).await.status, 400, "unexpected by now");
    let late = program.connection("Late", Some(&credential), &returned.code());
    program.fails_at(&[&at("credential.data.state")], "POST", &users, late).await;
    assert_eq!(scene.rows().await.len(), 1);

    // A person who says no: the page tells the opener, and there is no code.
    let refuser = Person { name: "anna", refuses: true };
    let returned = program.signs_in(&refuser, &hub, program.asked(&credential)).await;
    assert_eq!(parameter(&returned.back, "error").as_deref(), Some("access_denied"));
    let page = scene.lands(&returned.back).await;
    assert!(page.status == 200 && String::from_utf8_lossy(&page.body).contains("Not signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_is_replaced_for_what_is_connected_already() {
    let scene = Scene::open().await;
    let program = scene.program("Acme sync").await;
    let hub = program.hub().await;
    program.user(&hub, "u").await;
    let credential = program.credential("confidential", "not-the-secret").await;
    let path = format!("/o/{}/credentials/{credential}", program.organisation);
    let users = format!("/hubs/{hub}/users/u/connections");
    let code = "connection.credentials.action[0].credential.data.code";
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let body = program.connection("Reports", Some(&credential), &returned.code());
    let refused = program.fails_at(&[code], "POST", &users, body).await;
    assert!(refused["message"].as_str().unwrap().contains("invalid_client"), "{refused}");
    let cards: Vec<ProviderCard> = scene.stage.ask("providers", json!({})).await.unwrap();
    assert!(!cards.iter().any(|card| card.custom), "nothing is left of the try");

    // Its way of proving itself can be told; what is sent besides arrives.
    let data = json!({ "clientSecret": SECRET, "tokenEndpointAuthMethod": "client_secret_basic" });
    let changed = program.gets(200, "PUT", &path, json!({ "name": "Right", "data": data })).await;
    assert_eq!((&changed["name"], &changed["data"]["clientSecret"]), (&json!("Right"), &json!("[redacted]")));
    assert_eq!(changed["data"]["clientId"], "confidential");
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let mut body = program.connection("Reports", Some(&credential), &returned.code());
    let scheme = "/connection/credentials/action/0/authSchemeConfig";
    *body.pointer_mut(scheme).unwrap() =
        with(body.pointer(scheme).unwrap().clone(), &json!({ "additionalTokenParams": "audience=reports" }));
    program.gets(201, "POST", &users, body).await;
    let last = scene.service.seen().await["tokenRequests"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["audience"], &last["proof"]), (&json!("reports"), &json!("basic")));

    let id = scene.rows().await[0].id.clone();
    let renewed: Tested = scene.stage.ask("refresh", json!({ "id": id })).await.unwrap();
    assert!(renewed.ok, "{}", renewed.words);
    program.gets(200, "PUT", &path, json!({ "data": { "clientSecret": "rotated-away" } })).await;
    let renewed: Tested = scene.stage.ask("refresh", json!({ "id": id })).await.unwrap();
    assert!(!renewed.ok, "the new secret is used, and it is wrong");
    let list =
        program.gets(200, "GET", &format!("/o/{}/credentials", program.organisation), Value::Null).await;
    let of_token =
        list["credentials"].as_array().unwrap().iter().find(|it| it["type"] == "oauth2-token").unwrap();
    assert_eq!(of_token["errors"].as_array().map(Vec::len), Some(1), "{of_token}");
    program.fails_at(&["type"], "PUT", &path, json!({ "type": "string" })).await;
    program.fails_at(&["data.clientId"], "PUT", &path, json!({ "data": { "clientId": 7 } })).await;
    let of_token = format!("/o/{}/credentials/{}", program.organisation, of_token["id"].as_str().unwrap());
    program.gets(409, "PUT", &of_token, json!({ "name": "Mine" })).await;

    // With the right one again, and the person signed in again, it goes on as the same connection.
    program.gets(200, "PUT", &path, json!({ "data": { "clientSecret": SECRET } })).await;
    let returned = program.signs_in(&ANNA, &hub, program.asked(&credential)).await;
    let mut again = program.connection("Reports, again", Some(&credential), &returned.code());
    *again.pointer_mut(scheme).unwrap() =
        with(again.pointer(scheme).unwrap().clone(), &json!({ "additionalTokenParams": "audience=reports" }));
    program.gets(201, "POST", &users, again).await;
    let rows = scene.rows().await;
    assert_eq!((rows.len(), rows[0].id.as_str(), rows[0].state), (1, id.as_str(), ConnectionState::Working));

    // Disconnected by the person in the window, it says so.
    let _: Value = scene.stage.ask("disconnect", json!({ "id": id })).await.unwrap();
    let told = program.gets(200, "GET", &of_token, Value::Null).await;
    assert!(told["errors"][0].as_str().unwrap().contains("disconnected"), "{told}");
    program.gets(204, "DELETE", &format!("/hubs/{hub}/users/u"), Value::Null).await;
}
