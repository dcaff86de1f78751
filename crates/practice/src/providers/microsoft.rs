//! What OneDrive, Outlook and SharePoint have in common: the v2.0 endpoints of Microsoft Entra ID and the
//! manners of Microsoft Graph, after MicrosoftDocs/entra-docs (`v2-oauth2-auth-code-flow.md`, `reply-url.md`,
//! `refresh-tokens.md`, `reference-error-codes.md`, `id-token-claims-reference.md`) and Graph's own pages.
//! There is no revocation endpoint, because Microsoft has none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::desk::{Ask, Back, Decided, Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::{Grant, Issued};
use crate::jwt;
use crate::providers::{
    Answer, Endpoint, Host, Kind, Permission, Provider, Registered, onedrive, outlook, sharepoint, standard,
};
use crate::redirects::{LOCALHOST, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Old, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

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

pub const USUAL: Provider = Provider {
    hosts: &[
        Host::new(
            "login.microsoftonline.com",
            &[
                Endpoint::new(Kind::Authorize, "GET", "/{tenant}/oauth2/v2.0/authorize", authorize),
                Endpoint::new(Kind::Token, "POST", "/{tenant}/oauth2/v2.0/token", token),
            ],
        ),
        // One Graph for all three: a token of one product is known, and forbidden, at the others.
        Host::new(
            "graph.microsoft.com",
            &[
                Endpoint::new(Kind::Identify, "GET", "/v1.0/me", me),
                Endpoint::new(Kind::Identify, "GET", "/v1.0/me/drive", onedrive::drive),
                Endpoint::new(Kind::Identify, "GET", "/v1.0/me/mailFolders/inbox", outlook::inbox),
                Endpoint::new(Kind::Identify, "GET", "/v1.0/users/{user}/mailFolders/inbox", outlook::shared),
                Endpoint::new(Kind::Identify, "GET", "/v1.0/sites/{*site}", sharepoint::site),
            ],
        ),
    ],
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
    trouble,
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
        "common" | "organizations" | "consumers" if ONE_TENANT.contains(&app.client_id) => Err(ONE_TENANT_ONLY),
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

fn trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    if matches!(trouble.stage, Stage::Identify | Stage::Api) {
        return graph_trouble(desk, trouble);
    }
    let said = Said::of(trouble.problem)?;
    let (trace, correlation) = (guid(), guid());
    let at = time(desk.now(), ' ');
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
        said.number, said.words
    );
    let on_page = matches!(
        trouble.problem,
        Problem::UnknownClient
            | Problem::RedirectMismatch
            | Problem::RedirectMissing
            | UNKNOWN_TENANT
            | ONE_TENANT_ONLY
    );
    Some(match trouble.stage {
        Stage::Authorize if on_page => trouble.page(&format!("AADSTS{}", said.number), said.words),
        Stage::Authorize | Stage::Consent => {
            trouble.call_back(&[("error", said.error), ("error_description", &description)])
        }
        _ => {
            let mut body = json!({
                "error": said.error,
                "error_description": description,
                "error_codes": [said.number],
                "timestamp": at,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={}", said.number),
            });
            if !said.suberror.is_empty() {
                body["suberror"] = json!(said.suberror);
            }
            Reply::json(said.status, &body)
        }
    })
}

/// What Entra says to a problem.
struct Said {
    status: u16,
    error: &'static str,
    number: u32,
    suberror: &'static str,
    words: &'static str,
}

impl Said {
    fn of(problem: Problem) -> Option<Said> {
        let (status, error, number, suberror, words) = match problem {
            Problem::UnknownClient => {
                (400, "unauthorized_client", 700_016, "", "No application with this identifier was found in the directory.")
            }
            UNKNOWN_TENANT => (400, "invalid_request", 90_002, "", "The tenant was not found."),
            ONE_TENANT_ONLY => {
                (400, "invalid_request", 50_194, "", "The application is not multi-tenant; the common endpoint is closed to it.")
            }
            OTHER_TENANT => {
                (400, "invalid_grant", 700_005, "", "The code or refresh token is meant for use with another tenant.")
            }
            Problem::RedirectMismatch => {
                (400, "invalid_request", 50_011, "", "The redirect URI is not one of those configured for the application.")
            }
            Problem::RedirectMissing => (400, "invalid_request", 900_971, "", "No reply address was provided."),
            Problem::RedirectDiffers => {
                (400, "invalid_client", 500_112, "", "The reply address differs from the one of the sign-in.")
            }
            Problem::UnknownScope => {
                (400, "invalid_client", 650_056, "", "The application is misconfigured: a permission is not listed in its registration.")
            }
            Problem::ChallengeMissing => {
                (400, "invalid_request", 501_491, "", "The code challenge has a wrong size or method.")
            }
            Problem::BadParameter(_) | Problem::BadRequest => {
                (400, "invalid_request", 900_144, "", "A required parameter is missing or has a wrong value.")
            }
            Problem::Refused => (400, "access_denied", 65_004, "", "The user declined to consent to the app."),
            Problem::AdminApproval => {
                (400, "access_denied", 90_094, "", "An administrator has to grant the permissions first.")
            }
            Problem::SecretMissing => {
                (401, "invalid_client", 7_000_218, "", "The request must contain client_assertion or client_secret.")
            }
            Problem::SecretForbidden => {
                (401, "invalid_client", 700_025, "", "The client is public, so no secret may be presented.")
            }
            Problem::WrongSecret => (401, "invalid_client", 7_000_215, "", "The client secret is invalid."),
            Problem::SecretExpired => (401, "invalid_client", 7_000_222, "", "The client secret keys are expired."),
            Problem::UnknownGrantType => {
                (400, "unsupported_grant_type", 70_003, "", "The grant type is not supported.")
            }
            Problem::CodeUnknown => (400, "invalid_grant", 70_000, "", "The authorization code is malformed."),
            Problem::CodeExpired => (400, "invalid_grant", 70_008, "", "The authorization code has expired."),
            Problem::CodeUsed => (400, "invalid_grant", 54_005, "", "The authorization code was already redeemed."),
            Problem::VerifierWrong => {
                (400, "invalid_grant", 501_481, "", "The code verifier does not match the code challenge.")
            }
            Problem::RefreshUnknown | Problem::RefreshReused => {
                (400, "invalid_grant", 70_000, "bad_token", "The refresh token is not valid.")
            }
            Problem::RefreshExpired => {
                (400, "invalid_grant", 700_082, "token_expired", "The refresh token has expired due to inactivity.")
            }
            Problem::Revoked => {
                (400, "invalid_grant", 50_173, "bad_token", "The grant was revoked; a fresh sign-in is needed.")
            }
            Problem::SessionPolicy => {
                (400, "invalid_grant", 70_043, "bad_token", "The refresh token expired by the sign-in frequency of Conditional Access.")
            }
            Problem::RateLimited => (429, "temporarily_unavailable", 90_055, "", "There are too many requests."),
            Problem::Unavailable => {
                (503, "temporarily_unavailable", 90_033, "", "A transient error has occurred. Try again.")
            }
            _ => return None,
        };
        Some(Said { status, error, number, suberror, words })
    }
}

fn graph_trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    let mail = trouble.request.path.contains("mailFolders");
    let (status, code, message) = match trouble.problem {
        Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked => {
            (401, "InvalidAuthenticationToken", "The access token is invalid or has expired.")
        }
        Problem::ScopeMissing if mail => (403, "ErrorAccessDenied", "Access is denied. Check the credentials."),
        Problem::ScopeMissing if trouble.request.path == "/v1.0/me" => {
            (403, "Authorization_RequestDenied", "The privileges do not suffice for the operation.")
        }
        Problem::ScopeMissing => (403, "accessDenied", "Access denied"),
        Problem::NotLicensed if desk.provider.id == "OUTLOOK" => {
            (404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.")
        }
        Problem::NotLicensed => (400, "BadRequest", "Tenant does not have a SPO license."),
        Problem::RateLimited => (429, "TooManyRequests", "There are too many requests."),
        Problem::Unavailable => (503, "serviceNotAvailable", "The service is not available."),
        _ => return None,
    };
    Some(graph_error(desk, status, code, message))
}

/// An error in Graph's shape.
pub fn graph_error(desk: &Desk, status: u16, code: &str, message: &str) -> Reply {
    let request_id = guid();
    let inner = json!({
        "date": time(desk.now(), 'T').trim_end_matches('Z'),
        "request-id": request_id,
        "client-request-id": request_id,
    });
    let error = json!({ "error": { "code": code, "message": message, "innerError": inner } });
    Reply::json(status, &error).header("request-id", &request_id)
}

fn guid() -> String {
    let hex = Shape::new("", Alphabet::Hex, 32).mint();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// `2026-11-22 08:45:05Z`, with `between` in the middle. Counts the days from the first of March of the year
/// 0, so that leap days come last in their years.
fn time(seconds: u64, between: char) -> String {
    let days = seconds / DAY + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, new_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + new_year;
    let of_day = seconds % DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(time(0, ' '), "1970-01-01 00:00:00Z");
        assert_eq!(time(951_782_399, 'T'), "2000-02-28T23:59:59Z");
        assert_eq!(time(951_868_799, ' '), "2000-02-29 23:59:59Z");
        assert_eq!(time(1_795_337_105, ' '), "2026-11-22 08:45:05Z");
        assert_eq!(time(1_830_297_600, ' '), "2028-01-01 00:00:00Z");
    }
}
