//! Accounts connected by a token that was obtained elsewhere, and the list of those that are connected.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tieline_engine::{Adopting, Code, Error, Secret, SyncOptions};
use url::Url;

use super::body::{At, Body, FromBody, fields, one_of, text};
use super::elsewhere::NO_SIGN_IN;
use super::oauth_url::{self, Credentials};
use super::{Answer, Caller, Sorry, answer, connection_options, objects, schedule, webhooks};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/integrations/connect", post(connect))
        .route("/integrations/", get(active))
        .route("/integrations", get(active))
}

/// What each source's authentication has to name, and what it may.
#[rustfmt::skip]
const AUTHENTICATIONS: &[(&str, &[&str], &[&str])] = &[
    ("GOOGLE_DRIVE", &["access_token"], &["refresh_token"]),
    ("INTERCOM", &["access_token"], &["refresh_token"]),
    ("DROPBOX", &["access_token"], &["refresh_token"]),
    ("ONEDRIVE", &["access_token"], &["refresh_token", "tenant_name"]),
    ("BOX", &["access_token"], &["refresh_token"]),
    ("GMAIL", &["access_token"], &["refresh_token"]),
    ("OUTLOOK", &["access_token"], &["refresh_token"]),
    ("SLACK", &["access_token"], &["refresh_token"]),
    // The published API has no word for the bucket, without which there is nothing to read.
    ("GOOGLE_CLOUD_STORAGE", &["access_token"], &["refresh_token", "bucket"]),
    ("SHAREPOINT", &["access_token"], &["refresh_token", "tenant_name", "site_name"]),
    ("CONFLUENCE", &["access_token", "subdomain"], &["refresh_token"]),
    ("ZENDESK", &["access_token", "subdomain"], &[]),
    ("SALESFORCE", &["access_token", "domain"], &["refresh_token"]),
    ("NOTION", &["access_token", "workspace_id"], &[]),
    // Nor for the host of the company's calls, which Gong tells with each token.
    ("GONG", &["access_token", "gong_account_email"], &["refresh_token", GONG_BASE]),
    ("ZOTERO", &["access_token", "access_token_secret", "username", "zotero_id"], &[]),
    ("SERVICENOW", &["access_token", "instance_subdomain", "client_id", "client_secret", "redirect_uri"], &["refresh_token"]),
    ("GITBOOK", &["access_token", "organization_name"], &[]),
    ("GITHUB", &["access_token", "username"], &[]),
    ("GURU", &["access_token", "username"], &[]),
    ("FRESHDESK", &["domain", "api_key"], &[]),
    ("S3", &["access_key", "access_key_secret"], &["endpoint_url"]),
    ("AZURE_BLOB_STORAGE", &["account_name", "account_key"], &[]),
];

const SOURCES: [&str; AUTHENTICATIONS.len()] = {
    let mut names = [""; AUTHENTICATIONS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = AUTHENTICATIONS[at].0;
        at += 1;
    }
    names
};

/// What an authentication calls otherwise than a sign-in does.
const OTHER_NAMES: [(&str, &str); 5] = [
    ("subdomain", "zendesk_subdomain"),
    ("subdomain", "confluence_subdomain"),
    ("domain", "salesforce_domain"),
    ("tenant_name", "microsoft_tenant"),
    ("site_name", "sharepoint_site_name"),
];

/// What the provider's reply to a sign-in would have told, from the authentication: source, fact, its text.
const FACTS: [(&str, &str, &str); 7] = [
    ("NOTION", "workspace_id", "{workspace_id}"),
    ("ZOTERO", "user_id", "{zotero_id}"),
    ("ZOTERO", "user_name", "{username}"),
    ("SALESFORCE", "instance_url", "https://{hostname}"),
    ("SALESFORCE", "instance_url_host", "{hostname}"),
    ("GONG", "api_base", "https://{api_base_host}"),
    ("GONG", "api_base_host", "{api_base_host}"),
];

/// Gong's own word for where a company's calls lie, and where those of a company without a host of its own do.
const GONG_BASE: &str = "api_base_url_for_customer";
const GONG_USUAL: &str = "https://api.gong.io";

/// Microsoft's word for whichever organization the account is of.
const ANY_TENANT: &str = "organizations";

struct Connect {
    authentication: Authentication,
    options: SyncOptions,
    data_source_tags: Map<String, Value>,
}

#[derive(Default)]
struct Authentication {
    source: String,
    /// By name, without the secrets.
    texts: BTreeMap<String, String>,
    access_token: Secret,
    refresh_token: Option<Secret>,
    credentials: Option<Credentials>,
}

impl FromBody for Connect {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            let authentication = it.need("authentication", authentication);
            let steer = |value: &Value, at: &mut At| {
                fields(|it| (connection_options::options(it), connection_options::data_source_tags(it)))(
                    value, at,
                )
            };
            // Missing ones are those of an empty object: the defaults.
            let steered = it.maybe("sync_options", steer);
            let (options, data_source_tags) = match steered {
                Some(steered) => steered,
                None => connection_options::usual(),
            };
            Self { authentication, options, data_source_tags }
        })(body, at)
    }
}

fn authentication(value: &Value, at: &mut At) -> Option<Authentication> {
    fields(|it| {
        let source = it.need("source", one_of(&SOURCES));
        let shape = AUTHENTICATIONS.iter().find(|(name, ..)| *name == source);
        let Some((_, required, optional)) = shape else { return Authentication::default() };
        let mut texts = BTreeMap::new();
        for name in *required {
            texts.insert((*name).to_owned(), it.need(name, text));
        }
        for name in *optional {
            if let Some(text) = it.maybe(name, text).filter(|text| !text.is_empty()) {
                texts.insert((*name).to_owned(), text);
            }
        }
        let is_app = required.contains(&"redirect_uri");
        let credentials = is_app.then(|| Credentials::read(it));
        texts.remove("client_secret");
        let mut secret = |name: &str| texts.remove(name).map(Secret::new);
        let access = secret("access_token");
        // Of a signed request's pair, the second half is the key.
        let access_token = secret("access_token_secret").or(access).unwrap_or_default();
        let refresh_token = secret("refresh_token");
        Authentication { source, texts, access_token, refresh_token, credentials }
    })(value, at)
}

async fn connect(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Connect>) -> Answer {
    let programs = door.app.programs();
    let Authentication { source, mut texts, access_token, refresh_token, credentials } = ask.authentication;
    if !objects::SERVICES.contains(&source.as_str()) {
        return Err(Sorry::new(StatusCode::NOT_IMPLEMENTED, NO_SIGN_IN));
    }
    let mut provider = oauth_url::provider(&door, &source)?;
    for (name, other) in OTHER_NAMES {
        if let Some(key) = provider.inputs.remove(other) {
            provider.inputs.insert(name.to_owned(), key);
        }
    }
    let base_is_guessed = source == "GONG" && !texts.contains_key(GONG_BASE);
    if source == "GONG" {
        let base = texts.get(GONG_BASE).map_or(GONG_USUAL, String::as_str);
        let host = Url::parse(base).ok().filter(|url| url.scheme() == "https");
        let host = host.and_then(|url| url.host_str().map(str::to_owned));
        let no_address = || {
            Sorry::bad(format!("{GONG_BASE} is no address. Send it as Gong told it, such as {GONG_USUAL}."))
        };
        texts.insert("api_base_host".into(), host.ok_or_else(no_address)?);
    }
    // The address of a site tells the tenant as well.
    if source == "SHAREPOINT" && !texts.get("site_name").is_some_and(|site| site.contains(".sharepoint.com"))
    {
        texts.entry("tenant_name".to_owned()).or_insert_with(|| ANY_TENANT.to_owned());
    }
    let inputs = oauth_url::inputs(&provider, &texts);
    let used = oauth_url::understood(&door, &provider, &inputs).await?;
    let owner = caller.owner();
    if let Some(app) = &credentials {
        oauth_url::keep_app(&door, &owner, &provider, &inputs, app).await?;
    }
    let facts = FACTS.iter().filter(|(of, ..)| *of == source).map(|(_, fact, template)| {
        let known = texts.iter().chain(&used);
        let text = known
            .fold((*template).to_owned(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value));
        ((*fact).to_owned(), text)
    });
    let connection = programs
        .adopt(Adopting {
            owner: owner.clone(),
            provider: source.clone(),
            facts: facts.collect(),
            inputs,
            access_token,
            refresh_token,
            options: ask.options.clone(),
            data_source_tags: ask.data_source_tags.clone(),
        })
        .await
        .map_err(|error| match error.code {
            Code::Refused | Code::Temporary if base_is_guessed => Sorry::bad(format!(
                "Gong did not take the access token at {GONG_USUAL}. Most companies have a host of their own: send it as \
                 {GONG_BASE}, as Gong told it with the token, or send the person to /integrations/oauth_url."
            )),
            _ => oauth_url::told(&provider, error),
        })?;
    let published = programs.data_source_of(&connection)?;
    let published = published.ok_or_else(|| Error::internal("the new connection is not listed"))?;
    caller.about(&published);
    webhooks::tell_of(&door, &published, "ADD");
    schedule::apply(&door, &published).await?;
    let sync_url = match provider.picker && ask.options.enable_file_picker {
        true => Some(oauth_url::sync_url(&door, &caller, &published, &ask.options, &ask.data_source_tags)?),
        false => None,
    };
    answer(json!({ "data_source": objects::data_source(&door, &published).await?, "sync_url": sync_url }))
}

/// Those that are not revoked.
async fn active(State(door): State<Arc<Door>>, caller: Caller) -> Answer {
    let sources = door.app.programs().data_sources(caller.organization(), Some(&caller.customer))?;
    let mut active = Vec::new();
    for source in sources.iter().filter(|source| !source.revoked) {
        active.push(objects::data_source(&door, source).await?);
    }
    answer(json!({ "active_integrations": active }))
}

#[cfg(test)]
mod tests {
    use super::super::body::read;
    use super::*;

    #[test]
    fn every_service_has_an_authentication() {
        assert!(objects::SERVICES.iter().all(|service| SOURCES.contains(service)));
    }

    #[test]
    fn an_authentication_is_read_by_its_source() {
        let connect: Connect = read(
            br#"{"authentication": {"source": "ZOTERO", "access_token": "t", "access_token_secret": "s", "username": "maya",
                "zotero_id": "77"}}"#,
        )
        .unwrap();
        let it = connect.authentication;
        assert_eq!((it.source.as_str(), it.access_token.expose()), ("ZOTERO", "s"));
        assert!(!it.texts.values().any(|text| ["t", "s"].contains(&text.as_str())));
        assert_eq!(connect.options.chunk_size, 1500);

        let faults = |body: &str| read::<Connect>(body.as_bytes()).err().unwrap().detail().to_string();
        assert!(faults("{}").contains(r#"["body","authentication"]"#));
        let missing = faults(r#"{"authentication": {"source": "ZENDESK", "access_token": "t"}}"#);
        assert!(missing.contains(r#"["body","authentication","subdomain"]"#), "{missing}");
        let unknown = faults(r#"{"authentication": {"source": "ZENDESKK"}}"#);
        assert!(unknown.contains(r#"["body","authentication","source"]"#), "{unknown}");
    }
}
