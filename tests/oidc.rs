//! A service that is not in the catalogue, against an authorization server that nobody here wrote: npm `oidc-provider`
//! with PKCE, rotating refresh tokens, revocation and `iss`, and with pushed requests and bound tokens where a test asks
//! for them. Its sign-in pages are answered over HTTP.

use crate::stage;

use serde_json::{Value, json};
use stage::Stage;
use stage::authority::{ANNA, Person, Server};
use tieline_engine::wire::{
    AppSummary, ConnectionRow, ConnectionState, Disconnected, Flow, FlowStep, FormCheck, ProviderCard, Tested,
};
use url::Url;

const SERVICE: &str = "CUSTOM_ACME_ID";
const DEEP_LINK: &str = "app.tieline.desktop://integrations/custom_acme_id";

async fn save(stage: &Stage, server: &Server, more: Value) -> ProviderCard {
    let mut ask = json!({
        "name": "Acme ID", "issuer": server.issuer, "client_id": "confidential", "client_secret": "s3cret-of-acme",
        "scopes": "openid profile email reports.read", "prompt": "login+consent",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        ask[key] = value.clone();
    }
    stage
        .ask("save_service", ask)
        .await
        .unwrap_or_else(|failure| panic!("{} {}", failure.message, failure.hint))
}

async fn begin(stage: &Stage, more: Value) -> Flow {
    let mut ask = json!({ "provider": SERVICE, "quiet": true });
    for (key, value) in more.as_object().into_iter().flatten() {
        ask[key] = value.clone();
    }
    stage.ask("connect", ask).await.unwrap_or_else(|failure| panic!("{} {}", failure.message, failure.hint))
}

async fn sign_in(stage: &Stage, person: &Person, more: Value) -> Flow {
    let flow = begin(stage, more).await;
    let back = person.answer(&stage.page(&flow).await).await;
    stage.bring(&back).await;
    stage.ended(&flow).await
}

async fn connect(stage: &Stage) -> String {
    let flow = sign_in(stage, &ANNA, json!({})).await;
    assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);
    flow.connection.expect("a connection")
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The answer with a parameter changed on its way, or taken out.
fn altered(back: &Url, name: &str, value: Option<&str>) -> Url {
    let pairs: Vec<(String, String)> =
        back.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut back = back.clone();
    back.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(value.map(|value| (name, value)));
    back
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_all_it_takes() {
    let port = stage::own_port();
    let loopback = format!("http://127.0.0.1:{port}/integrations/custom_acme_id");
    let server = Server::usual(&[&loopback]).await;
    let stage = Stage::open().await;
    let card = save(&stage, &server, json!({ "additional_parameters": "audience=reports" })).await;
    assert!(card.custom && card.app_ready && card.id == SERVICE);
    let ask = json!({ "provider": SERVICE, "client_id": "confidential", "loopback_port": port });
    let app: AppSummary = stage.ask("save_app", ask).await.expect("the port is kept");
    assert!(app.has_secret, "the secret typed before stays");
    let form: FormCheck = stage.ask("check_form", json!({ "provider": SERVICE })).await.expect("a form");
    assert!(
        form.ready && form.guide.redirects.contains(&loopback),
        "what to register is told: {:?}",
        form.guide.redirects
    );

    let flow = begin(&stage, json!({ "way": "loopback" })).await;
    let page = stage.page(&flow).await;
    assert_eq!(parameter(&page, "redirect_uri").as_deref(), Some(loopback.as_str()));
    assert_eq!(parameter(&page, "code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(
        parameter(&page, "scope").as_deref(),
        Some("openid profile email reports.read offline_access")
    );
    assert_eq!(parameter(&page, "prompt").as_deref(), Some("login consent"));
    assert_eq!(parameter(&page, "audience").as_deref(), Some("reports"));
    let back = ANNA.answer(&page).await;
    assert_eq!(parameter(&back, "iss").map(|iss| format!("{iss}/")).as_deref(), Some(server.issuer.as_str()));
    stage.bring(&back).await;
    let flow = stage.ended(&flow).await;
    assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);

    let id = flow.connection.expect("a connection");
    let detail = stage.detail(&id).await;
    assert_eq!((detail.row.account.id.as_str(), detail.row.account.name.as_str()), ("anna", "Anna Doe"));
    assert_eq!(detail.row.account.email, "anna@acme.example");
    assert_eq!(detail.row.missing_scopes, 0, "{:?}", detail.permissions);
    assert!(detail.disconnect.revokes && detail.lasts.access_until.is_some());
    let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
    assert!(tested.ok, "{}", tested.words);
    let requests = server.seen().await["tokenRequests"].clone();
    assert_eq!(requests, json!([{ "grant": "authorization_code", "proof": "basic", "ok": true }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_rotate_and_the_old_one_dies() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "client_id": "public", "client_secret": null })).await;
    let id = connect(&stage).await;
    let first = server.refresh_token().await;
    // The clock brings it about, and then the person does.
    stage.clock.turn(3600);
    let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
    assert!(tested.ok, "{}", tested.words);
    let second = server.refresh_token().await;
    assert_ne!(first, second);
    let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
    assert!(renewed.ok, "{}", renewed.words);
    let third = server.refresh_token().await;
    assert_ne!(second, third);
    assert_eq!(server.seen().await["tokenRequests"].as_array().map(Vec::len), Some(3), "one request each");

    // Somebody uses a copy of a used token: the server ends the whole sign-in.
    assert_eq!(server.refresh_as_a_thief(&first).await["error"], "invalid_grant");
    let tested: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("an answer");
    assert!(!tested.ok);
    assert_eq!(tested.row.state, ConnectionState::NeedsYou, "{}", tested.words);
    assert_eq!(tested.problem.map(|it| it.code).as_deref(), Some("revoked"));
    let detail = stage.detail(&id).await;
    assert_eq!(detail.row.name, "Anna Doe", "nothing is deleted");
    assert!(!detail.secret.entry.is_empty());

    let flow = sign_in(&stage, &ANNA, json!({ "reconnect": id })).await;
    assert_eq!(
        (flow.step, flow.connection.as_deref()),
        (FlowStep::Connected, Some(id.as_str())),
        "{:?}",
        flow.problem
    );
    assert_eq!(stage.row(&id).await.state, ConnectionState::Working);
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_ends_the_sign_in_at_the_server() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    for (client, secret) in [("public", Value::Null), ("confidential", "s3cret-of-acme".into())] {
        save(&stage, &server, json!({ "client_id": client, "client_secret": secret })).await;
        if client == "confidential" {
            // Described once more, the secret left as it is: it still belongs to every request.
            save(&stage, &server, json!({ "client_id": client, "client_secret": null })).await;
        }
        let id = connect(&stage).await;
        let token = server.refresh_token().await;
        let before = server.seen().await;
        let ended: Disconnected =
            stage.ask("disconnect", json!({ "id": id, "revoke": true })).await.expect("an end");
        assert!(ended.revoked && !ended.queued, "{client}: {:?}", ended.words);
        let after = server.seen().await;
        assert!(
            after["revoked"].as_u64() > before["revoked"].as_u64()
                && after["grantsEnded"].as_u64() > before["grantsEnded"].as_u64()
        );
        if client == "public" {
            assert_eq!(server.refresh_as_a_thief(&token).await["error"], "invalid_grant");
        }
        let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
        assert!(rows.is_empty(), "{client}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_issuer_is_refused_before_the_code_is_used() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({})).await;
    // The second: the metadata promises `iss`, so an answer without it is not the server's.
    for iss in [Some("https://evil.example"), None, Some(""), Some(server.issuer.as_str())] {
        let flow = begin(&stage, json!({})).await;
        let back = ANNA.answer(&stage.page(&flow).await).await;
        stage.bring(&altered(&back, "iss", iss)).await;
        let ended = stage.ended(&flow).await;
        assert_eq!(ended.step, FlowStep::Failed, "{iss:?}");
        let problem = ended.problem.expect("a problem");
        assert!(problem.happened.contains("issuer"), "{iss:?}: {}", problem.happened);
    }
    assert_eq!(server.seen().await["tokenRequests"], json!([]), "no code went anywhere");
    connect(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_at_the_page_is_told_and_connects_nothing() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({})).await;
    let flow = sign_in(&stage, &Person { name: "anna", refuses: true }, json!({})).await;
    assert_eq!(flow.step, FlowStep::Refused, "{:?}", flow.problem);
    assert_eq!(flow.problem.map(|it| it.code).as_deref(), Some("declined"));
    let rows: Vec<ConnectionRow> = stage.ask("connections", json!({})).await.expect("a list");
    assert!(rows.is_empty());
    assert_eq!(server.seen().await["tokenRequests"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_is_noticed_at_a_reconnect() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({})).await;
    let id = connect(&stage).await;
    let flow = sign_in(&stage, &Person { name: "bert", refuses: false }, json!({ "reconnect": id })).await;
    assert_eq!(flow.step, FlowStep::OtherAccount, "{:?}", flow.problem);
    assert_eq!(flow.other_account.map(|it| it.email).as_deref(), Some("bert@acme.example"));
    assert_eq!(stage.row(&id).await.account.id, "anna");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_and_offline_access_are_as_the_admin_says() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    let cases = [
        (json!({ "prompt": null }), Some("login"), true),
        (json!({ "prompt": null, "offline_access": false }), Some("login"), false),
        (json!({ "prompt": null, "additional_parameters": "?approval_prompt=force" }), None, true),
        (
            json!({ "prompt": "login+consent", "scopes": "openid offline_access", "offline_access": false }),
            Some("login consent"),
            true,
        ),
    ];
    for (wishes, prompt, offline) in cases {
        save(&stage, &server, wishes.clone()).await;
        let flow = begin(&stage, json!({})).await;
        let page = stage.page(&flow).await;
        assert_eq!(parameter(&page, "prompt").as_deref(), prompt, "{wishes}");
        let scopes = parameter(&page, "scope").expect("scopes");
        assert_eq!(
            scopes.split(' ').filter(|scope| *scope == "offline_access").count(),
            usize::from(offline),
            "{wishes}"
        );
        let _: Value = stage.ask("cancel", json!({ "id": flow.id })).await.expect("cancelled");
    }
    // Without offline access there is nothing to renew with, and the connection says so rather than fail.
    save(&stage, &server, json!({ "offline_access": false })).await;
    let id = connect(&stage).await;
    assert_eq!(server.seen().await["refreshTokens"], json!([]));
    let renewed: Result<Tested, _> = stage.ask("refresh", json!({ "id": id })).await;
    assert_eq!(renewed.expect_err("nothing to renew with").code, "conflict");
    assert_eq!(stage.row(&id).await.state, ConnectionState::Working);
    stage.clock.turn(3601);
    let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("an answer");
    assert_eq!((tested.ok, tested.row.state), (false, ConnectionState::NeedsYou), "{}", tested.words);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_openid_nobody_is_named_and_the_connection_works() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "scopes": "reports.read" })).await;
    let id = connect(&stage).await;
    let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
    assert_eq!((tested.ok, tested.row.state), (true, ConnectionState::Working), "{}", tested.words);
    assert!(!tested.row.name.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_sent_the_way_the_server_takes_it() {
    let stage = Stage::open().await;
    for (method, by, asked) in [
        ("client_secret_post", "body", Value::Null),
        ("client_secret_basic", "basic", Value::Null),
        ("client_secret_post", "body", "body".into()),
        ("client_secret_basic", "basic", "basic".into()),
    ] {
        let clients = json!([{
            "client_id": "confidential", "client_secret": "s3cret-of-acme", "application_type": "native",
            "redirect_uris": [DEEP_LINK], "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": method,
        }]);
        let server = Server::start(clients, json!([method])).await;
        if asked.is_null() {
            save(&stage, &server, json!({})).await;
        } else {
            // By its addresses, without metadata, only the admin knows.
            let places = json!({
                "issuer": "", "authorize_url": server.issuer.join("auth").expect("an address"),
                "token_url": server.issuer.join("token").expect("an address"), "client_auth": asked,
            });
            save(&stage, &server, places).await;
        }
        let id = connect(&stage).await;
        let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
        assert!(renewed.ok, "{method}: {}", renewed.words);
        let proofs: Vec<Value> = server.seen().await["tokenRequests"]
            .as_array()
            .expect("requests")
            .iter()
            .map(|it| it["proof"].clone())
            .collect();
        assert_eq!(proofs, [by, by], "{method}");
        let _: Disconnected = stage.ask("disconnect", json!({ "id": id })).await.expect("an end");
    }
}

/// RFC 6749 §2.3.1: what is joined by a colon is form-encoded before.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_any_signs_arrives_as_it_was_typed() {
    const SECRET: &str = "s3c+r%2B e:t~of/acme=";
    let clients = json!([{
        "client_id": "con:fi+dential", "client_secret": SECRET, "application_type": "native",
        "redirect_uris": [DEEP_LINK], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_basic",
    }]);
    let server = Server::start(clients, json!(["client_secret_basic"])).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "client_id": "con:fi+dential", "client_secret": SECRET })).await;
    let id = connect(&stage).await;
    let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
    assert!(renewed.ok, "{}", renewed.words);
    let proofs = server.seen().await["tokenRequests"].clone();
    assert!(
        proofs.as_array().is_some_and(|all| all.len() == 2 && all.iter().all(|it| it["proof"] == "basic")),
        "{proofs}"
    );
    let ended: Disconnected =
        stage.ask("disconnect", json!({ "id": id, "revoke": true })).await.expect("an end");
    assert!(ended.revoked && server.seen().await["revoked"].as_u64() > Some(0), "{:?}", ended.words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_service_is_changed_and_its_connections_stay() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "additional_parameters": "audience=reports" })).await;
    let id = connect(&stage).await;
    let kept: Value = stage.ask("service", json!({ "provider": SERVICE })).await.expect("it is kept");
    assert!(!kept.to_string().contains("s3cret-of-acme"), "{kept}");
    for (field, value) in [
        ("issuer", json!(server.issuer.as_str().trim_end_matches('/'))),
        ("client_id", "confidential".into()),
        ("has_secret", true.into()),
        ("client_auth", "".into()),
        ("scopes", "openid profile email reports.read".into()),
        ("prompt", "login+consent".into()),
        ("offline_access", true.into()),
        ("additional_parameters", "audience=reports".into()),
        ("offline_by_consent", true.into()),
    ] {
        assert_eq!(kept[field], value, "{field}");
    }

    // Another name and fewer scopes, the secret left as it is.
    let change = |more: Value| {
        let mut ask = json!({
            "id": SERVICE, "name": "Acme People", "issuer": kept["issuer"], "client_id": "confidential",
            "scopes": "openid profile", "prompt": kept["prompt"], "client_auth": "basic",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            ask[key] = value.clone();
        }
        ask
    };
    let card: ProviderCard = stage.ask("save_service", change(json!({}))).await.expect("it is saved");
    assert_eq!((card.id.as_str(), card.name.as_str(), card.connections), (SERVICE, "Acme People", 1));
    let row = stage.row(&id).await;
    assert_eq!((row.provider_name.as_str(), row.state), ("Acme People", ConnectionState::Working));
    let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
    assert!(renewed.ok, "{}", renewed.words);
    let page = stage.page(&begin(&stage, json!({})).await).await;
    assert_eq!(parameter(&page, "scope").as_deref(), Some("openid profile offline_access"));
    assert_eq!(parameter(&page, "audience"), None);

    let elsewhere = json!({
        "issuer": "", "authorize_url": "https://id.evil.example/a", "token_url": "https://id.evil.example/t",
    });
    for (field, ask) in [
        ("client_secret", change(elsewhere)),
        ("client_secret", change(json!({ "client_auth": "none", "client_secret": "typed" }))),
        ("client_auth", change(json!({ "client_auth": "header" }))),
        ("name", change(json!({ "name": "–" }))),
        // Its first name is not free for another service.
        ("name", change(json!({ "id": null, "name": "Acme ID" }))),
        ("name", change(json!({ "id": null }))),
    ] {
        let failure = stage.ask::<ProviderCard>("save_service", ask).await.expect_err(field);
        assert_eq!(failure.field.as_deref(), Some(field), "{}", failure.message);
    }
    let unknown = stage.ask::<ProviderCard>("save_service", change(json!({ "id": "CUSTOM_OTHER" }))).await;
    assert_eq!(unknown.expect_err("there is none").code, "not_found");
    let kept: Value = stage.ask("service", json!({ "provider": SERVICE })).await.expect("it is kept");
    assert_eq!((&kept["card"]["name"], &kept["has_secret"]), (&"Acme People".into(), &true.into()));

    let public = change(json!({ "client_id": "public", "client_auth": "none" }));
    let _: ProviderCard = stage.ask("save_service", public).await.expect("it is saved");
    let kept: Value = stage.ask("service", json!({ "provider": SERVICE })).await.expect("it is kept");
    assert_eq!((&kept["client_auth"], &kept["has_secret"]), (&"none".into(), &false.into()));
    connect(&stage).await;
    let proofs = server.seen().await["tokenRequests"].clone();
    assert_eq!(
        proofs.as_array().and_then(|all| all.last()).map(|it| it["proof"].clone()),
        Some("none".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_points_at_the_app() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "client_secret": "not-the-s3cret" })).await;
    let flow = sign_in(&stage, &ANNA, json!({})).await;
    assert_eq!(flow.step, FlowStep::Failed);
    let problem = flow.problem.expect("a problem");
    assert_eq!(problem.code, "wrong_client", "{} {}", problem.happened, problem.why);
    assert!(!format!("{problem:?}").contains("not-the-s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_description_is_told_at_its_field() {
    let server = Server::usual(&[DEEP_LINK]).await;
    let stage = Stage::open().await;
    let issuer = server.issuer.as_str();
    let elsewhere = server.issuer.join("somewhere").expect("an address");
    for (field, wrong) in [
        ("name", json!({ "name": " – " })),
        ("issuer", json!({ "issuer": "http://id.acme.example" })),
        ("issuer", json!({ "issuer": "id.acme.example" })),
        ("issuer", json!({ "issuer": elsewhere })),
        ("issuer", json!({ "issuer": issuer.replace("127.0.0.1", "localhost") })),
        ("authorize_url", json!({ "issuer": "" })),
        ("token_url", json!({ "issuer": "", "authorize_url": "https://id.acme.example/authorize" })),
        (
            "token_url",
            json!({ "issuer": "", "authorize_url": "https://id.acme.example/authorize", "token_url": "http://id.acme.example" }),
        ),
        ("client_id", json!({ "client_id": "" })),
        ("client_id", json!({ "client_id": "two words" })),
        ("scopes", json!({ "scopes": "a \"b\"" })),
        ("additional_parameters", json!({ "additional_parameters": "state=mine" })),
        (
            "additional_parameters",
            json!({ "additional_parameters": "redirect_uri=https%3A%2F%2Fevil.example" }),
        ),
        ("additional_parameters", json!({ "additional_parameters": "response_mode=form_post" })),
        ("additional_parameters", json!({ "additional_parameters": "prompt=none" })),
        ("client_auth", json!({ "client_auth": "header" })),
    ] {
        let mut ask =
            json!({ "name": "Acme ID", "issuer": issuer, "client_id": "public", "prompt": "login" });
        for (key, value) in wrong.as_object().into_iter().flatten() {
            ask[key] = value.clone();
        }
        let saved: Result<ProviderCard, _> = stage.ask("save_service", ask).await;
        let failure = saved.expect_err(field);
        assert_eq!(
            (failure.code.as_str(), failure.field.as_deref()),
            ("bad_input", Some(field)),
            "{wrong}: {}",
            failure.message
        );
        assert!(!failure.message.is_empty());
    }
    let cards: Vec<ProviderCard> = stage.ask("providers", json!({})).await.expect("a list");
    assert!(cards.iter().all(|card| !card.custom), "nothing was saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_a_pushed_request_leaves_nothing_in_the_browser_s_address() {
    let stage = Stage::open().await;
    for (required, client, secret, proof) in
        [(false, "confidential", json!("s3cret-of-acme"), "basic"), (true, "public", json!(""), "none")]
    {
        let server = Server::offering(&[DEEP_LINK], json!({ "pushed": true, "required": required })).await;
        save(&stage, &server, json!({ "client_id": client, "client_secret": secret })).await;
        let flow = begin(&stage, json!({})).await;
        let page = stage.page(&flow).await;
        let mut names: Vec<String> = page.query_pairs().map(|(name, _)| name.into_owned()).collect();
        names.sort();
        assert_eq!(names, ["client_id", "request_uri"]);
        let pushes = server.seen().await["pushes"].clone();
        for push in pushes.as_array().expect("pushes") {
            assert_eq!((&push["proof"], &push["status"]), (&json!(proof), &json!(201)), "{push}");
            let asked = &push["asked"];
            assert_eq!(asked["redirect_uri"], DEEP_LINK);
            assert_eq!(asked["code_challenge_method"], "S256");
            assert_eq!(asked["scope"], "openid profile email reports.read offline_access");
            assert!(asked["state"].as_str().is_some_and(|state| state.len() >= 43));
            assert!(!page.as_str().contains(asked["state"].as_str().expect("a state")));
            assert!(asked["client_secret"].is_null(), "the secret goes by Basic");
        }
        let back = ANNA.answer(&page).await;
        stage.bring(&back).await;
        let ended = stage.ended(&flow).await;
        assert_eq!(ended.step, FlowStep::Connected, "{:?}", ended.problem);
        let id = ended.connection.expect("a connection");
        let _: Disconnected = stage.ask("disconnect", json!({ "id": id })).await.expect("an end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_used_or_ran_out_is_made_anew() {
    let server = Server::offering(&[DEEP_LINK], json!({ "pushed": true })).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({})).await;
    let flow = begin(&stage, json!({})).await;
    let first = stage.page(&flow).await;
    let _seen_and_closed = Person { name: "anna", refuses: true }.answer(&first).await;
    let second = stage.page(&flow).await;
    assert_ne!(first, second);
    stage.bring(&ANNA.answer(&second).await).await;
    assert_eq!(stage.ended(&flow).await.step, FlowStep::Connected);
    let again: Result<Value, _> = stage.ask("sign_in_link", json!({ "id": flow.id })).await;
    assert_eq!(again.expect_err("it has ended").code, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pushed_request_is_refused_for_is_told_before_the_browser_opens() {
    let elsewhere =
        Server::offering(&["app.acme.desktop://integrations/other"], json!({ "pushed": true })).await;
    let narrow = json!([{
        "client_id": "confidential", "client_secret": "s3cret-of-acme", "application_type": "native",
        "redirect_uris": [DEEP_LINK], "scope": "openid",
    }]);
    let narrow = Server::offering(&[DEEP_LINK], json!({ "pushed": true, "clients": narrow })).await;
    let stage = Stage::open().await;
    for (server, wishes, more, code, field, words) in [
        (&elsewhere, json!({}), json!([]), "not_set_up", Some("way"), "The way back is not registered."),
        (
            &elsewhere,
            json!({ "client_secret": "not-the-s3cret" }),
            json!([]),
            "not_set_up",
            None,
            "does not know this app",
        ),
        (
            &elsewhere,
            json!({ "client_id": "nobody" }),
            json!([]),
            "not_set_up",
            None,
            "does not know this app",
        ),
        (&narrow, json!({}), json!([]), "not_set_up", None, "these permissions: openid, profile"),
        (
            &narrow,
            json!({ "scopes": "openid", "offline_access": false }),
            json!(["reports.read"]),
            "not_set_up",
            Some("more_scopes"),
            "reports.read",
        ),
        (
            &narrow,
            json!({ "scopes": "openid", "offline_access": false, "prompt": "sing" }),
            json!([]),
            "refused",
            None,
            "prompt",
        ),
    ] {
        save(&stage, server, wishes.clone()).await;
        let ask = json!({ "provider": SERVICE, "quiet": true, "more_scopes": more });
        let begun: Result<Flow, _> = stage.ask("connect", ask).await;
        let failure = begun.expect_err(words);
        assert_eq!(
            (failure.code.as_str(), failure.field.as_deref()),
            (code, field),
            "{wishes}: {}",
            failure.message
        );
        assert!(failure.message.contains(words), "{wishes}: {}", failure.message);
        assert!(!failure.message.contains("s3cret"), "{}", failure.message);
    }
    let flows: Vec<Flow> = stage.ask("flows", json!({})).await.expect("a list");
    assert!(flows.is_empty(), "no sign-in waits for an answer that cannot come");
    assert_eq!(narrow.seen().await["authorize"], json!([]));
}

/// The proofs that the server saw, each held against what it is for.
async fn checked_proofs(server: &Server) -> Vec<Value> {
    let seen = server.seen().await;
    let proofs = seen["proofs"].as_array().expect("proofs").clone();
    let mut own: Vec<&str> = proofs.iter().map(|it| it["claims"]["jti"].as_str().expect("a jti")).collect();
    own.sort_unstable();
    own.dedup();
    assert_eq!(own.len(), proofs.len(), "each proof is a fresh one");
    for proof in &proofs {
        let path = proof["path"].as_str().expect("a path").trim_start_matches('/');
        let claims = &proof["claims"];
        assert_eq!(claims["htu"], server.issuer.join(path).expect("an address").as_str());
        assert_eq!(claims["htm"], proof["method"]);
        let with_token = proof["authorization"].as_str().is_some_and(|it| it.starts_with("DPoP "));
        assert_eq!((with_token, claims["ath"].is_string()), (path == "me", path == "me"), "{proof}");
        assert!(proof["head"]["jwk"].get("d").is_none() && proof["head"]["alg"] == "ES256");
    }
    proofs
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_bound_tokens_work_from_the_sign_in_to_its_end() {
    for (client, secret, pushed, nonce) in [
        ("public", Value::Null, true, true),
        ("confidential", json!("s3cret-of-acme"), true, false),
        ("public", Value::Null, false, false),
    ] {
        let what = format!("{client}, pushed {pushed}, nonce {nonce}");
        let features = json!({ "pushed": pushed, "dpop": true, "nonce": nonce });
        let server = Server::offering(&[DEEP_LINK], features).await;
        let mut stage = Stage::open().await;
        save(&stage, &server, json!({ "client_id": client, "client_secret": secret })).await;
        let id = connect(&stage).await;
        assert_eq!(stage.row(&id).await.account.id, "anna", "{what}");
        let (access, kind) = server.access_token().await;
        assert_eq!(kind, "DPoP", "{what}");

        // By the clock, after a restart, and by the person.
        let first = server.refresh_token().await;
        stage.reopen().await;
        stage.clock.turn(3600);
        let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        assert!(tested.ok, "{what}: {}", tested.words);
        let second = server.refresh_token().await;
        let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
        assert!(renewed.ok, "{what}: {}", renewed.words);
        assert!(first != second && second != server.refresh_token().await, "{what}: they rotate");
        let tested: Tested = stage.ask("test", json!({ "id": id })).await.expect("a test");
        assert!(tested.ok, "{what}: {}", tested.words);

        let proofs = checked_proofs(&server).await;
        let keys: Vec<&Value> = proofs.iter().map(|it| &it["head"]["jwk"]).collect();
        assert!(keys.iter().all(|key| *key == keys[0]), "{what}: one key for the whole connection");
        let bound: Vec<Value> = server.seen().await[if pushed { "pushes" } else { "authorize" }]
            .as_array()
            .expect("requests")
            .iter()
            .map(|it| if pushed { it["asked"]["dpop_jkt"].clone() } else { it["dpop_jkt"].clone() })
            .collect();
        assert!(
            !bound.is_empty() && bound.iter().all(|it| it == &bound[0] && it.is_string()),
            "{what}: {bound:?}"
        );
        let refused = proofs.iter().filter(|it| it["status"] != 200).count();
        // Once at first, and once after the restart, which forgot what the server had given.
        assert_eq!(refused, if nonce { 2 } else { 0 }, "{what}: {proofs:#?}");
        assert!(
            !nonce || proofs.iter().all(|it| it["status"] != 200 || it["claims"]["nonce"].is_string()),
            "{what}"
        );

        // The key lies with the tokens and nowhere else.
        let entries = stage::keyring::entries(stage.folder.path());
        let entry = entries.iter().find(|(name, _)| name.starts_with("connection/")).expect("an entry").1;
        let kept: Value = serde_json::from_str(entry).expect("JSON");
        let key = kept["key"].as_str().expect("a key");
        assert!(kept["bound"] == true && key.len() > 100 && kept["access"] != access.as_str(), "{what}");
        assert_eq!(entries.values().filter(|it| it.contains(key)).count(), 1);
        for file in files(stage.folder.path()) {
            let bytes = std::fs::read(&file).expect("a file");
            assert!(!bytes.windows(key.len()).any(|it| it == key.as_bytes()), "{}", file.display());
        }

        let ended: Disconnected =
            stage.ask("disconnect", json!({ "id": id, "revoke": true })).await.expect("an end");
        assert!(ended.revoked && !ended.queued, "{what}: {:?}", ended.words);
        assert!(
            stage::keyring::token_entries(stage.folder.path()).is_empty(),
            "{what}: the key is gone with them"
        );
        let last = checked_proofs(&server).await.pop().expect("the last question");
        assert_eq!((&last["path"], &last["status"]), (&json!("/me"), &json!(401)), "{what}");
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(folder).expect("a folder").flatten().map(|it| it.path());
    found.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).filter(|it| it.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_a_stolen_token_is_worth_nothing_without_its_key() {
    let server = Server::offering(&[DEEP_LINK], json!({ "pushed": true, "dpop": true })).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "client_id": "public", "client_secret": null })).await;
    let id = connect(&stage).await;
    let (token, _) = server.access_token().await;
    let (bearer, bound) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let proofs = checked_proofs(&server).await;
    let shown = |path: &str| {
        let last = proofs.iter().rfind(|it| it["path"] == path).expect("a proof");
        last["shown"].as_str().expect("text").to_owned()
    };
    assert_eq!(server.userinfo_as_a_thief(&[("authorization", &bearer)]).await, 401);
    assert!(server.userinfo_as_a_thief(&[("authorization", &bound)]).await >= 400);
    for proof in [shown("/me"), shown("/token")] {
        let status = server.userinfo_as_a_thief(&[("authorization", &bound), ("dpop", &proof)]).await;
        assert_eq!(status, 401, "a proof that was overheard works for nothing else");
    }
    let refused = server.refresh_as_a_thief(&server.refresh_token().await).await;
    assert!(refused["access_token"].is_null() && refused["error"].is_string(), "{refused}");
    // None of this disturbed the one who has the key.
    let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
    assert!(renewed.ok, "{}", renewed.words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_from_a_server_that_offers_more_is_a_bearer_token() {
    let server = Server::offering(&[DEEP_LINK], json!({ "forgetful": true })).await;
    let stage = Stage::open().await;
    save(&stage, &server, json!({ "client_id": "public", "client_secret": null })).await;
    let id = connect(&stage).await;
    let renewed: Tested = stage.ask("refresh", json!({ "id": id })).await.expect("a renewal");
    assert!(renewed.ok, "{}", renewed.words);
    assert_eq!(server.access_token().await.1, "Bearer");
    let proofs = server.seen().await["proofs"].clone();
    let paths: Vec<&Value> = proofs.as_array().expect("proofs").iter().map(|it| &it["path"]).collect();
    assert_eq!(paths, ["/token", "/token"], "offered where tokens are made, and not where they are used");
}
