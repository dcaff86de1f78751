//! How an end user proves themselves to a connector: the auth scheme configuration of hubs, templates and connections.

use serde_json::{Map, Value, json};
use tieline_engine::Secret;

use super::answer::Fault;
use super::call::{Call, One, new_id};
use super::credentials::{self, Credential, Typed};
use super::given::Given;

const KINDS: [&str; 6] = ["none", "api-key", "basic-auth", "oauth2", "hmac", "certificate"];
const GRANTS: [&str; 3] = ["authorization_code", "client_credentials", "password"];
const PLACES: [&str; 3] = ["query", "header", "cookie"];

#[derive(Default)]
pub(super) struct Scheme {
    /// As it is kept and shown: without a secret.
    pub config: Value,
    pub oauth2: Option<OAuth2>,
}

pub(super) struct OAuth2 {
    /// The path of the grant.
    pub at: String,
    pub authorize_url: String,
    pub token_url: String,
    pub additional_token_params: String,
    pub mtls: bool,
    pub grant: String,
    pub client_id: Option<String>,
    /// The credential that holds the client secret, and whose it is.
    pub credential: Option<(String, String)>,
    pub client_secret: Option<Secret>,
}

pub(super) fn read(given: &Given<'_>) -> Scheme {
    let mut config = given.whole();
    // Ours to write, never theirs.
    config.remove("validationMessages");
    config.insert("id".into(), given.maybe_ulid("id").unwrap_or_else(new_id).into());
    config.insert("description".into(), given.maybe("description").unwrap_or_default().into());
    let kind = one_of(given, "schemeType", &KINDS);
    let oauth2 = match kind.as_str() {
        "api-key" | "hmac" => {
            given.text("name");
            one_of(given, "in", &PLACES);
            None
        }
        "oauth2" => Some(oauth2(given, &mut config)),
        _ => None,
    };
    Scheme { config: Value::Object(config), oauth2 }
}

fn one_of(given: &Given<'_>, name: &str, all: &[&str]) -> String {
    let text = given.text(name);
    if !text.is_empty() && !all.contains(&text.as_str()) {
        given.wrong(name, format!("This is one of {}.", all.join(", ")));
    }
    text
}

fn oauth2(given: &Given<'_>, config: &mut Map<String, Value>) -> OAuth2 {
    given.objects("scopes");
    given.texts("defaultScopes");
    let mut oauth2 = OAuth2 {
        at: given.path("grant"),
        authorize_url: given.written("authorizeUrl"),
        token_url: given.text("tokenUrl"),
        additional_token_params: given.maybe("additionalTokenParams").unwrap_or_default(),
        mtls: given.flag("mtlsEnabled").unwrap_or_default(),
        grant: String::new(),
        client_id: None,
        credential: None,
        client_secret: None,
    };
    let Some(grant) = given.object("grant") else { return oauth2 };
    oauth2.grant = one_of(&grant, "grantType", &GRANTS);
    oauth2.client_id = grant.maybe("clientId").filter(|text| !text.is_empty());
    oauth2.client_secret = grant.maybe("clientSecret").filter(|text| !text.is_empty()).map(Secret::new);
    oauth2.credential = match (grant.maybe_ulid("credentialId"), grant.maybe_ulid("organisationId")) {
        (Some(credential), Some(organisation)) => Some((credential, organisation)),
        (None, None) => None,
        (found, _) => {
            let missing = if found.is_some() { "organisationId" } else { "credentialId" };
            grant.wrong(missing, "credentialId and organisationId come together, or not at all.");
            None
        }
    };
    let mut kept = grant.whole();
    kept.remove("clientSecret");
    config.insert("grant".into(), Value::Object(kept));
    oauth2
}

/// What was done with the client in a scheme, so that it can be taken back.
#[derive(Default)]
pub(super) enum Client {
    #[default]
    AsItWas,
    Made(String),
    Replaced {
        before: Box<One<Credential>>,
        secret: Option<Secret>,
    },
}

/// Keeps the client that stands in a scheme: in a new credential, or in the one that the scheme names; from then on the
/// scheme names it. `user` is the end user whose connection brings it; without one, it is the organization's scheme of a
/// hub or a template, and a client without a secret is kept too.
pub(super) async fn keep_client(
    call: &Call,
    scheme: &mut Scheme,
    name: &str,
    user: Option<&str>,
) -> Result<Client, Fault> {
    let Some(oauth2) = &mut scheme.oauth2 else { return Ok(Client::AsItWas) };
    let secret = oauth2.client_secret.take();
    if let Some((credential, organisation)) = &oauth2.credential {
        let Some(secret) = secret else { return Ok(Client::AsItWas) };
        if call.who.user.is_some() {
            // The client serves all end users, and is none of theirs to change.
            let words =
                "An end user's token does not replace the secret of a client that is kept. Take it out here.";
            return Err(Fault::field(format!("{}.clientSecret", oauth2.at), words));
        }
        let kept = || own_client(call, &oauth2.at, credential, organisation);
        let before = Box::new(kept()?);
        // One that is lost cannot be put back, and may be replaced all the same.
        let was = credentials::secret_of(call, &before, "clientSecret").await.ok().flatten();
        credentials::replace_client(call, kept()?, oauth2.client_id.as_deref(), secret).await?;
        return Ok(Client::Replaced { before, secret: was });
    }
    let client_id = match (&oauth2.client_id, &secret, user) {
        (Some(client_id), Some(_), _) | (Some(client_id), None, None) => client_id.clone(),
        (_, None, _) => return Ok(Client::AsItWas),
        (None, Some(_), _) => {
            let words = "A client secret is of no use without its client ID.";
            return Err(Fault::field(format!("{}.clientId", oauth2.at), words));
        }
    };
    let typed = Typed::client(name, &client_id, secret, &oauth2.authorize_url, &oauth2.token_url);
    let made = credentials::create(call, typed, user).await?;
    oauth2.credential = Some((made.id.clone(), call.who.id.clone()));
    if let Some(grant) = scheme.config.get_mut("grant") {
        grant["credentialId"] = json!(made.id);
        grant["organisationId"] = json!(call.who.id);
    }
    Ok(Client::Made(made.id))
}

/// A credential that a scheme names, which has to be an OAuth 2.0 client of the caller's own organization.
pub(super) fn own_client(
    call: &Call,
    at: &str,
    credential: &str,
    organisation: &str,
) -> Result<One<Credential>, Fault> {
    let known = if organisation == call.who.id { call.find::<Credential>(credential)? } else { None };
    known.filter(|known| known.body.kind == "oauth2-client").ok_or_else(|| {
        let words = "This organisation keeps no OAuth 2.0 client under this id. POST /o/{organisation_id}/credentials \
                     keeps one, with type oauth2-client.";
        Fault::field(format!("{at}.credentialId"), words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versori::given;

    fn oauth2(more: &Value) -> Value {
        let mut scheme = json!({
            "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "description": "Acme", "schemeType": "oauth2",
            "authorizeUrl": "https://a.example/authorize", "tokenUrl": "https://a.example/token",
            "scopes": [{ "name": "read" }], "defaultScopes": ["read"], "grant": { "grantType": "authorization_code" },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            scheme["grant"][key] = value.clone();
        }
        scheme
    }

    #[test]
    fn credential_and_organisation_come_together_or_not_at_all() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for (more, path) in [
            (json!({}), None),
            (json!({ "credentialId": id, "organisationId": id }), None),
            (json!({ "credentialId": "", "organisationId": "" }), None),
            (json!({ "credentialId": id }), Some("grant.organisationId")),
            (json!({ "organisationId": id }), Some("grant.credentialId")),
            (json!({ "grantType": "implicit" }), Some("grant.grantType")),
        ] {
            let fault = given::read(&oauth2(&more), read).map(|_| ()).err();
            assert_eq!(fault.map(|fault| fault.fields[0].0.clone()).as_deref(), path, "{more}");
        }
    }

    #[test]
    fn a_client_secret_is_not_in_what_is_kept() {
        let given = oauth2(&json!({ "clientId": "tieline", "clientSecret": "canary" }));
        let scheme = given::read(&given, read).expect("fine");
        assert!(!scheme.config.to_string().contains("canary"));
        assert_eq!(scheme.oauth2.and_then(|it| it.client_secret), Some(Secret::new("canary")));
    }
}
