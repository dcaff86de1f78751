//! Gong, after its guide to OAuth apps: HTTP Basic at one address for codes and refresh tokens, refresh
//! tokens that work once, and an API host of each company's own that only the token reply tells.

mod calls;

use serde_json::{Value, json};

use crate::contents::State;
use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Issued};
use crate::people::PEOPLE;
use crate::providers::{Answer, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, standard};
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

const DAY: u64 = 86_400;

/// Acme's host. Elsewhere its tokens count as revoked, also at api.gong.io.
const ACME: &str = "company-17.api.gong.io";

/// People on one page of `/v2/users`; Gong itself gives about a hundred.
const PAGE: usize = 2;

const API: &[Endpoint] = &[
    Endpoint::new(Kind::Identify, "GET", "/v2/workspaces", workspaces),
    Endpoint::new(Kind::Identify, "GET", "/v2/users", users),
    Endpoint::new(Kind::Api, "GET", "/v2/calls", calls::basic),
    Endpoint::new(Kind::Api, "POST", "/v2/calls/extensive", calls::extensive),
    Endpoint::new(Kind::Api, "POST", "/v2/calls/transcript", calls::transcript),
];

pub static GONG: Provider = Provider {
    id: "GONG",
    name: "Gong",
    apps: &[Registered::new("practice-gong-client", Some("practice-gong-secret"))],
    inputs: &[("email", "maya.lind@acme.example")],
    hosts: &[
        Host::new(
            "app.gong.io",
            &[
                Endpoint::new(Kind::Authorize, "GET", "/oauth2/authorize", standard::authorize),
                Endpoint::new(Kind::Token, "POST", "/oauth2/generate-customer-token", token),
            ],
        ),
        Host::new("api.gong.io", API),
        Host::new("*.api.gong.io", API),
    ],
    redirects: Redirects::USUAL,
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::fixed("api:workspaces:read", "Retrieve the company's workspaces"),
        Permission::fixed("api:users:read", "Retrieve the company's users"),
        Permission::fixed("api:calls:read:basic", "Retrieve calls"),
        Permission::fixed("api:calls:read:extensive", "Retrieve detailed call data"),
        Permission::fixed("api:calls:read:transcript", "Retrieve call transcripts"),
        Permission::fixed("api:calls:read:media-url", "Retrieve call recordings"),
        Permission::fixed("api:library:read", "Retrieve library folders and their calls"),
    ],
    rules: GrantRules {
        access_seconds: Some(DAY),
        refresh: Refresh::Rotates(Old::Dies),
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Letters, 48),
        access: Shape::new("eyJhbGciOiJIUzI1NiJ9.", Alphabet::Url, 240),
        refresh: Shape::new("", Alphabet::Url, 86),
    },
    contents: calls::contents,
    id_of: calls::id_of,
    trouble,
    ..Provider::USUAL
};

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::basic(request).check(desk)?;
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => desk.redeem(
            &Redemption {
                code: &request.field("code").unwrap_or_default(),
                client_id: app.client_id,
                redirect_uri: request.field("redirect_uri").as_deref(),
                verifier: None,
                host: ACME,
            },
            &desk.rules(),
        )?,
        Some("refresh_token") => {
            desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &desk.rules())?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(&issued)))
}

fn reply(issued: &Issued) -> Value {
    let mut reply = json!({
        "access_token": issued.access,
        "token_type": "bearer",
        "expires_in": issued.expires_in,
        "scope": issued.grant.scopes.join(" "),
        "api_base_url_for_customer": format!("https://{ACME}"),
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    reply
}

fn bearer(desk: &Desk, request: &Request, scope: &str) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if request.host != access.grant.host {
        return Err(Problem::Revoked);
    }
    if access.grant.has_scope(scope) { Ok(access) } else { Err(Problem::ScopeMissing) }
}

fn workspaces(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request, "api:workspaces:read")?;
    let contents = desk.contents();
    let all = contents.children(None).filter(|it| it.state == State::Published);
    let all: Vec<_> = all
        .map(|it| json!({ "id": it.id, "name": it.name, "description": format!("{} sales", it.name) }))
        .collect();
    Ok(Reply::json(200, &json!({ "requestId": request_id(), "workspaces": all })))
}

/// All people of the company: the token is the company's, so there is no "me".
fn users(desk: &Desk, request: &Request) -> Answer {
    bearer(desk, request, "api:users:read")?;
    let start = match request.query("cursor") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("page-").and_then(|at| at.parse::<usize>().ok()) {
            Some(at) if at < PEOPLE.len() => at,
            _ => return Err(Problem::BadParameter("cursor")),
        },
    };
    let page: Vec<Value> = PEOPLE
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|person| {
            json!({
                "id": person.digits("GONG", 18),
                "emailAddress": person.email,
                "firstName": person.given,
                "lastName": person.family,
                "title": person.job,
                "active": true,
                "created": "2024-02-05T09:00:00Z",
                "managerId": null,
            })
        })
        .collect();
    let mut records = json!({
        "totalRecords": PEOPLE.len(),
        "currentPageSize": page.len(),
        "currentPageNumber": start / PAGE,
    });
    if start + PAGE < PEOPLE.len() {
        records["cursor"] = json!(format!("page-{}", start + PAGE));
    }
    Ok(Reply::json(200, &json!({ "requestId": request_id(), "records": records, "users": page })))
}

fn request_id() -> String {
    Shape::new("", Alphabet::Letters, 20).mint()
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth = |status, error: &str, words: &str| {
        Reply::json(status, &json!({ "error": error, "error_description": words }))
    };
    // The API gives texts without codes.
    let api =
        |status, words: &str| Reply::json(status, &json!({ "requestId": request_id(), "errors": [words] }));
    Some(match (trouble.stage, trouble.problem) {
        (
            Stage::Exchange | Stage::Refresh,
            Problem::UnknownClient | Problem::WrongSecret | Problem::SecretMissing | Problem::SecretExpired,
        ) => oauth(401, "invalid_client", "Bad client credentials"),
        (
            Stage::Exchange,
            Problem::CodeUnknown | Problem::CodeExpired | Problem::CodeUsed | Problem::RedirectDiffers,
        ) => oauth(400, "invalid_grant", "Authorization code is invalid"),
        (
            Stage::Refresh,
            Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy
            | Problem::Revoked,
        ) => oauth(400, "invalid_grant", "Refresh token code is invalid"),
        (Stage::Identify | Stage::Api, Problem::Revoked) => api(401, "access token has been revoked"),
        (Stage::Identify | Stage::Api, Problem::TokenExpired) => api(401, "access token has expired"),
        (Stage::Identify | Stage::Api, Problem::TokenUnknown) => api(401, "Invalid access token"),
        (Stage::Identify | Stage::Api, Problem::ScopeMissing) => api(403, "Missing the required scope"),
        (Stage::Identify | Stage::Api, Problem::NotLicensed) => api(403, "The API is not part of this plan"),
        (Stage::Identify | Stage::Api, Problem::BadParameter("cursor")) => api(400, "Invalid cursor"),
        (Stage::Api, Problem::BadParameter(_) | Problem::BadRequest) => {
            api(400, "Failed to verify the request")
        }
        (_, Problem::RateLimited) => api(429, "API rate limit exceeded"),
        _ => return None,
    })
}
