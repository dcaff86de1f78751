//! Everything the flows work with: one world for real connections, another for practice.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tieline_catalog::practice::Practised;
use tieline_catalog::{Catalogue, ClientAuth, Mistake, Provider, Secret as HasSecret, template};
use tieline_extract::Extractor;
use tokio::sync::broadcast;

use crate::browser::Browser;
use crate::client::{Client, Network, Routes};
use crate::clock::{Clock, Seconds};
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::sync::Syncs;
use crate::flows::waiting::Flows;
use crate::library::Library;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::sources::rest::Pace;
use crate::store::{AppRow, Kind, Store};
use crate::vault::Vault;
use crate::ways::Means;

/// Practice providers, as the face started or joined them.
pub struct PracticeWorld {
    pub(crate) practised: Practised,
    /// Dropped with the world.
    _keep: Box<dyn Any + Send + Sync>,
}

impl PracticeWorld {
    /// `keep` is held for as long as the world is: what stops the providers when it goes.
    pub fn new(practised: Practised, keep: impl Any + Send + Sync) -> Self {
        Self { practised, _keep: Box::new(keep) }
    }
}

pub(crate) struct World {
    pub folder: PathBuf,
    pub scheme: Option<String>,
    pub clock: Clock,
    pub catalogue: RwLock<Catalogue>,
    /// Provider files in the data folder that could not be read.
    pub mistakes: Vec<Mistake>,
    pub store: Store,
    pub library: Library,
    pub extractor: Extractor,
    pub syncs: Syncs,
    /// A sync became due just now.
    pub due: Arc<tokio::sync::Notify>,
    /// How fast each connection may be asked, shared by all who ask in its name.
    paces: Mutex<HashMap<String, Arc<Pace>>>,
    pub vault: Vault,
    client: RwLock<Client>,
    pub browser: Browser,
    pub changes: broadcast::Sender<Change>,
    pub flows: Flows,
    /// One refresh at a time per connection in this process.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Vault entries that are being written and that no row points to yet.
    making: Mutex<HashSet<String>>,
    /// Entries that were deleted from the vault and are still noted as strays: the note is forgotten with the next write.
    gone: Mutex<Vec<String>>,
    pub deep_link_failed: AtomicBool,
    /// Probes of the way back that wait for their deep link.
    pub probes: Mutex<HashMap<String, tokio::sync::oneshot::Sender<()>>>,
    pub practice: Option<PracticeWorld>,
}

/// Client id and secret of the organisation's app.
#[derive(Debug, Clone)]
pub(crate) struct AppKeys {
    pub row: AppRow,
    pub secret: Option<Secret>,
}

impl AppKeys {
    /// User and password of HTTP Basic, as this provider reads them.
    pub fn pair(&self, provider: &Provider) -> (String, Secret) {
        let written = |text: &str| -> String {
            if provider.oauth.basic_encoded {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            } else {
                text.to_owned()
            }
        };
        let secret = self.secret.as_ref().map_or("", Secret::expose);
        (written(&self.row.client_id), Secret::new(written(secret)))
    }

    /// The same where the provider takes the secret so. An app without a secret proves nothing and only says who it is
    /// (RFC 6749 §3.2.1).
    pub fn basic(&self, provider: &Provider) -> Option<(String, Secret)> {
        let sent = self.secret.is_some() && provider.oauth.client_auth == ClientAuth::Basic;
        sent.then(|| self.pair(provider))
    }
}

pub(crate) struct Parts {
    pub folder: PathBuf,
    pub scheme: Option<String>,
    pub clock: Clock,
    pub store: Store,
    pub library: Library,
    pub extractor: Extractor,
    pub vault: Vault,
    pub browser: Browser,
    pub changes: broadcast::Sender<Change>,
    pub practice: Option<PracticeWorld>,
}

impl World {
    pub fn new(parts: Parts) -> Result<Self> {
        let (mut catalogue, mut mistakes) = Catalogue::built_in();
        let files = added_files(&parts.folder);
        let (added, more) = Catalogue::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        mistakes.extend(more);
        for provider in added.iter() {
            catalogue.add(provider.clone());
        }
        for row in parts.store.services()? {
            catalogue.add(row.service.provider(&row.id));
        }
        let settings = parts.store.settings()?;
        let routes = routes(parts.practice.as_ref());
        // A proxy or certificate that went bad must not keep the window from opening, where it can be mended.
        let client = Client::new(&network(&settings), routes.clone())
            .or_else(|_| Client::new(&Network { proxy: String::new(), extra_ca: String::new() }, routes))?;
        Ok(Self {
            folder: parts.folder,
            scheme: parts.scheme,
            clock: parts.clock,
            catalogue: RwLock::new(catalogue),
            mistakes,
            store: parts.store,
            library: parts.library,
            extractor: parts.extractor,
            syncs: Syncs::default(),
            due: Arc::default(),
            paces: Mutex::default(),
            vault: parts.vault,
            client: RwLock::new(client),
            browser: parts.browser,
            changes: parts.changes,
            flows: Flows::default(),
            turns: Mutex::default(),
            making: Mutex::default(),
            gone: Mutex::default(),
            deep_link_failed: AtomicBool::new(false),
            probes: Mutex::default(),
            practice: parts.practice,
        })
    }

    pub fn now(&self) -> Seconds {
        self.clock.now()
    }

    pub fn provider(&self, name: &str) -> Result<Arc<Provider>> {
        let catalogue = self.catalogue.read().unwrap_or_else(PoisonError::into_inner);
        catalogue.get(name).cloned().ok_or_else(|| Error::not_found("service called", name))
    }

    pub fn connection(&self, id: &str) -> Result<Connection> {
        self.store.connection(id)?.ok_or_else(|| Error::not_found("connection", id))
    }

    pub fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over network settings; the error names the field.
    pub fn use_network(&self, settings: &Settings) -> Result<()> {
        // In practice a proxy is not used, and what is entered has to be right all the same.
        Client::new(&network(settings), Routes::Internet)?;
        let client = Client::new(&network(settings), routes(self.practice.as_ref()))?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    pub fn changed(&self, change: Change) {
        let _nobody_listens = self.changes.send(change);
    }

    /// Writes down what happened and tells who watches.
    pub fn happened(&self, it: &Connection, kind: Kind, words: &str) {
        if let Err(error) = self.store.happened(&it.id, &it.title(), self.now(), kind, words) {
            tracing::error!(%error, "an event could not be written down");
        }
        self.changed(Change::Connection { id: it.id.clone() });
    }

    /// The turn of a connection: held while its token is looked at or replaced.
    pub fn turn(&self, connection: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(connection.to_owned()).or_default())
    }

    pub fn pace(&self, connection: &str, provider: &Provider) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Pace::new(provider.source.as_ref(), self.practice.is_none()));
        Arc::clone(paces.entry(connection.to_owned()).or_insert_with(made))
    }

    /// Bytes that the library may take.
    pub fn library_limit(&self) -> Option<u64> {
        let megabytes = self.store.settings().ok()?.library_limit_mb?;
        Some(u64::from(megabytes) * 1024 * 1024)
    }

    pub fn locks(&self) -> PathBuf {
        self.folder.join("locks")
    }

    /// What an app for these inputs belongs to: a host, or nothing where one serves all.
    pub fn app_host(provider: &Provider, inputs: &template::Fields) -> String {
        template::fill(&provider.register.per, inputs).unwrap_or_default()
    }

    /// The app that serves these inputs, if it is set up: the organization's own, else the person's.
    pub fn app(
        &self,
        organization: i64,
        provider: &Provider,
        inputs: &template::Fields,
    ) -> Result<Option<AppRow>> {
        let host = Self::app_host(provider, inputs);
        // An organization may hand over one app for all hosts, and the published way of handing one over names none.
        let own = |host: &str| self.store.app(organization, &provider.id, host);
        let own = if organization == 0 {
            None
        } else {
            own(&host)?.map_or_else(|| own(""), |row| Ok(Some(row)))?
        };
        match own {
            Some(own) => Ok(Some(own)),
            None => self.store.app(0, &provider.id, &host),
        }
    }

    /// The keys of the app that a connection signed in through.
    pub async fn app_keys_of(&self, provider: &Provider, it: &Connection) -> Result<AppKeys> {
        let row = self.store.app(it.app_organization, &provider.id, &it.app_host)?;
        self.keys_of(row.as_ref(), provider, &it.app_host).await
    }

    /// The keys of the app for these inputs. Fails with `NotSetUp` where an admin has to enter it first.
    pub async fn app_keys(
        &self,
        row: Option<&AppRow>,
        provider: &Provider,
        inputs: &template::Fields,
    ) -> Result<AppKeys> {
        self.keys_of(row, provider, &Self::app_host(provider, inputs)).await
    }

    async fn keys_of(&self, row: Option<&AppRow>, provider: &Provider, host: &str) -> Result<AppKeys> {
        let row = row.cloned().ok_or_else(|| not_set_up(provider, host))?;
        let secret = match row.secret_entry() {
            Some(entry) => Some(self.vault.get(&entry).await?.ok_or_else(|| {
                Error::new(
                    Code::NotSetUp,
                    format!(
                        "The client secret of the app for {} is no longer in the keyring.",
                        provider.name
                    ),
                    "Enter it again in the app set-up.",
                )
            })?),
            None => None,
        };
        if secret.is_none() && provider.oauth.secret == HasSecret::Required {
            return Err(Error::new(
                Code::NotSetUp,
                format!("{} wants a client secret, and the app has none.", provider.name),
                "Enter it in the app set-up.",
            ));
        }
        Ok(AppKeys { row, secret })
    }

    /// What the ways back depend on.
    pub fn means(&self, app: Option<&AppRow>) -> Result<Means> {
        let settings = self.store.settings()?;
        let own =
            app.and_then(|app| app.relay.clone()).or(Some(settings.relay).filter(|relay| !relay.is_empty()));
        // The practice providers host the page that an organisation would host.
        let practised =
            || self.practice.as_ref().map(|practice| format!("{}relay", practice.practised.control));
        let relay = own.or_else(practised);
        Ok(Means {
            scheme: self.scheme.clone(),
            deep_link_failed: self.deep_link_failed.load(Ordering::Relaxed),
            relay,
            port: app.and_then(|app| app.loopback_port).or(settings.loopback_port),
        })
    }

    /// Keeps an entry from being swept while it is written; until dropped.
    pub fn making(&self, entry: String) -> Making<'_> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.clone());
        Making { world: self, entry }
    }

    /// Remembers that the vault no longer holds an entry that is noted as a stray. A crash costs one vain deletion.
    pub fn gone_from_vault(&self, entry: String) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub fn take_gone(&self) -> Vec<String> {
        std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Deletes vault entries that no row points to, except those that this or another living process is about to need.
    pub async fn sweep(&self) {
        for entry in self.take_gone() {
            let _tried_again_at_the_next_start = self.store.swept(&entry);
        }
        let Ok(strays) = self.store.strays() else { return };
        for (entry, pid) in strays {
            let being_made = match pid {
                0 => false,
                pid if pid == std::process::id() => {
                    self.making.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry)
                }
                pid => is_alive(pid),
            };
            // Who made it may have come to its end since the list was read, and a row points to it now.
            if being_made || !self.store.is_stray(&entry, pid).unwrap_or(false) {
                continue;
            }
            if self.vault.delete(&entry).await.is_ok() {
                let _tried_again_at_the_next_start = self.store.swept(&entry);
            }
        }
    }
}

/// An entry in the making.
pub(crate) struct Making<'w> {
    world: &'w World,
    entry: String,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.world.making.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.entry);
    }
}

pub(crate) fn not_set_up(provider: &Provider, host: &str) -> Error {
    let place = if host.is_empty() { provider.name.clone() } else { host.to_owned() };
    Error::new(
        Code::NotSetUp,
        format!("Your organisation's app for {place} is not set up yet."),
        "An administrator does it once; the app set-up shows how, step by step.",
    )
}

fn network(settings: &Settings) -> Network {
    Network { proxy: settings.proxy.clone(), extra_ca: settings.extra_ca.clone() }
}

fn routes(practice: Option<&PracticeWorld>) -> Routes {
    practice.map_or(Routes::Internet, |practice| {
        let routes = practice.practised.routes.iter();
        Routes::Practice(routes.map(|route| (route.host.clone(), route.origin.clone())).collect())
    })
}

/// Provider files that an organisation dropped into the data folder.
fn added_files(folder: &std::path::Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder.join("providers")) else { return Vec::new() };
    let mut files: Vec<(String, String)> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|it| it == "toml"))
        .filter_map(|entry| {
            // A file that is no text is a mistake to be told, like any other.
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).ok()?).into_owned();
            Some((entry.file_name().to_string_lossy().into_owned(), text))
        })
        .collect();
    files.sort();
    files
}

/// Whether a process of this machine is still there. Where that cannot be told, it is taken to be.
fn is_alive(pid: u32) -> bool {
    let proc = std::path::Path::new("/proc");
    !proc.join("self").exists() || proc.join(pid.to_string()).exists()
}
