//! Confluence, Gong, Intercom, Salesforce and ServiceNow over TCP, as a client of the real ones would talk
//! to them: each provider's whole way, its odd formats, and the wording of its errors.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, Options, Practice, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

const BACK: &str = "http://127.0.0.1:47823/integrations/";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The JSON, after a look at the status.
    fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }
}

struct World(Practice);

impl World {
    async fn new() -> World {
        World(start(Options::default()).await.unwrap())
    }

    /// The loopback address that stands in for `https://host/path`.
    fn local(&self, url: &Url) -> Url {
        let host = url.host_str().unwrap();
        let fits = |pattern: &str| match pattern.strip_prefix('*') {
            Some(end) => host.ends_with(end),
            None => host == pattern,
        };
        let routes = self.0.routes();
        let route = routes
            .iter()
            .find(|route| route.host == host)
            .or_else(|| routes.iter().find(|route| fits(&route.host)))
            .unwrap_or_else(|| panic!("no practice origin for {host}"));
        let mut local = route.origin.clone();
        local.set_path(url.path());
        local.set_query(url.query());
        local
    }

    async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = Url::parse(url).unwrap();
        let local = self.local(&url);
        let mut stream = TcpStream::connect(("127.0.0.1", local.port().unwrap())).await.unwrap();
        let query = local.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut text =
            format!("{method} {}{query} HTTP/1.1\r\nhost: {}\r\n", local.path(), url.host_str().unwrap());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(k, v)| (k.to_lowercase(), v.into()))
            .collect();
        Answer { status, headers, text: text.to_owned() }
    }

    async fn get(&self, url: &str, token: &str) -> Answer {
        self.send("GET", url, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    async fn form(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", url, &[("content-type", "application/x-www-form-urlencoded")], &encoded(fields))
            .await
    }

    async fn post_json(&self, url: &str, body: Value) -> Answer {
        self.send("POST", url, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// Opens the sign-in page and answers it; yields what the browser brings home, or the error page's title.
    async fn visit(&self, page: &str, fields: &[(&str, &str)], visit: Visit) -> Result<Url, String> {
        let mut url = self.local(&Url::parse(page).unwrap());
        url.query_pairs_mut().extend_pairs(fields);
        visit.answer(&url).await.map_err(|error| error.to_string())
    }

    async fn code(&self, page: &str, fields: &[(&str, &str)]) -> String {
        let home = self.visit(page, fields, Visit::default()).await.unwrap();
        assert_eq!(value(&home, "state"), "s1");
        value(&home, "code")
    }

    async fn fault(&self, provider: &str, fault: Fault) {
        self.0.set_fault(provider, fault, Some(1)).await;
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn value(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

// Confluence

const ATLASSIAN: &str = "https://auth.atlassian.com";
const CLOUD_API: &str = "https://api.atlassian.com";
const CONFLUENCE_SCOPES: &str = "offline_access read:me read:confluence-user read:page:confluence";

fn confluence_ask<'a>(back: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("audience", "api.atlassian.com"),
        ("prompt", "consent"),
        ("response_type", "code"),
        ("client_id", "practice-confluence-client"),
        ("scope", scope),
        ("redirect_uri", back),
        ("state", "s1"),
    ]
}

async fn confluence_token(world: &World, scope: &str) -> Value {
    let back = format!("{BACK}confluence");
    let code = world.code(&format!("{ATLASSIAN}/authorize"), &confluence_ask(&back, scope)).await;
    let body = json!({
        "grant_type": "authorization_code",
        "client_id": "practice-confluence-client",
        "client_secret": "practice-confluence-secret",
        "code": code,
        "redirect_uri": back,
    });
    world.post_json(&format!("{ATLASSIAN}/oauth/token"), body).await.with(200)
}

async fn confluence_refresh(world: &World, token: &str, secret: &str) -> Answer {
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": "practice-confluence-client",
        "client_secret": secret,
        "refresh_token": token,
    });
    world.post_json(&format!("{ATLASSIAN}/oauth/token"), body).await
}

#[tokio::test]
async fn confluence_the_whole_way() {
    let world = World::new().await;
    let first = confluence_token(&world, CONFLUENCE_SCOPES).await;
    assert_eq!(first["expires_in"], 3600);
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["scope"], CONFLUENCE_SCOPES);

    let access = text(&first, "/access_token");
    let sites = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    let holds = |at: usize, word: &str| sites[at]["scopes"].to_string().contains(word);
    assert_eq!(sites.as_array().unwrap().len(), 3);
    assert!(holds(0, "jira") && !holds(0, "confluence"), "the first entry is no Confluence");
    assert_eq!(
        (text(&sites, "/1/url"), text(&sites, "/2/url")),
        ("https://acme.atlassian.net".into(), "https://acme-labs.atlassian.net".into(),)
    );
    assert!(holds(1, "read:page:confluence") && holds(2, "read:page:confluence"));

    let base = format!("{CLOUD_API}/ex/confluence/{}", text(&sites, "/1/id"));
    let user = world.get(&format!("{base}/wiki/rest/api/user/current"), &access).await.with(200);
    let me = world.get(&format!("{CLOUD_API}/me"), &access).await.with(200);
    assert_eq!(user["displayName"], "Maya Lind");
    assert_eq!(me["email"], "maya.lind@acme.example");
    assert_eq!(user["accountId"], me["account_id"]);
    let jira = format!("{CLOUD_API}/ex/confluence/{}/wiki/rest/api/user/current", text(&sites, "/0/id"));
    assert_eq!(world.get(&jira, &access).await.status, 404);
    assert_eq!(world.get("https://acme.atlassian.net/wiki/rest/api/user/current", &access).await.status, 401);

    let old = text(&first, "/refresh_token");
    let second = confluence_refresh(&world, &old, "practice-confluence-secret").await.with(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let again = confluence_refresh(&world, &old, "practice-confluence-secret").await.with(403);
    assert_eq!(
        again,
        json!({ "error": "unauthorized_client", "error_description": "refresh_token is invalid" })
    );
}

#[tokio::test]
async fn confluence_is_particular() {
    let world = World::new().await;
    let page = format!("{ATLASSIAN}/authorize");
    let back = format!("{BACK}confluence");

    for missing in ["audience", "prompt"] {
        let ask: Vec<_> =
            confluence_ask(&back, "read:me").into_iter().filter(|(key, _)| *key != missing).collect();
        let home = world.visit(&page, &ask, Visit::default()).await.unwrap();
        assert_eq!(value(&home, "error"), "invalid_request", "without {missing}");
    }
    for back in
        ["http://127.0.0.1:5000/integrations/confluence", "app.tieline.desktop://integrations/confluence"]
    {
        world.visit(&page, &confluence_ask(back, "read:me"), Visit::default()).await.unwrap_err();
    }

    let short = confluence_token(&world, "read:me").await;
    assert!(short.get("refresh_token").is_none(), "no offline_access, no refresh token");
    let access = text(&short, "/access_token");
    let sites = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    assert_eq!(sites.as_array().unwrap().len(), 1, "no Confluence scope, no Confluence site");
    let user =
        format!("{CLOUD_API}/ex/confluence/9b1c4f7a-2e60-4d8b-8f5c-3a7d0e9c6b21/wiki/rest/api/user/current");
    let refused = world.get(&user, &access).await.with(401);
    assert!(text(&refused, "/message").contains("scope does not match"));

    let form = [("grant_type", "refresh_token"), ("client_id", "practice-confluence-client")];
    assert_eq!(world.form(&format!("{ATLASSIAN}/oauth/token"), &form).await.status, 400, "JSON only");
}

#[tokio::test]
async fn confluence_says_access_denied_for_a_wrong_secret() {
    let world = World::new().await;
    let token = text(&confluence_token(&world, CONFLUENCE_SCOPES).await, "/refresh_token");
    let refused = confluence_refresh(&world, &token, "wrong").await.with(401);
    assert_eq!(refused["error"], "access_denied");

    world.fault("confluence", Fault::Revoked).await;
    let dead = confluence_refresh(&world, &token, "practice-confluence-secret").await.with(403);
    assert_eq!(dead["error"], "invalid_grant");

    let page = format!("{ATLASSIAN}/authorize");
    let cancel = Visit { cancel: true, ..Visit::default() };
    let back = format!("{BACK}confluence");
    let home = world.visit(&page, &confluence_ask(&back, CONFLUENCE_SCOPES), cancel).await.unwrap();
    assert_eq!((value(&home, "error"), value(&home, "state")), ("access_denied".into(), "s1".into()));

    world.fault("confluence", Fault::NotLicensed).await;
    let access = text(&confluence_token(&world, CONFLUENCE_SCOPES).await, "/access_token");
    let none = world.get(&format!("{CLOUD_API}/oauth/token/accessible-resources"), &access).await.with(200);
    assert_eq!(none, json!([]));
}

// Gong

const GONG_SCOPES: &str = "api:workspaces:read api:users:read api:calls:read:basic";

async fn gong_token(world: &World, fields: &[(&str, &str)], client: &str) -> Answer {
    let basic = format!("Basic {}", STANDARD.encode(client));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    world.send("POST", "https://app.gong.io/oauth2/generate-customer-token", &headers, &encoded(fields)).await
}

const GONG_CLIENT: &str = "practice-gong-client:practice-gong-secret";

async fn gong_signed_in(world: &World) -> Value {
    let back = "http://localhost:47823/integrations/gong";
    let ask = [
        ("client_id", "practice-gong-client"),
        ("response_type", "code"),
        ("access_type", "offline"),
        ("scope", GONG_SCOPES),
        ("redirect_uri", back),
        ("state", "s1"),
    ];
    let code = world.code("https://app.gong.io/oauth2/authorize", &ask).await;
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", back)];
    gong_token(world, &fields, GONG_CLIENT).await.with(200)
}

#[tokio::test]
async fn gong_the_whole_way() {
    let world = World::new().await;
    let first = gong_signed_in(&world).await;
    assert_eq!((&first["expires_in"], &first["token_type"]), (&json!(86_400), &json!("bearer")));
    assert_eq!(first["scope"], GONG_SCOPES);
    let base = text(&first, "/api_base_url_for_customer");
    assert_eq!(base, "https://company-17.api.gong.io");

    let access = text(&first, "/access_token");
    let workspaces = world.get(&format!("{base}/v2/workspaces"), &access).await.with(200);
    assert_eq!(text(&workspaces, "/workspaces/0/name"), "Acme");
    let page = world.get(&format!("{base}/v2/users"), &access).await.with(200);
    assert_eq!(text(&page, "/users/0/emailAddress"), "maya.lind@acme.example");
    let cursor = text(&page, "/records/cursor");
    let rest = world.get(&format!("{base}/v2/users?cursor={cursor}"), &access).await.with(200);
    assert!(rest.pointer("/records/cursor").is_none(), "no cursor on the last page");
    let count = |page: &Value| page["users"].as_array().unwrap().len();
    assert_eq!(json!(count(&page) + count(&rest)), page["records"]["totalRecords"]);

    for elsewhere in ["https://api.gong.io", "https://company-18.api.gong.io"] {
        let refused = world.get(&format!("{elsewhere}/v2/users"), &access).await.with(401);
        assert_eq!(text(&refused, "/errors/0"), "access token has been revoked", "{elsewhere}");
    }

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &text(&first, "/refresh_token"))];
    let second = gong_token(&world, &refresh, GONG_CLIENT).await.with(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(world.get(&format!("{base}/v2/users"), &text(&second, "/access_token")).await.status, 200);
    let again = gong_token(&world, &refresh, GONG_CLIENT).await.with(400);
    assert_eq!(again["error"], "invalid_grant", "each refresh token works once");
}

#[tokio::test]
async fn gong_wants_basic_and_words_its_errors_without_codes() {
    let world = World::new().await;
    let first = gong_signed_in(&world).await;
    let token = text(&first, "/refresh_token");
    let in_body = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &token),
        ("client_id", "practice-gong-client"),
        ("client_secret", "practice-gong-secret"),
    ];
    let refused = world.form("https://app.gong.io/oauth2/generate-customer-token", &in_body).await;
    assert_eq!(refused.with(401)["error"], "invalid_client");
    let swapped = "practice-gong-secret:practice-gong-client";
    assert_eq!(gong_token(&world, &in_body[..2], swapped).await.status, 401);

    world.fault("gong", Fault::RateLimited).await;
    let base = text(&first, "/api_base_url_for_customer");
    let slow_down = world.get(&format!("{base}/v2/users"), &text(&first, "/access_token")).await;
    assert_eq!(slow_down.headers["retry-after"], "2");
    assert!(
        slow_down.with(429).pointer("/errors/0").is_some() && slow_down.json().get("requestId").is_some()
    );

    world.fault("gong", Fault::TokenReused).await;
    let dead = gong_token(&world, &in_body[..2], GONG_CLIENT).await.with(400);
    assert_eq!(dead["error_description"], "Refresh token code is invalid");
}

// Intercom

async fn intercom_token(world: &World, region: &str, back: Option<&str>, person: &str) -> Value {
    let mut ask = vec![("client_id", "practice-intercom-client"), ("state", "s1")];
    ask.extend(back.map(|back| ("redirect_uri", back)));
    let visit = Visit { person: person.into(), ..Visit::default() };
    let home = world.visit(&format!("https://app.{region}intercom.com/oauth"), &ask, visit).await.unwrap();
    assert_eq!(home.scheme(), "https");
    let fields = [
        ("code", &*value(&home, "code")),
        ("client_id", "practice-intercom-client"),
        ("client_secret", "practice-intercom-secret"),
    ];
    world.form(&format!("https://api.{region}intercom.io/auth/eagle/token"), &fields).await.with(200)
}

const RELAY: &str = "https://connect.acme.example/integrations/intercom";

#[tokio::test]
async fn intercom_the_whole_way() {
    let world = World::new().await;
    let reply = intercom_token(&world, "", Some(RELAY), "maya").await;
    assert_eq!(reply["token"], reply["access_token"]);
    let mut names: Vec<&String> = reply.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "token", "token_type"], "no expiry, no refresh token");

    let token = text(&reply, "/access_token");
    world.0.set_clock_ahead(10 * 365 * 86_400).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("intercom-version", "2.16")];
    let me = world.send("GET", "https://api.intercom.io/me", &headers, "").await.with(200);
    assert_eq!((text(&me, "/name"), text(&me, "/app/region")), ("Maya Lind".into(), "US".into()));
    let odd = [("authorization", bearer.as_str()), ("intercom-version", "9.9")];
    assert_eq!(
        world.send("GET", "https://api.intercom.io/me", &odd, "").await.with(400)["type"],
        "error.list"
    );

    let other = text(&intercom_token(&world, "", None, "jonas").await, "/token");
    let european = text(&intercom_token(&world, "eu.", Some(RELAY), "maya").await, "/token");
    let refused = world.get("https://api.intercom.io/me", &european).await.with(401);
    assert_eq!(refused["type"], "error.list", "another region's token");
    assert_eq!(world.send("POST", "https://api.intercom.io/auth/uninstall", &headers, "").await.status, 200);
    for gone in [&token, &other] {
        let refused = world.get("https://api.intercom.io/me", gone).await.with(401);
        assert_eq!(text(&refused, "/errors/0/message"), "Access Token Invalid", "uninstalled for everyone");
    }
    assert_eq!(world.get("https://api.eu.intercom.io/me", &european).await.status, 200);
}

#[tokio::test]
async fn intercom_takes_https_only_and_its_codes_belong_to_a_region() {
    let world = World::new().await;
    for back in [&*format!("{BACK}intercom"), "app.tieline.desktop://integrations/intercom"] {
        let ask = [("client_id", "practice-intercom-client"), ("state", "s1"), ("redirect_uri", back)];
        world.visit("https://app.intercom.com/oauth", &ask, Visit::default()).await.unwrap_err();
    }
    let ask = [("client_id", "practice-intercom-client"), ("state", "s1"), ("redirect_uri", RELAY)];
    let code = world.code("https://app.au.intercom.com/oauth", &ask).await;
    let body = |secret: &str| json!({ "code": code, "client_id": "practice-intercom-client", "client_secret": secret });
    let wrong_region = "https://api.intercom.io/auth/eagle/token";
    let refused = world.post_json(wrong_region, body("practice-intercom-secret")).await.with(401);
    assert_eq!(text(&refused, "/errors/0/message"), "Unauthorized Code");
    let right = "https://api.au.intercom.io/auth/eagle/token";
    assert_eq!(world.post_json(right, body("wrong")).await.with(401)["errors"][0]["code"], "unauthorized");
    world.fault("intercom", Fault::CodeExpired).await;
    let late = world.post_json(right, body("practice-intercom-secret")).await.with(401);
    assert_eq!(text(&late, "/errors/0/message"), "Unauthorized Code");
    world.post_json(right, body("practice-intercom-secret")).await.with(200);

    world.fault("intercom", Fault::RateLimited).await;
    let limited = world.get("https://api.intercom.io/me", "any").await;
    assert!(limited.headers.contains_key("x-ratelimit-reset"));
    assert_eq!(text(&limited.with(429), "/errors/0/code"), "rate_limit_exceeded");
}

// Salesforce

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
async fn salesforce_the_whole_way() {
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
    world.0.set_clock_ahead(8000).await;
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
async fn salesforce_keeps_five_grants_and_the_sixth_ends_the_oldest() {
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
async fn salesforce_rotates_for_apps_that_ask_and_then_punishes_reuse() {
    let world = World::new().await;
    let first = text(&salesforce_token(&world, ACME_SF, ROTATING).await, "/refresh_token");
    let second = salesforce_refresh(&world, ROTATING, &first).await.with(200);
    assert_ne!(text(&second, "/refresh_token"), first);
    assert_eq!(salesforce_refresh(&world, ROTATING, &first).await.status, 400);
    assert_eq!(salesforce_refresh(&world, ROTATING, &text(&second, "/refresh_token")).await.status, 400);
    assert_eq!(salesforce_user(&world, &text(&second, "/access_token")).await.status, 401);
}

#[tokio::test]
async fn salesforce_wants_pkce_the_exact_address_and_the_right_kind_of_app() {
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

// ServiceNow

const ACME_SN: &str = "https://acme.service-now.com";
const SN_CLIENT: [(&str, &str); 2] =
    [("client_id", "practice-servicenow-client"), ("client_secret", "practice-servicenow-secret")];

async fn servicenow_code(world: &World, client_id: &str, more: &[(&str, &str)]) -> String {
    let back = format!("{BACK}servicenow");
    let ask = [("response_type", "code"), ("client_id", client_id), ("redirect_uri", &back), ("state", "s1")];
    world.code(&format!("{ACME_SN}/oauth_auth.do"), &[&ask[..], more].concat()).await
}

async fn servicenow_token(world: &World) -> Value {
    let code = servicenow_code(world, "practice-servicenow-client", &[]).await;
    let back = format!("{BACK}servicenow");
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", &*back)];
    world.form(&format!("{ACME_SN}/oauth_token.do"), &[&SN_CLIENT[..], &fields].concat()).await.with(200)
}

async fn servicenow_refresh(world: &World, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world.form(&format!("{ACME_SN}/oauth_token.do"), &[&SN_CLIENT[..], &fields].concat()).await
}

fn whoami(host: &str) -> String {
    format!(
        "{host}/api/now/table/sys_user?sysparm_query=sys_id%3Djavascript%3Ags.getUserID()&sysparm_limit=1\
         &sysparm_fields=sys_id,name,user_name,email"
    )
}

#[tokio::test]
async fn servicenow_the_whole_way() {
    let world = World::new().await;
    let first = servicenow_token(&world).await;
    assert_eq!((&first["scope"], &first["expires_in"]), (&json!("useraccount"), &json!(1800)));
    let access = text(&first, "/access_token");
    let me = world.get(&whoami(ACME_SN), &access).await.with(200);
    assert_eq!(me["result"].as_array().unwrap().len(), 1);
    assert_eq!(text(&me, "/result/0/email"), "maya.lind@acme.example");
    assert!(me.pointer("/result/0/title").is_none(), "only the fields asked for");
    assert_eq!(world.get(&whoami("https://other.service-now.com"), &access).await.status, 401);

    let refresh = text(&first, "/refresh_token");
    let soon = servicenow_refresh(&world, &refresh).await.with(200);
    assert_eq!(text(&soon, "/access_token"), access, "the same token while it lives");
    assert_eq!(text(&soon, "/refresh_token"), refresh, "no rotation");
    assert_eq!(text(&servicenow_token(&world).await, "/access_token"), access, "also for a second sign-in");

    world.0.set_clock_ahead(1801).await;
    let refused = world.get(&whoami(ACME_SN), &access).await.with(401);
    assert_eq!(
        (&refused["status"], &refused["error"]["message"]),
        (&json!("failure"), &json!("User Not Authenticated"))
    );
    let later = servicenow_refresh(&world, &refresh).await.with(200);
    assert_ne!(text(&later, "/access_token"), access);
    assert_eq!(text(&later, "/refresh_token"), refresh);

    let revoke = format!("{ACME_SN}/oauth_revoke_token.do");
    assert_eq!(world.form(&revoke, &[("token", &refresh)]).await.status, 200);
    assert_eq!(world.get(&whoami(ACME_SN), &text(&later, "/access_token")).await.status, 401);
    let dead = servicenow_refresh(&world, &refresh).await.with(401);
    assert_eq!(dead, json!({ "error_description": "access_denied", "error": "server_error" }));
}

#[tokio::test]
async fn servicenow_sends_the_browser_to_the_first_registered_address() {
    let world = World::new().await;
    let page = format!("{ACME_SN}/oauth_auth.do");
    let unknown = "http://127.0.0.1:5000/somewhere/else";
    let ask = [
        ("response_type", "code"),
        ("client_id", "practice-servicenow-client"),
        ("redirect_uri", unknown),
        ("state", "s1"),
    ];
    let first = "app.tieline.desktop://integrations/servicenow".to_owned();
    world.0.register_redirects("servicenow", &[first.clone(), RELAY.replace("intercom", "servicenow")]).await;
    let home = world.visit(&page, &ask, Visit::default()).await.unwrap();
    assert!(home.as_str().starts_with(&format!("{first}?")) && !value(&home, "code").is_empty(), "{home}");

    let title = world.visit(&page, &ask[..3], Visit::default()).await.unwrap_err();
    assert_eq!(title, "Invalid request", "state is mandatory");
}

#[tokio::test]
async fn servicenow_takes_form_bodies_only_and_gives_public_clients_no_refresh_token() {
    let world = World::new().await;
    let refresh = text(&servicenow_token(&world).await, "/refresh_token");
    let fields = [&SN_CLIENT[..], &[("grant_type", "refresh_token"), ("refresh_token", &*refresh)]].concat();
    let in_address = format!("{ACME_SN}/oauth_token.do?{}", encoded(&fields));
    assert_eq!(world.form(&in_address, &[]).await.status, 401);
    let object: serde_json::Map<_, _> = fields.iter().map(|&(key, it)| (key.to_owned(), json!(it))).collect();
    assert_eq!(world.post_json(&format!("{ACME_SN}/oauth_token.do"), object.into()).await.status, 401);

    let proof = challenge();
    let pkce = [("code_challenge", &*proof), ("code_challenge_method", "S256")];
    let code = servicenow_code(&world, "practice-servicenow-public", &pkce).await;
    let back = format!("{BACK}servicenow");
    let fields = [
        ("client_id", "practice-servicenow-public"),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &back),
        ("code_verifier", VERIFIER),
    ];
    let reply = world.form(&format!("{ACME_SN}/oauth_token.do"), &fields).await.with(200);
    assert!(reply.get("refresh_token").is_none());

    world.fault("servicenow", Fault::WrongSecret).await;
    assert_eq!(servicenow_refresh(&world, &refresh).await.with(401)["error"], "server_error");
    world.fault("servicenow", Fault::NotLicensed).await;
    let refused = world.get(&whoami(ACME_SN), &text(&reply, "/access_token")).await.with(403);
    assert_eq!(refused["error"]["message"], "User Not Authorized");
}

#[tokio::test]
async fn servicenow_ends_sign_ins_after_a_hundred_days_and_a_new_one_heals() {
    let world = World::new().await;
    let old = text(&servicenow_token(&world).await, "/refresh_token");
    world.0.set_clock_ahead(99 * 86_400).await;
    assert_eq!(servicenow_refresh(&world, &old).await.status, 200);
    world.0.set_clock_ahead(100 * 86_400 + 60).await;
    assert_eq!(servicenow_refresh(&world, &old).await.status, 401);
    let new = text(&servicenow_token(&world).await, "/refresh_token");
    assert_ne!(new, old);
    assert_eq!(servicenow_refresh(&world, &new).await.status, 200);
}
