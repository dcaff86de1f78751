//! Intercom, after "Setting up OAuth" and its OpenAPI description 2.16: no scope, no grant type, the token
//! twice in the reply, no expiry, three regions that know nothing of each other, and one way out that ends
//! the app for the whole workspace.

mod help_center;
mod inbox;

use std::collections::BTreeMap;

use serde_json::json;

use crate::desk::{Ask, Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Grant};
use crate::providers::{Answer, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, standard};
use crate::redirects::{Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

const API: &[Endpoint] = &[
    Endpoint::new(Kind::Token, "POST", "/auth/eagle/token", token),
    Endpoint::new(Kind::Identify, "GET", "/me", me),
    Endpoint::new(Kind::Revoke, "POST", "/auth/uninstall", uninstall),
    help_center::HELP_CENTERS,
    help_center::COLLECTIONS,
    help_center::ARTICLES,
    help_center::ARTICLE,
    inbox::CONVERSATIONS,
    inbox::CONVERSATION,
    inbox::SEARCH,
    inbox::TICKET,
];

pub static INTERCOM: Provider = Provider {
    id: "INTERCOM",
    name: "Intercom",
    apps: &[Registered::new("practice-intercom-client", Some("practice-intercom-secret"))],
    inputs: &[("region", "us")],
    hosts: &[
        Host::new("app.intercom.com", &[Endpoint::new(Kind::Authorize, "GET", "/oauth", authorize_us)]),
        Host::new("app.eu.intercom.com", &[Endpoint::new(Kind::Authorize, "GET", "/oauth", authorize_eu)]),
        Host::new("app.au.intercom.com", &[Endpoint::new(Kind::Authorize, "GET", "/oauth", authorize_au)]),
        Host::new("api.intercom.io", API),
        Host::new("api.eu.intercom.io", API),
        Host::new("api.au.intercom.io", API),
    ],
    // "Redirect URLs must use HTTPS"; without one the first registered counts.
    redirects: Redirects {
        loopback: Loopback::No,
        may_be_missing: true,
        repeated_at_exchange: false,
        ..Redirects::USUAL
    },
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::fixed("admins:read", "Read admins"),
        Permission::fixed("articles:read", "Read and list articles"),
        Permission::fixed("conversations:read", "Read conversations"),
        Permission::fixed("tickets:read", "Read tickets"),
    ],
    rules: GrantRules { access_seconds: None, refresh: Refresh::None, ..GrantRules::USUAL },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Hex, 32),
        access: Shape::new("dG9rO", Alphabet::Letters, 55),
        ..Provider::USUAL.shapes
    },
    contents: help_center::contents,
    id_of: help_center::id_of,
    trouble,
    ..Provider::USUAL
};

fn authorize_us(desk: &Desk, request: &Request) -> Answer {
    authorize(desk, request, "us")
}

fn authorize_eu(desk: &Desk, request: &Request) -> Answer {
    authorize(desk, request, "eu")
}

fn authorize_au(desk: &Desk, request: &Request) -> Answer {
    authorize(desk, request, "au")
}

/// Takes client, state and redirect address; permissions are those ticked when the app was made.
fn authorize(desk: &Desk, request: &Request, region: &str) -> Answer {
    let app = desk.app(request.query("client_id").unwrap_or_default())?;
    Ok(desk.consent(Ask {
        client_id: app.client_id.to_owned(),
        redirect_sent: request.query("redirect_uri").map(str::to_owned),
        redirect_uri: desk.redirect(app, request.query("redirect_uri"))?,
        state: request.query("state").map(str::to_owned),
        scopes: desk.provider.permissions.iter().map(|it| it.scope.to_owned()).collect(),
        challenge: None,
        extras: BTreeMap::from([("region".to_owned(), region.to_owned())]),
    }))
}

/// `us`, `eu` or `au`, by the API's host.
fn region(request: &Request) -> &str {
    match request.host.strip_prefix("api.").and_then(|rest| rest.strip_suffix(".intercom.io")) {
        Some(region) => region,
        None => "us",
    }
}

fn token(desk: &Desk, request: &Request) -> Answer {
    let app = standard::Credentials::body(request).check(desk)?;
    let code = request.field("code").unwrap_or_default();
    if desk.code_draft(&code).is_some_and(|draft| draft.extra("region") != region(request)) {
        return Err(Problem::CodeUnknown);
    }
    let offer =
        Redemption { code: &code, client_id: app.client_id, host: &request.host, ..Redemption::default() };
    let issued = desk.redeem(&offer, &desk.rules())?;
    Ok(Reply::json(
        200,
        &json!({ "token_type": "Bearer", "token": issued.access, "access_token": issued.access }),
    ))
}

fn bearer(desk: &Desk, request: &Request) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if access.grant.extra("region") == region(request) { Ok(access) } else { Err(Problem::TokenUnknown) }
}

/// What an API call needs: a token, a version that exists, and the permission.
fn allowed(desk: &Desk, request: &Request, scope: &str) -> Result<Grant, Problem> {
    let grant = bearer(desk, request)?.grant;
    let known = |version: &str| {
        let (major, minor) = version.split_once('.').unwrap_or_default();
        matches!((major.parse(), minor.parse()), (Ok(1), Ok(0..=4)) | (Ok(2), Ok(0..=16)))
    };
    if !request.header("intercom-version").is_none_or(known) {
        return Err(Problem::BadParameter("Intercom-Version"));
    }
    if grant.has_scope(scope) { Ok(grant) } else { Err(Problem::ScopeMissing) }
}

fn me(desk: &Desk, request: &Request) -> Answer {
    let grant = allowed(desk, request, "admins:read")?;
    let person = grant.person();
    let region = region(request);
    Ok(Reply::json(
        200,
        &json!({
            "type": "admin",
            "id": person.digits("INTERCOM", 7),
            "email": person.email,
            "name": person.name,
            "email_verified": true,
            "has_inbox_seat": true,
            "app": {
                "type": "app",
                "id_code": format!("acme{region}01"),
                "name": "Acme",
                "created_at": 1_700_000_000,
                "identity_verification": false,
                "timezone": "Europe/Berlin",
                "region": region.to_uppercase(),
            },
        }),
    ))
}

/// Takes the app out of the workspace, and with it everybody's token.
fn uninstall(desk: &Desk, request: &Request) -> Answer {
    let own = bearer(desk, request)?.grant;
    desk.end_where(|grant| {
        grant.provider == own.provider
            && grant.client_id == own.client_id
            && grant.extra("region") == own.extra("region")
    });
    Ok(Reply::json(200, &json!({})))
}

fn errors(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "type": "error.list",
            "request_id": Shape::new("", Alphabet::Letters, 20).mint(),
            "errors": [{ "code": code, "message": message }],
        }),
    )
}

fn trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    Some(match (trouble.stage, trouble.problem) {
        (Stage::Authorize | Stage::Consent, _) => return None,
        (_, Problem::CodeUnknown | Problem::CodeExpired | Problem::CodeUsed) => {
            errors(401, "unauthorized", "Unauthorized Code")
        }
        (
            _,
            Problem::UnknownClient | Problem::WrongSecret | Problem::SecretMissing | Problem::SecretExpired,
        ) => errors(401, "unauthorized", "Unauthorized Client"),
        (_, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            errors(401, "unauthorized", "Access Token Invalid")
        }
        (_, Problem::ScopeMissing | Problem::NotLicensed) => {
            errors(403, "forbidden", "You do not have access to this resource")
        }
        (_, Problem::BadParameter("Intercom-Version")) => {
            errors(400, "intercom_version_invalid", "The requested version could not be found")
        }
        (_, Problem::BadParameter(name)) => errors(400, "parameter_invalid", &format!("{name} is not valid")),
        (_, Problem::RateLimited) => errors(429, "rate_limit_exceeded", "Exceeded rate limit")
            .header("x-ratelimit-limit", "167")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", &(desk.now() + 2).to_string()),
        (_, Problem::Unavailable) => {
            errors(503, "service_unavailable", "Sorry, the API service is temporarily unavailable")
        }
        _ => return None,
    })
}
