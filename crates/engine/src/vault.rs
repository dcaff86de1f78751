//! Where secrets are: the system's keyring, or a file locked with a passphrase where the person chose one.

mod file;
mod keyring;
mod parts;
mod system;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::file::PassphraseFile;
use self::keyring::Keyring;
use self::system::Standing;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;

/// How long a look at the keyring is believed.
const BELIEVED: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultState {
    Unlocked,
    /// There is a keyring, but it is locked, was never set up, or does not answer.
    Locked,
    /// There is no keyring.
    Absent,
    /// The passphrase file is in use, and open.
    FileOpen,
    /// The passphrase file is in use and waits for its passphrase.
    FileLocked,
}

/// Cheap to clone; clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    keyring: Keyring,
    file: Arc<PassphraseFile>,
    seen: Mutex<Option<(Instant, VaultState)>>,
}

impl Vault {
    /// The keyring's entries under `service`; or the passphrase file at `file`, as soon as there is one.
    /// Touches neither yet.
    pub fn open(service: &str, file: PathBuf) -> Self {
        let file = Arc::new(PassphraseFile::at(file));
        Self { inner: Arc::new(Inner { keyring: Keyring::start(service), file, seen: Mutex::default() }) }
    }

    /// Where things stand, without asking the person anything. Takes at most five seconds; a keyring that does
    /// not answer counts as locked. Believed for three seconds.
    pub async fn state(&self) -> VaultState {
        if let Some(state) = self.file_state() {
            return state;
        }
        if let Some((at, state)) = *hold(&self.inner.seen)
            && at.elapsed() < BELIEVED
        {
            return state;
        }
        let state = match self.inner.keyring.standing().await {
            Ok(Standing::Unlocked) => VaultState::Unlocked,
            Ok(Standing::Absent) => VaultState::Absent,
            Ok(Standing::Locked) | Err(_) => VaultState::Locked,
        };
        *hold(&self.inner.seen) = Some((Instant::now(), state));
        state
    }

    /// Fails, without asking the person anything, where nothing could be kept now.
    ///
    /// # Errors
    /// As [`Vault::get`].
    pub async fn ready(&self) -> Result<()> {
        match self.state().await {
            VaultState::Unlocked | VaultState::FileOpen => Ok(()),
            VaultState::FileLocked => Err(file::locked()),
            VaultState::Locked => Err(locked()),
            VaultState::Absent => Err(absent()),
        }
    }

    /// Has the system ask the person to unlock the keyring, or to set one up; waits a minute for them.
    ///
    /// # Errors
    /// [`Code::KeyringLocked`] when it stays locked, [`Code::KeyringAbsent`] when there is none.
    pub async fn unlock(&self) -> Result<()> {
        match self.file_state() {
            Some(VaultState::FileOpen) => return Ok(()),
            Some(_) => return Err(file::locked()),
            None => {}
        }
        let unlocked = self.inner.keyring.unlock().await;
        self.forget_state();
        unlocked
    }

    /// Opens the passphrase file, or makes one, and uses it in place of the keyring from then on.
    ///
    /// # Errors
    /// Names the field `passphrase` when it is shorter than eight characters or does not open the file;
    /// [`Code::Conflict`] when the file to make is there, [`Code::NotSetUp`] when the one to open is not.
    pub async fn use_file(&self, passphrase: Secret, create: bool) -> Result<()> {
        self.in_file(move |file| if create { file.create(&passphrase) } else { file.open(&passphrase) }).await
    }

    /// `None` only when the vault is open and has no such entry.
    ///
    /// # Errors
    /// [`Code::KeyringLocked`] also when the keyring does not answer within five seconds or the passphrase file
    /// is not open; [`Code::KeyringAbsent`] when there is no keyring.
    pub async fn get(&self, entry: &str) -> Result<Option<Secret>> {
        let entry = named(entry)?;
        if self.file_state().is_some() {
            return self.in_file(move |file| file.get(&entry)).await;
        }
        self.noting(self.inner.keyring.get(entry).await)
    }

    /// Stores `value`, replacing what was there.
    ///
    /// # Errors
    /// As [`Vault::get`]; [`Code::Storage`] when the passphrase file cannot be written.
    pub async fn set(&self, entry: &str, value: &Secret) -> Result<()> {
        let (entry, value) = (named(entry)?, value.clone());
        if self.file_state().is_some() {
            return self.in_file(move |file| file.set(&entry, value)).await;
        }
        self.noting(self.inner.keyring.set(entry, value).await)
    }

    /// Removes an entry; one that is not there is no error.
    ///
    /// # Errors
    /// As [`Vault::set`].
    pub async fn delete(&self, entry: &str) -> Result<()> {
        let entry = named(entry)?;
        if self.file_state().is_some() {
            return self.in_file(move |file| file.delete(&entry)).await;
        }
        self.noting(self.inner.keyring.delete(entry).await)
    }

    /// Where the secrets are, in words: `GNOME Keyring or another Secret Service`.
    pub fn place(&self) -> String {
        match self.file_state() {
            Some(_) => "a file locked with your passphrase".to_owned(),
            None => system::NAME.to_owned(),
        }
    }

    /// `None` while no passphrase file was chosen.
    fn file_state(&self) -> Option<VaultState> {
        if self.inner.file.is_open() {
            return Some(VaultState::FileOpen);
        }
        self.inner.file.exists().then_some(VaultState::FileLocked)
    }

    async fn in_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PassphraseFile) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let file = self.inner.file.clone();
        // Deriving the key takes a good part of a second, and writing waits for the disk.
        tokio::task::spawn_blocking(move || work(&file)).await.map_err(Error::internal)?
    }

    /// A failure is news about the state.
    fn noting<T>(&self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.forget_state();
        }
        result
    }

    fn forget_state(&self) {
        *hold(&self.inner.seen) = None;
    }
}

/// An empty name would stand for any entry in the macOS keychain.
fn named(entry: &str) -> Result<String> {
    if entry.is_empty() {
        return Err(Error::internal("an entry of the keyring without a name"));
    }
    Ok(entry.to_owned())
}

/// A panic elsewhere leaves these plain values as good as they were.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn locked() -> Error {
    Error::new(
        Code::KeyringLocked,
        format!("Your sign-ins are kept in {}, and it is locked.", system::NAME),
        "Press Unlock in Tieline's window, or run `tieline unlock`, and enter the password you log in to this computer with.",
    )
}

fn absent() -> Error {
    Error::new(
        Code::KeyringAbsent,
        format!("Tieline keeps sign-ins in {}, and there is none in this session.", system::NAME),
        "Start the keyring, or choose a file locked with a passphrase in Settings, Keyring.",
    )
}

fn silent() -> Error {
    Error::new(
        Code::KeyringLocked,
        format!("{} did not answer within five seconds.", system::NAME),
        "Look for a window of the system that asks for a password. If there is none, log out and in again.",
    )
}
