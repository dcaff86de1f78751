//! Dropbox, after its OAuth guide and the errors of its API specification (dropbox/dropbox-api-spec): four-hour
//! access tokens, a refresh token only for `token_access_type=offline` and never again in the answer to a
//! refresh, calls that take JSON or nothing, and plain text where a request is malformed.

mod contents;
mod files;

use serde_json::{Value, json};

use crate::desk::{Decided, Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::providers::standard::{self, Credentials};
use crate::providers::{Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered};
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

pub static DROPBOX: Provider = Provider {
    id: "DROPBOX",
    name: "Dropbox",
    // The first is used with PKCE, and its secret stays with its administrator.
    apps: &[
        Registered::new("practicedropbox1", None),
        Registered::new("practicedropbox2", Some("practice-dropbox-secret")),
    ],
    hosts: &[
        Host::new(
            "www.dropbox.com",
            &[Endpoint::new(Kind::Authorize, "GET", "/oauth2/authorize", authorize)],
        ),
        Host::new(
            "api.dropboxapi.com",
            &[
                Endpoint::new(Kind::Token, "POST", "/oauth2/token", token),
                Endpoint::new(Kind::Identify, "POST", "/2/users/get_current_account", current_account),
                Endpoint::new(Kind::Revoke, "POST", "/2/auth/token/revoke", revoke),
                Endpoint::new(Kind::Api, "POST", "/2/files/list_folder", contents::list_folder),
                Endpoint::new(
                    Kind::Api,
                    "POST",
                    "/2/files/list_folder/continue",
                    contents::list_folder_continue,
                ),
                Endpoint::new(Kind::Api, "POST", "/2/files/get_metadata", contents::get_metadata),
                Endpoint::new(Kind::Api, "POST", "/2/files/list_revisions", contents::list_revisions),
            ],
        ),
        Host::new(
            "content.dropboxapi.com",
            &[
                Endpoint::new(Kind::Api, "POST", "/2/files/download", files::download),
                Endpoint::new(Kind::Api, "POST", "/2/files/export", files::export_file),
            ],
        ),
    ],
    redirects: Redirects { app_scheme: true, ..Redirects::USUAL },
    // Without `scope` everything that the app's Permissions tab has ticked is granted.
    authorize: Authorize {
        default_scopes: &["account_info.read", "files.metadata.read", "files.content.read"],
        ..Authorize::USUAL
    },
    pkce: Pkce::WithoutSecret,
    permissions: &[
        Permission::fixed("account_info.read", "View basic information about your Dropbox account"),
        Permission::fixed("files.metadata.read", "View information about your files and folders"),
        Permission::fixed("files.content.read", "View content of your files and folders"),
        Permission::fixed("sharing.read", "View your sharing settings and collaborators"),
    ],
    rules: GrantRules {
        access_seconds: Some(14_400),
        refresh: Refresh::Fixed,
        keeps_access: true,
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Url, 43),
        access: Shape::new("sl.u.", Alphabet::Url, 140),
        refresh: Shape::new("", Alphabet::Url, 64),
    },
    contents: contents::make,
    new_id: |maker, _| contents::new_id(maker),
    call_back,
    trouble,
    ..Provider::USUAL
};

fn authorize(desk: &Desk, request: &Request) -> Answer {
    let state = request.query("state").unwrap_or_default();
    if state.len() > 500 {
        return Err(Problem::BadParameter("state"));
    }
    match request.query("token_access_type") {
        Some("offline") => {
            desk.take(&online(state));
        }
        None | Some("online") => desk.keep(&online(state), String::new(), 1800),
        Some(_) => return Err(Problem::BadParameter("token_access_type")),
    }
    standard::authorize(desk, request)
}

/// Under this key stands that a sign-in, by its state, or a code asked for no refresh token.
fn online(what: &str) -> String {
    format!("online/{what}")
}

fn call_back(desk: &Desk, decided: &Decided) -> Vec<(String, String)> {
    if desk.take(&online(decided.back.state.as_deref().unwrap_or_default())).is_some() {
        desk.keep(&online(decided.code), String::new(), 3600);
    }
    standard::call_back(desk, decided)
}

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = Credentials::either(request).check(desk)?;
    let mut rules = desk.rules();
    let issued = match request.field("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = request.field("code").unwrap_or_default();
            if desk.look(&online(&code)).is_some() {
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
            let issued =
                desk.renew(&request.field("refresh_token").unwrap_or_default(), app.client_id, &rules)?;
            return Ok(Reply::json(
                200,
                &json!({
                    "access_token": issued.access, "token_type": "bearer", "expires_in": issued.expires_in,
                }),
            ));
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    let person = issued.grant.person();
    let mut reply = json!({
        "access_token": issued.access,
        "token_type": "bearer",
        "expires_in": issued.expires_in,
        "scope": issued.grant.scopes.join(" "),
        "uid": person.digits("DROPBOX", 10),
        "account_id": account_id(person),
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    Ok(Reply::json(200, &reply))
}

fn account_id(person: &crate::people::Person) -> String {
    format!("dbid:AA{}", person.hex("DROPBOX", 36))
}

/// A call without arguments takes an empty body or the JSON `null`, and no form.
fn without_arguments(request: &Request) -> Result<(), Problem> {
    let body = request.body.trim_ascii();
    let fits = match request.header("content-type") {
        None => body.is_empty(),
        Some(_) => request.is_json() && (body.is_empty() || body == b"null"),
    };
    if fits { Ok(()) } else { Err(Problem::BadRequest) }
}

fn current_account(desk: &Desk, request: &Request) -> Answer {
    without_arguments(request)?;
    let grant = desk.bearer(request)?.grant;
    if !grant.has_scope("account_info.read") {
        return Err(Problem::ScopeMissing);
    }
    let person = grant.person();
    Ok(Reply::json(
        200,
        &json!({
            "account_id": account_id(person),
            "name": {
                "given_name": person.given,
                "surname": person.family,
                "familiar_name": person.given,
                "display_name": person.name,
                "abbreviated_name": format!("{}{}", &person.given[..1], &person.family[..1]),
            },
            "email": person.email,
            "email_verified": true,
            "disabled": false,
            "country": "DE",
            "locale": "en",
            "is_paired": false,
            "account_type": { ".tag": "business" },
            "team": { "id": "dbtid:AAFpractice", "name": "Acme" },
            "team_member_id": format!("dbmid:AA{}", person.hex("DROPBOX/member", 32)),
            "root_info": {
                ".tag": "team", "root_namespace_id": files::TEAM_ROOT, "home_namespace_id": person.digits("DROPBOX/home", 8),
            },
        }),
    ))
}

/// Ends the refresh token and every access token that came of it.
fn revoke(desk: &Desk, request: &Request) -> Answer {
    without_arguments(request)?;
    let grant = desk.bearer(request)?.grant;
    desk.end(grant.id);
    Ok(Reply::json(200, &Value::Null))
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let oauth =
        |error: &str, words: &str| Reply::json(400, &json!({ "error": error, "error_description": words }));
    let api = |status: u16, tag: &str, mut error: Value| {
        error[".tag"] = json!(tag);
        Reply::json(status, &json!({ "error_summary": format!("{tag}/.."), "error": error }))
    };
    let at_token = matches!(trouble.stage, Stage::Exchange | Stage::Refresh);
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => Reply::json(
            429,
            &json!({
                "error_summary": "too_many_requests/..",
                "error": { "reason": { ".tag": "too_many_requests" }, "retry_after": 2 },
            }),
        ),
        (Stage::Authorize, Problem::UnknownClient) => {
            trouble.page("It seems the app you were using submitted a bad request", "Invalid client_id")
        }
        (Stage::Authorize, Problem::RedirectMismatch | Problem::RedirectMissing) => {
            trouble.page("It seems the app you were using submitted a bad request", "Invalid redirect_uri")
        }
        (Stage::Authorize | Stage::Consent, Problem::Refused) => trouble.call_back(&[
            ("error_description", "The user chose not to give your app access to their Dropbox account."),
            ("error", "access_denied"),
        ]),
        (Stage::Authorize | Stage::Consent, _) => return None,
        (_, Problem::BadRequest) if at_token => oauth("invalid_request", "The body is not form-encoded."),
        (_, Problem::BadRequest) => Reply::text(
            400,
            "Error in call to API function: request body: the call takes no argument, so send no body or null",
        ),
        (
            _,
            Problem::UnknownClient
            | Problem::WrongSecret
            | Problem::SecretMissing
            | Problem::SecretForbidden
            | Problem::SecretExpired,
        ) => oauth("invalid_client", "Invalid client_id or client_secret"),
        (_, Problem::CodeUnknown) => oauth("invalid_grant", "code doesn't exist or has expired"),
        (_, Problem::CodeExpired) => oauth("invalid_grant", "code has expired (within the last hour)"),
        (_, Problem::CodeUsed) => oauth("invalid_grant", "code has already been used (within the last hour)"),
        (_, Problem::VerifierWrong) => oauth("invalid_grant", "invalid code verifier"),
        (_, Problem::RedirectDiffers) => oauth("invalid_grant", "redirect_uri mismatch"),
        (
            Stage::Refresh,
            Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy
            | Problem::Revoked,
        ) => oauth("invalid_grant", "refresh token is invalid or revoked"),
        (_, Problem::TokenExpired) => api(401, "expired_access_token", json!({})),
        (_, Problem::TokenUnknown | Problem::Revoked) => api(401, "invalid_access_token", json!({})),
        (_, Problem::ScopeMissing) => {
            let scope = match trouble.request.path.as_str() {
                "/2/files/download" | "/2/files/export" => "files.content.read",
                path if path.starts_with("/2/files/") => "files.metadata.read",
                _ => "account_info.read",
            };
            api(401, "missing_scope", json!({ "required_scope": scope }))
        }
        (_, Problem::NotLicensed) => api(401, "user_suspended", json!({})),
        _ => return None,
    })
}
