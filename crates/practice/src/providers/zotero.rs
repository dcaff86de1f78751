//! Zotero, after its page on OAuth (zotero.org/support/dev/web_api/v3/oauth), RFC 5849 and its server's code for
//! keys (zotero/dataserver): OAuth 1.0a with HMAC-SHA1 signatures that are really checked, a form on which the
//! person changes what the key may do, and a key for good at the end.
//!
//! How Zotero words a refused OAuth request is not documented; here it is the `oauth_problem` of the Problem
//! Reporting extension.

mod library;
mod shelf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value, json};
use sha1::Sha1;
use url::{Url, form_urlencoded};

use crate::desk::{Ask, Decided, Desk, Redemption, Trouble};
use crate::faults::{Problem, Stage};
use crate::grants::Grant;
use crate::providers::{Answer, Endpoint, Host, Kind, Permission, Pkce, Provider, Registered};
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Refresh, Shape, Shapes};
use crate::wire::{Reply, Request};

/// Request tokens wait so long for the person, and may be wrong about the time by so much. In seconds.
const PATIENCE: u64 = 3600;
const CLOCKS_DIFFER: u64 = 300;
const TOKEN: Shape = Shape::new("", Alphabet::Hex, 20);

pub static ZOTERO: Provider = Provider {
    id: "ZOTERO",
    name: "Zotero",
    apps: &[Registered::new("practicezoteroclient", Some("practice-zotero-secret"))],
    hosts: &[
        Host::new(
            "www.zotero.org",
            &[
                Endpoint::new(Kind::Step, "POST", "/oauth/request", request_token),
                Endpoint::new(Kind::Step, "GET", "/oauth/request", request_token),
                Endpoint::new(Kind::Authorize, "GET", "/oauth/authorize", authorize),
                Endpoint::new(Kind::Token, "POST", "/oauth/access", access_token),
                Endpoint::new(Kind::Token, "GET", "/oauth/access", access_token),
            ],
        ),
        Host::new(
            "api.zotero.org",
            &[
                Endpoint::new(Kind::Identify, "GET", "/keys/current", current_key),
                Endpoint::new(Kind::Revoke, "DELETE", "/keys/current", delete_key),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/groups", library::groups),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/collections", library::collections),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/collections/top", library::top_collections),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/users/{user}/collections/{key}/collections",
                    library::collections_below,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/users/{user}/collections/{key}/items/top",
                    library::items_in_collection,
                ),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/items", library::items),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/items/top", library::top_items),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/deleted", library::deleted),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/users/{user}/items/{key}/children",
                    library::items_in_collection,
                ),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/items/{key}/file", library::file),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/items/{key}/fulltext", library::full_text),
                Endpoint::new(Kind::Api, "GET", "/users/{user}/items/{key}", library::item),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/collections", library::collections),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/collections/top", library::top_collections),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/groups/{group}/collections/{key}/collections",
                    library::collections_below,
                ),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/groups/{group}/collections/{key}/items/top",
                    library::items_in_collection,
                ),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/items", library::items),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/items/top", library::top_items),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/deleted", library::deleted),
                Endpoint::new(
                    Kind::Api,
                    "GET",
                    "/groups/{group}/items/{key}/children",
                    library::items_in_collection,
                ),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/items/{key}/file", library::file),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/items/{key}/fulltext", library::full_text),
                Endpoint::new(Kind::Api, "GET", "/groups/{group}/items/{key}", library::item),
            ],
        ),
        Host::new(library::STORAGE, &[Endpoint::new(Kind::Api, "GET", "/{file}", library::stored)]),
    ],
    redirects: Redirects { app_scheme: true, repeated_at_exchange: false, ..Redirects::USUAL },
    pkce: Pkce::Ignored,
    permissions: &[
        Permission::tick("library", "Allow library access"),
        Permission::tick("notes", "Allow notes access"),
        Permission::tick("write", "Allow write access"),
        Permission::tick("groups:read", "All groups: read only"),
        Permission::tick("groups:write", "All groups: read and write"),
    ],
    rules: GrantRules { access_seconds: None, refresh: Refresh::None, ..GrantRules::USUAL },
    shapes: Shapes {
        code: Shape::new("", Alphabet::Hex, 20),
        access: Shape::new("", Alphabet::Letters, 24),
        refresh: Shape::new("", Alphabet::Letters, 24),
    },
    contents: shelf::contents,
    id_of: shelf::id_of,
    new_id: shelf::new_id,
    call_back,
    trouble,
    ..Provider::USUAL
};

fn request_token(desk: &Desk, request: &Request) -> Answer {
    let call = Call::read(desk, request)?;
    let callback = call.one("oauth_callback")?;
    let callback = desk.redirect(call.app, Some(callback))?;
    let (token, secret) = (TOKEN.mint(), TOKEN.mint());
    let pending = json!({ "secret": secret, "client_id": call.app.client_id, "callback": callback });
    desk.keep(&pending_key(&token), pending.to_string(), PATIENCE);
    Ok(Reply::form(
        200,
        &[
            ("oauth_token", token.as_str()),
            ("oauth_token_secret", secret.as_str()),
            ("oauth_callback_confirmed", "true"),
        ],
    ))
}

/// The address has the request token and wishes, which do no more than fill in the form.
fn authorize(desk: &Desk, request: &Request) -> Answer {
    let token = request.query("oauth_token").unwrap_or_default();
    let pending = pending(desk, token)?;
    let wish = |name: &str, usual: &str| request.query(name).unwrap_or(usual).to_owned();
    let mut scopes = Vec::new();
    for (name, usual, scope) in
        [("library_access", "1", "library"), ("notes_access", "0", "notes"), ("write_access", "0", "write")]
    {
        if wish(name, usual) == "1" {
            scopes.push(scope.to_owned());
        }
    }
    match wish("all_groups", "none").as_str() {
        "read" => scopes.push("groups:read".to_owned()),
        "write" => scopes.push("groups:write".to_owned()),
        _ => {}
    }
    let callback = text(&pending, "callback");
    Ok(desk.consent(Ask {
        client_id: text(&pending, "client_id"),
        redirect_uri: home(&callback, token),
        redirect_sent: Some(callback),
        state: None,
        scopes,
        challenge: None,
        extras: std::collections::BTreeMap::new(),
    }))
}

/// The callback with the request token, by which the app knows which of its sign-ins it is.
fn home(callback: &str, token: &str) -> String {
    match Url::parse(callback) {
        Ok(mut url) => {
            url.query_pairs_mut().append_pair("oauth_token", token);
            url.into()
        }
        Err(_) => callback.to_owned(),
    }
}

fn call_back(_: &Desk, decided: &Decided) -> Vec<(String, String)> {
    vec![("oauth_verifier".to_owned(), decided.code.to_owned())]
}

fn access_token(desk: &Desk, request: &Request) -> Answer {
    let call = Call::read(desk, request)?;
    let (token, verifier) = (call.one("oauth_token")?, call.one("oauth_verifier")?);
    let pending = pending(desk, token)?;
    let draft = desk.code_draft(verifier).ok_or(Problem::VerifierWrong)?;
    if draft.redirect_uri != home(&text(&pending, "callback"), token) {
        return Err(Problem::VerifierWrong);
    }
    let offer = Redemption {
        code: verifier,
        client_id: call.app.client_id,
        host: &request.host,
        ..Redemption::default()
    };
    let issued = desk.redeem(&offer, &desk.rules())?;
    desk.take(&pending_key(token));
    let person = issued.grant.person();
    // Both are the key.
    Ok(Reply::form(
        200,
        &[
            ("oauth_token", issued.access.as_str()),
            ("oauth_token_secret", issued.access.as_str()),
            ("userID", person.digits("ZOTERO", 7).as_str()),
            ("username", person.id),
        ],
    ))
}

fn pending_key(token: &str) -> String {
    format!("request/{token}")
}

fn pending(desk: &Desk, token: &str) -> Result<Value, Problem> {
    let kept = desk.look(&pending_key(token)).ok_or(Problem::CodeUnknown)?;
    serde_json::from_str(&kept).map_err(|_| Problem::CodeUnknown)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// A request signed by RFC 5849, checked.
struct Call {
    app: &'static Registered,
    pairs: Vec<(String, String)>,
}

impl Call {
    /// Takes the parameters from the header, the query and a form body, as section 3.4.1.3.1 has it.
    fn read(desk: &Desk, request: &Request) -> Result<Call, Problem> {
        let header = request.authorization("oauth").unwrap_or_default();
        let in_header =
            header.split(',').filter_map(|pair| pair.trim().split_once('=')).map(|(key, value)| {
                let value =
                    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
                (decoded(key), decoded(value))
            });
        let mut pairs: Vec<_> = in_header.filter(|(key, _)| key != "realm").collect();
        pairs.extend(request.query.iter().cloned());
        pairs.extend(request.form());
        let mut call = Call { app: &ZOTERO.apps[0], pairs };

        call.app = desk.app(call.one("oauth_consumer_key")?)?;
        if call.one("oauth_signature_method")? != "HMAC-SHA1" {
            return Err(Problem::BadParameter("oauth_signature_method"));
        }
        if call.one("oauth_version").is_ok_and(|version| version != "1.0") {
            return Err(Problem::BadParameter("oauth_version"));
        }
        let token_secret = match call.one("oauth_token") {
            Ok(token) => text(&pending(desk, token)?, "secret"),
            Err(_) => String::new(),
        };
        call.check_signature(request, &token_secret)?;
        call.check_freshness(desk)?;
        Ok(call)
    }

    /// A parameter that must be there once.
    fn one(&self, name: &'static str) -> Result<&str, Problem> {
        let mut found = self.pairs.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) if !value.is_empty() => Ok(value),
            _ => Err(Problem::BadParameter(name)),
        }
    }

    fn check_signature(&self, request: &Request, token_secret: &str) -> Result<(), Problem> {
        let said = STANDARD.decode(self.one("oauth_signature")?).map_err(|_| Problem::WrongSecret)?;
        let secrets = [self.app.client_secret.unwrap_or_default(), token_secret];
        // A client may know this place by its documented name or by its address on loopback.
        let here = format!("http://{}{}", request.header("host").unwrap_or_default(), request.path);
        let good = [format!("https://www.zotero.org{}", request.path), here]
            .into_iter()
            .any(|url| signature(&request.method, &url, &self.pairs, secrets).verify_slice(&said).is_ok());
        if good { Ok(()) } else { Err(Problem::WrongSecret) }
    }

    fn check_freshness(&self, desk: &Desk) -> Result<(), Problem> {
        let stamp = self.one("oauth_timestamp")?;
        let said: u64 = stamp.parse().map_err(|_| Problem::BadParameter("oauth_timestamp"))?;
        // Practice time may run ahead of the computer's; the client cannot know and is not to blame.
        let computer = desk.now() - desk.house.clock.ahead();
        if computer.abs_diff(said) > CLOCKS_DIFFER {
            return Err(Problem::BadParameter("oauth_timestamp"));
        }
        let used = format!("nonce/{}/{stamp}/{}", self.app.client_id, self.one("oauth_nonce")?);
        if desk.look(&used).is_some() {
            return Err(Problem::BadParameter("oauth_nonce"));
        }
        desk.keep(&used, String::new(), 2 * CLOCKS_DIFFER);
        Ok(())
    }
}

/// HMAC-SHA1 over the base string of RFC 5849 section 3.4.1; `secrets` are the client's and the token's.
fn signature(method: &str, url: &str, pairs: &[(String, String)], secrets: [&str; 2]) -> Hmac<Sha1> {
    let mut pairs: Vec<_> = pairs
        .iter()
        .filter(|(key, _)| key != "oauth_signature")
        .map(|(key, value)| (encoded(key), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    let key = secrets.map(encoded).join("&");
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{method}&{}&{}", encoded(url), encoded(&pairs.join("&"))).as_bytes());
    mac
}

/// Percent-encoding by RFC 5849 section 3.6.
fn encoded(raw: &str) -> String {
    raw.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

fn decoded(raw: &str) -> String {
    // A plus is a plus here, while in a form it would be a space.
    let pair = format!("={}", raw.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The grant of the key, which comes in one of two headers.
fn key_holder(desk: &Desk, request: &Request) -> Result<(String, Grant), Problem> {
    let key = request.header("zotero-api-key").or_else(|| request.bearer()).ok_or(Problem::TokenUnknown)?;
    Ok((key.to_owned(), desk.access(key)?.grant))
}

fn current_key(desk: &Desk, request: &Request) -> Answer {
    let (key, grant) = key_holder(desk, request)?;
    let person = grant.person();
    let id: u64 = person.digits("ZOTERO", 7).parse().unwrap_or_default();
    let body = json!({
        "key": key,
        "userID": id,
        "username": person.id,
        "displayName": person.name,
        "access": access(&grant),
    });
    Ok(Reply::json(200, &body).header("zotero-api-version", "3"))
}

/// What is not granted is not there at all: neither a false nor an empty branch.
fn access(grant: &Grant) -> Value {
    let mut access = Map::new();
    let mut user = Map::new();
    if grant.has_scope("library") {
        user.insert("library".into(), json!(true));
        user.insert("files".into(), json!(true));
        for extra in ["notes", "write"].into_iter().filter(|scope| grant.has_scope(scope)) {
            user.insert(extra.into(), json!(true));
        }
        access.insert("user".into(), Value::Object(user));
    }
    let write = grant.has_scope("groups:write");
    if write || grant.has_scope("groups:read") {
        access.insert("groups".into(), json!({ "all": { "library": true, "write": write } }));
    }
    Value::Object(access)
}

fn delete_key(desk: &Desk, request: &Request) -> Answer {
    let (_, grant) = key_holder(desk, request)?;
    desk.end(grant.id);
    Ok(Reply::empty(204))
}

fn trouble(_: &Desk, trouble: &Trouble) -> Option<Reply> {
    let problem = |status: u16, pairs: &[(&str, &str)]| Reply::form(status, pairs);
    let refused = |word: &str| problem(401, &[("oauth_problem", word)]);
    Some(match (trouble.stage, trouble.problem) {
        (_, Problem::RateLimited) => Reply::text(429, "Rate limit exceeded"),
        (_, Problem::Unavailable) => Reply::text(503, "Service Unavailable"),
        (Stage::Authorize | Stage::Consent, Problem::Refused) => {
            trouble.call_back(&[("oauth_problem", "permission_denied")])
        }
        (Stage::Authorize, Problem::CodeUnknown) => {
            trouble.page("Invalid OAuth token", "The request token is unknown, used or too old.")
        }
        (Stage::Authorize, _) => {
            trouble.page("The sign-in cannot go on", "The callback is not the one of the application.")
        }
        (Stage::Consent, _) => return None,
        (_, Problem::RedirectMismatch | Problem::RedirectMissing) => problem(
            400,
            &[("oauth_problem", "parameter_rejected"), ("oauth_parameters_rejected", "oauth_callback")],
        ),
        (_, Problem::UnknownClient) => refused("consumer_key_unknown"),
        (_, Problem::WrongSecret | Problem::SecretMissing | Problem::SecretExpired) => {
            refused("signature_invalid")
        }
        (_, Problem::BadParameter("oauth_timestamp")) => refused("timestamp_refused"),
        (_, Problem::BadParameter("oauth_nonce")) => refused("nonce_used"),
        (_, Problem::BadParameter("oauth_signature_method")) => {
            problem(400, &[("oauth_problem", "signature_method_rejected")])
        }
        (_, Problem::BadParameter(name)) => {
            problem(400, &[("oauth_problem", "parameter_absent"), ("oauth_parameters_absent", name)])
        }
        (_, Problem::CodeUnknown) => refused("token_rejected"),
        (_, Problem::CodeExpired) => refused("token_expired"),
        (_, Problem::CodeUsed) => refused("token_used"),
        (_, Problem::VerifierWrong) => refused("verifier_invalid"),
        // Not 401, as everywhere else.
        (_, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked) => {
            Reply::text(403, "Invalid key")
        }
        (_, Problem::ScopeMissing | Problem::NotLicensed) => Reply::text(403, "Forbidden"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_the_example_of_oauth_core_1_0() {
        let pairs = [
            ("file", "vacation.jpg"),
            ("size", "original"),
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1191242096"),
            ("oauth_nonce", "kllo9940pd9333jh"),
            ("oauth_version", "1.0"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let secrets = ["kd94hf93k423kf44", "pfkkdhi9sl3r4s00"];
        let mac = signature("GET", "http://photos.example.net/photos", &pairs, secrets);
        assert_eq!(STANDARD.encode(mac.finalize().into_bytes()), "tR3+Ty81lMeYAr/Fid0kMTYa/WM=");
    }
}
