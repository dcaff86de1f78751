//! What Gmail, Google Drive and Google Cloud Storage have in common: Google's OAuth endpoints, after
//! developers.google.com/identity/protocols/oauth2 (native-app and web-server) and the discovery documents of
//! its APIs.

mod fields;
mod trouble;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use crate::desk::{Ask, Decided, Desk, Redemption};
use crate::faults::Problem;
use crate::grants::{Grant, Issued};
use crate::jwt;
use crate::people::Person;
use crate::providers::{
    Answer, Endpoint, Host, Kind, Permission, Provider, Registered, gmail, google_cloud_storage,
    google_drive, standard,
};
use crate::redirects::{BOTH, LOCALHOST, Loopback, Redirects};
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

pub use fields::Fields;
pub use trouble::api_error;

const DAY: u64 = 86_400;
const ISSUER: &str = "https://accounts.google.com";
const API: &str = "https://www.googleapis.com/auth/";

pub const USUAL: Provider = Provider {
    hosts: &[
        Host::new(
            "accounts.google.com",
            &[Endpoint::new(Kind::Authorize, "GET", "/o/oauth2/v2/auth", authorize)],
        ),
        Host::new(
            "oauth2.googleapis.com",
            &[
                Endpoint::new(Kind::Token, "POST", "/token", token),
                Endpoint::new(Kind::Revoke, "POST", "/revoke", revoke),
            ],
        ),
        Host::new(
            "openidconnect.googleapis.com",
            &[Endpoint::new(Kind::Identify, "GET", "/v1/userinfo", userinfo)],
        ),
        Host::new(
            "www.googleapis.com",
            &[Endpoint::new(Kind::Identify, "GET", "/oauth2/v2/userinfo", userinfo)],
        ),
        Host::new("www.googleapis.com", google_drive::API),
        Host::new("drive.usercontent.google.com", google_drive::DOWNLOADS),
        Host::new("gmail.googleapis.com", gmail::API),
        Host::new("storage.googleapis.com", google_cloud_storage::API),
    ],
    // A client of the type "Desktop app": loopback at any port and path, nothing to register.
    redirects: Redirects {
        app_scheme: false,
        https: false,
        loopback: Loopback::AnyPort(BOTH),
        ..Redirects::USUAL
    },
    permissions: &[
        Permission::fixed("openid", "Associate you with your personal info on Google"),
        Permission::fixed("https://www.googleapis.com/auth/userinfo.email", "See your e-mail address"),
        Permission::fixed("https://www.googleapis.com/auth/userinfo.profile", "See your personal info"),
        Permission::tick("https://www.googleapis.com/auth/gmail.readonly", "View your mail and its settings"),
        Permission::tick(
            "https://www.googleapis.com/auth/gmail.metadata",
            "View your mail without its contents",
        ),
        Permission::tick(
            "https://www.googleapis.com/auth/drive.readonly",
            "See and download all your Drive files",
        ),
        Permission::tick(
            "https://www.googleapis.com/auth/drive.metadata.readonly",
            "See information about your Drive files",
        ),
        Permission::tick(
            "https://www.googleapis.com/auth/devstorage.read_only",
            "View your data in Cloud Storage",
        ),
    ],
    rules: GrantRules {
        access_seconds: Some(3599),
        refresh: Refresh::Fixed,
        refresh_seconds: Some(180 * DAY),
        keeps_access: true,
        most_grants: Some(100),
        ..GrantRules::USUAL
    },
    shapes: Shapes {
        // The slash of codes and refresh tokens has to survive every encoding on the way.
        code: Shape::new("4/0A", Alphabet::Url, 68),
        access: Shape::new("ya29.a0", Alphabet::Url, 210),
        refresh: Shape::new("1//0", Alphabet::Url, 96),
    },
    call_back,
    trouble: trouble::trouble,
    ..Provider::USUAL
};

/// A client of the type "Web application": exact https addresses, and http on the registered localhost.
pub const WEB: Redirects = Redirects { loopback: Loopback::FixedPort(LOCALHOST), ..Redirects::USUAL };

fn authorize(desk: &Desk, request: &Request) -> Answer {
    let app = desk.app(request.query("client_id").unwrap_or_default())?;
    let redirect_uri = redirect(desk, app, request.query("redirect_uri"))?;
    // Whatever else is wrong is said on Google's own page, and the app hears nothing.
    if request.query("response_type") != Some("code") {
        return Err(Problem::BadParameter("response_type"));
    }
    let challenge = challenge(request)?;
    let scopes = scopes(request)?;
    let mut extras = BTreeMap::new();
    for name in ["access_type", "prompt", "nonce"] {
        if let Some(value) = request.query(name) {
            extras.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(desk.consent(Ask {
        client_id: app.client_id.to_owned(),
        redirect_sent: Some(redirect_uri.clone()),
        redirect_uri,
        state: request.query("state").map(str::to_owned),
        scopes,
        challenge,
        extras,
    }))
}

fn redirect(desk: &Desk, app: &Registered, sent: Option<&str>) -> Result<String, Problem> {
    let address = sent.ok_or(Problem::RedirectMissing)?;
    let local = Url::parse(address).is_ok_and(|url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
            && url.fragment().is_none()
    });
    if is_desktop(app) && local { Ok(address.to_owned()) } else { desk.redirect(app, sent) }
}

fn is_desktop(app: &Registered) -> bool {
    app.redirects.is_none()
}

/// The permissions by their long names; `email` and `profile` are short for two of them.
fn scopes(request: &Request) -> Result<Vec<String>, Problem> {
    let mut scopes: Vec<String> = Vec::new();
    for said in request.query("scope").unwrap_or_default().split_whitespace() {
        let long = match said {
            "email" | "profile" => format!("{API}userinfo.{said}"),
            other => other.to_owned(),
        };
        if !USUAL.permissions.iter().any(|permission| permission.scope == long) {
            return Err(Problem::UnknownScope);
        }
        if !scopes.contains(&long) {
            scopes.push(long);
        }
    }
    if scopes.is_empty() { Err(Problem::BadParameter("scope")) } else { Ok(scopes) }
}

fn challenge(request: &Request) -> Result<Option<String>, Problem> {
    match (request.query("code_challenge"), request.query("code_challenge_method")) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Ok(Some(challenge.to_owned())),
        _ => Err(Problem::ChallengeMissing),
    }
}

/// `iss` comes although no metadata announces it, and so do `scope`, `authuser`, `hd` and `prompt`.
fn call_back(_: &Desk, decided: &Decided) -> Vec<(String, String)> {
    let scopes = decided.grant.scopes.join(" ");
    let state = decided.back.state.as_deref().map(|state| ("state", state));
    let rest = [
        ("iss", ISSUER),
        ("code", decided.code),
        ("scope", &scopes),
        ("authuser", "0"),
        ("hd", "acme.example"),
        ("prompt", "consent"),
    ];
    state.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn token(desk: &Desk, request: &Request) -> Answer {
    if !request.is_form() {
        return Err(Problem::BadRequest);
    }
    let app = standard::Credentials::either(request).check(desk)?;
    let field = |name| request.field(name).unwrap_or_default();
    let issued = match field("grant_type").as_str() {
        "authorization_code" => exchange(desk, request, app)?,
        "refresh_token" => desk.renew(&field("refresh_token"), app.client_id, &desk.rules())?,
        _ => return Err(Problem::UnknownGrantType),
    };
    Ok(Reply::json(200, &reply(desk, &issued)))
}

/// A refresh token comes only for `access_type=offline`. A web client gets one at the person's first sign-in
/// and after that only with `prompt=consent`.
fn exchange(desk: &Desk, request: &Request, app: &Registered) -> Result<Issued, Problem> {
    let code = request.field("code").unwrap_or_default();
    let mut rules = desk.rules();
    let mut given = None;
    if let Some(draft) = desk.code_draft(&code) {
        let key = format!("given/{}/{}", draft.client_id, draft.person);
        let again = desk.look(&key).is_some() && !draft.extra("prompt").contains("consent");
        if draft.extra("access_type") != "offline" || again && !is_desktop(app) {
            rules.refresh = Refresh::None;
        } else {
            given = Some(key);
        }
    }
    let issued = desk.redeem(
        &Redemption {
            code: &code,
            client_id: app.client_id,
            redirect_uri: request.field("redirect_uri").as_deref(),
            verifier: request.field("code_verifier").as_deref(),
            host: &request.host,
        },
        &rules,
    )?;
    if let Some(key) = given {
        desk.keep(&key, "yes".to_owned(), 180 * DAY);
    }
    Ok(issued)
}

fn reply(desk: &Desk, issued: &Issued) -> Value {
    let grant = &issued.grant;
    let mut reply = json!({
        "access_token": issued.access,
        "expires_in": issued.expires_in,
        "scope": grant.scopes.join(" "),
        "token_type": "Bearer",
    });
    if let Some(refresh) = &issued.refresh {
        reply["refresh_token"] = json!(refresh);
    }
    if grant.has_scope("openid") {
        reply["id_token"] = json!(id_token(desk, grant));
    }
    reply
}

fn id_token(desk: &Desk, grant: &Grant) -> String {
    let (person, now) = (grant.person(), desk.now());
    let mut claims = json!({
        "iss": desk.issuer(grant, ISSUER),
        "azp": grant.client_id,
        "aud": grant.client_id,
        "sub": subject(person),
        "hd": "acme.example",
        "iat": now,
        "exp": now + 3600,
    });
    if knows(grant, "email") {
        claims["email"] = json!(person.email);
        claims["email_verified"] = json!(true);
    }
    if knows(grant, "profile") {
        claims["name"] = json!(person.name);
        claims["given_name"] = json!(person.given);
        claims["family_name"] = json!(person.family);
        claims["picture"] = json!(picture(person));
    }
    if !grant.extra("nonce").is_empty() {
        claims["nonce"] = json!(grant.extra("nonce"));
    }
    jwt::sign(&claims)
}

/// 21 digits, the same in every app.
fn subject(person: &Person) -> String {
    format!("104{}", person.digits("google", 18))
}

pub fn picture(person: &Person) -> String {
    format!("https://lh3.googleusercontent.com/a/{}=s96-c", person.hex("google", 24))
}

/// Whether the app may see the person's `email` or `profile`.
fn knows(grant: &Grant, what: &str) -> bool {
    grant.has_scope(&format!("{API}userinfo.{what}"))
}

/// The grant of the request's token, if it holds one of these permissions.
pub fn allowed(desk: &Desk, request: &Request, one_of: &[&str]) -> Result<Grant, Problem> {
    let grant = desk.bearer(request)?.grant;
    let holds = |scope: &&str| grant.has_scope(&format!("{API}{scope}"));
    if one_of.iter().any(holds) { Ok(grant) } else { Err(Problem::ScopeMissing) }
}

/// OpenID Connect's answer and the older one of the oauth2 API, which calls the subject `id`.
fn userinfo(desk: &Desk, request: &Request) -> Answer {
    let grant = desk.bearer(request)?.grant;
    if !grant.has_scope("openid") && !knows(&grant, "email") && !knows(&grant, "profile") {
        return Err(Problem::ScopeMissing);
    }
    let person = grant.person();
    let old = request.path.ends_with("/v2/userinfo");
    let mut said = json!({ "hd": "acme.example" });
    said[if old { "id" } else { "sub" }] = json!(subject(person));
    if knows(&grant, "email") {
        said["email"] = json!(person.email);
        said[if old { "verified_email" } else { "email_verified" }] = json!(true);
    }
    if knows(&grant, "profile") {
        said["name"] = json!(person.name);
        said["given_name"] = json!(person.given);
        said["family_name"] = json!(person.family);
        said["picture"] = json!(picture(person));
    }
    Ok(Reply::json(200, &said))
}

/// Ends every grant of the person to any client of the same Cloud project, whichever token is named.
fn revoke(desk: &Desk, request: &Request) -> Answer {
    let token = request.field("token").or_else(|| request.query("token").map(str::to_owned));
    let named = token.and_then(|token| desk.grant_of(&token)).filter(|grant| !grant.ended);
    let Some(named) = named else {
        let words = json!({ "error": "invalid_token", "error_description": "Token expired or revoked" });
        return Ok(Reply::json(400, &words));
    };
    desk.end_where(|grant| {
        grant.person == named.person && project(&grant.client_id) == project(&named.client_id)
    });
    Ok(Reply::json(200, &json!({})))
}

/// The number in front of a Google client id names its project.
fn project(client_id: &str) -> Option<&str> {
    let name = client_id.strip_suffix(".apps.googleusercontent.com")?;
    name.split_once('-').map(|(number, _)| number)
}
