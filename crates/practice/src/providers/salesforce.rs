//! Salesforce, after its guides to External Client Apps and its sample answers: no `expires_in`, an
//! `instance_url` that says where the API is, PKCE as such apps demand it, five grants for a person and app,
//! rotation only for apps that ask for it, and API errors as lists.

mod knowledge;
mod soql;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Grant, Issued};
use crate::providers::{Answer, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, standard};
use crate::redirects::{BOTH, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

/// The app whose administrator ticked "Enable Refresh Token Rotation".
const ROTATING: &str = "practice-salesforce-rotating-key";

const SIGN_IN: Endpoint =
    Endpoint::new(Kind::Authorize, "GET", "/services/oauth2/authorize", standard::authorize);
const TOKEN: Endpoint = Endpoint::new(Kind::Token, "POST", "/services/oauth2/token", token);
const REVOKE: Endpoint = Endpoint::new(Kind::Revoke, "POST", "/services/oauth2/revoke", revoke);

pub static SALESFORCE: Provider = Provider {
    id: "SALESFORCE",
    name: "Salesforce",
    apps: &[
        Registered::new("practice-salesforce-consumer-key", Some("practice-salesforce-secret")),
        Registered::new("practice-salesforce-public-key", None),
        Registered::new(ROTATING, Some("practice-salesforce-rotating-secret")),
    ],
    inputs: &[("hostname", "acme.my.salesforce.com")],
    hosts: &[
        Host::new("login.salesforce.com", &[SIGN_IN, TOKEN, REVOKE]),
        // Acme's sandbox has Enhanced Domains, so the sign-in of all sandboxes does not know its apps.
        Host::new(
            "test.salesforce.com",
            &[Endpoint::new(Kind::Authorize, "GET", "/services/oauth2/authorize", unknown_here)],
        ),
        Host::new(
            "*.my.salesforce.com",
            &[
                SIGN_IN,
                TOKEN,
                REVOKE,
                Endpoint::new(Kind::Identify, "GET", "/services/oauth2/userinfo", userinfo),
            ],
        ),
        Host::new("*.my.salesforce.com", &knowledge::ENDPOINTS),
    ],
    redirects: Redirects { app_scheme: true, loopback: Loopback::FixedPort(BOTH), ..Redirects::USUAL },
    pkce: Pkce::Required,
    permissions: &[
        Permission::fixed("openid", "Access unique user identifiers"),
        Permission::fixed("id", "Access the identity URL service"),
        Permission::fixed("profile", "Access the identity URL service"),
        Permission::fixed("email", "Access the identity URL service"),
        Permission::fixed("address", "Access the identity URL service"),
        Permission::fixed("phone", "Access the identity URL service"),
        Permission::fixed("api", "Manage user data via APIs"),
        Permission::fixed("full", "Full access"),
        Permission::fixed("refresh_token", "Perform requests at any time"),
        Permission::fixed("offline_access", "Perform requests at any time"),
    ],
    rules: GrantRules {
        access_seconds: Some(7200),
        refresh: Refresh::Fixed,
        keeps_access: true,
        most_grants: Some(5),
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("aPrx", Alphabet::Letters, 76),
        access: Shape::new("00D5e000000AcmeEAA!AQ", Alphabet::Letters, 92),
        refresh: Shape::new("5Aep861", Alphabet::Letters, 80),
    },
    contents: knowledge::contents,
    new_id: knowledge::new_id,
    trouble,
    ..Provider::USUAL
};

fn unknown_here(_: &Desk, _: &Request) -> Answer {
    Err(Problem::UnknownClient)
}

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::body(request).check(desk)?;
    let mut rules = desk.rules();
    // A test that has set another handling of refresh tokens is not overruled by the app's.
    if app.client_id == ROTATING && rules.refresh == SALESFORCE.rules.refresh {
        rules.refresh = Refresh::Rotates(Old::EndsGrant);
    }
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = request.field("code").unwrap_or_default();
            // `full` does not include it.
            let lasting =
                |draft: &Grant| draft.has_scope("refresh_token") || draft.has_scope("offline_access");
            if desk.code_draft(&code).is_some_and(|draft| !lasting(&draft)) {
                rules.refresh = Refresh::None;
            }
            desk.redeem(
                &Redemption {
                    code: &code,
                    client_id: app.client_id,
                    redirect_uri: request.field("redirect_uri").as_deref(),
                    verifier: request.field("code_verifier").as_deref(),
                    host: &request.host,
                },
                &rules,
            )?
        }
        Some("refresh_token") => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &rules)?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(desk, app, &issued)))
}

fn reply(desk: &Desk, app: &Registered, issued: &Issued) -> Value {
    let id = identity_url(&issued.grant);
    let issued_at = format!("{}000", desk.now());
    let mut reply = json!({
        "access_token": issued.access,
        "signature": signature(app, &id, &issued_at),
        "scope": issued.grant.scopes.join(" "),
        "instance_url": format!("https://{}", instance(&issued.grant)),
        "id": id,
        "token_type": "Bearer",
        "issued_at": issued_at,
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    reply
}

/// Base64 HMAC-SHA256 over identity URL and time. A public client has no key to check it with.
fn signature(app: &Registered, id: &str, issued_at: &str) -> String {
    let key = app.client_secret.unwrap_or_default();
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    let mac = mac.chain_update(id).chain_update(issued_at);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Where the API of the grant's organisation is, whatever host the sign-in went through.
fn instance(grant: &Grant) -> &str {
    if grant.host.ends_with(".my.salesforce.com") { &grant.host } else { "acme.my.salesforce.com" }
}

fn organization_id(grant: &Grant) -> &'static str {
    if sandbox(grant) { "00D5e000000AcmeSBX" } else { "00D5e000000AcmeEAA" }
}

fn sandbox(grant: &Grant) -> bool {
    instance(grant).ends_with(".sandbox.my.salesforce.com")
}

fn user_id(grant: &Grant) -> String {
    format!("0055e00000{}AAA", grant.person().digits("SALESFORCE", 5))
}

fn identity_url(grant: &Grant) -> String {
    let gate = if sandbox(grant) { "test" } else { "login" };
    format!("https://{gate}.salesforce.com/id/{}/{}", organization_id(grant), user_id(grant))
}

fn bearer(desk: &Desk, request: &Request, scope: &str) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if instance(&access.grant) != request.host {
        return Err(Problem::TokenUnknown);
    }
    let may = [scope, "full"].iter().any(|scope| access.grant.has_scope(scope));
    if may { Ok(access) } else { Err(Problem::ScopeMissing) }
}

fn userinfo(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request, "openid")?.grant;
    let person = grant.person();
    let login = if sandbox(&grant) { format!("{}.sbx", person.email) } else { person.email.to_owned() };
    Ok(Reply::json(
        200,
        &json!({
            "sub": identity_url(&grant),
            "user_id": user_id(&grant),
            "organization_id": organization_id(&grant),
            "preferred_username": login,
            "nickname": person.given,
            "name": person.name,
            "email": person.email,
            "email_verified": true,
            "given_name": person.given,
            "family_name": person.family,
            "active": true,
            "user_type": "STANDARD",
        }),
    ))
}

/// SOQL: the one object that tells about the organisation itself, and articles.
fn query(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request, "api")?.grant;
    let soql = request.query("q").unwrap_or_default();
    if !soql.to_lowercase().ends_with(" from organization") {
        return knowledge::query(desk, request, soql);
    }
    let id = organization_id(&grant);
    let version = request.capture("version");
    Ok(Reply::json(
        200,
        &json!({ "totalSize": 1, "done": true, "records": [{
            "attributes": { "type": "Organization", "url": format!("/services/data/{version}/sobjects/Organization/{id}") },
            "Id": id,
            "Name": "Acme",
            "IsSandbox": sandbox(&grant),
        }] }),
    ))
}

fn revoke(desk: &Desk, request: &Request) -> Answer {
    Ok(standard::revoke(desk, &request.field("token").unwrap_or_default()))
}

fn errors(code: &str, message: &str) -> Value {
    json!([{ "message": message, "errorCode": code }])
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth =
        |error: &str, words: &str| Reply::json(400, &json!({ "error": error, "error_description": words }));
    let api = |status, code: &str, message: &str| Reply::json(status, &errors(code, message));
    let home =
        |error: &str, words: &str| trouble.call_back(&[("error", error), ("error_description", words)]);
    Some(match (trouble.stage, trouble.problem) {
        (Stage::Authorize, Problem::UnknownClient) => {
            trouble.page("We can't log you in", "error=invalid_client_id: client identifier invalid")
        }
        (Stage::Authorize, Problem::RedirectMismatch | Problem::RedirectMissing) => trouble.page(
            "We can't log you in",
            "error=redirect_uri_mismatch: redirect_uri must match configuration",
        ),
        (Stage::Authorize, Problem::ChallengeMissing) => {
            home("invalid_request", "missing required code challenge")
        }
        (Stage::Consent, Problem::Refused) => home("access_denied", "end-user denied authorization"),
        // Since September 2025 for apps that the organisation has not installed.
        (Stage::Consent, Problem::AdminApproval) => home("invalid_client", "app must be installed into org"),
        (Stage::Exchange | Stage::Refresh, Problem::UnknownClient) => {
            oauth("invalid_client_id", "client identifier invalid")
        }
        (
            Stage::Exchange | Stage::Refresh,
            Problem::WrongSecret | Problem::SecretMissing | Problem::SecretForbidden | Problem::SecretExpired,
        ) => oauth("invalid_client", "invalid client credentials"),
        (Stage::Exchange, Problem::CodeExpired | Problem::CodeUsed) => {
            oauth("invalid_grant", "expired authorization code")
        }
        (Stage::Exchange, Problem::CodeUnknown) => oauth("invalid_grant", "invalid authorization code"),
        (Stage::Exchange, Problem::VerifierWrong) => oauth("invalid_grant", "invalid code verifier"),
        (Stage::Exchange, Problem::RedirectDiffers) => {
            oauth("redirect_uri_mismatch", "redirect_uri must match configuration")
        }
        (Stage::Refresh, Problem::SessionPolicy) => oauth("invalid_grant", "authentication failure"),
        (
            Stage::Refresh,
            Problem::RefreshUnknown | Problem::RefreshReused | Problem::RefreshExpired | Problem::Revoked,
        ) => oauth("invalid_grant", "expired access/refresh token"),
        (Stage::Identify | Stage::Api, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            api(401, "INVALID_SESSION_ID", "Session expired or invalid")
        }
        (Stage::Identify | Stage::Api, Problem::ScopeMissing) => {
            api(403, "INSUFFICIENT_ACCESS", "This session has no access to this resource")
        }
        (Stage::Identify | Stage::Api, Problem::NotLicensed) => {
            api(403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
        }
        (Stage::Identify | Stage::Api, Problem::BadParameter("q")) => {
            api(400, "MALFORMED_QUERY", "unexpected token")
        }
        (Stage::Api, Problem::BadParameter("version")) => {
            api(404, "NOT_FOUND", "The requested resource does not exist")
        }
        (Stage::Api, Problem::BadParameter(_)) => {
            api(400, "INVALID_ARGUMENT", "a parameter is missing or wrong")
        }
        (Stage::Identify | Stage::Api, Problem::RateLimited) => {
            api(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        }
        _ => return None,
    })
}
