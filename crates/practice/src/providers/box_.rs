//! Box, after its guides on OAuth 2.0 and permissions (box/developer.box.com) and its OpenAPI description:
//! codes of 30 seconds, form bodies with the secret in them, refresh tokens that work once, and mistakes at the
//! sign-in that end on a page of Box.

mod contents;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::people::Person;
use crate::providers::standard::{self, Credentials};
use crate::providers::{Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered};
use crate::redirects::{BOTH, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Shape, Shapes};
use crate::wire::{Reply, Request};

const SIGN_IN: &[Endpoint] =
    &[Endpoint::new(Kind::Authorize, "GET", "/api/oauth2/authorize", standard::authorize)];

pub static BOX: Provider = Provider {
    id: "BOX",
    name: "Box",
    apps: &[Registered::new("box-desktop-practice-client-id", Some("practice-box-secret"))],
    inputs: &[("folder", "0")],
    hosts: &[
        Host::new("account.box.com", SIGN_IN),
        // For companies with Box Verified Enterprise.
        Host::new("ent.box.com", SIGN_IN),
        Host::new("app.box.com", SIGN_IN),
        Host::new(
            "api.box.com",
            &[
                Endpoint::new(Kind::Token, "POST", "/oauth2/token", token),
                Endpoint::new(Kind::Revoke, "POST", "/oauth2/revoke", revoke),
                Endpoint::new(Kind::Identify, "GET", "/2.0/users/me", me),
                Endpoint::new(Kind::Api, "GET", "/2.0/folders/{id}/items", contents::items),
                Endpoint::new(Kind::Api, "GET", "/2.0/folders/{id}", contents::folder),
                Endpoint::new(Kind::Api, "GET", "/2.0/files/{id}/content", contents::content),
                Endpoint::new(Kind::Api, "GET", "/2.0/files/{id}", contents::file),
                Endpoint::new(Kind::Api, "GET", "/2.0/web_links/{id}", contents::web_link),
                Endpoint::new(Kind::Api, "GET", "/2.0/events", contents::events),
            ],
        ),
        Host::new(
            "dl.boxcloud.com",
            &[Endpoint::new(Kind::Step, "GET", "/d/1/{key}/download", contents::download)],
        ),
    ],
    redirects: Redirects {
        app_scheme: true,
        loopback: Loopback::AnyPort(BOTH),
        may_be_missing: true,
        repeated_at_exchange: false,
        ..Redirects::USUAL
    },
    // Without `scope` everything ticked in the developer console is granted.
    authorize: Authorize { default_scopes: &["root_readonly"], ..Authorize::USUAL },
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::fixed("root_readonly", "Read all files and folders stored in Box"),
        Permission::fixed("root_readwrite", "Read and write all files and folders stored in Box"),
    ],
    rules: GrantRules { code_seconds: 30, refresh_seconds: Some(60 * 86_400), ..GrantRules::USUAL },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Letters, 32),
        access: Shape::new("", Alphabet::Letters, 32),
        refresh: Shape::new("", Alphabet::Letters, 64),
    },
    contents: contents::make,
    id_of: contents::id_of,
    new_id: |maker, _| contents::new_id(maker),
    trouble,
    ..Provider::USUAL
};

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = Credentials::body(request).check(desk)?;
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => desk.redeem(
            &Redemption {
                code: &request.field("code").unwrap_or_default(),
                client_id: app.client_id,
                redirect_uri: request.field("redirect_uri").as_deref(),
                verifier: None,
                host: &request.host,
            },
            &desk.rules(),
        )?,
        Some("refresh_token") => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &desk.rules())?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    // Neither a user nor the scopes: Box says both nowhere in this answer.
    let mut reply = json!({
        "access_token": issued.access,
        "expires_in": issued.expires_in,
        "restricted_to": [],
        "token_type": "bearer",
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    Ok(Reply::json(200, &reply))
}

/// Either token ends the pair.
fn revoke(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    Credentials::body(request).check(desk)?;
    let token = request.field("token").ok_or(Problem::BadParameter("token"))?;
    Ok(standard::revoke(desk, &token))
}

/// `fields` replaces what comes by itself; type and id always come, and the enterprise only when asked for.
fn me(desk: &Desk, request: &Request) -> Answer {
    let grant = desk.bearer(request)?.grant;
    if !grant.scopes.iter().any(|scope| scope.starts_with("root_read")) {
        return Err(Problem::ScopeMissing);
    }
    let all = user(grant.person());
    let usual = ["name", "login", "created_at", "language", "timezone", "status", "job_title", "avatar_url"];
    let wanted: Vec<&str> = match request.query("fields") {
        Some(fields) => fields.split(',').map(str::trim).collect(),
        None => usual.to_vec(),
    };
    let mut shown = json!({ "type": all["type"], "id": all["id"] });
    for field in wanted {
        if let Some(value) = all.get(field) {
            shown[field] = value.clone();
        }
    }
    Ok(Reply::json(200, &shown))
}

fn user(person: &Person) -> Value {
    let id = person.digits("BOX", 11);
    json!({
        "type": "user",
        "id": id,
        "name": person.name,
        "login": person.email,
        "created_at": "2024-03-04T08:15:00-08:00",
        "language": "en",
        "timezone": "Europe/Berlin",
        "status": "active",
        "job_title": person.job,
        "avatar_url": format!("https://acme.app.box.com/api/avatar/large/{id}"),
        "enterprise": { "type": "enterprise", "id": "1042042", "name": "Acme" },
    })
}

fn api(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({
        "type": "error",
        "status": status,
        "code": code,
        "message": message,
        "context_info": Value::Null,
        "help_url": "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/",
        "request_id": "practice0000",
    });
    Reply::json(status, &body)
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth =
        |error: &str, words: &str| Reply::json(400, &json!({ "error": error, "error_description": words }));
    // What Box's header says about a bad token.
    let unauthorized = |error: &str| {
        let header = format!("Bearer realm=\"Service\", error=\"{error}\"");
        api(401, "unauthorized", "Unauthorized").header("www-authenticate", &header)
    };
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => api(429, "rate_limit_exceeded", "Request rate limit exceeded."),
        (_, Problem::Unavailable) => api(503, "unavailable", "Unavailable"),
        (Stage::Authorize, Problem::RedirectMismatch) => trouble.page(
            "redirect_uri_mismatch",
            "The redirect address of the request is not one of the app's redirect addresses.",
        ),
        (Stage::Authorize, Problem::RedirectMissing) => {
            trouble.page("redirect_uri_missing", "The app has no redirect address.")
        }
        (Stage::Authorize, Problem::UnknownClient) => {
            trouble.page("invalid_client", "There is no app with this client id.")
        }
        (Stage::Authorize | Stage::Consent, Problem::AdminApproval) => trouble
            .page("Disabled by Administrator", "An administrator of Acme has to enable this app first."),
        (Stage::Authorize | Stage::Consent, Problem::Refused) => trouble.call_back(&[
            ("error", "access_denied"),
            ("error_description", "The user denied access to your application"),
        ]),
        (Stage::Authorize | Stage::Consent, _) => return None,
        (
            Stage::Exchange | Stage::Refresh | Stage::Revoke,
            Problem::UnknownClient
            | Problem::WrongSecret
            | Problem::SecretMissing
            | Problem::SecretForbidden
            | Problem::SecretExpired,
        ) => oauth("invalid_client", "The client credentials are invalid"),
        (_, Problem::CodeUnknown | Problem::CodeUsed) => {
            oauth("invalid_grant", "The authorization code is invalid")
        }
        (_, Problem::CodeExpired) => oauth("invalid_grant", "The authorization code has expired"),
        (Stage::Refresh, Problem::RefreshExpired | Problem::SessionPolicy) => {
            oauth("invalid_grant", "Refresh token has expired")
        }
        (Stage::Refresh, Problem::RefreshUnknown | Problem::RefreshReused | Problem::Revoked) => {
            oauth("invalid_grant", "Invalid refresh token")
        }
        (_, Problem::TokenExpired) => unauthorized("expired_token"),
        (_, Problem::TokenUnknown | Problem::Revoked) => unauthorized("invalid_token"),
        (_, Problem::ScopeMissing) => {
            api(403, "insufficient_scope", "The request requires higher privileges than the token has.")
        }
        (_, Problem::NotLicensed) => {
            api(403, "access_denied_insufficient_permissions", "Access denied - insufficient permission")
        }
        _ => return None,
    })
}
