//! Slack, after its pages on OAuth, PKCE and token rotation (docs.slack.dev) and its Python kit's rotation code:
//! scopes in `user_scope` with commas, errors with status 200 and `ok: false`, the token under `authed_user` in
//! the answer to a code and on top in the answer to a refresh.

mod conversations;
mod said;

use serde_json::{Value, json};

use crate::desk::{Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Grant, Issued};
use crate::people::{PEOPLE, Person};
use crate::providers::standard::{self, Credentials};
use crate::providers::{Answer, Authorize, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered};
use crate::redirects::{LOCALHOST, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

/// An app whose PKCE is off: it has a secret, takes https addresses only, and its tokens never end.
const WITH_SECRET: &str = "4100000001.4100000003";
const TEAM: &str = "T024BE7LD";

pub static SLACK: Provider = Provider {
    id: "SLACK",
    name: "Slack",
    apps: &[
        Registered::new("4100000001.4100000002", None),
        Registered {
            client_id: WITH_SECRET,
            client_secret: Some("practice-slack-secret"),
            redirects: Some(Redirects { loopback: Loopback::No, ..Redirects::USUAL }),
        },
    ],
    inputs: &[("team", TEAM)],
    hosts: &[
        Host::new(
            "slack.com",
            &[
                Endpoint::new(Kind::Authorize, "GET", "/oauth/v2/authorize", authorize),
                Endpoint::new(Kind::Token, "POST", "/api/oauth.v2.access", token),
                Endpoint::new(Kind::Identify, "POST", "/api/auth.test", auth_test),
                Endpoint::new(Kind::Identify, "GET", "/api/auth.test", auth_test),
                Endpoint::new(Kind::Api, "GET", "/api/users.info", users_info),
                Endpoint::new(Kind::Api, "POST", "/api/users.info", users_info),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/api/users.conversations",
                    conversations::users_conversations,
                ),
                Endpoint::new(
                    Kind::Api,
                    "POST",
                    "/api/users.conversations",
                    conversations::users_conversations,
                ),
                Endpoint::new(Kind::Api, "GET", "/api/users.list", conversations::users_list),
                Endpoint::new(Kind::Api, "POST", "/api/users.list", conversations::users_list),
                Endpoint::new(Kind::Api, "GET", "/api/conversations.history", conversations::history),
                Endpoint::new(Kind::Api, "POST", "/api/conversations.history", conversations::history),
                Endpoint::new(Kind::Api, "GET", "/api/conversations.replies", conversations::replies),
                Endpoint::new(Kind::Api, "POST", "/api/conversations.replies", conversations::replies),
                Endpoint::new(Kind::Api, "GET", "/api/files.list", conversations::files_list),
                Endpoint::new(Kind::Api, "POST", "/api/files.list", conversations::files_list),
                Endpoint::new(Kind::Api, "GET", "/api/files.info", conversations::files_info),
                Endpoint::new(Kind::Api, "POST", "/api/files.info", conversations::files_info),
                Endpoint::new(Kind::Revoke, "POST", "/api/auth.revoke", revoke),
                Endpoint::new(Kind::Revoke, "GET", "/api/auth.revoke", revoke),
            ],
        ),
        Host::new(
            "files.slack.com",
            &[Endpoint::new(Kind::Api, "GET", "/files-pri/{file}/download/{*name}", conversations::download)],
        ),
    ],
    redirects: Redirects { app_scheme: true, loopback: Loopback::FixedPort(LOCALHOST), ..Redirects::USUAL },
    authorize: Authorize { scope: "user_scope", separator: ',', must: &[], ..Authorize::USUAL },
    pkce: Pkce::WithoutSecret,
    permissions: &[
        Permission::fixed("channels:read", "View basic information about public channels"),
        Permission::fixed("groups:read", "View basic information about your private channels"),
        Permission::fixed("im:read", "View basic information about your direct messages"),
        Permission::fixed("mpim:read", "View basic information about your group messages"),
        Permission::fixed("users:read", "View people in the workspace"),
        Permission::fixed("users:read.email", "View e-mail addresses of people in the workspace"),
        Permission::fixed("channels:history", "View messages in public channels"),
        Permission::fixed("groups:history", "View messages in your private channels"),
        Permission::fixed("im:history", "View messages in your direct messages"),
        Permission::fixed("mpim:history", "View messages in your group messages"),
        Permission::fixed("files:read", "View files shared in channels and conversations"),
        Permission::fixed("team:read", "View the name, domain and icon of the workspace"),
    ],
    rules: GrantRules {
        access_seconds: Some(43_200),
        // "A short grace", whose length is not told.
        refresh: Refresh::Rotates(Old::Lingers(60)),
        refresh_seconds: Some(30 * 86_400),
        keeps_access: true,
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("4100000001.4100000002.", Alphabet::Hex, 64),
        access: Shape::new("xoxe.xoxp-1-", Alphabet::Letters, 120),
        refresh: Shape::new("xoxe-1-", Alphabet::Letters, 140),
    },
    contents: said::contents,
    id_of: said::id_of,
    new_id: said::new_id,
    trouble,
    ..Provider::USUAL
};

fn authorize(desk: &Desk, request: &Request) -> Answer {
    let asked = |name: &str| request.query(name).is_some_and(|value| !value.is_empty());
    if asked("team") && request.query("team") != Some(TEAM) {
        return Err(Problem::BadParameter("team"));
    }
    // An app on a desktop gets no bot, and nobody gets nothing.
    let desktop = !request.query("redirect_uri").unwrap_or_default().starts_with("https://");
    if asked("scope") && desktop || !asked("scope") && !asked("user_scope") {
        return Err(Problem::UnknownScope);
    }
    standard::authorize(desk, request)
}

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = Credentials::either(request).check(desk)?;
    let mut rules = desk.rules();
    if app.client_id == WITH_SECRET {
        rules.access_seconds = None;
        rules.refresh = Refresh::None;
    }
    match request.field("grant_type").as_deref() {
        None | Some("authorization_code") => {
            let issued = desk.redeem(
                &Redemption {
                    code: &request.field("code").unwrap_or_default(),
                    client_id: app.client_id,
                    redirect_uri: request.field("redirect_uri").as_deref(),
                    verifier: request.field("code_verifier").as_deref(),
                    host: &request.host,
                },
                &rules,
            )?;
            let mut reply = workspace();
            reply["authed_user"] = user_token(&issued);
            Ok(Reply::json(200, &reply))
        }
        Some("refresh_token") => {
            let token = request.field("refresh_token").unwrap_or_default();
            let issued = desk.renew(&token, app.client_id, &rules)?;
            let mut reply = workspace();
            let user = user_token(&issued);
            for (key, value) in user.as_object().into_iter().flatten() {
                let key = if key == "id" { "user_id" } else { key };
                reply[key] = value.clone();
            }
            Ok(Reply::json(200, &reply))
        }
        Some(_) => Err(Problem::UnknownGrantType),
    }
}

fn workspace() -> Value {
    json!({
        "ok": true,
        "app_id": "A0PRACTICE",
        "team": { "id": TEAM, "name": "Acme" },
        "enterprise": Value::Null,
        "is_enterprise_install": false,
    })
}

fn user_token(issued: &Issued) -> Value {
    let mut token = json!({
        "id": user_id(issued.grant.person()),
        "scope": issued.grant.scopes.join(","),
        "access_token": issued.access,
        "token_type": "user",
    });
    if let Some(seconds) = issued.expires_in {
        token["expires_in"] = json!(seconds);
    }
    if let Some(refresh) = &issued.refresh {
        token["refresh_token"] = json!(refresh);
    }
    token
}

fn user_id(person: &Person) -> String {
    format!("U0{}", person.hex("SLACK", 9).to_uppercase())
}

/// The token comes as a bearer or as a field of the form.
fn bearer(desk: &Desk, request: &Request) -> Result<Grant, Problem> {
    match request.field("token") {
        Some(token) => Ok(desk.access(&token)?.grant),
        None => Ok(desk.bearer(request)?.grant),
    }
}

/// Every answer to a good token tells what it may do. A user's token may always say whose it is.
fn answer(grant: &Grant, body: &Value) -> Reply {
    let scopes = format!("identify,{}", grant.scopes.join(","));
    Reply::json(200, body).header("x-oauth-scopes", scopes.trim_end_matches(','))
}

fn auth_test(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    let person = grant.person();
    Ok(answer(
        &grant,
        &json!({
            "ok": true,
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "user": person.id,
            "team_id": TEAM,
            "user_id": user_id(person),
            "is_enterprise_install": false,
        }),
    ))
}

fn users_info(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    if !grant.has_scope("users:read") {
        let missing = json!({
            "ok": false, "error": "missing_scope", "needed": "users:read", "provided": grant.scopes.join(","),
        });
        return Ok(answer(&grant, &missing).refused());
    }
    let wanted =
        request.query("user").map(str::to_owned).or_else(|| request.field("user")).unwrap_or_default();
    let Some(person) = PEOPLE.iter().find(|person| user_id(person) == wanted) else {
        return Ok(answer(&grant, &json!({ "ok": false, "error": "user_not_found" })).refused());
    };
    let mut profile = json!({
        "real_name": person.name,
        "display_name": person.given,
        "first_name": person.given,
        "last_name": person.family,
        "title": person.job,
        "team": TEAM,
    });
    if grant.has_scope("users:read.email") {
        profile["email"] = json!(person.email);
    }
    Ok(answer(
        &grant,
        &json!({ "ok": true, "user": {
            "id": wanted,
            "team_id": TEAM,
            "name": person.id,
            "real_name": person.name,
            "deleted": false,
            "is_bot": false,
            "is_app_user": false,
            "updated": 1_767_225_600,
            "profile": profile,
        } }),
    ))
}

fn revoke(desk: &Desk, request: &Request) -> Answer {
    let grant = bearer(desk, request)?;
    desk.end(grant.id);
    Ok(answer(&grant, &json!({ "ok": true, "revoked": true })))
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let error = |code: &str| Reply::json(200, &json!({ "ok": false, "error": code }));
    let page = |code: &str| trouble.page("Something went wrong when authorizing this app", code);
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => Reply::json(429, &json!({ "ok": false, "error": "ratelimited" })),
        (_, Problem::Unavailable) => {
            Reply::json(503, &json!({ "ok": false, "error": "service_unavailable" }))
        }
        (Stage::Authorize, Problem::RedirectMismatch | Problem::RedirectMissing) => page("bad_redirect_uri"),
        (Stage::Authorize, Problem::UnknownClient) => page("invalid_client_id"),
        (Stage::Authorize, Problem::UnknownScope) => page("invalid_scope"),
        (Stage::Authorize, Problem::BadParameter("team")) => page("invalid_team_for_non_distributed_app"),
        (Stage::Authorize | Stage::Consent, Problem::AdminApproval) => trouble.page(
            "Tieline isn't approved for Acme yet",
            "Your request to install it has been sent to the people who manage apps.",
        ),
        (Stage::Authorize | Stage::Consent, Problem::Refused) => {
            trouble.call_back(&[("error", "access_denied")])
        }
        (Stage::Authorize | Stage::Consent, _) => return None,
        (_, Problem::BadRequest) => error("invalid_post_type"),
        (_, Problem::UnknownGrantType) => error("invalid_grant_type"),
        (_, Problem::UnknownClient) => error("invalid_client_id"),
        (
            _,
            Problem::WrongSecret | Problem::SecretMissing | Problem::SecretForbidden | Problem::SecretExpired,
        ) => error("bad_client_secret"),
        (_, Problem::CodeUnknown | Problem::CodeExpired | Problem::CodeUsed | Problem::VerifierWrong) => {
            error("invalid_code")
        }
        (_, Problem::RedirectDiffers) => error("bad_redirect_uri"),
        (Stage::Refresh, Problem::Revoked) => error("token_revoked"),
        (
            _,
            Problem::RefreshUnknown
            | Problem::RefreshReused
            | Problem::RefreshExpired
            | Problem::SessionPolicy,
        ) => error("invalid_refresh_token"),
        (_, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked)
            if trouble.request.path.starts_with("/files-pri/") =>
        {
            conversations::sign_in_page()
        }
        (_, Problem::TokenUnknown) if trouble.request.header("authorization").is_none() => {
            error("not_authed")
        }
        (_, Problem::TokenUnknown) => error("invalid_auth"),
        (_, Problem::TokenExpired) => error("token_expired"),
        (_, Problem::Revoked) => error("token_revoked"),
        (_, Problem::NotLicensed) => error("account_inactive"),
        (_, Problem::ScopeMissing) => error("missing_scope"),
        _ => return None,
    })
}
