//! Credentials: what a connection, or an OAuth 2.0 client, proves itself with. Secrets lie in the keyring under the
//! organization's name and are never told again.
//!
//! Where a client secret comes from: the published service makes a credential of the `clientSecret` in a scheme's grant,
//! as is done here ([`schemes`](super::schemes)); its older API has `…/organisations/{id}/credentials`, which is here
//! `/o/{organisation_id}/credentials`, as all other addresses of an organisation begin.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tieline_engine::{Error, Secret};

use super::answer::{self, Answer, Fault, created, nothing, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::connections::Connection;
use super::exchange::Service;
use super::given::{self, Given};
use crate::Door;

/// What stands where a secret is not told.
const REDACTED: &str = "[redacted]";

/// One field of a type's data.
struct Field {
    name: &'static str,
    needed: bool,
    secret: bool,
}

const fn open(name: &'static str) -> Field {
    Field { name, needed: true, secret: false }
}
const fn secret(name: &'static str) -> Field {
    Field { name, needed: true, secret: true }
}
const fn maybe(field: Field) -> Field {
    Field { needed: false, ..field }
}

/// The types that are kept as they come. `oauth2-code` is exchanged instead.
const TYPES: &[(&str, &[Field])] = &[
    ("none", &[]),
    ("string", &[secret("value")]),
    ("binary", &[secret("valueBase64")]),
    ("basic-auth", &[open("username"), secret("password")]),
    (
        "oauth2-client",
        &[
            open("clientId"),
            // An app without a secret has an empty one.
            maybe(secret("clientSecret")),
            maybe(open("authorizeUrl")),
            maybe(open("tokenUrl")),
            maybe(open("additionalParams")),
            // Ours (RFC 7591 §2): client_secret_basic or client_secret_post, for services that take one of them only.
            maybe(open("tokenEndpointAuthMethod")),
        ],
    ),
    ("oauth2-password", &[open("username"), secret("password")]),
    (
        "oauth2-token",
        &[
            maybe(secret("accessToken")),
            maybe(secret("refreshToken")),
            maybe(open("tokenType")),
            maybe(open("expiresAt")),
        ],
    ),
    ("certificate", &[open("certificate"), secret("key"), open("ca")]),
    (
        "jwt-bearer",
        &[
            open("algorithm"),
            secret("secret"),
            open("payload"),
            open("expiresIn"),
            open("authorizationHeaderPrefix"),
        ],
    ),
];

/// A type whose data nobody describes: all of it is taken for secret.
const FREE: &str = "custom-function";

/// How an app may prove itself at the token address, and what the engine calls that.
const METHODS: [(&str, &str); 3] =
    [("", ""), ("client_secret_basic", "basic"), ("client_secret_post", "body")];

#[derive(Serialize, Deserialize)]
pub(super) struct Credential {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Without what is secret.
    pub data: Map<String, Value>,
    /// Names of what is secret; the values are in the keyring.
    secrets: Vec<String>,
    /// The engine's connection, which holds and renews the tokens of an account that was signed in to here.
    pub connection: Option<String>,
    /// The service that connection is to.
    pub service: Option<String>,
    /// The end user, by our id, whose connection brought it, and with which it goes. None: the organization's own, of a
    /// hub, a template or a request of its own; it stays until the organization deletes it.
    #[serde(default)]
    pub made_for: Option<String>,
}

impl Kept for Credential {
    const KIND: &'static str = "versori/credential";
    const NAME: &'static str = "credential";
}

/// A credential that came with its secrets.
pub(super) struct Typed {
    name: String,
    kind: String,
    data: Map<String, Value>,
    secrets: Map<String, Value>,
}

impl Typed {
    /// Without a secret: an app that has none.
    pub fn client(
        name: &str,
        client_id: &str,
        secret: Option<Secret>,
        authorize_url: &str,
        token_url: &str,
    ) -> Self {
        let data = json!({ "clientId": client_id, "authorizeUrl": authorize_url, "tokenUrl": token_url });
        let secrets = secret.map(|secret| json!({ "clientSecret": secret.expose() })).unwrap_or_default();
        Self {
            name: name.to_owned(),
            kind: "oauth2-client".into(),
            data: data.as_object().cloned().unwrap_or_default(),
            secrets: secrets.as_object().cloned().unwrap_or_default(),
        }
    }
}

impl Credential {
    /// Of an account that was signed in to.
    pub fn signed_in(name: String, connection: String, service: String, user: &str) -> Self {
        Self {
            name,
            kind: "oauth2-token".into(),
            data: Map::new(),
            secrets: Vec::new(),
            connection: Some(connection),
            service: Some(service),
            made_for: Some(user.to_owned()),
        }
    }

    pub fn text(&self, name: &str) -> &str {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// How the client proves itself, in the engine's words.
    pub fn client_auth(&self) -> &'static str {
        let method = self.text("tokenEndpointAuthMethod");
        METHODS.iter().find(|(name, _)| *name == method).map_or("", |(_, word)| word)
    }
}

fn entry(id: &str) -> String {
    format!("versori/{id}")
}

/// Reads `{name, type, data}`.
pub(super) fn read(given: &Given<'_>) -> Typed {
    let (name, kind) = (given.maybe("name").unwrap_or_default(), given.text("type"));
    let mut typed = Typed { name, kind, data: Map::new(), secrets: Map::new() };
    let Some(data) = given.object("data") else { return typed };
    if typed.kind == FREE {
        typed.secrets = data.whole();
        return typed;
    }
    let Some((_, fields)) = TYPES.iter().find(|(kind, _)| *kind == typed.kind) else {
        if !typed.kind.is_empty() {
            let known: Vec<&str> = TYPES.iter().map(|(kind, _)| *kind).chain([FREE, "oauth2-code"]).collect();
            given.wrong("type", format!("This is one of {}.", known.join(", ")));
        }
        return typed;
    };
    for field in *fields {
        let text = if field.needed { Some(data.written(field.name)) } else { data.maybe(field.name) };
        let Some(text) = text else { continue };
        let into = if field.secret { &mut typed.secrets } else { &mut typed.data };
        into.insert(field.name.to_owned(), text.into());
    }
    if matches!(typed.kind.as_str(), "oauth2-token" | "oauth2-client") {
        let scopes = data.texts("scopes");
        if typed.kind == "oauth2-token" && !data.has("scopes") {
            data.wrong("scopes", "This is needed.");
        }
        typed.data.insert("scopes".into(), json!(scopes));
    }
    let text = |name: &str| data.maybe(name).unwrap_or_default();
    if typed.kind == "binary" && STANDARD.decode(text("valueBase64")).is_err() {
        data.wrong("valueBase64", "This has to be base64.");
    }
    if typed.kind == "oauth2-client"
        && !METHODS.iter().any(|(name, _)| *name == text("tokenEndpointAuthMethod"))
    {
        data.wrong("tokenEndpointAuthMethod", "This is client_secret_basic or client_secret_post.");
    }
    typed
}

pub(super) async fn create(
    call: &Call,
    typed: Typed,
    made_for: Option<&str>,
) -> Result<One<Credential>, Fault> {
    let id = new_id();
    if !typed.secrets.is_empty() {
        write(call, &id, &typed.secrets).await?;
    }
    let secrets = typed.secrets.keys().cloned().collect();
    let Typed { name, kind, data, .. } = typed;
    let made_for = made_for.map(str::to_owned);
    call.keep(&id, &Credential { name, kind, data, secrets, connection: None, service: None, made_for })
}

async fn write(call: &Call, id: &str, secrets: &Map<String, Value>) -> Result<(), Fault> {
    let text = serde_json::to_string(secrets).map_err(Error::internal)?;
    Ok(call.programs().keep_secret(call.who.organization, &entry(id), &Secret::new(text)).await?)
}

/// One secret of a credential; none where it has none, or an empty one.
pub(super) async fn secret_of(
    call: &Call,
    it: &One<Credential>,
    name: &str,
) -> Result<Option<Secret>, Fault> {
    if !it.body.secrets.iter().any(|known| known == name) {
        return Ok(None);
    }
    let all = all_secrets(call, &it.id).await?;
    let text = all.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

async fn all_secrets(call: &Call, id: &str) -> Result<Map<String, Value>, Fault> {
    let text = call.programs().secret(call.who.organization, &entry(id)).await?;
    let text = text.ok_or_else(|| {
        Fault::conflict(format!(
            "The secret of the credential {id} is no longer in this computer's keyring. Send it again."
        ))
    })?;
    serde_json::from_str(text.expose())
        .map_err(|_| Fault::from(Error::internal("an entry in the keyring is not readable")))
}

/// A new client secret, which what was connected through the credential is renewed with from now on.
pub(super) async fn replace_client(
    call: &Call,
    mut known: One<Credential>,
    client_id: Option<&str>,
    secret: Secret,
) -> Result<One<Credential>, Fault> {
    let mut secrets = Map::new();
    secrets.insert("clientSecret".into(), secret.expose().into());
    write(call, &known.id, &secrets).await?;
    known.body.secrets = vec!["clientSecret".into()];
    if let Some(client_id) = client_id {
        known.body.data.insert("clientId".into(), client_id.into());
    }
    let secret = Some(secret).filter(|secret| !secret.is_empty());
    for service in call.all::<Service>()? {
        if service.body.credential == known.id && service.body.client_id == known.body.text("clientId") {
            let organization = call.who.organization;
            call.programs().replace_embedded_secret(organization, &service.id, secret.clone()).await?;
        }
    }
    call.keep(&known.id, &known.body)
}

/// Forgets a credential with its secrets. What was connected through the engine is ended by whoever calls.
pub(super) async fn drop_one(call: &Call, it: &One<Credential>) -> Result<(), Fault> {
    if !it.body.secrets.is_empty() {
        call.programs().forget_secret(call.who.organization, &entry(&it.id)).await?;
    }
    call.forget::<Credential>(&it.id)
}

pub(super) fn shown(call: &Call, it: &One<Credential>) -> Result<Value, Fault> {
    let mut data = it.body.data.clone();
    for name in &it.body.secrets {
        data.insert(name.clone(), REDACTED.into());
    }
    let mut errors = Vec::new();
    if let Some(connection) = &it.body.connection {
        let token = call.programs().embedded_token(connection)?;
        data.insert(
            "scopes".into(),
            json!(token.as_ref().map(|token| token.scopes.clone()).unwrap_or_default()),
        );
        data.insert("accessToken".into(), REDACTED.into());
        data.insert("tokenType".into(), "Bearer".into());
        match &token {
            Some(token) => {
                data.insert("refreshToken".into(), if token.has_refresh { REDACTED } else { "" }.into());
                if let Some(until) = token.until {
                    data.insert("expiresAt".into(), answer::date(until).into());
                }
                errors.extend(token.trouble.clone());
            }
            None => errors.push("The account was disconnected in Tieline. Sign in to it again.".into()),
        }
    }
    Ok(json!({
        "id": it.id,
        "organisationId": call.who.id,
        "name": it.body.name,
        "type": it.body.kind,
        "data": data,
        "errors": errors,
    }))
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/o/{organisation_id}/credentials", get(list).post(add))
        .route("/o/{organisation_id}/credentials/{credential_id}", get(one).put(change).delete(forget))
}

/// Credentials are the organization's affair.
fn own(call: &Call) -> Result<(), Fault> {
    call.own_organisation()?;
    call.organisation_only()
}

async fn list(call: Call) -> Answer {
    own(&call)?;
    let all = call.all::<Credential>()?;
    let all: Result<Vec<_>, Fault> = all.iter().map(|it| Ok((it.id.clone(), shown(&call, it)?))).collect();
    Ok(ok(&page(&call, "credentials", all?)?))
}

async fn add(call: Call) -> Answer {
    own(&call)?;
    let typed = given::read(&call.body, |given| {
        given.text("name");
        if given.get("type").is_some_and(|kind| kind == "oauth2-code") {
            given.wrong("type", "A code is exchanged when a connection is made with it, and not kept.");
        }
        read(given)
    })?;
    let made = create(&call, typed, None).await?;
    Ok(created(&shown(&call, &made)?))
}

async fn one(call: Call) -> Answer {
    own(&call)?;
    Ok(ok(&shown(&call, &call.get(call.place("credential_id"))?)?))
}

/// Name and data, of the same type; what is not sent stays.
async fn change(call: Call) -> Answer {
    own(&call)?;
    let mut it: One<Credential> = call.get(call.place("credential_id"))?;
    if it.body.connection.is_some() {
        return Err(Fault::conflict(
            "The tokens of a signed-in account are renewed by themselves. Sign in again instead.",
        ));
    }
    let kind = it.body.kind.clone();
    let (name, data) = given::read(&call.body, |given| {
        if given.get("type").is_some_and(|given| *given != *kind) {
            given.wrong("type", format!("This credential is of the type {kind} and stays so."));
        }
        (given.has("name").then(|| given.text("name")), given.object_or_none("data").map(|data| data.whole()))
    })?;
    if let Some(name) = name {
        it.body.name = name;
    }
    if let Some(data) = data {
        let mut whole = it.body.data.clone();
        if !it.body.secrets.is_empty() {
            whole.extend(all_secrets(&call, &it.id).await?);
        }
        whole.extend(data);
        let whole = json!({ "name": it.body.name, "type": kind, "data": whole });
        let typed = given::read(&whole, read)?;
        it.body.data = typed.data;
        if let Some(secret) = typed.secrets.get("clientSecret").and_then(Value::as_str) {
            it = replace_client(&call, it, None, Secret::new(secret)).await?;
        } else if !typed.secrets.is_empty() {
            write(&call, &it.id, &typed.secrets).await?;
            it.body.secrets = typed.secrets.keys().cloned().collect();
        }
    }
    Ok(ok(&shown(&call, &call.keep(&it.id, &it.body)?)?))
}

async fn forget(call: Call) -> Answer {
    own(&call)?;
    let it: One<Credential> = call.get(call.place("credential_id"))?;
    let by_connections =
        call.all::<Connection>()?.iter().any(|known| known.body.parts().any(|part| part.credential == it.id));
    if by_connections || call.all::<Service>()?.iter().any(|service| service.body.credential == it.id) {
        return Err(Fault::conflict(
            "There are connections through this credential. Delete their end users first.",
        ));
    }
    drop_one(&call, &it).await?;
    Ok(nothing())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: &str, data: Value) -> Result<Typed, Vec<String>> {
        let body = json!({ "name": "n", "type": kind, "data": data });
        given::read(&body, read).map_err(|fault| fault.fields.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn what_is_secret_is_kept_apart_in_every_type() {
        for (kind, data) in [
            ("string", json!({ "value": "canary" })),
            ("binary", json!({ "valueBase64": "Y2FuYXJ5" })),
            ("basic-auth", json!({ "username": "anna", "password": "canary" })),
            (
                "oauth2-client",
                json!({ "clientId": "c", "clientSecret": "canary", "tokenUrl": "https://a.example/" }),
            ),
            ("oauth2-password", json!({ "username": "anna", "password": "canary" })),
            ("oauth2-token", json!({ "scopes": [], "accessToken": "canary", "refreshToken": "canary" })),
            ("certificate", json!({ "certificate": "c", "key": "canary", "ca": "c" })),
            (
                "jwt-bearer",
                json!({ "algorithm": "HS256", "secret": "canary", "payload": "{}", "expiresIn": "1h",
                        "authorizationHeaderPrefix": "JWT" }),
            ),
            ("custom-function", json!({ "anything": "canary", "deeper": { "x": "canary" } })),
        ] {
            let typed = typed(kind, data).unwrap_or_else(|paths| panic!("{kind}: {paths:?}"));
            let (open, secret) = (json!(typed.data).to_string(), json!(typed.secrets).to_string());
            assert!(!open.contains("canary") && !open.contains("Y2FuYXJ5"), "{kind}: {open}");
            assert!(secret.contains("canary") || secret.contains("Y2FuYXJ5"), "{kind}");
        }
        assert!(typed("none", json!({})).is_ok());
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(
            typed("basic-auth", json!({ "username": 1 })).err(),
            Some(vec!["data.username".into(), "data.password".into()])
        );
        assert_eq!(
            typed("binary", json!({ "valueBase64": "!" })).err(),
            Some(vec!["data.valueBase64".into()])
        );
        assert_eq!(typed("oauth2-token", json!({})).err(), Some(vec!["data.scopes".into()]));
        assert_eq!(typed("magic", json!({})).err(), Some(vec!["type".into()]));
        let method = json!({ "clientId": "c", "tokenEndpointAuthMethod": "private_key_jwt" });
        assert_eq!(typed("oauth2-client", method).err(), Some(vec!["data.tokenEndpointAuthMethod".into()]));
    }
}
