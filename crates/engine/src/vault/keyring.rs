//! The keyring, spoken to by one thread: its calls block, and Windows keeps no order between threads.
//!
//! A call can hang for as long as the system waits for somebody's password. The thread that hangs in it is
//! then given up and another takes its place; whoever waits hears that the keyring does not answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use keyring_core::CredentialStore;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use zeroize::Zeroizing;

use super::parts::{self, Drawer};
use super::system::{self, Door, Standing};
use super::{absent, hold, locked, silent};
use crate::error::{Code, Error, Result};
use crate::secret::Secret;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(5);
/// How long the person may take to unlock.
const PERSON: Duration = Duration::from_secs(60);
/// How long nothing is written after a call that hung, since that call may still be carried out.
const HOLD_BACK: Duration = Duration::from_secs(5);
/// How many threads may hang before no more are started.
const MOST_HUNG: usize = 4;

type Job = Box<dyn FnOnce(&mut Ring) + Send>;

pub(super) struct Keyring {
    service: Arc<str>,
    desk: Mutex<Desk>,
}

struct Desk {
    worker: Option<Worker>,
    /// No write before this.
    held_back: Option<Instant>,
    /// One clone in every thread that has not ended.
    living: Arc<()>,
}

#[derive(Clone)]
struct Worker {
    jobs: mpsc::Sender<Job>,
    given_up: Arc<AtomicBool>,
    /// When the job in hand began.
    began: Arc<Mutex<Instant>>,
}

impl Keyring {
    pub(super) fn start(service: &str) -> Self {
        let desk = Desk { worker: None, held_back: None, living: Arc::new(()) };
        Self { service: service.into(), desk: Mutex::new(desk) }
    }

    pub(super) async fn standing(&self) -> Result<Standing> {
        self.ask(|ring| Ok(ring.door.standing())).await
    }

    pub(super) async fn get(&self, entry: String) -> Result<Option<Secret>> {
        self.ask(move |ring| ring.get(&entry)).await
    }

    pub(super) async fn set(&self, entry: String, value: Secret) -> Result<()> {
        self.wait_to_write().await;
        self.ask(move |ring| {
            ring.change(|drawer| parts::write(drawer, &entry, value.expose().as_bytes(), system::LONGEST))
        })
        .await
    }

    pub(super) async fn delete(&self, entry: String) -> Result<()> {
        self.wait_to_write().await;
        self.ask(move |ring| ring.change(|drawer| parts::clear(drawer, &entry, system::LONGEST))).await
    }

    /// On a thread of its own, so that reading does not wait for the person.
    pub(super) async fn unlock(&self) -> Result<()> {
        let (answer, heard) = oneshot::channel();
        spawn("keyring-unlock", move || {
            // Nobody listens any more after the time-out.
            let _ = answer.send(Door::default().unlock());
        })?;
        match timeout(PERSON, heard).await {
            Ok(Ok(Standing::Unlocked)) => Ok(()),
            Ok(Ok(Standing::Absent)) => Err(absent()),
            _ => Err(Error::new(
                Code::KeyringLocked,
                format!("{} stayed locked.", system::NAME),
                "Press Unlock again, or run `tieline unlock` again, and enter the password you log in to this computer with. If no window asks for \
                 it, choose a file locked with a passphrase in Settings, Keyring.",
            )),
        }
    }

    async fn wait_to_write(&self) {
        let held_back = hold(&self.desk).held_back;
        if let Some(until) = held_back {
            sleep_until(until).await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ring) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, mut heard) = oneshot::channel();
        let worker = self.worker()?;
        let job = move |ring: &mut Ring| {
            if !answer.is_closed() {
                // Nobody listens any more after the time-out.
                let _ = answer.send(work(ring));
            }
        };
        if worker.jobs.send(Box::new(job)).is_err() {
            self.give_up(&worker);
            return Err(silent());
        }
        let mut until = Instant::now() + CALL;
        loop {
            match timeout_at(until, &mut heard).await {
                Ok(Ok(result)) => return result,
                Ok(Err(_)) => return Err(silent()),
                Err(_) => {
                    // A queue that moves is no call that hangs.
                    until = *hold(&worker.began) + CALL;
                    if until <= Instant::now() {
                        self.give_up(&worker);
                        return Err(silent());
                    }
                }
            }
        }
    }

    fn worker(&self) -> Result<Worker> {
        let mut desk = hold(&self.desk);
        if let Some(worker) = &desk.worker {
            return Ok(worker.clone());
        }
        if Arc::strong_count(&desk.living) > MOST_HUNG {
            return Err(silent());
        }
        let (jobs, queue) = mpsc::channel::<Job>();
        let worker = Worker { jobs, given_up: Arc::default(), began: Arc::new(Mutex::new(Instant::now())) };
        let (given_up, began) = (worker.given_up.clone(), worker.began.clone());
        let (service, living) = (self.service.clone(), desk.living.clone());
        spawn("keyring", move || {
            let mut ring = Ring { service, store: None, door: Door::default() };
            for job in queue {
                if given_up.load(Ordering::Acquire) {
                    break;
                }
                *hold(&began) = Instant::now();
                job(&mut ring);
            }
            drop(living);
        })?;
        Ok(desk.worker.insert(worker).clone())
    }

    /// Lets the thread end when its call does, without doing what else it was asked.
    fn give_up(&self, worker: &Worker) {
        let mut desk = hold(&self.desk);
        worker.given_up.store(true, Ordering::Release);
        if desk.worker.as_ref().is_some_and(|present| Arc::ptr_eq(&present.given_up, &worker.given_up)) {
            desk.worker = None;
            desk.held_back = Some(Instant::now() + HOLD_BACK);
            tracing::warn!("the keyring did not answer");
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(Error::internal)
}

/// What the thread works with.
struct Ring {
    service: Arc<str>,
    store: Option<Arc<CredentialStore>>,
    door: Door,
}

impl Ring {
    fn get(&mut self, entry: &str) -> Result<Option<Secret>> {
        let found = self.change(|drawer| parts::read(drawer, entry))?;
        let Some(found) = found else {
            // A keyring that was restarted in between answers "no entry" for everything.
            self.ensure_unlocked()?;
            return Ok(None);
        };
        let text = std::str::from_utf8(&found)
            .map_err(|_| explain(&keyring_core::Error::BadEncoding(Vec::new())))?;
        Ok(Some(Secret::new(text)))
    }

    fn change<T>(&mut self, work: impl Fn(&Entries) -> keyring_core::Result<T>) -> Result<T> {
        self.ensure_unlocked()?;
        let first = self.with_store(&work);
        let result = match first {
            // The session with a keyring that was restarted is void; a new one may do.
            Err(keyring_core::Error::PlatformFailure(_)) => {
                self.store = None;
                self.ensure_unlocked()?;
                self.with_store(&work)
            }
            other => other,
        };
        result.map_err(|error| explain(&error))
    }

    fn with_store<T>(
        &mut self,
        work: &impl Fn(&Entries) -> keyring_core::Result<T>,
    ) -> keyring_core::Result<T> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => self.store.insert(system::store()?).clone(),
        };
        work(&Entries { service: &self.service, store })
    }

    /// Before each call, because a call to a locked keyring makes the system ask for a password.
    fn ensure_unlocked(&mut self) -> Result<()> {
        match self.door.standing() {
            Standing::Unlocked => Ok(()),
            Standing::Locked => Err(locked()),
            Standing::Absent => Err(absent()),
        }
    }
}

struct Entries<'a> {
    service: &'a str,
    store: Arc<CredentialStore>,
}

impl Entries<'_> {
    fn entry(&self, name: &str) -> keyring_core::Result<keyring_core::Entry> {
        let label = format!("Tieline: {name}");
        let modifiers = system::modifiers(&label);
        self.store.build(self.service, name, (!modifiers.is_empty()).then_some(&modifiers))
    }
}

impl Drawer for Entries<'_> {
    fn read(&self, name: &str) -> keyring_core::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.entry(name)?.get_secret() {
            Ok(value) => Ok(Some(Zeroizing::new(value))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, value: &[u8]) -> keyring_core::Result<()> {
        self.entry(name)?.set_secret(value)
    }

    fn clear(&self, name: &str) -> keyring_core::Result<()> {
        match self.entry(name)?.delete_credential() {
            Err(keyring_core::Error::NoEntry) => Ok(()),
            other => other,
        }
    }
}

/// Words of our own: some of the keyring's errors carry the value they are about.
fn explain(error: &keyring_core::Error) -> Error {
    use keyring_core::Error as Fault;
    match error {
        Fault::NoStorageAccess(_) => locked(),
        Fault::BadEncoding(_) | Fault::BadDataFormat(..) | Fault::BadStoreFormat(_) | Fault::Ambiguous(_) => {
            Error::new(
                Code::NeedsYou,
                format!("What {} holds for this connection is damaged.", system::NAME),
                "Reconnect the account; that stores it anew.",
            )
        }
        Fault::PlatformFailure(cause) => {
            tracing::debug!(%cause, "the keyring failed");
            Error::new(
                Code::KeyringAbsent,
                format!("{} stopped working in the middle of a request.", system::NAME),
                "Log out and in again, or choose a file locked with a passphrase in Settings, Keyring.",
            )
        }
        _ => Error::internal("a request that the keyring does not take"),
    }
}
