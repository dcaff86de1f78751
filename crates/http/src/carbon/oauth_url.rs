//! `POST /integrations/oauth_url`: the address at which a customer signs in, or, where they are connected already, one of
//! ours that goes on to choosing files.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Map, Value, json};
use tieline_engine::program::{DataSource, Owner};
use tieline_engine::wire::{ConnectionDetail, ConnectionState, FormCheck};
use tieline_engine::{Connecting, Error, PublishedProvider, Secret, SyncOptions};
use url::Url;

use super::body::{At, Body, Fields, FromBody, fields, flag, list, one_of, text, whole};
use super::links::Link;
use super::objects::{SERVICES, published, shown};
use super::{Answer, Caller, Sorry, answer, call, connection_options, data_source_of, webhooks};
use crate::Door;
use crate::asking::{self, Asked};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/integrations/oauth_url", post(oauth_url))
}

/// Fields of single services. Which input of the provider each fills stands in its catalogue entry.
const OWN_FIELDS: [&str; 6] = [
    "zendesk_subdomain",
    "confluence_subdomain",
    "salesforce_domain",
    "microsoft_tenant",
    "sharepoint_site_name",
    "gong_account_email",
];

/// The one service of which a customer has one workspace, unless a new account is asked for.
const ONE_WORKSPACE: &str = "ZENDESK";

struct OauthUrl {
    service: String,
    connecting_new_account: bool,
    data_source_id: Option<i64>,
    scopes: Vec<String>,
    /// Every text of the body that is not empty, by name: own fields are among them.
    texts: BTreeMap<String, String>,
    servicenow: Option<Credentials>,
    options: SyncOptions,
    data_source_tags: Map<String, Value>,
    /// Scopes besides the usual ones.
    more_scopes: Vec<String>,
}

/// An organization's own app at one instance, with the address that it is registered with.
pub(super) struct Credentials {
    instance: String,
    client_id: String,
    client_secret: Secret,
    redirect: String,
}

impl Credentials {
    pub(super) fn read(it: &mut Fields<'_>) -> Self {
        Self {
            instance: it.need("instance_subdomain", text),
            client_id: it.need("client_id", text),
            client_secret: Secret::new(it.need("client_secret", text)),
            redirect: it.need("redirect_uri", text),
        }
    }
}

impl FromBody for OauthUrl {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| {
            let mut texts = texts(body);
            for field in OWN_FIELDS {
                // Of another kind than text, it is a fault whatever the service.
                if it.maybe(field, text).is_none() {
                    texts.remove(field);
                }
            }
            let servicenow = it.maybe("servicenow_credentials", fields(Credentials::read));
            if let Some(credentials) = &servicenow {
                texts.insert("instance_subdomain".into(), credentials.instance.clone());
            }
            let scope = it.maybe("scope", text).filter(|scope| !scope.is_empty());
            Self {
                service: it.need("service", one_of(SERVICES)),
                connecting_new_account: it.maybe("connecting_new_account", flag).unwrap_or_default(),
                data_source_id: it.maybe("data_source_id", whole),
                scopes: it.or("scopes", list(text), Vec::new()),
                more_scopes: scope.into_iter().collect(),
                texts,
                servicenow,
                options: connection_options::options(it),
                data_source_tags: connection_options::data_source_tags(it),
            }
        })(body, at)
    }
}

fn texts(body: &Value) -> BTreeMap<String, String> {
    let fields = body.as_object().into_iter().flatten();
    let text = |(name, value): (&String, &Value)| {
        let value = value.as_str()?.trim();
        (!value.is_empty()).then(|| (name.clone(), value.to_owned()))
    };
    fields.filter_map(text).collect()
}

async fn oauth_url(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<OauthUrl>) -> Answer {
    let provider = provider(&door, &ask.service)?;
    let given = inputs(&provider, &ask.texts);
    let known = match known(&door, &caller, &ask, &provider, &given).await? {
        Some(source) => Some((standing(&door, &ask, &source).await?, source)),
        None => None,
    };
    let url = match known {
        Some((Standing::Good, source)) => {
            sync_url(&door, &caller, &source, &ask.options, &ask.data_source_tags)?
        }
        Some((Standing::SignInAgain, source)) => {
            let reconnect = Some(source.connection.clone());
            sign_in(&door, &caller, &ask, &provider, source.inputs, reconnect).await?
        }
        Some((Standing::Gone, source)) => {
            let mut inputs = source.inputs;
            inputs.extend(given);
            sign_in(&door, &caller, &ask, &provider, inputs, None).await?
        }
        None => sign_in(&door, &caller, &ask, &provider, given, None).await?,
    };
    answer(json!({ "oauth_url": url }))
}

pub(super) fn provider(door: &Door, service: &str) -> Result<PublishedProvider, Sorry> {
    published(door, service).ok_or_else(|| Error::internal(format!("no provider {service}")).into())
}

/// What the fields of a body say, under the provider's own keys. An input that no field of this API fills may be sent
/// under its own key.
pub(super) fn inputs(
    provider: &PublishedProvider,
    texts: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let own = provider.inputs.iter().map(|(field, key)| (field.as_str(), key.as_str()));
    let filled: Vec<&str> = provider.inputs.values().map(String::as_str).collect();
    let others = provider.required.iter().map(String::as_str).filter(|key| !filled.contains(key));
    own.chain(others.map(|key| (key, key)))
        .filter_map(|(field, key)| Some((key.to_owned(), texts.get(field)?.clone())))
        .collect()
}

/// Names an input as the client knows it.
pub(super) fn field_of<'a>(provider: &'a PublishedProvider, key: &'a str) -> &'a str {
    provider.inputs.iter().find(|(_, input)| *input == key).map_or(key, |(field, _)| field.as_str())
}

/// What the caller typed, as it will be used; 400 with the field where it cannot be. What the person will be asked for is
/// left out.
pub(super) async fn understood(
    door: &Door,
    provider: &PublishedProvider,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Sorry> {
    let ask = json!({ "provider": provider.id, "inputs": given });
    let check: FormCheck = call(door, "check_form", ask).await?;
    let mut used = BTreeMap::new();
    for field in check.fields {
        match field.problem {
            Some(_) if !given.contains_key(&field.key) && is_asked_for(provider, &field.key) => None,
            Some(problem) => {
                let name = field_of(provider, &field.key);
                let words = match given.contains_key(&field.key) {
                    true => format!("{name} is not usable. {problem}"),
                    false => format!("{} needs {name}. {problem}", provider.name),
                };
                return Err(Sorry::bad(words));
            }
            None => used.insert(field.key, field.value),
        };
    }
    Ok(used)
}

/// The data source that the request is about, where it is about one that there is.
async fn known(
    door: &Door,
    caller: &Caller,
    ask: &OauthUrl,
    provider: &PublishedProvider,
    given: &BTreeMap<String, String>,
) -> Result<Option<DataSource>, Sorry> {
    if let Some(number) = ask.data_source_id {
        let source = data_source_of(door, caller, number)?;
        if source.provider != ask.service {
            return Err(Sorry::bad(format!(
                "Data source {number} is of {}, not of {}. Leave data_source_id out, or name one of this service.",
                source.provider, ask.service
            )));
        }
        return Ok((!ask.connecting_new_account).then_some(source));
    }
    if ask.connecting_new_account {
        return Ok(None);
    }
    let owner = caller.owner();
    let all = door.app.programs().data_sources(owner.organization, Some(&owner.customer))?;
    let all: Vec<DataSource> = all.into_iter().filter(|source| source.provider == ask.service).collect();
    if all.is_empty() {
        return Ok(None);
    }
    let wanted = if given.is_empty() { BTreeMap::new() } else { understood(door, provider, given).await? };
    let fits = |source: &DataSource| {
        given.iter().all(|(key, typed)| {
            let kept = source.inputs.get(key).map_or("", String::as_str);
            wanted.get(key).is_some_and(|wanted| wanted == kept) || shown(kept, provider) == typed
        })
    };
    let is_live = |source: &&DataSource| !source.revoked;
    let live: Vec<&DataSource> = all.iter().filter(is_live).filter(|source| fits(source)).collect();
    match live.as_slice() {
        [one] => Ok(Some((*one).clone())),
        [] => {
            if let Some(other) = all.iter().find(is_live).filter(|_| ask.service == ONE_WORKSPACE) {
                return Err(Sorry::bad(format!(
                    "This customer is connected to another {} workspace, {}. Send connecting_new_account: true to \
                     connect a second one, or revoke the first.",
                    provider.name,
                    super::objects::external_id(other, Some(provider)).rsplit('|').next().unwrap_or_default()
                )));
            }
            Ok(all.iter().rev().filter(|source| source.revoked).find(|source| fits(source)).cloned())
        }
        several => Err(Sorry::bad(format!(
            "This customer has {} connected accounts of {}. Name one with data_source_id, or send \
             connecting_new_account: true to connect another.",
            several.len(),
            provider.name
        ))),
    }
}

enum Standing {
    /// There is nothing to sign in for.
    Good,
    /// The sign-in has ended, or more is asked for than it asked.
    SignInAgain,
    /// There is no connection any more.
    Gone,
}

async fn standing(door: &Door, ask: &OauthUrl, source: &DataSource) -> Result<Standing, Sorry> {
    if source.revoked {
        return Ok(Standing::Gone);
    }
    let detail: Result<ConnectionDetail, Sorry> =
        call(door, "connection", json!({ "id": source.connection })).await;
    let detail = match detail {
        Err(sorry) if sorry.status() == StatusCode::NOT_FOUND => return Ok(Standing::Gone),
        detail => detail?,
    };
    let programs = door.app.programs();
    let asks_more = programs.asks_more(&source.connection, &ask.scopes, &ask.more_scopes, &ask.options)?;
    Ok(match detail.row.state {
        ConnectionState::Disconnecting => Standing::Gone,
        ConnectionState::NeedsYou | ConnectionState::WaitingForAdmin => Standing::SignInAgain,
        ConnectionState::Working | ConnectionState::TemporarilyFailing | ConnectionState::KeyringLocked => {
            if asks_more {
                Standing::SignInAgain
            } else {
                Standing::Good
            }
        }
    })
}

/// A link of ours that applies the options to a data source and begins what they ask for, once.
pub(super) fn sync_url(
    door: &Door,
    caller: &Caller,
    source: &DataSource,
    options: &SyncOptions,
    tags: &Map<String, Value>,
) -> Result<String, Sorry> {
    let mut link = Link::new(caller.owner(), &source.provider, options.clone(), tags.clone());
    link.source = Some(source.number);
    let name = door.carbon.links.keep(&caller.key.id, link)?;
    Ok(format!("{}/integrations/sync/{name}", door.origin()))
}

async fn sign_in(
    door: &Arc<Door>,
    caller: &Caller,
    ask: &OauthUrl,
    provider: &PublishedProvider,
    inputs: BTreeMap<String, String>,
    reconnect: Option<String>,
) -> Result<String, Sorry> {
    let takes_credentials = provider.inputs.contains_key("instance_subdomain");
    if takes_credentials && ask.servicenow.is_none() && reconnect.is_none() {
        return Err(Sorry::bad(format!(
            "{} needs servicenow_credentials: instance_subdomain, client_id, client_secret and redirect_uri of your \
             organization's app at that instance.",
            provider.name
        )));
    }
    let used = understood(door, provider, &inputs).await?;
    let owner = caller.owner();
    let mut redirect = None;
    if let Some(app) = ask.servicenow.as_ref().filter(|_| takes_credentials) {
        keep_app(door, &owner, provider, &inputs, app).await?;
        redirect = Some(app.redirect.clone());
    }
    let mut exactly = ask.scopes.clone();
    if exactly.is_empty() && !provider.scopes.is_empty() {
        // An app that was registered by this API's own guide is refused when it asks for more than that names.
        let app = door.app.programs().app(owner.organization, &provider.id, &inputs)?;
        exactly = if app.is_some_and(|app| app.own) { provider.scopes.clone() } else { exactly };
    }
    let exactly = (!exactly.is_empty()).then(|| {
        let more: Vec<String> =
            ask.more_scopes.iter().filter(|scope| !exactly.contains(scope)).cloned().collect();
        [exactly, more].concat()
    });
    let connecting = Connecting {
        owner,
        by: Some(caller.key.clone()),
        provider: provider.id.clone(),
        inputs,
        scopes: exactly,
        more_scopes: ask.more_scopes.clone(),
        reconnect,
        redirect,
        then: None,
        options: ask.options.clone(),
        data_source_tags: ask.data_source_tags.clone(),
    };
    let missing = provider.required.iter().filter(|key| !used.contains_key(*key));
    let keys: Vec<String> = missing.filter(|key| is_asked_for(provider, key)).cloned().collect();
    if !keys.is_empty() {
        return ask_for(door, provider, connecting, keys);
    }
    begin(door, provider, connecting).await
}

/// Whether the person is asked for this input: it has to be there, and no field of this API fills it.
fn is_asked_for(provider: &PublishedProvider, key: &str) -> bool {
    provider.required.iter().any(|required| required == key)
        && !provider.inputs.values().any(|input| input == key)
}

/// The address of the page that asks the person for what is missing.
fn ask_for(
    door: &Door,
    provider: &PublishedProvider,
    connecting: Connecting,
    keys: Vec<String>,
) -> Result<String, Sorry> {
    let app = door.app.programs().app(connecting.owner.organization, &provider.id, &connecting.inputs)?;
    if app.is_none() {
        return Err(Sorry::bad(
            "There is no app for this service yet. Hand your organization's over with /white_label/create, or set one up \
             in Tieline's window.",
        ));
    }
    let provider = provider.clone();
    let go_on = move |door: Arc<Door>, connecting: Connecting| -> asking::Begun {
        let provider = provider.clone();
        Box::pin(async move { Ok(begin(&door, &provider, connecting).await?) })
    };
    Ok(asking::url(door, Asked { connecting, keys, begin: Arc::new(go_on) })?)
}

/// Begins a sign-in that comes back to a page of ours. Yields the provider's address.
async fn begin(door: &Arc<Door>, provider: &PublishedProvider, mut ask: Connecting) -> Result<String, Sorry> {
    let programs = door.app.programs();
    let (options, tags) = (ask.options.clone(), ask.data_source_tags.clone());
    let link = Link::new(ask.owner.clone(), &provider.id, options, tags);
    let name = door.carbon.links.keep(ask.key(), link)?;
    let then = Url::parse(&format!("{}/integrations/done/{name}", door.origin())).map_err(Error::internal)?;
    ask.then = Some(then);
    let flow = programs.connect(ask).await.map_err(|error| told(provider, error))?;
    door.carbon.links.change(&name, |link| link.flow = Some(flow.id.clone()));
    webhooks::tell_when_connected(door, &flow.id);
    Ok(programs.sign_in_link(&flow.id).await?)
}

/// Keeps the organization's app for an instance; its secret goes to the keyring.
pub(super) async fn keep_app(
    door: &Door,
    owner: &Owner,
    provider: &PublishedProvider,
    inputs: &BTreeMap<String, String>,
    app: &Credentials,
) -> Result<(), Sorry> {
    let secret = Some(app.client_secret.clone());
    let saved = door
        .app
        .programs()
        .save_app(owner.organization, &provider.id, inputs, &app.client_id, secret, Some(&app.redirect))
        .await;
    saved.map_err(|error| told(provider, error))
}

/// An error of the engine with the field as the client knows it.
pub(super) fn told(provider: &PublishedProvider, error: Error) -> Sorry {
    match &error.field {
        Some(key) => Sorry::bad(format!("{} is not usable. {}", field_of(provider, key), error.message)),
        None => error.into(),
    }
}
