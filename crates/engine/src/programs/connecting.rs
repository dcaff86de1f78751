//! Sign-ins that programs ask for, their organizations' apps, and what goes out to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tieline_catalog::{AtFirst, Way, host_allowed, normalise, template};
use url::Url;

use super::Programs;
use crate::callback::Callback;
use crate::error::{Code, Error, Result};
use crate::flow::{Flow, FlowStep};
use crate::flows::connect::{self, Begin, ForProgram};
use crate::flows::finish::{self, Identified};
use crate::flows::pair::Pair;
use crate::flows::{identity, waiting};
use crate::oauth::Tokens;
use crate::operations::{check_client_id, store_app};
use crate::program::{Key, Owner};
use crate::secret::Secret;
use crate::store::AppRow;
use crate::sync_options::SyncOptions;
use crate::world::World;

/// What a program asks a sign-in with.
#[derive(Debug, Clone, Default)]
pub struct Connecting {
    pub owner: Owner,
    /// The key that asks: the sign-in is this one's, and ends with it. None: the person asks.
    pub by: Option<Key>,
    /// The catalogue's id: `ZENDESK`.
    pub provider: String,
    /// Under the provider's own keys.
    pub inputs: BTreeMap<String, String>,
    /// Exactly these scopes instead of the usual ones.
    pub scopes: Option<Vec<String>>,
    /// Besides the usual ones.
    pub more_scopes: Vec<String>,
    /// The connection to sign in again.
    pub reconnect: Option<String>,
    /// Sent as it is; the answer comes to the program's own address and is handed over with [`Programs::deliver`].
    /// None: the organization's app names one, or the usual ways are taken.
    pub redirect: Option<String>,
    /// Where the browser goes once the answer was taken; the sign-in's id is appended to its path. An address of this
    /// computer. Not heeded where the answer is handed over.
    pub then: Option<Url>,
    pub options: SyncOptions,
    pub data_source_tags: Map<String, Value>,
}

impl Connecting {
    /// The id of the key that asks; empty where the person does.
    pub fn key(&self) -> &str {
        self.by.as_ref().map_or("", |key| key.id.as_str())
    }
}

/// A token that was obtained elsewhere.
pub struct Adopting {
    pub owner: Owner,
    pub provider: String,
    pub inputs: BTreeMap<String, String>,
    pub access_token: Secret,
    pub refresh_token: Option<Secret>,
    /// What the provider's reply would have told: workspace, user.
    pub facts: BTreeMap<String, String>,
    pub options: SyncOptions,
    pub data_source_tags: Map<String, Value>,
}

/// The app that an organization signs in through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnApp {
    pub client_id: String,
    pub has_secret: bool,
    pub redirect: Option<String>,
    /// The organization's own, not the person's.
    pub own: bool,
}

/// How the published connect API speaks of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedProvider {
    /// `GOOGLE_DRIVE`
    pub id: String,
    pub name: String,
    /// The last part of the callback's path: `google`.
    pub callback: String,
    /// Its own fields, each with the input it fills.
    pub inputs: BTreeMap<String, String>,
    /// Inputs that must be there.
    pub required: Vec<String>,
    /// Template over the inputs of the account in the external id; empty: the connection's own title.
    pub title: String,
    /// Template over the inputs of the domain, tenant or site in the external id.
    pub domain: String,
    /// What an app that an organization registered for this API may ask for; empty: the usual scopes.
    pub scopes: Vec<String>,
    /// End of an input that the external id leaves out.
    pub domain_end: String,
    pub picker: bool,
    pub everything_at_first: AtFirst,
    /// The kind of things that brings everything at first where a program names it; empty: none does.
    pub at_first_where_named: String,
    pub increments: bool,
    /// Its contents can be listed.
    pub lists: bool,
    /// An app of it serves one host, which an input names.
    pub app_per_host: bool,
}

impl Programs {
    /// Begins a sign-in whose browser the program opens itself. Fails at once, with the field, where something is wrong.
    pub async fn connect(&self, ask: Connecting) -> Result<Flow> {
        let world = self.world();
        let provider = world.provider(&ask.provider)?;
        let redirect = match ask.redirect {
            Some(redirect) => Some(redirect),
            None => {
                let inputs = normalise(&provider, &ask.inputs).values;
                world.app(ask.owner.organization, &provider, &inputs)?.and_then(|app| app.redirect)
            }
        };
        let program = ForProgram {
            owner: ask.owner,
            by: ask.by,
            scopes: ask.scopes,
            redirect,
            then: ask.then,
            options: ask.options,
            tags: ask.data_source_tags,
        };
        let begin = Begin {
            provider: ask.provider,
            inputs: ask.inputs,
            more_scopes: ask.more_scopes,
            reconnect: ask.reconnect,
            way: None,
            quiet: true,
            program: Some(Arc::new(program)),
        };
        connect::begin(&world, begin).await
    }

    /// Whether one of these scopes, or one that the kinds take which are to be read, is none that the last sign-in to a
    /// connection asked for. One that was asked for and declined is no more than was asked: asking again would change
    /// nothing. Where scopes are named `exactly`, kinds bring no others.
    pub fn asks_more(
        &self,
        connection: &str,
        exactly: &[String],
        more: &[String],
        options: &SyncOptions,
    ) -> Result<bool> {
        let world = self.world();
        let it = world.connection(connection)?;
        let provider = world.provider(&it.provider)?;
        let of_kinds = if exactly.is_empty() { connect::for_kinds(&provider, options) } else { Vec::new() };
        let mut scopes = exactly.iter().chain(more).chain(&of_kinds);
        let was_asked =
            |name: &String| it.asked.iter().any(|asked| finish::is_one_scope(&provider, asked, name));
        Ok(!scopes.all(was_asked))
    }

    /// The address to open in a browser.
    pub async fn sign_in_link(&self, flow: &str) -> Result<String> {
        Ok(waiting::link(&self.world(), flow).await?.into())
    }

    /// Hands over an answer of the browser that came to `/integrations/<provider>`, and tells which sign-in it was for.
    /// Fails with `Conflict` where none waits for it; then nothing was changed.
    pub fn deliver(&self, path: &str, query: &str) -> Result<String> {
        let callback = Callback::new(path, query);
        self.world().flows.deliver(callback, path).ok_or_else(waiting::unexpected)
    }

    pub fn flow(&self, id: &str) -> Result<Flow> {
        self.world().flows.get(id)
    }

    /// Whether a key sees a sign-in and may end it: its own; those that its organization's other keys began, unless it is
    /// limited to some connections; and of the person's those about connections within its reach. One that is not known
    /// is nobody's.
    pub fn sees_flow(&self, key: &Key, id: &str) -> Result<bool> {
        let world = self.world();
        let (Ok(began), Ok(flow)) = (world.flows.began(id), world.flows.get(id)) else { return Ok(false) };
        if let Some(by) = began {
            let shared = by.organization == key.organization && !key.may.is_limited();
            return Ok(by.id == key.id || shared);
        }
        for connection in [flow.connection, flow.reconnect].iter().flatten() {
            if self.reaches(key, connection)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The sign-in at its end, or as it stands after `most`.
    pub async fn ended(&self, id: &str, most: Duration) -> Result<Flow> {
        let world = self.world();
        let mut changes = world.changes.subscribe();
        let end = tokio::time::Instant::now() + most;
        loop {
            let flow = world.flows.get(id)?;
            if !matches!(flow.step, FlowStep::Waiting | FlowStep::Finishing) {
                return Ok(flow);
            }
            // Whatever changed, it is looked at again; a change that was missed costs half a second.
            let pause = Duration::from_millis(500);
            let _changed =
                tokio::time::timeout_at((tokio::time::Instant::now() + pause).min(end), changes.recv()).await;
            if tokio::time::Instant::now() >= end {
                return world.flows.get(id);
            }
        }
    }

    /// Makes a connection of a token that was obtained elsewhere, once the provider has told whose it is. Answers the
    /// connection's id.
    pub async fn adopt(&self, ask: Adopting) -> Result<String> {
        let world = self.world();
        world.vault.ready().await?;
        let identified = identified(&world, ask).await?;
        Ok(finish::store(&world, &identified, None).await?.0)
    }

    /// Asks the provider whose a token is, as [`Self::adopt`] does, and keeps nothing.
    pub async fn try_token(&self, ask: Adopting) -> Result<()> {
        identified(&self.world(), ask).await.map(|_| ())
    }

    /// All providers of the catalogue, by name.
    pub fn published(&self) -> Vec<PublishedProvider> {
        let world = self.world();
        let catalogue = world.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all: Vec<PublishedProvider> = catalogue
            .iter()
            .map(|it| PublishedProvider {
                id: it.id.clone(),
                name: it.name.clone(),
                callback: it.callback_path().trim_start_matches("/integrations/").to_owned(),
                inputs: it.published.inputs.clone(),
                required: it
                    .inputs
                    .iter()
                    .filter(|input| input.required)
                    .map(|input| input.key.clone())
                    .collect(),
                title: it.published.title.clone(),
                domain: it.published.domain.clone(),
                scopes: it.published.scopes.clone(),
                domain_end: it.published.domain_end.clone(),
                picker: it.published.picker,
                everything_at_first: it.published.everything_at_first,
                at_first_where_named: it.published.at_first_where_named.clone(),
                increments: it.published.increments,
                lists: it.source.is_some(),
                app_per_host: !it.register.per.is_empty(),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Whether an app could be saved with this client id and this address. Fails with the field.
    pub fn check_app(&self, provider: &str, client_id: &str, redirect: Option<&str>) -> Result<()> {
        let provider = self.world().provider(provider)?;
        check_client_id(&provider, client_id)?;
        let is_address = redirect.is_none_or(|redirect| Url::parse(redirect).is_ok());
        if is_address { Ok(()) } else { Err(Error::field("redirect_uri", "This is not an address.")) }
    }

    /// Saves an organization's own app; the secret goes to the keyring. Fails with the field.
    pub async fn save_app(
        &self,
        organization: i64,
        provider: &str,
        inputs: &BTreeMap<String, String>,
        client_id: &str,
        secret: Option<Secret>,
        redirect: Option<&str>,
    ) -> Result<()> {
        let world = self.world();
        let provider = world.provider(provider)?;
        self.check_app(&provider.id, client_id, redirect)?;
        let host = World::app_host(&provider, &normalise(&provider, inputs).values);
        let known = world.store.app(organization, &provider.id, &host)?;
        let mut row = AppRow {
            organization,
            provider: provider.id.clone(),
            host,
            client_id: client_id.to_owned(),
            secret_version: known.as_ref().map_or(0, |row| row.secret_version),
            relay: None,
            loopback_port: None,
            redirect: redirect.map(str::to_owned),
            saved_at: world.now(),
        };
        store_app(&world, &mut row, known.as_ref(), secret.map(Some)).await
    }

    /// False: the organization has none of its own.
    pub async fn forget_app(
        &self,
        organization: i64,
        provider: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<bool> {
        let world = self.world();
        let provider = world.provider(provider)?;
        let host = World::app_host(&provider, &normalise(&provider, inputs).values);
        let Some(row) = world.store.app(organization, &provider.id, &host)? else { return Ok(false) };
        world.store.forget_app(&row)?;
        world.sweep().await;
        Ok(true)
    }

    /// The app that a sign-in with these inputs would take.
    pub fn app(
        &self,
        organization: i64,
        provider: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<Option<OwnApp>> {
        let world = self.world();
        let provider = world.provider(provider)?;
        let row = world.app(organization, &provider, &normalise(&provider, inputs).values)?;
        Ok(row.map(|row| OwnApp {
            own: row.organization == organization && organization != 0,
            has_secret: row.secret_version > 0,
            client_id: row.client_id,
            redirect: row.redirect,
        }))
    }

    /// Tells a program something at an address it named: https anywhere, http on this computer only. Ten seconds, no
    /// redirects. Answers the status.
    pub async fn post(&self, url: &Url, headers: &[(&str, String)], body: Vec<u8>) -> Result<u16> {
        self.world().client().tell(url, headers, body).await
    }
}

/// Whose account a token is, as the provider tells it.
async fn identified(world: &Arc<World>, ask: Adopting) -> Result<Identified> {
    let provider = world.provider(&ask.provider)?;
    let inputs = normalise(&provider, &ask.inputs);
    if let Some(problem) = inputs.problems.first() {
        return Err(Error::field(problem.key.clone(), problem.says.clone()));
    }
    let app = world.app(ask.owner.organization, &provider, &inputs.values)?;
    let at = world.now();
    let tokens = Tokens {
        access: ask.access_token,
        bound: false,
        refresh: ask.refresh_token,
        expires_in: None,
        refresh_expires_in: None,
        scopes: None,
        facts: ask.facts,
    };
    let mut fields = inputs.values.clone();
    fields.extend(tokens.facts.clone());
    let hosts: Vec<String> =
        provider.oauth.api_hosts.iter().map(|host| template::fill_gently(host, &fields)).collect();
    let told = tokens.facts.iter().filter(|(fact, _)| fact.ends_with("_host")).map(|(_, host)| host);
    if let Some(host) = told.into_iter().find(|host| !host_allowed(&hosts, host)) {
        let words = format!("{host} is no address of {}.", provider.name);
        return Err(Error::new(Code::BadInput, words, "Send the one that came with the token."));
    }
    let pair = Pair::new(&tokens, tokens.refresh.clone(), None);
    let refused = |failed: identity::StepFailed| {
        let words = match failed.status {
            400..=403 => format!("{} did not take the access token.", provider.name),
            200 => format!("{} does not tell by the access token whose account it is.", provider.name),
            _ => format!("{} could not be asked whose account it is.", provider.name),
        };
        let code = if failed.status == 0 { Code::Temporary } else { Code::Refused };
        failed.field.unwrap_or_else(|| Error::new(code, words, "Get a new one, or let the person sign in."))
    };
    let who = identity::identify(world, &provider, fields, &pair.access, None).await.map_err(refused)?;
    let mut facts = tokens.facts.clone();
    facts.extend(who.facts.clone());
    let program = ForProgram {
        owner: ask.owner,
        options: ask.options,
        tags: ask.data_source_tags,
        ..ForProgram::default()
    };
    Ok(Identified {
        app_host: World::app_host(&provider, &inputs.values),
        app_organization: app.as_ref().map_or(0, |app| app.organization),
        client_id: app.map(|app| app.client_id).unwrap_or_default(),
        provider,
        tokens,
        pair,
        who,
        inputs: inputs.values,
        facts,
        asked: Vec::new(),
        redirect: String::new(),
        way: Way::Program,
        program: Some(Arc::new(program)),
        at,
    })
}
