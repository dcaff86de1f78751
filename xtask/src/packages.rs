//! The Debian and Ubuntu packages that building, testing and bundling need.

use crate::Done;
use crate::shell::{answers, must, program};

/// To build the window: WebKit and its tools; cmake and clang for the TLS library.
pub const BUILD: &[&str] = &[
    "build-essential",
    "clang",
    "cmake",
    "file",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libssl-dev",
    "libwebkit2gtk-4.1-dev",
    "libxdo-dev",
    "pkg-config",
];

/// A session of one's own with a keyring, for machines that have none running.
pub const SESSION: &[&str] = &["dbus", "gnome-keyring"];

/// To drive the real window: a display, a window manager, a browser, the desktop's way of opening addresses.
pub const WINDOW: &[&str] = &[
    "chromium",
    "dbus-x11",
    "desktop-file-utils",
    "fonts-dejavu-core",
    "imagemagick",
    "libglib2.0-bin",
    "libsecret-tools",
    "openbox",
    "openssl",
    "python3",
    "webkit2gtk-driver",
    "x11-utils",
    "xauth",
    "xdg-utils",
    "xdotool",
    "xvfb",
];

/// To run the published clients of Python, in an environment of their own.
pub const PYTHON: &[&str] = &["python3", "python3-venv"];

pub const BUNDLE: &[&str] = &["rpm"];

/// Installs what is missing. Where that cannot be done, the error holds the one line to run.
pub fn install(lists: &[&[&str]]) -> Done {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let wanted: Vec<&str> = lists.iter().flat_map(|list| list.iter().copied()).collect();
    if !answers(&["dpkg-query", "--version"]) {
        eprintln!(
            "This system has no Debian packages; the build needs what these hold: {}",
            wanted.join(" ")
        );
        return Ok(());
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    let root = answers(&["sh", "-c", "test \"$(id -u)\" = 0"]);
    let prefix: &[&str] = match (root, answers(&["sudo", "-n", "true"])) {
        (true, _) => &[],
        (false, true) => &["sudo", "-n"],
        (false, false) => {
            return Err(format!(
                "These packages are missing. Run this line, then try again:\n  sudo sh -c '{line}'"
            ));
        }
    };
    let words = [prefix, &["sh", "-c", &line]].concat();
    must(program("", &words).env("DEBIAN_FRONTEND", "noninteractive"))
        .map_err(|why| format!("{why}\nRun this line, then try again:\n  sudo sh -c '{line}'"))
}

fn installed(name: &str) -> bool {
    let said = program("", &["dpkg-query", "-W", "-f", "${db:Status-Status}", name]).output();
    said.is_ok_and(|said| said.stdout == b"installed")
}
