//! What OneDrive, Outlook and SharePoint have in common: the v2.0 endpoints of Microsoft Entra ID and the
//! manners of Microsoft Graph, after MicrosoftDocs/entra-docs (`v2-oauth2-auth-code-flow.md`, `reply-url.md`,
//! `refresh-tokens.md`, `reference-error-codes.md`, `id-token-claims-reference.md`) and Graph's own pages.
//! There is no revocation endpoint, because Microsoft has none.

pub mod drives;
pub mod filter;
pub mod graph;
mod trouble;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::desk::{Ask, Back, Decided, Desk, Redemption};
use crate::faults::{Problem, Stage};
use crate::grants::{Grant, Issued};
use crate::jwt;
use crate::providers::{
    Answer, Endpoint, Host, Kind, Permission, Provider, Registered, onedrive, outlook, sharepoint, standard,
};
use crate::redirects::{LOCALHOST, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

pub use trouble::graph_error;
use trouble::guid;

const DAY: u64 = 86_400;

/// Acme's directory, and the one in which Microsoft keeps personal accounts.
const ACME: &str = "5f6ab1c2-8d3e-4f70-9a1b-2c3d4e5f6071";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Apps registered for "accounts in this organizational directory only".
pub const ONE_TENANT: [&str; 3] = [
    "0ed00000-0000-4000-8000-000000000011",
    "0ed00000-0000-4000-8000-000000000012",
    "0ed00000-0000-4000-8000-000000000013",
];

const UNKNOWN_TENANT: Problem = Problem::BadParameter("tenant");
const ONE_TENANT_ONLY: Problem = Problem::BadParameter("a tenant of its own");
const OTHER_TENANT: Problem = Problem::BadParameter("the tenant of the sign-in");

pub const LOGIN: Host = Host::new(
    "login.microsoftonline.com",
    &[
        Endpoint::new(Kind::Authorize, "GET", "/{tenant}/oauth2/v2.0/authorize", authorize),
        Endpoint::new(Kind::Token, "POST", "/{tenant}/oauth2/v2.0/token", token),
    ],
);

/// One Graph for all three: a token of one product is known, and forbidden, at the others.
pub const GRAPH: Host = Host::new(
    "graph.microsoft.com",
    &[
        Endpoint::new(Kind::Identify, "GET", "/v1.0/me", me),
        Endpoint::new(Kind::Identify, "GET", "/v1.0/me/drive", onedrive::drive),
        Endpoint::new(Kind::Identify, "GET", "/v1.0/me/mailFolders/inbox", outlook::inbox),
        Endpoint::new(Kind::Identify, "GET", "/v1.0/users/{user}/mailFolders/inbox", outlook::shared),
        Endpoint::new(Kind::Identify, "GET", "/v1.0/sites/{*site}", sharepoint::site),
    ],
);

pub const USUAL: Provider = Provider {
    hosts: &[LOGIN, drives::GRAPH, sharepoint::GRAPH, GRAPH, outlook::mail::GRAPH],
    // The platform "Mobile and desktop applications": any port of localhost, never 127.0.0.1.
    redirects: Redirects {
        app_scheme: true,
        https: false,
        loopback: Loopback::AnyPort(LOCALHOST),
        ..Redirects::USUAL
    },
    permissions: &[
        Permission::fixed("openid", "Sign you in"),
        Permission::fixed("profile", "See your basic profile"),
        Permission::fixed("email", "See your e-mail address"),
        Permission::fixed("offline_access", "Keep the access you have given it"),
        Permission::fixed("User.Read", "Sign you in and read your profile"),
        Permission::fixed("Files.Read", "Read your files"),
        Permission::fixed("Files.Read.All", "Read all files that you can open"),
        Permission::fixed("Sites.Read.All", "Read items in all site collections"),
        Permission::fixed("Sites.Selected", "Read the sites that an administrator chose"),
        Permission::fixed("Mail.ReadBasic", "Read your mail without its contents"),
        Permission::fixed("Mail.Read", "Read your mail"),
        Permission::fixed("Mail.Read.Shared", "Read mail that you can open"),
    ],
    rules: GrantRules {
        access_seconds: Some(3599),
        refresh: Refresh::Rotates(Old::Lives),
        refresh_seconds: Some(90 * DAY),
        keeps_access: true,
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        code: Shape::new("1.AXEA", Alphabet::Url, 700),
        access: Shape::new("eyJ0eXAiOiJKV1QiLCJub25jZSI6", Alphabet::Url, 1500),
        refresh: Shape::new("1.AXEA", Alphabet::Url, 1100),
    },
    call_back,
    trouble: trouble::trouble,
    ..Provider::USUAL
};

/// The platform "Web": https and localhost, and a secret at the token endpoint.
pub const WEB: Redirects =
    Redirects { https: true, loopback: Loopback::AnyPort(LOCALHOST), ..Redirects::USUAL };

fn authorize(desk: &Desk, request: &Request) -> Answer {
    let app = desk.app(request.query("client_id").unwrap_or_default())?;
    let tenant = tenant(request, app)?;
    let redirect_uri = desk.redirect(app, request.query("redirect_uri"))?;
    let state = request.query("state").map(str::to_owned);
    let back = Back { redirect_uri: redirect_uri.clone(), state: state.clone() };
    let asked = (|| {
        if request.query("response_type") != Some("code") {
            return Err(Problem::BadParameter("response_type"));
        }
        if request.query("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Problem::BadParameter("response_mode"));
        }
        Ok((scopes(request)?, challenge(request)?))
    })();
    let (scopes, challenge) = match asked {
        Ok(asked) => asked,
        Err(problem) => return Ok(desk.say_back(problem, Stage::Authorize, request, Some(&back))),
    };
    let mut extras = BTreeMap::from([("tenant".to_owned(), tenant)]);
    if let Some(nonce) = request.query("nonce") {
        extras.insert("nonce".to_owned(), nonce.to_owned());
    }
    Ok(desk.consent(Ask {
        client_id: app.client_id.to_owned(),
        redirect_sent: request.query("redirect_uri").map(str::to_owned),
        redirect_uri,
        state,
        scopes,
        challenge,
        extras,
    }))
}

/// The first segment of the path: a tenant's id, one of its domains, or a word for many tenants.
fn tenant(request: &Request, app: &Registered) -> Result<String, Problem> {
    let said = request.capture("tenant").to_ascii_lowercase();
    match said.as_str() {
        "common" | "organizations" | "consumers" if ONE_TENANT.contains(&app.client_id) => {
            Err(ONE_TENANT_ONLY)
        }
        "common" | "organizations" | "consumers" | ACME | "acme.onmicrosoft.com" | "acme.example" => Ok(said),
        _ => Err(UNKNOWN_TENANT),
    }
}

/// The permissions by their short names. `.default` stands for all that the registration lists.
fn scopes(request: &Request) -> Result<Vec<String>, Problem> {
    let mut scopes: Vec<String> = Vec::new();
    for said in request.query("scope").unwrap_or_default().split_whitespace() {
        let short = said.strip_prefix("https://graph.microsoft.com/").unwrap_or(said);
        let known = USUAL.permissions.iter().map(|permission| permission.scope);
        let meant: Vec<&str> = match short {
            ".default" => known.filter(|scope| scope.contains('.')).collect(),
            _ => known.filter(|scope| scope.eq_ignore_ascii_case(short)).collect(),
        };
        if meant.is_empty() {
            return Err(Problem::UnknownScope);
        }
        for scope in meant {
            if !scopes.iter().any(|it| it == scope) {
                scopes.push(scope.to_owned());
            }
        }
    }
    if scopes.is_empty() { Err(Problem::BadParameter("scope")) } else { Ok(scopes) }
}

/// Recommended, not demanded; `plain` exists at Microsoft and is not practised here.
fn challenge(request: &Request) -> Result<Option<String>, Problem> {
    match (request.query("code_challenge"), request.query("code_challenge_method")) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Ok(Some(challenge.to_owned())),
        _ => Err(Problem::ChallengeMissing),
    }
}

fn call_back(desk: &Desk, decided: &Decided) -> Vec<(String, String)> {
    let mut pairs = standard::call_back(desk, decided);
    pairs.push(("session_state".to_owned(), guid()));
    pairs
}

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::either(request).check(desk)?;
    let tenant = tenant(request, app)?;
    let field = |name| request.field(name).unwrap_or_default();
    let same_tenant = |grant: Option<&Grant>| match grant {
        Some(grant) if grant.extra("tenant") != tenant => Err(OTHER_TENANT),
        _ => Ok(()),
    };
    let issued = match field("grant_type").as_str() {
        "authorization_code" => {
            let code = field("code");
            let draft = desk.code_draft(&code);
            same_tenant(draft.as_ref())?;
            let mut rules = desk.rules();
            if draft.is_some_and(|draft| !draft.has_scope("offline_access")) {
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
        "refresh_token" => {
            let refresh = field("refresh_token");
            same_tenant(desk.grant_of(&refresh).as_ref())?;
            desk.renew(&refresh, app.client_id, &desk.rules())?
        }
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(desk, &issued)))
}

/// The scopes come back in another order, without `offline_access` and with more than was asked.
fn reply(desk: &Desk, issued: &Issued) -> Value {
    let grant = &issued.grant;
    let graph = grant.scopes.iter().rev().filter(|scope| scope.contains('.')).map(String::as_str);
    let scope: Vec<&str> = graph.chain(["profile", "openid", "email"]).collect();
    let mut reply = json!({
        "token_type": "Bearer",
        "scope": scope.join(" "),
        "expires_in": issued.expires_in,
        "ext_expires_in": issued.expires_in,
        "access_token": issued.access,
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    if grant.has_scope("openid") {
        reply["id_token"] = json!(id_token(desk, grant));
    }
    reply
}

/// The issuer names the real tenant, also when the sign-in went to `common`.
fn id_token(desk: &Desk, grant: &Grant) -> String {
    let (person, now) = (grant.person(), desk.now());
    let tid = tenant_id(grant);
    let mut claims = json!({
        "aud": grant.client_id,
        "iss": desk.issuer(grant, &format!("https://login.microsoftonline.com/{tid}/v2.0")),
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "sub": person.hex(&grant.client_id, 43),
        "tid": tid,
        "ver": "2.0",
    });
    if grant.has_scope("profile") {
        claims["oid"] = json!(person.uuid("microsoft"));
        claims["name"] = json!(person.name);
        claims["preferred_username"] = json!(person.email);
    }
    if grant.has_scope("email") {
        claims["email"] = json!(person.email);
    }
    if !grant.extra("nonce").is_empty() {
        claims["nonce"] = json!(grant.extra("nonce"));
    }
    jwt::sign(&claims)
}

fn tenant_id(grant: &Grant) -> &'static str {
    if is_personal(grant) { PERSONAL } else { ACME }
}

/// Whether the person signed in with a personal account.
pub fn is_personal(grant: &Grant) -> bool {
    grant.extra("tenant") == "consumers"
}

/// The grant of the request's token, if it holds one of these permissions.
pub fn allowed(desk: &Desk, request: &Request, one_of: &[&str]) -> Result<Grant, Problem> {
    let grant = desk.bearer(request)?.grant;
    if one_of.iter().any(|scope| grant.has_scope(scope)) { Ok(grant) } else { Err(Problem::ScopeMissing) }
}

/// A name as it stands in an address.
pub fn escaped(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

fn me(desk: &Desk, request: &Request) -> Answer {
    let person = allowed(desk, request, &["User.Read"])?.person();
    Ok(Reply::json(
        200,
        &json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
            "id": person.uuid("microsoft"),
            "displayName": person.name,
            "givenName": person.given,
            "surname": person.family,
            "jobTitle": person.job,
            "mail": person.email,
            "userPrincipalName": person.email,
        }),
    ))
}
