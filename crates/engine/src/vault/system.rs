//! What differs between systems: which keyring there is, whether it is open, how its person is asked.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::CredentialStore;

/// Whether the keyring can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Unlocked,
    Locked,
    Absent,
}

#[cfg(target_os = "linux")]
pub(super) use linux::{Door, NAME, modifiers, store};
#[cfg(target_os = "macos")]
pub(super) use macos::{NAME, modifiers, store};
#[cfg(target_os = "windows")]
pub(super) use windows::{NAME, modifiers, store};

/// The longest value of one entry, in bytes; `None` where it does not matter. Windows takes 2560
/// (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
pub(super) const LONGEST: Option<usize> = if cfg!(target_os = "windows") { Some(2400) } else { None };

#[cfg(target_os = "linux")]
mod linux {
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;

    use super::{Arc, CredentialStore, HashMap, Standing};

    pub const NAME: &str = "your system’s keyring";

    pub fn store() -> keyring_core::Result<Arc<CredentialStore>> {
        Ok(zbus_secret_service_keyring_store::Store::new()?)
    }

    /// What people read in their keyring's own window.
    pub fn modifiers(label: &str) -> HashMap<&str, &str> {
        HashMap::from([("label", label)])
    }

    /// Looks at the Secret Service without making it ask. The store's own search asks as soon as it meets a
    /// locked entry, and finds nothing where there is no collection at all.
    #[derive(Default)]
    pub struct Door {
        service: Option<SecretService<'static>>,
    }

    impl Door {
        pub fn standing(&mut self) -> Standing {
            // A connection from before the service was restarted fails once.
            self.look().or_else(|_| self.look()).unwrap_or(Standing::Absent)
        }

        fn look(&mut self) -> Result<Standing, secret_service::Error> {
            let service = match self.service.take() {
                Some(service) => service,
                None => SecretService::connect(EncryptionType::Plain)?,
            };
            let standing = match service.get_default_collection() {
                Ok(collection) if collection.is_locked()? => Standing::Locked,
                Ok(_) => Standing::Unlocked,
                // The service runs, but nobody has logged in to it: unlocking sets a collection up.
                Err(secret_service::Error::NoResult) => Standing::Locked,
                Err(error) => return Err(error),
            };
            self.service = Some(service);
            Ok(standing)
        }

        /// Blocks until the person has answered.
        pub fn unlock(&mut self) -> Standing {
            let asked = SecretService::connect(EncryptionType::Plain).and_then(|service| {
                match service.get_default_collection() {
                    Ok(collection) => collection.unlock(),
                    Err(secret_service::Error::NoResult) => {
                        service.create_collection("Login", "default").map(drop)
                    }
                    Err(error) => Err(error),
                }
            });
            if let Err(error) = asked {
                tracing::debug!(%error, "the keyring was not unlocked");
            }
            self.standing()
        }
    }
}

/// The systems that unlock by themselves when an entry is read.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
pub(super) struct Door;

#[cfg(not(target_os = "linux"))]
impl Door {
    pub fn standing(&mut self) -> Standing {
        use keyring_core::Error::{NoEntry, NoStorageAccess};

        let read = store().and_then(|store| store.build("app.tieline.desktop", "look", None)?.get_secret());
        match read {
            Ok(_) | Err(NoEntry) => Standing::Unlocked,
            Err(NoStorageAccess(_)) => Standing::Locked,
            Err(_) => Standing::Absent,
        }
    }

    pub fn unlock(&mut self) -> Standing {
        self.standing()
    }
}

#[cfg(target_os = "macos")]
mod macos {
    use super::{Arc, CredentialStore, HashMap};

    pub const NAME: &str = "macOS Keychain";

    pub fn store() -> keyring_core::Result<Arc<CredentialStore>> {
        Ok(apple_native_keyring_store::keychain::Store::new()?)
    }

    pub fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }
}

#[cfg(target_os = "windows")]
mod windows {
    use super::{Arc, CredentialStore, HashMap};

    pub const NAME: &str = "Windows Credential Manager";

    pub fn store() -> keyring_core::Result<Arc<CredentialStore>> {
        Ok(windows_native_keyring_store::Store::new()?)
    }

    /// The default would roam with the profile to other computers, and two must not refresh one grant.
    pub fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::from([("persistence", "Local")])
    }
}
