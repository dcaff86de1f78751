//! ServiceNow, after its documentation of OAuth inbound integrations: the customer's instance is the
//! server, `state` is mandatory, a redirect address that is not registered becomes the first registered one
//! without a word, and within their lives the same tokens are handed out again and again.

mod incidents;
mod knowledge;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Issued};
use crate::people::{PEOPLE, Person};
use crate::providers::{
    Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, standard,
};
use crate::redirects::{Mismatch, Redirects};
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

pub static SERVICENOW: Provider = Provider {
    id: "SERVICENOW",
    name: "ServiceNow",
    // A private client, then one with "This is a public client" ticked.
    apps: &[
        Registered::new("practice-servicenow-client", Some("practice-servicenow-secret")),
        Registered::new("practice-servicenow-public", None),
    ],
    inputs: &[("hostname", "acme.service-now.com")],
    hosts: &[Host::new(
        "*.service-now.com",
        &[
            Endpoint::new(Kind::Authorize, "GET", "/oauth_auth.do", standard::authorize),
            Endpoint::new(Kind::Token, "POST", "/oauth_token.do", token),
            Endpoint::new(Kind::Revoke, "POST", "/oauth_revoke_token.do", revoke),
            Endpoint::new(Kind::Revoke, "GET", "/oauth_revoke_token.do", revoke),
            Endpoint::new(Kind::Identify, "GET", "/api/now/table/sys_user", users),
            knowledge::ROWS,
            knowledge::ROW,
        ],
    )],
    redirects: Redirects { app_scheme: true, mismatch: Mismatch::FirstRegistered, ..Redirects::USUAL },
    authorize: Authorize { default_scopes: &["useraccount"], state_required: true, ..Authorize::USUAL },
    pkce: Pkce::WithoutSecret,
    permissions: &[Permission::fixed("useraccount", "Everything you can do yourself")],
    rules: GrantRules {
        access_seconds: Some(1800),
        refresh: Refresh::Repeated,
        grant_seconds: Some(8_640_000),
        repeats_access: true,
        one_grant: true,
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Url, 86),
        access: Shape::new("", Alphabet::Url, 86),
        refresh: Shape::new("", Alphabet::Url, 86),
    },
    contents: knowledge::contents,
    id_of: knowledge::id_of,
    trouble,
    ..Provider::USUAL
};

fn token(desk: &Desk, request: &Request) -> Answer {
    // New instances have glide.oauth.allow.parameters.in.post.body.only on.
    let in_address = ["grant_type", "client_id", "client_secret", "code", "refresh_token"];
    if !request.is_form() || in_address.iter().any(|name| request.query(name).is_some()) {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::body(request).check(desk)?;
    let mut rules = desk.rules();
    if app.client_secret.is_none() {
        rules.refresh = Refresh::None;
    }
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = request.field("code").unwrap_or_default();
            end_outlived(desk, &code, &rules);
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
        Some("refresh_token") if app.client_secret.is_some() => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &rules)?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(&issued)))
}

/// A sign-in continues the grant before it, unless that one's time is over.
fn end_outlived(desk: &Desk, code: &str, rules: &GrantRules) {
    let (Some(draft), Some(life)) = (desk.code_draft(code), rules.grant_seconds) else { return };
    let now = desk.now();
    desk.end_where(|grant| {
        grant.provider == draft.provider
            && grant.client_id == draft.client_id
            && grant.person == draft.person
            && now >= grant.created + life
    });
}

fn reply(issued: &Issued) -> Value {
    let mut reply = json!({
        "access_token": issued.access,
        "scope": issued.grant.scopes.join(" "),
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    reply
}

/// Asks for no authentication: whoever holds a token may end it.
fn revoke(desk: &Desk, request: &Request) -> Answer {
    let token = request.field("token").or_else(|| request.query("token").map(str::to_owned));
    match token {
        Some(token) => Ok(standard::revoke(desk, &token)),
        None => Err(Problem::BadParameter("token")),
    }
}

fn bearer(desk: &Desk, request: &Request) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if access.grant.host == request.host { Ok(access) } else { Err(Problem::TokenUnknown) }
}

/// The table API: `sysparm_query` chooses rows, `sysparm_fields` columns.
fn users(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?.grant;
    let rows: Vec<&Person> = match request.query("sysparm_query") {
        Some("sys_id=javascript:gs.getUserID()") => vec![grant.person()],
        _ => PEOPLE.iter().collect(),
    };
    let total = rows.len();
    let limit = request.query("sysparm_limit").and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let fields = request.query("sysparm_fields").unwrap_or_default();
    let chosen = |name: &str| fields.is_empty() || fields.split(',').any(|field| field.trim() == name);
    let result: Vec<Value> = rows
        .into_iter()
        .take(limit)
        .map(|person| {
            let columns = [
                ("sys_id", person.hex("SERVICENOW", 32)),
                ("name", person.name.to_owned()),
                ("user_name", format!("{}.{}", person.id, person.family.to_lowercase())),
                ("email", person.email.to_owned()),
                ("title", person.job.to_owned()),
            ];
            columns
                .into_iter()
                .filter(|(name, _)| chosen(name))
                .map(|(name, it)| (name.to_owned(), json!(it)))
                .collect()
        })
        .map(Value::Object)
        .collect();
    Ok(Reply::json(200, &json!({ "result": result })).header("x-total-count", &total.to_string()))
}

fn error(status: u16, message: &str, detail: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "message": message, "detail": detail }, "status": "failure" }))
}

fn trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    Some(match (trouble.stage, trouble.problem) {
        (Stage::Authorize, Problem::BadParameter("state")) => {
            trouble.page("Invalid request", "Missing State parameter in request")
        }
        (_, Problem::RateLimited) => error(429, "Rate limit exceeded", "Too many requests in this hour")
            .header("x-ratelimit-limit", "1000")
            .header("x-ratelimit-reset", &(desk.now() + 2).to_string())
            .header("x-ratelimit-rule", "practice"),
        // One answer for everything that is wrong with client, person, code or token.
        (
            Stage::Exchange | Stage::Refresh,
            Problem::UnknownClient
            | Problem::WrongSecret
            | Problem::SecretMissing
            | Problem::SecretForbidden
            | Problem::SecretExpired
            | Problem::BadRequest
            | Problem::UnknownGrantType
            | Problem::CodeUnknown
            | Problem::CodeExpired
            | Problem::CodeUsed
            | Problem::VerifierWrong
            | Problem::RedirectDiffers
            | Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy
            | Problem::Revoked,
        ) => Reply::json(401, &json!({ "error_description": "access_denied", "error": "server_error" })),
        (Stage::Identify | Stage::Api, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            error(401, "User Not Authenticated", "Required to provide Auth information")
        }
        (Stage::Identify | Stage::Api, Problem::ScopeMissing | Problem::NotLicensed) => {
            error(403, "User Not Authorized", "Failed API level ACL Validation")
        }
        (Stage::Revoke, Problem::BadParameter("token")) => error(400, "Missing parameter", "token"),
        _ => return None,
    })
}
