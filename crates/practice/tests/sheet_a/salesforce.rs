use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;

use crate::world::{Answer, VERIFIER, World, challenge, text, value};

const ACME_SF: &str = "https://acme.my.salesforce.com";
const SF_BACK: &str = "app.tieline.desktop://integrations/salesforce";

/// An app of Acme's: id, and secret where it has one.
type SalesforceApp = (&'static str, Option<&'static str>);
const CONFIDENTIAL: SalesforceApp = ("practice-salesforce-consumer-key", Some("practice-salesforce-secret"));
const PUBLIC: SalesforceApp = ("practice-salesforce-public-key", None);
const ROTATING: SalesforceApp =
    ("practice-salesforce-rotating-key", Some("practice-salesforce-rotating-secret"));

async fn salesforce_post(world: &World, host: &str, app: SalesforceApp, fields: &[(&str, &str)]) -> Answer {
    let mut fields = fields.to_vec();
    fields.push(("client_id", app.0));
    fields.extend(app.1.map(|secret| ("client_secret", secret)));
    world.form(&format!("{host}/services/oauth2/token"), &fields).await
}

async fn salesforce_token(world: &World, host: &str, app: SalesforceApp) -> Value {
    let ask = [
        ("response_type", "code"),
        ("client_id", app.0),
        ("scope", "api refresh_token openid"),
        ("redirect_uri", SF_BACK),
        ("state", "s1"),
        ("code_challenge", &challenge()),
        ("code_challenge_method", "S256"),
    ];
    let code = world.code(&format!("{host}/services/oauth2/authorize"), &ask).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", SF_BACK),
        ("code_verifier", VERIFIER),
    ];
    salesforce_post(world, host, app, &fields).await.with(200)
}

async fn salesforce_refresh(world: &World, app: SalesforceApp, token: &str) -> Answer {
    salesforce_post(world, ACME_SF, app, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

async fn salesforce_user(world: &World, token: &str) -> Answer {
    world.get(&format!("{ACME_SF}/services/oauth2/userinfo"), token).await
}

#[tokio::test]
async fn the_whole_way() {
    let world = World::new().await;
    let first = salesforce_token(&world, "https://login.salesforce.com", CONFIDENTIAL).await;
    assert!(first.get("expires_in").is_none());
    assert_eq!(first["instance_url"], ACME_SF, "the API is not where the sign-in was");
    let millis = text(&first, "/issued_at");
    assert!(millis.len() == 13 && millis.parse::<u64>().is_ok(), "{millis}");
    assert!(text(&first, "/id").starts_with("https://login.salesforce.com/id/00D"));
    assert_eq!(STANDARD.decode(text(&first, "/signature")).unwrap().len(), 32);

    let access = text(&first, "/access_token");
    let user = salesforce_user(&world, &access).await.with(200);
    assert_eq!(user["email"], "maya.lind@acme.example");
    assert!(text(&first, "/id").ends_with(&text(&user, "/user_id")));
    let soql = format!("{ACME_SF}/services/data/v60.0/query?q=SELECT+Id,Name,IsSandbox+FROM+Organization");
    let organization = world.get(&soql, &access).await.with(200);
    assert_eq!(organization.pointer("/records/0/Id"), user.get("organization_id"));
    let elsewhere = "https://other.my.salesforce.com/services/oauth2/userinfo";
    assert_eq!(world.get(elsewhere, &access).await.status, 401);

    let refresh = text(&first, "/refresh_token");
    for _ in 0..2 {
        let again = salesforce_refresh(&world, CONFIDENTIAL, &refresh).await.with(200);
        assert!(again.get("refresh_token").is_none(), "without rotation the answer has none");
    }
    world.practice.set_clock_ahead(8000).await;
    let expired = salesforce_user(&world, &access).await.with(401);
    assert_eq!(
        expired,
        json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }])
    );

    let fresh = text(&salesforce_refresh(&world, CONFIDENTIAL, &refresh).await.with(200), "/access_token");
    assert_eq!(
        world.form(&format!("{ACME_SF}/services/oauth2/revoke"), &[("token", &refresh)]).await.status,
        200
    );
    assert_eq!(salesforce_user(&world, &fresh).await.status, 401);
    let dead = salesforce_refresh(&world, CONFIDENTIAL, &refresh).await.with(400);
    assert_eq!(
        dead,
        json!({ "error": "invalid_grant", "error_description": "expired access/refresh token" })
    );
}

#[tokio::test]
async fn keeps_five_grants_and_the_sixth_ends_the_oldest() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for _ in 0..6 {
        tokens.push(text(&salesforce_token(&world, ACME_SF, PUBLIC).await, "/refresh_token"));
    }
    assert_eq!(salesforce_refresh(&world, PUBLIC, &tokens[0]).await.status, 400);
    for token in &tokens[1..] {
        assert_eq!(salesforce_refresh(&world, PUBLIC, token).await.status, 200);
    }
}

#[tokio::test]
async fn rotates_for_apps_that_ask_and_then_punishes_reuse() {
    let world = World::new().await;
    let first = text(&salesforce_token(&world, ACME_SF, ROTATING).await, "/refresh_token");
    let second = salesforce_refresh(&world, ROTATING, &first).await.with(200);
    assert_ne!(text(&second, "/refresh_token"), first);
    assert_eq!(salesforce_refresh(&world, ROTATING, &first).await.status, 400);
    assert_eq!(salesforce_refresh(&world, ROTATING, &text(&second, "/refresh_token")).await.status, 400);
    assert_eq!(salesforce_user(&world, &text(&second, "/access_token")).await.status, 401);
}

#[tokio::test]
async fn wants_pkce_the_exact_address_and_the_right_kind_of_app() {
    let world = World::new().await;
    let page = format!("{ACME_SF}/services/oauth2/authorize");
    let challenge = challenge();
    let plain = [
        ("response_type", "code"),
        ("client_id", PUBLIC.0),
        ("redirect_uri", SF_BACK),
        ("scope", "full openid"),
        ("state", "s1"),
    ];
    let ask = [&plain[..], &[("code_challenge", &*challenge), ("code_challenge_method", "S256")]].concat();
    let home = world.visit(&page, &plain, Visit::default()).await.unwrap();
    assert_eq!(value(&home, "error"), "invalid_request", "PKCE is not optional");
    let slash = format!("{SF_BACK}/");
    let swapped: Vec<_> =
        ask.iter().map(|&(key, it)| (key, if key == "redirect_uri" { &*slash } else { it })).collect();
    world.visit(&page, &swapped, Visit::default()).await.unwrap_err();
    let sandboxes = "https://test.salesforce.com/services/oauth2/authorize";
    world.visit(sandboxes, &ask, Visit::default()).await.unwrap_err();

    world.fault("salesforce", Fault::AdminApproval).await;
    let home = world.visit(&page, &ask, Visit::default()).await.unwrap();
    assert_eq!(value(&home, "error"), "invalid_client");
    assert_eq!(value(&home, "error_description"), "app must be installed into org");

    let code = world.code(&page, &ask).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", SF_BACK)];
    let with_verifier = [&fields[..], &[("code_verifier", VERIFIER)]].concat();
    let with_secret = (PUBLIC.0, Some("x"));
    let refused = salesforce_post(&world, ACME_SF, with_secret, &with_verifier).await.with(400);
    assert_eq!(refused["error_description"], "invalid client credentials", "a public client sends no secret");
    let refused = salesforce_post(&world, ACME_SF, PUBLIC, &fields).await.with(400);
    assert_eq!(refused["error_description"], "invalid code verifier");
    let reply = salesforce_post(&world, ACME_SF, PUBLIC, &with_verifier).await.with(200);
    assert!(reply.get("refresh_token").is_none(), "full does not include it");

    world.fault("salesforce", Fault::RateLimited).await;
    let limited = salesforce_user(&world, &text(&reply, "/access_token")).await.with(403);
    assert_eq!(text(&limited, "/0/errorCode"), "REQUEST_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn articles_come_by_soql_with_status_and_language_and_then_by_locator() {
    let world = World::new().await;
    let access =
        text(&salesforce_token(&world, "https://login.salesforce.com", CONFIDENTIAL).await, "/access_token");
    let versions = world.send("GET", &format!("{ACME_SF}/services/data"), &[], "").await.with(200);
    let newest = text(versions.as_array().unwrap().last().unwrap(), "/url");
    let get = async |path: String| world.get(&format!("{ACME_SF}{path}"), &access).await;
    let ask = async |soql: &str| {
        get(format!("{newest}/query?q={}", soql.replace(' ', "+").replace('=', "%3D"))).await
    };

    let settings = get(format!("{newest}/knowledgeManagement/settings")).await.with(200);
    assert_eq!(text(&settings, "/defaultLanguage"), "en_US");
    let described = get(format!("{newest}/sobjects/Knowledge__kav/describe")).await.with(200);
    let fields = described["fields"].as_array().unwrap();
    assert!(fields.iter().any(|it| it["name"] == "Answer__c" && it["htmlFormatted"] == true));

    let online = "SELECT Id,Answer__c,(SELECT DataCategoryName FROM DataCategorySelections) FROM Knowledge__kav \
                  WHERE PublishStatus='Online' AND Language='en_US'";
    let mut page = ask(online).await.with(200);
    let (total, mut seen) = (page["totalSize"].as_u64().unwrap(), 0);
    let locator = text(&page, "/nextRecordsUrl");
    loop {
        seen += page["records"].as_array().unwrap().len() as u64;
        if page["done"] == true {
            break;
        }
        page = get(text(&page, "/nextRecordsUrl")).await.with(200);
    }
    assert_eq!(seen, total);
    let unknown = locator.replace("0r8xx", "0r8yy");
    assert_eq!(get(unknown).await.with(400)[0]["errorCode"], "INVALID_QUERY_LOCATOR");

    let wrong = [
        ("SELECT Id FROM Knowledge__kav WHERE Language='en_US'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Knowledge__kav WHERE", "MALFORMED_QUERY"),
        (
            "SELECT Text__c FROM Knowledge__kav WHERE PublishStatus='Online' AND Language='de'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM FAQ__kav WHERE PublishStatus='Online' AND Language='de'", "INVALID_TYPE"),
    ];
    for (soql, code) in wrong {
        assert_eq!(ask(soql).await.with(400)[0]["errorCode"], code, "{soql}");
    }
    let groups = get(format!("{newest}/support/dataCategoryGroups?topCategoriesOnly=false")).await;
    assert_eq!(groups.status, 400, "sObjectName is required");
    let old = get("/services/data/v9.0/sobjects".to_owned()).await;
    assert_eq!(old.status, 404);
}
