//! A private desktop session: its own bus, its own folders, its own unlocked keyring.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::Done;
use crate::shell::program;

/// Starts the bus without its own talk and that of the services it starts, which is about what a bare machine lacks.
const BUS: &str = r#"exec 3>&2; exec dbus-run-session -- sh -c "$UNLOCK" session "$@" 2>/dev/null"#;

/// Unlocks the keyring, and waits until it has its name, before anything else touches the bus: a client that asks first
/// makes D-Bus start a locked daemon without a collection. That is also what a client meets after the daemon has
/// crashed, so a line that failed in a session whose keyring is not the first one any more says so by its code.
const UNLOCK: &str = r#"
keyring() {
    dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner \
        string:org.freedesktop.secrets
}
printf '%s' "$TIELINE_SESSION_KEY" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 3>&-
unset TIELINE_SESSION_KEY UNLOCK
tries=0
until first=$(keyring) || [ $((tries += 1)) -gt 1000 ]; do sleep 0.005; done
("$@") 2>&3 3>&-
code=$?
[ $code = 0 ] || [ "$first" = "$(keyring)" ] || exit 75
exit $code"#;

/// What a line ends with that failed in a session whose keyring daemon crashed meanwhile: `EX_TEMPFAIL` of sysexits(3).
pub const KEYRING_CRASHED: i32 = 75;

/// The person's session has a bus, and so has, or can start, a keyring.
pub fn there_is_one() -> bool {
    let of_systemd = std::env::var_os("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("bus"));
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || of_systemd.is_some_and(|bus| bus.exists())
}

/// `xtask session LINE…`: the line in a session of its own, with the line's code. Where the session's keyring daemon
/// crashed, as gnome-keyring 42.1 was seen to do (a fatal error inside GLib), the line is run once more in another.
pub fn session(line: &[String]) -> Done<ExitCode> {
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let here = std::env::current_dir().map_err(|why| why.to_string())?;
    let run = || -> Done<i32> {
        let status = Session::passing()?.command("", &line).current_dir(&here).status();
        Ok(status.map_err(|why| format!("The session could not be started: {why}"))?.code().unwrap_or(1))
    };
    let mut code = run()?;
    if code == KEYRING_CRASHED {
        eprintln!("{CRASHED}");
        code = run()?;
    }
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

pub const CRASHED: &str =
    "The session's keyring daemon crashed, so what failed proves nothing. Once more, in a new session:";

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
