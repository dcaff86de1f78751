//! Locks between processes. The system lets go of them when their owner dies, however it dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

/// The right to change one connection's tokens; given back when dropped. Excludes other tasks of this
/// process as well as other processes.
pub struct ConnectionLock {
    _file: File,
}

impl ConnectionLock {
    /// Waits up to `limit` for the lock `<folder>/<connection>.lock`, which holds its owner's process id.
    ///
    /// # Errors
    /// [`Code::Busy`] after the limit, naming the owner; [`Code::Storage`] when the folder cannot be written.
    pub async fn take(folder: &Path, connection: &str, limit: Duration) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if connection.is_empty() || !connection.bytes().all(plain) {
            return Err(Error::internal("a connection's id that is no plain name"));
        }
        let until = Instant::now() + limit;
        let mut pause = Duration::from_millis(2);
        let mut file = open(folder, &format!("{connection}.lock"))?;
        while !try_lock(folder, &mut file)? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(busy(&mut file));
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Ok(Self { _file: file })
    }
}

/// Whether somebody, in this process or another, holds a connection's lock right now.
pub fn is_held(folder: &Path, connection: &str) -> bool {
    let file = OpenOptions::new().read(true).write(true).open(folder.join(format!("{connection}.lock")));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Says that this process works with the data folder; given back when dropped.
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// `None` while another process has it.
    ///
    /// # Errors
    /// [`Code::Storage`] when the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Option<Self>> {
        let mut file = open(folder, "tieline.lock")?;
        Ok(try_lock(folder, &mut file)?.then_some(Self { _file: file }))
    }
}

fn open(folder: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(folder).map_err(|error| storage(folder, &error))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(folder.join(name)).map_err(|error| storage(folder, &error))
}

fn try_lock(folder: &Path, file: &mut File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => {
            // Only for the words of whoever waits; the lock holds without it.
            let noted = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()));
            if let Err(error) = noted {
                tracing::debug!(%error, "the lock's owner is not noted");
            }
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(storage(folder, &error)),
    }
}

fn busy(file: &mut File) -> Error {
    let mut owner = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut owner));
    // Windows lets nobody read a locked file.
    let owner = match (read, owner.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    };
    Error::new(
        Code::Busy,
        format!("Another Tieline{owner} is working with this connection."),
        "Wait a moment and try again. If it stays, quit the other Tieline.",
    )
}

fn storage(folder: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Code::Storage,
        format!("Tieline could not write to {}: {error}.", folder.display()),
        "Check that the disk is not full and that the folder belongs to you.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_then_learns_who_is_first_and_gets_it_after_them() {
        let folder = tempfile::tempdir().unwrap();
        let first = ConnectionLock::take(folder.path(), "c1", Duration::ZERO).await.unwrap();
        let other = ConnectionLock::take(folder.path(), "c2", Duration::ZERO).await;
        assert!(other.is_ok());

        let refused =
            ConnectionLock::take(folder.path(), "c1", Duration::from_millis(30)).await.err().unwrap();
        assert_eq!(refused.code, Code::Busy);
        assert!(refused.message.contains(&std::process::id().to_string()), "{refused}");

        let path = folder.path().to_owned();
        let waiting =
            tokio::spawn(async move { ConnectionLock::take(&path, "c1", Duration::from_secs(5)).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn an_id_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for id in ["", "../x", "a/b", "a.b"] {
            assert!(ConnectionLock::take(folder.path(), id, Duration::ZERO).await.is_err(), "{id}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_is_said_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = ConnectionLock::take(file.path(), "c1", Duration::ZERO).await.err().unwrap();
        assert_eq!(error.code, Code::Storage);
        assert!(error.message.contains(&file.path().display().to_string()));
    }

    #[test]
    fn one_process_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(FolderLock::take(folder.path()).unwrap().is_none());
        drop(first);
        assert!(FolderLock::take(folder.path()).unwrap().is_some());
    }

    /// Runs itself as the owner that is killed.
    #[cfg(unix)]
    #[test]
    fn a_killed_owner_lets_go() {
        use std::process::{Command, Stdio};
        const FOLDER: &str = "TIELINE_LOCK_OWNER";

        if let Ok(folder) = std::env::var(FOLDER) {
            let _lock = FolderLock::take(Path::new(&folder)).unwrap().unwrap();
            fs::write(Path::new(&folder).join("taken"), "").unwrap();
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                &format!("{}::a_killed_owner_lets_go", module_path!().split_once("::").unwrap().1),
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while !folder.path().join("taken").exists() {
            assert!(Instant::now() < until, "the owner never took it");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(FolderLock::take(folder.path()).unwrap().is_none());
        owner.kill().unwrap();
        owner.wait().unwrap();
        assert!(FolderLock::take(folder.path()).unwrap().is_some());
    }
}
