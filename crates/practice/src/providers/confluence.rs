//! Confluence Cloud, after Atlassian's guide to OAuth 2.0 (3LO) and error answers that were measured live:
//! JSON token requests that always carry the secret, a dead refresh token as 403, a wrong secret as 401
//! `access_denied`, and an API that lives at api.atlassian.com only, never at the site itself.

mod api;
mod contents;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Access, Issued};
use crate::providers::{
    Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered, standard,
};
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

const DAY: u64 = 86_400;

pub static CONFLUENCE: Provider = Provider {
    id: "CONFLUENCE",
    name: "Confluence",
    apps: &[Registered::new("practice-confluence-client", Some("practice-confluence-secret"))],
    hosts: &[
        Host::new(
            "auth.atlassian.com",
            &[
                Endpoint::new(Kind::Authorize, "GET", "/authorize", standard::authorize),
                Endpoint::new(Kind::Token, "POST", "/oauth/token", token),
            ],
        ),
        Host::new(
            "api.atlassian.com",
            &[
                Endpoint::new(Kind::Identify, "GET", RESOURCES, resources),
                Endpoint::new(Kind::Identify, "GET", "/me", me),
                Endpoint::new(
                    Kind::Identify,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/rest/api/user/current",
                    current_user,
                ),
                Endpoint::new(Kind::Api, "GET", "/ex/confluence/{cloud}/wiki/api/v2/spaces", api::spaces),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/spaces/{id}/pages",
                    api::pages,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/spaces/{id}/blogposts",
                    api::blog_posts,
                ),
                Endpoint::new(Kind::Api, "GET", "/ex/confluence/{cloud}/wiki/api/v2/pages", api::pages),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/pages/{id}",
                    api::one_page,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/pages/{id}/direct-children",
                    api::below_page,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/pages/{id}/attachments",
                    api::page_attachments,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/blogposts",
                    api::blog_posts,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/blogposts/{id}",
                    api::one_blog_post,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/blogposts/{id}/attachments",
                    api::blog_post_attachments,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/folders/{id}",
                    api::folder,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/folders/{id}/direct-children",
                    api::below_folder,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/api/v2/attachments",
                    api::attachments,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/ex/confluence/{cloud}/wiki/rest/api/content/{id}/child/attachment/{attachment}/download",
                    api::download,
                ),
            ],
        ),
        Host::new(
            "api.media.atlassian.com",
            &[Endpoint::new(Kind::Api, "GET", "/file/{file}/binary", api::media)],
        ),
        // The sites themselves know cookies and API tokens, and refuse these tokens.
        Host::new("*.atlassian.net", &[Endpoint::new(Kind::Api, "GET", "/{*path}", at_the_site)]),
    ],
    redirects: Redirects::USUAL,
    authorize: Authorize {
        must: &[("response_type", "code"), ("audience", "api.atlassian.com"), ("prompt", "consent")],
        ..Authorize::USUAL
    },
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::fixed("offline_access", "Stay signed in"),
        Permission::fixed("read:me", "View your profile"),
        Permission::fixed("read:confluence-user", "View Confluence users"),
        Permission::fixed("search:confluence", "Search Confluence"),
        Permission::fixed("readonly:content.attachment:confluence", "Download attachments"),
        Permission::fixed("read:space:confluence", "View spaces"),
        Permission::fixed("read:page:confluence", "View pages"),
        Permission::fixed("read:folder:confluence", "View folders"),
        Permission::fixed("read:hierarchical-content:confluence", "View content tree"),
        Permission::fixed("read:attachment:confluence", "View attachments"),
    ],
    rules: GrantRules {
        access_seconds: Some(3600),
        refresh: Refresh::Rotates(Old::Dies),
        refresh_seconds: Some(90 * DAY),
        grant_seconds: Some(365 * DAY),
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Url, 200),
        access: Shape::new("eyJraWQiOiJhdXRoLmF0bGFzc2lhbi5jb20i", Alphabet::Url, 900),
        refresh: Shape::new("eyJraWQiOiI1MWE2YjE2MjRiMTQ", Alphabet::Url, 600),
    },
    contents: contents::contents,
    id_of: contents::id_of,
    new_id: contents::new_id,
    trouble,
    ..Provider::USUAL
};

const RESOURCES: &str = "/oauth/token/accessible-resources";

struct Site {
    cloud: &'static str,
    name: &'static str,
    confluence: bool,
}

/// What Maya's company has at Atlassian. The first site has Jira only, as happens.
static SITES: [Site; 3] = [
    Site { cloud: "5f2d8c1e-7b4a-4f0d-9a31-6c0e2b7d1f10", name: "acme-projects", confluence: false },
    Site { cloud: "9b1c4f7a-2e60-4d8b-8f5c-3a7d0e9c6b21", name: "acme", confluence: true },
    Site { cloud: "c47e0a95-8d13-4b6f-a2e8-1f9b5d3c7a32", name: "acme-labs", confluence: true },
];

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_json() {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::body(request).check(desk)?;
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = request.field("code").unwrap_or_default();
            let mut rules = desk.rules();
            if desk.code_draft(&code).is_some_and(|draft| !draft.has_scope("offline_access")) {
                rules.refresh = Refresh::None;
            }
            desk.redeem(
                &Redemption {
                    code: &code,
                    client_id: app.client_id,
                    redirect_uri: request.field("redirect_uri").as_deref(),
                    verifier: None,
                    host: &request.host,
                },
                &rules,
            )?
        }
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
        "expires_in": issued.expires_in,
        "token_type": "Bearer",
        "scope": issued.grant.scopes.join(" "),
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    reply
}

/// One entry per site that the token's scopes reach.
fn resources(desk: &Desk, request: &Request) -> Answer {
    let grant = desk.bearer(request)?.grant;
    let granted: Vec<&String> = grant.scopes.iter().filter(|it| it.contains("confluence")).collect();
    let entries: Vec<Value> = SITES
        .iter()
        .filter(|site| !site.confluence || !granted.is_empty())
        .map(|site| {
            let url = format!("https://{}.atlassian.net", site.name);
            json!({
                "id": site.cloud,
                "url": url,
                "name": site.name,
                "scopes": if site.confluence { json!(granted) } else { json!(["read:jira-work"]) },
                "avatarUrl": format!("https://site-admin-avatar-cdn.prod.public.atl-paas.net/avatars/240/{}.png", site.name),
            })
        })
        .collect();
    Ok(Reply::json(200, &json!(entries)))
}

fn scoped(desk: &Desk, request: &Request, scope: &str) -> Result<Access, Problem> {
    let access = desk.bearer(request)?;
    if access.grant.has_scope(scope) { Ok(access) } else { Err(Problem::ScopeMissing) }
}

fn account_id(access: &Access) -> String {
    format!("712020:{}", access.grant.person().uuid("ATLASSIAN"))
}

fn me(desk: &Desk, request: &Request) -> Answer {
    let access = scoped(desk, request, "read:me")?;
    let person = access.grant.person();
    Ok(Reply::json(
        200,
        &json!({
            "account_type": "atlassian",
            "account_id": account_id(&access),
            "email": person.email,
            "name": person.name,
            "nickname": person.given,
            "account_status": "active",
            "locale": "en-US",
        }),
    ))
}

/// Version 1 of the API, hence a classic scope.
fn current_user(desk: &Desk, request: &Request) -> Answer {
    let access = scoped(desk, request, "read:confluence-user")?;
    let cloud = request.capture("cloud");
    if !SITES.iter().any(|site| site.confluence && site.cloud == cloud) {
        return Ok(Reply::json(404, &json!({ "code": 404, "message": "No message available" })));
    }
    let person = access.grant.person();
    // Most people's profile settings hide the address here.
    Ok(Reply::json(
        200,
        &json!({
            "type": "known",
            "accountId": account_id(&access),
            "accountType": "atlassian",
            "email": "",
            "publicName": person.name,
            "displayName": person.name,
        }),
    ))
}

fn at_the_site(_: &Desk, _: &Request) -> Answer {
    Err(Problem::TokenUnknown)
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth = |status, error: &str, words: &str| {
        Reply::json(status, &json!({ "error": error, "error_description": words }))
    };
    let gateway =
        |status: u16, words: &str| Reply::json(status, &json!({ "code": status, "message": words }));
    // Version 2 of the API.
    let described = |status: u16, code: &str, words: &str| {
        let error = json!({ "status": status, "code": code, "title": words, "detail": Value::Null });
        Reply::json(status, &json!({ "errors": [error] }))
    };
    Some(match (trouble.stage, trouble.problem) {
        (Stage::Authorize, Problem::RedirectMismatch | Problem::RedirectMissing) => {
            trouble.page("Something went wrong", "redirect_uri is not registered for client.")
        }
        (Stage::Consent, Problem::Refused) => trouble.call_back(&[
            ("error", "access_denied"),
            ("error_description", "User did not authorize the request"),
        ]),
        // The very code of a person's refusal.
        (
            Stage::Exchange | Stage::Refresh,
            Problem::UnknownClient | Problem::WrongSecret | Problem::SecretMissing | Problem::SecretExpired,
        ) => oauth(401, "access_denied", "Unauthorized"),
        (Stage::Refresh, Problem::RefreshUnknown | Problem::RefreshReused | Problem::RefreshExpired) => {
            oauth(403, "unauthorized_client", "refresh_token is invalid")
        }
        (Stage::Refresh, Problem::Revoked | Problem::SessionPolicy) => {
            oauth(403, "invalid_grant", "Unknown or invalid refresh token.")
        }
        (
            Stage::Exchange,
            Problem::CodeUnknown | Problem::CodeExpired | Problem::CodeUsed | Problem::RedirectDiffers,
        ) => oauth(403, "invalid_grant", "Invalid authorization code"),
        (Stage::Identify | Stage::Api, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            gateway(401, "Unauthorized")
        }
        (Stage::Identify | Stage::Api, Problem::ScopeMissing) => {
            gateway(401, "Unauthorized; scope does not match")
        }
        // Somebody without Confluence sees no site at all.
        (Stage::Identify, Problem::NotLicensed) if trouble.request.path == RESOURCES => {
            Reply::json(200, &json!([]))
        }
        (Stage::Identify | Stage::Api, Problem::NotLicensed) => {
            gateway(403, "Current user not permitted to use Confluence")
        }
        (Stage::Api, Problem::BadParameter("cloud")) => gateway(404, "No message available"),
        (Stage::Api, Problem::BadParameter("id")) => described(404, "NOT_FOUND", "Not Found"),
        (Stage::Api, Problem::BadParameter(name)) => {
            let words = format!("Provided value for '{name}' is not valid.");
            described(400, "INVALID_REQUEST_PARAMETER", &words)
        }
        (_, Problem::RateLimited) => {
            gateway(429, "Rate limit exceeded").header("x-ratelimit-nearlimit", "true")
        }
        _ => return None,
    })
}
