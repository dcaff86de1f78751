//! The door's handle: cheap to clone, one for each process.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::broadcast;

use crate::browser::Browser;
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use tieline_extract::Extractor;

use crate::flows::{elsewhere, keep_alive, prove, waiting};
use crate::library::Library;
use crate::operations::{
    self,
    wire::{Failure, Serving},
};
use crate::secret::Secret;
use crate::store::{AppRow, Store};
use crate::vault::Vault;
use crate::world::{Parts, PracticeWorld, World};

/// Documents whose text is taken out at once, each by a process of its own.
const EXTRACTORS: usize = 2;

/// The scheme of released builds.
pub const SCHEME: &str = "app.tieline.desktop";

/// Starts practice providers, or joins those another process of the same person runs. Called with a folder of
/// practice's own.
pub type PracticeStarter =
    Arc<dyn Fn(PathBuf) -> Pin<Box<dyn Future<Output = Result<PracticeWorld>> + Send>> + Send + Sync>;

/// How to open the engine.
pub struct Start {
    /// None: the platform's place for a program's data.
    pub data_folder: Option<PathBuf>,
    pub practice: bool,
    /// The scheme whose links this process receives through [`App::deliver`]; none for the command line.
    pub scheme: Option<String>,
    pub browser: Browser,
    pub clock: Clock,
    pub practice_starter: Option<PracticeStarter>,
    /// The program that takes text out of documents when called as such; none: this one.
    pub extractor: Option<PathBuf>,
}

#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    means: Means,
    world: RwLock<Arc<World>>,
}

/// What both worlds are made of.
struct Means {
    folder: PathBuf,
    default_folder: bool,
    scheme: Option<String>,
    browser: Browser,
    clock: Clock,
    practice_starter: Option<PracticeStarter>,
    extractor: PathBuf,
    changes: broadcast::Sender<Change>,
    stays: bool,
    serving: RwLock<Serving>,
}

impl App {
    /// Opens store and keyring, and begins to keep sign-ins alive. Fails with `Storage` where the data folder
    /// cannot be written; a missing or locked keyring is a state, not a failure.
    pub async fn open(start: Start) -> Result<Self> {
        Self::open_as(start, true).await
    }

    /// As [`App::open`], for a process that asks one thing and ends: it begins nothing by itself that its end would
    /// cut off.
    pub async fn open_briefly(start: Start) -> Result<Self> {
        Self::open_as(start, false).await
    }

    async fn open_as(start: Start, stays: bool) -> Result<Self> {
        let default_folder = start.data_folder.is_none();
        let folder = match start.data_folder {
            Some(folder) => folder,
            None => dirs::data_dir().ok_or_else(no_place)?.join(SCHEME),
        };
        let (changes, _) = broadcast::channel(256);
        let means = Means {
            folder,
            default_folder,
            scheme: start.scheme,
            browser: start.browser,
            clock: start.clock,
            practice_starter: start.practice_starter,
            extractor: start.extractor.unwrap_or_else(this_program),
            changes,
            stays,
            serving: RwLock::default(),
        };
        let world = RwLock::new(means.world(start.practice).await?);
        Ok(Self { inner: Arc::new(Inner { means, world }) })
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.inner.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls an operation by name, as every face does.
    pub async fn call(&self, name: &str, ask: Value) -> Result<Value, Failure> {
        let (app, name) = (self.clone(), name.to_owned());
        // Whoever asked may go away in the middle, and tokens that a provider has just given must not be dropped then.
        let answer = tokio::spawn(async move { operations::call(&app, &name, ask).await });
        answer.await.unwrap_or_else(|error| Err(Failure::from(Error::internal(error))))
    }

    /// How the loopback API stands in this process, as the face that serves it said.
    pub fn serving(&self) -> Serving {
        self.inner.means.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Said by the face that serves the loopback API, or fails to.
    pub fn set_serving(&self, serving: Serving) {
        *self.inner.means.serving.write().unwrap_or_else(PoisonError::into_inner) = serving;
        let _nobody_listens = self.inner.means.changes.send(Change::Serving);
    }

    /// What changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.means.changes.subscribe()
    }

    /// Takes an address that the system handed over. One that no sign-in waits for changes nothing.
    pub fn deliver(&self, address: &str) {
        if let Err(error) = waiting::deliver(&self.world(), address) {
            tracing::info!(%error, "an address arrived");
            self.world().changed(Change::UnexpectedReturn);
        }
    }

    /// Tries once whether deep links reach this process; those that do not are not used.
    pub async fn prove_deep_link(&self) -> bool {
        prove::deep_link(&self.world()).await.0
    }

    pub(crate) async fn set_practice(&self, on: bool) -> Result<()> {
        let before = self.world();
        if before.practice.is_some() == on {
            return Ok(());
        }
        let world = self.inner.means.world(on).await?;
        *self.inner.world.write().unwrap_or_else(PoisonError::into_inner) = world;
        before.flows.close();
        before.syncs.close();
        let _nobody_listens = self.inner.means.changes.send(Change::World);
        Ok(())
    }

    /// Ends what waits. Nothing is lost by not calling it.
    pub async fn close(&self) {
        self.world().flows.close();
        self.world().syncs.close();
    }
}

impl Means {
    async fn world(&self, practice: bool) -> Result<Arc<World>> {
        // Practice has a folder, a store and keyring entries of its own, so that nothing mixes.
        let folder = if practice { self.folder.join("practice") } else { self.folder.clone() };
        make_folder(&folder)?;
        let store = Store::open(&folder.join("tieline.db"))?;
        let library = Library::open(&folder.join("library.db"))?;
        let mut service = SCHEME.to_owned();
        if practice {
            service.push_str(".practice");
        }
        if !self.default_folder {
            // Another data folder must not share the keyring entries of the usual one.
            service =
                format!("{service}@{}", folder.canonicalize().unwrap_or_else(|_| folder.clone()).display());
        }
        let vault = Vault::open(&service, folder.join("vault"));
        let practice = match (practice, &self.practice_starter) {
            (false, _) => None,
            (true, Some(start)) => Some(start(folder.clone()).await?),
            (true, None) => return Err(operations::no_practice()),
        };
        let world = Arc::new(World::new(Parts {
            folder,
            scheme: self.scheme.clone(),
            clock: self.clock.clone(),
            store,
            library,
            extractor: Extractor::new(self.extractor.clone(), EXTRACTORS),
            vault,
            browser: self.browser.clone(),
            changes: self.changes.clone(),
            practice,
        })?);
        if world.practice.is_some() {
            enter_practice_apps(&world).await?;
        }
        if self.stays {
            tokio::spawn(keep_alive::run(Arc::downgrade(&world)));
            tokio::spawn(elsewhere::watch(Arc::downgrade(&world)));
        }
        Ok(world)
    }
}

/// In practice the organisation's apps are there from the start: nobody should have to register one to try.
pub(crate) async fn enter_practice_apps(world: &World) -> Result<()> {
    let Some(practice) = &world.practice else { return Ok(()) };
    let mut entered = std::collections::BTreeSet::new();
    for app in &practice.practised.apps {
        let provider = world.provider(&app.provider)?;
        let inputs = tieline_catalog::normalise(&provider, &app.inputs);
        let host = World::app_host(&provider, &inputs.values);
        let known = world.app(0, &provider, &inputs.values)?;
        // Where a provider has several apps, the first is the usual one.
        if !entered.insert((provider.id.clone(), host.clone())) {
            continue;
        }
        let same_secret =
            known.as_ref().is_some_and(|row| (row.secret_version > 0) == app.client_secret.is_some());
        if known.as_ref().is_some_and(|row| row.client_id == app.client_id) && same_secret {
            continue;
        }
        let mut row = AppRow {
            organization: 0,
            redirect: None,
            provider: provider.id.clone(),
            host,
            client_id: app.client_id.clone(),
            secret_version: known.as_ref().map_or(0, |row| row.secret_version),
            relay: known.as_ref().and_then(|row| row.relay.clone()),
            loopback_port: known.as_ref().and_then(|row| row.loopback_port),
            saved_at: world.now(),
        };
        match operations::store_app(
            world,
            &mut row,
            known.as_ref(),
            Some(app.client_secret.clone().map(Secret::new)),
        )
        .await
        {
            // Without a keyring the window still opens, and says so.
            Err(error) if matches!(error.code, Code::KeyringLocked | Code::KeyringAbsent) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

fn make_folder(folder: &std::path::Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Error::new(
            Code::Storage,
            format!("The data folder {} cannot be made: {error}.", folder.display()),
            "Allow writing there, or choose another data folder.",
        )
    })
}

/// The program that runs, also after a newer one has taken its place on the disk.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_default()
}

fn no_place() -> Error {
    Error::new(
        Code::Storage,
        "This system names no place for a program's data.",
        "Set HOME, or choose a data folder.",
    )
}
