//! A private desktop session: its own bus, its own folders, its own unlocked keyring.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;
use crate::shell::program;

/// Starts the bus without its own talk and that of the services it starts, which is about what a bare machine lacks.
const BUS: &str = r#"exec 3>&2; exec dbus-run-session -- sh -c "$UNLOCK" session "$@" 2>/dev/null"#;

/// Unlocks the keyring before anything else touches the bus: a client that asks first makes D-Bus start a locked
/// daemon without a collection.
const UNLOCK: &str = r#"
printf '%s' "$TIELINE_SESSION_KEY" | gnome-keyring-daemon --unlock --components=secrets >/dev/null
unset TIELINE_SESSION_KEY UNLOCK
exec 2>&3 3>&-
"$@""#;

/// The person's session has a bus, and so has, or can start, a keyring.
pub fn there_is_one() -> bool {
    let of_systemd = std::env::var_os("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("bus"));
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || of_systemd.is_some_and(|bus| bus.exists())
}

/// Folders of a session in place of the person's own.
pub struct Session {
    home: PathBuf,
    runtime: PathBuf,
    keep: bool,
}

impl Session {
    /// Gone when dropped.
    pub fn passing() -> Done<Self> {
        Self::at(std::env::temp_dir().join(format!("tieline-session-{}", std::process::id())), false)
    }

    /// Stays in `home`, so that the next run finds its keyring again.
    pub fn kept(home: PathBuf) -> Done<Self> {
        Self::at(home, true)
    }

    fn at(home: PathBuf, keep: bool) -> Done<Self> {
        // A socket's path has a limit of 108 bytes, which a deep checkout would exceed.
        let runtime = std::env::temp_dir().join(format!("tieline-run-{}", std::process::id()));
        for folder in
            [&home.join("data"), &home.join("config"), &home.join("cache"), &home.join("state"), &runtime]
        {
            std::fs::create_dir_all(folder)
                .map_err(|why| format!("{} could not be made: {why}", folder.display()))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let private = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(&runtime, private)
                .map_err(|why| format!("{}: {why}", runtime.display()))?;
        }
        Ok(Self { home, runtime, keep })
    }

    /// The line to be run inside the session.
    pub fn command(&self, folder: &str, line: &[&str]) -> Command {
        let words = [&["sh", "-c", BUS, "session"], line].concat();
        let mut command = program(folder, &words);
        command
            .env("UNLOCK", UNLOCK)
            .env("TIELINE_SESSION_KEY", "a session for tests")
            .env("XDG_DATA_HOME", self.home.join("data"))
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("XDG_STATE_HOME", self.home.join("state"))
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("GNOME_KEYRING_CONTROL");
        command
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Leftovers of a session that has ended hurt nobody.
        let _ = std::fs::remove_dir_all(&self.runtime);
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }
}
