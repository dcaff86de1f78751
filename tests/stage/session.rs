//! A session bus and a keyring of a test's own, which it may lock and kill.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A bus that starts nothing by itself, so that a keyring that was ended stays away.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// What the keyring is locked with.
const PASSWORD: &str = "the password of a login";

pub struct Session {
    folder: TempDir,
    bus: Child,
    address: String,
    keyring: Option<Child>,
}

impl Session {
    /// A bus, and nothing on it.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("bus.conf");
        std::fs::write(&config, BUS).expect("the bus's rules");
        let mut bus = Command::new("dbus-daemon")
            .arg("--config-file")
            .arg(&config)
            .args(["--nofork", "--print-address=1"])
            .envs(folders(&folder))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("its words")).read_line(&mut address).expect("its address");
        Self { folder, bus, address: address.trim().to_owned(), keyring: None }
    }

    /// Starts the keyring, with the password of a login or without.
    pub async fn start_keyring(&mut self, unlocked: bool) {
        let mut command = self.within(Command::new("gnome-keyring-daemon"));
        command.args(["--foreground", "--components=secrets"]);
        if unlocked {
            command.arg("--unlock");
        }
        let mut keyring = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let mut words = keyring.stdin.take().expect("its ear");
        if unlocked {
            words.write_all(PASSWORD.as_bytes()).expect("it listens");
        }
        drop(words);
        self.keyring = Some(keyring);
        super::until("the keyring to answer", || {
            let mut ask = self.within(Command::new("dbus-send"));
            ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]);
            ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]);
            let said = ask.output().expect("dbus-send is installed");
            String::from_utf8_lossy(&said.stdout).contains("true")
        })
        .await;
    }

    /// Ends the keyring without warning.
    pub fn kill_keyring(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            keyring.kill().expect("it can be killed");
            keyring.wait().expect("it ends");
        }
    }

    /// The command, as a program of this session.
    pub fn within(&self, mut command: Command) -> Command {
        command
            .envs(folders(&self.folder))
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env_remove("GNOME_KEYRING_CONTROL");
        command
    }
}

fn folders(folder: &TempDir) -> [(&'static str, std::path::PathBuf); 4] {
    ["XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
        .map(|name| (name, folder.path().to_owned()))
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill_keyring();
        let _ended = self.bus.kill().and_then(|()| self.bus.wait());
    }
}
