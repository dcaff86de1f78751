//! The vault against a real gnome-keyring-daemon, each test on a session bus and a home folder of its own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helping functions too")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tieline_engine::error::{Code, Error};
use tieline_engine::secret::Secret;
use tieline_engine::vault::{Vault, VaultState};

const SERVICE: &str = "app.tieline.desktop.practice";
const INSIDE: &str = "TIELINE_INSIDE_SESSION";

/// Runs `body` in a session of its own, by running this very test again under `dbus-run-session`.
fn in_session(test: &str, body: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(body);
        runtime.shutdown_timeout(Duration::from_secs(1));
    } else {
        again(test, &["dbus-run-session", "--"], "");
    }
}

/// Runs `test` again, with a home folder of its own.
fn again(test: &str, before: &[&str], bus: &str) {
    let home = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut words: Vec<&std::ffi::OsStr> = before.iter().map(|word| word.as_ref()).collect();
    words.extend([program.as_os_str(), "--exact".as_ref(), test.as_ref(), "--nocapture".as_ref()]);
    // Into files: a daemon that the bus started outlives it for a moment, and would hold pipes open.
    let said = home.path().join("said");
    let said_to = std::fs::File::create(&said).unwrap();
    let status = Command::new(words[0])
        .args(&words[1..])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stdout(said_to.try_clone().unwrap())
        .stderr(said_to)
        .status()
        .expect("dbus-run-session is needed for this test");
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(status.success() && said.contains("1 passed"), "{said}");
}

/// A keyring daemon that was logged in to, ended with its test.
struct Daemon(Child);

impl Daemon {
    fn logged_in() -> Self {
        let mut daemon = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon is needed for this test");
        daemon.stdin.take().unwrap().write_all(b"password").unwrap();
        let daemon = Self(daemon);
        let until = Instant::now() + Duration::from_secs(15);
        // Asking for the service itself would start another daemon, which nobody logged in to.
        while !call(
            "org.freedesktop.DBus.NameHasOwner",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            &["org.freedesktop.secrets"],
        )
        .contains("true")
        {
            assert!(Instant::now() < until, "the keyring daemon never came up");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn call(method: &str, object: &str, name: &str, arguments: &[&str]) -> String {
    let output = Command::new("gdbus")
        .args(["call", "--session", "--dest", name, "--object-path", object, "--method", method])
        .args(arguments)
        .output()
        .expect("gdbus is needed for this test");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lock_the_keyring() {
    let answer = call(
        "org.freedesktop.Secret.Service.Lock",
        "/org/freedesktop/secrets",
        "org.freedesktop.secrets",
        &["['/org/freedesktop/secrets/aliases/default']"],
    );
    assert!(answer.contains("default") || answer.contains("collection"), "{answer}");
}

fn home() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").unwrap())
}

fn vault() -> Vault {
    Vault::open(SERVICE, home().join("vault"))
}

async fn text(vault: &Vault, entry: &str) -> Option<String> {
    vault.get(entry).await.unwrap().map(|value| value.expose().to_owned())
}

/// What every failure has to be: of its kind, in three parts, and silent about the value.
fn worded(error: &Error, code: Code) {
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.ends_with('.') && error.hint.ends_with('.'), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[test]
fn entries_of_64_kb_come_back_and_go() {
    in_session("entries_of_64_kb_come_back_and_go", async {
        let _daemon = Daemon::logged_in();
        let vault = vault();
        assert_eq!(vault.state().await, VaultState::Unlocked);
        vault.unlock().await.unwrap();
        assert_eq!(vault.place(), "your system’s keyring");
        assert_eq!(text(&vault, "c1").await, None);
        vault.delete("c1").await.unwrap();

        let large = "k".repeat(64 * 1024);
        vault.set("c1", &Secret::new(&*large)).await.unwrap();
        vault.set("c2", &Secret::new("ä")).await.unwrap();
        let other = self::vault();
        assert_eq!(text(&other, "c1").await, Some(large));
        other.set("c1", &Secret::new("short")).await.unwrap();
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("short"));
        assert_eq!(text(&vault, "c2").await.as_deref(), Some("ä"));

        let real = Vault::open("app.tieline.desktop", home().join("vault"));
        assert_eq!(text(&real, "c1").await, None);

        vault.delete("c1").await.unwrap();
        assert_eq!(text(&other, "c1").await, None);
        assert!(vault.get("").await.is_err());
    });
}

#[test]
fn fifty_at_once_get_their_own() {
    in_session("fifty_at_once_get_their_own", async {
        let _daemon = Daemon::logged_in();
        let vault = vault();
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let vault = vault.clone();
                tokio::spawn(async move {
                    let (entry, value) = (format!("c{number}"), format!("value {number}"));
                    vault.set(&entry, &Secret::new(&*value)).await.unwrap();
                    assert_eq!(text(&vault, &entry).await, Some(value));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_keyring_nobody_logged_in_to_is_locked_and_not_empty() {
    in_session("a_keyring_nobody_logged_in_to_is_locked_and_not_empty", async {
        // The bus starts the daemon as soon as it is asked; it has no collection then.
        let vault = vault();
        assert_eq!(vault.state().await, VaultState::Locked);
        worded(&vault.get("c1").await.unwrap_err(), Code::KeyringLocked);
        worded(&vault.set("c1", &Secret::new("canary")).await.unwrap_err(), Code::KeyringLocked);
        worded(&vault.delete("c1").await.unwrap_err(), Code::KeyringLocked);
        // Without a display nobody can be asked.
        worded(&vault.unlock().await.unwrap_err(), Code::KeyringLocked);

        vault.use_file(Secret::new("correct horse"), true).await.unwrap();
        assert_eq!(vault.state().await, VaultState::FileOpen);
        vault.set("c1", &Secret::new("canary")).await.unwrap();
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("canary"));
    });
}

#[test]
fn a_locked_keyring_says_so_without_asking_anybody() {
    in_session("a_locked_keyring_says_so_without_asking_anybody", async {
        let _daemon = Daemon::logged_in();
        let vault = vault();
        vault.set("c1", &Secret::new("canary")).await.unwrap();
        lock_the_keyring();
        let started = Instant::now();
        worded(&vault.get("c1").await.unwrap_err(), Code::KeyringLocked);
        worded(&vault.get("never there").await.unwrap_err(), Code::KeyringLocked);
        worded(&vault.set("c1", &Secret::new("canary")).await.unwrap_err(), Code::KeyringLocked);
        assert_eq!(vault.state().await, VaultState::Locked);
        assert!(started.elapsed() < Duration::from_secs(2), "it asked: {:?}", started.elapsed());
        // Without a display the system cannot ask, and says so.
        worded(&vault.unlock().await.unwrap_err(), Code::KeyringLocked);
    });
}

#[test]
fn a_daemon_killed_and_back_again_loses_nothing() {
    in_session("a_daemon_killed_and_back_again_loses_nothing", async {
        let mut daemon = Daemon::logged_in();
        let vault = vault();
        vault.set("c1", &Secret::new("canary")).await.unwrap();
        daemon.end();
        // The bus starts one that nobody logged in to: its collection is there, and locked.
        worded(&vault.get("c1").await.unwrap_err(), Code::KeyringLocked);
        worded(&vault.set("c1", &Secret::new("canary2")).await.unwrap_err(), Code::KeyringLocked);
        let pid = call(
            "org.freedesktop.DBus.GetConnectionUnixProcessID",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            &["org.freedesktop.secrets"],
        );
        let pid: String = pid.rsplit(' ').next().unwrap().chars().filter(char::is_ascii_digit).collect();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());

        let _daemon = Daemon::logged_in();
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("canary"));
        vault.set("c1", &Secret::new("canary3")).await.unwrap();
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("canary3"));
    });
}

#[test]
fn a_daemon_that_hangs_is_given_up_and_taken_up_again() {
    in_session("a_daemon_that_hangs_is_given_up_and_taken_up_again", async {
        let daemon = Daemon::logged_in();
        let vault = vault();
        vault.set("c1", &Secret::new("canary")).await.unwrap();
        daemon.signal("STOP");
        let started = Instant::now();
        let (one, two, three) = tokio::join!(vault.get("c1"), vault.get("c2"), vault.state());
        worded(&one.unwrap_err(), Code::KeyringLocked);
        worded(&two.unwrap_err(), Code::KeyringLocked);
        assert_eq!(three, VaultState::Locked);
        let took = started.elapsed();
        assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");

        daemon.signal("CONT");
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("canary"));
        // Writing waits until what hung can no longer come after it.
        vault.set("c1", &Secret::new("canary2")).await.unwrap();
        assert!(started.elapsed() > took + Duration::from_secs(4), "{:?}", started.elapsed());
        assert_eq!(text(&vault, "c1").await.as_deref(), Some("canary2"));
    });
}

#[test]
fn a_daemon_that_hangs_does_not_keep_the_program_from_ending() {
    let started = Instant::now();
    in_session("a_daemon_that_hangs_does_not_keep_the_program_from_ending", async {
        let daemon = Daemon::logged_in();
        daemon.signal("STOP");
        // It hangs for longer than this process lives, and ends without it.
        let end = format!("sleep 30; kill -KILL {}", daemon.0.id());
        let ender = Command::new("sh").args(["-c", &end]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        std::mem::forget((daemon, ender.unwrap()));
        let waiting = tokio::spawn(async { vault().get("c1").await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
    });
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn without_a_bus_there_is_no_keyring_and_the_file_takes_over() {
    const TEST: &str = "without_a_bus_there_is_no_keyring_and_the_file_takes_over";
    if std::env::var_os(INSIDE).is_none() {
        return again(TEST, &[], "unix:path=/nonexistent/bus");
    }
    in_session(TEST, async {
        let vault = vault();
        assert_eq!(vault.state().await, VaultState::Absent);
        worded(&vault.get("c1").await.unwrap_err(), Code::KeyringAbsent);
        worded(&vault.set("c1", &Secret::new("canary")).await.unwrap_err(), Code::KeyringAbsent);
        worded(&vault.unlock().await.unwrap_err(), Code::KeyringAbsent);
        worded(&vault.use_file(Secret::new("correct horse"), false).await.unwrap_err(), Code::NotSetUp);
        assert_eq!(
            vault.use_file(Secret::new("short"), true).await.unwrap_err().field.as_deref(),
            Some("passphrase")
        );

        vault.use_file(Secret::new("correct horse"), true).await.unwrap();
        assert_eq!(vault.place(), "a file locked with your passphrase");
        vault.set("c1", &Secret::new("canary")).await.unwrap();

        let later = self::vault();
        assert_eq!(later.state().await, VaultState::FileLocked);
        worded(&later.get("c1").await.unwrap_err(), Code::KeyringLocked);
        worded(&later.unlock().await.unwrap_err(), Code::KeyringLocked);
        let wrong = later.use_file(Secret::new("wrong horse"), false).await.unwrap_err();
        assert_eq!(wrong.field.as_deref(), Some("passphrase"));
        later.use_file(Secret::new("correct horse"), false).await.unwrap();
        assert_eq!(later.state().await, VaultState::FileOpen);
        assert_eq!(text(&later, "c1").await.as_deref(), Some("canary"));
        later.delete("c1").await.unwrap();
        assert_eq!(text(&vault, "c1").await, None);
        assert!(!holds(&home().join("vault"), b"canary"));
    });
}

fn holds(file: &Path, text: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(text.len()).any(|piece| piece == text)
}
