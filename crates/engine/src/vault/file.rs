//! The passphrase file, for computers without a keyring.
//!
//! `TIELINE` and the format's version; Argon2id's memory in KiB, passes and lanes (32 bits each, little
//! endian) and 16 bytes of salt; 24 bytes of nonce; then a JSON object of entries under XChaCha20-Poly1305,
//! which authenticates all that stands before it. Each change writes the whole file anew.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::hold;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;

const MAGIC: &[u8; 8] = b"TIELINE\x01";
const SALT: usize = 16;
const NONCE: usize = 24;
const HEADER: usize = MAGIC.len() + 12 + SALT;
/// The shortest passphrase to lock a file with, in characters.
const SHORTEST: usize = 8;

/// What deriving the key costs.
#[derive(Clone, Copy)]
struct Cost {
    kib: u32,
    passes: u32,
    lanes: u32,
}

/// RFC 9106 §4, the second recommended option: 64 MiB, three passes, four lanes.
const COST: Cost = Cost { kib: 64 * 1024, passes: 3, lanes: 4 };

pub(super) struct PassphraseFile {
    path: PathBuf,
    cost: Cost,
    open: Mutex<Option<Open>>,
}

struct Open {
    header: [u8; HEADER],
    key: Zeroizing<[u8; 32]>,
    /// Of the contents below; another process's change has another.
    nonce: [u8; NONCE],
    entries: BTreeMap<String, Secret>,
}

impl PassphraseFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, cost: COST, open: Mutex::default() }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    pub(super) fn is_open(&self) -> bool {
        hold(&self.open).is_some()
    }

    pub(super) fn create(&self, passphrase: &Secret) -> Result<()> {
        if passphrase.expose().chars().count() < SHORTEST {
            return Err(Error::field(
                "passphrase",
                format!("A passphrase needs at least {SHORTEST} characters."),
            ));
        }
        let _turn = self.turn()?;
        if self.exists() {
            return Err(Error::new(
                Code::Conflict,
                "There is a passphrase file on this computer already.",
                "Enter its passphrase to open it.",
            ));
        }
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        for (at, number) in [(8, self.cost.kib), (12, self.cost.passes), (16, self.cost.lanes)] {
            header[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        getrandom::fill(&mut header[20..]).map_err(Error::internal)?;
        let key =
            derive(&header, passphrase).ok_or_else(|| Error::internal("no key came of the passphrase"))?;
        let mut open = Open { header, key, nonce: [0; NONCE], entries: BTreeMap::new() };
        self.write(&mut open)?;
        *hold(&self.open) = Some(open);
        Ok(())
    }

    pub(super) fn open(&self, passphrase: &Secret) -> Result<()> {
        if !self.exists() {
            return Err(Error::new(
                Code::NotSetUp,
                "There is no passphrase file on this computer yet.",
                "Choose a passphrase to make one.",
            ));
        }
        let bytes = self.read()?;
        let open = header_of(&bytes)
            .and_then(|header| Some((header, derive(&header, passphrase)?)))
            .and_then(|(header, key)| Open::unseal(&bytes, header, key))
            .ok_or_else(|| {
                Error::field("passphrase", "This passphrase does not open the file, or the file is damaged.")
            })?;
        *hold(&self.open) = Some(open);
        Ok(())
    }

    pub(super) fn get(&self, entry: &str) -> Result<Option<Secret>> {
        self.with(|open| Ok(open.entries.get(entry).cloned()))
    }

    pub(super) fn set(&self, entry: &str, value: Secret) -> Result<()> {
        let _turn = self.turn()?;
        self.with(|open| {
            let before = open.entries.insert(entry.to_owned(), value);
            self.write(open).inspect_err(|_| open.put_back(entry, before))
        })
    }

    pub(super) fn delete(&self, entry: &str) -> Result<()> {
        let _turn = self.turn()?;
        self.with(|open| {
            let Some(before) = open.entries.remove(entry) else { return Ok(()) };
            self.write(open).inspect_err(|_| open.put_back(entry, Some(before)))
        })
    }

    /// With the contents as they are on disk now.
    fn with<T>(&self, work: impl FnOnce(&mut Open) -> Result<T>) -> Result<T> {
        let mut held = hold(&self.open);
        let open = held.as_mut().ok_or_else(locked)?;
        let bytes = self.read()?;
        if bytes.get(HEADER..HEADER + NONCE) != Some(&open.nonce) {
            let fresh = header_of(&bytes)
                .filter(|header| *header == open.header)
                .and_then(|header| Open::unseal(&bytes, header, open.key.clone()));
            match fresh {
                Some(fresh) => *open = fresh,
                None => {
                    *held = None;
                    return Err(locked());
                }
            }
        }
        work(open)
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(&self.path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| self.storage(&error))?;
        Ok(bytes)
    }

    /// Replaces the file in one step, and only once the new one is on the disk.
    fn write(&self, open: &mut Open) -> Result<()> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(Error::internal)?;
        let bytes = open.seal(&nonce)?;
        let fresh = self.beside("new");
        let written = (|| {
            let mut file = private(&fresh)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)?;
            #[cfg(unix)]
            File::open(self.folder())?.sync_all()?;
            io::Result::Ok(())
        })();
        written.map_err(|error| self.storage(&error))?;
        open.nonce = nonce;
        Ok(())
    }

    /// One process at a time between reading and writing.
    fn turn(&self) -> Result<File> {
        let taken = (|| {
            fs::create_dir_all(self.folder())?;
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false);
            let file = owned(&mut options).open(self.beside("lock"))?;
            file.lock()?;
            io::Result::Ok(file)
        })();
        taken.map_err(|error| self.storage(&error))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(ending);
        name.into()
    }

    fn storage(&self, error: &io::Error) -> Error {
        Error::new(
            Code::Storage,
            format!("The passphrase file {} could not be used: {error}.", self.path.display()),
            "Check that the disk is not full and that the file and its folder belong to you.",
        )
    }
}

impl Open {
    fn seal(&self, nonce: &[u8; NONCE]) -> Result<Vec<u8>> {
        let entries: BTreeMap<&str, &str> =
            self.entries.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let text = Zeroizing::new(
            serde_json::to_vec(&entries).map_err(|_| Error::internal("entries without a text"))?,
        );
        let sealed = XChaCha20Poly1305::new((&*self.key).into())
            .encrypt(XNonce::from_slice(nonce), Payload { msg: &text, aad: &self.header })
            .map_err(|_| Error::internal("more entries than can be locked away"))?;
        Ok([&self.header[..], nonce, &sealed].concat())
    }

    fn unseal(bytes: &[u8], header: [u8; HEADER], key: Zeroizing<[u8; 32]>) -> Option<Self> {
        let nonce: [u8; NONCE] = bytes.get(HEADER..HEADER + NONCE)?.try_into().ok()?;
        let text = XChaCha20Poly1305::new((&*key).into())
            .decrypt(XNonce::from_slice(&nonce), Payload { msg: &bytes[HEADER + NONCE..], aad: &header })
            .map(Zeroizing::new)
            .ok()?;
        let entries: BTreeMap<String, String> = serde_json::from_slice(&text).ok()?;
        let entries = entries.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        Some(Self { header, key, nonce, entries })
    }

    fn put_back(&mut self, entry: &str, before: Option<Secret>) {
        match before {
            Some(value) => self.entries.insert(entry.to_owned(), value),
            None => self.entries.remove(entry),
        };
    }
}

fn header_of(bytes: &[u8]) -> Option<[u8; HEADER]> {
    let header: [u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
    header.starts_with(MAGIC).then_some(header)
}

/// `None` for costs that no file of ours has: a damaged header must not take all memory.
fn derive(header: &[u8; HEADER], passphrase: &Secret) -> Option<Zeroizing<[u8; 32]>> {
    let number = |at: usize| Some(u32::from_le_bytes(header[at..at + 4].try_into().ok()?));
    let (kib, passes, lanes) = (number(8)?, number(12)?, number(16)?);
    if kib > 1024 * 1024 || passes > 16 || lanes > 16 {
        return None;
    }
    let params = Params::new(kib, passes, lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), &header[20..], &mut *key)
        .ok()?;
    Some(key)
}

fn private(path: &Path) -> io::Result<File> {
    // What an interrupted write left could have another's permissions.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    owned(OpenOptions::new().write(true).create_new(true)).open(path)
}

fn owned(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

pub(super) fn locked() -> Error {
    Error::new(
        Code::KeyringLocked,
        "Your sign-ins are in a file locked with your passphrase, and it is not open.",
        "Enter the passphrase in Settings, Keyring.",
    )
}
