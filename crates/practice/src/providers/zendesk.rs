//! Zendesk, after its OAuth articles (support.zendesk.com 4408845965210 and 9182123625370) and the
//! specification of its grant-type tokens API: JSON bodies, 201, lifetimes that the client asks for, and a
//! refresh that deletes the pair before it.

mod help_center;
mod tickets;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Issued};
use crate::providers::{
    Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, UnknownScopes, standard,
};
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

const DAY: u64 = 86_400;

pub static ZENDESK: Provider = Provider {
    id: "ZENDESK",
    name: "Zendesk",
    // A client of the kind Public, then one of the kind Confidential.
    apps: &[
        Registered::new("tieline_desktop", None),
        Registered::new("tieline_confidential", Some("practice-zendesk-secret")),
    ],
    inputs: &[("subdomain", "acme")],
    hosts: &[
        Host::new("*.zendesk.com", &help_center::ENDPOINTS),
        Host::new("*.zendesk.com", &tickets::ENDPOINTS),
        Host::new(
            "p16.zdusercontent.com",
            &[Endpoint::new(Kind::Api, "GET", "/attachment/{account}/{token}", tickets::file)],
        ),
        Host::new(
            "*.zendesk.com",
            &[
                Endpoint::new(Kind::Authorize, "GET", "/oauth/authorizations/new", standard::authorize),
                Endpoint::new(Kind::Token, "POST", "/oauth/tokens", token),
                Endpoint::new(Kind::Identify, "GET", "/api/v2/users/me.json", me),
                Endpoint::new(Kind::Revoke, "GET", "/api/v2/oauth/tokens/current.json", current),
                Endpoint::new(Kind::Revoke, "DELETE", "/api/v2/oauth/tokens/{id}.json", delete),
            ],
        ),
    ],
    // "https unless localhost or 127.0.0.1", which leaves app addresses out.
    redirects: Redirects::USUAL,
    authorize: Authorize { unknown_scopes: UnknownScopes::Granted, ..Authorize::USUAL },
    pkce: Pkce::WithoutSecret,
    permissions: &[
        Permission::fixed("read", "Read everything you can see"),
        Permission::fixed("hc:read", "Read the articles of the help center"),
        Permission::fixed("users:read", "Read who you are"),
        Permission::fixed("tickets:read", "Read tickets"),
    ],
    rules: GrantRules {
        code_seconds: 120,
        access_seconds: Some(1800),
        refresh: Refresh::Rotates(Old::Dies),
        refresh_seconds: Some(30 * DAY),
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Hex, 64),
        access: Shape::new("", Alphabet::Hex, 64),
        refresh: Shape::new("", Alphabet::Hex, 64),
    },
    contents: help_center::contents,
    id_of: help_center::id_of,
    trouble,
    ..Provider::USUAL
};

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_json() {
        return Err(Problem::BadRequest);
    }
    let credentials = standard::Credentials::body(request);
    let app = credentials.check(desk)?;
    let rules = lifetimes(desk, request)?;
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => desk.redeem(
            &Redemption {
                code: &request.field("code").unwrap_or_default(),
                client_id: app.client_id,
                redirect_uri: request.field("redirect_uri").as_deref(),
                verifier: request.field("code_verifier").as_deref(),
                host: &request.host,
            },
            &rules,
        )?,
        Some("refresh_token") => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &rules)?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(201, &reply(&issued)))
}

/// `expires_in` between 5 minutes and 2 days, `refresh_token_expires_in` between 7 and 90 days.
fn lifetimes(desk: &Desk, request: &Request) -> Result<GrantRules, Problem> {
    let mut rules = desk.rules();
    let wanted = |name: &'static str, least: u64, most: u64| match request.field(name) {
        None => Ok(None),
        Some(said) => match said.parse::<u64>() {
            Ok(seconds) if (least..=most).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(Problem::BadParameter(name)),
        },
    };
    // A test that has set a lifetime of its own is not overruled by what the client asks for.
    if let Some(seconds) = wanted("expires_in", 301, 2 * DAY - 1)?
        && rules.access_seconds == ZENDESK.rules.access_seconds
    {
        rules.access_seconds = Some(seconds);
    }
    if let Some(seconds) = wanted("refresh_token_expires_in", 7 * DAY, 90 * DAY)?
        && rules.refresh_seconds == ZENDESK.rules.refresh_seconds
    {
        rules.refresh_seconds = Some(seconds);
    }
    Ok(rules)
}

fn reply(issued: &Issued) -> Value {
    let mut reply = json!({
        "access_token": issued.access,
        "token_type": "bearer",
        "scope": issued.grant.scopes.join(" "),
        "expires_in": issued.expires_in,
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
        reply["refresh_token_expires_in"] = json!(issued.refresh_expires_in);
    }
    reply
}

/// A client and its tokens belong to the subdomain where they were made.
fn bearer(desk: &Desk, request: &Request) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if access.grant.host == request.host { Ok(access) } else { Err(Problem::TokenUnknown) }
}

fn me(desk: &Desk, request: &Request) -> Answer {
    // Without credentials the API shows its anonymous visitor; with bad ones it refuses.
    if request.bearer().is_none() {
        let nobody =
            json!({ "user": { "id": null, "name": "Anonymous user", "email": "invalid@example.com" } });
        return Ok(Reply::json(200, &nobody));
    }
    let grant = bearer(desk, request)?.grant;
    if !["read", "users:read"].iter().any(|scope| grant.has_scope(scope)) {
        return Err(Problem::ScopeMissing);
    }
    let person = grant.person();
    let id: u64 = person.digits("ZENDESK", 12).parse().unwrap_or_default();
    let role = if person.id == "maya" { "admin" } else { "agent" };
    let subdomain = desk.subdomain(request, ".zendesk.com").unwrap_or("acme");
    Ok(Reply::json(
        200,
        &json!({ "user": {
            "id": id,
            "url": format!("https://{subdomain}.zendesk.com/api/v2/users/{id}.json"),
            "name": person.name,
            "email": person.email,
            "role": role,
            "active": true,
            "verified": true,
        } }),
    ))
}

fn current(desk: &Desk, request: &Request) -> Answer {
    let access = bearer(desk, request)?;
    let subdomain = desk.subdomain(request, ".zendesk.com").unwrap_or("acme");
    let id = access.token_id;
    Ok(Reply::json(
        200,
        &json!({ "token": {
            "id": id,
            "url": format!("https://{subdomain}.zendesk.com/api/v2/oauth/tokens/{id}.json"),
            "scopes": access.grant.scopes,
        } }),
    ))
}

fn delete(desk: &Desk, request: &Request) -> Answer {
    let own = bearer(desk, request)?.grant;
    let named = request.capture("id").parse().ok().and_then(|id| desk.grant_with_token_id(id));
    match named {
        Some(grant) if grant.person == own.person => {
            desk.end(grant.id);
            Ok(Reply::empty(204))
        }
        _ => Ok(Reply::json(404, &json!({ "error": "RecordNotFound", "description": "Not found" }))),
    }
}

/// One text for every way in which a code or refresh token can be bad (support.zendesk.com 115012709368).
const INVALID_GRANT: &str = "The provided authorization grant (e.g., authorization code, resource owner \
    credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the \
    authorization request, or was issued to another client.";

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth = |status, error: &str, words: &str| {
        Reply::json(status, &json!({ "error": error, "error_description": words }))
    };
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => Reply::text(429, "Rate limit for this endpoint exceeded."),
        (Stage::Authorize, Problem::UnknownClient | Problem::RedirectMismatch | Problem::RedirectMissing) => {
            trouble.page("Invalid Authorization Request", "No such client or redirect address.")
        }
        (Stage::Authorize | Stage::Consent, Problem::Refused) => trouble.call_back(&[
            ("error", "access_denied"),
            ("error_description", "The end-user or authorization server denied the request."),
        ]),
        (
            Stage::Exchange | Stage::Refresh,
            Problem::UnknownClient
            | Problem::WrongSecret
            | Problem::SecretMissing
            | Problem::SecretForbidden
            | Problem::SecretExpired,
        ) => oauth(401, "invalid_client", "Client authentication failed due to unknown client."),
        (
            Stage::Exchange | Stage::Refresh,
            Problem::CodeUnknown
            | Problem::CodeExpired
            | Problem::CodeUsed
            | Problem::VerifierWrong
            | Problem::RedirectDiffers
            | Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy
            | Problem::Revoked,
        ) => oauth(400, "invalid_grant", INVALID_GRANT),
        (
            Stage::Identify | Stage::Api | Stage::Revoke,
            Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked,
        ) => oauth(
            401,
            "invalid_token",
            "The access token provided is expired, revoked, malformed or invalid.",
        ),
        (Stage::Identify | Stage::Api | Stage::Revoke, Problem::ScopeMissing | Problem::NotLicensed) => {
            Reply::json(
                403,
                &json!({ "error": "Forbidden", "description": "You do not have access to this page." }),
            )
        }
        _ => return None,
    })
}
