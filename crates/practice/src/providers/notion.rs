//! Notion, after its authorization guide and the types of its own client (makenotion/notion-sdk-js): HTTP Basic
//! with JSON bodies and a version header, no `expires_in`, a refresh token that may be null, capabilities in
//! place of scopes, and pages that the person picks at the sign-in.

mod api;
mod contents;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Grant, Issued};
use crate::providers::standard::{self, Credentials};
use crate::providers::{
    Answer, Authorize, Choice, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered,
};
use crate::redirects::{LOCALHOST, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

/// A connection from before tokens were rotated: its access token never ends and its refresh token is null.
const OLDER: &str = "11d00000-0000-4000-8000-0000000a0002";
const READ_CONTENT: &str = "Read content";
const READ_USERS: &str = "Read user information";

pub static NOTION: Provider = Provider {
    id: "NOTION",
    name: "Notion",
    apps: &[
        Registered::new("11d00000-0000-4000-8000-0000000a0001", Some("practice-notion-secret")),
        Registered::new(OLDER, Some("practice-notion-older-secret")),
    ],
    hosts: &[Host::new(
        "api.notion.com",
        &[
            Endpoint::new(Kind::Authorize, "GET", "/v1/oauth/authorize", standard::authorize),
            Endpoint::new(Kind::Token, "POST", "/v1/oauth/token", token),
            Endpoint::new(Kind::Revoke, "POST", "/v1/oauth/revoke", revoke),
            Endpoint::new(Kind::Api, "POST", "/v1/oauth/introspect", introspect),
            Endpoint::new(Kind::Identify, "GET", "/v1/users/me", me),
            Endpoint::new(Kind::Api, "POST", "/v1/search", api::search),
            Endpoint::new(Kind::Api, "GET", "/v1/pages/{id}", api::page),
            Endpoint::new(Kind::Api, "GET", "/v1/pages/{id}/markdown", api::markdown),
            Endpoint::new(Kind::Api, "GET", "/v1/blocks/{id}", api::one_block),
            Endpoint::new(Kind::Api, "GET", "/v1/blocks/{id}/children", api::block_children),
            Endpoint::new(Kind::Api, "GET", "/v1/databases/{id}", api::database),
            Endpoint::new(Kind::Api, "GET", "/v1/data_sources/{id}", api::data_source),
            Endpoint::new(Kind::Api, "POST", "/v1/data_sources/{id}/query", api::query),
        ],
    )],
    redirects: Redirects { loopback: Loopback::FixedPort(LOCALHOST), ..Redirects::USUAL },
    authorize: Authorize {
        scope: "",
        must: &[("response_type", "code"), ("owner", "user")],
        ..Authorize::USUAL
    },
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::fixed(READ_CONTENT, "View content on selected pages"),
        Permission::fixed(READ_USERS, "View workspace users' information, including e-mail addresses"),
    ],
    choices: &[Choice {
        key: "pages",
        label: "Select pages",
        options: &[
            ("handbook", "Company handbook"),
            ("support", "Support playbook"),
            ("roadmap", "Roadmap 2027"),
        ],
        several: true,
    }],
    // How long an access token lives is not documented. An hour makes clients meet the refusal that tells them.
    rules: GrantRules::USUAL,
    shapes: Shapes {
        code: Shape::new("03", Alphabet::Hex, 40),
        access: Shape::new("ntn_", Alphabet::Letters, 46),
        refresh: Shape::new("nrt_", Alphabet::Letters, 46),
    },
    contents: contents::contents,
    new_id: contents::new_id,
    trouble,
    ..Provider::USUAL
};

/// Every call names the version it was written for.
fn versioned(request: &Request) -> Result<(), Problem> {
    match request.header("notion-version") {
        Some("2022-06-28" | "2025-09-03" | "2026-03-11") => Ok(()),
        _ => Err(Problem::BadParameter("Notion-Version")),
    }
}

/// The app of a call that carries JSON and proves itself by HTTP Basic.
fn client(desk: &Desk, request: &Request) -> Result<&'static Registered, Problem> {
    let app = Credentials::basic(request).check(desk)?;
    versioned(request)?;
    if request.is_json() { Ok(app) } else { Err(Problem::BadRequest) }
}

fn token(desk: &Desk, request: &Request) -> Answer {
    let app = client(desk, request)?;
    let mut rules = desk.rules();
    if app.client_id == OLDER {
        rules.access_seconds = None;
        rules.refresh = Refresh::None;
    }
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => desk.redeem(
            &Redemption {
                code: &request.field("code").unwrap_or_default(),
                client_id: app.client_id,
                redirect_uri: request.field("redirect_uri").as_deref(),
                verifier: None,
                host: &request.host,
            },
            &rules,
        )?,
        Some("refresh_token") => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &rules)?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(&issued)))
}

fn reply(issued: &Issued) -> Value {
    json!({
        "access_token": issued.access,
        "token_type": "bearer",
        "refresh_token": issued.refresh,
        "bot_id": bot_id(&issued.grant),
        "workspace_id": WORKSPACE,
        "workspace_name": "Acme",
        "workspace_icon": Value::Null,
        "owner": owner(&issued.grant),
        "duplicated_template_id": Value::Null,
        "request_id": REQUEST,
    })
}

const WORKSPACE: &str = "7a5e0c2e-94d1-4a55-8f0b-2d9b1c3f4e60";
const REQUEST: &str = "0f3c9b1e-0000-4000-8000-000000000000";

fn bot_id(grant: &Grant) -> String {
    grant.person().uuid("NOTION/bot")
}

/// Without the capability to read users Notion shows no more than an id.
fn owner(grant: &Grant) -> Value {
    let person = grant.person();
    let id = person.uuid("NOTION");
    let user = if grant.has_scope(READ_USERS) {
        json!({
            "object": "user", "id": id, "type": "person", "name": person.name, "avatar_url": Value::Null,
            "person": { "email": person.email },
        })
    } else {
        json!({ "object": "user", "id": id })
    };
    json!({ "type": "user", "user": user })
}

fn me(desk: &Desk, request: &Request) -> Answer {
    let grant = desk.bearer(request)?.grant;
    versioned(request)?;
    Ok(Reply::json(
        200,
        &json!({
            "object": "user",
            "id": bot_id(&grant),
            "type": "bot",
            "name": "Tieline",
            "avatar_url": Value::Null,
            "bot": { "owner": owner(&grant), "workspace_name": "Acme", "workspace_id": WORKSPACE },
            "request_id": REQUEST,
        }),
    ))
}

fn revoke(desk: &Desk, request: &Request) -> Answer {
    client(desk, request)?;
    let token = request.field("token").ok_or(Problem::BadParameter("token"))?;
    if let Some(grant) = desk.grant_of(&token) {
        desk.end(grant.id);
    }
    Ok(Reply::json(200, &json!({ "request_id": REQUEST })))
}

fn introspect(desk: &Desk, request: &Request) -> Answer {
    client(desk, request)?;
    let token = request.field("token").ok_or(Problem::BadParameter("token"))?;
    let answer = match desk.access(&token) {
        Ok(access) => json!({
            "active": true, "scope": access.grant.scopes.join(" "), "iat": access.grant.created,
            "request_id": REQUEST,
        }),
        Err(_) => json!({ "active": false, "request_id": REQUEST }),
    };
    Ok(Reply::json(200, &answer))
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let body = |status: u16, code: &str, message: &str| json!({ "object": "error", "status": status, "code": code, "message": message, "request_id": REQUEST });
    let object = |status: u16, code: &str, message: &str| Reply::json(status, &body(status, code, message));
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => {
            let mut limited =
                body(429, "rate_limited", "You have been rate limited. Try again in a few seconds.");
            limited["additional_data"] = json!({ "rate_limit_reason": "public_api_request_rate_limit" });
            Reply::json(429, &limited)
        }
        (_, Problem::Unavailable) => object(503, "service_unavailable", "Notion is unavailable."),
        (Stage::Authorize, Problem::UnknownClient) => {
            trouble.page("Missing or incomplete Client ID", "There is no connection with this client ID.")
        }
        (Stage::Authorize, Problem::RedirectMismatch | Problem::RedirectMissing) => {
            trouble.page("Missing or invalid redirect_uri", "It is not among the connection's redirect URIs.")
        }
        (Stage::Authorize | Stage::Consent, Problem::AdminApproval) => trouble.page(
            "This connection is not on the approved list",
            "A workspace owner of Acme has to approve it first.",
        ),
        (Stage::Authorize | Stage::Consent, Problem::Refused) => {
            trouble.call_back(&[("error", "access_denied")])
        }
        (Stage::Authorize | Stage::Consent, _) => return None,
        (_, Problem::BadParameter("Notion-Version")) => {
            object(400, "missing_version", "Notion-Version header should be a supported version.")
        }
        (
            _,
            Problem::UnknownClient
            | Problem::WrongSecret
            | Problem::SecretMissing
            | Problem::SecretForbidden
            | Problem::SecretExpired,
        ) => object(401, "invalid_client", "Client authentication failed."),
        // An error of a token request comes in either of two shapes; both are told of.
        (Stage::Exchange, Problem::CodeUnknown | Problem::CodeExpired | Problem::CodeUsed) => {
            Reply::json(400, &json!({ "error": "invalid_grant" }))
        }
        (_, Problem::RedirectDiffers) => {
            object(400, "invalid_grant", "The redirect_uri is not that of the authorization request.")
        }
        (
            Stage::Refresh,
            Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy
            | Problem::Revoked,
        ) => object(400, "invalid_grant", "The refresh token is invalid."),
        (_, Problem::BadRequest | Problem::BadParameter(_) | Problem::UnknownGrantType) => {
            object(400, "invalid_request", "Body failed validation.")
        }
        (_, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            object(401, "unauthorized", "API token is invalid.")
        }
        (_, Problem::ScopeMissing | Problem::NotLicensed) => {
            object(403, "restricted_resource", "Insufficient permissions for this endpoint.")
        }
        _ => return None,
    })
}
